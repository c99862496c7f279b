"""Likelihoods through sums and counts: the density stays what it was, the rows become few."""

import numpy as np
import pytest
from reduction import assert_same_density, compiled, planned

import symjax.random as R
import symjax.tensor as T

N = 300


class Data:
    """Data and parameters that the cases use."""

    def __init__(self, rng):
        self.g, self.h, self.three = rng.integers(0, 7, N), rng.integers(0, 5, N), rng.integers(0, 3, N)
        self.x, self.e = rng.normal(size=N), rng.uniform(0.5, 2.0, N)
        self.trials = rng.integers(1, 9, N)
        self.bits, self.counts = rng.integers(0, 2, N), rng.poisson(2.0, N)
        self.successes = rng.binomial(self.trials, 0.4)
        self.times, self.shares = rng.gamma(2.0, 1.0, N), rng.beta(1.0, 2.0, N)
        self.ballots, self.simplices = rng.multinomial(5, [0.2, 0.3, 0.5], N), rng.dirichlet([1.0, 2.0, 3.0], N)
        self.rounded = np.round(self.x, 1)
        self.mu = R.Normal(0, 1, name="mu")
        self.a, self.c = R.Normal(0, 1, shape=(7,), name="a"), R.Normal(0, 1, shape=(5,), name="c")
        self.l = R.Normal(0, 1, shape=(3,), name="l")
        self.q, self.p = R.HalfNormal(1.0, name="q"), R.HalfNormal(1.0, shape=(7,), name="p")
        self.three_positive = R.HalfNormal(1.0, shape=(3,), name="three_positive")
        self.theta = R.Beta(1, 1, shape=(7,), name="theta")
        self.w, self.W = R.Dirichlet(np.ones(3), name="w"), R.Dirichlet(np.ones((7, 3)), name="W")
        self.latents = [v for v in vars(self).values() if not isinstance(v, np.ndarray)]


#: The likelihood, the data, the law that is left (None: a sum of terms) and its shape.
CASES = {
    "Bernoulli": (lambda d, k: R.Bernoulli(logit_p=d.mu, **k), "bits", "Binomial", ()),
    "Bernoulli by group": (lambda d, k: R.Bernoulli(p=d.theta[d.g], **k), "bits", "Binomial", (7,)),
    "Bernoulli, crossed": (lambda d, k: R.Bernoulli(logit_p=d.a[d.g] + d.c[d.h] + d.mu, **k), "bits", "Binomial", (35,)),
    "Bernoulli by levels": (lambda d, k: R.Bernoulli(logit_p=d.mu + d.a[0] * d.three, **k), "bits", "Binomial", (3,)),
    "Bernoulli by a matrix": (
        lambda d, k: R.Bernoulli(logit_p=d.mu + T.dot(np.stack([d.three, d.h], 1) * 1.0, d.a[:2]), **k),
        "bits", "Binomial", (15,),
    ),
    "Binomial": (lambda d, k: R.Binomial(d.trials, logit_p=d.a[d.g], **k), "successes", "Binomial", (7,)),
    "Poisson": (lambda d, k: R.Poisson(d.q, **k), "counts", "Poisson", ()),
    "Poisson with exposure": (lambda d, k: R.Poisson(d.p[d.g] * d.e, **k), "counts", "Poisson", (7,)),
    "Poisson over exposure": (lambda d, k: R.Poisson(d.q * d.p[d.g] / d.e, **k), "counts", "Poisson", (7,)),
    "Poisson with offset": (lambda d, k: R.Poisson(T.exp(d.a[d.g] + np.log(d.e) - d.mu), **k), "counts", "Poisson", (7,)),
    "Exponential": (lambda d, k: R.Exponential(d.p[d.g], **k), "times", "Gamma", (7,)),
    "Exponential by scale": (lambda d, k: R.Exponential(scale=d.e * d.p[d.g], **k), "times", "Gamma", (7,)),
    "Gamma": (lambda d, k: R.Gamma(2.0, d.q, **k), "times", "Gamma", ()),
    "Gamma, both": (lambda d, k: R.Gamma(d.p[d.g], d.q * d.e, **k), "times", "Gamma", (7,)),
    "InverseGamma": (lambda d, k: R.InverseGamma(d.p[d.g], d.q * d.e, **k), "times", "Gamma", (7,)),
    "ChiSquared": (lambda d, k: R.ChiSquared(d.q, **k), "times", None, ()),
    "Beta": (lambda d, k: R.Beta(d.p[d.g], d.q, **k), "shares", None, (7,)),
    "HalfNormal": (lambda d, k: R.HalfNormal(d.p[d.g], **k), "times", None, (7,)),
    "Laplace": (lambda d, k: R.Laplace(d.x, d.q, **k), "times", None, ()),
    "Geometric": (lambda d, k: R.Geometric(d.theta[d.g], **k), "trials", None, (7,)),
    "NegativeBinomial": (lambda d, k: R.NegativeBinomial(mu=d.p[d.g], alpha=2.0, **k), "counts", "NegativeBinomial", (7,)),
    "Pareto": (lambda d, k: R.Pareto(d.p[d.g], d.times / 2, **k), "times", "Gamma", (7,)),
    "Weibull": (lambda d, k: R.Weibull(1.7, d.p[d.g], **k), "times", None, (7,)),
    "Uniform": (lambda d, k: R.Uniform(-d.q, 20 + d.q, **k), "times", "Uniform", (2,)),
    "Normal with a curve": (lambda d, k: R.Normal(T.exp(d.mu * d.three), d.p[d.g], **k), "x", "Normal", (21,)),
    "Normal with products of groups": (lambda d, k: R.Normal(d.a[d.g] * d.c[d.h], d.q, **k), "x", "Normal", (35,)),
    "LogNormal with a curve": (lambda d, k: R.LogNormal(T.exp(d.mu * d.three), d.q, **k), "times", "Normal", (3,)),
    "Categorical": (lambda d, k: R.Categorical(logit_p=d.l, **k), "three", None, ()),
    "Categorical of a Dirichlet": (lambda d, k: R.Categorical(p=d.w, **k), "three", "Multinomial", ()),
    "Categorical by group": (lambda d, k: R.Categorical(p=d.W[d.g], **k), "three", "Multinomial", (7,)),
    "Categorical of a function": (
        lambda d, k: R.Categorical(logit_p=T.stack([d.a, 2 * d.a, d.a * 0], 1)[d.g], **k), "three", None, (7,),
    ),
    "Multinomial": (lambda d, k: R.Multinomial(5, T.softmax(d.l), **k), "ballots", "Multinomial", ()),
    "Dirichlet": (lambda d, k: R.Dirichlet(d.three_positive, **k), "simplices", None, ()),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_sums_keep_density_and_gradient(name, rng):
    d = Data(rng)
    build, data, law, shape = CASES[name]
    y = getattr(d, data)
    joint, plan = planned({build(d, {"shape": y.shape, "name": "y"}): y}, d.latents)
    assert [r.rule for r in plan.applied] == ["sufficient_statistics"]
    left = [f for f in plan.joint.factors if f.name == "y"]
    assert law in [f.distribution and f.distribution.name for f in left]
    assert left[0].term.shape == shape
    assert_same_density(joint, plan.joint, rng)


REPEATED = {
    "zero-inflated counts": (lambda d, k: R.ZeroInflatedPoisson(d.theta[0], d.p[d.g], **k), "counts"),
    "negative binomial counts": (lambda d, k: R.NegativeBinomial(mu=d.p[d.g], alpha=d.q, **k), "counts"),
    "Student's t": (lambda d, k: R.StudentT(4.0, mu=d.mu, sigma=d.q, **k), "rounded"),
    "a mixture": (lambda d, k: R.NormalMixture(d.w, d.l, 1.0, **k), "rounded"),
    "a curved location": (lambda d, k: R.Cauchy(T.exp(d.mu * d.three), d.q, **k), "rounded"),
}


@pytest.mark.parametrize("name", REPEATED)
def test_distinct_rows_count_as_often_as_they_occur(name, rng):
    d = Data(rng)
    build, data = REPEATED[name]
    y = getattr(d, data)
    joint, plan = planned({build(d, {"shape": y.shape, "name": "y"}): y}, d.latents)
    [left] = [f for f in plan.joint.factors if f.name == "y"]
    assert left.term.size <= N / 2
    assert "counts" in plan.applied[0].reason
    assert_same_density(joint, plan.joint, rng)


DECLINED = {
    "a probability for each row": (lambda d, k: R.Bernoulli(logit_p=d.mu + d.c[0] * d.x, **k), "bits"),
    "exposure of two signs": (lambda d, k: R.Exponential(d.q * d.x, **k), "times"),
    "exposure beside a sum": (lambda d, k: R.Poisson(d.q * d.e + d.p[0], **k), "counts"),
    "shape and rate with exposure": (lambda d, k: R.Gamma(d.q * d.e, d.q, **k), "times"),
    "unknown location": (lambda d, k: R.Laplace(d.mu, d.q, **k), "times"),
    "unknown shape": (lambda d, k: R.Weibull(d.q, d.p[d.g], **k), "times"),
    "no statistics": (lambda d, k: R.Logistic(d.mu, d.q, **k), "times"),
    "outside of the support": (lambda d, k: R.Exponential(d.q, **k), "x"),
    "not finite": (lambda d, k: R.HalfNormal(d.q, **k), "spoiled"),
}


@pytest.mark.parametrize("name", DECLINED)
def test_what_has_no_statistics_stays(name, rng):
    d = Data(rng)
    d.spoiled = np.where(d.g == 0, np.inf, d.times)
    build, data = DECLINED[name]
    y = getattr(d, data)
    joint, plan = planned({build(d, {"shape": y.shape, "name": "y"}): y}, d.latents)
    assert not plan.applied
    assert plan.joint is joint


def test_parameters_that_are_not_allowed_have_no_density(rng):
    d = Data(rng)
    for law, data in [
        (lambda k: R.Poisson(d.mu * d.p[d.g], **k), "counts"),
        (lambda k: R.Gamma(d.mu * d.p[d.g], d.q, **k), "times"),
        (lambda k: R.HalfNormal(d.mu * d.p[d.g], **k), "times"),
        (lambda k: R.Beta(d.mu * d.p[d.g], 1.0, **k), "shares"),
        (lambda k: R.Geometric(d.mu + d.theta[d.g], **k), "trials"),
        (lambda k: R.Uniform(d.mu, 30.0, **k), "times"),
    ]:
        y = getattr(d, data)
        joint, plan = planned({law({"shape": (N,), "name": "y"}): y}, d.latents)
        assert plan.applied
        point = [np.full(x.shape, 100.0 if data == "trials" else 0.5) for x in joint.latents]
        point[[x.name for x in joint.latents].index("mu")] = np.array(2.0 if data == "trials" else -1.0)
        if joint.factors[-1].distribution.name == "Uniform":
            point[0] = np.array(float(d.times.max()))
        [before, after], _ = compiled(joint, plan.joint)(*point)
        assert before == after == -np.inf


def test_probabilities_of_zero_for_what_never_occurs():
    """A category without probability and without observations takes nothing from the density."""
    t = R.Normal(0, 1, name="t")
    p = T.stack([T.sigmoid(t), 1 - T.sigmoid(t), T.constant(0.0)])
    joint, plan = planned({R.Categorical(p=p, shape=(40,), name="y"): np.arange(40) % 2}, [t])
    assert plan.applied
    [before, after], _ = compiled(joint, plan.joint)(np.array(0.3))
    assert np.isfinite(before)
    np.testing.assert_allclose(after, before, rtol=1e-12)


def test_several_likelihoods_of_one_parameter(rng):
    d = Data(rng)
    observed = {
        R.Poisson(d.q, shape=(N,), name="first"): d.counts,
        R.Exponential(d.q, shape=(N,), name="second"): d.times,
        R.Normal(d.mu, d.q, shape=(N,), name="third"): d.x,
    }
    joint, plan = planned(observed, d.latents)
    assert [r.variables for r in plan.applied] == [("first",), ("second",), ("third",)]
    assert_same_density(joint, plan.joint, rng)


def test_large_data_without_repetitions_is_recognised_by_a_sample(rng):
    n = 100_000
    mu, q = R.Normal(0, 1, name="mu"), R.HalfNormal(1.0, name="q")
    _, plan = planned({R.Logistic(mu, q, shape=(n,), name="y"): rng.normal(size=n)}, [mu, q])
    assert not plan.applied
    assert "differ" in plan.declined[0].reason
    joint, plan = planned({R.Logistic(mu, q, shape=(n,), name="y"): rng.normal(size=n // 5).repeat(5)}, [mu, q])
    assert f"{n} rows → {n // 5} distinct" in plan.applied[0].reason
    assert_same_density(joint, plan.joint, rng)
