"""Strength reduction: cheaper operations with the same values up to rounding, for programs that run millions of times.

A division of a vector costs ten times a multiplication, and more in its gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import Variable
from symjax.core._node import Constant
from symjax.core._scope import detached
from symjax.core._traverse import consumers, rebuild, toposort, transform
from symjax.tensor._wrap import OPERATORS

#: Numbers whose squares are far from overflow and underflow.
_SQUARABLE = (1e-100, 1e100)


def reduce_strength(outputs: Sequence[Any]) -> list[Any]:
    """The same values up to rounding, with fewer divisions.

    ``x / s`` becomes ``x * (1 / s)`` where `s` is one number and `x` are many, or where `s` is data, so that the inverse is taken
    once; ``x / exp(u)`` becomes ``x * exp(-u)``; ``(x * c)**2`` becomes ``x**2 * c**2`` for numbers `c`.

    Parameters
    ----------
    outputs : sequence of Tensor
        Expressions.

    Returns
    -------
    list of Tensor
        Cheaper expressions.
    """
    uses = consumers(outputs)
    alone = {n for n, by in uses.items() if len(by) == 1}
    data = _of_data_alone(outputs)

    def visit(node: Any, parents: tuple[Any, ...]) -> Any:
        if not parents or node in data or getattr(node, "dtype", None) is None or node.dtype.kind != "f":
            return rebuild(node, parents) if parents else node
        found = None
        if node.op is OPERATORS["divide"]:
            found = _divided(node, parents, data, alone)
        elif _is_square(node) and node.parents[0] in alone:
            found = _squared(parents[0])
        return rebuild(node, parents) if found is None else found

    with detached():
        return transform(outputs, visit)


def _divided(node: Any, parents: tuple[Any, ...], data: set[Any], alone: set[Any]) -> Any:
    above, below = parents
    if node.parents[1] in data or (_is_one_number(below) and not _is_one_number(node)):
        return above * _inverse(below, node.dtype)
    if node.parents[1] in alone and below.op is OPERATORS["exp"] and not _is_one_number(node):
        return above * T.exp(_negative(below.parents[0]))
    return None


def _squared(base: Any) -> Any:
    if base.op is not OPERATORS["multiply"] or not isinstance(base.parents[1], Constant):
        return None
    x, c = base.parents
    values = np.asarray(c.value, base.dtype)
    size = np.abs(values)
    if not bool(((size > _SQUARABLE[0]) & (size < _SQUARABLE[1])).all()):
        return None
    return x**2 * T.as_tensor(values**2)


def _is_square(node: Any) -> bool:
    if node.op is OPERATORS["power"]:
        exponent = node.parents[1]
        return isinstance(exponent, Constant) and exponent.shape == () and exponent.value == 2
    return node.op is OPERATORS["square"]


def _of_data_alone(outputs: Sequence[Any]) -> set[Any]:
    found: set[Any] = set()
    for node in toposort(outputs):
        if isinstance(node, (Constant, Variable)):
            found.add(node)
        elif node.op is not None and not node.op.random and all(p in found for p in node.parents):
            found.add(node)
    return found


def _is_one_number(node: Any) -> bool:
    return all(isinstance(d, int) and d == 1 for d in node.shape)


def _inverse(node: Any, dtype: np.dtype) -> Any:
    if isinstance(node, Constant):
        with np.errstate(divide="ignore"):
            return T.as_tensor(1.0 / np.asarray(node.value, dtype))
    return T.reciprocal(T.cast(node, dtype))


def _negative(node: Any) -> Any:
    if node.op is OPERATORS["multiply"] and isinstance(node.parents[0], Constant):
        return T.as_tensor(-node.parents[0].value) * node.parents[1]
    return -node
