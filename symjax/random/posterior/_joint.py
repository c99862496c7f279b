"""The joint log density of a model as a sum of factors over latent values: what the passes of the posterior compiler rewrite.

Factors are expressions of `Latent` leaves, each of which stands for the value of an unobserved random variable on its own support,
and of data. A pass gives a new joint: with other factors of the same sum, or with fewer latents, those that it integrated out being
recovered afterwards by exact conditional draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._function import evaluate
from symjax.core._node import Constant, Tensor
from symjax.core._scope import detached
from symjax.core._traverse import substitute, toposort
from symjax.random._draw import RandomVariable
from symjax.random.algebra.supports import fact_of_draw
from symjax.rewrite import Fact, Facts, register_fact


class Latent(Tensor):
    """The value of an unobserved random variable, on its own support: a leaf.

    Attributes
    ----------
    draw : RandomVariable
        The variable; its parameters are expressions of other latents and of data.
    fact : Fact
        What its support proves of its value.
    """

    __slots__ = ("draw", "fact")
    draw: RandomVariable
    fact: Fact

    def __init__(self, draw: RandomVariable):
        super().__init__(None, (), (), draw.aval, None, draw.name)
        facts = Facts()
        object.__setattr__(self, "draw", draw)
        # found at once, since the latents that parameters depend on have theirs: chains of latents may be long
        object.__setattr__(self, "fact", fact_of_draw(draw, [facts(p) for p in draw.parents]))

    @property
    def is_discrete(self) -> bool:
        """Whether its law is one of whole numbers."""
        return self.draw.distribution.is_discrete


def _fact_of_latent(node: Latent, _: Any) -> Fact:
    return node.fact


register_fact(Latent, _fact_of_latent)


@dataclass(frozen=True, eq=False)
class Factor:
    """One summand of the log joint density.

    Attributes
    ----------
    name : str
        The variable or potential that it comes from, for reports.
    term : Tensor
        The log density, elementwise where it can be: the summand is the sum of all its elements.
    law : RandomVariable or None
        Where the term is the log density of a law: its node, with parameters in terms of latents and data. Its batch shape is the
        term's shape.
    value : Tensor or None
        The value that the law has there: a latent, data, or an expression of them.
    """

    name: str
    term: Any
    law: RandomVariable | None = None
    value: Any = None

    @cached_property
    def latents(self) -> frozenset[Latent]:
        """The latents that the term depends on."""
        return frozenset(n for n in toposort([self.term]) if isinstance(n, Latent))

    @property
    def distribution(self) -> Any:
        """The law's distribution; None for other terms."""
        return None if self.law is None else self.law.distribution

    @property
    def is_prior(self) -> bool:
        """Whether it is the law of a latent itself."""
        return isinstance(self.value, Latent)


def law_factor(name: str, law: RandomVariable, value: Any) -> Factor:
    """The factor of a law at a value; `law`'s parameters are in terms of latents and data.

    Its term is −inf outside the support and where a parameter is not allowed.
    """
    with detached():
        return Factor(name, law.distribution.log_prob(value, *law.parents), law, value)


@dataclass(frozen=True, slots=True)
class Record:
    """A rewrite of a model.

    Attributes
    ----------
    rule : str
        Name of the rule.
    variables : tuple of str
        Variables that it concerns.
    reason : str
        What it did, or why it was left alone, as one would tell a colleague.
    """

    rule: str
    variables: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Rewrite:
    """What a rule wants done to a joint: some factors replaced, and perhaps some latents integrated out.

    Attributes
    ----------
    rule : str
        Name of the rule.
    reason : str
        What it does, as one would tell a colleague: "integrated out given mu, tau: Normal–Normal; recovered after sampling".
    variables : tuple of str
        Names of the variables concerned, for the report.
    absorbed : tuple of Factor
        Factors that are replaced.
    factors : tuple of Factor
        What takes their place: the integral over the latents of the exponential of the absorbed factors' sum, as a sum again.
    conditional : dict of Latent to Tensor
        For each latent that is integrated out an exact draw given the latents that remain: an expression of remaining latents, data
        and fresh random variables. Latents of one rewrite may share fresh random variables.
    """

    rule: str
    reason: str
    variables: tuple[str, ...]
    absorbed: tuple[Factor, ...]
    factors: tuple[Factor, ...]
    conditional: Mapping[Latent, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Joint:
    """A joint log density.

    Attributes
    ----------
    latents : tuple of Latent
        What it is a density of.
    factors : tuple of Factor
        Its summands.
    """

    latents: tuple[Latent, ...]
    factors: tuple[Factor, ...]

    def touching(self, *latents: Latent) -> tuple[Factor, ...]:
        """The factors that depend on any of some latents, in order."""
        wanted = set(latents)
        return tuple(f for f in self.factors if f.latents & wanted)

    def prior_of(self, latent: Latent) -> Factor | None:
        """The factor that is the law of a latent itself; None if a pass has replaced it."""
        return next((f for f in self.factors if f.law is not None and f.value is latent), None)

    def only_sets_priors(self, *latents: Latent) -> bool:
        """Whether all that depends on some latents are the priors of other continuous latents.

        Integrating the latents out would tie those to each other and gain nothing: samplers move well where a hierarchy is kept.
        """
        others = [f for f in self.touching(*latents) if not any(f.value is x for x in latents)]
        return bool(others) and all(f.law is not None and f.is_prior and not f.value.is_discrete for f in others)

    def apply(self, rewrite: Rewrite) -> Joint:
        """The joint after a rewrite.

        Raises
        ------
        ValueError
            If the rewrite leaves a factor that depends on a latent that it integrates out, or absorbs a factor that is not there.
        """
        gone = set(rewrite.conditional)
        absorbed = set(map(id, rewrite.absorbed))
        kept = tuple(f for f in self.factors if id(f) not in absorbed)
        if len(kept) + len(absorbed) != len(self.factors):
            raise ValueError(f"{rewrite.rule}: absorbs a factor that is not part of the joint")
        factors = (*kept, *rewrite.factors)
        left = [f.name for f in factors if f.latents & gone]
        if left or not gone <= set(self.latents):
            raise ValueError(f"{rewrite.rule}: {left} still depend on {[x.name for x in gone]}")
        return replace(self, latents=tuple(x for x in self.latents if x not in gone), factors=factors)


def is_data(node: Any) -> bool:
    """Whether a node depends on constants alone."""
    return all(isinstance(n, Constant) or (n.parents and not n.op.random) for n in toposort([node]))


def value_of(node: Any) -> np.ndarray:
    """The value of a node that `is_data`."""
    if isinstance(node, Constant):
        return np.asarray(node.value)
    with detached():
        return np.asarray(evaluate(node))


def latents_of(node: Any) -> set[Latent]:
    """The latents that a node depends on."""
    return {n for n in toposort([node]) if isinstance(n, Latent)}


def joint_of(
    values: Mapping[RandomVariable, Any], latent: Iterable[RandomVariable], potentials: Mapping[str, Any] | None = None
) -> tuple[Joint, dict[RandomVariable, Any]]:
    """The joint of random variables, some observed.

    Parameters
    ----------
    values : dict
        Observed random variables with their values (data).
    latent : iterable of RandomVariable
        The others, in an order in which each comes after those that its parameters depend on.
    potentials : dict of str to Tensor, optional
        Further summands by name, as expressions of random variables.

    Returns
    -------
    joint : Joint
        Factors in terms of `Latent` leaves.
    known : dict
        For every random variable its latent or its value.
    """
    with detached():
        known: dict[RandomVariable, Any] = {}
        for rv in latent:
            known[rv] = Latent(substitute([rv], {k: v for k, v in known.items() if k is not rv})[0])
        latents = tuple(known.values())
        known |= {rv: T.as_tensor(v) for rv, v in values.items()}
        factors = []
        for rv, value in known.items():
            others = {k: v for k, v in known.items() if k is not rv}
            [law] = substitute([rv], others)
            factors.append(law_factor(rv.name, law, value))
        names = list(potentials or {})
        terms = substitute([(potentials or {})[n] for n in names], known) if names else []
        factors += [Factor(n, t) for n, t in zip(names, terms, strict=True)]
    return Joint(latents, tuple(factors)), known


#: A rule of the posterior compiler is a function ``propose(joint, decline) -> Rewrite | None``, which calls
#: ``decline(rule, variables, reason)`` to note what was considered and refused.
Decline = Callable[[str, Sequence[str], str], None]
Propose = Callable[[Joint, Decline], "Rewrite | None"]
