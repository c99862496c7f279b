"""Sums and means of what is repeated, scaled or shifted along their axes."""

from __future__ import annotations

import math
from typing import Any

import symjax.tensor as T
from symjax.core._shapes import is_static, is_symbolic
from symjax.rewrite._pattern import p, variables
from symjax.rewrite._rule import rule
from symjax.rewrite._sums import linear_form
from symjax.rewrite._terms import is_scalar, number, op_name

x, y = variables("x y")


def _reduced(node: Any) -> tuple[tuple[int, ...], bool]:
    settings = node.settings
    return settings["axis"], settings.get("keepdims", False)


def _plain(node: Any) -> bool:
    return set(node.settings) <= {"axis", "keepdims"} and node.dtype == node.parents[0].dtype and not node.weak


@rule(p.sum(x), p.mean(x), p.prod(x), p.max(x), p.min(x))
def reduction_of_nothing(x: Any, node: Any) -> Any:
    """A reduction over no axis is the argument itself."""
    return x if not _reduced(node)[0] and node.dtype == x.dtype else None


@rule(p.sum(p.sum(x)), p.max(p.max(x)), p.min(p.min(x)), p.prod(p.prod(x)))
def reduction_of_reduction(x: Any, node: Any) -> Any:
    """Σ Σ x over one axis and then others = Σ x over all of them."""
    inner_axes, inner_kept = _reduced(node.parents[0])
    axes, kept = _reduced(node)
    if inner_kept or kept or not (_plain(node) and _plain(node.parents[0])):
        return None
    left = [i for i in range(len(x.shape)) if i not in inner_axes]
    reduce = getattr(T, op_name(node))
    return reduce(x, axis=tuple(sorted({*inner_axes, *(left[a] for a in axes)})))


@rule(p.sum(p.reshape(x)), p.sum(p.transpose(x)))
def sum_of_view(x: Any, node: Any) -> Any:
    """Σ reshape(x) = Σ transpose(x) = Σ x over all elements."""
    axes, kept = _reduced(node)
    full = len(axes) == len(node.parents[0].shape) and not kept
    return T.sum(x) if full and _plain(node) and x.shape else None


def _count(shape: tuple[Any, ...], axes: list[int]) -> Any:
    """Number of elements along axes, as a number or a tensor."""
    total = math.prod(shape[a] for a in axes)
    return T.axis_length(total) if is_symbolic(total) else total


def _varying(term: Any, ndim: int, axes: tuple[int, ...], shape: tuple[Any, ...]) -> list[int]:
    """The axes among `axes` along which `term` varies when it is broadcast to `shape`."""
    missing = ndim - len(term.shape)
    return [a for a in axes if a >= missing and not (term.shape[a - missing] == 1 and shape[a] != 1)]


def _sum_over(term: Any, x: Any, node: Any) -> Any:
    """Σ of `term`, broadcast to the shape of `x`, over the axes of `node`; of fewer elements if it does not vary along them."""
    axes, kept = _reduced(node)
    ndim = len(x.shape)
    varying = _varying(term, ndim, axes, x.shape)
    constant_along = [a for a in axes if a not in varying]
    missing = ndim - len(term.shape)
    if kept:
        total = T.sum(term, axis=tuple(a - missing for a in varying), keepdims=True) if varying else term
    else:
        squeezed = tuple(a - missing for a in constant_along if a >= missing)
        along = tuple(sorted((*(a - missing for a in varying), *squeezed)))
        total = T.sum(term, axis=along) if along else term
    return _count(x.shape, constant_along) * total if constant_along else total


def _broadcasts(term: Any, x: Any, node: Any, engine: Any) -> bool:
    """Whether a term of `x` does not vary along some axes of `node`, so that its Σ is a multiple."""
    axes, _ = _reduced(node)
    varying = _varying(term, len(x.shape), axes, x.shape)
    lengths = [x.shape[a] for a in axes if a not in varying]
    # nothing summed is 0, but zero times an infinite term is not
    certain = all(isinstance(d, int) and d > 0 for d in lengths) or engine.facts(term).real
    return bool(lengths) and certain and (term.shape == () or is_static(x.shape))


@rule(p.sum(x))
def sum_of_broadcast(x: Any, node: Any, engine: Any) -> Any:
    """Σ (x + s) = Σ x + n s and Σ s = n s, for s that does not vary along the n summed elements."""
    if not _plain(node) or x.dtype.kind not in "fi" or not node.settings["axis"]:
        return None
    if op_name(x) == "broadcast_to":
        source = x.parents[0]
        return _sum_over(source, x, node) if _broadcasts(source, x, node, engine) else None
    if op_name(x) not in ("add", "subtract") or not engine.exclusive(x):
        return None
    form = linear_form(engine, x)
    if form is None:
        return None
    parts = [(k, n) for t in form.terms.values() for n, k, _ in t.parts]
    if not form.constants and not any(_broadcasts(n, x, node, engine) for _, n in parts):
        return None
    whole = [(k, n) for k, n in parts if not _broadcasts(n, x, node, engine)]
    repeated = [(k, n) for k, n in parts if _broadcasts(n, x, node, engine)]
    total: Any = None
    for k, n in [*whole, *repeated]:
        total = _plus(total, k, _sum_over(n, x, node))
    if form.constant != 0:
        total = _plus(total, form.constant, _count(x.shape, list(node.settings["axis"])))
    return total


def _plus(total: Any, k: Any, x: Any) -> Any:
    """``total + k x``, subtracted where `k` is negative."""
    if total is None:
        return x if k == 1 else number(k) * x
    term = x if abs(k) == 1 else number(abs(k)) * x
    return total + term if k > 0 else total - term


@rule(p.sum(x * y), p.sum(x / y), p.mean(x * y), p.mean(x / y))
def sum_of_scaled(x: Any, y: Any, node: Any, engine: Any) -> Any:
    """Σ s x = s Σ x for a finite scalar s, Σ x / s = (Σ x) / s for s ≠ 0, and the same for means."""
    product = node.parents[0]
    if not _plain(node) or node.dtype.kind not in "fi" or is_scalar(product) or not node.settings["axis"]:
        return None
    reduce = getattr(T, op_name(node))
    name = op_name(product)
    if name == "divide":
        proved = y.shape == () and y.dtype == x.dtype and engine.facts(y).is_nonzero
        return reduce(x, **node.settings) / y if proved else None
    # multiplication matches in both orders
    proved = x.shape == () and x.dtype == y.dtype and engine.facts(x).finite
    return x * reduce(y, **node.settings) if proved else None


@rule(p.sum(-x), p.mean(-x))
def sum_of_negative(x: Any, node: Any) -> Any:
    """Σ -x = -Σ x, and the same for means."""
    return -getattr(T, op_name(node))(x, **node.settings) if _plain(node) else None


@rule(p.mean(p.broadcast_to(x)), p.max(p.broadcast_to(x)), p.min(p.broadcast_to(x)))
def mean_of_filled(x: Any, node: Any) -> Any:
    """The mean, maximum and minimum of one repeated element are that element."""
    filled = all(isinstance(d, int) and d > 0 for d in node.parents[0].shape)
    return x if x.shape == () and filled and node.dtype == x.dtype else None


@rule(p.mean(x + y))
def mean_of_shifted(x: Any, y: Any, node: Any) -> Any:
    """mean(x + s) = mean(x) + s for a scalar s."""
    filled = all(isinstance(d, int) and d > 0 for d in node.parents[0].shape)
    if y.shape != () or x.shape == () or not filled or not _plain(node) or x.dtype != node.dtype:
        return None
    return T.mean(x, **node.settings) + y
