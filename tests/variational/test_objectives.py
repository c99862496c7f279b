"""Objectives and the descent: Gaussian targets are recovered, results depend on the seed alone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from symjax.sampling import LogDensity
from symjax.variational import Descent, FullRank, MeanField, NotFinite, Product, descend, kl_divergence, rbf, stein
from symjax.variational import Empirical as Particles

MEAN = np.array([1.0, -2.0])
COV = np.array([[1.0, 0.6], [0.6, 0.5]])
TARGET = LogDensity(
    lambda x, discrete, data: -0.5 * (x - data[0]) @ jnp.asarray(data[1]) @ (x - data[0]), (MEAN, np.linalg.inv(COV)), 2
)


def _product(family):
    return Product(((family, (0, 1)),))


def _descent(objective, family, seed=0, steps=2000):
    start = (family.start(np.zeros(2), np.ones(2), np.random.default_rng(0)),)
    optimizer = optax.adam(optax.cosine_decay_schedule(0.1, steps))
    return Descent(objective, optimizer, start, TARGET.data, seed)


def test_full_rank_is_exact_for_a_normal_target():
    family = _product(FullRank(2))
    descent = _descent(kl_divergence(TARGET, family, n_mc=50), family.blocks[0][0])
    losses = descend(descent, 2000)
    [found] = descent.state.parameters
    with jax.enable_x64(True):
        mean, cov = FullRank(2).mean(found), FullRank(2).cov(found)
    # the gradient of the mean is an average of 50 draws of precision times deviation; that average leaves an error of the order
    # of the last steps' learning rate
    np.testing.assert_allclose(mean, MEAN, atol=0.03)
    np.testing.assert_allclose(cov, COV, atol=0.06)
    # at the optimum the loss of the unnormalised target is minus its log normalising constant
    truth = -np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(COV)[1]
    last = losses[-200:]
    assert abs(last.mean() - truth) < 0.01


def test_mean_field_has_the_mean_and_the_conditional_variances():
    """The best independent normals have the inverse of the precision's diagonal as variances (Bishop 2006, section 10.1.2)."""
    family = _product(MeanField(2))
    descent = _descent(kl_divergence(TARGET, family, n_mc=50), family.blocks[0][0])
    descend(descent, 2000)
    [found] = descent.state.parameters
    np.testing.assert_allclose(found["mu"], MEAN, atol=0.03)
    with jax.enable_x64(True):
        np.testing.assert_allclose(MeanField(2).std(found) ** 2, 1 / np.diag(np.linalg.inv(COV)), rtol=0.06)


def test_the_elbo_increases():
    family = _product(MeanField(2))
    losses = descend(_descent(kl_divergence(TARGET, family, n_mc=50), family.blocks[0][0]), 500)
    assert losses[:5].min() > losses[-20:].max()


def test_the_gradient_is_that_of_the_expected_loss():
    """Against the closed form of the divergence between normals."""
    family = _product(FullRank(2))
    start = (FullRank(2).start(np.array([0.5, 0.0]), np.array([1.0, 2.0]), np.random.default_rng(0)),)
    precision = np.linalg.inv(COV)

    def exact(parameters):
        factor = FullRank(2).factor(parameters[0])
        gap = parameters[0]["mu"] - MEAN
        return 0.5 * (jnp.trace(precision @ factor @ factor.T) + gap @ precision @ gap) - jnp.log(jnp.diagonal(factor)).sum()

    with jax.enable_x64(True):
        objective = kl_divergence(TARGET, family)
        keys = jax.random.split(jax.random.key(1), 4000)
        _, gradients = jax.vmap(objective, (None, 0, None))(start, keys, TARGET.data)
        truth = jax.tree.map(np.asarray, jax.grad(exact)(start))
    for found, expected in zip(jax.tree.leaves(gradients), jax.tree.leaves(truth), strict=True):
        error = np.asarray(found).std(0) / np.sqrt(4000)
        assert np.all(np.abs(np.asarray(found).mean(0) - expected) < 5 * error + 1e-9)


def test_svgd_fills_a_normal_law():
    family = _product(Particles(2, 100))
    descent = _descent(stein(TARGET, family), family.blocks[0][0], steps=1000)
    losses = descend(descent, 1000)
    assert losses[-1] < 1e-2 * losses[0]
    [found] = descent.state.parameters
    particles = np.asarray(found["histogram"])
    # particles repel each other: their mean is far closer to the truth than that of as many draws, 0.1 and 0.07
    np.testing.assert_allclose(particles.mean(0), MEAN, atol=0.05)
    np.testing.assert_allclose(np.cov(particles, rowvar=False), COV, atol=0.25)
    assert np.corrcoef(particles, rowvar=False)[0, 1] > 0.6


def test_amortized_svgd_moves_a_family():
    family = _product(FullRank(2))
    descent = _descent(stein(TARGET, family, n_mc=100), family.blocks[0][0], steps=500)
    descend(descent, 500)
    [found] = descent.state.parameters
    np.testing.assert_allclose(found["mu"], MEAN, atol=0.1)


def test_a_higher_temperature_spreads_particles():
    spread = []
    for temperature in (1.0, 4.0):
        family = _product(Particles(2, 50))
        descent = _descent(stein(TARGET, family, temperature=temperature), family.blocks[0][0], steps=500)
        descend(descent, 500)
        spread.append(np.asarray(descent.state.parameters[0]["histogram"]).std(0))
    assert np.all(spread[1] > 1.3 * spread[0])


def test_the_kernel_is_the_gaussian_one_and_its_gradient(rng):
    points = rng.normal(size=(6, 2))
    with jax.enable_x64(True):
        matrix, repulsion = rbf(points)
        squares = ((points[:, None] - points) ** 2).sum(-1)
        h = 0.5 * np.median(squares) / np.log(7)

        def kernel(x, y):
            return jnp.exp(-0.5 * jnp.sum((x - y) ** 2) / h)

        slopes = jax.vmap(jax.vmap(jax.grad(kernel), (0, None)), (None, 0))(points, points)
    np.testing.assert_allclose(matrix, np.exp(-0.5 * squares / h), rtol=1e-10)
    np.testing.assert_allclose(repulsion, np.asarray(slopes).sum(1), atol=1e-10)


def test_one_particle_climbs_to_the_mode():
    family = _product(Particles(2, 1))
    descent = _descent(stein(TARGET, family), family.blocks[0][0], steps=1000)
    descend(descent, 1000)
    np.testing.assert_allclose(descent.state.parameters[0]["histogram"][0], MEAN, atol=1e-3)


def test_results_depend_on_the_seed_not_on_the_blocks():
    family = _product(MeanField(2))
    found = []
    for seed, every in ((0, None), (0, 7), (1, None)):
        descent = _descent(kl_divergence(TARGET, family), family.blocks[0][0], seed)
        losses = descend(descent, 50, every=every)
        found.append((losses, np.asarray(descent.state.parameters[0]["mu"])))
    for a, b in zip(found[0], found[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(found[0][1], found[2][1])


def test_callbacks_are_called_at_multiples_and_may_stop():
    family = _product(MeanField(2))
    descent = _descent(kl_divergence(TARGET, family), family.blocks[0][0])
    seen = []

    def watch(losses, step):
        seen.append((len(losses), step))
        if step == 30:
            raise StopIteration

    assert len(descend(descent, 5)) == 5
    assert len(descend(descent, 100, [watch], every=10)) == 25
    assert seen == [(5, 10), (15, 20), (25, 30)]

    def interrupt(losses, step):
        raise KeyboardInterrupt

    assert len(descend(descent, 100, [interrupt], every=10)) == 10
    assert int(descent.state.step) == 40


@pytest.mark.parametrize("function", [jnp.log, jnp.sqrt], ids=["nan", "nan gradient"])
def test_a_density_that_is_not_finite_stops_the_descent(function):
    broken = LogDensity(lambda x, discrete, data: function(x[0]) * data, 1.0, 2)
    family = _product(MeanField(2))
    start = (MeanField(2).start(np.zeros(2), np.ones(2), np.random.default_rng(0)),)
    descent = Descent(kl_divergence(broken, family), optax.sgd(0.1), start, broken.data, 0)
    with pytest.raises(NotFinite, match="not finite between steps 0"):
        descend(descent, 100)
    assert np.isfinite(descent.state.parameters[0]["mu"]).all()
