"""Metropolis updates of integer coordinates with symmetric jumps of random scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from symjax.sampling._gibbs import State
from symjax.sampling._gibbs import init as init

_SCALES = 8  # jumps of scale 1, 2, 4, ..., 128


class Info(NamedTuple):
    """Share of the jumps that were accepted."""

    acceptance_rate: Any


def step(key: Any, state: State, log_density: Callable[[Any], Any], places: Sequence[int]) -> tuple[State, Info]:
    """Update coordinates in turn, each by one jump.

    The jump's scale is drawn anew each time, a mixture of symmetric kernels, so that nothing needs tuning: counts and sums of large
    counts both find their scale.

    Parameters
    ----------
    key : jax.Array
        Key of the step.
    state : State
        Present values.
    log_density : callable
        Log density of the discrete vector, of shape (m,).
    places : sequence of int
        Coordinates to update.

    Returns
    -------
    State, Info
        The next state, and the share of accepted jumps.
    """
    table = np.array(places, dtype=np.int64)

    def one(i: Any, carry: Any) -> Any:
        state, accepted = carry
        scale_key, jump_key, accept_key = jax.random.split(jax.random.fold_in(key, i), 3)
        scale = 2.0 ** jax.random.randint(scale_key, (), 0, _SCALES)
        size = scale * jax.random.laplace(jump_key, (), jnp.float64)
        # rounded away from zero, so that a jump always moves
        jump = (jnp.sign(size) * jnp.ceil(jnp.abs(size))).astype(state.values.dtype)
        values = state.values.at[jnp.asarray(table)[i]].add(jump)
        proposed = log_density(values)
        accept = jnp.log(jax.random.uniform(accept_key, (), jnp.float64)) < proposed - state.log_density
        kept = State(jnp.where(accept, values, state.values), jnp.where(accept, proposed, state.log_density))
        return kept, accepted + accept

    state, accepted = jax.lax.fori_loop(0, len(places), one, (state, jnp.zeros(())))
    return state, Info(accepted / len(places))
