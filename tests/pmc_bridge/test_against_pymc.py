"""The bridge against PyMC itself: one model text, the same terms, gradients, starts and names."""

import warnings

import numpy as np
import pytest

import symjax.pmc_bridge as bridge
import symjax.tensor as T

Y = np.array([0.3, -1.2, 2.5, 0.7])
K = np.array([0, 3, 1, 2])


def hierarchical(pm, pt):
    with pm.Model(coords={"row": range(4), "group": ["a", "b"]}) as model:
        mu = pm.Normal("mu", 0.5, 5.0)
        tau = pm.HalfCauchy("tau", 5.0)
        z = pm.StudentT("z", nu=4.5, mu=0.0, sigma=1.5, dims="group")
        effect = pm.Deterministic("effect", mu + tau * z, dims="group")
        pm.Normal("y", effect[np.array([0, 0, 1, 1])], np.array([1.5, 2.0, 0.5, 1.0]), observed=Y, dims="row")
    return model


def bounded(pm, pt):
    with pm.Model() as model:
        low = pm.Uniform("low", 0.0, 1.0)
        high = pm.Uniform("high", low, 3.0)
        share = pm.Beta("share", 2.5, 3.5, shape=2)
        rate = pm.InverseGamma("rate", 3.5, 2.5)
        cut = pm.TruncatedNormal("cut", 0.5, 1.5, lower=-1.0)
        pm.Potential("pull", pt.log(high - low) - cut**2)
        pm.Gamma("y", alpha=rate + share.sum(), beta=1.5 * high, observed=np.abs(Y))
    return model


def counts(pm, pt):
    with pm.Model() as model:
        w = pm.Dirichlet("w", np.array([1.5, 2.5, 3.5]))
        mean = pm.Exponential("mean", 0.5, shape=4)
        p = pm.Beta("p", 1.5, 1.5)
        pm.ZeroInflatedPoisson("zip", psi=p, mu=mean, observed=K)
        pm.NegativeBinomial("nb", mu=mean, alpha=1.5, observed=K)
        pm.Binomial("bin", n=5, p=p, observed=K)
        pm.Categorical("cat", w, observed=np.array([0, 2, 1, 2]))
        pm.Bernoulli("bern", logit_p=pt.log(mean), observed=K > 1)
    return model


def vectors(pm, pt):
    transforms = pm.distributions.transforms
    with pm.Model() as model:
        level = pm.Normal("level", np.array([-1.0, 0.5, 2.0]), 1.5, transform=transforms.ordered, initval=[-1.0, 0.0, 1.0])
        chain = transforms.Chain([transforms.log, transforms.ordered])
        width = pm.LogNormal("width", 0.5, 1.5, shape=2, default_transform=chain, initval=[0.5, 1.5])
        w = pm.Dirichlet("w", np.array([1.5, 2.5, 3.5]))
        step = pm.HalfNormal("step", 1.5)
        walk = pm.GaussianRandomWalk("walk", mu=0.25, sigma=step, init_dist=pm.Normal.dist(0.5, 2.5), shape=4)
        cov = step**2 * pm.gp.cov.Matern32(1, ls=width[0]) + pm.gp.cov.WhiteNoise(width[1])
        pm.MvNormal("field", mu=walk, cov=cov(np.arange(4.0)[:, None]), observed=Y)
        pm.NormalMixture("mix", w=w, mu=level, sigma=1.5, observed=Y)
        parts = [pm.Normal.dist(level[0], 1.5), pm.Laplace.dist(level[2], 2.5)]
        pm.Mixture("mix2", w=np.array([0.25, 0.75]), comp_dists=parts, observed=Y)
    return model


MODELS = {f.__name__: f for f in (hierarchical, bounded, counts, vectors)}


@pytest.fixture(scope="module")
def pymc():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("pymc")


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore")
def test_terms_gradients_and_starts_are_pymcs(name, pymc):
    import pytensor
    import pytensor.tensor as pt
    from pytensor.scalar.basic import autocast_float_as

    ours = MODELS[name](bridge, T)
    own = ours.initial_point()
    rng = np.random.default_rng(1)
    # PyTensor takes Python floats for the smallest type that holds them, and loses digits
    with pytensor.config.change_flags(mode="FAST_COMPILE"), autocast_float_as("float64"):
        theirs = MODELS[name](pymc, pt)
        start = theirs.initial_point()
        assert list(own) == list(start)
        for key, value in start.items():
            np.testing.assert_allclose(own[key], value, rtol=1e-12, atol=1e-12, err_msg=key)
        variables = [*theirs.basic_RVs, *theirs.potentials]
        terms, gradient = theirs.compile_logp(variables, sum=False), theirs.compile_dlogp()
        own_terms = ours.compile_logp([v.name for v in variables], sum=False)
        own_gradient = ours.compile_dlogp()
        for _ in range(3):
            point = {k: v + 0.3 * rng.normal(size=v.shape) for k, v in start.items()}
            expected = {v.name: np.sum(t) for v, t in zip(variables, terms(point), strict=True)}
            order = [*(v.name for v in ours.basic_RVs), *(v.name for v in ours.potentials)]
            found = {n: np.sum(t) for n, t in zip(order, own_terms(point), strict=True)}
            for key, value in expected.items():
                np.testing.assert_allclose(found[key], value, rtol=1e-9, atol=1e-9, err_msg=key)
            np.testing.assert_allclose(own_gradient(point), gradient(point), rtol=1e-7, atol=1e-8)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_namespaces_hold_pymcs_names(pymc):
    later = {"logbern"}
    assert set(pymc.math.__all__) - later <= set(dir(bridge.math))
    theirs = {n for n in pymc.distributions.transforms.__all__ if "Cholesky" not in n and "ZeroSum" not in n}
    assert theirs <= set(dir(bridge.distributions.transforms))
