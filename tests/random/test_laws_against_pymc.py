"""Laws made of other laws, and laws of vectors: shapes and log densities against PyMC's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symjax.random as R
from symjax.core._function import evaluate

W = np.array([0.2, 0.8])
WS = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
COV = np.array([[2.0, 0.5], [0.5, 1.0]])

#: Each takes PyMC's distributions or ours by their names.
CONTINUOUS: dict[str, Callable[[Any], Any]] = {
    "mvnormal cov": lambda L: L.MvNormal(np.array([1.0, -1.0]), COV, shape=(3, 2)),
    "mvnormal tau": lambda L: L.MvNormal(np.zeros(2), tau=COV),
    "mvnormal upper": lambda L: L.MvNormal(np.zeros(2), chol=np.array([[1.0, 2.0], [0.0, 3.0]]), lower=False),
    "mixture of a list": lambda L: L.Mixture(W, [L.Normal(0.0, 1.0), L.Laplace(1.0, 2.0)], shape=(4,)),
    "mixture of a batch": lambda L: L.Mixture(W, [L.Normal(np.zeros(3), 1.0), L.Normal(1.0, 2.0)]),
    "batch of weights": lambda L: L.Mixture(WS, [L.Normal(0.0, 1.0), L.Normal(1.0, 2.0)]),
    "components on an axis": lambda L: L.Mixture(WS, L.Normal(np.zeros((3, 2)), [1.0, 2.0])),
    "one axis, batch of weights": lambda L: L.Mixture(WS, L.Normal([0.0, 1.0], [1.0, 2.0])),
    "different supports": lambda L: L.Mixture(W, [L.Uniform(0.0, 0.5), L.Exponential(2.0)], shape=(5,)),
    "mixture of vectors": lambda L: L.Mixture(W, L.MvNormal(np.zeros((2, 2)), COV), shape=(3, 2)),
    "weights of vectors": lambda L: L.Mixture(WS, [L.MvNormal(np.zeros(2), COV), L.MvNormal(np.ones(2), 2 * COV)]),
    "mixture of mixtures": lambda L: L.Mixture(W, [L.Normal(0.0, 1.0), L.Mixture(W, L.Normal([3.0, 4.0], 1.0))], shape=(3,)),
    "normal mixture": lambda L: L.NormalMixture(WS, [0.0, 1.0], tau=[1.0, 2.0]),
    "walk": lambda L: L.GaussianRandomWalk(0.3, 2.0, init_dist=L.StudentT(3.0), steps=4),
    "walks": lambda L: L.GaussianRandomWalk([0.0, 1.0, 2.0], 1.0, init_dist=L.Normal(0.0, 2.0), steps=4),
    "steps first": lambda L: L.GaussianRandomWalk(0.0, [[1.0, 4.0], [2.0, 1.0]], init_dist=L.Normal(0.0, 2.0), shape=(2, 3)),
    "steps of one walk": lambda L: L.GaussianRandomWalk(0.0, [1.0, 2.0, 3.0], init_dist=L.Normal(0.0, 2.0), shape=(4,)),
    "batch of starts": lambda L: L.GaussianRandomWalk(0.0, 1.0, init_dist=L.Normal([0.0, 1.0], 2.0), steps=3),
}
DISCRETE: dict[str, Callable[[Any], Any]] = {
    "bernoulli p": lambda L: L.Bernoulli(p=np.array([0.0, 0.3, 1.0])),
    "bernoulli logit": lambda L: L.Bernoulli(logit_p=np.array([-40.0, 0.3, 40.0])),
    "binomial p": lambda L: L.Binomial(n=4, p=np.array([0.1, 0.5, 0.9])),
    "binomial logit": lambda L: L.Binomial(n=4, logit_p=np.array([-0.5, 0.3, 2.0])),
    "negative binomial n p": lambda L: L.NegativeBinomial(n=3.0, p=np.array([0.1, 0.5, 0.9])),
    "categorical p": lambda L: L.Categorical(np.array([0.2, 0.3, 0.5]), shape=(3,)),
    "categorical batch": lambda L: L.Categorical(np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1]])),
    "categorical logit": lambda L: L.Categorical(logit_p=np.array([[0.0, 1.0, -2.0], [3.0, 0.0, 0.1]]), shape=(3, 2)),
    "mixture of counts": lambda L: L.Mixture(W, [L.Poisson(2.0), L.NegativeBinomial(2.0, 3.0)], shape=(3,)),
    "hurdle": lambda L: L.Mixture(W, [L.DiscreteUniform(0, 0), L.Poisson(2.0)], shape=(3,)),
    "mixture of categories": lambda L: L.Mixture(W, L.Categorical(np.array([[0.2, 0.3, 0.5], [0.5, 0.4, 0.1]])), shape=(3,)),
}


class _Dists:
    """PyMC's ``.dist`` methods by the names of the distributions."""

    def __init__(self, pm: Any):
        self._pm = pm

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pm, name).dist


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CONTINUOUS, *DISCRETE])
def test_shape_and_log_density_are_those_of_pymc(name: str, rng: np.random.Generator) -> None:
    pm = pytest.importorskip("pymc")
    make = {**CONTINUOUS, **DISCRETE}[name]
    theirs, ours = make(_Dists(pm)), make(R)
    assert ours.shape == tuple(int(n) for n in theirs.shape.eval())
    assert R.draw(ours, random_seed=1).shape == ours.shape
    value = rng.integers(0, 2, size=ours.shape) if name in DISCRETE else rng.uniform(0.05, 0.95, size=ours.shape)
    # PyTensor takes logs of small integer constants in single precision
    np.testing.assert_allclose(evaluate(R.logp(ours, value)), pm.logp(theirs, value).eval(), rtol=1e-7, atol=1e-7)
