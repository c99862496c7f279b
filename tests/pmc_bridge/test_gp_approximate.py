"""`gp.MarginalApprox`: PyMC's densities and predictions, the exact process where every input is inducing."""

import numpy as np
import pytest
from gp_reference import assert_same_law, assert_same_log_density, own_law, pymc_law

import symjax.pmc_bridge as bridge

RNG = np.random.default_rng(5)
X = RNG.normal(size=(9, 2))
XU = RNG.normal(size=(4, 2))
Y = RNG.normal(size=9)
XNEW = RNG.normal(size=(3, 2))
POINT = {"ls": np.array(0.8), "sigma": np.array(0.3)}


def model_of(pm, approx):
    with pm.Model() as model:
        ls, sigma = pm.Gamma("ls", 2, 1), pm.HalfNormal("sigma", 1)
        gp = pm.gp.MarginalApprox(approx, mean_func=pm.gp.mean.Constant(0.3), cov_func=1.7 * pm.gp.cov.Matern52(2, ls=ls))
        gp.marginal_likelihood("y", X=X, Xu=XU, y=Y, sigma=sigma)
    return model, gp, None


def additive(pm, approx):
    with pm.Model() as model:
        ls, sigma = pm.Gamma("ls", 2, 1), pm.HalfNormal("sigma", 1)
        part = pm.gp.MarginalApprox(approx, cov_func=pm.gp.cov.ExpQuad(2, ls=ls))
        total = part + pm.gp.MarginalApprox(approx, cov_func=pm.gp.cov.Linear(2, c=0.1))
        total.marginal_likelihood("y", X=X, Xu=XU, y=Y, sigma=sigma)
    return model, part, {"gp": total, "X": X, "Xu": XU, "y": Y, "sigma": sigma}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("approx", ["VFE", "FITC", "DTC"])
@pytest.mark.parametrize("build", [model_of, additive])
def test_densities_and_predictions_are_pymcs(build, approx, fast_pymc, rng):
    ours, own, own_given = build(bridge, approx)
    theirs, reference, given = build(fast_pymc, approx)
    assert_same_log_density(ours, theirs, rng, rtol=1e-8)
    for settings in ({}, {"diag": True}, {"pred_noise": True}, {"diag": True, "pred_noise": True}, {"jitter": 1e-4}):
        found = own.predict(XNEW, point=POINT, given=own_given, model=ours, **settings)
        expected = reference.predict(XNEW, point=POINT, given=given, model=theirs, **settings)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)
    with ours, theirs:
        f, g = own.conditional("f", XNEW, given=own_given), reference.conditional("f", XNEW, given=given)
    assert_same_law(own_law(ours, f, POINT), pymc_law(fast_pymc, theirs, g, POINT), 1e-8)


@pytest.mark.parametrize("approx", ["VFE", "FITC", "DTC"])
def test_with_every_input_inducing_the_process_is_exact(approx):
    cov_func = bridge.gp.cov.Matern32(2, ls=0.7)
    with bridge.Model() as model, bridge.Model() as sparse_model:
        exact = bridge.gp.Marginal(cov_func=cov_func)
        exact.marginal_likelihood("y", X=X, y=Y, sigma=0.3, jitter=0.0)
        sparse = bridge.gp.MarginalApprox(approx, cov_func=cov_func)
        sparse.marginal_likelihood("z", X=X, Xu=X, y=Y, sigma=0.3, jitter=0.0)
        for a, b in zip(sparse.predict(XNEW, jitter=0.0), exact.predict(XNEW, jitter=0.0), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)
        y, z = model.compile_logp(vars="y")({}), sparse_model.compile_logp(vars="marginalapprox_loglik_z")({})
    np.testing.assert_allclose(y, z, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:sample_posterior_predictive")
def test_conditionals_are_drawn_and_data_may_change():
    with bridge.Model() as model:
        x, y = bridge.Data("x", X), bridge.Data("y_data", Y)
        gp = bridge.gp.MarginalApprox(cov_func=bridge.gp.cov.ExpQuad(2, ls=bridge.Gamma("ls", 2, 1)))
        gp.marginal_likelihood("y", X=x, Xu=XU, y=y, sigma=0.5)
        trace = bridge.sample(50, tune=50, chains=1, random_seed=1, progressbar=False)
        gp.conditional("f_pred", XNEW)
        drawn = bridge.sample_posterior_predictive(trace, var_names=["f_pred"], random_seed=2).posterior_predictive["f_pred"]
        bridge.set_data({"x": X[:5], "y_data": Y[:5]})
        mu, _ = gp.predict(XNEW, point={"ls": 1.0})
        expected, _ = gp.predict(XNEW, point={"ls": 1.0}, given={"X": X[:5], "Xu": XU, "y": Y[:5], "sigma": 0.5})
    assert drawn.shape == (1, 50, 3) and np.isfinite(drawn).all()
    np.testing.assert_allclose(mu, expected, rtol=1e-10)
    assert np.isfinite(model.compile_logp(vars=model.potentials)(model.initial_point()))


def test_approximations_are_of_one_kind():
    cov_func = bridge.gp.cov.ExpQuad(1, ls=1.0)
    with pytest.raises(NotImplementedError, match="'exact'"):
        bridge.gp.MarginalApprox("exact", cov_func=cov_func)
    with pytest.raises(TypeError, match="VFE and DTC"):
        bridge.gp.MarginalApprox("VFE", cov_func=cov_func) + bridge.gp.MarginalApprox("DTC", cov_func=cov_func)
