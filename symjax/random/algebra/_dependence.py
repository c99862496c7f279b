"""What elements of affine expressions of Gaussian draws share: which axes are independent, and whether there is a density."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from symjax.random.algebra._linear_maps import MAX_WEIGHTS, NotMapped, Weights

#: Least singular value of the unit rows of a map at which its law counts as regular: their covariance is then good to four digits.
_LEAST_SINGULAR = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Independent centred Gaussian values: all or a part of what a draw adds to its mean.

    Attributes
    ----------
    shape : tuple of int
        Shape of all of them.
    event : int
        Elements of one value, along the last axis; 1 for scalars.
    noise : Tensor
        What standard noise is multiplied by: a standard deviation for each scalar, a Cholesky factor for each vector.
    """

    shape: tuple[int, ...]
    event: int
    noise: Any


class Entries(NamedTuple):
    """Weights of one source that are there: cell of the batch, row of the event, column and place among all, of each."""

    cell: np.ndarray
    row: np.ndarray
    column: np.ndarray
    place: np.ndarray
    weights: Weights

    @property
    def value(self) -> np.ndarray:
        return self.weights.value.ravel()[self.place]

    @property
    def at(self) -> tuple[np.ndarray, ...]:
        return self.cell, self.row, self.column


@dataclass(frozen=True, slots=True)
class Block:
    """One source's part in the covariance.

    Attributes
    ----------
    source : Source
        The source.
    entries : list of Entries
        Its weights.
    units : array of int
        Its values in each cell, −1 for none; shape ``(cells, units)``.
    """

    source: Source
    entries: list[Entries]
    units: np.ndarray

    @property
    def event(self) -> int:
        return self.source.event


@dataclass(frozen=True, slots=True)
class Structure:
    """What the elements of an expression share.

    Attributes
    ----------
    shape : tuple of int
        Shape of the expression.
    batch_axes, event_axes : tuple of int
        Axes along which elements are independent of each other, and the others.
    blocks : list of Block
        The sources' parts.
    """

    shape: tuple[int, ...]
    batch_axes: tuple[int, ...]
    event_axes: tuple[int, ...]
    blocks: list[Block]

    @property
    def cells(self) -> int:
        return math.prod(self.shape[i] for i in self.batch_axes)

    @property
    def size(self) -> int:
        """Number of elements that depend on each other."""
        return math.prod(self.shape[i] for i in self.event_axes)


def structure_of(shape: tuple[int, ...], dependence: Mapping[Source, Sequence[Weights]]) -> Structure | None:
    """The structure of an expression; None if its law is not proved to have a density.

    Raises
    ------
    NotMapped
        If it is not worth writing down.
    """
    rows = np.stack(np.unravel_index(np.arange(math.prod(shape)), shape)) if shape else np.zeros((0, 1), int)
    joint = np.zeros(len(shape), bool)
    for source, parts in dependence.items():
        units, coordinates = _used(source, parts, rows)
        n = math.prod(source.shape) // source.event
        for axis, c in enumerate(coordinates):
            low, high = np.full(n, shape[axis]), np.full(n, -1)
            np.minimum.at(low, units, c)
            np.maximum.at(high, units, c)
            joint[axis] |= bool(np.any(high > low))
    batch, event = tuple(np.flatnonzero(~joint).tolist()), tuple(np.flatnonzero(joint).tolist())
    if any(not np.all(np.isfinite(w.value)) for parts in dependence.values() for w in parts):
        return None
    cells, places = (_numbered(rows, shape, axes) for axes in (batch, event))
    n_cells = math.prod(shape[i] for i in batch)
    blocks = [_block(source, parts, cells, places, n_cells) for source, parts in dependence.items()]
    structure = Structure(shape, batch, event, blocks)
    return structure if _is_regular(structure) else None


def _numbered(rows: np.ndarray, shape: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    """The number of each element among those that differ along some axes."""
    if not axes:
        return np.zeros(rows.shape[1], int)
    return np.asarray(np.ravel_multi_index(tuple(rows[list(axes)]), [shape[i] for i in axes]))


def _used(source: Source, parts: Sequence[Weights], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of a source that are used, and the coordinates of the elements that use them."""
    units, users = [], []
    for w in parts:
        found = np.flatnonzero(w.index.ravel() >= 0)
        units.append(w.index.ravel()[found] // source.event)
        users.append(found // w.index.shape[-1])
    return np.concatenate(units), rows[:, np.concatenate(users)]


def _block(source: Source, parts: Sequence[Weights], cells: np.ndarray, places: np.ndarray, n_cells: int) -> Block:
    event = source.event
    n_units = math.prod(source.shape) // event
    cell_of = np.full(n_units, -1)
    found = []
    for w in parts:
        at = np.flatnonzero(w.index.ravel() >= 0)
        users, elements = at // w.index.shape[-1], w.index.ravel()[at]
        cell_of[elements // event] = cells[users]
        found.append((users, elements, at, w))
    used = np.flatnonzero(cell_of >= 0)
    used = used[np.argsort(cell_of[used], kind="stable")]
    counts = np.bincount(cell_of[used], minlength=n_cells)
    rank = np.arange(len(used)) - np.repeat(np.cumsum(counts) - counts, counts)
    units = np.full((n_cells, max(int(counts.max(initial=0)), 1)), -1)
    units[cell_of[used], rank] = used
    column = np.zeros(n_units, int)
    column[used] = rank
    entries = [
        Entries(cells[users], places[users], column[elements // event] * event + elements % event, at, w)
        for users, elements, at, w in found
    ]
    return Block(source, entries, units)


# Regularity --------------------------------------------------------------------------------------------------------------


def width(block: Block) -> int:
    return block.units.shape[1] * block.event


def _is_regular(s: Structure) -> bool:
    """Whether the rows of all weights together are proved to be independent, so that the covariance is positive definite.

    Columns may be scaled by what is not zero, and each source's own covariance is positive definite.
    """
    if have_own_noise(s, private(s)):
        return True
    if s.cells * s.size * sum(width(b) for b in s.blocks) > 4 * MAX_WEIGHTS:
        raise NotMapped
    if all(len(b.entries) == 1 and _is_scaled(b.entries[0].weights) for b in s.blocks):
        whole = np.concatenate([numeric(s, b) for b in s.blocks], -1)
        return is_full_rank(whole)
    return _is_triangular(s)


def is_full_rank(matrices: np.ndarray) -> bool:
    """Whether the rows of each matrix are clearly independent."""
    norms = np.linalg.norm(matrices, axis=-1, keepdims=True)
    rows, columns = matrices.shape[-2:]
    if not np.all(norms > 0) or not np.all(np.isfinite(norms)) or columns < rows:
        return False
    return rows == 1 or float(np.linalg.svd(matrices / norms, compute_uv=False)[..., -1].min()) > _LEAST_SINGULAR


def _is_scaled(w: Weights) -> bool:
    """Whether weights are known, but for a number that is not zero."""
    return w.factor is None or (w.nonzero and all(d == 1 for d in w.factor.shape))


def private(s: Structure) -> list[Block]:
    """The blocks each of whose values has a weight in one row only."""
    found = []
    for b in s.blocks:
        if b.event == 1 and len(b.entries) == 1:
            [e] = b.entries
            units = b.units[e.cell, e.column]
            if len(np.unique(units)) == len(units):
                found.append(b)
    return found


def have_own_noise(s: Structure, private: Sequence[Block]) -> bool:
    """Whether every row is proved to have a weight of a value that no other row uses."""
    covered = np.zeros((s.cells, s.size), bool)
    for b in private:
        [e] = b.entries
        if e.weights.nonzero:
            covered[e.cell, e.row] = True
    return bool(covered.all())


def numeric(s: Structure, block: Block) -> np.ndarray:
    """Known weights as matrices, one for each cell."""
    found = np.zeros((s.cells, s.size, width(block)))
    for e in block.entries:
        np.add.at(found, e.at, e.value)
    return found


def _is_triangular(s: Structure) -> bool:
    """Whether each row, in some order, has a weight that is not zero in a column that no later row uses."""
    uses, proved = [], []
    for b in s.blocks:
        times = np.zeros((s.cells, s.size, width(b)), int)
        sure = np.zeros(times.shape, bool)
        for e in b.entries:
            np.add.at(times, e.at, 1)
            if e.weights.nonzero:
                sure[e.at] = True
        uses.append(times > 0)
        # weights of one element that add up may cancel
        proved.append(sure & (times == 1))
    used, sure = np.concatenate(uses, -1), np.concatenate(proved, -1)
    left = np.ones(used.shape[:2], bool)
    while left.any():
        alone = (used & left[..., None]).sum(1, keepdims=True) == 1
        settled = (sure & alone & left[..., None]).any(-1)
        if not settled.any():
            return False
        left &= ~settled
    return True
