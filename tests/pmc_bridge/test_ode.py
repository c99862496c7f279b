"""Ordinary differential equations: states, sensitivities and gradients against closed forms and scipy."""

import jax
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg

import symjax
import symjax.pmc_bridge as pm
import symjax.tensor as T
from symjax import ShapeError

pytest.importorskip("diffrax")
TIMES = np.array([0.3, 1.0, 2.5])


def linear(y, t, p):
    return [p[0] * y[0] - p[1] * y[1], p[1] * y[0] + p[0] * y[1]]


def solution(y0, theta):
    matrix = np.array([[theta[0], -theta[1]], [theta[1], theta[0]]])
    return np.array([scipy.linalg.expm(t * matrix) @ y0 for t in TIMES])


def test_states_and_sensitivities_have_their_closed_form():
    equation = pm.ode.DifferentialEquation(linear, TIMES, n_states=2, n_theta=2)
    y0, theta, h = np.array([1.0, 0.5]), np.array([-0.3, 2.0]), 1e-6
    states, sensitivities = equation(y0, theta, return_sens=True)
    np.testing.assert_allclose(states.eval(), solution(y0, theta), rtol=1e-6)
    shifts = h * np.eye(2)
    expected = [(solution(y0 + s, theta) - solution(y0 - s, theta)) / (2 * h) for s in shifts]
    expected += [(solution(y0, theta + s) - solution(y0, theta - s)) / (2 * h) for s in shifts]
    np.testing.assert_allclose(sensitivities.eval(), np.stack(expected, -1), rtol=1e-5, atol=1e-6)


def test_gradients_are_those_of_the_sensitivities():
    equation = pm.ode.DifferentialEquation(linear, TIMES, n_states=2, n_theta=2)
    y0, theta = T.Placeholder((2,), "float64"), T.Placeholder((2,), "float64")
    weights = np.arange(6.0).reshape(3, 2)
    function = symjax.to_jax((equation(y0, theta) * weights).sum(), [y0, theta])
    point = np.array([1.0, 0.5]), np.array([-0.3, 2.0])
    sensitivities = equation(*point, return_sens=True)[1].eval()
    with jax.enable_x64(True):
        found = np.concatenate(jax.grad(function, (0, 1))(*point))
    np.testing.assert_allclose(found, np.einsum("ts,tsi->i", weights, sensitivities), rtol=1e-6)


def test_time_enters_the_equation():
    equation = pm.ode.DifferentialEquation(lambda y, t, p: p[0] * T.cos(t) * y[0], TIMES, n_states=1, n_theta=1, t0=0.1)
    found = equation([2.0], [0.7]).eval().ravel()
    np.testing.assert_allclose(found, 2 * np.exp(0.7 * (np.sin(TIMES) - np.sin(0.1))), rtol=1e-6)


def test_a_nonlinear_equation_is_scipys():
    def lotka_volterra(y, t, p):
        return [p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]]

    times, y0, theta = np.linspace(0.5, 15, 8), [10.0, 5.0], [0.55, 0.028, 0.84, 0.026]
    found = pm.ode.DifferentialEquation(lotka_volterra, times, n_states=2, n_theta=4)(y0, theta).eval()
    expected = scipy.integrate.solve_ivp(
        lambda t, y: lotka_volterra(y, t, theta), (0, 15), y0, t_eval=times, rtol=1e-10, atol=1e-10
    )
    np.testing.assert_allclose(found, expected.y.T, rtol=1e-5)


def test_wrong_arguments_are_named():
    equation = pm.ode.DifferentialEquation(linear, TIMES, n_states=2, n_theta=2)
    with pytest.raises(ShapeError, match=r"'y0' must have shape \(2,\), got \(1,\)"):
        equation([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="'times' must increase"):
        pm.ode.DifferentialEquation(linear, [1.0, 0.5], n_states=2, n_theta=2)
    with pytest.raises(ValueError, match="must be at least 1"):
        pm.ode.DifferentialEquation(linear, TIMES, n_states=0, n_theta=2)


def test_a_rate_is_found():
    rate, noise = 0.8, 0.02
    y = 3 * np.exp(-rate * TIMES) + noise * np.array([0.3, -1.0, 0.5])
    decay = pm.ode.DifferentialEquation(lambda y, t, p: [-p[0] * y[0]], TIMES, n_states=1, n_theta=1)
    with pm.Model():
        k = pm.HalfNormal("k", 2.0)
        pm.Normal("y", decay([3.0], [k])[:, 0], noise, observed=y)
        tree = pm.sample(500, tune=500, chains=2, random_seed=1, progressbar=False)
    draws = tree.posterior["k"].values
    information = np.sum((3 * TIMES * np.exp(-rate * TIMES) / noise) ** 2)
    assert abs(draws.mean() - rate) < 4 / np.sqrt(information)
    assert 0.7 < draws.std() * np.sqrt(information) < 1.4
