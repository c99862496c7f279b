"""Inner graphs: the body of a scan, a branch, the loss of a gradient, as a closed function of its inputs.

An operation with a body holds it in its params as an `InnerGraph`, whose only leaves are `Bound` inputs and small constants. What
the body takes from outside and does not depend on its arguments becomes an argument too, so that the outer graph shows every
dependence and work that does not vary is done once, outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symjax.core._node import Bound, Constant
from symjax.core._traverse import substitute, toposort

_INLINE_BYTES = 1024


class InnerGraph:
    """A closed graph: outputs as a function of inputs, compared by identity.

    Attributes
    ----------
    inputs : tuple of Bound
        Arguments.
    outputs : tuple of Tensor
        Results.
    """

    __slots__ = ("inputs", "outputs", "_program", "_lengths")

    def __init__(self, inputs: Sequence[Bound], outputs: Sequence[Any]):
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self._program: Any = None
        self._lengths: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"InnerGraph({len(self.inputs)} inputs, {len(self.outputs)} outputs)"

    def __lt__(self, other: Any) -> bool:  # params are sorted by name; names are unique, so this is never decisive
        return id(self) < id(other)

    @property
    def tokens(self) -> list[Any]:
        """Tokens of the draws inside, those of nested inner graphs included."""
        return tokens_of(self.outputs)

    def run(self, values: Sequence[Any], stream: Any = None) -> list[Any]:
        """The outputs' values, in JAX, given the inputs' and the stream that keys of draws come from."""
        return self.program.run(values, (), stream, self._lengths)

    @property
    def program(self) -> Any:
        """The lowered body."""
        from symjax.core._lower import lower

        if self._program is None:
            self._program = lower(self.outputs, self.inputs, fold=False)
        return self._program

    def with_lengths(self, lengths: dict[str, int]) -> InnerGraph:
        """The same graph, told the lengths of axes that are unknown while it is built."""
        known = InnerGraph(self.inputs, self.outputs)
        known._program, known._lengths = self.program, lengths
        return known

    def map_outputs(self, rewrite: Callable[[Sequence[Any]], Sequence[Any]]) -> InnerGraph:
        """The same function with its outputs rewritten; itself if nothing changes."""
        new = tuple(rewrite(self.outputs))
        return self if all(a is b for a, b in zip(new, self.outputs, strict=True)) else InnerGraph(self.inputs, new)


def inner_graphs(node: Any) -> list[tuple[str, InnerGraph]]:
    """The inner graphs among a node's params, by name."""
    return [(k, v) for k, v in node.params if isinstance(v, InnerGraph)]


def with_inner_graphs(node: Any, graphs: dict[str, InnerGraph]) -> tuple[tuple[str, Any], ...]:
    """A node's params with some of its inner graphs replaced."""
    return tuple((k, graphs.get(k, v)) for k, v in node.params)


def tokens_of(outputs: Sequence[Any]) -> list[Any]:
    """Tokens of all draws in the cone of `outputs`, inner graphs included, in order of creation."""
    found: dict[Any, None] = {}
    stack: list[Sequence[Any]] = [outputs]
    while stack:
        for node in toposort(stack.pop()):
            if node.op is None:
                continue
            if node.token is not None:
                found[node.token] = None
            stack.extend(g.outputs for _, g in inner_graphs(node))
    return sorted(found, key=lambda t: t.rank)


def close_over(
    inputs: Sequence[Bound], outputs: Sequence[Any], since: int | None = None, own_nodes: Sequence[Any] = ()
) -> tuple[InnerGraph, tuple[Any, ...]]:
    """Make a closed graph of `outputs` as a function of `inputs`.

    Parameters
    ----------
    inputs : sequence of Bound
        The leaves that stand for arguments.
    outputs : sequence of Tensor
        Expressions of them and of any outside tensors.
    since : int, optional
        Draws whose token has at least this rank belong to the body and are drawn anew at each run; all others are outside.

    own_nodes : sequence of Node, optional
        Nodes that belong to the body though they do not depend on its arguments: what only a taken branch is to compute.

    Returns
    -------
    graph : InnerGraph
        Its inputs are `inputs` followed by one for each captured tensor.
    captured : tuple of Tensor
        Outside tensors that the body uses, in the order of the extra inputs.
    """
    order = toposort(outputs)
    own = {*inputs, *own_nodes}
    inside: set[Any] = set()
    for node in order:
        drawn_here = since is not None and node.op is not None and node.token is not None and node.token.rank >= since
        if node in own or drawn_here or any(p in inside for p in node.parents):
            inside.add(node)
    captured: dict[Any, Bound] = {}
    frontier = [p for n in order if n in inside for p in n.parents] + list(outputs)
    for node in frontier:
        if node in inside or node in captured:
            continue
        if isinstance(node, Constant) and getattr(node.value, "nbytes", 0) <= _INLINE_BYTES:
            continue
        for source in _capturable(node):
            captured.setdefault(source, Bound(source.aval, source._name))
    new = substitute(outputs, captured) if captured else list(outputs)
    return InnerGraph([*inputs, *captured.values()], new), tuple(captured)


def _capturable(node: Any) -> list[Any]:
    """Tensors stand for themselves; of a node with several outputs the caller captures the items, never the tuple."""
    if hasattr(node, "avals"):
        raise TypeError(f"{node!r} has several outputs; a body can use its items only.")
    return [node]
