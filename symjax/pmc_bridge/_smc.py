"""`sample_smc`: the posterior and its evidence by sequential Monte Carlo."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._errors import SamplingError
from symjax.core._leaves import as_tensor
from symjax.core._scope import detached
from symjax.pmc_bridge._arviz import to_datatree
from symjax.pmc_bridge._compile import CompiledModel, compile_log_density
from symjax.pmc_bridge._forward import run_forward, seed_of
from symjax.pmc_bridge._model import modelcontext
from symjax.sampling import Mover, Particles, Tempered
from symjax.sampling import sample_smc as run

_LOG = logging.getLogger("symjax")


class IMH:
    """Independent Metropolis moves from the Normal law of the weighted particles."""


class MH:
    """Random-walk Metropolis moves with the covariance of the weighted particles."""


def sample_smc(
    draws: int = 2000, kernel: Any = IMH, *, start: Mapping[str, Any] | None = None, model: Any = None, random_seed: Any = None,
    chains: int | None = None, cores: int | None = None, blas_cores: Any = None, compute_convergence_checks: bool = True,
    return_inferencedata: bool = True, idata_kwargs: Mapping[str, Any] | None = None, progressbar: Any = True,
    progressbar_theme: Any = None, backend: Any = None, compile_kwargs: Any = None, mp_ctx: Any = None,
    threshold: float = 0.5, correlation_threshold: float = 0.01,
) -> Any:  # fmt: skip
    """Draw from the posterior by sequential Monte Carlo, from the prior through tempered likelihoods; it finds separate modes.

    Data may be of a `Simulator`: each particle keeps the noise of its simulation, so that posterior and evidence are those of the
    kernel's mean over simulations.

    Parameters
    ----------
    draws : int
        Number of particles of each chain.
    kernel : {IMH, MH} or str
        How particles move.
    start : dict, optional
        Arrays by variable name, draws from the prior along their first axis; drawn by default.
    model : Model, optional
        The model in context by default.
    random_seed : int or generator, optional
        Seed.
    chains : int, optional
        Number of independent runs, 4 by default, which say how certain the evidence is.
    compute_convergence_checks, progressbar
        Whether to log what was found.
    idata_kwargs : dict, optional
        ``log_likelihood=True`` and ``log_prior=True`` compute these groups.
    threshold : float
        Share of the particles that the effective number of them falls to from one temperature to the next.
    correlation_threshold : float
        A stage ends when more steps lower the correlation with its start by less than this.
    cores, blas_cores, return_inferencedata, progressbar_theme, backend, compile_kwargs, mp_ctx
        Accepted for compatibility: particles are moved together by one compiled program.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior`` and ``sample_stats``, of which ``log_marginal_likelihood`` has an element for each chain, ``beta`` and
        ``accept_rate`` one for each stage too.

    Raises
    ------
    SamplingError
        If the model has no free variable, or no draw from its prior has a finite likelihood.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     y = pm.Normal("y", x, 1.0, observed=1.0)
    ...     tree = pm.sample_smc(500, chains=1, random_seed=1, progressbar=False)
    >>> abs(float(tree.posterior["x"].mean()) - 0.5) < 0.2
    True

    References
    ----------
    Ching, Chen, Transitional Markov chain Monte Carlo method, Journal of Engineering Mechanics 133, 2007.
    """
    model = modelcontext(model)
    name = kernel if isinstance(kernel, str) else getattr(kernel, "__name__", repr(kernel))
    if name not in ("IMH", "MH"):
        raise ValueError(f"sample_smc: kernel must be IMH or MH, got {kernel!r}.")
    if not model.free_RVs:
        raise SamplingError("the model has no free variable to sample.")
    for rv in model.free_RVs:
        if rv.distribution.is_simulated:
            raise SamplingError(f"{rv.name!r} is simulated and has no density but that of data: give it 'observed'.")
    begin, seed = time.perf_counter(), seed_of(random_seed)
    compiled = compile_log_density(model, rewrites=(), may_draw=True)
    compiled.refuse_atoms()
    mover = Mover(_tempered(model, compiled), name)
    found = []
    for chain, child in enumerate(np.random.SeedSequence(seed).generate_state(chains or 4, np.uint64)):
        positions, discrete = _from_prior(model, compiled, draws, int(child >> np.uint64(1)), start)
        try:
            options = {"threshold": threshold, "correlation_threshold": correlation_threshold}
            found.append(run(mover, positions, discrete, random_seed=int(child), **options))
        except ValueError as error:
            raise SamplingError(f"sample_smc: {error}") from None
        if progressbar:
            last = found[-1]
            _LOG.info("chain %d: %d stages, log evidence %.3f", chain, len(last.betas), last.log_evidence)
    tree = _result(model, compiled, found, seed, time.perf_counter() - begin)
    from symjax.pmc_bridge._sample import extra_groups

    extra_groups(tree, model, idata_kwargs or {})
    return tree


def _tempered(model: Any, compiled: CompiledModel) -> Tempered:
    """The model's prior and its likelihood, potentials included, of unconstrained values and the noise of simulations."""
    target = compiled.target
    assert target.terms is not None
    of_terms = target.terms
    data = {v.name for v in (*model.observed_RVs, *model.potentials)}

    def part(is_data: bool) -> Any:
        def density(position: Any, discrete: Any, noise: Any) -> Any:
            terms = of_terms(position, discrete, (target.data, noise) if target.draws else target.data)
            return sum((t for name, t in terms.items() if (name in data) == is_data), start=np.zeros(()))

        return density

    return Tempered(part(False), part(True), target.discrete)


def _from_prior(model: Any, compiled: CompiledModel, n: int, seed: int, start: Any) -> tuple[np.ndarray, np.ndarray]:
    """Flat unconstrained draws from the prior."""
    given = {model[name]: np.asarray(values)[:n] for name, values in (start or {}).items()}
    with detached():
        values = {}
        for rv in model.free_RVs:
            transform = model.rvs_to_transforms[rv]
            values[model.rvs_to_values[rv].name] = as_tensor(rv) if transform is None else transform.forward(rv)
        drawn = dict(zip(values, run_forward([T.alias(v) for v in values.values()], given, n, seed), strict=True))
    return compiled.flatten_each(drawn)


def _result(model: Any, compiled: CompiledModel, found: list[Particles], seed: int, seconds: float) -> Any:
    names = [v.name for v in model.unobserved_RVs]
    positions, discrete = np.stack([f.positions for f in found]), np.stack([f.discrete for f in found])
    tree = to_datatree(
        model, {"posterior": compiled.recover(positions, discrete, names, seed)}, {"sampling_time": seconds, "tuning_steps": 0}
    )
    import xarray

    stages = max(len(f.betas) for f in found)
    by_stage = {
        key: (("chain", "stage"), np.array([v + [np.nan] * (stages - len(v)) for v in values]))
        for key, values in (("beta", [f.betas for f in found]), ("accept_rate", [f.acceptance_rates for f in found]))
    }
    evidence = {"log_marginal_likelihood": (("chain",), np.array([f.log_evidence for f in found]))}
    tree["sample_stats"] = xarray.DataTree(xarray.Dataset(by_stage | evidence, coords={"chain": np.arange(len(found))}))
    return tree
