"""Forms that keep their accuracy where the expression as written overflows or cancels.

Sources: Mächler, Accurately computing log(1 - exp(-|a|)), 2012; Higham, Accuracy and Stability of Numerical Algorithms,
2nd ed., section 1.14.
"""

from __future__ import annotations

import math
from typing import Any

import symjax.tensor as T
from symjax.rewrite._pattern import p, variables
from symjax.rewrite._rule import rule
from symjax.rewrite._terms import finite_value, op_name

x, y = variables("x y")
_SQRT2 = math.sqrt(2.0)
_MAX_TERMS = 32


@rule(p.exp(x) - 1, p.exp(x) + -1)
def expm1_of_exp(x: Any) -> Any:
    """exp(x) - 1 = expm1(x)."""
    return T.expm1(x)


@rule(1 - p.exp(x))
def one_minus_exp(x: Any) -> Any:
    """1 - exp(x) = -expm1(x)."""
    return -T.expm1(x)


@rule(1 - p.sigmoid(x))
def one_minus_sigmoid(x: Any) -> Any:
    """1 - sigmoid(x) = sigmoid(-x)."""
    return T.sigmoid(-x)


@rule(1 - p.ndtr(x))
def one_minus_ndtr(x: Any) -> Any:
    """1 - Φ(x) = Φ(-x)."""
    return T.ndtr(-x)


@rule(1 - p.erf(x))
def one_minus_erf(x: Any) -> Any:
    """1 - erf(x) = erfc(x)."""
    return T.erfc(x)


@rule(1 + p.erf(x))
def one_plus_erf(x: Any) -> Any:
    """1 + erf(x) = erfc(-x)."""
    return T.erfc(-x)


@rule(1 / (1 + p.exp(x)), p.reciprocal(1 + p.exp(x)))
def sigmoid_of_reciprocal(x: Any) -> Any:
    """1 / (1 + exp(x)) = sigmoid(-x)."""
    return T.sigmoid(-x)


@rule(p.exp(x) / (1 + p.exp(x)))
def sigmoid_of_ratio(x: Any) -> Any:
    """exp(x) / (1 + exp(x)) = sigmoid(x)."""
    return T.sigmoid(x)


@rule(p.log(1 + p.exp(x)), p.log1p(p.exp(x)), p.logaddexp(0, x))
def softplus_of_log(x: Any) -> Any:
    """log(1 + exp(x)) = softplus(x)."""
    return T.softplus(x)


@rule(p.log(-p.expm1(x)), p.log1p(-p.exp(x)))
def log1mexp_of_log(x: Any) -> Any:
    """log(1 - exp(x)) = log1mexp(x)."""
    return T.log1mexp(x)


@rule(p.log(p.expm1(x)))
def log_of_expm1(x: Any) -> Any:
    """log(exp(x) - 1) = x + log1mexp(-x)."""
    return x + T.log1mexp(-x)


@rule(p.log1p(-p.sigmoid(x)))
def log1p_of_sigmoid(x: Any) -> Any:
    """log(1 - sigmoid(x)) = log_sigmoid(-x)."""
    return T.log_sigmoid(-x)


@rule(p.log1p(-p.ndtr(x)))
def log1p_of_ndtr(x: Any) -> Any:
    """log(1 - Φ(x)) = log Φ(-x)."""
    return T.log_ndtr(-x)


@rule(p.exp(p.log_sigmoid(x)))
def sigmoid_of_log_sigmoid(x: Any) -> Any:
    """exp(log_sigmoid(x)) = sigmoid(x)."""
    return T.sigmoid(x)


@rule(p.exp(p.log_ndtr(x)))
def ndtr_of_log_ndtr(x: Any) -> Any:
    """exp(log Φ(x)) = Φ(x)."""
    return T.ndtr(x)


@rule(p.log(p.exp(x) - p.exp(y)))
def logdiffexp_of_log(x: Any, y: Any) -> Any:
    """log(exp(x) - exp(y)) = logdiffexp(x, y)."""
    return T.logdiffexp(x, y)


def _log_of_positive(node: Any) -> Any:
    """A stable form of the logarithm of something positive, or None: for the factors and summands of larger expressions."""
    name = op_name(node)
    value = finite_value(node)
    if value is not None:
        return math.log(value) if value > 0 else None
    if name == "exp":
        return node.parents[0]
    if name == "sum" and op_name(node.parents[0]) == "exp":
        return T.logsumexp(node.parents[0].parents[0], **node.settings)
    if name in ("sigmoid", "ndtr"):
        return (T.log_sigmoid if name == "sigmoid" else T.log_ndtr)(node.parents[0])
    if name == "softmax":
        return T.log_softmax(node.parents[0], **node.settings)
    if name == "erfc":
        return math.log(2.0) + T.log_ndtr(-_SQRT2 * node.parents[0])
    return None


@rule(p.log(p.sigmoid(x)), p.log(p.ndtr(x)), p.log(p.erfc(x)), p.log(p.softmax(x)), p.log(p.sum(p.exp(x))))
def log_of_positive(x: Any, node: Any) -> Any:
    """log(sigmoid) = log_sigmoid, log Φ = log_ndtr, log(erfc(x)) = log 2 + log Φ(-√2 x), log(Σ exp) = logsumexp."""
    return _log_of_positive(node.parents[0])


@rule(p.log(x * y), p.log(x / y))
def log_of_product(x: Any, y: Any, node: Any) -> Any:
    """log(exp(x) y) = x + log(y), and the same for every positive factor whose logarithm has a stable form."""
    above: list[Any] = []
    below: list[Any] = []
    stack = [(node.parents[0], True)]
    while stack:
        factor, up = stack.pop()
        name = op_name(factor)
        if name in ("multiply", "divide") and len(above) + len(below) + len(stack) < _MAX_TERMS:
            stack.append((factor.parents[1], up == (name == "multiply")))
            stack.append((factor.parents[0], up))
        else:
            (above if up else below).append(factor)
    logs = [(f, up, _log_of_positive(f)) for group, up in ((above, True), (below, False)) for f in group]
    if not any(log is not None and finite_value(f) is None for f, _, log in logs):
        return None
    total: Any = None
    for _, up, log in logs:
        if log is not None:
            total = log if total is None and up else (-log if total is None else total + log if up else total - log)
    rest = _ratio([f for f, up, log in logs if log is None and up], [f for f, up, log in logs if log is None and not up])
    return total if rest is None else total + T.log(rest)


def _ratio(above: list[Any], below: list[Any]) -> Any:
    def product(factors: list[Any]) -> Any:
        total = factors[0]
        for f in factors[1:]:
            total = total * f
        return total

    if not below:
        return product(above) if above else None
    return product(above or [1.0]) / product(below)


@rule(p.log(x + y))
def logaddexp_of_log(x: Any, y: Any, node: Any) -> Any:
    """log(exp(x) + exp(y)) = logaddexp(x, y), for any number of terms, positive numbers and multiples among them."""
    logs: list[Any] = []
    exponentials = False
    stack = list(reversed(node.parents[0].parents))
    while stack:
        term = stack.pop()
        if op_name(term) == "add" and len(logs) + len(stack) < _MAX_TERMS:
            stack.extend(reversed(term.parents))
            continue
        log = _log_of_term(term)
        if log is None:
            return None
        exponentials = exponentials or finite_value(term) is None
        logs.append(log)
    if not exponentials:
        return None
    total = logs[0]
    for log in logs[1:]:
        total = T.logaddexp(total, log)
    return total


def _log_of_term(term: Any) -> Any:
    if finite_value(term) is not None or op_name(term) == "exp":
        return _log_of_positive(term)
    if op_name(term) == "sum" and op_name(term.parents[0]) == "exp":
        return _log_of_positive(term)
    if op_name(term) in ("multiply", "divide"):
        a, b = term.parents
        first, second = _log_of_positive(a), _log_of_positive(b)
        if first is None or second is None or "exp" not in (op_name(a), op_name(b)):
            return None
        return first + second if op_name(term) == "multiply" else first - second
    return None


@rule(p.log(1 + x))
def log1p_of_log(x: Any) -> Any:
    """log(1 + x) = log1p(x)."""
    return T.log1p(x)


@rule(p.log(1 - x))
def log1p_of_difference(x: Any) -> Any:
    """log(1 - x) = log1p(-x)."""
    return T.log1p(-x)
