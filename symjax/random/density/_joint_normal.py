"""The joint density of expressions that are jointly Gaussian."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import symjax.tensor as T
from symjax.core._shapes import is_static, size_of
from symjax.core._traverse import toposort
from symjax.random._draw import RandomVariable
from symjax.random.density._log_density import is_draw
from symjax.random.distributions.low_rank_normal import LowRankMvNormal
from symjax.random.distributions.mv_normal import MvNormal, whitened
from symjax.rewrite import canonicalize

#: Elements up to which a covariance of low rank plus a diagonal is written out, so that it can be split.
_MAX_DENSE = 512


def joint_normal_terms(known: Mapping[Any, Any]) -> dict[Any, Any] | None:
    """Log densities of expressions at their values, each given those before it, where all together are one regular MvNormal vector.

    None if they are not, as far as the laws of rewriting tell.
    """
    nodes = list(known)
    if any(n.dtype.kind != "f" or n.dtype != nodes[0].dtype or not is_static(n.shape) for n in nodes):
        return None
    joint = canonicalize(T.concatenate([T.ravel(n) for n in nodes]))
    if not isinstance(joint, RandomVariable) or joint.ndim != 1 or any(is_draw(n) for n in toposort(joint.parents)):
        return None
    if joint.distribution is MvNormal:
        mu, chol = joint.parents
    elif joint.distribution is LowRankMvNormal and joint.shape[0] <= _MAX_DENSE:
        mu, factor, sigma = joint.parents
        chol = T.cholesky(T.matmul(factor, T.transpose(factor)) + T.diag(T.square(sigma)))
    else:
        return None
    z = whitened(chol, T.concatenate([T.ravel(v) for v in known.values()]) - mu)
    each = -0.5 * z**2 - T.log(T.diagonal(chol)) - 0.5 * math.log(2 * math.pi)
    terms, start = {}, 0
    for n in nodes:
        stop = start + size_of(n.shape)
        terms[n] = T.sum(each[start:stop])
        start = stop
    return terms
