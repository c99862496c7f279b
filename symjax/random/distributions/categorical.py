"""The Categorical and Multinomial laws."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.core._shapes import broadcast_shapes
from symjax.random import _support as support
from symjax.random._alternatives import checked
from symjax.random._constraint import Constraint, Parameter, count, nonnegative, simplex
from symjax.random._distribution import Distribution, choose

#: Unnormalised log probabilities: minus infinity is a probability of zero.
log_weights = Constraint("log weights, not nan, one of them finite", lambda x: (x.max(-1) > -float("inf")) & (x == x).all(-1))


def at_category(table: Any, value: Any) -> Any:
    """Elements of a table along its last axis at whole numbers, or at the nearest that it has."""
    index = T.clip(T.cast(value, "int64"), 0, table.shape[-1] - 1)
    if table.ndim == 1:
        return table[index]
    batch = broadcast_shapes([index.shape, table.shape[:-1]])
    index, table = T.broadcast_to(index, batch), T.broadcast_to(table, (*batch, table.shape[-1]))
    return T.take_along_axis(table, index[..., None], -1)[..., 0]


class CategoricalDistribution(Distribution):
    r"""Categorical law on 0, ..., k - 1.

    Parameters
    ----------
    p : tensor-like
        Probabilities along the last axis; they are normalised.
    logit_p : tensor-like
        Unnormalised log probabilities, instead of `p`.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.Categorical([0.2, 0.8], name="x"), 1).eval()), 4)
    -0.2231

    References
    ----------
    Johnson, Kotz, Balakrishnan, Discrete Multivariate Distributions, ch. 35, with one trial.
    """

    parameters = {"logit_p": Parameter(log_weights, 1)}
    is_discrete = True

    def parametrize(self, p: Any = None, logit_p: Any = None) -> Any:
        if choose("Categorical", p=p, logit_p=logit_p) == "logit_p":
            return (logit_p,)
        return (T.log(T.cast(T.as_tensor(checked("p", p, nonnegative)), "floatX")),)

    def _categories(self, logit_p: Any) -> Any:
        return logit_p.shape[-1]

    def support(self, logit_p: Any) -> support.Support:
        return support.integers(0, self._categories(logit_p) - 1)

    def draw(self, key: Any, shape: Any, dtype: Any, logit_p: Any) -> Any:
        return jax.random.categorical(key, logit_p, shape=shape)

    def log_density(self, value: Any, logit_p: Any) -> Any:
        return at_category(T.log_softmax(logit_p, -1), value)

    def _cumulative(self, value: Any, logit_p: Any, *, upper: bool) -> Any:
        places = T.arange(self._categories(logit_p))
        k = T.floor(value)[..., None]
        counted = T.greater(places, k) if upper else T.less_equal(places, k)
        logs = T.where(counted, T.log_softmax(logit_p, -1), -float("inf"))
        return T.minimum(T.logsumexp(logs, -1), 0.0)

    def log_cdf(self, value: Any, logit_p: Any) -> Any:
        return self._cumulative(value, logit_p, upper=False)

    def log_ccdf(self, value: Any, logit_p: Any) -> Any:
        return self._cumulative(value, logit_p, upper=True)

    def quantile(self, q: Any, logit_p: Any) -> Any:
        total = T.cumsum(T.softmax(logit_p, -1), -1)
        return T.minimum(T.cast(T.less(total * (1 + 1e-15), q[..., None]), "int64").sum(-1), self._categories(logit_p) - 1)

    def mean(self, logit_p: Any) -> Any:
        return (T.softmax(logit_p, -1) * T.arange(self._categories(logit_p))).sum(-1)

    def variance(self, logit_p: Any) -> Any:
        square = (T.softmax(logit_p, -1) * T.arange(self._categories(logit_p)) ** 2).sum(-1)
        return square - self.mean(logit_p) ** 2

    def support_point(self, logit_p: Any) -> Any:
        return T.argmax(logit_p, -1)


def draw_multinomial(key: Any, n: Any, p: Any, shape: tuple[int, ...]) -> Any:
    """Counts by a chain of binomials, each given what the categories before it took."""
    k = p.shape[-1]
    rest = jnp.cumsum(p[..., ::-1], -1)[..., ::-1]
    share = jnp.clip(jnp.where(rest > 0, p / jnp.where(rest > 0, rest, 1.0), 0.0), 0.0, 1.0)

    def one(left: Any, inputs: Any) -> Any:
        step_key, q = inputs
        taken = jax.random.binomial(step_key, left, jnp.broadcast_to(q, shape), shape, left.dtype)
        return left - taken, taken

    left = jnp.broadcast_to(jnp.asarray(n, p.dtype), shape)
    last, taken = jax.lax.scan(one, left, (jax.random.split(key, k - 1), jnp.moveaxis(share, -1, 0)[: k - 1]))
    return jnp.concatenate([jnp.moveaxis(taken, 0, -1), last[..., None]], -1)


class MultinomialDistribution(Distribution):
    r"""Multinomial law, :math:`n! \prod_i p_i^{x_i} / x_i!`.

    Parameters
    ----------
    n : tensor-like of int
        Number of trials.
    p : tensor-like
        Probabilities, which sum to one along the last axis.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Multinomial(5, [0.2, 0.3, 0.5], name="x").shape
    (3,)

    References
    ----------
    Johnson, Kotz, Balakrishnan, Discrete Multivariate Distributions, ch. 35.
    """

    parameters = {"n": Parameter(count), "p": Parameter(simplex, 1)}
    event_ndim = 1
    is_discrete = True

    def parametrize(self, n: Any, p: Any) -> Any:
        return n, p

    def event_shape(self, n: Any, p: Any) -> Any:
        return p[-1:]

    def support(self, n: Any, p: Any) -> support.Support:
        return support.Support("discrete_counts", 0, n, 1)

    def conditions_on(self, value: Any, n: Any) -> Any:
        """What a value must satisfy: whole numbers, none negative, that sum to n."""
        counts = T.logical_and(T.greater_equal(value, 0), T.equal(value, T.floor(value)))
        return [T.all(counts, -1), T.equal(value.sum(-1), n)]

    def draw(self, key: Any, shape: Any, dtype: Any, n: Any, p: Any) -> Any:
        return draw_multinomial(key, n, jnp.asarray(p), shape)

    def log_density(self, value: Any, n: Any, p: Any) -> Any:
        inside = self.conditions_on(value, n)
        ways = T.gammaln(n + 1.0) - T.gammaln(value + 1.0).sum(-1)
        return T.where(T.logical_and(*inside), ways + T.xlogy(value, p).sum(-1), -float("inf"))

    def mean(self, n: Any, p: Any) -> Any:
        return T.as_tensor(n)[..., None] * p

    def variance(self, n: Any, p: Any) -> Any:
        return T.as_tensor(n)[..., None] * p * (1 - p)

    def support_point(self, n: Any, p: Any) -> Any:
        # rounded down, and what is left over given to the likeliest category
        low = T.cast(T.floor(self.mean(n, p)), "int64")
        rest = T.as_tensor(n)[..., None] - low.sum(-1, keepdims=True)
        return low + rest * T.cast(T.one_hot(T.argmax(p, -1), p.shape[-1]), "int64")


Categorical = CategoricalDistribution()
Multinomial = MultinomialDistribution()
