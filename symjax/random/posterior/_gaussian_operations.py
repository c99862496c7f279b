"""How affine forms go through operations: one function each, ``rule(affine, node) -> Form``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.random.posterior._gaussian_forms import (
    Entries,
    Form,
    NotAffine,
    added,
    broadcast,
    is_identity,
    negated,
    scaled,
    selected,
    summed,
)
from symjax.random.posterior._gaussian_scales import is_positive, raised
from symjax.tensor._index import ARRAY, decode

_MAX_CUMULATED = 1_000


def _add(affine: Any, node: Any) -> Form:
    return added(*(affine(p) for p in node.parents))


def _subtract(affine: Any, node: Any) -> Form:
    a, b = node.parents
    return added(affine(a), negated(affine(b)))


def _multiply(affine: Any, node: Any) -> Form:
    return _product(affine, node, *node.parents)


def _product(affine: Any, node: Any, a: Any, b: Any) -> Form:
    affine(a)
    affine(b)
    if not affine.is_free(a) and not affine.is_free(b):
        raise NotAffine(node)
    if affine.is_free(b):
        a, b = b, a
    return scaled(affine(b), affine.coefficient(a))


def _divide(affine: Any, node: Any) -> Form:
    a, b = node.parents
    affine(b)
    if not affine.is_free(b):
        raise NotAffine(node)
    return scaled(affine(a), affine.coefficient(b).inverse(node))


def _raised(exponent_of: Callable[[Any, Any], float]) -> Any:
    """Powers of products of scalars; fractional ones only where every factor is proved positive."""

    def rule(affine: Any, node: Any) -> Form:
        k = exponent_of(affine, node)
        base = node.parents[0]
        form = affine(base)
        if not affine.is_free(base) or len(form.parts) != 1 or node.shape != base.shape:
            raise NotAffine(node)
        [p] = form.parts
        whole = k == int(k)
        simple = p.symbol is None and is_identity(p.rows, form.size)
        if not simple or not (whole or (is_positive(p.scale, affine.facts) and (p.numbers > 0).all())):
            raise NotAffine(node)
        if k < 0 and not p.numbers.all():
            raise NotAffine(node)
        return Form(form.shape, (p._replace(numbers=p.numbers**k, scale=raised(p.scale, k)),))

    return rule


def _exponent(affine: Any, node: Any) -> float:
    exponent = affine.coefficient(node.parents[1])
    if exponent.numbers.size != 1 or exponent.scale or exponent.symbol is not None:
        raise NotAffine(node)
    return float(exponent.numbers.item())


def _moved(move: Callable[..., Any]) -> Any:
    """Operations that move or repeat elements; `move` does it with a NumPy array."""

    def rule(affine: Any, node: Any) -> Form:
        form = affine(node.parents[0])
        places = np.arange(form.size).reshape(form.shape)
        return selected(form, np.asarray(move(places, **node.settings)))

    return rule


def _indices(affine: Any, node: Any, parents: Any) -> list[np.ndarray]:
    found = []
    for p in parents:
        index = affine.coefficient(p)
        if index.scale or index.symbol is not None:
            raise NotAffine(node)
        found.append(index.numbers.astype(np.int64))
    return found


def _getitem(affine: Any, node: Any) -> Form:
    x, *arrays = node.parents
    form = affine(x)
    indices = _indices(affine, node, arrays)
    lengths = [d for e, d in zip(_axes(node.settings["index"], x.ndim), x.shape, strict=False) if e == ARRAY]
    # JAX clamps an index out of bounds, NumPy does not
    if len(lengths) != len(indices) or any((i.size and (i.min() < -d or i.max() >= d)) for i, d in zip(indices, lengths)):
        raise NotAffine(node)
    places = np.arange(form.size).reshape(form.shape)
    return selected(form, places[decode(node.settings["index"], indices)])


def _axes(template: tuple[Any, ...], ndim: int) -> list[Any]:
    """The entry of an index for each axis."""
    entries = [e for e in template if e != "newaxis"]
    if "ellipsis" not in entries:
        return entries
    at = entries.index("ellipsis")
    return [*entries[:at], *["all"] * (ndim - len(entries) + 1), *entries[at + 1 :]]


def _joined(join: Callable[..., np.ndarray]) -> Any:
    def rule(affine: Any, node: Any) -> Form:
        forms = [affine(p) for p in node.parents]
        starts = np.cumsum([0, *(f.size for f in forms)])
        numbered = [s + np.arange(f.size).reshape(f.shape) for s, f in zip(starts, forms)]
        layout = join(numbered, **node.settings)
        target = np.empty(layout.size, np.int64)
        target[layout.ravel()] = np.arange(layout.size)
        placed = [summed(f, layout.shape, target[n.ravel()]) for f, n in zip(forms, numbered)]
        return added(*placed)

    return rule


def _along(form: Form, axes: Any, keepdims: bool = False) -> Form:
    places = np.arange(form.size).reshape(form.shape)
    shape = tuple(1 if i in axes else d for i, d in enumerate(form.shape))
    target = np.broadcast_to(np.arange(math.prod(shape)).reshape(shape), places.shape)
    kept = shape if keepdims else tuple(d for i, d in enumerate(form.shape) if i not in axes)
    return summed(form, kept, target)


def _sum(affine: Any, node: Any) -> Form:
    return _along(affine(node.parents[0]), node.settings["axis"], node.settings.get("keepdims", False))


def _mean(affine: Any, node: Any) -> Form:
    form, axes = affine(node.parents[0]), node.settings["axis"]
    count = math.prod(form.shape[i] for i in axes)
    parts = tuple(p._replace(numbers=p.numbers / count) for p in form.parts)
    return _along(Form(form.shape, parts), axes, node.settings.get("keepdims", False))


def _cumsum(affine: Any, node: Any) -> Form:
    form, axis = affine(node.parents[0]), node.settings["axis"]
    n = form.shape[axis]
    if n > _MAX_CUMULATED:
        raise NotAffine(node)
    places = np.moveaxis(np.arange(form.size).reshape(form.shape), axis, -1)
    later, earlier = np.tril_indices(n)
    pairs = selected(form, places[..., earlier])
    target = np.broadcast_to(places[..., later], pairs.shape)
    return summed(pairs, form.shape, target)


def _diff(affine: Any, node: Any) -> Form:
    form = affine(node.parents[0])
    places = np.arange(form.size).reshape(form.shape)
    settings = {"axis": -1, **node.settings}
    if settings.pop("n", 1) != 1 or set(settings) != {"axis"}:
        raise NotAffine(node)
    places = np.moveaxis(places, settings["axis"], -1)
    later, earlier = (np.moveaxis(x, -1, settings["axis"]) for x in (places[..., 1:], places[..., :-1]))
    return added(selected(form, later), negated(selected(form, earlier)))


def _contracted(affine: Any, node: Any, left: tuple[Any, Any], right: tuple[Any, Any], axes: Any, shape: Any) -> Form:
    """The sum over `axes` of a product of two parents, each with the places of its elements in the common shape."""
    (a, at_a), (b, at_b) = left, right
    affine(a)
    affine(b)
    if not affine.is_free(a) and not affine.is_free(b):
        raise NotAffine(node)
    if affine.is_free(b):
        (a, at_a), (b, at_b) = right, left
    factor = affine.coefficient(a)
    places = None if factor.places is None else factor.places.reshape(factor.numbers.shape).reshape(-1)[at_a]
    factor = factor._replace(numbers=factor.numbers.reshape(-1)[at_a], places=None if places is None else places.reshape(-1))
    product = scaled(selected(affine(b), at_b), factor)
    total = _along(product, axes)
    return Form(tuple(shape), total.parts)


def _matmul(affine: Any, node: Any) -> Form:
    a, b = node.parents
    at_a, at_b = (np.arange(math.prod(x.shape)).reshape(x.shape) for x in (a, b))
    at_a = at_a[..., None] if a.ndim > 1 else at_a[:, None]
    at_b = at_b[..., None, :, :] if b.ndim > 1 else at_b[:, None]
    at_a, at_b = np.broadcast_arrays(at_a, at_b)
    return _contracted(affine, node, (a, at_a), (b, at_b), (at_a.ndim - 2,), node.shape)


def _einsum(affine: Any, node: Any) -> Form:
    operands, arrow, output = node.settings["subscripts"].replace(" ", "").partition("->")
    letters = operands.split(",")
    simple = arrow and "." not in operands and len(letters) == 2 and all(len(set(t)) == len(t) for t in [*letters, output])
    if not simple:
        raise NotAffine(node)
    order = [*output, *sorted(set("".join(letters)) - set(output))]
    lengths = {c: d for t, p in zip(letters, node.parents) for c, d in zip(t, p.shape)}
    full = tuple(lengths[c] for c in order)
    places = []
    for term, parent in zip(letters, node.parents):
        at = np.arange(math.prod(parent.shape)).reshape(parent.shape)
        at = at.transpose([term.index(c) for c in order if c in term])
        at = at.reshape([lengths[c] if c in term else 1 for c in order])
        places.append(np.broadcast_to(at, full))
    a, b = node.parents
    axes = tuple(range(len(output), len(order)))
    return _contracted(affine, node, (a, places[0]), (b, places[1]), axes, node.shape)


def _outer(affine: Any, node: Any) -> Form:
    a, b = node.parents
    at_a, at_b = np.broadcast_arrays(np.arange(math.prod(a.shape))[:, None], np.arange(math.prod(b.shape))[None, :])
    return _contracted(affine, node, (a, at_a), (b, at_b), (), node.shape)


def _inner(affine: Any, node: Any) -> Form:
    a, b = node.parents
    if a.ndim != 1 or b.ndim != 1:
        raise NotAffine(node)
    return _contracted(affine, node, (a, np.arange(a.shape[0])), (b, np.arange(b.shape[0])), (0,), ())


def _where(affine: Any, node: Any) -> Form:
    condition = node.parents[0]
    affine(condition)
    if not affine.is_free(condition):
        raise NotAffine(condition)
    chosen = affine.coefficient(condition)
    yes, no = (broadcast(affine(p), node.shape) for p in node.parents[1:])
    if chosen.scale or chosen.symbol is not None:
        weight = T.cast(condition, "float64")
        return added(scaled(yes, affine.coefficient(weight)), scaled(no, affine.coefficient(1 - weight)))
    mask = np.broadcast_to(chosen.numbers != 0, node.shape).ravel()
    return added(_kept(yes, mask), _kept(no, ~mask))


def _kept(form: Form, mask: np.ndarray) -> Form:
    """A form with the elements that are not kept replaced by zero."""
    parts = []
    for p in form.parts:
        k = mask[p.rows]
        places = None if p.places is None else p.places[k]
        parts.append(Entries(p.rows[k], p.cols[k], p.numbers[k], p.scale, p.symbol, places))
    return Form(form.shape, tuple(parts))


def _scatter(affine: Any, node: Any) -> Form:
    x, y, *arrays = node.parents
    if node.settings["mode"] not in ("set", "add"):
        raise NotAffine(node)
    indices = _indices(affine, node, arrays)
    base = affine(x)
    places = np.arange(base.size).reshape(base.shape)
    target = places[decode(node.settings["index"], indices)]
    if node.settings["mode"] == "set":
        if len(np.unique(target)) != target.size:
            raise NotAffine(node)
        mask = np.ones(base.size, bool)
        mask[target.ravel()] = False
        base = _kept(base, mask)
    new = broadcast(affine(y), target.shape)
    return added(base, summed(new, base.shape, target))


def _same(affine: Any, node: Any) -> Form:
    if node.dtype.kind != "f":
        raise NotAffine(node)
    return affine(node.parents[0])


def _negative(affine: Any, node: Any) -> Form:
    return negated(affine(node.parents[0]))


_POINTWISE = {
    "add": _add, "subtract": _subtract, "multiply": _multiply, "divide": _divide, "negative": _negative,
    "positive": _same, "alias": _same, "cast": _same,
    "square": _raised(lambda affine, node: 2.0), "sqrt": _raised(lambda affine, node: 0.5),
    "reciprocal": _raised(lambda affine, node: -1.0), "rsqrt": _raised(lambda affine, node: -0.5),
    "power": _raised(_exponent),
}  # fmt: skip
_MOVES = {
    "reshape": _moved(lambda x, shape: x.reshape(shape)),
    "broadcast_to": _moved(lambda x, shape: np.broadcast_to(x, shape)),
    "transpose": _moved(lambda x, axes: x.transpose(axes)),
    "flip": _moved(lambda x, axis=None: np.flip(x, axis)),
    "roll": _moved(np.roll), "tile": _moved(np.tile), "repeat": _moved(np.repeat),
    "diagonal": _moved(np.diagonal),
    "getitem": _getitem,
}  # fmt: skip
RULES: dict[str, Any] = {
    **_POINTWISE, **_MOVES,
    "concatenate": _joined(np.concatenate), "stack": _joined(np.stack),
    "sum": _sum, "mean": _mean, "cumsum": _cumsum, "diff": _diff,
    "matmul": _matmul, "einsum": _einsum, "outer": _outer, "inner": _inner, "vdot": _inner,
    "where": _where, "scatter": _scatter,
}  # fmt: skip
#: Operations that are looked through in expressions free of unknowns too.
KEEPING = frozenset(_POINTWISE) | frozenset(_MOVES) | {"concatenate", "stack"}
