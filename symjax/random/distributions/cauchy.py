"""The Cauchy and HalfCauchy laws."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution
from symjax.random._piecewise import beyond

_LOG_PI = math.log(math.pi)


class CauchyDistribution(Distribution):
    r"""Cauchy law, :math:`1 / (\pi\beta(1 + ((x-\alpha)/\beta)^2))`.

    Parameters
    ----------
    alpha : tensor-like
        Location, the median.
    beta : tensor-like
        Scale, positive.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Cauchy(0.0, 1.0, name="x").shape
    ()

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 16.
    """

    parameters = {"alpha": Parameter(), "beta": Parameter(positive)}

    def parametrize(self, alpha: Any, beta: Any) -> Any:
        return alpha, beta

    def support(self, alpha: Any, beta: Any) -> support.Support:
        return support.real

    def draw(self, key: Any, shape: Any, dtype: Any, alpha: Any, beta: Any) -> Any:
        return alpha + beta * jax.random.cauchy(key, shape, dtype)

    def log_density(self, value: Any, alpha: Any, beta: Any) -> Any:
        return -T.log1p(((value - alpha) / beta) ** 2) - T.log(beta) - _LOG_PI

    def log_cdf(self, value: Any, alpha: Any, beta: Any) -> Any:
        return _log_tail((value - alpha) / beta)

    def log_ccdf(self, value: Any, alpha: Any, beta: Any) -> Any:
        return _log_tail((alpha - value) / beta)

    def quantile(self, q: Any, alpha: Any, beta: Any) -> Any:
        upper = T.greater(q, 0.5)
        tail = T.where(upper, 1 - q, q)
        return alpha + beta * T.where(upper, 1.0, -1.0) * _cotangent(tail)

    def mean(self, alpha: Any, beta: Any) -> Any:
        return T.fill_like(alpha, math.nan, "floatX")

    def variance(self, alpha: Any, beta: Any) -> Any:
        return T.fill_like(alpha, math.nan, "floatX")

    def support_point(self, alpha: Any, beta: Any) -> Any:
        return alpha


def _log_tail(z: Any) -> Any:
    """log of (½ + atan(z) / π), from the angle of the nearer tail."""
    left = T.less(z, 0.0)
    angle = T.arctan2(1.0, T.abs(z)) / math.pi
    return T.where(left, T.log(angle), T.log1p(-angle))


def _cotangent(tail: Any) -> Any:
    """cot(π tail) for a tail probability up to ½, exact at both ends."""
    near = T.greater(tail, 0.25)
    middle = T.tan(math.pi * (0.5 - T.where(near, tail, 0.5)))
    return T.where(near, middle, 1 / T.tan(math.pi * T.where(near, 0.25, tail)))


class HalfCauchyDistribution(Distribution):
    r"""Law of :math:`|C|` for a centred Cauchy C of scale :math:`\beta`.

    Parameters
    ----------
    beta : tensor-like
        Scale, positive.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.HalfCauchy(5.0, name="x").shape
    ()

    References
    ----------
    Gelman, Prior distributions for variance parameters in hierarchical models, 2006.
    """

    parameters = {"beta": Parameter(positive)}

    def parametrize(self, beta: Any) -> Any:
        return (beta,)

    def support(self, beta: Any) -> support.Support:
        return support.positive

    def draw(self, key: Any, shape: Any, dtype: Any, beta: Any) -> Any:
        return beta * jnp.abs(jax.random.cauchy(key, shape, dtype))

    def log_density(self, value: Any, beta: Any) -> Any:
        return math.log(2) - T.log1p((value / beta) ** 2) - T.log(beta) - _LOG_PI

    def log_cdf(self, value: Any, beta: Any) -> Any:
        def formula(z: Any) -> Any:
            near = T.less(z, 1.0)
            small = T.log(T.arctan(T.where(near, z, 1.0)) * (2 / math.pi))
            return T.where(near, small, T.log1p(-T.arctan2(1.0, T.where(near, 1.0, z)) * (2 / math.pi)))

        return beyond(value / beta, 0.0, 1.0, formula, -math.inf)

    def log_ccdf(self, value: Any, beta: Any) -> Any:
        def formula(z: Any) -> Any:
            near = T.less(z, 1.0)
            small = T.log1p(-T.arctan(T.where(near, z, 1.0)) * (2 / math.pi))
            return T.where(near, small, T.log(T.arctan2(1.0, T.where(near, 1.0, z)) * (2 / math.pi)))

        return beyond(value / beta, 0.0, 1.0, formula, 0.0)

    def quantile(self, q: Any, beta: Any) -> Any:
        near = T.less(q, 0.5)
        small = T.tan(0.5 * math.pi * T.where(near, q, 0.5))
        return beta * T.where(near, small, _cotangent(0.5 * (1 - q)))

    def mean(self, beta: Any) -> Any:
        return T.fill_like(beta, math.inf, "floatX")

    def variance(self, beta: Any) -> Any:
        return T.fill_like(beta, math.nan, "floatX")

    def support_point(self, beta: Any) -> Any:
        return beta


Cauchy = CauchyDistribution()
HalfCauchy = HalfCauchyDistribution()
