"""Discrete Markov chains summed out by the forward recursion: against all paths one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from enumeration import Checked

import symjax.random as R
import symjax.tensor as T

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
