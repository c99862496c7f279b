"""Hamiltonian Monte Carlo with a trajectory of random length (Neal, MCMC using Hamiltonian dynamics, 2011, arXiv 1206.1901)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from symjax.sampling._hamiltonian import (
    DIVERGENCE,
    Info,
    Phase,
    State,
    bits_of,
    energy,
    finite_error,
    leapfrog,
    randomness,
    select,
    uniform,
)
from symjax.sampling._hamiltonian import init as init
from symjax.sampling._metric import Metric, whitened

#: Mean integration time in units of the metric.
PATH_LENGTH = 2.0


def step(
    key: Any,
    state: State,
    function: Callable[[Any], Any],
    metric: Metric,
    step_size: Any,
    max_depth: Any = 10,
    refresh: Any = False,
    *,
    path_length: float = PATH_LENGTH,
) -> tuple[State, Info]:
    """One draw: a trajectory, and a Metropolis decision on its end.

    Parameters
    ----------
    key : jax.Array
        Key of the step.
    state : State
        Present state, position of shape (n,).
    function : callable
        Log density of a position.
    metric : Metric
        Inverse mass matrix.
    step_size : float
        Leapfrog step size.
    max_depth : int
        The trajectory has at most ``2**max_depth`` steps.
    refresh : bool
        If so nothing is drawn: the state comes back at its position with the log density and gradient computed anew.
    path_length : float
        Mean integration time. The time of a trajectory is uniform on 0.5 to 1.5 times it, against orbits that close.

    Returns
    -------
    State, Info
        The next state and what its trajectory was like.
    """
    step_size = jnp.where(refresh, 0.0, step_size)
    momentum, bits = randomness(bits_of(key), state.position.shape[0], state.position.dtype)
    bits, length = uniform(bits)
    _, coin = uniform(bits)
    wanted = jnp.round(path_length * (0.5 + length) / step_size)
    n_steps = jnp.where(refresh, 1, jnp.clip(wanted, 1, 2.0**max_depth)).astype(jnp.int32)
    before = energy(momentum, state.log_density)
    start = Phase(jnp.zeros_like(momentum), momentum, whitened(metric, state.gradient))

    def forward(carry: Any) -> Any:
        i, phase, _, _ = carry
        phase, reached, after = leapfrog(function, metric, state.position, phase, step_size)
        return i + 1, phase, reached, finite_error(after - before)

    carry = (jnp.zeros((), jnp.int32), start, state, jnp.zeros_like(before))
    done, _, reached, error = jax.lax.while_loop(lambda c: (c[0] < n_steps) & (c[3] <= DIVERGENCE), forward, carry)
    accept = refresh | (jnp.log(coin) < -error)
    error_of_draw = jnp.where(accept, error, 0.0)
    info = Info(
        acceptance_rate=jnp.exp(jnp.minimum(0.0, -error)),
        tree_depth=jnp.zeros((), jnp.int32),
        n_steps=done,
        diverging=error > DIVERGENCE,
        energy=before + error_of_draw,
        energy_error=error_of_draw,
        max_energy_error=error,
        index_in_trajectory=jnp.where(accept, done, 0),
    )
    return select(accept, reached, state), info
