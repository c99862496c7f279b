"""Missing values in observed data: they become free variables with the law of what was observed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import Variable, as_tensor
from symjax.core._node import Constant, Token
from symjax.core._scope import detached
from symjax.core._traverse import make
from symjax.pmc_bridge._model import Model
from symjax.pmc_bridge._terms import Deterministic
from symjax.random import transforms
from symjax.random._draw import RandomVariable


class ImputationWarning(UserWarning):
    """Says that observed data have missing values, which are sampled."""


def missing_in(observed: Any) -> np.ndarray | None:
    """Where data have missing values: masked, nan or None; None if nowhere."""
    if isinstance(observed, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(observed) | _is_nan(np.ma.getdata(observed))
    elif isinstance(observed, (Constant, Variable)):
        mask = _is_nan(np.asarray(observed.value))
    elif observed is None or hasattr(observed, "aval"):
        return None
    else:
        mask = _is_nan(np.asarray(observed))
    return mask if mask.any() else None


def _is_nan(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "O":
        import pandas as pd  # holds what pandas calls missing

        return np.asarray(pd.isna(array), bool)
    return np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)


def impute(model: Model, name: str, rv: Any, observed: Any, mask: np.ndarray, dims: Any, initval: Any) -> Any:
    """Split a variable into its observed and its missing values.

    Parameters
    ----------
    model : Model
        The model.
    name : str
        Full name of the variable; the parts are called ``name_observed`` and ``name_unobserved``.
    rv : RandomVariable
        A draw from its law, of the data's shape.
    observed : array-like or Variable
        Data.
    mask : array of bool
        Which values are missing.
    dims, initval
        Those of the variable.

    Returns
    -------
    Tensor
        All values together, as a deterministic of the model.

    Raises
    ------
    ValueError
        If a value of a multivariate law is missing in part.
    """
    event = rv.distribution.event_ndim
    missing = np.broadcast_to(mask, rv.shape)
    rows = missing.reshape(*rv.batch_shape, -1).any(-1) if event else missing
    if event and not np.array_equal(rows, missing.reshape(*rv.batch_shape, -1).all(-1)):
        raise ValueError(
            f"{name!r}: some values of its {rv.distribution.name} law are missing in part. They can be imputed where all of a "
            "value is missing; model the elements by their conditional laws otherwise."
        )
    warnings.warn(f"Data in {name} contains missing values and will be automatically imputed.", ImputationWarning, stacklevel=4)
    with detached():
        seen, unseen = (_part(rv, np.nonzero(at), f"{name}_{what}") for at, what in ((~rows, "observed"), (rows, "unobserved")))
        data = T.cast(_values(observed, rv)[np.nonzero(~rows)], rv.dtype)
    if seen.shape[0]:
        model.register_rv(seen, f"{name}_observed", observed=data)
    transform = None if rv.dtype.kind != "f" else transforms.default_transform(_support(unseen), unseen.shape)
    start = initval if initval is None or isinstance(initval, str) else np.broadcast_to(initval, rv.shape)[rows]
    model.register_rv(unseen, f"{name}_unobserved", transform=transform, initval=start)
    if isinstance(observed, Variable):
        model.imputed[observed.name] = mask
    place = np.empty(rows.size, int)
    place[np.concatenate([np.flatnonzero(~rows), np.flatnonzero(rows)])] = np.arange(rows.size)
    with detached():
        joined = T.concatenate([seen, unseen], 0)[place.reshape(rows.shape)]
    return Deterministic(name, joined, model, dims)


def _support(rv: Any) -> Any:
    with detached():
        return rv.distribution.support(*rv.parents)


def _values(observed: Any, rv: Any) -> Any:
    """Data as a tensor of the variable's shape; what is missing may be any number."""
    if isinstance(observed, (Constant, Variable)):
        return T.broadcast_to(observed, rv.shape)
    values = np.ma.getdata(observed) if isinstance(observed, np.ma.MaskedArray) else np.asarray(observed)
    if values.dtype.kind == "O":
        values = np.where(_is_nan(values), 0, values).astype(float)
    if values.dtype.kind == "f" and rv.dtype.kind in "iu":
        values = np.where(np.isnan(values), 0, values)
        if np.any(values != np.floor(values)):
            raise TypeError("observed must be whole numbers for a discrete variable.")
    return T.broadcast_to(as_tensor(values), rv.shape)


def _part(rv: Any, at: tuple[np.ndarray, ...], name: str) -> Any:
    """A variable that is some of the values of one, by their indices."""
    parents = []
    for p, spec in zip(rv.parents, rv.distribution.parameters.values(), strict=True):
        core = p.shape[p.ndim - spec.ndim :]
        parents.append(p if p.ndim == spec.ndim else T.broadcast_to(p, (*rv.batch_shape, *core))[at])
    shape = (len(at[0]), *rv.shape[len(rv.batch_shape) :])
    params = {**rv.settings, "shape": shape}
    return make(rv.op, parents, params, token=Token(name), kind=RandomVariable, name=name)


def check_data(model: Model) -> None:
    """Refuse data that are nan and not imputed.

    Raises
    ------
    ValueError
        Naming the data and the place.
    """
    for variable in model.data_vars:
        values = np.asarray(variable.value)
        if variable.name not in model.imputed and values.dtype.kind == "f" and np.isnan(values).any():
            index = tuple(int(i) for i in np.argwhere(np.isnan(values))[0])
            raise ValueError(
                f"{variable.name!r}: the value at index {index} is nan. Only what is observed may be missing: leave such rows "
                "out, or make the data a variable of its own with a prior."
            )
