"""Words for a start at which the density is not finite."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from symjax.sampling._target import LogDensity


def describe_start(target: LogDensity, position: Any, discrete: Any, gradient: np.ndarray) -> str:
    """Which term of the density, or which variable's gradient, is in the way, and what to do."""
    advice = "Give `initvals` inside the support, or check the observed data and the priors' parameters."
    if target.terms is not None:
        with jax.enable_x64(True):
            terms = {k: np.asarray(v) for k, v in target.terms(position, discrete, target.data).items()}
        bad = {k: v for k, v in terms.items() if not np.isfinite(v).all()}
        if bad:
            found = ", ".join(f"{k!r} has log density {float(np.sum(v))}" for k, v in bad.items())
            return f"no start with a finite density was found: {found}. {advice}"
    wrong = [v.name for v in target.variables if not np.isfinite(gradient[v.start : v.stop]).all()]
    if wrong:
        return f"no start with a finite gradient was found: that by {', '.join(map(repr, wrong))} is not finite. {advice}"
    return f"no start with a finite density was found. {advice}"
