"""What can be proved of a node's values: sign, bounds, realness, integrality.

A fact speaks of the exact value of an expression in extended real arithmetic, for all real (finite) values of the leaves; what a
float makes of it (``exp(-1000)`` is 0) does not count. Bounds and signs hold *where the value is not nan*; `defined` says that it
never is. So a rule that keeps nan as nan may rely on bounds alone, one that would remove a nan asks for `defined` or `real` too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from symjax.core._node import Bound, Constant
from symjax.tensor._wrap import OPERATORS

_INF = math.inf
_SCANNED = 200_000


class Fact(NamedTuple):
    """Bounds and properties of every element of a tensor.

    Attributes
    ----------
    lower, upper : float
        Bounds.
    lower_open, upper_open : bool
        Whether the bound itself is never attained; an open infinite bound says that values are finite on that side.
    nonzero : bool
        Whether 0 is never attained.
    integer : bool
        Whether values are whole numbers.
    defined : bool
        Whether the value is never nan.
    """

    lower: float = -_INF
    upper: float = _INF
    lower_open: bool = False
    upper_open: bool = False
    nonzero: bool = False
    integer: bool = False
    defined: bool = False

    @property
    def nonnegative(self) -> bool:
        return self.lower >= 0

    @property
    def nonpositive(self) -> bool:
        return self.upper <= 0

    @property
    def positive(self) -> bool:
        return self.lower > 0 or (self.lower == 0 and (self.lower_open or self.nonzero))

    @property
    def negative(self) -> bool:
        return self.upper < 0 or (self.upper == 0 and (self.upper_open or self.nonzero))

    @property
    def is_nonzero(self) -> bool:
        return self.nonzero or self.positive or self.negative

    @property
    def finite(self) -> bool:
        """Whether infinities are never attained."""
        low = self.lower > -_INF or self.lower_open
        return low and (self.upper < _INF or self.upper_open)

    @property
    def real(self) -> bool:
        """Whether the value is always a number, neither infinite nor nan."""
        return self.defined and self.finite


REAL = Fact(lower_open=True, upper_open=True, defined=True)
UNKNOWN = Fact()

FactRule = Callable[[Any, Sequence[Fact]], Fact]
#: Facts of an operation from those of its parents, by operator name; see `_fact_table`.
OPERATOR_FACTS: dict[str, FactRule] = {}
_KIND_FACTS: dict[Any, FactRule] = {}


def register_fact(kind: Any, rule: FactRule) -> None:
    """Teach facts of a kind of node.

    Parameters
    ----------
    kind : type or Operator
        A node class (its subclasses included) or one operator.
    rule : callable
        ``rule(node, facts_of_parents) -> Fact``.
    """
    _KIND_FACTS[kind] = rule


class Facts:
    """Facts of the nodes of a graph, each found once.

    Parameters
    ----------
    given : dict, optional
        Facts of leaves that the graph itself does not tell: those of an inner graph's arguments.
    """

    __slots__ = ("_known",)

    def __init__(self, given: dict[Any, Fact] | None = None):
        self._known: dict[Any, Fact] = dict(given or {})

    def __call__(self, node: Any) -> Fact:
        found = self._known.get(node)
        return found if found is not None else self._find(node)

    def _find(self, root: Any) -> Fact:
        known = self._known
        stack = [root]
        while stack:
            node = stack[-1]
            if node in known:
                stack.pop()
                continue
            missing = [p for p in node.parents if p not in known]
            if missing:
                stack.extend(missing)
                continue
            known[node] = _fact(node, [known[p] for p in node.parents])
            stack.pop()
        return known[root]


def _fact(node: Any, parents: Sequence[Fact]) -> Fact:
    if not hasattr(node, "dtype"):
        return UNKNOWN
    kind = node.dtype.kind
    if kind == "c":
        return UNKNOWN
    found = _found(node, parents)
    if _is_empty(found):
        return UNKNOWN
    if kind == "b":
        return found._replace(lower=max(found.lower, 0.0), upper=min(found.upper, 1.0), integer=True, defined=True)
    if kind in "iu":
        lower, open_lower = (0.0, False) if kind == "u" and found.lower < 0 else (found.lower, found.lower_open)
        return found._replace(
            lower=lower,
            lower_open=open_lower or lower == -_INF,
            upper_open=found.upper_open or found.upper == _INF,
            integer=True,
            defined=True,
        )
    return found


def _is_empty(found: Fact) -> bool:
    """Whether no number satisfies a fact, as for what is nan throughout; nothing should be concluded from that."""
    if found.lower == found.upper:
        return found.lower_open or found.upper_open or (found.lower == 0 and found.nonzero)
    return not found.lower < found.upper


def _found(node: Any, parents: Sequence[Fact]) -> Fact:
    if _KIND_FACTS:
        for kind in (node.op, *type(node).__mro__):
            if kind in _KIND_FACTS:
                return _KIND_FACTS[kind](node, parents)
    if isinstance(node, Constant):
        return _of_constant(node)
    if node.op is None:
        return UNKNOWN if isinstance(node, Bound) else REAL
    if node.token is not None:
        return REAL
    rule = OPERATOR_FACTS.get(node.op.name) if is_standard(node.op) else None
    return rule(node, parents) if rule is not None else UNKNOWN


def is_standard(op: Any) -> bool:
    """Whether an operator is the one that `symjax.tensor` registered under its name, and not a user's namesake."""
    return OPERATORS.get(op.name) is op


def _of_constant(node: Constant) -> Fact:
    array = np.asarray(node.value)
    if array.dtype.kind not in "biuf" or not 0 < array.size <= _SCANNED:
        return UNKNOWN
    if bool(np.isnan(array).any()):
        return UNKNOWN
    lower, upper = float(array.min()), float(array.max())
    integer = bool(np.all(array == np.floor(array))) if array.dtype.kind == "f" else True
    return Fact(lower, upper, False, False, bool(np.all(array != 0)), integer, True)
