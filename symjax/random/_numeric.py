"""Symbolic formulas run on arrays: for draws by inversion, which need a law's cdf while they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from symjax.core._inner import close_over
from symjax.core._leaves import as_tensor
from symjax.core._node import Bound
from symjax.core._op import Aval
from symjax.core._scope import detached


def numerically(formula: Callable[..., Any], *values: Any) -> list[Any]:
    """The value of a formula, written with tensors, at JAX arrays.

    Parameters
    ----------
    formula : callable
        Takes a tensor for each array and returns a list of tensors.
    *values : array
        Its arguments.

    Returns
    -------
    list of jax.Array
    """
    arrays = [jnp.asarray(v) for v in values]
    with detached():
        leaves = [Bound(Aval(a.shape, np.dtype(a.dtype), False)) for a in arrays]
        graph, captured = close_over(leaves, [as_tensor(o) for o in formula(*leaves)])
    return graph.run([*arrays, *(jnp.asarray(c.value) for c in captured)])
