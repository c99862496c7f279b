"""Least squares over many rows, once: triangular factors of a design's cells by QR in blocks.

For each cell (the rows that share their parameters) an orthogonal transformation turns the rows ``[A | B | y]`` into a few, the
triangle of which holds all that a sum of squares depends on: ``|y - Ab - Bd|²`` is ``|z - Rb - Sd|²`` over the first rows plus what
the rest says about `d`, and a residual. The rest of all cells is reduced in the same way. Blocks of rows are added to a triangle
one after the other (Demmel, Grigori, Hoemmen, Langou, Communication-optimal parallel and sequential QR, 2012, section 2), which
needs the memory of a block and is as stable as Householder's QR of the whole, where normal equations are not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symjax.random.posterior._sweeps import Sweeps

_BLOCK = 8192
#: Elements of a matrix that LAPACK reduces in one thread: more, and threads wait for each other far longer than they work.
_UNTHREADED = 8192
#: Columns per cell up to which passes over all rows are faster than putting each cell's rows together.
_MAX_SWEPT = 4


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a least-squares problem, put together a block at a time.

    Attributes
    ----------
    columns : sequence of (array or None)
        Columns ``[A | B]``; None is a column of ones.
    responses : sequence of array
        Columns of `y`.
    offsets : sequence of (array or None)
        What is subtracted from each response.
    scale : array or None
        What each row is divided by.
    size : int
        Number of rows.
    """

    columns: Sequence[np.ndarray | None]
    responses: Sequence[np.ndarray]
    offsets: Sequence[np.ndarray | None]
    scale: np.ndarray | None
    size: int

    def fill(self, out: np.ndarray, at: Any) -> None:
        """Write rows chosen by a slice or by positions to ``out (columns and responses, rows)``."""
        for target, column in zip(out, self.columns, strict=False):
            target[:] = 1.0 if column is None else column[at]
        for target, y, offset in zip(out[len(self.columns) :], self.responses, self.offsets, strict=True):
            if offset is None:
                target[:] = y[at]
            else:
                np.subtract(y[at], offset[at], out=target)
        if self.scale is not None:
            out /= self.scale[at]

    def block(self, at: Any, length: int) -> np.ndarray:
        """Rows chosen by a slice or by positions, as ``(rows, columns and responses)``."""
        out = np.empty((length, len(self.columns) + len(self.responses)))
        self.fill(out.T, at)
        return out


@dataclass(frozen=True, slots=True)
class Triangles:
    """The reduced rows.

    Attributes
    ----------
    factors : array (cells, k, k + d)
        Rows of each cell: coefficients of its own columns, then of the common ones.
    values : array (cells, k, responses)
        Right-hand sides of those rows.
    common : array (d, d)
        Rows of the common columns alone, with the right-hand sides
    common_values : array (d, responses).
    residual : array (cells, responses), or (1, responses) if there are common columns
        Sums of squares that no parameter can remove.
    """

    factors: np.ndarray
    values: np.ndarray
    common: np.ndarray
    common_values: np.ndarray
    residual: np.ndarray


def triangle(block: Callable[[slice, int], np.ndarray], size: int, width: int) -> np.ndarray:
    """The triangular factor of `size` rows of `width` columns, read in blocks.

    Returns
    -------
    array (width, width)
        Upper triangular.
    """
    found = np.zeros((0, width))
    # a wide matrix is mostly multiplied, which threads do well; a narrow one is not
    part = _UNTHREADED // width if width <= 64 else max(_BLOCK, 8 * width)
    step = part * max(_BLOCK // part, 1)
    for start in range(0, size, step):
        stop = min(start + step, size)
        rows = block(slice(start, stop), stop - start)
        whole = len(rows) // part * part if step > part else 0
        parts = np.linalg.qr(rows[:whole].reshape(-1, part, width), mode="r").reshape(-1, width)
        found = np.linalg.qr(np.concatenate([found, parts, rows[whole:]]), mode="r")
    return _padded(found, width)


def _padded(r: np.ndarray, width: int) -> np.ndarray:
    """Triangles of at least `width` rows, zeros below."""
    short = max(width - r.shape[-2], 0)
    return np.concatenate([r, np.zeros((*r.shape[:-2], short, r.shape[-1]))], axis=-2) if short else r


def reduce_rows(rows: Rows, own: int, cells: np.ndarray | None, n_cells: int) -> Triangles:
    """Reduce rows to triangles.

    Parameters
    ----------
    rows : Rows
        The rows; the first `own` columns have a parameter for each cell, the others are common to all of them.
    own : int
        Number k of such columns.
    cells : array of int or None
        Cell of each row; None if there is one.
    n_cells : int
        Number of cells; some may be without rows.
    """
    p, m = len(rows.columns), len(rows.responses)
    if cells is None:
        whole = triangle(rows.block, rows.size, p + m)[None]
        return _split(whole, own, p, m, np.zeros((p - own, p - own + m)))
    if own <= _MAX_SWEPT:
        return _swept(rows, own, cells, n_cells)
    found = np.zeros((n_cells, p + m, p + m))
    for members, positions, mask in _batches(cells, n_cells, _UNTHREADED // (p + m)):
        if mask is None:
            [cell] = members

            def block(at: slice, length: int, positions: np.ndarray = positions) -> np.ndarray:
                return rows.block(positions[at], length)

            found[cell] = triangle(block, positions.size, p + m)
            continue
        flat = rows.block(positions.reshape(-1), positions.size).reshape(*positions.shape, p + m)
        r = np.linalg.qr(np.where(mask[..., None], flat, 0.0), mode="r")
        found[members] = _padded(r, p + m)
    below = np.zeros((0, p - own + m))
    if p > own:
        rest = found[:, own:, own:].reshape(-1, p - own + m)
        below = triangle(lambda at, length: rest[at], len(rest), p - own + m)
    return _split(found, own, p, m, below)


def _swept(rows: Rows, own: int, cells: np.ndarray, n_cells: int) -> Triangles:
    """As `reduce_rows` for few columns per cell: sums of products, and no row need be moved."""
    p, m = len(rows.columns), len(rows.responses)
    d = p - own
    sweeps = Sweeps(rows, own, cells, n_cells)
    below = np.zeros((0, d + m))

    def add(rest: np.ndarray) -> None:
        nonlocal below
        r = triangle(lambda at, length: rest.T[at], rest.shape[1], d + m)
        below = np.linalg.qr(np.concatenate([below, r]), mode="r")

    residual = sweeps.run(add if d else None).T
    below = _padded(below, d + m)
    if d:
        residual = np.sum(below[d:, d:] ** 2, axis=0)[None]
    factors = np.moveaxis(np.sqrt(sweeps.squares)[:, None] * sweeps.slopes, 2, 0)
    return Triangles(factors[..., :p], factors[..., p:], below[:d, :d], below[:d, d:], residual)


def _split(found: np.ndarray, own: int, p: int, m: int, below: np.ndarray) -> Triangles:
    d = p - own
    residual = np.sum(found[:, own:, p:] ** 2, axis=1) if not d else np.sum(below[d:, d:] ** 2, axis=0)[None]
    return Triangles(found[:, :own, :p], found[:, :own, p:], below[:d, :d], below[:d, d:], residual.reshape(-1, m))


def _batches(cells: np.ndarray, n_cells: int, large: int) -> Any:
    """Cells of similar size together, as ``(cells, positions of their rows, which of these count)``.

    Those with more than `large` rows come alone, without a mask.
    """
    codes = cells.astype(np.uint16) if n_cells <= 1 << 16 else cells
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(cells, minlength=n_cells)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    by_size = np.argsort(counts, kind="stable")
    first = int(np.searchsorted(counts[by_size], 1))
    while first < n_cells:
        smallest = int(counts[by_size[first]])
        last = int(np.searchsorted(counts[by_size], max(2 * smallest, 8), side="right"))
        last = min(last, first + max(1, 2 * _BLOCK // max(2 * smallest, 8)))
        members = by_size[first:last]
        first = last
        if int(counts[members[-1]]) > large:
            for cell in members:
                yield [cell], order[starts[cell] : starts[cell] + counts[cell]], None
            continue
        places = np.arange(int(counts[members[-1]]))
        mask = places < counts[members][:, None]
        yield members, order[np.where(mask, starts[members][:, None] + places, 0)], mask


def significant(factor: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As few rows as the rank of a triangle, where its columns are collinear.

    Parameters
    ----------
    factor : array (k, k)
        Coefficients.
    values : array (k, m)
        Right-hand sides.

    Returns
    -------
    factor, values : array
        The rows, of a number equal to the rank.
    residual : array (m,)
        Sum of squares of what was left out.
    """
    norms = np.linalg.norm(factor, axis=0)
    u, s, _ = np.linalg.svd(factor / np.where(norms > 0, norms, 1.0))
    rank = int(np.sum(s > 1e-13 * max(len(s), 1) ** 0.5 * (s[0] if len(s) else 0.0)))
    if rank == len(factor):
        return factor, values, np.zeros(values.shape[1])
    return u[:, :rank].T @ factor, u[:, :rank].T @ values, np.sum((u[:, rank:].T @ values) ** 2, axis=0)
