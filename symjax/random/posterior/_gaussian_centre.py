"""A reference point near the data, so that the sums of squares of a system are of residuals and not of the data itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symjax.random.posterior._gaussian_forms import CONSTANT, Entries, Form

_MAX_DENSE = 300
#: Weight of rows that say nothing of data, beside those that do.
_WEAK = 1e-3
_RIDGE = 1e-14


def reference_point(forms: Sequence[Form], n: int) -> np.ndarray:
    """Values of the unknowns at which the rows are small whatever the scales: least squares, each scale's part a row of its own."""
    rows, cols, numbers, sides, start = [], [], [], [], 0
    for form in forms:
        for p in form.parts:
            known = p.cols == CONSTANT
            side = np.bincount(p.rows[known], p.numbers[known], form.size) if p.symbol is None else np.zeros(form.size)
            weight = np.where(side != 0, 1.0, _WEAK)
            rows.append(start + p.rows[~known])
            cols.append(p.cols[~known])
            numbers.append(p.numbers[~known] * weight[p.rows[~known]])
            sides.append(side)
            start += form.size
    side = np.concatenate(sides) if sides else np.zeros(0)
    if not side.any():
        return np.zeros(n)
    from scipy import sparse

    matrix = sparse.csr_array((np.concatenate(numbers), (np.concatenate(rows), np.concatenate(cols))), (start, n))
    gram, target = (matrix.T @ matrix).tocsc(), -(matrix.T @ side)
    diagonal = gram.diagonal()
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaling = sparse.diags_array(scale)
    gram = (scaling @ gram @ scaling + _RIDGE * sparse.eye_array(n)).tocsc()
    if n <= _MAX_DENSE:
        found = np.linalg.solve(gram.toarray(), scale * target)
    else:
        from scipy.sparse.linalg import spsolve

        found = spsolve(gram, scale * target)
    found = scale * found
    return found if np.isfinite(found).all() else np.zeros(n)


def shifted(form: Form, point: np.ndarray) -> Form:
    """The form in terms of the unknowns' differences from a point."""
    return Form(form.shape, tuple(_shifted_part(p, form.size, point) for p in form.parts))


def _shifted_part(part: Entries, size: int, point: np.ndarray) -> Entries:
    known = part.cols == CONSTANT
    moved = np.where(known, 0.0, part.numbers * point[np.where(known, 0, part.cols)])
    if not moved.any():
        return part
    if part.symbol is not None:
        extra = np.flatnonzero(moved)
        return part._replace(
            rows=np.concatenate([part.rows, part.rows[extra]]),
            cols=np.concatenate([part.cols, np.full(len(extra), CONSTANT)]),
            numbers=np.concatenate([part.numbers, moved[extra]]),
            places=np.concatenate([part.places, part.places[extra]]),  # type: ignore[index]
        )
    # added up here, so that data and reference cancel before anything is squared
    side = np.bincount(part.rows, np.where(known, part.numbers, moved), size)
    rows = np.flatnonzero(side)
    return part._replace(
        rows=np.concatenate([part.rows[~known], rows]),
        cols=np.concatenate([part.cols[~known], np.full(len(rows), CONSTANT)]),
        numbers=np.concatenate([part.numbers[~known], side[rows]]),
    )
