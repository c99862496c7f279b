"""What Hamiltonian kernels share: the state, whitened phase space, the leapfrog step, and their random numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from symjax.sampling._metric import Metric, displacement, whitened

#: Energy error beyond which a trajectory counts as divergent.
DIVERGENCE = 1000.0


class State(NamedTuple):
    """A position with its log density and gradient, so that nothing is computed twice; shapes (n,), (), (n,)."""

    position: Any
    log_density: Any
    gradient: Any


class Info(NamedTuple):
    """What a step tells of its trajectory: scalars, with the names that PyMC uses for the same statistics."""

    acceptance_rate: Any
    tree_depth: Any
    n_steps: Any
    diverging: Any
    energy: Any
    energy_error: Any
    max_energy_error: Any
    index_in_trajectory: Any


class Phase(NamedTuple):
    """A point of the whitened phase space: displacement from the trajectory's start, momentum, gradient; each of shape (n,)."""

    displacement: Any
    momentum: Any
    gradient: Any


def init(function: Callable[[Any], Any], position: Any) -> State:
    """The state at a position of shape (n,); `function` is the log density."""
    return State(position, *jax.value_and_grad(function)(position))


def randomness(key: Any, n: int, dtype: Any) -> tuple[Any, Any]:
    """A standard normal momentum of shape (n,), and the state of a generator of further choices.

    Both come from one call, as each threefry call costs compile time: the extra normal's bits are the seed.
    """
    noise = jax.random.normal(key, (n + 1,), jnp.float64)
    return noise[:n].astype(dtype), jax.lax.bitcast_convert_type(noise[n], jnp.uint64)


def uniform(bits: Any) -> tuple[Any, Any]:
    """Next state of a SplitMix64 generator, and a uniform number on (0, 1).

    Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014, fig. 16. It is seeded from a threefry key at
    each trajectory and chooses along it, where a threefry call at each leapfrog step would cost more than a small model's gradient.
    """
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    z = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return bits, ((z >> np.uint64(11)).astype(jnp.float64) + 0.5) * 2.0**-53


def leapfrog(function: Callable[[Any], Any], metric: Metric, origin: Any, phase: Phase, step_size: Any) -> tuple[Phase, State, Any]:
    """One leapfrog step, backwards if `step_size` is negative.

    Returns
    -------
    Phase, State, scalar
        The new point, the state there, and its energy.
    """
    momentum = phase.momentum + 0.5 * step_size * phase.gradient
    moved = phase.displacement + step_size * momentum
    position = origin + displacement(metric, moved)
    value, gradient = jax.value_and_grad(function)(position)
    white = whitened(metric, gradient)
    momentum = momentum + 0.5 * step_size * white
    return Phase(moved, momentum, white), State(position, value, gradient), energy(momentum, value)


def energy(momentum: Any, log_density: Any) -> Any:
    """Total energy."""
    return 0.5 * jnp.dot(momentum, momentum) - log_density


def finite_error(error: Any) -> Any:
    """An energy error, infinite where the density was not a number or not finite: that is a divergence."""
    return jnp.where(jnp.isfinite(error), error, jnp.inf)


def select(condition: Any, a: Any, b: Any) -> Any:
    """Leaf-wise choice between two pytrees."""
    return jax.tree.map(lambda x, y: jnp.where(condition, x, y), a, b)
