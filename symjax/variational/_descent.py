"""The optimisation: runs of one compiled loop, between which callbacks, the progress bar and interrupts have their turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from symjax.variational._objectives import Objective

#: Steps that one run of the compiled loop makes at most, and how long it should take.
MAX_STEPS, SECONDS = 1000, 0.25


class State(NamedTuple):
    """Parameters of the family, the optimizer's state, and the number of steps made."""

    parameters: Any
    optimizer: Any
    step: Any


class Descent:
    """A descent of parameters; what it reaches depends on its seed and the number of steps, not on how they are split up.

    Parameters
    ----------
    objective : callable
        ``objective(parameters, key, data) -> (loss, gradient)``.
    optimizer : optax.GradientTransformation
        Makes steps of gradients.
    parameters : pytree of arrays
        Where it starts.
    data : pytree of arrays
        Passed to the objective.
    random_seed : int
        Seed of all draws.
    step : int
        Number of steps that were made before, with other draws.

    Attributes
    ----------
    state : State
        What was reached.

    Examples
    --------
    >>> import jax, numpy as np, optax
    >>> descent = Descent(jax.value_and_grad(lambda x, key, data: (x - data) ** 2), optax.sgd(0.1), np.float64(0.0), 3.0, 0)
    >>> losses = descent.advance(100)
    >>> round(float(descent.state.parameters), 6), len(losses)
    (3.0, 100)
    """

    def __init__(self, objective: Objective, optimizer: Any, parameters: Any, data: Any, random_seed: int, step: int = 0):
        with jax.enable_x64(True):
            self.data = jax.device_put(data)
            parameters = jax.tree.map(jnp.asarray, parameters)
            self.state = State(parameters, optimizer.init(parameters), jnp.asarray(step, jnp.int64))
            self._key = jax.random.key(random_seed)
        self._run = jax.jit(_loop(objective, optimizer))

    def advance(self, n: int) -> np.ndarray:
        """Make `n` steps, at most `MAX_STEPS`, and return their losses.

        Raises
        ------
        FloatingPointError
            If a loss is nan, or a parameter becomes nan or infinite; the descent stays where it was.
        """
        with jax.enable_x64(True):
            state, losses = self._run(self.state, self._key, self.data, n)
        losses = np.asarray(losses)[:n]
        if np.isnan(losses).any() or not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.parameters)):
            raise NotFinite(int(self.state.step), n, state.parameters)
        self.state = state
        return losses


class NotFinite(FloatingPointError):
    """A descent met a loss that is nan, or a gradient that is nan or infinite.

    Attributes
    ----------
    parameters : pytree of arrays
        The parameters with it.
    """

    def __init__(self, step: int, n: int, parameters: Any):
        super().__init__(f"the density or its gradient was not finite between steps {step} and {step + n}")
        self.parameters = parameters


def _loop(objective: Objective, optimizer: Any) -> Callable[..., Any]:
    """Any number of steps, up to `MAX_STEPS`, as one function to compile."""

    def run(state: State, key: Any, data: Any, n: Any) -> tuple[State, Any]:
        def step(i: Any, carry: tuple[State, Any]) -> tuple[State, Any]:
            (parameters, memory, count), losses = carry
            loss, gradient = objective(parameters, jax.random.fold_in(key, count), data)
            updates, memory = optimizer.update(gradient, memory, parameters)
            parameters = jax.tree.map(jnp.add, parameters, updates)
            return State(parameters, memory, count + 1), losses.at[i].set(loss)

        return jax.lax.fori_loop(0, n, step, (state, jnp.full(MAX_STEPS, jnp.nan)))

    return run


def descend(
    descent: Descent,
    n: int,
    callbacks: Sequence[Callable[[np.ndarray, int], None]] = (),
    *,
    every: int | None = None,
    report: Callable[[int, np.ndarray], None] = lambda done, losses: None,
) -> np.ndarray:
    """Make `n` steps of a descent.

    Parameters
    ----------
    descent : Descent
        Is advanced.
    n : int
        Number of steps.
    callbacks : sequence of callable
        ``callback(losses, step)`` with all losses of this call; if one raises StopIteration or KeyboardInterrupt, this is the end.
    every : int, optional
        Steps between calls of the callbacks; as many as take some tenths of a second if not given.
    report : callable
        ``report(done, losses)``, called as often.

    Returns
    -------
    numpy.ndarray
        The losses of the steps that were made.
    """
    losses, block = np.zeros(0), 1
    try:
        # compiles, so that the first block's time is that of its steps
        descent.advance(0)
        while len(losses) < n:
            begin = time.perf_counter()
            # callbacks are called at multiples of `every`, whatever was done before
            due = block if every is None else every - int(descent.state.step) % every
            for count in _pieces(min(due, n - len(losses))):
                losses = np.concatenate([losses, descent.advance(count)])
            report(len(losses), losses)
            for callback in callbacks:
                callback(losses, int(descent.state.step))
            if every is None:
                seconds = max(time.perf_counter() - begin, 1e-6)
                block = int(np.clip(block * SECONDS / seconds, 1, min(MAX_STEPS, 10 * block)))
    except (KeyboardInterrupt, StopIteration):
        pass
    return losses


def _pieces(n: int) -> list[int]:
    return [min(MAX_STEPS, n - start) for start in range(0, n, MAX_STEPS)]
