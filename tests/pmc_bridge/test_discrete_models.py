"""Models of counts, of ordered categories and with point masses: log densities, gradients and names are PyMC's."""

from __future__ import annotations

import numpy as np
import pytest

import symjax.pmc_bridge as bridge
import symjax.tensor as T

K = np.array([0, 3, 1, 0, 2])
Y = np.array([0.0, 1.7, 0.3, 0.0, 2.5])
C = np.array([0, 2, 1, 2, 0])
X = np.array([-1.0, 0.5, 2.0, 0.0, 1.0])


def extra_zeros(pm, pt):
    with pm.Model() as model:
        psi, mean, p = pm.Beta("psi", 2.5, 1.5), pm.Exponential("mean", 0.5), pm.Beta("p", 1.5, 2.5)
        pm.ZeroInflatedPoisson("zip", psi, mean * pt.exp(0.1 * X), observed=K)
        pm.ZeroInflatedBinomial("zib", psi, 4, p, observed=K)
        pm.ZeroInflatedNegativeBinomial("znb", psi=psi, mu=mean, alpha=1.5, observed=K)
        pm.ZeroInflatedNegativeBinomial("znp", psi, p=p, n=mean, observed=K)
    return model


def hurdles(pm, pt):
    with pm.Model() as model:
        psi, mean, scale = pm.Beta("psi", 2.5, 1.5), pm.Exponential("mean", 0.5), pm.HalfNormal("scale", 1.5)
        pm.HurdlePoisson("hp", psi, mean * pt.exp(0.1 * X), observed=K)
        pm.HurdleNegativeBinomial("hn", psi, mean, scale, observed=K)
        pm.HurdleGamma("hg", psi, alpha=mean, beta=scale, observed=Y)
        pm.HurdleGamma("hm", psi, mu=mean, sigma=scale, observed=Y)
        pm.HurdleLogNormal("hl", psi, mu=pt.log(mean), sigma=scale, observed=Y)
        pm.HurdleLogNormal("ht", psi, tau=scale, observed=Y)
    return model


def constants(pm, pt):
    with pm.Model() as model:
        w, mean = pm.Dirichlet("w", np.array([1.5, 2.5])), pm.Exponential("mean", 0.5)
        pm.Mixture("counts", w, [pm.DiracDelta.dist(0), pm.Poisson.dist(mean)], observed=K)
        pm.Mixture("reals", w, [pm.DiracDelta.dist(0.0), pm.Exponential.dist(mean)], observed=Y + (Y == 0))
        pm.DiracDelta("exactly", 3, observed=np.array([3, 3]))
    return model


def failures(pm, pt):
    with pm.Model() as model:
        q, beta = pm.Beta("q", 2.5, 1.5), pm.HalfNormal("beta", 1.5)
        pm.DiscreteWeibull("w", q, beta, observed=K)
        pm.Geometric("g", q, observed=K + 1)
        pm.BetaBinomial("bb", alpha=beta, beta=1.5, n=4, observed=K)
        pm.DiscreteUniform("u", 0, 4, observed=K)
    return model


def ordered(pm, pt):
    increasing = pm.distributions.transforms.ordered
    with pm.Model(coords={"row": range(5), "grade": range(3)}) as model:
        slope, sigma = pm.Normal("slope", 0.0, 1.5), pm.HalfNormal("sigma", 1.5)
        c = pm.Normal("c", np.array([-1.0, 1.0]), 1.5, transform=increasing, initval=[-1.0, 1.0])
        pm.OrderedLogistic("logistic", slope * X, c, observed=C, dims="row")
        pm.OrderedLogistic("bare", eta=slope * X, cutpoints=c, compute_p=False, observed=C)
        pm.OrderedProbit("probit", slope * X, c, sigma, observed=C)
        pm.OrderedProbit("unit", eta=slope, cutpoints=c, observed=C)
        counts = np.array([[2, 1, 0], [0, 3, 0], [1, 1, 1], [0, 0, 3], [1, 0, 2]])
        pm.OrderedMultinomial("grades", slope * X, c, 3, observed=counts, dims=("row", "grade"))
    return model


def parametrisations(pm, pt):
    with pm.Model() as model:
        a, p = pm.Normal("a", 0.0, 1.5), pm.Beta("p", 1.5, 2.5)
        logits = pt.stack([a, 0.5 * a, 1.0 - a])
        pm.Bernoulli("bp", p, observed=K > 0)
        pm.Bernoulli("bl", logit_p=a * X, observed=K > 0)
        pm.Binomial("np", 4, p, observed=K)
        pm.Binomial("nl", n=4, logit_p=a * X, observed=K)
        pm.Categorical("cp", pt.stack([p / 2, p / 2, 1 - p]), observed=C)
        pm.Categorical("cl", logit_p=logits, observed=C)
        pm.NegativeBinomial("nbp", p=p, n=2.5, observed=K)
        pm.NegativeBinomial("nbm", mu=pt.exp(a), n=2.5, observed=K)
        pm.NegativeBinomial("nba", mu=pt.exp(a), alpha=2.5, observed=K)
        pm.NegativeBinomial("nbq", p=p, alpha=pt.exp(a), observed=K)
        pm.Multinomial("m", 3, pt.stack([p / 2, p / 2, 1 - p]), observed=np.array([1, 0, 2]))
        pm.DirichletMultinomial("dm", 3, pt.exp(logits), observed=np.array([1, 0, 2]))
    return model


MODELS = [extra_zeros, hurdles, constants, failures, ordered, parametrisations]


def points_of(model, rng):
    start = {k: np.asarray(v, float) for k, v in model.initial_point().items()}
    return [{k: v + 0.2 * rng.standard_normal(v.shape) for k, v in start.items()} for _ in range(3)]


@pytest.mark.slow
@pytest.mark.parametrize("build", MODELS, ids=lambda f: f.__name__)
def test_log_density_and_gradient_are_those_of_pymc(build, rng):
    theirs = pytest.importorskip("pymc")
    pytensor = pytest.importorskip("pytensor")
    ours, reference = build(bridge, T), build(theirs, pytensor.tensor)
    assert [v.name for v in ours.value_vars] == [v.name for v in reference.value_vars]
    assert {d.name for d in ours.deterministics} == {d.name for d in reference.deterministics}
    value, gradient = ours.compile_logp(), ours.compile_dlogp()
    expected, slope = reference.compile_logp(), reference.compile_dlogp()
    for point in points_of(reference, rng):
        assert np.isfinite(expected(point))
        # PyTensor takes logs of small integer constants in single precision
        np.testing.assert_allclose(value(point), expected(point), rtol=1e-7)
        np.testing.assert_allclose(gradient(point), slope(point), rtol=1e-6, atol=1e-6)


def test_probabilities_of_ordered_categories_are_kept():
    pytest.importorskip("pymc")
    model = ordered(bridge, T)
    assert {d.name for d in model.deterministics} == {"logistic_probs", "probit_probs", "unit_probs", "grades_probs"}
    assert model.named_vars_to_dims["grades_probs"] == ("row", "grade")
    shapes = {d.name: tuple(d.shape) for d in model.deterministics}
    assert shapes == {"logistic_probs": (5, 3), "probit_probs": (5, 3), "unit_probs": (3,), "grades_probs": (5, 3)}


def test_probabilities_are_stored_with_draws():
    with bridge.Model():
        c = bridge.Normal("c", [-1.0, 1.0], 1.0, transform=bridge.distributions.transforms.ordered, initval=[-1.0, 1.0])
        bridge.OrderedLogistic("y", 0.5 * X, c, observed=C)
        tree = bridge.sample(50, tune=50, chains=1, random_seed=1, progressbar=False)
    p = tree.posterior["y_probs"].values
    assert p.shape == (1, 50, 5, 3)
    np.testing.assert_allclose(p.sum(-1), 1.0, rtol=1e-12)
    edges = tree.posterior["c"].values
    np.testing.assert_allclose(p[..., 0, 0], 1 / (1 + np.exp(-(edges[..., 0] + 0.5))), rtol=1e-10)


def test_missing_categories_are_imputed():
    with bridge.Model() as model, pytest.warns(Warning, match="y"):
        bridge.OrderedLogistic("y", 0.5 * X, [-1.0, 1.0], observed=np.ma.masked_equal(C, 1))
    assert "y_probs" in model.named_vars
    assert "y_unobserved" in model.named_vars
