"""The multivariate Normal law whose covariance is a diagonal plus a matrix of low rank."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.core._shapes import is_symbolic
from symjax.random import _support as support
from symjax.random._constraint import Constraint, Parameter, positive_vector, real
from symjax.random._distribution import Distribution

_matrix = Constraint(real.text, lambda a: real.check(a).all((-1, -2)))
_vector = Constraint(real.text, lambda a: real.check(a).all(-1))


class LowRankMvNormalDistribution(Distribution):
    r"""Multivariate Normal law with covariance :math:`\mathrm{diag}(\sigma^2) + W W^\top`.

    A density or draw of n elements costs O(n q²) for the q columns of W, not O(n³).

    Parameters
    ----------
    mu : tensor-like
        Mean vector of n elements, or a number for all.
    factor : tensor-like
        The matrix W, ``(n, q)``.
    sigma : tensor-like
        Standard deviations of what each element has of its own, positive: n of them, or a number for all.

    Examples
    --------
    >>> import numpy as np, symjax.random as R
    >>> R.LowRankMvNormal(0.0, np.ones((3, 1)), 0.5, name="x").shape
    (3,)

    References
    ----------
    Petersen, Pedersen, The Matrix Cookbook, 2012, section 3.2.2; Rasmussen, Williams, Gaussian Processes for Machine Learning,
    2006, appendix A.3.
    """

    parameters = {"mu": Parameter(_vector, 1), "factor": Parameter(_matrix, 2), "sigma": Parameter(positive_vector, 1)}
    event_ndim = 1

    def parametrize(self, mu: Any, factor: Any, sigma: Any) -> Any:
        factor = T.as_tensor(factor)
        if factor.ndim < 2:
            raise ShapeError(f"'factor' must be a matrix, got shape {factor.shape}.")
        return _spread(mu, factor), factor, _spread(sigma, factor)

    def event_shape(self, mu: Any, factor: Any, sigma: Any) -> Any:
        for name, shape in (("mu", mu), ("sigma", sigma)):
            if not is_symbolic(shape[-1]) and not is_symbolic(factor[-2]) and shape[-1] != factor[-2]:
                raise ShapeError(f"LowRankMvNormal: {name!r} has {shape[-1]} elements, 'factor' {factor[-2]} rows.")
        return factor[-2:-1]

    def support(self, mu: Any, factor: Any, sigma: Any) -> support.Support:
        return support.vector

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, factor: Any, sigma: Any) -> Any:
        own, shared = jax.random.split(key)
        n, q = jnp.shape(factor)[-2:]
        common = jnp.einsum("...ij,...j->...i", factor, jax.random.normal(shared, (*shape, q), dtype))
        return mu + sigma * jax.random.normal(own, (*shape, n), dtype) + common

    def log_density(self, value: Any, mu: Any, factor: Any, sigma: Any) -> Any:
        n, q = factor.shape[-2:]
        u, v = (value - mu) / sigma, factor / T.expand_dims(sigma, -1)
        chol = T.cholesky(T.matmul(T.swapaxes(v, -1, -2), v) + T.eye(q))
        shape = (*u.shape[:-1], q)
        right = T.broadcast_to(T.einsum("...ij,...i->...j", v, u), shape)
        # the weights b of the shared part that fit best: as a penalised residual the square loses no digits to cancellation
        b = T.cho_solve((T.broadcast_to(chol, (*shape, q)), True), right, b_ndim=1)
        square = T.sum((u - T.einsum("...ij,...j->...i", v, b)) ** 2, -1) + T.sum(b**2, -1)
        half_log_det = T.log(T.diagonal(chol, axis1=-2, axis2=-1)).sum(-1) + T.log(sigma).sum(-1)
        return -0.5 * square - half_log_det - 0.5 * n * math.log(2 * math.pi)

    def mean(self, mu: Any, factor: Any, sigma: Any) -> Any:
        return mu

    def variance(self, mu: Any, factor: Any, sigma: Any) -> Any:
        return sigma**2 + (factor**2).sum(-1)


def _spread(vector: Any, factor: Any) -> Any:
    vector = T.as_tensor(vector)
    return T.broadcast_to(vector, factor.shape[-2:-1]) if vector.ndim == 0 else vector


LowRankMvNormal = LowRankMvNormalDistribution()
