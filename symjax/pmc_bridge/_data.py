"""Data as variables of the model, which may be replaced without building the model again."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np

from symjax._config import config
from symjax._errors import ShapeError
from symjax.core._leaves import Variable
from symjax.core._shapes import is_symbolic
from symjax.pmc_bridge._model import model_of_variables


def Data(
    name: str, value: Any, *, dims: Any = None, coords: Mapping[str, Any] | None = None, model: Any = None, **kwargs: Any
) -> Variable:
    """Data that the model refers to; `set_data` replaces it.

    Parameters
    ----------
    name : str
        Its name, under which results hold it as constant data.
    value : array-like
        Values; floats take `config.floatX`.
    dims : str or sequence of str, optional
        A dim for each axis; a dim that is new to the model gets the axis's length.
    coords : mapping, optional
        Coordinates of such dims.
    model : Model, optional
        The model in context by default.

    Returns
    -------
    Variable
        A tensor whose axes may change their lengths.

    Raises
    ------
    ValueError
        If the name exists. Data that are nan are refused where they are used, unless they are observed and so imputed.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model() as model:
    ...     x = pm.Data("x", [1.0, 2.0, 3.0], dims="row")
    >>> model.dim_lengths
    {'row': 3}
    """
    model = model_of_variables(model)
    full = model.check_name(name)
    array = _array(full, value)
    model.add_coords(coords or {})
    names = (None,) * array.ndim if dims is None else model.dims.as_tuple(dims)
    if len(names) != array.ndim:
        raise ShapeError(f"{full!r} has {array.ndim} axes, shape {array.shape}, and {len(names)} dims, {names}.")
    _add_dims(model, full, names, array.shape, getattr(value, "index", None))
    shape = tuple(None if d is None else model.dims.symbol(d) for d in names)
    variable = Variable(array, name=full, trainable=False, shape=shape, register=False)
    if dims is not None:
        model.dims.of_variables[full] = names
    model.named_vars[full] = variable
    model.data_vars.append(variable)
    return variable


def _add_dims(model: Any, name: str, dims: tuple[Any, ...], shape: tuple[int, ...], index: Any) -> None:
    """Check the dims of new data, and add those that the model lacks, the first with a table's index as coordinates."""
    for axis, (dim, length) in enumerate(zip(dims, shape, strict=True)):
        if dim is not None and dim not in model.dim_lengths:
            values = index if axis == 0 and index is not None and not callable(index) else None
            model.add_coord(dim, values, length=length)
        elif dim is not None and model.dim_lengths[dim] != length:
            raise ShapeError(f"{name!r} has shape {shape}, but dim {dim!r} has length {model.dim_lengths[dim]} in the model.")


def _array(name: str, value: Any) -> np.ndarray:
    # what a mask hides is no number
    array = np.where(np.ma.getmaskarray(value), np.nan, np.ma.getdata(value)) if np.ma.is_masked(value) else np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name!r}: data must be numbers, got dtype {array.dtype}.")
    if array.dtype.kind == "f":
        array = array.astype(config.float_dtype)
    return array


def _converted(name: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """New values in the type of the data that they replace.

    Raises
    ------
    TypeError
        If the type cannot hold them: the values are not whole numbers and those that they replace are.
    """
    kept = np.isfinite(array) & (array == np.floor(array)) if dtype.kind in "iu" else np.isin(array, (0, 1))
    if dtype.kind in "biu" and not kept.all():
        raise TypeError(
            f"set_data: {name!r} has dtype {dtype}, which cannot hold {array[~kept][0]}. Make the data with floats, "
            f"pm.Data({name!r}, np.asarray(values, float)), if they may be replaced by floats."
        )
    return array.astype(dtype)


def set_data(new_data: Mapping[str, Any], model: Any = None, *, coords: Mapping[str, Any] | None = None) -> None:
    """Replace values of data variables.

    Parameters
    ----------
    new_data : mapping of str to array-like
        New values by name; they may have other lengths.
    model : Model, optional
        The model in context by default.
    coords : mapping, optional
        New coordinates of dims whose lengths change.
    """
    model = model_of_variables(model)
    for name, values in new_data.items():
        replace_data(model, name, values, coords or {})


def replace_data(model: Any, name: str, values: Any, coords: Mapping[str, Any]) -> None:
    """Replace the values of one data variable, and the lengths and coordinates of its dims.

    Raises
    ------
    KeyError
        If the model has no such data.
    ShapeError
        If the number of axes differs, or a new length contradicts coordinates or another variable.
    TypeError
        If the data are whole numbers and the new values are not.
    """
    known = {d.name: d for d in model.data_vars}
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, cutoff=0.0)
        raise KeyError(f"set_data: the model has no data {name!r}; did you mean {near[0] if near else None!r}?")
    variable = known[name]
    array = _converted(name, _array(name, values), variable.dtype)
    if array.ndim != variable.ndim:
        raise ShapeError(f"set_data: {name!r} has {variable.ndim} axes, the new value shape {array.shape}.")
    if name in model.imputed and not np.array_equal(np.isnan(array), model.imputed[name]):
        raise ValueError(f"set_data: the model imputes missing values of {name!r} at other places. Build it anew with these data.")
    dims = model.named_vars_to_dims.get(name, (None,) * array.ndim)
    for dim, length in zip(dims, array.shape, strict=True):
        if dim is None or model.dim_lengths[dim] == length and dim not in coords:
            continue
        new = coords.get(dim)
        if new is not None and len(new) != length:
            raise ShapeError(f"set_data: {name!r} has length {length} along {dim!r}, and {len(new)} coordinates were given.")
        if new is None and model.coords[dim] is not None and model.dim_lengths[dim] != length:
            raise ShapeError(
                f"set_data: {name!r} now has length {length} along {dim!r}, which has {model.dim_lengths[dim]} coordinates. "
                f"Give the new ones with coords={{{dim!r}: ...}}."
            )
        _check_fixed(model, dim, length, name)
        model.dims.set_length(dim, length, new)
    variable.update(array)


def _check_fixed(model: Any, dim: str, length: int, name: str) -> None:
    """A dim must not change its length while a variable of fixed shape has it."""
    for other, dims in model.named_vars_to_dims.items():
        node = model.named_vars.get(other)
        if node is None or dim not in dims or isinstance(node, Variable):
            continue
        size = node.shape[dims.index(dim)]
        if not is_symbolic(size) and size != length:
            raise ShapeError(
                f"set_data: {name!r} would give dim {dim!r} the length {length}, but {other!r} has {size} of it for good. "
                f"Give that variable's axis its length through data (shape=x.shape[0]) instead."
            )
