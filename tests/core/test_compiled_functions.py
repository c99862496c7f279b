"""`function`, `eval`, `clone`, `to_jax`: inputs, outputs, updates, givens, and their errors."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import symjax
import symjax.tensor as T
from symjax._errors import MissingInputError, ShapeError


def test_outputs_keep_their_structure():
    x = T.Placeholder((), "float64")
    f = symjax.function(x, outputs={"a": x + 1, "b": [x * 2, (x, {"c": x**2})]})
    assert f(3.0) == {"a": 4.0, "b": [6.0, (3.0, {"c": 9.0})]}
    assert symjax.function(x, outputs=[])(1.0) == []
    assert isinstance(symjax.function(x, outputs=x)(1.0), np.ndarray)
    assert isinstance(symjax.function(x, outputs=x)(1.0, device_get=False), jax.Array)


def test_theanos_form():
    x, y = T.dscalars("x", "y")
    assert symjax.function([x, y], x - y)(3, 1) == 2
    assert symjax.function([x, y], [x - y, x])(3, 1) == [2, 3]
    assert symjax.function([], T.constant(2.0))() == 2


def test_updates_happen_together_after_the_outputs():
    a, b = T.Variable(1.0, name="a"), T.Variable(2.0, name="b")
    f = symjax.function(outputs=a, updates={a: b, b: a + b})
    assert [float(f()) for _ in range(3)] == [1.0, 2.0, 3.0]
    assert (float(a.value), float(b.value)) == (5.0, 8.0)
    a.reset()
    assert a.value == 1.0


def test_updates_keep_the_variables_type_and_refuse_another_shape():
    count = symjax.shared(np.zeros(2, "int32"), name="count")
    symjax.function(updates=[(count, count + 1.7)])()
    assert count.get_value().dtype == np.int32 and count.get_value().tolist() == [1, 1]
    with pytest.raises(ShapeError, match=r"cannot take a value of shape \(3,\)"):
        symjax.function(updates={count: T.zeros(3)})
    with pytest.raises(TypeError, match="not a Variable"):
        symjax.function(updates={T.constant(1.0): T.constant(2.0)})
    with pytest.raises(ShapeError, match="count"):
        count.set_value(np.zeros(3))


def test_givens_replace_nodes():
    x, y = T.dscalars("x", "y")
    inner = x * 2
    f = symjax.function(y, outputs=inner + 1, givens={inner: y * 10})
    assert f(3.0) == 31.0


def test_inner_nodes_may_be_inputs():
    x = T.dscalar("x")
    inner = T.exp(x)
    assert symjax.function(inner, outputs=T.log(inner) + inner)(1.0) == 1.0


def test_an_axis_of_unknown_length():
    for shape in ((0, 2), (None, 2)):
        x = T.Placeholder(shape, "float64", name="x")
        f = symjax.function(x, outputs=[x.mean(0), x.shape[0] * T.ones(2), T.zeros(x.shape[0])])
        for n in (1, 4):
            mean, length, zeros = f(np.ones((n, 2)))
            assert mean.tolist() == [1, 1] and length.tolist() == [n, n] and zeros.shape == (n,)
        with pytest.raises(ShapeError, match=r"'x.*'\) must have shape \('any', 2\), got \(3, 3\)"):
            f(np.ones((3, 3)))


def test_arithmetic_with_unknown_lengths():
    x = T.Placeholder((None,), "float32")
    n, a = x.shape[0], np.ones(5, "float32")
    for expression, value in [
        (x.sum() / n, 1.0), (n * x.sum(), 25.0), (n - x.sum(), 0.0), (n / x.sum(), 1.0), (n**x[0], 5.0), (1 / n, 0.2),
        (n // 2 * x[0], 2.0), (T.sqrt(n), np.sqrt(5)), (x.size * 2, 10), ((n > x.sum()) * 1, 0), (n * 0.5, 2.5),
    ]:  # fmt: skip
        np.testing.assert_allclose(expression.eval({x: a}), value, rtol=1e-6)
    assert (n + 1) - 1 == n and n != n + 1 and {n: 1}[n] == 1 and x.ravel() is x


def test_wrong_calls():
    x = T.Placeholder((2,), "float64", name="weight")
    f = symjax.function(x, outputs=x.sum())
    with pytest.raises(TypeError, match=r"1 values needed \(weight.*\), got 2"):
        f(1, 2)
    with pytest.raises(ShapeError, match=r"input 0 \('weight.*'\) must have shape \(2,\), got \(3,\)"):
        f(np.ones(3))
    with pytest.raises(TypeError, match="must be int64, got float64"):
        symjax.function(T.lscalar("i"), outputs=T.constant(1))(1.5)
    with pytest.raises(MissingInputError, match="weight"):
        symjax.function(outputs=x)
    with pytest.raises(ValueError, match="given twice"):
        symjax.function(x, x, outputs=x)
    with pytest.raises(ValueError, match="no output needs"):
        symjax.function(x, outputs=T.constant(1.0), on_unused_input="raise")
    with pytest.raises(TypeError, match="inputs must be tensors"):
        symjax.function(3, outputs=x)


def test_eval_feeds_any_node():
    x = T.dscalar("x")
    y = x * 2
    z = y + 1
    assert z.eval({x: 3.0}) == 7 and z.get({y: 10.0}) == 11 and float(T.constant(2.5)) == 2.5
    with pytest.raises(MissingInputError, match="no value for the placeholder 'x"):
        z.eval()


def test_clone_replaces_and_shares_the_rest():
    x, y = T.dscalars("x", "y")
    heavy = T.exp(y)
    copy = symjax.clone([x + heavy, heavy], {x: y})
    assert copy[1] is heavy and copy[0].eval({y: 0.0}) == 1.0
    assert (x * 3).clone({x: T.constant(2.0)}).eval() == 6.0


def test_to_jax_works_under_transformations():
    x, w = T.Placeholder((3,), "float64"), T.Variable(np.arange(3.0))
    f = symjax.to_jax((x * w).sum(), [x])
    with jax.enable_x64(True):
        xs = jnp.ones((4, 3))
        np.testing.assert_allclose(jax.jit(jax.vmap(f))(xs), [3.0] * 4)
        np.testing.assert_allclose(jax.grad(f)(xs[0]), [0, 1, 2])


def test_draws_change_from_call_to_call_and_follow_the_seed():
    import symjax.random as R

    x = R.Normal(0.0, 1.0, shape=(3,))
    f, g = (symjax.function(outputs=[x, x + 0.0], seed=3) for _ in range(2))
    first, second = f(), f()
    assert np.array_equal(first[0], first[1]) and not np.array_equal(first[0], second[0])
    assert np.array_equal(g()[0], first[0])
    assert not np.array_equal(symjax.function(outputs=x, seed=4)(), first[0])


def test_large_data_is_an_argument_and_its_transforms_are_computed_once():
    data = np.random.default_rng(0).normal(size=2000)
    x = T.dscalar("x")
    f = symjax.function(x, outputs=(T.exp(T.constant(data)) * x).sum(), canonicalize=False)
    assert [np.shape(d) for d in f._program.data] == [(2000,)]
    np.testing.assert_allclose(f._program.data[0], np.exp(data), rtol=1e-15)
    np.testing.assert_allclose(f(2.0), 2 * np.exp(data).sum(), rtol=1e-13)


def test_a_new_thread_computes_in_float64_and_no_global_setting_changes():
    before = jax.config.jax_enable_x64
    x = T.dscalar("x")
    f, found = symjax.function(x, outputs=x / 3), []
    thread = threading.Thread(target=lambda: found.extend([f(1.0), (x / 3).eval({x: 1.0})]))
    thread.start()
    thread.join()
    assert [v.dtype for v in found] == [np.float64] * 2 and all(v == 1 / 3 for v in found)
    assert jax.config.jax_enable_x64 == before is False
    assert jnp.ones(2).dtype == np.float32


def test_names_of_variables_in_messages_and_graphs():
    with symjax.Graph("g") as g, symjax.Scope("layer"):
        a, b = T.dscalar("x"), T.dscalar("x")
        total = a + b
    assert (a.path, b.path) == ("/layer/x", "/layer/x_1")
    graph = symjax.to_networkx(total)
    assert graph.number_of_nodes() == 3 and g.placeholders == [a, b]
