"""`marginalize`: random variables are integrated out of a random graph."""

from __future__ import annotations

from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.core._leaves import as_tensor
from symjax.core._scope import detached
from symjax.core._traverse import flatten, rebuild, substitute, toposort
from symjax.random.distributions.categorical import Categorical
from symjax.random.distributions.mixture import Mixture
from symjax.random.posterior._joint import Latent
from symjax.random.posterior._marginal import Given
from symjax.random.posterior._observed import draws_of, is_draw, leaves_of, part_of
from symjax.random.posterior.condition import conditional, evidence
from symjax.rewrite import canonicalize
from symjax.tensor._index import ARRAY

#: Elements into which a variable is taken apart at most.
_MAX_SPLIT = 16
_MAX_COMPONENTS = 64


def marginalize(outputs: Any, rvs: Any) -> Any:
    """Expressions with random variables integrated out, as a random graph of the same joint law.

    Parameters
    ----------
    outputs : Tensor or nested list, tuple or dict of Tensor
        Random variables and expressions of them.
    rvs : RandomVariable or sequence of them
        What is integrated out.

    Returns
    -------
    Tensor or nested structure of Tensor
        The structure of `outputs`, which does not depend on `rvs` any more.

    Raises
    ------
    NotDerivableError
        If no law is known for what is left without one of them; the message names it.

    Examples
    --------
    >>> import symjax.random as R
    >>> mu = R.Normal(1.0, 3.0, name="mu")
    >>> y = R.Normal(mu, 4.0, name="y")
    >>> marginal = R.marginalize(y, mu)
    >>> marginal.distribution.name, [float(p.eval()) for p in marginal.parents]
    ('Normal', [1.0, 5.0])

    Notes
    -----
    A single child becomes a compound law (or a mixture, for a discrete variable of few values). With several children the joint law
    is taken apart by the chain rule: the first child's compound law, then that of the second under the conditional law of `rvs`
    given the first, and so on, as in Pólya's urn.
    """
    chosen = list(rvs) if isinstance(rvs, (list, tuple)) else [rvs]
    for rv in chosen:
        if not is_draw(rv):
            raise TypeError(f"marginalize: {rv!r} is no random variable.")
    flat, build = flatten(outputs)
    with detached():
        found = _without([as_tensor(x) for x in flat], chosen)
    return build(found)


def _without(wanted: list[Any], chosen: list[Any]) -> list[Any]:
    kept = {rv.token for rv in draws_of([*wanted, *chosen])} - {rv.token for rv in chosen}
    near = {rv for x in wanted for rv in leaves_of(x)}
    for rv in chosen:
        if rv in near:
            raise _refusal(rv, "what is wanted is computed from it")
    while True:
        child = next(iter(_children(wanted, chosen)), None)
        if child is None:
            break
        law = _compound(child, kept)
        law = _mixture(child, chosen, kept) if law is None else law
        law = _tabulated(child, chosen, kept) if law is None else law
        if law is None and 1 < child.size <= _MAX_SPLIT and not child.distribution.event_ndim:
            apart = _taken_apart(child)
            kept |= {rv.token for rv in draws_of([apart])} - {rv.token for rv in chosen}
            wanted = substitute(wanted, {child: apart})
            continue
        if law is None:
            raise _refusal(chosen[0], f"the compound law of {child.name!r} is not known")
        kept |= {rv.token for rv in draws_of([law])} - {rv.token for rv in chosen}
        wanted, chosen = _after(wanted, chosen, child, law, kept)
        chosen = [rv for rv in chosen if rv.token not in kept]
    for rv in draws_of(wanted):
        if rv.token not in kept:
            raise _refusal(rv, "what is wanted is computed from it")
    return wanted


def _refusal(rv: Any, reason: str) -> NotDerivableError:
    return NotDerivableError(f"marginalize: {rv.name!r} cannot be integrated out: {reason}.", rv)


def _children(wanted: list[Any], chosen: list[Any]) -> list[Any]:
    """Random variables whose parameters are computed from chosen ones, which are not chosen themselves."""
    gone = set(chosen)
    return [rv for rv in draws_of(wanted) if rv not in gone and any(x in gone for p in rv.parents for x in leaves_of(p))]


def _after(wanted: list[Any], chosen: list[Any], child: Any, law: Any, kept: set[Any]) -> tuple[list[Any], list[Any]]:
    """What is left when one child has its compound law: the chosen variables then have their conditional law given it."""
    if not _children(substitute(wanted, {child: law}), chosen):
        return substitute(wanted, {child: law}), chosen
    # what is kept already has its marginal law: it is given here, or it would be conditioned a second time
    given = {rv: Given(Latent(rv)) for rv in draws_of([child, *chosen]) if rv is not child and rv.token in kept}
    alone, *now = substitute([child, *chosen], dict(given))
    leaf = Given(Latent(alone))
    try:
        found = conditional(now, {alone: leaf})
    except NotDerivableError as error:
        raise _refusal(chosen[0], f"its law given {child.name!r} is not known ({error})") from None
    back = {x: rv for rv, x in given.items()}
    given_child = substitute(found, {leaf: law, **back})
    return substitute(wanted, {child: law, **dict(zip(chosen, given_child, strict=True))}), draws_of(given_child)


def _compound(child: Any, kept: set[Any]) -> Any:
    """The compound law of a child as a graph of one fresh draw; None if it is not known."""
    alone, back = _alone(child, kept)
    [found] = canonicalize([alone])
    if len(draws_of([found])) != 1:
        return None
    return substitute([found], back)[0]


def _alone(child: Any, kept: set[Any]) -> tuple[Any, dict[Any, Any]]:
    """A child with what is kept given for now, and how to undo that."""
    given = {rv: Given(Latent(rv)) for rv in draws_of([child]) if rv is not child and rv.token in kept}
    return substitute([child], dict(given))[0], {leaf: rv for rv, leaf in given.items()}


def _tabulated(child: Any, chosen: list[Any], kept: set[Any]) -> Any:
    """The law of a single discrete child by the probabilities of its values, each an integral over the chosen variables."""
    from symjax.random.posterior.discrete_tables import bounds_of

    bounds = bounds_of(Latent(child)) if child.distribution.is_discrete and not child.shape else ""
    if isinstance(bounds, str):
        return None
    least, most = (int(b) for b in bounds)
    if most - least >= _MAX_COMPONENTS:
        return None
    alone, back = _alone(child, kept)
    logs = [evidence({alone: T.constant(np.full((), k, child.dtype))}) for k in range(least, most + 1)]
    if any(x is None for x in logs):
        return None
    drawn = Categorical(logit_p=T.stack(substitute(logs, back)), name=child.name)
    return T.cast(drawn + least if least else drawn, child.dtype)


def _mixture(child: Any, chosen: list[Any], kept: set[Any]) -> Any:
    """The mixture over the values of the one discrete variable that a child depends on element by element."""
    near = {x for p in child.parents for x in leaves_of(p)}
    found = [rv for rv in chosen if rv in near]
    if len(found) != 1 or not found[0].distribution.is_discrete or any(rv.token not in kept for rv in draws_of(found[0].parents)):
        return None
    from symjax.random.posterior.discrete_tables import bounds_of

    [z] = found
    bounds = bounds_of(Latent(z))
    if isinstance(bounds, str) or not _is_elementwise(child, z):
        return None
    values = range(int(bounds[0].min()), int(bounds[1].max()) + 1)
    if len(values) > _MAX_COMPONENTS:
        return None
    parts, logs = [], []
    for k in values:
        at = T.constant(np.full(z.shape, k))
        parts.append(rebuild(child, substitute(child.parents, {z: at}), token=child.token.fresh()))
        logs.append(T.broadcast_to(z.distribution.log_prob(at, *z.parents), z.shape))
    return Mixture(T.exp(T.stack(logs, -1)), parts, shape=child.shape, name=child.name)


def _is_elementwise(child: Any, z: Any) -> bool:
    """Whether each element of a child depends on the element of a variable at its own place alone."""
    if child.shape != z.shape or child.distribution.event_ndim:
        return False
    barriers = {rv: rv for rv in draws_of(child.parents)}
    for node in toposort(child.parents, stop=barriers):
        if node in barriers or z not in set(leaves_of(node)):
            continue
        table = node.fn_name == "getitem" and node.settings["index"] == (ARRAY,) and z not in set(leaves_of(node.parents[0]))
        if node.shape != z.shape or not (node.op.elementwise or table):
            return False
    return True


def _taken_apart(child: Any) -> Any:
    """A random variable as the stack of its elements."""
    elements = [part_of(child, i, f"{child.name}[{i}]") for i in range(child.size)]
    return T.reshape(T.stack(elements), child.shape)
