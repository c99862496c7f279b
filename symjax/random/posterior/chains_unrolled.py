"""Chains written as one variable for each step: found by their laws, and what all steps have alike put into one array.

A loop that makes ``z[t] = Categorical(P[z[t - 1]])`` makes factors that differ in the step alone. Written once, with the steps
along a new first axis, they cost as much as those of a chain that is one variable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import constant
from symjax.core._node import Constant, Token
from symjax.core._traverse import make, toposort
from symjax.random._draw import RandomVariable
from symjax.random.posterior._joint import Factor, Joint, Latent, law_factor
from symjax.random.posterior.discrete_places import WHOLE, index_axes
from symjax.tensor._index import ARRAY, GETITEM, decode

SHORTEST = 6


class Unlike(Exception):
    """Factors that differ in more than the step."""


def unrolled_chains(joint: Joint, bounds: Mapping[Latent, tuple[np.ndarray, np.ndarray]]) -> list[list[Latent]]:
    """Runs of finite latents each of which has a law that depends on the one before, the longest first."""
    before: dict[Latent, Latent] = {}
    after: dict[Latent, list[Latent]] = {}
    for z in bounds:
        prior = joint.prior_of(z)
        others = [w for w in prior.latents if w in bounds and w is not z] if prior is not None else []
        if len(others) == 1 and _is_alike(z, others[0], bounds):
            before[z] = others[0]
            after.setdefault(others[0], []).append(z)
    starts = [z for z in bounds if z not in before or len(after[before[z]]) > 1]
    chains = []
    for z in starts:
        chain = [z]
        while len(after.get(chain[-1], ())) == 1:
            chain += after[chain[-1]]
        chains.append(chain)
    return sorted((c for c in chains if len(c) >= SHORTEST), key=len, reverse=True)


def _is_alike(a: Latent, b: Latent, bounds: Mapping[Latent, tuple[np.ndarray, np.ndarray]]) -> bool:
    ends = zip(bounds[a], bounds[b], strict=True)
    return a.shape == b.shape and all(x.min() == x.max() == y.min() == y.max() for x, y in ends)


def in_arrays(factors: Sequence[Factor], chain: Sequence[Latent]) -> list[Factor]:
    """The factors of a chain, those that differ in the step alone as one."""
    steps = {z: t for t, z in enumerate(chain)}
    groups: dict[Any, list[Factor]] = {}
    for f in factors:
        touched = sorted(steps[z] for z in f.latents if z in steps)
        key: Any = id(f)
        if f.law is not None and len(touched) <= 2:
            key = (f.distribution, f.term.shape, len(touched), touched[-1] - touched[0], _operations(f))
        groups.setdefault(key, []).append(f)
    found: list[Factor] = []
    for group in groups.values():
        try:
            found += [_as_one(group)] if len(group) > 1 else group
        except Unlike:
            found += group
    return found


def _operations(factor: Factor) -> tuple[str, ...]:
    """What a law's value and parameters are made by."""
    assert factor.law is not None
    nodes = toposort([factor.value, *factor.law.parents])
    return tuple(n.fn_name or type(n).__name__ for n in nodes if not isinstance(n, Constant))


def _as_one(group: Sequence[Factor]) -> Factor:
    """Factors of one family as one factor with a new first axis.

    Raises
    ------
    Unlike
        If they differ in more than constants, latents and places.
    """
    law, n = group[0].law, len(group)
    assert law is not None
    laws = [f.law for f in group]
    joined = _Joined()
    parents = []
    for k, spec in enumerate(law.distribution.parameters.values()):
        node, is_batch = joined([other.parents[k] for other in laws])  # type: ignore[union-attr]
        own = law.parents[k]
        parents.append(_padded(node, own.ndim, len(law.batch_shape) + spec.ndim) if is_batch else node)
    value, is_batch = joined([f.value for f in group])
    value = _padded(value, group[0].value.ndim, law.ndim) if is_batch else value
    value = T.broadcast_to(value, (n, *law.shape))
    params = {**law.settings, "shape": (n, *law.shape)}
    whole = make(law.op, parents, params, token=Token(), kind=RandomVariable, name=law.name)  # type: ignore[arg-type]
    return law_factor(group[0].name, whole, value)


def _padded(node: Any, own: int, ndim: int) -> Any:
    """A node with a first axis of steps and `own` axes, as one with `ndim` axes after the first."""
    return T.reshape(node, (node.shape[0], *(1,) * (ndim - own), *node.shape[1:]))


def _is_number(node: Any) -> bool:
    return isinstance(node, Constant) or (node.op is GETITEM and all(isinstance(p, Constant) for p in node.parents))


def _number(node: Any) -> np.ndarray:
    """The value of a constant, or of a part of one."""
    if isinstance(node, Constant):
        return np.asarray(node.value)
    x, *arrays = (np.asarray(p.value) for p in node.parents)
    return np.asarray(x[decode(node.settings["index"], arrays)])


class _Joined:
    """One expression from several that differ in the step alone: a node, and whether it has a first axis of steps."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, ...], tuple[Any, bool]] = {}

    def __call__(self, nodes: Sequence[Any]) -> tuple[Any, bool]:
        key = tuple(map(id, nodes))
        if key not in self.known:
            self.known[key] = self._join(nodes)
        return self.known[key]

    def _join(self, nodes: Sequence[Any]) -> tuple[Any, bool]:
        first = nodes[0]
        if all(n is first for n in nodes):
            return first, False
        if any(n.shape != first.shape or n.dtype != first.dtype for n in nodes):
            raise Unlike
        if all(isinstance(n, Latent) for n in nodes):
            return T.stack(list(nodes)), True
        if all(_is_number(n) for n in nodes):
            values = [_number(n) for n in nodes]
            alike = all(np.array_equal(v, values[0], equal_nan=True) for v in values)
            return (first, False) if alike else (constant(np.stack(values)), True)
        if any(n.op is None or n.op is not first.op or len(n.parents) != len(first.parents) for n in nodes):
            raise Unlike
        if any(n.params != first.params for n in nodes):
            return self._places(nodes), True
        parts = [self([n.parents[k] for n in nodes]) for k in range(len(first.parents))]
        if not any(is_batch for _, is_batch in parts):
            return first, False
        return self._applied(first, parts), True

    def _applied(self, first: Any, parts: Sequence[tuple[Any, bool]]) -> Any:
        if first.op.elementwise:
            operands = [
                _padded(node, own.ndim, first.ndim) if is_batch else node
                for (node, is_batch), own in zip(parts, first.parents, strict=True)
            ]
            return make(first.op, operands, first.params)
        template: tuple[Any, ...] = first.settings["index"] if first.op is GETITEM else ()
        (x, is_batch), *indices = parts
        if template and not indices:
            return make(GETITEM, [x], {"index": (WHOLE, *template)})
        if len(indices) == 1 and not is_batch and template[0] == ARRAY:
            return make(GETITEM, [x, indices[0][0]], first.params)
        raise Unlike

    def _places(self, nodes: Sequence[Any]) -> Any:
        """Elements of one array, each step's at its own place."""
        first = nodes[0]
        templates = [n.settings.get("index", ()) for n in nodes]
        if first.op is not GETITEM or any(n.parents[0] is not first.parents[0] or len(n.parents) > 1 for n in nodes):
            raise Unlike
        if len({len(t) for t in templates}) > 1:
            raise Unlike
        different = [k for k in range(len(templates[0])) if len({t[k] for t in templates}) > 1]
        if len(different) != 1 or not all(isinstance(t[different[0]], int) for t in templates):
            raise Unlike
        [k] = different
        template = (*templates[0][:k], ARRAY, *templates[0][k + 1 :])
        picked = make(GETITEM, [first.parents[0], constant(np.array([t[k] for t in templates]))], {"index": template})
        return T.moveaxis(picked, index_axes(template, first.parents[0].ndim)[1], 0)
