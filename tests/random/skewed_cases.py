"""Rows of skewed, circular and tabulated laws, spliced into the table of `cases.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.stats as st
from row import NEAR, Row, array
from scipy.special import erf, erfc, erfcinv, erfinv, log_ndtr

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
]
