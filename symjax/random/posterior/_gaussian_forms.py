"""Affine forms: an expression as a sparse linear map of unknowns, with numeric structure and few symbolic coefficients.

A form lists for each element of an expression the unknowns that it is a sum of. Operations that only move elements about act on
the numeric row numbers, so that plates, hierarchies, designs and chains keep their structure however they are written. What a model
adds or scales by is kept as a number times a product of scalar expressions wherever it is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import symjax.tensor as T
from symjax.random.posterior._gaussian_scales import UNIT, Scale, raised, times

#: The column of what multiplies no unknown.
CONSTANT = -1
_MAX_ENTRIES = 20_000_000


class NotAffine(Exception):
    """An expression is not affine in the unknowns; `node` is where."""

    def __init__(self, node: Any):
        super().__init__(repr(node))
        self.node = node


class Entries(NamedTuple):
    """Entries of a sparse matrix that share their symbolic factors.

    Attributes
    ----------
    rows, cols : array of int, shape (n,)
        Places; entries at one place add up.
    numbers : array of float, shape (n,)
        Numeric factors.
    scale : Scale
        Product of scalar expressions that all are multiplied by.
    symbol : Tensor or None
        Further factors: element ``places[k]`` of the flattened tensor for entry k.
    places : array of int, shape (n,), or None
        See `symbol`.
    """

    rows: np.ndarray
    cols: np.ndarray
    numbers: np.ndarray
    scale: Scale = UNIT
    symbol: Any = None
    places: np.ndarray | None = None


class Form(NamedTuple):
    """An expression of shape `shape` as entries; rows number its elements in C order."""

    shape: tuple[int, ...]
    parts: tuple[Entries, ...]

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


class Coefficient(NamedTuple):
    """A factor free of unknowns: numbers of the expression's shape times a scale times a tensor's elements."""

    numbers: np.ndarray
    scale: Scale
    symbol: Any
    places: np.ndarray | None

    def inverse(self, node: Any) -> Coefficient:
        """One over it."""
        if not np.all(self.numbers):
            raise NotAffine(node)
        symbol = None if self.symbol is None else T.reciprocal(self.symbol)
        return Coefficient(1 / self.numbers, raised(self.scale, -1), symbol, self.places)


def is_identity(rows: np.ndarray, n: int) -> bool:
    return len(rows) == n and (n < 2 or bool((rows == np.arange(n)).all()))


def selected(form: Form, source: np.ndarray) -> Form:
    """The form whose element k is element ``source.flat[k]`` of `form`."""
    flat = source.ravel()
    if is_identity(flat, form.size):
        return Form(source.shape, form.parts)
    return Form(source.shape, tuple(_selected_part(p, form.size, flat) for p in form.parts))


def _selected_part(part: Entries, n: int, flat: np.ndarray) -> Entries:
    if is_identity(part.rows, n):
        rows, take = np.arange(len(flat)), flat
    else:
        order = np.argsort(part.rows, kind="stable")
        ordered = part.rows[order]
        starts = np.searchsorted(ordered, flat, "left")
        counts = np.searchsorted(ordered, flat, "right") - starts
        rows = np.repeat(np.arange(len(flat)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        take = order[np.repeat(starts, counts) + within]
    if len(rows) > _MAX_ENTRIES:
        raise NotAffine("too many entries")
    places = None if part.places is None else part.places[take]
    return Entries(rows, part.cols[take], part.numbers[take], part.scale, part.symbol, places)


def broadcast(form: Form, shape: Sequence[int]) -> Form:
    """A form repeated to a shape."""
    shape = tuple(shape)
    if form.shape == shape:
        return form
    return selected(form, np.broadcast_to(np.arange(form.size).reshape(form.shape), shape))


def scaled(form: Form, factor: Coefficient) -> Form:
    """A form times a coefficient; they broadcast together."""
    shape = np.broadcast_shapes(form.shape, factor.numbers.shape)
    form = broadcast(form, shape)
    numbers = np.broadcast_to(factor.numbers, shape).ravel()
    places = None
    if factor.places is not None:
        places = np.broadcast_to(factor.places.reshape(factor.numbers.shape), shape).ravel()
    return Form(shape, tuple(_scaled_part(p, numbers, factor, places) for p in form.parts))


def _scaled_part(part: Entries, numbers: np.ndarray, factor: Coefficient, places: np.ndarray | None) -> Entries:
    symbol, at = part.symbol, part.places
    if factor.symbol is not None:
        new = places[part.rows]  # type: ignore[index]
        if symbol is None:
            symbol, at = factor.symbol, new
        else:
            symbol, at = T.ravel(symbol)[at] * T.ravel(factor.symbol)[new], np.arange(len(new))
    return part._replace(numbers=part.numbers * numbers[part.rows], scale=times(part.scale, factor.scale), symbol=symbol, places=at)


def negated(form: Form) -> Form:
    """Minus a form."""
    return Form(form.shape, tuple(p._replace(numbers=-p.numbers) for p in form.parts))


def added(*forms: Form) -> Form:
    """The sum of forms, which broadcast together."""
    shape = np.broadcast_shapes(*(f.shape for f in forms))
    return Form(shape, _merged([p for f in forms for p in broadcast(f, shape).parts]))


def _merged(parts: list[Entries]) -> tuple[Entries, ...]:
    """Parts with equal symbolic factors joined."""
    groups: dict[Any, list[Entries]] = {}
    for p in parts:
        groups.setdefault((p.scale, None if p.symbol is None else id(p.symbol)), []).append(p)
    return tuple(_joined(g) for g in groups.values())


def _joined(group: list[Entries]) -> Entries:
    if len(group) == 1:
        return group[0]
    first = group[0]
    if first.symbol is None and all(len(p.rows) == len(first.rows) for p in group):
        if all(np.array_equal(p.rows, first.rows) and np.array_equal(p.cols, first.cols) for p in group[1:]):
            return first._replace(numbers=np.sum([p.numbers for p in group], axis=0))
    rows, cols, numbers = (np.concatenate([p[k] for p in group]) for k in range(3))
    places = None if first.places is None else np.concatenate([p.places for p in group])  # type: ignore[misc]
    return Entries(rows, cols, numbers, first.scale, first.symbol, places)


def summed(form: Form, shape: Sequence[int], target: np.ndarray) -> Form:
    """The form of shape `shape` to whose element ``target.flat[k]`` element k of `form` is added."""
    flat = target.ravel()
    return Form(tuple(shape), tuple(p._replace(rows=flat[p.rows]) for p in form.parts))


def numeric(value: Any) -> Form:
    """The form of an array of numbers."""
    array = np.asarray(value, float)
    rows = np.arange(array.size)
    return Form(array.shape, (Entries(rows, np.full(array.size, CONSTANT), array.ravel()),))


def unknowns(shape: Sequence[int], start: int) -> Form:
    """The form of unknowns with columns from `start` on."""
    rows = np.arange(math.prod(shape))
    return Form(tuple(shape), (Entries(rows, start + rows, np.ones(len(rows))),))
