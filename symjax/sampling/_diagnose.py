"""Judging a run: what its statistics mean for the result, in words that say what to do."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

#: R-hat and effective size are computed for that many scalars that look worst by each of two cheap measures.
_SUSPECTS = 8


class Finding(NamedTuple):
    """A thing to know about a run.

    Attributes
    ----------
    kind : str
        ``"draws"``, ``"divergences"``, ``"treedepth"``, ``"energy"``, ``"rhat"`` or ``"ess"``.
    message : str
        What was found, what it means, what to do.
    """

    kind: str
    message: str


def diagnose(posterior: Any, statistics: Mapping[str, np.ndarray]) -> list[Finding]:
    """Findings on a run, none if all is well.

    Parameters
    ----------
    posterior : xarray.Dataset
        Draws, with dims chain and draw.
    statistics : mapping of str to array, shape (chains, draws)
        Sample statistics.

    Returns
    -------
    list of Finding
        What to know, in the order of the `Finding.kind` list.
    """
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    found = []
    if draws < 100 or chains < 2:
        text = f"{draws} draws of {chains} chain{'s' if chains > 1 else ''} are too few to judge convergence."
        found.append(Finding("draws", f"{text} Take 4 chains of at least 500 draws."))
    found += _trajectories(statistics)
    if chains > 1 and draws > 3:
        found += _convergence(posterior, chains)
    return found


def _trajectories(statistics: Mapping[str, np.ndarray]) -> list[Finding]:
    found = []
    diverging = statistics.get("diverging")
    if diverging is not None and diverging.sum():
        n = int(diverging.sum())
        found.append(
            Finding(
                "divergences",
                f"{n} of {diverging.size} draws diverged: parts of the posterior are too curved for the step size and may be "
                "missing from the draws. Raise `target_accept` (0.95, 0.99), or write the variables around them non-centred.",
            )
        )
    deep = statistics.get("reached_max_treedepth")
    if deep is not None and deep.mean() > 0.05:
        found.append(
            Finding(
                "treedepth",
                f"{100 * deep.mean():.0f} % of the trajectories were cut at the greatest tree depth: the draws are right and "
                "strongly correlated. Rescale or reparametrise the variables, or draw more.",
            )
        )
    energy = statistics.get("energy")
    if energy is not None and energy.shape[1] > 10:
        with np.errstate(divide="ignore", invalid="ignore"):  # a chain that never moves has one energy
            fraction = np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, axis=1)
        if (fraction < 0.3).any():
            found.append(
                Finding(
                    "energy",
                    f"the Bayesian fraction of missing information is {fraction.min():.2f} (below 0.3): momenta hardly change the "
                    "energy, so tails are explored slowly. Heavy tails or a funnel are likely; reparametrise.",
                )
            )
    return found


def _scalars(posterior: Any) -> Iterator[tuple[float, float, str, np.ndarray]]:
    """Every scalar that varies: two cheap measures of its convergence, its name, and its draws of shape (chains, draws)."""
    for name, variable in posterior.data_vars.items():
        values = np.asarray(variable.transpose("chain", "draw", ...).values)
        if values.dtype.kind not in "biuf" or not values.size:
            continue
        flat = values.reshape(*values.shape[:2], -1).astype(float)
        mixing, agreement = _screen(flat)
        for i in np.flatnonzero(np.ptp(flat, axis=(0, 1)) > 0):
            index = ", ".join(str(j) for j in np.unravel_index(i, values.shape[2:]))
            yield mixing[i], agreement[i], f"{name}[{index}]" if index else str(name), flat[:, :, i]


def _screen(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far batches of draws, and halves of chains, differ in mean or spread, for draws of shape (chains, draws, k)."""
    center = np.median(values, axis=(0, 1))
    distance = np.abs(values - center)
    # bounded, so that heavy tails do not hide a difference
    width = 2 * np.median(distance, axis=(0, 1)) + 1e-300
    worst = np.zeros((2, values.shape[2]))
    for x in (np.tanh((values - center) / width), np.tanh(distance / width)):
        variance = x.var(axis=(0, 1)) + 1e-300
        for row, pieces in enumerate((max(4, int(np.sqrt(x.shape[1]))), 2)):
            length = x.shape[1] // pieces
            if length:
                batches = x[:, : length * pieces].reshape(x.shape[0], pieces, length, -1).mean(2)
                worst[row] = np.maximum(worst[row], length * batches.var(axis=(0, 1)) / variance)
    return worst[0], worst[1]


def _convergence(posterior: Any, chains: int) -> list[Finding]:
    from arviz_stats import ess, rhat

    scalars = list(_scalars(posterior))
    suspects = {s[2]: s[3] for column in (0, 1) for s in heapq.nlargest(_SUSPECTS, scalars, key=itemgetter(column))}
    found = []
    if not suspects:
        return found
    disagreement = {name: float(rhat(x, chain_axis=0, draw_axis=1)) for name, x in suspects.items()}
    size = {name: float(ess(x, chain_axis=0, draw_axis=1)) for name, x in suspects.items()}
    worst, least = max(disagreement, key=disagreement.__getitem__), min(size, key=size.__getitem__)
    if disagreement[worst] > 1.01:
        found.append(
            Finding(
                "rhat",
                f"R-hat of {worst!r} is {disagreement[worst]:.3f} (above 1.01): the chains do not agree. Do not use the "
                "draws; tune longer, reparametrise, or look for several modes.",
            )
        )
    if size[least] < 100 * chains:
        found.append(
            Finding(
                "ess",
                f"the effective sample size of {least!r} is {size[least]:.0f} (below {100 * chains}, 100 a chain): means and "
                "quantiles are uncertain. Draw more.",
            )
        )
    return found
