"""The base of covariance functions and their algebra: sums, products, powers, Kronecker products."""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Sequence
from typing import Any

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._node import Tensor
from symjax.core._shapes import is_symbolic
from symjax.pmc_bridge.gp._inputs import as_inputs


class BaseCovariance:
    """Base of covariance functions, those that look at no column of the inputs included.

    A user's own defines `full`, and `diag` where that is cheaper.
    """

    __array_ufunc__ = None

    def __call__(self, X: Any, Xs: Any = None, diag: bool = False) -> Tensor:
        """The matrix of covariances between inputs ``(n, d)``, or between these and others ``(m, d)``; or its diagonal.

        Parameters
        ----------
        X : tensor-like
            Inputs.
        Xs : tensor-like, optional
            Other inputs.
        diag : bool
            Whether to return the variances at `X` alone.
        """
        X = as_inputs(X, self)
        if diag:
            return self.diag(X)
        return self.full(X, None if Xs is None else as_inputs(Xs, self))

    def diag(self, X: Any) -> Tensor:
        """Variances at the inputs."""
        return T.diagonal(self.full(X))

    def full(self, X: Any, Xs: Any = None) -> Tensor:
        """The matrix of covariances."""
        raise TypeError(f"{type(self).__name__} has no matrix: define full(self, X, Xs=None)")

    def __add__(self, other: Any) -> BaseCovariance:
        return Add([self, other])

    def __radd__(self, other: Any) -> BaseCovariance:
        return Add([other, self])

    def __mul__(self, other: Any) -> BaseCovariance:
        return Prod([self, other])

    def __rmul__(self, other: Any) -> BaseCovariance:
        return Prod([other, self])

    def __pow__(self, power: Any) -> BaseCovariance:
        return Exponentiated(self, power)


class Covariance(BaseCovariance):
    """Base of covariance functions of some columns of the inputs.

    Parameters
    ----------
    input_dim : int
        Number of columns of the inputs.
    active_dims : sequence of int, optional
        Columns that are used; the first `input_dim` by default.

    Raises
    ------
    ValueError
        If a column is not one of the inputs'.
    """

    def __init__(self, input_dim: int, active_dims: Sequence[int] | None = None):
        self.input_dim = int(input_dim)
        self.active_dims = list(range(self.input_dim)) if active_dims is None else [int(i) for i in active_dims]
        if any(not 0 <= i < self.input_dim for i in self.active_dims):
            raise ValueError(
                f"{type(self).__name__}: active_dims={self.active_dims} must be columns of the inputs, from 0 to input_dim - 1 = "
                f"{self.input_dim - 1}."
            )

    @property
    def n_dims(self) -> int:
        """Number of columns that are used."""
        return len(self.active_dims)

    def _slice(self, X: Any, Xs: Any = None) -> tuple[Any, Any]:
        """The columns that are used, of one or two inputs."""
        columns = X.shape[-1]
        if not is_symbolic(columns) and columns != self.input_dim:
            warnings.warn(
                f"{type(self).__name__}: inputs have {columns} columns, input_dim={self.input_dim} of them are used. "
                "Give input_dim the number of columns, and active_dims those that count.",
                UserWarning,
                stacklevel=3,
            )
        return self._columns(X), None if Xs is None else self._columns(Xs)

    def _columns(self, X: Any) -> Any:
        known = not is_symbolic(X.shape[-1])
        return X if known and self.active_dims == list(range(X.shape[-1])) else X[:, self.active_dims]

    def power_spectral_density(self, omega: Any) -> Tensor:
        """The spectral density at frequencies ``(m, n_dims)``, which the Hilbert space approximation needs."""
        raise NotImplementedError(f"{type(self).__name__} has no power spectral density here. {_WITH_SPECTRA}")


_WITH_SPECTRA = "ExpQuad, RatQuad, Matern32, Matern52, their sums and their products with numbers have one."


class Combination(Covariance):
    """Base of sums and products.

    Parameters
    ----------
    factor_list : sequence
        Covariance functions, numbers, and matrices of the size of the result.
    """

    def __init__(self, factor_list: Sequence[Any]):
        self._factor_list: list[Any] = []
        for factor in factor_list:
            if isinstance(factor, type(self)):
                self._factor_list.extend(factor._factor_list)
            else:
                self._factor_list.append(factor if isinstance(factor, BaseCovariance) else as_tensor(factor))
        of_columns = [f for f in self._factor_list if isinstance(f, Covariance)]
        dims = {f.input_dim for f in of_columns}
        if len(dims) > 1:
            raise ValueError(f"covariance functions that are combined must have the same input_dim, got {sorted(dims)}.")
        super().__init__(max(dims, default=0), sorted({i for f in of_columns for i in f.active_dims}))

    def _values(self, X: Tensor, Xs: Tensor | None, diag: bool) -> list[Any]:
        return [f(X, Xs, diag) if isinstance(f, BaseCovariance) else _constant(f, diag) for f in self._factor_list]

    def _spectra(self, omega: Any) -> list[Any]:
        """The spectral densities of the covariance functions, numbers as they are."""
        for f in self._factor_list:
            if isinstance(f, Covariance) and f.active_dims != self.active_dims:
                raise ValueError(
                    f"power spectral density: active_dims must be the same throughout, got {f.active_dims} and others."
                )
            if not isinstance(f, Covariance) and (isinstance(f, BaseCovariance) or f.ndim > 0):
                raise NotImplementedError(f"{type(f).__name__} has no power spectral density. {_WITH_SPECTRA}")
        return [f.power_spectral_density(omega) if isinstance(f, Covariance) else f for f in self._factor_list]


def _constant(value: Tensor, diag: bool) -> Tensor:
    return T.diagonal(value) if diag and value.ndim == 2 else value


class Add(Combination):
    """Sum of covariance functions, numbers and matrices."""

    def diag(self, X: Tensor) -> Tensor:
        return functools.reduce(operator.add, self._values(X, None, True))

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        return functools.reduce(operator.add, self._values(X, Xs, False))

    def power_spectral_density(self, omega: Any) -> Tensor:
        if not all(isinstance(f, BaseCovariance) for f in self._factor_list):
            raise NotImplementedError(f"a number as covariance has no power spectral density. {_WITH_SPECTRA}")
        return functools.reduce(operator.add, self._spectra(omega))


class Prod(Combination):
    """Product of covariance functions, numbers and matrices."""

    def diag(self, X: Tensor) -> Tensor:
        return functools.reduce(operator.mul, self._values(X, None, True))

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        return functools.reduce(operator.mul, self._values(X, Xs, False))

    def power_spectral_density(self, omega: Any) -> Tensor:
        if sum(isinstance(f, Covariance) for f in self._factor_list) > 1:
            raise NotImplementedError(f"a product of covariance functions has no power spectral density here. {_WITH_SPECTRA}")
        return functools.reduce(operator.mul, self._spectra(omega))


class Exponentiated(Covariance):
    """A covariance function to a power, elementwise.

    Parameters
    ----------
    kernel : Covariance
        The covariance function.
    power : tensor-like
        A number; the result is a covariance function for whole powers and for those that are infinitely divisible.
    """

    def __init__(self, kernel: Any, power: Any):
        if not isinstance(kernel, Covariance):
            raise TypeError(f"{type(kernel).__name__} cannot be raised to a power; raise its parameter instead.")
        self.kernel, self.power = kernel, T.squeeze(as_tensor(power))
        if self.power.ndim:
            raise ValueError(f"a covariance function takes a number as power, got shape {self.power.shape}.")
        super().__init__(kernel.input_dim, kernel.active_dims)

    def diag(self, X: Tensor) -> Tensor:
        return T.power(self.kernel(X, diag=True), self.power)

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        return T.power(self.kernel(X, Xs), self.power)


class Kron(Covariance):
    """Product of covariance functions of different columns, each of as many as its `input_dim`, one after the other.

    Parameters
    ----------
    factor_list : sequence of Covariance
        The covariance functions, in the order of the columns.
    """

    def __init__(self, factor_list: Sequence[Any]):
        for factor in factor_list:
            if not isinstance(factor, Covariance):
                raise TypeError(f"Kron: each factor must be a Covariance with an input_dim, got {type(factor).__name__}.")
        self._factor_list = list(factor_list)
        self.input_dims = [f.input_dim for f in self._factor_list]
        super().__init__(sum(self.input_dims))

    def _split(self, X: Tensor) -> list[Tensor]:
        stops = [sum(self.input_dims[: i + 1]) for i in range(len(self.input_dims))]
        return [X[:, stop - n : stop] for n, stop in zip(self.input_dims, stops, strict=True)]

    def diag(self, X: Tensor) -> Tensor:
        return functools.reduce(operator.mul, [f(x, diag=True) for f, x in zip(self._factor_list, self._split(X), strict=True)])

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        others = [None] * len(self._factor_list) if Xs is None else self._split(Xs)
        parts = zip(self._factor_list, self._split(X), others, strict=True)
        return functools.reduce(operator.mul, [f(x, xs) for f, x, xs in parts])


class Constant(BaseCovariance):
    """The same covariance everywhere.

    Parameters
    ----------
    c : tensor-like
        The covariance.
    """

    def __init__(self, c: Any):
        self.c = as_tensor(c)

    def diag(self, X: Tensor) -> Tensor:
        return T.broadcast_to(self.c, (X.shape[0],))

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        return T.broadcast_to(self.c, (X.shape[0], (X if Xs is None else Xs).shape[0]))


class WhiteNoise(BaseCovariance):
    """Independent noise: covariance 0 between two inputs, equal ones included, unless they are one and the same.

    Parameters
    ----------
    sigma : tensor-like
        Standard deviation.
    """

    def __init__(self, sigma: Any):
        self.sigma = as_tensor(sigma)

    def diag(self, X: Tensor) -> Tensor:
        return T.broadcast_to(self.sigma**2, (X.shape[0],))

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        if Xs is not None:
            return T.zeros((X.shape[0], Xs.shape[0]))
        return self.sigma**2 * T.eye(X.shape[0])
