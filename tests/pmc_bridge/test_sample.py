"""Sampling models: posteriors with known answers, results as DataTrees, predictive draws, errors."""

import logging

import arviz as az
import numpy as np
import pytest

import symjax.pmc_bridge as pm
from symjax import ParameterError, SamplingError

QUICK = {"chains": 2, "progressbar": False, "random_seed": 3}


def _standard_errors(values, truth):
    """Distance of a mean from the truth in Monte Carlo standard errors."""
    error = values.std() / np.sqrt(float(az.ess(values, chain_axis=0, draw_axis=1)))
    return abs(values.mean() - truth) / error


@pytest.fixture(scope="module")
def conjugate():
    """Normal mean with known variance: the posterior is Normal(mean, sd) with the values returned."""
    y = np.array([1.0, 2.0, 0.5, 1.5])
    with pm.Model(coords={"obs": np.arange(4)}) as model:
        x = pm.Data("offset", np.zeros(4), dims="obs")
        mu = pm.Normal("mu", 0.0, 2.0)
        pm.Deterministic("twice", 2 * mu)
        pm.Normal("y", mu + x, 1.0, observed=y, dims="obs")
        tree = pm.sample(500, tune=300, idata_kwargs={"log_likelihood": True}, discard_tuned_samples=False, rewrites=(), **QUICK)
    precision = 1 / 4 + 4
    return model, tree, y.sum() / precision, precision**-0.5


def test_posterior_is_the_conjugate_one(conjugate):
    _, tree, mean, sd = conjugate
    mu = tree.posterior["mu"].values
    assert _standard_errors(mu, mean) < 4.5
    assert _standard_errors((mu - mean) ** 2, sd**2) < 4.5
    np.testing.assert_allclose(tree.posterior["twice"].values, 2 * mu)


def test_tree_has_groups_dims_and_coords(conjugate):
    _, tree, *_ = conjugate
    for group in ("posterior", "sample_stats", "observed_data", "constant_data", "log_likelihood", "warmup_posterior"):
        assert group in tree.children, group
    assert tree.log_likelihood["y"].dims == ("chain", "draw", "obs")
    assert tree.observed_data["y"].dims == ("obs",)
    assert tree.posterior["mu"].shape == (2, 500) and tree.warmup_posterior["mu"].shape == (2, 300)
    for name in ("diverging", "energy", "lp", "tree_depth", "n_steps", "step_size", "acceptance_rate", "reached_max_treedepth"):
        assert tree.sample_stats[name].shape == (2, 500), name
    assert tree.sample_stats["diverging"].dtype == bool
    assert "mu" in az.summary(tree).index
    assert np.isfinite(az.loo(tree).elpd)


def test_log_likelihood_is_the_density_at_the_draws(conjugate):
    _, tree, *_ = conjugate
    from scipy import stats as st

    mu = tree.posterior["mu"].values[..., None]
    expected = st.norm.logpdf(tree.observed_data["y"].values, mu, 1.0)
    np.testing.assert_allclose(tree.log_likelihood["y"].values, expected, rtol=1e-10)


def test_posterior_predictive_follows_new_data(conjugate):
    model, tree, mean, sd = conjugate
    with model:
        found = pm.sample_posterior_predictive(tree, random_seed=1, progressbar=False)
        y = found.posterior_predictive["y"].values
        assert y.shape == (2, 500, 4)
        assert _standard_errors(y[..., 0], mean) < 4.5
        pm.set_data({"offset": np.full(4, 100.0)})
        try:
            moved = pm.sample_posterior_predictive(tree, random_seed=1, predictions=True)
        finally:
            pm.set_data({"offset": np.zeros(4)})
    np.testing.assert_allclose(moved.predictions["y"].values, y + 100.0)


def test_prior_predictive_draws_everything(conjugate):
    model, *_ = conjugate
    tree = pm.sample_prior_predictive(2000, model=model, random_seed=1)
    mu = tree.prior["mu"].values
    assert abs(mu.mean()) < 4.5 * 2 / np.sqrt(2000) and abs(mu.std() - 2) < 4.5 * 2 / np.sqrt(4000)
    assert tree.prior_predictive["y"].shape == (1, 2000, 4)
    np.testing.assert_allclose(tree.prior["twice"].values, 2 * mu)


def test_seeds_decide_draws(conjugate):
    model, *_ = conjugate
    first, again, other = (
        pm.sample(20, tune=20, model=model, chains=2, random_seed=s, progressbar=False, compute_convergence_checks=False)
        for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.posterior["mu"], again.posterior["mu"])
    assert not np.array_equal(first.posterior["mu"], other.posterior["mu"])


def test_discrete_and_continuous_variables_sample_together():
    """A mixture of two point hypotheses: the posterior of the indicator is known by enumeration."""
    y = np.array([0.4, 1.1])
    with pm.Model() as model:
        k = pm.Bernoulli("k", 0.3)
        mu = pm.Normal("mu", 2.0 * k, 1.0)
        pm.Normal("y", mu, 1.0, observed=y)
        tree = pm.sample(2000, tune=500, compute_convergence_checks=False, **QUICK)
    from scipy import stats as st

    cov = np.eye(2) + 1.0
    evidence = [w * st.multivariate_normal.pdf(y, np.full(2, m), cov) for w, m in ((0.7, 0.0), (0.3, 2.0))]
    assert model.discrete_value_vars
    assert _standard_errors(tree.posterior["k"].values.astype(float), evidence[1] / sum(evidence)) < 4.5


def test_unbounded_discrete_variable():
    with pm.Model():
        pm.Poisson("n", 3.0)
        tree = pm.sample(3000, tune=200, compute_convergence_checks=False, **QUICK)
    n = tree.posterior["n"].values.astype(float)
    assert _standard_errors(n, 3.0) < 4.5
    assert _standard_errors((n - 3.0) ** 2, 3.0) < 4.5


def test_find_map_is_the_mode(conjugate):
    model, _, mean, _ = conjugate
    found = pm.find_MAP(model=model, progressbar=False)
    assert found["mu"] == pytest.approx(mean, abs=1e-5)
    assert found["twice"] == pytest.approx(2 * mean, abs=1e-5)


def test_the_mode_is_that_of_the_variables_themselves():
    with pm.Model():
        rate = pm.Gamma("rate", 3.0, 2.0)
        chance = pm.Beta("chance", 2.0, 2.0)
        pm.Poisson("counts", rate, observed=[4, 1, 2])
        pm.Binomial("wins", 10, chance, observed=3)
        found = pm.find_MAP(progressbar=False)
    # the modes of the Gamma law (10, 5) and of the Beta law (5, 9)
    assert found["rate"] == pytest.approx(9 / 5, abs=1e-5) and found["chance"] == pytest.approx(4 / 12, abs=1e-5)


def test_warmup_that_is_none_is_not_kept():
    with pm.Model():
        pm.Uniform("x", 0.0, 1.0, shape=2)
        keep = {"chains": 2, "discard_tuned_samples": False, "compute_convergence_checks": False, "rewrites": ()}
        trees = [pm.sample(12, tune=tune, progressbar=False, random_seed=1, **keep) for tune in (0, 5)]
    assert ["warmup_posterior" in t.children for t in trees] == [False, True]
    assert trees[1]["warmup_posterior"]["x"].shape == (2, 5, 2) and trees[0]["posterior"]["x"].shape == (2, 12, 2)


def test_results_are_the_callers_own(conjugate):
    model, *_ = conjugate
    tree = pm.sample(20, tune=5, chains=1, model=model, progressbar=False, random_seed=1, compute_convergence_checks=False)
    prior = pm.sample_prior_predictive(20, model=model, random_seed=1)
    x = pm.Normal.dist(0.0, 1.0, shape=3)
    arrays = [tree.posterior["mu"].values, prior.prior["mu"].values, pm.draw(x, random_seed=1), x.eval(), pm.compile([], 2.0 * x)()]
    for array in arrays:
        array[...] = 1.0


def test_errors_of_sampling(conjugate):
    model, *_ = conjugate
    with pytest.raises(TypeError, match="unknown keyword 'target_acept'. Did you mean 'target_accept'"):
        pm.sample(model=model, target_acept=0.9)
    with pytest.raises(KeyError, match="did you mean 'twice'"):
        pm.sample(model=model, var_names=["twic"])
    with pytest.raises(ValueError, match="draws must be a whole number"):
        pm.sample(0, model=model)
    with pytest.raises(TypeError, match="no model on the context stack"):
        pm.sample()
    with pm.Model() as empty, pytest.raises(SamplingError, match="no free variable"):
        pm.sample(model=empty)
    with pm.Model() as bad:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Exponential("y", 1.0, observed=-1.0)
        pm.Normal("z", x, 1.0, observed=0.0)
    with pytest.raises(SamplingError, match="'y' has log density -inf"):
        pm.sample(model=bad, progressbar=False, chains=1)
    with pytest.raises(SamplingError, match="'y' has log density -inf"):
        pm.sample(model=bad, progressbar=False, chains=1, rewrites=None)


def test_a_posterior_in_closed_form_is_drawn_exactly(conjugate):
    model, _, mean, sd = conjugate
    tree = pm.sample(2000, model=model, **QUICK)
    mu = tree.posterior["mu"].values
    assert mu.shape == (2, 2000) and not tree.sample_stats["diverging"].any()
    assert abs(mu.mean() - mean) < 4.5 * sd / np.sqrt(4000)
    assert abs(mu.std() / sd - 1) < 4.5 / np.sqrt(8000)
    np.testing.assert_allclose(tree.posterior["twice"].values, 2 * mu)
    assert abs(np.corrcoef(mu[0, 1:], mu[0, :-1])[0, 1]) < 4.5 / np.sqrt(2000)
    again = pm.sample(2000, model=model, **QUICK)
    np.testing.assert_array_equal(again.posterior["mu"].values, mu)


def test_divergences_are_said_in_words(caplog):
    with pm.Model():
        tau = pm.Normal("tau", 0.0, 3.0)
        pm.Normal("x", 0.0, pm.math.exp(tau), shape=9)
        with caplog.at_level(logging.WARNING, logger="symjax"):
            pm.sample(200, tune=200, target_accept=0.6, rewrites=None, **QUICK)
    assert any("target_accept" in r.message for r in caplog.records)


def test_a_bad_parameter_in_predictive_draws_is_an_error():
    with pm.Model():
        scale = pm.Normal("scale", 0.0, 1.0)
        pm.Normal("y", 0.0, scale, shape=2)
        with pytest.raises(ParameterError, match="'y': 'sigma' must be positive, got -"):
            pm.sample_prior_predictive(50, random_seed=1)
