"""Quantiles of discrete laws by search: the least whole number whose cdf reaches a probability."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax.core._inner import InnerGraph, close_over
from symjax.core._leaves import as_tensor
from symjax.core._node import Bound
from symjax.core._op import Aval, Operator
from symjax.core._scope import detached
from symjax.core._shapes import broadcast_shapes
from symjax.core._traverse import make

_DOUBLINGS = 62


def _search(stream: Any, q: Any, lower: Any, upper: Any, *captured: Any, graph: InnerGraph) -> Any:
    shape = jnp.broadcast_shapes(jnp.shape(q), jnp.shape(lower), jnp.shape(upper))

    def reaches(k: Any, known: Any) -> tuple[Any, Any]:
        # a relative slack of a few units in the last place: q = cdf(k), computed once, must give back k
        found = graph.run([k.astype(jnp.float64), *captured])[0]
        return found * (1 + 8 * jnp.finfo(jnp.float64).eps) >= q, known & ~jnp.isnan(found)

    low = jnp.broadcast_to(jnp.asarray(lower, jnp.int64), shape)
    top = jnp.broadcast_to(jnp.asarray(upper, jnp.int64), shape)

    def widen(carry: Any) -> Any:
        i, width, done, known = carry
        reached, known = reaches(jnp.minimum(low + width, top), known)
        done = done | reached | (low + width >= top) | ~known
        return i + 1, jnp.where(done, width, width * 2), done, known

    start = (jnp.zeros((), jnp.int32), jnp.ones(shape, jnp.int64), jnp.zeros(shape, bool), ~jnp.isnan(q))
    _, width, _, known = jax.lax.while_loop(lambda c: ~c[2].all() & (c[0] < _DOUBLINGS), widen, start)

    def halve(carry: Any) -> Any:
        low, high, known = carry
        middle = low + (high - low) // 2
        ok, known = reaches(middle, known)
        return jnp.where(ok, low, jnp.minimum(middle + 1, high)), jnp.where(ok, middle, high), known

    start = (low, jnp.minimum(low + width, top), known)
    _, found, known = jax.lax.while_loop(lambda c: (c[0] < c[1]).any(), halve, start)
    # where the cdf was nan nothing was compared, and the search ran into a number that means nothing
    return jnp.where(known, found.astype(jnp.float64), jnp.nan)


def _infer(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    return Aval(broadcast_shapes([a.shape for a in avals[:3]]), np.dtype(np.float64), False)


_SMALLEST = Operator("smallest_reaching", _search, _infer, random=True)


def smallest(cdf: Callable[[Any], Any], q: Any, lower: Any, upper: Any) -> Any:
    """The least whole number between bounds at which a cdf is at least `q`, as a float; nan where the cdf is nan.

    Parameters
    ----------
    cdf : callable
        ``cdf(k)`` of a float tensor of whole numbers, increasing.
    q : Tensor
        Probability.
    lower, upper : tensor-like of int
        Bounds; None as `upper` is no bound.
    """
    with detached():
        q = as_tensor(q)
        low = as_tensor(lower)
        top = as_tensor(2**62 if upper is None else upper)
        probe = Bound(Aval((), np.dtype(np.float64), False))
        shape = broadcast_shapes([q.shape, low.shape, top.shape, cdf(probe).shape])
        q = T.broadcast_to(q, shape)
        k = Bound(Aval(shape, np.dtype(np.float64), False))
        graph, captured = close_over([k], [cdf(k)])
        found = make(_SMALLEST, [q, low, top, *captured], {"graph": graph})
        return T.where(T.greater_equal(q, 1), float("inf"), found) if upper is None else found
