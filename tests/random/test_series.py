"""Laws of series: autoregressive processes and random walks with steps of any law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats as st

import symjax
import symjax.pmc_bridge as pm
import symjax.random as R
import symjax.tensor as T
from symjax import NotDerivableError, ParameterError, ShapeError
from symjax.core._function import evaluate

N = 4_000
COV = np.array([[2.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 0.5]])
FACTOR = np.linalg.cholesky(COV)
MU = np.array([1.0, -2.0, 0.5])


def reverting(x: Any, rate: Any, scale: Any) -> Any:
    return -rate * x, scale


def logistic(x: Any, rate: Any, scale: Any) -> Any:
    return rate * x * (1 - x), 0.5 + scale * x**2


#: Each takes PyMC's distributions or ours by their names.
SERIES: dict[str, Callable[[Any], Any]] = {
    "AR of one lag": lambda L: L.AR(0.8, sigma=0.3, init_dist=L.Normal(1.5, 2.5), steps=5),
    "AR": lambda L: L.AR([0.5, -0.2, 0.3], tau=1.7, init_dist=L.Normal(0.0, 1.5), steps=6),
    "AR with a constant": lambda L: L.AR(
        [0.7, 0.5, -0.2], 0.3, init_dist=L.StudentT(3.5, mu=0.5, sigma=1.3), steps=4, constant=True
    ),
    "AR, each first value its own": lambda L: L.AR([0.5, -0.2], init_dist=L.Normal([0.5, 1.5], [1.3, 2.3]), steps=4),
    "AR, vector of first values": lambda L: L.AR([0.5, -0.2, 0.3], 0.7, init_dist=L.MvNormal(MU, COV), steps=4),
    "AR, batch of coefficients": lambda L: L.AR([[0.5, -0.2], [0.1, 0.9]], 0.7, init_dist=L.Normal(0.0, 1.3), steps=4),
    "AR, batch of scales": lambda L: L.AR([0.5, -0.2], [0.7, 1.3, 2.3], init_dist=L.Normal(0.0, 1.3, shape=2), steps=4),
    "AR, batch of starts": lambda L: L.AR([0.5, -0.2], 0.7, init_dist=L.Normal(0.0, 1.3, shape=(3, 2)), steps=4),
    "AR by shape": lambda L: L.AR([0.5, -0.2], 0.7, init_dist=L.Normal(0.5, 1.3), shape=(3, 7), ar_order=2),
    "AR by size": lambda L: L.AR([0.5, -0.2], 0.7, init_dist=L.Normal(0.5, 1.3), size=(2, 3), steps=2),
    "walk of Laplace steps": lambda L: L.RandomWalk(L.Normal(0.5, 1.5), L.Laplace(0.3, 1.3), steps=4),
    "walk of Normal steps": lambda L: L.RandomWalk(L.Laplace(0.5, 1.5), L.Normal(0.3, 1.3), steps=4),
    "rising walk": lambda L: L.RandomWalk(L.Normal(0.5, 1.5), L.Gamma(1.3, 0.7), steps=4),
    "walk, batch of steps": lambda L: L.RandomWalk(L.Normal(0.5, 1.5), L.Laplace([0.3, 1.3], 1.3), steps=4),
    "walk, steps that differ": lambda L: L.RandomWalk(L.Normal(0.5, 1.5), L.Laplace(np.linspace(0.1, 0.9, 4), 1.3), shape=5),
    "walk, steps and walks": lambda L: L.RandomWalk(L.Normal(0.5, 1.5), L.Laplace([[0.3], [1.3], [0.7]], [0.5, 1.3]), shape=(2, 4)),
    "walk, batch by size": lambda L: L.RandomWalk(L.Normal(0.5, 1.5, size=3), L.StudentT(2.5, mu=0.0, sigma=1.3, size=3), steps=4),
    "walk of mixtures": lambda L: L.RandomWalk(L.Normal(0.5, 1.5), L.Mixture([0.3, 0.7], L.Normal([-1.5, 1.5], 0.7)), steps=3),
    "walk of vectors": lambda L: L.RandomWalk(L.MvStudentT(3.5, mu=MU, scale=COV), L.MvNormal(MU, COV), steps=4),
    "MvGaussianRandomWalk": lambda L: L.MvGaussianRandomWalk(MU, cov=COV, init_dist=L.MvNormal(MU, 2.5 * COV), steps=4),
    "MvGaussianRandomWalk tau": lambda L: L.MvGaussianRandomWalk(MU, tau=COV, init_dist=L.MvNormal(MU, COV), shape=(5, 3)),
    "MvGaussianRandomWalk upper": lambda L: L.MvGaussianRandomWalk(
        MU, chol=FACTOR.T, lower=False, init_dist=L.MvNormal(MU, COV), steps=4
    ),
    "MvGaussianRandomWalk, batch": lambda L: L.MvGaussianRandomWalk(
        np.stack([MU, -MU]), cov=COV, init_dist=L.MvNormal(MU, COV), steps=4
    ),
    "MvGaussianRandomWalk, batch of covariances": lambda L: L.MvGaussianRandomWalk(
        MU, cov=np.stack([COV, 2.5 * COV]), init_dist=L.MvNormal(MU, COV), steps=4
    ),
    "MvGaussianRandomWalk, steps that differ": lambda L: L.MvGaussianRandomWalk(
        np.linspace(0.1, 0.9, 12).reshape(4, 3), cov=COV, init_dist=L.MvNormal(MU, COV), shape=(5, 3)
    ),
    "MvStudentTRandomWalk": lambda L: L.MvStudentTRandomWalk(nu=3.5, mu=MU, scale=COV, init_dist=L.MvNormal(MU, COV), steps=4),
    "MvStudentTRandomWalk, batch": lambda L: L.MvStudentTRandomWalk(
        nu=3.5, mu=MU, chol=FACTOR, init_dist=L.MvNormal(MU, COV), shape=(2, 5, 3)
    ),
    "GARCH11": lambda L: L.GARCH11(0.3, 0.2, 0.7, 0.9, steps=5),
    "GARCH11, batch": lambda L: L.GARCH11([0.3, 0.7], [[0.2], [0.3], [0.05]], 0.6, [0.9, 1.3], steps=5),
    "GARCH11 by shape": lambda L: L.GARCH11(0.3, 0.2, [0.0, 0.6], 0.9, shape=(3, 2, 7)),
    "GARCH11 that grows": lambda L: L.GARCH11(0.3, 0.05, 1.1, 0.9, size=2, steps=3),
    "EulerMaruyama": lambda L: L.EulerMaruyama(0.1, reverting, (1.5, 0.3), init_dist=L.Normal(0.5, 1.5), steps=5),
    "EulerMaruyama, batch": lambda L: L.EulerMaruyama(
        0.1, reverting, ([0.3, 1.5, 2.5], 0.7), init_dist=L.Normal([0.5, 1.0, 1.5], 1.5), steps=3
    ),
    "EulerMaruyama, diffusion of the state": lambda L: L.EulerMaruyama(
        0.1, logistic, (0.9, 0.7), init_dist=L.Laplace(0.5, 0.5), shape=(2, 4)
    ),
}


class _Dists:
    """PyMC's ``.dist`` methods by the names of the distributions."""

    def __init__(self, module: Any):
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name).dist


@pytest.mark.slow
@pytest.mark.parametrize("name", SERIES)
@pytest.mark.filterwarnings("ignore")
def test_shape_and_log_density_are_those_of_pymc(name: str, rng: np.random.Generator) -> None:
    pymc = pytest.importorskip("pymc")
    from pytensor.scalar.basic import autocast_float_as

    # PyTensor takes Python floats for the smallest type that holds them, and loses digits
    with autocast_float_as("float64"):
        theirs, ours = SERIES[name](_Dists(pymc)), SERIES[name](R)
        assert ours.shape == tuple(int(n) for n in theirs.shape.eval())
        value = rng.uniform(0.05, 0.95, size=ours.shape).cumsum(-1)
        expected = pymc.logp(theirs, value).eval()
    assert np.all(np.isfinite(expected))
    np.testing.assert_allclose(evaluate(R.logp(ours, value)), expected, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("name", SERIES)
def test_draws_have_the_moments_and_a_finite_density(name: str) -> None:
    variable = SERIES[name](R)
    draws = R.draw(variable, draws=N, random_seed=1)
    assert draws.shape == (N, *variable.shape)
    law, parents = variable.distribution, variable.parents
    assert np.all(np.isfinite(evaluate(R.logp(variable, draws[0]))))
    assert np.all(np.isfinite(evaluate(R.logp(variable, np.broadcast_to(evaluate(law.support_point(*parents)), variable.shape)))))
    try:
        mean = np.broadcast_to(evaluate(law.mean(*parents)), variable.shape)
        error = np.abs(draws.mean(0) - mean) * np.sqrt(N) / draws.std(0)
        assert np.all(error < 5), error
        variance = np.broadcast_to(evaluate(law.variance(*parents)), variable.shape)
    except NotDerivableError:
        return
    square = (draws - mean) ** 2
    # squares of Student's t draws have no variance
    if "StudentT" not in name and "constant" not in name and "size" not in name and name != "walk of vectors":
        assert np.all(np.abs(square.mean(0) - variance) < 5 * square.std(0) / np.sqrt(N))


def normal_sum(x: Any, mu: Any, sigma: Any) -> Any:
    return st.norm(mu, sigma).logpdf(x).sum(-1)


def test_autoregression_is_its_steps(rng: np.random.Generator) -> None:
    rho, sigma = rng.normal(size=(2, 4)), np.array([0.5, 2.0])
    x = rng.normal(size=(2, 9))
    variable = R.AR(rho, sigma, init_dist=R.Normal([0.0, 1.0, 2.0], 1.5), steps=6, constant=True)
    expected = normal_sum(x[:, :3], [0.0, 1.0, 2.0], 1.5)
    for t in range(3, 9):
        mean = rho[:, 0] + (rho[:, 1:] * x[:, t - 3 : t][:, ::-1]).sum(-1)
        expected = expected + st.norm(mean, sigma).logpdf(x[:, t])
    np.testing.assert_allclose(evaluate(R.logp(variable, x)), expected, rtol=1e-12)


def test_residuals_of_autoregressive_draws_are_normal() -> None:
    rho, sigma = np.array([0.6, -0.9, 0.4]), 0.3
    x = R.draw(R.AR(rho, sigma, init_dist=R.Normal(2.0, 3.0), steps=20), draws=1_000, random_seed=4)
    assert st.kstest((x[:, :3].ravel() - 2.0) / 3.0, "norm").pvalue > 1e-4
    residual = x[:, 3:] - sum(rho[i] * x[:, 2 - i : 22 - i] for i in range(3))
    assert st.kstest(residual.ravel() / sigma, "norm").pvalue > 1e-4
    assert abs(np.corrcoef(residual[:, 1:].ravel(), residual[:, :-1].ravel())[0, 1]) < 4.5 / np.sqrt(19_000)


def test_variance_of_an_autoregression_from_a_vector_of_first_values_is_not_known() -> None:
    variable = R.AR([0.5, 0.2], init_dist=R.MvNormal(np.zeros(2), np.eye(2)), steps=3)
    with pytest.raises(NotDerivableError, match="independent first values"):
        variable.distribution.variance(*variable.parents)


SLOPED = ["AR with a constant", "walk of Laplace steps", "rising walk", "MvStudentTRandomWalk", "GARCH11", "GARCH11 by shape"]


@pytest.mark.parametrize("name", [*SLOPED, "EulerMaruyama, diffusion of the state"])
def test_gradients_are_those_of_differences(name: str, rng: np.random.Generator) -> None:
    variable = SERIES[name](R)
    value = T.Placeholder(variable.shape, "float64")
    inputs = [value, *(T.Placeholder(p.shape, "float64") for p in variable.parents)]
    density = T.sum(variable.distribution.log_prob(*inputs))
    at = [rng.uniform(0.05, 0.95, size=variable.shape).cumsum(0), *(np.asarray(evaluate(p), float) for p in variable.parents)]
    f = symjax.function(*inputs, outputs=[density, *symjax.gradients(density, inputs)])
    _, *slopes = f(*at)
    for i, slope in enumerate(slopes):
        assert np.all(np.isfinite(slope))
        direction = np.where(at[i] == 0, 0.0, rng.normal(size=at[i].shape))
        ahead, behind = ([*at[:i], at[i] + h * direction, *at[i + 1 :]] for h in (1e-6, -1e-6))
        difference = (f(*ahead)[0] - f(*behind)[0]) / 2e-6
        np.testing.assert_allclose((slope * direction).sum(), difference, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["AR", "rising walk", "MvGaussianRandomWalk", "GARCH11", "EulerMaruyama"])
def test_single_precision(name: str, rng: np.random.Generator) -> None:
    variable = SERIES[name](R)
    low = [np.asarray(evaluate(p), "float32") for p in variable.parents]
    value = rng.uniform(0.05, 0.95, size=variable.shape).cumsum(0).astype("float32")
    inputs = [T.Placeholder(a.shape, "float32") for a in (value, *low)]
    found = symjax.function(*inputs, outputs=variable.distribution.log_prob(*inputs))(value, *low)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, evaluate(R.logp(variable, value.astype(float))), rtol=2e-5)
    made = variable.distribution(*low, dtype="float32")
    assert R.draw(made, random_seed=1).dtype == np.float32


def test_steps_of_an_equation_are_normal() -> None:
    rate, scale = np.array([0.5, 1.5]), 0.3
    variable = R.EulerMaruyama(
        0.2, lambda x, a, s: (a * T.sin(x), s / T.cosh(x)), (rate, scale), init_dist=R.Normal(0.0, 1.0), steps=9
    )
    x = R.draw(variable, draws=500, random_seed=4)
    before = x[..., :-1]
    steps = np.diff(x) - 0.2 * rate[:, None] * np.sin(before)
    spread = np.sqrt(0.2) * scale / np.cosh(before)
    residual = steps / spread
    assert st.kstest(residual.ravel(), "norm").pvalue > 1e-4
    expected = st.norm.logpdf(x[..., 0]) + (st.norm.logpdf(residual) - np.log(np.sqrt(0.2) * scale) + np.log(np.cosh(before))).sum(
        -1
    )
    np.testing.assert_allclose(evaluate(variable.distribution.log_prob(x, *variable.parents)), expected, rtol=1e-9)


def test_equation_with_numbers_for_each_of_a_batch(rng: np.random.Generator) -> None:
    rates = np.array([0.5, 1.5, 2.5])
    init = R.Normal(0.0, 1.0)
    inside = R.EulerMaruyama(0.2, lambda x, s: (-rates * x, s), (0.3,), init_dist=init, shape=(3, 4))
    given = R.EulerMaruyama(0.2, reverting, (rates, 0.3), init_dist=init, shape=(3, 4))
    value = rng.normal(size=(3, 4))
    np.testing.assert_allclose(evaluate(R.logp(inside, value)), evaluate(R.logp(given, value)), rtol=1e-12)
    assert R.draw(inside, random_seed=1).shape == (3, 4)


def test_diffusion_that_is_not_positive_has_no_density_and_no_draws() -> None:
    equation, init = (lambda x, a: (a, x)), R.Normal(0.0, 0.1)
    variable = R.EulerMaruyama(0.1, equation, (0.5,), init_dist=init, steps=2)
    assert evaluate(R.logp(variable, np.array([0.1, -0.2, 0.3]))) == -np.inf
    assert np.isfinite(evaluate(R.logp(variable, np.array([0.1, 0.2, -0.3]))))
    draws = R.draw(variable, draws=200, random_seed=1)
    assert np.array_equal(np.isnan(draws[:, 1]), draws[:, 0] <= 0)
    value = T.Placeholder((3,), "float64")
    density = R.logp(variable, value)
    assert np.all(np.isfinite(symjax.gradients(density, value).eval({value: np.array([0.1, -0.2, 0.3])})))


def test_garch_is_its_recursion(rng: np.random.Generator) -> None:
    omega, alpha, beta, start = np.array([0.3, 0.1]), 0.2, np.array([0.7, 0.0]), 0.9
    x = rng.normal(size=(2, 6))
    squared, expected = np.full(2, start**2), 0.0
    for t in range(6):
        expected = expected + st.norm(0, np.sqrt(squared)).logpdf(x[:, t])
        squared = omega + alpha * x[:, t] ** 2 + beta * squared
    np.testing.assert_allclose(evaluate(R.logp(R.GARCH11(omega, alpha, beta, start, steps=5), x)), expected, rtol=1e-12)


def test_squares_of_garch_draws_follow_their_variances() -> None:
    x = R.draw(R.GARCH11(0.3, 0.2, 0.7, 0.9, steps=30), draws=1_000, random_seed=4)
    squared, residual = np.full(1_000, 0.81), []
    for t in range(31):
        residual.append(x[:, t] / np.sqrt(squared))
        squared = 0.3 + 0.2 * x[:, t] ** 2 + 0.7 * squared
    assert st.kstest(np.ravel(residual), "norm").pvalue > 1e-4


def test_walk_of_counts() -> None:
    walk = R.RandomWalk(R.Poisson(2.0), R.Binomial(4, 0.3), steps=3)
    draws = R.draw(walk, draws=50, random_seed=1)
    assert draws.dtype == np.int64 and np.all(np.diff(draws) >= 0)
    value = np.array([[1, 2, 2, 5], [1, 0, 2, 5], [1, 2, 2, 9]])
    expected = st.poisson(2.0).logpmf(value[:, 0]) + st.binom(4, 0.3).logpmf(np.diff(value)).sum(-1)
    density = walk.distribution.log_prob(value, *walk.parents)
    np.testing.assert_allclose(evaluate(density), expected, rtol=1e-12)


def test_walk_outside_the_support_of_its_steps() -> None:
    walk = R.RandomWalk(R.Normal(0.0, 1.0), R.Exponential(1.5), steps=2)
    value, rate = T.Placeholder((3,), "float64"), T.Placeholder((1,), "float64")
    density = walk.distribution.log_prob(value, T.broadcast_to(rate, (2,)), *walk.parents[1:])
    f = symjax.function(value, rate, outputs=[density, *symjax.gradients(density, [value, rate])])
    assert f(np.array([0.0, 1.0, 0.5]), np.array([1.5]))[0] == -np.inf
    assert np.isfinite(f(np.array([0.0, 1.0, 1.5]), np.array([1.5]))[0])
    assert f(np.array([0.0, 1.0, 1.5]), np.array([-1.5]))[0] == -np.inf
    assert all(np.all(np.isfinite(g)) for g in f(np.array([0.0, 1.0, 1.5]), np.array([1.5]))[1:])


def test_the_walk_with_normal_steps_is_the_gaussian_one() -> None:
    general = R.RandomWalk(R.Normal(0.0, 2.0), R.Normal(0.3, 1.5), steps=4, name="x")
    special = R.GaussianRandomWalk(0.3, 1.5, init_dist=R.Normal(0.0, 2.0), steps=4, name="x")
    assert general.distribution is special.distribution
    np.testing.assert_array_equal(evaluate(general, seed=1), evaluate(special, seed=1))
    vectors = R.RandomWalk(R.MvNormal(MU, COV), R.MvNormal(MU, COV), steps=4)
    assert vectors.distribution is R.MvGaussianRandomWalk(MU, cov=COV, init_dist=R.MvNormal(MU, COV), steps=4).distribution


def _start(k: int) -> Any:
    return R.MvNormal(np.zeros(k), np.eye(k))


def _walk(**given: Any) -> Any:
    return R.MvGaussianRandomWalk(MU, steps=2, name="x", **given)


NORMAL: dict[str, Any] = {"init_dist": R.Normal(0.0, 1.0), "steps": 2}
OUTSIDE = T.Variable(1.0, register=False)
ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: R.AR([0.5], constant=True, steps=3, name="x"), ShapeError, r"AR\('x'\): 'rho' has 1 elements.*at least one lag"),
    (lambda: R.AR([0.5, 0.2], ar_order=3, steps=3), ShapeError, "'ar_order' 3 is needed"),
    (lambda: R.AR([0.5], name="x"), ShapeError, r"AR\('x'\): give steps= or shape="),
    (lambda: R.AR([0.5, 0.1], steps=3, shape=6), ShapeError, r"number of steps is \[3, 4\]"),
    (lambda: R.AR([0.5], -1.0, steps=3, name="x"), ParameterError, r"AR\('x'\): 'sigma' must be positive"),
    (lambda: R.AR([0.5], tau=-1.0, steps=3, name="x"), ParameterError, r"AR\('x'\): 'tau' must be positive"),
    (lambda: R.AR([np.nan], steps=3, name="x"), ParameterError, r"AR\('x'\): 'rho' must be a number"),
    (lambda: R.AR([0.5, 0.2], init_dist=R.Normal(MU, 1.0), steps=3), ShapeError, "2 first values are needed"),
    (lambda: R.AR([0.5, 0.2], init_dist=_start(3), steps=3), ShapeError, "2 first values are needed"),
    (lambda: R.AR([0.5], init_dist=3.0, steps=3), ParameterError, "'init_dist' must be an unnamed scalar or vector"),
    (lambda: R.AR([0.5], init_dist=R.Poisson(1.0), steps=3), ParameterError, "'init_dist' must be continuous"),
    (lambda: R.AR([0.5], step=3), ParameterError, "unexpected keyword argument 'step'"),
    (lambda: R.RandomWalk(innovation_dist=1.0, **NORMAL), ParameterError, "'innovation_dist' must be an unnamed"),
    (lambda: R.RandomWalk(innovation_dist=_start(2), **NORMAL), ParameterError, "'init_dist' must be an unnamed vector"),
    (lambda: R.RandomWalk(innovation_dist=R.Poisson(1.0), **NORMAL), ParameterError, "both be discrete or both continuous"),
    (lambda: R.RandomWalk(innovation_dist=R.Flat(), **NORMAL), ParameterError, "steps of Flat"),
    (lambda: _walk(cov=-COV), ParameterError, r"MvGaussianRandomWalk\('x'\): 'cov' must be"),
    (lambda: _walk(cov=COV, init_dist=_start(2)), ShapeError, r"the first value has shape \(2,\)"),
    (lambda: R.GARCH11(0.1, 0.2, 0.3, 1.0, name="x"), ShapeError, r"GARCH11\('x'\): give steps= or shape="),
    (lambda: R.GARCH11(0.0, 0.2, 0.3, 1.0, steps=2, name="x"), ParameterError, r"GARCH11\('x'\): 'omega' must be positive"),
    (lambda: R.GARCH11(0.1, -0.2, 0.3, 1.0, steps=2), ParameterError, "'alpha_1' must be zero or positive"),
    (lambda: R.GARCH11(0.1, 0.2, -0.3, 1.0, steps=2), ParameterError, "'beta_1' must be zero or positive"),
    (lambda: R.GARCH11(0.1, 0.2, 0.3, 0.0, steps=2), ParameterError, "'initial_vol' must be positive"),
    (lambda: R.EulerMaruyama(0.0, reverting, (1.0, 1.0), steps=2), ParameterError, "'dt' must be positive"),
    (lambda: R.EulerMaruyama(0.1, reverting, (1.0,), steps=2, name="x"), ParameterError, r"EulerMaruyama\('x'\): .*'scale'"),
    (lambda: R.EulerMaruyama(0.1, lambda x: x, (), steps=2), ParameterError, "must return drift and diffusion"),
    (lambda: R.EulerMaruyama(0.1, 2.0, (), steps=2), ParameterError, "'sde_fn' must be a function"),
    (lambda: R.EulerMaruyama(0.1, lambda x: (x, NORMAL["init_dist"]), (), steps=2), ParameterError, "'sde_fn' must not draw"),
    (lambda: R.EulerMaruyama(0.1, lambda x: (x, OUTSIDE), (), steps=2), ParameterError, "pass it in 'sde_pars'"),
    (lambda: R.MvStudentTRandomWalk(nu=-1.0, mu=MU, scale=COV, steps=2), ParameterError, "'nu' must be positive"),
]


@pytest.mark.parametrize("make, error, text", ERRORS)
def test_errors(make: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_symbolic_parameters_that_are_not_allowed() -> None:
    sigma = T.Variable(1.0, register=False)
    variable = R.AR([0.5], sigma, init_dist=R.Normal(0.0, sigma), steps=2, name="x")
    assert np.isfinite(evaluate(R.logp(variable, np.zeros(3))))
    sigma.update(-1.0)
    assert evaluate(R.logp(variable, np.zeros(3))) == -np.inf
    with pytest.raises(ParameterError, match="'x': 'sigma' must be positive"):
        R.draw(variable, random_seed=1)


def autoregression(pm: Any) -> Any:
    y = np.array([0.3, 1.2, 0.7, 1.5, 0.9, 0.4])
    with pm.Model() as model:
        rho = pm.Normal("rho", 0.0, 0.5, shape=3)
        sigma = pm.HalfNormal("sigma", 1.5)
        x = pm.AR("x", rho, sigma, init_dist=pm.Normal.dist(0.0, 1.5), constant=True, shape=6)
        pm.AR("y", rho[1:], sigma, init_dist=pm.Laplace.dist(0.0, 1.5), observed=y)
        g = pm.GARCH11("g", sigma, 0.2, 0.5, 0.9, shape=6)
        pm.EulerMaruyama("e", 0.2, reverting, (sigma, 0.7), init_dist=pm.Normal.dist(0.0, 1.5), observed=y)
        pm.Normal("z", x + g, 0.5, observed=y)
    return model


def walks(pm: Any) -> Any:
    y = np.array([[0.3, 1.2], [0.7, 1.5], [0.9, 0.4]])
    with pm.Model() as model:
        scale = pm.HalfNormal("scale", 1.5)
        start = pm.MvNormal.dist(np.zeros(2), np.eye(2))
        x = pm.MvGaussianRandomWalk("x", np.zeros(2), chol=scale * np.eye(2), init_dist=start, steps=2)
        pm.MvStudentTRandomWalk("t", nu=3.5, mu=np.zeros(2), chol=scale * np.eye(2), init_dist=start, observed=y)
        pm.RandomWalk("w", init_dist=pm.Normal.dist(0.0, 1.5), innovation_dist=pm.Laplace.dist(0.0, scale), steps=3)
        pm.Normal("z", x, 0.5, observed=y)
    return model


MODELS = {f.__name__: f for f in (autoregression, walks)}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore")
def test_models_have_the_terms_of_pymc(name: str, rng: np.random.Generator) -> None:
    pymc = pytest.importorskip("pymc")
    from pytensor.scalar.basic import autocast_float_as

    ours = MODELS[name](pm)
    with autocast_float_as("float64"):
        theirs = MODELS[name](pymc)
        start = theirs.initial_point()
        own = ours.initial_point()
        for key, value in start.items():
            np.testing.assert_allclose(own[key], value, rtol=1e-12, atol=1e-12, err_msg=key)
        point = {k: v + 0.3 * rng.normal(size=v.shape) for k, v in start.items()}
        np.testing.assert_allclose(ours.compile_logp()(point), theirs.compile_logp()(point), rtol=1e-10)


@pytest.mark.parametrize("name", MODELS)
def test_models_sample(name: str) -> None:
    with MODELS[name](pm):
        trace = pm.sample(draws=20, tune=50, chains=1, random_seed=1, progressbar=False)
    assert all(np.all(np.isfinite(v)) for v in trace.posterior.values())
