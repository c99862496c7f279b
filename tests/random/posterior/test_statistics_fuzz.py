"""Random likelihoods with linear means: whatever is rewritten keeps its density, and most is."""

import numpy as np
import pytest
from reduction import at_random, planned, total

import symjax
import symjax.random as R
import symjax.tensor as T

N, GROUPS = 60, 4


class Grammar:
    """Random means of some rows from a few parameters, and scales."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.plates = [R.Normal(0, 1, shape=(GROUPS,), name=f"plate{i}") for i in range(3)]
        self.scalars = [R.Normal(0, 1, name=f"scalar{i}") for i in range(3)]
        self.matrix = R.Normal(0, 1, shape=(GROUPS, 3), name="matrix")
        self.scale, self.scales = R.HalfNormal(1.0, name="scale"), R.HalfNormal(1.0, shape=(GROUPS,), name="scales")
        self.latents = [*self.plates, *self.scalars, self.matrix, self.scale, self.scales]
        self.indices = [self.rng.integers(0, GROUPS, N) for _ in range(2)]
        self.columns = [self.rng.normal(size=N), self.rng.integers(0, 2, N), np.round(self.rng.normal(size=N)), np.ones(N)]

    def one(self, items):
        return items[self.rng.integers(len(items))]

    def small(self, depth):
        """A number made of parameters."""
        kind = self.rng.integers(6)
        if depth <= 0 or kind == 0:
            return self.one(self.scalars)
        if kind == 1:
            return self.one(self.plates)[int(self.rng.integers(GROUPS))]
        if kind == 2:
            return self.small(depth - 1) * self.small(depth - 1)
        if kind == 3:
            return T.tanh(self.small(depth - 1))
        return self.small(depth - 1) + (1.5 if kind == 4 else self.small(depth - 1))

    def plate(self, depth):
        """An expression for each group."""
        kind = self.rng.integers(6)
        if depth <= 0 or kind == 0:
            return self.one(self.plates)
        if kind == 1:
            return self.matrix[:, int(self.rng.integers(3))]
        if kind == 2:
            return self.small(depth - 1) + self.plate(depth - 1) * self.small(depth - 1)
        if kind == 3:
            return T.exp(0.3 * self.plate(depth - 1))
        return self.plate(depth - 1) + np.arange(4.0) * self.small(depth - 1)

    def rows(self, depth):
        """An expression for each row."""
        kind = self.rng.integers(14)
        if depth <= 0 or kind == 0:
            return self.one([self.small(1) * self.one(self.columns), self.plate(1)[self.one(self.indices)]])
        if kind <= 3:
            return self.rows(depth - 1) + self.rows(depth - 1)
        if kind == 4:
            return self.rows(depth - 1) - self.one(self.columns) * 0.5
        if kind == 5:
            return self.small(1) * self.rows(depth - 1)
        if kind == 6:
            return self.rows(depth - 1) * self.one(self.columns) / 2.0
        if kind == 7:
            return T.where(self.one(self.columns) > 0, self.rows(depth - 1), self.small(1))
        if kind == 8:
            return T.dot(np.stack(self.columns, 1), self.plate(1))
        if kind == 9:
            return (self.matrix[self.one(self.indices)] * np.stack(self.columns[:3], 1)).sum(axis=1)
        if kind == 10:
            return T.concatenate([self.rows(depth - 1)[:20], self.rows(depth - 1)[20:]])
        if kind == 11:
            return self.rows(depth - 1)[::-1]
        if kind == 12:
            return T.reshape(T.transpose(T.reshape(self.rows(depth - 1), (6, 10))), (N,))
        return T.stack([self.rows(depth - 1), self.rows(depth - 1)], axis=0).mean(axis=0)

    def spread(self):
        return self.one([self.scale, self.scale * (1 + np.abs(self.columns[0])), self.scales[self.one(self.indices)], 0.7])


def _agrees(seed):
    """Whether a random likelihood was rewritten, and that its density is what it was."""
    grammar = Grammar(seed)
    observed = R.Normal(grammar.rows(3), grammar.spread(), shape=(N,), name="y")
    joint, plan = planned({observed: grammar.rng.normal(size=N)}, grammar.latents)
    if not plan.applied:
        return False
    run = symjax.function(*joint.latents, outputs=[total(joint), total(plan.joint)], canonicalize=False)
    for _ in range(2):
        before, after = run(*at_random(joint, grammar.rng))
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-8, err_msg=str(seed))
    return True


def test_random_likelihoods_keep_their_density():
    assert sum(_agrees(seed) for seed in range(25)) >= 12


@pytest.mark.slow
def test_many_random_likelihoods_keep_their_density():
    assert sum(_agrees(seed) for seed in range(1000, 1400)) >= 200
