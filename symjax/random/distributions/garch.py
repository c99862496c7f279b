"""The GARCH(1, 1) process."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._scope import detached
from symjax.core._shapes import broadcast_shapes
from symjax.random import _support as support
from symjax.random._constraint import Parameter, nonnegative, positive
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random._series import arguments_of, making, number_of_steps
from symjax.random.distributions.normal import LOG_SQRT_2PI
from symjax.tensor._shape_ops import as_shape


class GARCHOf(Distribution):
    """The GARCH(1, 1) process of a given length; made by `GARCH11`.

    Parameters
    ----------
    steps : int
        Number of values after the first one.
    """

    parameters = {
        "omega": Parameter(positive),
        "alpha_1": Parameter(nonnegative),
        "beta_1": Parameter(nonnegative),
        "initial_vol": Parameter(positive),
    }
    event_ndim = 1

    def __init__(self, steps: int):
        self.steps = steps
        super().__init__()

    @property
    def name(self) -> str:
        return "GARCH11"

    def parametrize(self, *parameters: Any) -> Any:
        return parameters

    def event_shape(self, *shapes: Any) -> Any:
        return (self.steps + 1,)

    def support(self, *parameters: Any) -> support.Support:
        return support.vector

    def draw(self, key: Any, shape: Any, dtype: Any, *parameters: Any) -> Any:
        omega, alpha, beta, start = (jnp.asarray(p, dtype) for p in parameters)
        noise = jax.random.normal(key, (self.steps + 1, *shape), dtype)

        def step(squared: Any, e: Any) -> Any:
            x = jnp.sqrt(squared) * e
            return omega + alpha * x**2 + beta * squared, x

        _, found = jax.lax.scan(step, jnp.broadcast_to(start**2, shape), noise)
        return jnp.moveaxis(found, 0, -1)

    def log_density(self, value: Any, omega: Any, alpha_1: Any, beta_1: Any, initial_vol: Any) -> Any:
        squares = value**2
        shocks = T.moveaxis(as_tensor(omega)[..., None] + as_tensor(alpha_1)[..., None] * squares[..., :-1], -1, 0)
        first = T.broadcast_to(as_tensor(initial_vol) ** 2, broadcast_shapes([p.shape for p in (shocks[0], beta_1, initial_vol)]))
        first = T.cast(first, shocks.dtype)

        def step(squared: Any, shock: Any) -> Any:
            new = shock + T.cast(beta_1, shock.dtype) * squared
            return new, new

        _, rest = T.scan(step, first, [shocks])
        variance = T.moveaxis(T.concatenate([first[None], rest], 0), 0, -1)
        return -0.5 * (squares / variance + T.log(variance)).sum(-1) - (self.steps + 1) * LOG_SQRT_2PI

    def mean(self, *parameters: Any) -> Any:
        return T.zeros((self.steps + 1,))

    def variance(self, omega: Any, alpha_1: Any, beta_1: Any, initial_vol: Any) -> Any:
        # E s[t] = omega + (alpha_1 + beta_1) E s[t - 1]
        ratio = as_tensor(alpha_1) + beta_1
        ratio = T.broadcast_to(ratio[..., None], (*ratio.shape, self.steps))
        powers = T.cumprod(T.concatenate([T.ones_like(ratio[..., :1]), ratio], -1), -1)
        sums = T.concatenate([T.zeros_like(powers[..., :1]), T.cumsum(powers[..., :-1], -1)], -1)
        return as_tensor(initial_vol)[..., None] ** 2 * powers + as_tensor(omega)[..., None] * sums

    def support_point(self, *parameters: Any) -> Any:
        return self.mean(*parameters)


@functools.cache
def _process_of(steps: int) -> GARCHOf:
    return GARCHOf(steps)


class GARCH11Distribution(Distribution):
    r"""GARCH(1, 1) process along the last axis, :math:`x_t \sim N(0, \sigma_t^2)`.

    The variance moves, :math:`\sigma_t^2 = \omega + \alpha_1 x_{t-1}^2 + \beta_1 \sigma_{t-1}^2`. The process is stationary in
    the long run where :math:`\alpha_1 + \beta_1 < 1`, which is not asked for.

    Parameters
    ----------
    omega : tensor-like
        Constant of the variance, positive.
    alpha_1, beta_1 : tensor-like
        Coefficients of the last square and the last variance, not negative.
    initial_vol : tensor-like
        Standard deviation of the first value, positive.
    steps : int, optional
        Number of values after the first one; from `shape` where not given.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.GARCH11(0.1, 0.2, 0.6, 0.5, steps=4, name="x").shape
    (5,)

    References
    ----------
    Bollerslev, Generalized autoregressive conditional heteroskedasticity, Journal of Econometrics 31, 1986, equation 6.
    """

    event_ndim = 1

    def parametrize(self, omega: Any, alpha_1: Any, beta_1: Any, initial_vol: Any, *, steps: Any = None) -> Any:
        return omega, alpha_1, beta_1, initial_vol, steps

    def __call__(self, *args: Any, shape: Any = None, size: Any = None, **kwargs: Any) -> RandomVariable:
        own = making(kwargs)
        label = f"GARCH11({own.get('name')!r})"
        *parents, steps = arguments_of(self, label, args, kwargs)
        with detached():
            full = () if shape is None else as_shape(shape)
            steps = number_of_steps(label, steps, full[-1] if full else None)
        return _process_of(steps)(*parents, shape=shape, size=size, **own)


GARCH11 = GARCH11Distribution()
