"""What samplers see of a model: a log density of a flat position, with the data as an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from symjax.sampling._frame import Frame


@dataclass(frozen=True, slots=True)
class FlatVariable:
    """Where a continuous variable lies in the flat position.

    Attributes
    ----------
    name : str
        Name of the variable on the unconstrained space.
    start, stop : int
        Its slice.
    """

    name: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class DiscreteVariable:
    """Where a discrete variable lies in the discrete vector.

    Attributes
    ----------
    name : str
        Name of the variable.
    start, stop : int
        Its slice.
    lower : int or None
        Least value; None if unbounded below.
    n_values : int or None
        Number of values, ``lower`` to ``lower + n_values - 1``; None if unbounded.
    """

    name: str
    start: int
    stop: int
    lower: int | None = None
    n_values: int | None = None


@dataclass(frozen=True, slots=True)
class LogDensity:
    """Unnormalised log density.

    Attributes
    ----------
    function : callable
        ``function(position, discrete, data) -> scalar`` in JAX: `position` of shape ``(size,)``, `discrete` an int64 vector.
    data : pytree of arrays
        Passed to `function`, so that it is never a constant of a compiled program.
    size : int
        Length of the position.
    variables : tuple of FlatVariable
        Layout of the position.
    discrete : tuple of DiscreteVariable
        Layout of the discrete vector.
    terms : callable or None
        ``terms(position, discrete, data) -> dict`` of the density's terms by name, for messages.
    frame : Frame or None
        Coordinates to settle in warm-up: then the data of `function` and `terms` is the pair ``(data, Observations)`` and the
        position is in these coordinates, while starts and draws are positions of the model.
    draws : bool
        Whether the density is an estimate from minibatches, or simulations, that are drawn at each evaluation: then the data of
        `function` and `terms` is the pair ``(data, key)``. Of the samplers, only sequential Monte Carlo takes such a density.
    """

    function: Callable[[Any, Any, Any], Any]
    data: Any
    size: int
    variables: tuple[FlatVariable, ...] = ()
    discrete: tuple[DiscreteVariable, ...] = ()
    terms: Callable[[Any, Any, Any], dict[str, Any]] | None = None
    frame: Frame | None = None
    draws: bool = False

    @property
    def discrete_size(self) -> int:
        """Length of the discrete vector."""
        return max((d.stop for d in self.discrete), default=0)
