"""Unknowns that are in two rows each, such as a prior and an observation: eliminated by plane rotations.

From rows ``v x + m`` and ``w x + l`` a rotation leaves ``(w m - v l) / sqrt(v² + w²)`` free of x. Normal equations would give its
square as a difference, which loses all digits where one of the rows is much the larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from symjax.random.posterior._gaussian_forms import CONSTANT, Form
from symjax.random.posterior._gaussian_gram import Gram, Layout, gram_of, is_pure
from symjax.random.posterior._gaussian_residual import index_of
from symjax.random.posterior._gaussian_scales import Scale

_MAX_NUMBERS = 1_000_000


class Side(NamedTuple):
    """One row for each unknown: its entries, and the border's, as numbers for each of some scales."""

    own: list[tuple[int, np.ndarray]]
    border: list[tuple[int, np.ndarray]]


class Pairs(NamedTuple):
    """Unknowns of the first level in two rows each.

    Attributes
    ----------
    others : array of float
        One for the unknowns of the level that are not among them, else zero.
    first, second : Side
        The rows.
    """

    others: np.ndarray
    first: Side
    second: Side


def pairs_of(forms: Sequence[Form], layout: Layout, scales: list[Scale]) -> tuple[Pairs | None, Gram]:
    """The pairs, and normal equations of all rows but for what the pairs' rows are to add to the corner."""
    plan, n = layout.plan, layout.plan.size
    pure = [f for f in forms if is_pure(f)]
    rows = _rows_of(forms, layout)
    k = len(rows)
    if not k or k * layout.width > _MAX_NUMBERS:
        return None, gram_of(pure, n)
    place = {u: at for at, u in enumerate(rows)}
    sides = [{}, {}], [{}, {}]
    inside, outside = [], []
    for number, form in enumerate(pure):
        side, own = np.full(form.size, -1), np.zeros(form.size, int)
        for u, found in rows.items():
            for which, (f, r) in enumerate(found):
                if f == number:
                    side[r], own[r] = which, place[u]
        inside.append(_filtered(form, side >= 0))
        outside.append(_filtered(form, side < 0))
        for p in inside[-1].parts:
            for which in (0, 1):
                _gather(p, side == which, own, list(rows), layout, scales, *(s[which] for s in sides))
    others = np.ones(len(plan.levels[0].chosen))
    others[np.searchsorted(plan.interior[plan.levels[0].chosen], list(rows))] = 0.0
    made = (Side(list(a.items()), list(b.items())) for a, b in zip(*sides, strict=True))
    return Pairs(others, *made), _sum(gram_of(outside, n), gram_of(inside, n), layout)


def _rows_of(forms: Sequence[Form], layout: Layout) -> dict[int, list[tuple[int, int]]]:
    """For each unknown of the first level that meets no other of the interior and is in at most two rows, all numeric, those."""
    plan = layout.plan
    if not plan.levels:
        return {}
    level = plan.levels[0]
    single = np.ones(len(level.chosen), bool)
    single[level.source] = False
    fit = np.zeros(plan.size + 1, bool)
    fit[plan.interior[level.chosen[single]]] = True
    found: dict[int, list[tuple[int, int]]] = {}
    number = 0
    for form in forms:
        for p in form.parts:
            mine = fit[p.cols] & (p.cols != CONSTANT)
            if not is_pure(form):
                fit[p.cols[mine]] = False
                continue
            for u, r in zip(p.cols[mine].tolist(), p.rows[mine].tolist(), strict=True):
                rows = found.setdefault(u, [])
                if (number, r) not in rows:
                    rows.append((number, r))
        number += is_pure(form)
    return {u: found[u] for u in sorted(found) if len(found[u]) <= 2 and fit[u]}


def _filtered(form: Form, keep: np.ndarray) -> Form:
    """The form with the elements that are not kept replaced by zero."""
    parts = ((p, keep[p.rows]) for p in form.parts)
    return Form(form.shape, tuple(p._replace(rows=p.rows[k], cols=p.cols[k], numbers=p.numbers[k]) for p, k in parts if k.any()))


def _gather(p: Any, mask: np.ndarray, place: np.ndarray, of: list[int], layout: Layout, scales: Any, own: Any, border: Any) -> None:
    """Add a part's entries in some rows to their unknowns' entries and borders."""
    at = mask[p.rows]
    if not at.any():
        return
    rows, cols, numbers = place[p.rows[at]], np.where(p.cols[at] == CONSTANT, layout.plan.size, p.cols[at]), p.numbers[at]
    scale = index_of(scales, p.scale, lambda a, b: a == b)
    inner = layout.inside[cols]
    if inner.any():
        np.add.at(own.setdefault(scale, np.zeros(len(of))), rows[inner], numbers[inner])
    if not inner.all():
        values = border.setdefault(scale, np.zeros((len(of), layout.width)))
        np.add.at(values, (rows[~inner], layout.place[cols[~inner]]), numbers[~inner])


def _sum(whole: Gram, partial: Gram, layout: Layout) -> Gram:
    """The sum of two systems, of the second what touches the interior."""
    parts = dict(whole.parts)
    for scale, (i, j, v) in partial.parts.items():
        keep = layout.inside[i] | layout.inside[j]
        new = (i[keep], j[keep], v[keep])
        old = parts.get(scale)
        parts[scale] = new if old is None else tuple(np.concatenate(x) for x in zip(old, new, strict=True))  # type: ignore[assignment]
    return Gram(parts, whole.n)


def rotated(pairs: Pairs, scales: Sequence[Any]) -> tuple[Any, Any]:
    """The rows that the rotations leave, over the border, and sizes of what they are differences of."""
    v, w = (sum(scales[k] * x for k, x in side.own) for side in (pairs.first, pairs.second))
    m, l = (sum(scales[k] * x for k, x in side.border) for side in (pairs.first, pairs.second))  # noqa: E741
    v, w, m, l = (jnp.asarray(x) for x in (v, w, m, l))  # noqa: E741
    root = jnp.sqrt(v * v + w * w)
    one, other = (w / root)[..., None] * m, (v / root)[..., None] * l
    return one - other, jnp.abs(one) + jnp.abs(other)
