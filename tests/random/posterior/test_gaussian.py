"""Jointly Gaussian blocks: integral, gradient and conditional law against dense linear algebra on the joint as written."""

from __future__ import annotations

import decimal

import jax
import numpy as np
import pytest
from gaussian_reference import check, compiled, total

import symjax.random as R
import symjax.tensor as T
from symjax.core._traverse import substitute, toposort

MODELS = {}


def model(**others):
    """Register a model; `others` are values for the latents that remain."""

    def wrap(build):
        MODELS[build.__name__] = (build, others)
        return build

    return wrap


@model(tau=0.7)
def eight_schools_noncentered(rng):
    mu, tau, z = R.Normal(0.0, 5.0, name="mu"), R.HalfCauchy(5.0, name="tau"), R.Normal(0.0, 1.0, shape=(8,), name="z")
    y = R.Normal(mu + tau * z, rng.uniform(8, 18, 8), name="y")
    return {y: rng.normal(0, 10, 8)}, [mu, tau, z]


@model(tau=3.0)
def eight_schools_centered(rng):
    mu, tau = R.Normal(0.0, 5.0, name="mu"), R.HalfCauchy(5.0, name="tau")
    theta = R.Normal(mu, tau, shape=(8,), name="theta")
    y = R.Normal(theta, rng.uniform(8, 18, 8), name="y")
    return {y: rng.normal(0, 10, 8)}, [mu, tau, theta]


@model(sigma=1.3)
def regression(rng):
    beta, sigma = R.Normal(1.0, [1.0, 2.0, 3.0], name="beta"), R.HalfNormal(10.0, name="sigma")
    x = rng.normal(size=(20, 3))
    y = R.Normal(T.dot(x, beta), sigma, name="y")
    return {y: rng.normal(size=20)}, [beta, sigma]


@model(sigma=1.3)
def more_columns_than_rows(rng):
    beta, sigma = R.Normal(0.0, 2.0, shape=(9,), name="beta"), R.HalfNormal(10.0, name="sigma")
    y = R.Normal(rng.normal(size=(4, 9)) @ beta, sigma, name="y")
    return {y: rng.normal(size=4)}, [beta, sigma]


@model(sigma=1.3, tau=0.4)
def regression_with_prior_scale(rng):
    tau, sigma = R.HalfNormal(1.0, name="tau"), R.HalfNormal(10.0, name="sigma")
    beta = R.Normal(0.0, tau, shape=(4,), name="beta")
    y = R.Normal(rng.normal(size=(12, 4)) @ beta, sigma, name="y")
    return {y: rng.normal(size=12)}, [tau, sigma, beta]


@model(sigma=2.0)
def flat_regression(rng):
    beta, sigma = R.Flat(shape=(3,), name="beta"), R.HalfFlat(name="sigma")
    a, b = rng.normal(60, 3, 15), rng.normal(size=15)
    y = R.Normal(beta[0] + beta[1] * a + beta[2] * b, sigma, name="y")
    return {y: 1e4 + 100 * rng.normal(size=15)}, [beta, sigma]


@model(variance=2.0)
def normal_inverse_gamma(rng):
    variance = R.InverseGamma(3.0, 2.0, name="variance")
    beta = R.Normal(1.0, 3 * T.sqrt(variance), shape=(3,), name="beta")
    y = R.Normal(rng.normal(size=(10, 3)) @ beta, T.sqrt(variance), name="y")
    return {y: rng.normal(size=10)}, [variance, beta]


@model(tau=2.0)
def precision(rng):
    mu, tau = R.Normal(0.0, 1.0, name="mu"), R.Gamma(2.0, 2.0, name="tau")
    y = R.Normal(mu, tau=tau, shape=(7,), name="y")
    return {y: rng.normal(size=7)}, [mu, tau]


@model(sigma_a=0.4, sigma_b=0.8, sigma=0.6)
def radon(rng):
    n, groups = 60, 7
    g, mu_b = R.Normal(0.0, 5.0, shape=(2,), name="g"), R.Normal(0.0, 1.0, name="mu_b")
    sigma_a, sigma_b, sigma = (R.Exponential(1.0, name=k) for k in ("sigma_a", "sigma_b", "sigma"))
    za, zb = R.Normal(0.0, 1.0, shape=(groups,), name="za"), R.Normal(0.0, 1.0, shape=(groups,), name="zb")
    a = g[0] + g[1] * rng.normal(size=groups) + sigma_a * za
    b = mu_b + sigma_b * zb
    county = rng.integers(0, groups, n)
    y = R.Normal(a[county] + b[county] * rng.integers(0, 2, n).astype(float), sigma, name="y")
    return {y: rng.normal(size=n)}, [g, mu_b, sigma_a, sigma_b, sigma, za, zb]


@model(s=[0.5, 0.7, 0.9], sigma=0.8)
def nested(rng):
    s, sigma = R.HalfNormal(1.0, shape=(3,), name="s"), R.HalfNormal(1.0, name="sigma")
    top = R.Normal(0.0, 3.0, name="top")
    state = R.Normal(top, s[0], shape=(4,), name="state")
    county = R.Normal(state[np.repeat(np.arange(4), 3)], s[1], name="county")
    school = R.Normal(county[rng.integers(0, 12, 30)], s[2], name="school")
    y = R.Normal(school[rng.integers(0, 30, 80)], sigma, name="y")
    return {y: rng.normal(size=80)}, [s, sigma, top, state, county, school]


@model(s=[0.5, 0.7, 0.4], sigma=0.8)
def crossed(rng):
    s, sigma = R.HalfNormal(1.0, shape=(3,), name="s"), R.HalfNormal(1.0, name="sigma")
    mu = R.Normal(0.0, 3.0, name="mu")
    a, b = R.Normal(0.0, s[0], shape=(30,), name="a"), R.Normal(0.0, s[1], shape=(6,), name="b")
    ab = R.Normal(0.0, s[2], shape=(30, 6), name="ab")
    i, j = rng.integers(0, 30, 100), rng.integers(0, 6, 100)
    y = R.Normal(mu + a[i] + b[j] + ab[i, j], sigma, name="y")
    return {y: rng.normal(size=100)}, [s, sigma, mu, a, b, ab]


@model(s=0.3, sigma=0.8)
def random_walk(rng):
    s, sigma = R.HalfNormal(1.0, name="s"), R.HalfNormal(1.0, name="sigma")
    x = R.GaussianRandomWalk(0.1, s, init_dist=R.Normal(0.5, 2.0), steps=79, name="x")
    seen = np.sort(rng.choice(80, 50, replace=False))
    y = R.Normal(x[seen], sigma, name="y")
    return {y: rng.normal(size=50)}, [s, sigma, x]


@model(s=0.3, sigma=0.8)
def noncentred_random_walk(rng):
    s, sigma = R.HalfNormal(1.0, name="s"), R.HalfNormal(1.0, name="sigma")
    z = R.Normal(0.0, 1.0, shape=(20,), name="z")
    y = R.Normal(T.cumsum(s * z), sigma, name="y")
    return {y: rng.normal(size=20)}, [s, sigma, z]


@model(rho=0.7, s=0.5, sigma=0.8)
def unrolled_autoregression(rng):
    rho, s, sigma = R.Uniform(-1.0, 1.0, name="rho"), R.HalfNormal(1.0, name="s"), R.HalfNormal(1.0, name="sigma")
    x = [R.Normal(0.0, 1.0, name="x0")]
    for t in range(1, 20):
        x.append(R.Normal(rho * x[-1], s, name=f"x{t}"))
    y = R.Normal(T.stack(x), sigma, name="y")
    return {y: rng.normal(size=20)}, [rho, s, sigma, *x]


@model(q=0.5, sigma=0.8)
def state_space(rng):
    q, sigma = R.HalfNormal(1.0, name="q"), R.HalfNormal(1.0, name="sigma")
    a = np.array([[1.0, 0.1], [-0.2, 0.9]])
    x, seen = [R.MvNormal(np.zeros(2), np.eye(2), name="x0")], {}
    for t in range(8):
        if t:
            x.append(R.MvNormal(a @ x[-1], chol=q * np.array([[1.0, 0.0], [0.3, 0.5]]), name=f"x{t}"))
        seen[R.Normal(x[-1][0], sigma, name=f"y{t}")] = rng.normal()
    return seen, [q, sigma, *x]


@model(l=[0.5, 0.2, 0.7], sigma=0.8)
def varying_effects(rng):
    l, sigma = R.HalfNormal(1.0, shape=(3,), name="l"), R.HalfNormal(1.0, name="sigma")
    chol = T.stack([T.stack([l[0], 0.0 * l[0]]), T.stack([l[1], l[2]])])
    mu, z = R.Normal(0.0, 2.0, shape=(2,), name="mu"), R.Normal(0.0, 1.0, shape=(9, 2), name="z")
    u = mu + T.dot(z, chol.T)
    y = R.Normal((rng.normal(size=(50, 2)) * u[rng.integers(0, 9, 50)]).sum(axis=1), sigma, name="y")
    return {y: rng.normal(size=50)}, [l, sigma, mu, z]


@model(length=0.6, sigma=0.5)
def latent_process(rng):
    length, sigma = R.HalfNormal(1.0, name="length"), R.HalfNormal(1.0, name="sigma")
    x = np.linspace(0, 3, 15)
    cov = T.exp(-0.5 * ((x[:, None] - x) / length) ** 2) + 1e-6 * np.eye(15)
    mean = R.Normal(0.0, 1.0, name="mean")
    f = R.MvNormal(mean * np.ones(15), cov, name="f")
    y = R.Normal(f, sigma, name="y")
    return {y: rng.normal(size=15)}, [length, sigma, mean, f]


@model(s=[0.5, 1.2, 0.9, 0.3], w=0.7)
def symbolic_weights(rng):
    s, w = R.HalfNormal(1.0, shape=(4,), name="s"), R.Normal(0.0, 1.0, name="w")
    mu, a = R.Normal(0.0, 1.0, name="mu"), R.Normal(0.0, 1.0, shape=(6,), name="a")
    group, unit = rng.integers(0, 4, 40), rng.integers(0, 6, 40)
    y = R.Normal(mu + T.exp(w * rng.normal(size=40)) * a[unit] + T.sin(w), s[group], name="y")
    return {y: rng.normal(size=40)}, [s, w, mu, a]


@model(sigma=0.5)
def multivariate_likelihood(rng):
    sigma, b = R.HalfNormal(1.0, name="sigma"), R.MvNormal(np.ones(3), np.diag([1.0, 2.0, 3.0]) + 0.5, name="b")
    cov = sigma**2 * np.eye(4) + np.ones((4, 4))
    y = R.MvNormal(rng.normal(size=(5, 4, 3)) @ b, cov, name="y")
    w = R.MvNormal(b[:2], np.eye(2) * 0.3 + 0.1, name="w")
    return {y: rng.normal(size=(5, 4)), w: rng.normal(size=2)}, [sigma, b]


@model(sigma=0.5)
def log_normal(rng):
    sigma, mu = R.HalfNormal(1.0, name="sigma"), R.Normal(0.0, 1.0, name="mu")
    y = R.LogNormal(mu + 1.0, sigma, shape=(6,), name="y")
    return {y: np.exp(rng.normal(size=6))}, [sigma, mu]


@model(w=0.5, sigma=0.6)
def switched(rng):
    w, sigma = R.Normal(0.0, 1.0, name="w"), R.HalfNormal(1.0, name="sigma")
    a, b = R.Normal(0.0, 1.0, name="a"), R.Normal(0.0, 2.0, shape=(8,), name="b")
    y = R.Normal(T.where(np.linspace(-1, 1, 8) > w, a, b), sigma, name="y")
    return {y: rng.normal(size=8)}, [w, sigma, a, b]


@model(sigma=0.5)
def moved_about(rng):
    sigma = R.HalfNormal(1.0, name="sigma")
    a, b = R.Normal(0.0, 1.0, shape=(3, 4), name="a"), R.Normal(1.0, 2.0, shape=(4,), name="b")
    parts = [T.concatenate([a[0], b[::-1]]), T.set_subtensor(T.zeros(8)[2:6], b), T.repeat(a[:, 1:3].ravel(), 2)[:8]]
    parts[0] = T.concatenate([parts[0], a.mean(axis=1)[:0]])
    both = T.stack([T.where(np.arange(8) % 2 == 0, x, 2.0) for x in parts], axis=1)
    mean = both.T.reshape((4, 6)) + T.einsum("ij,jk->ik", a.T, np.ones((3, 6))) - T.outer(b, np.arange(6.0)) / 3
    y = R.Normal(mean + T.diff(T.tile(b, 2))[:6], sigma, name="y")
    return {y: rng.normal(size=(4, 6))}, [sigma, a, b]


@model(scale=0.5, tau=1.1)
def product_of_latents(rng):
    scale, tau = R.Normal(0.0, 1.0, name="scale"), R.HalfNormal(1.0, name="tau")
    z = R.Normal(0.0, 1.0, shape=(6,), name="z")
    y = R.Normal(scale * z, tau, name="y")
    return {y: rng.normal(size=6)}, [scale, tau, z]


@model(log_tau=0.3)
def scale_of_a_latent(rng):
    mu, log_tau = R.Normal(0.0, 1.0, name="mu"), R.Normal(0.0, 1.0, name="log_tau")
    theta = R.Normal(mu, T.exp(log_tau), shape=(5,), name="theta")
    y = R.Normal(theta, 1.0, name="y")
    return {y: rng.normal(size=5)}, [mu, log_tau, theta]


@model()
def all_data(rng):
    mu = R.Normal(0.0, 2.0, name="mu")
    theta = R.Normal(mu, 1.5, shape=(5,), name="theta")
    y = R.Normal(theta, 0.5, name="y")
    return {y: rng.normal(size=5)}, [mu, theta]


@model(sigma=0.5)
def prior_only(rng):
    sigma = R.HalfNormal(1.0, name="sigma")
    a = R.Normal(0.0, sigma, shape=(3,), name="a")
    b = R.Normal(a[:2], 1.0, name="b")
    return {}, [sigma, a, b]


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", MODELS)
def test_block_is_integrated_out_exactly(name, seed):
    build, others = MODELS[name]
    joint, plan = compiled(*build(np.random.default_rng(seed)))
    assert {x.name for x in plan.joint.latents} == set(others)
    rng = np.random.default_rng(100 + seed)
    check(joint, plan, {k: np.asarray(v) * rng.uniform(0.8, 1.25, np.shape(v)) for k, v in others.items()})


def remaining(values, latent, potentials=None):
    """Names of the latents that are not integrated out."""
    joint, plan = compiled(values, latent, potentials)
    return {x.name for x in plan.joint.latents}, plan


def test_side_conditions():
    y = np.array([0.3, -0.2, 1.0])
    a, b = R.Normal(0.0, 1.0, name="a"), R.Normal(0.0, 1.0, shape=(3,), name="b")
    s = R.HalfNormal(1.0, name="s")
    cases = {
        "squared": ({R.Normal(a**2 + b, 1.0): y}, [a, b], None, {"a"}),
        "exponential": ({R.Normal(T.exp(a) + b, 1.0): y}, [a, b], None, {"a"}),
        "scale": ({R.Normal(b, T.exp(a)): y}, [a, b], None, {"a"}),
        "product with a larger": ({R.Normal(a * b, 1.0): y}, [a, b], None, {"a"}),
        "divisor": ({R.Normal(b / a, 1.0): y}, [a, b], None, {"a"}),
        "potential": ({R.Normal(a + b, 1.0): y}, [a, b], {"p": a**2}, {"a"}),
        "not Gaussian": ({R.StudentT(3.0, mu=a + b, sigma=1.0): y}, [a, b], None, {"a", "b"}),
        "counts": ({R.Poisson(T.exp(a)): np.array(3)}, [a], None, {"a"}),
        "positive prior": ({R.Normal(s + b, 1.0): y}, [s, b], None, {"s"}),
        "comparison": ({R.Normal(T.where(a > 0, b, 0.5 * b), 1.0): y}, [a, b], None, {"a"}),
        "index": ({R.Normal(b[T.cast(T.round(s), "int64")], 1.0): np.array(0.1)}, [s, b], None, {"s", "b"}),
        "missing data": ({R.Normal(a + b, 1.0): np.array([0.1, np.nan, 0.2])}, [a, b], None, {"a", "b"}),
    }
    for name, (values, latent, potentials, expected) in cases.items():
        found, _ = remaining(values, latent, potentials)
        assert found == expected, name


def test_truncated_prior_stays():
    a = R.TruncatedNormal(0.0, 1.0, lower=-1.0, name="a")
    assert remaining({R.Normal(a, 1.0): np.array(0.4)}, [a])[0] == {"a"}


def test_flat_prior_needs_data_of_full_rank():
    rng = np.random.default_rng(0)
    x = rng.normal(size=10)
    y = rng.normal(size=10)
    for columns, proper in [([x, np.ones(10)], True), ([x, 2 * x], False), ([x, 0 * x], False)]:
        beta, sigma = R.Flat(shape=(2,), name="beta"), R.HalfNormal(1.0, name="sigma")
        found, plan = remaining({R.Normal(beta[0] * columns[0] + beta[1] * columns[1], sigma): y}, [beta, sigma])
        assert ("beta" not in found) == proper
        assert proper or "flat prior" in plan.declined[0].reason


def test_flat_prior_without_data_leaves_the_others():
    alone, b = R.Flat(name="alone"), R.Normal(0.0, 1.0, name="b")
    found, plan = remaining({R.Normal(b, 1.0): np.array(0.2)}, [alone, b])
    assert found == {"alone"}


def test_flat_prior_is_not_determined_by_rows_that_may_vanish():
    """The design is of full rank for almost every, but not for every value of the other latents."""
    w, beta = R.Normal(0.0, 1.0, name="w"), R.Flat(name="beta")
    assert remaining({R.Normal(beta * w, 1.0): np.array(0.2)}, [w, beta])[0] >= {"beta"}


def test_common_scale_is_visible():
    """What is left of a regression with a flat prior is -k log s - q / (2 s²) with numbers k and q."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(9, 2)), rng.normal(size=9)
    beta, sigma = R.Flat(shape=(2,), name="beta"), R.HalfFlat(name="sigma")
    joint, plan = compiled({R.Normal(x @ beta, sigma): y}, [beta, sigma])
    [term] = [f.term for f in plan.joint.factors if f.law is None]
    residual = y - x @ np.linalg.lstsq(x, y)[0]
    value = lambda s: float(T.as_tensor(substitute([term], {plan.joint.latents[0]: T.constant(s)})[0]).eval())  # noqa: E731
    expected = -7 * np.log(3.0) - residual @ residual / 2 * (1 / 9 - 1)
    assert abs(value(3.0) - value(1.0) - expected) < 1e-10
    assert {n.op.name for n in toposort([term]) if n.op is not None} <= {"add", "subtract", "multiply", "divide", "log", "square"}


def test_two_scales_leave_independent_normal_observations():
    rng = np.random.default_rng(0)
    beta, sigma = R.Normal(0.0, 2.0, shape=(3,), name="beta"), R.HalfNormal(1.0, name="sigma")
    joint, plan = compiled({R.Normal(rng.normal(size=(12, 3)) @ beta, sigma): rng.normal(size=12)}, [beta, sigma])
    laws = [f.law for f in plan.joint.factors if f.law is not None and f.law.distribution is R.Normal]
    assert [law.shape for law in laws] == [(3,)]


def test_parameters_that_are_not_allowed_keep_density_zero():
    """A scale that other latents make negative has no density, integrated or not."""
    w, b = R.Normal(0.0, 1.0, name="w"), R.Normal(0.0, 1.0, name="b")
    joint, plan = compiled({R.Normal(b, w, shape=(2,)): np.array([0.1, 0.3])}, [w, b])
    run = total(plan.joint, plan.joint.latents)
    with jax.enable_x64(True):
        assert float(run(np.array(-0.5))) == -np.inf
        assert np.isfinite(float(run(np.array(0.5))))


def _scattered(n, rng):
    """Values that meet at random in threes, so that eliminating any of them makes others meet."""
    s, mu = R.HalfNormal(1.0, shape=(2,), name="s"), R.Normal(0.0, 1.0, name="mu")
    beta = R.Normal(mu, s[0], shape=(n,), name="beta")
    meet = beta[rng.integers(0, n, (2 * n, 3))] * rng.normal(size=(2 * n, 3))
    return remaining({R.Normal(meet.sum(1), s[1]): rng.normal(size=2 * n)}, [s, mu, beta])


def test_large_dense_block_is_declined():
    found, plan = _scattered(800, np.random.default_rng(0))
    assert found == {"s", "mu", "beta"}
    assert "would cost" in plan.declined[0].reason and "operations" in plan.declined[0].reason


def test_small_dense_block_is_integrated_out():
    assert _scattered(60, np.random.default_rng(0))[0] == {"s"}


def test_separate_blocks_are_separate_rewrites():
    a, b = R.Normal(0.0, 1.0, name="a"), R.Normal(0.0, 1.0, name="b")
    ya, yb = R.Normal(a, 1.0, name="ya"), R.Normal(b, 2.0, name="yb")
    _, plan = compiled({ya: np.array(1.0), yb: np.array(2.0)}, [a, b])
    assert sorted(r.variables for r in plan.applied) == [("a",), ("b",)]
    assert all("Normal–Normal" in r.reason for r in plan.applied)


def _hierarchy(scale, tau_value, offset, centred):
    """The log integral of a one-way layout given tau, by elimination and in 60 digits."""
    rng = np.random.default_rng(3)
    sigma, y = rng.uniform(1, 3, 8), offset + rng.normal(0, 3, 8)
    mu, tau = R.Normal(0.0, scale, name="mu"), R.HalfCauchy(5.0, name="tau")
    z = R.Normal(mu, tau, shape=(8,), name="z") if centred else R.Normal(0.0, 1.0, shape=(8,), name="z")
    _, plan = compiled({R.Normal(z if centred else mu + tau * z, sigma): y}, [mu, tau, z])
    [term] = [f.term for f in plan.joint.factors if f.law is None]
    got = float(substitute([term], {plan.joint.latents[0]: T.constant(tau_value)})[0].eval())
    exact = decimal.Decimal
    with decimal.localcontext(prec=60):
        v = [exact(float(s)) ** 2 + exact(tau_value) ** 2 for s in sigma]
        y, m = [exact(float(a)) for a in y], exact(scale) ** 2
        weights = sum(1 / x for x in v)
        quadratic = sum(a * a / x for a, x in zip(y, v)) - sum(a / x for a, x in zip(y, v)) ** 2 / (weights + 1 / m)
        log_det = sum(x.ln() for x in v) + (1 + m * weights).ln()
        return got, float(-(log_det + quadratic) / 2) - 4 * np.log(2 * np.pi)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("tau", [1e-12, 1e-6, 1.0, 1e6])
def test_extreme_scales(tau, centred):
    got, expected = _hierarchy(5.0, tau, 0.0, centred)
    assert abs(got - expected) < 1e-9
