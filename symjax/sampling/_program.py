"""The compiled program: one `advance` for starting, warm-up and sampling, with the gradient in it once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np

from symjax._compiler import compiler_options
from symjax.sampling import _cost, _differential
from symjax.sampling._chain_state import STATISTICS, Block, Chain, Control, Setup
from symjax.sampling._frame import Converter
from symjax.sampling._half import build_half
from symjax.sampling._target import LogDensity

#: Seconds of a gradient below which, in few dimensions, time is better spent on sampling than on optimising the program.
_TINY = 5e-6


def block_length(size: int) -> int:
    """Rows of a block: a megabyte of positions, at least 16 and at most 1,024."""
    return int(np.clip((1 << 17) // max(1, size), 16, 1024))


_SUMMED, _AVERAGED, _GREATEST, _FARTHEST = (
    np.isin(STATISTICS, names) for names in ("n_steps", "acceptance_rate", ("tree_depth", "diverging"), "max_energy_error")
)


def _pooled(before: Any, row: Any, share: Any) -> Any:
    """Statistics of the steps up to now from those of the steps before and of one more, which is `share` of the whole."""
    pooled = jnp.where(_SUMMED, before + row, jnp.where(_AVERAGED, before + share * (row - before), row))
    greater = (_GREATEST & (before > row)) | (_FARTHEST & (jnp.abs(before) > jnp.abs(row)))
    return jnp.where(greater, before, pooled)


def build_advance(target: LogDensity, setup: Setup) -> Callable[[Chain, Control, Any], tuple[Chain, Block]]:
    """The function to compile.

    Parameters
    ----------
    target : LogDensity
        What to sample.
    setup : Setup
        How.

    Returns
    -------
    callable
        ``advance(chain, control, data) -> (chain, block)``. If ``control.starting`` it only computes the density and gradient at
        the chain's position.
    """
    rows, m = block_length(target.size), target.discrete_size
    half = build_half(target, setup)
    # with updates a step has two halves: they are made, and the gradient anew after them; then the position moves
    halves = 2 if setup.updates and setup.moved != () else 1

    def advance(chain: Chain, control: Control, data: Any) -> tuple[Chain, Block]:
        dtype = chain.state.position.dtype
        buffers = Block(
            jnp.zeros((rows, target.size), dtype),
            jnp.zeros((rows, m), jnp.int64),
            jnp.zeros((rows, target.size), dtype),
            jnp.zeros((rows, len(STATISTICS))),
        )

        def body(i: Any, carry: Any) -> Any:
            chain, block = carry
            refresh = control.starting | (i % halves < halves - 1)
            chain, row = half(chain, control, data, refresh)
            step = i // halves
            at, earlier = step // control.thin, step % control.thin
            before = block.statistics[at]
            pooled = jnp.where(earlier == 0, row, jnp.where(refresh, before, _pooled(before, row, 1.0 / (earlier + 1.0))))
            recorded = Block(chain.state.position, chain.discrete, chain.state.gradient, pooled)
            return chain, jax.tree.map(lambda b, r: b.at[at].set(r), block, recorded)

        return jax.lax.fori_loop(0, control.n_rows * control.thin * halves, body, (chain, buffers))

    return advance


class Program(NamedTuple):
    """A compiled `advance`, an estimate of the seconds that a gradient in it takes, and the functions of the target's frame."""

    advance: Callable[[Chain, Control, Any], tuple[Chain, Block]]
    seconds: float
    converter: Converter | None


#: Programs by the log density's function, so that sampling again compiles nothing.
_compiled: WeakKeyDictionary[Callable[..., Any], dict[Any, Program]] = WeakKeyDictionary()


def compile_advance(
    target: LogDensity,
    setup: Setup,
    example: Chain,
    data: Any,
    *,
    chains: int | None = None,
    when_traced: Callable[[], Any] = lambda: None,
) -> Program:
    """`advance` compiled, for one chain or, with `chains`, vectorised over that many.

    Parameters
    ----------
    target : LogDensity
        What to sample.
    setup : Setup
        How.
    example : Chain
        A chain, with a leading axis of length `chains` if that is given.
    data : pytree of arrays
        The target's data as JAX arrays.
    chains : int, optional
        Number of chains that a call advances together.
    when_traced : callable, optional
        Called when what is left is XLA's work, which other threads do not disturb.
    """
    known = _compiled.setdefault(target.function, {})
    leaves, structure = jax.tree.flatten(data)
    key = (setup, chains, target.size, target.discrete, structure, *((x.shape, x.dtype) for x in leaves))
    if key not in known:
        advance = build_advance(target, setup)
        if chains is not None:
            advance = jax.vmap(advance, in_axes=(0, None, None), axis_name=_differential.AXIS)
        with ThreadPoolExecutor(1) as pool, jax.enable_x64(True):
            converter = None if target.frame is None else pool.submit(Converter, target.frame)
            traced = jax.jit(advance).trace(example, Control.of(0, 1, 0.8), data)
            seconds = _cost.seconds(traced.jaxpr.jaxpr) / (chains or 1)
            lowered = traced.lower()
            when_traced()
            compiled = lowered.compile(compiler_options=compiler_options(tiny=seconds < _TINY and target.size <= 4))
            known[key] = Program(compiled, seconds, converter and converter.result())
    else:
        when_traced()
    return known[key]
