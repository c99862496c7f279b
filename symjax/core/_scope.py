"""Graphs and scopes: names at the user's edge.

A `Graph` gives names and finds nodes again. It holds variables, which have a state worth keeping, and only weak references to
everything else, so that a model which its user drops is freed.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import weakref
from collections.abc import Iterator
from typing import Any

from symjax.core._node import Node, Tensor, _set


class Graph:
    """A registry of the nodes made while it is current.

    Parameters
    ----------
    name : str
        Shown when printed.

    Examples
    --------
    >>> import symjax, symjax.tensor as T
    >>> with symjax.Graph("g") as g:
    ...     x = T.Placeholder((3,), "float64", name="x")
    >>> [p.name for p in g.placeholders]
    ['x']
    """

    def __init__(self, name: str = "graph"):
        self.name = name
        self.reset()

    def reset(self) -> None:
        """Forget every node, scope, update and name."""
        self._counts: dict[tuple[str, str], int] = {}
        self._variables: list[Tensor] = []
        self._nodes: weakref.WeakValueDictionary[int, Node] = weakref.WeakValueDictionary()
        self._order = itertools.count()
        self._scope = "/"
        self._updates: dict[Tensor, Tensor] = {}

    def __repr__(self) -> str:
        return f"Graph({self.name!r}, {len(self._variables)} variables, {len(self._nodes)} other nodes alive)"

    def __enter__(self) -> Graph:
        _stack().append(self)
        return self

    def __exit__(self, *error: Any) -> None:
        _stack().remove(self)

    @property
    def scope_name(self) -> str:
        """Path of the current scope."""
        return self._scope

    def unique_name(self, base: str) -> str:
        """`base`, with a suffix if the current scope has that name already."""
        scope = self._scope
        count = self._counts.get((scope, base))
        if count is None and not self._was_generated(base):
            self._counts[scope, base] = 0
            return base
        count = (count or 0) + 1
        while (scope, f"{base}_{count}") in self._counts:
            count += 1
        # only the count is kept, so that names do not pile up however many nodes come and go
        self._counts[scope, base] = count
        return f"{base}_{count}"

    def _was_generated(self, name: str) -> bool:
        stem, _, number = name.rpartition("_")
        return number.isdecimal() and int(number) <= self._counts.get((self._scope, stem), 0)

    def _register(self, node: Node, strong: bool) -> None:
        if strong:
            self._variables.append(node)  # type: ignore[arg-type]
        else:
            self._nodes[next(self._order)] = node

    @property
    def variables(self) -> list[Tensor]:
        """Variables in order of creation."""
        return list(self._variables)

    @property
    def placeholders(self) -> list[Tensor]:
        """Living placeholders in order of creation."""
        return [n for n in self._nodes.values() if type(n).__name__ == "Placeholder"]  # type: ignore[misc]

    @property
    def ops(self) -> list[Node]:
        """Living operations in order of creation."""
        return [n for n in self._nodes.values() if n.op is not None]

    @property
    def updates(self) -> dict[Tensor, Tensor]:
        """Updates added with `add_updates`."""
        return dict(self._updates)

    def add_updates(self, updates: dict[Tensor, Tensor]) -> None:
        """Register updates, variable to new value, for `get_updates` to find."""
        self._updates.update(updates)

    def to_networkx(self, outputs: Any = None) -> Any:
        """The expression graph of `outputs`, or of every living operation, as a `networkx.MultiDiGraph`."""
        from symjax.core._networkx import to_networkx

        return to_networkx(list(self._variables) + self.ops if outputs is None else outputs)


class _Local(threading.local):
    def __init__(self) -> None:
        self.graphs: list[Graph] = []
        self.detached = False
        self.made: list[Any] | None = None


_DEFAULT = Graph("default")
_LOCAL = _Local()


def _stack() -> list[Graph]:
    return _LOCAL.graphs


def current_graph() -> Graph:
    """The graph that new nodes are registered in: the innermost ``with Graph(...)``, else the process's default graph."""
    stack = _LOCAL.graphs
    return stack[-1] if stack else _DEFAULT


@contextlib.contextmanager
def detached() -> Iterator[None]:
    """Within this context nodes are made without names and registered nowhere: for rewriting, lowering and densities."""
    before = _LOCAL.detached
    _LOCAL.detached = True
    try:
        yield
    finally:
        _LOCAL.detached = before


@contextlib.contextmanager
def recording() -> Iterator[list[Any]]:
    """Within this context the nodes made are listed, those of nested recordings included."""
    outer = _LOCAL.made
    made: list[Any] = []
    _LOCAL.made = made
    try:
        yield made
    finally:
        _LOCAL.made = outer
        if outer is not None:
            outer.extend(made)


def record(node: Any) -> Any:
    """Note a new node if somebody is recording; the node itself."""
    if _LOCAL.made is not None:
        _LOCAL.made.append(node)
    return node


def name_and_register(node: Node, base: str, *, strong: bool = False) -> None:
    """Give a new node its unique name and scope and let the current graph know it."""
    if _LOCAL.detached:
        return
    graph = current_graph()
    _set(node, "_name", graph.unique_name(base))
    _set(node, "scope", graph.scope_name)
    graph._register(node, strong)


class Scope:
    """A named part of the current graph, entered with ``with``; scopes nest, and a repeated name gets a suffix.

    Parameters
    ----------
    relative_name : str
        Name below the current scope.

    Examples
    --------
    >>> import symjax, symjax.tensor as T
    >>> with symjax.Graph("g"), symjax.Scope("encoder"):
    ...     w = T.Variable(1.0, name="w")
    >>> w.path
    '/encoder/w'
    """

    def __init__(self, relative_name: str):
        self.relative_name = relative_name.strip("/")
        self.path = ""
        self._outer: list[tuple[Graph, str]] = []

    def __enter__(self) -> Scope:
        graph = current_graph()
        self._outer.append((graph, graph._scope))
        if not self.path:
            self.path = f"{graph._scope.rstrip('/')}/{graph.unique_name(self.relative_name)}"
        graph._scope = self.path
        return self

    def __exit__(self, *error: Any) -> None:
        graph, outer = self._outer.pop()
        graph._scope = outer
