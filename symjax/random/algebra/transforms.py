"""Laws of transformed variables: affine maps of location-scale families, exponentials and logarithms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symjax.random._distribution import Distribution
from symjax.random.algebra._parts import combination, draws_of, fixed_in, fresh, magnitude, sign_of
from symjax.rewrite import Absorbed, sum_law, variables

mu, sigma = variables("mu sigma")

#: Families that affine maps of a known sign do not leave: parameters of ``c·X + d`` from those of X, the coefficient, its sign and
#: the shift; None where the map leaves the family.
AFFINE: dict[Distribution, Callable[..., Any]] = {}


def location_scale(distribution: Distribution, location: str, scale: str, symmetric: bool) -> None:
    """Declare a family with a location and a scale parameter; one that is not symmetric keeps to positive coefficients."""
    names = list(distribution.parameters)
    at_location, at_scale = names.index(location), names.index(scale)

    def mapped(parameters: list[Any], c: Any, sign: int, shift: Any) -> Any:
        if sign < 0 and not symmetric:
            return None
        new = list(parameters)
        new[at_location] = combination([(c, parameters[at_location]), *shift])
        new[at_scale] = magnitude(c, parameters[at_scale]) if sign < 0 else combination([(c, parameters[at_scale])])
        return new

    AFFINE[distribution] = mapped


def scale_only(distribution: Distribution, parameter: str, rate: bool = False) -> None:
    """Declare a family of positive variables that is closed under positive factors alone; `rate` is an inverse scale."""
    at = list(distribution.parameters).index(parameter)

    def mapped(parameters: list[Any], c: Any, sign: int, shift: Any) -> Any:
        if sign < 0 or shift:
            return None
        new = list(parameters)
        new[at] = parameters[at] / c if rate else c * parameters[at]
        return new

    AFFINE[distribution] = mapped


@sum_law
def affine_of_family(terms: dict[Any, Any], node: Any) -> Any:
    """c X + d stays in the family of X: location c·μ + d, scale |c|·σ; c of one sign, positive unless X is symmetric."""
    fixed = fixed_in(terms)
    for x in draws_of(terms, *AFFINE):
        sign = sign_of(terms[x])
        if not sign:
            continue
        for absorbed in (fixed, []) if fixed else ([],):
            if not absorbed and not hasattr(terms[x], "parents") and terms[x] == 1:
                continue
            new = AFFINE[x.distribution](list(x.parents), terms[x], sign, [(terms[t], t) for t in absorbed])
            if new is not None:
                return Absorbed((x, *absorbed), fresh(x.distribution, *new, like=node))
    return None
