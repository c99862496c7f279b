"""Results as ArviZ DataTrees: groups, dimensions, coordinates and attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import symjax
from symjax.core._function import evaluate
from symjax.core._leaves import present_shape
from symjax.pmc_bridge._minibatch import in_minibatches

Arrays = Mapping[str, np.ndarray]


def to_datatree(model: Any, groups: Mapping[str, Arrays], attrs: Mapping[str, Any] | None = None) -> Any:
    """A DataTree of arrays, with the model's dimensions and coordinates and its observed and constant data.

    Parameters
    ----------
    model : Model
        Source of dims, coords and data.
    groups : mapping of str to mapping of str to array
        Arrays by group and name; those of groups with draws are of shape ``(chain, draw, *shape)``.
    attrs : mapping, optional
        Attributes of the groups with draws.

    Returns
    -------
    xarray.DataTree
        Accepted by every function of ArviZ.
    """
    from arviz_base import from_dict

    tree = {name: dict(arrays) for name, arrays in groups.items() if arrays}
    for name, arrays in data_groups(model).items():
        if arrays:
            tree.setdefault(name, {}).update(arrays)
    common = {"inference_library": "symjax", "inference_library_version": symjax.__version__, **(attrs or {})}
    coords, dims = coords_of(model), dims_of(model, tree)
    return from_dict(
        tree,
        coords=coords,
        dims=dims,
        pred_coords=coords,
        pred_dims=dims,
        attrs={name: common for name in tree if name not in ("observed_data", "constant_data")},
        save_warmup=True,
    )


def data_groups(model: Any) -> dict[str, dict[str, np.ndarray]]:
    """The observed and the constant data of a model; without observations of other rows than the model has now, or of some rows."""
    partial = set(in_minibatches(model))
    values = {rv: np.asarray(evaluate(model.rvs_to_values[rv])) for rv in model.observed_RVs if rv not in partial}
    observed = {rv.name: v for rv, v in values.items() if v.shape == present_shape(rv.shape)}
    constant = {d.name: np.asarray(d.get_value()) for d in model.data_vars if d.name not in observed}
    return {"observed_data": observed, "constant_data": constant}


def coords_of(model: Any) -> dict[str, Any]:
    """Coordinates as ArviZ takes them; a dim without coordinate values counts from zero."""
    return {name: np.asarray(values) for name, values in model.coords.items() if values is not None}


def dims_of(model: Any, groups: Mapping[str, Arrays]) -> dict[str, list[str]]:
    """The dims of the named variables of all groups; an axis without a dim keeps the name that ArviZ gives it."""
    found: dict[str, list[str]] = {}
    for arrays in groups.values():
        for name in arrays:
            dims = model.named_vars_to_dims.get(name)
            if dims is not None:
                found[name] = [d if d is not None else f"{name}_dim_{i}" for i, d in enumerate(dims)]
    return found


def extend(tree: Any, other: Any) -> None:
    """Put the groups of another tree into a tree, replacing groups of the same name."""
    for name, group in other.children.items():
        tree[name] = group
