"""Random walks: with steps of any law, and with Normal steps."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import ParameterError, ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._scope import detached
from symjax.core._shapes import broadcast_shapes
from symjax.random import _support as support
from symjax.random._distribution import Distribution, require
from symjax.random._draw import RandomVariable
from symjax.random._series import along_axis, arguments_of, in_batch, law_given, making, number_of_steps, support_of
from symjax.random.distributions.mv_normal import MvNormalDistribution
from symjax.random.distributions.mv_student_t import MvStudentTDistribution
from symjax.random.distributions.normal import Normal, NormalDistribution
from symjax.tensor._shape_ops import as_shape

_NAMES = {
    NormalDistribution: "GaussianRandomWalk",
    MvNormalDistribution: "MvGaussianRandomWalk",
    MvStudentTDistribution: "MvStudentTRandomWalk",
}


class RandomWalkFrom(Distribution):
    """The random walk whose first value and steps have given laws; made by `RandomWalk` and its special cases.

    The steps' parameters have an axis of steps after their batch; that of the first parameter is never of length one for all.

    Parameters
    ----------
    first : Distribution
        Family of the first value.
    step : Distribution
        Family of the steps.
    """

    def __init__(self, first: Distribution, step: Distribution):
        self.first = first
        self.step = step
        self.event_ndim = 1 + step.event_ndim  # type: ignore[misc]
        self.is_discrete = step.is_discrete  # type: ignore[misc]
        self.is_normalized = first.is_normalized and step.is_normalized  # type: ignore[misc]
        self.requirement = " and ".join(dict.fromkeys(r for r in (step.requirement, first.requirement) if r))  # type: ignore[misc]
        super().__init__()

    @property
    def name(self) -> str:
        return _NAMES.get(type(self.step), "RandomWalk")

    @property
    def parameters(self) -> Any:  # type: ignore[override]
        prefix = "" if type(self.step) in _NAMES else "innovation_"
        own = {f"{prefix}{k}": along_axis(v) for k, v in self.step.parameters.items()}
        return own | {f"init_{k}": v for k, v in self.first.parameters.items()}

    def parametrize(self, *parameters: Any) -> Any:
        return parameters

    def _split(self, parameters: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Parameters of the steps and of the first value."""
        n = len(self.step.parameters)
        return parameters[:n], parameters[n:]

    def _at(self, x: Any, index: Any) -> Any:
        """Part of an array along its axis of time."""
        return x[(..., index, *(slice(None),) * self.step.event_ndim)]

    def _steps(self, shapes: Sequence[Any]) -> tuple[Any, tuple[Any, ...]]:
        """Number of steps and shape of one."""
        own, _ = self._split(shapes)
        [spec, *_] = self.step.parameters.values()
        return own[0][-1 - spec.ndim], tuple(self.step.event_shape(*own))

    def event_shape(self, *shapes: Any) -> Any:
        n, event = self._steps(shapes)
        start = tuple(self.first.event_shape(*self._split(shapes)[1]))
        if start != event:
            raise ShapeError(f"{self.name}: the first value has shape {start}, the steps have shape {event}.")
        return (n + 1, *event)

    def support(self, *parameters: Any) -> support.Support:
        own, first = self._split(parameters)
        if self.is_discrete:
            return support.Support("discrete_vector", event_ndim=self.event_ndim)
        return support_of(self.event_ndim, self.step.support(*own), self.first.support(*first))

    def conditions(self, *parameters: Any) -> list[Any]:
        own, first = self._split(parameters)
        return [*(T.all(c, -1) for c in self.step.conditions(*own)), *self.first.conditions(*first)]

    def draw(self, key: Any, shape: Any, dtype: Any, *parameters: Any) -> Any:
        own, first = self._split(parameters)
        first_key, key = jax.random.split(key)
        n, _ = self._steps([jnp.shape(p) for p in parameters])
        axis = -1 - self.step.event_ndim
        start = jnp.expand_dims(self.first.draw(first_key, shape, dtype, *first), axis)
        steps = self.step.draw(key, (*shape, n), dtype, *own)
        return jnp.cumsum(jnp.concatenate([start, steps], axis), axis)

    def log_density(self, value: Any, *parameters: Any) -> Any:
        own, first = self._split(parameters)
        steps = self._at(value, slice(1, None)) - self._at(value, slice(None, -1))
        inside = self.step.support(*own).contains(steps)
        terms = require(self.step.log_density(steps, *own), *inside)
        return self.first.log_prob(self._at(value, 0), *first) + terms.sum(-1)

    def _summed(self, moment: str, parameters: Sequence[Any]) -> Any:
        """What first value and steps add up to."""
        own, first = self._split(parameters)
        n, event = self._steps([p.shape for p in parameters])
        start, steps = (as_tensor(getattr(law, moment)(*p)) for law, p in ((self.first, first), (self.step, own)))
        steps = T.broadcast_to(steps, broadcast_shapes([steps.shape, (n, *event)]))
        start = T.broadcast_to(start, broadcast_shapes([start.shape, event]))
        axis = -1 - self.step.event_ndim
        none = T.zeros_like(self._at(steps, slice(0, 1)))
        return start[(..., None, *(slice(None),) * self.step.event_ndim)] + T.concatenate([none, T.cumsum(steps, axis)], axis)

    def mean(self, *parameters: Any) -> Any:
        return self._summed("mean", parameters)

    def variance(self, *parameters: Any) -> Any:
        return self._summed("variance", parameters)

    def support_point(self, *parameters: Any) -> Any:
        return self._summed("support_point", parameters)


@functools.cache
def _walk_from(first: Distribution, step: Distribution) -> RandomWalkFrom:
    return RandomWalkFrom(first, step)


def make_walk(
    label: str, step: Distribution, parents: Sequence[Any], init_dist: Any, steps: Any, shape: Any, size: Any, own: dict[str, Any]
) -> RandomVariable:
    """A walk whose steps have a family and parameters of shape ``(*batch, ...)``, or ``(steps, *batch, ...)`` where they differ."""
    with detached():
        first = law_given(label, "init_dist", init_dist, step.event_ndim)
        if first.distribution.is_discrete != step.is_discrete:
            raise ParameterError(f"{label}: first value and steps must both be discrete or both continuous.")
        specs = list(step.parameters.values())
        if not specs:
            raise ParameterError(f"{label}: a walk with steps of {step.name} has no law.")
        parents = [as_tensor(p) for p in parents]
        full = None if shape is None else as_shape(shape)
        if size is not None or full is not None:
            batch_ndim = len(as_shape(size)) if full is None else max(len(full) - 1 - step.event_ndim, 0)
            firsts = list(first.parents)
        else:
            batch_ndim = max(len(first.batch_shape), *(p.ndim - s.ndim for p, s in zip(parents, specs, strict=True)))
            firsts = in_batch(first, first.batch_shape)
        names = step.parameters
        parents = [_with_steps(label, k, p, names[k].ndim, batch_ndim) for k, p in zip(names, parents, strict=True)]
        others = [p.shape[-1 - s.ndim] for p, s in zip(parents, specs, strict=True)]
        axis = -1 - step.event_ndim
        length = full[axis] if full and len(full) >= -axis else None
        n = number_of_steps(label, steps, length, others=others)
        head, core = parents[0], specs[0].ndim
        parents[0] = T.broadcast_to(head, (*head.shape[: head.ndim - core - 1], n, *head.shape[head.ndim - core :]))
    return _walk_from(first.distribution, step)(*parents, *firsts, shape=shape, size=size, **own)


def _with_steps(label: str, name: str, parameter: Any, core: int, batch_ndim: int) -> Any:
    """A parameter of shape ``(steps, *batch, *core)`` or ``(*batch, *core)`` with the axis of steps after the batch."""
    given = parameter.ndim - core
    if given <= batch_ndim:
        return parameter[(..., None, *(slice(None),) * core)]
    if given > batch_ndim + 1:
        raise ShapeError(f"{label}: {name!r} of shape {parameter.shape} has more axes than the steps and {batch_ndim} of walks.")
    return T.moveaxis(parameter, 0, -1 - core)


class RandomWalkDistribution(Distribution):
    r"""Random walk with independent steps of any law, :math:`x_t = x_{t-1} + \epsilon_t`.

    Parameters
    ----------
    init_dist : RandomVariable
        An unnamed draw from the law of the first value.
    innovation_dist : RandomVariable
        An unnamed draw from the law of the steps, with as many axes for one value. Where `shape` or `size` says how many walks
        there are, a first axis of its parameters more than that is one for each step.
    steps : int, optional
        Number of steps, one less than the length of the walk; from `shape` where not given. The axis of time is before the axes
        of one value.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.RandomWalk(R.Normal(0.0, 10.0), R.Laplace(0.0, 1.0), steps=4, name="x").shape
    (5,)

    References
    ----------
    Feller, An Introduction to Probability Theory and Its Applications II, 2nd ed., ch. 12.
    """

    event_ndim = 1

    def parametrize(self, init_dist: Any, innovation_dist: Any, steps: Any = None) -> Any:
        return init_dist, innovation_dist, steps

    def __call__(self, *args: Any, shape: Any = None, size: Any = None, **kwargs: Any) -> RandomVariable:
        own = making(kwargs)
        label = f"RandomWalk({own.get('name')!r})"
        init_dist, innovation, steps = arguments_of(self, label, args, kwargs)
        law = law_given(label, "innovation_dist", innovation, *range(3))
        with detached():
            parents = law.parents if shape is not None or size is not None else in_batch(law, law.batch_shape)
        return make_walk(label, law.distribution, parents, init_dist, steps, shape, size, own)


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
        own = making(kwargs)
        label = f"GaussianRandomWalk({own.get('name')!r})"
        mu, sigma, init_dist, steps = arguments_of(self, label, args, kwargs)
        with detached():
            first = Normal(0.0, 100.0) if init_dist is None else init_dist
        return make_walk(label, Normal, [mu, sigma], first, steps, shape, size, own)


RandomWalk = RandomWalkDistribution()
GaussianRandomWalk = GaussianRandomWalkDistribution()
