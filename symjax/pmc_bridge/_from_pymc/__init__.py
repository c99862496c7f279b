"""PyMC models, built with PyMC and PyTensor, as models of ours."""

from __future__ import annotations

import sys
from typing import Any


def from_pymc(model: Any) -> Any:
    """A model that says the same as a PyMC model.

    Random variables become distributions of `symjax.random`, other operations those of `symjax.tensor`, so that the model is
    rewritten as one that was written here; operations that have no counterpart run through PyTensor's own translations to JAX, and
    laws that have none keep PyMC's log density. Names, dims, coordinates, data, transforms and initial values are kept.

    Parameters
    ----------
    model : pymc.Model
        The model. It stays as it is, and later changes of it do not reach the result.

    Returns
    -------
    Model
        The same model, of the data that it has now; ``set_data`` changes them.

    Raises
    ------
    ImportError
        If PyMC is not installed.
    NotImplementedError
        If an operation has no counterpart, here or in PyTensor's JAX backend; it is named.

    Examples
    --------
    >>> import pymc, symjax.pmc_bridge as pm
    >>> with pymc.Model() as theirs:
    ...     x = pymc.Normal("x")
    ...     y = pymc.Normal("y", x, 1.0, observed=[0.5, 1.5])
    >>> ours = pm.from_pymc(theirs)
    >>> [rv.name for rv in ours.free_RVs]
    ['x']
    """
    from symjax.pmc_bridge._from_pymc._model import converted

    return converted(model)


def is_pymc_model(model: Any) -> bool:
    """Whether something is a model of PyMC, which need not be installed."""
    pymc = sys.modules.get("pymc")
    return pymc is not None and isinstance(model, pymc.Model)


def pymc_model_in_context() -> Any:
    """The PyMC model of the ``with`` statement around, or None."""
    pymc = sys.modules.get("pymc")
    return None if pymc is None else pymc.modelcontext(None) if _has_context(pymc) else None


def _has_context(pymc: Any) -> bool:
    try:
        pymc.modelcontext(None)
    except TypeError:
        return False
    return True
