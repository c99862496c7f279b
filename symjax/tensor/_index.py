"""Indexing: reading parts of a tensor, and building a tensor with parts changed."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax._errors import ShapeError
from symjax.core._leaves import as_tensor, constant
from symjax.core._node import METHODS, Constant, Tensor
from symjax.core._op import Aval, Operator
from symjax.core._shapes import broadcast_shapes, is_symbolic
from symjax.core._traverse import apply
from symjax.tensor._wrap import register, wrap

#: Stands in a static index for a tensor-valued entry, which is the next of the operation's parents.
ARRAY = "array"


def _encode(index: Any) -> tuple[tuple[Any, ...], list[Tensor]]:
    """An index as a hashable template and the tensors that go in its gaps."""
    entries = index if isinstance(index, tuple) else (index,)
    template: list[Any] = []
    arrays: list[Tensor] = []
    for e in entries:
        if e is None or e is Ellipsis:
            template.append("newaxis" if e is None else "ellipsis")
        elif isinstance(e, slice):
            template.append(("slice", _bound(e.start), _bound(e.stop), _bound(e.step)))
        elif isinstance(e, (int, np.integer)) and not isinstance(e, bool):
            template.append(int(e))
        elif hasattr(e, "dimension_as_value"):
            template.append(e)
        else:
            template.extend([ARRAY] * _add_array(e, arrays))
    return tuple(template), arrays


def _bound(b: Any) -> Any:
    if isinstance(b, Tensor):
        from symjax.tensor._shape_ops import as_shape

        return as_shape((b,))[0]
    return b if b is None or hasattr(b, "dimension_as_value") else int(b)


def _add_array(entry: Any, arrays: list[Tensor]) -> int:
    tensor = as_tensor(np.asarray(entry) if isinstance(entry, (list, bool)) and not _has_tensor(entry) else entry)
    if tensor.dtype == np.bool_:
        if not isinstance(tensor, Constant):
            raise ShapeError(
                f"a boolean index must be known when the graph is built, got {tensor!r}: the result's shape depends on it. "
                "Use `T.where(mask, x, other)` instead."
            )
        found = np.nonzero(np.asarray(tensor.value))
        arrays.extend(constant(i) for i in found)
        return len(found)
    if tensor.dtype.kind not in "iu":
        if isinstance(tensor, Constant) and np.asarray(tensor.value).size == 0:
            tensor = constant(np.asarray(tensor.value).astype(np.int64))
        else:
            raise TypeError(f"an index must be of integers or booleans, got {tensor!r}.")
    arrays.append(tensor)
    return 1


def _has_tensor(entry: Any) -> bool:
    return isinstance(entry, list) and any(isinstance(e, Tensor) for e in entry)


def decode(template: tuple[Any, ...], arrays: Any) -> tuple[Any, ...]:
    """The index that a template and its arrays stand for."""
    rest = iter(arrays)
    known = {"newaxis": None, "ellipsis": Ellipsis}
    out: list[Any] = []
    for e in template:
        if isinstance(e, tuple):
            out.append(slice(*e[1:]))
        elif isinstance(e, str):
            out.append(next(rest) if e == ARRAY else known[e])
        else:
            out.append(e)
    return tuple(out)


def _slice_length(n: Any, s: tuple[Any, ...]) -> Any:
    _, start, stop, step = s
    if not is_symbolic(n) and not any(is_symbolic(b) for b in (start, stop) if b is not None):
        return len(range(*slice(start, stop, step).indices(int(n))))
    if start is None and stop is None and not is_symbolic(step) and step is not None:
        return -(-n // abs(step))
    if step not in (None, 1):
        raise ShapeError("a slice with a step along an axis of unknown length is not supported; slice a known axis.")
    first = 0 if start is None else start
    last = n if stop is None else stop
    last = n + last if not is_symbolic(last) and last < 0 else last
    first = n + first if not is_symbolic(first) and first < 0 else first
    return last - first


def _infer_getitem(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    x, *arrays = avals
    template = params["index"]
    used = sum(1 for e in template if isinstance(e, tuple) or (e == ARRAY) or not isinstance(e, (str, tuple)))
    if used > len(x.shape):
        raise ShapeError(f"too many indices ({used}) for a tensor of shape {x.shape}.")
    if "ellipsis" not in template:
        template = (*template, "ellipsis")
    shape: list[Any] = []
    axis, places, shapes = 0, [], iter([a.shape for a in arrays])
    picked: list[tuple[Any, ...]] = []
    for position, e in enumerate(template):
        if e == "newaxis":
            shape.append(1)
        elif e == "ellipsis":
            skip = len(x.shape) - used
            shape.extend(x.shape[axis : axis + skip])
            axis += skip
        elif isinstance(e, tuple):
            shape.append(_slice_length(x.shape[axis], e))
            axis += 1
        else:
            _check_bounds(e, x.shape, axis)
            if e == ARRAY or arrays:
                places.append((position, len(shape)))
                picked.append(next(shapes) if e == ARRAY else ())
            axis += 1
    if places:
        common = broadcast_shapes(picked)
        positions = [p for p, _ in places]
        adjacent = positions == list(range(positions[0], positions[0] + len(positions)))
        at = places[0][1] if adjacent else 0
        shape[at:at] = common
    return Aval(tuple(shape), x.dtype, x.weak)


def _check_bounds(e: Any, shape: tuple[Any, ...], axis: int) -> None:
    n = shape[axis]
    if isinstance(e, int) and not is_symbolic(n) and not -n <= e < n:
        raise IndexError(f"index {e} is out of range for axis {axis} of length {n}.")


GETITEM = register(Operator("getitem", lambda x, *arrays, index: jnp.asarray(x)[decode(index, arrays)], _infer_getitem))


def getitem(x: Any, index: Any) -> Tensor:
    """``x[index]``: integers, slices, None, Ellipsis, integer arrays or tensors, and boolean masks that are known."""
    x = as_tensor(x)
    template, arrays = _encode(index)
    if all(e == ("slice", None, None, None) or e == "ellipsis" for e in template) and len(template) <= max(x.ndim, 1):
        return x
    return apply(GETITEM, [x, *arrays], {"index": template})


_MODES = ("set", "add", "multiply", "min", "max")


def _scatter(x: Any, y: Any, *arrays: Any, index: Any, mode: str) -> Any:
    x = jnp.asarray(x)
    return getattr(x.at[decode(index, arrays)], mode)(jnp.asarray(y).astype(x.dtype))


SCATTER = register(Operator("scatter", _scatter, lambda op, avals, params: avals[0]._replace(weak=False)))


def index_update(x: Any, index: Any, y: Any, mode: str = "set") -> Tensor:
    """`x` with ``x[index]`` replaced by `y`, or combined with it.

    Parameters
    ----------
    x : Tensor
        Tensor to change a copy of.
    index : index
        As in ``x[index]``.
    y : tensor-like
        New values, broadcastable to ``x[index]``.
    mode : {"set", "add", "multiply", "min", "max"}
        How to combine old and new; repeated indices all count, except for "set".
    """
    if mode not in _MODES:
        raise ValueError(f"index_update: `mode` must be one of {_MODES}, got {mode!r}.")
    x, y = as_tensor(x), as_tensor(y)
    template, arrays = _encode(index)
    part = getitem(x, index)
    try:
        fits = broadcast_shapes([y.shape, part.shape]) == part.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"cannot put a value of shape {y.shape} in a part of shape {part.shape} of {x!r}.")
    if x.dtype.kind in "iub" and y.dtype.kind == "f":
        raise TypeError(f"cannot put floats in {x!r} of dtype {x.dtype}; cast one of them.")
    return apply(SCATTER, [x, y, *arrays], {"index": template, "mode": mode})


def index_add(x: Any, index: Any, y: Any) -> Tensor:
    """`x` with `y` added to ``x[index]``; repeated indices add up."""
    return index_update(x, index, y, "add")


def index_min(x: Any, index: Any, y: Any) -> Tensor:
    """`x` with the minimum of `y` and ``x[index]`` there."""
    return index_update(x, index, y, "min")


def index_max(x: Any, index: Any, y: Any) -> Tensor:
    """`x` with the maximum of `y` and ``x[index]`` there."""
    return index_update(x, index, y, "max")


class _Index:
    """Makes an index: ``index[1:, None]`` is what stands in the brackets."""

    def __getitem__(self, index: Any) -> Any:
        return index


index = _Index()


def _part(x: Any) -> tuple[Tensor, Any]:
    if not isinstance(x, Tensor) or x.op is not GETITEM:
        raise TypeError(f"set_subtensor and inc_subtensor need a part like `x[index]`, got {x!r}.")
    source, *arrays = x.parents
    return source, decode(x.settings["index"], arrays)


def set_subtensor(part: Any, y: Any) -> Tensor:
    """``set_subtensor(x[index], y)``: `x` with that part replaced by `y`."""
    source, index = _part(part)
    return index_update(source, index, y)


def inc_subtensor(part: Any, y: Any) -> Tensor:
    """``inc_subtensor(x[index], y)``: `x` with `y` added to that part."""
    source, index = _part(part)
    return index_update(source, index, y, "add")


class _At:
    """What ``x.at`` gives: ``x.at[index].set(y)``."""

    def __init__(self, x: Tensor, index: Any = None):
        self._x = x
        self._index = index

    def __getitem__(self, index: Any) -> _At:
        return _At(self._x, index)

    def set(self, y: Any) -> Tensor:
        return index_update(self._x, self._index, y)

    def add(self, y: Any) -> Tensor:
        return index_update(self._x, self._index, y, "add")

    def multiply(self, y: Any) -> Tensor:
        return index_update(self._x, self._index, y, "multiply")

    def min(self, y: Any) -> Tensor:
        return index_update(self._x, self._index, y, "min")

    def max(self, y: Any) -> Tensor:
        return index_update(self._x, self._index, y, "max")


def at(x: Tensor) -> _At:
    """Updates of parts, in JAX's spelling."""
    return _At(x)


take_along_axis = wrap(jnp.take_along_axis, n_tensors=2, statics=["axis"])
dynamic_slice_in_dim = wrap(jax.lax.dynamic_slice_in_dim, n_tensors=2, statics=["slice_size", "axis"])
dynamic_index_in_dim = wrap(jax.lax.dynamic_index_in_dim, n_tensors=2, statics=["axis", "keepdims"])


def index_in_dim(x: Any, i: int, axis: int = 0, keepdims: bool = True) -> Tensor:
    """Element `i` along an axis, which is kept with length one if `keepdims`."""
    x = as_tensor(x)
    part = x[(*(slice(None),) * (axis % x.ndim), i)]
    return METHODS["expand_dims"](part, axis % x.ndim) if keepdims else part


def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """Elements of `x` along an axis, of the flattened tensor without one."""
    x = as_tensor(x)
    if axis is None:
        return METHODS["ravel"](x)[indices]
    return x[(*(slice(None),) * (axis % x.ndim), indices)]


index_take = take


def nonzero(x: Any, size: int | None = None, fill_value: Any = 0) -> tuple[Tensor, ...]:
    """Indices of the elements that are not zero; `size` of them where `x` is not known when the graph is built."""
    x = as_tensor(x)
    if isinstance(x, Constant):
        return tuple(constant(i) for i in np.nonzero(np.asarray(x.value)))
    if size is None:
        raise ShapeError(f"`nonzero` of {x!r} has an unknown length; give `size=`, the number of indices to return.")
    return NONZERO(x, size=size, fill_value=fill_value)


NONZERO = wrap(jnp.nonzero, multiple=True)
METHODS["getitem"] = getitem
