"""Callbacks with PyMC's arguments: the trace of a chain so far, and its newest draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from symjax.sampling import LogDensity, Report


class Draw(NamedTuple):
    """A draw, as callbacks see it.

    Attributes
    ----------
    chain : int
        Number of the chain.
    is_last : bool
        Whether it is the chain's last.
    draw_idx : int
        Number of the step, those of the warm-up included.
    tuning : bool
        Whether it is one of the warm-up.
    stats : list of dict
        Statistics.
    point : dict of str to array
        Values by the names of the value variables.
    """

    chain: int
    is_last: bool
    draw_idx: int
    tuning: bool
    stats: list[dict[str, float]]
    point: dict[str, np.ndarray]


class ChainTrace:
    """What a chain has drawn so far, the warm-up included.

    Parameters
    ----------
    chain : int
        Number of the chain.
    """

    def __init__(self, chain: int):
        self.chain = chain
        self._points: list[dict[str, np.ndarray]] = []

    def __len__(self) -> int:
        return len(self._points)

    @property
    def varnames(self) -> list[str]:
        """Names of the value variables."""
        return list(self._points[0]) if self._points else []

    def record(self, point: dict[str, np.ndarray]) -> None:
        """Add a draw."""
        self._points.append(point)

    def get_values(self, varname: str, burn: int = 0, thin: int = 1) -> np.ndarray:
        """Draws of a variable, along the first axis."""
        return np.stack([p[varname] for p in self._points[burn::thin]])

    def point(self, idx: int) -> dict[str, np.ndarray]:
        """One draw of all variables."""
        return self._points[idx]

    def __getitem__(self, key: Any) -> Any:
        return self.get_values(key) if isinstance(key, str) else self.point(key)


def reporting(
    callback: Callable[[Any, Draw], Any], target: LogDensity, shapes: dict[str, Any], last: int
) -> Callable[[Report], None]:
    """A callback of the sampler that calls one with PyMC's arguments, ``callback(trace, draw)``.

    Parameters
    ----------
    callback : callable
        The user's.
    target : LogDensity
        What is sampled, in the model's coordinates.
    shapes : dict
        Shapes of the value variables by name.
    last : int
        Number of the last step.
    """
    traces: dict[int, ChainTrace] = {}

    def call(report: Report) -> None:
        trace = traces.setdefault(report.chain, ChainTrace(report.chain))
        parts = [(v, report.position) for v in target.variables] + [(v, report.discrete) for v in target.discrete]
        point = {v.name: np.array(flat[v.start : v.stop]).reshape(shapes[v.name]) for v, flat in parts}
        trace.record(point)
        statistics = [{**report.statistics, "tune": report.tuning}]
        callback(trace, Draw(report.chain, report.index == last, report.index, report.tuning, statistics, point))

    return call
