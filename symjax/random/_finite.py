"""Draws of discrete laws that have few values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._node import Constant
from symjax.core._shapes import is_static
from symjax.core._traverse import toposort
from symjax.random._draw import RandomVariable
from symjax.rewrite._terms import op_name
from symjax.tensor._index import ARRAY

#: Values, of one variable or of all its elements together, that are told apart at most.
MAX_VALUES = 64


def bounds_of(draw: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Least and largest value of each element of a draw of a scalar discrete law; None where they are not numbers."""
    law = draw.distribution
    if not law.is_discrete or law.event_ndim or not is_static(draw.shape):
        return None
    support = law.support(*draw.parents)
    if support.kind != "integers" or support.lower is None or support.upper is None:
        return None
    ends = [as_tensor(b) for b in (support.lower, support.upper)]
    if not all(isinstance(b, Constant) for b in ends):
        return None
    lower, upper = (np.broadcast_to(np.floor(b.value), draw.shape) for b in ends)
    return (lower, upper) if (upper >= lower).all() else None


def values_of(draw: Any, each: bool) -> list[np.ndarray] | None:
    """All values that a draw can have or, if `each`, all that its elements can; None if they are too many."""
    bounds = bounds_of(draw)
    if bounds is None:
        return None
    lower, upper = bounds
    if each:
        first, last = float(lower.min(initial=0)), float(upper.max(initial=0))
        return [np.full(draw.shape, k, draw.dtype) for k in np.arange(first, last + 1)] if last - first < MAX_VALUES else None
    counts = [float(n) for n in (upper - lower + 1).ravel()]
    if math.prod(counts) > MAX_VALUES:
        return None
    steps = np.indices([int(n) for n in counts]).reshape(len(counts), -1).T
    return [(lower + s.reshape(draw.shape)).astype(draw.dtype) for s in steps]


def log_masses(draw: Any, values: Sequence[np.ndarray], each: bool) -> list[Any]:
    """Log probabilities of the values that `values_of` gives: one number each or, if `each`, one for each element."""
    found = [T.broadcast_to(draw.distribution.log_prob(T.constant(v), *draw.parents), draw.shape) for v in values]
    return found if each else [T.sum(m) for m in found]


def loose_draws(root: Any, is_random: Callable[[Any], bool]) -> list[Any]:
    """The discrete draws below a node whose own parameters are not random."""
    return [
        n
        for n in toposort([root])
        if n is not root
        and isinstance(n, RandomVariable)
        and n.distribution.is_discrete
        and n.token is not None
        and n.token.seed is None
        and not any(is_random(p) for p in n.parents)
    ]


def is_by_element(nodes: Iterable[Any], shape: tuple[Any, ...], is_random: Callable[[Any], bool]) -> bool:
    """Whether each element of random nodes of one shape depends on those of its own place alone."""
    return all(n.shape == shape and _is_by_element(n, is_random) for n in nodes)


def _is_by_element(node: Any, is_random: Callable[[Any], bool]) -> bool:
    if isinstance(node, RandomVariable):
        return node.distribution.event_ndim == 0
    if op_name(node) == "getitem":
        return node.settings["index"] == (ARRAY,) and not is_random(node.parents[0])
    return node.op is not None and node.op.elementwise
