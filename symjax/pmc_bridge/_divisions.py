"""Divisions that a compiled loop need not make: a division of a vector costs ten times a multiplication, and more in its gradient."""

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


def without_divisions(outputs: Sequence[Any]) -> list[Any]:
    """The same values up to rounding, with multiplications instead.

    ``x / s`` becomes ``x * (1 / s)`` where `s` is one number and `x` are many, or where `s` is data, so that the inverse is taken
    once; ``x / exp(u)`` becomes ``x * exp(-u)``.

    Parameters
    ----------
    outputs : sequence of Tensor
        Expressions.

    Returns
    -------
    list of Tensor
        Expressions with fewer divisions.
    """
    divide, exp = OPERATORS["divide"], OPERATORS["exp"]
    uses = consumers(outputs)
    alone = {n for n, by in uses.items() if n.op is exp and len(by) == 1}
    data = _of_data_alone(outputs)

    def visit(node: Any, parents: tuple[Any, ...]) -> Any:
        if node.op is not divide or node.dtype.kind != "f" or node in data:
            return rebuild(node, parents) if parents else node
        above, below = parents
        if node.parents[1] in data or (_is_one_number(below) and not _is_one_number(node)):
            return above * _inverse(below, node.dtype)
        if node.parents[1] in alone and not _is_one_number(node):
            return above * T.exp(_negative(below.parents[0]))
        return rebuild(node, parents)

    with detached():
        return transform(outputs, visit)


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
