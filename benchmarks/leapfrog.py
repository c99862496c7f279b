"""Microseconds per leapfrog step and draws a second: a thread for each chain against all chains vectorised.

python benchmarks/leapfrog.py [--chains 4] [--draws 1000]
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import symjax.pmc_bridge as pm
from symjax.demo._models import MODELS
from symjax.pmc_bridge._compile import compile_log_density
from symjax.sampling import sample


def gaussian() -> Any:
    """Fifty independent Normal variables of very different scales."""
    with pm.Model() as model:
        pm.Normal("x", 0.0, np.logspace(-2, 2, 50), shape=50)
    return model


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--draws", type=int, default=1000)
    options = parser.parse_args()
    builders = {"gaussian": gaussian, "eight_schools": MODELS["eight_schools"][0], "radon": MODELS["radon"][0]}
    print(f"{'model':<14} {'threads':>22} {'vectorised':>22}   ratio of times")
    for name, build in builders.items():
        compiled = compile_log_density(build())
        start = compiled.flatten(compiled._model.initial_point())
        figures = []
        for compute in ("threads", "vectorized"):
            found = sample(
                compiled.target,
                np.tile(start[0], (options.chains, 1)),
                np.tile(start[1], (options.chains, 1)),
                draws=options.draws,
                tune=options.draws,
                random_seed=1,
                cores=2,
                compute=compute,
                keep_warmup=True,
                progressbar=False,
            )
            steps = found.statistics["n_steps"].sum() + (found.warmup_statistics or {})["n_steps"].sum()
            figures.append((found.sampling_seconds, 1e6 * found.sampling_seconds / steps))
        shown = [f"{s:8.2f} s {us:8.2f} µs" for s, us in figures]
        print(f"{name:<14} {shown[0]:>22} {shown[1]:>22}   {figures[1][0] / figures[0][0]:.1f}", flush=True)


if __name__ == "__main__":
    main()
