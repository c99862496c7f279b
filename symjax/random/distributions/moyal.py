"""The Moyal law."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution

LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
_MEAN = float(np.euler_gamma) + math.log(2)


def _log_tails(z: Any) -> tuple[Any, Any]:
    """log P(Z ≤ z) and log P(Z > z), the logs of erfc(t) and erf(t) at t = exp(-z/2) / √2."""
    near, far = T.less(z, 0.0), T.greater(z, 20.0)
    lower = math.log(2) + T.log_ndtr(-T.exp(-0.5 * T.where(near, z, 0.0)))
    middle = T.log(T.erf(math.sqrt(0.5) * T.exp(-0.5 * T.where(T.logical_or(near, far), 1.0, z))))
    # the series of erf, whose leading factor keeps its logarithm where it underflows
    w = T.where(far, z, 20.0)
    u = T.exp(-w)
    upper = T.where(far, math.log(2) - LOG_SQRT_2PI - 0.5 * w + T.log1p(-u / 6 + u**2 / 40), middle)
    return T.where(near, lower, T.log1mexp(upper)), T.where(near, T.log1mexp(lower), upper)


class MoyalDistribution(Distribution):
    r"""Moyal law, :math:`\exp(-(z + e^{-z})/2) / (\sigma\sqrt{2\pi})` with :math:`z = (x-\mu)/\sigma`.

    It is the law of :math:`\mu - 2\sigma\log|N|` for a standard Normal N.

    Parameters
    ----------
    mu : tensor-like
        Location, the mode; 0 by default.
    sigma : tensor-like
        Scale, positive; 1 by default.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Moyal(0.0, 2.0, shape=(3,), name="x").shape
    (3,)

    References
    ----------
    Moyal, Theory of ionization fluctuations, Philosophical Magazine 46, 1955. Walck, Hand-book on Statistical Distributions for
    Experimentalists, 1996, ch. 26.
    """

    parameters = {"mu": Parameter(), "sigma": Parameter(positive)}

    def parametrize(self, mu: Any = 0.0, sigma: Any = 1.0) -> Any:
        return mu, sigma

    def support(self, mu: Any, sigma: Any) -> support.Support:
        return support.real

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, sigma: Any) -> Any:
        # half a squared Normal is Gamma(1/2, 1), whose log stays finite where the Normal draw rounds to zero
        return mu - sigma * (math.log(2) + jax.random.loggamma(key, jnp.asarray(0.5, dtype), shape, dtype))

    def log_density(self, value: Any, mu: Any, sigma: Any) -> Any:
        z = (value - mu) / sigma
        return -0.5 * (z + T.exp(-z)) - T.log(sigma) - LOG_SQRT_2PI

    def log_cdf(self, value: Any, mu: Any, sigma: Any) -> Any:
        return _log_tails((value - mu) / sigma)[0]

    def log_ccdf(self, value: Any, mu: Any, sigma: Any) -> Any:
        return _log_tails((value - mu) / sigma)[1]

    def quantile(self, q: Any, mu: Any, sigma: Any) -> Any:
        return mu - 2 * sigma * T.log(-T.ndtri(0.5 * q))

    def mean(self, mu: Any, sigma: Any) -> Any:
        return mu + sigma * _MEAN

    def variance(self, mu: Any, sigma: Any) -> Any:
        return 0.5 * (math.pi * sigma) ** 2


Moyal = MoyalDistribution()
