"""Densities, cdfs and quantiles of expressions, against numerical differentiation and SciPy."""

import math

import numpy as np
import pytest
import scipy.special as sc
import scipy.stats as st

import symjax
import symjax.random as R
import symjax.tensor as T
from symjax._errors import NotDerivableError, ShapeError
from symjax.core._gradient import gradients

MU, SIGMA = 0.3, 0.8
NORMAL = st.norm(MU, SIGMA)
XS = np.array([-1.7, -0.6, 0.05, 0.4, 1.1, 2.3])


def normal(name=None, **kwargs):
    return R.Normal(MU, SIGMA, name=name, **kwargs)


def slope(f, x):
    """|f'(x)| by Richardson extrapolation of central differences."""

    def d(h):
        return (f(x + h) - f(x - h)) / (2 * h)

    h = 1e-3
    return np.abs((64 * d(h / 4) - 20 * d(h / 2) + d(h)) / 45)


def softplus(x):
    return np.logaddexp(x, 0)


# name: (symbolic map, the same in NumPy, whether it increases)
MONOTONE = {
    "exp": (T.exp, np.exp, True),
    "exp2": (T.exp2, np.exp2, True),
    "expm1": (T.expm1, np.expm1, True),
    "log": (lambda x: T.log(T.softplus(x)), lambda x: np.log(softplus(x)), True),
    "log2": (lambda x: T.log2(T.softplus(x)), lambda x: np.log2(softplus(x)), True),
    "log10": (lambda x: T.log10(T.softplus(x)), lambda x: np.log10(softplus(x)), True),
    "log1p": (lambda x: T.log1p(T.softplus(x)), lambda x: np.log1p(softplus(x)), True),
    "sqrt": (lambda x: T.sqrt(T.softplus(x)), lambda x: np.sqrt(softplus(x)), True),
    "cbrt": (T.cbrt, np.cbrt, True),
    "sigmoid": (T.sigmoid, sc.expit, True),
    "logit": (lambda x: T.logit(T.ndtr(x)), lambda x: sc.logit(sc.ndtr(x)), True),
    "log_sigmoid": (T.log_sigmoid, sc.log_expit, True),
    "softplus": (T.softplus, softplus, True),
    "tanh": (T.tanh, np.tanh, True),
    "arctanh": (lambda x: T.arctanh(T.erf(x)), lambda x: np.arctanh(sc.erf(x)), True),
    "sinh": (T.sinh, np.sinh, True),
    "arcsinh": (T.arcsinh, np.arcsinh, True),
    "arctan": (T.arctan, np.arctan, True),
    "erf": (T.erf, sc.erf, True),
    "erfc": (T.erfc, sc.erfc, False),
    "erfinv": (lambda x: T.erfinv(T.tanh(x)), lambda x: sc.erfinv(np.tanh(x)), True),
    "ndtr": (T.ndtr, sc.ndtr, True),
    "ndtri": (lambda x: T.ndtri(T.sigmoid(x)), lambda x: sc.ndtri(sc.expit(x)), True),
    "negative": (lambda x: -x, lambda x: -x, False),
    "affine": (lambda x: 3 - 2 * x / 5, lambda x: 3 - 2 * x / 5, False),
    "reciprocal": (lambda x: 2 / T.softplus(x), lambda x: 2 / softplus(x), False),
    "cube": (lambda x: x**3, lambda x: x**3, True),
    "positive power": (lambda x: T.softplus(x) ** 1.7, lambda x: softplus(x) ** 1.7, True),
    "negative power": (lambda x: T.softplus(x) ** -0.4, lambda x: softplus(x) ** -0.4, False),
    "exponent": (lambda x: 0.4**x, lambda x: 0.4**x, False),
    "chain": (lambda x: T.exp(1 - T.tanh(x / 2)), lambda x: np.exp(1 - np.tanh(x / 2)), False),
}


@pytest.mark.parametrize("name", MONOTONE)
def test_monotone_maps(name):
    symbolic, numeric, increasing = MONOTONE[name]
    y = symbolic(normal())
    values = numeric(XS)
    expected = NORMAL.logpdf(XS) - np.log(slope(numeric, XS))
    np.testing.assert_allclose(R.logp(y, values).eval(), expected, rtol=1e-8, atol=1e-8)
    below, above = (NORMAL.logcdf(XS), NORMAL.logsf(XS))[:: 1 if increasing else -1]
    np.testing.assert_allclose(R.logcdf(y, values).eval(), below, rtol=1e-8)
    np.testing.assert_allclose(R.logccdf(y, values).eval(), above, rtol=1e-8)
    q = np.array([0.02, 0.5, 0.9])
    at = NORMAL.ppf(q if increasing else 1 - q)
    np.testing.assert_allclose(R.icdf(y, q).eval(), numeric(at), rtol=1e-8)


EVEN = {
    "square": (lambda x: x * x, np.sqrt, lambda v: 0.5 / np.sqrt(v)),
    "abs": (T.abs, lambda v: v, np.ones_like),
    "fourth power": (lambda x: x**4, lambda v: v**0.25, lambda v: 0.25 * v**-0.75),
    "nested": (lambda x: T.exp(x**2), lambda v: np.sqrt(np.log(v)), lambda v: 0.5 / (v * np.sqrt(np.log(v)))),
}


@pytest.mark.parametrize("name", EVEN)
def test_maps_of_two_branches(name):
    symbolic, root, slope_of_root = EVEN[name]
    y, v = symbolic(normal()), np.array([1.2, 1.9, 4.0])
    r = root(v)
    expected = np.log((NORMAL.pdf(r) + NORMAL.pdf(-r)) * slope_of_root(v))
    np.testing.assert_allclose(R.logp(y, v).eval(), expected, rtol=1e-12)
    np.testing.assert_allclose(R.logcdf(y, v).eval(), np.log1p(-NORMAL.sf(r) - NORMAL.cdf(-r)), rtol=1e-12)
    np.testing.assert_allclose(R.logccdf(y, v).eval(), np.log(NORMAL.sf(r) + NORMAL.cdf(-r)), rtol=1e-12)
    with pytest.raises(NotDerivableError):
        R.icdf(y, 0.5)


def test_reciprocal_on_the_whole_line():
    v = np.array([-2.0, 0.7])
    np.testing.assert_allclose(R.logp(1 / normal(), v).eval(), NORMAL.logpdf(1 / v) - 2 * np.log(np.abs(v)), rtol=1e-12)
    with pytest.raises(NotDerivableError, match="cdf"):
        R.logcdf(1 / normal(), 0.5)


def test_outside_the_image_is_impossible():
    for y, v in [(T.exp(normal()), -1.0), (T.sigmoid(normal()), 1.5), (normal() ** 2, -2.0), (T.abs(normal()), -1.0)]:
        assert R.logp(y, v).eval() == -np.inf
    assert R.logcdf(T.exp(normal()), -1.0).eval() == -np.inf
    assert R.logccdf(T.exp(normal()), -1.0).eval() == 0
    assert R.logcdf(T.sigmoid(normal()), 1.5).eval() == 0
    assert R.logccdf(T.sigmoid(normal()), 1.5).eval() == -np.inf
    assert np.isnan(R.icdf(normal(), np.array([-0.1, 1.1])).eval()).all()


def test_scale_of_unknown_sign():
    c = T.Placeholder((), "float64", name="c")
    y = c * normal() + 1
    for value in (2.5, -2.5):
        law = st.norm(value * MU + 1, abs(value) * SIGMA)
        feed = {c: value}
        np.testing.assert_allclose(R.logp(y, 0.7).eval(feed), law.logpdf(0.7), rtol=1e-12)
        np.testing.assert_allclose(R.logcdf(y, 0.7).eval(feed), law.logcdf(0.7), rtol=1e-12)
        np.testing.assert_allclose(R.icdf(y, 0.2).eval(feed), law.ppf(0.2), rtol=1e-12)


@pytest.mark.parametrize("map_", [T.log, T.sqrt, T.log1p, T.logit, T.arctanh, lambda x: x**0.5, lambda x: x**-1.5])
def test_maps_that_may_have_no_value_are_refused(map_):
    with pytest.raises(NotDerivableError, match="guarantee"):
        R.logp(map_(normal("low")), 0.5)


def test_joint_terms():
    x = R.Normal(0.0, 1.0, name="x")
    y = R.Normal(2 * x, T.exp(x), shape=(3,), name="y")
    z = T.exp(y + x)
    terms = R.logp({z: [1.0, 2.0, 3.0], x: 0.3})
    assert list(terms) == [z, x]
    u = np.log([1.0, 2.0, 3.0])
    expected = st.norm(0.6 + 0.3, np.exp(0.3)).logpdf(u) - u
    np.testing.assert_allclose(terms[z].eval(), expected, rtol=1e-12)
    np.testing.assert_allclose(terms[x].eval(), st.norm.logpdf(0.3), rtol=1e-12)


def test_conditioned_nodes_are_not_rewritten_through():
    a0 = R.Normal(0.0, 1.0, name="a0")
    a = 5 * a0
    b = R.Normal(8 * a, 1.0, name="b")
    terms = R.logp({a: 1.0, b: 3.0})
    np.testing.assert_allclose(terms[a].eval(), st.norm(0, 5).logpdf(1.0), rtol=1e-12)
    np.testing.assert_allclose(terms[b].eval(), st.norm(8, 1).logpdf(3.0), rtol=1e-12)


def test_value_may_be_symbolic():
    v = T.Placeholder((2,), "float64", name="v")
    x = R.Normal(0.0, [1.0, 2.0], name="x")
    at = np.array([0.2, 0.3])
    np.testing.assert_allclose(R.logp({x: v})[x].eval({v: at}), st.norm(0, [1, 2]).logpdf(at), rtol=1e-12)


def test_a_sum_and_one_of_its_summands():
    x = R.Normal(0.0, 1.0, shape=(3,), name="x")
    s, y = x.sum(), R.Normal(x[0], 1.0, name="y")
    joint = sum(t.eval() for t in R.logp({s: 0.3, y: 1.0}).values())
    np.testing.assert_allclose(joint, st.multivariate_normal([0, 0], [[3, 1], [1, 2]]).logpdf([0.3, 1.0]), rtol=1e-12)
    z = R.Laplace(x[0], 1.0, name="z")
    with pytest.raises(NotDerivableError, match="'mu' depends on 'x'"):
        R.logp({s: 0.3, z: 1.0})
    np.testing.assert_allclose(R.logp(s, 0.3).eval(), st.norm(0, math.sqrt(3)).logpdf(0.3), rtol=1e-12)


def _loose_parameter():
    x = normal("x")
    return {R.Normal(x, 1.0, name="y"): 0.1}


def _loose_parameter_below_a_map():
    x = normal("x")
    return {T.exp(R.Normal(0.0, T.exp(x), name="y")): 0.1}


def _two_uses_of_one_draw():
    x = normal("x")
    return {x + T.exp(x): 0.1}


def _two_roots_of_one_draw():
    x = normal("x")
    return {T.exp(x): 0.1, x + 1: 0.2}


def _stacked_twice():
    x = normal("x")
    return {T.stack([x, 2 * x]): [0.1, 0.2]}


def _repeated_by_broadcasting():
    return {normal("x") + T.zeros(3): [0.1, 0.2, 0.3]}


def _repeated_by_broadcast_to():
    return {T.broadcast_to(normal("x"), (3,)): [0.1, 0.1, 0.1]}


def _repeated_by_index():
    return {normal("x", shape=(3,))[np.array([0, 0])]: [0.1, 0.1]}


def _index_of_dependent_elements():
    return {T.cumsum(R.Gumbel(0.0, 1.0, shape=(3,)))[1]: 0.1}


def _random_index():
    x = normal("x", shape=(3,))
    return {x[T.cast(T.abs(normal("i")), "int64")]: 0.1}


def _constant_part():
    return {T.stack([normal("x"), T.constant(1.0)]): [0.1, 1.0]}


def _deterministic():
    return {T.exp(T.constant(1.0)): 0.1}


def _deterministic_given_values():
    x = normal("x")
    return {x: 0.1, T.exp(x): 1.2}


def _unknown_operation():
    return {T.sin(normal("x")): 0.1}


def _repeated_comparison():
    return {T.less(normal("x"), [0.1, 0.2]): [1, 0]}


def _latent_beside_a_map():
    x = normal("x")
    return {T.exp(x): 1.1, R.Normal(x, 1.0, name="y"): 0.3}


def _sum_where_one_is_used_elsewhere():
    x, y = normal("x"), normal("y")
    return {x + y: 0.3, T.exp(x): 0.3}


REFUSED = {f.__name__.strip("_"): f for f in [
    _loose_parameter, _loose_parameter_below_a_map, _two_uses_of_one_draw, _two_roots_of_one_draw, _stacked_twice,
    _repeated_by_broadcasting, _repeated_by_broadcast_to, _repeated_by_index, _index_of_dependent_elements, _random_index,
    _constant_part, _deterministic, _deterministic_given_values, _unknown_operation, _repeated_comparison, _latent_beside_a_map,
    _sum_where_one_is_used_elsewhere,
]}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_derived_is_refused(name):
    with pytest.raises(NotDerivableError) as error:
        R.logp(REFUSED[name]())
    assert error.value.node is not None


def test_value_of_wrong_shape():
    with pytest.raises(ShapeError, match="'x' must have shape"):
        R.logp({normal("x"): [1.0, 2.0]})
    with pytest.raises(ShapeError, match="does not fit"):
        R.logp(normal("x", shape=(3,)), [1.0, 2.0])


def test_leading_axes_are_several_values():
    x = R.Normal([0.0, 1.0], 1.0)
    v = np.arange(6.0).reshape(3, 2)
    np.testing.assert_allclose(R.logp(T.exp(x), v + 1).eval(), st.lognorm(1, scale=np.exp([0, 1])).logpdf(v + 1), rtol=1e-12)
    with pytest.raises(NotDerivableError, match="value of its shape"):
        R.logp(T.stack([x, R.Gumbel(0.0, 1.0, shape=(2,))]), np.ones((3, 2, 2)))


MEANS = np.arange(12.0).reshape(3, 4) / 5
VALUE = np.linspace(-1, 1, 12).reshape(3, 4)
EXPECTED = st.norm(MEANS, 0.7).logpdf(VALUE)
PICKS = {
    "element": (1, 2),
    "slice": (slice(None, None, 2), slice(1, 3)),
    "row": (-1,),
    "newaxis": (None, 0),
    "ellipsis": (Ellipsis, 1),
    "arrays": (np.array([2, 0]), np.array([1, 1])),
    "mask": (np.eye(3, 4, dtype=bool),),
}


@pytest.mark.parametrize("name", PICKS)
def test_parts_of_independent_elements(name):
    x = R.Normal(MEANS, 0.7)
    index = PICKS[name]
    np.testing.assert_allclose(R.logp(x[index], VALUE[index]).eval(), EXPECTED[index], rtol=1e-12)
    part = T.exp(2 * x.T).T[index]
    value = np.exp(2 * VALUE[index])
    expected = EXPECTED[index] - np.log(2) - 2 * VALUE[index]
    np.testing.assert_allclose(R.logp(part, value).eval(), expected, rtol=1e-12)


def test_symbolic_scalar_index():
    i = T.Placeholder((), "int64", name="i")
    x = R.Normal(MEANS[0], 0.7)
    np.testing.assert_allclose(R.logp(x[i], 0.3).eval({i: 2}), st.norm(MEANS[0, 2], 0.7).logpdf(0.3), rtol=1e-12)
    many = T.Placeholder((2,), "int64", name="many")
    with pytest.raises(NotDerivableError, match="twice"):
        R.logp(x[many], [0.3, 0.4])


def test_moved_elements():
    x = R.Normal(MEANS, 0.7)
    np.testing.assert_allclose(R.logp(x.T, VALUE.T).eval(), EXPECTED.T, rtol=1e-12)
    np.testing.assert_allclose(R.logp(x.reshape(2, 6), VALUE.reshape(2, 6)).eval(), EXPECTED.reshape(2, 6), rtol=1e-12)
    np.testing.assert_allclose(R.logp(T.expand_dims(x, 1), VALUE[:, None]).eval(), EXPECTED[:, None], rtol=1e-12)
    np.testing.assert_allclose(R.logp(T.broadcast_to(x, (1, 3, 4)), VALUE[None]).eval(), EXPECTED[None], rtol=1e-12)
    np.testing.assert_allclose(R.logcdf(x.T[1], 0.2).eval(), st.norm(MEANS[:, 1], 0.7).logcdf(0.2), rtol=1e-12)
    np.testing.assert_allclose(R.icdf(x.reshape(12)[3:5], 0.2).eval(), st.norm(MEANS.ravel()[3:5], 0.7).ppf(0.2), rtol=1e-12)


def test_joined_variables():
    a, b = R.Normal(0.0, 1.0), R.Normal(1.0, 2.0)
    expected = [st.norm.logpdf(0.3), st.norm(1, 2).logpdf(np.log(0.4)) - np.log(0.4)]
    np.testing.assert_allclose(R.logp(T.stack([a, T.exp(b)]), [0.3, 0.4]).eval(), expected, rtol=1e-12)
    x = R.Normal(MEANS, 0.7)
    joined = T.concatenate([x, R.Normal(0.0, 1.0, shape=(3, 2))], 1)
    value = np.concatenate([VALUE, np.full((3, 2), 0.2)], 1)
    expected = np.concatenate([EXPECTED, np.full((3, 2), st.norm.logpdf(0.2))], 1)
    np.testing.assert_allclose(R.logp(joined, value).eval(), expected, rtol=1e-12)


def test_running_sum_is_a_random_walk():
    x = R.Normal(MEANS, 0.7)
    for axis in (0, 1):
        steps = np.diff(VALUE, axis=axis, prepend=0)
        np.testing.assert_allclose(R.logp(T.cumsum(x, axis), VALUE).eval(), st.norm(MEANS, 0.7).logpdf(steps), rtol=1e-12)


@pytest.mark.parametrize("build, upper", [
    (lambda x: x > 0.5, True), (lambda x: 0.5 < x, True), (lambda x: x >= 0.5, True), (lambda x: x < 0.5, False),
    (lambda x: T.exp(-x) > math.exp(-0.5), False),
])  # fmt: skip
def test_comparison_is_bernoulli(build, upper):
    above = NORMAL.logsf(0.5) if upper else NORMAL.logcdf(0.5)
    below = NORMAL.logcdf(0.5) if upper else NORMAL.logsf(0.5)
    terms = [float(R.logp(build(normal()), v).eval()) for v in (True, False)]
    np.testing.assert_allclose(terms, [above, below], rtol=1e-12)


def test_gradient_of_a_derived_density():
    v = T.Placeholder((), "float64", name="v")
    term = R.logp(T.exp(normal()), v)
    found = gradients(term, v).eval({v: 1.7})
    numeric = slope(lambda x: st.lognorm(SIGMA, scale=np.exp(MU)).logpdf(x), 1.7)
    np.testing.assert_allclose(abs(found), numeric, rtol=1e-8)


def test_long_chain_of_maps():
    x = normal()
    y = x
    for _ in range(1500):
        y = T.arcsinh(T.sinh(y) + 1e-4)
    assert np.isfinite(R.logp(y, 0.5).eval())


SUPPORTED = {
    "log": (lambda: T.log(R.Gamma(3.0, 2.0)), st.loggamma(3.0, loc=-math.log(2.0))),
    "square root": (lambda: T.sqrt(R.Exponential(0.5)), st.rayleigh()),
    "logit": (lambda: T.logit(R.Uniform(0.0, 1.0)), st.logistic()),
    "minus log": (lambda: -T.log(R.Uniform(0.0, 1.0)) / 2, st.expon(scale=0.5)),
    "reciprocal": (lambda: 1 / R.Gamma(3.0, 2.0), st.invgamma(3.0, scale=2.0)),
    "power": (lambda: R.Exponential(1.0) ** 0.5, st.weibull_min(2.0)),
    "log of pareto": (lambda: T.log(R.Pareto(2.0, 1.0)), st.expon(scale=0.5)),
    "square of positive": (lambda: R.Weibull(2.0, 1.0) ** 2, st.expon()),
}


@pytest.mark.parametrize("name", SUPPORTED)
def test_supports_allow_maps_with_a_domain(name):
    build, law = SUPPORTED[name]
    v = law.ppf([0.05, 0.4, 0.8])
    np.testing.assert_allclose(R.logp(build(), v).eval(), law.logpdf(v), rtol=1e-11)
    np.testing.assert_allclose(R.logcdf(build(), v).eval(), law.logcdf(v), rtol=1e-11)
    np.testing.assert_allclose(R.logccdf(build(), v).eval(), law.logsf(v), rtol=1e-11)


POISSON = st.poisson(3.0)
COUNTS = np.arange(-2, 9)


def test_shifted_and_scaled_counts():
    n = R.Poisson(3.0)
    np.testing.assert_allclose(R.logp(n + 2, COUNTS).eval(), POISSON.logpmf(COUNTS - 2), rtol=1e-12)
    np.testing.assert_allclose(R.logcdf(n + 2, COUNTS).eval(), POISSON.logcdf(COUNTS - 2), rtol=1e-12)
    np.testing.assert_allclose(R.logp(5 - n, COUNTS).eval(), POISSON.logpmf(5 - COUNTS), rtol=1e-12)
    np.testing.assert_allclose(R.logcdf(5 - n, COUNTS).eval(), POISSON.logsf(5 - COUNTS - 1), rtol=1e-10)
    np.testing.assert_allclose(R.logccdf(5 - n, COUNTS).eval(), POISSON.logcdf(5 - COUNTS - 1), rtol=1e-10)
    doubled = np.where(COUNTS % 2 == 0, POISSON.logpmf(COUNTS // 2), -np.inf)
    np.testing.assert_allclose(R.logp(2 * n, COUNTS).eval(), doubled, rtol=1e-12)
    np.testing.assert_allclose(R.logcdf(2 * n, COUNTS).eval(), POISSON.logcdf(COUNTS // 2), rtol=1e-12)
    as_float = T.cast(n, "float64")
    np.testing.assert_allclose(R.logp(as_float, [2.0, 2.5]).eval(), [POISSON.logpmf(2), -np.inf], rtol=1e-12)


@pytest.mark.parametrize("map_", [T.exp, lambda n: 0.1 * n, lambda n: n / 3, lambda n: n + 0.5, T.sqrt])
def test_counts_that_rounding_could_confuse_are_refused(map_):
    with pytest.raises(NotDerivableError, match="rounding"):
        R.logp(map_(R.Poisson(3.0)), 1.0)


def test_comparisons_of_counts():
    n = R.Poisson(3.0)
    cases = [
        (n > 2, POISSON.sf(2)), (n >= 2, POISSON.sf(1)), (n < 2, POISSON.cdf(1)), (n <= 2, POISSON.cdf(2)),
        (2 >= n, POISSON.cdf(2)), (n < 2.5, POISSON.cdf(2)), (5 - n >= 3, POISSON.cdf(2)),
    ]  # fmt: skip
    for event, expected in cases:
        np.testing.assert_allclose(R.logp(event, True).eval(), np.log(expected), rtol=1e-10)
        np.testing.assert_allclose(R.logp(event, 0).eval(), np.log1p(-expected), rtol=1e-10)
        assert R.logp(event, 2).eval() == -np.inf


def test_parts_of_discrete_variables():
    n = R.Poisson([1.0, 2.0, 3.0])
    np.testing.assert_allclose(R.logp(n[1:], [2, 5]).eval(), st.poisson([2, 3]).logpmf([2, 5]), rtol=1e-12)


def test_sum_of_exponentials():
    total = R.Exponential(2.0) + R.Exponential(2.0)
    np.testing.assert_allclose(R.logp(total, 1.3).eval(), st.gamma(2, scale=0.5).logpdf(1.3), rtol=1e-12)
    with pytest.raises(NotDerivableError, match="all random"):
        R.logp(R.Exponential(2.0) + R.HalfCauchy(3.0), 1.3)


MEAN, COV = np.array([0.3, -0.2, 1.0]), np.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.5]])
AT = np.array([[0.4, 1.2, 0.9], [2.0, 0.3, 0.7]])
VECTORS = st.multivariate_normal(MEAN, COV)


def test_maps_of_vectors():
    x = R.MvNormal(MEAN, COV, shape=(2, 3))
    expected = VECTORS.logpdf(np.log(AT)) - np.log(AT).sum(1)
    np.testing.assert_allclose(R.logp(T.exp(x), AT).eval(), expected, rtol=1e-11)
    np.testing.assert_allclose(R.logp(1 - 2 * x, AT).eval(), VECTORS.logpdf((1 - AT) / 2) - 3 * math.log(2), rtol=1e-11)
    scaled = VECTORS.logpdf(AT / [1.0, 2.0, 3.0]) - math.log(6)
    np.testing.assert_allclose(R.logp(x * np.array([1.0, 2.0, 3.0]), AT).eval(), scaled, rtol=1e-11)
    assert R.logp(T.exp(x), -AT).eval().tolist() == [-np.inf, -np.inf]
    steps = np.diff(AT, axis=1, prepend=0)
    np.testing.assert_allclose(R.logp(T.cumsum(x, 1), AT).eval(), VECTORS.logpdf(steps), rtol=1e-11)
    np.testing.assert_allclose(R.logp(x.T, AT.T).eval(), VECTORS.logpdf(AT), rtol=1e-11)
    y = R.MvNormal(MEAN, COV)
    np.testing.assert_allclose(R.logp(T.stack([y, T.exp(R.MvNormal(MEAN, COV))]), AT).eval()[0], VECTORS.logpdf(AT[0]), rtol=1e-11)


def _map_of_a_simplex():
    return {2 * R.Dirichlet(np.ones(3)): [0.4, 0.6, 1.0]}


def _running_sum_on_a_simplex():
    return {T.cumsum(R.Dirichlet(np.ones(3))): [0.2, 0.5, 1.0]}


def _square_of_a_vector():
    return {R.MvNormal(MEAN, COV) ** 2: [0.2, 0.5, 1.0]}


def _square_of_a_running_sum():
    return {T.cumsum(normal(shape=(3,))) ** 2: [0.2, 0.5, 1.0]}


REFUSED_OF_VECTORS = [_map_of_a_simplex, _running_sum_on_a_simplex, _square_of_a_vector, _square_of_a_running_sum]


@pytest.mark.parametrize("build", REFUSED_OF_VECTORS)
def test_what_cannot_be_derived_of_vectors_is_refused(build):
    with pytest.raises(NotDerivableError):
        R.logp(build())


def test_mixtures_are_laws_like_others():
    w, mu = np.array([0.3, 0.7]), np.array([-1.0, 2.0])
    x = R.NormalMixture(w, mu, 0.5, shape=(3,))

    def density(v):
        return np.log((w * st.norm(mu, 0.5).pdf(np.asarray(v)[..., None])).sum(-1))

    v = np.array([0.2, 1.4, 3.0])
    np.testing.assert_allclose(R.logp(T.exp(x), v).eval(), density(np.log(v)) - np.log(v), rtol=1e-11)
    np.testing.assert_allclose(R.logp(x[1:], v[1:]).eval(), density(v[1:]), rtol=1e-11)


def test_random_walk_is_a_running_sum():
    walk = R.GaussianRandomWalk(0.0, 2.0, init_dist=R.Normal(0.0, 2.0), steps=3)
    v = np.array([0.2, 1.4, 3.0, -0.5])
    by_hand = R.logp(T.cumsum(R.Normal(0.0, 2.0, shape=(4,))), v).eval().sum()
    np.testing.assert_allclose(R.logp(walk, v).eval(), by_hand, rtol=1e-12)
    np.testing.assert_allclose(R.logp(T.exp(walk), np.exp(v)).eval(), by_hand - v.sum(), rtol=1e-12)


def test_whole_numbers_are_values_of_continuous_laws():
    np.testing.assert_allclose(R.logp(R.Gamma(3.0, 2.0), 1).eval(), st.gamma(3, scale=0.5).logpdf(1), rtol=1e-12)
    np.testing.assert_allclose(R.logcdf(R.StudentT(3.0, 0.0, sigma=1.0), [1, 2]).eval(), st.t(3).logcdf([1, 2]), rtol=1e-12)
    np.testing.assert_allclose(R.logp({R.Beta(1.0, 1.0): 1}).popitem()[1].eval(), 0.0, atol=1e-12)


def test_quantile_with_a_bad_parameter_is_nan():
    s = T.Placeholder((), "float64", name="s")
    assert np.isnan(R.icdf(R.Normal(0.0, s), 0.3).eval({s: -1.0}))
    np.testing.assert_allclose(R.icdf(R.Normal(0.0, s), 0.3).eval({s: 2.0}), st.norm(0, 2).ppf(0.3), rtol=1e-12)


def test_draws_of_a_loop_are_refused():
    walk, _ = symjax.scan(lambda c: c + R.Normal(0.0, 1.0), outputs_info=[T.constant(0.0)], n_steps=4)
    with pytest.raises(NotDerivableError, match="no rule"):
        R.logp(walk, np.ones(4))
    with pytest.raises(NotDerivableError, match="'mu' depends on"):
        R.logp({R.Normal(walk[0], 1.0, name="y"): 0.3})
