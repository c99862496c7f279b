"""The Beta law."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax._errors import ParameterError
from symjax.core._node import Constant
from symjax.random import _support as support
from symjax.random._alternatives import checked, pair
from symjax.random._constraint import Constraint, Parameter, positive
from symjax.random._distribution import Distribution
from symjax.random._incomplete import log_beta, log_beta_kernel, log_beta_tails, log_betainc, log_betaincc
from symjax.random._inversion import inverse
from symjax.tensor._wrap import elementwise

_logit_quantile = inverse(
    lambda a, b, s: log_beta_tails(a, b, jax.nn.sigmoid(s), jax.nn.sigmoid(-s)),
    lambda a, b, s: log_beta_kernel(a, b, jax.nn.sigmoid(s), jax.nn.sigmoid(-s)),
)

#: ``beta_quantile(q, complement, alpha, beta)``: inverse of the cdf, with the complement 1 − q given apart.
beta_quantile = elementwise(lambda q, c, a, b: jax.nn.sigmoid(_logit_quantile(q, c, a, b)), "beta_quantile", 4)

_proper_mean = Constraint("greater than 0 and less than 1", lambda x: (x > 0) & (x < 1))


class BetaDistribution(Distribution):
    r"""Beta law, :math:`x^{\alpha-1}(1-x)^{\beta-1} / B(\alpha, \beta)` on the unit interval.

    Parameters
    ----------
    alpha, beta : tensor-like
        Shapes, positive.
    mu, sigma : tensor-like
        Mean in (0, 1) and standard deviation less than ``sqrt(mu * (1 - mu))``, instead of `alpha` and `beta`.
    mu, nu : tensor-like
        Mean and ``alpha + beta``, instead of `alpha` and `beta`.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Beta(mu=0.3, nu=10.0, name="x").shape
    ()

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions II, 2nd ed., ch. 25.
    """

    parameters = {"alpha": Parameter(positive), "beta": Parameter(positive)}

    def parametrize(self, alpha: Any = None, beta: Any = None, mu: Any = None, sigma: Any = None, nu: Any = None) -> Any:
        given = {"alpha": alpha, "beta": beta, "mu": mu, "sigma": sigma, "nu": nu}
        chosen = pair(given, ("alpha", "beta"), ("mu", "sigma"), ("mu", "nu"))
        if chosen == ("alpha", "beta"):
            return alpha, beta
        mu = T.as_tensor(checked("mu", mu, _proper_mean))
        if chosen == ("mu", "sigma"):
            sigma = T.as_tensor(checked("sigma", sigma, positive))
            _check_spread(mu, sigma)
            # a sigma that is no number yet and turns out not to be positive makes parameters that are not allowed
            nu = T.where(T.greater(sigma, 0), mu * (1 - mu) / sigma**2 - 1, -1.0)
        else:
            nu = checked("nu", nu, positive)
        return mu * nu, (1 - mu) * nu

    def support(self, alpha: Any, beta: Any) -> support.Support:
        return support.unit_interval

    def draw(self, key: Any, shape: Any, dtype: Any, alpha: Any, beta: Any) -> Any:
        first, second = jax.random.split(key)
        return jax.nn.sigmoid(
            jax.random.loggamma(first, jnp.asarray(alpha, dtype), shape, dtype)
            - jax.random.loggamma(second, jnp.asarray(beta, dtype), shape, dtype)
        )

    def log_density(self, value: Any, alpha: Any, beta: Any) -> Any:
        return T.xlogy(alpha - 1, value) + T.xlog1py(beta - 1, -value) - log_beta(alpha, beta)

    def log_cdf(self, value: Any, alpha: Any, beta: Any) -> Any:
        return log_betainc(alpha, beta, value)

    def log_ccdf(self, value: Any, alpha: Any, beta: Any) -> Any:
        return log_betaincc(alpha, beta, value)

    def quantile(self, q: Any, alpha: Any, beta: Any) -> Any:
        return beta_quantile(q, 1 - q, alpha, beta)

    def mean(self, alpha: Any, beta: Any) -> Any:
        return alpha / (alpha + beta)

    def variance(self, alpha: Any, beta: Any) -> Any:
        total = alpha + beta
        return (alpha / total) * (beta / total) / (total + 1)


def _check_spread(mu: Any, sigma: Any) -> None:
    if not (isinstance(mu, Constant) and isinstance(sigma, Constant)):
        return
    mean, deviation = np.asarray(mu.value), np.asarray(sigma.value)
    limit = np.sqrt(mean * (1 - mean))
    if not np.all(deviation < limit):
        raise ParameterError(f"'sigma' must be less than sqrt(mu * (1 - mu)) = {limit}, got {deviation}.")


Beta = BetaDistribution()
