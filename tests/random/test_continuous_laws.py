"""Laws of continuous variables that are not Gaussian: what they give, in numbers and in law, and when they must not fire."""

import math

import numpy as np
import pytest
import scipy.stats as st
from law_table import (
    POSITIVE,
    Folded,
    Law,
    check_broken,
    check_draws,
    check_law,
    draws_of_table,
    laws_of,
)

import symjax.random as R
import symjax.tensor as T
from symjax.core._function import clone

UNIT = (0.1, 0.45, 0.83)
E, G, B, U, L = R.Exponential, R.Gamma, R.Beta, R.Uniform, R.LogNormal


def unit(**keywords):
    return R.Uniform(0.0, 1.0, **keywords)


def once(f, x):
    return f(x)


class Mapped:
    """Law of a monotone function of a variable, from its inverse and the inverse's absolute slope."""

    def __init__(self, law, inverse, slope, increasing=True):
        self.law, self.inverse, self.slope, self.increasing = law, inverse, slope, increasing

    def logpdf(self, x):
        return self.law.logpdf(self.inverse(np.asarray(x))) + np.log(self.slope(np.asarray(x)))

    def cdf(self, x):
        return self.law.cdf(self.inverse(x)) if self.increasing else self.law.sf(self.inverse(x))


class Joint:
    """Law of a vector by its density; `parts` gives Uniform variables from draws."""

    def __init__(self, logpdf, uniforms):
        self.logpdf, self.uniforms = logpdf, uniforms


class Counts:
    """Law on 0, 1, …"""

    def __init__(self, p):
        self.p = np.asarray(p) / np.sum(p)

    def logpmf(self, k):
        return np.log(self.p[k])

    def cdf(self, k):
        return np.concatenate([[0.0], np.cumsum(self.p)])[np.asarray(k) + 1]


def kumaraswamy(a, b):
    return Mapped(st.beta(1, b), lambda x: x**a, lambda x: a * x ** (a - 1))


def reflected(law):
    return Mapped(law, lambda x: -x, np.ones_like, increasing=False)


def dirichlet(alpha):
    alpha = np.asarray(alpha)
    below, first = alpha.sum() - alpha[0], st.beta(alpha[0], alpha.sum() - alpha[0])

    def uniforms(x):
        # independent by stick breaking
        return np.stack([first.cdf(x[:, 0]), st.beta(alpha[1], below - alpha[1]).cdf(x[:, 1] / (1 - x[:, 0]))], 1)

    return Joint(lambda x: np.array([st.dirichlet(alpha).logpdf(p) for p in x]), uniforms)


def _two_weibulls():
    return T.minimum(R.Weibull(1.5, 2.0), R.Weibull(1.5, 3.0))


SHARES = np.array([[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]])
WEIBULLS = (2**-1.5 + 3**-1.5) ** (-1 / 1.5)
LEVY = (math.sqrt(2.0) + math.sqrt(4.0)) ** 2
ODDS = Mapped(st.beta(2, 3), lambda x: x / (1 + x), lambda x: (1 + x) ** -2.0)
FRACTION = Mapped(st.logistic(), np.log, lambda x: 1 / x)

SUMS = {
    "gammas of scales": Law(
        "add_gammas",
        lambda: 2 * G(1.5, 2.0) + 3 * E(3.0) + R.ChiSquared(3.0) / 2,
        R.Gamma,
        (4.0, 1.0),
        st.gamma(4.0),
        POSITIVE,
    ),
    "erlang": Law("add_gammas", lambda: E(2.0) + E(2.0) + E(2.0), R.Gamma, (3.0, 2.0), st.gamma(3, scale=0.5), POSITIVE),
    "multiple of chi squared": Law(
        "multiple_of_chi_squared", lambda: 3 * R.ChiSquared(3.0), R.Gamma, (1.5, 1 / 6), st.gamma(1.5, scale=6.0), POSITIVE
    ),
    "sum of gammas": Law(
        "sum_of_gammas", lambda: G([1.0, 2.5], 2.0).sum(), R.Gamma, (3.5, 2.0), st.gamma(3.5, scale=0.5), POSITIVE
    ),
    "mean of exponentials": Law(
        "sum_of_gammas", lambda: E(2.0, shape=(4,)).mean(), R.Gamma, (4.0, 8.0), st.gamma(4, scale=1 / 8), POSITIVE
    ),
    "sum of chi squared by rows": Law(
        "sum_of_gammas",
        lambda: R.ChiSquared([[1.0, 2.0], [3.0, 4.0]]).sum(1),
        R.Gamma,
        ([1.5, 3.5], 0.5),
        st.gamma([1.5, 3.5], scale=2.0),
        np.array([[0.3, 2.0], [1.0, 9.0]]),
    ),
    "gammas of a rate for each row": Law(
        "sum_of_gammas",
        lambda: G(1.5, [[1.0], [2.0]], shape=(2, 3)).sum(-1),
        R.Gamma,
        (4.5, [1.0, 2.0]),
        st.gamma(4.5, scale=[1.0, 0.5]),
        np.array([[0.3, 2.0], [1.0, 9.0]]),
    ),
    "levy": Law(
        "add_inverse_gammas",
        lambda: R.InverseGamma(0.5, 2.0) + 4 * R.InverseGamma(0.5, 1.0),
        R.InverseGamma,
        (0.5, LEVY),
        st.invgamma(0.5, scale=LEVY),
        POSITIVE,
    ),
    "sum of levy": Law(
        "sum_of_inverse_gammas",
        lambda: R.InverseGamma(0.5, [2.0, 4.0]).sum(),
        R.InverseGamma,
        (0.5, LEVY),
        st.levy(scale=2 * LEVY),
        POSITIVE,
    ),
    "laplace": Law("difference_of_exponentials", lambda: E(2.0) - E(2.0), R.Laplace, (0.0, 0.5), st.laplace(0, 0.5)),
    "laplace of scaled": Law(
        "difference_of_exponentials", lambda: 1 + E(1.0) - 2 * E(2.0), R.Laplace, (1.0, 1.0), st.laplace(1, 1)
    ),
    "asymmetric laplace": Law(
        "difference_of_exponentials",
        lambda: G(1.0, 2.0) - 3 * E(1.5),
        R.AsymmetricLaplace,
        (2.0, 0.0, 1.0),
        st.laplace_asymmetric(2.0),
    ),
    "asymmetric laplace turned": Law(
        "affine_of_family",
        lambda: 1 - 2 * R.AsymmetricLaplace(0.5, 1.0, 3.0),
        R.AsymmetricLaplace,
        (2.0, -1.0, 1.5),
        st.laplace_asymmetric(2.0, -1.0, 1 / 1.5),
    ),
    "1 - beta": Law("complement_of_beta", lambda: 1 - B(2.0, 3.5), R.Beta, (3.5, 2.0), st.beta(3.5, 2.0), UNIT),
    "1 - logit normal": Law(
        "complement_of_beta",
        lambda: 1 - R.LogitNormal(0.5, 0.8),
        R.LogitNormal,
        (-0.5, 0.8),
        Mapped(st.norm(-0.5, 0.8), lambda x: np.log(x / (1 - x)), lambda x: 1 / (x * (1 - x))),
        UNIT,
    ),
    "cauchy sum": Law("sum_of_cauchys", lambda: R.Cauchy([1.0, 2.0], 0.5).sum(), R.Cauchy, (3.0, 1.0), st.cauchy(3, 1)),
    "cauchy mean": Law("sum_of_cauchys", lambda: R.Cauchy(1.0, 0.5, shape=(5,)).mean(), R.Cauchy, (1.0, 0.5), st.cauchy(1, 0.5)),
    "gumbel difference": Law(
        "difference_of_gumbels", lambda: R.Gumbel(1.0, 2.0) - R.Gumbel(0.3, 2.0), R.Logistic, (0.7, 2.0), st.logistic(0.7, 2.0)
    ),
    "scaled gumbel difference": Law(
        "difference_of_gumbels", lambda: 2 * R.Gumbel(1.0, 0.5) - R.Gumbel(0.5, 1.0), R.Logistic, (1.5, 1.0), st.logistic(1.5, 1.0)
    ),
}

RATIOS = {
    "beta of gammas": Law(
        "ratio_of_gammas", lambda: once(lambda g: g / (g + G(3.0, 2.0)), G(1.5, 2.0)), R.Beta, (1.5, 3.0), st.beta(1.5, 3), UNIT
    ),
    "beta of four gammas": Law(
        "ratio_of_gammas",
        lambda: once(lambda g: g / (g + 2 * E(2.0) + G(2.0, 1.0) + R.ChiSquared(2.0) / 2), G(1.5, 1.0)),
        R.Beta,
        (1.5, 4.0),
        st.beta(1.5, 4),
        UNIT,
    ),
    "gamma over gamma": Law(
        "ratio_of_gammas",
        lambda: G(2.0, 2.0) / G(3.0, 6.0),
        None,
        None,
        Mapped(ODDS, lambda x: x / 3, lambda x: np.full_like(x, 1 / 3)),
        POSITIVE,
    ),
    "share from odds": Law("ratio_of_gammas", lambda: 1 / (1 + G(3.0, 2.0) / G(2.0, 2.0)), None, None, st.beta(2, 3), UNIT),
    "dirichlet": Law(
        "shares_of_gammas",
        lambda: once(lambda g: g / g.sum(), G([1.0, 2.0, 0.5], 3.0)),
        R.Dirichlet,
        ([1.0, 2.0, 0.5],),
        dirichlet([1.0, 2.0, 0.5]),
        SHARES,
    ),  # fmt: skip
    "dirichlet of a stack": Law(
        "join_of_draws",
        lambda: once(lambda g: g / g.sum(), T.stack([G(1.0, 3.0), G(2.0, 3.0), G(0.5, 3.0)])),
        R.Dirichlet,
        ([1.0, 2.0, 0.5],),
        dirichlet([1.0, 2.0, 0.5]),
        SHARES,
    ),
    "component of a dirichlet": Law(
        "component_of_dirichlet", lambda: R.Dirichlet([1.0, 2.0, 0.5])[-2], R.Beta, (2.0, 1.5), st.beta(2, 1.5), UNIT
    ),
    "odds of beta": Law("odds_of_beta", lambda: once(lambda b: b / (1 - b), B(2.0, 3.0)), None, None, ODDS, POSITIVE),
    "odds of uniform": Law("odds_of_uniform", lambda: once(lambda u: u / (1 - u), unit()), None, None, FRACTION, POSITIVE),
    "odds against": Law("odds_of_uniform", lambda: once(lambda u: (1 - u) / u, unit()), None, None, FRACTION, POSITIVE),
}

POWERS = {
    "1 / gamma": Law(
        "reciprocal_of_gamma", lambda: 2 / G(3.0, 2.0), R.InverseGamma, (3.0, 4.0), st.invgamma(3, scale=4.0), POSITIVE
    ),
    "1 / chi squared": Law(
        "reciprocal_of_chi_squared",
        lambda: R.ChiSquared(3.0) ** -1,
        R.InverseGamma,
        (1.5, 0.5),
        st.invgamma(1.5, scale=0.5),
        POSITIVE,
    ),
    "1 / inverse gamma": Law(
        "reciprocal_of_inverse_gamma", lambda: 1 / R.InverseGamma(3.0, 2.0), R.Gamma, (3.0, 2.0), st.gamma(3, scale=0.5), POSITIVE
    ),
    "1 / exponential": Law(
        "powers_of_exponential", lambda: 1 / E(2.0), R.InverseGamma, (1.0, 2.0), st.invgamma(1, scale=2.0), POSITIVE
    ),
    "root of exponential": Law(
        "powers_of_exponential", lambda: T.sqrt(E(4.0)), R.Weibull, (2.0, 0.5), st.weibull_min(2, scale=0.5), POSITIVE
    ),
    "weibull to exponential": Law(
        "powers_of_weibull", lambda: R.Weibull(3.0, 2.0) ** 3, R.Exponential, (1 / 8,), st.expon(scale=8.0), POSITIVE
    ),
    "weibull to weibull": Law(
        "powers_of_weibull", lambda: R.Weibull(3.0, 2.0) ** 1.5, R.Weibull, (2.0, 2**1.5), st.weibull_min(2, scale=2**1.5), POSITIVE
    ),
    "pareto squared": Law(
        "powers_of_pareto", lambda: R.Pareto(3.0, 2.0) ** 2, R.Pareto, (1.5, 4.0), st.pareto(1.5, scale=4.0), (4.5, 9)
    ),
    "1 / pareto": Law(
        "powers_of_pareto",
        lambda: 1 / R.Pareto(3.0, 2.0),
        None,
        None,
        Mapped(st.beta(3, 1), lambda x: 2 * x, lambda x: np.full_like(x, 2.0)),
        (0.1, 0.3, 0.45),
    ),
    "root of uniform": Law("powers_of_uniform", lambda: unit() ** 0.4, R.Beta, (2.5, 1.0), st.beta(2.5, 1), UNIT),
    "1 / uniform": Law("powers_of_uniform", lambda: 3 / unit(), R.Pareto, (1.0, 3.0), st.pareto(1, scale=3.0), (3.5, 10.0)),
    "square of a wide uniform": Law(
        "powers_of_uniform",
        lambda: U(0.0, 3.0) ** 2,
        None,
        None,
        Mapped(st.uniform(0, 3), np.sqrt, lambda x: 0.5 / np.sqrt(x)),
        (0.2, 4.0, 8.5),
    ),
    "root of beta": Law("powers_of_beta", lambda: T.sqrt(B(2.0, 1.0)), R.Beta, (4.0, 1.0), st.beta(4, 1), UNIT),
    "1 / beta": Law("powers_of_beta", lambda: 1 / B(2.0, 1.0), R.Pareto, (2.0, 1.0), st.pareto(2), (1.2, 4.0)),
    "beta to kumaraswamy": Law("powers_of_beta", lambda: B(1.0, 2.5) ** 0.5, R.Kumaraswamy, (2.0, 2.5), kumaraswamy(2, 2.5), UNIT),
    "kumaraswamy from uniform": Law(
        "powers_of_beta", lambda: (1 - (1 - unit()) ** (1 / 2.5)) ** 0.5, R.Kumaraswamy, (2.0, 2.5), kumaraswamy(2, 2.5), UNIT
    ),
    "kumaraswamy to beta": Law(
        "powers_of_kumaraswamy", lambda: R.Kumaraswamy(2.0, 2.5) ** 2, R.Beta, (1.0, 2.5), st.beta(1, 2.5), UNIT
    ),
    "kumaraswamy power": Law(
        "powers_of_kumaraswamy", lambda: R.Kumaraswamy(2.0, 2.5) ** 0.5, R.Kumaraswamy, (4.0, 2.5), kumaraswamy(4, 2.5), UNIT
    ),
    "1 / half cauchy": Law(
        "reciprocal_of_half_cauchy", lambda: 1 / R.HalfCauchy(4.0), R.HalfCauchy, (0.25,), st.halfcauchy(0, 0.25), POSITIVE
    ),
    "1 / cauchy": Law("reciprocal_of_cauchy", lambda: 2 / R.Cauchy(1.0, 2.0), R.Cauchy, (0.4, 0.8), st.cauchy(0.4, 0.8)),
    "product of log normals": Law(
        "product_of_log_normals",
        lambda: 3 * L(0.5, 0.8) * L(-1.0, 0.6) ** 2 / T.sqrt(L(1.0, 2.0)),
        R.LogNormal,
        (np.log(3) + 0.5 - 2 - 0.5, math.sqrt(0.64 + 1.44 + 1)),
        st.lognorm(math.sqrt(3.08), scale=3 * np.exp(-2)),
        POSITIVE,
    ),
    "reciprocal of a log normal": Law(
        "product_of_log_normals", lambda: 1 / L(0.5, 0.8), R.LogNormal, (-0.5, 0.8), st.lognorm(0.8, scale=np.exp(-0.5)), POSITIVE
    ),
    "log normal squared over itself": Law(
        "product_of_log_normals",
        lambda: once(lambda x: x * x * L(0.0, 0.6) / T.sqrt(x), L(0.5, 0.8)),
        R.LogNormal,
        (0.75, math.sqrt(1.44 + 0.36)),
        st.lognorm(math.sqrt(1.8), scale=np.exp(0.75)),
        POSITIVE,
    ),
    "prod of log normals": Law(
        "product_along_axes_of_log_normals",
        lambda: T.prod(L([0.5, -1.0], [0.8, 0.6])),
        R.LogNormal,
        (-0.5, 1.0),
        st.lognorm(1.0, scale=np.exp(-0.5)),
        POSITIVE,
    ),
}

EXPONENTIALS = {
    "exp of exponential": Law("exp_of_exponential", lambda: T.exp(2 * E(3.0)), R.Pareto, (1.5, 1.0), st.pareto(1.5), (1.2, 4.0)),
    "exp of shifted exponential": Law(
        "exp_of_exponential", lambda: T.exp(1 + E(3.0)), R.Pareto, (3.0, np.e), st.pareto(3, scale=np.e), (3.0, 9.0)
    ),
    "exp of minus exponential": Law("exp_of_exponential", lambda: T.exp(-E(3.0) / 2), R.Beta, (6.0, 1.0), st.beta(6, 1), UNIT),
    "exp of minus gumbel": Law(
        "exp_of_gumbel",
        lambda: T.exp(1 - 2 * R.Gumbel(0.5, 0.25)),
        R.Weibull,
        (2.0, 1.0),
        st.weibull_min(2),
        POSITIVE,
    ),
    "-log of exponential": Law(
        "log_of_exponential", lambda: -T.log(E(2.0)), R.Gumbel, (np.log(2), 1.0), st.gumbel_r(np.log(2), 1.0)
    ),
    "log of exponential": Law("log_of_exponential", lambda: T.log(E(2.0)), None, None, st.gumbel_l(-np.log(2), 1.0)),
    "log of weibull": Law("log_of_weibull", lambda: T.log(R.Weibull(2.0, 3.0)), None, None, st.gumbel_l(np.log(3), 0.5)),
    "log of pareto": Law("log_of_pareto", lambda: T.log(R.Pareto(2.0, 1.0)), R.Exponential, (2.0,), st.expon(scale=0.5), POSITIVE),
    "log of a scaled pareto": Law(
        "log_of_pareto", lambda: T.log(R.Pareto(2.0, 3.0)), None, None, st.expon(np.log(3), 0.5), (1.2, 2.0, 5.0)
    ),
    "-log of beta": Law("log_of_beta", lambda: -T.log(B(2.0, 1.0)), R.Exponential, (2.0,), st.expon(scale=0.5), POSITIVE),
    "-log of the rest of a beta": Law(
        "log_of_complement_of_beta", lambda: -T.log1p(-B(1.0, 2.0)), R.Exponential, (2.0,), st.expon(scale=0.5), POSITIVE
    ),
}

UNIFORM = {
    "-log u": Law("log_of_uniform", lambda: -T.log(unit()), R.Exponential, (1.0,), st.expon(), POSITIVE),
    "-2 log u": Law("log_of_uniform", lambda: -2 * T.log(unit()), R.Exponential, (0.5,), st.expon(scale=2.0), POSITIVE),
    "log of a wide uniform": Law(
        "log_of_uniform", lambda: T.log(U(0.0, 3.0)), None, None, reflected(st.expon(-np.log(3))), (-2.0, 0.3, 1.0)
    ),
    "-log(1 - u)": Law("log1p_of_uniform", lambda: -T.log1p(-unit()) / 3, R.Exponential, (3.0,), st.expon(scale=1 / 3), POSITIVE),
    "logit u": Law("logit_of_uniform", lambda: 1 + 2 * T.logit(unit()), R.Logistic, (1.0, 2.0), st.logistic(1, 2)),
    "log of odds": Law(
        "odds_of_uniform", lambda: once(lambda u: T.log(u / (1 - u)), unit()), R.Logistic, (0.0, 1.0), st.logistic()
    ),
    "log u - log(1 - u)": Law(
        "log_odds_of_uniform", lambda: once(lambda u: T.log(u) - T.log(1 - u), unit()), R.Logistic, (0.0, 1.0), st.logistic()
    ),
    "tan": Law("tan_of_uniform", lambda: 1 + 2 * T.tan(np.pi * (unit() - 0.5)), R.Cauchy, (1.0, 2.0), st.cauchy(1, 2)),
    "tan of a whole turn": Law("tan_of_uniform", lambda: T.tan(np.pi * unit()), R.Cauchy, (0.0, 1.0), st.cauchy()),
    "arctan": Law(
        "arctan_of_cauchy",
        lambda: T.arctan(R.Cauchy(0.0, 1.0)),
        R.Uniform,
        (-np.pi / 2, np.pi / 2),
        st.uniform(-np.pi / 2, np.pi),
        (-1.2, 0.3),
    ),
    "ndtri": Law("ndtri_of_uniform", lambda: 1 + 2 * T.ndtri(unit()), R.Normal, (1.0, 2.0), st.norm(1, 2)),
    "ndtr": Law("ndtr_of_normal", lambda: T.ndtr(R.Normal(0.0, 1.0)), R.Uniform, (0.0, 1.0), st.uniform(), UNIT),
    "erfinv": Law(
        "erfinv_of_uniform", lambda: 1 + 2**0.5 * T.erfinv(2 * unit() - 1), R.Normal, (1.0, 2**0.5 * 0.5**0.5), st.norm(1, 1)
    ),
    "sigmoid of logistic": Law(
        "sigmoid_of_logistic", lambda: T.sigmoid(R.Logistic(0.0, 1.0)), R.Uniform, (0.0, 1.0), st.uniform(), UNIT
    ),
    "sigmoid of normal": Law(
        "sigmoid_of_normal",
        lambda: T.sigmoid(R.Normal(0.5, 0.8)),
        R.LogitNormal,
        (0.5, 0.8),
        Mapped(st.norm(0.5, 0.8), lambda x: np.log(x / (1 - x)), lambda x: 1 / (x * (1 - x))),
        UNIT,
    ),
    "logit of logit normal": Law(
        "logit_of_logit_normal", lambda: T.logit(R.LogitNormal(0.5, 0.8)), R.Normal, (0.5, 0.8), st.norm(0.5, 0.8)
    ),
    "quantile of gamma": Law(
        "quantile_at_uniform", lambda: R.icdf(G(2.5, 3.0), unit()), R.Gamma, (2.5, 3.0), st.gamma(2.5, scale=1 / 3), POSITIVE
    ),
    "quantile of a map": Law(
        "quantile_at_uniform", lambda: R.icdf(1 - 2 * R.Laplace(0.0, 1.0), unit()), R.Laplace, (1.0, 2.0), st.laplace(1, 2)
    ),
    "quantile of counts": Law(
        "quantile_at_uniform", lambda: R.icdf(R.Poisson(3.0), unit()), R.Poisson, (3.0,), st.poisson(3.0), (0, 3, 11)
    ),
    "|cauchy|": Law("abs_of_cauchy", lambda: abs(R.Cauchy(0.0, 2.0)), R.HalfCauchy, (2.0,), st.halfcauchy(0, 2), POSITIVE),
    "|laplace|": Law("abs_of_laplace", lambda: abs(R.Laplace(0.0, 2.0)), R.Exponential, (0.5,), st.expon(scale=2), POSITIVE),
    "|student|": Law(
        "abs_of_student_t",
        lambda: abs(R.StudentT(4.0, 0.0, sigma=2.0)),
        R.HalfStudentT,
        (4.0, 2.0),
        Folded(st.t(4, 0, 2)),
        POSITIVE,
    ),
    "|uniform|": Law("abs_of_uniform", lambda: abs(U(-2.0, 2.0)), R.Uniform, (0.0, 2.0), st.uniform(0, 2), UNIT),
}

EXTREMES = {
    "min of exponentials": Law(
        "least_of_exponentials",
        lambda: T.minimum(E(1.0), T.minimum(E(2.0), E(0.5))),
        R.Exponential,
        (3.5,),
        st.expon(scale=1 / 3.5),
        POSITIVE,
    ),
    "min along an axis": Law(
        "least_of_exponentials",
        lambda: E([[1.0, 2.0], [3.0, 4.0]]).min(1),
        R.Exponential,
        ([3.0, 7.0],),
        st.expon(scale=1 / np.array([3.0, 7.0])),
        np.array([[0.3, 2.0], [1.0, 0.1]]),
    ),
    "min of weibulls": Law(
        "least_of_weibulls", _two_weibulls, R.Weibull, (1.5, WEIBULLS), st.weibull_min(1.5, scale=WEIBULLS), POSITIVE
    ),
    "min of weibulls of a shape for each row": Law(
        "least_of_weibulls",
        lambda: R.Weibull([[1.0], [2.0]], 3.0, shape=(2, 4)).min(1),
        R.Weibull,
        ([1.0, 2.0], [0.75, 1.5]),
        st.weibull_min([1.0, 2.0], scale=[0.75, 1.5]),
        np.array([[0.3, 2.0], [1.0, 0.1]]),
    ),
    "min of paretos": Law(
        "least_of_paretos", lambda: R.Pareto([1.0, 2.5], 2.0).min(), R.Pareto, (3.5, 2.0), st.pareto(3.5, scale=2), (2.1, 4.0)
    ),
    "min of kumaraswamys": Law(
        "least_of_kumaraswamys", lambda: R.Kumaraswamy(2.0, [1.0, 1.5]).min(), R.Kumaraswamy, (2.0, 2.5), kumaraswamy(2, 2.5), UNIT
    ),
    "min of betas": Law("least_of_betas", lambda: B(1.0, [1.5, 2.0]).min(), R.Beta, (1.0, 3.5), st.beta(1, 3.5), UNIT),
    "max of betas": Law(
        "greatest_of_betas", lambda: T.maximum(B(1.5, 1.0), B(2.0, 1.0)), R.Beta, (3.5, 1.0), st.beta(3.5, 1), UNIT
    ),
    "min of uniforms": Law("least_of_uniforms", lambda: unit(shape=(4,)).min(), R.Beta, (1.0, 4.0), st.beta(1, 4), UNIT),
    "max of uniforms": Law("greatest_of_uniforms", lambda: T.maximum(unit(), unit()), R.Beta, (2.0, 1.0), st.beta(2, 1), UNIT),
    "max of wide uniforms": Law(
        "greatest_of_uniforms", lambda: U(-1.0, 3.0, shape=(5,)).max(), None, None, st.beta(5, 1, -1, 4), (0.0, 2.8)
    ),
    "sorted uniforms": Law(
        "order_statistic_of_uniforms", lambda: T.sort(unit(shape=(5,)))[1], R.Beta, (2.0, 4.0), st.beta(2, 4), UNIT
    ),
    "sorted uniforms by rows": Law(
        "order_statistic_of_uniforms",
        lambda: T.sort(U([[0.0], [1.0]], 3.0, shape=(2, 4)))[:, -1],
        None,
        None,
        st.beta(4, 1, [0, 1], [3, 2]),
        np.array([[1.5, 2.0], [2.9, 1.1]]),
    ),
    "max of gumbels": Law(
        "greatest_of_gumbels",
        lambda: T.maximum(R.Gumbel(1.0, 2.0), R.Gumbel(0.5, 2.0)),
        R.Gumbel,
        (2 * np.logaddexp(0.5, 0.25), 2.0),
        st.gumbel_r(2 * np.logaddexp(0.5, 0.25), 2.0),
    ),
    "max of gumbels by columns": Law(
        "greatest_of_gumbels",
        lambda: R.Gumbel([[1.0, 0.0], [0.5, 1.0]], [2.0, 1.0]).max(0),
        R.Gumbel,
        ([2 * np.logaddexp(0.5, 0.25), np.logaddexp(0, 1)], [2.0, 1.0]),
        st.gumbel_r([2 * np.logaddexp(0.5, 0.25), np.logaddexp(0, 1)], [2.0, 1.0]),
        np.array([[0.3, 2.0], [-1.0, 0.1]]),
    ),
    "gumbel trick": Law(
        "greatest_gumbel",
        lambda: T.argmax(np.array([0.2, 1.0, -0.5]) + R.Gumbel(0.0, 1.0, shape=(3,))),
        R.Categorical,
        ([0.2, 1.0, -0.5],),
        Counts(np.exp([0.2, 1.0, -0.5])),
        (0, 1, 2),
    ),
    "race of exponentials": Law(
        "least_exponential", lambda: T.argmin(E([2.0, 1.0, 0.5])), R.Categorical, None, Counts([2.0, 1.0, 0.5]), (0, 1, 2)
    ),
}

LAWS = {**SUMS, **RATIOS, **POWERS, **EXPONENTIALS, **UNIFORM, **EXTREMES}


@pytest.mark.parametrize("name", LAWS)
def test_law(name):
    check_law(LAWS[name])


#: Rows whose draws are cheap to compile; those of Gamma variables are not.
QUICK = {**EXPONENTIALS, **UNIFORM}


@pytest.fixture(scope="module")
def drawn():
    return draws_of_table(QUICK)


@pytest.mark.parametrize("name", QUICK)
def test_rewriting_keeps_the_law(name, drawn):
    for draws in drawn:
        check_draws(LAWS[name], draws[name])


@pytest.mark.slow
@pytest.mark.parametrize("table", [SUMS, RATIOS, POWERS, EXTREMES], ids=["sums", "ratios", "powers", "extremes"])
def test_rewriting_keeps_the_laws(table):
    for draws in draws_of_table(table):
        for name, row in table.items():
            check_draws(row, draws[name])


def test_every_law_has_a_row():
    wanted = laws_of("positive", "powers", "uniform", "extremes", "location_scale")
    assert wanted <= {row.rule for row in LAWS.values()} | {"add_cauchys"}


# Side conditions -----------------------------------------------------------------------------------------------------------


def _negative_exponent_of_unknown_sign():
    return [G(2.0, 1.0) ** T.Placeholder((), "float64", name="k")]


def _twice(x):
    m = T.Placeholder((), "float64", name="m")
    y = x(m)
    return y, clone(y, {m: T.constant(2.0)})


BROKEN = {
    "gammas of different rates": lambda: [G(2.0, 1.0) + G(2.0, 1.5)],
    "gammas of different rates along the axis": lambda: [G(2.0, [1.0, 1.5]).sum()],
    "gammas used elsewhere": lambda: once(lambda x: [x.sum(), x[0]], G(2.0, 1.0, shape=(3,))),
    "difference of gammas": lambda: [G(2.0, 1.0) - G(2.0, 1.0)],
    "exponentials of symbolic signs": lambda: [E(1.0) + T.Placeholder((), "float64", name="c") * E(1.0)],
    "inverse gammas that are not stable": lambda: [R.InverseGamma(1.0, 1.0) + R.InverseGamma(1.0, 1.0)],
    "2 - beta": lambda: [2 - B(2.0, 3.0)],
    "ratio of gammas of other rates": lambda: once(lambda g: [g / (g + G(2.0, 2.0))], G(1.0, 1.0)),
    "share with the part an output": lambda: once(lambda g: [g / (g + G(2.0, 1.0)), g], G(1.0, 1.0)),
    "share of what is counted twice": lambda: once(lambda g: [g / (2 * g + G(2.0, 1.0))], G(1.0, 1.0)),
    "shares with the total an output": lambda: once(lambda g: [g / g.sum(), g.sum()], G([1.0, 2.0], 1.0)),
    "shares of gammas of different rates": lambda: once(lambda g: [g / g.sum()], G(1.0, [1.0, 2.0])),
    "shares of a column": lambda: once(lambda g: [g / g.sum(0, keepdims=True)], G(1.0, 1.0, shape=(2, 3))),
    "shares of rows along columns": lambda: once(lambda g: [g / g.sum(1)], G(1.0, 1.0, shape=(3, 3))),
    "ratio of one draw under two parameters": lambda: [T.divide(*_twice(lambda m: G(m, 1.0)))],
    "ratio to a power": lambda: once(lambda g: [g / T.sqrt(g + G(2.0, 1.0))], G(1.0, 1.0)),
    "component of an output": lambda: once(lambda x: [x[0], x], R.Dirichlet([1.0, 2.0, 3.0])),
    "several components": lambda: [R.Dirichlet([1.0, 2.0, 3.0])[:2]],
    "exponent of unknown sign": _negative_exponent_of_unknown_sign,
    "square of a gamma": lambda: [G(2.0, 1.0) ** 2],
    "negative power of a weibull": lambda: [R.Weibull(2.0, 1.0) ** -2],
    "power of a shifted uniform": lambda: [U(0.5, 1.0) ** 2],
    "power of a general beta": lambda: [B(2.0, 3.0) ** 2],
    "power of an output": lambda: once(lambda x: [x**2, x], R.Pareto(2.0, 1.0)),
    "power of a seeded draw": lambda: [R.Pareto(2.0, 1.0, seed=3) ** 2],
    "power that repeats": lambda: [R.Pareto(2.0, 1.0) ** np.array([1.0, 2.0])],
    "root of an exponential as a scale": lambda: [R.Logistic(0.0, T.sqrt(E(1.0)))],
    "log normal over itself and more": lambda: once(lambda x: [x * L(0.0, 1.0), x], L(0.0, 1.0)),
    "root of a product with a negative factor": lambda: [T.sqrt(T.Placeholder((), "float64", name="c") * L(0.0, 1.0))],
    "prod of one that is used": lambda: once(lambda x: [T.prod(x), x[0]], L(0.0, 1.0, shape=(3,))),
    "exp of a gamma": lambda: [T.exp(-G(2.0, 1.0))],
    "exp of a gumbel": lambda: [T.exp(R.Gumbel(0.0, 1.0))],
    "exp of a symbolic multiple": lambda: [T.exp(T.Placeholder((), "float64", name="c") * E(1.0))],
    "log of a shifted uniform": lambda: [T.log(U(0.5, 1.0))],
    "log of a general beta": lambda: [T.log(B(2.0, 3.0))],
    "logit of a part": lambda: [T.logit(U(0.0, 0.5))],
    "quantile at a part": lambda: [R.icdf(G(2.5, 3.0), U(0.0, 0.5))],
    "quantile with its level": lambda: once(lambda u: [R.icdf(G(2.5, 3.0), u), u], unit()),
    "tan of half a turn": lambda: [T.tan(U(-1.0, 1.0))],
    "arctan of another cauchy": lambda: [T.arctan(R.Cauchy(0.0, 2.0))],
    "ndtri of a part": lambda: [T.ndtri(U(0.1, 0.9))],
    "ndtr of another normal": lambda: [T.ndtr(R.Normal(1.0, 1.0))],
    "erfinv of a unit": lambda: [T.erfinv(unit())],
    "sigmoid of another logistic": lambda: [T.sigmoid(R.Logistic(0.0, 2.0))],
    "|cauchy| off centre": lambda: [abs(R.Cauchy(1.0, 2.0))],
    "|laplace| off centre": lambda: [abs(R.Laplace(1.0, 2.0))],
    "|student| off centre": lambda: [abs(R.StudentT(4.0, 1.0, sigma=2.0))],
    "|uniform| off centre": lambda: [abs(U(-2.0, 1.0))],
    "gumbels of different scales": lambda: [R.Gumbel(0.0, 1.0) - R.Gumbel(0.0, 2.0)],
    "sum of gumbels": lambda: [R.Gumbel(0.0, 1.0) + R.Gumbel(0.0, 1.0)],
    "min of a repeated draw": lambda: once(lambda x: [T.minimum(x, T.sin(x))], E(1.0)),
    "min with an output": lambda: once(lambda x: [T.minimum(x, E(1.0)), x], E(1.0)),
    "min of broadcasts": lambda: [T.minimum(E(1.0), E(1.0, shape=(3,)))],
    "max of exponentials": lambda: [T.maximum(E(1.0), E(1.0))],
    "min of weibulls of different shapes": lambda: [R.Weibull([1.0, 2.0], 1.0).min()],
    "min of paretos of different bounds": lambda: [R.Pareto(1.0, [1.0, 2.0]).min()],
    "min of kumaraswamys of different shapes": lambda: [R.Kumaraswamy([1.0, 2.0], 1.0).min()],
    "min of general betas": lambda: [B(2.0, 1.5, shape=(2,)).min()],
    "max of general betas": lambda: [B(2.0, 1.5, shape=(2,)).max()],
    "max of uniforms of different bounds": lambda: [U(0.0, [1.0, 2.0]).max()],
    "order of uniforms of different bounds": lambda: [T.sort(U(0.0, [1.0, 2.0]))[0]],
    "two places of one order": lambda: once(lambda s: [s[0], s[1]], T.sort(unit(shape=(3,)))),
    "max of gumbels of different scales": lambda: [T.maximum(R.Gumbel(0.0, 1.0), R.Gumbel(0.0, 2.0))],
    "argmax of gumbels of different scales": lambda: [T.argmax(R.Gumbel(0.0, [1.0, 2.0]))],
    "argmax of gumbels with their maximum": lambda: once(lambda x: [T.argmax(x), x.max()], R.Gumbel(0.0, 1.0, shape=(2,))),
    "argmin of gammas": lambda: [T.argmin(G(2.0, 1.0, shape=(2,)))],
    "stack of one draw": lambda: once(lambda x: [T.stack([x, x])], E(1.0)),
    "stack of two families": lambda: [T.stack([E(1.0), G(2.0, 1.0)])],
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_side_condition(name):
    check_broken(BROKEN[name])
