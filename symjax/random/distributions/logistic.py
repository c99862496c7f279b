"""The Logistic law."""

from __future__ import annotations

import math
from typing import Any

import jax

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution


class LogisticDistribution(Distribution):
    r"""Logistic law, whose cdf is :math:`1 / (1 + e^{-(x-\mu)/s})`.

    Parameters
    ----------
    mu : tensor-like
        Location, the mean; 0 by default.
    s : tensor-like
        Scale, positive; 1 by default.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Logistic(0.0, 2.0, name="x").shape
    ()

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions II, 2nd ed., ch. 23.
    """

    parameters = {"mu": Parameter(), "s": Parameter(positive)}

    def parametrize(self, mu: Any = 0.0, s: Any = 1.0) -> Any:
        return mu, s

    def support(self, mu: Any, s: Any) -> support.Support:
        return support.real

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, s: Any) -> Any:
        return mu + s * jax.random.logistic(key, shape, dtype)

    def log_density(self, value: Any, mu: Any, s: Any) -> Any:
        z = (value - mu) / s
        return T.log_sigmoid(z) + T.log_sigmoid(-z) - T.log(s)

    def log_cdf(self, value: Any, mu: Any, s: Any) -> Any:
        return T.log_sigmoid((value - mu) / s)

    def log_ccdf(self, value: Any, mu: Any, s: Any) -> Any:
        return T.log_sigmoid((mu - value) / s)

    def quantile(self, q: Any, mu: Any, s: Any) -> Any:
        return mu + s * T.logit(q)

    def mean(self, mu: Any, s: Any) -> Any:
        return mu

    def variance(self, mu: Any, s: Any) -> Any:
        return s**2 * (math.pi**2 / 3)


Logistic = LogisticDistribution()
