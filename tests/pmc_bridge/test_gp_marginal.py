"""`gp.Marginal`: PyMC's densities and predictions, additive processes, data that change, draws."""

import numpy as np
import pytest
from gp_reference import assert_same_law, assert_same_log_density, own_law, pymc_law

import symjax.pmc_bridge as bridge

RNG = np.random.default_rng(3)
X = RNG.normal(size=(9, 2))
Y = RNG.normal(size=9)
XNEW = RNG.normal(size=(4, 2))
POINT = {"ls": np.array(0.8), "eta": np.array(1.4), "sigma": np.array(0.3)}


def plain(pm):
    """White noise and a linear mean."""
    with pm.Model() as model:
        ls, eta, sigma = pm.Gamma("ls", 2, 1), pm.HalfNormal("eta", 2), pm.HalfNormal("sigma", 1)
        gp = pm.gp.Marginal(mean_func=pm.gp.mean.Linear(np.array([0.5, -0.3]), 0.2), cov_func=eta**2 * pm.gp.cov.Matern52(2, ls=ls))
        gp.marginal_likelihood("y", X=X, y=Y, sigma=sigma)
    return model, gp, None


def coloured(pm):
    """Noise with a covariance function of its own."""
    with pm.Model() as model:
        ls, eta, sigma = pm.Gamma("ls", 2, 1), pm.HalfNormal("eta", 2), pm.HalfNormal("sigma", 1)
        gp = pm.gp.Marginal(cov_func=eta**2 * pm.gp.cov.ExpQuad(2, ls=ls))
        noise = pm.gp.cov.WhiteNoise(sigma) + 0.1 * pm.gp.cov.Matern32(2, ls=0.2)
        gp.marginal_likelihood("y", X=X, y=Y, sigma=noise, jitter=1e-5)
    return model, gp, None


def additive(pm):
    """A part of a sum of processes."""
    with pm.Model() as model:
        ls, eta, sigma = pm.Gamma("ls", 2, 1), pm.HalfNormal("eta", 2), pm.HalfNormal("sigma", 1)
        part = pm.gp.Marginal(cov_func=eta**2 * pm.gp.cov.ExpQuad(2, ls=ls))
        other = pm.gp.Marginal(mean_func=pm.gp.mean.Constant(0.4), cov_func=pm.gp.cov.Linear(2, c=0.1))
        total = part + other
        total.marginal_likelihood("y", X=X, y=Y, sigma=sigma)
    return model, part, {"gp": total, "X": X, "y": Y, "sigma": sigma}


MODELS = {f.__name__: f for f in (plain, coloured, additive)}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_densities_and_predictions_are_pymcs(name, fast_pymc, rng):
    ours, own, own_given = MODELS[name](bridge)
    theirs, reference, given = MODELS[name](fast_pymc)
    assert_same_log_density(ours, theirs, rng)
    for settings in ({}, {"diag": True}, {"pred_noise": True}, {"diag": True, "pred_noise": True}, {"jitter": 1e-4}):
        found = own.predict(XNEW, point=POINT, given=own_given, model=ours, **settings)
        expected = reference.predict(XNEW, point=POINT, given=given, model=theirs, **settings)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    with ours, theirs:
        f = own.conditional("f", XNEW, given=own_given)
        g = reference.conditional("f", XNEW, given=given)
    assert_same_law(own_law(ours, f, POINT), pymc_law(fast_pymc, theirs, g, POINT), 1e-9)


def test_conditionals_are_drawn_at_new_inputs():
    model, gp, _ = plain(bridge)
    with model:
        x_new = bridge.Data("x_new", XNEW)
        gp.conditional("f_pred", x_new)
        gp.conditional("y_pred", x_new, pred_noise=True)
        trace = bridge.sample(50, tune=50, chains=1, random_seed=1, progressbar=False)
        drawn = bridge.sample_posterior_predictive(trace, var_names=["f_pred", "y_pred", "y"], random_seed=2)
        assert drawn.posterior_predictive["f_pred"].shape == (1, 50, 4)
        assert drawn.posterior_predictive["y"].shape == (1, 50, 9)
        bridge.set_data({"x_new": np.concatenate([XNEW, X])})
        drawn = bridge.sample_posterior_predictive(trace, var_names=["f_pred"], random_seed=2)
    assert drawn.posterior_predictive["f_pred"].shape == (1, 50, 13)
    assert np.isfinite(drawn.posterior_predictive["f_pred"]).all()


def test_draws_of_a_conditional_have_its_law():
    with bridge.Model() as model:
        gp = bridge.gp.Marginal(cov_func=bridge.gp.cov.ExpQuad(2, ls=1.0))
        gp.marginal_likelihood("y", X=X, y=Y, sigma=0.3)
        f = gp.conditional("f", XNEW)
        mu, cov = gp.predict(XNEW)
    n = 20_000
    draws = bridge.draw(f, n, random_seed=3)
    deviation = (draws.mean(0) - mu) / np.sqrt(np.diag(cov) / n)
    assert np.abs(deviation).max() < 5
    assert np.abs((draws.var(0) / np.diag(cov) - 1) * np.sqrt(n / 2)).max() < 5
    assert model.free_RVs == [f]


def test_data_may_change_their_length():
    with bridge.Model() as model:
        x, y = bridge.Data("x", X), bridge.Data("y_data", Y)
        sigma = bridge.HalfNormal("sigma", 1)
        gp = bridge.gp.Marginal(cov_func=bridge.gp.cov.Matern32(2, ls=0.7))
        gp.marginal_likelihood("y", X=x, y=y, sigma=sigma)
        mu, cov = gp.predict(XNEW, point=POINT)
        bridge.set_data({"x": X[:5], "y_data": Y[:5]})
        again, _ = gp.predict(XNEW, point=POINT)
        given = {"X": X[:5], "y": Y[:5], "sigma": sigma}
        expected, _ = gp.predict(XNEW, point=POINT, given=given)
    np.testing.assert_allclose(again, expected, rtol=1e-12)
    assert mu.shape == (4,) and cov.shape == (4, 4) and np.abs(mu - again).max() > 1e-3
    assert np.isfinite(model.compile_logp()(model.initial_point()))


def test_what_is_missing_is_named():
    model, gp, _ = plain(bridge)
    with pytest.raises(ValueError, match=r"lacks the values of \['sigma'\]"):
        gp.predict(XNEW, point={"ls": 1.0, "eta": 1.0}, model=model)
    with pytest.raises(KeyError, match="'noise'"):
        gp.predict(XNEW, point=POINT, given={"noise": 1.0}, model=model)
    fresh = bridge.gp.Marginal(cov_func=bridge.gp.cov.ExpQuad(1, ls=1.0))
    with pytest.raises(AttributeError, match=r"\['X', 'y', 'sigma'\] not set"):
        fresh.predict(XNEW, model=model)
    with pytest.raises(TypeError, match="one kind"):
        gp + object()
