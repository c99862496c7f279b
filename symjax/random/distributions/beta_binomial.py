"""Counts whose chance of success is Beta: the beta-binomial law and the beta-negative-binomial one."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Parameter, count, positive
from symjax.random._count_tails import INF
from symjax.random._discrete_cdf import log_sum_of_masses, log_tails
from symjax.random._discrete_quantile import smallest
from symjax.random._distribution import Distribution
from symjax.random._incomplete import log_beta
from symjax.random.distributions.counts import poisson_draw


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
    -1.9671

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


class BetaNegativeBinomialDistribution(Distribution):
    r"""Beta-negative-binomial law, :math:`\frac{\Gamma(n+x)}{x!\,\Gamma(n)} B(\alpha+n, \beta+x) / B(\alpha, \beta)`.

    The failures before the n-th success where the chance of success is Beta; also called the generalized Waring law.

    Parameters
    ----------
    alpha, beta : tensor-like
        Shapes of the law of the chance, positive.
    n : tensor-like
        Number of successes, positive.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.BetaNegativeBinomial(2.0, 3.0, 4.0, name="x"), 1).eval()), 4)
    -2.3514

    References
    ----------
    Johnson, Kemp, Kotz, Univariate Discrete Distributions, 3rd ed., section 6.2.3.
    """

    parameters = {"alpha": Parameter(positive), "beta": Parameter(positive), "n": Parameter(positive)}
    is_discrete = True

    def parametrize(self, alpha: Any, beta: Any, n: Any) -> Any:
        return alpha, beta, n

    def support(self, alpha: Any, beta: Any, n: Any) -> support.Support:
        return support.naturals

    def draw(self, key: Any, shape: Any, dtype: Any, alpha: Any, beta: Any, n: Any) -> Any:
        keys = jax.random.split(key, 4)
        wins, losses, time = (
            jax.random.gamma(k, jnp.asarray(a, float), shape) for k, a in zip(keys, (alpha, beta, n), strict=False)
        )
        return poisson_draw(keys[3], time * losses / wins, shape)

    def log_density(self, value: Any, alpha: Any, beta: Any, n: Any) -> Any:
        ways = -T.log(value + n) - log_beta(n, value + 1.0)
        return ways + log_beta(alpha + n, value + beta) - log_beta(alpha, beta)

    def log_cdf(self, value: Any, alpha: Any, beta: Any, n: Any) -> Any:
        edge = T.floor(T.cast(value, "float64"))
        found = log_sum_of_masses(lambda k: self.log_density(k, alpha, beta, n), 0, T.where(T.isfinite(edge), edge, -1.0))
        return T.where(
            T.isfinite(edge), T.minimum(found, 0.0), T.where(T.greater(edge, 0), 0.0, T.where(T.less(edge, 0), -INF, edge))
        )

    def quantile(self, q: Any, alpha: Any, beta: Any, n: Any) -> Any:
        return smallest(lambda k: T.exp(self.log_cdf(k, alpha, beta, n)), q, 0, None)

    def mean(self, alpha: Any, beta: Any, n: Any) -> Any:
        return T.where(alpha > 1, n * beta / (alpha - 1), INF)

    def variance(self, alpha: Any, beta: Any, n: Any) -> Any:
        known = n * (alpha + n - 1) * beta * (alpha + beta - 1) / ((alpha - 2) * (alpha - 1) ** 2)
        return T.where(alpha > 2, known, INF)

    def support_point(self, alpha: Any, beta: Any, n: Any) -> Any:
        return T.cast(T.floor(n * beta / (alpha + 1)), "int64")


BetaBinomial = BetaBinomialDistribution()
BetaNegativeBinomial = BetaNegativeBinomialDistribution()
