"""What users ask of a law: density, cdf, quantiles."""

from __future__ import annotations

import math
from typing import Any

import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.core._shapes import broadcast_shapes
from symjax.random.density._cumulative import log_cdf, quantile
from symjax.random.density._derive import derived
from symjax.random.density._log_density import as_value, log_densities
from symjax.random.density.branches import mixed


def _at(expr: Any, value: Any) -> Any:
    """`value` broadcast to the expression's shape; it may have further leading axes."""
    value = as_value(expr, value)
    try:
        shape = broadcast_shapes([value.shape, expr.shape])
    except ValueError:
        raise ShapeError(f"a value of shape {value.shape} does not fit {expr.name!r} of shape {expr.shape}.") from None
    return value if value.shape == shape else T.broadcast_to(value, shape)


def logp(expr: Any, value: Any = None) -> Any:
    """Log density (log mass of a discrete law) of a random variable, or of an expression of random variables.

    Parameters
    ----------
    expr : Tensor or dict of Tensor to tensor-like
        What is asked about; a dict of several with their values gives the terms of their joint log density, see `log_densities`.
    value : tensor-like
        Where, of a shape that broadcasts with that of `expr`; further leading axes are several values.

    Returns
    -------
    Tensor or dict of Tensor to Tensor
        Log densities of the elements: of the value's shape without the axes of one value of a multivariate law. −inf outside
        the support.

    Raises
    ------
    NotDerivableError
        If it is not known exactly; the error names the node in the way.
    ShapeError
        If the value's shape does not fit.

    Examples
    --------
    >>> import symjax.random as R, symjax.tensor as T
    >>> round(float(R.logp(T.exp(R.Normal(0.0, 1.0)), 2.0).eval()), 4)
    -1.8523
    """
    if isinstance(expr, dict):
        return log_densities(expr)
    if value is None:
        raise TypeError("logp needs a value: logp(expr, value), or logp({variable: value, ...}).")

    def density(derivation: Any, root: Any) -> Any:
        term = derivation.log_density(root, _at(expr, value))
        derivation.check_consumption([root])
        return term

    return derived(expr, density, lambda root: mixed(root, _at(expr, value), "density", density))


def logcdf(expr: Any, value: Any) -> Any:
    """Log of the probability that a random variable or expression is at most `value`, elementwise.

    Parameters
    ----------
    expr : Tensor
        A random variable of a scalar law, or a monotone expression of one.
    value : tensor-like
        Where, of a shape that broadcasts with that of `expr`.

    Raises
    ------
    NotDerivableError
        If it is not known exactly; the error names the node in the way.

    Examples
    --------
    >>> import symjax.random as R
    >>> round(float(R.logcdf(-R.Normal(0.0, 1.0), 0.0).eval()), 4)
    -0.6931
    """
    return _probability(expr, value, "cdf")


def logccdf(expr: Any, value: Any) -> Any:
    """Log of the probability that a random variable or expression exceeds `value`, elementwise; see `logcdf`."""
    return _probability(expr, value, "ccdf")


def _probability(expr: Any, value: Any, what: str) -> Any:
    def query(derivation: Any, root: Any) -> Any:
        return log_cdf(derivation, root, _at(expr, value), upper=what == "ccdf")

    return derived(expr, query, lambda root: mixed(root, _at(expr, value), what, query))


def icdf(expr: Any, q: Any) -> Any:
    """Quantiles of a random variable or a monotone expression of one, elementwise.

    Parameters
    ----------
    expr : Tensor
        A random variable of a scalar law, or a monotone expression of one.
    q : tensor-like
        Probabilities, of a shape that broadcasts with that of `expr`; the result is nan outside [0, 1].

    Raises
    ------
    NotDerivableError
        If they are not known exactly; the error names the node in the way.

    Examples
    --------
    >>> import symjax.random as R, symjax.tensor as T
    >>> round(float(R.icdf(T.exp(R.Normal(1.0, 2.0)), 0.5).eval()), 4)
    2.7183
    """

    def query(derivation: Any, root: Any) -> Any:
        at = _at(expr, q)
        inside = T.logical_and(T.greater_equal(at, 0), T.less_equal(at, 1))
        return T.where(inside, quantile(derivation, root, at), math.nan)

    return derived(expr, query)
