"""Conditional autoregressions, CAR and ICAR: densities against dense normal laws and PyMC, draws, models."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.stats as st
from law_table import Gaussian, check_draws

import symjax
import symjax.pmc_bridge as pm
import symjax.random as R
import symjax.tensor as T
from symjax import NotDerivableError, ParameterError, ShapeError

W = np.array([[0, 1, 0, 1, 0], [1, 0, 1, 0, 0], [0, 1, 0, 1, 1], [1, 0, 1, 0, 1], [0, 0, 1, 1, 0]])
WEIGHTED = W * np.add.outer(np.arange(5), np.arange(5)) / 3.0
MU = np.array([1.0, -2.0, 0.5, 0.0, 3.0])
N = 5


def precision(w, alpha, tau):
    return tau * (np.diag(w.sum(0)) - alpha * w)


def dense(mu, w, alpha, tau):
    return st.multivariate_normal(mu, np.linalg.inv(precision(w, alpha, tau)))


def symbolic(value):
    return T.Placeholder(np.shape(value), "float64")


@pytest.mark.parametrize("alpha", [-0.9, 0.0, 0.5, 0.999])
@pytest.mark.parametrize("w", [W, WEIGHTED, W + np.eye(N)], ids=["adjacency", "weights", "loops"])
def test_car_density_is_that_of_its_precision(w, alpha, rng):
    value = rng.normal(size=(4, N))
    expected = dense(MU, w, alpha, 1.7).logpdf(value)
    for given in (w, sp.csr_matrix(w), sp.coo_array(w)):
        np.testing.assert_allclose(R.logp(R.CAR(MU, given, alpha, 1.7, size=4), value).eval(), expected, rtol=1e-10)
    matrix = symbolic(w)
    found = R.logp(R.CAR(MU, matrix, alpha, 1.7, size=4), value)
    np.testing.assert_allclose(found.eval({matrix: w.astype(float)}), expected, rtol=1e-10)


def test_car_density_in_batches(rng):
    alpha, tau, value = np.array([0.2, -0.5]), np.array([[1.0], [2.0], [0.3]]), rng.normal(size=(3, 2, N))
    expected = [[dense(MU, W, a, t).logpdf(v) for a, v in zip(alpha, row)] for (t,), row in zip(tau, value)]
    np.testing.assert_allclose(R.logp(R.CAR(MU, W, alpha, tau), value).eval(), expected, rtol=1e-10)
    both = R.CAR(0.0, np.stack([W, WEIGHTED]), alpha, 1.0)
    expected = [dense(np.zeros(N), w, a, 1.0).logpdf(v) for w, a, v in zip((W, WEIGHTED), alpha, value[0])]
    np.testing.assert_allclose(R.logp(both, value[0]).eval(), expected, rtol=1e-10)
    assert R.draw(both, 3, random_seed=1).shape == (3, 2, N)


def test_car_density_keeps_its_digits_where_elements_are_large_and_alike(rng):
    # of a constant vector 1 - alpha of the square is left, which the difference of two squares would not have
    value, alpha = np.full(N, 1e6), 1 - 2.0**-40
    found = R.logp(R.CAR(0.0, W, alpha, 1.0), value).eval() - R.logp(R.CAR(0.0, W, alpha, 1.0), np.zeros(N)).eval()
    assert found == pytest.approx(-0.5 * 2.0**-40 * 1e12 * W.sum(), rel=1e-9)


@pytest.mark.parametrize("w, alpha, tau", [(W, 0.8, 2.0), (WEIGHTED, -0.6, 0.5)])
def test_car_draws_and_moments(w, alpha, tau):
    cov = np.linalg.inv(precision(w, alpha, tau))

    class Row:
        reference = Gaussian(MU, cov)

    x = R.CAR(MU, w, alpha, tau)
    check_draws(Row, R.draw(x, 2000, random_seed=1))
    check_draws(Row, R.draw(R.CAR(MU, w, alpha, tau, size=2000), random_seed=2))
    check_draws(Row, R.draw(R.CAR(MU, w, np.full(2000, alpha), tau), random_seed=3))
    np.testing.assert_allclose(R.CAR.variance(*x.parents).eval(), np.diag(cov), rtol=1e-10)
    np.testing.assert_allclose(R.CAR.mean(*x.parents).eval(), MU)


@pytest.mark.parametrize("is_known", [True, False])
def test_car_gradients_are_those_of_the_dense_density(is_known):
    alpha, tau, x = symbolic(0.0), symbolic(0.0), symbolic(MU)
    w = T.constant(W) if is_known else symbolic(W)
    found = R.logp(R.CAR(MU, w, alpha, tau), x)
    at = {alpha: 0.7, tau: 1.3, x: MU + np.arange(N)} | ({} if is_known else {w: W.astype(float)})
    inner = precision(W, 0.7, 1.3) @ np.arange(N)
    square = np.arange(N) @ W @ np.arange(N)
    trace = np.trace(np.linalg.solve(precision(W, 0.7, 1.3), -1.3 * W))
    expected = [0.5 * (trace + 1.3 * square), 0.5 * (N / 1.3 - np.arange(N) @ inner / 1.3), -inner]
    for by, slope in zip((alpha, tau, x), expected, strict=True):
        np.testing.assert_allclose(symjax.gradients(found, by).eval(at), slope, rtol=1e-9)


def test_car_refuses_what_does_not_fit():
    with pytest.raises(ParameterError, match=r"CAR\('x'\): 'alpha' must be between -1 and 1, both excluded, got 1.0"):
        R.CAR(0.0, W, 1.0, 1.0, name="x")
    with pytest.raises(ParameterError, match="'tau' must be positive"):
        R.CAR(0.0, W, 0.5, 0.0)
    for w in (np.triu(W), -W, np.diag([1.0, 0.0])):
        with pytest.raises(
            ParameterError, match="'W' must be a symmetric matrix of weights, zero or positive, with a positive one in"
        ):
            R.CAR(0.0, w, 0.5, 1.0)
    with pytest.raises(ShapeError, match=r"'W' must be a square matrix, got shape \(5, 4\)"):
        R.CAR(0.0, W[:, :4], 0.5, 1.0)
    with pytest.raises(ShapeError, match="'mu' has 2 elements, 'W' 5 rows"):
        R.CAR(np.zeros(2), W, 0.5, 1.0)
    alpha, w = symbolic(0.0), symbolic(W)
    found = R.logp(R.CAR(0.0, w, alpha, 1.0), np.zeros(N))
    good = W.astype(float)
    assert np.isfinite(found.eval({alpha: 0.5, w: good}))
    for a, matrix in ((1.0, good), (-1.5, good), (0.5, -good), (0.5, np.triu(good)), (0.5, 0 * good)):
        assert found.eval({alpha: a, w: matrix}) == -np.inf


def test_icar_density_is_that_of_its_edges(rng):
    value, sigma, stdev = rng.normal(size=(4, N)), 0.7, 0.2
    differences = [(value[:, i] - value[:, j]) ** 2 for i in range(N) for j in range(i) if W[i, j]]
    expected = -np.sum(differences, 0) / (2 * sigma**2) + st.norm(0, stdev * N).logpdf(value.sum(1))
    w = symbolic(W)
    for given, at in ((W, {}), (sp.csr_array(W), {}), (w, {w: W.astype(float)})):
        np.testing.assert_allclose(R.logp(R.ICAR(given, sigma, stdev, size=4), value).eval(at), expected, rtol=1e-10)


def test_icar_refuses_draws_and_what_does_not_fit():
    with pytest.raises(NotDerivableError, match="ICAR cannot be drawn"):
        R.draw(R.ICAR(W))
    for w in (WEIGHTED, np.triu(W)):
        with pytest.raises(ParameterError, match="'W' must be a symmetric matrix of zeros and ones"):
            R.ICAR(w)
    for name in ("sigma", "zero_sum_stdev"):
        with pytest.raises(ParameterError, match=f"'{name}' must be positive"):
            R.ICAR(W, **{name: 0.0})
    with pytest.raises(ShapeError, match=r"'W' must be a square matrix, got shape \(5,\)"):
        R.ICAR(W[0])


@pytest.mark.slow
def test_densities_against_pymc(rng):
    theirs = pytest.importorskip("pymc")
    value = rng.normal(size=N)
    for alpha, tau in ((0.3, 1.0), (-0.7, 2.0)):
        expected = theirs.logp(theirs.CAR.dist(MU, W.astype(float), alpha, tau), value).eval()
        found = R.logp(R.CAR(MU, W, alpha, tau), value).eval()
        # PyMC leaves out what depends on no parameter that it estimates
        constant = 0.5 * np.log(W.sum(0)).sum() - 0.5 * N * np.log(2 * np.pi)
        assert found - constant == pytest.approx(float(expected.squeeze()), rel=1e-9)
    for given in ({}, {"sigma": 0.5}, {"sigma": 2.0, "zero_sum_stdev": 0.1}):
        expected = theirs.logp(theirs.ICAR.dist(W, **given), value).eval()
        assert R.logp(R.ICAR(W, **given), value).eval() == pytest.approx(float(expected), rel=1e-9)


def test_weights_may_be_data(rng):
    value = rng.normal(size=N)
    with pm.Model() as model:
        w = pm.Data("w", np.ones((N, N)) - np.eye(N))
        pm.CAR("x", 0.0, w, 0.4, 2.0)
    for weights in (np.ones((N, N)) - np.eye(N), WEIGHTED):
        with model:
            pm.set_data({"w": weights})
        expected = dense(np.zeros(N), weights, 0.4, 2.0).logpdf(value)
        assert model.compile_logp()({"x": value}) == pytest.approx(expected, rel=1e-10)


def test_models_of_neighbours_are_sampled(rng):
    truth = rng.normal(size=N)
    options = {"chains": 2, "random_seed": 1, "progressbar": False, "compute_convergence_checks": False}
    with pm.Model():
        w = pm.Data("w", W.astype(float))
        alpha = pm.Uniform("alpha", 0.0, 1.0)
        x = pm.CAR("x", 0.0, w, alpha, 1.0)
        pm.Normal("y", x, 1e-3, observed=truth)
        known = pm.sample(200, tune=200, **options)
    assert known.posterior["x"].shape == (2, 200, N)
    assert np.all(np.abs(known.posterior["x"].mean(("chain", "draw")).values - truth) < 0.01)
    with pm.Model() as model:
        pm.ICAR("phi", W)
        tree = pm.sample(300, tune=300, **options)
    phi = tree.posterior["phi"].values.reshape(-1, N)
    assert np.all(np.abs(phi.mean(1)) < 6e-3)
    np.testing.assert_array_equal(model.initial_point()["phi"], np.zeros(N))
    # what is left is normal, of precision D - W
    spread = np.diag(np.linalg.pinv(np.diag(W.sum(0)) - W))
    assert np.all(np.abs(phi.mean(0)) < 6 * np.sqrt(spread / 60))
