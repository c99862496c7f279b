"""What laws made from another law share: the parameters of both, and the other's tails at bounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._errors import ParameterError
from symjax.core._leaves import as_tensor
from symjax.core._node import Constant
from symjax.core._scope import detached
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable

INF = math.inf
#: Keywords of every distribution, which are not parameters.
OWN_KEYWORDS = ("name", "seed", "dtype", "shape", "size")


def is_absent(bound: Any, infinity: float) -> bool:
    """Whether a bound is known to be no bound."""
    bound = as_tensor(bound)
    return isinstance(bound, Constant) and bool(np.all(np.asarray(bound.value) == infinity))


def base_of(label: str, dist: Any) -> tuple[Distribution, list[Any]]:
    """Family and parameters of the draw that a law is made from, the parameters broadcast to its batch shape.

    Raises
    ------
    ParameterError
        If it is no random variable, or not of a scalar law.
    """
    if not isinstance(dist, RandomVariable):
        raise ParameterError(f"{label}: 'dist' must be a random variable made with .dist(), got {dist!r}.")
    if dist.distribution.event_ndim:
        raise ParameterError(f"{label}: 'dist' must be of a scalar law, got {dist.distribution.name}.")
    return dist.distribution, full_parameters(dist)


def refuse_atoms(label: str, base: Distribution) -> None:
    """Raise unless the tails of a law give the probability of an interval with its ends.

    Raises
    ------
    ParameterError
        If some values have a mass beside a density: it would be lost where they are a bound.
    """
    if base.has_atoms:
        raise ParameterError(f"{label}: 'dist' must be discrete or have a density, got {base.name}, which has masses beside one.")


def full_parameters(rv: RandomVariable) -> list[Any]:
    """A variable's parameters, broadcast to its own batch shape where that is larger."""
    batch = tuple(rv.batch_shape)
    out = []
    with detached():
        for p, spec in zip(rv.parents, rv.distribution.parameters.values(), strict=True):
            core = p.shape[len(p.shape) - spec.ndim :]
            out.append(T.broadcast_to(p, (*batch, *core)))
    return out


def log_tail(base: Distribution, side: str, bound: Any, parameters: Any) -> Any:
    """``log_cdf`` or ``log_ccdf`` of a law at a bound that may be infinite, with finite derivatives."""
    bound = as_tensor(bound)
    if isinstance(bound, Constant) and np.all(np.isfinite(np.asarray(bound.value))):
        return getattr(base, side)(bound, *parameters)
    finite = T.isfinite(bound)
    point = T.cast(as_tensor(base.support_point(*parameters)), bound.dtype if bound.dtype.kind == "f" else "float64")
    inside = getattr(base, side)(T.where(finite, bound, point), *parameters)
    first, last = (-INF, 0.0) if side == "log_cdf" else (0.0, -INF)
    return T.where(finite, inside, T.where(T.greater(bound, 0), last, first))


def before(base: Distribution, bound: Any) -> Any:
    """A point such that a law has no mass between it and a bound: the whole number before it for counts."""
    return T.ceil(bound) - 1 if base.is_discrete else bound
