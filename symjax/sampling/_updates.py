"""Updates of some coordinates that need no gradient: what they are called, and how a program runs them in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from symjax.sampling import _differential, _gibbs, _metropolis, _slice, _walk
from symjax.sampling._target import DiscreteVariable

Density = Callable[[Any, Any], Any]

#: Kernels of continuous coordinates.
CONTINUOUS: dict[str, Any] = {"walk": _walk, "slice": _slice, "differential": _differential}


class Point(NamedTuple):
    """A position of shape (n,), discrete values of shape (m,), and their log density."""

    position: Any
    discrete: Any
    log_density: Any


@dataclass(frozen=True, slots=True)
class Update:
    """An update of some coordinates given all others.

    Attributes
    ----------
    kernel : str
        ``"walk"`` (Metropolis with symmetric jumps), ``"slice"`` or ``"differential"`` (jumps along differences of other chains
        or of the own past) of places in the position; ``"gibbs"`` and ``"integer_walk"`` of places
        in the discrete vector.
    places : tuple of int
        The coordinates.
    settings : tuple of pairs
        Keywords of the kernel.
    """

    kernel: str
    places: tuple[int, ...]
    settings: tuple[tuple[str, Any], ...] = ()

    @property
    def is_continuous(self) -> bool:
        """Whether the places are in the position, not in the discrete vector."""
        return self.kernel in CONTINUOUS

    @property
    def is_of_population(self) -> bool:
        """Whether it needs all chains at once."""
        return ("source", "chains") in self.settings


def gibbs(variables: Sequence[DiscreteVariable]) -> list[Update]:
    """Updates of discrete variables: Gibbs where the values are finitely many, Metropolis elsewhere."""
    finite = [(j, v.lower or 0, v.n_values) for v in variables if v.n_values for j in range(v.start, v.stop)]
    unbounded = tuple(j for v in variables if not v.n_values for j in range(v.start, v.stop))
    found = []
    if finite:
        found.append(Update("gibbs", tuple(f[0] for f in finite), (("coordinates", tuple(finite)),)))
    if unbounded:
        found.append(Update("integer_walk", unbounded))
    return found


def initial_tuning(updates: Sequence[Update], position: np.ndarray, length: int) -> tuple[Any, ...]:
    """What the updates adapt, at the start of a chain whose warm-up has a length."""
    return tuple(
        CONTINUOUS[u.kernel].initial(len(u.places), length, **dict(u.settings)) if u.is_continuous else () for u in updates
    )


def sweep(
    updates: Sequence[Update],
) -> Callable[[Any, Point, tuple[Any, ...], Density, Any], tuple[Point, tuple[Any, ...], Any]]:
    """One round of updates.

    Returns
    -------
    callable
        ``visit(key, point, tuning, log_density, adapting) -> (point, tuning, acceptance_rate)`` with the log density a function of
        position and discrete values; the rate is the mean over the updates.
    """

    def visit(key: Any, point: Point, tuning: tuple[Any, ...], density: Density, adapting: Any) -> Any:
        tuned, rates = [], []
        for i, (update, own) in enumerate(zip(updates, tuning, strict=True)):
            own_key = jax.random.fold_in(key, i)
            if update.is_continuous:
                point, own, rate = _continuous(own_key, point, own, density, adapting, update)
            else:
                point, rate = _discrete(own_key, point, density, update)
            tuned.append(own)
            rates.append(rate)
        return point, tuple(tuned), jnp.mean(jnp.stack(rates))

    return visit


def _continuous(key: Any, point: Point, tuning: Any, density: Density, adapting: Any, update: Update) -> Any:
    places = np.array(update.places)
    x, log_density, tuning, rate = CONTINUOUS[update.kernel].step(
        key,
        point.position[places],
        point.log_density,
        lambda x: density(point.position.at[places].set(x), point.discrete),
        tuning,
        adapting,
        **dict(update.settings),
    )
    return Point(point.position.at[places].set(x), point.discrete, log_density), tuning, rate


def _discrete(key: Any, point: Point, density: Density, update: Update) -> tuple[Point, Any]:
    state = _gibbs.State(point.discrete, point.log_density)

    def of_values(values: Any) -> Any:
        return density(point.position, values)

    if update.kernel == "gibbs":
        coordinates = [_gibbs.Coordinate(*c) for c in dict(update.settings)["coordinates"]]
        state, _ = _gibbs.step(key, state, of_values, coordinates)
        rate = jnp.ones(())
    else:
        state, info = _metropolis.step(key, state, of_values, update.places)
        rate = info.acceptance_rate
    return Point(point.position, state.values, state.log_density), rate
