"""What the rows of `skewed_cases.py` do not ask: laws at the edges of their parameters."""

import numpy as np
import pytest
import scipy.stats as st

import symjax.random as R
import symjax.tensor as T
from symjax.core._function import evaluate
from symjax.random.transforms import default_transform


@pytest.mark.parametrize("c", [0.0, 2.0])
def test_the_mode_of_a_triangular_law_may_be_a_bound(c):
    x = np.array([0.0, 2.0**-14, 0.75, 1.5, 2.0 - 2.0**-14, 2.0])
    law, reference = R.Triangular(0.0, 2.0, c), st.triang(c / 2, 0.0, 2.0)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(evaluate(R.logp(law, x)), reference.logpdf(x), rtol=1e-12)
        np.testing.assert_allclose(np.exp(evaluate(R.logcdf(law, x))), reference.cdf(x), rtol=1e-12)
        np.testing.assert_allclose(np.exp(evaluate(R.logccdf(law, x))), reference.sf(x), rtol=1e-12, atol=1e-16)
    levels = np.array([1e-9, 0.3, 0.7, 1 - 1e-9])
    np.testing.assert_allclose(evaluate(R.icdf(law, levels)), reference.ppf(levels), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    "law, reference",
    [
        (lambda **own: R.SkewNormal(-3.0, 1.0, 2.0, **own), st.skewnorm(-3.0, 1.0, 2.0)),
        (lambda **own: R.VonMises(0.0, 1e-3, **own), st.vonmises(1e-3)),
        (lambda **own: R.VonMises(0.0, 1.5, **own), st.vonmises(1.5)),
        (lambda **own: R.VonMises(1.0, 1e4, **own), st.vonmises(1e4, 1.0)),
        (lambda **own: R.Rice(3.0, 2.0, **own), st.rice(1.5, 0.0, 2.0)),
    ],
)
def test_draws_of_laws_without_a_cdf_follow_the_reference(law, reference):
    x = evaluate(law(shape=2_000), seed=5)
    # five laws are tested: less than 1e-4 that any of them fails
    assert st.kstest(x, reference.cdf).pvalue > 2e-5


def test_angles_have_the_circular_transform_and_wrap_around():
    assert np.all(np.abs(evaluate(R.VonMises(3.1, 2.0, shape=500), seed=1)) <= np.pi)
    assert default_transform(R.VonMises.support(0.0, 1.0), ()).name == "circular"


def test_the_variance_of_a_far_rice_law_keeps_its_digits():
    b = np.array([200.0, 999.0, 1001.0, 1e6])
    np.testing.assert_allclose(evaluate(R.Rice.variance(T.as_tensor(b), T.as_tensor(1.0))), 1 - 0.5 / b**2, rtol=1e-9)


@pytest.mark.parametrize("mu, kappa", [(0.0, 1e-2), (3.0, 1.0), (10.0, 20.0)])
def test_the_density_of_an_angle_integrates_to_one(mu, kappa):
    x = np.linspace(-np.pi, np.pi, 401)[1:]
    # the rule of equal steps is exact for periodic functions
    total = np.exp(evaluate(R.logp(R.VonMises(mu, kappa), x))).mean() * 2 * np.pi
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)


def test_quantiles_of_linear_pieces_invert_the_cdf():
    # the third piece has no mass
    law = R.Interpolated([0.0, 1.0, 2.0, 3.0, 5.0], [0.0, 2.0, 0.0, 0.0, 1.0])
    q = np.array([1e-12, 0.1, 0.4, 0.6, 0.7, 0.99, 1.0])
    x = evaluate(R.icdf(law, q))
    np.testing.assert_allclose(np.exp(evaluate(R.logcdf(law, x))), q, rtol=1e-12)
    assert x[-1] == 5.0
