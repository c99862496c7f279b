"""Laws of transformed variables: affine maps of location-scale families, exponentials and logarithms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._traverse import toposort
from symjax.random._distribution import Distribution
from symjax.random.algebra._parts import combination, drawn, draws_of, fixed_in, fresh, is_one, magnitude, scaled, sign_of
from symjax.random.density._log_density import is_draw
from symjax.random.distributions.asymmetric_laplace import AsymmetricLaplace
from symjax.random.distributions.cauchy import Cauchy, HalfCauchy
from symjax.random.distributions.exponential import Exponential
from symjax.random.distributions.gamma import Gamma, InverseGamma
from symjax.random.distributions.gumbel import Gumbel
from symjax.random.distributions.half_normal import HalfNormal
from symjax.random.distributions.laplace import Laplace
from symjax.random.distributions.log_normal import LogNormal
from symjax.random.distributions.logistic import Logistic
from symjax.random.distributions.normal import Normal
from symjax.random.distributions.pareto import Pareto
from symjax.random.distributions.student_t import HalfStudentT, StudentT
from symjax.random.distributions.uniform import Uniform
from symjax.random.distributions.weibull import Weibull
from symjax.rewrite import Absorbed, p, rule, sum_law, variables

mu, sigma = variables("mu sigma")

#: Families that affine maps of a known sign stay in: the parameters of ``c·X + d`` from those of X, the coefficient, its sign and
#: the pairs (coefficient, term) that make up the shift; None where the map leaves the family.
AFFINE: dict[Distribution, Callable[[list[Any], Any, int, list[Any]], Any]] = {}


def location_scale(distribution: Distribution, location: str, scale: str, symmetric: bool = True) -> None:
    """Declare a family with a location and a scale; one that is not symmetric stays the same for positive coefficients only."""
    names = list(distribution.parameters)
    at_location, at_scale = names.index(location), names.index(scale)

    def mapped(parameters: list[Any], c: Any, sign: int, shift: list[Any]) -> Any:
        if sign < 0 and not symmetric:
            return None
        new = list(parameters)
        new[at_location] = combination([(c, parameters[at_location]), *shift])
        new[at_scale] = magnitude(c, parameters[at_scale])
        return new

    AFFINE[distribution] = mapped


def scale_only(distribution: Distribution, parameter: str, rate: bool = False) -> None:
    """Declare a family of positive variables that positive factors stay in; `rate` says that its parameter is an inverse scale."""
    at = list(distribution.parameters).index(parameter)

    def mapped(parameters: list[Any], c: Any, sign: int, shift: list[Any]) -> Any:
        if sign < 0 or shift:
            return None
        new = list(parameters)
        new[at] = parameters[at] / c if rate else scaled(c, parameters[at])
        return new

    AFFINE[distribution] = mapped


def _affine_uniform(parameters: list[Any], c: Any, sign: int, shift: list[Any]) -> Any:
    return [combination([(c, bound), *shift]) for bound in parameters[::sign]]


def _scaled_log_normal(parameters: list[Any], c: Any, sign: int, shift: list[Any]) -> Any:
    # a random factor may be log-normal too, and then the product has a law
    if sign < 0 or shift or any(is_draw(n) for n in toposort([as_tensor(c)])):
        return None
    return [parameters[0] + T.log(as_tensor(c)), parameters[1]]


def _affine_asymmetric_laplace(parameters: list[Any], c: Any, sign: int, shift: list[Any]) -> Any:
    kappa, mu, b = parameters
    return [kappa**sign, combination([(c, mu), *shift]), b if is_one(c) else b / T.abs(as_tensor(c))]


location_scale(Cauchy, "alpha", "beta")
location_scale(StudentT, "mu", "sigma")
location_scale(Laplace, "mu", "b")
location_scale(Logistic, "mu", "s")
location_scale(Gumbel, "mu", "beta", symmetric=False)
scale_only(HalfNormal, "sigma")
scale_only(HalfCauchy, "beta")
scale_only(HalfStudentT, "sigma")
scale_only(Exponential, "lam", rate=True)
scale_only(Gamma, "beta", rate=True)
scale_only(InverseGamma, "beta")
scale_only(Weibull, "beta")
scale_only(Pareto, "m")
AFFINE[Uniform] = _affine_uniform
AFFINE[AsymmetricLaplace] = _affine_asymmetric_laplace
AFFINE[LogNormal] = _scaled_log_normal


@sum_law
def affine_of_family(terms: dict[Any, Any], node: Any) -> Any:
    """c X + d has the family of X: location c·μ + d, scale |c|·σ; c of a proved sign, positive unless X is symmetric."""
    fixed = fixed_in(terms)
    for x in draws_of(terms, *AFFINE):
        c = terms[x]
        sign = sign_of(c)
        for absorbed in (fixed, []) if fixed else ([],):
            if not sign or (is_one(c) and not absorbed):
                continue
            new = AFFINE[x.distribution](list(x.parents), c, sign, [(terms[t], t) for t in absorbed])
            if new is not None:
                return Absorbed((x, *absorbed), fresh(x.distribution, *new, like=node))
    return None


@rule(p.exp(drawn(Normal, mu, sigma)), kind="law")
def exp_of_normal(mu: Any, sigma: Any, node: Any) -> Any:
    """exp(N(μ, σ)) = LogNormal(μ, σ)."""
    return fresh(LogNormal, mu, sigma, like=node)


@rule(p.log(drawn(LogNormal, mu, sigma)), kind="law")
def log_of_log_normal(mu: Any, sigma: Any, node: Any) -> Any:
    """log(LogNormal(μ, σ)) = N(μ, σ)."""
    return fresh(Normal, mu, sigma, like=node)
