"""StickBreakingWeights against the laws of its breaks, and against PyMC."""

import numpy as np
import pytest
import scipy.stats as st

import symjax
import symjax.pmc_bridge as pm
import symjax.random as R
import symjax.tensor as T
from symjax import ParameterError
from symjax.core._function import evaluate

N = 4000


def of_breaks(v):
    left = np.cumprod(1 - v, -1)
    before = np.concatenate([np.ones_like(left[..., :1]), left[..., :-1]], -1)
    return np.concatenate([v * before, left[..., -1:]], -1), np.log(before).sum(-1)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 7.0])
@pytest.mark.parametrize("k", [1, 4, 30])
def test_density_is_that_of_the_breaks(alpha, k, rng):
    v = rng.beta(1.0, alpha + 0.5, size=(5, k))
    value, log_jacobian = of_breaks(v)
    expected = st.beta(1.0, alpha).logpdf(v).sum(-1) - log_jacobian
    np.testing.assert_allclose(evaluate(R.logp(R.StickBreakingWeights(alpha, k, size=5), value)), expected, rtol=1e-9)


@pytest.mark.parametrize("alpha", [np.array(0.5), np.array([0.8, 3.0])])
def test_draws_and_moments(alpha):
    x = R.StickBreakingWeights(alpha, K=3)
    assert x.shape == (*alpha.shape, 4)
    draws = R.draw(x, N, random_seed=1)
    np.testing.assert_allclose(draws.sum(-1), 1.0, rtol=1e-12)
    v = draws[..., 0], draws[..., 1] / draws[..., 1:].sum(-1)
    for each in v:
        for column, a in zip(each.reshape(N, -1).T, alpha.ravel(), strict=True):
            assert st.kstest(column, st.beta(1.0, a).cdf).pvalue > 1e-5
    a = alpha[..., None]
    first, second = st.beta(1.0, a).moment(1), st.beta(1.0, a).moment(2)
    left_first, left_second = st.beta(a, 1.0).moment(1), st.beta(a, 1.0).moment(2)
    j = np.arange(3)
    mean = np.concatenate([first * left_first**j, left_first**3], -1)
    square = np.concatenate([second * left_second**j, left_second**3], -1)
    np.testing.assert_allclose(R.StickBreakingWeights.mean(*x.parents).eval(), mean, rtol=1e-12)
    np.testing.assert_allclose(R.StickBreakingWeights.variance(*x.parents).eval(), square - mean**2, rtol=1e-10)
    error = np.sqrt((square - mean**2) / N)
    assert np.all(np.abs(draws.mean(0) - mean) < 4.5 * error)


def test_variance_and_start_keep_where_weights_are_tiny():
    law, alpha = R.StickBreakingWeights, T.constant(np.full(500, 1e-3))
    variance, start = law.variance(alpha).eval(), law.support_point(alpha).eval()
    assert variance[0] == pytest.approx(1e-3 / (1.001**2 * 2.001), rel=1e-12) and np.all(np.isfinite(variance))
    assert np.all(start > 0) and start.sum() == pytest.approx(1.0)


def test_density_at_the_edges_and_gradients():
    alpha = T.Placeholder((), "float64")
    x = R.StickBreakingWeights(alpha, 2)
    for value in ([0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.5, 0.2, 0.2], [0.7, 0.5, -0.2]):
        found = R.logp(x, np.array(value))
        assert found.eval({alpha: 0.5}) == -np.inf
        assert np.isfinite(symjax.gradients(found, alpha).eval({alpha: 0.5}))
    found = R.logp(x, np.array([0.5, 0.0, 0.5]))
    assert np.isfinite(found.eval({alpha: 0.5})) and found.eval({alpha: -0.5}) == -np.inf
    value = T.Placeholder((3,), "float64")
    slope = symjax.gradients(R.logp(R.StickBreakingWeights(0.5, 2), value), value).eval({value: np.array([0.5, 0.3, 0.2])})
    # of the whole stick, of what the second break takes from, and of what it leaves
    np.testing.assert_allclose(slope, np.cumsum([-0.5, -1 / 0.5, -0.5 / 0.2]), rtol=1e-12)


def test_errors():
    with pytest.raises(ParameterError, match=r"StickBreakingWeights\('w'\): 'alpha' must be positive, got -1.0"):
        R.StickBreakingWeights(-1.0, 2, name="w")
    for k in (0, 1.5, np.inf, np.nan, [1, 2], T.Placeholder((), "int64")):
        with pytest.raises(ParameterError, match="'K' must be a whole number, at least 1"):
            R.StickBreakingWeights(1.0, k)


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.5, 1.0, 4.0])
def test_density_against_pymc(alpha, rng):
    theirs = pytest.importorskip("pymc")
    value = rng.dirichlet(np.ones(6))
    # PyTensor takes logs of small constants in single precision
    expected = theirs.logp(theirs.StickBreakingWeights.dist(alpha, 5), value).eval()
    assert evaluate(R.logp(R.StickBreakingWeights(alpha, 5), value)) == pytest.approx(float(expected), rel=1e-7)


def test_a_mixture_of_broken_weights_is_sampled():
    options = {"chains": 2, "random_seed": 1, "progressbar": False, "compute_convergence_checks": False}
    with pm.Model() as model:
        alpha = pm.Gamma("alpha", 2.0, 1.0)
        pm.StickBreakingWeights("v", alpha, K=3)
        w = pm.StickBreakingWeights("w", 2.0, K=3)
        pm.Multinomial("y", 40, w, observed=np.array([10, 20, 5, 5]))
        tree = pm.sample(400, tune=400, **options)
    assert np.isfinite(list(model.point_logps().values())).all()
    draws = tree.posterior["w"].values.reshape(-1, 4)
    np.testing.assert_allclose(draws.sum(-1), 1.0)
    # each break is of a Beta law, whose counts are those of the weight and of all after it
    assert abs(draws[:, 0].mean() - 11 / 43) < 5 * np.sqrt(11 * 32 / 43**2 / 44 / 200)
    prior = R.StickBreakingWeights.mean(T.constant(np.full(3, 2.0))).eval()
    np.testing.assert_allclose(model.initial_point()["w_simplex__"], (np.log(prior) - np.log(prior).mean())[:-1])
