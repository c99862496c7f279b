"""Lowering: a graph becomes a flat list of calls that one Python loop runs under JAX's tracing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import numpy as np

from symjax._errors import MissingInputError
from symjax.core._inner import InnerGraph, tokens_of
from symjax.core._keys import KeyStream, salts_of
from symjax.core._leaves import Variable, owner_of
from symjax.core._node import Bound, Constant
from symjax.core._shapes import bind_dims, dim_names, evaluate_dim, is_symbolic
from symjax.core._traverse import toposort

_LIFT_BYTES = 1024


class Program:
    """A lowered graph.

    Attributes
    ----------
    inputs : tuple of Tensor
        Leaves whose values `run` is given.
    variables : tuple of Variable
        Variables that the program reads; their values come first in `data`.
    data : tuple of arrays
        Large constants and what was computed from constants alone, to be passed to `run` after the variables' values.
    tokens : list of Token
        Draws, those of inner graphs included; `run` needs a stream when there are any.
    unknown : frozenset of str
        Names of the unknown axis lengths that instructions need.
    """

    __slots__ = (
        "inputs", "variables", "data", "tokens", "unknown",
        "_code", "_start", "_inputs", "_data", "_outputs", "_dims", "_lengths",
    )  # fmt: skip

    def __init__(self, inputs: Sequence[Any], builder: _Builder, outputs: Sequence[Any], lengths: dict[str, int]):
        self._lengths = lengths
        self.inputs = tuple(inputs)
        self.variables = tuple(builder.variables)
        self.data = tuple(builder.data)
        self.tokens = tokens_of(outputs)
        self.unknown = frozenset(builder.unknown)
        self._code = builder.code
        self._start = builder.values
        self._inputs = [builder.slot[i] for i in inputs]
        self._data = builder.variable_slots + builder.data_slots
        self._outputs = [builder.slot[o] for o in outputs]
        self._dims = [(k, axis, d) for k, i in enumerate(inputs) for axis, d in enumerate(i.shape) if is_symbolic(d)]

    def __len__(self) -> int:
        return len(self._code)

    def values_of_data(self) -> tuple[Any, ...]:
        """What `run` takes as `data` now: the variables' present values, then the constants."""
        return (*(v.value for v in self.variables), *self.data)

    def salts(self) -> dict[Any, int]:
        """Salts of the draws."""
        return salts_of(self.tokens)

    @property
    def is_dynamic(self) -> bool:
        """Whether an instruction needs the length of an axis that is unknown while the graph is built."""
        return any(instruction[-1] for instruction in self._code)

    def run(
        self,
        inputs: Sequence[Any],
        data: Sequence[Any] = (),
        stream: KeyStream | None = None,
        lengths: dict[str, int] | None = None,
    ) -> list[Any]:
        """Values of the outputs, in JAX.

        Parameters
        ----------
        inputs : sequence of arrays
            Values of `inputs`.
        data : sequence of arrays
            As `values_of_data` gives them.
        stream : KeyStream
            Source of keys, needed if the program draws.
        lengths : dict
            Lengths of unknown axes that the inputs do not tell.
        """
        values = list(self._start)
        for slot, value in zip(self._inputs, inputs, strict=True):
            values[slot] = value
        for slot, value in zip(self._data, data, strict=True):
            values[slot] = value
        lengths = {**self._lengths, **(lengths or {})}
        for k, axis, dim in self._dims:
            bind_dims(dim, np.shape(inputs[k])[axis], lengths)
        for variable, slot in zip(self.variables, self._data, strict=False):
            for dim, length in zip(variable.shape, np.shape(values[slot]), strict=True):
                bind_dims(dim, length, lengths)
        for fn, arguments, kwargs, out, token, random, dynamic in self._code:
            if dynamic:
                kwargs = {k: resolved(v, lengths) for k, v in kwargs.items()}
            if random:
                source = _key_source(stream, token, kwargs)
                values[out] = fn(source, *[values[a] for a in arguments], **kwargs)
            else:
                values[out] = fn(*[values[a] for a in arguments], **kwargs)
        return [values[o] for o in self._outputs]


def _key_source(stream: KeyStream | None, token: Any, kwargs: dict[str, Any]) -> Any:
    """A key for a draw; the whole stream for an operation with a body, whose draws have tokens of their own."""
    if any(isinstance(v, InnerGraph) for v in kwargs.values()):
        return stream
    if stream is None:
        raise MissingInputError("a program that draws needs a key")
    return stream.key(token)


def resolved(value: Any, lengths: dict[str, int]) -> Any:
    """A static setting with its unknown lengths replaced by those given."""
    if isinstance(value, tuple):
        return tuple(resolved(v, lengths) for v in value)
    if isinstance(value, InnerGraph):
        return value.with_lengths(lengths)
    return evaluate_dim(value, lengths) if hasattr(value, "dimension_as_value") else value


def _is_dynamic(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(_is_dynamic(v) for v in value)
    if isinstance(value, InnerGraph):
        return value.program.is_dynamic
    return hasattr(value, "dimension_as_value")


def _unknown_lengths(values: Iterable[Any]) -> set[str]:
    values = list(values)
    return dim_names(values).union(*(v.program.unknown for v in values if isinstance(v, InnerGraph)))


def _value_of(constant: Constant) -> Any:
    return constant.value


class _Builder:
    """Collects the instructions of a program, equal computations once."""

    def __init__(self) -> None:
        self.slot: dict[Any, int] = {}
        self.known: dict[Any, int] = {}
        self.values: list[Any] = []
        self.code: list[tuple[Any, ...]] = []
        self.variables: list[Variable] = []
        self.variable_slots: list[int] = []
        self.data: list[Any] = []
        self.data_slots: list[int] = []
        self.unknown: set[str] = set()

    def new_slot(self, value: Any = None) -> int:
        self.values.append(value)
        return len(self.values) - 1

    def add_data(self, node: Any, value: Any) -> None:
        self.slot[node] = self.new_slot()
        self.data.append(value)
        self.data_slots.append(self.slot[node])

    def add(self, node: Any) -> None:
        if isinstance(node, Constant):
            slot = self.known.get(node.key)
            if slot is not None:
                self.slot[node] = slot
            elif getattr(node.value, "nbytes", 0) > _LIFT_BYTES:
                self.add_data(node, node.value)
                self.known[node.key] = self.slot[node]
            else:
                self.slot[node] = self.known[node.key] = self.new_slot(_value_of(node))
        elif isinstance(node, Variable):
            self.slot[node] = self.new_slot()
            self.variables.append(node)
            self.variable_slots.append(self.slot[node])
        else:
            self._add_operation(node)

    def _add_operation(self, node: Any) -> None:
        arguments = tuple(self.slot[p] for p in node.parents)
        key = (node.op, arguments, node.params, node.token)
        slot = self.known.get(key)
        if slot is None:
            slot = self.known[key] = self.new_slot()
            kwargs = dict(node.params)
            dynamic = any(_is_dynamic(v) for v in kwargs.values())
            if dynamic:
                self.unknown |= _unknown_lengths(kwargs.values())
            self.code.append((node.op.fn, arguments, kwargs, slot, node.token, node.op.random, dynamic))
        self.slot[node] = slot


def lower(outputs: Sequence[Any], inputs: Sequence[Any], *, fold: bool = True, frozen: Sequence[Variable] = ()) -> Program:
    """Lower a graph.

    Parameters
    ----------
    outputs : sequence of Tensor
        What to compute; what they do not need is not visited.
    inputs : sequence of Tensor
        Leaves, or inner nodes, whose values will be given at each run.
    fold : bool
        Whether to compute once, now, what depends on large constants alone.
    frozen : sequence of Variable
        Variables to be treated as the constants that they are now.

    Raises
    ------
    MissingInputError
        If a placeholder is needed that is not among the inputs.
    """
    given = set(inputs)
    order = toposort(outputs, stop=given)
    builder = _Builder()
    for leaf in inputs:
        builder.slot[leaf] = builder.new_slot()
    folded = _folded(order, given, set(frozen), outputs) if fold or frozen else {}
    needed = order if not folded else toposort(outputs, stop=given | folded.keys())
    for node in needed:
        if node in builder.slot:
            continue
        if node in folded:
            builder.add_data(node, folded[node])
        elif node.op is None and not isinstance(node, (Constant, Variable)):
            raise MissingInputError(_missing(node))
        else:
            builder.add(node)
    lengths: dict[str, int] = {}
    for variable in frozen:
        for dim, length in zip(variable.shape, np.shape(variable.value), strict=True):
            bind_dims(dim, length, lengths)
    told = {str(d) for leaf in (*inputs, *builder.variables) for d in leaf.shape} | lengths.keys()
    for name in sorted(builder.unknown - told):
        owner = owner_of(name)
        if owner is not None and owner not in builder.slot:
            builder.add(owner)
    return Program(inputs, builder, outputs, lengths)


def _missing(node: Any) -> str:
    if isinstance(node, Bound):
        return f"{node!r} is an argument of a scan, map, loop or branch and was used outside of it. Return it from the body."
    return f"{node!r} is needed and has no value. Give it as an input or through `givens=`."


def _folded(order: list[Any], given: set[Any], frozen: set[Any], outputs: Sequence[Any]) -> dict[Any, Any]:
    """Values of the maximal subgraphs that depend on constants alone and hold a large one, computed in one compiled call."""
    fixed: set[Any] = set()
    heavy: set[Any] = set()
    for node in order:
        if node in given:
            continue
        if isinstance(node, Constant) or node in frozen:
            fixed.add(node)
            if node in frozen or getattr(node.value, "nbytes", 0) > _LIFT_BYTES:
                heavy.add(node)
        elif node.parents and not node.op.random and all(p in fixed for p in node.parents):
            fixed.add(node)
            if any(p in heavy for p in node.parents):
                heavy.add(node)
    top = {p for n in order if n not in fixed for p in n.parents if p in heavy}
    top |= {o for o in outputs if o in heavy}
    targets = [n for n in order if n in top and n.op is not None and not hasattr(n, "avals")]
    values: dict[Any, Any] = {v: v.value for v in top if v in frozen}
    if targets:
        program = lower(targets, [n for n in order if n in frozen], fold=False)
        with jax.enable_x64(True):
            arguments = [v.value for v in program.inputs]
            results = jax.jit(program.run)(arguments, program.values_of_data())
        values.update(zip(targets, results, strict=True))
    return values
