"""How elementwise operations are undone: one row or one function per operation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.core._node import Constant
from symjax.random.density._derive import Derivation, Inverse, inverse_of
from symjax.rewrite._pattern import scalar_value

LOG_2 = math.log(2)
LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


def _needed(node: Any, operand: Any, ok: bool, what: str) -> None:
    if not ok:
        raise NotDerivableError(
            f"the law of {node.name!r} is not derived: `{node.op.name}` has a value only where {operand.name!r} is {what}, which "
            "its law does not guarantee.",
            operand,
        )


def unary(
    name: str,
    inverse: Callable[[Any], Any],
    log_slope: Callable[[Any], Any],
    lower: float | None = None,
    upper: float | None = None,
    increasing: bool = True,
    domain: tuple[float, float] = (-math.inf, math.inf),
    closed: bool = False,
) -> None:
    """Declare a strictly monotone function.

    Parameters
    ----------
    name : str
        Operator.
    inverse : callable
        Argument from value.
    log_slope : callable
        Log of the absolute derivative of `inverse`, as a function of the value.
    lower, upper : float, optional
        Bounds of the values.
    increasing : bool
        Whether the function increases.
    domain : tuple of float
        Closed interval that the argument must lie in for the value to be real.
    closed : bool
        Whether bounds are values themselves.
    """

    def rule(node: Any, derivation: Derivation) -> Inverse:
        [operand] = node.parents
        if domain != (-math.inf, math.inf):
            fact = derivation.facts(operand)
            what = f"at least {domain[0]:g}" if math.isinf(domain[1]) else f"between {domain[0]:g} and {domain[1]:g}"
            _needed(node, operand, fact.lower >= domain[0] and fact.upper <= domain[1], what)
        return Inverse(operand, lambda v: [(inverse(v), log_slope(v))], increasing, lower, upper, closed)

    inverse_of(name)(rule)


def _log_sech2(v: Any) -> Any:
    a = T.abs(v)
    return 2 * (LOG_2 - a - T.softplus(-2 * a))


unary("exp", T.log, lambda v: -T.log(v), lower=0)
unary("exp2", T.log2, lambda v: -T.log(v) - math.log(LOG_2), lower=0)
unary("expm1", T.log1p, lambda v: -T.log1p(v), lower=-1)
unary("log", T.exp, lambda v: v, domain=(0, math.inf))
unary("log2", T.exp2, lambda v: LOG_2 * v + math.log(LOG_2), domain=(0, math.inf))
unary("log10", lambda v: T.exp(math.log(10) * v), lambda v: math.log(10) * v + math.log(math.log(10)), domain=(0, math.inf))
unary("log1p", T.expm1, lambda v: v, domain=(-1, math.inf))
unary("sqrt", T.square, lambda v: LOG_2 + T.log(v), lower=0, domain=(0, math.inf))
unary("cbrt", lambda v: v**3, lambda v: math.log(3) + 2 * T.log(T.abs(v)))
unary("sigmoid", T.logit, lambda v: -T.log(v) - T.log1p(-v), lower=0, upper=1)
unary("logit", T.sigmoid, lambda v: T.log_sigmoid(v) + T.log_sigmoid(-v), domain=(0, 1))
unary("log_sigmoid", lambda v: v - T.log1mexp(v), lambda v: -T.log1mexp(v), upper=0)
unary("softplus", lambda v: v + T.log1mexp(-v), lambda v: -T.log1mexp(-v), lower=0)
unary("tanh", T.arctanh, lambda v: -T.log1p(v) - T.log1p(-v), lower=-1, upper=1)
unary("arctanh", T.tanh, _log_sech2, domain=(-1, 1))
unary("sinh", T.arcsinh, lambda v: -T.log(T.hypot(v, 1.0)))
unary("arcsinh", T.sinh, lambda v: -0.5 * _log_sech2(v))
unary("arctan", T.tan, lambda v: -2 * T.log(T.cos(v)), lower=-math.pi / 2, upper=math.pi / 2)
unary("erf", T.erfinv, lambda v: T.erfinv(v) ** 2 + math.log(math.sqrt(math.pi) / 2), lower=-1, upper=1)
unary(
    "erfc",
    lambda v: -T.ndtri(v / 2) / math.sqrt(2),
    lambda v: 0.5 * T.ndtri(v / 2) ** 2 + math.log(math.sqrt(math.pi) / 2),
    lower=0,
    upper=2,
    increasing=False,
)
unary("erfinv", T.erf, lambda v: math.log(2 / math.sqrt(math.pi)) - v**2, domain=(-1, 1))
unary("ndtr", T.ndtri, lambda v: 0.5 * T.ndtri(v) ** 2 + LOG_SQRT_2PI, lower=0, upper=1)
unary("ndtri", T.ndtr, lambda v: -0.5 * v**2 - LOG_SQRT_2PI, domain=(0, 1))


@inverse_of("positive")
def _positive(node: Any, derivation: Derivation) -> Inverse:
    return Inverse(node.parents[0], lambda v: [(v, _zero(v))], keeps_integers=True)


@inverse_of("negative")
def _negative(node: Any, derivation: Derivation) -> Inverse:
    return Inverse(node.parents[0], lambda v: [(-v, _zero(v))], increasing=False, keeps_integers=True)


@inverse_of("cast")
def _cast(node: Any, derivation: Derivation) -> Inverse:
    [operand] = node.parents
    lossless = node.dtype.kind == "f" or (node.dtype.kind in "iu" and operand.dtype.kind in "iub")
    _needed(node, operand, lossless, "whole")
    return Inverse(operand, lambda v: [(v, _zero(v))], keeps_integers=True)


@inverse_of("add")
def _add(node: Any, derivation: Derivation) -> Inverse:
    place = derivation.random_operand(node)
    operand, other = node.parents[place], node.parents[1 - place]
    whole = derivation.facts(other).integer
    return Inverse(operand, lambda v: [(v - other, _zero(v))], keeps_integers=whole)


@inverse_of("subtract")
def _subtract(node: Any, derivation: Derivation) -> Inverse:
    place = derivation.random_operand(node)
    operand, other = node.parents[place], node.parents[1 - place]
    whole = derivation.facts(other).integer
    if place == 0:
        return Inverse(operand, lambda v: [(v + other, _zero(v))], keeps_integers=whole)
    return Inverse(operand, lambda v: [(other - v, _zero(v))], increasing=False, keeps_integers=whole)


def _zero(value: Any) -> Any:
    return T.constant(0.0)


def _sign(node: Any, scale: Any, derivation: Derivation) -> Any:
    """Whether a scale is positive: True, False or a bool tensor."""
    if isinstance(scale, Constant) and bool(np.any(np.asarray(scale.value) == 0)):
        raise NotDerivableError(f"{node.name!r} has no density: its factor {scale!r} holds a zero.", node)
    fact = derivation.facts(scale)
    return True if fact.positive else False if fact.negative else T.greater(scale, 0)


@inverse_of("multiply")
def _multiply(node: Any, derivation: Derivation) -> Inverse:
    place = derivation.random_operand(node)
    operand, scale = node.parents[place], node.parents[1 - place]
    whole = derivation.facts(scale).integer
    sign = _sign(node, scale, derivation)
    return Inverse(operand, lambda v: [(v / scale, -T.log(T.abs(scale)))], sign, keeps_integers=whole)


@inverse_of("divide")
def _divide(node: Any, derivation: Derivation) -> Inverse:
    place = derivation.random_operand(node)
    operand, other = node.parents[place], node.parents[1 - place]
    sign = _sign(node, other, derivation)
    if place == 1:
        return _ratio(operand, other, sign, derivation)
    return Inverse(operand, lambda v: [(v * other, T.log(T.abs(other)))], sign)


@inverse_of("reciprocal")
def _reciprocal(node: Any, derivation: Derivation) -> Inverse:
    return _ratio(node.parents[0], T.constant(1.0), True, derivation)


def _ratio(operand: Any, scale: Any, scale_is_positive: Any, derivation: Derivation) -> Inverse:
    """``scale / operand``, monotone on each side of zero."""
    fact = derivation.facts(operand)
    one_sided = (fact.nonnegative or fact.nonpositive) and isinstance(scale_is_positive, bool)
    increasing = (not scale_is_positive) if one_sided else None
    positive = one_sided and fact.nonnegative == scale_is_positive

    def at(v: Any) -> Any:
        return [(scale / v, T.log(T.abs(scale)) - 2 * T.log(T.abs(v)))]

    return Inverse(operand, at, increasing, 0 if positive else None, 0 if one_sided and not positive else None)


@inverse_of("abs")
def _abs(node: Any, derivation: Derivation) -> Inverse:
    [operand] = node.parents
    if derivation.facts(operand).nonnegative:
        return Inverse(operand, lambda v: [(v, _zero(v))], lower=0, closed=True, keeps_integers=True)
    return Inverse(operand, lambda v: [(-v, _zero(v)), (v, _zero(v))], None, lower=0, closed=True)


@inverse_of("square")
def _square(node: Any, derivation: Derivation) -> Inverse:
    return _even_power(node.parents[0], 2, derivation)


def _even_power(operand: Any, exponent: int, derivation: Derivation) -> Inverse:
    one_sided = derivation.facts(operand).nonnegative

    def at(v: Any) -> Any:
        root = T.sqrt(v) if exponent == 2 else v ** (1 / exponent)
        slope = (1 / exponent - 1) * T.log(v) - math.log(exponent)
        return [(root, slope)] if one_sided else [(-root, slope), (root, slope)]

    return Inverse(operand, at, True if one_sided else None, lower=0)


@inverse_of("power")
def _power(node: Any, derivation: Derivation) -> Inverse:
    place = derivation.random_operand(node)
    base, exponent = node.parents
    if place == 1:
        return _exponential(node, base, exponent, derivation)
    n = scalar_value(exponent)
    if n == -1:
        return _ratio(base, T.constant(1.0), True, derivation)
    if n is not None and n > 0 and n % 2 == 0:
        return _even_power(base, int(n), derivation)
    sign = _sign(node, exponent, derivation)

    def slope(v: Any) -> Any:
        return (1 / exponent - 1) * T.log(T.abs(v)) - T.log(T.abs(exponent))

    if n is not None and n > 0 and n % 2 == 1:
        return Inverse(base, lambda v: [(T.sign(v) * T.abs(v) ** (1 / n), slope(v))])
    _needed(node, base, derivation.facts(base).nonnegative, "at least 0")
    return Inverse(base, lambda v: [(v ** (1 / exponent), slope(v))], sign, lower=0)


def _exponential(node: Any, base: Any, exponent: Any, derivation: Derivation) -> Inverse:
    fact = derivation.facts(base)
    _needed(node, base, fact.positive, "positive")
    rate = T.log(base)

    def at(v: Any) -> Any:
        return [(T.log(v) / rate, -T.log(v) - T.log(T.abs(rate)))]

    increasing = True if fact.lower > 1 else False if fact.upper < 1 else T.greater(base, 1)
    return Inverse(exponent, at, increasing, lower=0)
