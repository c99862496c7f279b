"""Wishart and inverse Wishart priors: joint density = density of what is left × conditional density, and what is left alone."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st

import symjax.pmc_bridge as pm
import symjax.random as R
import symjax.tensor as T
from symjax.core._function import evaluate
from symjax.core._scope import detached
from symjax.core._traverse import substitute
from symjax.random.posterior import compile_posterior, joint_of
from symjax.random.posterior.matrices import propose_matrices
from tests.random.posterior.conjugate_reference import density

D = 3
RULES = (("conjugate", propose_matrices),)
RNG = np.random.default_rng(3)
Y, MORE = RNG.normal(size=(7, D)), RNG.normal(size=(2, 4, D)) + 5.0
X = RNG.normal(size=(7, 2))
SCALE = st.wishart(6, np.eye(D)).rvs(random_state=1) / 3
M0 = RNG.normal(size=D)


def covariance():
    return R.InverseWishart(5.5, SCALE, name="S")


def precision():
    return R.Wishart(5.5, SCALE, name="S")


def one(prior, use):
    def build():
        s = prior()
        return {R.MvNormal(M0, name="y", shape=Y.shape, **{use: s}): Y}, [s]

    return build


def several():
    s = covariance()
    return {
        R.MvNormal(M0, s, name="y", shape=Y.shape): Y,
        R.MvNormal(np.zeros(D), s * 2.5, name="w", shape=MORE.shape): MORE,
        R.MvNormal(np.zeros(D), 3.0 * (s / 0.7), name="v"): M0,
    }, [s]


def precisions():
    s = precision()
    return {R.MvNormal(M0, tau=4.0 * s, name="y", shape=Y.shape): Y, R.MvNormal(M0, tau=s, name="v"): Y[0]}, [s]


def with_a_mean(prior, use, weight):
    def build():
        s = prior()
        m = R.MvNormal(M0, name="m", **{use: s / weight if use == "cov" else s * weight})
        return {R.MvNormal(m, name="y", shape=Y.shape, **{use: s}): Y}, [s, m]

    return build


def two_means():
    s = covariance()
    a, b = (R.MvNormal(M0, s / k, name=n) for k, n in ((0.5, "a"), (2.0, "b")))
    return {
        R.MvNormal(a, s, name="y", shape=Y.shape): Y,
        R.MvNormal(b, 2.0 * s, name="w", shape=MORE.shape): MORE,
        R.MvNormal(a, 0.5 * s, name="v"): M0 + 1,
        R.MvNormal(np.zeros(D), s, name="u"): M0 - 1,
    }, [s, a, b]


def given_others():
    s, level, k = covariance(), R.Normal(0.0, 1.0, name="level"), R.Gamma(2.0, 2.0, name="k")
    m = R.MvNormal(level * np.ones(D), s / k, name="m")
    return {R.MvNormal(m, s, name="y", shape=Y.shape): Y}, [s, level, k, m]


def mean_of_its_own():
    s, m = covariance(), R.MvNormal(M0, np.eye(D), name="m")
    return {R.MvNormal(m, s, name="y", shape=Y.shape): Y}, [s, m]


def regression():
    s, b = covariance(), R.Normal(0.0, 1.0, shape=(2, D), name="b")
    return {R.MvNormal(T.dot(X, b), s, name="y"): Y}, [s, b]


def degrees_of_freedom():
    nu = R.Uniform(3.0, 9.0, name="nu")
    s = R.InverseWishart(nu, SCALE, name="S")
    return {R.MvNormal(M0, s, name="y", shape=Y.shape): Y}, [nu, s]


MODELS = {
    "covariance": (one(covariance, "cov"), {"S"}),
    "precision": (one(precision, "tau"), {"S"}),
    "several": (several, {"S"}),
    "precisions": (precisions, {"S"}),
    "mean and covariance": (with_a_mean(covariance, "cov", 0.3), {"S", "m"}),
    "mean and precision": (with_a_mean(precision, "tau", 0.3), {"S", "m"}),
    "two means": (two_means, {"S", "a", "b"}),
    "given others": (given_others, {"S", "m"}),
    "a mean of its own": (mean_of_its_own, {"S"}),
    "regression": (regression, {"S"}),
    "degrees of freedom": (degrees_of_freedom, {"S"}),
}


def points(latents, n=3):
    rng = np.random.default_rng(5)
    for _ in range(n):
        yield {
            z.name: st.wishart(6, np.eye(D)).rvs(random_state=rng)
            if z.ndim == 2 and z.shape == (D, D)
            else rng.uniform(4.0, 8.0)
            if z.name == "nu"
            else rng.gamma(3.0, size=z.shape)
            if z.name == "k"
            else rng.normal(size=z.shape)
            for z in latents
        }


@pytest.mark.parametrize("name", MODELS)
def test_joint_is_marginal_times_conditional(name):
    build, gone = MODELS[name]
    joint, _ = joint_of(*build())
    plan = compile_posterior(joint, RULES)
    assert {x.name for r in plan.rewrites for x in r.conditional} == gone, plan.declined
    drawn = plan.recovered()
    [matrix] = [x for x in drawn if x.ndim == 2]
    for at in points(joint.latents):
        with detached():
            values = {x: T.constant(np.asarray(at[x.name])) for x in plan.joint.latents}
            known = {**values, drawn[matrix]: T.constant(at["S"])}
            after = density(plan.joint, at) + float(evaluate(R.logp(substitute([drawn[matrix]], values)[0], at["S"])))
            for x in set(drawn) - {matrix}:
                after += float(evaluate(R.logp(substitute([drawn[x]], known)[0], at[x.name])))
        assert after == pytest.approx(density(joint, at), rel=1e-10)


def in_both_roles():
    s = covariance()
    return {R.MvNormal(M0, s, name="y", shape=Y.shape): Y, R.MvNormal(M0, tau=s, name="v"): Y[0]}, [s]


def other_role():
    s = precision()
    return {R.MvNormal(M0, s, name="y", shape=Y.shape): Y}, [s]


def shifted():
    s = covariance()
    return {R.MvNormal(M0, s + np.eye(D), name="y", shape=Y.shape): Y}, [s]


def scaled_by_element():
    s = covariance()
    return {R.MvNormal(M0, s * SCALE, name="y", shape=Y.shape): Y}, [s]


def mean_depends_on_it():
    s = covariance()
    return {R.MvNormal(T.diagonal(s), s, name="y", shape=Y.shape): Y}, [s]


def another_law():
    s = covariance()
    return {R.MvNormal(M0, s, name="y", shape=Y.shape): Y, R.Normal(0.0, T.sqrt(s[0, 0]), name="v"): 0.3}, [s]


def weight_of_any_sign():
    s, k = covariance(), R.Normal(0.0, 1.0, name="k")
    return {R.MvNormal(M0, s * k, name="y", shape=Y.shape): Y}, [s, k]


def rows_of_their_own():
    s = covariance()
    return {R.MvNormal(M0, s * np.arange(1.0, 8.0)[:, None, None], name="y"): Y}, [s]


def not_a_number():
    s = covariance()
    return {R.MvNormal(M0, s, name="y", shape=Y.shape): np.where(Y > 1, np.nan, Y)}, [s]


def hierarchy():
    s = covariance()
    b = R.MvNormal(M0, s, name="b", shape=(4, D))
    return {R.Poisson(T.exp(b), name="y"): np.ones((4, D), int)}, [s, b]


ALONE = (
    in_both_roles,
    other_role,
    shifted,
    scaled_by_element,
    mean_depends_on_it,
    another_law,
    weight_of_any_sign,
    rows_of_their_own,
    not_a_number,
    hierarchy,
)


@pytest.mark.parametrize("build", ALONE)
def test_what_is_left_alone(build):
    joint, _ = joint_of(*build())
    plan = compile_posterior(joint, RULES)
    assert not plan.rewrites
    assert [(r.rule, r.variables) for r in plan.declined] == [("conjugate", ("S",))]


def test_a_mean_that_is_used_elsewhere_stays():
    s = covariance()
    m = R.MvNormal(M0, s, name="m")
    joint, _ = joint_of({R.MvNormal(m, s, name="y", shape=Y.shape): Y, R.Normal(m[0], 1.0, name="v"): 0.3}, [s, m])
    plan = compile_posterior(joint, RULES)
    assert [x.name for x in plan.joint.latents] == ["m"]


def test_a_model_of_means_and_a_covariance_is_sampled_exactly():
    with pm.Model() as model:
        s = pm.InverseWishart("S", 6.0, SCALE)
        m = pm.MvNormal("m", M0, s / 0.5)
        pm.MvNormal("y", m, s, observed=Y)
    report = pm.explain(model)
    assert report.dimensions == (9, 0)
    draws = pm.sample(4000, chains=1, random_seed=1, model=model, progressbar=False).posterior
    n, k = len(Y), 0.5
    center, mean = Y.mean(0), (k * M0 + n * Y.mean(0)) / (k + n)
    scale = SCALE + (Y - center).T @ (Y - center) + k * n / (k + n) * np.outer(center - M0, center - M0)
    nu = 6.0 + n
    for i in range(D):
        marginal = st.t(nu - D + 1, mean[i], np.sqrt(scale[i, i] / (k + n) / (nu - D + 1)))
        assert st.kstest(draws["m"].values[0, :, i], marginal.cdf).pvalue > 1e-5
        assert st.kstest(draws["S"].values[0, :, i, i], st.invgamma((nu - D + 1) / 2, scale=scale[i, i] / 2).cdf).pvalue > 1e-5
