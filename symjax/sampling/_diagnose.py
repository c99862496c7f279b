"""Judging a run: what its statistics mean for the result, in words that say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np


class Finding(NamedTuple):
    """A thing to know about a run.

    Attributes
    ----------
    kind : str
        ``"divergences"``, ``"treedepth"``, ``"rhat"``, ``"ess"`` or ``"energy"``.
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
    """
    found = [*_trajectories(statistics)]
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    if chains < 2 or draws < 4:
        return found
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


def _convergence(posterior: Any, chains: int) -> list[Finding]:
    from arviz_stats import ess, rhat

    worst, least = ("", 1.0), ("", np.inf)
    for name, variable in posterior.data_vars.items():
        values = np.asarray(variable.values)
        flat = values.reshape(*values.shape[:2], -1)
        varying = np.ptp(flat, axis=(0, 1)) > 0
        for i in np.flatnonzero(varying):
            r = float(rhat(flat[:, :, i], chain_axis=0, draw_axis=1))
            e = float(ess(flat[:, :, i], chain_axis=0, draw_axis=1))
            label = str(name) if flat.shape[2] == 1 else f"{name}[{i}]"
            worst = max(worst, (label, r), key=lambda t: t[1])
            least = min(least, (label, e), key=lambda t: t[1])
    found = []
    if worst[1] > 1.01:
        found.append(
            Finding(
                "rhat",
                f"R-hat of {worst[0]!r} is {worst[1]:.3f} (above 1.01): the chains do not agree. Do not use the draws; tune "
                "longer, reparametrise, or look for several modes.",
            )
        )
    if least[1] < 100 * chains:
        found.append(
            Finding(
                "ess",
                f"the effective sample size of {least[0]!r} is {least[1]:.0f} (below {100 * chains}, 100 a chain): means and "
                "quantiles are uncertain. Draw more.",
            )
        )
    return found
