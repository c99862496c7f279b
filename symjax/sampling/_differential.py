"""Differential evolution Metropolis: jumps along differences of other chains' positions, or of the chain's own past.

ter Braak, A Markov chain Monte Carlo version of the genetic algorithm differential evolution, Statistics and Computing 16, 2006,
for jumps along other chains; ter Braak, Vrugt, Differential evolution Markov chain with snooker updater and fewer chains,
Statistics and Computing 18, 2008, for jumps along the past, which is that of the warm-up here: it stands still while draws are
kept, so that these are those of one Markov kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from symjax.sampling._walk import Scale, adapted, decide

#: Name of the axis of chains in a vectorised program.
AXIS = "chains"
#: Positions of the past that are kept, and acceptance rate that the jumps' noise is tuned for.
_MEMORY, _TARGET = 1000, 0.234


class Past(NamedTuple):
    """Scale of what is tuned, past positions of shape (memory, n), and how many steps have been recorded."""

    scale: Scale
    positions: Any
    count: Any


def initial(
    n: int,
    length: int,
    *,
    source: str,
    scaling: float = 0.001,
    lamb: float | None = None,
    tune: str | None = "scaling",
    **settings: Any,
) -> Past:
    """Nothing known of the past, and the scale at the start."""
    first = math.log(jump_factor(n, lamb) if tune == "lambda" else scaling)
    memory = min(max(length, 1), _MEMORY) if source == "past" else 0
    return Past(Scale(np.float64(first), np.float64(0)), np.zeros((memory, n)), np.int64(0))


def jump_factor(n: int, lamb: float | None) -> float:
    """What differences are multiplied with, ``2.38 / sqrt(2 n)`` if not given."""
    return 2.38 / math.sqrt(2 * n) if lamb is None else float(lamb)


def step(
    key: Any,
    x: Any,
    log_density: Any,
    function: Callable[[Any], Any],
    past: Past,
    adapting: Any,
    *,
    source: str,
    scaling: float = 0.001,
    lamb: float | None = None,
    tune: str | None = "scaling",
    jump: str = "uniform",
) -> tuple[Any, Any, Past, Any]:
    """One jump, ``lamb * (difference) + noise``.

    Parameters
    ----------
    key, x, log_density, function, adapting
        As in `_walk.step`.
    past : Past
        What the chain knows of its past.
    source : {"chains", "past"}
        What the difference is of: two other chains, in a program that is vectorised over an axis `AXIS`; two past positions.
    scaling : float
        Scale of the noise.
    lamb : float, optional
        Factor of the difference.
    tune : {"scaling", "lambda", None}
        Which of them adapts in warm-up.
    jump : {"uniform", "normal"}
        Law of the noise.

    Returns
    -------
    array, scalar, Past, scalar
        As in `_walk.step`.
    """
    pick_key, noise_key, accept_key = jax.random.split(key, 3)
    tuned = jnp.exp(past.scale.log)
    factor = tuned if tune == "lambda" else jump_factor(x.shape[0], lamb)
    spread = tuned if tune == "scaling" else scaling
    noise = jax.random.normal(noise_key, x.shape) if jump == "normal" else jax.random.uniform(noise_key, x.shape, minval=-1.0)
    difference, moves = _of_chains(pick_key, x) if source == "chains" else (_of_past(pick_key, past), True)
    proposed = x + jnp.where(moves, factor * difference + spread * noise, 0.0)
    x, log_density, rate = decide(accept_key, x, log_density, proposed, function)
    scale = adapted(past.scale, rate, _TARGET, adapting & (tune is not None) & moves)
    return x, log_density, _recorded(past, x, adapting)._replace(scale=scale), rate


def _of_chains(key: Any, x: Any) -> tuple[Any, Any]:
    """The difference of two chains' positions, the same two for all chains, and whether this chain is none of them.

    Chains that moved along each other's differences at the same time, or all of them in one direction of the two, would not leave
    the posterior invariant.
    """
    everyone = jax.lax.all_gather(x, AXIS)
    shared = jax.random.wrap_key_data(jax.lax.all_gather(jax.random.key_data(key), AXIS)[0], impl="threefry2x32")
    first, second = jax.random.choice(shared, everyone.shape[0], (2,), replace=False)
    me = jax.lax.axis_index(AXIS)
    sign = jax.random.rademacher(jax.random.fold_in(key, 1), (), x.dtype)
    return sign * (everyone[first] - everyone[second]), (me != first) & (me != second)


def _of_past(key: Any, past: Past) -> Any:
    """The difference of two past positions; until there are two, none."""
    memory = past.positions.shape[0]
    known = jnp.minimum(past.count, memory)
    first, second = jax.random.randint(key, (2,), 0, jnp.maximum(known, 1))
    return past.positions[first] - past.positions[second]


def _recorded(past: Past, x: Any, adapting: Any) -> Past:
    memory = past.positions.shape[0]
    if not memory:
        return past
    at = past.count % memory
    positions = past.positions.at[at].set(jnp.where(adapting, x, past.positions[at]))
    return past._replace(positions=positions, count=past.count + jnp.where(adapting, 1, 0))
