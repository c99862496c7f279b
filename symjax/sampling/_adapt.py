"""Warm-up: the step size inside the compiled loop, the metric between its blocks."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from symjax.sampling._metric import Metric, diagonal

# Hoffman and Gelman, The No-U-Turn Sampler, JMLR 15, 2014, section 3.2.1.
_GAMMA, _T0, _KAPPA = 0.05, 10.0, 0.75
#: Eigenvalue, or its inverse, beyond which a direction is corrected.
_CUTOFF = 2.0
#: Columns that are decomposed whole, and draws from which leading directions of longer positions are found.
_SMALL, _THINNED = 32, 128


class DualAveraging(NamedTuple):
    """State of the step size adaptation.

    Attributes
    ----------
    log_step, log_average : float
        Log of the step size in use, and of its weighted average, which is used once adaptation ends.
    error : float
        Running mean of the target acceptance rate minus the observed one.
    count : float
        Number of updates.
    center : float
        Log step size that the iterates are drawn to.
    """

    log_step: Any
    log_average: Any
    error: Any
    count: Any
    center: Any


def start(step_size: float) -> DualAveraging:
    """Adaptation from a step size."""
    log_step, zero = np.float64(np.log(step_size)), np.float64(0)
    return DualAveraging(log_step, log_step, zero, zero, log_step)


def update(state: DualAveraging, acceptance_rate: Any, target: Any) -> DualAveraging:
    """One update by an observed acceptance rate (algorithm 5 of the paper)."""
    count = state.count + 1
    weight = 1 / (count + _T0)
    error = (1 - weight) * state.error + weight * (target - acceptance_rate)
    log_step = state.center - jnp.sqrt(count) / _GAMMA * error
    log_step = jnp.clip(log_step, -60.0, 60.0)
    fade = count**-_KAPPA
    return DualAveraging(log_step, fade * log_step + (1 - fade) * state.log_average, error, count, state.center)


class Window(NamedTuple):
    """A stretch of warm-up after which the metric is estimated anew.

    Attributes
    ----------
    stop : int
        Number of warm-up steps at its end.
    since : int
        First step whose draw the estimate uses.
    max_depth : int
        Limit of the tree depth within it: early trajectories, at a wrong scale, must not be long.
    reframes : bool
        Whether the frame, if there is one, is settled anew from its steps.
    """

    stop: int
    since: int
    max_depth: int
    reframes: bool = False


def schedule(tune: int, max_depth: int) -> list[Window]:
    """Windows that grow, each estimate using the last two of them; what is left of `tune` settles the step size.

    A short first estimate serves only until the next; the early draws, far from the typical set, are forgotten soon.
    """
    final = max(min(tune, 20), int(0.12 * tune)) if tune > 30 else 0
    windows: list[Window] = []
    stops = [0]
    length = 10.0
    while stops[-1] + length <= tune - final:
        stops.append(stops[-1] + int(length))
        early = stops[-1] < 0.15 * tune
        since = stops[-2] if early else stops[-3] if len(stops) > 2 else 0
        windows.append(Window(stops[-1], since, min(max_depth, 8) if early else max_depth, stops[-1] < 0.45 * tune))
        length = min(length * 1.35, 0.12 * tune)
    return windows


def initial_metric(gradient: np.ndarray, rank: int) -> Metric:
    """A scale from the gradient alone: the geometric mean of a unit and of the curvature's guess ``1 / |gradient|``."""
    scale = np.clip(np.abs(gradient), 1e-20, 1e20) ** -0.5
    return diagonal(np.where(np.isfinite(scale), scale, 1.0), rank)


def estimate(draws: np.ndarray, gradients: np.ndarray, rank: int, before: Metric) -> Metric:
    """A metric from draws and the gradients of the log density at them, as the sampler nutpie estimates it.

    The diagonal minimises a Fisher divergence: for a Normal posterior draws and gradients have covariances ``C`` and ``C⁻¹``, so
    that ``sqrt(var(draws) / var(gradients))`` is the diagonal that makes both alike. The correction's directions are eigenvectors
    of the geometric mean of the draws' covariance and of the inverse of the gradients'. For a Normal posterior that mean is exact
    as soon as there are more draws than dimensions.

    Parameters
    ----------
    draws, gradients : array, shape (m, n)
        Positions and gradients.
    rank : int
        Number of directions that may be corrected.
    before : Metric
        Kept where the draws do not vary.
    """
    spread, slope = draws.std(0), gradients.std(0)
    good = (spread > 0) & (slope > 0) & np.isfinite(spread) & np.isfinite(slope)
    scale = np.where(good, np.sqrt(spread / np.where(good, slope, 1.0)), before.scale)
    metric = diagonal(np.clip(scale, 1e-30, 1e30), rank)
    if rank and good.all() and len(draws) >= 20:
        _correct(metric, (draws - draws.mean(0)) / metric.scale, (gradients - gradients.mean(0)) * metric.scale)
    return metric


def framed_metric(before: Metric, chosen: np.ndarray) -> Metric:
    """The metric after a change of frame: the one before, but for a unit scale of the chosen coordinates."""
    return diagonal(np.where(chosen, 1.0, before.scale), len(before.stretch))


def _correct(metric: Metric, x: np.ndarray, g: np.ndarray) -> None:
    """Fill in the directions, from centred draws and gradients of shape (m, n) on the diagonal metric's scale."""
    m, n = x.shape
    rank = len(metric.stretch)
    whole = n <= max(_SMALL, rank if rank == n else 0) and n < m / 2
    basis = np.eye(n) if whole else _leading_directions(x, g, min(rank, _SMALL // 2, m // 4))
    px, pg = _product(x, basis), _product(g, basis)
    ridge = 1e-5 * np.eye(basis.shape[1])
    try:
        inverse = np.linalg.inv(_product(pg.T, pg) / m + ridge)
        values, vectors = np.linalg.eigh(_geometric_mean(_product(px.T, px) / m + ridge, inverse))
    except np.linalg.LinAlgError:
        return
    if not (np.isfinite(values).all() and (values > 0).all()):
        return
    strength = np.abs(np.log(values))
    order = np.argsort(-strength)[:rank]
    order = order[strength[order] > np.log(_CUTOFF)]
    metric.directions[:, : len(order)] = basis @ vectors[:, order]
    metric.stretch[: len(order)] = np.sqrt(values[order])


def _leading_directions(x: np.ndarray, g: np.ndarray, k: int) -> np.ndarray:
    """An orthonormal basis of about the `k` leading directions of draws and the `k` of gradients, by subspace iteration."""
    found = []
    for a in (x, g):
        a = a[:: -(-len(a) // _THINNED)]
        q = a[:: max(1, len(a) // k)][:k].T
        for _ in range(3):
            q = _product(a.T, _product(a, _orthonormal(q)))
        found.append(_orthonormal(q))
    return _orthonormal(_orthonormal(np.concatenate(found, axis=1)))


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the columns' span, without directions that are zero to rounding."""
    columns = columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
    values, vectors = np.linalg.eigh(_product(columns.T, columns))
    kept = values > 1e-10 * values[-1]
    return _product(columns, vectors[:, kept] / np.sqrt(values[kept]))


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``a @ b`` in pieces that BLAS computes on the calling thread.

    Larger ones, and decompositions beyond `_SMALL` columns, wake its own threads, which fight with the other chains for the cores:
    that has been seen to take a hundred times as long.
    """
    rows, inner = 64, max(16, (1 << 17) // (64 * b.shape[1]))
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(0, a.shape[0], rows):
        for j in range(0, a.shape[1], inner):
            out[i : i + rows] += a[i : i + rows, j : j + inner] @ b[j : j + inner]
    return out


def _geometric_mean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The matrix geometric mean of two symmetric positive definite matrices (Bhatia, Positive Definite Matrices, 2007, ch. 4)."""
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    inner_values, inner_vectors = np.linalg.eigh(inverse @ b @ inverse)
    inner = (inner_vectors * np.sqrt(np.maximum(inner_values, 0))) @ inner_vectors.T
    mean = root @ inner @ root
    return 0.5 * (mean + mean.T)
