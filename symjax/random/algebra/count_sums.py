"""Laws of sums, differences and thinnings of counts.

They are those of Johnson, Kemp, Kotz, Univariate Discrete Distributions, 3rd ed., ch. 3 (Binomial), 4 (Poisson) and 5 (negative
binomial, geometric).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._node import Constant
from symjax.random._sameness import along, are_same, identity, number_of
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
    shape = combination((1, T.constant(1.0) if x.distribution is Geometric else x.parents[1]) for x in group)
    chance = _chance(group[0])
    mean = combination((1, _failures(x)) for x in group) if chance is None else shape * (1 - chance) / chance
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
    """Σⱼ NegativeBinomial(nⱼ, p) = NegativeBinomial(Σⱼ nⱼ, p), elements used nowhere else."""
    mean, shape = group.common(0), group.common(1)
    if mean is not None and shape is not None:
        return group.draw(NegativeBinomial, group.size * mean, group.size * shape)
    found = success_of(*group.x.parents)
    if found is not None:
        chance = along(found[0], group.x, group.axes, group.keepdims)
        if chance is None:
            return None
        shape = group.total(1)
        return group.draw(NegativeBinomial, shape * (1 - chance) / chance, shape)
    odds = _odds(group.x)
    if not isinstance(odds, np.ndarray):
        return None
    odds = np.broadcast_to(odds, group.x.shape)
    if not _same_odds(odds, odds.mean(group.axes, keepdims=True)):
        return None
    return group.draw(NegativeBinomial, group.total(0), group.total(1))


def success_of(mean: Any, shape: Any) -> tuple[Any, tuple[Any, ...]] | None:
    """The probability of success, and the nodes in between, of a mean written as `NegativeBinomial(n=, p=)` does: n (1 − p) / p."""
    if op_name(mean) != "divide":
        return None
    times_failing, chance = mean.parents
    failing, between = times_failing, [mean]
    if op_name(times_failing) == "multiply":
        others = [q for q in times_failing.parents if not are_same(q, shape)]
        if len(others) != 1:
            return None
        [failing] = others
        between.append(times_failing)
    elif number_of(shape) != 1:
        return None
    if op_name(failing) != "subtract" or number_of(failing.parents[0]) != 1 or failing.parents[1] is not chance:
        return None
    return chance, (*between, failing)


def _chance(x: Any) -> Any:
    """The probability of success, where a node says it."""
    if x.distribution is Geometric:
        return x.parents[0]
    found = success_of(*x.parents)
    return None if found is None else found[0]


def _failures(x: Any) -> Any:
    """Mean number of failures."""
    if x.distribution is NegativeBinomial:
        return x.parents[0]
    return (1 - x.parents[0]) / x.parents[0]


def _odds(x: Any) -> Any:
    """What tells the probability of a draw: the odds of failure as an array, the node of the probability, or the draw itself."""
    if x.distribution is Geometric:
        chance = _array(x.parents[0])
        return x.parents[0] if chance is None or not ((0 < chance) & (chance <= 1)).all() else np.asarray((1 - chance) / chance)
    mean, shape = (_array(v) for v in x.parents)
    if mean is not None and shape is not None and (shape > 0).all():
        return np.asarray(mean / shape)
    chance = _chance(x)
    return x if chance is None else chance


def _array(parameter: Any) -> Any:
    """The values of a parameter that is constant; else None."""
    value = parameter.value if isinstance(parameter, Constant) else number_of(parameter)
    return None if value is None else np.asarray(value, float)


def _same_odds(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return bool(np.isclose(a, b, rtol=_SAME, atol=0.0).all())
    return not isinstance(a, np.ndarray) and not isinstance(b, np.ndarray) and are_same(a, b)
