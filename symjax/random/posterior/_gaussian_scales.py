"""Products of powers of scalar expressions: what the entries of a linear system with numeric structure are scaled by."""

from __future__ import annotations

from typing import Any

import symjax.tensor as T
from symjax.core._node import Constant
from symjax.core._traverse import toposort
from symjax.rewrite import Facts

#: A product of powers, as a set of pairs of a scalar expression and its exponent.
Scale = frozenset[tuple[Any, float]]
UNIT: Scale = frozenset()


def times(a: Scale, b: Scale) -> Scale:
    """The product; powers of one expression are merged."""
    if not a or not b:
        return a or b
    powers = dict(a)
    for atom, k in b:
        powers[atom] = powers.get(atom, 0) + k
    return frozenset((atom, k) for atom, k in powers.items() if k != 0)


def raised(a: Scale, exponent: float) -> Scale:
    """A power."""
    return frozenset((atom, k * exponent) for atom, k in a)


def as_tensor(a: Scale, number: float = 1.0) -> Any:
    """``number`` times the product, written as people write it: ``2 * a / b**2``."""
    above, below = [], []
    for atom, k in sorted(a, key=lambda pair: (pair[0].name, pair[1])):
        size = abs(k)
        power = atom if size == 1 else T.square(atom) if size == 2 else T.sqrt(atom) if size == 0.5 else atom**size
        (above if k > 0 else below).append(power)
    top = None
    for x in above:
        top = x if top is None else top * x
    if number != 1 or top is None:
        top = T.constant(float(number)) if top is None else number * top
    for x in below:
        top = top / x
    return top


def log_of(a: Scale) -> Any:
    """The logarithm of the product as a sum; 0.0 for the empty product."""
    total: Any = 0.0
    for atom, k in sorted(a, key=lambda pair: (pair[0].name, pair[1])):
        total = total + k * T.log(atom)
    return total


def is_positive(a: Scale, facts: Facts) -> bool:
    """Whether every factor is proved positive."""
    return all(facts(atom).positive for atom, _ in a)


class Interner:
    """Finds for each expression the first one seen that is the same computation."""

    def __init__(self) -> None:
        self._first: dict[Any, Any] = {}
        self._known: dict[Any, Any] = {}

    def __call__(self, root: Any) -> Any:
        for node in toposort([root], stop=self._known):
            if node in self._known:
                continue
            if isinstance(node, Constant):
                key: Any = ("constant", node.key)
            elif not node.parents:
                key = node
            else:
                key = (node.op, tuple(id(self._known[p]) for p in node.parents), node.params, node.token)
            self._known[node] = self._first.setdefault(key, node)
        return self._known[root]
