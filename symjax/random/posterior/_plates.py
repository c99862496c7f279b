"""A likelihood's rows as a least-squares problem: which rows share parameters, and which columns of data there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symjax.core._leaves import as_tensor
from symjax.random.posterior._cell_sums import blocks
from symjax.random.posterior._cells import Cells, cells_of
from symjax.random.posterior._design_reader import linear_form
from symjax.random.posterior._designs import Column, LinearForm
from symjax.random.posterior._numbers import Numbers
from symjax.random.posterior._refused import Refused


@dataclass(frozen=True, slots=True)
class Plate:
    """A likelihood's rows with their responses taken apart.

    Attributes
    ----------
    columns : tuple of Column
        The mean, with arrays over ``(rows, *responses)``.
    scale : Column
        The standard deviation; its weight is data by row.
    y : array (rows, *responses)
        Observations, the offset subtracted later.
    offset : array or None
        Broadcastable to that.
    """

    columns: tuple[Column, ...]
    scale: Column
    y: np.ndarray
    offset: np.ndarray | None

    @property
    def rows(self) -> int:
        return self.y.shape[0]


def _form_of(node: Any, numbers: Numbers, n: int, shape: Sequence[int]) -> LinearForm | None:
    """A parameter as a form over the rows."""
    form = linear_form(node, numbers, max(n // 2, 1))
    if form is None:
        return None
    pad = (1,) * (len(shape) - len(form.shape))
    return form.map(lambda a: a.reshape(pad + a.shape), shape)


def plate_of(law: Any, y: np.ndarray, numbers: Numbers, n: int) -> Plate:
    mean, scale = (_form_of(p, numbers, n, y.shape) for p in law.parents)
    if mean is None or scale is None:
        raise Refused("its mean is not linear in data, or its scale varies by row")
    spread = _scale_column(scale)
    responses = _response_axes(mean.columns, spread, y.shape)
    order = [a for a in range(y.ndim) if a not in responses] + responses
    kept = [y.shape[a] for a in responses]
    n_rows = math.prod(y.shape) // math.prod(kept)

    def arrange(a: np.ndarray) -> np.ndarray:
        moved = np.transpose(a, order)
        rows = moved.shape[: len(order) - len(kept)]
        if math.prod(rows) == 1:
            return moved.reshape(1, *moved.shape[len(rows) :])
        full = np.broadcast_to(moved, (*[y.shape[a] for a in order[: len(rows)]], *moved.shape[len(rows) :]))
        return full.reshape(n_rows, *moved.shape[len(rows) :])

    mean = mean.map(arrange, (n_rows, *kept))
    both = LinearForm(mean.shape, (spread,)).map(arrange, mean.shape)
    return Plate(mean.columns, both.columns[0], arrange(y), mean.offset)


def _scale_column(form: LinearForm) -> Column:
    """The standard deviation as one column, data alone being that many times one."""
    if not form.columns:
        data = np.asarray(form.offset, np.float64)
        if not (np.all(data > 0) and np.all(np.isfinite(data))):
            raise Refused("its scale is not positive everywhere")
        one = as_tensor(1.0)
        return Column(one, (), None, float(data.reshape(-1)[0])) if data.size == 1 else Column(one, (), data)
    column, *others = form.columns
    if others or form.offset is not None:
        raise Refused("its scale is a sum of several terms that vary by row")
    if column.factor <= 0 or (column.weight is not None and not np.all(column.weight > 0)):
        raise Refused("its scale is multiplied by data that is not positive")
    return column


def _response_axes(columns: Sequence[Column], scale: Column, shape: Sequence[int]) -> list[int]:
    """Axes that no data varies along and on which every element has parameters of its own: the same design serves them all."""
    found = [a for a in range(len(shape)) if shape[a] > 1 and _is_response(a, columns, scale, shape)]
    indices = [i for c in (*columns, scale) for i in c.index if isinstance(i, np.ndarray)]
    for i in indices:
        axes = [a for a in range(len(shape)) if i.shape[a] > 1]
        if any(a in found for a in axes) and any(a not in found for a in axes):
            found = [a for a in found if a not in axes]
    others = [a for a in range(len(shape)) if a not in found and shape[a] > 1]
    return found if others else []


def _is_response(axis: int, columns: Sequence[Column], scale: Column, shape: Sequence[int]) -> bool:
    everything = (*columns, scale)
    if any(c.weight is not None and c.weight.shape[axis] > 1 for c in everything):
        return False
    return any(
        isinstance(i, np.ndarray) and i.size == i.shape[axis] == shape[axis] <= length and len(np.unique(i)) == shape[axis]
        for c in everything
        for i, length in zip(c.index, c.source.shape, strict=True)
    )


def split_index(column: Column) -> list[tuple[int, np.ndarray]]:
    """Source axes whose element depends on the row, with the elements by row."""
    return [(a, i) for a, i in enumerate(column.index) if isinstance(i, np.ndarray) and i.shape[0] > 1]


class Keys:
    """The index arrays over rows, each once."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self.lengths: list[int] = []

    def add(self, column: Column) -> None:
        for axis, entry in split_index(column):
            self.find(entry, column.source.shape[axis])

    def find(self, entry: np.ndarray, length: int) -> int:
        flat = np.where(entry < 0, entry + length, entry).reshape(-1) if entry.min() < 0 else entry.reshape(-1)
        for k, known in enumerate(self.arrays):
            if self.lengths[k] == length and (known is flat or np.array_equal(known, flat)):
                return k
        self.arrays.append(flat)
        self.lengths.append(length)
        return len(self.arrays) - 1


@dataclass(frozen=True, slots=True)
class Design:
    """Cells of rows, the distinct columns of data, and which column and level each summand of the mean has."""

    cells: Cells
    keys: Keys
    own: list[np.ndarray | None]
    common: list[np.ndarray]
    place: dict[Column, tuple[int, np.ndarray | None]]


def design_of(plate: Plate) -> Design:
    keys = Keys()
    for column in (*plate.columns, plate.scale):
        keys.add(column)
    spread_varies = bool(split_index(plate.scale))
    cells = cells_of(keys.arrays, keys.lengths, plate.rows)
    own: list[np.ndarray | None] = []
    common: list[np.ndarray] = []
    place: dict[Column, tuple[int, np.ndarray | None]] = {}
    ranks: dict[Any, tuple[bool, int]] = {}
    varying = [c for c in plate.columns if split_index(c)]
    fixed = [c for c in plate.columns if not split_index(c)]
    for column in (*varying, *fixed):
        weight, level = column.weight, None
        if weight is not None and cells.codes is not None:
            level = _level(weight.reshape(-1), cells)
            weight = None if level is not None else weight
        name = None if weight is None else (weight.__array_interface__["data"][0], weight.strides)
        if name not in ranks:
            mine = cells.codes is None or weight is None or bool(split_index(column)) or spread_varies
            group: list[Any] = own if mine else common
            ranks[name] = (mine, len(group))
            group.append(None if weight is None else weight.reshape(-1))
        place[column] = (ranks[name][1] if ranks[name][0] else -1 - ranks[name][1], level)
    return Design(cells, keys, own, common, place)


def _level(weight: np.ndarray, cells: Cells) -> np.ndarray | None:
    """The value of a column in each cell, if it has but one there."""
    codes = cells.codes
    assert codes is not None
    level = np.zeros(cells.size)
    for head in (min(weight.size, 1024), weight.size):
        level[codes[:head]] = weight[:head]
        if not all(np.array_equal(level[codes[at]], weight[at]) for at in blocks(head)):
            return None
    return level
