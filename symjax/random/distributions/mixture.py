"""Mixtures of laws."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax._errors import ParameterError, ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._scope import detached
from symjax.core._shapes import broadcast_shapes
from symjax.random import _support as support
from symjax.random._alternatives import scale
from symjax.random._base_law import full_parameters
from symjax.random._constraint import Parameter, simplex
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random.distributions.normal import Normal


class MixtureOf(Distribution):
    """The mixture of given families; made by `Mixture` and `NormalMixture`.

    Parameters
    ----------
    families : tuple of Distribution
        Families of the components: one for each, or a single one whose parameters have the components along the last axis of
        their batch shape.
    stacked : bool
        Whether it is the latter.
    label : str
        Name of the law.
    """

    def __init__(self, families: tuple[Distribution, ...], stacked: bool, label: str):
        self.families = families
        self.stacked = stacked
        self._label = label
        self.event_ndim = families[0].event_ndim  # type: ignore[misc]
        self.is_discrete = families[0].is_discrete  # type: ignore[misc]
        self.has_atoms = any(f.has_atoms for f in families)  # type: ignore[misc]
        self.is_normalized = all(f.is_normalized for f in families)  # type: ignore[misc]
        super().__init__()

    @property
    def name(self) -> str:
        return self._label

    @property
    def parameters(self) -> Any:  # type: ignore[override]
        found = {"w": Parameter(simplex, 1)}
        for i, family in enumerate(self.families):
            for name, spec in family.parameters.items():
                key = name if self.stacked else f"component_{i}_{name}"
                found[key] = Parameter(spec.constraint, spec.ndim + 1) if self.stacked else spec
        return found

    def _check_values(self, label: str, parents: Any) -> None:
        # the components' own parameters were checked when the components were made
        problem = simplex.problem("w", _constant_value(parents[0]), 1) if _constant_value(parents[0]) is not None else None
        if problem:
            raise ParameterError(f"{label}: {problem}")

    def parametrize(self, *parameters: Any) -> Any:
        return parameters

    def event_shape(self, w: Any, *shapes: Any) -> Any:
        split = self._split(shapes)
        event = self.families[0].event_shape(*split[0])
        return event

    def _split(self, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Each component's parameters."""
        found, start = [], 0
        for family in self.families:
            n = len(family.parameters)
            found.append(tuple(parameters[start : start + n]))
            start += n
        return found

    def _checks(self, parameters: Sequence[Any]) -> list[Any]:
        condition = simplex.condition
        return [condition(parameters[0])] if condition is not None and _constant_value(parameters[0]) is None else []

    def support(self, w: Any, *parameters: Any) -> support.Support:
        """The components' support if it is the same for all; else everything, with −inf where no component has density."""
        found = [f.support(*p) for f, p in zip(self.families, self._split(parameters), strict=True)]
        plain = all(b is None or isinstance(b, (int, float)) for s in found for b in (s.lower, s.upper))
        if plain and all(s == found[0] for s in found):
            return found[0]
        if self.event_ndim:
            return support.Support("discrete_vector" if self.is_discrete else "vector", event_ndim=self.event_ndim)
        return support.integers(None, None) if self.is_discrete else support.real

    def draw(self, key: Any, shape: Any, dtype: Any, w: Any, *parameters: Any) -> Any:
        pick_key, key = jax.random.split(key)
        picked = jax.random.categorical(pick_key, jnp.log(w), shape=shape)
        place = picked[(..., None) + (None,) * self.event_ndim]
        axis = -1 - self.event_ndim
        if self.stacked:
            k = jnp.shape(w)[-1]
            drawn = self.families[0].draw(key, (*shape, k), dtype, *parameters)
        else:
            keys = jax.random.split(key, len(self.families))
            each = [
                f.draw(keys[i], shape, dtype, *p)
                for i, (f, p) in enumerate(zip(self.families, self._split(parameters), strict=True))
            ]
            drawn = jnp.stack([jnp.asarray(e, dtype) for e in each], axis)
        return jnp.squeeze(jnp.take_along_axis(drawn, place, axis), axis)

    def _by_component(self, value: Any, parameters: Sequence[Any], term: str) -> Any:
        """A function of each component at a value, the components along a new last axis."""
        if self.stacked:
            at = T.expand_dims(value, -1 - self.event_ndim)
            return _at(self.families[0], term, at, parameters)
        found = [_at(f, term, value, p) for f, p in zip(self.families, self._split(parameters), strict=True)]
        shape = broadcast_shapes([f.shape for f in found])
        return T.stack([T.broadcast_to(f, shape) for f in found], -1)

    def is_atom(self, value: Any, w: Any, *parameters: Any) -> Any:
        return T.any(self._by_component(value, parameters, "is_atom"), -1)

    def log_density(self, value: Any, w: Any, *parameters: Any) -> Any:
        logs = self._by_component(value, parameters, "log_prob")
        if self.has_atoms:
            # beside a mass a density is nothing
            own = self._by_component(value, parameters, "is_atom")
            logs = T.where(T.logical_and(T.any(own, -1, keepdims=True), T.logical_not(own)), -float("inf"), logs)
        return T.logsumexp(T.log(w) + logs, -1)

    def log_cdf(self, value: Any, w: Any, *parameters: Any) -> Any:
        return T.logsumexp(T.log(w) + self._by_component(value, parameters, "log_cdf"), -1)

    def log_ccdf(self, value: Any, w: Any, *parameters: Any) -> Any:
        return T.logsumexp(T.log(w) + self._by_component(value, parameters, "log_ccdf"), -1)

    def _moment(self, name: str, parameters: Sequence[Any]) -> Any:
        axis = -1 - self.event_ndim
        found = [getattr(f, name)(*p) for f, p in zip(self.families, self._split(parameters), strict=True)]
        if self.stacked:
            return found[0], axis
        shape = broadcast_shapes([as_tensor(f).shape for f in found])
        return T.stack([T.broadcast_to(f, shape) for f in found], axis), axis

    def mean(self, w: Any, *parameters: Any) -> Any:
        means, axis = self._moment("mean", parameters)
        return (self._weights(w) * means).sum(axis)

    def variance(self, w: Any, *parameters: Any) -> Any:
        means, axis = self._moment("mean", parameters)
        variances, _ = self._moment("variance", parameters)
        center = T.expand_dims(self.mean(w, *parameters), axis)
        return (self._weights(w) * (variances + (means - center) ** 2)).sum(axis)

    def _weights(self, w: Any) -> Any:
        return T.reshape(w, (*w.shape, *(1,) * self.event_ndim)) if self.event_ndim else w

    def support_point(self, w: Any, *parameters: Any) -> Any:
        points, axis = self._moment("support_point", parameters)
        mean = (self._weights(w) * points).sum(axis)
        return T.cast(T.round(mean), "int64") if self.is_discrete else mean


def _at(family: Distribution, term: str, value: Any, parameters: Sequence[Any]) -> Any:
    """A family's log density or cdf, evaluated at a point of its support where the value is outside, so derivatives stay finite."""
    domain = family.support(*parameters)
    if family.event_ndim or term == "is_atom":
        return getattr(family, term)(value, *parameters)
    inside = domain.contains(value)
    if not inside:
        return getattr(family, term)(value, *parameters)
    point = T.cast(family.support_point(*parameters), value.dtype)
    if term == "log_prob":
        holds = functools.reduce(T.logical_and, inside)
        return T.where(holds, family.log_prob(T.where(holds, value, point), *parameters), -float("inf"))
    # a bound is the last value of a count but has no mass in a continuous law
    before = T.less if family.is_discrete else T.less_equal
    under = False if domain.lower is None else before(value, domain.lower)
    over = False if domain.upper is None else T.greater_equal(value, domain.upper)
    found = getattr(family, term)(T.where(T.logical_or(under, over), point, value), *parameters)
    first, last = (-float("inf"), 0.0) if term == "log_cdf" else (0.0, -float("inf"))
    return T.where(under, first, T.where(over, last, found))


def _constant_value(tensor: Any) -> Any:
    value = getattr(tensor, "value", None)
    return None if value is None or tensor.op is not None else np.asarray(value)


@functools.cache
def _mixture_of(families: tuple[Distribution, ...], stacked: bool, label: str) -> MixtureOf:
    return MixtureOf(families, stacked, label)


class MixtureDistribution(Distribution):
    r"""Mixture of laws, :math:`\sum_i w_i f_i(x)`.

    Parameters
    ----------
    w : tensor-like
        Weights along the last axis, which sum to one.
    comp_dists : RandomVariable or list of RandomVariable
        Components: unnamed draws, one for each; or one draw whose last batch axis runs over the components.

    Examples
    --------
    >>> import symjax.random as R
    >>> x = R.Mixture([0.3, 0.7], [R.Normal(0.0, 1.0), R.Normal(4.0, 1.0)], name="x")
    >>> round(float(R.logp(x, 0.0).eval()), 4)
    -2.1221

    References
    ----------
    McLachlan, Peel, Finite Mixture Models, 2000, equation 1.2.
    """

    def parametrize(self, w: Any, comp_dists: Any) -> Any:
        return w, comp_dists

    def __call__(self, *args: Any, **kwargs: Any) -> RandomVariable:
        own = {k: kwargs.pop(k) for k in ("name", "seed", "dtype", "shape", "size") if k in kwargs}
        label = f"Mixture({own.get('name')!r})"
        try:
            w, comp_dists = self.parametrize(*args, **kwargs)
        except TypeError as error:
            raise ParameterError(f"{label}: {error}.") from None
        components = list(comp_dists) if isinstance(comp_dists, (list, tuple)) else [comp_dists]
        for c in components:
            if not isinstance(c, RandomVariable):
                raise ParameterError(f"{label}: 'comp_dists' must be random variables made with .dist(), got {c!r}.")
        if len({(c.distribution.event_ndim, c.distribution.is_discrete) for c in components}) > 1:
            raise ParameterError(f"{label}: components must all be discrete or all continuous, and of one number of axes.")
        w = as_tensor(w)
        stacked = len(components) == 1
        with detached():
            parameters = [p for c in components for p in full_parameters(c)]
        count = components[0].batch_shape[-1] if stacked and components[0].batch_shape else len(components)
        if not w.shape or (w.shape[-1] != count):
            raise ShapeError(f"{label}: 'w' must have {count} weights along its last axis, got shape {w.shape}.")
        families = tuple(c.distribution for c in components)
        return _mixture_of(families, stacked, "Mixture")(w, *parameters, **own)


class NormalMixtureDistribution(Distribution):
    r"""Mixture of Normal laws, :math:`\sum_i w_i N(x; \mu_i, \sigma_i)`.

    Parameters
    ----------
    w : tensor-like
        Weights along the last axis, which sum to one.
    mu, sigma : tensor-like
        Means and standard deviations of the components, along the last axis.
    tau : tensor-like, optional
        Precisions instead of `sigma`.
    comp_shape : tuple of int, optional
        Shape of the components' parameters, where they are scalars.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.NormalMixture([0.3, 0.7], [0.0, 4.0], [1.0, 1.0], name="x").shape
    ()

    References
    ----------
    McLachlan, Peel, Finite Mixture Models, 2000, section 1.3.
    """

    def parametrize(self, w: Any, mu: Any, sigma: Any = None, tau: Any = None, comp_shape: Any = ()) -> Any:
        return w, mu, scale(sigma, tau), comp_shape

    def __call__(self, *args: Any, **kwargs: Any) -> RandomVariable:
        own = {k: kwargs.pop(k) for k in ("name", "seed", "dtype", "shape", "size") if k in kwargs}
        label = f"NormalMixture({own.get('name')!r})"
        try:
            with detached():
                w, mu, sigma, comp_shape = self.parametrize(*args, **kwargs)
                w, mu, sigma = as_tensor(w), as_tensor(mu), as_tensor(sigma)
                shapes = [mu.shape, sigma.shape, tuple(comp_shape) if comp_shape else (), w.shape[-1:]]
                component = Normal(mu, sigma, shape=broadcast_shapes(shapes))
                parameters = full_parameters(component)
        except TypeError as error:
            raise ParameterError(f"{label}: {error}.") from None
        except (ParameterError, ShapeError) as error:
            raise type(error)(f"{label}: {error}") from None
        return _mixture_of((Normal,), True, "NormalMixture")(w, *parameters, **own)


Mixture = MixtureDistribution()
NormalMixture = NormalMixtureDistribution()
