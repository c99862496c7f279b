"""The No-U-Turn sampler.

Multinomial sampling along the trajectory with biased progression between subtrees and the generalised U-turn criterion (Betancourt,
A Conceptual Introduction to Hamiltonian Monte Carlo, 2017, arXiv 1701.02434, appendix A), subtrees grown leaf by leaf with O(log n)
memory (Phan, Pradhan, Jankowiak, Composable Effects for Flexible and Accelerated Probabilistic Programming in NumPyro, 2019,
arXiv 1912.11554, algorithm 2), and, when a subtree joins the tree, Stan's additional checks across the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

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

#: Default limit of the tree depth.
MAX_TREE_DEPTH = 10


class _Draw(NamedTuple):
    """A multinomial draw from a set of leaves, with the set's weight and sum of momenta."""

    state: State
    energy: Any
    index: Any  # signed number of leapfrog steps from the start
    log_weight: Any
    momentum_sum: Any


class _Totals(NamedTuple):
    """What accumulates over all leaves."""

    acceptance: Any
    max_energy_error: Any
    n_steps: Any


class _Checkpoints(NamedTuple):
    """Momenta at the starts of open subtrees and the sums of momenta up to them, shape (max depth, n) each."""

    momenta: Any
    sums: Any


class _Subtree(NamedTuple):
    bits: Any
    leaves: Any
    edge: Phase
    draw: _Draw
    saved: _Checkpoints
    totals: _Totals
    turning: Any
    diverging: Any


class _Tree(NamedTuple):
    bits: Any
    depth: Any
    left: Phase
    right: Phase
    reach: Any  # int32 (2,): leaves to the left and to the right of the start
    draw: _Draw
    saved: _Checkpoints
    totals: _Totals
    turning: Any
    diverging: Any


def turns(first: Any, last: Any, total: Any) -> Any:
    """Whether the momenta at a segment's ends, of shape (n,), show a U-turn; `total` is the sum over the segment, ends included."""
    middle = total - 0.5 * (first + last)
    return (jnp.dot(first, middle) <= 0) | (jnp.dot(last, middle) <= 0)


def checkpoints(leaf: Any) -> tuple[Any, Any]:
    """First and last checkpoint of the balanced subtrees that end with leaf number `leaf`.

    An even leaf is the start of subtrees: its checkpoint is the last. At an odd one the subtrees from all of them are complete.
    """
    last = jax.lax.population_count(leaf >> 1)
    trailing_ones = jax.lax.population_count(leaf & ~(leaf + 1))
    return last - trailing_ones + 1, last


def _add_leaf(
    leaf: tuple[Phase, State, Any], start_energy: Any, forward: Any, reach: Any, refresh: Any, tree: _Subtree
) -> _Subtree:
    edge, state, leaf_energy = leaf
    error = finite_error(leaf_energy - start_energy)
    bits, coin = uniform(tree.bits)
    old = tree.draw
    log_weight = jnp.logaddexp(old.log_weight, -error)
    accept = refresh | (jnp.log(coin) < -error - log_weight)
    momentum_sum = old.momentum_sum + edge.momentum
    first, last = checkpoints(tree.leaves)
    starts = tree.leaves % 2 == 0
    saved = _Checkpoints(
        tree.saved.momenta.at[last].set(jnp.where(starts, edge.momentum, tree.saved.momenta[last])),
        tree.saved.sums.at[last].set(jnp.where(starts, momentum_sum, tree.saved.sums[last])),
    )

    def check(carry: Any) -> Any:
        i, _ = carry
        start = saved.momenta[i]
        return i - 1, turns(start, edge.momentum, momentum_sum - saved.sums[i] + start)

    checked = jnp.where(starts, first - 1, last)
    _, turning = jax.lax.while_loop(lambda c: (c[0] >= first) & ~c[1], check, (checked, jnp.asarray(False)))
    leaves = tree.leaves + 1
    draw = _Draw(
        state=select(accept, state, old.state),
        energy=jnp.where(accept, leaf_energy, old.energy),
        index=jnp.where(accept, jnp.where(forward, reach + leaves, -reach - leaves), old.index),
        log_weight=log_weight,
        momentum_sum=momentum_sum,
    )
    totals = _Totals(
        acceptance=tree.totals.acceptance + jnp.exp(jnp.minimum(0.0, -error)),
        max_energy_error=jnp.where(jnp.abs(error) > jnp.abs(tree.totals.max_energy_error), error, tree.totals.max_energy_error),
        n_steps=tree.totals.n_steps + 1,
    )
    return _Subtree(bits, leaves, edge, draw, saved, totals, turning, error > DIVERGENCE)


def _join(tree: _Tree, sub: _Subtree, forward: Any, refresh: Any) -> _Tree:
    """The tree with a subtree at one of its ends; one that turned or diverged ends the growth and gives no draw."""
    bits, coin = uniform(sub.bits)
    whole = ~sub.turning & ~sub.diverging
    accept = refresh | (whole & (jnp.log(coin) < sub.draw.log_weight - tree.draw.log_weight))
    old, new = tree.draw, sub.draw
    inner, outer = select(forward, (tree.right.momentum, tree.left.momentum), (tree.left.momentum, tree.right.momentum))
    first = sub.saved.momenta[0]
    total = old.momentum_sum + new.momentum_sum
    # each half with the nearest momentum of the other: a whole period of an orbit looks straight from its ends
    turning = (
        turns(outer, sub.edge.momentum, total)
        | turns(outer, first, old.momentum_sum + first)
        | turns(inner, sub.edge.momentum, new.momentum_sum + inner)
    )
    draw = select(accept, new, old)._replace(log_weight=jnp.logaddexp(old.log_weight, new.log_weight), momentum_sum=total)
    left, right = select(forward, (tree.left, sub.edge), (sub.edge, tree.right))
    reach = tree.reach.at[forward.astype(jnp.int32)].add(sub.leaves)
    return _Tree(
        bits, tree.depth + 1, left, right, reach, draw, sub.saved, sub.totals, sub.turning | turning, sub.diverging
    )  # fmt: skip


def step(
    key: Any,
    state: State,
    function: Callable[[Any], Any],
    metric: Metric,
    step_size: Any,
    max_depth: Any = MAX_TREE_DEPTH,
    refresh: Any = False,
    *,
    capacity: int = MAX_TREE_DEPTH,
) -> tuple[State, Info]:
    """One draw.

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
        Limit of the tree depth, at most `capacity`.
    refresh : bool
        If so nothing is drawn: the state comes back at its position with the log density and gradient computed anew. A start,
        or a change of the discrete variables, thus needs no second copy of the gradient in a program.
    capacity : int
        Static bound of `max_depth`, for which memory is kept.

    Returns
    -------
    State, Info
        The next state and what its trajectory was like.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from symjax.sampling import Metric, nuts
    >>> with jax.enable_x64(True):
    ...     log_density = lambda x: -0.5 * jnp.sum(x**2)
    ...     state = nuts.init(log_density, jnp.zeros(2))
    ...     metric = Metric(jnp.ones(2), jnp.zeros((2, 0)), jnp.ones(0))
    ...     state, info = nuts.step(jax.random.key(0), state, log_density, metric, 0.5)
    """
    n = state.position.shape[0]
    step_size = jnp.where(refresh, 0.0, step_size)
    max_depth = jnp.where(refresh, 1, max_depth)
    momentum, bits = randomness(bits_of(key), n, state.position.dtype)
    start_energy = energy(momentum, state.log_density)
    start = Phase(jnp.zeros_like(momentum), momentum, whitened(metric, state.gradient))
    zero, nothing = jnp.zeros((), jnp.int32), jnp.zeros_like(start_energy)
    saved = _Checkpoints(*2 * (jnp.zeros((capacity, n), state.position.dtype),))
    draw = _Draw(state, start_energy, zero, nothing, momentum)
    no = jnp.asarray(False)
    tree = _Tree(
        bits, zero, start, start, jnp.zeros(2, jnp.int32), draw, saved, _Totals(nothing, nothing, zero), no, no
    )  # fmt: skip

    def double(tree: _Tree) -> _Tree:
        bits, coin = uniform(tree.bits)
        forward = coin < 0.5
        signed = jnp.where(forward, step_size, -step_size)
        reach = tree.reach[forward.astype(jnp.int32)]
        empty = tree.draw._replace(log_weight=nothing - jnp.inf, momentum_sum=jnp.zeros_like(momentum))
        sub = _Subtree(bits, zero, select(forward, tree.right, tree.left), empty, tree.saved, tree.totals, no, no)
        size = jnp.left_shift(jnp.ones_like(zero), tree.depth)

        def add(sub: _Subtree) -> _Subtree:
            leaf = leapfrog(function, metric, state.position, sub.edge, signed)
            return _add_leaf(leaf, start_energy, forward, reach, refresh, sub)

        sub = jax.lax.while_loop(lambda s: (s.leaves < size) & ~s.turning & ~s.diverging, add, sub)
        return _join(tree, sub, forward, refresh)

    tree = jax.lax.while_loop(lambda t: ~t.turning & ~t.diverging & (t.depth < max_depth), double, tree)
    info = Info(
        acceptance_rate=tree.totals.acceptance / tree.totals.n_steps,
        tree_depth=tree.depth,
        n_steps=tree.totals.n_steps,
        diverging=tree.diverging,
        energy=tree.draw.energy,
        energy_error=tree.draw.energy - start_energy,
        max_energy_error=tree.totals.max_energy_error,
        index_in_trajectory=tree.draw.index,
    )
    return tree.draw.state, info
