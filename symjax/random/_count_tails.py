"""Log tails of counts, through the incomplete gamma and beta functions on the log scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import symjax.tensor as T
from symjax.random._incomplete import log_beta_kernel, log_beta_tails, log_probability
from symjax.tensor._wrap import elementwise

INF = float("inf")


def _log_density(a: Any, b: Any, s: Any) -> Any:
    """Log of the derivative of ``I_sigmoid(s)(a, b)`` in s."""
    inside = jnp.isfinite(s)
    at = jnp.where(inside, s, 0.0)
    return jnp.where(inside, log_beta_kernel(a, b, jax.nn.sigmoid(at), jax.nn.sigmoid(-at)), -jnp.inf)


def _tail(which: int) -> Callable[..., Any]:
    return lambda a, b, s: log_beta_tails(a, b, jax.nn.sigmoid(s), jax.nn.sigmoid(-s))[which]


#: ``log_betainc_logit(a, b, s)`` and ``log_betaincc_logit(a, b, s)``: logs of the regularised incomplete beta function at
#: ``sigmoid(s)`` and of its complement; a probability next to 0 or to 1 keeps its digits in s.
log_betainc_logit = elementwise(log_probability(_tail(0), _log_density, 1), "log_betainc_logit", 3)
log_betaincc_logit = elementwise(log_probability(_tail(1), _log_density, -1), "log_betaincc_logit", 3)


def tail_of_counts(value: Any, term: Callable[[Any], Any], below: float, last: Any = INF) -> Any:
    """A log tail at any number from its form at whole numbers.

    Parameters
    ----------
    value : Tensor
        Where the tail is asked; nan gives nan.
    term : callable
        ``term(k)`` for whole numbers k from 0 to below `last`.
    below : float
        The tail of numbers below zero: −inf for a log cdf, 0 for its complement.
    last : tensor-like
        The largest count; from there on the tail is the other one of −inf and 0.
    """
    k = T.floor(value)
    under, over = T.less(k, 0), T.greater_equal(k, last)
    inside = term(T.where(T.logical_or(under, over), 0.0, k))
    return T.where(under, below, T.where(over, -INF if below == 0 else 0.0, inside))
