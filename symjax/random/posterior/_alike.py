"""Likelihoods with rows that are alike: by their law's statistics, or each distinct row once, times its count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._scope import detached
from symjax.random.posterior._cell_sums import CellSums, blocks
from symjax.random.posterior._families import FAMILIES, Family
from symjax.random.posterior._joint import Factor
from symjax.random.posterior._numbers import Numbers
from symjax.random.posterior._reduction import Reduction
from symjax.random.posterior._refused import Refused
from symjax.random.posterior._rows import RowReader


def reduced_family(factor: Factor) -> tuple[list[Factor], str] | None:
    """A likelihood through the sums of its law's statistics in each group of rows that share parameters; None if it has none.

    Raises
    ------
    Refused
        If it cannot be reduced.
    """
    family = FAMILIES.get(factor.distribution)
    law = factor.law
    if family is None or law is None:
        return None
    numbers = Numbers([factor.value, *law.parents])
    shape = tuple(factor.term.shape)
    rows = math.prod(shape)
    if factor.value not in numbers or rows < 2:
        return None
    with detached():
        return _reduce(factor, law, family, RowReader(numbers, shape), numbers)


def _reduce(factor: Factor, law: Any, family: Family, reader: RowReader, numbers: Numbers) -> tuple[list[Factor], str]:
    distribution = law.distribution
    event = law.shape[law.ndim - distribution.event_ndim :]
    readers, data = {}, {}
    exposure: np.ndarray | None = None
    for (name, spec), node in zip(distribution.parameters.items(), law.parents, strict=True):
        if name in family.data:
            if node not in numbers:
                raise Refused("")
            data[name] = np.broadcast_to(numbers(node), reader.shape).reshape(-1)
            continue
        if name == family.exposure:
            found, node = exposure_of(node, numbers)
            if found is not None:
                exposure = np.broadcast_to(found, reader.shape).reshape(-1)
        readers[name] = reader.read(node, spec.ndim)
    cells = reader.cells()
    parameters = {name: build(cells) for name, build in readers.items()}
    y = np.broadcast_to(numbers(factor.value), (*reader.shape, *event)).reshape(reader.rows, *event)
    if y.dtype.kind == "f" and not all(np.all(np.isfinite(y[at])) for at in blocks(len(y))):
        raise Refused("some observations are not finite")
    constraints = {name: spec.constraint.condition for name, spec in distribution.parameters.items() if name in parameters}
    conditions = [holds(parameters[name]) for name, holds in constraints.items() if holds is not None]
    if len(parameters) == len(law.parents):
        conditions += distribution.conditions(*parameters.values())
    sums = None if cells.codes is None else CellSums(cells.codes, cells.size)
    reduction = Reduction(factor.name, y, cells, sums, parameters, exposure, data, conditions)
    factors = family.reduce(reduction)
    return factors, f"{reader.rows} rows → sums in {cells.size} group{'s' if cells.size > 1 else ''}"


def exposure_of(node: Any, numbers: Numbers) -> tuple[np.ndarray | None, Any]:
    """A parameter as positive data by row times the rest; None for the data if there is none."""
    data, rest = _split(node, numbers)
    if data is None or rest is None or not (np.all(data > 0) and np.all(np.isfinite(data))):
        return None, node
    return data, rest


def _split(node: Any, numbers: Numbers) -> tuple[np.ndarray | None, Any]:
    """A product as its data that vary by row and the rest, each None if there is none."""
    if node in numbers:
        return (numbers(node), None) if node.size > 1 else (None, node)
    name = node.op.name if node.op is not None else ""
    if name in ("multiply", "divide"):
        (a, x), (b, y) = (_split(p, numbers) for p in node.parents)
        invert = name == "divide"
        data = a if b is None else (1.0 / b if invert else b) if a is None else (a / b if invert else a * b)
        if data is None:
            return None, node
        if y is None:
            return data, x
        return data, (1.0 if x is None else x) / y if invert else y if x is None else x * y
    if name == "exp":
        offset, rest = _split_sum(node.parents[0], numbers)
        return (None, node) if offset is None or rest is None else (np.exp(offset), T.exp(rest))
    return None, node


def _split_sum(node: Any, numbers: Numbers) -> tuple[np.ndarray | None, Any]:
    """A sum as its data that vary by row and the rest."""
    if node in numbers:
        return (numbers(node), None) if node.size > 1 else (None, node)
    if node.op is None or node.op.name not in ("add", "subtract"):
        return None, node
    (a, x), (b, y) = (_split_sum(p, numbers) for p in node.parents)
    minus = node.op.name == "subtract"
    data = a if b is None else (-b if minus else b) if a is None else (a - b if minus else a + b)
    if data is None:
        return None, node
    if y is None:
        return data, x
    return data, (-y if minus else y) if x is None else (x - y if minus else x + y)


def repeated_rows(factor: Factor) -> tuple[list[Factor], str] | None:
    """Any likelihood of scalars of which many rows are the same, data and all: each distinct row counts as often as it occurs.

    Raises
    ------
    Refused
        If fewer than half of the rows are repetitions.
    """
    law = factor.law
    if law is None or law.distribution.event_ndim:
        return None
    numbers = Numbers([factor.value, *law.parents])
    shape = tuple(factor.term.shape)
    if factor.value not in numbers or math.prod(shape) < 4:
        return None
    with detached():
        reader = RowReader(numbers, shape)
        readers = [reader.read(p, spec.ndim) for spec, p in zip(law.distribution.parameters.values(), law.parents, strict=True)]
        value = reader.read(factor.value)
        cells = reader.cells()
        if cells.codes is None:
            raise Refused("")
        term = law.distribution.log_prob(value(cells), *[build(cells) for build in readers])
        counted = Factor(factor.name, cells.counts.astype(np.float64) * term)
    return [counted], f"{reader.rows} rows → {cells.size} distinct ones, with their counts"
