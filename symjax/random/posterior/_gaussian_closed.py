"""Gaussian blocks whose integral is a formula in one or two scales, with everything else numeric."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

import symjax.tensor as T
from symjax.random.distributions.normal import LOG_SQRT_2PI, Normal
from symjax.random.posterior._gaussian_block import Block
from symjax.random.posterior._gaussian_forms import CONSTANT, Form
from symjax.random.posterior._gaussian_gram import is_pure
from symjax.random.posterior._gaussian_scales import UNIT, Scale, as_tensor, is_positive, raised, times
from symjax.random.posterior._joint import Factor, law_factor

_MAX_ELEMENTS = 20_000_000
_MAX_UNKNOWNS = 600
_MAX_SPECTRUM = 300
_RANK = 1e-11


class Integral(NamedTuple):
    """What takes the place of a block's factors, and draws of its unknowns."""

    factors: tuple[Factor, ...]
    unknowns: Any


def closed(block: Block, name: str) -> Integral | None:
    """The integral as a formula; None if the block is not of the kind."""
    if block.size > _MAX_UNKNOWNS or not all(is_pure(f) for f in block.forms):
        return None
    return _one_scale(block, name) or _two_scales(block, name)


def _matrix(forms: list[Form], n: int) -> np.ndarray | None:
    """The numbers of some rows as one triangular factor, the constants in the last column."""
    total = sum(f.size for f in forms)
    if total * (n + 1) > _MAX_ELEMENTS:
        return None
    dense, start = np.zeros((total, n + 1)), 0
    for f in forms:
        for p in f.parts:
            np.add.at(dense, (start + p.rows, np.where(p.cols == CONSTANT, n, p.cols)), p.numbers)
        start += f.size
    return np.linalg.qr(dense, mode="r") if total > n + 1 else dense


def _column_scales(forms: list[Form], n: int) -> dict[int, Scale] | None:
    """For each column the scale of its entries, if they have one in common."""
    found: dict[int, Scale] = {}
    for f in forms:
        for p in f.parts:
            for c in np.unique(p.cols).tolist():
                if found.setdefault(n if c == CONSTANT else c, p.scale) != p.scale:
                    return None
    return found


def _one_scale(block: Block, name: str) -> Integral | None:
    """Rows that are numeric but for one scale for each column: ``-k log s - q / (2 s²)``."""
    n, forms = block.size, block.all_forms()
    scales = _column_scales(forms, n)
    if scales is None or not all(is_positive(s, block.affine.facts) for s in scales.values()):
        return None
    matrix = _matrix(forms, n)
    if matrix is None or matrix.shape[0] < n:
        return None
    r = np.linalg.qr(matrix, mode="r")
    diagonal = np.abs(np.diagonal(r))[:n]
    if not (diagonal > _RANK * np.linalg.norm(r[:, :n], axis=0)).all():
        return None
    constant = scales.get(n, UNIT)
    norm = block.norm
    norm.number += n * LOG_SQRT_2PI - float(np.log(diagonal).sum())
    for c in range(n):
        norm.scale = times(norm.scale, raised(scales[c], -1))
    residual = float((r[n:, n] ** 2).sum()) if matrix.shape[0] > n else 0.0
    if residual:
        norm.terms.append(as_tensor(raised(constant, 2), -0.5 * residual))
    noise = Normal(0.0, 1.0, shape=(n,))
    standard = T.solve_triangular(r[:n, :n], -(r[:n, n] * as_tensor(constant) + noise), lower=False)
    return Integral((Factor(name, norm.total()),), _unscaled(standard, [scales[c] for c in range(n)]))


def _unscaled(values: Any, scales: list[Scale]) -> Any:
    """Each value divided by its scale."""
    distinct = list(dict.fromkeys(scales))
    if distinct == [UNIT]:
        return values
    if len(distinct) == 1:
        return values / as_tensor(distinct[0])
    return values / T.stack([as_tensor(s) for s in distinct])[np.array([distinct.index(s) for s in scales])]


def _two_scales(block: Block, name: str) -> Integral | None:
    """Standard unknowns and numeric rows with one scale for them and one for the data.

    With ``X = U S Vᵀ`` and rows ``a X x + b c`` the elements of ``-Uᵀc`` are independent Normal with variances
    ``1 / b² + (a / b)² S²``, so that an evaluation costs as many operations as there are unknowns, not their cube.
    """
    n = block.size
    if len(block.standard) < len(block.latents) or n > _MAX_SPECTRUM:
        return None
    of_data = {p.scale for f in block.forms for p in f.parts if (p.cols == CONSTANT).any()}
    of_unknowns = {p.scale for f in block.forms for p in f.parts if (p.cols != CONSTANT).any()}
    if len(of_data) > 1 or len(of_unknowns) != 1:
        return None
    a, b = of_unknowns.pop(), of_data.pop() if of_data else UNIT
    matrix = _matrix(block.forms, n) if is_positive(a, block.affine.facts) and is_positive(b, block.affine.facts) else None
    if matrix is None:
        return None
    u, s, vt = np.linalg.svd(matrix[:, :n], full_matrices=True)
    s = np.where(s > _RANK * s.max(initial=0), s, 0.0)
    rank = int((s > 0).sum())
    t = u.T @ matrix[:, n]
    norm = block.norm
    norm.number += n * LOG_SQRT_2PI + rank * LOG_SQRT_2PI
    norm.scale = times(norm.scale, raised(b, -rank))
    rest = float((t[rank:] ** 2).sum()) if math.prod(matrix.shape) else 0.0
    if rest:
        norm.terms.append(as_tensor(raised(b, 2), -0.5 * rest))
    factors = [Factor(name, norm.total())]
    if rank:
        variance = T.square(as_tensor(raised(b, -1))) + as_tensor(raised(times(a, raised(b, -1)), 2)) * s[:rank] ** 2
        factors.append(law_factor(name, Normal(0.0, T.sqrt(variance)), T.constant(-t[:rank])))
    noise = Normal(0.0, 1.0, shape=(n,))
    full = np.zeros(n)
    full[:rank] = s[:rank]
    seen = np.zeros(n)
    seen[:rank] = s[:rank] * t[:rank]
    weight = 1 + as_tensor(raised(a, 2)) * full**2
    rotated = noise / T.sqrt(weight) - as_tensor(times(a, b)) * seen / weight
    return Integral(tuple(factors), T.matmul(vt.T, rotated))
