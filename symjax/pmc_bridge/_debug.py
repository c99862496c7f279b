"""`Model.debug`: what is wrong with a density at a point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symjax.core._scope import detached
from symjax.core._traverse import substitute
from symjax.pmc_bridge._joint import constrained_values, joint_terms


def debug(model: Any, point: Mapping[str, Any] | None, fn: str, verbose: bool) -> None:
    """Print which terms are not finite at a point, with the values and parameters of their variables.

    Parameters
    ----------
    model : Model
        The model.
    point : mapping of str to array, optional
        Values by the names of the value variables; the initial point by default.
    fn : {"logp", "dlogp"}
        Whether to look at the density or at its gradient.
    verbose : bool
        Whether to print the terms that are finite too.
    """
    if fn not in ("logp", "dlogp"):
        raise ValueError(f"debug: fn must be 'logp' or 'dlogp', got {fn!r}.")
    at = dict(model.initial_point() if point is None else point)
    print("point:", {k: np.asarray(v).round(4).tolist() if np.size(v) < 20 else np.shape(v) for k, v in at.items()})
    if fn == "dlogp":
        _gradient(model, at)
        return
    values = constrained_values(model)
    terms = joint_terms(model, jacobian=False)
    found = 0
    for rv in model.basic_RVs:
        value = np.asarray(model.compile_fn(terms[rv.name])(at))
        bad = ~np.isfinite(value)
        if not bad.any() and not verbose:
            continue
        found += bool(bad.any())
        with detached():
            parents = substitute([values[rv], *rv.parents], values)
        shown = model.compile_fn(parents)(at)
        names = ["value", *rv.distribution.parameters]
        parts = ", ".join(f"{n} = {_brief(v)}" for n, v in zip(names, shown, strict=True))
        where = "" if not bad.any() else f" at index {tuple(int(i) for i in np.argwhere(bad)[0])}" if value.ndim else ""
        print(f"{rv.name} ~ {rv.distribution.name}: log density {_brief(value)}{where}; {parts}")
    print("no problem found" if not found else f"{found} of {len(model.basic_RVs)} variables have a density that is not finite")


def _gradient(model: Any, at: Mapping[str, Any]) -> None:
    from symjax.core._gradient import gradients

    variables = model.continuous_value_vars
    found = model.compile_fn(list(gradients(model.logp(), variables)))(at)
    bad = {v.name: g for v, g in zip(variables, found, strict=True) if not np.isfinite(g).all()}
    for name, g in bad.items():
        print(f"the derivative by {name} is {_brief(np.asarray(g))}")
    if not bad:
        print("no problem found")


def _brief(value: np.ndarray) -> str:
    return np.array2string(np.asarray(value), threshold=6, precision=4)
