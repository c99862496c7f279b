"""PyMC's optimizers: their steps are those of PyMC's update rules."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax import variational


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def _reference(name, gradients, rate):
    """Steps of the update rules as they are written in the papers, starting from zero memory."""
    steps, v, squares, deltas, m, u, window = [], 0.0, 0.0, 0.0, 0.0, 0.0, []
    for t, g in enumerate(gradients, 1):
        if name == "sgd":
            step = -rate * g
        elif name in ("momentum", "nesterov_momentum"):
            v = 0.9 * v - rate * g
            step = v if name == "momentum" else 0.9 * v - rate * g
        elif name == "adagrad":
            squares = squares + g**2
            step = -rate * g / np.sqrt(squares + 1e-6)
        elif name == "adagrad_window":
            window = [*window[-9:], g**2]
            step = -rate * g / np.sqrt(sum(window) + 0.1)
        elif name == "rmsprop":
            squares = 0.9 * squares + 0.1 * g**2
            step = -rate * g / np.sqrt(squares + 1e-6)
        elif name == "adadelta":
            squares = 0.95 * squares + 0.05 * g**2
            change = g * np.sqrt(deltas + 1e-6) / np.sqrt(squares + 1e-6)
            deltas = 0.95 * deltas + 0.05 * change**2
            step = -rate * change
        elif name == "adam":
            m, squares = 0.9 * m + 0.1 * g, 0.999 * squares + 0.001 * g**2
            step = -rate * (m / (1 - 0.9**t)) / (np.sqrt(squares / (1 - 0.999**t)) + 1e-8)
        else:
            m, u = 0.9 * m + 0.1 * g, np.maximum(0.999 * u, np.abs(g))
            step = -rate * (m / (1 - 0.9**t)) / (u + 1e-8)
        steps.append(step)
    return np.array(steps)


@pytest.mark.parametrize(
    "name", ["sgd", "momentum", "nesterov_momentum", "adagrad", "adagrad_window", "rmsprop", "adadelta", "adam", "adamax"]
)
def test_steps(name, rng):
    gradients = rng.normal(size=(25, 3))
    optimizer = getattr(variational, name)(learning_rate=0.3)
    state, found = optimizer.init(jnp.zeros(3)), []
    for g in gradients:
        step, state = optimizer.update(g, state, jnp.zeros(3))
        found.append(step)
    np.testing.assert_allclose(found, _reference(name, gradients, 0.3), rtol=1e-6, atol=1e-12)


def test_momentum_is_applied_to_any_optimizer(rng):
    gradients = rng.normal(size=(5, 3))
    plain = _reference("adam", gradients, 0.1)
    for apply, nesterov in ((variational.apply_momentum, False), (variational.apply_nesterov_momentum, True)):
        optimizer = apply(variational.adam(learning_rate=0.1), momentum=0.5)
        state, velocity = optimizer.init(jnp.zeros(3)), 0.0
        for g, step in zip(gradients, plain, strict=True):
            found, state = optimizer.update(g, state, jnp.zeros(3))
            velocity = 0.5 * velocity + step
            np.testing.assert_allclose(found, 0.5 * velocity + step if nesterov else velocity, rtol=1e-6, atol=1e-12)


def test_norm_constraints(rng):
    matrix = rng.normal(size=(4, 3)) * np.array([0.01, 1.0, 10.0])
    found = np.asarray(variational.norm_constraint(matrix, 1.0))
    norms = np.linalg.norm(matrix, axis=0)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), np.minimum(norms, 1.0), rtol=1e-5)
    cube = rng.normal(size=(2, 3, 4))
    found = np.asarray(variational.norm_constraint(cube, 0.5))
    np.testing.assert_allclose(np.sqrt((found**2).sum((1, 2))), 0.5, rtol=1e-5)
    vector = np.asarray(variational.norm_constraint(np.array([3.0, 4.0]), 1.0, norm_axes=(0,)))
    np.testing.assert_allclose(vector, [0.6, 0.8], rtol=1e-5)
    with pytest.raises(ValueError, match="norm_axes"):
        variational.norm_constraint(np.ones(3), 1.0)


def test_total_norm_constraint():
    scaled, norm = variational.total_norm_constraint([np.array([3.0]), np.array(4.0)], 2.5, return_norm=True)
    assert norm == pytest.approx(5.0)
    np.testing.assert_allclose(np.concatenate([np.ravel(s) for s in scaled]), [1.5, 2.0], rtol=1e-5)
    assert variational.total_norm_constraint([1.0], 2.5)[0] == pytest.approx(1.0, rel=1e-5)


def test_a_window_needs_a_gradient():
    with pytest.raises(ValueError, match="n_win must be at least 1, got 0"):
        variational.adagrad_window(n_win=0)
