"""Checks of the parameters that draws meet on their way: a bad one is an error, never silently a number."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

import symjax.tensor as T
from symjax._errors import ParameterError
from symjax.core._leaves import as_tensor
from symjax.core._node import Constant
from symjax.core._scope import detached
from symjax.core._traverse import toposort
from symjax.random._constraint import real
from symjax.random._draw import RandomVariable


class Check(NamedTuple):
    """A condition on the parameters of a draw, in words; its shape, whether it holds, and the first place and value where not."""

    draw: Any
    rule: str
    shape: tuple[Any, ...]
    holds: Any
    place: Any
    value: Any


def parameter_checks(outputs: Sequence[Any], given: Collection[Any] = ()) -> list[Check]:
    """Conditions on the parameters of all draws in the cone of some expressions.

    Parameters that are numbers were checked when the variables were made; nodes in `given` have values and are not drawn.
    """
    with detached():
        return [c for n in toposort(outputs, given) if isinstance(n, RandomVariable) and n not in given for c in _checks_of(n)]


def _checks_of(node: Any) -> list[Check]:
    law = node.distribution
    found = [
        _check(node, name, spec.constraint, value)
        for (name, spec), value in zip(law.parameters.items(), node.parents, strict=True)
        if not isinstance(value, Constant)
    ]
    if found:
        rule = law.requirement or "its parameters must fit together"
        found += [_located(node, rule, as_tensor(c)) for c in law.conditions(*node.parents)]
    return found


def _check(node: Any, name: str, constraint: Any, value: Any) -> Check:
    rule = f"{name!r} must be {constraint.text}"
    if constraint.condition is not None:
        return _located(node, rule, constraint.condition(value), value)
    # what is not asked about on symbols shows as nan: a bad number in the parameter, other bad values in what was drawn with them
    subject = value if constraint is real else node
    return _located(node, rule, T.logical_not(T.isnan(subject)))


def _located(node: Any, rule: str, condition: Any, value: Any = None) -> Check:
    place = T.argmin(T.ravel(condition)) if condition.shape else T.constant(0)
    known = value is not None and value.shape == condition.shape
    subject = T.ravel(value)[place] if known else T.constant(np.nan)
    return Check(node, rule, condition.shape, T.all(condition), _indices(place, condition.shape), subject)


def _indices(place: Any, shape: tuple[Any, ...]) -> Any:
    return T.stack(list(T.unravel_index(place, shape))) if len(shape) > 1 else T.reshape(place, (len(shape) or 1,))


def raise_if_broken(check: Check, holds: np.ndarray, places: np.ndarray, values: np.ndarray) -> None:
    """Raise for the first draw for which a check does not hold, given the check's three tensors for each draw.

    Raises
    ------
    ParameterError
        Naming the variable, what is required of its parameter, what was got and where.
    """
    if holds.all():
        return
    first = int(np.argmin(holds))
    got = "" if np.isnan(values[first]) else f", got {values[first]}"
    index = tuple(int(i) for i in places[first])
    where = f" at index {index}" if check.shape else ""
    raise ParameterError(
        f"{check.draw.name!r}: {check.rule}{got}{where} in draw {first}. Give its parameters laws whose values are all allowed, or "
        "transform them."
    )
