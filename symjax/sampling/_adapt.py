"""Warm-up: the step size inside the compiled loop, the metric between its blocks."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from symjax.sampling._metric import Metric, diagonal

# Hoffman and Gelman, The No-U-Turn Sampler, JMLR 15, 2014, section 3.2.1.
_GAMMA, _T0, _KAPPA = 0.05, 10.0, 0.75
#: Dimensions up to which covariances are estimated whole; eigenvalue, or its inverse, beyond which a direction is corrected.
_WHOLE, _CUTOFF = 48, 2.0


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
    """

    stop: int
    since: int
    max_depth: int


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
        windows.append(Window(stops[-1], since, min(max_depth, 8) if early else max_depth))
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


def _correct(metric: Metric, x: np.ndarray, g: np.ndarray) -> None:
    """Fill in the directions, from centred draws and gradients of shape (m, n) on the diagonal metric's scale."""
    m, n = x.shape
    rank = len(metric.stretch)
    basis = np.eye(n) if n <= max(_WHOLE, rank) and n < m / 2 else _leading_directions(x, g, min(2 * rank, m // 4))
    px, pg = x @ basis, g @ basis
    ridge = 1e-5 * np.eye(basis.shape[1])
    try:
        values, vectors = np.linalg.eigh(_geometric_mean(px.T @ px / m + ridge, np.linalg.inv(pg.T @ pg / m + ridge)))
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
    """An orthonormal basis of the `k` leading directions of draws and the `k` of gradients, by subspace iteration.

    Its thin products stay on one thread in BLAS, where a decomposition of the (m, n) arrays would wake threads that fight with
    the other chains for the cores.
    """
    found = []
    for a in (x, g):
        q = a[:: max(1, len(a) // k)][:k].T
        for _ in range(4):
            q = a.T @ (a @ np.linalg.qr(q)[0])
        found.append(q / np.linalg.norm(q, axis=0))
    return np.linalg.qr(np.concatenate(found, axis=1))[0]


def _geometric_mean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The matrix geometric mean of two symmetric positive definite matrices (Bhatia, Positive Definite Matrices, 2007, ch. 4)."""
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    inner_values, inner_vectors = np.linalg.eigh(inverse @ b @ inverse)
    inner = (inner_vectors * np.sqrt(np.maximum(inner_values, 0))) @ inner_vectors.T
    mean = root @ inner @ root
    return 0.5 * (mean + mean.T)
