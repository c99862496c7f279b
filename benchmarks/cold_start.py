"""Cold start, build to draws in a new process with the imports excluded, against NumPyro on the same machine and run.

    python benchmarks/cold_start.py [--repeats 3]

Prints the median seconds of each library and their ratio for eight schools (non-centred) and the radon regression.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

COMMON = """
import json, time, warnings
import numpy as np
warnings.simplefilter("ignore")
sigma = np.array([15., 10., 16., 11., 9., 11., 10., 18.]); effects = np.array([28., 8., -3., 7., -1., 1., 18., 12.])
rng = np.random.default_rng(101)
J, N = 85, 3000
county = rng.choice(J, N, p=rng.dirichlet(np.full(J, 2.0))); county[:J] = np.arange(J)
uranium = rng.normal(0, 1, J); floor = (rng.random(N) < 0.2).astype(float)
y = (1.5 + 0.7 * uranium + rng.normal(0, 0.3, J))[county] + (-0.7 + rng.normal(0, 0.25, J))[county] * floor + rng.normal(0, 0.75, N)
"""

SYMJAX = (
    COMMON
    + """
import arviz, jax
import symjax.pmc_bridge as pm, symjax.tensor as pt
start = time.perf_counter()
with pm.Model() as model:
    if {radon}:
        g = pm.Normal("g", 0, 5, shape=2)
        mu_b = pm.Normal("mu_b", 0, 1)
        sigma_a, sigma_b = pm.Exponential("sigma_a", 1), pm.Exponential("sigma_b", 1)
        za, zb = pm.Normal("za", 0, 1, shape=J), pm.Normal("zb", 0, 1, shape=J)
        a = pm.Deterministic("a", g[0] + g[1] * uranium + sigma_a * za)
        b = pm.Deterministic("b", mu_b + sigma_b * zb)
        noise = pm.Exponential("sigma", 1)
        pm.Normal("y", a[county] + b[county] * floor, noise, observed=y)
    else:
        mu, tau = pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5)
        z = pm.Normal("theta_trans", 0, 1, shape=8)
        theta = pm.Deterministic("theta", mu + tau * z)
        pm.Normal("y", theta, sigma, observed=effects)
    tree = pm.sample(1000, tune=1000, chains=4, random_seed=1, progressbar=False)
tree.posterior.mean()
print(json.dumps(time.perf_counter() - start))
"""
)

NUMPYRO = (
    COMMON
    + """
import arviz, jax, numpyro, numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS
jax.config.update("jax_enable_x64", True)
start = time.perf_counter()
def schools():
    mu = numpyro.sample("mu", dist.Normal(0, 5)); tau = numpyro.sample("tau", dist.HalfCauchy(5))
    z = numpyro.sample("theta_trans", dist.Normal(0, 1).expand([8]))
    theta = numpyro.deterministic("theta", mu + tau * z)
    numpyro.sample("y", dist.Normal(theta, sigma), obs=effects)
def radon():
    g = numpyro.sample("g", dist.Normal(0, 5).expand([2])); mu_b = numpyro.sample("mu_b", dist.Normal(0, 1))
    sigma_a = numpyro.sample("sigma_a", dist.Exponential(1)); sigma_b = numpyro.sample("sigma_b", dist.Exponential(1))
    za = numpyro.sample("za", dist.Normal(0, 1).expand([J])); zb = numpyro.sample("zb", dist.Normal(0, 1).expand([J]))
    a = numpyro.deterministic("a", g[0] + g[1] * uranium + sigma_a * za)
    b = numpyro.deterministic("b", mu_b + sigma_b * zb)
    noise = numpyro.sample("sigma", dist.Exponential(1))
    numpyro.sample("y", dist.Normal(a[county] + b[county] * floor, noise), obs=y)
mcmc = MCMC(NUTS(radon if {radon} else schools), num_warmup=1000, num_samples=1000, num_chains=4, chain_method="{method}",
            progress_bar=False)
mcmc.run(jax.random.key(1))
jax.block_until_ready(mcmc.get_samples())
print(json.dumps(time.perf_counter() - start))
"""
)


def seconds(program: str, **values: object) -> float:
    """Seconds that a program, run in a new process, says it took."""
    for key, value in values.items():
        program = program.replace("{" + key + "}", str(value))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    print(f"{'model':<14} {'symjax':>8} {'NumPyro':>8} {'(its faster chain method)':<26} ratio")
    for name, radon in (("eight schools", False), ("radon", True)):
        ours, theirs = [], {"sequential": [], "vectorized": []}
        for _ in range(repeats):
            ours.append(seconds(SYMJAX, radon=radon))
            for method, times in theirs.items():
                times.append(seconds(NUMPYRO, radon=radon, method=method))
        best = min(theirs, key=lambda m: statistics.median(theirs[m]))
        a, b = statistics.median(ours), statistics.median(theirs[best])
        print(f"{name:<14} {a:>7.2f}s {b:>7.2f}s {best:<26} {a / b:.2f}", flush=True)


if __name__ == "__main__":
    main()
