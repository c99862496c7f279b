"""Sums of independent variables that have no named law but a density that is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import symjax.tensor as T
from symjax.core._op import Operator
from symjax.core._shapes import infer_elementwise
from symjax.core._traverse import make
from symjax.random._distribution import require
from symjax.random._draw import RandomVariable
from symjax.random.density._derive import Derivation, cumulative_of, density_of
from symjax.random.density._log_density import refuse_loose
from symjax.random.density._phases import log_of_phases
from symjax.random.distributions.exponential import Exponential
from symjax.random.distributions.gamma import ChiSquared, Gamma
from symjax.rewrite._pattern import scalar_value
from symjax.rewrite._terms import op_name
from symjax.tensor._wrap import register

#: ``phases(x, *rates, above=, what=)``: see `log_of_phases`.
PHASES = register(Operator("phases", log_of_phases, infer_elementwise, elementwise=True))
#: Exponential variables that one sum may be made of.
MAX_PHASES = 16

Terms = list[tuple[Any, Any]]
#: Laws of sums, asked in turn: ``law(terms, value, what, derivation) -> term or None``, with the draws of the sum and their
#: coefficients, the value less what is not random, and "density", "cdf" or "ccdf".
SUMS: list[Callable[..., Any]] = []


def linear_terms(node: Any, derivation: Derivation) -> tuple[Terms, Any] | None:
    """A sum as draws of its shape with coefficients, one term for each use, and what is not random; None if it is not one."""
    terms: Terms = []
    fixed: Any = T.constant(0.0)
    stack: list[tuple[Any, Any]] = [(node, T.constant(1.0))]
    while stack:
        x, c = stack.pop()
        name = op_name(x)
        if not derivation.is_random(x):
            fixed = fixed + c * x
        elif x.shape != node.shape:
            return None
        elif isinstance(x, RandomVariable):
            terms.append((x, c))
        elif name in ("add", "subtract"):
            a, b = x.parents
            stack += [(b, c if name == "add" else -c), (a, c)]
        elif name == "negative":
            stack.append((x.parents[0], -c))
        elif name in ("multiply", "divide"):
            a, b = x.parents
            if name == "multiply" and derivation.is_random(b):
                a, b = b, a
            if derivation.is_random(b):
                return None
            stack.append((a, c * b if name == "multiply" else c / b))
        else:
            return None
    return terms, fixed


def _sum(node: Any, value: Any, what: str, derivation: Derivation) -> Any:
    found = linear_terms(node, derivation)
    if found is not None and len({x.token for x, _ in found[0]}) == len(found[0]):
        terms, fixed = found
        for law in SUMS:
            term = law(terms, value - fixed, what, derivation)
            if term is not None:
                refuse_loose([x for x, _ in terms], {})
                if what == "density":
                    for x, _ in terms:
                        derivation.consume(x)
                return require(term, *(c for x, _ in terms for c in x.distribution._checks(x.parents)))
    # names what is joined
    derivation.random_operand(node)
    return None


@density_of("add", "subtract")
def _density(node: Any, value: Any, derivation: Derivation) -> Any:
    return _sum(node, value, "density", derivation)


@cumulative_of("add", "subtract")
def _cumulative(node: Any, value: Any, upper: bool, derivation: Derivation) -> Any:
    return _sum(node, value, "ccdf" if upper else "cdf", derivation)


@SUMS.append
def _of_exponentials(terms: Terms, value: Any, what: str, derivation: Derivation) -> Any:
    """Σ cᵢ Exponential(λᵢ), and Gamma variables of whole shapes as sums of exponential ones: times through phases."""
    up: list[Any] = []
    down: list[Any] = []
    for x, c in terms:
        found = _phases_of(x)
        fact = derivation.facts(c)
        if found is None or not (fact.positive or fact.negative):
            return None
        count, rate = found
        (up if fact.positive else down).extend([rate / T.abs(c)] * count)
    if len(up) + len(down) > MAX_PHASES:
        return None
    if not up:
        value, up, down = -value, down, []
        what = {"cdf": "ccdf", "ccdf": "cdf"}.get(what, what)
    return make(PHASES, [value, *up, *down], {"above": len(up), "what": what})


def _phases_of(x: Any) -> tuple[int, Any] | None:
    """How many exponential variables of what rate a draw is the sum of."""
    if x.distribution is Exponential:
        return 1, x.parents[0]
    if x.distribution is Gamma:
        shape, rate = scalar_value(x.parents[0]), x.parents[1]
    elif x.distribution is ChiSquared:
        degrees = scalar_value(x.parents[0])
        shape, rate = None if degrees is None else degrees / 2, T.constant(0.5)
    else:
        return None
    return (int(shape), rate) if shape is not None and shape == int(shape) and shape <= MAX_PHASES else None
