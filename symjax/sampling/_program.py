"""The compiled program: one `advance` for starting, warm-up and sampling, with the gradient in it once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np

from symjax._compiler import compiler_options
from symjax.sampling import _cost, _gibbs, _hmc, _metropolis, _nuts
from symjax.sampling._adapt import DualAveraging, update
from symjax.sampling._frame import Converter
from symjax.sampling._hamiltonian import State, key_of_step, select
from symjax.sampling._metric import Metric
from symjax.sampling._target import DiscreteVariable, LogDensity

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
    observations : Observations or None
        Parameters of the target's frame, if it has one.
    """

    key: Any
    step: Any
    state: State
    discrete: Any
    metric: Metric
    averaging: DualAveraging
    observations: Any = None


class Block(NamedTuple):
    """What `advance` records, one row every `Control.thin` steps: positions, discrete values, gradients and `STATISTICS`.

    The statistics are those of the last step, but for what describes trajectories: their mean acceptance rate, greatest depth,
    number of gradients, greatest energy error, and whether any of them diverged.
    """

    positions: Any
    discrete: Any
    gradients: Any
    statistics: Any


#: Seconds of a gradient below which, in few dimensions, time is better spent on sampling than on optimising the program.
_TINY = 5e-6


class Control(NamedTuple):
    """What a call of `advance` is to do: numbers, so that no choice of them compiles anew."""

    n_rows: Any
    thin: Any  # steps a row
    adapting: Any
    starting: Any
    max_depth: Any
    target_accept: Any

    @classmethod
    def of(
        cls, n_rows: int, max_depth: int, target_accept: float, *, thin: int = 1, adapting: bool = False, starting: bool = False
    ) -> Control:
        """A control with the dtypes that the program was compiled for."""
        return cls(
            np.int32(n_rows), np.int32(thin), np.bool_(adapting), np.bool_(starting), np.int32(max_depth), np.float64(target_accept)
        )  # fmt: skip


class Setup(NamedTuple):
    """What a program is compiled for, besides its target: the kernel, the greatest tree depth, and the metric's rank."""

    kernel: str
    capacity: int
    rank: int


def block_length(size: int) -> int:
    """Rows of a block: a megabyte of positions, at least 16 and at most 1,024."""
    return int(np.clip((1 << 17) // max(1, size), 16, 1024))


def _sweep(variables: tuple[DiscreteVariable, ...]) -> Callable[[Any, _gibbs.State, Callable[[Any], Any]], _gibbs.State]:
    """An update of all discrete coordinates: Gibbs where the values are finitely many, Metropolis elsewhere."""
    finite = [_gibbs.Coordinate(j, v.lower or 0, v.n_values) for v in variables if v.n_values for j in range(v.start, v.stop)]
    unbounded = [j for v in variables if not v.n_values for j in range(v.start, v.stop)]

    def update(key: Any, state: _gibbs.State, log_density: Callable[[Any], Any]) -> _gibbs.State:
        if finite:
            state, _ = _gibbs.step(jax.random.fold_in(key, 0), state, log_density, finite)
        if unbounded:
            state, _ = _metropolis.step(jax.random.fold_in(key, 1), state, log_density, unbounded)
        return state

    return update


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
    # with discrete variables a step has two halves: they are updated, and the gradient with them; then the position moves
    halves = 2 if m else 1
    move = {"nuts": partial(_nuts.step, capacity=setup.capacity), "hmc": _hmc.step}[setup.kernel]
    visit = _sweep(target.discrete)

    def half(chain: Chain, control: Control, data: Any, refresh: Any) -> tuple[Chain, Any]:
        key = key_of_step(chain.key, chain.step)
        data = data if target.frame is None else (data, chain.observations)
        discrete = chain.discrete
        if m:
            discrete = jax.lax.cond(
                refresh & ~control.starting,
                lambda s: visit(jax.random.fold_in(key, 1), s, lambda v: target.function(chain.state.position, v, data)),
                lambda s: s,
                _gibbs.State(discrete, chain.state.log_density),
            ).values
        step_size = jnp.exp(jnp.where(control.adapting, chain.averaging.log_step, chain.averaging.log_average))
        state, info = move(
            key, chain.state, lambda x: target.function(x, discrete, data), chain.metric, step_size, control.max_depth, refresh
        )
        moved = update(chain.averaging, info.acceptance_rate, control.target_accept)
        averaging = select(control.adapting & ~refresh, moved, chain.averaging)
        statistics = (
            state.log_density, info.acceptance_rate, info.tree_depth, info.n_steps, info.diverging, info.energy,
            info.energy_error, info.max_energy_error, info.index_in_trajectory, step_size, jnp.exp(averaging.log_average),
        )  # fmt: skip
        row = jnp.stack([jnp.asarray(s, jnp.float64) for s in statistics])
        count = chain.step + ~refresh
        return chain._replace(step=count, state=state, discrete=discrete, averaging=averaging), row

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
            advance = jax.vmap(advance, in_axes=(0, None, None))
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
