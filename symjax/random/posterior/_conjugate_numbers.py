"""Coefficients: NumPy arrays where only data is involved, else expressions; sums and products of them with little rubbish."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._node import Tensor
from symjax.random.posterior._gaussian_scales import Interner
from symjax.rewrite import Fact, Facts
from symjax.tensor._index import index_add

ONE = np.ones(())
ZERO = np.zeros(())


def is_number(c: Any) -> bool:
    """Whether a coefficient is data alone."""
    return not isinstance(c, Tensor)


def _is(c: Any, value: float) -> bool:
    return is_number(c) and bool(np.all(c == value))


def is_zero(c: Any) -> bool:
    """Whether a coefficient is known to be zero throughout."""
    return _is(c, 0.0)


def as_node(c: Any) -> Any:
    """A coefficient as a tensor."""
    return c if isinstance(c, Tensor) else T.constant(np.asarray(c, np.float64))


def scalar_of(c: Any) -> float | None:
    """The number that all elements of a coefficient are; None if there is no such."""
    if not is_number(c) or np.size(c) == 0:
        return None
    first = float(np.ravel(c)[0])
    return first if np.size(c) == 1 or bool(np.all(c == first)) else None


class Coefficients:
    """Arithmetic of coefficients.

    Parameters
    ----------
    given : sequence of Tensor
        Expressions that are positive wherever the density is, by conditions that are kept.
    """

    def __init__(self, given: Sequence[Any] = ()):
        self.facts = Facts({x: Fact(lower=0.0, lower_open=True) for x in given})
        self._intern = Interner()

    def same(self, a: Any, b: Any) -> bool:
        """Whether two coefficients are known to be equal."""
        if is_number(a) or is_number(b):
            return is_number(a) and is_number(b) and np.shape(a) == np.shape(b) and bool(np.all(a == b))
        return self._intern(a) is self._intern(b)

    def opposite(self, a: Any, b: Any) -> bool:
        """Whether one is known to be minus the other."""
        if is_number(a) or is_number(b):
            return is_number(a) and is_number(b) and bool(np.all(a + b == 0))
        return any(x.fn_name == "negative" and self.same(x.parents[0], y) for x, y in ((a, b), (b, a)))

    def plus(self, a: Any, b: Any) -> Any:
        """a + b."""
        if is_number(a) and is_number(b):
            return a + b
        if is_zero(a) and np.size(a) == 1:
            return b
        if is_zero(b) and np.size(b) == 1:
            return a
        if not is_number(a) and not is_number(b) and self.opposite(a, b):
            return ZERO
        return as_node(a) + as_node(b)

    def negative(self, a: Any) -> Any:
        """-a."""
        if is_number(a):
            return -a
        return a.parents[0] if a.fn_name == "negative" else T.negative(a)

    def times(self, a: Any, b: Any) -> Any:
        """a · b."""
        if is_number(a) and is_number(b):
            return a * b
        for x, y in ((a, b), (b, a)):
            if is_number(x) and np.size(x) == 1:
                if is_zero(x):
                    return ZERO
                if _is(x, 1.0):
                    return y
                if _is(x, -1.0):
                    return self.negative(y)
        return as_node(a) * as_node(b)

    def ratio(self, a: Any, b: Any) -> Any:
        """a / b, for b that is not zero."""
        if is_number(a) and is_number(b):
            with np.errstate(all="ignore"):
                return np.divide(a, b)
        if not is_number(a) and not is_number(b):
            if self.same(a, b):
                return ONE
            if self.opposite(a, b):
                return -ONE
        return a if _is(b, 1.0) and np.size(b) == 1 else as_node(a) / as_node(b)

    def power(self, a: Any, k: float) -> Any:
        """a to a number."""
        if k == 1:
            return a
        if is_number(a):
            with np.errstate(all="ignore"):
                return np.asarray(a, np.float64) ** k
        if a.fn_name == "sqrt" and k % 2 == 0:
            return self.power(a.parents[0], k / 2)
        named = {2: T.square, -1: T.reciprocal, 0.5: T.sqrt}
        return named[k](a) if k in named else a ** float(k)

    def log(self, a: Any) -> Any:
        """The logarithm, for what is positive."""
        return np.log(a) if is_number(a) else T.log(a)

    def sign(self, a: Any) -> int:
        """1 or -1 if that is proved to be its sign throughout, else 0."""
        if is_number(a):
            return 1 if bool(np.all(a > 0)) else -1 if bool(np.all(a < 0)) else 0
        fact = self.facts(a)
        return 1 if fact.positive else -1 if fact.negative else 0

    def is_nonnegative(self, a: Any) -> bool:
        """Whether it is proved not to be negative."""
        return bool(np.all(a >= 0)) if is_number(a) else self.facts(a).nonnegative


def broadcast(c: Any, shape: Sequence[int]) -> Any:
    """A coefficient at full shape."""
    if tuple(c.shape) == tuple(shape):
        return c
    return np.broadcast_to(c, shape) if is_number(c) else T.broadcast_to(c, shape)


def reshaped(c: Any, shape: Sequence[int]) -> Any:
    """A coefficient of one element as a scalar, others reshaped."""
    shape = () if c.size == 1 else tuple(shape)
    return np.reshape(c, shape) if is_number(c) else (c if tuple(c.shape) == shape else T.reshape(c, shape))


def _reduced(c: Any, axes: tuple[int, ...], shape: Sequence[int], largest: bool) -> Any:
    """Sum or greatest element over axes of the array of a shape that a coefficient broadcasts to; the axes are kept."""
    if c.size == 1:
        one = reshaped(c, ())
        n = float(math.prod(shape[a] for a in axes))
        return one if largest or n == 1 else one * n
    full = c
    if c.ndim < len(shape):
        aligned = (*(1,) * (len(shape) - c.ndim), *c.shape)
        full = c.reshape(aligned) if is_number(c) else T.reshape(c, aligned)
    some = tuple(a for a in axes if full.shape[a] > 1)
    missing = float(math.prod(shape[a] for a in axes if full.shape[a] == 1))
    if some:
        kept = tuple(1 if a in some else n for a, n in enumerate(full.shape))
        total = (full.max(some) if largest else full.sum(some)) if is_number(full) else (T.max if largest else T.sum)(full, some)
        full = total.reshape(kept) if is_number(total) else T.reshape(total, kept)
    return full if largest or missing == 1 else full * missing


def summed_to(c: Any, shape: Sequence[int], target: Sequence[int]) -> Any:
    """The adjoint of broadcasting from `target` to `shape`."""
    if tuple(shape) == tuple(target):
        return c
    padded = (1,) * (len(shape) - len(target)) + tuple(target)
    axes = tuple(a for a, (n, m) in enumerate(zip(shape, padded, strict=True)) if n != m)
    total = _reduced(c, axes, shape, False)
    if total.size == 1:
        return reshaped(total, ())
    kept = tuple(1 if a in axes else n for a, n in enumerate(shape))
    return reshaped(broadcast(total, kept), target)


def total_of(c: Any, shape: Sequence[int]) -> Any:
    """The sum over an array of a shape."""
    return reshaped(_reduced(c, tuple(range(len(shape))), shape, False), ())


def collected(c: Any, index: np.ndarray, shape: Sequence[int], target: Sequence[int], *, largest: bool = False) -> Any:
    """Sums (or greatest elements) of a coefficient over the elements of an array that belong to each element of another one.

    Parameters
    ----------
    c : array or Tensor
        Coefficient that broadcasts to `shape`.
    index : array of int
        For each element of the array, broadcastable to `shape`, the flat position in an array of shape `target`.
    shape, target : sequence of int
        Shapes.
    largest : bool
        Whether greatest elements are wanted; each position must then occur.

    Returns
    -------
    array or Tensor or None
        Broadcastable to `target`; None for greatest elements of expressions at places without structure.
    """
    size = math.prod(target)
    if size == 1:
        return reshaped(_reduced(c, tuple(range(len(shape))), shape, largest), ())
    index = np.broadcast_to(index, shape)
    same = tuple(a for a, n in enumerate(shape) if n > 1 and bool((index == index.take([0], a)).all()))
    kept = index[tuple(slice(0, 1) if a in same else slice(None) for a in range(len(shape)))]
    c = _reduced(c, same, shape, largest)
    flat = kept.reshape(-1)
    if len(flat) == size and bool((flat == np.arange(size)).all()):
        return reshaped(c if c.size == 1 else broadcast(c, kept.shape), target)
    if largest:
        if not is_number(c):
            return None
        found = np.full(size, -np.inf)
        np.maximum.at(found, flat, np.broadcast_to(c, kept.shape).reshape(-1))
        return found.reshape(target)
    if is_number(c):
        return np.bincount(flat, np.broadcast_to(c, kept.shape).reshape(-1), size).reshape(target)
    if c.size == 1:
        return reshaped(c, ()) * np.bincount(flat, minlength=size).reshape(target).astype(np.float64)
    rows = T.reshape(broadcast(c, kept.shape), (len(flat),))
    return T.reshape(index_add(T.constant(np.zeros(size)), T.constant(flat), rows), target)
