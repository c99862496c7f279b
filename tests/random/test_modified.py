"""Censored and truncated laws beyond what their rows in `modified_cases.py` test."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st

import symjax.random as R
from symjax._errors import ParameterError


def test_a_truncated_normal_law_is_known_by_its_name():
    x = R.Truncated(R.Normal(1.0, 2.0), lower=0.0, name="x")
    assert x.distribution is R.TruncatedNormal


@pytest.mark.parametrize(
    "base, reference, lower, upper",
    [
        (R.Exponential(1.0), st.expon(), 50.0, None),
        (R.Logistic(0.0, 1.0), st.logistic(), 40.0, 41.0),
        (R.StudentT(3.0), st.t(3), None, -1e5),
        (R.Beta(2.0, 3.0), st.beta(2, 3), 0.99, None),
    ],
    ids=["exponential", "logistic", "student", "beta"],
)
def test_draws_far_out_follow_the_conditional_law(base, reference, lower, upper):
    x = R.draw(R.Truncated(base, lower, upper), draws=4_000, random_seed=1)
    low, high = -np.inf if lower is None else lower, np.inf if upper is None else upper
    assert np.all((x >= low) & (x <= high))
    if lower is None:
        levels = np.exp(reference.logcdf(x) - reference.logcdf(upper))
    else:
        mass = reference.sf(lower) - reference.sf(high)
        levels = (reference.sf(lower) - reference.sf(x)) / mass
    assert st.kstest(levels, "uniform").pvalue > 1e-5


def test_a_mass_lies_at_the_bounds_of_a_censored_law():
    x = R.Censored(R.Gamma(2.0, 1.5), lower=0.5, upper=3.0)
    law = st.gamma(2.0, scale=1 / 1.5)
    at = np.array([0.4, 0.5, 1.0, 3.0, 3.1])
    expected = [-np.inf, law.logcdf(0.5), law.logpdf(1.0), law.logsf(3.0), -np.inf]
    np.testing.assert_allclose([R.logp(x, v).eval() for v in at], expected, rtol=1e-12)
    drawn = R.draw(x, draws=10_000, random_seed=2)
    for bound, p in ((0.5, law.cdf(0.5)), (3.0, law.sf(3.0))):
        assert abs(np.mean(drawn == bound) - p) < 4.5 * np.sqrt(p * (1 - p) / 10_000)


def test_errors_name_what_is_wrong():
    with pytest.raises(ParameterError, match="'dist' must be a random variable"):
        R.Truncated(3.0, lower=0.0)
    with pytest.raises(ParameterError, match="scalar law, got MvNormal"):
        R.Censored(R.MvNormal(np.zeros(2), np.eye(2)), lower=0.0)
    with pytest.raises(ParameterError, match="'lower' must be less than 'upper'"):
        R.Truncated(R.Gamma(2.0, 1.0), lower=3.0, upper=1.0)
    with pytest.raises(ParameterError, match="'lower' must not exceed 'upper'"):
        R.Censored(R.Gamma(2.0, 1.0), lower=3.0, upper=1.0)
    with pytest.raises(ParameterError, match="cdf of Flat is not known"):
        R.Truncated(R.Flat(), lower=0.0)
