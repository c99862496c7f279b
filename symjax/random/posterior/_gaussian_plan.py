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
    """Unknowns that are eliminated together.

    Attributes
    ----------
    start, stop : int
        Their places among those that are eliminated in levels.
    edges : tuple of int
        First and last + 1 of their edges to later ones.
    source, target : array of int
        For each of these edges its unknown, counted from `start`, and the place of the later one.
    left, right, filled : array of int
        Pairs of edges of one unknown, counted from the level's first edge, and the edge that their product goes to.
    """

    start: int
    stop: int
    edges: tuple[int, int]
    source: np.ndarray
    target: np.ndarray
    left: np.ndarray
    right: np.ndarray
    filled: np.ndarray


@dataclass(frozen=True, eq=False)
class Plan:
    """An order of elimination.

    Attributes
    ----------
    size : int
        Number of unknowns.
    levels : tuple of Level
        Levels, in order.
    interior : array of int
        Unknowns that are eliminated in levels, in order.
    tail : array of int
        The others.
    edges : dict of (int, int) to int
        Number of the edge between two unknowns of the interior, by their places in order.
    """

    size: int
    levels: tuple[Level, ...]
    interior: np.ndarray
    tail: np.ndarray
    edges: np.ndarray

    @property
    def n_edges(self) -> int:
        """Number of edges, those that elimination makes included."""
        return len(self.edges)

    def cost(self) -> float:
        """Floating-point operations of one elimination, roughly."""
        b = len(self.tail) + 1
        pairs = sum(len(level.filled) for level in self.levels)
        return b**3 / 3 + len(self.interior) * b * b + self.n_edges * (b + 4) + 4 * pairs


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
    keys = np.unique(pairs[active[pairs].all(1)] @ np.array([n, 1]))
    all_keys = keys
    while active.any():
        edges = edges_of(keys, n)
        degree = np.bincount(edges.ravel(), minlength=n)
        left, tail = int(active.sum()), n - int(active.sum()) - sum(map(len, levels))
        chosen = _independent(edges, degree, active, group)
        worth = len(chosen) >= max(4, 0.15 * left)
        cheap = len(chosen) >= 0.3 * left and len(chosen) > 5 and len(levels) < 2 and degree[chosen].max(initial=0) <= 3
        if left + tail <= _SMALL and not cheap:
            break
        if not worth:
            _move_to_tail(active, degree, group)
            if n - int(active.sum()) - sum(map(len, levels)) > _MAX_TAIL:
                return None
            keys = keys[active[edges_of(keys, n)].all(1)]
            all_keys = all_keys[_alive(all_keys, active, levels, n)]
            continue
        levels.append(chosen)
        active[chosen] = False
        fill = _fill(edges, chosen, n)
        all_keys = np.union1d(all_keys, fill)
        keys = np.union1d(keys[active[edges_of(keys, n)].all(1)], fill)
    return _arranged(n, levels, all_keys)


def _alive(keys: np.ndarray, active: np.ndarray, levels: list[np.ndarray], n: int) -> np.ndarray:
    """Which edges are between unknowns that are not in the tail."""
    interior = active.copy()
    for level in levels:
        interior[level] = True
    return interior[edges_of(keys, n)].all(1)


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


def _arranged(n: int, levels: list[np.ndarray], keys: np.ndarray) -> Plan:
    interior = np.concatenate(levels) if levels else np.empty(0, int)
    place = np.full(n, -1)
    place[interior] = np.arange(len(interior))
    tail = np.flatnonzero(place < 0)
    m = max(len(interior), 1)
    edges = place[edges_of(keys, n)]
    edges = np.sort(edges[(edges >= 0).all(1)], axis=1)
    ordered = np.unique(edges @ np.array([m, 1]))
    edges = edges_of(ordered, m)
    made, start = [], 0
    for level in levels:
        stop = start + len(level)
        a, b = np.searchsorted(edges[:, 0], [start, stop])
        source, target = edges[a:b].T
        left, right = _pairs(source)
        low, high = np.minimum(target[left], target[right]), np.maximum(target[left], target[right])
        filled = np.searchsorted(ordered, low * m + high)
        made.append(Level(start, stop, (int(a), int(b)), source - start, target, left, right, filled))
        start = stop
    return Plan(n, tuple(made), interior, tail, ordered)


def edge_numbers(plan: Plan, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Numbers of the edges between places `i` and `j` of the interior."""
    m = max(len(plan.interior), 1)
    return np.searchsorted(plan.edges, np.minimum(i, j) * m + np.maximum(i, j))
