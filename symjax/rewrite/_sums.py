"""The normal form of sums: ``{term: coefficient} + constant``.

A maximal region of additions, subtractions, negations and multiplications by numbers is read as one linear combination, like terms
are collected, and the combination is written out again only if that takes fewer operations or fewer terms. A sum that is as short
as it can be is left alone, the node itself included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from symjax.rewrite._products import product_form, without_number
from symjax.rewrite._terms import Counter, Maker, finite_value, is_scalar, op_name, split_scale, weight

_SHARED_BUDGET = 8


@dataclass(slots=True)
class Term:
    """Summands that differ by a number only: ``(node, multiplier, number that the node holds itself)`` each."""

    coefficient: Any = 0
    parts: list[tuple[Any, Any, Any]] = field(default_factory=list)


@dataclass(slots=True)
class LinearForm:
    """A sum as read: its terms, constant, the operations it takes now, and whether shared sums were met on the way."""

    terms: dict[Any, Term] = field(default_factory=dict)
    constant: Any = 0
    constants: int = 0
    cost: int = 0
    shared: bool = False


def linear_form(engine: Any, root: Any, through_shared: bool = False) -> LinearForm | None:
    """`root` as a linear combination; None where types are mixed.

    Sums that are used elsewhere too are terms, unless `through_shared`, which opens a few of them.
    """
    form = LinearForm()
    budget = _SHARED_BUDGET if through_shared else 0
    stack = [(root, 1, True)]
    while stack:
        node, k, owned = stack.pop()
        if node.dtype != root.dtype:
            value = finite_value(node)
            if value is None or not node.weak:
                return None
            form.constant, form.constants = form.constant + k * value, form.constants + 1
            continue
        own = owned and (node is root or engine.exclusive(node))
        name = op_name(node)
        scaled = split_scale(node) if name in ("multiply", "divide", "negative") else None
        if name not in ("add", "subtract") and scaled is None:
            _add_term(engine, form, node, k)
            continue
        if not own:
            form.shared = True
            if not budget:
                _add_term(engine, form, node, k)
                continue
            budget -= 1
        form.cost += weight(node) if own else 0
        if scaled is not None:
            stack.append((scaled[1], k * scaled[0], own))
        else:
            a, b = node.parents
            stack += [(b, k if name == "add" else -k, own), (a, k, own)]
    return form


def _add_term(engine: Any, form: LinearForm, node: Any, k: Any) -> None:
    value = finite_value(node)
    if value is not None:
        form.constant += k * value
        form.constants += 1
        return
    inner, key = product_form(engine, node)
    term = form.terms.setdefault(key, Term())
    term.coefficient += k * inner
    term.parts.append((node, k, inner))


@dataclass(slots=True)
class _Plan:
    """What to write out: summands with their numbers, those of them whose product must first be made, and their cost."""

    items: list[tuple[Any, Any]] = field(default_factory=list)
    extra: int = 0
    before: int = 0
    merged: bool = False


def _plan(engine: Any, form: LinearForm) -> _Plan:
    plan = _Plan(before=form.cost, merged=form.constants > 1 or (form.constants == 1 and form.constant == 0))
    for key, term in form.terms.items():
        nodes = [n for n, _, _ in term.parts]
        if not _may_merge(engine, term):
            plan.items += [(k, n) for n, k, _ in term.parts]
        elif term.coefficient == 0:
            plan.merged = True
            plan.before += sum(_product_cost(n, key) for n in nodes if engine.exclusive(n))
        elif len(term.parts) == 1:
            plan.items.append((term.parts[0][1], nodes[0]))
        else:
            plan.merged = True
            plain = next((n for n, _, inner in term.parts if inner == 1), None)
            if plain is None:
                plain = without_number(engine, key)
                plan.extra += _product_cost(plain, key)
            plan.before += sum(_product_cost(n, key) for n in nodes if n is not plain and engine.exclusive(n))
            plan.items.append((term.coefficient, plain))
    return plan


def _may_merge(engine: Any, term: Term) -> bool:
    """Whether like terms may be added up: infinities of opposite signs are nan, so they must be excluded where signs differ."""
    facts = [engine.facts(n) for n, _, _ in term.parts]
    if term.coefficient == 0:
        return all(f.real for f in facts)
    signs = {k * inner > 0 for _, k, inner in term.parts}
    return len(signs) == 1 or all(f.finite for f in facts)


def _product_cost(node: Any, key: Any) -> int:
    return weight(node) * (len(key) - 1) if isinstance(key, tuple) else 0


def simplify_sum(engine: Any, root: Any) -> Any:
    """A shorter form of a sum, or None."""
    if root.weak or root.dtype.kind not in "fi":
        return None
    for through_shared in (False, True):
        form = linear_form(engine, root, through_shared)
        if form is None:
            return None
        if not all(math.isfinite(k) for k in (form.constant, *(t.coefficient for t in form.terms.values()))):
            return None
        plan = _plan(engine, form)
        counter = Counter()
        scalar_root = is_scalar(root)
        flags = [(k, scalar_root or is_scalar(n)) for k, n in plan.items]
        _assemble(counter, [(k, s, s) for k, s in flags], form.constant)
        after = counter.cost + plan.extra
        if after < plan.before or (plan.merged and after <= plan.before and (not through_shared or after < plan.before)):
            maker = Maker()
            items = [(k, n, s) for (k, n), (_, s) in zip(plan.items, flags, strict=True)]
            result = _assemble(maker, items, form.constant)
            engine.inside_sum.update(n for n in maker.made if n is not result)
            return result
        if not form.shared:
            return None
    return None


def _assemble(build: Any, items: list[tuple[Any, Any, bool]], constant: Any) -> Any:
    """Write out ``Σ k·x + constant`` in few operations: scalars first, equal numbers factored out, no leading negation."""
    parts = []
    for scalar in (False, True):
        groups: dict[Any, list[tuple[int, Any, Any]]] = {}
        for k, x, is_single in items:
            if is_single == scalar:
                groups.setdefault(abs(k), []).append((1 if k > 0 else -1, 1, x))
        scaled = []
        for size, members in groups.items():
            sign, inner, x = _combine(build, members)
            scaled.append((sign, size * inner, x))
        if scalar and constant != 0:
            scaled.append((1 if constant > 0 else -1, 1, build.constant(abs(constant))))
        if scaled:
            parts.append(_combine(build, scaled))
    if not parts:
        return build.constant(constant)
    sign, size, x = _combine(build, parts)
    if size == 1:
        return x if sign > 0 else build.negative(x)
    return build.scale(sign * size, x)


def _combine(build: Any, parts: list[tuple[int, Any, Any]]) -> tuple[int, Any, Any]:
    """The sum of ``sign · size · x``, as one such part."""
    if len(parts) == 1:
        return parts[0]
    first = next((i for i, (sign, _, _) in enumerate(parts) if sign > 0), None)
    if first is None:
        first = next((i for i, (_, size, _) in enumerate(parts) if size != 1), None)
        if first is not None:
            sign, size, x = parts[first]
            parts = [*parts[:first], (1, -size, x), *parts[first + 1 :]]
    total_sign = 1 if first is not None else -1
    order = parts if first is None else [parts[first], *parts[:first], *parts[first + 1 :]]
    total = None
    for sign, size, x in order:
        x = x if size == 1 else build.scale(size, x)
        if total is None:
            total = x
        else:
            total = build.add(total, x) if sign == total_sign else build.subtract(total, x)
    return total_sign, 1, total
