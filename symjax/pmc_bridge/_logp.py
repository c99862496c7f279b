"""Densities as model code asks for them: the model's other variables stand for their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import symjax.random as R
from symjax.core._leaves import Placeholder, as_tensor
from symjax.core._scope import detached
from symjax.core._traverse import substitute, toposort
from symjax.pmc_bridge._model import _stack
from symjax.random import RandomVariable


def _given_model(query: Callable[[Any, Any], Any], expr: Any, value: Any) -> Any:
    """A query about a random variable whose parameters may depend on variables of the model in context.

    Within a model the name of a variable means its value, as it does in a potential; outside, a variable without a value cannot be
    conditioned on, and the query refuses.
    """
    if not isinstance(expr, RandomVariable) or not _stack():
        return query(expr, value)
    known = {rv for model in _stack() for rv in model.basic_RVs}
    inside = [n for n in toposort([expr]) if n in known and n is not expr]
    with detached():
        stands_for = {n: Placeholder(n.shape, n.dtype, name=n.name) for n in inside}
        parents = substitute(expr.parents, stands_for)
        from symjax.core._traverse import rebuild

        found = query(rebuild(expr, parents), as_tensor(value))
        return substitute([found], {v: k for k, v in stands_for.items()})[0]


def logp(rv: Any, value: Any = None, **kwargs: Any) -> Any:
    """Log density of a random variable or expression at a value; within a model its other variables are given.

    Parameters
    ----------
    rv : Tensor
        A random variable, ``pm.Normal.dist(mu, 1)`` say, or an expression of random variables.
    value : tensor-like
        Where; of the variable's shape, or broadcastable with it.

    Raises
    ------
    NotDerivableError
        If the density is not known exactly.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> round(float(pm.logp(pm.Normal.dist(0.0, 1.0), 0.0).eval()), 4)
    -0.9189
    """
    return _given_model(R.logp, rv, value)


def logcdf(rv: Any, value: Any, **kwargs: Any) -> Any:
    """Log of the cdf; see `logp`."""
    return _given_model(R.logcdf, rv, value)


def logccdf(rv: Any, value: Any, **kwargs: Any) -> Any:
    """Log of one minus the cdf; see `logp`."""
    return _given_model(R.logccdf, rv, value)


def icdf(rv: Any, value: Any, **kwargs: Any) -> Any:
    """Quantile function; see `logp`."""
    return _given_model(R.icdf, rv, value)
