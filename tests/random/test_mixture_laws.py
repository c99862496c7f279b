"""Draws that a discrete draw picks, and densities of expressions of a discrete draw that has few values."""

import itertools

import numpy as np
import pytest
import scipy.stats as st
from law_table import Law, check_broken, check_draws, check_law, draws_of_table

import symjax.random as R
import symjax.tensor as T
from symjax._errors import NotDerivableError


class Mixed:
    """A mixture of laws of scipy.stats."""

    def __init__(self, weights, *laws):
        self.weights, self.laws = weights, laws

    def _mean(self, name, x):
        return sum(w * getattr(law, name)(x) for w, law in zip(self.weights, self.laws, strict=True))

    def logpdf(self, x):
        return np.log(self._mean("pdf", x))

    def logpmf(self, x):
        return np.log(self._mean("pmf", x))

    def cdf(self, x):
        return self._mean("cdf", x)


TWO = Mixed((0.3, 0.7), st.norm(2, 0.7), st.norm(-1, 0.5))
POINTS = np.array([[-1.0, 0.2, 1.5], [0.3, 0.1, -4.0]])


def coin(*shape):
    return R.Bernoulli(0.3, shape=shape)


def switch(z, *shape):
    return T.switch(z, R.Normal(2.0, 0.7, shape=shape), R.Normal(-1.0, 0.5, shape=shape))


LAWS = {
    "switch": Law("mixture_over_a_draw", lambda: switch(coin()), None, None, TWO),
    "switch, elements": Law("mixture_over_a_draw", lambda: switch(coin(3), 3), None, None, TWO, POINTS),
    "switch on a comparison": Law(
        "mixture_over_a_draw",
        lambda: T.where(R.Categorical([0.2, 0.3, 0.5]) > 0, R.Normal(2.0, 0.7), R.Normal(-1.0, 0.5)),
        None,
        None,
        Mixed((0.8, 0.2), st.norm(2, 0.7), st.norm(-1, 0.5)),
    ),
    "index of a stack": Law(
        "mixture_over_a_draw",
        lambda: T.stack([R.Normal(-1.0, 0.5), R.Laplace(0.5, 2.0), R.StudentT(4.0)])[R.Categorical([0.2, 0.3, 0.5])],
        None,
        None,
        Mixed((0.2, 0.3, 0.5), st.norm(-1, 0.5), st.laplace(0.5, 2), st.t(4)),
    ),
    "picked mean": Law(
        "mixture_over_a_draw", lambda: R.Normal(T.constant([-1.0, 2.0])[coin(3)], 0.7), None, None,
        Mixed((0.3, 0.7), st.norm(2, 0.7), st.norm(-1, 0.7)), POINTS,
    ),
    "picked rate": Law(
        "mixture_over_a_draw", lambda: R.Poisson(T.switch(coin(), 2.0, 7.0)), None, None,
        Mixed((0.3, 0.7), st.poisson(2), st.poisson(7)), (0, 3, 9), is_discrete=True,
    ),
    "of a map": Law(
        "mixture_over_a_draw", lambda: T.exp(switch(coin())), None, None,
        Mixed((0.3, 0.7), st.lognorm(0.7, scale=np.exp(2)), st.lognorm(0.5, scale=np.exp(-1))), (0.2, 1.0, 6.0),
    ),
    "inside a map": Law(
        "mixture_over_a_draw", lambda: 1 + 2 * switch(coin()), None, None, Mixed((0.3, 0.7), st.norm(5, 1.4), st.norm(-1, 1.0))
    ),
    "law by law": Law(
        "mixture_over_a_draw", lambda: T.switch(coin(), R.Normal(0.0, 1.0) + R.Normal(0.0, 2.0), R.Gumbel(0.0, 1.0)), None, None,
        Mixed((0.3, 0.7), st.norm(0, 5**0.5), st.gumbel_r()),
    ),
}  # fmt: skip


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


def _used_elsewhere():
    z = coin()
    return [switch(z), z]


def _component_used_elsewhere():
    x = R.Normal(2.0, 0.7)
    return [T.switch(coin(), x, R.Normal(-1.0, 0.5)), x]


def _permuted():
    x = R.Normal(np.zeros(2), 1.0)
    return [T.where(coin(2), x, x[::-1])]


def _density_and_atoms():
    return [T.switch(coin(), R.Normal(0.0, 1.0), T.cast(R.Poisson(2.0), "float64"))]


BROKEN = [
    _used_elsewhere,
    _component_used_elsewhere,
    _permuted,
    _density_and_atoms,
    lambda: [switch(coin(), 3)],
    lambda: [T.switch(coin(3), R.Normal(0.0, 1.0), R.Normal(np.zeros(3), 1.0))],
    lambda: [switch(R.Bernoulli(0.3, seed=3))],
    lambda: [R.Normal(T.constant(np.arange(100.0))[R.DiscreteUniform(0, 99)], 1.0)],
    lambda: [R.Normal(T.constant([-1.0, 2.0])[coin(2)[::-1]], 0.7)],
]


@pytest.mark.parametrize("build", BROKEN)
def test_broken_side_conditions(build):
    check_broken(build)


# Densities of what is no draw --------------------------------------------------------------------------------------------


NOISY = Mixed((0.3, 0.7), st.norm(1, 0.5), st.norm(0, 0.5))


def test_a_count_and_noise():
    x = np.array([-0.7, 0.4, 1.1])
    np.testing.assert_allclose(R.logp(R.Normal(0.0, 0.5) + coin(), x).eval(), NOISY.logpdf(x), rtol=1e-12)
    np.testing.assert_allclose(R.logcdf(R.Normal(0.0, 0.5) + coin(), x).eval(), np.log(NOISY.cdf(x)), rtol=1e-12)
    np.testing.assert_allclose(R.logccdf(R.Normal(0.0, 0.5) + coin(), x).eval(), np.log1p(-NOISY.cdf(x)), rtol=1e-12)


def test_a_draw_shared_by_all_elements_gives_one_joint_density():
    x = np.array([[0.3, 0.9], [-1.0, 2.0], [5.0, 5.0]])
    found = R.logp(switch(coin(), 2), x).eval()
    expected = np.log(0.3 * st.norm(2, 0.7).pdf(x).prod(-1) + 0.7 * st.norm(-1, 0.5).pdf(x).prod(-1))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_dependent_elements_are_enumerated_together():
    x = np.array([0.3, 0.9])

    def build():
        y = R.Normal([0.0, 1.0], 1.0)
        return y + T.cumsum(coin(2))

    expected = np.log(
        sum(
            0.3 ** sum(z) * 0.7 ** (2 - sum(z)) * np.prod(st.norm([0, 1], 1).pdf(x - np.cumsum(z)))
            for z in itertools.product((0, 1), repeat=2)
        )
    )
    assert float(R.logp(build(), x).eval()) == pytest.approx(expected, rel=1e-12)


def test_a_chain_of_discrete_draws():
    start, step = np.array([0.7, 0.3]), np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]])
    state = R.Categorical(T.constant(step)[R.Bernoulli(0.3)])
    found = R.logp(R.Normal(T.constant([0.0, 1.0, 5.0])[state], 1.0), 0.4).eval()
    assert float(found) == pytest.approx(np.log((start @ step) @ st.norm([0, 1, 5], 1).pdf(0.4)), rel=1e-12)


def test_a_product_with_a_count_has_an_atom():
    k = np.arange(4)
    found = R.logp(coin() * R.Poisson(2.0), k).eval()
    np.testing.assert_allclose(found, np.log(0.7 * (k == 0) + 0.3 * st.poisson(2).pmf(k)), rtol=1e-12)


@pytest.mark.parametrize(
    "build",
    [
        lambda: coin() * R.Normal(0.0, 1.0),
        lambda: T.switch(coin(), 0.0, R.Normal(0.0, 1.0)),
        lambda: T.switch(coin(), 0.1, 0.2),
        lambda: R.Normal(T.constant(np.arange(100.0))[R.DiscreteUniform(0, 99)], 1.0) ** 2 + R.Laplace(0.0, 1.0),
        lambda: _permuted()[0][0],
    ],
)
def test_what_has_no_density_or_none_that_is_known_is_refused(build):
    with pytest.raises(NotDerivableError):
        R.logp(build(), 0.3)
