"""Censored laws."""

from __future__ import annotations

import functools
from typing import Any

import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import ParameterError
from symjax.core._leaves import as_tensor
from symjax.random import _support as support
from symjax.random._base_law import INF, OWN_KEYWORDS, base_of, before, is_absent, log_tail, refuse_atoms
from symjax.random._constraint import Parameter
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable


class CensoredOf(Distribution):
    """The censored laws of a family; made by `Censored`.

    Parameters
    ----------
    base : Distribution
        Family of the law that is censored.
    """

    requirement = "'lower' must not exceed 'upper'"

    def __init__(self, base: Distribution):
        self.base = base
        self.is_discrete = base.is_discrete  # type: ignore[misc]
        self.has_atoms = not base.is_discrete  # type: ignore[misc]
        self.is_normalized = base.is_normalized  # type: ignore[misc]
        super().__init__()

    @property
    def name(self) -> str:
        return "Censored"

    @property
    def parameters(self) -> Any:  # type: ignore[override]
        return {"lower": Parameter(), "upper": Parameter()} | {f"dist_{k}": v for k, v in self.base.parameters.items()}

    def parametrize(self, *parameters: Any) -> Any:
        return parameters

    def conditions(self, lower: Any, upper: Any, *parameters: Any) -> list[Any]:
        return [T.less_equal(lower, upper), *self.base.conditions(*parameters)]

    def support(self, lower: Any, upper: Any, *parameters: Any) -> support.Support:
        # the bounds have mass, so that no map to the real line is one to one
        return support.integers(None, None) if self.is_discrete else support.real

    def is_atom(self, value: Any, lower: Any, upper: Any, *parameters: Any) -> Any:
        return T.logical_or(T.equal(value, lower), T.equal(value, upper))

    def draw(self, key: Any, shape: Any, dtype: Any, lower: Any, upper: Any, *parameters: Any) -> Any:
        return jnp.clip(self.base.draw(key, shape, dtype, *parameters), lower, upper)

    def log_density(self, value: Any, lower: Any, upper: Any, *parameters: Any) -> Any:
        value = as_tensor(value)
        inside = T.logical_and(T.greater(value, lower), T.less(value, upper))
        point = T.cast(self.base.support_point(*parameters), value.dtype)
        found = T.where(inside, self.base.log_prob(T.where(inside, value, point), *parameters), -INF)
        if not is_absent(upper, INF):
            found = T.where(T.equal(value, upper), log_tail(self.base, "log_ccdf", before(self.base, upper), parameters), found)
        if not is_absent(lower, -INF):
            found = T.where(T.equal(value, lower), log_tail(self.base, "log_cdf", lower, parameters), found)
        # with equal bounds all of the mass is there
        return T.where(T.logical_and(T.equal(lower, upper), T.equal(value, lower)), 0.0, found)

    def log_cdf(self, value: Any, lower: Any, upper: Any, *parameters: Any) -> Any:
        inner = self.base.log_cdf(value, *parameters)
        return T.where(T.less(value, lower), -INF, T.where(T.greater_equal(value, upper), 0.0, inner))

    def log_ccdf(self, value: Any, lower: Any, upper: Any, *parameters: Any) -> Any:
        inner = self.base.log_ccdf(value, *parameters)
        return T.where(T.less(value, lower), 0.0, T.where(T.greater_equal(value, upper), -INF, inner))

    def quantile(self, q: Any, lower: Any, upper: Any, *parameters: Any) -> Any:
        return T.clip(self.base.quantile(q, *parameters), lower, upper)

    def support_point(self, lower: Any, upper: Any, *parameters: Any) -> Any:
        return T.clip(self.base.support_point(*parameters), lower, upper)


@functools.cache
def censored(base: Distribution) -> CensoredOf:
    """The family of the censored laws of a family."""
    return CensoredOf(base)


class CensoredDistribution(Distribution):
    r"""Law of a variable of which only the nearer bound is seen where it lies beyond: of ``clip(x, lower, upper)``.

    Its density is that of the variable between the bounds, and its mass at them the probability of lying beyond.

    Parameters
    ----------
    dist : RandomVariable
        An unnamed draw from the scalar law that is censored.
    lower, upper : tensor-like or None
        Bounds; none by default.

    Examples
    --------
    >>> import symjax.random as R
    >>> x = R.Censored(R.Normal(0.0, 1.0), lower=-1.0, upper=2.0, name="x")
    >>> round(float(R.logp(x, -1.0).eval()), 4)
    -1.841

    References
    ----------
    Tobin, Estimation of Relationships for Limited Dependent Variables, Econometrica 26, 1958.
    """

    def parametrize(self, dist: Any, lower: Any = None, upper: Any = None) -> Any:
        return dist, -INF if lower is None else lower, INF if upper is None else upper

    def __call__(self, *args: Any, **kwargs: Any) -> RandomVariable:
        own = {k: kwargs.pop(k) for k in OWN_KEYWORDS if k in kwargs}
        label = f"Censored({own.get('name')!r})"
        try:
            dist, lower, upper = self.parametrize(*args, **kwargs)
        except TypeError as error:
            raise ParameterError(f"{label}: {error}.") from None
        base, parameters = base_of(label, dist)
        refuse_atoms(label, base)
        return censored(base)(lower, upper, *parameters, **own)


Censored = CensoredDistribution()
