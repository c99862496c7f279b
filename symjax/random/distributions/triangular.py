"""The Triangular law."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Constraint, Parameter
from symjax.random._distribution import Distribution
from symjax.random._piecewise import within

_finite = Constraint("a finite number", lambda x: abs(x) < math.inf)


def _log_below(near: Any, far: Any, past: Any, mode: Any, rest: Any) -> Any:
    """Log of the mass on the side of a bound, all lengths in units of the interval's.

    `near` and `far` are the distances of the value from this bound and from the other one, `past` that from the mode, positive
    beyond it; `mode` and `rest` are the distances of the mode from both bounds.
    """
    rising = T.less(past, 0.0)
    squared = 2 * T.log(near) - T.log(T.where(rising, mode, 1.0))
    left = T.where(rising, 1.0, far)
    rest = T.where(rising, 2.0, rest)
    other = left**2 / rest
    small = T.greater(other, 0.5)
    # 1 - far² / rest without a difference
    mass = (left * past + near * rest) / rest
    falling = T.where(small, T.log(T.where(small, mass, 1.0)), T.log1p(-T.where(small, 0.0, other)))
    return T.where(rising, squared, falling)


class TriangularDistribution(Distribution):
    r"""Triangular law, whose density rises linearly from `lower` to `c` and falls linearly from there to `upper`.

    Parameters
    ----------
    lower, upper : tensor-like
        Bounds, finite; 0 and 1 by default.
    c : tensor-like
        Mode, between the bounds or at one of them; 0.5 by default.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logcdf(R.Triangular(0.0, 4.0, c=1.0, name="x"), 1.0).eval()), 4)
    -1.3863

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions II, 2nd ed., ch. 26.9.
    """

    parameters = {"lower": Parameter(_finite), "upper": Parameter(_finite), "c": Parameter(_finite)}
    requirement = "'lower' must be less than 'upper', and 'c' be from 'lower' to 'upper'"

    def parametrize(self, lower: Any = 0.0, upper: Any = 1.0, c: Any = 0.5) -> Any:
        return lower, upper, c

    def support(self, lower: Any, upper: Any, c: Any) -> support.Support:
        return support.interval(lower, upper)

    def conditions(self, lower: Any, upper: Any, c: Any) -> list[Any]:
        return [T.less(lower, upper), T.less_equal(lower, c), T.less_equal(c, upper)]

    def draw(self, key: Any, shape: Any, dtype: Any, lower: Any, upper: Any, c: Any) -> Any:
        # between a bound and the mode lies the larger of two uniform draws from that bound
        pick, larger = jax.random.split(key)
        length = jax.random.uniform(larger, (2, *shape), dtype).max(0)
        below = jax.random.uniform(pick, shape, dtype) * (upper - lower) < c - lower
        x = jnp.where(below, lower + (c - lower) * length, upper - (upper - c) * length)
        return jnp.clip(x, lower, upper).astype(dtype)

    def log_density(self, value: Any, lower: Any, upper: Any, c: Any) -> Any:
        rising = T.logical_or(T.less(value, c), T.greater_equal(c, upper))
        height = T.where(rising, value - lower, upper - value) / T.where(rising, c - lower, upper - c)
        return math.log(2) + T.log(height) - T.log(upper - lower)

    def log_cdf(self, value: Any, lower: Any, upper: Any, c: Any) -> Any:
        w = upper - lower

        def tail(x: Any) -> Any:
            return _log_below((x - lower) / w, (upper - x) / w, (x - c) / w, (c - lower) / w, (upper - c) / w)

        return within(value, lower, upper, tail, -math.inf, 0.0)

    def log_ccdf(self, value: Any, lower: Any, upper: Any, c: Any) -> Any:
        w = upper - lower

        def tail(x: Any) -> Any:
            return _log_below((upper - x) / w, (x - lower) / w, (c - x) / w, (upper - c) / w, (c - lower) / w)

        return within(value, lower, upper, tail, 0.0, -math.inf)

    def quantile(self, q: Any, lower: Any, upper: Any, c: Any) -> Any:
        w = upper - lower
        mode, rest = (c - lower) / w, (upper - c) / w
        rising = T.logical_or(T.less(q, mode), T.greater_equal(c, upper))
        left = T.sqrt(T.where(rising, q * mode, 1.0))
        root = T.sqrt(T.where(rising, 1.0, (1 - q) * rest))
        # the share 1 - root of the interval, without a difference for values near the lower bound
        right = T.where(T.less(q, 0.5), lower + w * (mode + q * rest) / (1 + root), upper - w * root)
        return T.where(rising, lower + w * left, right)

    def mean(self, lower: Any, upper: Any, c: Any) -> Any:
        return (lower + upper + c) / 3

    def variance(self, lower: Any, upper: Any, c: Any) -> Any:
        left, right = c - lower, upper - c
        return (left**2 + left * right + right**2) / 18


Triangular = TriangularDistribution()
