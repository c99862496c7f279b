"""Symbolic formulas run on arrays: for draws by inversion or by a formula of other draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax.core._inner import close_over
from symjax.core._keys import KeyStream, salts_of
from symjax.core._leaves import as_tensor
from symjax.core._node import Bound, current_rank
from symjax.core._op import Aval
from symjax.core._scope import detached


def numerically(formula: Callable[..., Any], *values: Any, key: Any = None) -> list[Any]:
    """The value of a formula, written with tensors, at JAX arrays.

    Parameters
    ----------
    formula : callable
        Takes a tensor for each array and returns a list of tensors.
    *values : array
        Its arguments.
    key : jax.Array, optional
        Where the keys of draws come from that the formula makes.

    Returns
    -------
    list of jax.Array
    """
    arrays = [jnp.asarray(v) for v in values]
    rank = current_rank()
    with detached():
        leaves = [Bound(Aval(a.shape, np.dtype(a.dtype), False)) for a in arrays]
        graph, captured = close_over(leaves, [as_tensor(o) for o in formula(*leaves)], since=rank)
    stream = None if key is None else KeyStream(key, salts_of(graph.tokens))
    return graph.run([*arrays, *(jnp.asarray(c.value) for c in captured)], stream)


def on_host(fn: Callable[..., np.ndarray], shape: tuple[int, ...], dtype: Any, *values: Any) -> Any:
    """What a NumPy function gives, within a compiled program.

    Numbers of 64 bits travel as pairs of 32, lest they are rounded: the thread may not have entered `jax.enable_x64`.

    Parameters
    ----------
    fn : callable
        Takes NumPy arrays and returns one of `shape` and `dtype`.
    shape, dtype
        Those of its result.
    *values : array
        Its arguments.
    """
    values = tuple(v if v.dtype.itemsize >= 4 else v.astype(jnp.int32) for v in map(jnp.asarray, values))
    kinds = [np.dtype(v.dtype) for v in values]
    dtype = np.dtype(dtype)

    ndims = [v.ndim for v in values]

    def call(*words: Any) -> np.ndarray:
        arrays = [w.view(k).reshape(w.shape[:-1]) for w, k in zip(map(np.ascontiguousarray, words), kinds, strict=True)]
        # one call for all members of a batch, each of which costs ten times what a small function does
        batch = arrays[0].shape[: arrays[0].ndim - ndims[0]]
        found = np.empty((*batch, *shape), dtype)
        for place in np.ndindex(*batch):
            found[place] = np.reshape(fn(*[a[(*place, ...)] for a in arrays]), shape)
        return found.reshape(*batch, *shape, 1).view(np.uint32)

    width = dtype.itemsize // 4
    result = jax.ShapeDtypeStruct((*shape, width), np.uint32)
    words = [_words(v) for v in values]
    found = jax.pure_callback(call, result, *words, vmap_method="broadcast_all")
    return jax.lax.bitcast_convert_type(found if width > 1 else found[..., 0], dtype)


def _words(x: Any) -> Any:
    words = jax.lax.bitcast_convert_type(x, jnp.uint32)
    return words if words.ndim > x.ndim else words[..., None]
