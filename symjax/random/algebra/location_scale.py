"""Laws of location-scale families beyond their affine maps: stable sums, differences and absolute values.

They are those of Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 16 (Cauchy), and II, ch. 22
(Gumbel), 23 (Logistic) and 24 (Laplace).
"""

from __future__ import annotations

from typing import Any

import symjax.tensor as T
from symjax.random.algebra._groups import joint_law
from symjax.random.algebra._parts import combination, drawn, draws_of, fresh, is_nonzero, magnitude, sign_of
from symjax.random.algebra.positive import quotient, scaled_identity, size_of
from symjax.random.distributions.cauchy import Cauchy, HalfCauchy
from symjax.random.distributions.exponential import Exponential
from symjax.random.distributions.gumbel import Gumbel
from symjax.random.distributions.laplace import Laplace
from symjax.random.distributions.logistic import Logistic
from symjax.random.distributions.student_t import HalfStudentT, StudentT
from symjax.random.distributions.uniform import Uniform
from symjax.rewrite import Absorbed, p, rule, sum_law, variables
from symjax.rewrite._pattern import scalar_value

nu, scale, lower, upper = variables("nu scale lower upper")


@sum_law
def add_cauchys(terms: dict[Any, Any], node: Any) -> Any:
    """Σ cᵢ Cauchy(αᵢ, βᵢ) = Cauchy(Σ cᵢ αᵢ, Σ |cᵢ| βᵢ), summands independent, not all cᵢ zero."""
    cauchys = draws_of(terms, Cauchy)
    if len(cauchys) < 2 or not any(is_nonzero(terms[x]) for x in cauchys):
        return None
    location = combination((terms[x], x.parents[0]) for x in cauchys)
    return Absorbed(
        tuple(cauchys), fresh(Cauchy, location, combination((1, magnitude(terms[x], x.parents[1])) for x in cauchys), like=node)
    )


@joint_law("", "sum", Cauchy)
def sum_of_cauchys(group: Any) -> Any:
    """Σⱼ Cauchy(αⱼ, βⱼ) = Cauchy(Σⱼ αⱼ, Σⱼ βⱼ), elements used nowhere else."""
    return group.draw(Cauchy, group.total(0), group.total(1))


@sum_law
def difference_of_gumbels(terms: dict[Any, Any], node: Any) -> Any:
    """c₁ Gumbel(μ₁, β₁) − c₂ Gumbel(μ₂, β₂) = Logistic(c₁ μ₁ − c₂ μ₂, s), c₁ β₁ = c₂ β₂ = s."""
    draws = draws_of(terms, Gumbel)
    if len(draws) != 2 or sign_of(terms[draws[0]]) * sign_of(terms[draws[1]]) != -1:
        return None
    scales = [scaled_identity(x.parents[1], size_of(terms[x]), False) for x in draws]
    if scales[0] != scales[1]:
        return None
    first = draws[0]
    location = combination((terms[x], x.parents[0]) for x in draws)
    scale = magnitude(terms[first], first.parents[1])
    return Absorbed(tuple(draws), fresh(Logistic, location, scale, like=node))


@rule(p.abs(drawn(Cauchy, 0, scale)), kind="law")
def abs_of_cauchy(scale: Any, node: Any) -> Any:
    """|Cauchy(0, β)| = HalfCauchy(β)."""
    return fresh(HalfCauchy, scale, like=node)


@rule(p.abs(drawn(Laplace, 0, scale)), kind="law")
def abs_of_laplace(scale: Any, node: Any) -> Any:
    """|Laplace(0, b)| = Exponential(1/b)."""
    return fresh(Exponential, quotient(T.constant(1.0), scale), like=node)


@rule(p.abs(drawn(StudentT, nu, 0, scale)), kind="law")
def abs_of_student_t(nu: Any, scale: Any, node: Any) -> Any:
    """|StudentT(ν, 0, σ)| = HalfStudentT(ν, σ)."""
    return fresh(HalfStudentT, nu, scale, like=node)


@rule(p.abs(drawn(Uniform, lower, upper)), kind="law")
def abs_of_uniform(lower: Any, upper: Any, node: Any) -> Any:
    """|Uniform(−b, b)| = Uniform(0, b)."""
    a, b = scalar_value(lower), scalar_value(upper)
    return fresh(Uniform, T.constant(0.0), upper, like=node) if a is not None and a == -(b or 0.0) else None
