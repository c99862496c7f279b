"""What a distribution is held against: the type of the rows of the tables of cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: Probabilities whose quantiles are the points of comparison where a row names no points.
LEVELS = np.array([1e-9, 1e-4, 0.01, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.99, 0.9999, 1 - 1e-9])
#: The same where a bound of the support is so near that rounding the point itself moves its tail.
NEAR = np.array([1e-5, 1e-3, *LEVELS[2:-2], 0.999, 1 - 1e-5])
#: Tail probabilities at which log cdfs are compared.
FAR = np.array([1e-250, 1e-100, 1e-30, 1e-15])


@dataclass(frozen=True)
class Row:
    """What a distribution is held against.

    Attributes
    ----------
    distribution : Distribution
        ``R.Normal``.
    reference : callable
        Canonical parameters to a frozen `scipy.stats` distribution, or to any object with ``logpdf`` (``logpmf`` if discrete)
        and, as far as it knows them, ``logcdf``, ``logsf``, ``ppf``, ``isf``, ``mean``, ``var``.
    sets : sequence of tuple
        Canonical parameter values in order; arrays make batches.
    same : sequence of (dict, tuple)
        Keywords of an alternative parametrisation, and the canonical values that they mean.
    outside : callable or None
        Canonical parameters to a list of values outside the support, each broadcastable to batch + event.
    bad : sequence of (dict, str)
        Keywords with a value that is not allowed, and the name of the parameter that the error must give.
    points : callable or None
        Canonical parameters to values of shape ``(n, *batch, *event)`` inside the support; quantiles of the reference if None.
    pymc : callable or None
        Canonical parameters to keywords for PyMC's distribution of the same name; the canonical names if None.
    levels : array
        Probabilities of the points.
    far : bool
        Whether the reference is right far out in the tails, where it is asked at `FAR` from both ends.
    moments, cdf, quantiles, draws, integrates : bool
        Whether there are such things to test.
    """

    distribution: Any
    reference: Callable[..., Any]
    sets: Sequence[tuple[Any, ...]]
    same: Sequence[tuple[dict[str, Any], tuple[Any, ...]]] = ()
    outside: Callable[..., Sequence[Any]] | None = None
    bad: Sequence[tuple[dict[str, Any], str]] = ()
    points: Callable[..., Any] | None = None
    pymc: Callable[..., dict[str, Any]] | None = None
    levels: Any = field(default_factory=lambda: LEVELS)
    far: bool = True
    moments: bool = True
    cdf: bool = True
    quantiles: bool = True
    draws: bool = True
    integrates: bool = True


def array(*values: float) -> np.ndarray:
    return np.array(values)
