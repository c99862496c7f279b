"""Euclidean metrics as changes of variables: diagonal scaling with an optional correction along a few directions.

A position is ``x = x0 + W u`` for a `u` with unit metric, so that an integrator works on `u` with standard normal momenta and plain
inner products, and the inverse mass matrix ``W Wᵀ`` is applied twice a step: to the momentum's displacement and to the gradient.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np

#: Elements of the directions up to which the correction is cheaper than to ask whether there is any.
_SMALL = 256


class Metric(NamedTuple):
    """``W = diag(scale) (I + V diag(stretch - 1) Vᵀ)``.

    Attributes
    ----------
    scale : array, shape (n,)
        Standard deviations.
    directions : array, shape (n, r)
        Columns `V`, orthonormal where their stretch is not 1; r = 0 for a diagonal metric, r = n for a dense one.
    stretch : array, shape (r,)
        Square roots of the eigenvalues along the directions; 1 changes nothing.
    """

    scale: Any
    directions: Any
    stretch: Any


def diagonal(scale: np.ndarray, rank: int) -> Metric:
    """A diagonal metric, with room for `rank` directions."""
    return Metric(scale, np.zeros((len(scale), rank)), np.ones(rank))


def _stretched(metric: Metric, x: Any) -> Any:
    if metric.directions.shape[1] == 0:
        return x

    def stretched(x: Any) -> Any:
        return x + metric.directions @ ((metric.stretch - 1) * (metric.directions.T @ x))

    if metric.directions.size <= _SMALL:
        return stretched(x)
    return jax.lax.cond((metric.stretch != 1).any(), stretched, lambda x: x, x)


def displacement(metric: Metric, u: Any) -> Any:
    """``W u``: what a whitened displacement is in the position's coordinates; arrays of shape (n,)."""
    return metric.scale * _stretched(metric, u)


def whitened(metric: Metric, gradient: Any) -> Any:
    """``Wᵀ g``: the gradient by `u` from that by the position; arrays of shape (n,)."""
    return _stretched(metric, metric.scale * gradient)
