"""The Weibull law."""

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


class WeibullDistribution(Distribution):
    r"""Weibull law, whose survival function is :math:`\exp(-(x/\beta)^\alpha)`.

    Parameters
    ----------
    alpha : tensor-like
        Shape, positive.
    beta : tensor-like
        Scale, positive.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Weibull(alpha=1.5, beta=2.0, name="x").shape
    ()

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 21.
    """

    parameters = {"alpha": Parameter(positive), "beta": Parameter(positive)}

    def parametrize(self, alpha: Any, beta: Any) -> Any:
        return alpha, beta

    def support(self, alpha: Any, beta: Any) -> support.Support:
        return support.positive

    def draw(self, key: Any, shape: Any, dtype: Any, alpha: Any, beta: Any) -> Any:
        # log of an exponential draw, from the end of the uniform draw that resolves small values
        return jnp.exp(jnp.log(beta) - jax.random.gumbel(key, shape, dtype) / alpha)

    def log_density(self, value: Any, alpha: Any, beta: Any) -> Any:
        z = value / beta
        return T.xlogy(alpha - 1, z) - z**alpha + T.log(alpha) - T.log(beta)

    def log_cdf(self, value: Any, alpha: Any, beta: Any) -> Any:
        return beyond(value / beta, 0.0, 1.0, lambda z: T.log1mexp(-(z**alpha)), -math.inf)

    def log_ccdf(self, value: Any, alpha: Any, beta: Any) -> Any:
        return beyond(value / beta, 0.0, 1.0, lambda z: -(z**alpha), 0.0)

    def quantile(self, q: Any, alpha: Any, beta: Any) -> Any:
        return beta * T.exp(T.log(-T.log1p(-q)) / alpha)

    def mean(self, alpha: Any, beta: Any) -> Any:
        return beta * T.exp(T.gammaln(1 + 1 / alpha))

    def variance(self, alpha: Any, beta: Any) -> Any:
        first, second = T.gammaln(1 + 1 / alpha), T.gammaln(1 + 2 / alpha)
        # Γ₂ - Γ₁² through expm1, for it is small beside its terms where alpha is large
        return beta**2 * T.exp(2 * first) * T.expm1(second - 2 * first)


Weibull = WeibullDistribution()
