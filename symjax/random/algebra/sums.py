"""Laws of sums: linear combinations, axis sums and means of independent normals.

They are those of Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 13.
"""

from __future__ import annotations

import math
from typing import Any

import symjax.tensor as T
from symjax.random.algebra._parts import combination, drawn, draws_of, fixed_in, fresh, is_nonzero, magnitude
from symjax.random.distributions.normal import Normal
from symjax.rewrite import Absorbed, p, rule, sum_law, variables

mu, sigma = variables("mu sigma")


@sum_law
def add_normals(terms: dict[Any, Any], node: Any) -> Any:
    """Σ cᵢ N(μᵢ, σᵢ) + d = N(Σ cᵢ μᵢ + d, √Σ (cᵢ σᵢ)²), summands independent, not all cᵢ zero."""
    normals = draws_of(terms, Normal)
    if not any(is_nonzero(terms[n]) for n in normals):
        return None
    fixed = fixed_in(terms)
    mean = combination([(terms[n], n.parents[0]) for n in normals] + [(terms[t], t) for t in fixed])
    scales = [magnitude(terms[n], n.parents[1]) for n in normals]
    scale = scales[0] if len(scales) == 1 else T.sqrt(combination((1, T.square(s)) for s in scales))
    return Absorbed((*normals, *fixed), fresh(Normal, mean, scale, like=node))


@rule(p.sum(drawn(Normal, mu, sigma, name="x")), kind="law")
def sum_of_normals(mu: Any, sigma: Any, x: Any, node: Any) -> Any:
    """Σⱼ N(μⱼ, σⱼ) = N(Σⱼ μⱼ, √Σⱼ σⱼ²), elements used nowhere else."""
    return _normal_sum(mu, sigma, x, node, 1.0)


@rule(p.mean(drawn(Normal, mu, sigma, name="x")), kind="law")
def mean_of_normals(mu: Any, sigma: Any, x: Any, node: Any) -> Any:
    """Σⱼ N(μⱼ, σⱼ) / n = N(Σⱼ μⱼ / n, √Σⱼ σⱼ² / n), elements used nowhere else."""
    return _normal_sum(mu, sigma, x, node, float(math.prod(x.shape[i] for i in node.settings["axis"])))


def _normal_sum(mu: Any, sigma: Any, x: Any, node: Any, n: float) -> Any:
    axis, keepdims = node.settings["axis"], node.settings.get("keepdims", False)
    if not math.prod(x.shape[i] for i in axis):
        return None
    mean = T.sum(T.broadcast_to(mu, x.shape), axis, keepdims=keepdims)
    scale = T.sqrt(T.sum(T.broadcast_to(T.square(sigma), x.shape), axis, keepdims=keepdims))
    return fresh(Normal, *((mean, scale) if n == 1 else (mean / n, scale / n)), like=node)
