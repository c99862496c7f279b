"""Laws of multinomial counts: sums, components and groups of categories.

They are those of Johnson, Kotz, Balakrishnan, Discrete Multivariate Distributions, ch. 35, sections 2, 5 and 13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._shapes import is_static
from symjax.random._sameness import identity
from symjax.random.algebra._groups import is_draw_of, joint_law
from symjax.random.algebra._parts import combination, draws_of, fresh, is_one
from symjax.random.distributions.bernoulli import Binomial
from symjax.random.distributions.beta_binomial import BetaBinomial
from symjax.random.distributions.categorical import Multinomial
from symjax.random.distributions.dirichlet_multinomial import DirichletMultinomial
from symjax.rewrite import Absorbed, Replaced, cone_law, sum_law
from symjax.rewrite._terms import op_name

_WHOLE = ("slice", None, None, None)


@sum_law
def add_multinomials(terms: dict[Any, Any], node: Any) -> Any:
    """Σ Multinomial(nᵢ, p) = Multinomial(Σ nᵢ, p), summands independent."""
    alike: dict[Any, list[Any]] = {}
    for x in draws_of(terms, Multinomial):
        if is_one(terms[x]):
            alike.setdefault(identity(x.parents[1]), []).append(x)
    group = next((g for g in alike.values() if len(g) > 1), None)
    if group is None:
        return None
    return Absorbed(tuple(group), fresh(Multinomial, combination((1, x.parents[0]) for x in group), group[0].parents[1], like=node))


@joint_law("", "sum", Multinomial)
def sum_of_multinomials(group: Any) -> Any:
    """Σⱼ Multinomial(nⱼ, p) = Multinomial(Σⱼ nⱼ, p), vectors used nowhere else."""
    x, chances = group.x, group.common(1)
    if chances is None or x.ndim - 1 in group.axes:
        return None
    return group.draw(Multinomial, T.sum(T.broadcast_to(x.parents[0], x.shape[:-1]), group.axes, keepdims=group.keepdims), chances)


@cone_law("getitem", "add", "sum")
def categories_of_multinomial(root: Any, engine: Any) -> Any:
    """Σ Multinomial(n, p)ᵢ over some categories i = Binomial(n, Σ pᵢ), the other categories j used nowhere.

    Σ DirichletMultinomial(n, a)ᵢ = BetaBinomial(Σ aᵢ, Σ aⱼ, n).
    """
    found = _categories(root)
    if found is None:
        return None
    x, chosen, members = found
    if len(set(chosen)) < len(chosen) or not 0 < len(chosen) < x.shape[-1] or root.dtype != x.dtype or root.shape != x.shape[:-1]:
        return None
    if engine.absorbable(root, members | {x}) != members - {root} | {x}:
        return None
    n, weights = x.parents
    share = T.sum(weights[..., np.array(chosen)], -1)
    rest = T.sum(weights[..., np.setdiff1d(np.arange(x.shape[-1]), chosen)], -1)
    if x.distribution is Multinomial:
        result = fresh(Binomial, n, T.log(share) - T.log(rest), like=root)
    else:
        result = fresh(BetaBinomial, share, rest, n, like=root)
    return Replaced(frozenset(members - {root} | {x}), result)


def _categories(root: Any) -> tuple[Any, list[int], set[Any]] | None:
    """The draw, the categories that are summed, and the nodes in between; None if `root` is no such sum."""
    chosen: list[int] = []
    members: set[Any] = set()
    draws: set[Any] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        members.add(node)
        if op_name(node) == "add":
            stack.extend(node.parents)
            continue
        if op_name(node) == "sum":
            if node.settings["axis"] != (node.parents[0].ndim - 1,) or node.settings.get("keepdims", False):
                return None
            node = node.parents[0]
            members.add(node)
            picked = _picked(node, several=True)
        else:
            picked = _picked(node, several=False)
        if picked is None:
            return None
        draws.add(node.parents[0])
        chosen += picked
    return (draws.pop(), chosen, members) if len(draws) == 1 else None


def _picked(node: Any, several: bool) -> list[int] | None:
    """The categories that an index takes of a multinomial draw, all other axes being whole."""
    if op_name(node) != "getitem" or len(node.parents) != 1 or not is_draw_of(node.parents[0], (Multinomial, DirichletMultinomial)):
        return None
    [x] = node.parents
    if not is_static(x.shape):
        return None
    template = node.settings["index"]
    if "ellipsis" in template:
        at = template.index("ellipsis")
        template = (*template[:at], *[_WHOLE] * (x.ndim - len(template) + 1), *template[at + 1 :])
    if len(template) != x.ndim or any(e != _WHOLE for e in template[:-1]):
        return None
    last = template[-1]
    if isinstance(last, int) and not several:
        return [range(x.shape[-1])[last]]
    if isinstance(last, tuple) and last[0] == "slice" and several:
        return list(range(x.shape[-1]))[slice(*last[1:])]
    return None
