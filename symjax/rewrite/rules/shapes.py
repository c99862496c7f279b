"""Reshapes, transposes, broadcasts and indices that undo or contain each other."""

from __future__ import annotations

from typing import Any

import symjax.tensor as T
from symjax.core._node import Constant
from symjax.core._shapes import broadcast_shapes, is_static
from symjax.core._traverse import make
from symjax.rewrite._pattern import Elementwise, p, variables
from symjax.rewrite._rule import rule
from symjax.rewrite._terms import is_scalar, op_name
from symjax.tensor._index import ARRAY, decode

(x,) = variables("x")


@rule(p.reshape(p.reshape(x)))
def reshape_of_reshape(x: Any, node: Any) -> Any:
    """reshape(reshape(x)) = reshape(x)."""
    return T.reshape(x, node.shape) if is_static(node.shape) else None


@rule(p.transpose(p.transpose(x)))
def transpose_of_transpose(x: Any, node: Any) -> Any:
    """transpose(transpose(x)) = transpose(x), or x."""
    outer, inner = node.settings["axes"], node.parents[0].settings["axes"]
    return T.transpose(x, tuple(inner[i] for i in outer))


@rule(p.transpose(p.broadcast_to(x)), p.reshape(p.broadcast_to(x)), p.getitem(p.broadcast_to(x)))
def view_of_filled(x: Any, node: Any) -> Any:
    """Any view of an array that repeats one element repeats that element."""
    return T.broadcast_to(x, node.shape) if x.shape == () else None


@rule(p.broadcast_to(p.broadcast_to(x)))
def broadcast_of_broadcast(x: Any, node: Any) -> Any:
    """broadcast(broadcast(x)) = broadcast(x)."""
    return T.broadcast_to(x, node.shape)


@rule(Elementwise("broadcast_to"))
def elementwise_of_broadcast(node: Any) -> Any:
    """f(broadcast(x), y) = broadcast(f(x, y)) for elementwise f."""
    parents = [q.parents[0] if op_name(q) == "broadcast_to" else q for q in node.parents]
    if not all(is_static(q.shape) for q in (*parents, node)) and any(q.shape != () for q in parents):
        # an unknown length would be taken to be equal to whatever it meets
        if broadcast_shapes([q.shape for q in parents]) != node.shape:
            return None
    return make(node.op, parents, node.params)


@rule(p.getitem(...))
def item_at_number(node: Any) -> Any:
    """x[tensor of one number i] = x[i]."""
    x, *arrays = node.parents
    index = node.settings["index"]
    whole = [a for a in arrays if isinstance(a, Constant) and a.shape == ()]
    if not whole or len(whole) < len(arrays) or not is_static(x.shape):
        return None
    # numbers that are out of range are an error where they are written, and are not where they are computed
    places = [sum(1 for e in index[:i] if e != "newaxis") for i, e in enumerate(index) if e == ARRAY]
    if "ellipsis" in index or any(not -x.shape[k] <= int(a.value) < x.shape[k] for k, a in zip(places, arrays, strict=True)):
        return None
    return x[decode(index, [int(a.value) for a in arrays])]


@rule(p.getitem(p.stack(...)))
def item_of_stack(node: Any) -> Any:
    """stack(a, b, ...)[i] = the i-th of them, along the stacked axis."""
    stacked = node.parents[0]
    found = _split_index(node.settings["index"], stacked.settings["axis"])
    if found is None or not isinstance(found[1], int):
        return None
    before, i, after = found
    if before or after:
        return stacked.parents[i][decode((*before, *after), ())]
    return stacked.parents[i]


@rule(p.getitem(p.concatenate(...)))
def part_of_concatenate(node: Any) -> Any:
    """concatenate(a, b, ...)[i] or [i:j] is taken from the part that it lies in."""
    joined = node.parents[0]
    axis = joined.settings["axis"]
    found = _split_index(node.settings["index"], axis)
    if found is None or not is_static(joined.shape):
        return None
    before, entry, after = found
    n = joined.shape[axis]
    if isinstance(entry, int):
        start, stop = entry % n, entry % n + 1
    elif isinstance(entry, tuple) and entry[3] in (None, 1):
        start, stop, _ = slice(*entry[1:]).indices(n)
    else:
        return None
    offset = 0
    for part in joined.parents:
        length = part.shape[axis]
        if offset <= start < stop <= offset + length:
            local = start - offset if isinstance(entry, int) else ("slice", start - offset, stop - offset, None)
            return part[decode((*before, local, *after), ())]
        offset += length
    return None


def _split_index(template: tuple[Any, ...], axis: int) -> tuple[tuple[Any, ...], Any, tuple[Any, ...]] | None:
    """A static index as (entries before, entry of `axis`, entries after); None where it is not that plain."""
    if any(isinstance(e, str) for e in template[: axis + 1]) or len(template) <= axis:
        return None
    return template[:axis], template[axis], template[axis + 1 :]


@rule(p.stack(...))
def stack_of_items(node: Any) -> Any:
    """stack(x[0], ..., x[n-1]) = x for all n elements along the first axis."""
    if node.settings["axis"] != 0 or any(op_name(q) != "getitem" or len(q.parents) > 1 for q in node.parents):
        return None
    source = node.parents[0].parents[0]
    same = all(q.parents[0] is source and q.settings["index"] == (i,) for i, q in enumerate(node.parents))
    return source if same and source.shape == node.shape else None


@rule(p.concatenate(x))
def concatenate_of_one(x: Any) -> Any:
    """concatenate(x) = x."""
    return x


@rule(p.tile(x), p.repeat(x))
def repeat_of_one(x: Any, node: Any) -> Any:
    """An array that repeats a single element is that element broadcast."""
    if not is_scalar(x) or not is_static(node.shape):
        return None
    return T.broadcast_to(T.reshape(x, ()), node.shape)
