"""The autoregressive process."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax._errors import NotDerivableError, ParameterError, ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._scope import detached
from symjax.core._shapes import broadcast_shapes, is_symbolic
from symjax.random import _support as support
from symjax.random._alternatives import scale
from symjax.random._constraint import Parameter, positive, real
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random._series import along_axis, arguments_of, in_batch, law_given, making, number_of_steps, support_of
from symjax.random.distributions.normal import Normal
from symjax.tensor._shape_ops import as_shape


class AutoregressionFrom(Distribution):
    """The autoregressive process whose first values have a given law; made by `AR`.

    Parameters
    ----------
    first : Distribution
        Family of each of the first values, or of the vector of all of them.
    order : int
        Number of lags and of first values.
    constant : bool
        Whether the first coefficient is a constant term.
    steps : int
        Number of values after the first ones.
    """

    event_ndim = 1

    def __init__(self, first: Distribution, order: int, constant: bool, steps: int):
        self.first = first
        self.order = order
        self.constant = constant
        self.steps = steps
        self.is_normalized = first.is_normalized  # type: ignore[misc]
        self.requirement = first.requirement  # type: ignore[misc]
        super().__init__()

    @property
    def name(self) -> str:
        return "AR"

    @property
    def parameters(self) -> Any:  # type: ignore[override]
        own = {"rho": Parameter(real, 1), "sigma": Parameter(positive)}
        lifted = (lambda v: v) if self.first.event_ndim else along_axis
        return own | {f"init_{k}": lifted(v) for k, v in self.first.parameters.items()}

    def parametrize(self, *parameters: Any) -> Any:
        return parameters

    def event_shape(self, rho: Any, sigma: Any, *first: Any) -> Any:
        found = set(self.first.event_shape(*first))
        if not self.first.event_ndim:
            found = {s[-1 - v.ndim] for s, v in zip(first, self.first.parameters.values(), strict=True)} - {1}
        if not found <= {self.order}:
            raise ShapeError(f"AR: {self.order} first values are needed, those of 'init_dist' are {max(found)}.")
        return (self.steps + self.order,)

    def support(self, rho: Any, sigma: Any, *first: Any) -> support.Support:
        return support_of(1, self.first.support(*first))

    def conditions(self, rho: Any, sigma: Any, *first: Any) -> list[Any]:
        found = self.first.conditions(*first)
        return found if self.first.event_ndim else [T.all(c, -1) for c in found]

    def _lags(self, rho: Any) -> tuple[Any, Any]:
        """Constant term and coefficients."""
        return (rho[..., 0], rho[..., 1:]) if self.constant else (None, rho)

    def expected(self, value: Any, rho: Any) -> Any:
        """Means of all values but the first ones given those before them."""
        constant, lags = self._lags(rho)
        p = self.order
        terms = [lags[..., i, None] * value[..., p - 1 - i : -1 - i] for i in range(p)]
        return functools.reduce(lambda a, b: a + b, terms if constant is None else [constant[..., None], *terms])

    def draw(self, key: Any, shape: Any, dtype: Any, rho: Any, sigma: Any, *first: Any) -> Any:
        first_key, key = jax.random.split(key)
        batch = shape if self.first.event_ndim else (*shape, self.order)
        start = jnp.asarray(self.first.draw(first_key, batch, dtype, *first), dtype)
        constant, lags = self._lags(jnp.asarray(rho, dtype))
        oldest_first = lags[..., ::-1]
        noise = jnp.asarray(sigma, dtype) * jax.random.normal(key, (self.steps, *shape), dtype)

        def step(past: Any, e: Any) -> Any:
            new = (past * oldest_first).sum(-1) + e
            return jnp.concatenate([past[..., 1:], new[..., None]], -1), new

        _, rest = jax.lax.scan(step, start, noise if constant is None else constant + noise)
        return jnp.concatenate([start, jnp.moveaxis(rest, 0, -1)], -1)

    def log_density(self, value: Any, rho: Any, sigma: Any, *first: Any) -> Any:
        start = self.first.log_prob(value[..., : self.order], *first)
        rest = Normal.log_density(value[..., self.order :], self.expected(value, rho), as_tensor(sigma)[..., None])
        return (start if self.first.event_ndim else start.sum(-1)) + rest.sum(-1)

    def _responses(self, rho: Any) -> Any:
        """What the value at each time gets from each of the first values, of shape ``(..., steps + order, order)``."""
        p = self.order
        weights = self._lags(rho)[1][..., ::-1, None]
        start = T.broadcast_to(T.constant(np.eye(p)), (*rho.shape[:-1], p, p))

        def step(past: Any) -> Any:
            new = (past * weights).sum(-2)
            return T.concatenate([past[..., 1:, :], new[..., None, :]], -2), new

        _, rest = T.scan(step, start, [], length=self.steps)
        return T.concatenate([start, T.moveaxis(rest, 0, -2)], -2)

    def _moment(self, of_first: Any, of_steps: Any, rho: Any, power: int) -> Any:
        """Contributions of the first values and of the steps, each times a power of its response, added up."""
        responses = self._responses(rho) ** power
        p = self.order
        first = (responses * T.broadcast_to(of_first, broadcast_shapes([of_first.shape, (p,)]))[..., None, :]).sum(-1)
        # a step acts on later values as the last of the first ones does
        noise = as_tensor(of_steps)[..., None] * T.cumsum(responses[..., p - 1 : -1, p - 1], -1)
        return first + T.concatenate([T.zeros((*noise.shape[:-1], p)), noise], -1)

    def mean(self, rho: Any, sigma: Any, *first: Any) -> Any:
        constant, _ = self._lags(rho)
        return self._moment(as_tensor(self.first.mean(*first)), 0.0 if constant is None else constant, rho, 1)

    def variance(self, rho: Any, sigma: Any, *first: Any) -> Any:
        if self.first.event_ndim and self.order > 1:
            raise NotDerivableError("the variance of AR is known for independent first values only.")
        return self._moment(as_tensor(self.first.variance(*first)), as_tensor(sigma) ** 2, rho, 2)

    def support_point(self, rho: Any, sigma: Any, *first: Any) -> Any:
        point = as_tensor(self.first.support_point(*first))
        point = T.broadcast_to(point, broadcast_shapes([point.shape, (self.order,)]))
        return T.concatenate([point, T.repeat(point[..., -1:], self.steps, -1)], -1)


@functools.cache
def _process_from(first: Distribution, order: int, constant: bool, steps: int) -> AutoregressionFrom:
    return AutoregressionFrom(first, order, constant, steps)


class ARDistribution(Distribution):
    r"""Autoregressive process along the last axis, :math:`x_t = \rho_0 + \sum_{i=1}^p \rho_i x_{t-i} + \sigma \epsilon_t`.

    Parameters
    ----------
    rho : tensor-like
        Coefficients along the last axis, that of the value just before first; of an order of one it may be a number.
    sigma : tensor-like, optional
        Standard deviation of the steps, positive; 1 by default.
    tau : tensor-like, optional
        Precision ``1 / sigma**2``, instead of `sigma`.
    init_dist : RandomVariable, optional
        An unnamed draw from the law of the first p values: that of each, which are then independent, with parameters along the
        last axis where they differ; or that of a vector. Normal(0, 100) by default.
    steps : int, optional
        Number of values after the first p; from `shape` where not given.
    constant : bool
        Whether the first element of `rho` is the constant term :math:`\rho_0`, which is 0 otherwise.
    ar_order : int, optional
        The order p; from the length of `rho` where not given.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.AR([0.5, 0.2], sigma=0.1, init_dist=R.Normal(0.0, 1.0), steps=8, name="x").shape
    (10,)

    References
    ----------
    Brockwell, Davis, Time Series: Theory and Methods, 2nd ed. 1991, section 3.1.
    """

    event_ndim = 1

    def parametrize(
        self,
        rho: Any,
        sigma: Any = None,
        tau: Any = None,
        *,
        init_dist: Any = None,
        steps: Any = None,
        constant: bool = False,
        ar_order: int | None = None,
    ) -> Any:
        rho = as_tensor(rho)
        rho = rho if rho.ndim else rho[None]
        order = _order(rho.shape[-1], bool(constant), ar_order)
        return rho, scale(sigma, tau), init_dist, order, bool(constant), steps

    def __call__(self, *args: Any, shape: Any = None, size: Any = None, **kwargs: Any) -> RandomVariable:
        own = making(kwargs)
        label = f"AR({own.get('name')!r})"
        with detached():
            rho, sigma, init_dist, order, constant, steps = arguments_of(self, label, args, kwargs)
            first = law_given(label, "init_dist", Normal(0.0, 100.0) if init_dist is None else init_dist, 0, 1)
            if first.distribution.is_discrete:
                raise ParameterError(f"{label}: 'init_dist' must be continuous, got {init_dist!r}.")
            full = () if shape is None else as_shape(shape)
            steps = number_of_steps(label, steps, full[-1] if full else None, order)
            firsts = _parameters_of(first, shape is not None or size is not None)
        law = _process_from(first.distribution, order, constant, steps)
        return law(rho, sigma, *firsts, shape=shape, size=size, **own)


def _order(length: Any, constant: bool, given: int | None) -> int:
    if is_symbolic(length):
        raise ShapeError("the length of 'rho' must be known, give its shape.")
    order = int(length) - constant
    if order < 1 or (given is not None and int(given) != order):
        wanted = "at least one lag" if given is None else f"'ar_order' {given}"
        raise ShapeError(
            f"'rho' has {length} elements along its last axis{', a constant among them' * constant}; {wanted} is needed."
        )
    return order


def _parameters_of(first: RandomVariable, sized: bool) -> Sequence[Any]:
    """Parameters of the law of the first values; for a law of one value with an axis of first values."""
    if first.distribution.event_ndim:
        return first.parents if sized else in_batch(first, first.batch_shape)
    parents = first.parents if sized or len(first.batch_shape) < 2 else in_batch(first, (*first.batch_shape[:-1], 1))
    cores = [s.ndim for s in first.distribution.parameters.values()]
    return [p if p.ndim > c else p[(None, *(slice(None),) * c)] for p, c in zip(parents, cores, strict=True)]


AR = ARDistribution()
