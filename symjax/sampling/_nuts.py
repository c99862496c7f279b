"""The No-U-Turn sampler.

Multinomial sampling along the trajectory with biased progression between subtrees (Betancourt, A Conceptual Introduction to
Hamiltonian Monte Carlo, 2017, arXiv 1701.02434, appendix A.3), the generalised U-turn criterion, and an iterative tree with
O(log n) memory (Phan, Pradhan, Jankowiak, 2019, arXiv 1912.11554, algorithm 2). The whole trajectory is one loop whose body is one
leapfrog step, so that a compiled program holds the gradient once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from symjax.sampling._metric import Metric, kinetic, momentum_of, velocity

#: Energy error beyond which a trajectory counts as divergent.
DIVERGENCE = 1000.0
#: Depth beyond which the step-doubling tree is not grown.
MAX_TREE_DEPTH = 10


class State(NamedTuple):
    """A position with its log density and gradient, so that nothing is computed twice."""

    position: Any
    log_density: Any
    gradient: Any


class Info(NamedTuple):
    """What one step tells of its trajectory, with the names that PyMC uses for the same statistics."""

    acceptance_rate: Any
    tree_depth: Any
    n_steps: Any
    diverging: Any
    energy: Any
    energy_error: Any
    max_energy_error: Any
    index_in_trajectory: Any


class _Edge(NamedTuple):
    position: Any
    momentum: Any
    gradient: Any


class _Tree(NamedTuple):
    """A trajectory under construction: the finished tree, and the subtree that is being grown from one of its ends."""

    bits: Any  # state of the generator of the choices along the trajectory
    depth: Any
    left: _Edge
    right: _Edge
    proposal: State
    proposal_energy: Any
    proposal_index: Any
    log_weight: Any
    momentum_sum: Any
    forward: Any
    steps: Any  # leaves of the subtree so far
    edge: _Edge
    first_momentum: Any
    sub_proposal: State
    sub_energy: Any
    sub_index: Any
    sub_log_weight: Any
    sub_momentum_sum: Any
    saved_momenta: Any  # (max depth, n): checkpoints of the subtree's own U-turn checks
    saved_sums: Any
    turning: Any
    diverging: Any
    acceptance_sum: Any
    max_energy_error: Any
    n_steps: Any
    edge_index: Any  # (2,): how far the ends are from the start


def init(function: Callable[[Any], Any], position: Any) -> State:
    """The state at a position; `function` is the log density."""
    value, gradient = jax.value_and_grad(function)(position)
    return State(position, value, gradient)


def _next(bits: Any) -> tuple[Any, Any]:
    """Next state of a SplitMix64 generator and a uniform number on (0, 1).

    Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014, fig. 16. It is seeded by a threefry key at each
    trajectory and chooses along it, where a threefry call at each leapfrog step would cost more than a small model's gradient.
    """
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    z = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return bits, ((z >> np.uint64(11)).astype(jnp.float64) + 0.5) * 2.0**-53


def _turns(metric: Metric, first: Any, last: Any, total: Any) -> Any:
    """Whether the momenta at a segment's ends, half of each left out of the sum, show a U-turn."""
    middle = velocity(metric, total - 0.5 * (first + last))
    return (jnp.dot(first, middle) <= 0) | (jnp.dot(last, middle) <= 0)


def _checkpoints(n: Any) -> tuple[Any, Any]:
    """Range of the checkpoints that end with leaf `n` of a subtree."""
    highest = jax.lax.population_count(n >> 1)
    trailing_ones = jax.lax.population_count(n & ~(n + 1))
    return highest - trailing_ones + 1, highest


def _select(condition: Any, a: Any, b: Any) -> Any:
    return jax.tree.map(lambda x, y: jnp.where(condition, x, y), a, b)


def _leaf(function: Any, metric: Metric, step_size: Any, energy: Any, tree: _Tree) -> _Tree:
    """One leapfrog step from the subtree's edge, and what it changes in the subtree."""
    signed = jnp.where(tree.forward, step_size, -step_size)
    momentum = tree.edge.momentum + 0.5 * signed * tree.edge.gradient
    position = tree.edge.position + signed * velocity(metric, momentum)
    value, gradient = jax.value_and_grad(function)(position)
    momentum = momentum + 0.5 * signed * gradient
    new_energy = kinetic(momentum, velocity(metric, momentum)) - value
    error = new_energy - energy
    error = jnp.where(jnp.isfinite(error), error, jnp.inf)
    diverging = error > DIVERGENCE
    bits, uniform = _next(tree.bits)
    first = tree.steps == 0
    log_weight = jnp.where(first, -error, jnp.logaddexp(tree.sub_log_weight, -error))
    accept = first | (jnp.log(uniform) < -error - log_weight)
    side = tree.forward.astype(jnp.int32)
    edge_index = tree.edge_index.at[side].add(jnp.where(tree.forward, 1, -1))
    momentum_sum = jnp.where(first, momentum, tree.sub_momentum_sum + momentum)
    low, high = _checkpoints(tree.steps)
    even = tree.steps % 2 == 0

    def save(t: _Tree) -> tuple[Any, Any, Any]:
        return t.saved_momenta.at[high].set(momentum), t.saved_sums.at[high].set(momentum_sum), jnp.asarray(False)

    def check(t: _Tree) -> tuple[Any, Any, Any]:
        def unfinished(carry: Any) -> Any:
            i, turning = carry
            return (i >= low) & ~turning

        def one(carry: Any) -> Any:
            i, _ = carry
            start = t.saved_momenta[i]
            return i - 1, _turns(metric, start, momentum, momentum_sum - t.saved_sums[i] + start)

        return t.saved_momenta, t.saved_sums, jax.lax.while_loop(unfinished, one, (high, jnp.asarray(False)))[1]

    saved_momenta, saved_sums, turning = jax.lax.cond(even, save, check, tree)
    return tree._replace(
        bits=bits,
        steps=tree.steps + 1,
        edge=_Edge(position, momentum, gradient),
        first_momentum=jnp.where(first, momentum, tree.first_momentum),
        sub_proposal=_select(accept, State(position, value, gradient), tree.sub_proposal),
        sub_energy=jnp.where(accept, new_energy, tree.sub_energy),
        sub_index=jnp.where(accept, edge_index[side], tree.sub_index),
        sub_log_weight=log_weight,
        sub_momentum_sum=momentum_sum,
        saved_momenta=saved_momenta,
        saved_sums=saved_sums,
        turning=turning,
        diverging=diverging,
        acceptance_sum=tree.acceptance_sum + jnp.exp(jnp.minimum(0.0, -error)),
        max_energy_error=jnp.where(jnp.abs(error) > jnp.abs(tree.max_energy_error), error, tree.max_energy_error),
        n_steps=tree.n_steps + 1,
        edge_index=edge_index,
    )


def _grow(metric: Metric, tree: _Tree) -> _Tree:
    """Join a finished subtree to the tree, and choose where to grow next."""
    whole = ~tree.turning & ~tree.diverging
    bits, uniform = _next(tree.bits)
    bits, coin = _next(bits)
    accept = whole & (jnp.log(uniform) < tree.sub_log_weight - tree.log_weight)
    left = _select(tree.forward, tree.left, tree.edge)
    right = _select(tree.forward, tree.edge, tree.right)
    total = tree.momentum_sum + tree.sub_momentum_sum
    # The checks across the two halves: each half with the nearest momentum of the other (Stan 2.21 added them against
    # trajectories that turn within a half of the period and look straight as a whole).
    inner_old = jnp.where(tree.forward, tree.right.momentum, tree.left.momentum)
    outer_old = jnp.where(tree.forward, tree.left.momentum, tree.right.momentum)
    turning = (
        _turns(metric, left.momentum, right.momentum, total)
        | _turns(metric, outer_old, tree.first_momentum, tree.momentum_sum + tree.first_momentum)
        | _turns(metric, inner_old, tree.edge.momentum, tree.sub_momentum_sum + inner_old)
    )
    forward = coin < 0.5
    return tree._replace(
        bits=bits,
        depth=tree.depth + 1,
        left=left,
        right=right,
        proposal=_select(accept, tree.sub_proposal, tree.proposal),
        proposal_energy=jnp.where(accept, tree.sub_energy, tree.proposal_energy),
        proposal_index=jnp.where(accept, tree.sub_index, tree.proposal_index),
        log_weight=jnp.logaddexp(tree.log_weight, tree.sub_log_weight),
        momentum_sum=total,
        forward=forward,
        steps=jnp.zeros_like(tree.steps),
        edge=_select(forward, right, left),
        turning=tree.turning | turning,
    )


def step(
    key: Any,
    state: State,
    function: Callable[[Any], Any],
    metric: Metric,
    step_size: Any,
    max_depth: Any = MAX_TREE_DEPTH,
    refresh: Any = False,
) -> tuple[State, Info]:
    """One draw.

    Parameters
    ----------
    key : jax.Array
        Key of the step.
    state : State
        Present state.
    function : callable
        Log density of a position.
    metric : Metric
        Inverse mass matrix.
    step_size : float
        Leapfrog step size.
    max_depth : int
        Greatest tree depth, at most `MAX_TREE_DEPTH`.
    refresh : bool
        If so nothing is drawn: the state comes back at its position with the log density and gradient computed anew. A start,
        or a change of the discrete variables, thus needs no second copy of the gradient in a program.

    Returns
    -------
    State, Info
        The next state and what its trajectory was like.
    """
    n = state.position.shape[0]
    step_size = jnp.where(refresh, 0.0, step_size)
    max_depth = jnp.where(refresh, 1, max_depth)
    noise_key, bits_key = jax.random.split(key)
    momentum = momentum_of(metric, jax.random.normal(noise_key, (n,), state.position.dtype))
    words = jax.random.bits(bits_key, (2,), jnp.uint32).astype(jnp.uint64)
    bits, coin = _next((words[0] << np.uint64(32)) | words[1])
    energy = kinetic(momentum, velocity(metric, momentum)) - state.log_density
    start = _Edge(state.position, momentum, state.gradient)
    zero = jnp.zeros((), jnp.int32)
    no = jnp.asarray(False)
    float_zero = jnp.zeros_like(energy)
    saved = jnp.zeros((MAX_TREE_DEPTH, n), state.position.dtype)
    tree = _Tree(
        bits, zero, start, start, state, energy, zero, float_zero, momentum, coin < 0.5, zero, start, momentum, state, energy, zero,
        float_zero, momentum, saved, saved, no, no, float_zero, float_zero, zero, jnp.zeros(2, jnp.int32),
    )  # fmt: skip

    def growing(t: _Tree) -> Any:
        return ~t.turning & ~t.diverging & (t.depth < max_depth)

    def body(t: _Tree) -> _Tree:
        t = _leaf(function, metric, step_size, energy, t)
        done = (t.steps == (1 << t.depth)) | t.turning | t.diverging
        return jax.lax.cond(done, lambda s: _grow(metric, s), lambda s: s, t)

    tree = jax.lax.while_loop(growing, body, tree)
    info = Info(
        acceptance_rate=tree.acceptance_sum / tree.n_steps,
        tree_depth=tree.depth,
        n_steps=tree.n_steps,
        diverging=tree.diverging,
        energy=tree.proposal_energy,
        energy_error=tree.proposal_energy - energy,
        max_energy_error=tree.max_energy_error,
        index_in_trajectory=tree.proposal_index,
    )
    return _select(refresh, tree.sub_proposal, tree.proposal), info
