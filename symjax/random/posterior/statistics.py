"""Sufficient statistics: likelihoods of many rows become likelihoods of few; a gradient's cost is then the same for any data."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from symjax.random.posterior._alike import reduced_family, repeated_rows
from symjax.random.posterior._joint import Decline, Factor, Joint, Rewrite
from symjax.random.posterior._mv_rows import reduced_mv_normal
from symjax.random.posterior._refused import Refused
from symjax.random.posterior._regression import reduced_normal

NAME = "sufficient_statistics"

#: Ways to reduce a factor, in order of preference: new factors and what was done, or None where the way is not for such factors.
_WAYS: tuple[Callable[[Factor], tuple[list[Factor], str] | None], ...] = (
    reduced_normal,
    reduced_mv_normal,
    reduced_family,
    repeated_rows,
)

#: Why factors were left alone, so that no data is looked at twice.
_REFUSED: weakref.WeakKeyDictionary[Factor, str] = weakref.WeakKeyDictionary()


def sufficient_statistics(joint: Joint, decline: Decline) -> Rewrite | None:
    """Replace one likelihood by that of its sufficient statistics.

    Parameters
    ----------
    joint : Joint
        The density.
    decline : callable
        Told what was considered and refused.

    Returns
    -------
    Rewrite or None
        A rewrite of one factor, whose sum stays what it was for every value of the latents.
    """
    for factor in joint.factors:
        if factor not in _REFUSED:
            found = _reduced(factor)
            if found is not None:
                factors, what = found
                _REFUSED.update(dict.fromkeys(factors, ""))
                return Rewrite(NAME, f"{factor.name}: {what}", (factor.name,), (factor,), tuple(factors))
        if _REFUSED[factor]:
            decline(NAME, (factor.name,), _REFUSED[factor])
    return None


def _reduced(factor: Factor) -> tuple[list[Factor], str] | None:
    """The factors in the place of one; None, and a note why, if it stays."""
    reason = ""
    for way in _WAYS:
        try:
            found = way(factor)
        except Refused as refusal:
            reason = reason or str(refusal)
            continue
        if found is not None:
            return found
    _REFUSED[factor] = "" if _is_row_sized(factor) else reason
    return None


def _is_row_sized(factor: Factor) -> bool:
    """Whether a factor depends on a latent as long as itself: then nobody expects its rows to be repetitions."""
    return any(2 * latent.size > factor.term.size for latent in factor.latents)
