"""The matrix Normal law, whose covariance is a Kronecker product."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.core._shapes import is_symbolic
from symjax.random._constraint import Constraint, Parameter, lower_triangular, real
from symjax.random._distribution import Distribution
from symjax.random._support import Support
from symjax.random.distributions.mv_normal import cholesky_factor

_matrix = Constraint(real.text, lambda a: real.check(a).all((-1, -2)))
_matrices = Support("vector", event_ndim=2)


class MatrixNormalDistribution(Distribution):
    r"""Matrix Normal law: elements with :math:`\mathrm{cov}(x_{ij}, x_{kl}) = U_{ik} V_{jl}`.

    A density or draw of an m × n matrix costs O(m³ + n³ + mn(m + n)), not O(m³n³).

    Parameters
    ----------
    mu : tensor-like
        Mean matrix, or a number for all; 0 by default.
    rowcov, rowchol : tensor-like
        Covariance U of the m rows, symmetric and positive definite, or its Cholesky factor.
    colcov, colchol : tensor-like
        Covariance V of the n columns, or its Cholesky factor.

    Examples
    --------
    >>> import numpy as np, symjax.random as R
    >>> R.MatrixNormal(np.zeros((2, 3)), rowcov=np.eye(2), colcov=np.eye(3), name="x").shape
    (2, 3)

    References
    ----------
    Gupta, Nagar, Matrix Variate Distributions, 2000, ch. 2.
    """

    parameters = {"mu": Parameter(_matrix, 2), "rowchol": Parameter(lower_triangular, 2), "colchol": Parameter(lower_triangular, 2)}
    event_ndim = 2

    def parametrize(self, mu: Any = 0.0, rowcov: Any = None, rowchol: Any = None, colcov: Any = None, colchol: Any = None) -> Any:
        rows, columns = (T.as_tensor(cholesky_factor(cov=c, chol=f)) for c, f in ((rowcov, rowchol), (colcov, colchol)))
        mu = T.as_tensor(mu)
        return T.broadcast_to(mu, (rows.shape[-1], columns.shape[-1])) if mu.ndim < 2 else mu, rows, columns

    def event_shape(self, mu: Any, rowchol: Any, colchol: Any) -> Any:
        expected = (rowchol[-1], colchol[-1])
        if not any(map(is_symbolic, (*mu[-2:], *expected))) and tuple(mu[-2:]) != expected:
            raise ShapeError(f"MatrixNormal: 'mu' has shape {tuple(mu[-2:])}, the covariances are those of {expected}.")
        return expected

    def support(self, mu: Any, rowchol: Any, colchol: Any) -> Support:
        return _matrices

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, rowchol: Any, colchol: Any) -> Any:
        noise = jax.random.normal(key, (*shape, jnp.shape(rowchol)[-1], jnp.shape(colchol)[-1]), dtype)
        return mu + rowchol @ noise @ jnp.swapaxes(colchol, -1, -2)

    def log_density(self, value: Any, mu: Any, rowchol: Any, colchol: Any) -> Any:
        deviation = value - mu
        m, n = deviation.shape[-2:]
        batch = deviation.shape[:-2]
        rows, columns = (T.broadcast_to(f, (*batch, *f.shape[-2:])) for f in (rowchol, colchol))
        half = T.solve_triangular(rows, deviation, lower=True)
        z = T.solve_triangular(columns, T.swapaxes(half, -1, -2), lower=True)
        logs = [T.log(T.diagonal(f, axis1=-2, axis2=-1)).sum(-1) for f in (rowchol, colchol)]
        return -0.5 * T.sum(z**2, (-2, -1)) - n * logs[0] - m * logs[1] - 0.5 * m * n * math.log(2 * math.pi)

    def mean(self, mu: Any, rowchol: Any, colchol: Any) -> Any:
        return mu

    def variance(self, mu: Any, rowchol: Any, colchol: Any) -> Any:
        return T.expand_dims((rowchol**2).sum(-1), -1) * T.expand_dims((colchol**2).sum(-1), -2)


MatrixNormal = MatrixNormalDistribution()
