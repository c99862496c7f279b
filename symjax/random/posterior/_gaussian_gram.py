"""The normal equations of standardised rows: numbers for each product of scales, and what has to be computed at run time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symjax.random.posterior._gaussian_forms import CONSTANT, Entries, Form
from symjax.random.posterior._gaussian_plan import Plan, edge_numbers
from symjax.random.posterior._gaussian_scales import Scale, times

_WIDE = 12


@dataclass(frozen=True, eq=False)
class Gram:
    """Upper triangle of ``[A | c]ᵀ [A | c]`` over the rows of forms without symbols, by products of scales.

    Attributes
    ----------
    parts : dict of Scale to (rows, cols, numbers)
        Entries i ≤ j; column `n` is the constant's.
    n : int
        Number of unknowns.
    """

    parts: dict[Scale, tuple[np.ndarray, np.ndarray, np.ndarray]]
    n: int


def is_pure(form: Form) -> bool:
    """Whether a form's entries are numbers times scales."""
    return all(p.symbol is None for p in form.parts)


def gram_of(forms: Sequence[Form], n: int) -> Gram:
    """The normal equations of forms without symbols."""
    found: dict[Scale, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for form in forms:
        for k, a in enumerate(form.parts):
            for b in form.parts[k:]:
                found.setdefault(times(a.scale, b.scale), []).append(_product(form.size, a, b, a is b, n))
    parts = {}
    for scale, pieces in found.items():
        i, j, v = (np.concatenate(x) for x in zip(*pieces, strict=True))
        keys, inverse = np.unique(i * (n + 1) + j, return_inverse=True)
        numbers = np.bincount(inverse, v, minlength=len(keys))
        parts[scale] = (keys // (n + 1), keys % (n + 1), numbers)
    return Gram(parts, n)


def _product(rows: int, a: Entries, b: Entries, same: bool, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Upper triangle of AᵀA, or of AᵀB + BᵀA."""
    cols_a, local_a = np.unique(np.where(a.cols == CONSTANT, n, a.cols), return_inverse=True)
    cols_b, local_b = (cols_a, local_a) if same else np.unique(np.where(b.cols == CONSTANT, n, b.cols), return_inverse=True)
    wide = rows * max(len(cols_a), len(cols_b))
    if 4 * min(len(a.rows) * len(cols_b), len(b.rows) * len(cols_a)) > rows * len(cols_a) * len(cols_b) and wide < 10_000_000:
        dense_a = np.bincount(a.rows * len(cols_a) + local_a, a.numbers, rows * len(cols_a)).reshape(rows, -1)
        dense_b = dense_a if same else np.bincount(b.rows * len(cols_b) + local_b, b.numbers, rows * len(cols_b)).reshape(rows, -1)
        product = dense_a.T @ dense_b
        i, j = np.nonzero(product)
        v = product[i, j]
    else:
        from scipy import sparse

        left = sparse.csr_array((a.numbers, (a.rows, local_a)), (rows, len(cols_a)))
        right = left if same else sparse.csr_array((b.numbers, (b.rows, local_b)), (rows, len(cols_b)))
        product = (left.T @ right).tocoo()
        (i, j), v = product.coords, product.data
    i, j = cols_a[i], cols_b[j]
    if same:
        keep = i <= j
        return i[keep], j[keep], v[keep]
    return np.minimum(i, j), np.maximum(i, j), np.where(i == j, 2 * v, v)


def pattern(forms: Sequence[Form], gram: Gram) -> tuple[np.ndarray, list[int]]:
    """Pairs of unknowns that meet in a row, and unknowns that meet too many others for sparse elimination.

    Parameters
    ----------
    forms : sequence of Form
        Those that the gram does not hold.
    gram : Gram
        Normal equations of the others.
    """
    n = gram.n
    pairs = [np.stack([i, j], 1)[(j < n) & (i < j)] for i, j, _ in gram.parts.values()]
    dense: set[int] = set()
    for form in forms:
        rows = np.concatenate([p.rows for p in form.parts])
        cols = np.concatenate([p.cols for p in form.parts])
        keep = cols != CONSTANT
        rows, cols = rows[keep], cols[keep]
        for _ in range(2):
            if not len(rows) or np.bincount(rows).max() <= _WIDE:
                break
            # columns that most rows share; if that is not enough, all of them
            count = np.bincount(np.unique(rows * n + cols) % n, minlength=n)
            shared = np.flatnonzero(count > 0.5 * form.size) if not dense & set(cols.tolist()) else np.unique(cols)
            shared = shared if len(shared) else np.unique(cols)
            dense |= set(shared.tolist())
            keep = ~np.isin(cols, shared)
            rows, cols = rows[keep], cols[keep]
        if len(rows) and np.bincount(rows).max() > _WIDE:
            dense |= set(np.unique(cols).tolist())
            continue
        first, second = row_pairs(rows)
        a, b = cols[first], cols[second]
        pairs.append(np.stack([np.minimum(a, b), np.maximum(a, b)], 1))
    found = np.concatenate(pairs) if pairs else np.empty((0, 2), int)
    if len(found):
        keys = np.unique(found @ np.array([n, 1]))
        found = np.stack([keys // n, keys % n], 1)
    return found, sorted(dense)


def row_pairs(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of all pairs of entries of one row."""
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    k = np.arange(len(ordered))
    counts = np.searchsorted(ordered, ordered, "right") - k - 1
    left = np.repeat(k, counts)
    right = left + 1 + np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
    return order[left], order[right]


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the values of a system go: one flat vector of the diagonal and the edges, the border and the corner.

    Attributes
    ----------
    plan : Plan
        The order of elimination.
    place : array of int, shape (n + 1,)
        For each unknown its place in the interior, or in the tail; the constant is the tail's last.
    inside : array of bool, shape (n + 1,)
        Whether an unknown belongs to the interior.
    """

    plan: Plan
    place: np.ndarray
    inside: np.ndarray

    @property
    def n_sparse(self) -> int:
        """Number of diagonal entries and edges."""
        return len(self.plan.interior) + self.plan.n_edges

    @property
    def width(self) -> int:
        """Number of columns of the border."""
        return len(self.plan.tail) + 1

    @property
    def size(self) -> int:
        """Length of the flat vector."""
        return self.n_sparse + len(self.plan.interior) * self.width + self.width**2

    def positions(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Where entry (i, j) goes; of the corner one half."""
        p, q = self.place[i], self.place[j]
        swap = ~self.inside[i] & self.inside[j]
        p, q = np.where(swap, q, p), np.where(swap, p, q)
        first, second = np.where(swap, self.inside[j], self.inside[i]), np.where(swap, self.inside[i], self.inside[j])
        m = len(self.plan.interior)
        at = self.n_sparse + m * self.width + p * self.width + q
        at = np.where(first & ~second, self.n_sparse + p * self.width + q, at)
        edge = first & second
        at[edge] = np.where(p[edge] == q[edge], p[edge], m + edge_numbers(self.plan, p[edge], q[edge]))
        return at


def layout_of(plan: Plan) -> Layout:
    """The layout that a plan asks for."""
    place = np.full(plan.size + 1, len(plan.tail))
    place[plan.interior] = np.arange(len(plan.interior))
    place[plan.tail] = np.arange(len(plan.tail))
    inside = np.zeros(plan.size + 1, bool)
    inside[plan.interior] = True
    return Layout(plan, place, inside)


def numbers_of(gram: Gram, layout: Layout) -> tuple[np.ndarray, list[Any]]:
    """Matrix of the flat vector's coefficients, one row for each product of scales."""
    matrix = np.zeros((len(gram.parts), layout.size))
    for row, (i, j, v) in zip(matrix, gram.parts.values(), strict=True):
        np.add.at(row, layout.positions(i, j), v)
        corner = ~layout.inside[i] & ~layout.inside[j] & (i != j)
        np.add.at(row, layout.positions(j[corner], i[corner]), v[corner])
    return matrix, list(gram.parts)
