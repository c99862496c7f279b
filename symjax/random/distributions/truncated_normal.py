"""The TruncatedNormal law."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._node import Constant
from symjax.random import _support as support
from symjax.random._alternatives import scale
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution
from symjax.random._normal_mass import (
    log_normal_mass,
    truncated_normal_mean,
    truncated_normal_quantile,
    truncated_normal_variance,
    truncated_quantile,
)
from symjax.random.distributions.normal import Normal


class TruncatedNormalDistribution(Distribution):
    r"""Law of a Normal variable given that it lies between two bounds.

    Parameters
    ----------
    mu : tensor-like
        Mean of the Normal law that is truncated; 0 by default.
    sigma : tensor-like, optional
        Its standard deviation, positive; 1 by default.
    tau : tensor-like, optional
        ``1 / sigma**2``, instead of `sigma`.
    lower, upper : tensor-like, optional
        Bounds; none by default.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.TruncatedNormal(0.0, 1.0, lower=[0.0, 2.0], name="x").shape
    (2,)

    Notes
    -----
    Correct far out in the tails and for bounds that are close together.

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 13.10.
    """

    parameters = {"mu": Parameter(), "sigma": Parameter(positive), "lower": Parameter(), "upper": Parameter()}
    requirement = "'lower' must be less than 'upper'"

    def parametrize(self, mu: Any = 0.0, sigma: Any = None, *, tau: Any = None, lower: Any = None, upper: Any = None) -> Any:
        return mu, scale(sigma, tau), -math.inf if lower is None else lower, math.inf if upper is None else upper

    def support(self, mu: Any, sigma: Any, lower: Any, upper: Any) -> support.Support:
        low, high = _is_absent(lower, -math.inf), _is_absent(upper, math.inf)
        if low and high:
            return support.real
        return support.interval(None if low else lower, None if high else upper)

    def conditions(self, mu: Any, sigma: Any, lower: Any, upper: Any) -> list[Any]:
        return [T.less(lower, upper)]

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, sigma: Any, lower: Any, upper: Any) -> Any:
        u = jax.random.uniform(key, shape, dtype, minval=float(jnp.finfo(dtype).tiny))
        mu, sigma, lower, upper = (jnp.asarray(p, dtype) for p in (mu, sigma, lower, upper))
        return jnp.clip(mu + sigma * truncated_quantile(u, (lower - mu) / sigma, (upper - mu) / sigma), lower, upper)

    def log_density(self, value: Any, mu: Any, sigma: Any, lower: Any, upper: Any) -> Any:
        density = Normal.log_density(value, mu, sigma)
        return density - log_normal_mass(_standard(lower, mu, sigma), _standard(upper, mu, sigma))

    def log_cdf(self, value: Any, mu: Any, sigma: Any, lower: Any, upper: Any) -> Any:
        low, high = _standard(lower, mu, sigma), _standard(upper, mu, sigma)
        part = log_normal_mass(low, T.minimum((value - mu) / sigma, high))
        return T.where(T.less(value, upper), part - log_normal_mass(low, high), 0.0)

    def log_ccdf(self, value: Any, mu: Any, sigma: Any, lower: Any, upper: Any) -> Any:
        low, high = _standard(lower, mu, sigma), _standard(upper, mu, sigma)
        part = log_normal_mass(T.maximum((value - mu) / sigma, low), high)
        return T.where(T.greater(value, lower), part - log_normal_mass(low, high), 0.0)

    def quantile(self, q: Any, mu: Any, sigma: Any, lower: Any, upper: Any) -> Any:
        return mu + sigma * truncated_normal_quantile(q, _standard(lower, mu, sigma), _standard(upper, mu, sigma))

    def mean(self, mu: Any, sigma: Any, lower: Any, upper: Any) -> Any:
        return mu + sigma * truncated_normal_mean(_standard(lower, mu, sigma), _standard(upper, mu, sigma))

    def variance(self, mu: Any, sigma: Any, lower: Any, upper: Any) -> Any:
        return sigma**2 * truncated_normal_variance(_standard(lower, mu, sigma), _standard(upper, mu, sigma))

    def support_point(self, mu: Any, sigma: Any, lower: Any, upper: Any) -> Any:
        below, above = T.greater(lower, -math.inf), T.less(upper, math.inf)
        one = T.where(below, lower + 1, T.where(above, upper - 1, mu))
        return T.where(T.logical_and(below, above), 0.5 * (lower + upper), one)


def _standard(bound: Any, mu: Any, sigma: Any) -> Any:
    """The bound of the standard Normal law; infinite ones stay constants, for their derivative in sigma is not a number."""
    bound = as_tensor(bound)
    if isinstance(bound, Constant) and np.all(np.isfinite(np.asarray(bound.value))):
        return (bound - mu) / sigma
    finite = T.isfinite(bound)
    return T.where(finite, (T.where(finite, bound, 0.0) - mu) / sigma, bound)


def _is_absent(bound: Any, infinity: float) -> bool:
    bound = as_tensor(bound)
    return isinstance(bound, Constant) and bool(np.all(np.asarray(bound.value) == infinity))


TruncatedNormal = TruncatedNormalDistribution()
