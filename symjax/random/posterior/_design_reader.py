"""Reading expressions as linear forms: each operation that is linear in its arguments, or moves their elements, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._scope import detached
from symjax.core._traverse import make, toposort
from symjax.random.posterior._designs import (
    Column,
    LinearForm,
    aligned,
    data_form,
    identity_form,
    negative,
    product_of,
    reshaped,
    same_index,
    scaled,
    sum_of,
    summed,
)
from symjax.random.posterior._numbers import Numbers


def linear_form(root: Any, numbers: Numbers, limit: int) -> LinearForm | None:
    """An expression as a form over expressions of at most `limit` elements; None if it is not linear in data.

    Parameters
    ----------
    root : Tensor
        The expression, of static shape.
    numbers : Numbers
        Values of its parts that are data.
    limit : int
        Size at which an expression counts as small.
    """
    order = toposort([root])
    small = {n for n in order if n not in numbers and hasattr(n, "shape") and n.size <= limit}
    parts = {n for n in small if n.size == 1 and n.op is not None and n.op.name == "getitem" and n.parents[0] in small}
    stop = {n for n in order if n in numbers} | (small - parts - _repetitive(order, small, numbers))
    forms: dict[Any, LinearForm | None] = {}
    with detached():
        for node in toposort([root], stop=stop):
            if node in numbers:
                forms[node] = data_form(numbers(node))
                continue
            found = None if node in stop else _read(node, [forms.get(p) for p in node.parents])
            forms[node] = identity_form(node) if found is None and node in small else found
    return forms[root]


def _repetitive(order: Sequence[Any], small: set[Any], numbers: Numbers) -> set[Any]:
    """Of the small expressions those that have many more elements than the parameters that they are made of."""
    leaves: dict[Any, frozenset[Any]] = {}
    found = set()
    for node in order:
        if node in numbers:
            leaves[node] = frozenset()
        elif not node.parents:
            leaves[node] = frozenset([node])
        else:
            leaves[node] = frozenset().union(*(leaves[p] for p in node.parents))
            if node in small and node.size > 1 and node.size >= 4 * sum(x.size for x in leaves[node]):
                found.add(node)
    return found


def _read(node: Any, parts: Sequence[LinearForm | None]) -> LinearForm | None:
    if node.op is None or not hasattr(node, "shape"):
        return None
    reader = _READERS.get(node.op.name)
    known = [p for p in parts if p is not None]
    found = reader(node, known) if reader is not None and len(known) == len(parts) else None
    return _pulled(node, parts) if found is None and node.op.elementwise else found


def _pulled(node: Any, parts: Sequence[LinearForm | None]) -> LinearForm | None:
    """An elementwise operation on elements that were picked alike is done before they are picked."""
    index: tuple[Any, ...] | None = None
    shape: tuple[int, ...] = ()
    sources = []
    for parent, part in zip(node.parents, parts, strict=True):
        if part is None:
            return None
        if not part.columns and math.prod(part.shape) == 1:
            sources.append(T.reshape(parent, ()))
            continue
        picked = None if part.gather is None else aligned(part, node.shape).gather
        if picked is None:
            return None
        if picked.is_fixed:
            sources.append(picked.element())
            continue
        if index is not None and not (same_index(index, picked.index) and shape == picked.source.shape):
            return None
        index, shape = picked.index, picked.source.shape
        sources.append(picked.source)
    if index is None and not any(p is not None and p.columns for p in parts):
        return None
    return LinearForm(tuple(node.shape), (Column(make(node.op, sources, node.params), index or ()),))


def _read_add(node: Any, parts: Sequence[LinearForm]) -> LinearForm | None:
    return sum_of(*(aligned(p, node.shape) for p in parts))


def _read_subtract(node: Any, parts: Sequence[LinearForm]) -> LinearForm | None:
    a, b = (aligned(p, node.shape) for p in parts)
    return sum_of(a, negative(b))


def _read_multiply(node: Any, parts: Sequence[LinearForm]) -> LinearForm | None:
    a, b = (aligned(p, node.shape) for p in parts)
    return product_of(a, b)


def _read_divide(node: Any, parts: Sequence[LinearForm]) -> LinearForm | None:
    a, b = (aligned(p, node.shape) for p in parts)
    if b.columns:
        by = b.gather
        if by is None or not by.is_fixed:
            return None
        inverse = Column(1.0 / by.element(), ())
        return product_of(a, LinearForm(a.shape, (inverse,)))
    if b.offset is None or not np.all(b.offset):
        return None
    return scaled(a, 1.0 / b.offset)


def _read_cast(node: Any, parts: Sequence[LinearForm]) -> LinearForm | None:
    return parts[0] if node.parents[0].dtype.kind == "f" and node.dtype == np.float64 else None


def _read_where(node: Any, parts: Sequence[LinearForm]) -> LinearForm | None:
    mask, a, b = (aligned(p, node.shape) for p in parts)
    if mask.columns or mask.offset is None:
        return None
    chosen = mask.offset.astype(np.float64)
    return sum_of(scaled(a, chosen), scaled(b, 1.0 - chosen))


def _read_broadcast(node: Any, parts: Sequence[LinearForm]) -> LinearForm:
    return aligned(parts[0], node.shape)


def _read_transpose(node: Any, parts: Sequence[LinearForm]) -> LinearForm:
    axes = node.settings["axes"]
    return parts[0].map(lambda a: np.transpose(a, axes), node.shape)


def _read_getitem(node: Any, parts: Sequence[LinearForm]) -> LinearForm | None:
    source, *indices = parts
    if any(i.columns for i in indices):
        return None
    arrays = [np.asarray(i.offset) for i in indices]
    template = node.settings["index"]
    if "ellipsis" not in template and len(template) < len(source.shape):
        template = (*template, "ellipsis")
    used = sum(1 for e in template if e not in ("ellipsis", "newaxis"))
    try:
        return source.map(lambda a: _picked(a, source.shape, template, arrays, used), node.shape)
    except IndexError:
        return None


def _picked(a: np.ndarray, shape: Sequence[int], template: Sequence[Any], arrays: Sequence[np.ndarray], used: int) -> np.ndarray:
    """``a[index]`` with axes of length one standing for any length."""
    rest = iter(arrays)
    out: list[Any] = []
    axis = 0
    for e in template:
        if e == "newaxis":
            out.append(None)
            continue
        if e == "ellipsis":
            skip = len(shape) - used
            out += [slice(None)] * skip
            axis += skip
            continue
        entry = slice(*e[1:]) if isinstance(e, tuple) else next(rest) if e == "array" else e
        if isinstance(entry, np.ndarray) and entry.size and not -shape[axis] <= entry.min() <= entry.max() < shape[axis]:
            raise IndexError
        if a.shape[axis] != shape[axis]:
            entry = (
                slice(0, 1) if isinstance(entry, slice) else 0 if isinstance(entry, int) else np.zeros((1,) * entry.ndim, np.intp)
            )
        out.append(entry)
        axis += 1
    chosen = out[0] if len(out) == 1 else None
    if isinstance(chosen, np.ndarray) and chosen.dtype.kind in "iu" and chosen.size and chosen.min() >= 0:
        if np.array_equal(a, np.arange(len(a))):
            return chosen  # elements told by their places: the index itself, which need not be copied
    return a[tuple(out)]


def _read_moved(node: Any, parts: Sequence[LinearForm]) -> LinearForm:
    """An operation that puts elements in other places, told by where it puts their numbers."""
    [form] = parts
    places = getattr(np, node.op.name)(np.arange(math.prod(form.shape)).reshape(form.shape), **node.settings)

    def move(a: np.ndarray) -> np.ndarray:
        return a.reshape((1,) * places.ndim) if a.size == 1 else np.broadcast_to(a, form.shape).reshape(-1)[places]

    return form.map(move, places.shape)


def _read_sum(node: Any, parts: Sequence[LinearForm]) -> LinearForm | None:
    form = parts[0]
    for axis in sorted(node.settings["axis"], reverse=True):
        found = summed(form, axis)
        if found is None:
            return None
        form = found
    form = reshaped(form, node.shape)
    return (
        scaled(form, np.full((1,) * len(node.shape), math.prod(node.shape) / math.prod(parts[0].shape)))
        if node.op.name == "mean"
        else form
    )


def _read_matmul(node: Any, parts: Sequence[LinearForm]) -> LinearForm | None:
    a, b = parts
    if max(len(a.shape), len(b.shape)) > 2:
        return None
    rows, columns = a.shape[:-1] or (1,), b.shape[1:] or (1,)
    p = a.shape[-1]
    left, right = reshaped(a, (*rows, p, 1)), reshaped(b, (1, p, *columns))
    product = product_of(left, right)
    total = None if product is None else summed(product, 1)
    return None if total is None else reshaped(total, node.shape)


def _joined(node: Any, parts: Sequence[LinearForm], axis: int) -> LinearForm | None:
    found: LinearForm | None = LinearForm(tuple(node.shape))
    start = 0
    for part in parts:
        length = part.shape[axis]
        inside = np.zeros([node.shape[axis] if a == axis else 1 for a in range(node.ndim)])
        at = (slice(None),) * axis + (slice(start, start + length),)
        inside[at] = 1.0

        def padded(a: np.ndarray, at: Any = at) -> np.ndarray:
            if a.shape[axis] == 1:
                return a
            out = np.zeros([node.shape[axis] if i == axis else d for i, d in enumerate(a.shape)], a.dtype)
            out[at] = a
            return out

        whole = part.map(padded, node.shape)
        found = None if found is None else sum_of(found, scaled(whole, inside))
        start += length
    return found


def _read_concatenate(node: Any, parts: Sequence[LinearForm]) -> LinearForm | None:
    return _joined(node, parts, node.settings["axis"])


def _read_stack(node: Any, parts: Sequence[LinearForm]) -> LinearForm | None:
    axis = node.settings["axis"]
    shape = (*node.shape[:axis], 1, *node.shape[axis + 1 :])
    return _joined(node, [reshaped(p, shape) for p in parts], axis)


_READERS: dict[str, Callable[[Any, Sequence[LinearForm]], LinearForm | None]] = {
    "add": _read_add,
    "subtract": _read_subtract,
    "negative": lambda node, parts: negative(parts[0]),
    "multiply": _read_multiply,
    "divide": _read_divide,
    "cast": _read_cast,
    "alias": lambda node, parts: parts[0],
    "where": _read_where,
    "broadcast_to": _read_broadcast,
    "transpose": _read_transpose,
    "reshape": lambda node, parts: reshaped(parts[0], node.shape),
    "getitem": _read_getitem,
    "sum": _read_sum,
    "mean": _read_sum,
    "matmul": _read_matmul,
    "concatenate": _read_concatenate,
    "stack": _read_stack,
    "repeat": _read_moved,
    "tile": _read_moved,
    "flip": _read_moved,
    "roll": _read_moved,
}
