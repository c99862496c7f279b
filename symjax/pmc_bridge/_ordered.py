"""Ordered categories in models, which keep the categories' probabilities: ``pm.OrderedLogistic("y", eta, c, compute_p=True)``."""

from __future__ import annotations

import inspect
from typing import Any

import symjax.tensor as T
from symjax.core._scope import detached
from symjax.pmc_bridge._named import ModelDistribution
from symjax.pmc_bridge._terms import Deterministic


class OrderedModelDistribution(ModelDistribution):
    """A distribution with `probabilities`, which are stored beside the draws."""

    def __init__(self, family: Any):
        super().__init__(family)
        flag = inspect.Parameter("compute_p", inspect.Parameter.KEYWORD_ONLY, default=True)
        self.__signature__ = inspect.Signature([*self.__signature__.parameters.values(), flag])

    def __call__(self, name: str, *args: Any, compute_p: bool = True, **kwargs: Any) -> Any:
        """Make a variable of the model in context, and a Deterministic ``<name>_probs`` of its categories' probabilities.

        Parameters
        ----------
        name : str
            Its name.
        *args, **kwargs
            Parameters of the law, and what `ModelDistribution` takes.
        compute_p : bool
            Whether to make the Deterministic.
        """
        rv = super().__call__(name, *args, **kwargs)
        if compute_p:
            known = inspect.signature(self.family.parametrize).parameters
            with detached():
                parameters = self.family.parametrize(*args, **{k: v for k, v in kwargs.items() if k in known})
                p = self.family.probabilities(*parameters)
            # the axes of one value are named by dims where these are categories
            dims = kwargs.get("dims") if self.family.event_ndim else None
            Deterministic(f"{name}_probs", p if dims is None else T.broadcast_to(p, rv.shape), dims=dims)
        return rv
