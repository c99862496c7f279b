"""Slice sampling of continuous coordinates, one after the other (Neal, Slice sampling, Ann. Statist. 31, 2003, figures 3 and 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

#: Draws after which an interval has shrunk to the present value, to rounding.
_MOST_DRAWS = 200


class Widths(NamedTuple):
    """First widths of the intervals, shape (n,), and the number of updates of them."""

    width: Any
    count: Any


def initial(n: int, length: int, *, w: float = 1.0, **settings: Any) -> Widths:
    """The widths at the start."""
    return Widths(np.full(n, float(w)), np.float64(0))


def step(
    key: Any,
    x: Any,
    log_density: Any,
    function: Callable[[Any], Any],
    widths: Widths,
    adapting: Any,
    *,
    w: float = 1.0,
    tune: bool = True,
    max_steps: int = 100,
) -> tuple[Any, Any, Widths, Any]:
    """Update all coordinates in turn.

    Parameters
    ----------
    key, x, log_density, function, adapting
        As in `_walk.step`.
    widths : Widths
        Widths of the first intervals; they adapt to the mean width of the slices.
    w : float
        Width at the start.
    tune : bool
        Whether widths ever adapt.
    max_steps : int
        Greatest number of times that an interval is widened.

    Returns
    -------
    array, scalar, Widths, scalar
        Value, log density and widths after the step; and one, since a slice always gives a value.
    """

    def one(i: Any, carry: Any) -> Any:
        x, log_density, found = carry
        level_key, place_key, split_key, shrink_key = jax.random.split(jax.random.fold_in(key, i), 4)
        level = log_density - jax.random.exponential(level_key, (), jnp.float64)
        width = widths.width[i]

        def at(value: Any) -> Any:
            return function(x.at[i].set(value))

        first = x[i] - width * jax.random.uniform(place_key, (), jnp.float64)
        # a limit that did not fall on both sides at random would break detailed balance
        steps = jnp.floor(max_steps * jax.random.uniform(split_key, (), jnp.float64))
        left = _widened(at, first, -width, level, steps)
        right = _widened(at, first + width, width, level, max_steps - 1 - steps)
        value, new = _shrunk(shrink_key, at, (x[i], log_density), (left, right), level)
        return x.at[i].set(value), new, found.at[i].set(right - left)

    x, log_density, found = jax.lax.fori_loop(0, x.shape[0], one, (x, log_density, jnp.zeros_like(x)))
    count = widths.count + 1
    moved = jnp.exp(jnp.log(widths.width) + (jnp.log(found) - jnp.log(widths.width)) / count**0.6)
    adapts = adapting & tune
    widths = Widths(jnp.where(adapts, moved, widths.width), jnp.where(adapts, count, widths.count))
    return x, log_density, widths, jnp.ones(())


def _widened(at: Callable[[Any], Any], edge: Any, by: Any, level: Any, steps: Any) -> Any:
    """An edge of the interval, moved out until it is below the level or the steps are used up."""

    def inside(carry: Any) -> Any:
        edge, left = carry
        return (left > 0) & (at(edge) > level)

    return jax.lax.while_loop(inside, lambda c: (c[0] + by, c[1] - 1), (edge, steps))[0]


def _shrunk(key: Any, at: Callable[[Any], Any], present: tuple[Any, Any], edges: tuple[Any, Any], level: Any) -> tuple[Any, Any]:
    """A value above the level, uniform on the part of the slice in an interval, and its log density."""
    x, log_density = present

    def draw(carry: Any) -> Any:
        n, _, _, (left, right), _ = carry
        value = left + (right - left) * jax.random.uniform(jax.random.fold_in(key, n), (), jnp.float64)
        new = at(value)
        edges = jnp.where(value < x, value, left), jnp.where(value < x, right, value)
        return n + 1, value, new, edges, new > level

    start = (jnp.int32(0), x, log_density, edges, jnp.asarray(False))
    _, value, new, _, found = jax.lax.while_loop(lambda c: ~c[4] & (c[0] < _MOST_DRAWS), draw, start)
    return jnp.where(found, value, x), jnp.where(found, new, log_density)
