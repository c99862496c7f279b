"""Laws that have no counterpart here: PyMC's own density and draws."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pytensor.graph.basic import Variable

import symjax.random as R
from symjax.pmc_bridge._from_pymc._graph import Converter


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
    params = [p for p in node.op.dist_params(node) if p is not None]
    variable = node.default_output()
    if "shape" not in own and "size" not in own:
        own["shape"] = tuple(int(n) for n in variable.shape.eval())
    return R.CustomDist(
        *convert.all(params),
        logp=_density(convert, variable, params, "logp"),
        logcdf=_density(convert, variable, params, "logcdf"),
        random=_draws(node, params),
        signature=_signature(node.op),
        dtype=variable.type.dtype if variable.type.dtype.startswith(("int", "uint", "bool")) else "floatX",
        class_name=type(node.op).__name__.removesuffix("RV"),
        **own,
    )


def _signature(op: Any) -> str:
    """The axes of parameters and of one value, without those of generators and sizes."""
    text = getattr(op, "extended_signature", None) or op.signature
    inputs, outputs = text.split("->")
    kept = [re.findall(r"\(([^)]*)\)", re.sub(r"\[[^\]]*\],?", "", side)) for side in (inputs, outputs)]
    return "->".join(",".join(f"({axes})" for axes in side) for side in kept)


def _density(convert: Converter, variable: Variable, params: Sequence[Variable], kind: str) -> Callable[..., Any]:
    def density(value: Any, *given: Any) -> Any:
        import pymc

        place = variable.type()
        graph = getattr(pymc, kind)(variable, place, warn_rvs=False)
        return Converter({place: value, **dict(zip(params, given, strict=True))}, convert.otherwise)(graph)

    return density


def _draws(node: Any, params: Sequence[Variable]) -> Callable[..., np.ndarray]:
    def random(*given: Any, rng: Any = None, size: Any = None) -> np.ndarray:
        import pytensor

        places = [p.type() for p in params]
        generators = [i for i in node.inputs if type(i.type).__name__ == "RandomGeneratorType"]
        new = {g: pytensor.shared(np.random.default_rng(child)) for g, child in zip(generators, rng.spawn(len(generators)))}
        new |= dict(zip(params, places, strict=True))
        own = node.op.size_param(node)
        draw = node.op.make_node(*(_sized(i, own, size) if i is own else new.get(i, i) for i in node.inputs)).default_output()
        with pytensor.config.change_flags(mode="FAST_COMPILE"):
            return np.asarray(pytensor.function(places, draw, on_unused_input="ignore")(*given))

    return random


def _sized(variable: Variable, own: Any, size: Any) -> Any:
    import pytensor.tensor as pt

    return variable if size is None else pt.constant(np.asarray(size, np.int64))
