"""Gibbs updates of discrete coordinates with finitely many values: each is drawn from its full conditional."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class State(NamedTuple):
    """Discrete values, int64 of shape (m,), with their log density given all else."""

    values: Any
    log_density: Any


class Coordinate(NamedTuple):
    """A place in the discrete vector and the values that it takes, ``lower`` to ``lower + n_values - 1``."""

    place: int
    lower: int
    n_values: int


class Info(NamedTuple):
    """How many coordinates changed."""

    changed: Any


def init(log_density: Callable[[Any], Any], values: Any) -> State:
    """The state at some values."""
    return State(values, log_density(values))


def step(key: Any, state: State, log_density: Callable[[Any], Any], coordinates: Sequence[Coordinate]) -> tuple[State, Info]:
    """Update coordinates in turn.

    Parameters
    ----------
    key : jax.Array
        Key of the step.
    state : State
        Present values.
    log_density : callable
        Log density of the discrete vector, of shape (m,).
    coordinates : sequence of Coordinate
        What to update. The density is evaluated at all values of a coordinate at once, and once more for each power of two
        that numbers of values lie between, so that a variable with many values does not make those with few dear.

    Returns
    -------
    State, Info
        The next state, and how many coordinates changed.
    """
    before = state.values
    sizes = sorted({c.n_values.bit_length() for c in coordinates})
    for size in sizes:
        chosen = [c for c in coordinates if c.n_values.bit_length() == size]
        state = _visit(jax.random.fold_in(key, size), state, log_density, chosen)
    return state, Info((state.values != before).sum())


def _visit(key: Any, state: State, log_density: Callable[[Any], Any], coordinates: Sequence[Coordinate]) -> State:
    table = np.array(coordinates, dtype=np.int64)
    offsets = np.arange(table[:, 2].max())

    def one(i: Any, state: State) -> State:
        place, lower, count = jnp.asarray(table)[i]
        candidates = lower + offsets
        logits = jax.vmap(lambda value: log_density(state.values.at[place].set(value)))(candidates)
        logits = jnp.where((offsets < count) & ~jnp.isnan(logits), logits, -jnp.inf)
        drawn = jax.random.categorical(jax.random.fold_in(key, i), logits)
        return State(state.values.at[place].set(candidates[drawn]), logits[drawn])

    return jax.lax.fori_loop(0, len(coordinates), one, state)
