"""Euclidean metrics: the inverse mass matrix as a diagonal scaling, with an optional dense or low-rank correction.

The position is ``x = scale * (A u)`` for an ``u`` with unit metric. With the diagonal metric `A` is the identity; with the corrected
ones it is a symmetric matrix ``I + V (diag(s) - I) Vᵀ`` on a few orthonormal directions `V`, so that the dense metric is the case of
as many directions as dimensions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp


class Metric(NamedTuple):
    """An inverse mass matrix ``W Wᵀ`` with ``W = diag(scale) (I + V (diag(stretch) - I) Vᵀ)``.

    Attributes
    ----------
    scale : array, shape (n,)
        Standard deviations.
    directions : array, shape (n, r)
        Orthonormal columns; r = 0 for a diagonal metric.
    stretch : array, shape (r,)
        Square roots of the eigenvalues along the directions; 1 changes nothing.
    """

    scale: Any
    directions: Any
    stretch: Any


def unit(n: int, rank: int, dtype: Any) -> Metric:
    """The identity, with room for `rank` directions."""
    return Metric(jnp.ones(n, dtype), jnp.eye(n, rank, dtype=dtype), jnp.ones(rank, dtype))


def _stretched(metric: Metric, x: Any, by: Any) -> Any:
    if metric.directions.shape[1] == 0:
        return x
    return x + metric.directions @ ((by - 1) * (metric.directions.T @ x))


def velocity(metric: Metric, momentum: Any) -> Any:
    """``M⁻¹ p``."""
    return metric.scale * _stretched(metric, metric.scale * momentum, metric.stretch**2)


def momentum_of(metric: Metric, noise: Any) -> Any:
    """A momentum with covariance `M`, from standard normal noise."""
    return _stretched(metric, noise, 1 / metric.stretch) / metric.scale


def kinetic(momentum: Any, velocity: Any) -> Any:
    """Kinetic energy."""
    return 0.5 * jnp.dot(momentum, velocity)
