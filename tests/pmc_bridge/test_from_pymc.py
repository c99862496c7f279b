"""PyMC models, translated: log densities and gradients are PyMC's, and so are names, dims, data, transforms and starts."""

import numpy as np
import pytest

import symjax.pmc_bridge as ours

pymc = pytest.importorskip("pymc")
pt = pytest.importorskip("pytensor.tensor")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
RNG = np.random.default_rng(3)
X = RNG.normal(size=(12, 3))
Y = X @ [1.0, -0.5, 0.3] + 0.1 * RNG.normal(size=12)
COUNTS = RNG.poisson(3.0, 12)
EYE = np.eye(2)


def regression():
    slope = pymc.Normal("slope", 0, 2.0, dims="feature")
    sigma = pymc.HalfNormal("sigma", 1.0)
    x = pymc.Data("x", X, dims=("row", "feature"))
    mean = pymc.Deterministic("mean", x @ slope, dims="row")
    pymc.Normal("y", mean, sigma, observed=Y, dims="row")


def hierarchy():
    mu = pymc.StudentT("mu", nu=4, mu=0.0, sigma=2.0)
    tau = pymc.HalfCauchy("tau", 2.0)
    z = pymc.Normal("z", shape=4)
    theta = pymc.Deterministic("theta", mu + tau * z)
    pymc.Poisson("y", pt.exp(theta[np.arange(12) % 4]), observed=COUNTS)
    pymc.Potential("soft", -0.5 * (theta.sum() / 10) ** 2)


def positive():
    pymc.Gamma("gamma", 2.0, 3.0)
    pymc.Exponential("exponential", [1.0, 2.0])
    pymc.InverseGamma("inverse_gamma", 3.0, 2.0)
    pymc.LogNormal("log_normal", 0.3, 0.5)
    pymc.Weibull("weibull", 2.0, 1.5)
    pymc.Pareto("pareto", 3.0, 1.5)
    pymc.HalfStudentT("half_t", 4.0, 2.0)
    pymc.ChiSquared("chi_squared", 3.0)
    pymc.Kumaraswamy("kumaraswamy", 2.0, 3.0)
    pymc.Beta("beta", mu=0.3, sigma=0.1)
    pymc.Uniform("uniform", -1.0, pymc.Uniform("upper", 2.0, 3.0))


def real():
    pymc.Cauchy("cauchy", 0.0, 2.0)
    pymc.Laplace("laplace", 0.5, 2.0)
    pymc.AsymmetricLaplace("asymmetric", kappa=2.0, mu=0.5, b=1.5)
    pymc.Logistic("logistic", 0.5, 2.0)
    pymc.LogitNormal("logit_normal", 0.5, 2.0)
    pymc.Gumbel("gumbel", 0.5, 2.0)
    pymc.TruncatedNormal("truncated_normal", 0.5, 2.0, lower=-1.0, upper=3.0)
    pymc.SkewStudentT("skew", 2.0, 3.0, mu=0.5, sigma=1.5)
    pymc.Interpolated("interpolated", np.array([-1.0, 0.0, 2.0]), np.array([1.0, 2.0, 0.5]))
    pymc.Flat("flat")


def skewed():
    mu = pymc.Normal("mu")
    pymc.Triangular("triangular", lower=-1.0, upper=2.0 + mu**2, c=0.5)
    pymc.Moyal("moyal", mu, 2.0)
    pymc.Wald("wald", mu=2.0, phi=3.0 + mu**2)
    pymc.ExGaussian("ex_gaussian", mu, 2.0, nu=1.5)
    pymc.SkewNormal("skew_normal", alpha=2.0, mu=mu, sigma=2.0)
    pymc.VonMises("von_mises", mu, 1.5)
    pymc.Rice("rice", nu=1.0 + mu**2, sigma=2.0)
    pymc.SkewStudentT("skew_t", a=2.0, b=3.0, mu=mu, sigma=1.5)
    pymc.Lognormal("log_normal", mu, 2.0)
    pymc.Interpolated("interpolated", np.array([0.0, 1.0, 3.0]), np.array([0.5, 2.0, 1.0]))


def counts():
    p = pymc.Beta("p", 2.0, 2.0)
    pymc.Binomial("binomial", 5, p, observed=[1, 3])
    pymc.NegativeBinomial("negative", mu=2.0, alpha=3.0 * p, observed=COUNTS)
    pymc.BetaBinomial("beta_binomial", 1.0 + p, 2.0, 6, observed=[1, 3])
    pymc.Geometric("geometric", p, observed=[1, 3])
    pymc.Categorical("categorical", pt.stack([p, 1 - p]), observed=[0, 1, 1])
    pymc.DiscreteWeibull("weibull", p, 1.3, observed=[0, 2])
    pymc.ZeroInflatedPoisson("zero_inflated", p, 2.0, observed=[0, 2])
    pymc.HurdlePoisson("hurdle", p, 2.0, observed=[0, 2])
    pymc.OrderedLogistic("ordered", eta=p, cutpoints=[-1.0, 1.0], observed=[0, 1, 2])
    pymc.HyperGeometric("hyper_geometric", 10, 4, 5, observed=[2, 3])


def vectors():
    w = pymc.Dirichlet("w", np.array([1.0, 2.0, 3.0]))
    pymc.Multinomial("multinomial", 6, w, observed=[1, 2, 3])
    pymc.DirichletMultinomial("dirichlet_multinomial", 6, 1 + w, observed=[1, 2, 3])
    mean = pymc.Normal("mean", shape=2)
    pymc.MvNormal("given_cov", mean, cov=EYE + 0.5, observed=np.ones((3, 2)))
    chol, _, _ = pymc.LKJCholeskyCov("chol", n=2, eta=2.0, sd_dist=pymc.Exponential.dist(1.0))
    pymc.MvNormal("given_chol", mean, chol=chol, observed=np.ones((3, 2)))
    pymc.MvStudentT("student", nu=4.0, mu=mean, scale=EYE, observed=np.ones((3, 2)))
    pymc.ZeroSumNormal("zero_sum", 1.5, shape=(2, 4))
    pymc.LKJCorr("corr", n=3, eta=1.3)
    pymc.Normal("ordered", shape=3, transform=pymc.distributions.transforms.ordered, initval=[-1.0, 0.0, 1.0])
    pymc.MatrixNormal("matrix", mu=np.zeros((2, 2)), rowcov=EYE + 0.5, colcov=EYE, observed=np.ones((2, 2)))


def modifiers():
    mu = pymc.Normal("mu")
    pymc.Censored("censored", pymc.Normal.dist(mu, 1.0), -1.0, 1.0, observed=[-1.0, 0.3, 1.0])
    pymc.Truncated("truncated", pymc.Gamma.dist(2.0, pt.exp(mu)), lower=0.5, observed=[0.7, 1.3])
    pymc.Mixture("mixture", [0.3, 0.7], [pymc.Normal.dist(mu, 1.0), pymc.Laplace.dist(0.0, 1.0)], observed=[0.3, 1.0])
    pymc.NormalMixture("normals", [0.3, 0.7], [0.0, mu], 1.0, observed=[0.3, 1.0])
    pymc.Normal("subsample", mu, 1.0, observed=[0.3, 1.0], total_size=10)
    pymc.Normal("missing", mu, 1.0, observed=np.array([0.3, np.nan, 1.0]))


def series():
    mu = pymc.Normal("mu")
    start = pymc.Normal.dist(0.0, 2.0)
    pymc.GaussianRandomWalk("walk", mu, 0.5, init_dist=start, steps=4)
    pymc.GaussianRandomWalk("walks", mu, np.array([0.5, 0.7]), init_dist=start, shape=(2, 5))
    pymc.AR("ar", [0.1, 0.5, -0.2], 1.3, constant=True, init_dist=pymc.Normal.dist(0, 2.0, shape=2), steps=6)
    pymc.GARCH11("garch", 0.5, 0.2, 0.3, 1.0, steps=4)
    pymc.EulerMaruyama("sde", 0.1, lambda x, a: (a * x, 1.0 + x**2), (mu,), init_dist=start, steps=4)


def foreign():
    mu = pymc.Normal("mu")
    pymc.CustomDist("by_density", mu, logp=lambda value, m: -pt.abs(value - m) - np.log(2.0), observed=[0.3, 1.0])
    pymc.CustomDist("by_law", mu, dist=lambda m, size: pt.exp(pymc.Normal.dist(m, 1.0, size=size)), observed=[0.3, 1.0])


def operations():
    x = pymc.Normal("x", shape=(3, 2))
    first = pt.set_subtensor(x[0], 2.0)[:, ::-1]
    parts = pt.concatenate([first.sum(axis=0), pt.cumsum(x[:, 0]), pt.max(x, axis=1), pt.diag(x[:2] @ x[:2].T)])
    scan = pt.extra_ops.cumprod(pt.sigmoid(parts)) + pt.gammaln(1 + parts**2) + pt.switch(parts > 0, parts, pt.softplus(parts))
    root = pt.linalg.cholesky(x.T @ x + pt.eye(2))
    solved = pt.linalg.solve_triangular(root, x[0], lower=True)
    spread = pt.special.softmax(x, axis=1).std()
    pymc.Potential("term", -(pt.logsumexp(scan) ** 2) - pt.log(pt.linalg.det(root)) - (solved**2).sum() - spread)


MODELS = (regression, hierarchy, positive, real, skewed, counts, vectors, modifiers, series, foreign, operations)


def both(build):
    with pymc.Model(coords={"feature": ["a", "b", "c"]}) as theirs:
        build()
    return theirs, ours.from_pymc(theirs)


@pytest.mark.parametrize("build", MODELS, ids=lambda b: b.__name__)
def test_log_density_and_gradient_are_pymcs(build, fast_pymc):
    theirs, mine = both(build)
    start = theirs.initial_point()
    own = mine.initial_point()
    assert start.keys() == own.keys()
    rng = np.random.default_rng(1)
    for spread in (0.1, 0.3):
        point = {k: np.asarray(v + spread * rng.normal(size=np.shape(v)), float) for k, v in start.items()}
        expected = [float(np.sum(t)) for t in theirs.compile_logp(sum=False)(point)]
        np.testing.assert_allclose([float(np.sum(t)) for t in mine.compile_logp(sum=False)(point)], expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(mine.compile_dlogp()(point), theirs.compile_dlogp()(point), rtol=1e-6, atol=1e-6)


def test_names_dims_data_and_starts_are_kept():
    theirs, mine = both(regression)
    assert list(mine.named_vars) == list(theirs.named_vars)
    assert mine.named_vars_to_dims == {k: tuple(v) for k, v in theirs.named_vars_to_dims.items()}
    assert mine.dim_lengths == {"feature": 3, "row": 12}
    assert [v.name for v in mine.value_vars] == [v.name for v in theirs.value_vars]
    with mine:
        ours.set_data({"x": X[:5]})
        assert ours.draw(mine["mean"], random_seed=1).shape == (5,)


def test_what_has_a_closed_form_is_integrated_out():
    theirs, _ = both(regression)
    assert "slope" in str(ours.explain(theirs))
    tree = ours.sample(model=theirs, random_seed=1, progressbar=False)
    weights = np.linalg.lstsq(X, Y)[0]
    np.testing.assert_allclose(tree.posterior["slope"].mean(("chain", "draw")), weights, atol=0.2)


def test_sampling_within_a_model_of_pymc():
    with pymc.Model() as theirs:
        pymc.Normal("x", 3.0, 1.0)
        tree = ours.sample(random_seed=1, progressbar=False)
    assert abs(float(tree.posterior["x"].mean()) - 3) < 5 / np.sqrt(4000)
    with theirs, pytest.raises(TypeError, match="one of PyMC's"):
        ours.Deterministic("y", 2.0)
    with theirs, pytest.raises(TypeError, match="no model"):
        ours.Normal("y")


def test_draws_of_foreign_laws():
    with pymc.Model() as theirs:
        pymc.CustomDist("x", 2.0, dist=lambda m, size: pymc.Normal.dist(m, 1.0, size=size) ** 3, shape=4)
    with ours.from_pymc(theirs):
        draws = ours.sample_prior_predictive(500, random_seed=1).prior["x"].values
    assert abs(np.mean(np.cbrt(draws)) - 2) < 5 / np.sqrt(2000)


def test_operations_without_a_counterpart_are_named():
    class Twice(pt.basic.Op if hasattr(pt.basic, "Op") else object):
        __props__ = ()

        def make_node(self, x):
            from pytensor.graph.basic import Apply

            return Apply(self, [pt.as_tensor(x)], [pt.dscalar()])

        def perform(self, node, inputs, outputs):
            outputs[0][0] = 2 * inputs[0]

    with pymc.Model() as theirs:
        pymc.Deterministic("y", Twice()(pymc.Normal("x")))
    with pytest.raises(NotImplementedError, match="Twice has no counterpart"):
        ours.from_pymc(theirs)
