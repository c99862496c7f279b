"""Gaussian processes in a fixed basis against their exact covariance functions, and against PyMC."""

import numpy as np
import pytest

import symjax.pmc_bridge as bridge

X = np.linspace(0.0, 2.0, 30)[:, None]


def covariance(phi, deviations):
    return (phi * deviations**2) @ phi.T


@pytest.mark.parametrize("boundary", ["dirichlet", "neumann", "dirichlet-neumann", "neumann-dirichlet"])
@pytest.mark.parametrize("name", ["ExpQuad", "Matern52"])
def test_covariance_is_the_exact_one_within_the_box(name, boundary):
    cov = 1.3**2 * getattr(bridge.gp.cov, name)(1, ls=0.5)
    gp = bridge.gp.HSGP(m=[200], c=4.0, cov_func=cov, boundary=boundary)
    phi, deviations = (t.eval() for t in gp.prior_linearized(X))
    np.testing.assert_allclose(covariance(phi, deviations), cov(X).eval(), atol=2e-3 if name == "Matern52" else 1e-6)


def test_two_inputs_and_a_column_that_does_not_count():
    rng = np.random.default_rng(1)
    points = rng.uniform(size=(12, 3))
    cov = bridge.gp.cov.ExpQuad(3, ls=[0.6, 0.8], active_dims=[0, 2])
    gp = bridge.gp.HSGP(m=[25, 20], L=[2.5, 2.5], cov_func=cov)
    phi, deviations = (t.eval() for t in gp.prior_linearized(points))
    assert phi.shape == (12, 500) and gp.n_basis_vectors == 500
    np.testing.assert_allclose(covariance(phi, deviations), cov(points).eval(), atol=1e-5)


def test_harmonics_have_the_periodic_covariance():
    cov = bridge.gp.cov.Periodic(1, period=0.7, ls=0.6)
    gp = bridge.gp.HSGPPeriodic(m=20, scale=1.5, cov_func=cov)
    (cosines, sines), deviations = gp.prior_linearized(X)
    found = covariance(cosines.eval(), deviations.eval()) + covariance(sines.eval(), deviations.eval())
    np.testing.assert_allclose(found, 1.5**2 * cov(X).eval(), atol=1e-10)


@pytest.mark.parametrize("parametrization", ["noncentered", "centered"])
def test_values_and_predictions_are_of_one_process(parametrization):
    with bridge.Model(coords={"basis": range(29)}) as model:
        functions: dict = {"cov_func": bridge.gp.cov.ExpQuad(1, ls=0.5), "mean_func": bridge.gp.mean.Constant(2.0)}
        gp = bridge.gp.HSGP(m=[30], c=1.5, drop_first=True, parametrization=parametrization, **functions)
        f = gp.prior("f", X=X, hsgp_coeffs_dims="basis")
        again = gp.conditional("again", X[:7])
        drawn = bridge.draw([f, again], random_seed=1)
    assert [v.name for v in model.free_RVs] == ["f_hsgp_coeffs"] and model["f_hsgp_coeffs"].shape == (29,)
    np.testing.assert_allclose(drawn[0][:7], drawn[1], rtol=1e-12)


def test_data_may_change_and_the_box_stays():
    with bridge.Model():
        x = bridge.Data("x", X, dims=("row", None))
        gp = bridge.gp.HSGP(m=[15], c=1.5, cov_func=bridge.gp.cov.Matern32(1, ls=bridge.Gamma("ls", 3, 4)))
        f = gp.prior("f", X=x)
        bridge.Normal("y", f, 0.3, observed=np.sin(3 * X[:, 0]), shape=f.shape)
        tree = bridge.sample(100, tune=200, chains=2, random_seed=1, progressbar=False, quiet=True)
        bridge.set_data({"x": X[:4] + 0.01})
        new = bridge.sample_posterior_predictive(tree, var_names=["f"], random_seed=1).posterior_predictive["f"]
    assert new.shape == (2, 100, 4)
    assert np.abs(new.mean(("chain", "draw")) - np.sin(3 * (X[:4, 0] + 0.01))).max() < 0.4


def test_a_periodic_process_is_fitted():
    y = np.sin(2 * np.pi * X[:, 0] / 0.7)
    with bridge.Model():
        gp = bridge.gp.HSGPPeriodic(m=6, cov_func=bridge.gp.cov.Periodic(1, period=0.7, ls=1.0))
        f = gp.prior("f", X=X)
        gp.conditional("g", X[:3] + 0.7)
        bridge.Normal("y", f, 0.1, observed=y)
        tree = bridge.sample(200, tune=200, chains=2, random_seed=1, progressbar=False, quiet=True)
    found = tree.posterior.mean(("chain", "draw"))
    assert np.abs(found["f"] - y).max() < 0.2
    np.testing.assert_allclose(found["g"], found["f"][:3], atol=1e-9)


def test_wrong_arguments_are_named():
    cov = bridge.gp.cov.ExpQuad(1, ls=1.0)
    wrong: list[tuple[dict, str]] = [
        ({"m": 10, "c": 2.0}, "'m' must have a number for each"),
        ({"m": [10]}, "'L' or 'c'"),
        ({"m": [10], "c": 2.0, "boundary": "open"}, "boundary must be one of"),
        ({"m": [10], "c": 2.0, "parametrization": "other"}, "parametrization must be"),
    ]
    for given, message in wrong:
        with pytest.raises(ValueError, match=message):
            bridge.gp.HSGP(cov_func=cov, **given)
    with pytest.warns(UserWarning, match="too narrow"):
        bridge.gp.HSGP(m=[10], c=1.0, cov_func=cov)
    with pytest.raises(ValueError, match="call prior"):
        bridge.gp.HSGP(m=[10], c=2.0, cov_func=cov).conditional("f", X)
    with pytest.raises(ValueError, match="must be gp.cov.Periodic"):
        bridge.gp.HSGPPeriodic(m=10, cov_func=cov)
    with pytest.raises(ValueError, match="lengthscale_range"):
        bridge.gp.hsgp_approx.approx_hsgp_hyperparams([0, 1], [2, 1], "expquad")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("boundary", ["dirichlet", "neumann", "neumann-dirichlet"])
def test_basis_and_densities_are_pymcs(boundary, fast_pymc, rng):
    points, found = rng.uniform(size=(7, 2)), []
    for library in (fast_pymc, bridge):
        cov = 1.7 * library.gp.cov.Matern52(2, ls=[0.4, 0.9]) + library.gp.cov.ExpQuad(2, ls=0.3)
        phi, deviations = library.gp.HSGP(m=[5, 4], c=1.7, cov_func=cov, boundary=boundary).prior_linearized(points)
        found.append((phi.eval(), deviations.eval()))
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-6)
    arguments = ([0.0, 7.0], [0.5, 3.0], "matern32")
    mine, theirs = (p.gp.hsgp_approx.approx_hsgp_hyperparams(*arguments) for p in (bridge, fast_pymc))
    assert mine == pytest.approx(theirs, rel=1e-12)
