"""What a program costs: an estimate from its operations, not from a clock, so that choices by it are reproducible."""

from __future__ import annotations

import math
from typing import Any

# Nanoseconds on one core of a present processor. They need only be right within a factor of two or three: what is decided by them
# is how much time to spend where there is some to spare.
_PER_OPERATION, _PER_ELEMENT, _PER_PRODUCT = 4.0, 0.2, 0.2
_PER_ITERATION = 10.0
_ELEMENT = {
    **dict.fromkeys("exp exp2 expm1 log log1p logistic tanh sin cos sinh cosh pow div sqrt rsqrt cbrt".split(), 3.0),
    **dict.fromkeys("tan asin acos atan atan2 asinh acosh atanh erf erfc erf_inv".split(), 10.0),
    **dict.fromkeys("lgamma digamma igamma igammac random_gamma_grad regularized_incomplete_beta polygamma zeta".split(), 40.0),
    **dict.fromkeys("broadcast_in_dim squeeze slice convert_element_type stop_gradient copy iota reshape".split(), 0.02),
}
_CUBIC = ("cholesky", "eigh", "lu", "qr", "svd", "triangular_solve", "tridiagonal_solve")
_IN_PLACE = ("scatter", "scatter-add", "scatter_add", "dynamic_update_slice")


def seconds(jaxpr: Any) -> float:
    """Estimated seconds of one run of a jaxpr; the body of a loop of unknown length is counted once.

    Parameters
    ----------
    jaxpr : jax.extend.core.Jaxpr
        What runs.
    """
    return 1e-9 * _nanoseconds(jaxpr)


def _nanoseconds(jaxpr: Any) -> float:
    return sum(map(_of_equation, jaxpr.eqns))


def _of_equation(eqn: Any) -> float:
    inner = [_nanoseconds(j) for j in _jaxprs(eqn.params)]
    if inner:
        if eqn.primitive.name == "scan":
            return eqn.params["length"] * (_PER_ITERATION + sum(inner))
        return max(inner) if eqn.primitive.name == "cond" else sum(inner)
    name = eqn.primitive.name
    produced = sum(_size(v) for v in eqn.outvars)
    if name == "dot_general":
        (contracted, _), _ = eqn.params["dimension_numbers"]
        return _PER_OPERATION + _PER_PRODUCT * produced * math.prod(eqn.invars[0].aval.shape[d] for d in contracted)
    if name in _CUBIC:
        order = eqn.invars[0].aval.shape[-1]
        return _PER_OPERATION + _PER_PRODUCT * produced * order
    if name in _IN_PLACE:
        touched = _size(eqn.invars[1 if name == "dynamic_update_slice" else 2])
        return _PER_OPERATION + _PER_ELEMENT * touched
    taken = sum(_size(v) for v in eqn.invars) if name.startswith(("reduce", "cum", "arg")) else 0
    return _PER_OPERATION + _ELEMENT.get(name, _PER_ELEMENT) * max(produced, taken)


def _jaxprs(parameters: dict[str, Any]) -> list[Any]:
    """The jaxprs among an operation's parameters, in lists too."""
    found = []
    for value in parameters.values():
        for item in value if isinstance(value, (tuple, list)) else (value,):
            item = getattr(item, "jaxpr", item)
            if hasattr(item, "eqns"):
                found.append(item)
    return found


def _size(variable: Any) -> int:
    return math.prod(getattr(variable.aval, "shape", ()))
