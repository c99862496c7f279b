"""One row per distribution: what it is compared with. A row buys every test of `test_distributions.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.stats as st
from count_cases import DISCRETE
from modified_cases import MODIFIED
from point_mass_cases import POINT_MASSES
from row import FAR as FAR
from row import NEAR, Row, array
from scipy.integrate import quad
from scipy.special import betaln, expit
from skewed_cases import SKEWED

import symjax.random as R


def below_zero(*parameters: Any) -> list[float]:
    return [-1e-3, -np.inf]


class Truncated:
    """scipy's truncnorm loses digits in the tails: masses from log tails of the Normal law, moments by quadrature."""

    def __init__(self, mu: Any, sigma: Any, lower: Any, upper: Any):
        self.mu, self.sigma, self.lower, self.upper = np.broadcast_arrays(mu, sigma, lower, upper)
        self.normal = st.norm(mu, sigma)
        self.total = self._log_mass(self.lower, self.upper)
        self.ppf = st.truncnorm((lower - mu) / sigma, (upper - mu) / sigma, mu, sigma).ppf

    def _log_mass(self, a: Any, b: Any) -> Any:
        with np.errstate(divide="ignore"):
            left = np.log(-np.expm1(self.normal.logcdf(a) - self.normal.logcdf(b))) + self.normal.logcdf(b)
            right = np.log(-np.expm1(self.normal.logsf(b) - self.normal.logsf(a))) + self.normal.logsf(a)
        return np.where(a > self.mu, right, left)

    def logpdf(self, x: Any) -> Any:
        return self.normal.logpdf(x) - self.total

    def logcdf(self, x: Any) -> Any:
        return self._log_mass(self.lower, x) - self.total

    def logsf(self, x: Any) -> Any:
        return self._log_mass(x, self.upper) - self.total

    def _moment(self, center: Any, power: int) -> Any:
        # a normal density is nothing 12 sigma from its largest value
        nearest = np.clip(self.mu, self.lower, self.upper)
        a, b = np.maximum(self.lower, nearest - 12 * self.sigma), np.minimum(self.upper, nearest + 12 * self.sigma)
        total = 0.0
        for node, weight in zip(*np.polynomial.legendre.leggauss(200), strict=True):
            x = 0.5 * (a + b) + 0.5 * (b - a) * node
            total = total + 0.5 * (b - a) * weight * (x - center) ** power * np.exp(self.logpdf(x))
        return total

    def mean(self) -> Any:
        return self._moment(0.0, 1)

    def var(self) -> Any:
        return self._moment(self.mean(), 2)


class HalfT:
    """scipy has no half Student t: the tails of t, doubled; the cdf by the beta law of t² / (ν + t²)."""

    def __init__(self, nu: Any, sigma: Any):
        self.nu, self.sigma = np.asarray(nu, float), np.asarray(sigma, float)
        self.t = st.t(nu, 0.0, sigma)
        self.square = st.beta(0.5, 0.5 * self.nu)

    def logpdf(self, x: Any) -> Any:
        return self.t.logpdf(x) + np.log(2)

    def logsf(self, x: Any) -> Any:
        return self.t.logsf(x) + np.log(2)

    def logcdf(self, x: Any) -> Any:
        z = (x / self.sigma) ** 2
        upper = np.minimum(self.logsf(x), -1e-300)
        return np.where(upper > np.log(0.5), self.square.logcdf(z / (self.nu + z)), np.log1p(-np.exp(np.minimum(upper, -0.5))))

    def ppf(self, q: Any) -> Any:
        return self.t.isf(0.5 * (1 - q))

    def isf(self, q: Any) -> Any:
        return self.t.isf(0.5 * q)

    def _moment(self, power: int) -> Any:
        def one(nu: float, sigma: float) -> float:
            if nu <= power:
                return np.inf
            return 2 * quad(lambda x: x**power * st.t.pdf(x, nu), 0, np.inf, epsabs=0, epsrel=1e-11)[0] * sigma**power

        return np.vectorize(one)(self.nu, self.sigma)

    def mean(self) -> Any:
        return self._moment(1)

    def var(self) -> Any:
        with np.errstate(invalid="ignore"):
            return self._moment(2) - self._moment(1) ** 2


class Kumaraswamy:
    """scipy has no Kumaraswamy law: that of a Beta(1, b) variable to the power 1 / a."""

    def __init__(self, a: Any, b: Any):
        self.a, self.b = np.asarray(a, float), np.asarray(b, float)

    def logpdf(self, x: Any) -> Any:
        return st.beta(1, self.b).logpdf(x**self.a) + np.log(self.a) + (self.a - 1) * np.log(x)

    def logcdf(self, x: Any) -> Any:
        return np.log(-np.expm1(self.b * np.log1p(-(x**self.a))))

    def logsf(self, x: Any) -> Any:
        return self.b * np.log(-np.expm1(self.a * np.log(x)))

    def ppf(self, q: Any) -> Any:
        return (-np.expm1(np.log1p(-q) / self.b)) ** (1 / self.a)

    def isf(self, q: Any) -> Any:
        return (-np.expm1(np.log(q) / self.b)) ** (1 / self.a)

    def mean(self) -> Any:
        return self.b * np.exp(betaln(1 + 1 / self.a, self.b))

    def var(self) -> Any:
        return self.b * np.exp(betaln(1 + 2 / self.a, self.b)) - self.mean() ** 2


class LogitNormal:
    """scipy has no LogitNormal law: that of the inverse logit of a Normal variable."""

    def __init__(self, mu: Any, sigma: Any):
        self.normal = st.norm(mu, sigma)

    def logpdf(self, x: Any) -> Any:
        return self.normal.logpdf(np.log(x) - np.log1p(-x)) - np.log(x) - np.log1p(-x)

    def logcdf(self, x: Any) -> Any:
        return self.normal.logcdf(np.log(x) - np.log1p(-x))

    def logsf(self, x: Any) -> Any:
        return self.normal.logsf(np.log(x) - np.log1p(-x))

    def ppf(self, q: Any) -> Any:
        return expit(self.normal.ppf(q))

    def isf(self, q: Any) -> Any:
        return expit(self.normal.isf(q))


class Constant:
    """An improper law of density 1 from a bound on."""

    def __init__(self, lower: float):
        self.lower = lower

    def logpdf(self, x: Any) -> Any:
        return np.where(x >= self.lower, 0.0, -np.inf)


def _scale_and_precision(name: str = "tau", **others: float) -> list[Any]:
    values = tuple(others.values())
    return [({**others, name: 4.0}, (*values, 0.5)), ({**others, "sigma": 3.0}, (*values, 3.0)), (others, (*values, 1.0))]


def _odds(*masses: float) -> np.ndarray:
    return array(*masses) / (1 - array(*masses))


CONTINUOUS = [
    Row(
        R.Flat,
        lambda: Constant(-np.inf),
        [()],
        points=lambda: array(-1e300, -1.0, 0.0, 1e-300, 5.0),
        moments=False,
        cdf=False,
        quantiles=False,
        draws=False,
        integrates=False,
    ),
    Row(
        R.HalfFlat,
        lambda: Constant(0.0),
        [()],
        points=lambda: array(1e-300, 1.0, 2.0, 3.0, 1e300),
        outside=below_zero,
        moments=False,
        cdf=False,
        quantiles=False,
        draws=False,
        integrates=False,
    ),
    Row(
        R.Normal,
        lambda mu, sigma: st.norm(mu, sigma),
        [(0.0, 1.0), (-3.0, 1e-3), (array(0.0, 5.0, -1e3), array(1.0, 2.0, 1e4))],
        same=[*_scale_and_precision(mu=1.5), ({}, (0.0, 1.0))],
        bad=[
            ({"mu": 0.0, "sigma": -1.0}, "sigma"),
            ({"sigma": array(1.0, 0.0)}, "sigma"),
            ({"mu": np.nan}, "mu"),
            ({"tau": -1.0}, "tau"),
        ],
    ),
    Row(
        R.HalfNormal,
        lambda sigma: st.halfnorm(0.0, sigma),
        [(1.0,), (1e-3,), (array(0.5, 2.0, 1e4),)],
        same=_scale_and_precision(),
        outside=below_zero,
        bad=[({"sigma": -1.0}, "sigma")],
    ),
    Row(
        R.TruncatedNormal,
        Truncated,
        [
            (0.0, 1.0, -1.0, 2.0),
            (0.0, 1.0, 5.0, np.inf),
            (0.0, 2.0, -np.inf, -60.0),
            (1.0, 0.5, 0.9, 1.05),
            (0.0, 1.0, -np.inf, np.inf),
            (array(0.0, 1.0, -2.0), array(1.0, 3.0, 0.5), array(-1.0, 2.0, -np.inf), array(np.inf, 9.0, -2.5)),
        ],
        same=[
            ({"mu": 1.0, "tau": 4.0, "lower": 0.0}, (1.0, 0.5, 0.0, np.inf)),
            ({"mu": 1.0, "sigma": 4.0, "upper": 0.0}, (1.0, 4.0, -np.inf, 0.0)),
            ({}, (0.0, 1.0, -np.inf, np.inf)),
        ],
        outside=lambda mu, sigma, lower, upper: (
            [lower - 1e-3, upper + 1e-3] if np.all(lower > -np.inf) and np.all(upper < np.inf) else []
        ),
        bad=[({"sigma": 0.0}, "sigma"), ({"lower": 1.0, "upper": 0.0}, "lower"), ({"lower": np.nan}, "lower")],
        levels=NEAR[1:-1],
        far=False,
    ),
    Row(
        R.LogNormal,
        lambda mu, sigma: st.lognorm(sigma, 0.0, np.exp(mu)),
        [(0.0, 1.0), (-3.0, 1e-2), (array(0.0, 2.0, -5.0), array(1.0, 0.25, 3.0))],
        same=[*_scale_and_precision(mu=1.5), ({}, (0.0, 1.0))],
        outside=lambda mu, sigma: [0.0, *below_zero()],
        bad=[({"sigma": -1.0}, "sigma")],
    ),
    Row(
        R.Cauchy,
        lambda alpha, beta: st.cauchy(alpha, beta),
        [(0.0, 1.0), (2.0, 1e-2), (array(0.0, 5.0, -1e3), array(1.0, 2.0, 1e4))],
        bad=[({"alpha": 0.0, "beta": -1.0}, "beta")],
        far=False,
    ),
    Row(
        R.HalfCauchy,
        lambda beta: st.halfcauchy(0.0, beta),
        [(1.0,), (1e-3,), (array(0.5, 2.0, 1e4),)],
        outside=below_zero,
        bad=[({"beta": 0.0}, "beta")],
        far=False,
    ),
    Row(
        R.StudentT,
        lambda nu, mu, sigma: st.t(nu, mu, sigma),
        [(4.0, 0.0, 1.0), (0.3, 1.0, 2.0), (1e4, 0.0, 1.0), (array(1.5, 2.5, 30.0), array(0.0, 5.0, -10.0), array(1.0, 2.0, 1e2))],
        same=[*_scale_and_precision("lam", nu=3.0, mu=1.5), ({"nu": 2.0}, (2.0, 0.0, 1.0))],
        bad=[({"nu": -1.0}, "nu"), ({"nu": 1.0, "sigma": -1.0}, "sigma"), ({"nu": 1.0, "lam": 0.0}, "lam")],
        far=False,
    ),
    Row(
        R.HalfStudentT,
        HalfT,
        [(4.0, 1.0), (0.5, 2.0), (array(1.5, 2.5, 30.0), array(1.0, 2.0, 1e2))],
        same=_scale_and_precision("lam", nu=3.0),
        outside=below_zero,
        bad=[({"nu": 0.0}, "nu"), ({"nu": 1.0, "sigma": -1.0}, "sigma")],
        far=False,
    ),
    Row(
        R.Exponential,
        lambda lam: st.expon(0.0, 1 / lam),
        [(1.0,), (1e4,), (array(0.1, 2.0, 1e-5),)],
        same=[({"scale": 4.0}, (0.25,)), ({}, (1.0,))],
        outside=below_zero,
        bad=[({"lam": 0.0}, "lam"), ({"scale": -1.0}, "scale")],
        pymc=lambda lam: {"lam": lam},
    ),
    Row(
        R.Gamma,
        lambda alpha, beta: st.gamma(alpha, 0.0, 1 / beta),
        [(2.5, 1.0), (0.3, 4.0), (1.0, 2.0), (1e4, 1e-2), (array(0.7, 5.0, 80.0), array(2.0, 1e3, 0.5))],
        same=[({"mu": 6.0, "sigma": 2.0}, (9.0, 1.5))],
        outside=below_zero,
        bad=[({"alpha": -1.0, "beta": 1.0}, "alpha"), ({"mu": 1.0, "sigma": -1.0}, "sigma")],
    ),
    Row(
        R.InverseGamma,
        lambda alpha, beta: st.invgamma(alpha, 0.0, beta),
        [(2.5, 1.0), (0.6, 4.0), (1e3, 1e2), (array(1.5, 5.0, 80.0), array(2.0, 1e3, 0.5))],
        same=[({"mu": 6.0, "sigma": 2.0}, (11.0, 60.0)), ({"alpha": 3.0}, (3.0, 1.0))],
        outside=lambda alpha, beta: [0.0, *below_zero()],
        bad=[({"alpha": 2.0, "beta": 0.0}, "beta"), ({"mu": -1.0, "sigma": 1.0}, "mu")],
        far=False,
    ),
    Row(
        R.ChiSquared,
        lambda nu: st.chi2(nu),
        [(1.0,), (7.0,), (array(0.5, 3.0, 400.0),)],
        outside=below_zero,
        bad=[({"nu": 0.0}, "nu")],
    ),
    Row(
        R.Beta,
        lambda alpha, beta: st.beta(alpha, beta),
        [(2.0, 3.0), (0.5, 0.5), (1.0, 1.0), (300.0, 2000.0), (array(0.8, 5.0, 1.0), array(2.0, 1.0, 30.0))],
        same=[({"mu": 0.25, "nu": 8.0}, (2.0, 6.0)), ({"mu": 0.5, "sigma": 0.1}, (12.0, 12.0))],
        outside=lambda alpha, beta: [-1e-3, 1.001, np.inf],
        bad=[
            ({"alpha": 1.0, "beta": 0.0}, "beta"),
            ({"mu": 1.5, "nu": 3.0}, "mu"),
            ({"mu": 0.5, "sigma": -0.1}, "sigma"),
            ({"mu": 0.5, "sigma": 0.5}, "sigma"),
        ],
        levels=NEAR,
        far=False,
    ),
    Row(
        R.Uniform,
        lambda lower, upper: st.uniform(lower, upper - lower),
        [(0.0, 1.0), (-3.0, -2.999), (array(0.0, -5.0, 10.0), array(2.0, 5.0, 1e4))],
        same=[({}, (0.0, 1.0)), ({"upper": 4.0}, (0.0, 4.0))],
        outside=lambda lower, upper: [lower - 1e-3, upper + 1e-3, np.inf],
        bad=[({"lower": 1.0, "upper": 1.0}, "lower"), ({"lower": -np.inf}, "lower")],
        levels=NEAR,
        far=False,
    ),
    Row(
        R.Laplace,
        lambda mu, b: st.laplace(mu, b),
        [(0.0, 1.0), (-3.0, 1e-3), (array(0.0, 5.0, -1e3), array(1.0, 2.0, 1e4))],
        bad=[({"mu": 0.0, "b": -1.0}, "b")],
    ),
    Row(
        R.Logistic,
        lambda mu, s: st.logistic(mu, s),
        [(0.0, 1.0), (-3.0, 1e-3), (array(0.0, 5.0, -1e3), array(1.0, 2.0, 1e4))],
        same=[({}, (0.0, 1.0))],
        bad=[({"mu": 0.0, "s": -1.0}, "s")],
    ),
    Row(
        R.Gumbel,
        lambda mu, beta: st.gumbel_r(mu, beta),
        [(0.0, 1.0), (-3.0, 1e-3), (array(0.0, 5.0, -1e3), array(1.0, 2.0, 1e4))],
        bad=[({"mu": 0.0, "beta": -1.0}, "beta")],
    ),
    Row(
        R.Weibull,
        lambda alpha, beta: st.weibull_min(alpha, 0.0, beta),
        [(1.5, 2.0), (0.4, 1.0), (1.0, 3.0), (50.0, 1e-2), (array(0.9, 2.0, 5.0), array(1.0, 1e3, 0.1))],
        outside=below_zero,
        bad=[({"alpha": 0.0, "beta": 1.0}, "alpha"), ({"alpha": 1.0, "beta": -1.0}, "beta")],
        far=False,
    ),
    Row(
        R.Pareto,
        lambda alpha, m: st.pareto(alpha, 0.0, m),
        [(3.0, 1.0), (1.5, 1e-2), (20.0, 5.0), (array(1.2, 2.5, 4.0), array(1.0, 10.0, 0.1))],
        outside=lambda alpha, m: [0.999 * m, 0.0, -1.0],
        bad=[({"alpha": 1.0, "m": 0.0}, "m"), ({"alpha": 0.0, "m": 1.0}, "alpha")],
        far=False,
    ),
    Row(
        R.Kumaraswamy,
        Kumaraswamy,
        [(2.0, 3.0), (0.6, 0.7), (1.0, 1.0), (array(0.9, 2.0, 5.0), array(1.0, 40.0, 0.5))],
        outside=lambda a, b: [-0.1, 1.1, -np.inf, np.inf],
        bad=[({"a": 0.0, "b": 1.0}, "a"), ({"a": 1.0, "b": -1.0}, "b")],
        levels=NEAR,
        far=False,
    ),
    Row(
        R.LogitNormal,
        LogitNormal,
        [(0.0, 1.0), (-1.0, 0.2), (array(0.0, 1.0, -2.0), array(0.5, 2.0, 1.0))],
        same=[*_scale_and_precision(mu=0.3), ({}, (0.0, 1.0))],
        outside=lambda mu, sigma: [-0.1, 0.0, 1.0, 1.1],
        bad=[({"mu": 0.0, "sigma": 0.0}, "sigma")],
        levels=NEAR,
        far=False,
        moments=False,
    ),
    Row(
        R.AsymmetricLaplace,
        lambda kappa, mu, b: st.laplace_asymmetric(kappa, mu, 1 / b),
        # the mode is a knot of the quadrature: the mass below it is 0.01 + 0.98 j / 60
        [(1.0, 0.0, 1.0), ((0.745 / 0.255) ** 0.5, -3.0, 0.1), (_odds(0.108, 0.255, 0.892) ** 0.5, array(0.0, 5.0, -1e3), 2.0)],
        same=[({"q": 0.5, "mu": 1.0, "b": 2.0}, (1.0, 1.0, 2.0)), ({"q": 0.8, "mu": 1.0, "b": 2.0}, (2.0, 1.0, 2.0))],
        bad=[({"kappa": 0.0, "mu": 0.0, "b": 1.0}, "kappa"), ({"kappa": 1.0, "mu": 0.0, "b": -1.0}, "b")],
        far=False,
    ),
]

ROWS: list[Row] = [*CONTINUOUS, *SKEWED, *DISCRETE, *MODIFIED, *POINT_MASSES]
