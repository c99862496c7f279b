"""Laws made of users' functions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st

import symjax.pmc_bridge as pm
import symjax.random as R
import symjax.tensor as T
from symjax._errors import NotDerivableError, ParameterError, ShapeError


def log_normal(mu, size):
    return T.exp(R.Normal(mu, 0.5, size=size))


def walk(mu, sigma, size):
    return T.cumsum(R.Normal(mu, sigma, shape=(10,)))


def vector_logp(value, mean, cov):
    return R.logp(R.MvNormal(mean, cov), value)


def vector_draws(mean, cov, rng=None, size=None):
    return rng.multivariate_normal(mean, cov, size=size)


def test_an_expression_gives_density_cdf_and_draws():
    x = R.CustomDist(0.3, dist=log_normal, shape=(3,), name="x")
    law = st.lognorm(0.5, scale=np.exp(0.3))
    at = np.array([0.5, 1.0, 4.0])
    np.testing.assert_allclose(R.logp(x, at).eval(), law.logpdf(at), rtol=1e-12)
    np.testing.assert_allclose(R.logcdf(x, at).eval(), law.logcdf(at), rtol=1e-10)
    drawn = R.draw(x, draws=2_000, random_seed=1)
    assert drawn.shape == (2_000, 3)
    assert st.kstest(drawn.ravel(), law.cdf).pvalue > 1e-5


def test_the_shape_is_that_of_the_expression():
    x = R.CustomDist(np.zeros(4), dist=log_normal)
    assert x.shape == (4,)
    walked = R.CustomDist(0.0, 1.0, dist=walk, ndim_supp=1)
    assert walked.shape == (10,)
    at = np.arange(10.0)
    expected = st.norm.logpdf(np.diff(at, prepend=0.0)).sum()
    assert float(np.sum(R.logp(walked, at).eval())) == pytest.approx(expected)
    joint = R.CustomDist(np.zeros(3), dist=lambda m, size: R.MvNormal(m, np.eye(3), size=size), size=(2,))
    assert joint.shape == (2, 3)
    assert R.logp(joint, np.zeros((2, 3))).shape == (2,)


def test_functions_give_density_and_draws_of_vectors():
    cov = np.array([[2.0, 0.5], [0.5, 1.0]])
    x = R.CustomDist(np.ones(2), cov, logp=vector_logp, random=vector_draws, signature="(n),(n,n)->(n)")
    assert x.shape == (2,)
    at = np.array([0.3, -1.0])
    assert float(R.logp(x, at).eval()) == pytest.approx(st.multivariate_normal(np.ones(2), cov).logpdf(at))
    drawn = R.draw(x, draws=2_000, random_seed=2)
    error = np.sqrt(np.diag(cov) / 2_000)
    assert np.all(np.abs(drawn.mean(0) - 1.0) < 4.5 * error)


def test_counts_stay_whole():
    x = R.CustomDist(
        3.0,
        logp=lambda k, mu: R.logp(R.Poisson(mu), k),
        random=lambda mu, rng=None, size=None: rng.poisson(mu, size=size),
        dtype="int64",
        size=(5,),
    )
    drawn = R.draw(x, draws=400, random_seed=3)
    assert drawn.dtype == np.int64
    assert abs(drawn.mean() - 3.0) < 4.5 * np.sqrt(3.0 / drawn.size)


def test_a_model_with_a_law_of_functions_is_sampled():
    y = np.random.default_rng(0).normal(1.0, 2.0, 60)
    with pm.Model() as model:
        mu, sigma = pm.Normal("mu", 0, 5), pm.HalfNormal("sigma", 5)
        pm.CustomDist(
            "y",
            mu,
            sigma,
            logp=lambda v, m, s: pm.logp(pm.Normal.dist(m, s), v),
            random=lambda m, s, rng=None, size=None: rng.normal(m, s, size=size),
            observed=y,
        )
        tree = pm.sample(random_seed=1, progressbar=False)
        predicted = pm.sample_posterior_predictive(tree, random_seed=1, progressbar=False).posterior_predictive["y"]
    with pm.Model():
        mu, sigma = pm.Normal("mu", 0, 5), pm.HalfNormal("sigma", 5)
        pm.Normal("y", mu, sigma, observed=y)
        plain = pm.sample(random_seed=2, progressbar=False)
    for name in ("mu", "sigma"):
        a, b = tree.posterior[name], plain.posterior[name]
        assert abs(float(a.mean() - b.mean())) < 5 * float(a.std()) * np.sqrt(2 / 3_000)
    assert predicted.shape == (4, 1_000, 60)
    assert model["y"].distribution.name == "CustomDist"


def test_errors_say_what_is_missing():
    with pytest.raises(ParameterError, match="give 'dist', or 'logp'"):
        R.CustomDist(1.0)
    with pytest.raises(ParameterError, match="'signature' must be like"):
        R.CustomDist(1.0, logp=lambda v, m: -v, signature="(),()->()")
    x = R.CustomDist(1.0, logp=lambda v, m: -((v - m) ** 2))
    with pytest.raises(NotDerivableError, match="cannot be drawn"):
        R.draw(x)
    y = R.CustomDist(1.0, random=lambda m, rng=None, size=None: rng.normal(m, size=size))
    with pytest.raises(NotDerivableError, match="no density"):
        R.logp(y, 0.0)
    with pytest.raises(ShapeError, match="Give 'shape' or 'signature'"):
        R.CustomDist(1.0, logp=lambda v, m: -v.sum(), ndim_supp=1)
