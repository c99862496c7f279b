"""Sums, differences, thinnings and categories of counts: laws, densities, draws, and where the laws must not be used."""

import numpy as np
import pytest
import scipy.stats as st
from law_table import Law, check_broken, check_draws, check_law, draws_of_table, law_firings, laws_of

import symjax.random as R
import symjax.tensor as T

COUNTS = (0, 2, 5)
P = np.array([0.2, 0.5, 0.3])


class Waiting:
    """Trials until the n-th success, n included."""

    def __init__(self, n, p):
        self.n, self.law = n, st.nbinom(n, p)

    def logpmf(self, x):
        return self.law.logpmf(np.asarray(x) - self.n)

    def cdf(self, x):
        return self.law.cdf(np.asarray(x) - self.n)


class Counts:
    """A multinomial law, told apart in draws by the number in the first category and the share of the second in the rest."""

    def __init__(self, n, p):
        self.n, self.p = n, np.asarray(p)

    def logpmf(self, x):
        return st.multinomial(self.n, self.p).logpmf(x)

    def uniforms(self, draws):
        rng = np.random.default_rng(7)
        laws = (
            (draws[:, 0], st.binom(self.n, self.p[0])),
            (draws[:, 1], st.binom(self.n - draws[:, 0], self.p[1] / (1 - self.p[0]))),
        )
        out = []
        for x, law in laws:
            below = law.cdf(x - 1)
            out.append(below + (law.cdf(x) - below) * rng.uniform(size=len(draws)))
        return np.stack(out, 1)


def rate(value):
    """A parameter that is no number: data of one element."""
    return T.Variable(np.asarray(value), trainable=False)


LAWS = {
    "Poisson + Poisson": Law("add_poissons", lambda: R.Poisson(1.5) + R.Poisson(2.5), R.Poisson, (4.0,), st.poisson(4.0), COUNTS),
    "four Poissons": Law(
        "add_poissons", lambda: sum(R.Poisson(m) for m in (0.5, 1.0, 0.25, 2.0)), R.Poisson, (3.75,), st.poisson(3.75), COUNTS
    ),
    "Poissons of symbolic rates": Law(
        "add_poissons", lambda: R.Poisson(rate(1.5)) + R.Poisson(rate(0.5)), R.Poisson, (2.0,), st.poisson(2.0), COUNTS
    ),
    "Poisson elements": Law(
        "add_poissons",
        lambda: R.Poisson([1.0, 2.0]) + R.Poisson(3.0, shape=(2,)),
        R.Poisson,
        ([4.0, 5.0],),
        st.poisson([4.0, 5.0]),
        np.array([[0, 2], [5, 1]]),
    ),
    "sum of Poissons": Law("sum_of_poissons", lambda: R.Poisson([1.0, 2.5]).sum(), R.Poisson, (3.5,), st.poisson(3.5), COUNTS),
    "sum of Poissons, rows": Law(
        "sum_of_poissons",
        lambda: R.Poisson([[1.0, 2.5], [0.5, 0.25]]).sum(1),
        R.Poisson,
        ([3.5, 0.75],),
        st.poisson([3.5, 0.75]),
        np.array([[0, 2], [5, 1]]),
    ),
    "Binomial + Binomial": Law(
        "add_binomials", lambda: R.Binomial(4, 0.3) + R.Binomial(6, 0.3), R.Binomial, None, st.binom(10, 0.3), COUNTS
    ),
    "Binomial + Bernoulli": Law(
        "add_binomials",
        lambda: R.Bernoulli(0.3) + R.Binomial(6, 0.3) + R.Bernoulli(0.3),
        R.Binomial,
        None,
        st.binom(8, 0.3),
        COUNTS,
    ),
    "Binomials of one symbolic probability": Law(
        "add_binomials",
        lambda: (lambda p: R.Binomial(4, p) + R.Binomial(6, p))(rate(0.3)),
        R.Binomial,
        None,
        st.binom(10, 0.3),
        COUNTS,
    ),
    "sum of Bernoullis": Law(
        "sum_of_binomials", lambda: R.Bernoulli(0.3, shape=(8,)).sum(), R.Binomial, None, st.binom(8, 0.3), COUNTS
    ),
    "sum of Binomials": Law("sum_of_binomials", lambda: R.Binomial([2, 5], 0.3).sum(), R.Binomial, None, st.binom(7, 0.3), COUNTS),
    "n - Binomial": Law("complement_of_binomial", lambda: 6 - R.Binomial(6, 0.3), R.Binomial, None, st.binom(6, 0.7), COUNTS),
    "1 - Bernoulli": Law("complement_of_binomial", lambda: 1 - R.Bernoulli(0.3), R.Bernoulli, None, st.bernoulli(0.7), (0, 1)),
    "Bernoulli * Bernoulli": Law(
        "product_of_bernoullis", lambda: R.Bernoulli(0.3) * R.Bernoulli(0.6), R.Bernoulli, None, st.bernoulli(0.18), (0, 1)
    ),
    "NegativeBinomial + NegativeBinomial": Law(
        "add_negative_binomials",
        lambda: R.NegativeBinomial(n=2.5, p=0.4) + R.NegativeBinomial(n=1.5, p=0.4),
        R.NegativeBinomial,
        (6.0, 4.0),
        st.nbinom(4.0, 0.4),
        COUNTS,
    ),
    "NegativeBinomials of one symbolic probability": Law(
        "add_negative_binomials",
        lambda: (lambda p: R.NegativeBinomial(n=2.5, p=p) + R.NegativeBinomial(n=1.5, p=p))(rate(0.4)),
        R.NegativeBinomial,
        (6.0, 4.0),
        st.nbinom(4.0, 0.4),
        COUNTS,
    ),
    "Geometric + Geometric": Law(
        "add_negative_binomials", lambda: R.Geometric(0.4) + R.Geometric(0.4), None, None, Waiting(2, 0.4), (2, 3, 7), True
    ),
    "Geometric + NegativeBinomial": Law(
        "add_negative_binomials",
        lambda: R.Geometric(0.4) - 1 + R.NegativeBinomial(n=1.5, p=0.4),
        None,
        None,
        st.nbinom(2.5, 0.4),
        COUNTS,
        True,
    ),
    "sum of Geometrics": Law(
        "sum_of_geometrics", lambda: R.Geometric(0.4, shape=(3,)).sum(), None, None, Waiting(3, 0.4), (3, 5, 9), True
    ),
    "sum of NegativeBinomials": Law(
        "sum_of_negative_binomials",
        lambda: R.NegativeBinomial(mu=1.5, alpha=2.0, shape=(4,)).sum(),
        R.NegativeBinomial,
        (6.0, 8.0),
        st.nbinom(8.0, 8 / 14),
        COUNTS,
    ),
    "sum of NegativeBinomials of other n": Law(
        "sum_of_negative_binomials",
        lambda: R.NegativeBinomial(n=[[1.0, 2.0], [3.0, 6.0]], p=[[0.3], [0.4]]).sum(1),
        R.NegativeBinomial,
        None,
        st.nbinom([3.0, 9.0], [0.3, 0.4]),
        np.array([[0, 2], [5, 1]]),
    ),
    "sum of NegativeBinomials of one symbolic probability": Law(
        "sum_of_negative_binomials",
        lambda: R.NegativeBinomial(n=[1.0, 2.0], p=rate(0.4)).sum(keepdims=True),
        R.NegativeBinomial,
        None,
        st.nbinom(np.array([3.0]), 0.4),
        np.array([[0], [5]]),
    ),
    "NegativeBinomial elements": Law(
        "add_negative_binomials",
        lambda: R.NegativeBinomial(n=[1.0, 2.0], p=0.4) + R.NegativeBinomial(n=3.0, p=0.4, shape=(2,)),
        R.NegativeBinomial,
        None,
        st.nbinom([4.0, 5.0], 0.4),
        np.array([[0, 2], [5, 1]]),
    ),
    "Geometric + NegativeBinomial of one symbolic probability": Law(
        "add_negative_binomials",
        lambda: (lambda p: R.Geometric(p) - 1 + R.NegativeBinomial(n=1.0, p=p))(rate(0.4)),
        R.NegativeBinomial,
        None,
        st.nbinom(2, 0.4),
        COUNTS,
    ),
    "sum of Multinomials": Law(
        "sum_of_multinomials",
        lambda: R.Multinomial([3, 4], P).sum(0),
        R.Multinomial,
        None,
        Counts(7, P),
        np.array([[1, 4, 2], [0, 0, 7]]),
    ),
    "Multinomial + Multinomial": Law(
        "add_multinomials",
        lambda: R.Multinomial(3, P) + R.Multinomial(4, P),
        R.Multinomial,
        None,
        Counts(7, P),
        np.array([[1, 4, 2], [0, 0, 7]]),
    ),
    "category": Law("categories_of_multinomial", lambda: R.Multinomial(9, P)[2], R.Binomial, None, st.binom(9, 0.3), COUNTS),
    "last category": Law("categories_of_multinomial", lambda: R.Multinomial(9, P)[-2], R.Binomial, None, st.binom(9, 0.5), COUNTS),
    "two categories": Law(
        "categories_of_multinomial",
        lambda: (lambda x: x[0] + x[2])(R.Multinomial(9, P)),
        R.Binomial,
        None,
        st.binom(9, 0.5),
        COUNTS,
    ),
    "group of categories": Law(
        "categories_of_multinomial", lambda: R.Multinomial(9, P)[1:].sum(), R.Binomial, None, st.binom(9, 0.8), COUNTS
    ),
    "category of a sum": Law(
        "sum_of_multinomials", lambda: R.Multinomial([3, 6], P).sum(0)[2], R.Binomial, None, st.binom(9, 0.3), COUNTS
    ),
    "categories of chances that are a draw": Law(
        "categories_of_multinomial",
        lambda: R.Multinomial(9, R.Dirichlet([1.0, 2.5, 0.5]))[1:].sum(),
        R.BetaBinomial,
        (3.0, 1.0, 9),
        st.betabinom(9, 3.0, 1.0),
        COUNTS,
    ),
    "category of rows": Law(
        "categories_of_multinomial",
        lambda: R.Multinomial([9, 4], P)[:, 1],
        R.Binomial,
        None,
        st.binom([9, 4], 0.5),
        np.array([[0, 2], [5, 1]]),
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_law(name):
    check_law(LAWS[name])


@pytest.fixture(scope="module")
def drawn():
    return draws_of_table(LAWS)


@pytest.mark.parametrize("name", LAWS)
def test_rewriting_keeps_the_law(name, drawn):
    for draws in drawn:
        check_draws(LAWS[name], draws[name])


def test_every_law_has_a_row():
    assert laws_of("count_sums", "multinomial") <= {row.rule for row in LAWS.values()}


# Side conditions ---------------------------------------------------------------------------------------------------------


def _twice(make):
    def build():
        x = make()
        return [x + x]

    return build


def _used(make, use):
    def build():
        x = make()
        return [use(x), x]

    return build


def _all_categories():
    x = R.Multinomial(9, P)
    return [x[0] + x[1] + x[2]]


def _category_counted_twice():
    x = R.Multinomial(9, P)
    return [x[:2].sum() + x[0]]


def _product_with_itself():
    x = R.Bernoulli(0.3)
    return [x * x + 1]


BROKEN = {
    "one Poisson twice": _twice(lambda: R.Poisson(2.0)),
    "one Binomial twice": _twice(lambda: R.Binomial(3, 0.2)),
    "one Geometric twice": _twice(lambda: R.Geometric(0.2)),
    "one Multinomial twice": _twice(lambda: R.Multinomial(4, P)),
    "Poisson used elsewhere": _used(lambda: R.Poisson(2.0), lambda x: x + R.Poisson(1.0)),
    "elements used elsewhere": _used(lambda: R.Poisson([2.0, 1.0]), lambda x: x.sum()),
    "complement used elsewhere": _used(lambda: R.Binomial(6, 0.3), lambda x: 6 - x),
    "category used elsewhere": _used(lambda: R.Multinomial(9, P), lambda x: x[0]),
    "difference": lambda: [R.Poisson(2.0) - R.Poisson(1.0)],
    "scaled": lambda: [2 * R.Poisson(2.0) + 3 * R.Poisson(1.0)],
    "other probability": lambda: [R.Binomial(4, 0.3) + R.Binomial(4, 0.31)],
    "elements of other probabilities": lambda: [R.Bernoulli([0.3, 0.4]).sum()],
    "NegativeBinomials of other odds": lambda: [R.NegativeBinomial(mu=2.0, alpha=1.0) + R.NegativeBinomial(mu=2.0, alpha=2.0)],
    "Geometrics of other chances": lambda: [R.Geometric([0.4, 0.3]).sum()],
    "NegativeBinomials, one for all": lambda: [
        R.NegativeBinomial(mu=2.0, alpha=1.0) + R.NegativeBinomial(mu=[2.0, 4.0], alpha=[1.0, 2.0])
    ],
    "NegativeBinomial elements of other odds": lambda: [R.NegativeBinomial(n=[1.0, 2.0], p=rate([0.3, 0.4])).sum()],
    "vectors of other chances": lambda: [R.Multinomial([3, 4], np.stack([P, P[::-1]])).sum(0)],
    "all categories of all vectors": lambda: [R.Multinomial([3, 4], P).sum()],
    "vectors used elsewhere": _used(lambda: R.Multinomial([3, 4], P), lambda x: x.sum(0)),
    "elements of other shapes": lambda: [R.NegativeBinomial(mu=2.0, alpha=[1.0, 2.0]).sum()],
    "other n": lambda: [5 - R.Binomial(6, 0.3)],
    "other categories": lambda: [R.Multinomial(4, P) + R.Multinomial(4, P[::-1].copy())],
    "one draw for all": lambda: [R.Poisson(1.0) + R.Poisson([2.0, 1.0])],
    "category counted twice": _category_counted_twice,
    "all categories": _all_categories,
    "group that keeps its axis": lambda: [R.Multinomial(9, P)[1:].sum(keepdims=True)],
    "seeded": lambda: [R.Poisson(1.0, seed=3) + R.Poisson(2.0)],
    "product with itself": _product_with_itself,
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_side_conditions(name):
    check_broken(BROKEN[name])


def test_a_probability_of_a_mean_and_a_shape_is_compared_as_a_number():
    x = R.NegativeBinomial(mu=3.0, alpha=2.0) + R.NegativeBinomial(mu=1.5, alpha=1.0)
    _, fired = law_firings(x)
    assert fired == ["add_negative_binomials"]
    assert float(R.logp(x, 4).eval()) == pytest.approx(st.nbinom(3.0, 0.4).logpmf(4), rel=1e-12)
