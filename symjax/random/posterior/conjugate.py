"""The rule ``conjugate``: a latent whose density given the others is in an exponential family is integrated out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import constant
from symjax.core._scope import detached
from symjax.random._distribution import require
from symjax.random.posterior._conjugate_families import family_of
from symjax.random.posterior._conjugate_forms import Unfit
from symjax.random.posterior._conjugate_natural import Natural, natural_of
from symjax.random.posterior._conjugate_numbers import Coefficients, as_node, is_number, is_zero
from symjax.random.posterior._joint import Decline, Factor, Joint, Latent, Rewrite

RULE = "conjugate"
#: Laws that no sum of likelihoods makes a family with: not worth reading the factors.
_NEVER = frozenset(
    "Cauchy HalfCauchy StudentT HalfStudentT Logistic Gumbel Mixture NormalMixture LogNormal LogitNormal Laplace".split()
)
#: Discrete values that a latent may be integrated out beside.
_MAX_DISCRETE = 2


def propose_conjugate(joint: Joint, decline: Decline) -> Rewrite | None:
    """Integrate out one latent by exponential-family algebra, the largest first.

    Where the sum of all factors that touch a latent z is ``Σ_k ⟨η_k, s_k(z)⟩ + c``, with η and c free of z, z given the others has
    the natural parameters η, and the integral over z is ``exp(c)`` times that family's normaliser: marginal and posterior at once,
    for any number of children, plates and groups and for several likelihoods (Diaconis, Ylvisaker, Conjugate priors for exponential
    families, Annals of Statistics 7, 1979).

    Parameters
    ----------
    joint : Joint
        The density.
    decline : callable
        Notes latents that are left alone, and why.
    """
    return _first(joint, decline, early=False)


def propose_beside_discrete(joint: Joint, decline: Decline) -> Rewrite | None:
    """The rule `conjugate` for latents that share factors with single discrete ones, before these are summed out.

    Given a change point or the index of a model, say, rates are Gamma; once it is summed out, they are not. Since it is a single
    value, that it then is in one factor with everything does no harm.
    """
    return _first(joint, decline, early=True)


def _first(joint: Joint, decline: Decline, *, early: bool) -> Rewrite | None:
    order = sorted(range(len(joint.latents)), key=lambda i: (-joint.latents[i].size, -i))
    for z in (joint.latents[i] for i in order):
        law = _law_of(joint, z)
        if z.is_discrete or not z.size or not _is_read(z, law):
            continue
        factors = joint.touching(z)
        discrete = {x for f in factors for x in f.latents if x.is_discrete}
        if early and (not 0 < sum(x.size for x in discrete) <= _MAX_DISCRETE or law.name in _NEVER):
            continue
        if law.name in _NEVER:
            decline(RULE, [z.name], f"{law.name} is in no exponential family")
            continue
        if joint.only_sets_priors(z):
            decline(RULE, [z.name], "only the priors of other variables depend on it, which it would tie together")
            continue
        if discrete and not early:
            decline(RULE, [z.name], "it would couple all values of a discrete variable that is sampled")
            continue
        try:
            with detached():
                return _integrated(joint, z, factors)
        except Unfit as error:
            if not early:
                decline(RULE, [z.name], f"{error}")
    return None


def _law_of(joint: Joint, z: Latent) -> Any:
    prior = joint.prior_of(z)
    return z.draw.distribution if prior is None or prior.law is None else prior.law.distribution


def _is_read(z: Latent, law: Any) -> bool:
    """Whether a law is one of numbers or of points on the simplex."""
    return law.event_ndim == 0 or (law.event_ndim == 1 and law.support(*z.draw.parents).kind == "simplex")


def _integrated(joint: Joint, z: Latent, factors: tuple[Factor, ...]) -> Rewrite:
    natural, coefficients = natural_of(z, factors)
    lower, upper = _bounds(z, natural, coefficients)
    family = family_of(z, natural.parameters, lower, upper, coefficients)
    batch = z.shape[: len(z.shape) - z.draw.distribution.event_ndim]
    integral = T.broadcast_to(family.log_integral, batch)
    if family.summed is not None:
        integral = T.sum(integral) + family.summed
    integral = require(integral, *(T.all(c) for c in natural.conditions))
    parts, number = [], 0.0
    for name, left in natural.left:
        if not is_number(left):
            parts.append(Factor(name or z.name, left))
        else:
            number += float(left)
    if not math.isfinite(number):
        raise Unfit("some of the data is impossible")
    made = [Factor(z.name, integral), *parts, *([Factor(z.name, constant(np.float64(number)))] if number else [])]
    return Rewrite(RULE, _reason(joint, z, factors, family.name), (z.name,), factors, tuple(made), {z: family.draw})


def _bounds(z: Latent, natural: Natural, coefficients: Coefficients) -> tuple[Any, Any]:
    """Bounds of a latent: numbers that its support proves, and what conditions say."""
    fact = coefficients.facts(z)
    lower: Any = np.asarray(fact.lower)
    upper: Any = np.asarray(fact.upper)
    for bound in natural.lower:
        lower = _tighter(lower, bound, _exceeds(bound, lower, coefficients), largest=True)
    for bound in natural.upper:
        upper = _tighter(upper, bound, _exceeds(upper, bound, coefficients), largest=False)
    if is_number(lower) and is_number(upper) and np.any(upper <= lower):
        raise Unfit("no value of it is possible")
    return lower, upper


def _tighter(known: Any, bound: Any, is_plain: bool, *, largest: bool) -> Any:
    """The tighter of two bounds."""
    if is_number(known) and is_number(bound):
        return np.maximum(known, bound) if largest else np.minimum(known, bound)
    if is_plain:
        return bound
    return (T.maximum if largest else T.minimum)(as_node(known), as_node(bound))


def _exceeds(a: Any, b: Any, c: Coefficients) -> bool:
    """Whether a ≥ b is plain, where `b` or `a` is a bound that does not bind."""
    if is_number(b) and np.all(b == -math.inf) or is_number(a) and np.all(a == math.inf):
        return True
    return is_zero(b) and c.is_nonnegative(a)


def _reason(joint: Joint, z: Latent, factors: tuple[Factor, ...], family: str) -> str:
    label = f"{z.name} ({'×'.join(map(str, z.shape))})" if z.shape else z.name
    given = {x for f in factors for x in f.latents} - {z}
    names = [x.name for x in joint.latents if x in given]
    prior = joint.prior_of(z)
    laws = sorted({f.law.distribution.name for f in factors if f.law is not None and f is not prior})
    condition = f" given {', '.join(names)}" if names else ""
    if prior is None or prior.law is None or not laws:
        return f"{label}: integrated out{condition}; its law given the rest: {family}; recovered after sampling"
    return f"{label}: integrated out{condition}: {prior.law.distribution.name}–{', '.join(laws)}; recovered after sampling"
