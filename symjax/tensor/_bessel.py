"""Modified Bessel functions of real order, by the trapezoidal rule on integrals of positive functions.

The integrands are analytic in a strip and decay exponentially, so that the rule converges geometrically; being positive, they lose
no digits to cancellation, however small the value. Derivatives by order and argument are those of the sums.

References
----------
NIST Digital Library of Mathematical Functions, equations 10.32.2 and 10.32.9; Trefethen, Weideman, The Exponentially Convergent
Trapezoidal Rule, 2014, section 5.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax.tensor._wrap import elementwise

_NODES = 512
#: The integrands are cut where they are this many powers of e below their maximum.
_DROP = 40.0
#: With wider steps the rule loses digits; only arguments of less than about 1e-32 need them.
_WIDEST = 0.35


def _log_integral(log_integrand: Any, left: Any, right: Any) -> Any:
    """Log of the integral from -left to right of a function of one more axis, the last."""
    left, right = jax.lax.stop_gradient((left, right))
    step = (left + right) / (_NODES - 1)
    nodes = -left[..., None] + step[..., None] * jnp.arange(_NODES)
    total = jax.nn.logsumexp(log_integrand(nodes), axis=-1) + jnp.log(step)
    return jnp.where(step < _WIDEST, total, jnp.nan)


def _reach(slope: Any) -> Any:
    """Where ``slope v²/(2 + v)``, which bounds an integrand's decay from below, reaches the cut."""
    c = _DROP / slope
    return 0.5 * (c + jnp.sqrt(c**2 + 8 * c))


def _floats(order: Any, x: Any) -> tuple[Any, Any]:
    order, x = jnp.broadcast_arrays(jnp.asarray(order), jnp.asarray(x))
    dtype = jnp.result_type(order, x, float)
    return order.astype(dtype), x.astype(dtype)


def _log_ive(order: Any, x: Any) -> Any:
    """Log of ``exp(-x) I_order(x)`` for positive x, from 10.32.2 with tanh u for the variable."""
    k = 2 * order + 1
    at = 2 * x / (k + jnp.sqrt(k**2 + 4 * x**2))
    peak = jnp.arctanh(jnp.minimum(at, 1 - jnp.finfo(x.dtype).eps))
    k, x, peak = k[..., None], x[..., None], jax.lax.stop_gradient(peak)[..., None]

    def log_integrand(v: Any) -> Any:
        u = v + peak
        log_cosh = jnp.abs(u) + jnp.log1p(jnp.exp(-2 * jnp.abs(u))) - math.log(2)
        return -k * log_cosh - 2 * x * jax.nn.sigmoid(-2 * u)

    reach = _reach(k[..., 0])
    log_scale = order * jnp.log(0.5 * x[..., 0]) - 0.5 * math.log(math.pi) - jax.lax.lgamma(order + 0.5)
    return log_scale + _log_integral(log_integrand, reach, reach)


def _log_kve(order: Any, x: Any) -> Any:
    """Log of ``exp(x) K_order(x)`` for positive x, from 10.32.9, its variable counted from the integrand's maximum."""
    order, x = _floats(order, x)
    order = jnp.abs(order)
    radius = jnp.sqrt(order**2 + x**2)
    rest = x**2 / (radius + order)  # radius - order, without cancellation
    a, b = rest[..., None], order[..., None]

    def log_integrand(v: Any) -> Any:
        return -a * (jnp.cosh(v) - 1) - b * (jnp.expm1(v) - v)

    left = jnp.minimum(jnp.arccosh(1 + _DROP / rest), _reach(jnp.maximum(order, jnp.finfo(x.dtype).tiny)))
    right = jnp.arccosh(1 + _DROP / radius)
    height = order * jnp.arcsinh(order / x) - order**2 / (x + radius)
    return jnp.where(x > 0, height + _log_integral(log_integrand, left, right) - math.log(2), jnp.where(x == 0, jnp.inf, jnp.nan))


def _ive(order: Any, x: Any) -> Any:
    order, x = _floats(order, x)
    whole = order == jnp.floor(order)
    order = jnp.where(whole, jnp.abs(order), order)
    positive = jnp.where(x > 0, x, 1.0)
    found = jnp.exp(_log_ive(jnp.maximum(order, 0), positive))
    at_zero = jnp.where(order == 0, 1.0, 0.0)
    return jnp.where((order >= 0) & (x >= 0), jnp.where(x > 0, found, at_zero), np.nan)


def _iv(order: Any, x: Any) -> Any:
    return _ive(order, x) * jnp.exp(x)


def _kve(order: Any, x: Any) -> Any:
    return jnp.exp(_log_kve(order, x))


def _kv(order: Any, x: Any) -> Any:
    return jnp.exp(_log_kve(order, x) - x)


iv = elementwise(_iv, "iv", n_args=2)
ive = elementwise(_ive, "ive", n_args=2)
kv = elementwise(_kv, "kv", n_args=2)
kve = elementwise(_kve, "kve", n_args=2)
log_kve = elementwise(_log_kve, "log_kve", n_args=2)

for _maker, _text in (
    (iv, "Modified Bessel function of the first kind, ``iv(order, x)`` for x ≥ 0; nan for negative orders that are not whole."),
    (ive, "`iv` times ``exp(-x)``."),
    (kv, "Modified Bessel function of the second kind, ``kv(order, x)``; nan for x < 0."),
    (kve, "`kv` times ``exp(x)``."),
    (log_kve, "Log of `kve`, finite where that overflows."),
):
    _maker.__doc__ = _text
