"""Rows of a multivariate normal law through their mean and scatter: the density stays what it was."""

import numpy as np
import pytest
from reduction import assert_same_density, planned

import symjax.random as R
import symjax.tensor as T

D, N = 3, 200
RNG = np.random.default_rng(4)
Y = RNG.normal(size=(N, D)) @ RNG.normal(size=(D, D)) + 40.0
X = RNG.normal(size=(N, D))


def root():
    q = R.HalfNormal(1.0, shape=(D,), name="q")
    below = R.Normal(0.0, 1.0, shape=(D, D), name="below")
    return T.diag(q) + T.tril(below, -1), [q, below]


def build(mean, value=Y, shape=None):
    chol, latents = root()
    mu = R.Normal(0.0, 1.0, shape=(D,), name="mu")
    return {R.MvNormal(mean(mu), chol=chol, shape=shape or value.shape, name="y"): value}, [*latents, mu]


MODELS = {
    "mean": lambda: build(lambda mu: mu),
    "affine mean": lambda: build(lambda mu: 2.0 * mu + 1.0),
    "offsets": lambda: build(lambda mu: X),
    "plates": lambda: build(lambda mu: mu, Y.reshape(4, 50, D)),
    "few directions": lambda: build(lambda mu: mu, np.outer(Y[:, 0], [1.0, 2.0, 3.0])),
}


@pytest.mark.parametrize("name", MODELS)
def test_density_is_the_same_from_four_rows(name):
    joint, plan = planned(*MODELS[name]())
    [rewrite] = plan.rewrites
    assert rewrite.reason == f"y: {N} rows → their mean and {D} rows of scatter"
    assert sum(f.term.size for f in rewrite.factors) == 1 + D + 1
    assert_same_density(joint, plan.joint, np.random.default_rng(0))


def wild():
    value = Y.copy()
    value[3, 1] = np.inf
    return value


@pytest.mark.parametrize(
    "make", [lambda: build(lambda mu: mu + X), lambda: build(lambda mu: mu, wild())], ids=["means differ", "infinite"]
)
def test_what_is_left_alone(make):
    assert not planned(*make())[1].rewrites


def test_few_rows_are_left_alone():
    assert not planned(*build(lambda mu: mu, Y[:12]))[1].rewrites
