"""Gibbs and Metropolis: invariance; and compound steps against enumeration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from symjax.sampling import DiscreteVariable, FlatVariable, LogDensity, _gibbs, _metropolis, sample

# log joint of three dependent discrete coordinates with 2, 3 and 9 values, from 0, 1 and -4
JOINT = np.random.default_rng(0).normal(size=(2, 3, 9)) * 1.5
COORDINATES = [_gibbs.Coordinate(0, 0, 2), _gibbs.Coordinate(1, 1, 3), _gibbs.Coordinate(2, -4, 9)]


def assert_frequencies(counts, probabilities):
    """Pearson's test of counts of independent draws against probabilities."""
    assert stats.chisquare(counts, probabilities * counts.sum()).pvalue > 1e-4


def joint(values):
    return jnp.asarray(JOINT)[values[0], values[1] - 1, values[2] + 4]


def test_gibbs_invariance():
    p = special.softmax(JOINT.ravel())
    cells = np.random.default_rng(1).choice(p.size, 20000, p=p)
    start = np.stack(np.unravel_index(cells, JOINT.shape), 1) + [0, 1, -4]

    def run(key, values):
        return _gibbs.step(key, _gibbs.init(joint, values), joint, COORDINATES)

    state, info = jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(0), len(start)), start)
    values = np.asarray(state.values)
    np.testing.assert_allclose(state.log_density, jax.vmap(joint)(values))
    assert (np.asarray(info.changed) == (values != start).sum(1)).all() and info.changed.mean() > 0.5
    after = np.ravel_multi_index(tuple((values - [0, 1, -4]).T), JOINT.shape)
    assert_frequencies(np.bincount(after, minlength=p.size), p)


def test_gibbs_forgets_within_a_sweep():
    """With independent coordinates one sweep draws from the target, wherever it starts."""
    logits = np.array([0.3, -1.0, 0.8, -np.inf, 0.0])

    def density(values):
        return jnp.asarray(logits)[values].sum()

    def run(key):
        state = _gibbs.init(density, jnp.zeros(2, jnp.int64))
        return _gibbs.step(key, state, density, [_gibbs.Coordinate(i, 0, 5) for i in range(2)])[0].values

    values = np.asarray(jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(5), 10000)))
    pairs = np.bincount(values[:, 0] * 5 + values[:, 1], minlength=25)
    p = special.softmax(logits)
    p = np.outer(p, p).ravel()
    assert (pairs[p == 0] == 0).all()
    assert_frequencies(pairs[p > 0], p[p > 0])


@pytest.mark.parametrize("mean", [0.7, 12.0, 3000.0])
def test_metropolis_invariance(mean):
    def density(values):
        v = values[0].astype(float)
        return jnp.where(v >= 0, v * np.log(mean) - jax.lax.lgamma(jnp.maximum(v, 0) + 1), -jnp.inf)

    start = np.random.default_rng(2).poisson(mean, (20000, 1))

    def run(key, values):
        def step(state, i):
            return _metropolis.step(jax.random.fold_in(key, i), state, density, [0])

        return jax.lax.scan(step, _metropolis.init(density, values), jnp.arange(4))

    state, info = jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(1), len(start)), start)
    values = np.asarray(state.values)[:, 0]
    assert (values != start[:, 0]).mean() > 0.3
    assert 0.02 < float(info.acceptance_rate.mean()) < 0.9
    law = stats.poisson(mean)
    assert abs(values.mean() - mean) < 5 * law.std() / np.sqrt(len(values))
    edges = law.ppf(np.linspace(0, 1, 12)[1:-1])
    edges = np.unique(edges)
    p = np.diff(np.concatenate([[0], law.cdf(edges), [1]]))
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(p))
    assert_frequencies(counts, p)


def mixture():
    """A category z, a switch b with P(b = 1) = 0.3, x ~ N(center of z + b, 1), and a count k ~ Poisson(exp(x))."""
    weights, centers = np.array([0.2, 0.5, 0.3]), np.array([-1.0, 0.0, 1.5])

    def function(x, d, data):
        weights, centers = data
        z, b, k = d[0], d[1], d[2]
        prior = jnp.log(weights)[z] + jnp.where(b == 1, np.log(0.3), np.log(0.7)) - 0.5 * (x[0] - centers[z] - b) ** 2
        safe = jnp.maximum(k, 0)
        return prior + jnp.where(k >= 0, safe * x[0] - jnp.exp(x[0]) - jax.lax.lgamma(safe + 1.0), -jnp.inf)

    discrete = (DiscreteVariable("z", 0, 1, 0, 3), DiscreteVariable("b", 1, 2, 0, 2), DiscreteVariable("k", 2, 3, 0, None))
    return LogDensity(function, (weights, centers), 1, (FlatVariable("x", 0, 1),), discrete), weights, centers


def effective(indicator):
    """Standard error of a mean over chains, by the spread of the chains' means."""
    means = indicator.mean(1)
    return means.std(ddof=1) / np.sqrt(len(means))


def test_compound_against_enumeration():
    target, weights, centers = mixture()
    chains = 24
    s = sample(target, np.zeros((chains, 1)), draws=3000, tune=200, random_seed=2, cores=2, progressbar=False)
    z, b, k = (s.discrete[..., i] for i in range(3))
    for value, wanted in enumerate(weights):
        got = (z == value).astype(float)
        assert abs(got.mean() - wanted) < 5.5 * effective(got)
    assert abs(b.mean() - 0.3) < 5.5 * effective(b.astype(float))
    # E k = E exp(x), a mixture of six log-normals
    expected = sum(w * q * np.exp(c + i + 0.5) for w, c in zip(weights, centers) for i, q in enumerate((0.7, 0.3)))
    below = np.sum(weights * (0.7 * stats.norm.cdf(0 - centers) + 0.3 * stats.norm.cdf(-1 - centers)))
    assert abs((s.positions[..., 0] < 0).mean() - below) < 5.5 * effective((s.positions[..., 0] < 0).astype(float))
    assert abs(k.mean() - expected) < 5.5 * effective(k.astype(float))
    assert s.discrete.dtype == np.int64


def test_discrete_alone():
    target = LogDensity(
        lambda x, d, data: joint(d), (), 0, (), tuple(DiscreteVariable("v", *c[:1], c[0] + 1, *c[1:]) for c in COORDINATES)
    )
    s = sample(target, np.zeros((24, 0)), draws=2000, tune=50, random_seed=3, progressbar=False)
    p = special.softmax(JOINT)
    for value in range(9):
        got = (s.discrete[..., 2] == value - 4).astype(float)
        assert abs(got.mean() - p.sum((0, 1))[value]) < 5.5 * effective(got)
    assert (s.statistics["n_steps"] == 0).all() and not s.statistics["diverging"].any()
