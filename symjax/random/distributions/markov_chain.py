"""The discrete Markov chain."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax._errors import ParameterError, ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._shapes import is_symbolic
from symjax.random import _support as support
from symjax.random._alternatives import checked
from symjax.random._constraint import Constraint, Parameter, nonnegative
from symjax.random._distribution import Distribution, choose
from symjax.random._draw import RandomVariable
from symjax.random.distributions.categorical import log_weights
from symjax.tensor._shape_ops import BROADCAST_TO, as_shape
from symjax.tensor._wrap import wrap

_log_rows = Constraint(log_weights.text, lambda x: log_weights.check(x).all((-1, -2)))


def transition_logits(logit_P: Any) -> Any:
    """Normalised log probabilities of the transitions: one matrix, (..., 1, k, k), where all steps have the same."""
    if logit_P.op is BROADCAST_TO:
        [own] = logit_P.parents
        if own.ndim == logit_P.ndim and own.shape[:-3] == logit_P.shape[:-3] and own.shape[-2:] == logit_P.shape[-2:]:
            return T.log_softmax(own, -1)
    return T.log_softmax(logit_P, -1)


class DiscreteMarkovChainDistribution(Distribution):
    r"""Markov chain on 0, ..., k - 1 along the last axis, :math:`P(x_t = j \mid x_{t-1} = i) = P_{ij}`.

    Parameters
    ----------
    P : tensor-like, shape (..., k, k)
        Transition probabilities from the row's state to the column's; rows are normalised.
    logit_P : tensor-like
        Unnormalised log probabilities, instead of `P`.
    init_dist : RandomVariable, optional
        An unnamed draw from the law of the first state, ``R.Categorical(p)`` say; all states equally likely by default.
    steps : int, optional
        Number of transitions, one less than the last axis of the chain; from `shape` where not given.
    n_lags : int
        Must be 1: a state depends on the one before alone.

    Examples
    --------
    >>> import symjax.random as R
    >>> P = [[0.9, 0.1], [0.2, 0.8]]
    >>> x = R.DiscreteMarkovChain(P, init_dist=R.Categorical([0.5, 0.5]), steps=2, name="x")
    >>> round(float(R.logp(x, [0, 0, 1]).eval()), 4)
    -3.1011

    References
    ----------
    Norris, Markov Chains, 1997, theorem 1.1.1.
    """

    parameters = {"logit_init": Parameter(log_weights, 1), "logit_P": Parameter(_log_rows, 3)}
    event_ndim = 1
    is_discrete = True

    def parametrize(self, P: Any = None, logit_P: Any = None, *, init_dist: Any = None, steps: Any = None, n_lags: int = 1) -> Any:
        if n_lags != 1:
            raise ParameterError(f"'n_lags' must be 1, got {n_lags}. Number pairs of states for a chain of higher order.")
        if steps is None or int(steps) < 1:
            raise ShapeError("give steps= or shape=, so that the chain has at least one step.")
        if choose("DiscreteMarkovChain", P=P, logit_P=logit_P) == "P":
            logit_P = T.log(T.cast(as_tensor(checked("P", P, nonnegative)), "floatX"))
        logit_P = as_tensor(logit_P)
        if logit_P.ndim < 2 or logit_P.shape[-1] != logit_P.shape[-2]:
            raise ShapeError(f"'P' must be a square matrix, or a batch of them; got shape {logit_P.shape}.")
        *batch, k, _ = logit_P.shape
        return _initial(init_dist, k), T.broadcast_to(logit_P[..., None, :, :], (*batch, int(steps), k, k))

    def __call__(self, *args: Any, shape: Any = None, size: Any = None, steps: Any = None, **kwargs: Any) -> RandomVariable:
        full = () if shape is None else as_shape(shape)
        if full and not is_symbolic(full[-1]):
            if steps is not None and int(steps) != full[-1] - 1:
                label = f"DiscreteMarkovChain({kwargs.get('name')!r})"
                raise ShapeError(f"{label}: shape {full} has {full[-1] - 1} steps, and steps={steps}.")
            steps = full[-1] - 1
        return super().__call__(*args, shape=shape, size=size, steps=steps, **kwargs)

    def event_shape(self, logit_init: Any, logit_P: Any) -> Any:
        return (logit_P[-3] + 1,)

    def support(self, logit_init: Any, logit_P: Any) -> support.Support:
        return support.Support("discrete_path", 0, logit_P.shape[-1] - 1, 1)

    def draw(self, key: Any, shape: Any, dtype: Any, logit_init: Any, logit_P: Any) -> Any:
        first_key, key = jax.random.split(key)
        n, k = logit_P.shape[-3:-1]
        first = jax.random.categorical(first_key, logit_init, shape=shape)
        logits = jnp.moveaxis(jnp.broadcast_to(logit_P, (*shape, n, k, k)), -3, 0)

        def step(state: Any, inputs: Any) -> Any:
            step_key, matrix = inputs
            row = jnp.take_along_axis(matrix, state[..., None, None], -2)[..., 0, :]
            new = jax.random.categorical(step_key, row)
            return new, new

        _, rest = jax.lax.scan(step, first, (jax.random.split(key, n), logits))
        return jnp.moveaxis(jnp.concatenate([first[None], rest]), 0, -1)

    def log_density(self, value: Any, logit_init: Any, logit_P: Any) -> Any:
        k = logit_P.shape[-1]
        value = as_tensor(value)
        allowed = T.logical_and(T.greater_equal(value, 0), T.less(value, k))
        inside = T.all(T.logical_and(allowed, T.equal(value, T.floor(value))), -1)
        places = T.cast(T.clip(value, 0, k - 1), "int64")
        first = _row_entry(T.log_softmax(logit_init, -1), places[..., :1])[..., 0]
        pairs = transition_logits(logit_P)
        pairs = T.reshape(pairs, (*pairs.shape[:-2], k * k))
        moves = _row_entry(pairs, (places[..., :-1] * k + places[..., 1:])[..., None])[..., 0]
        return T.where(inside, first + T.sum(moves, -1), -np.inf)

    def support_point(self, logit_init: Any, logit_P: Any) -> Any:
        return _likely_path(logit_init, logit_P)


def _likeliest(logit_init: Any, logit_P: Any) -> Any:
    """The path that goes from the likeliest first state to the likeliest next one each time: it has a positive probability."""
    batch = jnp.broadcast_shapes(logit_init.shape[:-1], logit_P.shape[:-3])
    first = jnp.broadcast_to(jnp.argmax(logit_init, -1), batch)
    matrices = jnp.broadcast_to(logit_P, (*batch, *logit_P.shape[-3:]))

    def step(state: Any, matrix: Any) -> Any:
        new = jnp.argmax(jnp.take_along_axis(matrix, state[..., None, None], -2)[..., 0, :], -1)
        return new, new

    _, rest = jax.lax.scan(step, first, jnp.moveaxis(matrices, -3, 0))
    return jnp.moveaxis(jnp.concatenate([first[None], rest]), 0, -1)


_likely_path = wrap(_likeliest, "likely_path", n_tensors=2)


def _row_entry(logs: Any, index: Any) -> Any:
    """Entries along the last axis; the axes before it broadcast."""
    ndim = max(logs.ndim, index.ndim)
    logs = T.reshape(logs, ((1,) * (ndim - logs.ndim) + tuple(logs.shape)))
    index = T.reshape(index, ((1,) * (ndim - index.ndim) + tuple(index.shape)))
    return T.take_along_axis(logs, index, -1)


def _initial(init_dist: Any, k: Any) -> Any:
    """Log weights of the first state."""
    if init_dist is None:
        return T.zeros((k,))
    if not isinstance(init_dist, RandomVariable) or init_dist.distribution.event_ndim or not init_dist.distribution.is_discrete:
        raise ParameterError(f"'init_dist' must be an unnamed discrete scalar random variable, got {init_dist!r}.")
    law = init_dist.distribution
    if law.name == "Categorical":
        [logits] = init_dist.parents
    else:
        logits = law.log_prob(T.arange(k), *(p[..., None] if p.ndim else p for p in init_dist.parents))
    if logits.shape[-1] != k:
        raise ShapeError(f"'init_dist' has {logits.shape[-1]} states and 'P' has {k}.")
    return logits


DiscreteMarkovChain = DiscreteMarkovChainDistribution()
