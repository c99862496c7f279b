"""The hypergeometric law."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._constraint import Parameter, count
from symjax.random._discrete_cdf import log_tails
from symjax.random._discrete_quantile import smallest
from symjax.random._distribution import Distribution
from symjax.random._incomplete import log_beta


def _draw(key: Any, N: Any, k: Any, n: Any, shape: Any) -> Any:
    """Inversion, summing masses outwards from the mode (Devroye, Non-Uniform Random Variate Generation, 1986, section X.1.3)."""
    N, k, n = (jnp.broadcast_to(jnp.asarray(p, jnp.float64), shape) for p in (N, k, n))
    lower, upper = jnp.maximum(0.0, n - N + k), jnp.minimum(k, n)
    mode = jnp.clip(jnp.floor((n + 1) * (k + 1) / (N + 2)), lower, upper)

    def log_choose(a: Any, b: Any) -> Any:
        return jax.lax.lgamma(a + 1) - jax.lax.lgamma(b + 1) - jax.lax.lgamma(a - b + 1)

    top = jnp.exp(log_choose(k, mode) + log_choose(N - k, n - mode) - log_choose(N, n))

    def step(carry: Any) -> Any:
        left, up, down, p_up, p_down, found, done = carry
        # the masses above and below the last ones, from their quotients
        above = jnp.where(up < upper, p_up * (k - up) * (n - up) / ((up + 1) * (N - k - n + up + 1)), 0.0)
        below = jnp.where(down > lower, p_down * down * (N - k - n + down) / ((k - down + 1) * (n - down + 1)), 0.0)
        hit_above = ~done & (left < above)
        hit_below = ~done & ~hit_above & (left < above + below)
        ended = (up >= upper) & (down <= lower)
        found = jnp.where(hit_above, up + 1, jnp.where(hit_below, down - 1, found))
        done = done | hit_above | hit_below | ended
        return left - above - below, up + 1, down - 1, above, below, found, done

    u = jax.random.uniform(key, shape, jnp.float64)
    start = (u - top, mode, mode, top, top, mode, u < top)
    return jax.lax.while_loop(lambda c: ~c[-1].all(), step, start)[5].astype(jnp.int64)


class HyperGeometricDistribution(Distribution):
    r"""Hypergeometric law, :math:`\binom{k}{x} \binom{N-k}{n-x} / \binom{N}{n}`.

    The number of good items among n that are taken without putting back from N, of which k are good.

    Parameters
    ----------
    N : tensor-like of int
        Number of items.
    k : tensor-like of int
        Number of good ones.
    n : tensor-like of int
        Number of items taken.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.HyperGeometric(20, 7, 12, name="x"), 4).eval()), 4)
    -1.0284

    References
    ----------
    Johnson, Kemp, Kotz, Univariate Discrete Distributions, 3rd ed., ch. 6.
    """

    parameters = {"N": Parameter(count), "k": Parameter(count), "n": Parameter(count)}
    is_discrete = True
    requirement = "'k' and 'n' must not exceed 'N'"

    def parametrize(self, N: Any, k: Any, n: Any) -> Any:
        return N, k, n

    def conditions(self, N: Any, k: Any, n: Any) -> list[Any]:
        return [T.less_equal(k, N), T.less_equal(n, N)]

    def support(self, N: Any, k: Any, n: Any) -> support.Support:
        return support.integers(T.maximum(0, n - N + k), T.minimum(k, n))

    def draw(self, key: Any, shape: Any, dtype: Any, N: Any, k: Any, n: Any) -> Any:
        return _draw(key, N, k, n, shape)

    def log_density(self, value: Any, N: Any, k: Any, n: Any) -> Any:
        def log_choose(a: Any, b: Any) -> Any:
            return -T.log(a + 1.0) - log_beta(b + 1.0, a - b + 1.0)

        return log_choose(k, value) + log_choose(N - k, n - value) - log_choose(N, n)

    def log_cdf(self, value: Any, N: Any, k: Any, n: Any) -> Any:
        return self._log_tails(value, N, k, n)[0]

    def log_ccdf(self, value: Any, N: Any, k: Any, n: Any) -> Any:
        return self._log_tails(value, N, k, n)[1]

    def _log_tails(self, value: Any, N: Any, k: Any, n: Any) -> tuple[Any, Any]:
        inside = self.support(N, k, n)
        return log_tails(lambda x: self.log_density(x, N, k, n), value, inside.lower, inside.upper)

    def quantile(self, q: Any, N: Any, k: Any, n: Any) -> Any:
        inside = self.support(N, k, n)
        return smallest(lambda x: T.exp(self.log_cdf(x, N, k, n)), q, inside.lower, inside.upper)

    def mean(self, N: Any, k: Any, n: Any) -> Any:
        return T.where(T.greater(N, 0), n * k / T.maximum(N, 1), 0.0)

    def variance(self, N: Any, k: Any, n: Any) -> Any:
        share = k / T.maximum(N, 1)
        return n * share * (1 - share) * (N - n) / T.maximum(N - 1, 1)

    def support_point(self, N: Any, k: Any, n: Any) -> Any:
        return T.cast(T.floor((n + 1) * (k + 1) / (N + 2.0)), "int64")


HyperGeometric = HyperGeometricDistribution()
