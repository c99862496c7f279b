"""Discrete Markov chains are summed out by the forward recursion, and drawn backwards afterwards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._scope import detached
from symjax.random.distributions.markov_chain import transition_logits
from symjax.random.posterior._joint import Decline, Factor, Joint, Latent, Rewrite
from symjax.random.posterior.chains_recursion import MarkovPath, path_evidence
from symjax.random.posterior.chains_unrolled import in_arrays, unrolled_chains
from symjax.random.posterior.discrete import MAX_ELEMENTS, is_chain, would_tie
from symjax.random.posterior.discrete_places import NOWHERE, Places, Tied, shrunk
from symjax.random.posterior.discrete_spread import filled
from symjax.random.posterior.discrete_tables import (
    add_up,
    bounds_of,
    collected,
    domain_of,
    evaluated,
    fresh_draw,
    pieces_of,
    places_in,
)

RULE = "forward_recursion"


@dataclass(frozen=True)
class Chain:
    """Chains of discrete states.

    Attributes
    ----------
    members : tuple of Latent
        The latent that holds all steps, or one for each step.
    n_states : int
        Number of states.
    least : int
        The value of the first state.
    shape : tuple of int
        Shape of all chains together: ``(*batch, steps)``.
    axis : int
        Axis of the steps in the one latent that holds them.
    """

    members: tuple[Latent, ...]
    n_states: int
    least: int
    shape: tuple[int, ...]
    axis: int = -1

    def sources(self) -> dict[Latent, np.ndarray]:
        """Numbers of the members' elements among all."""
        numbers = np.arange(math.prod(self.shape)).reshape(self.shape)
        if len(self.members) == 1:
            return {self.members[0]: np.moveaxis(numbers, -1, self.axis)}
        return {z: numbers[..., t] for t, z in enumerate(self.members)}

    def values(self) -> dict[Latent, np.ndarray]:
        """Values of the members."""
        states = self.least + np.arange(self.n_states)
        return {z: states.reshape(-1, *(1,) * z.ndim) for z in self.members}

    def steps_of(self, slots: Sequence[np.ndarray]) -> np.ndarray | None:
        """For a factor that needs two elements the numbers of its steps, if the elements are neighbours in a chain."""
        n = self.shape[-1]
        first, second = np.broadcast_arrays(*slots)
        early, late = np.minimum(first, second), np.maximum(first, second)
        neighbours = (early != NOWHERE) & (late == early + 1) & (early % n != n - 1)
        ordered = (first == early).all() or (first == late).all()
        return early // n * (n - 1) + early % n if neighbours.all() and ordered else None


def propose_forward_recursion(joint: Joint, decline: Decline) -> Rewrite | None:
    """Sum out a Markov chain of discrete states.

    The chain is one latent with the law of a chain, or one with factors of neighbouring elements, or many latents each of which
    depends on the one before. Other factors may depend on one state each, or on two neighbouring ones. Chains wait for other
    discrete latents that could not be summed out after them.
    """
    return _propose(joint, decline, True)


def propose_waiting_chains(joint: Joint, decline: Decline) -> Rewrite | None:
    """Sum out a Markov chain that waited for other discrete latents in vain."""
    return _propose(joint, decline, False)


def _propose(joint: Joint, decline: Decline, waits: bool) -> Rewrite | None:
    for z in joint.latents:
        if is_chain(z):
            k = int(z.draw.parents[1].shape[-1])
            rewrite = _rewrite(joint, Chain((z,), k, 0, z.shape), decline, waits)
            if rewrite is not None:
                return rewrite
    bounds = {z: b for z in joint.latents if z.is_discrete and not isinstance(b := bounds_of(z), str)}
    for z in bounds:
        for axis in range(z.ndim) if _has_pairs(joint, z, bounds[z]) else ():
            shape = (*z.shape[:axis], *z.shape[axis + 1 :], z.shape[axis])
            rewrite = _rewrite(joint, replace(_chain_of([z], bounds, shape), axis=axis), decline, waits)
            if rewrite is not None:
                return rewrite
    for members in unrolled_chains(joint, bounds):
        rewrite = _rewrite(joint, _chain_of(members, bounds, (*members[0].shape, len(members))), decline, waits)
        if rewrite is not None:
            return rewrite
    return None


def _chain_of(members: Sequence[Latent], bounds: Mapping[Latent, Any], shape: tuple[int, ...]) -> Chain:
    lower, upper = bounds[members[0]]
    return Chain(tuple(members), int(upper.max() - lower.min()) + 1, int(lower.min()), shape)


def _has_pairs(joint: Joint, z: Latent, bounds: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether a factor needs two elements of a latent, all with the same values."""
    if z.size < 2 or any(b.min() != b.max() for b in bounds):
        return False
    places = domain_of(z, bounds).places
    for factor in joint.touching(z):
        for piece in pieces_of(factor):
            try:
                if z in piece.latents and len(places_in(piece, z, places)) > 1:
                    return True
            except Tied:
                return False
    return False


def _rewrite(joint: Joint, chain: Chain, decline: Decline, waits: bool) -> Rewrite | None:
    """The rewrite of a chain; None, with the reason noted, where a factor is in the way."""
    names, first = [z.name for z in chain.members], chain.members[0]
    absorbed = joint.touching(*chain.members)
    prior = joint.prior_of(first) if is_chain(first) else None
    if is_chain(first) and prior is None:
        return None
    size = chain.n_states**2 * math.prod(chain.shape)
    if size > MAX_ELEMENTS:
        decline(RULE, names, f"the forward recursion takes {size:.3g} numbers, more than {MAX_ELEMENTS:.3g}; sampled")
        return None
    if waits and _comes_later(joint, chain, prior):
        return None
    with detached():
        others = [f for f in absorbed if f is not prior]
        others = in_arrays(others, chain.members) if len(chain.members) > 1 else others
        try:
            unary, pair, factors = _weights(chain, prior, others)
        except Tied as tied:
            decline(RULE, names, f"{tied}, so the chain is not summed out; sampled")
            return None
        name = first.name if len(names) == 1 else f"{first.name}, ..., {names[-1]}"
        factors.append(Factor(name, path_evidence(unary, pair)))
        path = fresh_draw(MarkovPath, [unary, pair], chain.shape)
        path = path + chain.least if chain.least else path
        parts = [T.moveaxis(path, -1, chain.axis)] if len(names) == 1 else [path[..., t] for t in range(len(names))]
        conditional = {z: T.cast(part, z.dtype) for z, part in zip(chain.members, parts, strict=True)}
    how = f"summed out over {chain.n_states} states by the forward recursion"
    reason = f"{name} ({math.prod(chain.shape)}): {how}; recovered after sampling"
    return Rewrite(RULE, reason, tuple(names), absorbed, tuple(factors), conditional)


def _comes_later(joint: Joint, chain: Chain, prior: Factor | None) -> bool:
    """Whether another discrete latent must be summed out before, and does not stand in the chain's way itself."""
    members, sources = set(chain.members), chain.sources()
    others = {w for f in joint.touching(*members) for w in f.latents if w.is_discrete and w not in members and not is_chain(w)}
    for w in others:
        bounds = bounds_of(w)
        if isinstance(bounds, str) or not would_tie(joint, sources, w, prior, chain.shape[-1]):
            continue
        places = {w: domain_of(w, bounds).places}
        if not any(would_tie(joint, places, z) for z in members):
            return True
    return False


def _weights(chain: Chain, prior: Factor | None, others: Sequence[Factor]) -> tuple[Any, Any, list[Factor]]:
    """Log weights of states and of neighbouring pairs, and what factors have left over."""
    sources, values = chain.sources(), chain.values()
    *batch, n = chain.shape
    k = chain.n_states
    states: list[Any] = [T.zeros((k, *(1,) * len(chain.shape)))]
    pairs: list[Any] = [T.zeros((k, k, *(1,) * len(chain.shape)))]
    left: list[Factor] = []
    for piece in (p for f in others for p in pieces_of(f)):
        if not piece.latents & set(chain.members):
            left.append(piece)
            continue
        try:
            array, places = evaluated(piece, sources, values)
        except Tied as tied:
            raise Tied(f"{piece.name!r} {tied}") from None
        if len(places.slots) == 1:
            table, rest = collected(array, places.slots[0], piece.term.shape, chain.shape)
            left += [] if rest is None else [Factor(piece.name, rest)]
            states += [] if table is None else [table]
        else:
            pairs.append(_pairs(chain, piece, array, places))
    unary = T.moveaxis(filled(add_up(states), 1, chain.shape), 0, -1)
    pair = T.moveaxis(add_up(pairs), (0, 1), (-2, -1))
    if prior is not None:
        assert prior.law is not None
        first, moves = prior.law.parents
        start = T.broadcast_to(T.log_softmax(first, -1), (*batch, k))
        unary = T.concatenate([unary[..., :1, :] + start[..., None, :], unary[..., 1:, :]], -2)
        pair = pair + transition_logits(moves)
    return unary, pair, left


def _pairs(chain: Chain, piece: Factor, array: Any, places: Places) -> Any:
    steps = chain.steps_of(places.slots)
    if steps is None:
        raise Tied(f"{piece.name!r} depends on two states that are not neighbours")
    first, second = np.broadcast_arrays(*places.slots)
    if (first > second).all():
        array = T.swapaxes(array, 0, 1)
    *batch, n = chain.shape
    table, _ = collected(array, shrunk(steps), piece.term.shape, (*batch, n - 1))
    return table
