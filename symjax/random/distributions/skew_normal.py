"""The SkewNormal law."""

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

_LOG_DENSITY_AT_MODE = 0.5 * math.log(2 / math.pi)


class SkewNormalDistribution(Distribution):
    r"""Skew Normal law, :math:`2 \phi(z) \Phi(\alpha z) / \sigma` with :math:`z = (x-\mu)/\sigma`.

    Parameters
    ----------
    alpha : tensor-like
        Skewness parameter; 1 by default, 0 is the Normal law, of a long right tail if positive.
    mu : tensor-like
        Location; 0 by default.
    sigma : tensor-like, optional
        Scale, positive (not the standard deviation); 1 by default.
    tau : tensor-like, optional
        ``1 / sigma**2``, instead of `sigma`.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.SkewNormal(alpha=[2.0, -3.0], name="x").shape
    (2,)

    References
    ----------
    Azzalini, A class of distributions which includes the normal ones, Scandinavian Journal of Statistics 12, 1985.
    """

    parameters = {"alpha": Parameter(), "mu": Parameter(), "sigma": Parameter(positive)}

    def parametrize(self, alpha: Any = 1.0, mu: Any = 0.0, sigma: Any = None, tau: Any = None) -> Any:
        return alpha, mu, scale(sigma, tau)

    def support(self, alpha: Any, mu: Any, sigma: Any) -> support.Support:
        return support.real

    def draw(self, key: Any, shape: Any, dtype: Any, alpha: Any, mu: Any, sigma: Any) -> Any:
        first, second = jax.random.normal(key, (2, *shape), dtype)
        return mu + sigma * (alpha * jnp.abs(first) + second) / jnp.hypot(alpha, 1.0)

    def log_density(self, value: Any, alpha: Any, mu: Any, sigma: Any) -> Any:
        z = (value - mu) / sigma
        return _LOG_DENSITY_AT_MODE - 0.5 * z**2 + T.log_ndtr(alpha * z) - T.log(sigma)

    def mean(self, alpha: Any, mu: Any, sigma: Any) -> Any:
        return mu + sigma * math.sqrt(2 / math.pi) * alpha / T.hypot(alpha, 1.0)

    def variance(self, alpha: Any, mu: Any, sigma: Any) -> Any:
        return sigma**2 * (1 - 2 / math.pi * (alpha / T.hypot(alpha, 1.0)) ** 2)


SkewNormal = SkewNormalDistribution()
