"""The SkewStudentT law."""

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
from symjax.random._incomplete import log_beta_kernel, log_beta_tails, log_half_step, log_probability
from symjax.random._inversion import inverse
from symjax.tensor._wrap import elementwise


def _log_tails(a: Any, b: Any, s: Any) -> tuple[Any, Any]:
    """log cdf and log survival function of the log odds of a Beta(a, b) variable."""
    return log_beta_tails(a, b, jax.nn.sigmoid(s), jax.nn.sigmoid(-s))


def _log_density(a: Any, b: Any, s: Any) -> Any:
    return log_beta_kernel(a, b, jax.nn.sigmoid(s), jax.nn.sigmoid(-s))


def _log_tail(side: int) -> Any:
    return log_probability(lambda a, b, s: _log_tails(a, b, s)[side], _log_density, (1, -1)[side])


_log_odds_density = elementwise(_log_density, "log_beta_odds_density", 3)
_log_odds_cdf = elementwise(_log_tail(0), "log_beta_odds_cdf", 3)
_log_odds_ccdf = elementwise(_log_tail(1), "log_beta_odds_ccdf", 3)
_odds_quantile = elementwise(inverse(_log_tails, _log_density), "beta_odds_quantile", 4)


def _log_odds(value: Any, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
    return 2 * T.arcsinh((value - mu) / (sigma * T.sqrt(a + b)))


class SkewStudentTDistribution(Distribution):
    r"""Jones and Faddy's skew t law: of :math:`\mu + \sigma\sqrt{a+b} \sinh(L/2)` for the log odds L of a Beta(a, b) variable.

    Parameters
    ----------
    a, b : tensor-like
        Shapes, positive: indices of the left and right tails are ``2 * a`` and ``2 * b``. Equal ones give Student's t law with
        ``2 * a`` degrees of freedom.
    mu : tensor-like
        Location; 0 by default. By keyword, like the following.
    sigma : tensor-like, optional
        Scale, positive; 1 by default.
    lam : tensor-like, optional
        ``1 / sigma**2``, instead of `sigma`.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.SkewStudentT(2.0, [3.0, 4.0], mu=1.0, name="x").shape
    (2,)

    References
    ----------
    Jones, Faddy, A skew extension of the t-distribution, with applications, Journal of the Royal Statistical Society B 65, 2003.
    """

    parameters = {"a": Parameter(positive), "b": Parameter(positive), "mu": Parameter(), "sigma": Parameter(positive)}

    def parametrize(self, a: Any, b: Any, *, mu: Any = 0.0, sigma: Any = None, lam: Any = None) -> Any:
        return a, b, mu, scale(sigma, lam, "lam")

    def support(self, a: Any, b: Any, mu: Any, sigma: Any) -> support.Support:
        return support.real

    def draw(self, key: Any, shape: Any, dtype: Any, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        first, second = jax.random.split(key)
        odds = jax.random.loggamma(first, jnp.asarray(a, dtype), shape, dtype)
        odds = odds - jax.random.loggamma(second, jnp.asarray(b, dtype), shape, dtype)
        return mu + sigma * jnp.sqrt(a + b) * jnp.sinh(0.5 * odds)

    def log_density(self, value: Any, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        width = sigma * T.sqrt(a + b)
        slope = math.log(2) - T.log(width) - T.log(T.hypot(1.0, (value - mu) / width))
        return _log_odds_density(a, b, _log_odds(value, a, b, mu, sigma)) + slope

    def log_cdf(self, value: Any, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        return _log_odds_cdf(a, b, _log_odds(value, a, b, mu, sigma))

    def log_ccdf(self, value: Any, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        return _log_odds_ccdf(a, b, _log_odds(value, a, b, mu, sigma))

    def quantile(self, q: Any, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        return mu + sigma * T.sqrt(a + b) * T.sinh(0.5 * _odds_quantile(q, 1 - q, a, b))

    def _standard_mean(self, a: Any, b: Any) -> Any:
        """Mean of the standard law for shapes above 1/2."""
        return 0.5 * (a - b) * T.sqrt(a + b) * T.exp(-log_half_step(a - 0.5) - log_half_step(b - 0.5))

    def mean(self, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        exists = T.greater(T.minimum(a, b), 0.5)
        return mu + sigma * T.where(exists, self._standard_mean(T.where(exists, a, 1.0), T.where(exists, b, 1.0)), math.nan)

    def variance(self, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        least = T.minimum(a, b)
        finite = T.greater(least, 1.0)
        a, b = T.where(finite, a, 2.0), T.where(finite, b, 2.0)
        square = 0.25 * (a + b) * ((a - b) ** 2 + a + b - 2) / ((a - 1) * (b - 1))
        value = square - self._standard_mean(a, b) ** 2
        return sigma**2 * T.where(finite, value, T.where(T.greater(least, 0.5), math.inf, math.nan))

    def support_point(self, a: Any, b: Any, mu: Any, sigma: Any) -> Any:
        return mu


SkewStudentT = SkewStudentTDistribution()
