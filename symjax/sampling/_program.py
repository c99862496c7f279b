"""The compiled program: one `advance` for starting, warm-up and sampling, with the gradient in it once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from symjax.sampling import _nuts
from symjax.sampling._adapt import DualAveraging, update
from symjax.sampling._discrete import sweep
from symjax.sampling._metric import Metric
from symjax.sampling._target import LogDensity

#: Columns of the statistics that `advance` returns.
STATISTICS = (
    "lp", "acceptance_rate", "tree_depth", "n_steps", "diverging", "energy", "energy_error", "max_energy_error",
    "index_in_trajectory", "step_size", "step_size_bar",
)  # fmt: skip


class Chain(NamedTuple):
    """All that a chain needs to go on.

    Attributes
    ----------
    key : uint32 array, shape (2,)
        Key data of the chain.
    step : int
        Number of steps done; with the key it decides the next step's randomness, however the steps are cut into blocks.
    state : State
        Position, log density and gradient.
    discrete : int64 array, shape (m,)
        Discrete variables.
    metric : Metric
        Inverse mass matrix.
    averaging : DualAveraging
        Step size and its adaptation.
    """

    key: Any
    step: Any
    state: _nuts.State
    discrete: Any
    metric: Metric
    averaging: DualAveraging


class Block(NamedTuple):
    """What `advance` records, one row a step: positions, discrete values, gradients and `STATISTICS`."""

    positions: Any
    discrete: Any
    gradients: Any
    statistics: Any


class Control(NamedTuple):
    """What a call of `advance` is to do: numbers, so that no choice of them compiles anew."""

    n_steps: Any
    adapting: Any
    starting: Any
    max_depth: Any
    target_accept: Any


def block_length(size: int) -> int:
    """Rows of a block: up to 256, fewer for long positions."""
    return int(np.clip((1 << 21) // max(1, size), 8, 256))


def build_advance(target: LogDensity) -> Callable[[Chain, Control, Any], tuple[Chain, Block]]:
    """The function to compile.

    Parameters
    ----------
    target : LogDensity
        What to sample.

    Returns
    -------
    callable
        ``advance(chain, control, data) -> (chain, block)``. If ``control.starting`` it only computes the density and gradient at the
        chain's position.
    """
    rows = block_length(target.size)
    m = target.discrete_size
    visit = sweep(target.discrete) if m else None

    def one(chain: Chain, control: Control, data: Any, refresh: Any) -> tuple[Chain, Any]:
        key = jax.random.fold_in(jax.random.wrap_key_data(chain.key, impl="threefry2x32"), chain.step)
        discrete = chain.discrete
        if visit is not None:
            discrete_key = jax.random.fold_in(key, 1)
            position = chain.state.position
            discrete = jax.lax.cond(
                refresh & ~control.starting,
                lambda d: visit(discrete_key, d, lambda v: target.function(position, v, data)),
                lambda d: d,
                discrete,
            )
        step_size = jnp.exp(jnp.where(control.adapting, chain.averaging.log_step, chain.averaging.log_average))
        state, info = _nuts.step(
            key,
            chain.state,
            lambda x: target.function(x, discrete, data),
            chain.metric,
            step_size,
            control.max_depth,
            refresh,
        )
        moved = update(chain.averaging, info.acceptance_rate, control.target_accept)
        averaging = _nuts._select(control.adapting & ~refresh, moved, chain.averaging)
        statistics = (
            state.log_density, info.acceptance_rate, info.tree_depth, info.n_steps, info.diverging, info.energy,
            info.energy_error, info.max_energy_error, info.index_in_trajectory, step_size, jnp.exp(averaging.log_average),
        )  # fmt: skip
        row = jnp.stack([jnp.asarray(s, jnp.float64) for s in statistics])
        return chain._replace(state=state, discrete=discrete, averaging=averaging), row

    def advance(chain: Chain, control: Control, data: Any) -> tuple[Chain, Block]:
        dtype = chain.state.position.dtype
        buffers = Block(
            jnp.zeros((rows, target.size), dtype),
            jnp.zeros((rows, m), jnp.int64),
            jnp.zeros((rows, target.size), dtype),
            jnp.zeros((rows, len(STATISTICS))),
        )
        # with discrete variables each step has two halves: they are updated and the gradient with them, then NUTS moves
        halves = 2 if m else 1

        def body(carry: Any) -> Any:
            i, chain, block = carry
            refresh = control.starting | (i % halves < halves - 1)
            chain, row = one(chain, control, data, refresh)
            at = i // halves
            block = Block(
                block.positions.at[at].set(chain.state.position),
                block.discrete.at[at].set(chain.discrete),
                block.gradients.at[at].set(chain.state.gradient),
                block.statistics.at[at].set(row),
            )
            counts = (~control.starting & (i % halves == halves - 1)).astype(chain.step.dtype)
            return i + 1, chain._replace(step=chain.step + counts), block

        total = control.n_steps * halves
        _, chain, block = jax.lax.while_loop(lambda c: c[0] < total, body, (jnp.zeros((), jnp.int32), chain, buffers))
        return chain, block

    return advance


def compile_advance(target: LogDensity, example: Chain, *, chains: int | None = None) -> Callable[..., tuple[Chain, Block]]:
    """`advance` compiled, for one chain or, with `chains`, vectorised over that many."""
    advance = build_advance(target)
    control = Control(np.int32(0), np.bool_(False), np.bool_(False), np.int32(1), np.float64(0.8))
    if chains is not None:
        advance = jax.vmap(advance, in_axes=(0, None, None))
        example = jax.tree.map(lambda x: np.broadcast_to(np.asarray(x), (chains, *np.shape(x))), example)
    with jax.enable_x64(True):
        return jax.jit(advance).lower(example, control, target.data).compile()
