"""Sequential Monte Carlo along tempered posteriors, ``prior · likelihood**β`` with β from 0 to 1.

Del Moral, Doucet, Jasra, Sequential Monte Carlo samplers, J. R. Statist. Soc. B 68, 2006; the next β is the one at which the
effective number of particles falls to a share of all (Jasra, Stephens, Doucet, Tsagaris, Scand. J. Statist. 38, 2011, section 3.3).
Particles move by independent or random-walk Metropolis steps with the covariance of the weighted particles, their discrete values
by Gibbs.

A likelihood may depend on noise that it draws with a key of its own, as a simulator's does. Each particle then has its key, which
moves with it, so that the posterior of both is sampled (Andrieu, Roberts, Ann. Statist. 37, 2009).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax.sampling._target import DiscreteVariable
from symjax.sampling._updates import Point, Update, gibbs, sweep

Density = Callable[[Any, Any, Any], Any]
#: Steps of one call, and calls of one stage at most.
_STEPS, _CALLS = 5, 40


@dataclass(frozen=True)
class Tempered:
    """A posterior whose likelihood can be tempered.

    Attributes
    ----------
    prior, likelihood : callable
        Log densities of a position of shape (n,), discrete values of shape (m,) and a key for what they draw.
    discrete : tuple of DiscreteVariable
        Layout of the discrete values.
    """

    prior: Density
    likelihood: Density
    discrete: tuple[DiscreteVariable, ...] = ()


@dataclass
class Particles:
    """The end of a run.

    Attributes
    ----------
    positions, discrete : array, shape (particles, n) and (particles, m)
        Equally weighted.
    log_evidence : float
        Log of the marginal likelihood.
    betas, acceptance_rates : list of float
        By stage.
    """

    positions: np.ndarray
    discrete: np.ndarray
    log_evidence: float
    betas: list[float]
    acceptance_rates: list[float]


class Mover:
    """The compiled moves and densities of all particles.

    Parameters
    ----------
    target : Tempered
        What is sampled.
    kernel : {"IMH", "MH"}
        Independent or random-walk Metropolis.
    """

    def __init__(self, target: Tempered, kernel: str):
        updates = tuple(gibbs(target.discrete))
        self.densities = jax.jit(jax.vmap(lambda x, d, u: (target.prior(x, d, u), target.likelihood(x, d, u))))
        self.moved = jax.jit(partial(_moved, target, kernel, updates))


def sample_smc(
    mover: Mover,
    positions: np.ndarray,
    discrete: np.ndarray,
    *,
    random_seed: int | None = None,
    threshold: float = 0.5,
    correlation_threshold: float = 0.01,
) -> Particles:
    """Move draws from the prior to the posterior.

    Parameters
    ----------
    mover : Mover
        Moves and densities.
    positions, discrete : array, shape (particles, n) and (particles, m)
        Draws from the prior.
    random_seed : int, optional
        Seed.
    threshold : float
        Share of the particles that the effective number of them falls to from one β to the next.
    correlation_threshold : float
        A stage ends when more steps lower the correlation with the stage's start by less than this.

    Returns
    -------
    Particles
        The last particles, and the evidence.

    Raises
    ------
    ValueError
        If no particle has a finite likelihood.
    """
    rng = np.random.default_rng(random_seed)
    beta, evidence = 0.0, 0.0
    betas: list[float] = []
    rates: list[float] = []
    with jax.enable_x64(True):
        x, d = jnp.asarray(positions, jnp.float64), jnp.asarray(discrete, jnp.int64)
        u = jax.random.split(jax.random.key(int(rng.integers(2**63))), len(positions))
        while beta < 1:
            prior, likelihood = (np.asarray(v) for v in mover.densities(x, d, u))
            likelihood = np.where(np.isnan(likelihood) | np.isnan(prior), -np.inf, likelihood)
            if not np.isfinite(likelihood).any():
                raise ValueError("no draw from the prior has a finite likelihood: check the data and the priors' parameters.")
            new = _next_beta(likelihood, beta, threshold)
            log_weights = (new - beta) * likelihood
            top = log_weights.max()
            weights = np.exp(log_weights - top)
            evidence += top + float(np.log(weights.mean()))
            beta = new
            weights /= weights.sum()
            mean, root = _normal_of(np.asarray(x), weights)
            chosen = _systematic(rng, weights)
            x, d, u, rate = _stage(mover, rng, (x[chosen], d[chosen], u[chosen]), beta, mean, root, correlation_threshold)
            betas.append(beta)
            rates.append(rate)
    return Particles(np.asarray(x), np.asarray(d), evidence, betas, rates)


def _stage(
    mover: Mover, rng: np.random.Generator, particles: tuple[Any, Any, Any], beta: float, mean: Any, root: Any, tolerance: float
) -> tuple[Any, Any, Any, float]:
    """Moves until the particles have forgotten where they were."""
    x, d, u = particles
    start, before, rates, scale = np.asarray(x), 1.0, [], 2.38 / np.sqrt(max(1, x.shape[1]))
    for _ in range(_CALLS):
        key = jax.random.key(int(rng.integers(2**63)))
        x, d, u, rate = mover.moved(key, x, d, u, beta, mean, root, scale)
        rates.append(float(rate))
        scale *= np.exp(rates[-1] - 0.234)
        now = _correlation(start, np.asarray(x))
        if before - now < tolerance:
            break
        before = now
    return x, d, u, float(np.mean(rates))


def _moved(
    target: Tempered,
    kernel: str,
    updates: tuple[Update, ...],
    key: Any,
    x: Any,
    d: Any,
    u: Any,
    beta: Any,
    mean: Any,
    root: Any,
    scale: Any,
) -> tuple[Any, Any, Any, Any]:
    """All particles after `_STEPS` Metropolis steps and rounds of discrete updates, and the acceptance rate."""
    visit = sweep(updates)

    def density(x: Any, d: Any, u: Any) -> Any:
        return target.prior(x, d, u) + beta * target.likelihood(x, d, u)

    def one(key: Any, x: Any, d: Any, u: Any) -> Any:
        def step(i: Any, carry: Any) -> Any:
            point, u, accepted = carry
            jump_key, accept_key, visit_key, other = jax.random.split(jax.random.fold_in(key, i), 4)
            noise = jax.random.normal(jump_key, x.shape)
            proposed = mean + root @ noise if kernel == "IMH" else point.position + scale * (root @ noise)
            new = density(proposed, point.discrete, other)
            ratio = new - point.log_density
            if kernel == "IMH":
                old = jax.scipy.linalg.solve_triangular(root, point.position - mean, lower=True)
                ratio += 0.5 * (noise @ noise - old @ old)
            accept = jnp.log(jax.random.uniform(accept_key, (), jnp.float64)) < jnp.where(jnp.isnan(ratio), -jnp.inf, ratio)
            point = Point(jnp.where(accept, proposed, point.position), point.discrete, jnp.where(accept, new, point.log_density))
            u = jnp.where(accept, other, u)
            if updates:
                point, _, _ = visit(visit_key, point, ((),) * len(updates), lambda x, d: density(x, d, u), False)
            return point, u, accepted + accept

        point, u, accepted = jax.lax.fori_loop(0, _STEPS, step, (Point(x, d, density(x, d, u)), u, jnp.zeros(())))
        return point.position, point.discrete, u, accepted / _STEPS

    x, d, u, rate = jax.vmap(one)(jax.random.split(key, x.shape[0]), x, d, u)
    return x, d, u, rate.mean()


def _next_beta(likelihood: np.ndarray, beta: float, threshold: float) -> float:
    """The β at which the weights' effective number is a share of the particles', or 1."""

    def effective(new: float) -> float:
        log = (new - beta) * likelihood
        weights = np.exp(log - log.max())
        return weights.sum() ** 2 / (weights**2).sum()

    wanted = threshold * len(likelihood)
    if effective(1.0) >= wanted:
        return 1.0
    low, high = beta, 1.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if effective(middle) >= wanted else (low, middle)
    # where some particles have no likelihood at all the wanted number may be out of reach
    return high


def _normal_of(x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and Cholesky factor of the covariance of weighted particles."""
    mean = weights @ x
    centred = x - mean
    covariance = (weights[:, None] * centred).T @ centred
    spread = np.diag(covariance)
    ridge = 1e-6 * np.where(spread > 0, spread, 1.0)
    return mean, np.linalg.cholesky(covariance + np.diag(ridge))


def _systematic(rng: np.random.Generator, weights: np.ndarray) -> np.ndarray:
    """Indices of particles, as often as their weights say (Kitagawa, J. Comp. Graph. Statist. 5, 1996)."""
    n = len(weights)
    places = (rng.random() + np.arange(n)) / n
    return np.minimum(np.searchsorted(np.cumsum(weights), places), n - 1)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Mean correlation of the coordinates of two sets of particles."""
    if not a.shape[1]:
        return 0.0
    a, b = a - a.mean(0), b - b.mean(0)
    scale = np.sqrt((a**2).sum(0) * (b**2).sum(0))
    return float(np.mean((a * b).sum(0) / np.where(scale > 0, scale, 1.0)))
