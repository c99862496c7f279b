"""What a chain carries from step to step, what a call of the program is told, and what it records."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from symjax.sampling._adapt import DualAveraging
from symjax.sampling._hamiltonian import State
from symjax.sampling._hmc import PATH_LENGTH
from symjax.sampling._metric import Metric
from symjax.sampling._updates import Update

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
    tuning : tuple of pytrees
        What each update adapts.
    """

    key: Any
    step: Any
    state: State
    discrete: Any
    metric: Metric
    averaging: DualAveraging
    observations: Any = None
    tuning: tuple[Any, ...] = ()


class Block(NamedTuple):
    """What `advance` records, one row every `Control.thin` steps: positions, discrete values, gradients and `STATISTICS`.

    The statistics are those of the last step, but for what describes trajectories: their mean acceptance rate, greatest depth,
    number of gradients, greatest energy error, and whether any of them diverged.
    """

    positions: Any
    discrete: Any
    gradients: Any
    statistics: Any


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
    """What a program is compiled for, besides its target.

    Attributes
    ----------
    kernel : str
        What moves positions by their gradient, ``"nuts"`` or ``"hmc"``.
    capacity, rank : int
        Greatest tree depth, and the metric's rank.
    path_length : float
        Mean integration time of ``"hmc"``.
    moved : tuple of int or None
        The coordinates that it moves; None is all of them.
    updates : tuple of Update
        What updates discrete variables, and the other coordinates.
    """

    kernel: str
    capacity: int
    rank: int
    path_length: float = PATH_LENGTH
    moved: tuple[int, ...] | None = None
    updates: tuple[Update, ...] = ()
