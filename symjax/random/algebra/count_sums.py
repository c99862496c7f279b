"""Laws of sums, differences and thinnings of counts.

They are those of Johnson, Kemp, Kotz, Univariate Discrete Distributions, 3rd ed., ch. 3 (Binomial), 4 (Poisson) and 5 (negative
binomial, geometric).
"""

from __future__ import annotations

import math
from typing import Any

import symjax.tensor as T
from symjax.random._sameness import identity, number_of
from symjax.random.algebra._groups import joint_law
from symjax.random.algebra._parts import combination, drawn, draws_of, fixed_in, fresh, is_one
from symjax.random.distributions.bernoulli import Bernoulli, Binomial
from symjax.random.distributions.counts import Geometric, NegativeBinomial, Poisson
from symjax.rewrite import Absorbed, p, rule, sum_law, variables
from symjax.rewrite._terms import op_name

first, second = variables("first second")

#: Odds of failure that differ by less come from rounding of one probability.
_SAME = 1e-14


@sum_law
def add_poissons(terms: dict[Any, Any], node: Any) -> Any:
    """Σ Poisson(μᵢ) = Poisson(Σ μᵢ), summands independent."""
    poissons = [x for x in draws_of(terms, Poisson) if is_one(terms[x])]
    if len(poissons) < 2:
        return None
    return Absorbed(tuple(poissons), fresh(Poisson, combination((1, x.parents[0]) for x in poissons), like=node))


@joint_law("", "sum", Poisson)
def sum_of_poissons(group: Any) -> Any:
    """Σⱼ Poisson(μⱼ) = Poisson(Σⱼ μⱼ), elements used nowhere else."""
    return group.draw(Poisson, group.total(0))


@sum_law
def add_binomials(terms: dict[Any, Any], node: Any) -> Any:
    """Σ Binomial(nᵢ, p) = Binomial(Σ nᵢ, p), summands independent; Bernoulli(p) is Binomial(1, p)."""
    alike: dict[Any, list[Any]] = {}
    for x in draws_of(terms, Bernoulli, Binomial):
        if is_one(terms[x]):
            alike.setdefault(identity(x.parents[-1]), []).append(x)
    group = next((g for g in alike.values() if len(g) > 1), None)
    if group is None:
        return None
    return Absorbed(tuple(group), fresh(Binomial, combination((1, _trials(x)) for x in group), group[0].parents[-1], like=node))


def _trials(x: Any) -> Any:
    return T.constant(1) if x.distribution is Bernoulli else x.parents[0]


@joint_law("", "sum", Bernoulli, Binomial)
def sum_of_binomials(group: Any) -> Any:
    """Σⱼ Binomial(nⱼ, p) = Binomial(Σⱼ nⱼ, p), elements used nowhere else; Bernoulli(p) is Binomial(1, p)."""
    single = group.x.distribution is Bernoulli
    log_odds = group.common(0 if single else 1)
    if log_odds is None:
        return None
    return group.draw(Binomial, T.constant(group.size) if single else group.total(0), log_odds)


@sum_law
def complement_of_binomial(terms: dict[Any, Any], node: Any) -> Any:
    """n − Binomial(n, p) = Binomial(n, 1 − p); 1 − Bernoulli(p) = Bernoulli(1 − p)."""
    fixed = fixed_in(terms)
    if len(fixed) != 1 or not is_one(terms[fixed[0]]):
        return None
    for x in draws_of(terms, Bernoulli, Binomial):
        if number_of(terms[x]) == -1 and identity(fixed[0]) == identity(_trials(x)):
            parameters = [*x.parents[:-1], -x.parents[-1]]
            return Absorbed((x, fixed[0]), fresh(x.distribution, *parameters, like=node))
    return None


@rule(p.multiply(drawn(Bernoulli, first), drawn(Bernoulli, second)), kind="law")
def product_of_bernoullis(first: Any, second: Any, node: Any) -> Any:
    """Bernoulli(p) Bernoulli(q) = Bernoulli(p q), factors independent."""
    return fresh(Bernoulli, _log_odds_of_both(first, second), like=node)


def _log_odds_of_both(a: Any, b: Any) -> Any:
    # p q / (1 − p q) = 1 / (exp(−a) + exp(−b) + exp(−a − b))
    return -T.logaddexp(T.logaddexp(-a, -b), -a - b)


# Waiting times -------------------------------------------------------------------------------------------------------------


@sum_law
def add_negative_binomials(terms: dict[Any, Any], node: Any) -> Any:
    """Σ NegativeBinomial(nᵢ, p) = NegativeBinomial(Σ nᵢ, p); a Geometric(p), counted from 1, is 1 + NegativeBinomial(1, p)."""
    alike: list[tuple[Any, list[Any]]] = []
    for x in draws_of(terms, NegativeBinomial, Geometric):
        if is_one(terms[x]):
            odds = _odds(x)
            known = next((g for o, g in alike if _same_odds(o, odds)), None)
            if known is None:
                alike.append((odds, [x]))
            else:
                known.append(x)
    group = next((g for _, g in alike if len(g) > 1), None)
    if group is None:
        return None
    mean = combination((1, _failures(x)) for x in group)
    shape = combination((1, T.constant(1.0) if x.distribution is Geometric else x.parents[1]) for x in group)
    result = fresh(NegativeBinomial, mean, shape, like=node)
    successes = sum(x.distribution is Geometric for x in group)
    return Absorbed(tuple(group), result + successes if successes else result)


@joint_law("", "sum", Geometric)
def sum_of_geometrics(group: Any) -> Any:
    """Σⱼ Geometric(p) over n elements = n + NegativeBinomial(n, p), counted from 1, elements used nowhere else."""
    chance = group.common(0)
    if chance is None:
        return None
    size = float(group.size)
    return group.draw(NegativeBinomial, size * (1 - chance) / chance, T.constant(size)) + group.size


@joint_law("", "sum", NegativeBinomial)
def sum_of_negative_binomials(group: Any) -> Any:
    """Σⱼ NegativeBinomial(μ, α) over n elements = NegativeBinomial(n μ, n α), elements used nowhere else."""
    mean, shape = group.common(0), group.common(1)
    if mean is None or shape is None:
        return None
    return group.draw(NegativeBinomial, group.size * mean, group.size * shape)


def _failures(x: Any) -> Any:
    """Mean number of failures."""
    if x.distribution is NegativeBinomial:
        return x.parents[0]
    return (1 - x.parents[0]) / x.parents[0]


def _odds(x: Any) -> Any:
    """What tells the probability of a draw: the odds as a number, or the node of the probability."""
    if x.distribution is Geometric:
        chance = number_of(x.parents[0])
        return identity(x.parents[0]) if chance is None or not 0 < chance <= 1 else (1 - chance) / chance
    mean, shape = x.parents
    values = number_of(mean), number_of(shape)
    if None not in values and values[1] > 0:
        return values[0] / values[1]
    if op_name(mean) == "divide" and op_name(mean.parents[0]) == "multiply":
        # as `NegativeBinomial(n=, p=)` writes it: n (1 − p) / p
        chance, (times, fail) = mean.parents[1], mean.parents[0].parents
        if times is shape and op_name(fail) == "subtract" and number_of(fail.parents[0]) == 1 and fail.parents[1] is chance:
            return identity(chance)
    return x


def _same_odds(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=_SAME)
    return a is b or (isinstance(a, tuple) and a == b)
