"""Expressions of a model at points and at posterior draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symjax._errors import ShapeError
from symjax.core._control_flow import map as map_over
from symjax.core._function import function
from symjax.core._leaves import as_tensor, constant, present_shape
from symjax.core._scope import detached
from symjax.core._traverse import substitute, toposort
from symjax.pmc_bridge._arviz import to_datatree
from symjax.pmc_bridge._forward import run_forward
from symjax.pmc_bridge._model import modelcontext
from symjax.pmc_bridge._predictive import given_draws, known_names
from symjax.random._draw import RandomVariable


def compile(inputs: Sequence[Any], outputs: Any, **kwargs: Any) -> Any:
    """Compile a function of tensors.

    Parameters
    ----------
    inputs : sequence of Tensor
        Arguments.
    outputs : Tensor or sequence of them
        Results.
    **kwargs
        Keywords of PyTensor's compilers, which have no effect.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm, symjax.tensor as pt
    >>> x = pt.scalar("x")
    >>> float(pm.compile([x], x + 1)(2.0))
    3.0
    """
    return function(*inputs, outputs=outputs)


def compile_fn(
    outs: Any, *, inputs: Sequence[Any] | None = None, mode: Any = None, point_fn: bool = True, model: Any = None, **kwargs: Any
) -> Any:
    """Compile a function of a point of a model; see `Model.compile_fn`.

    Parameters
    ----------
    outs : Tensor or sequence of them
        Results.
    inputs : sequence of Tensor, optional
        Arguments; the value variables that `outs` depend on by default.
    point_fn : bool
        Whether the function takes a dict of values by name; the inputs by position if not.
    model : Model, optional
        The model in context by default.
    mode, **kwargs
        Accepted for compatibility.
    """
    return modelcontext(model).compile_fn(outs, inputs=inputs, point_fn=point_fn)


def compute_deterministics(
    dataset: Any, *, group: str | None = None, var_names: Sequence[str] | None = None, model: Any = None,
    sample_dims: Sequence[str] = ("chain", "draw"), merge_dataset: bool = False, extend_dataset: bool = False,
    progressbar: bool = True, backend: Any = None, compile_kwargs: Any = None,
) -> Any:  # fmt: skip
    """Deterministics of a model for draws of its free variables.

    Parameters
    ----------
    dataset : xarray.Dataset or DataTree
        Draws.
    group : str, optional
        Group of a DataTree that holds them, ``"posterior"`` by default.
    var_names : sequence of str, optional
        Names of deterministics; all by default.
    model : Model, optional
        The model in context by default.
    sample_dims : sequence of str
        Dimensions of the draws.
    merge_dataset, extend_dataset : bool
        Whether to return the draws with the deterministics, and whether to put them into the group of a DataTree.
    progressbar, backend, compile_kwargs
        Accepted for compatibility; the computation is one compiled pass.

    Returns
    -------
    xarray.Dataset or DataTree
        The deterministics alone by default.

    Raises
    ------
    ValueError
        If a deterministic depends on a variable that the draws lack.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     tree = pm.sample(20, tune=20, chains=1, random_seed=1, progressbar=False, quiet=True)
    ...     y = pm.Deterministic("y", x**2)
    ...     pm.compute_deterministics(tree.posterior.to_dataset())["y"].shape
    (1, 20)
    """
    model = modelcontext(model)
    is_tree = hasattr(dataset, "children")
    name = group or "posterior"
    draws = dataset[name].to_dataset() if is_tree else dataset
    names = known_names(model, var_names, model.deterministics)
    outputs = [model.named_vars[n] for n in names]
    given, lengths = given_draws(model, None, draws, list(sample_dims), set(), {rv.name for rv in model.free_RVs})
    missing = [n.name for n in toposort(outputs, given) if isinstance(n, RandomVariable) and n not in given]
    if missing:
        raise ValueError(f"compute_deterministics: the draws lack {missing}, which {names} depend on.")
    found = run_forward(outputs, given, int(np.prod(lengths)))
    arrays = {n: f.reshape(*lengths, *f.shape[1:]) for n, f in zip(names, found, strict=True)}
    result = to_datatree(model, {"posterior": arrays})["posterior"].to_dataset()
    result = result.assign_coords({d: draws[d] for d in sample_dims if d in draws.coords})
    if is_tree and extend_dataset:
        dataset[name] = dataset[name].to_dataset().merge(result)
        return dataset
    return draws.merge(result) if merge_dataset else result


def vectorize_over_posterior(
    outputs: Sequence[Any],
    posterior: Any,
    input_rvs: Sequence[Any],
    allow_rvs_in_graph: bool = True,
    sample_dims: Sequence[str] = ("chain", "draw"),
) -> list[Any]:
    """Expressions of random variables as expressions of their posterior draws, with the draws' axes in front.

    Parameters
    ----------
    outputs : sequence of Tensor
        Expressions.
    posterior : xarray.Dataset
        Draws.
    input_rvs : sequence of RandomVariable
        Variables that take their drawn values; others are drawn for each draw.
    allow_rvs_in_graph : bool
        Whether there may be others.
    sample_dims : sequence of str
        Dimensions of the draws.

    Returns
    -------
    list of Tensor

    Raises
    ------
    RuntimeError
        If there are others and they are not allowed.
    ShapeError
        If draws do not have their variable's shape.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     tree = pm.sample(20, tune=20, chains=2, random_seed=1, progressbar=False, quiet=True)
    >>> [y] = pm.vectorize_over_posterior([x + 1], tree.posterior.to_dataset(), [x])
    >>> y.shape
    (2, 20)
    """
    cone = toposort(outputs, input_rvs)
    chosen = [rv for rv in input_rvs if rv in set(cone)]
    others = [n for n in cone if isinstance(n, RandomVariable) and n not in set(chosen)]
    if others and not allow_rvs_in_graph:
        raise RuntimeError(f"random variables are left in the graph: {[n.name for n in others]}.")
    lengths = [int(posterior.sizes[d]) for d in sample_dims]
    arrays = []
    for rv in chosen:
        values = posterior[rv.name].transpose(*sample_dims, ...).values.astype(rv.dtype)
        if values.shape[len(lengths) :] != present_shape(rv.shape):
            raise ShapeError(f"{rv.name!r} has shape {values.shape[len(lengths) :]} in the draws and {rv.shape} in the graph.")
        arrays.append(constant(values.reshape(-1, *values.shape[len(lengths) :])))

    def one(_: Any, *values: Any) -> list[Any]:
        return substitute(outputs, dict(zip(chosen, values, strict=True)), share_random=False)

    with detached():
        index = constant(np.arange(int(np.prod(lengths))))
        found = map_over(one, [index, *arrays])
        return [as_tensor(f).reshape((*lengths, *f.shape[1:])) for f in found]
