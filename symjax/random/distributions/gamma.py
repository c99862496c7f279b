"""The Gamma, InverseGamma and ChiSquared laws."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._alternatives import checked, pair
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution
from symjax.random._incomplete import log_gamma_kernel, log_gamma_tails, log_gammainc, log_gammaincc
from symjax.random._inversion import inverse
from symjax.tensor._wrap import elementwise

_log_quantile = inverse(lambda a, s: log_gamma_tails(a, jnp.exp(s)), lambda a, s: log_gamma_kernel(a, jnp.exp(s)))

#: ``gamma_quantile(q, complement, alpha)``: inverse of the cdf of Gamma(alpha, 1), with the complement 1 − q given apart.
gamma_quantile = elementwise(lambda q, c, a: jnp.exp(_log_quantile(q, c, a)), "gamma_quantile", 3)


def _draw_standard(key: Any, alpha: Any, shape: Any, dtype: Any) -> Any:
    """log of Gamma(alpha, 1) draws: small alpha gives draws that only their logarithm can hold."""
    return jax.random.loggamma(key, jnp.asarray(alpha, dtype), shape, dtype)


class GammaDistribution(Distribution):
    r"""Gamma law, :math:`\beta^\alpha x^{\alpha-1} e^{-\beta x} / \Gamma(\alpha)`.

    Parameters
    ----------
    alpha, beta : tensor-like
        Shape and rate, positive.
    mu, sigma : tensor-like
        Mean and standard deviation, positive, instead of `alpha` and `beta`.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Gamma(mu=3.0, sigma=[1.0, 2.0], name="x").shape
    (2,)

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 17.
    """

    parameters = {"alpha": Parameter(positive), "beta": Parameter(positive)}

    def parametrize(self, alpha: Any = None, beta: Any = None, mu: Any = None, sigma: Any = None) -> Any:
        given = {"alpha": alpha, "beta": beta, "mu": mu, "sigma": sigma}
        if pair(given, ("alpha", "beta"), ("mu", "sigma")) == ("alpha", "beta"):
            return alpha, beta
        mu, sigma = T.as_tensor(checked("mu", mu, positive)), T.as_tensor(checked("sigma", sigma, positive))
        # the sign keeps a negative sigma out where it is no number yet
        return (mu / sigma) ** 2 * T.sign(sigma), mu / sigma**2

    def support(self, alpha: Any, beta: Any) -> support.Support:
        return support.positive

    def draw(self, key: Any, shape: Any, dtype: Any, alpha: Any, beta: Any) -> Any:
        return jnp.exp(_draw_standard(key, alpha, shape, dtype) - jnp.log(beta))

    def log_density(self, value: Any, alpha: Any, beta: Any) -> Any:
        return T.xlogy(alpha - 1, value) - beta * value + alpha * T.log(beta) - T.gammaln(alpha)

    def log_cdf(self, value: Any, alpha: Any, beta: Any) -> Any:
        return log_gammainc(alpha, beta * value)

    def log_ccdf(self, value: Any, alpha: Any, beta: Any) -> Any:
        return log_gammaincc(alpha, beta * value)

    def quantile(self, q: Any, alpha: Any, beta: Any) -> Any:
        return gamma_quantile(q, 1 - q, alpha) / beta

    def mean(self, alpha: Any, beta: Any) -> Any:
        return alpha / beta

    def variance(self, alpha: Any, beta: Any) -> Any:
        return alpha / beta**2


class InverseGammaDistribution(Distribution):
    r"""Law of :math:`1/G` for a Gamma G: :math:`\beta^\alpha x^{-\alpha-1} e^{-\beta/x} / \Gamma(\alpha)`.

    Parameters
    ----------
    alpha, beta : tensor-like
        Shape and scale, positive; `beta` is 1 by default.
    mu, sigma : tensor-like
        Mean and standard deviation, positive, instead of `alpha` and `beta`.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.InverseGamma(3.0, 2.0, name="x").shape
    ()

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 17.
    """

    parameters = {"alpha": Parameter(positive), "beta": Parameter(positive)}

    def parametrize(self, alpha: Any = None, beta: Any = None, mu: Any = None, sigma: Any = None) -> Any:
        given = {"alpha": alpha, "beta": beta, "mu": mu, "sigma": sigma}
        chosen = pair(given, ("alpha",), ("alpha", "beta"), ("mu", "sigma"))
        if chosen != ("mu", "sigma"):
            return alpha, 1.0 if beta is None else beta
        mu, sigma = T.as_tensor(checked("mu", mu, positive)), T.as_tensor(checked("sigma", sigma, positive))
        ratio = (mu / sigma) ** 2
        return (2 + ratio) * T.sign(sigma), mu * (1 + ratio)

    def support(self, alpha: Any, beta: Any) -> support.Support:
        return support.strictly_positive

    def draw(self, key: Any, shape: Any, dtype: Any, alpha: Any, beta: Any) -> Any:
        return jnp.exp(jnp.log(beta) - _draw_standard(key, alpha, shape, dtype))

    def log_density(self, value: Any, alpha: Any, beta: Any) -> Any:
        return alpha * T.log(beta) - (alpha + 1) * T.log(value) - beta / value - T.gammaln(alpha)

    def log_cdf(self, value: Any, alpha: Any, beta: Any) -> Any:
        inside = T.greater(value, 0.0)
        return T.where(inside, log_gammaincc(alpha, beta / T.where(inside, value, 1.0)), -math.inf)

    def log_ccdf(self, value: Any, alpha: Any, beta: Any) -> Any:
        inside = T.greater(value, 0.0)
        return T.where(inside, log_gammainc(alpha, beta / T.where(inside, value, 1.0)), 0.0)

    def quantile(self, q: Any, alpha: Any, beta: Any) -> Any:
        return beta / gamma_quantile(1 - q, q, alpha)

    def mean(self, alpha: Any, beta: Any) -> Any:
        finite = T.greater(alpha, 1)
        return T.where(finite, beta / (T.where(finite, alpha, 2.0) - 1), math.inf)

    def variance(self, alpha: Any, beta: Any) -> Any:
        finite = T.greater(alpha, 2)
        a = T.where(finite, alpha, 3.0)
        value = (beta / (a - 1)) ** 2 / (a - 2)
        return T.where(finite, value, T.where(T.greater(alpha, 1), math.inf, math.nan))

    def support_point(self, alpha: Any, beta: Any) -> Any:
        return beta / T.where(T.greater(alpha, 1), alpha - 1, alpha + 1)


class ChiSquaredDistribution(Distribution):
    r"""Law of the sum of :math:`\nu` squared standard Normals, Gamma(:math:`\nu/2, 1/2`).

    Parameters
    ----------
    nu : tensor-like
        Degrees of freedom, positive, not necessarily whole.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.ChiSquared(4.0, name="x").shape
    ()

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 18.
    """

    parameters = {"nu": Parameter(positive)}

    def parametrize(self, nu: Any) -> Any:
        return (nu,)

    def support(self, nu: Any) -> support.Support:
        return support.positive

    def draw(self, key: Any, shape: Any, dtype: Any, nu: Any) -> Any:
        return Gamma.draw(key, shape, dtype, nu / 2, 0.5)

    def log_density(self, value: Any, nu: Any) -> Any:
        return Gamma.log_density(value, nu / 2, 0.5)

    def log_cdf(self, value: Any, nu: Any) -> Any:
        return Gamma.log_cdf(value, nu / 2, 0.5)

    def log_ccdf(self, value: Any, nu: Any) -> Any:
        return Gamma.log_ccdf(value, nu / 2, 0.5)

    def quantile(self, q: Any, nu: Any) -> Any:
        return Gamma.quantile(q, nu / 2, 0.5)

    def mean(self, nu: Any) -> Any:
        return nu

    def variance(self, nu: Any) -> Any:
        return 2 * nu


Gamma = GammaDistribution()
InverseGamma = InverseGammaDistribution()
ChiSquared = ChiSquaredDistribution()
