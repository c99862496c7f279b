"""Laws that are zero or else of a positive law: HurdlePoisson, HurdleNegativeBinomial, HurdleGamma, HurdleLogNormal."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import ParameterError
from symjax.random import _support as support
from symjax.random._base_law import INF
from symjax.random._constraint import Parameter, positive, probability
from symjax.random._discrete_quantile import smallest
from symjax.random._distribution import Distribution
from symjax.random._zeros import log_with_zeros, variance_with_zeros
from symjax.random.distributions.counts import NegativeBinomial, Poisson
from symjax.random.distributions.gamma import Gamma
from symjax.random.distributions.log_normal import LogNormal
from symjax.random.distributions.truncated import truncated


class Hurdle(Distribution):
    r"""Zero with probability :math:`1-\psi`, and otherwise a draw of another law given that it is positive.

    A subclass names the law; its parameters are :math:`\psi` and then those of the law.

    Attributes
    ----------
    base : Distribution
        The law, of counts or of positive numbers.
    """

    base: ClassVar[Distribution]

    def parametrize(self, psi: Any, *args: Any, **kwargs: Any) -> Any:
        if psi is None:
            raise ParameterError("'psi' must be given.")
        return psi, *self.base.parametrize(*args, **kwargs)

    @property
    def _positive(self) -> Distribution:
        return truncated(self.base) if self.is_discrete else self.base

    def _given(self, parameters: Any) -> Any:
        """Parameters of the positive part of the law."""
        return (1.0, INF, *parameters) if self.is_discrete else parameters

    def support(self, psi: Any, *parameters: Any) -> support.Support:
        # zero has a mass beside a density, so that no map to the real line is one to one
        return support.naturals if self.is_discrete else support.real

    def is_atom(self, value: Any, psi: Any, *parameters: Any) -> Any:
        return T.equal(value, 0)

    def draw(self, key: Any, shape: Any, dtype: Any, psi: Any, *parameters: Any) -> Any:
        first, second = jax.random.split(key)
        drawn = self._positive.draw(second, shape, dtype, *self._given(parameters))
        return jnp.where(jax.random.uniform(first, shape) < psi, drawn, 0)

    def log_density(self, value: Any, psi: Any, *parameters: Any) -> Any:
        zero, some = T.equal(value, 0), T.greater(value, 0)
        inside = self._positive.log_prob(T.where(some, value, 1), *self._given(parameters))
        found = T.where(some, T.log(T.where(some, psi, 1.0)) + inside, -INF)
        return T.where(zero, T.log1p(-T.where(zero, psi, 0.0)), found)

    def log_cdf(self, value: Any, psi: Any, *parameters: Any) -> Any:
        at = T.where(T.less_equal(value, 0), 1.0, value)
        log_q, log_p = (getattr(self._positive, side)(at, *self._given(parameters)) for side in ("log_cdf", "log_ccdf"))
        found = T.where(T.equal(value, 0), T.log1p(-psi), log_with_zeros(psi, log_q, T.exp(log_p)))
        return _unless_nan(value, T.where(T.less(value, 0), -INF, found))

    def log_ccdf(self, value: Any, psi: Any, *parameters: Any) -> Any:
        at = T.where(T.less_equal(value, 0), 1.0, value)
        inside = T.where(T.equal(value, 0), 0.0, self._positive.log_ccdf(at, *self._given(parameters)))
        return _unless_nan(value, T.where(T.less(value, 0), 0.0, T.log(psi) + inside))

    def quantile(self, q: Any, psi: Any, *parameters: Any) -> Any:
        if self.is_discrete:
            return smallest(lambda k: T.exp(self.log_cdf(k, psi, *parameters)), q, 0, None)
        zero = T.less_equal(q, 1 - psi)
        share = T.where(zero, 0.5, 1 - (1 - q) / T.where(zero, 1.0, psi))
        return T.where(zero, 0.0, self.base.quantile(share, *parameters))

    def _moments(self, parameters: Any) -> tuple[Any, Any]:
        """Mean and variance of the positive part."""
        mean, variance = self.base.mean(*parameters), self.base.variance(*parameters)
        if not self.is_discrete:
            return mean, variance
        mass = T.exp(self.base.log_ccdf(T.as_tensor(0.0), *parameters))
        return mean / mass, (variance + mean**2) / mass - (mean / mass) ** 2

    def mean(self, psi: Any, *parameters: Any) -> Any:
        return psi * self._moments(parameters)[0]

    def variance(self, psi: Any, *parameters: Any) -> Any:
        return variance_with_zeros(psi, *self._moments(parameters))

    def support_point(self, psi: Any, *parameters: Any) -> Any:
        point = psi * self._positive.support_point(*self._given(parameters))
        return T.cast(T.round(point), "int64") if self.is_discrete else point


def _unless_nan(value: Any, tail: Any) -> Any:
    return T.where(T.isnan(value), math.nan, tail)


class HurdlePoissonDistribution(Hurdle):
    r"""Zero with probability :math:`1-\psi`, otherwise a Poisson count that is not zero: :math:`\psi \mu^x / (x! (e^\mu - 1))`.

    Parameters
    ----------
    psi : tensor-like
        Probability that the count is not zero, between 0 and 1.
    mu : tensor-like
        Mean of the Poisson law, positive.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.HurdlePoisson(0.5, 1.0, name="x"), 1).eval()), 4)
    -1.2345

    References
    ----------
    Cameron, Trivedi, Regression Analysis of Count Data, ch. 4, on hurdle models.
    """

    base = Poisson
    parameters = {"psi": Parameter(probability), "mu": Parameter(positive)}
    is_discrete = True

    def parametrize(self, psi: Any, mu: Any) -> Any:
        if mu is None:
            raise ParameterError("'mu' must be given.")
        return super().parametrize(psi, mu)


class HurdleNegativeBinomialDistribution(Hurdle):
    r"""Zero with probability :math:`1-\psi`, otherwise a negative binomial count that is not zero.

    The probability of x > 0 is :math:`\psi f(x) / (1 - f(0))` for the mass f of :class:`~symjax.random.NegativeBinomial`.

    Parameters
    ----------
    psi : tensor-like
        Probability that the count is not zero, between 0 and 1.
    mu, alpha : tensor-like
        Mean and shape of the negative binomial law, positive.
    p, n : tensor-like
        Probability of success, and number of successes before which failures are counted, instead of `mu` and `alpha`.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.HurdleNegativeBinomial(0.5, 2.0, 3.0, name="x"), 1).eval()), 4)
    -1.8

    References
    ----------
    Cameron, Trivedi, Regression Analysis of Count Data, ch. 4, on hurdle models.
    """

    base = NegativeBinomial
    parameters = {"psi": Parameter(probability), "mu": Parameter(positive), "alpha": Parameter(positive)}
    is_discrete = True

    def parametrize(self, psi: Any, mu: Any = None, alpha: Any = None, p: Any = None, n: Any = None) -> Any:
        return super().parametrize(psi, mu, alpha, p, n)


class HurdleGammaDistribution(Hurdle):
    r"""Zero with probability :math:`1-\psi`, otherwise of a Gamma law.

    The density is :math:`\psi f(x)` for x > 0, with f that of :class:`~symjax.random.Gamma`, beside a mass at zero.

    Parameters
    ----------
    psi : tensor-like
        Probability that the value is not zero, between 0 and 1.
    alpha, beta : tensor-like
        Shape and rate, positive.
    mu, sigma : tensor-like
        Mean and standard deviation of the Gamma law, positive, instead of `alpha` and `beta`.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.HurdleGamma(0.75, 2.0, 1.0, name="x"), 0.0).eval()), 4)
    -1.3863

    References
    ----------
    Cragg, Some statistical models for limited dependent variables, Econometrica 39, 1971.
    """

    base = Gamma
    parameters = {"psi": Parameter(probability), **Gamma.parameters}
    has_atoms = True

    def parametrize(self, psi: Any, alpha: Any = None, beta: Any = None, mu: Any = None, sigma: Any = None) -> Any:
        return super().parametrize(psi, alpha, beta, mu, sigma)


class HurdleLogNormalDistribution(Hurdle):
    r"""Zero with probability :math:`1-\psi`, otherwise of a LogNormal law.

    The density is :math:`\psi f(x)` for x > 0, with f that of :class:`~symjax.random.LogNormal`, beside a mass at zero.

    Parameters
    ----------
    psi : tensor-like
        Probability that the value is not zero, between 0 and 1.
    mu : tensor-like
        Mean of the logarithm.
    sigma : tensor-like, optional
        Standard deviation of the logarithm, positive; 1 by default.
    tau : tensor-like, optional
        ``1 / sigma**2``, instead of `sigma`.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.HurdleLogNormal(0.75, 0.0, 1.0, name="x"), 0.0).eval()), 4)
    -1.3863

    References
    ----------
    Aitchison, On the distribution of a positive random variable having a discrete probability mass at the origin, Journal of the
    American Statistical Association 50, 1955.
    """

    base = LogNormal
    parameters = {"psi": Parameter(probability), **LogNormal.parameters}
    has_atoms = True

    def parametrize(self, psi: Any, mu: Any = 0.0, sigma: Any = None, tau: Any = None) -> Any:
        return super().parametrize(psi, mu, sigma, tau)


HurdlePoisson = HurdlePoissonDistribution()
HurdleNegativeBinomial = HurdleNegativeBinomialDistribution()
HurdleGamma = HurdleGammaDistribution()
HurdleLogNormal = HurdleLogNormalDistribution()
