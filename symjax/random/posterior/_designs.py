"""Expressions that are linear in small ones with data as coefficients: ``offset + Σ weight · source[index]``.

A likelihood's mean over many rows is usually put together from few parameters by gathering, scaling, adding and multiplying by
matrices of data. Read in this form it is a sparse design matrix whose rows need never be written out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import symjax.tensor as T

_MAX_COLUMNS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One summand: ``factor · weight · source[index]``.

    Attributes
    ----------
    source : Tensor
        A small expression of parameters.
    index : tuple of int or array
        For each axis of the source the element that each row takes; arrays broadcast to the rows' shape and have as many axes.
    weight : array or None
        Data that broadcasts to the rows' shape, with as many axes; None is one.
    factor : float
        A number.
    """

    source: Any
    index: tuple[Any, ...]
    weight: np.ndarray | None = None
    factor: float = 1.0

    @property
    def is_fixed(self) -> bool:
        """Whether every row takes the same element."""
        return all(isinstance(i, int) for i in self.index)

    @property
    def is_plain(self) -> bool:
        """Whether it only picks elements."""
        return self.weight is None and self.factor == 1.0

    def map(self, fn: Callable[[np.ndarray], np.ndarray]) -> Column:
        """The column with `fn` applied to its arrays, those of one element becoming numbers."""
        index = tuple(_mapped(i, fn) for i in self.index)
        weight = None if self.weight is None else fn(self.weight)
        if weight is not None and weight.size == 1:
            return Column(self.source, index, None, self.factor * float(weight.reshape(-1)[0]))
        return Column(self.source, index, weight, self.factor)

    def element(self) -> Any:
        """The element that every row takes."""
        return T.reshape(self.source, ()) if self.source.size == 1 else self.source[self.index]


@dataclass(frozen=True, slots=True, eq=False)
class LinearForm:
    """A sum of columns and data.

    Attributes
    ----------
    shape : tuple of int
        Shape of the rows.
    columns : tuple of Column
        The parameters' part.
    offset : array or None
        The data's part, broadcastable to `shape` with as many axes; None is zero.
    """

    shape: tuple[int, ...]
    columns: tuple[Column, ...] = ()
    offset: np.ndarray | None = None

    @property
    def gather(self) -> Column | None:
        """The column of a form that does nothing but pick elements."""
        return self.columns[0] if len(self.columns) == 1 and self.offset is None and self.columns[0].is_plain else None

    def map(self, fn: Callable[[np.ndarray], np.ndarray], shape: Sequence[int]) -> LinearForm:
        """The form with `fn` applied to each array of data, and no array where it leaves one element."""
        columns = tuple(c.map(fn) for c in self.columns)
        return LinearForm(tuple(shape), columns, None if self.offset is None else fn(self.offset))


def _mapped(entry: Any, fn: Callable[[np.ndarray], np.ndarray]) -> Any:
    return entry if isinstance(entry, int) else _index_entry(fn(entry))


def _index_entry(array: np.ndarray) -> Any:
    return int(array.reshape(-1)[0]) if array.size == 1 else array


def same_index(a: Sequence[Any], b: Sequence[Any]) -> bool:
    """Whether two indices are equal, entry by entry."""
    return len(a) == len(b) and all(_same_entry(x, y) for x, y in zip(a, b, strict=True))


def _same_entry(a: Any, b: Any) -> bool:
    if a is b or isinstance(a, int) or isinstance(b, int):
        return a is b or (isinstance(a, int) and isinstance(b, int) and a == b)
    return a.shape == b.shape and np.array_equal(a, b)


def identity_form(node: Any) -> LinearForm:
    """A small expression as what it is."""
    return LinearForm(tuple(node.shape), (Column(node, tuple(_places(node.shape, axis) for axis in range(node.ndim))),))


def _places(shape: Sequence[int], axis: int) -> Any:
    n = shape[axis]
    return 0 if n == 1 else np.arange(n).reshape([-1 if a == axis else 1 for a in range(len(shape))])


def data_form(value: np.ndarray) -> LinearForm:
    return LinearForm(value.shape, (), value)


def aligned(form: LinearForm, shape: Sequence[int]) -> LinearForm:
    """The form broadcast to a shape with at least as many axes."""
    pad = (1,) * (len(shape) - len(form.shape))
    return form.map(lambda a: a.reshape(pad + a.shape), shape) if pad else replace(form, shape=tuple(shape))


def sum_of(a: LinearForm, b: LinearForm) -> LinearForm | None:
    columns = (*a.columns, *b.columns)
    if len(columns) > _MAX_COLUMNS:
        return None
    offset = b.offset if a.offset is None else a.offset if b.offset is None else a.offset + b.offset
    return LinearForm(a.shape, columns, offset)


def scaled(form: LinearForm, by: np.ndarray) -> LinearForm:
    """The form times data with as many axes."""
    if by.size == 1:
        number = float(by.reshape(-1)[0])
        columns = tuple(replace(c, factor=c.factor * number) for c in form.columns)
    else:
        columns = tuple(replace(c, weight=_times(c.weight, by)) for c in form.columns)
    return LinearForm(form.shape, columns, _times(form.offset, by) if form.offset is not None else None)


def _times(a: np.ndarray | None, b: np.ndarray | None) -> Any:
    """Product of data; None is one."""
    if a is None or b is None:
        return b if a is None else a
    return np.multiply(a, b, dtype=np.float64)


def product_of(a: LinearForm, b: LinearForm) -> LinearForm | None:
    if len(a.columns) > len(b.columns):
        a, b = b, a
    shape = np.broadcast_shapes(a.shape, b.shape)
    found: LinearForm | None = LinearForm(shape) if a.offset is None else replace(scaled(b, a.offset), shape=shape)
    if len(a.columns) * len(b.columns) > _MAX_COLUMNS:
        return None
    for column in a.columns:
        part = _times_column(b, column)
        if found is None or part is None:
            return None
        found = sum_of(found, replace(part, shape=shape))
    return found


def _times_column(form: LinearForm, by: Column) -> LinearForm | None:
    columns = []
    if form.offset is not None:
        weight = _times(form.offset, by.weight)
        columns.append(
            replace(by, weight=weight) if weight.size > 1 else replace(by, factor=by.factor * float(weight.reshape(-1)[0]))
        )
    for c in form.columns:
        if c.is_fixed and by.is_fixed:
            source, index = c.element() * by.element(), ()
        elif c.is_fixed:
            source, index = c.element() * by.source, by.index
        elif by.is_fixed:
            source, index = by.element() * c.source, c.index
        elif same_index(c.index, by.index) and c.source.shape == by.source.shape:
            source, index = c.source * by.source, c.index
        else:
            return None
        columns.append(Column(source, index, _times(c.weight, by.weight), c.factor * by.factor))
    return LinearForm(form.shape, tuple(columns))


def reshaped(form: LinearForm, new: Sequence[int]) -> LinearForm:
    """The form in another shape."""
    old = form.shape
    if [d for d in old if d != 1] == [d for d in new if d != 1]:
        kept = [a for a, d in enumerate(old) if d != 1]
        places = [a for a, d in enumerate(new) if d != 1]

        def move(a: np.ndarray) -> np.ndarray:
            lengths = [1] * len(new)
            for place, axis in zip(places, kept, strict=True):
                lengths[place] = a.shape[axis]
            return a.reshape(lengths)

        return form.map(move, new)
    return form.map(lambda a: a.reshape((1,) * len(new)) if a.size == 1 else np.broadcast_to(a, old).reshape(tuple(new)), new)


def summed(form: LinearForm, axis: int) -> LinearForm | None:
    """The form summed over an axis, each column of it becoming as many as the axis is long."""
    n = form.shape[axis]
    shape = form.shape[:axis] + form.shape[axis + 1 :]
    columns: list[Column] = []
    for c in form.columns:
        arrays = [a for a in (c.weight, *c.index) if isinstance(a, np.ndarray)]
        if all(a.shape[axis] == 1 for a in arrays):
            columns += LinearForm(form.shape, (replace(c, factor=c.factor * n),)).map(lambda a: np.take(a, 0, axis), shape).columns
            continue
        if len(columns) + n > _MAX_COLUMNS:
            return None
        one = LinearForm(form.shape, (c,))
        for j in range(n):
            at = (slice(None),) * axis
            columns += one.map(lambda a, j=j, at=at: a[(*at, 0 if a.shape[axis] == 1 else j)], shape).columns
    offset = form.offset
    if offset is not None:
        offset = np.sum(offset, axis=axis) * (n if offset.shape[axis] == 1 else 1)
    return LinearForm(shape, tuple(columns), offset)


def negative(form: LinearForm) -> LinearForm:
    columns = tuple(replace(c, factor=-c.factor) for c in form.columns)
    return LinearForm(form.shape, columns, None if form.offset is None else -form.offset)
