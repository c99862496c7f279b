"""Formulas that hold on one side of a bound only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import symjax.tensor as T


def beyond(value: Any, bound: Any, inner: Any, formula: Callable[[Any], Any], otherwise: float) -> Any:
    """``formula(value)`` where ``value > bound``, and a constant elsewhere.

    `inner`, any point beyond the bound, takes the place of the values that are not, so that derivatives stay finite.
    """
    inside = T.greater(value, bound)
    return T.where(inside, formula(T.where(inside, value, inner)), otherwise)


def within(value: Any, lower: Any, upper: Any, formula: Callable[[Any], Any], below: float, above: float) -> Any:
    """``formula(value)`` where ``lower < value < upper``, constants on both sides."""
    over = T.greater_equal(value, upper)
    inside = T.logical_and(T.greater(value, lower), T.logical_not(over))
    middle = 0.5 * (lower + upper)
    return T.where(inside, formula(T.where(inside, value, middle)), T.where(over, above, below))
