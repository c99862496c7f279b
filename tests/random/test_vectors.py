"""Laws whose values or parameters are vectors: MvNormal, Dirichlet, Multinomial, Categorical, random walks, mixtures."""

import numpy as np
import pytest
import scipy.stats as st

import symjax.random as R
import symjax.tensor as T
from symjax import ParameterError, ShapeError
from symjax.core._function import evaluate

N = 4_000
COV = np.array([[2.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 0.5]])
MU = np.array([1.0, -2.0, 0.5])


def logp(variable, value):
    return evaluate(R.logp(variable, value))


def moments_agree(draws, mean, variance):
    """Means and variances within 4.5 standard errors, jointly over all elements."""
    flat = draws.reshape(len(draws), -1).astype(float)
    mean, variance = np.ravel(np.broadcast_to(mean, draws.shape[1:])), np.ravel(np.broadcast_to(variance, draws.shape[1:]))
    assert np.all(np.abs(flat.mean(0) - mean) < 4.5 * np.sqrt(variance / len(flat)) + 1e-12)
    square = (flat - mean) ** 2
    assert np.all(np.abs(square.mean(0) - variance) < 4.5 * square.std(0) / np.sqrt(len(flat)) + 1e-12)


@pytest.mark.parametrize(
    "given",
    [
        {"cov": COV},
        {"tau": np.linalg.inv(COV)},
        {"chol": np.linalg.cholesky(COV)},
        {"chol": np.linalg.cholesky(COV).T, "lower": False},
    ],
    ids=["cov", "tau", "chol", "upper"],
)
def test_mv_normal_in_all_parametrisations(given, rng):
    value = rng.normal(size=(5, 3))
    expected = st.multivariate_normal(MU, COV).logpdf(value)
    np.testing.assert_allclose(logp(R.MvNormal(MU, **given, size=5), value), expected, rtol=1e-10)
    draws = R.draw(R.MvNormal(MU, **given), draws=N, random_seed=1)
    moments_agree(draws, MU, np.diag(COV))
    error = np.cov(draws.T) - COV
    scale = np.sqrt((np.outer(np.diag(COV), np.diag(COV)) + COV**2) / N)
    assert np.all(np.abs(error) < 4.5 * scale)


def test_mv_normal_with_batches_of_covariances(rng):
    covs = np.stack([COV, 2 * COV])
    value = rng.normal(size=(2, 3))
    expected = [st.multivariate_normal(MU, c).logpdf(v) for c, v in zip(covs, value, strict=True)]
    np.testing.assert_allclose(logp(R.MvNormal(MU, covs), value), expected, rtol=1e-10)


def test_mv_normal_refuses_what_is_no_covariance():
    with pytest.raises(ParameterError, match="'cov' must be symmetric and positive definite"):
        R.MvNormal(MU, -COV)
    with pytest.raises(ShapeError):
        R.MvNormal(np.zeros(2), COV)
    with pytest.raises(ShapeError, match=r"MvNormal\('x'\): 'cov' must be a square matrix, got shape \(3,\)"):
        R.MvNormal(MU, np.ones(3), name="x")


def test_mv_normal_of_a_precision_that_is_nearly_singular():
    # the inverse of this precision has lost half its digits; the density only needs its factors
    tau = np.array([[1e8, 1e8 - 1], [1e8 - 1, 1e8]])
    value = np.array([[1.0, -1.0], [1.0, 1.0]])
    log_det = np.log(2e8 - 1)
    expected = 0.5 * log_det - np.log(2 * np.pi) - np.array([1.0, 2e8 - 1])
    np.testing.assert_allclose(logp(R.MvNormal(np.zeros(2), tau=tau, size=2), value), expected, rtol=1e-8)


def test_mv_normal_of_a_matrix_that_turns_out_not_to_be_a_covariance():
    import symjax.tensor as T

    matrix = T.Placeholder((2, 2), "float64")
    for given in ("cov", "tau", "chol"):
        density = R.logp(R.MvNormal(np.zeros(2), **{given: matrix}), np.ones(2))
        assert not np.isfinite(density.eval({matrix: -np.eye(2)}))
        assert np.isfinite(density.eval({matrix: np.eye(2)}))


@pytest.mark.parametrize("a", [np.array([0.3, 2.0, 5.0]), np.array([[1.0, 1.0], [0.01, 0.02]])])
def test_dirichlet(a, rng):
    value = rng.dirichlet(np.ones(a.shape[-1]), size=a.shape[:-1])
    rows = np.reshape(value, (-1, a.shape[-1])), np.reshape(a, (-1, a.shape[-1]))
    expected = np.reshape([st.dirichlet(b).logpdf(v) for v, b in zip(*rows, strict=True)], a.shape[:-1])
    np.testing.assert_allclose(logp(R.Dirichlet(a), value), expected, rtol=1e-10)
    draws = R.draw(R.Dirichlet(a), draws=N, random_seed=2)
    np.testing.assert_allclose(draws.sum(-1), 1.0)
    total = a.sum(-1, keepdims=True)
    moments_agree(draws, a / total, a / total * (1 - a / total) / (total + 1))
    assert np.all(logp(R.Dirichlet(a), np.full(a.shape, 0.7)) == -np.inf)


def test_multinomial(rng):
    p = np.array([0.2, 0.5, 0.3])
    value = rng.multinomial(9, p, size=4)
    np.testing.assert_allclose(logp(R.Multinomial(9, p, size=4), value), st.multinomial(9, p).logpmf(value), rtol=1e-10)
    assert logp(R.Multinomial(9, p), np.array([9, 1, 0])) == -np.inf
    assert logp(R.Multinomial(9, p), np.array([10, -1, 0])) == -np.inf
    assert logp(R.Multinomial(9, p), np.array([4.5, 4.5, 0.0])) == -np.inf
    draws = R.draw(R.Multinomial(9, p), draws=N, random_seed=3)
    assert np.all(draws.sum(-1) == 9) and draws.dtype == np.int64
    moments_agree(draws, 9 * p, 9 * p * (1 - p))
    assert evaluate(R.Multinomial.support_point(*R.Multinomial(9, p).parents)).sum() == 9


@pytest.mark.parametrize("p", [np.array([0.2, 0.5, 0.3]), np.array([[0.1, 0.9], [0.6, 0.4]]), np.array([0.0, 1.0])])
def test_categorical_draws_follow_their_probabilities(p):
    draws = R.draw(R.Categorical(p), draws=N, random_seed=4)
    assert draws.shape == (N, *p.shape[:-1])
    found = (draws[..., None] == np.arange(p.shape[-1])).mean(0)
    assert np.all(np.abs(found - p) <= 4.5 * np.sqrt(p * (1 - p) / N))
    total = np.exp([logp(R.Categorical(p), np.full(p.shape[:-1], k)) for k in range(p.shape[-1])]).sum(0)
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)


def test_random_walk_is_its_steps(rng):
    walk = R.GaussianRandomWalk(0.3, 2.0, init_dist=R.StudentT(3.0, mu=1.0, sigma=0.5), shape=(2, 6))
    value = rng.normal(size=(2, 6)).cumsum(-1)
    expected = st.t(3.0, 1.0, 0.5).logpdf(value[:, 0]) + st.norm(0.3, 2.0).logpdf(np.diff(value)).sum(-1)
    np.testing.assert_allclose(logp(walk, value), expected, rtol=1e-10)
    normal = R.GaussianRandomWalk(0.3, np.array([1.0, 2.0, 3.0]), init_dist=R.Normal(1.0, 0.5), shape=4)
    draws = R.draw(normal, draws=N, random_seed=5)
    moments_agree(draws, 1 + 0.3 * np.arange(4), 0.25 + np.array([0.0, 1.0, 5.0, 14.0]))
    with pytest.raises(ShapeError, match="give steps= or shape="):
        R.GaussianRandomWalk(0.0, 1.0)
    with pytest.raises(ShapeError, match=r"number of steps is \[3, 4\]"):
        R.GaussianRandomWalk(0.0, 1.0, steps=3, shape=5)
    with pytest.raises(ShapeError, match="'sigma' of shape"):
        R.GaussianRandomWalk(0.0, np.ones((3, 2, 2)), shape=(2, 4))


@pytest.mark.parametrize(
    "sigma, given",
    [
        ([1.0, 2.0], {"steps": 3}),
        ([1.0, 2.0], {"shape": (2, 4)}),
        ([[1.0, 2.0], [3.0, 0.5], [0.7, 1.0]], {"shape": (2, 4)}),
        ([[1.0], [3.0], [0.7]], {"size": 2, "steps": 3}),
        ([1.0, 3.0, 0.7], {"shape": 4}),
    ],
    ids=["walks", "walks and shape", "steps and walks", "steps", "steps of one walk"],
)
def test_random_walk_parameters_are_of_walks_or_of_steps_first(sigma, given, rng):
    walk = R.GaussianRandomWalk(0.3, sigma, init_dist=R.Normal(1.0, 0.5), **given)
    value = rng.normal(size=walk.shape)
    scales = np.broadcast_to(sigma, (3, *walk.batch_shape))
    expected = st.norm(1.0, 0.5).logpdf(value[..., 0]) + st.norm(0.3, np.moveaxis(scales, 0, -1)).logpdf(np.diff(value)).sum(-1)
    np.testing.assert_allclose(logp(walk, value), expected, rtol=1e-10)
    variance = 0.25 + np.concatenate([np.zeros((1, *walk.batch_shape)), np.cumsum(scales**2, 0)])
    moments_agree(R.draw(walk, draws=N, random_seed=9), 1 + 0.3 * np.arange(4), np.moveaxis(variance, 0, -1))


WEIGHTS = np.array([0.2, 0.5, 0.3])
MEANS, SCALES = np.array([-2.0, 0.0, 3.0]), np.array([0.5, 1.0, 2.0])


def test_normal_mixture_and_mixture_of_the_same_agree(rng):
    x = rng.normal(size=7)
    parts = st.norm(MEANS, SCALES).pdf(x[:, None])
    expected = np.log((WEIGHTS * parts).sum(-1))
    listed = [R.Normal(m, s) for m, s in zip(MEANS, SCALES, strict=True)]
    for mixture in (
        R.NormalMixture(WEIGHTS, MEANS, SCALES, shape=7),
        R.Mixture(WEIGHTS, R.Normal(MEANS, SCALES), shape=7),
        R.Mixture(WEIGHTS, listed, shape=7),
    ):
        np.testing.assert_allclose(logp(mixture, x), expected, rtol=1e-10)
        cdf = (WEIGHTS * st.norm(MEANS, SCALES).cdf(x[:, None])).sum(-1)
        np.testing.assert_allclose(np.exp(evaluate(R.logcdf(mixture, x))), cdf, rtol=1e-8)
        draws = R.draw(mixture, draws=N, random_seed=6)
        mean = (WEIGHTS * MEANS).sum()
        moments_agree(draws, mean, (WEIGHTS * (SCALES**2 + (MEANS - mean) ** 2)).sum())


def test_mixture_of_different_laws_outside_a_components_support():
    mixture = R.Mixture([0.4, 0.6], [R.Exponential(1.0), R.Normal(0.0, 1.0)])
    assert logp(mixture, -1.0) == pytest.approx(np.log(0.6) + st.norm.logpdf(-1.0), rel=1e-10)
    assert logp(mixture, 1.0) == pytest.approx(np.log(0.4 * np.exp(-1.0) + 0.6 * st.norm.pdf(1.0)), rel=1e-10)
    import symjax
    import symjax.tensor as T

    x = T.Placeholder((), "float64", name="x")
    slope = symjax.gradients(R.logp(mixture, x), x).eval({x: -1.0})
    assert slope == pytest.approx(1.0, rel=1e-10)


def test_mixture_of_counts_and_of_vectors():
    counts = R.Mixture([0.3, 0.7], [R.Poisson(1.0), R.Poisson(6.0)])
    assert logp(counts, 2) == pytest.approx(np.log(0.3 * st.poisson(1).pmf(2) + 0.7 * st.poisson(6).pmf(2)), rel=1e-10)
    assert R.draw(counts, draws=3, random_seed=1).dtype == np.int64
    vectors = R.Mixture([0.3, 0.7], [R.MvNormal(MU, COV), R.MvNormal(-MU, COV)])
    value = np.array([0.3, 0.1, -0.2])
    expected = np.log(0.3 * st.multivariate_normal(MU, COV).pdf(value) + 0.7 * st.multivariate_normal(-MU, COV).pdf(value))
    assert logp(vectors, value) == pytest.approx(expected, rel=1e-10)
    moments_agree(R.draw(vectors, draws=N, random_seed=7), -0.4 * MU, np.diag(COV) + 0.84 * MU**2)


def test_mixture_of_vectors_of_counts():
    mixture = R.Mixture([0.2, 0.8], [R.Multinomial(3, [0.2, 0.8]), R.Multinomial(3, [0.5, 0.5])], shape=(3, 2))
    value = np.array([[1.0, 2.0], [1.0, 3.0], [1.5, 1.5]])
    expected = np.log(0.2 * st.binom(3, 0.2).pmf(1) + 0.8 * st.binom(3, 0.5).pmf(1))
    np.testing.assert_allclose(logp(mixture, value), [expected, -np.inf, -np.inf], rtol=1e-10)


@pytest.mark.parametrize("query, at", [(R.logp, -1.0), (R.logcdf, -1.0), (R.logccdf, -1.0), (R.logcdf, 0.0)])
def test_mixture_has_derivatives_where_a_component_has_none(query, at):
    import symjax
    import symjax.tensor as T

    x = T.Placeholder((), "float64", name="x")
    mu, weight = T.Placeholder((), "float64"), 0.6
    mixture = R.Mixture([1 - weight, weight], [R.LogNormal(mu, 1.0), R.Normal(0.0, 1.0)])
    value, *slopes = symjax.function(x, mu, outputs=[query(mixture, x), *symjax.gradients(query(mixture, x), [x, mu])])(at, 0.3)
    normal = st.norm
    expected = {
        R.logp: (np.log(weight * normal.pdf(at)), -at),
        R.logcdf: (np.log(weight * normal.cdf(at)), normal.pdf(at) / normal.cdf(at)),
        R.logccdf: (
            np.log(1 - weight + weight * normal.sf(at)),
            -weight * normal.pdf(at) / (1 - weight + weight * normal.sf(at)),
        ),
    }[query]
    np.testing.assert_allclose([value, *slopes], [*expected, 0.0], rtol=1e-10)


def test_mixture_errors():
    with pytest.raises(ParameterError, match="'w' must be probabilities"):
        R.Mixture([0.3, 0.3], [R.Normal(0.0, 1.0), R.Normal(1.0, 1.0)])
    with pytest.raises(ShapeError, match="must have 2 weights"):
        R.Mixture([0.3, 0.3, 0.4], [R.Normal(0.0, 1.0), R.Normal(1.0, 1.0)])
    with pytest.raises(ParameterError, match="all be discrete or all continuous"):
        R.Mixture([0.5, 0.5], [R.Normal(0.0, 1.0), R.Poisson(1.0)])


def test_a_factor_that_is_not_triangular_is_no_factor():
    """On numbers it is refused when made; on symbols the density is −inf and a draw is an error: they never disagree."""
    factor = T.Variable(np.linalg.cholesky(COV), register=False)
    variable = R.MvNormal(MU, chol=factor, name="x")
    value = np.array([0.3, 0.1, -0.2])
    assert logp(variable, value) == pytest.approx(st.multivariate_normal(MU, COV).logpdf(value), rel=1e-10)
    for wrong in (np.linalg.cholesky(COV).T, -np.eye(3)):
        factor.update(wrong)
        assert logp(variable, value) == -np.inf
        with pytest.raises(ParameterError, match="'x': 'chol' must be lower triangular with a positive diagonal"):
            R.draw(variable, random_seed=1)
