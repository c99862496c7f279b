"""The scale of affine expressions of Gaussian draws: a deviation, a Cholesky factor, a diagonal and a factor of low rank."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.random.algebra._dependence import Block, Entries, Structure, have_own_noise, numeric, private, width
from symjax.random.algebra._linear_maps import MAX_WEIGHTS

#: Least number of elements, and of elements for each column, at which a covariance of low rank plus a diagonal is kept apart.
_LOW_RANK_SIZE, _LOW_RANK_RATIO = 16, 4


def scale_of(s: Structure) -> Any:
    """The standard deviation of the expression's shape where all elements are independent, else the Cholesky factor of one value.

    The factor has the shape ``(cells, size, size)``, or ``(size, size)`` where it is the same for all.
    """
    parts = [_scaled(s, b) for b in s.blocks]
    if len(parts) == 1:
        [(scale, m)] = parts
        if m is s.blocks[0].source.noise:
            return m
        found = _times(_root(_norms(m)) if s.size == 1 else _triangular(m), scale)
    else:
        square, root = (_norms, _root) if s.size == 1 else (_gram, T.cholesky)
        found = root(functools.reduce(operator.add, (_times(square(m), _squared(scale)) for scale, m in parts)))
    found = T.as_tensor(found)
    return found if s.size > 1 or found.ndim == 0 else T.reshape(T.broadcast_to(found, (s.cells,)), s.shape)


def low_rank_of(s: Structure) -> list[Any] | None:
    """The factor and the standard deviations of a law of low rank plus a diagonal; None where it is none, or a small one.

    Their shapes are ``(cells, size, columns)`` and ``(cells, size)``, or without the cells where they are the same for all.
    """
    own = private(s)
    shared = [b for b in s.blocks if b not in own]
    columns = sum(width(b) for b in shared)
    small = s.size <= _LOW_RANK_SIZE or columns * _LOW_RANK_RATIO > s.size
    if small or not shared or not have_own_noise(s, own) or s.cells * s.size * columns > MAX_WEIGHTS:
        return None
    parts = [scale * m for scale, m in (_scaled(s, b) for b in shared)]
    alike = all(m.ndim == 2 for m in parts)
    factor = T.concatenate(parts if alike else [T.broadcast_to(m, (s.cells, *m.shape[-2:])) for m in parts], -1)
    squares = functools.reduce(operator.add, (_private_variance(s, b) for b in own))
    sigma = T.sqrt(squares)
    return [factor, T.broadcast_to(sigma, (s.size,)) if sigma.ndim < 2 else sigma]


def _private_variance(s: Structure, block: Block) -> Any:
    """Variances ``(cells, size)`` that a source adds whose values have one row each; ``()`` or ``(size,)`` where they are alike."""
    [e] = block.entries
    noise, factor = block.source.noise, e.weights.factor
    if factor is None and all(d == 1 for d in noise.shape):
        known = np.zeros((s.cells, s.size))
        known[e.cell, e.row] = e.value**2
        known = known[0] if np.all(known == known[0]) else known
        return _times(known, T.square(T.reshape(noise, ())))
    scale = T.ravel(T.broadcast_to(noise, block.source.shape))[block.units[e.cell, e.column]]
    found = T.index_update(T.zeros((s.cells, s.size)), (e.cell, e.row), T.square(scale * _values(e)))
    return found if s.cells > 1 else found[0]


def _values(e: Entries) -> Any:
    """Weights, known and unknown, one for each entry."""
    factor = e.weights.factor
    if factor is None:
        return e.value
    several = any(d != 1 for d in factor.shape)
    return e.value * (T.ravel(T.broadcast_to(factor, e.weights.index.shape))[e.place] if several else T.reshape(factor, ()))


def _times(known: Any, scale: Any) -> Any:
    """``known · scale``, short where one of them is 1 or the same for all."""
    if not hasattr(scale, "parents"):
        return known
    if isinstance(known, np.ndarray) and known.ndim < 2 and np.all(known == known.flat[0]):
        return scale if known.flat[0] == 1 else float(known.flat[0]) * scale
    return known * scale


def _squared(scale: Any) -> Any:
    return T.square(scale) if hasattr(scale, "parents") else scale


def _norms(m: Any) -> Any:
    return np.square(m).sum((-2, -1)) if isinstance(m, np.ndarray) else T.sum(T.square(m), (-2, -1))


def _root(square: Any) -> Any:
    return np.sqrt(square) if isinstance(square, np.ndarray) else T.sqrt(square)


def _gram(m: Any) -> Any:
    return m @ np.swapaxes(m, -1, -2) if isinstance(m, np.ndarray) else T.matmul(m, T.swapaxes(m, -1, -2))


def _triangular(m: Any) -> Any:
    """The Cholesky factor of ``m mᵀ``."""
    if not isinstance(m, np.ndarray):
        return T.cholesky(_gram(m))
    # by QR, which does not square the condition number
    upper = np.linalg.qr(np.swapaxes(m, -1, -2), mode="r")
    signs = np.where(np.diagonal(upper, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
    return np.swapaxes(upper * signs[..., None], -1, -2)


def _scaled(s: Structure, block: Block) -> tuple[Any, Any]:
    """A number and a matrix whose product maps standard noise to what the source adds, a matrix for each cell if they differ."""
    weights, noise = _weights(s, block), block.source.noise
    if block.event == 1 and all(d == 1 for d in noise.shape):
        return T.reshape(noise, ()), weights
    units = np.maximum(block.units, 0)
    if block.event == 1:
        scales = T.ravel(T.broadcast_to(noise, block.source.shape))[units if s.cells > 1 else units[0]]
        return 1.0, weights * T.expand_dims(scales, -2)
    n = units.shape[1]
    if noise.ndim == 2:
        rows = _picked_rows(weights) if n == 1 and weights.ndim == 2 else None
        if rows is not None:
            return 1.0, noise if len(rows) == block.event and np.all(np.diff(rows) == 1) else noise[rows]
        mixed = T.matmul(weights.reshape((-1, block.event)), noise)
        return 1.0, T.reshape(mixed, (*weights.shape[:-1], n * noise.shape[-1]))
    full = T.reshape(T.broadcast_to(noise, (*block.source.shape[:-1], *noise.shape[-2:])), (-1, *noise.shape[-2:]))
    apart = T.broadcast_to(weights, (s.cells, s.size, n * block.event)).reshape((s.cells, s.size, n, block.event))
    mixed = T.einsum("bkue,buef->bkuf", apart, full[units])
    return 1.0, T.reshape(mixed, (s.cells, s.size, n * noise.shape[-1]))


def _picked_rows(weights: Any) -> Any:
    """The rows that a matrix picks, if that is all it does."""
    if not isinstance(weights, np.ndarray) or np.any((weights != 0) & (weights != 1)) or np.any(weights.sum(-1) != 1):
        return None
    return weights.argmax(-1)


def _weights(s: Structure, block: Block) -> Any:
    """Weights as matrices ``(cells, size, width)``, or one where they are known to be alike."""
    if all(e.weights.factor is None for e in block.entries):
        found = numeric(s, block)
        return found[0] if np.all(found == found[:1]) else found
    found = T.zeros((s.cells, s.size, width(block)))
    for e in block.entries:
        found = T.index_add(found, e.at, _values(e))
    return found if s.cells > 1 else found[0]
