"""Laws that have no counterpart here: PyMC's own density and draws."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pytensor.graph.basic import Variable

import symjax.random as R
from symjax.pmc_bridge._from_pymc._graph import Converter, origin
from symjax.pmc_bridge._from_pymc._operations import in_jax


def foreign_law(convert: Converter, node: Any, **own: Any) -> Any:
    """A random variable with the log density that PyMC derives for a node, drawn on the host by PyTensor.

    Parameters
    ----------
    convert : Converter
        Translates its parameters.
    node : Apply
        The node that draws.
    **own
        Name and shape, or size.
    """
    op = node.op
    params = [p for p in node.op.dist_params(node) if p is not None]
    # places for the parameters: PyMC copies what they are computed from, random variables too
    places = {p: p.type() for p in params}
    free = op.make_node(*(places.get(i, i) for i in node.inputs)).default_output()
    if "shape" not in own and "size" not in own:
        own["shape"] = tuple(int(n) for n in node.default_output().shape.eval())
    dtype = free.type.dtype
    return R.CustomDist(
        *convert.all(params),
        logp=_density(free, list(places.values()), "logp"),
        logcdf=_density(free, list(places.values()), "logcdf"),
        random=_draws(free, list(places.values())),
        signature=_signature(op),
        dtype=dtype if dtype.startswith(("int", "uint", "bool")) else "floatX",
        class_name=type(op).__name__.removesuffix("RV"),
        **own,
    )


def _signature(op: Any) -> str:
    """The axes of parameters and of one value, without those of generators and sizes."""
    text = getattr(op, "extended_signature", None) or op.signature
    inputs, outputs = text.split("->")
    kept = [re.findall(r"\(([^)]*)\)", re.sub(r"\[[^\]]*\],?", "", side)) for side in (inputs, outputs)]
    return "->".join(",".join(f"({axes})" for axes in side) for side in kept)


def _density(variable: Variable, places: Sequence[Variable], kind: str) -> Callable[..., Any]:
    def density(value: Any, *given: Any) -> Any:
        import pymc

        at = variable.type()
        graph = getattr(pymc, kind)(variable, at, warn_rvs=False)
        return Converter({at: value, **dict(zip(places, given, strict=True))}, _without_draws)(graph)

    return density


def _without_draws(convert: Converter, node: Any) -> Any:
    if any(type(i.type).__name__ == "RandomGeneratorType" for i in node.inputs):
        raise NotImplementedError(f"from_pymc: PyMC's density has a random variable in it, {type(node.op).__name__}.")
    return in_jax(convert, node)


def _draws(variable: Variable, places: Sequence[Variable]) -> Callable[..., np.ndarray]:
    def random(*given: Any, rng: Any = None, size: Any = None) -> np.ndarray:
        import pytensor
        import pytensor.tensor as pt

        node = origin(variable)
        own = node.op.size_param(node)
        generators = [i for i in node.inputs if type(i.type).__name__ == "RandomGeneratorType"]
        new: dict[Variable, Any] = {
            g: pytensor.shared(child) for g, child in zip(generators, rng.spawn(len(generators)), strict=True)
        }
        if own is not None and size is not None:
            new[own] = pt.constant(np.asarray(size, np.int64))
        draw = node.op.make_node(*(new.get(i, i) for i in node.inputs)).default_output()
        with pytensor.config.change_flags(mode="FAST_COMPILE"):
            return np.asarray(pytensor.function(list(places), draw, on_unused_input="ignore")(*given))

    return random
