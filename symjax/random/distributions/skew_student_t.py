"""The skew t law of Jones and Faddy."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._alternatives import scale
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution
from symjax.random._incomplete import log_beta, log_betainc, log_betaincc
from symjax.random.distributions.beta import beta_quantile


def _shares(z: Any, total: Any) -> tuple[Any, Any]:
    """``(1 + z / √(a + b + z²)) / 2`` and its complement, each to all digits: the Beta(a, b) variable behind the law."""
    far = T.hypot(z, T.sqrt(total))
    size = T.abs(z)
    small, large = total / (2 * far * (far + size)), (far + size) / (2 * far)
    below = T.less(z, 0)
    return T.where(below, small, large), T.where(below, large, small)


class SkewStudentTDistribution(Distribution):
    r"""Skew t law, proportional to :math:`(1 + z/r)^{a+1/2} (1 - z/r)^{b+1/2}`.

    Here :math:`r = \sqrt{a+b+z^2}` and :math:`z = (x-\mu)/\sigma`. It is the law of
    :math:`\mu + \sigma\sqrt{a+b}\,(2B-1) / (2\sqrt{B(1-B)})` for a B of law Beta(a, b), that of Student's t where a and b are both
    half the degrees of freedom.

    Parameters
    ----------
    a, b : tensor-like
        Weights of the tails, positive: the right one is like the power −2b−1, the left one like −2a−1.
    mu : tensor-like
        Location.
    sigma : tensor-like, optional
        Scale, positive; 1 by default.
    lam : tensor-like, optional
        ``1 / sigma**2``, instead of `sigma`.

    Examples
    --------
    >>> import symjax.random as R
    >>> x = R.SkewStudentT(a=2.0, b=2.0, name="x")
    >>> round(float(R.logp(x, 0.0).eval()), 4)
    -0.9808

    References
    ----------
    Jones, Faddy, A skew extension of the t-distribution, with applications, J. R. Statist. Soc. B 65, 2003, equations 1 and 2.
    """

    parameters = {"a": Parameter(positive), "b": Parameter(positive), "mu": Parameter(), "sigma": Parameter(positive)}

    def parametrize(self, a: Any, b: Any, *, mu: Any = 0.0, sigma: Any = None, lam: Any = None) -> Any:
        return a, b, mu, scale(sigma, lam, "lam")

    def support(self, a: Any, b: Any, mu: Any, sigma: Any) -> support.Support:
        return support.real

    def draw(self, key: Any, shape: Any, dtype: Any, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        first, second = jax.random.split(key)
        # of two Gamma variables, the logs of which do not underflow
        u = jax.random.loggamma(first, jnp.asarray(a, dtype), shape, dtype)
        v = jax.random.loggamma(second, jnp.asarray(b, dtype), shape, dtype)
        return mu + sigma * jnp.sqrt(jnp.asarray(a + b, dtype)) * jnp.sinh(0.5 * (u - v))

    def log_density(self, value: Any, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        lower, upper = _shares((value - mu) / sigma, a + b)
        normalizer = log_beta(a, b) + 0.5 * T.log(a + b) - 2 * math.log(2) + T.log(sigma)
        return (a + 0.5) * T.log(lower) + (b + 0.5) * T.log(upper) - normalizer

    def _tails(self, value: Any, a: Any, b: Any, mu: Any, sigma: Any, first: Any, second: Any) -> Any:
        z = (value - mu) / sigma
        lower, upper = _shares(z, a + b)
        return T.where(T.less(z, 0), first(a, b, lower), second(b, a, upper))

    def log_cdf(self, value: Any, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        return self._tails(value, a, b, mu, sigma, log_betainc, log_betaincc)

    def log_ccdf(self, value: Any, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        return self._tails(value, a, b, mu, sigma, log_betaincc, log_betainc)

    def quantile(self, q: Any, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        lower, upper = beta_quantile(q, 1 - q, a, b), beta_quantile(1 - q, q, b, a)
        return mu + sigma * T.sqrt(a + b) * (lower - upper) / (2 * T.sqrt(lower) * T.sqrt(upper))

    def mean(self, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        exists = T.greater(T.minimum(a, b), 0.5)
        return mu + sigma * T.where(exists, _standard_mean(T.where(exists, a, 1.0), T.where(exists, b, 1.0)), math.nan)

    def variance(self, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        exists = T.greater(T.minimum(a, b), 1.0)
        a, b = T.where(exists, a, 2.0), T.where(exists, b, 2.0)
        square = 0.25 * (a + b) * ((a - b) ** 2 + a + b - 2) / ((a - 1) * (b - 1))
        return sigma**2 * T.where(exists, square - _standard_mean(a, b) ** 2, math.nan)

    def support_point(self, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        return mu


def _standard_mean(a: Any, b: Any) -> Any:
    return 0.5 * (a - b) * T.sqrt(a + b) * T.exp(T.gammaln(a - 0.5) - T.gammaln(a) + T.gammaln(b - 0.5) - T.gammaln(b))


SkewStudentT = SkewStudentTDistribution()
