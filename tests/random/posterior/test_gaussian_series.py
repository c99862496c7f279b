"""Gaussian series among the latents: autoregressive processes and random walks of vectors, against the joint as written."""

from __future__ import annotations

import numpy as np
import pytest
from gaussian_reference import check, compiled

import symjax.random as R
import symjax.tensor as T

FACTOR = np.array([[1.0, 0.0], [0.4, 0.7]])


def _seen(x, rng, sigma):
    """Observations of some values, with their noise."""
    y = R.Normal(T.ravel(x)[::2], sigma, name="y")
    return {y: rng.normal(size=y.shape)}


def autoregression(rng):
    s, sigma = R.HalfNormal(1.0, name="s"), R.HalfNormal(1.0, name="sigma")
    x = R.AR([0.6, -0.3], s, init_dist=R.Normal([0.5, 1.0], [2.0, 1.5]), steps=20, name="x")
    return _seen(x, rng, sigma), [s, sigma, x], {"s": 0.4, "sigma": 0.8}


def coefficients_that_remain(rng):
    rho, sigma = R.Uniform(-1.0, 1.0, shape=(3,), name="rho"), R.HalfNormal(1.0, name="sigma")
    x = R.AR(rho, sigma, init_dist=R.Normal(0.0, sigma), steps=12, constant=True, name="x")
    return _seen(x, rng, 0.7), [rho, sigma, x], {"rho": np.array([0.3, 0.5, -0.4]), "sigma": 0.8}


def batch_of_autoregressions(rng):
    rho, s = R.Uniform(-1.0, 1.0, shape=(2, 1), name="rho"), R.HalfNormal(1.0, shape=(2,), name="s")
    x = R.AR(rho, s, init_dist=R.Normal(0.0, 1.5), steps=7, name="x")
    return _seen(x, rng, 0.7), [rho, s, x], {"rho": np.array([[0.3], [-0.8]]), "s": np.array([0.5, 1.5])}


def vector_of_first_values(rng):
    s = R.HalfNormal(1.0, name="s")
    x = R.AR([0.6, -0.3], s, init_dist=R.MvNormal([0.5, 1.0], chol=FACTOR), steps=8, name="x")
    return _seen(x, rng, 0.7), [s, x], {"s": 0.4}


def observed_autoregression(rng):
    rho, sigma = R.Normal(0.0, [1.0, 0.5, 0.5], name="rho"), R.HalfNormal(1.0, name="sigma")
    y = R.AR(rho, sigma, init_dist=R.StudentT(3.0), steps=30, constant=True, name="y")
    return {y: rng.normal(size=y.shape)}, [rho, sigma], {"sigma": 0.8}


def unknown_constant(rng):
    level, s = R.Normal(0.0, 2.0, name="level"), R.HalfNormal(1.0, name="s")
    x = R.AR(T.stack([level, 0.6]), s, init_dist=R.Normal(0.0, 2.0), steps=9, constant=True, name="x")
    return _seen(x, rng, 0.7), [level, s, x], {"level": 1.3, "s": 0.4}  # the constant is read off a vector with other coefficients


def observed_walk_with_unknown_drift(rng):
    mu, sigma = R.Normal(0.0, 1.0, name="mu"), R.HalfNormal(1.0, name="sigma")
    y = R.RandomWalk(R.Laplace(0.0, 1.0), R.Normal(mu, sigma), steps=9, name="y")
    return {y: rng.normal(size=y.shape)}, [mu, sigma], {"sigma": 0.8}


def observed_walk_of_vectors_with_unknown_drift(rng):
    mu, s = R.Normal(0.0, 1.0, shape=(2,), name="mu"), R.HalfNormal(1.0, name="s")
    start = R.MvStudentT(4.0, Sigma=np.eye(2))
    y = R.MvGaussianRandomWalk(mu, chol=s * FACTOR, init_dist=start, shape=(3, 5, 2), name="y")
    return {y: rng.normal(size=y.shape)}, [mu, s], {"s": 0.8}


def walk_of_vectors(rng):
    sigma = R.HalfNormal(1.0, name="sigma")
    x = R.MvGaussianRandomWalk([0.1, -0.2], chol=FACTOR, init_dist=R.MvNormal([0.5, 1.0], chol=2 * FACTOR), steps=9, name="x")
    return _seen(x, rng, sigma), [sigma, x], {"sigma": 0.8}


def scaled_walk_of_vectors(rng):
    s, mu = R.HalfNormal(1.0, name="s"), R.Normal(0.0, 1.0, shape=(2,), name="mu")
    x = R.MvGaussianRandomWalk(mu, chol=s * FACTOR, init_dist=R.MvNormal(mu, chol=FACTOR), shape=(2, 5, 2), name="x")
    return _seen(x, rng, 0.7), [s, mu, x], {"s": 0.4}


def walk_of_vectors_with_unknown_covariance(rng):
    a = R.HalfNormal(1.0, shape=(2,), name="a")
    x = R.MvGaussianRandomWalk([0.1, -0.2], cov=T.diag(a) + 0.3, init_dist=R.MvNormal([0.5, 1.0], np.eye(2)), steps=6, name="x")
    return _seen(x, rng, 0.7), [a, x], {"a": np.array([0.7, 1.9])}


def walks_with_steps_that_differ(rng):
    s = R.HalfNormal(1.0, name="s")
    factors = rng.uniform(0.5, 2.0, (4, 1, 1)) * FACTOR
    x = R.MvGaussianRandomWalk(
        rng.normal(size=(4, 2)), chol=factors, init_dist=R.MvNormal([0.5, 1.0], np.eye(2)), shape=(5, 2), name="x"
    )
    return _seen(x, rng, s), [s, x], {"s": 0.4}


MODELS = [f for f in list(globals().values()) if callable(f) and getattr(f, "__module__", "") == __name__ and f is not _seen]


@pytest.mark.parametrize("model", MODELS, ids=lambda f: f.__name__)
def test_block_is_integrated_out_exactly(model, rng):
    values, latent, others = model(rng)
    joint, plan = compiled(values, latent)
    assert {x.name for x in plan.joint.latents} == set(others)
    check(joint, plan, others)


def test_product_of_unknown_coefficient_and_unknown_series_is_no_block_of_both(rng):
    rho = R.Normal(0.0, 1.0, shape=(1,), name="rho")
    x = R.AR(rho, 0.5, init_dist=R.Normal(0.0, 2.0), steps=6, name="x")
    joint, plan = compiled(_seen(x, rng, 0.7), [rho, x])
    left = {v.name for v in plan.joint.latents}
    assert len(left) == 1
    check(joint, plan, {"rho": np.array([0.4]), "x": rng.normal(size=7)})


@pytest.mark.parametrize(
    "make",
    [
        lambda: R.AR([0.5], 0.5, init_dist=R.Laplace(0.0, 1.0), steps=6, name="x"),
        lambda: R.RandomWalk(R.Laplace(0.0, 1.0), R.Normal(0.0, 1.0), steps=6, name="x"),
        lambda: R.RandomWalk(R.Normal(0.0, 1.0), R.Laplace(0.0, 1.0), steps=6, name="x"),
        lambda: R.RandomWalk(R.StudentT(3.0), R.StudentT(3.0), steps=6, name="x"),
        lambda: R.MvStudentTRandomWalk(nu=3.0, mu=np.zeros(2), scale=np.eye(2), steps=6, name="x"),
    ],
)
def test_series_that_are_not_gaussian_stay(make, rng):
    x = make()
    _, plan = compiled(_seen(x, rng, 0.7), [x])
    assert [v.name for v in plan.joint.latents] == ["x"]
