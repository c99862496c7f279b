"""Probability of an interval under the standard Normal law, and quantiles within it, right in the far tails and for tiny widths."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erfc, ndtri

from symjax.random._incomplete import LOG_2PI, log1mexp, promote
from symjax.tensor._wrap import OPERATORS, elementwise

_NODES, _WEIGHTS = (x.tolist() for x in np.polynomial.legendre.leggauss(16))


def log_phi(x: Any) -> Any:
    """Standard Normal log density; −inf at ±inf with a finite derivative there."""
    finite = jnp.isfinite(x)
    return jnp.where(finite, -0.5 * jnp.where(finite, x, 0.0) ** 2 - 0.5 * LOG_2PI, -jnp.inf)


def log_ndtr(x: Any) -> Any:
    """log of the standard Normal cdf, to full relative precision."""
    tail = jnp.where((x < -1) & (x > -jnp.inf), x, -1.0)
    far = -0.5 * tail**2 + jnp.log(0.5 * OPERATORS["erfcx"].fn(-tail * math.sqrt(0.5)))
    near = jnp.log1p(-0.5 * erfc(jnp.where(x < -1, 0.0, x) * math.sqrt(0.5)))
    return jnp.where(x == -jnp.inf, -jnp.inf, jnp.where(x < -1, far, near))


def _is_narrow(lower: Any, upper: Any) -> Any:
    """Whether the density changes so little over the interval that quadrature is exact to all digits."""
    reach = jnp.maximum(jnp.maximum(jnp.abs(lower), jnp.abs(upper)), 1.0)
    return (upper - lower) * reach < 1


def _narrow_moments(lower: Any, upper: Any) -> tuple[Any, Any, Any]:
    """log mass, mean and variance by Gauss-Legendre quadrature about the middle c: the density is φ(c) exp(-ct - t²/2)."""
    middle, half = 0.5 * (lower + upper), 0.5 * (upper - lower)
    total, first, second = (jnp.zeros_like(middle) for _ in range(3))
    for x, w in zip(_NODES, _WEIGHTS, strict=True):
        term = w * jnp.exp(-middle * half * x - 0.5 * (half * x) ** 2)
        total, first, second = total + term, first + term * x, second + term * x**2
    mean = first / total
    return log_phi(middle) + jnp.log(half * total), middle + half * mean, half**2 * (second / total - mean**2)


def _mirrored(lower: Any, upper: Any, flip: Any) -> tuple[Any, Any]:
    return jnp.where(flip, -upper, lower), jnp.where(flip, -lower, upper)


def _split(lower: Any, upper: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Whether the interval is narrow, and its bounds for either computation with harmless ones in the place of the others."""
    narrow = _is_narrow(lower, upper)
    a, b = jnp.where(narrow, lower, -0.1), jnp.where(narrow, upper, 0.1)
    return narrow, a, b, jnp.where(narrow, -1.0, lower), jnp.where(narrow, 1.0, upper)


def _log_mass(lower: Any, upper: Any) -> Any:
    empty = ~(lower < upper)
    lower, upper = jnp.where(empty, 0.0, lower), jnp.where(empty, 1.0, upper)
    narrow, a, b, low, high = _split(lower, upper)
    low, high = _mirrored(low, high, low + high > 0)
    right = log_ndtr(high)
    wide = right + log1mexp(log_ndtr(low) - right)
    return jnp.where(empty, -jnp.inf, jnp.where(narrow, _narrow_moments(a, b)[0], wide))


@jax.custom_jvp
def _mass(lower: Any, upper: Any) -> Any:
    return _log_mass(lower, upper)


@_mass.defjvp
def _mass_rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
    lower, upper = primals
    value = _mass(lower, upper)
    at = jnp.where(jnp.isfinite(value), value, jnp.inf)
    return value, jnp.exp(log_phi(upper) - at) * tangents[1] - jnp.exp(log_phi(lower) - at) * tangents[0]


def _ndtri_exp(y: Any) -> Any:
    """Standard Normal quantile of exp(y), y ≤ 0: Newton's method on the concave log cdf for small probabilities."""
    far = y < -5
    target = jnp.where(far, y, -10.0)
    r = jnp.sqrt(-2 * target)
    z = -jnp.sqrt(jnp.maximum(-2 * target - LOG_2PI - 2 * jnp.log(r), 1.0))
    for _ in range(5):
        value = log_ndtr(z)
        z = z - (value - target) * jnp.exp(value - log_phi(z))
    return jnp.where(far, z, ndtri(jnp.exp(jnp.where(far, -1.0, y))))


def _narrow_quantile(q: Any, lower: Any, upper: Any) -> Any:
    """Newton's method on the mass left of z, from the quantile of the exponential law that the density resembles."""
    width = upper - lower
    slope = -0.5 * (lower + upper) * width
    flat = jnp.abs(slope) < 1e-3
    k = jnp.where(flat, 1.0, slope)
    z = lower + width * jnp.where(flat, q, jnp.log1p(q * jnp.expm1(k)) / k)
    mass = q * jnp.exp(_narrow_moments(lower, upper)[0] - log_phi(lower))
    for _ in range(4):
        z = jnp.clip(z, lower, upper)
        left = jnp.where(z > lower, jnp.exp(_narrow_moments(lower, jnp.where(z > lower, z, upper))[0] - log_phi(lower)), 0.0)
        z = z - (left - mass) * jnp.exp(log_phi(lower) - log_phi(z))
    return jnp.clip(z, lower, upper)


def _wide_quantile(q: Any, lower: Any, upper: Any) -> Any:
    flip = (lower > 0) | ((upper >= 0) & (q > 0.5))
    low, high = _mirrored(lower, upper, flip)
    p = jnp.where(flip, 1 - q, q)
    z = _ndtri_exp(jnp.logaddexp(log_ndtr(low), jnp.log(p) + _log_mass(low, high)))
    z = jnp.where(flip, -z, z)
    return jnp.clip(z, lower, upper)


@jax.custom_jvp
def _quantile(q: Any, lower: Any, upper: Any) -> Any:
    inside = (q > 0) & (q < 1)
    at = jnp.where(inside, q, 0.5)
    narrow, a, b, low, high = _split(lower, upper)
    z = jnp.where(narrow, _narrow_quantile(at, a, b), _wide_quantile(at, low, high))
    ends = jnp.where(q == 0, lower, jnp.where(q == 1, upper, jnp.nan))
    return jnp.where(lower < upper, jnp.where(inside, z, ends), jnp.nan)


@_quantile.defjvp
def _quantile_rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
    # Φ(z) = (1 - q) Φ(lower) + q Φ(upper), differentiated
    q, lower, upper = primals
    z = _quantile(q, lower, upper)
    at = log_phi(jnp.where(jnp.isfinite(z), z, 0.0))
    dq, da, db = tangents
    change = jnp.exp(_mass(lower, upper) - at) * dq
    change = change + (1 - q) * jnp.exp(log_phi(lower) - at) * da + q * jnp.exp(log_phi(upper) - at) * db
    return z, change


def _tail_moments(lower: Any, upper: Any) -> tuple[Any, Any]:
    """Mean and variance for a positive `lower`, by quadrature from there: the density is φ(lower) exp(-lower t - t²/2)."""
    nodes, weights = np.polynomial.legendre.leggauss(64)
    # exp(-40) of the mass is further away than this
    length = jnp.minimum(upper - lower, 40 / lower)[..., None]
    t = 0.5 * length * (1 + jnp.asarray(nodes, length.dtype))
    w = jnp.asarray(weights, length.dtype) * jnp.exp(-lower[..., None] * t - 0.5 * t**2)
    total = w.sum(-1)
    mean = (w * t).sum(-1) / total
    return lower + mean, (w * (t - mean[..., None]) ** 2).sum(-1) / total


def _moments(lower: Any, upper: Any) -> tuple[Any, Any]:
    """Mean and variance of the standard Normal law between two bounds."""
    narrow, a, b, low, high = _split(lower, upper)
    _, narrow_mean, narrow_variance = _narrow_moments(a, b)
    # with the nearer bound on the left
    flip = high < -low
    low, high = _mirrored(low, high, flip)
    tail = low > 2
    tail_mean, tail_variance = _tail_moments(jnp.where(tail, low, 3.0), jnp.where(tail, high, 4.0))
    low, high = jnp.where(tail, -1.0, low), jnp.where(tail, 1.0, high)
    mass = _mass(low, high)
    at_low, at_high = jnp.exp(log_phi(low) - mass), jnp.exp(log_phi(high) - mass)
    mean = at_low - at_high
    finite_low, finite_high = (jnp.where(jnp.isfinite(x), x, 0.0) for x in (low, high))
    # E z² - 1 is lower φ(lower) - upper φ(upper) over the mass; taken about the mean it keeps more digits
    variance = 1 + at_low * (finite_low - mean) - at_high * (finite_high - mean)
    mean, variance = jnp.where(tail, tail_mean, mean), jnp.where(tail, tail_variance, variance)
    return jnp.where(narrow, narrow_mean, jnp.where(flip, -mean, mean)), jnp.where(narrow, narrow_variance, variance)


def truncated_quantile(q: Any, lower: Any, upper: Any) -> Any:
    """The z between two bounds with a share `q` of the standard Normal mass between them on its left, as a JAX array."""
    return _quantile(*promote(q, lower, upper))


#: ``log_normal_mass(lower, upper)``: log of Φ(upper) − Φ(lower).
log_normal_mass = elementwise(lambda a, b: _mass(*promote(a, b)), "log_normal_mass", 2)
#: ``truncated_normal_quantile(q, lower, upper)``, ``truncated_normal_mean(lower, upper)`` and ``truncated_normal_variance``: those
#: of the standard Normal law between two bounds.
truncated_normal_quantile = elementwise(truncated_quantile, "truncated_normal_quantile", 3)
truncated_normal_mean = elementwise(lambda a, b: _moments(*promote(a, b))[0], "truncated_normal_mean", 2)
truncated_normal_variance = elementwise(lambda a, b: _moments(*promote(a, b))[1], "truncated_normal_variance", 2)
