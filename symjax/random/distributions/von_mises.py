"""The VonMises law."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution


def _draw_angle(key: Any, shape: Any, dtype: Any, kappa: Any) -> Any:
    """Angles about zero by Best and Fisher's rejection from a wrapped Cauchy law.

    Their r is 1 + d with d from 1 - ρ, and the angle is taken from its half's tangent: nothing cancels for small or large κ.
    """
    kappa = jnp.broadcast_to(jnp.asarray(kappa, dtype), shape)
    h = jnp.hypot(1.0, 2 * kappa)
    total = 1 + h + jnp.sqrt(2 * (1 + h))
    rho = 2 * kappa / total
    d = ((1 + 1 / (h + 2 * kappa) + jnp.sqrt(2 * (1 + h))) / total) ** 2 / (2 * rho)

    def body(carry: Any) -> Any:
        key, angle, done = carry
        key, place, level = jax.random.split(key, 3)
        u = jax.random.uniform(place, shape, dtype, -1.0, 1.0)
        new = 2 * jnp.arctan(jnp.tan(0.5 * math.pi * u) * jnp.sqrt(d / (2 + d)))
        c = kappa * (d + 2 * jnp.sin(0.5 * new) ** 2)
        # nan is not waited for
        accepted = (jnp.log(c) + 1 - c >= -jax.random.exponential(level, shape, dtype)) | jnp.isnan(c)
        return key, jnp.where(done, angle, new), done | accepted

    start = (key, jnp.zeros(shape, dtype), jnp.zeros(shape, bool))
    return jax.lax.while_loop(lambda carry: ~jnp.all(carry[2]), body, start)[1]


class VonMisesDistribution(Distribution):
    r"""Von Mises law of an angle in :math:`[-\pi, \pi]`, proportional to :math:`e^{\kappa \cos(x - \mu)}`.

    Parameters
    ----------
    mu : tensor-like
        Mode, an angle; 0 by default.
    kappa : tensor-like
        Concentration, positive; 1 by default.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.VonMises(mu=[0.0, 1.0], kappa=2.0, name="x").shape
    (2,)

    References
    ----------
    Mardia, Jupp, Directional Statistics, 2000, ch. 3.5. Best, Fisher, Efficient simulation of the von Mises distribution, Applied
    Statistics 28, 1979.
    """

    parameters = {"mu": Parameter(), "kappa": Parameter(positive)}

    def parametrize(self, mu: Any = 0.0, kappa: Any = 1.0) -> Any:
        return mu, kappa

    def support(self, mu: Any, kappa: Any) -> support.Support:
        return support.circle

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, kappa: Any) -> Any:
        x = mu + _draw_angle(key, shape, dtype, kappa)
        return jnp.clip(x - 2 * math.pi * jnp.round(x / (2 * math.pi)), -math.pi, math.pi)

    def log_density(self, value: Any, mu: Any, kappa: Any) -> Any:
        return -2 * kappa * T.sin(0.5 * (value - mu)) ** 2 - math.log(2 * math.pi) - T.log(T.i0e(kappa))

    def support_point(self, mu: Any, kappa: Any) -> Any:
        return T.arctan2(T.sin(mu), T.cos(mu))


VonMises = VonMisesDistribution()
