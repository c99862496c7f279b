"""The rule ``conjugate`` for covariances: Wishart and inverse Wishart priors, alone or with the mean of what they are priors of.

Rows ``y_i ~ N(μ_i, Σ / w_i)`` enter the posterior of Σ through ``S = Σ_i w_i (y_i - μ_i)(y_i - μ_i)ᵀ`` alone; a mean μ whose own
prior is ``N(m, Σ / k)`` is integrated out with Σ (Gelman et al., Bayesian Data Analysis, 3rd ed., section 3.6; DeGroot, Optimal
Statistical Decisions, 1970, section 9.10).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._scope import detached
from symjax.random._distribution import require
from symjax.random.distributions.mv_normal import MvNormal
from symjax.random.distributions.wishart import InverseWishart, Wishart, log_det
from symjax.random.posterior._conjugate_forms import Unfit
from symjax.random.posterior._joint import Decline, Factor, Joint, Latent, Rewrite, is_data, latents_of, value_of
from symjax.rewrite import Facts
from symjax.rewrite._terms import op_name

RULE = "conjugate"
#: How the factor of a covariance is made of the matrix that a prior of this law is conjugate for.
_ROLE = {InverseWishart: "cholesky", Wishart: "cholesky_of_inverse"}


@dataclass(frozen=True)
class Rows:
    """Independent normal vectors whose covariance is that of the matrix over a weight.

    Attributes
    ----------
    factor : Factor
        The factor of the joint.
    weight : Tensor or float
        Positive.
    value, mean : Tensor
        Their values, and their means; of one more axis than the rows have, or a single mean for all.
    """

    factor: Factor
    weight: Any
    value: Any
    mean: Any

    @property
    def count(self) -> int:
        return math.prod(self.factor.term.shape)

    def about(self, center: Any) -> tuple[Any, Any]:
        """Mean of the rows less a center, and the scatter about that mean; in numbers where they are data."""
        d = self.value.shape[-1]
        shape = (*self.factor.term.shape, d)
        if is_data(self.value) and is_data(center):
            rows = np.broadcast_to(value_of(self.value) - value_of(center), shape).reshape(-1, d)
            mean = rows.mean(0)
            return T.constant(mean), T.constant((rows - mean).T @ (rows - mean))
        rows = T.reshape(T.broadcast_to(self.value - center, shape), (-1, d))
        mean = rows.mean(0)
        return mean, T.matmul(T.transpose(rows - mean), rows - mean)


def propose_matrices(joint: Joint, decline: Decline) -> Rewrite | None:
    """Integrate out one Wishart or inverse Wishart matrix, and the means whose priors are scaled by it.

    Parameters
    ----------
    joint : Joint
        The density.
    decline : callable
        Notes matrices that are left alone, and why.
    """
    for z in joint.latents:
        prior = joint.prior_of(z)
        if prior is None or prior.law is None or prior.law.distribution not in _ROLE or len(joint.touching(z)) == 1:
            continue
        try:
            if z.ndim != 2:
                raise Unfit("it is an array of matrices")
            if joint.only_sets_priors(z):
                raise Unfit("only the priors of other variables depend on it, which it would tie together")
            with detached():
                return _integrated(joint, z, prior)
        except Unfit as error:
            decline(RULE, [z.name], f"{error}")
    return None


def _integrated(joint: Joint, z: Latent, prior: Factor) -> Rewrite:
    law = prior.law
    assert law is not None
    rows = [_rows_of(f, z, law.distribution) for f in joint.touching(z) if f is not prior]
    means = _means(joint, z, rows)
    d = z.shape[-1]
    nu, matrix = law.parents
    scale = matrix if law.distribution is InverseWishart else T.inv(matrix)
    count, scatter, logs, locations = 0, T.zeros((d, d)), T.constant(0.0), {}
    for m in means:
        own = next(r for r in rows if r.factor.value is m)
        children = [r for r in rows if r.mean is m]
        center, total, part = _located(own, children)
        scatter = scatter + part
        count += sum(r.count for r in children)
        logs = logs + 0.5 * d * (sum((r.count * T.log(r.weight) for r in [own, *children]), T.constant(0.0)) - T.log(total))
        locations[m] = center, total
    for r in rows:
        if r.mean not in locations and r.factor.value not in locations:
            scatter = scatter + r.weight * _about(r)
            count += r.count
            logs = logs + 0.5 * d * r.count * T.log(r.weight)
    after = scale + scatter
    evidence = logs + _log_normalizer(nu + count, after) - _log_normalizer(nu, scale) - 0.5 * count * d * math.log(math.pi)
    evidence = require(evidence, *law.distribution._checks(law.parents))
    drawn: dict[Latent, Any] = {}
    if law.distribution is InverseWishart:
        drawn[z] = InverseWishart(nu + count, after)
        root = T.cholesky(drawn[z])
    else:
        drawn[z] = Wishart(nu + count, T.inv(after))
        root = T.cholesky_of_inverse(drawn[z])
    for m, (center, total) in locations.items():
        drawn[m] = MvNormal(center, chol=root / T.sqrt(total))
    absorbed = (prior, *(r.factor for r in rows))
    reason = _reason(joint, list(drawn), absorbed, law.distribution.name)
    return Rewrite(RULE, reason, tuple(x.name for x in drawn), absorbed, (Factor(z.name, evidence),), drawn)


def _log_normalizer(nu: Any, scale: Any) -> Any:
    """Log of the normaliser of ``|X|^{-(ν+d+1)/2} exp(-tr(Ψ X⁻¹)/2)`` over ``2^{νd/2}``."""
    return T.multigammaln(0.5 * nu, scale.shape[-1]) - 0.5 * nu * log_det(T.cholesky(scale))


def _rows_of(factor: Factor, z: Latent, prior: Any) -> Rows:
    law = factor.law
    if law is None or law.distribution is not MvNormal:
        raise Unfit(f"{factor.name!r} is not normal with it as a covariance")
    mean, chol = law.parents
    if z in latents_of(mean) or z in latents_of(factor.value):
        raise Unfit(f"the mean or the value of {factor.name!r} depends on it")
    if chol.shape != z.shape:
        raise Unfit(f"the covariances of {factor.name!r} differ between rows")
    role = op_name(chol)
    if role not in _ROLE.values() or not chol.settings.get("lower", True):
        raise Unfit(f"it is neither the covariance nor the precision of {factor.name!r}")
    if role != _ROLE[prior]:
        other = "precision" if prior is Wishart else "covariance"
        raise Unfit(f"a {prior.name} prior is conjugate for a {other}, and that is not how {factor.name!r} uses it")
    weight = _multiple(chol.parents[0], z, factor)
    if not Facts()(weight).positive:
        raise Unfit(f"the factor that {factor.name!r} scales it with is not known to be positive")
    if is_data(factor.value) and not np.isfinite(value_of(factor.value)).all():
        raise Unfit(f"some values of {factor.name!r} are not finite")
    return Rows(factor, 1 / weight if role == "cholesky" else weight, factor.value, mean)


def _multiple(node: Any, z: Latent, factor: Factor) -> Any:
    """c where a node is c z for a number c."""
    weight: Any = T.constant(1.0)
    while node is not z:
        name, parents = op_name(node), node.parents
        of_z = [i for i, p in enumerate(parents) if z in latents_of(p)]
        if name not in ("multiply", "divide") or len(of_z) != 1 or (name == "divide" and of_z != [0]):
            raise Unfit(f"the covariance of {factor.name!r} is no multiple of it")
        other = parents[1 - of_z[0]]
        if math.prod(other.shape) != 1:
            raise Unfit(f"the covariance of {factor.name!r} is no multiple of it")
        other = T.reshape(other, ())
        weight = weight * other if name == "multiply" else weight / other
        node = parents[of_z[0]]
    return weight


def _means(joint: Joint, z: Latent, rows: Sequence[Rows]) -> list[Latent]:
    """Latents that are means of some rows and nothing else, and whose priors are scaled by the matrix."""
    found: list[Latent] = []
    by_factor = {id(r.factor): r for r in rows}
    for r in rows:
        m = r.factor.value
        if not isinstance(m, Latent) or m.ndim != 1 or latents_of(r.mean) & {*found, z}:
            continue
        own = [by_factor.get(id(f)) for f in joint.touching(m)]
        children = [o for o in own if o is not r]
        plain = all(o is not None and o.mean is m and m not in latents_of(o.value) for o in children)
        free = not any(
            latents_of(x) & {m, *found} for o in [r, *children] if o is not None for x in (o.weight, o.value) if x is not m
        )
        if children and plain and free:
            found.append(m)
    return found


def _located(own: Rows, children: Sequence[Rows]) -> tuple[Any, Any, Any]:
    """Posterior mean and weight of a mean, and the scatter of its rows about it with its prior's."""
    parts = [(r, *r.about(own.mean)) for r in children]
    total = own.weight + sum((r.count * r.weight for r, _, _ in parts), T.constant(0.0))
    shift = sum((r.count * r.weight * mean for r, mean, _ in parts), T.zeros(own.value.shape)) / total
    scatter = own.weight * T.outer(shift, shift)
    for r, mean, spread in parts:
        scatter = scatter + r.weight * (spread + r.count * T.outer(mean - shift, mean - shift))
    return own.mean + shift, total, scatter


def _about(r: Rows) -> Any:
    """``Σ (y - μ)(y - μ)ᵀ``; of data about one mean through the scatter about its own, whose cost does not grow with the rows."""
    if r.mean.ndim == 1 and is_data(r.value):
        mean, spread = r.about(T.constant(np.zeros(r.mean.shape)))
        return spread + r.count * T.outer(mean - r.mean, mean - r.mean)
    mean, spread = r.about(r.mean)
    return spread + r.count * T.outer(mean, mean)


def _reason(joint: Joint, gone: Sequence[Latent], absorbed: Sequence[Factor], prior: str) -> str:
    label = ", ".join(f"{x.name} ({'×'.join(map(str, x.shape))})" for x in gone)
    given = {x for f in absorbed for x in f.latents} - set(gone)
    names = [x.name for x in joint.latents if x in given]
    condition = f" given {', '.join(names)}" if names else ""
    pair = f"Normal–{prior}" if len(gone) > 1 else prior
    return f"{label}: integrated out{condition}: {pair}–MvNormal; recovered after sampling"
