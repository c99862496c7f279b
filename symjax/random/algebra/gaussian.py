"""Affine expressions of Normal and MvNormal draws, of any operations, as one Normal or MvNormal.

Every such expression is ``m + C z`` for independent standard Normals z, so its law is that of its mean and of ``C Cᵀ``; elements
that share no draw are independent. A draw whose mean is an affine expression of others is one more summand. See Kotz,
Balakrishnan, Johnson, Continuous Multivariate Distributions I, 2nd ed., section 45.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._node import Constant, Token
from symjax.core._shapes import is_static
from symjax.core._traverse import make, rebuild
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random.algebra._covariance import low_rank_of, scale_of
from symjax.random.algebra._dependence import Source, Structure, structure_of
from symjax.random.algebra._linear_maps import MAPS, PRODUCTS, NotMapped, Weights, each, joined, mapped, repeated
from symjax.random.distributions.bernoulli import Bernoulli
from symjax.random.distributions.low_rank_normal import LowRankMvNormal
from symjax.random.distributions.matrix_normal import MatrixNormal
from symjax.random.distributions.mv_normal import MvNormal
from symjax.random.distributions.normal import Normal
from symjax.rewrite import Replaced, cone_law
from symjax.rewrite._terms import op_name


def _of_normal(x: Any) -> list[tuple[Source, Weights]]:
    return [(Source(x.shape, 1, x.parents[1]), each(x.shape))]


def _of_mv_normal(x: Any) -> list[tuple[Source, Weights]]:
    return [(Source(x.shape, x.shape[-1], x.parents[1]), each(x.shape))]


def _of_low_rank_mv_normal(x: Any) -> list[tuple[Source, Weights]]:
    _, factor, sigma = x.parents
    q = factor.shape[-1]
    shared = each((*x.batch_shape, 1, q)).index[..., 0]
    index = np.broadcast_to(shared, (*x.shape, q))
    wide = T.reshape(factor, (*(1,) * (x.ndim + 1 - factor.ndim), *factor.shape))
    common = Source((*x.batch_shape, q), 1, T.constant(1.0))
    return [(Source(x.shape, 1, sigma), each(x.shape)), (common, Weights(index, np.ones(index.shape), wide, False))]


def _of_matrix_normal(x: Any) -> list[tuple[Source, Weights]]:
    rows, columns = x.parents[1:]
    m, n = x.shape[-2:]
    noise = T.einsum("...ik,...jl->...ijkl", rows, columns)
    noise = T.reshape(noise, (*noise.shape[:-4], m * n, m * n))
    return [(Source((*x.batch_shape, m * n), m * n, noise), each(x.shape))]


#: Families of Gaussian draws that are absorbed, all with their mean as first parameter, and what they are made of besides.
SOURCES: dict[Distribution, Callable[[Any], list[tuple[Source, Weights]]]] = {
    Normal: _of_normal,
    MvNormal: _of_mv_normal,
    LowRankMvNormal: _of_low_rank_mv_normal,
    MatrixNormal: _of_matrix_normal,
}
#: Elements of one value above which a covariance matrix costs more than it gives.
MAX_EVENT = 512


@cone_law(*MAPS)
def affine_of_gaussians(root: Any, engine: Any) -> Any:
    """m + Σᵢ Cᵢ zᵢ, zᵢ ~ N(μᵢ, Σᵢ) independent, = N(m + Σ Cᵢ μᵢ, Σ Cᵢ Σᵢ Cᵢᵀ), where that is regular."""
    found = _affine(root, root, engine)
    if found is None or _is_as_simple(root, *found):
        return None
    members, dependence, has_others = found
    structure = _structure(root, dependence)
    if structure is None:
        return None
    # what is random and stays is added to a centred draw
    mean = _mean(root, members)
    drawn = _law(root, structure, T.zeros_like(mean) if has_others else mean)
    return Replaced(members, mean + drawn if has_others else drawn)


@cone_law("less", "less_equal", "greater", "greater_equal")
def comparison_of_gaussians(root: Any, engine: Any) -> Any:
    """[X < Y] = Bernoulli(Φ(−μ/σ)) for X − Y ~ N(μ, σ), elements independent."""
    if op_name(root) not in ("less", "less_equal", "greater", "greater_equal"):
        return None
    a, b = root.parents if op_name(root).startswith("less") else root.parents[::-1]
    difference = T.subtract(a, b)
    found = _affine(difference, root, engine)
    if found is None:
        return None
    members, dependence, has_others = found
    structure = None if has_others else _structure(difference, dependence)
    if structure is None or structure.size > 1:
        return None
    z = _mean(difference, members) / scale_of(structure)
    return Replaced(members, _draw(Bernoulli, root.shape, root.dtype, T.log_ndtr(-z) - T.log_ndtr(z)))


def _affine(node: Any, root: Any, engine: Any) -> tuple[frozenset[Any], dict[Source, list[Weights]], bool] | None:
    """What a node on the operands of `root` can absorb, the weights of its draws, and whether other random terms are in it."""
    if node.dtype.kind != "f" or not is_static(node.shape) or not math.prod(node.shape):
        return None
    members = engine.absorbable_below(root, lambda n: _operands(node if n is root else n, engine))
    if not any(isinstance(n, RandomVariable) for n in members):
        return None
    try:
        dependence, has_others = _dependence(node, members, engine)
    except NotMapped:
        return None
    return (frozenset(members), dependence, has_others) if dependence else None


def _structure(node: Any, dependence: dict[Source, list[Weights]]) -> Structure | None:
    try:
        found = structure_of(node.shape, dependence)
    except NotMapped:
        return None
    return found if found is not None and (found.size <= MAX_EVENT or low_rank_of(found) is not None) else None


def _is_gaussian(node: Any) -> bool:
    return isinstance(node, RandomVariable) and node.distribution in SOURCES


def _operands(node: Any, engine: Any) -> list[Any]:
    """The Gaussian draws and operations that a node is linear in, once per use."""
    if _is_gaussian(node):
        found = [p for p in node.parents[:1] if engine.is_random(p)]
    elif op_name(node) not in MAPS or isinstance(node, RandomVariable):
        return []
    else:
        found = [p for p in node.parents if engine.is_random(p)]
        name = op_name(node)
        if (name in PRODUCTS and len(found) != 1) or (name == "divide" and found[0] is not node.parents[0]):
            return []
        fixed = node.parents[1:] if name == "getitem" else node.parents[:1] if name == "where" else ()
        if not all(isinstance(p, Constant) for p in fixed):
            return []
    return [p for p in found if p.dtype == node.dtype and is_static(p.shape) and math.prod(p.shape) and _is_looked_through(p)]


def _is_looked_through(node: Any) -> bool:
    return _is_gaussian(node) or (not isinstance(node, RandomVariable) and op_name(node) in MAPS)


def _ordered(root: Any, members: Iterable[Any]) -> list[Any]:
    """The members below a root, each after those that it uses, and the root."""
    members = set(members)
    order: list[Any] = []
    seen: set[Any] = set()
    stack = [(root, False)]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((p, False) for p in node.parents if p in members)
    return order


def _dependence(root: Any, members: Iterable[Any], engine: Any) -> tuple[dict[Source, list[Weights]], bool]:
    """Weights of the draws in the root's elements, and whether other random terms are in them."""
    found: dict[Any, dict[Source, list[Weights]]] = {}
    has_others = False
    for node in _ordered(root, members):
        parts: dict[Source, list[Weights]] = {}
        gaussian = _is_gaussian(node)
        for place, p in enumerate(node.parents):
            if p not in members:
                has_others = has_others or (engine.is_random(p) and not (gaussian and place))
                continue
            pick = repeated(p, node.shape) if gaussian else MAPS[op_name(node)](node, place)
            if pick is None:
                raise NotMapped
            for source, weights in found[p].items():
                parts.setdefault(source, []).extend(mapped(pick, w, engine.facts) for w in weights)
        found[node] = {source: joined(weights) for source, weights in parts.items()}
        if gaussian:
            found[node].update({source: [weights] for source, weights in SOURCES[node.distribution](node)})
    return found[root], has_others


def _is_as_simple(root: Any, members: frozenset[Any], dependence: dict[Source, list[Weights]], has_others: bool) -> bool:
    """Whether the expression is already what the law would make of it, or what densities take apart element by element."""
    draws = [n for n in (*members, root) if isinstance(n, RandomVariable)]
    if len(draws) > 1:
        return False
    # a draw's first source has its elements
    weights, [draw] = next(iter(dependence.values())), draws
    if len(weights) != 1 or weights[0].factor is not None or weights[0].index.shape[-1] != 1:
        chain = all(sum(p in members for p in n.parents) == 1 for n in (*members, root) if not isinstance(n, RandomVariable))
        return chain and any(op_name(n) == "cumsum" for n in (*members, root)) and _is_invertible((*members, root))
    places = weights[0].index.ravel()
    is_permutation = len(places) == math.prod(draw.shape) and bool(np.all(np.sort(places) == np.arange(len(places))))
    if is_permutation and draw.distribution is MatrixNormal:
        return True
    if not is_permutation or not bool(np.all(weights[0].value == 1)):
        return False
    if draw.distribution.event_ndim:
        return has_others or all(_only_moves(n) for n in (*members, root))
    return has_others and draw.shape == root.shape and bool(np.all(places == np.arange(len(places))))


def _only_moves(node: Any) -> bool:
    return isinstance(node, RandomVariable) or op_name(node) in ("reshape", "transpose")


def _is_invertible(nodes: Iterable[Any]) -> bool:
    kept = {"cumsum", "add", "subtract", "negative", "multiply", "divide", "reshape", "transpose"}
    return all(isinstance(n, RandomVariable) or op_name(n) in kept for n in nodes)


def _mean(root: Any, members: frozenset[Any]) -> Any:
    """The expression with its draws at their means."""
    new: dict[Any, Any] = {}
    for node in _ordered(root, members):
        parents = [new.get(p, p) for p in node.parents]
        if _is_gaussian(node):
            new[node] = T.broadcast_to(parents[0], node.shape)
        else:
            new[node] = rebuild(node, parents)
    return new[root]


def _law(root: Any, structure: Structure, mean: Any) -> Any:
    """The draw of a mean and a covariance, with its elements in their places."""
    if structure.size == 1:
        return _draw(Normal, root.shape, root.dtype, mean, scale_of(structure))
    order = (*structure.batch_axes, *structure.event_axes)
    batch = tuple(root.shape[i] for i in structure.batch_axes)
    event = tuple(root.shape[i] for i in structure.event_axes)
    located = T.reshape(T.transpose(mean, order), (*batch, structure.size))
    low_rank = low_rank_of(structure)
    parameters = [scale_of(structure)] if low_rank is None else low_rank
    # a first axis of cells, where there is one, is the batch
    parameters = [T.reshape(t, (*batch, *t.shape[1:])) if t.ndim + i > 2 else t for i, t in enumerate(parameters)]
    drawn = _draw(MvNormal if low_rank is None else LowRankMvNormal, (*batch, structure.size), root.dtype, located, *parameters)
    return T.transpose(T.reshape(drawn, (*batch, *event)), tuple(int(i) for i in np.argsort(order)))


def _draw(distribution: Distribution, shape: Any, dtype: Any, *parameters: Any) -> Any:
    params = {"shape": tuple(shape), "dtype": dtype}
    return make(distribution.operator, list(parameters), params, token=Token(), kind=RandomVariable)
