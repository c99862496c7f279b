"""``python -m tests.soundness [N] [--seed S]``: random models against quadrature and enumeration.

Prints the share of latents that were collapsed and declined, and every model on which the posterior compiler is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context

from tests.soundness.check import Verdict
from tests.soundness.run import KINDS, one_of


def main() -> int:
    """Run models and print a summary; the exit status is 1 if any was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soundness", description=__doc__)
    parser.add_argument("n", nargs="?", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first model, to go on where a run ended")
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--no-draws", action="store_true", help="compare densities only")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    start, wrong = time.perf_counter(), 0
    latents, collapsed, models, skipped = Counter(), Counter(), Counter(), Counter()
    rules: Counter[str] = Counter()
    kinds = [options.kinds[(options.first + k) % len(options.kinds)] for k in range(options.n)]
    for k, (kind, verdict) in enumerate(zip(kinds, _verdicts(kinds, options), strict=True)):
        models[kind] += 1
        skipped[kind] += verdict.skipped
        latents[kind] += verdict.latents
        collapsed[kind] += verdict.collapsed
        rules.update(set(verdict.rules))
        if verdict.problem is not None:
            wrong += 1
            print(f"WRONG {kind} {options.seed} {options.first + k} ({', '.join(verdict.rules)}): {verdict.problem}", flush=True)
        if (k + 1) % 500 == 0:
            print(f"{k + 1} models, {wrong} wrong, {time.perf_counter() - start:.0f} s", flush=True)
    for kind in options.kinds:
        share = 100 * collapsed[kind] / max(1, latents[kind])
        judged = models[kind] - skipped[kind]
        print(f"{kind}: {judged} of {models[kind]} judged, {share:.0f} % of {latents[kind]} latents collapsed, others declined")
    print("rules by models: " + ", ".join(f"{r} {n}" for r, n in rules.most_common()))
    print(f"{options.n} models, {wrong} wrong, {time.perf_counter() - start:.0f} s")
    return int(wrong > 0)


def _verdicts(kinds: list[str], options: argparse.Namespace) -> Iterator[Verdict]:
    """Verdicts in order; several processes share the work."""
    arguments = [(kind, options.seed, options.first + k, not options.no_draws) for k, kind in enumerate(kinds)]
    # processes are replaced now and then, for what is compiled stays in memory
    with get_context("spawn").Pool(options.jobs, maxtasksperchild=50) as pool:
        yield from pool.imap(one_of, arguments, chunksize=20)


if __name__ == "__main__":
    sys.exit(main())
