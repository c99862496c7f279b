"""Conjugate pairs: the identity of densities for each, at random parameters, and what must be left alone."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import special, stats

import symjax
import symjax.random as R
import symjax.tensor as T
from symjax.core._function import evaluate
from symjax.core._traverse import toposort
from symjax.random.posterior import compile_posterior, joint_of
from symjax.random.posterior.rules import RULES as ALL
from tests.random.posterior.conjugate_reference import check, compiled, density

GROUP = np.array([0, 2, 1, 1, 0, 2, 2])


def gamma_prior(rng):
    return R.Gamma(rng.uniform(0.5, 4), rng.uniform(0.5, 4), shape=3, name="z"), lambda: rng.gamma(2.0, 1.0, 3)


def inverse_gamma_prior(rng):
    return R.InverseGamma(rng.uniform(0.5, 4), rng.uniform(0.5, 4), shape=3, name="z"), lambda: rng.gamma(2.0, 1.0, 3)


def beta_prior(rng):
    return R.Beta(rng.uniform(0.5, 4), rng.uniform(0.5, 4), shape=3, name="z"), lambda: rng.uniform(0.05, 0.95, 3)


def simplex_prior(rng):
    return R.Dirichlet(rng.uniform(0.5, 3, 4), shape=(3, 4), name="z"), lambda: rng.dirichlet(np.ones(4), 3)


def scale_prior(rng):
    """A flat prior of a standard deviation, with enough data below."""
    return R.HalfFlat(shape=3, name="z"), lambda: rng.gamma(2.0, 1.0, 3)


def pareto_prior(rng):
    return R.Pareto(rng.uniform(1, 3), 0.2, shape=3, name="z"), lambda: 3 + rng.pareto(2.0, 3)


def rate_data(rng):
    return rng.gamma(2.0, 1.0, 7)


def normal_prior(rng):
    return R.Normal(rng.normal(), rng.uniform(0.5, 2), shape=3, name="z"), lambda: rng.normal(size=3)


def flat_prior(rng):
    return R.Flat(shape=3, name="z"), lambda: rng.normal(size=3)


WEIGHT = np.array([1.0, 0.5, 2.0, 1.5, 0.7, 1.1, 3.0])
PAIRS = {
    "beta-bernoulli": (beta_prior, lambda z: R.Bernoulli(z), lambda g: g.integers(0, 2, 7)),
    "beta-binomial": (beta_prior, lambda z: R.Binomial(5, z), lambda g: g.integers(0, 6, 7)),
    "beta-binomial-failures": (beta_prior, lambda z: R.Binomial(5, 1 - z), lambda g: g.integers(0, 6, 7)),
    "beta-geometric": (beta_prior, lambda z: R.Geometric(z), lambda g: g.integers(1, 6, 7)),
    "beta-negative-binomial": (beta_prior, lambda z: R.NegativeBinomial(p=z, n=2.5), lambda g: g.integers(0, 6, 7)),
    "gamma-poisson": (gamma_prior, lambda z: R.Poisson(WEIGHT * z), lambda g: g.integers(0, 6, 7)),
    "gamma-normal": (gamma_prior, lambda z: R.Normal(WEIGHT, tau=z), lambda g: g.normal(size=7)),
    "gamma-normal-sigma": (gamma_prior, lambda z: R.Normal(0.5, 2 / T.sqrt(WEIGHT * z)), lambda g: g.normal(size=7)),
    "gamma-lognormal": (gamma_prior, lambda z: R.LogNormal(0.3, tau=z), rate_data),
    "gamma-gamma": (gamma_prior, lambda z: R.Gamma(WEIGHT, 2 * z), rate_data),
    "gamma-inverse-gamma": (gamma_prior, lambda z: R.InverseGamma(1.5, WEIGHT * z), rate_data),
    "gamma-exponential": (gamma_prior, lambda z: R.Exponential(z * WEIGHT), rate_data),
    "gamma-laplace": (gamma_prior, lambda z: R.Laplace(0.3, 1 / z), lambda g: g.normal(size=7)),
    "gamma-weibull": (gamma_prior, lambda z: R.Weibull(1.7, z ** (-1 / 1.7)), rate_data),
    "gamma-pareto": (gamma_prior, lambda z: R.Pareto(z, 0.01), rate_data),
    "gamma-half-normal": (gamma_prior, lambda z: R.HalfNormal(tau=z), rate_data),
    "inverse-gamma-normal": (inverse_gamma_prior, lambda z: R.Normal(WEIGHT, T.sqrt(z)), lambda g: g.normal(size=7)),
    "inverse-gamma-lognormal": (inverse_gamma_prior, lambda z: R.LogNormal(0.3, z**0.5), rate_data),
    "inverse-gamma-gamma": (inverse_gamma_prior, lambda z: R.Gamma(WEIGHT, 1 / z), rate_data),
    "inverse-gamma-inverse-gamma": (inverse_gamma_prior, lambda z: R.InverseGamma(1.5, 2 / z), rate_data),
    "inverse-gamma-exponential": (inverse_gamma_prior, lambda z: R.Exponential(scale=z * WEIGHT), rate_data),
    "inverse-gamma-laplace": (inverse_gamma_prior, lambda z: R.Laplace(0.3, z), lambda g: g.normal(size=7)),
    "inverse-gamma-weibull": (inverse_gamma_prior, lambda z: R.Weibull(2.0, T.sqrt(z)), rate_data),
    "flat-normal-sigma": (scale_prior, lambda z: R.Normal(WEIGHT, z), lambda g: g.normal(size=7)),
    "flat-lognormal-sigma": (scale_prior, lambda z: R.LogNormal(0.2, z), rate_data),
    "normal-normal": (normal_prior, lambda z: R.Normal(2 * z - 1, WEIGHT), lambda g: g.normal(size=7)),
    "normal-lognormal": (normal_prior, lambda z: R.LogNormal(z / 2, 0.7), rate_data),
    "flat-normal": (flat_prior, lambda z: R.Normal(-z, WEIGHT), lambda g: g.normal(size=7)),
    "flat-lognormal": (flat_prior, lambda z: R.LogNormal(z, 0.7), rate_data),
    "pareto-uniform": (pareto_prior, lambda z: R.Uniform(0.0, z), lambda g: g.uniform(0, 3, 7)),
    "dirichlet-multinomial": (simplex_prior, lambda z: R.Multinomial(6, z), lambda g: g.multinomial(6, np.ones(4) / 4, 7)),
    "dirichlet-categorical": (simplex_prior, lambda z: R.Categorical(z), lambda g: g.integers(0, 4, 7)),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_pair_in_groups(pair):
    prior, child, data = PAIRS[pair]
    rng = np.random.default_rng(list(PAIRS).index(pair))
    z, point = prior(rng)
    joint, plan = compiled({child(z[GROUP]): data(rng)}, [z])
    assert plan.joint.latents == (), plan.declined
    check(joint, plan, [{"z": point()} for _ in range(3)])


def test_plates_given_their_hyperparameters():
    rng = np.random.default_rng(1)
    a, b = R.Gamma(2.0, 1.0, name="a"), R.HalfNormal(2.0, name="b")
    z = R.Gamma(a, b, shape=(2, 6), name="z")
    y = R.Poisson(z[:, GROUP[:4]] * WEIGHT[:4], name="y")
    points = [{"a": 1.3, "b": 0.4, "z": rng.gamma(1, 1, (2, 6))} for _ in range(2)]
    joint, plan = compiled({y: rng.integers(0, 5, (2, 4))}, [a, b, z])
    assert [x.name for x in plan.joint.latents] == ["a", "b"]
    assert plan.applied[0].reason == "z (2×6): integrated out given a, b: Gamma–Poisson; recovered after sampling"
    check(joint, plan, points)
    run = symjax.to_jax(T.add_n([T.sum(f.term) for f in plan.joint.factors]), list(plan.joint.latents))
    with jax.enable_x64(True):
        assert np.all(np.isfinite(jax.grad(run, (0, 1))(1.3, 0.4)))


def test_beta_binomial_plates_given_their_hyperparameters():
    rng = np.random.default_rng(2)
    mean, size = R.Uniform(0, 1, name="mean"), R.Exponential(0.1, name="size")
    p = R.Beta(mean * size, (1 - mean) * size, shape=6, name="p")
    joint, plan = compiled({R.Binomial(10, p): rng.integers(0, 10, 6)}, [mean, size, p])
    assert [x.name for x in plan.joint.latents] == ["mean", "size"]
    check(joint, plan, [{"mean": 0.3, "size": 2.0, "p": rng.uniform(0.1, 0.9, 6)} for _ in range(2)])
    # the number of gamma functions does not grow with the counts
    nodes = [n for f in plan.joint.factors for n in toposort([f.term])]
    assert not any(n.fn_name == "gammaln" for n in nodes)
    assert all(n.size == 1 for n in nodes if n.fn_name == "log_beta")


def test_several_likelihoods_and_potentials_of_one_latent():
    z = R.Gamma(1.5, 2.0, name="z")
    counts, times, noise = R.Poisson(3 * z, shape=4), R.Exponential(z, shape=2), R.Normal(1.0, tau=z)
    joint, plan = compiled({counts: [1, 0, 2, 4], times: [0.3, 2.0], noise: 0.2}, [z], {"tilt": 2 * T.log(z) - z / 3})
    assert not plan.joint.latents
    check(joint, plan, [{"z": 0.4}, {"z": 3.0}])


def test_broadcast_children_are_summed():
    z = R.Beta(2.0, 1.0, shape=3, name="z")
    y = R.Bernoulli(z, shape=(5, 3), name="y")
    joint, plan = compiled({y: np.eye(5, 3, dtype=int)}, [z])
    check(joint, plan, [{"z": np.array([0.2, 0.5, 0.9])}])
    [draw] = plan.recovered().values()
    np.testing.assert_allclose([p.eval() for p in draw.parents], [[3.0] * 3, [5.0] * 3])


@pytest.mark.parametrize("kind", ["half", "interval", "truncated"])
def test_mean_with_bounds(kind):
    mu = {
        "half": lambda: R.HalfNormal(1.5, name="z"),
        "interval": lambda: R.Uniform(-0.5, 1.0, name="z"),
        "truncated": lambda: R.TruncatedNormal(0.3, 2.0, lower=-1.0, upper=4.0, name="z"),
    }[kind]()
    joint, plan = compiled({R.Normal(2 * mu + 0.1, 0.8, shape=3): [0.3, 1.2, -0.4]}, [mu])
    check(joint, plan, [{"z": 0.2}, {"z": 0.9}])


BOUNDED = {
    "scale": lambda: (R.Uniform(0.0, 3.0, name="z"), lambda z: R.Normal(0.0, z, shape=5), [0.3, 1.0, -2.0, 0.7, 1.2], 3.0),
    "rate": lambda: (R.Uniform(0.0, 2.0, name="z"), lambda z: R.Exponential(z, shape=3), [0.3, 1.0, 0.2], 2.0),
    "power": lambda: (R.Uniform(0.0, 2.0, name="z"), lambda z: R.Pareto(1.5, z, shape=2), [0.9, 3.0], 2.0),
    "tilted": lambda: (R.Uniform(0.0, 2.0, name="z"), lambda z: R.Poisson(3 * z), 0, 2.0),
}


@pytest.mark.parametrize("name", BOUNDED)
def test_law_between_bounds(name):
    z, child, data, upper = BOUNDED[name]()
    joint, plan = compiled({child(z): data}, [z])
    assert not plan.joint.latents, plan.declined
    grid = (np.arange(20_000) + 0.5) * upper / 20_000
    run = symjax.to_jax(T.add_n([T.sum(f.term) for f in joint.factors]), list(joint.latents))
    with jax.enable_x64(True):
        density = np.exp(np.asarray(jax.vmap(run)(grid)))
    evidence = density.sum() * upper / 20_000
    assert abs(sum(float(np.sum(evaluate(f.term))) for f in plan.joint.factors) - np.log(evidence)) < 1e-5
    draws = R.draw(plan.recovered()[joint.latents[0]], draws=40_000, random_seed=1)
    weights = density / density.sum()
    mean = weights @ grid
    deviation = np.sqrt(weights @ (grid - mean) ** 2)
    assert abs(draws.mean() - mean) < 4.5 * deviation / 200
    for q in (0.1, 0.5, 0.9):
        at = grid[np.searchsorted(np.cumsum(weights), q)]
        assert abs(np.mean(draws < at) - q) < 4.5 * np.sqrt(q * (1 - q) / 40_000) + 1e-3


@pytest.mark.parametrize("power", [1, 2])
def test_draws_of_scales_follow_the_law(power):
    z = R.InverseGamma(3.0, 2.0, name="z") if power == 1 else R.HalfFlat(name="z")
    y = R.Normal(0.0, T.sqrt(z) if power == 1 else z, shape=8)
    data = np.linspace(-1, 2, 8)
    _, plan = compiled({y: data}, [z])
    draws = R.draw(plan.recovered()[next(iter(plan.recovered()))], draws=20_000, random_seed=3) ** power
    alpha, beta = (3.0 + 4, 2.0 + 0.5 * np.sum(data**2)) if power == 1 else (3.5, 0.5 * np.sum(data**2))
    assert stats.kstest(draws, stats.invgamma(alpha, scale=beta).cdf).pvalue > 1e-4


def test_regression_with_unknown_variance_and_mean():
    """Normal–InverseGamma jointly, and a flat prior of the scale, through the Gaussian block."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    v = R.InverseGamma(2.0, 1.5, name="v")
    b = R.Normal(0.0, 3 * T.sqrt(v), shape=2, name="b")
    joint, _ = joint_of({R.Normal(T.dot(T.constant(x), b), T.sqrt(v), name="y"): y}, [v, b])
    plan = compile_posterior(joint, ALL)
    assert not plan.joint.latents, plan.declined
    evidence = sum(float(np.sum(evaluate(f.term))) for f in plan.joint.factors)
    law = stats.multivariate_t(np.zeros(20), (np.eye(20) + 9 * x @ x.T) * 1.5 / 2.0, df=4)
    assert abs(evidence - law.logpdf(y)) < 1e-9 * abs(evidence)


REFUSED = {
    "another prior": (lambda: R.HalfCauchy(1.0, name="z"), lambda z: R.Normal(0.0, z), 0.3, "in no exponential family"),
    "scale of a rate's prior": (lambda: R.Gamma(1.0, 1.0, name="z"), lambda z: R.Normal(0.0, z), 0.3, "x^-2"),
    "offset": (lambda: R.Gamma(1.0, 1.0, name="z"), lambda z: R.Poisson(z + 1), 2, "a sum"),
    "exponential": (lambda: R.Normal(0.0, 1.0, name="z"), lambda z: R.Poisson(T.exp(z)), 2, "`exp`"),
    "sum of elements": (lambda: R.Gamma(1.0, 1.0, shape=3, name="z"), lambda z: R.Poisson(z.sum()), 2, "sum of its elements"),
    "neighbours": (lambda: R.Gamma(1.0, 1.0, shape=3, name="z"), lambda z: R.Poisson(z[:2] + z[1:]), [2, 1], "two of its elements"),
    "improper": (lambda: R.HalfFlat(name="z"), lambda z: R.Normal(0.0, z), 0.3, "not proved that its integral is finite"),
    "wrong power": (lambda: R.Gamma(1.0, 1.0, name="z"), lambda z: R.Weibull(2.0, z, shape=2), [1.0, 2.0], "x^-2"),
    "upper bound without tail": (lambda: R.Uniform(0.0, 9.0, name="z"), lambda z: R.Uniform(0.0, z), 0.3, "between two bounds"),
    "part of a simplex": (
        lambda: R.Dirichlet(np.ones(3), name="z"), lambda z: R.Categorical(z[:2] / z[:2].sum()), 1, "in 'Categorical"),
    "noninvertible weight": (lambda: R.Gamma(1.0, 1.0, name="z"), lambda z: R.Poisson(np.array([0.0, 1.0]) * z), [0, 1], ""),
    "mixture": (lambda: R.Beta(1.0, 1.0, name="z"), lambda z: R.Bernoulli(0.3 * z + 0.1), 1, "a sum"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_left_alone(case):
    prior, child, data, reason = REFUSED[case]
    z = prior()
    _, plan = compiled({child(z): data}, [z])
    assert [x.name for x in plan.joint.latents] == ["z"] and not plan.applied
    assert reason in plan.declined[0].reason


def test_a_potential_of_another_form_is_in_the_way():
    z = R.Gamma(1.0, 1.0, name="z")
    _, plan = compiled({R.Poisson(z): 3}, [z], {"other": -(z**2)})
    assert plan.joint.latents and "x^2" in plan.declined[0].reason
    _, plan = compiled({R.Poisson(z): 3}, [z], {"other": 3 * z})
    assert plan.joint.latents and "not proved" in plan.declined[0].reason


def test_a_rate_that_may_be_negative_is_in_the_way():
    z, c = R.Gamma(1.0, 1.0, name="z"), R.Normal(0.0, 1.0, name="c")
    _, plan = compiled({R.Poisson(c * z): 3}, [c, z])
    assert {x.name for x in plan.joint.latents} == {"c", "z"}


def test_conditions_on_others_are_kept():
    z, c = R.Gamma(1.0, 1.0, name="z"), R.Normal(0.0, 1.0, name="c")
    y = R.Gamma(T.exp(c), z, name="y")
    s = R.Normal(0.0, c, name="s")
    joint, plan = compiled({y: 1.2, s: 0.3}, [c, z])
    assert [x.name for x in plan.joint.latents] == ["c"]
    check(joint, plan, [{"c": 0.5, "z": 1.1}])
    assert density(plan.joint, {"c": -0.5}) == -np.inf


def test_a_latent_that_nothing_depends_on_is_drawn_from_its_law():
    tau = R.Gamma(2.0, 1.0, name="tau")
    z = R.StudentT(3.0, tau, sigma=1.0, shape=2, name="z")
    joint, plan = compiled({R.Exponential(tau): 0.4}, [tau, z])
    assert not plan.joint.latents
    check(joint, plan, [{"tau": 0.4, "z": np.array([0.1, 2.0])}])


def test_a_sampled_discrete_child_is_in_the_way():
    z = R.Gamma(2.0, 1.0, name="z")
    n = R.Poisson(z, name="n")
    _, plan = compiled({R.Binomial(n, 0.3): 2}, [z, n])
    assert "discrete" in plan.declined[0].reason


def test_change_point_collapses_altogether():
    rng = np.random.default_rng(3)
    y, time = np.concatenate([rng.poisson(4.0, 9), rng.poisson(0.7, 6), [0]]), np.arange(16)
    tau = R.DiscreteUniform(0, 17, name="tau")
    early, late = R.Exponential(0.5, name="early"), R.Gamma(2.0, 1.0, name="late")
    counts = R.Poisson(T.where(tau >= time, early, late), name="y")
    joint, _ = joint_of({counts: y}, [tau, early, late])
    plan = compile_posterior(joint, ALL)
    assert [r.rule for r in plan.rewrites] == ["conjugate", "conjugate", "enumerate_discrete"] and not plan.joint.latents

    def log_evidence(k):
        def part(a, b, which):
            total, n = y[which].sum(), which.sum()
            return a * np.log(b) - special.gammaln(a) + special.gammaln(a + total) - (a + total) * np.log(b + n)

        before = k >= time
        return part(1.0, 0.5, before) + part(2.0, 1.0, ~before) - special.gammaln(y + 1.0).sum()

    logs = np.array([log_evidence(k) for k in range(18)]) - np.log(18)
    found = sum(float(np.sum(evaluate(f.term))) for f in plan.joint.factors)
    assert abs(found - special.logsumexp(logs)) < 1e-10 * abs(found)
    draws = R.draw(list(plan.recovered().values()), draws=20_000, random_seed=1)
    points = next(d for x, d in zip(plan.recovered(), draws, strict=True) if x.name == "tau")
    weights = np.exp(logs - special.logsumexp(logs))
    assert np.all(np.abs(np.bincount(points, minlength=18) / 20_000 - weights) < 4.5 * np.sqrt(weights / 20_000) + 1e-4)


@pytest.mark.parametrize("child", ["rates", "precisions", "probabilities"])
def test_stack_of_single_latents(child):
    idx = np.array([0, 1, 1, 0, 2, 2, 1])
    if child == "probabilities":
        x = [R.Beta(1.0, 2.0, name=f"x{i}") for i in range(3)]
        seen = {R.Bernoulli(T.stack(x)[idx]): [0, 1, 1, 1, 0, 1, 0]}
    else:
        x = [R.Gamma(1.0 + i, 2.0, name=f"x{i}") for i in range(3)]
        rates = T.stack(x)[idx]
        data = [0, 1, 5, 4, 2, 2, 3]
        seen = {R.Poisson(rates * WEIGHT): data} if child == "rates" else {R.Normal(0.3, tau=rates): np.array(data, float)}
    joint, plan = compiled(seen, x)
    assert not plan.joint.latents, plan.declined
    check(joint, plan, [{"x0": 0.3, "x1": 0.6, "x2": 0.9}])


def test_many_discrete_neighbours_are_summed_out_first():
    z = R.Gamma(2.0, 1.0, name="z")
    states = [R.Bernoulli(0.4, name=f"s{i}") for i in range(4)]
    seen = {R.Poisson(T.where(T.equal(s, 1), z, 0.3), name=f"y{i}"): i for i, s in enumerate(states)}
    joint, _ = joint_of(seen, [z, *states])
    plan = compile_posterior(joint, ALL)
    assert [x.name for x in plan.joint.latents] == ["z"]
