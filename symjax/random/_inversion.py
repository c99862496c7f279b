"""Quantile functions by inversion of a cdf.

The cdf is inverted in an unbounded coordinate s of the value, log x on the half line say, against whichever tail is the smaller
one and on the log scale, so that quantiles of both tails keep all their digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from symjax.random._incomplete import derivative, promote

_MOST_STEPS = 200

#: ``tails(*shapes, s) -> (log P(S ≤ s), log P(S > s))``
Tails = Callable[..., tuple[Any, Any]]


def _root(excess: Callable[[Any], tuple[Any, Any]], start: Any, low: float, high: float, eps: float) -> tuple[Any, Any]:
    """Where an increasing function of each element is zero, and whether the search for it ended.

    Newton's method, kept inside a bracket that bisection halves whenever a step leaves it.
    """

    def unfinished(carry: Any) -> Any:
        n, *_, done = carry
        return (n < _MOST_STEPS) & ~jnp.all(done)

    def body(carry: Any) -> Any:
        n, s, left, right, done = carry
        off, slope = excess(s)
        left, right = jnp.where(off < 0, s, left), jnp.where(off < 0, right, s)
        newton = s - off / slope
        new = jnp.where((newton > left) & (newton < right), newton, 0.5 * (left + right))
        small = eps * (1 + jnp.abs(s))
        ended = (jnp.abs(new - s) <= 2 * small) | (right - left <= 2 * small) | jnp.isnan(off)
        return n + 1, jnp.where(done, s, jnp.where(jnp.isnan(off), jnp.nan, new)), left, right, done | ended

    carry = (jnp.int32(0), start, start + low, start + high, jnp.zeros_like(start, bool))
    _, s, _, _, done = jax.lax.while_loop(unfinished, body, carry)
    return s, done


def inverse(tails: Tails, log_density: Callable[..., Any]) -> Callable[..., Any]:
    """The quantile function of a law of one real coordinate.

    Parameters
    ----------
    tails : callable
        ``tails(*shapes, s)``: log of the cdf and of the survival function at s.
    log_density : callable
        ``log_density(*shapes, s)``: log density of the coordinate.

    Returns
    -------
    callable
        ``quantile(q, complement, *shapes)`` on arrays, where `complement` is 1 − q, given apart so that upper tails keep their
        digits. ±inf at 0 and 1, nan for other numbers outside and where the search does not end. The derivatives, by the implicit
        function theorem, take the tangent of `q` as that of the probability.
    """

    def excess(q: Any, complement: Any, shapes: Any, s: Any) -> tuple[Any, Any]:
        """How far the log of the smaller tail is off, made increasing in s, and its slope."""
        lower, upper = tails(*shapes, s)
        below = q <= complement
        tail = jnp.where(below, lower, upper)
        off = jnp.where(below, lower - jnp.log(q), jnp.log(complement) - upper)
        return off, jnp.exp(log_density(*shapes, s) - tail)

    def search(q: Any, complement: Any, *shapes: Any) -> Any:
        limits = jnp.finfo(q.dtype)
        eps, low, high = float(limits.eps), math.log(limits.tiny), math.log(limits.max)
        inside = (q > 0) & (complement > 0)
        q, complement = jnp.where(inside, q, 0.5), jnp.where(inside, complement, 0.5)

        s, done = _root(lambda at: excess(q, complement, shapes, at), jnp.zeros_like(q), low, high, eps)
        # a search that ends at a limit was after a number that the dtype does not hold
        s = jnp.where(s < low + 1e-3, -jnp.inf, jnp.where(s > high - 1e-3, jnp.inf, s))
        return jnp.where(done & inside, s, jnp.nan)

    @jax.custom_jvp
    def quantile(q: Any, complement: Any, *shapes: Any) -> Any:
        s = search(q, complement, *shapes)
        s = jnp.where((q == 0) & (complement == 1), -jnp.inf, s)
        return jnp.where((q == 1) & (complement == 0), jnp.inf, s)

    def rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
        q, complement, *shapes = primals
        s = quantile(*primals)
        at = jnp.where(jnp.isfinite(s), s, 0.0)
        below = q <= complement
        log_slope = log_density(*shapes, at)
        total = jnp.zeros_like(s)
        for i, tangent in enumerate(tangents):
            if isinstance(tangent, jax.custom_derivatives.SymbolicZero) or i == 1:
                continue
            if i == 0:
                total = total + tangent * jnp.exp(-log_slope)
                continue
            changes = [derivative(lambda *a, j=j: tails(*a)[j], (*shapes, at), i - 2) for j in (0, 1)]
            lower, upper = tails(*shapes, at)
            change = jnp.where(below, -changes[0] * jnp.exp(lower - log_slope), changes[1] * jnp.exp(upper - log_slope))
            total = total + tangent * change
        return s, total

    quantile.defjvp(rule, symbolic_zeros=True)
    return lambda *arguments: quantile(*promote(*arguments))
