"""A model's joint log density as an expression of its value variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._config import config
from symjax.core._leaves import Placeholder, present_shape
from symjax.core._scope import detached
from symjax.core._traverse import substitute
from symjax.pmc_bridge._missing import check_data
from symjax.random.density import log_densities


def constrained_values(model: Any) -> dict[Any, Any]:
    """For each random variable its value on its own support: an expression of its value variable, or its data."""
    found = {}
    with detached():
        for rv in model.basic_RVs:
            value, transform = model.rvs_to_values[rv], model.rvs_to_transforms[rv]
            # a transform's bounds may be expressions of variables made before, which have their values by now
            found[rv] = value if transform is None else substitute([transform.inverse(value)], found)[0]
    return found


def joint_terms(model: Any, *, jacobian: bool = True) -> dict[str, Any]:
    """The terms of the log density by name: one for each random variable, elementwise where it can be, and each potential.

    Parameters
    ----------
    model : Model
        The model.
    jacobian : bool
        Whether the density is that of the unconstrained values, with the log-Jacobians of the transforms.
    """
    check_data(model)
    if model.marginalized_RVs:
        from symjax.pmc_bridge._plan import marginal_terms

        return marginal_terms(model, jacobian)
    values = constrained_values(model)
    terms: dict[str, Any] = {}
    with detached():
        for rv, term in log_densities(values).items():
            transform = model.rvs_to_transforms[rv]
            if transform is not None and jacobian:
                [log_det] = substitute([transform.log_det(model.rvs_to_values[rv])], values)
                term = term + log_det if term.shape == log_det.shape else term.sum() + log_det.sum()
            scale = scale_of(rv, model, rv.shape[0] if rv.shape else 1)
            terms[rv.name] = term if scale is None else term * scale
        found = substitute(model.potentials, values) if model.potentials else []
    terms.update({p.name: value for p, value in zip(model.potentials, found, strict=True)})
    return terms


def scale_of(rv: Any, model: Any, length: Any) -> Any:
    """What the term of a minibatch of `length` rows is multiplied by to stand for all of the data; None for other terms."""
    total = model.rvs_to_total_sizes.get(rv)
    if total is None:
        return None
    full = np.prod([t for t in (total if isinstance(total, (tuple, list)) else [total]) if t is not None and t is not Ellipsis])
    return float(full) / length


def total(terms: Sequence[Any]) -> Any:
    """The sum of all elements of all terms."""
    with detached():
        sums = [t.sum() if t.shape else t for t in terms]
        return T.add_n(sums) if sums else T.as_tensor(0.0)


def layout(variables: Sequence[Any]) -> list[tuple[Any, int, int, tuple[int, ...]]]:
    """Each variable with its slice of a flat vector and its shape now."""
    found, start = [], 0
    for v in variables:
        shape = present_shape(v.shape)
        stop = start + int(np.prod(shape, dtype=int))
        found.append((v, start, stop, shape))
        start = stop
    return found


def unpack(flat: Any, variables: Sequence[Any]) -> dict[Any, Any]:
    """For each variable the part of a flat tensor that holds it."""
    with detached():
        return {
            v: flat[start] if shape == () else T.reshape(flat[start:stop], shape) for v, start, stop, shape in layout(variables)
        }


def flat_inputs(model: Any) -> tuple[Any, Any, dict[Any, Any]]:
    """Placeholders of the flat continuous and discrete values, and each value variable as a part of them."""
    continuous, discrete = model.continuous_value_vars, model.discrete_value_vars
    sizes = [layout(vs)[-1][2] if vs else 0 for vs in (continuous, discrete)]
    with detached():
        flat = Placeholder((symbolic_free(sizes[0]),), config.float_dtype, name="position")
        whole = Placeholder((symbolic_free(sizes[1]),), np.int64, name="discrete")
    return flat, whole, unpack(flat, continuous) | unpack(whole, discrete)


def symbolic_free(n: int) -> int | None:
    """An axis length for a placeholder: a first axis of length zero would be read as unknown, and is."""
    return n if n else None


def flat_log_density(model: Any, *, jacobian: bool = True) -> tuple[Any, Any, Any]:
    """A flat placeholder, the value variables joined in its order, and the log density as an expression of it."""
    flat, _, parts = flat_inputs(model)
    with detached():
        [density] = substitute([model.logp(jacobian=jacobian)], {v: parts[v] for v in model.continuous_value_vars})
        joined = T.concatenate([v.ravel() for v in model.continuous_value_vars])
    return flat, joined, density
