"""Times to build, canonicalize and lower a graph of 1,000, 10,000 and 100,000 operations; all three must grow linearly.

python benchmarks/graph.py
"""

from __future__ import annotations

import gc
import random
import time

import symjax.tensor as T
from symjax.core._lower import lower
from symjax.rewrite import canonicalize

SIZES = (1_000, 10_000, 100_000)


def build(n: int) -> tuple[T.Tensor, list[T.Tensor]]:
    """A random DAG of `n` operations that no rule can shrink to nothing."""
    rng = random.Random(n)
    leaves = [T.Placeholder((3,), "float64", name=f"x{i}") for i in range(10)]
    nodes = list(leaves)
    unary = [T.sin, T.tanh, T.sqrt, T.softplus]
    binary = [T.maximum, T.arctan2, T.add, T.multiply]
    for _ in range(n):
        a = nodes[-1 - rng.randrange(min(len(nodes), 50))]
        if rng.random() < 0.5:
            nodes.append(rng.choice(unary)(a))
        else:
            nodes.append(rng.choice(binary)(a, nodes[-1 - rng.randrange(min(len(nodes), 50))]))
    return nodes[-1], leaves


def main() -> None:
    print(f"{'operations':>10} {'build':>9} {'canonicalize':>13} {'lower':>9}   µs per operation")
    for n in SIZES:
        gc.collect()
        start = time.perf_counter()
        output, leaves = build(n)
        built = time.perf_counter()
        simple = canonicalize(output)
        canonical = time.perf_counter()
        program = lower([simple], leaves)
        done = time.perf_counter()
        times = [built - start, canonical - built, done - canonical]
        each = "  ".join(f"{1e6 * t / n:6.1f}" for t in times)
        print(f"{n:>10,} {times[0]:>8.3f}s {times[1]:>12.3f}s {times[2]:>8.3f}s   {each}   ({len(program):,} instructions)")


if __name__ == "__main__":
    main()
