"""The recursion on the value side: the law of an expression from the law of what it is made of.

An operation's rule says what value its random operand must have had, and how volumes change on the way; the derivation follows the
operands down to a random variable and asks its law. Rules are found by the operator's name, so adding one edits nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.core._scope import detached
from symjax.core._traverse import toposort
from symjax.random._distribution import require
from symjax.random._draw import RandomVariable
from symjax.random.density._log_density import is_draw, refuse_loose
from symjax.rewrite import Facts, canonicalize
from symjax.rewrite._facts import is_standard

Branches = Sequence[tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Inverse:
    """How an elementwise operation of one random operand is undone.

    Attributes
    ----------
    operand : Tensor
        The random operand.
    at : callable
        ``at(value)`` gives, for each value of the operand that leads to `value`, lowest first, that value and the logarithm of
        its derivative's absolute value.
    increasing : bool, Tensor or None
        Whether the operation increases; a bool tensor where that depends on a parameter; None where it does not hold throughout.
    lower, upper : number or None
        Bounds of the operation's values.
    closed : bool
        Whether the bounds themselves are values with a density.
    keeps_integers : bool
        Whether distinct whole numbers keep distinct values that rounding cannot confuse.
    """

    operand: Any
    at: Callable[[Any], Branches]
    increasing: Any = True
    lower: float | None = None
    upper: float | None = None
    closed: bool = False
    keeps_integers: bool = False

    def inside(self, value: Any) -> list[Any]:
        """Conditions for `value` to be among the operation's values."""
        above, below = (T.greater_equal, T.less_equal) if self.closed else (T.greater, T.less)
        found = [] if self.lower is None else [above(value, self.lower)]
        return found if self.upper is None else [*found, below(value, self.upper)]


#: Rules by operator name: ``rule(node, derivation) -> Inverse`` and ``rule(node, value, derivation) -> term``.
INVERSES: dict[str, Callable[..., Inverse]] = {}
DENSITIES: dict[str, Callable[..., Any]] = {}
#: Rules that move the operation below its operand, ``rule(node, derivation) -> Tensor``, for elementwise independent laws.
DESCENTS: dict[str, Callable[..., Any]] = {}
#: Cdfs of operations that are not undone elementwise, ``rule(node, value, upper, derivation) -> term``.
CUMULATIVES: dict[str, Callable[..., Any]] = {}
#: What one element of an operation is where its elements depend on each other, ``rule(getitem_node) -> Tensor or None``.
ELEMENTS: dict[str, Callable[..., Any]] = {}


#: Operations that move elements and leave them as independent as they were.
_MOVES = frozenset(("reshape", "transpose", "broadcast_to", "getitem", "stack", "concatenate"))
#: Kinds of support whose laws have densities with respect to the volume of all their elements.
_FULL_DIMENSIONAL = frozenset(("real", "interval", "vector"))


def _registering(table: dict[str, Any]) -> Callable[..., Any]:
    def named(*names: str) -> Callable[[Any], Any]:
        def register(rule: Any) -> Any:
            for name in names:
                table[name] = rule
            return rule

        return register

    return named


#: ``@inverse_of("exp")`` declares how an elementwise operation is undone, ``@density_of("stack")`` the density of any other
#: operation, ``@descent_of("getitem")`` how an operation that moves elements is applied to its operand's parameters instead,
#: ``@cumulative_of("max")`` a cdf, and ``@element_of("sort")`` what one element of an operation is. A density of several random
#: operands goes before the inverse for one.
inverse_of = _registering(INVERSES)
density_of = _registering(DENSITIES)
descent_of = _registering(DESCENTS)
cumulative_of = _registering(CUMULATIVES)
element_of = _registering(ELEMENTS)


def simplified(outputs: Sequence[Any]) -> list[Any]:
    """Outputs after pointwise and law rules, which merge what the recursion cannot take apart."""
    return list(canonicalize(list(outputs), laws=True))


class Derivation:
    """One derivation of the terms of a joint law; it keeps account of the random variables that the terms have used up."""

    def __init__(self) -> None:
        self.facts = Facts()
        self._known: dict[Any, tuple[bool, ...]] = {}
        self._consumed: set[Any] = set()

    def is_random(self, node: Any) -> bool:
        """Whether a node depends on a draw."""
        return self._sources(node)[0]

    def is_discrete(self, node: Any) -> bool:
        """Whether a node depends on a draw of a discrete law."""
        return self._sources(node)[1]

    def _sources(self, node: Any) -> tuple[bool, ...]:
        """Whether a node depends on a draw, on a discrete one, on one that lives on a surface, on one with point masses."""
        known = self._known
        if node not in known:
            for n in toposort([node], stop=known):
                if n not in known:
                    own = (is_draw(n), *(_kind_of(n) if isinstance(n, RandomVariable) else (False, False, False)))
                    known[n] = tuple(any(flags) for flags in zip(own, *(known[p] for p in n.parents), strict=True))
        return known[node]

    def random_operand(self, node: Any) -> int:
        """Position of an operation's only random parent.

        Raises
        ------
        NotDerivableError
            If there are several.
        """
        places = [i for i, p in enumerate(node.parents) if self.is_random(p)]
        if len(places) != 1:
            names = ", ".join(repr(node.parents[i].name) for i in places)
            raise NotDerivableError(f"the law of {node.name!r} is not known: `{node.op.name}` joins {names}, all random.", node)
        return places[0]

    def inverse(self, node: Any) -> Inverse | None:
        """How an elementwise operation is undone; None for other operations.

        Raises
        ------
        NotDerivableError
            If the operation has no density, or none that is known.
        """
        rule = INVERSES.get(node.op.name) if is_standard(node.op) else None
        if rule is None or (node.op.name in DENSITIES and sum(self.is_random(p) for p in node.parents) > 1):
            return None
        found = rule(node, self)
        if found.operand.shape != node.shape:
            raise NotDerivableError(
                f"{node.name!r} of shape {node.shape} repeats {found.operand.name!r} of shape {found.operand.shape}, so its "
                "elements are not free to vary and have no joint density.",
                found.operand,
            )
        if self.is_discrete(found.operand) and not found.keeps_integers:
            raise NotDerivableError(
                f"the law of {node.name!r} is not derived: `{node.op.name}` of the discrete {found.operand.name!r} has values "
                "that rounding could confuse. Shift or scale it by whole numbers only.",
                node,
            )
        self.refuse_confined(found.operand)
        return found

    def refuse_confined(self, node: Any) -> None:
        """Raise if a node is made of draws that live on a surface, where volumes change otherwise than elementwise.

        Raises
        ------
        NotDerivableError
            Naming the draw.
        """
        for n in toposort([node]) if self._sources(node)[2] else ():
            if isinstance(n, RandomVariable) and _is_confined(n):
                raise NotDerivableError(
                    f"the density of an expression of {n.name!r} is not derived: {n.distribution.name} draws lie on a surface of "
                    "lower dimension than they have elements.",
                    n,
                )

    def has_atoms(self, node: Any) -> bool:
        """Whether a node depends on a draw that has both a density and values of positive probability."""
        return self._sources(node)[3]

    def refuse_atoms(self, node: Any) -> None:
        """Raise if an operation does anything but move elements of draws with point masses, whose masses have no change of volume.

        Raises
        ------
        NotDerivableError
            Naming the draw.
        """
        if not self.has_atoms(node) or (is_standard(node.op) and node.op.name in _MOVES):
            return
        draw = next(n for n in toposort([node]) if isinstance(n, RandomVariable) and n.distribution.has_atoms)
        raise NotDerivableError(
            f"the law of {node.name!r} is not derived: {draw.name!r} has values of positive probability beside a density.", draw
        )

    def refuse_dependent(self, node: Any) -> None:
        """Raise if elements of a node may depend on each other, so that a joint density is not a product over elements.

        Raises
        ------
        NotDerivableError
            Naming what makes them depend.
        """
        for n in toposort([node]):
            if n.op is None or not self.is_random(n):
                continue
            scalar_law = isinstance(n, RandomVariable) and n.distribution.event_ndim == 0
            if not scalar_law and not (is_standard(n.op) and (n.op.elementwise or n.op.name in _MOVES)):
                raise NotDerivableError(
                    f"the density of a map of {node.name!r} that is not one to one is not derived: elements of {n.name!r} may "
                    "depend on each other.",
                    n,
                )

    def consume(self, draw: Any) -> None:
        """Note that a term's change of variables ends at a draw.

        Raises
        ------
        NotDerivableError
            If another one did before: the two expressions are not independent.
        """
        if draw.token in self._consumed:
            raise NotDerivableError(
                f"{draw.name!r} is used in several places, so their joint law is not the product of their laws. Give "
                f"{draw.name!r} itself a value.",
                draw,
            )
        self._consumed.add(draw.token)

    def consume_below(self, node: Any) -> None:
        """`consume` every draw that a node is made of."""
        for n in toposort([node]):
            if is_draw(n):
                self.consume(n)

    def check_consumption(self, roots: Sequence[Any]) -> None:
        """Raise unless each draw below the roots was used by a term, once.

        Raises
        ------
        NotDerivableError
            Naming the draw.
        """
        for n in toposort(roots):
            if is_draw(n) and n.token not in self._consumed:
                raise NotDerivableError(f"{n.name!r} has no value and would have to be integrated out. Give it one.", n)

    def alternatives(self, node: Any, values: Sequence[Any]) -> list[Any]:
        """Log density of one node at several values; draws are used up once."""
        before, terms = set(self._consumed), []
        for value in values:
            self._consumed = set(before)
            terms.append(self.log_density(node, value))
        return terms

    def log_density(self, node: Any, value: Any) -> Any:
        """Log density of `node` at `value`, of the shape of `value` without the axes of one value of a multivariate law.

        Raises
        ------
        NotDerivableError
            If it is not known exactly.
        """
        slopes: list[Any] = []
        conditions: list[Any] = []
        while not isinstance(node, RandomVariable):
            self.refuse_atoms(node)
            inverse = self.inverse(node)
            if inverse is None:
                term = _rule(DENSITIES, node)(node, value, self)
                return self._finished(term, value, slopes, conditions)
            branches = inverse.at(value)
            conditions += inverse.inside(value)
            keep_slope = not self.is_discrete(inverse.operand)
            if len(branches) > 1:
                self.refuse_dependent(inverse.operand)
                terms = self.alternatives(inverse.operand, [v for v, _ in branches])
                terms = [self._finished(t, value, [s], []) for t, (_, s) in zip(terms, branches, strict=True)]
                return self._finished(T.logaddexp(*terms), value, slopes, conditions)
            [(value, slope)] = branches
            if keep_slope:
                slopes.append(slope)
            node = inverse.operand
        refuse_loose([node], {})
        self.consume(node)
        return self._finished(node.distribution.log_prob(value, *node.parents), value, slopes, conditions)

    def _finished(self, term: Any, value: Any, slopes: Sequence[Any], conditions: Sequence[Any]) -> Any:
        """`term` with the changes of volume added, both reduced over the axes of one value."""
        event = tuple(range(term.ndim, value.ndim))
        for slope in slopes:
            term = term + (T.sum(T.broadcast_to(slope, value.shape), event) if event else slope)
        return require(term, *(T.all(c, event) if event else c for c in conditions)) if conditions else term

    def descended(self, node: Any) -> Any:
        """`node` with operations that move elements applied to the parameters of the draw below instead.

        Raises
        ------
        NotDerivableError
            If elements are not independent of each other.
        """
        while not isinstance(node, RandomVariable) and node.op.name in DESCENTS and is_standard(node.op):
            node = DESCENTS[node.op.name](node, self)
        return node


def _kind_of(draw: Any) -> tuple[bool, bool, bool]:
    """Whether a draw is discrete, lives on a surface, has point masses beside a density."""
    return draw.distribution.is_discrete, _is_confined(draw), draw.distribution.has_atoms


def _is_confined(draw: Any) -> bool:
    law = draw.distribution
    return law.event_ndim > 0 and not law.is_discrete and law.support(*draw.parents).kind not in _FULL_DIMENSIONAL


def _rule(table: dict[str, Any], node: Any) -> Any:
    rule = table.get(node.op.name) if is_standard(node.op) else None
    if rule is None:
        raise unknown(node, "density")
    return rule


def unknown(node: Any, what: str) -> NotDerivableError:
    """The error of an operation without a rule."""
    return NotDerivableError(
        f"the {what} of {node.name!r} is not known: there is no rule for `{node.op.name}` of random variables here.", node
    )


def derived(expr: Any, query: Callable[[Derivation, Any], Any], otherwise: Callable[[Any], Any] | None = None) -> Any:
    """The answer to a question about the law of one expression; where it is not derived, that of ``otherwise(expression)``.

    Raises
    ------
    NotDerivableError
        If the expression is not random, or the answer is not known exactly.
    """
    with detached():
        plain = isinstance(expr, RandomVariable) and not any(is_draw(n) for n in toposort(expr.parents))
        root = expr if plain else simplified([expr])[0]
        derivation = Derivation()
        if not derivation.is_random(root):
            raise NotDerivableError(f"{expr.name!r} is not random, so it has no law.", expr)
        try:
            return query(derivation, root)
        except NotDerivableError:
            if otherwise is None:
                raise
            try:
                return otherwise(root)
            except NotDerivableError:
                pass
            # the first reason is the one that names the operation in the way
            raise
