"""Normal variables that sum to zero along some axes."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import ParameterError, ShapeError
from symjax.core._scope import detached
from symjax.core._shapes import is_symbolic
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random._series import along_axis, arguments_of, making
from symjax.random._support import Support
from symjax.tensor._shape_ops import as_shape


class ZeroSumNormalOf(Distribution):
    """The laws for a number of axes; made by `ZeroSumNormal`.

    The scale has the shape of a value, along whose axes it is constant.

    Parameters
    ----------
    n_axes : int
        Number of axes along which values sum to zero.
    """

    def __init__(self, n_axes: int):
        self.event_ndim = n_axes  # type: ignore[misc]
        scale = functools.reduce(lambda spec, _: along_axis(spec), range(n_axes), Parameter(positive))
        self.parameters = {"sigma": scale}  # type: ignore[misc]
        super().__init__()

    @property
    def name(self) -> str:
        return "ZeroSumNormal"

    @property
    def _axes(self) -> tuple[int, ...]:
        return tuple(range(-self.event_ndim, 0))

    def parametrize(self, sigma: Any) -> Any:
        return (sigma,)

    def event_shape(self, sigma: Any) -> Any:
        return sigma[-self.event_ndim :]

    def support(self, sigma: Any) -> Support:
        return Support("zero_sum", event_ndim=self.event_ndim)

    def draw(self, key: Any, shape: Any, dtype: Any, sigma: Any) -> Any:
        found = jnp.asarray(sigma, dtype) * jax.random.normal(key, (*shape, *sigma.shape[-self.event_ndim :]), dtype)
        for axis in self._axes:
            found -= found.mean(axis, keepdims=True)
        return found

    def log_density(self, value: Any, sigma: Any) -> Any:
        degrees = math.prod(T.cast(n, value.dtype) - 1 for n in value.shape[-self.event_ndim :])
        scale = sigma[(..., *(0,) * self.event_ndim)]
        square = (value**2).sum(self._axes) / scale**2
        return -0.5 * square - degrees * (T.log(scale) + 0.5 * math.log(2 * math.pi))

    def mean(self, sigma: Any) -> Any:
        return T.zeros_like(sigma)

    def variance(self, sigma: Any) -> Any:
        return sigma**2 * math.prod(1 - 1 / T.cast(n, sigma.dtype) for n in sigma.shape[-self.event_ndim :])

    def support_point(self, sigma: Any) -> Any:
        return T.zeros_like(sigma)


@functools.cache
def _along(n_axes: int) -> ZeroSumNormalOf:
    return ZeroSumNormalOf(n_axes)


class ZeroSumNormalDistribution(Distribution):
    r"""Normal law on arrays that sum to zero along their last axes, :math:`N(0, \sigma^2 (I - J/K))` for one axis of length K.

    Its density is that on the subspace of such arrays.

    Parameters
    ----------
    sigma : tensor-like
        Standard deviation of the Normal variables before their means are taken off, positive; of length one along the axes that
        sum to zero, or without them.
    n_zerosum_axes : int
        Number of the last axes along which values sum to zero.
    support_shape : tuple of int, optional
        Lengths of these axes; from `shape` where not given.

    Examples
    --------
    >>> import numpy as np, symjax.random as R
    >>> x = R.ZeroSumNormal(2.0, shape=3, name="x")
    >>> round(float(R.logp(x, np.array([1.0, -1.0, 0.0])).eval()), 4)
    -3.4742

    References
    ----------
    Rasmussen, Williams, Gaussian Processes for Machine Learning, appendix A.2, for Normal variables given their sum.
    """

    def parametrize(self, sigma: Any = 1.0, *, n_zerosum_axes: int | None = None, support_shape: Any = None) -> Any:
        n_axes = 1 if n_zerosum_axes is None else n_zerosum_axes
        if not isinstance(n_axes, int) or n_axes < 1:
            raise ParameterError(f"'n_zerosum_axes' must be a whole number, at least 1, got {n_zerosum_axes!r}.")
        sigma = T.cast(T.as_tensor(sigma), "floatX")
        return sigma[(None,) * max(0, n_axes - sigma.ndim)], n_axes, support_shape

    def __call__(self, *args: Any, shape: Any = None, size: Any = None, **kwargs: Any) -> RandomVariable:
        own = making(kwargs)
        label = f"ZeroSumNormal({own.get('name')!r})"
        with detached():
            sigma, n_axes, support_shape = arguments_of(self, label, args, kwargs)
            event = _event_shape(label, n_axes, support_shape, shape)
            core = sigma.shape[-n_axes:]
            if any(is_symbolic(n) or n != 1 for n in core):
                raise ShapeError(f"{label}: 'sigma' must have length 1 along the {n_axes} zero-sum axes, got shape {sigma.shape}.")
            full = T.broadcast_to(sigma, (*sigma.shape[:-n_axes], *event))
        return _along(n_axes)(full, shape=shape, size=size, **own)


def _event_shape(label: str, n_axes: int, support_shape: Any, shape: Any) -> tuple[Any, ...]:
    event = as_shape(shape if support_shape is None else support_shape) if (shape, support_shape) != (None, None) else ()
    if support_shape is None:
        event = event[-n_axes:]
    if len(event) != n_axes:
        raise ShapeError(f"{label}: give shape=, dims= or support_shape=, with the {n_axes} axes that sum to zero.")
    return event


ZeroSumNormal = ZeroSumNormalDistribution()
