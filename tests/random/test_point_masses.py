"""Laws with point masses, beyond what their rows in `point_mass_cases.py` test."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st
from point_mass_cases import Hurdle
from test_distributions import call

import symjax
import symjax.pmc_bridge as pm
import symjax.random as R
import symjax.tensor as T
from symjax._errors import NotDerivableError, ParameterError, SamplingError

GAMMA = (R.HurdleGamma, (0.7, 2.0, 1.5), st.gamma(2.0, scale=1 / 1.5))
LOG_NORMAL = (R.HurdleLogNormal, (0.6, -0.5, 0.8), st.lognorm(0.8, scale=np.exp(-0.5)))
COUNTS = [
    (R.ZeroInflatedBinomial, (0.4, 6, 0.5)),
    (R.ZeroInflatedNegativeBinomial, (0.4, 2.0, 3.0)),
    (R.HurdlePoisson, (0.4, 2.0)),
    (R.HurdleNegativeBinomial, (0.4, 2.0, 3.0)),
]


@pytest.mark.parametrize("law, parameters, base", [GAMMA, LOG_NORMAL])
def test_draws_are_zero_or_of_the_positive_law(law, parameters, base):
    x = R.draw(law(*parameters), draws=10_000, random_seed=3)
    psi = parameters[0]
    assert abs(np.mean(x > 0) - psi) < 4.5 * np.sqrt(psi * (1 - psi) / 10_000)
    assert st.kstest(x[x > 0], base.cdf).pvalue > 1e-5


@pytest.mark.parametrize("law, parameters, base", [GAMMA, LOG_NORMAL])
def test_quantiles_stay_at_zero_until_its_mass_is_reached(law, parameters, base):
    q = np.array([0.0, 0.1, 1 - parameters[0], 0.5, 0.9, 1 - 1e-6, 1.0, np.nan])
    expected = base.ppf(np.clip((q - 1 + parameters[0]) / parameters[0], 0.0, 1.0))
    np.testing.assert_allclose(call(law.quantile, q, *parameters), expected, rtol=1e-9)
    np.testing.assert_array_equal(call(law.quantile, np.array([0.5, 1.0]), 0.0, *parameters[1:]), [0.0, 0.0])


@pytest.mark.parametrize("law, parameters, base", [GAMMA, LOG_NORMAL])
def test_tails_at_the_mass_beyond_it_and_of_nan(law, parameters, base):
    at = np.array([-np.inf, -0.5, 0.0, np.inf, np.nan])
    psi = parameters[0]
    np.testing.assert_allclose(call(law.log_cdf, at, *parameters), [-np.inf, -np.inf, np.log1p(-psi), 0.0, np.nan])
    np.testing.assert_allclose(call(law.log_ccdf, at, *parameters), [0.0, 0.0, np.log(psi), -np.inf, np.nan])


@pytest.mark.parametrize("law, parameters", COUNTS)
def test_tails_of_counts_beyond_the_support_and_of_nan(law, parameters):
    at = np.array([-np.inf, -0.5, np.inf, np.nan])
    np.testing.assert_array_equal(call(law.log_cdf, at, *parameters), [-np.inf, -np.inf, 0.0, np.nan])
    np.testing.assert_array_equal(call(law.log_ccdf, at, *parameters), [0.0, 0.0, -np.inf, np.nan])


@pytest.mark.parametrize("law, parameters", [*COUNTS[1:], GAMMA[:2], LOG_NORMAL[:2], (R.ZeroInflatedPoisson, (0.4, 2.0))])
@pytest.mark.parametrize("psi", [0.0, 0.4, 1.0])
def test_derivatives_are_right_also_where_one_part_is_left(law, parameters, psi):
    inputs = [T.Placeholder((), "float64") for _ in parameters]
    at = np.array([psi, *parameters[1:]], float)
    steps = np.diag([1e-6] * len(at))
    for value in (0.0, 1.0, 3.0):
        density = law.log_prob(value, *inputs)
        run = symjax.function(*inputs, outputs=[density, *symjax.gradients(density, inputs)])
        here, *slopes = run(*at)
        assert not np.isnan([here, *slopes]).any()
        if not np.isfinite(here):
            continue
        for slope, step in zip(slopes, steps, strict=True):
            # psi may not be moved beyond 0 and 1
            low, high = at - step, at + step
            low[0], high[0] = max(low[0], 0.0), min(high[0], 1.0)
            numeric = (run(*high)[0] - run(*low)[0]) / (high - low).max()
            np.testing.assert_allclose(slope, numeric, rtol=1e-3, atol=1e-8)


def test_a_hurdle_over_counts_that_are_seldom_positive():
    # the law given that it is positive is all but one point
    for law, parameters in ((R.HurdlePoisson, (0.5, 1e-12)), (R.HurdleNegativeBinomial, (0.5, 1e-12, 3.0))):
        np.testing.assert_allclose(call(law.log_prob, 1.0, *parameters), np.log(0.5), rtol=1e-10)
        np.testing.assert_allclose(call(law.mean, *parameters), 0.5, rtol=1e-10)
        assert set(np.unique(R.draw(law(*parameters), draws=200, random_seed=1))) == {0, 1}


MIXED = {
    "hurdle": lambda: R.HurdleGamma(0.4, 2.0, 1.0, shape=3, name="x"),
    "censored": lambda: R.Censored(R.Normal(0.0, 1.0), lower=0.0, shape=3, name="x"),
    "mixture": lambda: R.Mixture([0.5, 0.5], [R.HurdleGamma(0.4, 2.0, 1.0), R.Normal(0.0, 1.0)], shape=3, name="x"),
}
MAPS = [T.exp, lambda x: 2 * x, T.max, T.sort, T.abs, lambda x: x + R.Normal(0.0, 1.0, shape=3, name="z"), lambda x: T.less(x, 0.0)]


@pytest.mark.parametrize("make", MIXED.values(), ids=MIXED)
def test_laws_of_maps_are_refused(make):
    for f in MAPS:
        expression = f(make())
        with pytest.raises(NotDerivableError, match="'x' has values of positive probability"):
            R.logp(expression, np.zeros(expression.shape))
    with pytest.raises(NotDerivableError, match="'x' has values of positive probability"):
        R.logcdf(-make(), np.zeros(3))
    with pytest.raises(NotDerivableError, match="'x' has values of positive probability"):
        R.icdf(T.exp(make()), np.full(3, 0.5))
    # elements may move
    one = R.logp(make()[1], 0.0).eval()
    np.testing.assert_allclose(R.logp(T.stack([make()[2], make()[0]]), np.zeros(2)).eval(), [one, one])


def test_a_density_is_nothing_beside_a_mass():
    x = R.Mixture([0.25, 0.75], [R.HurdleGamma(0.4, 2.0, 1.0), R.Normal(0.0, 1.0)])
    np.testing.assert_allclose(R.logp(x, 0.0).eval(), np.log(0.25 * 0.6), rtol=1e-12)
    expected = 0.25 * 0.4 * st.gamma(2).pdf(1.5) + 0.75 * st.norm.pdf(1.5)
    np.testing.assert_allclose(R.logp(x, 1.5).eval(), np.log(expected), rtol=1e-12)
    picked = R.Bernoulli(0.75, name="b")
    chosen = T.where(picked, R.Normal(0.0, 1.0, name="n"), R.HurdleGamma(0.4, 2.0, 1.0, name="h"))
    np.testing.assert_allclose(R.logp(chosen, 0.0).eval(), np.log(0.25 * 0.6), rtol=1e-12)


def test_the_type_of_a_constant_decides_that_of_its_law():
    whole, real = R.DiracDelta(2, name="x"), R.DiracDelta(c=2.0, name="x")
    assert (whole.dtype, real.dtype) == (np.int64, np.float64)
    assert whole.distribution.is_discrete and not real.distribution.is_discrete
    np.testing.assert_array_equal(R.draw([whole, real], random_seed=1), 2)
    with pytest.raises(ParameterError, match=r"DiracDelta\('x'\): .*'c'"):
        R.DiracDelta(c=None, name="x")
    counts = R.Mixture([0.25, 0.75], [R.DiracDelta(0), R.Poisson(2.0)], shape=(4,))
    reals = R.Mixture([0.25, 0.75], [R.DiracDelta(0.0), R.Gamma(1.0, 2.0)], shape=(4,))
    k, x = np.arange(4), np.array([0.0, 0.5, 1.0, -1.0])
    for mixture, law, at in ((counts, R.ZeroInflatedPoisson(0.75, 2.0), k), (reals, R.HurdleGamma(0.75, 1.0, 2.0), x)):
        np.testing.assert_allclose(R.logp(mixture, at).eval(), [R.logp(law, v).eval() for v in at], rtol=1e-12)


def test_discrete_weibull_draws_that_no_integer_holds_stay_inside_the_support():
    x = R.DiscreteWeibull(0.9, 0.01, shape=100)
    drawn = R.draw(x, random_seed=1)
    assert drawn.min() >= 0
    assert np.isfinite(R.logp(x, drawn).eval()).all()


@pytest.mark.parametrize("modifier", [R.Truncated, R.Censored])
def test_laws_with_masses_beside_a_density_are_not_modified(modifier):
    with pytest.raises(ParameterError, match=rf"{modifier.name}\('t'\): .*got HurdleGamma"):
        modifier(R.HurdleGamma(0.4, 2.0, 1.0), lower=0.0, name="t")


def test_a_free_variable_with_masses_beside_a_density_is_not_sampled():
    with pm.Model():
        x = pm.HurdleGamma("x", 0.4, 2.0, 1.0)
        pm.Normal("y", x, 1.0, observed=1.5)
        with pytest.raises(SamplingError, match="'x' has values of positive probability"):
            pm.sample(10, tune=10, chains=1, progressbar=False)


def test_the_reference_of_hurdles_is_consistent():
    law = Hurdle(0.4, st.poisson(3.0))
    k = np.arange(60)
    mass = np.exp(law.logpmf(k))
    np.testing.assert_allclose([mass.sum(), mass @ k, mass @ k**2 - (mass @ k) ** 2], [1.0, law.mean(), law.var()])
