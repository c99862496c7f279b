"""Linear operations as sparse maps: which elements of an operand each element of the result is a sum of, with which weights.

The elements are found by doing the operation to an array of their numbers, in NumPy; weights stay symbols where they are not known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import symjax.tensor as T
from symjax.core._node import Constant
from symjax.tensor._index import decode

#: Number of weights of a map above which it is not worth writing down.
MAX_WEIGHTS = 1 << 20


class NotMapped(Exception):
    """A map is not written down: it has more than `MAX_WEIGHTS` weights, or settings that are not known."""


class Pick(NamedTuple):
    """One operation on one operand: ``y[i] = Σ_s weight[i, s] · factor[i, s] · x.ravel()[places[i, s]]``.

    Attributes
    ----------
    places : array of int
        Numbers of elements of the operand, shape ``(*result, s)``; −1 for none.
    weight : array of float or None
        Known weights, broadcastable to `places`.
    factor : Tensor or None
        Unknown weights, of as many axes as `places`, each of its length or 1.
    """

    places: np.ndarray
    weight: Any = None
    factor: Any = None


def _numbers(x: Any) -> np.ndarray:
    return np.arange(math.prod(x.shape)).reshape(x.shape)


def _checked(*shape: int) -> None:
    if math.prod(shape) > MAX_WEIGHTS:
        raise NotMapped


def _spread(x: Any, shape: Sequence[int]) -> np.ndarray:
    _checked(*shape)
    return np.broadcast_to(_numbers(x), shape)[..., None]


def _scalar_weights(other: Any, ndim: int, inverse: bool) -> tuple[Any, Any]:
    """Weight and factor of a product with `other`, or of a quotient by it."""
    if isinstance(other, Constant):
        value = np.asarray(other.value, float)
        return (1 / value if inverse else value)[..., None], None
    factor = T.reciprocal(other) if inverse else other
    return None, T.reshape(factor, (*(1,) * (ndim - other.ndim), *other.shape, 1))


def repeated(x: Any, shape: Sequence[int]) -> Pick:
    """`x` broadcast to a shape."""
    return Pick(_spread(x, shape))


# One function for each operation: ``f(node, place) -> Pick`` of the operand at a place ------------------------------------


def _elementwise(sign: Callable[[int], float]) -> Callable[[Any, int], Pick]:
    return lambda node, place: Pick(_spread(node.parents[place], node.shape), None if sign(place) == 1 else np.array(sign(place)))


def _multiply(node: Any, place: int) -> Pick:
    weight, factor = _scalar_weights(node.parents[1 - place], node.ndim, False)
    return Pick(_spread(node.parents[place], node.shape), weight, factor)


def _divide(node: Any, place: int) -> Pick | None:
    if place == 1:
        return None
    weight, factor = _scalar_weights(node.parents[1], node.ndim, True)
    return Pick(_spread(node.parents[0], node.shape), weight, factor)


def _where(node: Any, place: int) -> Pick | None:
    condition = node.parents[0]
    if place == 0 or not isinstance(condition, Constant):
        return None
    chosen = np.broadcast_to(np.asarray(condition.value, bool) == (place == 1), node.shape)[..., None]
    return Pick(np.where(chosen, _spread(node.parents[place], node.shape), -1))


#: Operations that move, repeat and drop elements, or fill gaps with zeros, with the settings that they may have.
_MOVES = {
    "reshape": {"shape"},
    "transpose": {"axes"},
    "broadcast_to": {"shape"},
    "tile": {"reps"},
    "repeat": {"repeats", "axis"},
    "flip": {"axis"},
    "roll": {"shift", "axis"},
    "tril": {"k"},
    "triu": {"k"},
    "diag": {"k"},
    "diagonal": {"offset", "axis1", "axis2"},
    "pad": {"pad_width", "mode"},
}
_MOVING_PADS = ("constant", "edge", "reflect", "symmetric", "wrap")


def _moving(name: str) -> Callable[[Any, int], Pick | None]:
    move = getattr(np, name)

    def pick(node: Any, place: int) -> Pick | None:
        _checked(*node.shape)
        settings = node.settings
        if not set(settings) <= _MOVES[name] or settings.get("mode", "constant") not in _MOVING_PADS:
            return None
        # numbers from one, so that gaps become −1
        return Pick((move(_numbers(node.parents[0]) + 1, **settings) - 1)[..., None])

    return pick


def _getitem(node: Any, place: int) -> Pick | None:
    x, *arrays = node.parents
    if place or not all(isinstance(a, Constant) for a in arrays):
        return None
    _checked(*node.shape)
    return Pick(_numbers(x)[decode(node.settings["index"], [np.asarray(a.value) for a in arrays])][..., None])


def _joining(join: Callable[..., np.ndarray]) -> Callable[[Any, int], Pick]:
    def pick(node: Any, place: int) -> Pick:
        _checked(*node.shape)
        parts = [_numbers(p) if i == place else np.full(p.shape, -1) for i, p in enumerate(node.parents)]
        return Pick(join(parts, **node.settings)[..., None])

    return pick


def _sum(node: Any, place: int) -> Pick:
    [x] = node.parents
    axes = node.settings["axis"]
    kept = [i for i in range(x.ndim) if i not in axes]
    _checked(*x.shape)
    places = _numbers(x).transpose(*kept, *axes).reshape(*(x.shape[i] for i in kept), -1)
    return Pick(places.reshape(*node.shape, places.shape[-1]))


def _mean(node: Any, place: int) -> Pick:
    total = _sum(node, place)
    return total._replace(weight=np.array(1 / max(total.places.shape[-1], 1)))


def _cumsum(node: Any, place: int) -> Pick:
    axis = node.settings["axis"]
    n = node.shape[axis]
    _checked(*node.shape, n)
    whole = np.moveaxis(np.repeat(np.moveaxis(_numbers(node), axis, -1)[..., None, :], n, -2), -2, axis)
    later = np.expand_dims(np.triu(np.ones((n, n), bool), 1), tuple(range(node.ndim - 1)))
    return Pick(np.where(np.moveaxis(later, -2, axis), -1, whole))


def _diff(node: Any, place: int) -> Pick:
    n, axis = node.settings.get("n", 1), node.settings.get("axis", -1)
    numbers = np.moveaxis(_numbers(node.parents[0]), axis, -1)
    length = numbers.shape[-1] - n
    _checked(*node.shape, n + 1)
    places = np.stack([np.moveaxis(numbers[..., j : j + length], -1, axis) for j in range(n + 1)], -1)
    return Pick(places, np.array([(-1.0) ** (n - j) * math.comb(n, j) for j in range(n + 1)]))


def _contraction(subscripts: Callable[[Any], str]) -> Callable[[Any, int], Pick | None]:
    """A sum over products of operands, by the labels of their axes."""

    def pick(node: Any, place: int) -> Pick | None:
        inputs, _, output = subscripts(node).replace(" ", "").partition("->")
        labels = inputs.split(",")
        if "." in inputs or any(len(a) != p.ndim for a, p in zip(labels, node.parents, strict=True)):
            return None
        output = output if "->" in subscripts(node) else "".join(sorted(c for c in set(inputs) - {","} if inputs.count(c) == 1))
        lengths = {c: n for a, p in zip(labels, node.parents, strict=True) for c, n in zip(a, p.shape, strict=True)}
        full = output + "".join(sorted(set(lengths) - set(output)))
        shape = tuple(lengths[c] for c in full)
        _checked(*shape)

        def numbers(i: int) -> np.ndarray:
            own = "".join(dict.fromkeys(c for c in full if c in labels[i]))
            found = np.einsum(f"{labels[i]}->{own}", _numbers(node.parents[i]))
            found = np.broadcast_to(found.reshape([lengths[c] if c in own else 1 for c in full]), shape)
            return found.reshape(*node.shape, -1)

        weight = factor = None
        for i, other in enumerate(node.parents):
            if i == place:
                continue
            if isinstance(other, Constant):
                values = np.ravel(np.asarray(other.value, float))[numbers(i)]
                weight = values if weight is None else weight * values
            else:
                values = T.ravel(other)[numbers(i)]
                factor = values if factor is None else factor * values
        return Pick(numbers(place), weight, factor)

    return pick


def _matmul_labels(node: Any) -> str:
    a, b = node.parents
    batch = max(a.ndim, b.ndim, 2) - 2
    lead = "abcdefgh"[:batch]
    left = "k" if a.ndim == 1 else lead[batch - (a.ndim - 2) :] + "ik"
    right = "k" if b.ndim == 1 else lead[batch - (b.ndim - 2) :] + "kj"
    return f"{left},{right}->{lead}{'i' if a.ndim > 1 else ''}{'j' if b.ndim > 1 else ''}"


def _tensordot_labels(node: Any) -> str:
    a, b = node.parents
    axes = node.settings.get("axes", 2)
    if isinstance(axes, int):
        axes = (tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes)))
    first, second = ((v,) if isinstance(v, int) else tuple(v) for v in axes)
    left, right = list("abcdefgh"[: a.ndim]), list("mnopqrst"[: b.ndim])
    for i, j in zip(first, second, strict=True):
        right[j % b.ndim] = left[i % a.ndim]
    shared = set(left) & set(right)
    return f"{''.join(left)},{''.join(right)}->{''.join(c for c in left + right if c not in shared)}"


_CONTRACTIONS: dict[str, Callable[[Any], str]] = {
    "einsum": lambda node: node.settings["subscripts"],
    "matmul": _matmul_labels,
    "tensordot": _tensordot_labels,
    "inner": lambda node: "i,i->" if node.parents[0].ndim == node.parents[1].ndim == 1 else "...",
    "vdot": lambda node: "i,i->" if node.parents[0].ndim == node.parents[1].ndim == 1 else "...",
    "outer": lambda node: "i,j->ij" if node.parents[0].ndim == node.parents[1].ndim == 1 else "...",
}
#: Operations that are products: linear in one operand where no other one is random.
PRODUCTS = frozenset((*_CONTRACTIONS, "multiply", "divide"))
MAPS: dict[str, Callable[[Any, int], Pick | None]] = {
    "add": _elementwise(lambda place: 1.0),
    "subtract": _elementwise(lambda place: -1.0 if place else 1.0),
    "negative": _elementwise(lambda place: -1.0),
    "positive": _elementwise(lambda place: 1.0),
    "multiply": _multiply,
    "divide": _divide,
    "where": _where,
    "getitem": _getitem,
    "stack": _joining(np.stack),
    "concatenate": _joining(np.concatenate),
    "sum": _sum,
    "mean": _mean,
    "cumsum": _cumsum,
    "diff": _diff,
    **{name: _contraction(labels) for name, labels in _CONTRACTIONS.items()},
    **{name: _moving(name) for name in _MOVES},
}


class Weights(NamedTuple):
    """A tensor's dependence on one source: ``Σ_s value[i, s] · factor[i, s] · source.ravel()[index[i, s]]``.

    Attributes
    ----------
    index : array of int
        Shape ``(*tensor, s)``; −1 where there is nothing.
    value : array of float
        Known weights, of the same shape, never zero where there is an index.
    factor : Tensor or None
        Unknown weights, of as many axes, each of its length or 1.
    nonzero : bool
        Whether the factor is proved never to be zero.
    """

    index: np.ndarray
    value: np.ndarray
    factor: Any = None
    nonzero: bool = True


def each(shape: tuple[int, ...]) -> Weights:
    """The dependence of a tensor on itself."""
    _checked(*shape)
    index = np.arange(math.prod(shape)).reshape(*shape, 1)
    return Weights(index, np.ones(index.shape))


def mapped(pick: Pick, x: Weights, facts: Callable[[Any], Any]) -> Weights:
    """The dependence of an operation's result from that of its operand."""
    places, n, r = pick.places, math.prod(x.index.shape[:-1]), x.index.shape[-1]
    out, s = places.shape[:-1], places.shape[-1]
    _checked(*places.shape, r)
    index = np.where(places[..., None] < 0, -1, x.index.reshape(n, r)[places] if n else -1)
    value = x.value.reshape(n, r)[places] if n else np.ones((*places.shape, r))
    if pick.weight is not None:
        value = value * (pick.weight[..., None] if np.ndim(pick.weight) else pick.weight)
    # a weight of zero is no weight, one that is no number stays
    index = np.where(value == 0, -1, index)
    factor = x.factor
    if factor is not None and any(d != 1 for d in factor.shape):
        rows = T.reshape(T.broadcast_to(factor, x.index.shape), (n, r))
        factor = rows[np.maximum(places, 0)]
    elif factor is not None:
        factor = T.reshape(factor, (1,) * (len(out) + 2))
    if pick.factor is not None:
        wide = T.reshape(pick.factor, (*pick.factor.shape, 1))
        factor = wide if factor is None else wide * factor
    if factor is not None:
        last = factor.shape[-2:]
        if last != (1, 1) and last != (s, r):
            factor = T.broadcast_to(factor, (*factor.shape[:-2], s, r))
        factor = T.reshape(factor, (*factor.shape[:-2], math.prod(factor.shape[-2:])))
    nonzero = x.nonzero and (pick.factor is None or facts(pick.factor).is_nonzero)
    return Weights(index.reshape(*out, s * r), value.reshape(*out, s * r), factor, nonzero)


def joined(parts: Sequence[Weights]) -> list[Weights]:
    """A sum of dependences on one source, those that are all known as one."""
    known = [p for p in parts if p.factor is None]
    rest = [p for p in parts if p.factor is not None]
    if len(known) < 2:
        return [*known, *rest]
    index, value = np.concatenate([p.index for p in known], -1), np.concatenate([p.value for p in known], -1)
    return [_merged(Weights(index, value)), *rest]


def _merged(x: Weights) -> Weights:
    """Known weights with those of the same element of a row added up."""
    shape, r = x.index.shape[:-1], x.index.shape[-1]
    index, value = x.index.reshape(-1, r), x.value.reshape(-1, r)
    order = np.argsort(index, -1, kind="stable")
    index, value = np.take_along_axis(index, order, -1), np.take_along_axis(value, order, -1)
    first = np.concatenate([np.ones((len(index), 1), bool), index[:, 1:] != index[:, :-1]], -1)
    if first.all():
        return x
    runs = np.cumsum(first, -1) - 1
    totals, heads = np.zeros_like(value), np.full_like(index, -1)
    rows = np.arange(len(index))[:, None]
    np.add.at(totals, (rows, runs), value)
    heads[np.broadcast_to(rows, runs.shape), runs] = index
    sizes = np.zeros_like(value)
    np.add.at(sizes, (rows, runs), np.abs(value))
    # what cancels but for rounding is nothing
    heads[np.abs(totals) <= 1e-13 * sizes] = -1
    width = max(int(runs.max(initial=0)) + 1, 1)
    return Weights(heads[:, :width].reshape(*shape, width), totals[:, :width].reshape(*shape, width))
