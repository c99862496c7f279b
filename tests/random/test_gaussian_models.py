"""Random linear Gaussian models: a derived joint density is that of the joint Normal law, or it is refused."""

import numpy as np
import pytest
import scipy.stats as st

import symjax.random as R
import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.rewrite import canonicalize

N_BASE = 40


class Linear:
    """A tensor that is a linear map of independent standard Normals: ``weights @ z + offset``, one row for each element."""

    def __init__(self, node, weights, offset):
        self.node, self.weights, self.offset = node, weights, offset

    @property
    def shape(self):
        return self.node.shape

    def moved(self, node, places):
        """The elements of this one in other places, as NumPy moves an array of their numbers."""
        flat = np.ravel(places)
        return Linear(node, self.weights[flat], self.offset[flat])

    @property
    def numbers(self):
        return np.arange(len(self.offset)).reshape(self.shape)


class Model:
    """A random model of scalars and vectors of length three."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.used = 0
        self.nodes = []
        for _ in range(self.rng.integers(2, 5)):
            shape = [(), (3,)][self.rng.integers(2)]
            self.draw(Linear(T.zeros(shape), *self.zero(shape)))
        for _ in range(self.rng.integers(1, 6)):
            self.nodes.append(self.step())

    def zero(self, shape):
        size = int(np.prod(shape))
        return np.zeros((size, N_BASE)), np.zeros(size)

    def number(self):
        return float(self.rng.choice([-2.0, -1.0, 0.5, 1.0, 3.0]))

    def any(self):
        return self.nodes[self.rng.integers(len(self.nodes))]

    def draw(self, mean):
        sigma, size = abs(self.number()), len(mean.offset)
        weights = mean.weights.copy()
        weights[np.arange(size), self.used + np.arange(size)] = sigma
        self.used += size
        drawn = Linear(R.Normal(mean.node, sigma, shape=mean.shape), weights, mean.offset)
        self.nodes.append(drawn)
        return drawn

    def step(self):
        kind = self.rng.integers(8)
        x = self.any()
        if kind == 0 and self.used + len(x.offset) <= N_BASE:
            return self.draw(x)
        if kind <= 2:
            return self.sum(x, self.any())
        if kind == 3:
            c, d = self.number(), self.number()
            return Linear(c * x.node + d, c * x.weights, c * x.offset + d)
        if kind == 4 and len(x.offset) > 1:
            index = [0, slice(1, None), np.array([-1, 0]), slice(None, None, -1)][self.rng.integers(4)]
            return x.moved(x.node[index], x.numbers[index])
        if kind == 5 and x.shape:
            reduce = [T.sum, T.mean][self.rng.integers(2)]
            scale = 1.0 if reduce is T.sum else 1 / len(x.offset)
            return Linear(reduce(x.node), scale * x.weights.sum(0, keepdims=True), scale * x.offset.sum(keepdims=True))
        if kind == 6 and x.shape:
            return Linear(T.cumsum(x.node), x.weights.cumsum(0), x.offset.cumsum())
        y = self.any()
        if x.shape == y.shape == ():
            joined = T.stack([x.node, y.node])
        else:
            joined = T.concatenate([T.reshape(x.node, (-1,)), T.reshape(y.node, (-1,))])
        return Linear(joined, np.vstack([x.weights, y.weights]), np.concatenate([x.offset, y.offset]))

    def sum(self, x, y):
        if x.shape != y.shape and x.shape and y.shape:
            return Linear(-x.node, -x.weights, -x.offset)
        c = self.number()
        return Linear(x.node + c * y.node, x.weights + c * y.weights, x.offset + c * y.offset)


def valued(model):
    """Some of a model's nodes, the last among them, as a dict of node to (Linear, value)."""
    count = model.rng.integers(1, 4)
    chosen = {id(v.node): v for v in [model.nodes[-1], *(model.any() for _ in range(count - 1))]}.values()
    return [(v, np.round(model.rng.normal(size=v.shape), 2)) for v in chosen]


def check(seed):
    """Whether the joint density of a random model was derived; it must then be right."""
    model = Model(seed)
    pairs = valued(model)
    try:
        terms = R.logp({v.node: value for v, value in pairs})
    except NotDerivableError:
        return False
    found = sum(float(T.sum(t).eval()) for t in terms.values())
    weights = np.vstack([v.weights for v, _ in pairs])
    offset = np.concatenate([v.offset for v, _ in pairs])
    value = np.concatenate([np.ravel(u) for _, u in pairs])
    covariance = weights @ weights.T
    assert np.linalg.matrix_rank(covariance) == len(value), f"seed {seed}: a degenerate law was given a density"
    expected = st.multivariate_normal(offset, covariance).logpdf(value)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8, err_msg=f"seed {seed}")
    return True


@pytest.mark.parametrize("batch", range(6))
def test_derived_or_refused(batch):
    derived = [check(seed) for seed in range(100 * batch, 100 * batch + 25)]
    assert sum(derived) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(10))
def test_derived_or_refused_many(batch):
    assert sum(check(seed) for seed in range(10_000 + 200 * batch, 10_200 + 200 * batch)) >= 40


def moments(outputs, draws, seed, canonicalized):
    values = R.draw(outputs, draws, random_seed=seed, canonicalize=canonicalized)
    return np.concatenate([v.reshape(draws, -1) for v in values], 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_rewriting_keeps_the_joint_law(seed):
    model = Model(seed)
    chosen = [v for v, _ in valued(model)]
    outputs = [v.node for v in chosen]
    weights = np.vstack([v.weights for v in chosen])
    covariance = weights @ weights.T
    n = 4000
    found = np.cov(moments(canonicalize(outputs), n, seed, False).T).reshape(covariance.shape)
    # the standard error of a covariance of Normals is sqrt((c_ii c_jj + c_ij²) / n)
    error = np.sqrt((np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2) / n)
    assert (np.abs(found - covariance) <= 5 * error + 1e-9).all()
