"""The driver: same draws however they are computed, interrupts, callbacks, starts, and wrong arguments."""

import _thread
import gc
import threading
import time
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax import SamplingError
from symjax.sampling import DiscreteVariable, FlatVariable, LogDensity, _chain, _program, sample

QUIET = {"progressbar": False, "draws": 60, "tune": 60}


def function(x, discrete, data):
    return -0.5 * jnp.sum((x - data) ** 2) - 0.1 * jnp.sum(x**4)


def make(size=3):
    return LogDensity(function, np.linspace(-1, 1, size), size, (FlatVariable("x", 0, size),))


def test_reproducible_and_chains_differ():
    first, again, other = (sample(make(), np.zeros((2, 3)), random_seed=seed, **QUIET) for seed in (5, 5, 6))
    assert (first.positions == again.positions).all()
    assert not (first.positions == other.positions).any()
    assert not (first.positions[0] == first.positions[1]).any()
    assert first.positions.shape == (2, 60, 3) and first.discrete.shape == (2, 60, 0)


def test_draws_do_not_depend_on_threads_blocks_or_the_number_of_chains(monkeypatch):
    start = np.zeros((3, 3))
    reference = sample(make(), start, random_seed=1, cores=1, keep_warmup=True, **QUIET)
    threaded = sample(make(), start, random_seed=1, cores=3, keep_warmup=True, **QUIET)
    assert (reference.positions == threaded.positions).all()
    assert (reference.warmup_positions == threaded.warmup_positions).all()
    monkeypatch.setattr(_chain, "BLOCK_SECONDS", 1e-9)
    single = sample(make(), start, random_seed=1, cores=3, **QUIET)
    assert (reference.positions == single.positions).all()
    fewer = sample(make(), start[:2], random_seed=1, **QUIET)
    assert (reference.positions[:2] == fewer.positions).all()
    for name, values in reference.statistics.items():
        np.testing.assert_array_equal(values, single.statistics[name])


@pytest.mark.parametrize("metric", ["diag", "low_rank"])
def test_vectorized_draws_are_those_of_threads(metric):
    options = {"random_seed": 1, "draws": 30, "tune": 40, "metric": metric, "progressbar": False}
    threads = sample(make(), np.zeros((3, 3)), compute="threads", **options)
    vectorized = sample(make(), np.zeros((3, 3)), compute="vectorized", **options)
    np.testing.assert_allclose(vectorized.positions, threads.positions, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(vectorized.statistics["n_steps"], threads.statistics["n_steps"])


def test_vectorized_with_discrete():
    def density(x, d, data):
        return -0.5 * jnp.sum((x - d) ** 2) + d[0] * np.log(0.25 / 0.75)

    target = LogDensity(density, (), 1, (), (DiscreteVariable("d", 0, 1, 0, 2),))
    s = sample(target, np.zeros((40, 1)), draws=1000, tune=100, random_seed=0, compute="vectorized", progressbar=False)
    means = s.discrete[..., 0].mean(1)
    assert abs(means.mean() - 0.25) < 5 * means.std() / np.sqrt(40)


def test_statistics():
    s = sample(make(), np.zeros((2, 3)), random_seed=1, keep_warmup=True, max_treedepth=2, **QUIET)
    names = "lp acceptance_rate tree_depth n_steps diverging energy energy_error max_energy_error index_in_trajectory"
    names += " step_size step_size_bar reached_max_treedepth tune"
    assert set(s.statistics) == set(names.split()) == set(s.warmup_statistics)
    density = jax.vmap(jax.vmap(lambda x: function(x, None, jnp.linspace(-1, 1, 3))))
    np.testing.assert_allclose(s.statistics["lp"], density(s.positions), rtol=1e-12)
    assert s.statistics["tree_depth"].max() <= 2 and s.statistics["reached_max_treedepth"].any()
    assert (s.statistics["n_steps"] < 2 ** s.statistics["tree_depth"]).all()
    assert (np.ptp(s.statistics["step_size"], axis=1) == 0).all() and (np.ptp(s.warmup_statistics["step_size"], axis=1) > 0).all()
    assert (s.statistics["energy"] > -s.statistics["lp"]).all()
    assert s.warmup_statistics["tune"].all() and not s.statistics["tune"].any()


def test_deeper_trees_than_usual():
    target = LogDensity(lambda x, d, data: -0.5 * jnp.sum(x**2), (), 1)
    s = sample(target, np.zeros((1, 1)), draws=20, tune=0, jitter=False, max_treedepth=12, random_seed=0, progressbar=False)
    assert s.statistics["tree_depth"].max() <= 12


def test_second_run_compiles_nothing_and_programs_die_with_their_density():
    def density(x, discrete, data):
        return -jnp.sum(x**2)

    target = LogDensity(density, np.zeros(1), 2)
    sample(target, np.zeros((1, 2)), random_seed=0, **QUIET)
    assert sample(target, np.ones((4, 2)), random_seed=1, **QUIET).compile_seconds < 0.1
    alive = weakref.ref(density)
    assert density in _program._compiled
    del density, target
    jax.clear_caches()
    gc.collect()
    assert alive() is None


def test_interrupt_returns_what_was_drawn():
    def interrupt():
        time.sleep(1.0)
        _thread.interrupt_main()

    target = make()
    sample(target, np.zeros((2, 3)), random_seed=0, **QUIET)
    threading.Thread(target=interrupt).start()
    begin = time.perf_counter()
    s = sample(target, np.zeros((2, 3)), draws=5_000_000, tune=100, random_seed=0, progressbar=False)
    assert time.perf_counter() - begin < 30
    assert s.interrupted and 0 < s.positions.shape[1] < 5_000_000
    assert np.isfinite(s.positions).all() and s.statistics["lp"].shape == s.positions.shape[:2]


def test_callback_sees_every_step_in_order():
    seen = []

    def callback(report):
        seen.append((report.chain, report.index, report.tuning, report.statistics["lp"], report.position))

    s = sample(make(), np.zeros((2, 3)), random_seed=0, cores=2, callback=callback, **QUIET)
    for chain in range(2):
        mine = [x for x in seen if x[0] == chain]
        assert [x[1] for x in mine] == list(range(120))
        assert [x[2] for x in mine] == [i < 60 for i in range(120)]
        assert [x[3] for x in mine[60:]] == s.statistics["lp"][chain].tolist()
        np.testing.assert_array_equal([x[4] for x in mine[60:]], s.positions[chain])


def test_callback_may_end_the_run():
    def callback(report):
        if report.index > 100:
            raise KeyboardInterrupt

    s = sample(make(), np.zeros((2, 3)), random_seed=0, callback=callback, draws=100_000, tune=50, progressbar=False)
    assert s.interrupted and 0 < s.positions.shape[1] < 100_000


def test_an_error_in_a_chain_reaches_the_caller():
    def callback(report):
        if report.chain == 1 and report.index == 30:
            raise ZeroDivisionError("in a callback")

    with pytest.raises(ZeroDivisionError, match="in a callback") as caught:
        sample(make(), np.zeros((3, 3)), random_seed=0, cores=2, callback=callback, **QUIET)
    assert "chain 1" in caught.value.__notes__[0]
    assert not [t for t in threading.enumerate() if t.name.startswith("chain")]


def walled(x, discrete, data):
    return jnp.sum(jnp.log(x - data)) - jnp.sum(x)


def walled_terms(x, discrete, data):
    return {"fine": -jnp.sum(x), "walled": jnp.log(x - data)}


def test_start_is_retried():
    target = LogDensity(walled, np.float64(0.5), 1, (FlatVariable("x", 0, 1),))
    s = sample(target, np.zeros((8, 1)), random_seed=0, jitter_retries=100, **QUIET)
    assert (s.positions > 0.5).all()


@pytest.mark.parametrize("compute", ["threads", "vectorized"])
def test_start_that_is_not_finite_names_the_term(compute):
    target = LogDensity(walled, np.float64(5.0), 2, (FlatVariable("x", 0, 2),), (), walled_terms)
    with pytest.raises(SamplingError, match=r"Chain 0: no start .*'walled' has log density nan.*Give `initvals`"):
        sample(target, np.zeros((2, 2)), random_seed=0, compute=compute, **QUIET)


def test_start_with_a_gradient_that_is_not_finite_names_the_variable():
    target = LogDensity(
        lambda x, d, data: -jnp.sum(x**2) + jnp.sqrt(jnp.maximum(x[2] - 5, 0.0)),
        (), 3, (FlatVariable("a", 0, 1), FlatVariable("b", 1, 3)), (), lambda x, d, data: {"t": -jnp.sum(x**2)},
    )  # fmt: skip
    with pytest.raises(SamplingError, match="finite gradient.*'b' at 1 of its"):
        sample(target, np.full((1, 3), 5.0), random_seed=0, jitter=False, jitter_retries=0, **QUIET)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"metric": "full"}, "`metric` must be one of 'diag', 'low_rank', 'dense', got 'full'"),
        ({"kernel": "slice"}, "`kernel` must be one of"),
        ({"compute": "gpu"}, "`compute` must be one of"),
        ({"target_accept": 1.0}, "`target_accept` must lie between 0 and 1"),
        ({"max_treedepth": 0}, "`max_treedepth` must lie between"),
        ({"draws": -1}, "must not be negative"),
        ({"initial": np.zeros((2, 4))}, r"shape \(chains, 3\) with a chain at least, got \(2, 4\)"),
        ({"initial": np.zeros((0, 3))}, r"with a chain at least, got \(0, 3\)"),
        ({"initial_discrete": np.zeros((2, 1))}, r"`initial_discrete` must have shape \(2, 0\)"),
    ],
)
def test_wrong_arguments(options, words):
    with pytest.raises(ValueError, match=words):
        sample(make(), **({"initial": np.zeros((2, 3))} | QUIET | options))


@pytest.mark.parametrize("tune, draws", [(0, 5), (1, 1), (7, 3), (40, 0)])
def test_short_runs(tune, draws):
    s = sample(make(), np.zeros((2, 3)), draws=draws, tune=tune, random_seed=0, progressbar=False)
    assert s.positions.shape == (2, draws, 3) and not s.interrupted


def test_global_precision_is_left_alone():
    with jax.enable_x64(False):
        s = sample(make(), np.zeros((1, 3)), random_seed=0, **QUIET)
        assert s.positions.dtype == np.float64
        assert jnp.ones(1).dtype == jnp.float32
