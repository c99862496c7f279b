"""Inputs of covariance and mean functions: matrices, a row for each point."""

from __future__ import annotations

from typing import Any

from symjax._errors import ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._node import Tensor


def as_inputs(X: Any, owner: Any) -> Tensor:
    """Inputs as a tensor of two axes.

    Raises
    ------
    ShapeError
        If they have another number of axes.
    """
    X = as_tensor(X)
    if X.ndim != 2:
        raise ShapeError(f"{type(owner).__name__}: inputs must have shape (n, columns), got {X.shape}. Use X[:, None].")
    return X
