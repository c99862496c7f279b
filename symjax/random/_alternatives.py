"""Parameters given in another form than the canonical one."""

from __future__ import annotations

from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._errors import ParameterError
from symjax.core._leaves import as_tensor
from symjax.core._node import Constant
from symjax.random._constraint import Constraint, positive


def checked(name: str, value: Any, constraint: Constraint) -> Any:
    """`value`, if it is allowed or not a number yet.

    Raises
    ------
    ParameterError
        If it is a number that is not allowed; it names the parameter that the user wrote.
    """
    tensor = as_tensor(value)
    problem = constraint.problem(name, np.asarray(tensor.value)) if isinstance(tensor, Constant) else None
    if problem:
        raise ParameterError(problem)
    return value


def scale(sigma: Any, precision: Any, name: str = "tau") -> Any:
    """A scale from itself or from a precision 1 / scale²; 1 if neither is given.

    Raises
    ------
    ParameterError
        If both are given, or the precision is not positive.
    """
    if precision is None:
        return 1.0 if sigma is None else sigma
    if sigma is not None:
        raise ParameterError(f"give 'sigma' or {name!r}, not both.")
    return 1 / T.sqrt(checked(name, precision, positive))


def pair(given: dict[str, Any], *alternatives: tuple[str, ...]) -> tuple[str, ...]:
    """The one of several alternative sets of parameters that was given in full, and nothing else with it.

    Raises
    ------
    ParameterError
        If what was given is none of them.
    """
    names = tuple(k for k, v in given.items() if v is not None)
    for alternative in alternatives:
        if set(alternative) == set(names):
            return alternative
    wanted = " or ".join(" and ".join(map(repr, a)) for a in alternatives)
    raise ParameterError(f"give {wanted}; got {' and '.join(map(repr, names)) or 'none of them'}.")
