"""The HalfNormal law."""

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

_LOG_DENSITY_AT_0 = 0.5 * math.log(2 / math.pi)


class HalfNormalDistribution(Distribution):
    r"""Law of :math:`|Z|` for a centred Normal Z of standard deviation :math:`\sigma`.

    Parameters
    ----------
    sigma : tensor-like, optional
        Scale, positive; 1 by default.
    tau : tensor-like, optional
        ``1 / sigma**2``, instead of `sigma`.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.HalfNormal(2.0, shape=(3,), name="x").shape
    (3,)

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 13.10.
    """

    parameters = {"sigma": Parameter(positive)}

    def parametrize(self, sigma: Any = None, tau: Any = None) -> Any:
        return (scale(sigma, tau),)

    def support(self, sigma: Any) -> support.Support:
        return support.positive

    def draw(self, key: Any, shape: Any, dtype: Any, sigma: Any) -> Any:
        return sigma * jnp.abs(jax.random.normal(key, shape, dtype))

    def log_density(self, value: Any, sigma: Any) -> Any:
        return -0.5 * (value / sigma) ** 2 - T.log(sigma) + _LOG_DENSITY_AT_0

    def log_cdf(self, value: Any, sigma: Any) -> Any:
        def formula(z: Any) -> Any:
            near = T.less(z, 1.0)
            small = T.log(T.erf(T.where(near, z, 1.0) * math.sqrt(0.5)))
            return T.where(near, small, T.log1mexp(math.log(2) + T.log_ndtr(-T.where(near, 1.0, z))))

        return beyond(value / sigma, 0.0, 1.0, formula, -math.inf)

    def log_ccdf(self, value: Any, sigma: Any) -> Any:
        return beyond(value / sigma, 0.0, 1.0, lambda z: math.log(2) + T.log_ndtr(-z), 0.0)

    def quantile(self, q: Any, sigma: Any) -> Any:
        near = T.less(q, 0.5)
        small = math.sqrt(2) * T.erfinv(T.where(near, q, 0.5))
        return sigma * T.where(near, small, -T.ndtri(0.5 * (1 - T.where(near, 0.5, q))))

    def mean(self, sigma: Any) -> Any:
        return sigma * math.sqrt(2 / math.pi)

    def variance(self, sigma: Any) -> Any:
        return sigma**2 * (1 - 2 / math.pi)

    def support_point(self, sigma: Any) -> Any:
        return sigma


HalfNormal = HalfNormalDistribution()
