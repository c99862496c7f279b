"""Laws of counts: Poisson, NegativeBinomial, Geometric, DiscreteUniform."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._alternatives import checked, pair
from symjax.random._constraint import Parameter, integer, nonnegative, positive, probability
from symjax.random._count_tails import INF, log_betainc_logit, log_betaincc_logit, tail_of_counts
from symjax.random._discrete_quantile import smallest
from symjax.random._distribution import Distribution
from symjax.random._incomplete import log_beta, log_gammainc, log_gammaincc


def poisson_draw(key: Any, rate: Any, shape: Any) -> Any:
    """Poisson draws for any rate; beyond 10⁹ the Normal law of the same moments is nearer than a draw's own rounding."""
    rate = jnp.asarray(rate, jnp.result_type(rate, float))
    small = jax.random.poisson(key, jnp.minimum(rate, 1e9), shape, jnp.int64)
    normal = rate + jnp.sqrt(rate) * jax.random.normal(jax.random.fold_in(key, 1), shape, rate.dtype)
    return jnp.where(rate > 1e9, jnp.round(normal).astype(jnp.int64), small)


class PoissonDistribution(Distribution):
    r"""Poisson law, :math:`e^{-\mu} \mu^x / x!`.

    Parameters
    ----------
    mu : tensor-like
        Mean, zero or positive.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.Poisson(2.0, name="x"), 3).eval()), 4)
    -1.7123

    References
    ----------
    Johnson, Kemp, Kotz, Univariate Discrete Distributions, 3rd ed., ch. 4.
    """

    parameters = {"mu": Parameter(nonnegative)}
    is_discrete = True

    def parametrize(self, mu: Any) -> Any:
        return (mu,)

    def support(self, mu: Any) -> support.Support:
        return support.naturals

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any) -> Any:
        return poisson_draw(key, mu, shape)

    def log_density(self, value: Any, mu: Any) -> Any:
        return T.xlogy(value, mu) - mu - T.gammaln(value + 1.0)

    def log_cdf(self, value: Any, mu: Any) -> Any:
        return tail_of_counts(value, lambda k: log_gammaincc(k + 1.0, mu), -INF)

    def log_ccdf(self, value: Any, mu: Any) -> Any:
        return tail_of_counts(value, lambda k: log_gammainc(k + 1.0, mu), 0.0)

    def quantile(self, q: Any, mu: Any) -> Any:
        return smallest(lambda k: T.exp(self.log_cdf(k, mu)), q, 0, None)

    def mean(self, mu: Any) -> Any:
        return mu

    def variance(self, mu: Any) -> Any:
        return mu

    def support_point(self, mu: Any) -> Any:
        return T.cast(T.floor(mu), "int64")


class NegativeBinomialDistribution(Distribution):
    r"""Negative binomial law, :math:`\binom{x+\alpha-1}{x} (\alpha/(\mu+\alpha))^\alpha (\mu/(\mu+\alpha))^x`.

    Parameters
    ----------
    mu, alpha : tensor-like
        Mean, zero or positive, and shape, positive.
    p, n : tensor-like
        Probability of success, and number of successes before which failures are counted, instead of `mu` and `alpha`.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.NegativeBinomial(2.0, 3.0, name="x"), 1).eval()), 4)
    -1.3502

    References
    ----------
    Johnson, Kemp, Kotz, Univariate Discrete Distributions, 3rd ed., ch. 5.
    """

    parameters = {"mu": Parameter(nonnegative), "alpha": Parameter(positive)}
    is_discrete = True

    def parametrize(self, mu: Any = None, alpha: Any = None, p: Any = None, n: Any = None) -> Any:
        given = {"mu": mu, "alpha": alpha, "p": p, "n": n}
        chosen = pair(given, ("mu", "alpha"), ("mu", "n"), ("p", "n"), ("p", "alpha"))
        shape = alpha if "alpha" in chosen else n
        if "mu" in chosen:
            return mu, shape
        p = T.as_tensor(checked("p", p, probability))
        return shape * (1 - p) / p, shape

    def support(self, mu: Any, alpha: Any) -> support.Support:
        return support.naturals

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, alpha: Any) -> Any:
        first, second = jax.random.split(key)
        rate = jax.random.gamma(first, jnp.asarray(alpha, float), shape) * mu / alpha
        return poisson_draw(second, rate, shape)

    def log_density(self, value: Any, mu: Any, alpha: Any) -> Any:
        # the beta function rather than three gamma functions, and log1p: exact where alpha is large, the Poisson limit
        ways = -T.log(value + alpha) - log_beta(alpha, value + 1.0)
        return ways - alpha * T.log1p(mu / alpha) + T.xlogy(value, mu / (mu + alpha))

    def log_cdf(self, value: Any, mu: Any, alpha: Any) -> Any:
        return tail_of_counts(value, lambda k: log_betainc_logit(alpha, k + 1.0, T.log(alpha) - T.log(mu)), -INF)

    def log_ccdf(self, value: Any, mu: Any, alpha: Any) -> Any:
        return tail_of_counts(value, lambda k: log_betaincc_logit(alpha, k + 1.0, T.log(alpha) - T.log(mu)), 0.0)

    def quantile(self, q: Any, mu: Any, alpha: Any) -> Any:
        return smallest(lambda k: T.exp(self.log_cdf(k, mu, alpha)), q, 0, None)

    def mean(self, mu: Any, alpha: Any) -> Any:
        return mu

    def variance(self, mu: Any, alpha: Any) -> Any:
        return mu + mu**2 / alpha

    def support_point(self, mu: Any, alpha: Any) -> Any:
        return T.cast(T.floor(mu), "int64")


class GeometricDistribution(Distribution):
    r"""Geometric law of the number of trials up to the first success, :math:`p (1-p)^{x-1}` for x = 1, 2, ...

    Parameters
    ----------
    p : tensor-like
        Probability of success, between 0 and 1.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.Geometric(0.5, name="x"), 3).eval()), 4)
    -2.0794

    References
    ----------
    Johnson, Kemp, Kotz, Univariate Discrete Distributions, 3rd ed., section 5.2.
    """

    parameters = {"p": Parameter(probability)}
    is_discrete = True

    def parametrize(self, p: Any) -> Any:
        return (p,)

    def support(self, p: Any) -> support.Support:
        return support.integers(1, None)

    def draw(self, key: Any, shape: Any, dtype: Any, p: Any) -> Any:
        return jnp.maximum(jnp.ceil(jax.random.exponential(key, shape) / -jnp.log1p(-jnp.asarray(p))), 1.0)

    def log_density(self, value: Any, p: Any) -> Any:
        return T.xlog1py(value - 1.0, -p) + T.log(p)

    def log_cdf(self, value: Any, p: Any) -> Any:
        k = T.floor(value)
        return T.where(T.less(k, 1), -INF, T.log1mexp(T.maximum(k, 1) * T.log1p(-p)))

    def log_ccdf(self, value: Any, p: Any) -> Any:
        return T.xlog1py(T.maximum(T.floor(value), 0), -p)

    def quantile(self, q: Any, p: Any) -> Any:
        return smallest(lambda k: T.exp(self.log_cdf(k, p)), q, 1, None)

    def mean(self, p: Any) -> Any:
        return 1 / p

    def variance(self, p: Any) -> Any:
        return (1 - p) / p**2

    def support_point(self, p: Any) -> Any:
        return T.cast(T.round(1 / p), "int64")


class DiscreteUniformDistribution(Distribution):
    r"""Uniform law on whole numbers, :math:`1 / (upper - lower + 1)`.

    Parameters
    ----------
    lower, upper : tensor-like of int
        Bounds, both included.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.DiscreteUniform(1, 6, name="x"), 3).eval()), 4)
    -1.7918

    References
    ----------
    Johnson, Kemp, Kotz, Univariate Discrete Distributions, 3rd ed., section 6.10.
    """

    parameters = {"lower": Parameter(integer), "upper": Parameter(integer)}
    is_discrete = True
    requirement = "'lower' must not be above 'upper'"

    def parametrize(self, lower: Any, upper: Any) -> Any:
        return lower, upper

    def support(self, lower: Any, upper: Any) -> support.Support:
        return support.integers(lower, upper)

    def conditions(self, lower: Any, upper: Any) -> Any:
        return [T.less_equal(lower, upper)]

    def draw(self, key: Any, shape: Any, dtype: Any, lower: Any, upper: Any) -> Any:
        low, high = jnp.asarray(lower).astype(jnp.int64), jnp.asarray(upper).astype(jnp.int64)
        return jax.random.randint(key, shape, low, high + 1, jnp.int64)

    def log_density(self, value: Any, lower: Any, upper: Any) -> Any:
        return -T.log(upper - lower + 1.0) + 0.0 * value

    def log_cdf(self, value: Any, lower: Any, upper: Any) -> Any:
        k = T.floor(value)
        inside = T.log(T.clip(k - lower + 1.0, 1.0, upper - lower + 1.0)) - T.log(upper - lower + 1.0)
        return T.where(T.less(k, lower), -INF, T.minimum(inside, 0.0))

    def log_ccdf(self, value: Any, lower: Any, upper: Any) -> Any:
        k = T.floor(value)
        return T.log(T.clip(upper - k, 0.0, upper - lower + 1.0)) - T.log(upper - lower + 1.0)

    def quantile(self, q: Any, lower: Any, upper: Any) -> Any:
        # a few units in the last place below the next number's share still count as having reached this one
        share = q * (upper - lower + 1.0) * (1 - 4e-16)
        return T.cast(T.clip(T.ceil(share) - 1.0, 0.0, upper - lower) + lower, "int64")

    def mean(self, lower: Any, upper: Any) -> Any:
        return (lower + upper) / 2.0

    def variance(self, lower: Any, upper: Any) -> Any:
        return ((upper - lower + 1.0) ** 2 - 1) / 12

    def support_point(self, lower: Any, upper: Any) -> Any:
        return T.cast(T.floor((lower + upper) / 2.0), "int64")


Poisson = PoissonDistribution()
NegativeBinomial = NegativeBinomialDistribution()
Geometric = GeometricDistribution()
DiscreteUniform = DiscreteUniformDistribution()
