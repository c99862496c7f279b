"""Laplace's method and Pathfinder of models: trees, known posteriors, errors."""

import logging

import numpy as np
import pytest

import symjax.pmc_bridge as pm
from symjax import SamplingError

Y = np.array([1.0, 2.0, 0.5, 1.5])


@pytest.fixture(scope="module")
def conjugate():
    """A normal mean with known variance; the posterior mean and sd."""
    with pm.Model(coords={"k": ["a", "b"]}) as model:
        mu = pm.Normal("mu", 0.0, 2.0)
        pm.Normal("z", [1.0, -1.0], [0.5, 2.0], dims="k")
        pm.Deterministic("twice", 2 * mu)
        pm.Normal("y", mu, 1.0, observed=Y)
    precision = 1 / 4 + 4
    return model, Y.sum() / precision, precision**-0.5


@pytest.mark.parametrize(
    "settings", [{"method": "laplace", "draws": 1000, "chains": 2}, {"method": "pathfinder", "num_draws": 2000}]
)
def test_normal_posteriors(conjugate, settings):
    model, mean, sd = conjugate
    tree = pm.fit(model=model, random_seed=1, progressbar=False, **settings)
    found = tree.posterior
    assert found["mu"].shape == ((2, 1000) if settings["method"] == "laplace" else (1, 2000))
    assert found["z"].dims == ("chain", "draw", "k") and "y" in tree.observed_data
    np.testing.assert_allclose(found["twice"].values, 2 * found["mu"].values)
    # weights cost Pathfinder some of its draws: half of them count
    for values, m, s in ((found["mu"], mean, sd), (found["z"].sel(k="a"), 1.0, 0.5), (found["z"].sel(k="b"), -1.0, 2.0)):
        assert abs(float(values.mean()) - m) < 5 * s / np.sqrt(1000)
        assert abs(float(values.std()) - s) < 5 * s / np.sqrt(2000)


@pytest.mark.parametrize("method", ["laplace", "pathfinder"])
def test_seeds_decide_draws(conjugate, method):
    model, *_ = conjugate
    first, again, other = (pm.fit(method=method, model=model, random_seed=s, progressbar=False).posterior["mu"] for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_draws_are_on_the_support():
    with pm.Model():
        s = pm.HalfNormal("s", 1.0)
        pm.Normal("y", 0.0, s, observed=Y)
        for method in ("laplace", "pathfinder"):
            tree = pm.fit(method=method, random_seed=1, start={"s": 2.0}, progressbar=False)
            assert float(tree.posterior["s"].min()) > 0
    assert tree.posterior.attrs["pareto_k"] < 0.7


def test_a_law_far_from_normal_is_warned_of(caplog):
    with pm.Model():
        pm.Cauchy("x", 0.0, 1.0, shape=20)
        with caplog.at_level(logging.WARNING, "symjax"):
            pm.fit(method="pathfinder", random_seed=1)
    assert "Pareto shape" in caplog.text


def test_errors(conjugate):
    model, *_ = conjugate
    with pytest.raises(ValueError, match="num_paths must be a positive whole number, got 0"):
        pm.fit(method="pathfinder", model=model, num_paths=0)
    with pytest.raises(ValueError, match="draws must be a positive whole number, got 2.5"):
        pm.fit(method="laplace", model=model, draws=2.5)
    with pytest.raises(ValueError, match="importance_sampling must be 'psis' or None, got 'psir'"):
        pm.fit(method="pathfinder", model=model, importance_sampling="psir")
    with pytest.raises(TypeError, match="start_sigma"):
        pm.fit(method="pathfinder", model=model, start_sigma={"mu": 1.0})
    with pm.Model():
        pm.Flat("x")
        with pytest.raises(SamplingError, match="curvature along 'x' is"):
            pm.fit(method="laplace", progressbar=False)
    with pm.Model():
        x = pm.Normal("x", 0.0, 1.0)
        pm.Potential("wall", -np.inf * (x < 100.0))
        with pytest.raises(SamplingError, match="'wall'"):
            pm.fit(method="pathfinder")
    batch = pm.Minibatch(Y, batch_size=2)
    with pm.Model():
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", x, 1.0, observed=batch, total_size=4)
        for method in ("laplace", "pathfinder"):
            with pytest.raises(ValueError, match=r"\['y'\] are in minibatches"):
                pm.fit(method=method)
