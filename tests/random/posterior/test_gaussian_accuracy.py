"""Digits of Gaussian integrals: data far from zero and scales far apart, against sixty digits; derivatives; better coordinates."""

from __future__ import annotations

import decimal
import math

import jax
import numpy as np
import pytest
from gaussian_reference import check, compiled, total

import symjax.random as R
import symjax.tensor as T
from symjax.random.posterior._gaussian_forms import CONSTANT, Entries, Form, unknowns
from symjax.random.posterior._gaussian_scales import UNIT
from symjax.random.posterior._gaussian_spectrum import spectrum_of
from symjax.random.posterior._joint import Joint

_PI = "3.14159265358979323846264338327950288419716939937510582097494459"


def _log_integral(values, latent):
    """What takes the place of the Gaussian factors, as a function of the latents that remain."""
    _, plan = compiled(values, latent)
    terms = tuple(f for f in plan.joint.factors if not f.is_prior)
    run = jax.jit(total(Joint(plan.joint.latents, terms), plan.joint.latents))

    def value(*others):
        with jax.enable_x64(True):
            return float(run(*map(np.float64, others)))

    return value, plan


def _walk(y, prior):
    s, sigma = R.HalfCauchy(1.0, name="s"), R.HalfCauchy(1.0, name="sigma")
    x = R.GaussianRandomWalk(0.0, s, init_dist=R.Normal(0.0, prior), steps=len(y) - 1, name="x")
    return _log_integral({R.Normal(x, sigma, name="y"): y}, [s, sigma, x])


def _walk_in_digits(y, s, sigma, prior):
    """The log density of observations of a random walk, by filtering."""
    exact = decimal.Decimal
    with decimal.localcontext(prec=60):
        mean, variance, found = exact(0), exact(prior) ** 2, exact(0)
        for k, value in enumerate(y.tolist()):
            variance += exact(s) ** 2 if k else 0
            whole, error = variance + exact(sigma) ** 2, exact(value) - mean
            found -= ((2 * exact(_PI) * whole).ln() + error * error / whole) / 2
            gain = variance / whole
            mean, variance = mean + gain * error, variance * (1 - gain)
        return float(found)


def _layout(y, sigma, prior, centred):
    mu, tau = R.Normal(0.0, prior, name="mu"), R.HalfCauchy(5.0, name="tau")
    z = R.Normal(mu, tau, shape=y.shape, name="z") if centred else R.Normal(0.0, 1.0, shape=y.shape, name="z")
    return _log_integral({R.Normal(z if centred else mu + tau * z, sigma): y}, [mu, tau, z])


def _layout_in_digits(y, sigma, prior, tau):
    exact = decimal.Decimal
    with decimal.localcontext(prec=60):
        v = [exact(s) ** 2 + exact(tau) ** 2 for s in sigma.tolist()]
        y, m = [exact(a) for a in y.tolist()], exact(prior) ** 2
        weights = sum(1 / x for x in v)
        quadratic = sum(a * a / x for a, x in zip(y, v)) - sum(a / x for a, x in zip(y, v)) ** 2 / (weights + 1 / m)
        log_det = sum(x.ln() for x in v) + (1 + m * weights).ln()
        return float(-(log_det + quadratic) / 2 - len(v) * (2 * exact(_PI)).ln() / 2)


SCALES = [1e-8, 1e-6, 1e-4, 1e-2, 1.0, 1e2, 1e4, 1e6, 1e8]


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("offset", [0.0, 1e5, 1e6, 1e7, 1e8])
def test_layout_far_from_zero(offset, centred):
    rng = np.random.default_rng(3)
    sigma, y = rng.uniform(1, 3, 8), offset + rng.normal(0, 3, 8)
    value, _ = _layout(y, sigma, max(offset, 10.0), centred)
    for tau in SCALES[:6]:
        expected = _layout_in_digits(y, sigma, max(offset, 10.0), tau)
        assert abs(value(tau) - expected) < 1e-10 + 3e-15 * offset


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("prior", [1.0, 1e3, 1e6])
def test_layout_with_scales_far_apart(prior, centred):
    rng = np.random.default_rng(4)
    sigma, y = rng.uniform(1, 3, 8), rng.normal(0, 3, 8)
    value, _ = _layout(y, sigma, prior, centred)
    for tau in SCALES:
        got, expected = value(tau), _layout_in_digits(y, sigma, prior, tau)
        assert abs(got - expected) < 1e-10 * (1 + abs(expected))


@pytest.mark.parametrize("n", [20, 100, pytest.param(600, marks=pytest.mark.slow)])
@pytest.mark.parametrize("offset", [0.0, 1e6, 1e8])
def test_random_walk_with_scales_far_apart(n, offset):
    rng = np.random.default_rng(5)
    y = offset + np.cumsum(rng.normal(size=n)) + rng.normal(size=n)
    value, _ = _walk(y, max(offset, 2.0))
    for s in SCALES:
        got, expected = value(s, 1.0), _walk_in_digits(y, s, 1.0, max(offset, 2.0))
        assert abs(got - expected) < 1e-10 * (1 + abs(expected)), s
        got, expected = value(1.0, s), _walk_in_digits(y, 1.0, s, max(offset, 2.0))
        assert abs(got - expected) < 1e-10 * (1 + abs(expected)), s


@pytest.mark.slow
def test_long_random_walk_is_right_or_nan():
    """Too long for other coordinates: where elimination loses digits the integral is nan, not wrong."""
    rng = np.random.default_rng(5)
    y = np.cumsum(rng.normal(size=900)) + rng.normal(size=900)
    value, plan = _walk(y, 2.0)
    assert "steps" in plan.applied[0].reason
    for s in SCALES:
        got, expected = value(s, 1.0), _walk_in_digits(y, s, 1.0, 2.0)
        assert abs(got - expected) < 1e-6 * (1 + abs(expected)) or (math.isnan(got) and s < 1e-5), s


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_autoregression_is_right_or_nan(offset):
    """The steps' rows are of two scales, neither of which the other latents' values make small."""
    rng = np.random.default_rng(6)
    rho, s, sigma = R.Uniform(0.0, 2.0, name="rho"), R.HalfCauchy(1.0, name="s"), R.HalfCauchy(1.0, name="sigma")
    y = offset + np.cumsum(rng.normal(size=30)) + rng.normal(size=30)
    x = [R.Normal(0.0, max(offset, 2.0), name="x0")]
    for t in range(1, 30):
        x.append(R.Normal(rho * x[-1], s, name=f"x{t}"))
    value, _ = _log_integral({R.Normal(T.stack(x), sigma, name="y"): y}, [rho, s, sigma, *x])
    for size in SCALES:
        got, expected = value(1.0, size, 1.0), _walk_in_digits(y, size, 1.0, max(offset, 2.0))
        assert abs(got - expected) < 1e-6 * (1 + abs(expected)) or (math.isnan(got) and size < 1e-2), size


def test_second_derivatives():
    """The residuals at the minimum are not held fixed where the gradient is differentiated again."""
    rng = np.random.default_rng(7)
    y, sizes = rng.normal(size=30), np.array([0.7, 1.3])
    s, sigma = R.HalfNormal(1.0, name="s"), R.HalfNormal(1.0, name="sigma")
    x = R.GaussianRandomWalk(0.0, s, init_dist=R.Normal(0.0, 2.0), steps=29, name="x")
    _, plan = compiled({R.Normal(x, sigma, name="y"): y}, [s, sigma, x])
    run = total(plan.joint, plan.joint.latents)

    def expected(z):
        steps = np.minimum.outer(np.arange(30), np.arange(30))
        cov = 4.0 + z[0] ** 2 * steps + z[1] ** 2 * np.eye(30)
        quadratic = y @ jax.numpy.linalg.solve(cov, y)
        return -0.5 * (quadratic + jax.numpy.linalg.slogdet(cov)[1]) - 0.5 * (z[0] ** 2 + z[1] ** 2)

    with jax.enable_x64(True):
        got = jax.jit(jax.hessian(lambda z: run(z[0], z[1])))(sizes)
        np.testing.assert_allclose(got, jax.hessian(expected)(sizes), rtol=1e-8)
        many = jax.jit(jax.vmap(lambda z: run(z[0], z[1])))(np.stack([sizes, 2 * sizes]))
        np.testing.assert_allclose(many, [run(*sizes), run(*(2 * sizes))], rtol=1e-12)


def _drifting(rng):
    s, sigma = R.HalfNormal(1.0, name="s"), R.HalfNormal(1.0, name="sigma")
    drift, level = R.Normal(0.0, 1.0, name="drift"), R.Normal(0.0, 1.0, shape=(2,), name="level")
    x = R.GaussianRandomWalk(drift, s, init_dist=R.Normal(0.0, 2.0), steps=59, name="x")
    seen = np.sort(rng.choice(60, 45, replace=False))
    y = R.Normal(x[seen] + level[rng.integers(0, 2, 45)], sigma, name="y")
    return {y: rng.normal(size=45)}, [s, sigma, drift, level, x], {"s": 0.3, "sigma": 0.8}


def _smooth(rng):
    """Second differences of many values, all seen: no unknown has a prior of its own."""
    s, sigma = R.HalfNormal(1.0, name="s"), R.HalfNormal(1.0, name="sigma")
    x = R.Flat(shape=(50,), name="x")
    bends = R.Normal(x[2:] - 2 * x[1:-1] + x[:-2], s, name="bends")
    y = R.Normal(x, sigma, name="y")
    return {y: rng.normal(size=50), bends: np.zeros(48)}, [s, sigma, x], {"s": 0.3, "sigma": 0.8}


@pytest.mark.parametrize("build", [_drifting, _smooth])
def test_better_coordinates_are_exact(build):
    values, latent, others = build(np.random.default_rng(8))
    joint, plan = compiled(values, latent)
    assert {x.name for x in plan.joint.latents} == set(others)
    check(joint, plan, others)


def _rows(matrix, scale):
    rows, cols = np.nonzero(matrix)
    return Form((len(matrix),), (Entries(rows, cols, matrix[rows, cols], scale),))


def test_spectrum_makes_two_scales_diagonal():
    a, b = (frozenset([(R.HalfNormal(1.0, name=k), -1)]) for k in "ab")
    steps = np.diff(np.eye(30), axis=0)
    found = spectrum_of([_rows(steps, a), _rows(np.eye(30)[3:], b)], 30)
    for form in found.forms:
        for p in form.parts:
            assert (np.bincount(p.rows[p.cols != CONSTANT]) <= 1).all()
    gram = sum(np.bincount(p.cols, p.numbers**2 * (9.0 if p.scale == a else 0.25), 30) for form in found.forms for p in form.parts)
    expected = found.matrix.T @ (9 * steps.T @ steps + 0.25 * np.diag(np.arange(30) > 2)) @ found.matrix
    np.testing.assert_allclose(np.diag(gram), expected, atol=1e-12 * gram.max())
    assert abs(found.log_det - np.linalg.slogdet(found.matrix)[1]) < 1e-10


@pytest.mark.parametrize("case", ["three scales", "few", "not determined", "rows of two scales"])
def test_spectrum_is_not_taken(case):
    a, b, c = (frozenset([(R.HalfNormal(1.0, name=k), -1)]) for k in "abc")
    n = 8 if case == "few" else 30
    steps, seen = np.diff(np.eye(n), axis=0), np.eye(n)
    forms = [_rows(steps, a), _rows(seen, b)]
    if case == "three scales":
        forms.append(_rows(seen, c))
    elif case == "not determined":
        forms[1] = _rows(steps[::2], b)
    elif case == "rows of two scales":
        forms[0] = Form((n - 1,), (*_rows(np.maximum(steps, 0), a).parts, *_rows(np.minimum(steps, 0), b).parts))
    assert spectrum_of(forms, n) is None
    assert spectrum_of([unknowns((n,), 0)], n) is None and UNIT == frozenset()
