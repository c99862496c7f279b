"""The Laplace law."""

from __future__ import annotations

import math
from typing import Any

import jax

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution

_LOG_2 = math.log(2)


class LaplaceDistribution(Distribution):
    r"""Laplace (double exponential) law, :math:`e^{-|x-\mu|/b} / 2b`.

    Parameters
    ----------
    mu : tensor-like
        Location, the mean.
    b : tensor-like
        Scale, positive.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Laplace(0.0, 1.0, name="x").shape
    ()

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions II, 2nd ed., ch. 24.
    """

    parameters = {"mu": Parameter(), "b": Parameter(positive)}

    def parametrize(self, mu: Any, b: Any) -> Any:
        return mu, b

    def support(self, mu: Any, b: Any) -> support.Support:
        return support.real

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, b: Any) -> Any:
        return mu + b * jax.random.laplace(key, shape, dtype)

    def log_density(self, value: Any, mu: Any, b: Any) -> Any:
        return -T.abs(value - mu) / b - T.log(b) - _LOG_2

    def log_cdf(self, value: Any, mu: Any, b: Any) -> Any:
        return _log_tail((value - mu) / b)

    def log_ccdf(self, value: Any, mu: Any, b: Any) -> Any:
        return _log_tail((mu - value) / b)

    def quantile(self, q: Any, mu: Any, b: Any) -> Any:
        upper = T.greater(q, 0.5)
        distance = -T.log(2 * T.where(upper, 1 - q, q))
        return mu + b * T.where(upper, distance, -distance)

    def mean(self, mu: Any, b: Any) -> Any:
        return mu

    def variance(self, mu: Any, b: Any) -> Any:
        return 2 * b**2


def _log_tail(z: Any) -> Any:
    left = T.less(z, 0.0)
    # each branch sees only its own side, so that the slope at the centre is the density's
    far = T.where(left, z, 0.0)
    near = T.where(left, 0.0, z)
    return T.where(left, far - _LOG_2, T.log1p(-0.5 * T.exp(-near)))


Laplace = LaplaceDistribution()
