"""The normal form of products: ``coefficient · {base: exponent}``, exponentials collected into one.

Powers of a base are merged only where that neither removes nor adds a point at which the product is undefined: exponents of both
signs need a base that is never zero, a fractional exponent that disappears needs one that is never negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from symjax.core._leaves import constant
from symjax.rewrite._terms import Counter, Maker, call, finite_value, is_factored, is_scalar, number, op_name, weight

_EXP_COST, _POWER_COST, _SQRT_COST = 20, 20, 6
_MAX_FACTORS = 12


def peel(node: Any) -> tuple[Any, float]:
    """Base and exponent of a power with a constant exponent; a node is its own first power."""
    name = op_name(node)
    if name == "square":
        return node.parents[0], 2
    if name == "sqrt":
        return node.parents[0], 0.5
    if name == "power":
        k = finite_value(node.parents[1])
        if k is not None and k != 0 and node.parents[0].dtype == node.dtype:
            return node.parents[0], number(k)
    return node, 1


def product_form(engine: Any, node: Any) -> tuple[Any, Any]:
    """Number and key of a product: two nodes with one key differ by their numbers only.

    The key is a serial number of a node, or a tuple of (serial number of a base, exponent).
    """
    if not is_factored(node) or node.dtype.kind not in "fi":
        base, power = peel(node)
        return 1, (engine.serial(base) if power == 1 else ((engine.serial(base), power),))
    known = engine.products.get(node)
    if known is None:
        known = engine.products[node] = _find_form(engine, node)
    return known


def _find_form(engine: Any, root: Any) -> tuple[Any, Any]:
    coefficient: Any = 1
    factors: list[tuple[int, float]] = []
    stack = [(root, 1)]
    while stack:
        node, e = stack.pop()
        k = finite_value(node)
        if k is not None and (e > 0 or k != 0):
            coefficient = coefficient * k if e > 0 else coefficient / k
            continue
        if node.dtype != root.dtype or len(factors) + len(stack) > _MAX_FACTORS:
            return 1, engine.serial(root)
        name = op_name(node)
        if name == "multiply":
            stack += [(p, e) for p in node.parents]
        elif name == "divide":
            stack += [(node.parents[0], e), (node.parents[1], -e)]
        elif name == "negative":
            coefficient = -coefficient
            stack.append((node.parents[0], e))
        elif name == "reciprocal":
            stack.append((node.parents[0], -e))
        else:
            base, power = peel(node)
            factors.append((engine.serial(base), power * e))
    if len(factors) == 1 and factors[0][1] == 1:
        return coefficient, factors[0][0]
    return coefficient, tuple(sorted(factors))


def without_number(engine: Any, key: Any) -> Any:
    """The product that a key of `product_form` stands for, without its number."""
    factors = key if isinstance(key, tuple) else ((key, 1),)
    made = [(e > 0, power_of(engine.node_of(i), abs(e)), False) for i, e in factors]
    return _assemble(Maker(), made, 1)


@dataclass(slots=True)
class _Product:
    """A product as read."""

    coefficient: Any = 1
    powers: dict[Any, list[tuple[float, Any, int]]] = field(default_factory=dict)
    exponentials: list[tuple[float, Any, int]] = field(default_factory=list)
    cost: int = 0
    steps: int = 0
    zero: bool = False


@dataclass(slots=True)
class _Factor:
    """A factor to be written: above or below the bar, what it costs to make and how."""

    above: bool
    scalar: bool
    cost: int
    make: Any


def _read(engine: Any, root: Any) -> _Product | None:
    product = _Product()
    stack = [(root, 1)]
    while stack:
        node, e = stack.pop()
        k = finite_value(node)
        if k is not None:
            if k == 0 and e < 0:
                return None
            product.zero = product.zero or k == 0
            product.coefficient = product.coefficient * k if e > 0 else product.coefficient / k
            continue
        if node.dtype != root.dtype:
            return None
        own = node is root or engine.exclusive(node)
        name = op_name(node)
        if own and is_factored(node):
            product.cost += weight(node)
            product.steps += 1
            if name == "negative":
                product.coefficient = -product.coefficient
            first = -e if name == "reciprocal" else e
            if len(node.parents) == 2:
                stack.append((node.parents[1], -e if name == "divide" else e))
            stack.append((node.parents[0], first))
            continue
        base, power = peel(node)
        if op_name(base) == "exp":
            product.exponentials.append((power * e, node, e))
        else:
            product.powers.setdefault(base, []).append((power * e, node, e))
    return product


def _may_merge(fact: Any, exponents: list[float]) -> bool:
    total = sum(exponents)
    if any(e > 0 for e in exponents) and any(e < 0 for e in exponents):
        if not (fact.is_nonzero and fact.finite):
            return False
    if total == 0 and not fact.defined:
        return False
    fractional = any(e != int(e) for e in exponents)
    return not (fractional and total == int(total)) or fact.nonnegative


def _power_cost(exponent: float) -> int:
    size = abs(exponent)
    if size == 0.5:
        return _SQRT_COST
    if size != int(size) or size > 64:
        return _POWER_COST
    # by repeated squaring
    return int(size).bit_length() + int(size).bit_count() - 2 if size else 0


def power_of(base: Any, exponent: float) -> Any:
    """``base ** exponent`` as people write it."""
    if exponent == 1:
        return base
    if exponent in (2, 0.5):
        return call("square" if exponent == 2 else "sqrt", base)
    return call("power", base, number(exponent))


def _freed(engine: Any, uses: list[tuple[float, Any, int]]) -> list[tuple[float, Any]]:
    """The nodes among the factors that are used nowhere else, each once, with the exponents that they stand for."""
    counts: dict[Any, int] = {}
    exponents = {}
    for power, node, _ in uses:
        counts[node] = counts.get(node, 0) + 1
        exponents[node] = power
    return [(exponents[n], n) for n, c in counts.items() if engine.uses(n) <= c]


def _factors(engine: Any, product: _Product) -> tuple[list[_Factor], int, bool]:
    """Factors to write, what the merged ones cost until now, and whether any were merged."""
    factors: list[_Factor] = []
    before, merged = 0, False
    for base, uses in product.powers.items():
        exponents = [p for p, _, _ in uses]
        w = weight(base)
        if len(uses) > 1 and _may_merge(engine.facts(base), exponents):
            merged = True
            total = sum(exponents)
            before += sum(w * _power_cost(p) for p, n in _freed(engine, uses) if n is not base)
            if total != 0:
                size = abs(number(total))
                make = lambda b=base, s=size: power_of(b, s)  # noqa: E731
                factors.append(_Factor(total > 0, is_scalar(base), w * _power_cost(total), make))
        else:
            factors += [_Factor(e > 0, is_scalar(n), 0, lambda n=n: n) for _, n, e in uses]
    joined = product.exponentials
    if len(joined) > 1 or (joined and joined[0][0] not in (1, -1, 2, -2)):
        merged = True
        for power, node in _freed(engine, joined):
            base = peel(node)[0]
            own = node is base or engine.exclusive(base)
            before += weight(node) * ((_EXP_COST if own else 0) + (0 if node is base else _power_cost(power)))
        w = max(weight(n) for _, n, _ in joined)
        cost = w * (_EXP_COST + len(joined) - 1 + sum(p not in (1, -1) for p, _, _ in joined))
        make = lambda: _joined_exponential(joined)  # noqa: E731
        factors.append(_Factor(True, all(is_scalar(n) for _, n, _ in joined), cost, make))
    else:
        factors += [_Factor(e > 0, is_scalar(n), 0, lambda n=n: n) for _, n, e in joined]
    return factors, before, merged


def _joined_exponential(parts: list[tuple[float, Any, int]]) -> Any:
    total: Any = None
    for power, node, _ in parts:
        argument = peel(node)[0].parents[0]
        size = abs(power)
        argument = argument if size == 1 else call("multiply", number(size), argument)
        if total is None:
            total = argument if power > 0 else call("negative", argument)
        else:
            total = call("add" if power > 0 else "subtract", total, argument)
    return call("exp", total)


def simplify_product(engine: Any, root: Any) -> Any:
    """A shorter form of a product, or None."""
    if root.weak or root.dtype.kind != "f":
        return None
    product = _read(engine, root)
    if product is None:
        return None
    if not math.isfinite(product.coefficient):
        return None
    if product.coefficient == 0:
        return constant(0.0) if product.zero and _vanishes(engine, product) else None
    factors, before, merged = _factors(engine, product)
    counter = Counter()
    scalar_root = is_scalar(root)
    _assemble(counter, [(f.above, scalar_root or f.scalar, scalar_root or f.scalar) for f in factors], product.coefficient)
    after = counter.cost + sum(f.cost for f in factors)
    before += product.cost
    # moving factors about is no gain: it can overflow where the order as written does not
    if not (merged and after <= before) and not (after < before and counter.steps < product.steps):
        return None
    maker = Maker()
    flags = [scalar_root or f.scalar for f in factors]
    result = _assemble(maker, [(f.above, f.make(), s) for f, s in zip(factors, flags, strict=True)], product.coefficient)
    engine.inside_product.update(n for n in maker.made if n is not result)
    return result


def _vanishes(engine: Any, product: _Product) -> bool:
    """Whether zero times the factors is zero: each is a real number for all real leaves."""
    uses = [u for group in product.powers.values() for u in group] + product.exponentials
    facts = [(engine.facts(n), e) for _, n, e in uses]
    return all(f.real and (e > 0 or f.is_nonzero) for f, e in facts)


def _assemble(build: Any, factors: list[tuple[bool, Any, bool]], coefficient: Any) -> Any:
    """Write out a product: scalars first, one division, the number last or with the scalars."""
    above = [[x for up, x, s in factors if up and s == scalar] for scalar in (True, False)]
    below = [[x for up, x, s in factors if not up and s == scalar] for scalar in (True, False)]
    scalars, arrays = above
    if scalars and below[0] and (arrays or below[1]):
        scalars, below[0] = [build.divide(_product(build, scalars), _product(build, below[0]))], []
    if scalars and arrays and coefficient != 1:
        scalar = _product(build, scalars)
        scalars = [build.negative(scalar) if coefficient == -1 else build.scale(coefficient, scalar)]
        coefficient = 1
    top = _product(build, ([_product(build, scalars)] if scalars else []) + arrays)
    bottom = _product(build, ([_product(build, below[0])] if below[0] else []) + below[1])
    if top is None:
        value = build.constant(coefficient)
        return value if bottom is None else build.divide(value, bottom)
    result = top if bottom is None else build.divide(top, bottom)
    if coefficient == 1:
        return result
    return build.negative(result) if coefficient == -1 else build.scale(coefficient, result)


def _product(build: Any, factors: list[Any]) -> Any:
    total = None
    for x in factors:
        total = x if total is None else build.multiply(total, x)
    return total
