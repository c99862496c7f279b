"""The sets that random variables take values in; a support decides the default transform, by what it is and never by name."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

import symjax.tensor as T


@dataclass(frozen=True, slots=True)
class Support:
    """A set of values.

    Attributes
    ----------
    kind : str
        ``"real"``, ``"interval"``, ``"integers"``, ``"simplex"``, ``"vector"`` (all of a vector space), ``"circular"`` (angles from
        −π to π), ``"positive_definite"`` (symmetric matrices), ``"cholesky_corr"`` and ``"packed_cholesky"`` (Cholesky factors of
        correlations, and of covariances row by row), ``"zero_sum"`` (arrays that sum to zero along each axis) or another name that
        transforms know.
    lower, upper : Tensor, number or None
        Bounds of an interval; None is no bound on that side.
    event_ndim : int
        Number of trailing axes that are one value.
    open : bool
        Whether the bounds of an interval are left out: the density is zero, or not defined, there.
    """

    kind: str = "real"
    lower: Any = None
    upper: Any = None
    event_ndim: int = 0
    open: bool = False

    @property
    def is_discrete(self) -> bool:
        """Whether the values are whole numbers."""
        return self.kind == "integers" or self.kind.startswith("discrete")

    def contains(self, value: Any) -> list[Any]:
        """Conditions, as bool tensors of `value`'s batch shape, that hold exactly on the support."""
        if self.kind in _CONDITIONS:
            return _CONDITIONS[self.kind](value)
        if self.kind == "zero_sum":
            return [_sums_to_zero(value, range(-self.event_ndim, 0))]
        if self.kind not in ("interval", "integers"):
            return []
        found = []
        if self.lower is not None:
            found.append((T.greater if self.open else T.greater_equal)(value, self.lower))
        if self.upper is not None:
            found.append((T.less if self.open else T.less_equal)(value, self.upper))
        if self.kind == "integers" and value.dtype.kind == "f":
            found.append(T.equal(value, T.floor(value)))
        return found


def _simplex(value: Any) -> list[Any]:
    return [T.all(T.greater_equal(value, 0), -1), T.less(T.abs(T.sum(value, -1) - 1), 1e-6)]


def _definite(value: Any) -> list[Any]:
    other = T.swapaxes(value, -1, -2)
    near = T.less_equal(T.abs(value - other), 1e-8 * (T.abs(value) + T.abs(other)) + 1e-300)
    # the factor of what is not definite is nan
    pivots = T.diagonal(T.cholesky(value), axis1=-2, axis2=-1)
    return [T.all(near, (-2, -1)), T.all(T.greater(pivots, 0), -1)]


def _packed_cholesky(value: Any) -> list[Any]:
    rows = (math.isqrt(8 * value.shape[-1] + 1) - 1) // 2
    return [T.all(T.greater(value[..., np.cumsum(np.arange(1, rows + 1)) - 1], 0), -1)]


def _cholesky_corr(value: Any) -> list[Any]:
    diagonal = T.diagonal(value, axis1=-2, axis2=-1)
    above = T.all(T.equal(T.triu(value, 1), 0), (-2, -1))
    return [above, T.all(T.greater(diagonal, 0), -1), T.all(T.less(T.abs((value**2).sum(-1) - 1), 1e-5), -1)]


def _sums_to_zero(value: Any, axes: Iterable[int]) -> Any:
    """Whether arrays sum to zero along each of the last axes, but for rounding."""
    event, rounding = tuple(axes), 16 * float(np.finfo(value.dtype).eps)
    bound = 1e-9 + rounding * T.abs(value).mean(event, keepdims=True)
    return functools.reduce(T.logical_and, [T.all(T.less_equal(T.abs(value.mean(a, keepdims=True)), bound), event) for a in event])


_CONDITIONS = {
    "circular": lambda value: [T.less_equal(T.abs(value), math.pi)],
    "simplex": _simplex,
    "positive_definite": _definite,
    "packed_cholesky": _packed_cholesky,
    "cholesky_corr": _cholesky_corr,
}

real = Support()
positive = Support("interval", 0.0, None)
strictly_positive = Support("interval", 0.0, None, open=True)
unit_interval = Support("interval", 0.0, 1.0)
open_unit_interval = Support("interval", 0.0, 1.0, open=True)
naturals = Support("integers", 0, None)
binary = Support("integers", 0, 1)
circle = Support("circular")
simplex = Support("simplex", event_ndim=1)
vector = Support("vector", event_ndim=1)
positive_definite_matrices = Support("positive_definite", event_ndim=2)


def interval(lower: Any, upper: Any) -> Support:
    """Numbers between two bounds."""
    return Support("interval", lower, upper)


def integers(lower: Any, upper: Any) -> Support:
    """Whole numbers between two bounds, both included; None is no bound."""
    return Support("integers", lower, upper)
