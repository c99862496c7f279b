"""Laws of random variables as rewrite rules: what they give, in numbers and in law, and when they must not fire."""

import numpy as np
import pytest
import scipy.stats as st
from law_table import (
    KEY,
    POSITIVE,
    Folded,
    Law,
    all_rows,
    check_broken,
    check_draws,
    check_law,
    draws_of_table,
    law_firings,
    only_draw,
)

import symjax.random as R
import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.core._function import clone
from symjax.core._traverse import toposort
from symjax.rewrite import RULES, canonicalize


def normals():
    return R.Normal(0.5, 1.0), R.Normal(-1.0, 2.0), R.Normal(2.0, 0.5)


def _linear():
    a, b, c = normals()
    return 2 * a - b / 4 + 3 * (c - 1)


LAWS = {
    "two normals": Law("add_normals", lambda: sum(normals()[:2]), R.Normal, (-0.5, 5**0.5), st.norm(-0.5, 5**0.5)),
    "difference": Law(
        "add_normals", lambda: R.Normal(0.5, 1.0) - R.Normal(-1.0, 2.0), R.Normal, (1.5, 5**0.5), st.norm(1.5, 5**0.5)
    ),
    "combination": Law("add_normals", _linear, R.Normal, (4.25, 6.5**0.5), st.norm(4.25, 6.5**0.5)),
    "affine": Law("add_normals", lambda: 3 - 2 * R.Normal(0.5, 1.0), R.Normal, (2.0, 2.0), st.norm(2, 2)),
    "arrays": Law(
        "add_normals",
        lambda: np.array([1.0, -2.0]) * R.Normal([0.0, 1.0], 1.0) + R.Normal(1.0, [1.0, 2.0]),
        R.Normal,
        ([1.0, -1.0], [2**0.5, 8**0.5]),
        st.norm([1, -1], [2**0.5, 8**0.5]),
        np.linspace(-2, 2, 6).reshape(3, 2),
    ),
    "sum": Law("sum_of_normals", lambda: R.Normal([1.0, 2.0, 4.0], 0.5).sum(), R.Normal, (7.0, 0.75**0.5), st.norm(7, 0.75**0.5)),
    "axis sum": Law(
        "sum_of_normals",
        lambda: R.Normal([[1.0], [2.0]], [1.0, 2.0, 2.0]).sum(1),
        R.Normal,
        ([3.0, 6.0], 3.0),
        st.norm([3, 6], 3),
        np.linspace(-2, 9, 6).reshape(3, 2),
    ),
    "sum of scaled": Law(
        "sum_of_normals",
        lambda: (np.array([1.0, 2.0]) * R.Normal(0.0, 1.0, shape=(2,))).sum(),
        R.Normal,
        (0.0, 5**0.5),
        st.norm(0, 5**0.5),
    ),
    "exp": Law(
        "exp_of_normal", lambda: T.exp(R.Normal(0.5, 0.8)), R.LogNormal, (0.5, 0.8), st.lognorm(0.8, scale=np.exp(0.5)), POSITIVE
    ),
    "log": Law("log_of_log_normal", lambda: T.log(R.LogNormal(0.5, 0.8)), R.Normal, (0.5, 0.8), st.norm(0.5, 0.8)),
    "affine cauchy": Law("affine_of_family", lambda: 1 - 2 * R.Cauchy(0.5, 0.8), R.Cauchy, (0.0, 1.6), st.cauchy(0, 1.6)),
    "scaled half normal": Law(
        "affine_of_family", lambda: 2.5 * R.HalfNormal(2.0), R.HalfNormal, (5.0,), st.halfnorm(scale=5.0), POSITIVE
    ),
    "scaled half cauchy": Law(
        "affine_of_family", lambda: R.HalfCauchy(2.0) / 4, R.HalfCauchy, (0.5,), st.halfcauchy(0, 0.5), POSITIVE
    ),
    "scaled exponential": Law(
        "affine_of_family", lambda: 4 * R.Exponential(2.0), R.Exponential, (0.5,), st.expon(scale=2.0), POSITIVE
    ),
    "scaled gamma": Law("affine_of_family", lambda: 4 * R.Gamma(3.0, 2.0), R.Gamma, (3.0, 0.5), st.gamma(3.0, scale=2.0), POSITIVE),
    "scaled inverse gamma": Law(
        "affine_of_family", lambda: 4 * R.InverseGamma(3.0, 2.0), R.InverseGamma, (3.0, 8.0), st.invgamma(3.0, scale=8.0), POSITIVE
    ),
    "scaled log normal": Law(
        "affine_of_family",
        lambda: 3 * R.LogNormal(0.5, 0.8),
        R.LogNormal,
        (0.5 + np.log(3), 0.8),
        st.lognorm(0.8, scale=3 * np.exp(0.5)),
        POSITIVE,
    ),
    "affine student": Law(
        "affine_of_family", lambda: 1 - R.StudentT(4.0, 0.5, sigma=0.8) / 2, R.StudentT, (4.0, 0.75, 0.4), st.t(4, 0.75, 0.4)
    ),
    "affine laplace": Law("affine_of_family", lambda: 1 - 2 * R.Laplace(0.5, 0.8), R.Laplace, (0.0, 1.6), st.laplace(0, 1.6)),
    "affine logistic": Law("affine_of_family", lambda: 1 - 2 * R.Logistic(0.5, 0.8), R.Logistic, (0.0, 1.6), st.logistic(0, 1.6)),
    "affine gumbel": Law("affine_of_family", lambda: 2 * R.Gumbel(0.5, 0.8) - 1, R.Gumbel, (0.0, 1.6), st.gumbel_r(0, 1.6)),
    "affine uniform": Law(
        "affine_of_family", lambda: 1 - 2 * R.Uniform(0.5, 3.0), R.Uniform, (-5.0, 0.0), st.uniform(-5, 5), (-4.0, -0.5)
    ),
    "scaled half student": Law(
        "affine_of_family", lambda: 3 * R.HalfStudentT(4.0, 0.5), R.HalfStudentT, (4.0, 1.5), Folded(st.t(4, 0, 1.5)), POSITIVE
    ),
    "scaled weibull": Law(
        "affine_of_family", lambda: 3 * R.Weibull(2.0, 0.5), R.Weibull, (2.0, 1.5), st.weibull_min(2, scale=1.5), POSITIVE
    ),
    "scaled pareto": Law(
        "affine_of_family", lambda: 3 * R.Pareto(2.0, 0.5), R.Pareto, (2.0, 1.5), st.pareto(2, scale=1.5), (1.6, 3.0)
    ),
    "cauchys": Law("add_cauchys", lambda: R.Cauchy(0.5, 0.8) - 2 * R.Cauchy(1.0, 0.1), R.Cauchy, (-1.5, 1.0), st.cauchy(-1.5, 1.0)),
    "exponentials": Law(
        "add_gammas", lambda: R.Exponential(2.0) + R.Exponential(2.0), R.Gamma, (2.0, 2.0), st.gamma(2, scale=0.5), POSITIVE
    ),
    "gammas": Law(
        "add_gammas", lambda: R.Gamma(1.5, 0.5) + R.ChiSquared(3.0), R.Gamma, (3.0, 0.5), st.gamma(3, scale=2.0), POSITIVE
    ),
    "poissons": Law(
        "add_poissons", lambda: R.Poisson(1.5) + R.Poisson(2.0) + R.Poisson(0.5), R.Poisson, (4.0,), st.poisson(4.0), (0, 3, 11)
    ),
    "mean": Law("mean_of_normals", lambda: R.Normal(1.0, 2.0, shape=(4,)).mean(), R.Normal, (1.0, 1.0), st.norm(1, 1)),
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
    laws = {n for n, r in RULES.items() if r.kind == "law" and r.build.__module__.startswith("symjax.random")}
    assert laws <= {row.rule for row in all_rows().values()}


def test_a_symbolic_scale_that_is_proved_nonzero():
    s = T.Placeholder((), "float64", name="s")
    new, fired = law_firings(T.exp(s) * R.Normal(1.0, 2.0) + s)
    assert fired == ["add_normals"]
    np.testing.assert_allclose([p.eval({s: 0.3}) for p in only_draw(new).parents], [np.exp(0.3) + 0.3, 2 * np.exp(0.3)])


def test_what_is_not_free_does_not_keep_the_rest_from_merging():
    a, b, c = normals()
    new, fired = law_firings([a + b + c, a])
    assert fired == ["add_normals"] and new[1] is a
    assert len({n.token for n in (new[0].parents)}) == 2
    together = R.draw(new, 4000, random_seed=1)
    # cov(a + b + c, a) = var a, and the variance of a sample covariance is (1 + var of the sum) / n
    assert abs(np.cov(*together)[0, 1] - 1.0) < 4.5 * np.sqrt((1 + 5.25) / 4000)


# Side conditions -----------------------------------------------------------------------------------------------------------


def _summand_is_an_output():
    a, b, _ = normals()
    return [a + b, a]


def _summand_used_in_another_output():
    a, b, _ = normals()
    return [a + b, T.exp(a)]


def _negative_factor_of_a_positive_law():
    return [-2.0 * R.Gamma(3.0, 2.0)]


def _shift_of_a_positive_law():
    return [R.Exponential(2.0) + 1.0]


def _factor_of_unknown_sign():
    return [T.Placeholder((), "float64", name="c") * R.Cauchy(0.0, 1.0)]


def _exponential_of_an_output():
    x = R.Normal(0.0, 1.0)
    return [T.exp(x), x]


def _exponential_of_a_seeded_draw():
    return [T.exp(R.Normal(0.0, 1.0, seed=1))]


def _explicit_seed():
    return [R.Normal(0.0, 1.0, seed=1) + R.Normal(0.0, 1.0, seed=2)]


def _seed_in_a_sum():
    return [R.Normal(0.0, 1.0, shape=(3,), seed=1).sum()]


def _one_token_in_two_nodes():
    m = T.Placeholder((), "float64", name="m")
    x = R.Normal(m, 1.0)
    return [x + clone(x, {m: T.constant(2.0)})]


def _scale_that_may_be_zero():
    c = T.Placeholder((), "float64", name="c")
    return [c * R.Normal(0.0, 1.0)]


def _scale_that_is_random():
    a, b, _ = normals()
    return [a * b]


def _element_used_elsewhere():
    z = R.Normal(0.0, 1.0, shape=(3,))
    return [z.sum(), z[0]]


def _mean_and_deviations():
    z = R.Normal(0.0, 1.0, shape=(3,))
    return [z - z.mean()]


def _mixed_precision():
    return [R.Normal(0.0, 1.0, dtype="float32") + R.Normal(0.0, 1.0)]


def _gammas_of_different_rates():
    return [R.Gamma(3.0, 2.0) + R.Gamma(3.0, 2.5)]


def _scaled_gammas():
    x = R.Gamma(3.0, 2.0)
    return [x + T.sin(x)]


def _scaled_poissons():
    return [R.Poisson(3.0) + 2 * R.Poisson(2.0)]


def _negative_factor_of_a_skewed_law():
    return [1.0 - R.Gumbel(0.0, 1.0)]


def _draws_with_one_token_in_a_sum_of_gammas():
    m = T.Placeholder((), "float64", name="m")
    x = R.Gamma(m, 1.0)
    return [x + clone(x, {m: T.constant(2.0)})]


BROKEN = {f.__name__.strip("_"): f for f in [
    _summand_is_an_output, _summand_used_in_another_output, _negative_factor_of_a_positive_law,
    _shift_of_a_positive_law, _factor_of_unknown_sign, _exponential_of_an_output, _exponential_of_a_seeded_draw,
    _explicit_seed, _seed_in_a_sum, _one_token_in_two_nodes,
    _scale_that_may_be_zero, _scale_that_is_random, _element_used_elsewhere, _mean_and_deviations, _mixed_precision,
    _gammas_of_different_rates, _scaled_poissons, _scaled_gammas, _negative_factor_of_a_skewed_law,
    _draws_with_one_token_in_a_sum_of_gammas,
]}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_side_condition(name):
    check_broken(BROKEN[name])


def test_kept_draws_are_not_absorbed():
    a, b, _ = normals()
    assert law_firings(a + b, keep=[a])[1] == []


def test_twice_one_draw_is_its_double():
    a, _, _ = normals()
    x = only_draw(canonicalize(a + a))
    np.testing.assert_allclose([p.eval() for p in x.parents], [1.0, 2.0])


def test_sum_of_one_draw_repeated_is_its_multiple():
    x = only_draw(canonicalize((R.Normal(0.5, 1.0) + T.zeros(3)).sum()))
    np.testing.assert_allclose([p.eval() for p in x.parents], [1.5, 3.0])


def test_valued_summand_is_conditioned_on():
    a, b, _ = normals()
    terms = R.logp({a + b: 0.3, a: 0.7})
    expected = [st.norm(-1 + 0.7, 2).logpdf(0.3), st.norm(0.5, 1).logpdf(0.7)]
    np.testing.assert_allclose([float(t.eval()) for t in terms.values()], expected, rtol=1e-12)


def test_two_sums_that_share_a_summand_have_a_joint_density():
    a, b, c = normals()
    terms = R.logp({a + b: 0.3, b + c: 0.1})
    law = st.multivariate_normal([-0.5, 1.0], [[5.0, 4.0], [4.0, 4.25]])
    assert sum(float(t.eval()) for t in terms.values()) == pytest.approx(law.logpdf([0.3, 0.1]), rel=1e-12)
    assert float(terms[next(iter(terms))].eval()) == pytest.approx(st.norm(-0.5, 5**0.5).logpdf(0.3), rel=1e-12)
    with pytest.raises(NotDerivableError):
        R.logp({a + b: 0.3, T.exp(b) + c: 0.1})


def test_outputs_stay_jointly_distributed():
    a, b, c = normals()
    for canonicalized in (True, False):
        s, d = R.draw([a + b + c, a - b], 4000, random_seed=KEY, canonicalize=canonicalized)
        # cov(a + b + c, a - b) = var a - var b = -3
        assert abs(np.cov(s, d)[0, 1] + 3) < 4.5 * np.sqrt((9 + 5.25 * 5) / 4000)


# Supports ----------------------------------------------------------------------------------------------------------------


def test_supports_prove_signs():
    assert canonicalize(T.abs(T.exp(R.Normal(0.0, 1.0)))).fn_name != "abs"
    x = R.Normal(0.5, 1.0)
    assert canonicalize(T.abs(x)).fn_name == "abs"


def test_proved_conditions_are_dropped_from_densities():
    v = T.Placeholder((), "float64", name="v")
    s = T.Placeholder((), "float64", name="s")
    open_term = R.logp(R.Normal(0.0, s), v)
    assert canonicalize(open_term).fn_name == "require"
    assert open_term.eval({v: 0.0, s: -1.0}) == -np.inf
    proved = canonicalize(R.logp(R.Normal(0.0, T.exp(s)), v))
    assert not any(n.fn_name == "require" for n in toposort([proved]))
