"""Gaussian laws as standardised residuals: rows of a least-squares problem, and what is left of the log density."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._node import Constant
from symjax.random.distributions.autoregression import AutoregressionFrom
from symjax.random.distributions.flat import FlatDistribution, HalfFlatDistribution
from symjax.random.distributions.log_normal import LogNormalDistribution
from symjax.random.distributions.mv_normal import MvNormalDistribution
from symjax.random.distributions.normal import LOG_SQRT_2PI, NormalDistribution
from symjax.random.distributions.random_walk import RandomWalkFrom
from symjax.random.posterior._gaussian_affine import Affine
from symjax.random.posterior._gaussian_forms import (
    Coefficient,
    Form,
    NotAffine,
    added,
    broadcast,
    negated,
    scaled,
    selected,
    summed,
)
from symjax.random.posterior._gaussian_scales import UNIT, Scale, is_positive, log_of, raised, times
from symjax.random.posterior._gaussian_scales import as_tensor as scale_tensor


class LogNorm:
    """A log density's terms that are free of unknowns: a number, logarithms of a scale, and others."""

    def __init__(self) -> None:
        self.number = 0.0
        self.scale: Scale = UNIT
        self.terms: list[Any] = []

    def add_log(self, factor: Coefficient, shape: Sequence[int], facts: Any, sign: int = -1) -> None:
        """Add `sign` times the sum of a positive coefficient's logarithm, repeated to a shape."""
        n = math.prod(shape)
        self.number += sign * float(np.log(np.broadcast_to(factor.numbers, shape)).sum())
        if is_positive(factor.scale, facts):
            self.scale = times(self.scale, raised(factor.scale, sign * n)) if n else self.scale
        else:
            self.terms.append(sign * n * T.log(scale_tensor(factor.scale)))
        if factor.symbol is not None:
            places = factor.places.reshape(factor.numbers.shape)  # type: ignore[union-attr]
            logs = T.log(T.ravel(factor.symbol)[places])
            self.terms.append(sign * T.broadcast_to(logs, tuple(shape)).sum())

    def total(self) -> Any:
        """The sum, as a scalar tensor."""
        total: Any = self.number + log_of(self.scale)
        for term in self.terms:
            total = total + term
        return T.as_tensor(total)


def standardised(affine: Affine, law: Any, value: Any, norm: LogNorm) -> list[Form]:
    """The forms whose elements are standard Normal under a law; `norm` gets the rest of its log density.

    Raises
    ------
    NotAffine
        If the law is not Gaussian, its mean or value not affine in the unknowns, or its scale not free of them.
    """
    kind = law.distribution
    if type(kind) is NormalDistribution:
        mu, sigma = law.parents
        return [_normal(affine, value, mu, sigma, law.shape, norm)]
    if type(kind) is LogNormalDistribution:
        affine(value)
        if not affine.is_free(value):
            raise NotAffine(value)
        log_value = T.constant(np.log(np.asarray(value.value, float))) if isinstance(value, Constant) else T.log(value)
        norm.terms.append(-T.broadcast_to(log_value, law.shape).sum())
        mu, sigma = law.parents
        return [_normal(affine, log_value, mu, sigma, law.shape, norm)]
    if type(kind) is MvNormalDistribution:
        mu, chol = law.parents
        return [_mv_normal(affine, value, mu, chol, law.shape, norm)]
    if isinstance(kind, RandomWalkFrom):
        return _walk(affine, law, value, norm)
    if isinstance(kind, AutoregressionFrom):
        return _autoregression(affine, law, value, norm)
    if isinstance(kind, FlatDistribution) and not isinstance(kind, HalfFlatDistribution):
        return []
    raise NotAffine(law)


def _positive(affine: Affine, sigma: Any) -> Coefficient:
    factor = _free(affine, sigma)
    if not (factor.numbers > 0).all():
        raise NotAffine(sigma)
    return factor


def _free(affine: Affine, node: Any) -> Coefficient:
    affine(node)
    if not affine.is_free(node):
        raise NotAffine(node)
    return affine.coefficient(node)


def _normal(affine: Affine, value: Any, mu: Any, sigma: Any, shape: Sequence[int], norm: LogNorm) -> Form:
    factor = _positive(affine, sigma)
    residual = broadcast(added(affine(value), negated(affine(mu))), shape)
    norm.number -= residual.size * LOG_SQRT_2PI
    norm.add_log(factor, shape, affine.facts)
    return scaled(residual, factor.inverse(sigma))


def _mv_normal(affine: Affine, value: Any, mu: Any, chol: Any, shape: Sequence[int], norm: LogNorm) -> Form:
    residual = broadcast(added(affine(value), negated(affine(mu))), shape)
    factor = _free(affine, chol)
    k = shape[-1]
    norm.number -= residual.size * LOG_SQRT_2PI
    if factor.symbol is None:
        diagonal = np.diagonal(factor.numbers, axis1=-2, axis2=-1)
        if not (diagonal > 0).all():
            raise NotAffine(chol)
        norm.add_log(Coefficient(diagonal, factor.scale, None, None), shape, affine.facts)
        inverse = Coefficient(np.linalg.inv(np.tril(factor.numbers)), raised(factor.scale, -1), None, None)
    else:
        norm.terms.append(-T.broadcast_to(T.log(T.diagonal(chol, axis1=-2, axis2=-1)), tuple(shape)).sum())
        identity = T.broadcast_to(T.constant(np.eye(k)), chol.shape)
        inverse = _of_tensor(T.solve_triangular(chol, identity, lower=True))
    return _times_matrix(inverse, residual)


def is_gaussian_series(kind: Any) -> bool:
    """Whether a family is that of random walks or autoregressive processes all of whose values are jointly Normal."""
    gaussian = (NormalDistribution, MvNormalDistribution)
    if isinstance(kind, RandomWalkFrom):
        return type(kind.first) in gaussian and type(kind.step) in gaussian
    return isinstance(kind, AutoregressionFrom) and type(kind.first) in gaussian


def _walk(affine: Affine, law: Any, value: Any, norm: LogNorm) -> list[Form]:
    kind = law.distribution
    mu, spread, *first = law.parents
    if type(kind.step) is NormalDistribution:
        *batch, n = law.shape
        steps = _normal(affine, value[..., 1:] - value[..., :-1], mu, spread, (*batch, n - 1), norm)
        return [*_first(affine, kind.first, first, value[..., 0], tuple(batch), norm), steps]
    if type(kind.step) is MvNormalDistribution:
        *batch, n, k = law.shape
        steps = _mv_normal(affine, value[..., 1:, :] - value[..., :-1, :], mu, spread, (*batch, n - 1, k), norm)
        return [*_first(affine, kind.first, first, value[..., 0, :], (*batch, k), norm), steps]
    raise NotAffine(law)


def _autoregression(affine: Affine, law: Any, value: Any, norm: LogNorm) -> list[Form]:
    kind = law.distribution
    rho, sigma, *first = law.parents
    batch, p = law.shape[:-1], kind.order
    steps = _normal(affine, value[..., p:], kind.expected(value, rho), sigma[..., None], (*batch, kind.steps), norm)
    return [*_first(affine, kind.first, first, value[..., :p], (*batch, p), norm), steps]


def _first(affine: Affine, kind: Any, parents: Sequence[Any], value: Any, shape: Sequence[int], norm: LogNorm) -> list[Form]:
    """Forms of the first values of a series; of a law that is not Gaussian all must be free of unknowns."""
    if type(kind) is NormalDistribution:
        mu, sigma = parents
        return [_normal(affine, value, mu, sigma, shape, norm)]
    if type(kind) is MvNormalDistribution:
        mu, chol = parents
        return [_mv_normal(affine, value, mu, chol, shape, norm)]
    for node in (value, *parents):
        affine(node)
        if not affine.is_free(node):
            raise NotAffine(node)
    batch = tuple(shape[: len(shape) - kind.event_ndim])
    norm.terms.append(T.broadcast_to(kind.log_prob(value, *parents), batch).sum())
    return []


def _of_tensor(matrix: Any) -> Coefficient:
    return Coefficient(np.ones(matrix.shape), UNIT, matrix, np.arange(math.prod(matrix.shape)))


def _times_matrix(matrix: Coefficient, form: Form) -> Form:
    """Lower triangular matrices times the vectors along a form's last axis."""
    k = form.shape[-1]
    i, j = np.tril_indices(k)
    at = np.arange(form.size).reshape(form.shape)
    places = None if matrix.places is None else matrix.places.reshape(matrix.numbers.shape)[..., i, j]
    flat = matrix._replace(numbers=matrix.numbers[..., i, j], places=None if places is None else places.ravel())
    product = scaled(selected(form, at[..., j]), flat)
    target = np.broadcast_to(at[..., i], product.shape)
    return summed(product, form.shape, target)


def from_standard(affine: Affine, law: Any, noise: Form) -> Form:
    """The form of a Normal or MvNormal variable as an affine function of standard Normal unknowns."""
    mu, spread = law.parents
    mean = broadcast(affine(mu), law.shape)
    if type(law.distribution) is NormalDistribution:
        return added(mean, scaled(noise, _positive(affine, spread)))
    return added(mean, _times_matrix(_free(affine, spread), noise))


def recovered(law: Any, mu: Any, noise: Any) -> Any:
    """The expression that `from_standard` is the form of; `mu` is the mean in terms of what is known by then."""
    spread = law.parents[1]
    if type(law.distribution) is NormalDistribution:
        return mu + spread * noise
    return mu + T.matmul(spread, noise[..., None])[..., 0]


def may_be_standardised(law: Any) -> bool:
    """Whether `from_standard` takes a law."""
    return type(law.distribution) in (NormalDistribution, MvNormalDistribution)
