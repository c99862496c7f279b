"""The Gaussian random walk."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import ParameterError, ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._scope import detached
from symjax.core._shapes import is_symbolic
from symjax.random import _support as support
from symjax.random._constraint import Constraint, Parameter, real
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random.distributions.normal import Normal
from symjax.tensor._shape_ops import as_shape

_positive_steps = Constraint("positive", lambda x: (x > 0).all(-1), lambda x: T.all(T.greater(x, 0), -1))


class RandomWalkFrom(Distribution):
    """The random walk whose first value has a given law; made by `GaussianRandomWalk`.

    Parameters
    ----------
    first : Distribution
        Family of the first value.
    """

    event_ndim = 1

    def __init__(self, first: Distribution):
        self.first = first
        self.is_normalized = first.is_normalized  # type: ignore[misc]
        super().__init__()

    @property
    def name(self) -> str:
        return "GaussianRandomWalk"

    @property
    def parameters(self) -> Any:  # type: ignore[override]
        own = {"mu": Parameter(real, 1), "sigma": Parameter(_positive_steps, 1)}
        return own | {f"init_{k}": v for k, v in self.first.parameters.items()}

    def parametrize(self, *parameters: Any) -> Any:
        return parameters

    def event_shape(self, mu: Any, sigma: Any, *first: Any) -> Any:
        return (mu[-1] + 1,)

    def support(self, *parameters: Any) -> support.Support:
        return support.vector

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, sigma: Any, *first: Any) -> Any:
        first_key, key = jax.random.split(key)
        start = self.first.draw(first_key, shape, dtype, *first)
        steps = mu + sigma * jax.random.normal(key, (*shape, jnp.shape(mu)[-1]), dtype)
        return jnp.cumsum(jnp.concatenate([start[..., None], steps], -1), -1)

    def log_density(self, value: Any, mu: Any, sigma: Any, *first: Any) -> Any:
        steps = value[..., 1:] - value[..., :-1]
        return self.first.log_prob(value[..., 0], *first) + Normal.log_density(steps, mu, sigma).sum(-1)

    def mean(self, mu: Any, sigma: Any, *first: Any) -> Any:
        start = self.first.mean(*first)
        return as_tensor(start)[..., None] + T.concatenate([T.zeros_like(mu[..., :1]), T.cumsum(mu, -1)], -1)

    def variance(self, mu: Any, sigma: Any, *first: Any) -> Any:
        steps = T.broadcast_to(sigma**2, (*sigma.shape[:-1], mu.shape[-1]))
        start = self.first.variance(*first)
        return as_tensor(start)[..., None] + T.concatenate([T.zeros_like(steps[..., :1]), T.cumsum(steps, -1)], -1)

    def support_point(self, mu: Any, sigma: Any, *first: Any) -> Any:
        start = self.first.support_point(*first)
        return as_tensor(start)[..., None] + T.concatenate([T.zeros_like(mu[..., :1]), T.cumsum(mu, -1)], -1)


@functools.cache
def _walk_from(first: Distribution) -> RandomWalkFrom:
    return RandomWalkFrom(first)


class GaussianRandomWalkDistribution(Distribution):
    r"""Random walk with Normal steps along the last axis, :math:`x_t = x_{t-1} + \mu_t + \sigma_t \epsilon_t`.

    Parameters
    ----------
    mu, sigma : tensor-like
        Mean and standard deviation of the steps, one for each walk. Where `shape` or `size` says how many walks there are, a
        first axis more than that is one for each step: ``(steps, *batch)``, as in PyMC.
    init_dist : RandomVariable, optional
        An unnamed draw from the law of the first value, ``R.Normal(0, 10)`` say; Normal(0, 100) by default.
    steps : int, optional
        Number of steps, one less than the last axis of the walk; from `shape` where not given.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.GaussianRandomWalk(0.0, 1.0, init_dist=R.Normal(0.0, 10.0), steps=4, name="x").shape
    (5,)

    References
    ----------
    Harvey, Forecasting, Structural Time Series Models and the Kalman Filter, 1989, section 2.3.
    """

    event_ndim = 1

    def parametrize(self, mu: Any = 0.0, sigma: Any = 1.0, *, init_dist: Any = None, steps: Any = None) -> Any:
        return mu, sigma, init_dist, steps

    def __call__(self, *args: Any, shape: Any = None, size: Any = None, **kwargs: Any) -> RandomVariable:
        own = {k: kwargs.pop(k) for k in ("name", "seed", "dtype") if k in kwargs}
        label = f"GaussianRandomWalk({own.get('name')!r})"
        try:
            mu, sigma, init_dist, steps = self.parametrize(*args, **kwargs)
        except TypeError as error:
            raise ParameterError(f"{label}: {error}.") from None
        with detached():
            mu, sigma = as_tensor(mu), as_tensor(sigma)
            first = Normal(0.0, 100.0) if init_dist is None else init_dist
            if not isinstance(first, RandomVariable) or first.distribution.event_ndim:
                raise ParameterError(f"{label}: 'init_dist' must be an unnamed scalar random variable, got {init_dist!r}.")
            batch = tuple(first.batch_shape)
            full = None if shape is None else as_shape(shape)
            if size is not None or full is not None:
                batch_ndim = len(as_shape(size)) if full is None else len(full) - 1
            else:
                batch_ndim = max(mu.ndim, sigma.ndim, len(batch))
            mu, sigma = (_steps_last(label, k, x, batch_ndim) for k, x in (("mu", mu), ("sigma", sigma)))
            mu = T.broadcast_to(mu, (*mu.shape[:-1], _number_of_steps(label, mu, sigma, full, steps)))
            parents = [T.broadcast_to(p, batch) if batch and p.shape != batch else p for p in first.parents]
        return _walk_from(first.distribution)(mu, sigma, *parents, shape=shape, size=size, **own)


def _number_of_steps(label: str, mu: Any, sigma: Any, full: Any, steps: Any) -> Any:
    """Steps of the walk, from all that tells."""
    found = {int(x.shape[-1]) for x in (mu, sigma) if not is_symbolic(x.shape[-1]) and x.shape[-1] != 1}
    if steps is not None:
        found.add(int(steps))
    if full and not is_symbolic(full[-1]):
        found.add(int(full[-1]) - 1)
    if len(found) > 1:
        raise ShapeError(f"{label}: the number of steps is {sorted(found)} by steps, shape and the parameters' axis of steps.")
    n = found.pop() if found else None
    if n is None or n < 1:
        raise ShapeError(f"{label}: give steps= or shape=, so that the walk has at least one step.")
    return n


def _steps_last(label: str, name: str, parameter: Any, batch_ndim: int) -> Any:
    """A parameter of shape ``(steps, *batch)`` or ``(*batch,)`` with the steps as its last axis."""
    if parameter.ndim <= batch_ndim:
        return parameter[..., None]
    if parameter.ndim > batch_ndim + 1:
        raise ShapeError(f"{label}: {name!r} of shape {parameter.shape} has more axes than the steps and {batch_ndim} of walks.")
    return T.moveaxis(parameter, 0, -1)


GaussianRandomWalk = GaussianRandomWalkDistribution()
