"""Rows of a multivariate normal law: through their mean and the triangular factor of their scatter."""

from __future__ import annotations

import math

import numpy as np

import symjax.tensor as T
from symjax.core._scope import detached
from symjax.random.distributions.mv_normal import MvNormal
from symjax.random.posterior._joint import Factor, law_factor
from symjax.random.posterior._numbers import Numbers
from symjax.random.posterior._refused import Refused

_CHUNK = 1 << 16


def reduced_mv_normal(factor: Factor) -> tuple[list[Factor], str] | None:
    """Rows with one mean and one covariance as d + 1 rows of the same covariance; None if the factor is no such rows.

    With ``Σ (yᵢ − ȳ)(yᵢ − ȳ)ᵀ = Rᵀ R`` the rows of R, of mean zero, and ``√n ȳ``, of mean ``√n μ``, have the same sum of squares
    for every mean and covariance (Anderson, An Introduction to Multivariate Statistical Analysis, 3rd ed., section 3.2).

    Raises
    ------
    Refused
        If it cannot be reduced.
    """
    law = factor.law
    if law is None or law.distribution is not MvNormal or law.ndim < 2:
        return None
    mean, chol = law.parents
    numbers = Numbers([factor.value, mean, chol])
    d, n = law.shape[-1], math.prod(law.shape[:-1])
    if factor.value not in numbers or n < 4 * (d + 1):
        return None
    if chol.ndim != 2 or (mean.ndim > 1 and mean not in numbers):
        raise Refused("the means or the covariances of its rows differ")
    rows = np.broadcast_to(numbers(factor.value), law.shape)
    if mean in numbers:
        rows = rows - numbers(mean)
    rows = rows.reshape(n, d)
    if not np.isfinite(rows).all():
        raise Refused("some observations are not finite")
    center = rows.mean(0)
    with detached():
        root = math.sqrt(n)
        location = T.zeros(d) if mean in numbers else root * mean
        spread = _triangle(rows, center)
        log_det = T.log(T.diagonal(chol)).sum()
        made = [
            law_factor(factor.name, MvNormal(location, chol=chol), T.constant(root * center)),
            law_factor(factor.name, MvNormal(np.zeros(d), chol=chol, shape=(d, d)), T.constant(spread)),
            Factor(factor.name, -(n - 1 - d) * (log_det + 0.5 * d * math.log(2 * math.pi))),
        ]
    return made, f"{n} rows → their mean and {d} rows of scatter"


def _triangle(rows: np.ndarray, center: np.ndarray) -> np.ndarray:
    """R with ``Rᵀ R = Σ (y − ȳ)(y − ȳ)ᵀ``, chunk by chunk."""
    found = np.zeros((0, rows.shape[1]))
    for start in range(0, len(rows), _CHUNK):
        found = np.linalg.qr(np.concatenate([found, rows[start : start + _CHUNK] - center]), mode="r")
    return found
