"""Divisions that a compiled loop need not make: a division of a vector costs ten times a multiplication, and more in its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import symjax.tensor as T
from symjax.core._node import Constant
from symjax.core._scope import detached
from symjax.core._traverse import consumers, rebuild, transform
from symjax.tensor._wrap import OPERATORS


def without_divisions(outputs: Sequence[Any]) -> list[Any]:
    """The same values up to rounding: ``x / s`` is ``x * (1 / s)`` for one number `s` and many `x`, ``x / exp(u)`` is ``x * exp(-u)``.

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

    def visit(node: Any, parents: tuple[Any, ...]) -> Any:
        if node.op is not divide or node.dtype.kind != "f" or _is_one_number(node):
            return rebuild(node, parents) if parents else node
        above, below = parents
        if _is_one_number(below):
            return above * T.reciprocal(T.cast(below, node.dtype))
        if node.parents[1] in alone:
            return above * T.exp(_negative(below.parents[0]))
        return rebuild(node, parents)

    with detached():
        return transform(outputs, visit)


def _is_one_number(node: Any) -> bool:
    return all(isinstance(d, int) and d == 1 for d in node.shape)


def _negative(node: Any) -> Any:
    if node.op is OPERATORS["multiply"] and isinstance(node.parents[0], Constant):
        return T.as_tensor(-node.parents[0].value) * node.parents[1]
    return -node

