"""Expressions evaluated at all values of the discrete latents that they depend on.

The spread of a node has one leading axis for each of its slots, along which the latent's element takes its values, and after them
the node's own axes, of length one where nothing depends. What does not depend on the latents is shared, not copied.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

import symjax.tensor as T
from symjax.core._leaves import constant
from symjax.core._node import ITEM, Constant, item
from symjax.core._op import Operator
from symjax.core._scope import detached
from symjax.core._traverse import make, toposort
from symjax.random._distribution import REQUIRE, require
from symjax.random.posterior.discrete_places import (
    MOVES,
    TAKE_ALONG_AXIS,
    WHOLE,
    Places,
    index_axes,
    is_along,
    is_reduction,
    padded,
    shrunk,
)
from symjax.rewrite import Facts
from symjax.tensor._elementwise import CAST
from symjax.tensor._index import ARRAY, GETITEM
from symjax.tensor._linalg import MATMUL
from symjax.tensor._shape_ops import BROADCAST_TO, CONCATENATE, RESHAPE, STACK, TRANSPOSE

_LOGIC = ("logical_and", "logical_or", "logical_not", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
_ARITHMETIC = ("add", "subtract", "multiply", "maximum", "minimum", "negative", "abs", "floor", "where")
#: What is done to values at once, so that conditions on them become numbers.
_FOLDED: dict[str, Callable[..., Any]] = {name: getattr(np, name) for name in (*_LOGIC, *_ARITHMETIC)}


def spread(outputs: Sequence[Any], places: Mapping[Any, Places], values: Mapping[Any, np.ndarray]) -> list[Any]:
    """Outputs evaluated at all values.

    Parameters
    ----------
    outputs : sequence of Tensor
        Expressions.
    places : dict
        As `places_of` gives them.
    values : dict of Latent to array
        Values of the latents, of shape ``(k, *shape)``, `shape` broadcastable to that of the latent.

    Returns
    -------
    list of Tensor
        Arrays with a leading axis for each slot of an output and then axes that broadcast to the output's; outputs that depend on
        no latent as they are.
    """
    with detached():
        spreader = _Spreader(places)
        for node in toposort(outputs, stop=values.keys()):
            if node in values:
                spreader.arrays[node] = _constant(padded(np.asarray(values[node]), node.ndim, 1).astype(node.dtype), 1)
            elif node in places:
                spreader.arrays[node] = spreader.visit(node)
        return [spreader.arrays.get(o, o) for o in outputs]


def arranged(array: Any, route: Sequence[int], n_slots: int, ndim: int) -> Any:
    """A spread array with its slots where they are among `n_slots`, and its own axes padded in front to `ndim`."""
    lead = len(route)
    order = sorted(range(lead), key=lambda j: route[j])
    order = (*order, *range(lead, array.ndim))
    lengths = iter([array.shape[j] for j in order])
    slots = [next(lengths) if r in route else 1 for r in range(n_slots)]
    shape = (*slots, *(1,) * (ndim + lead - array.ndim), *array.shape[lead:])
    if isinstance(array, Constant):
        return constant(np.asarray(array.value).transpose(order).reshape(shape))
    return T.reshape(T.transpose(array, order), shape)


def filled(array: Any, lead: int, shape: Sequence[Any], axes: Sequence[int] | None = None) -> Any:
    """A spread array with its own axes, or those named, at full length."""
    own = array.shape[lead:]
    wanted = [n if axes is None or a in axes else own[a] for a, n in enumerate(shape)]
    return T.broadcast_to(array, (*array.shape[:lead], *wanted))


def _constant(value: np.ndarray, lead: int) -> Constant:
    return constant(np.ascontiguousarray(shrunk(value, lead)))


def _is_uniform(array: Any, lead: int) -> bool:
    """Whether a spread array is the same for all elements of its node."""
    return all(n == 1 for n in array.shape[lead:])


def _counts(array: Any, length: Any) -> bool:
    """Whether a spread array of one slot is 0, 1, ..., `length` - 1, the same for all elements: a full axis."""
    if not isinstance(array, Constant) or array.shape[0] != length or array.size != length:
        return False
    return bool((np.asarray(array.value).ravel() == np.arange(length)).all())


@functools.cache
def _batch(op: Operator, levels: tuple[tuple[bool, ...], ...]) -> Operator:
    """`op` over leading axes: for each of them which operands have it."""

    def run(*arrays: Any, **params: Any) -> Any:
        # the bodies of loops come here only if they do not draw, and need no keys then
        fn: Any = functools.partial(op.fn, *((None,) if op.random else ()), **params)
        for level in reversed(levels):
            fn = jax.vmap(fn, in_axes=tuple(0 if has else None for has in level))
        return fn(*arrays)

    return Operator(op.name, run, multiple=op.multiple)


#: Operations with an infinite derivative where an operand has one of some values: its position, and the values.
_SINGULAR: dict[str, tuple[int, tuple[float, ...]]] = {
    "log": (0, (0,)), "log2": (0, (0,)), "log10": (0, (0,)), "log1p": (0, (-1,)), "logit": (0, (0, 1)), "sqrt": (0, (0,)),
    "xlogy": (1, (0,)), "xlog1py": (1, (-1,)), "divide": (1, (0,)), "reciprocal": (0, (0,)), "power": (0, (0,)),
}  # fmt: skip


def _steady(x: Any, written: Any, points: Sequence[float]) -> Any:
    """`x` as a constant at points with an infinite derivative.

    Where a discrete value sets it to such a point, as in ``log(rate * z)`` at z = 0, it does not move, and 0 · ∞ is zero.
    """
    fact = Facts()(written)
    if isinstance(x, Constant) or (points == (0,) and (fact.positive or fact.negative)):
        return x
    at = functools.reduce(T.logical_or, [T.equal(x, value) for value in points])
    return T.where(at, T.stop_gradient(x), x)


class _Spreader:
    def __init__(self, places: Mapping[Any, Places]):
        self.places = places
        self.arrays: dict[Any, Any] = {}

    def visit(self, node: Any) -> Any:
        op = node.op
        if op is ITEM:
            return item(self.arrays[node.parents[0]], node.settings["index"])
        if op.elementwise:
            return self._elementwise(node)
        if is_reduction(op) or is_along(op):
            return self._over_axes(node)
        rule = _SPECIAL.get(op)
        found = None if rule is None else rule(self, node)
        return self._batched(node) if found is None else found

    def _parts(self, node: Any) -> list[tuple[Any, Any, tuple[int, ...]]]:
        """Parents with their spreads (None where they do not depend) and routes."""
        routes = self.places[node].routes
        return [(p, self.arrays.get(p), r) for p, r in zip(node.parents, routes, strict=True)]

    def _n_slots(self, node: Any) -> int:
        return len(self.places[node].slots)

    def _elementwise(self, node: Any) -> Any:
        n = self._n_slots(node)
        operands = [p if own is None else arranged(own, route, n, node.ndim) for p, own, route in self._parts(node)]
        place, points = _SINGULAR.get(node.op.name, (0, ()))
        is_smooth = node.op.name == "power" and isinstance(operands[1], Constant) and np.min(operands[1].value) >= 1
        if points and not is_smooth and self.arrays.get(node.parents[place]) is not None:
            operands[place] = _steady(operands[place], node.parents[place], points)
        if all(isinstance(x, Constant) for x in operands):
            numbers = [np.asarray(x.value) for x in operands]
            if node.op is CAST:
                return _constant(numbers[0].astype(node.dtype), n)
            if node.op.name in _FOLDED:
                return _constant(_FOLDED[node.op.name](*numbers).astype(node.dtype), n)
        made = make(node.op, operands, node.params)
        return made if node.op is not REQUIRE else T.broadcast_to(require(*operands), made.shape)

    def _over_axes(self, node: Any) -> Any:
        [(p, own, route)] = self._parts(node)
        n, axis = self._n_slots(node), node.settings["axis"]
        axes = axis if isinstance(axis, tuple) else (axis,)
        array = filled(arranged(own, route, n, p.ndim), n, p.shape, axes)
        moved = tuple(n + a for a in axes)
        return make(node.op, [array], {**node.settings, "axis": moved if isinstance(axis, tuple) else moved[0]})

    def _batched(self, node: Any) -> Any:
        """Any operation, one more axis at a time."""
        n = self._n_slots(node)
        operands, has = [], []
        for p, own, route in self._parts(node):
            if own is not None:
                full = filled(own, len(route), p.shape)
                order = sorted(range(len(route)), key=lambda j: route[j])
                own = T.transpose(full, (*order, *range(len(route), full.ndim)))
            operands.append(p if own is None else own)
            has.append(set(route))
        levels = tuple(tuple(r in h for h in has) for r in range(n))
        return make(_batch(node.op, levels), operands, node.params)

    def _broadcast(self, node: Any) -> Any:
        [(_, own, route)] = self._parts(node)
        return arranged(own, route, self._n_slots(node), node.ndim)

    def _transposed(self, node: Any) -> Any:
        [(p, own, route)] = self._parts(node)
        n = self._n_slots(node)
        return T.transpose(arranged(own, route, n, p.ndim), (*range(n), *(n + a for a in node.settings["axes"])))

    def _moved(self, node: Any) -> Any:
        """An operation that only moves elements, where all are alike; reshaping in general."""
        [(p, own, route)] = self._parts(node)
        n = self._n_slots(node)
        if _is_uniform(own, len(route)):
            return arranged(T.reshape(own, own.shape[: len(route)]), route, n, node.ndim)
        if node.op is not RESHAPE:
            return None
        full = filled(arranged(own, route, n, p.ndim), n, p.shape)
        return T.reshape(full, (*full.shape[:n], *node.shape))

    def _joined(self, node: Any) -> Any:
        [k] = {own.shape[0] for _, own, _ in self._parts(node) if own is not None}
        axis = node.settings["axis"] + 1
        parts = [T.broadcast_to(p if own is None else own, (k, *p.shape)) for p, own, _ in self._parts(node)]
        sources = [p if own is None else own for p, own, _ in self._parts(node)]
        if all(isinstance(s, Constant) for s in sources):
            join = np.stack if node.op is STACK else np.concatenate
            numbers = [np.broadcast_to(s.value, part.shape) for s, part in zip(sources, parts, strict=True)]
            return _constant(join(numbers, axis).astype(node.dtype), 1)
        return make(node.op, parts, {"axis": axis})

    def _multiplied(self, node: Any) -> Any:
        (a, own, route), (b, other, _) = self._parts(node)
        if other is not None or b.ndim > 2 or a.ndim < 2:
            return None
        return make(MATMUL, [filled(arranged(own, route, self._n_slots(node), a.ndim), self._n_slots(node), a.shape), b])

    def _indexed(self, node: Any) -> Any:
        (x, own, route), *indices = self._parts(node)
        n, template = self._n_slots(node), node.settings["index"]
        chosen = [(k, a, i, r) for k, (a, i, r) in enumerate(indices) if i is not None]
        axes, at, is_adjacent = index_axes(template, x.ndim) if indices else ([], 0, True)
        if not chosen:
            return self._part(node, own, route, is_adjacent)
        if len(indices) == 1 and not set(chosen[0][3]) & set(route) and _counts(chosen[0][2], x.shape[axes[0]]):
            return self._whole_axis(node, at)
        if own is None and template[0] == ARRAY and at == 0:
            depth = max(a.ndim for a, _, _ in indices)
            arrays = [a if i is None else arranged(i, r, n, depth) for a, i, r in indices]
            return make(GETITEM, [x, *arrays], node.params)
        return None

    def _part(self, node: Any, own: Any, route: tuple[int, ...], is_adjacent: bool) -> Any:
        """A part, at places that are the same for all values."""
        n, x = self._n_slots(node), node.parents[0]
        if _is_uniform(own, len(route)):
            return arranged(T.reshape(own, own.shape[: len(route)]), route, n, node.ndim)
        if not is_adjacent:
            return None
        full = filled(arranged(own, route, n, x.ndim), n, x.shape)
        return make(GETITEM, [full, *node.parents[1:]], {"index": (*(WHOLE,) * n, *node.settings["index"])})

    def _whole_axis(self, node: Any, at: int) -> Any:
        """An axis from which every value takes its own element: the axis itself, moved."""
        (x, own, x_route), (index, _, route) = self._parts(node)
        lead = 0 if own is None else len(x_route)
        full = x if own is None else filled(own, lead, x.shape)
        template = node.settings["index"]
        place = template.index(ARRAY)
        kept = (*(WHOLE,) * lead, *template[:place], WHOLE, *template[place + 1 :])
        part = full if set(kept) <= {WHOLE, "ellipsis"} else make(GETITEM, [full], {"index": kept})
        before = sum(1 for e in template[:place] if e == "newaxis" or isinstance(e, tuple))
        if "ellipsis" in template[:place]:
            before += x.ndim - sum(1 for e in template if e not in ("newaxis", "ellipsis"))
        moved = T.moveaxis(part, lead + before, 0)
        base = moved.shape[lead + 1 :]
        shape = (*moved.shape[: lead + 1], *base[:at], *(1,) * index.ndim, *base[at:])
        return arranged(T.reshape(moved, shape), (*route, *x_route), self._n_slots(node), node.ndim)

    def _taken(self, node: Any) -> Any:
        (x, own, x_route), (index, chosen, route) = self._parts(node)
        n, axis = self._n_slots(node), node.settings["axis"] % x.ndim
        lead = 0 if own is None else len(x_route)
        full = x if own is None else filled(own, lead, x.shape, [axis])
        if chosen is not None and not set(route) & set(x_route) and _counts(chosen, x.shape[axis]):
            moved = T.moveaxis(full, lead + axis, 0)
            shape = (*moved.shape[: lead + 1 + axis], 1, *moved.shape[lead + 1 + axis :])
            return arranged(T.reshape(moved, shape), (*route, *x_route), n, x.ndim)
        array = arranged(full, x_route, n, x.ndim) if lead else T.reshape(full, (*(1,) * n, *x.shape))
        places = T.reshape(index, (*(1,) * n, *index.shape)) if chosen is None else arranged(chosen, route, n, index.ndim)
        return T.take_along_axis(array, filled(places, n, index.shape, [axis]), n + axis)


_SPECIAL: dict[Any, Callable[[_Spreader, Any], Any]] = {
    BROADCAST_TO: _Spreader._broadcast,
    TRANSPOSE: _Spreader._transposed,
    RESHAPE: _Spreader._moved,
    **dict.fromkeys(MOVES, _Spreader._moved),
    STACK: _Spreader._joined,
    CONCATENATE: _Spreader._joined,
    MATMUL: _Spreader._multiplied,
    GETITEM: _Spreader._indexed,
    TAKE_ALONG_AXIS: _Spreader._taken,
}
