"""Covariance matrices in models: ``chol, corr, stds = pm.LKJCholeskyCov("chol", eta=2, n=3, sd_dist=pm.Exponential.dist(1))``."""

from __future__ import annotations

import inspect
from typing import Any

import symjax.tensor as T
from symjax.core._node import Tensor
from symjax.core._scope import detached
from symjax.pmc_bridge._named import ModelDistribution
from symjax.pmc_bridge._terms import Deterministic


class CholeskyModelDistribution(ModelDistribution):
    """A law of packed Cholesky factors of covariance matrices, which gives the factor, the correlations and the deviations."""

    def __init__(self, family: Any):
        super().__init__(family)
        flags = [inspect.Parameter(k, inspect.Parameter.KEYWORD_ONLY, default=True) for k in ("compute_corr", "store_in_trace")]
        self.__signature__ = inspect.Signature([*self.__signature__.parameters.values(), *flags])

    def dist(self, *args: Any, compute_corr: bool = True, **kwargs: Any) -> Any:
        """The packed factor as a variable of no model, or what is computed from it; see `__call__`."""
        packed = super().dist(*args, **kwargs)
        with detached():
            return _unpacked(packed) if compute_corr else packed

    def __call__(self, name: str, *args: Any, compute_corr: bool = True, store_in_trace: bool = True, **kwargs: Any) -> Any:
        """Make a variable of the model in context, the packed factor, and what is computed from it.

        Parameters
        ----------
        name : str
            Its name.
        *args, **kwargs
            Parameters of the law, and what `ModelDistribution` takes.
        compute_corr : bool
            Whether to give the factor, the correlations and the standard deviations, not the packed factor.
        store_in_trace : bool
            Whether correlations and standard deviations are Deterministics, ``<name>_corr`` and ``<name>_stds``.

        Returns
        -------
        chol, corr, stds : Tensor
            Lower triangular factor and correlation matrix of shape (..., n, n), standard deviations of shape (..., n); or the
            packed factor alone.
        """
        packed = super().__call__(name, *args, **kwargs)
        if not compute_corr:
            return packed
        with detached():
            chol, corr, stds = _unpacked(packed)
        if store_in_trace:
            corr, stds = Deterministic(f"{name}_corr", corr), Deterministic(f"{name}_stds", stds)
        return chol, corr, stds


def _unpacked(packed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    chol = T.expand_packed_triangular(packed.distribution.n, packed)  # type: ignore[attr-defined]
    stds = T.sqrt((chol**2).sum(-1))
    rows = chol / stds[..., None]
    return chol, T.matmul(rows, T.swapaxes(rows, -1, -2)), stds
