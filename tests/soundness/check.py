"""Judge the posterior compiler on random models: what it did, and whether it is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symjax.core._function import evaluate
from symjax.core._scope import detached
from symjax.core._traverse import substitute
from symjax.pmc_bridge._forward import run_forward
from symjax.pmc_bridge._plan import ModelPlan, plan_posterior

#: Most standard errors that a right program shows once in 10⁹ comparisons, of which a run has about 10⁵.
Z_LIMIT = 6.1
DRAWS = 400
#: A model whose reference changes by more when it gets more nodes is not judged.
REFERENCE_ERROR = 1e-6


@dataclass(frozen=True)
class Verdict:
    """What was found of one model.

    Attributes
    ----------
    collapsed, latents : int
        Numbers of latents integrated out and of all.
    rules : tuple of str
        Rules that were applied.
    problem : str or None
        What is wrong, if anything.
    skipped : bool
        Whether the reference is not accurate enough to judge.
    """

    collapsed: int
    latents: int
    rules: tuple[str, ...]
    problem: str | None = None
    skipped: bool = False


def statistic(x: Any) -> Any:
    """A bounded statistic that tells laws apart: its means exist for every law and its standard errors are honest."""
    return np.tanh(x - 0.5)


def judge(model: Any, reference: Any, values: Mapping[str, Any], seed: int, *, draws: bool = True) -> Verdict:
    """Compare a plan with a reference.

    Parameters
    ----------
    model : Model
        The model.
    reference : Hierarchy or LinearNetwork
        ``log_marginal(fixed)`` and ``means(fixed, statistic)``.
    values : mapping of str to array
        Where to compare: values of all latents.
    seed : int
        Seed of the conditional draws.
    draws : bool
        Whether to compare conditional draws too.
    """
    plan = plan_posterior(model)
    left = {rv.name for rv in plan.remaining}
    fixed = {name: value for name, value in values.items() if name in left}
    rules = tuple(r.rule for r in plan.plan.rewrites)
    collapsed = len(values) - len(fixed)
    if reference.error(fixed) > REFERENCE_ERROR:
        return Verdict(collapsed, len(values), rules, skipped=True)
    ours, exact = _log_density(plan, fixed), reference.log_marginal(fixed)
    problem = None
    same = ours == exact or abs(ours - exact) <= 1e-5 * max(1.0, abs(exact))
    if not same:
        problem = f"log density {ours!r} given {sorted(fixed)}, should be {exact!r}"
    elif draws and collapsed and np.isfinite(exact):
        problem = _wrong_draws(plan, fixed, reference.means(fixed, statistic), reference.means(fixed, _squared), seed)
    return Verdict(collapsed, len(values), rules, problem)


def _squared(x: Any) -> Any:
    return statistic(x) ** 2


def _leaves(plan: ModelPlan) -> dict[str, Any]:
    return {latent.name: latent for latent in plan.plan.joint.latents}


def _log_density(plan: ModelPlan, fixed: Mapping[str, Any]) -> float:
    with detached():
        at = {leaf: np.asarray(fixed[name], leaf.dtype) for name, leaf in _leaves(plan).items()}
        constants = {leaf: _constant(value) for leaf, value in at.items()}
        terms = substitute([f.term.sum() if f.term.shape else f.term for f in plan.plan.joint.factors], constants)
        return float(sum(float(v) for v in evaluate(terms)))


def _constant(value: Any) -> Any:
    from symjax.core._leaves import constant

    return constant(value)


def _wrong_draws(plan: ModelPlan, fixed: Mapping[str, Any], means: Any, squares: Any, seed: int) -> str | None:
    leaves = _leaves(plan)
    recovered = plan.plan.recovered()
    given = {leaf: np.broadcast_to(np.asarray(fixed[name], leaf.dtype), (DRAWS, *leaf.shape)) for name, leaf in leaves.items()}
    found = run_forward(list(recovered.values()), given, DRAWS, seed, checked=False)
    for latent, draws in zip(recovered, found, strict=True):
        t = statistic(np.asarray(draws, float))
        for what, values, exact in (("mean", t, means), ("mean square", t**2, squares)):
            expected = np.asarray(exact[latent.name], float)
            spread = np.sqrt(_variance(latent.name, what, means, squares, values) / DRAWS)
            z = np.abs(values.mean(0) - expected) / (spread + 1e-7)
            if not np.all(z < Z_LIMIT):
                return f"{what} of {latent.name!r}: {values.mean(0)} should be {expected} (z = {np.max(z):.1f})"
    return None


def _variance(name: str, what: str, means: Any, squares: Any, values: np.ndarray) -> np.ndarray:
    """Variance of a statistic between -1 and 1; at least that of an event that a sample may well miss, or hold by chance."""
    exact = squares[name] - np.square(means[name]) if what == "mean" else values.var(0)
    return np.maximum(np.asarray(exact, float), 1.0 / DRAWS)
