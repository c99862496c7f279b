"""Pictures of model graphs, drawn with matplotlib alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_COLORS = {"free": "#cfe3f5", "observed": "#d9d9d9", "deterministic": "#fdf3d0", "data": "#e4f2e0", "potential": "#f6d9d9"}
#: Distance of neighbouring nodes, across and down.
_INCHES = (1.35, 1.45)
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

    places = {title: layers_of(graph) for title, graph in graphs.items()}
    widths = [1.4 + _INCHES[0] * (1 + np.ptp([x for x, _ in p.values()])) if p else 1.0 for p in places.values()]
    depth = max((1 + np.ptp([y for _, y in p.values()]) for p in places.values() if p), default=1.0)
    figure = Figure(figsize=(sum(widths), 0.5 + _INCHES[1] * depth))
    axes = figure.subplots(1, len(graphs), squeeze=False, width_ratios=widths)[0]
    for axis, (title, graph) in zip(axes, graphs.items(), strict=True):
        _draw_graph(axis, graph, title, places[title])
    return figure


def _draw_graph(axis: Any, graph: Any, title: str, positions: Mapping[Any, tuple[float, float]]) -> None:
    boxes = {}
    for node, (x, y) in positions.items():
        attributes = graph.nodes[node]
        status = attributes.get("status", "")
        color = _STATUS_COLORS.get(status, _COLORS.get(attributes.get("kind", "free"), "white"))
        line = "--" if status == "integrated out" else "-"
        box = {"boxstyle": "round,pad=0.4", "facecolor": color, "edgecolor": "#555555", "lw": 0.9, "linestyle": line}
        label = attributes.get("label", str(node))
        boxes[node] = axis.text(x, y, label, ha="center", va="center", fontsize=8, bbox=box, zorder=3)
    for parent, child in graph.edges():
        # an edge that passes a row of nodes bends around what may stand there
        steps = round(positions[parent][1] - positions[child][1])
        bend = 0.0 if steps <= 1 else 0.25 if positions[parent][0] < positions[child][0] else -0.25
        arrow = {"arrowstyle": "-|>", "color": "#666666", "lw": 1.1, "connectionstyle": f"arc3,rad={bend}"}
        arrow |= {"patchA": boxes[parent].get_bbox_patch(), "patchB": boxes[child].get_bbox_patch(), "zorder": 2}
        axis.annotate("", positions[child], positions[parent], arrowprops=arrow)
    horizontal, vertical = zip(*positions.values(), strict=True) if positions else ((0.0,), (0.0,))
    axis.set_xlim(min(horizontal) - 0.7, max(horizontal) + 0.7)
    axis.set_ylim(min(vertical) - 0.5, max(vertical) + 0.5)
    axis.set_title(title, fontsize=11)
    axis.axis("off")
