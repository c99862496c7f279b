"""Laws whose density is given by points and linear between them."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.random import _support as support
from symjax.random._constraint import Constraint, Parameter
from symjax.random._distribution import Distribution
from symjax.random._piecewise import within

_increasing = Constraint(
    "increasing along the last axis", lambda x: (np.diff(x) > 0).all(-1), lambda x: T.all(T.greater(x[..., 1:], x[..., :-1]), -1)
)
_some_mass = Constraint(
    "zero or positive along the last axis, and not all zero",
    lambda p: (p >= 0).all(-1) & (p > 0).any(-1),
    lambda p: T.logical_and(T.all(T.greater_equal(p, 0), -1), T.any(T.greater(p, 0), -1)),
)


class InterpolatedDistribution(Distribution):
    r"""Law with a density that is linear between points.

    Parameters
    ----------
    x_points : tensor-like
        Increasing points, at least two, along the last axis; the density is zero before the first and after the last one.
    pdf_points : tensor-like
        The density there, up to a factor.

    Examples
    --------
    >>> import numpy as np, symjax.random as R
    >>> x = R.Interpolated(np.array([0.0, 1.0, 2.0]), np.array([0.0, 3.0, 0.0]), name="x")
    >>> round(float(np.exp(R.logp(x, 0.5).eval())), 4)
    0.5

    References
    ----------
    Devroye, Non-Uniform Random Variate Generation, 1986, section VIII.2.
    """

    parameters = {"x_points": Parameter(_increasing, 1), "pdf_points": Parameter(_some_mass, 1)}

    def parametrize(self, x_points: Any, pdf_points: Any) -> Any:
        x, p = T.cast(T.as_tensor(x_points), "floatX"), T.cast(T.as_tensor(pdf_points), "floatX")
        if x.ndim and p.ndim and (x.shape[-1] != p.shape[-1] or x.shape[-1] < 2):
            raise ShapeError(f"'x_points' and 'pdf_points' must have as many elements, at least two; got {x.shape} and {p.shape}.")
        return x, p

    def support(self, x_points: Any, pdf_points: Any) -> support.Support:
        return support.interval(x_points[..., 0], x_points[..., -1])

    def _masses(self, x: Any, p: Any) -> tuple[Any, Any]:
        """Masses of the pieces and their sum, before normalization."""
        pieces = 0.5 * (x[..., 1:] - x[..., :-1]) * (p[..., 1:] + p[..., :-1])
        return pieces, pieces.sum(-1)

    def _piece(self, value: Any, x: Any, p: Any) -> tuple[Any, Any, Any, Any, Any]:
        """The piece that a value lies in: its number, its ends, and the density there."""
        inner = T.greater_equal(value[..., None], x[..., 1:-1])
        at = T.cast(inner, "int64").sum(-1)
        return at, _at(x, at), _at(x, at + 1), _at(p, at), _at(p, at + 1)

    def draw(self, key: Any, shape: Any, dtype: Any, x_points: Any, pdf_points: Any) -> Any:
        return _quantile(jnp, jax.random.uniform(key, shape, dtype), jnp.asarray(x_points, dtype), jnp.asarray(pdf_points, dtype))

    def log_density(self, value: Any, x_points: Any, pdf_points: Any) -> Any:
        _, left, right, first, last = self._piece(value, x_points, pdf_points)
        height = first + (last - first) * (value - left) / (right - left)
        positive = T.greater(height, 0)
        logs = T.where(positive, T.log(T.where(positive, height, 1.0)), -math.inf)
        return logs - T.log(self._masses(x_points, pdf_points)[1])

    def log_cdf(self, value: Any, x_points: Any, pdf_points: Any) -> Any:
        return self._log_tail(value, x_points, pdf_points, lower=True)

    def log_ccdf(self, value: Any, x_points: Any, pdf_points: Any) -> Any:
        return self._log_tail(value, x_points, pdf_points, lower=False)

    def _log_tail(self, value: Any, x: Any, p: Any, *, lower: bool) -> Any:
        pieces, total = self._masses(x, p)

        def inside(v: Any) -> Any:
            at, left, right, first, last = self._piece(v, x, p)
            height = first + (last - first) * (v - left) / (right - left)
            whole = T.cumsum(pieces, -1) if lower else T.cumsum(pieces[..., ::-1], -1)[..., ::-1]
            part = 0.5 * (v - left) * (first + height) if lower else 0.5 * (right - v) * (height + last)
            mass = _at(whole, at) - _at(pieces, at) + part
            some = T.greater(mass, 0)
            return T.where(some, T.log(T.where(some, mass, 1.0)), -math.inf) - T.log(total)

        ends = (-math.inf, 0.0) if lower else (0.0, -math.inf)
        return within(value, x[..., 0], x[..., -1], inside, *ends)

    def quantile(self, q: Any, x_points: Any, pdf_points: Any) -> Any:
        return _quantile(T, q, x_points, pdf_points)

    def mean(self, x_points: Any, pdf_points: Any) -> Any:
        return self._moment(x_points, pdf_points, x_points[..., :1] * 0)[0]

    def variance(self, x_points: Any, pdf_points: Any) -> Any:
        return self._moment(x_points, pdf_points, self.mean(x_points, pdf_points)[..., None])[1]

    def _moment(self, x: Any, p: Any, centre: Any) -> tuple[Any, Any]:
        """First and second moments about a centre, each piece about its own left end."""
        h, p0, p1 = x[..., 1:] - x[..., :-1], p[..., :-1], p[..., 1:]
        start = x[..., :-1] - centre
        mass, first, second = h * (p0 + p1) / 2, h**2 * (p0 + 2 * p1) / 6, h**3 * (p0 + 3 * p1) / 12
        total = mass.sum(-1)
        return (start * mass + first).sum(-1) / total, (start**2 * mass + 2 * start * first + second).sum(-1) / total


def _at(table: Any, index: Any) -> Any:
    """Elements of the last axis; for all the batch of one table, or of a table for each element of the batch."""
    if table.ndim == 1:
        return table[index]
    full = T.broadcast_to(table, (*index.shape, table.shape[-1]))
    return T.take_along_axis(full, index[..., None], -1)[..., 0]


def _quantile(of: Any, q: Any, x: Any, p: Any) -> Any:
    """Where the mass before is a share `q` of all, the root of a quadratic equation in one piece; by the functions of `of`."""
    pieces = 0.5 * (x[..., 1:] - x[..., :-1]) * (p[..., 1:] + p[..., :-1])
    sums = of.cumsum(pieces, -1)
    wanted = q * sums[..., -1]
    at = (wanted[..., None] > sums[..., :-1]).sum(-1)
    width = of.ones_like(wanted)[..., None]

    def here(table: Any) -> Any:
        return of.take_along_axis(width * table, at[..., None], -1)[..., 0]

    left, right, first, last = here(x[..., :-1]), here(x[..., 1:]), here(p[..., :-1]), here(p[..., 1:])
    rest = of.maximum(wanted - (here(sums) - here(pieces)), 0.0)
    slope = (last - first) / (right - left)
    root = of.sqrt(of.maximum(first**2 + 2 * slope * rest, 0.0))
    denominator = first + root
    step = of.where(denominator > 0, 2 * rest / of.where(denominator > 0, denominator, 1.0), 0.0)
    return of.minimum(left + step, right)


Interpolated = InterpolatedDistribution()
