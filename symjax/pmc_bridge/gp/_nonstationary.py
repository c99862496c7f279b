"""Covariance functions that depend on where the inputs are, or on more than their distance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._node import Tensor
from symjax.pmc_bridge.gp._covariance import Covariance
from symjax.pmc_bridge.gp._stationary import Stationary, circular_square_dist


class Linear(Covariance):
    r"""Linear, :math:`(x - c) \cdot (x' - c)`."""

    def __init__(self, input_dim: int, c: Any, active_dims: Sequence[int] | None = None):
        super().__init__(input_dim, active_dims)
        self.c = as_tensor(c)

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        X, Xs = self._slice(X, Xs)
        a = X - self.c
        return T.matmul(a, T.transpose(a if Xs is None else Xs - self.c))

    def diag(self, X: Tensor) -> Tensor:
        return ((self._slice(X)[0] - self.c) ** 2).sum(-1)


class Polynomial(Linear):
    r"""Polynomial, :math:`((x - c) \cdot (x' - c) + o)^d`."""

    def __init__(self, input_dim: int, c: Any, d: Any, offset: Any, active_dims: Sequence[int] | None = None):
        super().__init__(input_dim, c, active_dims)
        self.d, self.offset = as_tensor(d), as_tensor(offset)

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        return T.power(super().full(X, Xs) + self.offset, self.d)

    def diag(self, X: Tensor) -> Tensor:
        return T.power(super().diag(X) + self.offset, self.d)


def _function(owner: Any, func: Callable[..., Any], args: Any) -> Callable[[Any], Any]:
    """A user's function of inputs with its further arguments, one or a tuple of them, filled in."""
    if not callable(func):
        raise TypeError(f"{type(owner).__name__} needs a function of the inputs, got {func!r}.")
    further = () if args is None else args if isinstance(args, tuple) else (args,)
    return lambda x: as_tensor(func(x, *further))


def _inner(owner: Any, cov_func: Any, kind: type = Covariance) -> Any:
    if not isinstance(cov_func, kind):
        raise TypeError(f"{type(owner).__name__}: cov_func must be a {kind.__name__}, got {type(cov_func).__name__}.")
    return cov_func


class WarpedInput(Covariance):
    """A covariance function of inputs that a function has changed, k(w(x), w(x')).

    Parameters
    ----------
    input_dim : int
        Number of columns of the inputs.
    cov_func : Covariance
        The covariance function k.
    warp_func : callable
        The function w of inputs and `args`, tensors to tensors, whose result has the columns that `cov_func` takes.
    args : tensor-like or tuple, optional
        Further arguments of `warp_func`.
    active_dims : sequence of int, optional
        Columns that are used.
    """

    def __init__(self, input_dim: int, cov_func: Any, warp_func: Callable[..., Any], args: Any = None, active_dims: Any = None):
        super().__init__(input_dim, active_dims)
        self.cov_func, self.args = _inner(self, cov_func), args
        self.w = _function(self, warp_func, args)

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        X, Xs = self._slice(X, Xs)
        return self.cov_func(self.w(X), None if Xs is None else self.w(Xs))

    def diag(self, X: Tensor) -> Tensor:
        return self.cov_func(self.w(self._slice(X)[0]), diag=True)


class WrappedPeriodic(Covariance):
    r"""A periodic covariance function from a stationary one, of :math:`|\sin(\pi (x - x')/T)|` in place of the distance.

    Parameters
    ----------
    cov_func : Stationary
        The covariance function.
    period : tensor-like
        The period T.

    References
    ----------
    MacKay, Introduction to Gaussian Processes, in Neural Networks and Machine Learning, 1998, section 5.2.
    """

    def __init__(self, cov_func: Any, period: Any):
        self.cov_func, self.period = _inner(self, cov_func, Stationary), as_tensor(period)
        super().__init__(cov_func.input_dim, cov_func.active_dims)

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        X, Xs = self._slice(X, Xs)
        square = circular_square_dist(X, X if Xs is None else Xs, self.period, self.cov_func.ls)
        return self.cov_func.full_from_distance(square, squared=True)

    def diag(self, X: Tensor) -> Tensor:
        return T.ones((X.shape[0],))


class Gibbs(Covariance):
    r"""Squared exponential with a lengthscale that depends on the input.

    It is :math:`\sqrt{2 \ell(x) \ell(x') / (\ell(x)^2 + \ell(x')^2)} \exp(-(x - x')^2 / (\ell(x)^2 + \ell(x')^2))`.

    Parameters
    ----------
    input_dim : int
        Number of columns of the inputs.
    lengthscale_func : callable
        Positive function of inputs ``(n, 1)`` and `args`, tensors to tensors.
    args : tensor-like or tuple, optional
        Further arguments of `lengthscale_func`.
    active_dims : sequence of int, optional
        The one column that is used.

    References
    ----------
    Rasmussen, Williams, Gaussian Processes for Machine Learning, 2006, equation 4.32.
    """

    def __init__(self, input_dim: int, lengthscale_func: Callable[..., Any], args: Any = None, active_dims: Any = None):
        super().__init__(input_dim, active_dims)
        if self.n_dims != 1:
            raise NotImplementedError(f"Gibbs takes one column, got {self.n_dims}. Choose it with active_dims.")
        self.lfunc, self.args = _function(self, lengthscale_func, args), args

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        X, Xs = self._slice(X, Xs)
        Xs = X if Xs is None else Xs
        rows, columns = self.lfunc(X).reshape((-1, 1)), self.lfunc(Xs).reshape((1, -1))
        total = rows**2 + columns**2
        return T.sqrt(2 * rows * columns / total) * T.exp(-((X - T.transpose(Xs)) ** 2) / total)

    def diag(self, X: Tensor) -> Tensor:
        return T.ones((X.shape[0],))


class ScaledCov(Covariance):
    r"""A covariance function whose scale depends on the input, :math:`\phi(x) k(x, x') \phi(x')`.

    Parameters
    ----------
    input_dim : int
        Number of columns of the inputs.
    cov_func : Covariance
        The covariance function k, of the columns that are used.
    scaling_func : callable
        The function φ of inputs and `args`, tensors to tensors.
    args : tensor-like or tuple, optional
        Further arguments of `scaling_func`.
    active_dims : sequence of int, optional
        Columns that are used.
    """

    def __init__(self, input_dim: int, cov_func: Any, scaling_func: Callable[..., Any], args: Any = None, active_dims: Any = None):
        super().__init__(input_dim, active_dims)
        self.cov_func, self.args = _inner(self, cov_func), args
        self.scaling_func = _function(self, scaling_func, args)

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        X, Xs = self._slice(X, Xs)
        rows = self.scaling_func(X)
        columns = rows if Xs is None else self.scaling_func(Xs)
        return rows.reshape((-1, 1)) * self.cov_func(X, Xs) * columns.reshape((1, -1))

    def diag(self, X: Tensor) -> Tensor:
        X, _ = self._slice(X)
        return self.cov_func(X, diag=True) * self.scaling_func(X).ravel() ** 2


class Coregion(Covariance):
    r"""Covariances between outputs, :math:`B = W W^\top + \mathrm{diag}(\kappa)`; the inputs are indices into B.

    A covariance is nan where an input is no index of B.

    Parameters
    ----------
    input_dim : int
        Number of columns of the inputs.
    W : tensor-like, optional
        Matrix with a row for each output.
    kappa : tensor-like, optional
        Variances of what each output has of its own.
    B : tensor-like, optional
        The matrix itself, instead of `W` and `kappa`.
    active_dims : sequence of int, optional
        The one column that holds the indices.

    References
    ----------
    Álvarez, Rosasco, Lawrence, Kernels for Vector-Valued Functions: A Review, 2012, section 4.2.
    """

    def __init__(self, input_dim: int, W: Any = None, kappa: Any = None, B: Any = None, active_dims: Any = None):
        super().__init__(input_dim, active_dims)
        if self.n_dims != 1:
            raise ValueError(f"Coregion takes one column of indices, got {self.n_dims}. Choose it with active_dims.")
        if (B is None) == (W is None and kappa is None) or (W is None) != (kappa is None):
            raise ValueError("Coregion: give 'W' and 'kappa', or 'B'.")
        if B is None:
            W = as_tensor(W)
            B = T.matmul(W, T.transpose(W)) + T.diag(kappa)
        self.B = as_tensor(B)

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        X, Xs = self._slice(X, Xs)
        rows, known = self._indices(X)
        columns, known_columns = (rows, known) if Xs is None else self._indices(Xs)
        return self.B[rows[:, None], columns[None, :]] * known[:, None] * known_columns[None, :]

    def diag(self, X: Tensor) -> Tensor:
        indices, known = self._indices(self._slice(X)[0])
        return T.diagonal(self.B)[indices] * known

    def _indices(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """A column as indices, and for each 1 if B has such a row, nan if not: indexing alone would take the last row."""
        column = X[:, 0]
        indices = T.cast(column, np.int64)
        known = T.equal(indices, column) & T.greater_equal(column, 0) & T.less(column, self.B.shape[0])
        return indices, T.where(known, 1.0, np.nan)


class Circular(Covariance):
    r"""Covariance on a circle, :math:`(1 + \tau t/c) (1 - t/c)_+^\tau` of the distance t along it, at most c.

    Parameters
    ----------
    input_dim : int
        Number of columns of the inputs.
    period : tensor-like
        Length of the circle, 2c.
    tau : tensor-like
        At least 4; the larger, the smaller the correlations.
    active_dims : sequence of int, optional
        The one column that is used.

    References
    ----------
    Padonou, Roustant, Polar Gaussian Processes for Predicting on Circular Domains, 2015, section 3.2.
    """

    def __init__(self, input_dim: int, period: Any, tau: Any = 4, active_dims: Any = None):
        super().__init__(input_dim, active_dims)
        if self.n_dims != 1:
            raise ValueError(f"Circular takes one column, got {self.n_dims}. Choose it with active_dims.")
        self.c, self.tau = as_tensor(period) / 2, as_tensor(tau)

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        X, Xs = self._slice(X, Xs)
        turn = X - T.transpose(X if Xs is None else Xs)
        share = T.abs(T.mod(turn + self.c, 2 * self.c) - self.c) / self.c
        return (1 + self.tau * share) * T.power(T.maximum(1 - share, 0), self.tau)

    def diag(self, X: Tensor) -> Tensor:
        return T.ones((X.shape[0],))
