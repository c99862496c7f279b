"""`sample`: from a model to a DataTree of draws."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from threadpoolctl import threadpool_limits

from symjax._errors import SamplingError
from symjax.pmc_bridge._arviz import to_datatree
from symjax.pmc_bridge._callback import reporting
from symjax.pmc_bridge._compile import CompiledModel, compile_log_density
from symjax.pmc_bridge._forward import Forward, seed_of
from symjax.pmc_bridge._minibatch import refuse_minibatches
from symjax.pmc_bridge._model import modelcontext
from symjax.pmc_bridge._options import METRICS, NUTS_SAMPLERS, check_choices, check_counts, kept_names, settings_of, stored
from symjax.pmc_bridge._steps import arrange
from symjax.sampling import Samples, diagnose, sample_with
from symjax.sampling import sample as run

_LOG = logging.getLogger("symjax")


def sample(
    draws: int = 1000, *, tune: int | None = None, chains: int | None = None, cores: int | None = None, random_seed: Any = None,
    progressbar: Any = True, progressbar_theme: Any = None, quiet: bool = False, step: Any = None,
    var_names: Sequence[str] | None = None, nuts_sampler: str | None = None,
    initvals: Mapping[str, Any] | Sequence[Mapping[str, Any] | None] | None = None, init: str = "auto",
    jitter_max_retries: int = 10, n_init: int = 200_000, trace: Any = None, discard_tuned_samples: bool = True,
    thin: int | str = "auto", compute_convergence_checks: bool = True, keep_warning_stat: bool = False,
    return_inferencedata: bool = True, idata_kwargs: Mapping[str, Any] | None = None,
    nuts_sampler_kwargs: Mapping[str, Any] | None = None, callback: Callable[..., Any] | None = None, mp_ctx: Any = None,
    blas_cores: int | str | None = "auto", model: Any = None, backend: Any = None, compile_kwargs: Any = None,
    rewrites: Any = "auto", **kwargs: Any,
) -> Any:  # fmt: skip
    """Draw from the posterior with NUTS, and with Gibbs or Metropolis steps for discrete variables, in one compiled program.

    Parameters
    ----------
    draws, tune : int
        Numbers of draws and of warm-up steps of each chain; 1000 of these by default.
    chains : int, optional
        Number of chains; 4, or `cores` if that is more.
    cores : int, optional
        Number of chains that run at the same time; the machine's cores, 4 at most, by default.
    random_seed : int or generator, optional
        Seed; equal seeds give equal draws.
    progressbar : bool
        Whether to show progress.
    quiet : bool
        Whether to show and log nothing.
    step : StepMethod, CompoundStep or list of them, optional
        Which variables move how, `Metropolis` or `Slice` say; NUTS for continuous variables, Gibbs or Metropolis for discrete
        ones by default. Where steps name variables, or need no gradient, all variables are sampled as the model is written.
    var_names : sequence of str, optional
        Variables to keep; all free ones and deterministics by default.
    initvals : dict, or list of dict, optional
        Starting values by variable name, for all chains or for each.
    init : str
        ``"auto"``, or ``"adapt_diag"``, ``"jitter+adapt_full"`` and the like: "jitter" adds uniform noise on (−1, 1) to the start,
        "full" adapts a dense metric, "diag" alone a purely diagonal one.
    jitter_max_retries : int
        Further starts to try where the density is not finite.
    discard_tuned_samples : bool
        Whether to leave the warm-up out of the result; groups ``warmup_posterior`` and ``warmup_sample_stats`` if not.
    thin : int or "auto"
        Return every so many-th state of a chain. By default draws are thinned inside the compiled loop until they are nearly
        independent, where steps are so cheap that this costs little; 1 returns every state.
    compute_convergence_checks : bool
        Whether to log what the diagnostics find.
    return_inferencedata : bool
        Must be True: results are DataTrees.
    idata_kwargs : dict, optional
        ``log_likelihood=True`` and ``log_prior=True`` compute these groups.
    nuts_sampler : {"symjax", "blackjax", "numpyro", "nutpie"}, optional
        Whose NUTS draws from what the rewrites have left, if it is installed. "pymc" means symjax's own.
    nuts_sampler_kwargs : dict, optional
        Further keywords, beside those of `kwargs`.
    callback : callable, optional
        ``callback(trace, draw)`` after each step, with the draws of the chain so far and a `Draw`: ``draw.chain``,
        ``draw.draw_idx``, ``draw.tuning``, ``draw.stats``, ``draw.point``. KeyboardInterrupt in it ends the run with what was
        drawn.
    trace : path, Zarr store or ZarrTrace, optional
        Where to write the result to.
    blas_cores : int, "auto" or None
        Threads of the linear algebra library for all chains together: one for each by default, as many as it likes for None.
    model : Model, optional
        The model in context by default.
    rewrites : {"auto", None} or sequence of str
        What is done to the model before it is sampled, as `explain` tells: everything that pays, nothing (the density exactly as
        written), or the rules named. The posterior is the same.
    progressbar_theme, n_init, keep_warning_stat, mp_ctx, backend, compile_kwargs
        Accepted for compatibility: chains are threads, programs are XLA's, and warnings are logged.
    **kwargs
        ``target_accept`` (0.8 by default), ``max_treedepth`` (10), also as ``nuts=dict(...)``.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior``, ``sample_stats``, ``observed_data`` and ``constant_data``, and those asked for.

    Raises
    ------
    SamplingError
        If no start with a finite density is found, or the model has no free variable.
    TypeError
        If a keyword is unknown.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     tree = pm.sample(100, tune=100, chains=2, random_seed=1, progressbar=False)
    >>> tree.posterior["x"].shape
    (2, 100)
    """
    model = modelcontext(model)
    arrangement = arrange(step)
    settings = arrangement.settings | settings_of(kwargs, nuts_sampler_kwargs, return_inferencedata)
    cores = min(4, os.cpu_count() or 1) if cores is None else cores
    chains = max(4, cores) if chains is None else chains
    tune = 1000 if tune is None else tune
    check_choices(init=(init, tuple(METRICS)), nuts_sampler=(nuts_sampler or "symjax", NUTS_SAMPLERS))
    check_counts(draws=draws, tune=tune, chains=chains, cores=cores)
    names = kept_names(model, var_names)
    if not model.free_RVs:
        raise SamplingError("the model has no free variable to sample. Give it one, or draw with sample_prior_predictive.")
    refuse_minibatches(model, "sample")
    seed = seed_of(random_seed)
    library = None if nuts_sampler in ("symjax", "pymc") else nuts_sampler
    if rewrites == "auto" and arrangement.names_variables:
        rewrites = ()  # the variables that steps are for must be left to sample
    framed = rewrites == "auto" and library is None and callback is None
    compiled = compile_log_density(model, rewrites, framed=framed)
    compiled.refuse_atoms()
    starts = _starts(model, compiled, initvals, chains, seed)
    if compiled.is_exact:
        tree = _exact(model, compiled, names, (chains, draws), seed)
    else:
        options = {"draws": draws, "tune": tune, "random_seed": seed, "jitter": "jitter" in init or init == "auto", **settings}
        if library is None:
            options |= {
                "cores": cores,
                "jitter_retries": jitter_max_retries,
                "metric": METRICS[init],
                "thin": thin,
                "keep_warmup": not discard_tuned_samples,
                "progressbar": bool(progressbar) and not quiet,
                "updates": arrangement.updates(compiled.target),
                "callback": callback and reporting(callback, compiled.target, model.eval_rv_shapes(), tune + draws - 1),
            }
        tree, found = _sampled(model, compiled, names, starts, options, library, blas_cores)
        if not quiet:
            _report(tree, found, compute_convergence_checks)
    extra_groups(tree, model, idata_kwargs or {})
    return tree if trace is None else stored(tree, trace)


def _sampled(
    model: Any,
    compiled: CompiledModel,
    names: list[str],
    starts: tuple[np.ndarray, np.ndarray],
    options: dict[str, Any],
    library: str | None,
    blas_cores: Any,
) -> tuple[Any, Samples]:
    """Run the chains, and map their draws back to the model's variables."""
    recovery = compiled.recovery(len(starts[0]) * options["draws"], names)
    # chains are threads already: threads of the linear algebra library below them would wait for each other
    cores = options.get("cores", 1)
    limit = 1 if blas_cores == "auto" else None if blas_cores is None else max(1, int(blas_cores) // cores)
    with threadpool_limits(limit, "blas"):
        if library is None:
            found = run(compiled.target, *starts, beside=recovery.compile, **options)
        else:
            found = sample_with(library, compiled.target, starts[0], **options)
        tree = _results(model, compiled, found, names, options["tune"], options["random_seed"], recovery)
    return tree, found


def _report(tree: Any, found: Samples, checks: bool) -> None:
    """Log what the user should know of a run."""
    if found.interrupted:
        chains, draws = found.positions.shape[:2]
        _LOG.warning("sampling was interrupted: %d draws of %d chains are kept.", draws, chains)
    if checks:
        for finding in diagnose(tree["posterior"].to_dataset(), found.statistics):
            _LOG.warning(finding.message)


def _starts(model: Any, compiled: CompiledModel, initvals: Any, chains: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if initvals is None or isinstance(initvals, Mapping):
        flat = compiled.flatten(model.initial_point(seed, overrides=initvals or {}))
        return np.tile(flat[0], (chains, 1)), np.tile(flat[1], (chains, 1))
    if len(initvals) != chains:
        raise ValueError(f"initvals: {len(initvals)} starts were given for {chains} chains.")
    each = [compiled.flatten(model.initial_point(seed, overrides=values or {})) for values in initvals]
    return np.stack([e[0] for e in each]), np.stack([e[1] for e in each])


def _exact(model: Any, compiled: CompiledModel, names: list[str], shape: tuple[int, int], seed: int) -> Any:
    """Independent draws of a posterior that is known in closed form."""
    start = time.perf_counter()
    evidence = _checked_evidence(compiled)
    groups = {
        "posterior": compiled.recover(np.zeros((*shape, 0)), np.zeros((*shape, 0), np.int64), names, seed),
        "sample_stats": {
            "tune": np.zeros(shape, bool),
            "diverging": np.zeros(shape, bool),
            "reached_max_treedepth": np.zeros(shape, bool),
            "acceptance_rate": np.ones(shape),
            "n_steps": np.zeros(shape, np.int64),
            "tree_depth": np.zeros(shape, np.int64),
            "lp": np.full(shape, evidence),
        },
    }
    attrs = {"sampling_time": time.perf_counter() - start, "compile_time": 0.0, "tuning_steps": 0}
    return to_datatree(model, groups, attrs)


def _checked_evidence(compiled: CompiledModel) -> float:
    """The log density of the data, everything else integrated out.

    Raises
    ------
    SamplingError
        If it is not finite: the data has no density under the model.
    """
    target = compiled.target
    assert target.terms is not None
    with jax.enable_x64(True):
        terms = {name: float(v) for name, v in target.terms(np.zeros(0), np.zeros(0, np.int64), target.data).items()}
    for name, value in terms.items():
        if not np.isfinite(value):
            raise SamplingError(
                f"{name!r} has log density {value}: its data is outside the support of its law, or a parameter is not allowed. "
                "`model.debug()` shows where."
            )
    return sum(terms.values())


def _results(model: Any, compiled: CompiledModel, found: Samples, names: list[str], tune: int, seed: int, recovery: Forward) -> Any:
    groups: dict[str, Any] = {}
    groups["posterior"] = compiled.recover(found.positions, found.discrete, names, seed, by=recovery)
    groups["sample_stats"] = {"tune": np.zeros(found.positions.shape[:2], bool), **found.statistics}
    if tune and found.warmup_positions is not None and found.warmup_discrete is not None:
        groups["warmup_posterior"] = compiled.recover(found.warmup_positions, found.warmup_discrete, names, seed + 1)
        groups["warmup_sample_stats"] = {"tune": np.ones(found.warmup_positions.shape[:2], bool), **(found.warmup_statistics or {})}
    attrs = {
        "sampling_time": found.sampling_seconds,
        "compile_time": found.compile_seconds,
        "tuning_steps": tune,
    }
    return to_datatree(model, groups, attrs)


def extra_groups(tree: Any, model: Any, wanted: Mapping[str, Any]) -> None:
    """Add the groups that ``idata_kwargs`` asks for."""
    from symjax.pmc_bridge._predictive import compute_log_likelihood, compute_log_prior

    for key in wanted:
        if key not in ("log_likelihood", "log_prior"):
            raise TypeError(f"idata_kwargs: {key!r} is not taken; 'log_likelihood' and 'log_prior' are.")
    if wanted.get("log_likelihood"):
        compute_log_likelihood(tree, model=model)
    if wanted.get("log_prior"):
        compute_log_prior(tree, model=model)
