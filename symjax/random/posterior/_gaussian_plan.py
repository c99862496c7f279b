"""The order of elimination of a sparse Gaussian system, found once from its pattern.

Unknowns are eliminated in levels: sets in which no two meet in a row, so that one level is a few operations on arrays. Plates go in
one level each, trees in as many as they are deep, chains in logarithmically many (cyclic reduction). What meets many others, and
what is left in the end, is the tail, which is solved as a dense system.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_MAX_TAIL = 1_500
_SMALL = 24
_MAX_DEGREE = 6


@dataclass(frozen=True, eq=False)
class Level:
    """One step of elimination. Unknowns and edges that are there before it are counted in their own order.

    Attributes
    ----------
    chosen, kept : array of int
        Unknowns that it eliminates, and the others.
    edges : array of int
        Edges of the chosen unknowns.
    source, target : array of int
        For each of these its ends, counted among the chosen and among the kept unknowns.
    left, right, filled : array of int
        Pairs of these edges that share their chosen unknown, and the edge afterwards that the product goes to.
    kept_edges, kept_at : array of int
        The other edges, and which they are afterwards.
    n_edges : int
        Number of edges afterwards.
    """

    chosen: np.ndarray
    kept: np.ndarray
    edges: np.ndarray
    source: np.ndarray
    target: np.ndarray
    left: np.ndarray
    right: np.ndarray
    filled: np.ndarray
    kept_edges: np.ndarray
    kept_at: np.ndarray
    n_edges: int


@dataclass(frozen=True, eq=False)
class Plan:
    """An order of elimination.

    Attributes
    ----------
    size : int
        Number of unknowns.
    levels : tuple of Level
        Steps, in order.
    interior : array of int
        Unknowns that are in the sparse part.
    tail : array of int
        The others, which are solved as a dense system in the end, together with what the levels leave of the interior.
    edges : array of int
        Edges of the interior, as sorted numbers ``i n + j`` for places i < j in `interior`, which has n elements.
    rest : array of int, shape (n, 2)
        Edges of what the levels leave, by places in `left`.
    left : array of int
        Places in `interior` of what the levels leave.
    """

    size: int
    levels: tuple[Level, ...]
    interior: np.ndarray
    tail: np.ndarray
    edges: np.ndarray
    rest: np.ndarray
    left: np.ndarray

    @property
    def n_edges(self) -> int:
        """Number of edges of the interior before elimination."""
        return len(self.edges)

    def cost(self) -> float:
        """Floating-point operations of one elimination, roughly."""
        b = len(self.tail) + 1
        pairs = sum(len(level.filled) + (b + 4) * len(level.edges) for level in self.levels)
        return (b + len(self.left)) ** 3 / 3 + len(self.interior) * b * b + 4 * pairs


def edges_of(keys: np.ndarray, n: int) -> np.ndarray:
    """Pairs (i, j), i < j, from sorted unique numbers i n + j."""
    return np.stack([keys // n, keys % n], 1)


def make_plan(n: int, pairs: np.ndarray, dense: Sequence[int], group: np.ndarray) -> Plan | None:
    """An order of elimination of `n` unknowns; None if too many are left for a dense tail.

    Parameters
    ----------
    n : int
        Number of unknowns.
    pairs : array of int, shape (m, 2)
        Unknowns that meet in a row, i < j.
    dense : sequence of int
        Unknowns that belong to the tail.
    group : array of int, shape (n,)
        For each unknown the latent that it is an element of; a latent joins the tail as a whole.
    """
    pairs = _completed(pairs[pairs[:, 0] != pairs[:, 1]], group)
    active = np.ones(n, bool)
    active[list(dense)] = False
    active[_hubs(pairs, active, n)] = False
    levels: list[np.ndarray] = []
    tail = ~active
    keys = np.unique(pairs[active[pairs].all(1)] @ np.array([n, 1]))
    initial = keys
    while active.any():
        edges = edges_of(keys, n)
        degree = np.bincount(edges.ravel(), minlength=n)
        left = int(active.sum())
        chosen = _independent(edges, degree, active, group)
        worth = len(chosen) >= max(4, 0.15 * left)
        cheap = len(chosen) >= 0.3 * left and len(chosen) > 5 and len(levels) < 2 and degree[chosen].max(initial=0) <= 3
        if left + int(tail.sum()) <= _SMALL and not cheap:
            break
        if worth:
            levels.append(chosen)
            active[chosen] = False
            keys = np.union1d(keys[active[edges_of(keys, n)].all(1)], _fill(edges, chosen, n))
            continue
        before = active.copy()
        _move_to_tail(active, degree, group)
        tail |= before & ~active
        if tail.sum() > _MAX_TAIL:
            return None
        keys = keys[active[edges_of(keys, n)].all(1)]
    return _arranged(levels, initial, tail)


def _hubs(pairs: np.ndarray, active: np.ndarray, n: int) -> np.ndarray:
    """Unknowns that meet far more others than most do."""
    both = pairs[active[pairs].all(1)]
    keys = np.unique(both @ np.array([n, 1]))
    degree = np.bincount(edges_of(keys, n).ravel(), minlength=n)
    median = np.median(degree[active]) if active.any() else 0
    return np.flatnonzero(degree > max(4 * median + 8, 0.1 * n))


def _move_to_tail(active: np.ndarray, degree: np.ndarray, group: np.ndarray) -> None:
    """Take from the active ones the latent whose elements meet most others, the smallest of such."""
    ids = group[active]
    count = np.bincount(ids)
    mean = np.bincount(ids, degree[active]) / np.maximum(count, 1)
    best = np.flatnonzero((count > 0) & (mean >= 0.99 * mean[count > 0].max()))
    active[active & (group == best[np.argmin(count[best])])] = False


def _completed(pairs: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Pairs, with those added that make two latents meet element by element: whole arrays need no gathers."""
    if not len(pairs):
        return pairs
    first = np.searchsorted(group, np.arange(group[-1] + 1))
    size = np.bincount(group)
    a, b = group[pairs].T
    between, inverse, count = np.unique(a * len(size) + b, return_inverse=True, return_counts=True)
    unequal = np.bincount(inverse, pairs[:, 0] - first[a] != pairs[:, 1] - first[b])
    added = [pairs]
    for k in np.flatnonzero(unequal == 0).tolist():
        x, y = divmod(int(between[k]), len(size))
        if size[x] == size[y] and 0.5 * size[x] <= count[k] < size[x]:
            steps = np.arange(size[x])
            added.append(np.stack([first[x] + steps, first[y] + steps], 1))
    return np.concatenate(added)


def _independent(edges: np.ndarray, degree: np.ndarray, active: np.ndarray, group: np.ndarray) -> np.ndarray:
    """A set of active unknowns of small degree no two of which are joined, found greedily, latent by latent."""
    n = len(active)
    mean = np.bincount(group, degree * active) / np.maximum(np.bincount(group, active), 1)
    candidates = np.flatnonzero(active & (degree <= _MAX_DEGREE))
    candidates = candidates[np.lexsort((candidates, group[candidates], mean[group[candidates]]))]
    both = np.concatenate([edges, edges[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    starts = np.searchsorted(both[:, 0], np.arange(n + 1)).tolist()
    others = both[:, 1].tolist()
    free = [True] * n
    chosen = []
    for i in candidates.tolist():
        if free[i]:
            chosen.append(i)
            for j in others[starts[i] : starts[i + 1]]:
                free[j] = False
    found = np.array(sorted(chosen), int)
    # parts of other latents would only spoil the alignment of whole ones
    whole = np.bincount(group[found], minlength=group[-1] + 1) == np.bincount(group, active)
    entire = found[whole[group[found]]]
    return entire if 2 * len(entire) >= len(found) else found


def _fill(edges: np.ndarray, chosen: np.ndarray, n: int) -> np.ndarray:
    """Edges that eliminating some unknowns makes between their neighbours."""
    source, target = _oriented(edges, chosen, n)
    left, right = _pairs(source)
    a, b = target[left], target[right]
    return np.unique(np.minimum(a, b) * n + np.maximum(a, b))


def _oriented(edges: np.ndarray, chosen: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Edges that leave the chosen unknowns, sorted by unknown."""
    mask = np.zeros(n, bool)
    mask[chosen] = True
    forward, backward = edges[mask[edges[:, 0]]], edges[mask[edges[:, 1]]][:, ::-1]
    both = np.concatenate([forward, backward])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    return both[:, 0], both[:, 1]


def _pairs(source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs k < l of positions with equal values of a sorted array."""
    k = np.arange(len(source))
    stop = np.searchsorted(source, source, "right")
    counts = stop - k - 1
    left = np.repeat(k, counts)
    right = left + 1 + np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
    return left, right


def _arranged(levels: list[np.ndarray], keys: np.ndarray, tail: np.ndarray) -> Plan:
    """The plan whose levels eliminate given unknowns; `keys` are the edges before."""
    n = len(tail)
    interior = np.flatnonzero(~tail)
    place = np.full(n, -1)
    place[interior] = np.arange(len(interior))
    m = max(len(interior), 1)
    edges = place[edges_of(keys, n)]
    keys = np.unique(edges[(edges >= 0).all(1)] @ np.array([m, 1]))
    initial, present, made = keys, np.arange(len(interior)), []
    for level in levels:
        made.append(_level(present, np.sort(place[level]), keys, m))
        present = present[made[-1].kept]
        edges = edges_of(keys, m)
        gone = np.isin(edges, place[level]).any(1)
        keys = np.union1d(keys[~gone], _fill(edges, place[level], m))
    rest = np.searchsorted(present, edges_of(keys, m))
    return Plan(n, tuple(made), interior, np.flatnonzero(tail), initial, rest, present)


def _level(present: np.ndarray, nodes: np.ndarray, keys: np.ndarray, m: int) -> Level:
    """The step that eliminates `nodes` from those that are present, with edges `keys`."""
    taken = np.zeros(m, bool)
    taken[nodes] = True
    chosen, kept = np.flatnonzero(taken[present]), np.flatnonzero(~taken[present])
    edges = edges_of(keys, m)
    first, second = taken[edges].T
    mine = np.flatnonzero(first | second)
    source = np.where(first[mine], edges[mine, 0], edges[mine, 1])
    target = edges[mine].sum(1) - source
    # edges to lower and to higher neighbours apart, so that those of a regular structure are slices
    side = np.sign(target - source)
    rank = _rank(np.lexsort((target, source, side)), source, side)
    order = np.lexsort((source, rank, side))
    mine, source, target = mine[order], source[order], target[order]
    by_source = np.lexsort((target, source))
    one, other = _pairs(source[by_source])
    left, right = by_source[one], by_source[other]
    low, high = np.minimum(target[left], target[right]), np.maximum(target[left], target[right])
    kept_edges = np.flatnonzero(~(first | second))
    new = np.union1d(keys[kept_edges], np.unique(low * m + high))
    filled = np.searchsorted(new, low * m + high)
    order = np.argsort(filled, kind="stable")
    return Level(
        chosen, kept, mine,
        np.searchsorted(present[chosen], source), np.searchsorted(present[kept], target),
        left[order], right[order], filled[order],
        kept_edges, np.searchsorted(new, keys[kept_edges]), len(new),
    )  # fmt: skip


def _rank(order: np.ndarray, source: np.ndarray, side: np.ndarray) -> np.ndarray:
    """For each edge how many of its source's edges of its side come before it in an order that sorts them by both."""
    s, d = source[order], side[order]
    begins = np.concatenate([[True], (s[1:] != s[:-1]) | (d[1:] != d[:-1])])[: len(s)]
    first = np.maximum.accumulate(np.where(begins, np.arange(len(s)), 0))
    rank = np.empty(len(s), int)
    rank[order] = np.arange(len(s)) - first
    return rank


def edge_numbers(plan: Plan, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Numbers of the edges between places `i` and `j` of the interior."""
    m = max(len(plan.interior), 1)
    return np.searchsorted(plan.edges, np.minimum(i, j) * m + np.maximum(i, j))
