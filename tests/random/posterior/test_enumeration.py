"""Finite discrete variables summed out: evidence, recovery and gradients against all configurations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import arviz as az
import numpy as np
import pytest
import scipy.stats as st
from enumeration import Checked, total
from scipy.special import gammaln, logsumexp

import symjax.random as R
import symjax.tensor as T
from symjax import scan
from symjax.core._traverse import toposort

MODELS: dict[str, Callable[[np.random.Generator], tuple[Any, ...]]] = {}


def model(fn: Callable[[np.random.Generator], tuple[Any, ...]]) -> Callable[..., Any]:
    """A model: its latents, its observed variables and its potentials."""
    MODELS[fn.__name__] = fn
    return fn


@model
def mixture(rng):
    w, mu, s = R.Dirichlet(np.ones(3), name="w"), R.Normal(0, 2, shape=3, name="mu"), R.HalfNormal(1, name="s")
    z = R.Categorical(w, shape=6, name="z")
    return [w, mu, s, z], {R.Normal(mu[z], s, name="y"): rng.normal(size=6)}


@model
def multivariate_mixture(rng):
    mu, z = R.Normal(0, 2, shape=(3, 2), name="mu"), R.Categorical([0.2, 0.3, 0.5], shape=5, name="z")
    cov = np.array([[1.0, 0.3], [0.3, 2.0]]) * np.array([1.0, 2.0, 3.0])[:, None, None]
    return [mu, z], {R.MvNormal(mu[z], cov=T.constant(cov)[z], name="y"): rng.normal(size=(5, 2))}


@model
def rows_of_parameters(rng):
    p = R.Beta(1, 1, shape=(3, 4), name="p")
    z = R.Categorical([0.3, 0.3, 0.4], shape=5, name="z")
    return [p, z], {R.Bernoulli(p[z], name="y"): rng.integers(0, 2, (5, 4))}


@model
def switch_of_two_laws(rng):
    a, z = R.Normal(0, 1, name="a"), R.Bernoulli(0.3, shape=5, name="z")
    return [a, z], {R.Normal(T.switch(z, a, -a), 1 + z, name="y"): rng.normal(size=5)}


@model
def arithmetic(rng):
    a, z = R.Normal(0, 1, name="a"), R.Binomial(np.array([3, 2, 1, 4]), 0.4, name="z")
    return [a, z], {R.Normal(a * z**2 + z / 2 - 1, 1.0, name="y"): rng.normal(size=4)}


@model
def change_point(rng):
    e, l, tau = R.Exponential(1, name="e"), R.Exponential(1, name="l"), R.DiscreteUniform(10, 25, name="tau")
    years = np.arange(8, 28)
    return [e, l, tau], {R.Poisson(T.switch(tau >= years, e, l), name="y"): rng.poisson(2, 20)}


@model
def two_change_points(rng):
    r, a, b = R.Exponential(1, shape=3, name="r"), R.DiscreteUniform(0, 9, name="a"), R.DiscreteUniform(0, 9, name="b")
    t = np.arange(10)
    rate = T.switch(t < a, r[0], T.switch(t < b, r[1], r[2]))
    return [r, a, b], {R.Poisson(rate, name="y"): rng.poisson(2, 10)}


@model
def zero_inflation(rng):
    psi, lam = R.Beta(1, 1, name="psi"), R.Exponential(1, name="lam")
    z = R.Bernoulli(psi, shape=7, name="z")
    return [psi, lam, z], {R.Poisson(lam * z, name="y"): np.array([0, 0, 3, 0, 1, 0, 2])}


@model
def capture_recapture(rng):
    omega, p = R.Beta(1, 1, name="omega"), R.Beta(1, 1, shape=3, name="p")
    z = R.Bernoulli(omega, shape=8, name="z")
    seen = (rng.random((8, 3)) < 0.4) & (np.arange(8) < 5)[:, None]
    return [omega, p, z], {R.Bernoulli(z[:, None] * p, name="y"): seen.astype(int)}


@model
def n_mixture(rng):
    p, n = R.Beta(2, 2, name="p"), R.DiscreteUniform(3, 8, shape=3, name="n")
    return [p, n], {R.Binomial(n[:, None], p, name="y"): rng.integers(0, 4, (3, 2))}


@model
def item_response_classes(rng):
    pi = R.Dirichlet(np.ones(2), name="pi")
    theta = R.Beta(1, 1, shape=(2, 4), name="theta")
    c = R.Categorical(pi, shape=6, name="c")
    rater = rng.integers(0, 6, 15)
    item = rng.integers(0, 4, 15)
    return [pi, theta, c], {R.Bernoulli(theta[c[rater], item], name="y"): rng.integers(0, 2, 15)}


@model
def nested(rng):
    group = R.Categorical([0.4, 0.6], shape=2, name="group")
    mu = R.Normal(0, 2, shape=3, name="mu")
    weights = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    of = np.array([0, 0, 1, 1, 1])
    z = R.Categorical(T.constant(weights)[group[of]], name="z")
    return [group, mu, z], {R.Normal(mu[z], 1.0, name="y"): rng.normal(size=5)}


@model
def crossed_scalars(rng):
    a, b, c = R.Bernoulli(0.3, name="a"), R.Categorical([0.2, 0.5, 0.3], name="b"), R.Bernoulli(0.6, name="c")
    m = R.Normal(0, 1, shape=(2, 3), name="m")
    return [a, b, c, m], {
        R.Normal(m[a, b] + c, 1.0, name="y"): rng.normal(size=4),
        R.Normal(b * c, 1.0, name="x"): rng.normal(size=2),
    }


@model
def crossed_small_plates(rng):
    a, b = R.Bernoulli(0.4, shape=3, name="a"), R.Bernoulli(0.7, shape=2, name="b")
    m = R.Normal(0, 1, shape=(2, 2), name="m")
    return [a, b, m], {R.Normal(m[a[:, None], b[None, :]], 1.0, name="y"): rng.normal(size=(3, 2))}


@model
def network(rng):
    rain = R.Bernoulli(0.2, name="rain")
    sprinkler = R.Bernoulli(T.switch(rain, 0.01, 0.4), name="sprinkler")
    wet = R.Bernoulli(T.constant([[0.0, 0.8], [0.9, 0.99]])[sprinkler, rain], name="wet")
    return [rain, sprinkler, wet], {R.Normal(1.0 * wet, 0.5, name="y"): np.array(0.8)}


@model
def shared_scalar_and_plate(rng):
    k, mu = R.Categorical([0.3, 0.7], name="k"), R.Normal(0, 1, shape=(2, 2), name="mu")
    z = R.Bernoulli(0.4, shape=5, name="z")
    return [k, mu, z], {R.Normal(mu[k, z], 1.0, name="y"): rng.normal(size=5)}


@model
def count_of_a_plate(rng):
    z, a = R.Bernoulli(0.3, shape=5, name="z"), R.Normal(0, 1, name="a")
    return [z, a], {R.Normal(a * T.sum(z), 1.0, name="y"): np.array(1.7)}


@model
def product_over_a_plate(rng):
    z, beta = R.Bernoulli(0.5, shape=4, name="z"), R.Normal(0, 1, shape=4, name="beta")
    return [z, beta], {R.Normal(T.dot(rng.normal(size=(6, 4)), beta * z), 1.0, name="y"): rng.normal(size=6)}


@model
def skills_of_persons(rng):
    """DINA: an item is solved by who has all skills that it needs."""
    needs = np.array([[1, 0], [0, 1], [1, 1]])
    has, slip, guess = R.Bernoulli(0.6, shape=(3, 2), name="has"), R.Beta(1, 5, name="slip"), R.Beta(1, 5, name="guess")
    able = T.prod(T.where(needs[None] == 1, has[:, None, :], 1), -1)
    return [has, slip, guess], {R.Bernoulli(T.where(T.equal(able, 1), 1 - slip, guess), name="y"): rng.integers(0, 2, (3, 3))}


@model
def features_along_the_first_axis(rng):
    z, w = R.Binomial(2, 0.4, shape=(2, 3), name="z"), R.Normal(0, 1, shape=2, name="w")
    return [z, w], {R.Normal(T.sum(z * w[:, None], 0), 1.0, name="y"): rng.normal(size=3)}


@model
def all_elements_tied_with_an_axis_of_one(rng):
    z, a = R.Binomial(2, 0.4, shape=(1, 3), name="z"), R.Normal(0, 1, name="a")
    return [z, a], {R.Normal(a * T.max(z, (0, 1)), 1.0, name="y"): np.array(1.2)}


@model
def indices_in_other_places(rng):
    z, a = R.Categorical([0.2, 0.3, 0.5], shape=4, name="z"), R.Normal(0, 1, shape=(2, 3, 2), name="a")
    return [z, a], {
        R.Normal(a[:, z], 1.0, name="u"): rng.normal(size=(2, 4, 2)),
        R.Normal(a[1, z, 0], 1.0, name="v"): rng.normal(size=4),
        R.Normal(a[0, :, 1][z], 1.0, name="w"): rng.normal(size=4),
        R.Normal(a[np.array([0, 1, 1, 0]), z, 1], 1.0, name="x"): rng.normal(size=4),
        R.Normal(a[0, z[:, None], 0], 1.0, name="y"): rng.normal(size=(4, 1)),
        R.Normal(T.dot(T.one_hot(z, 3), a[0]), 1.0, name="p"): rng.normal(size=(4, 2)),
        R.Normal(a[:, :, 0][:, z - 1], 1.0, name="q"): rng.normal(size=(2, 4)),
    }


@model
def potentials(rng):
    z, a = R.Categorical([0.2, 0.3, 0.5], shape=4, name="z"), R.Normal(0, 1, name="a")
    return [z, a], {}, {"p": T.sum(a * z) + T.sum(T.equal(z, 1) * 0.5), "q": T.sin(1.0 * z) * a}


@model
def partly_dependent(rng):
    z, a = R.Bernoulli(0.3, shape=3, name="z"), R.Normal(0, 1, name="a")
    mean = T.concatenate([a * z, T.stack([a, 2 * a])])
    return [z, a], {R.Normal(mean, 1.0, name="y"): rng.normal(size=5)}


@model
def permuted_and_transposed(rng):
    z, a = R.Categorical([0.2, 0.3, 0.5], shape=(2, 3), name="z"), R.Normal(0, 1, shape=3, name="a")
    return [z, a], {
        R.Normal(a[z].T, 1.0, name="y"): rng.normal(size=(3, 2)),
        R.Normal(a[T.flip(z, 1)], 1.0, name="x"): rng.normal(size=(2, 3)),
        R.Normal(T.reshape(z, (6,)), 1.0, name="w"): rng.normal(size=6),
    }


@model
def matrices_per_class(rng):
    z, b = R.Bernoulli(0.4, shape=4, name="z"), R.Normal(0, 1, shape=(2, 3), name="b")
    x = rng.normal(size=(4, 3))
    return [z, b], {
        R.Normal(T.sum(b[z] * x, -1), 1.0, name="y"): rng.normal(size=4),
        R.Normal(b[z] @ np.ones(3), 1.0, name="x"): x[:, 0],
    }


@model
def categorical_children(rng):
    P = R.Dirichlet(np.ones((3, 4)), name="P")
    z = R.Categorical([0.2, 0.3, 0.5], shape=4, name="z")
    return [P, z], {R.Categorical(P[z], name="y"): rng.integers(0, 4, 4)}


@model
def discrete_child_of_discrete(rng):
    z = R.Categorical([0.2, 0.3, 0.5], shape=3, name="z")
    n = R.Binomial(4, T.constant([0.2, 0.5, 0.9])[z], name="n")
    a = R.Normal(0, 1, name="a")
    return [z, n, a], {R.Normal(a * n, 1.0, name="y"): rng.normal(size=3)}


@pytest.mark.parametrize("name", MODELS)
def test_evidence_and_recovery(name, rng):
    checked = Checked(*MODELS[name](rng))
    assert not checked.left, checked.plan.declined
    checked.check_evidence()
    checked.check_recovery()


def _reasons(checked: Checked) -> dict[str, str]:
    return {r.variables[0]: r.reason for r in checked.plan.declined}


def test_mixture_against_scipy(rng):
    y = rng.normal(size=40)
    z = R.Categorical([0.2, 0.3, 0.5], shape=40, name="z")
    checked = Checked([z], {R.Normal(T.constant([-1.0, 0.0, 2.0])[z], 0.7, name="y"): y})
    want = logsumexp(st.norm.logpdf(y[:, None], [-1.0, 0.0, 2.0], 0.7) + np.log([0.2, 0.3, 0.5]), axis=1).sum()
    assert np.isclose(checked.planned([]), want, rtol=1e-12)
    assert [r.reason for r in checked.plan.applied] == ["z (40): summed out over 3 values; recovered after sampling"]


def test_the_graph_does_not_grow_with_rows_or_values(rng):
    def size(n: int, k: int) -> int:
        mu, z = R.Normal(0, 1, shape=k, name="mu"), R.Categorical(np.full(k, 1 / k), shape=n, name="z")
        checked = Checked([mu, z], {R.Normal(mu[z], 1.0, name="y"): rng.normal(size=n)})
        return len(toposort([total(checked.plan.joint)]))

    assert size(20, 2) == size(2000, 30)


def test_infinitely_many_values_are_declined():
    n = R.Poisson(3.0, name="n")
    checked = Checked([n], {R.Binomial(n, 0.5, name="y"): np.array(2)})
    assert checked.left
    assert "infinitely many values" in _reasons(checked)["n"]


def test_bounds_that_depend_on_another_variable_are_declined():
    a = R.DiscreteUniform(1, 4, name="a")
    b = R.DiscreteUniform(0, a, name="b")
    checked = Checked([a, b], {R.Normal(1.0 * b, 1.0, name="y"): np.array(2.0)})
    assert [z.name for z in checked.left] == ["b"]
    assert "depend on other variables" in _reasons(checked)["b"]


def test_elements_that_are_tied_by_a_covariance_are_declined(rng):
    z = R.Bernoulli(0.4, shape=12, name="z")
    cov = 0.5 * np.eye(12) + 0.5
    checked = Checked([z], {R.MvNormal(1.0 * z, cov=cov, name="y"): rng.normal(size=12)})
    assert [x.name for x in checked.left] == ["z"]
    assert "several of its elements at once" in _reasons(checked)["z"]


def test_tables_beyond_the_bound_are_declined(rng):
    tables = rng.normal(size=(90,) * 2)
    parts = [R.DiscreteUniform(0, 89, name=f"d{i}") for i in range(5)]
    # every pair has a factor, so that summing one out ties all the others
    bonds = {f"b{i}{j}": T.constant(tables)[a, b] for i, a in enumerate(parts) for j, b in enumerate(parts[:i])}
    checked = Checked(parts, {}, bonds)
    assert len(checked.left) == 5
    assert "more than" in _reasons(checked)["d0"]


def test_of_two_crossed_plates_one_is_summed_out(rng):
    y, m = rng.normal(size=(13, 12)), rng.normal(size=(2, 3))
    a, b = R.Bernoulli(0.3, shape=13, name="a"), R.Categorical([0.2, 0.3, 0.5], shape=12, name="b")
    checked = Checked([a, b], {R.Normal(T.constant(m)[a[:, None], b[None, :]], 1.0, name="y"): y})
    [left] = checked.left
    assert left.name == "b"
    assert "b" in _reasons(checked)
    there = rng.integers(0, 3, 12)
    here = st.norm.logpdf(y[None], m[:, None, there], 1.0).sum(-1) + np.log([[0.7], [0.3]])
    want = logsumexp(here, axis=0).sum() + np.log(np.array([0.2, 0.3, 0.5])[there]).sum()
    assert np.isclose(checked.at(there), want, rtol=1e-12)


def test_a_plate_is_summed_out_before_the_scalar_that_it_shares_a_factor_with(rng):
    checked = Checked(*MODELS["shared_scalar_and_plate"](rng))
    assert [r.variables[0] for r in checked.plan.applied] == ["z", "k"]


def test_a_draw_that_nothing_depends_on_leaves_no_factor():
    z, n = R.Bernoulli(0.3, shape=4, name="z"), R.Poisson(2.0, name="n")
    checked = Checked([z, n])
    assert not checked.plan.joint.factors
    assert not checked.left


def test_a_prior_that_may_not_be_allowed_keeps_its_conditions():
    x = R.Normal(0, 1, name="x")
    z = R.Bernoulli(x, name="z")
    checked = Checked([x, z])
    assert not np.isfinite(checked.planned([np.array(1.5)]))
    assert np.isclose(checked.planned([np.array(0.5)]), st.norm.logpdf(0.5))


def test_a_loop_over_steps_with_a_discrete_number_of_them(rng):
    k, r = R.DiscreteUniform(0, 3, name="k"), R.Normal(0, 1, name="r")
    last = scan(
        lambda x, t: T.where(t < k, x * r + 1, x), outputs_info=T.constant(1.0), sequences=T.arange(3), return_updates=False
    )
    checked = Checked([k, r], {R.Normal(last[-1], 1.0, name="y"): np.array(0.3)})
    assert not checked.left, checked.plan.declined
    checked.check_evidence()


def _random_model(rng: np.random.Generator) -> tuple[Any, ...]:
    """Two to four discrete variables, scalars and plates, with random links between them and to what is observed."""
    a = R.Normal(0, 1, shape=3, name="a")
    latent: list[Any] = []
    shapes = [(), (2,), (3,), (2, 2)]
    for i in range(int(rng.integers(2, 5))):
        shape = shapes[rng.integers(0, len(shapes) if i < 2 else 2)]
        k = int(rng.integers(2, 4))
        logits = T.constant(rng.normal(size=(*shape, k)))
        parents = [z for z in latent if z.shape in ((), shape)]
        if parents and rng.random() < 0.6:
            parent = parents[rng.integers(len(parents))]
            table = T.constant(rng.normal(size=(3, k)))
            logits = table[parent] + logits
        kind = rng.integers(3)
        if kind == 0:
            latent.append(R.Categorical(logit_p=logits, name=f"z{i}"))
        elif kind == 1:
            latent.append(R.Bernoulli(logit_p=logits[..., 0], name=f"z{i}"))
        else:
            latent.append(R.Binomial(2, logit_p=logits[..., 0], name=f"z{i}"))
    observed = {}
    for j in range(int(rng.integers(1, 4))):
        z = latent[rng.integers(len(latent))]
        mean: Any = a[z] if rng.random() < 0.5 else T.switch(T.equal(z, 1), a[0], a[1] * z)
        if z.shape and rng.random() < 0.5:
            rows = rng.integers(0, z.shape[0], 4)
            mean = mean[rows]
        others = [w for w in latent if w.shape == ()]
        if others and rng.random() < 0.5:
            mean = mean + others[rng.integers(len(others))] * a[2]
        observed[R.Normal(mean, 1.0, name=f"y{j}")] = rng.normal(size=mean.shape)
    return [a, *latent], observed


@pytest.mark.parametrize("seed", [*range(12), *(pytest.param(s, marks=pytest.mark.slow) for s in range(12, 200))])
def test_random_models(seed):
    checked = Checked(*_random_model(np.random.default_rng(seed)))
    checked.check_evidence(1)
    if not checked.left:
        checked.check_recovery(n=2000)


@pytest.mark.slow
def test_change_point_sampled_against_its_exact_posterior(rng):
    """Coal-mining disasters with exponential rates: given the year of change the rates are gamma."""
    import symjax.pmc_bridge as pm

    y = np.concatenate([rng.poisson(3.0, 40), rng.poisson(1.0, 70)])
    t = np.arange(110)
    with pm.Model():
        tau = pm.DiscreteUniform("tau", 0, 109)
        early, late = pm.Exponential("early", 1.0), pm.Exponential("late", 1.0)
        pm.Poisson("y", pm.math.switch(tau >= t, early, late), observed=y)
        tree = pm.sample(2000, tune=1000, chains=4, random_seed=1, progressbar=False)
    n, total_before = t + 1, np.cumsum(y)
    n_after, total_after = 110 - n, y.sum() - total_before

    def log_mass(n: Any, s: Any) -> Any:
        return gammaln(1 + s) - (1 + s) * np.log(1 + n)

    log_p = log_mass(n, total_before) + log_mass(n_after, total_after)
    p = np.exp(log_p - logsumexp(log_p))
    posterior = tree.posterior.to_dataset()
    for name, want in (
        ("tau", (p * t).sum()),
        ("early", (p * (1 + total_before) / (1 + n)).sum()),
        ("late", (p * (1 + total_after) / (1 + n_after)).sum()),
    ):
        error = float(az.mcse(posterior[name]))
        assert abs(float(posterior[name].mean()) - want) < 4.5 * error
