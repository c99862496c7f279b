"""The Pareto law."""

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


class ParetoDistribution(Distribution):
    r"""Pareto law, :math:`\alpha m^\alpha / x^{\alpha+1}` for :math:`x \ge m`.

    Parameters
    ----------
    alpha : tensor-like
        Exponent of the tail, positive.
    m : tensor-like
        Least value, positive.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Pareto(alpha=3.0, m=1.0, name="x").shape
    ()

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 20.
    """

    parameters = {"alpha": Parameter(positive), "m": Parameter(positive)}

    def parametrize(self, alpha: Any, m: Any) -> Any:
        return alpha, m

    def support(self, alpha: Any, m: Any) -> support.Support:
        return support.interval(m, None)

    def draw(self, key: Any, shape: Any, dtype: Any, alpha: Any, m: Any) -> Any:
        return m * jnp.exp(jax.random.exponential(key, shape, dtype) / alpha)

    def log_density(self, value: Any, alpha: Any, m: Any) -> Any:
        return T.log(alpha) + alpha * T.log(m) - (alpha + 1) * T.log(value)

    def log_cdf(self, value: Any, alpha: Any, m: Any) -> Any:
        return beyond((value - m) / m, 0.0, 1.0, lambda x: T.log1mexp(-alpha * T.log1p(x)), -math.inf)

    def log_ccdf(self, value: Any, alpha: Any, m: Any) -> Any:
        return beyond((value - m) / m, 0.0, 1.0, lambda x: -alpha * T.log1p(x), 0.0)

    def quantile(self, q: Any, alpha: Any, m: Any) -> Any:
        return m * T.exp(-T.log1p(-q) / alpha)

    def mean(self, alpha: Any, m: Any) -> Any:
        finite = T.greater(alpha, 1)
        a = T.where(finite, alpha, 2.0)
        return T.where(finite, a * m / (a - 1), math.inf)

    def variance(self, alpha: Any, m: Any) -> Any:
        finite = T.greater(alpha, 2)
        a = T.where(finite, alpha, 3.0)
        value = a * (m / (a - 1)) ** 2 / (a - 2)
        return T.where(finite, value, T.where(T.greater(alpha, 1), math.inf, math.nan))

    def support_point(self, alpha: Any, m: Any) -> Any:
        return m * 2 ** (1 / alpha)


Pareto = ParetoDistribution()
