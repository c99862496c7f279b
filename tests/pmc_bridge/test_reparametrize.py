"""Coordinates between centred and non-centred: which variables get them, and that the density is exact in them."""

import arviz as az
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import symjax.pmc_bridge as pm
import symjax.tensor as T
from symjax.core._lower import lower
from symjax.core._scope import detached
from symjax.pmc_bridge._joint import layout, total
from symjax.pmc_bridge._plan import log_density, plan_posterior
from symjax.pmc_bridge._reparametrize import reparametrize
from symjax.pmc_bridge._walk_frame import from_walk, to_walk, walk_pull
from symjax.sampling import Observations


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def build(model):
    """Parts, splitting, and the reparametrisation of a model as written."""
    plan = plan_posterior(model, None)
    parts = plan.unconstrained()
    places = layout([u.variable for u in parts])

    def split(flat):
        return [flat[a:b].reshape(shape) for _, a, b, shape in places]

    return plan, parts, split, reparametrize(parts, plan, split)


def function_of(plan, parts, split, extra=(), inputs_of=lambda o: []):
    with detached():
        density = total(list(log_density(plan, parts).values()))
    program = lower([density], [*(u.leaf for u in parts), *extra])
    return lambda x, o=None: program.run([*split(x), *inputs_of(o)], program.values_of_data())[0]


def school(family=lambda name, mu, tau: pm.Normal(name, mu, tau, shape=3)):
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        theta = family("theta", mu, tau)
        pm.Normal("y", theta, [1.0, 2.0, 3.0], observed=[0.5, -1.0, 4.0])
    return model


def noncentred():
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        z = pm.Normal("z", 0, 1, shape=3)
        theta = pm.Deterministic("theta", mu * np.arange(3.0) + tau * z)
        pm.Poisson("y", T.exp(theta[np.array([0, 1, 2, 2])]), observed=[1, 0, 4, 2])
    return model


def unshifted():
    with pm.Model() as model:
        tau = pm.HalfNormal("tau", 5)
        z = pm.Normal("z", 0, 1, shape=3)
        pm.Normal("y", T.exp(tau * z), 1.0, observed=[1.0, 0.0, 4.0])
    return model


def walk(shape=5, **options):
    with pm.Model() as model:
        sigma = pm.Exponential("sigma", 2.0)
        h = pm.GaussianRandomWalk("h", mu=0.1, sigma=sigma, init_dist=pm.Normal.dist(1.0, 3.0), shape=shape, **options)
        pm.StudentT("y", nu=4, mu=0, lam=T.exp(-h), observed=np.broadcast_to(np.linspace(-1, 2, 5), h.shape))
    return model


def nested():
    with pm.Model() as model:
        scale = pm.HalfNormal("scale", 1.0)
        local = pm.HalfCauchy("local", scale, shape=2)
        rate = pm.Exponential("rate", 1.0)
        waits = pm.Exponential("waits", rate, shape=2)
        level = pm.LogNormal("level", 0.0, scale)
        beta = pm.Normal("beta", level, local, shape=2)
        gamma = pm.Laplace("gamma", beta, 1.0)
        pm.Normal("y", gamma * waits, 1.0, observed=[0.3, 1.2])
    return model


CASES = {
    "normal": (school, ("theta",)),
    "student": (lambda: school(lambda name, mu, tau: pm.StudentT(name, nu=5, mu=mu, sigma=tau, shape=3)), ("theta",)),
    "cauchy": (lambda: school(lambda name, mu, tau: pm.Cauchy(name, mu, tau, shape=3)), ("theta",)),
    "logistic": (lambda: school(lambda name, mu, tau: pm.Logistic(name, mu, tau, shape=3)), ("theta",)),
    "gumbel": (lambda: school(lambda name, mu, tau: pm.Gumbel(name, mu, tau, shape=3)), ("theta",)),
    "noncentred": (noncentred, ("z",)),
    "unshifted": (unshifted, ("z",)),
    "walk": (walk, ("h",)),
    "walks": (lambda: walk((2, 5)), ("h",)),
    "nested": (nested, ("local", "waits", "level", "beta", "gamma")),
}


def observations(rng, frame):
    n = len(frame.chosen)
    return Observations(rng.normal(size=n), rng.uniform(0.1, 2.0, n))


@pytest.mark.parametrize("case", CASES)
def test_density_is_that_of_the_model_times_the_jacobian(case):
    make, names = CASES[case]
    plan, parts, split, found = build(make())
    assert found.names == names
    model = function_of(plan, parts, split)
    moved = function_of(plan, found.parts, split, found.inputs, found.inputs_of)
    rng = np.random.default_rng(0)
    for _ in range(3):
        o, u = observations(rng, found.frame), 0.7 * rng.normal(size=len(found.frame.chosen))
        x = found.frame.to_model(u, o, found.frame.data)
        jacobian = jax.jacobian(lambda u, o=o: found.frame.to_model(u, o, found.frame.data))(u)
        np.testing.assert_allclose(moved(u, o), model(x) + np.linalg.slogdet(jacobian)[1], rtol=1e-10)
        np.testing.assert_allclose(found.frame.from_model(x, o, found.frame.data), u, rtol=1e-8, atol=1e-9)


def test_explain_names_the_variables():
    with pm.Model() as model:
        scale = pm.HalfNormal("scale", 1.0)
        theta = pm.Normal("theta", 0.0, scale, shape=3)
        pm.Poisson("y", T.exp(theta), observed=[1, 0, 4])

    def said(rewrites):
        return [r for r in pm.explain(model, rewrites).applied if r.rule == "reparametrize"]

    [record] = said("auto")
    assert record.variables == ("theta",) and record.reason.startswith("theta (3): coordinates between centred and non-centred")
    assert said(()) == said(None) == []


@pytest.mark.parametrize("case", ["normal", "noncentred", "walk", "walks"])
def test_pulls_are_gradients_of_the_likelihood(case):
    plan, parts, split, found = build(CASES[case][0]())
    rng = np.random.default_rng(1)
    o = observations(rng, found.frame)
    u = jnp.asarray(0.5 * rng.normal(size=len(found.frame.chosen)))
    x = found.frame.to_model(u, o, found.frame.data)
    gradient = jax.grad(function_of(plan, found.parts, split, found.inputs, found.inputs_of))(u, o)
    values, pulls = found.frame.observed(x, gradient, o, found.frame.data)
    likelihood = {
        "normal": lambda v: (np.array([0.5, -1.0, 4.0]) - v) / np.array([1.0, 4.0, 9.0]),
        "noncentred": lambda v: np.array([1.0, 0.0, 6.0]) - np.array([1, 1, 2]) * np.exp(v),
    }.get(case, lambda v: volatility_pull(v.reshape(-1, 5)).ravel())
    chosen = found.frame.chosen
    np.testing.assert_allclose(np.asarray(pulls)[chosen], likelihood(np.asarray(values)[chosen]), rtol=1e-8, atol=1e-9)


def volatility_pull(h):
    y2 = np.linspace(-1, 2, 5) ** 2 * np.exp(-h)
    return -0.5 + 2.5 * y2 / (4 + y2)


def test_what_is_left_alone():
    with pm.Model() as model:
        a = pm.Normal("a", 0, 1, shape=2)  # used other than scaled
        s = pm.HalfNormal("s", 1)
        z = pm.Normal("z", 0, 1, shape=2)  # used twice
        w = pm.Normal("w", 0, 2, shape=2)  # not standard
        g = pm.Gamma("g", s, 1.0)  # no location-scale law
        t = pm.TruncatedNormal("t", a[0], s, lower=0.0)  # bounded
        k = pm.Bernoulli("k", 0.5)
        d = pm.Normal("d", k, 1.0)  # decided by a discrete variable
        pm.Normal("y", a + s * z + z**2 + s * w + g + t + d, 1.0, observed=[0.0, 1.0])
    plan = plan_posterior(model, None)
    parts = [u for u in plan.unconstrained() if not u.latent.is_discrete]
    assert reparametrize(parts, plan, lambda x: x) is None


def test_walk_against_dense_algebra():
    rng = np.random.default_rng(0)
    t, first = 6, 0.3
    z, mean, pull = rng.normal(size=(3, t))
    steps, precision = rng.uniform(0.5, 3, t - 1), rng.uniform(0, 2, t)
    arguments = steps, first, mean, pull, precision
    differences = np.diff(np.eye(t), axis=0)
    prior = differences.T @ np.diag(steps) @ differences
    prior[0, 0] += first
    x, log_det = to_walk(z, *arguments)
    jacobian = jax.jacobian(lambda z: to_walk(z, *arguments)[0])(z)
    np.testing.assert_allclose(jacobian @ jacobian.T, np.linalg.inv(prior + np.diag(precision)), rtol=1e-10)
    np.testing.assert_allclose(log_det, np.linalg.slogdet(jacobian)[1], rtol=1e-12)
    middle = np.linalg.solve(prior + np.diag(precision), prior @ mean + pull)
    np.testing.assert_allclose(to_walk(np.zeros(t), *arguments)[0], middle, rtol=1e-10)
    np.testing.assert_allclose(from_walk(x, *arguments), z, rtol=1e-10)
    gradient = jacobian.T @ (np.cos(x) - prior @ (x - mean))
    np.testing.assert_allclose(walk_pull(x, gradient, steps, first, mean, precision), np.cos(x), rtol=1e-10)


@pytest.mark.slow
def test_walk_is_sampled_without_its_funnel():
    rng = np.random.default_rng(0)
    counts = rng.poisson(np.exp(1 + np.cumsum(0.1 * rng.normal(size=200))))
    with pm.Model():
        step = pm.HalfNormal("step", 1.0)
        h = pm.GaussianRandomWalk("h", sigma=step, init_dist=pm.Normal.dist(0.0, 2.0), shape=200)
        pm.Poisson("y", T.exp(h), observed=counts)
        framed, written = (
            pm.sample(1000, random_seed=1, chains=4, progressbar=False, rewrites=r, compute_convergence_checks=False).posterior
            for r in ("auto", None)
        )
    found = {k: az.ess(p["step"].values, chain_axis=0, draw_axis=1) for k, p in (("framed", framed), ("written", written))}
    assert found["framed"] > 2000 > 10 * found["written"] / 2
    for name in ("step", "h"):
        a, b = (np.asarray(p[name].values).reshape(4, 1000, -1) for p in (framed, written))
        for i in range(0, a.shape[2], 20):
            errors = [
                x[:, :, i].std() / np.sqrt(float(az.ess(x[:, :, i], chain_axis=0, draw_axis=1, method="mean"))) for x in (a, b)
            ]
            assert abs(a[:, :, i].mean() - b[:, :, i].mean()) < 5.5 * np.hypot(*errors)
