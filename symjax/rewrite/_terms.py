"""What the normal forms of sums and products share: operator names, weights, and builders that count or make nodes."""

from __future__ import annotations

import math
from typing import Any

from symjax.core._leaves import constant
from symjax.core._node import Constant, Tensor
from symjax.core._traverse import make
from symjax.rewrite._pattern import scalar_value
from symjax.tensor._wrap import OPERATORS

#: Cost of an operation on a whole array, relative to one on a scalar.
ARRAY_WEIGHT = 4


def op_name(node: Any) -> str:
    """Name of the operator of `symjax.tensor` that a node applies; empty for leaves and foreign operators."""
    op = node.op
    return op.name if op is not None and OPERATORS.get(op.name) is op else ""


def is_scalar(node: Any) -> bool:
    """Whether a node has one element for sure."""
    return all(isinstance(d, int) and d == 1 for d in node.shape)


def weight(node: Any) -> int:
    """Cost of an elementwise operation that gives a tensor of `node`'s shape."""
    return 1 if is_scalar(node) else ARRAY_WEIGHT


def finite_value(node: Any) -> Any:
    """The value of a uniform constant, as a Python number; None for what is not one, or not finite."""
    if not isinstance(node, Constant):
        return None
    value = scalar_value(node)
    return value if value is not None and type(value) is not bool and math.isfinite(value) else None


def split_scale(node: Any) -> tuple[Any, Any] | None:
    """``(k, x)`` if `node` is ``k * x`` or ``x / (1/k)`` with a constant number `k` and `x` of its dtype."""
    name = op_name(node)
    if name == "multiply":
        a, b = node.parents
        for k, x in ((finite_value(a), b), (finite_value(b), a)):
            if k is not None and x.dtype == node.dtype:
                return k, x
    elif name == "divide":
        a, b = node.parents
        k = finite_value(b)
        if k is not None and k != 0 and a.dtype == node.dtype and math.isfinite(1 / k):
            return 1 / k, a
    elif name == "negative":
        return -1, node.parents[0]
    return None


def is_linear(node: Any) -> bool:
    """Whether a node is part of a linear combination."""
    return op_name(node) in ("add", "subtract", "negative") or split_scale(node) is not None


def is_factored(node: Any) -> bool:
    """Whether a node is part of a product."""
    return op_name(node) in ("multiply", "divide", "negative", "reciprocal")


def call(name: str, *args: Any) -> Any:
    """A node of an elementwise operator."""
    return make(OPERATORS[name], [a if isinstance(a, Tensor) else constant(a) for a in args])


def number(value: Any) -> Any:
    """A whole float as an int, for readable expressions."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def small_inverse(k: float) -> int | None:
    """`n` if `k` is the float closest to 1/n, for a whole `n` whose inverse is no float: x / n is then better than x * k."""
    if k == 0 or abs(k) >= 1:
        return None
    n = round(1 / k)
    inexact = abs(n) & (abs(n) - 1)
    return n if inexact and abs(n) < 10_000 and 1 / n == k else None


class Counter:
    """A builder whose nodes are only flags, whether they are scalar, and which adds up what the real ones would cost."""

    def __init__(self) -> None:
        self.cost = 0
        self.steps = 0

    def _binary(self, a: bool, b: bool) -> bool:
        self.steps += 1
        self.cost += 1 if a and b else ARRAY_WEIGHT
        return a and b

    add = subtract = multiply = divide = _binary

    def scale(self, k: Any, a: bool) -> bool:
        self.steps += 1
        self.cost += 1 if a else ARRAY_WEIGHT
        return a

    def negative(self, a: bool) -> bool:
        return self.scale(-1, a)

    def constant(self, value: Any) -> bool:
        return True


class Maker:
    """The builder of real nodes; remembers them in `made`."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def _make(self, name: str, *args: Any) -> Any:
        node = call(name, *args)
        self.made.append(node)
        return node

    def add(self, a: Any, b: Any) -> Any:
        return self._make("add", a, b)

    def subtract(self, a: Any, b: Any) -> Any:
        return self._make("subtract", a, b)

    def multiply(self, a: Any, b: Any) -> Any:
        return self._make("multiply", a, b)

    def divide(self, a: Any, b: Any) -> Any:
        return self._make("divide", a, b)

    def scale(self, k: Any, a: Any) -> Any:
        n = small_inverse(k) if isinstance(k, float) else None
        return self._make("divide", a, n) if n is not None else self._make("multiply", number(k), a)

    def negative(self, a: Any) -> Any:
        return self._make("negative", a)

    def constant(self, value: Any) -> Any:
        return constant(number(value))
