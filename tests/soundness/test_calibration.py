"""Simulation-based calibration of models that are collapsed: ranks of the truth among posterior draws are uniform.

Talts et al., Validating Bayesian inference algorithms with simulation-based calibration, 2018, arXiv 1804.06788.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats as st

import symjax.pmc_bridge as pm

SIMULATIONS = 80
DRAWS = 100
#: A right program fails one of its tests with about this probability.
LEVEL = 1e-6


def _normal_means(observe: Any = None) -> Any:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 2.0)
        tau = pm.HalfNormal("tau", 1.0)
        theta = pm.Normal("theta", mu, tau, shape=6)
        pm.Normal("y", theta, 1.0, observed=observe, shape=6)
    return model


def _regression(observe: Any = None) -> Any:
    x = np.linspace(-1, 2, 12)
    with pm.Model() as model:
        beta = pm.Normal("beta", 0.0, 2.0, shape=2)
        sigma = pm.HalfNormal("sigma", 1.5)
        pm.Normal("y", beta[0] + beta[1] * x, sigma, observed=observe, shape=12)
    return model


def _gamma_poisson(observe: Any = None) -> Any:
    with pm.Model() as model:
        scale = pm.Gamma("scale", 3.0, 2.0)
        rate = pm.Gamma("rate", 2.0, scale, shape=5)
        pm.Poisson("y", rate, observed=observe, shape=5)
    return model


def _beta_binomial(observe: Any = None) -> Any:
    with pm.Model() as model:
        p = pm.Beta("p", 2.0, 3.0, shape=3)
        pm.Binomial("y", 8, p, observed=observe, shape=3)
    return model


def _mixture(observe: Any = None) -> Any:
    with pm.Model() as model:
        w = pm.Beta("w", 2.0, 2.0)
        mu = pm.Normal("mu", [-2.0, 2.0], 1.0)
        z = pm.Bernoulli("z", w, shape=15)
        pm.Normal("y", mu[z], 1.0, observed=observe, shape=15)
    return model


def _variance(observe: Any = None) -> Any:
    with pm.Model() as model:
        v = pm.InverseGamma("v", 3.0, 2.0)
        mu = pm.Normal("mu", 0.0, v**0.5)
        pm.Normal("y", mu, v**0.5, observed=observe, shape=6)
    return model


MODELS: dict[str, Callable[..., Any]] = {
    "normal means": _normal_means, "regression": _regression, "gamma poisson": _gamma_poisson, "beta binomial": _beta_binomial,
    "mixture": _mixture, "unknown variance": _variance,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_ranks_are_uniform(name):
    build = MODELS[name]
    prior = build()
    assert any(r.variables for r in pm.explain(build(np.zeros(prior["y"].shape, prior["y"].dtype))).applied)
    names = [rv.name for rv in prior.free_RVs if rv.name != "y"]
    truths = [np.asarray(x) for x in pm.draw([prior[n] for n in (*names, "y")], draws=SIMULATIONS, random_seed=11)]
    ranks: dict[str, list[Any]] = {n: [] for n in names}
    for k in range(SIMULATIONS):
        with build(truths[-1][k]):
            tree = pm.sample(DRAWS, tune=600, chains=1, random_seed=k, progressbar=False, quiet=True)
        for n, truth in zip(names, truths, strict=False):
            draws = tree.posterior[n].values[0].astype(float)
            # ties of discrete variables are broken at random, which keeps ranks uniform
            noise = np.random.default_rng(k).uniform(size=(len(draws) + 1, *truth[k].shape)) * 1e-9
            below = draws + noise[:-1] < truth[k] + noise[-1]
            ranks[n].append((below.sum(0) + np.random.default_rng([k, 1]).uniform(size=truth[k].shape)) / (DRAWS + 1))
    for n, values in ranks.items():
        each = np.asarray(values).reshape(SIMULATIONS, -1)
        for element in range(min(each.shape[1], 4)):
            assert st.kstest(each[:, element], "uniform").pvalue > LEVEL, (n, element)
