"""A PyMC model's variables, one after the other, as a model of ours."""

from __future__ import annotations

from typing import Any

import numpy as np
from pytensor.graph.basic import Constant
from pytensor.tensor.type_other import NoneTypeT

from symjax.core._leaves import as_tensor
from symjax.core._scope import detached
from symjax.pmc_bridge._data import Data
from symjax.pmc_bridge._from_pymc._graph import Converter
from symjax.pmc_bridge._from_pymc._laws import is_random, make_law
from symjax.pmc_bridge._from_pymc._operations import in_jax
from symjax.pmc_bridge._from_pymc._transforms import converted_transform
from symjax.pmc_bridge._model import Model
from symjax.pmc_bridge._named import observed_tensor
from symjax.pmc_bridge._terms import Deterministic, Potential


def converted(theirs: Any) -> Model:
    """A model that says the same as a PyMC model; see `from_pymc`."""
    ours = Model(model=None)
    convert = Converter({}, _otherwise)
    for dim, values in theirs.coords.items():
        if values is not None:
            ours.add_coord(dim, values)
    data = {v.name for v in theirs.data_vars}
    for name, variable in theirs.named_vars.items():
        dims = theirs.named_vars_to_dims.get(name)
        if name in data:
            convert.known[variable] = _data(ours, theirs, variable, dims)
        elif variable in theirs.rvs_to_values:
            _add_variable(ours, theirs, convert, variable, dims)
        else:
            _add_term(ours, theirs, convert, variable, dims)
    return ours


def _otherwise(convert: Converter, node: Any) -> Any:
    return make_law(convert, node) if is_random(node) else in_jax(convert, node)


def _data(ours: Model, theirs: Any, variable: Any, dims: Any) -> Any:
    if not hasattr(variable, "get_value"):
        return Data(variable.name, np.asarray(variable.data), dims=dims, model=ours)
    return Data(variable.name, variable.get_value(), dims=dims, model=ours)


def _add_variable(ours: Model, theirs: Any, convert: Converter, variable: Any, dims: Any) -> None:
    """Add a random variable with its data, or its transform and its initial value."""
    name, node = variable.name, variable.owner
    total_size = None
    if type(node.op).__name__ == "MinibatchRandomVariable":
        total_size = [None if isinstance(n.type, NoneTypeT) else convert.length(n) for n in node.inputs[1:]]
        node = node.inputs[0].owner
    shape = _shape(ours, variable, dims)
    if dims is not None:
        ours.dims.add_unknown(dims, shape)
    with detached():
        rv = make_law(convert, node, name=name, shape=shape)
    convert.known[variable] = rv
    value = theirs.rvs_to_values[variable]
    if variable in theirs.observed_RVs:
        observed = value.data if isinstance(value, Constant) else convert(value)
        data = observed_tensor(name, observed)
        ours.register_rv(rv, name, observed=data, total_size=total_size, dims=dims)
        return
    start = theirs.rvs_to_initial_values[variable]
    start = convert(start) if hasattr(start, "type") else start
    transform = converted_transform(convert, theirs.rvs_to_transforms[variable], variable)
    ours.register_rv(rv, name, dims=dims, transform=transform, initval=start)


def _shape(ours: Model, variable: Any, dims: Any) -> tuple[Any, ...]:
    """The shape of a variable, with the unknown lengths of dims of data."""
    known = variable.type.shape
    lengths = [None] * len(known) if dims is None else list(dims)
    found: list[Any] = []
    for axis, (length, dim) in enumerate(zip(known, lengths, strict=True)):
        if dim is not None and dim in ours.dim_lengths:
            found.append(ours.dims.shape(variable.name, (dim,))[0])
        else:
            found.append(int(length) if length is not None else int(variable.shape[axis].eval()))
    return tuple(found)


def _add_term(ours: Model, theirs: Any, convert: Converter, variable: Any, dims: Any) -> None:
    """Add a deterministic or a potential."""
    tensor = as_tensor(convert(variable))
    if dims is not None:
        ours.dims.add_unknown(dims, tensor.shape)
    if variable in theirs.potentials:
        Potential(variable.name, tensor, ours)
    else:
        Deterministic(variable.name, tensor, ours, dims)
