"""Coordinates in which unknowns with two scales are independent given the rest.

Where the rows of some unknowns are ``a (A x + ...)`` and ``b (B x + ...)`` with numeric A and B, such as steps and observations of
a random walk, the generalised singular value decomposition ``A = U C M⁻¹``, ``B = W S M⁻¹`` makes them diagonal for all a and b at
once (Golub and Van Loan, Matrix Computations, 2013, section 6.1.6).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from symjax.random.posterior._gaussian_forms import CONSTANT, Entries, Form
from symjax.random.posterior._gaussian_scales import Scale

_MIN_UNKNOWNS = 16
_MAX_UNKNOWNS = 700
_MAX_ROWS = 3_000
_MAX_OTHERS = 40
_RANK = 1e-9
_ZERO = 1e-12
_SMALL = 1e-6
#: Ratio of squared singular values down to which eigenvectors are as good as singular vectors.
_SAFE = 1e-6


class Spectrum(NamedTuple):
    """Forms in new unknowns w, and the old ones ``x[cols] = matrix @ w[cols]``.

    Attributes
    ----------
    forms : list of Form
        Rows.
    cols : array of int
        Unknowns that are replaced.
    matrix : array
        What gives the old ones.
    log_det : float
        The logarithm of its absolute determinant.
    """

    forms: list[Form]
    cols: np.ndarray
    matrix: np.ndarray
    log_det: float


class _Rows(NamedTuple):
    """Rows of one scale: their entries on the chosen unknowns, and all others with the scale and column of each."""

    scale: Scale
    own: np.ndarray
    rest: np.ndarray
    labels: list[tuple[Scale, int]]


def spectrum_of(forms: Sequence[Form], n: int) -> Spectrum | None:
    """The spectrum of the largest set of unknowns that have two scales; None if there is none worth it."""
    scales, cols = _two_scales(forms, n)
    if not _MIN_UNKNOWNS <= len(cols) <= _MAX_UNKNOWNS:
        return None
    chosen = np.full(n + 1, -1)
    chosen[cols] = np.arange(len(cols))
    found = [_rows_of(forms, chosen, s, len(cols)) for s in scales]
    if any(f is None for f in found) or any(len({c for _, c in f.labels}) > _MAX_OTHERS for f in found if f):
        return None
    # the rows with fewer entries last: they may well be of one unknown each
    a, b = sorted((f for f in found if f is not None), key=lambda f: -np.count_nonzero(f.own))
    independent = all((np.count_nonzero(x.own, axis=1) == 1).all() for x in (a, b))
    if independent or len(a.own) + len(b.own) < len(cols):
        return None
    from threadpoolctl import threadpool_limits

    # threads only get in each other's way here
    with threadpool_limits(1, "blas"):
        found = _decomposed(a.own, b.own)
    if found is None:
        return None
    own_a, own_b, matrix, log_det = found
    pieces = [_rotated(a, own_a, cols), _rotated(b, own_b, cols)]
    if any(p is None for p in pieces):
        return None
    kept = [_without(f, chosen) for f in forms]
    return Spectrum([*kept, *(p for p in pieces if p is not None)], cols, matrix, log_det)


def _decomposed(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float] | None:
    """For matrices A and B of n columns M, ``log |det M|`` and A M and B M, each with orthogonal columns; None if there is no M."""
    norms = np.linalg.norm(b, axis=0)
    orthogonal = norms.all() and int(np.count_nonzero(b)) == b.shape[1] == int(np.count_nonzero(b.any(1)))
    if orthogonal:
        left, right, back, sizes = a / norms, b / norms, np.diag(1 / norms), norms
    else:
        q, r = np.linalg.qr(np.concatenate([a, b]))
        sizes = np.abs(np.diagonal(r))
        if not (sizes > _RANK * np.linalg.norm(r, axis=0)).all():
            return None
        left, right, back = q[: len(a)], q[len(a) :], np.linalg.inv(r)
    v = _right_vectors(left)
    return left @ v, right @ v, back @ v, -float(np.log(sizes).sum())


def _right_vectors(a: np.ndarray) -> np.ndarray:
    """The right singular vectors, from the eigenvectors of AᵀA, which is several times faster, where that loses no digits."""
    values, vectors = np.linalg.eigh(a.T @ a)
    if values[0] > _SAFE * values[-1]:
        return vectors
    return np.linalg.svd(a, full_matrices=len(a) < a.shape[1])[2].T


def _two_scales(forms: Sequence[Form], n: int) -> tuple[list[Scale], np.ndarray]:
    """The pair of scales that most unknowns have, and the unknowns that have no others."""
    used: list[set[Scale]] = [set() for _ in range(n)]
    mixed = np.zeros(n, bool)
    for form in forms:
        for p in form.parts:
            touched = np.unique(p.cols[p.cols != CONSTANT])
            mixed[touched] |= p.symbol is not None
            for c in touched.tolist():
                used[c].add(p.scale)
    count: dict[frozenset[Scale], int] = {}
    for k, s in enumerate(used):
        if len(s) == 2 and not mixed[k]:
            key = frozenset(s)
            count[key] = count.get(key, 0) + 1
    if not count:
        return [], np.zeros(0, int)
    pair = max(count, key=lambda key: count[key])
    return list(pair), np.array([k for k, s in enumerate(used) if s and s <= pair and not mixed[k]])


def _rows_of(forms: Sequence[Form], chosen: np.ndarray, scale: Scale, size: int) -> _Rows | None:
    """The rows in which chosen unknowns have a scale; None if some have others there, or there are too many."""
    own, rest = [], []
    labels: dict[tuple[Scale, int], int] = {}
    for form in forms:
        touched = np.zeros(form.size, bool)
        for p in form.parts:
            if p.scale == scale:
                touched[p.rows[chosen[p.cols] >= 0]] = True
        total = int(touched.sum())
        if not total:
            continue
        if total > _MAX_ROWS or any(p.symbol is not None and touched[p.rows].any() for p in form.parts):
            return None
        place = np.cumsum(touched) - 1
        matrix, others = np.zeros((total, size)), {}
        for p in form.parts:
            here = touched[p.rows]
            mine = here & (chosen[p.cols] >= 0)
            if p.scale != scale and mine.any():
                return None
            np.add.at(matrix, (place[p.rows[mine]], chosen[p.cols[mine]]), p.numbers[mine])
            left = here & ~mine
            for c in np.unique(p.cols[left]).tolist():
                at = left & (p.cols == c)
                column = others.setdefault(labels.setdefault((p.scale, c), len(labels)), np.zeros(total))
                np.add.at(column, place[p.rows[at]], p.numbers[at])
            if len(labels) > 4 * _MAX_OTHERS:
                return None
        own.append(matrix)
        rest.append(others)
    if not own or sum(map(len, own)) > _MAX_ROWS:
        return None
    full = np.zeros((sum(map(len, own)), len(labels)))
    start = 0
    for matrix, others in zip(own, rest, strict=True):
        for k, column in others.items():
            full[start : start + len(matrix), k] = column
        start += len(matrix)
    return _Rows(scale, np.concatenate(own), full, list(labels))


def _rotated(rows: _Rows, own: np.ndarray, cols: np.ndarray) -> Form | None:
    """Rows in the new unknowns: one for each, and what is orthogonal to them; None if a singular value is small but not zero."""
    sizes = np.linalg.norm(own, axis=0)
    top = sizes.max()
    if ((sizes > _ZERO * top) & (sizes < _SMALL * top)).any():
        return None
    used = np.flatnonzero(sizes > _ZERO * top)
    basis = own[:, used] / sizes[used]
    along = basis.T @ rows.rest
    across = rows.rest - basis @ along
    across -= basis @ (basis.T @ across)
    across = np.linalg.qr(across, mode="r") if len(across) > across.shape[1] else across
    rest = np.concatenate([along, across])
    parts: dict[Scale, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    parts[rows.scale] = [(np.arange(len(used)), cols[used], sizes[used])]
    for k, (scale, c) in enumerate(rows.labels):
        at = np.flatnonzero(rest[:, k])
        parts.setdefault(scale, []).append((at, np.full(len(at), c), rest[at, k]))
    entries = []
    for scale, pieces in parts.items():
        at, columns, numbers = (np.concatenate(x) for x in zip(*pieces, strict=True))
        entries.append(Entries(at, columns, numbers, scale))
    return Form((len(rest),), tuple(entries))


def _without(form: Form, chosen: np.ndarray) -> Form:
    """The form less its rows that chosen unknowns are in."""
    touched = np.zeros(form.size, bool)
    for p in form.parts:
        touched[p.rows[chosen[p.cols] >= 0]] = True
    if not touched.any():
        return form
    place = np.cumsum(~touched) - 1
    parts = []
    for p in form.parts:
        keep = ~touched[p.rows]
        places = None if p.places is None else p.places[keep]
        parts.append(p._replace(rows=place[p.rows[keep]], cols=p.cols[keep], numbers=p.numbers[keep], places=places))
    return Form((int((~touched).sum()),), tuple(parts))
