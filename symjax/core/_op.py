"""Operators: a name, the JAX function that computes it and the rule that infers its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Aval(NamedTuple):
    """Abstract value of a tensor: what is known before any number is."""

    shape: tuple[Any, ...]
    dtype: np.dtype
    weak: bool = False


class Operator:
    """What an operation node computes, shared by all its applications.

    Parameters
    ----------
    name : str
        The name printed as ``fn=``.
    fn : callable
        ``fn(*arrays, **params)`` in JAX: an array, or a tuple of arrays if `n_outputs` is set. A random operator gets a key as
        first argument.
    infer : callable, optional
        ``infer(operator, avals, params) -> Aval`` (or a tuple of them), a closed rule for shape and dtype; without it
        `jax.eval_shape` is asked, and the answer cached.
    elementwise : bool
        Whether element ``i`` of the result depends on element ``i`` of the broadcast arguments alone.
    random : bool
        Whether `fn` draws; its nodes carry a token.
    multiple : bool
        Whether `fn` returns a tuple.
    """

    __slots__ = ("name", "fn", "infer", "elementwise", "random", "multiple")

    def __init__(
        self,
        name: str,
        fn: Callable[..., Any],
        infer: Callable[[Operator, tuple[Aval, ...], dict[str, Any]], Any] | None = None,
        *,
        elementwise: bool = False,
        random: bool = False,
        multiple: bool = False,
    ):
        self.name = name
        self.fn = fn
        self.infer = infer
        self.elementwise = elementwise
        self.random = random
        self.multiple = multiple

    def __repr__(self) -> str:
        return f"<operator {self.name}>"
