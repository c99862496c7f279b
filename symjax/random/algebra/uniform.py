"""Laws of functions of Uniform variables, and of functions that make variables Uniform.

They are the inversions of the cdfs of the laws that result: Devroye, Non-Uniform Random Variate Generation, 1986, section II.2.
"""

from __future__ import annotations

import math
from typing import Any

import symjax.tensor as T
from symjax.core._node import RandomOp
from symjax.core._traverse import toposort
from symjax.random.algebra._groups import is_draw_of
from symjax.random.algebra._parts import drawn, fresh
from symjax.random.distributions.cauchy import Cauchy
from symjax.random.distributions.exponential import Exponential
from symjax.random.distributions.logistic import Logistic
from symjax.random.distributions.logit_normal import LogitNormal
from symjax.random.distributions.normal import Normal
from symjax.random.distributions.uniform import Uniform
from symjax.rewrite import Replaced, cone_law, p, rule, variables
from symjax.rewrite._pattern import scalar_value
from symjax.rewrite._terms import op_name

lower, upper, mu, sigma, u = variables("lower upper mu sigma u")


def _standard(distribution: Any, like: Any) -> Any:
    return fresh(distribution, T.constant(0.0), T.constant(1.0), like=like)


@rule(p.log(drawn(Uniform, 0, upper)), kind="law")
def log_of_uniform(upper: Any, node: Any) -> Any:
    """log(Uniform(0, b)) = log b − Exponential(1)."""
    draw = fresh(Exponential, T.constant(1.0), like=node)
    return -draw if scalar_value(upper) == 1 else T.log(upper) - draw


@rule(p.log1p(drawn(Uniform, -1, 0)), kind="law")
def log1p_of_uniform(node: Any) -> Any:
    """log(1 + Uniform(−1, 0)) = −Exponential(1)."""
    return -fresh(Exponential, T.constant(1.0), like=node)


@rule(p.logit(drawn(Uniform, 0, 1)), kind="law")
def logit_of_uniform(node: Any) -> Any:
    """logit(Uniform(0, 1)) = Logistic(0, 1)."""
    return _standard(Logistic, node)


@cone_law("subtract")
def log_odds_of_uniform(root: Any, engine: Any) -> Any:
    """log U − log(1 − U) = Logistic(0, 1), U = Uniform(0, 1); the negative of it too."""
    if op_name(root) != "subtract":
        return None
    sides = sorted(root.parents, key=op_name)
    if [op_name(n) for n in sides] != ["log", "log1p"]:
        return None
    log, log1p = sides
    [x], [negative] = log.parents, log1p.parents
    members = {log, log1p, x, negative}
    if op_name(negative) != "negative" or negative.parents[0] is not x or not _is_unit(x):
        return None
    if x.shape != root.shape or x.dtype != root.dtype or engine.absorbable(root, members) != members:
        return None
    return Replaced(frozenset(members), _standard(Logistic, root))


@cone_law("divide")
def odds_of_uniform(root: Any, engine: Any) -> Any:
    """U / (1 − U) = (1 − U) / U = exp(Logistic(0, 1)), U = Uniform(0, 1)."""
    if op_name(root) != "divide":
        return None
    for x, rest in (root.parents, root.parents[::-1]):
        members = {x, rest}
        if not _is_unit(x) or op_name(rest) != "subtract" or rest.parents[1] is not x or scalar_value(rest.parents[0]) != 1:
            continue
        if x.shape == root.shape and x.dtype == root.dtype and engine.absorbable(root, members) == members:
            return Replaced(frozenset(members), T.exp(_standard(Logistic, root)))
    return None


@cone_law("quantile_of")
def quantile_at_uniform(root: Any, engine: Any) -> Any:
    """F⁻¹(Uniform(0, 1)) has the law whose cdf is F: `R.icdf` at a Uniform variable."""
    if op_name(root) != "quantile_of":
        return None
    formula, q, *parameters = root.parents
    family = root.settings["distribution"]
    if not _is_unit(q) or q.shape != root.shape or root.dtype.kind not in ("if" if family.is_discrete else "f"):
        return None
    members = {n for n in toposort([formula]) if engine.is_random(n)} | {q}
    alone = all(n is q or not isinstance(n, RandomOp) for n in members)
    if not alone or engine.absorbable(root, members) != members:
        return None
    return Replaced(frozenset(members), fresh(family, *parameters, like=root))


def _is_unit(x: Any) -> bool:
    return is_draw_of(x, (Uniform,)) and scalar_value(x.parents[0]) == 0 and scalar_value(x.parents[1]) == 1


@rule(p.tan(drawn(Uniform, lower, upper)), kind="law")
def tan_of_uniform(lower: Any, upper: Any, node: Any) -> Any:
    """tan(Uniform(a, a + π)) = Cauchy(0, 1)."""
    a, b = scalar_value(lower), scalar_value(upper)
    # bounds are multiples of π as far as they can be told apart
    if a is None or b is None or abs(b - a - math.pi) > 4 * math.ulp(max(abs(a), abs(b))):
        return None
    return _standard(Cauchy, node)


@rule(p.arctan(drawn(Cauchy, 0, 1)), kind="law")
def arctan_of_cauchy(node: Any) -> Any:
    """arctan(Cauchy(0, 1)) = Uniform(−π/2, π/2)."""
    return fresh(Uniform, T.constant(-math.pi / 2), T.constant(math.pi / 2), like=node)


@rule(p.ndtri(drawn(Uniform, 0, 1)), kind="law")
def ndtri_of_uniform(node: Any) -> Any:
    """Φ⁻¹(Uniform(0, 1)) = N(0, 1)."""
    return _standard(Normal, node)


@rule(p.ndtr(drawn(Normal, 0, 1)), kind="law")
def ndtr_of_normal(node: Any) -> Any:
    """Φ(N(0, 1)) = Uniform(0, 1)."""
    return _standard(Uniform, node)


@rule(p.erfinv(drawn(Uniform, -1, 1)), kind="law")
def erfinv_of_uniform(node: Any) -> Any:
    """erf⁻¹(Uniform(−1, 1)) = N(0, 1/√2)."""
    return fresh(Normal, T.constant(0.0), T.constant(math.sqrt(0.5)), like=node)


@rule(p.sigmoid(drawn(Logistic, 0, 1)), kind="law")
def sigmoid_of_logistic(node: Any) -> Any:
    """1 / (1 + exp(−Logistic(0, 1))) = Uniform(0, 1)."""
    return _standard(Uniform, node)


@rule(p.sigmoid(drawn(Normal, mu, sigma)), kind="law")
def sigmoid_of_normal(mu: Any, sigma: Any, node: Any) -> Any:
    """1 / (1 + exp(−N(μ, σ))) = LogitNormal(μ, σ)."""
    return fresh(LogitNormal, mu, sigma, like=node)


@rule(p.logit(drawn(LogitNormal, mu, sigma)), kind="law")
def logit_of_logit_normal(mu: Any, sigma: Any, node: Any) -> Any:
    """logit(LogitNormal(μ, σ)) = N(μ, σ)."""
    return fresh(Normal, mu, sigma, like=node)
