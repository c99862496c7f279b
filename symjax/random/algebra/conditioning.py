"""Conditional laws of parts of a multivariate Normal vector."""

from __future__ import annotations

from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.core._shapes import is_symbolic


def condition_mv_normal(mu: Any, cov: Any, observed_index: Any, values: Any) -> tuple[Any, Any]:
    r"""Law of the other elements of a multivariate Normal vector where some are known.

    Parameters
    ----------
    mu : tensor-like
        Means, shape ``(*batch, n)``.
    cov : tensor-like
        Covariance matrix, symmetric and positive definite, shape ``(n, n)`` or with batch axes.
    observed_index : sequence of int
        Which m elements are known.
    values : tensor-like
        Their values, shape ``(*batch, m)``.

    Returns
    -------
    mean : Tensor
        Means of the others, in their order, shape ``(*batch, n - m)``.
    chol : Tensor
        Lower Cholesky factor of their covariance, ``(n - m, n - m)`` or with batch axes; nan where `cov` is not positive definite.

    Raises
    ------
    ShapeError
        If the index names an element twice or none, or the shapes do not fit.

    Notes
    -----
    With the known elements first, the Cholesky factor of `cov` is :math:`\begin{pmatrix} L_{11} & 0 \\ L_{21} & L_{22}
    \end{pmatrix}`; the mean is :math:`\mu_2 + L_{21} L_{11}^{-1} (x_1 - \mu_1)` and the factor :math:`L_{22}`, without a
    difference of covariances.

    Examples
    --------
    >>> import numpy as np
    >>> from symjax.random.algebra.conditioning import condition_mv_normal
    >>> mean, chol = condition_mv_normal(np.zeros(2), np.array([[1.0, 0.6], [0.6, 1.0]]), [0], [2.0])
    >>> [round(float(t.eval().item()), 3) for t in (mean, chol)]
    [1.2, 0.8]

    References
    ----------
    Kotz, Balakrishnan, Johnson, Continuous Multivariate Distributions I, 2nd ed., section 45.3.
    """
    mu, cov, values = T.as_tensor(mu), T.as_tensor(cov), T.as_tensor(values)
    n = cov.shape[-1]
    if is_symbolic(n) or cov.ndim < 2 or cov.shape[-2] != n or mu.ndim < 1 or mu.shape[-1] != n:
        raise ShapeError(
            f"condition_mv_normal: 'mu' of shape {mu.shape} and 'cov' of shape {cov.shape} are not those of n elements."
        )
    known = np.arange(n)[np.asarray(observed_index, dtype=np.int64)]
    if known.ndim != 1 or not known.size or len(np.unique(known)) < len(known) or len(known) == n:
        raise ShapeError(f"condition_mv_normal: 'observed_index' must name some of {n} elements, each once, got {observed_index}.")
    m = len(known)
    if values.ndim < 1 or values.shape[-1] != m:
        raise ShapeError(f"condition_mv_normal: 'values' must have {m} elements along its last axis, got shape {values.shape}.")
    others = np.setdiff1d(np.arange(n), known)
    order = np.concatenate([known, others])
    chol = T.cholesky(cov[..., order[:, None], order[None, :]])
    deviation = values - mu[..., known]
    factor = T.broadcast_to(chol[..., :m, :m], (*deviation.shape[:-1], m, m)) if deviation.ndim > 1 else chol[..., :m, :m]
    white = T.solve_triangular(factor, deviation, lower=True, b_ndim=1)
    return mu[..., others] + T.einsum("...ij,...j->...i", chol[..., m:, :m], white), chol[..., m:, m:]
