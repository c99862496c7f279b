"""KroneckerNormal against the dense normal law, and against PyMC."""

import numpy as np
import pytest
import scipy.stats as st
from law_table import Gaussian, check_draws

import symjax
import symjax.pmc_bridge as pm
import symjax.random as R
import symjax.tensor as T
from symjax import ParameterError, ShapeError

A = np.array([[1.0, 0.5], [0.5, 2.0]])
B = np.array([[1.0, 0.4, 0.2], [0.4, 2.0, 0.3], [0.2, 0.3, 1.0]])
C = np.array([[0.5, -0.2], [-0.2, 0.8]])
MU = np.arange(6.0)
SMOOTH = np.exp(-0.5 * np.subtract.outer(np.arange(5.0), np.arange(5.0)) ** 2 / 50.0**2)


def full(covs, sigma):
    found = np.eye(1)
    for c in covs:
        found = np.kron(found, c)
    return found + sigma**2 * np.eye(len(found))


def given_as(kind, covs):
    convert = {"covs": lambda c: c, "chols": np.linalg.cholesky, "evds": np.linalg.eigh}[kind]
    return {kind: [convert(c) for c in covs]}


@pytest.mark.parametrize("sigma", [0.0, 0.3])
@pytest.mark.parametrize("covs", [[B], [A, B], [A, B, C], [B, A, C, A]], ids=len)
@pytest.mark.parametrize("kind", ["covs", "chols", "evds"])
def test_density_is_that_of_the_full_covariance(kind, covs, sigma, rng):
    n = int(np.prod([len(c) for c in covs]))
    mu, value = rng.normal(size=n), rng.normal(size=(4, n))
    found = R.logp(R.KroneckerNormal(mu, **given_as(kind, covs), sigma=sigma, size=4), value)
    np.testing.assert_allclose(found.eval(), st.multivariate_normal(mu, full(covs, sigma)).logpdf(value), rtol=1e-10)


def test_density_in_batches(rng):
    sigma, value = np.array([[0.0], [0.5], [1.0]]), rng.normal(size=(3, 2, 6))
    x = R.KroneckerNormal(MU, [np.stack([A, C]), B], sigma=sigma)
    expected = [
        [st.multivariate_normal(MU, full([a, B], s)).logpdf(v) for a, v in zip((A, C), row)] for (s,), row in zip(sigma, value)
    ]
    assert x.shape == (3, 2, 6) and R.draw(x, 2, random_seed=1).shape == (2, 3, 2, 6)
    np.testing.assert_allclose(R.logp(x, value).eval(), expected, rtol=1e-10)


def test_draws_and_moments():
    cov = full([A, B], 0.7)

    class Row:
        reference = Gaussian(MU, cov)

    x = R.KroneckerNormal(MU, [A, B], sigma=0.7)
    check_draws(Row, R.draw(x, 2000, random_seed=1))
    check_draws(
        Row, R.draw(R.KroneckerNormal(MU, chols=[np.linalg.cholesky(k) for k in (A, B)], sigma=0.7, size=2000), random_seed=2)
    )
    law = x.distribution
    np.testing.assert_allclose(law.variance(*x.parents).eval(), np.diag(cov))
    np.testing.assert_allclose(law.mean(*x.parents).eval(), MU)


@pytest.mark.parametrize("rows", [A, np.eye(2)], ids=["distinct", "equal eigenvalues"])
def test_derivatives_are_those_of_the_full_covariance(rows, rng):
    a, sigma, value = T.Placeholder((2, 2), "float64"), T.Placeholder((), "float64"), T.Placeholder((6,), "float64")
    covs = [0.5 * (a + a.T), B]
    ours = R.logp(R.KroneckerNormal(MU, covs, sigma=sigma), value)
    dense = R.logp(R.MvNormal(MU, T.kron(*covs) + sigma**2 * np.eye(6)), value)
    at = {a: rows, sigma: 0.3, value: rng.normal(size=6)}
    for by in (a, sigma, value):
        found, expected = (symjax.gradients(d, by).eval(at) for d in (ours, dense))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)
    for by in (sigma, value) if rows is not A else (a, sigma, value):
        found, expected = (symjax.hessians(d, by).eval(at) for d in (ours, dense))
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)


def test_singular_factors_are_made_good_by_noise(rng):
    value = rng.normal(size=10)
    with pytest.raises(ParameterError, match="KroneckerNormal: the covariance must be positive definite"):
        R.KroneckerNormal(0.0, [np.diag([1.0, 0.0]), A])
    found = R.logp(R.KroneckerNormal(0.0, [SMOOTH, A], sigma=0.1), value).eval()
    assert found == pytest.approx(st.multivariate_normal(np.zeros(10), full([SMOOTH, A], 0.1)).logpdf(value), rel=1e-9)
    a = T.Placeholder((2, 2), "float64")
    found = R.logp(R.KroneckerNormal(0.0, [a, B]), np.ones(6))
    assert np.isfinite(found.eval({a: A})) and found.eval({a: np.ones((2, 2)) - 2}) == found.eval({a: -A}) == -np.inf


def test_errors():
    for given, got in (({}, "none of them"), ({"covs": [A], "chols": [A]}, "covs and chols")):
        with pytest.raises(ParameterError, match=rf"KroneckerNormal\('x'\): give one of 'covs', 'chols' and 'evds'; got {got}"):
            R.KroneckerNormal(0.0, name="x", **given)
    with pytest.raises(ParameterError, match="'cov_1' must be symmetric, without negative eigenvalues"):
        R.KroneckerNormal(0.0, [A, -B], sigma=1.0)
    with pytest.raises(ParameterError, match="'sigma' must be zero or positive"):
        R.KroneckerNormal(0.0, [A, B], sigma=-1.0)
    with pytest.raises(ParameterError, match="'covs' must have at least one matrix"):
        R.KroneckerNormal(0.0, [])
    with pytest.raises(ShapeError, match=r"'covs' must be square matrices, got shape \(2,\)"):
        R.KroneckerNormal(0.0, A)
    with pytest.raises(ShapeError, match=r"'mu' has 5 elements, the product of matrices of \[2, 3\] rows has 6"):
        R.KroneckerNormal(np.zeros(5), [A, B])


def test_large_products_need_no_full_matrix(rng):
    k = np.exp(-np.abs(np.subtract.outer(np.arange(60.0), np.arange(60.0))))
    x = R.KroneckerNormal(0.0, [k, k, k], sigma=0.1)
    found = R.logp(x, np.zeros(60**3)).eval()
    eigenvalues = np.linalg.eigvalsh(k)
    spectrum = np.multiply.outer(np.multiply.outer(eigenvalues, eigenvalues), eigenvalues).ravel() + 0.01
    assert found == pytest.approx(-0.5 * np.log(2 * np.pi * spectrum).sum(), rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["covs", "chols", "evds"])
def test_density_against_pymc(kind, rng):
    theirs = pytest.importorskip("pymc")
    value = rng.normal(size=(2, 6))
    given = given_as(kind, [A, B]) | {"sigma": 0.4}
    law = theirs.KroneckerNormal.dist(MU, **given, size=2)
    ours = R.KroneckerNormal(MU, **given, size=2)
    np.testing.assert_allclose(R.logp(ours, value).eval(), theirs.logp(law, value).eval(), rtol=1e-9)


def test_models_with_kronecker_covariances(rng):
    x = np.linspace(0, 1, 4)
    truth = rng.normal(size=8)
    with pm.Model() as model:
        length = pm.LogNormal("length", 0.0, 0.5)
        sigma = pm.HalfNormal("sigma", 1.0)
        cov = T.exp(-0.5 * ((x[:, None] - x) / length) ** 2)
        pm.KroneckerNormal("y", 0.0, [A, cov], sigma=sigma, observed=truth)
        pm.KroneckerNormal("z", np.zeros(4), chols=[np.linalg.cholesky(A), np.linalg.cholesky(C)])
    point = {"length_log__": 0.1, "sigma_log__": -0.3, "z": np.ones(4)}
    k = np.exp(-0.5 * ((x[:, None] - x) / np.exp(0.1)) ** 2)
    expected = (
        st.norm(0, 0.5).logpdf(0.1)
        + st.halfnorm.logpdf(np.exp(-0.3)) - 0.3
        + st.multivariate_normal(np.zeros(8), full([A, k], np.exp(-0.3))).logpdf(truth)
        + st.multivariate_normal(np.zeros(4), full([A, C], 0.0)).logpdf(np.ones(4))
    )  # fmt: skip
    assert model.compile_logp()(point) == pytest.approx(expected, rel=1e-10)
    assert np.isfinite(model.compile_dlogp()(point)).all()
    tree = pm.sample(100, tune=200, chains=1, random_seed=1, progressbar=False, compute_convergence_checks=False, model=model)
    assert tree.posterior["z"].shape == (1, 100, 4)
    prior = pm.sample_prior_predictive(20, model=model, random_seed=1)
    assert np.isfinite(prior.prior_predictive["y"].values).all()
