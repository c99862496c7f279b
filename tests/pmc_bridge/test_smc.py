"""`sample_smc`: posteriors, evidences and separate modes that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import symjax.pmc_bridge as pm
from symjax._errors import SamplingError

CHAINS = 8


def conjugate():
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", x, 1.0, observed=np.ones(10))
    return model


@pytest.mark.parametrize("kernel", [pm.smc.IMH, "MH"])
def test_posterior_and_evidence_of_a_normal_mean(kernel):
    tree = pm.sample_smc(1000, kernel, model=conjugate(), chains=CHAINS, random_seed=1, progressbar=False)
    truth = stats.multivariate_normal(np.zeros(10), np.eye(10) + 1).logpdf(np.ones(10))
    draws, evidence = tree.posterior["x"].values, tree.sample_stats["log_marginal_likelihood"].values
    for each, value in ((draws.mean(1), 10 / 11), (draws.var(1), 1 / 11), (evidence, truth)):
        # the t law of 7 degrees passes 8 once in 10⁴
        assert abs(each.mean() - value) < 8 * each.std(ddof=1) / np.sqrt(CHAINS) + 1e-3
    assert tree.sample_stats["beta"].values[0, -1] == 1.0


def test_separate_modes_and_discrete_variables():
    with pm.Model() as model:
        side = pm.Bernoulli("side", 0.3)
        x = pm.NormalMixture("x", [0.5, 0.5], [-6.0, 6.0], [1.0, 1.0])
        pm.Normal("y", x**2, 4.0, observed=36.0)
        pm.Normal("z", side, 1.0, observed=0.5)
    tree = pm.sample_smc(1000, model=model, chains=CHAINS, random_seed=2, progressbar=False)
    for name, value in (("side", 0.3), ("x", 0.5)):
        values = tree.posterior[name].values
        each = ((values > 0) if name == "x" else values).mean(1)
        assert abs(each.mean() - value) < 8 * each.std(ddof=1) / np.sqrt(CHAINS)


def test_the_same_seed_gives_the_same_draws():
    a, b = (pm.sample_smc(100, model=conjugate(), chains=1, random_seed=3, progressbar=False) for _ in range(2))
    np.testing.assert_array_equal(a.posterior["x"], b.posterior["x"])


def test_starts_and_groups():
    start = {"x": np.random.default_rng(1).normal(size=200)}
    tree = pm.sample_smc(
        200, model=conjugate(), chains=1, random_seed=3, start=start, idata_kwargs={"log_likelihood": True}, progressbar=False
    )
    assert tree.log_likelihood["y"].shape == (1, 200, 10)


def test_errors():
    with pytest.raises(ValueError, match="kernel"):
        pm.sample_smc(10, "HMC", model=conjugate())
    with pm.Model() as model:
        x = pm.Uniform("x", 0.0, 1.0)
        pm.Uniform("y", 0.0, x, observed=2.0)
    with pytest.raises(SamplingError, match="finite likelihood"):
        pm.sample_smc(50, model=model, chains=1, progressbar=False)
    with pytest.raises(SamplingError, match="no free variable"):
        pm.sample_smc(50, model=pm.Model())
