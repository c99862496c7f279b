"""Methods of `fit` that draw from normal approximations made at once: Laplace's and Pathfinder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from symjax import variational
from symjax._errors import SamplingError
from symjax.pmc_bridge._compile import CompiledModel
from symjax.pmc_bridge._find_map import mode_of
from symjax.pmc_bridge._fit_target import compile_target, posterior_of
from symjax.pmc_bridge._forward import seed_of
from symjax.pmc_bridge._minibatch import refuse_minibatches
from symjax.sampling._hamiltonian import State
from symjax.sampling._start import Jitter, describe_start

_LOG = logging.getLogger("symjax")
_TRUSTED = 0.7


def fit_laplace(
    model: Any,
    *,
    random_seed: Any = None,
    start: Mapping[str, Any] | None = None,
    draws: int = 500,
    chains: int = 2,
    progressbar: bool = True,
    **optimizer_kwargs: Any,
) -> Any:
    """Draw from the normal law with the posterior's mode and its curvature there, on the unconstrained space.

    Parameters
    ----------
    model : Model
        The model.
    random_seed : int, optional
        Seed.
    start : dict, optional
        Values by variable name that the search for the mode begins at.
    draws, chains : int
        Number of independent draws, and of chains that hold them.
    progressbar : bool
        Whether to log what the search found.
    **optimizer_kwargs
        Passed to `find_MAP`.

    Returns
    -------
    xarray.DataTree
        Group ``posterior``.
    """
    refuse_minibatches(model, "fit")
    compiled = compile_target(model)
    _check_counts(draws=draws, chains=chains)
    mode = mode_of(model, jacobian=True, initvals=start, progressbar=progressbar, **optimizer_kwargs)
    mean, cov = variational.laplace(compiled.target, compiled.flatten(mode)[0])
    seed = seed_of(random_seed)
    noise = np.random.default_rng(seed).standard_normal((chains, draws, len(mean)))
    return posterior_of(model, compiled, mean + noise @ np.linalg.cholesky(cov).T, seed)


def fit_pathfinder(
    model: Any,
    *,
    random_seed: Any = None,
    start: Mapping[str, Any] | None = None,
    num_paths: int = 4,
    num_draws: int = 1000,
    num_draws_per_path: int = 1000,
    num_elbo_draws: int = 10,
    maxcor: int = 6,
    maxiter: int = 1000,
    jitter: float = 2.0,
    importance_sampling: str | None = "psis",
    progressbar: bool = True,
) -> Any:
    """Draw from normal laws along several optimizers' paths, chosen by importance weights.

    Parameters
    ----------
    model : Model
        The model.
    random_seed : int, optional
        Seed.
    start : dict, optional
        Values by variable name that the paths begin about.
    num_paths, num_draws, num_draws_per_path, num_elbo_draws : int
        Numbers of paths, of draws that are returned, of those of each path that they are chosen from, and of those that evidence
        lower bounds are estimated from.
    maxcor, maxiter : int
        Number of steps that a covariance is made of, and greatest number of steps of a path.
    jitter : float
        Starts are uniform within this distance of the initial point.
    importance_sampling : {"psis", None}
        Whether draws are chosen by Pareto-smoothed importance weights, or evenly.
    progressbar : bool
        Accepted for compatibility.

    Returns
    -------
    xarray.DataTree
        Group ``posterior``, of one chain, with the attribute ``pareto_k``.

    References
    ----------
    L. Zhang, B. Carpenter, A. Gelman and A. Vehtari, Pathfinder: Parallel Quasi-Newton Variational Inference, JMLR 23 (2022).
    """
    refuse_minibatches(model, "fit")
    counts = {"num_paths": num_paths, "num_draws": num_draws, "num_draws_per_path": num_draws_per_path}
    _check_counts(**counts, num_elbo_draws=num_elbo_draws, maxcor=maxcor, maxiter=maxiter)
    if importance_sampling not in ("psis", None):
        raise ValueError(f"fit: importance_sampling must be 'psis' or None, got {importance_sampling!r}.")
    compiled, seed = compile_target(model), seed_of(random_seed)
    found = variational.pathfinder(
        compiled.target,
        _starts(model, compiled, start, num_paths, jitter, seed),
        draws=num_draws,
        draws_per_path=num_draws_per_path,
        history=maxcor,
        max_steps=maxiter,
        elbo_draws=num_elbo_draws,
        resample=importance_sampling is not None,
        random_seed=seed,
    )
    if found.pareto_k > _TRUSTED:
        _LOG.warning(
            "pathfinder: the importance weights have a Pareto shape of %.2f, above %.1f: the draws may be far from the posterior. "
            "Draw with pm.sample.",
            found.pareto_k,
            _TRUSTED,
        )
    return posterior_of(model, compiled, found.positions[None], seed, pareto_k=found.pareto_k)


def _starts(model: Any, compiled: CompiledModel, start: Mapping[str, Any] | None, n: int, jitter: float, seed: int) -> np.ndarray:
    """Starts about the initial point at which the density and its gradient are finite."""
    center, _ = compiled.flatten(model.initial_point(seed, overrides=dict(start or {})))
    density, data = variational.log_density_of(compiled.target), compiled.target.data
    found = []
    with jax.enable_x64(True):
        evaluate = jax.jit(lambda x: jax.value_and_grad(density)(x, None, data))
        for child in np.random.SeedSequence(seed).spawn(n):
            noise = Jitter(np.zeros_like(center), child, noisy=True, retries=10)
            for _ in range(1 + noise.retries):
                x = center + jitter * noise.again()
                value, gradient = (np.asarray(v) for v in evaluate(x))
                if np.isfinite(value) and np.isfinite(gradient).all():
                    break
            else:
                state = State(x, value, gradient)
                raise SamplingError(describe_start(compiled.target, state, np.zeros(0, np.int64), data))
            found.append(x)
    return np.stack(found)


def _check_counts(**counts: Any) -> None:
    for name, value in counts.items():
        if not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"fit: {name} must be a positive whole number, got {value!r}.")
