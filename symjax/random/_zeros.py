"""What laws share that mix another law with extra zeros."""

from __future__ import annotations

from typing import Any

import symjax.tensor as T


def log_with_zeros(psi: Any, log_q: Any, p: Any) -> Any:
    """log(1 − ψ + ψ q) for ``q = 1 - p``, exact where either is near 0 or 1, with finite derivatives at ψ = 0 and ψ = 1."""
    near = T.less(psi * p, 0.5)
    close = T.log1p(-T.where(near, psi * p, 0.0))
    far = T.log(T.where(near, 1.0, (1 - psi) + psi * T.exp(T.maximum(log_q, -700.0))))
    # where q underflows only its logarithm is left, and 1 − ψ is zero or outweighs it
    lost = T.logical_and(T.greater_equal(psi, 1), T.less(log_q, -700.0))
    return T.where(lost, log_q, T.where(near, close, far))


def variance_with_zeros(psi: Any, mean: Any, variance: Any) -> Any:
    """Variance of a variable of given mean and variance that is zero instead with probability 1 − ψ."""
    return psi * (variance + (1 - psi) * mean**2)
