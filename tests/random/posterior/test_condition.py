"""`R.condition` and `R.marginalize`: laws and joint laws against formulas and sampling, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import symjax.random as R
import symjax.tensor as T
from symjax import NotDerivableError
from symjax._errors import ShapeError

N = 40_000


def moments(expressions, **kwargs):
    """Means and standard deviations of joint draws."""
    return [(x.mean(0), x.std(0)) for x in R.draw(expressions, draws=N, random_seed=7, **kwargs)]


def close(found, mean, deviation):
    assert np.all(np.abs(found[0] - mean) < 4.5 * np.asarray(deviation) / np.sqrt(N) + 1e-12), (found, mean)
    assert np.all(np.abs(found[1] - deviation) < 6 * np.asarray(deviation) / np.sqrt(N) + 1e-12), (found, deviation)


def test_conjugate_posterior_is_a_law():
    rate = R.Gamma(2.0, 1.0, name="rate")
    y = R.Poisson(rate, shape=3, name="y")
    found = R.condition(rate, {y: [4, 2, 3]})
    assert found.distribution is R.Gamma and [float(p.eval()) for p in found.parents] == [11.0, 4.0]


def test_structure_and_what_is_observed():
    mu = R.Normal(0.0, 1.0, name="mu")
    y = R.Normal(mu, 1.0, shape=2, name="y")
    found = R.condition({"mu": mu, "all": [y, mu + y]}, {y: [1.0, 2.0]})
    np.testing.assert_array_equal(found["all"][0].eval(), [1.0, 2.0])
    draws = R.draw([found["mu"], found["all"][1]], draws=5, random_seed=0)
    np.testing.assert_allclose(draws[1], draws[0][:, None] + [1.0, 2.0])


def test_prediction_given_data():
    mu = R.Normal(0.0, 2.0, name="mu")
    y, new = R.Normal(mu, 1.0, shape=4, name="y"), R.Normal(mu, 1.0, name="new")
    found = moments([R.condition(new, {y: [1.0, 2.0, 0.5, 1.5]})])
    variance = 1 / (1 / 4 + 4)
    close(found[0], 5 * variance, np.sqrt(variance + 1))


def test_sum_of_normals():
    x, y = R.Normal(1.0, 2.0, name="x"), R.Normal(0.0, 1.0, name="y")
    first, total = moments(R.condition([x, x + y], {x + y: 3.0}))
    close(first, 1 + 2 * 4 / 5, np.sqrt(4 / 5))
    np.testing.assert_allclose(total, (3.0, 0.0), atol=1e-12)


def test_sum_of_a_vector_of_normals():
    scale = np.array([1.0, 2.0, 0.5])
    x, e = R.Normal(0.5, scale, name="x"), R.Normal(0.0, 1.5, name="e")
    draws = R.draw(R.condition(x, {x.sum() + e: 4.0}), draws=N, random_seed=3)
    covariance, total = np.diag(scale**2), np.sum(scale**2) + 1.5**2
    gain = scale**2 / total
    expected = covariance - np.outer(gain, gain) * total
    close((draws.mean(0), draws.std(0)), 0.5 + gain * 2.5, np.sqrt(np.diag(expected)))
    np.testing.assert_allclose(np.cov(draws.T), expected, atol=0.06)


def test_function_of_normals():
    x, y = R.Normal(1.0, 2.0, name="x"), R.Normal(0.0, 1.0, name="y")
    [found] = moments([R.condition(x, {T.exp((x - 2 * y) / 4): 3.0})])
    close(found, 1 + (4 * np.log(3.0) - 1) * 4 / 8, np.sqrt(4 - 16 / 8))


def test_product_with_a_random_factor():
    """Given s·e = v the density of s has the slope 1/s of the product."""
    s, e = R.InverseGamma(3.0, 2.0, name="s"), R.Exponential(1.0, name="e")
    found = R.condition(s, {s * e: 0.7})
    assert found.distribution is R.InverseGamma
    np.testing.assert_allclose([float(p.eval()) for p in found.parents], [4.0, 2.7])


def test_sum_of_poissons():
    a, b = R.Poisson(2.0, shape=2, name="a"), R.Poisson(3.0, name="b")
    first, second = moments(R.condition([a, b], {a.sum() + b: 7}))
    close(first, 2.0, np.full(2, np.sqrt(7 * 2 / 7 * 5 / 7)))
    close(second, 3.0, np.sqrt(7 * 3 / 7 * 4 / 7))


def test_sum_of_gammas():
    g, e = R.Gamma(2.0, 3.0, name="g"), R.Exponential(3.0, name="e")
    share = R.condition(g / 1.5, {g + e: 1.5})
    assert stats.kstest(R.draw(share, draws=N, random_seed=2), stats.beta(2, 1).cdf).pvalue > 1e-4


def test_rate_of_poissons_given_their_sum():
    rate = R.Gamma(2.0, 1.0, name="rate")
    y = R.Poisson(rate, shape=3, name="y")
    found = R.condition(rate, {y.sum(): 9})
    assert [float(p.eval()) for p in found.parents] == [11.0, 4.0]


def test_mixture_component_and_unrelated_variables():
    z = R.Bernoulli(0.3, name="z")
    y = R.Normal(T.where(T.equal(z, 1), 2.0, -1.0), 1.0, name="y")
    other = R.HalfCauchy(1.0, name="other")
    p = 1 / (1 + 0.7 / 0.3 * np.exp(0.5 * (1.3**2 - 1.7**2)))
    [found, _] = moments(R.condition([z, other], {y: 0.7}))
    close(found, p, np.sqrt(p * (1 - p)))


def test_condition_is_refused():
    h = R.HalfCauchy(1.0, name="h")
    x, y = R.Normal(0.0, h, name="x"), R.Poisson(T.exp(R.Normal(0.0, 1.0, name="log_rate")), name="y")
    with pytest.raises(NotDerivableError, match="'h' is in the way: conjugate: HalfCauchy"):
        R.condition(h, {x: 1.0})
    with pytest.raises(NotDerivableError, match="'log_rate' is in the way"):
        R.condition(y + y.parents[0], {y: 2})
    with pytest.raises(NotDerivableError, match="cannot be solved"):
        R.condition(h, {x * x: 1.0})
    with pytest.raises(NotDerivableError, match="'h' is in the way"):
        R.condition(h, {x + h: 1.0})
    with pytest.raises(ShapeError, match="has shape"):
        R.condition(h, {x: [1.0, 2.0]})
    with pytest.raises(NotDerivableError, match="must not be random"):
        R.condition(x, {h: R.Normal(0.0, 1.0)})
    with pytest.raises(TypeError, match="must be random variables"):
        R.condition(x, {T.constant(1.0): 1.0})


def test_a_sum_that_shares_a_parameter_is_refused():
    a = R.Poisson(2.0, name="a")
    b = R.Poisson(a + 1.0, name="b")
    with pytest.raises(NotDerivableError, match="cannot be solved"):
        R.condition(a, {a + b: 3})


def test_marginal_of_a_normal():
    mu = R.Normal(1.0, 3.0, name="mu")
    found = R.marginalize(R.Normal(mu, 4.0, name="y"), mu)
    assert found.distribution is R.Normal and [float(p.eval()) for p in found.parents] == [1.0, 5.0]


def test_children_of_one_normal_stay_dependent():
    mu = R.Normal(1.0, 3.0, name="mu")
    y, w = R.Normal(mu, 4.0, name="y"), R.Normal(2 * mu, 1.0, name="w")
    first, second, total = moments(R.marginalize([y, w, y + w], mu))
    close(first, 1.0, 5.0)
    close(second, 2.0, np.sqrt(37.0))
    close(total, 3.0, np.sqrt(9 * 9 + 16 + 1))


def test_vector_child_of_one_normal():
    mu = R.Normal(1.0, 3.0, name="mu")
    draws = R.draw(R.marginalize(R.Normal(mu, np.array([1.0, 2.0]), name="y"), mu), draws=N, random_seed=1)
    covariance = np.cov(draws.T)
    np.testing.assert_allclose(covariance, [[10.0, 9.0], [9.0, 13.0]], rtol=0.05)


def test_finite_mixture():
    z = R.Categorical(np.array([0.2, 0.5, 0.3]), shape=4, name="z")
    y = R.Normal(T.constant(np.array([-1.0, 0.0, 4.0]))[z], 0.5, name="y")
    found = R.marginalize(y, z)
    assert found.distribution.name == "Mixture"
    expected = np.log(stats.norm(np.array([-1.0, 0.0, 4.0]), 0.5).pdf(0.3) @ [0.2, 0.5, 0.3])
    np.testing.assert_allclose(R.logp(found, np.full(4, 0.3)).eval(), expected)


def test_marginalize_is_refused():
    x = R.Normal(0.0, 1.0, name="x")
    y = R.Poisson(T.exp(x), name="y")
    with pytest.raises(NotDerivableError, match="'x' cannot be integrated out: the compound law of 'y'"):
        R.marginalize(y, x)
    with pytest.raises(NotDerivableError, match="what is wanted is computed from it"):
        R.marginalize([y, x], x)
    z = R.Bernoulli(0.5, name="z")
    shared = R.Normal(T.cast(z, "float64"), 1.0, shape=17, name="shared")
    with pytest.raises(NotDerivableError, match="'z' cannot be integrated out"):
        R.marginalize(shared, z)
    with pytest.raises(TypeError, match="no random variable"):
        R.marginalize(x, T.constant(1.0))


def test_elements_keep_their_parameters():
    """A variable is taken apart by canonical parameters, whatever the order of the users' ones."""
    z = R.Bernoulli(0.4, name="z")
    y = R.Bernoulli(0.2 + 0.5 * z, shape=2, name="y")
    draws = R.draw(R.marginalize(y, z), draws=N, random_seed=4)
    both = 0.4 * 0.7**2 + 0.6 * 0.2**2
    assert abs(np.mean(draws.prod(-1)) - both) < 4.5 * np.sqrt(both * (1 - both) / N)
    close((draws.mean(0), draws.std(0)), 0.4, np.full(2, np.sqrt(0.24)))


def test_polya_urn():
    p = R.Beta(1.0, 2.0, name="p")
    y = R.Bernoulli(p, shape=3, name="y")
    draws = R.draw(R.marginalize(y, p), draws=N, random_seed=4)
    counts = np.bincount(draws.sum(-1), minlength=4) / N
    expected = stats.betabinom(3, 1.0, 2.0).pmf(np.arange(4))
    assert np.all(np.abs(counts - expected) < 4.5 * np.sqrt(expected / N))


def test_trials_of_an_uncertain_probability():
    p = R.Beta(1.0, 2.0, name="p")
    found = R.marginalize(R.Binomial(5, p, name="y") + 0, p)
    counts = np.bincount(R.draw(found, draws=N, random_seed=4), minlength=6) / N
    expected = stats.betabinom(5, 1.0, 2.0).pmf(np.arange(6))
    assert np.all(np.abs(counts - expected) < 4.5 * np.sqrt(expected / N))


def test_urn_of_a_shared_discrete_variable():
    z = R.Bernoulli(0.4, name="z")
    y = R.Normal(3.0 * z, 1.0, shape=2, name="y")
    draws = R.draw(R.marginalize(y, z), draws=N, random_seed=4)
    expected = np.full((2, 2), 9 * 0.4 * 0.6) + np.eye(2)
    np.testing.assert_allclose(np.cov(draws.T), expected, rtol=0.05)
    np.testing.assert_allclose(draws.mean(0), 1.2, atol=4.5 * np.sqrt(3.16 / N))
