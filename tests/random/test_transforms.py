"""Transforms: round trips, log-Jacobians against JAX's derivatives, extremes, and the choice by support."""

import jax
import numpy as np
import pytest

import symjax
import symjax.random as R
import symjax.tensor as T
from symjax.random import transforms as tr

CHAIN = tr.Chain([tr.log, tr.ordered])
CASES = {
    "log": (tr.log, (3,), lambda z: np.all(z > 0)),
    "log_exp_m1": (tr.log_exp_m1, (3,), lambda x: np.all(x > 0)),
    "logodds": (tr.logodds, (3,), lambda x: np.all((x > 0) & (x < 1))),
    "interval": (tr.Interval(-1.0, 4.0), (3,), lambda x: np.all((x > -1) & (x < 4))),
    "lower": (tr.Interval(2.0, None), (3,), lambda x: np.all(x > 2)),
    "upper": (tr.Interval(None, -3.0), (3,), lambda x: np.all(x < -3)),
    "ordered": (tr.ordered, (2, 3), lambda x: np.all(np.diff(x) > 0)),
    "ordered positive": (tr.Ordered(positive=True), (2, 3), lambda x: np.all(np.diff(x) > 0) and np.all(x > 0)),
    "decreasing": (tr.Ordered(ascending=False), (3,), lambda x: np.all(np.diff(x) < 0)),
    "simplex": (tr.simplex, (2, 4), lambda x: np.allclose(x.sum(-1), 1) and np.all(x > 0)),
    "sum_to_1": (tr.sum_to_1, (2, 4), lambda x: np.allclose(x.sum(-1), 1)),
    "chain": (CHAIN, (3,), lambda x: np.all(np.diff(x) > 0) and np.all(x > 0)),
}


def functions(transform, shape):
    """inverse, forward and log_det as functions of arrays."""
    free = transform.unconstrained_shape(shape)
    z, x = T.Placeholder(free, "float64"), T.Placeholder(shape, "float64")
    inverse = symjax.to_jax(transform.inverse(z), [z])
    return inverse, symjax.to_jax(transform.forward(x), [x]), symjax.to_jax(transform.log_det(z), [z]), free


@pytest.mark.parametrize("name", CASES)
def test_round_trip_and_support(name, rng):
    transform, shape, inside = CASES[name]
    inverse, forward, _, free = functions(transform, shape)
    z = rng.normal(size=free)
    with jax.enable_x64(True):
        x = np.asarray(inverse(z))
        assert x.shape == shape and inside(x)
        np.testing.assert_allclose(forward(x), z, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_log_det_is_that_of_the_derivative(name, rng):
    transform, shape, _ = CASES[name]
    event = shape[len(shape) - transform.event_ndim :]
    inverse, _, log_det, free = functions(transform, event)
    z = rng.normal(size=free)
    with jax.enable_x64(True):
        jacobian = np.asarray(jax.jacfwd(inverse)(z)).reshape(-1, max(1, int(np.prod(free))))
        # a probability vector has one coordinate less than elements: the density is that of all but the last
        expected = np.linalg.slogdet(jacobian[: jacobian.shape[1]])[1]
        np.testing.assert_allclose(np.sum(log_det(z)), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["log", "log_exp_m1", "logodds", "interval", "lower", "upper", "ordered", "simplex"])
def test_log_det_stays_finite_far_out(name):
    transform, shape, _ = CASES[name]
    _, _, log_det, free = functions(transform, shape)
    for far in (-700.0, 700.0):
        z = np.full(free, far)
        with jax.enable_x64(True):
            assert np.all(np.isfinite(log_det(z)))
            assert np.all(np.isfinite(jax.grad(lambda v: log_det(v).sum())(z)))


def test_interval_with_bounds_on_different_sides():
    lower, upper = np.array([-np.inf, 2.0, -np.inf, 0.0]), np.array([np.inf, np.inf, -1.0, 4.0])
    transform = tr.Interval(lower, upper)
    alone = [tr.Interval(a, b) for a, b in zip(lower, upper, strict=True)]
    z = np.array([0.3, -2.0, 1.5, 0.7])
    inverse, forward, log_det, _ = functions(transform, (4,))
    with jax.enable_x64(True):
        x = np.asarray(inverse(z))
        np.testing.assert_allclose(x, [np.asarray(t.inverse(v).eval()) for t, v in zip(alone, z, strict=True)], rtol=1e-14)
        np.testing.assert_allclose(forward(x), z, rtol=1e-12)
        np.testing.assert_allclose(log_det(z), [np.asarray(t.log_det(v).eval()) for t, v in zip(alone, z, strict=True)])
        slopes = np.diagonal(jax.jacfwd(inverse)(z))
        np.testing.assert_allclose(np.log(np.abs(slopes)), log_det(z), rtol=1e-12, atol=1e-14)
        for far in (-700.0, 700.0):
            gradient = jax.grad(lambda v: inverse(v).sum() + log_det(v).sum())(np.full(4, far))
            assert np.all(np.isfinite(gradient))
    normal = R.TruncatedNormal(0.0, 1.0, lower=lower, upper=upper)
    found = tr.default_transform(normal.distribution.support(*normal.parents), normal.shape)
    np.testing.assert_allclose(np.asarray(found.inverse(z).eval()), x, rtol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_single_precision_stays_single(name, rng):
    transform, shape, inside = CASES[name]
    z = T.Placeholder(transform.unconstrained_shape(shape), "float32")
    x, log_det = transform.inverse(z), transform.log_det(z)
    assert x.dtype == log_det.dtype == transform.forward(x).dtype == np.float32
    at = rng.normal(size=z.shape).astype("float32")
    value, back = symjax.function(z, outputs=[x, transform.forward(x)])(at)
    assert inside(value)
    np.testing.assert_allclose(back, at, rtol=1e-4, atol=1e-5)


def test_circular_wraps():
    inverse, _, log_det, _ = functions(tr.circular, (2,))
    with jax.enable_x64(True):
        np.testing.assert_allclose(inverse(np.array([0.5, 0.5 + 2 * np.pi])), 0.5)
        np.testing.assert_array_equal(log_det(np.zeros(2)), 0.0)


@pytest.mark.parametrize(
    "variable, expected",
    [
        (lambda: R.Normal(0.0, 1.0), None),
        (lambda: R.Exponential(1.0), "log"),
        (lambda: R.Beta(1.0, 2.0), "logodds"),
        (lambda: R.Uniform(-1.0, 2.0), "interval"),
        (lambda: R.Pareto(1.0, 2.0), "interval"),
        (lambda: R.Dirichlet(np.ones(3)), "simplex"),
        (lambda: R.MvNormal(np.zeros(2), np.eye(2)), None),
        (lambda: R.Poisson(1.0), None),
        (lambda: R.TruncatedNormal(0.0, 1.0, lower=1.0), "interval"),
    ],
)
def test_default_comes_from_the_support(variable, expected):
    x = variable()
    found = tr.default_transform(x.distribution.support(*x.parents), x.shape)
    assert (None if found is None else found.name) == expected


def test_pymc_spelling():
    x = tr.log.backward(np.log(2.0))
    assert float(x.eval()) == pytest.approx(2.0)
    assert float(tr.log.log_jac_det(0.3).eval()) == pytest.approx(0.3)
