"""The Gumbel law."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution


class GumbelDistribution(Distribution):
    r"""Gumbel law of maxima, whose cdf is :math:`\exp(-e^{-(x-\mu)/\beta})`.

    Parameters
    ----------
    mu : tensor-like
        Location, the mode.
    beta : tensor-like
        Scale, positive.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Gumbel(0.0, 1.0, name="x").shape
    ()

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions II, 2nd ed., ch. 22.
    """

    parameters = {"mu": Parameter(), "beta": Parameter(positive)}

    def parametrize(self, mu: Any, beta: Any) -> Any:
        return mu, beta

    def support(self, mu: Any, beta: Any) -> support.Support:
        return support.real

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, beta: Any) -> Any:
        return mu + beta * jax.random.gumbel(key, shape, dtype)

    def log_density(self, value: Any, mu: Any, beta: Any) -> Any:
        z = (value - mu) / beta
        return -z - T.exp(-z) - T.log(beta)

    def log_cdf(self, value: Any, mu: Any, beta: Any) -> Any:
        return -T.exp((mu - value) / beta)

    def log_ccdf(self, value: Any, mu: Any, beta: Any) -> Any:
        z = (value - mu) / beta
        far = T.greater(z, 20.0)
        # log(1 - exp(-t)) = log t - t / 2 + O(t²), with t = exp(-z) that may underflow
        tail = -z - 0.5 * T.exp(-T.where(far, z, 20.0))
        return T.where(far, tail, T.log1mexp(-T.exp(-T.where(far, 20.0, z))))

    def quantile(self, q: Any, mu: Any, beta: Any) -> Any:
        return mu - beta * T.log(-T.log(q))

    def mean(self, mu: Any, beta: Any) -> Any:
        return mu + beta * np.euler_gamma

    def variance(self, mu: Any, beta: Any) -> Any:
        return beta**2 * (math.pi**2 / 6)


Gumbel = GumbelDistribution()
