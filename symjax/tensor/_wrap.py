"""How a JAX function becomes an operation in one line.

``exp = elementwise(jnp.exp)`` makes the operator, its shape rule and the function that users call. Operators are kept by name, so
that rewriting can ask for them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symjax._errors import ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._node import METHODS, Tensor
from symjax.core._op import Aval, Operator
from symjax.core._shapes import infer_elementwise, result_dtype
from symjax.core._traverse import apply, outputs_of

#: Every operator of `symjax.tensor`, by name.
OPERATORS: dict[str, Operator] = {}


def register(op: Operator) -> Operator:
    """Make an operator known by its name."""
    if op.name in OPERATORS:
        raise ValueError(f"operator {op.name!r} exists")
    OPERATORS[op.name] = op
    return op


def _document(maker: Any, fn: Any, name: str) -> Any:
    maker.__name__ = maker.__qualname__ = name
    summary = (fn.__doc__ or "").strip().splitlines()
    first = next((line.strip() for line in summary if line.strip() and not line.startswith(("LAX", "JAX"))), f"{name}.")
    maker.__doc__ = f"{first}\n\nSymbolic form of ``{getattr(fn, '__module__', 'jax')}.{name}``: takes tensors, returns a tensor."
    return maker


def elementwise(fn: Callable[..., Any], name: str | None = None, n_args: int | None = None) -> Callable[..., Tensor]:
    """An elementwise operation: shapes broadcast, dtypes promote.

    Parameters
    ----------
    fn : callable
        JAX function of arrays.
    name : str, optional
        Name of the operator and of its maker; `fn`'s by default.
    n_args : int, optional
        Number of arguments, checked at the call.
    """
    name = name or fn.__name__
    op = register(Operator(name, fn, infer_elementwise, elementwise=True))

    def maker(*args: Any, **kwargs: Any) -> Tensor:
        label = kwargs.pop("name", None)
        if kwargs or (n_args is not None and len(args) != n_args):
            raise TypeError(f"{op.name} takes {n_args or 'only'} tensors, got {len(args)} and keywords {sorted(kwargs)}.")
        return apply(op, [a if isinstance(a, Tensor) else as_tensor(a) for a in args], name=label)

    METHODS.setdefault(name, maker)
    return _document(maker, fn, name)


def normalize_axes(axis: Any, ndim: int, op: str) -> tuple[int, ...]:
    """Axes as sorted non-negative numbers; None is all of them.

    Raises
    ------
    ShapeError
        If an axis is out of range or repeated.
    """
    if axis is None:
        return tuple(range(ndim))
    axes = [int(a) for a in (axis if isinstance(axis, (tuple, list)) else (axis,))]
    if any(not -ndim <= a < ndim for a in axes):
        raise ShapeError(f"`{op}`: axis {axis} is out of range for a tensor with {ndim} axes.")
    found = tuple(sorted(a % ndim for a in axes))
    if len(set(found)) < len(found):
        raise ShapeError(f"`{op}`: axis {axis} names an axis twice.")
    return found


def _infer_reduction(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    [x] = avals
    axes = params["axis"]
    kept = params.get("keepdims", False)
    shape = tuple(1 if i in axes else d for i, d in enumerate(x.shape) if kept or i not in axes)
    statics = {k: v for k, v in params.items() if k not in ("axis", "keepdims")}
    dtype, weak = result_dtype(op.fn, [x], {**statics, "axis": (0,)}, ndim=1) if x.shape else result_dtype(op.fn, [x], statics)
    return Aval(shape, dtype, weak)


def reduction(fn: Callable[..., Any], name: str | None = None, defaults: dict[str, Any] | None = None) -> Callable[..., Tensor]:
    """A reduction over axes: ``f(x, axis=None, keepdims=False)``, and `defaults` as further static keywords."""
    name = name or fn.__name__
    op = register(Operator(name, fn, _infer_reduction))
    known = {"keepdims": False, **(defaults or {})}

    def maker(x: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        label = kwargs.pop("name", None)
        statics = dict(known)
        for key, value in [*zip(known if not args else list(known), args, strict=False), *kwargs.items()]:
            if key not in known:
                raise TypeError(f"{op.name}: unknown keyword {key!r}; it takes {['axis', *known]}.")
            statics[key] = value
        x = as_tensor(x)
        statics = {k: v for k, v in statics.items() if v != known[k]}
        return apply(op, [x], {**statics, "axis": normalize_axes(axis, x.ndim, op.name)}, name=label)

    METHODS.setdefault(name, maker)
    return _document(maker, fn, name)


def hashable(value: Any) -> Any:
    """A static setting in hashable form: lists become tuples, NumPy scalars Python ones."""
    if isinstance(value, (list, tuple)):
        return tuple(hashable(v) for v in value)
    if isinstance(value, dict):
        return tuple(sorted((k, hashable(v)) for k, v in value.items()))
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, type) and issubclass(value, np.generic):
        return np.dtype(value)
    return value


def wrap(
    fn: Callable[..., Any],
    name: str | None = None,
    n_tensors: int | None = 1,
    statics: Sequence[str] = (),
    infer: Any = None,
    multiple: bool = False,
) -> Callable[..., Any]:
    """Any JAX function as an operation: the first `n_tensors` arguments are tensors, the rest static.

    Parameters
    ----------
    fn : callable
        JAX function; its results are found by `jax.eval_shape` unless `infer` is given.
    name : str, optional
        Name of the operator and of its maker.
    n_tensors : int or None
        Number of leading tensor arguments; None means every positional argument.
    statics : sequence of str
        Names of the positional arguments after the tensors.
    infer : callable, optional
        A closed rule for shape and dtype.
    multiple : bool
        Whether `fn` returns a tuple; its items come back as a tuple of tensors.
    """
    name = name or fn.__name__
    op = register(Operator(name, fn, infer, multiple=multiple))

    @functools.wraps(fn)
    def maker(*args: Any, **kwargs: Any) -> Any:
        label = kwargs.pop("name", None)
        n = len(args) if n_tensors is None else n_tensors
        if len(args) > n + len(statics):
            raise TypeError(f"{op.name} takes at most {n + len(statics)} arguments by position, got {len(args)}.")
        tensors = [as_tensor(a) for a in args[:n]]
        settings = {**dict(zip(statics, args[n:], strict=False)), **kwargs}
        node = apply(op, tensors, {k: hashable(v) for k, v in settings.items()}, name=label)
        return outputs_of(node) if multiple else node

    METHODS.setdefault(name, maker)
    return _document(maker, fn, name)
