"""Models made from a model: copies, interventions, observations, frozen models."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.core._freeze import frozen, separate
from symjax.core._leaves import Variable, as_tensor, constant, present_shape
from symjax.core._node import Constant, Tensor
from symjax.core._scope import detached
from symjax.core._shapes import dim_names, is_symbolic
from symjax.core._traverse import ancestors, rename, substitute
from symjax.pmc_bridge._model import Model
from symjax.pmc_bridge._named import _fit_data, observed_tensor
from symjax.random._draw import RandomVariable


def copy_of(model: Model) -> Model:
    """A copy of a model with its own data.

    Parameters
    ----------
    model : Model
        The model; if it is part of another one, that one is copied.

    Returns
    -------
    Model
        A model of the same names.
    """
    model = model.root
    return _mapped(model, separate(model.data_vars), dict(model.named_vars))


def do(
    model: Model,
    vars_to_interventions: Mapping[Any, Any],
    *,
    make_interventions_shared: bool = True,
    prune_vars: bool = False,
) -> Model:
    """A copy of a model in which some variables are set to values, whatever they depended on.

    Parameters
    ----------
    model : Model
        The model, which stays as it is.
    vars_to_interventions : mapping of variable or name to tensor-like
        Values, of the variables' shapes; expressions of other variables too.
    make_interventions_shared : bool
        Whether values that are numbers become data, which `set_data` replaces.
    prune_vars : bool
        Whether to leave out the variables that neither data nor potentials depend on.

    Returns
    -------
    Model
        The copy, where those variables are data, or deterministics, of the same names; ``do_x`` for a value that is an
        expression of x itself, which then stays what it was.

    Raises
    ------
    KeyError
        If the model has no such variable.
    ShapeError
        If a value does not have its variable's shape.
    TypeError
        If a discrete variable is set to values that are not whole numbers.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     y = pm.Normal("y", 2 * x, 0.1)
    >>> round(float(pm.draw(pm.do(model, {"x": 3.0})["y"], random_seed=1)))
    6

    References
    ----------
    Pearl, Causality, 2nd ed. 2009, section 3.2.
    """
    result = copy_of(model)
    for key, value in vars_to_interventions.items():
        node = _variable(result, key, "do")
        now = {v: result.named_vars[name] for name, v in model.named_vars.items()}
        with detached():
            [value] = substitute([_of_type(node, value)], now)
            result = _intervened(result, node, value, make_interventions_shared)
    return _pruned(result) if prune_vars else result


def _intervened(model: Model, node: Any, value: Any, as_data: bool) -> Model:
    """A model with one of its variables set to a value."""
    is_of_itself = node in ancestors([value])
    name = f"do_{node.name}" if is_of_itself else node.name
    if is_of_itself:
        warnings.warn(f"do: the value of {node.name!r} is an expression of itself; it is called {name!r}.", stacklevel=3)
    new = _named_value(name, value, node.shape, as_data)

    def replace(nodes: Sequence[Any]) -> list[Any]:
        found = substitute(nodes, {node: new, new: new})
        return [n if n is node and is_of_itself else f for n, f in zip(nodes, found, strict=True)]

    return _mapped(model, replace, {**model.named_vars, name: new})


def observe(model: Model, vars_to_observations: Mapping[Any, Any]) -> Model:
    """A copy of a model in which some free variables are observed.

    Parameters
    ----------
    model : Model
        The model, which stays as it is.
    vars_to_observations : mapping of variable or name to tensor-like
        Data, of the variables' shapes.

    Returns
    -------
    Model
        The copy.

    Raises
    ------
    KeyError
        If the model has no such variable.
    ValueError
        If a variable is not free.
    ShapeError
        If data do not have their variable's shape.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x", 0.0, 1.0)
    >>> pm.observe(model, {"x": 0.5}).observed_RVs[0].name
    'x'
    """
    copied = copy_of(model)
    for key, value in vars_to_observations.items():
        rv = _variable(copied, key, "observe")
        if rv not in copied.free_RVs:
            free = [v.name for v in copied.free_RVs]
            raise ValueError(f"observe: {rv.name!r} is no free variable of the model, which has {free}.")
        copied.free_RVs.remove(rv)
        copied.rvs_to_initial_values.pop(rv, None)
        copied.rvs_to_values[rv] = _fit_data(rv, observed_tensor(rv.name, value))
        copied.rvs_to_transforms[rv] = None
        copied.observed_RVs.append(rv)
    return copied


class FrozenModel(Model):
    """A model to which nothing can be added; made by `freeze_model`."""

    def __init__(self, *args: Any, **kwargs: Any):
        raise TypeError("FrozenModel cannot be made by itself; make it from a model with freeze_model.")

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("nothing can be added to a frozen model; add it to the model before freeze_model.")

    register_rv = add_named_variable = add_coord = add_coords = check_name = _refuse


def freeze_model(model: Model) -> FrozenModel:
    """A copy of a model to which nothing can be added; data that its free variables depend on are numbers for good.

    Parameters
    ----------
    model : Model
        The model, which stays as it is.

    Returns
    -------
    FrozenModel
        The copy. `set_data` still replaces the data that only observed variables and deterministics depend on.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x", 0.0, 1.0)
    >>> pm.freeze_model(model).free_RVs[0].name
    'x'
    """
    needed = ancestors(model.free_RVs)
    names = {n for v in needed if isinstance(v, Tensor) for n in dim_names(v.shape)}
    dims = [d for d, length in model.dims.symbols.items() if dim_names((length,)) & names]
    result = freeze_dims_and_data(model, dims, [v.name for v in model.data_vars if v in needed])
    result.__class__ = FrozenModel
    return result  # type: ignore[return-value]


def freeze_dims_and_data(model: Model, dims: Sequence[str] | None = None, data: Sequence[str] | None = None) -> Model:
    """A copy of a model in which data are numbers, and the lengths of dims known, for good.

    Parameters
    ----------
    model : Model
        The model, which stays as it is.
    dims, data : sequence of str, optional
        Names of those to freeze; all by default. Data that have a frozen dim are frozen too.

    Returns
    -------
    Model
        The copy; frozen data are constants in it, no longer variables.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model() as model:
    ...     x = pm.Data("x", [1.0, 2.0])
    ...     mu = pm.Normal("mu", x, 1.0)
    >>> pm.freeze_dims_and_data(model)["mu"].shape
    (2,)
    """
    copied = copy_of(model)
    wanted = set(copied.dims.symbols if dims is None else dims)
    chosen = [
        v for v in copied.data_vars if data is None or v.name in data or wanted & set(copied.named_vars_to_dims.get(v.name, ()))
    ]
    result = _mapped(copied, frozen(chosen), dict(copied.named_vars))
    known = {n for v in chosen for n in dim_names(v.shape)}
    result.dims.symbols = {d: s for d, s in result.dims.symbols.items() if not dim_names((s,)) & known}
    return result


def _variable(model: Model, key: Any, what: str) -> Any:
    name = getattr(key, "name", key)
    if name not in model.named_vars:
        near = difflib.get_close_matches(str(name), model.named_vars, 1, cutoff=0.0)
        raise KeyError(f"{what}: the model has no variable {name!r}; did you mean {near[0] if near else None!r}?")
    return model.named_vars[name]


def _of_type(node: Any, value: Any) -> Tensor:
    """A value in the dtype and shape of its variable."""
    tensor = as_tensor(value)
    if tensor.dtype.kind == "f" and node.dtype.kind != "f":
        if not (isinstance(tensor, Constant) and np.array_equal(tensor.value, np.floor(tensor.value))):
            raise TypeError(f"do: {node.name!r} is of type {node.dtype} and takes whole numbers, got {value!r}.")
    now, wanted = present_shape(tensor.shape), present_shape(node.shape)
    if now != wanted and (now or isinstance(node, Variable)):
        raise ShapeError(f"do: {node.name!r} has shape {wanted}, and the value given for it {now}.")
    if isinstance(tensor, Constant):
        return constant(np.broadcast_to(np.asarray(tensor.value, node.dtype), wanted))
    tensor = T.cast(tensor, node.dtype)
    return tensor if now == wanted else T.broadcast_to(tensor, node.shape)


def _named_value(name: str, value: Any, shape: Sequence[Any], as_data: bool) -> Any:
    """A value under a variable's name: a cell that `set_data` replaces, or an expression."""
    if not (isinstance(value, Constant) and as_data):
        return rename(T.alias(value), name)
    # lengths that other data tell stay those of that data
    dims = tuple(d if is_symbolic(d) and dim_names((d,)) == {str(d)} else n for d, n in zip(shape, value.shape, strict=True))
    return Variable(value.value, name=name, trainable=False, shape=dims, register=False)


def _pruned(model: Model) -> Model:
    """A model without the variables that neither data nor potentials depend on."""
    needed = ancestors([*model.observed_RVs, *model.potentials])
    return _mapped(model, list, {name: v for name, v in model.named_vars.items() if v in needed})


def _mapped(model: Model, replace: Callable[[Sequence[Any]], Sequence[Any]], order: Mapping[str, Any]) -> Model:
    """The model of the variables in `order`, of which those of a model are replaced by a map of expressions."""
    transforms = [t for t in model.rvs_to_transforms.values() if t is not None]
    starts = [v for v in model.rvs_to_initial_values.values() if isinstance(v, Tensor)]
    nodes = list(dict.fromkeys([*order.values(), *model.named_vars.values(), *model.rvs_to_values.values(), *starts]))
    nodes += [t for x in transforms for t in x.tensors]
    new = dict(zip(nodes, replace(nodes), strict=True))
    result = Model(model.name, check_bounds=model.check_bounds, model=None)
    _copy_dims(model, result, order, new)
    result.named_vars.update({name: new[v] for name, v in order.items()})
    kept = {v: new[v] for v in order.values()}
    for name in ("free_RVs", "observed_RVs", "deterministics", "potentials", "user_transformed_RVs"):
        getattr(result, name).extend(kept[v] for v in getattr(model, name) if v in kept and _is_still(v, kept[v]))
    for name in ("marginalized_RVs", "lost_deterministics"):
        getattr(result, name).extend(new.get(v, v) for v in getattr(model, name))
    result.data_vars.extend(v for v in result.named_vars.values() if isinstance(v, Variable))
    listed = {*result.basic_RVs, *result.deterministics, *result.potentials, *result.data_vars}
    result.deterministics.extend(v for v in result.named_vars.values() if v not in listed and not isinstance(v, Constant))
    result.imputed.update(model.imputed)
    for rv in [*model.free_RVs, *model.observed_RVs]:
        if rv in kept and _is_still(rv, kept[rv]):
            _copy_value(model, result, rv, new)
    return result


def _is_still(old: Any, new: Any) -> bool:
    """Whether what takes a variable's place is the same kind of variable."""
    return isinstance(new, RandomVariable) or not isinstance(old, RandomVariable)


def _copy_dims(model: Model, result: Model, order: Mapping[str, Any], new: Mapping[Any, Any]) -> None:
    dims, own = model.dims, result.dims
    own.coords, own.lengths = dict(dims.coords), dict(dims.lengths)
    own.of_variables = {k: v for k, v in dims.of_variables.items() if k in order}
    own.symbols = dict(dims.symbols)
    for v in model.data_vars:
        renewed = new.get(v, v)
        for dim, length in zip(dims.of_variables.get(v.name, ()), renewed.shape, strict=False):
            if dim is not None and is_symbolic(length):
                own.symbols[dim] = length


def _copy_value(model: Model, result: Model, rv: Any, new: Mapping[Any, Any]) -> None:
    """A variable's value, transform and start."""
    own = new[rv]
    transform = model.rvs_to_transforms[rv]
    result.rvs_to_values[own] = new[model.rvs_to_values[rv]]
    result.rvs_to_transforms[own] = None if transform is None else transform.mapped(lambda t: new[t])
    result.rvs_to_total_sizes[own] = model.rvs_to_total_sizes.get(rv)
    if rv in model.rvs_to_initial_values:
        start = model.rvs_to_initial_values[rv]
        result.rvs_to_initial_values[own] = new[start] if isinstance(start, Tensor) else start
