"""Variational inference of models: known posteriors, trees of draws, reproducibility, callbacks and errors."""

import arviz as az
import numpy as np
import optax
import pytest

import symjax.pmc_bridge as pm
from symjax import SamplingError

Y = np.array([1.0, 2.0, 0.5, 1.5])


def _decaying(steps):
    return pm.adam(learning_rate=optax.cosine_decay_schedule(0.1, steps))


@pytest.fixture(scope="module")
def conjugate():
    """A normal mean with known variance, and a vector that is independent of it; the mean's posterior mean and sd."""
    with pm.Model(coords={"obs": np.arange(4), "k": ["a", "b"]}) as model:
        mu = pm.Normal("mu", 0.0, 2.0)
        pm.Normal("z", [1.0, -1.0], [0.5, 2.0], dims="k")
        pm.Deterministic("twice", 2 * mu)
        pm.Normal("y", mu, 1.0, observed=Y, dims="obs")
    precision = 1 / 4 + 4
    return model, Y.sum() / precision, precision**-0.5


@pytest.mark.parametrize("method", ["advi", "fullrank_advi", "ADVI"])
def test_normal_posteriors_are_recovered(conjugate, method):
    model, mean, sd = conjugate
    approx = pm.fit(1500, method=method, model=model, random_seed=1, obj_n_mc=30, obj_optimizer=_decaying(1500), progressbar=False)
    assert np.all(np.abs(approx.mean.eval() - [mean, 1.0, -1.0]) < 0.03 * np.array([sd, 0.5, 2.0]))
    np.testing.assert_allclose(approx.std.eval(), [sd, 0.5, 2.0], rtol=0.05)
    np.testing.assert_allclose(np.sqrt(np.diag(approx.cov.eval())), approx.std.eval(), rtol=1e-10)
    assert len(approx.hist) == 1500
    # the loss at the optimum is minus the log evidence of y: its law has covariance 1 + 4 * ones
    covariance = np.eye(4) + 4.0
    truth = 0.5 * (Y @ np.linalg.solve(covariance, Y) + np.linalg.slogdet(2 * np.pi * covariance)[1])
    assert approx.hist[-100:].mean() == pytest.approx(truth, abs=0.02)


def test_draws_are_a_tree_of_the_models_variables(conjugate):
    model, *_ = conjugate
    approx = pm.MeanField(model=model)
    tree = approx.sample(2000, random_seed=1)
    assert tree.posterior["mu"].shape == (1, 2000) and tree.posterior["z"].dims == ("chain", "draw", "k")
    np.testing.assert_allclose(tree.posterior["twice"].values, 2 * tree.posterior["mu"].values)
    assert "y" in tree.observed_data and "mu" in az.summary(tree).index
    mu = tree.posterior["mu"].values
    mean, sd = approx.mean.eval()[0], approx.std.eval()[0]
    assert abs(mu.mean() - mean) < 5 * sd / np.sqrt(2000) and abs(mu.std() - sd) < 5 * sd / np.sqrt(4000)
    np.testing.assert_array_equal(pm.sample_approx(approx, 2000, random_seed=1).posterior["mu"], tree.posterior["mu"])
    arrays = approx.sample(5, random_seed=1, return_inferencedata=False)
    assert arrays["z"].shape == (5, 2) and set(arrays) == {"mu", "z", "twice"}
    with pytest.raises(ValueError, match="draws must be at least 1, got 0"):
        approx.sample(0)


def test_seeds_decide_results(conjugate):
    model, *_ = conjugate
    for method in ("advi", "svgd", "asvgd"):
        kwargs = {"obj_n_mc": 10} if method == "asvgd" else {}
        first, again, other = (
            pm.fit(30, method=method, model=model, random_seed=s, progressbar=False, **kwargs).mean.eval() for s in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)


def test_refine_goes_on_where_fit_ended(conjugate):
    model, *_ = conjugate
    whole, halves = pm.ADVI(model=model, random_seed=1), pm.ADVI(model=model, random_seed=1)
    whole.fit(200, progressbar=False)
    with pytest.raises(TypeError, match=r"call `\.fit` first"):
        halves.refine(10)
    halves.fit(120, progressbar=False)
    assert halves.refine(80) is halves.approx
    np.testing.assert_array_equal(whole.hist, halves.hist)
    np.testing.assert_array_equal(whole.approx.mean.eval(), halves.approx.mean.eval())


def test_hierarchical_means_are_those_of_nuts():
    y = np.array([2.8, 0.8, -0.3, 0.7, 1.2, 1.8, 0.9, 1.1]).repeat(4)
    group = np.arange(8).repeat(4)
    with pm.Model():
        mu = pm.Normal("mu", 0.0, 2.0)
        tau = pm.HalfNormal("tau", 1.0)
        z = pm.Normal("z", 0.0, 1.0, shape=8)
        theta = pm.Deterministic("theta", mu + tau * z)
        pm.Normal("y", theta[group], 0.5, observed=y)
        approx = pm.fit(3000, method="fullrank_advi", random_seed=1, obj_n_mc=10, obj_optimizer=_decaying(3000), progressbar=False)
        tree = pm.sample(1000, tune=500, chains=2, random_seed=1, progressbar=False, compute_convergence_checks=False)
    ours, truth = approx.sample(4000, random_seed=1).posterior, tree.posterior
    for name in ("mu", "tau", "theta"):
        sd = truth[name].std(("chain", "draw")).values
        gap = np.abs(ours[name].mean(("chain", "draw")).values - truth[name].mean(("chain", "draw")).values)
        # the approximation is not the posterior: a third of its standard deviation is close
        assert np.all(gap < 0.35 * sd), (name, gap / sd)


def test_svgd_covers_the_posterior(conjugate):
    model, mean, sd = conjugate
    svgd = pm.SVGD(n_particles=80, model=model, random_seed=1)
    approx = pm.fit(800, method=svgd, obj_optimizer=_decaying(800), progressbar=False)
    np.testing.assert_allclose(approx.mean.eval(), [mean, 1.0, -1.0], atol=0.15)
    assert approx.std.eval()[0] == pytest.approx(sd, rel=0.25)
    assert len(approx.hist) == 0 and approx.params[0].get_value().shape == (80, 3)
    assert approx.sample(7, random_seed=1).posterior["z"].shape == (1, 7, 2)


def test_empirical_holds_the_draws_of_a_trace():
    with pm.Model() as model:
        pm.HalfNormal("s", 1.0)
        pm.Normal("x", 0.0, 1.0, shape=2)
        tree = pm.sample(50, tune=50, chains=2, random_seed=1, progressbar=False, compute_convergence_checks=False)
        approx = pm.Empirical(tree)
    histogram = approx.params[0].get_value()
    np.testing.assert_allclose(histogram[:, 0], np.log(tree.posterior["s"].values.ravel()))
    drawn = approx.sample(20, random_seed=1).posterior["s"].values.ravel()
    assert np.isclose(drawn[:, None], tree.posterior["s"].values.ravel()).any(1).all()
    with pytest.raises(ValueError, match=r"lacks the free variables \['s'\]"):
        pm.Empirical(tree.posterior.to_dataset().drop_vars("s"), model=model)
    with pytest.raises(ValueError, match="size"):
        pm.Empirical(model=model)


def test_groups_have_families_of_their_own(conjugate):
    model, mean, sd = conjugate
    with model:
        approx = pm.Approximation([pm.Group([model["z"]], vfam="fr", random_seed=1), pm.Group(None, vfam="mf")])
        pm.KLqp(approx).fit(1500, obj_n_mc=30, obj_optimizer=_decaying(1500), progressbar=False)
    assert repr(approx) == "Approximation{full_rank[2] & mean_field[1]}"
    np.testing.assert_allclose(approx.mean.eval(), [mean, 1.0, -1.0], atol=0.08)
    np.testing.assert_allclose(approx.std.eval(), [sd, 0.5, 2.0], rtol=0.05)
    given = pm.Group(["mu"], params={"mu": np.array([3.0]), "rho": np.zeros(1)}, model=model)
    mixed = pm.Approximation([given, pm.Group(["z"], vfam="mf", model=model)])
    assert mixed.mean.eval()[0] == 3.0


def test_errors_of_groups(conjugate):
    model, *_ = conjugate
    with model:
        for settings, match in [({}, "just one"), ({"vfam": "mf", "params": {}}, "just one")]:
            with pytest.raises(TypeError, match=match):
                pm.Group(None, **settings)
        with pytest.raises(KeyError, match="vfam must be one of"):
            pm.Group(None, vfam="flow")
        with pytest.raises(KeyError, match="no family has the parameters"):
            pm.Group(None, params={"mu": 0.0})
        with pytest.raises(ValueError, match=r"'rho' of a group must have shape \(3,\), got \(2,\)"):
            pm.MeanField(params={"mu": np.zeros(3), "rho": np.zeros(2)})
        with pytest.raises(ValueError, match="every free variable once"):
            pm.Approximation([pm.Group([model["z"]], vfam="mf")])
        with pytest.raises(ValueError, match="'y' is no free variable"):
            pm.Approximation([pm.Group(["y"], vfam="mf")])


def test_start_and_start_sigma():
    with pm.Model() as model:
        pm.HalfNormal("s", 1.0)
        pm.Normal("x", 0.0, 1.0, shape=2)
        approx = pm.fit(0, start={"s": 2.0, "x": [3.0, 4.0]}, start_sigma={"x": [0.1, 0.2]}, progressbar=False)
    np.testing.assert_allclose(approx.mean.eval(), [np.log(2.0), 3.0, 4.0])
    np.testing.assert_allclose(approx.std.eval(), [np.log(2.0), 0.1, 0.2])
    with pytest.raises(KeyError, match="'w' is no variable of the approximation"):
        pm.MeanField(model=model, start_sigma={"w": 1.0})
    with pytest.raises(ValueError, match="'x' needs one or 2 positive numbers"):
        pm.MeanField(model=model, start_sigma={"x": -1.0})


def test_new_data_are_fitted():
    with pm.Model() as model:
        data = pm.Data("data", np.zeros(4))
        pm.Normal("x", 0.0, 10.0)
        pm.Normal("y", model["x"], 1.0, observed=data)
        advi = pm.ADVI(random_seed=1)
        pm.set_data({"data": np.full(9, 5.0)})
        advi.fit(1000, obj_n_mc=20, obj_optimizer=_decaying(1000), progressbar=False)
    assert advi.approx.mean.eval()[0] == pytest.approx(45.0 / 9.01, abs=0.05)
    assert advi.approx.std.eval()[0] == pytest.approx(9.01**-0.5, rel=0.05)


def test_beta_weighs_the_divergence_from_the_prior():
    with pm.Model():
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", x, 1.0, observed=np.array([3.0]))
        inference = pm.KLqp(pm.MeanField(random_seed=1), beta=3.0)
        inference.fit(1500, obj_n_mc=30, obj_optimizer=_decaying(1500), progressbar=False)
    # likelihood * prior^3, and its entropy weighed by 3: variance 3 / (1 + 3)
    assert inference.approx.mean.eval()[0] == pytest.approx(3.0 / 4.0, abs=0.04)
    assert inference.approx.std.eval()[0] == pytest.approx(np.sqrt(0.75), rel=0.04)


def test_callbacks(conjugate, capsys):
    model, *_ = conjugate
    advi = pm.ADVI(model=model, random_seed=1)
    tracker = pm.callbacks.Tracker(mean=advi.approx.mean.eval, loss=lambda approx, losses, i: losses[-1], i=lambda a, b, i: i)
    advi.fit(5, callbacks=[tracker], progressbar=False)
    assert tracker["i"] == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(tracker["loss"], advi.hist)
    np.testing.assert_array_equal(tracker["mean"][-1], advi.approx.mean.eval())
    assert not np.array_equal(tracker["mean"][0], tracker["mean"][1])
    tracker.clear()
    assert tracker["i"] == []
    check = pm.callbacks.CheckParametersConvergence(every=10, tolerance=1e3, diff="absolute")
    found = pm.fit(100, model=model, callbacks=[check], random_seed=1)
    assert len(found.hist) == 20
    capsys.readouterr()
    with pytest.raises(ValueError, match="diff must be one of"):
        pm.callbacks.CheckParametersConvergence(diff="other")


def test_an_interrupt_keeps_what_was_reached(conjugate):
    model, *_ = conjugate

    def interrupt(approx, losses, i):
        if i == 3:
            raise KeyboardInterrupt

    approx = pm.fit(100, model=model, callbacks=[interrupt], random_seed=1, progressbar=False)
    np.testing.assert_array_equal(approx.mean.eval(), pm.fit(3, model=model, random_seed=1, progressbar=False).mean.eval())
    assert len(approx.hist) == 3


def test_progress_is_shown(conjugate, capsys):
    model, *_ = conjugate
    pm.fit(20, model=model, random_seed=1)
    assert "20/20 steps  loss" in capsys.readouterr().err


def test_errors_of_fitting(conjugate):
    model, *_ = conjugate
    with pytest.raises(KeyError, match="method must be one of"):
        pm.fit(10, method="flow", model=model)
    with pytest.raises(TypeError, match="method must be one of"):
        pm.fit(10, method=3, model=model)
    with pytest.raises(TypeError, match="one was given"):
        pm.fit(10, method=pm.ADVI(model=model), random_seed=1)
    with pytest.raises(TypeError, match="transformation of optax"):
        pm.fit(10, model=model, obj_optimizer=0.1)
    with pytest.raises(TypeError, match="unknown_keyword"):
        pm.fit(10, model=model, unknown_keyword=1)
    with pytest.raises(ValueError, match="obj_n_mc must be positive"):
        pm.fit(10, model=model, obj_n_mc=0)
    with pytest.raises(TypeError, match="no model"):
        pm.fit(10)
    with pytest.raises(ValueError, match="has particles"):
        pm.KLqp(pm.Empirical(size=3, model=model))
    with pytest.raises(ValueError, match="temperature must be positive"):
        pm.SVGD(model=model, temperature=0.0)
    with pm.Model(), pytest.raises(ValueError, match="no free variable"):
        pm.fit(10)
    with pm.Model():
        pm.Bernoulli("k", 0.5)
        with pytest.raises(ValueError, match=r"\['k'\] are discrete.*marginalize"):
            pm.fit(10)


def test_density_that_is_not_finite():
    with pm.Model():
        x = pm.Normal("x", 0.0, 1.0)
        pm.Potential("wall", np.inf * (x < 1.0) * -1.0)
        with pytest.raises(SamplingError, match="'wall'"):
            pm.fit(10, progressbar=False)
    with pm.Model():
        x = pm.Normal("x", 1.0, 1.0)
        pm.Potential("root", pm.math.sqrt(x))
        with pytest.raises(FloatingPointError, match="that by 'x'.*learning rate"):
            pm.fit(1000, random_seed=1, progressbar=False)


def test_an_optimizer_may_be_a_function_or_bounded(conjugate):
    model, *_ = conjugate
    plain = pm.fit(5, model=model, random_seed=1, obj_optimizer=pm.adam, progressbar=False)
    called = pm.fit(5, model=model, random_seed=1, obj_optimizer=pm.adam(), progressbar=False)
    np.testing.assert_array_equal(plain.mean.eval(), called.mean.eval())
    bounded = pm.fit(
        1, model=model, random_seed=1, obj_optimizer=pm.sgd(learning_rate=1.0), total_grad_norm_constraint=0.1, progressbar=False
    )
    start = pm.MeanField(model=model)
    moved = [a.get_value() - b.get_value() for a, b in zip(bounded.params, start.params, strict=True)]
    assert np.sqrt(sum((m**2).sum() for m in moved)) == pytest.approx(0.1)


def test_variables_of_every_support_come_back():
    """A simplex, an ordered vector, a bound that is a variable, and an imputed value: draws obey their supports."""
    with pm.Model() as model:
        w = pm.Dirichlet("w", np.ones(3))
        high = pm.Uniform("high", 1.0, 3.0)
        low = pm.Uniform("low", 0.0, high)
        with pytest.warns(pm.ImputationWarning):
            pm.Normal("y", low + w[0], 1.0, observed=np.array([0.5, np.nan]))
        approx = pm.fit(20, random_seed=1, progressbar=False)
        found = approx.sample(50, random_seed=1).posterior
        np.testing.assert_allclose(found["w"].sum("w_dim_0"), 1.0)
        assert bool((found["low"] < found["high"]).all()) and found["y"].shape == (1, 50, 2)
        assert approx.ddim == 5
        again = pm.Empirical(approx.sample(50, random_seed=1)).params[0].get_value()
    np.testing.assert_allclose(again, approx.positions(50, random_seed=1), rtol=1e-6, atol=1e-8)
    assert model.free_RVs


def test_marginalized_variables_are_drawn_with_the_rest():
    y = np.array([-2.1, -1.9, 2.0, 2.2])
    with pm.Model() as model:
        mu = pm.Normal("mu", [-2.0, 2.0], 1.0)
        k = pm.Bernoulli("k", 0.5, shape=4)
        pm.Normal("y", mu[k], 0.5, observed=y)
    marginal = pm.marginalize(model, "k")
    approx = pm.fit(500, model=marginal, random_seed=1, obj_optimizer=_decaying(500), progressbar=False)
    np.testing.assert_allclose(approx.mean.eval(), [-2.0, 2.1], atol=0.2)


def test_moments_as_datasets(conjugate):
    model, *_ = conjugate
    approx = pm.MeanField(model=model)
    assert approx.mean_data["z"].dims == ("k",) and approx.mean_data["z"].sel(k="b") == -1.0
    np.testing.assert_allclose(approx.std_data["mu"], np.log(2.0))


def test_a_model_that_changed_needs_a_new_approximation():
    with pm.Model():
        pm.Normal("x", 0.0, 1.0)
        advi = pm.ADVI()
        pm.Normal("z", 0.0, pm.Data("scale", 1.0))
        with pytest.raises(ValueError, match="make the approximation anew"):
            advi.fit(10, progressbar=False)


def test_the_stein_direction_is_what_svgd_goes_along(conjugate):
    model, *_ = conjugate
    before = pm.Empirical(size=10, model=model, random_seed=1)
    after = pm.fit(
        1, pm.SVGD(n_particles=10, model=model, random_seed=1), obj_optimizer=pm.sgd(learning_rate=0.5), progressbar=False
    )
    moved = after.params[0].get_value() - before.params[0].get_value()
    np.testing.assert_allclose(moved, 0.5 * pm.Stein(before).grad, rtol=1e-8, atol=1e-12)
    assert pm.Stein(pm.MeanField(model=model), n_mc=7).grad.shape == (7, 3)
