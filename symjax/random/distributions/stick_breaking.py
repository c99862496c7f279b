"""The law of the pieces of a stick that is broken again and again."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax._config import config
from symjax._errors import ParameterError
from symjax.core._leaves import as_tensor
from symjax.core._node import Constant
from symjax.random import _support as support
from symjax.random._alternatives import checked
from symjax.random._constraint import Parameter, positive, positive_vector
from symjax.random._distribution import Distribution, require


class StickBreakingWeightsDistribution(Distribution):
    r"""Weights :math:`x_k = v_k \prod_{l<k} (1 - v_l)` of K breaks of a stick at :math:`v_k \sim \mathrm{Beta}(1, \alpha)`.

    The last of the K + 1 weights is what is left of the stick.

    Parameters
    ----------
    alpha : tensor-like
        Concentration, positive: the larger, the smaller the pieces.
    K : int
        Number of breaks.

    Examples
    --------
    >>> import symjax.random as R
    >>> w = R.StickBreakingWeights(2.0, K=3, name="w")
    >>> w.shape, round(float(R.logp(w, [0.4, 0.3, 0.2, 0.1]).eval()), 4)
    ((4,), 1.4917)

    References
    ----------
    Ishwaran, James, Gibbs sampling methods for stick-breaking priors, J. Am. Statist. Assoc. 96, 2001, equation 3.
    """

    # an element for each break, whose number is known from the shape
    parameters = {"alpha": Parameter(positive_vector, 1)}
    event_ndim = 1

    def parametrize(self, alpha: Any, K: Any) -> Any:
        count = as_tensor(K)
        if not isinstance(count, Constant) or count.shape or not float(count.value).is_integer() or count.value < 1:
            raise ParameterError(f"'K' must be a whole number, at least 1, known when the variable is made; got {K!r}.")
        alpha = T.cast(as_tensor(checked("alpha", alpha, positive)), "floatX")
        return (T.broadcast_to(T.expand_dims(alpha, -1), (*alpha.shape, int(count.value))),)

    def event_shape(self, alpha: Any) -> Any:
        return (alpha[-1] + 1,)

    def support(self, alpha: Any) -> support.Support:
        return support.simplex

    def draw(self, key: Any, shape: Any, dtype: Any, alpha: Any) -> Any:
        # -log of what a break leaves is exponential of rate alpha
        broken = jax.random.exponential(key, (*shape, alpha.shape[-1]), dtype) / alpha
        logs = -jnp.cumsum(broken, -1)
        before = jnp.concatenate([jnp.zeros_like(logs[..., :1]), logs[..., :-1]], -1)
        return jnp.concatenate([-jnp.exp(before) * jnp.expm1(-broken), jnp.exp(logs[..., -1:])], -1)

    def log_density(self, value: Any, alpha: Any) -> Any:
        left = T.cumsum(value[..., ::-1], -1)[..., ::-1]
        logs = T.log(T.where(left > 0, left, 1.0))
        density = (T.log(alpha) + (alpha - 1) * (logs[..., 1:] - logs[..., :-1]) - logs[..., :-1]).sum(-1)
        # where nothing is left the law of later breaks is lost, and the density may have a pole
        return require(density, T.greater(value[..., -1], 0))

    def _log_mean(self, alpha: Any) -> Any:
        return _after(-T.log1p(1 / alpha)) + _padded(-T.log1p(alpha))

    def mean(self, alpha: Any) -> Any:
        return T.exp(self._log_mean(alpha))

    def variance(self, alpha: Any) -> Any:
        # E x² / (E x)² is a product of such ratios of v and 1 - v, so that nothing cancels
        ratio = _after(T.log1p(1 / (alpha * (2 + alpha)))) + _padded(T.log1p(alpha / (2 + alpha)))
        return -T.exp(2 * self._log_mean(alpha) + ratio) * T.expm1(-ratio)

    def support_point(self, alpha: Any) -> Any:
        # the mean of a late weight may underflow, and zero has no logarithm
        return T.maximum(self.mean(alpha), float(np.sqrt(np.finfo(config.float_dtype).tiny)))


def _after(terms: Any) -> Any:
    """For each weight the sum of the terms of the breaks before it."""
    return T.concatenate([T.zeros_like(terms[..., :1]), T.cumsum(terms, -1)], -1)


def _padded(terms: Any) -> Any:
    """The terms of the breaks, and zero for the last weight."""
    return T.concatenate([terms, T.zeros_like(terms[..., :1])], -1)


StickBreakingWeights = StickBreakingWeightsDistribution()
