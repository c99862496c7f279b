"""NUTS: invariance, the tree against a recursive one, divergences, and one gradient in the program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from symjax.sampling import LogDensity, Metric, _hmc, _nuts
from symjax.sampling._chain_state import Chain, Control, Setup
from symjax.sampling._hamiltonian import DIVERGENCE, bits_of, randomness
from symjax.sampling._metric import diagonal
from symjax.sampling._program import build_advance
from symjax.sampling._run import _chain

CORRELATED = np.array([[1.0, 0.9, 0.0], [0.9, 1.5, -0.4], [0.0, -0.4, 0.5]])


def gaussian(x):
    return -0.5 * x @ jnp.asarray(np.linalg.inv(CORRELATED)) @ x


def student(x):
    return -4.0 * jnp.log1p(x**2 / 7).sum()


def gaussian_draws(rng, size):
    return rng.multivariate_normal(np.zeros(3), CORRELATED, size=size)


def student_draws(rng, size):
    return rng.standard_t(7, size=(size, 3))


def assert_moments(before, after, limit=5.0):
    """Means of x and x² have not moved, in standard errors of the difference of two independent samples."""
    for power in (1, 2):
        a, b = before**power, after**power
        error = np.sqrt((a.var(0) + b.var(0)) / len(a))
        assert (np.abs(a.mean(0) - b.mean(0)) < limit * error).all()


@pytest.mark.parametrize("kernel", [_nuts.step, lambda *a: _hmc.step(*a, path_length=1.0)], ids=["nuts", "hmc"])
@pytest.mark.parametrize("density, draws", [(gaussian, gaussian_draws), (student, student_draws)], ids=["gaussian", "student"])
def test_invariance(kernel, density, draws):
    rng, chains = np.random.default_rng(7), 8000
    start, reference = draws(rng, chains), draws(rng, chains)
    # a wrong scale and a direction that is not an eigenvector: the law must not depend on the metric
    direction = np.array([[3.0], [4.0], [0.0]]) / 5
    metric = Metric(jnp.array([0.5, 1.0, 2.0]), jnp.asarray(direction), jnp.array([1.7]))

    def run(key, position):
        def step(state, i):
            return kernel(jax.random.fold_in(key, i), state, density, metric, 0.25)

        return jax.lax.scan(step, _nuts.init(density, position), jnp.arange(3))

    state, info = jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(3), chains), start)
    moved = np.asarray(state.position)
    assert_moments(reference, moved)
    assert (np.abs(moved - start).max(1) > 0).mean() > 0.9
    # the states carry the density and gradient of their positions
    again = jax.vmap(jax.value_and_grad(density))(state.position)
    np.testing.assert_allclose(state.log_density, again[0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(state.gradient, again[1], rtol=1e-8, atol=1e-10)
    assert 0.6 < float(info.acceptance_rate.mean()) <= 1


def test_law_of_a_single_coordinate():
    """Draws of a whole run follow the target's cdf (Kolmogorov-Smirnov on thinned draws of many chains)."""

    def run(key):
        state = _nuts.init(student, jnp.zeros(3))
        metric = diagonal(np.ones(3), 0)
        return jax.lax.fori_loop(
            0, 30, lambda i, s: _nuts.step(jax.random.fold_in(key, i), s, student, metric, 0.9)[0], state
        ).position[0]

    draws = np.asarray(jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(0), 2000)))
    assert stats.kstest(draws, stats.t(7).cdf).pvalue > 1e-4


class _SplitMix:
    """The generator of choices, in plain integers."""

    def __init__(self, seed):
        self.state = int(seed)

    def uniform(self):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = ((self.state ^ (self.state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        z ^= z >> 31
        return ((z >> 11) + 0.5) * 2.0**-53


def _turns(momenta):
    middle = momenta.sum(0) - 0.5 * (momenta[0] + momenta[-1])
    return momenta[0] @ middle <= 0 or momenta[-1] @ middle <= 0


def _leaves_until_turn(momenta):
    """Leaves after which growing a subtree stops, and whether it has turned: recursively, all balanced subtrees."""
    if len(momenta) == 1:
        return 1, False
    half = len(momenta) // 2
    used, turned = _leaves_until_turn(momenta[:half])
    if turned:
        return used, True
    used, turned = _leaves_until_turn(momenta[half:])
    return half + used, turned or _turns(momenta)


def _naive(start, momentum, precision, step_size, choices, max_depth):
    """Tree depth and number of leapfrog steps by the definition, on a trajectory that is computed in advance."""
    reach = 1 << max_depth

    def trajectory(sign):
        x, p, out = start.copy(), momentum.copy(), []
        for _ in range(reach):
            p = p - 0.5 * sign * step_size * precision @ x
            x = x + sign * step_size * p
            p = p - 0.5 * sign * step_size * precision @ x
            out.append((x, p))
        return out

    forward, backward = trajectory(1), trajectory(-1)
    points = {0: (start, momentum)} | {i + 1: v for i, v in enumerate(forward)} | {-i - 1: v for i, v in enumerate(backward)}
    left = right = depth = steps = 0
    while depth < max_depth:
        ahead = choices.uniform() < 0.5
        new = [right + 1 + i if ahead else left - 1 - i for i in range(1 << depth)]
        momenta = np.array([points[i][1] for i in new])
        used, turned = _leaves_until_turn(momenta)
        steps += used
        for _ in range(used + 1):
            choices.uniform()
        depth += 1
        old = np.array([points[i][1] for i in (range(left, right + 1) if ahead else range(right, left - 1, -1))])
        left, right = (left, new[-1]) if ahead else (new[-1], right)
        whole = np.concatenate([old, momenta])
        if turned or _turns(whole) or _turns(np.concatenate([old, momenta[:1]])) or _turns(np.concatenate([old[-1:], momenta])):
            break
    return depth, steps, points


def test_tree_against_recursion():
    rng = np.random.default_rng(5)
    precision = np.diag([1.0, 4.0, 30.0])
    function = lambda x: -0.5 * x @ jnp.asarray(precision) @ x  # noqa: E731
    step = jax.jit(lambda key, state, size: _nuts.step(key, state, function, diagonal(np.ones(3), 0), size, 7))
    depths = set()
    for i in range(120):
        key, start, size = jax.random.key(i), rng.normal(size=3) * [1, 0.5, 0.2], rng.choice([0.03, 0.1, 0.2, 0.33])
        state, info = step(key, _nuts.init(function, jnp.asarray(start)), size)
        momentum, bits = randomness(bits_of(key), 3, jnp.float64)
        depth, steps, points = _naive(start, np.asarray(momentum), precision, size, _SplitMix(bits), 7)
        assert (int(info.tree_depth), int(info.n_steps)) == (depth, steps)
        np.testing.assert_allclose(state.position, points[int(info.index_in_trajectory)][0], atol=1e-10)
        depths.add(depth)
    assert depths >= {2, 3, 4, 5, 6}


def test_divergence_keeps_the_state():
    def walled(x):
        return jnp.where(x[0] > 0, -0.5 * x @ x, jnp.nan)

    start = _nuts.init(walled, jnp.array([1e-3, 0.0]))
    step = jax.jit(lambda key: _nuts.step(key, start, walled, diagonal(np.ones(2), 0), 0.5))
    state, info = jax.vmap(step)(jax.random.split(jax.random.key(1), 200))
    assert bool(info.diverging.any())
    assert bool((state.position[:, 0] > 0).all()) and bool(jnp.isfinite(state.log_density).all())
    assert bool((info.max_energy_error[info.diverging] > DIVERGENCE).all())


@pytest.mark.parametrize("kernel", [_nuts.step, _hmc.step], ids=["nuts", "hmc"])
def test_refresh_recomputes(kernel):
    stale = _nuts.State(jnp.array([0.3, -0.1, 2.0]), jnp.array(1e9), jnp.zeros(3))
    state, _ = kernel(jax.random.key(0), stale, gaussian, diagonal(np.ones(3), 0), 0.5, 10, jnp.asarray(True))
    for got, wanted in zip(state, _nuts.init(gaussian, stale.position)):
        np.testing.assert_allclose(got, wanted, rtol=1e-14)


def test_refresh_shows_a_density_that_is_not_finite():
    stale = _nuts.State(jnp.array([-1.0]), jnp.array(0.0), jnp.zeros(1))
    state, _ = _nuts.step(jax.random.key(0), stale, lambda x: jnp.log(x).sum(), diagonal(np.ones(1), 0), 0.5, 10, jnp.asarray(True))
    assert np.isnan(state.log_density)


def _count(jaxpr, name):
    total = 0
    for equation in jaxpr.eqns:
        total += equation.primitive.name == name
        for parameter in jax.tree.leaves(list(equation.params.values())):
            inner = getattr(parameter, "jaxpr", parameter)
            total += _count(inner, name) if hasattr(inner, "eqns") else 0
    return total


@pytest.mark.parametrize("kernel", ["nuts", "hmc"])
def test_program_holds_the_gradient_once(kernel):
    target = LogDensity(lambda x, d, data: jax.lax.lgamma(x).sum(), (), 3)
    chain = _chain(np.ones(3), np.zeros(0, np.int64), np.random.SeedSequence(0), (3, 2))
    assert isinstance(chain, Chain)
    jaxpr = jax.make_jaxpr(build_advance(target, Setup(kernel, 10, 2)))(chain, Control.of(1, 1, 0.8), ())
    assert _count(jaxpr.jaxpr, "lgamma") == 1
    assert _count(jaxpr.jaxpr, "digamma") == 1
