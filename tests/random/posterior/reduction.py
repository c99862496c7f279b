"""What the tests of sufficient statistics share: a density before and after."""

import numpy as np

import symjax
import symjax.tensor as T
from symjax.core._gradient import gradients
from symjax.core._scope import detached
from symjax.core._traverse import ancestors
from symjax.random.posterior import compile_posterior, joint_of
from symjax.random.posterior.statistics import sufficient_statistics

RULES = [("sufficient_statistics", sufficient_statistics)]


def total(joint):
    """The log density, as a scalar."""
    return sum((T.sum(f.term) for f in joint.factors[1:]), T.sum(joint.factors[0].term))


def at_random(joint, rng):
    """A point where all latents are allowed."""
    found = []
    for latent in joint.latents:
        x, law = rng.normal(size=latent.shape), latent.draw.distribution.name
        if law in ("HalfNormal", "Exponential", "HalfFlat"):
            x = np.exp(0.5 * x)
        elif law == "Beta":
            x = 1 / (1 + np.exp(-x))
        elif law == "Dirichlet":
            x = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
        found.append(x)
    return found


def planned(observed, latents):
    """The joint of the observed variables and of those latents that they depend on as written, and the plan."""
    used = ancestors(observed) if observed else set(latents)
    joint, _ = joint_of(observed, [x for x in latents if x in used])
    return joint, compile_posterior(joint, RULES)


def rows_of(joint, name="y"):
    """Number of rows that the likelihood's laws have."""
    return sum(f.term.size for f in joint.factors if f.name == name and f.law is not None)


def compiled(*joints):
    """The joints' log densities and gradients as one function of the latents."""
    with detached():
        values = [total(j) for j in joints]
        slopes = [list(gradients(v, list(joints[0].latents))) for v in values]
        return symjax.function(*joints[0].latents, outputs=[values, slopes])


def assert_same_density(joint, after, rng, rtol=1e-10):
    """The same log density and the same gradient at random points."""
    run = compiled(joint, after)
    for _ in range(3):
        [a, b], [slopes, reduced] = run(*at_random(joint, rng))
        assert np.isfinite(a)
        np.testing.assert_allclose(b, a, rtol=rtol, atol=1e-9)
        for latent, before, now in zip(joint.latents, slopes, reduced, strict=True):
            if latent.draw.distribution.name == "Dirichlet":
                # only directions along the simplex mean anything
                before, now = before - before.mean(-1, keepdims=True), now - now.mean(-1, keepdims=True)
            np.testing.assert_allclose(now, before, rtol=1e-7, atol=1e-8 * (1 + np.max(np.abs(before), initial=0.0)))
