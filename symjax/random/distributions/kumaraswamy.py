"""The Kumaraswamy law."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution
from symjax.random._incomplete import log_beta
from symjax.random._piecewise import within


class KumaraswamyDistribution(Distribution):
    r"""Kumaraswamy law, :math:`a b x^{a-1} (1-x^a)^{b-1}` on the unit interval.

    It is the law of :math:`B^{1/a}` for a B of law Beta(1, b).

    Parameters
    ----------
    a, b : tensor-like
        Shapes, positive.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Kumaraswamy(2.0, 3.0, name="x").shape
    ()

    References
    ----------
    Jones, Kumaraswamy's distribution: a beta-type distribution with some tractability advantages, Statistical Methodology 6, 2009.
    """

    parameters = {"a": Parameter(positive), "b": Parameter(positive)}

    def parametrize(self, a: Any, b: Any) -> Any:
        return a, b

    def support(self, a: Any, b: Any) -> support.Support:
        return support.unit_interval

    def draw(self, key: Any, shape: Any, dtype: Any, a: Any, b: Any) -> Any:
        return jnp.exp(jnp.log(-jnp.expm1(-jax.random.exponential(key, shape, dtype) / b)) / a)

    def log_density(self, value: Any, a: Any, b: Any) -> Any:
        return T.log(a) + T.log(b) + T.xlogy(a - 1, value) + T.xlogy(b - 1, -T.expm1(a * T.log(value)))

    def log_cdf(self, value: Any, a: Any, b: Any) -> Any:
        return within(value, 0.0, 1.0, lambda x: T.log1mexp(b * T.log1mexp(a * T.log(x))), -math.inf, 0.0)

    def log_ccdf(self, value: Any, a: Any, b: Any) -> Any:
        return within(value, 0.0, 1.0, lambda x: b * T.log1mexp(a * T.log(x)), 0.0, -math.inf)

    def quantile(self, q: Any, a: Any, b: Any) -> Any:
        return T.exp(T.log(-T.expm1(T.log1p(-q) / b)) / a)

    def _moment(self, k: int, a: Any, b: Any) -> Any:
        return b * T.exp(log_beta(1 + k / a, b))

    def mean(self, a: Any, b: Any) -> Any:
        return self._moment(1, a, b)

    def variance(self, a: Any, b: Any) -> Any:
        return self._moment(2, a, b) - self._moment(1, a, b) ** 2


Kumaraswamy = KumaraswamyDistribution()
