"""Effective draws per second from cold: the posterior compiler against the model as written, PyMC and NumPyro.

Every model of the zoo is built, compiled and sampled (4 chains of 1,000 draws after 1,000 of warm-up) in a fresh process for each
engine; imports are not counted, building, compiling and sampling are. The figure is the least bulk effective sample size of all
elements of the posterior by seconds. PyMC runs its default sampler; NumPyro runs on PyMC's JAX density of the same model.

    python benchmarks/compiler.py [--zoo DIR] [--engines auto none pymc numpyro] [MODEL ...]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

ENGINES = ("auto", "none", "pymc", "numpyro")


def measure(zoo: Path, name: str, engine: str) -> dict[str, float]:
    """Seconds, effective draws and R-hat of one run in this process."""
    sys.path.insert(0, str(zoo))
    import importlib
    import logging

    import arviz as az
    import models
    import numpy as np

    ours = engine in ("auto", "none")
    pm = importlib.import_module("symjax.pmc_bridge" if ours else "pymc")
    pt = importlib.import_module("symjax.tensor" if ours else "pytensor.tensor")
    if engine == "numpyro":
        importlib.import_module("pymc.sampling.jax")
    logging.disable(logging.CRITICAL)
    entry, data = models.MODELS[name], models.load(name)
    options = {"auto": {}, "none": {"rewrites": None}, "pymc": {}, "numpyro": {"nuts_sampler": "numpyro"}}[engine]
    start = time.perf_counter()
    with entry.build(pm, pt, data):
        tree = pm.sample(1000, tune=1000, chains=4, random_seed=1, target_accept=entry.target_accept, progressbar=False, **options)
    seconds = time.perf_counter() - start
    effective, rhat = math.inf, 1.0
    for variable in tree.posterior.data_vars.values():
        values = np.asarray(variable.values, float).reshape(*variable.shape[:2], -1)
        for i in range(values.shape[2]):
            if np.ptp(values[:, :, i]) > 0:
                effective = min(effective, float(az.ess(values[:, :, i], chain_axis=0, draw_axis=1, method="bulk")))
                rhat = max(rhat, float(az.rhat(values[:, :, i], chain_axis=0, draw_axis=1)))
    return {"seconds": seconds, "ess": effective, "rhat": rhat}


def run(zoo: Path, name: str, engine: str, timeout: float) -> dict[str, float] | None:
    """`measure` in a fresh process; None if it fails or takes too long."""
    command = [sys.executable, __file__, "--zoo", str(zoo), "--measure", name, engine]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env={**os.environ, "PYTHONWARNINGS": "ignore"}
        )
    except subprocess.TimeoutExpired:
        return None
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"seconds"')]
    return json.loads(lines[-1]) if lines else None


def _rate(found: dict[str, float] | None) -> float:
    return found["ess"] / found["seconds"] if found else math.nan


def _cell(found: dict[str, float] | None) -> str:
    return f"{found['seconds']:7.2f}s {found['ess']:6.0f} {_rate(found):8.1f}" if found else f"{'failed':>24}"


def compare(zoo: Path, names: list[str], engines: list[str], timeout: float) -> None:
    """Print a line for each model and the geometric means of the ratios."""
    print(f"{'model':28s}" + "".join(f"{e + ': s, ESS, ESS/s':>25s}" for e in engines))
    ratios: dict[str, list[float]] = {e: [] for e in engines if e != "auto"}
    for name in names:
        found = {e: run(zoo, name, e, timeout) for e in engines}
        line = f"{name:28s}" + "".join(f" {_cell(found[e])}" for e in engines)
        for e, known in ratios.items():
            ratio = _rate(found.get("auto")) / _rate(found[e])
            if not math.isnan(ratio):
                known.append(ratio)
                line += f"  x{ratio:.1f} {e}"
        print(line, flush=True)
    for e, known in ratios.items():
        if known:
            mean = math.exp(sum(map(math.log, known)) / len(known))
            print(f"auto over {e}: geometric mean {mean:.1f}, least {min(known):.2f}, of {len(known)} models")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, default=Path(__file__).resolve().parents[1] / ".." / "shared" / "zoo")
    parser.add_argument("--engines", nargs="*", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for one run")
    parser.add_argument("--measure", nargs=2, metavar=("MODEL", "ENGINE"), help="run once in this process and print JSON")
    parser.add_argument("models", nargs="*")
    options = parser.parse_args()
    if not (options.zoo / "models.py").exists():
        parser.error(f"there is no zoo of models in {options.zoo}; name its folder with --zoo")
    if options.measure:
        print(json.dumps(measure(options.zoo, *options.measure)))
        return
    sys.path.insert(0, str(options.zoo))
    import models

    compare(options.zoo, options.models or list(models.MODELS), options.engines, options.timeout)


if __name__ == "__main__":
    main()
