"""Mean functions of Gaussian processes, their sums and products.

A mean function is called on inputs of shape ``(n, d)`` and gives a vector of length n. A user's own is a subclass of `Mean` with
``__call__``.
"""

from __future__ import annotations

from typing import Any

import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._node import Tensor
from symjax.pmc_bridge.gp._inputs import as_inputs


class Mean:
    """Base of mean functions.

    Examples
    --------
    >>> import numpy as np, symjax.pmc_bridge as pm
    >>> mean = pm.gp.mean.Linear(coeffs=[2.0]) + pm.gp.mean.Constant(1.0)
    >>> mean(np.array([[0.0], [3.0]])).eval()
    array([1., 7.])
    """

    def __call__(self, X: Any) -> Tensor:
        """The means at the inputs."""
        raise TypeError(f"{type(self).__name__} has no values: define __call__(self, X)")

    def __add__(self, other: Any) -> Mean:
        return Add(self, other)

    def __mul__(self, other: Any) -> Mean:
        return Prod(self, other)


class Zero(Mean):
    """The mean function that is 0."""

    def __call__(self, X: Any) -> Tensor:
        return T.zeros((as_inputs(X, self).shape[0],))


class Constant(Mean):
    """A mean function that is the same everywhere.

    Parameters
    ----------
    c : tensor-like
        The value, or one for each input.
    """

    def __init__(self, c: Any = 0):
        self.c = as_tensor(c)

    def __call__(self, X: Any) -> Tensor:
        return T.ones((as_inputs(X, self).shape[0],)) * self.c


class Linear(Mean):
    r"""Linear, :math:`X a + b`.

    Parameters
    ----------
    coeffs : tensor-like
        A coefficient for each column of the inputs; a number where there is one column.
    intercept : tensor-like
        The value at 0.
    """

    def __init__(self, coeffs: Any, intercept: Any = 0):
        self.A, self.b = as_tensor(coeffs), as_tensor(intercept)

    def __call__(self, X: Any) -> Tensor:
        X = as_inputs(X, self)
        product = T.dot(X, self.A)
        if product.ndim == 2 and product.shape[1] != 1:
            raise ShapeError(f"Linear: inputs of shape {X.shape} need a coefficient for each column, got shape {self.A.shape}.")
        return T.reshape(product, (X.shape[0],)) + self.b


class _Pair(Mean):
    def __init__(self, first_mean: Any, second_mean: Any):
        for m in (first_mean, second_mean):
            if not callable(m):
                raise TypeError(f"mean functions combine with mean functions, got {m!r}. Use gp.mean.Constant for a number.")
        self.m1, self.m2 = first_mean, second_mean


class Add(_Pair):
    """Sum of two mean functions."""

    def __call__(self, X: Any) -> Tensor:
        return self.m1(X) + self.m2(X)


class Prod(_Pair):
    """Product of two mean functions."""

    def __call__(self, X: Any) -> Tensor:
        return self.m1(X) * self.m2(X)
