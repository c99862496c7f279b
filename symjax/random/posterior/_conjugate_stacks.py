"""Stacks of latents as choices: what is read of one of them is where its place is."""

from __future__ import annotations

from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._traverse import depends_on, make, rebuild, toposort, transform
from symjax.random.posterior._conjugate_forms import MOVES


def unstacked(term: Any, z: Any) -> Any:
    """An expression in which a latent enters no stack, but a `where` by its place in it.

    Operations that move elements of the stack are done to the parts of the choice.
    """
    above = depends_on([term], {z})
    if not any(n.fn_name == "stack" for n in toposort([term]) if n in above):
        return term
    choices: set[Any] = set()

    def visit(node: Any, parents: tuple[Any, ...]) -> Any:
        if node not in above or not parents:
            return node
        if node.fn_name == "stack":
            found = _choice(node, parents, [i for i, p in enumerate(node.parents) if p in above])
        elif node.fn_name in MOVES and parents[0] in choices:
            source, rest = parents[0], parents[1:]
            found = T.where(*(make(node.op, [T.broadcast_to(p, source.shape), *rest], node.params) for p in source.parents))
        else:
            return rebuild(node, parents)
        if found is not None:
            choices.add(found)
        return rebuild(node, parents) if found is None else found

    return transform([term], visit)[0]


def _choice(node: Any, parents: tuple[Any, ...], places: list[int]) -> Any:
    """A stack of which one part depends on the latent as a choice between that part and the others; else None."""
    if len(places) != 1:
        return None
    [i] = places
    axis = node.settings["axis"] % node.ndim
    here = np.arange(node.shape[axis]) == i
    mask = np.broadcast_to(here.reshape([-1 if a == axis else 1 for a in range(node.ndim)]), node.shape)
    part = T.broadcast_to(T.expand_dims(parents[i], axis), node.shape)
    # a stand-in that is in the domain of every function
    others = [T.constant(np.full(p.shape, 0.5, p.dtype)) if k == i else p for k, p in enumerate(parents)]
    return T.where(T.constant(mask), part, make(node.op, others, node.params))
