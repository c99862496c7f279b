"""Laplace's approximation: the normal law with the mode and the curvature of a density."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from symjax._errors import SamplingError
from symjax.sampling import LogDensity
from symjax.variational._objectives import log_density_of


def laplace(target: LogDensity, mode: Any) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the covariance of the normal law that touches a density at its mode.

    Parameters
    ----------
    target : LogDensity
        The log density.
    mode : array, shape (n,)
        Where an optimizer found the maximum; one step of Newton's method is made from there if it leads higher.

    Returns
    -------
    mean : array, shape (n,)
        The mode.
    cov : array, shape (n, n)
        Inverse of the negative second derivatives.

    Raises
    ------
    SamplingError
        If the density is not strictly concave at the mode.

    References
    ----------
    A. Gelman et al., Bayesian Data Analysis, 3rd edition (2013), section 13.3.

    Examples
    --------
    >>> import numpy as np
    >>> target = LogDensity(lambda x, discrete, data: -2.0 * ((x - 1.0) ** 2).sum(), (), 1)
    >>> mean, cov = laplace(target, np.array([0.999]))
    >>> mean.round(6).tolist(), cov.round(6).tolist()
    ([1.0], [[0.25]])
    """
    with jax.enable_x64(True):
        density = log_density_of(target)

        @jax.jit
        def expansion(x: Any, data: Any) -> tuple[Any, Any, Any]:
            value, gradient = jax.value_and_grad(density)(x, None, data)
            return value, gradient, -jax.hessian(density)(x, None, data)

        mode = np.asarray(mode, np.float64)
        value, gradient, precision = map(np.asarray, expansion(mode, target.data))
        _check_concave(target, precision)
        higher = mode + np.linalg.solve(precision, gradient)
        value_there, _, precision_there = map(np.asarray, expansion(higher, target.data))
    if value_there > value:
        mode, precision = higher, precision_there
        _check_concave(target, precision)
    cov = np.linalg.inv(precision)
    return mode, 0.5 * (cov + cov.T)


def _check_concave(target: LogDensity, precision: np.ndarray) -> None:
    if not np.isfinite(precision).all():
        raise SamplingError("laplace: second derivatives at the mode are not finite.")
    curvatures, directions = np.linalg.eigh(precision)
    if curvatures[0] > 1e-12 * abs(curvatures[-1]):
        return
    along = int(np.argmax(np.abs(directions[:, 0])))
    name = next((v.name for v in target.variables if v.start <= along < v.stop), f"coordinate {along}")
    raise SamplingError(
        f"laplace: the density has no strict maximum where the optimizer ended: its curvature along {name!r} is "
        f"{curvatures[0]:.3g}. Give that variable a proper prior or another start, or draw with pm.sample."
    )
