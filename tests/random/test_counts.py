"""Counts where the usual formulas lose their digits: far tails, large and limiting parameters."""

import numpy as np
import pytest
import scipy.stats as st
from scipy.special import gammaln, logsumexp

import symjax
import symjax.random as R
import symjax.tensor as T
from symjax.core._function import evaluate


def call(method, *arguments):
    return evaluate(method(*[T.as_tensor(a) for a in arguments]))


def poisson(mu):
    return lambda k: k * np.log(mu) - mu - gammaln(k + 1)


def binomial(n, logit):
    return lambda k: (
        gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) - k * np.log1p(np.exp(-logit)) - (n - k) * np.log1p(np.exp(logit))
    )


def negative_binomial(mu, alpha):
    return lambda k: (
        gammaln(k + alpha) - gammaln(alpha) - gammaln(k + 1) - alpha * np.log1p(mu / alpha) + k * (np.log(mu) - np.log(mu + alpha))
    )


@pytest.mark.parametrize(
    "law, parameters, log_mass, last, values",
    [
        (R.Poisson, (800.0,), poisson(800.0), 4_000, [0, 3, 300, 700, 900]),
        (R.Poisson, (1e-3,), poisson(1e-3), 300, [0, 2, 40]),
        (R.Binomial, (2_000, 1.0), binomial(2_000, 1.0), 2_000, [0, 10, 1_400, 1_990, 1_999]),
        (R.Binomial, (10, -60.0), binomial(10, -60.0), 10, [0, 3, 9]),
        (R.NegativeBinomial, (300.0, 40.0), negative_binomial(300.0, 40.0), 20_000, [0, 5, 300, 2_000]),
    ],
)
def test_tails_are_sums_of_the_mass(law, parameters, log_mass, last, values):
    every = log_mass(np.arange(last + 1.0))
    below = [logsumexp(every[: k + 1]) for k in values]
    above = [logsumexp(every[k + 1 :]) for k in values]
    got = [call(f, np.array(values, float), *parameters) for f in (law.log_cdf, law.log_ccdf)]
    # sums of many terms near one are the reference's weak side, not ours
    np.testing.assert_allclose(got[0], below, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(got[1], above, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "law, parameters, last",
    [
        (R.Poisson, (2.0,), np.inf),
        (R.Binomial, (5, 0.4), 5.0),
        (R.NegativeBinomial, (2.0, 3.0), np.inf),
        (R.ZeroInflatedPoisson, (0.4, 2.0), np.inf),
    ],
)
def test_tails_beyond_the_support_and_of_nan(law, parameters, last):
    at = np.array([-np.inf, -0.5, last, np.inf, np.nan])
    np.testing.assert_array_equal(call(law.log_cdf, at, *parameters), [-np.inf, -np.inf, 0.0, 0.0, np.nan])
    np.testing.assert_array_equal(call(law.log_ccdf, at, *parameters), [0.0, 0.0, -np.inf, -np.inf, np.nan])


@pytest.mark.parametrize("law, parameters", [(R.Poisson, (2.5,)), (R.Binomial, (9, 0.4)), (R.NegativeBinomial, (4.0, 3.0))])
def test_tails_have_derivatives_in_the_parameters(law, parameters):
    slot = len(parameters) - 1
    x = T.Placeholder((), "float64")
    arguments = [*parameters[:slot], x]
    for method in (law.log_cdf, law.log_ccdf):
        for value in (-1.0, 0.0, 3.0, 7.0):
            tail = method(T.as_tensor(value), *arguments)
            f = symjax.function(x, outputs=[tail, symjax.gradients(tail, x)])
            h = 1e-5
            at = parameters[slot]
            numeric = (f(at + h)[0] - f(at - h)[0]) / (2 * h) if np.isfinite(f(at)[0]) else 0.0
            np.testing.assert_allclose(f(at)[1], numeric, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("alpha", [1e8, 1e10, 1e15])
def test_negative_binomial_tends_to_the_poisson_law(alpha):
    k = np.arange(8.0)
    np.testing.assert_allclose(
        call(R.NegativeBinomial.log_density, k, 2.0, alpha), st.poisson(2).logpmf(k), atol=30 / alpha + 1e-12
    )


def test_zero_inflation_at_its_limits():
    # 1 - psi + psi exp(-mu) at psi = 1 and next to it
    assert call(R.ZeroInflatedPoisson.log_density, 0.0, 1.0, 50.0) == pytest.approx(-50.0, rel=1e-12)
    assert call(R.ZeroInflatedPoisson.log_density, 0.0, 1.0, 800.0) == pytest.approx(-800.0, rel=1e-12)
    assert call(R.ZeroInflatedPoisson.log_density, 0.0, 1 - 2.0**-40, 800.0) == pytest.approx(-40 * np.log(2), rel=1e-12)
    assert call(R.ZeroInflatedPoisson.log_density, 0.0, 1e-20, 2.0) == pytest.approx(1e-20 * np.expm1(-2.0), rel=1e-12)
    assert call(R.ZeroInflatedPoisson.log_cdf, 2.0, 1.0, 80.0) == pytest.approx(st.poisson(80).logcdf(2), rel=1e-10)
    psi, mu = T.Placeholder((), "float64"), T.Placeholder((), "float64")
    density = R.ZeroInflatedPoisson.log_density(T.as_tensor(0.0), psi, mu)
    slopes = symjax.function(psi, mu, outputs=symjax.gradients(density, [psi, mu]))
    for p in (0.0, 1e-9, 0.3, 1.0):
        total = 1 - p + p * np.exp(-30.0)
        np.testing.assert_allclose(slopes(p, 30.0), [np.expm1(-30.0) / total, -p * np.exp(-30.0) / total], rtol=1e-8)


def test_geometric_law_at_certain_success():
    k = np.array([0.0, 1.0, 2.0])
    np.testing.assert_array_equal(call(R.Geometric.log_ccdf, k, 1.0), [0.0, -np.inf, -np.inf])
    np.testing.assert_array_equal(call(R.Geometric.log_cdf, k, 1.0), [-np.inf, 0.0, 0.0])
    np.testing.assert_array_equal(call(R.Geometric.log_prob, k, 1.0), [-np.inf, 0.0, -np.inf])


def test_quantiles_far_out_and_where_the_cdf_is_not_known():
    assert call(R.Geometric.quantile, 0.5, 1e-12) == np.ceil(np.log(0.5) / np.log1p(-1e-12))
    assert call(R.Poisson.quantile, 0.5, 1e6) == 1e6
    np.testing.assert_array_equal(call(R.Poisson.quantile, np.array([1.0, np.nan]), 3.0), [np.inf, np.nan])
    assert call(R.Binomial.quantile, 1.0, 4, 0.0) == 4.0
    cdf, quantile = (call(f, x, 1e13) for f, x in ((R.Poisson.log_cdf, 1e13), (R.Poisson.quantile, 0.5)))
    assert np.isnan(cdf) and np.isnan(quantile)
