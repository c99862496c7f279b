"""What an expression does to the one draw below it: a power of it, or an affine map."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import symjax.tensor as T
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random.algebra._parts import scaled, sign_of
from symjax.rewrite import Replaced, cone_law
from symjax.rewrite._pattern import scalar_value
from symjax.rewrite._terms import op_name

POWERS = ("power", "sqrt", "square", "reciprocal", "divide")


class Power(NamedTuple):
    """``factor * x ** exponent``, neither of them random.

    `sign` is that of the exponent, −1 or 1; `feeds_draw` says whether a draw's parameter is made of it.
    """

    x: Any
    exponent: Any
    sign: int
    factor: Any
    feeds_draw: bool


def power_of(root: Any, engine: Any) -> Power | None:
    """The draw that `root` is a power of; None if the exponent's sign is not proved."""
    name = op_name(root)
    if name == "power":
        x, exponent, factor = root.parents[0], root.parents[1], 1
    elif name == "divide":
        x, exponent, factor = root.parents[1], -1, root.parents[0]
    elif name in ("sqrt", "square", "reciprocal"):
        x, exponent, factor = root.parents[0], {"sqrt": 0.5, "square": 2, "reciprocal": -1}[name], 1
    else:
        return None
    if not isinstance(x, RandomVariable) or x.shape != root.shape or x.dtype != root.dtype:
        return None
    if any(hasattr(n, "parents") and engine.is_random(n) for n in (exponent, factor)):
        return None
    sign = sign_of(exponent)
    return Power(x, T.as_tensor(exponent), sign, _plain(factor), engine.feeds_draw(root)) if sign else None


def _plain(factor: Any) -> Any:
    return 1 if not hasattr(factor, "parents") or scalar_value(factor) == 1 else factor


def power_law(family: Distribution) -> Callable[[Any], Any]:
    """Declare what powers of a family are: ``build(power, *parameters) -> Tensor or None``, without the power's factor."""

    def register(build: Any) -> Any:
        @cone_law(*POWERS)
        @functools.wraps(build)
        def law(root: Any, engine: Any) -> Any:
            found = power_of(root, engine)
            if found is None or found.x.distribution is not family:
                return None
            members = engine.absorbable(root, {found.x})
            result = build(found, *found.x.parents) if members else None
            return None if result is None else Replaced(frozenset(members), scaled(found.factor, result))

        return build

    return register


class Affine(NamedTuple):
    """``slope * x + shift``, neither of them random, and the operations between; `shift` is None for none."""

    x: Any
    slope: Any
    shift: Any
    inner: tuple[Any, ...]


def affine_of(node: Any, engine: Any) -> Affine | None:
    """The draw that `node` is an affine map of, element by element."""
    slope: Any = 1
    shift: Any = None
    inner = []
    while not isinstance(node, RandomVariable):
        name = op_name(node)
        places = [i for i, p in enumerate(node.parents) if engine.is_random(p)]
        if len(places) != 1 or name not in ("add", "subtract", "negative", "multiply", "divide"):
            return None
        place = places[0]
        x = node.parents[place]
        if x.shape != node.shape or x.dtype != node.dtype or (name == "divide" and place == 1):
            return None
        inner.append(node)
        if name in ("add", "subtract"):
            other = node.parents[1 - place]
            added = scaled(slope, -other if name == "subtract" and place == 0 else other)
            shift = added if shift is None else shift + added
        if name == "negative" or (name == "subtract" and place == 1):
            slope = -slope
        elif name == "multiply":
            slope = scaled(slope, node.parents[1 - place])
        elif name == "divide":
            slope = slope / node.parents[1]
        node = x
    return Affine(node, slope, shift, tuple(inner))
