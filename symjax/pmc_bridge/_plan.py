"""A model's joint density with data as it is now, and what the posterior compiler makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import symjax.tensor as T
from symjax.core._freeze import freeze
from symjax.core._leaves import present_shape
from symjax.core._node import Tensor
from symjax.core._op import Aval
from symjax.core._scope import detached
from symjax.core._shapes import is_static
from symjax.core._traverse import substitute
from symjax.pmc_bridge._joint import scale_of
from symjax.pmc_bridge._missing import check_data
from symjax.random.posterior import Factor, Joint, Latent, Plan, Record, joint_of
from symjax.random.posterior._marginal import compile_given, marginalize_latents
from symjax.random.posterior.rules import RULES


@dataclass(frozen=True)
class ModelPlan:
    """The plan of a model.

    Attributes
    ----------
    plan : Plan
        What is done to the joint density, and what is left of it.
    values : dict of RandomVariable to Tensor
        The latent or the data of each of the model's random variables.
    frozen : dict of Tensor to Tensor
        Each of the model's free variables and deterministics as an expression of latents.
    """

    model: Any
    plan: Plan
    values: dict[Any, Any]
    frozen: dict[Any, Any]

    @property
    def remaining(self) -> list[Any]:
        """The free random variables that are left to sample."""
        left = set(self.plan.joint.latents)
        return [rv for rv in self.model.free_RVs if self.values[rv] in left]

    def unconstrained(self) -> list[Unconstrained]:
        """How the values of the remaining variables are made from those that samplers move."""
        found = []
        known: dict[Any, Any] = {}
        with detached():
            for rv in self.remaining:
                variable, transform = self.model.rvs_to_values[rv], self.model.rvs_to_transforms[rv]
                leaf = _static_leaf(variable)
                if transform is None:
                    inverse, log_det = leaf, None
                else:
                    # a transform's bounds may be expressions of variables made before, which have their values by now
                    parts = freeze(substitute([transform.inverse(leaf), transform.log_det(leaf)], self.values))
                    inverse, log_det = substitute(parts, known)
                known[self.values[rv]] = inverse
                found.append(Unconstrained(rv, variable, leaf, self.values[rv], inverse, log_det))
        return found


@dataclass(frozen=True, slots=True)
class Unconstrained:
    """A free variable, and how its value is made from an unconstrained one.

    Attributes
    ----------
    rv : RandomVariable
        The model's variable.
    variable : Tensor
        The model's value variable.
    leaf : Tensor
        A leaf of static shape that stands for it.
    latent : Latent
        The value on the variable's own support as a leaf,
    value : Tensor
        and as an expression of leaves.
    log_det : Tensor or None
        Log-Jacobian of that.
    """

    rv: Any
    variable: Any
    leaf: Any
    latent: Latent
    value: Any
    log_det: Any


def plan_posterior(model: Any, rewrites: Any = "auto") -> ModelPlan:
    """Plan how to sample a model.

    Parameters
    ----------
    model : Model
        The model; its data are taken as they are now.
    rewrites : {"auto", None} or sequence of str
        Rules of the posterior compiler to use: all, none, or those named.

    Raises
    ------
    ValueError
        If a name is not that of a rule.
    """
    rules = [] if rewrites is None else RULES
    only = None if rewrites in ("auto", None) else _checked(rewrites)
    written = marginal_plan(model)
    narrowed = [written.values[rv] for rv in model.user_transformed_RVs if rv in set(model.free_RVs)] if rules else []
    plan = compile_given(written.plan.joint, narrowed, rules, only=only)
    why = "its transform was chosen by the user and may narrow its support"
    plan.declined.extend(Record("collapse", (latent.name,), why) for latent in narrowed)
    return replace(written, plan=plan)


def marginal_plan(model: Any) -> ModelPlan:
    """The joint density of a model as written, without what `marginalize` took out.

    Raises
    ------
    NotDerivableError
        If one of those variables has no closed form given the others.
    """
    check_data(model)
    free = [*model.free_RVs, *model.marginalized_RVs]
    observed = {rv: model.rvs_to_values[rv] for rv in model.observed_RVs}
    outputs = [*free, *model.deterministics, *model.lost_deterministics]
    nodes = [*outputs, *observed, *observed.values(), *model.potentials]
    frozen = dict(zip(nodes, freeze(nodes), strict=True))
    with detached():
        joint, known = joint_of(
            {frozen[rv]: frozen[v] for rv, v in observed.items()},
            [frozen[rv] for rv in sorted(free, key=lambda rv: rv.token.rank)],
            {p.name: frozen[p] for p in model.potentials},
        )
        joint = _scaled(joint, model, {rv: frozen[rv].shape[0] if rv.shape else 1 for rv in observed})
        expressions = substitute([frozen[o] for o in outputs], dict(known))
    values = {rv: known[frozen[rv]] for rv in (*free, *observed)}
    plan = Plan(joint, (), [], [])
    if model.marginalized_RVs:
        plan = marginalize_latents(joint, [values[rv] for rv in model.marginalized_RVs], RULES)
    return ModelPlan(model, plan, values, dict(zip(outputs, expressions, strict=True)))


def _scaled(joint: Joint, model: Any, observed: dict[Any, int]) -> Joint:
    """The joint with the terms of minibatches standing for all of the data."""
    scales = {rv.name: scale_of(rv, model, length) for rv, length in observed.items()}
    factors = [f if scales.get(f.name) is None else Factor(f.name, f.term * scales[f.name]) for f in joint.factors]
    return Joint(joint.latents, tuple(factors))


def _checked(rewrites: Sequence[str]) -> tuple[str, ...]:
    names = (rewrites,) if isinstance(rewrites, str) else tuple(rewrites)
    known = [name for name, _ in RULES]
    for name in names:
        if name not in known:
            raise ValueError(f"rewrites must be 'auto', None or names of rules, of {known}; got {name!r}.")
    return names


def _static_leaf(variable: Any) -> Any:
    if is_static(variable.shape):
        return variable
    return Tensor(None, (), (), Aval(present_shape(variable.shape), variable.dtype, False), None, variable.name)


def marginal_terms(model: Any, jacobian: bool) -> dict[str, Any]:
    """The terms of the log density of a model that was marginalized, as expressions of its value variables."""
    plan = marginal_plan(model)
    parts = plan.unconstrained()
    terms = log_density(plan, parts, jacobian=jacobian)
    with detached():
        found = substitute(list(terms.values()), {u.leaf: u.variable for u in parts if u.leaf is not u.variable})
    return dict(zip(terms, found, strict=True))


def log_density(plan: ModelPlan, parts: Sequence[Unconstrained], *, jacobian: bool = True) -> dict[str, Any]:
    """The terms of the log density of the unconstrained values, by name."""
    with detached():
        at = {u.latent: u.value for u in parts}
        terms: dict[str, Any] = {}
        for factor in plan.plan.joint.factors:
            [term] = substitute([factor.term], at)
            terms[factor.name] = _plus(terms.get(factor.name), term)
        for u in parts:
            if u.log_det is not None and jacobian:
                terms[u.rv.name] = _plus(terms.get(u.rv.name), u.log_det)
    return terms


def _plus(known: Any, term: Any) -> Any:
    """Two summands as one: elementwise while their shapes are equal, so that rewriting sees them together."""
    if known is None:
        return term
    return known + term if known.shape == term.shape else T.sum(known) + T.sum(term)
