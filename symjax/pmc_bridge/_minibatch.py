"""Minibatches: random rows of data, drawn anew at each evaluation."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from symjax.core._leaves import as_tensor, present_shape
from symjax.core._node import RandomOp, Token
from symjax.core._op import Aval, Operator
from symjax.core._scope import detached
from symjax.core._traverse import make, toposort
from symjax.random._draw import RandomVariable

_ROWS = Operator(
    "minibatch_rows",
    lambda key, length, *, batch_size: jax.random.randint(key, (batch_size,), 0, length, np.int64),
    lambda op, avals, params: Aval((params["batch_size"],), np.dtype(np.int64), False),
    random=True,
)


def Minibatch(variable: Any, *variables: Any, batch_size: int) -> Any:
    """Random rows of data, the same ones of all arrays, drawn with replacement at each evaluation.

    Data in minibatches are for `fit`: give the observed variable the number of all rows as ``total_size``, and its log density
    stands for all of them.

    Parameters
    ----------
    variable, *variables : array-like or Tensor
        Data with as many rows.
    batch_size : int
        Number of rows to draw.

    Returns
    -------
    Tensor or list of Tensor
        The rows, of shape ``(batch_size, ...)``; a list if more than one array is given.

    Raises
    ------
    ValueError
        If the numbers of rows differ, an array has none, or one depends on a random variable.
    TypeError
        If `batch_size` is not a positive whole number.

    Examples
    --------
    >>> import numpy as np, symjax.pmc_bridge as pm
    >>> x, y = pm.Minibatch(np.arange(100.0), np.arange(100.0) + 1.0, batch_size=5)
    >>> x.shape, (y - x).eval().tolist()
    ((5,), [1.0, 1.0, 1.0, 1.0, 1.0])
    """
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise TypeError(f"Minibatch: batch_size must be a positive whole number, got {batch_size!r}.")
    with detached():
        arrays = [as_tensor(v) for v in (variable, *variables)]
        rows = [present_shape(a.shape)[:1] for a in arrays]
        if rows[0] in ((), (0,)) or len(set(rows)) > 1:
            raise ValueError(f"Minibatch: arrays must have as many rows, one at least; got shapes {[a.shape for a in arrays]}.")
        drawn = next((n for n in toposort(arrays) if isinstance(n, RandomVariable)), None)
        if drawn is not None:
            raise ValueError(f"Minibatch: data must not depend on random variables, as on {drawn.name!r}.")
        length = as_tensor(arrays[0].shape[0])
        index = make(_ROWS, [length], {"batch_size": int(batch_size)}, token=Token(), kind=RandomOp)
        found = [a[index] for a in arrays]
    return found if variables else found[0]


def in_minibatches(model: Any) -> list[Any]:
    """The observed variables and potentials of a model that depend on minibatches."""
    roots = {rv: [rv, model.rvs_to_values[rv]] for rv in model.observed_RVs} | {p: [p] for p in model.potentials}
    return [v for v, parts in roots.items() if any(node.op is _ROWS for node in toposort(parts))]


def refuse_minibatches(model: Any, what: str) -> None:
    """Refuse a model of minibatches where the density must be one function.

    Raises
    ------
    ValueError
        Naming the variables.
    """
    names = [v.name for v in in_minibatches(model)]
    if names:
        raise ValueError(
            f"{what}: {names} are in minibatches, which only the stochastic methods of pm.fit take. Give all of the data."
        )
