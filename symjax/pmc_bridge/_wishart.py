"""`WishartBartlett`: PyMC's older name of a Wishart prior that can be sampled."""

from __future__ import annotations

from typing import Any

import symjax.random as R
import symjax.tensor as T
from symjax.pmc_bridge._named import ModelDistribution
from symjax.pmc_bridge._terms import Deterministic

_WISHART = ModelDistribution(R.Wishart)


def WishartBartlett(
    name: str, S: Any, nu: Any, is_cholesky: bool = False, return_cholesky: bool = False, initval: Any = None
) -> Any:
    """A Wishart variable, or the Cholesky factor of one; `Wishart` itself is as easily sampled.

    Parameters
    ----------
    name : str
        Its name.
    S : tensor-like
        Scale matrix of shape (p, p), symmetric and positive definite.
    nu : tensor-like
        Degrees of freedom, more than p − 1.
    is_cholesky : bool
        Whether `S` is the lower Cholesky factor of the scale matrix instead.
    return_cholesky : bool
        Whether to return the lower Cholesky factor: a deterministic of the variable ``_{name}_wishart``.
    initval : None
        Not taken, as in PyMC: give it to `Wishart`.

    Raises
    ------
    NotImplementedError
        If `initval` is given.

    Examples
    --------
    >>> import numpy as np, symjax.pmc_bridge as pm
    >>> with pm.Model() as model:
    ...     factor = pm.WishartBartlett("L", np.eye(2), 5, return_cholesky=True)
    >>> [rv.name for rv in model.free_RVs]
    ['_L_wishart']
    """
    if initval is not None:
        raise NotImplementedError(f"WishartBartlett({name!r}): give 'initval', a positive definite matrix, to Wishart instead.")
    scale = {"scale_chol": S} if is_cholesky else {"V": S}
    if not return_cholesky:
        return _WISHART(name, nu=nu, **scale)
    return Deterministic(name, T.cholesky(_WISHART(f"_{name}_wishart", nu=nu, **scale)))
