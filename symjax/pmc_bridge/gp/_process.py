"""What all Gaussian processes share: mean and covariance function, sums, conditioning, values at a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._function import evaluate
from symjax.core._node import RandomOp, Tensor
from symjax.core._traverse import toposort
from symjax.pmc_bridge._model import modelcontext
from symjax.pmc_bridge.gp.cov import Constant
from symjax.pmc_bridge.gp.mean import Zero


class Process:
    """Base of Gaussian processes.

    Parameters
    ----------
    mean_func : Mean
        Mean function; zero by default.
    cov_func : Covariance
        Covariance function.
    """

    #: What conditioning needs, set by `prior` or `marginal_likelihood` or given as ``given=``.
    needs: tuple[str, ...] = ()

    def __init__(self, *, mean_func: Any = Zero(), cov_func: Any = Constant(0.0)):
        self.mean_func = mean_func
        self.cov_func = cov_func

    def __add__(self, other: Any) -> Any:
        if type(self) is not type(other):
            raise TypeError(f"{type(self).__name__} cannot be added to {type(other).__name__}: both must be of one kind.")
        return type(self)(mean_func=self.mean_func + other.mean_func, cov_func=self.cov_func + other.cov_func)

    def _conditioned_on(self, given: Mapping[str, Any] | None) -> tuple[list[Any], Any, Any]:
        """What the process is conditioned on, in the order of `needs`, and the covariance and mean function of that.

        Raises
        ------
        KeyError
            If `given` has a key that is not known here.
        AttributeError
            If neither `given` nor an earlier call has told the values.
        """
        given = dict(given or {})
        total = given.pop("gp", self)
        unknown = sorted(set(given) - set(self.needs))
        if unknown:
            raise KeyError(f"given: {unknown} are not among {['gp', *self.needs]}.")
        values = [given.get(name, getattr(self, name, None)) for name in self.needs]
        missing = [name for name, v in zip(self.needs, values, strict=True) if v is None]
        if missing:
            raise AttributeError(
                f"{type(self).__name__}: {missing} not set. Call `prior` or `marginal_likelihood` first, or pass them in `given`."
            )
        return values, total.cov_func, total.mean_func


def solve_lower(chol: Any, b: Any) -> Tensor:
    """``L⁻¹ b`` for a lower triangular matrix."""
    return T.solve_triangular(chol, b, lower=True)


def at_point(outputs: Sequence[Tensor], point: Mapping[str, Any] | None, model: Any) -> tuple[np.ndarray, ...]:
    """Values of expressions where the model's variables have the values of a point.

    Parameters
    ----------
    outputs : sequence of Tensor
        Expressions of the model's variables.
    point : mapping of str to array-like or None
        Values of variables and deterministics by name; others are ignored.
    model : Model or None
        The model in context by default.

    Raises
    ------
    ValueError
        If the expressions depend on a random variable that the point does not tell.
    """
    values = {} if point is None else dict(point)
    named = modelcontext(model).named_vars
    feed = {named[k]: np.asarray(v, named[k].dtype) for k, v in values.items() if k in named}
    missing = [n.name for n in toposort(outputs, feed) if isinstance(n, RandomOp) and n not in feed]
    if missing:
        raise ValueError(f"predict: the point lacks the values of {missing}; it has {sorted(values)}. Pass `point=`.")
    return tuple(np.asarray(v) for v in evaluate(list(outputs), feed))
