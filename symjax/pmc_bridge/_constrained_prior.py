"""Parameters of a prior from the mass that it has between two bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import symjax.tensor as T
from symjax._errors import ParameterError
from symjax.core._function import function
from symjax.core._gradient import gradients
from symjax.core._scope import detached
from symjax.random import logcdf


def find_constrained_prior(
    distribution: Any,
    lower: float,
    upper: float,
    init_guess: Mapping[str, float],
    mass: float = 0.95,
    fixed_params: Mapping[str, float] | None = None,
    mass_below_lower: float | None = None,
    **kwargs: Any,
) -> dict[str, float]:
    """Find parameters for which a law has a given mass between two bounds.

    Parameters
    ----------
    distribution : ModelDistribution
        ``pm.Gamma``, say; a law of scalars whose cdf is known.
    lower, upper : float
        Bounds.
    init_guess : dict
        Parameters to find, with numbers to start from.
    mass : float
        Mass between the bounds, 0.01 to 0.99.
    fixed_params : dict, optional
        Parameters that are known.
    mass_below_lower : float, optional
        Mass below the lower bound; half of what is left by default.
    **kwargs
        Passed to `scipy.optimize.minimize`.

    Returns
    -------
    dict of str to float
        All parameters.

    Raises
    ------
    ValueError
        If the mass is out of range, or no such parameters are found.
    NotDerivableError
        If the law's cdf is not known.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> found = pm.find_constrained_prior(pm.Gamma, 0.1, 0.4, {"alpha": 1.0, "beta": 10.0}, mass=0.75)
    >>> round(found["alpha"], 1)
    6.2
    """
    from scipy.optimize import NonlinearConstraint, minimize

    if not 0.01 <= mass <= 0.99:
        raise ValueError(f"find_constrained_prior: mass must lie between 0.01 and 0.99, got {mass}.")
    below = (1 - mass) / 2 if mass_below_lower is None else mass_below_lower
    names = list(init_guess)
    with detached():
        x = T.vector("parameters")
        law = distribution.dist(**{n: x[i] for i, n in enumerate(names)}, **dict(fixed_params or {}))
        if law.ndim:
            raise ParameterError(
                f"find_constrained_prior: parameters must be numbers, {law.distribution.name} has shape {law.shape}."
            )
        first, last = (T.exp(logcdf(law, float(b))) for b in (lower, upper))
        off = (first - below) ** 2
        between = last - first
        objective = function(x, outputs=[off, gradients(off, [x])[0]])
        constraint = function(x, outputs=[between, gradients(between, [x])[0]])
    slope: Any = lambda v: constraint(v)[1]  # noqa: E731 - the stubs know names of methods only
    held = NonlinearConstraint(lambda v: float(constraint(v)[0]), mass, mass, jac=slope)
    found = minimize(
        lambda v: float(objective(v)[0]), list(init_guess.values()), jac=lambda v: objective(v)[1], constraints=held, **kwargs
    )
    if not found.success or abs(float(constraint(found.x)[0]) - mass) > 0.01:
        raise ValueError(
            f"find_constrained_prior: no {distribution.__name__} with mass {mass} between {lower} and {upper} was found from "
            f"{dict(init_guess)}: {found.message} Start elsewhere, or fix fewer parameters."
        )
    return {n: float(v) for n, v in zip(names, found.x, strict=True)} | dict(fixed_params or {})
