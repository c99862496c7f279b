"""Normal vectors with structured covariances, their conditional laws, and large affine expressions that have them."""

import numpy as np
import pytest
import scipy.stats as st
from law_table import Gaussian, check_draws, law_firings

import symjax.random as R
import symjax.tensor as T
from symjax import ParameterError, ShapeError
from symjax.random.algebra.conditioning import condition_mv_normal
from symjax.rewrite import canonicalize

N = 20
X = np.linspace(-1, 1, N)
GROUPS = np.arange(N) % 3
W = np.array([[1.0, 0.5], [0.0, -2.0], [3.0, 1.0]])
SIGMA = np.array([0.5, 1.0, 2.0])
MU = np.array([0.3, -1.0, 2.0])
COV = W @ W.T + np.diag(SIGMA**2)


def test_low_rank_density_and_moments(rng):
    value = rng.normal(size=(4, 3))
    x = R.LowRankMvNormal(MU, W, SIGMA, size=4)
    np.testing.assert_allclose(R.logp(x, value).eval(), st.multivariate_normal(MU, COV).logpdf(value), rtol=1e-11)
    factors, scales = np.stack([W, 2 * W]), np.stack([SIGMA, SIGMA / 2])
    both = R.LowRankMvNormal(MU, factors, scales)
    covs = factors @ factors.swapaxes(1, 2) + np.stack([np.diag(s**2) for s in scales])
    expected = [st.multivariate_normal(MU, c).logpdf(v) for c, v in zip(covs, value[:2], strict=True)]
    np.testing.assert_allclose(R.logp(both, value[:2]).eval(), expected, rtol=1e-11)
    check_draws(_row(MU, COV), R.draw(R.LowRankMvNormal(MU, W, SIGMA), 2000, random_seed=1))
    law = R.LowRankMvNormal
    parameters = [T.constant(p) for p in (MU, W, SIGMA)]
    np.testing.assert_allclose(law.variance(*parameters).eval(), np.diag(COV))
    np.testing.assert_allclose(law.mean(*parameters).eval(), MU)


def test_low_rank_density_keeps_its_digits_where_the_shared_part_is_large():
    # a mean known to within 1e6 of noise 1e-2: the squares of the shared part are 1e16 times those that count
    n = 50
    value = 1e6 + 0.01 * np.sin(np.arange(n))
    found = float(R.logp(R.LowRankMvNormal(0.0, np.full((n, 1), 1e6), 0.01), value).eval())
    spread = value - value.mean()
    mean_variance = 1e-4 / n + 1e12
    expected = (
        st.norm(0, mean_variance**0.5).logpdf(value.mean())
        - 0.5 * (spread @ spread) / 1e-4
        - (n - 1) * (np.log(0.01) + 0.5 * np.log(2 * np.pi))
        - 0.5 * np.log(n)
    )
    assert found == pytest.approx(expected, rel=1e-7)


def test_low_rank_refuses_what_does_not_fit():
    with pytest.raises(ParameterError, match="'sigma' must be positive"):
        R.LowRankMvNormal(0.0, W, -1.0)
    with pytest.raises(ShapeError, match="'factor' must be a matrix"):
        R.LowRankMvNormal(0.0, np.ones(3), 1.0)
    with pytest.raises(ShapeError, match="'mu' has 2 elements, 'factor' 3 rows"):
        R.LowRankMvNormal(np.zeros(2), W, 1.0)
    sigma = T.Placeholder((3,), "float64", name="sigma")
    assert R.logp(R.LowRankMvNormal(0.0, W, sigma), np.zeros(3)).eval({sigma: -SIGMA}) == -np.inf


def _row(mean, cov):
    class Row:
        reference = Gaussian(mean, cov)

    return Row


def _regression():
    return R.Normal(R.Normal(1.0, 2.0) + R.Normal(0.0, 3.0) * X, 0.5)


def _hierarchy():
    effects = R.Normal(R.Normal(1.0, 2.0), 0.7, shape=(3,))
    return effects[GROUPS] + R.Normal(0.0, np.linspace(0.5, 1, N))


def _batches():
    return R.Normal(R.Normal(0.0, 0.7, shape=(2, 1)), 1.0, shape=(2, N))


def _correlated_effects():
    effects = R.MvNormal(MU, COV)
    return T.dot(np.c_[X**0, X, X**2], effects) + R.Normal(0.0, 1.0, shape=(N,))


def _low_rank_and_more():
    return 2 * R.LowRankMvNormal(X, np.c_[X, X**2], 0.5) + R.Normal(0.0, 3.0)


SAME = (GROUPS[:, None] == GROUPS) * 1.0
DESIGN = np.c_[X**0, X, X**2]
STRUCTURED = {
    "regression": (_regression, np.ones(N), 4 + 9 * np.outer(X, X) + 0.25 * np.eye(N)),
    "hierarchy": (_hierarchy, np.ones(N), 4 + 0.49 * SAME + np.diag(np.linspace(0.5, 1, N) ** 2)),
    "correlated effects": (_correlated_effects, DESIGN @ MU, DESIGN @ COV @ DESIGN.T + np.eye(N)),
    "more": (_low_rank_and_more, 2 * X, 4 * (np.outer(X, X) + np.outer(X**2, X**2) + 0.25 * np.eye(N)) + 9),
}


@pytest.mark.parametrize("name", STRUCTURED)
def test_low_rank_structure_is_kept(name, rng):
    build, mean, cov = STRUCTURED[name]
    assert canonicalize(build()).distribution is R.LowRankMvNormal
    value = rng.normal(size=N)
    np.testing.assert_allclose(R.logp(build(), value).eval(), st.multivariate_normal(mean, cov).logpdf(value), rtol=1e-10)


def test_low_rank_in_batches(rng):
    value = rng.normal(size=(2, N))
    x = canonicalize(_batches())
    assert x.distribution is R.LowRankMvNormal and x.batch_shape == (2,)
    expected = st.multivariate_normal(np.zeros(N), 0.49 + np.eye(N)).logpdf(value)
    np.testing.assert_allclose(R.logp(_batches(), value).eval(), expected, rtol=1e-11)


def test_part_of_a_low_rank_vector():
    found = R.logp(R.LowRankMvNormal(X, np.c_[X, X**2], 0.5)[[0, 4]], [0.1, 0.2]).eval()
    x = X[[0, 4]]
    cov = np.outer(x, x) + np.outer(x**2, x**2) + 0.25 * np.eye(2)
    assert found == pytest.approx(st.multivariate_normal(x, cov).logpdf([0.1, 0.2]), rel=1e-11)


def test_many_rows_cost_no_covariance_matrix():
    n = 50_000
    x = np.sin(np.arange(n))
    y = canonicalize(R.Normal(R.Normal(0.0, 1.0) + R.Normal(0.0, 1.0) * x, 0.5))
    assert y.distribution is R.LowRankMvNormal and [p.shape for p in y.parents] == [(n,), (n, 2), (n,)]


def test_large_sums_are_left_alone_where_only_a_large_matrix_would_do():
    x = T.cumsum(R.Normal(0.0, 1.0, shape=(2000,))) + R.Normal(0.0, 1.0, shape=(2000,))
    assert law_firings(x)[1] == []


# Matrices ----------------------------------------------------------------------------------------------------------------

ROWS, COLUMNS = COV / 2, np.array([[1.0, 0.3], [0.3, 2.0]])


def test_matrix_normal_density_and_moments(rng):
    value = rng.normal(size=(4, 3, 2))
    mean = np.arange(6.0).reshape(3, 2)
    expected = st.matrix_normal(mean, ROWS, COLUMNS).logpdf(value)
    by_factors = {"rowchol": np.linalg.cholesky(ROWS), "colchol": np.linalg.cholesky(COLUMNS)}
    for given in ({"rowcov": ROWS, "colcov": COLUMNS}, by_factors):
        np.testing.assert_allclose(R.logp(R.MatrixNormal(mean, **given, size=4), value).eval(), expected, rtol=1e-11)
    check_draws(_row(mean, np.kron(ROWS, COLUMNS)), R.draw(R.MatrixNormal(mean, ROWS, colcov=COLUMNS), 2000, random_seed=1))
    x = R.MatrixNormal(mean, rowcov=ROWS, colcov=np.stack([COLUMNS, 2 * COLUMNS]))
    both = [st.matrix_normal(mean, ROWS, k * COLUMNS).logpdf(v) for k, v in zip((1, 2), value[:2], strict=True)]
    np.testing.assert_allclose(R.logp(x, value[:2]).eval(), both, rtol=1e-11)
    np.testing.assert_allclose(R.MatrixNormal.variance(*x.parents).eval()[1], 2 * np.outer(np.diag(ROWS), np.diag(COLUMNS)))


def test_matrix_normal_refuses_what_does_not_fit():
    with pytest.raises(ShapeError, match=r"'mu' has shape \(2, 2\), the covariances are those of \(3, 2\)"):
        R.MatrixNormal(np.zeros((2, 2)), ROWS, colcov=COLUMNS)
    with pytest.raises(ParameterError, match="positive definite"):
        R.MatrixNormal(0.0, -ROWS, colcov=COLUMNS)


def test_maps_of_a_normal_matrix_keep_its_factors(rng):
    value = rng.normal(size=(2, 3))
    x = R.MatrixNormal(0.0, ROWS, colcov=COLUMNS)
    expected = st.matrix_normal(np.ones((2, 3)), 4 * COLUMNS, ROWS).logpdf(value)
    assert R.logp(2 * x.T + 1, value).eval() == pytest.approx(expected, rel=1e-11)


# Conditional laws --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [[0], [2, 0], np.array([-1])])
def test_conditional_of_mv_normal(index, rng):
    others = np.setdiff1d(np.arange(3), np.arange(3)[index])
    value = rng.normal(size=3)
    mean, chol = condition_mv_normal(MU, COV, index, value[index])
    joint = st.multivariate_normal(MU, COV).logpdf(value)
    known = st.multivariate_normal(MU[index], COV[index][:, index]).logpdf(value[index])
    found = R.logp(R.MvNormal(mean, chol=chol), value[others]).eval()
    assert found == pytest.approx(joint - known, rel=1e-11)


def test_conditionals_of_a_batch(rng):
    values = rng.normal(size=(4, 2))
    mean, chol = condition_mv_normal(MU, COV, [0, 1], values)
    assert mean.shape == (4, 1) and chol.shape == (1, 1)
    each = [condition_mv_normal(MU, COV, [0, 1], v)[0].eval() for v in values]
    np.testing.assert_allclose(mean.eval(), each, rtol=1e-12)


@pytest.mark.parametrize("index", [[], [0, 0], [0, 1, 2], [0, -3]])
def test_conditional_on_no_part(index):
    with pytest.raises(ShapeError, match="'observed_index' must name some of 3 elements, each once"):
        condition_mv_normal(MU, COV, index, np.zeros(len(index)))


def test_conditional_of_what_is_no_covariance():
    with pytest.raises(ShapeError, match="are not those of n elements"):
        condition_mv_normal(MU, COV[:2], [0], [1.0])
    with pytest.raises(ShapeError, match="'values' must have 1 elements"):
        condition_mv_normal(MU, COV, [0], [1.0, 2.0])
    assert np.isnan(condition_mv_normal(MU, -COV, [0], [1.0])[0].eval()).all()


@pytest.mark.parametrize("method", ["eigh", "svd"])
def test_a_covariance_that_is_singular_to_rounding_is_drawn(method):
    points = np.linspace(0, 1, 30)
    cov = np.exp(-0.5 * ((points[:, None] - points) / 0.5) ** 2)
    with pytest.raises(ParameterError, match="positive definite"):
        R.MvNormal(np.zeros(30), cov)
    draws = R.draw(R.MvNormal(np.zeros(30), cov, method=method), 4000, random_seed=1)
    errors = np.sqrt((1 + cov**2) / 4000)
    assert np.all(np.abs(np.cov(draws.T) - cov) < 5.5 * errors)
    regular = R.MvNormal(MU, COV, method=method)
    np.testing.assert_allclose(regular.parents[1].eval(), np.linalg.cholesky(COV), rtol=1e-10)
    with pytest.raises(ParameterError, match="'method' must be"):
        R.MvNormal(MU, COV, method="lu")
