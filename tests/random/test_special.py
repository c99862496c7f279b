"""Incomplete gamma and beta functions, normal masses and inverted cdfs against values computed with 80 digits."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gammaln

from symjax.core._function import evaluate
from symjax.random._incomplete import log_beta, log_betainc, log_betaincc, log_gammainc, log_gammaincc
from symjax.random._normal_mass import log_normal_mass, truncated_normal_quantile
from symjax.random.distributions.beta import beta_quantile
from symjax.random.distributions.gamma import gamma_quantile
from symjax.random.distributions.student_t import half_student_t_quantile, log_student_t_cdf
from symjax.tensor._wrap import OPERATORS

GAMMA = [
    (2.5, 1e-3, -18.4710760628397876, -9.50853464381406521e-9),
    (2.5, 1.0, -1.89143640761823294, -0.163525275594650345),
    (1e-3, 1e-5, -0.0109365418566719115, -4.52110892008017846),
    (9.9, 30.0, -6.31723917060638394e-6, -11.9722314439597874),
    (10.1, 9.0, -0.916395755726490643, -0.510755613991716214),
    (1e3, 1.1e3, -0.00105988473336864358, -6.85012501443626529),
    (1e5, 0.99e5, -7.18559274078970261, -0.000757706908565725911),
]
BETA = [
    (0.01, 0.01, 0.3, -0.701535033241324989, -0.684829099125891333),
    (0.5, 0.5, 1e-10, -11.9645081702430166, -6.36621798810465049e-6),
    (2.0, 5.0, 0.9, -0.0000550015125554605611, -9.80817737273180428),
    (30.0, 0.5, 0.5, -22.740517160931482, -1.33020593564139535e-10),
    (1e6, 0.5, 0.999999, -1.84960583984246636, -0.171143253659933304),
    (5e3, 1e4, 0.34, -0.0428741882446355412, -3.17084581053979116),
    (0.1, 40.0, 0.001, -0.276660518155579784, -1.42010717136660907),
    (300.0, 2000.0, 0.2, -7.33588844632399301e-19, -41.7563382383836553),
]
MASS = [
    (20.0, 40.0, -203.917155371097264),
    (20.0, 20.1, -204.061018383816146),
    (-8.0, 9.0, -6.2220891626777399e-16),
    (37.0, np.inf, -689.030585576890594),
    (100.0, 101.0, -5005.52420869420509),
    (1e-3, 1e-3 + 1e-7, -17.0370346842124278),
    (-3.0, -2.5, -5.32676472407906225),
    (-np.inf, -38.0, -726.55721601882013),
]


@pytest.mark.parametrize("a, x, lower, upper", GAMMA)
def test_incomplete_gamma(a: float, x: float, lower: float, upper: float) -> None:
    np.testing.assert_allclose(evaluate(log_gammainc(a, x)), lower, rtol=2e-13, atol=2e-16)
    np.testing.assert_allclose(evaluate(log_gammaincc(a, x)), upper, rtol=2e-13, atol=2e-16)


@pytest.mark.parametrize("a, b, x, lower, upper", BETA)
def test_incomplete_beta(a: float, b: float, x: float, lower: float, upper: float) -> None:
    # the argument's own rounding moves the tails of large parameters: a x / (1 - x) units in the last place
    rounding = 2e-16 * (a + b / (1 - x))
    np.testing.assert_allclose(evaluate(log_betainc(a, b, x)), lower, rtol=2e-13, atol=2e-16 + rounding * abs(np.expm1(lower)))
    np.testing.assert_allclose(evaluate(log_betaincc(a, b, x)), upper, rtol=2e-13, atol=2e-16 + rounding * abs(np.expm1(upper)))


def test_incomplete_functions_do_not_underflow() -> None:
    # Q(1, x) is exp(-x), P(a, x) is x^a exp(-x) / Γ(a + 1) times 1 + x / (a + 1) + O(x²), and I(a, 1, x) is x^a
    np.testing.assert_allclose(evaluate(log_gammaincc(1.0, 5e4)), -5e4, rtol=1e-13)
    expected = 400 * np.log(1e-3) - 1e-3 - gammaln(401.0) + np.log1p(1e-3 / 401)
    np.testing.assert_allclose(evaluate(log_gammainc(400.0, 1e-3)), expected, rtol=1e-13)
    np.testing.assert_allclose(evaluate(log_betainc(2e3, 1.0, 1e-3)), 2e3 * np.log(1e-3), rtol=1e-13)


@pytest.mark.parametrize(
    "a, b, expected",
    [
        (1.0, 30.0, -3.40119738166215538),
        (1e6, 0.5, -6.33539021105743696),
        (0.01, 0.02, 5.01031335069798576),
        (300.0, 2000.0, -892.451251449107856),
    ],
)
def test_log_beta(a: float, b: float, expected: float) -> None:
    np.testing.assert_allclose(evaluate(log_beta(a, b)), expected, rtol=1e-14)


@pytest.mark.parametrize("lower, upper, expected", MASS)
def test_normal_mass_and_quantiles_within_it(lower: float, upper: float, expected: float) -> None:
    np.testing.assert_allclose(evaluate(log_normal_mass(lower, upper)), expected, rtol=1e-14)
    q = np.array([1e-3, 0.3, 0.5, 0.9, 0.999])
    z = evaluate(truncated_normal_quantile(q, lower, upper))
    left = evaluate(log_normal_mass(lower, z)) - expected
    # one rounding of z moves the mass on its left by this share
    rounding = 1e-15 * np.abs(z) * np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - expected) / q
    assert np.all(np.abs(left - np.log(q)) < 1e-11 + rounding)
    np.testing.assert_array_equal(evaluate(truncated_normal_quantile(np.array([0.0, 1.0]), lower, upper)), [lower, upper])


def test_student_t_cdf_far_out() -> None:
    # P(T < -t) of two degrees of freedom is (1 - t / sqrt(2 + t²)) / 2, or 1 / (2 t²) far out
    np.testing.assert_allclose(evaluate(log_student_t_cdf(2.0, -1e200)), np.log(0.5) - 2 * np.log(1e200), rtol=1e-13)
    np.testing.assert_allclose(evaluate(log_student_t_cdf(2.0, 1.0)), np.log(0.5 * (1 + 1 / np.sqrt(3))), rtol=1e-14)


INVERSES: list[tuple[Any, Any, tuple[float, ...]]] = [
    (gamma_quantile, log_gammainc, (2.5,)),
    (gamma_quantile, log_gammainc, (0.05,)),
    (gamma_quantile, log_gammainc, (3e4,)),
    (beta_quantile, log_betainc, (0.4, 3.0)),
    (beta_quantile, log_betainc, (2e3, 50.0)),
]


@pytest.mark.parametrize("quantile, log_cdf, shapes", INVERSES)
def test_quantiles_invert(quantile: Any, log_cdf: Any, shapes: tuple[float, ...]) -> None:
    q = np.array([1e-30, 1e-8, 0.1, 0.5, 0.9, 0.999])
    x = evaluate(quantile(q, 1 - q, *shapes))
    shown = x > 1e-300
    np.testing.assert_allclose(evaluate(log_cdf(*shapes, x))[shown], np.log(q)[shown], rtol=1e-11, atol=1e-11)
    ends = evaluate(quantile(np.array([0.0, 1.0]), np.array([1.0, 0.0]), *shapes))
    assert ends[0] == 0 and ends[1] in (1, np.inf)
    assert np.all(np.isnan(evaluate(quantile(np.array([-0.1, np.nan]), np.array([1.1, np.nan]), *shapes))))


def test_quantile_of_a_tail_given_by_its_complement() -> None:
    # P(|T| > t) = 1e-40 for one degree of freedom: t = cot(π 1e-40 / 2)
    np.testing.assert_allclose(evaluate(half_student_t_quantile(1.0, 1e-40, 1.0)), 2e40 / np.pi, rtol=1e-12)


def test_derivatives_work_in_both_modes() -> None:
    def total(a: Any, x: Any) -> Any:
        return jnp.sum(OPERATORS["log_gammainc"].fn(a, x))

    with jax.enable_x64(True):
        a, x = jnp.array([0.7, 3.0, 40.0]), jnp.array([0.2, 5.0, 35.0])
        reverse = jax.jit(jax.grad(total, argnums=(0, 1)))(a, x)
        forward = jax.jit(jax.jacfwd(total, argnums=(0, 1)))(a, x)
    for r, f in zip(reverse, forward, strict=True):
        np.testing.assert_allclose(r, f, rtol=1e-14)


@pytest.mark.parametrize(
    "name, shapes, i",
    [
        ("log_gammainc", (2.0, 9.0), 0),
        ("log_gammaincc", (3.0, 4.0), 0),
        ("log_betainc", (3.0, 1.0, 0.4), 1),
        ("log_betainc", (3.0, 1.0, 0.4), 0),
        ("log_betaincc", (2.0, 3.0, 0.9), 0),
    ],
)
def test_derivatives_in_shapes_that_are_whole_numbers(name: str, shapes: tuple[float, ...], i: int) -> None:
    # a continued fraction ends at a whole number, its derivative does not: it has to be that of the shapes on both sides
    near = [(*shapes[:i], shapes[i] + e, *shapes[i + 1 :]) for e in (-1e-7, 0.0, 1e-7)]
    with jax.enable_x64(True):
        before, at, after = (float(jax.grad(OPERATORS[name].fn, argnums=i)(*s)) for s in near)
    assert at == pytest.approx(before, rel=1e-6)
    assert at == pytest.approx(after, rel=1e-6)
