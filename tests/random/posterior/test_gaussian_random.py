"""Random small models: whatever is integrated out agrees with dense linear algebra on the joint as written."""

from __future__ import annotations

import numpy as np
import pytest
from gaussian_reference import check, compiled

import symjax.random as R
import symjax.tensor as T


def _mean(rng, latents, scales, shape):
    """A random expression of a shape, affine in some of the latents."""
    total = T.constant(np.zeros(shape))
    n = int(np.prod(shape, dtype=int))
    for x in latents:
        how = rng.integers(0, 7)
        size = int(np.prod(x.shape, dtype=int))
        flat = x.ravel() if x.shape else T.reshape(x, (1,))
        if how == 0:
            continue
        if how in (1, 2):
            part = flat[rng.integers(0, size, n)] * (rng.normal(size=n) if how == 1 else scales[rng.integers(len(scales))])
        elif how == 3:
            part = rng.normal(size=(n, size)) @ flat
        elif how == 4:
            part = T.cumsum(T.concatenate([flat, np.ones(n)]))[:n] / (1 + scales[0])
        elif how == 5:
            part = T.where(rng.random(n) < 0.5, flat.sum(), -flat.mean())
        else:
            part = scales[rng.integers(len(scales))] * T.stack([flat[0]] * n) - rng.normal()
        total = total + T.reshape(part, shape)
    return total


def _scale(rng, scales, shape):
    choice = rng.integers(0, 4)
    if choice == 0:
        return float(rng.uniform(0.5, 2))
    if choice == 1 or not shape:
        return scales[rng.integers(len(scales))]
    if choice == 2:
        return scales[rng.integers(len(scales))] * rng.uniform(0.5, 2, shape)
    return T.stack(scales)[rng.integers(0, len(scales), shape)]


def _model(rng):
    scales = [R.HalfNormal(1.0, name=f"s{k}") for k in range(rng.integers(1, 4))]
    latents = []
    for k in range(rng.integers(1, 5)):
        shape = [(), (1,), (3,), (7,), (2, 3), (9,)][rng.integers(6)]
        if shape and len(shape) == 1 and rng.random() < 0.2:
            n = shape[0]
            root = rng.normal(size=(n, n))
            x = R.MvNormal(_mean(rng, latents, scales, shape), root @ root.T + np.eye(n), name=f"x{k}")
        elif len(shape) == 1 and shape[0] > 2 and rng.random() < 0.2:
            x = R.GaussianRandomWalk(rng.normal(), scales[0], init_dist=R.Normal(0.0, 2.0), steps=shape[0] - 1, name=f"x{k}")
        else:
            x = R.Normal(_mean(rng, latents, scales, shape), _scale(rng, scales, shape), name=f"x{k}")
        latents.append(x)
    observed = {}
    for k in range(rng.integers(1, 3)):
        shape = [(5,), (12,), (4, 3)][rng.integers(3)]
        y = R.Normal(_mean(rng, latents, scales, shape), _scale(rng, scales, shape), name=f"y{k}")
        observed[y] = rng.normal(size=shape)
    return observed, [*scales, *latents], {f"s{k}": rng.uniform(0.5, 1.5) for k in range(len(scales))}


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(k, marks=pytest.mark.slow) for k in range(4, 60))])
def test_random_model(seed):
    rng = np.random.default_rng(seed)
    values, latent, others = _model(rng)
    joint, plan = compiled(values, latent)
    assert {x.name for x in plan.joint.latents} == set(others)
    check(joint, plan, others)
