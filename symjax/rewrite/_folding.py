"""Constant folding: operations on small constants are done when the graph is rewritten, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symjax.core._leaves import constant
from symjax.core._node import Constant
from symjax.core._op import Aval
from symjax.core._shapes import is_static, size_of
from symjax.rewrite._terms import op_name

_MAX_ELEMENTS = 512

_NUMPY = """add subtract multiply divide floor_divide mod power negative reciprocal abs sign square sqrt exp exp2 expm1 log log2
log10 log1p sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh floor ceil trunc rint maximum minimum logaddexp equal not_equal
less less_equal greater greater_equal logical_and logical_or logical_xor logical_not isnan isinf isfinite where""".split()
_SPECIAL = {"gammaln": "gammaln", "digamma": "psi", "erf": "erf", "erfc": "erfc", "sigmoid": "expit", "ndtr": "ndtr"}
_STRUCTURE: dict[str, Callable[..., Any]] = {
    "reshape": lambda x, shape: np.reshape(x, shape),
    "transpose": lambda x, axes: np.transpose(x, axes),
    "cast": lambda x, dtype: np.asarray(x).astype(dtype),
    "sum": lambda x, axis, keepdims=False: np.sum(x, axis=axis, keepdims=keepdims),
}


def _function(name: str) -> Callable[..., Any] | None:
    if name in _SPECIAL:
        import scipy.special

        return getattr(scipy.special, _SPECIAL[name])
    if name in _STRUCTURE:
        return _STRUCTURE[name]
    return getattr(np, name) if name in _NUMPY else None


_WHOLE = frozenset("add subtract multiply negative abs sign square maximum minimum where reshape transpose sum".split())


def _agrees(name: str, node: Any) -> bool:
    """Whether NumPy computes in the types that JAX would: no whole-number division, no comparison across types."""
    kind = node.dtype.kind
    if kind == "b":
        return len({p.dtype for p in node.parents}) == 1 or name == "where"
    return kind == "f" or name in _WHOLE or (name == "cast" and node.parents[0].dtype.kind in "bi")


def fold(node: Any) -> Any:
    """The value of an operation on small constants, as a constant; None if it is not one."""
    if not node.parents or not all(isinstance(p, Constant) for p in node.parents):
        return None
    if not is_static(node.shape) or size_of(node.shape) > _MAX_ELEMENTS or node.dtype.kind == "c":
        return None
    if any(size_of(p.shape) > _MAX_ELEMENTS for p in node.parents):
        return None
    name = op_name(node)
    fn = _function(name)
    if fn is None or not _agrees(name, node):
        return None
    arguments = [np.asarray(p.value, p.dtype) for p in node.parents]
    if node.dtype.kind == "f":
        # NumPy promotes by its own rules; floats are computed in the type of the result
        arguments = [a.astype(node.dtype) if a.dtype.kind in "fiu" else a for a in arguments]
    with np.errstate(all="ignore"):
        value = np.asarray(fn(*arguments, **node.settings))
    if value.dtype.kind != node.dtype.kind or value.shape != tuple(node.shape):
        return None
    value = value.astype(node.dtype)
    if not node.weak:
        return constant(value)
    return Constant(value.item(), Aval((), node.dtype, True)) if value.shape == () else None
