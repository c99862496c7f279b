"""Laws of Gamma, Exponential and Beta variables: sums, ratios, shares of a total, differences, exponentials and logarithms.

They are those of Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 17 to 20, ibid. II, ch. 24 and
25, and Continuous Multivariate Distributions, ch. 40 and 49; the asymmetric Laplace law is that of Kotz, Kozubowski, Podgórski, The
Laplace Distribution and Generalizations, 2001, section 3.2.
"""

from __future__ import annotations

from typing import Any

import symjax.tensor as T
from symjax.core._shapes import is_static
from symjax.random._sameness import along, identity, number_of
from symjax.random.algebra._groups import is_draw_of, joint_law
from symjax.random.algebra._maps_of_draws import affine_of
from symjax.random.algebra._parts import combination, drawn, draws_of, fixed_in, fresh, is_one, scaled, sign_of
from symjax.random.distributions.asymmetric_laplace import AsymmetricLaplace
from symjax.random.distributions.beta import Beta
from symjax.random.distributions.exponential import Exponential
from symjax.random.distributions.gamma import ChiSquared, Gamma, InverseGamma
from symjax.random.distributions.gumbel import Gumbel
from symjax.random.distributions.laplace import Laplace
from symjax.random.distributions.logit_normal import LogitNormal
from symjax.random.distributions.mv_normal import Dirichlet
from symjax.random.distributions.pareto import Pareto
from symjax.random.distributions.weibull import Weibull
from symjax.rewrite import Absorbed, Replaced, cone_law, p, rule, sum_law, variables
from symjax.rewrite._pattern import scalar_value
from symjax.rewrite._terms import op_name

lam, alpha, beta, m, a = variables("lam alpha beta m a")
#: Gamma laws under all their names.
GAMMAS = (Gamma, Exponential, ChiSquared)


def gamma_parameters(x: Any) -> tuple[Any, Any]:
    """Shape and rate of a draw of one of `GAMMAS`."""
    if x.distribution is Gamma:
        return x.parents
    return (T.constant(1.0), x.parents[0]) if x.distribution is Exponential else (x.parents[0] / 2, T.constant(0.5))


def rate_of(x: Any) -> Any:
    """Rate of a draw of one of `GAMMAS` that is exponential, as one with the constant shape 1 is; else None."""
    if x.distribution is Exponential:
        return x.parents[0]
    if x.distribution is Gamma:
        return x.parents[1] if scalar_value(x.parents[0]) == 1 else None
    return T.constant(0.5) if scalar_value(x.parents[0]) == 2 else None


def quotient(a: Any, c: Any) -> Any:
    """``a / c``, a number if both are."""
    if is_one(c):
        return a
    x, y = number_of(a), number_of(c)
    return T.constant(x / y) if x is not None and y is not None else a / c


def scaled_identity(parameter: Any, c: Any, is_rate: bool) -> Any:
    """What the inverse scales ``parameter / c``, or scales ``c * parameter``, share exactly if they are provably the same."""
    x, y = number_of(parameter), number_of(c)
    if x is not None and y is not None:
        return ("number", x / y if is_rate else x * y)
    return identity(parameter), None if is_one(c) else identity(c)


# Sums ----------------------------------------------------------------------------------------------------------------------


@sum_law
def add_gammas(terms: dict[Any, Any], node: Any) -> Any:
    """Σ cᵢ Gamma(αᵢ, βᵢ) = Gamma(Σ αᵢ, r), all βᵢ / cᵢ = r > 0; Exponential(λ) is Gamma(1, λ), χ²(ν) is Gamma(ν/2, 1/2)."""
    alike: dict[Any, list[Any]] = {}
    for x in draws_of(terms, *GAMMAS):
        if sign_of(terms[x]) > 0:
            alike.setdefault(scaled_identity(gamma_parameters(x)[1], terms[x], True), []).append(x)
    group = next((g for g in alike.values() if len(g) > 1), None)
    if group is None:
        return None
    shape = combination((1, gamma_parameters(x)[0]) for x in group)
    rate = quotient(gamma_parameters(group[0])[1], terms[group[0]])
    return Absorbed(tuple(group), fresh(Gamma, shape, rate, like=node))


@sum_law
def multiple_of_chi_squared(terms: dict[Any, Any], node: Any) -> Any:
    """c χ²(ν) = Gamma(ν/2, 1/(2c)), c > 0."""
    for x in draws_of(terms, ChiSquared):
        if not is_one(terms[x]) and sign_of(terms[x]) > 0:
            return Absorbed((x,), fresh(Gamma, x.parents[0] / 2, 0.5 / terms[x], like=node))
    return None


@joint_law("", "sum", *GAMMAS)
def sum_of_gammas(group: Any) -> Any:
    """Σⱼ Gamma(αⱼ, β) = Gamma(Σⱼ αⱼ, β), elements used nowhere else."""
    family = group.x.distribution
    rate = T.constant(0.5) if family is ChiSquared else group.common(0 if family is Exponential else 1)
    if rate is None:
        return None
    if family is Exponential:
        return group.draw(Gamma, T.constant(float(group.size)), rate)
    return group.draw(Gamma, group.total(0, lambda x: x / 2 if family is ChiSquared else x), rate)


@sum_law
def add_inverse_gammas(terms: dict[Any, Any], node: Any) -> Any:
    """Σ cᵢ InverseGamma(1/2, βᵢ) = InverseGamma(1/2, (Σ √(cᵢ βᵢ))²), cᵢ > 0: Lévy's stable law."""
    levy = [x for x in draws_of(terms, InverseGamma) if scalar_value(x.parents[0]) == 0.5 and sign_of(terms[x]) > 0]
    if len(levy) < 2:
        return None
    root = combination((1, T.sqrt(scaled(terms[x], x.parents[1]))) for x in levy)
    return Absorbed(tuple(levy), fresh(InverseGamma, T.constant(0.5), T.square(root), like=node))


@joint_law("", "sum", InverseGamma)
def sum_of_inverse_gammas(group: Any) -> Any:
    """Σⱼ InverseGamma(1/2, βⱼ) = InverseGamma(1/2, (Σⱼ √βⱼ)²), elements used nowhere else."""
    shape = group.common(0)
    if shape is None or scalar_value(shape) != 0.5:
        return None
    return group.draw(InverseGamma, T.constant(0.5), T.square(group.total(1, T.sqrt)))


@sum_law
def difference_of_exponentials(terms: dict[Any, Any], node: Any) -> Any:
    """c₁ Exponential(λ₁) − c₂ Exponential(λ₂) = AsymmetricLaplace(√(r₁/r₂), 0, √(r₁ r₂)), rᵢ = λᵢ/cᵢ; Laplace(0, 1/r), rᵢ = r."""
    draws = draws_of(terms, *GAMMAS)
    rates = [rate_of(x) for x in draws]
    if len(draws) != 2 or rates[0] is None or rates[1] is None:
        return None
    signs = [sign_of(terms[x]) for x in draws]
    if signs[0] * signs[1] != -1:
        return None
    sizes = [size_of(terms[x]) for x in draws]
    keys = [scaled_identity(r, c, True) for r, c in zip(rates, sizes, strict=True)]
    above, below = [quotient(r, c) for r, c in zip(rates, sizes, strict=True)][:: signs[0]]
    if keys[0] == keys[1]:
        return Absorbed(tuple(draws), fresh(Laplace, T.constant(0.0), 1 / above, like=node))
    law = fresh(AsymmetricLaplace, T.sqrt(above / below), T.constant(0.0), T.sqrt(above * below), like=node)
    return Absorbed(tuple(draws), law)


def size_of(c: Any) -> Any:
    """``|c|``, a number if `c` is one."""
    value = number_of(c)
    return T.abs(c) if value is None else abs(value)


@sum_law
def complement_of_beta(terms: dict[Any, Any], node: Any) -> Any:
    """1 − Beta(α, β) = Beta(β, α); 1 − LogitNormal(μ, σ) = LogitNormal(−μ, σ)."""
    fixed = fixed_in(terms)
    if len(fixed) != 1 or scalar_value(fixed[0]) != 1 or not is_one(terms[fixed[0]]):
        return None
    for x in draws_of(terms, Beta, LogitNormal):
        c = terms[x]
        if number_of(c) == -1:
            first, second = x.parents
            new = (second, first) if x.distribution is Beta else (-first, second)
            return Absorbed((x, fixed[0]), fresh(x.distribution, *new, like=node))
    return None


# Ratios --------------------------------------------------------------------------------------------------------------------


@cone_law("divide")
def ratio_of_gammas(root: Any, engine: Any) -> Any:
    """G₁ / (G₁ + G₂) = Beta(α₁, α₂), rates equal; G₁ / G₂ = (β₂/β₁) B / (1 − B), B = Beta(α₁, α₂)."""
    if op_name(root) != "divide" or root.dtype.kind != "f":
        return None
    over, under = (_sum_of_gammas(x, root, engine) for x in root.parents)
    if over is None or under is None:
        return None
    draws = {*over[0], *under[0]}
    members = {*draws, *over[1], *under[1]}
    if engine.absorbable(root, members) != members:
        return None
    first = combination((1, gamma_parameters(x)[0]) for x in over[0])
    rest = [x for x in under[0] if x not in over[0]]
    second = combination((1, gamma_parameters(x)[0]) for x in rest)
    rates = [[quotient(gamma_parameters(x)[1], c) for x, c in terms.items()] for terms in (over[0], under[0])]
    if len({identity(r) for r in rates[0]}) > 1 or len({identity(r) for r in rates[1]}) > 1:
        return None
    if not over[0].keys() & under[0].keys():
        odds = T.exp(T.logit(fresh(Beta, first, second, like=root)))
        return Replaced(
            frozenset(members), scaled(1 if identity(rates[0][0]) == identity(rates[1][0]) else rates[1][0] / rates[0][0], odds)
        )
    contained = rest and all(x in under[0] and identity(over[0][x]) == identity(under[0][x]) for x in over[0])
    return Replaced(frozenset(members), fresh(Beta, first, second, like=root)) if contained else None


def _sum_of_gammas(node: Any, root: Any, engine: Any) -> tuple[dict[Any, Any], list[Any]] | None:
    """Draws of `GAMMAS` with their positive coefficients, and the operations that add them; None if there is anything else."""
    terms: dict[Any, Any] = {}
    inner: list[Any] = []
    stack = [node]
    while stack:
        x = stack.pop()
        found = affine_of(x, engine)
        if found is not None and found.shift is None and is_draw_of(found.x, GAMMAS) and found.x.dtype == root.dtype:
            if found.x in terms or found.x.shape != root.shape or sign_of(found.slope) < 1:
                return None
            terms[found.x] = found.slope
            inner.extend(found.inner)
        elif op_name(x) == "add" and x.shape == root.shape:
            inner.append(x)
            stack.extend(x.parents)
        else:
            return None
    return terms, inner


@cone_law("divide")
def shares_of_gammas(root: Any, engine: Any) -> Any:
    """(G₁, …, Gₙ) / Σ Gᵢ = Dirichlet(α₁, …, αₙ), rates equal."""
    if op_name(root) != "divide":
        return None
    x, total = root.parents
    inner = []
    while op_name(total) in ("reshape", "broadcast_to") or _adds_axes(total):
        inner.append(total)
        total = total.parents[0]
    if op_name(total) != "sum" or not is_draw_of(x, GAMMAS) or total.parents[0] is not x or x.dtype != root.dtype:
        return None
    if root.shape != x.shape or not is_static(x.shape) or total.settings["axis"] != (x.ndim - 1,) or x.shape[-1] < 2:
        return None
    # what divides has one element for each row, whatever operations gave it its axes
    row = (*x.shape[:-1], 1)
    if any(n.shape not in (row, x.shape) for n in inner):
        return None
    if x.ndim > 1 and not total.settings.get("keepdims", False) and not (inner and inner[-1].shape == row):
        return None
    shape, rate = gamma_parameters(x)
    members = {x, total, *inner}
    if along(rate, x, (x.ndim - 1,), True) is None or engine.absorbable(root, members) != members:
        return None
    return Replaced(frozenset(members), fresh(Dirichlet, T.broadcast_to(shape, x.shape), like=root))


def _adds_axes(node: Any) -> bool:
    """Whether a node is indexed by ``None`` and ``:`` only."""
    return op_name(node) == "getitem" and all(e in ("newaxis", "ellipsis", _WHOLE) for e in node.settings["index"])


@cone_law("divide")
def odds_of_beta(root: Any, engine: Any) -> Any:
    """B / (1 − B) = exp(logit B), B = Beta(α, β) or LogitNormal(μ, σ)."""
    if op_name(root) != "divide" or op_name(root.parents[1]) != "subtract":
        return None
    x, rest = root.parents
    one, other = rest.parents
    members = {x, rest}
    if other is not x or scalar_value(one) != 1 or not is_draw_of(x, (Beta, LogitNormal)) or rest.shape != x.shape:
        return None
    if root.shape != x.shape or root.dtype != x.dtype or engine.absorbable(root, members) != members:
        return None
    return Replaced(frozenset(members), T.exp(T.logit(fresh(x.distribution, *x.parents, like=root))))


@cone_law("getitem")
def component_of_dirichlet(root: Any, engine: Any) -> Any:
    """Dirichlet(a)ᵢ = Beta(aᵢ, Σ a − aᵢ), the other components used nowhere."""
    if op_name(root) != "getitem" or len(root.parents) != 1 or not is_draw_of(root.parents[0], (Dirichlet,)):
        return None
    [x] = root.parents
    template = root.settings["index"]
    if "ellipsis" in template:
        at = template.index("ellipsis")
        template = (*template[:at], *[_WHOLE] * (x.ndim - len(template) + 1), *template[at + 1 :])
    plain = len(template) == x.ndim and isinstance(template[-1], int) and all(isinstance(e, int) or e == _WHOLE for e in template)
    if not plain or not is_static(x.shape) or x.shape[-1] < 2 or engine.absorbable(root, {x}) != {x}:
        return None
    index = tuple(e if isinstance(e, int) else slice(None) for e in template)
    weights = T.broadcast_to(x.parents[0], x.shape)
    own = weights[index]
    return Replaced(frozenset((x,)), fresh(Beta, own, T.sum(weights, -1)[index[:-1]] - own, like=root))


_WHOLE = ("slice", None, None, None)


# Exponentials and logarithms -----------------------------------------------------------------------------------------------


@cone_law("exp")
def exp_of_exponential(root: Any, engine: Any) -> Any:
    """exp(c Exponential(λ) + d) = e^d Pareto(λ/c, 1), c > 0; e^d Beta(λ/|c|, 1), c < 0."""
    found = _inside_exp(root, engine, Exponential)
    if found is None:
        return None
    x, c, sign, shift, members = found
    rate = x.parents[0] / T.abs(c)
    law = fresh(Pareto, rate, T.constant(1.0), like=root) if sign > 0 else fresh(Beta, rate, T.constant(1.0), like=root)
    return Replaced(members, law if shift is None else T.exp(shift) * law)


@cone_law("exp")
def exp_of_gumbel(root: Any, engine: Any) -> Any:
    """exp(d − c Gumbel(μ, β)) = Weibull(1/(c β), e^(d − c μ)), c > 0."""
    found = _inside_exp(root, engine, Gumbel)
    if found is None or found[2] > 0:
        return None
    x, c, _, shift, members = found
    log_scale = c * x.parents[0] if shift is None else shift + c * x.parents[0]
    return Replaced(members, fresh(Weibull, -1 / (c * x.parents[1]), T.exp(log_scale), like=root))


def _inside_exp(root: Any, engine: Any, family: Any) -> Any:
    """The draw, its coefficient, that one's sign, the shift, and what is absorbed."""
    found = affine_of(root.parents[0], engine) if op_name(root) == "exp" else None
    if found is None or found.x.distribution is not family or found.x.shape != root.shape or found.x.dtype != root.dtype:
        return None
    members = {found.x, *found.inner}
    sign = sign_of(found.slope)
    if not sign or engine.absorbable(root, members) != members:
        return None
    return found.x, T.as_tensor(found.slope), sign, found.shift, frozenset(members)


@rule(p.log(drawn(Exponential, lam)), kind="law")
def log_of_exponential(lam: Any, node: Any) -> Any:
    """log(Exponential(λ)) = −Gumbel(log λ, 1)."""
    return -fresh(Gumbel, T.log(lam), T.constant(1.0), like=node)


@rule(p.log(drawn(Weibull, alpha, beta)), kind="law")
def log_of_weibull(alpha: Any, beta: Any, node: Any) -> Any:
    """log(Weibull(α, β)) = −Gumbel(−log β, 1/α)."""
    return -fresh(Gumbel, -T.log(beta), 1 / alpha, like=node)


@rule(p.log(drawn(Pareto, alpha, m)), kind="law")
def log_of_pareto(alpha: Any, m: Any, node: Any) -> Any:
    """log(Pareto(α, m)) = log m + Exponential(α)."""
    draw = fresh(Exponential, alpha, like=node)
    return draw if scalar_value(m) == 1 else T.log(m) + draw


@rule(p.log(drawn(Beta, alpha, 1)), kind="law")
def log_of_beta(alpha: Any, node: Any) -> Any:
    """log(Beta(α, 1)) = −Exponential(α)."""
    return -fresh(Exponential, alpha, like=node)


@rule(p.log1p(p.negative(drawn(Beta, 1, beta))), kind="law")
def log_of_complement_of_beta(beta: Any, node: Any) -> Any:
    """log(1 − Beta(1, β)) = −Exponential(β)."""
    return -fresh(Exponential, beta, like=node)
