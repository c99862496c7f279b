"""The multivariate Student's t law."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import ParameterError, ShapeError
from symjax.core._shapes import is_symbolic
from symjax.random import _support as support
from symjax.random._constraint import Parameter, lower_triangular, positive, real
from symjax.random._distribution import Distribution
from symjax.random._incomplete import log_beta
from symjax.random.distributions.mv_normal import cholesky_factor, whitened


class MvStudentTDistribution(Distribution):
    r"""Multivariate Student's t law, proportional to :math:`(1 + (x-\mu)^\top \Sigma^{-1} (x-\mu) / \nu)^{-(\nu+p)/2}`.

    Parameters
    ----------
    nu : tensor-like
        Degrees of freedom, positive.
    Sigma : tensor-like, optional
        Scale matrix of shape (p, p), symmetric and positive definite; the covariance is ν / (ν − 2) times that.
    mu : tensor-like
        Location; 0 by default.
    scale, tau, chol : tensor-like, optional
        `Sigma` by another name, its inverse, or its Cholesky factor instead of it.
    lower : bool
        Whether `chol` is lower triangular.

    Examples
    --------
    >>> import numpy as np, symjax.random as R
    >>> round(float(R.logp(R.MvStudentT(4.0, Sigma=np.eye(2), name="x"), np.ones(2)).eval()), 4)
    -3.0543

    References
    ----------
    Kotz, Nadarajah, Multivariate t Distributions and Their Applications, 2004, equation 1.1.
    """

    parameters = {"nu": Parameter(positive), "mu": Parameter(real, 1), "chol": Parameter(lower_triangular, 2)}
    event_ndim = 1

    def parametrize(
        self, nu: Any, *, Sigma: Any = None, mu: Any = 0.0, scale: Any = None, tau: Any = None, chol: Any = None, lower: bool = True
    ) -> Any:
        if Sigma is not None and scale is not None:
            raise ParameterError("'Sigma' and 'scale' are the same parameter; give one of them.")
        factor = T.as_tensor(cholesky_factor(scale if Sigma is None else Sigma, tau, chol, lower))
        mu = T.as_tensor(mu)
        return nu, (T.broadcast_to(mu, factor.shape[-1:]) if mu.ndim == 0 or mu.shape[-1] == 1 else mu), factor

    def event_shape(self, nu: Any, mu: Any, chol: Any) -> Any:
        if not is_symbolic(mu[-1]) and not is_symbolic(chol[-1]) and mu[-1] != chol[-1]:
            raise ShapeError(f"MvStudentT: 'mu' has {mu[-1]} elements, the scale matrix {chol[-1]} rows.")
        return chol[-1:]

    def support(self, nu: Any, mu: Any, chol: Any) -> support.Support:
        return support.vector

    def draw(self, key: Any, shape: Any, dtype: Any, nu: Any, mu: Any, chol: Any) -> Any:
        noise_key, scale_key = jax.random.split(key)
        noise = jax.random.normal(noise_key, (*shape, jnp.shape(chol)[-1]), dtype)
        half = jnp.broadcast_to(0.5 * jnp.asarray(nu, dtype), shape)
        # in logs: with few degrees of freedom the Gamma draw would underflow
        stretch = jnp.exp(0.5 * (jnp.log(half) - jax.random.loggamma(scale_key, half, shape, dtype)))
        return mu + stretch[..., None] * jnp.einsum("...ij,...j->...i", chol, noise)

    def log_density(self, value: Any, nu: Any, mu: Any, chol: Any) -> Any:
        k = chol.shape[-1]
        square = (whitened(chol, value - mu) ** 2).sum(-1)
        log_det = T.log(T.diagonal(chol, axis1=-2, axis2=-1)).sum(-1)
        ratio = math.lgamma(0.5 * k) - log_beta(0.5 * nu, 0.5 * k + 0 * T.as_tensor(nu))
        return ratio - 0.5 * k * T.log(math.pi * nu) - log_det - 0.5 * (nu + k) * T.log1p(square / nu)

    def mean(self, nu: Any, mu: Any, chol: Any) -> Any:
        nu = T.expand_dims(T.as_tensor(nu), -1)
        return T.where(nu > 1, mu, math.nan)

    def variance(self, nu: Any, mu: Any, chol: Any) -> Any:
        nu = T.expand_dims(T.as_tensor(nu), -1)
        return T.where(nu > 2, nu / (nu - 2) * (chol**2).sum(-1), math.nan)

    def support_point(self, nu: Any, mu: Any, chol: Any) -> Any:
        return mu


MvStudentT = MvStudentTDistribution()
