"""The ExGaussian law."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution
from symjax.random._erfcx import erfcx, log_erfcx_difference
from symjax.random._incomplete import log1mexp, log_probability
from symjax.random._inversion import inverse
from symjax.random._normal_mass import log_ndtr
from symjax.tensor._wrap import elementwise

_LOG_2 = math.log(2)


def _log_over_rate(k: Any, z: Any) -> Any:
    """log density over k at z for unit σ and rate k: of exp(k²/2 - kz) Φ(z - k) = exp(-z²/2) erfcx((k - z)/√2) / 2."""
    left = z < k
    t = jnp.where(left, k - z, 0.0)
    lower = -0.5 * jnp.where(left, z, 0.0) ** 2 - _LOG_2 + jnp.log(erfcx(math.sqrt(0.5) * t))
    return jnp.where(left, lower, k * (0.5 * k - z) + log_ndtr(jnp.where(left, 0.0, z - k)))


def _log_density(k: Any, z: Any) -> Any:
    return jnp.log(k) + _log_over_rate(k, z)


def _log_tails(k: Any, z: Any) -> tuple[Any, Any]:
    """log cdf and log survival function: Φ(z) less, and Φ(-z) with, the density over k."""
    upper = jnp.logaddexp(log_ndtr(-z), _log_over_rate(k, z))
    left = z < 1
    x = jnp.where(left, z, 0.0)
    lower = -0.5 * x**2 - _LOG_2 + log_erfcx_difference(-math.sqrt(0.5) * x, math.sqrt(0.5) * k)
    lower = jnp.where(left, lower, log1mexp(jnp.where(left, -1.0, upper)))
    early = lower < -_LOG_2
    return lower, jnp.where(early, log1mexp(jnp.where(early, lower, -1.0)), upper)


def _log_tail(side: int) -> Any:
    return log_probability(lambda k, z: _log_tails(k, z)[side], _log_density, (1, -1)[side])


_log_ex_gaussian_cdf = elementwise(_log_tail(0), "log_ex_gaussian_cdf", 2)
_log_ex_gaussian_ccdf = elementwise(_log_tail(1), "log_ex_gaussian_ccdf", 2)
_log_ex_gaussian_density = elementwise(_log_density, "log_ex_gaussian_density", 2)
# in units of the sum of both scales, in which neither tail is out of the search's reach
_quantile = inverse(lambda k, s: _log_tails(k, s * (1 + 1 / k)), lambda k, s: _log_density(k, s * (1 + 1 / k)) + jnp.log1p(1 / k))
_ex_gaussian_quantile = elementwise(lambda q, c, k: (1 + 1 / k) * _quantile(q, c, k), "ex_gaussian_quantile", 3)


class ExGaussianDistribution(Distribution):
    r"""Law of the sum of a Normal(:math:`\mu, \sigma`) variable and an independent exponential one of mean :math:`\nu`.

    Parameters
    ----------
    mu : tensor-like
        Mean of the Normal part; 0 by default.
    sigma : tensor-like
        Standard deviation of the Normal part, positive; 1 by default.
    nu : tensor-like
        Mean of the exponential part, positive; by keyword.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.ExGaussian(0.0, 1.0, nu=[2.0, 3.0], name="x").shape
    (2,)

    References
    ----------
    Grushka, Characterization of exponentially modified Gaussian peaks in chromatography, Analytical Chemistry 44, 1972.
    """

    parameters = {"mu": Parameter(), "sigma": Parameter(positive), "nu": Parameter(positive)}

    def parametrize(self, mu: Any = 0.0, sigma: Any = 1.0, *, nu: Any) -> Any:
        return mu, sigma, nu

    def support(self, mu: Any, sigma: Any, nu: Any) -> support.Support:
        return support.real

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, sigma: Any, nu: Any) -> Any:
        normal, exponential = jax.random.split(key)
        return mu + sigma * jax.random.normal(normal, shape, dtype) + nu * jax.random.exponential(exponential, shape, dtype)

    def log_density(self, value: Any, mu: Any, sigma: Any, nu: Any) -> Any:
        return _log_ex_gaussian_density(sigma / nu, (value - mu) / sigma) - T.log(sigma)

    def log_cdf(self, value: Any, mu: Any, sigma: Any, nu: Any) -> Any:
        return _log_ex_gaussian_cdf(sigma / nu, (value - mu) / sigma)

    def log_ccdf(self, value: Any, mu: Any, sigma: Any, nu: Any) -> Any:
        return _log_ex_gaussian_ccdf(sigma / nu, (value - mu) / sigma)

    def quantile(self, q: Any, mu: Any, sigma: Any, nu: Any) -> Any:
        return mu + sigma * _ex_gaussian_quantile(q, 1 - q, sigma / nu)

    def mean(self, mu: Any, sigma: Any, nu: Any) -> Any:
        return mu + nu

    def variance(self, mu: Any, sigma: Any, nu: Any) -> Any:
        return sigma**2 + nu**2


ExGaussian = ExGaussianDistribution()
