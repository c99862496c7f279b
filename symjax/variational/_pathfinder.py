"""Pathfinder: normal laws along the paths of an optimizer, of which those nearest to the target are kept and weighed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from symjax._errors import SamplingError
from symjax.sampling import LogDensity
from symjax.variational._objectives import log_density_of

#: Pairs of steps with less curvature than this, relative to that of the gradient's change, do not enter a covariance.
_MIN_CURVATURE = 1e-12


class Found(NamedTuple):
    """What Pathfinder found.

    Attributes
    ----------
    positions : numpy.ndarray
        Draws, of shape (draws, n).
    elbos : numpy.ndarray
        Estimated evidence lower bound of the law of each path.
    pareto_k : float
        Shape of the importance weights' tail; above 0.7 the draws are not to be trusted. Of nan if they were not weighed.
    """

    positions: np.ndarray
    elbos: np.ndarray
    pareto_k: float


class Local(NamedTuple):
    """An iterate of an optimizer with what its past tells of the curvature; J pairs, absent ones being zero.

    Attributes
    ----------
    position, gradient : array, shape (n,)
        The point and the gradient of the log density.
    diagonal : array, shape (n,)
        Diagonal part of the inverse Hessian of minus the log density.
    steps, changes : array, shape (J, n)
        Last steps, and the changes of the negative gradient along them.
    """

    position: Any
    gradient: Any
    diagonal: Any
    steps: Any
    changes: Any


class Normal(NamedTuple):
    """A normal law with covariance ``D^(1/2) (I + Q (L L' - I) Q') D^(1/2)``, D = diag(diagonal) and Q with orthonormal columns."""

    mean: Any
    diagonal: Any
    basis: Any
    factor: Any


def pathfinder(
    target: LogDensity,
    starts: np.ndarray,
    *,
    draws: int = 1000,
    draws_per_path: int = 1000,
    history: int = 6,
    max_steps: int = 1000,
    elbo_draws: int = 10,
    resample: bool = True,
    random_seed: int = 0,
) -> Found:
    """Draw from normal laws fitted along L-BFGS paths.

    Parameters
    ----------
    target : LogDensity
        The log density.
    starts : array, shape (paths, n)
        Where the paths begin.
    draws : int
        Number of draws to return.
    draws_per_path : int
        Number of draws of each path's law that those are chosen from.
    history : int
        Number of steps that a covariance is made of.
    max_steps : int
        Greatest number of steps of a path.
    elbo_draws : int
        Number of draws that each evidence lower bound is estimated from.
    resample : bool
        Whether draws are chosen by Pareto-smoothed importance weights, or evenly.
    random_seed : int
        Seed.

    Returns
    -------
    Found
        Draws and diagnostics.

    Raises
    ------
    SamplingError
        If no path has a law whose draws have a finite density, or the gradient at a start is not finite.

    References
    ----------
    L. Zhang, B. Carpenter, A. Gelman and A. Vehtari, Pathfinder: Parallel Quasi-Newton Variational Inference, JMLR 23 (2022),
    algorithms 1 to 5.

    Examples
    --------
    >>> import numpy as np
    >>> target = LogDensity(lambda x, discrete, data: -0.5 * ((x - 3.0) ** 2).sum(), (), 2)
    >>> found = pathfinder(target, np.zeros((2, 2)), draws=500, random_seed=1)
    >>> found.positions.shape, found.positions.mean(0).round().tolist()
    ((500, 2), [3.0, 3.0])
    """
    with jax.enable_x64(True):
        density = log_density_of(target)
        value_and_gradient = jax.jit(lambda x, data: jax.value_and_grad(density)(x, None, data))
        paths = [_climb(partial(value_and_gradient, data=target.data), x, max_steps) for x in starts]
        for_elbo, for_draws = jax.random.split(jax.random.key(random_seed))
        locals_ = [_along(path, history) for path in paths]
        together = jax.tree.map(lambda *leaves: np.concatenate(leaves), *locals_)
        weigh = jax.jit(partial(_elbos, density, elbo_draws))
        elbos = np.split(np.asarray(weigh(together, for_elbo, target.data)), np.cumsum([len(p[0]) for p in paths])[:-1])
        best = [int(np.argmax(e)) for e in elbos]
        chosen = jax.tree.map(lambda *leaves: np.stack([leaf[i] for leaf, i in zip(leaves, best, strict=True)]), *locals_)
        draw = jax.jit(partial(_weighed_draws, density, draws_per_path))
        positions, weights = (np.asarray(v) for v in draw(chosen, jax.random.split(for_draws, len(starts)), target.data))
    positions, weights = positions.reshape(-1, starts.shape[1]), weights.ravel()
    if not np.isfinite(weights).any():
        raise SamplingError("pathfinder: no path came to where draws have a finite density. Give another start, or use pm.sample.")
    rng = np.random.default_rng(random_seed)
    probabilities, pareto_k = smoothed_weights(weights) if resample else (np.isfinite(weights) / np.isfinite(weights).sum(), np.nan)
    rows = rng.choice(len(positions), draws, p=probabilities, replace=resample or draws > np.isfinite(weights).sum())
    return Found(positions[rows], np.array([e[i] for e, i in zip(elbos, best, strict=True)]), float(pareto_k))


def smoothed_weights(log_weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Pareto-smoothed importance weights, which sum to 1, and the shape of their tail.

    References
    ----------
    A. Vehtari et al., Pareto Smoothed Importance Sampling, JMLR 25 (2024), algorithm 1.
    """
    from arviz_stats.base import array_stats

    finite = np.isfinite(log_weights)
    # ArviZ takes log densities that draws are weighed against, and so the negative of their weights
    smoothed, pareto_k = array_stats.psislw(log_weights[finite].max() - log_weights[finite])
    weights = np.zeros(len(log_weights))
    weights[finite] = np.exp(smoothed - smoothed.max())
    return weights / weights.sum(), float(pareto_k)


def _climb(function: Callable[[Any], tuple[Any, Any]], start: np.ndarray, max_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The iterates of L-BFGS, and the gradients of the log density at them."""
    from scipy.optimize import minimize

    def negative(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = (np.asarray(v, np.float64) for v in function(x))
        # the line search goes back from where the density is not defined
        return (-float(value), -gradient) if np.isfinite(value) else (np.inf, np.zeros_like(x))

    path = [np.array(start)]
    options = {"maxiter": max_steps}
    minimize(negative, start, jac=True, method="L-BFGS-B", callback=lambda x: path.append(np.array(x)), options=options)
    gradients = np.stack([np.asarray(function(x)[1], np.float64) for x in path])
    usable = np.isfinite(gradients).all(-1)
    if not usable.any():
        raise SamplingError("pathfinder: the gradient at the start of a path is not finite. Give another start.")
    return np.stack(path)[usable], gradients[usable]


def _along(path: tuple[np.ndarray, np.ndarray], history: int) -> Local:
    """Each iterate with the diagonal and the pairs that its past gives (algorithm 3)."""
    positions, gradients = path
    diagonal = np.ones(positions.shape[1])
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    found: list[Local] = []
    for k, (x, g) in enumerate(zip(positions, gradients, strict=True)):
        if k:
            step, change = x - positions[k - 1], gradients[k - 1] - g
            if step @ change > _MIN_CURVATURE * (change @ change) > 0:
                diagonal = _next_diagonal(diagonal, step, change)
                pairs = [*pairs, (step, change)][-history:]
        steps, changes = (_padded([p[i] for p in pairs], history, len(x)) for i in range(2))
        found.append(Local(x, g, diagonal, steps, changes))
    return Local(*(np.stack(column) for column in zip(*found, strict=True)))


def _next_diagonal(diagonal: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The diagonal of the inverse Hessian after a step (Gilbert and Lemarechal 1989)."""
    a, b, c = change @ (diagonal * change), change @ step, step @ (step / diagonal)
    return 1.0 / (a / (b * diagonal) + change**2 / b - a * step**2 / (b * c * diagonal**2))


def _padded(rows: Sequence[np.ndarray], n: int, size: int) -> np.ndarray:
    return np.concatenate([np.array(rows).reshape(len(rows), size), np.zeros((n - len(rows), size))])


def _normal(local: Local) -> Normal:
    """The normal law of an iterate (algorithm 4); its mean is one quasi-Newton step away."""
    steps, changes, diagonal = local.steps, local.changes, local.diagonal
    products = jnp.triu(steps @ changes.T)
    curvatures = jnp.diagonal(products)
    # absent pairs multiply columns of zeros: any number will do for them
    inverse = jnp.linalg.inv(products + jnp.diag(jnp.where(curvatures > 0, 0.0, 1.0)))
    inner = inverse.T @ (jnp.diag(curvatures) + changes @ (diagonal[:, None] * changes.T)) @ inverse
    middle = jnp.block([[jnp.zeros_like(inverse), -inverse], [-inverse.T, inner]])
    columns = jnp.concatenate([diagonal * changes, steps]).T
    root = jnp.sqrt(diagonal)
    basis, triangle = jnp.linalg.qr(columns / root[:, None])
    factor = jnp.linalg.cholesky(jnp.eye(len(triangle)) + triangle @ middle @ triangle.T)
    mean = local.position + diagonal * local.gradient + columns @ (middle @ (columns.T @ local.gradient))
    return Normal(mean, diagonal, basis, factor)


def _draw(normal: Normal, key: Any, n: int) -> tuple[Any, Any]:
    """Draws, of shape (n, size), and their log densities."""
    noise = jax.random.normal(key, (n, len(normal.mean)), normal.mean.dtype)
    inside = noise @ normal.basis
    moved = noise + (inside @ normal.factor.T - inside) @ normal.basis.T
    log_volume = 0.5 * jnp.log(normal.diagonal).sum() + jnp.log(jnp.diagonal(normal.factor)).sum()
    log_density = -0.5 * jnp.sum(noise**2, -1) - 0.5 * len(normal.mean) * np.log(2 * np.pi) - log_volume
    return normal.mean + jnp.sqrt(normal.diagonal) * moved, log_density


def _weighed_draws(density: Callable[..., Any], n: int, locals_: Local, keys: Any, data: Any) -> tuple[Any, Any]:
    """Draws of the law of each iterate, and their log importance weights; those that cannot be are of weight zero."""

    def one(given: tuple[Local, Any]) -> tuple[Any, Any]:
        local, key = given
        z, log_q = _draw(_normal(local), key, n)
        weights = jax.vmap(density, (0, None, None))(z, None, data) - log_q
        return z, jnp.where(jnp.isfinite(weights), weights, -jnp.inf)

    return jax.lax.map(one, (locals_, keys))


def _elbos(density: Callable[..., Any], n: int, locals_: Local, key: Any, data: Any) -> Any:
    """Evidence lower bounds of the laws of iterates."""
    keys = jax.random.split(key, len(locals_.position))
    return _weighed_draws(density, n, locals_, keys, data)[1].mean(-1)
