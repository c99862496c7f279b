"""What a parameter must be: checked on numbers when a variable is made, on symbols inside its density."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import symjax.tensor as T


@dataclass(frozen=True, slots=True)
class Constraint:
    """A condition on a parameter.

    Attributes
    ----------
    text : str
        Completes "must be ...".
    check : callable
        ``check(array) -> bool array`` on numbers, of the parameter's batch shape.
    condition : callable or None
        ``condition(tensor) -> bool tensor``, the same on symbols; None where nothing needs to be asked inside a density.
    """

    text: str
    check: Callable[[np.ndarray], Any]
    condition: Callable[[Any], Any] | None = None

    def problem(self, name: str, array: np.ndarray, ndim: int = 0) -> str | None:
        """What is wrong with the value of a parameter, in words that name the first place; None if nothing is."""
        ok = np.asarray(self.check(array))
        if ok.all():
            return None
        index = tuple(int(i) for i in np.argwhere(~ok)[0])
        got = array[index] if ndim == 0 or index else array
        return f"{name!r} must be {self.text}, got {got}{f' at index {index}' if index else ''}."


def _is_simplex(p: np.ndarray) -> Any:
    return (p >= 0).all(-1) & np.isclose(p.sum(-1), 1.0, atol=1e-6)


def _is_positive_definite(a: np.ndarray) -> Any:
    if a.shape[-1] != a.shape[-2]:
        return False
    symmetric = np.isclose(a, np.swapaxes(a, -1, -2), rtol=1e-8, atol=1e-10 * max(1.0, float(np.abs(a).max()))).all((-1, -2))
    return symmetric & (np.linalg.eigvalsh(a)[..., 0] > 0)


def _is_whole(x: Any) -> Any:
    return T.equal(x, T.floor(x)) if x.dtype.kind == "f" else T.ones_like(x, dtype=bool)


real = Constraint("a number, not nan", lambda x: ~np.isnan(x))
positive = Constraint("positive", lambda x: x > 0, lambda x: T.greater(x, 0))
nonnegative = Constraint("zero or positive", lambda x: x >= 0, lambda x: T.greater_equal(x, 0))
probability = Constraint(
    "between 0 and 1",
    lambda x: (x >= 0) & (x <= 1),
    lambda x: T.logical_and(T.greater_equal(x, 0), T.less_equal(x, 1)),
)
inner_probability = Constraint(
    "between 0 and 1, neither of them included",
    lambda x: (x > 0) & (x < 1),
    lambda x: T.logical_and(T.greater(x, 0), T.less(x, 1)),
)
count = Constraint(
    "a whole number, zero or positive",
    lambda x: (x >= 0) & (x == np.floor(x)),
    lambda x: T.logical_and(T.greater_equal(x, 0), _is_whole(x)),
)
integer = Constraint("a whole number", lambda x: x == np.floor(x), lambda x: _is_whole(x))
simplex = Constraint(
    "probabilities that sum to 1 along the last axis",
    _is_simplex,
    lambda p: T.logical_and(T.all(T.greater_equal(p, 0), -1), T.less(T.abs(T.sum(p, -1) - 1), 1e-5)),
)
positive_vector = Constraint("positive", lambda x: (x > 0).all(-1), lambda x: T.all(T.greater(x, 0), -1))
positive_definite = Constraint("symmetric and positive definite", _is_positive_definite)
lower_triangular = Constraint(
    "lower triangular with a positive diagonal",
    lambda a: (np.diagonal(a, axis1=-2, axis2=-1) > 0).all(-1) & (np.triu(a, 1) == 0).all((-1, -2)),
    lambda a: T.logical_and(T.all(T.greater(T.diagonal(a, axis1=-2, axis2=-1), 0), -1), T.all(T.equal(T.triu(a, 1), 0), (-2, -1))),
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A canonical parameter of a distribution.

    Attributes
    ----------
    constraint : Constraint
        What its values must be.
    ndim : int
        Number of trailing axes that one draw uses: 0 for a scalar parameter, 1 for a mean vector, 2 for a covariance.
    """

    constraint: Constraint = real
    ndim: int = 0
