"""Finite discrete latents are summed out, one at a time, in an order that keeps tables small."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import constant
from symjax.core._scope import detached
from symjax.random.distributions.categorical import Categorical
from symjax.random.distributions.markov_chain import DiscreteMarkovChain
from symjax.random.posterior._joint import Decline, Factor, Joint, Latent, Rewrite
from symjax.random.posterior.discrete_places import NOWHERE, Tied
from symjax.random.posterior.discrete_spread import filled
from symjax.random.posterior.discrete_tables import (
    Domain,
    add_up,
    bounds_of,
    collected,
    domain_of,
    evaluated,
    fresh_draw,
    joint_domains,
    log_total,
    pieces_of,
    places_in,
    places_of_factor,
)

RULE = "enumerate_discrete"
MAX_ELEMENTS = 50_000_000


def label(latent: Any) -> str:
    """Name and, of an array, the number of elements: "z (1000)"."""
    return f"{latent.name} ({latent.size})" if latent.shape else latent.name


def is_chain(latent: Latent) -> bool:
    """Whether a latent's law is that of a Markov chain."""
    return latent.draw.distribution is DiscreteMarkovChain


def propose_enumeration(joint: Joint, decline: Decline) -> Rewrite | None:
    """Sum out the finite discrete latent that it is cheapest to begin with.

    Its factors are evaluated at all of its values along a new axis, their elements added up on the elements of the latent that
    they depend on, and the exponentials of that summed: log Σₖ exp(Σ_f f(z = k)). What it is drawn from afterwards are the same
    weights. The order is by least fill-in, then by the least table (Koller, Friedman, Probabilistic Graphical Models, 2009,
    section 9.4.3).
    """
    bounds: dict[Latent, Any] = {}
    for z in joint.latents:
        if z.is_discrete and not z.draw.distribution.event_ndim:
            found = bounds_of(z)
            if isinstance(found, str):
                decline(RULE, [z.name], f"{found}, so it is not summed out; sampled")
            elif z.size:
                bounds[z] = found
        elif z.is_discrete and not is_chain(z):
            decline(RULE, [z.name], "its elements depend on each other, so they are not summed out; sampled")
    if not bounds:
        return None
    neighbours = _neighbours(joint, bounds)
    chains = {z for z in joint.latents if is_chain(z)}
    order = sorted(bounds, key=lambda z: (_fill_in(z, neighbours), _n_values(bounds[z]) * z.size))
    fallback: tuple[Latent, Domain] | None = None
    for z in order:
        domain = _feasible(joint, z, bounds, neighbours[z], decline)
        if domain is None:
            continue
        others = [*neighbours[z], *(w for f in joint.touching(z) for w in f.latents if w in chains)]
        if not any(would_tie(joint, {z: domain.places}, w) for w in dict.fromkeys(others)):
            return _summed_out(joint, z, domain)
        if fallback is None or z.size > fallback[0].size:
            fallback = z, domain
    return None if fallback is None else _summed_out(joint, *fallback)


def _n_values(bounds: tuple[np.ndarray, np.ndarray]) -> int:
    return int((bounds[1] - bounds[0]).max()) + 1


def _neighbours(joint: Joint, among: Mapping[Latent, Any]) -> dict[Latent, set[Latent]]:
    """For each latent the others that share a factor with it."""
    found: dict[Latent, set[Latent]] = {z: set() for z in among}
    for factor in joint.factors:
        together = [z for z in factor.latents if z in found]
        for z in together:
            found[z].update(w for w in together if w is not z)
    return found


def _fill_in(z: Latent, neighbours: Mapping[Latent, set[Latent]]) -> int:
    """Pairs of neighbours that only summing out `z` would make neighbours."""
    around = list(neighbours[z])
    return sum(1 for i, a in enumerate(around) for b in around[:i] if b not in neighbours[a])


def _feasible(joint: Joint, z: Latent, bounds: Mapping[Latent, Any], around: set[Latent], decline: Decline) -> Domain | None:
    """How `z` can be summed out; None, with the reason noted, if it cannot."""
    pieces = [p for f in joint.touching(z) for p in pieces_of(f) if z in p.latents]
    domain = domain_of(z, bounds[z])
    reason = _tie(pieces, z, domain.places)
    if reason is not None:
        found = next((d for d in joint_domains(z, bounds[z]) if _tie(pieces, z, d.places) is None), None)
        if found is None:
            decline(RULE, [z.name], f"{reason}, so its elements cannot be summed out one by one; sampled")
            return None
        domain = found
    sizes = {w: _n_values(bounds[w]) for w in around if w.size == 1 or domain.shape}
    size = math.prod(sizes.values()) * math.prod(domain.shape)
    size = domain.n_values * max(size, *(p.term.size * math.prod(sizes.get(w, 1) for w in p.latents) for p in pieces))
    if size > MAX_ELEMENTS:
        decline(RULE, [z.name], f"summing it out takes tables of {size:.3g} numbers, more than {MAX_ELEMENTS:.3g}; sampled")
        return None
    return domain


def _tie(pieces: Sequence[Factor], z: Latent, places: np.ndarray) -> str | None:
    """In words, which factor needs several elements of `z` at once; None if none does."""
    for piece in pieces:
        try:
            if len(places_in(piece, z, places)) > 1:
                return f"{piece.name!r} depends on two of its elements at once"
        except Tied as tied:
            return f"{piece.name!r} {tied}"
    return None


def would_tie(joint: Joint, gone: Mapping[Latent, np.ndarray], w: Latent, prior: Factor | None = None, width: int = 1) -> bool:
    """Whether summing out some latents ties elements of another one, which can be summed out one by one now.

    Parameters
    ----------
    joint : Joint
        The density.
    gone : dict of Latent to int array
        The latents that are summed out, with the numbers of their elements; each run of `width` of them leaves one term.
    w : Latent
        The other one.
    prior : Factor, optional
        The law of chains that are summed out, one for each of its terms.
    width : int
        Number of elements of a chain.
    """
    if w.size == 1:
        return False
    own = np.arange(w.size).reshape(w.shape)
    chain = joint.prior_of(w) if is_chain(w) else None
    partner: dict[int, np.ndarray] = {}
    for factor in joint.touching(w):
        shares = not factor.latents.isdisjoint(gone)
        if factor is chain:
            if shares:
                return True
            continue
        try:
            pairs = [p for piece in pieces_of(factor) if w in piece.latents for p in _partners(piece, gone, w, own, prior)]
        except Tied:
            return False
        if pairs and len(pairs[0]) > 2 and chain is None:
            return False
        for at, *slots in pairs if shares else ():
            for k, slot in enumerate(slots):
                if _differ(partner.setdefault(k, np.full(sum(n.size for n in gone.values()), NOWHERE)), at // width, slot):
                    return True
    return False


def _partners(
    piece: Factor, gone: Mapping[Latent, np.ndarray], w: Latent, own: np.ndarray, prior: Factor | None
) -> Iterator[tuple[np.ndarray, ...]]:
    """Which elements of what is summed out the terms of a factor depend on, and which of `w`."""
    slots = places_in(piece, w, own)
    if piece is prior:
        width = next(iter(gone.values())).shape[-1]
        yield np.arange(piece.term.size).reshape(piece.term.shape) * width, *slots
    elif not piece.latents.isdisjoint(gone):
        for at in places_of_factor(piece, gone).slots:
            yield at, *slots
    else:
        yield np.full((1,) * piece.term.ndim, NOWHERE), *slots


def _differ(partner: np.ndarray, at: np.ndarray, slot: np.ndarray) -> bool:
    """Whether an element has another partner than the one noted; notes those of elements that have none yet."""
    here, there = (a.ravel() for a in np.broadcast_arrays(at, slot))
    both = (here >= 0) & (there != NOWHERE)
    here, there = here[both], there[both]
    free = partner[here] == NOWHERE
    partner[here[free]] = there[free]
    return bool((partner[here] != there).any())


def _summed_out(joint: Joint, z: Latent, domain: Domain) -> Rewrite:
    absorbed = joint.touching(z)
    tables, factors = [], []
    with detached():
        for factor in absorbed:
            for piece in pieces_of(factor):
                if z not in piece.latents:
                    factors.append(piece)
                    continue
                array, places = evaluated(piece, {z: domain.places}, {z: domain.values})
                table, rest = collected(array, places.slots[0], piece.term.shape, domain.shape)
                tables += [] if table is None else [table]
                factors += [] if rest is None else [Factor(piece.name, rest)]
        weights = filled(add_up(tables), 1, domain.shape)
        if domain.is_value is not None:
            weights = T.where(domain.is_value, weights, -np.inf)
        factors.append(Factor(z.name, log_total(weights, 0)))
        drawn = fresh_draw(Categorical, [T.moveaxis(weights, 0, -1)], domain.shape)
        conditional = T.cast(_values_at(domain, drawn, z), z.dtype)
    reason = f"{label(z)}: summed out over {domain.n_values} values; recovered after sampling"
    return Rewrite(RULE, reason, (z.name,), absorbed, tuple(factors), {z: conditional})


def _values_at(domain: Domain, drawn: Any, z: Latent) -> Any:
    if not domain.merged:
        least = domain.values[0]
        return drawn + least if least.any() else drawn
    order = [*(a for a in range(z.ndim) if a not in domain.merged), *domain.merged]
    table = domain.values.reshape(-1, *(z.shape[a] for a in domain.merged))
    return T.transpose(constant(table)[drawn], tuple(np.argsort(order).tolist()))
