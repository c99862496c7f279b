"""Parameters that are whole numbers, that are not numbers yet, and that come in lists of tensors."""

import numpy as np
import pytest

import symjax.random as R
import symjax.tensor as T
from symjax._errors import ShapeError

#: Laws with whole numbers where real ones are meant.
WHOLE = {
    "Poisson": (R.Poisson, (3,)),
    "NegativeBinomial": (R.NegativeBinomial, (3, 2)),
    "ZeroInflatedPoisson": (lambda mu: R.ZeroInflatedPoisson(0.5, mu), (4,)),
    "Normal": (R.Normal, (1, 2)),
    "LogitNormal": (R.LogitNormal, (1, 2)),
    "AsymmetricLaplace": (R.AsymmetricLaplace, (2, 1, 3)),
    "Gamma": (R.Gamma, (2, 3)),
    "Beta": (R.Beta, (2, 3)),
    "StudentT": (R.StudentT, (4, 1)),
    "Weibull": (R.Weibull, (2, 3)),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("shape", [(), (3,)])
def test_whole_numbers_are_numbers(name, shape):
    law, parameters = WHOLE[name]
    whole, real = (law(*(np.full(shape, p, kind) for p in parameters)) for kind in (np.int64, np.float64))
    draws = R.draw(whole, draws=5, random_seed=1)
    np.testing.assert_allclose(draws, R.draw(real, draws=5, random_seed=1), rtol=1e-12)
    for query in (R.logp, R.logcdf, R.logccdf):
        np.testing.assert_allclose(query(whole, draws[0]).eval(), query(real, draws[0]).eval(), rtol=1e-12)
    points = [rv.distribution.support_point(*rv.parents).eval() for rv in (whole, real)]
    np.testing.assert_allclose(*points, rtol=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda s: R.Beta(mu=0.3, sigma=s),
        lambda s: R.Gamma(mu=2.0, sigma=s),
        lambda s: R.InverseGamma(mu=2.0, sigma=s),
        lambda s: R.Normal(0.0, tau=s),
        lambda s: R.StudentT(3.0, 0.0, lam=s),
        lambda s: R.LogNormal(0.0, tau=s),
    ],
)
@pytest.mark.parametrize("value", [-1.0, -0.2, 0.0, np.nan])
def test_a_bad_spread_that_is_no_number_yet_has_no_density(make, value):
    s = T.scalar("s")
    assert not np.isfinite(R.logp(make(s), 0.4).eval({s: value}))


def test_probabilities_in_a_list_of_tensors():
    p = T.scalar("p")
    density = R.logp(R.Categorical([p, p, 1 - 2 * p]), np.arange(3))
    np.testing.assert_allclose(density.eval({p: 0.2}), np.log([0.2, 0.2, 0.6]), rtol=1e-12)


@pytest.mark.parametrize("size", [2, 3, (3,)])
def test_shape_and_size_together_are_refused(size):
    with pytest.raises(ShapeError, match="give 'shape' or 'size', not both"):
        R.Normal(0.0, 1.0, shape=(3,), size=size)
