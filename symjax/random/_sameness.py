"""What is provably the same: two parameters, or the elements of one along axes."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._node import Constant
from symjax.rewrite._pattern import scalar_value
from symjax.rewrite._terms import op_name

_ARITHMETIC = {"multiply": operator.mul, "divide": operator.truediv, "add": operator.add, "subtract": operator.sub}


def number_of(x: Any) -> Any:
    """The number that a coefficient is, in each element, be it a number, a constant or arithmetic of these; None if it is none."""
    if not hasattr(x, "parents"):
        return x
    name = op_name(x)
    if name not in (*_ARITHMETIC, "negative"):
        return scalar_value(x)
    parts = [number_of(p) for p in x.parents]
    if any(v is None for v in parts) or (name == "divide" and parts[1] == 0):
        return None
    return -parts[0] if name == "negative" else _ARITHMETIC[name](*parts)


def identity(x: Any) -> Any:
    """What two parameters share exactly if they are provably the same: a number, the contents of an array, or the node."""
    value = number_of(x)
    if value is not None:
        return ("number", float(value))
    return x.key if isinstance(x, Constant) else x


def are_same(a: Any, b: Any) -> bool:
    """Whether two parameters are provably the same."""
    return len({identity(a), identity(b)}) == 1


def along(parameter: Any, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """A parameter of the draw `x` without some axes of `x`, if it is provably the same along them; else None."""
    value = scalar_value(parameter)
    if value is not None:
        return T.constant(value)
    missing = x.ndim - parameter.ndim
    own = tuple(i - missing for i in axes if i >= missing)
    if any(parameter.shape[i] != 1 for i in own):
        if not isinstance(parameter, Constant):
            return None
        array = np.asarray(parameter.value)
        first = array[tuple(slice(0, 1) if i in own else slice(None) for i in range(array.ndim))]
        if not (array == first).all():
            return None
        parameter = T.constant(first)
    # the sum over axes of length one only takes them away
    return T.sum(parameter, own, keepdims=keepdims) if own else parameter
