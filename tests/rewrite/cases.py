"""One row per rewrite rule: before, after, and where it must not fire.

A row is evaluated on a grid of points that has positive, negative and zero values, so that a rule that would turn nan into a number
is caught; `extreme` adds points at which the expression as written over- or underflows, with the true value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import symjax.tensor as T

SHAPES = {
    "x": ((), "float64"), "y": ((), "float64"), "z": ((), "float64"), "s": ((), "float64"),
    "v": ((3,), "float64"), "w": ((3,), "float64"), "m": ((2, 3), "float64"),
    "a": ((3, 3), "float64"), "b": ((3, 3), "float64"), "c": ((), "bool"), "d": ((), "bool"),
    "i": ((), "int64"), "f": ((3,), "float32"),
}  # fmt: skip
_NUMBERS = [0.7, -0.4, 2.5, 0.0, -1.8, 1.0]


def points(names: Sequence[str]) -> list[dict[str, Any]]:
    """Values for inputs: each takes every value of the grid, in different company."""
    out = []
    for row in range(len(_NUMBERS)):
        values: dict[str, Any] = {}
        for place, name in enumerate(names):
            shape, dtype = SHAPES[name]
            if dtype == "bool":
                values[name] = np.array((row >> place) % 2 == 0)
            elif shape == (3, 3):
                generator = np.random.default_rng([row, place])
                root = generator.normal(size=(3, 3))
                values[name] = root @ root.T + np.eye(3)
            else:
                flat = [_NUMBERS[(row * (place + 1) + 2 * place + k) % len(_NUMBERS)] for k in range(math.prod(shape))]
                values[name] = np.array(flat).reshape(shape).astype(dtype)
        out.append(values)
    return out


@dataclass(frozen=True)
class Case:
    """A row; `inputs` are names of `SHAPES`, `declines` expressions in which the rule must not fire."""

    rule: str
    inputs: str
    before: Callable[..., Any]
    after: Callable[..., Any]
    declines: Sequence[Callable[..., Any]] = ()
    extreme: Sequence[tuple[dict[str, Any], Any]] = ()
    gradient: bool = True


ARITHMETIC = [
    Case("abs_of_nonnegative", "x", lambda x: T.abs(T.exp(x)), lambda x: T.exp(x), [lambda x: T.abs(x), lambda x: T.abs(T.sin(x))]),
    Case("abs_of_nonpositive", "x", lambda x: T.abs(-T.exp(x)), lambda x: T.exp(x), [lambda x: T.abs(T.expm1(x))]),
    Case("abs_of_negative", "x", lambda x: T.abs(-x), lambda x: T.abs(x), [lambda x: T.abs(1 - x)]),
    Case(
        "sign_of_signed",
        "x",
        lambda x: T.sign(T.exp(x)),
        lambda x: T.constant(1.0),
        [lambda x: T.sign(x), lambda x: T.sign(T.exp(T.log(x)))],
    ),
    Case("abs_of_sign", "x", lambda x: x * T.sign(x), lambda x: T.abs(x), [lambda x: x * T.sign(x + 1)], gradient=False),
    *[
        Case(n, "i x", lambda i, x, f=f: f(T.floor(x)) + i, lambda i, x: T.floor(x) + i, [lambda i, x, f=f: f(x)], gradient=False)
        for n, f in zip(
            ("whole_of_integer", "whole_of_integer_2", "whole_of_integer_3", "whole_of_integer_4"),
            (T.floor, T.ceil, T.trunc, T.rint),
            strict=True,
        )
    ],
    Case(
        "less_by_bounds",
        "x",
        lambda x: T.less(T.exp(x), -1),
        lambda x: T.constant(np.array(False)),
        [lambda x: T.less(0, T.exp(T.log(x))), lambda x: T.less(T.square(x), 0.5)],
    ),
    Case(
        "greater_by_bounds",
        "x",
        lambda x: T.greater(T.exp(x), 0),
        lambda x: T.constant(np.array(True)),
        [lambda x: T.greater(T.square(x), 0), lambda x: T.greater(T.square(T.log(x)) + 1, 0)],
        extreme=[({"x": -1000.0}, True)],
    ),
    Case(
        "less_equal_by_bounds",
        "x",
        lambda x: T.less_equal(T.tanh(x), 1),
        lambda x: T.constant(np.array(True)),
        [lambda x: T.less_equal(x, 1)],
    ),
    Case(
        "greater_equal_by_bounds",
        "x",
        lambda x: T.greater_equal(T.square(x), 0),
        lambda x: T.constant(np.array(True)),
        [lambda x: T.greater_equal(T.sqrt(x), 0)],
    ),
    Case(
        "equal_to_itself",
        "x",
        lambda x: T.equal(x + 1, x + 1),
        lambda x: T.constant(np.array(True)),
        [lambda x: T.equal(T.log(x), T.log(x))],
    ),
    Case(
        "not_equal_to_itself",
        "x",
        lambda x: T.not_equal(x + 1, x + 1),
        lambda x: T.constant(np.array(False)),
        [lambda x: T.not_equal(T.log(x), T.log(x))],
    ),
    Case(
        "isnan_of_defined", "x", lambda x: T.isnan(T.exp(x)), lambda x: T.constant(np.array(False)), [lambda x: T.isnan(T.log(x))]
    ),
    Case("isinf_of_finite", "x", lambda x: T.isinf(T.tanh(x)), lambda x: T.constant(np.array(False)), [lambda x: T.isinf(1 / x)]),
    Case(
        "isfinite_of_real",
        "x",
        lambda x: T.isfinite(T.tanh(x)),
        lambda x: T.constant(np.array(True)),
        [lambda x: T.isfinite(T.log(x))],
    ),
    Case(
        "where_of_known",
        "x y",
        lambda x, y: T.where(T.constant(np.array(True)), x, y),
        lambda x, y: x,
        [lambda x, y: T.where(x > 0, x, y)],
    ),
    Case("where_of_not", "c x y", lambda c, x, y: T.where(T.logical_not(c), x, y), lambda c, x, y: T.where(c, y, x)),
    Case(
        "and_of_known",
        "c x",
        lambda c, x: T.logical_and(c, T.exp(x) > 0),
        lambda c, x: c,
        [lambda c, x: T.logical_and(c, x > 0), lambda c, x: T.logical_and(x, True)],
        gradient=False,
    ),
    Case(
        "or_of_known",
        "c x",
        lambda c, x: T.logical_or(T.exp(x) < 0, c),
        lambda c, x: c,
        [lambda c, x: T.logical_or(c, x > 0)],
        gradient=False,
    ),
    Case("not_of_not", "c", lambda c: T.logical_not(T.logical_not(c)), lambda c: c, [lambda c: T.logical_not(c)]),
    Case(
        "all_of_known",
        "v",
        lambda v: T.all(T.constant(np.array([True, True]))),
        lambda v: T.constant(np.array(True)),
        [lambda v: T.all(v > 0)],
    ),
    Case(
        "all_of_known_2",
        "v",
        lambda v: T.any(T.constant(np.array([False, False]))),
        lambda v: T.constant(np.array(False)),
        [lambda v: T.any(v > 0)],
    ),
    Case(
        "all_of_broadcast", "c", lambda c: T.all(T.broadcast_to(c, (3,))), lambda c: c, [lambda c: T.all(T.broadcast_to(c, (0,)))]
    ),
    Case(
        "all_of_broadcast_2", "c", lambda c: T.any(T.broadcast_to(c, (3,))), lambda c: c, [lambda c: T.any(T.broadcast_to(c, (0,)))]
    ),
    Case(
        "maximum_by_bounds",
        "x",
        lambda x: T.maximum(T.exp(x), -1.0),
        lambda x: T.exp(x),
        [lambda x: T.maximum(x, 0.0), lambda x: T.maximum(5.0, T.tanh(T.log(x)))],
    ),
    Case("minimum_by_bounds", "x", lambda x: T.minimum(T.tanh(x), 2.0), lambda x: T.tanh(x), [lambda x: T.minimum(x, 2.0)]),
    Case(
        "cast_of_cast",
        "f",
        lambda f: T.cast(T.cast(f, "float64"), "float32"),
        lambda f: f,
        [lambda f: T.cast(T.cast(f, "int64"), "float32")],
    ),
]

SUMS = [
    Case("collect_terms", "x", lambda x: x + x, lambda x: 2 * x, [lambda x: x + 1]),
    Case("collect_terms", "x y", lambda x, y: x - x + y, lambda x, y: y, [lambda x, y: T.log(x) - T.log(x)]),
    Case("collect_factors", "x", lambda x: 0 * x + 1, lambda x: T.constant(1.0), [lambda x: 0 * T.log(x), lambda x: 0 / x]),
    Case("collect_terms", "x y", lambda x, y: 2 * x * y + 3 * y * x, lambda x, y: 5 * (x * y)),
    Case("collect_terms", "x y", lambda x, y: 0.5 * x - 0.5 * y, lambda x, y: 0.5 * (x - y)),
    Case("collect_terms", "x", lambda x: 2 * (x + 1) - 2 * x, lambda x: T.constant(2.0)),
    Case("collect_terms", "x y", lambda x, y: -(x - y), lambda x, y: y - x),
    Case("collect_terms", "x y", lambda x, y: x - (-y), lambda x, y: x + y),
    Case("collect_terms", "x y", lambda x, y: x / 3 + y / 3, lambda x, y: (x + y) / 3),
    Case("collect_terms", "v x y", lambda v, x, y: v + x + y, lambda v, x, y: v + (x + y)),
    Case("collect_terms", "i", lambda i: i + i + 3 * i, lambda i: 5 * i),
    Case("collect_terms", "v x", lambda v, x: v - v + x, lambda v, x: T.broadcast_to(x, (3,))),
    Case("collect_factors", "x", lambda x: x * x, lambda x: T.square(x), [lambda x: x * (x + 1)]),
    Case(
        "collect_factors",
        "x y",
        lambda x, y: T.exp(x) / T.exp(x) * y,
        lambda x, y: y,
        [lambda x, y: x / x, lambda x, y: x**2 / x],
        [({"x": 800.0, "y": 1.0}, 1.0)],
    ),
    Case(
        "collect_factors",
        "x y",
        lambda x, y: T.exp(x) * T.exp(y),
        lambda x, y: T.exp(x + y),
        extreme=[({"x": 800.0, "y": -800.0}, 1.0)],
    ),
    Case(
        "collect_factors",
        "x",
        lambda x: T.sqrt(T.exp(x) + 1) * T.sqrt(T.exp(x) + 1),
        lambda x: T.exp(x) + 1,
        [lambda x: T.sqrt(x) * T.sqrt(x)],
    ),
    Case("collect_factors", "x", lambda x: x * T.square(x), lambda x: x**3, [lambda x: x * T.sqrt(x) / T.sqrt(x)]),
    Case("collect_factors", "x", lambda x: T.square(T.exp(x) + 1) / (T.exp(x) + 1), lambda x: T.exp(x) + 1),
    Case("fold_constants", "x", lambda x: x + T.exp(T.constant(2.0)), lambda x: x + float(np.exp(2.0))),
]

EXP_LOG = [
    Case(
        "log_of_exp",
        "x",
        lambda x: T.log(T.exp(x) * T.exp(4 + x)),
        lambda x: 2 * x + 4,
        extreme=[({"x": 800.0}, 1604.0), ({"x": -800.0}, -1596.0)],
    ),
    Case(
        "xlogy_of_exp", "x y", lambda x, y: T.xlogy(y, T.exp(x)), lambda x, y: y * x, extreme=[({"x": -800.0, "y": 2.0}, -1600.0)]
    ),
    Case(
        "xlogy_of_sigmoid",
        "x y",
        lambda x, y: T.xlogy(y, T.sigmoid(x)),
        lambda x, y: y * T.log_sigmoid(x),
        extreme=[({"x": -800.0, "y": 2.0}, -1600.0)],
    ),
    Case(
        "xlog1py_of_sigmoid",
        "x y",
        lambda x, y: T.xlog1py(y, -T.sigmoid(x)),
        lambda x, y: y * T.log_sigmoid(-x),
        extreme=[({"x": 800.0, "y": 2.0}, -1600.0)],
    ),
    Case("exp_of_log", "x", lambda x: T.exp(T.log(T.square(x) + 2)), lambda x: T.square(x) + 2, [lambda x: T.exp(T.log(x))]),
    Case(
        "power_of_exp",
        "x",
        lambda x: T.exp(3 * T.log(T.abs(x))),
        lambda x: T.abs(x) ** 3,
        [lambda x: T.exp(3 * T.log(x)), lambda x: T.exp(x * T.log(T.exp(x) + 1))],
        gradient=False,
    ),
    Case(
        "reciprocal_of_exp",
        "x",
        lambda x: T.exp(-T.log(T.cosh(x) + 2)),
        lambda x: 1 / (T.cosh(x) + 2),
        [lambda x: T.exp(-T.log(x))],
    ),
    Case(
        "log_of_power",
        "x",
        lambda x: T.log((T.cosh(x) + 2) ** 3),
        lambda x: 3 * T.log(T.cosh(x) + 2),
        [lambda x: T.log(x**2), lambda x: T.log(x**3)],
    ),
    Case(
        "log_of_square",
        "x",
        lambda x: T.log(T.square(T.cosh(x) + 2)),
        lambda x: 2 * T.log(T.cosh(x) + 2),
        [lambda x: T.log(T.square(x))],
    ),
    Case("log_of_sqrt", "x", lambda x: T.log(T.sqrt(x)), lambda x: 0.5 * T.log(x)),
    Case("log_of_reciprocal", "x", lambda x: T.log(1 / x), lambda x: -T.log(x), [lambda x: T.log(2 / x)]),
    Case("log_of_reciprocal_2", "x", lambda x: T.log(T.reciprocal(x)), lambda x: -T.log(x)),
    Case("log1p_of_expm1", "x", lambda x: T.log1p(T.expm1(x)), lambda x: x, extreme=[({"x": 800.0}, 800.0)]),
    Case("exp_of_log1p", "x", lambda x: T.exp(T.log1p(T.square(x))), lambda x: T.square(x) + 1, [lambda x: T.exp(T.log1p(x))]),
    Case("expm1_of_log1p", "x", lambda x: T.expm1(T.log1p(T.square(x))), lambda x: T.square(x), [lambda x: T.expm1(T.log1p(x))]),
    Case(
        "log_of_prod",
        "v",
        lambda v: T.log(T.prod(T.square(v) + 1)),
        lambda v: T.sum(T.log1p(T.square(v))),
        [lambda v: T.log(T.prod(v))],
        [({"v": np.array([1e150, 1e150, 1e150])}, 6 * 150 * math.log(10))],
    ),
    Case("square_of_sqrt", "x", lambda x: T.square(T.sqrt(T.exp(x) + 1)), lambda x: T.exp(x) + 1, [lambda x: T.square(T.sqrt(x))]),
    Case(
        "sqrt_of_square", "x", lambda x: T.sqrt(T.square(x)), lambda x: T.abs(x), [lambda x: T.sqrt(x**3)], [({"x": -1e200}, 1e200)]
    ),
    Case("sqrt_of_square_2", "x", lambda x: T.sqrt(x**2), lambda x: T.abs(x)),
    Case("sqrt_of_square_3", "x", lambda x: T.square(x) ** 0.5, lambda x: T.abs(x)),
    Case("power_of_power", "x", lambda x: (x**3) ** 3, lambda x: x**9, [lambda x: (x**2) ** 1.5, lambda x: (x**1.5) ** 4]),
    Case("trivial_power", "x", lambda x: x**1 + x**0, lambda x: x + 1, [lambda x: x**1.5]),
    Case("power_of_one", "x", lambda x: T.power(1.0, x) + x, lambda x: x + 1, [lambda x: T.power(2.0, x)]),
    Case(
        "power_of_exponential",
        "x y",
        lambda x, y: T.exp(x) ** y,
        lambda x, y: T.exp(x * y),
        [lambda x, y: T.exp(T.log(x)) ** y],
        [({"x": 800.0, "y": 0.01}, math.exp(8.0))],
    ),
    Case("square_of_signed", "x", lambda x: T.square(-x), lambda x: T.square(x)),
    Case("square_of_signed_2", "x", lambda x: T.square(T.abs(x)), lambda x: T.square(x)),
    Case("square_of_signed_3", "x", lambda x: (-x) ** 2, lambda x: T.square(x), [lambda x: (-x) ** 3]),
    Case("square_of_signed_4", "x", lambda x: T.abs(x) ** 2, lambda x: T.square(x), [lambda x: T.abs(x) ** 3]),
]

_LOG2 = math.log(2.0)
STABLE = [
    Case("expm1_of_exp", "x", lambda x: T.exp(x) - 1, lambda x: T.expm1(x), [lambda x: T.exp(x) - 2], [({"x": 1e-18}, 1e-18)]),
    Case("expm1_of_exp_2", "x", lambda x: T.exp(x) + -1, lambda x: T.expm1(x)),
    Case("one_minus_exp", "x", lambda x: 1 - T.exp(x), lambda x: -T.expm1(x), [lambda x: 2 - T.exp(x)]),
    Case("one_minus_sigmoid", "x", lambda x: 1 - T.sigmoid(x), lambda x: T.sigmoid(-x), extreme=[({"x": 50.0}, math.exp(-50.0))]),
    Case("one_minus_ndtr", "x", lambda x: 1 - T.ndtr(x), lambda x: T.ndtr(-x), extreme=[({"x": 10.0}, 7.619853024160527e-24)]),
    Case("one_minus_erf", "x", lambda x: 1 - T.erf(x), lambda x: T.erfc(x), extreme=[({"x": 7.0}, math.erfc(7.0))]),
    Case("one_plus_erf", "x", lambda x: 1 + T.erf(x), lambda x: T.erfc(-x), extreme=[({"x": -7.0}, math.erfc(7.0))]),
    Case("sigmoid_of_reciprocal", "x", lambda x: 1 / (1 + T.exp(-x)), lambda x: T.sigmoid(x), [lambda x: 1 / (2 + T.exp(-x))]),
    Case("sigmoid_of_reciprocal_2", "x", lambda x: T.reciprocal(1 + T.exp(x)), lambda x: T.sigmoid(-x)),
    Case(
        "sigmoid_of_ratio",
        "x y",
        lambda x, y: T.exp(x) / (1 + T.exp(x)),
        lambda x, y: T.sigmoid(x),
        [lambda x, y: T.exp(x) / (1 + T.exp(y))],
        [({"x": 800.0, "y": 0.0}, 1.0)],
    ),
    Case(
        "softplus_of_log",
        "x",
        lambda x: T.log(1 + T.exp(x)),
        lambda x: T.softplus(x),
        [lambda x: T.log(2 + T.tanh(x))],
        [({"x": 800.0}, 800.0), ({"x": -50.0}, math.exp(-50.0))],
    ),
    Case("softplus_of_log_2", "x", lambda x: T.log1p(T.exp(x)), lambda x: T.softplus(x)),
    Case("softplus_of_log_3", "x", lambda x: T.logaddexp(0, x), lambda x: T.softplus(x), [lambda x: T.logaddexp(1, x)]),
    Case(
        "log1mexp_of_log",
        "x",
        lambda x: T.log(1 - T.exp(x)),
        lambda x: T.log1mexp(x),
        extreme=[({"x": -1e-20}, math.log(1e-20)), ({"x": -50.0}, -math.exp(-50.0))],
    ),
    Case("log1mexp_of_log_2", "x", lambda x: T.log1p(-T.exp(x)), lambda x: T.log1mexp(x)),
    Case("log_of_expm1", "x", lambda x: T.log(T.exp(x) - 1), lambda x: x + T.log1mexp(-x), extreme=[({"x": 800.0}, 800.0)]),
    Case("log1p_of_sigmoid", "x", lambda x: T.log1p(-T.sigmoid(x)), lambda x: T.log_sigmoid(-x), extreme=[({"x": 800.0}, -800.0)]),
    Case("log1p_of_ndtr", "x", lambda x: T.log1p(-T.ndtr(x)), lambda x: T.log_ndtr(-x)),
    Case("sigmoid_of_log_sigmoid", "x", lambda x: T.exp(T.log_sigmoid(x)), lambda x: T.sigmoid(x)),
    Case("ndtr_of_log_ndtr", "x", lambda x: T.exp(T.log_ndtr(x)), lambda x: T.ndtr(x)),
    Case(
        "logdiffexp_of_log",
        "x y",
        lambda x, y: T.log(T.exp(x) - T.exp(y)),
        lambda x, y: T.logdiffexp(x, y),
        extreme=[({"x": 800.0, "y": 799.0}, 800 + math.log(1 - math.exp(-1.0)))],
    ),
    Case(
        "log_of_positive",
        "x",
        lambda x: T.log(T.sigmoid(x)),
        lambda x: T.log_sigmoid(x),
        [lambda x: T.log(T.tanh(x))],
        [({"x": -800.0}, -800.0)],
    ),
    Case("log_of_positive_2", "x", lambda x: T.log(T.ndtr(x)), lambda x: T.log_ndtr(x)),
    Case(
        "log_of_positive_3",
        "x",
        lambda x: T.log(T.erfc(x)),
        lambda x: T.log_ndtr(x * -math.sqrt(2)) + _LOG2,
        extreme=[({"x": 40.0}, -1604.2615566532616)],
    ),
    Case(
        "log_of_positive_4",
        "v",
        lambda v: T.log(T.softmax(v)),
        lambda v: T.log_softmax(v),
        extreme=[({"v": np.array([0.0, 0.0, -900.0])}, np.array([-_LOG2, -_LOG2, -900 - _LOG2]))],
    ),
    Case(
        "log_of_positive_5",
        "v",
        lambda v: T.log(T.sum(T.exp(v))),
        lambda v: T.logsumexp(v),
        extreme=[({"v": np.array([900.0, 900.0, 0.0])}, 900 + _LOG2)],
    ),
    Case(
        "log_of_product",
        "x y",
        lambda x, y: T.log(y * T.exp(x)),
        lambda x, y: x + T.log(y),
        [lambda x, y: T.log(x * y), lambda x, y: T.log(2 * x)],
        [({"x": 900.0, "y": 1.0}, 900.0)],
    ),
    Case(
        "log_of_product_2",
        "x y",
        lambda x, y: T.log(y / T.sigmoid(x)),
        lambda x, y: T.log(y) - T.log_sigmoid(x),
        [lambda x, y: T.log(x / y)],
    ),
    Case(
        "logaddexp_of_log",
        "x y",
        lambda x, y: T.log(T.exp(x) + T.exp(y)),
        lambda x, y: T.logaddexp(x, y),
        [lambda x, y: T.log(T.exp(x) + y), lambda x, y: T.log(T.exp(x) - 2 * T.exp(y))],
        [({"x": 900.0, "y": 900.0}, 900 + _LOG2)],
    ),
    Case(
        "logaddexp_of_log",
        "x y z",
        lambda x, y, z: T.log(T.exp(x) + 3 * T.exp(y) + T.exp(z)),
        lambda x, y, z: T.logaddexp(T.logaddexp(x, y + math.log(3.0)), z),
    ),
    Case("log1p_of_log", "x", lambda x: T.log(1 + x), lambda x: T.log1p(x), [lambda x: T.log(2 + x)], [({"x": 1e-20}, 1e-20)]),
    Case(
        "log1p_of_difference",
        "x",
        lambda x: T.log(1 - x),
        lambda x: T.log1p(-x),
        [lambda x: T.log(2 - x)],
        [({"x": 1e-20}, -1e-20)],
    ),
]

CASES = [*ARITHMETIC, *SUMS, *EXP_LOG, *STABLE]
