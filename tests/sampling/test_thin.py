"""Thinning: the same steps, fewer of them returned; how many, by what the warm-up shows and the program's estimated cost."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax.sampling import DiscreteVariable, LogDensity, sample
from symjax.sampling._cost import seconds
from symjax.sampling._thin import autocorrelation_time, choose_thinning

QUIET = {"progressbar": False, "tune": 60, "random_seed": 1}


def quartic(x, discrete, data):
    return -0.5 * jnp.sum((x - data) ** 2) - 0.1 * jnp.sum(x**4)


def funnel(x, discrete, data):
    return -(x[0] ** 2) / 18 - 0.5 * x[1] ** 2 * jnp.exp(-x[0]) - 0.5 * x[0]


def autoregression(rho, n=400, columns=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, columns))
    for i in range(1, n):
        x[i] = rho * x[i - 1] + np.sqrt(1 - rho**2) * x[i]
    return x


@pytest.mark.parametrize("compute", ["threads", "vectorized"])
def test_every_third_step(compute):
    target = LogDensity(funnel, (), 2)
    steps = sample(target, np.zeros((2, 2)), draws=120, compute=compute, **QUIET)
    thinned = sample(target, np.zeros((2, 2)), draws=40, thin=3, compute=compute, **QUIET)
    assert (thinned.positions == steps.positions[:, 2::3]).all() and (thinned.thin == 3).all() and (steps.thin == 1).all()
    for name in ("lp", "energy", "energy_error", "index_in_trajectory", "step_size"):
        np.testing.assert_array_equal(thinned.statistics[name], steps.statistics[name][:, 2::3])
    groups = {name: values.reshape(2, 40, 3) for name, values in steps.statistics.items()}
    np.testing.assert_array_equal(thinned.statistics["n_steps"], groups["n_steps"].sum(2))
    np.testing.assert_array_equal(thinned.statistics["tree_depth"], groups["tree_depth"].max(2))
    np.testing.assert_allclose(thinned.statistics["acceptance_rate"], groups["acceptance_rate"].mean(2), rtol=1e-12)
    np.testing.assert_array_equal(np.abs(thinned.statistics["max_energy_error"]), np.abs(groups["max_energy_error"]).max(2))


def test_divergences_between_draws_count():
    target = LogDensity(lambda x, d, data: jnp.where(jnp.abs(x[0]) < 1, -0.5 * x[0] ** 2, -jnp.inf), (), 1)
    steps = sample(target, np.zeros((2, 1)), draws=300, jitter=False, **QUIET).statistics["diverging"]
    thinned = sample(target, np.zeros((2, 1)), draws=60, thin=5, jitter=False, **QUIET).statistics["diverging"]
    assert 0 < steps.sum() < steps.size
    np.testing.assert_array_equal(thinned, steps.reshape(2, 60, 5).any(2))


def test_with_discrete_variables():
    def density(x, d, data):
        return -0.5 * jnp.sum((x - d) ** 2) + d[0] * np.log(0.25 / 0.75)

    target = LogDensity(density, (), 1, (), (DiscreteVariable("d", 0, 1, 0, 2),))
    steps = sample(target, np.zeros((2, 1)), draws=90, **QUIET)
    thinned = sample(target, np.zeros((2, 1)), draws=30, thin=3, **QUIET)
    assert (thinned.positions == steps.positions[:, 2::3]).all() and (thinned.discrete == steps.discrete[:, 2::3]).all()
    np.testing.assert_array_equal(thinned.statistics["n_steps"], steps.statistics["n_steps"].reshape(2, 30, 3).sum(2))


def test_auto_does_not_depend_on_threads_or_the_clock():
    target = LogDensity(quartic, np.linspace(-1, 1, 3), 3)
    options = {"draws": 100, "tune": 400, "thin": "auto", "random_seed": 1, "progressbar": False}
    one, three = (sample(target, np.zeros((3, 3)), cores=cores, **options) for cores in (1, 3))
    assert (one.thin == three.thin).all() and (one.positions == three.positions).all()
    assert one.thin.max() > 1


def test_auto_is_one_after_a_short_warmup_and_where_many_draws_are_wanted():
    target = LogDensity(quartic, np.linspace(-1, 1, 3), 3)
    assert (sample(target, np.zeros((2, 3)), draws=20, thin="auto", **QUIET).thin == 1).all()
    assert choose_thinning(autoregression(0.9), 10**6, 1e-5) == 1


def test_choice():
    slow, fast = autoregression(0.9), autoregression(0.0, seed=3)
    assert choose_thinning(slow, 1000, 1e-6) > 5
    assert choose_thinning(slow, 1000, 1e-3) == 1
    assert choose_thinning(fast, 1000, 1e-5) <= 2
    assert choose_thinning(np.zeros((400, 2)), 1000, 1e-6) == 1
    for step in (1e-6, 1e-5, 1e-4):
        assert (choose_thinning(slow, 1000, step) - 1) * 1000 * step <= 0.25


def test_antithetic_draws_are_kept():
    chain = np.sign(autoregression(-0.9, seed=1)) * np.abs(autoregression(0.0, seed=2))  # its squares are independent
    assert choose_thinning(chain, 1000, 1e-6) == 1


@pytest.mark.parametrize("rho", [0.9, 0.5, 0.0, -0.5])
def test_autocorrelation_time(rho):
    found = autocorrelation_time(autoregression(rho, n=20_000, columns=40))
    expected = (1 + rho) / (1 - rho)
    assert abs(found.mean() - expected) < 5 * found.std() / np.sqrt(40) + 0.03 * expected


@pytest.mark.parametrize("thin", [0, -1, 1.5, "often", None])
def test_wrong_thin(thin):
    with pytest.raises(ValueError, match="thin.*auto"):
        sample(LogDensity(quartic, np.zeros(1), 1), np.zeros((1, 1)), thin=thin, **QUIET)


def test_cost_counts_loops_and_products():
    def cost(function, *args):
        return seconds(jax.make_jaxpr(function)(*args).jaxpr)

    matrix, vector = np.ones((300, 200)), np.ones(200)
    assert cost(lambda a, b: a @ b, matrix, vector) > 100 * cost(lambda b: b + 1, vector)
    loop = [cost(lambda x, n=n: jax.lax.scan(lambda c, _: (jnp.sin(c), None), x, None, length=n)[0], vector) for n in (10, 1000)]
    assert loop[1] > 50 * loop[0]
    assert cost(jnp.exp, np.ones(10_000)) > 100 * cost(jnp.exp, np.ones(10))
