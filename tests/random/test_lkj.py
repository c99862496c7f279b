"""LKJ laws of correlation matrices and covariances, as Cholesky factors, and their transforms."""

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
from symjax.random import transforms as tr

DRAWS = 20_000


def correlations(factors):
    return factors @ np.swapaxes(factors, -1, -2)


@pytest.mark.parametrize("eta", [0.6, 1.0, 2.5])
@pytest.mark.parametrize("n", [2, 3, 5])
def test_correlations_of_draws_have_their_beta_law(n, eta):
    draws = R.draw(R.LKJCorr(n, eta, name="x"), DRAWS, random_seed=3)
    assert draws.shape == (DRAWS, n, n) and np.all(np.triu(draws, 1) == 0)
    np.testing.assert_allclose((draws**2).sum(-1), 1, rtol=1e-12)
    found = correlations(draws)
    shape = eta - 1 + n / 2
    for i, j in zip(*np.tril_indices(n, -1), strict=True):
        assert st.kstest((found[:, i, j] + 1) / 2, st.beta(shape, shape).cdf).pvalue > 1e-6


def test_density_of_three_rows_integrates_to_one():
    x = R.LKJCorr(3, 1.7, name="x")
    value = T.Placeholder((3, 3), "float64")
    density = symjax.to_jax(T.exp(R.logp(x, value)), [value])

    def at(c, b, a):
        # free elements: a of the second row, (b, c) of the third
        rows = [[1, 0, 0], [a, np.sqrt(1 - a**2), 0], [b, c, np.sqrt(1 - b**2 - c**2)]]
        return float(density(np.array(rows)))

    def edge(b):
        return np.sqrt(1 - b**2)

    with jax.enable_x64(True):
        bounds = (-1, 1, -1, 1, lambda a, b: -edge(b), lambda a, b: edge(b))
        total, _ = scipy.integrate.tplquad(at, *bounds, epsrel=1e-3, epsabs=1e-3)
    assert total == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize(
    "law", [R.Exponential(1.3), R.HalfNormal(np.array([1.0, 2.0, 0.5])), R.Dirichlet(np.array([2.0, 3.0, 4.0]))]
)
def test_deviations_and_correlations_of_a_covariance_are_independent_with_their_laws(law):
    packed = R.draw(R.LKJCholeskyCov(2.0, 3, law, name="x"), DRAWS, random_seed=1)
    factors = T.expand_packed_triangular(3, packed).eval()
    deviations = np.linalg.norm(factors, axis=-1)
    rows = correlations(factors / deviations[..., None])
    expected = R.draw(law, DRAWS, random_seed=2)
    shape = 2 - 1 + 1.5
    for i in range(3):
        other = expected[:, i] if expected.ndim == 2 else expected
        assert st.ks_2samp(deviations[:, i], other).pvalue > 1e-6
        assert st.kstest((rows[:, i, i - 1] + 1) / 2, st.beta(shape, shape).cdf).pvalue > 1e-6
        assert st.spearmanr(deviations[:, i], rows[:, i, i - 1] ** 2).pvalue > 1e-6


@pytest.mark.parametrize("law", [R.LKJCorr(4, 1.4), R.LKJCholeskyCov(1.4, 4, R.Gamma(3.0, 2.0))])
def test_moments(law):
    draws = R.draw(law, DRAWS, random_seed=5)
    mean = np.broadcast_to(law.distribution.mean(*law.parents).eval(), draws.shape[1:])
    variance = np.broadcast_to(law.distribution.variance(*law.parents).eval(), draws.shape[1:])
    np.testing.assert_allclose(variance, draws.var(0), rtol=0.15, atol=1e-12)
    assert np.all(np.abs(draws.mean(0) - mean) <= 5 * np.sqrt(variance / DRAWS) + 1e-12)


def test_batches_and_types(rng):
    eta = np.array([1.0, 2.0])
    x = R.LKJCholeskyCov(eta, 3, R.Exponential(np.ones((2, 3))), name="x")
    assert x.shape == (2, 6) and R.draw(x, random_seed=1).shape == (2, 6)
    value = R.draw(x, random_seed=1)
    alone = [float(R.logp(R.LKJCholeskyCov(e, 3, R.Exponential(1.0)), v).eval()) for e, v in zip(eta, value, strict=True)]
    np.testing.assert_allclose(R.logp(x, value).eval(), alone, rtol=1e-12)
    assert R.draw(R.LKJCorr(3, 1.0, size=(4, 2), dtype="float32"), random_seed=1).dtype == np.float32


def test_what_is_no_factor_has_no_density():
    corr = R.LKJCorr(2, 1.0, name="x")
    for wrong in ([[1, 0.1], [0, 1]], [[1, 0], [0.5, 0.5]], [[1, 0], [0, -1]]):
        assert R.logp(corr, np.array(wrong, float)).eval() == -np.inf
    packed = R.LKJCholeskyCov(1.0, 2, R.Exponential(1.0), name="y")
    assert R.logp(packed, [1.0, 0.5, -1.0]).eval() == -np.inf
    assert np.isfinite(R.logp(packed, [1.0, -0.5, 1.0]).eval())


def test_wrong_parameters_are_named():
    with pytest.raises(ParameterError, match="'n' must be a known whole number, at least 2, got 1"):
        R.LKJCorr(1, 1.0)
    with pytest.raises(ParameterError, match="'eta' must be positive"):
        R.LKJCorr(2, -1.0)
    with pytest.raises(ParameterError, match="'sd_dist' must be a law of positive numbers, got Normal"):
        R.LKJCholeskyCov(1.0, 2, R.Normal(0.0, 1.0))
    with pytest.raises(ShapeError, match="must be scalar or have n = 3 elements"):
        R.LKJCholeskyCov(1.0, 3, R.Exponential(np.ones(2)))
    with pytest.raises(ParameterError, match="'sd_dist' must be an unnamed"):
        R.LKJCholeskyCov(1.0, 3, 2.0)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_transform_of_correlations(n, rng):
    transform = tr.CholeskyCorrTransform(n)
    (size,) = transform.unconstrained_shape((n, n))
    z = T.Placeholder((size,), "float64")
    inverse, log_det = symjax.to_jax(transform.inverse(z), [z]), symjax.to_jax(transform.log_det(z), [z])
    point = rng.normal(size=size)
    with jax.enable_x64(True):
        value = np.asarray(inverse(point))
        assert np.isfinite(float(R.logp(R.LKJCorr(n, 1.0), value).eval()))
        np.testing.assert_allclose(transform.forward(value).eval(), point, rtol=1e-12, atol=1e-12)
        jacobian = np.asarray(jax.jacfwd(inverse)(point))[np.tril_indices(n, -1)]
        np.testing.assert_allclose(log_det(point), np.linalg.slogdet(jacobian)[1], rtol=1e-12, atol=1e-12)


def test_a_model_gives_factor_correlations_and_deviations():
    with pm.Model() as model:
        chol, corr, stds = pm.LKJCholeskyCov("chol", eta=2.0, n=3, sd_dist=pm.Exponential.dist(1.0))
        packed = pm.LKJCholeskyCov("packed", eta=2.0, n=3, sd_dist=pm.Exponential.dist(1.0), compute_corr=False)
        pm.LKJCholeskyCov("quiet", 2.0, 3, pm.Exponential.dist(1.0), store_in_trace=False)
        drawn = pm.draw([chol, corr, stds, packed], random_seed=1)
    assert [v.name for v in model.deterministics] == ["chol_corr", "chol_stds"]
    np.testing.assert_allclose(correlations(drawn[0]), drawn[1] * np.outer(drawn[2], drawn[2]), rtol=1e-12, atol=1e-14)
    assert drawn[3].shape == (6,)
    assert [v.shape for v in pm.LKJCholeskyCov.dist(2.0, 3, pm.Exponential.dist(1.0))] == [(3, 3), (3, 3), (3,)]


def test_sampled_correlations_have_their_law():
    with pm.Model():
        pm.LKJCorr("x", n=3, eta=1.5)
        tree = pm.sample(
            1000, tune=500, chains=2, random_seed=1, progressbar=False, rewrites=None, compute_convergence_checks=False
        )
    found = correlations(tree.posterior["x"].values.reshape(-1, 3, 3))[::4, 2, 0]
    assert st.kstest((found + 1) / 2, st.beta(2.0, 2.0).cdf).pvalue > 1e-5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("n", [2, 5])
def test_terms_and_gradients_are_pymcs(n, rng):
    theirs = pytest.importorskip("pymc")
    found = []
    for library in (theirs, pm):
        with library.Model() as model:
            library.LKJCholeskyCov("c", eta=0.7, n=n, sd_dist=library.Gamma.dist(2.0, 1.3))
            library.LKJCholeskyCov("d", eta=3.0, n=n, sd_dist=library.HalfNormal.dist(np.arange(1.0, n + 1)), compute_corr=False)
            library.LKJCorr("r", n=n, eta=1.3)
        point = {k: np.sin(1 + np.arange(v.size, dtype=float)) for k, v in sorted(model.initial_point().items())}
        found.append((model.compile_logp(sum=False)(point), model.compile_dlogp()(point), sorted(point)))
    np.testing.assert_allclose([np.sum(t) for t in found[1][0]], [np.sum(t) for t in found[0][0]], rtol=1e-9)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-9)
    assert found[0][2] == found[1][2]
