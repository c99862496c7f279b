"""What a fit makes small: a loss with its gradient by the parameters of a family, estimated from random draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax.sampling import LogDensity
from symjax.variational._families import Product

#: ``objective(parameters, key, data) -> (loss, gradient)``; the loss is for display and may be any measure.
Objective = Callable[[Any, Any, Any], tuple[Any, Any]]
#: ``kernel(points) -> (matrix, repulsion)`` of shapes (n, n) and (n, size).
Kernel = Callable[[Any], tuple[Any, Any]]


def log_density_of(target: LogDensity) -> Callable[[Any, Any, Any], Any]:
    """The target as a function of a position, a key for what it draws, and data."""
    none = np.zeros(0, np.int64)

    def function(position: Any, key: Any, data: Any) -> Any:
        return target.function(position, none, (data, key) if target.draws else data)

    return function


def kl_divergence(target: LogDensity, family: Product, *, n_mc: int = 1, beta: float = 1.0, scale: float = 1.0) -> Objective:
    """The negative evidence lower bound, ``E_q[beta * log q(z) - log p(z)]``.

    Parameters
    ----------
    target : LogDensity
        The log density p; with `beta` other than 1, that with its prior to the power of `beta`.
    family : Product
        The family of q.
    n_mc : int
        Number of draws that each estimate is the mean of.
    beta : float
        Weight of the entropy.
    scale : float
        Factor of the loss.

    Returns
    -------
    callable
        ``objective(parameters, key, data) -> (loss, gradient)``.

    References
    ----------
    A. Kucukelbir et al., Automatic Differentiation Variational Inference, JMLR 18 (2017), equations 5 to 8.
    """
    density = log_density_of(target)

    def loss(parameters: Any, key: Any, data: Any) -> Any:
        for_points, for_data = jax.random.split(key)
        z = family.sample(parameters, for_points, n_mc)
        values = jax.vmap(density, (0, None, None))(z, for_data, data)
        return scale * jnp.mean(beta * family.log_density(parameters, z) - values)

    return jax.value_and_grad(loss)


def stein(
    target: LogDensity,
    family: Product,
    *,
    n_mc: int = 100,
    kernel: Kernel | None = None,
    temperature: float = 1.0,
    scale: float = 1.0,
) -> Objective:
    """The direction in which points decrease their divergence from the target fastest, carried over to the parameters.

    Parameters
    ----------
    target : LogDensity
        The log density.
    family : Product
        Particles, which move themselves, or a family whose draws are moved.
    n_mc : int
        Number of draws of such a family.
    kernel : callable, optional
        ``kernel(points) -> (matrix, repulsion)``; `rbf` by default.
    temperature : float
        Divides the log density: above 1 the points spread more.
    scale : float
        Factor of the direction.

    Returns
    -------
    callable
        ``objective(parameters, key, data) -> (size, gradient)``, the size being the direction's root mean square.

    References
    ----------
    Q. Liu and D. Wang, Stein Variational Gradient Descent, NeurIPS 2016, equation 8; amortized: Y. Feng, D. Wang and Q. Liu,
    Learning to Draw Samples with Amortized Stein Variational Gradient Descent, UAI 2017.
    """
    direction_of = stein_direction(target, kernel=kernel, temperature=temperature)

    def objective(parameters: Any, key: Any, data: Any) -> tuple[Any, Any]:
        for_points, for_data = jax.random.split(key)
        z, pull_back = jax.vjp(lambda p: family.points(p, for_points, n_mc), parameters)
        direction = scale * direction_of(z, for_data, data)
        [gradient] = pull_back(-direction)
        return jnp.sqrt(jnp.mean(direction**2)), gradient

    return objective


def stein_direction(
    target: LogDensity, *, kernel: Kernel | None = None, temperature: float = 1.0
) -> Callable[[Any, Any, Any], Any]:
    """The direction in which points decrease their divergence from the target fastest.

    Parameters
    ----------
    target, kernel, temperature
        As of `stein`.

    Returns
    -------
    callable
        ``direction(points, key, data)`` of the points' shape, (n, size).

    References
    ----------
    Q. Liu and D. Wang, Stein Variational Gradient Descent, NeurIPS 2016, equation 8.

    Examples
    --------
    >>> import numpy as np
    >>> target = LogDensity(lambda x, discrete, data: -0.5 * (x**2).sum(), (), 1)
    >>> stein_direction(target)(np.array([[3.0]]), None, ()).tolist()
    [[-3.0]]
    """
    gradient_of = jax.vmap(jax.grad(log_density_of(target)), (0, None, None))
    kernel = rbf if kernel is None else kernel

    def direction(points: Any, key: Any, data: Any) -> Any:
        matrix, repulsion = kernel(points)
        return (matrix @ gradient_of(points, key, data) / temperature + repulsion) / len(points)

    return direction


def rbf(points: Any) -> tuple[Any, Any]:
    """The Gaussian kernel with the bandwidth that the median distance gives.

    Parameters
    ----------
    points : array, shape (n, size)
        Points.

    Returns
    -------
    matrix : array, shape (n, n)
        Kernel of all pairs, ``exp(-|x_i - x_j|^2 / (2 h))`` with ``h = median / (2 log(n + 1))``.
    repulsion : array, shape (n, size)
        Its gradients by the first point, summed over that.

    Examples
    --------
    >>> import numpy as np
    >>> matrix, repulsion = rbf(np.array([[0.0], [1.0]]))
    >>> matrix.shape, bool(repulsion[0, 0] < 0 < repulsion[1, 0])
    ((2, 2), True)
    """
    squares = jnp.sum(points**2, -1)
    distances = jnp.maximum(squares[:, None] + squares - 2 * points @ points.T, 0.0)
    bandwidth = 0.5 * jnp.median(distances) / np.log(len(points) + 1.0)
    # points that coincide, or a single one, leave no scale
    bandwidth = jnp.where(bandwidth > 0, bandwidth, 1.0)
    matrix = jnp.exp(-0.5 * distances / bandwidth)
    return matrix, (points * matrix.sum(-1, keepdims=True) - matrix @ points) / bandwidth
