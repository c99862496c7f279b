"""Elimination of a sparse Gaussian system in JAX: its integral, and exact draws of its unknowns.

The integrand is ``exp(-|A x + c|² / 2)`` for n unknowns x. With ``Λ = AᵀA`` its integral over x is
``(2π)^(n/2) |Λ|^(-1/2) exp(-(|c|² - cᵀA Λ⁻¹ Aᵀc) / 2)``, and under it x is Normal with precision Λ and mean ``-Λ⁻¹ Aᵀc``
(Rue and Held, Gaussian Markov Random Fields, 2005, section 2.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from symjax.core._op import Aval, Operator
from symjax.random.posterior._gaussian_forms import CONSTANT, Form
from symjax.random.posterior._gaussian_gram import Layout, row_pairs
from symjax.random.posterior._gaussian_pairs import Pairs, rotated
from symjax.random.posterior._gaussian_places import add_at, taken
from symjax.random.posterior._gaussian_plan import Plan
from symjax.random.posterior._gaussian_residual import ResidualPart, sum_of_squares
from symjax.random.posterior._gaussian_scales import Scale

#: Error up to which an integral is given.
_TOLERANCE = 1e-6
#: Levels, and unknowns that are solved together, up to which a system is shallow.
_SHALLOW, _FEW = 2, 8
#: Unknowns that are solved together without calling a library.
_SWEPT = 4
#: Multiplications up to which a product of matrices is written out.
_WRITTEN_OUT = 2_000


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
    residuals: tuple[tuple[ResidualPart, ...], ...]
    pairs: Pairs | None

    @property
    def is_shallow(self) -> bool:
        """Whether elimination is so short that the minimum can be had from it, without going back to the rows."""
        plan = self.layout.plan
        return len(plan.levels) <= _SHALLOW and not len(plan.left) and len(plan.tail) <= _FEW


class _System(NamedTuple):
    """Values of a system: diagonal and edges of the interior, border and corner.

    `size` is what the diagonals of interior and corner are sums of, all counted as positive: rounding errors are relative to it.
    """

    diagonal: Any
    edges: Any
    border: Any
    corner: Any
    size: Any


def _assembled(solver: Solver, flat: Any, *rest: Any) -> _System:
    layout, runtime, symbols = solver.layout, rest[: solver.n_scales], rest[solver.n_scales :]
    m, e, b = len(layout.plan.interior), layout.plan.n_edges, layout.width
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
            border = add_at(border, rows.inner_at, values[rows.inner][:, None] * tail[rows.inner_row])
            products = rows.weight * values[rows.left] * values[rows.right]
            diagonal = add_at(diagonal, rows.pair_at[rows.pair_at < m], products[rows.pair_at < m])
            edges = add_at(edges, rows.pair_at[rows.pair_at >= m] - m, products[rows.pair_at >= m])
    tail_size = (corner * np.eye(b)).sum(0)
    if solver.pairs is not None:
        left, sizes = rotated(solver.pairs, runtime)
        corner, tail_size = corner + _crossed(left, left), tail_size + (sizes * sizes).sum(0)
    size = jnp.concatenate([diagonal, tail_size])
    return _System(diagonal, edges, border, corner, jax.lax.stop_gradient(size))


class _Pivot(NamedTuple):
    """What back substitution needs of a level: its diagonal, edges and border when it was eliminated."""

    diagonal: Any
    edges: Any
    border: Any


class _Eliminated(NamedTuple):
    """What the levels leave: a dense system and its diagonal before elimination, and what they found.

    `loss` is the sum over the pivots of how many times smaller than before elimination each is.
    """

    corner: Any
    before: Any
    log_det: Any
    loss: Any
    pivots: list[_Pivot]


def _eliminated(plan: Plan, pairs: Pairs | None, system: _System) -> _Eliminated:
    diagonal, edges, border, corner, size = system
    log_det = loss = jnp.zeros((), corner.dtype)
    before, tail_before = size[: len(diagonal)], size[len(diagonal) : -1]
    pivots = []
    for number, level in enumerate(plan.levels):
        d, v, b = taken(diagonal, level.chosen), taken(edges, level.edges), taken(border, level.chosen)
        pivots.append(_Pivot(d, v, b))
        loss = loss + (taken(before, level.chosen) / jax.lax.stop_gradient(d)).sum()
        diagonal, border, before = (taken(x, level.kept) for x in (diagonal, border, before))
        scaled = b / d[:, None]
        if number or pairs is None:
            corner = corner - _crossed(b, scaled)
        elif pairs.others.any():
            corner = corner - _crossed(pairs.others[:, None] * b, scaled)
        log_det = log_det + jnp.log(d).sum()
        others = taken(edges, level.kept_edges)
        edges = add_at(jnp.zeros(level.n_edges, d.dtype), level.kept_at, others) if len(others) < level.n_edges else others
        if not len(level.edges):
            continue
        w = v / taken(d, level.source)
        diagonal = add_at(diagonal, level.target, -v * w)
        border = add_at(border, level.target, -v[:, None] * taken(scaled, level.source))
        if len(level.filled):
            edges = add_at(edges, level.filled, -taken(w, level.left) * taken(v, level.right))
    if len(plan.left):
        corner = jnp.block([[_dense(diagonal, edges, plan.rest), border], [border.T, corner]])
    return _Eliminated(corner, jnp.concatenate([before, tail_before]), log_det, loss, pivots)


def _crossed(a: Any, b: Any) -> Any:
    """``aᵀ b``. Small ones are written out: XLA calls a library for a product, and compiles the loop around a call in pieces."""
    return (a[:, :, None] * b[:, None, :]).sum(0) if a.shape[1] * b.size <= _WRITTEN_OUT else a.T @ b


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


def _factored(matrix: Any) -> tuple[Any, Any, Any]:
    """Of a positive definite matrix the log determinant, the inverse of its Cholesky factor and that factor's squared diagonal."""
    b = len(matrix)
    if b < 2:
        return jnp.log(matrix).sum(), 1 / jnp.sqrt(matrix), matrix[:, 0] if b else jnp.zeros(0, matrix.dtype)
    factor = jnp.linalg.cholesky(matrix, symmetrize_input=False)
    whiten = jax.lax.linalg.triangular_solve(factor, jnp.eye(b, dtype=matrix.dtype), left_side=True, lower=True)
    # a masked sum, since the gather of a diagonal is slow on CPUs
    diagonal = (factor * np.eye(b)).sum(0)
    return 2 * jnp.log(diagonal).sum(), whiten, diagonal * diagonal


@jax.custom_jvp
def _dense_log_det(matrix: Any) -> tuple[Any, Any, Any]:
    """`_factored`, with the derivatives of the log determinant and, for second derivatives, of the inverse factor."""
    return _factored(matrix)


@_dense_log_det.defjvp
def _dense_log_det_jvp(primals: Any, tangents: Any) -> Any:
    found = _dense_log_det(*primals)
    _, whiten, pivots = found
    slope = ((whiten.T @ whiten) * tangents[0]).sum()
    middle = whiten @ tangents[0] @ whiten.T
    half = np.tril(np.ones(middle.shape)) - 0.5 * np.eye(len(middle))
    return found, (slope, -(middle * half) @ whiten, jnp.zeros_like(pivots))


@jax.custom_jvp
def _dense_integral(matrix: Any) -> tuple[Any, Any, Any]:
    """Of ``[[Λ, s], [sᵀ, k]]``: ``-(log |Λ| + q) / 2`` and ``q = k - sᵀΛ⁻¹s``, and the diagonal of Λ⁻¹."""
    value, square, inverse, _ = _dense_parts(matrix)
    return value, square, (inverse * np.eye(len(inverse))).sum(0)


def _dense_parts(matrix: Any) -> tuple[Any, Any, Any, Any]:
    """What `_dense_integral` gives but the whole inverse, and minus the mean."""
    b = len(matrix) - 1
    if b <= _SWEPT:
        return _swept(matrix)
    side = matrix[:b, b]
    log_det, whiten, _ = _factored(matrix[:b, :b])
    mean = whiten.T @ (whiten @ side)
    square = matrix[b, b] - side @ mean
    return -0.5 * (log_det + square), square, whiten.T @ whiten, mean


def _swept(matrix: Any) -> tuple[Any, Any, Any, Any]:
    """`_dense_parts` by the sweep operator (Goodnight, A Tutorial on the SWEEP Operator, The American Statistician 33, 1979)."""
    b = len(matrix) - 1
    log_det = jnp.zeros((), matrix.dtype)
    for j in range(b):
        here = np.arange(b + 1) == j
        pivot, column = matrix[j, j], matrix[:, j]
        log_det = log_det + jnp.log(pivot)
        row = matrix[j] / pivot
        swept = jnp.where(here[:, None], row, matrix - column[:, None] * row)
        matrix = jnp.where(here, jnp.where(here, 1.0, -column)[:, None] / pivot, swept)
    square = matrix[b, b]
    return -0.5 * (log_det + square), square, matrix[:b, :b], matrix[:b, b]


@_dense_integral.defjvp
def _dense_integral_jvp(primals: Any, tangents: Any) -> Any:
    """By Fisher's identity the derivative with respect to the matrix is minus half the second moments of (x, 1)."""
    value, square, inverse, mean = _dense_parts(primals[0])
    u = jnp.concatenate([-mean, jnp.ones(1, mean.dtype)])
    moments = u[:, None] * u + jnp.pad(inverse, ((0, 1), (0, 1)))
    diagonal = (inverse * np.eye(len(inverse))).sum(0)
    return (value, square, diagonal), (-0.5 * (moments * tangents[0]).sum(), jnp.zeros_like(square), jnp.zeros_like(diagonal))


def _from_elimination(solver: Solver, flat: Any, cancelled: Any, *rest: Any) -> Any:
    """``-(log |Λ| + min |A x + c|²) / 2`` of a shallow system; nan where rounding may have spoilt it."""
    system = _assembled(solver, flat, *rest)
    size = system.size + cancelled
    found = _eliminated(solver.layout.plan, solver.pairs, system._replace(size=size))
    value, square, inverse = _dense_integral(found.corner)
    loss = found.loss + (found.before * inverse).sum() + size[-1]
    good = np.finfo(float).eps * jax.lax.stop_gradient(loss) < _TOLERANCE * (1 + jax.lax.stop_gradient(square))
    return jnp.where(good, value - 0.5 * found.log_det, jnp.nan)


def _solved(solver: Solver, flat: Any, cancelled: Any, *rest: Any) -> tuple[Any, tuple[Any, Any]]:
    """The log determinant; the unknowns that make the sum of squares smallest, and bounds for `_guarded`."""
    system = _assembled(solver, flat, *rest)
    size = system.size + cancelled
    system = system._replace(size=size)
    found = _eliminated(solver.layout.plan, solver.pairs, system)
    corner = found.corner
    log_det, whiten, pivots = _dense_log_det(corner[:-1, :-1])
    dense = -(whiten.T @ (whiten @ corner[:-1, -1]))
    unknowns = _substituted(solver.layout.plan, found.pivots, dense, None)
    loss = found.loss + jax.lax.stop_gradient((found.before / pivots).sum())
    return found.log_det + log_det, (unknowns, (loss, size[-1]))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _value(solver: Solver, flat: Any, cancelled: Any, *rest: Any) -> Any:
    """``-(log |Λ| + min |A x + c|²) / 2``; nan where rounding may have spoilt it."""
    log_det, (unknowns, bounds) = _solved(solver, flat, cancelled, *rest)
    return _guarded(log_det, _squares(solver, unknowns, *rest), *bounds)


@_value.defjvp
def _value_jvp(solver: Solver, primals: Any, tangents: Any) -> Any:
    """At the minimum the sum of squares does not change with the unknowns, to first order."""
    (flat, cancelled), rest = primals[:2], tuple(primals[2:])
    log_det, slope, (unknowns, bounds) = jax.jvp(
        lambda flat, *rest: _solved(solver, flat, cancelled, *rest), (flat, *rest), (tangents[0], *tangents[2:]), has_aux=True
    )
    squares, change = jax.jvp(partial(_squares, solver, unknowns), rest, tuple(tangents[2:]))
    return _guarded(log_det, squares, *bounds), -0.5 * (slope + change)


def _squares(solver: Solver, unknowns: Any, *rest: Any) -> Any:
    return sum_of_squares(solver.residuals, unknowns, rest[: solver.n_scales], rest[solver.n_scales :])


def _guarded(log_det: Any, squares: Any, loss: Any, size: Any) -> Any:
    """The value, or nan where it may be wrong by more than `_TOLERANCE`.

    The log determinant is wrong by the pivots' loss of digits; the unknowns by as much times the constants, which enters the sum
    of squares squared; and the residuals by the digits that the constants have in common.
    """
    epsilon = np.finfo(float).eps
    error = epsilon * loss + epsilon**2 * loss * size + epsilon * jnp.sqrt(squares * size)
    return jnp.where(error < _TOLERANCE * (1 + squares), -0.5 * (log_det + squares), jnp.nan)


def _integral(numbers: Any, scales: Any, *rest: Any, solver: Solver) -> Any:
    """``-(log |Λ| + |c|² - cᵀA Λ⁻¹ Aᵀc) / 2``.

    `numbers` have shape ``(scales, elements)``: XLA multiplies a matrix from the left several times faster than from the right.
    """
    layout = solver.layout
    m, b = len(layout.plan.interior), layout.width
    places = np.concatenate([np.arange(m), layout.n_sparse + m * b + np.arange(b) * (b + 1)])
    own = jax.lax.stop_gradient(scales[:, None] * numbers[:, places])
    value = _from_elimination if solver.is_shallow else _value
    return value(solver, scales @ numbers, (jnp.abs(own) - own).sum(0), *rest)


def _drawn(noise: Any, numbers: Any, scales: Any, *rest: Any, solver: Solver) -> Any:
    """Unknowns for standard Normal `noise`, by back substitution."""
    plan = solver.layout.plan
    found = _eliminated(plan, solver.pairs, _assembled(solver, scales @ numbers, *rest))
    b = len(found.corner) - 1
    dense = _drawn_together(found.corner, noise[:b])
    return _substituted(plan, found.pivots, dense, noise[b:])


def _drawn_together(corner: Any, noise: Any) -> Any:
    """Unknowns of a dense system, whose last row and column are minus its right-hand side."""
    b = len(noise)
    if b < 2:
        return noise / jnp.sqrt(corner[:b, 0]) - corner[:b, b] / corner[:b, 0]
    factor = jnp.linalg.cholesky(corner[:b, :b], symmetrize_input=False)
    y = jax.lax.linalg.triangular_solve(factor, corner[:b, b:], left_side=True, lower=True)
    z = noise[:, None] - y
    return jax.lax.linalg.triangular_solve(factor, z, left_side=True, lower=True, transpose_a=True)[:, 0]


def _substituted(plan: Plan, pivots: list[_Pivot], dense: Any, noise: Any) -> Any:
    """All unknowns given those of the dense system; their means for no noise."""
    found, tail = dense[: len(plan.left)], dense[len(plan.left) :]
    used = 0
    for level, (d, v, border) in zip(reversed(plan.levels), reversed(pivots), strict=True):
        n = len(level.chosen)
        total = border[:, :-1] @ tail + border[:, -1]
        if len(level.source):
            total = add_at(total, level.source, v * taken(found, level.target))
        own = -total / d if noise is None else noise[used : used + n] / jnp.sqrt(d) - total / d
        used += n
        found = add_at(add_at(jnp.zeros(n + len(found), own.dtype), level.chosen, own), level.kept, found)
    order = np.argsort(np.concatenate([plan.interior, plan.tail]))
    return taken(jnp.concatenate([found, tail]), order)


def _infer_integral(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    return Aval((), avals[0].dtype, False)


def _infer_drawn(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    return Aval(avals[0].shape, avals[0].dtype, False)


#: ``integral(numbers, scales, *scales of run-time rows, *symbols, solver=)``: log of the integral, less n/2 log 2π.
INTEGRAL = Operator("gaussian_integral", _integral, _infer_integral)
#: ``drawn(noise, numbers, scales, ..., solver=)``: the unknowns.
DRAWN = Operator("gaussian_draw", _drawn, _infer_drawn)
