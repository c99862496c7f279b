"""The engine: bottom-up rewriting to a fixpoint, on interned nodes, without recursion.

One pass visits every node after its parents, rebuilds it on their replacements, and applies rules until none fires; what a rule
returns is reduced in the same way before it takes the node's place. Passes repeat until one fires nothing. The number of firings
is bounded, a firing that does not keep shape, dtype and weakness is adapted or refused, and the order is fixed by the graph, so
that the same graph always gives the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from symjax.core._gradient import CLOSED_DERIVATIVE
from symjax.core._inner import InnerGraph, inner_graphs, with_inner_graphs
from symjax.core._leaves import constant
from symjax.core._node import Constant, Tensor
from symjax.core._op import Aval
from symjax.core._shapes import is_static
from symjax.core._traverse import rebuild, toposort, transform
from symjax.rewrite._facts import Facts
from symjax.rewrite._folding import fold
from symjax.rewrite._pattern import Elementwise, Match, is_commutative
from symjax.rewrite._products import simplify_product
from symjax.rewrite._rule import Rule, rules_by_op
from symjax.rewrite._sums import simplify_sum
from symjax.rewrite._terms import is_factored, is_linear
from symjax.tensor._elementwise import cast
from symjax.tensor._shape_ops import broadcast_to

_MAX_PASSES = 20
_FIRINGS_PER_NODE = 20


class Firing(NamedTuple):
    """A rewrite that was done.

    Attributes
    ----------
    rule : str
        Name of the rule, or of the normal form.
    before, after : Tensor
        The node and what took its place.
    """

    rule: str
    before: Any
    after: Any


def fit(result: Any, node: Any) -> Any:
    """`result` with the shape, dtype and weakness of `node`, by a broadcast or cast if need be; None if that cannot be."""
    if not isinstance(result, Tensor):
        result = constant(result)
    if result.dtype != node.dtype or result.weak != node.weak:
        result = _with_dtype(result, node)
    if result is not None and result.shape != node.shape:
        if not is_static(node.shape) and result.shape != ():
            return None
        return broadcast_to(result, node.shape) if len(result.shape) <= len(node.shape) else None
    return result


def _with_dtype(result: Any, node: Any) -> Any:
    if isinstance(result, Constant) and result.shape == ():
        value = np.asarray(result.value)
        if value.dtype.kind == "c" or (value.dtype.kind == "f" and node.dtype.kind in "iub"):
            return None
        if node.weak:
            return Constant(value.astype(node.dtype).item(), Aval((), node.dtype, True))
        return constant(value, node.dtype)
    if node.weak or (result.dtype.kind != node.dtype.kind and not (result.dtype.kind in "biu" and node.dtype.kind == "f")):
        return None
    return cast(result, node.dtype)


class Engine:
    """Rewriting of one graph by the pointwise rules.

    Parameters
    ----------
    facts : Facts, optional
        What is known of the leaves.
    log : list of Firing, optional
        Where firings are recorded.

    Attributes
    ----------
    attempts : int
        Number of times that a rule was tried on a node.
    """

    def __init__(self, facts: Facts | None = None, log: list[Firing] | None = None):
        self.facts = facts or Facts()
        self.log: list[Firing] = [] if log is None else log
        self.attempts = 0
        self.products: dict[Any, Any] = {}
        self.inside_sum: set[Any] = set()
        self.inside_product: set[Any] = set()
        self._rules = rules_by_op("pointwise")
        self._interned: dict[Any, Any] = {}
        self._serials: dict[Any, int] = {}
        self._nodes: list[Any] = []
        self._bodies: dict[InnerGraph, InnerGraph] = {}
        self._uses: dict[Any, int] = {}
        self._memo: dict[Any, Any] = {}
        self._settled: set[Any] = set()
        self._budget = 0

    def run(self, roots: Sequence[Any]) -> list[Any]:
        """Equal roots, simplified; a root that is in normal form already is returned as it is."""
        # use counts mean something only once equal subexpressions are one node
        roots = transform(roots, lambda node, parents: self._intern(rebuild(node, parents)))
        for _ in range(_MAX_PASSES):
            fired = len(self.log)
            roots = self._pass(roots)
            if len(self.log) == fired:
                break
        return roots

    # What rules and normal forms ask ---------------------------------------------------------------------------------------

    def uses(self, node: Any) -> int:
        """Number of uses of a node, as far as this pass knows; a guide to cost and never to truth."""
        return self._uses.get(node, 1)

    def exclusive(self, node: Any) -> bool:
        """Whether a node has one use at most, so that it disappears when that use does."""
        return self._uses.get(node, 1) <= 1

    def serial(self, node: Any) -> int:
        """A number of a node that follows the order of the graph."""
        found = self._serials.get(node)
        if found is None:
            found = self._serials[node] = len(self._nodes)
            self._nodes.append(node)
        return found

    def node_of(self, serial: int) -> Any:
        """The node with a serial number."""
        return self._nodes[serial]

    # One pass --------------------------------------------------------------------------------------------------------------

    def _pass(self, roots: list[Any]) -> list[Any]:
        order = toposort(roots)
        self._budget = self._budget or 100 + _FIRINGS_PER_NODE * len(order)
        self._memo = {}
        self._count(order, roots)
        for root in roots:
            self._reduce(root)
        return [self._memo[r] for r in roots]

    def _count(self, order: list[Any], roots: list[Any]) -> None:
        uses: dict[Any, int] = {}
        user: dict[Any, Any] = {}
        for node in order:
            for p in node.parents:
                uses[p] = uses.get(p, 0) + 1
                user[p] = node
        for root in roots:
            uses[root] = uses.get(root, 0) + 2
        self._uses = uses
        single = [(p, n) for p, n in user.items() if uses[p] == 1 and hasattr(p, "dtype") and p.dtype == getattr(n, "dtype", None)]
        self.inside_sum = {p for p, n in single if is_linear(n)}
        self.inside_product = {p for p, n in single if is_factored(n)}

    def _reduce(self, root: Any) -> None:
        memo, waiting = self._memo, {}
        stack = [root]
        while stack:
            node = stack[-1]
            if node in memo:
                stack.pop()
                continue
            if node in waiting:
                # a replacement that needs its own original is no progress: the original stays
                built, target = waiting[node]
                memo[node] = memo[built] = memo.get(target, built)
                stack.pop()
                continue
            missing = [p for p in node.parents if p not in memo]
            if missing:
                stack.extend(reversed(missing))
                continue
            built = self._rebuilt(node)
            if built in memo:
                memo[node] = memo[built]
                continue
            target = self._step(built, node)
            if target is None:
                memo[node] = memo[built] = built
            else:
                waiting[node] = waiting[built] = (built, target)
                self._uses[target] = max(self._uses.get(target, 0), self._uses.get(node, 1))
                stack.append(target)

    def _rebuilt(self, node: Any) -> Any:
        parents = tuple(self._memo[p] for p in node.parents)
        bodies = inner_graphs(node) if node.op is not None and node.op.random else ()
        params = None
        if bodies:
            new = {k: self._body(g, node, parents) for k, g in bodies}
            params = with_inner_graphs(node, new) if any(new[k] is not g for k, g in bodies) else None
        built = self._intern(rebuild(node, parents, params=params))
        if built is not node:
            self._uses[built] = self._uses.get(built, 0) + self._uses.get(node, 1)
        return built

    def _intern(self, node: Any) -> Any:
        if node.op is None:
            key = node.key if isinstance(node, Constant) else None
            return node if key is None else self._interned.setdefault(key, node)
        ids = tuple(map(id, node.parents))
        if len(ids) == 2 and ids[0] > ids[1] and is_commutative(node.op):
            ids = ids[::-1]
        return self._interned.setdefault((node.op, ids, node.params, node.token), node)

    def _body(self, graph: InnerGraph, node: Any, parents: Sequence[Any]) -> InnerGraph:
        if graph not in self._bodies:
            given = {}
            if node.op is CLOSED_DERIVATIVE:
                given = {b: self.facts(p) for b, p in zip(graph.inputs, parents, strict=True)}
            inner = Engine(Facts(given), self.log)
            new = self._bodies[graph] = graph.map_outputs(inner.run)
            self._bodies[new] = new
            self.attempts += inner.attempts
        return self._bodies[graph]

    # One step --------------------------------------------------------------------------------------------------------------

    def _step(self, node: Any, original: Any) -> Any:
        if node.op is None or not isinstance(node, Tensor) or len(self.log) >= self._budget:
            return None
        settled = node in self._settled
        folded = None if settled else fold(node)
        if folded is not None:
            return self._accept("fold_constants", node, folded)
        for name, member, inside, simplify in (
            ("collect_terms", is_linear, self.inside_sum, simplify_sum),
            ("collect_factors", is_factored, self.inside_product, simplify_product),
        ):
            if member(node) and original not in inside and node not in inside:
                self.attempts += 1
                accepted = self._accept(name, node, simplify(self, node))
                if accepted is not None:
                    return accepted
        if settled:
            return None
        rules = self._rules.get(node.op, ())
        first = node.parents[0].op if node.parents else None
        for needed, rule in (*rules, *self._rules.get(Elementwise, ())) if node.op.elementwise else rules:
            if needed is not None and needed is not first:
                continue
            self.attempts += 1
            accepted = self._try(rule, node)
            if accepted is not None:
                return accepted
        self._settled.add(node)
        return None

    def _try(self, rule: Rule, node: Any) -> Any:
        for found in rule.pattern.matches(node, Match()):  # type: ignore[union-attr]
            if rule.holds(found.bindings, self.facts):
                accepted = self._accept(rule.name, node, rule.apply(found.bindings, node, self))
                if accepted is not None:
                    return accepted
        return None

    def _accept(self, rule: str, node: Any, result: Any) -> Any:
        if result is None:
            return None
        result = fit(result, node)
        if result is None or result is node:
            return None
        self.log.append(Firing(rule, node, result))
        return result
