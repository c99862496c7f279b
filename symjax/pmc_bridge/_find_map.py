"""The posterior mode."""

from __future__ import annotations

import difflib
import logging
from typing import Any

import jax
import numpy as np

from symjax._errors import SamplingError

_LOG = logging.getLogger("symjax")


def find_MAP(
    method: str = "L-BFGS-B",
    *,
    vars: Any = None,
    initvals: Any = None,
    random_seed: int | None = None,
    progressbar: bool = True,
    model: Any = None,
    maxeval: int = 5000,
    **optimizer_kwargs: Any,
) -> dict[str, np.ndarray]:
    """Find the maximum of the posterior density.

    It is the density of the variables themselves, without the Jacobians of their transforms, though the search goes over the
    unconstrained space that sampling uses.

    Parameters
    ----------
    method : str
        A method of `scipy.optimize.minimize`; those that use a gradient are given one.
    vars : list of random variables, optional
        Variables to maximise over, the others staying where they start; all continuous ones by default.
    initvals : dict, optional
        Starting values by variable name.
    random_seed : int, optional
        Unused unless a starting value is drawn.
    progressbar : bool
        Whether to log the result.
    model : Model, optional
        The model in context by default.
    maxeval : int
        Greatest number of iterations.
    **optimizer_kwargs
        Passed to `scipy.optimize.minimize`.

    Returns
    -------
    dict of str to array
        The mode: values of all free variables, of their unconstrained counterparts and of the deterministics.

    Raises
    ------
    SamplingError
        If the density is not finite at the start, or the optimizer stops at a point that is not.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 1.0, 2.0)
    ...     mode = pm.find_MAP(progressbar=False)
    >>> float(mode["x"].round(6))
    1.0
    """
    return mode_of(
        model, jacobian=False, method=method, vars=vars, initvals=initvals, random_seed=random_seed, progressbar=progressbar,
        maxeval=maxeval, **optimizer_kwargs,
    )  # fmt: skip


def mode_of(
    model: Any, *, jacobian: bool, method: str = "L-BFGS-B", vars: Any = None, initvals: Any = None, random_seed: Any = None,
    progressbar: bool = True, maxeval: int = 5000, **optimizer_kwargs: Any,
) -> dict[str, np.ndarray]:  # fmt: skip
    """The mode of the variables' density, or with `jacobian` that of the unconstrained variables; see `find_MAP`."""
    from scipy.optimize import minimize

    from symjax.pmc_bridge._compile import compile_log_density
    from symjax.pmc_bridge._minibatch import refuse_minibatches
    from symjax.pmc_bridge._model import modelcontext

    model = modelcontext(model)
    refuse_minibatches(model, "find_MAP")
    compiled = compile_log_density(model, rewrites=(), jacobian=jacobian)
    compiled.refuse_atoms()
    start = compiled.flatten(model.initial_point(random_seed) if initvals is None else _start(model, initvals, random_seed))
    continuous, discrete = start
    free = _free_elements(model, compiled, vars)

    with jax.enable_x64(True):
        value_and_grad = jax.jit(jax.value_and_grad(compiled.target.function))

    def negative(x: np.ndarray) -> tuple[float, np.ndarray]:
        position = continuous.copy()
        position[free] = x
        with jax.enable_x64(True):
            value, gradient = value_and_grad(position, discrete, compiled.target.data)
        return -float(value), -np.asarray(gradient)[free]

    first, _ = negative(continuous[free])
    if not np.isfinite(first):
        raise SamplingError(f"find_MAP: the log density is {-first} at the start. Give `initvals` inside the support.")
    options = {"maxiter": maxeval, **optimizer_kwargs.pop("options", {})}
    gradient_free = method.lower() in ("nelder-mead", "powell", "cobyla", "cobyqa")
    objective: Any = (lambda x: negative(x)[0]) if gradient_free else negative
    found = minimize(
        objective, continuous[free], method=method, jac=None if gradient_free else True, options=options, **optimizer_kwargs
    )
    if not np.isfinite(found.fun):
        raise SamplingError(f"find_MAP: the optimizer {method} stopped at a log density of {-found.fun}: {found.message}")
    if not found.success:
        _LOG.warning("find_MAP: the optimizer stopped early: %s", found.message)
    elif progressbar:
        _LOG.info("find_MAP: log density %.4f after %d evaluations", -found.fun, found.nfev)
    position = continuous.copy()
    position[free] = found.x
    values = compiled.point(position, discrete)
    return {name: np.asarray(v) for name, v in values.items()}


def find_hessian(point: Any, vars: Any = None, model: Any = None, negate_output: bool = True) -> np.ndarray:
    """Second derivatives of the log density at a point, by the raveled unconstrained variables.

    Parameters
    ----------
    point : dict
        Values by the names of the value variables.
    vars : list of variables, optional
        Must be all continuous ones, as by default.
    model : Model, optional
        The model in context by default.
    negate_output : bool
        Whether to change the sign: the result then is the observed information.

    Returns
    -------
    array, shape (n, n)

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 0.5)
    ...     float(pm.find_hessian({"x": 1.0})[0, 0])
    4.0
    """
    from symjax.pmc_bridge._model import modelcontext

    return np.asarray(modelcontext(model).compile_d2logp(vars, negate_output=negate_output)(point))


def _start(model: Any, initvals: dict[str, Any], random_seed: int | None) -> dict[str, np.ndarray]:
    return model.initial_point(random_seed, overrides=initvals)


def _free_elements(model: Any, compiled: Any, chosen: Any) -> np.ndarray:
    """Positions in the flat vector of the variables to maximise over."""
    if chosen is None:
        return np.arange(compiled.target.size)
    slices = {v.name: (v.start, v.stop) for v in compiled.target.variables}
    found: list[np.ndarray] = []
    for variable in chosen if isinstance(chosen, (list, tuple)) else [chosen]:
        name = variable if isinstance(variable, str) else variable.name
        value = model.rvs_to_values.get(model.named_vars.get(name))
        key = value.name if value is not None else name
        if key not in slices:
            near = difflib.get_close_matches(key, slices, 1, cutoff=0.0)
            raise KeyError(f"find_MAP: {name!r} is no continuous free variable of the model; did you mean {near}?")
        found.append(np.arange(*slices[key]))
    return np.concatenate(found)
