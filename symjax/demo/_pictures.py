"""Pictures of a model and its posterior, drawn with matplotlib alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

_CHAINS = ["#1f6fb2", "#d97b29", "#3d9a50", "#8a5fb0"]


def _figure(*args: Any, **kwargs: Any) -> Any:
    import matplotlib

    matplotlib.use("Agg", force=False)
    import matplotlib.pyplot as plt

    return plt.subplots(*args, **kwargs)


def _save(figure: Any, path: Path) -> None:
    import matplotlib.pyplot as plt

    figure.savefig(path, dpi=130, bbox_inches="tight")
    plt.close(figure)


def draw_graphs(report: Any, path: Path) -> None:
    """The model's graph as written, and as it is sampled after rewriting, side by side."""
    _save(report.plot(), path)


def _elements(tree: Any, names: list[str], most: int) -> list[tuple[str, np.ndarray]]:
    """Label and draws, of shape (chain, draw), of the first elements of the named variables."""
    found = []
    for name in names:
        variable = tree.posterior[name]
        values = np.asarray(variable.values)
        flat = values.reshape(*values.shape[:2], -1)
        coords = variable.coords[variable.dims[2]].values if flat.shape[2] > 1 else [None]
        found += [(name if c is None else f"{name}[{c}]", flat[:, :, i]) for i, c in enumerate(coords)]
    return found[:most]


def draw_traces(tree: Any, names: list[str], path: Path, most: int = 6) -> None:
    """For each variable the rank histogram of each chain, which is flat where chains agree, and the draws in order."""
    elements = _elements(tree, names, most)
    figure, axes = _figure(len(elements), 2, figsize=(11, 1.7 * len(elements)), squeeze=False)
    for (label, draws), (left, right) in zip(elements, axes, strict=True):
        ranks = np.argsort(np.argsort(draws.ravel())).reshape(draws.shape)
        bins = np.linspace(0, draws.size, 21)
        for chain, color in zip(range(draws.shape[0]), _CHAINS * draws.shape[0], strict=False):
            counts, _ = np.histogram(ranks[chain], bins)
            left.step(bins, np.append(counts, counts[-1]), where="post", color=color, lw=1.2)
            right.plot(draws[chain], color=color, lw=0.4, alpha=0.8)
        left.axhline(draws.shape[1] / 20, color="#444444", ls="--", lw=0.8)
        left.set_ylim(bottom=0)
        left.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
        for axis in (left, right):
            axis.tick_params(labelsize=7)
    axes[0, 0].set_title("ranks by chain (dashed: all chains alike)", fontsize=10)
    axes[0, 1].set_title("draws in order", fontsize=10)
    figure.tight_layout()
    _save(figure, path)


def draw_posterior(tree: Any, names: list[str], path: Path, most: int = 12) -> None:
    """Histograms of the marginal posteriors with means and central 94 % intervals."""
    elements = _elements(tree, names, most)
    columns = min(4, len(elements))
    rows = -(-len(elements) // columns)
    figure, axes = _figure(rows, columns, figsize=(3.1 * columns, 2.3 * rows), squeeze=False)
    for axis in axes.ravel()[len(elements) :]:
        axis.axis("off")
    for (label, draws), axis in zip(elements, axes.ravel(), strict=False):
        flat = draws.ravel()
        whole = np.all(flat == np.round(flat))
        bins: Any = np.arange(flat.min() - 0.5, flat.max() + 1.5) if whole and np.ptp(flat) < 60 else 50
        axis.hist(flat, bins=bins, density=True, color=_CHAINS[0], alpha=0.75)
        low, high = np.quantile(flat, [0.03, 0.97])
        axis.plot([low, high], [0, 0], color="black", lw=4, solid_capstyle="butt", clip_on=False)
        axis.set_title(f"{label}\nmean {flat.mean():.5g}, 94 % [{low:.4g}, {high:.4g}]", fontsize=8.5)
        if whole:
            axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set_yticks([])
        axis.tick_params(labelsize=7)
        for side in ("left", "top", "right"):
            axis.spines[side].set_visible(False)
    figure.tight_layout()
    _save(figure, path)
