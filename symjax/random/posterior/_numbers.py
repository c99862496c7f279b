"""Values of expressions of data, computed in NumPy: an expression that is met once is not worth compiling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symjax.core._node import Constant
from symjax.core._traverse import toposort
from symjax.random.posterior._joint import value_of
from symjax.rewrite._facts import is_standard
from symjax.tensor._index import decode

_ELEMENTWISE = frozenset(
    """add subtract multiply divide power negative reciprocal abs sign square sqrt exp expm1 log log1p sin cos tan tanh floor ceil
    maximum minimum where""".split()
)
_EXACT = frozenset("add subtract multiply negative abs floor maximum minimum where".split())
_LOGIC = frozenset("greater greater_equal less less_equal equal not_equal logical_and logical_or logical_not".split())
_REDUCTIONS = frozenset(("sum", "all", "any"))
_PLAIN = frozenset(map(np.dtype, ("bool", "int64", "float64")))
_STRUCTURE: dict[str, Callable[..., Any]] = {
    "reshape": lambda x, shape: np.reshape(x, shape),
    "transpose": lambda x, axes: np.transpose(x, axes),
    "broadcast_to": lambda x, shape: np.broadcast_to(x, shape),
    "cast": lambda x, dtype: np.asarray(x).astype(dtype),
    "getitem": lambda x, *arrays, index: x[decode(index, arrays)],
    "stack": lambda *xs, axis: np.stack(xs, axis),
    "concatenate": lambda *xs, axis: np.concatenate(xs, axis),
    "matmul": np.matmul,
}


class Numbers:
    """Values of the parts of expressions that depend on data alone, each computed once.

    Parameters
    ----------
    outputs : sequence of Tensor
        The expressions.
    """

    def __init__(self, outputs: Any):
        self._known: dict[Any, np.ndarray] = {}
        self._fixed: set[Any] = set()
        for node in toposort(outputs):
            leaf = not node.parents
            if isinstance(node, Constant) or (not leaf and not node.op.random and all(p in self._fixed for p in node.parents)):
                self._fixed.add(node)

    def __contains__(self, node: Any) -> bool:
        return node in self._fixed

    def __call__(self, node: Any) -> np.ndarray:
        """The value of a node that is data."""
        for n in toposort([node], stop=self._known):
            if n not in self._known and hasattr(n, "shape"):
                self._known[n] = self._compute(n)
        return self._known[node]

    def _compute(self, node: Any) -> np.ndarray:
        if isinstance(node, Constant):
            return np.asarray(node.value)
        name = node.op.name
        structural = name in _STRUCTURE
        if not all(p in self._known for p in node.parents):
            return value_of(node)  # one output of an operation that has several
        arguments = [self._known[p] for p in node.parents]
        if not structural and not (name in _ELEMENTWISE and node.dtype.kind == "f"):
            return _plain(node, arguments)
        if name in ("stack", "concatenate", "matmul") or not structural:
            # NumPy promotes by its own rules
            arguments = [a if a.dtype.kind == "b" else a.astype(node.dtype, copy=False) for a in arguments]
        fn = _STRUCTURE[name] if structural else getattr(np, name)
        with np.errstate(all="ignore"):
            try:
                found = np.asarray(fn(*arguments, **node.settings))
            except IndexError:
                return value_of(node)  # an index out of range means something else to XLA
        return found.astype(node.dtype, copy=False)


def _plain(node: Any, arguments: list[np.ndarray]) -> np.ndarray:
    """The value of an operation that is the same in NumPy for bools, int64 and float64; else as compiled."""
    name = node.op.name
    if is_standard(node.op) and node.dtype in _PLAIN and all(a.dtype in _PLAIN for a in arguments):
        if name in _LOGIC or (name in _EXACT and node.dtype.kind == "i"):
            return np.asarray(getattr(np, name)(*arguments)).astype(node.dtype, copy=False)
        if name in _REDUCTIONS:
            kept = node.settings.get("keepdims", False)
            return np.asarray(getattr(np, name)(arguments[0], axis=node.settings["axis"], keepdims=kept))
        if name == "gammaln":
            import scipy.special

            return np.asarray(scipy.special.gammaln(arguments[0]))
    return value_of(node)
