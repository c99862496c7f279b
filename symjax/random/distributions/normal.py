"""The Normal law."""

from __future__ import annotations

import math
from typing import Any

import jax

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._alternatives import scale
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution

LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


class NormalDistribution(Distribution):
    r"""Normal (Gaussian) law, :math:`\exp(-(x-\mu)^2 / 2\sigma^2) / (\sigma\sqrt{2\pi})`.

    Parameters
    ----------
    mu : tensor-like
        Mean.
    sigma : tensor-like, optional
        Standard deviation, positive; 1 by default.
    tau : tensor-like, optional
        Precision ``1 / sigma**2``, instead of `sigma`.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Normal(0.0, 1.0, shape=(3,), name="x").shape
    (3,)

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 13.
    """

    parameters = {"mu": Parameter(), "sigma": Parameter(positive)}

    def parametrize(self, mu: Any = 0.0, sigma: Any = None, tau: Any = None) -> Any:
        return mu, scale(sigma, tau)

    def support(self, mu: Any, sigma: Any) -> support.Support:
        return support.real

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, sigma: Any) -> Any:
        return mu + sigma * jax.random.normal(key, shape, dtype)

    def log_density(self, value: Any, mu: Any, sigma: Any) -> Any:
        return -0.5 * ((value - mu) / sigma) ** 2 - T.log(sigma) - LOG_SQRT_2PI

    def log_cdf(self, value: Any, mu: Any, sigma: Any) -> Any:
        return T.log_ndtr((value - mu) / sigma)

    def log_ccdf(self, value: Any, mu: Any, sigma: Any) -> Any:
        return T.log_ndtr((mu - value) / sigma)

    def quantile(self, q: Any, mu: Any, sigma: Any) -> Any:
        return mu + sigma * T.ndtri(q)

    def mean(self, mu: Any, sigma: Any) -> Any:
        return mu

    def variance(self, mu: Any, sigma: Any) -> Any:
        return sigma**2


Normal = NormalDistribution()
