"""Likelihoods of alike rows through their sums: exponential families and others whose rows enter by few numbers.

Each function takes a `Reduction` and gives the factors that have the same sum as the rows of all cells: a law at the sum where that
is one, which later rules recognise, and what is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import constant
from symjax.random.distributions.bernoulli import Bernoulli, Binomial
from symjax.random.distributions.beta import Beta
from symjax.random.distributions.categorical import Categorical, Multinomial
from symjax.random.distributions.counts import Geometric, NegativeBinomial, Poisson
from symjax.random.distributions.exponential import Exponential
from symjax.random.distributions.gamma import ChiSquared, Gamma, InverseGamma
from symjax.random.distributions.half_normal import HalfNormal
from symjax.random.distributions.laplace import Laplace
from symjax.random.distributions.log_normal import LogNormal
from symjax.random.distributions.mv_normal import Dirichlet
from symjax.random.distributions.normal import LOG_SQRT_2PI, Normal
from symjax.random.distributions.pareto import Pareto
from symjax.random.distributions.uniform import Uniform
from symjax.random.distributions.weibull import Weibull
from symjax.random.posterior._joint import Factor, Latent
from symjax.random.posterior._reduction import ByRow, Part, Reduction
from symjax.random.posterior._refused import Refused


def _lgamma(x: Any) -> Any:
    x = np.asarray(x, np.float64)
    if x.size <= 1 << 14:
        # importing SciPy's takes longer
        return np.array([math.lgamma(v) for v in x.flat]).reshape(x.shape)
    import scipy.special

    return scipy.special.gammaln(x)


def _whole(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(x)).astype(np.int64)


def _log_ways(n: Any, k: Any) -> Any:
    return _lgamma(n + 1.0) - _lgamma(k + 1.0) - _lgamma(n - k + 1.0)


def _sum_over_counts(r: Reduction, counts: ByRow, fn: Callable[[np.ndarray], np.ndarray]) -> float:
    """Σ fn(counts) over all rows, where the counts are whole numbers from zero: once for each number where these are few."""
    most = max(int(np.max(counts(part))) for part in r.parts())
    if most > len(r.y):
        return r.sum(lambda part: fn(np.asarray(counts(part), np.float64)))
    often = np.zeros(most + 1, np.int64)
    for part in r.parts():
        np.add.at(often, np.broadcast_to(counts(part), part.y.shape).reshape(-1).astype(np.int64), 1)
    occurring = np.flatnonzero(often)
    return float(np.sum(often[occurring] * fn(occurring.astype(np.float64))))


def _sum_log_factorials(r: Reduction, counts: ByRow) -> float:
    return _sum_over_counts(r, counts, lambda k: _lgamma(k + 1.0))


def _is_count(part: Part) -> Any:
    return (part.y >= 0) & (np.rint(part.y) == part.y)


def _is_positive(part: Part) -> Any:
    return part.y > 0


def _is_fraction(part: Part) -> Any:
    return (part.y > 0) & (part.y < 1)


def _log(part: Part) -> Any:
    return np.log(part.y)


def _log_exposure(part: Part) -> Any:
    return np.log(part.e)


def _exposed(part: Part) -> Any:
    return part.e * part.y


def _bernoulli(r: Reduction) -> list[Factor]:
    r.check(lambda part: (part.y == 0) | (part.y == 1))
    successes = _whole(r.total())
    law = Binomial(r.n, logit_p=r.parameters["logit_p"])
    return [r.law(law, successes), r.constant(-np.sum(_log_ways(r.n, successes)))]


def _binomial(r: Reduction) -> list[Factor]:
    r.check(lambda part: _is_count(part) & (part.y <= part.data["n"]))
    trials, successes = _whole(r.total(lambda part: part.data["n"])), _whole(r.total())
    rows = _sum_log_factorials(r, lambda part: part.data["n"]) - _sum_log_factorials(r, lambda part: part.y)
    ways = rows - _sum_log_factorials(r, lambda part: part.data["n"] - part.y) - np.sum(_log_ways(trials, successes))
    return [r.law(Binomial(trials, logit_p=r.parameters["logit_p"]), successes), r.constant(ways)]


def _poisson(r: Reduction) -> list[Factor]:
    r.check(_is_count)
    exposure, events = r.total(lambda part: part.e), _whole(r.total())
    rows = -_sum_log_factorials(r, lambda part: part.y)
    if r.exposure is not None:
        rows += r.sum(lambda part: part.y * np.log(part.e))
    whole = np.sum(events * np.log(exposure) - _lgamma(events + 1.0))
    return [r.law(Poisson(exposure * r.parameters["mu"]), events), r.constant(rows - whole)]


def _gamma_at(r: Reduction, shape: Any, rate: Any, total: np.ndarray, rest: Any) -> list[Factor]:
    """Factors with the sum ``n·shape·log rate - rate·total + rest``: a Gamma law of the total where that is positive."""
    if np.any(total <= 0):
        return [r.term(r.n * shape * T.log(rate) - rate * total), r.term(rest)]
    many = r.n * T.as_tensor(shape)
    norm = T.gammaln(many) - (many - 1.0) * np.log(total)
    return [r.law(Gamma(many, rate), total), r.term(T.sum(T.broadcast_to(norm, np.shape(total))) + T.sum(rest))]


def _exponential(r: Reduction) -> list[Factor]:
    r.check(lambda part: part.y >= 0)
    return _gamma_at(r, 1.0, r.parameters["lam"], r.total(_exposed), constant(r.sum(_log_exposure)))


def _gamma(r: Reduction) -> list[Factor]:
    r.check(_is_positive)
    alpha = r.parameters["alpha"]
    rest = alpha * r.total(_log_exposure) + (alpha - 1.0) * r.total(_log) - r.n * T.gammaln(alpha)
    return _gamma_at(r, alpha, r.parameters["beta"], r.total(_exposed), rest)


def _inverse_gamma(r: Reduction) -> list[Factor]:
    r.check(_is_positive)
    alpha = r.parameters["alpha"]
    rest = alpha * r.total(_log_exposure) - (alpha + 1.0) * r.total(_log) - r.n * T.gammaln(alpha)
    return _gamma_at(r, alpha, r.parameters["beta"], r.total(lambda part: part.e / part.y), rest)


def _chi_squared(r: Reduction) -> list[Factor]:
    r.check(_is_positive)
    half = r.parameters["nu"] * 0.5
    rest = (half - 1.0) * r.total(_log) - r.n * (half * np.log(2.0) + T.gammaln(half)) - 0.5 * r.total()
    return [r.term(rest)]


def _beta(r: Reduction) -> list[Factor]:
    r.check(_is_fraction)
    a, b = r.parameters["alpha"], r.parameters["beta"]
    logs = (a - 1.0) * r.total(_log) + (b - 1.0) * r.total(lambda part: np.log1p(-part.y))
    return [r.term(logs - r.n * T.betaln(a, b))]


def _half_normal(r: Reduction) -> list[Factor]:
    r.check(lambda part: part.y >= 0)
    sigma = r.parameters["sigma"]
    return [r.term(-r.n * (T.log(sigma) - 0.5 * np.log(2 / np.pi)) - 0.5 * r.total(lambda part: part.y**2) / sigma**2)]


def _laplace(r: Reduction) -> list[Factor]:
    b = r.parameters["b"]
    return [r.term(-r.n * (T.log(b) + np.log(2.0)) - r.total(lambda part: np.abs(part.y - part.data["mu"])) / b)]


def _geometric(r: Reduction) -> list[Factor]:
    r.check(lambda part: _is_count(part) & (part.y >= 1))
    p = r.parameters["p"]
    failures = r.total(lambda part: part.y - 1.0)
    return [r.term(T.xlogy(r.n, p) + T.xlog1py(failures, -p))]


def _negative_binomial(r: Reduction) -> list[Factor]:
    alpha = r.data["alpha"]
    r.check(lambda part: _is_count(part) & (part.data["alpha"] > 0))
    if np.ptp(alpha) > 0:
        raise Refused("")
    one = float(np.reshape(alpha, -1)[0])
    events, shape = _whole(r.total()), r.n * one

    def ways(y: Any, a: Any) -> Any:
        return _lgamma(y + a) - _lgamma(a) - _lgamma(y + 1.0)

    law = NegativeBinomial(mu=r.n * r.parameters["mu"], alpha=shape)
    return [
        r.law(law, events),
        r.constant(_sum_over_counts(r, lambda part: part.y, lambda y: ways(y, one)) - np.sum(ways(events, shape))),
    ]


def _pareto(r: Reduction) -> list[Factor]:
    r.check(lambda part: (part.y >= part.data["m"]) & (part.data["m"] > 0))
    logs = r.total(lambda part: np.log(part.y / part.data["m"]))
    return _gamma_at(r, 1.0, r.parameters["alpha"], logs, constant(-r.sum(_log)))


def _weibull(r: Reduction) -> list[Factor]:
    alpha = r.data["alpha"]
    r.check(lambda part: (part.y > 0) & (part.data["alpha"] > 0))
    if np.ptp(alpha) > 0:
        raise Refused("its shapes differ")
    a, beta = float(np.reshape(alpha, -1)[0]), r.parameters["beta"]
    scale = float(np.max(r.y))
    # powers of ratios, lest they overflow
    powers = r.total(lambda part: (part.y / scale) ** a) * T.power(beta / scale, -a)
    rest = (a - 1.0) * r.sum(_log) + len(r.y) * np.log(a)
    return [r.term(-r.n * a * T.log(beta) - powers), r.constant(rest)]


def _uniform(r: Reduction) -> list[Factor]:
    if r.cells.codes is not None or len(r.y) < 5:
        raise Refused("")
    low, high = r.parameters["lower"], r.parameters["upper"]
    ends = np.array([np.min(r.y), np.max(r.y)], np.float64)
    return [r.law(Uniform(low, high, shape=(2,)), ends), r.term((2.0 - r.n) * T.log(high - low))]


def _normal(r: Reduction) -> list[Factor]:
    mu, sigma = r.parameters["mu"], r.parameters["sigma"]
    root = np.sqrt(r.n)
    mean = r.total() / r.n
    codes = r.cells.codes
    squares = r.total(lambda part: (part.y - (mean if codes is None else mean[codes[part.at]])) ** 2)
    rest = (1.0 - r.n) * (T.log(sigma) + LOG_SQRT_2PI) - 0.5 * squares / sigma**2
    return [r.law(Normal(root * mu, sigma, shape=np.shape(mean)), root * mean), r.term(rest)]


def _log_normal(r: Reduction) -> list[Factor]:
    r.check(_is_positive)
    logs = replace(r, y=np.log(r.y))
    return [*_normal(logs), r.constant(-np.sum(logs.y))]


def _simplex(log_p: Any) -> Any:
    """The probabilities whose logarithm an expression is, if they are known to sum to one."""
    if log_p.op is None or log_p.op.name != "log":
        return None
    [p] = log_p.parents
    source = p.parents[0] if p.op is not None and p.op.name == "getitem" and p.ndim <= 2 else p
    whole = isinstance(source, Latent) and source.draw.distribution is Dirichlet and source.shape[-1] == p.shape[-1]
    return p if whole and (source is p or (len(p.parents) == 2 and source.ndim == 2)) else None


def _categorical(r: Reduction) -> list[Factor]:
    log_p = r.parameters["logit_p"]
    size = log_p.shape[-1]
    r.check(lambda part: _is_count(part) & (part.y < size))
    if r.cells.size * size * 2 > len(r.y):
        raise Refused("")
    counts = r.tally(size)
    counts = counts[0] if r.cells.codes is None else counts
    p = _simplex(log_p)
    if p is None:
        # a category that never occurs may have probability zero
        logs = T.where(counts > 0, counts * T.log_softmax(log_p, -1), 0.0)
        return [r.term(logs.sum(-1))]
    ways = np.sum(_lgamma(counts.sum(-1) + 1.0)) - np.sum(_lgamma(counts + 1.0))
    return [r.law(Multinomial(counts.sum(-1), p), counts), r.constant(-ways)]


def _multinomial(r: Reduction) -> list[Factor]:
    r.check(_is_count)
    r.check(lambda part: part.y.sum(-1) == part.data["n"])
    counts = _whole(r.total())
    rows = float(np.sum(_lgamma(r.data["n"] + 1.0))) - _sum_log_factorials(r, lambda part: part.y)
    whole = np.sum(_lgamma(counts.sum(-1) + 1.0)) - np.sum(_lgamma(counts + 1.0))
    return [r.law(Multinomial(counts.sum(-1), r.parameters["p"]), counts), r.constant(rows - whole)]


def _dirichlet(r: Reduction) -> list[Factor]:
    r.check(_is_fraction)
    r.check(lambda part: np.abs(part.y.sum(-1) - 1) < 1e-6)
    [a] = r.parameters.values()
    norm = T.gammaln(a).sum(-1) - T.gammaln(a.sum(-1))
    return [r.term(((a - 1.0) * r.total(_log)).sum(-1) - r.n * norm)]


@dataclass(frozen=True, slots=True)
class Family:
    """How a law's rows are reduced.

    Attributes
    ----------
    reduce : callable
        Reduction to factors.
    data : tuple of str
        Parameters that must be data and may differ within a cell.
    exposure : str or None
        The parameter of which a factor of data may differ within a cell.
    """

    reduce: Callable[[Reduction], list[Factor]]
    data: tuple[str, ...] = ()
    exposure: str | None = None


FAMILIES: dict[Any, Family] = {
    Bernoulli: Family(_bernoulli),
    Binomial: Family(_binomial, ("n",)),
    Poisson: Family(_poisson, exposure="mu"),
    Exponential: Family(_exponential, exposure="lam"),
    Gamma: Family(_gamma, exposure="beta"),
    InverseGamma: Family(_inverse_gamma, exposure="beta"),
    ChiSquared: Family(_chi_squared),
    Beta: Family(_beta),
    HalfNormal: Family(_half_normal),
    Laplace: Family(_laplace, ("mu",)),
    Geometric: Family(_geometric),
    NegativeBinomial: Family(_negative_binomial, ("alpha",)),
    Pareto: Family(_pareto, ("m",)),
    Weibull: Family(_weibull, ("alpha",)),
    Uniform: Family(_uniform),
    Normal: Family(_normal),
    LogNormal: Family(_log_normal),
    Categorical: Family(_categorical),
    Multinomial: Family(_multinomial, ("n",)),
    Dirichlet: Family(_dirichlet),
}
