"""Cdfs and quantiles of monotone expressions, by the same inverses as densities."""

from __future__ import annotations

import functools
import math
from typing import Any

import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.core._op import Aval, Operator
from symjax.core._traverse import make, rebuild
from symjax.random._distribution import require
from symjax.random._draw import RandomVariable
from symjax.random.density._derive import CUMULATIVES, Derivation, Inverse, unknown
from symjax.random.density._log_density import refuse_loose
from symjax.rewrite._facts import is_standard
from symjax.tensor._wrap import register


def log_cdf(derivation: Derivation, node: Any, value: Any, upper: bool = False) -> Any:
    """Log of the probability that `node` is at most `value`, or above it if `upper`.

    Raises
    ------
    NotDerivableError
        If it is not known exactly.
    """
    node = derivation.descended(node)
    if isinstance(node, RandomVariable):
        return _of_draw(node, value, upper)
    derivation.refuse_atoms(node)
    inverse = derivation.inverse(node)
    if inverse is None:
        rule = CUMULATIVES.get(node.op.name) if is_standard(node.op) else None
        if rule is None:
            raise unknown(node, "cdf")
        return rule(node, value, upper, derivation)
    branches = [v for v, _ in inverse.at(value)]
    if len(branches) == 2:
        term = _between(derivation, inverse.operand, branches[0], branches[1], upper)
    else:
        term = _through(derivation, node, inverse, branches[0], upper)
    below, above = (0.0, -math.inf) if upper else (-math.inf, 0.0)
    if inverse.lower is not None:
        term = T.where(T.less(value, inverse.lower) if inverse.closed else T.less_equal(value, inverse.lower), below, term)
    if inverse.upper is not None:
        term = T.where(T.greater_equal(value, inverse.upper), above, term)
    return term


def _through(derivation: Derivation, node: Any, inverse: Inverse, at: Any, upper: bool) -> Any:
    if inverse.increasing is None:
        raise unknown(node, "cdf")

    def falling() -> Any:
        # P(X >= t) for a decreasing map; of a discrete law that is P(X > the whole number below t)
        edge = T.ceil(at) - 1 if derivation.is_discrete(inverse.operand) else at
        return log_cdf(derivation, inverse.operand, edge, not upper)

    if inverse.increasing is True:
        return log_cdf(derivation, inverse.operand, at, upper)
    if inverse.increasing is False:
        return falling()
    return T.where(inverse.increasing, log_cdf(derivation, inverse.operand, at, upper), falling())


def _between(derivation: Derivation, operand: Any, low: Any, high: Any, upper: bool) -> Any:
    outside = T.logaddexp(log_cdf(derivation, operand, low), log_cdf(derivation, operand, high, True))
    if upper:
        return outside
    inside = T.logdiffexp(log_cdf(derivation, operand, high), log_cdf(derivation, operand, low))
    # the difference of two probabilities near one is known better from what is left out
    return T.where(T.less(outside, -math.log(2)), T.log1mexp(T.minimum(outside, -math.log(2))), inside)


def _infer_first(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    return avals[0]


#: ``quantile_of(formula, q, *parameters, distribution=)``: the formula, which is the distribution's quantile function at `q`.
QUANTILE_OF = register(Operator("quantile_of", lambda formula, *_, distribution: formula, _infer_first))


def quantile(derivation: Derivation, node: Any, q: Any) -> Any:
    """The value that `node` stays below with probability `q`.

    Raises
    ------
    NotDerivableError
        If it is not known exactly.
    """
    node = derivation.descended(node)
    if isinstance(node, RandomVariable):
        _require_scalar_law(node, "quantile function")
        refuse_loose([node], {})
        found = node.distribution.quantile(q, *node.parents)
        allowed = node.distribution._checks(node.parents)
        found = T.where(functools.reduce(T.logical_and, allowed), found, math.nan) if allowed else found
        # that a random level makes a draw of the law could not be told from the formula
        law = node.distribution
        return make(QUANTILE_OF, [found, q, *node.parents], {"distribution": law}) if derivation.is_random(q) else found
    derivation.refuse_atoms(node)
    inverse = derivation.inverse(node)
    if inverse is None or inverse.increasing is None:
        raise unknown(node, "quantile function")
    if inverse.increasing is not True and derivation.is_discrete(node):
        raise unknown(node, "quantile function")
    if inverse.increasing is False:
        q = 1 - q
    elif inverse.increasing is not True:
        q = T.where(inverse.increasing, q, 1 - q)
    found = quantile(derivation, inverse.operand, q)
    return rebuild(node, [found if p is inverse.operand else p for p in node.parents])


def _require_scalar_law(draw: Any, what: str) -> None:
    if draw.distribution.event_ndim:
        raise NotDerivableError(f"{draw.name!r} is multivariate and has no {what}.", draw)


def _of_draw(draw: Any, value: Any, upper: bool) -> Any:
    _require_scalar_law(draw, "cdf")
    refuse_loose([draw], {})
    law = draw.distribution
    if not upper:
        return law.log_cumulative(value, *draw.parents)
    return require(law.log_ccdf(value, *draw.parents), *law._checks(draw.parents))
