"""A likelihood's rows and their cells: sums over rows are taken a block at a time, so that they take no memory of rows' size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import constant
from symjax.random._distribution import require
from symjax.random.posterior._cell_sums import CellSums, blocks
from symjax.random.posterior._cells import Cells
from symjax.random.posterior._joint import Factor, law_factor
from symjax.random.posterior._refused import Refused


@dataclass(frozen=True, slots=True)
class Part:
    """A block of rows.

    Attributes
    ----------
    y : array (block,) or (block, *event)
        Observations.
    e : array (block,) or float
        Exposures.
    data : dict of str to array (block,)
        Parameters that are data.
    at : slice
        Which rows these are.
    """

    y: np.ndarray
    e: Any
    data: dict[str, np.ndarray]
    at: slice


#: An expression of blocks of rows.
ByRow = Callable[[Part], Any]


@dataclass(frozen=True, slots=True)
class Reduction:
    """The rows of a likelihood and their cells.

    Attributes
    ----------
    name : str
        Name of the likelihood.
    y : array (rows,) or (rows, *event)
        Observations.
    cells : Cells
        Rows with the same parameters.
    sums : CellSums or None
        What sums over cells; None if there is one cell.
    parameters : dict of str to Tensor
        Parameters by cell, of shape ``(cells,)`` or (); for parameters that are exposures only their common part.
    exposure : array (rows,) or None
        What a parameter is multiplied by in each row.
    data : dict of str to array (rows,)
        Parameters that are data and do not tell cells apart.
    conditions : list of Tensor
        What the other parameters have to satisfy.
    """

    name: str
    y: np.ndarray
    cells: Cells
    sums: CellSums | None
    parameters: dict[str, Any]
    exposure: np.ndarray | None
    data: dict[str, np.ndarray]
    conditions: list[Any]

    @property
    def n(self) -> Any:
        """Rows in each cell."""
        return self.cells.counts[0] if self.cells.codes is None else self.cells.counts

    def parts(self) -> Iterator[Part]:
        """The rows in blocks."""
        for at in blocks(len(self.y)):
            e = 1.0 if self.exposure is None else self.exposure[at]
            yield Part(self.y[at], e, {k: v[at] for k, v in self.data.items()}, at)

    def check(self, holds: ByRow) -> None:
        """Decline unless something holds for all rows."""
        if not all(np.all(holds(part)) for part in self.parts()):
            raise Refused("some observations are outside of its support")

    def sum(self, fn: ByRow) -> float:
        """A sum over all rows."""
        return float(sum(np.sum(np.broadcast_to(fn(part), part.y.shape), dtype=np.float64) for part in self.parts()))

    def total(self, fn: ByRow = lambda part: part.y) -> np.ndarray:
        """Sums over the rows of each cell: shape ``(cells, *event)``, without the first axis if there is one cell."""
        event = self.y.shape[1:] if np.ndim(fn(next(self.parts()))) > 1 else ()
        if self.sums is None:
            return sum((np.sum(_whole_part(fn(p), p), axis=0, dtype=np.float64) for p in self.parts()), np.zeros(event))
        found = np.zeros((*event, self.cells.size))
        for part in self.parts():
            self.sums.start(part.at)
            x = _whole_part(fn(part), part)
            for place in np.ndindex(event):
                self.sums.add(x[:, *place], found[place])
        return np.moveaxis(found, -1, 0)

    def tally(self, size: int) -> np.ndarray:
        """How often each whole number below `size` occurs in each cell: shape ``(cells, size)``."""
        counts = np.zeros(self.cells.size * size, np.int64)
        for part in self.parts():
            places = part.y.astype(np.int64)
            if self.cells.codes is not None:
                places += self.cells.codes[part.at] * size
            np.add.at(counts, places, 1)
        return counts.reshape(self.cells.size, size)

    def term(self, expression: Any, *conditions: Any) -> Factor:
        """A factor that is no law: −inf for parameters that are not allowed."""
        # a condition must not repeat a sum that is already taken
        all_of = [c if c.size == 1 or c.shape == expression.shape else T.all(c) for c in (*self.conditions, *conditions)]
        return Factor(self.name, require(expression, *all_of))

    def constant(self, value: Any) -> Factor:
        """A factor that is a number."""
        return Factor(self.name, constant(np.float64(value)))

    def law(self, law: Any, value: Any) -> Factor:
        """A factor that is a law."""
        return law_factor(self.name, law, constant(value))


def _whole_part(x: Any, part: Part) -> np.ndarray:
    return x if np.ndim(x) > 1 else np.broadcast_to(x, part.y.shape[:1])
