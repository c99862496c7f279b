"""Sums of counts without a named law, against convolutions and enumeration."""

import jax
import numpy as np
import pytest
import scipy.stats as st

import symjax.random as R
import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.random.density._skellam import log_difference_mass


def table(law, n, step=1):
    """Probabilities of 0, 1, … for `step` times a count of at most n."""
    found = np.zeros(n * step + 1)
    found[::step] = law.pmf(np.arange(n + 1))
    return found


@pytest.mark.parametrize("rates", [(3.0, 5.0), (0.01, 0.2), (200.0, 150.0), (3e4, 2.9e4)])
def test_skellam_is_that_of_scipy(rates):
    a, b = rates
    k = np.unique(np.round(a - b + np.sqrt(a + b) * np.array([-4, -1, 0, 1, 4])))
    np.testing.assert_allclose(R.logp(R.Poisson(a) - R.Poisson(b), k).eval(), st.skellam(a, b).logpmf(k), rtol=1e-9)


@pytest.mark.parametrize("rates", [(0.3, 2.0), (20.0, 30.0), (300.0, 280.0)])
def test_skellam_sums_to_one_and_has_the_moments(rates):
    a, b = rates
    k = np.arange(round(a - b - 12 * np.sqrt(a + b) - 12), round(a - b + 12 * np.sqrt(a + b) + 12))
    mass = np.exp(R.logp(R.Poisson(a) - R.Poisson(b), k).eval())
    np.testing.assert_allclose([mass.sum(), mass @ k, mass @ (k - a + b) ** 2], [1, a - b, a + b], rtol=1e-11)


def test_skellam_is_symmetric_and_has_finite_derivatives():
    with jax.enable_x64(True):
        assert float(log_difference_mass(7, 2.0, 11.0)) == float(log_difference_mass(-7, 11.0, 2.0))
        # the derivatives of the mass are differences of neighbouring masses
        for k, a, b in ((0, 0.0, 0.5), (3, 2.0, 0.0), (300, 200.0, 10.0), (-4, 30.0, 40.0)):
            here = log_difference_mass(k, a, b)
            slopes = jax.grad(log_difference_mass, (1, 2))(k, a, b)
            expected = [np.expm1(log_difference_mass(k - s, a, b) - here) for s in (1, -1)]
            np.testing.assert_allclose(slopes, expected, rtol=1e-9)


def test_skellam_of_what_is_no_whole_number_and_of_bad_rates():
    rate = T.Placeholder((), "float64", name="rate")
    found = R.logp(R.Poisson(rate) - R.Poisson(2.0), [0.5, 1.0])
    assert found.eval({rate: 1.0})[0] == -np.inf
    assert (found.eval({rate: -1.0}) == -np.inf).all()


def test_binomials_of_two_probabilities():
    expected = np.convolve(table(st.binom(150, 0.2), 150), table(st.binom(50, 0.7), 50))
    k = np.array([-1, 0, 40, 65, 200, 201])
    with np.errstate(divide="ignore"):
        logs = np.log(np.where((k >= 0) & (k <= 200), expected[np.clip(k, 0, 200)], 0))

    def build():
        return R.Binomial(150, 0.2) + R.Binomial(50, 0.7)

    np.testing.assert_allclose(R.logp(build(), k).eval(), logs, rtol=1e-11)
    cdf = np.array([0, *np.cumsum(expected)[[0, 40, 65, 200]], 1])
    np.testing.assert_allclose(np.exp(R.logcdf(build(), k).eval()), cdf, rtol=1e-11)
    np.testing.assert_allclose(np.exp(R.logccdf(build(), k).eval()), 1 - cdf, atol=1e-12)


def test_whole_coefficients_and_offsets():
    def build():
        return 3 * R.Binomial(4, 0.2) - 2 * R.DiscreteUniform(1, 3) + 1

    pairs = [(3 * i - 2 * j + 1, st.binom(4, 0.2).pmf(i) / 3) for i in range(5) for j in (1, 2, 3)]
    k = np.arange(-6, 13)
    expected = np.array([sum(p for v, p in pairs if v == x) for x in k])
    np.testing.assert_allclose(np.exp(R.logp(build(), k).eval()), expected, rtol=1e-11)
    np.testing.assert_allclose(np.exp(R.logcdf(build(), k + 0.5).eval()), np.cumsum(expected), rtol=1e-11)


def test_a_bounded_count_and_one_that_is_not():
    k = np.arange(12)
    expected = np.convolve(table(st.binom(5, 0.4), 5), table(st.poisson(2.5), 40))
    np.testing.assert_allclose(np.exp(R.logp(R.Binomial(5, 0.4) + R.Poisson(2.5), k).eval()), expected[:12], rtol=1e-11)
    down = [sum(st.binom(5, 0.4).pmf(i) * st.poisson(2.5).pmf(i - v) for i in range(6)) for v in range(-3, 6)]
    found = np.exp(R.logp(R.Binomial(5, 0.4) - R.Poisson(2.5), np.arange(-3, 6)).eval())
    np.testing.assert_allclose(found, down, rtol=1e-11)
    cdf = np.exp(R.logcdf(R.Binomial(5, 0.4) - R.Poisson(2.5), np.arange(-40, 6)).eval())
    np.testing.assert_allclose(np.diff(cdf)[36:], down[:9], rtol=1e-9)


def test_elements_of_different_probabilities():
    p = np.linspace(0.05, 0.9, 11)
    expected = np.ones(1)
    for q in p:
        expected = np.convolve(expected, [1 - q, q])
    k = np.arange(12)
    np.testing.assert_allclose(np.exp(R.logp(R.Bernoulli(p).sum(), k).eval()), expected, rtol=1e-11)
    np.testing.assert_allclose(np.exp(R.logcdf(R.Bernoulli(p).sum(), k).eval()), np.cumsum(expected), rtol=1e-11)
    rows = R.logp(R.Bernoulli(np.stack([p, p[::-1] / 2])).sum(1), np.array([4, 4])).eval()
    half = np.ones(1)
    for q in p / 2:
        half = np.convolve(half, [1 - q, q])
    np.testing.assert_allclose(np.exp(rows), [expected[4], half[4]], rtol=1e-11)


def test_a_factor_that_is_a_count():
    k = np.arange(9)
    weights = st.binom(3, 0.1).pmf(np.arange(4))
    expected = sum(w * np.where(k % (1 + i) == 0, st.binom(20, 0.3).pmf(k // (1 + i)), 0) for i, w in enumerate(weights))

    def build():
        x = R.Binomial(20, 0.3)
        return x + R.Binomial(3, 0.1) * x

    np.testing.assert_allclose(np.exp(R.logp(build(), k).eval()), expected, rtol=1e-11)


@pytest.mark.parametrize(
    "build",
    [
        lambda: R.Poisson(2.0) - R.Poisson(3.0) + R.Geometric(0.3),
        lambda: 0.5 * R.Binomial(200, 0.2) + R.Binomial(300, 0.3) + R.Poisson(1.0) + R.Geometric(0.2),
        lambda: (lambda x: x + R.Poisson(3.0) * x)(R.Binomial(100, 0.3)),
        lambda: R.Binomial(5_000, np.linspace(0.1, 0.2, 5)).sum(),
    ],
)
def test_other_sums_are_refused(build):
    with pytest.raises(NotDerivableError):
        R.logp(build(), 3)
