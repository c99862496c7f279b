"""Cells: the rows that take the same elements of all parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.random.posterior._cell_sums import blocks, counted

#: Rows that tell whether a column has few values.
_FEW = 4096


@dataclass(frozen=True, slots=True)
class Cells:
    """A partition of rows by some index arrays.

    Attributes
    ----------
    codes : array of int or None
        Cell of each row; None if there is one cell only.
    size : int
        Number of cells.
    index : tuple of array
        For each of the index arrays its value in each cell.
    counts : array
        Number of rows in each cell.
    """

    codes: np.ndarray | None
    size: int
    index: tuple[np.ndarray, ...]
    counts: np.ndarray


def cells_of(keys: Sequence[np.ndarray], lengths: Sequence[int], rows: int) -> Cells:
    """Partition rows into the cells that occur, in the order of their keys.

    Nothing is asked of cells without rows: an expression of their parameters need not be finite.

    Parameters
    ----------
    keys : sequence of int arrays (rows,)
        Non-negative.
    lengths : sequence of int
        Bound of each key.
    rows : int
        Number of rows.
    """
    if not keys:
        return Cells(None, 1, (), np.array([rows]))
    codes, labels = numbered(keys[0])
    index = [labels]
    for key, length in zip(keys[1:], lengths[1:], strict=True):
        codes, labels = numbered(crossed_codes(codes, length, key))
        index = [*(i[labels // length] for i in index), labels % length]
    return Cells(codes, len(labels), tuple(index), counted(codes, len(labels)))


def crossed_codes(codes: np.ndarray, length: int, others: np.ndarray) -> np.ndarray:
    """One number for each pair of a code and another that is below `length`."""
    joint = codes * np.int64(length)
    joint += others
    return joint


def numbered(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values numbered in their order without gaps, and what they are.

    Returns
    -------
    codes : array of int (rows,)
        Number of each value; the values themselves if they are such numbers.
    labels : array
        The distinct values in increasing order.
    """
    if values.dtype.kind in "iub" and values.size:
        low, high = int(values.min()), int(values.max())
        if high - low < max(4 * values.size, 1 << 16):
            codes = values if values.dtype.kind == "i" and low == 0 else np.subtract(values, low, dtype=np.int64)
            present = counted(codes, high - low + 1) > 0
            labels = np.flatnonzero(present)
            codes = codes if len(labels) == len(present) else (np.cumsum(present) - 1)[codes]
            return codes, (labels + low).astype(values.dtype)
    elif values.size > _FEW and not np.any(np.isnan(values[:_FEW])):
        found = _numbered_few(values)
        if found is not None:
            return found
    labels, codes = np.unique(values, return_inverse=True)
    return codes.reshape(-1), labels


def _numbered_few(values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """As `numbered` if there are few values, which need not be sorted then."""
    labels = np.unique(values[:_FEW])
    codes = np.empty(len(values), np.intp)
    while len(labels) <= _FEW // 4:
        missing = []
        for at in blocks(len(values)):
            block = values[at]
            places = np.minimum(np.searchsorted(labels, block), len(labels) - 1)
            codes[at] = places
            missing += [np.unique(block[unequal])] if np.any(unequal := labels[places] != block) else []
            if sum(map(len, missing)) > _FEW:
                return None
        if not missing:
            return codes, labels
        labels = np.unique(np.concatenate([labels, *missing]))
    return None


def picked(source: Any, entries: Sequence[Any]) -> Any:
    """``source[entries]`` with slices for whole axes, where that is the same."""
    arrays = [e for e in entries if isinstance(e, np.ndarray)]
    if not arrays:
        return T.reshape(source, ()) if source.size == 1 else source[tuple(entries)]
    whole = [
        isinstance(e, np.ndarray) and e.size == n and np.array_equal(e.reshape(-1), np.arange(n))
        for e, n in zip(entries, source.shape, strict=True)
    ]
    varying = [max(range(e.ndim), key=lambda a, e=e: e.shape[a]) for e in arrays]
    ndim = arrays[0].ndim
    if all(w or isinstance(e, int) for w, e in zip(whole, entries, strict=True)) and varying == list(range(ndim)):
        return source[tuple(slice(None) if w else e for w, e in zip(whole, entries, strict=True))]
    return source[tuple(entries)]
