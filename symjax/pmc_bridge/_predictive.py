"""Predictive sampling and what is computed from posterior draws."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from symjax.core._function import evaluate
from symjax.core._traverse import depends_on, toposort
from symjax.pmc_bridge._arviz import extend, to_datatree
from symjax.pmc_bridge._forward import run_forward
from symjax.pmc_bridge._model import modelcontext
from symjax.random.density import log_densities


def sample_prior_predictive(
    draws: int = 500,
    model: Any = None,
    var_names: Iterable[str] | None = None,
    random_seed: Any = None,
    return_inferencedata: bool = True,
    idata_kwargs: dict[str, Any] | None = None,
    backend: Any = None,
    compile_kwargs: Any = None,
) -> Any:
    """Draw from the prior and from the prior predictive law.

    Parameters
    ----------
    draws : int
        Number of draws.
    model : Model, optional
        The model in context by default.
    var_names : iterable of str, optional
        Variables to return; all free and observed variables and deterministics by default.
    random_seed : int or generator, optional
        Seed.
    return_inferencedata : bool
        Whether to return a DataTree; a dict of arrays with a leading axis of length `draws` if not.
    idata_kwargs : dict, optional
        Passed to the conversion: ``attrs``.
    backend, compile_kwargs
        Accepted for compatibility: everything runs on XLA.

    Returns
    -------
    xarray.DataTree or dict of str to array
        Groups ``prior``, ``prior_predictive`` (observed variables), ``observed_data`` and ``constant_data``.

    Raises
    ------
    ParameterError
        If a drawn parameter has a value that its distribution does not allow.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     tree = pm.sample_prior_predictive(10, random_seed=1)
    >>> tree.prior["x"].shape
    (1, 10)
    """
    model = modelcontext(model)
    _warn_of_potentials(model, "sample_prior_predictive")
    names = known_names(model, var_names, [*model.free_RVs, *model.observed_RVs, *model.deterministics])
    found = run_forward([model.named_vars[n] for n in names], {}, draws, random_seed)
    arrays = dict(zip(names, found, strict=True))
    if not return_inferencedata:
        return arrays
    observed = {rv.name for rv in model.observed_RVs}
    groups = {
        "prior": {k: v[None] for k, v in arrays.items() if k not in observed},
        "prior_predictive": {k: v[None] for k, v in arrays.items() if k in observed},
    }
    return to_datatree(model, groups, **(idata_kwargs or {}))


def sample_posterior_predictive(
    trace: Any,
    model: Any = None,
    *,
    var_names: str | Iterable[str] | None = None,
    sample_vars: str | Iterable[str] | None = None,
    freeze_vars: str | Iterable[str] | None = None,
    sample_dims: Sequence[str] | None = None,
    random_seed: Any = None,
    progressbar: bool = True,
    progressbar_theme: Any = None,
    return_inferencedata: bool = True,
    extend_inferencedata: bool = False,
    predictions: bool = False,
    idata_kwargs: dict[str, Any] | None = None,
    backend: Any = None,
    compile_kwargs: Any = None,
) -> Any:
    """Draw from the posterior predictive law.

    A variable of the posterior is taken as it was drawn, unless it depends on data that have changed since (with `set_data`), on
    a variable that the posterior lacks, or is asked for by name: such a variable is drawn anew given the others.

    Parameters
    ----------
    trace : xarray.DataTree or Dataset
        Posterior draws.
    model : Model, optional
        The model in context by default.
    var_names : str or iterable of str, optional
        Variables to return; the observed ones and the deterministics that depend on them by default.
    sample_vars, freeze_vars : str or iterable of str, optional
        Variables to draw anew, or to take from the posterior, whatever the rule above says.
    sample_dims : sequence of str
        Dimensions of the draws, ``("chain", "draw")`` by default.
    random_seed : int or generator, optional
        Seed.
    return_inferencedata, extend_inferencedata : bool
        Whether to return a DataTree (a dict of arrays if not), and whether to put the new groups into `trace` and return that.
    predictions : bool
        Whether to name the groups ``predictions`` and ``predictions_constant_data``, as for new data.
    idata_kwargs : dict, optional
        Passed to the conversion: ``attrs``.
    progressbar, progressbar_theme, backend, compile_kwargs
        Accepted for compatibility: everything runs on XLA, in one call.

    Returns
    -------
    xarray.DataTree or dict of str to array
        Arrays of shape ``(chain, draw, *shape)``.

    Raises
    ------
    ValueError
        If a posterior variable does not have the shape that the model gives it now.
    """
    model = modelcontext(model)
    _warn_of_potentials(model, "sample_posterior_predictive")
    dims = list(sample_dims or ("chain", "draw"))
    posterior = _posterior(trace)
    default = [*model.observed_RVs, *_downstream(model.observed_RVs, model.deterministics)]
    names = known_names(model, [var_names] if isinstance(var_names, str) else var_names, default)
    redraw = set(names if var_names is not None else ()) | set(_names(sample_vars))
    given, lengths = given_draws(model, trace, posterior, dims, redraw - set(_names(freeze_vars)), set(_names(freeze_vars)))
    n = int(np.prod(lengths))
    found = run_forward([model.named_vars[v] for v in names], given, n, random_seed)
    arrays = {k: v.reshape(*lengths, *v.shape[1:]) for k, v in zip(names, found, strict=True)}
    if not return_inferencedata:
        return arrays
    group = "predictions" if predictions else "posterior_predictive"
    tree = to_datatree(model, {group: arrays}, **(idata_kwargs or {}))
    for name in ("chain", "draw"):
        if name in dims and name in posterior.coords:
            tree[group] = tree[group].to_dataset().assign_coords({name: posterior[name].values})
    if predictions:
        data = tree.children.get("constant_data")
        tree = tree.drop_nodes([g for g in ("constant_data", "observed_data") if g in tree.children])
        if data is not None:
            tree["predictions_constant_data"] = data
    if extend_inferencedata:
        extend(trace, tree)
        return trace
    return tree


def compute_log_likelihood(
    idata: Any,
    *,
    var_names: Sequence[str] | None = None,
    extend_inferencedata: bool = True,
    model: Any = None,
    sample_dims: Sequence[str] = ("chain", "draw"),
    progressbar: bool = True,
    backend: Any = None,
    compile_kwargs: Any = None,
) -> Any:
    """Log density of each observation for each posterior draw, which model comparison needs.

    Parameters
    ----------
    idata : xarray.DataTree
        With a posterior group.
    var_names : sequence of str, optional
        Observed variables; all of them by default.
    extend_inferencedata : bool
        Whether to add the group ``log_likelihood`` to `idata` and return that; the group's Dataset if not.
    model : Model, optional
        The model in context by default.
    sample_dims : sequence of str
        Dimensions of the draws.
    progressbar, backend, compile_kwargs
        Accepted for compatibility; the computation is one compiled pass.

    Returns
    -------
    xarray.DataTree or Dataset
        Arrays of shape ``(chain, draw, *observations)``.
    """
    model = modelcontext(model)
    names = known_names(model, var_names, model.observed_RVs)
    return _terms_at_draws(model, idata, names, list(sample_dims), "log_likelihood", extend_inferencedata)


def _warn_of_potentials(model: Any, what: str) -> None:
    """Say that potentials, which are densities of no variable, cannot be drawn from."""
    if model.potentials:
        names = [p.name for p in model.potentials]
        warnings.warn(f"{what}: draws are from the variables' laws; the potentials {names} do not affect them.", stacklevel=3)


def compute_log_prior(
    idata: Any,
    var_names: Sequence[str] | None = None,
    extend_inferencedata: bool = True,
    model: Any = None,
    sample_dims: Sequence[str] = ("chain", "draw"),
    progressbar: bool = True,
    backend: Any = None,
    compile_kwargs: Any = None,
) -> Any:
    """Log prior density of each free variable for each posterior draw; arguments as in `compute_log_likelihood`."""
    model = modelcontext(model)
    names = known_names(model, var_names, model.free_RVs)
    return _terms_at_draws(model, idata, names, list(sample_dims), "log_prior", extend_inferencedata)


def _terms_at_draws(model: Any, idata: Any, names: list[str], dims: list[str], group: str, in_place: bool) -> Any:
    """The density's terms of some variables at each posterior draw, as a new group of `idata` or as a Dataset."""
    posterior = _posterior(idata)
    given, lengths = given_draws(model, idata, posterior, dims, set(), {rv.name for rv in model.free_RVs})
    values = {rv: rv for rv in model.free_RVs} | {rv: model.rvs_to_values[rv] for rv in model.observed_RVs}
    terms = log_densities(values)
    found = run_forward([terms[model.named_vars[n]] for n in names], given, int(np.prod(lengths)))
    arrays = {name: f.reshape(*lengths, *f.shape[1:]) for name, f in zip(names, found, strict=True)}
    tree = to_datatree(model, {group: arrays})
    if not in_place:
        return tree[group].to_dataset()
    idata[group] = tree[group]
    return idata


def _posterior(trace: Any) -> Any:
    if hasattr(trace, "children"):
        if "posterior" not in trace.children:
            raise ValueError(f"the trace has no group 'posterior'; it has {sorted(trace.children)}.")
        return trace["posterior"].to_dataset()
    return trace


def _names(names: Any) -> list[str]:
    return [] if names is None else [names] if isinstance(names, str) else list(names)


def known_names(model: Any, names: Iterable[str] | None, default: Sequence[Any]) -> list[str]:
    """Names of variables of a model, those of some of them by default.

    Raises
    ------
    KeyError
        If the model has no such variable.
    """
    if names is None:
        return list(dict.fromkeys(v.name for v in default))
    chosen = list(dict.fromkeys(names))
    for name in chosen:
        if name not in model.named_vars:
            near = difflib.get_close_matches(name, model.named_vars, 1, cutoff=0.0)
            raise KeyError(f"var_names: the model has no variable {name!r}. Did you mean {near[0] if near else None!r}?")
    return chosen


def _downstream(sources: Sequence[Any], candidates: Sequence[Any]) -> list[Any]:
    reached = depends_on(candidates, sources) if candidates and sources else set()
    return [c for c in candidates if c in reached]


def _changed_data(model: Any, trace: Any) -> list[Any]:
    """Data variables whose values are not those that the trace was drawn with."""
    before = trace["constant_data"] if hasattr(trace, "children") and "constant_data" in trace.children else {}
    changed = []
    for variable in model.data_vars:
        value = np.asarray(variable.get_value())
        if variable.name in before and not np.array_equal(np.asarray(before[variable.name].values), value):
            changed.append(variable)
    return changed


def given_draws(
    model: Any, trace: Any, posterior: Any, dims: list[str], redraw: set[str], frozen: set[str]
) -> tuple[dict[Any, np.ndarray], list[int]]:
    """The posterior's values by node, their first axis that of all draws, and the lengths of the sample dims."""
    lengths = [int(posterior.sizes[d]) for d in dims]
    volatile: set[Any] = set(_changed_data(model, trace))
    given: dict[Any, np.ndarray] = {}
    free = [v for v in toposort(model.free_RVs) if v in set(model.free_RVs)]
    for variable in free:
        cone = toposort([variable])
        fixed = variable.name in frozen or not (variable.name in redraw or any(n in volatile for n in cone))
        if variable.name not in posterior or not fixed:
            volatile.add(variable)
            continue
        array = posterior[variable.name]
        values = np.asarray(array.transpose(*dims, ...).values)
        wanted = np.shape(evaluate(variable)) if any(not isinstance(d, int) for d in variable.shape) else variable.shape
        if values.shape[len(dims) :] != tuple(wanted):
            raise ValueError(
                f"{variable.name!r} has shape {values.shape[len(dims) :]} in the posterior and {tuple(wanted)} in the model now. "
                f"Draw it anew with sample_vars=[{variable.name!r}], or give the model data of the old size."
            )
        given[variable] = values.reshape(-1, *values.shape[len(dims) :])
    return given, lengths
