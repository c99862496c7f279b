"""Transforms: maps of a support to the real line or a real vector, with their log-Jacobians.

A transform is chosen from the support of a law, never from the law's name. All methods take and return tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._node import Constant


class Transform:
    """A differentiable bijection from a support to an unconstrained space.

    Attributes
    ----------
    name : str
        Short name; the unconstrained variable of ``tau`` is called ``tau_log__`` for the transform ``"log"``.
    event_ndim : int
        Number of trailing axes that are transformed together; the log-Jacobian has one element for each of them.
    """

    name = "transform"
    event_ndim = 0

    def forward(self, value: Any) -> Any:
        """Unconstrained value of a value in the support."""
        raise TypeError(f"the transform {self.name!r} has no forward map")

    def inverse(self, z: Any) -> Any:
        """Value in the support of an unconstrained value."""
        raise TypeError(f"the transform {self.name!r} has no inverse map")

    def log_det(self, z: Any) -> Any:
        """``log |d inverse(z) / d z|``, of `z`'s shape without the event axes."""
        raise TypeError(f"the transform {self.name!r} has no log-Jacobian")

    def unconstrained_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of the unconstrained value of a value of `shape`."""
        return tuple(shape)

    @property
    def tensors(self) -> list[Any]:
        """Expressions that the transform depends on."""
        return []

    def mapped(self, replace: Callable[[Any], Any]) -> Transform:
        """The transform with those expressions replaced."""
        return self

    def backward(self, value: Any, *inputs: Any) -> Any:
        """PyMC's name of `inverse`."""
        return self.inverse(as_tensor(value))

    def log_jac_det(self, value: Any, *inputs: Any) -> Any:
        """PyMC's name of `log_det`."""
        return self.log_det(as_tensor(value))

    def __repr__(self) -> str:
        return f"<transform {self.name}>"


class LogTransform(Transform):
    """The logarithm: positive numbers."""

    name = "log"

    def forward(self, value: Any) -> Any:
        return T.log(value)

    def inverse(self, z: Any) -> Any:
        return T.exp(z)

    def log_det(self, z: Any) -> Any:
        return as_tensor(z)


class LogExpM1(Transform):
    """The inverse of softplus: positive numbers."""

    name = "log_exp_m1"

    def forward(self, value: Any) -> Any:
        return value + T.log1mexp(-as_tensor(value))

    def inverse(self, z: Any) -> Any:
        return T.softplus(z)

    def log_det(self, z: Any) -> Any:
        return T.log_sigmoid(z)


class LogOddsTransform(Transform):
    """The logit: numbers between 0 and 1."""

    name = "logodds"

    def forward(self, value: Any) -> Any:
        return T.logit(value)

    def inverse(self, z: Any) -> Any:
        return T.sigmoid(z)

    def log_det(self, z: Any) -> Any:
        return T.log_sigmoid(z) + T.log_sigmoid(-as_tensor(z))


class Interval(Transform):
    """A scaled logit, or a shifted logarithm where one bound is missing: numbers between bounds.

    Parameters
    ----------
    lower, upper : tensor-like or None
        Bounds; None, −inf or inf for none on that side. Arrays of numbers may have infinite elements among others.
    """

    name = "interval"

    def __init__(self, lower: Any = None, upper: Any = None, name: str | None = None):
        if name is not None:
            self.name = name
        self.lower = None if is_infinite(lower) else as_tensor(lower)
        self.upper = None if is_infinite(upper) else as_tensor(upper)
        self._cases = _cases(self.lower, self.upper)

    @property
    def tensors(self) -> list[Any]:
        return [b for b in (self.lower, self.upper) if b is not None]

    def mapped(self, replace: Callable[[Any], Any]) -> Transform:
        lower, upper = (None if b is None else replace(b) for b in (self.lower, self.upper))
        return Interval(lower, upper, self.name)

    def _by_case(self, method: str, at: Any) -> Any:
        """A method where the elements are bounded on different sides; each case sees only its own, so derivatives are finite."""
        found: Any = 0.0
        for mask, inside, part in self._cases:
            term = getattr(part, method)(T.where(mask, at, inside if method == "forward" else 0.0))
            found = T.where(mask, term, found)
        return found

    def forward(self, value: Any) -> Any:
        if self._cases:
            return self._by_case("forward", value)
        value = as_tensor(value)
        if self.lower is not None and self.upper is not None:
            return T.log(value - self.lower) - T.log(self.upper - value)
        if self.lower is not None:
            return T.log(value - self.lower)
        return value if self.upper is None else T.log(self.upper - value)

    def inverse(self, z: Any) -> Any:
        if self._cases:
            return self._by_case("inverse", z)
        z = as_tensor(z)
        if self.lower is not None and self.upper is not None:
            # the two forms are equal; the one whose sigmoid is small keeps the distance to its bound exact
            width = self.upper - self.lower
            return T.where(z < 0, self.lower + width * T.sigmoid(z), self.upper - width * T.sigmoid(-z))
        if self.lower is not None:
            return self.lower + T.exp(z)
        return z if self.upper is None else self.upper - T.exp(z)

    def log_det(self, z: Any) -> Any:
        if self._cases:
            return self._by_case("log_det", z)
        z = as_tensor(z)
        if self.lower is not None and self.upper is not None:
            return T.log(self.upper - self.lower) + T.log_sigmoid(z) + T.log_sigmoid(-z)
        return T.zeros_like(z) if self.lower is None and self.upper is None else z


def is_infinite(bound: Any) -> bool:
    """Whether a bound is None or a number that is no bound."""
    if bound is None:
        return True
    value = bound.value if isinstance(bound, Constant) else bound
    return isinstance(value, (int, float, np.generic, np.ndarray)) and bool(np.all(np.isinf(value)))


def _is_bound(bound: Any) -> Any:
    """Where there is a bound: an array for an array of numbers, True for what is not known yet."""
    return bound is not None and (np.isfinite(bound.value) if isinstance(bound, Constant) else True)


def _cases(lower: Any, upper: Any) -> list[tuple[Any, Any, Transform]]:
    """Masks of the elements that have the same sides bounded, with a value inside and the transform of each; none if all have."""
    low, high = _is_bound(lower), _is_bound(upper)
    if np.all(low) == np.any(low) and np.all(high) == np.any(high):
        return []
    a = 0.0 if lower is None else T.where(low, lower, 0.0)
    b = a + 1.0 if upper is None else T.where(high, upper, a + 1.0)
    a = T.where(low, a, b - 1.0)
    return [
        (np.logical_and(low, high), 0.5 * (a + b), Interval(a, b)),
        (np.logical_and(low, np.logical_not(high)), a + 1.0, Interval(a, None)),
        (np.logical_and(np.logical_not(low), high), b - 1.0, Interval(None, b)),
        (np.logical_not(np.logical_or(low, high)), 0.0, Interval(None, None)),
    ]


class Ordered(Transform):
    """Increasing vectors: the first element, and the logs of the steps.

    Parameters
    ----------
    positive : bool
        Whether the first element is positive, and in logs too.
    ascending : bool
        Whether they increase; they decrease otherwise.
    """

    name = "ordered"
    event_ndim = 1

    def __init__(self, positive: bool = False, ascending: bool = True):
        self.positive = positive
        self.ascending = ascending

    def _as_given(self, increasing: Any) -> Any:
        return increasing if self.ascending else increasing[..., ::-1]

    def forward(self, value: Any) -> Any:
        value = self._as_given(as_tensor(value))
        first = value[..., :1]
        return T.concatenate([T.log(first) if self.positive else first, T.log(value[..., 1:] - value[..., :-1])], -1)

    def inverse(self, z: Any) -> Any:
        z = as_tensor(z)
        first = z[..., :1]
        return self._as_given(T.cumsum(T.concatenate([T.exp(first) if self.positive else first, T.exp(z[..., 1:])], -1), -1))

    def log_det(self, z: Any) -> Any:
        z = as_tensor(z)
        return (z if self.positive else z[..., 1:]).sum(-1)


class SimplexTransform(Transform):
    """Probability vectors: the softmax of a vector that sums to zero, of which the last element is left out."""

    name = "simplex"
    event_ndim = 1

    def forward(self, value: Any) -> Any:
        logs = T.log(value)
        return (logs - logs.mean(-1, keepdims=True))[..., :-1]

    def _full(self, z: Any) -> Any:
        z = as_tensor(z)
        return T.concatenate([z, -z.sum(-1, keepdims=True)], -1)

    def inverse(self, z: Any) -> Any:
        return T.softmax(self._full(z), -1)

    def log_det(self, z: Any) -> Any:
        full = self._full(z)
        k = full.shape[-1]
        # d(x_1..x_{k-1})/dz has determinant k · prod(x): the softmax's diag(x) - x xᵀ, and the sum-to-zero matrix I + 11ᵀ
        return T.log(k) + (full - T.logsumexp(full, -1, keepdims=True)).sum(-1)

    def unconstrained_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        if shape[-1] < 1:
            raise ShapeError("a probability vector has at least one element")
        return (*shape[:-1], shape[-1] - 1)


class CircularTransform(Transform):
    """Angles in (−π, π): the sampler moves on the line, and values wrap around."""

    name = "circular"

    def forward(self, value: Any) -> Any:
        return as_tensor(value)

    def inverse(self, z: Any) -> Any:
        return T.arctan2(T.sin(z), T.cos(z))

    def log_det(self, z: Any) -> Any:
        return T.zeros_like(z)


class SumTo1(Transform):
    """Vectors that sum to one: the last element is left out."""

    name = "sumto1"
    event_ndim = 1

    def forward(self, value: Any) -> Any:
        return as_tensor(value)[..., :-1]

    def inverse(self, z: Any) -> Any:
        z = as_tensor(z)
        return T.concatenate([z, 1 - z.sum(-1, keepdims=True)], -1)

    def log_det(self, z: Any) -> Any:
        return T.zeros_like(as_tensor(z).sum(-1))

    def unconstrained_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*shape[:-1], shape[-1] - 1)


class Chain(Transform):
    """Several transforms one after the other, the first one nearest to the support.

    Parameters
    ----------
    transforms : sequence of Transform
        In the order in which `forward` applies them.
    """

    name = "chain"

    def __init__(self, transforms: Sequence[Transform]):
        self.transforms = tuple(transforms)
        self.event_ndim = max(t.event_ndim for t in self.transforms)

    @property
    def tensors(self) -> list[Any]:
        return [t for part in self.transforms for t in part.tensors]

    def mapped(self, replace: Callable[[Any], Any]) -> Transform:
        return Chain([part.mapped(replace) for part in self.transforms])

    def forward(self, value: Any) -> Any:
        for t in self.transforms:
            value = t.forward(value)
        return value

    def inverse(self, z: Any) -> Any:
        for t in reversed(self.transforms):
            z = t.inverse(z)
        return z

    def log_det(self, z: Any) -> Any:
        total: Any = 0.0
        for t in reversed(self.transforms):
            part = t.log_det(z)
            missing = self.event_ndim - t.event_ndim
            total = total + (part.sum(tuple(range(-missing, 0))) if missing else part)
            z = t.inverse(z)
        return total

    def unconstrained_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        for t in self.transforms:
            shape = t.unconstrained_shape(shape)
        return shape


log = LogTransform()
log_exp_m1 = LogExpM1()
logodds = LogOddsTransform()
ordered = Ordered()
simplex = SimplexTransform()
circular = CircularTransform()
sum_to_1 = SumTo1()
