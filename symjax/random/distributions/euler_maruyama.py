"""Stochastic differential equations, in steps of Euler and Maruyama."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax._errors import ParameterError
from symjax.core._inner import InnerGraph
from symjax.core._leaves import as_tensor
from symjax.core._node import Bound, Constant
from symjax.core._op import Aval
from symjax.core._scope import detached
from symjax.core._shapes import broadcast_shapes
from symjax.core._traverse import toposort
from symjax.random import _support as support
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution, require
from symjax.random._draw import RandomVariable
from symjax.random._series import arguments_of, in_batch, law_given, making, number_of_steps, support_of
from symjax.random.distributions.normal import Normal
from symjax.tensor._shape_ops import as_shape


class EulerMaruyamaOf(Distribution):
    """The steps of one equation from a first value of a given law; made by `EulerMaruyama`.

    Parameters
    ----------
    first : Distribution
        Family of the first value.
    sde_fn : callable
        Drift and diffusion.
    n_pars : int
        Number of parameters of `sde_fn`.
    steps : int
        Number of values after the first one.
    """

    event_ndim = 1

    def __init__(self, first: Distribution, sde_fn: Callable[..., Any], n_pars: int, steps: int):
        self.first = first
        self.sde_fn = sde_fn
        self.n_pars = n_pars
        self.steps = steps
        self.is_normalized = first.is_normalized  # type: ignore[misc]
        self.requirement = first.requirement  # type: ignore[misc]
        super().__init__()

    @property
    def name(self) -> str:
        return "EulerMaruyama"

    @property
    def parameters(self) -> Any:  # type: ignore[override]
        own = {"dt": Parameter(positive)} | {f"sde_pars[{i}]": Parameter() for i in range(self.n_pars)}
        return own | {f"init_{k}": v for k, v in self.first.parameters.items()}

    def parametrize(self, *parameters: Any) -> Any:
        return parameters

    def event_shape(self, *shapes: Any) -> Any:
        return (self.steps + 1,)

    def _split(self, parameters: Sequence[Any]) -> tuple[Any, Sequence[Any], Sequence[Any]]:
        """Length of a step, parameters of the equation and of the first value."""
        return parameters[0], parameters[1 : 1 + self.n_pars], parameters[1 + self.n_pars :]

    def support(self, *parameters: Any) -> support.Support:
        return support_of(1, self.first.support(*self._split(parameters)[2]))

    def conditions(self, *parameters: Any) -> list[Any]:
        return self.first.conditions(*self._split(parameters)[2])

    def draw(self, key: Any, shape: Any, dtype: Any, *parameters: Any) -> Any:
        dt, pars, first = self._split(parameters)
        first_key, key = jax.random.split(key)
        start = jnp.asarray(self.first.draw(first_key, shape, dtype, *first), dtype)
        values = [start, *(jnp.broadcast_to(p, shape) for p in pars)]
        bounds = [Bound(Aval(v.shape, v.dtype), f"argument_{i}") for i, v in enumerate(values)]
        with detached():
            equation = InnerGraph(bounds, drift_and_diffusion(self.sde_fn, *bounds))
        dt = jnp.asarray(dt, dtype)

        def step(x: Any, e: Any) -> Any:
            drift, diffusion = equation.run([x, *values[1:]])
            # a diffusion that is not positive has no density, so it has no draws
            spread = jnp.sqrt(dt) * jnp.where(diffusion > 0, diffusion, jnp.nan)
            new = (x + dt * drift + spread * e).astype(dtype)
            return new, new

        _, rest = jax.lax.scan(step, start, jax.random.normal(key, (self.steps, *shape), dtype))
        return jnp.moveaxis(jnp.concatenate([start[None], rest]), 0, -1)

    def log_density(self, value: Any, *parameters: Any) -> Any:
        dt, pars, first = self._split(parameters)
        # time goes first, so that numbers in the equation meet the batch as they do in one step
        batch = broadcast_shapes([value.shape[:-1], *(as_tensor(p).shape for p in (dt, *pars))])
        by_time = T.moveaxis(T.broadcast_to(value, (*batch, value.shape[-1])), -1, 0)
        before, after = by_time[:-1], by_time[1:]
        drift, diffusion = drift_and_diffusion(self.sde_fn, before, *pars)
        some = T.greater(diffusion, 0)
        spread = T.sqrt(dt) * T.where(some, diffusion, 1.0)
        steps = require(Normal.log_density(after, before + dt * drift, spread), some)
        return self.first.log_prob(value[..., 0], *first) + steps.sum(0)

    def support_point(self, *parameters: Any) -> Any:
        return as_tensor(self.first.support_point(*self._split(parameters)[2]))[..., None]


def drift_and_diffusion(sde_fn: Callable[..., Any], x: Any, *pars: Any) -> tuple[Any, Any]:
    """What the equation says at values `x`."""
    drift, diffusion = sde_fn(x, *pars)
    return as_tensor(drift), as_tensor(diffusion)


def _checked_equation(sde_fn: Any, n_pars: int) -> None:
    """Raise if the equation is not a function of its arguments alone."""
    if not callable(sde_fn):
        raise ParameterError(f"'sde_fn' must be a function of the value and {n_pars} parameters, got {sde_fn!r}.")
    bounds = [Bound(Aval((), np.dtype("float64")), f"argument_{i}") for i in range(n_pars + 1)]
    found = sde_fn(*bounds)
    if not (isinstance(found, tuple | list) and len(found) == 2):
        raise ParameterError(f"'sde_fn' must return drift and diffusion, got {found!r}.")
    outputs = [as_tensor(f) for f in found]
    arguments = set(bounds)
    for node in toposort(outputs):
        if node.op is not None and node.op.random:
            raise ParameterError(f"'sde_fn' must not draw; it uses {node!r}.")
        if node.op is None and node not in arguments and not isinstance(node, Constant):
            raise ParameterError(f"'sde_fn' uses {node!r} from outside; pass it in 'sde_pars'.")


@functools.lru_cache(256)
def _process_from(first: Distribution, sde_fn: Callable[..., Any], n_pars: int, steps: int) -> EulerMaruyamaOf:
    return EulerMaruyamaOf(first, sde_fn, n_pars, steps)


class EulerMaruyamaDistribution(Distribution):
    r"""Steps of :math:`dx = f(x) dt + g(x) dW` along the last axis, :math:`x_{t+1} \sim N(x_t + f(x_t) dt, g(x_t)^2 dt)`.

    Parameters
    ----------
    dt : tensor-like
        Length of a step, positive.
    sde_fn : callable
        ``sde_fn(x, *sde_pars) -> (f, g)``: drift and diffusion at the values `x`, written with the functions of `symjax.tensor`,
        element by element and with nothing from outside but numbers. The density is zero where a diffusion is not positive.
    sde_pars : sequence of tensor-like
        Parameters of `sde_fn`, that broadcast with the batch.
    init_dist : RandomVariable, optional
        An unnamed draw from the law of the first value; Normal(0, 100) by default.
    steps : int, optional
        Number of values after the first one; from `shape` where not given.

    Examples
    --------
    >>> import symjax.random as R
    >>> reverting = lambda x, rate, s: (-rate * x, s)
    >>> R.EulerMaruyama(0.1, reverting, (1.5, 0.3), init_dist=R.Normal(0.0, 1.0), steps=9, name="x").shape
    (10,)

    References
    ----------
    Kloeden, Platen, Numerical Solution of Stochastic Differential Equations, 1992, section 9.1.
    """

    event_ndim = 1

    def parametrize(self, dt: Any, sde_fn: Any, sde_pars: Any, *, init_dist: Any = None, steps: Any = None) -> Any:
        _checked_equation(sde_fn, len(sde_pars))
        return dt, sde_fn, tuple(sde_pars), init_dist, steps

    def __call__(self, *args: Any, shape: Any = None, size: Any = None, **kwargs: Any) -> RandomVariable:
        own = making(kwargs)
        label = f"EulerMaruyama({own.get('name')!r})"
        with detached():
            dt, sde_fn, pars, init_dist, steps = arguments_of(self, label, args, kwargs)
            first = law_given(label, "init_dist", Normal(0.0, 100.0) if init_dist is None else init_dist, 0)
            if first.distribution.is_discrete:
                raise ParameterError(f"{label}: 'init_dist' must be continuous, got {init_dist!r}.")
            full = () if shape is None else as_shape(shape)
            steps = number_of_steps(label, steps, full[-1] if full else None)
            sized = shape is not None or size is not None
            firsts = first.parents if sized else in_batch(first, first.batch_shape)
        law = _process_from(first.distribution, sde_fn, len(pars), steps)
        return law(dt, *pars, *firsts, shape=shape, size=size, **own)


EulerMaruyama = EulerMaruyamaDistribution()
