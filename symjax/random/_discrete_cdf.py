"""Cdfs of discrete laws by summing their masses."""

from __future__ import annotations

import math
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


def _accumulated(first: Any, last: Any, start: Any, add: Callable[[Any, Any, Any], Any]) -> Any:
    """``add(total, k, inside)`` over k from the smallest `first` to the largest `last`."""
    final = jnp.max(last)

    def step(carry: Any) -> Any:
        k, total = carry
        return k + 1, add(total, k, (k >= first) & (k <= last))

    return jax.lax.while_loop(lambda c: c[0] <= final, step, (jnp.min(first), start))[1]


def _summed(first: Any, last: Any, *captured: Any, graph: InnerGraph) -> Any:
    shape = jnp.broadcast_shapes(jnp.shape(first), jnp.shape(last))

    def log_mass(k: Any, args: Any) -> Any:
        return graph.run([jnp.broadcast_to(k, shape).astype(jnp.float64), *args])[0]

    @jax.custom_vjp
    def log_sum(first: Any, last: Any, *args: Any) -> Any:
        def add(total: Any, k: Any, inside: Any) -> Any:
            return jnp.logaddexp(total, jnp.where(inside, log_mass(k, args), -jnp.inf))

        return _accumulated(first, last, jnp.full(shape, -jnp.inf), add)

    def forward(first: Any, last: Any, *args: Any) -> Any:
        total = log_sum(first, last, *args)
        return total, (first, last, args, total)

    def backward(saved: Any, cotangent: Any) -> Any:
        # a loop of unknown length has no reverse of its own: the derivative of the sum is another sum
        first, last, args, total = saved
        floats = [i for i, a in enumerate(args) if jnp.issubdtype(jnp.result_type(a), jnp.floating)]

        def add(sums: Any, k: Any, inside: Any) -> Any:
            def of_floats(*values: Any) -> Any:
                full = list(args)
                for i, v in zip(floats, values, strict=True):
                    full[i] = v
                return log_mass(k, full)

            log, pull = jax.vjp(of_floats, *(args[i] for i in floats))
            share = jnp.where(inside & jnp.isfinite(log) & jnp.isfinite(total), jnp.exp(log - total), 0.0)
            return tuple(s + p for s, p in zip(sums, pull((share * cotangent).astype(log.dtype)), strict=True))

        sums = _accumulated(first, last, tuple(jnp.zeros_like(args[i]) for i in floats), add)
        found: list[Any] = [np.zeros(jnp.shape(a), jax.dtypes.float0) for a in (first, last, *args)]
        for i, s in zip(floats, sums, strict=True):
            found[2 + i] = s
        return tuple(found)

    log_sum.defvjp(forward, backward)
    return log_sum(first, last, *(jnp.asarray(a) for a in captured))


def _infer(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    return Aval(broadcast_shapes([a.shape for a in avals[:2]]), np.dtype(np.float64), False)


_SUM = Operator("log_sum_of_masses", _summed, _infer)


def log_sum_of_masses(log_mass: Callable[[Any], Any], first: Any, last: Any) -> Any:
    """Log of the sum of masses at the whole numbers from `first` to `last`, −inf if there is none.

    Parameters
    ----------
    log_mass : callable
        ``log_mass(k)`` of a float tensor of whole numbers.
    first, last : tensor-like of int
        Bounds, both included. The time grows with their distance.
    """
    with detached():
        low, high = T.cast(as_tensor(first), "int64"), T.cast(as_tensor(last), "int64")
        probe = Bound(Aval((), np.dtype(np.float64), False))
        shape = broadcast_shapes([low.shape, high.shape, log_mass(probe).shape])
        k = Bound(Aval(shape, np.dtype(np.float64), False))
        graph, captured = close_over([k], [T.cast(log_mass(k), "float64")])
        return make(_SUM, [T.broadcast_to(low, shape), T.broadcast_to(high, shape), *captured], {"graph": graph})


def log_tails(log_mass: Callable[[Any], Any], value: Any, lower: Any, upper: Any) -> tuple[Any, Any]:
    """Logs of P(X ≤ value) and P(X > value) of a count between two bounds; nan at nan.

    The larger probability is one minus the smaller, which is a sum of small terms and so keeps its digits.
    """
    edge = T.floor(T.cast(as_tensor(value), "float64"))
    below = log_sum_of_masses(log_mass, lower, T.clip(edge, lower - 1, upper))
    above = log_sum_of_masses(log_mass, T.clip(edge + 1, lower, upper + 1), upper)
    is_low = T.less_equal(below, above)
    small = T.minimum(T.where(is_low, below, above), -math.log(2))
    large = T.log1mexp(small)
    unknown = T.isnan(edge)
    cdf, ccdf = T.where(is_low, small, large), T.where(is_low, large, small)
    return T.where(unknown, math.nan, cdf), T.where(unknown, math.nan, ccdf)
