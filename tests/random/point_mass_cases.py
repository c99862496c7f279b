"""Rows of laws with a mass at zero, of point masses, and of ordered categories."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.stats as st
from count_cases import Summed
from row import Row, array
from scipy.special import expit, logit

import symjax.random as R


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
]
