"""PyTensor's graphs as tensors of ours."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.traversal import io_toposort
from pytensor.tensor.type_other import NoneTypeT

import symjax.tensor as T
from symjax.core._node import Tensor
from symjax.core._scope import detached

#: How an operation is translated, by the name of its class: ``rule(converter, node) -> tensor, or one for each output``.
OPERATIONS: dict[str, Callable[..., Any]] = {}


def operation(*names: str) -> Callable[[Any], Any]:
    """Declares the translation of the operations of some classes."""

    def keep(rule: Any) -> Any:
        for name in names:
            OPERATIONS[name] = rule
        return rule

    return keep


def origin(variable: Variable) -> Any:
    """The node that a variable is computed by, or None."""
    return variable.owner


class Converter:
    """Translates variables of PyTensor; one that was translated once is the same tensor later.

    Parameters
    ----------
    known : mapping of Variable to Tensor
        Variables that stand for tensors already.
    otherwise : callable
        Translates nodes whose operation has no rule.
    """

    def __init__(self, known: Mapping[Variable, Tensor], otherwise: Callable[[Converter, Any], Any]):
        self.known = dict(known)
        self.otherwise = otherwise

    def __call__(self, variable: Variable) -> Any:
        """The tensor of a variable."""
        found = self._leaf(variable)
        if found is not None:
            return found
        with detached():
            for node in io_toposort(list(self.known), [variable]):
                if all(out in self.known for out in node.outputs):
                    continue
                rule = OPERATIONS.get(type(node.op).__name__, self.otherwise)
                results = rule(self, node)
                outputs = [o for o in node.outputs if not _is_generator(o)]
                several = results if isinstance(results, (list, tuple)) else [results]
                self.known.update(zip(outputs, several, strict=False))
        return self.known[variable]

    def _leaf(self, variable: Variable) -> Any:
        if variable in self.known:
            return self.known[variable]
        if isinstance(variable.type, NoneTypeT):
            return None
        if isinstance(variable, Constant):
            self.known[variable] = T.constant(np.asarray(variable.data))
        elif hasattr(variable, "get_value"):
            # a shared variable that is no data of the model keeps its present value
            self.known[variable] = T.constant(np.asarray(variable.get_value()))  # type: ignore[attr-defined]
        return self.known.get(variable)

    def all(self, variables: Iterable[Variable]) -> list[Any]:
        """The tensors of variables."""
        return [self(v) for v in variables]

    def length(self, variable: Variable) -> Any:
        """The length of an axis, or another whole number that must be known; unknown lengths stay what they are."""
        if isinstance(variable, Constant):
            return int(variable.data)
        node = origin(variable)
        found = None if node is None else self._length_of(node)
        return int(self(variable).eval()) if found is None else found

    def _length_of(self, node: Any) -> Any:
        """What a node computes as an axis length, None if it is none by its form."""
        kind = type(node.op).__name__
        first: Any = next(iter(node.inputs), None)
        if kind == "Shape_i":
            return self(first).shape[node.op.i]
        if kind in ("TensorFromScalar", "ScalarFromTensor", "Assert", "CheckAndRaise"):
            return self.length(first)
        if kind == "Subtensor":
            index = self.index(node, 1)
            return self.lengths(first)[index] if isinstance(index, int) else None
        name = type(node.op.scalar_op).__name__ if kind == "Elemwise" else None
        if name == "Cast":
            return self.length(first)
        if name not in ("Add", "Sub", "Mul"):
            return None
        combine = {"Add": operator.add, "Sub": operator.sub, "Mul": operator.mul}[name]
        return functools.reduce(combine, (self.length(i) for i in node.inputs))

    def lengths(self, variable: Variable) -> tuple[Any, ...]:
        """A vector of axis lengths."""
        if isinstance(variable, Constant):
            return tuple(int(n) for n in np.atleast_1d(variable.data))
        node = origin(variable)
        found = None if node is None else self._lengths_of(node)
        return tuple(int(n) for n in np.atleast_1d(self(variable).eval())) if found is None else found

    def _lengths_of(self, node: Any) -> tuple[Any, ...] | None:
        kind = type(node.op).__name__
        if kind == "MakeVector":
            return tuple(self.length(i) for i in node.inputs)
        if kind == "Shape":
            return tuple(self(node.inputs[0]).shape)
        if kind == "DimShuffle" and node.inputs[0].type.ndim == 0:
            return (self.length(node.inputs[0]),)
        if kind == "Elemwise" and type(node.op.scalar_op).__name__ == "Cast":
            return self.lengths(node.inputs[0])
        if kind == "Join":
            return sum((self.lengths(i) for i in node.inputs), ())
        return None

    def index(self, node: Any, start: int) -> Any:
        """The index of an operation that reads or writes parts, as Python has it between brackets."""
        from pytensor.tensor.subtensor import indices_from_subtensor

        found = [self._place(part) for part in indices_from_subtensor(node.inputs[start:], node.op.idx_list)]
        return found[0] if len(found) == 1 else tuple(found)

    def _place(self, part: Any) -> Any:
        if isinstance(part, slice):
            return slice(*(None if b is None or isinstance(getattr(b, "type", None), NoneTypeT) else self.length(b)
                           for b in (part.start, part.stop, part.step)))  # fmt: skip
        if isinstance(part, Constant):
            value = np.asarray(part.data)
            return int(value) if value.ndim == 0 and value.dtype.kind in "iu" else value
        return self(part)


def _is_generator(variable: Variable) -> bool:
    return type(variable.type).__name__ == "RandomGeneratorType"
