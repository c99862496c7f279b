"""Simulator: draws and kernels of NumPy simulators, and posteriors by `sample_smc` that are known exactly."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats

import symjax
import symjax.pmc_bridge as pm
import symjax.random as R
import symjax.tensor as T
from symjax import ParameterError, ShapeError
from symjax._errors import SamplingError

CHAINS = 8
DATA = np.array([0.3, -1.2, 2.5, 0.7, 1.1])
#: What `ladder` gives for DATA's shape and the parameter 2.
FOUND = 2.0 + np.array([4.0, 3.0, 2.0, 1.0, 0.0])


def normal(rng, mu, sigma, size):
    return rng.normal(mu, sigma, size)


def ladder(rng, start, size):
    """A simulator without noise, whose density is known."""
    return start + np.arange(*size, dtype=float)[::-1]


def logp(value=DATA, **options):
    return R.logp(R.Simulator(ladder, 2.0, shape=value.shape, **options), value).eval()


def test_draws_are_the_simulators():
    x = R.Simulator(normal, 3.0, 2.0, shape=4000, name="x")
    draws = R.draw(x, random_seed=1)
    assert stats.kstest(draws, stats.norm(3.0, 2.0).cdf).pvalue > 1e-5
    np.testing.assert_array_equal(draws, R.draw(x, random_seed=1))
    assert not np.array_equal(draws, R.draw(x, random_seed=2))
    batch = R.Simulator(normal, params=[np.array([0.0, 100.0]), 1.0])
    assert batch.shape == (2,) and np.all(np.abs(R.draw(batch, 5, random_seed=1) - [0.0, 100.0]) < 10)
    counts = R.Simulator(lambda rng, rate, size: rng.poisson(rate, size), 3.0, dtype="int64", shape=7)
    assert counts.dtype == np.int64 and R.draw(counts, 2, random_seed=1).dtype == np.int64
    vector = R.Simulator(lambda rng, p, size: rng.dirichlet(p, size), np.ones(3), signature="(n)->(n)", size=4)
    np.testing.assert_allclose(R.draw(vector, random_seed=1).sum(-1), np.ones(4))


def test_kernels():
    np.testing.assert_allclose(logp(), -0.5 * (DATA - FOUND) ** 2)
    np.testing.assert_allclose(logp(epsilon=0.5), -0.5 * ((DATA - FOUND) / 0.5) ** 2)
    np.testing.assert_allclose(logp(distance="laplace", epsilon=3.0), -np.abs(DATA - FOUND) / 3)
    np.testing.assert_allclose(logp(sum_stat="sort", distance="laplace"), -np.abs(np.sort(DATA) - np.sort(FOUND)))
    for name in ("mean", "median"):
        statistic = getattr(np, name)
        np.testing.assert_allclose(logp(sum_stat=name), -0.5 * (statistic(DATA) - statistic(FOUND)) ** 2)
    scales = np.linspace(1, 2, 5)
    np.testing.assert_allclose(logp(epsilon=scales), -0.5 * ((DATA - FOUND) / scales) ** 2)


@pytest.mark.parametrize("axes", [1, 2])
def test_kernel_of_a_divergence(axes):
    value = DATA if axes == 1 else np.stack([DATA, DATA**2], -1)
    simulated = FOUND if axes == 1 else np.stack([FOUND, FOUND + 1], -1)
    rows, others = value.reshape(5, -1), simulated.reshape(5, -1)
    own = [min(np.linalg.norm(x - y) for j, y in enumerate(rows) if j != i) for i, x in enumerate(rows)]
    other = [min(np.linalg.norm(x - y) for y in others) for x in rows]
    expected = -axes / 5 * np.log(np.divide(other, own)).sum() / 0.5 + np.log(5 / 4)
    x = R.Simulator(lambda rng, size: simulated, distance="kullback_leibler", epsilon=0.5, shape=value.shape)
    assert R.logp(x, value).eval() == pytest.approx(expected, rel=1e-12)


def test_functions_of_tensors_and_of_arrays():
    def quartiles(x):
        return np.quantile(np.asarray(x, dtype=float), [0.25, 0.5, 0.75])

    def by_rank(x):
        return T.sort(x)[..., ::-1]

    expected = -0.5 * (quartiles(DATA) - quartiles(FOUND)) ** 2
    np.testing.assert_allclose(logp(sum_stat=quartiles), expected)
    np.testing.assert_allclose(logp(sum_stat=by_rank), -0.5 * (np.sort(DATA) - np.sort(FOUND))[::-1] ** 2)
    for distance in (
        lambda epsilon, a, b: -T.log1p(((a - b) / epsilon) ** 2),
        lambda epsilon, a, b: -np.log1p(((np.asarray(a, float) - b) / epsilon) ** 2),
    ):
        np.testing.assert_allclose(logp(distance=distance, epsilon=2.0), -np.log1p((DATA - FOUND) ** 2 / 4))


def test_each_evaluation_simulates_anew():
    mu = T.Placeholder((), "float64")
    density = symjax.function(mu, outputs=R.logp(R.Simulator(normal, mu, 1.0, shape=5), DATA))
    assert not np.array_equal(density(1.0), density(1.0))


def model_of_means():
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.5)
        group = pm.Bernoulli("group", 0.4)
        pm.Simulator("y", normal, mu + 2 * group, 2.0, sum_stat="mean", epsilon=0.7, observed=DATA)
    return model


@pytest.mark.parametrize("kernel", ["IMH", "MH"])
def test_posterior_and_evidence(kernel):
    # the mean of the simulation is normal, and so is its sum with the kernel's noise
    variance, centre = 4 / 5 + 0.49, np.array([0.0, 2.0])
    weights = np.array([0.6, 0.4]) * stats.norm(centre, np.sqrt(2.25 + variance)).pdf(DATA.mean())
    evidence = np.log(weights.sum() * np.sqrt(2 * np.pi) * 0.7)
    weights /= weights.sum()
    means = (DATA.mean() - centre) * 2.25 / (2.25 + variance)
    tree = pm.sample_smc(400, kernel, model=model_of_means(), chains=CHAINS, random_seed=1, progressbar=False)
    squares = 2.25 * variance / (2.25 + variance) + means**2
    for each, value in (
        (tree.posterior["mu"].values.mean(1), weights @ means),
        ((tree.posterior["mu"].values ** 2).mean(1), weights @ squares),
        (tree.posterior["group"].values.mean(1), weights[1]),
        (tree.sample_stats["log_marginal_likelihood"].values, evidence),
    ):
        # the t law of 7 degrees passes 8 once in 10⁴
        assert abs(each.mean() - value) < 8 * each.std(ddof=1) / np.sqrt(CHAINS) + 1e-3


def test_predictions_and_groups():
    with pm.Model(coords={"row": range(5)}) as model:
        mu = pm.Normal("mu", 0.0, 1.5)
        pm.Simulator("y", normal, mu, 2.0, epsilon=2.0, observed=DATA, dims="row")
    options = {"chains": 1, "random_seed": 1, "progressbar": False, "idata_kwargs": {"log_likelihood": True}}
    tree = pm.sample_smc(100, model=model, **options)
    assert tree.log_likelihood["y"].shape == (1, 100, 5) and np.all(tree.log_likelihood["y"] <= 0)
    found = pm.sample_posterior_predictive(tree, model=model, random_seed=1, progressbar=False)
    assert found.posterior_predictive["y"].shape == (1, 100, 5)
    prior = pm.sample_prior_predictive(2000, model=model, random_seed=1).prior_predictive["y"].values
    assert stats.kstest(prior[0, :, 0], stats.norm(0, 2.5).cdf).pvalue > 1e-5


def test_data_may_change_their_length():
    with pm.Model() as model:
        data = pm.Data("data", DATA)
        statistic = lambda x: np.quantile(np.asarray(x, float), [0.2, 0.8])  # noqa: E731
        pm.Simulator("y", ladder, pm.Normal("mu"), sum_stat=statistic, observed=data)
    for value in (DATA, np.arange(7.0)):
        with model:
            pm.set_data({"data": value})
        expected = -0.5 * ((statistic(value) - statistic(ladder(None, 1.5, value.shape))) ** 2).sum()
        assert model.compile_logp(vars=[model["y"]])({"mu": 1.5}) == pytest.approx(expected)
        tree = pm.sample_smc(20, model=model, chains=1, random_seed=1, progressbar=False)
        assert tree.posterior["mu"].shape == (1, 20)


def test_other_samplers_refuse_it():
    for run in (pm.sample, pm.find_MAP):
        with pytest.raises(SamplingError, match="the density of 'y' is simulated, at each evaluation anew: use sample_smc"):
            run(model=model_of_means(), progressbar=False)
    with pm.Model() as model:
        pm.Simulator("y", normal, pm.Normal("mu"), 2.0)
    with pytest.raises(SamplingError, match="'y' is simulated and has no density but that of data"):
        pm.sample_smc(10, model=model)


def test_errors():
    with pytest.raises(ParameterError, match=r"Simulator\('x'\): 'distance' must be a function or one of .* got 'l2'"):
        R.Simulator(normal, 0.0, 1.0, distance="l2", name="x")
    with pytest.raises(ParameterError, match="'sum_stat' must be a function or one of"):
        R.Simulator(normal, 0.0, 1.0, sum_stat="max")
    with pytest.raises(ParameterError, match="sum_stat must be 'identity', got 'sort'"):
        R.Simulator(normal, 0.0, 1.0, sum_stat="sort", distance="kullback_leibler")
    with pytest.raises(ParameterError, match="not both"):
        R.Simulator(normal, 0.0, params=[1.0])
    with pytest.raises(ParameterError, match="'fn' must be a function"):
        R.Simulator(1.0)
    for epsilon in (0.0, [1.0, -1.0]):
        with pytest.raises(ParameterError, match="'epsilon' must be positive"):
            R.Simulator(normal, 0.0, 1.0, epsilon=epsilon)
    with pytest.raises(Exception, match=r"'random' gave shape \(3,\) for size=\(5,\)") as caught:
        R.draw(R.Simulator(lambda rng, size: np.zeros(3), shape=5))
    assert isinstance(caught.value, ShapeError) or "ShapeError" in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("distance", ["gaussian", "laplace"])
@pytest.mark.parametrize("sum_stat", ["identity", "sort", "mean", "median"])
def test_densities_against_pymc(distance, sum_stat):
    theirs = pytest.importorskip("pymc")
    options = {"distance": distance, "sum_stat": sum_stat, "epsilon": 0.8}
    values = []
    for module in (theirs, pm):
        with module.Model() as model:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module.Simulator("y", ladder, 2.0, observed=DATA, **options)
                values.append(float(model.compile_logp()({})))
    assert values[1] == pytest.approx(values[0], rel=1e-6)
