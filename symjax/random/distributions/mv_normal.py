"""The multivariate Normal law and the Dirichlet law."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import ParameterError, ShapeError
from symjax.core._shapes import is_symbolic
from symjax.random import _support as support
from symjax.random._alternatives import checked
from symjax.random._constraint import Parameter, lower_triangular, positive_definite, positive_vector, real
from symjax.random._distribution import Distribution, choose


def cholesky_factor(cov: Any = None, tau: Any = None, chol: Any = None, lower: bool = True) -> Any:
    """The lower Cholesky factor of a covariance from any of its parametrisations; nan where it is not positive definite."""
    given = choose("the law", cov=cov, tau=tau, chol=chol)
    matrix = T.as_tensor({"cov": cov, "tau": tau, "chol": chol}[given])
    if matrix.ndim < 2:
        raise ShapeError(f"{given!r} must be a square matrix, got shape {matrix.shape}.")
    if given == "chol":
        return matrix if lower else T.swapaxes(matrix, -1, -2)
    matrix = T.cast(T.as_tensor(checked(given, matrix, positive_definite)), "floatX")
    return T.cholesky(matrix) if given == "cov" else T.cholesky_of_inverse(matrix)


def semidefinite_factor(cov: Any) -> Any:
    """The lower triangular root with a diagonal that is not negative of a covariance that may be singular to rounding."""
    values, vectors = T.eigh(T.cast(T.as_tensor(cov), "floatX"))
    root = vectors * T.sqrt(T.maximum(values, 0.0))[..., None, :]
    factor = T.swapaxes(T.qr(T.swapaxes(root, -1, -2))[1], -1, -2)
    signs = T.where(T.less(T.diagonal(factor, axis1=-2, axis2=-1), 0), -1.0, 1.0)
    return factor * signs[..., None, :]


def whitened(chol: Any, deviation: Any) -> Any:
    """``L⁻¹ d`` for vectors `d` along the last axis, in one solve where `L` is shared by all, or all along an axis."""
    single = [not is_symbolic(n) and n == 1 for n in chol.shape[:-2]]
    if all(single) and deviation.ndim > max(1, len(single)):
        factor = chol[(0,) * len(single)] if single else chol
        columns = T.transpose(T.reshape(deviation, (-1, deviation.shape[-1])))
        return T.reshape(T.transpose(T.solve_triangular(factor, columns, lower=True)), deviation.shape)
    if single and single[-1] and deviation.ndim > 1:
        columns = T.swapaxes(deviation, -1, -2)
        return T.swapaxes(T.solve_triangular(chol[..., 0, :, :], columns, lower=True, b_ndim=2), -1, -2)
    return T.solve_triangular(chol, deviation, lower=True, b_ndim=1)


class MvNormalDistribution(Distribution):
    r"""Multivariate Normal law, :math:`\exp(-(x-\mu)^\top \Sigma^{-1} (x-\mu)/2) / \sqrt{|2\pi\Sigma|}`.

    Parameters
    ----------
    mu : tensor-like
        Mean vector; 0 by default.
    cov : tensor-like, optional
        Covariance matrix, symmetric and positive definite.
    tau, chol : tensor-like, optional
        Its inverse, or its Cholesky factor, instead of `cov`.
    lower : bool
        Whether `chol` is lower triangular.
    method : {"cholesky", "svd", "eigh"}
        How `cov` is factorized: "svd" and "eigh" are by its eigenvalues, and allow one that is singular to rounding.

    Examples
    --------
    >>> import numpy as np, symjax.random as R
    >>> R.MvNormal(np.zeros(2), np.eye(2), name="x").shape
    (2,)

    References
    ----------
    Kotz, Balakrishnan, Johnson, Continuous Multivariate Distributions I, 2nd ed., ch. 45.
    """

    parameters = {"mu": Parameter(real, 1), "chol": Parameter(lower_triangular, 2)}
    event_ndim = 1

    def parametrize(
        self, mu: Any = 0.0, cov: Any = None, *, tau: Any = None, chol: Any = None, lower: bool = True, method: str = "cholesky"
    ) -> Any:
        if method not in ("cholesky", "svd", "eigh"):
            raise ParameterError(f"MvNormal: 'method' must be cholesky, svd or eigh, got {method!r}.")
        by_eigenvalues = method != "cholesky" and cov is not None and tau is None and chol is None
        factor = T.as_tensor(semidefinite_factor(cov) if by_eigenvalues else cholesky_factor(cov, tau, chol, lower))
        mu = T.as_tensor(mu)
        return (T.broadcast_to(mu, factor.shape[-1:]) if mu.ndim == 0 or mu.shape[-1] == 1 else mu), factor

    def event_shape(self, mu: Any, chol: Any) -> Any:
        if not is_symbolic(mu[-1]) and not is_symbolic(chol[-1]) and mu[-1] != chol[-1]:
            raise ShapeError(f"MvNormal: 'mu' has {mu[-1]} elements, the covariance {chol[-1]} rows.")
        return chol[-1:]

    def support(self, mu: Any, chol: Any) -> support.Support:
        return support.vector

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, chol: Any) -> Any:
        noise = jax.random.normal(key, (*shape, jnp.shape(chol)[-1]), dtype)
        return mu + jnp.einsum("...ij,...j->...i", chol, noise)

    def log_density(self, value: Any, mu: Any, chol: Any) -> Any:
        z = whitened(chol, value - mu)
        k = chol.shape[-1]
        log_det = T.log(T.diagonal(chol, axis1=-2, axis2=-1)).sum(-1)
        return -0.5 * (z**2).sum(-1) - log_det - 0.5 * k * math.log(2 * math.pi)

    def mean(self, mu: Any, chol: Any) -> Any:
        return mu

    def variance(self, mu: Any, chol: Any) -> Any:
        return (chol**2).sum(-1)


class DirichletDistribution(Distribution):
    r"""Dirichlet law on probability vectors, :math:`\Gamma(\sum a_i) \prod_i x_i^{a_i-1} / \Gamma(a_i)`.

    Parameters
    ----------
    a : tensor-like
        Concentrations along the last axis, positive.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Dirichlet([1.0, 1.0, 1.0], name="w").shape
    (3,)

    References
    ----------
    Kotz, Balakrishnan, Johnson, Continuous Multivariate Distributions I, 2nd ed., ch. 49.
    """

    parameters = {"a": Parameter(positive_vector, 1)}
    event_ndim = 1

    def parametrize(self, a: Any) -> Any:
        return (T.cast(T.as_tensor(a), "floatX"),)

    def event_shape(self, a: Any) -> Any:
        return a[-1:]

    def support(self, a: Any) -> support.Support:
        return support.simplex

    def draw(self, key: Any, shape: Any, dtype: Any, a: Any) -> Any:
        # normalised in logs: with small concentrations every Gamma draw would underflow
        full = (*shape, jnp.shape(a)[-1])
        return jax.nn.softmax(jax.random.loggamma(key, jnp.asarray(a, dtype), full, dtype), -1)

    def log_density(self, value: Any, a: Any) -> Any:
        return T.xlogy(a - 1, value).sum(-1) + T.gammaln(a.sum(-1)) - T.gammaln(a).sum(-1)

    def mean(self, a: Any) -> Any:
        return a / a.sum(-1, keepdims=True)

    def variance(self, a: Any) -> Any:
        mean = self.mean(a)
        return mean * (1 - mean) / (a.sum(-1, keepdims=True) + 1)


MvNormal = MvNormalDistribution()
Dirichlet = DirichletDistribution()
