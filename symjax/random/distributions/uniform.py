"""The Uniform law."""

from __future__ import annotations

import math
from typing import Any

import jax

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Constraint, Parameter
from symjax.random._distribution import Distribution
from symjax.random._piecewise import within

_finite = Constraint("a finite number", lambda x: abs(x) < math.inf)


class UniformDistribution(Distribution):
    r"""Uniform law on an interval.

    Parameters
    ----------
    lower, upper : tensor-like
        Bounds, finite; 0 and 1 by default.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Uniform(-1.0, 1.0, shape=(4,), name="x").shape
    (4,)

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions II, 2nd ed., ch. 26.
    """

    parameters = {"lower": Parameter(_finite), "upper": Parameter(_finite)}
    requirement = "'lower' must be less than 'upper'"

    def parametrize(self, lower: Any = 0.0, upper: Any = 1.0) -> Any:
        return lower, upper

    def support(self, lower: Any, upper: Any) -> support.Support:
        return support.interval(lower, upper)

    def conditions(self, lower: Any, upper: Any) -> list[Any]:
        return [T.less(lower, upper)]

    def draw(self, key: Any, shape: Any, dtype: Any, lower: Any, upper: Any) -> Any:
        return lower + (upper - lower) * jax.random.uniform(key, shape, dtype)

    def log_density(self, value: Any, lower: Any, upper: Any) -> Any:
        return T.zeros_like(value) - T.log(upper - lower)

    def log_cdf(self, value: Any, lower: Any, upper: Any) -> Any:
        return within(value, lower, upper, lambda x: T.log((x - lower) / (upper - lower)), -math.inf, 0.0)

    def log_ccdf(self, value: Any, lower: Any, upper: Any) -> Any:
        return within(value, lower, upper, lambda x: T.log((upper - x) / (upper - lower)), 0.0, -math.inf)

    def quantile(self, q: Any, lower: Any, upper: Any) -> Any:
        return lower + q * (upper - lower)

    def mean(self, lower: Any, upper: Any) -> Any:
        return 0.5 * (lower + upper)

    def variance(self, lower: Any, upper: Any) -> Any:
        return (upper - lower) ** 2 / 12


Uniform = UniformDistribution()
