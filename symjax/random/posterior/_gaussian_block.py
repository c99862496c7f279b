"""A jointly Gaussian block of latents: which they are, and their factors as rows of one least-squares problem."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._shapes import is_static
from symjax.core._traverse import substitute
from symjax.random.distributions.flat import FlatDistribution, HalfFlatDistribution
from symjax.random.distributions.normal import LOG_SQRT_2PI
from symjax.random.posterior._gaussian_affine import Affine
from symjax.random.posterior._gaussian_forms import CONSTANT, Form, NotAffine, unknowns
from symjax.random.posterior._gaussian_laws import (
    LogNorm,
    from_standard,
    is_gaussian_series,
    may_be_standardised,
    recovered,
    standardised,
)
from symjax.random.posterior._gaussian_scales import Interner, is_positive
from symjax.random.posterior._joint import Factor, Joint, Latent, latents_of
from symjax.rewrite import Facts

_MAX_SHARED = 16
_MAX_RANK_SIZE = 20_000_000
_RANK = 1e-9
_COMPARISONS = ("greater", "greater_equal", "less", "less_equal")


class Unfit(Exception):
    """Latents that do not belong to a block."""

    def __init__(self, latents: Collection[Latent]):
        super().__init__(", ".join(x.name for x in latents))
        self.latents = frozenset(latents)


@dataclass(eq=False)
class Block:
    """Latents as functions of unknowns x, and their factors' sum as ``norm - |A x + c|² / 2``.

    Attributes
    ----------
    latents : tuple of Latent
        The block.
    columns : dict of Latent to slice
        Each latent's unknowns: itself, or what it is a location-scale map of.
    standard : dict of Latent to RandomVariable
        Latents of the second kind with their laws; their unknowns have rows of their own, ``x ~ Normal(0, 1)``.
    forms : list of Form
        Rows; those of `standard` not among them.
    norm : LogNorm
        What does not depend on the unknowns.
    factors : tuple of Factor
        The factors.
    conditions : list of Tensor
        What has to hold of the other latents; the density is zero elsewhere.
    """

    latents: tuple[Latent, ...]
    columns: dict[Latent, slice] = field(default_factory=dict)
    standard: dict[Latent, Any] = field(default_factory=dict)
    forms: list[Form] = field(default_factory=list)
    norm: LogNorm = field(default_factory=LogNorm)
    factors: tuple[Factor, ...] = ()
    conditions: list[Any] = field(default_factory=list)
    affine: Any = None

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return sum(math.prod(x.shape) for x in self.latents)

    def group(self) -> np.ndarray:
        """For each unknown the number of its latent."""
        return np.repeat(np.arange(len(self.latents)), [math.prod(x.shape) for x in self.latents])

    def all_forms(self) -> list[Form]:
        """Rows, those of the standard unknowns included."""
        return [*self.forms, *(unknowns((math.prod(x.shape),), self.columns[x].start) for x in self.latents if x in self.standard)]

    def conditional(self, values: Any) -> dict[Latent, Any]:
        """The latents for a vector of unknowns."""
        found: dict[Latent, Any] = {}
        for x in self.latents:
            own = T.reshape(values[self.columns[x]], x.shape)
            if x in self.standard:
                law = self.standard[x]
                [mu] = substitute([law.parents[0]], dict(found))
                own = recovered(law, mu, own)
            found[x] = own
        return found


def candidates(joint: Joint) -> set[Latent]:
    """Latents with Gaussian or flat laws on the whole line."""
    return {
        x for x in joint.latents if is_static(x.shape) and math.prod(x.shape) and _is_gaussian(x.draw) and _prior_fits(joint, x)
    }


def _prior_fits(joint: Joint, x: Latent) -> bool:
    prior = joint.prior_of(x)
    return prior is None or _is_gaussian(prior.law)


def _is_gaussian(law: Any) -> bool:
    kind = law.distribution
    if is_gaussian_series(kind):
        return True
    return may_be_standardised(law) or (isinstance(kind, FlatDistribution) and not isinstance(kind, HalfFlatDistribution))


def components(joint: Joint, chosen: Collection[Latent]) -> list[list[Latent]]:
    """The chosen latents in groups that share no factor, in the joint's order."""
    root: dict[Latent, Latent] = {x: x for x in chosen}

    def find(x: Latent) -> Latent:
        while root[x] is not x:
            root[x] = root[root[x]]
            x = root[x]
        return x

    for f in joint.factors:
        first, *rest = [x for x in f.latents if x in root] or [None]
        for x in rest:
            root[find(x)] = find(first)  # type: ignore[arg-type, index]
    groups: dict[Latent, list[Latent]] = {}
    for x in joint.latents:
        if x in root:
            groups.setdefault(find(x), []).append(x)
    return list(groups.values())


def make_block(joint: Joint, chosen: Collection[Latent]) -> Block:
    """The block of some latents.

    Raises
    ------
    Unfit
        If some of them do not belong to it: a factor that touches them is not Gaussian, or not affine, or scaled by them.
    """
    # the term of a flat law does not mention its value
    touching = [f for f in joint.factors if f.latents & set(chosen) or (f.is_prior and f.value in set(chosen))]
    block = Block(tuple(x for x in joint.latents if x in chosen), factors=tuple(touching))
    affine = block.affine = Affine({}, Interner())
    done, start = set(), 0
    for x in block.latents:
        stop = start + math.prod(x.shape)
        block.columns[x] = slice(start, stop)
        own = unknowns(x.shape, start)
        prior = joint.prior_of(x)
        if prior is not None and may_be_standardised(prior.law):
            try:
                form = _standard_form(block, affine, prior.law, own, done, set(chosen))
            except NotAffine as error:
                raise Unfit(_culprits(error.node, prior, set(chosen))) from None
            if form is not None:
                block.standard[x] = prior.law
                block.norm.number -= own.size * LOG_SQRT_2PI
                own = form
        affine.define(x, own)
        done.add(x)
        start = stop
    for f in block.factors:
        _add_factor(block, affine, f, set(chosen))
    return block


def _add_factor(block: Block, affine: Affine, f: Factor, chosen: set[Latent]) -> None:
    if f.law is None:
        raise Unfit(f.latents & chosen)
    if not (f.is_prior and f.value in block.standard):
        try:
            forms = standardised(affine, f.law, f.value, block.norm)
        except NotAffine as error:
            raise Unfit(_culprits(error.node, f, chosen)) from None
        if not all(_is_finite(affine, form) for form in forms):
            raise Unfit(f.latents & chosen)
        block.forms += forms
    kind = f.law.distribution
    found = [*kind._checks(f.law.parents)]
    if not (f.is_prior and f.value in chosen):
        found += kind.support(*f.law.parents).contains(f.value)
    block.conditions += [c for c in map(T.as_tensor, found) if not _is_proved(c, affine.facts)]
    if any(latents_of(c) & chosen for c in block.conditions):
        raise Unfit(f.latents & chosen)


def _is_finite(affine: Affine, form: Form) -> bool:
    """Whether a form's numbers are; data that is not finite stands in it as a symbol."""
    return all(np.isfinite(p.numbers).all() and not (p.symbol is not None and affine.is_data(p.symbol)) for p in form.parts)


def _is_proved(condition: Any, facts: Facts) -> bool:
    """Whether a condition is known to hold; of comparisons what the bounds of both sides tell."""
    if condition.op is None or condition.op.name not in _COMPARISONS:
        return facts(condition).positive
    a, b = (facts(p) for p in condition.parents)
    a, b = (b, a) if condition.op.name.startswith("less") else (a, b)
    equal = condition.op.name.endswith("equal") or a.lower_open or b.upper_open
    return a.defined and b.defined and (a.lower > b.upper or (equal and a.lower == b.upper))


def _standard_form(block: Block, affine: Affine, law: Any, own: Form, done: set[Latent], chosen: set[Latent]) -> Form | None:
    """A latent as a location-scale map of standard unknowns, where that keeps the system sparse.

    It also keeps it well conditioned as the scale goes to zero. Not so for chains, each state of which would depend on all before.
    """
    used = latents_of(law) & chosen
    if not used <= done:
        return None
    mean = affine(law.parents[0])
    if any(math.prod(x.shape) >= own.size for x in used):
        return None
    cols = [p.cols[p.cols != CONSTANT] for p in mean.parts]
    rows = [p.rows[p.cols != CONSTANT] for p in mean.parts]
    if len(np.unique(np.concatenate(cols))) > _MAX_SHARED and np.bincount(np.concatenate(rows)).max() > 2:
        return None
    return from_standard(affine, law, own)


def _culprits(node: Any, factor: Factor, chosen: set[Latent]) -> set[Latent]:
    """The latents to drop so that an expression no longer stands in the way."""
    found = factor.latents & chosen
    if not hasattr(node, "parents") or node is factor.law:
        return set(found)
    below = [latents_of(p) & chosen for p in node.parents] or [latents_of(node) & chosen]
    if node.op is not None and node.op.name in ("multiply", "matmul", "einsum", "outer", "inner", "vdot") and len(below) == 2:
        a, b = below
        if a & b:
            return a & b
        if a and b:
            return min(a, b, key=lambda side: sum(math.prod(x.shape) for x in side))
    if node.op is not None and node.op.name == "divide" and below[1]:
        return below[1]
    return set().union(*below) or set(found)


def is_proper(block: Block, joint: Joint) -> bool:
    """Whether the integral over the unknowns is proved finite.

    A latent with a law of its own given others is; what has a flat law must be determined by numeric rows of full rank, whatever
    positive scales they are multiplied by.
    """
    flat = [x for x in block.latents if (p := joint.prior_of(x)) is None or isinstance(p.distribution, FlatDistribution)]
    if not flat:
        return True
    doubtful = np.concatenate([np.arange(block.size)[block.columns[x]] for x in block.latents if x not in block.standard])
    place = np.full(block.size + 1, -1)
    place[doubtful] = np.arange(len(doubtful))
    pieces: list[Any] = []
    rows = 0
    for form in block.forms:
        parts = [(p, place[p.cols] >= 0) for p in form.parts]
        parts = [(p, k) for p, k in parts if k.any() and p.symbol is None]
        if any(p.symbol is not None and (place[p.cols] >= 0).any() for p in form.parts):
            continue
        # a subset of the rows that is of full rank is enough
        if len({p.scale for p, _ in parts}) > 1 or not all(is_positive(p.scale, block.affine.facts) for p, _ in parts):
            continue
        pieces += [(rows + p.rows[k], place[p.cols[k]], p.numbers[k]) for p, k in parts]
        rows += form.size
    if not pieces or rows * len(doubtful) > _MAX_RANK_SIZE:
        return False
    r, c, v = (np.concatenate(x) for x in zip(*pieces, strict=True))
    matrix = np.bincount(r * len(doubtful) + c, v, rows * len(doubtful)).reshape(rows, -1)
    norms = np.linalg.norm(matrix, axis=0)
    if rows < len(doubtful) or not norms.all():
        return False
    values = np.linalg.svd(np.linalg.qr(matrix / norms, mode="r"), compute_uv=False)
    return bool(values[-1] > _RANK * values[0])
