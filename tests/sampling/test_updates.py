"""Updates without gradients: each kernel leaves its target as it is, and they run beside NUTS."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax.sampling import DiscreteVariable, FlatVariable, LogDensity, sample
from symjax.sampling._updates import CONTINUOUS, Update

#: A skewed and a correlated target of two coordinates: log density and a sampler of exact draws.
COVARIANCE = np.array([[1.0, 0.8], [0.8, 2.0]])
KERNELS = [
    ("walk", {}),
    ("walk", {"jump": "cauchy", "scaling": 0.5}),
    ("walk", {"jump": "laplace", "root": (0.5, 2.0)}),
    ("walk", {"jump": "uniform", "root": ((1.0, 0.0), (0.8, 1.2))}),
    ("slice", {}),
    ("slice", {"w": 0.1, "max_steps": 5}),
    ("differential", {"source": "past"}),
    ("differential", {"source": "past", "tune": "lambda", "jump": "normal"}),
]


def normal(x):
    return -0.5 * x @ np.linalg.inv(COVARIANCE) @ x


@pytest.mark.parametrize(("kernel", "settings"), KERNELS)
def test_a_kernel_leaves_its_target_invariant(kernel, settings):
    n = 40_000
    module = CONTINUOUS[kernel]
    with jax.enable_x64(True):
        start = jax.random.multivariate_normal(jax.random.key(1), jnp.zeros(2), COVARIANCE, (n,))
        tuning = module.initial(2, 3, **settings)
        if kernel == "differential":
            tuning = tuning._replace(positions=np.array([[0.0, 1.0], [1.0, 0.3], [-2.0, 0.4]]), count=np.int64(3))
        tuning = jax.tree.map(jnp.asarray, tuning)

        def one(key, x):
            return module.step(key, x, normal(x), normal, tuning, False, **settings)[0]

        moved = np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(2), n), start))
        start = np.asarray(start)
    for f in (lambda x: x[:, 0], lambda x: x[:, 1], lambda x: x[:, 0] ** 2, lambda x: x[:, 0] * x[:, 1], lambda x: x[:, 1] ** 4):
        change = f(moved) - f(start)
        assert abs(change.mean()) < 4.5 * change.std() / np.sqrt(n) + 1e-12
    assert (moved != start).any(1).mean() > 0.1


def gamma_and_normal(x, discrete, data):
    # log of a Gamma(3) variable, and a Normal one whose scale it is
    return 3 * x[0] - jnp.exp(x[0]) - 0.5 * (x[1] / jnp.exp(x[0])) ** 2 - x[0]


TARGET = LogDensity(gamma_and_normal, (), 2, (FlatVariable("a", 0, 1), FlatVariable("b", 1, 2)))


@pytest.mark.parametrize(
    "updates",
    [
        [Update("walk", (0, 1))],
        [Update("walk", (0,)), Update("slice", (1,))],
        [Update("slice", (0,))],
        [Update("walk", (1,))],
        [Update("differential", (0, 1), (("source", "past"),))],
        [Update("differential", (0, 1), (("source", "chains"),))],
        [Update("differential", (1,), (("source", "chains"), ("tune", "lambda")))],
    ],
)
def test_updates_and_nuts_share_a_position(updates):
    chains = 8
    found = sample(TARGET, np.zeros((chains, 2)), draws=8000, tune=2000, random_seed=3, updates=updates, progressbar=False, cores=2)
    x = np.exp(found.positions[..., 0])
    z = found.positions[..., 1] / x
    for values, mean in ((x, 3.0), (x**2, 12.0), (z, 0.0), (z**2, 1.0)):
        each = values.mean(1)
        assert abs(each.mean() - mean) < 8 * each.std(ddof=1) / np.sqrt(chains)
    assert 0.05 < found.statistics["acceptance_rate"].mean() <= 1.0


def test_continuous_and_discrete_updates_run_together():
    def density(x, d, data):
        return -0.5 * (x[0] - d[0]) ** 2 - 0.5 * x[1] ** 2 + d[0] * np.log(0.25)

    target = LogDensity(density, (), 2, discrete=(DiscreteVariable("d", 0, 1, 0, 2),))
    for updates in ([Update("slice", (0,))], [Update("walk", (0, 1))], []):
        found = sample(target, np.zeros((4, 2)), draws=6000, tune=1000, random_seed=1, updates=updates, progressbar=False)
        each = found.discrete[..., 0].mean(1)
        assert abs(each.mean() - 0.2) < 8 * each.std(ddof=1) / 2


def test_scales_adapt_in_warmup_and_stay():
    target = LogDensity(lambda x, d, data: -0.5 * jnp.sum((x / 50.0) ** 2), (), 1)
    found = sample(
        target, np.zeros((2, 1)), draws=2000, tune=2000, random_seed=1, updates=[Update("walk", (0,))], progressbar=False
    )
    assert found.statistics["acceptance_rate"].mean() == pytest.approx(0.44, abs=0.08)


def test_populations_need_three_chains():
    update = Update("differential", (0, 1), (("source", "chains"),))
    with pytest.raises(ValueError, match="3 chains"):
        sample(TARGET, np.zeros((2, 2)), updates=[update], progressbar=False)
