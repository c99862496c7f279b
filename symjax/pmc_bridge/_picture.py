"""Pictures of model graphs, drawn with matplotlib alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_COLORS = {"free": "#cfe3f5", "observed": "#d9d9d9", "deterministic": "#fdf3d0", "data": "#e4f2e0", "potential": "#f6d9d9"}
_STATUS_COLORS = {"integrated out": "#ffffff", "reduced": "#efefef"}


def layers_of(graph: Any) -> dict[Any, tuple[float, float]]:
    """Positions of a DAG's nodes: a row for each generation, ordered so that edges cross little (barycentre heuristic)."""
    import networkx as nx

    positions: dict[Any, tuple[float, float]] = {}
    for depth, generation in enumerate(nx.topological_generations(graph)):

        def center(node: Any) -> float:
            above = [positions[p][0] for p in graph.predecessors(node)]
            return float(np.mean(above)) if above else 0.0

        row = sorted(generation, key=lambda n: (center(n), str(n)))
        for i, node in enumerate(row):
            positions[node] = (i - (len(row) - 1) / 2, -float(depth))
    return positions


def draw_graphs(graphs: Mapping[str, Any]) -> Any:
    """Model graphs side by side.

    Parameters
    ----------
    graphs : mapping of str to networkx.DiGraph
        Graphs as `model_to_networkx` gives them, by title. What is integrated out is drawn dashed.

    Returns
    -------
    matplotlib.figure.Figure
        With one axis for each.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5 * len(graphs), 5.2))
    axes = figure.subplots(1, len(graphs), squeeze=False)[0]
    for axis, (title, graph) in zip(axes, graphs.items(), strict=True):
        _draw_graph(axis, graph, title)
    return figure


def _draw_graph(axis: Any, graph: Any, title: str) -> None:
    positions = layers_of(graph)
    width = max((abs(x) for x, _ in positions.values()), default=1.0) + 0.8
    for parent, child in graph.edges():
        (x0, y0), (x1, y1) = positions[parent], positions[child]
        arrow = {"arrowstyle": "-|>", "color": "#666666", "lw": 1.1, "shrinkA": 0, "shrinkB": 0}
        axis.annotate("", (x1, y1 + 0.26), (x0, y0 - 0.26), arrowprops=arrow)
    for node, (x, y) in positions.items():
        attributes = graph.nodes[node]
        status = attributes.get("status", "")
        color = _STATUS_COLORS.get(status, _COLORS.get(attributes.get("kind", "free"), "white"))
        line = "--" if status == "integrated out" else "-"
        box = {"boxstyle": "round,pad=0.45", "facecolor": color, "edgecolor": "#555555", "lw": 0.9, "linestyle": line}
        axis.text(x, y, attributes.get("label", str(node)), ha="center", va="center", fontsize=8.5, bbox=box)
    depth = -min((y for _, y in positions.values()), default=0.0)
    axis.set_xlim(-width, width)
    axis.set_ylim(-depth - 0.6, 0.6)
    axis.set_title(title, fontsize=11)
    axis.axis("off")
