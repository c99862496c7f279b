"""`gradients`, `grad`, `jacobians`, `hessians` against JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import symjax
import symjax.tensor as T
from symjax._errors import ShapeError

V = np.array([0.3, -1.2, 2.0])


def loss(x, lib):
    return lib.sum(lib.sin(x) * x**2) + lib.exp(x[0] * x[1])


@pytest.fixture
def x():
    return T.Placeholder((3,), "float64", name="x")


def reference(transform):
    with jax.enable_x64(True):
        return np.asarray(transform(lambda v: loss(v, jnp))(jnp.asarray(V)))


def test_gradient_and_its_loss_in_one_function(x):
    value = loss(x, T)
    found, gradient = symjax.function(x, outputs=[value, symjax.gradients(value, x)])(V)
    np.testing.assert_allclose(found, loss(V, np), rtol=1e-14)
    np.testing.assert_allclose(gradient, reference(jax.grad), rtol=1e-13)


def test_second_and_third_order(x):
    g = symjax.gradients(loss(x, T), x)
    second = symjax.gradients((g**2).sum(), x)
    np.testing.assert_allclose(
        second.eval({x: V}), reference(lambda f: jax.grad(lambda v: (jax.grad(f)(v) ** 2).sum())), rtol=1e-12
    )
    third = symjax.grad(symjax.grad(symjax.grad(x[0] ** 4, x)[0], x)[0], x)[0]
    np.testing.assert_allclose(third.eval({x: V}), 24 * V[0], rtol=1e-13)


def test_by_inner_nodes_and_several_variables(x):
    y = x * 2
    z = (y**2).sum() + x[0]
    gy, gx = symjax.gradients(z, [y, x])
    np.testing.assert_allclose(gy.eval({x: V}), 4 * V)
    # with `y` a variable of its own, what is left to `x` is its direct part
    np.testing.assert_allclose(gx.eval({x: V}), [1, 0, 0])
    np.testing.assert_allclose(symjax.gradients(z, x).eval({x: V}), 8 * V + np.array([1, 0, 0]))


def test_by_variables_and_through_updates():
    w = T.Variable(np.array([1.0, 2.0]), name="w")
    step = symjax.function(outputs=(w**2).sum(), updates={w: w - 0.1 * symjax.gradients((w**2).sum(), w)})
    assert [round(float(step()), 10) for _ in range(2)] == [5.0, 3.2]


def test_substitution_reaches_the_loss_of_a_gradient(x):
    y = T.Placeholder((3,), "float64")
    gradient = symjax.gradients((x**3).sum(), x)
    np.testing.assert_allclose(symjax.clone(gradient, {x: y * 2}).eval({y: V}), 12 * V**2)


def test_grad_in_theanos_spelling(x):
    y = T.dscalar("y")
    assert isinstance(symjax.grad(x.sum(), [x]), list)
    with pytest.raises(ValueError, match="does not depend on"):
        symjax.grad(x.sum(), y)
    assert symjax.grad(x.sum(), y, disconnected_inputs="ignore").eval({x: V, y: 1.0}) == 0
    assert symjax.gradients(x.sum(), y).eval({x: V, y: 1.0}) == 0


@pytest.mark.parametrize("mode", ["forward", "backward"])
def test_jacobians(x, mode):
    with jax.enable_x64(True):
        wanted = jax.jacfwd(lambda v: jnp.outer(jnp.sin(v), v[:2]))(jnp.asarray(V))
    found = symjax.jacobians(T.outer(T.sin(x), x[:2]), x, mode=mode)
    assert found.shape == (3, 2, 3)
    np.testing.assert_allclose(found.eval({x: V}), wanted, rtol=1e-13)


def test_hessians(x):
    np.testing.assert_allclose(symjax.hessians(loss(x, T), x).eval({x: V}), reference(jax.hessian), rtol=1e-12)


def test_what_has_no_derivative_says_so(x):
    i = T.lvector("i")
    with pytest.raises(ShapeError, match="gradients needs a scalar"):
        symjax.gradients(x, x)
    with pytest.raises(TypeError, match="only a float tensor has a derivative"):
        symjax.gradients(x.sum(), i)
    with pytest.raises(TypeError, match="target must be a float tensor"):
        symjax.gradients(i.sum(), x)
    with pytest.raises(ValueError, match="`mode`"):
        symjax.jacobians(x, x, mode="sideways")


def test_many_gradients_of_a_shared_subgraph(x):
    shared = T.exp(x).sum()
    losses = [shared * k for k in range(1, 4)]
    found = symjax.function(x, outputs=[symjax.gradients(v, x) for v in losses])(V)
    for k, value in enumerate(found, 1):
        np.testing.assert_allclose(value, k * np.exp(V), rtol=1e-14)
