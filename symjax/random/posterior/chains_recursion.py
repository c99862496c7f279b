"""Sums over the paths of a Markov chain, and draws of paths.

A chain of T steps with K states has log weights of the states at each step, ``unary`` of shape (..., T, K), and of pairs of
neighbours, ``pair`` of shape (..., T - 1, K, K), or (..., 1, K, K) where all steps have the same. The weight of a path is the
exponential of the sum of its entries. Log weights may be −inf: derivatives stay finite.

References
----------
Rabiner, A tutorial on hidden Markov models, Proceedings of the IEEE 77, 1989, section III. Särkkä, García-Fernández, Temporal
parallelization of Bayesian smoothers, IEEE TAC 66, 2021, for products in any order.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from symjax.random._constraint import Parameter
from symjax.random._distribution import Distribution
from symjax.random._support import Support
from symjax.random.posterior.discrete_tables import total_of_logs
from symjax.tensor._wrap import wrap


def _advance(state: Any, matrix: Any) -> Any:
    """Log weights of the next state: the log of ``exp(state) @ exp(matrix)``."""
    return total_of_logs(state[..., :, None] + matrix, -2)


def _product(a: Any, b: Any) -> Any:
    """The log of ``exp(a) @ exp(b)``."""
    return total_of_logs(a[..., :, :, None] + b[..., None, :, :], -2)


def _by_steps(state: Any, matrices: Any) -> Any:
    """`state` advanced by matrices (..., n, K, K), one after the other."""
    return jax.lax.scan(lambda s, m: (_advance(s, m), None), state, jnp.moveaxis(matrices, -3, 0))[0]


def _by_halves(state: Any, matrices: Any) -> Any:
    """The same in log₂ n steps, of products of neighbours."""
    while matrices.shape[-3] > 1:
        n = matrices.shape[-3]
        halved = _product(matrices[..., : n - 1 : 2, :, :], matrices[..., 1::2, :, :])
        matrices = jnp.concatenate([halved, matrices[..., n - 1 :, :, :]], -3) if n % 2 else halved
    return _advance(state, matrices[..., 0, :, :])


def _evidence(unary: Any, pair: Any) -> Any:
    *batch, n, k = jnp.broadcast_shapes(unary.shape[:-2], pair.shape[:-3]) + unary.shape[-2:]
    state = jnp.broadcast_to(unary[..., 0, :], (*batch, k))
    if n > 1:
        matrices = jnp.broadcast_to(pair + unary[..., 1:, None, :], (*batch, n - 1, k, k))
        # a loop's step costs next to nothing on a processor, but a kernel's start on an accelerator
        advanced = _by_steps if jax.default_backend() == "cpu" else _by_halves
        state = advanced(state, matrices)
    return total_of_logs(state, -1)


#: ``path_evidence(unary, pair)``: log of the sum of the weights of all paths.
path_evidence = wrap(_evidence, "path_evidence", n_tensors=2)


class MarkovPathDistribution(Distribution):
    """The law of a path with probability proportional to its weight.

    Parameters
    ----------
    unary, pair : tensor-like, shapes (..., T, K) and (..., T - 1, K, K) or (..., 1, K, K)
        Log weights.
    """

    parameters = {"unary": Parameter(ndim=2), "pair": Parameter(ndim=3)}
    event_ndim = 1
    is_discrete = True

    def parametrize(self, unary: Any, pair: Any) -> Any:
        return unary, pair

    def event_shape(self, unary: Any, pair: Any) -> Any:
        return unary[-2:-1]

    def support(self, unary: Any, pair: Any) -> Support:
        return Support("discrete_path", 0, unary.shape[-1] - 1, 1)

    def draw(self, key: Any, shape: Any, dtype: Any, unary: Any, pair: Any) -> Any:
        """Forward filtering, backward sampling (Frühwirth-Schnatter, Journal of Time Series Analysis 15, 1994)."""
        n, k = unary.shape[-2:]
        unary = jnp.moveaxis(jnp.broadcast_to(unary, (*shape, n, k)), -2, 0)
        pair = jnp.moveaxis(jnp.broadcast_to(pair, (*shape, pair.shape[-3], k, k)), -3, 0)
        keys = jax.random.split(key, n)
        steps = jnp.arange(n - 1)

        def at(t: Any) -> Any:
            return pair[jnp.minimum(t, pair.shape[0] - 1)]

        def forward(state: Any, t: Any) -> Any:
            new = _advance(state, at(t)) + unary[t + 1]
            return new, new

        def backward(later: Any, t: Any) -> Any:
            into = jnp.take_along_axis(at(t), later[..., None, None], -1)[..., 0]
            drawn = jax.random.categorical(keys[t], filtered[t] + into)
            return drawn, drawn

        last, rest = jax.lax.scan(forward, unary[0], steps)
        filtered = jnp.concatenate([unary[:1], rest])
        end = jax.random.categorical(keys[n - 1], last)
        _, path = jax.lax.scan(backward, end, steps, reverse=True)
        return jnp.moveaxis(jnp.concatenate([path, end[None]]), 0, -1)


MarkovPath = MarkovPathDistribution()
