"""Crossed groups with few members in all: their cells are reduced once more, to as many rows as there are parameters."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from symjax.random.posterior._cells import Cells
from symjax.random.posterior._designs import Column
from symjax.random.posterior._least_squares import Triangles, triangle
from symjax.random.posterior._plates import Design, Plate, split_index

_MAX_WIDTH = 300
_MAX_WORK = 2e10


def crossed_width(plate: Plate, design: Design) -> float:
    """Number of columns that the design has with an indicator for each member of each group; infinite if that is too many."""
    if len(design.keys.arrays) < 2 or split_index(plate.scale):
        return math.inf
    groups = {
        (c.source, _rest(c)): math.prod(c.source.shape[a] for a, _ in split_index(c))
        for c in plate.columns
        if design.place[c][0] >= 0
    }
    width = sum(groups.values()) + len(design.common)
    work = design.cells.size * len(design.own) * width**2
    return width if width <= _MAX_WIDTH and work <= _MAX_WORK else math.inf


def _rest(column: Column) -> tuple[Any, ...]:
    """What tells the index of a column from others but for the rows."""
    varying = {a for a, _ in split_index(column)}
    return tuple(None if a in varying else i if isinstance(i, int) else i.tobytes() for a, i in enumerate(column.index))


def crossed(plate: Plate, design: Design, found: Triangles) -> tuple[Plate, Design, Triangles]:
    """The same problem in one cell."""
    columns: dict[Any, Column] = {}
    ranks: dict[Any, int] = {}
    entries: list[tuple[np.ndarray, Column]] = []
    for column in plate.columns:
        place, _ = design.place[column]
        if place >= 0:
            entries.append((_indicators(column, design, columns, ranks), column))
    own = len(columns)
    for column in plate.columns:
        place, _ = design.place[column]
        if place < 0:
            columns[column] = column
            ranks[column] = own - 1 - place
    width = own + len(design.common)
    cells, k, p = found.factors.shape
    m = found.values.shape[-1]

    def block(at: slice, length: int) -> np.ndarray:
        out = np.zeros((length, k, width + m))
        rows = np.arange(length)
        for targets, column in entries:
            place, level = design.place[column]
            weight = found.factors[at, :, place] * column.factor
            out[rows, :, targets[at]] += weight if level is None else weight * level[at, None]
        out[:, :, own:width] += found.factors[at, :, k:]
        out[:, :, width:] = found.values[at]
        return out.reshape(length * k, width + m)

    top = triangle(block, cells, width + m)
    below = np.concatenate([np.zeros((p - k, own)), found.common, found.common_values], axis=1)
    whole = np.linalg.qr(np.concatenate([top, below]), mode="r")
    residual = np.sum(found.residual, axis=0) + np.sum(whole[width:, width:] ** 2, axis=0)
    triangles = Triangles(
        whole[None, :width, :width], whole[None, :width, width:], np.zeros((0, 0)), np.zeros((0, m)), residual[None]
    )
    places: dict[Column, tuple[int, np.ndarray | None]] = {columns[name]: (ranks[name], None) for name in columns}
    one = Design(Cells(None, 1, (), np.array([plate.rows])), design.keys, [None] * width, [], places)
    return replace(plate, columns=tuple(columns.values())), one, triangles


def _indicators(column: Column, design: Design, columns: dict[Any, Column], ranks: dict[Any, int]) -> np.ndarray:
    """For each cell the rank of the parameter that a column takes there; parameters are added to `columns` as they are met."""
    varying = dict(split_index(column))
    shape = column.source.shape
    values = [design.cells.index[design.keys.find(i, shape[a])] for a, i in varying.items()]
    lengths = [shape[a] for a in varying]
    codes = np.ravel_multi_index(tuple(values), tuple(lengths)) if values else np.zeros(design.cells.size, np.intp)
    known = np.full(math.prod(lengths), -1)
    rest = _rest(column)
    for code in np.unique(codes):
        members = dict(zip(varying, map(int, np.unravel_index(code, lengths) if lengths else ()), strict=True))
        name = (column.source, rest, tuple(members.items()))
        if name not in columns:
            ranks[name] = len(columns)
            index = tuple(members.get(a, i) for a, i in enumerate(column.index))
            columns[name] = Column(column.source, index)
        known[code] = ranks[name]
    return known[codes]
