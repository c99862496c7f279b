"""The recursion on the value side: the law of an expression from the law of what it is made of.

An operation's rule says what value its random operand must have had, and how volumes change on the way; the derivation follows the
operands down to a random variable and asks its law. Rules are found by the operator's name, so adding one edits nothing here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.core._scope import detached
from symjax.core._traverse import rebuild, toposort
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


def _registering(table: dict[str, Any]) -> Callable[..., Any]:
    def named(*names: str) -> Callable[[Any], Any]:
        def register(rule: Any) -> Any:
            for name in names:
                table[name] = rule
            return rule

        return register

    return named


#: ``@inverse_of("exp")`` declares how an elementwise operation is undone, ``@density_of("stack")`` the density of any other
#: operation, ``@descent_of("getitem")`` how an operation that moves elements is applied to its operand's parameters instead.
inverse_of = _registering(INVERSES)
density_of = _registering(DENSITIES)
descent_of = _registering(DESCENTS)


def simplified(outputs: Sequence[Any]) -> list[Any]:
    """Outputs after pointwise and law rules, which merge what the recursion cannot take apart."""
    return list(canonicalize(list(outputs), laws=True))


class Derivation:
    """One derivation of the terms of a joint law; it keeps account of the random variables that the terms have used up."""

    def __init__(self) -> None:
        self.facts = Facts()
        self._known: dict[Any, tuple[bool, bool]] = {}
        self._consumed: set[Any] = set()

    def is_random(self, node: Any) -> bool:
        """Whether a node depends on a draw."""
        return self._sources(node)[0]

    def is_discrete(self, node: Any) -> bool:
        """Whether a node depends on a draw of a discrete law."""
        return self._sources(node)[1]

    def _sources(self, node: Any) -> tuple[bool, bool]:
        known = self._known
        if node not in known:
            for n in toposort([node], stop=known):
                if n not in known:
                    parents = [known[p] for p in n.parents]
                    discrete = isinstance(n, RandomVariable) and n.distribution.is_discrete
                    known[n] = (is_draw(n) or any(r for r, _ in parents), discrete or any(d for _, d in parents))
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

    def _inverse(self, node: Any) -> Inverse | None:
        rule = INVERSES.get(node.op.name) if is_standard(node.op) else None
        if rule is None:
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
        return found

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
            inverse = self._inverse(node)
            if inverse is None:
                term = _rule(DENSITIES, node)(node, value, self)
                return self._finished(term, value, slopes, conditions)
            branches = inverse.at(value)
            conditions += inverse.inside(value)
            keep_slope = not self.is_discrete(inverse.operand)
            if len(branches) > 1:
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

    def log_cdf(self, node: Any, value: Any, upper: bool = False) -> Any:
        """Log of the probability that `node` is at most `value`, or above it if `upper`.

        Raises
        ------
        NotDerivableError
            If it is not known exactly.
        """
        node = self.descended(node)
        if isinstance(node, RandomVariable):
            return _log_cdf_of_draw(node, value, upper)
        inverse = self._inverse(node)
        if inverse is None:
            raise _unknown(node, "cdf")
        branches = [v for v, _ in inverse.at(value)]
        if len(branches) == 2:
            term = self._log_cdf_between(inverse.operand, *branches, upper)
        else:
            term = self._log_cdf_through(node, inverse, branches[0], upper)
        below, above = (0.0, -math.inf) if upper else (-math.inf, 0.0)
        if inverse.lower is not None:
            term = T.where(T.less(value, inverse.lower) if inverse.closed else T.less_equal(value, inverse.lower), below, term)
        if inverse.upper is not None:
            term = T.where(T.greater_equal(value, inverse.upper), above, term)
        return term

    def _log_cdf_through(self, node: Any, inverse: Inverse, at: Any, upper: bool) -> Any:
        if inverse.increasing is None:
            raise _unknown(node, "cdf")

        def falling() -> Any:
            # P(X >= t) for a decreasing map; of a discrete law that is P(X > the whole number below t)
            edge = T.ceil(at) - 1 if self.is_discrete(inverse.operand) else at
            return self.log_cdf(inverse.operand, edge, not upper)

        if inverse.increasing is True:
            return self.log_cdf(inverse.operand, at, upper)
        if inverse.increasing is False:
            return falling()
        return T.where(inverse.increasing, self.log_cdf(inverse.operand, at, upper), falling())

    def _log_cdf_between(self, operand: Any, low: Any, high: Any, upper: bool) -> Any:
        outside = T.logaddexp(self.log_cdf(operand, low), self.log_cdf(operand, high, True))
        if upper:
            return outside
        inside = T.logdiffexp(self.log_cdf(operand, high), self.log_cdf(operand, low))
        # the difference of two probabilities near one is known better from what is left out
        return T.where(T.less(outside, -math.log(2)), T.log1mexp(T.minimum(outside, -math.log(2))), inside)

    def quantile(self, node: Any, q: Any) -> Any:
        """The value that `node` stays below with probability `q`.

        Raises
        ------
        NotDerivableError
            If it is not known exactly.
        """
        node = self.descended(node)
        if isinstance(node, RandomVariable):
            _require_scalar_law(node, "quantile function")
            refuse_loose([node], {})
            return node.distribution.quantile(q, *node.parents)
        inverse = self._inverse(node)
        if inverse is None or inverse.increasing is None:
            raise _unknown(node, "quantile function")
        if inverse.increasing is not True and self.is_discrete(node):
            raise _unknown(node, "quantile function")
        if inverse.increasing is False:
            q = 1 - q
        elif inverse.increasing is not True:
            q = T.where(inverse.increasing, q, 1 - q)
        found = self.quantile(inverse.operand, q)
        return rebuild(node, [found if p is inverse.operand else p for p in node.parents])

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


def _rule(table: dict[str, Any], node: Any) -> Any:
    rule = table.get(node.op.name) if is_standard(node.op) else None
    if rule is None:
        raise _unknown(node, "density")
    return rule


def _unknown(node: Any, what: str) -> NotDerivableError:
    return NotDerivableError(
        f"the {what} of {node.name!r} is not known: there is no rule for `{node.op.name}` of random variables here.", node
    )


def _require_scalar_law(draw: Any, what: str) -> None:
    if draw.distribution.event_ndim:
        raise NotDerivableError(f"{draw.name!r} is multivariate and has no {what}.", draw)


def _log_cdf_of_draw(draw: Any, value: Any, upper: bool) -> Any:
    _require_scalar_law(draw, "cdf")
    refuse_loose([draw], {})
    law = draw.distribution
    if not upper:
        return law.log_cumulative(value, *draw.parents)
    return require(law.log_ccdf(value, *draw.parents), *law._checks(draw.parents))


def derived(expr: Any, query: Callable[[Derivation, Any], Any]) -> Any:
    """The answer to a question about the law of one expression.

    Raises
    ------
    NotDerivableError
        If the expression is not random, or the answer is not known exactly.
    """
    with detached():
        root = expr if isinstance(expr, RandomVariable) else simplified([expr])[0]
        derivation = Derivation()
        if not derivation.is_random(root):
            raise NotDerivableError(f"{expr.name!r} is not random, so it has no law.", expr)
        return query(derivation, root)
