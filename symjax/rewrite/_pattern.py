"""Patterns: expressions with holes, written like the expressions that they match.

``p.log(p.exp(x))`` with ``x = variable("x")`` matches the logarithm of an exponential and binds ``x``. Operators are matched by
identity with those that `symjax.tensor` registered, constants by value, and a variable that occurs twice by node: expressions
are interned before they are matched, so equal subexpressions are one node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symjax.core._node import ITEM, Constant, RandomOp
from symjax.tensor._wrap import OPERATORS

_COMMUTATIVE = frozenset(
    "add multiply maximum minimum logaddexp equal not_equal logical_and logical_or bitwise_and bitwise_or bitwise_xor".split()
)


def is_commutative(op: Any) -> bool:
    """Whether the order of an operator's two arguments does not matter."""
    return op.name in _COMMUTATIVE and OPERATORS.get(op.name) is op


@dataclass(slots=True)
class Match:
    """A pattern found in a graph.

    Attributes
    ----------
    bindings : dict
        Variable's name to node.
    inner : list of Tensor
        Operations that the pattern matched, the root among them.
    draws : list of Tensor
        Random nodes that the pattern matched.
    """

    bindings: dict[str, Any] = field(default_factory=dict)
    inner: list[Any] = field(default_factory=list)
    draws: list[Any] = field(default_factory=list)

    def copy(self) -> Match:
        return Match(dict(self.bindings), list(self.inner), list(self.draws))


class Pattern:
    """Base of patterns; arithmetic on patterns makes patterns."""

    __slots__ = ()

    def matches(self, node: Any, found: Match) -> Iterator[Match]:
        """All the ways in which `node` fits, extending `found`."""
        raise TypeError(f"{type(self).__name__} cannot be matched")

    def __add__(self, other: Any) -> Pattern:
        return Apply("add", (self, as_pattern(other)))

    def __radd__(self, other: Any) -> Pattern:
        return Apply("add", (as_pattern(other), self))

    def __sub__(self, other: Any) -> Pattern:
        return Apply("subtract", (self, as_pattern(other)))

    def __rsub__(self, other: Any) -> Pattern:
        return Apply("subtract", (as_pattern(other), self))

    def __mul__(self, other: Any) -> Pattern:
        return Apply("multiply", (self, as_pattern(other)))

    def __rmul__(self, other: Any) -> Pattern:
        return Apply("multiply", (as_pattern(other), self))

    def __truediv__(self, other: Any) -> Pattern:
        return Apply("divide", (self, as_pattern(other)))

    def __rtruediv__(self, other: Any) -> Pattern:
        return Apply("divide", (as_pattern(other), self))

    def __pow__(self, other: Any) -> Pattern:
        return Apply("power", (self, as_pattern(other)))

    def __neg__(self) -> Pattern:
        return Apply("negative", (self,))


@dataclass(frozen=True, slots=True)
class Var(Pattern):
    """A hole; `constant` restricts it to constants."""

    name: str
    constant: bool = False

    def matches(self, node: Any, found: Match) -> Iterator[Match]:
        bound = found.bindings.get(self.name)
        if bound is None:
            if not self.constant or isinstance(node, Constant):
                new = found.copy()
                new.bindings[self.name] = node
                yield new
        elif bound is node:
            yield found


@dataclass(frozen=True, slots=True)
class Value(Pattern):
    """A constant all of whose elements have one value."""

    value: float

    def matches(self, node: Any, found: Match) -> Iterator[Match]:
        if isinstance(node, Constant) and scalar_value(node) == self.value:
            yield found


@dataclass(frozen=True, slots=True)
class Apply(Pattern):
    """An operator applied to patterns, or to anything if `args` is None; `settings` are static parameters that must agree."""

    name: str
    args: tuple[Pattern, ...] | None
    settings: tuple[tuple[str, Any], ...] = ()

    @property
    def op(self) -> Any:
        return OPERATORS.get(self.name)

    def matches(self, node: Any, found: Match) -> Iterator[Match]:
        op = node.op
        if op is None or op.name != self.name or OPERATORS.get(self.name) is not op:
            return
        if self.args is not None and len(node.parents) != len(self.args):
            return
        if self.settings and any(node.settings.get(k) != v for k, v in self.settings):
            return
        start = found.copy()
        start.inner.append(node)
        if self.args is None:
            yield start
            return
        yield from _match_all(self.args, node.parents, start)
        if len(node.parents) == 2 and self.name in _COMMUTATIVE and node.parents[0] is not node.parents[1]:
            yield from _match_all(self.args, node.parents[::-1], start)


@dataclass(frozen=True, slots=True)
class Item(Pattern):
    """Output `index` of an operator with several outputs."""

    name: str
    index: int
    args: tuple[Pattern, ...]

    def matches(self, node: Any, found: Match) -> Iterator[Match]:
        if node.op is ITEM and node.settings["index"] == self.index:
            source = node.parents[0]
            if OPERATORS.get(self.name) is source.op and len(source.parents) == len(self.args):
                yield from _match_all(self.args, source.parents, found)


@dataclass(frozen=True, slots=True)
class Elementwise(Pattern):
    """Any elementwise operation with an argument made by the operator `name`."""

    name: str

    def matches(self, node: Any, found: Match) -> Iterator[Match]:
        op = OPERATORS.get(self.name)
        if node.op.elementwise and any(p.op is op for p in node.parents):
            yield found


@dataclass(frozen=True, slots=True)
class RandomPattern(Pattern):
    """A draw from `distribution` whose parameters match `args`, in the order of the node's parents.

    `distribution` is compared by identity with the ``distribution`` of the node's operator; `name` binds the node itself.
    """

    distribution: Any
    args: tuple[Any, ...] = ()
    name: str | None = None

    def matches(self, node: Any, found: Match) -> Iterator[Match]:
        if not isinstance(node, RandomOp) or getattr(node.op, "distribution", None) is not self.distribution:
            return
        args = tuple(as_pattern(a) for a in self.args)
        if len(args) != len(node.parents) or any(d is node for d in found.draws):
            return
        start = found.copy()
        start.draws.append(node)
        if self.name is not None:
            start.bindings[self.name] = node
        yield from _match_all(args, node.parents, start)


def _match_all(patterns: tuple[Pattern, ...], nodes: tuple[Any, ...], found: Match) -> Iterator[Match]:
    first, *rest = patterns if patterns else (None,)
    if first is None:
        yield found
    elif not rest:
        yield from first.matches(nodes[0], found)
    else:
        for partial in first.matches(nodes[0], found):
            yield from _match_all(tuple(rest), nodes[1:], partial)


def as_pattern(value: Any) -> Pattern:
    """Numbers as patterns of constants."""
    return value if isinstance(value, Pattern) else Value(value)


def variable(name: str) -> Var:
    """A hole that any tensor fits."""
    return Var(name)


def variables(names: str) -> list[Var]:
    """Holes by their names, separated by blanks."""
    return [Var(n) for n in names.split()]


def constants(names: str) -> list[Var]:
    """Holes that constants fit."""
    return [Var(n, constant=True) for n in names.split()]


class _Operations:
    """Makes patterns of operators by attribute: ``p.exp(x)``, ``p.sum(x, keepdims=True)``, ``p.stack(...)`` for any arguments."""

    def __getattr__(self, name: str) -> Any:
        def make(*args: Any, **settings: Any) -> Apply:
            patterns = None if args == (...,) else tuple(as_pattern(a) for a in args)
            return Apply(name, patterns, tuple(sorted(settings.items())))

        return make


p = _Operations()


def scalar_value(node: Any) -> Any:
    """The one value of a constant that is uniform, as a Python number; None for anything else."""
    if not isinstance(node, Constant):
        return None
    value = node.value
    if type(value) in (int, float, bool):
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" or array.size == 0:
        return None
    first = array.flat[0]
    # two comparisons are enough for nearly all data, however large
    if array.size > 1 and not (first == array.flat[-1] == array.flat[array.size // 2] and bool((array == first).all())):
        return None
    return first.item()
