"""Models with few discrete configurations: what the posterior compiler makes of them, against all configurations one by one."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import jax
import numpy as np
from scipy.special import logsumexp

import symjax
import symjax.tensor as T
from symjax.core._function import evaluate
from symjax.core._scope import detached
from symjax.core._traverse import substitute
from symjax.random.posterior import Joint, Plan, compile_posterior, joint_of
from symjax.random.posterior.chains import propose_forward_recursion, propose_waiting_chains
from symjax.random.posterior.discrete import propose_enumeration
from symjax.random.posterior.discrete_tables import bounds_of
from symjax.random.posterior.unused import propose_unused

RULES = (
    ("unused", propose_unused),
    ("forward_recursion", propose_forward_recursion),
    ("enumerate_discrete", propose_enumeration),
    ("forward_recursion", propose_waiting_chains),
)


def total(joint: Joint) -> Any:
    """The log density as one number."""
    with detached():
        return T.add_n([T.constant(0.0), *(T.sum(f.term) for f in joint.factors)])


class Checked:
    """A model, its plan, and both densities as functions of the continuous latents."""

    def __init__(self, latent: Any, observed: Any = None, potentials: Any = None, rules: Any = RULES):
        self.joint, self.known = joint_of(observed or {}, latent, potentials)
        self.plan: Plan = compile_posterior(self.joint, rules)
        self.continuous = [z for z in self.joint.latents if not z.is_discrete]
        self.discrete = [z for z in self.joint.latents if z.is_discrete]
        self.left = [z for z in self.plan.joint.latents if z.is_discrete]
        written = symjax.to_jax(total(self.joint), [*self.continuous, *self.discrete])
        self._planned = symjax.to_jax(total(self.plan.joint), [*self.continuous, *self.left])
        n = len(self.continuous)
        axes = (None,) * n + (0,) * len(self.discrete)
        self._all = jax.jit(jax.vmap(written, in_axes=axes) if self.discrete else written)
        self._with_gradient = jax.jit(jax.value_and_grad(self._planned, argnums=tuple(range(n))))

    def draw(self, seed: int) -> list[np.ndarray]:
        """Continuous latents from their prior."""
        if not self.continuous:
            return []
        with detached():
            fresh: dict[Any, Any] = {}
            for z in self.joint.latents:
                [fresh[z]] = substitute([z.draw], fresh)
        return list(evaluate([fresh[z] for z in self.continuous], seed=seed))

    def configurations(self, of: Any = None) -> list[np.ndarray]:
        """All values of the discrete latents, one row of values each."""
        ranges = []
        of = self.discrete if of is None else of
        for z in of:
            law = z.draw.distribution
            low, high = (0, z.draw.parents[-1].shape[-1] - 1) if law.event_ndim else bounds_of(z)  # type: ignore[misc]
            low, high = (np.broadcast_to(b, z.shape).ravel() for b in (low, high))
            ranges += [range(a, b + 1) for a, b in zip(low, high, strict=True)]
        rows = np.array(list(itertools.product(*ranges)), dtype=np.int64).reshape(-1, len(ranges))
        edges = np.cumsum([0, *(z.size for z in of)])
        return [rows[:, a:b].reshape(-1, *z.shape) for z, a, b in zip(of, edges[:-1], edges[1:], strict=True)]

    def brute(self, point: Any) -> tuple[np.ndarray, list[np.ndarray]]:
        """Log density of every configuration."""
        rows = self.configurations()
        with jax.enable_x64(True):
            return np.asarray(self._all(*point, *rows)), rows

    def evidence(self, point: Any) -> float:
        """Log of the sum over what the plan has summed out."""
        return float(logsumexp(self.brute(point)[0]))

    def planned(self, point: Any) -> float:
        """The same by the plan, and by enumeration over what the plan has left."""
        rows = self.configurations(self.left) if self.left else []
        with jax.enable_x64(True):
            if not rows:
                return float(self._planned(*point))
            axes = (None,) * len(point) + (0,) * len(rows)
            return float(logsumexp(jax.vmap(self._planned, in_axes=axes)(*point, *rows)))

    def at(self, *values: Any) -> float:
        """The planned density at values of all that it leaves."""
        with jax.enable_x64(True):
            return float(self._planned(*values))

    def check_evidence(self, seeds: int = 3) -> None:
        """The planned density is the sum over all configurations, at random points, and so are its derivatives."""
        for seed in range(seeds):
            point = [np.asarray(p, float) for p in self.draw(seed)]
            if self.left or not point:
                assert np.isclose(self.planned(point), self.evidence(point), rtol=1e-10, atol=1e-9)
                continue
            with jax.enable_x64(True):
                value, gradient = self._with_gradient(*point)
            assert np.isclose(value, self.evidence(point), rtol=1e-10, atol=1e-9)
            assert all(np.isfinite(g).all() for g in gradient)
            self._check_derivative(point, gradient, seed)

    def _check_derivative(self, point: list[np.ndarray], gradient: Any, seed: int) -> None:
        """Derivatives along a random direction that keeps what sums to one, against differences of the sum over configurations."""
        rng = np.random.default_rng(seed)
        way = [rng.uniform(-1, 1, p.shape) * p for p in point]
        for d, p, z in zip(way, point, self.continuous, strict=True):
            if z.draw.distribution.name == "Dirichlet":
                d -= p * d.sum(-1, keepdims=True)
        h = 1e-4
        ahead, behind = (self.evidence([p + s * h * d for p, d in zip(point, way, strict=True)]) for s in (1, -1))
        slope = sum(float((np.asarray(g) * d).sum()) for g, d in zip(gradient, way, strict=True))
        assert np.isclose(slope, (ahead - behind) / (2 * h), rtol=1e-5, atol=1e-5)

    def check_recovery(self, seed: int = 0, n: int = 4000) -> None:
        """Recovered configurations come as often as their probabilities say, within 5 standard errors each."""
        point = self.draw(seed)
        log_weights, rows = self.brute(point)
        p = np.exp(log_weights - logsumexp(log_weights))
        drawn = self.recovered(point, n)
        table = Counter(map(bytes, np.concatenate([d.reshape(n, -1) for d in drawn], 1).astype(np.int64)))
        keys = list(map(bytes, np.concatenate([r.reshape(len(p), -1) for r in rows], 1).astype(np.int64)))
        assert set(table) <= {k for k, q in zip(keys, p, strict=True) if q > 0}
        counts = np.array([table[k] for k in keys])
        likely = p * n > 5
        error = np.sqrt(n * p * (1 - p))
        assert (np.abs(counts - n * p)[likely] < 5 * error[likely] + 1).all()
        few, rest = p[~likely].sum() * n, counts[~likely].sum()
        assert abs(rest - few) < 5 * np.sqrt(few) + 3

    def recovered(self, point: Any, n: int, seed: int = 0) -> list[np.ndarray]:
        """Draws of the discrete latents given the continuous ones."""
        assert not self.left
        recovered = self.plan.recovered()
        run = symjax.to_jax([recovered[z] for z in self.discrete], self.continuous)
        with jax.enable_x64(True):
            keys = jax.random.split(jax.random.key(seed), n)
            return [np.asarray(d) for d in jax.jit(jax.vmap(lambda key: run(*point, key=key)))(keys)]
