"""Random-walk Metropolis of a block of continuous coordinates.

The scale follows the acceptance rate by a stochastic approximation in warm-up (Andrieu, Thoms, A tutorial on adaptive MCMC,
Statistics and Computing 18, 2008, algorithm 4) and stays from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

_JUMPS: dict[str, Callable[[Any, Any], Any]] = {
    "normal": jax.random.normal,
    "uniform": lambda key, shape: jax.random.uniform(key, shape, minval=-1.0, maxval=1.0),
    "cauchy": jax.random.cauchy,
    "laplace": jax.random.laplace,
}
#: Acceptance rates that are best in one dimension and in many (Roberts, Rosenthal, Statistical Science 16, 2001).
_ONE, _MANY = 0.44, 0.234


class Scale(NamedTuple):
    """Log of the jumps' scale, and the number of updates of it."""

    log: Any
    count: Any


def initial(n: int, length: int, *, scaling: float = 1.0, tune: bool = True, **settings: Any) -> Scale:
    """The scale at the start."""
    return Scale(np.float64(np.log(scaling)), np.float64(0))


def adapted(scale: Scale, rate: Any, target: float, adapting: Any) -> Scale:
    """The scale after a step of some acceptance rate."""
    count = scale.count + 1
    return Scale(jnp.where(adapting, scale.log + (rate - target) * count**-0.6, scale.log), jnp.where(adapting, count, scale.count))


def decide(key: Any, x: Any, log_density: Any, proposed: Any, function: Callable[[Any], Any]) -> tuple[Any, Any, Any]:
    """Metropolis' decision on a symmetric proposal: what is kept, its log density, and the acceptance rate."""
    new = function(proposed)
    log_ratio = jnp.where(jnp.isnan(new), -jnp.inf, new - log_density)
    accept = jnp.log(jax.random.uniform(key, (), jnp.float64)) < log_ratio
    kept = jnp.where(accept, proposed, x), jnp.where(accept, new, log_density)
    return *kept, jnp.exp(jnp.minimum(0.0, log_ratio))


def step(
    key: Any,
    x: Any,
    log_density: Any,
    function: Callable[[Any], Any],
    scale: Scale,
    adapting: Any,
    *,
    scaling: float = 1.0,
    tune: bool = True,
    jump: str = "normal",
    root: tuple[tuple[float, ...], ...] | tuple[float, ...] | None = None,
) -> tuple[Any, Any, Scale, Any]:
    """One jump.

    Parameters
    ----------
    key : jax.Array
        Key of the step.
    x : array, shape (n,)
        Present value.
    log_density : scalar
        Its log density.
    function : callable
        Log density of a value.
    scale : Scale
        Scale of the jumps.
    adapting : bool
        Whether the scale adapts.
    scaling : float
        Scale at the start.
    tune : bool
        Whether it ever adapts.
    jump : {"normal", "uniform", "cauchy", "laplace"}
        Law of the jumps.
    root : tuple, optional
        Their standard deviations, or a square root of their covariance.

    Returns
    -------
    array, scalar, Scale, scalar
        Value, log density and scale after the step, and the acceptance rate.
    """
    jump_key, accept_key = jax.random.split(key)
    delta = _JUMPS[jump](jump_key, x.shape).astype(x.dtype)
    if root is not None:
        shape = np.asarray(root)
        delta = shape @ delta if shape.ndim == 2 else shape * delta
    proposed = x + jnp.exp(scale.log) * delta
    x, log_density, rate = decide(accept_key, x, log_density, proposed, function)
    target = _ONE if x.shape[0] == 1 else _MANY
    return x, log_density, adapted(scale, rate, target, adapting & tune), rate
