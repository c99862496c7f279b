"""Other leaves: graphs whose variables become constants, or new variables, with the axis lengths that follow."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from symjax.core._inner import InnerGraph
from symjax.core._leaves import Placeholder, Variable, constant, present_lengths
from symjax.core._node import Bound
from symjax.core._op import Aval
from symjax.core._scope import detached
from symjax.core._shapes import as_length, bind_dims, dim_names, is_symbolic, symbolic_dim
from symjax.core._traverse import rebuild, toposort, transform


def freeze(outputs: Sequence[Any]) -> list[Any]:
    """The same expressions with the present values of all variables, and static shapes where those tell them.

    Parameters
    ----------
    outputs : sequence of Tensor
        Expressions.

    Returns
    -------
    list of Tensor
        Expressions without variables. What depends on none is shared, not copied.
    """
    variables = [v for v in toposort(outputs) if isinstance(v, Variable)]
    lengths = functools.cache(lambda name: present_lengths([name]).get(name))
    return Replacement({v: present_constant(v) for v in variables}, lengths)(outputs)


def present_constant(variable: Variable) -> Any:
    """The value that a variable has now, as a constant."""
    return constant(np.asarray(variable.value), variable.dtype)


def frozen(variables: Collection[Variable]) -> Replacement:
    """The map of expressions to the same ones where some variables have their present values and shapes for good."""
    lengths: dict[str, Any] = {}
    for v in variables:
        for dim, length in zip(v.shape, np.shape(v.value), strict=True):
            bind_dims(dim, length, lengths)
    return Replacement({v: present_constant(v) for v in variables}, lengths.get, placeholders=True)


def separate(variables: Collection[Variable]) -> Replacement:
    """The map of expressions to the same ones of new variables, whose values and lengths change on their own."""
    lengths = {n: symbolic_dim() for v in variables for n in sorted(dim_names(v.shape))}
    new = Replacement({}, lengths.get, placeholders=True)
    for v in variables:
        shape = new.setting(v.shape)
        new.nodes[v] = Variable(v.value, name=v.name, trainable=v.trainable, shape=shape, register=False)
    return new


class Replacement:
    """A map of expressions to the same ones with other leaves and axis lengths; nodes that are shared before are after.

    Parameters
    ----------
    leaves : dict
        Leaf to what takes its place.
    lengths : callable
        New length, an int or a symbolic one, of the name of an unknown one; None if it stays.
    placeholders : bool
        Whether placeholders of unknown shape are replaced by new ones of the new shape.

    Attributes
    ----------
    nodes : dict
        Node to what has taken its place, as far as expressions have been mapped.
    """

    def __init__(self, leaves: Mapping[Any, Any], lengths: Callable[[str], Any], *, placeholders: bool = False):
        self.nodes = dict(leaves)
        self.lengths = lengths
        self.placeholders = placeholders

    def __call__(self, outputs: Sequence[Any]) -> list[Any]:
        """Expressions with the new leaves; what depends on none is shared, not copied."""
        with detached():
            return transform(outputs, self._visit)

    def _visit(self, node: Any, parents: tuple[Any, ...]) -> Any:
        if node not in self.nodes:
            self.nodes[node] = self._copied(node, parents)
        return self.nodes[node]

    def _copied(self, node: Any, parents: tuple[Any, ...]) -> Any:
        if isinstance(node, Placeholder) and self.placeholders:
            shape = self.setting(node.shape)
            return node if shape is node.shape else Placeholder(shape, node.dtype, name=node.name)
        if isinstance(node, Bound):
            shape = self.setting(node.shape)
            return node if shape is node.shape else Bound(Aval(shape, node.dtype, node.weak), node.name)
        if node.op is None:
            return node
        params = tuple((k, self.setting(v)) for k, v in node.params)
        same = all(a[1] is b[1] for a, b in zip(params, node.params, strict=True))
        return rebuild(node, parents, params=None if same else params)

    def setting(self, value: Any) -> Any:
        """A static setting, a shape say, with the new lengths; itself if nothing changes."""
        if isinstance(value, tuple):
            new = tuple(self.setting(v) for v in value)
            return value if all(a is b for a, b in zip(new, value, strict=True)) else new
        if isinstance(value, InnerGraph):
            inputs = [self._visit(b, ()) for b in value.inputs]
            outputs = self(value.outputs)
            same = all(a is b for a, b in zip([*inputs, *outputs], [*value.inputs, *value.outputs], strict=True))
            return value if same else InnerGraph(inputs, outputs)
        return self._length(value) if hasattr(value, "dimension_as_value") and is_symbolic(value) else value

    def _length(self, dim: Any) -> Any:
        new = {name: self.lengths(name) for name in dim_names((dim,))}
        if all(length is None for length in new.values()):
            return dim
        found = dim._evaluate({name: _unknown(dim, name) if length is None else length for name, length in new.items()})
        return as_length(found) if is_symbolic(found) else int(found)


def _unknown(dim: Any, name: str) -> Any:
    """The unknown of a name, among those that a length is made of."""
    from jax import export

    return export.symbolic_shape(name, scope=dim.scope)[0]
