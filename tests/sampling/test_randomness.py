"""The generator of momenta and choices: SplitMix64, against its published output and the laws of its numbers."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from symjax.sampling._hamiltonian import bits_of, key_of_step, mixed, randomness, uniform


def test_published_sequence():
    state, found = jnp.uint64(1234567), []
    for _ in range(3):
        state = state + np.uint64(0x9E3779B97F4A7C15)
        found.append(int(mixed(state)))
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def momenta(steps, n, words=(1, 2)):
    words = jnp.asarray(words, jnp.uint32)
    return jax.jit(jax.vmap(lambda s: randomness(bits_of(key_of_step(words, s)), n, jnp.float64)))(jnp.arange(steps))


def test_momenta_are_independent_standard_normals():
    x = np.asarray(momenta(100_000, 8)[0])
    assert stats.kstest(x.ravel(), "norm").pvalue > 1e-4
    correlations = x.T @ x / len(x) - np.eye(8)
    lagged = x[1:].T @ x[:-1] / (len(x) - 1)
    squares = (x[1:] ** 2 - 1).T @ (x[:-1] ** 2 - 1) / (len(x) - 1) / 2
    assert np.abs(correlations).max() < 5.2 * np.sqrt(2 / len(x))
    for m in (lagged, squares):
        assert np.abs(m).max() < 5.2 / np.sqrt(len(x))


def test_choices_are_uniform_and_independent_of_momenta():
    x, bits = momenta(100_000, 2)
    bits, first = jax.vmap(uniform)(bits)
    _, second = jax.vmap(uniform)(bits)
    u = np.stack([first, second, stats.norm.cdf(x[:, 0])])
    assert min(stats.kstest(row, "uniform").pvalue for row in u) > 1e-4
    assert np.abs(np.corrcoef(u) - np.eye(3)).max() < 5 / np.sqrt(100_000)
    assert 0 < u.min() and u.max() < 1


def test_chains_differ():
    a, b = (np.asarray(momenta(1000, 1, words)[0]).ravel() for words in ((1, 2), (1, 3)))
    assert len(np.unique(np.concatenate([a, b]))) == 2000
    assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(1000)
