"""Sums over the rows of each cell, taken a block of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

#: Rows of a block: some columns of them stay in a processor's cache.
BLOCK = 1 << 14


def blocks(size: int) -> Iterator[slice]:
    """Slices that cover `size` rows."""
    for start in range(0, size, BLOCK):
        yield slice(start, min(start + BLOCK, size))


def counted(codes: np.ndarray, size: int) -> np.ndarray:
    """How often each number below `size` occurs; unlike bincount it does not copy arrays that are not to be written to."""
    out = np.zeros(size, np.int64)
    for at in blocks(len(codes)):
        np.add.at(out, codes[at].astype(np.intp, copy=False), 1)
    return out


class CellSums:
    """Adds up the rows of blocks by cell.

    Parameters
    ----------
    codes : array of int (rows,)
        Cell of each row.
    size : int
        Number of cells.
    """

    def __init__(self, codes: np.ndarray, size: int):
        self.size = size
        self._codes = codes
        self._at = np.zeros(0, np.intp)
        self._starts: np.ndarray | None = None
        changes = sum(int(np.count_nonzero(codes[at][1:] != codes[at][:-1])) for at in blocks(len(codes)))
        # an addition to the sum that the row before was added to waits for that one: runs are summed by themselves
        self._has_runs = 8 * changes <= len(codes)

    def start(self, at: slice) -> None:
        """Turn to a block of rows."""
        self._at = self._codes[at].astype(np.intp, copy=False)
        if self._has_runs:
            changed = np.flatnonzero(self._at[1:] != self._at[:-1])
            self._starts = np.concatenate([[0], changed + 1])

    def add(self, x: np.ndarray, out: np.ndarray) -> None:
        """Add the present block of a column to the sums ``out (cells,)``."""
        at = self._at
        x = np.ascontiguousarray(x, np.float64)  # other types are added far more slowly
        if self._starts is not None:
            at, x = at[self._starts], np.add.reduceat(x, self._starts)
        if 8 * self.size <= len(x):
            # sums of blocks lose fewer digits than one running sum
            part = np.zeros(self.size)
            np.add.at(part, at, x)
            out += part
        else:
            np.add.at(out, at, x)

    def spread(self, values: np.ndarray, out: np.ndarray) -> np.ndarray:
        """The value of each row's cell, for the rows of the present block."""
        return np.take(values, self._at, out=out[: len(self._at)], mode="clip")

    def total(self, column: Callable[[slice], np.ndarray]) -> np.ndarray:
        """Sums of one column, given by its blocks."""
        out = np.zeros(self.size)
        for at in blocks(len(self._codes)):
            self.start(at)
            self.add(column(at), out)
        return out
