"""Covariance functions: PyMC's values and spectral densities, inputs as data, algebra, gradients, errors."""

import numpy as np
import pytest
from scipy import special

import symjax.pmc_bridge as bridge
import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.core._gradient import gradients

B = np.array([[1.0, 0.3, -0.2], [0.3, 2.0, 0.1], [-0.2, 0.1, 0.5]])

COVARIANCES = {
    "ExpQuad": lambda c, pt: c.ExpQuad(2, ls=[0.7, 1.3]),
    "RatQuad": lambda c, pt: c.RatQuad(2, alpha=1.5, ls=0.7),
    "Exponential": lambda c, pt: c.Exponential(2, ls=0.7),
    "Matern12": lambda c, pt: c.Matern12(2, ls_inv=1.5),
    "Matern32": lambda c, pt: c.Matern32(2, ls=0.7, active_dims=[1]),
    "Matern52": lambda c, pt: c.Matern52(2, ls_inv=[0.7, 0.9]),
    "Cosine": lambda c, pt: c.Cosine(2, ls=0.7),
    "Periodic": lambda c, pt: c.Periodic(2, period=1.7, ls=0.7),
    "Linear": lambda c, pt: c.Linear(2, c=0.3),
    "Polynomial": lambda c, pt: c.Polynomial(2, c=0.3, d=3, offset=0.5, active_dims=[0]),
    "WarpedInput": lambda c, pt: c.WarpedInput(2, c.Matern52(2, ls=0.7), lambda x, a: pt.tanh(a * x), args=1.3),
    "WrappedPeriodic": lambda c, pt: c.WrappedPeriodic(c.Matern52(2, ls=0.7), period=1.7),
    "Gibbs": lambda c, pt: c.Gibbs(2, lambda x, a, b: pt.exp(a * x + b), args=(0.3, 0.2), active_dims=[1]),
    "ScaledCov": lambda c, pt: c.ScaledCov(2, c.Matern32(1, ls=0.7), lambda x: 1 + x**2, active_dims=[0]),
    "Circular": lambda c, pt: c.Circular(2, period=3.1, tau=4.5, active_dims=[0]),
    "Kron": lambda c, pt: c.Kron([c.ExpQuad(1, ls=0.7), 2.0 * c.Matern52(1, ls=1.2)]),
    "algebra": lambda c, pt: 1.7**2 * c.ExpQuad(2, ls=0.9) * c.Linear(2, c=0.1) + c.WhiteNoise(0.3) + c.Constant(0.2) + 0.5,
    "power": lambda c, pt: c.Matern52(2, ls=0.7) ** 2.0,
    "power of a sum": lambda c, pt: (c.Linear(2, c=0.1) + c.ExpQuad(2, ls=0.4)) ** 3,
    "active dims": lambda c, pt: c.ExpQuad(2, ls=0.7, active_dims=[0]) * c.Periodic(2, period=2.0, ls=0.4, active_dims=[1]),
}

SPECTRA = {
    "ExpQuad": lambda c: c.ExpQuad(2, ls=[0.7, 1.3]),
    "Matern32": lambda c: c.Matern32(2, ls=0.7),
    "Matern52": lambda c: 1.7**2 * c.Matern52(3, ls=0.7, active_dims=[0, 2]),
    "RatQuad": lambda c: c.RatQuad(2, alpha=1.7, ls=[0.7, 1.3]),
    "sum": lambda c: 1.3 * c.ExpQuad(2, ls=0.7) + c.Matern52(2, ls=[0.4, 1.3]),
    "product with numbers": lambda c: np.float64(0.7) * c.Matern32(2, ls=0.7) * 2,
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", COVARIANCES)
def test_values_are_pymcs(name, fast_pymc, rng):
    x, other = rng.normal(size=(5, 2)), rng.normal(size=(3, 2))
    theirs, ours = COVARIANCES[name](fast_pymc.gp.cov, fast_pymc.math), COVARIANCES[name](bridge.gp.cov, bridge.math)
    np.testing.assert_allclose(ours(x, other).eval(), theirs(x, other).eval(), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(ours(x, diag=True).eval(), theirs(x, diag=True).eval(), rtol=1e-9)
    found, expected = ours(x).eval(), theirs(x).eval()
    apart = ~np.eye(5, dtype=bool)
    np.testing.assert_allclose(found[apart], expected[apart], rtol=1e-9, atol=1e-10)
    # PyMC takes roots of squares plus 1e-12, symjax exact ones with a derivative of zero at zero
    np.testing.assert_allclose(np.diag(found), np.diag(expected), atol=2e-6)
    np.testing.assert_allclose(np.diag(found), ours(x, diag=True).eval(), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SPECTRA)
def test_spectral_densities_are_pymcs(name, fast_pymc, rng):
    omega = np.abs(rng.normal(size=(6, 2)))
    found = SPECTRA[name](bridge.gp.cov).power_spectral_density(omega).eval()
    np.testing.assert_allclose(found, SPECTRA[name](fast_pymc.gp.cov).power_spectral_density(omega).eval(), rtol=1e-7)


@pytest.mark.parametrize("order, kind", [(1.5, "Matern32"), (2.5, "Matern52")])
def test_spectral_densities_are_those_of_the_books(order, kind):
    # PyMC computes powers of its constants in single precision
    ls, d = np.array([0.7, 1.3]), 2
    omega = np.array([[0.3, 0.8], [2.0, 1.5]])
    found = getattr(bridge.gp.cov, kind)(d, ls=ls).power_spectral_density(omega).eval()
    s = ((ls * omega) ** 2).sum(1)
    scale = 2**d * np.pi ** (d / 2) * special.gamma(order + d / 2) * (2 * order) ** order / special.gamma(order)
    np.testing.assert_allclose(found, scale * ls.prod() * (2 * order + s) ** -(order + d / 2), rtol=1e-12)


def test_the_spectral_density_of_a_rational_quadratic_has_its_limits():
    omega = np.array([[0.0], [0.4], [3.0]])
    wide = bridge.gp.cov.RatQuad(1, alpha=1e7, ls=0.7).power_spectral_density(omega).eval()
    np.testing.assert_allclose(wide, bridge.gp.cov.ExpQuad(1, ls=0.7).power_spectral_density(omega).eval(), rtol=1e-5)
    found = [
        bridge.gp.cov.RatQuad(1, alpha=a, ls=0.7).power_spectral_density(w).eval() for a in (0.8, 0.4) for w in ([[0.0]], [[1e-7]])
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-3)
    assert np.isinf(found[2]) and np.isfinite(found[3])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_coregion_is_pymcs(fast_pymc, rng):
    x = np.column_stack([rng.normal(size=6), [0, 2, 1, 1, 0, 2]])
    W, kappa = rng.normal(size=(3, 2)), np.array([0.1, 0.2, 0.3])
    for make in (
        lambda c: c.Coregion(2, W=W, kappa=kappa, active_dims=[1]),
        lambda c: c.Coregion(2, B=B, active_dims=[1]) * c.ExpQuad(2, ls=0.7, active_dims=[0]),
    ):
        ours, theirs = make(bridge.gp.cov), make(fast_pymc.gp.cov)
        np.testing.assert_allclose(ours(x).eval(), theirs(x).eval(), rtol=1e-9)
        np.testing.assert_allclose(ours(x, x[:2]).eval(), theirs(x, x[:2]).eval(), rtol=1e-9)
        np.testing.assert_allclose(ours(x, diag=True).eval(), theirs(x, diag=True).eval(), rtol=1e-9)


@pytest.mark.parametrize("name", COVARIANCES)
def test_inputs_may_be_data_that_change(name, rng):
    cov = COVARIANCES[name](bridge.gp.cov, bridge.math)
    other = rng.normal(size=(3, 2))
    with bridge.Model():
        x = bridge.Data("x", rng.normal(size=(5, 2)))
        full, diag, cross = cov(x), cov(x, diag=True), cov(x, other)
        for n in (5, 2):
            new = rng.normal(size=(n, 2))
            bridge.set_data({"x": new})
            np.testing.assert_allclose(full.eval(), cov(new).eval(), rtol=1e-12)
            np.testing.assert_allclose(diag.eval(), cov(new, diag=True).eval(), rtol=1e-12)
            np.testing.assert_allclose(cross.eval(), cov(new, other).eval(), rtol=1e-12)


def test_gradients_are_finite_where_inputs_coincide():
    ls = T.Placeholder((), "float64", name="ls")
    x = np.array([[0.0], [0.0], [1.0]])
    for kind in (bridge.gp.cov.Matern12, bridge.gp.cov.Matern32, bridge.gp.cov.Matern52, bridge.gp.cov.Exponential):
        assert np.isfinite(gradients(kind(1, ls=ls)(x).sum(), ls).eval({ls: 0.7}))


def test_numbers_matrices_and_tensors_combine_from_either_side():
    c = bridge.gp.cov
    x = np.array([[0.0], [1.0]])
    base = c.ExpQuad(1, ls=1.0)(x).eval()
    matrix = np.array([[2.0, 0.5], [0.5, 1.0]])
    for factor in (2.0, np.float64(2.0), matrix, T.constant(2.0)):
        value = factor if isinstance(factor, np.ndarray) else 2.0
        for cov in (factor * c.ExpQuad(1, ls=1.0), c.ExpQuad(1, ls=1.0) * factor):
            np.testing.assert_allclose(cov(x).eval(), base * value, rtol=1e-12)
            np.testing.assert_allclose(cov(x, diag=True).eval(), np.diag(base * value), rtol=1e-12)
        for cov in (factor + c.ExpQuad(1, ls=1.0), c.ExpQuad(1, ls=1.0) + factor):
            np.testing.assert_allclose(cov(x).eval(), base + value, rtol=1e-12)


def test_a_users_own_covariance_function_needs_only_its_matrix():
    class Minimum(bridge.gp.cov.Covariance):
        def full(self, X, Xs=None):
            X, Xs = self._slice(X, Xs)
            return T.minimum(X, T.transpose(X if Xs is None else Xs))

    cov = 2.0 * Minimum(2, active_dims=[1])
    x = np.array([[9.0, 1.0], [9.0, 3.0]])
    np.testing.assert_array_equal(cov(x).eval(), [[2.0, 2.0], [2.0, 6.0]])
    np.testing.assert_array_equal(cov(x, diag=True).eval(), [2.0, 6.0])


def test_an_index_that_coregion_lacks_gives_nan():
    cov = bridge.gp.cov.Coregion(1, B=B)
    found = cov(np.array([[0.0], [3.0], [-1.0], [0.5]])).eval()
    assert found[0, 0] == 1.0 and np.isnan(found[1:]).all() and np.isnan(found[:, 1:]).all()


def test_what_does_not_fit_is_refused():
    c = bridge.gp.cov
    for message, make in {
        "exactly one of them": lambda: c.ExpQuad(1),
        "columns of the inputs": lambda: c.ExpQuad(1, ls=1.0, active_dims=[1]),
        "same input_dim": lambda: c.ExpQuad(1, ls=1.0) + c.ExpQuad(2, ls=1.0),
        "one column": lambda: c.Gibbs(2, lambda x: x),
        "'W' and 'kappa'": lambda: c.Coregion(1, W=np.ones((2, 1))),
        "number as power": lambda: c.ExpQuad(1, ls=1.0) ** np.ones(2),
        "raised to a power": lambda: c.Constant(2.0) ** 2,
        "must be a Stationary": lambda: c.WrappedPeriodic(c.Linear(1, c=0.0), period=1.0),
        "no power spectral density": lambda: (c.Linear(1, c=0.0) + c.ExpQuad(1, ls=1.0)).power_spectral_density(np.ones((2, 1))),
        "product of covariance": lambda: (c.ExpQuad(1, ls=1.0) * c.ExpQuad(1, ls=1.0)).power_spectral_density(np.ones((2, 1))),
        "number as covariance": lambda: (c.ExpQuad(1, ls=1.0) + 1.0).power_spectral_density(np.ones((2, 1))),
    }.items():
        with pytest.raises((ValueError, TypeError, NotImplementedError), match=message):
            make()
    with pytest.raises(ShapeError, match=r"X\[:, None\]"):
        c.ExpQuad(1, ls=1.0)(np.ones(3))
    with pytest.warns(UserWarning, match="3 columns, input_dim=2"):
        c.ExpQuad(2, ls=1.0)(np.ones((4, 3)))
