"""Exponential families by their statistics and support: the integral of ``exp(Σ_k η_k s_k(z))`` over z, and draws of its law.

Every family is an integral that is known in closed form where its parameters are in their domain, which must be proved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._scope import detached
from symjax.random._incomplete import log_beta, log_gammainc, log_gammaincc
from symjax.random._normal_mass import log_normal_mass
from symjax.random.distributions.beta import Beta
from symjax.random.distributions.exponential import Exponential
from symjax.random.distributions.gamma import Gamma, InverseGamma, gamma_quantile
from symjax.random.distributions.mv_normal import Dirichlet
from symjax.random.distributions.normal import LOG_SQRT_2PI, Normal
from symjax.random.distributions.pareto import Pareto
from symjax.random.distributions.truncated_normal import TruncatedNormal
from symjax.random.distributions.uniform import Uniform
from symjax.random.posterior._conjugate_forms import LOG, LOG_REST, Monomial, Unfit
from symjax.random.posterior._conjugate_numbers import Coefficients, as_node, broadcast, is_number, is_zero
from symjax.random.posterior._rising import Shifted, shifted
from symjax.rewrite import canonicalize

_INF = math.inf


@dataclass(frozen=True, slots=True)
class Family:
    """An integral in closed form.

    Attributes
    ----------
    name : str
        The law given the others: "Gamma".
    log_integral : Tensor
        Its logarithm, elementwise over z's batch, or a scalar that all elements share.
    draw : Tensor
        A draw, an expression of fresh random variables.
    summed : Tensor or None
        A scalar that is to be added once to the sum of `log_integral` over the batch.
    """

    name: str
    log_integral: Any
    draw: Any
    summed: Any = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be integrated.

    Attributes
    ----------
    z : Latent
        The variable.
    powers : dict of float to coefficient
        Natural parameters of powers of z.
    log, log_rest : coefficient
        Those of log z and log(1 - z).
    lower, upper : coefficient
        Bounds; infinite if there are none.
    c : Coefficients
        Facts.
    """

    z: Any
    powers: dict[float, Any]
    log: Any
    log_rest: Any
    lower: Any
    upper: Any
    c: Coefficients

    def is_at(self, bound: Any, value: float) -> bool:
        return is_number(bound) and bool(np.all(bound == value))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.z.shape

    def simple(self, x: Any) -> Any:
        """A parameter in its simplest form."""
        if is_number(x):
            return np.asarray(x, np.float64)
        return canonicalize(x, laws=False)

    def positive(self, x: Any, what: str) -> Any:
        """A parameter of the law, proved to be positive.

        Raises
        ------
        Unfit
            If it is not.
        """
        x = self.simple(x)
        if self.c.sign(x) != 1 or (is_number(x) and not np.all(np.isfinite(x))):
            raise Unfit(f"it is not proved that its integral is finite: {what} may not be positive")
        return as_node(x)


def family_of(z: Any, parameters: dict[Monomial, Any], lower: Any, upper: Any, c: Coefficients) -> Family:
    """The family that a latent belongs to.

    Raises
    ------
    Unfit
        If there is none, or the integral is not proved to be finite; the message says why.
    """
    left = {m: x for m, x in parameters.items() if not is_zero(x)}
    powers = {m.power: x for m, x in left.items() if m not in (LOG, LOG_REST)}
    problem = Problem(z, powers, left.get(LOG, np.zeros(())), left.get(LOG_REST, np.zeros(())), lower, upper, c)
    with detached():
        if z.draw.distribution.support(*z.draw.parents).kind == "simplex":
            return _dirichlet(problem)
        if LOG_REST in left:
            return _beta(problem)
        if problem.is_at(lower, -_INF) and problem.is_at(upper, _INF):
            return _normal(problem)
        if LOG in left and not powers:
            return _power_law(problem)
        if not powers:
            return _uniform(problem)
        if len(powers) == 1 and problem.is_at(lower, 0.0):
            return _generalised_gamma(problem)
        if LOG not in left and set(powers) == {1}:
            return _exponential(problem)
        if LOG not in left and set(powers) <= {1, 2}:
            return _truncated_normal(problem)
    statistics = [_written(m) for m in left]
    raise Unfit(f"given the others its density has the statistics {', '.join(statistics)} on its support, of no known family")


def _written(m: Monomial) -> str:
    return "log x" if m == LOG else "log(1 - x)" if m == LOG_REST else "x" if m.power == 1 else f"x^{m.power:g}"


def _plus_one(p: Problem, x: Any) -> Any:
    return p.c.plus(x, np.ones(()))


def _dirichlet(p: Problem) -> Family:
    if p.powers or not is_zero(p.log_rest):
        raise Unfit("given the others its density has other statistics than log x")
    a = broadcast(p.positive(_plus_one(p, p.log), "a concentration"), p.shape)
    integral = T.sum(T.gammaln(a), -1) - T.gammaln(T.sum(a, -1))
    return Family("Dirichlet", integral, Dirichlet(a, shape=p.shape))


def _beta(p: Problem) -> Family:
    if p.powers or not (p.is_at(p.lower, 0.0) and p.is_at(p.upper, 1.0)):
        raise Unfit("given the others its density has log x and log(1 - x) and more, of no known family")
    a = p.positive(_plus_one(p, p.log), "its first shape")
    b = p.positive(_plus_one(p, p.log_rest), "its second shape")
    draw = Beta(a, b, shape=p.shape)
    up, down = shifted(a, p.z.size, p.c), shifted(b, p.z.size, p.c)
    if up is None or down is None:
        return Family("Beta", log_beta(a, b), draw)
    both = Shifted(up.base + down.base, up.counts + down.counts)
    return Family("Beta", log_beta(up.base, down.base), draw, up.rising() + down.rising() - both.rising())


def _normal(p: Problem) -> Family:
    if not set(p.powers) <= {1, 2} or not is_zero(p.log):
        raise Unfit("given the others its density is not that of a Normal")
    mu, sigma, integral = _completed_square(p)
    return Family("Normal", integral + T.log(sigma) + LOG_SQRT_2PI, Normal(mu, sigma, shape=p.shape))


def _completed_square(p: Problem) -> tuple[Any, Any, Any]:
    """Mean, standard deviation and the exponent at the mean."""
    precision = p.positive(p.c.times(p.powers.get(2, np.zeros(())), np.asarray(-2.0)), "its precision")
    slope = as_node(p.simple(p.powers.get(1, np.zeros(()))))
    mu = slope / precision
    return mu, 1 / T.sqrt(precision), 0.5 * slope * mu


def _truncated_normal(p: Problem) -> Family:
    mu, sigma, integral = _completed_square(p)
    low, high = as_node(p.lower), as_node(p.upper)
    mass = log_normal_mass((low - mu) / sigma, (high - mu) / sigma)
    draw = TruncatedNormal(mu, sigma, lower=low, upper=high, shape=p.shape)
    return Family("TruncatedNormal", _inside(p, integral + T.log(sigma) + LOG_SQRT_2PI + mass), draw)


def _inside(p: Problem, integral: Any) -> Any:
    """An integral between bounds, which is nothing where they have crossed."""
    if p.c.sign(p.simple(p.c.plus(p.upper, p.c.negative(p.lower)))) == 1:
        return integral
    return T.where(T.less(as_node(p.lower), as_node(p.upper)), integral, -_INF)


def _generalised_gamma(p: Problem) -> Family:
    """``∫ z^(k-1) exp(-q z^c) dz`` from 0 to a bound: ``z^c`` has a Gamma law (Stacy, 1962)."""
    [(c, eta)] = p.powers.items()
    k = _plus_one(p, p.log)
    alpha = p.positive(p.c.ratio(k, np.asarray(float(c))), "its shape")
    q = p.positive(p.c.negative(eta), "its rate")
    many = shifted(alpha, p.z.size, p.c)
    integral = T.gammaln(alpha if many is None else many.base) - alpha * T.log(q)
    summed = None if many is None else many.rising()
    if c not in (1, -1):
        integral = integral - math.log(abs(c))
    if p.is_at(p.upper, _INF):
        names: dict[float, str] = {1: "Gamma", -1: "InverseGamma", 2: "square root of Gamma", -2: "square root of InverseGamma"}
        draw = _positive_draw(p, alpha, q, c)
        return Family(names.get(c, "generalised Gamma"), integral, draw, summed)
    bound = q * as_node(p.upper) ** float(c)
    log_mass = (log_gammainc if c > 0 else log_gammaincc)(alpha, bound)
    share = Uniform(0.0, 1.0, shape=p.shape) * T.exp(log_mass)
    quantile = gamma_quantile(share, 1 - share, alpha) if c > 0 else gamma_quantile(1 - share, share, alpha)
    draw = (quantile / q) ** (1.0 / c)
    return Family("truncated Gamma" if c == 1 else "truncated generalised Gamma", integral + log_mass, draw, summed)


def _positive_draw(p: Problem, alpha: Any, q: Any, c: float) -> Any:
    if c == 1:
        return Gamma(alpha, q, shape=p.shape)
    if c < 0:
        base = InverseGamma(alpha, q, shape=p.shape)
        return base if c == -1 else T.sqrt(base) if c == -2 else base ** (-1.0 / c)
    base = Gamma(alpha, q, shape=p.shape)
    return T.sqrt(base) if c == 2 else base ** (1.0 / c)


def _power_law(p: Problem) -> Family:
    """``∫ z^(k-1) dz`` from a bound to infinity, or from 0 to a bound."""
    k = _plus_one(p, p.log)
    if p.is_at(p.lower, 0.0) and not p.is_at(p.upper, _INF):
        k, high = p.positive(k, "its shape"), as_node(p.upper)
        return Family("power law", k * T.log(high) - T.log(k), high * Uniform(0.0, 1.0, shape=p.shape) ** (1 / k))
    if not p.is_at(p.upper, _INF):
        raise Unfit("given the others its density is a power of it between two bounds")
    k, low = p.positive(p.c.negative(k), "its tail's exponent"), p.positive(p.lower, "its lower bound")
    return Family("Pareto", -k * T.log(low) - T.log(k), Pareto(k, low, shape=p.shape))


def _uniform(p: Problem) -> Family:
    if p.is_at(p.lower, -_INF) or p.is_at(p.upper, _INF):
        raise Unfit("it is not proved that its integral is finite: given the others its density is flat")
    low, high = as_node(p.lower), as_node(p.upper)
    width = high - low
    inside = T.less(low, high)
    integral = T.where(inside, T.log(T.where(inside, width, 1.0)), -_INF)
    return Family("Uniform", integral, low + width * Uniform(0.0, 1.0, shape=p.shape))


def _exponential(p: Problem) -> Family:
    [(_, eta)] = p.powers.items()
    eta = p.simple(eta)
    if p.is_at(p.upper, _INF):
        rate, low = p.positive(p.c.negative(eta), "its rate"), as_node(p.lower)
        return Family("shifted Exponential", -rate * low - T.log(rate), low + Exponential(rate, shape=p.shape))
    if p.is_at(p.lower, -_INF):
        rate, high = p.positive(eta, "its rate"), as_node(p.upper)
        return Family("shifted Exponential", rate * high - T.log(rate), high - Exponential(rate, shape=p.shape))
    rate, low = p.positive(p.c.negative(eta), "its rate"), as_node(p.lower)
    width = as_node(p.upper) - low
    integral = _inside(p, -rate * low - T.log(rate) + T.log1mexp(-rate * width))
    share = Uniform(0.0, 1.0, shape=p.shape)
    return Family("truncated Exponential", integral, low - T.log1p(share * T.expm1(-rate * width)) / rate)
