"""Reparametrisation: which variables get coordinates between centred and non-centred, and the graphs of these coordinates.

Chosen are variables whose prior is a location-scale law with a location or scale that other variables decide, standard normal ones
that are used only so scaled (what was written non-centred), and Gaussian random walks. How far each element is centred is settled
in warm-up, by the likelihood's information about it against the prior's: `symjax.sampling.Frame` says how. The model, its
variables, their transforms and starting values stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

import symjax.random as R
import symjax.tensor as T
from symjax.core._lower import lower
from symjax.core._node import Tensor
from symjax.core._op import Aval
from symjax.core._scope import detached
from symjax.core._traverse import consumers, substitute
from symjax.pmc_bridge._plan import ModelPlan, Unconstrained
from symjax.pmc_bridge._walk_frame import from_walk, to_walk, walk_pull
from symjax.random.distributions.random_walk import RandomWalkFrom
from symjax.random.posterior import Record, is_data, latents_of, value_of
from symjax.sampling import Frame, Observations
from symjax.tensor._wrap import OPERATORS

_to_walk, _from_walk, _walk_pull = T.jax_wrap(to_walk), T.jax_wrap(from_walk), T.jax_wrap(walk_pull)

#: Location and scale of the laws of unconstrained values, by distribution and name of the transform.
_LOCATION_SCALE: dict[tuple[Any, str | None], Callable[..., tuple[Any, Any]]] = {
    (R.Normal, None): lambda mu, sigma: (mu, sigma),
    (R.Cauchy, None): lambda alpha, beta: (alpha, beta),
    (R.Laplace, None): lambda mu, b: (mu, b),
    (R.Logistic, None): lambda mu, s: (mu, s),
    (R.Gumbel, None): lambda mu, beta: (mu, beta),
    (R.StudentT, None): lambda nu, mu, sigma: (mu, sigma),
    (R.LogNormal, "log"): lambda mu, sigma: (mu, sigma),
    (R.HalfNormal, "log"): lambda sigma: (T.log(sigma), T.ones_like(sigma)),
    (R.HalfCauchy, "log"): lambda beta: (T.log(beta), T.ones_like(beta)),
    (R.HalfStudentT, "log"): lambda nu, sigma: (T.log(sigma), T.ones_like(sigma)),
    (R.Exponential, "log"): lambda lam: (-T.log(lam), T.ones_like(lam)),
}


@dataclass(frozen=True, slots=True)
class LocationScale:
    """A prior of independent elements: location and scale of the unconstrained value, of its shape."""

    location: Any
    scale: Any

    def shrunk(self, pull: Any, precision: Any) -> tuple[Any, Any]:
        """Location and scale given pseudo-observations."""
        variance = self.scale**2
        share = 1 / (1 + variance * precision)
        return share * (self.location + variance * pull), self.scale * T.sqrt(share)

    def to_model(self, z: Any, pull: Any, precision: Any) -> tuple[Any, Any]:
        """The unconstrained value at coordinates `z`, and the log-Jacobian."""
        location, scale = self.shrunk(pull, precision)
        return location + scale * z, T.log(scale)

    def from_model(self, x: Any, pull: Any, precision: Any) -> Any:
        """The inverse of `to_model`."""
        location, scale = self.shrunk(pull, precision)
        return (x - location) / scale

    def observed(self, x: Any, gradient: Any, precision: Any) -> tuple[Any, Any]:
        """The unconstrained value, and the gradient by it of the log density without this prior's Gaussian part.

        `gradient` is that by the coordinates, of the log density of all.
        """
        _, scale = self.shrunk(T.zeros_like(x), precision)
        return x, gradient / scale + (x - self.location) / self.scale**2


@dataclass(frozen=True, slots=True)
class Scaled:
    """A standard normal prior of `z`, used as ``location + scale * z`` alone: location and scale, of its shape."""

    location: Any
    scale: Any

    def shrunk(self, pull: Any, precision: Any) -> tuple[Any, Any]:
        """Mean and standard deviation of `z` given pseudo-observations of ``location + scale * z``."""
        share = 1 / (1 + self.scale**2 * precision)
        return share * self.scale * (pull - precision * self.location), T.sqrt(share)

    def to_model(self, z: Any, pull: Any, precision: Any) -> tuple[Any, Any]:
        """The standard normal value at coordinates `z`, and the log-Jacobian."""
        location, scale = self.shrunk(pull, precision)
        return location + scale * z, T.log(scale)

    def from_model(self, x: Any, pull: Any, precision: Any) -> Any:
        """The inverse of `to_model`."""
        location, scale = self.shrunk(pull, precision)
        return (x - location) / scale

    def observed(self, x: Any, gradient: Any, precision: Any) -> tuple[Any, Any]:
        """The value as it is used, and the gradient by it of the log density without the prior."""
        _, scale = self.shrunk(T.zeros_like(x), precision)
        return self.location + self.scale * x, (gradient / scale + x) / self.scale


@dataclass(frozen=True, slots=True)
class Walk:
    """A Gaussian random walk along the last axis: precisions of its steps and of its first value, and its mean."""

    steps: Any
    first: Any
    mean: Any

    def to_model(self, z: Any, pull: Any, precision: Any) -> tuple[Any, Any]:
        """The walk at coordinates `z`, and the log-Jacobian."""
        return _to_walk(z, self.steps, self.first, self.mean, pull, precision)

    def from_model(self, x: Any, pull: Any, precision: Any) -> Any:
        """The inverse of `to_model`."""
        return _from_walk(x, self.steps, self.first, self.mean, pull, precision)

    def observed(self, x: Any, gradient: Any, precision: Any) -> tuple[Any, Any]:
        """The walk, and the gradient by it of the log density without the prior."""
        return x, _walk_pull(x, gradient, self.steps, self.first, self.mean, precision)


_HOW: dict[type, str] = {
    LocationScale: "coordinates between centred and non-centred",
    Scaled: "written non-centred; coordinates between that and centred",
    Walk: "coordinates between the walk's increments and its values",
}


def coordinates_of(plan: ModelPlan) -> list[Record]:
    """What `reparametrize` does to the continuous variables that are left to sample, for people."""
    parts = [u for u in plan.unconstrained() if not u.latent.is_discrete]
    with detached():
        priors = _chosen(parts, plan)
    found = []
    for i, prior in priors.items():
        name, shape = parts[i].rv.name, parts[i].leaf.shape
        label = f"{name} ({'×'.join(map(str, shape))})" if shape else name
        how = f"{label}: {_HOW[type(prior)]}, chosen in warm-up for each element by what the data tell"
        found.append(Record("reparametrize", (name,), how))
    return found


class _Leaves(NamedTuple):
    """Leaves of a chosen variable: its coordinates, their gradient, and its pseudo-observations."""

    z: Any
    gradient: Any
    pull: Any
    precision: Any


@dataclass(frozen=True)
class Reparametrization:
    """Coordinates of a model's continuous values.

    Attributes
    ----------
    parts : tuple of Unconstrained
        The variables with leaves, values and log-Jacobians of the chosen ones in the new coordinates.
    inputs : tuple of Tensor
        Leaves of the pseudo-observations that these values depend on; their values are `inputs_of`.
    frame : Frame
        For the sampler.
    names : tuple of str
        The chosen variables.
    """

    parts: tuple[Unconstrained, ...]
    inputs: tuple[Any, ...]
    frame: Frame
    names: tuple[str, ...]
    inputs_of: Callable[[Observations], list[Any]]


def reparametrize(parts: Sequence[Unconstrained], plan: ModelPlan, split: Callable[[Any], list[Any]]) -> Reparametrization | None:
    """Choose variables and build their coordinates.

    Parameters
    ----------
    parts : sequence of Unconstrained
        The continuous variables that are left to sample, each after those that its prior depends on.
    plan : ModelPlan
        What is left of the model.
    split : callable
        The parts' values from a flat position, in JAX.

    Returns
    -------
    Reparametrization or None
        None if no variable calls for it.
    """
    with detached():
        priors = _chosen(parts, plan)
        if not priors:
            return None
        leaves = {i: _Leaves(*(_leaf_like(parts[i].leaf, name) for name in _Leaves._fields)) for i in priors}
        moved = _moved(parts, priors, leaves)
        at = {u.latent: u.value for u in parts}
        own = [parts[i].leaf for i in priors]
        backward = [prior.from_model(x, leaves[i].pull, leaves[i].precision) for x, (i, prior) in zip(own, priors.items())]
        observed = [prior.observed(x, leaves[i].gradient, leaves[i].precision) for x, (i, prior) in zip(own, priors.items())]
        given = substitute([*backward, *(v for v, _ in observed), *(g for _, g in observed)], at)
    inputs = tuple(x for i in priors for x in (leaves[i].pull, leaves[i].precision))
    models, gradients = [u.leaf for u in parts], [leaves[i].gradient for i in priors]
    programs = (
        lower([x for _, x in moved], [*(u.leaf for u, _ in moved), *inputs], fold=False),
        lower(given[: len(priors)], [*models, *inputs], fold=False),
        lower(given[len(priors) :], [*models, *gradients, *inputs], fold=False),
    )
    index = list(priors)
    frame = Frame(
        *_functions(programs, index, split),
        data=tuple(p.values_of_data() for p in programs),
        chosen=np.concatenate([np.full(int(np.prod(u.leaf.shape, dtype=int)), i in priors) for i, u in enumerate(parts)]),
    )
    names = tuple(parts[i].rv.name for i in priors)
    return Reparametrization(tuple(u for u, _ in moved), inputs, frame, names, partial(_inputs_of, split, index))


def _functions(programs: Sequence[Any], index: Sequence[int], split: Callable[[Any], list[Any]]) -> tuple[Any, Any, Any]:
    """The functions of the frame, in JAX, from programs for the parts in `index`."""
    forward, backward, observing = programs

    def to_model(position: Any, observations: Observations, data: Any) -> Any:
        return _joined(forward.run([*split(position), *_inputs_of(split, index, observations)], data[0]))

    def from_model(model: Any, observations: Observations, data: Any) -> Any:
        parts = split(model)
        return _joined(_replaced(parts, index, backward.run([*parts, *_inputs_of(split, index, observations)], data[1])))

    def observed(model: Any, gradient: Any, observations: Observations, data: Any) -> tuple[Any, Any]:
        parts, gradients = split(model), split(gradient)
        own = [*(gradients[i] for i in index), *_inputs_of(split, index, observations)]
        found = observing.run([*parts, *own], data[2])
        return _joined(_replaced(parts, index, found[: len(index)])), _joined(_replaced(gradients, index, found[len(index) :]))

    return to_model, from_model, observed


def _inputs_of(split: Callable[[Any], list[Any]], index: Sequence[int], observations: Observations) -> list[Any]:
    pull, precision = split(observations.pull), split(observations.precision)
    return [x for i in index for x in (pull[i], precision[i])]


def _chosen(parts: Sequence[Unconstrained], plan: ModelPlan) -> dict[int, LocationScale | Scaled | Walk]:
    """The priors of the parts to reparametrise, by number; each depends on parts before it alone."""
    found: dict[int, LocationScale | Scaled | Walk] = {}
    before: set[Any] = set()
    joint = plan.plan.joint
    for i, u in enumerate(parts):
        factor = joint.prior_of(u.latent)
        law = None if factor is None else factor.law
        transform = plan.model.rvs_to_transforms[u.rv]
        if law is not None and set().union(*map(latents_of, law.parents)) <= before:
            prior = _prior_of(law, None if transform is None else transform.name, u.leaf.shape)
            if prior is None and transform is None and _is_standard_normal(law):
                prior = _scaled([f.term for f in joint.factors if f is not factor], u.latent, before)
            if prior is not None:
                found[i] = prior
        before.add(u.latent)
    return found


def _is_standard_normal(law: Any) -> bool:
    if law.distribution is not R.Normal or not all(map(is_data, law.parents)):
        return False
    mu, sigma = map(value_of, law.parents)
    return bool((mu == 0).all() and (sigma == 1).all())


def _scaled(terms: Sequence[Any], z: Any, before: set[Any]) -> Scaled | None:
    """The location and scale of the only use of a latent, where that is ``location + scale * z`` of its own shape."""
    uses = consumers(terms)
    if len(uses.get(z, ())) != 1 or (product := uses[z][0]).op is not OPERATORS["multiply"]:
        return None
    [scale] = [p for p in product.parents if p is not z] or [None]
    if scale is None or product.shape != z.shape or not latents_of(scale) or not latents_of(scale) <= before:
        return None
    location = T.zeros(z.shape)
    if len(uses.get(product, ())) == 1 and (total := uses[product][0]).op is OPERATORS["add"]:
        [other] = [p for p in total.parents if p is not product] or [None]
        if other is not None and total.shape == z.shape and latents_of(other) <= before:
            location = other
    return Scaled(*(T.broadcast_to(p, z.shape) for p in (location, scale)))


def _prior_of(law: Any, transform: str | None, shape: tuple[int, ...]) -> LocationScale | Walk | None:
    parents = law.parents
    if isinstance(law.distribution, RandomWalkFrom):
        if transform is not None or law.distribution.first is not R.Normal or law.distribution.step is not R.Normal:
            return None
        mu, sigma, _, first = parents
        steps = T.broadcast_to(sigma**-2.0, (*sigma.shape[:-1], mu.shape[-1]))
        return Walk(steps, first**-2.0, law.distribution.mean(*parents))
    found = _LOCATION_SCALE.get((law.distribution, transform))
    if found is None:
        return None
    location, scale = found(*parents)
    if not latents_of(location) and not latents_of(scale):
        return None  # an affine map that does not change is the metric's business
    return LocationScale(*(T.broadcast_to(p, shape) for p in (location, scale)))


def _moved(parts: Sequence[Unconstrained], priors: Any, leaves: Any) -> list[tuple[Unconstrained, Any]]:
    """Each part in the new coordinates, and the model's unconstrained value as an expression of them."""
    found: list[tuple[Unconstrained, Any]] = []
    known: dict[Any, Any] = {}  # latents and leaves of the parts before
    for i, u in enumerate(parts):
        leaf, x, jacobian = u.leaf, u.leaf, None
        if i in priors:
            leaf = leaves[i].z
            x, jacobian = substitute(list(priors[i].to_model(leaf, leaves[i].pull, leaves[i].precision)), known)
            known[u.leaf] = x
        [value] = substitute([u.value], known)
        own = None if u.log_det is None else substitute([u.log_det], known)[0]
        known[u.latent] = value
        both = jacobian if own is None else own if jacobian is None else T.sum(own) + T.sum(jacobian)
        found.append((replace(u, leaf=leaf, value=value, log_det=both), x))
    return found


def _leaf_like(leaf: Any, name: str) -> Any:
    return Tensor(None, (), (), Aval(leaf.shape, leaf.dtype, False), None, f"{leaf.name}_{name}")


def _replaced(values: list[Any], index: Sequence[int], new: Sequence[Any]) -> list[Any]:
    values = list(values)
    for i, value in zip(index, new, strict=True):
        values[i] = value
    return values


def _joined(parts: Sequence[Any]) -> Any:
    return jnp.concatenate([jnp.ravel(p) for p in parts])
