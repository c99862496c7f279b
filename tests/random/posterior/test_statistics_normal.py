"""Normal likelihoods through least squares: the density stays what it was, the rows become few."""

import numpy as np
import pytest
from reduction import assert_same_density, at_random, compiled, planned, rows_of

import symjax.random as R
import symjax.tensor as T
from symjax.random.posterior._least_squares import Rows, reduce_rows, significant

N = 300


class Data:
    """Data and parameters that the cases use."""

    def __init__(self, rng):
        self.rng = rng
        self.X = rng.normal(size=(N, 4))
        self.y, self.x, self.Y = rng.normal(size=N), rng.normal(size=N), rng.normal(size=(N, 3))
        self.g, self.h = rng.integers(0, 7, N), rng.integers(0, 5, N)
        self.v = rng.uniform(0.5, 2.0, N)
        self.s = R.HalfNormal(1.0, name="s")
        self.sg = R.HalfNormal(1.0, shape=(7,), name="sg")
        self.sr = R.HalfNormal(1.0, shape=(3,), name="sr")
        self.mu = R.Normal(0, 1, name="mu")
        self.b = R.Normal(0, 1, shape=(4,), name="b")
        self.a = R.Normal(0, 1, shape=(7,), name="a")
        self.c = R.Normal(0, 1, shape=(5,), name="c")
        self.ac = R.Normal(0, 1, shape=(7, 5), name="ac")
        self.u = R.Normal(0, 1, shape=(7, 2), name="u")
        self.B = R.Normal(0, 1, shape=(4, 3), name="B")
        self.latents = [self.s, self.sg, self.sr, self.mu, self.b, self.a, self.c, self.ac, self.u, self.B]

    def columns(self):
        mean = self.b[0]
        for i in range(3):
            mean = mean + self.b[i + 1] * self.X[:, i]
        return mean


#: The mean and the scale, the number of rows that are left, and which data are observed.
CASES = {
    "known mean": (lambda d: (0.3, d.s), 0, "y"),
    "known mean and scales by group": (lambda d: (0.3, d.sg[d.g]), 0, "y"),
    "common mean": (lambda d: (d.mu, d.s), 1, "y"),
    "matrix": (lambda d: (d.mu + T.dot(d.X, d.b), d.s), 5, "y"),
    "matrix from the right": (lambda d: (T.dot(d.b, d.X.T), d.s), 4, "y"),
    "nonlinear in parameters": (lambda d: (T.exp(d.mu) * T.dot(d.X, T.tanh(d.b)), d.s), 4, "y"),
    "column by column": (lambda d: (d.columns(), d.s), 4, "y"),
    "collinear": (lambda d: (d.columns() + d.b[1] * (d.X[:, 0] + 2 * d.X[:, 1]) + d.mu * d.X[:, 2], d.s), 4, "y"),
    "constant offset": (lambda d: (d.mu * d.x + d.x**2 + 3, d.s), 1, "y"),
    "divided": (lambda d: ((d.mu - d.x * d.b[0]) / d.v, d.s), 2, "y"),
    "scaled by the scale": (lambda d: (d.s * (d.a[d.g] * d.x) - d.b[1] / d.s, d.s), 14, "y"),
    "where": (lambda d: (T.where(d.x > 0, d.mu, d.b[0] * d.x), d.s), 2, "y"),
    "concatenated": (lambda d: (T.concatenate([d.mu * np.ones(100), d.b[1] * d.x[100:]]), d.s), 2, "y"),
    "stacked": (lambda d: (T.stack([d.mu * d.x, d.b[1] * d.x**2], axis=1).sum(axis=1), d.s), 2, "y"),
    "repeated": (lambda d: (T.repeat(d.b[:3], 100, 0) * d.x, d.s), 3, "y"),
    "tiled and turned": (lambda d: (T.flip(T.roll(T.tile(d.b[:3], 100), 1, 0), 0), d.s), 3, "y"),
    "mean of columns": (lambda d: ((d.X * d.b).mean(axis=1), d.s), 4, "y"),
    "reshaped": (lambda d: (T.reshape(d.B[0][None, :] * d.x.reshape(100, 3), (N,)), d.s), 3, "y"),
    "groups": (lambda d: (d.a[d.g], d.s), 7, "y"),
    "groups from behind": (lambda d: (d.a[d.g - 7], d.s), 7, "y"),
    "groups of functions": (lambda d: (T.exp(d.a[d.g]) + T.exp(d.a)[d.g] * d.x, d.s), 14, "y"),
    "products in groups": (lambda d: (d.a[d.g] * d.sg[d.g], d.s), 7, "y"),
    "intercepts and slopes": (lambda d: (d.a[d.g] + d.sg[d.g] * d.x, d.s), 14, "y"),
    "groups and matrix": (lambda d: (d.mu + d.a[d.g] + T.dot(d.X, d.b), d.s), 11, "y"),
    "slopes and matrix": (lambda d: (d.a[d.g] + d.sg[d.g] * d.x + T.dot(d.X, d.b), d.s), 18, "y"),
    "columns by group": (lambda d: (d.mu * np.arange(7.0)[d.g] + d.a[d.g] + d.b[0] * d.x, d.s), 8, "y"),
    "crossed": (lambda d: (d.a[d.g] + d.c[d.h], d.s), 11, "y"),
    "crossed and a column": (lambda d: (d.a[d.g] + d.c[d.h] + d.b[1] * d.x, d.s), 12, "y"),
    "interaction": (lambda d: (d.a[d.g] + d.c[d.h] + d.ac[d.g, d.h], d.s), 35, "y"),
    "matrix of effects": (lambda d: ((d.X[:, :2] * d.u[d.g]).sum(axis=1), d.s), 14, "y"),
    "scales by group": (lambda d: (d.mu + d.b[0] * d.x, d.sg[d.g]), 14, "y"),
    "all by group": (lambda d: (d.a[d.g] + d.b[0] * d.x, d.sg[d.g]), 14, "y"),
    "scales and other groups": (lambda d: (d.c[d.h], d.sg[d.g] * d.v), 35, "y"),
    "weights": (lambda d: (d.mu + T.dot(d.X, d.b), d.s * d.v), 5, "y"),
    "known scales": (lambda d: (d.mu + T.dot(d.X, d.b), d.v), 5, "y"),
    "weighted groups": (lambda d: (d.a[d.g] + d.mu * d.x, d.s / d.v), 8, "y"),
    "responses": (lambda d: (T.dot(d.X, d.B), d.s), 12, "Y"),
    "responses with scales": (lambda d: (T.dot(d.X, d.B) + d.mu, d.sr), 15, "Y"),
    "responses in groups": (lambda d: (d.B[:, :][d.h % 4] + d.mu * d.x[:, None], d.sr), 15, "Y"),
    "responses and weights": (lambda d: (T.dot(d.X, d.B), d.sr * d.v[:, None]), 12, "Y"),
    "means of columns": (lambda d: (d.B[0], d.sr), 3, "Y"),
    "means of all": (lambda d: (d.mu, d.s), 1, "Y"),
}


@pytest.mark.parametrize("name", CASES)
def test_density_and_gradient_are_kept(name, rng):
    d = Data(rng)
    parameters, rows, data = CASES[name]
    y = getattr(d, data)
    observed = R.Normal(*parameters(d), shape=y.shape, name="y")
    joint, plan = planned({observed: y}, d.latents)
    assert [r.rule for r in plan.applied] == ["sufficient_statistics"]
    assert rows_of(plan.joint) == rows
    assert_same_density(joint, plan.joint, rng)


def test_logarithms_of_positive_observations(rng):
    d = Data(rng)
    joint, plan = planned({R.LogNormal(d.mu * d.x + d.b[2], d.s, name="y"): np.exp(d.y)}, d.latents)
    assert rows_of(plan.joint) == 2
    assert_same_density(joint, plan.joint, rng)


def test_rows_of_an_axis_of_parameters(rng):
    d = Data(rng)
    for shape, mean in [((7, 40), d.a[:, None]), ((40, 7), d.a), ((40, 7), d.a + d.mu)]:
        joint, plan = planned({R.Normal(mean, d.s, shape=shape, name="y"): rng.normal(size=shape)}, d.latents)
        assert rows_of(plan.joint) == 7
        assert_same_density(joint, plan.joint, rng)


def test_crossed_effects_without_repetitions(rng):
    d = Data(rng)
    joint, plan = planned({R.Normal(d.a[:, None] + d.c, d.s, shape=(7, 5), name="y"): rng.normal(size=(7, 5))}, d.latents)
    assert rows_of(plan.joint) == 11  # one of the 12 parameters' directions leaves the mean as it is
    assert_same_density(joint, plan.joint, rng)


@pytest.mark.parametrize("sizes", [[0, 1, 2, 3, 50, 700], [1, 1, 1, 200], [3000, 1, 0, 20]])
def test_groups_of_all_sizes(sizes, rng):
    g = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    x, y = rng.normal(size=(2, len(g)))
    a, b = R.Normal(0, 1, shape=(len(sizes),), name="a"), R.Normal(0, 1, shape=(len(sizes),), name="b")
    mu, s = R.Normal(0, 1, name="mu"), R.HalfNormal(1.0, name="s")
    for mean in (a[g], a[g] + mu * x, a[g] + b[g] * x, a[g] + b[g] * x + mu * x**2):
        joint, plan = planned({R.Normal(mean, s, name="y"): y}, [a, b, mu, s])
        assert plan.applied
        assert_same_density(joint, plan.joint, rng)


def test_members_without_rows_are_left_out_where_most_have_none(rng):
    a, s = R.Normal(0, 1, shape=(1000,), name="a"), R.HalfNormal(1.0, name="s")
    g = rng.choice([3, 17, 998], 2500)
    joint, plan = planned({R.Normal(a[g], s, name="y"): rng.normal(size=2500)}, [a, s])
    assert rows_of(plan.joint) == 3
    assert_same_density(joint, plan.joint, rng)


def test_plate_expressions_are_used_elementwise(rng):
    """The rows that are left are in terms of the plates as they are, which is what later rules can use."""
    d = Data(rng)
    mean = d.mu + d.sg * d.a
    _, plan = planned({R.Normal(mean[d.g], d.s, name="y"): d.y}, d.latents)
    law = next(f.law for f in plan.joint.factors if f.name == "y" and f.law is not None)
    assert law.shape == (7,)
    assert law.parameters["sigma"].size == 1
    assert "getitem" not in {p.op.name for p in law.parameters["mu"].parents if p.op is not None}


DECLINED = {
    "mean not linear": lambda d: R.Normal(T.exp(d.mu * d.x), d.s, name="y"),
    "scale varies": lambda d: R.Normal(d.mu, d.s + d.sg[0] * d.v, name="y"),
    "scale of two signs": lambda d: R.Normal(d.mu, d.s * d.x, name="y"),
    "products over groups": lambda d: R.Normal(d.a[d.g] * d.c[d.h] * d.x, d.s * (1 + d.mu**2 * d.v), name="y"),
    "curve of a product": lambda d: R.Normal(T.sin(d.a[d.g] * d.x), d.s, name="y"),
    "index of a latent": lambda d: R.Normal(d.a[d.z], d.s, name="y"),
    "a mean for each row": lambda d: R.Normal(d.rows, d.s, name="y"),
    "as many columns as rows": lambda d: R.Normal(T.dot(d.rng.normal(size=(N, N)), d.rows), d.s, name="y"),
}


@pytest.mark.parametrize("name", DECLINED)
def test_what_cannot_be_reduced_stays(name, rng):
    d = Data(rng)
    d.rows = R.Normal(0, 1, shape=(N,), name="rows")
    d.z = R.Categorical(np.ones(7) / 7, shape=(N,), name="z")
    joint, plan = planned({DECLINED[name](d): d.y}, [*d.latents, d.rows, d.z])
    assert not plan.applied
    assert plan.joint is joint


def test_latent_values_are_not_data(rng):
    """A law of latents is no likelihood, whatever its parameters."""
    mu, s = R.Normal(0, 1, name="mu"), R.HalfNormal(1.0, name="s")
    _, plan = planned({}, [mu, s, R.Normal(mu, s, shape=(50,), name="y")])
    assert not plan.applied


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_data_that_is_not_finite_is_left_alone(bad, rng):
    d = Data(rng)
    y, x = d.y.copy(), d.x.copy()
    y[5] = bad
    assert not planned({R.Normal(d.mu, d.s, shape=(N,), name="y"): y}, d.latents)[1].applied
    x[5] = bad
    assert not planned({R.Normal(d.mu * x, d.s, name="y"): d.y}, d.latents)[1].applied
    assert not planned({R.Normal(d.mu * x + d.a[d.g], d.s, name="y"): d.y}, d.latents)[1].applied


def test_a_scale_that_is_not_allowed_has_no_density(rng):
    d = Data(rng)
    t = R.Normal(0, 1, name="t")
    joint, plan = planned({R.Normal(d.mu + d.b[0] * d.x, t, name="y"): d.y}, [*d.latents, t])
    run = compiled(joint, plan.joint)
    point = at_random(joint, rng)
    point[-1] = np.array(-1.0)
    [before, after], _ = run(*point)
    assert before == after == -np.inf


def test_known_mean_and_scale_that_is_not_allowed(rng):
    t = R.Normal(0, 1, name="t")
    joint, plan = planned({R.Normal(0.5, t, shape=(9,), name="y"): rng.normal(size=9)}, [t])
    assert plan.applied
    [before, after], _ = compiled(joint, plan.joint)(np.array(-2.0))
    assert before == after == -np.inf


def test_badly_conditioned_columns(rng):
    """Powers of a year, of condition 1e13 as they stand, where the normal equations keep no digit: QR keeps what the data tell."""
    n = 200
    year = np.linspace(1900, 2000, n)
    columns = [np.ones(n), year, year**2, year**3]
    truth = np.array([1.0, 2.0, -3.0, 0.5])
    exact = sum(t * np.asarray(c, np.longdouble) for t, c in zip(truth, columns, strict=True))
    y = np.asarray(exact, float) + rng.normal(size=n)
    found = reduce_rows(Rows(columns, [y], [None], None, n), 4, None, 1)
    r, z, extra = significant(found.factors[0], found.values[0])
    assert len(r) == 4
    residual = y - np.asarray(exact, float)
    rows = (r.astype(np.longdouble) @ truth.astype(np.longdouble) - z[:, 0].astype(np.longdouble)).astype(float)
    np.testing.assert_allclose(rows @ rows + found.residual[0, 0] + extra[0], residual @ residual, rtol=1e-5)


def test_triangles_are_those_of_the_whole(rng):
    """Rows in many blocks, and groups of all sizes, against NumPy's factorization of all rows at once."""
    n = 40_000
    a, b, y = rng.normal(size=(3, n))
    whole = np.linalg.qr(np.stack([a, b, y], 1), mode="r")
    found = reduce_rows(Rows([a, b], [y], [None], None, n), 2, None, 1)
    np.testing.assert_allclose(np.abs(found.factors[0]), np.abs(whole[:2, :2]), rtol=1e-11)
    np.testing.assert_allclose(found.residual, whole[2:, 2:] ** 2, rtol=1e-11)
    cells = rng.integers(0, 500, n) ** 2 // 500
    for own in (1, 2):
        found = reduce_rows(Rows([a, b], [y], [None], None, n), own, cells, 500)
        squares = np.zeros(500)
        rest = []
        for cell in range(500):
            block = np.stack([a, b, y], 1)[cells == cell]
            r = np.linalg.qr(block, mode="r")
            k = min(own, len(r))
            np.testing.assert_allclose(np.abs(found.factors[cell, :k]), np.abs(r[:k, :2]), rtol=1e-9, atol=1e-12)
            rest.append(r[own:, own:])
            squares[cell] = np.sum(r[own:, 2] ** 2)
        if own == 2:
            np.testing.assert_allclose(found.residual[:, 0], squares, rtol=1e-9, atol=1e-12)
        else:
            last = np.linalg.qr(np.concatenate(rest), mode="r")
            np.testing.assert_allclose(np.abs(found.common), np.abs(last[:1, :1]), rtol=1e-10)
            np.testing.assert_allclose(found.residual, last[1:, 1:] ** 2, rtol=1e-10)
