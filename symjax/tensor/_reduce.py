"""Reductions and cumulative operations."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from symjax._errors import ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._node import METHODS, Tensor
from symjax.core._op import Aval, Operator
from symjax.core._shapes import result_dtype
from symjax.core._traverse import apply
from symjax.tensor._jax_wrap import jax_wrap
from symjax.tensor._wrap import normalize_axes, reduction, register

sum = reduction(jnp.sum)
prod = reduction(jnp.prod)
mean = reduction(jnp.mean)
var = reduction(jnp.var, defaults={"ddof": 0})
std = reduction(jnp.std, defaults={"ddof": 0})
max = reduction(jnp.max, "max")
min = reduction(jnp.min, "min")
all = reduction(jnp.all, "all")
any = reduction(jnp.any, "any")
nansum = reduction(jnp.nansum)
nanmean = reduction(jnp.nanmean)
nanmax = reduction(jnp.nanmax)
nanmin = reduction(jnp.nanmin)
median = reduction(jnp.median)
ptp = reduction(jnp.ptp)
count_nonzero = reduction(jnp.count_nonzero)
logsumexp = reduction(jax.scipy.special.logsumexp, "logsumexp")
amax, amin = max, min


def _infer_arg(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    axis = params.get("axis")
    shape = () if axis is None else tuple(d for i, d in enumerate(avals[0].shape) if i != axis)
    return Aval(shape, jnp.dtype("int64"), False)


def _index_reduction(fn: Any, name: str) -> Any:
    op = register(Operator(name, fn, _infer_arg))

    def maker(x: Any, axis: int | None = None) -> Tensor:
        x = as_tensor(x)
        return apply(op, [x], {} if axis is None else {"axis": normalize_axes(axis, x.ndim, name)[0]})

    maker.__name__ = name
    maker.__doc__ = f"Index of the element that `{name}` picks along an axis, of the flattened tensor without one."
    METHODS[name] = maker
    return maker


argmax = _index_reduction(jnp.argmax, "argmax")
argmin = _index_reduction(jnp.argmin, "argmin")


def _infer_along(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    dtype, weak = result_dtype(op.fn, avals, {"axis": 0}, ndim=1)
    return Aval(avals[0].shape, dtype, weak)


def _along(fn: Any, name: str, default: int | None) -> Any:
    """An operation along one axis that keeps the shape; without an axis it takes `default`, or the flattened tensor."""
    op = register(Operator(name, fn, _infer_along))

    def maker(x: Any, axis: int | None = default) -> Tensor:
        x = as_tensor(x)
        if axis is None:
            x, axis = METHODS["ravel"](x), 0
        if not x.shape:
            raise ShapeError(f"`{name}` needs a tensor with at least one axis, got the scalar {x!r}.")
        return apply(op, [x], {"axis": normalize_axes(axis, x.ndim, name)[0]})

    maker.__name__ = name
    maker.__doc__ = f"`{name}` along one axis, {'the flattened tensor' if default is None else f'axis {default}'} by default."
    METHODS[name] = maker
    return maker


cumsum = _along(jnp.cumsum, "cumsum", None)
cumprod = _along(jnp.cumprod, "cumprod", None)
cummax = _along(jax.lax.cummax, "cummax", 0)
cumlogsumexp = _along(jax.lax.cumlogsumexp, "cumlogsumexp", 0)
sort = _along(jnp.sort, "sort", -1)
argsort = _along(jnp.argsort, "argsort", -1)
softmax = _along(jax.nn.softmax, "softmax", -1)
log_softmax = _along(jax.nn.log_softmax, "log_softmax", -1)


matrix_norm = jax_wrap(jnp.linalg.norm, "norm")


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Norm over axes (all by default): 2-norm of the elements, or the vector or matrix norm that `ord` names, as in NumPy."""
    x = as_tensor(x)
    is_vector = x.ndim == 1 if axis is None else len(normalize_axes(axis, x.ndim, "norm")) == 1
    if ord is None or (is_vector and ord == 2):
        return METHODS["sqrt"](sum(METHODS["square"](METHODS["abs"](x)), axis, keepdims=keepdims))
    if is_vector and ord == 1:
        return sum(METHODS["abs"](x), axis, keepdims=keepdims)
    return matrix_norm(x, ord=ord, axis=axis, keepdims=keepdims)


METHODS["norm"] = norm
