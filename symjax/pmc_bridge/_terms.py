"""What else models are made of: named expressions, terms of the log density, points."""

from __future__ import annotations

from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._node import Op, RandomOp, Tensor
from symjax.core._traverse import rename
from symjax.pmc_bridge._model import Model, model_of_variables


def Deterministic(name: str, var: Any, model: Model | None = None, dims: Any = None) -> Any:
    """A named expression, whose value is stored with the draws.

    Parameters
    ----------
    name : str
        Its name.
    var : tensor-like
        The expression.
    model : Model, optional
        The model in context by default.
    dims : str or sequence of str, optional
        Dims, one for each axis.

    Raises
    ------
    ShapeError
        If the dims' number or lengths are not those of the expression.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     y = pm.Deterministic("y", 2 * x)
    """
    model = model_of_variables(model)
    full = model.check_name(name)
    node = _named(as_tensor(var), full)
    model.add_named_variable(node, dims)
    model.deterministics.append(node)
    return node


def Potential(name: str, var: Any, model: Model | None = None, dims: Any = None) -> Any:
    """A term added to the model's log density; it is left out of predictive sampling.

    Parameters
    ----------
    name : str
        Its name.
    var : tensor-like
        The term; an array is summed.
    model : Model, optional
        The model in context by default.
    dims : str or sequence of str, optional
        Dims, one for each axis.
    """
    model = model_of_variables(model)
    full = model.check_name(name)
    node = _named(as_tensor(var), full)
    model.add_named_variable(node, dims)
    model.potentials.append(node)
    return node


def _named(tensor: Tensor, name: str) -> Tensor:
    """The expression under a name of its own: an alias, so that a variable and its deterministic copy stay two."""
    if isinstance(tensor, Op) and not isinstance(tensor, RandomOp) and not tensor.is_named:
        return rename(tensor, name)
    return rename(T.alias(tensor), name)


def Point(*args: Any, filter_model_vars: bool = False, **kwargs: Any) -> dict[str, np.ndarray]:
    """A dict of arrays by name."""
    return {str(k): np.asarray(v) for k, v in dict(*args, **kwargs).items()}
