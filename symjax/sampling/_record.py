"""Where draws go: arrays for all chains, made at the start and filled block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symjax.sampling._chain_state import STATISTICS, Block

_COUNTS = ("tree_depth", "n_steps", "index_in_trajectory")


@dataclass
class Samples:
    """Draws of all chains.

    Attributes
    ----------
    positions : array, shape (chains, draws, n)
        Flat positions.
    discrete : int64 array, shape (chains, draws, m)
        Discrete variables.
    statistics : dict of str to array, shape (chains, draws)
        Sample statistics with PyMC's names, of all steps that a draw stands for: the mean acceptance rate, the greatest depth, the
        number of gradients, whether any diverged; the rest is of the last step.
    thin : int array, shape (chains,)
        Steps a draw.
    warmup_positions, warmup_discrete, warmup_statistics
        The same of the warm-up steps; None if they were not kept.
    sampling_seconds : float
        Wall time of warm-up and sampling, without compiling.
    compile_seconds : float
        Wall time of compiling.
    interrupted : bool
        Whether the run was stopped; then `draws` may be fewer than asked for, and chains that had too few are left out.
    """

    positions: np.ndarray
    discrete: np.ndarray
    statistics: dict[str, np.ndarray]
    thin: np.ndarray
    warmup_positions: np.ndarray | None = None
    warmup_discrete: np.ndarray | None = None
    warmup_statistics: dict[str, np.ndarray] | None = None
    sampling_seconds: float = 0.0
    compile_seconds: float = 0.0
    interrupted: bool = False


class Phase:
    """The steps of all chains in warm-up, or after it.

    Attributes
    ----------
    positions, discrete, gradients, statistics : array, shape (chains, length, ·)
        What was recorded; gradients only if asked for, else of length 0.
    done : list of int
        How many rows each chain has.
    thin : int array, shape (chains,)
        How many steps a row of each chain stands for.
    """

    def __init__(self, chains: int, length: int, size: int, discrete: int, *, gradients: bool):
        self.length = length
        self.positions = np.empty((chains, length, size))
        self.discrete = np.empty((chains, length, discrete), np.int64)
        self.gradients = np.empty((chains, length if gradients else 0, size))
        self.statistics = np.empty((chains, length, len(STATISTICS)))
        self.done = [0] * chains
        self.thin = np.ones(chains, int)

    def add(self, chain: int, block: Block, n: int) -> None:
        """Record the first `n` rows of a chain's block."""
        rows = slice(self.done[chain], self.done[chain] + n)
        self.positions[chain, rows] = block.positions[:n]
        self.discrete[chain, rows] = block.discrete[:n]
        self.statistics[chain, rows] = block.statistics[:n]
        if self.gradients.shape[1]:
            self.gradients[chain, rows] = block.gradients[:n]
        self.done[chain] += n

    def table(self, chains: Any, length: int, max_depth: int) -> dict[str, np.ndarray]:
        """The first `length` statistics of some chains by name."""
        values = self.statistics[chains, :length]
        found: dict[str, np.ndarray] = {name: np.ascontiguousarray(values[..., i]) for i, name in enumerate(STATISTICS)}
        found |= {name: found[name].astype(np.int64) for name in _COUNTS}
        found["diverging"] = found["diverging"].astype(bool)
        found["reached_max_treedepth"] = (found["tree_depth"] >= max_depth) & ~found["diverging"]
        return found


def collect(warmup: Phase, drawn: Phase, max_depth: int, *, keep_warmup: bool, interrupted: bool) -> Samples:
    """The result of a run; after an interrupt, of those chains and that many draws that keep most draws in all.

    Raises
    ------
    KeyboardInterrupt
        If the run was interrupted before any chain's first draw.
    """
    length, kept = drawn.length, slice(None)
    if interrupted:
        done = np.array(drawn.done)
        order = np.argsort(-done, kind="stable")
        best = int(np.argmax(done[order] * np.arange(1, len(order) + 1)))
        length, kept = int(done[order[best]]), np.sort(order[: best + 1])
        if length == 0:
            raise KeyboardInterrupt("sampling was interrupted before the first draw")
    samples = Samples(
        positions=drawn.positions[kept, :length],
        discrete=drawn.discrete[kept, :length],
        statistics=drawn.table(kept, length, max_depth),
        thin=drawn.thin[kept],
        interrupted=interrupted,
    )
    samples.statistics["tune"] = np.zeros(samples.positions.shape[:2], bool)
    if keep_warmup:
        samples.warmup_positions = warmup.positions[kept]
        samples.warmup_discrete = warmup.discrete[kept]
        samples.warmup_statistics = warmup.table(kept, warmup.length, max_depth)
        samples.warmup_statistics["tune"] = np.ones(samples.warmup_positions.shape[:2], bool)
    return samples
