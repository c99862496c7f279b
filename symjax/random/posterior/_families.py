"""Likelihoods of alike rows through their sums: exponential families and others whose rows enter by few numbers.

Each function takes a `Reduction` and gives the factors that have the same sum as the rows of all cells: a law at the sum where that
is one, which later rules recognise, and what is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import constant
from symjax.random._distribution import require
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
from symjax.random.posterior._cells import Cells
from symjax.random.posterior._joint import Factor, Latent, law_factor
from symjax.random.posterior._refused import Refused


@dataclass(frozen=True, slots=True)
class Reduction:
    """The rows of a likelihood and their cells.

    Attributes
    ----------
    name : str
        Name of the likelihood.
    y : array (rows,) or (rows, *event)
        Observations.
    cells : Cells
        Rows with the same parameters.
    parameters : dict of str to Tensor
        Parameters by cell, of shape ``(cells,)`` or (); for parameters that are exposures only their common part.
    exposure : array (rows,) or None
        What a parameter is multiplied by in each row.
    data : dict of str to array (rows,)
        Parameters that are data and do not tell cells apart.
    conditions : list of Tensor
        What the other parameters have to satisfy.
    """

    name: str
    y: np.ndarray
    cells: Cells
    parameters: dict[str, Any]
    exposure: np.ndarray | None
    data: dict[str, np.ndarray]
    conditions: list[Any]

    @property
    def n(self) -> Any:
        """Rows in each cell."""
        return self.cells.counts[0] if self.cells.codes is None else self.cells.counts

    @property
    def e(self) -> Any:
        return 1.0 if self.exposure is None else self.exposure

    def total(self, x: Any) -> Any:
        """Sums over the rows of each cell."""
        x = np.broadcast_to(x, self.y.shape[:1]) if np.ndim(x) < 2 else x
        if self.cells.codes is None:
            return np.sum(x, axis=0, dtype=np.float64)
        if x.ndim == 1:
            return np.bincount(self.cells.codes, weights=x, minlength=self.cells.size)
        return np.stack([self.total(x[:, j]) for j in range(x.shape[1])], axis=-1)

    def term(self, expression: Any, *conditions: Any) -> Factor:
        """A factor that is no law: −inf for parameters that are not allowed."""
        # a condition must not repeat a sum that is already taken
        all_of = [c if c.size == 1 or c.shape == expression.shape else T.all(c) for c in (*self.conditions, *conditions)]
        return Factor(self.name, require(expression, *all_of))

    def constant(self, value: Any) -> Factor:
        """A factor that is a number."""
        return Factor(self.name, constant(np.float64(value)))

    def law(self, law: Any, value: Any) -> Factor:
        """A factor that is a law."""
        return law_factor(self.name, law, constant(value))


def _lgamma(x: Any) -> Any:
    import scipy.special

    return scipy.special.gammaln(x)


def _whole(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(x)).astype(np.int64)


def _log_ways(n: Any, k: Any) -> Any:
    return _lgamma(n + 1.0) - _lgamma(k + 1.0) - _lgamma(n - k + 1.0)


def _check(holds: Any) -> None:
    if not np.all(holds):
        raise Refused("some observations are outside of its support")


def _bernoulli(r: Reduction) -> list[Factor]:
    _check((r.y == 0) | (r.y == 1))
    successes = _whole(r.total(r.y))
    law = Binomial(r.n, logit_p=r.parameters["logit_p"])
    return [r.law(law, successes), r.constant(-np.sum(_log_ways(r.n, successes)))]


def _binomial(r: Reduction) -> list[Factor]:
    n = r.data["n"]
    _check((r.y >= 0) & (r.y <= n) & (np.rint(r.y) == r.y))
    trials, successes = _whole(r.total(n)), _whole(r.total(r.y))
    ways = np.sum(_log_ways(np.broadcast_to(n, r.y.shape), r.y)) - np.sum(_log_ways(trials, successes))
    return [r.law(Binomial(trials, logit_p=r.parameters["logit_p"]), successes), r.constant(ways)]


def _poisson(r: Reduction) -> list[Factor]:
    _check((r.y >= 0) & (np.rint(r.y) == r.y))
    exposure, events = r.total(r.e), _whole(r.total(r.y))
    rows = np.sum(r.y * np.log(r.e) - _lgamma(r.y + 1.0))
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
    _check(r.y >= 0)
    return _gamma_at(r, 1.0, r.parameters["lam"], r.total(r.e * r.y), constant(np.sum(np.log(r.e) * np.ones(r.y.shape))))


def _gamma(r: Reduction) -> list[Factor]:
    _check(r.y > 0)
    alpha = r.parameters["alpha"]
    rest = alpha * r.total(np.log(r.e)) + (alpha - 1.0) * r.total(np.log(r.y)) - r.n * T.gammaln(alpha)
    return _gamma_at(r, alpha, r.parameters["beta"], r.total(r.e * r.y), rest)


def _inverse_gamma(r: Reduction) -> list[Factor]:
    _check(r.y > 0)
    alpha = r.parameters["alpha"]
    rest = alpha * r.total(np.log(r.e)) - (alpha + 1.0) * r.total(np.log(r.y)) - r.n * T.gammaln(alpha)
    return _gamma_at(r, alpha, r.parameters["beta"], r.total(r.e / r.y), rest)


def _chi_squared(r: Reduction) -> list[Factor]:
    _check(r.y > 0)
    half = r.parameters["nu"] * 0.5
    rest = (half - 1.0) * r.total(np.log(r.y)) - r.n * (half * np.log(2.0) + T.gammaln(half)) - 0.5 * r.total(r.y)
    return [r.term(rest)]


def _beta(r: Reduction) -> list[Factor]:
    _check((r.y > 0) & (r.y < 1))
    a, b = r.parameters["alpha"], r.parameters["beta"]
    logs = (a - 1.0) * r.total(np.log(r.y)) + (b - 1.0) * r.total(np.log1p(-r.y))
    return [r.term(logs - r.n * T.betaln(a, b))]


def _half_normal(r: Reduction) -> list[Factor]:
    _check(r.y >= 0)
    sigma = r.parameters["sigma"]
    return [r.term(-r.n * (T.log(sigma) - 0.5 * np.log(2 / np.pi)) - 0.5 * r.total(r.y**2) / sigma**2)]


def _laplace(r: Reduction) -> list[Factor]:
    b = r.parameters["b"]
    return [r.term(-r.n * (T.log(b) + np.log(2.0)) - r.total(np.abs(r.y - r.data["mu"])) / b)]


def _geometric(r: Reduction) -> list[Factor]:
    _check((r.y >= 1) & (np.rint(r.y) == r.y))
    p = r.parameters["p"]
    failures = r.total(r.y - 1.0)
    return [r.term(T.xlogy(r.n, p) + T.xlog1py(failures, -p))]


def _negative_binomial(r: Reduction) -> list[Factor]:
    alpha = r.data["alpha"]
    _check((r.y >= 0) & (np.rint(r.y) == r.y) & (alpha > 0))
    if np.ptp(alpha) > 0:
        raise Refused("")
    events, shape = _whole(r.total(r.y)), r.n * float(np.reshape(alpha, -1)[0])

    def ways(y: Any, a: Any) -> Any:
        return np.sum(_lgamma(y + a) - _lgamma(a) - _lgamma(y + 1.0))

    law = NegativeBinomial(mu=r.n * r.parameters["mu"], alpha=shape)
    return [r.law(law, events), r.constant(ways(r.y, alpha) - ways(events, shape))]


def _pareto(r: Reduction) -> list[Factor]:
    m = r.data["m"]
    _check((r.y >= m) & (m > 0))
    return _gamma_at(r, 1.0, r.parameters["alpha"], r.total(np.log(r.y / m)), constant(-np.sum(np.log(r.y))))


def _weibull(r: Reduction) -> list[Factor]:
    alpha = r.data["alpha"]
    _check((r.y > 0) & (alpha > 0))
    if np.ptp(alpha) > 0:
        raise Refused("its shapes differ")
    a, beta = float(np.reshape(alpha, -1)[0]), r.parameters["beta"]
    scale = float(np.max(r.y))
    # powers of ratios, lest they overflow
    powers = r.total((r.y / scale) ** a) * T.power(beta / scale, -a)
    rest = np.sum((a - 1.0) * np.log(r.y) + np.log(a))
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
    mean = r.total(r.y) / r.n
    centred = r.y - (mean if r.cells.codes is None else mean[r.cells.codes])
    rest = (1.0 - r.n) * (T.log(sigma) + LOG_SQRT_2PI) - 0.5 * r.total(centred**2) / sigma**2
    return [r.law(Normal(root * mu, sigma, shape=np.shape(mean)), root * mean), r.term(rest)]


def _log_normal(r: Reduction) -> list[Factor]:
    _check(r.y > 0)
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
    _check((r.y >= 0) & (r.y < size) & (np.rint(r.y) == r.y))
    if r.cells.size * size * 2 > len(r.y):
        raise Refused("")
    codes = _whole(r.y) if r.cells.codes is None else r.cells.codes * size + _whole(r.y)
    counts = np.bincount(codes, minlength=r.cells.size * size).reshape(r.cells.size, size)
    counts = counts[0] if r.cells.codes is None else counts
    p = _simplex(log_p)
    if p is None:
        # a category that never occurs may have probability zero
        logs = T.where(counts > 0, counts * T.log_softmax(log_p, -1), 0.0)
        return [r.term(logs.sum(-1))]
    ways = np.sum(_lgamma(counts.sum(-1) + 1.0)) - np.sum(_lgamma(counts + 1.0))
    return [r.law(Multinomial(counts.sum(-1), p), counts), r.constant(-ways)]


def _multinomial(r: Reduction) -> list[Factor]:
    n = r.data["n"]
    _check((r.y >= 0) & (np.rint(r.y) == r.y))
    _check(r.y.sum(-1) == n)
    counts = _whole(r.total(r.y))
    rows = np.sum(_lgamma(n * np.ones(len(r.y)) + 1.0)) - np.sum(_lgamma(r.y + 1.0))
    whole = np.sum(_lgamma(counts.sum(-1) + 1.0)) - np.sum(_lgamma(counts + 1.0))
    return [r.law(Multinomial(counts.sum(-1), r.parameters["p"]), counts), r.constant(rows - whole)]


def _dirichlet(r: Reduction) -> list[Factor]:
    _check((r.y > 0) & (r.y < 1))
    _check(np.abs(r.y.sum(-1) - 1) < 1e-6)
    [a] = r.parameters.values()
    norm = T.gammaln(a).sum(-1) - T.gammaln(a.sum(-1))
    return [r.term(((a - 1.0) * r.total(np.log(r.y))).sum(-1) - r.n * norm)]


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
