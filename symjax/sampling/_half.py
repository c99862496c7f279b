"""Half a step of a chain: updates of some coordinates and the gradient after them, or a move of the position by its gradient."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax.sampling import _hmc, _nuts
from symjax.sampling._adapt import update
from symjax.sampling._chain_state import STATISTICS, Chain, Control, Setup
from symjax.sampling._hamiltonian import State, key_of_step, select
from symjax.sampling._target import LogDensity
from symjax.sampling._updates import Point, sweep

Half = Callable[[Chain, Control, Any, Any], tuple[Chain, Any]]


def build_half(target: LogDensity, setup: Setup) -> Half:
    """The function ``half(chain, control, data, refresh) -> (chain, statistics)``.

    With `refresh` the updates are made and the log density and gradient computed anew, else the position moves; where nothing moves
    by its gradient the updates are the step. If ``control.starting`` density and gradient are all that is computed.
    """
    visit = sweep(setup.updates)
    moves = setup.moved != ()
    move = _move(setup)

    def half(chain: Chain, control: Control, data: Any, refresh: Any) -> tuple[Chain, Any]:
        key = key_of_step(chain.key, chain.step)
        data = data if target.frame is None else (data, chain.observations)
        rate: Any = jnp.ones(())
        if setup.updates:
            due = (refresh if moves else True) & ~control.starting
            chain, rate = jax.lax.cond(
                due,
                lambda c: _visited(c, visit, key, lambda x, d: target.function(x, d, data), control.adapting),
                lambda c: (c, jnp.ones(())),
                chain,
            )
        if moves:
            return _moved(chain, control, key, lambda x: target.function(x, chain.discrete, data), refresh, move)
        state = jax.lax.cond(
            control.starting,
            lambda s: s._replace(log_density=target.function(s.position, chain.discrete, data)),
            lambda s: s,
            chain.state,
        )
        row = jnp.zeros(len(STATISTICS)).at[:2].set(jnp.stack([state.log_density, rate]))
        return chain._replace(step=chain.step + ~control.starting, state=state), row

    return half


def _visited(chain: Chain, visit: Any, key: Any, density: Any, adapting: Any) -> tuple[Chain, Any]:
    """The chain after a round of updates, and the round's acceptance rate."""
    point = Point(chain.state.position, chain.discrete, chain.state.log_density)
    point, tuning, rate = visit(jax.random.fold_in(key, 1), point, chain.tuning, density, adapting)
    state = chain.state._replace(position=point.position, log_density=point.log_density)
    return chain._replace(state=state, discrete=point.discrete, tuning=tuning), rate


def _move(setup: Setup) -> Any:
    """``move(key, state, function, metric, step_size, max_depth, refresh)``, of the coordinates that move."""
    kernels = {
        "nuts": partial(_nuts.step, capacity=setup.capacity),
        "hmc": partial(_hmc.step, path_length=setup.path_length),
    }
    kernel = kernels[setup.kernel]
    if setup.moved is None:
        return kernel
    places = np.array(setup.moved, int)

    def of_some(key: Any, state: State, function: Any, *rest: Any) -> Any:
        part = State(state.position[places], state.log_density, state.gradient[places])
        part, info = kernel(key, part, lambda x: function(state.position.at[places].set(x)), *rest)
        position = state.position.at[places].set(part.position)
        return State(position, part.log_density, state.gradient.at[places].set(part.gradient)), info

    return of_some


def _moved(chain: Chain, control: Control, key: Any, function: Any, refresh: Any, move: Any) -> tuple[Chain, Any]:
    step_size = jnp.exp(jnp.where(control.adapting, chain.averaging.log_step, chain.averaging.log_average))
    state, info = move(key, chain.state, function, chain.metric, step_size, control.max_depth, refresh)
    changed = update(chain.averaging, info.acceptance_rate, control.target_accept)
    averaging = select(control.adapting & ~refresh, changed, chain.averaging)
    statistics = (
        state.log_density, info.acceptance_rate, info.tree_depth, info.n_steps, info.diverging, info.energy,
        info.energy_error, info.max_energy_error, info.index_in_trajectory, step_size, jnp.exp(averaging.log_average),
    )  # fmt: skip
    row = jnp.stack([jnp.asarray(s, jnp.float64) for s in statistics])
    return chain._replace(step=chain.step + ~refresh, state=state, averaging=averaging), row
