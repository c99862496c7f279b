"""Rows of skewed, circular and tabulated laws, spliced into the table of `cases.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.stats as st
from row import NEAR, Row, array
from scipy.special import betaln, erf, erfc, erfcinv, erfinv, expit, log_expit, log_ndtr

import symjax.random as R


class Moyal:
    """scipy's moyal has no log tails: those of 2 log|1/N| for a standard Normal N."""

    def __init__(self, mu: Any, sigma: Any):
        self.mu, self.sigma = np.asarray(mu, float), np.asarray(sigma, float)
        self.law = st.moyal(mu, sigma)
        self.logpdf, self.mean, self.var = self.law.logpdf, self.law.mean, self.law.var

    def _root(self, x: Any) -> Any:
        return np.exp(-0.5 * (x - self.mu) / self.sigma)

    def logcdf(self, x: Any) -> Any:
        t = self._root(x)
        return np.where(t > 0.5, np.log(2) + log_ndtr(-t), np.log1p(-erf(np.minimum(t, 0.5) / np.sqrt(2))))

    def logsf(self, x: Any) -> Any:
        t = self._root(x)
        return np.where(t > 1, np.log1p(-erfc(np.maximum(t, 1) / np.sqrt(2))), np.log(erf(t / np.sqrt(2))))

    def ppf(self, q: Any) -> Any:
        return self.mu - 2 * self.sigma * np.log(erfcinv(q) * np.sqrt(2))

    def isf(self, q: Any) -> Any:
        return self.mu - 2 * self.sigma * np.log(erfinv(q) * np.sqrt(2))


def inverted(tail: Any, levels: Any, low: Any, high: Any) -> Any:
    """Where an increasing log tail has these levels, by bisection."""
    shape = np.broadcast_shapes(np.shape(levels), np.shape(low), np.shape(high))
    a, b, goal = np.broadcast_to(low, shape), np.broadcast_to(high, shape), np.log(levels)
    for _ in range(64):
        middle = 0.5 * (a + b)
        below = tail(middle) < goal
        a, b = np.where(below, middle, a), np.where(below, b, middle)
    return 0.5 * (a + b)


class ExGaussian:
    """scipy's exponnorm has no log tails: the upper one as a sum, the lower one by quadrature of E Φ((x - μ - E) / σ)."""

    def __init__(self, mu: Any, sigma: Any, nu: Any):
        self.mu, self.sigma, self.nu = (np.asarray(p, float) for p in (mu, sigma, nu))
        self.k = self.sigma / self.nu
        self.law = st.exponnorm(self.nu / self.sigma, self.mu, self.sigma)
        self.logpdf, self.mean, self.var = self.law.logpdf, self.law.mean, self.law.var
        self.reach = 40 * self.sigma, 40 * self.sigma + 800 * self.nu

    def logsf(self, x: Any) -> Any:
        z = (x - self.mu) / self.sigma
        upper = np.logaddexp(log_ndtr(-z), self.k * (0.5 * self.k - z) + log_ndtr(z - self.k))
        return np.where(z < 0, np.log1p(-np.exp(self._left(np.minimum(z, 0.0)))), upper)

    def _left(self, z: Any) -> Any:
        end = 40 / (self.k + np.maximum(-z, 0) + 1)
        total = 0.0
        for panel in range(6):
            for node, weight in zip(*np.polynomial.legendre.leggauss(16), strict=True):
                t = end * (panel + 0.5 + 0.5 * node) / 6
                total = total + weight * end / 12 * self.k * np.exp(-self.k * t + log_ndtr(z - t) - log_ndtr(z))
        return log_ndtr(z) + np.log(total)

    def logcdf(self, x: Any) -> Any:
        z = (x - self.mu) / self.sigma
        with np.errstate(divide="ignore"):
            return np.where(z < 1, self._left(np.minimum(z, 1.0)), np.log1p(-np.exp(np.where(z < 1, -1.0, self.logsf(x)))))

    def ppf(self, q: Any) -> Any:
        return inverted(self.logcdf, q, self.mu - self.reach[0], self.mu + self.reach[1])

    def isf(self, q: Any) -> Any:
        return -inverted(lambda x: self.logsf(-x), q, -self.mu - self.reach[1], -self.mu + self.reach[0])


class SkewT:
    """scipy's jf_skew_t loses digits in the tails: density and tails of the Beta law of the odds, each from its own side."""

    def __init__(self, a: Any, b: Any, mu: Any, sigma: Any):
        self.mu, self.width = np.asarray(mu, float), sigma * np.sqrt(a + b)
        self.left, self.right = st.beta(a, b), st.beta(b, a)
        self.law = st.jf_skew_t(a, b, mu, sigma)
        self.a, self.b = np.asarray(a, float), np.asarray(b, float)

    def _odds(self, x: Any) -> Any:
        return 2 * np.arcsinh((x - self.mu) / self.width)

    def logpdf(self, x: Any) -> Any:
        s = self._odds(x)
        kernel = self.a * log_expit(s) + self.b * log_expit(-s) - betaln(self.a, self.b)
        return kernel + np.log(2 / self.width) - np.log(np.hypot(1, (x - self.mu) / self.width))

    def logcdf(self, x: Any) -> Any:
        s = self._odds(x)
        return np.where(s < 0, self.left.logcdf(expit(s)), np.log1p(-self.right.cdf(expit(-s))))

    def logsf(self, x: Any) -> Any:
        s = self._odds(x)
        return np.where(s > 0, self.right.logcdf(expit(-s)), np.log1p(-self.left.cdf(expit(s))))

    def ppf(self, q: Any) -> Any:
        y, z = self.left.ppf(q), self.right.isf(q)
        return self.mu + self.width * np.sinh(0.5 * (np.log(y) - np.log(z)))

    def mean(self) -> Any:
        return np.where(np.minimum(self.a, self.b) > 0.5, self.law.mean(), np.inf)

    def var(self) -> Any:
        return np.where(np.minimum(self.a, self.b) > 1, self.law.var(), np.inf)


class Pieces:
    """scipy has no linear pieces: sums of the masses left of a point, and bisection."""

    def __init__(self, x: Any, p: Any):
        self.x, self.p = x, p / np.trapezoid(p, x)

    def logpdf(self, v: Any) -> Any:
        return np.log(np.interp(v, self.x, self.p))

    def cdf(self, v: Any) -> Any:
        def one(end: float) -> float:
            x = np.append(self.x[self.x < end], end)
            return float(np.trapezoid(np.interp(x, self.x, self.p), x))

        return np.vectorize(one)(v)

    def logcdf(self, v: Any) -> Any:
        return np.log(self.cdf(v))

    def logsf(self, v: Any) -> Any:
        return Pieces(-self.x[::-1], self.p[::-1]).logcdf(-np.asarray(v))

    def ppf(self, q: Any) -> Any:
        return inverted(self.logcdf, q, self.x[0], self.x[-1])

    def _moment(self, k: int, center: float) -> float:
        x = np.unique(np.append(np.linspace(self.x[0], self.x[-1], 200_001), self.x))
        return float(np.trapezoid((x - center) ** k * np.interp(x, self.x, self.p), x))

    def mean(self) -> Any:
        return self._moment(1, 0.0)

    def var(self) -> Any:
        return self._moment(2, self.mean())


SKEWED: list[Row] = [
    Row(
        R.Triangular,
        lambda lower, upper, c: st.triang((c - lower) / (upper - lower), lower, upper - lower),
        # modes are knots of the quadrature: the mass below them is 0.01 + 0.98 j / 60
        [
            (0.0, 1.0, 0.5),
            (-3.0, -1.0, -2.49),
            (array(0.0, -5.0, 10.0), array(2.0, 5.0, 1e4), array(0.51, -2.45, 8920.2)),
        ],
        same=[({}, (0.0, 1.0, 0.5)), ({"upper": 4.0}, (0.0, 4.0, 0.5))],
        outside=lambda lower, upper, c: [lower - 1e-3, upper + 1e-3, np.inf],
        bad=[({"lower": 1.0, "upper": 1.0, "c": 1.0}, "lower"), ({"c": 2.0}, "c"), ({"upper": np.inf}, "upper")],
        levels=NEAR,
        far=False,
    ),
    Row(
        R.Moyal,
        Moyal,
        [(0.0, 1.0), (-3.0, 1e-3), (array(0.0, 5.0, -1e3), array(1.0, 2.0, 1e4))],
        same=[({}, (0.0, 1.0)), ({"mu": 2.0}, (2.0, 1.0))],
        bad=[({"sigma": -1.0}, "sigma"), ({"mu": np.nan}, "mu")],
    ),
    Row(
        R.Wald,
        lambda mu, lam, alpha: st.invgauss(mu / lam, alpha, lam),
        [(1.0, 1.0, 0.5), (3.0, 0.5, 0.25), (1e-2, 4.0, 0.1), (array(0.5, 2.0, 30.0), array(20.0, 3.0, 1e4), array(0.2, 1.0, 0.5))],
        same=[
            ({"mu": 2.0}, (2.0, 1.0, 0.0)),
            ({"mu": 2.0, "lam": 3.0, "alpha": 1.0}, (2.0, 3.0, 1.0)),
            ({"mu": 2.0, "phi": 3.0}, (2.0, 6.0, 0.0)),
            ({"lam": 2.0, "phi": 4.0}, (0.5, 2.0, 0.0)),
        ],
        outside=lambda mu, lam, alpha: [alpha, alpha - 1e-3, -np.inf],
        bad=[({"mu": 0.0}, "mu"), ({"lam": -1.0}, "lam"), ({"mu": 1.0, "phi": 0.0}, "phi"), ({"alpha": -1.0}, "alpha")],
        far=False,
    ),
    Row(
        R.ExGaussian,
        ExGaussian,
        [(0.0, 1.0, 1.0), (-3.0, 0.5, 4.0), (1.0, 2.0, 0.3), (array(0.0, 5.0, -10.0), array(0.1, 3.0, 2.0), array(3.0, 0.2, 1.0))],
        same=[({"nu": 2.0}, (0.0, 1.0, 2.0))],
        bad=[({"sigma": 0.0}, "sigma"), ({"nu": -1.0}, "nu")],
    ),
    Row(
        R.SkewNormal,
        lambda alpha, mu, sigma: st.skewnorm(alpha, mu, sigma),
        [(1.0, 0.0, 1.0), (0.0, 1.0, 2.0), (array(-3.0, 0.5, 20.0), array(0.0, 5.0, -10.0), array(1.0, 0.1, 4.0))],
        same=[({"alpha": 2.0, "tau": 0.25}, (2.0, 0.0, 2.0)), ({}, (1.0, 0.0, 1.0)), ({"sigma": 2.0}, (1.0, 0.0, 2.0))],
        bad=[({"sigma": 0.0}, "sigma"), ({"tau": -1.0}, "tau")],
        levels=NEAR,
        cdf=False,
        quantiles=False,
    ),
    Row(
        R.VonMises,
        lambda mu, kappa: st.vonmises(kappa, mu),
        [(0.0, 1.0), (0.0, 1e-2), (array(1.0, -0.5, 2.0), array(50.0, 300.0, 1e4))],
        same=[({}, (0.0, 1.0)), ({"mu": 1.0}, (1.0, 1.0))],
        outside=lambda mu, kappa: [np.pi + 1e-3, -np.pi - 1e-3, np.inf],
        bad=[({"kappa": 0.0}, "kappa"), ({"mu": np.nan}, "mu")],
        levels=NEAR,
        moments=False,
        cdf=False,
        quantiles=False,
        integrates=False,
    ),
    Row(
        R.Rice,
        lambda nu, sigma: st.rice(nu / sigma, 0.0, sigma),
        [(1.0, 1.0), (0.0, 2.0), (array(0.5, 3.0, 12.0), array(2.0, 0.5, 1.0))],
        same=[({"nu": 2.0}, (2.0, 1.0)), ({"b": 2.0, "sigma": 3.0}, (6.0, 3.0)), ({"nu": 2.0, "sigma": 3.0}, (2.0, 3.0))],
        outside=lambda nu, sigma: [0.0, -1e-3, -np.inf],
        bad=[({"nu": -1.0}, "nu"), ({"b": -1.0}, "b"), ({"sigma": 0.0}, "sigma")],
        levels=NEAR,
        cdf=False,
        quantiles=False,
    ),
    Row(
        R.SkewStudentT,
        SkewT,
        [
            (2.0, 3.0, 0.0, 1.0),
            (0.4, 5.0, 1.0, 2.0),
            (array(4.0, 0.8, 30.0), array(1.2, 0.9, 20.0), array(0.0, 5.0, -10.0), array(1.0, 0.1, 4.0)),
        ],
        same=[({"a": 1.0, "b": 2.0}, (1.0, 2.0, 0.0, 1.0)), ({"a": 1.0, "b": 2.0, "mu": 3.0, "lam": 0.25}, (1.0, 2.0, 3.0, 2.0))],
        bad=[({"a": 0.0}, "a"), ({"b": -1.0}, "b"), ({"a": 1.0, "b": 1.0, "lam": 0.0}, "lam")],
        levels=NEAR,
        far=False,
    ),
    Row(
        R.Interpolated,
        Pieces,
        [(array(0.0, 1.0, 3.0), array(0.0, 2.0, 1.0)), (array(-1.0, 0.0, 0.5, 2.0), array(1.0, 3.0, 3.0, 0.0))],
        outside=lambda x, p: [x[0] - 1e-3, x[-1] + 1e-3, np.inf],
        bad=[({"x_points": array(0.0, 1.0, 1.0)}, "x_points"), ({"pdf_points": array(0.0, -1.0, 2.0)}, "pdf_points")],
        levels=NEAR,
        far=False,
        quantiles=False,
        integrates=False,
    ),
]
