"""Derived laws without a name: minima, maxima and order statistics of independent variables, sums of exponential ones."""

import math
from decimal import Decimal, localcontext

import jax
import numpy as np
import pytest
import scipy.stats as st
from scipy.integrate import quad
from scipy.special import logsumexp

import symjax.random as R
import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.random.density._phases import log_of_phases

AT = np.array([-1.2, 0.3, 0.9, 2.5])
E, G, N = R.Exponential, R.Gamma, R.Normal


def order_statistic(law, k, n, x):
    log_choices = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k)
    return log_choices + k * law.logcdf(x) + (n - 1 - k) * law.logsf(x) + law.logpdf(x)


def largest(laws, x):
    tails = np.array([law.logcdf(x) for law in laws])
    return logsumexp([law.logpdf(x) + tails.sum(0) - t for law, t in zip(laws, tails, strict=True)], 0)


NORMALS = [st.norm(0.5, s) for s in (1.0, 2.0, 0.3)]
DENSITIES = {
    "max": (lambda: N(0.0, 1.0, shape=(4,)).max(), lambda x: order_statistic(st.norm(), 3, 4, x)),
    "min": (lambda: N(0.0, 1.0, shape=(2, 3)).min(), lambda x: order_statistic(st.norm(), 0, 6, x)),
    "third": (lambda: T.sort(N(0.0, 1.0, shape=(5,)))[2], lambda x: order_statistic(st.norm(), 2, 5, x)),
    "next to last": (lambda: T.sort(R.Laplace(0.0, 1.0, shape=(5,)))[-2], lambda x: order_statistic(st.laplace(), 3, 5, x)),
    "of a map": (lambda: T.sort(1 - 2 * R.Gumbel(0.0, 1.0, shape=(3,)))[0], lambda x: order_statistic(st.gumbel_l(1, 2), 0, 3, x)),
    "one": (lambda: T.sort(N(0.0, 1.0, shape=(1,)))[0], st.norm().logpdf),
    "max of other laws": (lambda: N(0.5, [1.0, 2.0, 0.3]).max(), lambda x: largest(NORMALS, x)),
    "maximum": (lambda: T.maximum(N(0.5, 1.0), T.maximum(N(0.5, 2.0), N(0.5, 0.3))), lambda x: largest(NORMALS, x)),
    "max of two families": (
        lambda: T.maximum(R.Logistic(0.0, 1.0), T.log(G(2.0, 1.0))),
        lambda x: np.logaddexp(
            st.logistic.logpdf(x) + st.gamma(2).logcdf(np.exp(x)), st.gamma(2).logpdf(np.exp(x)) + x + st.logistic.logcdf(x)
        ),
    ),
}


@pytest.mark.parametrize("name", DENSITIES)
def test_density(name):
    build, expected = DENSITIES[name]
    np.testing.assert_allclose(R.logp(build(), AT).eval(), expected(AT), rtol=1e-10)


@pytest.mark.parametrize("name", DENSITIES)
def test_cdf_is_the_integral_of_the_density(name):
    build, expected = DENSITIES[name]
    for x in AT:
        mass = quad(
            lambda t: np.exp(expected(np.float64(t))), -120.0, x, points=[min(p, x) for p in (-30.0, -8.0, -1.0, 0.0)], epsabs=1e-12
        )[0]
        np.testing.assert_allclose(np.exp(R.logcdf(build(), x).eval()), mass, rtol=1e-7, atol=1e-11)
        np.testing.assert_allclose(np.exp(R.logccdf(build(), x).eval()), 1 - mass, rtol=1e-7, atol=1e-10)


def test_extremes_by_rows():
    scales = np.array([[1.0], [2.0]])
    x = np.array([[0.3, 0.9], [-1.0, 2.0]])
    for keepdims in (False, True):
        draws = N(0.0, scales, shape=(2, 3)).max(1, keepdims=keepdims)
        at = x[..., None] if keepdims else x
        expected = order_statistic(st.norm(0, scales if keepdims else scales[:, 0]), 2, 3, at)
        np.testing.assert_allclose(R.logp(draws, at).eval(), expected, rtol=1e-12)
    both = N(0.0, [[1.0, 2.0], [0.5, 0.7]])
    np.testing.assert_allclose(
        R.logp(both.max((0, 1)), AT).eval(), largest([st.norm(0, s) for s in (1, 2, 0.5, 0.7)], AT), rtol=1e-12
    )
    columns = [largest([st.norm(0, 1), st.norm(0, 0.5)], 0.3), largest([st.norm(0, 2), st.norm(0, 0.7)], 0.4)]
    np.testing.assert_allclose(R.logp(both.max(0), [0.3, 0.4]).eval(), columns, rtol=1e-12)
    third = T.sort(N(0.0, scales, shape=(2, 5)))[:, 2]
    np.testing.assert_allclose(R.logp(third, x).eval(), order_statistic(st.norm(0, scales[:, 0]), 2, 5, x), rtol=1e-12)


def test_tails_far_out():
    x = N(0.0, 1.0, shape=(5,))
    np.testing.assert_allclose(R.logccdf(x.max(), 20.0).eval(), st.norm.logsf(20.0) + math.log(5), rtol=1e-12)
    np.testing.assert_allclose(R.logcdf(T.sort(x)[1], -15.0).eval(), 2 * st.norm.logcdf(-15.0) + math.log(10), rtol=1e-12)


def test_sorted_density():
    x = np.array([[0.1, 0.4, 0.9], [0.4, 0.1, 0.9]])
    expected = [st.gumbel_r().logpdf(x[0]).sum() + math.log(6), -np.inf]
    np.testing.assert_allclose(R.logp(T.sort(R.Gumbel(0.0, 1.0, shape=(3,))), x).eval(), expected, rtol=1e-12)


def test_counts():
    law, k = st.poisson(3.0), np.arange(40)
    for build, cdf in {
        "max": (lambda: R.Poisson(3.0, shape=(4,)).max(), law.cdf(k) ** 4),
        "minimum": (lambda: T.minimum(R.Poisson(3.0), R.Poisson(3.0)), 1 - law.sf(k) ** 2),
        "second": (lambda: T.sort(R.Poisson(3.0, shape=(4,)))[1], st.beta(2, 3).cdf(law.cdf(k))),
    }.values():
        np.testing.assert_allclose(np.exp(R.logp(build(), k).eval()), np.diff(cdf, prepend=0.0), rtol=1e-8, atol=1e-14)


def hypoexponential(x, rates):
    """Log density by partial fractions, with digits to spare."""
    with localcontext() as context:
        context.prec = 120
        r, x = [Decimal(v) for v in rates], Decimal(float(x))
        total = Decimal(0)
        for i, a in enumerate(r):
            weight = a
            for j, b in enumerate(r):
                if j != i:
                    weight *= b / (b - a)
            total += weight * (-a * x).exp()
        return float(total.ln())


RATES = [(1.0, 2.0), (1.0, 2.0, 3.5), (1.0, 1.0001, 1.0002), (1e-3, 1.0, 1e3), (5.0, 2.0, 0.5, 0.1), (1.0, 1 + 1e-9, 7.0, 2.0, 0.3)]


@pytest.mark.parametrize("rates", RATES, ids=str)
def test_hypoexponential(rates):
    x = np.array([1e-9, 1e-3, 0.3, 1.0, 5.0, 80.0])
    total = sum((E(r) for r in rates[1:]), start=E(rates[0]))
    np.testing.assert_allclose(R.logp(total, x).eval(), [hypoexponential(v, rates) for v in x], rtol=1e-12, atol=1e-13)
    below, above = np.exp(R.logcdf(total, x).eval()), np.exp(R.logccdf(total, x).eval())
    np.testing.assert_allclose(below + above, 1.0, rtol=1e-13)
    for v, found in zip(x[2:5], below[2:5], strict=True):
        mass = quad(lambda t: math.exp(hypoexponential(t, rates)), 1e-12, v, points=[1e-3 * v, 1e-2 * v], epsabs=1e-13)[0]
        np.testing.assert_allclose(found, mass, rtol=1e-8)
    assert R.logp(total, 0.0).eval() == -np.inf and R.logp(total, -1.0).eval() == -np.inf


def _other_side(x):
    def joint(y):
        return np.exp(st.gamma(2, scale=0.5).logpdf(x - 1 + y) + hypoexponential(y, (3.0, 0.5)))

    return np.log(quad(joint, max(1e-300, 1 - x), 90, epsabs=1e-14, epsrel=1e-12, limit=200)[0])


@pytest.mark.parametrize("x", [-3.0, 0.5, 1.5, 4.0])
def test_exponentials_of_both_signs(x):
    def build():
        return 1 + 2 * G(2.0, 4.0) - E(3.0) - 3 * E(1.5)

    np.testing.assert_allclose(R.logp(build(), x).eval(), _other_side(x), rtol=1e-8)
    np.testing.assert_allclose(R.logp(-build(), -x).eval(), _other_side(x), rtol=1e-8)
    mass = quad(lambda t: np.exp(R.logp(build(), t).eval()), -40, x, points=[min(1.0, x)], epsabs=1e-10, limit=30)[0]
    np.testing.assert_allclose(np.exp(R.logcdf(build(), x).eval()), mass, rtol=1e-6)
    np.testing.assert_allclose(np.exp(R.logcdf(-build(), -x).eval()), 1 - mass, rtol=1e-6)


def test_symbolic_rates_and_slopes():
    with jax.enable_x64(True):

        def density(x, a, b):
            return log_of_phases(x, a, b, above=2, what="density")

        slopes = jax.grad(density, (0, 1, 2))(1.3, 2.0, 0.7)
        # f = ab (exp(-bx) - exp(-ax)) / (a - b)
        h = 1e-6
        for i, slope in enumerate(slopes):
            moved = [[v + s * h * (i == j) for j, v in enumerate((1.3, 2.0, 0.7))] for s in (1, -1)]
            np.testing.assert_allclose(slope, np.subtract(*[hypoexponential(m[0], m[1:]) for m in moved]) / (2 * h), rtol=1e-7)
    s = T.Placeholder((), "float64", name="s")
    term = R.logp(E(T.exp(s)) + E(1.0), 1.3)
    np.testing.assert_allclose(term.eval({s: 0.2}), hypoexponential(1.3, (math.exp(0.2), 1.0)), rtol=1e-12)
    # equal rates are the limit
    np.testing.assert_allclose(term.eval({s: 0.0}), st.gamma(2).logpdf(1.3), rtol=1e-12)
    assert R.logp(E(s) + E(1.0), 1.3).eval({s: -1.0}) == -np.inf


REFUSED = {
    "maximum of dependent variables": lambda x: T.maximum(x, T.sin(x)),
    "maximum with a number": lambda x: T.maximum(x, 0.0),
    "maximum of a random location": lambda x: R.Logistic(x, 1.0, shape=(3,)).max(),
    "maximum of a vector's elements": lambda x: R.MvNormal(np.zeros(2), np.array([[1.0, 0.5], [0.5, 1.0]])).max(),
    "sort of different laws": lambda x: T.sort(N(0.0, [1.0, 2.0])),
    "element of a sort of different laws": lambda x: T.sort(N(0.0, [1.0, 2.0]))[0],
    "two elements of a sort": lambda x: T.sort(N(0.0, 1.0, shape=(3,)))[:2],
    "sum of gammas of no whole shape": lambda x: G(2.5, 1.0) + E(2.0),
    "sum with a random rate": lambda x: E(T.exp(x)) + E(2.0),
    "exponentials of unknown signs": lambda x: E(1.0) + T.Placeholder((), "float64", name="c") * E(2.0),
    "sum of one draw and its function": lambda x: x + T.sin(x),
    "broadcast": lambda x: (E(1.0) + E(2.0, shape=(3,)))[0] + E(3.0),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_refused(name):
    for query in (R.logp, R.logcdf):
        expr = REFUSED[name](N(0.0, 1.0))
        with pytest.raises(NotDerivableError):
            query(expr, np.full(expr.shape, 0.7))


def test_draws_below_two_sums_are_refused():
    a, b, c = E(1.0), E(2.0), E(3.0)
    with pytest.raises(NotDerivableError):
        R.logp({a + b: 0.3, b + c: 0.4})
