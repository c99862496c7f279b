"""Law rules: rewrites that keep the joint law of the roots, with the side conditions that make them so.

The conditions are checked here, for every rule, so that the author of a rule cannot forget one:

1. the draws that a rule absorbs have distinct tokens;
2. every use of an absorbed draw, counted by token over the cone of all roots, lies inside the matched pattern;
3. no absorbed draw is a root or to be kept, none is drawn in the body of a loop or derivative, none has a seed of its own;
4. no draw is repeated by broadcasting on its way to the root of the pattern, unless the rule is one of cones, which says how;
5. so nothing outside the pattern, the parameters and coefficients included, depends on an absorbed draw; dtypes agree;
6. the result is a fresh draw.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from symjax.core._inner import inner_graphs, tokens_of
from symjax.core._node import Constant, RandomOp, Tensor, Token
from symjax.core._traverse import make, rebuild, substitute, toposort
from symjax.rewrite._engine import Firing
from symjax.rewrite._facts import Facts
from symjax.rewrite._pattern import Match
from symjax.rewrite._rule import Absorbed, Rule, cone_laws, rules_by_op, sum_laws
from symjax.rewrite._terms import call, op_name

_REDUCTIONS = frozenset(("sum", "mean", "prod", "max", "min"))
_LINEAR = ("add", "subtract", "negative", "multiply", "divide")
#: Parts of an expression at which a law of cones is tried where it does not fit the whole.
_CONE_ATTEMPTS = 24


class LawPass:
    """One bottom-up pass of the law rules over the cone of `roots`.

    Parameters
    ----------
    roots : sequence of Tensor
        Everything whose joint law must stay.
    keep : sequence of Tensor
        Draws that must not be absorbed: observed, valued or named ones.
    log : list of Firing
        Where firings are recorded.
    """

    def __init__(self, roots: Sequence[Any], keep: Sequence[Any], log: list[Firing]):
        self.roots = list(roots)
        self.log = log
        self.facts = Facts()
        self._order = toposort([*roots, *keep])
        self._rules = rules_by_op("law")
        self._sum_laws = sum_laws()
        self._cone_laws = cone_laws()
        self._origin: dict[Any, Any] = {}
        self._touched: set[Any] = set()
        self._uses: dict[Any, int] = {}
        self._user: dict[Any, Any] = {}
        self._random: set[Any] = set()
        self._seen = set(self._order)
        self._copies: dict[Any, int] = {}
        self._count()
        self._kept = {self._key(n) for n in keep}
        for node in self._order:
            for _, graph in inner_graphs(node) if node.op is not None else ():
                self._kept.update(tokens_of(graph.outputs))
        self._blocked = {*self._kept, *(self._key(n) for n in self.roots)}

    def _count(self) -> None:
        for node in self._order:
            if isinstance(node, RandomOp) or any(p in self._random for p in node.parents):
                self._random.add(node)
            if isinstance(node, RandomOp):
                self._copies[node.token] = self._copies.get(node.token, 0) + 1
            for p in node.parents:
                key = self._key(p)
                self._uses[key] = self._uses.get(key, 0) + 1
                self._user[key] = node

    def _key(self, node: Any) -> Any:
        """What uses are counted by: the token of a draw, other nodes themselves, as they were before this pass."""
        node = self._origin.get(node, node)
        return node.token if isinstance(node, RandomOp) else node

    def run(self) -> list[Any]:
        """The roots after the pass."""
        new: dict[Any, Any] = {}
        for node in self._order:
            built = rebuild(node, [new[p] for p in node.parents])
            self._link(built, node)
            if node in self._random and isinstance(node, Tensor) and node.op is not None:
                result = self._try(built)
                if result is not None:
                    self._link(result, node)
                    built = result
            new[node] = built
        return [new[r] for r in self.roots]

    def _link(self, new: Any, old: Any) -> None:
        if new is not old:
            self._origin[new] = self._origin.get(old, old)
            for n in toposort([new], stop=self._seen):
                if n not in self._seen and (isinstance(n, RandomOp) or any(p in self._random for p in n.parents)):
                    self._random.add(n)
                self._seen.add(n)
            if old in self._random:
                self._random.add(new)

    def _try(self, node: Any) -> Any:
        found = self._try_sum(node) if self._sum_laws and self._is_sum_root(node) else None
        if found is not None:
            return found
        for kind in (node.op, getattr(node.op, "distribution", None)):
            for _, rule in self._rules.get(kind, ()):
                for match in rule.pattern.matches(node, Match()):  # type: ignore[union-attr]
                    if not match.draws or not self._allows(node, match) or not rule.holds(match.bindings, self.facts):
                        continue
                    result = self._accept(rule, node, rule.apply(match.bindings, node, self))
                    if result is not None:
                        return result
        return self._try_cones(node)

    # Side conditions -------------------------------------------------------------------------------------------------------

    def _free(self, draw: Any) -> bool:
        """Whether a draw may be absorbed at all: conditions 3."""
        return draw.token.seed is None and self._key(draw) not in self._blocked and draw not in self._touched

    def _allows(self, root: Any, match: Match) -> bool:
        draws = match.draws
        if len({d.token for d in draws}) < len(draws) or not all(self._free(d) and d.dtype == root.dtype for d in draws):
            return False
        members = {*match.inner, *draws}
        if members == {root}:
            return False
        inside: dict[Any, int] = {}
        for node in members:
            for p in node.parents:
                if p in members:
                    if not _keeps_elements(node, p):
                        return False
                    inside[self._key(p)] = inside.get(self._key(p), 0) + 1
        return all(
            n not in self._touched and inside.get(self._key(n), 0) == self._uses.get(self._key(n), 0)
            for n in members
            if n is not root
        )

    def _accept(self, rule: Rule, root: Any, result: Any, absorbed: frozenset[Any] = frozenset()) -> Any:
        result = self._fresh(root, result)
        if result is None or not absorbed.isdisjoint(self._untouched_below(result)):
            return None
        self._touch(result)
        self.log.append(Firing(rule.name, root, result))
        return result

    def _fresh(self, root: Any, result: Any) -> Any:
        """The result with the root's shape, as a fresh draw; None if it is of another type."""
        if not isinstance(result, Tensor) or result is root or result.dtype != root.dtype:
            return None
        if isinstance(result, RandomOp) and result.shape != root.shape:
            params = {**result.settings, "shape": root.shape, "dtype": root.dtype}
            return make(result.op, result.parents, params, token=Token(), kind=type(result))  # type: ignore[arg-type]
        return result if result.shape == root.shape else None

    def _untouched_below(self, result: Any) -> set[Any]:
        found: set[Any] = set()
        stack = list(result.parents)
        while stack:
            node = stack.pop()
            if node not in self._touched and node not in found:
                found.add(node)
                stack.extend(node.parents)
        return found

    def _touch(self, result: Any) -> None:
        """Mark what a result depends on: its uses are no longer what was counted, so other rules leave it alone in this pass."""
        self._touched |= self._untouched_below(result)

    # Whole expressions -----------------------------------------------------------------------------------------------------

    def is_random(self, node: Any) -> bool:
        """Whether a node depends on a draw."""
        return node in self._random

    def feeds_draw(self, node: Any) -> bool:
        """Whether a draw's parameter is made of a node, by operations that nothing else uses."""
        user = self._user.get(self._key(node))
        while user is not None and not isinstance(user, RandomOp):
            user = self._user.get(self._key(user)) if self._uses.get(self._key(user), 0) == 1 else None
        return user is not None

    def absorbable(self, root: Any, members: Iterable[Any]) -> set[Any]:
        """The largest part of `members`, nodes below `root`, that may vanish with it; see `absorbable_below`."""
        members = set(members)
        return self.absorbable_below(root, lambda node: [p for p in node.parents if p in members])

    def absorbable_below(self, root: Any, operands: Callable[[Any], Iterable[Any]]) -> set[Any]:
        """What is below `root` and may vanish with it: conditions 1, 2 and 3.

        ``operands(node)`` gives the parents of a node that a rule can look through, once per use. A node is in the answer only if
        all that uses it, up to the root, is, and looks through it.
        """
        found: set[Any] = set()
        inside: dict[Any, int] = {}
        stack = [root]
        while stack:
            for p in operands(stack.pop()):
                inside[p] = inside.get(p, 0) + 1
                if inside[p] == self._uses.get(self._key(p), 0) and self._may_vanish(p):
                    found.add(p)
                    stack.append(p)
        return found

    def _may_vanish(self, node: Any) -> bool:
        if node in self._touched or self._key(node) in self._blocked:
            return False
        return not isinstance(node, RandomOp) or self._is_one(node.token)

    def _is_one(self, token: Any) -> bool:
        """Whether a draw has no seed of its own and stands in one place."""
        return token.seed is None and self._copies.get(token, 1) == 1

    def _is_closed(self, root: Any, members: frozenset[Any]) -> bool:
        """Whether nothing else uses the members."""
        inside: dict[Any, int] = {}
        for node in (*members, root):
            for p in node.parents:
                inside[p] = inside.get(p, 0) + 1
        return all(self._may_vanish(n) and inside.get(n, 0) == self._uses.get(self._key(n), 0) for n in members)

    def _is_cone_root(self, node: Any, rule: Rule) -> bool:
        if op_name(node) not in rule.roots and not self._is_replaceable(node):
            return False
        key = self._key(node)
        user = self._user.get(key)
        if user is None or self._uses.get(key, 0) > 1 or key in self._blocked or user.dtype != node.dtype:
            return True
        # within the cone of its only user it is seen from there
        return op_name(user) not in rule.roots and not (isinstance(user, RandomOp) and any(p in self._random for p in user.parents))

    def _is_replaceable(self, node: Any) -> bool:
        """Whether a draw whose parameters are random may itself become another one."""
        if not isinstance(node, RandomOp) or node in self._touched or not any(p in self._random for p in node.parents):
            return False
        return node.token not in self._kept and self._is_one(node.token)

    def _try_cones(self, root: Any) -> Any:
        for rule in self._cone_laws:
            if not self._is_cone_root(root, rule):
                continue
            waiting, seen = [root], {root}
            for node in itertools.islice(_drain(waiting), _CONE_ATTEMPTS):
                result = self._replaced(rule, node)
                if result is not None:
                    return result if node is root else substitute([root], {node: result})[0]
                for p in node.parents:
                    if p in self._random and p not in seen and (op_name(p) in rule.roots or self._is_replaceable(p)):
                        seen.add(p)
                        waiting.append(p)
        return None

    def _replaced(self, rule: Rule, node: Any) -> Any:
        if node in self._touched:
            return None
        answer = rule.build(node, self)
        if answer is None or not self._is_closed(node, answer.members):
            return None
        return self._accept(rule, node, answer.result, answer.members)

    # Linear combinations ---------------------------------------------------------------------------------------------------

    def _is_sum_root(self, node: Any) -> bool:
        if op_name(node) not in _LINEAR or node.dtype.kind not in "fi":
            return False
        key = self._key(node)
        user = self._user.get(key)
        alone = self._uses.get(key, 0) == 1 and key not in self._blocked
        if user is None:
            return True
        if not (alone and op_name(user) in _LINEAR and user.shape == node.shape and user.dtype == node.dtype):
            return True
        # a divisor, and a factor of what is random too, is no part of the sum that its user is in
        return not any(self._key(p) is key for p, _ in self._parts(user) or ())

    def _try_sum(self, root: Any) -> Any:
        terms, counts = self._terms(root)
        # what may not be absorbed is not offered, so that it does not keep a rule from merging the rest
        offered = {n: k for n, k in terms.items() if not isinstance(n, RandomOp) or self._may_absorb(root, n, counts[n])}
        if not any(d in offered for d in counts):
            return None
        for rule in self._sum_laws:
            answer = rule.build(dict(offered), root)
            if answer is None or not self._allows_terms(answer, offered):
                continue
            result = self._fresh(root, answer.result)
            if result is None:
                continue
            absorbed = set(answer.terms)
            for node, coefficient in terms.items():
                if node not in absorbed:
                    result = call("add", result, _scaled(coefficient, node))
            if result.shape != root.shape or result.dtype != root.dtype:
                continue
            self._touch(result)
            self.log.append(Firing(rule.name, root, result))
            return result
        return None

    def _may_absorb(self, root: Any, draw: Any, count: int) -> bool:
        """Whether a draw that occurs `count` times in the sum at `root` is used nowhere else and fits: conditions 2 to 5."""
        alone = self._free(draw) and self._uses.get(self._key(draw), 0) == count
        return alone and draw.shape == root.shape and draw.dtype == root.dtype

    def _allows_terms(self, answer: Absorbed, offered: dict[Any, Any]) -> bool:
        draws = [t for t in answer.terms if isinstance(t, RandomOp)]
        if not draws or not all(t in offered for t in answer.terms) or len({d.token for d in draws}) < len(draws):
            return False
        trivial = len(answer.terms) == 1 and not isinstance(offered[draws[0]], Tensor) and offered[draws[0]] == 1
        return not trivial

    def _terms(self, root: Any) -> tuple[dict[Any, Any], dict[Any, int]]:
        """`root` as ``{node: coefficient}``, and how often each draw occurs in it.

        Sums that are used elsewhere, or have another shape, are terms; so every path from the root to a draw keeps its elements.
        """
        terms: dict[Any, Any] = {}
        counts: dict[Any, int] = {}
        stack: list[tuple[Any, Any]] = [(root, 1)]
        while stack:
            node, k = stack.pop()
            parts = self._parts(node) if node is root or self._is_inner(node, root) else None
            if parts is not None:
                stack.extend((p, _times(k, c)) for p, c in reversed(parts))
                continue
            if isinstance(node, RandomOp):
                counts[node] = counts.get(node, 0) + 1
            elif isinstance(node, Constant) and (isinstance(k, Tensor) or k != 1):
                node, k = call("multiply", k, node), 1
            terms[node] = _plus(terms[node], k) if node in terms else k
        return terms, counts

    def _is_inner(self, node: Any, root: Any) -> bool:
        key = self._key(node)
        return (
            self._uses.get(key, 0) == 1
            and key not in self._blocked
            and node not in self._touched
            and node.shape == root.shape
            and node.dtype == root.dtype
        )

    def _parts(self, node: Any) -> list[tuple[Any, Any]] | None:
        """The summands of one operation with their coefficients, or None if it is to be a term."""
        name = op_name(node)
        if name == "add":
            return [(p, 1) for p in node.parents]
        if name == "subtract":
            return [(node.parents[0], 1), (node.parents[1], -1)]
        if name == "negative":
            return [(node.parents[0], -1)]
        if name == "divide" and node.parents[1] not in self._random:
            return [(node.parents[0], call("divide", 1.0, node.parents[1]))]
        if name == "multiply":
            a, b = node.parents
            if a not in self._random:
                return [(b, a)]
            if b not in self._random:
                return [(a, b)]
            if isinstance(a, RandomOp) != isinstance(b, RandomOp):
                return [(a, b)] if isinstance(a, RandomOp) else [(b, a)]
        return None


def _drain(queue: list[Any]) -> Iterator[Any]:
    """The members of a queue, those that are added on the way included."""
    i = 0
    while i < len(queue):
        yield queue[i]
        i += 1


def _keeps_elements(node: Any, parent: Any) -> bool:
    """Whether no element of `parent` is repeated in `node`."""
    if node.op.elementwise or isinstance(node, RandomOp):
        return node.shape == parent.shape
    return op_name(node) in _REDUCTIONS


def _times(a: Any, b: Any) -> Any:
    if not isinstance(a, Tensor) and a == 1:
        return b
    if not isinstance(b, Tensor) and b == 1:
        return a
    return call("multiply", a, b) if isinstance(a, Tensor) or isinstance(b, Tensor) else a * b


def _plus(a: Any, b: Any) -> Any:
    return call("add", a, b) if isinstance(a, Tensor) or isinstance(b, Tensor) else a + b


def _scaled(coefficient: Any, node: Any) -> Any:
    return node if not isinstance(coefficient, Tensor) and coefficient == 1 else call("multiply", coefficient, node)
