"""`sample`: from a model to a DataTree of draws."""

from __future__ import annotations

import difflib
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
from symjax.pmc_bridge._compile import CompiledModel, compile_log_density
from symjax.pmc_bridge._forward import Forward, seed_of
from symjax.pmc_bridge._model import modelcontext
from symjax.sampling import Samples, diagnose
from symjax.sampling import sample as run

_LOG = logging.getLogger("symjax")
_STEP_KEYWORDS = ("target_accept", "max_treedepth")
_METRICS = {
    "auto": "low_rank", "jitter+adapt_diag": "low_rank", "adapt_diag": "low_rank", "jitter+adapt_full": "dense",
    "adapt_full": "dense", "jitter+adapt_diag_grad": "low_rank", "diag": "diag", "jitter+diag": "diag",
}  # fmt: skip


def sample(
    draws: int = 1000,
    *,
    tune: int = 1000,
    chains: int | None = None,
    cores: int | None = None,
    random_seed: Any = None,
    progressbar: bool = True,
    quiet: bool = False,
    step: Any = None,
    var_names: Sequence[str] | None = None,
    nuts_sampler: str | None = None,
    initvals: Mapping[str, Any] | Sequence[Mapping[str, Any] | None] | None = None,
    init: str = "auto",
    jitter_max_retries: int = 10,
    discard_tuned_samples: bool = True,
    thin: int | str = "auto",
    compute_convergence_checks: bool = True,
    return_inferencedata: bool = True,
    idata_kwargs: Mapping[str, Any] | None = None,
    nuts_sampler_kwargs: Mapping[str, Any] | None = None,
    callback: Callable[..., None] | None = None,
    model: Any = None,
    rewrites: Any = "auto",
    **kwargs: Any,
) -> Any:
    """Draw from the posterior with NUTS, and with Gibbs or Metropolis steps for discrete variables.

    Parameters
    ----------
    draws, tune : int
        Numbers of draws and of warm-up steps of each chain.
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
    nuts_sampler, step, nuts_sampler_kwargs
        `nuts_sampler` may be "symjax" or None, `step` None; `nuts_sampler_kwargs` holds further keywords.
    callback : callable, optional
        ``callback(chain, step, tuning, statistics)`` after each step.
    model : Model, optional
        The model in context by default.
    rewrites : {"auto", None} or sequence of str
        What is done to the model before it is sampled, as `explain` tells: everything that pays, nothing (the density exactly as
        written), or the rules named. The posterior is the same.
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
    settings = _settings(kwargs, nuts_sampler_kwargs, nuts_sampler, step, return_inferencedata)
    cores = min(4, os.cpu_count() or 1) if cores is None else cores
    chains = max(4, cores) if chains is None else chains
    _check_choices(init=(init, tuple(_METRICS)))
    _check_counts(draws=draws, tune=tune, chains=chains, cores=cores)
    names = _kept(model, var_names)
    if not model.free_RVs:
        raise SamplingError("the model has no free variable to sample. Give it one, or draw with sample_prior_predictive.")
    seed = seed_of(random_seed)
    compiled = compile_log_density(model, rewrites, framed=rewrites == "auto")
    positions, discrete = _starts(model, compiled, initvals, chains, seed)
    if compiled.is_exact:
        return _exact(model, compiled, names, (chains, draws), seed, idata_kwargs or {})
    options = {
        "draws": draws,
        "tune": tune,
        "random_seed": seed,
        "cores": cores,
        "jitter": "jitter" in init or init == "auto",
        "jitter_retries": jitter_max_retries,
        "metric": _METRICS[init],
        "thin": thin,
        "keep_warmup": not discard_tuned_samples,
        "progressbar": progressbar and not quiet,
        "callback": callback,
    }
    tree, found = _sampled(model, compiled, names, (positions, discrete), options | settings)
    _extra_groups(tree, model, idata_kwargs or {})
    if not quiet:
        _report(tree, found, compute_convergence_checks)
    return tree


def _sampled(
    model: Any, compiled: CompiledModel, names: list[str], starts: tuple[np.ndarray, np.ndarray], options: dict[str, Any]
) -> tuple[Any, Samples]:
    """Run the chains, and map their draws back to the model's variables."""
    # chains are threads already: threads of the linear algebra library below them would wait for each other
    recovery = compiled.recovery(len(starts[0]) * options["draws"], names)
    with threadpool_limits(1, "blas"):
        found = run(compiled.target, *starts, beside=recovery.compile, **options)
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


def _settings(kwargs: Any, sampler_kwargs: Any, nuts_sampler: Any, step: Any, return_inferencedata: bool) -> dict[str, Any]:
    if nuts_sampler not in (None, "symjax", "pymc"):
        raise ValueError(f"nuts_sampler must be 'symjax' or None, got {nuts_sampler!r}.")
    if step is not None:
        raise TypeError("step= is not taken: steps are assigned to variables automatically.")
    if not return_inferencedata:
        raise ValueError("return_inferencedata must be True: results are DataTrees.")
    found = {**dict(kwargs.pop("nuts", {})), **dict(sampler_kwargs or {}), **kwargs}
    for key in found:
        if key not in _STEP_KEYWORDS:
            near = difflib.get_close_matches(key, [*_STEP_KEYWORDS, *_SIGNATURE], 1, cutoff=0.0)[0]
            raise TypeError(f"sample() got an unknown keyword {key!r}. Did you mean {near!r}?")
    return found


_SIGNATURE = (
    "draws", "tune", "chains", "cores", "random_seed", "progressbar", "var_names", "initvals", "init", "discard_tuned_samples",
    "thin", "compute_convergence_checks", "idata_kwargs", "callback", "model", "rewrites",
)  # fmt: skip


def _check_choices(**choices: tuple[Any, tuple[Any, ...]]) -> None:
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise ValueError(f"sample: {name} must be one of {allowed}, got {value!r}.")


def _check_counts(**counts: Any) -> None:
    for name, value in counts.items():
        least = 0 if name == "tune" else 1
        if not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"sample: {name} must be a whole number, at least {least}; got {value!r}.")


def _kept(model: Any, var_names: Sequence[str] | None) -> list[str]:
    known = [v.name for v in model.unobserved_RVs]
    if var_names is None:
        return known
    chosen = [var_names] if isinstance(var_names, str) else list(var_names)
    for name in chosen:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, cutoff=0.0)
            raise KeyError(f"var_names: the model has no unobserved variable {name!r}; did you mean {near[0] if near else None!r}?")
    return chosen


def _starts(model: Any, compiled: CompiledModel, initvals: Any, chains: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if initvals is None or isinstance(initvals, Mapping):
        flat = compiled.flatten(model.initial_point(seed, overrides=initvals or {}))
        return np.tile(flat[0], (chains, 1)), np.tile(flat[1], (chains, 1))
    if len(initvals) != chains:
        raise ValueError(f"initvals: {len(initvals)} starts were given for {chains} chains.")
    each = [compiled.flatten(model.initial_point(seed, overrides=values or {})) for values in initvals]
    return np.stack([e[0] for e in each]), np.stack([e[1] for e in each])


def _exact(
    model: Any, compiled: CompiledModel, names: list[str], shape: tuple[int, int], seed: int, idata_kwargs: Mapping[str, Any]
) -> Any:
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
    tree = to_datatree(model, groups, attrs)
    _extra_groups(tree, model, idata_kwargs)
    return tree


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
    if found.warmup_positions is not None and found.warmup_discrete is not None:
        groups["warmup_posterior"] = compiled.recover(found.warmup_positions, found.warmup_discrete, names, seed + 1)
        groups["warmup_sample_stats"] = {"tune": np.ones(found.warmup_positions.shape[:2], bool), **(found.warmup_statistics or {})}
    attrs = {
        "sampling_time": found.sampling_seconds,
        "compile_time": found.compile_seconds,
        "tuning_steps": tune,
    }
    return to_datatree(model, groups, attrs)


def _extra_groups(tree: Any, model: Any, wanted: Mapping[str, Any]) -> None:
    from symjax.pmc_bridge._predictive import compute_log_likelihood, compute_log_prior

    for key in wanted:
        if key not in ("log_likelihood", "log_prior"):
            raise TypeError(f"idata_kwargs: {key!r} is not taken; 'log_likelihood' and 'log_prior' are.")
    if wanted.get("log_likelihood"):
        compute_log_likelihood(tree, model=model)
    if wanted.get("log_prior"):
        compute_log_prior(tree, model=model)
