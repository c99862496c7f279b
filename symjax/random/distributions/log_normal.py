"""The LogNormal law."""

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
from symjax.random._piecewise import beyond
from symjax.random.distributions.normal import LOG_SQRT_2PI


class LogNormalDistribution(Distribution):
    r"""Law of :math:`e^Z` for a Normal Z of mean :math:`\mu` and standard deviation :math:`\sigma`.

    Parameters
    ----------
    mu : tensor-like
        Mean of the logarithm.
    sigma : tensor-like, optional
        Standard deviation of the logarithm, positive; 1 by default.
    tau : tensor-like, optional
        ``1 / sigma**2``, instead of `sigma`.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.LogNormal(0.0, [0.5, 1.0], name="x").shape
    (2,)

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 14.
    """

    parameters = {"mu": Parameter(), "sigma": Parameter(positive)}

    def parametrize(self, mu: Any = 0.0, sigma: Any = None, tau: Any = None) -> Any:
        return mu, scale(sigma, tau)

    def support(self, mu: Any, sigma: Any) -> support.Support:
        return support.strictly_positive

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, sigma: Any) -> Any:
        return jnp.exp(mu + sigma * jax.random.normal(key, shape, dtype))

    def log_density(self, value: Any, mu: Any, sigma: Any) -> Any:
        log_value = T.log(value)
        return -0.5 * ((log_value - mu) / sigma) ** 2 - log_value - T.log(sigma) - LOG_SQRT_2PI

    def log_cdf(self, value: Any, mu: Any, sigma: Any) -> Any:
        return beyond(value, 0.0, 1.0, lambda x: T.log_ndtr((T.log(x) - mu) / sigma), -math.inf)

    def log_ccdf(self, value: Any, mu: Any, sigma: Any) -> Any:
        return beyond(value, 0.0, 1.0, lambda x: T.log_ndtr((mu - T.log(x)) / sigma), 0.0)

    def quantile(self, q: Any, mu: Any, sigma: Any) -> Any:
        return T.exp(mu + sigma * T.ndtri(q))

    def mean(self, mu: Any, sigma: Any) -> Any:
        return T.exp(mu + 0.5 * sigma**2)

    def variance(self, mu: Any, sigma: Any) -> Any:
        return T.expm1(sigma**2) * T.exp(2 * mu + sigma**2)


LogNormal = LogNormalDistribution()
