"""Truncated laws."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import ParameterError
from symjax.core._leaves import as_tensor
from symjax.random import _support as support
from symjax.random._base_law import INF, OWN_KEYWORDS, base_of, before, is_absent, log_tail, refuse_atoms
from symjax.random._constraint import Parameter
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random._numeric import numerically
from symjax.random.distributions.normal import Normal
from symjax.random.distributions.truncated_normal import TruncatedNormal

_MOST_STEPS = 2100


class TruncatedOf(Distribution):
    """The truncated laws of a family; made by `Truncated`.

    Parameters
    ----------
    base : Distribution
        Family of the law that is truncated.
    """

    requirement = "'lower' must be less than 'upper'"

    def __init__(self, base: Distribution):
        self.base = base
        self.is_discrete = base.is_discrete  # type: ignore[misc]
        self.is_normalized = base.is_normalized  # type: ignore[misc]
        super().__init__()

    @property
    def name(self) -> str:
        return "Truncated"

    @property
    def parameters(self) -> Any:  # type: ignore[override]
        return {"lower": Parameter(), "upper": Parameter()} | {f"dist_{k}": v for k, v in self.base.parameters.items()}

    def parametrize(self, *parameters: Any) -> Any:
        return parameters

    def conditions(self, lower: Any, upper: Any, *parameters: Any) -> list[Any]:
        ordered = T.less_equal(T.ceil(lower), T.floor(upper)) if self.is_discrete else T.less(lower, upper)
        return [ordered, *self.base.conditions(*parameters)]

    def support(self, lower: Any, upper: Any, *parameters: Any) -> support.Support:
        own = self.base.support(*parameters)
        low = own.lower if is_absent(lower, -INF) else lower if own.lower is None else T.maximum(lower, own.lower)
        high = own.upper if is_absent(upper, INF) else upper if own.upper is None else T.minimum(upper, own.upper)
        return support.integers(low, high) if self.is_discrete else support.Support("interval", low, high, open=own.open)

    def draw(self, key: Any, shape: Any, dtype: Any, lower: Any, upper: Any, *parameters: Any) -> Any:
        u = jax.random.uniform(key, shape, jnp.float64, minval=float(jnp.finfo(jnp.float64).tiny))
        lower, upper = (jnp.broadcast_to(jnp.asarray(b, jnp.float64), shape) for b in (lower, upper))
        if self.is_discrete:
            lower, upper = jnp.ceil(lower), jnp.floor(upper)
        return _inverted(self.base, u, lower, upper, parameters).astype(dtype)

    def log_density(self, value: Any, lower: Any, upper: Any, *parameters: Any) -> Any:
        return self.base.log_prob(value, *parameters) - log_mass(self.base, lower, upper, parameters)

    def log_cdf(self, value: Any, lower: Any, upper: Any, *parameters: Any) -> Any:
        under, over = T.less(value, lower), T.greater_equal(value, upper)
        at = T.where(T.logical_or(under, over), upper, value)
        part = log_mass(self.base, lower, at, parameters) - log_mass(self.base, lower, upper, parameters)
        return T.where(under, -INF, T.where(over, 0.0, part))

    def log_ccdf(self, value: Any, lower: Any, upper: Any, *parameters: Any) -> Any:
        under, over = T.less(value, lower), T.greater_equal(value, upper)
        at = T.where(T.logical_or(under, over), lower, T.floor(value) + 1 if self.is_discrete else value)
        part = log_mass(self.base, at, upper, parameters) - log_mass(self.base, lower, upper, parameters)
        return T.where(under, 0.0, T.where(over, -INF, part))

    def support_point(self, lower: Any, upper: Any, *parameters: Any) -> Any:
        own = self.support(lower, upper, *parameters)
        low, high = (as_tensor(infinity if b is None else b) for b, infinity in ((own.lower, -INF), (own.upper, INF)))
        below, above = T.greater(low, -INF), T.less(high, INF)
        point = T.cast(as_tensor(self.base.support_point(*parameters)), "float64")
        inside = T.logical_and(T.greater(point, low), T.less(point, high))
        one = T.where(below, low + 1, high - 1)
        point = T.where(inside, point, T.where(T.logical_and(below, above), 0.5 * (low + high), one))
        return T.cast(T.ceil(point), "int64") if self.is_discrete else point


def log_mass(base: Distribution, lower: Any, upper: Any, parameters: Any) -> Any:
    """log P(lower ≤ X ≤ upper), from the tails of the side on which the interval lies."""
    start = before(base, lower)
    if is_absent(lower, -INF):
        return log_tail(base, "log_cdf", upper, parameters)
    if is_absent(upper, INF):
        return log_tail(base, "log_ccdf", start, parameters)
    cdf, ccdf = (log_tail(base, side, start, parameters) for side in ("log_cdf", "log_ccdf"))
    right = T.greater(cdf, -math.log(2))
    larger = T.where(right, ccdf, log_tail(base, "log_cdf", upper, parameters))
    smaller = T.where(right, log_tail(base, "log_ccdf", upper, parameters), cdf)
    some = T.less(smaller, larger)
    gap = T.where(some, T.where(some, smaller, 0.0) - T.where(some, larger, 0.0), -1.0)
    return T.where(some, larger + T.log1mexp(gap), -INF)


def _inverted(base: Distribution, u: Any, lower: Any, upper: Any, parameters: Any) -> Any:
    """Where the share `u` of the mass between two bounds lies below, by bisection of the log tail of the side they are on."""

    def goal(u: Any, lower: Any, upper: Any, *parameters: Any) -> list[Any]:
        mass, start = log_mass(base, lower, upper, parameters), before(base, lower)
        cdf, ccdf = log_tail(base, "log_cdf", start, parameters), log_tail(base, "log_ccdf", upper, parameters)
        point = T.cast(as_tensor(base.support_point(*parameters)), "float64")
        return [T.logaddexp(cdf, T.log(u) + mass), T.logaddexp(ccdf, T.log1p(-u) + mass), T.greater(cdf, -math.log(2)), point]

    def tails(x: Any, *parameters: Any) -> list[Any]:
        return [log_tail(base, side, x, parameters) for side in ("log_cdf", "log_ccdf")]

    below, above, right, point = numerically(goal, u, lower, upper, *parameters)

    def reached(x: Any) -> Any:
        cdf, ccdf = numerically(tails, x, *parameters)
        return jnp.where(right, ccdf <= above, cdf >= below)

    low, high = _bracket(reached, jnp.clip(point, lower, upper), lower, upper)
    whole = base.is_discrete

    def unfinished(carry: Any) -> Any:
        n, low, high = carry
        return (n < _MOST_STEPS) & jnp.any(_between(low, high, whole)[1])

    def halve(carry: Any) -> Any:
        n, low, high = carry
        middle, apart = _between(low, high, whole)
        left = reached(middle)
        return n + 1, jnp.where(apart & ~left, middle, low), jnp.where(apart & left, middle, high)

    _, low, high = jax.lax.while_loop(unfinished, halve, (jnp.int32(0), low, high))
    return high


def _between(low: Any, high: Any, whole: bool) -> tuple[Any, Any]:
    """A number between two bounds, and whether there is one."""
    if whole:
        middle = jnp.floor(0.5 * (low + high))
        return middle, high - low > 1
    middle = 0.5 * (low + high)
    return middle, (middle > low) & (middle < high)


def _bracket(reached: Any, point: Any, lower: Any, upper: Any) -> tuple[Any, Any]:
    """Bounds around the place where an increasing condition comes true, from steps that double where there are none."""
    free = jnp.stack([jnp.isinf(lower), jnp.isinf(upper)])

    def widen(carry: Any) -> Any:
        n, ends, width, _ = carry
        wrong = free & (reached(ends) == jnp.asarray([True, False]).reshape(2, *[1] * jnp.ndim(point)))
        ends = jnp.where(wrong, ends + jnp.stack([-width, width]), ends)
        return n + 1, ends, jnp.where(wrong.any(0), 2 * width, width), wrong.any()

    # a bound itself may be a value: the search for the least one starts before it
    low = jnp.where(free[0], point - 1, lower - 1)
    start = (jnp.int32(0), jnp.stack([low, jnp.where(free[1], point + 1, upper)]), jnp.ones_like(point), free.any())
    _, (low, high), _, _ = jax.lax.while_loop(lambda c: c[3] & (c[0] < 1023), widen, start)
    return low, high


@functools.cache
def truncated(base: Distribution) -> TruncatedOf:
    """The family of the truncated laws of a family."""
    return TruncatedOf(base)


class TruncatedDistribution(Distribution):
    r"""Law of a variable given that it lies between two bounds, both included.

    Parameters
    ----------
    dist : RandomVariable
        An unnamed draw from the scalar law that is truncated; its cdf must be known.
    lower, upper : tensor-like or None
        Bounds; none by default.
    max_n_steps : int
        Not needed: draws are made by inversion of the cdf, not by rejection.

    Examples
    --------
    >>> import symjax.random as R
    >>> x = R.Truncated(R.Exponential(1.0), lower=2.0, upper=5.0, name="x")
    >>> round(float(R.logp(x, 3.0).eval()), 4)
    -0.9489

    References
    ----------
    Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 1, section 12.
    """

    def parametrize(self, dist: Any, lower: Any = None, upper: Any = None, max_n_steps: int = 10_000) -> Any:
        return dist, -INF if lower is None else lower, INF if upper is None else upper

    def __call__(self, *args: Any, **kwargs: Any) -> RandomVariable:
        own = {k: kwargs.pop(k) for k in OWN_KEYWORDS if k in kwargs}
        label = f"Truncated({own.get('name')!r})"
        try:
            dist, lower, upper = self.parametrize(*args, **kwargs)
        except TypeError as error:
            raise ParameterError(f"{label}: {error}.") from None
        base, parameters = base_of(label, dist)
        refuse_atoms(label, base)
        if type(base).log_cdf is Distribution.log_cdf:
            raise ParameterError(f"{label}: the cdf of {base.name} is not known, so it cannot be truncated.")
        if base is Normal:
            return TruncatedNormal(*parameters, lower=lower, upper=upper, **own)
        return truncated(base)(lower, upper, *parameters, **own)


Truncated = TruncatedDistribution()
