"""PyMC's random variables as those of `symjax.random`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Constant, Variable
from pytensor.tensor.type_other import NoneTypeT

import symjax.random as R
import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._node import Token
from symjax.core._traverse import make
from symjax.pmc_bridge._from_pymc._foreign_law import foreign_law
from symjax.pmc_bridge._from_pymc._graph import Converter, origin
from symjax.random._draw import RandomVariable


def is_random(node: Any) -> bool:
    """Whether a node draws."""
    from pymc.distributions.distribution import SymbolicRandomVariable
    from pytensor.tensor.random import op

    return isinstance(node.op, (op.RandomVariable, SymbolicRandomVariable))


def make_law(convert: Converter, node: Any, **own: Any) -> Any:
    """The random variable that a node draws.

    Parameters
    ----------
    convert : Converter
        Translates its parameters.
    node : Apply
        The node.
    **own
        Name and shape of a model's variable; its own size otherwise.
    """
    names = (c.__name__ for c in type(node.op).__mro__)
    rule = next((_LAWS[n] for n in names if n in _LAWS), foreign_law)
    has_size = getattr(node.op, "extended_signature", "") is not None
    if "shape" not in own and has_size:
        size = node.op.size_param(node)
        if size is not None and not isinstance(size.type, NoneTypeT):
            own["size"] = convert.lengths(size)
    return rule(convert, node, **own)


def _params(node: Any) -> list[Variable]:
    return list(node.op.dist_params(node))


def _reciprocal(convert: Converter, variable: Variable) -> Any:
    """One over a parameter, which often is one over what the user gave."""
    node = origin(variable)
    if node is not None and type(getattr(node.op, "scalar_op", None)).__name__ == "Reciprocal":
        return convert(node.inputs[0])
    return T.reciprocal(T.cast(convert(variable), "floatX"))


def _direct(family: Any, *names: str) -> Callable[..., Any]:
    """A law whose parameters are the same; `names` give their order there."""

    def make(convert: Converter, node: Any, **own: Any) -> Any:
        return family(**dict(zip(names, convert.all(_params(node)), strict=True)), **own)

    return make


def _scaled(family: Any, *names: str) -> Callable[..., Any]:
    """A law whose last parameter is the reciprocal of ours."""

    def make(convert: Converter, node: Any, **own: Any) -> Any:
        *first, last = _params(node)
        return family(**dict(zip(names, [*convert.all(first), _reciprocal(convert, last)], strict=True)), **own)

    return make


def _half_normal(convert: Converter, node: Any, **own: Any) -> Any:
    location, sigma = _params(node)
    if not _is_zero(location):
        return foreign_law(convert, node, **own)
    return R.HalfNormal(convert(sigma), **own)


def _interpolated(convert: Converter, node: Any, **own: Any) -> Any:
    points, heights, _ = convert.all(_params(node))
    return R.Interpolated(points, heights, **own)


def _hyper_geometric(convert: Converter, node: Any, **own: Any) -> Any:
    good, bad, n = convert.all(_params(node))
    return R.HyperGeometric(N=good + bad, k=good, n=n, **own)


def _mv_normal(convert: Converter, node: Any, **own: Any) -> Any:
    mean, cov = _params(node)
    factor = _factor(cov)
    given = {"cov": convert(cov)} if factor is None else {"chol": convert(factor)}
    return R.MvNormal(convert(mean), **given, **own)


def _mv_student_t(convert: Converter, node: Any, **own: Any) -> Any:
    nu, mean, scale = _params(node)
    factor = _factor(scale)
    given = {"scale": convert(scale)} if factor is None else {"chol": convert(factor)}
    return R.MvStudentT(convert(nu), mu=convert(mean), **given, **own)


def _factor(cov: Variable) -> Variable | None:
    """The Cholesky factor L of a covariance given as ``L @ L.T``, where L is known to be one."""
    node = origin(cov)
    if node is None or type(getattr(node.op, "core_op", node.op)).__name__ != "Dot":
        return None
    left, right = node.inputs
    turned, n = origin(right), left.type.ndim
    if turned is None or type(turned.op).__name__ != "DimShuffle" or turned.inputs[0] is not left:
        return None
    is_transposed = tuple(turned.op.new_order) == (*range(n - 2), n - 1, n - 2)
    return left if is_transposed and _is_lower(left) else None


def _is_lower(variable: Variable) -> bool:
    """Whether a matrix is known to be lower triangular: a factor, a number, or zeros with the lower triangle written."""
    if isinstance(variable, Constant):
        return bool(np.all(np.triu(variable.data, 1) == 0))
    node = origin(variable)
    if node is None:
        return False
    op = getattr(node.op, "core_op", node.op)
    if type(op).__name__ == "Cholesky":
        return getattr(op, "lower", True)
    if type(op).__name__ != "AdvancedIncSubtensor" or not _is_zero(node.inputs[0]):
        return False
    rows, columns = node.inputs[-2:]
    known = isinstance(rows, Constant) and isinstance(columns, Constant) and node.inputs[0].type.ndim == 2
    return known and bool(np.all(np.asarray(rows.data) >= np.asarray(columns.data)))


def _is_zero(variable: Variable) -> bool:
    """Whether a variable is known to be zero: the number, in any shape."""
    if isinstance(variable, Constant):
        return not np.any(variable.data)
    return (
        variable.owner is not None
        and type(variable.owner.op).__name__ in ("Alloc", "DimShuffle")
        and _is_zero(variable.owner.inputs[0])
    )


def _mixture(convert: Converter, node: Any, **own: Any) -> Any:
    weights, *components = _params(node)
    laws = convert.all(components)
    return R.Mixture(convert(weights), laws[0] if len(laws) == 1 else laws, **own)


def _truncated(convert: Converter, node: Any, **own: Any) -> Any:
    *inner, lower, upper = node.inputs
    base = convert(node.op.base_rv_op.make_node(*inner).default_output())
    return R.Truncated(base, lower=convert(lower), upper=convert(upper), **own)


def _censored(convert: Converter, node: Any, **own: Any) -> Any:
    base, lower, upper = convert.all(_params(node))
    return R.Censored(base, lower=lower, upper=upper, **own)


def _steps(convert: Converter, steps: Variable) -> Any:
    return convert.lengths(steps)[0] if steps.type.ndim else convert.length(steps)


def _walk(convert: Converter, node: Any, **own: Any) -> Any:
    """A random walk, whose parts have a first axis of time in PyMC."""
    first, step, steps = _params(node)
    start, law = convert(first), convert(step)
    parents = []
    for p, spec in zip(start.parents, start.distribution.parameters.values(), strict=True):
        parents.append(p[0] if p.ndim - spec.ndim == len(start.batch_shape) else p)
    settings = {**start.settings, "shape": tuple(start.shape[1:])}
    start = make(start.op, parents, settings, token=Token(), kind=RandomVariable)
    if "shape" not in own:
        own["size"] = tuple(law.batch_shape[1:])
    return R.RandomWalk(start, law, steps=_steps(convert, steps), **own)


def _autoregression(convert: Converter, node: Any, **own: Any) -> Any:
    rho, sigma, first, steps = _params(node)
    rho, sigma, first = convert.all([rho, sigma, first])
    return R.AR(rho, sigma=sigma, init_dist=first, steps=_steps(convert, steps), constant=node.op.constant_term, **own)


def _garch(convert: Converter, node: Any, **own: Any) -> Any:
    *given, _, steps = _params(node)
    return R.GARCH11(*convert.all(given), steps=_steps(convert, steps), **own)


def _euler_maruyama(convert: Converter, node: Any, **own: Any) -> Any:
    first, steps, *pars = _params(node)

    def equation(x: Any, *given: Any) -> Any:
        places = [pt.tensor(dtype=v.dtype.name, shape=(None,) * v.ndim) for v in map(as_tensor, (x, *given))]
        inner = Converter(dict(zip(places, map(as_tensor, (x, *given)), strict=True)), convert.otherwise)
        return tuple(inner(pt.as_tensor(part)) for part in node.op.sde_fn(*places))

    law, dt = convert(first), convert(pt.as_tensor(node.op.dt))
    return R.EulerMaruyama(dt, equation, convert.all(pars), init_dist=law, steps=_steps(convert, steps), **own)


def _lkj_cholesky(convert: Converter, node: Any, **own: Any) -> Any:
    n, eta, deviations = _params(node)
    return R.LKJCholeskyCov(convert(eta), convert.length(n), convert(deviations), **own)


def _lkj(convert: Converter, node: Any, **own: Any) -> Any:
    n, eta = _params(node)
    return R.LKJCorr(convert.length(n), convert(eta), **own)


def _zero_sum(convert: Converter, node: Any, **own: Any) -> Any:
    sigma, lengths = _params(node)
    event = convert.lengths(lengths)
    own.setdefault("size", ())
    event = event if "shape" not in own else None
    if "shape" in own:
        own.pop("size")
    return R.ZeroSumNormal(convert(sigma), n_zerosum_axes=node.op.ndim_supp, support_shape=event, **own)


def _kronecker(convert: Converter, node: Any, **own: Any) -> Any:
    mean, sigma, *covs = convert.all(_params(node))
    return R.KroneckerNormal(mean, covs=covs, sigma=sigma, **own)


def _sticks(convert: Converter, node: Any, **own: Any) -> Any:
    alpha, k = _params(node)
    return R.StickBreakingWeights(convert(alpha), convert.length(k), **own)


def _car(convert: Converter, node: Any, **own: Any) -> Any:
    mean, weights, alpha, tau, _ = _params(node)
    return R.CAR(*convert.all([mean, weights, alpha, tau]), **own)


#: Laws by the class of PyMC's operation: ``make(convert, node, **own)``.
_LAWS: dict[str, Callable[..., Any]] = {
    "NormalRV": _direct(R.Normal, "mu", "sigma"),
    "HalfNormalRV": _half_normal,
    "LogNormalRV": _direct(R.LogNormal, "mu", "sigma"),
    "UniformRV": _direct(R.Uniform, "lower", "upper"),
    "BetaRV": _direct(R.Beta, "alpha", "beta"),
    "GammaRV": _scaled(R.Gamma, "alpha", "beta"),
    "ExponentialRV": _scaled(R.Exponential, "lam"),
    "InvGammaRV": _direct(R.InverseGamma, "alpha", "beta"),
    "CauchyRV": _direct(R.Cauchy, "alpha", "beta"),
    "HalfCauchyRV": _direct(R.HalfCauchy, "beta"),
    "StudentTRV": _direct(R.StudentT, "nu", "mu", "sigma"),
    "SkewStudentTRV": _direct(R.SkewStudentT, "a", "b", "mu", "sigma"),
    "HalfStudentTRV": _direct(R.HalfStudentT, "nu", "sigma"),
    "LaplaceRV": _direct(R.Laplace, "mu", "b"),
    "AsymmetricLaplaceRV": _direct(R.AsymmetricLaplace, "b", "kappa", "mu"),
    "LogisticRV": _direct(R.Logistic, "mu", "s"),
    "LogitNormal": _direct(R.LogitNormal, "mu", "sigma"),
    "GumbelRV": _direct(R.Gumbel, "mu", "beta"),
    "ParetoRV": _direct(R.Pareto, "alpha", "m"),
    "WeibullBetaRV": _direct(R.Weibull, "alpha", "beta"),
    "KumaraswamyRV": _direct(R.Kumaraswamy, "a", "b"),
    "TruncatedNormalRV": _direct(R.TruncatedNormal, "mu", "sigma", "lower", "upper"),
    "TriangularRV": _direct(R.Triangular, "lower", "c", "upper"),
    "MoyalRV": _direct(R.Moyal, "mu", "sigma"),
    "WaldRV": _direct(R.Wald, "mu", "lam", "alpha"),
    "ExGaussianRV": _direct(R.ExGaussian, "mu", "sigma", "nu"),
    "SkewNormalRV": _direct(R.SkewNormal, "mu", "sigma", "alpha"),
    "VonMisesRV": _direct(R.VonMises, "mu", "kappa"),
    "RiceRV": _direct(R.Rice, "b", "sigma"),
    "InterpolatedRV": _interpolated,
    "FlatRV": _direct(R.Flat),
    "HalfFlatRV": _direct(R.HalfFlat),
    "BernoulliRV": _direct(R.Bernoulli, "p"),
    "BinomialRV": _direct(R.Binomial, "n", "p"),
    "BetaBinomialRV": _direct(R.BetaBinomial, "n", "alpha", "beta"),
    "PoissonRV": _direct(R.Poisson, "mu"),
    "NegBinomialRV": _direct(R.NegativeBinomial, "n", "p"),
    "GeometricRV": _direct(R.Geometric, "p"),
    "HyperGeometricRV": _hyper_geometric,
    "DiscreteUniformRV": _direct(R.DiscreteUniform, "lower", "upper"),
    "DiscreteWeibullRV": _direct(R.DiscreteWeibull, "q", "beta"),
    "CategoricalRV": _direct(R.Categorical, "p"),
    "MultinomialRV": _direct(R.Multinomial, "n", "p"),
    "DirichletRV": _direct(R.Dirichlet, "a"),
    "DirichletMultinomialRV": _direct(R.DirichletMultinomial, "n", "a"),
    "DiracDeltaRV": _direct(R.DiracDelta, "c"),
    "MvNormalRV": _mv_normal,
    "MvStudentTRV": _mv_student_t,
    "WishartRV": _direct(R.Wishart, "nu", "V"),
    "MixtureRV": _mixture,
    "_HurdleRV": _mixture,
    "CensoredRV": _censored,
    "TruncatedRV": _truncated,
    "AutoRegressiveRV": _autoregression,
    "StickBreakingWeightsRV": _sticks,
    "CARRV": _car,
    "ICARRV": _direct(R.ICAR, "W", "sigma", "zero_sum_stdev"),
    "MatrixNormalRV": _direct(R.MatrixNormal, "mu", "rowchol", "colchol"),
    "RandomWalkRV": _walk,
    "GARCH11RV": _garch,
    "EulerMaruyamaRV": _euler_maruyama,
    "_LKJCholeskyCovRV": _lkj_cholesky,
    "LKJCorrRV": _lkj,
    "ZeroSumNormalRV": _zero_sum,
    "KroneckerNormalRV": _kronecker,
}
