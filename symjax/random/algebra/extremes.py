"""Laws of minima, maxima, order statistics and of where extremes are taken.

Minima are those of Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions I, 2nd ed., ch. 19 to 21; maxima of Gumbel
variables and the choice that they make are those of ibid. II, ch. 22, and of Yellott, J. Math. Psychology 15, 1977; order
statistics of Uniforms those of David, Nagaraja, Order Statistics, 3rd ed., 2003, section 2.3.
"""

from __future__ import annotations

from typing import Any

import symjax.tensor as T
from symjax.core._shapes import is_static
from symjax.random._draw import RandomVariable
from symjax.random._sameness import along, identity
from symjax.random.algebra._groups import is_draw_of, joint_law
from symjax.random.algebra._parts import fresh
from symjax.random.distributions.beta import Beta
from symjax.random.distributions.categorical import Categorical
from symjax.random.distributions.exponential import Exponential
from symjax.random.distributions.gumbel import Gumbel
from symjax.random.distributions.kumaraswamy import Kumaraswamy
from symjax.random.distributions.normal import Normal
from symjax.random.distributions.pareto import Pareto
from symjax.random.distributions.uniform import Uniform
from symjax.random.distributions.weibull import Weibull
from symjax.rewrite import Replaced, cone_law
from symjax.rewrite._pattern import scalar_value
from symjax.rewrite._terms import op_name


@joint_law("minimum", "min", Exponential)
def least_of_exponentials(group: Any) -> Any:
    """min Exponential(λᵢ) = Exponential(Σ λᵢ)."""
    return group.draw(Exponential, group.total(0))


@joint_law("minimum", "min", Weibull)
def least_of_weibulls(group: Any) -> Any:
    """min Weibull(α, βᵢ) = Weibull(α, (Σ βᵢ^−α)^(−1/α)), shapes equal."""
    alpha = group.common(0)
    if alpha is None:
        return None
    # shapes are the same for all, so the one of the whole goes with each scale
    total = group.log_total(1, lambda beta: -_kept(alpha, group) * T.log(beta))
    return group.draw(Weibull, alpha, T.exp(-total / alpha))


def _kept(parameter: Any, group: Any) -> Any:
    """A parameter that is the same along the axes of a reduction, with these axes."""
    settings = group.like.settings
    if not parameter.ndim or "axis" not in settings or settings.get("keepdims", False):
        return parameter
    shape = tuple(1 if i in settings["axis"] else d for i, d in enumerate(group.x.shape))
    return T.reshape(T.broadcast_to(parameter, group.like.shape), shape)


@joint_law("minimum", "min", Pareto)
def least_of_paretos(group: Any) -> Any:
    """min Pareto(αᵢ, m) = Pareto(Σ αᵢ, m), least values equal."""
    m = group.common(1)
    return None if m is None else group.draw(Pareto, group.total(0), m)


@joint_law("minimum", "min", Kumaraswamy)
def least_of_kumaraswamys(group: Any) -> Any:
    """min Kumaraswamy(a, bᵢ) = Kumaraswamy(a, Σ bᵢ), first shapes equal."""
    a = group.common(0)
    return None if a is None else group.draw(Kumaraswamy, a, group.total(1))


@joint_law("minimum", "min", Uniform)
def least_of_uniforms(group: Any) -> Any:
    """The least of n Uniform(a, b) = a + (b − a) Beta(1, n)."""
    return _of_uniforms(group, 1.0, float(group.size))


@joint_law("maximum", "max", Uniform)
def greatest_of_uniforms(group: Any) -> Any:
    """The greatest of n Uniform(a, b) = a + (b − a) Beta(n, 1)."""
    return _of_uniforms(group, float(group.size), 1.0)


def _of_uniforms(group: Any, alpha: float, beta: float) -> Any:
    lower, upper = group.common(0), group.common(1)
    if lower is None or upper is None:
        return None
    return _between(lower, upper, group.draw(Beta, T.constant(alpha), T.constant(beta)))


def _between(lower: Any, upper: Any, unit: Any) -> Any:
    """``lower + (upper − lower) unit``."""
    if scalar_value(lower) == 0 and scalar_value(upper) == 1:
        return unit
    return lower + (upper - lower) * unit


@joint_law("minimum", "min", Beta)
def least_of_betas(group: Any) -> Any:
    """min Beta(1, βᵢ) = Beta(1, Σ βᵢ)."""
    first = group.common(0)
    if first is None or scalar_value(first) != 1:
        return None
    return group.draw(Beta, T.constant(1.0), group.total(1))


@joint_law("maximum", "max", Beta)
def greatest_of_betas(group: Any) -> Any:
    """max Beta(αᵢ, 1) = Beta(Σ αᵢ, 1)."""
    second = group.common(1)
    if second is None or scalar_value(second) != 1:
        return None
    return group.draw(Beta, group.total(0), T.constant(1.0))


@joint_law("maximum", "max", Gumbel)
def greatest_of_gumbels(group: Any) -> Any:
    """max Gumbel(μᵢ, β) = Gumbel(β log Σ exp(μᵢ / β), β), scales equal."""
    beta = group.common(1)
    if beta is None:
        return None
    return group.draw(Gumbel, beta * group.log_total(0, lambda mu: mu / _kept(beta, group)), beta)


@cone_law("argmax")
def greatest_gumbel(root: Any, engine: Any) -> Any:
    """argmaxᵢ Gumbel(μᵢ, β) = Categorical(logits μᵢ / β), scales equal."""
    found = _along_last(root, engine, "argmax", Gumbel)
    if found is None:
        return None
    x, members = found
    beta = along(x.parents[1], x, (x.ndim - 1,), True)
    if beta is None:
        return None
    return Replaced(members, fresh(Categorical, T.broadcast_to(x.parents[0] / beta, x.shape), like=root))


@cone_law("argmin")
def least_exponential(root: Any, engine: Any) -> Any:
    """argminᵢ Exponential(λᵢ) = Categorical(λᵢ / Σ λⱼ)."""
    found = _along_last(root, engine, "argmin", Exponential)
    if found is None:
        return None
    x, members = found
    return Replaced(members, fresh(Categorical, T.log(T.broadcast_to(x.parents[0], x.shape)), like=root))


def _along_last(root: Any, engine: Any, name: str, family: Any) -> Any:
    """The draw of a family whose last axis an operation runs along, and what is absorbed with it."""
    if op_name(root) != name:
        return None
    [x] = root.parents
    if not is_draw_of(x, (family,)) or not is_static(x.shape) or root.settings.get("axis", 0) != x.ndim - 1:
        return None
    members = engine.absorbable(root, {x})
    return (x, frozenset(members)) if members and x.shape[-1] else None


@cone_law("getitem")
def order_statistic_of_uniforms(root: Any, engine: Any) -> Any:
    """sort(n Uniform(a, b))[k] = a + (b − a) Beta(k + 1, n − k), k counted from zero."""
    found = picked_order(root)
    if found is None:
        return None
    ordered, k, n, index = found
    [x] = ordered.parents
    members = engine.absorbable(root, {ordered, x})
    if not is_draw_of(x, (Uniform,)) or x.dtype != root.dtype or members != {ordered, x}:
        return None
    bounds = [along(b, x, (ordered.settings["axis"],), True) for b in x.parents]
    if bounds[0] is None or bounds[1] is None:
        return None
    lower, upper = (b if not b.ndim else T.broadcast_to(b, x.shape)[index] for b in bounds)
    unit = fresh(Beta, T.constant(float(k + 1)), T.constant(float(n - k)), like=root)
    return Replaced(frozenset(members), _between(lower, upper, unit))


def picked_order(root: Any) -> tuple[Any, int, int, Any] | None:
    """A sorted tensor of which one place is taken, the place, the number of places, and the index as users write it."""
    if op_name(root) != "getitem" or len(root.parents) != 1 or op_name(root.parents[0]) != "sort":
        return None
    [ordered] = root.parents
    axis, template = ordered.settings["axis"], root.settings["index"]
    if not is_static(ordered.shape) or any(not isinstance(e, int) and e != _WHOLE and e != "ellipsis" for e in template):
        return None
    if "ellipsis" in template:
        at = template.index("ellipsis")
        template = (*template[:at], *[_WHOLE] * (ordered.ndim - len(template) + 1), *template[at + 1 :])
    template = (*template, *[_WHOLE] * (ordered.ndim - len(template)))
    k, n = template[axis], ordered.shape[axis]
    if not isinstance(k, int) or not -n <= k < n:
        return None
    return ordered, k % n, n, tuple(e if isinstance(e, int) else slice(None) for e in template)


_WHOLE = ("slice", None, None, None)


@cone_law("stack", "concatenate")
def join_of_draws(root: Any, engine: Any) -> Any:
    """stack(X₁, …, Xₙ) of one family = one draw with the parameters stacked."""
    name = op_name(root)
    if name not in ("stack", "concatenate") or not all(isinstance(x, RandomVariable) for x in root.parents):
        return None
    family = root.parents[0].distribution
    draws = set(root.parents)
    alike = all(x.distribution is family and x.dtype == root.dtype and is_static(x.shape) for x in draws)
    # joint laws of Normal variables have rules of their own
    if family is Normal or family.event_ndim or not family.parameters or not alike or len(draws) < len(root.parents):
        return None
    if (
        any(x.settings.keys() != {"shape", "dtype"} for x in draws)
        or any(spec.ndim for spec in family.parameters.values())
        or engine.absorbable(root, draws) != draws
    ):
        return None
    join = T.stack if name == "stack" else T.concatenate
    parameters = []
    for i in range(len(family.parameters)):
        values = [x.parents[i] for x in root.parents]
        alike = not values[0].ndim and len({identity(v) for v in values}) == 1
        parameters.append(
            values[0] if alike else join([T.broadcast_to(x.parents[i], x.shape) for x in root.parents], root.settings["axis"])
        )
    return Replaced(frozenset(draws), fresh(family, *parameters, like=root))
