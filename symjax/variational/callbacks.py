"""Callbacks of a fit: called as ``callback(approx, losses, i)`` after step i; StopIteration ends the fit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np


class Callback:
    """Base of callbacks; any callable of the same arguments serves too.

    Attributes
    ----------
    every : int
        Steps between calls. A fit makes the steps between the calls of its callbacks in one compiled loop.
    """

    every: int = 1

    def __call__(self, approx: Any, losses: Any, i: int) -> None:
        """Look at the fit after step `i`."""
        raise NotImplementedError


def _relative(now: np.ndarray, before: np.ndarray, epsilon: float = 1e-6) -> np.ndarray:
    return (np.abs(now - before) + epsilon) / (np.abs(before) + epsilon)


def _absolute(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    return np.abs(now - before)


_DIFFERENCES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {"relative": _relative, "absolute": _absolute}


class CheckParametersConvergence(Callback):
    """End a fit when its parameters change no more.

    Parameters
    ----------
    every : int
        Steps between checks.
    tolerance : float
        Norm of the change below which the fit ends.
    diff : {"relative", "absolute"}
        How change is measured.
    ord : float
        Which norm, as `numpy.linalg.norm` has it; the greatest change by default.

    Raises
    ------
    ValueError
        If `diff` or `every` is not as described.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     check = pm.callbacks.CheckParametersConvergence(every=50, tolerance=10.0)
    ...     approx = pm.fit(1000, callbacks=[check], random_seed=1, progressbar=False)
    >>> len(approx.hist)
    100
    """

    def __init__(self, every: int = 100, tolerance: float = 1e-3, diff: str = "relative", ord: float = np.inf):
        if diff not in _DIFFERENCES:
            raise ValueError(f"diff must be one of {list(_DIFFERENCES)}, got {diff!r}.")
        if every < 1:
            raise ValueError(f"every must be at least 1, got {every}.")
        self._difference = _DIFFERENCES[diff]
        self.every, self.tolerance, self.ord = every, tolerance, ord
        self._before: np.ndarray | None = None

    def __call__(self, approx: Any, losses: Any, i: int) -> None:
        """Compare with the parameters of the last check.

        Raises
        ------
        StopIteration
            If they are the same within the tolerance.
        """
        if i % self.every:
            return
        now = np.concatenate([np.ravel(p.get_value()) for p in approx.params])
        before, self._before = self._before, now
        if before is not None and np.linalg.norm(self._difference(now, before), self.ord) < self.tolerance:
            raise StopIteration(f"the parameters converged at step {i}")


class Tracker(Callback):
    """Record something after each step.

    Parameters
    ----------
    **kwargs
        What to record by name: functions of nothing, or of ``(approx, losses, i)``.

    Attributes
    ----------
    hist : dict of str to list
        What was recorded.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> tracker = pm.callbacks.Tracker(loss=lambda approx, losses, i: losses[-1])
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     approx = pm.fit(20, callbacks=[tracker], random_seed=1, progressbar=False)
    >>> len(tracker["loss"])
    20
    """

    def __init__(self, **kwargs: Callable[..., Any]):
        self.whatchdict = kwargs
        self.hist: dict[str, list[Any]] = defaultdict(list)

    def __call__(self, approx: Any, losses: Any, i: int) -> None:
        """Record."""
        for name, function in self.whatchdict.items():
            try:
                found = function()
            except TypeError:
                found = function(approx, losses, i)
            self.hist[name].append(found)

    record = __call__

    def clear(self) -> None:
        """Forget what was recorded."""
        self.hist.clear()

    def __getitem__(self, name: str) -> list[Any]:
        return self.hist[name]
