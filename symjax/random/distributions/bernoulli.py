"""The Bernoulli and Binomial laws.

Both keep the logit as their parameter, so that a density given `logit_p` never passes through a probability that rounds to 0 or
1; a `p` that is given becomes a logit, infinite at 0 and 1, where the densities are exact.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import ParameterError
from symjax.core._node import Tensor
from symjax.random import _support as support
from symjax.random._alternatives import checked
from symjax.random._constraint import Constraint, Parameter, count, probability
from symjax.random._count_tails import INF, log_betainc_logit, log_betaincc_logit, tail_of_counts
from symjax.random._discrete_quantile import smallest
from symjax.random._distribution import Distribution, choose
from symjax.tensor._wrap import elementwise

#: A logit may be infinite, where the probability is 0 or 1; it is nan for a `p` that is no probability.
log_odds = Constraint("a number, not nan", lambda x: x == x, lambda x: T.equal(x, x))


def to_logit(p: Any, logit_p: Any) -> Any:
    """The log-odds from a probability or from themselves."""
    if choose("the law", p=p, logit_p=logit_p) == "logit_p":
        return logit_p
    if isinstance(p, Tensor) and p.op is not None and p.op.name == "sigmoid":
        return p.parents[0]
    return T.logit(T.cast(T.as_tensor(checked("p", p, probability)), "floatX"))


def _times(n: Any, log_p: Any) -> Any:
    """``n · log p`` with ``0 · −inf = 0``, and finite derivatives there."""
    none = n == 0
    return jnp.where(none, 0.0, n * jnp.where(none, 0.0, log_p))


_counted = elementwise(
    lambda k, n, logit: _times(k, jax.nn.log_sigmoid(logit)) + _times(n - k, jax.nn.log_sigmoid(-logit)), "binomial_kernel", 3
)


class BernoulliDistribution(Distribution):
    r"""Bernoulli law, :math:`p^x (1-p)^{1-x}` on 0 and 1.

    Parameters
    ----------
    p : tensor-like
        Probability of 1.
    logit_p : tensor-like
        Log-odds of 1, instead of `p`.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.Bernoulli(0.25, name="x"), 1).eval()), 4)
    -1.3863

    References
    ----------
    Johnson, Kemp, Kotz, Univariate Discrete Distributions, 3rd ed., section 3.2.
    """

    parameters = {"logit_p": Parameter(log_odds)}
    is_discrete = True

    def parametrize(self, p: Any = None, logit_p: Any = None) -> Any:
        return (to_logit(p, logit_p),)

    def support(self, logit_p: Any) -> support.Support:
        return support.binary

    def draw(self, key: Any, shape: Any, dtype: Any, logit_p: Any) -> Any:
        u = jax.random.uniform(key, shape, jnp.result_type(logit_p, float))
        return u < jax.nn.sigmoid(logit_p)

    def log_density(self, value: Any, logit_p: Any) -> Any:
        # the sign turns the success's logit into the outcome's own, so that one softplus serves both
        return T.log_sigmoid(T.where(T.equal(value, 1), 1.0, -1.0) * logit_p)

    def log_cdf(self, value: Any, logit_p: Any) -> Any:
        return T.where(T.less(value, 0), -float("inf"), T.where(T.less(value, 1), T.log_sigmoid(-logit_p), 0.0))

    def log_ccdf(self, value: Any, logit_p: Any) -> Any:
        return T.where(T.less(value, 0), 0.0, T.where(T.less(value, 1), T.log_sigmoid(logit_p), -float("inf")))

    def quantile(self, q: Any, logit_p: Any) -> Any:
        return T.cast(T.greater(q, T.sigmoid(-logit_p)), "int64")

    def mean(self, logit_p: Any) -> Any:
        return T.sigmoid(logit_p)

    def variance(self, logit_p: Any) -> Any:
        return T.sigmoid(logit_p) * T.sigmoid(-logit_p)

    def support_point(self, logit_p: Any) -> Any:
        return T.cast(T.greater(logit_p, 0), "int64")


class BinomialDistribution(Distribution):
    r"""Binomial law, :math:`\binom{n}{x} p^x (1-p)^{n-x}`.

    Parameters
    ----------
    n : tensor-like of int
        Number of trials.
    p : tensor-like
        Probability of success.
    logit_p : tensor-like
        Log-odds of success, instead of `p`.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.Binomial(4, 0.5, name="x"), 2).eval()), 4)
    -0.9808

    References
    ----------
    Johnson, Kemp, Kotz, Univariate Discrete Distributions, 3rd ed., ch. 3.
    """

    parameters = {"n": Parameter(count), "logit_p": Parameter(log_odds)}
    is_discrete = True

    def parametrize(self, n: Any, p: Any = None, logit_p: Any = None) -> Any:
        if n is None:
            raise ParameterError("'n' must be given.")
        return n, to_logit(p, logit_p)

    def support(self, n: Any, logit_p: Any) -> support.Support:
        return support.integers(0, n)

    def draw(self, key: Any, shape: Any, dtype: Any, n: Any, logit_p: Any) -> Any:
        p = jax.nn.sigmoid(logit_p)
        return jax.random.binomial(key, jnp.asarray(n, p.dtype), p, shape, p.dtype)

    def log_density(self, value: Any, n: Any, logit_p: Any) -> Any:
        ways = T.gammaln(n + 1.0) - T.gammaln(value + 1.0) - T.gammaln(n - value + 1.0)
        return ways + _counted(value, n, logit_p)

    def log_cdf(self, value: Any, n: Any, logit_p: Any) -> Any:
        # DLMF 8.17.5; beyond the last count the shapes only need to be positive
        return tail_of_counts(value, lambda k: log_betaincc_logit(k + 1.0, T.maximum(n - k, 1.0), logit_p), -INF, n)

    def log_ccdf(self, value: Any, n: Any, logit_p: Any) -> Any:
        return tail_of_counts(value, lambda k: log_betainc_logit(k + 1.0, T.maximum(n - k, 1.0), logit_p), 0.0, n)

    def quantile(self, q: Any, n: Any, logit_p: Any) -> Any:
        return smallest(lambda k: T.exp(self.log_cdf(k, n, logit_p)), q, 0, n)

    def mean(self, n: Any, logit_p: Any) -> Any:
        return n * T.sigmoid(logit_p)

    def variance(self, n: Any, logit_p: Any) -> Any:
        return n * T.sigmoid(logit_p) * T.sigmoid(-logit_p)

    def support_point(self, n: Any, logit_p: Any) -> Any:
        return T.cast(T.round(n * T.sigmoid(logit_p)), "int64")


Bernoulli = BernoulliDistribution()
Binomial = BinomialDistribution()
