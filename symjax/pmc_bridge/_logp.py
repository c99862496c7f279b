"""Densities as model code asks for them: the model's other variables stand for their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import symjax.random as R
from symjax.core._leaves import Placeholder
from symjax.core._node import Tensor
from symjax.core._scope import detached
from symjax.core._traverse import rebuild, substitute, toposort
from symjax.pmc_bridge._model import models_in_context
from symjax.random.density._log_density import is_draw


def _query(query: Callable[[Any, Any], Any], expr: Any, value: Any) -> Any:
    """A query about a law whose parameters may depend on variables of the models in context.

    Within a model the name of a variable means its value, as it does in a potential; outside, a variable without a value cannot be
    conditioned on, and the query refuses. An expression of the model's variables alone is asked about as it is: then they are what
    is random.
    """
    if not isinstance(expr, Tensor):
        return query(expr, value)
    known = {rv for model in models_in_context() for rv in model.basic_RVs}
    cone = toposort([expr])
    given = [n for n in cone if n in known and n is not expr]
    if not given or not (expr in known or any(is_draw(n) and n not in known for n in cone)):
        return query(expr, value)
    with detached():
        stands_for = {n: Placeholder(n.shape, n.dtype, name=n.name) for n in given}
        found = query(rebuild(expr, substitute(expr.parents, stands_for)), value)
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
    return _query(R.logp, rv, value)


def logcdf(rv: Any, value: Any, **kwargs: Any) -> Any:
    """Log of the cdf; see `logp`."""
    return _query(R.logcdf, rv, value)


def logccdf(rv: Any, value: Any, **kwargs: Any) -> Any:
    """Log of one minus the cdf; see `logp`."""
    return _query(R.logccdf, rv, value)


def icdf(rv: Any, value: Any, **kwargs: Any) -> Any:
    """Quantile function; see `logp`."""
    return _query(R.icdf, rv, value)
