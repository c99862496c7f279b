"""Operations that move elements about, and constructors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from symjax._errors import ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._node import METHODS, Constant, Tensor
from symjax.core._op import Aval, Operator
from symjax.core._shapes import broadcast_shapes, is_static, is_symbolic, result_dtype, unify_shapes
from symjax.core._traverse import apply
from symjax.tensor._elementwise import AXIS_LENGTH
from symjax.tensor._wrap import normalize_axes, register, wrap


def as_shape(shape: Any) -> tuple[Any, ...]:
    """A shape from an int, a tuple of ints and unknown lengths, or constant tensors."""
    if isinstance(shape, Tensor) and shape.ndim == 1:
        shape = tuple(shape)
    items = tuple(shape) if isinstance(shape, (tuple, list, np.ndarray)) else (shape,)
    return tuple(axis_size(d) for d in items)


def axis_size(d: Any) -> Any:
    if isinstance(d, Tensor):
        if d.op is AXIS_LENGTH:
            return d.settings["dim"]
        from symjax.core._function import evaluate
        from symjax.core._traverse import toposort

        leaves = [n for n in toposort([d]) if n.op is None]
        if not all(isinstance(n, Constant) for n in leaves):
            raise ShapeError(f"an axis length must be known when the graph is built, got {d!r}. Use `x.shape[i]` or a number.")
        return int(evaluate(d))
    return d if hasattr(d, "dimension_as_value") else int(d)


def _reshape_infer(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    return Aval(params["shape"], avals[0].dtype, avals[0].weak)


RESHAPE = register(Operator("reshape", lambda x, shape: jnp.reshape(x, shape), _reshape_infer))
BROADCAST_TO = register(Operator("broadcast_to", lambda x, shape: jnp.broadcast_to(x, shape), _reshape_infer))
TRANSPOSE = register(
    Operator(
        "transpose",
        lambda x, axes: jnp.transpose(x, axes),
        lambda op, avals, p: avals[0]._replace(shape=tuple(avals[0].shape[i] for i in p["axes"])),
    )
)


def reshape(x: Any, *shape: Any, ndim: int | None = None, name: str | None = None) -> Tensor:
    """`x` in another shape; one axis may be -1."""
    x = as_tensor(x)
    wanted = as_shape(shape[0] if len(shape) == 1 else shape)
    if -1 in [d for d in wanted if not is_symbolic(d)]:
        known = math.prod(d for d in wanted if is_symbolic(d) or d != -1)
        total = math.prod(x.shape)
        rest = 0 if not is_symbolic(known) and known == 0 else total // known
        wanted = tuple(rest if not is_symbolic(d) and d == -1 else d for d in wanted)
    if is_static(x.shape) and is_static(wanted) and math.prod(x.shape) != math.prod(wanted):
        raise ShapeError(f"`reshape`: {x!r} of shape {x.shape} has no {wanted} elements.")
    return x if wanted == x.shape else apply(RESHAPE, [x], {"shape": wanted}, name=name)


def ravel(x: Any) -> Tensor:
    """`x` as a vector."""
    return reshape(x, (-1,))


def flatten(x: Any, ndim: int = 1) -> Tensor:
    """`x` with its last axes merged, so that `ndim` are left."""
    x = as_tensor(x)
    return reshape(x, (*x.shape[: ndim - 1], -1))


def flatten2d(x: Any) -> Tensor:
    """`x` as a matrix: the first axis, and all others merged."""
    return flatten(x, 2)


def flatten3d(x: Any) -> Tensor:
    """`x` with the axes after the second merged."""
    return flatten(x, 3)


def flatten4d(x: Any) -> Tensor:
    """`x` with the axes after the third merged."""
    return flatten(x, 4)


def broadcast_to(x: Any, shape: Any) -> Tensor:
    """`x` repeated to a shape, by NumPy's rules."""
    x, wanted = as_tensor(x), as_shape(shape)
    try:
        fits = len(broadcast_shapes([x.shape, wanted])) == len(wanted)
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"`broadcast_to`: {x!r} of shape {x.shape} does not broadcast to {wanted}.")
    return x if x.shape == wanted else apply(BROADCAST_TO, [x], {"shape": wanted})


def transpose(x: Any, *axes: Any) -> Tensor:
    """`x` with its axes reversed, or in the given order."""
    x = as_tensor(x)
    order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
    order = tuple(reversed(range(x.ndim))) if not order else tuple(int(a) % x.ndim for a in order)
    if sorted(order) != list(range(x.ndim)):
        raise ShapeError(f"`transpose`: axes {axes} are no order of the {x.ndim} axes of {x!r}.")
    return x if order == tuple(range(x.ndim)) else apply(TRANSPOSE, [x], {"axes": order})


def expand_dims(x: Any, axis: Any) -> Tensor:
    """`x` with new axes of length one."""
    x = as_tensor(x)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    places = normalize_axes(axes, x.ndim + len(axes), "expand_dims")
    rest = iter(x.shape)
    return reshape(x, tuple(1 if i in places else next(rest) for i in range(x.ndim + len(axes))))


def squeeze(x: Any, axis: Any = None) -> Tensor:
    """`x` without its axes of length one, or without the named ones."""
    x = as_tensor(x)
    axes = [i for i, d in enumerate(x.shape) if not is_symbolic(d) and d == 1]
    if axis is not None:
        named = normalize_axes(axis, x.ndim, "squeeze")
        if not set(named) <= set(axes):
            raise ShapeError(f"`squeeze`: axes {named} of shape {x.shape} are not all of length 1.")
        axes = list(named)
    return reshape(x, tuple(d for i, d in enumerate(x.shape) if i not in axes))


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """`x` with two axes exchanged."""
    x = as_tensor(x)
    order = list(range(x.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose(x, order)


def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
    """`x` with axes moved to other places."""
    x = as_tensor(x)
    sources = [s % x.ndim for s in np.atleast_1d(source)]
    targets = [d % x.ndim for d in np.atleast_1d(destination)]
    order = [i for i in range(x.ndim) if i not in sources]
    for d, s in sorted(zip(targets, sources, strict=True)):
        order.insert(d, s)
    return transpose(x, order)


def dimshuffle(x: Any, *pattern: Any) -> Tensor:
    """Theano's axis shuffle: numbers are axes of `x`, ``"x"`` a new axis of length one; axes left out must have length one."""
    x = as_tensor(x)
    wanted = pattern[0] if len(pattern) == 1 and isinstance(pattern[0], (tuple, list)) else pattern
    kept = [p for p in wanted if p != "x"]
    x = squeeze(x, tuple(i for i in range(x.ndim) if i not in kept)) if len(kept) < x.ndim else x
    rank = {p: i for i, p in enumerate(sorted(kept))}
    x = transpose(x, tuple(rank[p] for p in kept)) if kept else x
    return expand_dims(x, tuple(i for i, p in enumerate(wanted) if p == "x")) if "x" in wanted else x


def _join_dtype(avals: tuple[Aval, ...]) -> tuple[np.dtype, bool]:
    return result_dtype(_concatenated, avals, {}, ndim=1)


def _concatenated(*xs: Any) -> Any:
    return jnp.concatenate(xs)


def _infer_concatenate(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    axis, shapes = params["axis"], [a.shape for a in avals]
    try:
        if any(len(s) <= axis for s in shapes):
            raise ValueError
        rest = unify_shapes([(*s[:axis], *s[axis + 1 :]) for s in shapes])
    except ValueError:
        raise ShapeError(f"`concatenate` along axis {axis}: the shapes {_listed(shapes)} differ in another axis.") from None
    total = sum_of(s[axis] for s in shapes)
    return Aval((*rest[:axis], total, *rest[axis:]), *_join_dtype(avals))


def _listed(shapes: Sequence[tuple[Any, ...]]) -> str:
    return " and ".join(str(s) for s in dict.fromkeys(shapes))


def sum_of(lengths: Any) -> Any:
    """Sum of axis lengths, unknown ones included."""
    total: Any = 0
    for d in lengths:
        total = total + d
    return total


CONCATENATE = register(Operator("concatenate", lambda *xs, axis: jnp.concatenate(xs, axis), _infer_concatenate))


def _stacked(*xs: Any) -> Any:
    return jnp.stack(xs)


def _infer_stack(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    axis, shapes = params["axis"], [a.shape for a in avals]
    try:
        shape = unify_shapes(shapes)
    except ValueError:
        raise ShapeError(f"`stack`: shapes must be equal, got {_listed(shapes)}.") from None
    return Aval((*shape[:axis], len(avals), *shape[axis:]), *result_dtype(_stacked, avals, {}))


STACK = register(Operator("stack", lambda *xs, axis: jnp.stack(xs, axis), _infer_stack))


def concatenate(tensors: Any, axis: int = 0) -> Tensor:
    """Tensors joined along an axis."""
    xs = [as_tensor(t) for t in tensors]
    if not xs or not xs[0].shape:
        raise ShapeError("`concatenate` needs tensors with at least one axis; use `stack` for scalars.")
    return apply(CONCATENATE, xs, {"axis": normalize_axes(axis, xs[0].ndim, "concatenate")[0]})


def stack(tensors: Any, axis: int = 0) -> Tensor:
    """Tensors of one shape joined along a new axis."""
    xs = [as_tensor(t) for t in (tensors if isinstance(tensors, (list, tuple)) else list(tensors))]
    if not xs:
        raise ShapeError("`stack` needs at least one tensor.")
    return apply(STACK, xs, {"axis": normalize_axes(axis, xs[0].ndim + 1, "stack")[0]})


def join(axis: int, *tensors: Any) -> Tensor:
    """Theano's spelling of `concatenate`."""
    return concatenate(tensors, axis)


def atleast_1d(x: Any) -> Tensor:
    """`x` with at least one axis."""
    x = as_tensor(x)
    return reshape(x, (1,)) if not x.shape else x


def atleast_2d(x: Any) -> Tensor:
    """`x` with at least two axes, new ones first."""
    x = as_tensor(x)
    return reshape(x, (1,) * (2 - x.ndim) + x.shape) if x.ndim < 2 else x


def hstack(tensors: Any) -> Tensor:
    """Tensors joined along the second axis, vectors along the first."""
    xs = [atleast_1d(t) for t in tensors]
    return concatenate(xs, 0 if xs[0].ndim == 1 else 1)


def vstack(tensors: Any) -> Tensor:
    """Tensors joined along the first axis, vectors as rows."""
    return concatenate([atleast_2d(t) for t in tensors], 0)


def column_stack(tensors: Any) -> Tensor:
    """Vectors as the columns of a matrix."""
    xs = [as_tensor(t) for t in tensors]
    return concatenate([expand_dims(x, 1) if x.ndim == 1 else x for x in xs], 1)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """`x` cut along an axis, into equal sections or at indices."""
    x = as_tensor(x)
    axis = normalize_axes(axis, x.ndim, "split")[0]
    n = x.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        if n % indices_or_sections:
            raise ShapeError(f"`split`: an axis of length {n} cannot be cut into {indices_or_sections} equal parts.")
        cuts = [n // indices_or_sections * i for i in range(1, int(indices_or_sections))]
    else:
        cuts = [int(i) for i in indices_or_sections]
    edges = [0, *cuts, n]
    index = (slice(None),) * axis
    return [x[(*index, slice(a, b))] for a, b in zip(edges[:-1], edges[1:], strict=True)]


def shape_padleft(x: Any, n_ones: int = 1) -> Tensor:
    """`x` with axes of length one in front."""
    x = as_tensor(x)
    return reshape(x, (1,) * n_ones + x.shape)


def shape_padaxis(x: Any, axis: int) -> Tensor:
    """`x` with one axis of length one at a place."""
    return expand_dims(x, axis)


def shape_padright(x: Any, n_ones: int = 1) -> Tensor:
    """`x` with axes of length one at the end."""
    x = as_tensor(x)
    return reshape(x, x.shape + (1,) * n_ones)


def specify_shape(x: Any, shape: Any) -> Tensor:
    """`x`, checked to have a shape."""
    x = as_tensor(x)
    wanted = tuple(shape)
    known = [(a, b) for a, b in zip(x.shape, wanted, strict=False) if b is not None and not is_symbolic(a)]
    if len(wanted) != x.ndim or any(a != b for a, b in known):
        raise ShapeError(f"`specify_shape`: {x!r} has shape {x.shape}, not {wanted}.")
    return x


def shape(x: Any) -> tuple[Any, ...]:
    """Axis lengths; unknown ones are symbolic."""
    return as_tensor(x).shape


def ndim(x: Any) -> int:
    """Number of axes."""
    return as_tensor(x).ndim


def atleast_3d(x: Any) -> Tensor:
    """`x` with at least three axes, as NumPy places them."""
    x = as_tensor(x)
    return reshape(x, {0: (1, 1, 1), 1: (1, *x.shape, 1), 2: (*x.shape, 1)}[x.ndim]) if x.ndim < 3 else x


def fliplr(x: Any) -> Tensor:
    """`x` with its second axis reversed."""
    return flip(x, 1)


def flipud(x: Any) -> Tensor:
    """`x` with its first axis reversed."""
    return flip(x, 0)


def flatten_list(tensors: Any) -> Tensor:
    """All elements of some tensors as one vector."""
    return concatenate([ravel(t) for t in tensors])


def extract_diag(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Theano's name of `diagonal`."""
    return diagonal(x, offset, axis1, axis2)


def batched_diag(x: Any) -> Tensor:
    """Diagonal matrices from vectors along the last axis of a matrix, or the diagonals of a batch of matrices."""
    x = as_tensor(x)
    if x.ndim == 3:
        return diagonal(x, 0, 1, 2)
    if x.ndim != 2:
        raise ShapeError(f"`batched_diag` needs 2 or 3 axes, got shape {x.shape}.")
    return expand_dims(x, -1) * np.eye(x.shape[-1], dtype=x.dtype)


tile = wrap(jnp.tile, statics=["reps"])
repeat = wrap(jnp.repeat, statics=["repeats", "axis"])
flip = wrap(jnp.flip, statics=["axis"])
roll = wrap(jnp.roll, statics=["shift", "axis"])
pad = wrap(jnp.pad, statics=["pad_width", "mode"])
tril = wrap(jnp.tril, statics=["k"])
triu = wrap(jnp.triu, statics=["k"])
diag = wrap(jnp.diag, statics=["k"])
diagonal = wrap(jnp.diagonal, statics=["offset", "axis1", "axis2"])
diff = wrap(jnp.diff, statics=["n", "axis"])
searchsorted = wrap(jnp.searchsorted, n_tensors=2, statics=["side"])
bincount = wrap(lambda x, length: jnp.bincount(x, length=length), "bincount", statics=["length"])
unravel_index = wrap(jnp.unravel_index, statics=["shape"], multiple=True)
trace = wrap(jnp.trace, statics=["offset", "axis1", "axis2"])
interp = wrap(jnp.interp, n_tensors=3)
meshgrid = wrap(jnp.meshgrid, n_tensors=None, multiple=True)
concat, permute_dims, stacklists = concatenate, transpose, stack
METHODS.update(
    reshape=reshape, ravel=ravel, flatten=flatten, broadcast_to=broadcast_to, transpose=transpose, stack=stack,
    concatenate=concatenate, squeeze=squeeze, expand_dims=expand_dims,
)  # fmt: skip
