"""The Dirichlet-multinomial law."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Parameter, count, positive_vector
from symjax.random._distribution import Distribution
from symjax.random._incomplete import log_beta
from symjax.random.distributions.categorical import Multinomial, draw_multinomial


class DirichletMultinomialDistribution(Distribution):
    r"""Dirichlet-multinomial law, proportional to :math:`\prod_i \Gamma(x_i+a_i) / x_i!`.

    Multinomial counts whose probabilities are Dirichlet; also called the multivariate Pólya law.

    Parameters
    ----------
    n : tensor-like of int
        Number of trials.
    a : tensor-like
        Concentrations along the last axis, positive.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.DirichletMultinomial(3, [1.0, 1.0], name="x"), [1, 2]).eval()), 4)
    -1.3863

    References
    ----------
    Johnson, Kotz, Balakrishnan, Discrete Multivariate Distributions, ch. 35, section 13.1.
    """

    parameters = {"n": Parameter(count), "a": Parameter(positive_vector, 1)}
    event_ndim = 1
    is_discrete = True

    def parametrize(self, n: Any, a: Any) -> Any:
        return n, T.cast(T.as_tensor(a), "floatX")

    def event_shape(self, n: Any, a: Any) -> Any:
        return a[-1:]

    def support(self, n: Any, a: Any) -> support.Support:
        return support.Support("discrete_counts", 0, n, 1)

    def draw(self, key: Any, shape: Any, dtype: Any, n: Any, a: Any) -> Any:
        p_key, key = jax.random.split(key)
        logs = jax.random.loggamma(p_key, jnp.asarray(a, float), (*shape, jnp.shape(a)[-1]))
        return draw_multinomial(key, n, jax.nn.softmax(logs, -1), shape)

    def log_density(self, value: Any, n: Any, a: Any) -> Any:
        total = a.sum(-1)
        # Σ log Γ(x + a) − log Γ(a) − log x!, as beta functions, which keep their digits where a is large
        ways = T.log(n + total) + log_beta(total, n + 1.0) - (T.log(value + a) + log_beta(a, value + 1.0)).sum(-1)
        return T.where(T.logical_and(*Multinomial.conditions_on(value, n)), ways, -float("inf"))

    def mean(self, n: Any, a: Any) -> Any:
        return T.as_tensor(n)[..., None] * a / a.sum(-1, keepdims=True)

    def variance(self, n: Any, a: Any) -> Any:
        total = a.sum(-1, keepdims=True)
        share, n = a / total, T.as_tensor(n)[..., None]
        return n * share * (1 - share) * (n + total) / (1 + total)

    def support_point(self, n: Any, a: Any) -> Any:
        return Multinomial.support_point(n, a / a.sum(-1, keepdims=True))


DirichletMultinomial = DirichletMultinomialDistribution()
