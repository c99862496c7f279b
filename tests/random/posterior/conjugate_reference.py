"""What integrating out a latent has to satisfy: joint density = density of the rest × conditional density, at any point."""

from __future__ import annotations

import numpy as np

import symjax.random as R
import symjax.tensor as T
from symjax.core._function import evaluate
from symjax.core._scope import detached
from symjax.core._traverse import substitute
from symjax.random.posterior import compile_posterior, joint_of
from symjax.random.posterior.conjugate import propose_conjugate
from symjax.random.posterior.unused import propose_unused

RULES = (("unused", propose_unused), ("conjugate", propose_conjugate))


def compiled(values, latent, potentials=None):
    """The joint of a model and its plan."""
    joint, _ = joint_of(values, latent, potentials)
    return joint, compile_posterior(joint, RULES)


def density(joint, at):
    """The log density of a joint at values of its latents by name."""
    with detached():
        total = T.add_n([T.sum(f.term) for f in joint.factors])
        [total] = substitute([total], {x: T.constant(np.asarray(at[x.name], float)) for x in joint.latents})
        return float(evaluate(total))


def check(joint, plan, points, tolerance=1e-10):
    """Compare ``log p(z, rest)`` with ``log p(rest) + log p(z | rest)``; `points` are values of all latents by name."""
    assert plan.rewrites, plan.declined
    recovered = plan.recovered()
    for at in points:
        rest = {x: T.constant(np.asarray(at[x.name], float)) for x in plan.joint.latents}
        after = density(plan.joint, at)
        for rewrite in plan.rewrites:
            for z, draw in rewrite.conditional.items():
                with detached():
                    known = {**rest, **{x: T.constant(np.asarray(at[x.name], float)) for x in recovered if x is not z}}
                    [law] = substitute([draw], known)
                    after += float(np.sum(evaluate(R.logp(law, np.asarray(at[z.name], float)))))
        before = density(joint, at)
        assert abs(before - after) <= tolerance * (1 + abs(before)), (before, after, at)
