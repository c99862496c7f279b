"""What the rows of `skewed_cases.py` do not ask: laws at the edges of their parameters."""

import numpy as np
import pytest
import scipy.stats as st

import symjax.random as R
from symjax.core._function import evaluate


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
