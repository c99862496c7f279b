"""Sufficient statistics: what a gradient costs by the number of rows, how fast data is reduced, and a large regression.

python benchmarks/statistics.py [--rows 10000000]

The gradient's cost must be flat from 10³ to 10⁷ rows within 1.5 times; the reduction should read 1 GB/s.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time

import jax
import numpy as np

import symjax.random as R
import symjax.tensor as T
from symjax.core._gradient import close_derivatives, gradients
from symjax.core._lower import lower
from symjax.core._scope import detached
from symjax.random.posterior import Joint, compile_posterior, joint_of
from symjax.random.posterior.statistics import sufficient_statistics

RULES = [("sufficient_statistics", sufficient_statistics)]
COLUMNS = 10


def regression(X: np.ndarray, y: np.ndarray) -> Joint:
    """``y ~ Normal(alpha + X @ beta, sigma)``."""
    alpha, beta = R.Normal(0, 10, name="alpha"), R.Normal(0, 10, shape=(X.shape[1],), name="beta")
    sigma = R.HalfNormal(1.0, name="sigma")
    observed = R.Normal(alpha + T.dot(X, beta), sigma, name="y")
    return joint_of({observed: y}, [alpha, beta, sigma])[0]


def groups(g: np.ndarray, x: np.ndarray, y: np.ndarray, n_groups: int) -> Joint:
    """``y ~ Normal(a[g] + b[g] * x, sigma)``."""
    a, b = R.Normal(0, 1, shape=(n_groups,), name="a"), R.Normal(0, 1, shape=(n_groups,), name="b")
    sigma = R.HalfNormal(1.0, name="sigma")
    return joint_of({R.Normal(a[g] + b[g] * x, sigma, name="y"): y}, [a, b, sigma])[0]


def counts(g: np.ndarray, y: np.ndarray, n_groups: int) -> Joint:
    """``y ~ Poisson(exp(a[g]))``."""
    a = R.Normal(0, 1, shape=(n_groups,), name="a")
    return joint_of({R.Poisson(T.exp(a[g]), name="y"): y}, [a])[0]


def gradient_microseconds(joint: Joint, steps: int) -> float:
    """Time of one log density with its gradient, in a compiled loop of gradient steps; the least of five measurements."""
    latents = list(joint.latents)
    with detached():
        value = sum((T.sum(f.term) for f in joint.factors[1:]), T.sum(joint.factors[0].term))
        program = lower(close_derivatives([value, *gradients(value, latents)]), latents)
    with jax.enable_x64(True):

        @jax.jit
        def loop(start, data):
            def step(_, position):
                _, *slopes = program.run(position, data)
                return [p + 1e-12 * s for p, s in zip(position, slopes, strict=True)]

            return jax.lax.fori_loop(0, steps, step, start)

        start = [np.full(x.shape, 0.5) for x in latents]
        data = program.values_of_data()
        jax.block_until_ready(loop(start, data))
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            jax.block_until_ready(loop(start, data))
            times.append(time.perf_counter() - begin)
    return 1e6 * min(times) / steps


def frozen(*arrays: np.ndarray) -> list[np.ndarray]:
    """Arrays that a graph takes without copying them."""
    for a in arrays:
        a.flags.writeable = False
    return list(arrays)


def peak() -> float:
    """Most memory that the process had, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def fit(n: int) -> None:
    """A regression of `n` rows from data in memory to draws."""
    import symjax.pmc_bridge as pm

    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, COLUMNS))
    y = X @ np.arange(COLUMNS) + rng.normal(size=n)
    data = peak()
    begin = time.perf_counter()
    with pm.Model():
        alpha, beta = pm.Normal("alpha", 0, 10), pm.Normal("beta", 0, 10, shape=COLUMNS)
        sigma = pm.HalfNormal("sigma", 5)
        pm.Normal("y", alpha + T.dot(X, beta), sigma, observed=y)
        pm.sample(progressbar=False, random_seed=1)
    seconds = time.perf_counter() - begin
    print(f"fit of {n:,} x {COLUMNS}: {seconds:.1f} s, peak {peak():.2f} GiB, of which {data:.2f} before")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--fit", action="store_true", help="only the fit by pm.sample")
    options = parser.parse_args()
    most = options.rows
    if options.fit:
        return fit(most)
    subprocess.run([sys.executable, __file__, "--fit", "--rows", str(most)], check=True)
    rng = np.random.default_rng(0)
    print(f"{'rows':>12} {'model':>12} {'reduced in':>11} {'GB/s':>6} {'gradient':>10} {'as written':>11} {'peak':>9}")
    for n in [10**k for k in range(3, 8) if 10**k <= most]:
        X, x, y = frozen(rng.normal(size=(n, COLUMNS)), rng.normal(size=n), rng.normal(size=n))
        g, k = frozen(rng.integers(0, 85, n), rng.poisson(2.0, n))
        for name, data, build in [
            ("regression", (X, y), regression),
            ("groups", (g, x, y), lambda *d: groups(*d, 85)),
            ("counts", (g, k), lambda *d: counts(*d, 85)),
        ]:
            joint = build(*data)
            begin = time.perf_counter()
            plan = compile_posterior(joint, RULES)
            seconds = time.perf_counter() - begin
            speed = sum(a.nbytes for a in data) / 1e9 / seconds
            reduced = gradient_microseconds(plan.joint, 2000)
            written = f"{gradient_microseconds(joint, 20):8.0f} µs" if n <= 10**5 else ""
            print(
                f"{n:>12,} {name:>12} {seconds:>9.3f} s {speed:>6.2f} {reduced:>7.1f} µs {written:>11} {peak():>5.2f} GiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
