"""Conditional autoregressions: normal vectors whose elements depend on their neighbours in a graph."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax._errors import NotDerivableError, ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._node import Constant
from symjax.core._shapes import is_symbolic
from symjax.random import _support as support
from symjax.random._constraint import Constraint, Parameter, positive, real
from symjax.random._distribution import Distribution

_mean = Constraint(real.text, lambda mu: real.check(mu).all(-1))
_correlation = Constraint("between -1 and 1, both excluded", lambda a: (a > -1) & (a < 1), lambda a: T.less(T.abs(a), 1))


def _is_symmetric(w: Any) -> Any:
    if w.shape[-1] != w.shape[-2]:
        return np.zeros(w.shape[:-2], bool)
    return np.isclose(w, np.swapaxes(w, -1, -2), rtol=1e-8, atol=0.0).all((-1, -2))


def _symmetry(w: Any) -> Any:
    other = T.swapaxes(w, -1, -2)
    return T.all(T.less_equal(T.abs(w - other), 1e-8 * (T.abs(w) + T.abs(other))), (-2, -1))


def _all(*conditions: Any) -> Any:
    return functools.reduce(T.logical_and, conditions)


_weights = Constraint(
    "a symmetric matrix of weights, zero or positive, with a positive one in each row",
    lambda w: _is_symmetric(w) & (w >= 0).all((-1, -2)) & (w.sum(-1) > 0).all(-1),
    lambda w: _all(_symmetry(w), T.all(T.greater_equal(w, 0), (-2, -1)), T.all(T.greater(w.sum(-1), 0), -1)),
)
_adjacency = Constraint(
    "a symmetric matrix of zeros and ones",
    lambda w: _is_symmetric(w) & ((w == 0) | (w == 1)).all((-1, -2)),
    lambda w: _all(_symmetry(w), T.all(T.logical_or(T.equal(w, 0), T.equal(w, 1)), (-2, -1))),
)


def _matrix(w: Any) -> Any:
    """Weights, of a scipy matrix of any format too, as a tensor of floats."""
    w = as_tensor(w.toarray() if hasattr(w, "toarray") else w)
    rows, columns = w.shape[-2:] if w.ndim > 1 else (None, None)
    if w.ndim < 2 or (rows != columns and not is_symbolic(rows) and not is_symbolic(columns)):
        raise ShapeError(f"'W' must be a square matrix, got shape {tuple(w.shape)}.")
    return T.cast(w, "floatX")


def _roughness(w: Any, x: Any) -> Any:
    """``Σ Wᵢⱼ (xᵢ − xⱼ)²`` over the pairs, which costs one term for each edge where the weights are numbers."""
    if isinstance(w, Constant) and w.ndim == 2:
        rows, columns = np.nonzero(np.tril(w.value, -1))
        return (np.asarray(w.value)[rows, columns] * (x[..., rows] - x[..., columns]) ** 2).sum(-1)
    return 0.5 * (w * (T.expand_dims(x, -1) - T.expand_dims(x, -2)) ** 2).sum((-2, -1))


class CARDistribution(Distribution):
    r"""Conditional autoregression: the normal law of precision :math:`\tau (D - \alpha W)`, with :math:`D_{ii} = \sum_j W_{ij}`.

    Given the others, an element has the mean :math:`\mu_i + \alpha \sum_j W_{ij} (x_j - \mu_j) / D_{ii}`. Where W is known, its
    eigenvalues are found once, and a density costs one term for each edge.

    Parameters
    ----------
    mu : tensor-like
        Mean vector, or a number for all.
    W : tensor-like or scipy.sparse matrix
        Weights of neighbours, ones and zeros say, shape ``(n, n)``: symmetric, and each element has a neighbour.
    alpha : tensor-like
        Strength of the dependence, between −1 and 1.
    tau : tensor-like
        Precision, positive.

    Examples
    --------
    >>> import numpy as np, symjax.random as R
    >>> chain = np.diag(np.ones(2), 1) + np.diag(np.ones(2), -1)
    >>> round(float(R.logp(R.CAR(0.0, chain, alpha=0.5, tau=1.0, name="x"), np.zeros(3)).eval()), 4)
    -2.5541

    References
    ----------
    Banerjee, Carlin, Gelfand, Hierarchical Modeling and Analysis for Spatial Data, 2nd ed., 2015, section 4.3; the determinant:
    Jin, Carlin, Banerjee, Generalized hierarchical multivariate CAR models for areal data, Biometrics 61, 2005, section 2.
    """

    parameters = {
        "mu": Parameter(_mean, 1),
        "W": Parameter(_weights, 2),
        "alpha": Parameter(_correlation),
        "tau": Parameter(positive),
    }
    event_ndim = 1

    def parametrize(self, mu: Any, W: Any, alpha: Any, tau: Any) -> Any:
        mu, w = as_tensor(mu), _matrix(W)
        return T.broadcast_to(mu, w.shape[-1:]) if mu.ndim == 0 else mu, w, as_tensor(alpha), as_tensor(tau)

    def event_shape(self, mu: Any, W: Any, alpha: Any, tau: Any) -> Any:
        if not is_symbolic(mu[-1]) and not is_symbolic(W[-1]) and mu[-1] != W[-1]:
            raise ShapeError(f"CAR: 'mu' has {mu[-1]} elements, 'W' {W[-1]} rows.")
        return W[-1:]

    def support(self, mu: Any, W: Any, alpha: Any, tau: Any) -> support.Support:
        return support.vector

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, W: Any, alpha: Any, tau: Any) -> Any:
        alpha, tau = (jnp.asarray(v)[..., None, None] for v in (alpha, tau))
        chol = jnp.linalg.cholesky(tau * (W.sum(-1)[..., None] * jnp.eye(W.shape[-1], dtype=dtype) - alpha * W))
        noise = jax.random.normal(key, (*shape, W.shape[-1]), dtype)
        if all(n == 1 for n in chol.shape[:-2]):
            rows = _solve_rows(chol.reshape(chol.shape[-2:]), noise.reshape(-1, W.shape[-1]))
            return mu + rows.reshape(noise.shape)
        return mu + _solve_rows(jnp.broadcast_to(chol, (*shape, *chol.shape[-2:])), noise[..., None, :])[..., 0, :]

    def log_density(self, value: Any, mu: Any, W: Any, alpha: Any, tau: Any) -> Any:
        degrees, deviation = W.sum(-1), value - mu
        # as a sum of squares: degrees and weights times squares would lose the digits of a smooth vector to cancellation
        square = (1 - alpha) * (degrees * deviation**2).sum(-1) + alpha * _roughness(W, deviation)
        n = W.shape[-1]
        return 0.5 * (self._log_det(W, degrees, alpha) + n * T.log(tau) - tau * square - n * math.log(2 * math.pi))

    def _log_det(self, W: Any, degrees: Any, alpha: Any) -> Any:
        """``log |D − α W|``."""
        if not isinstance(W, Constant):
            return T.logdet(_precision(W, alpha))
        weights = np.asarray(W.value)
        root = np.sqrt(weights.sum(-1))
        eigenvalues = np.clip(np.linalg.eigvalsh(weights / (root[..., :, None] * root[..., None, :])), -1.0, 1.0)
        return T.log(degrees).sum(-1) + T.log1p(-T.expand_dims(alpha, -1) * eigenvalues).sum(-1)

    def mean(self, mu: Any, W: Any, alpha: Any, tau: Any) -> Any:
        return mu

    def variance(self, mu: Any, W: Any, alpha: Any, tau: Any) -> Any:
        return (T.cholesky_of_inverse(_precision(W, alpha)) ** 2).sum(-1) / T.expand_dims(tau, -1)


def _precision(w: Any, alpha: Any) -> Any:
    """``D − α W``."""
    return T.expand_dims(w.sum(-1), -1) * T.eye(w.shape[-1]) - T.expand_dims(T.as_tensor(alpha), (-2, -1)) * w


def _solve_rows(chol: Any, rows: Any) -> Any:
    """``x`` with ``x L = z`` for each row z: of the precision ``L Lᵀ`` where z is noise."""
    return jax.lax.linalg.triangular_solve(chol, rows, left_side=False, lower=True)


class ICARDistribution(Distribution):
    r"""Intrinsic conditional autoregression, :math:`\exp(-\sum_{i \sim j} (x_i - x_j)^2 / (2 \sigma^2))`, with a sum near zero.

    The differences of neighbours alone leave the level free; a normal law of the mean, of standard deviation `zero_sum_stdev`,
    holds it. The density lacks its constant, which depends on `sigma`, as PyMC's does; it cannot be drawn.

    Parameters
    ----------
    W : tensor-like or scipy.sparse matrix
        Which elements are neighbours, shape ``(n, n)``: a symmetric matrix of zeros and ones.
    sigma : tensor-like
        Scale of the differences, positive; 1 by default.
    zero_sum_stdev : tensor-like
        Standard deviation of the mean of the elements, positive; 0.001 by default.

    Examples
    --------
    >>> import numpy as np, symjax.random as R
    >>> chain = np.diag(np.ones(2), 1) + np.diag(np.ones(2), -1)
    >>> round(float(R.logp(R.ICAR(chain, name="x"), np.array([-1.0, 0.0, 1.0])).eval()), 4)
    3.8902

    References
    ----------
    Besag, Kooperberg, On conditional and intrinsic autoregressions, Biometrika 82, 1995; Morris and others, Bayesian hierarchical
    spatial models: implementing the Besag York Mollié model in Stan, Spatial and Spatio-temporal Epidemiology 31, 2019.
    """

    parameters = {"W": Parameter(_adjacency, 2), "sigma": Parameter(positive), "zero_sum_stdev": Parameter(positive)}
    event_ndim = 1
    is_normalized = False

    def parametrize(self, W: Any, sigma: Any = 1.0, zero_sum_stdev: Any = 0.001) -> Any:
        return _matrix(W), as_tensor(sigma), as_tensor(zero_sum_stdev)

    def event_shape(self, W: Any, sigma: Any, zero_sum_stdev: Any) -> Any:
        return W[-1:]

    def support(self, W: Any, sigma: Any, zero_sum_stdev: Any) -> support.Support:
        return support.vector

    def draw(self, key: Any, shape: Any, dtype: Any, W: Any, sigma: Any, zero_sum_stdev: Any) -> Any:
        raise NotDerivableError("ICAR cannot be drawn: its density is no proper law's. Use CAR with 'alpha' below 1 to draw.")

    def log_density(self, value: Any, W: Any, sigma: Any, zero_sum_stdev: Any) -> Any:
        level = value.mean(-1) / zero_sum_stdev
        normalizer = T.log(zero_sum_stdev * W.shape[-1]) + 0.5 * math.log(2 * math.pi)
        return -0.5 * _roughness(W, value) / sigma**2 - 0.5 * level**2 - normalizer

    def support_point(self, W: Any, sigma: Any, zero_sum_stdev: Any) -> Any:
        return T.zeros(W.shape[-1:])


CAR = CARDistribution()
ICAR = ICARDistribution()
