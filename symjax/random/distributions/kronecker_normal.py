"""The multivariate Normal law whose covariance is a Kronecker product, with or without noise."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax._errors import ParameterError, ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._op import Operator
from symjax.core._scope import detached
from symjax.core._shapes import is_symbolic
from symjax.core._traverse import make
from symjax.random import _support as support
from symjax.random._base_law import OWN_KEYWORDS
from symjax.random._constraint import Constraint, Parameter, nonnegative, real
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable

_mean = Constraint(real.text, lambda mu: real.check(mu).all(-1))


def _is_covariance(k: np.ndarray) -> Any:
    size = np.abs(k).max((-1, -2))
    symmetric = np.isclose(k, np.swapaxes(k, -1, -2), rtol=1e-8, atol=1e-10 * max(1.0, float(size.max()))).all((-1, -2))
    # the covariances of smooth functions are singular to rounding, which the noise makes good
    return symmetric & (np.linalg.eigvalsh(k)[..., 0] >= -1e-10 * size)


_covariance = Constraint("symmetric, without negative eigenvalues", _is_covariance)


def _product(matrices: Sequence[Any], x: Any) -> Any:
    """``kron(*matrices) @ x`` for vectors along the last axis."""
    for m in matrices:
        # each turn applies a factor to the first axis, as it is now, and makes that the last one
        rows = m @ x.reshape(*x.shape[:-1], m.shape[-1], -1)
        x = jnp.swapaxes(rows, -1, -2).reshape(*rows.shape[:-2], -1)
    return x


def _outer(vectors: Sequence[Any]) -> Any:
    """Kronecker product of vectors along the last axis: of tensors or arrays."""

    def both(a: Any, b: Any) -> Any:
        table = a[..., :, None] * b[..., None, :]
        return table.reshape((*table.shape[:-2], table.shape[-2] * table.shape[-1]))

    return functools.reduce(both, vectors)


def _solve(deviation: Any, sigma: Any, *matrices: Any) -> Any:
    """``S⁻¹ d`` for ``S = kron(covs) + σ² I``, given each covariance with its eigenvalues and eigenvectors.

    The derivatives are those of a linear system: those of eigenvectors do not exist where eigenvalues are equal.
    """
    covs, values, vectors = matrices[::3], matrices[1::3], matrices[2::3]
    noise = jnp.asarray(sigma)[..., None] ** 2
    spectrum = _outer(values) + noise

    def solved(_: Any, b: Any) -> Any:
        return _product(vectors, _product([jnp.swapaxes(q, -1, -2) for q in vectors], b) / spectrum)

    return jax.lax.custom_linear_solve(lambda x: _product(covs, x) + noise * x, deviation, solved, symmetric=True)


_SOLVE = Operator("kronecker_solve", _solve)


class KroneckerNormalOf(Distribution):
    """The law of a number of covariances; made by `KroneckerNormal`.

    Parameters
    ----------
    n : int
        Number of factors.
    """

    event_ndim = 1
    requirement = "the covariance must be positive definite; where its factors are singular, 'sigma' must be positive"

    def __init__(self, n: int):
        self.parameters = {  # type: ignore[misc]
            "mu": Parameter(_mean, 1),
            "sigma": Parameter(nonnegative),
            **{f"cov_{i}": Parameter(_covariance, 2) for i in range(n)},
        }
        super().__init__()

    @property
    def name(self) -> str:
        return "KroneckerNormal"

    def parametrize(self, *parameters: Any) -> Any:
        return parameters

    def event_shape(self, mu: Any, sigma: Any, *covs: Any) -> Any:
        return (math.prod(c[-1] for c in covs),)

    def support(self, mu: Any, sigma: Any, *covs: Any) -> support.Support:
        return support.vector

    def conditions(self, mu: Any, sigma: Any, *covs: Any) -> list[Any]:
        return [T.all(T.greater(self._eigenvalues(sigma, covs), 0), -1)]

    def _eigenvalues(self, sigma: Any, covs: Sequence[Any]) -> Any:
        return _outer([T.eigvalsh(c) for c in covs]) + T.expand_dims(sigma, -1) ** 2

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, sigma: Any, *covs: Any) -> Any:
        values, vectors = zip(*(jnp.linalg.eigh(jnp.asarray(c, dtype)) for c in covs), strict=True)
        scale = jnp.sqrt(_outer(values) + jnp.asarray(sigma, dtype)[..., None] ** 2)
        noise = jax.random.normal(key, (*shape, scale.shape[-1]), dtype)
        return mu + _product(vectors, scale * noise)

    def log_density(self, value: Any, mu: Any, sigma: Any, *covs: Any) -> Any:
        deviation = value - mu
        factors = [part for c in covs for part in (c, *T.eigh(c))]
        square = (deviation * make(_SOLVE, [deviation, as_tensor(sigma), *factors])).sum(-1)
        log_det = T.log(self._eigenvalues(sigma, covs)).sum(-1)
        return -0.5 * (square + log_det + deviation.shape[-1] * math.log(2 * math.pi))

    def mean(self, mu: Any, sigma: Any, *covs: Any) -> Any:
        return mu

    def variance(self, mu: Any, sigma: Any, *covs: Any) -> Any:
        return _outer([T.diagonal(c, axis1=-2, axis2=-1) for c in covs]) + T.expand_dims(sigma, -1) ** 2


@functools.cache
def _law_of(n: int) -> KroneckerNormalOf:
    return KroneckerNormalOf(n)


class KroneckerNormalDistribution(Distribution):
    r"""Multivariate Normal law with covariance :math:`K_1 \otimes K_2 \otimes \dots + \sigma^2 I`.

    A density or draw of N elements costs O(N Σ nᵢ + Σ nᵢ³) for factors of nᵢ rows, not O(N³).

    Parameters
    ----------
    mu : tensor-like
        Mean vector of Π nᵢ elements, or a number for all.
    covs : sequence of tensor-like
        The covariances Kᵢ, symmetric, without negative eigenvalues.
    chols : sequence of tensor-like, optional
        Their lower Cholesky factors instead.
    evds : sequence of pairs of tensor-like, optional
        Their eigenvalues and matrices of eigenvectors instead, as ``numpy.linalg.eigh`` gives them.
    sigma : tensor-like
        Standard deviation of the noise; 0 by default.

    Examples
    --------
    >>> import numpy as np, symjax.random as R
    >>> R.KroneckerNormal(0.0, [np.eye(2), np.eye(3)], sigma=0.5, name="x").shape
    (6,)

    References
    ----------
    Saatçi, Scalable Inference for Structured Gaussian Process Models, PhD thesis, Cambridge, 2011, section 5.2.
    """

    event_ndim = 1

    def parametrize(self, mu: Any, covs: Any = None, chols: Any = None, evds: Any = None, sigma: Any = 0.0) -> Any:
        given = {k: v for k, v in (("covs", covs), ("chols", chols), ("evds", evds)) if v is not None}
        if len(given) != 1:
            raise ParameterError(f"give one of 'covs', 'chols' and 'evds'; got {' and '.join(given) or 'none of them'}.")
        [(name, found)] = given.items()
        factors = [_covariance_of(name, f) for f in found]
        if not factors:
            raise ParameterError(f"{name!r} must have at least one matrix, got none.")
        mu, sizes = as_tensor(mu), [f.shape[-1] for f in factors]
        n = math.prod(sizes)
        if mu.ndim == 0:
            mu = T.broadcast_to(mu, (n,))
        if not is_symbolic(mu.shape[-1]) and not is_symbolic(n) and mu.shape[-1] != n:
            raise ShapeError(f"'mu' has {mu.shape[-1]} elements, the product of matrices of {sizes} rows has {n}.")
        return mu, as_tensor(sigma), *factors

    def __call__(self, *args: Any, **kwargs: Any) -> RandomVariable:
        own = {k: kwargs.pop(k) for k in OWN_KEYWORDS if k in kwargs}
        label = f"{self.name}({own['name']!r})" if own.get("name") else self.name
        with detached():
            parameters = self._canonical(label, args, kwargs)
        return _law_of(len(parameters) - 2)(*parameters, **own)


def _covariance_of(given: str, factor: Any) -> Any:
    """A covariance from what stands for it."""
    if given == "evds":
        values, vectors = (T.cast(as_tensor(part), "floatX") for part in factor)
        return T.matmul(vectors * T.expand_dims(values, -2), T.swapaxes(vectors, -1, -2))
    matrix = T.cast(as_tensor(factor), "floatX")
    if matrix.ndim < 2 or (matrix.shape[-1] != matrix.shape[-2] and not any(map(is_symbolic, matrix.shape[-2:]))):
        raise ShapeError(f"{given!r} must be square matrices, got shape {tuple(matrix.shape)}.")
    return matrix if given == "covs" else T.matmul(matrix, T.swapaxes(matrix, -1, -2))


KroneckerNormal = KroneckerNormalDistribution()
