"""Small graphs of numbers in NumPy: at once, where compiling a program would take a thousand times longer than running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symjax.core._function import evaluate
from symjax.core._leaves import Variable, present_lengths
from symjax.core._lower import resolved
from symjax.core._node import ITEM, Constant
from symjax.core._shapes import dim_names, is_static
from symjax.core._traverse import toposort
from symjax.tensor._index import decode

_SPECIAL: dict[str, Callable[..., Any]] = {
    "cast": lambda x, dtype: np.asarray(x).astype(dtype),
    "round": lambda x, decimals=0: np.round(x, decimals),
    "alias": lambda x: x,
    "sigmoid": lambda x: 0.5 * (1 + np.tanh(0.5 * np.asarray(x, float))),
    "softplus": lambda x: np.logaddexp(x, 0.0),
    "logit": lambda p: np.log(p) - np.log1p(-np.asarray(p)),
    "reshape": lambda x, shape: np.reshape(x, shape),
    "broadcast_to": lambda x, shape: np.broadcast_to(x, shape),
    "transpose": lambda x, axes: np.transpose(x, axes),
    "concatenate": lambda *xs, axis: np.concatenate(xs, axis),
    "stack": lambda *xs, axis: np.stack(xs, axis),
    "arange": lambda start, length, step, dtype: (start + step * np.arange(length)).astype(dtype),
    "eye": lambda shape, k, dtype: np.eye(*shape, k=k, dtype=dtype),
    "getitem": lambda x, *arrays, index: np.asarray(x)[decode(index, arrays)],
}
_PLAIN = frozenset(
    """abs add subtract multiply divide floor_divide mod power negative reciprocal sign square sqrt exp expm1 log log1p sin cos tan
    arctan tanh floor ceil maximum minimum logaddexp equal not_equal less less_equal greater greater_equal logical_and logical_or
    logical_not where isnan isfinite sum max min mean prod all any cumsum matmul diagonal tril triu diff""".split()
)


def _numpy_of(name: str) -> Callable[..., Any] | None:
    return _SPECIAL.get(name) or (getattr(np, name) if name in _PLAIN else None)


def quick_values(outputs: Sequence[Any], given: Mapping[Any, Any] | None = None) -> list[np.ndarray]:
    """Values of expressions, by NumPy where it has every operation in them and by JAX where not.

    Parameters
    ----------
    outputs : sequence of Tensor
        Expressions without draws.
    given : mapping of Tensor to array, optional
        Values of placeholders or inner nodes.

    Returns
    -------
    list of numpy.ndarray
        Their values.
    """
    known: dict[Any, Any] = dict(given or {})
    for node in toposort(outputs, stop=known):
        if node in known:
            continue
        if isinstance(node, (Constant, Variable)):
            known[node] = np.asarray(node.value, node.dtype)
            continue
        fn = None if node.op is None or node.op is ITEM or node.op.random else _numpy_of(node.op.name)
        if fn is None:
            return evaluate(list(outputs), dict(given or {}))
        params = dict(node.params)
        if not is_static(node.shape):
            lengths = present_lengths(dim_names((node.shape, tuple(params.values()))))
            params = {k: resolved(v, lengths) for k, v in params.items()}
        with np.errstate(all="ignore"):
            value = fn(*(known[p] for p in node.parents), **params)
        known[node] = np.asarray(value, node.dtype)
    return [known[o] for o in outputs]
