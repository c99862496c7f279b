"""Freezing: a graph in which variables are the constants that they are now, with every axis length that they tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symjax.core._inner import InnerGraph
from symjax.core._leaves import Variable, constant, present_lengths
from symjax.core._lower import resolved
from symjax.core._scope import detached
from symjax.core._shapes import dim_names
from symjax.core._traverse import rebuild, transform


def freeze(outputs: Sequence[Any]) -> list[Any]:
    """The same expressions with the present values of all variables, and static shapes where those tell them.

    Parameters
    ----------
    outputs : sequence of Tensor
        Expressions.

    Returns
    -------
    list of Tensor
        Expressions without variables. What depends on none is shared, not copied.
    """

    def visit(node: Any, parents: tuple[Any, ...]) -> Any:
        if isinstance(node, Variable):
            return constant(np.asarray(node.value), node.dtype)
        if node.op is None:
            return node
        return rebuild(node, parents, params=_frozen_params(node))

    with detached():
        return transform(outputs, visit)


def _frozen_params(node: Any) -> Any:
    """A node's params with known axis lengths; None if there is nothing to resolve."""
    names = dim_names(v for _, v in node.params if not isinstance(v, InnerGraph))
    dynamic = bool(names) or any(isinstance(v, InnerGraph) and v.program.unknown for _, v in node.params)
    if not dynamic:
        return None
    bodies = [v.program.unknown for _, v in node.params if isinstance(v, InnerGraph)]
    lengths = present_lengths(names.union(*bodies))
    return tuple((k, resolved(v, lengths)) for k, v in node.params)
