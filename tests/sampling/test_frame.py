"""Frames: coordinates that are settled in warm-up leave the posterior as it is and take funnels away."""

import jax.numpy as jnp
import numpy as np
import pytest
from arviz import ess

from symjax import SamplingError
from symjax.sampling import FlatVariable, Frame, LogDensity, Observations, sample
from symjax.sampling._frame import Converter, observe

SCHOOLS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def centred(x, y, sigma):
    """Eight schools: mu, log tau, theta."""
    mu, log_tau, theta = x[0], x[1], x[2:]
    tau = jnp.exp(log_tau)
    prior = -(mu**2) / 50 - jnp.log1p((tau / 5) ** 2) + log_tau
    return prior - 0.5 * jnp.sum(((theta - mu) / tau) ** 2) - 8 * log_tau - 0.5 * jnp.sum(((y - theta) / sigma) ** 2)


def shrunk(x, observations):
    tau2 = jnp.exp(2 * x[1])
    share = 1 / (1 + tau2 * observations.precision[2:])
    return share * (x[0] + tau2 * observations.pull[2:]), jnp.exp(x[1]) * jnp.sqrt(share)


def to_model(u, observations, data):
    location, scale = shrunk(u, observations)
    return jnp.concatenate([u[:2], location + scale * u[2:]])


def from_model(x, observations, data):
    location, scale = shrunk(x, observations)
    return jnp.concatenate([x[:2], (x[2:] - location) / scale])


def observed(x, gradient, observations, data):
    _, scale = shrunk(x, observations)
    return x, jnp.concatenate([gradient[:2], gradient[2:] / scale + (x[2:] - x[0]) * jnp.exp(-2 * x[1])])


def density(u, discrete, data):
    (y, sigma), observations = data
    return centred(to_model(u, observations, ()), y, sigma) + jnp.log(shrunk(u, observations)[1]).sum()


def make(**changes):
    frame = Frame(to_model, from_model, observed, (), np.arange(10) >= 2)
    return LogDensity(**{"function": density, "data": SCHOOLS, "size": 10, "frame": frame} | changes)


PLAIN = LogDensity(lambda x, discrete, data: centred(x, *data), SCHOOLS, 10)


def test_observations_of_a_gaussian_likelihood_are_exact():
    converter = Converter(make().frame)
    rng = np.random.default_rng(0)
    u, before = rng.normal(size=(70, 10)), Observations(rng.normal(size=10), rng.uniform(0, 1, 10))
    y, sigma = SCHOOLS
    x = converter.models(u, before)
    tau2 = np.exp(2 * x[:, 1:2])
    share = 1 / (1 + tau2 * before.precision[2:])
    gradients = np.concatenate([u[:, :2], ((y - x[:, 2:]) / sigma**2 - (x[:, 2:] - x[:, :1]) / tau2) * np.sqrt(tau2 * share)], 1)
    values, pulls = converter.observed(u, gradients, before)
    np.testing.assert_allclose(pulls[:, 2:], (y - x[:, 2:]) / sigma**2, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(converter.positions(x, before), u, rtol=1e-9, atol=1e-9)
    found = observe(values, pulls, make().frame.chosen, before)
    np.testing.assert_allclose(found.precision[2:], 1 / sigma**2, rtol=1e-6)
    np.testing.assert_allclose(found.pull[2:], y / sigma**2, rtol=1e-6)
    np.testing.assert_array_equal(found.precision[:2], before.precision[:2])


def test_noise_is_no_observation():
    rng = np.random.default_rng(1)
    everywhere = np.ones(200, bool)
    found = observe(rng.normal(size=(30, 200)), rng.normal(size=(30, 200)), everywhere, Observations.none(200))
    # without shrinkage half of the slopes would be positive, with a mean of 0.15 among them
    assert (found.precision >= 0).all() and np.mean(found.precision) < 0.05
    before = Observations(np.ones(200), np.ones(200))
    stuck = observe(np.zeros((30, 200)), rng.normal(size=(30, 200)), everywhere, before)
    assert (stuck.precision == 1).all() and (stuck.pull == 1).all()


def test_no_funnel_is_left_and_the_posterior_stays():
    options = {"random_seed": 3, "progressbar": False, "cores": 2}
    plain = sample(PLAIN, np.zeros((4, 10)), target_accept=0.99, thin=10, **options)
    framed = sample(make(), np.zeros((4, 10)), **options)
    assert not framed.statistics["diverging"].any()
    for i in range(10):
        x, y = framed.positions[..., i], plain.positions[..., i]
        assert float(ess(x, chain_axis=0, draw_axis=1)) > 2000
        for f in (lambda v: v, np.square):
            a, b = f(x), f(y)
            error = np.hypot(*(v.std() / np.sqrt(float(ess(v, chain_axis=0, draw_axis=1, method="mean"))) for v in (a, b)))
            assert abs(a.mean() - b.mean()) < 5 * error, i


def test_draws_are_positions_of_the_model_and_do_not_depend_on_threads():
    options = {"draws": 40, "tune": 150, "random_seed": 1, "progressbar": False, "keep_warmup": True}
    one, four = (sample(make(), np.zeros((4, 10)), cores=cores, **options) for cores in (1, 4))
    assert (one.positions == four.positions).all() and (one.warmup_positions == four.warmup_positions).all()
    for positions in (one.positions, one.warmup_positions):
        # theta is near its data or near mu, which coordinates of unit scale are not
        assert positions[..., 2:].std() > 3
    vectorized = sample(make(), np.zeros((4, 10)), compute="vectorized", **options)
    np.testing.assert_allclose(vectorized.warmup_positions[:, :20], one.warmup_positions[:, :20], rtol=1e-5, atol=1e-6)
    assert np.isfinite(vectorized.positions).all()


def test_starts_are_positions_of_the_model():
    start = np.arange(10.0)[None] / 3
    found = sample(make(), start, draws=1, tune=0, jitter=False, max_treedepth=1, random_seed=0, progressbar=False)
    near = sample(PLAIN, start, draws=1, tune=0, jitter=False, max_treedepth=1, random_seed=0, progressbar=False)
    assert np.abs(found.positions - start).max() < 3 and np.abs(near.positions - start).max() < 3


def test_message_of_a_start_names_terms():
    target = make(
        function=lambda u, discrete, data: density(u, discrete, data) - jnp.inf,
        terms=lambda u, discrete, data: {"y": data[1].precision[0] - np.inf, "theta": u[2]},
        variables=(FlatVariable("x", 0, 10),),
    )
    with pytest.raises(SamplingError, match="'y' has log density"):
        sample(target, np.zeros((1, 10)), draws=1, tune=0, random_seed=0, progressbar=False)
