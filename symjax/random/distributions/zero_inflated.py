"""Laws of counts with extra zeros: ZeroInflatedPoisson, ZeroInflatedBinomial, ZeroInflatedNegativeBinomial."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import ParameterError
from symjax.random import _support as support
from symjax.random._constraint import Parameter, probability
from symjax.random._count_tails import INF, tail_of_counts
from symjax.random._discrete_quantile import smallest
from symjax.random._distribution import Distribution
from symjax.random._zeros import log_with_zeros, variance_with_zeros
from symjax.random.distributions.bernoulli import Binomial
from symjax.random.distributions.counts import NegativeBinomial, Poisson


class ZeroInflated(Distribution):
    r"""Counts of another law mixed with extra zeros, :math:`(1-\psi) [x = 0] + \psi f(x)`.

    A subclass names the law; its parameters are :math:`\psi` and then those of the law.

    Attributes
    ----------
    base : Distribution
        The law of the counts, on whole numbers from zero on.
    """

    base: ClassVar[Distribution]
    is_discrete = True

    def parametrize(self, psi: Any, *args: Any, **kwargs: Any) -> Any:
        if psi is None:
            raise ParameterError("'psi' must be given.")
        return psi, *self.base.parametrize(*args, **kwargs)

    def support(self, psi: Any, *parameters: Any) -> support.Support:
        return self.base.support(*parameters)

    def draw(self, key: Any, shape: Any, dtype: Any, psi: Any, *parameters: Any) -> Any:
        first, second = jax.random.split(key)
        return jnp.where(jax.random.uniform(first, shape) < psi, self.base.draw(second, shape, dtype, *parameters), 0)

    def log_density(self, value: Any, psi: Any, *parameters: Any) -> Any:
        zero = T.equal(value, 0)
        none = self.base.log_density(T.zeros_like(value), *parameters)
        some = T.log(T.where(zero, 1.0, psi)) + self.base.log_density(T.where(zero, 1, value), *parameters)
        return T.where(zero, log_with_zeros(psi, none, -T.expm1(none)), some)

    def log_cdf(self, value: Any, psi: Any, *parameters: Any) -> Any:
        def inside(k: Any) -> Any:
            return log_with_zeros(psi, self.base.log_cdf(k, *parameters), T.exp(self.base.log_ccdf(k, *parameters)))

        return tail_of_counts(value, inside, -INF)

    def log_ccdf(self, value: Any, psi: Any, *parameters: Any) -> Any:
        return tail_of_counts(value, lambda k: T.log(psi) + self.base.log_ccdf(k, *parameters), 0.0)

    def quantile(self, q: Any, psi: Any, *parameters: Any) -> Any:
        last = self.base.support(*parameters).upper
        return smallest(lambda k: T.exp(self.log_cdf(k, psi, *parameters)), q, 0, last)

    def mean(self, psi: Any, *parameters: Any) -> Any:
        return psi * self.base.mean(*parameters)

    def variance(self, psi: Any, *parameters: Any) -> Any:
        return variance_with_zeros(psi, self.base.mean(*parameters), self.base.variance(*parameters))

    def support_point(self, psi: Any, *parameters: Any) -> Any:
        return T.where(T.less(psi, 0.5), 0, self.base.support_point(*parameters))


class ZeroInflatedPoissonDistribution(ZeroInflated):
    r"""Poisson counts mixed with extra zeros: :math:`(1-\psi) [x = 0] + \psi e^{-\mu} \mu^x / x!`.

    Parameters
    ----------
    psi : tensor-like
        Probability that the count is Poisson, between 0 and 1.
    mu : tensor-like
        Mean of the Poisson counts, zero or positive.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.ZeroInflatedPoisson(0.5, 1.0, name="x"), 0).eval()), 4)
    -0.3799

    References
    ----------
    Lambert, Zero-inflated Poisson regression, Technometrics 34, 1992, equation 1.
    """

    base = Poisson
    parameters = {"psi": Parameter(probability), **Poisson.parameters}

    def parametrize(self, psi: Any, mu: Any) -> Any:
        if mu is None:
            raise ParameterError("'mu' must be given.")
        return super().parametrize(psi, mu)


class ZeroInflatedBinomialDistribution(ZeroInflated):
    r"""Binomial counts mixed with extra zeros: :math:`(1-\psi) [x = 0] + \psi \binom{n}{x} p^x (1-p)^{n-x}`.

    Parameters
    ----------
    psi : tensor-like
        Probability that the count is binomial, between 0 and 1.
    n : tensor-like of int
        Number of trials.
    p : tensor-like
        Probability of success.
    logit_p : tensor-like
        Log-odds of success, instead of `p`.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.ZeroInflatedBinomial(0.5, 2, 0.5, name="x"), 0).eval()), 4)
    -0.47

    References
    ----------
    Hall, Zero-inflated Poisson and binomial regression with random effects, Biometrics 56, 2000.
    """

    base = Binomial
    parameters = {"psi": Parameter(probability), **Binomial.parameters}

    def parametrize(self, psi: Any, n: Any, p: Any = None, logit_p: Any = None) -> Any:
        return super().parametrize(psi, n, p, logit_p)


class ZeroInflatedNegativeBinomialDistribution(ZeroInflated):
    r"""Negative binomial counts mixed with extra zeros.

    The probability of x is :math:`(1-\psi) [x = 0] + \psi f(x)` for the mass f of
    :class:`~symjax.random.NegativeBinomial`.

    Parameters
    ----------
    psi : tensor-like
        Probability that the count is negative binomial, between 0 and 1.
    mu, alpha : tensor-like
        Mean of those counts, zero or positive, and shape, positive.
    p, n : tensor-like
        Probability of success, and number of successes before which failures are counted, instead of `mu` and `alpha`.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.ZeroInflatedNegativeBinomial(0.5, 2.0, 3.0, name="x"), 0).eval()), 4)
    -0.4976

    References
    ----------
    Cameron, Trivedi, Regression Analysis of Count Data, ch. 4, on zero-inflated models.
    """

    base = NegativeBinomial
    parameters = {"psi": Parameter(probability), **NegativeBinomial.parameters}

    def parametrize(self, psi: Any, mu: Any = None, alpha: Any = None, p: Any = None, n: Any = None) -> Any:
        return super().parametrize(psi, mu, alpha, p, n)


ZeroInflatedPoisson = ZeroInflatedPoissonDistribution()
ZeroInflatedBinomial = ZeroInflatedBinomialDistribution()
ZeroInflatedNegativeBinomial = ZeroInflatedNegativeBinomialDistribution()
