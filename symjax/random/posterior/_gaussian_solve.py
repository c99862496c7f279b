"""Elimination of a sparse Gaussian system in JAX: its integral, and exact draws of its unknowns.

The integrand is ``exp(-|A x + c|² / 2)`` for n unknowns x. With ``Λ = AᵀA`` its integral over x is
``(2π)^(n/2) |Λ|^(-1/2) exp(-(|c|² - cᵀA Λ⁻¹ Aᵀc) / 2)``, and under it x is Normal with precision Λ and mean ``-Λ⁻¹ Aᵀc``
(Rue and Held, Gaussian Markov Random Fields, 2005, section 2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from symjax.core._op import Aval, Operator
from symjax.random.posterior._gaussian_forms import CONSTANT, Form
from symjax.random.posterior._gaussian_gram import Layout, row_pairs
from symjax.random.posterior._gaussian_plan import Plan
from symjax.random.posterior._gaussian_scales import Scale

#: Up to so many contributions times places a sum by place is a matrix product, which is faster than a scatter.
_MATRIX_SUM = 20_000
_MAX_RUNS = 6


@dataclass(frozen=True, eq=False)
class RuntimeRows:
    """Rows whose entries are computed at run time.

    Attributes
    ----------
    parts : tuple of (numbers, index of the scale, index of the symbol or None, places)
        Entries, part by part.
    size : int
        Number of rows.
    tail, tail_at : array of int
        Entries of the tail and the constant, and their places in the flattened matrix of rows and border columns.
    inner, inner_row, inner_at : array of int
        Entries of the interior with their rows and places.
    left, right, pair_at, weight : array
        Pairs of entries of the interior in one row, the place that their product goes to, and how often it counts.
    """

    parts: tuple[tuple[np.ndarray, int, int | None, Any], ...]
    size: int
    tail: np.ndarray
    tail_at: np.ndarray
    inner: np.ndarray
    inner_row: np.ndarray
    inner_at: np.ndarray
    left: np.ndarray
    right: np.ndarray
    pair_at: np.ndarray
    weight: np.ndarray


def runtime_rows(form: Form, layout: Layout, scales: list[Scale], symbols: list[Any]) -> RuntimeRows:
    """What run time needs of a form; `scales` and `symbols` are extended by what it uses."""
    parts = []
    for p in form.parts:
        if p.scale not in scales:
            scales.append(p.scale)
        index = None
        if p.symbol is not None:
            index = next((k for k, s in enumerate(symbols) if s is p.symbol), None)
            if index is None:
                index = len(symbols)
                symbols.append(p.symbol)
        parts.append((p.numbers, scales.index(p.scale), index, p.places))
    rows = np.concatenate([p.rows for p in form.parts])
    cols = np.concatenate([p.cols for p in form.parts])
    cols = np.where(cols == CONSTANT, layout.plan.size, cols)
    inside = layout.inside[cols]
    tail, inner = np.flatnonzero(~inside), np.flatnonzero(inside)
    first, second = row_pairs(rows[inner])
    first, second = inner[first], inner[second]
    left, right = np.concatenate([inner, first]), np.concatenate([inner, second])
    weight = np.where((cols[left] == cols[right]) & (left != right), 2.0, 1.0)
    at = layout.positions(cols[left], cols[right])
    tail_at = rows[tail] * layout.width + layout.place[cols[tail]]
    return RuntimeRows(
        tuple(parts), form.size, tail, tail_at, inner, rows[inner], layout.place[cols[inner]], left, right, at, weight
    )


@dataclass(frozen=True, eq=False)
class Solver:
    """All that is fixed about a system: its layout and the rows that are computed at run time."""

    layout: Layout
    rows: tuple[RuntimeRows, ...]
    n_pure: int
    n_scales: int


class _System(NamedTuple):
    """Values of a system: diagonal and edges of the interior, border and corner."""

    diagonal: Any
    edges: Any
    border: Any
    corner: Any


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


def _taken(x: Any, index: np.ndarray) -> Any:
    """``x[index]``, by slices where the index is regular."""
    runs = _runs(index)
    if runs is None:
        return x[index]
    stops = [r[0] for r in runs[1:]] + [len(index)]
    parts = [x[first : first + (stop - at - 1) * step + 1 : step] for (at, first, step), stop in zip(runs, stops)]
    return parts[0] if len(parts) == 1 else jnp.concatenate([x[:0], *parts])


def _add_at(target: Any, index: np.ndarray, values: Any) -> Any:
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


def _assembled(solver: Solver, numbers: Any, scales: Any, runtime: Sequence[Any], symbols: Sequence[Any]) -> _System:
    layout = solver.layout
    m, e, b = len(layout.plan.interior), layout.plan.n_edges, layout.width
    flat = numbers @ scales
    cuts = np.cumsum([m, e, m * b])
    diagonal, edges, border, corner = jnp.split(flat, cuts)
    border, corner = border.reshape(m, b), corner.reshape(b, b)
    for rows in solver.rows:
        values = jnp.concatenate([
            n * runtime[k] * (1.0 if s is None else jnp.ravel(symbols[s])[places]) for n, k, s, places in rows.parts
        ])  # fmt: skip
        tail = jnp.zeros(rows.size * b, values.dtype).at[rows.tail_at].add(values[rows.tail]).reshape(rows.size, b)
        corner = corner + tail.T @ tail
        if len(rows.inner):
            border = _add_at(border, rows.inner_at, values[rows.inner][:, None] * tail[rows.inner_row])
            products = rows.weight * values[rows.left] * values[rows.right]
            diagonal = _add_at(diagonal, rows.pair_at[rows.pair_at < m], products[rows.pair_at < m])
            edges = _add_at(edges, rows.pair_at[rows.pair_at >= m] - m, products[rows.pair_at >= m])
    return _System(diagonal, edges, border, corner)


class _Pivot(NamedTuple):
    """What back substitution needs of a level: its diagonal, edges and border when it was eliminated."""

    diagonal: Any
    edges: Any
    border: Any


def _eliminated(plan: Plan, system: _System) -> tuple[Any, Any, list[_Pivot]]:
    """The dense system that the levels leave, the log determinant of what they eliminate, and its pivots."""
    diagonal, edges, border, corner = system
    log_det = jnp.zeros((), corner.dtype)
    pivots = []
    for level in plan.levels:
        d, v, b = _taken(diagonal, level.chosen), _taken(edges, level.edges), _taken(border, level.chosen)
        pivots.append(_Pivot(d, v, b))
        diagonal, border = _taken(diagonal, level.kept), _taken(border, level.kept)
        scaled = b / d[:, None]
        corner = corner - b.T @ scaled
        log_det = log_det + jnp.log(d).sum()
        others = _taken(edges, level.kept_edges)
        edges = _add_at(jnp.zeros(level.n_edges, d.dtype), level.kept_at, others) if len(others) < level.n_edges else others
        if not len(level.edges):
            continue
        w = v / _taken(d, level.source)
        diagonal = _add_at(diagonal, level.target, -v * w)
        border = _add_at(border, level.target, -v[:, None] * _taken(scaled, level.source))
        if len(level.filled):
            edges = _add_at(edges, level.filled, -_taken(w, level.left) * _taken(v, level.right))
    if len(plan.left):
        corner = jnp.block([[_dense(diagonal, edges, plan.rest), border], [border.T, corner]])
    return corner, log_det, pivots


def _dense(diagonal: Any, edges: Any, ends: np.ndarray) -> Any:
    """The symmetric matrix with a diagonal and some other elements."""
    n = diagonal.shape[0]
    matrix = diagonal[:, None] * np.eye(n)
    if len(ends):
        chooser = np.zeros((n * n, len(ends)))
        for i, j in (ends.T, ends.T[::-1]):
            chooser[i * n + j, np.arange(len(ends))] = 1.0
        matrix = matrix + (jnp.asarray(chooser, edges.dtype) @ edges).reshape(n, n)
    return matrix


def _dense_parts(matrix: Any) -> tuple[Any, Any, Any]:
    """The integral of a dense system ``[[Λ, s], [sᵀ, k]]``, the inverse of Λ and minus the mean."""
    b = matrix.shape[0] - 1
    inner, side = matrix[:b, :b], matrix[:b, b]
    if b < 2:
        inverse, log_det = 1 / inner, jnp.log(inner).sum()
        mean = (inverse @ side[:, None])[:, 0] if b else side
    else:
        factor = jnp.linalg.cholesky(inner, symmetrize_input=False)
        whiten = jax.lax.linalg.triangular_solve(factor, jnp.eye(b, dtype=matrix.dtype), left_side=True, lower=True)
        # a masked sum, since the gather of a diagonal is slow on CPUs
        diagonal = (factor * np.eye(b)).sum(0)
        inverse, log_det = whiten.T @ whiten, 2 * jnp.log(diagonal).sum()
        mean = whiten.T @ (whiten @ side)
    return -0.5 * (log_det + matrix[b, b] - side @ mean), inverse, mean


@jax.custom_jvp
def _dense_integral(matrix: Any) -> Any:
    """``-(log |Λ| + k - sᵀΛ⁻¹s) / 2``."""
    return _dense_parts(matrix)[0]


@_dense_integral.defjvp
def _dense_integral_jvp(primals: Any, tangents: Any) -> Any:
    """By Fisher's identity the derivative with respect to the matrix is minus half the second moments of (x, 1)."""
    value, inverse, mean = _dense_parts(primals[0])
    u = jnp.concatenate([-mean, jnp.ones(1, mean.dtype)])
    moments = u[:, None] * u + jnp.pad(inverse, ((0, 1), (0, 1)))
    return value, -0.5 * (moments * tangents[0]).sum()


def _integral(numbers: Any, scales: Any, *rest: Any, solver: Solver) -> Any:
    """``-(log |Λ| + |c|² - cᵀA Λ⁻¹ Aᵀc) / 2``."""
    system = _assembled(solver, numbers, scales, rest[: solver.n_scales], rest[solver.n_scales :])
    corner, log_det, _ = _eliminated(solver.layout.plan, system)
    return _dense_integral(corner) - 0.5 * log_det


def _drawn(noise: Any, numbers: Any, scales: Any, *rest: Any, solver: Solver) -> Any:
    """Unknowns for standard Normal `noise`, by back substitution."""
    plan = solver.layout.plan
    system = _assembled(solver, numbers, scales, rest[: solver.n_scales], rest[solver.n_scales :])
    corner, _, pivots = _eliminated(plan, system)
    b, n_left = corner.shape[0] - 1, len(plan.left)
    dense = jnp.zeros(0, corner.dtype)
    if b:
        factor = jnp.linalg.cholesky(corner[:b, :b], symmetrize_input=False)
        y = jax.lax.linalg.triangular_solve(factor, corner[:b, b:], left_side=True, lower=True)
        z = noise[:b, None] - y
        dense = jax.lax.linalg.triangular_solve(factor, z, left_side=True, lower=True, transpose_a=True)[:, 0]
    found, tail = dense[:n_left], dense[n_left:]
    used = b
    for level, (d, v, border) in zip(reversed(plan.levels), reversed(pivots), strict=True):
        n = len(level.chosen)
        total = border[:, :-1] @ tail + border[:, -1]
        if len(level.source):
            total = _add_at(total, level.source, v * _taken(found, level.target))
        own = noise[used : used + n] / jnp.sqrt(d) - total / d
        used += n
        found = jnp.zeros(n + found.shape[0], own.dtype).at[level.chosen].set(own).at[level.kept].set(found)
    order = np.argsort(np.concatenate([plan.interior, plan.tail]))
    return jnp.concatenate([found, tail])[order]


def _infer_integral(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    return Aval((), avals[0].dtype, False)


def _infer_drawn(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    return Aval(avals[0].shape, avals[0].dtype, False)


#: ``integral(numbers, scales, *scales of run-time rows, *symbols, solver=)``: log of the integral, less n/2 log 2π.
INTEGRAL = Operator("gaussian_integral", _integral, _infer_integral)
#: ``drawn(noise, numbers, scales, ..., solver=)``: the unknowns.
DRAWN = Operator("gaussian_draw", _drawn, _infer_drawn)
