"""Interpolated densities against integrals of the interpolation, and against PyMC."""

import jax
import numpy as np
import pytest
import scipy.integrate
import scipy.stats as st

import symjax
import symjax.pmc_bridge as pm
import symjax.random as R
import symjax.tensor as T
from symjax import ParameterError, ShapeError

X = np.array([-1.0, 0.0, 0.5, 2.0, 3.0])
P = np.array([0.0, 2.0, 0.5, 0.5, 0.0])
TOTAL = np.trapezoid(P, X)
AT = np.array([-0.9, -0.3, 0.0, 0.2, 1.0, 2.5, 2.999])


def density(x):
    return np.interp(x, X, P, left=0, right=0) / TOTAL


def integral(function, a, b):
    inner = [a, *X[(X > a) & (X < b)], b]
    return sum(scipy.integrate.quad(function, u, v)[0] for u, v in zip(inner[:-1], inner[1:], strict=True))


def test_density_and_tails():
    x = R.Interpolated(X, P, name="x")
    np.testing.assert_allclose(np.exp(R.logp(x, AT).eval()), density(AT), rtol=1e-12)
    cdf = [integral(density, X[0], v) for v in AT]
    np.testing.assert_allclose(np.exp(R.logcdf(x, AT).eval()), cdf, rtol=1e-10)
    np.testing.assert_allclose(np.exp(R.logccdf(x, AT).eval()), [integral(density, v, X[-1]) for v in AT], rtol=1e-8)
    np.testing.assert_allclose(R.icdf(x, np.array(cdf)).eval(), AT, rtol=1e-9)
    assert np.all(R.logp(x, np.array([-1.1, 3.1])).eval() == -np.inf)
    np.testing.assert_array_equal(R.logcdf(x, np.array([-2.0, 4.0])).eval(), [-np.inf, 0.0])
    np.testing.assert_array_equal(R.icdf(x, np.array([0.0, 1.0])).eval(), X[[0, -1]])


def test_moments_and_draws():
    x = R.Interpolated(X, P, name="x")
    mean = integral(lambda v: v * density(v), X[0], X[-1])
    assert float(x.distribution.mean(*x.parents).eval()) == pytest.approx(mean, rel=1e-12)
    variance = integral(lambda v: (v - mean) ** 2 * density(v), X[0], X[-1])
    assert float(x.distribution.variance(*x.parents).eval()) == pytest.approx(variance, rel=1e-10)
    draws = R.draw(x, 20_000, random_seed=1)
    assert st.kstest(draws, lambda v: np.exp(R.logcdf(x, v).eval())).pvalue > 1e-6


def test_a_batch_of_densities_and_gradients(rng):
    points = np.stack([X, X + 1.0])
    x = R.Interpolated(points, np.stack([P, P + 0.1]), shape=(3, 2), name="x")
    value = rng.uniform(0.1, 2.9, size=(3, 2))
    each = [R.logp(R.Interpolated(points[i], (P, P + 0.1)[i]), value[:, i]).eval() for i in range(2)]
    np.testing.assert_allclose(R.logp(x, value).eval(), np.stack(each, 1), rtol=1e-12)
    assert R.draw(x, random_seed=1).shape == (3, 2)
    at = T.Placeholder((), "float64")
    function = symjax.to_jax(R.logp(R.Interpolated(X, P), at), [at])
    with jax.enable_x64(True):
        assert float(jax.grad(function)(0.2)) == pytest.approx(-3 / (2 - 0.6), rel=1e-12)


def test_wrong_points_are_named():
    with pytest.raises(ParameterError, match="'x_points' must be at least two finite numbers"):
        R.Interpolated(X[::-1], P)
    with pytest.raises(ParameterError, match="'pdf_points' must be"):
        R.Interpolated(X, -P)
    with pytest.raises(ShapeError, match="as many elements"):
        R.Interpolated(X, P[:-1])


def test_posterior_with_an_interpolated_prior():
    grid = np.linspace(-4, 4, 400)
    with pm.Model():
        x = pm.Interpolated("x", grid, st.norm.pdf(grid))
        pm.Normal("y", x, 1.0, observed=1.0)
        tree = pm.sample(1000, tune=500, chains=2, random_seed=1, progressbar=False)
    draws = tree.posterior["x"].values.ravel()[::4]
    assert abs(draws.mean() - 0.5) < 6 * np.sqrt(0.5 / len(draws))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_density_is_pymcs():
    theirs = pytest.importorskip("pymc")
    expected = theirs.logp(theirs.Interpolated.dist(X, P), AT).eval()
    np.testing.assert_allclose(R.logp(R.Interpolated(X, P), AT).eval(), expected, rtol=1e-9)
