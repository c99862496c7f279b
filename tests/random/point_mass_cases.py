"""Rows of laws with a mass at zero, of point masses, and of ordered categories."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.stats as st
from count_cases import Summed
from row import LEVELS, Row, array
from scipy.special import expit, gammaln, logit

import symjax.random as R
from symjax.random.distributions.dirac_delta import point_mass


class WithZeros:
    """A scipy law of counts that is zero instead with probability 1 − psi."""

    def __init__(self, psi: Any, law: Any):
        self.psi, self.law = np.asarray(psi), law

    def logpmf(self, x: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.log(np.where(x == 0, 1 - self.psi, 0.0) + self.psi * self.law.pmf(x))

    def logcdf(self, x: Any) -> Any:
        return np.log1p(-self.psi * np.exp(self.law.logsf(x)))

    def logsf(self, x: Any) -> Any:
        return np.log(self.psi) + self.law.logsf(x)

    def ppf(self, q: Any) -> Any:
        return np.maximum(self.law.ppf(np.clip(1 - (1 - q) / self.psi, 0, 1)), 0.0)

    def mean(self) -> Any:
        return self.psi * self.law.mean()

    def var(self) -> Any:
        return self.psi * (self.law.var() + (1 - self.psi) * self.law.mean() ** 2)


class Hurdle:
    """A scipy law, given that it is positive, with probability psi; zero otherwise."""

    def __init__(self, psi: Any, law: Any):
        self.psi, self.law = np.asarray(psi), law
        self.mass = law.sf(0)

    def _log(self, inside: Any, x: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.where(x == 0, np.log1p(-self.psi), np.log(self.psi) - np.log(self.mass) + inside)

    def logpmf(self, x: Any) -> Any:
        return self._log(self.law.logpmf(x), x)

    def logpdf(self, x: Any) -> Any:
        return self._log(self.law.logpdf(x), x)

    def logcdf(self, x: Any) -> Any:
        return np.log1p(-np.exp(self.logsf(x)))

    def logsf(self, x: Any) -> Any:
        return np.log(self.psi) - np.log(self.mass) + self.law.logsf(x)

    def ppf(self, q: Any) -> Any:
        return np.where(q <= 1 - self.psi, 0.0, np.maximum(self.law.isf(np.minimum((1 - q) / self.psi, 1) * self.mass), 1.0))

    def mean(self) -> Any:
        return self.psi * self.law.mean() / self.mass

    def var(self) -> Any:
        return self.psi * (self.law.var() + self.law.mean() ** 2) / self.mass - self.mean() ** 2


class Constant:
    """A number."""

    def __init__(self, c: Any):
        self.c = np.asarray(c)

    def logpmf(self, x: Any) -> Any:
        return np.where(x == self.c, 0.0, -np.inf)

    logpdf = logpmf

    def logcdf(self, x: Any) -> Any:
        return np.where(x >= self.c, 0.0, -np.inf)

    def logsf(self, x: Any) -> Any:
        return np.where(x >= self.c, -np.inf, 0.0)

    def ppf(self, q: Any) -> Any:
        return self.c + 0 * q

    def mean(self) -> Any:
        return self.c

    def var(self) -> Any:
        return 0 * self.c


class DiscreteWeibull:
    """Weibull times rounded down."""

    def __init__(self, q: Any, beta: Any):
        self.log_q, self.beta = np.log(q), np.asarray(beta)

    def logsf(self, x: Any) -> Any:
        return (x + 1) ** self.beta * self.log_q

    def logcdf(self, x: Any) -> Any:
        return np.log(-np.expm1(self.logsf(x)))

    def logpmf(self, x: Any) -> Any:
        return self.logsf(x - 1) + np.log(-np.expm1(self.logsf(x) - self.logsf(x - 1)))

    def ppf(self, q: Any) -> Any:
        return np.maximum(np.ceil((np.log1p(-q) / self.log_q) ** (1 / self.beta)) - 1, 0)


class Cut:
    """The place of a scipy law's draws among cutpoints; the law is symmetric."""

    def __init__(self, law: Any, eta: Any, cutpoints: Any, sigma: Any = 1.0):
        z = (np.asarray(cutpoints) - np.asarray(eta)[..., None]) / np.asarray(sigma)[..., None]
        none = np.full((*z.shape[:-1], 1), np.inf)
        self.law, self.lower, self.upper = law, np.concatenate([-none, z], -1), np.concatenate([z, none], -1)
        right = self.lower > 0
        a, b = np.where(right, -self.upper, self.lower), np.where(right, -self.lower, self.upper)
        self.p = law.cdf(b) - law.cdf(a)

    def _at(self, table: Any, x: Any) -> Any:
        index = np.asarray(x).astype(int)[..., None]
        return np.take_along_axis(np.broadcast_to(table, (*index.shape[:-1], table.shape[-1])), index, -1)[..., 0]

    def logpmf(self, x: Any) -> Any:
        return self._at(np.log(self.p), x)

    def logcdf(self, x: Any) -> Any:
        return self._at(self.law.logcdf(self.upper), x)

    def logsf(self, x: Any) -> Any:
        return self._at(self.law.logsf(self.upper), x)

    def mean(self) -> Any:
        return (self.p * np.arange(self.p.shape[-1])).sum(-1)

    def var(self) -> Any:
        return (self.p * np.arange(self.p.shape[-1]) ** 2).sum(-1) - self.mean() ** 2


class Counted:
    """A multinomial law of the categories of another one."""

    def __init__(self, n: Any, p: Any):
        self.n, self.p = np.asarray(n)[..., None], p

    def logpmf(self, x: Any) -> Any:
        return gammaln(self.n[..., 0] + 1) + (x * np.log(self.p) - gammaln(x + 1)).sum(-1)

    def mean(self) -> Any:
        return self.n * self.p

    def var(self) -> Any:
        return self.n * self.p * (1 - self.p)


def categories(eta: Any, cutpoints: Any, *sigma: Any) -> np.ndarray:
    """Every category, for each element of a batch."""
    batch = np.broadcast_shapes(np.shape(eta), np.shape(cutpoints)[:-1])
    k = np.arange(float(np.shape(cutpoints)[-1] + 1))
    return np.broadcast_to(k.reshape(-1, *[1] * len(batch)), (len(k), *batch))


def at_and_above_zero(law: Any) -> np.ndarray:
    """Zero and quantiles of a positive law."""
    quantiles = law.ppf(np.reshape(LEVELS, (-1, *[1] * np.ndim(law.mean()))))
    return np.concatenate([0 * quantiles[:3], quantiles])


def negative_binomial(mu: Any, alpha: Any) -> Any:
    return st.nbinom(alpha, alpha / (mu + alpha))


def below_zero(*parameters: Any) -> list[float]:
    return [-1.0]


POINT_MASSES = [
    Row(
        R.ZeroInflatedPoisson,
        lambda psi, mu: WithZeros(psi, st.poisson(mu)),
        [(0.4, 3.0), (0.9, 0.5), (array(0.2, 0.6, 0.99), array(1.0, 20.0, 4.0))],
        outside=below_zero,
        bad=[({"psi": 1.5, "mu": 1.0}, "psi"), ({"psi": 0.5, "mu": -1.0}, "mu")],
        far=False,
    ),
    Row(
        R.ZeroInflatedBinomial,
        lambda psi, n, logit_p: WithZeros(psi, Summed(st.binom(n, expit(logit_p)), n)),
        [(0.4, 10, 0.3), (0.9, 1, -1.0), (array(0.2, 0.6, 0.99), array(5, 40, 200), array(-1.0, 0.0, 2.0))],
        same=[({"psi": 0.5, "n": 7, "p": 0.25}, (0.5, 7, logit(0.25)))],
        outside=lambda psi, n, logit_p: [-1.0, n + 1.0],
        bad=[({"psi": -0.1, "n": 3, "p": 0.5}, "psi"), ({"psi": 0.5, "n": 3, "p": 1.5}, "p"), ({"n": 2.5}, "n")],
        pymc=lambda psi, n, logit_p: {"psi": psi, "n": n, "p": expit(logit_p)},
        far=False,
    ),
    Row(
        R.ZeroInflatedNegativeBinomial,
        lambda psi, mu, alpha: WithZeros(psi, negative_binomial(mu, alpha)),
        [(0.4, 3.0, 2.0), (0.9, 0.1, 5.0), (array(0.2, 0.6, 0.99), array(2.0, 20.0, 8.0), array(0.5, 3.0, 100.0))],
        same=[({"psi": 0.5, "p": 0.25, "n": 3.0}, (0.5, 9.0, 3.0)), ({"psi": 0.5, "mu": 2.0, "n": 4.0}, (0.5, 2.0, 4.0))],
        outside=below_zero,
        bad=[({"psi": 1.5}, "psi"), ({"mu": -1.0}, "mu"), ({"alpha": 0.0}, "alpha")],
        far=False,
    ),
    Row(
        R.HurdlePoisson,
        lambda psi, mu: Hurdle(psi, st.poisson(mu)),
        [(0.4, 3.0), (0.9, 0.01), (array(0.2, 0.6, 0.99), array(1.0, 20.0, 4.0))],
        outside=below_zero,
        bad=[({"psi": 1.5}, "psi"), ({"mu": 0.0}, "mu")],
        far=False,
    ),
    Row(
        R.HurdleNegativeBinomial,
        lambda psi, mu, alpha: Hurdle(psi, negative_binomial(mu, alpha)),
        [(0.4, 3.0, 2.0), (0.9, 0.1, 5.0), (array(0.2, 0.6, 0.99), array(2.0, 20.0, 8.0), array(0.5, 3.0, 100.0))],
        same=[({"psi": 0.5, "p": 0.25, "n": 3.0}, (0.5, 9.0, 3.0)), ({"psi": 0.5, "mu": 2.0, "n": 4.0}, (0.5, 2.0, 4.0))],
        outside=below_zero,
        bad=[({"psi": 1.5}, "psi"), ({"mu": 0.0}, "mu"), ({"alpha": 0.0}, "alpha")],
        far=False,
    ),
    Row(
        R.HurdleGamma,
        lambda psi, alpha, beta: Hurdle(psi, st.gamma(alpha, scale=1 / np.asarray(beta))),
        [(0.4, 3.0, 2.0), (0.9, 0.7, 5.0), (array(0.2, 0.6, 0.99), array(2.0, 20.0, 8.0), array(0.5, 3.0, 100.0))],
        same=[({"psi": 0.5, "mu": 2.0, "sigma": 4.0}, (0.5, 0.25, 0.125))],
        points=lambda psi, alpha, beta: at_and_above_zero(st.gamma(alpha, scale=1 / np.asarray(beta))),
        outside=below_zero,
        bad=[({"psi": 1.5}, "psi"), ({"alpha": 0.0}, "alpha"), ({"beta": -1.0}, "beta")],
        quantiles=False,
        integrates=False,
        draws=False,
    ),
    Row(
        R.HurdleLogNormal,
        lambda psi, mu, sigma: Hurdle(psi, st.lognorm(sigma, scale=np.exp(mu))),
        [(0.4, 1.0, 2.0), (0.9, -3.0, 0.5), (array(0.2, 0.6, 0.99), array(2.0, -1.0, 0.0), array(0.5, 1.0, 0.1))],
        same=[({"psi": 0.5, "mu": 2.0, "tau": 4.0}, (0.5, 2.0, 0.5)), ({"psi": 0.5}, (0.5, 0.0, 1.0))],
        points=lambda psi, mu, sigma: at_and_above_zero(st.lognorm(sigma, scale=np.exp(mu))),
        outside=below_zero,
        bad=[({"psi": 1.5}, "psi"), ({"sigma": 0.0}, "sigma"), ({"mu": np.nan}, "mu")],
        quantiles=False,
        integrates=False,
        draws=False,
    ),
    Row(
        R.DiracDelta,
        Constant,
        [(3,), (-2,), (array(0, 1, 10**6),)],
        points=lambda c: np.broadcast_to(1.0 * c, (5, *np.shape(c))),
        outside=lambda c: [c - 1.0, c + 1.0, np.inf],
        far=False,
    ),
    Row(
        point_mass,
        Constant,
        [(0.5,), (array(-1.5, 0.25, 1e3),)],
        points=lambda c: np.broadcast_to(c, (5, *np.shape(c))),
        outside=lambda c: [np.nextafter(c, np.inf), c - 1.0],
        bad=[({"c": np.nan}, "c")],
        quantiles=False,
        integrates=False,
        draws=False,
    ),
    Row(
        R.DiscreteWeibull,
        DiscreteWeibull,
        [(0.8, 0.6), (0.1, 3.0), (array(0.2, 0.99, 0.5), array(1.0, 1.5, 0.5))],
        outside=below_zero,
        bad=[({"q": 1.0}, "q"), ({"q": 0.0}, "q"), ({"beta": 0.0}, "beta")],
        far=False,
        moments=False,
    ),
    Row(
        R.OrderedLogistic,
        lambda eta, cutpoints: Cut(st.logistic, eta, cutpoints),
        [
            (0.3, array(-1.0, 0.5, 2.0)),
            (25.0, array(-1.0, 0.5, 2.0)),
            (array(-1.0, 2.0), array(0.0)),
            (array(-30.0, 2.0), np.array([[-1.0, 0.0, 4.0], [1.0, 1.001, 9.0]])),
        ],
        points=categories,
        outside=lambda eta, cutpoints: [-1.0, np.shape(cutpoints)[-1] + 1.0],
        bad=[({"cutpoints": array(1.0, 0.0, 2.0)}, "cutpoints"), ({"cutpoints": array(1.0, np.nan, 2.0)}, "cutpoints")],
        far=False,
    ),
    Row(
        R.OrderedProbit,
        lambda eta, cutpoints, sigma: Cut(st.norm, eta, cutpoints, sigma),
        [
            (0.3, array(-1.0, 0.5, 2.0), 1.5),
            (20.0, array(-1.0, 0.5, 2.0), 0.8),
            (array(-1.0, 2.0), array(0.0), 1.0),
            (array(-30.0, 2.0), np.array([[-1.0, 0.0, 4.0], [1.0, 1.1, 9.0]]), array(2.0, 0.7)),
        ],
        same=[({"eta": 0.5, "cutpoints": array(0.0, 1.0)}, (0.5, array(0.0, 1.0), 1.0))],
        points=categories,
        outside=lambda eta, cutpoints, sigma: [-1.0, np.shape(cutpoints)[-1] + 1.0],
        bad=[({"cutpoints": array(1.0, 0.0, 2.0)}, "cutpoints"), ({"sigma": 0.0}, "sigma")],
        far=False,
    ),
    Row(
        R.OrderedMultinomial,
        lambda eta, cutpoints, n: Counted(n, Cut(st.logistic, eta, cutpoints).p),
        [(0.3, array(-1.0, 0.5, 2.0), 5), (array(-1.0, 2.0), np.array([[-1.0, 0.0, 4.0], [1.0, 1.001, 9.0]]), array(5, 5))],
        points=lambda eta, cutpoints, n: (
            np.array([[5.0, 0, 0, 0], [0, 0, 0, 5], [1, 2, 0, 2], [1, 1, 2, 1], [0, 3, 1, 1]]).reshape(5, *[1] * np.ndim(eta), 4)
            * np.ones((*np.shape(eta), 1))
        ),
        outside=lambda eta, cutpoints, n: [array(5.0, 1.0, 0.0, 0.0), array(-1.0, 6.0, 0.0, 0.0), array(2.5, 2.5, 0.0, 0.0)],
        bad=[({"cutpoints": array(1.0, 0.0, 2.0)}, "cutpoints"), ({"n": 2.5}, "n")],
        far=False,
        cdf=False,
        quantiles=False,
    ),
]
