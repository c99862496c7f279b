"""Latents that nothing depends on: drawn from their own laws."""

from __future__ import annotations

from symjax.core._leaves import constant
from symjax.core._scope import detached
from symjax.core._traverse import rebuild
from symjax.random._distribution import Distribution, require
from symjax.random.distributions.flat import FlatDistribution
from symjax.random.posterior._joint import Factor, Joint, Latent, Rewrite
from symjax.rewrite import Facts


def propose_unused(joint: Joint, rule: str) -> Rewrite | None:
    """Take out a latent that only its own law depends on, which integrates to one."""
    for z in joint.latents:
        prior = joint.prior_of(z)
        if prior is None or prior.law is None or len(joint.touching(z)) != 1 or not _is_proper(prior):
            continue
        assert prior.law.token is not None
        with detached():
            checks = [c for c in prior.law.distribution._checks(prior.law.parents) if not Facts()(c).positive]
            drawn = rebuild(prior.law, prior.law.parents, token=prior.law.token.fresh())
            left = (Factor(z.name, require(constant(0.0), *checks)),) if checks else ()
        return Rewrite(
            rule, f"{_label(z)}: nothing depends on it; drawn from its law after sampling", (z.name,), (prior,), left, {z: drawn}
        )
    return None


def _is_proper(prior: Factor) -> bool:
    law = prior.distribution
    return type(law).draw is not Distribution.draw and not isinstance(law, FlatDistribution)


def _label(z: Latent) -> str:
    return f"{z.name} ({z.size})" if z.shape else z.name
