"""What supports prove: bounds, signs and integrality of draws, and conditions inside densities that need no check."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from symjax.core._leaves import as_tensor
from symjax.core._node import Constant
from symjax.core._scope import detached
from symjax.random._distribution import REQUIRE, Distribution, require
from symjax.random._draw import RandomVariable
from symjax.rewrite import UNKNOWN, Fact, Facts, p, register_fact, rule, variables
from symjax.tensor._wrap import register


def fact_of_draw(node: Any, parents: Sequence[Fact]) -> Fact:
    """Facts of a random variable: the bounds of its support, which a continuous law never attains."""
    law = node.distribution
    if type(law).support is Distribution.support:
        return UNKNOWN
    with detached():
        support = law.support(*node.parents)
    known = dict(zip(node.parents, parents, strict=True))
    lower, upper = -math.inf, math.inf
    if support.kind in ("interval", "integers"):
        lower = _bound(support.lower, known, "lower", lower)
        upper = _bound(support.upper, known, "upper", upper)
    elif support.kind == "simplex":
        lower, upper = 0.0, 1.0
    elif support.kind not in ("real", "vector"):
        return UNKNOWN._replace(integer=law.is_discrete)
    continuous = not law.is_discrete
    # a simplex of one element is the number 1
    return Fact(
        lower,
        upper,
        lower_open=continuous or lower == -math.inf,
        upper_open=(continuous and support.kind != "simplex") or upper == math.inf,
        integer=law.is_discrete,
        defined=all(f.defined for f in parents),
    )


def _bound(bound: Any, known: dict[Any, Fact], side: str, default: float) -> float:
    if bound is None:
        return default
    tensor = as_tensor(bound)
    if tensor in known:
        return getattr(known[tensor], side)
    return getattr(Facts()(tensor), side) if isinstance(tensor, Constant) else default


register_fact(RandomVariable, fact_of_draw)
register(REQUIRE)
x, *_conditions = variables("x c1 c2 c3 c4 c5 c6 c7 c8")


@rule(*(p.require(x, *_conditions[:k]) for k in range(1, len(_conditions) + 1)))
def require_of_proved(x: Any, node: Any, engine: Any, **conditions: Any) -> Any:
    """require(x, c) = x for c proved true."""
    left = [c for c in node.parents[1:] if not engine.facts(c).positive]
    return None if len(left) == len(node.parents) - 1 else require(x, *left)
