"""Laws of sums of exponential variables of any rates, as times through phases, evaluated without cancellation.

The time through phases of rates r₁, …, rₙ, one after the other, has the density ``Π rᵢ · xⁿ⁻¹ · exp[−r₁ x, …, −rₙ x]`` with the
divided difference of the exponential function (Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., section
19.9), which holds for equal rates too. A divided difference is an element of the exponential of a bidiagonal matrix (Opitz, 1964);
after a shift that matrix has no negative element, so that its Taylor series and its squares are sums of positive terms (Xue, Ye,
Computing exponentials of essentially non-negative matrices entrywise to high relative accuracy, Math. Comp. 82, 2013).
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

_TERMS = 26
_MOST_SQUARINGS = 48


def _divided_differences(z: Any) -> Any:
    """Logs of the divided differences of exp over ``z[i], …, z[j]``, for all i ≤ j, as an upper triangular matrix.

    z : (..., n); the result is (..., n, n), −inf below the diagonal.
    """
    n = z.shape[-1]
    top = jax.lax.stop_gradient(z.max(-1, keepdims=True))
    w = z - top
    span = jax.lax.stop_gradient(jnp.maximum(-w.min(-1), 1.0))
    squarings = jnp.ceil(jnp.log2(span))
    h = 2.0**-squarings
    eye, above = jnp.eye(n, dtype=z.dtype), jnp.eye(n, k=1, dtype=z.dtype)

    def diagonal(scale: Any) -> Any:
        return jnp.exp(w * scale[..., None])[..., None] * eye

    # exp(A) = exp(A + 1) / e, where A + 1 has no negative element
    a = (w * h[..., None] + 1)[..., None] * eye + h[..., None, None] * above
    term = total = jnp.broadcast_to(eye, a.shape)
    for k in range(1, _TERMS):
        term = term @ a / k
        total = total + term
    upper = 1 - eye
    start = total * math.exp(-1) * upper + diagonal(h)

    def square(k: Any, matrix: Any) -> Any:
        scale = h * 2.0 ** (k + 1)
        # the diagonal is known, and its error would double each time
        new = (matrix @ matrix) * upper + diagonal(jnp.minimum(scale, 1.0))
        return jnp.where((k < squarings)[..., None, None], new, matrix)

    matrix = jax.lax.fori_loop(0, _MOST_SQUARINGS, square, start)
    keep = jnp.triu(jnp.ones((n, n), bool))
    logs = jnp.where(keep, jnp.log(jnp.where(keep, matrix, 1.0)), -jnp.inf) + top[..., None]
    return jnp.where((squarings <= _MOST_SQUARINGS)[..., None, None], logs, jnp.nan)


def _entry(above: Any, below: Any) -> Any:
    """Log probabilities that the phases `below` end while the phases `above` are in phase i, for each i; (..., n).

    Each of `below` ends within phase i with probability b / (b + rᵢ), or lets it pass to the next one.
    """
    n = above.shape[-1]
    start = [jnp.zeros(above.shape[:-1], above.dtype), *[jnp.full(above.shape[:-1], -jnp.inf, above.dtype)] * (n - 1)]
    for j in range(below.shape[-1]):
        b = below[..., j]
        passed: Any = None
        new = []
        for i in range(n):
            r = above[..., i]
            here = start[i] if passed is None else jnp.logaddexp(start[i], passed)
            new.append(here + jnp.log(b) - jnp.log(b + r))
            passed = here + jnp.log(r) - jnp.log(b + r)
        start = new
    return jnp.stack(start, -1)


def _logsumexp(terms: list[Any]) -> Any:
    return jax.nn.logsumexp(jnp.stack(terms, -1), -1)


def _in_phases(x: Any, rates: Any, entry: Any, last: bool) -> list[Any]:
    """Log probabilities of being in each phase at time `x` > 0; in the last one only, if `last`."""
    n = rates.shape[-1]
    logs = _divided_differences(-rates * x[..., None])
    log_x = jnp.log(x)
    found = []
    for j in [n - 1] if last else range(n):
        terms = []
        for i in range(j + 1):
            moves = jnp.log(rates[..., i:j]).sum(-1) + (j - i) * log_x if j > i else 0.0
            terms.append(entry[..., i] + moves + logs[..., i, j])
        found.append(_logsumexp(terms))
    return found


def _positive_density(x: Any, rates: Any, entry: Any) -> Any:
    return _in_phases(x, rates, entry, True)[0] + jnp.log(rates[..., -1])


def _positive_ccdf(x: Any, rates: Any, entry: Any) -> Any:
    return _logsumexp(_in_phases(x, rates, entry, False))


def _positive_cdf(x: Any, rates: Any, entry: Any) -> Any:
    """Log of the probability that all phases have been passed by `x`, given the entry."""
    done = jnp.concatenate([rates, jnp.zeros_like(rates[..., :1])], -1)
    return _in_phases(x, done, jnp.concatenate([entry, jnp.full_like(entry[..., :1], -jnp.inf)], -1), True)[0]


def log_of_phases(x: Any, *rates: Any, above: int, what: str) -> Any:
    """Log density, cdf or ccdf of ``Σ Exponential(rᵢ) − Σ Exponential(bⱼ)``.

    Parameters
    ----------
    x : array
        Where.
    *rates : array
        The rates, first of the variables that are added, then of those that are subtracted.
    above : int
        How many are added, at least one; the sum is of one sign if all are.
    what : {"density", "cdf", "ccdf"}
        Which logarithm.
    """
    dtype = jnp.result_type(x, *rates, float)
    x, *found = jnp.broadcast_arrays(*(jnp.asarray(a, dtype) for a in (x, *rates)))
    up, down = jnp.stack(found[:above], -1), jnp.stack(found[above:], -1) if found[above:] else None
    if down is None:
        entry = _entry(up, up[..., :0])
        inside = x > 0
        at = jnp.where(inside, x, 1.0)
        if what == "density":
            zero = jnp.log(up[..., 0]) if above == 1 else jnp.full_like(x, -jnp.inf)
            return jnp.where(inside, _positive_density(at, up, entry), jnp.where(x == 0, zero, -jnp.inf))
        if what == "cdf":
            return jnp.where(inside, _positive_cdf(at, up, entry), -jnp.inf)
        return jnp.where(inside, _positive_ccdf(at, up, entry), 0.0)
    return _two_sided(x, up, down, what)


def _two_sided(x: Any, up: Any, down: Any, what: str) -> Any:
    entries = _entry(up, down), _entry(down, up)
    # at zero both sides agree
    right = x >= 0
    tiny = jnp.finfo(x.dtype).tiny
    over, under = jnp.maximum(jnp.where(right, x, 1.0), tiny), jnp.maximum(jnp.where(right, 1.0, -x), tiny)
    if what == "density":
        return jnp.where(right, _positive_density(over, up, entries[0]), _positive_density(under, down, entries[1]))
    if what == "cdf":
        total = jax.nn.logsumexp(entries[1], -1)
        return jnp.where(right, jnp.logaddexp(total, _positive_cdf(over, up, entries[0])), _positive_ccdf(under, down, entries[1]))
    total = jax.nn.logsumexp(entries[0], -1)
    return jnp.where(right, _positive_ccdf(over, up, entries[0]), jnp.logaddexp(total, _positive_cdf(under, down, entries[1])))
