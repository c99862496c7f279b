"""Walks over a graph, all of them loops with a stack: order, rebuilding, substitution."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from symjax._errors import ShapeError
from symjax.core._node import ITEM, MultiOutputOp, Node, Op, OpItem, Tensor, Token, _set, item
from symjax.core._op import Aval, Operator
from symjax.core._scope import name_and_register, record
from symjax.core._shapes import infer


def make(
    op: Operator,
    parents: Sequence[Any],
    params: Any = (),
    *,
    token: Token | None = None,
    kind: type[Op] = Op,
    name: str | None = None,
    scope: str = "/",
) -> Any:
    """The node of `op` applied to tensors: anonymous, its type inferred; several outputs come back as one `MultiOutputOp`.

    Parameters
    ----------
    op : Operator
        What to compute.
    parents : sequence of Tensor
        Arguments.
    params : dict or sorted tuple of pairs
        Static settings.

    Raises
    ------
    ShapeError
        If the arguments do not fit.
    """
    statics = tuple(sorted(params.items())) if isinstance(params, dict) else params
    parents = tuple(parents)
    aval = infer(op, tuple(p.aval for p in parents), statics)
    if op.multiple:
        return record(MultiOutputOp(op, parents, statics, aval, token, name, scope))
    return record(kind(op, parents, statics, aval, token, name, scope))


def apply(op: Operator, parents: Sequence[Any], params: Any = (), *, name: str | None = None, **kwargs: Any) -> Any:
    """`make` at the user's edge: the node gets a unique name and is known to the current graph."""
    node = make(op, parents, params, **kwargs)
    name_and_register(node, name or op.name)
    return node


def outputs_of(node: MultiOutputOp) -> tuple[OpItem, ...]:
    """All outputs of a node that has several."""
    return tuple(item(node, i) for i in range(len(node.avals)))


def rename(node: Tensor, name: str | None) -> Tensor:
    """The same computation (and the same draw) as a new node with another name."""
    if not isinstance(node, Op):
        return node
    return type(node)(node.op, node.parents, node.params, node.aval, node.token, name, node.scope)


def rebuild(node: Any, parents: Sequence[Any], *, params: Any = None, token: Token | None = None) -> Any:
    """`node` with other parents; itself if nothing changes. Name, scope and token are kept."""
    parents = tuple(parents)
    token = node.token if token is None else token
    new_params = node.params if params is None else params
    same_parents = all(a is b for a, b in zip(parents, node.parents, strict=True))
    if same_parents and new_params is node.params and token is node.token:
        return node
    if node.op is ITEM:
        source = parents[0]
        new = OpItem(ITEM, parents, node.params, source.avals[node.settings["index"]])
    elif params is None and all(_same_type(a, b) for a, b in zip(parents, node.parents, strict=True)):
        aval = node.avals if isinstance(node, MultiOutputOp) else node.aval
        new = type(node)(node.op, parents, new_params, aval, token)  # type: ignore[arg-type]
    elif isinstance(node, MultiOutputOp):
        new = make(node.op, parents, new_params, token=token)  # type: ignore[arg-type]
    else:
        new = make(node.op, parents, new_params, token=token, kind=type(node))
    _set(new, "_name", node._name)
    _set(new, "scope", node.scope)
    return new


def _same_type(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, MultiOutputOp):
        return isinstance(b, MultiOutputOp) and a.avals == b.avals
    return a.shape == b.shape and a.dtype == b.dtype and a.weak == b.weak


def toposort(outputs: Iterable[Any], stop: Collection[Any] = ()) -> list[Any]:
    """Every node that `outputs` need, each after its parents; parents of nodes in `stop` are not visited."""
    order: list[Any] = []
    seen: set[Any] = set()
    stop = stop if isinstance(stop, (set, frozenset, dict)) else set(stop)
    stack: list[tuple[Any, bool]] = [(o, False) for o in reversed(list(outputs))]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            order.append(node)
            continue
        if node in seen:
            continue
        seen.add(node)
        if not node.parents or node in stop:
            order.append(node)
            continue
        stack.append((node, True))
        for p in reversed(node.parents):
            if p not in seen:
                stack.append((p, False))
    return order


def ancestors(outputs: Iterable[Any]) -> set[Any]:
    """The nodes that `outputs` need, themselves included."""
    return set(toposort(outputs))


def depends_on(outputs: Iterable[Any], sources: Collection[Any]) -> set[Any]:
    """The nodes of the outputs' cone that have a node of `sources` among their ancestors, the sources included."""
    sources = set(sources)
    found: set[Any] = set()
    for node in toposort(outputs):
        if node in sources or any(p in found for p in node.parents):
            found.add(node)
    return found


def consumers(outputs: Iterable[Any]) -> dict[Any, list[Any]]:
    """For each node of the cone the nodes that use it, once per use."""
    uses: dict[Any, list[Any]] = {}
    for node in toposort(outputs):
        for p in node.parents:
            uses.setdefault(p, []).append(node)
    return uses


def transform(outputs: Sequence[Any], visit: Callable[[Any, tuple[Any, ...]], Any], stop: Collection[Any] = ()) -> list[Any]:
    """Rebuild a graph bottom-up: ``visit(node, new_parents)`` gives each node's replacement."""
    new: dict[Any, Any] = {}
    for node in toposort(outputs, stop):
        parents = () if node in stop else tuple(new[p] for p in node.parents)
        new[node] = visit(node, parents)
    return [new[o] for o in outputs]


def substitute(
    outputs: Sequence[Any],
    replacements: dict[Any, Any],
    *,
    share_random: bool = True,
    fresh: dict[Token, Token] | None = None,
) -> list[Any]:
    """`outputs` with nodes replaced; what does not depend on them is shared, not copied.

    Parameters
    ----------
    outputs : sequence of Tensor
        Expressions.
    replacements : dict
        Node to node; a replacement is not searched for further replacements.
    share_random : bool
        Whether the draws that are copied stay the same draws as in the original.
    fresh : dict, optional
        New tokens already given, extended by this call, so that several calls agree on them.

    Raises
    ------
    ShapeError
        If a replacement does not fit where it goes.
    """
    tokens: dict[Token, Token] = {} if fresh is None else fresh

    def visit(node: Any, parents: tuple[Any, ...]) -> Any:
        if node in replacements:
            return replacements[node]
        if node.op is None or (share_random and not parents):
            return node
        token, params = None, None
        if not share_random:
            if node.token is not None:
                token = tokens.setdefault(node.token, node.token.fresh())
            params = _fresh_bodies(node, tokens)
        try:
            return rebuild(node, parents, token=token, params=params)
        except ShapeError as error:
            raise ShapeError(f"substitution does not fit in {node!r}: {error}") from error

    return transform(outputs, visit, stop=replacements.keys())


def _fresh_bodies(node: Any, tokens: dict[Token, Token]) -> Any:
    """Params of a node whose body draws, with new tokens for those draws; None if it has no such body."""
    bodies = {k: v for k, v in node.params if hasattr(v, "map_outputs")}
    if not any(b.tokens for b in bodies.values()):
        return None
    new = {k: b.map_outputs(lambda o: substitute(o, {}, share_random=False, fresh=tokens)) for k, b in bodies.items()}
    return tuple((k, new.get(k, v)) for k, v in node.params)


def flatten(structure: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
    """Leaves of nested lists, tuples and dicts, and the function that puts others in their place."""
    if isinstance(structure, dict):
        parts = [flatten(v) for v in structure.values()]
        keys = list(structure)
        return [x for p in parts for x in p[0]], lambda xs: dict(zip(keys, _unflatten(parts, xs), strict=True))
    if isinstance(structure, (list, tuple)):
        parts = [flatten(v) for v in structure]
        kind = type(structure)

        def build(xs: Sequence[Any]) -> Any:
            values = _unflatten(parts, xs)
            return kind(*values) if hasattr(structure, "_fields") else kind(values)  # type: ignore[arg-type, call-arg]

        return [x for p in parts for x in p[0]], build
    return [structure], lambda xs: xs[0]


def _unflatten(parts: list[Any], xs: Sequence[Any]) -> list[Any]:
    out, start = [], 0
    for leaves, build in parts:
        out.append(build(xs[start : start + len(leaves)]))
        start += len(leaves)
    return out


def aval_of(value: Any) -> Aval:
    """`Aval` of a concrete array."""
    return Aval(tuple(value.shape), value.dtype, bool(getattr(value, "weak_type", False)))


def is_node(value: Any) -> bool:
    """Whether `value` belongs to a graph."""
    return isinstance(value, Node)
