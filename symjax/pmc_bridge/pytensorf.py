"""What models use of PyMC's helpers for tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._config import config
from symjax.core._node import Tensor
from symjax.pmc_bridge._evaluate import compile as compile


def collect_default_updates(outputs: Any = None, **kwargs: Any) -> dict[Any, Any]:
    """The updates of the generators behind random variables: none, for draws here need no state.

    Examples
    --------
    >>> import symjax.random as R
    >>> from symjax.pmc_bridge.pytensorf import collect_default_updates
    >>> collect_default_updates([R.Normal(0.0, 1.0)])
    {}
    """
    return {}


def floatX(x: Any) -> Any:
    """A tensor or an array with elements of type `config.floatX`."""
    return T.cast(x, "floatX") if isinstance(x, Tensor) else np.asarray(x, config.float_dtype)


def intX(x: Any) -> Any:
    """A tensor or an array of whole numbers."""
    return T.cast(x, "int64") if isinstance(x, Tensor) else np.asarray(x).astype(np.int64)
