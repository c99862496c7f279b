"""Densities of expressions of a discrete draw that has few values: each value gives an expression of the rest, and they mix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.core._traverse import substitute, toposort
from symjax.random._finite import MAX_VALUES, is_by_element, log_masses, loose_draws, values_of
from symjax.random.density._derive import Derivation, simplified

Ask = Callable[[Derivation, Any], Any]


def mixed(root: Any, value: Any, what: str, ask: Ask, budget: int = MAX_VALUES) -> Any:
    """The log density or cdf of an expression by the values of one discrete draw in it.

    Parameters
    ----------
    root : Tensor
        The expression.
    value : Tensor
        Where, of the expression's shape but for further leading axes.
    what : {"density", "cdf", "ccdf"}
        What is asked for.
    ask : callable
        ``ask(derivation, expression)``, the answer for an expression without that draw.
    budget : int
        Number of expressions that may be asked about.

    Returns
    -------
    Tensor
        One element for each value of an element, but for a density one for each value of the whole where all elements depend on
        one draw.

    Raises
    ------
    NotDerivableError
        If there is no such draw, or what is left has no law that is known, or a density for some values and probabilities for
        others.
    """
    derivation = Derivation()
    for z in loose_draws(root, derivation.is_random):
        inside = [n for n in toposort([root]) if derivation.is_random(n)]
        each = root.ndim > 0 and is_by_element(inside, root.shape, derivation.is_random)
        values = values_of(z, each)
        if values is None or len(values) > budget:
            continue
        branches = simplified(_with_values(root, z, values))
        kinds = {_is_of_atoms(b) for b in branches}
        if len(kinds) > 1 or None in kinds:
            # a density for some values and probabilities for others
            continue
        terms = []
        for mass, branch in zip(log_masses(z, values, each), branches, strict=True):
            term = _of_branch(branch, value, what, ask, budget // len(values))
            if what == "density" and not each:
                term = T.sum(term, tuple(range(value.ndim - root.ndim, term.ndim)))
            terms.append(mass + term)
        found = T.logsumexp(T.stack(terms), 0)
        return found if what == "density" else T.minimum(found, 0.0)
    raise NotDerivableError(f"the law of {root.name!r} is no mixture over the values of one discrete draw.", root)


def _with_values(root: Any, draw: Any, values: list[np.ndarray]) -> list[Any]:
    """An expression for each value of a draw."""
    return [substitute([root], {draw: T.constant(v)})[0] for v in values]


def _is_of_atoms(branch: Any) -> bool | None:
    """Whether a branch has values of positive probability; None if that is not known."""
    if branch.dtype.kind != "f":
        return True
    derivation = Derivation()
    if not derivation.is_random(branch):
        # equality of floats is no question, that of whole numbers is
        return True if branch.op is None and hasattr(branch, "value") and np.all(branch.value == np.round(branch.value)) else None
    return None if derivation.has_atoms(branch) else derivation.is_discrete(branch)


def _of_branch(branch: Any, value: Any, what: str, ask: Ask, budget: int) -> Any:
    derivation = Derivation()
    if not derivation.is_random(branch):
        holds = {"density": T.equal, "cdf": T.greater_equal, "ccdf": T.less}[what](value, branch)
        return T.where(holds, 0.0, -np.inf)
    try:
        return ask(derivation, branch)
    except NotDerivableError:
        if budget < 2:
            raise
        try:
            return mixed(branch, value, what, ask, budget)
        except NotDerivableError:
            pass
        raise
