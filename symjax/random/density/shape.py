"""Densities of operations that move, join and cut elements, of running sums and of comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.core._node import Constant
from symjax.core._shapes import is_static, size_of
from symjax.core._traverse import make, rebuild
from symjax.random._distribution import require
from symjax.random._draw import RandomVariable
from symjax.random.density._cumulative import log_cdf
from symjax.random.density._derive import ELEMENTS, Derivation, density_of, descent_of
from symjax.rewrite._facts import is_standard
from symjax.tensor._index import GETITEM, decode
from symjax.tensor._shape_ops import CONCATENATE, RESHAPE, TRANSPOSE


def _same_shape(node: Any, value: Any) -> None:
    if value.shape != node.shape:
        raise NotDerivableError(
            f"the density of {node.name!r}, made by `{node.op.name}`, needs a value of its shape {node.shape}, got {value.shape}.",
            node,
        )


# Joint densities ----------------------------------------------------------------------------------------------------------


@density_of("reshape")
def _reshape(node: Any, value: Any, derivation: Derivation) -> Any:
    _same_shape(node, value)
    [x] = node.parents
    term = derivation.log_density(x, T.reshape(value, x.shape))
    return T.reshape(term, node.shape) if term.shape == x.shape else term


@density_of("transpose")
def _transpose(node: Any, value: Any, derivation: Derivation) -> Any:
    _same_shape(node, value)
    [x] = node.parents
    axes = node.settings["axes"]
    term = derivation.log_density(x, T.transpose(value, tuple(int(i) for i in np.argsort(axes))))
    return T.transpose(term, axes) if term.shape == x.shape else term


@density_of("broadcast_to")
def _broadcast_to(node: Any, value: Any, derivation: Derivation) -> Any:
    [x] = node.parents
    _refuse_repeats(node)
    return derivation.log_density(T.reshape(x, node.shape), value)


def _refuse_repeats(node: Any) -> None:
    [x] = node.parents
    lengths = x.shape == (1,) * (node.ndim - x.ndim) + x.shape
    if not lengths and tuple(d for d in x.shape if d != 1) != tuple(d for d in node.shape if d != 1):
        raise NotDerivableError(
            f"{node.name!r} of shape {node.shape} repeats {x.name!r} of shape {x.shape}, so its elements are not free to vary and "
            "have no joint density.",
            x,
        )


@density_of("cumsum")
def _cumsum(node: Any, value: Any, derivation: Derivation) -> Any:
    _same_shape(node, value)
    [x] = node.parents
    derivation.refuse_confined(x)
    head = (slice(None),) * node.settings["axis"]
    steps = [value[(*head, slice(None, 1))], value[(*head, slice(1, None))] - value[(*head, slice(None, -1))]]
    return derivation.log_density(x, T.concatenate(steps, node.settings["axis"]))


@density_of("stack")
def _stack(node: Any, value: Any, derivation: Derivation) -> Any:
    _same_shape(node, value)
    axis = node.settings["axis"]
    index = (slice(None),) * axis
    parts = [value[(*index, i)] for i in range(len(node.parents))]
    return T.stack(_joined(node, parts, derivation), axis)


@density_of("concatenate")
def _concatenate(node: Any, value: Any, derivation: Derivation) -> Any:
    _same_shape(node, value)
    axis = node.settings["axis"]
    index = (slice(None),) * axis
    edges = np.cumsum([0, *(p.shape[axis] for p in node.parents)])
    parts = [value[(*index, slice(int(a), int(b)))] for a, b in zip(edges[:-1], edges[1:], strict=True)]
    return T.concatenate(_joined(node, parts, derivation), axis)


def _joined(node: Any, parts: list[Any], derivation: Derivation) -> list[Any]:
    terms = []
    for x, value in zip(node.parents, parts, strict=True):
        if not derivation.is_random(x):
            raise NotDerivableError(f"{node.name!r} has no joint density: its part {x.name!r} is not random.", x)
        term = derivation.log_density(x, value)
        if term.ndim != value.ndim and node.settings["axis"] > term.ndim - (node.op is CONCATENATE):
            raise NotDerivableError(f"{node.name!r} joins the multivariate {x.name!r} along the axis of one value.", x)
        terms.append(term)
    if len({t.ndim for t in terms}) > 1:
        raise NotDerivableError(f"{node.name!r} joins scalar and multivariate laws; their terms do not align.", node)
    return terms


# Parts of elementwise independent laws -----------------------------------------------------------------------------------


@density_of("getitem")
def _getitem(node: Any, value: Any, derivation: Derivation) -> Any:
    return derivation.log_density(derivation.descended(node), value)


@descent_of("getitem")
def _descend_getitem(node: Any, derivation: Derivation) -> Any:
    x, *arrays = node.parents
    element = ELEMENTS.get(x.op.name) if x.op is not None and is_standard(x.op) else None
    found = element(node) if element is not None else None
    if found is not None:
        return found
    _refuse_repeated_elements(node, x, arrays, derivation)
    index = _explicit(node.settings["index"], x.ndim)

    def part(t: Any, core: int) -> Any:
        return make(GETITEM, [t, *arrays], {"index": index})

    return _moved(node, x, part, derivation)


def _explicit(template: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    """An index template without an ellipsis, which reaches only the first `ndim` axes."""
    if "ellipsis" not in template:
        return template
    used = sum(1 for e in template if e not in ("newaxis", "ellipsis"))
    at = template.index("ellipsis")
    whole = (("slice", None, None, None),) * (ndim - used)
    return (*template[:at], *whole, *template[at + 1 :])


def _refuse_repeated_elements(node: Any, x: Any, arrays: list[Any], derivation: Derivation) -> None:
    for a in arrays:
        if derivation.is_random(a):
            raise NotDerivableError(f"the law of {node.name!r} is not known: its index {a.name!r} is random.", a)
    if all(not a.shape for a in arrays):
        return
    if not is_static(x.shape) or not all(isinstance(a, Constant) for a in arrays):
        raise NotDerivableError(
            f"the law of {node.name!r} is not derived: its index is not known when the graph is built, and may name an element "
            "twice.",
            node,
        )
    places = np.arange(size_of(x.shape)).reshape(x.shape)
    picked = places[decode(node.settings["index"], [np.asarray(a.value) for a in arrays])]
    if np.unique(picked).size < picked.size:
        raise NotDerivableError(f"{node.name!r} has no joint density: its index names an element of {x.name!r} twice.", node)


@descent_of("reshape")
def _descend_reshape(node: Any, derivation: Derivation) -> Any:
    shape = node.settings["shape"]

    def part(t: Any, core: int) -> Any:
        return make(RESHAPE, [t], {"shape": (*shape, *t.shape[t.ndim - core :])})

    return _moved(node, node.parents[0], part, derivation)


@descent_of("transpose")
def _descend_transpose(node: Any, derivation: Derivation) -> Any:
    axes = node.settings["axes"]

    def part(t: Any, core: int) -> Any:
        return make(TRANSPOSE, [t], {"axes": (*axes, *range(len(axes), len(axes) + core))})

    return _moved(node, node.parents[0], part, derivation)


@descent_of("broadcast_to")
def _descend_broadcast(node: Any, derivation: Derivation) -> Any:
    _refuse_repeats(node)
    return make(RESHAPE, [node.parents[0]], {"shape": node.shape})


def _moved(node: Any, x: Any, part: Any, derivation: Derivation) -> Any:
    """`part` of `x`, taken below the operation that made `x`: of a draw's parameters, or of the operands."""
    x = derivation.descended(x)
    if isinstance(x, RandomVariable):
        if x.distribution.event_ndim:
            raise NotDerivableError(f"the law of {node.name!r} is not derived: elements of {x.name!r} depend on each other.", x)
        return _draw_of_part(x, part)
    if x.op.elementwise:
        operands = []
        for p in x.parents:
            if derivation.is_random(p) and p.shape != x.shape:
                raise NotDerivableError(f"elements of {x.name!r} repeat {p.name!r}, so they have no joint density.", p)
            operands.append(part(T.broadcast_to(p, x.shape), 0) if p.shape else p)
        return rebuild(x, operands)
    raise NotDerivableError(
        f"the law of {node.name!r} is not derived: elements of {x.name!r}, made by `{x.op.name}`, may depend on each other.", x
    )


def _draw_of_part(x: Any, part: Any) -> Any:
    parameters = []
    for spec, p in zip(x.distribution.parameters.values(), x.parents, strict=True):
        if p.ndim == spec.ndim:
            parameters.append(p)
            continue
        core = p.shape[p.ndim - spec.ndim :]
        parameters.append(part(T.broadcast_to(p, (*x.shape, *core)), spec.ndim))
    shape = part(x, 0).shape
    params = {**x.settings, "shape": shape}
    # the token stays, so that the part counts as a use of the whole
    return make(x.op, parameters, params, token=x.token, kind=RandomVariable, name=x.name)


# Comparisons -------------------------------------------------------------------------------------------------------------


@density_of("less", "less_equal", "greater", "greater_equal")
def _comparison(node: Any, value: Any, derivation: Derivation) -> Any:
    place = derivation.random_operand(node)
    x, bound = node.parents[place], node.parents[1 - place]
    if x.shape != node.shape:
        raise NotDerivableError(f"elements of {node.name!r} all ask about {x.name!r}, so they are not independent.", x)
    mirrored = {"less": "greater", "less_equal": "greater_equal", "greater": "less", "greater_equal": "less_equal"}
    relation = node.op.name if place == 0 else mirrored[node.op.name]
    if relation in ("less", "greater_equal") and derivation.is_discrete(x):
        if x.dtype.kind not in "iub":
            raise NotDerivableError(f"`{node.op.name}` of the discrete {x.name!r} in floating point is not derived.", x)
        bound = T.ceil(T.cast(bound, "float64")) - 1
    below, above = log_cdf(derivation, x, bound), log_cdf(derivation, x, bound, True)
    derivation.consume_below(x)
    if relation in ("greater", "greater_equal"):
        below, above = above, below
    return require(T.where(T.equal(value, 1), below, above), T.logical_or(T.equal(value, 0), T.equal(value, 1)))
