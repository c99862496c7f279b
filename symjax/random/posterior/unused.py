"""Latents that nothing depends on: missing observations, effects of groups without data, whole models without data."""

from __future__ import annotations

from symjax.core._leaves import constant
from symjax.core._scope import detached
from symjax.core._traverse import rebuild
from symjax.random._distribution import Distribution, require
from symjax.random.posterior._joint import Decline, Factor, Joint, Rewrite
from symjax.rewrite import Facts

RULE = "unused"


def propose_unused(joint: Joint, decline: Decline) -> Rewrite | None:
    """Take out a latent that only its own law depends on: the law integrates to one, and it is drawn from it afterwards.

    What the law asks of its parameters stays.
    """
    for z in joint.latents:
        prior = joint.prior_of(z)
        if prior is None or prior.law is None or prior.law.token is None or joint.touching(z) != (prior,):
            continue
        law = prior.law.distribution
        if not law.is_normalized or type(law).draw is Distribution.draw:
            decline(RULE, [z.name], f"nothing depends on it, but {law.name} is not known to integrate to one")
            continue
        with detached():
            checks = [c for c in law._checks(prior.law.parents) if not Facts()(c).positive]
            drawn = rebuild(prior.law, prior.law.parents, token=prior.law.token.fresh())
            left = (Factor(z.name, require(constant(0.0), *checks)),) if checks else ()
        label = f"{z.name} ({z.size})" if z.shape else z.name
        reason = f"{label}: nothing depends on it; drawn from its law after sampling"
        return Rewrite(RULE, reason, (z.name,), (prior,), left, {z: drawn})
    return None
