"""Shape and dtype inference: closed rules for what models are made of, cached `jax.eval_shape` for the rest."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from symjax._errors import ShapeError
from symjax.core._node import METHODS, Tensor
from symjax.core._op import Aval, Operator

_SCOPE: list[Any] = []
_COUNT = itertools.count()
_ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def _new_dim() -> Any:
    from jax import export

    if not _SCOPE:
        _SCOPE.append(export.SymbolicScope())
    [dim] = export.symbolic_shape(f"n{next(_COUNT)}", scope=_SCOPE[0])
    return dim


def symbolic_dim() -> Any:
    """A fresh unknown axis length, usable wherever JAX infers shapes and in expressions with tensors."""
    return as_length(_new_dim())


def as_length(dim: Any) -> Any:
    """A symbolic dimension of JAX as one that leaves arithmetic with tensors to the tensors; known lengths as they are."""
    if isinstance(dim, _length_class()) or not hasattr(dim, "dimension_as_value"):
        return dim
    new = copy.copy(dim)
    new.__class__ = _length_class()
    return new


@lru_cache(maxsize=1)
def _length_class() -> type:
    # JAX's own class takes every operand that it does not know for an array; this one makes an expression of the length
    base = type(_new_dim())

    def arithmetic(name: str) -> Any:
        exact = getattr(base, name)
        is_division = "truediv" in name

        def method(self: Any, other: Any) -> Any:
            if isinstance(other, (int, np.integer)) or hasattr(other, "dimension_as_value"):
                if not is_division:
                    return as_length(exact(self, other))
            return getattr(METHODS["axis_length"](self), name)(other)

        return method

    def comparison(name: str) -> Any:
        exact = getattr(base, name)

        def method(self: Any, other: Any) -> Any:
            return NotImplemented if isinstance(other, Tensor) else exact(self, as_length(other))

        return method

    methods = {f"__{p}{n}__": arithmetic(f"__{p}{n}__") for n in _ARITHMETIC for p in ("", "r")}
    methods |= {f"__{n}__": comparison(f"__{n}__") for n in _COMPARISONS}
    return type("AxisLength", (base,), {**methods, "__hash__": base.__hash__, "__slots__": ()})


def is_symbolic(dim: Any) -> bool:
    """Whether an axis length is unknown until the function is called."""
    return not isinstance(dim, (int, np.integer))


def is_static(shape: Iterable[Any]) -> bool:
    """Whether every axis length of a shape is known."""
    return not any(is_symbolic(d) for d in shape)


def evaluate_dim(dim: Any, lengths: dict[str, int]) -> int:
    """The length of an axis once the lengths of the unknown axes are given by name."""
    if not is_symbolic(dim):
        return int(dim)
    # JAX has no public evaluation of a symbolic dimension; this method has been stable since jax.export exists.
    return int(dim._evaluate(lengths))


def dim_names(values: Iterable[Any]) -> set[str]:
    """Names of the unknown lengths in a shape, or in nested tuples of settings."""
    found: set[str] = set()
    for value in values:
        if isinstance(value, tuple):
            found |= dim_names(value)
        elif hasattr(value, "dimension_as_value") and is_symbolic(value):
            found |= value._get_vars()
    return found


def bind_dims(dim: Any, length: int, lengths: dict[str, int]) -> None:
    """Record the length of an axis that is a plain unknown."""
    if is_symbolic(dim):
        lengths.setdefault(str(dim), length)


def size_of(shape: Sequence[Any]) -> Any:
    """Number of elements."""
    return math.prod(shape)


def _broadcast_dim(a: Any, b: Any) -> Any:
    if a is b:
        return a
    if is_symbolic(a) or is_symbolic(b):
        if not is_symbolic(a):
            return b if a == 1 else a
        if not is_symbolic(b):
            return a if b == 1 else b
        # Two unknown lengths are taken to be equal; XLA sees the true lengths and refuses if they are not.
        return a
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    raise ValueError


def broadcast_shapes(shapes: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The common shape of operands, by NumPy's rules, unknown axes included.

    Raises
    ------
    ValueError
        If two known lengths differ and neither is one.
    """
    first = shapes[0]
    if all(s == first or not s for s in shapes):
        return first or next((s for s in shapes if s), ())
    ndim = max(len(s) for s in shapes)
    result: list[Any] = [1] * ndim
    for s in shapes:
        for i, d in enumerate(s, ndim - len(s)):
            result[i] = _broadcast_dim(result[i], d)
    return tuple(result)


def unify_shapes(shapes: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The one shape that all have, an unknown length taken to be what the others are.

    Raises
    ------
    ValueError
        If the numbers of axes differ, or two known lengths.
    """
    if len({len(s) for s in shapes}) > 1:
        raise ValueError
    found = []
    for lengths in zip(*shapes, strict=True):
        known = {d for d in lengths if not is_symbolic(d)}
        if len(known) > 1:
            raise ValueError
        found.append(known.pop() if known else lengths[0])
    return tuple(found)


@lru_cache(maxsize=4096)
def _result_of(fn: Any, kinds: tuple[tuple[tuple[int, ...], np.dtype, bool], ...], params: tuple[Any, ...]) -> tuple:
    arguments = [jax.ShapeDtypeStruct(s, d, weak_type=w) for s, d, w in kinds]
    with jax.enable_x64(True):
        out = jax.eval_shape(lambda *xs: fn(*xs, **dict(params)), *arguments)
    return np.dtype(out.dtype), bool(out.weak_type)


def result_dtype(fn: Any, avals: Sequence[Aval], params: dict[str, Any], ndim: int | None = None) -> tuple[np.dtype, bool]:
    """Dtype and weakness of `fn`'s result, found once per combination of argument types on small arguments.

    These have `ndim` axes each, by default one where an argument has any: JAX's promotion tells scalars from arrays.
    """
    shapes = [(2,) * (bool(a.shape) if ndim is None else ndim) for a in avals]
    return _result_of(fn, tuple((s, a.dtype, a.weak) for s, a in zip(shapes, avals, strict=True)), tuple(sorted(params.items())))


def infer_elementwise(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    """The rule of every elementwise operator: broadcast the shapes, promote the dtypes."""
    try:
        shape = broadcast_shapes([a.shape for a in avals])
    except ValueError:
        raise ShapeError(_clash(op, avals)) from None
    dtype, weak = result_dtype(op.fn, avals, params)
    return Aval(shape, dtype, weak)


def _clash(op: Operator, avals: Sequence[Aval]) -> str:
    shapes = " and ".join(str(tuple(a.shape)) for a in avals)
    return f"`{op.name}`: shapes {shapes} do not broadcast together. Axes must be equal or 1, counted from the last one."


@lru_cache(maxsize=8192)
def _eval_shape(fn: Any, avals: tuple[Aval, ...], params: tuple[tuple[str, Any], ...], random: bool) -> Any:
    arguments: list[Any] = [jax.ShapeDtypeStruct(a.shape, a.dtype, weak_type=a.weak) for a in avals]
    with jax.enable_x64(True):
        if random:
            arguments.insert(0, jax.eval_shape(lambda: jax.random.key(0)))
        out = jax.eval_shape(lambda *xs: fn(*xs, **dict(params)), *arguments)
    leaves = [Aval(tuple(as_length(d) for d in o.shape), np.dtype(o.dtype), bool(o.weak_type)) for o in jax.tree.leaves(out)]
    return tuple(leaves) if isinstance(out, (tuple, list)) else leaves[0]


def _unify(avals: tuple[Aval, ...]) -> tuple[Aval, ...]:
    """All unknown axes taken to be one and the same: the second try where operands bring different unknown lengths."""
    known: list[Any] = []

    def one(d: Any) -> Any:
        if not is_symbolic(d):
            return d
        known.append(d)
        return known[0]

    return tuple(a._replace(shape=tuple(one(d) for d in a.shape)) for a in avals)


def infer(op: Operator, avals: tuple[Aval, ...], params: tuple[tuple[str, Any], ...]) -> Any:
    """`Aval` of an operator's result (a tuple of them for several), by its closed rule or by `jax.eval_shape`.

    Raises
    ------
    ShapeError
        If the arguments do not fit together.
    """
    if op.infer is not None:
        return op.infer(op, avals, dict(params))
    try:
        return _eval_shape(op.fn, avals, params, op.random)
    except (TypeError, ValueError, IndexError, AssertionError) as error:
        unified = _unify(avals)
        if unified != avals:
            try:
                return _eval_shape(op.fn, unified, params, op.random)
            except (TypeError, ValueError, IndexError, AssertionError):
                pass
        shapes = ", ".join(f"{a.dtype}{tuple(a.shape)}" for a in avals)
        raise ShapeError(f"`{op.name}` cannot take arguments of type {shapes}: {error}") from error
