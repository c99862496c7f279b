"""Frame of a Gaussian random walk: its Markov precision plus that of pseudo-observations, factored by a scan in each direction.

The elimination is that of the Kalman filter in information form, which never subtracts precisions (Rue and Held, Gaussian Markov
Random Fields, 2005, section 2.4; Anderson and Moore, Optimal Filtering, 1979, section 6.3).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

_SIGNATURE = "(t),(s),(),(t),(t),(t)"


def _pivots(steps: Any, first: Any, mean: Any, pull: Any, precision: Any) -> tuple[Any, Any, Any]:
    """Pivots (t,), multipliers (s,), and the eliminated right-hand side (t,), for deviations from the prior's mean.

    Eliminated from the left, element i has precision ``e_i + steps_i``: its own from what is known of it on the left, `e_i`, and
    from the step to its right.
    """
    rest = pull - precision * mean

    def forward(carry: Any, item: Any) -> Any:
        known, side = carry
        step, precision, rest = item
        pivot = known + step
        multiplier = step / pivot
        return (precision + multiplier * known, rest + multiplier * side), (pivot, multiplier, side)

    (known, side), (pivots, multipliers, sides) = jax.lax.scan(
        forward, (first + precision[0], rest[0]), (steps, precision[1:], rest[1:])
    )
    return jnp.append(pivots, known), multipliers, jnp.append(sides, side)


@partial(jnp.vectorize, signature=f"{_SIGNATURE}->(t),()")
def to_walk(z: Any, steps: Any, first: Any, mean: Any, pull: Any, precision: Any) -> Any:
    """The walk, shape (t,), for standardised innovations `z`, and the log-Jacobian.

    Parameters
    ----------
    z : array, shape (t,)
        Coordinates.
    steps : array, shape (t - 1,)
        Precisions of the walk's steps.
    first : scalar
        Precision of its first value.
    mean : array, shape (t,)
        The prior's mean.
    pull, precision : array, shape (t,)
        Pseudo-observations.
    """
    pivots, multipliers, sides = _pivots(steps, first, mean, pull, precision)
    own = sides / pivots + z * pivots**-0.5

    def backward(right: Any, item: Any) -> Any:
        own, multiplier = item
        deviation = own + multiplier * right
        return deviation, deviation

    _, deviations = jax.lax.scan(backward, own[-1], (own[:-1], multipliers), reverse=True)
    return mean + jnp.append(deviations, own[-1]), -0.5 * jnp.log(pivots).sum()


@partial(jnp.vectorize, signature=f"{_SIGNATURE}->(t)")
def from_walk(walk: Any, steps: Any, first: Any, mean: Any, pull: Any, precision: Any) -> Any:
    """The inverse of `to_walk`."""
    pivots, multipliers, sides = _pivots(steps, first, mean, pull, precision)
    deviations = walk - mean
    own = deviations.at[:-1].add(-multipliers * deviations[1:])
    return (own - sides / pivots) * pivots**0.5


@partial(jnp.vectorize, signature="(t),(t),(s),(),(t),(t)->(t)")
def walk_pull(walk: Any, gradient: Any, steps: Any, first: Any, mean: Any, precision: Any) -> Any:
    """Gradient by the walk of what is not its prior, from the gradient by `z` of all."""
    pivots, multipliers, _ = _pivots(steps, first, mean, mean, precision)
    scaled = gradient * pivots**0.5
    by_walk = scaled.at[1:].add(-multipliers * scaled[:-1])
    deviations = walk - mean
    tension = steps * (deviations[1:] - deviations[:-1])
    return by_walk.at[0].add(first * deviations[0]).at[:-1].add(-tension).at[1:].add(tension)
