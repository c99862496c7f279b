"""Minima, maxima and order statistics of independent variables.

The formulas are those of David, Nagaraja, Order Statistics, 3rd ed., 2003, chapters 2 and 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.core._op import Operator
from symjax.core._shapes import is_static
from symjax.core._traverse import make, rebuild, toposort
from symjax.random._distribution import require
from symjax.random._draw import RandomVariable
from symjax.random._incomplete import log_betainc, log_betaincc
from symjax.random._sameness import along
from symjax.random.density._cumulative import log_cdf
from symjax.random.density._derive import Derivation, cumulative_of, density_of, element_of, unknown
from symjax.random.density._log_density import is_draw
from symjax.rewrite._facts import is_standard
from symjax.tensor._wrap import register

#: ``order_statistic(x, k=, axis=)``: element k, from zero, of `x` sorted along an axis.
ORDER_STATISTIC = register(Operator("order_statistic", lambda x, k, axis: jnp.take(jnp.sort(x, axis), k, axis)))
_WHOLE = ("slice", None, None, None)
Tail = Callable[[Any, bool], Any]


@element_of("sort")
def _of_sorted(node: Any) -> Any:
    """``sort(x)[k]`` as an order statistic, where every other axis is taken whole."""
    [ordered, *arrays] = node.parents
    axis, template = ordered.settings["axis"], node.settings["index"]
    if arrays or not is_static(ordered.shape):
        return None
    if "ellipsis" in template:
        at = template.index("ellipsis")
        template = (*template[:at], *[_WHOLE] * (ordered.ndim - len(template) + 1), *template[at + 1 :])
    template = (*template, *[_WHOLE] * (ordered.ndim - len(template)))
    k, n = template[axis], ordered.shape[axis]
    others = (*template[:axis], *template[axis + 1 :])
    if not isinstance(k, int) or not -n <= k < n or any(e != _WHOLE for e in others):
        return None
    return make(ORDER_STATISTIC, ordered.parents, {"k": k % n, "axis": axis})


# One operation on several variables ----------------------------------------------------------------------------------------


@density_of("minimum", "maximum")
def _extreme_density(node: Any, value: Any, derivation: Derivation) -> Any:
    operands = _independent(node, derivation)
    upper = node.op.name == "minimum"
    if derivation.is_discrete(node):
        _require_discrete(node, operands, derivation)
        return _mass(node, value, lambda v, up: _extreme_cdf(node, v, up, derivation), derivation)
    a, b = operands
    tails = [log_cdf(derivation, x, value, upper) for x in (a, b)]
    return T.logaddexp(derivation.log_density(a, value) + tails[1], derivation.log_density(b, value) + tails[0])


@cumulative_of("minimum", "maximum")
def _extreme_cdf(node: Any, value: Any, upper: bool, derivation: Derivation) -> Any:
    operands = _independent(node, derivation)
    own = node.op.name == "minimum"
    return _product(sum((log_cdf(derivation, x, value, own) for x in operands), start=T.constant(0.0)), own, upper)


def _product(term: Any, own: bool, upper: bool) -> Any:
    """Log of a tail's probability from that of the tail `own`, which is a product."""
    return term if own == upper else T.log1mexp(T.minimum(term, 0.0))


def _independent(node: Any, derivation: Derivation) -> Sequence[Any]:
    seen: set[Any] = set()
    for x in node.parents:
        if not derivation.is_random(x):
            raise NotDerivableError(
                f"the law of {node.name!r} is not derived: it equals {x.name!r}, which is no draw, with positive probability.", x
            )
        if x.shape != node.shape:
            raise NotDerivableError(f"elements of {node.name!r} repeat {x.name!r}, so they are not independent.", x)
        tokens = {n.token for n in toposort([x]) if is_draw(n)}
        if tokens & seen:
            raise NotDerivableError(f"the law of {node.name!r} is not known: `{node.op.name}` joins what depends on one draw.", x)
        seen |= tokens
    return node.parents


def _require_discrete(node: Any, operands: Sequence[Any], derivation: Derivation) -> None:
    if not all(_is_counted(x) for x in operands):
        raise NotDerivableError(
            f"the law of {node.name!r} is not derived: `{node.op.name}` joins counts with what is no count.", node
        )


def _is_counted(x: Any) -> bool:
    return x.dtype.kind in "iu"


def _mass(node: Any, value: Any, tail: Tail, derivation: Derivation) -> Any:
    """Mass of a whole number, as a difference of the smaller tails."""
    low, high = tail(value, False), tail(value - 1, True)
    below = T.logdiffexp(low, T.minimum(tail(value - 1, False), low))
    above = T.logdiffexp(high, T.minimum(tail(value, True), high))
    derivation.consume_below(node)
    term = T.where(T.less(low, -math.log(2)), below, above)
    return require(term, T.equal(value, T.floor(value))) if value.dtype.kind == "f" else term


# Elements along axes -------------------------------------------------------------------------------------------------------


def _one_of(x: Any, axes: tuple[int, ...], derivation: Derivation) -> Any:
    """One element of `x` along some axes, which keep length one, if they are all independent and of one law; else None."""
    shape = tuple(1 if i in axes else d for i, d in enumerate(x.shape))
    if isinstance(x, RandomVariable):
        if x.distribution.event_ndim or any(spec.ndim for spec in x.distribution.parameters.values()):
            return None
        parameters = [along(p, x, axes, True) for p in x.parents]
        if any(p is None for p in parameters):
            return None
        # the token stays, so that one element counts as a use of the whole
        return make(
            x.distribution.operator, parameters, {**x.settings, "shape": shape}, token=x.token, kind=RandomVariable, name=x.name
        )
    if x.op is None or not is_standard(x.op) or not x.op.elementwise:
        return None
    operands = []
    for p in x.parents:
        if derivation.is_random(p):
            found = _one_of(p, axes, derivation) if p.shape == x.shape else None
        else:
            found = along(p, x, axes, True)
        if found is None:
            return None
        operands.append(found)
    return rebuild(x, operands)


def _with_axes(node: Any, value: Any, axes: tuple[int, ...]) -> Any:
    """`value` with axes of length one where a reduction took them away."""
    leading = value.ndim - node.ndim
    for i in sorted(axes):
        value = T.expand_dims(value, leading + i)
    return value


def _without_axes(term: Any, axes: tuple[int, ...], ndim: int) -> Any:
    """A term without the axes of length one that are numbered from the last of `ndim`."""
    return T.sum(term, tuple(i - ndim for i in axes))


class _Reduced:
    """A minimum or maximum along axes, of `value`, or an order statistic: what its law is made of."""

    def __init__(self, node: Any, value: Any, derivation: Derivation):
        [self.x] = node.parents
        if not is_static(self.x.shape):
            raise unknown(node, "law")
        axis = node.settings["axis"]
        self.axes = axis if isinstance(axis, tuple) else (axis,)
        self.node, self.derivation = node, derivation
        self.keepdims = bool(node.settings.get("keepdims", False))
        self.value = value if self.keepdims else _with_axes(node, value, self.axes)
        self.size = math.prod(self.x.shape[i] for i in self.axes)
        self.one = _one_of(self.x, self.axes, derivation)

    def finished(self, term: Any) -> Any:
        return term if self.keepdims else _without_axes(term, self.axes, self.x.ndim)

    def at(self, value: Any) -> Any:
        """`value` at every element."""
        leading = value.shape[: value.ndim - self.x.ndim]
        return T.broadcast_to(value, (*leading, *self.x.shape))

    def tails(self, value: Any, upper: bool) -> Any:
        """Log of the product of one tail over the elements, with axes of length one."""
        if self.one is not None:
            return self.size * log_cdf(self.derivation, self.one, value, upper)
        self.derivation.refuse_dependent(self.x)
        term = log_cdf(self.derivation, self.x, self.at(value), upper)
        return T.sum(term, tuple(i - self.x.ndim for i in self.axes), keepdims=True)

    def density(self, upper: bool) -> Any:
        """Log of the sum over elements of its density times the others' tails."""
        if self.one is not None:
            term = math.log(self.size) + self.derivation.log_density(self.one, self.value)
            return term + (self.size - 1) * log_cdf(self.derivation, self.one, self.value, upper) if self.size > 1 else term
        self.derivation.refuse_dependent(self.x)
        at = self.at(self.value)
        terms, tails = self.derivation.log_density(self.x, at), log_cdf(self.derivation, self.x, at, upper)
        ends = tuple(range(-len(self.axes), 0))
        places = tuple(i - self.x.ndim for i in self.axes)
        terms, tails = (_flat(T.moveaxis(t, places, ends), len(self.axes)) for t in (terms, tails))
        found = T.logsumexp(terms + _others(tails), -1)
        return T.reshape(found, (*found.shape[: found.ndim - self.x.ndim + len(self.axes)], *self._kept_shape()))

    def _kept_shape(self) -> tuple[Any, ...]:
        return tuple(1 if i in self.axes else d for i, d in enumerate(self.x.shape))


def _flat(term: Any, n: int) -> Any:
    return T.reshape(term, (*term.shape[:-n], math.prod(term.shape[-n:])))


def _others(tails: Any) -> Any:
    """For each element along the last axis the sum of all others; no difference is taken, so that it may be −inf."""
    zero = T.zeros_like(tails[..., :1])
    before = T.concatenate([zero, T.cumsum(tails, -1)[..., :-1]], -1)
    after = T.concatenate([T.cumsum(tails[..., ::-1], -1)[..., ::-1][..., 1:], zero], -1)
    return before + after


@density_of("min", "max")
def _reduced_density(node: Any, value: Any, derivation: Derivation) -> Any:
    found = _Reduced(node, value, derivation)
    upper = node.op.name == "min"
    if derivation.is_discrete(node):
        if not _is_counted(node):
            raise unknown(node, "density")
        term = _mass(node, found.value, lambda v, up: _product(found.tails(v, upper), upper, up), derivation)
        return found.finished(term)
    return found.finished(found.density(upper))


@cumulative_of("min", "max")
def _reduced_cdf(node: Any, value: Any, upper: bool, derivation: Derivation) -> Any:
    found = _Reduced(node, value, derivation)
    own = node.op.name == "min"
    return found.finished(_product(found.tails(found.value, own), own, upper))


# Order ---------------------------------------------------------------------------------------------------------------------


def _alike(node: Any, value: Any, derivation: Derivation) -> _Reduced:
    found = _Reduced(node, value, derivation)
    if found.one is None:
        raise NotDerivableError(
            f"the law of {node.name!r} is not derived: elements of {found.x.name!r} are not all independent of one law.", found.x
        )
    return found


@cumulative_of("order_statistic")
def _order_cdf(node: Any, value: Any, upper: bool, derivation: Derivation) -> Any:
    found = _alike(node, value, derivation)
    return found.finished(_order_tail(found, node.settings["k"], found.value, upper))


def _order_tail(found: _Reduced, k: int, value: Any, upper: bool) -> Any:
    """The k-th of n is at most v if k + 1 of n are: the tail of a Beta(k + 1, n − k) law at F(v)."""
    a, b = k + 1, found.size - k
    low, high = (log_cdf(found.derivation, found.one, value, up) for up in (False, True))
    if b == 1 or a == 1:
        return _product(found.size * (low if b == 1 else high), b != 1, upper)
    near_zero = T.less(low, high)
    p, q = T.exp(T.where(near_zero, low, -1.0)), T.exp(T.where(near_zero, -1.0, high))
    lower, higher = (log_betainc, log_betaincc) if not upper else (log_betaincc, log_betainc)
    return T.where(near_zero, lower(a * T.ones_like(p), b * T.ones_like(p), p), higher(b * T.ones_like(q), a * T.ones_like(q), q))


@density_of("order_statistic")
def _order_density(node: Any, value: Any, derivation: Derivation) -> Any:
    found = _alike(node, value, derivation)
    k, n = node.settings["k"], found.size
    if derivation.is_discrete(node):
        if not _is_counted(node):
            raise unknown(node, "density")
        return found.finished(_mass(node, found.value, lambda v, up: _order_tail(found, k, v, up), derivation))
    term = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k) + derivation.log_density(found.one, found.value)
    for count, upper in ((k, False), (n - 1 - k, True)):
        if count:
            term = term + count * log_cdf(derivation, found.one, found.value, upper)
    return found.finished(term)


@density_of("sort")
def _sorted_density(node: Any, value: Any, derivation: Derivation) -> Any:
    [x] = node.parents
    n = x.shape[-1]
    if node.settings["axis"] != x.ndim - 1 or not is_static(x.shape) or derivation.is_discrete(x):
        raise unknown(node, "density")
    if value.shape[value.ndim - x.ndim :] != x.shape:
        raise NotDerivableError(f"the density of {node.name!r} needs a value of its shape {x.shape}, got {value.shape}.", node)
    if _one_of(x, (x.ndim - 1,), derivation) is None:
        raise NotDerivableError(f"the law of {node.name!r} is not derived: elements of {x.name!r} are not all of one law.", x)
    term = T.sum(derivation.log_density(x, value), -1) + math.lgamma(n + 1)
    return require(term, T.all(T.less_equal(value[..., :-1], value[..., 1:]), -1)) if n > 1 else term
