"""What Gaussian processes are made with: jitter."""

from __future__ import annotations

from typing import Any

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._node import Tensor

#: Added to the diagonals of covariance matrices unless another number is given.
JITTER_DEFAULT = 1e-6


def stabilize(K: Any, jitter: Any = JITTER_DEFAULT) -> Tensor:
    """A covariance matrix with `jitter` added to its diagonal, so that rounding leaves it positive definite.

    Parameters
    ----------
    K : tensor-like
        Square matrix.
    jitter : tensor-like
        What is added.

    Returns
    -------
    Tensor
        Of the shape of `K`.

    Examples
    --------
    >>> import numpy as np, symjax.pmc_bridge as pm
    >>> pm.gp.util.stabilize(np.ones((2, 2)), 0.5).eval()
    array([[1.5, 1. ],
           [1. , 1.5]])
    """
    K = as_tensor(K)
    return K + jitter * T.eye(K.shape[0])
