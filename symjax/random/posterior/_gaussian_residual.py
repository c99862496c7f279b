"""The residual rows of a system at given unknowns: a sum of squares that loses no digits to cancellation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from symjax.random.posterior._gaussian_forms import CONSTANT, Entries, Form
from symjax.random.posterior._gaussian_places import taken
from symjax.random.posterior._gaussian_scales import Scale

_NARROW = 6
_MAX_NUMBERS = 4_000_000


@dataclass(frozen=True, eq=False)
class ResidualPart:
    """One part of a form's rows.

    Attributes
    ----------
    numbers : array, shape (rows, k) or (rows, n + 1)
        Numeric factors, padded with zeros.
    cols : array of int, shape (rows, k), or None
        Unknowns that they are of, n for the constant; None if `numbers` has a column for each.
    scale : int
        Index of the scale.
    symbol : int or None
        Index of the symbol.
    places : array of int, shape (rows, k), or None
        Elements of the symbol.
    """

    numbers: np.ndarray
    cols: np.ndarray | None
    scale: int
    symbol: int | None
    places: np.ndarray | None


def index_of(items: list[Any], wanted: Any, same: Any) -> int:
    """Where an item is in a list, to which it is added if it is not there."""
    found = next((k for k, x in enumerate(items) if same(x, wanted)), None)
    if found is None:
        found = len(items)
        items.append(wanted)
    return found


def residual_parts(forms: Sequence[Form], n: int, scales: list[Scale], symbols: list[Any]) -> tuple[tuple[ResidualPart, ...], ...]:
    """What the residuals of forms need; `scales` and `symbols` are extended by what they use.

    Raises
    ------
    OverflowError
        If the rows are too many numbers to go through at each evaluation.
    """
    return tuple(tuple(_part(p, f.size, n, scales, symbols) for p in f.parts if len(p.rows)) for f in forms if f.size)


def _part(part: Entries, size: int, n: int, scales: list[Scale], symbols: list[Any]) -> ResidualPart:
    scale = index_of(scales, part.scale, lambda a, b: a == b)
    cols = np.where(part.cols == CONSTANT, n, part.cols)
    width = int(np.bincount(part.rows).max())
    if part.symbol is None and width > _NARROW:
        if size * (n + 1) > _MAX_NUMBERS:
            raise OverflowError
        dense = np.bincount(part.rows * (n + 1) + cols, part.numbers, size * (n + 1)).reshape(size, n + 1)
        return ResidualPart(dense, None, scale, None, None)
    if size * width > _MAX_NUMBERS:
        raise OverflowError
    order = np.argsort(part.rows, kind="stable")
    rows = part.rows[order]
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
    numbers, padded = np.zeros((size, width)), np.zeros((size, width), int)
    numbers[rows, rank], padded[rows, rank] = part.numbers[order], cols[order]
    if part.symbol is None:
        return ResidualPart(numbers, padded, scale, None, None)
    places = np.zeros((size, width), int)
    places[rows, rank] = part.places[order]  # type: ignore[index]
    return ResidualPart(numbers, padded, scale, index_of(symbols, part.symbol, lambda a, b: a is b), places)


def cost_of(parts: Sequence[Sequence[ResidualPart]]) -> float:
    """Floating-point operations of one evaluation."""
    return 2.0 * sum(p.numbers.size for form in parts for p in form)


def sum_of_squares(parts: Sequence[Sequence[ResidualPart]], unknowns: Any, scales: Sequence[Any], symbols: Sequence[Any]) -> Any:
    """``|A x + c|²``."""
    x = jnp.concatenate([unknowns, jnp.ones(1, unknowns.dtype)])
    total = jnp.zeros((), x.dtype)
    for form in parts:
        row: Any = 0.0
        for p in form:
            if p.cols is None:
                value = p.numbers @ x
            else:
                factor = p.numbers if p.symbol is None else p.numbers * jnp.ravel(symbols[p.symbol])[p.places]
                width = p.cols.shape[1]
                if width > _NARROW:
                    value = (factor * x[p.cols]).sum(1)
                else:
                    value = sum(factor[:, k] * taken(x, p.cols[:, k]) for k in range(width))
            row = row + scales[p.scale] * value
        total = total + (row * row).sum()
    return total
