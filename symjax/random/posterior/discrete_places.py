"""Which elements of discrete latents each element of an expression depends on.

The places of an expression are arrays of whole numbers: an element's entry is the number of the one element of the latents that it
depends on, or `NOWHERE`. They are found by doing to numbered elements what the expression does to the latents, and stay of length
one along axes on which nothing depends. An expression that needs two elements at once, as ``z[1:] - z[:-1]`` does, has two arrays
of places, its slots; more are refused.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from symjax.core._node import MultiOutputOp
from symjax.core._traverse import toposort
from symjax.random.posterior._joint import is_data, value_of
from symjax.tensor._index import ARRAY, GETITEM, decode
from symjax.tensor._linalg import MATMUL
from symjax.tensor._reduce import _infer_along
from symjax.tensor._shape_ops import BROADCAST_TO, CONCATENATE, RESHAPE, STACK, TRANSPOSE
from symjax.tensor._wrap import OPERATORS, _infer_reduction

NOWHERE = -1
MAX_SLOTS = 2
WHOLE = ("slice", None, None, None)
TAKE_ALONG_AXIS = OPERATORS["take_along_axis"]
#: Operations that only move elements, and how NumPy does the same to an array of places.
MOVES = {OPERATORS[n]: getattr(np, n) for n in ("flip", "roll", "repeat", "tile", "diagonal", "squeeze") if n in OPERATORS}


class Tied(Exception):
    """An expression needs more elements of a latent at once than can be followed; the message says where."""


class Places(NamedTuple):
    """Places of a node.

    Attributes
    ----------
    slots : tuple of int array
        Each broadcastable to the node's shape, with as many axes.
    routes : tuple of tuple of int
        For each parent the slot of this node that each of the parent's slots is.
    """

    slots: tuple[np.ndarray, ...]
    routes: tuple[tuple[int, ...], ...]


def shrunk(array: np.ndarray, first: int = 0) -> np.ndarray:
    """`array` with length one along the axes, from `first` on, on which it does not depend."""
    for axis in range(first, array.ndim):
        if array.shape[axis] > 1:
            head = array[(*(slice(None),) * axis, slice(0, 1))]
            if (array == head).all():
                array = head
    return array


def padded(array: np.ndarray, ndim: int, lead: int = 0) -> np.ndarray:
    """`array` with axes of length one after the first `lead`, so that `ndim` axes follow those."""
    shape = array.shape
    return array.reshape((*shape[:lead], *(1,) * (ndim - array.ndim + lead), *shape[lead:]))


def _agree(a: np.ndarray, b: np.ndarray) -> bool:
    return a is b or bool(((a == b) | (a == NOWHERE) | (b == NOWHERE)).all())


def united(groups: Sequence[Sequence[np.ndarray]]) -> Places:
    """One set of slots from those of several operands, all with equally many axes.

    Raises
    ------
    Tied
        If they are too many.
    """
    slots: list[np.ndarray] = []
    routes = []
    for group in groups:
        route = []
        for places in group:
            at = next((i for i, s in enumerate(slots) if i not in route and _agree(s, places)), len(slots))
            if at == len(slots):
                slots.append(places)
            elif slots[at] is not places and slots[at].shape != places.shape or NOWHERE in slots[at]:
                slots[at] = np.maximum(slots[at], places)
            route.append(at)
        routes.append(tuple(route))
    if len(slots) > MAX_SLOTS:
        raise Tied(f"depends on {len(slots)} elements at once")
    return Places(tuple(slots), tuple(routes))


def index_axes(template: tuple[Any, ...], ndim: int) -> tuple[list[int], int, bool]:
    """How tensors index: the axis of each, the place of the axes that they make in the result, and whether they are neighbours."""
    used = sum(1 for e in template if e not in ("newaxis", "ellipsis"))
    axes, picks, axis, out = [], [], 0, 0
    for position, e in enumerate(template):
        if e == "ellipsis":
            axis, out = axis + ndim - used, out + ndim - used
        elif e == "newaxis":
            out += 1
        elif isinstance(e, tuple):
            axis, out = axis + 1, out + 1
        else:
            picks.append((position, out))
            if e == ARRAY:
                axes.append(axis)
            axis += 1
    positions = [p for p, _ in picks]
    is_adjacent = positions == list(range(positions[0], positions[0] + len(positions)))
    return axes, picks[0][1] if is_adjacent else 0, is_adjacent


def is_reduction(op: Any) -> bool:
    """Whether an operation maps axes to one number each."""
    return op.infer is _infer_reduction


def is_along(op: Any) -> bool:
    """Whether an operation mixes elements along one axis and keeps the shape."""
    return op.infer is _infer_along


def places_of(outputs: Sequence[Any], sources: Mapping[Any, np.ndarray]) -> dict[Any, Places]:
    """Places of every node that depends on latents.

    Parameters
    ----------
    outputs : sequence of Tensor
        Expressions.
    sources : dict of Latent to int array
        The numbers of the latents' own elements, broadcastable to their shapes.

    Raises
    ------
    Tied
        If a node needs more than `MAX_SLOTS` elements at once.
    """
    found: dict[Any, Places] = {}
    for node in toposort(outputs, stop=sources.keys()):
        if node in sources:
            found[node] = Places((padded(sources[node], node.ndim),), ())
        elif any(p in found for p in node.parents):
            groups = [found[p].slots if p in found else () for p in node.parents]
            try:
                slots, routes = _rule_of(node)(node, groups)
            except Tied as tied:
                raise Tied(f"{tied} (in `{node.fn_name}`)") from None
            if not isinstance(node, MultiOutputOp):
                slots = tuple(shrunk(s) for s in slots)
            found[node] = Places(slots, routes)
    return found


def _rule_of(node: Any) -> Callable[[Any, Any], Places]:
    op = node.op
    if op.elementwise:
        return _elementwise
    if node.token is not None or any(getattr(v, "tokens", ()) for _, v in node.params):
        return _refused
    if is_reduction(op) or is_along(op):
        return _over_axes
    return _RULES.get(op, _moved if op in MOVES else _mixed)


def _refused(node: Any, groups: Any) -> Places:
    raise Tied("depends on it through a draw")


def _elementwise(node: Any, groups: Any) -> Places:
    return united([[padded(s, node.ndim) for s in g] for g in groups])


def _over_axes(node: Any, groups: Any) -> Places:
    [slots] = groups
    axis = node.settings["axis"]
    axes = axis if isinstance(axis, tuple) else (axis,)
    if any(s.shape[a] != 1 for s in slots for a in axes):
        raise Tied("depends on several of its elements at once")
    if is_along(node.op) or node.settings.get("keepdims"):
        return united([slots])
    return united([[s.reshape([n for a, n in enumerate(s.shape) if a not in axes]) for s in slots]])


def _mixed(node: Any, groups: Any) -> Places:
    """An operation of which nothing is known: each of its elements may depend on all of its operands."""
    if any(s.size != 1 for g in groups for s in g):
        raise Tied("depends on several of its elements at once")
    ndim = 0 if isinstance(node, MultiOutputOp) else node.ndim
    return united([[s.reshape((1,) * ndim) for s in g] for g in groups])


def _moved_by(move: Callable[[np.ndarray], np.ndarray], node: Any, groups: Any) -> Places:
    """Places where one operand's elements are moved about."""
    shape, ndim = node.parents[0].shape, node.ndim
    return united([[s.reshape((1,) * ndim) if s.size == 1 else move(np.broadcast_to(s, shape)) for s in groups[0]]])


def _moved(node: Any, groups: Any) -> Places:
    return _moved_by(functools.partial(MOVES[node.op], **node.settings), node, groups)


def _reshaped(node: Any, groups: Any) -> Places:
    return _moved_by(lambda s: s.reshape(node.shape), node, groups)


def _transposed(node: Any, groups: Any) -> Places:
    return united([[s.transpose(node.settings["axes"]) for s in groups[0]]])


def _broadcast(node: Any, groups: Any) -> Places:
    return united([[padded(s, node.ndim) for s in groups[0]]])


def _joined(node: Any, groups: Any) -> Places:
    """Each part of the result depends on its own operand alone, so that one slot serves all."""
    if any(len(g) > 1 for g in groups):
        raise Tied("joins parts that depend on two elements each")
    join = np.stack if node.op is STACK else np.concatenate
    parts = [np.broadcast_to(g[0] if g else np.int64(NOWHERE), p.shape) for g, p in zip(groups, node.parents, strict=True)]
    return Places((join(parts, node.settings["axis"]),), tuple((0,) * len(g) for g in groups))


def _indexed(node: Any, groups: Any) -> Places:
    x, *arrays = node.parents
    template = node.settings["index"]
    if not arrays:
        return _moved_by(lambda s: s[decode(template, ())], node, groups)
    axes, at, _ = index_axes(template, x.ndim)
    known = [not g and is_data(a) for a, g in zip(arrays, groups[1:], strict=True)]
    own = []
    for s in groups[0]:
        if s.size == 1:
            own.append(s.reshape((1,) * node.ndim))
            continue
        if any(s.shape[axis] != 1 for axis, k in zip(axes, known, strict=True) if not k):
            raise Tied("is indexed by what is not data along an axis on which it depends")
        places = [value_of(a) if k else np.zeros(a.shape, int) for a, k in zip(arrays, known, strict=True)]
        try:
            own.append(np.broadcast_to(s, x.shape)[decode(template, places)])
        except IndexError:
            raise Tied("is indexed out of its range") from None
    after = node.ndim - at - max(a.ndim for a in arrays)
    return united([own, *([padded(s.reshape((*s.shape, *(1,) * after)), node.ndim) for s in g] for g in groups[1:])])


def _taken(node: Any, groups: Any) -> Places:
    x, _ = node.parents
    axis = node.settings["axis"] % x.ndim
    if any(s.shape[axis] != 1 for s in groups[0]):
        raise Tied("depends on several of its elements at once")
    return united(groups)


def _multiplied(node: Any, groups: Any) -> Places:
    """A batch of rows times a matrix, where the rows depend on an element each."""
    a, b = node.parents
    if groups[1] or b.ndim > 2 or a.ndim < 2 or any(s.shape[-1] != 1 for s in groups[0]):
        return _mixed(node, groups)
    return united([[s[..., 0] if b.ndim == 1 else s for s in groups[0]], ()])


_RULES: dict[Any, Callable[[Any, Any], Places]] = {
    RESHAPE: _reshaped,
    TRANSPOSE: _transposed,
    BROADCAST_TO: _broadcast,
    STACK: _joined,
    CONCATENATE: _joined,
    GETITEM: _indexed,
    TAKE_ALONG_AXIS: _taken,
    MATMUL: _multiplied,
}
