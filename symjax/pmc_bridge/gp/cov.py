"""Covariance functions and their algebra.

A covariance function is called on inputs of shape ``(n, d)``, or on two of shapes ``(n, d)`` and ``(m, d)``, and gives a matrix of
shape ``(n, m)``. Sums, products and products with numbers of covariance functions are covariance functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._node import Tensor


class Covariance:
    """Base of covariance functions.

    Parameters
    ----------
    input_dim : int
        Number of columns of the inputs.
    active_dims : sequence of int, optional
        Columns that are used; all by default.
    """

    __array_ufunc__ = None

    def __init__(self, input_dim: int, active_dims: Sequence[int] | None = None):
        self.input_dim = int(input_dim)
        self.active_dims = list(range(self.input_dim)) if active_dims is None else [int(i) for i in active_dims]

    def __call__(self, X: Any, Xs: Any = None, diag: bool = False) -> Tensor:
        """The covariance matrix between inputs, or its diagonal."""
        X = self._inputs(X)
        if diag:
            return self.diag(X)
        return self.full(X, None if Xs is None else self._inputs(Xs))

    def _inputs(self, X: Any) -> Tensor:
        X = as_tensor(X)
        if X.ndim != 2:
            raise ShapeError(f"{type(self).__name__}: inputs must have shape (n, {self.input_dim}), got {X.shape}. Use X[:, None].")
        return X

    def _sliced(self, X: Tensor) -> Tensor:
        return X if self.active_dims == list(range(X.shape[1])) else X[:, self.active_dims]

    def diag(self, X: Tensor) -> Tensor:
        """Variances at the inputs."""
        raise TypeError(f"{type(self).__name__} has no diagonal")

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        """The matrix of covariances."""
        raise TypeError(f"{type(self).__name__} has no matrix")

    def __add__(self, other: Any) -> Covariance:
        return Add(self, other)

    def __radd__(self, other: Any) -> Covariance:
        return Add(self, other)

    def __mul__(self, other: Any) -> Covariance:
        return Prod(self, other)

    def __rmul__(self, other: Any) -> Covariance:
        return Prod(self, other)

    def __pow__(self, power: Any) -> Covariance:
        return Exponentiated(self, power)


class _Combination(Covariance):
    def __init__(self, first: Any, second: Any):
        self.factors = (first, second)
        dims = [f.input_dim for f in self.factors if isinstance(f, Covariance)]
        super().__init__(max(dims))

    def _values(self, X: Tensor, Xs: Tensor | None, diag: bool) -> list[Any]:
        return [f(X, Xs, diag) if isinstance(f, Covariance) else as_tensor(f) for f in self.factors]


class Add(_Combination):
    """Sum of covariance functions, or of one and a number."""

    def diag(self, X: Tensor) -> Tensor:
        a, b = self._values(X, None, True)
        return a + b

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        a, b = self._values(X, Xs, False)
        return a + b


class Prod(_Combination):
    """Product of covariance functions, or of one and a number."""

    def diag(self, X: Tensor) -> Tensor:
        a, b = self._values(X, None, True)
        return a * b

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        a, b = self._values(X, Xs, False)
        return a * b


class Exponentiated(_Combination):
    """A covariance function to a power, elementwise."""

    def diag(self, X: Tensor) -> Tensor:
        base, power = self._values(X, None, True)
        return T.power(base, power)

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        base, power = self._values(X, Xs, False)
        return T.power(base, power)


class Constant(Covariance):
    """The same covariance everywhere."""

    def __init__(self, c: Any):
        super().__init__(1)
        self.c = as_tensor(c)

    def diag(self, X: Tensor) -> Tensor:
        return T.broadcast_to(self.c, (X.shape[0],))

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        return T.broadcast_to(self.c, (X.shape[0], (X if Xs is None else Xs).shape[0]))


class WhiteNoise(Covariance):
    """Independent noise of standard deviation `sigma`."""

    def __init__(self, sigma: Any):
        super().__init__(1)
        self.sigma = as_tensor(sigma)

    def diag(self, X: Tensor) -> Tensor:
        return T.broadcast_to(self.sigma**2, (X.shape[0],))

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        if Xs is not None:
            return T.zeros((X.shape[0], Xs.shape[0]))
        return self.sigma**2 * T.eye(X.shape[0])


class Stationary(Covariance):
    """Covariance functions of the scaled distance.

    Parameters
    ----------
    input_dim : int
        Number of columns of the inputs.
    ls : tensor-like, optional
        Lengthscale, or one for each column.
    ls_inv : tensor-like, optional
        Its inverse, instead of `ls`.
    active_dims : sequence of int, optional
        Columns that are used.
    """

    def __init__(self, input_dim: int, ls: Any = None, ls_inv: Any = None, active_dims: Sequence[int] | None = None):
        super().__init__(input_dim, active_dims)
        if (ls is None) == (ls_inv is None):
            raise ValueError(f"{type(self).__name__}: give 'ls' or 'ls_inv', exactly one of them.")
        self.ls = as_tensor(ls) if ls is not None else 1 / as_tensor(ls_inv)

    def square_dist(self, X: Tensor, Xs: Tensor | None) -> Tensor:
        """Squared scaled distances."""
        a = self._sliced(X) / self.ls
        b = a if Xs is None else self._sliced(Xs) / self.ls
        return ((a[:, None, :] - b[None, :, :]) ** 2).sum(-1)

    def euclidean_dist(self, X: Tensor, Xs: Tensor | None) -> Tensor:
        """Scaled distances; their derivative at zero is zero rather than nan."""
        square = self.square_dist(X, Xs)
        near = T.less_equal(square, 0.0)
        return T.where(near, 0.0, T.sqrt(T.where(near, 1.0, square)))

    def diag(self, X: Tensor) -> Tensor:
        return T.ones((X.shape[0],))


class ExpQuad(Stationary):
    r"""Squared exponential, :math:`\exp(-r^2/2)`."""

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        return T.exp(-0.5 * self.square_dist(X, Xs))


class RatQuad(Stationary):
    r"""Rational quadratic, :math:`(1 + r^2/2\alpha)^{-\alpha}`."""

    def __init__(self, input_dim: int, alpha: Any, ls: Any = None, ls_inv: Any = None, active_dims: Any = None):
        super().__init__(input_dim, ls, ls_inv, active_dims)
        self.alpha = as_tensor(alpha)

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        return T.exp(-self.alpha * T.log1p(0.5 * self.square_dist(X, Xs) / self.alpha))


class Exponential(Stationary):
    r"""Exponential as PyMC has it, :math:`\exp(-r/2)`."""

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        return T.exp(-0.5 * self.euclidean_dist(X, Xs))


class Matern12(Stationary):
    r"""Matérn 1/2, :math:`\exp(-r)`."""

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        return T.exp(-self.euclidean_dist(X, Xs))


class Matern32(Stationary):
    r"""Matérn 3/2, :math:`(1 + \sqrt{3} r) \exp(-\sqrt{3} r)`."""

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        r = math.sqrt(3.0) * self.euclidean_dist(X, Xs)
        return (1 + r) * T.exp(-r)


class Matern52(Stationary):
    r"""Matérn 5/2, :math:`(1 + \sqrt{5} r + 5 r^2/3) \exp(-\sqrt{5} r)`."""

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        r = math.sqrt(5.0) * self.euclidean_dist(X, Xs)
        return (1 + r + r**2 / 3) * T.exp(-r)


class Periodic(Stationary):
    r"""Periodic as PyMC has it, :math:`\exp(-\frac12 \sin^2(\pi (x-x')/T) / \ell^2)`."""

    def __init__(self, input_dim: int, period: Any, ls: Any = None, ls_inv: Any = None, active_dims: Any = None):
        super().__init__(input_dim, ls, ls_inv, active_dims)
        self.period = as_tensor(period)

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        a = self._sliced(X)
        b = a if Xs is None else self._sliced(Xs)
        angle = T.sin(math.pi * (a[:, None, :] - b[None, :, :]) / self.period)
        return T.exp(-0.5 * ((angle / self.ls) ** 2).sum(-1))


class Cosine(Stationary):
    r"""Cosine, :math:`\cos(2\pi r)`."""

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        return T.cos(2 * math.pi * self.euclidean_dist(X, Xs))


class Linear(Covariance):
    r"""Linear, :math:`(x - c) \cdot (x' - c)`."""

    def __init__(self, input_dim: int, c: Any, active_dims: Sequence[int] | None = None):
        super().__init__(input_dim, active_dims)
        self.c = as_tensor(c)

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        a = self._sliced(X) - self.c
        b = a if Xs is None else self._sliced(Xs) - self.c
        return T.matmul(a, T.transpose(b))

    def diag(self, X: Tensor) -> Tensor:
        return ((self._sliced(X) - self.c) ** 2).sum(-1)


class Polynomial(Linear):
    r"""Polynomial, :math:`((x - c) \cdot (x' - c) + o)^d`."""

    def __init__(self, input_dim: int, c: Any, d: Any, offset: Any, active_dims: Sequence[int] | None = None):
        super().__init__(input_dim, c, active_dims)
        self.d, self.offset = as_tensor(d), as_tensor(offset)

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        return T.power(super().full(X, Xs) + self.offset, self.d)

    def diag(self, X: Tensor) -> Tensor:
        return T.power(super().diag(X) + self.offset, self.d)
