"""Run the three models: build, explain, sample, summarise, and write traces and pictures."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any


def run(name: str, out: Path, *, progressbar: bool = True, draws: int = 1000) -> Any:
    """Run one model and write its trace and pictures to a folder; returns the DataTree."""
    import arviz as az

    import symjax.pmc_bridge as pm
    from symjax.demo._models import MODELS
    from symjax.demo._pictures import draw_graphs, draw_posterior, draw_traces

    build, names = MODELS[name]
    start = time.perf_counter()
    model = build()
    print(f"\n=== {name}: {(build.__doc__ or '').strip()}\n")
    report = pm.explain(model)
    print(report)
    with model:
        tree = pm.sample(draws, tune=1000, chains=4, random_seed=1, progressbar=progressbar)
    seconds = time.perf_counter() - start
    print(az.summary(tree, var_names=names).to_string())
    out.mkdir(parents=True, exist_ok=True)
    written = [out / f"{name}.nc", out / f"{name}_graph.png", out / f"{name}_trace.png", out / f"{name}_posterior.png"]
    tree.to_netcdf(written[0])
    draw_graphs(report, written[1])
    draw_traces(tree, names, written[2])
    draw_posterior(tree, names, written[3])
    print(f"\n{name}: {seconds:.1f} s from model code to draws; wrote {', '.join(p.name for p in written)}")
    return tree


def main(arguments: list[str] | None = None) -> None:
    """``python -m symjax.demo [--out DIR]``."""
    from symjax.demo._models import MODELS

    parser = argparse.ArgumentParser(prog="python -m symjax.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo-output"), help="folder to write to (default: demo-output)")
    parser.add_argument("--models", nargs="*", choices=list(MODELS), default=list(MODELS), help="models to run (default: all)")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    for name in options.models:
        run(name, options.out, progressbar=not options.quiet)
    seconds = time.perf_counter() - start
    print(f"\n{len(options.models)} models in {seconds:.0f} s. Traces and pictures are in {options.out.resolve()}")


if __name__ == "__main__":
    main()
