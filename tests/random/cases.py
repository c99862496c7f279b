"""One row per distribution: what it is compared with. A row buys every test of `test_distributions.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats as st

import symjax.random as R

#: Probabilities whose quantiles are the points of comparison where a row names no points.
LEVELS = np.array([1e-9, 1e-4, 0.01, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.99, 0.9999, 1 - 1e-9])


@dataclass(frozen=True)
class Row:
    """What a distribution is held against.

    Attributes
    ----------
    distribution : Distribution
        ``R.Normal``.
    reference : callable
        Canonical parameters to a frozen `scipy.stats` distribution, or to any object with ``logpdf`` (``logpmf`` if discrete)
        and, as far as it knows them, ``logcdf``, ``logsf``, ``ppf``, ``mean``, ``var``; what it lacks is not compared.
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
    moments, quantiles, draws : bool
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
    levels: Any = None
    moments: bool = True
    quantiles: bool = True
    draws: bool = True


def _array(*values: float) -> np.ndarray:
    return np.array(values)


NORMAL = Row(
    R.Normal,
    lambda mu, sigma: st.norm(mu, sigma),
    [(0.0, 1.0), (-3.0, 1e-3), (_array(0.0, 5.0, -1e3), _array(1.0, 2.0, 1e4))],
    same=[({"mu": 1.0, "tau": 4.0}, (1.0, 0.5)), ({"mu": 2.0}, (2.0, 1.0)), ({}, (0.0, 1.0))],
    bad=[({"mu": 0.0, "sigma": -1.0}, "sigma"), ({"sigma": np.array([1.0, 0.0])}, "sigma"), ({"mu": np.nan}, "mu")],
)

HALF_NORMAL = Row(
    R.HalfNormal,
    lambda sigma: st.halfnorm(0.0, sigma),
    [(1.0,), (1e-3,), (_array(0.5, 2.0, 1e4),)],
    same=[({"tau": 4.0}, (0.5,)), ({}, (1.0,))],
    outside=lambda sigma: [-1e-3, -np.inf],
    bad=[({"sigma": -1.0}, "sigma")],
)

ROWS: list[Row] = [NORMAL, HALF_NORMAL]
