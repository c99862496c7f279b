"""Discrete Markov chains summed out by the forward recursion: against all paths one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st
from enumeration import Checked, total

import symjax.random as R
import symjax.tensor as T
from symjax import ParameterError, ShapeError
from symjax.core._traverse import toposort
from symjax.random.posterior.chains_recursion import _by_halves, _by_steps

MODELS: dict[str, Callable[[np.random.Generator], tuple[Any, ...]]] = {}


def model(fn: Callable[[np.random.Generator], tuple[Any, ...]]) -> Callable[..., Any]:
    """A model: its latents, its observed variables and its potentials."""
    MODELS[fn.__name__] = fn
    return fn


def _transitions(k: int, batch: tuple[int, ...] = ()) -> Any:
    return R.Dirichlet(np.ones((*batch, k, k)), name="P")


@model
def hidden_markov(rng):
    P, mu, s = _transitions(3), R.Normal(0, 2, shape=3, name="mu"), R.HalfNormal(1, name="s")
    z = R.DiscreteMarkovChain(P, init_dist=R.Categorical([0.2, 0.3, 0.5]), steps=5, name="z")
    return [P, mu, s, z], {R.Normal(mu[z], s, name="y"): rng.normal(size=6)}


@model
def left_to_right(rng):
    p, mu = R.Beta(1, 1, shape=2, name="p"), R.Normal(0, 1, shape=3, name="mu")
    zero, one = T.constant(0.0), T.constant(1.0)
    P = T.stack([T.stack([1 - p[0], p[0], zero]), T.stack([zero, 1 - p[1], p[1]]), T.stack([zero, zero, one])])
    z = R.DiscreteMarkovChain(P, init_dist=R.Categorical([1.0, 0.0, 0.0]), steps=5, name="z")
    return [p, mu, z], {R.Normal(mu[z], 1.0, name="y"): rng.normal(size=6)}


@model
def batch_of_chains(rng):
    P, rate = _transitions(2, (3,)), R.Exponential(1, shape=2, name="rate")
    z = R.DiscreteMarkovChain(P, init_dist=R.Bernoulli(0.3), shape=(3, 4), name="z")
    return [P, rate, z], {R.Poisson(rate[z], name="y"): rng.poisson(1, (3, 4))}


@model
def autoregressive_emissions(rng):
    P, mu, phi = _transitions(2), R.Normal(0, 1, shape=2, name="mu"), R.Normal(0, 0.5, name="phi")
    z = R.DiscreteMarkovChain(P, steps=5, name="z")
    y = rng.normal(size=6)
    mean = mu[z]
    return [P, mu, phi, z], {R.Normal(mean[1:] + phi * (y[:-1] - mean[:-1]), 1.0, name="y"): y[1:]}


@model
def shuffled_groups_of_rows(rng):
    P, mu = _transitions(2), R.Normal(0, 1, shape=2, name="mu")
    z = R.DiscreteMarkovChain(P, steps=4, name="z")
    return [P, mu, z], {R.Normal(mu[z[np.array([3, 0, 4, 4, 2, 0, 1])]], 1.0, name="y"): rng.normal(size=7)}


@model
def chain_by_potential(rng):
    j, z = R.Normal(0, 1, name="j"), R.Bernoulli(0.4, shape=7, name="z")
    spin = 2 * z - 1
    return [j, z], {R.Normal(1.0 * z, 1.0, name="y"): rng.normal(size=7)}, {"bond": j * T.sum(spin[1:] * spin[:-1])}


@model
def chains_by_potential_along_the_first_axis(rng):
    j, z = R.Normal(0, 1, name="j"), R.Bernoulli(0.4, shape=(4, 2), name="z")
    bond = {"bond": T.sum(j * T.equal(z[1:], z[:-1])) / 2}
    return [j, z], {R.Normal(1.0 * z, 1.0, name="y"): rng.normal(size=(4, 2))}, bond


@model
def unrolled(rng):
    P, mu = _transitions(2), R.Normal(0, 2, shape=2, name="mu")
    z = [R.Categorical([0.3, 0.7], name="z0")]
    for t in range(1, 8):
        z.append(R.Categorical(P[z[-1]], name=f"z{t}"))
    y = rng.normal(size=8)
    return [P, mu, *z], {R.Normal(mu[z[t]], 1.0, name=f"y{t}"): np.array(y[t]) for t in range(8)}


@model
def unrolled_with_one_likelihood(rng):
    P, mu = _transitions(2), R.Normal(0, 2, shape=2, name="mu")
    z = [R.Bernoulli(0.3, name="z0")]
    for t in range(1, 8):
        z.append(R.Bernoulli(P[z[-1], 1], name=f"z{t}"))
    return [P, mu, *z], {R.Normal(mu[T.stack(z)], 1.0, name="y"): rng.normal(size=8)}


@model
def survival_of_animals(rng):
    phi, p = R.Beta(1, 1, name="phi"), R.Beta(1, 1, name="p")
    alive = [R.Bernoulli(1.0, shape=2, name="alive0")]
    seen = {}
    data = np.array([[1, 1], [1, 0], [0, 1], [1, 0], [0, 0], [0, 0]])
    for t in range(1, 7):
        alive.append(R.Bernoulli(phi * alive[-1], name=f"alive{t}"))
        seen[R.Bernoulli(p * alive[-1], name=f"seen{t}")] = data[t - 1]
    return [phi, p, *alive], seen


@model
def unrolled_with_latents_by_step(rng):
    P, x = _transitions(2), R.Normal(0, 1, shape=(7, 2), name="x")
    z = [R.Categorical([0.3, 0.7], name="z0")]
    for t in range(1, 7):
        z.append(R.Categorical(P[z[-1]], name=f"z{t}"))
    return [P, x, *z], {R.Normal(x[t][z[t]], 1.0, name=f"y{t}"): rng.normal(size=2) for t in range(7)}


@model
def chain_and_a_global_class(rng):
    P, c, mu = _transitions(2, (2,)), R.Bernoulli(0.4, name="c"), R.Normal(0, 1, shape=(2, 2), name="mu")
    z = R.DiscreteMarkovChain(P[c], steps=4, name="z")
    return [P, c, mu, z], {R.Normal(mu[c][z], 1.0, name="y"): rng.normal(size=5)}


@model
def chain_and_outliers(rng):
    P, mu = _transitions(2), R.Normal(0, 1, shape=2, name="mu")
    z, out = R.DiscreteMarkovChain(P, steps=3, name="z"), R.Bernoulli(0.1, shape=4, name="out")
    return [P, mu, z, out], {R.Normal(mu[z], T.switch(out, 5.0, 1.0), name="y"): rng.normal(size=4)}


@pytest.mark.parametrize("name", MODELS)
def test_evidence_and_recovery(name, rng):
    checked = Checked(*MODELS[name](rng))
    assert not checked.left, checked.plan.declined
    assert "forward_recursion" in {r.rule for r in checked.plan.applied}
    checked.check_evidence()
    checked.check_recovery()


def _forward(logits: Any, P: np.ndarray, init: np.ndarray) -> float:
    """Log evidence by the forward recursion in probabilities."""
    state, log_scale = init * np.exp(logits[0]), 0.0
    for row in logits[1:]:
        log_scale += np.log(state.sum())
        state = (state / state.sum()) @ P * np.exp(row)
    return float(log_scale + np.log(state.sum()))


def test_long_chain_against_numpy(rng):
    P, y = rng.dirichlet(np.ones(3), 3), rng.normal(size=300)
    mu, init = np.array([-1.0, 0.0, 1.0]), np.array([0.2, 0.5, 0.3])
    z = R.DiscreteMarkovChain(P, init_dist=R.Categorical(init), steps=299, name="z")
    checked = Checked([z], {R.Normal(T.constant(mu)[z], 1.0, name="y"): y})
    assert np.isclose(checked.at(), _forward(st.norm.logpdf(y[:, None], mu), P, init), rtol=1e-12)
    assert [r.reason for r in checked.plan.applied] == [
        "z (300): summed out over 3 states by the forward recursion; recovered after sampling"
    ]


def test_a_state_that_only_a_later_observation_proves(rng):
    """Weights that differ by more than a double's range do not lose the path that is left."""
    P = np.array([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]])
    logits = np.zeros((4, 3))
    logits[1, 1] = logits[2, 1] = -2000.0
    logits[3, :2] = -np.inf
    z = R.DiscreteMarkovChain(P, init_dist=R.Categorical([1.0, 0.0, 0.0]), steps=3, name="z")
    checked = Checked([z], None, {"p": T.constant(logits)[np.arange(4), z]})
    assert np.isclose(checked.at(), -2000 + np.log(0.375), rtol=1e-14)


def test_products_in_any_order_are_equal(rng):
    with jax.enable_x64(True):
        state, matrices = jnp.asarray(rng.normal(size=(2, 3))), rng.normal(size=(2, 13, 3, 3))
        matrices[:, 4, :, 1] = -np.inf
        matrices[:, 7, 2] = -np.inf
        ways = [jax.value_and_grad(lambda s, m, f=f: f(s, m).sum(), argnums=(0, 1)) for f in (_by_steps, _by_halves)]
        (one, slopes), (other, others) = (way(state, jnp.asarray(matrices)) for way in ways)
        assert np.isfinite(one)
        assert np.isclose(one, other, rtol=1e-13)
        assert all(np.allclose(a, b, rtol=1e-12, atol=1e-13) for a, b in zip(slopes, others, strict=True))


def _unrolled(n: int, rng: np.random.Generator, lag: int = 1) -> Checked:
    P, mu = _transitions(2), R.Normal(0, 2, shape=2, name="mu")
    z = [R.Categorical([0.3, 0.7], name=f"z{t}") for t in range(lag)]
    for t in range(lag, n):
        z.append(R.Categorical(P[z[-lag]], name=f"z{t}"))
    return Checked([P, mu, *z], {R.Normal(mu[z[t]], 1.0, name=f"y{t}"): rng.normal() for t in range(n)})


def test_an_unrolled_chain_costs_the_same_whatever_its_length(rng):
    def size(n: int) -> int:
        return len(toposort([total(_unrolled(n, rng).plan.joint)]))

    assert size(20) == size(60)


def test_two_interleaved_chains(rng):
    checked = _unrolled(12, rng, lag=2)
    assert sorted(r.variables[0] for r in checked.plan.applied if r.rule == "forward_recursion") == ["z0", "z1"]
    assert not checked.left
    checked.check_evidence(1)


def test_factors_of_states_that_are_no_neighbours_are_declined(rng):
    z = R.DiscreteMarkovChain(np.full((2, 2), 0.5), steps=20, name="z")
    checked = Checked([z], None, {"bond": 1.0 * z[2:] * z[:-2]})
    assert checked.left
    assert "not neighbours" in checked.plan.declined[0].reason


def test_a_potential_of_all_states_is_declined():
    z = R.DiscreteMarkovChain(np.full((2, 2), 0.5), steps=5, name="z")
    checked = Checked([z], None, {"p": T.square(1.0 * T.sum(z))})
    assert checked.left
    assert "several of its elements at once" in checked.plan.declined[0].reason


def test_of_two_chains_with_shared_emissions_one_is_summed_out(rng):
    P = np.array([[0.8, 0.2], [0.3, 0.7]])
    a, b = R.DiscreteMarkovChain(P, steps=3, name="a"), R.DiscreteMarkovChain(P, steps=3, name="b")
    checked = Checked([a, b], {R.Normal(1.0 * a + 2.0 * b, 1.0, name="y"): rng.normal(size=4)})
    assert len(checked.left) == 1
    checked.check_evidence()


def test_a_chain_that_waits_in_vain_is_summed_out_at_last(rng):
    """The plate would be summed out first, but cannot be at all."""
    P = np.array([[0.8, 0.2], [0.3, 0.7]])
    z, n = R.DiscreteMarkovChain(P, steps=3, name="z"), R.Poisson(2.0, shape=4, name="n")
    checked = Checked([z, n], {R.Normal(1.0 * z * n, 1.0, name="y"): rng.normal(size=4)})
    assert [x.name for x in checked.left] == ["n"]


# The distribution ---------------------------------------------------------------------------------------------------------


def test_densities_of_all_paths_sum_to_one(rng):
    P, init = rng.dirichlet(np.ones(3), (2, 3)), rng.dirichlet(np.ones(3))
    z = R.DiscreteMarkovChain(P, init_dist=R.Categorical(init), steps=3, name="z")
    paths = np.array(list(itertools.product(range(3), repeat=4)))
    log_p = R.logp(z, np.stack([paths, paths], 1)).eval()
    want = np.log(init[paths[:, 0]])[:, None] + sum(np.log(P[:, paths[:, t], paths[:, t + 1]]).T for t in range(3))
    assert np.allclose(log_p, want, rtol=1e-12)
    assert np.allclose(np.exp(log_p).sum(0), 1)


def test_outside_of_the_states_the_density_is_zero():
    z = R.DiscreteMarkovChain(np.full((2, 2), 0.5), steps=2, name="z")
    for value in ([0, 2, 1], [0, -1, 1], [0.0, 0.5, 1.0]):
        assert R.logp(z, np.array(value)).eval() == -np.inf


def test_the_support_point_is_possible():
    P = [[0.0, 1.0, 0.0], [0.0, 0.4, 0.6], [1.0, 0.0, 0.0]]
    z = R.DiscreteMarkovChain(P, init_dist=R.Categorical([1.0, 0.0, 0.0]), steps=5, name="z")
    point = z.distribution.support_point(*z.parents).eval()
    assert point.tolist() == [0, 1, 2, 0, 1, 2]
    assert np.isfinite(R.logp(z, point).eval())


def test_draws_have_the_law_s_transitions(rng):
    P, init = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.0, 0.6, 0.4]]), np.array([0.2, 0.3, 0.5])
    drawn = R.draw(R.DiscreteMarkovChain(P, init_dist=R.Categorical(init), steps=4, name="z"), 4000, random_seed=1)
    assert drawn.shape == (4000, 5)
    n = len(drawn)
    assert (np.abs(np.bincount(drawn[:, 0], minlength=3) / n - init) < 4.5 * np.sqrt(init * (1 - init) / n)).all()
    pairs = np.zeros((3, 3))
    np.add.at(pairs, (drawn[:, :-1].ravel(), drawn[:, 1:].ravel()), 1)
    rows = pairs.sum(1, keepdims=True)
    assert (np.abs(pairs / rows - P) <= 4.5 * np.sqrt(P * (1 - P) / rows)).all()


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"P": np.full((2, 3), 0.5), "steps": 3}, ShapeError, "square"),
        ({"P": np.full((2, 2), 0.5)}, ShapeError, "give steps= or shape="),
        ({"P": np.full((2, 2), 0.5), "steps": 3, "shape": (5,)}, ShapeError, "steps=3"),
        ({"P": np.full((2, 2), 0.5), "steps": 3, "n_lags": 2}, ParameterError, "n_lags"),
        ({"P": np.full((2, 2), -0.5), "steps": 3}, ParameterError, "'P'"),
        ({"P": np.full((2, 2), 0.5), "steps": 3, "init_dist": 3}, ParameterError, "init_dist"),
        ({"P": np.full((2, 2), 0.5), "steps": 3, "init_dist": R.Categorical([0.2, 0.3, 0.5])}, ShapeError, "3 states"),
        ({"steps": 3}, ParameterError, "exactly one"),
    ],
)
def test_errors(keywords, error, message):
    with pytest.raises(error, match=message):
        R.DiscreteMarkovChain(**keywords, name="z")
