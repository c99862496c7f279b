"""Laws of draws that a discrete draw picks, or picks the parameters of: mixtures.

They are the definition of a finite mixture: McLachlan, Peel, Finite Mixture Models, 2000, section 1.4.
"""

from __future__ import annotations

from typing import Any

import symjax.tensor as T
from symjax.core._traverse import rebuild, substitute, toposort
from symjax.random._draw import RandomVariable
from symjax.random._finite import is_by_element, log_masses, loose_draws, values_of
from symjax.random.distributions.mixture import Mixture
from symjax.rewrite import Replaced, canonicalize, cone_law


@cone_law("where", "getitem")
def mixture_over_a_draw(root: Any, engine: Any) -> Any:
    """X_z with z = k of probability wₖ = Mixture(w, (X₁, …, Xₙ)), the draws and z used nowhere else."""
    z = next(iter(loose_draws(root, engine.is_random)), None)
    each = root.ndim > 0
    values = None if z is None or z.shape != root.shape else values_of(z, each)
    if z is None or values is None:
        return None
    ends = set() if isinstance(root, RandomVariable) else {n for n in toposort([root]) if isinstance(n, RandomVariable)}
    members = _between(root, {z} | ends, engine)
    if each and not is_by_element([root, *members], root.shape, engine.is_random):
        return None
    if engine.absorbable(root, members) != members:
        return None
    parts = canonicalize([substitute([root], {z: T.constant(v)})[0] for v in values])
    if not all(_is_component(p, root, members) for p in parts) or len({p.distribution.is_discrete for p in parts}) > 1:
        return None
    weights = T.exp(T.stack(log_masses(z, values, each), -1))
    components = [rebuild(p, p.parents, token=p.token.fresh()) for p in parts]
    return Replaced(frozenset(members), Mixture(weights, components, shape=root.shape, dtype=root.dtype))


def _between(root: Any, ends: set[Any], engine: Any) -> set[Any]:
    """The random nodes on the way from a node down to some draws, and these."""
    leads = set(ends)
    for n in toposort(root.parents, stop=ends):
        if n not in ends and any(p in leads for p in n.parents):
            leads.add(n)
    reached = {n for n in toposort(root.parents, stop=ends) if n in leads and engine.is_random(n)}
    return reached


def _is_component(part: Any, root: Any, members: set[Any]) -> bool:
    """Whether a branch is one draw of the root's shape that does not depend on what goes."""
    return (
        isinstance(part, RandomVariable)
        and part.distribution.event_ndim == 0
        and (part.shape, part.dtype) == (root.shape, root.dtype)
        and not any(n in members for n in toposort(part.parents))
    )
