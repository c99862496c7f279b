"""Laws of Normal and MvNormal draws: affine expressions of any operations, squares, ratios and comparisons."""

import numpy as np
import pytest
import scipy.stats as st
from law_table import POSITIVE, Gaussian, Law, check_broken, check_draws, check_law, draws_of_table

import symjax.random as R
import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.core._function import clone

MEAN, COV = np.array([0.3, -0.2, 1.0]), np.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.5]])
A = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]])
SCALES = np.array([0.5, 1.0, 2.0])
ROOT = np.array([[1.0, 0.0], [-0.5, 2.0]])
PAIRS = np.array([[0.4, 1.2], [-2.0, 0.3]])
TRIPLES = np.array([[0.4, 1.2, 0.9], [-2.0, 0.3, 0.7]])


def z(*shape):
    return R.Normal(0.0, 1.0, shape=shape)


def vector(**kwargs):
    return R.MvNormal(MEAN, COV, **kwargs)


def affine(family, build, mean, cov, points):
    """A row of `affine_of_gaussians`, whose reference is one Normal or a joint one."""
    cov = np.asarray(cov, float)
    reference = Gaussian(mean, cov) if cov.ndim else st.norm(mean, np.sqrt(cov))
    return Law("affine_of_gaussians", build, family, None, reference, points)


def _running_sums():
    x = [R.Normal(1.0, 2.0)]
    for _ in range(2):
        x.append(R.Normal(0.9 * x[-1], 1.0))
    return T.stack(x)


def _crossed():
    rows, columns = z(2), R.Normal(1.0, 2.0, shape=(3,))
    return rows[:, None] + columns[None, :] + R.Normal(0.0, 0.5, shape=(2, 3))


def _shared_in_each_row():
    return R.Normal(np.arange(3.0)[:, None], 2.0) + z(3, 2)


def _one_draw_in_two_sums():
    a, b, c = z(), z(), z()
    return T.stack([a + b, b - c, 2 * c])


CHAIN = np.array([[2.0, 0, 0], [1.8, 1, 0], [1.62, 0.9, 1]])
CROSSED = np.kron(np.eye(2), np.ones((3, 3))) + 4 * np.kron(np.ones((2, 2)), np.eye(3)) + 0.25 * np.eye(6)
LAWS = {
    "scalar in a vector": affine(R.MvNormal, lambda: R.Normal(1.0, 2.0) + z(3), np.ones(3), np.eye(3) + 4, TRIPLES),
    "scalar in each row": affine(
        R.MvNormal,
        _shared_in_each_row,
        np.repeat(np.arange(3.0)[:, None], 2, 1),
        np.kron(np.eye(3), np.eye(2) + 4),
        TRIPLES.T[None] / 2,
    ),
    "crossed": affine(None, _crossed, np.ones((2, 3)), CROSSED, TRIPLES),
    "matrix times vector": affine(R.MvNormal, lambda: A @ R.Normal(0.0, SCALES), np.zeros(2), A @ np.diag(SCALES**2) @ A.T, PAIRS),
    "matrix times MvNormal": affine(R.MvNormal, lambda: T.dot(A, vector()), A @ MEAN, A @ COV @ A.T, PAIRS),
    "matrix times each vector": affine(
        R.MvNormal, lambda: T.einsum("ij,nj->ni", A, vector(size=2)), [A @ MEAN] * 2, np.kron(np.eye(2), A @ COV @ A.T), PAIRS[None]
    ),
    "matrix times matrix": affine(None, lambda: A @ z(3, 2), np.zeros((2, 2)), np.kron(A @ A.T, np.eye(2)), PAIRS),
    "matrix between matrices": Law(
        "product_with_normal_matrix",
        lambda: A @ R.Normal(1.0, 2.0, shape=(3, 2)) @ PAIRS,
        R.MatrixNormal,
        None,
        Gaussian(A @ np.ones((3, 2)) @ PAIRS, 4 * np.kron(A @ A.T, PAIRS.T @ PAIRS)),
        PAIRS + 1,
    ),
    "matrix times MatrixNormal": Law(
        "product_with_normal_matrix",
        lambda: A @ R.MatrixNormal(np.ones((3, 2)), rowcov=COV, colcov=ROOT @ ROOT.T),
        R.MatrixNormal,
        (A @ np.ones((3, 2)), np.linalg.cholesky(A @ COV @ A.T), ROOT),
        Gaussian(A @ np.ones((3, 2)), np.kron(A @ COV @ A.T, ROOT @ ROOT.T)),
        PAIRS + 1,
    ),
    "row of a matrix": affine(
        R.MvNormal,
        lambda: R.MatrixNormal(np.ones((3, 2)), rowcov=COV, colcov=ROOT @ ROOT.T)[1],
        np.ones(2),
        COV[1, 1] * ROOT @ ROOT.T,
        PAIRS,
    ),
    "element": affine(R.Normal, lambda: vector()[1], MEAN[1], COV[1, 1], (-0.3, 1.4)),
    "elements": affine(R.MvNormal, lambda: vector()[[2, 0]], MEAN[[2, 0]], COV[[2, 0]][:, [2, 0]], PAIRS),
    "element of each": affine(R.Normal, lambda: vector(size=2)[:, 2], MEAN[2], COV[2, 2], PAIRS),
    "elements of iid": affine(R.Normal, lambda: R.Normal(2.0, 3.0, shape=(4,))[1:3], 2.0, 9.0, PAIRS),
    "sum of MvNormal": affine(R.Normal, lambda: vector().sum(), MEAN.sum(), COV.sum(), (-0.3, 1.4)),
    "mean of MvNormals": affine(R.MvNormal, lambda: T.stack([vector(), vector()]).mean(0), MEAN, COV / 2, TRIPLES),
    "weighted sum": affine(R.Normal, lambda: T.dot(SCALES, vector()), SCALES @ MEAN, SCALES @ COV @ SCALES, (-0.3, 1.4)),
    "sum of vectors": affine(R.MvNormal, lambda: vector() - 2 * vector(), -MEAN, 5 * COV, TRIPLES),
    "vector and noise": affine(R.MvNormal, lambda: vector() + z(3), MEAN, COV + np.eye(3), TRIPLES),
    "differences": affine(R.MvNormal, lambda: T.diff(z(4)), np.zeros(3), 2 * np.eye(3) - np.eye(3, k=1) - np.eye(3, k=-1), TRIPLES),
    "element of a running sum": affine(R.Normal, lambda: T.cumsum(R.Normal(1.0, SCALES))[1], 2.0, 1.25, (-0.3, 1.4)),
    "noisy running sum": affine(
        R.MvNormal, lambda: T.cumsum(z(3)) + z(3), np.zeros(3), np.tri(3) @ np.tri(3).T + np.eye(3), TRIPLES
    ),
    "chain": affine(R.MvNormal, _running_sums, [1.0, 0.9, 0.81], CHAIN @ CHAIN.T, TRIPLES),
    "shared summands": affine(R.MvNormal, _one_draw_in_two_sums, np.zeros(3), [[2, 1, 0], [1, 2, -2], [0, -2, 4]], TRIPLES),
    "stack of independent": affine(
        R.Normal, lambda: T.stack([R.Normal(1.0, 2.0), R.Normal(0.0, 1.0) + z()]), np.array([1.0, 0.0]), np.diag([4.0, 2.0]), PAIRS
    ),
    "concatenation": affine(
        R.MvNormal,
        lambda: T.concatenate([vector(), z(1)]),
        [*MEAN, 0.0],
        np.block([[COV, np.zeros((3, 1))], [np.zeros((1, 3)), np.ones((1, 1))]]),
        np.c_[TRIPLES, [0.1, 0.2]],
    ),
    "moved about": affine(
        R.MvNormal,
        lambda: T.flip(T.roll(T.repeat(vector(), 2), 2)[::2]) + T.pad(z(2), ((0, 1),)) + T.diag(T.tril(T.tile(z(3), (3, 1)))),
        MEAN[[1, 0, 2]],
        COV[[1, 0, 2]][:, [1, 0, 2]] + np.diag([2.0, 2.0, 1.0]),
        TRIPLES,
    ),
    "where": affine(
        R.MvNormal,
        lambda: T.where(np.array([True, False, True]), vector(), z()),
        [MEAN[0], 0, MEAN[2]],
        [[2.0, 0, 0.1], [0, 1, 0], [0.1, 0, 0.5]],
        TRIPLES,
    ),
    "Normal mean": affine(R.Normal, lambda: R.Normal(2 * R.Normal(1.0, 3.0) + 1, 2.0), 3.0, 40.0, (-0.3, 1.4)),
    "Normal mean of each": affine(
        R.Normal, lambda: R.Normal(R.Normal(1.0, SCALES), 2.0), np.ones(3), 4 * np.eye(3) + np.diag(SCALES**2), TRIPLES
    ),
    "Normal mean of all": affine(
        R.MvNormal, lambda: R.Normal(R.Normal(1.0, 3.0), 2.0, shape=(3,)), np.ones(3), 9 + 4 * np.eye(3), TRIPLES
    ),
    "MvNormal mean": affine(
        R.MvNormal, lambda: R.MvNormal(A @ vector(), np.eye(2) + 0.5), A @ MEAN, A @ COV @ A.T + np.eye(2) + 0.5, PAIRS
    ),
    "square": Law("square_of_normal_2", lambda: z() ** 2, R.ChiSquared, (1.0,), st.chi2(1), POSITIVE),
    "square of a product": Law("square_of_normal", lambda: T.square(z()), R.ChiSquared, (1.0,), st.chi2(1), POSITIVE),
    "scaled square": Law(
        "square_of_normal", lambda: T.square(R.Normal(0.0, 2.0)), R.Gamma, (0.5, 0.125), st.gamma(0.5, scale=8), POSITIVE
    ),
    "square of a half": Law(
        "square_of_normal_3", lambda: T.square(R.HalfNormal(2.0)), R.Gamma, (0.5, 0.125), st.gamma(0.5, scale=8), POSITIVE
    ),
    "power of a half": Law(
        "square_of_normal_4", lambda: R.HalfNormal(2.0) ** 2, R.Gamma, (0.5, 0.125), st.gamma(0.5, scale=8), POSITIVE
    ),
    "dot": Law("dot_of_normal", lambda: (lambda x: x @ x)(z(5)), R.ChiSquared, (5.0,), st.chi2(5), POSITIVE),
    "scaled dot": Law(
        "dot_of_normal", lambda: (lambda x: x @ x)(3 * z(4)), R.Gamma, (2.0, 1 / 18), st.gamma(2, scale=18), POSITIVE
    ),
    "sum of squares": Law("square_of_normal_2", lambda: (z(2, 3) ** 2).sum(), None, None, st.chi2(6), POSITIVE),
    "scaled sum of squares": Law(
        "square_of_normal_2", lambda: (R.Normal(0.0, 2.0, shape=(3,)) ** 2).sum(), None, None, st.gamma(1.5, scale=8), POSITIVE
    ),
    "norm": Law("", lambda: T.norm(z(4)), None, None, st.chi(4), POSITIVE),
    "absolute value": Law("abs_of_normal", lambda: abs(R.Normal(0.0, 2.0)), R.HalfNormal, (2.0,), st.halfnorm(scale=2), POSITIVE),
    "ratio": Law("ratio_of_normals", lambda: R.Normal(0.0, 3.0) / R.Normal(0.0, 2.0), R.Cauchy, (0.0, 1.5), st.cauchy(0, 1.5)),
    "ratio to a half": Law(
        "ratio_of_normals_2", lambda: R.Normal(0.0, 3.0) / R.HalfNormal(2.0), R.Cauchy, (0.0, 1.5), st.cauchy(0, 1.5)
    ),
    "t from a mean square": Law(
        "normal_over_root_of_gamma", lambda: z() / T.sqrt(R.ChiSquared(5.0) / 5), R.StudentT, (5.0, 0.0, 1.0), st.t(5)
    ),
    "t from a chi squared": Law(
        "normal_over_root_of_chi_squared", lambda: z() / T.sqrt(R.ChiSquared(4.0)), R.StudentT, (4.0, 0.0, 0.5), st.t(4, scale=0.5)
    ),
    "t from a root": Law(
        "normal_over_root_of_chi_squared_2", lambda: 2 * z() * T.rsqrt(R.ChiSquared(4.0)), R.StudentT, (4.0, 0.0, 1.0), st.t(4)
    ),
    "t from a root of a precision": Law(
        "normal_over_root_of_gamma_2", lambda: z() * T.rsqrt(R.Gamma(2.0, 8.0)), R.StudentT, (4.0, 0.0, 2.0), st.t(4, scale=2)
    ),
    "t from a precision": Law(
        "normal_over_root_of_gamma", lambda: 2 * z() / T.sqrt(R.Gamma(2.0, 8.0)), R.StudentT, (4.0, 0.0, 4.0), st.t(4, scale=4)
    ),
    "comparison": Law(
        "comparison_of_gaussians",
        lambda: T.less(R.Normal(1.0, 3.0), R.Normal(0.0, 4.0)),
        R.Bernoulli,
        None,
        st.bernoulli(st.norm.cdf(-0.2)),
        (0, 1),
    ),
    "comparisons": Law(
        "comparison_of_gaussians",
        lambda: vector(size=2)[:, 0] > 0.5,
        R.Bernoulli,
        None,
        st.bernoulli(st.norm.sf(0.2 / 2**0.5)),
        (0, 1),
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_law(name):
    check_law(LAWS[name])


@pytest.fixture(scope="module")
def drawn():
    return draws_of_table(LAWS)


@pytest.mark.parametrize("name", LAWS)
def test_rewriting_keeps_the_law(name, drawn):
    for draws in drawn:
        check_draws(LAWS[name], draws[name])


# Side conditions ---------------------------------------------------------------------------------------------------------


def _singular_map():
    return [A.T @ z(2)]


def _deviations_from_the_mean():
    x = z(4)
    return [x - x.mean()]


def _product_with_a_singular_matrix():
    return [np.ones((2, 3)) @ R.MatrixNormal(np.ones((3, 2)), rowcov=COV, colcov=np.eye(2))]


def _product_with_a_tall_matrix():
    return [A.T @ z(2, 2) @ ROOT]


def _product_of_normal_matrices():
    return [z(3, 2) @ z(2, 2)]


def _matrix_used_elsewhere():
    x = z(3, 2)
    return [A @ x @ ROOT, x[0, 0]]


def _repeated_element():
    return [z(3)[np.array([0, 1, 0])]]


def _one_draw_for_all():
    return [T.broadcast_to(z(), (3,))]


def _part_that_is_fixed():
    return [T.concatenate([z(2), np.ones(1)])]


def _weights_that_may_be_zero():
    c = T.Placeholder((3,), "float64", name="c")
    return [(c * z(3)).sum()]


def _matrix_that_may_be_singular():
    return [T.Placeholder((2, 3), "float64", name="a") @ z(3)]


def _padded_with_a_number():
    return [T.pad(z(2), ((1, 1),), constant_values=3.0)]


def _padded_with_means():
    return [T.pad(z(2), ((0, 1),), mode="mean")]


def _draw_used_elsewhere():
    x = z(3)
    return [A @ x, T.exp(x[0])]


def _draw_that_is_wanted_too():
    x = vector()
    return [x[0], x]


def _draw_in_the_scale():
    x = z()
    return [R.Normal(x, T.exp(x))]


def _draw_that_is_the_scale():
    x = z()
    return [R.Normal(x, x)]


def _mean_that_is_wanted_too():
    x = z()
    return [R.Normal(x, 1.0), x]


def _mean_that_is_not_linear():
    return [R.Normal(T.exp(R.Gumbel(0.0, 1.0)), 1.0)]


def _product_of_draws():
    return [T.dot(z(3), vector())]


def _seeded_vector():
    return [R.MvNormal(MEAN, COV, seed=1)[0]]


def _one_token_in_two_vectors():
    m = T.Placeholder((3,), "float64", name="m")
    x = R.MvNormal(m, COV)
    return [x[0] + clone(x, {m: T.constant(np.ones(3))})[1]]


def _other_precision():
    return [R.Normal(0.0, 1.0, dtype="float32") + z(3)]


def _square_of_a_shifted_normal():
    return [R.Normal(0.1, 1.0) ** 2]


def _absolute_value_of_a_shifted_normal():
    return [abs(R.Normal(0.1, 1.0))]


def _dot_of_different_scales():
    x = R.Normal(0.0, SCALES)
    return [x @ x]


def _dot_of_two():
    return [z(3) @ z(3)]


def _ratio_with_a_mean():
    return [R.Normal(0.0, 1.0) / R.Normal(0.5, 1.0)]


def _ratio_to_one_for_all():
    return [R.Normal(0.0, 1.0, shape=(3,)) / R.Normal(0.0, 1.0)]


def _ratio_to_itself():
    x = z()
    return [x / (1 + abs(x))]


def _root_of_a_mean_square_for_all():
    return [z(3) / T.sqrt(R.ChiSquared(5.0))]


def _root_of_a_mean_square_of_unknown_sign():
    return [z() / T.sqrt(R.ChiSquared(5.0) / T.Placeholder((), "float64", name="k"))]


def _comparisons_with_one_draw():
    return [T.less(z(), np.arange(3.0))]


def _comparisons_of_dependent_elements():
    return [T.less(vector(), 0.0)]


BROKEN = {f.__name__.strip("_"): f for f in [
    _singular_map, _deviations_from_the_mean, _repeated_element, _one_draw_for_all, _part_that_is_fixed,
    _padded_with_a_number, _padded_with_means, _product_with_a_singular_matrix, _product_with_a_tall_matrix,
    _product_of_normal_matrices, _matrix_used_elsewhere,
    _weights_that_may_be_zero, _matrix_that_may_be_singular, _draw_used_elsewhere, _draw_that_is_wanted_too,
    _draw_in_the_scale, _draw_that_is_the_scale, _mean_that_is_wanted_too, _mean_that_is_not_linear, _product_of_draws,
    _seeded_vector,
    _one_token_in_two_vectors, _other_precision, _square_of_a_shifted_normal, _absolute_value_of_a_shifted_normal,
    _dot_of_different_scales, _dot_of_two, _ratio_with_a_mean, _ratio_to_one_for_all, _ratio_to_itself,
    _root_of_a_mean_square_for_all, _root_of_a_mean_square_of_unknown_sign, _comparisons_with_one_draw,
    _comparisons_of_dependent_elements,
]}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_side_condition(name):
    check_broken(BROKEN[name])


NO_DENSITY = [
    _singular_map, _deviations_from_the_mean, _repeated_element, _one_draw_for_all, _part_that_is_fixed, _draw_in_the_scale,
    _draw_that_is_the_scale,
    _product_of_draws, _dot_of_two, _dot_of_different_scales, _ratio_with_a_mean, _ratio_to_one_for_all,
    _comparisons_with_one_draw, _comparisons_of_dependent_elements,
]  # fmt: skip


@pytest.mark.parametrize("build", NO_DENSITY)
def test_no_number_where_no_law_is_known(build):
    [x] = build()
    with pytest.raises(NotDerivableError):
        R.logp(x, np.zeros(x.shape))


# Joint densities ---------------------------------------------------------------------------------------------------------


def joint(values):
    return sum(float(t.eval().sum()) for t in R.logp(values).values())


def test_joint_density_of_what_shares_a_draw():
    x = z(3)
    total, y = x.sum(), R.Normal(x[0], 1.0)
    expected = st.multivariate_normal([0, 0], [[3, 1], [1, 2]]).logpdf([0.3, 0.7])
    assert joint({total: 0.3, y: 0.7}) == pytest.approx(expected, rel=1e-12)
    mu = R.Normal(1.0, 2.0)
    a, b = R.Normal(mu, 1.0, shape=(2,)), R.Normal(2 * mu, 3.0)
    cov = np.outer([2, 2, 4], [2, 2, 4]) + np.diag([1, 1, 9])
    assert joint({a: [0.1, 0.2], b: 0.5}) == pytest.approx(
        st.multivariate_normal([1, 1, 2], cov).logpdf([0.1, 0.2, 0.5]), rel=1e-12
    )


def test_joint_density_of_many_that_share_a_draw(rng):
    mu = R.Normal(0.0, 2.0)
    a, b = R.Normal(mu, 1.0, shape=(20,)), R.Normal(mu, 3.0, shape=(10,))
    value = rng.normal(size=30)
    cov = 4 + np.diag(np.r_[np.ones(20), np.full(10, 9.0)])
    assert joint({a: value[:20], b: value[20:]}) == pytest.approx(
        st.multivariate_normal(np.zeros(30), cov).logpdf(value), rel=1e-10
    )


def test_joint_density_that_is_not_gaussian_is_refused():
    x = z(3)
    with pytest.raises(NotDerivableError):
        R.logp({x.sum(): 0.3, T.exp(x[0]): 0.7})
    with pytest.raises(NotDerivableError):
        R.logp({x.sum(): 0.3, x.mean(): 0.1})
    s = R.HalfNormal(1.0)
    with pytest.raises(NotDerivableError):
        R.logp({R.Normal(x[0], s): 0.3, R.Normal(x[0], 1.0): 0.7})


# Random expressions ------------------------------------------------------------------------------------------------------


class Program:
    """A random affine expression of Gaussian draws, run on tensors or on arrays: ``run(numpy, normal, mv_normal)``."""

    def __init__(self, seed):
        self.seed = seed

    def run(self, ns, normal, mv_normal):
        rng = np.random.default_rng(self.seed)
        shapes = [(), (2,), (3,), (2, 3)]
        values = [normal(ns.zeros(shapes[i]) + 1.0, 1.5, shapes[i]) for i in rng.integers(0, 4, rng.integers(1, 4))]
        if rng.random() < 0.5:
            values.append(mv_normal(ns.zeros(3)))
        for _ in range(rng.integers(2, 7)):
            values.append(self.step(ns, normal, mv_normal, rng, values))
        return values[-1]

    def step(self, ns, normal, mv_normal, rng, values):
        x, y = (values[i] for i in rng.integers(0, len(values), 2))
        kind = rng.integers(0, 11)
        axis = int(rng.integers(0, max(x.ndim, 1)))
        if kind == 0:
            return x + 2.0 * y if x.shape == y.shape or () in (x.shape, y.shape) else 2.0 * x
        if kind == 1 and x.ndim:
            return x.sum(axis)
        if kind == 2 and x.ndim:
            return ns.matmul(rng.normal(size=(2, x.shape[0])), x)
        if kind == 3 and x.ndim:
            return ns.cumsum(x, axis)
        if kind == 4 and x.ndim:
            return x[rng.permutation(x.shape[0])[:2]]
        if kind == 5 and x.shape == y.shape and x.ndim < 2:
            return ns.stack([x, y], int(rng.integers(0, x.ndim + 1)))
        if kind == 6 and x.ndim:
            return ns.concatenate([x, normal(x, 0.5, x.shape)], axis)
        if kind == 7 and x.ndim and x.shape[axis] > 1:
            return ns.diff(x, axis=axis)
        if kind == 8 and x.shape[-1:] == (3,):
            return mv_normal(x) if rng.random() < 0.5 else x * SCALES
        if kind == 9 and x.ndim == 2:
            return ns.einsum("ij->ji", x) - 1.0
        return normal(x, 0.7, (2,) if x.ndim == 0 and rng.random() < 0.5 else x.shape)


def exact_moments(program):
    """Mean and covariance from the expression's value at each unit of noise."""
    factor, counts = np.linalg.cholesky(COV), []

    def value_at(noise):
        used = [0]

        def take(shape):
            n = int(np.prod(shape))
            part = np.resize(noise[used[0] : used[0] + n], n) if len(noise) else np.zeros(n)
            used[0] += n
            return part.reshape(shape)

        value = program.run(
            np, lambda m, s, shape: m + s * take(shape), lambda m: m + np.einsum("ij,...j->...i", factor, take(m.shape))
        )
        counts.append(used[0])
        return np.asarray(value)

    mean = value_at(np.zeros(0))
    columns = np.stack([(value_at(e) - mean).ravel() for e in np.eye(counts[0])], -1)
    return mean, columns @ columns.T


def check_program(seed):
    """Whether the density of a program is derived; it must be right then."""
    program = Program(seed)
    x = program.run(T, lambda m, s, shape: R.Normal(m, s, shape=shape), lambda m: R.MvNormal(m, COV))
    mean, cov = exact_moments(program)
    point = mean + np.random.default_rng(seed).normal(size=mean.shape)
    try:
        found = R.logp(x, point)
    except NotDerivableError:
        return False
    assert np.linalg.matrix_rank(cov) == mean.size, "a singular law has no density"
    expected = st.multivariate_normal(mean.ravel(), cov).logpdf(point.ravel())
    np.testing.assert_allclose(found.eval().sum(), expected, rtol=1e-8, atol=1e-8)
    return True


def test_random_expressions():
    derived = [check_program(seed) for seed in range(40)]
    assert sum(derived) > 20


@pytest.mark.slow
def test_many_random_expressions():
    for seed in range(40, 1000):
        check_program(seed)
