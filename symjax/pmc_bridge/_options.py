"""What `sample` may be asked for."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

_STEP_KEYWORDS = ("target_accept", "max_treedepth")
_SIGNATURE = (
    "draws", "tune", "chains", "cores", "random_seed", "progressbar", "step", "var_names", "nuts_sampler", "initvals", "init",
    "trace", "discard_tuned_samples", "thin", "compute_convergence_checks", "idata_kwargs", "callback", "model", "rewrites",
)  # fmt: skip
#: Whose NUTS `sample` can use.
NUTS_SAMPLERS = ("symjax", "pymc", "blackjax", "numpyro", "nutpie")
#: Metrics by the names of PyMC's ways to start.
METRICS = {
    "auto": "low_rank", "jitter+adapt_diag": "low_rank", "adapt_diag": "low_rank", "jitter+adapt_full": "dense",
    "adapt_full": "dense", "jitter+adapt_diag_grad": "low_rank", "diag": "diag", "jitter+diag": "diag",
}  # fmt: skip


def settings_of(kwargs: dict[str, Any], sampler_kwargs: Any, return_inferencedata: bool) -> dict[str, Any]:
    """Settings of the sampler among the users' keywords."""
    if not return_inferencedata:
        raise ValueError("return_inferencedata must be True: results are DataTrees.")
    found = {**dict(kwargs.pop("nuts", {})), **dict(sampler_kwargs or {}), **kwargs}
    for key in found:
        if key not in _STEP_KEYWORDS:
            near = difflib.get_close_matches(key, [*_STEP_KEYWORDS, *_SIGNATURE], 1, cutoff=0.0)[0]
            raise TypeError(f"sample() got an unknown keyword {key!r}. Did you mean {near!r}?")
    return found


def check_choices(**choices: tuple[Any, tuple[Any, ...]]) -> None:
    """Raise if an argument is none of those allowed."""
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise ValueError(f"sample: {name} must be one of {allowed}, got {value!r}.")


def check_counts(**counts: Any) -> None:
    """Raise if an argument is no whole number of at least one, or zero for `tune`."""
    for name, value in counts.items():
        least = 0 if name == "tune" else 1
        if not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"sample: {name} must be a whole number, at least {least}; got {value!r}.")


def kept_names(model: Any, var_names: Sequence[str] | None) -> list[str]:
    """Names of the variables to keep.

    Raises
    ------
    KeyError
        If one is no unobserved variable of the model.
    """
    known = [v.name for v in model.unobserved_RVs]
    if var_names is None:
        return known
    chosen = [var_names] if isinstance(var_names, str) else list(var_names)
    for name in chosen:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, cutoff=0.0)
            raise KeyError(f"var_names: the model has no unobserved variable {name!r}; did you mean {near[0] if near else None!r}?")
    return chosen


def stored(tree: Any, trace: Any) -> Any:
    """A result, written to where the user asked for.

    Raises
    ------
    TypeError
        If that is no path, Zarr store or `ZarrTrace`.
    """
    store = getattr(trace, "store", trace)
    if not (isinstance(store, (str, Path)) or hasattr(store, "list_dir")):
        raise TypeError(f"sample: trace must be a path, a Zarr store or a ZarrTrace, got {trace!r}.")
    tree.to_zarr(store, consolidated=False)
    return tree
