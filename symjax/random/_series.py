"""What laws of series share: laws given as draws, the number of steps, parameters that may differ from step to step."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._errors import ParameterError, ShapeError
from symjax.core._leaves import present_shape
from symjax.core._shapes import broadcast_shapes, is_symbolic
from symjax.random._constraint import Constraint, Parameter
from symjax.random._draw import RandomVariable
from symjax.random._support import Support

_FULL_DIMENSIONAL = ("real", "interval", "vector")
_KINDS = ("scalar", "vector", "matrix")


def arguments_of(family: Any, label: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """What a family's `parametrize` makes of the users' arguments; its errors name the variable."""
    try:
        return family.parametrize(*args, **kwargs)
    except TypeError as error:
        raise ParameterError(f"{label}: {error}.") from None
    except (ParameterError, ShapeError) as error:
        raise type(error)(f"{label}: {error}") from None


def law_given(label: str, name: str, given: Any, *event_ndims: int) -> RandomVariable:
    """The draw that stands for a law among the parameters of another.

    Raises
    ------
    ParameterError
        If it is no random variable, or its values have another number of axes.
    """
    if isinstance(given, RandomVariable) and given.distribution.event_ndim in event_ndims:
        return given
    kinds = " or ".join(_KINDS[n] if n < len(_KINDS) else f"{n}-dimensional" for n in event_ndims)
    raise ParameterError(f"{label}: {name!r} must be an unnamed {kinds} random variable, got {given!r}.")


def in_batch(variable: RandomVariable, batch: Sequence[Any]) -> list[Any]:
    """A draw's parameters, broadcast to a batch shape where they do not have it together."""
    cores = [p.shape[p.ndim - s.ndim :] for p, s in zip(variable.parents, variable.distribution.parameters.values(), strict=True)]
    own = broadcast_shapes([(), *(p.shape[: p.ndim - len(c)] for p, c in zip(variable.parents, cores, strict=True))])
    full = broadcast_shapes([own, tuple(batch)])
    if full == own:
        return list(variable.parents)
    return [T.broadcast_to(p, (*full, *c)) for p, c in zip(variable.parents, cores, strict=True)]


def support_of(event_ndim: int, *parts: Support) -> Support:
    """The support of a continuous series whose parts have these: a vector space where theirs are of full dimension."""
    full = all(s.kind in _FULL_DIMENSIONAL for s in parts)
    return Support("vector" if full else "series", event_ndim=event_ndim)


def making(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Takes the keywords of all variables, but shape and size, out of a law's own."""
    return {k: kwargs.pop(k) for k in ("name", "seed", "dtype") if k in kwargs}


@functools.cache
def along_axis(spec: Parameter) -> Parameter:
    """A parameter with one more axis before those of one value, along which all must be allowed."""
    rule, condition = spec.constraint, spec.constraint.condition
    if condition is None:
        return Parameter(rule, spec.ndim + 1)

    def check(values: Any) -> Any:
        found = np.asarray(rule.check(values))
        return found.all(-1) if found.ndim else found

    return Parameter(Constraint(rule.text, check, lambda x: T.all(condition(x), -1)), spec.ndim + 1)


def number_of_steps(label: str, steps: Any, length: Any, starts: int = 1, others: Sequence[Any] = ()) -> int:
    """Steps of a series, from all that tells.

    Parameters
    ----------
    label : str
        The variable, for errors.
    steps : int or None
        What the user gave.
    length : int or None
        Length of the series where its shape was given.
    starts : int
        Number of first values, which are no steps.
    others : sequence of int
        Lengths of parameters' axes of steps; 1 tells nothing.
    """
    found = {int(n) for n in others if not is_symbolic(n) and n != 1}
    if steps is not None:
        found.add(int(present_shape([steps])[0]))
    if length is not None and not is_symbolic(length):
        found.add(int(length) - starts)
    if len(found) > 1:
        raise ShapeError(f"{label}: the number of steps is {sorted(found)} by steps, shape and the parameters' axis of steps.")
    n = found.pop() if found else None
    if n is None or n < 1:
        raise ShapeError(f"{label}: give steps= or shape=, so that there is at least one step.")
    return n
