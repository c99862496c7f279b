"""Signs, comparisons, choices and casts; sums and products have normal forms of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import constant
from symjax.rewrite._facts import Fact
from symjax.rewrite._pattern import p, scalar_value, variables
from symjax.rewrite._rule import rule
from symjax.rewrite._terms import op_name

c, x, y = variables("c x y")


@rule(p.abs(x), when={"x": "nonnegative"})
def abs_of_nonnegative(x: Any) -> Any:
    """|x| = x for x ≥ 0."""
    return x


@rule(p.abs(x), when={"x": "nonpositive"})
def abs_of_nonpositive(x: Any) -> Any:
    """|x| = -x for x ≤ 0."""
    return -x


@rule(p.abs(-x))
def abs_of_negative(x: Any) -> Any:
    """|-x| = |x|."""
    return T.abs(x)


@rule(p.sign(x))
def sign_of_signed(x: Any, engine: Any) -> Any:
    """sign(x) = 1 for x > 0 and -1 for x < 0, where x is never nan."""
    fact = engine.facts(x)
    if not fact.defined:
        return None
    return 1 if fact.positive else -1 if fact.negative else None


@rule(x * p.sign(x))
def abs_of_sign(x: Any) -> Any:
    """x sign(x) = |x|."""
    return T.abs(x)


@rule(p.floor(x), p.ceil(x), p.trunc(x), p.rint(x), when={"x": "integer"})
def whole_of_integer(x: Any) -> Any:
    """floor(x) = x for whole x."""
    return x


def _less(a: Fact, b: Fact) -> bool:
    """Whether ``a < b`` is proved, where neither is nan."""
    if a.upper < b.lower or (a.upper == b.lower and (a.upper_open or b.lower_open)):
        return True
    return (a.upper <= 0 <= b.lower) and (a.negative or b.positive)


def _decide(below: bool, not_above: bool, defined: bool) -> Any:
    """True where the comparison is proved and no operand is nan, False where its opposite is: with nan it is false as well."""
    if below and defined:
        return constant(np.array(True))
    return constant(np.array(False)) if not_above else None


def _compare(a: Any, b: Any, strict: bool, engine: Any) -> Any:
    fa, fb = engine.facts(a), engine.facts(b)
    defined = fa.defined and fb.defined
    if a is b:
        return _decide(not strict, strict, defined)
    if strict:
        return _decide(_less(fa, fb), fa.lower >= fb.upper, defined)
    return _decide(fa.upper <= fb.lower, _less(fb, fa), defined)


@rule(p.less(x, y))
def less_by_bounds(x: Any, y: Any, engine: Any) -> Any:
    """x < y is decided by the bounds of x and y."""
    return _compare(x, y, True, engine)


@rule(p.greater(x, y))
def greater_by_bounds(x: Any, y: Any, engine: Any) -> Any:
    """x > y is decided by the bounds of x and y."""
    return _compare(y, x, True, engine)


@rule(p.less_equal(x, y))
def less_equal_by_bounds(x: Any, y: Any, engine: Any) -> Any:
    """x ≤ y is decided by the bounds of x and y."""
    return _compare(x, y, False, engine)


@rule(p.greater_equal(x, y))
def greater_equal_by_bounds(x: Any, y: Any, engine: Any) -> Any:
    """x ≥ y is decided by the bounds of x and y."""
    return _compare(y, x, False, engine)


@rule(p.equal(x, x), when={"x": "defined"})
def equal_to_itself(x: Any) -> Any:
    """x = x is true where x is never nan."""
    return constant(np.array(True))


@rule(p.not_equal(x, x), when={"x": "defined"})
def not_equal_to_itself(x: Any) -> Any:
    """x ≠ x is false where x is never nan."""
    return constant(np.array(False))


@rule(p.isnan(x), when={"x": "defined"})
def isnan_of_defined(x: Any) -> Any:
    """isnan(x) is false where x is never nan."""
    return constant(np.array(False))


@rule(p.isinf(x), when={"x": "finite"})
def isinf_of_finite(x: Any) -> Any:
    """isinf(x) is false where x is never infinite."""
    return constant(np.array(False))


@rule(p.isfinite(x), when={"x": "real"})
def isfinite_of_real(x: Any) -> Any:
    """isfinite(x) is true where x is a real number."""
    return constant(np.array(True))


@rule(p.where(c, x, y))
def where_of_known(c: Any, x: Any, y: Any) -> Any:
    """where(True, x, y) = x, where(False, x, y) = y, where(c, x, x) = x."""
    value = scalar_value(c)
    if value is not None:
        return x if value else y
    return x if x is y else None


@rule(p.where(p.logical_not(c), x, y))
def where_of_not(c: Any, x: Any, y: Any) -> Any:
    """where(not c, x, y) = where(c, y, x)."""
    return T.where(c, y, x)


@rule(p.logical_and(x, y))
def and_of_known(x: Any, y: Any) -> Any:
    """True and y = y, False and y = False, y and y = y."""
    value = scalar_value(x) if scalar_value(x) is not None else scalar_value(y)
    other = y if scalar_value(x) is not None else x
    if value is None:
        return x if x is y and x.dtype == np.bool_ else None
    if not value:
        return constant(np.array(False))
    return other if other.dtype == np.bool_ else None


@rule(p.logical_or(x, y))
def or_of_known(x: Any, y: Any) -> Any:
    """False or y = y, True or y = True, y or y = y."""
    value = scalar_value(x) if scalar_value(x) is not None else scalar_value(y)
    other = y if scalar_value(x) is not None else x
    if value is None:
        return x if x is y and x.dtype == np.bool_ else None
    if value:
        return constant(np.array(True))
    return other if other.dtype == np.bool_ else None


@rule(p.logical_not(p.logical_not(x)))
def not_of_not(x: Any) -> Any:
    """not not x = x."""
    return x if x.dtype == np.bool_ else None


@rule(p.all(x), p.any(x))
def all_of_known(x: Any) -> Any:
    """all and any of one known value are that value."""
    value = scalar_value(x)
    return constant(np.array(bool(value))) if value is not None else None


@rule(p.all(p.broadcast_to(x)), p.any(p.broadcast_to(x)))
def all_of_broadcast(x: Any, node: Any) -> Any:
    """all(broadcast(x)) = x for one x."""
    source = node.parents[0]
    filled = all(isinstance(d, int) and d > 0 for d in source.shape)
    return x if x.shape == () and x.dtype == np.bool_ and filled else None


@rule(p.maximum(x, y))
def maximum_by_bounds(x: Any, y: Any, engine: Any) -> Any:
    """max(x, y) = x where x ≥ y is proved and y is never nan."""
    return _extreme(x, y, engine, lambda a, b: a.lower >= b.upper)


@rule(p.minimum(x, y))
def minimum_by_bounds(x: Any, y: Any, engine: Any) -> Any:
    """min(x, y) = x where x ≤ y is proved and y is never nan."""
    return _extreme(x, y, engine, lambda a, b: a.upper <= b.lower)


def _extreme(x: Any, y: Any, engine: Any, wins: Any) -> Any:
    if x is y:
        return x
    a, b = engine.facts(x), engine.facts(y)
    if wins(a, b) and b.defined:
        return x
    return y if wins(b, a) and a.defined else None


@rule(p.cast(x))
def cast_of_cast(x: Any, node: Any) -> Any:
    """Casts to a type's own, and through a type that holds all values of the first, fall away."""
    if x.dtype == node.dtype and not x.weak:
        return x
    if op_name(x) != "cast":
        return None
    [source] = x.parents
    exact = np.can_cast(source.dtype, x.dtype, "safe") and not (source.dtype.kind in "iu" and x.dtype.kind == "f")
    return T.cast(source, node.dtype) if exact else None
