"""Textbook identities: the density of an expression of unobserved variables, and its draws in law."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.stats as st
from scipy.integrate import quad

import symjax.random as R
import symjax.tensor as T
from symjax._errors import NotDerivableError

N_DRAWS = 4_000
#: Kolmogorov-Smirnov and chi-squared tests of a right program fail with this probability.
LEVEL = 1e-6


@dataclass(frozen=True)
class Identity:
    """An expression and the law that it has.

    Attributes
    ----------
    build : callable
        Makes the expression.
    law : object
        What it must be, with ``logpdf`` or ``logpmf`` (``cdf`` too for scalars), as scipy.stats spells it.
    points : sequence
        Where densities are compared.
    """

    build: Callable[[], Any]
    law: Any
    points: Any = (-1.3, 0.4, 2.2)


@dataclass(frozen=True)
class Density:
    """A law given by its density alone."""

    logpdf: Callable[[Any], Any]
    cdf: Any = None


def _log_mixture(*parts):
    return lambda x: np.logaddexp.reduce([np.log(w) + law.logpdf(x) for w, law in parts])


def _ordered_uniforms(x):
    inside = (np.diff(x, axis=-1) >= 0).all(-1) & (x >= 0).all(-1) & (x <= 1).all(-1)
    return np.where(inside, np.log(6.0), -np.inf)


def _random_walk(x):
    return st.norm(0, 1).logpdf(np.diff(x, axis=-1, prepend=0)).sum(-1)


def _one(f):
    x = R.Normal(0.7, 1.3)
    return f(x)


COV = np.array([[2.0, 0.6, 0.1], [0.6, 1.0, -0.2], [0.1, -0.2, 0.5]])
MEAN = np.array([0.3, -1.0, 0.5])
A = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]])
P = np.array([0.2, 0.5, 0.3])
POSITIVE = (0.2, 0.9, 2.5)
UNIT = (0.1, 0.45, 0.83)
COUNTS = (0, 2, 5)


def mv():
    return R.MvNormal(MEAN, COV)


def _mean_of_switch():
    z = R.Bernoulli(0.3)
    return R.Normal(T.switch(T.equal(z, 1), 2.0, -1.0), 0.7)


IDENTITIES = {
    "2N+3": Identity(lambda: 2 * R.Normal(0.5, 1.5) + 3, st.norm(4, 3)),
    "exp N": Identity(lambda: T.exp(R.Normal(0.5, 0.8)), st.lognorm(0.8, scale=np.exp(0.5)), POSITIVE),
    "log LogNormal": Identity(lambda: T.log(R.LogNormal(0.5, 0.8)), st.norm(0.5, 0.8)),
    "N squared": Identity(lambda: R.Normal(0.0, 1.0) ** 2, st.chi2(1), POSITIVE),
    "1-Beta": Identity(lambda: 1 - R.Beta(2.0, 3.5), st.beta(3.5, 2.0), UNIT),
    "c Gamma": Identity(lambda: 3 * R.Gamma(2.0, 1.5), st.gamma(2, scale=2.0), POSITIVE),
    "1/Gamma": Identity(lambda: 1 / R.Gamma(2.0, 1.5), st.invgamma(2, scale=1.5), POSITIVE),
    "-log U": Identity(lambda: -T.log(R.Uniform(0.0, 1.0)), st.expon(), POSITIVE),
    "cumsum of Normals": Identity(
        lambda: T.cumsum(R.Normal(0.0, 1.0, shape=(3,))), Density(_random_walk), np.array([[0.1, -0.4, 2.0], [1.0, 1.0, 0.0]])
    ),
    "sum of a Normal vector": Identity(lambda: R.Normal([1.0, 2.0, -1.0], 0.5).sum(), st.norm(2, 0.75**0.5)),
    "min of iid Exponentials": Identity(lambda: R.Exponential(1.5, shape=(4,)).min(), st.expon(scale=1 / 6), POSITIVE),
    "max of iid Uniforms": Identity(lambda: R.Uniform(0.0, 2.0, shape=(3,)).max(), st.beta(3, 1, scale=2.0), (0.3, 1.1, 1.9)),
    "argmax of Gumbels": Identity(lambda: T.argmax(R.Gumbel(np.log(P), 1.0)), st.rv_discrete(values=([0, 1, 2], P)), (0, 1, 2)),
    "N > c": Identity(lambda: R.Normal(0.5, 1.5) > 1.0, st.bernoulli(st.norm(0.5, 1.5).sf(1.0)), (0, 1)),
    "N+N": Identity(lambda: R.Normal(0.5, 1.5) + R.Normal(-1.0, 2.0), st.norm(-0.5, 2.5)),
    "N-N": Identity(lambda: R.Normal(0.5, 1.5) - R.Normal(-1.0, 2.0), st.norm(1.5, 2.5)),
    "aN+bN": Identity(lambda: 2 * R.Normal(0.5, 1.5) - 2 * R.Normal(-1.0, 2.0), st.norm(3, 5)),
    "x+x": Identity(lambda: _one(lambda x: x + x), st.norm(1.4, 2.6)),
    "Poisson+Poisson": Identity(lambda: R.Poisson(1.5) + R.Poisson(2.5), st.poisson(4.0), COUNTS),
    "Binomial+Binomial": Identity(lambda: R.Binomial(4, 0.3) + R.Binomial(6, 0.3), st.binom(10, 0.3), COUNTS),
    "sum of Bernoullis": Identity(lambda: R.Bernoulli(0.3, shape=(8,)).sum(), st.binom(8, 0.3), COUNTS),
    "Gamma+Gamma": Identity(lambda: R.Gamma(1.5, 2.0) + R.Gamma(0.5, 2.0), st.gamma(2.0, scale=0.5), POSITIVE),
    "sum of Exponentials": Identity(lambda: R.Exponential(2.0, shape=(3,)).sum(), st.gamma(3.0, scale=0.5), POSITIVE),
    "G/(G+G)": Identity(lambda: (lambda g, h: g / (g + h))(R.Gamma(1.5, 2.0), R.Gamma(2.5, 2.0)), st.beta(1.5, 2.5), UNIT),
    "LogNormal*LogNormal": Identity(
        lambda: R.LogNormal(0.5, 0.6) * R.LogNormal(0.2, 0.8), st.lognorm(1.0, scale=np.exp(0.7)), POSITIVE
    ),
    "product of LogNormals": Identity(
        lambda: T.prod(R.LogNormal(0.1, 0.5, shape=(4,))), st.lognorm(1.0, scale=np.exp(0.4)), POSITIVE
    ),
    "sum of squared Normals": Identity(lambda: (R.Normal(0.0, 1.0, shape=(5,)) ** 2).sum(), st.chi2(5), POSITIVE),
    "N/N": Identity(lambda: R.Normal(0.0, 3.0) / R.Normal(0.0, 2.0), st.cauchy(0, 1.5)),
    "N/sqrt(chi2/k)": Identity(lambda: R.Normal(0.0, 1.0) / T.sqrt(R.ChiSquared(4.0) / 4.0), st.t(4)),
    "logit U": Identity(lambda: T.logit(R.Uniform(0.0, 1.0)), st.logistic()),
    "log(U/(1-U))": Identity(lambda: (lambda u: T.log(u / (1 - u)))(R.Uniform(0.0, 1.0)), st.logistic()),
    "tan of U": Identity(lambda: T.tan(np.pi * (R.Uniform(0.0, 1.0) - 0.5)), st.cauchy()),
    "min of two Exponentials": Identity(lambda: T.minimum(R.Exponential(1.5), R.Exponential(0.5)), st.expon(scale=0.5), POSITIVE),
    "sorted Uniforms": Identity(
        lambda: T.sort(R.Uniform(0.0, 1.0, shape=(3,))), Density(_ordered_uniforms), np.array([[0.1, 0.3, 0.8], [0.4, 0.3, 0.8]])
    ),
    "N < N": Identity(lambda: R.Normal(0.5, 1.5) < R.Normal(1.0, 2.0), st.bernoulli(st.norm(-0.5, 2.5).cdf(0.0)), (0, 1)),
    "dot(A, MvNormal)": Identity(
        lambda: T.dot(A, mv()), st.multivariate_normal(A @ MEAN, A @ COV @ A.T), np.array([[0.1, 2.0], [-3.0, 1.0]])
    ),
    "component of MvNormal": Identity(lambda: mv()[1], st.norm(-1.0, 1.0)),
    "component of Dirichlet": Identity(lambda: R.Dirichlet([1.0, 2.5, 0.5])[1], st.beta(2.5, 1.5), UNIT),
    "component of Multinomial": Identity(lambda: R.Multinomial(9, P)[2], st.binom(9, 0.3), COUNTS),
    "sum of MvNormal": Identity(lambda: mv().sum(), st.norm(MEAN.sum(), COV.sum() ** 0.5)),
    "switch between variables": Identity(
        lambda: T.switch(R.Bernoulli(0.3), R.Normal(2.0, 0.7), R.Normal(-1.0, 0.5)),
        Density(_log_mixture((0.3, st.norm(2, 0.7)), (0.7, st.norm(-1, 0.5)))),
    ),
    "Bernoulli*Poisson": Identity(
        lambda: R.Bernoulli(0.3) * R.Poisson(2.0), Density(lambda k: np.log(0.7 * (k == 0) + 0.3 * st.poisson(2.0).pmf(k))), COUNTS
    ),
    "Normal(Normal)": Identity(lambda: R.Normal(R.Normal(0.5, 1.5), 2.0), st.norm(0.5, 2.5)),
    "Poisson(Gamma)": Identity(lambda: R.Poisson(R.Gamma(2.5, 0.5)), st.nbinom(2.5, 1 / 3), COUNTS),
    "Binomial(Beta)": Identity(lambda: R.Binomial(10, R.Beta(2.0, 3.0)), st.betabinom(10, 2.0, 3.0), COUNTS),
    "Normal(InverseGamma variance)": Identity(
        lambda: R.Normal(0.5, T.sqrt(R.InverseGamma(2.5, 4.0))), st.t(5.0, 0.5, (4.0 / 2.5) ** 0.5)
    ),
    "Exponential(Gamma)": Identity(lambda: R.Exponential(R.Gamma(2.5, 1.5)), st.lomax(2.5, scale=1.5), POSITIVE),
    "Binomial(Poisson)": Identity(lambda: R.Binomial(R.Poisson(5.0), 0.3), st.poisson(1.5), COUNTS),
    "mean picked by a Bernoulli": Identity(_mean_of_switch, Density(_log_mixture((0.3, st.norm(2, 0.7)), (0.7, st.norm(-1, 0.7))))),
    "component picked by a Bernoulli": Identity(
        lambda: T.stack([R.Normal(-1.0, 0.5), R.Normal(2.0, 0.7)])[R.Bernoulli(0.3)],
        Density(_log_mixture((0.3, st.norm(2, 0.7)), (0.7, st.norm(-1, 0.5)))),
    ),
}


def _reference(law, points):
    values = law.logpdf(points) if hasattr(law, "logpdf") else law.logpmf(points)
    return np.asarray(values, float)


@pytest.mark.parametrize("name", IDENTITIES)
def test_the_density_is_that_of_the_law(name):
    row = IDENTITIES[name]
    points = np.asarray(row.points)
    found = [float(T.sum(R.logp(row.build(), p)).eval()) for p in points]
    expected = [_reference(row.law, p) for p in points]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("canonicalize", [True, False])
@pytest.mark.parametrize("name", [n for n, row in IDENTITIES.items() if np.ndim(row.points) == 1])
def test_draws_have_the_law(name, canonicalize):
    row = IDENTITIES[name]
    draws = np.asarray(R.draw(row.build(), draws=N_DRAWS, random_seed=20_241, canonicalize=canonicalize), float)
    law = row.law
    if np.all(draws == np.round(draws)):
        values, counts = np.unique(draws, return_counts=True)
        mass = np.exp([_reference(law, v) for v in values])
        kept = mass * N_DRAWS > 5
        observed, expected = counts[kept], mass[kept] * N_DRAWS
        observed, expected = np.append(observed, N_DRAWS - observed.sum()), np.append(expected, N_DRAWS - expected.sum())
        chi2 = np.sum((observed - expected) ** 2 / np.maximum(expected, 1.0))
        assert chi2 < st.chi2(len(observed)).isf(LEVEL)
        return
    cdf = getattr(law, "cdf", None) or np.vectorize(lambda x: quad(lambda v: np.exp(law.logpdf(v)), -30, x, points=[-1, 2])[0])
    assert st.kstest(draws[:: 1 if law.__class__ is not Density else 20], cdf).pvalue > LEVEL


def test_the_difference_of_a_draw_with_itself_is_no_random_variable():
    with pytest.raises(NotDerivableError, match="not random"):
        _one(lambda x: R.logp(x - x, 0.0))


def test_cdfs_and_quantiles_of_expressions():
    law = st.lognorm(0.8, scale=np.exp(0.5))
    assert float(R.logcdf(T.exp(R.Normal(0.5, 0.8)), 1.7).eval()) == pytest.approx(law.logcdf(1.7), rel=1e-12)
    assert float(R.icdf(T.exp(R.Normal(0.5, 0.8)), 0.3).eval()) == pytest.approx(law.ppf(0.3), rel=1e-12)
    mixture = R.NormalMixture(w=[0.3, 0.7], mu=[2.0, -1.0], sigma=[0.7, 0.5])
    expected = np.log(0.3 * st.norm(2, 0.7).cdf(0.4) + 0.7 * st.norm(-1, 0.5).cdf(0.4))
    assert float(R.logcdf(mixture, 0.4).eval()) == pytest.approx(expected, rel=1e-12)
    truncated = R.TruncatedNormal(0.5, 1.5, lower=-1.0, upper=2.0)
    assert float(R.icdf(truncated, 0.3).eval()) == pytest.approx(st.truncnorm(-1, 1, 0.5, 1.5).ppf(0.3), rel=1e-10)
