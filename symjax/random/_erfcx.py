"""Differences of the scaled complementary error function, which the masses of several laws with Normal parts are."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from symjax.tensor._wrap import OPERATORS

_NODES, _WEIGHTS = (x.tolist() for x in np.polynomial.legendre.leggauss(12))
_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)


def erfcx(x: Any) -> Any:
    """exp(x²) erfc(x), as a JAX array."""
    return OPERATORS["erfcx"].fn(x)


def _fall(x: Any) -> Any:
    """Minus the derivative of erfcx, 2 / √π - 2x erfcx(x).

    Far out the two terms cancel; there it is K / (x + K) times 2 / √π, of the continued fraction 1 / (x + K) of √π erfcx(x),
    Abramowitz and Stegun 7.1.14.
    """
    far = x > 3
    near, at = jnp.where(far, 0.0, x), jnp.where(far, x, 3.0)
    rest = jnp.zeros_like(at)
    for k in range(40, 0, -1):
        rest = 0.5 * k / (at + rest)
    return jnp.where(far, _TWO_OVER_ROOT_PI * rest / (at + rest), _TWO_OVER_ROOT_PI - 2 * near * erfcx(near))


def log_erfcx_difference(x: Any, width: Any) -> Any:
    """log of erfcx(x) - erfcx(x + width) for a positive width: by Gauss-Legendre quadrature of the derivative if it is short."""
    short = width < 1
    step = jnp.where(short, width, 1.0)
    total = jnp.zeros_like(step)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        total = total + 0.5 * weight * _fall(x + 0.5 * step * (1 + node))
    wide = erfcx(x) - erfcx(x + jnp.where(short, 1.0, width))
    return jnp.where(short, jnp.log(step) + jnp.log(total), jnp.log(wide))
