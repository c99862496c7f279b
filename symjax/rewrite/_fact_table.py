"""Facts of the operations: for each operator, what holds of its value given what holds of its arguments.

Bounds are computed outwards (a rounded bound is moved away from the interval), so that rounding never proves a sign.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from symjax.core._node import Constant
from symjax.rewrite._facts import OPERATOR_FACTS, UNKNOWN, Fact

_INF = math.inf


def fact(*names: str) -> Callable[[Any], Any]:
    """Register the fact rule of operators."""

    def register(rule: Any) -> Any:
        for name in names:
            OPERATOR_FACTS[name] = rule
        return rule

    return register


def _down(value: float, exact: bool = False) -> float:
    return value if exact or math.isinf(value) else math.nextafter(value, -_INF)


def _up(value: float, exact: bool = False) -> float:
    return value if exact or math.isinf(value) else math.nextafter(value, _INF)


def _sum_bound(a: float, b: float) -> tuple[float, bool]:
    total = a + b
    return total, a == 0 or b == 0 or (math.isfinite(total) and total - a == b and total - b == a)


def add(a: Fact, b: Fact) -> Fact:
    """Fact of a sum."""
    if a.lower == _INF or b.lower == _INF or a.upper == -_INF or b.upper == -_INF:
        return UNKNOWN
    lower, lower_exact = _sum_bound(a.lower, b.lower)
    upper, upper_exact = _sum_bound(a.upper, b.upper)
    if lower == -_INF:
        lower_open = (a.lower > -_INF or a.lower_open) and (b.lower > -_INF or b.lower_open)
    else:
        lower_open = a.lower_open or b.lower_open
    if upper == _INF:
        upper_open = (a.upper < _INF or a.upper_open) and (b.upper < _INF or b.upper_open)
    else:
        upper_open = a.upper_open or b.upper_open
    no_clash = a.finite or b.finite or (a.lower > -_INF and b.lower > -_INF) or (a.upper < _INF and b.upper < _INF)
    defined = a.defined and b.defined and no_clash
    integer = a.integer and b.integer
    return Fact(_down(lower, lower_exact), _up(upper, upper_exact), lower_open, upper_open, integer=integer, defined=defined)


def negate(a: Fact) -> Fact:
    """Fact of a negation."""
    return a._replace(lower=-a.upper, upper=-a.lower, lower_open=a.upper_open, upper_open=a.lower_open)


def _corner(x: float, y: float) -> float:
    if x == 0 or y == 0:
        return 0.0
    # a product that underflows keeps its sign, or bounds of both signs would meet at zero
    return x * y or math.copysign(5e-324, x) * math.copysign(1.0, y)


def multiply(a: Fact, b: Fact) -> Fact:
    """Fact of a product of two quantities."""
    corners = [_corner(x, y) for x in (a.lower, a.upper) for y in (b.lower, b.upper)]
    unit = {0.0, 1.0, -1.0, _INF, -_INF}
    exact = {a.lower, a.upper} <= unit or {b.lower, b.upper} <= unit
    lower, upper = min(corners), max(corners)
    lower, upper = _down(lower, exact or lower == 0), _up(upper, exact or upper == 0)
    finite = a.finite and b.finite
    nonzero = a.is_nonzero and b.is_nonzero
    defined = a.defined and b.defined and (finite or nonzero)
    return Fact(lower, upper, finite and lower == -_INF, finite and upper == _INF, nonzero, a.integer and b.integer, defined)


def reciprocal(a: Fact) -> Fact:
    """Fact of 1/a; nothing is known where `a` may be zero."""
    if a.positive:
        upper = _INF if a.lower <= 0 else _up(1 / a.lower)
        lower = 0.0 if a.upper == _INF else _down(1 / a.upper)
        return Fact(lower, upper, lower == 0 and a.finite, upper == _INF, a.finite, False, a.defined)
    if a.negative:
        return negate(reciprocal(negate(a)))
    if a.is_nonzero:
        return Fact(lower_open=True, upper_open=True, nonzero=a.finite, defined=a.defined)
    return UNKNOWN


def square(a: Fact) -> Fact:
    """Fact of a square."""
    largest = max(abs(a.lower), abs(a.upper))
    smallest = 0.0 if a.lower <= 0 <= a.upper else min(abs(a.lower), abs(a.upper))
    upper = _INF if largest > 1e150 else _up(largest * largest, largest in (0.0, 1.0))
    lower = 0.0 if smallest < 1e-150 else _down(smallest * smallest, smallest == 1.0)
    return Fact(lower, upper, False, upper == _INF and a.finite, a.is_nonzero, a.integer, a.defined)


def union(facts: Sequence[Fact]) -> Fact:
    """What holds of a value that is one of several."""
    lower, upper = min(f.lower for f in facts), max(f.upper for f in facts)
    return Fact(
        lower,
        upper,
        all(f.lower_open for f in facts if f.lower == lower),
        all(f.upper_open for f in facts if f.upper == upper),
        all(f.is_nonzero for f in facts),
        all(f.integer for f in facts),
        all(f.defined for f in facts),
    )


def _monotone(fn: Callable[[float], float], a: Fact, lower: float, upper: float) -> tuple[float, float, bool, bool]:
    """Bounds of an increasing function with range (lower, upper), of which no finite argument attains the ends."""

    def at(x: float, end: float, move: Callable[[float], float]) -> float:
        try:
            return move(fn(x))
        except (OverflowError, ValueError):
            return end

    low = lower if a.lower == -_INF else max(lower, at(a.lower, lower, _down))
    high = upper if a.upper == _INF else min(upper, at(a.upper, upper, _up))
    return low, high, low == lower and (a.lower > -_INF or a.lower_open), high == upper and (a.upper < _INF or a.upper_open)


@fact("add")
def _add(node: Any, p: Sequence[Fact]) -> Fact:
    return add(*p)


@fact("subtract")
def _subtract(node: Any, p: Sequence[Fact]) -> Fact:
    return add(p[0], negate(p[1]))


@fact("negative")
def _negative(node: Any, p: Sequence[Fact]) -> Fact:
    return negate(p[0])


@fact("multiply")
def _multiply(node: Any, p: Sequence[Fact]) -> Fact:
    return square(p[0]) if node.parents[0] is node.parents[1] else multiply(*p)


@fact("divide", "true_divide")
def _divide(node: Any, p: Sequence[Fact]) -> Fact:
    return multiply(p[0], reciprocal(p[1])) if p[1].is_nonzero else UNKNOWN


@fact("reciprocal")
def _reciprocal(node: Any, p: Sequence[Fact]) -> Fact:
    return reciprocal(p[0])


@fact("square")
def _square(node: Any, p: Sequence[Fact]) -> Fact:
    return square(p[0])


@fact("abs", "absolute", "fabs")
def _abs(node: Any, p: Sequence[Fact]) -> Fact:
    [a] = p
    if a.nonnegative:
        return a
    upper = max(abs(a.lower), abs(a.upper))
    return Fact(0.0, upper, False, upper == _INF and a.finite, a.is_nonzero, a.integer, a.defined)


@fact("sign")
def _sign(node: Any, p: Sequence[Fact]) -> Fact:
    [a] = p
    lower = 1.0 if a.positive else 0.0 if a.nonnegative else -1.0
    upper = -1.0 if a.negative else 0.0 if a.nonpositive else 1.0
    return Fact(lower, upper, nonzero=a.is_nonzero, integer=True, defined=a.defined)


@fact("sqrt")
def _sqrt(node: Any, p: Sequence[Fact]) -> Fact:
    [a] = p
    lower = _down(math.sqrt(a.lower)) if a.lower > 0 else 0.0
    upper = _up(math.sqrt(a.upper)) if 0 < a.upper < _INF else max(a.upper, 0.0)
    defined = a.defined and a.nonnegative
    return Fact(max(lower, 0.0), upper, False, upper == _INF and a.upper_open, a.is_nonzero, False, defined)


@fact("power")
def _power(node: Any, p: Sequence[Fact]) -> Fact:
    a, b = p
    exponent = node.parents[1]
    if isinstance(exponent, Constant) and b.lower == b.upper and math.isfinite(b.lower):
        n = b.lower
        if n == 2:
            return square(a)
        if a.positive:
            return Fact(0.0, _INF, a.finite, a.finite, a.finite, False, a.defined)
        if n == int(n) and n >= 0:
            even = n % 2 == 0 or a.nonnegative
            finite = a.finite
            return Fact(0.0 if even else -_INF, _INF, not even and finite, finite, a.is_nonzero or n == 0, a.integer, a.defined)
        if n == int(n) and a.is_nonzero:
            even = n % 2 == 0
            return Fact(0.0 if even else -_INF, _INF, not even, True, a.finite, False, a.defined)
        if n > 0 and n != int(n):
            return Fact(0.0, _INF, False, a.finite, a.is_nonzero, False, a.defined and a.nonnegative)
        return UNKNOWN
    if a.positive and a.finite and b.finite:
        return Fact(0.0, _INF, True, True, True, False, a.defined and b.defined)
    return UNKNOWN


@fact("exp", "exp2")
def _exp(node: Any, p: Sequence[Fact]) -> Fact:
    [a] = p
    fn = math.exp if node.op.name == "exp" else lambda x: 2.0**x
    low, high, low_open, high_open = _monotone(fn, a, 0.0, _INF)
    if a.nonnegative:
        low = max(low, 1.0)
    if a.nonpositive:
        high, high_open = min(high, 1.0), a.negative
    return Fact(low, high, low_open, high_open, False, False, a.defined)


@fact("expm1")
def _expm1(node: Any, p: Sequence[Fact]) -> Fact:
    [a] = p
    low, high, low_open, high_open = _monotone(math.expm1, a, -1.0, _INF)
    low = 0.0 if a.nonnegative and low < 0 else low
    high = 0.0 if a.nonpositive and high > 0 else high
    return Fact(low, high, low_open, high_open, a.is_nonzero, False, a.defined)


def _log_fact(a: Fact, at: Callable[[float], float], zero: float, positive: bool, inside: bool) -> Fact:
    """Fact of a logarithm with its pole at ``-zero`` below: `positive` is that the pole is never met, `inside` that nan is not."""
    low = _down(at(a.lower)) if a.lower > zero else -_INF
    high = _up(at(a.upper)) if zero < a.upper < _INF else _INF
    return Fact(low, high, low == -_INF and positive, high == _INF and a.upper_open, False, False, inside)


@fact("log", "log2", "log10")
def _log(node: Any, p: Sequence[Fact]) -> Fact:
    [a] = p
    found = _log_fact(a, getattr(math, node.op.name), 0.0, a.positive, a.defined and a.nonnegative)
    low = 0.0 if a.lower >= 1 and found.lower < 0 else found.lower
    high, high_open = (0.0, a.upper < 1 or a.upper_open) if a.upper <= 1 else (found.upper, found.upper_open)
    return found._replace(lower=low, lower_open=found.lower_open or a.lower > 1, upper=high, upper_open=high_open)


@fact("log1p")
def _log1p(node: Any, p: Sequence[Fact]) -> Fact:
    [a] = p
    above = a.lower > -1 or (a.lower == -1 and a.lower_open)
    found = _log_fact(a, math.log1p, -1.0, above, a.defined and a.lower >= -1)
    low = 0.0 if a.nonnegative and found.lower < 0 else found.lower
    high = 0.0 if a.nonpositive and found.upper > 0 else found.upper
    return found._replace(lower=low, upper=high, nonzero=a.is_nonzero)


def _ranged(lower: float, upper: float, *, keeps_sign: bool = False) -> Any:
    """Rule of an increasing function with an open range, such as a cdf: the ends are met at infinity alone."""

    def rule(node: Any, p: Sequence[Fact]) -> Fact:
        [a] = p
        low, high = (max(lower, 0.0), upper) if keeps_sign and a.nonnegative else (lower, upper)
        high = min(high, 0.0) if keeps_sign and a.nonpositive else high
        opened = a.finite
        nonzero = a.is_nonzero if keeps_sign else False
        return Fact(low, high, opened and low == lower, opened and high == upper, nonzero, False, a.defined)

    return rule


for _name in ("sigmoid", "expit", "invlogit", "ndtr"):
    OPERATOR_FACTS[_name] = _ranged(0.0, 1.0)
for _name in ("tanh", "erf"):
    OPERATOR_FACTS[_name] = _ranged(-1.0, 1.0, keeps_sign=True)
OPERATOR_FACTS["erfc"] = _ranged(0.0, 2.0)
OPERATOR_FACTS["arctan"] = _ranged(-1.5708, 1.5708, keeps_sign=True)
OPERATOR_FACTS["softplus"] = _ranged(0.0, _INF)
for _name in ("log_sigmoid", "log_ndtr"):
    OPERATOR_FACTS[_name] = _ranged(-_INF, 0.0)
for _name in ("sinh", "arcsinh"):
    OPERATOR_FACTS[_name] = _ranged(-_INF, _INF, keeps_sign=True)


@fact("sin", "cos")
def _sine(node: Any, p: Sequence[Fact]) -> Fact:
    return Fact(-1.0, 1.0, defined=p[0].real)


@fact("cosh")
def _cosh(node: Any, p: Sequence[Fact]) -> Fact:
    return Fact(1.0, _INF, False, p[0].finite, defined=p[0].defined)


@fact("gammaln", "loggamma")
def _gammaln(node: Any, p: Sequence[Fact]) -> Fact:
    good = p[0].positive and p[0].real
    return Fact(lower_open=good, upper_open=good, defined=good)


@fact("logaddexp")
def _logaddexp(node: Any, p: Sequence[Fact]) -> Fact:
    a, b = p
    low = max(a.lower, b.lower)
    # ordered pairs of infinities: −inf and −inf give −inf, +inf absorbs, so nan never arises
    finite_below = low > -_INF or a.lower_open or b.lower_open
    finite_above = (a.upper < _INF or a.upper_open) and (b.upper < _INF or b.upper_open)
    return Fact(low, _INF, finite_below and low == -_INF, finite_above, defined=a.defined and b.defined)


@fact("logsumexp")
def _logsumexp(node: Any, p: Sequence[Fact]) -> Fact:
    [a] = p
    return Fact(a.lower, _INF, a.lower_open, a.upper < _INF or a.upper_open, defined=a.defined)


@fact("maximum")
def _maximum(node: Any, p: Sequence[Fact]) -> Fact:
    a, b = p
    low_open = (a.lower_open if a.lower >= b.lower else False) or (b.lower_open if b.lower >= a.lower else False)
    high_open = union(p).upper_open
    positive = a.positive or b.positive
    return Fact(
        max(a.lower, b.lower),
        max(a.upper, b.upper),
        low_open,
        high_open,
        positive or (a.is_nonzero and b.is_nonzero),
        a.integer and b.integer,
        a.defined and b.defined,
    )


@fact("minimum")
def _minimum(node: Any, p: Sequence[Fact]) -> Fact:
    return negate(_maximum(node, [negate(f) for f in p]))


@fact("where")
def _where(node: Any, p: Sequence[Fact]) -> Fact:
    return union(p[1:]) if len(p) == 3 else UNKNOWN


@fact("clip")
def _clip(node: Any, p: Sequence[Fact]) -> Fact:
    if len(p) != 3:
        return UNKNOWN
    return _minimum(node, [_maximum(node, p[:2]), p[2]])


@fact("floor", "ceil", "round", "trunc", "rint")
def _whole(node: Any, p: Sequence[Fact]) -> Fact:
    [a] = p
    return Fact(
        math.floor(a.lower) if math.isfinite(a.lower) else a.lower,
        math.ceil(a.upper) if math.isfinite(a.upper) else a.upper,
        a.lower == -_INF and a.lower_open,
        a.upper == _INF and a.upper_open,
        False,
        True,
        a.defined,
    )


@fact("cast")
def _cast(node: Any, p: Sequence[Fact]) -> Fact:
    [a] = p
    return a if node.dtype.kind == "f" or a.integer else UNKNOWN


@fact("isnan", "isinf", "isfinite", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
def _truth(node: Any, p: Sequence[Fact]) -> Fact:
    return Fact(0.0, 1.0, integer=True, defined=True)


_STRUCTURAL = """reshape ravel transpose swapaxes moveaxis expand_dims squeeze broadcast_to repeat tile getitem flip roll
stack concatenate max min amax amin sort diagonal stop_gradient dimshuffle flatten""".split()


@fact(*_STRUCTURAL)
def _structural(node: Any, p: Sequence[Fact]) -> Fact:
    if node.op.name == "diagonal" and node.parents[0].fn_name in ("cholesky", "cholesky_of_inverse"):
        return Fact(0.0, _INF, True, False)
    values = p[:1] if node.op.name == "getitem" else p
    return union(values) if values else UNKNOWN


@fact("sum", "mean", "cumsum")
def _sum(node: Any, p: Sequence[Fact]) -> Fact:
    [a] = p
    source = node.parents[0]
    if not all(isinstance(d, int) and d > 0 for d in source.shape):
        # an axis of unknown length may be empty, and an empty sum is 0
        return Fact(0.0 if a.nonnegative else -_INF, 0.0 if a.nonpositive else _INF, integer=a.integer)
    low = a.lower if a.lower > 0 else 0.0 if a.lower >= 0 else -_INF
    high = a.upper if a.upper < 0 else 0.0 if a.upper <= 0 else _INF
    signed = a.positive or a.negative
    defined = a.defined and (a.finite or a.lower > -_INF or a.upper < _INF)
    if node.op.name == "mean":
        return a._replace(nonzero=signed, integer=False, defined=defined)
    return Fact(low, high, low == -_INF and a.finite, high == _INF and a.finite, signed, a.integer, defined)


@fact("prod")
def _prod(node: Any, p: Sequence[Fact]) -> Fact:
    [a] = p
    return Fact(0.0 if a.nonnegative else -_INF, _INF, False, a.finite, a.is_nonzero, a.integer, a.defined and a.finite)
