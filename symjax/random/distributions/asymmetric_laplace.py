"""The AsymmetricLaplace law."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import ParameterError
from symjax.random import _support as support
from symjax.random._alternatives import checked
from symjax.random._constraint import Constraint, Parameter, positive
from symjax.random._distribution import Distribution

_proper_level = Constraint("greater than 0 and less than 1", lambda x: (x > 0) & (x < 1))


class AsymmetricLaplaceDistribution(Distribution):
    r"""Laplace law with slopes of its own on each side of :math:`\mu`.

    The density is :math:`\frac{b}{\kappa + 1/\kappa} e^{-b \kappa (x-\mu)}` above :math:`\mu` and
    :math:`\frac{b}{\kappa + 1/\kappa} e^{b (x-\mu)/\kappa}` below it.

    Parameters
    ----------
    kappa : tensor-like
        Asymmetry, positive; 1 is symmetric, more than 1 has the heavier tail on the left.
    mu : tensor-like
        Mode, of which the law has mass :math:`\kappa^2 / (1 + \kappa^2)` below.
    b : tensor-like
        Inverse scale, positive.
    q : tensor-like
        Mass below `mu`, in (0, 1), instead of `kappa`.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logcdf(R.AsymmetricLaplace(q=0.5, mu=1.0, b=2.0, name="x"), 1.0).eval()), 4)
    -0.6931

    References
    ----------
    Kotz, Kozubowski, Podgórski, The Laplace Distribution and Generalizations, 2001, ch. 3.
    """

    parameters = {"kappa": Parameter(positive), "mu": Parameter(), "b": Parameter(positive)}

    def parametrize(self, kappa: Any = None, mu: Any = None, b: Any = None, q: Any = None) -> Any:
        if (kappa is None) == (q is None):
            raise ParameterError("give 'kappa' or 'q', exactly one of them.")
        if mu is None or b is None:
            raise ParameterError("'mu' and 'b' are needed.")
        if kappa is None:
            q = T.as_tensor(checked("q", q, _proper_level))
            kappa = T.sqrt(q / (1 - q))
        return kappa, mu, b

    def support(self, kappa: Any, mu: Any, b: Any) -> support.Support:
        return support.real

    def draw(self, key: Any, shape: Any, dtype: Any, kappa: Any, mu: Any, b: Any) -> Any:
        above, below = jax.random.exponential(key, (2, *shape), dtype)
        return mu + (above / kappa - jnp.asarray(kappa, dtype) * below) / b

    def log_density(self, value: Any, kappa: Any, mu: Any, b: Any) -> Any:
        x = b * (value - mu)
        return T.log(b) - T.log(kappa + 1 / kappa) - T.where(T.less(x, 0.0), -x / kappa, kappa * x)

    def log_cdf(self, value: Any, kappa: Any, mu: Any, b: Any) -> Any:
        return _log_tail(b * (value - mu), kappa)

    def log_ccdf(self, value: Any, kappa: Any, mu: Any, b: Any) -> Any:
        return _log_tail(-b * (value - mu), 1 / kappa)

    def quantile(self, q: Any, kappa: Any, mu: Any, b: Any) -> Any:
        square = kappa**2
        left = T.less(q * (1 + square), square)
        lower = kappa * (T.log(T.where(left, q, 1.0)) + T.log1p(1 / square))
        upper = -(T.log1p(-T.where(left, 0.0, q)) + T.log1p(square)) / kappa
        return mu + T.where(left, lower, upper) / b

    def mean(self, kappa: Any, mu: Any, b: Any) -> Any:
        return mu + (1 / kappa - kappa) / b

    def variance(self, kappa: Any, mu: Any, b: Any) -> Any:
        return (1 / kappa**2 + kappa**2) / b**2


def _log_tail(x: Any, kappa: Any) -> Any:
    """Log of P(X ≤ x) for scale one and location zero."""
    left = T.less(x, 0.0)
    # each branch sees only its own side, so that the slope at the mode is the density's
    below = T.where(left, x, 0.0) / kappa - T.log1p(1 / kappa**2)
    return T.where(left, below, T.log1p(-T.exp(-kappa * T.where(left, 0.0, x) - T.log1p(kappa**2))))


AsymmetricLaplace = AsymmetricLaplaceDistribution()
