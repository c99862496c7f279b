"""The StudentT and HalfStudentT laws."""

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
from symjax.random._incomplete import log_beta_kernel, log_beta_tails, log_gamma_ratio, log_half_step, log_probability
from symjax.random._inversion import inverse
from symjax.random._piecewise import beyond
from symjax.tensor._wrap import elementwise

_LOG_2 = math.log(2)
_LOG_PI = math.log(math.pi)


def _limit(s: Any) -> float:
    """Beyond this log t the tails are powers of t to all digits, and t² is still a number."""
    return 0.4 * math.log(float(jnp.finfo(s.dtype).max))


def _half_tails(nu: Any, s: Any) -> tuple[Any, Any]:
    """log P(log|t| ≤ s) and log P(log|t| > s): DLMF 8.17 at x = ν / (ν + t²)."""
    at = jnp.clip(s, -_limit(s), _limit(s))
    logit = 2 * at - jnp.log(nu)
    upper, lower = log_beta_tails(0.5 * nu, jnp.full_like(nu, 0.5), jax.nn.sigmoid(-logit), jax.nn.sigmoid(logit))
    return lower + jnp.minimum(s - at, 0.0), upper - nu * jnp.maximum(s - at, 0.0)


def _half_log_density(nu: Any, s: Any) -> Any:
    """log density of log|t|."""
    at = jnp.clip(s, -_limit(s), _limit(s))
    logit = 2 * at - jnp.log(nu)
    kernel = log_beta_kernel(0.5 * nu, jnp.full_like(nu, 0.5), jax.nn.sigmoid(-logit), jax.nn.sigmoid(logit))
    return _LOG_2 + kernel + jnp.minimum(s - at, 0.0) - nu * jnp.maximum(s - at, 0.0)


def _log_abs(z: Any) -> Any:
    return jnp.log(jnp.where(z == 0, 1.0, jnp.abs(z)))


def _log_t_cdf(nu: Any, z: Any) -> Any:
    upper = jnp.where(z == 0, 0.0, _half_tails(nu, _log_abs(z))[1]) - _LOG_2
    return jnp.where(z <= 0, upper, jnp.log1p(-jnp.exp(upper)))


def _log_t_density(nu: Any, z: Any) -> Any:
    return log_gamma_ratio(0.5 * nu) - 0.5 * (jnp.log(nu) + _LOG_PI) - 0.5 * (nu + 1) * jnp.log1p(z**2 / nu)


def _log_half_t(side: int) -> Any:
    def tail(nu: Any, z: Any) -> Any:
        return _half_tails(nu, _log_abs(z))[side]

    return log_probability(tail, lambda nu, z: _LOG_2 + _log_t_density(nu, z), (1, -1)[side])


#: ``log_student_t_cdf(nu, z)``, and the two tails of ``|t|`` at z > 0.
log_student_t_cdf = elementwise(log_probability(_log_t_cdf, _log_t_density, 1), "log_student_t_cdf", 2)
_log_half_t_cdf = elementwise(_log_half_t(0), "log_half_student_t_cdf", 2)
_log_half_t_ccdf = elementwise(_log_half_t(1), "log_half_student_t_ccdf", 2)
_log_quantile = inverse(_half_tails, _half_log_density)

#: ``half_student_t_quantile(q, complement, nu)``: inverse of the cdf of ``|t|``, with the complement 1 − q given apart.
half_student_t_quantile = elementwise(lambda q, c, nu: jnp.exp(_log_quantile(q, c, nu)), "half_student_t_quantile", 3)


def _log_normalizer(nu: Any, sigma: Any) -> Any:
    return log_half_step(0.5 * nu) - 0.5 * T.log(nu) - T.log(sigma) - 0.5 * _LOG_PI


def _log_kernel(z: Any, nu: Any) -> Any:
    return -0.5 * (nu + 1) * T.log1p(z**2 / nu)


class StudentTDistribution(Distribution):
    r"""Student's t law, proportional to :math:`(1 + ((x-\mu)/\sigma)^2 / \nu)^{-(\nu+1)/2}`.

    Parameters
    ----------
    nu : tensor-like
        Degrees of freedom, positive.
    mu : tensor-like
        Location, the median.
    sigma : tensor-like, optional
        Scale, positive (not the standard deviation); 1 by default.
    lam : tensor-like, optional
        ``1 / sigma**2``, instead of `sigma`.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.StudentT(nu=4.0, mu=[0.0, 1.0], sigma=2.0, name="x").shape
    (2,)

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions II, 2nd ed., ch. 28.
    """

    parameters = {"nu": Parameter(positive), "mu": Parameter(), "sigma": Parameter(positive)}

    def parametrize(self, nu: Any, mu: Any = 0.0, *, sigma: Any = None, lam: Any = None) -> Any:
        return nu, mu, scale(sigma, lam, "lam")

    def support(self, nu: Any, mu: Any, sigma: Any) -> support.Support:
        return support.real

    def draw(self, key: Any, shape: Any, dtype: Any, nu: Any, mu: Any, sigma: Any) -> Any:
        return mu + sigma * _draw_standard(key, nu, shape, dtype)

    def log_density(self, value: Any, nu: Any, mu: Any, sigma: Any) -> Any:
        return _log_kernel((value - mu) / sigma, nu) + _log_normalizer(nu, sigma)

    def log_cdf(self, value: Any, nu: Any, mu: Any, sigma: Any) -> Any:
        return log_student_t_cdf(nu, (value - mu) / sigma)

    def log_ccdf(self, value: Any, nu: Any, mu: Any, sigma: Any) -> Any:
        return log_student_t_cdf(nu, (mu - value) / sigma)

    def quantile(self, q: Any, nu: Any, mu: Any, sigma: Any) -> Any:
        upper = T.greater(q, 0.5)
        both = 2 * T.where(upper, 1 - q, q)
        return mu + sigma * T.where(upper, 1.0, -1.0) * half_student_t_quantile(1 - both, both, nu)

    def mean(self, nu: Any, mu: Any, sigma: Any) -> Any:
        return T.where(T.greater(nu, 1), mu, math.nan)

    def variance(self, nu: Any, mu: Any, sigma: Any) -> Any:
        finite = T.greater(nu, 2)
        ratio = nu / (T.where(finite, nu, 3.0) - 2)
        return T.where(finite, sigma**2 * ratio, T.where(T.greater(nu, 1), math.inf, math.nan))

    def support_point(self, nu: Any, mu: Any, sigma: Any) -> Any:
        return mu


def _draw_standard(key: Any, nu: Any, shape: Any, dtype: Any) -> Any:
    """Normal over the root of a mean square, the latter from its logarithm because small `nu` underflows."""
    first, second = jax.random.split(key)
    half = 0.5 * jnp.asarray(nu, dtype)
    log_mean_square = jax.random.loggamma(second, half, shape, dtype) - jnp.log(half)
    return jax.random.normal(first, shape, dtype) * jnp.exp(-0.5 * log_mean_square)


class HalfStudentTDistribution(Distribution):
    r"""Law of :math:`|t|` for a centred Student's t of scale :math:`\sigma`.

    Parameters
    ----------
    nu : tensor-like
        Degrees of freedom, positive.
    sigma : tensor-like, optional
        Scale, positive; 1 by default.
    lam : tensor-like, optional
        ``1 / sigma**2``, instead of `sigma`.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.HalfStudentT(nu=3.0, sigma=2.5, name="x").shape
    ()

    References
    ----------
    Gelman, Prior distributions for variance parameters in hierarchical models, 2006.
    """

    parameters = {"nu": Parameter(positive), "sigma": Parameter(positive)}

    def parametrize(self, nu: Any, sigma: Any = None, lam: Any = None) -> Any:
        return nu, scale(sigma, lam, "lam")

    def support(self, nu: Any, sigma: Any) -> support.Support:
        return support.positive

    def draw(self, key: Any, shape: Any, dtype: Any, nu: Any, sigma: Any) -> Any:
        return sigma * jnp.abs(_draw_standard(key, nu, shape, dtype))

    def log_density(self, value: Any, nu: Any, sigma: Any) -> Any:
        return _LOG_2 + _log_kernel(value / sigma, nu) + _log_normalizer(nu, sigma)

    def log_cdf(self, value: Any, nu: Any, sigma: Any) -> Any:
        return beyond(value / sigma, 0.0, 1.0, lambda z: _log_half_t_cdf(nu, z), -math.inf)

    def log_ccdf(self, value: Any, nu: Any, sigma: Any) -> Any:
        return beyond(value / sigma, 0.0, 1.0, lambda z: _log_half_t_ccdf(nu, z), 0.0)

    def quantile(self, q: Any, nu: Any, sigma: Any) -> Any:
        return sigma * half_student_t_quantile(q, 1 - q, nu)

    def mean(self, nu: Any, sigma: Any) -> Any:
        finite = T.greater(nu, 1)
        n = T.where(finite, nu, 2.0)
        value = 2 * sigma * T.sqrt(n / math.pi) * T.exp(log_half_step(0.5 * n)) / (n - 1)
        return T.where(finite, value, math.inf)

    def variance(self, nu: Any, sigma: Any) -> Any:
        finite = T.greater(nu, 2)
        n = T.where(finite, nu, 3.0)
        value = sigma**2 * n / (n - 2) - self.mean(n, sigma) ** 2
        return T.where(finite, value, T.where(T.greater(nu, 1), math.inf, math.nan))

    def support_point(self, nu: Any, sigma: Any) -> Any:
        return sigma


StudentT = StudentTDistribution()
HalfStudentT = HalfStudentTDistribution()
