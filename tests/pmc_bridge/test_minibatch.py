"""Minibatches: rows drawn anew at each evaluation, unbiased log densities, fits of all of the data."""

import numpy as np
import optax
import pytest

import symjax
import symjax.pmc_bridge as pm


@pytest.fixture
def data(rng):
    x = rng.normal(size=500)
    return x, 1.0 + 2.0 * x + 0.5 * rng.normal(size=500)


def test_rows_are_drawn_anew_and_together(data):
    x, y = pm.Minibatch(*data, batch_size=20)
    assert x.shape == y.shape == (20,)
    f = symjax.function(outputs=[x, y])
    (first, other), (again, _) = f(), f()
    assert not np.array_equal(first, again)
    rows = [np.flatnonzero(data[0] == v)[0] for v in first]
    np.testing.assert_array_equal(other, data[1][rows])
    single = pm.Minibatch(np.ones((7, 3)), batch_size=2)
    assert single.shape == (2, 3) and single.eval().tolist() == [[1.0] * 3] * 2


def test_every_row_is_as_likely():
    rows = pm.Minibatch(np.arange(5), batch_size=5000)
    counts = np.bincount(rows.eval(), minlength=5)
    assert np.all(np.abs(counts - 1000) < 5 * np.sqrt(5000 * 0.2 * 0.8))


def test_a_fit_in_minibatches_is_that_of_all_data(data):
    design = np.stack([np.ones(500), data[0]], -1)
    cov = np.linalg.inv(design.T @ design / 0.25 + np.eye(2) / 100)
    mean = cov @ design.T @ data[1] / 0.25
    x, y = pm.Minibatch(*data, batch_size=50)
    with pm.Model():
        a = pm.Normal("a", 0.0, 10.0)
        b = pm.Normal("b", 0.0, 10.0)
        pm.Normal("y", a + b * x, 0.5, observed=y, total_size=500)
        optimizer = pm.adam(learning_rate=optax.cosine_decay_schedule(0.05, 4000))
        approx = pm.fit(4000, random_seed=1, obj_n_mc=10, obj_optimizer=optimizer, progressbar=False)
        tree = approx.sample(10, random_seed=1)
        with pytest.raises(ValueError, match=r"sample: \['y'\] are in minibatches"):
            pm.sample(progressbar=False)
        with pytest.raises(ValueError, match=r"find_MAP: \['y'\] are in minibatches"):
            pm.find_MAP(progressbar=False)
    # the gradient's noise is that of 50 rows, and the last steps average over several thousand of them
    assert np.all(np.abs(approx.mean.eval() - mean) < 0.5 * np.sqrt(np.diag(cov)))
    np.testing.assert_allclose(approx.std.eval(), np.sqrt(1 / np.diag(np.linalg.inv(cov))), rtol=0.1)
    assert "observed_data" not in tree.children


def test_data_variables_may_change(data):
    with pm.Model():
        values = pm.Data("values", np.zeros(10))
        batch = pm.Minibatch(values, batch_size=4)
        mu = pm.Normal("mu", 0.0, 10.0)
        pm.Normal("y", mu, 1.0, observed=batch, total_size=20)
        pm.set_data({"values": np.full(20, 3.0)})
        approx = pm.fit(
            1500, random_seed=1, obj_optimizer=pm.adam(learning_rate=optax.cosine_decay_schedule(0.1, 1500)), progressbar=False
        )
    assert approx.mean.eval()[0] == pytest.approx(60 / 20.01, abs=0.1)
    assert approx.std.eval()[0] == pytest.approx(20.01**-0.5, rel=0.1)


def test_errors(data):
    with pytest.raises(TypeError, match="batch_size must be a positive whole number, got 2.5"):
        pm.Minibatch(data[0], batch_size=2.5)
    with pytest.raises(TypeError, match="got 0"):
        pm.Minibatch(data[0], batch_size=0)
    with pytest.raises(ValueError, match="as many rows"):
        pm.Minibatch(data[0], data[1][:-1], batch_size=5)
    with pytest.raises(ValueError, match="as many rows"):
        pm.Minibatch(3.0, batch_size=5)
    with pytest.raises(ValueError, match="must not depend on random variables, as on 'x'"):
        pm.Minibatch(pm.Normal.dist(0.0, 1.0, shape=3, name="x"), batch_size=2)
