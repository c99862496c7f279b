"""Rows that are alike: expressions over many rows are evaluated once for all rows that have the same data."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import constant
from symjax.core._traverse import make
from symjax.random.posterior._cell_sums import counted
from symjax.random.posterior._cells import Cells, crossed_codes, numbered, picked
from symjax.random.posterior._design_reader import linear_form
from symjax.random.posterior._designs import Column, LinearForm
from symjax.random.posterior._numbers import Numbers
from symjax.random.posterior._refused import Refused

_SAMPLE = 20_000
_MAX_KEYS = 256


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    return a.flat[0] == b.flat[0] and np.array_equal(a, b)


class RowReader:
    """Reads expressions over rows; afterwards makes them again for one row of each cell.

    Parameters
    ----------
    numbers : Numbers
        Values of the expressions' parts that are data.
    shape : tuple of int
        Shape of the rows. Expressions broadcast to it, and may have further axes behind.
    """

    def __init__(self, numbers: Numbers, shape: Sequence[int]):
        self._numbers = numbers
        self.shape = tuple(shape)
        self.rows = math.prod(shape)
        self._keys: list[np.ndarray] = []

    def key(self, array: np.ndarray) -> int:
        """Number of an array that broadcasts to the rows: rows are alike only where it is equal."""
        for k, known in enumerate(self._keys):
            if known is array or (known.shape == array.shape and known.dtype == array.dtype and _equal(known, array)):
                return k
        if len(self._keys) >= _MAX_KEYS:
            raise Refused("")
        self._keys.append(array)
        return len(self._keys) - 1

    def read(self, node: Any, core: int = 0) -> Callable[[Cells], Any]:
        """What makes an expression for the cells: of shape ``(cells, *core)``, or without the first axis if all rows share it.

        Raises
        ------
        Refused
            If it has elements of its own for every row.
        """
        rank = node.ndim - core
        if node in self._numbers:
            return self._read_data(node, core)
        if all(d == 1 for d in node.shape[: max(rank, 0)]):
            shared = T.reshape(node, node.shape[max(rank, 0) :])
            return lambda cells: shared
        if node.op is not None and node.op.elementwise and (core == 0 or all(p.ndim >= core for p in node.parents)):
            try:
                parts = [self.read(p, core) for p in node.parents]
            except Refused:
                return self._read_form(node, core)
            return lambda cells: make(node.op, [part(cells) for part in parts], node.params)
        return self._read_form(node, core)

    def _read_data(self, node: Any, core: int) -> Callable[[Cells], Any]:
        value = self._numbers(node)
        lead = value.shape[: value.ndim - core]
        if all(d == 1 for d in lead):
            shared = constant(value.reshape(value.shape[value.ndim - core :]))
            return lambda cells: shared
        if core:
            raise Refused("")
        k = self.key(value)
        return lambda cells: constant(self.at_cells(k, cells))

    def _read_form(self, node: Any, core: int) -> Callable[[Cells], Any]:
        form = (
            linear_form(node, self._numbers, max(self.rows // 2, 1)) if node.op is not None or node.size <= self.rows // 2 else None
        )
        if form is None:
            raise Refused("" if node.op is None else "its parameters differ from row to row")
        rank = len(self.shape) + core
        pad = (1,) * (rank - len(form.shape))
        form = form.map(lambda a: a.reshape(pad + a.shape), (*self.shape, *form.shape[len(form.shape) - core :]))
        if core:
            return self._read_gather(form, core)
        if len(form.columns) > _MAX_KEYS:
            raise Refused("")
        offset = None if form.offset is None else self.key(form.offset)
        parts = [self._read_column(c) for c in form.columns]

        def build(cells: Cells) -> Any:
            total = None if offset is None else constant(self.at_cells(offset, cells))
            for part in parts:
                term = part(cells)
                total = term if total is None else total + term
            return total

        return build

    def _read_column(self, column: Column) -> Callable[[Cells], Any]:
        weight = None if column.weight is None else self.key(column.weight)
        entries = [i if isinstance(i, int) else self.key(i) for i in column.index]
        fixed = [isinstance(i, int) for i in column.index]

        def build(cells: Cells) -> Any:
            index = [e if f else self.at_cells(e, cells) for e, f in zip(entries, fixed, strict=True)]
            term = picked(column.source, index)
            scale = column.factor if weight is None else column.factor * self.at_cells(weight, cells)
            return term if isinstance(scale, float) and scale == 1.0 else term * scale

        return build

    def _read_gather(self, form: LinearForm, core: int) -> Callable[[Cells], Any]:
        """An expression of vectors: whole vectors picked by row."""
        column = form.gather
        if column is None or column.source.ndim < core:
            raise Refused("its parameters differ from row to row")
        split = column.source.ndim - core
        for axis, entry in enumerate(column.index[split:], split):
            length = column.source.shape[axis]
            whole = entry == 0 if isinstance(entry, int) else np.array_equal(entry.reshape(-1), np.arange(length))
            if not whole or form.shape[axis - split - core] != length:
                raise Refused("its parameters differ from row to row")
        lead = column.index[:split]
        if any(not isinstance(i, int) and any(d != 1 for d in i.shape[i.ndim - core :]) for i in lead):
            raise Refused("its parameters differ from row to row")
        entries = [i if isinstance(i, int) else self.key(i.reshape(i.shape[: i.ndim - core])) for i in lead]
        fixed = [isinstance(i, int) for i in lead]

        def build(cells: Cells) -> Any:
            index = [e if f else self.at_cells(e, cells) for e, f in zip(entries, fixed, strict=True)]
            if not all(fixed) and len(index) == 1 and np.array_equal(index[0], np.arange(column.source.shape[0])):
                return column.source
            return column.source[tuple(index)] if index else column.source

        return build

    def at_cells(self, k: int, cells: Cells) -> np.ndarray:
        """The value of a key in each cell."""
        return cells.index[k]

    def cells(self, least: float = 2.0) -> Cells:
        """The cells of the rows.

        Raises
        ------
        Refused
            If there are fewer than `least` rows in a cell on average.
        """
        flat = [np.broadcast_to(k, self.shape).reshape(-1) for k in self._keys]
        if self.rows >= 4 * _SAMPLE:
            # were half of all rows repeated, a sample without any repetition would be all but impossible
            chosen = np.random.default_rng(0).choice(self.rows, _SAMPLE, replace=False)
            self._joint([k[chosen] for k in flat], _SAMPLE - 1)
        codes, index = self._joint(flat, int(self.rows / least))
        if codes is None:
            return Cells(None, 1, (), np.array([self.rows]))
        size = len(index[0])
        return Cells(codes, size, index, counted(codes, size))

    def _joint(self, keys: Sequence[np.ndarray], most: int) -> tuple[np.ndarray | None, tuple[np.ndarray, ...]]:
        """Numbers of the distinct rows of some keys, in the keys' order, and these rows; refused for more than `most`."""
        joint: np.ndarray | None = None
        index: list[np.ndarray] = []
        for key in keys:
            code, labels = numbered(key)
            if joint is None:
                joint, index = code, [labels]
            else:
                length = len(labels)
                joint, found = numbered(crossed_codes(joint, length, code))
                index = [*(i[found // length] for i in index), labels[found % length]]
            if len(index[0]) > most:
                raise Refused("" if self.rows <= 2 else f"nearly all of its {self.rows} rows differ")
        return joint, tuple(index)
