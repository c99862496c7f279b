"""Cells: the rows that take the same elements of all parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import symjax.tensor as T


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
        Number of rows in each cell, which may be zero.
    """

    codes: np.ndarray | None
    size: int
    index: tuple[np.ndarray, ...]
    counts: np.ndarray


def cells_of(keys: Sequence[np.ndarray], lengths: Sequence[int], rows: int, *, whole: bool) -> Cells:
    """Partition rows.

    Parameters
    ----------
    keys : sequence of int arrays (rows,)
        Non-negative.
    lengths : sequence of int
        Bound of each key.
    rows : int
        Number of rows.
    whole : bool
        Whether a plate most of whose members have rows is kept whole, so that its parameters can be used elementwise.
    """
    if not keys:
        return Cells(None, 1, (), np.array([rows]))
    if whole and len(keys) == 1 and lengths[0] <= rows:
        counts = np.bincount(keys[0], minlength=lengths[0])
        if 2 * np.count_nonzero(counts) >= lengths[0]:
            return Cells(keys[0], lengths[0], (np.arange(lengths[0]),), counts)
    codes, size = keys[0], lengths[0]
    for key, length in zip(keys[1:], lengths[1:], strict=True):
        codes, size = numbered(codes)
        codes, size = codes * length + key, size * length
    codes, size = numbered(codes)
    counts = np.bincount(codes, minlength=size)
    first_rows = np.empty(size, np.intp)
    first_rows[codes[::-1]] = np.arange(rows - 1, -1, -1)
    return Cells(codes, size, tuple(k[first_rows] for k in keys), counts)


def numbered(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Values numbered in their order without gaps, and how many there are."""
    if values.dtype.kind in "iub" and values.size:
        low, high = int(values.min()), int(values.max())
        if 0 <= low and high < max(4 * values.size, 1 << 16):
            codes = values.astype(np.intp, copy=False)
            present = np.bincount(codes, minlength=high + 1) > 0
            size = int(np.count_nonzero(present))
            return (codes if size == high + 1 else (np.cumsum(present) - 1)[codes]), size
    found, inverse = np.unique(values, return_inverse=True)
    return inverse.reshape(-1), len(found)


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
