"""The discrete Weibull law."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Parameter, inner_probability, positive
from symjax.random._count_tails import INF, tail_of_counts
from symjax.random._discrete_quantile import smallest
from symjax.random._distribution import Distribution


class DiscreteWeibullDistribution(Distribution):
    r"""Weibull times rounded down, :math:`q^{x^\beta} - q^{(x+1)^\beta}`.

    Parameters
    ----------
    q : tensor-like
        Probability that the count is not zero, between 0 and 1.
    beta : tensor-like
        Shape, positive; at 1 the law is geometric.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.DiscreteWeibull(0.5, 2.0, name="x"), 1).eval()), 4)
    -0.8267

    References
    ----------
    Nakagawa, Osaki, The discrete Weibull distribution, IEEE Transactions on Reliability R-24, 1975.
    """

    parameters = {"q": Parameter(inner_probability), "beta": Parameter(positive)}
    is_discrete = True

    def parametrize(self, q: Any, beta: Any) -> Any:
        return q, beta

    def support(self, q: Any, beta: Any) -> support.Support:
        return support.naturals

    def draw(self, key: Any, shape: Any, dtype: Any, q: Any, beta: Any) -> Any:
        time = jnp.log(jax.random.exponential(key, shape)) - jnp.log(-jnp.log(q))
        return jnp.maximum(jnp.ceil(jnp.exp(time / beta)) - 1, 0)

    def log_density(self, value: Any, q: Any, beta: Any) -> Any:
        some = T.greater(value, 0)
        x = T.where(some, value, 1)
        power = T.where(some, x**beta, 0.0)
        # (x + 1)^β − x^β, which is small beside its terms where x is large
        gap = T.where(some, x**beta * T.expm1(beta * T.log1p(1.0 / x)), 1.0)
        return power * T.log(q) + T.log1mexp(gap * T.log(q))

    def log_cdf(self, value: Any, q: Any, beta: Any) -> Any:
        return tail_of_counts(value, lambda k: T.log1mexp((k + 1.0) ** beta * T.log(q)), -INF)

    def log_ccdf(self, value: Any, q: Any, beta: Any) -> Any:
        return tail_of_counts(value, lambda k: (k + 1.0) ** beta * T.log(q), 0.0)

    def quantile(self, q: Any, *parameters: Any) -> Any:
        return smallest(lambda k: T.exp(self.log_cdf(k, *parameters)), q, 0, None)

    def support_point(self, q: Any, beta: Any) -> Any:
        # the median
        return T.cast(T.maximum(T.ceil((T.log(0.5) / T.log(q)) ** (1.0 / beta)) - 1.0, 0.0), "int64")


DiscreteWeibull = DiscreteWeibullDistribution()
