"""The rows of tables of laws, and what is asked of each: the rule, the resulting law, its density, and draws of both graphs."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats as st

import symjax.random as R
from symjax.core._traverse import toposort
from symjax.rewrite import RULES, canonicalize

KEY = 20_240_601
N_DRAWS = 2000
POSITIVE = (0.2, 0.9, 2.5)


@dataclass(frozen=True)
class Law:
    """One row: an expression, the rule that must fire on it, and the law that it must become.

    Attributes
    ----------
    rule : str
        Rule that must fire; empty where none need to, because the density is derived.
    build : callable
        The expression, of draws made anew each time.
    family : Distribution or None
        Family of the only draw that is left; None where the result is another expression, of which only the density and the draws
        are asked.
    parameters : tuple or None
        Values of its canonical parameters; None to leave them to the density.
    reference : object
        Frozen `scipy.stats` law, or any object with ``logpdf`` (``logpmf`` if discrete) and ``cdf``; one with ``uniforms(draws)``
        says itself what must be uniform.
    points : array-like
        Values at which densities are compared, broadcast against the shape of the expression.
    is_discrete : bool
        Whether values are whole numbers, where `family` does not tell.
    """

    rule: str
    build: Callable[[], Any]
    family: Any
    parameters: tuple[Any, ...] | None
    reference: Any
    points: Any = (-2.0, 0.1, 1.3, 4.0)
    is_discrete: bool = False

    @property
    def counts(self) -> bool:
        return self.is_discrete or (self.family is not None and self.family.is_discrete)


class Folded:
    """Law of |X| for a symmetric X."""

    def __init__(self, law):
        self.law = law

    def logpdf(self, x):
        return np.log(2) + self.law.logpdf(x)

    def cdf(self, x):
        return 2 * self.law.cdf(x) - 1


class Gaussian:
    """Joint Normal law of all elements of an array, from the mean and the covariance of its elements in row-major order."""

    def __init__(self, mean, cov):
        self.mean, self.cov = np.asarray(mean, float), np.asarray(cov, float)
        self.law = st.multivariate_normal(self.mean.ravel(), self.cov)

    def logpdf(self, points):
        return self.law.logpdf(np.reshape(points, (-1, self.mean.size))).reshape(np.shape(points)[: -self.mean.ndim or None])

    def uniforms(self, draws):
        # in directions of its own, so that wrong correlations show as well as wrong variances
        white = np.linalg.solve(np.linalg.cholesky(self.cov), (draws - self.mean).reshape(len(draws), -1).T).T
        turned = white @ np.linalg.qr(np.random.default_rng(KEY).normal(size=(self.mean.size,) * 2))[0]
        return st.norm.cdf(np.concatenate([white, turned], 1))


def law_firings(outputs, **kwargs):
    """Rewritten outputs and the law rules that fired."""
    log: list[Any] = []
    new = canonicalize(outputs, log=log, **kwargs)
    return new, [f.rule for f in log if RULES.get(f.rule) is not None and RULES[f.rule].kind == "law"]


def draws_in(output):
    """The random variables of an expression."""
    return [n for n in toposort([output]) if isinstance(n, R.RandomVariable)]


def only_draw(outputs):
    """The one output of a rewritten graph, which must be a random variable."""
    [x] = outputs if isinstance(outputs, list) else [outputs]
    assert isinstance(x, R.RandomVariable), x
    return x


def check_law(row):
    """The rule fires, the law and its parameters are those of the row, and the density is the reference's."""
    new, fired = law_firings(row.build())
    assert not row.rule or row.rule in fired, fired
    if row.family is not None:
        x = only_draw(new)
        assert x.distribution is row.family, x.distribution
        for parent, expected in zip(x.parents, row.parameters or [], strict=bool(row.parameters)):
            np.testing.assert_allclose(parent.eval() * np.ones(np.shape(expected)), expected, rtol=1e-12, atol=1e-14)
    points = np.asarray(row.points)
    expected = np.asarray(row.reference.logpmf(points) if row.counts else row.reference.logpdf(points))
    found = np.asarray(R.logp(row.build(), points).eval())
    if found.ndim > expected.ndim:
        # terms of independent elements, where the reference has one for all of them
        found = found.sum(tuple(range(expected.ndim, found.ndim)))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11)


def draws_of_table(laws):
    """Draws of all rows, rewritten and as written, one compiled program each."""
    return [R.draw({n: row.build() for n, row in laws.items()}, N_DRAWS, random_seed=KEY, canonicalize=c) for c in (True, False)]


def check_draws(row, draws):
    """Draws of one row have the row's law."""
    if hasattr(row.reference, "uniforms"):
        uniform = row.reference.uniforms(draws)
    else:
        uniform = row.reference.cdf(draws)
        if row.counts:
            # uniform between the cdf below and at a value (Czado, Gneiting, Held, Biometrics 2009)
            below = row.reference.cdf(draws - 1)
            uniform = below + (uniform - below) * np.random.default_rng(KEY).uniform(size=draws.shape)
    for column in np.reshape(uniform, (len(draws), -1)).T:
        assert st.kstest(column, "uniform").pvalue > 1e-6


def check_broken(build):
    """No law fires on the outputs, and their draws stay the same."""
    outputs = build()
    new, fired = law_firings(outputs)
    assert fired == []
    before = {n.token for o in outputs for n in draws_in(o)}
    assert {n.token for o in new for n in draws_in(o)} == before


def laws_of(*modules):
    """Names of the law rules that modules of `symjax.random.algebra` declare, by the last parts of their names."""
    wanted = {f"symjax.random.algebra.{m}" for m in modules}
    return {n for n, r in RULES.items() if r.kind == "law" and r.build.__module__ in wanted}


def all_rows():
    """The rows of all tables of laws: the `LAWS` of `test_algebra` and of every ``test_*_laws``."""
    names = ["test_algebra", *sorted(p.stem for p in Path(__file__).parent.glob("test_*_laws.py"))]
    return {(n, name): row for n in names for name, row in importlib.import_module(n).LAWS.items()}
