"""The Stein direction of an approximation under PyMC's name."""

from __future__ import annotations

import jax
import numpy as np

from symjax import variational
from symjax.pmc_bridge._approximation import Approximation


class Stein:
    """Where the points of an approximation have to move to come nearer to the posterior.

    Parameters
    ----------
    approx : Approximation
        The approximation: its particles are the points, or draws of it.
    kernel : callable, optional
        ``kernel(points) -> (matrix, repulsion)`` in JAX; Gaussian with the median's bandwidth by default.
    temperature : float
        Divides the log density.
    n_mc : int
        Number of draws of an approximation without particles.

    References
    ----------
    Q. Liu and D. Wang, Stein Variational Gradient Descent, NeurIPS 2016, equation 8.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     stein = pm.Stein(pm.Empirical(size=20, start={"x": 5.0}, random_seed=1))
    >>> stein.grad.shape, bool(stein.grad.mean() < 0)
    ((20, 1), True)
    """

    def __init__(
        self, approx: Approximation, kernel: variational.Kernel = variational.rbf, temperature: float = 1.0, *, n_mc: int = 100
    ):
        self.approx, self.kernel, self.temperature, self.n_mc = approx, kernel, float(temperature), n_mc

    @property
    def grad(self) -> np.ndarray:
        """The direction of each point now, of shape (points, ddim); that of the greatest increase of the log density."""
        target = self.approx.compile().target
        direction = variational.stein_direction(target, kernel=self.kernel, temperature=self.temperature)
        with jax.enable_x64(True):
            for_points, for_data = jax.random.split(jax.random.key(self.approx.seed))
            points = self.approx.family.points(self.approx.values, for_points, self.n_mc)
            return np.asarray(direction(points, for_data, target.data))
