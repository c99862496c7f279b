"""Initial points: where chains start, before jitter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.core._leaves import as_tensor, present_shape
from symjax.core._node import Tensor
from symjax.core._scope import detached
from symjax.core._traverse import substitute
from symjax.tensor._quick import quick_values


def initial_point(model: Any, random_seed: Any, overrides: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Values by the names of the value variables.

    A variable starts at the value given for it (here, under its own name or that of its value, or with ``initval=``), else at its
    law's support point given the starts of the variables it depends on. ``initval="prior"`` draws it.

    Raises
    ------
    KeyError
        If a name is none of the model's free variables.
    ShapeError
        If a value does not have its variable's shape.
    """
    _check_names(model, overrides)
    starts: dict[Any, Any] = {}
    outputs: dict[str, Any] = {}
    given: dict[str, np.ndarray] = {}
    with detached():
        for rv in model.free_RVs:
            value, transform = model.rvs_to_values[rv], model.rvs_to_transforms[rv]
            if value.name in overrides and value.name != rv.name:
                given[value.name] = _shaped(overrides[value.name], value)
                [starts[rv]] = substitute([transform.inverse(as_tensor(given[value.name]))], starts)
                continue
            start = overrides.get(rv.name, model.rvs_to_initial_values[rv])
            point = _start(rv, start, starts, random_seed)
            outputs[value.name] = point if transform is None else substitute([transform.forward(point)], starts)[0]
            starts[rv] = point
        found = quick_values([as_tensor(o) for o in outputs.values()])
    values = dict(zip(outputs, found, strict=True)) | given
    return {v.name: np.array(values[v.name], v.dtype) for v in model.value_vars}


def _start(rv: Any, start: Any, starts: dict[Any, Any], random_seed: Any) -> Any:
    if isinstance(start, str) and start == "prior":
        from symjax.random import draw

        [node] = substitute([rv], starts)
        return as_tensor(draw(node, random_seed=random_seed))
    if start is None or (isinstance(start, str) and start in ("support_point", "moment")):
        parents = substitute(rv.parents, starts)
        point = T.cast(rv.distribution.support_point(*parents), rv.dtype)
        return T.broadcast_to(point, rv.shape)
    if isinstance(start, str):
        raise ValueError(f"{rv.name!r}: initval must be a value, 'support_point' or 'prior', got {start!r}.")
    if isinstance(start, Tensor):
        return T.broadcast_to(T.cast(substitute([start], starts)[0], rv.dtype), rv.shape)
    return as_tensor(_shaped(start, rv))


def _shaped(value: Any, variable: Any) -> np.ndarray:
    array, shape = np.asarray(value, variable.dtype), present_shape(variable.shape)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ShapeError(f"the initial value of {variable.name!r} must have shape {shape}, got {array.shape}.") from None


def _check_names(model: Any, overrides: Mapping[str, Any]) -> None:
    import difflib

    known = {v.name for v in model.free_RVs} | {v.name for v in model.value_vars}
    for name in overrides:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, cutoff=0.0)
            raise KeyError(f"initvals: {name!r} is no free variable of the model; did you mean {near[0] if near else None!r}?")
