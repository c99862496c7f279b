"""Transforms of matrices, and of arrays that sum to zero."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.random._transforms import Transform


class CholeskyCovTransform(Transform):
    """Symmetric positive definite matrices: the Cholesky factor row by row, the diagonal in logs.

    Parameters
    ----------
    n : int, optional
        Rows, which the values tell as well.

    References
    ----------
    Stan Reference Manual, Covariance matrices.
    """

    name = "cholesky-cov"
    event_ndim = 2

    def __init__(self, n: int | None = None):
        self.n = n

    def forward(self, value: Any) -> Any:
        factor = T.cholesky(value)
        rows, columns = np.tril_indices(factor.shape[-1])
        packed = factor[..., rows, columns]
        return T.where(rows == columns, T.log(T.where(rows == columns, packed, 1.0)), packed)

    def inverse(self, z: Any) -> Any:
        z = as_tensor(z)
        d = _rows_of(z.shape[-1])
        rows, columns = np.tril_indices(d)
        packed = T.where(rows == columns, T.exp(T.where(rows == columns, z, 0.0)), z)
        place = np.full((d, d), len(rows))
        place[rows, columns] = np.arange(len(rows))
        factor = T.concatenate([packed, T.zeros((*z.shape[:-1], 1))], -1)[..., place]
        return T.matmul(factor, T.swapaxes(factor, -1, -2))

    def log_det(self, z: Any) -> Any:
        z = as_tensor(z)
        d = _rows_of(z.shape[-1])
        diagonal = np.cumsum(np.arange(1, d + 1)) - 1
        return d * math.log(2) + (z[..., diagonal] * np.arange(d + 1, 1, -1)).sum(-1)

    def unconstrained_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*shape[:-2], shape[-1] * (shape[-1] + 1) // 2)


def _rows_of(size: int) -> int:
    """Rows of the triangle that has a number of elements."""
    return (math.isqrt(8 * size + 1) - 1) // 2


class CholeskyCovPacked(Transform):
    """Cholesky factors of covariances, packed row by row: the diagonal in logs.

    Parameters
    ----------
    n : int, optional
        Rows, which the values tell as well.
    """

    name = "cholesky-cov-packed"
    event_ndim = 1

    def __init__(self, n: int | None = None):
        self.n = n

    def _by_place(self, value: Any, of_diagonal: Any) -> Any:
        value = as_tensor(value)
        diagonal = np.isin(np.arange(value.shape[-1]), _diagonal(_rows_of(value.shape[-1])))
        return T.where(diagonal, of_diagonal(T.where(diagonal, value, 1.0)), value)

    def forward(self, value: Any) -> Any:
        return self._by_place(value, T.log)

    def inverse(self, z: Any) -> Any:
        return self._by_place(z, T.exp)

    def log_det(self, z: Any) -> Any:
        z = as_tensor(z)
        return z[..., _diagonal(_rows_of(z.shape[-1]))].sum(-1)


class CholeskyCorrTransform(Transform):
    """Cholesky factors of correlation matrices: rows of length one, of which the parts before the diagonal are free.

    The free elements lie in the spiral order of TensorFlow Probability, as PyMC's do.

    Parameters
    ----------
    n : int
        Rows of the matrix.

    References
    ----------
    Stan Reference Manual, Cholesky factors of correlation matrices, for the rows' law; the map here divides by their length.
    """

    name = "cholesky_corr"
    event_ndim = 2

    def __init__(self, n: int):
        self.n = int(n)
        k = self.n - 1
        order = np.arange(k * (k + 1) // 2)
        spiral = np.concatenate([order[k:], order[::-1]]).reshape(k, k) if k else np.zeros((0, 0), int)
        # the element of the vector for each place below the diagonal
        self._source = np.full((self.n, self.n), -1)
        self._source[1:, :-1] = np.where(np.tril(np.ones((k, k), bool)), spiral, -1)

    def forward(self, value: Any) -> Any:
        value = as_tensor(value)
        ratio = value / T.diagonal(value, axis1=-2, axis2=-1)[..., None]
        rows, columns = np.nonzero(self._source >= 0)
        order = np.argsort(self._source[rows, columns])
        return ratio[..., rows[order], columns[order]]

    def _below(self, z: Any) -> Any:
        """The free elements at their places, zero elsewhere."""
        z = as_tensor(z)
        return T.concatenate([z, T.zeros((*z.shape[:-1], 1))], -1)[..., self._source]

    def inverse(self, z: Any) -> Any:
        full = self._below(z) + np.eye(self.n)
        return full / T.sqrt((full**2).sum(-1, keepdims=True))

    def log_det(self, z: Any) -> Any:
        lengths = 1 + (self._below(z) ** 2).sum(-1)
        return -0.5 * (T.log(lengths) * np.arange(2, self.n + 2)).sum(-1)

    def unconstrained_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*shape[:-2], self.n * (self.n - 1) // 2)


class ZeroSumTransform(Transform):
    """Arrays that sum to zero along some axes: an isometry to arrays with one element less along each.

    Parameters
    ----------
    zerosum_axes : iterable of int
        The axes, the last ones, counted from the end.
    """

    name = "zerosum"

    def __init__(self, zerosum_axes: Iterable[int]):
        self.axes = tuple(int(a) for a in zerosum_axes)
        self.event_ndim = -min(self.axes)

    def forward(self, value: Any) -> Any:
        value = as_tensor(value)
        for axis in self.axes:
            root = T.sqrt(T.cast(value.shape[axis], value.dtype))
            last = value[(..., slice(-1, None), *(slice(None),) * (-axis - 1))]
            rest = value[(..., slice(None, -1), *(slice(None),) * (-axis - 1))]
            value = rest - last / (1 + root)
        return value

    def inverse(self, z: Any) -> Any:
        z = as_tensor(z)
        for axis in self.axes:
            total = z.sum(axis, keepdims=True)
            root = T.sqrt(T.cast(z.shape[axis] + 1, z.dtype))
            shift = total / (root * (1 + root))
            z = T.concatenate([z - shift, -total / root], axis)
        return z

    def log_det(self, z: Any) -> Any:
        return T.zeros_like(as_tensor(z).sum(self.axes))

    def unconstrained_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        k = self.event_ndim
        return (*shape[: len(shape) - k], *(n - (i - k in self.axes) for i, n in enumerate(shape[len(shape) - k :])))


def _diagonal(rows: int) -> np.ndarray:
    """Places of the diagonal in a packed triangle."""
    return np.cumsum(np.arange(1, rows + 1)) - 1


cholesky = CholeskyCovTransform()
packed_cholesky = CholeskyCovPacked()
