"""Updates of discrete variables given the continuous ones.

A coordinate with finitely many values is drawn from its full conditional (Gibbs), evaluated at every value at once. One with
unboundedly many takes a Metropolis step whose symmetric jump has a random scale, so that nothing needs tuning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax.sampling._target import DiscreteVariable

_SCALES = 7  # jumps of scale 1, 2, 4, ..., 64


def sweep(variables: Sequence[DiscreteVariable]) -> Callable[[Any, Any, Callable[[Any], Any]], Any]:
    """An update of all discrete coordinates in turn.

    Parameters
    ----------
    variables : sequence of DiscreteVariable
        Layout of the discrete vector.

    Returns
    -------
    callable
        ``update(key, values, log_density) -> values``; `log_density` is a function of the discrete vector alone.
    """
    finite = [(j, v.lower, v.n_values) for v in variables if v.n_values is not None for j in range(v.start, v.stop)]
    unbounded = [j for v in variables if v.n_values is None for j in range(v.start, v.stop)]

    def update(key: Any, values: Any, log_density: Callable[[Any], Any]) -> Any:
        gibbs_key, metropolis_key = jax.random.split(key)
        if finite:
            values = _gibbs(gibbs_key, values, log_density, finite)
        if unbounded:
            values = _metropolis(metropolis_key, values, log_density, unbounded)
        return values

    return update


def _gibbs(key: Any, values: Any, log_density: Callable[[Any], Any], finite: Sequence[tuple[int, Any, Any]]) -> Any:
    places = np.array([f[0] for f in finite])
    lowers = np.array([f[1] for f in finite])
    counts = np.array([f[2] for f in finite])
    offsets = np.arange(counts.max())

    def one(i: Any, values: Any) -> Any:
        place, lower, count = jnp.asarray(places)[i], jnp.asarray(lowers)[i], jnp.asarray(counts)[i]
        logits = jax.vmap(lambda offset: log_density(values.at[place].set(lower + offset)))(offsets)
        logits = jnp.where((offsets < count) & ~jnp.isnan(logits), logits, -jnp.inf)
        return values.at[place].set(lower + jax.random.categorical(jax.random.fold_in(key, i), logits))

    return jax.lax.fori_loop(0, len(finite), one, values)


def _metropolis(key: Any, values: Any, log_density: Callable[[Any], Any], unbounded: Sequence[int]) -> Any:
    places = np.array(unbounded)

    def one(i: Any, carry: Any) -> Any:
        values, present = carry
        place = jnp.asarray(places)[i]
        scale_key, jump_key, accept_key = jax.random.split(jax.random.fold_in(key, i), 3)
        scale = 2.0 ** jax.random.randint(scale_key, (), 0, _SCALES)
        size = jax.random.laplace(jump_key, ()) * scale
        # away from zero, so that a jump always moves; symmetric since the Laplace law is
        jump = (jnp.sign(size) * jnp.ceil(jnp.abs(size))).astype(values.dtype)
        proposal = values.at[place].add(jump)
        proposed = log_density(proposal)
        accept = jnp.log(jax.random.uniform(accept_key)) < proposed - present
        return jnp.where(accept, proposal, values), jnp.where(accept, proposed, present)

    return jax.lax.fori_loop(0, len(unbounded), one, (values, log_density(values)))[0]
