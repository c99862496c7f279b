"""Log density with gradient of five models, in a compiled loop, against the same densities written in JAX by hand.

    python benchmarks/log_density.py [MODEL ...]

A row per model: microseconds of processor time per evaluation on each side, and the median of their ratios over repeats that take
turns; processor time, so that what else the machine does is left out. The two must agree in value and gradient first. The
hand-written code is what a careful author writes: unconstrained parameters cut out of one flat vector, ``jnp.sum`` over vectorised
terms, constants of the data left out of no term.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.stats as st
import numpy as np
from jax.scipy.special import gammaln

import symjax
import symjax.pmc_bridge as pm
import symjax.tensor as T
from symjax.pmc_bridge._compile import compile_log_density

REPEATS = 15
SECONDS = 0.25


def eight_schools() -> tuple[Any, Callable[..., Any], Any]:
    effects = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    errors = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        z = pm.Normal("z", 0, 1, shape=8)
        pm.Normal("y", mu + tau * z, errors, observed=effects)

    def density(q: Any, data: Any) -> Any:
        y, s = data
        mu, log_tau, z = q[0], q[1], q[2:]
        tau = jnp.exp(log_tau)
        prior = st.norm.logpdf(mu, 0, 5) + np.log(2) + st.cauchy.logpdf(tau, 0, 5) + log_tau + st.norm.logpdf(z).sum()
        return prior + st.norm.logpdf(y, mu + tau * z, s).sum()

    return model, density, (effects, errors)


def radon() -> tuple[Any, Callable[..., Any], Any]:
    rng = np.random.default_rng(1)
    groups, n = 85, 3_000
    county, floor = rng.integers(0, groups, n), (rng.random(n) < 0.2).astype(float)
    uranium, y = rng.normal(size=groups), rng.normal(size=n)
    with pm.Model(coords={"county": np.arange(groups), "row": np.arange(n)}) as model:
        index, basement = pm.Data("index", county, dims="row"), pm.Data("basement", floor, dims="row")
        g = pm.Normal("g", 0, 5, shape=2)
        mu_b = pm.Normal("mu_b", 0, 1)
        sigma_a, sigma_b = pm.Exponential("sigma_a", 1), pm.Exponential("sigma_b", 1)
        za, zb = pm.Normal("za", 0, 1, dims="county"), pm.Normal("zb", 0, 1, dims="county")
        a = pm.Deterministic("a", g[0] + g[1] * uranium + sigma_a * za, dims="county")
        b = pm.Deterministic("b", mu_b + sigma_b * zb, dims="county")
        sigma = pm.Exponential("sigma", 1)
        pm.Normal("y", a[index] + b[index] * basement, sigma, observed=y, dims="row")

    def density(q: Any, data: Any) -> Any:
        index, floor, uranium, y = data
        g, mu_b, logs = q[:2], q[2], jnp.stack([q[3], q[4], q[-1]])
        za, zb = q[5 : 5 + groups], q[5 + groups : 5 + 2 * groups]
        sigma_a, sigma_b, sigma = jnp.exp(logs)
        prior = st.norm.logpdf(g, 0, 5).sum() + st.norm.logpdf(mu_b) + st.expon.logpdf(jnp.exp(logs)).sum() + logs.sum()
        prior += st.norm.logpdf(za).sum() + st.norm.logpdf(zb).sum()
        a, b = g[0] + g[1] * uranium + sigma_a * za, mu_b + sigma_b * zb
        return prior + st.norm.logpdf(y, a[index] + b[index] * floor, sigma).sum()

    return model, density, (county, floor, uranium, y)


def logistic() -> tuple[Any, Callable[..., Any], Any]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(10_000, 50))
    y = (rng.random(10_000) < 0.5).astype(int)
    with pm.Model() as model:
        alpha = pm.Normal("alpha", 0, 2.5)
        beta = pm.Normal("beta", 0, 1, shape=50)
        pm.Bernoulli("y", logit_p=alpha + T.dot(x, beta), observed=y)

    def density(q: Any, data: Any) -> Any:
        x, y = data
        logits = q[0] + x @ q[1:]
        prior = st.norm.logpdf(q[0], 0, 2.5) + st.norm.logpdf(q[1:]).sum()
        return prior + (y * logits - jax.nn.softplus(logits)).sum()

    return model, density, (x, y)


def stochastic_volatility() -> tuple[Any, Callable[..., Any], Any]:
    rng = np.random.default_rng(3)
    n = 600
    returns = np.exp(0.5 * (-4.5 + np.cumsum(rng.normal(0, 0.12, n)))) * rng.standard_t(8, n)
    with pm.Model() as model:
        step = pm.Exponential("step", 10)
        h = pm.GaussianRandomWalk("h", sigma=step, init_dist=pm.Normal.dist(0, 10), shape=n)
        nu = pm.Exponential("nu", 0.1)
        pm.StudentT("returns", nu=nu, mu=0, lam=T.exp(-h), observed=returns)

    def density(q: Any, y: Any) -> Any:
        log_step, h, log_nu = q[0], q[1:-1], q[-1]
        step, nu = jnp.exp(log_step), jnp.exp(log_nu)
        prior = np.log(10) - 10 * step + log_step + np.log(0.1) - 0.1 * nu + log_nu
        prior += st.norm.logpdf(h[0], 0, 10) + st.norm.logpdf(jnp.diff(h), 0, step).sum()
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * jnp.log(nu * np.pi)
        return prior + (constant - 0.5 * h - (nu + 1) / 2 * jnp.log1p(y**2 * jnp.exp(-h) / nu)).sum()

    return model, density, returns


def garch() -> tuple[Any, Callable[..., Any], Any]:
    rng = np.random.default_rng(4)
    y, start = rng.normal(5, 2, 200), 0.5**2
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 10)
        alpha0 = pm.HalfNormal("alpha0", 5)
        alpha1 = pm.Uniform("alpha1", 0, 1)
        beta1 = pm.Uniform("beta1", 0, 1 - alpha1)

        def step(before: Any, variance: Any, mu: Any, alpha0: Any, alpha1: Any, beta1: Any) -> Any:
            return alpha0 + alpha1 * (before - mu) ** 2 + beta1 * variance

        first = T.as_tensor(start)
        later = symjax.scan(
            step, sequences=[T.as_tensor(y[:-1])], outputs_info=[first], non_sequences=[mu, alpha0, alpha1, beta1],
            return_updates=False,
        )  # fmt: skip
        sigma = T.sqrt(T.concatenate([T.stack([first]), later]))
        pm.Normal("y", mu, sigma, observed=y)

    def density(q: Any, y: Any) -> Any:
        mu, alpha0, alpha1 = q[0], jnp.exp(q[1]), jax.nn.sigmoid(q[2])
        width = 1 - alpha1
        beta1 = width * jax.nn.sigmoid(q[3])
        prior = st.norm.logpdf(mu, 0, 10) + np.log(2) + st.norm.logpdf(alpha0, 0, 5) + q[1]
        prior += jax.nn.log_sigmoid(q[2]) + jax.nn.log_sigmoid(-q[2]) + jax.nn.log_sigmoid(q[3]) + jax.nn.log_sigmoid(-q[3])

        def advance(variance: Any, before: Any) -> Any:
            new = alpha0 + alpha1 * (before - mu) ** 2 + beta1 * variance
            return new, new

        _, later = jax.lax.scan(advance, jnp.asarray(start), y[:-1])
        return prior + st.norm.logpdf(y, mu, jnp.sqrt(jnp.concatenate([jnp.array([start]), later]))).sum()

    return model, density, y


MODELS = {f.__name__: f for f in (eight_schools, radon, logistic, stochastic_volatility, garch)}


def looped(density: Callable[..., Any]) -> Callable[..., Any]:
    """`n` evaluations one after the other, each from a point that depends on the one before, as in a trajectory."""
    gradient = jax.value_and_grad(density)

    def run(q: Any, data: Any, n: Any) -> Any:
        def body(_: Any, carry: Any) -> Any:
            q, total = carry
            value, slope = gradient(q, data)
            return q + 1e-12 * jnp.tanh(slope), total + value

        return jax.lax.fori_loop(0, n, body, (q, jnp.zeros(())))

    return jax.jit(run)


def seconds_of(run: Callable[..., Any], *arguments: Any) -> float:
    start = time.process_time()
    jax.block_until_ready(run(*arguments))
    return time.process_time() - start


def compare(name: str) -> tuple[float, float, float]:
    """Microseconds per evaluation, compiled from the model and written by hand, and the median of their ratios."""
    model, by_hand, data = MODELS[name]()
    target = compile_log_density(model).target
    empty = np.zeros(0, np.int64)
    sides = [
        (lambda q, d: target.function(q, empty, d), jax.device_put(target.data)),
        (by_hand, jax.device_put(data)),
    ]
    q = jnp.asarray(0.3 * np.random.default_rng(5).normal(size=target.size))
    found = [jax.jit(jax.value_and_grad(f))(q, d) for f, d in sides]
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * float(jnp.abs(theirs).max()))
    loops = [(looped(f), d) for f, d in sides]
    for run, d in loops:
        seconds_of(run, q, d, 1)
    n = max(20, int(SECONDS / max(seconds_of(run, q, d, 50) / 50 for run, d in loops)))
    times = [[seconds_of(run, q, d, n) / n for run, d in loops] for _ in range(REPEATS)]
    ours, theirs = (1e6 * statistics.median(t) for t in zip(*times, strict=True))
    return ours, theirs, statistics.median(a / b for a, b in times)


def main() -> None:
    names = sys.argv[1:] or list(MODELS)
    print(f"{'model':24}{'symjax µs':>12}{'by hand µs':>12}{'ratio':>8}", flush=True)
    with jax.enable_x64(True):
        for name in names:
            ours, theirs, ratio = compare(name)
            print(f"{name:24}{ours:>12.2f}{theirs:>12.2f}{ratio:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
