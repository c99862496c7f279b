"""Laws of ordered categories: OrderedLogistic, OrderedProbit, OrderedMultinomial.

A category is where a variable of a known law about `eta` falls among cutpoints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.random import _support as support
from symjax.random._base_law import INF
from symjax.random._constraint import Constraint, Parameter, count, positive
from symjax.random._distribution import Distribution
from symjax.random._normal_mass import log_normal_mass
from symjax.random._numeric import numerically
from symjax.random.distributions.categorical import Multinomial, at_category

ascending = Constraint(
    "numbers that do not decrease along the last axis",
    lambda c: (np.diff(c) >= 0).all(-1) & ~np.isnan(c).any(-1),
    lambda c: T.logical_and(T.all(T.less_equal(c[..., :-1], c[..., 1:]), -1), T.all(T.equal(c, c), -1)),
)


@dataclass(frozen=True, slots=True)
class Link:
    """A law that is symmetric about zero.

    Attributes
    ----------
    log_cdf : callable
        Log of P(Z ≤ z).
    log_mass : callable
        Log of P(a < Z ≤ b) for ``a <= b``.
    draw : callable
        Draws from a key, a shape and a dtype, as a JAX array.
    """

    log_cdf: Callable[[Any], Any]
    log_mass: Callable[[Any, Any], Any]
    draw: Callable[..., Any]

    def log_masses(self, z: Any) -> Any:
        """Logs of the probabilities of the categories that cutpoints make, along the last axis."""
        inner = self.log_mass(z[..., :-1], z[..., 1:])
        return T.concatenate([self.log_cdf(z[..., :1]), inner, self.log_cdf(-z[..., -1:])], -1)


def _log_logistic_mass(a: Any, b: Any) -> Any:
    # σ(b) − σ(a) = σ(b) σ(−a) (1 − exp(a − b))
    some = T.less(a, b)
    gap = T.where(some, b - a, 1.0)
    return T.where(some, T.log_sigmoid(b) + T.log_sigmoid(-a) + T.log1mexp(-gap), -INF)


logistic = Link(T.log_sigmoid, _log_logistic_mass, jax.random.logistic)
probit = Link(T.log_ndtr, log_normal_mass, jax.random.normal)


class Ordered(Distribution):
    """The number of cutpoints that lie below ``eta + sigma * Z``.

    Attributes
    ----------
    link : Link
        The law of Z.
    """

    link: ClassVar[Link]
    is_discrete = True

    def probabilities(self, *parameters: Any) -> Any:
        """Probabilities of the categories along a last axis, which is one longer than that of the cutpoints."""
        return T.exp(self._log_masses(*map(as_tensor, parameters)))

    def _log_masses(self, *parameters: Any) -> Any:
        return self.link.log_masses(_standard(*parameters))

    def support(self, eta: Any, cutpoints: Any, *sigma: Any) -> support.Support:
        return support.integers(0, cutpoints.shape[-1])

    def draw(self, key: Any, shape: Any, dtype: Any, *parameters: Any) -> Any:
        edges = jnp.asarray(_standard(*map(jnp.asarray, parameters)), float)
        return (self.link.draw(key, shape, edges.dtype)[..., None] > edges).sum(-1)

    def log_density(self, value: Any, *parameters: Any) -> Any:
        return at_category(self._log_masses(*parameters), value)

    def _tail(self, value: Any, edges: Any, below: float, above: float) -> Any:
        k = T.floor(value)
        found = at_category(self.link.log_cdf(edges), k)
        return T.where(T.less(k, 0), below, T.where(T.less(k, edges.shape[-1]), found, above)) + T.where(T.isnan(k), k, 0.0)

    def log_cdf(self, value: Any, *parameters: Any) -> Any:
        return self._tail(value, _standard(*parameters), -INF, 0.0)

    def log_ccdf(self, value: Any, *parameters: Any) -> Any:
        return self._tail(value, -_standard(*parameters), 0.0, -INF)

    def quantile(self, q: Any, *parameters: Any) -> Any:
        total = T.exp(self.link.log_cdf(_standard(*parameters)))
        return T.cast(T.less(total * (1 + 1e-15), q[..., None]), "int64").sum(-1)

    def mean(self, *parameters: Any) -> Any:
        p = self.probabilities(*parameters)
        return (p * T.arange(p.shape[-1])).sum(-1)

    def variance(self, *parameters: Any) -> Any:
        p = self.probabilities(*parameters)
        return (p * (T.arange(p.shape[-1]) - self.mean(*parameters)[..., None]) ** 2).sum(-1)

    def support_point(self, *parameters: Any) -> Any:
        return T.argmax(self._log_masses(*parameters), -1)


def _standard(eta: Any, cutpoints: Any, sigma: Any = None) -> Any:
    """Cutpoints as they lie about `eta`, in units of `sigma`."""
    z = cutpoints - eta[..., None]
    return z if sigma is None else z / sigma[..., None]


class OrderedLogisticDistribution(Ordered):
    r"""Ordered logistic law, :math:`P(X \le k) = \mathrm{sigmoid}(c_k - \eta)` for the categories k = 0, 1, ...

    Parameters
    ----------
    eta : tensor-like
        Location.
    cutpoints : tensor-like
        Cutpoints along the last axis, one less than there are categories; they must not decrease.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.OrderedLogistic(0.0, [-1.0, 1.0], name="x"), 1).eval()), 4)
    -0.7719

    References
    ----------
    McCullagh, Regression models for ordinal data, Journal of the Royal Statistical Society B 42, 1980, section 2.
    """

    link = logistic
    parameters = {"eta": Parameter(), "cutpoints": Parameter(ascending, 1)}

    def parametrize(self, eta: Any, cutpoints: Any) -> Any:
        return eta, cutpoints


class OrderedProbitDistribution(Ordered):
    r"""Ordered probit law, :math:`P(X \le k) = \Phi((c_k - \eta) / \sigma)` for the categories k = 0, 1, ...

    Parameters
    ----------
    eta : tensor-like
        Location.
    cutpoints : tensor-like
        Cutpoints along the last axis, one less than there are categories; they must not decrease.
    sigma : tensor-like
        Standard deviation, positive; 1 by default.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logp(R.OrderedProbit(0.0, [-1.0, 1.0], name="x"), 1).eval()), 4)
    -0.3817

    References
    ----------
    McCullagh, Regression models for ordinal data, Journal of the Royal Statistical Society B 42, 1980, section 2.
    """

    link = probit
    parameters = {"eta": Parameter(), "cutpoints": Parameter(ascending, 1), "sigma": Parameter(positive)}

    def parametrize(self, eta: Any, cutpoints: Any, sigma: Any = 1.0) -> Any:
        return eta, cutpoints, sigma


class OrderedMultinomialDistribution(Distribution):
    """Numbers of the categories of several ordered logistic draws.

    Parameters
    ----------
    eta : tensor-like
        Location.
    cutpoints : tensor-like
        Cutpoints along the last axis, one less than there are categories; they must not decrease.
    n : tensor-like of int
        Number of draws.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.OrderedMultinomial(0.0, [-1.0, 1.0], 5, name="x").shape
    (3,)

    References
    ----------
    McCullagh, Regression models for ordinal data, Journal of the Royal Statistical Society B 42, 1980, section 2.
    """

    parameters = {"eta": Parameter(), "cutpoints": Parameter(ascending, 1), "n": Parameter(count)}
    event_ndim = 1
    is_discrete = True

    def parametrize(self, eta: Any, cutpoints: Any, n: Any) -> Any:
        return eta, cutpoints, n

    def event_shape(self, eta: Any, cutpoints: Any, n: Any) -> Any:
        return (cutpoints[-1] + 1,)

    def probabilities(self, eta: Any, cutpoints: Any, n: Any) -> Any:
        """Probabilities of the categories along the last axis."""
        return OrderedLogistic.probabilities(eta, cutpoints)

    def support(self, eta: Any, cutpoints: Any, n: Any) -> support.Support:
        return support.Support("discrete_counts", 0, n, 1)

    def draw(self, key: Any, shape: Any, dtype: Any, *parameters: Any) -> Any:
        [p] = numerically(lambda *tensors: [self.probabilities(*tensors)], *parameters)
        return Multinomial.draw(key, shape, dtype, parameters[-1], p)

    def log_density(self, value: Any, eta: Any, cutpoints: Any, n: Any) -> Any:
        logs = logistic.log_masses(_standard(eta, cutpoints))
        some = T.greater(value, 0)
        inside = T.logical_and(*Multinomial.conditions_on(value, n))
        ways = T.gammaln(n + 1.0) - T.gammaln(value + 1.0).sum(-1)
        return T.where(inside, ways + T.where(some, value * T.where(some, logs, 0.0), 0.0).sum(-1), -INF)

    def mean(self, *parameters: Any) -> Any:
        return Multinomial.mean(parameters[-1], self.probabilities(*parameters))

    def variance(self, *parameters: Any) -> Any:
        return Multinomial.variance(parameters[-1], self.probabilities(*parameters))

    def support_point(self, *parameters: Any) -> Any:
        return Multinomial.support_point(parameters[-1], self.probabilities(*parameters))


OrderedLogistic = OrderedLogisticDistribution()
OrderedProbit = OrderedProbitDistribution()
OrderedMultinomial = OrderedMultinomialDistribution()
