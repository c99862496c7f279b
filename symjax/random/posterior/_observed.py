"""Observations of expressions of random variables, as observations of random variables.

An expression is solved for one variable that it contains, whose value is then an expression of the others: with the log of the
slope, their joint density is that given the observation. Sums of Poisson and of Gamma variables are split into the sum and the
shares, which are independent of it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.core._node import Token
from symjax.core._traverse import ancestors, make, substitute, toposort
from symjax.random._draw import RandomVariable
from symjax.random.distributions.categorical import Multinomial
from symjax.random.distributions.counts import Poisson
from symjax.random.distributions.exponential import Exponential
from symjax.random.distributions.gamma import Gamma
from symjax.random.distributions.mv_normal import Dirichlet
from symjax.random.distributions.normal import Normal
from symjax.random.posterior._gaussian_scales import Interner
from symjax.rewrite import Facts


@dataclass(frozen=True, slots=True)
class Observation:
    """The value of a random variable.

    Attributes
    ----------
    value : Tensor
        An expression of random variables that are not observed.
    log_slopes : tuple of Tensor
        Logarithms of the derivative of the variable by what was observed: summands, each the sum of its elements.
    """

    value: Any
    log_slopes: tuple[Any, ...] = ()


def is_draw(node: Any) -> bool:
    """Whether a node is a random variable."""
    return isinstance(node, RandomVariable)


def draws_of(nodes: Sequence[Any]) -> list[Any]:
    """The random variables that expressions depend on, each after those that its parameters depend on."""
    return [n for n in toposort(nodes) if is_draw(n)]


def inside(nodes: Sequence[Any], values: Mapping[Any, Any]) -> list[Any]:
    """Expressions with random variables replaced, the parameters of the others left as they are."""
    return substitute(nodes, {**{rv: rv for rv in draws_of(nodes)}, **values})


def solved(known: Mapping[Any, Any], wanted: Sequence[Any]) -> dict[Any, Observation]:
    """Observed expressions as observed random variables, if possible not such as are wanted.

    Raises
    ------
    NotDerivableError
        If an expression cannot be solved for a variable.
    """
    last = {rv for node in wanted for rv in leaves_of(node)}
    found = {node: Observation(value) for node, value in known.items() if is_draw(node)}
    for node, value in known.items():
        if is_draw(node):
            continue
        [expression] = inside([node], {rv: o.value for rv, o in found.items()})
        variable, own, slopes = _solved(expression, value, node, last)
        found = {rv: _with(o, variable, own) for rv, o in found.items()}
        found[variable] = Observation(own, tuple(slopes))
    return found


def _with(o: Observation, variable: Any, value: Any) -> Observation:
    own, *slopes = inside([o.value, *o.log_slopes], {variable: value})
    return Observation(own, tuple(slopes))


def leaves_of(node: Any) -> list[Any]:
    """Random variables that an expression contains outside of the parameters of others."""
    draws = {rv: rv for rv in draws_of([node])}
    return [n for n in toposort([node], stop=draws) if n in draws]


def _solved(expression: Any, value: Any, name: Any, last: set[Any]) -> tuple[Any, Any, list[Any]]:
    leaves = leaves_of(expression)
    for rv in sorted(leaves, key=lambda x: x in last):
        others = [x for x in leaves if x is not rv]
        if rv.distribution.is_discrete or rv.distribution.event_ndim:
            continue
        if any(rv in ancestors([x]) for x in others):
            continue
        found = _solved_for(rv, expression, value)
        if found is not None:
            return rv, *found
    raise NotDerivableError(
        f"condition: {name.name!r} = {name!r} cannot be solved for one of its random variables. Observe a random variable, or a "
        "sum, product or monotone function that contains a continuous one once, in its own shape.",
        name,
    )


def _solved_for(rv: Any, node: Any, value: Any) -> tuple[Any, list[Any]] | None:
    """The value of a variable and logs of its slope; None if the expression cannot be solved for it."""
    slopes: list[Any] = []
    while node is not rv:
        name = node.op.name if node.op is not None else ""
        inner = [p for p in node.parents if rv in set(leaves_of(p))]
        if len(inner) != 1 or inner[0].shape != node.shape or inner[0].dtype != node.dtype:
            return None
        other = next((p for p in node.parents if p is not inner[0]), None)
        if (other is None) != (len(node.parents) == 1):
            return None
        first = node.parents[0] is inner[0]
        if name == "add":
            value = value - other
        elif name == "subtract":
            value = value + other if first else other - value
        elif name in ("multiply", "divide") and Facts()(other).is_nonzero and (first or name == "multiply"):
            value = value / other if name == "multiply" else value * other
            size = T.broadcast_to(T.log(T.abs(other)), node.shape)
            slopes.append(-size if name == "multiply" else size)
        elif name == "negative":
            value = -value
        elif name == "exp":
            slopes.append(-T.log(value))
            value = T.log(value)
        elif name == "log":
            slopes.append(value)
            value = T.exp(value)
        else:
            return None
        node = inner[0]
    return value, slopes


# Sums that are split into the sum and the shares ---------------------------------------------------------------------------


def split_sums(wanted: Sequence[Any], known: Mapping[Any, Any]) -> tuple[list[Any], dict[Any, Any]]:
    """What is wanted and observed, with each observed sum of Poisson or Gamma variables as a variable of its own.

    With independent Poisson counts of rates λ the sum is Poisson(Σλ) and the counts given it are Multinomial with probabilities
    λ/Σλ; with independent Gamma variables of shapes α and one rate the sum is Gamma(Σα) and the shares are Dirichlet(α) (Johnson,
    Kotz, Balakrishnan, Continuous Multivariate Distributions I, 2nd ed., ch. 49).
    """
    outputs, keys, values = list(wanted), list(known), list(known.values())
    for i in range(len(keys)):
        parts = _summands(keys[i])
        whole = None if parts is None else _split(parts)
        if whole is None:
            continue
        total, replaced = whole
        outputs = substitute(outputs, replaced)
        keys = [total if j == i else k for j, k in enumerate(substitute(keys, replaced))]
    return outputs, dict(zip(keys, values, strict=True))


def _summands(node: Any) -> list[Any] | None:
    """The random variables whose elements a scalar is the sum of."""
    if node.shape:
        return None
    found, stack = [], [node]
    while stack:
        n = stack.pop()
        if is_draw(n):
            found.append(n)
        elif n.fn_name == "add" or (n.fn_name == "sum" and is_draw(n.parents[0])):
            stack += reversed(n.parents)
        else:
            return None
    distinct = len(set(found)) == len(found) and not any(x in ancestors(y.parents) for x in found for y in found)
    return found if distinct and sum(x.size for x in found) > 1 else None


def _flat(parts: Sequence[Any], parameters: Sequence[Any]) -> tuple[Any, Any]:
    """Parameters of all elements as one vector up to a factor, and their sum."""
    intern = Interner()
    sizes = [x.size for x in parts]
    if len({intern(p) for p in parameters}) == 1 and parameters[0].size == 1:
        return T.constant(np.ones(sum(sizes))), float(sum(sizes)) * T.reshape(parameters[0], ())
    flat = T.concatenate([T.reshape(T.broadcast_to(p, x.shape), (x.size,)) for x, p in zip(parts, parameters, strict=True)])
    return flat, T.sum(flat)


def part_of(rv: Any, index: int | slice, name: str) -> Any:
    """A random variable that is one of the elements of one with a scalar law, or some of them in a row."""
    parameters = [T.reshape(p, ()) if p.size == 1 else T.reshape(T.broadcast_to(p, rv.shape), (-1,)) for p in rv.parents]
    at = [p[index] if p.shape else p for p in parameters]
    shape = (len(range(rv.size)[index]),) if isinstance(index, slice) else ()
    return make(rv.op, at, {"shape": shape, "dtype": rv.dtype}, token=Token(name), kind=RandomVariable, name=name)


def _first_and_rest(parts: Sequence[Any]) -> tuple[Any, dict[Any, Any]]:
    """Sums of Normal variables with single summands, for one of which they can be solved."""
    replaced, summands = {}, []
    for x in parts:
        if x.size == 1:
            replaced[x] = part_of(x, 0, x.name)
            summands.append(replaced[x])
            replaced[x] = T.reshape(replaced[x], x.shape)
            continue
        first, rest = part_of(x, 0, f"{x.name}[0]"), part_of(x, slice(1, None), f"{x.name}[1:]")
        summands += [first, T.sum(rest)]
        replaced[x] = T.reshape(T.concatenate([first[None], rest]), x.shape)
    return functools.reduce(T.add, summands), replaced


def _split(parts: Sequence[Any]) -> tuple[Any, dict[Any, Any]] | None:
    laws = {x.distribution for x in parts}
    if laws == {Poisson}:
        weights, rate = _flat(parts, [x.parents[0] for x in parts])
        total = Poisson(rate)
        shares: Any = Multinomial(total, weights / T.sum(weights))
    elif laws <= {Gamma, Exponential}:
        intern = Interner()
        rate = parts[0].parents[-1]
        if len({intern(x.parents[-1]) for x in parts}) > 1 or rate.size > 1:
            return None
        own = [x.parents[0] if x.distribution is Gamma else T.constant(1.0) for x in parts]
        shapes = T.concatenate([T.reshape(T.broadcast_to(a, x.shape), (x.size,)) for x, a in zip(parts, own, strict=True)])
        total = Gamma(T.sum(shapes), T.reshape(rate, ()))
        shares = total * Dirichlet(shapes)
    elif laws == {Normal}:
        return _first_and_rest(parts)
    else:
        return None
    replaced, start = {}, 0
    for x in parts:
        replaced[x] = T.reshape(shares[start : start + x.size], x.shape)
        start += x.size
    return total, replaced
