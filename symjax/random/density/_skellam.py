"""Log mass of the difference of two Poisson counts.

Skellam's law (J. R. Statist. Soc. 109, 1946) has the mass ``exp(−a − b) (a/b)^(k/2) I_k(2 √(a b))``. For k ≥ 0 that is
``exp(−a − b) aᵏ G(k, a b)`` with ``G(k, q) = Σⱼ qʲ / (j! (k + j)!)``, a sum of positive terms that needs no quotient of the rates;
where k² + 4 q is large, G is taken from the expansion of Bessel functions that is uniform in the order (DLMF 10.41.3).
"""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

#: The expansion is used where √(k² + 4 q) exceeds this.
_LARGE = 40.0
#: Terms of the series, whose remainder is below 1e-20 of it up to there.
_N_SERIES = 64
#: Terms of the expansion, whose remainder is below 1e-14.
_N_EXPANSION = 12


def log_difference_mass(k: Any, a: Any, b: Any) -> Any:
    """Log probability of X − Y = k for X ~ Poisson(a), Y ~ Poisson(b), at whole numbers k.

    All broadcast against each other; rates may be zero.
    """
    order = jnp.abs(k).astype(jnp.result_type(a, b, float))
    rate = jnp.where(k >= 0, a, b)
    q = a * b
    reach = jnp.sqrt(jnp.maximum(order**2 + 4 * q, 1e-300))
    is_large = reach > _LARGE
    tail = order * jnp.log(jnp.where(order == 0, 1.0, rate))
    small = _by_series(order, jnp.where(is_large, 0.0, q)) - a - b
    large = _by_expansion(order, jnp.where(is_large, q, _LARGE**2))
    r = jnp.sqrt(order**2 + 4 * jnp.where(is_large, q, _LARGE**2))
    # r − a − b without the cancellation of large rates, as (k² − (a − b)²) / (r + a + b)
    large = large + (order**2 - (a - b) ** 2) / (r + a + b)
    return tail + jnp.where(is_large, large, small)


def _by_series(order: Any, q: Any) -> Any:
    """log G."""
    total = jnp.ones_like(q + order)
    for j in range(_N_SERIES, 0, -1):
        total = 1 + q / (j * (order + j)) * total
    return jnp.log(total) - jax.scipy.special.gammaln(order + 1)


def _by_expansion(order: Any, q: Any) -> Any:
    """log G − √(k² + 4 q)."""
    r = jnp.sqrt(order**2 + 4 * q)
    p2 = (order / r) ** 2
    series = jnp.zeros_like(r)
    for coefficients in reversed(_coefficients()):
        series = (series + jnp.polyval(jnp.asarray(coefficients, r.dtype), p2)) / r
    return order * jnp.log(2 / (order + r)) - 0.5 * jnp.log(2 * np.pi * r) + jnp.log1p(series)


@functools.cache
def _coefficients() -> list[np.ndarray]:
    """The polynomials U_k(p) / pᵏ in p², highest power first, for k = 1, 2, … (DLMF 10.41.9)."""
    u = {0: Fraction(1)}
    found = []
    for k in range(1, _N_EXPANSION + 1):
        following: dict[int, Fraction] = {}
        for n, c in u.items():
            # ½ p² (1 − p²) U′ + ⅛ ∫ (1 − 5 t²) U
            following[n + 1] = following.get(n + 1, Fraction(0)) + c * (Fraction(n, 2) + Fraction(1, 8 * (n + 1)))
            following[n + 3] = following.get(n + 3, Fraction(0)) - c * (Fraction(n, 2) + Fraction(5, 8 * (n + 3)))
        u = following
        found.append(np.array([float(u.get(n, 0)) for n in range(3 * k, k - 1, -2)]))
    return found
