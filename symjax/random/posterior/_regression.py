"""Normal likelihoods with a mean that is linear in data: their rows are reduced by QR.

With ``|y - Dw|² = rss + |Rw - z|²`` the likelihood of n rows is that of the K rows of ``z ~ Normal(Rw, σ)`` times
``σ^-(n-K) exp(-rss / 2σ²)``, up to a constant. The parameters' expressions w need not be linear in anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import as_tensor, constant
from symjax.core._scope import detached
from symjax.random._distribution import require
from symjax.random.distributions.log_normal import LogNormal
from symjax.random.distributions.normal import LOG_SQRT_2PI, Normal
from symjax.random.posterior._cells import picked
from symjax.random.posterior._crossed import crossed, crossed_width
from symjax.random.posterior._designs import Column
from symjax.random.posterior._joint import Factor, law_factor
from symjax.random.posterior._least_squares import Rows, Triangles, reduce_rows, significant
from symjax.random.posterior._numbers import Numbers
from symjax.random.posterior._plates import Design, Plate, design_of, plate_of, split_index
from symjax.random.posterior._refused import Refused

_MAX_COMMON = 256


def reduced_normal(factor: Factor) -> tuple[list[Factor], str] | None:
    """The factors that take the place of a Normal or LogNormal likelihood, and what was done; None if it is none.

    Raises
    ------
    Refused
        If it cannot be reduced.
    """
    law = factor.law
    if law is None or factor.distribution not in (Normal, LogNormal):
        return None
    numbers = Numbers([factor.value, *law.parents])
    shape = tuple(factor.term.shape)
    n = math.prod(shape)
    if factor.value not in numbers or n < 2:
        return None
    y = np.broadcast_to(numbers(factor.value), shape)
    constant_part = 0.0
    if factor.distribution is LogNormal:
        if not np.all(y > 0):
            raise Refused("some observations are not positive")
        y = np.log(y)
        constant_part = -float(np.sum(y))
    if not _is_finite(y):
        raise Refused("some observations are not finite")
    with detached():
        plate = plate_of(law, y, numbers, n)
        factors, what = _reduce(factor.name, plate)
        if plate.scale.weight is not None:
            repeats = n / plate.scale.weight.size
            constant_part -= repeats * float(np.sum(np.log(plate.scale.weight)))
        if constant_part:
            last = factors[-1]
            factors[-1] = replace(last, term=T.sum(last.term) + constant_part)
    return factors, what


def _is_finite(y: np.ndarray) -> bool:
    # a sum is not finite if an element is not, and takes no memory
    with np.errstate(all="ignore"):
        return bool(np.isfinite(np.sum(y, dtype=np.float64))) or bool(np.all(np.isfinite(y)))


def _reduce(name: str, plate: Plate) -> tuple[list[Factor], str]:
    n, kept = plate.y.size, plate.y.shape[1:]
    design = design_of(plate)
    k, d, m = len(design.own), len(design.common), math.prod(kept)
    rows = design.cells.size * k + d
    width = crossed_width(plate, design)
    if 2 * min(rows, width) * m > n:
        raise Refused("" if rows >= n else f"its {n} rows have as many as {rows} different designs")
    if d > _MAX_COMMON:
        raise Refused(f"{d} columns besides the groups are too many")
    with np.errstate(all="ignore"):
        found = reduce_rows(_rows(plate, design), k, design.cells.codes, design.cells.size)
    if not all(np.all(np.isfinite(a)) for a in (found.factors, found.common, found.values, found.residual)):
        raise Refused("some of its data is not finite")
    if design.cells.codes is None:
        return _one_cell(name, plate, design, found)
    if 2 * width <= rows:
        return _one_cell(name, *crossed(plate, design, found))
    factors = [_cell_rows(name, plate, design, found, r) for r in range(k) if np.any(found.factors[:, r])]
    dropped = [r for r in range(k) if not np.any(found.factors[:, r])]
    extra = np.sum(found.values[:, dropped] ** 2, axis=1)
    if d:
        rows = _sum_columns(plate, design, found.common, common=True)
        factors.append(_normal(name, rows, found.common_values.reshape(d, *kept), _spread(plate, design, False)))
    dof = np.broadcast_to((design.cells.counts - (k - len(dropped)))[:, None], (design.cells.size, m))
    factors.append(_rest(name, plate, design, dof, found.residual, extra, d))
    what = f"{n} rows → {design.cells.size} groups with {k} statistic{'s' if k > 1 else ''} each"
    return factors, what + (f" and {d} more" if d else "")


def _rows(plate: Plate, design: Design) -> Rows:
    m = math.prod(plate.y.shape[1:])
    flat = plate.y.reshape(plate.rows, m)
    offsets: list[Any] = [None] * m
    if plate.offset is not None:
        full = np.broadcast_to(plate.offset, plate.y.shape).reshape(plate.rows, m)
        offsets = [full[:, j] for j in range(m)]
    weight = None if plate.scale.weight is None else plate.scale.weight.reshape(-1)
    return Rows([*design.own, *design.common], [flat[:, j] for j in range(m)], offsets, weight, plate.rows)


def _one_cell(name: str, plate: Plate, design: Design, found: Triangles) -> tuple[list[Factor], str]:
    kept = plate.y.shape[1:]
    factor, values, extra = significant(found.factors[0], found.values[0])
    rank = len(factor)
    factors = []
    if rank:
        mean = _sum_columns(plate, design, factor, common=False)
        factors.append(_normal(name, mean, values.reshape(rank, *kept), _spread(plate, design, False)))
    dof = np.full((1, math.prod(kept)), plate.rows - rank)
    factors.append(_rest(name, plate, design, dof, found.residual, extra[None], 0))
    size = rank * math.prod(kept)
    statistics = f"{size} statistic{'s' if size > 1 else ''} and " if size else ""
    return factors, f"{plate.y.size} rows → {statistics}a sum of squares"


def _normal(name: str, mean: Any, value: np.ndarray, spread: Any) -> Factor:
    return law_factor(name, Normal(mean, spread, shape=value.shape), constant(value))


def _entry(i: Any, key: np.ndarray | None, trailing: int) -> Any:
    """An index entry over cells and responses."""
    if isinstance(i, int):
        return i
    return i if key is None else key.reshape(-1, *(1,) * trailing)


def _element(column: Column, design: Design, trailing: int) -> Any:
    """A summand's parameter by cell and response: shape broadcastable to ``(cells, *responses)``."""
    entries = []
    for axis, i in enumerate(column.index):
        varies = isinstance(i, np.ndarray) and i.shape[0] > 1
        key = design.cells.index[design.keys.find(i, column.source.shape[axis])] if varies else None
        entries.append(_entry(i, key, trailing))
    return picked(column.source, entries)


def _spread(plate: Plate, design: Design, by_cell: bool) -> Any:
    """The standard deviation of a row of weight one."""
    scale = plate.scale
    trailing = plate.y.ndim - 1
    if split_index(scale) and not by_cell:
        raise Refused("its scale differs between groups that share coefficients")
    found = _element(scale, design, trailing)
    return found if scale.factor == 1.0 else found * scale.factor


def _cell_rows(name: str, plate: Plate, design: Design, found: Triangles, r: int) -> Factor:
    """Row `r` of every cell."""
    kept = plate.y.shape[1:]
    k = len(design.own)
    mean: Any = None
    common = found.factors[:, r, k:]
    for column in plate.columns:
        place, level = design.place[column]
        if place < 0:
            continue
        weight = found.factors[:, r, place] * column.factor * (1.0 if level is None else level)
        if np.any(weight):
            term = weight.reshape(-1, *(1,) * len(kept)) * _element(column, design, len(kept))
            mean = term if mean is None else mean + term
    if np.any(common):
        shared = _sum_columns(plate, design, common, common=True)
        mean = shared if mean is None else mean + shared
    value = found.values[:, r].reshape(-1, *kept)
    return _normal(name, as_tensor(0.0) if mean is None else mean, value, _spread(plate, design, True))


def _sum_columns(plate: Plate, design: Design, matrix: np.ndarray, common: bool) -> Any:
    """``matrix @ parameters`` for columns whose parameters are the same for all rows: shape ``(len(matrix), *responses)``."""
    trailing = plate.y.ndim - 1
    sources: dict[Any, list[tuple[Column, np.ndarray]]] = {}
    for column in plate.columns:
        place, _ = design.place[column]
        if (place < 0) == common:
            weight = matrix[:, -1 - place if common else place] * column.factor
            sources.setdefault(column.source, []).append((column, weight))
    total: Any = None
    for source, parts in sources.items():
        if source.size > 1 and all(c.is_fixed for c, _ in parts):
            term = _product(source, parts)
            term = T.reshape(term, (*term.shape, *(1,) * trailing)) if trailing else term
        elif source.ndim == 2 and trailing == 1 and _is_matrix(source, parts):
            weights = np.zeros((len(matrix), source.shape[0]))
            for c, w in parts:
                weights[:, c.index[0]] += w
            term = T.matmul(constant(weights), source)
        else:
            terms = [w.reshape(-1, *(1,) * trailing) * picked(source, c.index) for c, w in parts]
            term = terms[0]
            for t in terms[1:]:
                term = term + t
        total = term if total is None else total + term
    return total


def _product(source: Any, parts: Sequence[tuple[Column, np.ndarray]]) -> Any:
    """Σ weight · element, as one product of a matrix with the elements that occur."""
    places = [int(np.ravel_multi_index(np.mod(c.index, source.shape), source.shape)) for c, _ in parts]
    used = sorted(set(places))
    weights = np.zeros((len(parts[0][1]), len(used)))
    rank = {place: j for j, place in enumerate(used)}
    for place, (_, weight) in zip(places, parts, strict=True):
        weights[:, rank[place]] += weight
    flat = T.reshape(source, (-1,))
    if len(used) == 1:
        return weights[:, 0] * flat[used[0]]
    return T.matmul(constant(weights), flat if len(used) == source.size else flat[np.array(used)])


def _is_matrix(source: Any, parts: Sequence[tuple[Column, np.ndarray]]) -> bool:
    """Whether the parts are whole rows of a matrix, one element for each response."""
    whole = np.arange(source.shape[1])
    return all(
        isinstance(c.index[0], int) and isinstance(c.index[1], np.ndarray) and np.array_equal(c.index[1].reshape(-1), whole)
        for c, _ in parts
    )


def _rest(name: str, plate: Plate, design: Design, dof: np.ndarray, residual: np.ndarray, extra: np.ndarray, d: int) -> Factor:
    """What is left of the likelihood: a power of the scale and the sum of squares that no mean removes."""
    by_cell = bool(split_index(plate.scale))
    by_response = any(isinstance(i, np.ndarray) and i.shape[0] == 1 for i in plate.scale.index)
    squares = residual + extra if by_cell else np.sum(residual, axis=0)[None] + np.sum(extra, axis=0)[None]
    degrees = dof if by_cell else np.sum(dof, axis=0)[None] - d
    if not by_response:
        squares, degrees = np.sum(squares, axis=1), np.sum(degrees, axis=1)
    spread = _spread(plate, design, by_cell)
    if not by_cell and not by_response:
        squares, degrees = squares.reshape(()), degrees.reshape(())
        spread = T.reshape(spread, ())
    elif by_response:
        squares, degrees = (a.reshape(-1, *plate.y.shape[1:]) for a in (squares, degrees))
        squares, degrees = (a if by_cell else a[0] for a in (squares, degrees))
    else:
        spread = T.reshape(spread, (-1,))
    term = -degrees * (T.log(spread) + LOG_SQRT_2PI) - 0.5 * squares / spread**2
    return Factor(name, require(term, T.greater(spread, 0)))
