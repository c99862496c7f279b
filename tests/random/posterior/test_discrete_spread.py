"""Random expressions of a discrete latent at all of its values: what each element is, and what it depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symjax.random as R
import symjax.tensor as T
from symjax.core._function import evaluate
from symjax.core._scope import detached
from symjax.core._traverse import substitute
from symjax.random.posterior import Latent
from symjax.random.posterior.discrete_places import NOWHERE, Tied, places_of
from symjax.random.posterior.discrete_spread import spread

K = 3
STEPS: list[Callable[[np.random.Generator, Any], Any]] = []


def step(fn: Callable[[np.random.Generator, Any], Any]) -> Callable[..., Any]:
    """Something that a model may do to a float expression; None where it cannot be done."""
    STEPS.append(fn)
    return fn


def _axis(rng: np.random.Generator, x: Any) -> int | None:
    return int(rng.integers(x.ndim)) if x.ndim else None


@step
def arithmetic(rng, x):
    return 1.5 * x - 0.5 + T.constant(rng.normal(size=x.shape[-1:] if x.ndim else ()))


@step
def choice(rng, x):
    return T.where(T.greater(x, 0.3), x, T.constant(rng.normal(size=x.shape)))


@step
def outer(rng, x):
    return x[..., None] * T.constant(rng.normal(size=2)) if x.ndim < 3 else None


@step
def swapped(rng, x):
    return T.transpose(x, tuple(rng.permutation(x.ndim).tolist())) if x.ndim > 1 else None


@step
def flat(rng, x):
    return T.reshape(x, (-1,))


@step
def picked(rng, x):
    axis = _axis(rng, x)
    return None if axis is None else T.take(x, rng.integers(0, x.shape[axis], 3), axis)


@step
def cut(rng, x):
    return x[1:] if x.ndim and x.shape[0] > 1 else None


@step
def one(rng, x):
    return x[..., -1] if x.ndim else None


@step
def two_indices(rng, x):
    return x[np.array([0, 0, 1]), :, np.array([0, 1, 1])] if x.ndim == 3 and min(x.shape) > 1 else None


@step
def turned(rng, x):
    return T.flip(x, 0) if x.ndim else None


@step
def rolled(rng, x):
    return T.roll(x, 1, 0) if x.ndim else None


@step
def repeated(rng, x):
    return T.repeat(x, 2, 0) if x.ndim else None


@step
def extended(rng, x):
    return T.concatenate([x, T.constant(rng.normal(size=(2, *x.shape[1:])))]) if x.ndim else None


@step
def stacked(rng, x):
    return T.stack([x, 2 * x, T.constant(rng.normal(size=x.shape))], -1) if x.ndim < 3 else None


@step
def doubled(rng, x):
    return x[:-1] * x[1:] if x.ndim and x.shape[0] > 1 else None


@step
def total(rng, x):
    axis = _axis(rng, x)
    return None if axis is None else (T.sum, T.max, T.logsumexp)[rng.integers(3)](x, axis, keepdims=bool(rng.integers(2)))


@step
def along(rng, x):
    axis = _axis(rng, x)
    return None if axis is None else (T.cumsum, T.softmax)[rng.integers(2)](x, axis)


@step
def product(rng, x):
    return T.matmul(x, rng.normal(size=(x.shape[-1], 2))) if x.ndim > 1 else None


@step
def inverse(rng, x):
    return T.linalg.inv(x[..., None, None] * np.ones((2, 2)) + 5 * np.eye(2)) if x.ndim < 2 else None


def _expression(rng: np.random.Generator, z: Any) -> Any:
    table = T.constant(rng.normal(size=(2, K, 2)))
    starts = [table[0, :, 0][z], table[0][z], table[:, z], table[1, z, 0], 1.0 * z, T.one_hot(z, K), table[:, :, 1][:, K - 1 - z]]
    if z.ndim == 1:
        per_row = T.constant(rng.normal(size=(z.shape[0], K)))
        starts += [T.take_along_axis(per_row, z[:, None], -1)[:, 0], per_row[np.arange(z.shape[0]), z]]
    x = starts[rng.integers(len(starts))]
    for _ in range(int(rng.integers(1, 5))):
        found = STEPS[rng.integers(len(STEPS))](rng, x)
        x = x if found is None or found.size > 200 else found
    return x


def _check(seed: int) -> bool:
    """Whether a random expression can be followed; it must be right then."""
    rng = np.random.default_rng(seed)
    shape = [(), (4,), (2, 3)][rng.integers(3)]
    with detached():
        z = Latent(R.Categorical(np.full(K, 1 / K), shape=shape))
        x = _expression(rng, z)
        try:
            places = places_of([x], {z: np.arange(z.size).reshape(shape)})
        except Tied:
            return False
        [array] = spread([x], places, {z: np.arange(K).reshape(K, *(1,) * z.ndim)})
        value = rng.integers(0, K, shape)
        want, got = evaluate([substitute([x], {z: T.constant(value)})[0], array])
    slots = [np.broadcast_to(s, x.shape) for s in places[x].slots]
    assert got.ndim == len(slots) + x.ndim
    got = np.broadcast_to(got, (*got.shape[: len(slots)], *x.shape))
    chosen = [np.where(s == NOWHERE, 0, value.ravel()[np.maximum(s, 0)]) for s in slots]
    assert np.allclose(got[(*chosen, *np.indices(x.shape))], want, rtol=1e-12, atol=1e-13)
    return True


@pytest.mark.parametrize("block", [0, *(pytest.param(b, marks=pytest.mark.slow) for b in range(1, 20))])
def test_random_expressions(block):
    followed = [_check(seed) for seed in range(60 * block, 60 * block + 60)]
    assert 20 < sum(followed) < 60
