"""The Rice law."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._alternatives import checked, pair
from symjax.random._constraint import Parameter, nonnegative, positive
from symjax.random._distribution import Distribution


class RiceDistribution(Distribution):
    r"""Law of the length of a Normal vector of the plane, :math:`\frac{x}{\sigma^2} e^{-(x^2+\nu^2)/2\sigma^2} I_0(x\nu/\sigma^2)`.

    Parameters
    ----------
    nu : tensor-like, optional
        Length of the vector's mean, zero or positive.
    sigma : tensor-like, optional
        Standard deviation of its coordinates, positive; 1 by default.
    b : tensor-like, optional
        ``nu / sigma``, instead of `nu`.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Rice(b=[1.0, 2.0], sigma=3.0, name="x").shape
    (2,)

    References
    ----------
    Rice, Mathematical analysis of random noise, Bell System Technical Journal 24, 1945, eq. 3.10-11.
    """

    parameters = {"nu": Parameter(nonnegative), "sigma": Parameter(positive)}

    def parametrize(self, nu: Any = None, sigma: Any = None, b: Any = None) -> Any:
        chosen = pair({"nu": nu, "b": b}, ("nu",), ("b",))
        sigma = 1.0 if sigma is None else sigma
        return (nu, sigma) if chosen == ("nu",) else (T.as_tensor(checked("b", b, nonnegative)) * sigma, sigma)

    def support(self, nu: Any, sigma: Any) -> support.Support:
        return support.positive

    def draw(self, key: Any, shape: Any, dtype: Any, nu: Any, sigma: Any) -> Any:
        first, second = jax.random.normal(key, (2, *shape), dtype)
        return jnp.hypot(nu + sigma * first, sigma * second)

    def log_density(self, value: Any, nu: Any, sigma: Any) -> Any:
        x, b = value / sigma, nu / sigma
        return T.log(x) - 0.5 * (x - b) ** 2 + T.log(T.i0e(x * b)) - T.log(sigma)

    def mean(self, nu: Any, sigma: Any) -> Any:
        y = 0.25 * (nu / sigma) ** 2
        return sigma * math.sqrt(math.pi / 2) * ((1 + 2 * y) * T.i0e(y) + 2 * y * T.i1e(y))

    def variance(self, nu: Any, sigma: Any) -> Any:
        far = T.greater(nu, 1e3 * sigma)
        # far out the difference loses its digits, and two terms of its expansion have them all
        near = 2 * sigma**2 + nu**2 - self.mean(nu, sigma) ** 2
        return T.where(far, sigma**2 * (1 - 0.5 * (sigma / T.where(far, nu, 1.0)) ** 2), near)

    def support_point(self, nu: Any, sigma: Any) -> Any:
        return T.maximum(nu, sigma)


Rice = RiceDistribution()
