"""Compound laws: a parameter that is itself a draw, used by nothing else and by each element of the child once.

They are those of Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I and II, ch. 17, 20, 24, 25, 28, and of Johnson,
Kemp, Kotz, Univariate Discrete Distributions, 3rd ed., ch. 5, 6 and 8.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import symjax.tensor as T
from symjax.random._draw import RandomVariable
from symjax.random._sameness import number_of
from symjax.random.algebra._parts import fresh
from symjax.random.algebra.count_sums import success_of
from symjax.random.algebra.positive import GAMMAS, gamma_parameters
from symjax.random.distributions.bernoulli import Bernoulli, Binomial
from symjax.random.distributions.beta import Beta
from symjax.random.distributions.beta_binomial import BetaBinomial, BetaNegativeBinomial
from symjax.random.distributions.categorical import Categorical, Multinomial
from symjax.random.distributions.counts import Geometric, NegativeBinomial, Poisson
from symjax.random.distributions.dirichlet_multinomial import DirichletMultinomial
from symjax.random.distributions.exponential import Exponential
from symjax.random.distributions.gamma import Gamma, InverseGamma
from symjax.random.distributions.laplace import Laplace
from symjax.random.distributions.logistic import Logistic
from symjax.random.distributions.mv_normal import Dirichlet, MvNormal
from symjax.random.distributions.mv_student_t import MvStudentT
from symjax.random.distributions.normal import Normal
from symjax.random.distributions.pareto import Pareto
from symjax.random.distributions.student_t import StudentT
from symjax.random.distributions.wishart import InverseWishart, Wishart
from symjax.rewrite import Replaced, cone_law
from symjax.rewrite._terms import op_name


class Found(NamedTuple):
    """The draw that a parameter is made of, and the operations in between."""

    x: Any
    between: tuple[Any, ...]


def compound(child: Any) -> Callable[[Any], Any]:
    """Declare a compound law: ``build(child node) -> (Found, result) or None``."""

    def register(build: Callable[[Any], Any]) -> Any:
        @cone_law(child.name)
        @functools.wraps(build)
        def law(root: Any, engine: Any) -> Any:
            if not isinstance(root, RandomVariable) or root.distribution is not child:
                return None
            found = build(root)
            if found is None:
                return None
            latent, result = found
            members = {latent.x, *latent.between}
            x = latent.x
            whole = (*root.batch_shape, *x.shape[len(x.batch_shape) :])
            if any(m.shape != whole for m in members) or engine.absorbable(root, members) != members:
                return None
            return Replaced(frozenset(members), result)

        return law

    return register


def _draw_of(node: Any, *families: Any) -> Found | None:
    """A parameter that is a draw itself."""
    return Found(node, ()) if isinstance(node, RandomVariable) and any(node.distribution is f for f in families) else None


def _under(node: Any, names: tuple[str, ...], *families: Any) -> Found | None:
    """A parameter that is an operation of a draw."""
    if op_name(node) not in names:
        return None
    found = _draw_of(node.parents[0], *families)
    return None if found is None else Found(found.x, (node,))


def _power_of(node: Any, exponent: float, *families: Any) -> Found | None:
    """A parameter that is a draw to a power, in one of its spellings."""
    name = op_name(node)
    if name == "sqrt" and exponent == 0.5:
        return _under(node, ("sqrt",), *families)
    if name == "power" and number_of(node.parents[1]) == exponent:
        return _under(node, ("power",), *families)
    inner = None
    if name == "reciprocal":
        inner = node.parents[0]
    elif name == "divide" and number_of(node.parents[0]) == 1:
        inner = node.parents[1]
    found = None if inner is None else _power_of(inner, -exponent, *families) if exponent != -1 else _draw_of(inner, *families)
    return None if found is None else Found(found.x, (node, *found.between))


def _chance(log_odds: Any) -> tuple[Found, Any, Any] | None:
    """The Beta draw whose log-odds a parameter is, with its shapes; those of a uniform are a standard logistic."""
    found = _under(log_odds, ("logit",), Beta)
    if found is not None:
        return found, *found.x.parents
    found = _draw_of(log_odds, Logistic)
    if found is not None and [number_of(v) for v in found.x.parents] == [0, 1]:
        return found, T.constant(1.0), T.constant(1.0)
    return None


@compound(Poisson)
def poisson_of_gamma(root: Any) -> Any:
    """Poisson(Gamma(α, β)) = NegativeBinomial(α/β, α)."""
    found = _draw_of(root.parents[0], *GAMMAS)
    if found is None:
        return None
    shape, rate = gamma_parameters(found.x)
    return found, fresh(NegativeBinomial, shape / rate, shape, like=root)


@compound(Bernoulli)
def bernoulli_of_beta(root: Any) -> Any:
    """Bernoulli(Beta(α, β)) = Bernoulli(α / (α + β))."""
    found = _chance(root.parents[0])
    return None if found is None else (found[0], fresh(Bernoulli, T.log(found[1]) - T.log(found[2]), like=root))


@compound(Binomial)
def binomial_of_beta(root: Any) -> Any:
    """Binomial(n, Beta(α, β)) = BetaBinomial(α, β, n)."""
    found = _chance(root.parents[1])
    return None if found is None else (found[0], fresh(BetaBinomial, found[1], found[2], root.parents[0], like=root))


@compound(Binomial)
def binomial_of_poisson(root: Any) -> Any:
    """Binomial(Poisson(μ), p) = Poisson(μ p)."""
    found = _draw_of(root.parents[0], Poisson)
    return None if found is None else (found, fresh(Poisson, found.x.parents[0] * T.sigmoid(root.parents[1]), like=root))


@compound(Binomial)
def binomial_of_negative_binomial(root: Any) -> Any:
    """Binomial(NegativeBinomial(μ, α), p) = NegativeBinomial(μ p, α)."""
    found = _draw_of(root.parents[0], NegativeBinomial)
    if found is None:
        return None
    mean, shape = found.x.parents
    return found, fresh(NegativeBinomial, mean * T.sigmoid(root.parents[1]), shape, like=root)


@compound(Binomial)
def binomial_of_binomial(root: Any) -> Any:
    """Binomial(Binomial(n, p), q) = Binomial(n, p q)."""
    found = _draw_of(root.parents[0], Binomial)
    if found is None:
        return None
    n, a = found.x.parents
    b = root.parents[1]
    # p q / (1 − p q) = 1 / (exp(−a) + exp(−b) + exp(−a − b))
    return found, fresh(Binomial, n, -T.logaddexp(T.logaddexp(-a, -b), -a - b), like=root)


@compound(NegativeBinomial)
def negative_binomial_of_beta(root: Any) -> Any:
    """NegativeBinomial(n, Beta(α, β)) = BetaNegativeBinomial(α, β, n)."""
    written = success_of(*root.parents)
    if written is None:
        return None
    chance, between = written
    found = _draw_of(chance, Beta)
    return found and (Found(chance, between), fresh(BetaNegativeBinomial, *chance.parents, root.parents[1], like=root))


@compound(Geometric)
def geometric_of_beta(root: Any) -> Any:
    """Geometric(Beta(α, β)) = 1 + BetaNegativeBinomial(α, β, 1), counted from 1."""
    found = _draw_of(root.parents[0], Beta)
    return None if found is None else (found, 1 + fresh(BetaNegativeBinomial, *found.x.parents, T.constant(1.0), like=root))


@compound(Categorical)
def categorical_of_dirichlet(root: Any) -> Any:
    """Categorical(Dirichlet(a)) = Categorical(a / Σ a)."""
    found = _under(root.parents[0], ("log",), Dirichlet)
    return None if found is None else (found, fresh(Categorical, T.log(found.x.parents[0]), like=root))


@compound(Multinomial)
def multinomial_of_dirichlet(root: Any) -> Any:
    """Multinomial(n, Dirichlet(a)) = DirichletMultinomial(n, a)."""
    found = _draw_of(root.parents[1], Dirichlet)
    return None if found is None else (found, fresh(DirichletMultinomial, root.parents[0], found.x.parents[0], like=root))


@compound(MvNormal)
def mv_normal_of_covariance(root: Any) -> Any:
    """N(μ, InverseWishart(ν, Ψ)) = MvStudentT(k, μ, Ψ/k), k = ν − d + 1; a precision Wishart(ν, Ψ⁻¹) is the same."""
    mu, chol = root.parents
    for name, family, factor in (("cholesky", InverseWishart, T.cholesky), ("cholesky_of_inverse", Wishart, T.cholesky_of_inverse)):
        found = _under(chol, (name,), family)
        if found is not None and chol.settings.get("lower", True):
            nu, scale = found.x.parents
            degrees = nu - (scale.shape[-1] - 1)
            root_of_scale = factor(scale) / T.expand_dims(T.sqrt(degrees), (-2, -1))
            return found, fresh(MvStudentT, degrees, mu, root_of_scale, like=root)
    return None


@compound(Exponential)
def exponential_of_gamma(root: Any) -> Any:
    """Exponential(Gamma(α, β)) = Pareto(α, β) − β, Lomax's law."""
    found = _draw_of(root.parents[0], *GAMMAS)
    if found is None:
        return None
    shape, rate = gamma_parameters(found.x)
    return found, fresh(Pareto, shape, rate, like=root) - rate


@compound(Gamma)
def gamma_of_gamma(root: Any) -> Any:
    """Gamma(a, Gamma(α, β)) = β B / (1 − B), B ~ Beta(a, α)."""
    found = _draw_of(root.parents[1], *GAMMAS)
    if found is None:
        return None
    shape, rate = gamma_parameters(found.x)
    return found, rate * T.exp(T.logit(fresh(Beta, root.parents[0], shape, like=root)))


@compound(Normal)
def normal_of_variance(root: Any) -> Any:
    """N(μ, √InverseGamma(α, β)) = StudentT(2α, μ, √(β/α)); N(μ, √Exponential(λ)) = Laplace(μ, √(1/(2λ)))."""
    mu, sigma = root.parents
    found = _power_of(sigma, 0.5, InverseGamma)
    if found is not None:
        shape, scale = found.x.parents
        return found, fresh(StudentT, 2 * shape, mu, T.sqrt(scale / shape), like=root)
    found = _power_of(sigma, 0.5, Exponential)
    return None if found is None else (found, fresh(Laplace, mu, T.sqrt(0.5 / found.x.parents[0]), like=root))


@compound(Normal)
def normal_of_precision(root: Any) -> Any:
    """N(μ, 1/√Gamma(α, β)) = StudentT(2α, μ, √(β/α))."""
    mu, sigma = root.parents
    found = _power_of(sigma, -0.5, *GAMMAS)
    if found is None:
        return None
    shape, rate = gamma_parameters(found.x)
    return found, fresh(StudentT, 2 * shape, mu, T.sqrt(rate / shape), like=root)
