"""Rules: a pattern, its replacement, and the conditions under which they are equal."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from symjax.core._node import ITEM
from symjax.rewrite._facts import Facts
from symjax.rewrite._pattern import Apply, Elementwise, Item, Pattern, RandomPattern, is_commutative

KINDS = ("pointwise", "law", "arc")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rewrite.

    Attributes
    ----------
    name : str
        ``result_of_source``: `log_of_exp`.
    kind : {"pointwise", "law", "arc"}
        What stays equal: every value, the joint law of the roots, or the joint law after an arc is reversed.
    pattern : Pattern or None
        What is looked for; None for a law of sums, which is given the terms of a linear combination, and for one of cones, which is
        given the root of any number of operations.
    build : callable
        The replacement from the pattern's variables, or None to decline. It may ask for `node`, the matched root, and `engine`,
        which knows the `facts`.
    when : dict
        Pattern variable to the property of its `Fact` that must be proved: ``{"x": "nonnegative"}``.
    roots : frozenset of str
        For a law of cones, the operators that it looks through.
    """

    name: str
    kind: str
    pattern: Pattern | None
    build: Callable[..., Any]
    when: Mapping[str, str] = field(default_factory=dict)
    extras: tuple[str, ...] = ()
    roots: frozenset[str] = frozenset()

    @property
    def formula(self) -> str:
        """The rule in one line."""
        return (inspect.getdoc(self.build) or "").strip().splitlines()[0]

    def holds(self, bindings: Mapping[str, Any], facts: Facts) -> bool:
        """Whether the conditions are proved."""
        return all(getattr(facts(bindings[k]), v) for k, v in self.when.items())

    def apply(self, bindings: Mapping[str, Any], node: Any, engine: Any) -> Any:
        """The replacement, or None."""
        if "node" in self.extras:
            bindings = {**bindings, "node": node}
        if "engine" in self.extras:
            bindings = {**bindings, "engine": engine}
        return self.build(**bindings)


#: Every rule, by name, in the order in which they are tried.
RULES: dict[str, Rule] = {}


def rule(*patterns: Pattern, kind: str = "pointwise", when: Mapping[str, str] | None = None) -> Callable[[Any], Any]:
    """Declare a rule by decorating the function that builds its right-hand side.

    Parameters
    ----------
    *patterns : Pattern
        Left-hand sides that share the function's arguments; each becomes a rule of its own.
    kind : {"pointwise", "law", "arc"}
        See `Rule`. The side conditions of laws are enforced by the engine, not by the rule.
    when : dict, optional
        Properties of pattern variables that must be proved.

    Raises
    ------
    ValueError
        If the kind is unknown, the name is taken or the formula is missing.

    Examples
    --------
    >>> from symjax.rewrite import p, rule, variables  # doctest: +SKIP
    >>> x, = variables("x")  # doctest: +SKIP
    >>> @rule(p.log(p.exp(x)))  # doctest: +SKIP
    ... def log_of_exp(x):
    ...     "log(exp(x)) = x."
    ...     return x
    """

    def register(build: Callable[..., Any]) -> Callable[..., Any]:
        extras = tuple(n for n in ("node", "engine") if n in inspect.signature(build).parameters)
        for i, pattern in enumerate(patterns):
            name = build.__name__ if i == 0 else f"{build.__name__}_{i + 1}"
            _add(Rule(name, kind, pattern, build, dict(when or {}), extras))
        return build

    return register


def sum_law(build: Callable[..., Any]) -> Callable[..., Any]:
    """Declare a law of linear combinations: ``build(terms, node) -> Absorbed or None``.

    `terms` maps each node of a sum to its coefficient, a number or a tensor; a constant summand is a `Constant` node. The draws
    among them are those that may be absorbed: they have the shape of `node`, the root of the sum, and are used nowhere else. What
    the rule does not absorb is added back.
    """
    _add(Rule(build.__name__, "law", None, build))
    return build


def cone_law(*operators: str) -> Callable[[Any], Any]:
    """Declare a law of whole expressions: ``build(root, engine) -> Replaced or None``.

    It is asked at random variables and at the outermost of operations named `operators`, and may look as far down as it likes. What
    it absorbs it takes from ``engine.absorbable(root, members)``, and nothing else may depend on it. Draws that are repeated or
    used several times inside are the rule's own business.
    """

    def register(build: Callable[..., Any]) -> Callable[..., Any]:
        _add(Rule(build.__name__, "law", None, build, roots=frozenset(operators)))
        return build

    return register


class Replaced(NamedTuple):
    """Answer of a `cone_law`: the operations and draws below the root that go, and the expression that takes the root's place."""

    members: frozenset[Any]
    result: Any


class Absorbed(NamedTuple):
    """Answer of a `sum_law`: the terms that it replaces, and the random node that their combination is."""

    terms: tuple[Any, ...]
    result: Any


def _add(new: Rule) -> None:
    if new.kind not in KINDS:
        raise ValueError(f"rule {new.name!r}: `kind` must be one of {KINDS}, got {new.kind!r}.")
    if new.name in RULES:
        raise ValueError(f"rule {new.name!r} exists already; rules need distinct names.")
    if not inspect.getdoc(new.build):
        raise ValueError(f"rule {new.name!r} needs its formula as a docstring.")
    RULES[new.name] = new
    _INDEX.clear()


_INDEX: dict[str, dict[Any, list[tuple[Any, Rule]]]] = {}


def rules_by_op(kind: str) -> dict[Any, list[tuple[Any, Rule]]]:
    """Rules of a kind by the operator at their root, each with the operator that its first argument must be, if that is fixed.

    Rules of random nodes are found by the distribution.
    """
    if kind not in _INDEX:
        index: dict[Any, list[tuple[Any, Rule]]] = {}
        for r in RULES.values():
            if r.kind == kind and r.pattern is not None:
                index.setdefault(_root_of(r), []).append((_first_argument(r.pattern), r))
        _INDEX[kind] = index
    return _INDEX[kind]


def _first_argument(pattern: Pattern) -> Any:
    if not isinstance(pattern, Apply) or not pattern.args or is_commutative(pattern.op):
        return None
    first = pattern.args[0]
    return first.op if isinstance(first, Apply) else None


def sum_laws() -> list[Rule]:
    """The laws of linear combinations."""
    return [r for r in RULES.values() if r.pattern is None and not r.roots]


def cone_laws() -> list[Rule]:
    """The laws of whole expressions, those that look through the fewest operations first."""
    return sorted((r for r in RULES.values() if r.roots), key=lambda r: len(r.roots))


def _root_of(r: Rule) -> Any:
    if isinstance(r.pattern, Apply):
        if r.pattern.op is None:
            raise ValueError(f"rule {r.name!r}: there is no operator {r.pattern.name!r}.")
        return r.pattern.op
    if isinstance(r.pattern, RandomPattern):
        return r.pattern.distribution
    if isinstance(r.pattern, Item):
        return ITEM
    if isinstance(r.pattern, Elementwise):
        return Elementwise
    raise ValueError(f"rule {r.name!r}: the left-hand side must be an operation.")
