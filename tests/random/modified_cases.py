"""Rows of laws that are made from another law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.stats as st
from row import LEVELS, NEAR, Row, array

import symjax.random as R
from symjax.random.distributions.censored import censored
from symjax.random.distributions.truncated import truncated


class Between:
    """A scipy law between two bounds, by its tails on the side where the bounds lie."""

    def __init__(self, law: Any, lower: Any, upper: Any):
        self.law, self.discrete = law, hasattr(law, "pmf") and isinstance(law.dist, st.rv_discrete)
        self.lower, self.upper = np.asarray(lower, float), np.asarray(upper, float)
        self.total = self._log_mass(self.lower, self.upper)

    def _log_mass(self, a: Any, b: Any) -> Any:
        a = a - 1 if self.discrete else a
        with np.errstate(divide="ignore", invalid="ignore"):
            left = self.law.logcdf(b) + np.log(-np.expm1(self.law.logcdf(a) - self.law.logcdf(b)))
            right = self.law.logsf(a) + np.log(-np.expm1(self.law.logsf(b) - self.law.logsf(a)))
        return np.where(self.law.cdf(a) > 0.5, right, left)

    def logpdf(self, x: Any) -> Any:
        return self.law.logpdf(x) - self.total

    def logpmf(self, x: Any) -> Any:
        return self.law.logpmf(x) - self.total

    def logcdf(self, x: Any) -> Any:
        return self._log_mass(self.lower, x) - self.total

    def logsf(self, x: Any) -> Any:
        return self._log_mass(x + 1 if self.discrete else x, self.upper) - self.total

    def ppf(self, q: Any) -> Any:
        start = self.lower - 1 if self.discrete else self.lower
        right = self.law.cdf(start) > 0.5
        with np.errstate(invalid="ignore"):
            below = self.law.ppf(np.minimum(self.law.cdf(start) + q * np.exp(self.total), 1.0))
            above = self.law.isf(self.law.sf(self.upper) + (1 - q) * np.exp(self.total))
        return np.clip(np.where(right, above, below), self.lower, self.upper)


class Seen:
    """A scipy law of counts seen between two bounds only, where its mass beyond them lies at them."""

    def __init__(self, law: Any, lower: Any, upper: Any):
        self.law, self.lower, self.upper = law, lower, upper

    def logpmf(self, k: Any) -> Any:
        at_lower, at_upper = self.law.logcdf(self.lower), self.law.logsf(self.upper - 1)
        inside = np.where(k == self.upper, at_upper, self.law.logpmf(k))
        return np.where(k == self.lower, at_lower, inside)

    def logcdf(self, k: Any) -> Any:
        return np.where(k >= self.upper, 0.0, self.law.logcdf(k))

    def logsf(self, k: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.where(k >= self.upper, -np.inf, self.law.logsf(k))

    def ppf(self, q: Any) -> Any:
        return np.clip(self.law.ppf(q), self.lower, self.upper)


def _of(family: Any, *names: str) -> Callable[..., dict[str, Any]]:
    """Keywords of PyMC's modifiers."""

    def keywords(lower: Any, upper: Any, *parameters: Any) -> dict[str, Any]:
        import pymc

        base = getattr(pymc, family.name).dist(**dict(zip(names, parameters, strict=True)))
        return {"dist": base, "lower": lower, "upper": upper}

    return keywords


MODIFIED = [
    Row(
        truncated(R.Gamma),
        lambda lower, upper, alpha, beta: Between(st.gamma(alpha, 0, 1 / beta), lower, upper),
        [
            (0.5, 3.0, 2.5, 1.0),
            (25.0, np.inf, 2.0, 1.5),
            (-np.inf, 0.2, 3.0, 2.0),
            (array(0.1, 2.0), array(4.0, 2.5), array(0.7, 5.0), array(1.0, 2.0)),
        ],
        pymc=_of(R.Gamma, "alpha", "beta"),
        outside=lambda lower, upper, alpha, beta: [np.maximum(lower, 0) - 1e-3, -1.0],
        levels=NEAR[2:-2],
        far=False,
        moments=False,
        quantiles=False,
        points=lambda lower, upper, alpha, beta: Between(st.gamma(alpha, 0, 1 / beta), lower, upper).ppf(
            np.reshape(NEAR[2:-2], (-1, *[1] * np.ndim(alpha)))
        ),
    ),
    Row(
        truncated(R.Poisson),
        lambda lower, upper, mu: Between(st.poisson(mu), lower, upper),
        [(2.0, 9.0, 4.0), (1.0, np.inf, 0.5), (-np.inf, 3.0, 2.0), (array(0.0, 30.0), array(5.0, 40.0), array(3.0, 8.0))],
        pymc=_of(R.Poisson, "mu"),
        outside=lambda lower, upper, mu: [lower - 1, upper + 1] if np.all(np.isfinite([lower, upper])) else [],
        far=False,
        moments=False,
        quantiles=False,
        points=lambda lower, upper, mu: Between(st.poisson(mu), lower, upper).ppf(np.reshape(LEVELS, (-1, *[1] * np.ndim(mu)))),
    ),
    Row(
        censored(R.Poisson),
        lambda lower, upper, mu: Seen(st.poisson(mu), lower, upper),
        [(2.0, 9.0, 4.0), (1.0, 4.0, 0.5), (array(0.0, 3.0), array(5.0, 9.0), array(3.0, 8.0))],
        pymc=_of(R.Poisson, "mu"),
        outside=lambda lower, upper, mu: [lower - 1, upper + 1],
        far=False,
        moments=False,
    ),
]
