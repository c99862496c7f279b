"""Selections and sums by place in JAX, as slices and shifts where the places are regular."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

#: Up to so many contributions times places a sum by place is a matrix product, which is faster than a scatter.
_MATRIX_SUM = 20_000
_MAX_RUNS = 6


def _runs(index: np.ndarray) -> list[tuple[int, int, int]] | None:
    """An array of places as few stretches (position, first, step) of equal steps; None if there are many."""
    found, k = [], 0
    steps = np.diff(index)
    while k < len(index):
        if len(found) == _MAX_RUNS:
            return None
        step = int(steps[k]) if k < len(steps) and steps[k] > 0 else 1
        stops = np.flatnonzero(steps[k:] != step)
        found.append((k, int(index[k]), step))
        k = k + int(stops[0]) + 1 if len(stops) else len(index)
    return found


def taken(x: Any, index: np.ndarray) -> Any:
    """``x[index]``, by slices where the index is regular."""
    runs = _runs(index)
    if runs is None:
        return x[index]
    stops = [r[0] for r in runs[1:]] + [len(index)]
    parts = [x[first : first + (stop - at - 1) * step + 1 : step] for (at, first, step), stop in zip(runs, stops)]
    return parts[0] if len(parts) == 1 else jnp.concatenate([x[:0], *parts])


def add_at(target: Any, index: np.ndarray, values: Any) -> Any:
    """`target` with rows of `values` added at `index`, by shifts where the index is regular."""
    n = target.shape[0]
    runs = _runs(index)
    if runs is not None:
        for (at, first, step), stop in zip(runs, [r[0] for r in runs[1:]] + [len(index)]):
            high = n - first - (stop - at - 1) * step - 1
            rows = values[at:stop]
            zero = jnp.zeros((), values.dtype)
            target = target + jax.lax.pad(rows, zero, [(first, high, step - 1), *[(0, 0, 0)] * (rows.ndim - 1)])
        return target
    if len(index) * n <= _MATRIX_SUM:
        chooser = np.zeros((n, len(index)))
        chooser[index, np.arange(len(index))] = 1.0
        return target + jnp.asarray(chooser, values.dtype) @ values
    return target.at[index].add(values)
