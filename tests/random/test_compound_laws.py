"""Laws whose parameter is a draw: laws, densities, draws, and where the compound laws must not be used."""

import numpy as np
import pytest
import scipy.stats as st
from law_table import Law, check_broken, check_draws, check_law, draws_of_table, laws_of

import symjax.random as R
import symjax.tensor as T
from symjax._errors import NotDerivableError

COUNTS = (0, 2, 5)
POSITIVE = (0.2, 0.9, 2.5)
ROWS = np.array([[0, 2], [5, 1]])


def gamma(*shape):
    return R.Gamma(2.5, 1.5, shape=shape)


def variance(*shape):
    return R.InverseGamma(2.5, 4.0, shape=shape)


SCALE = np.array([[2.0, 0.6], [0.6, 1.0]])


class Polya:
    """A Dirichlet-multinomial law, of whose draws the first two counts are asked for in turn."""

    def __init__(self, n, a):
        self.n, self.a = n, np.asarray(a)

    def logpmf(self, x):
        return [st.dirichlet_multinomial(self.a, self.n).logpmf(np.asarray(row)) for row in x]

    def uniforms(self, draws):
        rng, out = np.random.default_rng(5), []
        left, rest = np.full(len(draws), self.n), self.a.sum()
        for i in range(len(self.a) - 1):
            rest = rest - self.a[i]
            law = st.betabinom(left, self.a[i], rest)
            below = law.cdf(draws[:, i] - 1)
            out.append(below + (law.cdf(draws[:, i]) - below) * rng.uniform(size=len(draws)))
            left = left - draws[:, i]
        return np.stack(out, 1)


class HeavyTailed:
    """A multivariate t law, of whose draws the distance from the center and a projection are asked for."""

    def __init__(self, mean, scale, nu):
        self.mean, self.scale, self.nu = np.asarray(mean), np.asarray(scale), nu
        self.law = st.multivariate_t(mean, scale, nu)

    def logpdf(self, x):
        return self.law.logpdf(x)

    def uniforms(self, draws):
        off = draws - self.mean
        distance = np.einsum("ni,ij,nj->n", off, np.linalg.inv(self.scale), off) / len(self.mean)
        a = np.array([1.0, -2.0])
        projected = off @ a / np.sqrt(a @ self.scale @ a)
        return np.stack([st.f(len(self.mean), self.nu).cdf(distance), st.t(self.nu).cdf(projected)], 1)


STUDENT = st.t(5.0, 0.5, (4.0 / 2.5) ** 0.5)
BY_PRECISION = st.t(5.0, 0.5, (1.5 / 2.5) ** 0.5)

LAWS = {
    "Poisson(Gamma)": Law(
        "poisson_of_gamma", lambda: R.Poisson(gamma()), R.NegativeBinomial, (2.5 / 1.5, 2.5), st.nbinom(2.5, 0.6), COUNTS
    ),
    "Poisson(Gamma), elements": Law(
        "poisson_of_gamma", lambda: R.Poisson(gamma(2)), R.NegativeBinomial, None, st.nbinom(2.5, 0.6), ROWS
    ),
    "Poisson(exposure Gamma)": Law(
        "poisson_of_gamma", lambda: R.Poisson(4 * gamma()), R.NegativeBinomial, None, st.nbinom(2.5, 1.5 / 5.5), COUNTS
    ),
    "Poisson(Exponential)": Law(
        "poisson_of_gamma", lambda: R.Poisson(R.Exponential(1.5)), R.NegativeBinomial, None, st.nbinom(1.0, 0.6), COUNTS
    ),
    "Poisson(Gamma + Gamma)": Law(
        "poisson_of_gamma", lambda: R.Poisson(gamma() + gamma()), R.NegativeBinomial, None, st.nbinom(5.0, 0.6), COUNTS
    ),
    "Bernoulli(Beta)": Law(
        "bernoulli_of_beta", lambda: R.Bernoulli(R.Beta(2.0, 3.0)), R.Bernoulli, None, st.bernoulli(0.4), (0, 1)
    ),
    "Bernoulli(Uniform)": Law(
        "bernoulli_of_beta", lambda: R.Bernoulli(R.Uniform(0.0, 1.0)), R.Bernoulli, None, st.bernoulli(0.5), (0, 1)
    ),
    "Binomial(Beta)": Law(
        "binomial_of_beta",
        lambda: R.Binomial(10, R.Beta(2.0, 3.0)),
        R.BetaBinomial,
        (2.0, 3.0, 10),
        st.betabinom(10, 2.0, 3.0),
        COUNTS,
    ),
    "Binomial(1 - Beta)": Law(
        "binomial_of_beta", lambda: R.Binomial(10, 1 - R.Beta(2.0, 3.0)), R.BetaBinomial, None, st.betabinom(10, 3.0, 2.0), COUNTS
    ),
    "Binomial(Poisson)": Law(
        "binomial_of_poisson", lambda: R.Binomial(R.Poisson(5.0), 0.3), R.Poisson, (1.5,), st.poisson(1.5), COUNTS
    ),
    "Binomial(Binomial)": Law(
        "binomial_of_binomial", lambda: R.Binomial(R.Binomial(8, 0.6), 0.3), R.Binomial, None, st.binom(8, 0.18), COUNTS
    ),
    "NegativeBinomial(Beta)": Law(
        "negative_binomial_of_beta",
        lambda: R.NegativeBinomial(n=3.0, p=R.Beta(2.5, 3.0)),
        R.BetaNegativeBinomial,
        (2.5, 3.0, 3.0),
        st.betanbinom(3.0, 2.5, 3.0),
        COUNTS,
    ),
    "Geometric(Beta)": Law(
        "geometric_of_beta",
        lambda: R.Geometric(R.Beta(2.5, 3.0)) - 1,
        R.BetaNegativeBinomial,
        None,
        st.betanbinom(1, 2.5, 3),
        COUNTS,
    ),
    "Geometrics of one Beta": Law(
        "negative_binomial_of_beta",
        lambda: (lambda p: R.Geometric(p) + R.Geometric(p) - 2)(R.Beta(2.5, 3.0)),
        R.BetaNegativeBinomial,
        (2.5, 3.0, 2.0),
        st.betanbinom(2, 2.5, 3.0),
        COUNTS,
    ),
    "NegativeBinomials of one Beta": Law(
        "negative_binomial_of_beta",
        lambda: (lambda p: R.NegativeBinomial(n=2.0, p=p) + R.NegativeBinomial(n=[1.0, 3.0], p=p).sum())(R.Beta(2.5, 3.0)),
        R.BetaNegativeBinomial,
        (2.5, 3.0, 6.0),
        st.betanbinom(6, 2.5, 3.0),
        COUNTS,
    ),
    "Poissons of one Gamma": Law(
        "poisson_of_gamma",
        lambda: (lambda g: R.Poisson(g) + R.Poisson(np.array([2.0, 1.0]) * g).sum())(gamma()),
        R.NegativeBinomial,
        None,
        st.nbinom(2.5, 1.5 / 5.5),
        COUNTS,
    ),
    "Bernoullis of one Beta": Law(
        "binomial_of_beta",
        lambda: R.Bernoulli(R.Beta(2.0, 3.0), shape=(8,)).sum(),
        R.BetaBinomial,
        (2.0, 3.0, 8),
        st.betabinom(8, 2.0, 3.0),
        COUNTS,
    ),
    "Categorical(Dirichlet)": Law(
        "categorical_of_dirichlet",
        lambda: R.Categorical(R.Dirichlet([1.0, 2.5, 0.5])),
        R.Categorical,
        None,
        st.rv_discrete(values=([0, 1, 2], [0.25, 0.625, 0.125])),
        (0, 1, 2),
    ),
    "Multinomial(Dirichlet)": Law(
        "multinomial_of_dirichlet",
        lambda: R.Multinomial(7, R.Dirichlet([1.0, 2.5, 0.5])),
        R.DirichletMultinomial,
        (7, [1.0, 2.5, 0.5]),
        Polya(7, [1.0, 2.5, 0.5]),
        [[1, 4, 2], [0, 7, 0]],
    ),
    "MvNormal(InverseWishart)": Law(
        "mv_normal_of_covariance",
        lambda: R.MvNormal([1.0, -0.5], R.InverseWishart(6.0, SCALE)),
        R.MvStudentT,
        None,
        HeavyTailed([1.0, -0.5], SCALE / 5, 5.0),
        [[0.3, 0.2], [-3.0, 4.0]],
    ),
    "MvNormal(Wishart precision)": Law(
        "mv_normal_of_covariance",
        lambda: R.MvNormal([1.0, -0.5], tau=R.Wishart(6.0, np.linalg.inv(SCALE))),
        R.MvStudentT,
        None,
        HeavyTailed([1.0, -0.5], SCALE / 5, 5.0),
        [[0.3, 0.2], [-3.0, 4.0]],
    ),
    "Exponential(Gamma)": Law(
        "exponential_of_gamma", lambda: R.Exponential(gamma()), None, None, st.lomax(2.5, scale=1.5), POSITIVE
    ),
    "Gamma(Gamma)": Law("gamma_of_gamma", lambda: R.Gamma(0.7, gamma()), None, None, st.betaprime(0.7, 2.5, scale=1.5), POSITIVE),
    "Normal(InverseGamma variance)": Law(
        "normal_of_variance", lambda: R.Normal(0.5, T.sqrt(variance())), R.StudentT, (5.0, 0.5, (4.0 / 2.5) ** 0.5), STUDENT
    ),
    "Normal(InverseGamma variance), elements": Law(
        "normal_of_variance", lambda: R.Normal(0.5, variance(2) ** 0.5), R.StudentT, None, STUDENT, [[-2.0, 0.1], [1.3, 4.0]]
    ),
    "Normal(Exponential variance)": Law(
        "normal_of_variance", lambda: R.Normal(0.5, T.sqrt(R.Exponential(2.0))), R.Laplace, (0.5, 0.5), st.laplace(0.5, 0.5)
    ),
    "Normal(Gamma precision)": Law(
        "normal_of_precision", lambda: R.Normal(0.5, tau=gamma()), R.StudentT, (5.0, 0.5, 0.6**0.5), BY_PRECISION
    ),
    "Normal(1 / sqrt(Gamma))": Law(
        "normal_of_precision", lambda: R.Normal(0.5, 1 / T.sqrt(gamma())), R.StudentT, None, BY_PRECISION
    ),
    "Normal(Gamma power)": Law("normal_of_precision", lambda: R.Normal(0.5, gamma() ** -0.5), R.StudentT, None, BY_PRECISION),
    "Normal(ChiSquared precision)": Law(
        "normal_of_precision", lambda: R.Normal(0.5, tau=R.ChiSquared(4.0)), R.StudentT, None, st.t(4.0, 0.5, 0.5)
    ),
    "Normal(Normal)": Law(
        "affine_of_gaussians", lambda: R.Normal(2 * R.Normal(0.5, 1.5) + 1, 4.0), R.Normal, (2.0, 5.0), st.norm(2.0, 5.0)
    ),
    "Binomial(NegativeBinomial)": Law(
        "binomial_of_negative_binomial",
        lambda: R.Binomial(R.NegativeBinomial(mu=4.0, alpha=2.0), 0.25),
        R.NegativeBinomial,
        (1.0, 2.0),
        st.nbinom(2.0, 2 / 3),
        COUNTS,
    ),
    "Binomial(Poisson(Gamma))": Law(
        "binomial_of_negative_binomial",
        lambda: R.Binomial(R.Poisson(gamma()), 0.25),
        R.NegativeBinomial,
        None,
        st.nbinom(2.5, 1.5 / 1.75),
        COUNTS,
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
    assert laws_of("compounds") <= {row.rule for row in LAWS.values()}


# Side conditions ---------------------------------------------------------------------------------------------------------


def _used(make, child):
    def build():
        x = make()
        return [child(x), x]

    return build


def _two_children():
    rate = gamma()
    return [R.Poisson(rate), R.Poisson(rate)]


def _rate_in_both_places():
    x = gamma()
    return [R.Gamma(x, x)]


def _mean_and_variance():
    v = variance()
    return [R.Normal(v, T.sqrt(v))]


SHARED = {
    "Poisson(Gamma)": lambda: R.Poisson(gamma(), shape=(3,)),
    "Bernoulli(Beta)": lambda: R.Bernoulli(R.Beta(2.0, 3.0), shape=(3,)),
    "Binomial(Beta)": lambda: R.Binomial([4, 5], R.Beta(2.0, 3.0)),
    "Binomial(Poisson)": lambda: R.Binomial(R.Poisson(5.0), [0.3, 0.4]),
    "Binomial(Binomial)": lambda: R.Binomial(R.Binomial(8, 0.6), [0.3, 0.4]),
    "NegativeBinomial(Beta)": lambda: R.NegativeBinomial(n=[3.0, 1.0], p=R.Beta(2.5, 3.0)),
    "Geometric(Beta)": lambda: R.Geometric(R.Beta(2.5, 3.0), shape=(2,)),
    "Categorical(Dirichlet)": lambda: R.Categorical(R.Dirichlet([1.0, 2.5, 0.5]), shape=(3,)),
    "Multinomial(Dirichlet)": lambda: R.Multinomial(7, R.Dirichlet([1.0, 2.5, 0.5]), shape=(2, 3)),
    "MvNormal(InverseWishart)": lambda: R.MvNormal([1.0, -0.5], R.InverseWishart(6.0, SCALE), shape=(3, 2)),
    "MvNormal(Wishart)": lambda: R.MvNormal([1.0, -0.5], tau=R.Wishart(6.0, SCALE), shape=(3, 2)),
    "Exponential(Gamma)": lambda: R.Exponential(gamma(), shape=(3,)),
    "Gamma(Gamma)": lambda: R.Gamma([0.7, 1.0], gamma()),
    "Normal(variance)": lambda: R.Normal([0.5, 1.0], T.sqrt(variance())),
    "Normal(precision)": lambda: R.Normal([0.5, 1.0], tau=gamma()),
}
BROKEN = {
    "Gamma used elsewhere": _used(gamma, R.Poisson),
    "Beta used elsewhere": _used(lambda: R.Beta(2.0, 3.0), lambda p: R.Binomial(10, p)),
    "Poisson used elsewhere": _used(lambda: R.Poisson(5.0), lambda n: R.Binomial(n, 0.3)),
    "variance used elsewhere": _used(variance, lambda v: R.Normal(0.0, T.sqrt(v))),
    "two children": _two_children,
    "rate and shape": _rate_in_both_places,
    "mean and variance": _mean_and_variance,
    "Gamma as a standard deviation": lambda: [R.Normal(0.5, gamma())],
    "InverseGamma as a precision": lambda: [R.Normal(0.5, tau=variance())],
    "Gamma as a shape": lambda: [R.Gamma(gamma(), 1.0)],
    "Beta of other bounds": lambda: [R.Bernoulli(0.5 * R.Beta(2.0, 3.0))],
    "covariance used elsewhere": _used(lambda: R.InverseWishart(6.0, SCALE), lambda s: R.MvNormal(np.zeros(2), s)),
    "Wishart as a covariance": lambda: [R.MvNormal(np.zeros(2), R.Wishart(6.0, SCALE))],
    "InverseWishart as a precision": lambda: [R.MvNormal(np.zeros(2), tau=R.InverseWishart(6.0, SCALE))],
    "shifted rate": lambda: [R.Poisson(gamma() + 1)],
    "seeded": lambda: [R.Poisson(R.Gamma(2.5, 1.5, seed=3))],
    **{f"{name}, shared": lambda make=make: [make()] for name, make in SHARED.items()},
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_side_conditions(name):
    check_broken(BROKEN[name])


@pytest.mark.parametrize("name", [n for n in SHARED if n != "Binomial(Binomial)"])
def test_the_density_of_children_of_one_draw_is_refused(name):
    y = SHARED[name]()
    with pytest.raises(NotDerivableError):
        R.logp(y, np.ones(y.shape))


def test_a_count_that_is_shared_is_summed_over():
    y = np.array([1, 2])
    found = float(R.logp(R.Binomial(R.Binomial(8, 0.6), [0.3, 0.4]), y).eval())
    n = np.arange(9)
    mass = st.binom(8, 0.6).pmf(n) * st.binom(n, 0.3).pmf(1) * st.binom(n, 0.4).pmf(2)
    assert found == pytest.approx(np.log(mass.sum()), rel=1e-12)
