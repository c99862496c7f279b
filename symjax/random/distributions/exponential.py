"""The Exponential law."""

from __future__ import annotations

import math
from typing import Any

import jax

import symjax.tensor as T
from symjax._errors import ParameterError
from symjax.random import _support as support
from symjax.random._alternatives import checked
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution
from symjax.random._piecewise import beyond


class ExponentialDistribution(Distribution):
    r"""Exponential law, :math:`\lambda e^{-\lambda x}`.

    Parameters
    ----------
    lam : tensor-like, optional
        Rate, positive.
    scale : tensor-like, optional
        Mean ``1 / lam``, instead of `lam`; 1 by default.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Exponential(scale=2.0, name="x").shape
    ()

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 19.
    """

    parameters = {"lam": Parameter(positive)}

    def parametrize(self, lam: Any = None, *, scale: Any = None) -> Any:
        if scale is None:
            return (1.0 if lam is None else lam,)
        if lam is not None:
            raise ParameterError("give 'lam' or 'scale', not both.")
        return (1 / T.as_tensor(checked("scale", scale, positive)),)

    def support(self, lam: Any) -> support.Support:
        return support.positive

    def draw(self, key: Any, shape: Any, dtype: Any, lam: Any) -> Any:
        return jax.random.exponential(key, shape, dtype) / lam

    def log_density(self, value: Any, lam: Any) -> Any:
        return T.log(lam) - lam * value

    def log_cdf(self, value: Any, lam: Any) -> Any:
        return beyond(lam * value, 0.0, 1.0, lambda x: T.log1mexp(-x), -math.inf)

    def log_ccdf(self, value: Any, lam: Any) -> Any:
        return beyond(lam * value, 0.0, 1.0, lambda x: -x, 0.0)

    def quantile(self, q: Any, lam: Any) -> Any:
        return -T.log1p(-q) / lam

    def mean(self, lam: Any) -> Any:
        return 1 / lam

    def variance(self, lam: Any) -> Any:
        return 1 / lam**2


Exponential = ExponentialDistribution()
