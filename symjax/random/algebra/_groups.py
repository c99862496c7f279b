"""Independent draws that one operation joins: operands of nested operations, or elements along the axes of a reduction."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._shapes import is_static
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random._sameness import along, identity
from symjax.random.algebra._parts import fresh
from symjax.rewrite import Replaced, cone_law
from symjax.rewrite._terms import op_name


@dataclass(frozen=True, slots=True)
class Operands:
    """Draws that nested operations join element by element.

    Attributes
    ----------
    draws : list of RandomVariable
        The draws, of one shape.
    like : Tensor
        What they become.
    """

    draws: list[Any]
    like: Any

    @property
    def size(self) -> int:
        """How many independent variables each element of the result is made of."""
        return len(self.draws)

    def total(self, place: int, of: Callable[[Any], Any] = as_tensor) -> Any:
        """Sum of a function of one parameter over the variables."""
        return functools.reduce(T.add, [of(x.parents[place]) for x in self.draws])

    def log_total(self, place: int, of: Callable[[Any], Any]) -> Any:
        """Log of the sum of exponentials of a function of one parameter."""
        return functools.reduce(T.logaddexp, [of(x.parents[place]) for x in self.draws])

    def common(self, place: int) -> Any:
        """A parameter that is the same for all, or None."""
        values = [x.parents[place] for x in self.draws]
        return values[0] if len({identity(v) for v in values}) == 1 else None

    def draw(self, distribution: Distribution, *parameters: Any) -> Any:
        """A draw in the place of the operation."""
        return fresh(distribution, *parameters, like=self.like)


@dataclass(frozen=True, slots=True)
class Elements:
    """Elements of one draw along the axes of a reduction; see `Operands`."""

    x: Any
    like: Any

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes that are reduced."""
        return self.like.settings["axis"]

    @property
    def size(self) -> int:
        n = 1
        for i in self.axes:
            n *= self.x.shape[i]
        return n

    def _spread(self, place: int, of: Callable[[Any], Any]) -> Any:
        return T.broadcast_to(of(self.x.parents[place]), self.x.shape)

    def total(self, place: int, of: Callable[[Any], Any] = as_tensor) -> Any:
        return T.sum(self._spread(place, of), self.axes, keepdims=self.keepdims)

    def log_total(self, place: int, of: Callable[[Any], Any]) -> Any:
        return T.logsumexp(self._spread(place, of), self.axes, keepdims=self.keepdims)

    @property
    def keepdims(self) -> bool:
        """Whether they stay, with length one."""
        return bool(self.like.settings.get("keepdims", False))

    def common(self, place: int) -> Any:
        return along(self.x.parents[place], self.x, self.axes, self.keepdims)

    def draw(self, distribution: Distribution, *parameters: Any) -> Any:
        return fresh(distribution, *parameters, like=self.like)


Law = Callable[[Any], Any]


def joint_law(elementwise: str, reduction: str, *families: Distribution) -> Callable[[Law], Law]:
    """Declare the law of an operation on independent draws of one family: ``build(group) -> Tensor or None``.

    Parameters
    ----------
    elementwise : str
        Operator that joins draws, ``"minimum"``; operands of other laws are joined to the result again. Empty for none.
    reduction : str
        Operator that joins the elements of one draw, ``"min"``; with ``"sum"`` the law of means is declared too.
    *families : Distribution
        Families that the law speaks of; the law gets a group of each in turn.
    """
    reductions = {reduction: False, "mean": True} if reduction == "sum" else {reduction: False}

    def register(build: Law) -> Law:
        @cone_law(*(n for n in (elementwise, *reductions) if n))
        @functools.wraps(build)
        def law(root: Any, engine: Any) -> Any:
            name = op_name(root)
            if name and name == elementwise:
                return _of_operands(build, root, engine, families)
            return _of_elements(build, root, engine, families, reductions[name]) if name in reductions else None

        return build

    return register


def _of_elements(build: Law, root: Any, engine: Any, families: tuple[Distribution, ...], is_mean: bool) -> Any:
    [x] = root.parents
    if not is_draw_of(x, families) or x.dtype != root.dtype or not is_static(x.shape):
        return None
    group = Elements(x, root)
    members = engine.absorbable(root, {x})
    if not members or group.size < 1:
        return None
    result = build(group)
    if result is None:
        return None
    return Replaced(frozenset(members), result / group.size if is_mean else result)


def _of_operands(build: Law, root: Any, engine: Any, families: tuple[Distribution, ...]) -> Any:
    inner, leaves = operands(root, engine)
    fitting = [x for x in leaves if is_draw_of(x, families) and x.shape == root.shape and x.dtype == root.dtype]
    free = engine.absorbable(root, {*inner, *fitting})
    if not free >= set(inner):
        return None
    for family in families:
        draws = [x for x in fitting if x in free and x.distribution is family]
        result = build(Operands(draws, root)) if len(draws) > 1 else None
        if result is not None:
            rest = [x for x in leaves if x not in set(draws)]
            join = getattr(T, op_name(root))
            return Replaced(frozenset((*inner, *draws)), functools.reduce(join, rest, result))
    return None


def is_draw_of(x: Any, families: tuple[Distribution, ...]) -> bool:
    """Whether a node is a draw of one of some families."""
    return isinstance(x, RandomVariable) and any(x.distribution is d for d in families)


def operands(root: Any, engine: Any) -> tuple[list[Any], list[Any]]:
    """Nested operations like `root` that only it depends on, and what they join; repeated operands once."""
    inner: list[Any] = []
    leaves: dict[Any, None] = {}
    stack = list(root.parents[::-1])
    while stack:
        node = stack.pop()
        alike = op_name(node) == op_name(root) and node.shape == root.shape and node.dtype == root.dtype
        if alike and engine.absorbable(root, {*inner, node}) == {*inner, node}:
            inner.append(node)
            stack.extend(node.parents[::-1])
        else:
            leaves[node] = None
    return inner, list(leaves)
