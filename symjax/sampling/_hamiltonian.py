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
#: Increment of SplitMix64: the golden ratio's fraction in 64 bits.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


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


def mixed(bits: Any) -> Any:
    """SplitMix64's output function, a bijection of 64 bits that looks random (Steele, Lea, Flood, OOPSLA 2014, fig. 16)."""
    z = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def bits_of(key: Any) -> Any:
    """64 bits of a key of two 32-bit words."""
    return mixed(_bits_of(jax.random.key_data(key)))


def key_of_step(words: Any, step: Any) -> Any:
    """The key of a chain's step, from the chain's key data of shape (2,); a threefry call would do no better and compile longer."""
    bits = mixed(_bits_of(words) + jnp.asarray(step).astype(jnp.uint64) * _GOLDEN)
    data = jnp.stack([bits >> np.uint64(32), bits & np.uint64(0xFFFFFFFF)]).astype(jnp.uint32)
    return jax.random.wrap_key_data(data, impl="threefry2x32")


def _bits_of(words: Any) -> Any:
    words = words.astype(jnp.uint64)
    return (words[0] << np.uint64(32)) | words[1]


def randomness(bits: Any, n: int, dtype: Any) -> tuple[Any, Any]:
    """A standard normal momentum of shape (n,), and the state of a generator of further choices, from 64 bits.

    A threefry call costs more time than a small model's gradient, and an eighth of the time to compile a program.
    """
    counts = np.arange(1, n + 1, dtype=np.uint64) * _GOLDEN
    momentum = np.sqrt(2) * jax.lax.erf_inv(2 * _unit(mixed(bits + counts)) - 1)
    return momentum.astype(dtype), mixed(~bits)


def uniform(bits: Any) -> tuple[Any, Any]:
    """Next state of a SplitMix64 generator, and a uniform number on (0, 1)."""
    bits = bits + _GOLDEN
    return bits, _unit(mixed(bits))


def _unit(bits: Any) -> Any:
    return ((bits >> np.uint64(11)).astype(jnp.float64) + 0.5) * 2.0**-53


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
