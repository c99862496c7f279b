"""`jax_wrap`: any JAX function as an operation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from symjax._errors import ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._node import Tensor
from symjax.core._op import Aval, Operator
from symjax.core._shapes import is_symbolic
from symjax.core._traverse import apply, outputs_of


class _Gap:
    """Stands among static arguments where an array goes."""

    def __repr__(self) -> str:
        return "<array>"


_GAP = _Gap()


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, (Tensor, np.ndarray, np.generic, jax.Array)) or hasattr(leaf, "dimension_as_value")


def _called(func: Callable[..., Any]) -> Callable[..., Any]:
    """`func` with its arguments as arrays and a static call that says where they go."""

    def run(*arrays: Any, call: tuple[Any, ...]) -> Any:
        tree, statics = call
        rest = iter(arrays)
        args, kwargs = jax.tree.unflatten(tree, [next(rest) if s is _GAP else s for s in statics])
        return func(*args, **kwargs)

    return run


@functools.lru_cache(maxsize=1024)
def _structure(run: Callable[..., Any], avals: tuple[Aval, ...], call: tuple[Any, ...]) -> Any:
    """The structure of `run`'s result; what lengths unknown axes have does not matter to it."""
    shapes = [tuple(2 if is_symbolic(d) else d for d in a.shape) for a in avals]
    arguments = [jax.ShapeDtypeStruct(s, a.dtype, weak_type=a.weak) for s, a in zip(shapes, avals)]
    with jax.enable_x64(True):
        return jax.tree.structure(jax.eval_shape(functools.partial(run, call=call), *arguments))


def _check_static(name: str, statics: Sequence[Any]) -> None:
    for s in statics:
        try:
            hash(s)
        except TypeError:
            raise TypeError(
                f"`{name}`: the argument {s!r} is neither an array nor hashable, so it cannot be part of a graph."
            ) from None


def jax_wrap(func: Callable[..., Any], name: str | None = None) -> Callable[..., Any]:
    """Make a function of tensors from a function of JAX arrays.

    Parameters
    ----------
    func : callable
        Pure JAX function. Arrays may come in any argument, nested in lists, tuples and dicts too.
    name : str, optional
        Name of the operation; the function's by default. Two wrapped functions never stand for each other, whatever their names.

    Returns
    -------
    callable
        Takes the same arguments. Tensors and arrays become the operation's parents; numbers, strings, functions and whatever else
        is hashable stay as they are. Results come in the structure that `func` returns. The keyword ``name`` names the node.

    Raises
    ------
    ShapeError
        At the call, if `func` cannot take arguments of these shapes.

    Examples
    --------
    >>> import jax.numpy as jnp, symjax.tensor as T
    >>> scaled = T.jax_wrap(lambda x, factor: jnp.cumsum(x) * factor, name="scaled")
    >>> scaled(T.constant([1.0, 2.0]), factor=10).eval()
    array([10., 30.])
    """
    label = name or getattr(func, "__name__", "jax_function")
    run = _called(func)
    single = Operator(label, run)
    several = Operator(label, lambda *arrays, call: tuple(jax.tree.leaves(run(*arrays, call=call))), multiple=True)

    @functools.wraps(func)
    def maker(*args: Any, **kwargs: Any) -> Any:
        node_name = kwargs.pop("name", None)
        leaves, tree = jax.tree.flatten((args, kwargs))
        parents = [as_tensor(leaf) for leaf in leaves if _is_array(leaf)]
        statics = tuple(_GAP if _is_array(leaf) else leaf for leaf in leaves)
        _check_static(label, statics)
        call = (tree, statics)
        try:
            structure = _structure(run, tuple(p.aval for p in parents), call)
        except (TypeError, ValueError, IndexError, AssertionError) as error:
            types = ", ".join(f"{p.dtype}{p.shape}" for p in parents)
            raise ShapeError(f"`{label}` cannot take arguments of type {types}: {error}") from error
        if jax.tree.structure(0) == structure:
            return apply(single, parents, {"call": call}, name=node_name)
        node = apply(several, parents, {"call": call}, name=node_name)
        return jax.tree.unflatten(structure, outputs_of(node))

    maker.__name__ = maker.__qualname__ = label
    first = (func.__doc__ or "").strip().splitlines()
    maker.__doc__ = f"{first[0] if first else label}\n\nSymbolic form of a JAX function: takes tensors, returns tensors."
    return maker
