"""Laws of matrices, of vectors with heavy tails, and of counts in categories: Wishart, MvStudentT, DirichletMultinomial."""

import jax
import numpy as np
import pytest
import scipy.stats as st

import symjax
import symjax.pmc_bridge as pm
import symjax.random as R
import symjax.tensor as T
from symjax import ParameterError, ShapeError
from symjax.core._function import evaluate
from symjax.random import transforms

N = 4_000
V = np.array([[2.0, 0.3, -0.4], [0.3, 1.0, 0.1], [-0.4, 0.1, 0.7]])
MU = np.array([1.0, -2.0, 0.5])


def logp(variable, value):
    return evaluate(R.logp(variable, value))


def moments_agree(draws, mean, variance):
    flat = draws.reshape(len(draws), -1).astype(float)
    mean, variance = np.ravel(np.broadcast_to(mean, draws.shape[1:])), np.ravel(np.broadcast_to(variance, draws.shape[1:]))
    assert np.all(np.abs(flat.mean(0) - mean) < 4.5 * np.sqrt(variance / len(flat)))
    square = (flat - mean) ** 2
    assert np.all(np.abs(square.mean(0) - variance) < 4.5 * square.std(0) / np.sqrt(len(flat)))


LAWS = {
    "Wishart": (lambda nu, scale: R.Wishart(nu, scale), lambda nu, scale: st.wishart(nu, scale)),
    "InverseWishart": (lambda nu, scale: R.InverseWishart(nu, scale), lambda nu, scale: st.invwishart(nu, scale)),
}


@pytest.mark.parametrize("name", LAWS)
def test_matrices(name):
    ours, reference = LAWS[name]
    values = reference(5.5, V).rvs(4, random_state=1)
    np.testing.assert_allclose([logp(ours(5.5, V), x) for x in values], [reference(5.5, V).logpdf(x) for x in values], rtol=1e-10)
    batch = ours(np.array([4.0, 9.0]), np.stack([V, 2 * V]))
    assert batch.shape == (2, 3, 3)
    expected = [reference(4.0, V).logpdf(values[0]), reference(9.0, 2 * V).logpdf(values[1])]
    np.testing.assert_allclose(logp(batch, values[:2]), expected, rtol=1e-10)
    law = ours(14.0, V)
    draws = R.draw(law, draws=N, random_seed=1)
    np.testing.assert_array_equal(draws, np.swapaxes(draws, -1, -2))
    assert (np.linalg.eigvalsh(draws) > 0).all()
    moments_agree(draws, *(evaluate(f(*law.parents)) for f in (law.distribution.mean, law.distribution.variance)))
    np.testing.assert_allclose(evaluate(law.distribution.mean(*law.parents)), reference(14.0, V).mean(), rtol=1e-12)
    # the law of a quadratic form, exactly
    a = np.array([1.0, -2.0, 0.5])
    if name == "Wishart":
        assert st.kstest(np.einsum("i,nij,j", a, draws, a) / (a @ V @ a), st.chi2(14.0).cdf).pvalue > 1e-6
    else:
        form = 1 / np.einsum("i,nij,j", a, np.linalg.inv(draws), a) * (a @ np.linalg.inv(V) @ a)
        assert st.kstest(1 / form, st.chi2(14.0).cdf).pvalue > 1e-6


@pytest.mark.parametrize("name", LAWS)
def test_matrices_refuse_what_is_no_parameter_and_have_no_density_elsewhere(name):
    ours, _ = LAWS[name]
    with pytest.raises(ParameterError, match="must be symmetric and positive definite"):
        ours(5.0, -V)
    with pytest.raises(ParameterError, match="'nu' must exceed the number of rows less one"):
        ours(2.0, V)
    for value in (-V, V + np.triu(np.ones((3, 3)), 1), np.zeros((3, 3)), np.full((3, 3), np.nan)):
        assert not logp(ours(5.0, V), value) > -np.inf
    nu = T.Placeholder((), "float64")
    found = R.logp(ours(nu, V), V)
    assert found.eval({nu: 1.5}) == -np.inf and np.isfinite(found.eval({nu: 2.5}))
    slopes = symjax.function(nu, outputs=symjax.gradients(found, [nu])[0])(5.0)
    assert np.isfinite(slopes)


def test_the_transform_of_matrices():
    transform = transforms.cholesky
    z = np.random.default_rng(0).normal(size=6)
    value = evaluate(transform.inverse(T.constant(z)))
    np.testing.assert_allclose(evaluate(transform.forward(T.constant(value))), z, rtol=1e-10)
    with jax.enable_x64(True):
        place = T.Placeholder((6,), "float64")
        full = transform.inverse(place)
        lower = symjax.function(place, outputs=[full[i, j] for i in range(3) for j in range(i + 1)])

        def slope(k):
            step = 1e-6 * np.eye(6)[k]
            return (np.array(lower(*[z + step])) - np.array(lower(*[z - step]))) / 2e-6

        jacobian = np.stack([slope(k) for k in range(6)])
    assert float(evaluate(transform.log_det(T.constant(z)))) == pytest.approx(np.linalg.slogdet(jacobian)[1], rel=1e-8)
    assert transform.unconstrained_shape((2, 3, 3)) == (2, 6)


def test_a_covariance_is_sampled():
    with pm.Model() as model:
        pm.InverseWishart("S", 12.0, V)
    tree = pm.sample(500, chains=2, random_seed=1, progressbar=False, rewrites=None, model=model, compute_convergence_checks=False)
    draws = tree.posterior["S"].values.reshape(-1, 3, 3)
    spread = evaluate(R.InverseWishart.variance(T.constant(12.0), T.constant(V)))
    assert np.all(np.abs(draws.mean(0) - V / 8) < 4.5 * np.sqrt(spread / 200))


@pytest.mark.parametrize("given", [{"Sigma": V}, {"scale": V}, {"tau": np.linalg.inv(V)}, {"chol": np.linalg.cholesky(V)}])
def test_mv_student_t(given, rng):
    value = rng.normal(size=(5, 3))
    for nu in (0.7, 6.0, 1e12):
        expected = st.multivariate_t(MU, V, nu).logpdf(value) if nu < 1e6 else st.multivariate_normal(MU, V).logpdf(value)
        np.testing.assert_allclose(logp(R.MvStudentT(nu, mu=MU, size=5, **given), value), expected, rtol=1e-8)
    draws = R.draw(R.MvStudentT(6.0, mu=MU, **given), draws=N, random_seed=2)
    square = np.einsum("ni,ij,nj->n", draws - MU, np.linalg.inv(V), draws - MU) / 3
    assert st.kstest(square, st.f(3, 6.0).cdf).pvalue > 1e-6
    assert st.kstest(draws[:, 1], st.t(6.0, MU[1], V[1, 1] ** 0.5).cdf).pvalue > 1e-6


def test_mv_student_t_refuses_two_scales_and_other_lengths():
    with pytest.raises(ParameterError, match="the same parameter"):
        R.MvStudentT(3.0, Sigma=V, scale=V)
    with pytest.raises(ShapeError, match="'mu' has 2 elements"):
        R.MvStudentT(3.0, Sigma=V, mu=np.zeros(2))


@pytest.mark.parametrize("a", [np.array([1.0, 2.0, 0.5]), np.array([30.0, 0.1, 4.0])])
def test_dirichlet_multinomial(a, rng):
    value = rng.multinomial(9, a / a.sum(), size=4)
    expected = [st.dirichlet_multinomial(a, 9).logpmf(v) for v in value]
    np.testing.assert_allclose(logp(R.DirichletMultinomial(9, a, size=4), value), expected, rtol=1e-10)
    assert logp(R.DirichletMultinomial(9, a), np.array([9, 1, 0])) == -np.inf
    assert logp(R.DirichletMultinomial(9, a), np.array([4.5, 4.5, 0.0])) == -np.inf
    law = R.DirichletMultinomial(9, a)
    draws = R.draw(law, draws=N, random_seed=3)
    assert np.all(draws.sum(-1) == 9) and draws.dtype == np.int64
    moments_agree(draws, *(evaluate(f(*law.parents)) for f in (law.distribution.mean, law.distribution.variance)))
    below = st.betabinom(9, a[0], a[1:].sum()).cdf(draws[:, 0] - 1)
    uniform = below + st.betabinom(9, a[0], a[1:].sum()).pmf(draws[:, 0]) * rng.uniform(size=N)
    assert st.kstest(uniform, "uniform").pvalue > 1e-6
    rows = R.DirichletMultinomial([4, 9], np.stack([a, a[::-1]]))
    assert rows.shape == (2, 3) and R.draw(rows, random_seed=1).sum(-1).tolist() == [4, 9]
