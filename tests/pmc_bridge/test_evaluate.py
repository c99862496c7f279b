"""Expressions at points and at draws: deterministics, vectorised graphs, Hessians, constrained priors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import symjax.pmc_bridge as pm
import symjax.tensor as T


def model_and_draws():
    with pm.Model(coords={"k": ["a", "b"]}) as model:
        x = pm.Normal("x", 0.0, 1.0, dims="k")
        s = pm.HalfNormal("s", 1.0)
        pm.Normal("y", x, s, observed=np.zeros(2), dims="k")
        tree = pm.sample(30, tune=30, chains=2, random_seed=1, progressbar=False, quiet=True)
        pm.Deterministic("z", x * s, dims="k")
        pm.Deterministic("w", T.exp(s))
    return model, tree


def test_deterministics_of_draws():
    model, tree = model_and_draws()
    posterior = tree.posterior.to_dataset()
    found = pm.compute_deterministics(posterior, model=model)
    np.testing.assert_allclose(found["z"], posterior["x"] * posterior["s"], rtol=1e-12)
    assert set(found.data_vars) == {"z", "w"} and found["z"].dims == ("chain", "draw", "k")
    assert set(pm.compute_deterministics(posterior, model=model, var_names=["w"], merge_dataset=True).data_vars) == {"x", "s", "w"}
    pm.compute_deterministics(tree, model=model, extend_dataset=True)
    assert "z" in tree.posterior
    with pytest.raises(ValueError, match=r"\['s'\]"):
        pm.compute_deterministics(posterior.drop_vars("s"), model=model)
    with pytest.raises(KeyError, match="'q'"):
        pm.compute_deterministics(posterior, model=model, var_names=["q"])


def test_graphs_over_draws():
    model, tree = model_and_draws()
    posterior = tree.posterior.to_dataset()
    x, s = model["x"], model["s"]
    first, second = pm.vectorize_over_posterior([x.sum() + s, x], posterior, [x, s])
    np.testing.assert_allclose(first.eval(), posterior["x"].sum("k") + posterior["s"], rtol=1e-12)
    assert second.shape == (2, 30, 2)
    noisy, alone = pm.vectorize_over_posterior([x + pm.Normal.dist(0.0, 1.0), pm.Normal.dist(5.0, 1.0) * 1.0], posterior, [x, s])
    assert np.std(noisy.eval() - posterior["x"].values) > 0.5 and np.std(alone.eval()) > 0.5
    with pytest.raises(RuntimeError, match="left in the graph"):
        pm.vectorize_over_posterior([x + s], posterior, [x], allow_rvs_in_graph=False)


def test_functions_of_points():
    model, _ = model_and_draws()
    point = {"x": np.array([0.5, -0.5]), "s_log__": np.array(0.3)}
    assert float(pm.compile_fn(model.logp(), model=model)(point)) == pytest.approx(float(model.compile_logp()(point)))
    # a density of some of the variables asks for their values alone
    assert float(model.compile_logp(model["s"])({"s_log__": 0.3})) == pytest.approx(float(model.compile_logp(model["s"])(point)))
    with pytest.raises(KeyError, match="s_log__"):
        model.compile_logp(model["s"])({"x": point["x"]})
    x = T.vector("x")
    assert float(pm.compile([x], x.sum())(np.ones(3))) == 3.0


def test_the_hessian_is_that_of_the_log_density():
    with pm.Model():
        pm.Normal("x", 0.0, [0.5, 2.0])
        np.testing.assert_allclose(pm.find_hessian({"x": np.zeros(2)}), np.diag([4.0, 0.25]), rtol=1e-12)


def test_priors_of_a_mass():
    found = pm.find_constrained_prior(pm.Gamma, 0.1, 0.4, {"alpha": 1.0, "beta": 10.0}, mass=0.75)
    law = stats.gamma(found["alpha"], scale=1 / found["beta"])
    assert law.cdf(0.4) - law.cdf(0.1) == pytest.approx(0.75, abs=1e-3) and law.cdf(0.1) == pytest.approx(0.125, abs=0.01)
    found = pm.find_constrained_prior(pm.StudentT, 0.0, 1.0, {"mu": 5.0, "sigma": 2.0}, fixed_params={"nu": 7.0})
    law = stats.t(7, found["mu"], found["sigma"])
    assert law.cdf(1.0) - law.cdf(0.0) == pytest.approx(0.95, abs=1e-3) and found["nu"] == 7.0
    found = pm.find_constrained_prior(pm.Exponential, 0.0, 3.0, {"lam": 1.0}, mass=0.9, mass_below_lower=0.0)
    assert found["lam"] == pytest.approx(-np.log(0.1) / 3, rel=1e-3)
    with pytest.raises(ValueError, match="mass"):
        pm.find_constrained_prior(pm.Normal, 0.0, 1.0, {"mu": 0.0, "sigma": 1.0}, mass=1.0)


def test_draws_from_the_laws_say_that_potentials_do_not_affect_them():
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Potential("pull", -(x**2))
        pm.Normal("y", x, 1.0, observed=0.5)
    with pytest.warns(UserWarning, match=r"sample_prior_predictive: .* the potentials \['pull'\] do not affect them"):
        prior = pm.sample_prior_predictive(10, model=model, random_seed=1)
    prior["posterior"] = prior["prior"]
    with pytest.warns(UserWarning, match=r"sample_posterior_predictive: .* \['pull'\]"):
        pm.sample_posterior_predictive(prior, model=model, random_seed=1, progressbar=False)
