"""The driver: rules propose rewrites of a joint, one after the other, until none has anything left to propose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from symjax.core._traverse import substitute
from symjax.random.posterior._joint import Joint, Latent, Propose, Record, Rewrite

_MAX_REWRITES = 10_000


@dataclass(frozen=True)
class Plan:
    """What is left to sample, and how to recover what is not.

    Attributes
    ----------
    joint : Joint
        The density of the latents that remain.
    rewrites : tuple of Rewrite
        What was done, in order.
    applied, declined : list of Record
        The same for people, and what was considered and refused.
    """

    joint: Joint
    rewrites: tuple[Rewrite, ...]
    applied: list[Record]
    declined: list[Record]

    def recovered(self) -> dict[Latent, Any]:
        """For each latent that was integrated out, an exact draw given those that remain: a graph of fresh random variables."""
        known: dict[Latent, Any] = {}
        for rewrite in reversed(self.rewrites):
            latents = list(rewrite.conditional)
            found = substitute([rewrite.conditional[x] for x in latents], dict(known))
            known.update(zip(latents, found, strict=True))
        return known


def compile_posterior(joint: Joint, rules: Sequence[tuple[str, Propose]], *, only: Collection[str] | None = None) -> Plan:
    """Rewrite a joint with rules until none applies.

    Parameters
    ----------
    joint : Joint
        The density as written.
    rules : sequence of (str, callable)
        Rules in order of preference; after each rewrite the first is tried again.
    only : collection of str, optional
        Names of the rules to use; all by default.
    """
    rewrites: list[Rewrite] = []
    declined: dict[tuple[str, tuple[str, ...]], Record] = {}

    def decline(rule: str, variables: Sequence[str], reason: str) -> None:
        declined[rule, tuple(variables)] = Record(rule, tuple(variables), reason)

    allowed = [(name, propose) for name, propose in rules if only is None or name in only]
    while len(rewrites) < _MAX_REWRITES:
        rewrite = next((r for _, propose in allowed if (r := propose(joint, decline)) is not None), None)
        if rewrite is None:
            break
        joint = joint.apply(rewrite)
        rewrites.append(rewrite)
    applied = [Record(r.rule, r.variables, _told(r)) for r in rewrites]
    gone = {x.name for r in rewrites for x in r.conditional}
    left = [r for r in declined.values() if not set(r.variables) <= gone]
    return Plan(joint, tuple(rewrites), applied, left)


def _told(rewrite: Rewrite) -> str:
    """What a rewrite does, beginning with what it does it to: "theta (8), mu: integrated out given tau: …"."""
    if not rewrite.conditional or rewrite.reason.startswith(next(iter(rewrite.conditional)).name):
        return rewrite.reason
    subjects = [x.name if x.shape == () else f"{x.name} ({'x'.join(map(str, x.shape))})" for x in rewrite.conditional]
    return f"{', '.join(subjects)}: {rewrite.reason}"
