"""The Interpolated law."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.random import _support as support
from symjax.random._constraint import Constraint, Parameter
from symjax.random._distribution import Distribution

_increasing = Constraint(
    "at least two finite numbers, each greater than the one before",
    lambda x: (x.shape[-1] > 1) & np.isfinite(x).all(-1) & (np.diff(x) > 0).all(-1),
    lambda x: T.all(T.greater(x[..., 1:], x[..., :-1]), -1),
)
_heights = Constraint(
    "finite, zero or positive, and not all zero",
    lambda p: np.isfinite(p).all(-1) & (p >= 0).all(-1) & (p > 0).any(-1),
    lambda p: T.logical_and(T.all(T.greater_equal(p, 0), -1), T.any(T.greater(p, 0), -1)),
)


def _masses(x: Any, p: Any) -> Any:
    """Masses of the pieces, not normalised."""
    return 0.5 * (x[..., 1:] - x[..., :-1]) * (p[..., 1:] + p[..., :-1])


def _quantile(xp: Any, q: Any, x: Any, p: Any) -> Any:
    """Sum of the lengths of the pieces left of the quantile, in the arrays of the namespace `xp`.

    A mass m fills a length 2m / (p₀ + √(p₀² + 2m (p₁ - p₀) / w)) of a piece of width w.
    """
    width, mass, first = x[..., 1:] - x[..., :-1], _masses(x, p), p[..., :-1]
    after = xp.cumsum(mass, -1)
    goal = xp.expand_dims(q, -1) * after[..., -1:]
    rest = goal - (after - mass)
    partial = xp.logical_and(xp.greater(rest, 0.0), xp.less(goal, after))
    m = xp.where(partial, rest, 0.5 * mass)
    square = first**2 + 2 * m * (p[..., 1:] - first) / width
    inner = xp.where(xp.greater(mass, 0.0), first + xp.sqrt(xp.where(xp.greater(square, 0.0), square, 1.0)), 1.0)
    length = xp.where(partial, 2 * m / inner, xp.where(xp.less(goal, after), 0.0, width))
    return xp.minimum(x[..., 0] + xp.sum(length, -1), x[..., -1])


class InterpolatedDistribution(Distribution):
    r"""Law of a density that is given at points and linear between them.

    Parameters
    ----------
    x_points : tensor-like
        Points, increasing along the last axis.
    pdf_points : tensor-like
        Density at these points, zero or positive; it is normalised.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.Interpolated([0.0, 1.0, 3.0], [0.0, 2.0, 0.0], name="x"), 1.0).eval()), 4)
    -0.4055

    References
    ----------
    Devroye, Non-Uniform Random Variate Generation, 1986, ch. II.2.
    """

    parameters = {"x_points": Parameter(_increasing, 1), "pdf_points": Parameter(_heights, 1)}

    def parametrize(self, x_points: Any, pdf_points: Any) -> Any:
        x, p = T.as_tensor(x_points), T.as_tensor(pdf_points)
        if x.ndim and p.ndim and x.shape[-1] != p.shape[-1]:
            raise ShapeError(f"'x_points' and 'pdf_points' must have as many elements, got {x.shape} and {p.shape}.")
        return x, p

    def support(self, x_points: Any, pdf_points: Any) -> support.Support:
        return support.interval(x_points[..., 0], x_points[..., -1])

    def draw(self, key: Any, shape: Any, dtype: Any, x_points: Any, pdf_points: Any) -> Any:
        u = jax.random.uniform(key, shape, dtype)
        return _quantile(jnp, u, jnp.asarray(x_points, dtype), jnp.asarray(pdf_points, dtype))

    def log_density(self, value: Any, x_points: Any, pdf_points: Any) -> Any:
        v, left, right = T.expand_dims(value, -1), x_points[..., :-1], x_points[..., 1:]
        # a point belongs to the piece on its right, the last one to the last piece
        at = T.logical_and(T.greater_equal(v, left), T.logical_or(T.less(v, right), T.equal(right, x_points[..., -1:])))
        share = (v - left) / (right - left)
        height = T.where(at, pdf_points[..., :-1] * (1 - share) + pdf_points[..., 1:] * share, 0.0)
        return T.log(T.sum(height, -1)) - T.log(T.sum(_masses(x_points, pdf_points), -1))

    def _log_tail(self, share: Any, near: Any, far: Any, x_points: Any, pdf_points: Any) -> Any:
        """Log of the mass of shares of the pieces that begin where the density is `near`."""
        width, u = x_points[..., 1:] - x_points[..., :-1], T.clip(share, 0.0, 1.0)
        mass = T.sum(width * u * (near * (1 - 0.5 * u) + far * 0.5 * u), -1)
        return T.log(mass) - T.log(T.sum(_masses(x_points, pdf_points), -1))

    def log_cdf(self, value: Any, x_points: Any, pdf_points: Any) -> Any:
        left, right = x_points[..., :-1], x_points[..., 1:]
        share = (T.expand_dims(value, -1) - left) / (right - left)
        return self._log_tail(share, pdf_points[..., :-1], pdf_points[..., 1:], x_points, pdf_points)

    def log_ccdf(self, value: Any, x_points: Any, pdf_points: Any) -> Any:
        left, right = x_points[..., :-1], x_points[..., 1:]
        share = (right - T.expand_dims(value, -1)) / (right - left)
        return self._log_tail(share, pdf_points[..., 1:], pdf_points[..., :-1], x_points, pdf_points)

    def quantile(self, q: Any, x_points: Any, pdf_points: Any) -> Any:
        return _quantile(T, q, x_points, pdf_points)

    def _moment(self, shift: Any, k: int, x_points: Any, pdf_points: Any) -> Any:
        """Moment about a point, whose pieces are polynomials that Simpson's rule integrates exactly."""
        x = x_points - shift
        middle = (0.5 * (x[..., 1:] + x[..., :-1])) ** k
        ends = x[..., :-1] ** k * pdf_points[..., :-1] + x[..., 1:] ** k * pdf_points[..., 1:]
        inner = 2 * middle * (pdf_points[..., 1:] + pdf_points[..., :-1])
        total = T.sum((x[..., 1:] - x[..., :-1]) * (ends + inner), -1) / 6
        return total / T.sum(_masses(x_points, pdf_points), -1)

    def mean(self, x_points: Any, pdf_points: Any) -> Any:
        return self._moment(0.0, 1, x_points, pdf_points)

    def variance(self, x_points: Any, pdf_points: Any) -> Any:
        return self._moment(T.expand_dims(self.mean(x_points, pdf_points), -1), 2, x_points, pdf_points)

    def support_point(self, x_points: Any, pdf_points: Any) -> Any:
        return self.quantile(T.as_tensor(0.5), x_points, pdf_points)


Interpolated = InterpolatedDistribution()
