"""Correlation matrices by Lewandowski, Kurowicka and Joe, as Cholesky factors, alone and with standard deviations."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax._config import config
from symjax._errors import ParameterError, ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._node import Constant
from symjax.core._scope import detached
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random._series import along_axis, arguments_of, in_batch, law_given, making
from symjax.random._support import Support


def _rows(n: Any) -> int:
    """The number of rows that a user gave.

    Raises
    ------
    ParameterError
        If it is not known, or less than 2.
    """
    value = as_tensor(n)
    if not isinstance(value, Constant) or value.ndim or value.value != int(value.value) or value.value < 2:
        raise ParameterError(f"'n' must be a known whole number, at least 2, got {n!r}.")
    return int(value.value)


def _shapes(eta: Any, n: int) -> Any:
    """First parameters of the Beta laws of the rows' squared diagonal elements; row i has i elements before it."""
    return eta[..., None] + 0.5 * np.arange(n - 1, -1, -1)


def _log_density(log_diagonal: Any, eta: Any) -> Any:
    """Log density of a correlation matrix's Cholesky factor by the logs of its diagonal, whose first one is zero."""
    n = log_diagonal.shape[-1]
    shape, half = _shapes(eta, n), 0.5 * np.arange(n)
    log_volumes = half * math.log(math.pi) + T.gammaln(shape) - T.gammaln(shape + half)
    return (2 * (shape - 1) * log_diagonal * (half > 0) - log_volumes).sum(-1)


def _draw(key: Any, shape: tuple[int, ...], dtype: Any, eta: Any, n: int) -> Any:
    """Cholesky factors of correlation matrices: a row is a Normal vector before the root of twice a Gamma variable, normalized."""
    normal_key, gamma_key = jax.random.split(key)
    below = jnp.tril(jax.random.normal(normal_key, (*shape, n, n), dtype), -1)
    gamma = jax.random.gamma(gamma_key, _shapes(jnp.asarray(eta, dtype), n), (*shape, n), dtype)
    full = below + jnp.sqrt(2 * gamma)[..., None] * jnp.eye(n, dtype=dtype)
    return full / jnp.linalg.norm(full, axis=-1, keepdims=True)


def _moments(eta: Any, n: int) -> tuple[Any, Any]:
    """Means and mean squares of the elements of a correlation matrix's Cholesky factor."""
    shape, half = _shapes(eta, n), 0.5 * np.arange(n)
    diagonal = T.exp(T.gammaln(shape + 0.5) - T.gammaln(shape) + T.gammaln(shape + half) - T.gammaln(shape + half + 0.5))
    square = shape / (shape + half)
    below = np.tril(np.ones((n, n)), -1) / (2 * eta[..., None, None] + n - 1)
    return diagonal[..., None] * np.eye(n), square[..., None] * np.eye(n) + below


class LKJCorrOf(Distribution):
    """The laws of correlation matrices of a number of rows; made by `LKJCorr`.

    Parameters
    ----------
    n : int
        Rows.
    """

    parameters = {"eta": Parameter(positive)}
    event_ndim = 2

    def __init__(self, n: int):
        self.n = n
        super().__init__()

    @property
    def name(self) -> str:
        return "LKJCorr"

    def parametrize(self, eta: Any) -> Any:
        return (T.cast(T.as_tensor(eta), "floatX"),)

    def event_shape(self, eta: Any) -> Any:
        return (self.n, self.n)

    def support(self, eta: Any) -> Support:
        return Support("cholesky_corr", event_ndim=2)

    def draw(self, key: Any, shape: Any, dtype: Any, eta: Any) -> Any:
        return _draw(key, shape, dtype, eta, self.n)

    def log_density(self, value: Any, eta: Any) -> Any:
        return _log_density(T.log(T.diagonal(value, axis1=-2, axis2=-1)), eta)

    def mean(self, eta: Any) -> Any:
        return _moments(eta, self.n)[0]

    def variance(self, eta: Any) -> Any:
        mean, square = _moments(eta, self.n)
        return square - mean**2

    def support_point(self, eta: Any) -> Any:
        return T.zeros_like(eta)[..., None, None] + np.eye(self.n)


class LKJCholeskyOf(Distribution):
    """The laws of covariance matrices of a number of rows whose standard deviations have laws of a family; of `LKJCholeskyCov`.

    Parameters
    ----------
    n : int
        Rows.
    base : Distribution
        Law of the standard deviations: of one, or of the vector of all.
    """

    event_ndim = 1

    def __init__(self, n: int, base: Distribution):
        self.n = n
        self.base = base
        self._lifted = base.event_ndim == 0
        self.is_normalized = base.is_normalized  # type: ignore[misc]
        specs = {k: along_axis(s) if self._lifted else s for k, s in base.parameters.items()}
        self.parameters = {"eta": Parameter(positive)} | {f"sd_{k}": s for k, s in specs.items()}  # type: ignore[misc]
        self._rows, self._columns = np.tril_indices(n)
        self.requirement = base.requirement  # type: ignore[misc]
        super().__init__()

    @property
    def name(self) -> str:
        return "LKJCholeskyCov"

    def parametrize(self, eta: Any, *parameters: Any) -> Any:
        return (T.cast(T.as_tensor(eta), "floatX"), *parameters)

    def conditions(self, eta: Any, *parameters: Any) -> list[Any]:
        return [T.all(c, -1) if self._lifted and c.ndim else c for c in self.base.conditions(*parameters)]

    def event_shape(self, *shapes: Any) -> Any:
        return (len(self._rows),)

    def support(self, *parameters: Any) -> Support:
        return Support("packed_cholesky", event_ndim=1)

    def draw(self, key: Any, shape: Any, dtype: Any, eta: Any, *parameters: Any) -> Any:
        key, deviation_key = jax.random.split(key)
        batch = (*shape, self.n) if self._lifted else shape
        deviations = self.base.draw(deviation_key, batch, dtype, *parameters)
        return (deviations[..., None] * _draw(key, shape, dtype, eta, self.n))[..., self._rows, self._columns]

    def log_density(self, value: Any, eta: Any, *parameters: Any) -> Any:
        of_row = (self._rows[:, None] == np.arange(self.n)).astype(float)
        deviations = T.sqrt(T.matmul(value**2, of_row))
        log_diagonal = T.log(value[..., self._rows == self._columns] / deviations)
        of_deviations = self.base.log_prob(deviations, *parameters)
        # by the map from standard deviations and rows of length one to the factor
        log_jacobian = (np.arange(self.n) * T.log(deviations) - log_diagonal).sum(-1)
        return _log_density(log_diagonal, eta) + (of_deviations.sum(-1) if self._lifted else of_deviations) - log_jacobian

    def mean(self, eta: Any, *parameters: Any) -> Any:
        return self._packed(_moments(eta, self.n)[0], self.base.mean(*parameters))

    def variance(self, eta: Any, *parameters: Any) -> Any:
        mean, square = self.base.mean(*parameters), _moments(eta, self.n)[1]
        return self._packed(square, self.base.variance(*parameters) + mean**2) - self.mean(eta, *parameters) ** 2

    def _packed(self, factor: Any, deviations: Any) -> Any:
        deviations = T.broadcast_to(deviations, (*deviations.shape[:-1], self.n))
        return (deviations[..., None] * factor)[..., self._rows, self._columns]

    def support_point(self, eta: Any, *parameters: Any) -> Any:
        # the identity matrix where it is possible
        identity = T.zeros_like(eta)[..., None, None] + np.eye(self.n)
        ones = T.ones((self.n,), config.floatX)
        typical = as_tensor(self.base.support_point(*parameters))
        possible = T.isfinite(self.base.log_prob(ones, *parameters))
        return self._packed(identity, T.where(possible if self._lifted else possible[..., None], 1.0, typical))


@functools.cache
def _corr_of(n: int) -> LKJCorrOf:
    return LKJCorrOf(n)


@functools.cache
def _cholesky_of(n: int, base: Distribution) -> LKJCholeskyOf:
    return LKJCholeskyOf(n, base)


def _is_positive(support: Support) -> bool:
    if support.kind != "interval" or support.lower is None:
        return support.kind == "simplex"
    lower = as_tensor(support.lower)
    return isinstance(lower, Constant) and bool(np.all(np.asarray(lower.value) >= 0))


class LKJCorrDistribution(Distribution):
    r"""Law of the Cholesky factor L of a correlation matrix R with density proportional to :math:`|R|^{\eta-1}`.

    Draws are lower triangular, with rows of length one; the matrix itself is ``L @ L.T``.

    Parameters
    ----------
    n : int
        Rows, at least 2.
    eta : tensor-like
        Positive shape: 1 is the uniform law on correlation matrices, and larger values prefer weak correlations.

    Examples
    --------
    >>> import numpy as np, symjax.random as R
    >>> x = R.LKJCorr(n=2, eta=1.0, name="x")
    >>> round(float(np.exp(R.logp(x, np.eye(2)).eval())), 4)
    0.5

    References
    ----------
    Lewandowski, Kurowicka, Joe, Generating random correlation matrices based on vines and extended onion method, Journal of
    Multivariate Analysis 100, 2009, sections 2 and 3.
    """

    event_ndim = 2

    def parametrize(self, n: Any, eta: Any) -> Any:
        return _rows(n), eta

    def __call__(self, *args: Any, shape: Any = None, size: Any = None, **kwargs: Any) -> RandomVariable:
        own = making(kwargs)
        n, eta = arguments_of(self, f"LKJCorr({own.get('name')!r})", args, kwargs)
        return _corr_of(n)(eta, shape=shape, size=size, **own)


class LKJCholeskyCovDistribution(Distribution):
    r"""Law of the Cholesky factor of a covariance matrix with LKJ correlations and standard deviations of any positive law.

    A value is the vector of the lower triangle's elements, row by row.

    Parameters
    ----------
    eta : tensor-like
        Positive shape of the correlations' law; see `LKJCorr`.
    n : int
        Rows, at least 2.
    sd_dist : RandomVariable
        An unnamed draw from the law of the standard deviations, positive: of a scalar law, or of a law of vectors of `n` elements.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.LKJCholeskyCov(eta=2.0, n=3, sd_dist=R.Exponential(1.0), name="x").shape
    (6,)

    References
    ----------
    Lewandowski, Kurowicka, Joe, Generating random correlation matrices based on vines and extended onion method, Journal of
    Multivariate Analysis 100, 2009, sections 2 and 3.
    """

    event_ndim = 1

    def parametrize(self, eta: Any, n: Any, sd_dist: Any) -> Any:
        return eta, _rows(n), sd_dist

    def __call__(self, *args: Any, shape: Any = None, size: Any = None, **kwargs: Any) -> RandomVariable:
        own = making(kwargs)
        label = f"LKJCholeskyCov({own.get('name')!r})"
        with detached():
            eta, n, given = arguments_of(self, label, args, kwargs)
            law = law_given(label, "sd_dist", given, 0, 1)
            parameters = _of_rows(label, law, n)
        return _cholesky_of(n, law.distribution)(eta, *parameters, shape=shape, size=size, **own)


def _of_rows(label: str, law: RandomVariable, n: int) -> Sequence[Any]:
    """Parameters of the standard deviations' law, one for each row where it is scalar.

    Raises
    ------
    ParameterError
        If it may be negative.
    ShapeError
        If it has another number of elements than the matrix has rows.
    """
    if not _is_positive(law.distribution.support(*law.parents)):
        raise ParameterError(f"{label}: 'sd_dist' must be a law of positive numbers, got {law.distribution.name}.")
    length = law.shape[-1] if law.ndim else 1
    if length != n and (length != 1 or law.distribution.event_ndim):
        raise ShapeError(f"{label}: 'sd_dist' must be scalar or have n = {n} elements along its last axis, got shape {law.shape}.")
    return law.parents if law.distribution.event_ndim else in_batch(law, (*law.shape[:-1], n))


LKJCorr = LKJCorrDistribution()
LKJCholeskyCov = LKJCholeskyCovDistribution()
