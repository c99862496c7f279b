"""Results from arrays that users have: ``to_inference_data`` and ``predictions_to_inference_data``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symjax.pmc_bridge._arviz import extend, to_datatree
from symjax.pmc_bridge._model import modelcontext


def to_inference_data(
    trace: Any = None,
    *,
    prior: Mapping[str, Any] | None = None,
    posterior_predictive: Mapping[str, Any] | None = None,
    log_likelihood: Any = False,
    log_prior: Any = False,
    coords: Mapping[str, Any] | None = None,
    dims: Mapping[str, Any] | None = None,
    sample_dims: Any = None,
    model: Any = None,
    save_warmup: bool | None = None,
    include_transformed: bool = False,
) -> Any:
    """A DataTree of draws, with the dims, coordinates and data of a model.

    Parameters
    ----------
    trace : DataTree or mapping of str to array, optional
        Posterior draws, of shape ``(chain, draw, *shape)``.
    prior, posterior_predictive : mapping of str to array, optional
        Draws of these groups, of shape ``(draw, *shape)`` or ``(chain, draw, *shape)`` as `sample_dims` says. Those of observed
        variables in the prior are its ``prior_predictive``.
    log_likelihood, log_prior : bool or sequence of str
        Whether to add the pointwise log densities of observed, and of free, variables; or of which ones.
    coords, dims : mapping, optional
        Coordinates and dims, beside those of the model.
    sample_dims : sequence of str
        ``("chain", "draw")``, the default, or ``("draw",)`` for arrays without chains.
    model : Model, optional
        The model in context by default.
    save_warmup, include_transformed : bool
        Accepted for compatibility: what is in the draws is kept.

    Returns
    -------
    xarray.DataTree
        Groups of draws, and of the model's data.

    Raises
    ------
    ValueError
        If log densities are asked for without posterior draws.

    Examples
    --------
    >>> import numpy as np, symjax.pmc_bridge as pm
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     tree = pm.to_inference_data({"x": np.zeros((2, 100))})
    >>> dict(tree.posterior.sizes)
    {'chain': 2, 'draw': 100}
    """
    from symjax.pmc_bridge._predictive import compute_log_likelihood, compute_log_prior

    model = modelcontext(model)
    groups: dict[str, dict[str, np.ndarray]] = {}
    is_tree = trace is not None and hasattr(trace, "children")
    if trace is not None and not is_tree:
        groups["posterior"] = _arrays(trace, sample_dims)
    if prior is not None:
        observed = {rv.name for rv in model.observed_RVs}
        drawn = _arrays(prior, sample_dims)
        groups["prior"] = {k: v for k, v in drawn.items() if k not in observed}
        groups["prior_predictive"] = {k: v for k, v in drawn.items() if k in observed}
    if posterior_predictive is not None:
        groups["posterior_predictive"] = _arrays(posterior_predictive, sample_dims)
    tree = _with(to_datatree(model, groups), coords, dims)
    if is_tree:
        extend(tree, trace)
    for wanted, compute in ((log_likelihood, compute_log_likelihood), (log_prior, compute_log_prior)):
        if wanted is False:
            continue
        if "posterior" not in tree.children:
            raise ValueError("to_inference_data: log densities need posterior draws: give 'trace'.")
        compute(tree, var_names=None if wanted is True else list(wanted), model=model, extend_inferencedata=True, progressbar=False)
    return tree


def predictions_to_inference_data(
    predictions: Mapping[str, Any],
    posterior_trace: Any = None,
    model: Any = None,
    coords: Mapping[str, Any] | None = None,
    dims: Mapping[str, Any] | None = None,
    sample_dims: Any = None,
    idata_orig: Any = None,
    inplace: bool = False,
) -> Any:
    """A DataTree of predictions for other data than the model was fitted to.

    Parameters
    ----------
    predictions : mapping of str to array
        Draws, of shape ``(chain, draw, *shape)``.
    posterior_trace : DataTree, optional
        Accepted for compatibility.
    model : Model, optional
        The model, with the data that the predictions are for; that in context by default.
    coords, dims : mapping, optional
        Coordinates and dims, beside those of the model.
    sample_dims : sequence of str
        ``("chain", "draw")``, the default, or ``("draw",)`` for arrays without chains.
    idata_orig : DataTree, optional
        What to add the predictions to.
    inplace : bool
        Whether to change `idata_orig` itself.

    Returns
    -------
    xarray.DataTree
        Groups ``predictions`` and ``predictions_constant_data``, and those of `idata_orig`.

    Raises
    ------
    ValueError
        If `inplace` is asked for without `idata_orig`.
    """
    if inplace and idata_orig is None:
        raise ValueError("predictions_to_inference_data: inplace=True changes 'idata_orig', which is not given.")
    model = modelcontext(model)
    found = _with(to_datatree(model, {"predictions": _arrays(predictions, sample_dims)}), coords, dims)
    tree = found.filter(lambda node: node.name == "predictions")
    if "constant_data" in found.children:
        tree["predictions_constant_data"] = found["constant_data"]
    if idata_orig is None:
        return tree
    whole = idata_orig if inplace else idata_orig.copy()
    extend(whole, tree)
    return whole


def _arrays(draws: Mapping[str, Any], sample_dims: Any) -> dict[str, np.ndarray]:
    """Draws by name with an axis of chains."""
    alone = sample_dims is not None and list(sample_dims) == ["draw"]
    return {name: np.asarray(v)[None] if alone else np.asarray(v) for name, v in draws.items()}


def _with(tree: Any, coords: Mapping[str, Any] | None, dims: Mapping[str, Any] | None) -> Any:
    """A tree with dims of variables renamed, and coordinates set, as the user says."""
    for group in tree.children.values():
        data = group.to_dataset()
        for name, named in (dims or {}).items():
            if name in data:
                own = [d for d in data[name].dims if d not in ("chain", "draw")]
                data = data.rename({old: new for old, new in zip(own, named, strict=True) if old != new})
        data = data.assign_coords({k: np.asarray(v) for k, v in (coords or {}).items() if k in data.dims})
        tree[group.name] = data
    return tree
