"""Constructors: zeros, ranges, identities."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from symjax._config import config
from symjax.core._leaves import as_tensor, constant
from symjax.core._node import METHODS, Constant, Tensor
from symjax.core._op import Aval, Operator
from symjax.core._shapes import is_symbolic
from symjax.core._traverse import apply
from symjax.tensor._elementwise import cast
from symjax.tensor._index import index_update
from symjax.tensor._shape_ops import as_shape, axis_size, broadcast_to, expand_dims
from symjax.tensor._wrap import register


def _constructed(shape: Any, value: Any, dtype: Any) -> Tensor:
    return broadcast_to(cast(as_tensor(value), dtype), as_shape(shape))


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """Zeros of a shape."""
    return _constructed(shape, 0, dtype or config.floatX)


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """Ones of a shape."""
    return _constructed(shape, 1, dtype or config.floatX)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """A value in every place of a shape."""
    fill = as_tensor(fill_value)
    return broadcast_to(cast(fill, dtype or fill.dtype), as_shape(shape))


def alloc(value: Any, *shape: Any) -> Tensor:
    """Theano's `full`: a value broadcast to a shape."""
    return broadcast_to(value, as_shape(shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape))


def zeros_like(x: Any, dtype: Any = None, detach: bool = False) -> Tensor:
    """Zeros of `x`'s shape and dtype."""
    x = as_tensor(x)
    return zeros(x.shape, dtype or x.dtype)


def ones_like(x: Any, dtype: Any = None, detach: bool = False) -> Tensor:
    """Ones of `x`'s shape and dtype."""
    x = as_tensor(x)
    return ones(x.shape, dtype or x.dtype)


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """A value in every place of `x`'s shape."""
    x = as_tensor(x)
    return full(x.shape, fill_value, dtype or x.dtype)


def eye(n: Any, m: Any = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Matrix with ones on diagonal `k`."""
    rows, columns = axis_size(n), axis_size(n if m is None else m)
    return apply(EYE, [], {"shape": (rows, columns), "k": k, "dtype": np.dtype(dtype or config.floatX)})


EYE = register(
    Operator(
        "eye",
        lambda shape, k, dtype: jnp.eye(*shape, k=k, dtype=dtype),
        lambda op, avals, p: Aval(p["shape"], p["dtype"], False),
    )
)


def identity(n: Any, dtype: Any = None) -> Tensor:
    """Identity matrix."""
    return eye(n, dtype=dtype)


ARANGE = register(
    Operator(
        "arange",
        lambda start, length, step, dtype: (start + step * jnp.arange(length)).astype(dtype),
        lambda op, avals, p: Aval((p["length"],), p["dtype"], False),
    )
)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Tensor:
    """Numbers from `start` (0 if only one number is given) up to `stop`, `stop` excluded."""
    if stop is None:
        start, stop = 0, start
    if any(isinstance(v, (float, np.floating)) for v in (start, stop, step)):
        return as_tensor(np.arange(start, stop, step).astype(dtype or config.floatX))
    first, last, by = axis_size(start), axis_size(stop), axis_size(step)
    length = -(-(last - first) // by) if is_symbolic(last - first) else len(range(first, last, by))
    return apply(ARANGE, [], {"start": first, "length": length, "step": by, "dtype": np.dtype(dtype or np.int64)})


def linspace(start: float, stop: float, num: int = 50, dtype: Any = None) -> Tensor:
    """`num` evenly spaced numbers, both ends included."""
    return as_tensor(np.linspace(start, stop, num, dtype=dtype or config.floatX))


def one_hot(i: Any, n: int, dtype: Any = None) -> Tensor:
    """Indicator vectors of length `n` along a new last axis."""
    return cast(METHODS["equal"](expand_dims(i, -1), arange(n)), dtype or config.floatX)


def tri(n: int, m: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Matrix with ones on and below diagonal `k`."""
    return as_tensor(np.tri(n, m, k, dtype or config.floatX))


def logspace(start: float, stop: float, num: int = 50, base: float = 10.0, dtype: Any = None) -> Tensor:
    """`num` numbers from ``base**start`` to ``base**stop``, evenly spaced on a log scale."""
    return as_tensor(np.logspace(start, stop, num, base=base, dtype=dtype or config.floatX))


def geomspace(start: float, stop: float, num: int = 50, dtype: Any = None) -> Tensor:
    """`num` numbers from `start` to `stop` in constant ratio."""
    return as_tensor(np.geomspace(start, stop, num, dtype=dtype or config.floatX))


def tril_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Constant, Constant]:
    """Rows and columns of the elements on and below diagonal `k`."""
    rows, columns = np.tril_indices(n, k, m)
    return constant(rows), constant(columns)


def triu_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Constant, Constant]:
    """Rows and columns of the elements on and above diagonal `k`."""
    rows, columns = np.triu_indices(n, k, m)
    return constant(rows), constant(columns)


def diag_indices(n: int, ndim: int = 2) -> tuple[Constant, ...]:
    """Indices of a diagonal."""
    return tuple(constant(i) for i in np.diag_indices(n, ndim))


def cartesian(*arrays: Any) -> np.ndarray:
    """Cartesian product of arrays of numbers, one combination a row; earlier arrays vary more slowly."""
    columns = [np.atleast_2d(np.asarray(a).T).T for a in arrays]
    places = np.indices([len(c) for c in columns]).reshape(len(columns), -1)
    return np.concatenate([c[p] for c, p in zip(columns, places)], axis=-1)


def fill_diagonal(x: Any, value: Any) -> Tensor:
    """A matrix with its main diagonal replaced by a value."""
    x = as_tensor(x)
    n = min(x.shape)
    return index_update(x, (np.arange(n), np.arange(n)), value)


def identity_like(x: Any, dtype: Any = None) -> Tensor:
    """Identity matrix of `x`'s shape and dtype."""
    x = as_tensor(x)
    return eye(x.shape[0], x.shape[1], dtype=dtype or x.dtype)


empty, empty_like = zeros, zeros_like
