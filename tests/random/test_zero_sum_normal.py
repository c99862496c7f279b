"""Normal arrays that sum to zero along axes, and their transform."""

import jax
import numpy as np
import pytest
import scipy.stats as st

import symjax
import symjax.pmc_bridge as pm
import symjax.random as R
import symjax.tensor as T
from symjax import ParameterError, ShapeError
from symjax.random import transforms as tr

DRAWS = 20_000


def centring(*lengths):
    """Covariance of an array of iid Normal variables without its means along every axis."""
    out = np.eye(1)
    for n in lengths:
        out = np.kron(out, np.eye(n) - 1 / n)
    return out


@pytest.mark.parametrize("lengths", [(4,), (3, 4), (2, 3, 2)])
def test_density_is_that_on_the_subspace(lengths, rng):
    x = R.ZeroSumNormal(1.7, n_zerosum_axes=len(lengths), shape=lengths, name="x")
    value = (centring(*lengths) @ rng.normal(size=np.prod(lengths))).reshape(lengths)
    law = st.multivariate_normal(np.zeros(value.size), 1.7**2 * centring(*lengths), allow_singular=True)
    np.testing.assert_allclose(R.logp(x, value).eval(), law.logpdf(value.ravel()), rtol=1e-11)
    assert R.logp(x, value + 1e-3).eval() == -np.inf


@pytest.mark.parametrize("lengths", [(4,), (3, 4)])
def test_draws_have_the_covariance(lengths):
    x = R.ZeroSumNormal(2.0, n_zerosum_axes=len(lengths), shape=lengths, name="x")
    draws = R.draw(x, DRAWS, random_seed=1)
    for axis in range(1, 1 + len(lengths)):
        np.testing.assert_allclose(draws.sum(axis), 0, atol=1e-12)
    flat, cov = draws.reshape(DRAWS, -1), 4 * centring(*lengths)
    errors = np.sqrt((np.outer(np.diag(cov), np.diag(cov)) + cov**2) / DRAWS)
    assert np.all(np.abs(np.cov(flat.T) - cov) < 5 * errors)
    np.testing.assert_allclose(x.distribution.variance(*x.parents).eval(), np.diag(cov).reshape(lengths), rtol=1e-12)


def test_scales_of_a_batch(rng):
    sigma = np.array([[0.5], [2.0]])
    x = R.ZeroSumNormal(sigma, shape=(3, 2, 4), name="x")
    value = rng.normal(size=(3, 2, 4))
    value -= value.mean(-1, keepdims=True)
    found = R.logp(x, value).eval()
    assert found.shape == (3, 2)
    one = [R.logp(R.ZeroSumNormal(s, shape=4), value[0, i]).eval() for i, s in enumerate(sigma[:, 0])]
    np.testing.assert_allclose(found[0], one, rtol=1e-12)
    assert R.draw(x, random_seed=1).shape == (3, 2, 4)


def test_wrong_arguments_are_named():
    with pytest.raises(ShapeError, match="'sigma' must have length 1 along the 1 zero-sum axes"):
        R.ZeroSumNormal(np.ones(3), shape=3)
    with pytest.raises(ShapeError, match="give shape=, dims= or support_shape="):
        R.ZeroSumNormal(1.0)
    with pytest.raises(ParameterError, match="'n_zerosum_axes' must be a whole number, at least 1"):
        R.ZeroSumNormal(1.0, n_zerosum_axes=0, shape=3)
    with pytest.raises(ParameterError, match="'sigma' must be positive"):
        R.ZeroSumNormal(-1.0, shape=3)


@pytest.mark.parametrize("axes", [(-1,), (-2, -1), (-2,)])
def test_transform_is_an_isometry(axes, rng):
    transform, shape = tr.ZeroSumTransform(axes), (2, 3, 4)
    free = transform.unconstrained_shape(shape)
    assert free == tuple(n - (i - 3 in axes) for i, n in enumerate(shape))
    z = T.Placeholder(free, "float64")
    inverse = symjax.to_jax(transform.inverse(z), [z])
    point = rng.normal(size=free)
    with jax.enable_x64(True):
        value = np.asarray(inverse(point))
        for axis in axes:
            np.testing.assert_allclose(value.sum(axis), 0, atol=1e-13)
        np.testing.assert_allclose(transform.forward(value).eval(), point, atol=1e-13)
        jacobian = np.asarray(jax.jacfwd(inverse)(point)).reshape(value.size, point.size)
    np.testing.assert_allclose(jacobian.T @ jacobian, np.eye(point.size), atol=1e-13)
    assert np.all(transform.log_det(point).eval() == 0)


def test_a_model_with_dims_that_change_their_length():
    with pm.Model() as model:
        groups = pm.Data("groups", np.zeros(3), dims="group")
        effect = pm.ZeroSumNormal("effect", sigma=2.0, dims="group")
        pm.Normal("y", effect + groups, 1.0, dims="group", observed=groups)
    assert model.initial_point()["effect_zerosum__"].shape == (2,)
    before = model.compile_logp()({"effect_zerosum__": np.zeros(2)})
    with model:
        pm.set_data({"groups": np.zeros(5)})
    after = model.compile_logp()({"effect_zerosum__": np.zeros(4)})
    each = -0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose([before, after], [2 * (each - np.log(2)) + 3 * each, 4 * (each - np.log(2)) + 5 * each], rtol=1e-12)


def test_posterior_is_the_conditional_normal():
    y = np.array([1.0, 2.0, -0.5, 0.3])
    with pm.Model():
        x = pm.ZeroSumNormal("x", sigma=1.5, shape=4)
        pm.Normal("y", x, 0.7, observed=y)
        tree = pm.sample(2000, tune=500, chains=2, random_seed=1, progressbar=False)
    weight = 1.5**2 / (1.5**2 + 0.7**2)
    draws = tree.posterior["x"].values.reshape(-1, 4)[::2]
    error = np.sqrt(weight * 0.7**2 * 0.75 / len(draws))
    assert np.all(np.abs(draws.mean(0) - weight * (y - y.mean())) < 6 * error)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_terms_are_pymcs():
    theirs = pytest.importorskip("pymc")
    found = []
    for library in (theirs, pm):
        with library.Model(coords={"a": range(3), "b": range(5)}) as model:
            library.ZeroSumNormal("one", sigma=np.array([[1.0], [2.0], [0.4]]), dims=("a", "b"))
            library.ZeroSumNormal("two", 1.3, n_zerosum_axes=2, dims=("a", "b"))
            library.ZeroSumNormal("three", shape=(2, 3, 4), n_zerosum_axes=2)
        point = {k: np.sin(1 + np.arange(v.size, dtype=float)).reshape(v.shape) for k, v in model.initial_point().items()}
        found.append(([np.sum(t) for t in model.compile_logp(sum=False)(point)], model.compile_dlogp()(point)))
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-9)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-9)
