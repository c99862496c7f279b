"""The LogitNormal law."""

from __future__ import annotations

import math
from typing import Any

import jax

import symjax.tensor as T
from symjax.random import _support as support
from symjax.random._alternatives import scale
from symjax.random._constraint import Parameter, positive
from symjax.random._distribution import Distribution
from symjax.random._piecewise import within
from symjax.random.distributions.normal import LOG_SQRT_2PI


class LogitNormalDistribution(Distribution):
    r"""Law of :math:`1 / (1 + e^{-Z})` for a Normal Z of mean :math:`\mu` and standard deviation :math:`\sigma`.

    Its mean and variance have no closed form.

    Parameters
    ----------
    mu : tensor-like
        Mean of the logit; 0 by default.
    sigma : tensor-like, optional
        Standard deviation of the logit, positive; 1 by default.
    tau : tensor-like, optional
        ``1 / sigma**2``, instead of `sigma`.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.LogitNormal(0.0, [0.5, 1.0], name="x").shape
    (2,)

    References
    ----------
    Aitchison, Shen, Logistic-normal distributions: some properties and uses, Biometrika 67, 1980.
    """

    parameters = {"mu": Parameter(), "sigma": Parameter(positive)}

    def parametrize(self, mu: Any = 0.0, sigma: Any = None, tau: Any = None) -> Any:
        return mu, scale(sigma, tau)

    def support(self, mu: Any, sigma: Any) -> support.Support:
        return support.open_unit_interval

    def draw(self, key: Any, shape: Any, dtype: Any, mu: Any, sigma: Any) -> Any:
        return jax.nn.sigmoid(mu + sigma * jax.random.normal(key, shape, dtype))

    def log_density(self, value: Any, mu: Any, sigma: Any) -> Any:
        z = (T.logit(value) - mu) / sigma
        return -0.5 * z**2 - T.log(sigma) - LOG_SQRT_2PI - T.log(value) - T.log1p(-value)

    def log_cdf(self, value: Any, mu: Any, sigma: Any) -> Any:
        return within(value, 0.0, 1.0, lambda x: T.log_ndtr((T.logit(x) - mu) / sigma), -math.inf, 0.0)

    def log_ccdf(self, value: Any, mu: Any, sigma: Any) -> Any:
        return within(value, 0.0, 1.0, lambda x: T.log_ndtr((mu - T.logit(x)) / sigma), 0.0, -math.inf)

    def quantile(self, q: Any, mu: Any, sigma: Any) -> Any:
        return T.sigmoid(mu + sigma * T.ndtri(q))

    def support_point(self, mu: Any, sigma: Any) -> Any:
        return T.sigmoid(mu)


LogitNormal = LogitNormalDistribution()
