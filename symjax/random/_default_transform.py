"""The transform that a support has by default."""

from __future__ import annotations

from typing import Any

from symjax.random._matrix_transforms import CholeskyCorrTransform, ZeroSumTransform, cholesky, packed_cholesky
from symjax.random._support import Support
from symjax.random._transforms import Interval, Transform, circular, is_infinite, log, logodds, simplex

_BY_KIND = {"simplex": simplex, "circular": circular, "positive_definite": cholesky, "packed_cholesky": packed_cholesky}


def default_transform(support: Support, shape: tuple[Any, ...]) -> Transform | None:
    """The transform of a support; None where there is nothing to transform.

    Parameters
    ----------
    support : Support
        Support of a variable.
    shape : tuple of int
        Its shape.
    """
    if support.kind in _BY_KIND:
        return _BY_KIND[support.kind]
    if support.kind == "cholesky_corr":
        return CholeskyCorrTransform(shape[-1])
    if support.kind == "zero_sum":
        return ZeroSumTransform(range(-support.event_ndim, 0))
    if support.kind != "interval":
        return None
    lower, upper = (None if is_infinite(b) else b for b in (support.lower, support.upper))
    if lower is None and upper is None:
        return None
    if upper is None and _equals(lower, 0.0):
        return log
    if _equals(lower, 0.0) and _equals(upper, 1.0):
        return logodds
    return Interval(lower, upper)


def _equals(bound: Any, number: float) -> bool:
    """Whether the family itself has this bound; a parameter that has the value now makes an `Interval`, as for other values."""
    return isinstance(bound, (int, float)) and bound == number
