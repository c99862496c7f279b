"""The Wald law."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax.core._node import Constant
from symjax.random import _support as support
from symjax.random._alternatives import checked, pair
from symjax.random._constraint import Parameter, nonnegative, positive
from symjax.random._distribution import Distribution
from symjax.random._erfcx import erfcx, log_erfcx_difference
from symjax.random._incomplete import LOG_2PI, log1mexp, log_probability
from symjax.random._inversion import inverse
from symjax.random._normal_mass import log_ndtr
from symjax.random._piecewise import beyond
from symjax.tensor._wrap import elementwise

_LOG_2 = math.log(2)


def _log_tails(phi: Any, s: Any) -> tuple[Any, Any]:
    """log P(log Z ≤ s) and log P(log Z > s) for mean one and shape φ.

    The cdf is Φ(a) + e^{2φ} Φ(-b) at a = 2√φ sinh(s/2) and b = 2√φ cosh(s/2). As b² - a² = 4φ, both terms have the factor
    exp(-a²/2), beside erfcx(-a/√2)/2 and erfcx(b/√2)/2.
    """
    root = jnp.sqrt(2 * phi)
    u, v = root * jnp.sinh(0.5 * s), root * jnp.cosh(0.5 * s)
    cdf = jnp.logaddexp(log_ndtr(math.sqrt(2) * u), -(u**2) - _LOG_2 + jnp.log(erfcx(v)))
    right = u > -1
    x = jnp.where(right, u, 0.0)
    width = jnp.where(right, root * jnp.exp(-0.5 * s), 1.0)
    upper = -(x**2) - _LOG_2 + log_erfcx_difference(x, width)
    upper = jnp.where(right, upper, log1mexp(jnp.where(right, -1.0, cdf)))
    late = upper < -_LOG_2
    return jnp.where(late, log1mexp(jnp.where(late, upper, -1.0)), cdf), upper


def _log_density(phi: Any, s: Any) -> Any:
    """log density of log Z."""
    return 0.5 * (jnp.log(phi) - LOG_2PI - s) - 2 * phi * jnp.sinh(0.5 * s) ** 2


def _log_tail(side: int) -> Any:
    return log_probability(lambda phi, s: _log_tails(phi, s)[side], _log_density, (1, -1)[side])


_log_wald_cdf = elementwise(_log_tail(0), "log_wald_cdf", 2)
_log_wald_ccdf = elementwise(_log_tail(1), "log_wald_ccdf", 2)
_log_quantile = inverse(_log_tails, _log_density)
_wald_quantile = elementwise(lambda q, c, phi: jnp.exp(_log_quantile(q, c, phi)), "wald_quantile", 3)


class WaldDistribution(Distribution):
    r"""Wald (inverse Gaussian) law, :math:`\sqrt{\lambda/2\pi y^3} \exp(-\lambda (y-\mu)^2 / 2\mu^2 y)` of :math:`y = x - \alpha`.

    It is the law of the time at which a Brownian motion with drift first reaches a level.

    Parameters
    ----------
    mu : tensor-like, optional
        Mean of :math:`y`, positive.
    lam : tensor-like, optional
        Shape, positive; 1 by default where `mu` alone is given.
    phi : tensor-like, optional
        ``lam / mu``, positive, instead of either of them.
    alpha : tensor-like
        Shift, the lower bound of the values, zero or positive; 0 by default.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Wald(mu=1.0, phi=[2.0, 3.0], name="x").shape
    (2,)

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 15. Michael, Schucany, Haas, Generating
    random variates using transformations with multiple roots, The American Statistician 30, 1976.
    """

    parameters = {"mu": Parameter(positive), "lam": Parameter(positive), "alpha": Parameter(nonnegative)}

    def parametrize(self, mu: Any = None, lam: Any = None, phi: Any = None, alpha: Any = 0.0) -> Any:
        chosen = pair({"mu": mu, "lam": lam, "phi": phi}, ("mu",), ("mu", "lam"), ("mu", "phi"), ("lam", "phi"))
        if "phi" not in chosen:
            return mu, 1.0 if lam is None else lam, alpha
        phi = T.as_tensor(checked("phi", phi, positive))
        return (mu, mu * phi, alpha) if mu is not None else (lam / phi, lam, alpha)

    def support(self, mu: Any, lam: Any, alpha: Any) -> support.Support:
        unshifted = isinstance(alpha, Constant) and not np.any(alpha.value)
        return support.strictly_positive if unshifted else support.Support("interval", alpha, None, open=True)

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, lam: Any, alpha: Any) -> Any:
        normal, which = jax.random.split(key)
        w = jax.random.normal(normal, shape, dtype) ** 2 * (0.5 * mu / lam)
        # the smaller root of the quadratic equation; one over it is the other
        small = 1 / (1 + w + jnp.sqrt(w * (2 + w)))
        z = jnp.where(jax.random.uniform(which, shape, dtype) * (1 + small) <= 1, small, 1 / small)
        return jnp.maximum(alpha + mu * z, jnp.nextafter(alpha, jnp.inf)).astype(dtype)

    def log_density(self, value: Any, mu: Any, lam: Any, alpha: Any) -> Any:
        y = value - alpha
        return 0.5 * (T.log(lam) - LOG_2PI) - 1.5 * T.log(y) - 0.5 * lam * ((y - mu) / mu) ** 2 / y

    def log_cdf(self, value: Any, mu: Any, lam: Any, alpha: Any) -> Any:
        return beyond((value - alpha) / mu, 0.0, 1.0, lambda z: _log_wald_cdf(lam / mu, T.log(z)), -math.inf)

    def log_ccdf(self, value: Any, mu: Any, lam: Any, alpha: Any) -> Any:
        return beyond((value - alpha) / mu, 0.0, 1.0, lambda z: _log_wald_ccdf(lam / mu, T.log(z)), 0.0)

    def quantile(self, q: Any, mu: Any, lam: Any, alpha: Any) -> Any:
        return alpha + mu * _wald_quantile(q, 1 - q, lam / mu)

    def mean(self, mu: Any, lam: Any, alpha: Any) -> Any:
        return mu + alpha

    def variance(self, mu: Any, lam: Any, alpha: Any) -> Any:
        return mu**3 / lam


Wald = WaldDistribution()
