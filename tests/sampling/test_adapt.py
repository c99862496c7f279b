"""Warm-up: windows, dual averaging, and metrics from draws and gradients."""

import jax.numpy as jnp
import numpy as np
import pytest

from symjax.sampling import LogDensity, _adapt, sample
from symjax.sampling._metric import diagonal, displacement, whitened


def dense(metric):
    """``W Wᵀ`` of a metric."""
    w = np.diag(metric.scale) @ (np.eye(len(metric.scale)) + metric.directions * (metric.stretch - 1) @ metric.directions.T)
    return w @ w.T


@pytest.mark.parametrize("tune", [0, 5, 30, 50, 200, 1000, 4000])
def test_schedule_grows_and_leaves_time_for_the_step_size(tune):
    windows = _adapt.schedule(tune, 10)
    stops = [w.stop for w in windows]
    assert stops == sorted(set(stops)) and all(0 <= w.since < w.stop for w in windows)
    if tune >= 200:
        assert len(windows) >= 5
        assert 0.05 * tune <= tune - stops[-1] <= 0.3 * tune
        assert all(w.max_depth <= 10 for w in windows) and windows[-1].max_depth == 10


def test_dual_averaging_finds_the_target():
    """On a noisy acceptance curve, the averaged step size is where the curve crosses the target."""
    rng = np.random.default_rng(0)
    state = _adapt.start(5.0)
    for _ in range(3000):
        rate = np.exp(-np.exp(float(state.log_step))) + 0.05 * rng.normal()
        state = _adapt.update(state, rate, 0.8)
    assert np.exp(-np.exp(float(state.log_average))) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("n, rank", [(5, 5), (12, 12), (40, 40)])
def test_metric_of_a_normal_is_exact(n, rank):
    """The geometric mean of covariances is exact for a Normal law, with more draws than dimensions: not only consistent."""
    rng = np.random.default_rng(n)
    root = rng.normal(size=(n, n)) * 10 ** rng.uniform(-3, 3, n)[:, None]
    covariance = root @ root.T + np.diag(np.diag(root @ root.T)) * 0.05
    draws = rng.multivariate_normal(np.zeros(n), covariance, size=4 * n + 10)
    gradients = -np.linalg.solve(covariance, draws.T).T
    metric = _adapt.estimate(draws, gradients, rank, diagonal(np.ones(n), rank))
    chol = np.linalg.cholesky(covariance)
    whitened_covariance = np.linalg.solve(chol, np.linalg.solve(chol, dense(metric)).T)
    eigenvalues = np.linalg.eigvalsh(whitened_covariance)
    # directions within the cutoff are left uncorrected
    assert eigenvalues.min() > 0.45 and eigenvalues.max() < 2.2


def test_leading_directions_of_a_long_position():
    """One direction with a long extent and one with a short one, hidden in 300 dimensions."""
    n, rng = 300, np.random.default_rng(1)
    q = np.linalg.qr(rng.normal(size=(n, 2)))[0]
    variances = np.array([400.0, 1 / 400])
    z = rng.normal(size=(150, n))
    draws = z + (z @ q) * (np.sqrt(variances) - 1) @ q.T
    gradients = -(draws + (draws @ q) * (1 / variances - 1) @ q.T)
    covariance = np.eye(n) + q @ np.diag(variances - 1) @ q.T
    metric = _adapt.estimate(draws, gradients, 16, diagonal(np.ones(n), 16))
    # with fewer draws than dimensions the directions are found roughly: a condition of 160,000 falls to some tens
    chol = np.linalg.cholesky(dense(metric))
    eigenvalues = np.linalg.eigvalsh(np.linalg.solve(chol, np.linalg.solve(chol, covariance).T))
    assert eigenvalues[-1] / eigenvalues[0] < 100


def test_metric_maps_agree():
    rng = np.random.default_rng(0)
    v = np.linalg.qr(rng.normal(size=(6, 3)))[0]
    metric = _adapt.Metric(rng.uniform(0.1, 5, 6), v, np.array([0.2, 1.0, 3.0]))
    u, g = rng.normal(size=(2, 6))
    assert float(g @ displacement(metric, jnp.asarray(u))) == pytest.approx(float(u @ whitened(metric, jnp.asarray(g))))
    w = np.stack([displacement(metric, jnp.asarray(e)) for e in np.eye(6)], axis=1)
    np.testing.assert_allclose(w @ w.T, dense(metric), rtol=1e-12)


def test_where_nothing_varies_the_metric_is_kept():
    draws, gradients = np.random.default_rng(0).normal(size=(2, 30, 3))
    draws[:, 1] = 4.0
    before = diagonal(np.array([7.0, 8.0, 9.0]), 3)
    metric = _adapt.estimate(draws, gradients, 3, before)
    assert metric.scale[1] == 8.0 and (metric.stretch == 1).all()


def regression():
    """Flat priors, raw columns: scales of coefficients from 1e-4 to 1e2 and correlations of 0.9999."""
    rng, n = np.random.default_rng(2), 200
    year, big, small, trend = rng.uniform(1990, 2020, n), rng.normal(0, 1e4, n), rng.normal(0, 1e-4, n), rng.normal(0, 1, n)
    x = np.stack([np.ones(n), year, big, small, trend, trend + 0.03 * rng.normal(size=n)], 1)
    y = x @ np.array([3.0, 0.02, 1e-4, 300.0, 1.0, -1.0]) + rng.normal(0, 0.7, n)

    def function(p, discrete, data):
        x, y = data
        return -0.5 * jnp.sum(((y - x @ p[:6]) * jnp.exp(-p[6])) ** 2) - n * p[6]

    return LogDensity(function, (x, y), 7)


@pytest.mark.parametrize("tune", [400, 1000])
def test_badly_scaled_regression(tune):
    """Posterior means and deviations against the closed form (a multivariate Student t), at a few gradients a draw."""
    target = regression()
    x, y = target.data
    s = sample(target, np.zeros((4, 7)), draws=1000, tune=tune, random_seed=4, progressbar=False)
    draws = s.positions.reshape(-1, 7)
    inverse = np.linalg.inv(x.T @ x)
    mean, rest = inverse @ x.T @ y, len(y) - 6
    scatter = np.sum((y - x @ mean) ** 2) / rest
    deviation = np.sqrt(np.diag(inverse) * scatter * rest / (rest - 2))
    # at least 1,000 effective draws, five standard errors
    assert (np.abs(draws[:, :6].mean(0) - mean) < 5 * deviation / np.sqrt(1000)).all()
    np.testing.assert_allclose(draws[:, :6].std(0), deviation, rtol=5 / np.sqrt(2 * 1000))
    assert s.statistics["n_steps"].mean() < 20
    assert not s.statistics["diverging"].any()


@pytest.mark.parametrize("metric", ["diag", "low_rank", "dense"])
def test_scales_are_found(metric):
    scales = 10.0 ** np.linspace(-3, 3, 20)
    target = LogDensity(lambda x, discrete, data: -0.5 * jnp.sum((x / data) ** 2), scales, 20)
    s = sample(target, np.zeros((4, 20)), draws=500, tune=300, random_seed=1, metric=metric, progressbar=False)
    assert s.statistics["n_steps"].mean() < 16
    draws = s.positions.reshape(-1, 20) / scales
    assert (np.abs(draws.mean(0)) < 5 / np.sqrt(1000)).all()
    np.testing.assert_allclose(draws.std(0), 1.0, atol=5 / np.sqrt(2 * 500))
