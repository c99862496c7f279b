"""Laws of symmetric positive definite matrices: Wishart and inverse Wishart."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random._alternatives import checked
from symjax.random._constraint import Parameter, lower_triangular, positive, positive_definite
from symjax.random._distribution import Distribution, choose
from symjax.random._support import Support, positive_definite_matrices


def log_det(chol: Any) -> Any:
    """``log |L Lᵀ|``."""
    return 2 * T.log(T.diagonal(chol, axis1=-2, axis2=-1)).sum(-1)


def squared_norm(chol: Any, matrix: Any) -> Any:
    """``tr((L Lᵀ)⁻¹ M Mᵀ)`` for matrices with their columns along the last axis."""
    batch = T.broadcast_to(chol, (*matrix.shape[:-2], *chol.shape[-2:])) if chol.ndim < matrix.ndim else chol
    full = T.broadcast_to(matrix, (*batch.shape[:-2], *matrix.shape[-2:])) if matrix.ndim < batch.ndim else matrix
    return T.sum(T.solve_triangular(batch, full, lower=True) ** 2, (-2, -1))


def _bartlett(key: Any, nu: Any, shape: Any, d: int, dtype: Any) -> Any:
    """Lower triangular A such that ``A Aᵀ`` is a Wishart draw of scale 1 (Bartlett, 1933)."""
    diagonal_key, below_key = jax.random.split(key)
    half = 0.5 * (jnp.asarray(nu, dtype)[..., None] - jnp.arange(d, dtype=dtype))
    diagonal = jnp.sqrt(2 * jax.random.gamma(diagonal_key, half, (*shape, d), dtype))
    below = jnp.tril(jax.random.normal(below_key, (*shape, d, d), dtype), -1)
    return below + diagonal[..., None] * jnp.eye(d, dtype=dtype)


class _MatrixLaw(Distribution):
    event_ndim = 2
    requirement = "'nu' must exceed the number of rows less one"

    def event_shape(self, nu: Any, matrix: Any) -> Any:
        return matrix[-2:]

    def support(self, nu: Any, matrix: Any) -> Support:
        return positive_definite_matrices

    def conditions(self, nu: Any, matrix: Any) -> list[Any]:
        return [T.greater(nu, matrix.shape[-1] - 1)]


class WishartDistribution(_MatrixLaw):
    r"""Wishart law, :math:`|X|^{(\nu-p-1)/2} e^{-\mathrm{tr}(V^{-1}X)/2} / (2^{\nu p/2} |V|^{\nu/2} \Gamma_p(\nu/2))`.

    That of :math:`\sum_{i=1}^\nu x_i x_i^\top` for independent normal vectors of covariance V.

    Parameters
    ----------
    nu : tensor-like
        Degrees of freedom, more than p − 1.
    V : tensor-like
        Scale matrix of shape (p, p), symmetric and positive definite.
    scale_chol : tensor-like, optional
        Its lower Cholesky factor instead of `V`.

    Examples
    --------
    >>> import numpy as np, symjax.random as R
    >>> round(float(R.logp(R.Wishart(3.0, np.eye(2), name="x"), np.eye(2)).eval()), 4)
    -3.531

    References
    ----------
    Gupta, Nagar, Matrix Variate Distributions, 2000, definition 3.2.1; draws: Bartlett, On the theory of statistical regression,
    Proc. R. Soc. Edinburgh 53, 1933.
    """

    parameters = {"nu": Parameter(positive), "V": Parameter(positive_definite, 2)}

    def parametrize(self, nu: Any, V: Any = None, *, scale_chol: Any = None) -> Any:
        if choose("the law", V=V, scale_chol=scale_chol) == "scale_chol":
            factor = T.as_tensor(checked("scale_chol", scale_chol, lower_triangular))
            V = T.matmul(factor, T.swapaxes(factor, -1, -2))
        return T.cast(T.as_tensor(nu), "floatX"), T.cast(T.as_tensor(V), "floatX")

    def draw(self, key: Any, shape: Any, dtype: Any, nu: Any, V: Any) -> Any:
        factor = jnp.linalg.cholesky(jnp.asarray(V, dtype)) @ _bartlett(key, nu, shape, V.shape[-1], dtype)
        return factor @ jnp.swapaxes(factor, -1, -2)

    def log_density(self, value: Any, nu: Any, V: Any) -> Any:
        d = V.shape[-1]
        root, scale = T.cholesky(value), T.cholesky(V)
        normalizer = 0.5 * nu * (d * math.log(2) + log_det(scale)) + T.multigammaln(0.5 * nu, d)
        return 0.5 * (nu - d - 1) * log_det(root) - 0.5 * squared_norm(scale, root) - normalizer

    def mean(self, nu: Any, V: Any) -> Any:
        return _across(nu) * V

    def variance(self, nu: Any, V: Any) -> Any:
        return _across(nu) * (V**2 + _products(V))

    def support_point(self, nu: Any, V: Any) -> Any:
        return self.mean(nu, V)


class InverseWishartDistribution(_MatrixLaw):
    r"""Inverse Wishart law, proportional to :math:`|X|^{-(\nu+p+1)/2} e^{-\mathrm{tr}(\Psi X^{-1})/2}`.

    That of the inverse of a Wishart matrix of scale :math:`\Psi^{-1}`.

    Parameters
    ----------
    nu : tensor-like
        Degrees of freedom, more than p − 1.
    Psi : tensor-like
        Scale matrix of shape (p, p), symmetric and positive definite.

    Examples
    --------
    >>> import numpy as np, symjax.random as R
    >>> round(float(R.logp(R.InverseWishart(3.0, np.eye(2), name="x"), np.eye(2)).eval()), 4)
    -3.531

    References
    ----------
    Gupta, Nagar, Matrix Variate Distributions, 2000, definition 3.4.1, with ν = m − p − 1 there.
    """

    parameters = {"nu": Parameter(positive), "Psi": Parameter(positive_definite, 2)}

    def parametrize(self, nu: Any, Psi: Any) -> Any:
        return T.cast(T.as_tensor(nu), "floatX"), T.cast(T.as_tensor(Psi), "floatX")

    def draw(self, key: Any, shape: Any, dtype: Any, nu: Any, Psi: Any) -> Any:
        inner = _bartlett(key, nu, shape, Psi.shape[-1], dtype)
        scale = jnp.broadcast_to(jnp.linalg.cholesky(jnp.asarray(Psi, dtype)), inner.shape)
        # X = C (A Aᵀ)⁻¹ Cᵀ = Bᵀ B with B = A⁻¹ Cᵀ
        factor = jax.scipy.linalg.solve_triangular(inner, jnp.swapaxes(scale, -1, -2), lower=True)
        return jnp.swapaxes(factor, -1, -2) @ factor

    def log_density(self, value: Any, nu: Any, Psi: Any) -> Any:
        d = Psi.shape[-1]
        root, scale = T.cholesky(value), T.cholesky(Psi)
        normalizer = 0.5 * nu * (d * math.log(2) - log_det(scale)) + T.multigammaln(0.5 * nu, d)
        return -0.5 * (nu + d + 1) * log_det(root) - 0.5 * squared_norm(root, scale) - normalizer

    def mean(self, nu: Any, Psi: Any) -> Any:
        rest = _across(nu) - Psi.shape[-1] - 1
        return T.where(rest > 0, Psi / rest, math.nan)

    def variance(self, nu: Any, Psi: Any) -> Any:
        rest = _across(nu) - Psi.shape[-1]
        found = ((rest + 1) * Psi**2 + (rest - 1) * _products(Psi)) / (rest * (rest - 1) ** 2 * (rest - 3))
        return T.where(rest > 3, found, math.nan)

    def support_point(self, nu: Any, Psi: Any) -> Any:
        # the mode
        return Psi / (_across(nu) + Psi.shape[-1] + 1)


def _across(nu: Any) -> Any:
    return T.expand_dims(T.as_tensor(nu), (-2, -1))


def _products(matrix: Any) -> Any:
    """``Mᵢᵢ Mⱼⱼ``."""
    diagonal = T.diagonal(matrix, axis1=-2, axis2=-1)
    return T.expand_dims(diagonal, -1) * T.expand_dims(diagonal, -2)


Wishart = WishartDistribution()
InverseWishart = InverseWishartDistribution()
