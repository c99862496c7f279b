"""Rows of the discrete and of the multivariate laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.stats as st
from row import Row, array
from scipy.special import expit, logit

import symjax.random as R


class Finite:
    """A categorical law."""

    def __init__(self, logit_p: Any):
        logs = np.asarray(logit_p, float)
        p = np.exp(logs - logs.max(-1, keepdims=True))
        self.p = p / p.sum(-1, keepdims=True)
        self.values = np.arange(self.p.shape[-1])

    def logpmf(self, x: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.log((self.p * (np.asarray(x)[..., None] == self.values)).sum(-1))

    def logcdf(self, x: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.log((self.p * (self.values <= np.asarray(x)[..., None])).sum(-1))

    def logsf(self, x: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.log((self.p * (self.values > np.asarray(x)[..., None])).sum(-1))

    def ppf(self, q: Any) -> Any:
        return (np.cumsum(self.p, -1) < np.asarray(q)[..., None]).sum(-1)

    def mean(self) -> Any:
        return (self.p * self.values).sum(-1)

    def var(self) -> Any:
        return (self.p * self.values**2).sum(-1) - self.mean() ** 2


class Summed:
    """A bounded count, whose upper tail is summed from above."""

    def __init__(self, law: Any, n: Any):
        self.law, self.n = law, np.asarray(n)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.law, name)

    def logsf(self, x: Any) -> Any:
        k = np.arange(self.n.max() + 1).reshape(-1, *(1,) * np.ndim(x))
        above = (k > x) & (k <= self.n)
        with np.errstate(divide="ignore"):
            return np.logaddexp.reduce(np.where(above, self.law.logpmf(np.minimum(k, self.n)), -np.inf), 0)

    def _moment(self, f: Any) -> Any:
        k = np.arange(self.n.max() + 1.0).reshape(-1, *(1,) * self.n.ndim)
        return (self.law.pmf(k) * f(k)).sum(0)

    def mean(self) -> Any:
        return self._moment(lambda k: k)

    def var(self) -> Any:
        mean = self.mean()
        return self._moment(lambda k: (k - mean) ** 2)


DISCRETE = [
    Row(
        R.Bernoulli,
        lambda logit_p: st.bernoulli(expit(logit_p)),
        [(0.3,), (-4.0,), (array(-1.0, 0.0, 2.0),)],
        same=[({"p": 0.25}, (logit(0.25),))],
        points=lambda logit_p: np.broadcast_to((np.arange(4.0) % 2).reshape(4, *(1,) * np.ndim(logit_p)), (4, *np.shape(logit_p))),
        outside=lambda logit_p: [-1.0, 2.0],
        bad=[({"p": 1.5}, "p"), ({"p": -0.1}, "p"), ({"logit_p": np.nan}, "logit_p")],
        far=False,
    ),
    Row(
        R.Binomial,
        lambda n, logit_p: st.binom(n, expit(logit_p)),
        [(10, 0.3), (1, -1.0), (array(5, 40, 200), array(-1.0, 0.0, 2.0))],
        same=[({"n": 7, "p": 0.25}, (7, logit(0.25)))],
        outside=lambda n, logit_p: [-1.0, n + 1.0],
        bad=[({"n": 3, "p": 1.5}, "p"), ({"n": -1, "p": 0.5}, "n"), ({"n": 2.5, "p": 0.5}, "n")],
        far=False,
    ),
    Row(
        R.BetaBinomial,
        lambda alpha, beta, n: Summed(st.betabinom(n, alpha, beta), n),
        [(2.0, 3.0, 10), (0.5, 0.7, 4), (array(1.0, 5.0, 0.2), array(2.0, 30.0, 0.1), array(5, 40, 3))],
        points=lambda alpha, beta, n: np.round(np.linspace(0.0, 1.0, 7).reshape(7, *(1,) * np.ndim(n)) * n),
        outside=lambda alpha, beta, n: [-1.0, n + 1.0],
        bad=[({"alpha": -1.0, "beta": 1.0, "n": 3}, "alpha"), ({"alpha": 1.0, "beta": 1.0, "n": -1}, "n")],
        far=False,
    ),
    Row(
        R.BetaNegativeBinomial,
        lambda alpha, beta, n: st.betanbinom(n, alpha, beta),
        [(2.5, 3.0, 4.0), (6.0, 0.7, 1.0), (array(3.0, 5.0, 4.5), array(2.0, 30.0, 0.5), array(5.0, 4.0, 2.0))],
        points=lambda alpha, beta, n: np.arange(0.0, 21.0, 3.0).reshape(7, *(1,) * np.ndim(n)) + 0 * n,
        outside=lambda alpha, beta, n: [-1.0],
        bad=[({"alpha": -1.0, "beta": 1.0, "n": 3.0}, "alpha"), ({"alpha": 1.0, "beta": 1.0, "n": 0.0}, "n")],
        far=False,
        integrates=False,  # a power tail: the moments test and the cdf do
    ),
    Row(
        R.HyperGeometric,
        lambda N, k, n: Summed(st.hypergeom(N, k, n), np.minimum(k, n)),
        [(20, 7, 12), (5, 5, 2), (array(50, 200, 9), array(20, 15, 3), array(40, 60, 0))],
        points=lambda N, k, n: (
            np.maximum(0, n - N + k)
            + np.round(np.linspace(0.0, 1.0, 7).reshape(7, *(1,) * np.ndim(n)) * (np.minimum(k, n) - np.maximum(0, n - N + k)))
        ),
        outside=lambda N, k, n: [np.maximum(0, n - N + k) - 1.0, np.minimum(k, n) + 1.0],
        bad=[({"N": 5, "k": 6, "n": 2}, "k"), ({"N": 5, "k": 2.5, "n": 2}, "k"), ({"N": -1, "k": 0, "n": 0}, "N")],
        far=False,
    ),
    Row(
        R.Poisson,
        lambda mu: st.poisson(mu),
        [(3.0,), (0.01,), (array(0.5, 20.0, 400.0),)],
        outside=lambda mu: [-1.0],
        bad=[({"mu": -1.0}, "mu")],
        far=False,
    ),
    Row(
        R.NegativeBinomial,
        lambda mu, alpha: st.nbinom(alpha, alpha / (mu + alpha)),
        [(3.0, 2.0), (0.1, 5.0), (array(2.0, 20.0, 8.0), array(0.5, 3.0, 100.0))],
        same=[({"p": 0.25, "n": 3.0}, (9.0, 3.0)), ({"mu": 2.0, "n": 4.0}, (2.0, 4.0))],
        outside=lambda mu, alpha: [-1.0],
        bad=[({"mu": -1.0, "alpha": 1.0}, "mu"), ({"mu": 1.0, "alpha": 0.0}, "alpha")],
        far=False,
    ),
    Row(
        R.Geometric,
        lambda p: st.geom(p),
        [(0.3,), (0.9,), (array(0.05, 0.5, 0.7),)],
        outside=lambda p: [0.0, -1.0],
        bad=[({"p": 1.5}, "p")],
        far=False,
    ),
    Row(
        R.DiscreteUniform,
        lambda lower, upper: st.randint(lower, upper + 1),
        [(1, 6), (-3, -2), (array(0, -10, 5), array(4, 10, 1000))],
        outside=lambda lower, upper: [lower - 1.0, upper + 1.0],
        bad=[({"lower": 3, "upper": 1}, "lower"), ({"lower": 0.5, "upper": 1}, "lower")],
        far=False,
    ),
    Row(
        R.Categorical,
        Finite,
        [(np.log([0.2, 0.5, 0.3]),), (array(1.0, -2.0),), (np.log([[0.1, 0.9], [0.6, 0.4]]),)],
        same=[({"p": array(0.2, 0.8)}, (np.log([0.2, 0.8]),))],
        points=lambda logit_p: np.broadcast_to(
            np.arange(float(np.shape(logit_p)[-1])).reshape(-1, *(1,) * (np.ndim(logit_p) - 1)),
            (np.shape(logit_p)[-1], *np.shape(logit_p)[:-1]),
        ),
        outside=lambda logit_p: [-1.0, float(np.shape(logit_p)[-1])],
        bad=[({"p": array(0.5, -0.5)}, "p")],
        pymc=lambda logit_p: {"logit_p": logit_p},
        far=False,
        draws=False,  # below, with the other laws whose parameters are vectors
        integrates=False,
    ),
]
