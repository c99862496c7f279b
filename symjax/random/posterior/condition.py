"""`condition`: exact conditional graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import symjax.tensor as T
from symjax._errors import NotDerivableError, ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._node import Tensor
from symjax.core._op import Aval
from symjax.core._scope import detached
from symjax.core._traverse import flatten, substitute, toposort
from symjax.random.posterior._compile import Plan, compile_posterior
from symjax.random.posterior._joint import Factor, Joint, joint_of
from symjax.random.posterior._marginal import replaced
from symjax.random.posterior._observed import draws_of, inside, solved, split_sums


def condition(outputs: Any, observed: Mapping[Any, Any]) -> Any:
    """The exact conditional graph of expressions, given the values of random variables or of expressions of them.

    Parameters
    ----------
    outputs : Tensor or nested list, tuple or dict of Tensor
        Random variables and expressions of them.
    observed : dict
        What is known: random variables, or expressions of them that can be solved for one (sums, products, exp, log, ...), with
        their values: numbers, arrays or expressions without random variables, of the same shape.

    Returns
    -------
    Tensor or nested structure of Tensor
        The structure of `outputs`, with each random variable that is not observed replaced by an exact draw of its law given what
        is. Its nodes are drawn jointly.

    Raises
    ------
    NotDerivableError
        If a conditional law has no closed form; the message names the variable in the way and the condition that failed.
    ShapeError
        If a value does not have the shape of what is observed.

    Examples
    --------
    >>> import symjax.random as R
    >>> rate = R.Gamma(2.0, 1.0, name="rate")
    >>> counts = R.Poisson(rate, shape=3, name="counts")
    >>> posterior = R.condition(rate, {counts: [4, 2, 3]})
    >>> posterior.distribution.name, [float(p.eval()) for p in posterior.parents]
    ('Gamma', [11.0, 4.0])

    Notes
    -----
    Everything else that what is observed depends on is integrated out by the rules of the posterior compiler: conjugate families,
    jointly Gaussian blocks, finite sums and Markov chains.
    """
    flat, build = flatten(outputs)
    known = _checked(observed)
    with detached():
        return build(conditional([as_tensor(x) for x in flat], known))


def conditional(wanted: Sequence[Any], known: Mapping[Any, Any]) -> list[Any]:
    """`condition` for checked tensors; values may be any leaves."""
    from symjax.random.posterior.rules import RULES

    wanted, known = split_sums(wanted, known)
    joint, values = _joint(wanted, known)
    # a single variable is better told as a law of its own than as part of a block
    alone = sorted(RULES, key=lambda rule: rule[0] != "conjugate")
    plan = compile_posterior(joint, alone if len(joint.latents) == 1 else RULES)
    found = substitute(inside(wanted, values), dict(plan.recovered()))
    left = set(plan.joint.latents)
    for latent in (n for n in toposort(found) if n in left):
        raise NotDerivableError(_refusal(latent, plan), latent.draw)
    return found


def evidence(known: Mapping[Any, Any]) -> Any:
    """The log density of observed values, everything else integrated out; None if it has no closed form."""
    from symjax.random.posterior.rules import RULES

    joint, _ = _joint([], known)
    plan = compile_posterior(joint, RULES)
    return None if plan.joint.latents else T.add_n([T.sum(f.term) for f in plan.joint.factors])


def _checked(observed: Mapping[Any, Any]) -> dict[Any, Any]:
    known: dict[Any, Any] = {}
    for node, value in observed.items():
        if not isinstance(node, Tensor) or not draws_of([node]):
            raise TypeError(f"condition: what is observed must be random variables or expressions of them, got {node!r}.")
        tensor = as_tensor(value)
        if tuple(tensor.shape) != tuple(node.shape):
            raise ShapeError(f"condition: {node.name!r} has shape {node.shape}, but its value has shape {tensor.shape}.")
        if draws_of([tensor]):
            raise NotDerivableError(f"condition: the value of {node.name!r} must not be random itself.", node)
        known[node] = tensor
    return known


def _joint(wanted: list[Any], known: Mapping[Any, Any]) -> tuple[Joint, dict[Any, Any]]:
    """The joint density given what is observed, and for each random variable its latent or value."""
    seen = solved(known, wanted)
    draws = draws_of([*wanted, *known])
    stand_ins = {rv: Tensor(None, (), (), Aval(tuple(rv.shape), rv.dtype, False), None, rv.name) for rv in seen}
    joint, values = joint_of(stand_ins, [rv for rv in draws if rv not in seen])
    own = {rv: inside([o.value, *o.log_slopes], values) for rv, o in seen.items()}
    back = {stand_in: own[rv][0] for rv, stand_in in stand_ins.items()}
    factors = [replaced(f, back) for f in joint.factors]
    factors += [Factor(rv.name, slope) for rv, (_, *slopes) in own.items() for slope in slopes]
    return Joint(joint.latents, tuple(factors)), values | {rv: v for rv, (v, *_) in own.items()}


def _refusal(latent: Any, plan: Plan) -> str:
    reasons = [f"{r.rule}: {r.reason}" for r in plan.declined if latent.name in r.variables]
    why = "; ".join(reasons) if reasons else "no rule knows its law given the rest"
    return f"condition: {latent.name!r} is in the way: {why}."
