"""`gp.Latent` and `gp.TP`: PyMC's densities and conditionals, several outputs, additive processes, draws."""

import numpy as np
import pytest
from gp_reference import assert_same_law, assert_same_log_density, own_law, pymc_law

import symjax.pmc_bridge as bridge

RNG = np.random.default_rng(4)
X = RNG.normal(size=(6, 2))
XNEW = RNG.normal(size=(3, 2))
Y = RNG.normal(size=6)
F = RNG.normal(size=6)


def rotated(pm):
    with pm.Model() as model:
        ls = pm.Gamma("ls", 2, 1)
        gp = pm.gp.Latent(mean_func=pm.gp.mean.Constant(0.3), cov_func=1.3 * pm.gp.cov.ExpQuad(2, ls=ls))
        f = gp.prior("f", X=X)
        pm.StudentT("y", nu=4, mu=f, sigma=0.5, observed=Y)
    return model, gp, None, {"ls": 0.8, "f_rotated_": F, "f": F}


def direct(pm):
    with pm.Model(coords={"place": range(6)}) as model:
        ls = pm.Gamma("ls", 2, 1)
        gp = pm.gp.Latent(cov_func=1.3 * pm.gp.cov.Matern52(2, ls=ls))
        f = gp.prior("f", X=X, reparameterize=False, jitter=1e-4, dims="place")
        pm.StudentT("y", nu=4, mu=f, sigma=0.5, observed=Y)
    return model, gp, None, {"ls": 0.8, "f": F}


def additive(pm):
    with pm.Model() as model:
        ls = pm.Gamma("ls", 2, 1)
        part = pm.gp.Latent(cov_func=pm.gp.cov.ExpQuad(2, ls=ls))
        total = part + pm.gp.Latent(mean_func=pm.gp.mean.Constant(0.4), cov_func=pm.gp.cov.Linear(2, c=0.1))
        f = total.prior("f", X=X, reparameterize=False)
        pm.StudentT("y", nu=4, mu=f, sigma=0.5, observed=Y)
    return model, part, {"gp": total, "X": X, "f": f}, {"ls": 0.8, "f": F}


def several(pm):
    with pm.Model(coords={"output": range(2), "place": range(6)}) as model:
        ls = pm.Gamma("ls", 2, 1)
        gp = pm.gp.Latent(mean_func=pm.gp.mean.Constant(0.3), cov_func=pm.gp.cov.ExpQuad(2, ls=ls))
        f = gp.prior("f", X=X, n_outputs=2, dims=("output", "place"))
        g = gp.prior("g", X=X, n_outputs=2, reparameterize=False)
        pm.StudentT("y", nu=4, mu=f + g, sigma=0.5, observed=np.stack([Y, -Y]))
    return model, gp, None, {"ls": 0.8, "f_rotated_": np.stack([F, Y]), "g": np.stack([F, Y])}


MODELS = {f.__name__: f for f in (rotated, direct, additive, several)}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_densities_and_conditionals_are_pymcs(name, fast_pymc, rng):
    ours, own, own_given, point = MODELS[name](bridge)
    theirs, reference, given, _ = MODELS[name](fast_pymc)
    assert_same_log_density(ours, theirs, rng)
    with ours, theirs:
        f = own.conditional("f_new", XNEW, given=own_given)
        g = reference.conditional("f_new", XNEW, given=given)
    # PyMC leaves the singular covariance matrix to a decomposition by singular values, symjax adds the jitter
    assert_same_law(own_law(ours, f, point), pymc_law(fast_pymc, theirs, g, point), 1e-9, jitter=1e-6)


def student(pm, reparameterize):
    with pm.Model() as model:
        ls = pm.Gamma("ls", 2, 1)
        gp = pm.gp.TP(mean_func=pm.gp.mean.Constant(0.3), scale_func=1.3 * pm.gp.cov.Matern52(2, ls=ls), nu=5.0)
        f = gp.prior("f", X=X, reparameterize=reparameterize)
        pm.Normal("y", f, 0.5, observed=Y)
    return model, gp


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reparameterize", [True, False])
def test_student_processes_are_pymcs(reparameterize, fast_pymc, rng):
    (ours, own), (theirs, reference) = student(bridge, reparameterize), student(fast_pymc, reparameterize)
    assert_same_log_density(ours, theirs, rng, rtol=1e-8)
    point = {"ls": 0.8, "f": F, **({"f_rotated_": F} if reparameterize else {})}
    with ours, theirs:
        f, g = own.conditional("f_new", XNEW), reference.conditional("f_new", XNEW)
    nu, mu, scale = own_law(ours, f, point)
    nu_pymc, mu_pymc, scale_pymc = pymc_law(fast_pymc, theirs, g, point)
    np.testing.assert_allclose(nu, nu_pymc)
    np.testing.assert_allclose(mu, mu_pymc, rtol=1e-7)
    # proportional: PyMC's factor is that of a covariance, (nu + beta - 2) / (nu + n - 2)
    ratio = (scale - 1e-6 * np.eye(3)) / scale_pymc
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-6)


def test_the_conditional_of_a_student_process_is_that_of_its_joint_law(rng):
    both = np.concatenate([X, XNEW])
    scale_func = 1.3 * bridge.gp.cov.Matern52(2, ls=0.8)
    f_new = rng.normal(size=3)
    with bridge.Model() as model:
        gp = bridge.gp.TP(scale_func=scale_func, nu=3.0)
        f = gp.prior("f", X=X, reparameterize=False, jitter=1e-9)
        gp.conditional("f_new", XNEW, jitter=1e-9)
    point = {"f": F, "f_new": f_new}
    found = model.compile_logp(vars=[model["f"], model["f_new"]])(point)
    joint = bridge.MvStudentT.dist(nu=3.0, mu=np.zeros(9), scale=scale_func(both) + 1e-9 * np.eye(9))
    np.testing.assert_allclose(found, bridge.logp(joint, np.concatenate([F, f_new])).eval(), rtol=1e-7)
    assert f.shape == (6,)


def test_conditionals_are_drawn_at_new_inputs():
    with bridge.Model():
        x = bridge.Data("x", X)
        gp = bridge.gp.Latent(cov_func=bridge.gp.cov.ExpQuad(2, ls=bridge.Gamma("ls", 2, 1)))
        f = gp.prior("f", X=x)
        bridge.StudentT("y", nu=4, mu=f, sigma=0.5, observed=Y)
        trace = bridge.sample(50, tune=50, chains=1, random_seed=1, progressbar=False)
        # the inputs themselves among the new ones: the covariance matrix is singular but for the jitter
        gp.conditional("f_pred", np.concatenate([XNEW, X]))
        drawn = bridge.sample_posterior_predictive(trace, var_names=["f_pred"], random_seed=2).posterior_predictive["f_pred"]
    assert drawn.shape == (1, 50, 9)
    np.testing.assert_allclose(drawn[..., 3:], trace.posterior["f"], atol=0.02)


def test_student_processes_do_not_add_and_need_their_freedom():
    gp = bridge.gp.TP(scale_func=bridge.gp.cov.ExpQuad(1, ls=1.0), nu=3.0)
    with pytest.raises(TypeError, match="do not add"):
        gp + gp
    with pytest.raises(ValueError, match="'nu'"):
        bridge.gp.TP(scale_func=bridge.gp.cov.ExpQuad(1, ls=1.0))
