"""Families: draws have the moments and the density that they claim."""

import jax
import numpy as np
import pytest
from scipy import stats

from symjax.variational import Empirical, FullRank, MeanField, Product

N = 20_000


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def _member(family, rng):
    """Parameters with correlations, where the family has them."""
    start = family.start(np.array([1.0, -2.0, 0.5]), np.array([0.5, 1.0, 2.0]), rng)
    if isinstance(family, FullRank):
        start["L_tril"] = start["L_tril"] + 0.3
    return start


PRODUCT = Product(((FullRank(2), (2, 0)), (MeanField(1), (1,))))


def _product_member(rng):
    first = FullRank(2).start(np.array([0.5, 1.0]), np.array([2.0, 0.5]), rng)
    return {"mu": first["mu"], "L_tril": first["L_tril"] + 0.3}, MeanField(1).start(np.array([-2.0]), np.array([1.0]), rng)


@pytest.fixture(params=[MeanField(3), FullRank(3), PRODUCT], ids=["mean_field", "full_rank", "product"])
def member(request, rng):
    family = request.param
    return family, _product_member(rng) if family is PRODUCT else _member(family, rng)


def test_start_has_the_moments_asked_for(rng):
    for family in (MeanField(3), FullRank(3)):
        start = family.start(np.array([1.0, -2.0, 0.5]), np.array([0.5, 1.0, 2.0]), rng)
        np.testing.assert_allclose(family.mean(start), [1.0, -2.0, 0.5])
        np.testing.assert_allclose(family.std(start), [0.5, 1.0, 2.0], rtol=1e-12)
        assert {k: v.shape for k, v in start.items()} == family.shapes()


def test_log_density_is_the_normal_one(member, rng):
    family, parameters = member
    z = rng.normal(size=(5, 3))
    truth = stats.multivariate_normal(np.asarray(family.mean(parameters)), np.asarray(family.cov(parameters))).logpdf(z)
    np.testing.assert_allclose(family.log_density(parameters, z), truth, rtol=1e-10)


def test_draws_have_the_moments(member):
    family, parameters = member
    z = np.asarray(family.sample(parameters, jax.random.key(1), N))
    mean, cov = np.asarray(family.mean(parameters)), np.asarray(family.cov(parameters))
    std = np.sqrt(np.diag(cov))
    np.testing.assert_allclose(family.std(parameters), std, rtol=1e-12)
    assert np.all(np.abs(z.mean(0) - mean) < 5 * std / np.sqrt(N))
    # the variance of a product of two normals' deviations is at most 2 times that of the product of their scales
    assert np.all(np.abs(np.cov(z, rowvar=False) - cov) < 5 * np.sqrt(2.0 / N) * np.outer(std, std))


def test_particles(rng):
    family = Empirical(2, 7)
    start = family.start(np.array([1.0, 2.0]), np.array([0.1, 0.2]), rng)
    particles = start["histogram"]
    assert particles.shape == (7, 2)
    np.testing.assert_allclose(family.mean(start), particles.mean(0))
    np.testing.assert_allclose(family.cov(start), np.cov(particles, rowvar=False, bias=True))
    np.testing.assert_allclose(np.sqrt(np.diag(family.cov(start))), family.std(start))
    drawn = np.asarray(family.sample(start, jax.random.key(0), 50))
    assert {tuple(r) for r in drawn} <= {tuple(r) for r in particles}
    np.testing.assert_array_equal(family.points(start, jax.random.key(0), 3), particles)
    with pytest.raises(NotImplementedError, match="no density"):
        family.log_density(start, drawn)
