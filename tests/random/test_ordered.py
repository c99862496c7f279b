"""Laws of ordered categories, beyond what their rows in `point_mass_cases.py` test."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st
from test_distributions import call

import symjax
import symjax.random as R
import symjax.tensor as T

LAWS = [R.OrderedLogistic, R.OrderedProbit]
REFERENCE = {"OrderedLogistic": st.logistic, "OrderedProbit": st.norm}


def slopes_at(law, value, cutpoints, eta):
    c, e = T.Placeholder(np.shape(cutpoints), "float64"), T.Placeholder((), "float64")
    parameters = [e, c, *([T.as_tensor(1.0)] if "sigma" in law.parameters else [])]
    density = law.log_prob(T.as_tensor(value), *parameters)
    run = symjax.function(c, e, outputs=[density, *symjax.gradients(density, [c, e])])
    return run(np.asarray(cutpoints), eta)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("value", [0, 1, 3])
def test_derivatives_in_location_and_cutpoints(law, value):
    cutpoints, eta, h = np.array([-1.0, 0.5, 2.0]), 0.3, 1e-6
    _, by_cutpoint, by_location = slopes_at(law, value, cutpoints, eta)
    numeric = [
        (slopes_at(law, value, cutpoints + d, eta)[0] - slopes_at(law, value, cutpoints - d, eta)[0]) / (2 * h)
        for d in h * np.eye(3)
    ]
    np.testing.assert_allclose(by_cutpoint, numeric, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(by_location, -np.sum(numeric), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("law", LAWS)
def test_a_category_between_equal_cutpoints_is_empty(law):
    cutpoints = [-1.0, 0.5, 0.5, 2.0]
    assert slopes_at(law, 2, cutpoints, 0.3)[0] == -np.inf
    for value in (0, 1, 3, 4):
        assert np.isfinite(np.concatenate([np.ravel(part) for part in slopes_at(law, value, cutpoints, 0.3)])).all()


@pytest.mark.parametrize("law", LAWS)
def test_far_categories_keep_their_digits(law):
    tail = REFERENCE[law.name]
    for eta in (-300.0, 30.0, 300.0):
        got = [slopes_at(law, k, [0.0], eta)[0] for k in (0, 1)]
        np.testing.assert_allclose(got, [tail.logcdf(-eta), tail.logsf(-eta)], rtol=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_tails_beyond_the_categories_and_of_nan(law):
    parameters = (0.3, np.array([-1.0, 1.0]), *([1.0] if "sigma" in law.parameters else []))
    at = np.array([-np.inf, -0.5, 2.0, np.inf, np.nan])
    np.testing.assert_array_equal(call(law.log_cdf, at, *parameters), [-np.inf, -np.inf, 0.0, 0.0, np.nan])
    np.testing.assert_array_equal(call(law.log_ccdf, at, *parameters), [0.0, 0.0, -np.inf, -np.inf, np.nan])


@pytest.mark.parametrize("size", [(), (3,)])
def test_numbers_of_categories_have_the_moments_of_the_law(size):
    variable = R.OrderedMultinomial(0.4, np.array([-1.0, 1.0]), 6, size=size)
    drawn = R.draw(variable, draws=4_000, random_seed=5)
    assert drawn.shape == (4_000, *size, 3)
    assert np.all(drawn.sum(-1) == 6)
    p = np.diff([0.0, *st.logistic.cdf([-1.4, 0.6]), 1.0])
    flat = drawn.reshape(-1, 3)
    assert np.all(np.abs(flat.mean(0) - 6 * p) < 4.5 * np.sqrt(6 * p * (1 - p) / len(flat)))
    np.testing.assert_allclose(R.OrderedMultinomial.variance(*map(T.as_tensor, variable.parents)).eval(), 6 * p * (1 - p))
    far = R.logp(R.OrderedMultinomial(800.0, [0.0, 1.0], 2), np.array([2, 0, 0])).eval()
    np.testing.assert_allclose(far, -1600.0, rtol=1e-12)
