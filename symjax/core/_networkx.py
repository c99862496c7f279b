"""Views of an expression graph as a `networkx.MultiDiGraph`, built on demand."""

from __future__ import annotations

from typing import Any

from symjax.core._traverse import flatten, toposort


def to_networkx(outputs: Any) -> Any:
    """The graph of an expression, or of several.

    Parameters
    ----------
    outputs : Tensor or nested list of Tensor
        Expressions.

    Returns
    -------
    networkx.MultiDiGraph
        Nodes are the tensors, with attributes ``op`` (name of the operation, empty for leaves), ``name``, ``scope``, ``shape``
        and ``dtype``; an edge runs from argument to operation, with the argument's ``position``, which also is its key.

    Examples
    --------
    >>> import symjax, symjax.tensor as T
    >>> x = T.Placeholder((3,), "float64", name="x")
    >>> symjax.to_networkx(x + x).number_of_edges()
    2
    """
    import networkx as nx

    graph = nx.MultiDiGraph()
    for node in toposort(flatten(outputs)[0]):
        graph.add_node(
            node,
            op=node.fn_name,
            name=node.name,
            scope=node.scope,
            shape=getattr(node, "shape", None),
            dtype=getattr(node, "dtype", None),
        )
        for position, parent in enumerate(node.parents):
            graph.add_edge(parent, node, key=position, position=position)
    return graph
