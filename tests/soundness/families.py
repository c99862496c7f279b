"""Laws of the random models: their spelling in a model, and densities and draws in NumPy and SciPy, made independently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betaln, expit, gammaln, xlog1py, xlogy

import symjax.pmc_bridge as pm

LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class Family:
    """A law.

    Attributes
    ----------
    make : callable
        ``make(name, *parameters, **keywords)`` makes a variable of a model.
    log_density : callable
        ``log_density(value, *parameters)``, −inf outside the support.
    draw : callable
        ``draw(rng, *parameters)``.
    support : str
        ``"real"``, ``"positive"``, ``"unit"``, or ``"finite"`` with values ``0 … k − 1``, or ``"counts"``.
    roles : tuple of str
        What each parameter must be: ``"real"``, ``"positive"``, ``"unit"`` or ``"fixed"`` (a number given by `fixed`).
    fixed : tuple
        Values that parameters of role ``"fixed"`` may have.
    """

    make: Callable[..., Any]
    log_density: Callable[..., Any]
    draw: Callable[..., Any]
    support: str
    roles: tuple[str, ...]
    fixed: tuple[Any, ...] = ()


def _inside(condition: Any, value: Any) -> Any:
    return np.where(condition, value, -np.inf)


def _normal(x: Any, m: Any, s: Any) -> Any:
    return -0.5 * ((x - m) / s) ** 2 - np.log(s) - 0.5 * LOG_2PI


def _gamma(x: Any, a: Any, b: Any) -> Any:
    return _inside(x > 0, a * np.log(b) - gammaln(a) + xlogy(a - 1, np.maximum(x, 1e-300)) - b * x)


def _inverse_gamma(x: Any, a: Any, b: Any) -> Any:
    return _inside(x > 0, a * np.log(b) - gammaln(a) - (a + 1) * np.log(np.maximum(x, 1e-300)) - b / np.maximum(x, 1e-300))


def _beta(x: Any, a: Any, b: Any) -> Any:
    return _inside((x > 0) & (x < 1), xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))


def _binomial(k: Any, n: Any, p: Any) -> Any:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + xlogy(k, p) + xlog1py(n - k, -p)


def _negative_binomial(k: Any, mu: Any, alpha: Any) -> Any:
    p = alpha / (mu + alpha)
    return gammaln(k + alpha) - gammaln(k + 1) - gammaln(alpha) + alpha * np.log(p) + xlog1py(k, -p)


def _make(name: str, *order: str) -> Callable[..., Any]:
    def make(label: str, *parameters: Any, **kwargs: Any) -> Any:
        return getattr(pm, name)(label, **dict(zip(order, parameters, strict=True)), **kwargs)

    return make


def _pick(p: Any) -> Any:
    return np.asarray(p, float)


FAMILIES: dict[str, Family] = {
    "Normal": Family(_make("Normal", "mu", "sigma"), _normal, lambda r, m, s: r.normal(m, s), "real", ("real", "positive")),
    "NormalPrecision": Family(
        _make("Normal", "mu", "tau"),
        lambda x, m, t: _normal(x, m, t**-0.5),
        lambda r, m, t: r.normal(m, t**-0.5),
        "real",
        ("real", "positive"),
    ),
    "LogNormal": Family(
        _make("LogNormal", "mu", "sigma"),
        lambda x, m, s: _inside(x > 0, _normal(np.log(np.maximum(x, 1e-300)), m, s) - np.log(np.maximum(x, 1e-300))),
        lambda r, m, s: r.lognormal(m, s),
        "positive",
        ("real", "positive"),
    ),
    "HalfNormal": Family(
        _make("HalfNormal", "sigma"),
        lambda x, s: _inside(x > 0, np.log(2) + _normal(x, 0.0, s)),
        lambda r, s: abs(r.normal(0, s)),
        "positive",
        ("positive",),
    ),
    "Exponential": Family(
        _make("Exponential", "lam"),
        lambda x, lam: _inside(x >= 0, np.log(lam) - lam * x),
        lambda r, lam: r.exponential(1 / lam),
        "positive",
        ("positive",),
    ),
    "Gamma": Family(
        _make("Gamma", "alpha", "beta"),
        _gamma,
        lambda r, a, b: r.gamma(a, 1 / b),
        "positive",
        ("fixed", "positive"),
        (0.7, 1.0, 2.5),
    ),
    "InverseGamma": Family(
        _make("InverseGamma", "alpha", "beta"),
        _inverse_gamma,
        lambda r, a, b: b / r.gamma(a),
        "positive",
        ("fixed", "positive"),
        (1.5, 2.0, 3.5),
    ),
    "Laplace": Family(
        _make("Laplace", "mu", "b"),
        lambda x, m, b: -np.log(2 * b) - np.abs(x - m) / b,
        lambda r, m, b: r.laplace(m, b),
        "real",
        ("fixed", "positive"),
        (-0.5, 0.0, 1.0),
    ),
    "Weibull": Family(
        _make("Weibull", "alpha", "beta"),
        lambda x, a, b: _inside(x > 0, np.log(a / b) + (a - 1) * np.log(np.maximum(x, 1e-300) / b) - (x / b) ** a),
        lambda r, a, b: b * r.weibull(a),
        "positive",
        ("fixed", "positive"),
        (1.5, 2.0),
    ),
    "Beta": Family(
        _make("Beta", "alpha", "beta"), _beta, lambda r, a, b: r.beta(a, b), "unit", ("fixed", "fixed"), (0.8, 1.0, 2.0, 3.5)
    ),
    "Bernoulli": Family(
        _make("Bernoulli", "p"),
        lambda k, p: xlogy(k, p) + xlog1py(1 - k, -p),
        lambda r, p: int(r.random() < p),
        "finite",
        ("unit",),
    ),
    "Binomial": Family(
        _make("Binomial", "n", "p"), _binomial, lambda r, n, p: r.binomial(n, p), "finite", ("fixed", "unit"), (1, 2, 4)
    ),
    "Geometric": Family(
        _make("Geometric", "p"),
        lambda k, p: np.log(p) + xlog1py(k - 1, -p),
        lambda r, p: r.geometric(max(p, 1e-3)),
        "counts",
        ("unit",),
    ),
    "Poisson": Family(
        _make("Poisson", "mu"),
        lambda k, m: xlogy(k, m) - m - gammaln(k + 1),
        lambda r, m: r.poisson(min(m, 1e6)),
        "counts",
        ("positive",),
    ),
    "NegativeBinomial": Family(
        _make("NegativeBinomial", "mu", "alpha"),
        _negative_binomial,
        lambda r, m, a: r.poisson(min(m, 1e6) * r.gamma(a) / a),
        "counts",
        ("positive", "fixed"),
        (1.0, 2.5),
    ),
    "Categorical": Family(
        _make("Categorical", "p"),
        lambda k, p: np.log(_pick(p))[np.asarray(k, int)],
        lambda r, p: int(r.choice(len(p), p=p)),
        "finite",
        ("fixed",),
        ((0.2, 0.5, 0.3), (0.6, 0.4)),
    ),
}

#: Number of values of a law on 0 … k − 1, from its parameters.
SIZES: dict[str, Callable[..., int]] = {
    "Bernoulli": lambda p: 2,
    "Binomial": lambda n, p: int(n) + 1,
    "Categorical": lambda p: len(p),
}


def grid(support: str, n: int, fineness: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of the trapezoidal rule on the unconstrained line, as values of a support, with their log weights.

    More fineness is more nodes on a longer line.
    """
    t = np.linspace(-1.0, 1.0, int(n * fineness)) * fineness**0.5
    if support == "real":
        t = 3.2 * t
        return 0.35 * np.sinh(1.6 * t), np.log(0.35 * 1.6 * np.cosh(1.6 * t) * (t[1] - t[0]))
    t = 34.0 * t if support == "unit" else 23.0 * t - 9.0
    step = np.log(t[1] - t[0])
    if support == "positive":
        return np.exp(t), t + step
    return expit(t), -np.logaddexp(0, t) - np.logaddexp(0, -t) + step
