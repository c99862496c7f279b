"""The beta-binomial law."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Parameter, count, positive
from symjax.random._discrete_cdf import log_tails
from symjax.random._discrete_quantile import smallest
from symjax.random._distribution import Distribution
from symjax.random._incomplete import log_beta


class BetaBinomialDistribution(Distribution):
    r"""Beta-binomial law, :math:`\binom{n}{x} B(x+\alpha, n-x+\beta) / B(\alpha, \beta)`: a binomial whose chance is Beta.

    Parameters
    ----------
    alpha, beta : tensor-like
        Shapes of the law of the chance, positive.
    n : tensor-like of int
        Number of trials.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.BetaBinomial(2.0, 3.0, 10, name="x"), 4).eval()), 4)
    -2.0592

    References
    ----------
    Johnson, Kemp, Kotz, Univariate Discrete Distributions, 3rd ed., section 6.2.2.
    """

    parameters = {"alpha": Parameter(positive), "beta": Parameter(positive), "n": Parameter(count)}
    is_discrete = True

    def parametrize(self, alpha: Any, beta: Any, n: Any) -> Any:
        return alpha, beta, n

    def support(self, alpha: Any, beta: Any, n: Any) -> support.Support:
        return support.integers(0, n)

    def draw(self, key: Any, shape: Any, dtype: Any, alpha: Any, beta: Any, n: Any) -> Any:
        first, second = jax.random.split(key)
        p = jax.random.beta(first, jnp.asarray(alpha, float), jnp.asarray(beta, float), shape)
        return jax.random.binomial(second, jnp.asarray(n, p.dtype), p, shape, p.dtype)

    def log_density(self, value: Any, alpha: Any, beta: Any, n: Any) -> Any:
        ways = -T.log(n + 1.0) - log_beta(value + 1.0, n - value + 1.0)
        return ways + log_beta(value + alpha, n - value + beta) - log_beta(alpha, beta)

    def log_cdf(self, value: Any, alpha: Any, beta: Any, n: Any) -> Any:
        return log_tails(lambda k: self.log_density(k, alpha, beta, n), value, 0, n)[0]

    def log_ccdf(self, value: Any, alpha: Any, beta: Any, n: Any) -> Any:
        return log_tails(lambda k: self.log_density(k, alpha, beta, n), value, 0, n)[1]

    def quantile(self, q: Any, alpha: Any, beta: Any, n: Any) -> Any:
        return smallest(lambda k: T.exp(self.log_cdf(k, alpha, beta, n)), q, 0, n)

    def mean(self, alpha: Any, beta: Any, n: Any) -> Any:
        return n * alpha / (alpha + beta)

    def variance(self, alpha: Any, beta: Any, n: Any) -> Any:
        total = alpha + beta
        return n * alpha * beta * (total + n) / (total**2 * (total + 1))

    def support_point(self, alpha: Any, beta: Any, n: Any) -> Any:
        return T.cast(T.round(self.mean(alpha, beta, n)), "int64")


BetaBinomial = BetaBinomialDistribution()
