"""Laws of functions of Normal draws that are not affine: squares, absolute values, ratios.

They are those of Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions, 2nd ed., I ch. 13 and 16, II ch. 28.
"""

from __future__ import annotations

from typing import Any

import symjax.tensor as T
from symjax.core._shapes import is_static
from symjax.random._draw import RandomVariable
from symjax.random.algebra._parts import drawn, fresh
from symjax.random.distributions.cauchy import Cauchy
from symjax.random.distributions.gamma import ChiSquared, Gamma
from symjax.random.distributions.half_normal import HalfNormal
from symjax.random.distributions.normal import Normal
from symjax.random.distributions.student_t import StudentT
from symjax.rewrite import Replaced, cone_law, p, rule, variables
from symjax.rewrite._pattern import scalar_value

sigma, tau, alpha, beta, nu = variables("sigma tau alpha beta nu")
centred = drawn(Normal, 0, sigma)
half = drawn(HalfNormal, sigma)


def _squares(count: Any, sigma: Any, node: Any) -> Any:
    """Law of the sum of `count` squares of N(0, σ)."""
    if scalar_value(sigma) == 1:
        return fresh(ChiSquared, count, like=node)
    return fresh(Gamma, count / 2, 0.5 / T.square(sigma), like=node)


@rule(p.square(centred), p.power(centred, 2), p.square(half), p.power(half, 2), kind="law")
def square_of_normal(sigma: Any, node: Any) -> Any:
    """N(0, σ)² = σ² χ²(1) = Gamma(1/2, 1/(2σ²))."""
    return _squares(T.constant(1.0), sigma, node)


@cone_law("matmul", "inner", "vdot")
def dot_of_normal(root: Any, engine: Any) -> Any:
    """Σⱼ N(0, σ)² = σ² χ²(n) = Gamma(n/2, 1/(2σ²)), the n elements of one scale."""
    x = root.parents[0]
    if root.op.random or len(root.parents) != 2 or root.parents[1] is not x or x not in engine.absorbable(root, [x]):
        return None
    if not isinstance(x, RandomVariable) or x.distribution is not Normal or x.ndim != 1 or x.dtype != root.dtype:
        return None
    mu, sigma = x.parents
    if scalar_value(mu) != 0 or any(d != 1 for d in sigma.shape) or not is_static(x.shape) or not x.shape[0]:
        return None
    return Replaced(frozenset([x]), _squares(T.constant(float(x.shape[0])), T.reshape(sigma, ()), root))


@rule(p.abs(centred), kind="law")
def abs_of_normal(sigma: Any, node: Any) -> Any:
    """|N(0, σ)| = HalfNormal(σ)."""
    return fresh(HalfNormal, sigma, like=node)


@rule(p.divide(centred, drawn(Normal, 0, tau)), p.divide(centred, drawn(HalfNormal, tau)), kind="law")
def ratio_of_normals(sigma: Any, tau: Any, node: Any) -> Any:
    """N(0, σ) / N(0, τ) = Cauchy(0, σ/τ)."""
    return fresh(Cauchy, 0.0, sigma / tau, like=node)


gamma, chi2 = drawn(Gamma, alpha, beta), drawn(ChiSquared, nu)


@rule(p.divide(centred, p.sqrt(gamma)), p.multiply(centred, p.rsqrt(gamma)), kind="law")
def normal_over_root_of_gamma(sigma: Any, alpha: Any, beta: Any, node: Any) -> Any:
    """N(0, σ) / √Gamma(α, β) = StudentT(2α, 0, σ √(β/α))."""
    return fresh(StudentT, 2 * alpha, 0.0, sigma * T.sqrt(beta / alpha), like=node)


@rule(p.divide(centred, p.sqrt(chi2)), p.multiply(centred, p.rsqrt(chi2)), kind="law")
def normal_over_root_of_chi_squared(sigma: Any, nu: Any, node: Any) -> Any:
    """N(0, σ) / √χ²(ν) = StudentT(ν, 0, σ/√ν)."""
    return fresh(StudentT, nu, 0.0, sigma / T.sqrt(nu), like=node)
