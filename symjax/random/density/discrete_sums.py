"""Sums of counts that have no named law: convolutions over the values of bounded counts, differences of Poisson counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import symjax.tensor as T
from symjax.core._op import Operator
from symjax.core._shapes import infer_elementwise, is_static
from symjax.core._traverse import make
from symjax.random._distribution import require
from symjax.random._draw import RandomVariable
from symjax.random._finite import bounds_of
from symjax.random._sameness import number_of
from symjax.random.density._derive import Derivation, cumulative_of, density_of, unknown
from symjax.random.density._log_density import refuse_loose
from symjax.random.density._skellam import log_difference_mass
from symjax.random.density.convolution import SUMS, Terms
from symjax.random.distributions.counts import Poisson
from symjax.tensor._wrap import register

#: ``skellam(k, a, b)``: see `log_difference_mass`.
SKELLAM = register(Operator("skellam", log_difference_mass, infer_elementwise, elementwise=True))
#: Numbers that one convolution may be computed from.
_MAX_WORK = 4_000_000
#: When a value of positive probability counts.
_HOLDS = {"density": T.equal, "cdf": T.greater_equal, "ccdf": T.less}


class Table(NamedTuple):
    """Log probabilities of consecutive whole numbers from `first` on, along the last axis."""

    first: int
    logs: Any

    @property
    def size(self) -> int:
        return self.logs.shape[-1]


@SUMS.append
def _poisson_difference(terms: Terms, value: Any, what: str, derivation: Derivation) -> Any:
    """Poisson(a) − Poisson(b)."""
    if what != "density" or len(terms) != 2 or any(x.distribution is not Poisson for x, _ in terms):
        return None
    by_sign = {number_of(c): x for x, c in terms}
    if set(by_sign) != {1, -1}:
        return None
    mass = make(SKELLAM, [T.round(value), *(by_sign[c].parents[0] for c in (1, -1))])
    return require(mass, T.equal(value, T.round(value)))


@SUMS.append
def _with_bounded_counts(terms: Terms, value: Any, what: str, derivation: Derivation) -> Any:
    """Σ cᵢ xᵢ + c y, counts xᵢ of few values and any y: the law of c y at the value less each sum of the others."""
    tables: list[Table] = []
    rest: Terms = []
    for x, c in terms:
        table = _table(x, c)
        if table is None:
            rest.append((x, c))
        else:
            tables.append(table)
    if not tables or len(rest) > 1:
        return None
    elements = math.prod(value.shape) if is_static(value.shape) else _MAX_WORK
    sizes = [t.size for t in tables]
    if elements * sum(sizes) ** 2 > _MAX_WORK:
        return None
    total = _folded(tables)
    sums = T.expand_dims(value, -1) - np.arange(total.first, total.first + total.size)
    if rest:
        terms_of = _law_of_term(*rest[0], sums, what, derivation)
    else:
        terms_of = T.where(_HOLDS[what](sums, 0), 0.0, -np.inf)
    return None if terms_of is None else _mixed(total.logs + terms_of, what)


def _mixed(logs: Any, what: str) -> Any:
    found = T.logsumexp(logs, -1)
    # probabilities that round to more than one are one
    return found if what == "density" else T.minimum(found, 0.0)


def _table(x: Any, coefficient: Any) -> Table | None:
    """Log probabilities of the values of c x; None if x has too many, or c is no whole number."""
    c = number_of(coefficient)
    bounds = bounds_of(x)
    if bounds is None or c is None or c != round(c) or c == 0 or abs(c) > 1_000 or x.size == 0:
        return None
    first, last = int(bounds[0].min()), int(bounds[1].max())
    if (last - first + 1) * abs(c) > 2_000:
        return None
    values = np.arange(first, last + 1)
    parameters = [T.expand_dims(p, -1) for p in x.parents] if not _has_axes(x) else None
    if parameters is None:
        masses = T.stack(
            [T.broadcast_to(x.distribution.log_prob(T.constant(np.full(x.shape, v)), *x.parents), x.shape) for v in values], -1
        )
    else:
        masses = x.distribution.log_prob(T.constant(values.reshape((1,) * x.ndim + (-1,))), *parameters)
        masses = T.broadcast_to(masses, (*x.shape, len(values)))
    step = int(abs(c))
    if step > 1:
        place = np.full((len(values) - 1) * step + 1, len(values))
        place[::step] = np.arange(len(values))
        masses = _padded(masses)[..., place]
    if c < 0:
        masses = masses[..., ::-1]
    return Table(int(min(first * c, last * c)), masses)


def _has_axes(x: Any) -> bool:
    """Whether a law has parameters with axes of their own."""
    return any(spec.ndim for spec in x.distribution.parameters.values())


def _padded(logs: Any) -> Any:
    return T.concatenate([logs, T.full((*logs.shape[:-1], 1), -np.inf)], -1)


def _convolved(a: Any, b: Any) -> Any:
    """Log probabilities of a sum from those of its two terms, values along the last axis."""
    n, m = a.shape[-1], b.shape[-1]
    place = np.arange(n + m - 1)[:, None] - np.arange(n)
    place = np.where((place >= 0) & (place < m), place, m)
    return T.logsumexp(T.expand_dims(a, -2) + _padded(b)[..., place], -1)


def _folded(tables: Sequence[Table]) -> Table:
    logs = tables[0].logs
    for t in tables[1:]:
        logs = _convolved(logs, t.logs)
    return Table(sum(t.first for t in tables), logs)


def _law_of_term(x: Any, coefficient: Any, at: Any, what: str, derivation: Derivation) -> Any:
    """Log density or cdf of c x, with a new last axis."""
    law = x.distribution
    if law.event_ndim or _has_axes(x):
        return None
    parameters = [T.expand_dims(p, -1) for p in x.parents]
    c = T.expand_dims(coefficient, -1) if coefficient.ndim else coefficient
    number = number_of(coefficient)
    if law.is_discrete and (number is None or number != round(number) or number == 0):
        return None
    if what == "density":
        return law.log_prob(at / c, *parameters) - (0.0 if law.is_discrete else T.log(T.abs(c)))
    fact = derivation.facts(coefficient)
    if not (fact.positive or fact.negative):
        return None
    inner = at / c
    upper = what == "ccdf"
    if fact.negative:
        # P(c X ≤ t) = P(X ≥ t / c)
        upper, inner = not upper, T.ceil(inner) - 1 if law.is_discrete else inner
    return law.log_ccdf(inner, *parameters) if upper else law.log_cumulative(inner, *parameters)


# Sums of elements ------------------------------------------------------------------------------------------------------------


def _sum_of_elements(node: Any, derivation: Derivation) -> Table:
    [x] = node.parents
    axis = node.settings["axis"]
    if not isinstance(x, RandomVariable) or not is_static(x.shape) or (table := _table(x, T.constant(1.0))) is None:
        raise unknown(node, "density")
    axes = tuple(range(x.ndim)) if axis is None else axis
    if node.settings.get("keepdims", False) or x.size * table.size * x.size // max(node.size, 1) * table.size > _MAX_WORK:
        raise unknown(node, "density")
    refuse_loose([x], {})
    kept = [i for i in range(x.ndim) if i not in axes]
    n = math.prod(x.shape[i] for i in axes)
    logs = T.reshape(T.transpose(table.logs, (*kept, *axes, x.ndim)), (*(x.shape[i] for i in kept), n, table.size))
    return Table(table.first * n, _folded_axis(logs))


def _folded_axis(logs: Any) -> Any:
    """The convolution of all tables along the axis before the last."""
    while (n := logs.shape[-2]) > 1:
        both = _convolved(logs[..., 0 : n - n % 2 : 2, :], logs[..., 1:n:2, :])
        if n % 2:
            wide = both.shape[-1] - logs.shape[-1]
            last = T.concatenate([logs[..., -1:, :], T.full((*logs.shape[:-2], 1, wide), -np.inf)], -1)
            both = T.concatenate([both, last], -2)
        logs = both
    return logs[..., 0, :]


@density_of("sum")
def _density_of_sum(node: Any, value: Any, derivation: Derivation) -> Any:
    table = _sum_of_elements(node, derivation)
    derivation.consume_below(node)
    return _looked_up(table, value, "density")


@cumulative_of("sum")
def _cumulative_of_sum(node: Any, value: Any, upper: bool, derivation: Derivation) -> Any:
    return _looked_up(_sum_of_elements(node, derivation), value, "ccdf" if upper else "cdf")


def _looked_up(table: Table, value: Any, what: str) -> Any:
    values = np.arange(table.first, table.first + table.size)
    return _mixed(T.where(_HOLDS[what](T.expand_dims(value, -1), values), table.logs, -np.inf), what)
