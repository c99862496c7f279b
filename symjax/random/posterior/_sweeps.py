"""Least squares in many cells at once by Gram-Schmidt: passes over the rows in their order, each of which sums by cell.

Modified Gram-Schmidt of ``[A | B | y]`` finds the triangle that Householder's QR does and is as stable when the right-hand side is
treated as one more column (Björck, Solving linear least squares problems by Gram-Schmidt orthogonalization, 1967). What rounding
leaves of the first column, most often that of ones, in the others is measured in the pass that follows and corrected for once:
data far from zero loses no more digits than it has lost when it was written down.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symjax.random.posterior._cell_sums import BLOCK, CellSums, blocks

#: Norm of a column, over what it was before those ahead of it were removed, that is no more than rounding.
_NOTHING = 1e-15


class Sweeps:
    """The passes: one for each of the columns that have a parameter in each cell, and one for what is left.

    Parameters
    ----------
    rows : Rows
        The least-squares problem.
    own : int
        How many of the first columns are each cell's own.
    codes : array of int (rows,)
        Cell of each row.
    n_cells : int
        Number of cells.

    Attributes
    ----------
    slopes : array (own, columns, cells)
        Coefficients of the columns on those ahead of them.
    squares : array (own, cells)
        Squared norms of the columns when all ahead of them are removed.
    """

    def __init__(self, rows: Any, own: int, codes: np.ndarray, n_cells: int):
        self._rows = rows
        self._own = own
        self._width = len(rows.columns) + len(rows.responses)
        self._sums = CellSums(codes, n_cells)
        self._has_ones = rows.scale is None and len(rows.columns) > 0 and rows.columns[0] is None
        self._buffer = np.empty((self._width, min(BLOCK, rows.size)))
        self._spare = np.empty(min(BLOCK, rows.size))
        self.slopes = np.zeros((own, self._width, n_cells))
        self.squares = np.zeros((own, n_cells))

    def run(self, rest: Any) -> np.ndarray:
        """Make all passes.

        Parameters
        ----------
        rest : callable or None
            Called with each block of what is left of the other columns, ``(columns, block)``.

        Returns
        -------
        array (responses, cells)
            Sums of squares of what is left of the responses; zero when there are other columns.
        """
        found = np.zeros((self._width, self._sums.size))
        for r in range(self._own):
            found = self._pass(r)
            squares = found[r]
            before = squares + np.sum(self.squares[:r] * self.slopes[:r, r] ** 2, axis=0)
            self.squares[r] = np.where(squares <= _NOTHING**2 * before, 0.0, squares)
            self.slopes[r] = found * _inverse(self.squares[r])
        found = self._pass(self._own, rest)
        return np.maximum(found[len(self._rows.columns) :], 0.0)

    def _pass(self, r: int, rest: Any = None) -> np.ndarray:
        """Sums of products with column `r` by column and cell; after the last column, sums of squares."""
        found, left = np.zeros((2, self._width, self._sums.size))
        p = len(self._rows.columns)
        for at in blocks(self._rows.size):
            self._sums.start(at)
            v = self._reduced(at, r)
            for j in range(r, self._width):
                if r == 1:
                    self._sums.add(self._product(v, 0, j), left[j])
                if r < self._own:
                    self._sums.add(self._product(v, r, j), found[j])
                elif j >= p and rest is None:
                    self._sums.add(self._product(v, j, j), found[j])
            if rest is not None:
                rest(v[r:])
        if r == 1:
            share = left * _inverse(self.squares[0])
            self.slopes[0] += share
            found -= share * (left if r == self._own else left[1])
        return found

    def _reduced(self, at: slice, r: int) -> np.ndarray:
        """A block of rows, the first `r` columns removed from those behind them."""
        length = at.stop - at.start
        v = self._buffer[:, :length]
        self._rows.fill(v, at)
        for s in range(r):
            for j in range(s + 1, self._width):
                part = self._sums.spread(self.slopes[s, j], self._spare)
                if s or not self._has_ones:
                    part *= v[s]
                v[j] -= part
        return v

    def _product(self, v: np.ndarray, s: int, j: int) -> np.ndarray:
        return v[j] if s == 0 and self._has_ones else np.multiply(v[s], v[j], out=self._spare[: v.shape[1]])


def _inverse(x: np.ndarray) -> np.ndarray:
    return np.divide(1.0, x, out=np.zeros_like(x), where=x > 0)
