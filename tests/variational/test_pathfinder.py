"""Pathfinder and Laplace's method: normal targets are recovered, laws of iterates are those of the BFGS recursion."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from symjax import SamplingError
from symjax.sampling import FlatVariable, LogDensity
from symjax.variational import _pathfinder, laplace, pathfinder, smoothed_weights

MEAN = np.array([1.0, -2.0, 0.5])
COV = np.array([[1.0, 0.6, 0.0], [0.6, 0.5, 0.1], [0.0, 0.1, 2.0]])
TARGET = LogDensity(
    lambda x, discrete, data: -0.5 * (x - data[0]) @ jnp.asarray(data[1]) @ (x - data[0]), (MEAN, np.linalg.inv(COV)), 3
)
N = 4000


def _close_to_the_target(draws, n):
    """Moments within 5 standard errors of `n` independent draws."""
    std = np.sqrt(np.diag(COV))
    assert np.all(np.abs(draws.mean(0) - MEAN) < 5 * std / np.sqrt(n))
    assert np.all(np.abs(np.cov(draws, rowvar=False) - COV) < 5 * np.sqrt(2.0 / n) * np.outer(std, std))


def test_weighed_draws_are_those_of_a_normal_target(rng):
    found = pathfinder(TARGET, rng.normal(size=(4, 3)), draws=N, draws_per_path=N, random_seed=1)
    assert found.positions.shape == (N, 3) and found.elbos.shape == (4,) and found.pareto_k < 0.7
    # resampling with weights costs some of the draws: a quarter of them is what counts
    _close_to_the_target(found.positions, N / 4)


def test_draws_without_weights_come_from_all_paths(rng):
    found = pathfinder(TARGET, rng.normal(size=(2, 3)), draws=100, draws_per_path=60, resample=False, random_seed=1)
    assert len(np.unique(found.positions, axis=0)) == 100 and np.isnan(found.pareto_k)


def test_results_depend_on_the_seed(rng):
    starts = rng.normal(size=(2, 3))
    first, again, other = (pathfinder(TARGET, starts, draws=50, random_seed=s).positions for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_law_of_an_iterate_is_that_of_the_bfgs_recursion(rng):
    diagonal = np.array([0.5, 1.0, 2.0, 0.7])
    hessian = np.diag([1.0, 2.0, 3.0, 4.0]) + 0.5
    steps = rng.normal(size=(2, 4))
    changes = steps @ hessian
    cov = np.diag(diagonal)
    for s, y in zip(steps, changes, strict=True):
        rho = 1 / (s @ y)
        left = np.eye(4) - rho * np.outer(s, y)
        cov = left @ cov @ left.T + rho * np.outer(s, s)
    position, gradient = rng.normal(size=(2, 4))
    absent = np.zeros((3, 4))
    with jax.enable_x64(True):
        local = _pathfinder.Local(position, gradient, diagonal, np.concatenate([steps, absent]), np.concatenate([changes, absent]))
        normal = _pathfinder._normal(local)
        z, log_q = _pathfinder._draw(normal, jax.random.key(0), N)
    np.testing.assert_allclose(normal.mean, position + cov @ gradient, rtol=1e-10)
    np.testing.assert_allclose(log_q, stats.multivariate_normal(np.asarray(normal.mean), cov).logpdf(z), rtol=1e-8)
    std = np.sqrt(np.diag(cov))
    assert np.all(np.abs(np.cov(z, rowvar=False) - cov) < 5 * np.sqrt(2.0 / N) * np.outer(std, std))


def test_the_next_diagonal_is_exact_in_one_dimension():
    np.testing.assert_allclose(_pathfinder._next_diagonal(np.array([3.0]), np.array([0.5]), np.array([2.0])), [0.25])


def test_smoothed_weights(rng):
    weights, k = smoothed_weights(np.concatenate([rng.normal(size=1000), [-np.inf]]))
    assert weights.sum() == pytest.approx(1.0) and weights[-1] == 0.0 and k < 0.7
    log_weights = rng.normal(size=1000)
    smooth, _ = smoothed_weights(log_weights)
    assert stats.spearmanr(log_weights, smooth).statistic > 0.999


def test_a_density_that_no_draw_reaches():
    nowhere = LogDensity(lambda x, discrete, data: jnp.where(x[0] == 0.0, 0.0, -jnp.inf) + 0.0 * x.sum(), (), 2)
    with pytest.raises(SamplingError, match="no path"):
        pathfinder(nowhere, np.zeros((2, 2)))


def test_laplace_is_exact_for_a_normal_target():
    mean, cov = laplace(TARGET, MEAN + 0.01)
    np.testing.assert_allclose(mean, MEAN, atol=1e-10)
    np.testing.assert_allclose(cov, COV, atol=1e-10)


def test_laplace_has_the_curvature_at_the_mode():
    """A gamma law of shape 4 on the log scale: mode log(4), curvature -4."""
    mean, cov = laplace(LogDensity(lambda x, discrete, data: jnp.sum(4 * x - jnp.exp(x)), (), 1), np.array([1.3]))
    assert mean[0] == pytest.approx(np.log(4), abs=0.01) and cov[0, 0] == pytest.approx(0.25, rel=0.02)


def test_laplace_needs_a_strict_maximum():
    flat = LogDensity(lambda x, discrete, data: -(x[0] ** 2), (), 2, (FlatVariable("a", 0, 1), FlatVariable("b", 1, 2)))
    with pytest.raises(SamplingError, match="curvature along 'b' is"):
        laplace(flat, np.zeros(2))
    with pytest.raises(SamplingError, match="not finite"):
        laplace(LogDensity(lambda x, discrete, data: -jnp.sqrt(x[0]), (), 1), np.zeros(1))
