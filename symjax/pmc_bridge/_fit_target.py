"""What a fit sees of a model: its joint density on the unconstrained space, and the way from there to trees and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from symjax.core._leaves import Variable, present_shape
from symjax.core._scope import detached
from symjax.core._traverse import toposort
from symjax.pmc_bridge._arviz import to_datatree
from symjax.pmc_bridge._compile import CompiledModel, compile_log_density
from symjax.pmc_bridge._forward import run_forward


def data_of(model: Any) -> list[Any]:
    """The present values of the variables that a model depends on."""
    roots = [*model.basic_RVs, *(model.rvs_to_values[rv] for rv in model.observed_RVs), *model.potentials]
    return [node.value for node in toposort(roots) if isinstance(node, Variable)]


def compile_target(model: Any, beta: float = 1.0) -> CompiledModel:
    """A model's joint density for a fit, its prior to the power of `beta`.

    Raises
    ------
    ValueError
        If the model has no free variable, or a discrete one.
    SamplingError
        If a variable has values of positive probability beside a density.
    """
    powers = {} if beta == 1.0 else {rv.name: beta for rv in model.free_RVs}
    compiled = compile_log_density(model, rewrites=(), powers=powers)
    compiled.refuse_atoms()
    discrete = [d.name for d in compiled.target.discrete]
    if discrete:
        raise ValueError(
            f"fit: {discrete} are discrete, and approximations are of continuous variables. Take them out with pm.marginalize, or "
            "draw with pm.sample."
        )
    if not compiled.target.size:
        raise ValueError("fit: the model has no free variable to approximate.")
    return compiled


def unconstrained_draws(model: Any, trace: Any) -> np.ndarray:
    """The unconstrained values of posterior draws of all free variables, of shape (draws, n).

    Raises
    ------
    ValueError
        If the trace lacks a variable, or has it in another shape.
    """
    posterior = trace["posterior"].to_dataset() if hasattr(trace, "children") else trace
    missing = [rv.name for rv in model.free_RVs if rv.name not in posterior]
    if missing:
        raise ValueError(f"Empirical: the trace lacks the free variables {missing}; it has {sorted(posterior.data_vars)}.")
    given: dict[Any, np.ndarray] = {}
    for rv in model.free_RVs:
        values = posterior[rv.name].transpose("chain", "draw", ...).values
        if values.shape[2:] != present_shape(rv.shape):
            shapes = f"{values.shape[2:]} in the trace and {present_shape(rv.shape)} in the model"
            raise ValueError(f"Empirical: {rv.name!r} has shape {shapes}.")
        given[rv] = values.reshape(-1, *values.shape[2:])
    with detached():
        transforms = [model.rvs_to_transforms[rv] for rv in model.free_RVs]
        outputs = [rv if t is None else t.forward(rv) for rv, t in zip(model.free_RVs, transforms, strict=True)]
    n = len(next(iter(given.values()))) if given else 0
    columns = run_forward(outputs, given, n, checked=False)
    return np.concatenate([c.reshape(n, -1) for c in columns], -1)


def posterior_of(
    model: Any, compiled: CompiledModel, positions: np.ndarray, seed: int, *, return_inferencedata: bool = True, **attrs: Any
) -> Any:
    """Draws of unconstrained values, of shape (chains, draws, n), as those of the model's variables; a dict is of one chain."""
    names = [v.name for v in model.unobserved_RVs]
    found = compiled.recover(positions, np.zeros((*positions.shape[:2], 0), np.int64), names, seed)
    if not return_inferencedata:
        return {name: values[0] for name, values in found.items()}
    return to_datatree(model, {"posterior": found}, attrs)
