"""Starts of chains: jitter, and words for one at which the density is not finite."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from symjax.sampling._hamiltonian import State
from symjax.sampling._target import LogDensity

_ADVICE = "Give `initvals` inside the support, or check the observed data and the priors' parameters."


class Jitter:
    """Starts of one chain: the given one, with or without noise, then ever new noise.

    Parameters
    ----------
    center : array, shape (n,)
        The given start.
    seed : numpy.random.SeedSequence
        Of the noise, uniform on (-1, 1).
    noisy : bool
        Whether the first start has noise too.
    retries : int
        How often another start may be asked for.
    """

    def __init__(self, center: np.ndarray, seed: np.random.SeedSequence, *, noisy: bool, retries: int):
        self.center = center
        self.noisy = noisy
        self.retries = retries
        self._rng = np.random.default_rng(seed)

    def first(self) -> np.ndarray:
        """The first start, of shape (n,)."""
        return self.again() if self.noisy else self.center

    def again(self) -> np.ndarray:
        """Another start."""
        return self.center + self._rng.uniform(-1.0, 1.0, self.center.shape)


def describe_start(target: LogDensity, state: State, discrete: np.ndarray, data: Any) -> str:
    """Which term of the density, or which variable's gradient, is in the way, and what to do.

    Parameters
    ----------
    target : LogDensity
        What was to be sampled.
    state : State
        The last start that was tried.
    discrete : array, shape (m,)
        Its discrete variables.
    data : pytree of arrays
        What the target's functions take as data.
    """
    found = "no start with a finite density was found"
    if target.terms is not None:
        with jax.enable_x64(True):
            terms = {name: np.asarray(v) for name, v in target.terms(state.position, discrete, data).items()}
        bad = {name: v for name, v in terms.items() if not np.isfinite(v).all()}
        if bad:
            values = ", ".join(f"{name!r} has log density {float(np.sum(v))}" for name, v in bad.items())
            return f"{found}: {values}, must be finite. {_ADVICE}"
    if not np.isfinite(state.log_density):
        return f"{found}: it is {float(state.log_density)} at the last of them. {_ADVICE}"
    wrong = [name for name in (_nonfinite(v.name, state.gradient[v.start : v.stop]) for v in target.variables) if name]
    which = f": that by {', '.join(wrong)} is not finite" if wrong else ""
    return f"no start with a finite gradient was found{which}. {_ADVICE}"


def _nonfinite(name: str, gradient: Any) -> str | None:
    bad = np.flatnonzero(~np.isfinite(gradient))
    if not len(bad):
        return None
    return repr(name) if len(gradient) == 1 else f"{name!r} at {bad[0]} of its flat elements"
