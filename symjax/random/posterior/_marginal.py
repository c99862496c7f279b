"""Integrating out chosen latents, the others being given."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from symjax._errors import NotDerivableError
from symjax.core._node import Tensor
from symjax.core._scope import detached
from symjax.core._traverse import substitute
from symjax.random.algebra.supports import fact_of_draw
from symjax.random.posterior._compile import Plan, compile_posterior
from symjax.random.posterior._joint import Factor, Joint, Latent, Propose, Record, Rewrite
from symjax.rewrite import Facts, register_fact


class Given(Tensor):
    """A latent whose value is given for now, so that no rule may integrate it out: a leaf with its law's support."""

    __slots__ = ("latent",)
    latent: Latent

    def __init__(self, latent: Latent):
        super().__init__(None, (), (), latent.aval, None, latent.name)
        object.__setattr__(self, "latent", latent)


def _fact_of_given(node: Given, _: Any) -> Any:
    facts, draw = Facts(), node.latent.draw
    return fact_of_draw(draw, [facts(p) for p in draw.parents])


register_fact(Given, _fact_of_given)


def marginalize_latents(joint: Joint, chosen: Collection[Latent], rules: Sequence[tuple[str, Propose]]) -> Plan:
    """Integrate chosen latents out of a joint and no others.

    Raises
    ------
    NotDerivableError
        If one of them has no closed form given the others; the message names it and the condition that failed.
    """
    wanted = set(chosen)
    plan = compile_given(joint, [x for x in joint.latents if x not in wanted], rules)
    left = next((x for x in plan.joint.latents if x in wanted), None)
    if left is not None:
        raise NotDerivableError(_refusal(left, plan.declined), left.draw)
    return plan


def compile_given(
    joint: Joint, given: Collection[Latent], rules: Sequence[tuple[str, Propose]], *, only: Collection[str] | None = None
) -> Plan:
    """`compile_posterior` with some latents given, so that no rule integrates them out."""
    if not given:
        return compile_posterior(joint, rules, only=only)
    others = {x: Given(x) for x in given}
    inner = Joint(tuple(x for x in joint.latents if x not in others), tuple(replaced(f, others) for f in joint.factors))
    plan = compile_posterior(inner, rules, only=only)
    back = {given: latent for latent, given in others.items()}
    left = {*others, *plan.joint.latents}
    factors = tuple(replaced(f, back) for f in plan.joint.factors)
    rewrites = tuple(_rewrite_replaced(r, back) for r in plan.rewrites)
    return Plan(Joint(tuple(x for x in joint.latents if x in left), factors), rewrites, plan.applied, plan.declined)


def _refusal(latent: Latent, declined: Sequence[Record]) -> str:
    reasons = [f"{r.rule}: {r.reason}" for r in declined if latent.name in r.variables]
    why = "; ".join(reasons) if reasons else "no rule knows its integral"
    return f"{latent.name!r} cannot be integrated out exactly ({why}). Leave it among the variables that are sampled."


def replaced(factor: Factor, replacements: dict[Any, Any]) -> Factor:
    """A factor with leaves replaced."""
    nodes = [n for n in (factor.term, factor.law, factor.value) if n is not None]
    with detached():
        found = iter(substitute(nodes, dict(replacements)))
    new = [None if n is None else next(found) for n in (factor.term, factor.law, factor.value)]
    return Factor(factor.name, *new)


def _rewrite_replaced(rewrite: Rewrite, replacements: dict[Any, Any]) -> Rewrite:
    latents = list(rewrite.conditional)
    with detached():
        found = substitute([rewrite.conditional[x] for x in latents], dict(replacements))
    return Rewrite(rewrite.rule, rewrite.reason, rewrite.variables, (), (), dict(zip(latents, found, strict=True)))
