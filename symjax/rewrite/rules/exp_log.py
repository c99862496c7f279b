"""Exponentials, logarithms and powers."""

from __future__ import annotations

from typing import Any

import symjax.tensor as T
from symjax.rewrite._pattern import constants, p, variables
from symjax.rewrite._rule import rule
from symjax.rewrite._terms import finite_value, number

x, y = variables("x y")
k, n = constants("k n")


@rule(p.log(p.exp(x)))
def log_of_exp(x: Any) -> Any:
    """log(exp(x)) = x."""
    return x


@rule(p.xlogy(y, p.exp(x)))
def xlogy_of_exp(x: Any, y: Any) -> Any:
    """y log(exp(x)) = y x."""
    return y * x


@rule(p.xlogy(y, p.sigmoid(x)))
def xlogy_of_sigmoid(x: Any, y: Any) -> Any:
    """y log(sigmoid(x)) = y log_sigmoid(x)."""
    return y * T.log_sigmoid(x)


@rule(p.xlog1py(y, -p.sigmoid(x)))
def xlog1py_of_sigmoid(x: Any, y: Any) -> Any:
    """y log(1 - sigmoid(x)) = y log_sigmoid(-x)."""
    return y * T.log_sigmoid(-x)


@rule(p.exp(p.log(x)), when={"x": "nonnegative"})
def exp_of_log(x: Any) -> Any:
    """exp(log(x)) = x for x ≥ 0; below, log(x) is nan."""
    return x


@rule(p.exp(k * p.log(x)), when={"x": "nonnegative"})
def power_of_exp(k: Any, x: Any) -> Any:
    """exp(k log(x)) = x**k for x ≥ 0 and a number k ≠ 0."""
    exponent = finite_value(k)
    return T.power(x, number(exponent)) if exponent else None


@rule(p.exp(-p.log(x)), when={"x": "nonnegative"})
def reciprocal_of_exp(x: Any) -> Any:
    """exp(-log(x)) = 1/x for x ≥ 0."""
    return 1 / x


@rule(p.log(p.power(x, k)), when={"x": "nonnegative"})
def log_of_power(x: Any, k: Any) -> Any:
    """log(x**k) = k log(x) for x ≥ 0 and a number k ≠ 0."""
    exponent = finite_value(k)
    return T.multiply(number(exponent), T.log(x)) if exponent else None


@rule(p.log(p.square(x)), when={"x": "nonnegative"})
def log_of_square(x: Any) -> Any:
    """log(x²) = 2 log(x) for x ≥ 0."""
    return 2 * T.log(x)


@rule(p.log(p.sqrt(x)))
def log_of_sqrt(x: Any) -> Any:
    """log(√x) = log(x) / 2; both are nan for x < 0."""
    return 0.5 * T.log(x)


@rule(p.log(1 / x), p.log(p.reciprocal(x)))
def log_of_reciprocal(x: Any) -> Any:
    """log(1/x) = -log(x); both are nan for x < 0."""
    return -T.log(x)


@rule(p.log1p(p.expm1(x)))
def log1p_of_expm1(x: Any) -> Any:
    """log1p(expm1(x)) = x."""
    return x


@rule(p.exp(p.log1p(x)))
def exp_of_log1p(x: Any, engine: Any) -> Any:
    """exp(log1p(x)) = 1 + x for x ≥ -1."""
    return 1 + x if engine.facts(x).lower >= -1 else None


@rule(p.expm1(p.log1p(x)))
def expm1_of_log1p(x: Any, engine: Any) -> Any:
    """expm1(log1p(x)) = x for x ≥ -1."""
    return x if engine.facts(x).lower >= -1 else None


@rule(p.log(p.prod(x)), when={"x": "nonnegative"})
def log_of_prod(x: Any, node: Any) -> Any:
    """log(Π x) = Σ log(x) for x ≥ 0; the product would over- or underflow."""
    return T.sum(T.log(x), **node.parents[0].settings)


@rule(p.square(p.sqrt(x)), when={"x": "nonnegative"})
def square_of_sqrt(x: Any) -> Any:
    """(√x)² = x for x ≥ 0."""
    return x


@rule(p.sqrt(p.square(x)), p.sqrt(p.power(x, 2)), p.power(p.square(x), 0.5))
def sqrt_of_square(x: Any) -> Any:
    """√(x²) = |x|."""
    return T.abs(x)


@rule(p.power(p.power(x, k), n))
def power_of_power(x: Any, k: Any, n: Any, engine: Any) -> Any:
    """(x**k)**n = x**(k n) for whole k and n, or for x ≥ 0."""
    a, b = finite_value(k), finite_value(n)
    if a is None or b is None or a == 0 or b == 0:
        return None
    whole = a == int(a) and b == int(b)
    return T.power(x, number(a * b)) if whole or engine.facts(x).nonnegative else None


@rule(p.power(x, k))
def trivial_power(x: Any, k: Any) -> Any:
    """x**0 = 1, x**1 = x and x**½ = √x."""
    exponent = finite_value(k)
    if exponent == 0:
        return 1
    if exponent == 1:
        return x
    return T.sqrt(x) if exponent == 0.5 and x.dtype.kind == "f" else None


@rule(p.power(1, x))
def power_of_one(x: Any) -> Any:
    """1**x = 1."""
    return 1


@rule(p.power(p.exp(x), y), when={"x": "finite", "y": "finite"})
def power_of_exponential(x: Any, y: Any) -> Any:
    """exp(x)**y = exp(x y) for finite x and y."""
    return T.exp(x * y)


@rule(p.square(-x), p.square(p.abs(x)), p.power(-x, 2), p.power(p.abs(x), 2))
def square_of_signed(x: Any) -> Any:
    """(-x)² = |x|² = x²."""
    return T.square(x)
