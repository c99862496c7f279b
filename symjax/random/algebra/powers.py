"""Laws of powers, products and ratios of positive variables, and of their reductions by products.

They are those of Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 14 (LogNormal), 16 (Cauchy), 17
(Gamma and its inverse), 20 (Pareto), 21 (Weibull), and of Jones, Statistical Methodology 6, 2009 (Kumaraswamy).
"""

from __future__ import annotations

from typing import Any

import symjax.tensor as T
from symjax.random._draw import RandomVariable
from symjax.random._sameness import identity
from symjax.random.algebra._groups import joint_law
from symjax.random.algebra._maps_of_draws import POWERS, Power, power_law
from symjax.random.algebra._parts import combination, fresh, is_nonzero, is_one, scaled
from symjax.random.distributions.beta import Beta
from symjax.random.distributions.cauchy import Cauchy, HalfCauchy
from symjax.random.distributions.exponential import Exponential
from symjax.random.distributions.gamma import ChiSquared, Gamma, InverseGamma
from symjax.random.distributions.kumaraswamy import Kumaraswamy
from symjax.random.distributions.log_normal import LogNormal
from symjax.random.distributions.pareto import Pareto
from symjax.random.distributions.uniform import Uniform
from symjax.random.distributions.weibull import Weibull
from symjax.rewrite import Replaced, cone_law
from symjax.rewrite._pattern import scalar_value
from symjax.rewrite._terms import op_name

ONE = 1.0


def _is(p: Power, value: float) -> bool:
    return scalar_value(p.exponent) == value


@power_law(Gamma)
def reciprocal_of_gamma(p: Power, alpha: Any, beta: Any) -> Any:
    """1 / Gamma(α, β) = InverseGamma(α, β)."""
    return fresh(InverseGamma, alpha, beta, like=p.x) if _is(p, -1) else None


@power_law(ChiSquared)
def reciprocal_of_chi_squared(p: Power, nu: Any) -> Any:
    """1 / χ²(ν) = InverseGamma(ν / 2, 1/2)."""
    return fresh(InverseGamma, nu / 2, 0.5, like=p.x) if _is(p, -1) else None


@power_law(InverseGamma)
def reciprocal_of_inverse_gamma(p: Power, alpha: Any, beta: Any) -> Any:
    """1 / InverseGamma(α, β) = Gamma(α, β)."""
    return fresh(Gamma, alpha, beta, like=p.x) if _is(p, -1) else None


@power_law(Exponential)
def powers_of_exponential(p: Power, lam: Any) -> Any:
    """Exponential(λ)^p = Weibull(1/p, λ^−p), p > 0; InverseGamma(1, λ), p = −1."""
    if _is(p, -1):
        return fresh(InverseGamma, ONE, lam, like=p.x)
    # a scale that is the root of an exponential variable is left to the laws of compounds
    if p.feeds_draw:
        return None
    return fresh(Weibull, 1 / p.exponent, lam**-p.exponent, like=p.x) if p.sign > 0 else None


@power_law(Weibull)
def powers_of_weibull(p: Power, alpha: Any, beta: Any) -> Any:
    """Weibull(α, β)^p = Weibull(α/p, β^p), p > 0; Exponential(β^−α), p = α."""
    if p.sign < 0:
        return None
    if identity(alpha) == identity(p.exponent):
        return fresh(Exponential, beta**-alpha, like=p.x)
    return fresh(Weibull, alpha / p.exponent, beta**p.exponent, like=p.x)


@power_law(Pareto)
def powers_of_pareto(p: Power, alpha: Any, m: Any) -> Any:
    """Pareto(α, m)^p = Pareto(α/p, m^p), p > 0; m^p Beta(α/|p|, 1), p < 0."""
    if p.sign > 0:
        return fresh(Pareto, alpha / p.exponent, m**p.exponent, like=p.x)
    return m**p.exponent * fresh(Beta, -alpha / p.exponent, ONE, like=p.x)


@power_law(Uniform)
def powers_of_uniform(p: Power, lower: Any, upper: Any) -> Any:
    """Uniform(0, b)^p = b^p Beta(1/p, 1), p > 0; b^p Pareto(1/|p|, 1), p < 0."""
    if scalar_value(lower) != 0:
        return None
    if p.sign > 0:
        found = fresh(Beta, 1 / p.exponent, ONE, like=p.x)
    else:
        found = fresh(Pareto, -1 / p.exponent, ONE, like=p.x)
    return found if scalar_value(upper) == 1 else upper**p.exponent * found


@power_law(Beta)
def powers_of_beta(p: Power, alpha: Any, beta: Any) -> Any:
    """Beta(α, 1)^p = Beta(α/p, 1), p > 0; Pareto(α/|p|, 1), p < 0; Beta(1, β)^p = Kumaraswamy(1/p, β), p > 0."""
    if scalar_value(beta) == 1:
        if p.sign > 0:
            return fresh(Beta, alpha / p.exponent, ONE, like=p.x)
        return fresh(Pareto, -alpha / p.exponent, ONE, like=p.x)
    if scalar_value(alpha) == 1 and p.sign > 0:
        return fresh(Kumaraswamy, 1 / p.exponent, beta, like=p.x)
    return None


@power_law(Kumaraswamy)
def powers_of_kumaraswamy(p: Power, a: Any, b: Any) -> Any:
    """Kumaraswamy(a, b)^p = Kumaraswamy(a/p, b), p > 0; Beta(1, b), p = a."""
    if p.sign < 0:
        return None
    if identity(a) == identity(p.exponent):
        return fresh(Beta, ONE, b, like=p.x)
    return fresh(Kumaraswamy, a / p.exponent, b, like=p.x)


@power_law(HalfCauchy)
def reciprocal_of_half_cauchy(p: Power, beta: Any) -> Any:
    """1 / HalfCauchy(β) = HalfCauchy(1/β)."""
    return fresh(HalfCauchy, 1 / beta, like=p.x) if _is(p, -1) else None


@power_law(Cauchy)
def reciprocal_of_cauchy(p: Power, alpha: Any, beta: Any) -> Any:
    """1 / Cauchy(α, β) = Cauchy(α / (α² + β²), β / (α² + β²))."""
    if not _is(p, -1):
        return None
    square = alpha**2 + beta**2
    return fresh(Cauchy, alpha / square, beta / square, like=p.x)


# Products ------------------------------------------------------------------------------------------------------------------


@cone_law("multiply", *POWERS)
def product_of_log_normals(root: Any, engine: Any) -> Any:
    """c Π LogNormal(μᵢ, σᵢ)^pᵢ = c LogNormal(Σ pᵢ μᵢ, √Σ (pᵢ σᵢ)²), not all pᵢ zero."""
    if root.dtype.kind != "f":
        return None
    inner, factors, whole = _factors(root, engine)
    members = engine.absorbable(root, {*inner, *(x for x in factors if _is_log_normal(x, root))})
    draws = [x for x in factors if x in members]
    if not members >= set(inner) or not any(is_nonzero(factors[x]) for x in draws):
        return None
    if len(draws) == 1 and is_one(factors[draws[0]]):
        return None
    rest = [x for x in factors if x not in members]
    # (x y)^k is x^k y^k, and (x^j)^k is x^(jk), for whole exponents or positive factors only
    if not whole and not all(engine.facts(x).positive for x in rest):
        return None
    mean = combination((factors[x], x.parents[0]) for x in draws)
    variance = combination((1, T.square(scaled(factors[x], x.parents[1]))) for x in draws)
    result = fresh(LogNormal, mean, T.sqrt(variance), like=root)
    for x in rest:
        result = result * (x if is_one(factors[x]) else x ** factors[x])
    return Replaced(frozenset((*inner, *draws)), result)


def _is_log_normal(x: Any, root: Any) -> bool:
    return isinstance(x, RandomVariable) and x.distribution is LogNormal and x.shape == root.shape and x.dtype == root.dtype


def _factors(root: Any, engine: Any) -> tuple[list[Any], dict[Any, Any], bool]:
    """`root` as ``Π x ** k``: the operations that are taken apart, ``{x: k}`` without ones, and whether all exponents are whole."""
    inner: list[Any] = []
    factors: dict[Any, Any] = {}
    whole = True
    stack: list[tuple[Any, Any]] = [(root, 1)]
    while stack:
        node, k = stack.pop()
        parts = _parts(node, engine)
        if parts is not None and (node is root or _may_go(node, root, inner, engine)):
            if node is not root:
                inner.append(node)
            whole &= all(isinstance(e, int) or float(scalar_value(e) or 0.5).is_integer() for _, e in parts)
            stack.extend((x, k if is_one(e) else k * e) for x, e in reversed(parts))
        elif scalar_value(node) != 1:
            factors[node] = factors[node] + k if node in factors else k
    return inner, factors, whole


def _may_go(node: Any, root: Any, inner: list[Any], engine: Any) -> bool:
    if not engine.is_random(node) or node.shape != root.shape or node.dtype != root.dtype:
        return False
    return engine.absorbable(root, {*inner, node}) == {*inner, node}


def _parts(node: Any, engine: Any) -> list[tuple[Any, Any]] | None:
    """The factors of one operation with their exponents."""
    name = op_name(node)
    if name == "multiply":
        return [(x, 1) for x in node.parents]
    if name == "divide":
        return [(node.parents[0], 1), (node.parents[1], -1)]
    if name == "power" and not engine.is_random(node.parents[1]):
        return [(node.parents[0], node.parents[1])]
    fixed = {"sqrt": 0.5, "square": 2, "reciprocal": -1}.get(name)
    return None if fixed is None else [(node.parents[0], fixed)]


@joint_law("", "prod", LogNormal)
def product_along_axes_of_log_normals(group: Any) -> Any:
    """Πⱼ LogNormal(μⱼ, σⱼ) = LogNormal(Σⱼ μⱼ, √Σⱼ σⱼ²), elements used nowhere else."""
    return group.draw(LogNormal, group.total(0), T.sqrt(group.total(1, T.square)))
