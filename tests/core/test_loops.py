"""`scan` in both styles, `map`, `while_loop`, `fori_loop`, `cond`, `ifelse`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import symjax
import symjax.random as R
import symjax.tensor as T
from symjax._errors import MissingInputError, ShapeError

V = np.array([0.5, -1.0, 2.0, 0.25])


def test_scan_in_jaxs_order():
    x, w = T.dvector("x"), T.dscalar("w")
    last, out = T.scan(lambda c, a, k: (c * k + a, c + w), 1.0, [x], non_sequences=[w])
    found = symjax.function(x, w, outputs=[last, out])(V, 0.5)
    c, wanted = 1.0, []
    for a in V:
        wanted.append(c + 0.5)
        c = c * 0.5 + a
    np.testing.assert_allclose(found[0], c)
    np.testing.assert_allclose(found[1], wanted)


def test_scan_structures_length_and_reverse():
    (total, count), out = T.scan(lambda c, a: ((c[0] + a, c[1] + 1), {"seen": a}), (0.0, 0), T.constant(V), reverse=True)
    assert (float(total.eval()), int(count.eval())) == (V.sum(), 4)
    np.testing.assert_array_equal(out["seen"].eval(), V)
    doubled, _ = T.scan(lambda c: (c * 2, c), 1, [], length=5)
    assert doubled.eval() == 32


def test_the_carry_takes_the_type_that_the_body_makes_of_it():
    last, _ = T.scan(lambda c, a: (c + a, c), 0, [T.constant(V)])
    assert last.dtype == np.float64
    np.testing.assert_allclose(last.eval(), V.sum())


def test_derivative_of_a_scan():
    x, w = T.dvector("x"), T.dscalar("w")
    last, out = T.scan(lambda c, a: (T.tanh(c * w + a), c**2), 0.1, [x])
    gx, gw = symjax.function(x, w, outputs=symjax.gradients(last + out.sum(), [x, w]))(V, 0.7)

    def reference(x, w):
        last, out = jax.lax.scan(lambda c, a: (jnp.tanh(c * w + a), c**2), 0.1, x)
        return last + out.sum()

    with jax.enable_x64(True):
        wanted = jax.grad(reference, argnums=(0, 1))(jnp.asarray(V), 0.7)
    np.testing.assert_allclose(gx, wanted[0], rtol=1e-13)
    np.testing.assert_allclose(gw, wanted[1], rtol=1e-13)


def test_theanos_scan():
    x, w = T.dvector("x"), T.dscalar("w")
    (s, d), updates = symjax.scan(
        lambda a, s, k: [s * k + a, a * 2], sequences=[x], outputs_info=[T.constant(0.0), None], non_sequences=[w]
    )
    assert updates == {}
    found = symjax.function([x, w], [s, d])(V, 0.5)
    wanted = [0.0]
    for a in V:
        wanted.append(wanted[-1] * 0.5 + a)
    np.testing.assert_allclose(found[0], wanted[1:])
    np.testing.assert_allclose(found[1], V * 2)


def test_theanos_scan_with_taps():
    fibonacci = symjax.scan(
        lambda a, b: a + b, outputs_info=dict(initial=np.array([0, 1]), taps=[-2, -1]), n_steps=8, return_updates=False
    )
    assert fibonacci.eval().tolist() == [1, 2, 3, 5, 8, 13, 21, 34]
    differences, _ = symjax.scan(lambda before, now: now - before, sequences=dict(input=T.constant(V), taps=[-1, 0]))
    np.testing.assert_allclose(differences.eval(), np.diff(V))
    ahead, _ = symjax.scan(lambda now, later, y: now + 10 * later + 100 * y, sequences=[dict(input=V, taps=[0, 2]), V])
    np.testing.assert_allclose(ahead.eval(), V[:2] + 10 * V[2:] + 100 * V[:2])
    lagged, _ = symjax.scan(lambda y3, y1: y3 + y1, outputs_info=dict(initial=np.arange(3.0), taps=[-3, -1]), n_steps=3)
    np.testing.assert_allclose(lagged.eval(), [2.0, 3.0, 5.0])


def test_theanos_scan_backwards_and_cut_short():
    out, _ = symjax.scan(lambda a, s: s * 10 + a, sequences=np.array([1, 2, 3]), outputs_info=0, go_backwards=True)
    assert out.eval().tolist() == [3, 32, 321]
    out = symjax.scan(lambda a: a, sequences=[V], n_steps=2, return_list=True, return_updates=False)
    np.testing.assert_array_equal(out[0].eval(), V[:2])
    x = T.dvector("x")
    np.testing.assert_array_equal(symjax.scan(lambda a: a, sequences=x, go_backwards=True)[0].eval({x: V}), V[::-1])


def test_scans_nest_and_capture():
    x, k = T.dmatrix("x"), T.dscalar("k")
    out, _ = symjax.scan(lambda row: symjax.scan(lambda a, s: s + a * k + row[0], sequences=row, outputs_info=0.0)[0], sequences=x)
    a = np.arange(6.0).reshape(2, 3)
    found = symjax.function(x, k, outputs=[out, symjax.gradients(out.sum(), k)])(a, 2.0)
    np.testing.assert_allclose(found[0], np.cumsum(a * 2 + a[:, :1], axis=1))
    np.testing.assert_allclose(found[1], np.cumsum(a, axis=1).sum())


def test_map():
    x = T.dmatrix("x")
    low, high = T.map(lambda row, k: (row.min() * k, row.max()), [x], non_sequences=[2.0])
    a = np.arange(6.0).reshape(3, 2)
    found = symjax.function(x, outputs=[low, high])(a)
    np.testing.assert_array_equal(found, [2 * a.min(1), a.max(1)])


def test_while_loop():
    n = T.lscalar("n")
    steps, value = T.while_loop(lambda c: c[1] > 1, lambda c: (c[0] + 1, T.where(c[1] % 2 == 0, c[1] // 2, 3 * c[1] + 1)), (0, n))
    assert symjax.function(n, outputs=[steps, value])(27) == [111, 1]
    limit = T.dscalar("limit")
    doubled = T.while_loop(lambda c, m: c < m, lambda c, k: c * k, 1.0, [limit], [2.0])
    assert doubled.eval({limit: 100.0}) == 128.0
    assert T.while_loop(lambda c: c[0] < limit, lambda c: (c[0] + 1.0,), (0.0,))[0].eval({limit: 3.5}) == 4.0


def test_fori_loop():
    x, n = T.dscalar("x"), T.lscalar("n")
    power = T.fori_loop(0, 5, lambda i, c: c * x, 1.0)
    np.testing.assert_allclose(symjax.function(x, outputs=[power, symjax.gradients(power, x)])(2.0), [32.0, 80.0])
    total, count = T.fori_loop(2, n, lambda i, c: (c[0] + i, c[1] + 1), (0, 0))
    assert symjax.function(n, outputs=[total, count])(6) == [2 + 3 + 4 + 5, 4]


def test_cond_computes_one_branch():
    x = T.dscalar("x")
    y = T.cond(x > 0, lambda a: T.log(a), lambda a: -a, [x], [x])
    f = symjax.function(x, outputs=[y, symjax.gradients(y, x)])
    np.testing.assert_allclose(f(2.0), [np.log(2.0), 0.5])
    np.testing.assert_allclose(f(-2.0), [2.0, -1.0])
    # a loop in a branch that is not taken is not run: this one would never end
    unless_positive = T.cond(x > 0, lambda: x, lambda: T.while_loop(lambda c: c > 0, lambda c: c + 0.0, x + 1.0))
    assert symjax.function(x, outputs=unless_positive)(3.0) == 3.0
    both = T.cond(x > 0, lambda: {"a": x, "b": 1}, lambda: {"a": x * 2, "b": 2.5})
    assert symjax.function(x, outputs=both)(-1.0) == {"a": -2.0, "b": 2.5}


def test_ifelse():
    x = T.dscalar("x")
    pair = T.ifelse(T.gt(x, 0), [x, x + 1], [x, x - 1])
    assert symjax.function(x, outputs=pair)(-1.0) == [-1.0, -2.0]


def test_draws_in_a_body_are_new_at_each_step_and_outside_ones_are_not():
    outside = R.Normal(0.0, 1.0)
    out, _ = symjax.scan(lambda a: [R.Normal(0.0, 1.0) + a, outside + a], sequences=T.zeros(50), outputs_info=[None, None])
    inside, same = symjax.function(outputs=out, seed=0)()
    assert len(set(inside.tolist())) == 50 and len(set(same.tolist())) == 1
    walk, _ = T.scan(lambda c: (c + R.Normal(0.0, 1.0), c), 0.0, [], length=4)
    mapped = T.map(lambda a: a + R.Normal(0.0, 1.0), T.zeros(4))
    f = symjax.function(outputs=[walk, mapped], seed=1)
    first, second = f(), f()
    assert first[0] != second[0] and len(set(first[1].tolist())) == 4 and not np.array_equal(first[1], second[1])
    last = T.fori_loop(0, T.constant(3) + T.constant(0), lambda i, c: c + R.Normal(0.0, 1.0), 0.0)
    assert symjax.function(outputs=last, seed=0)() != symjax.function(outputs=last, seed=1)()


def test_what_does_not_fit_says_so():
    x = T.dvector("x")
    with pytest.raises(ShapeError, match="equal lengths"):
        T.scan(lambda c, a, b: (c, a), 0.0, [np.ones(3), np.ones(4)])
    with pytest.raises(ShapeError, match="equal lengths"):
        symjax.scan(lambda a: a, sequences=np.ones(3), n_steps=5)
    with pytest.raises(ShapeError, match="number of steps must be given"):
        T.scan(lambda c: (c, c), 0.0, [])
    with pytest.raises(ShapeError, match=r"must keep its shape \(\)"):
        T.scan(lambda c, a: (c + np.ones(2), a), 0.0, [x])
    with pytest.raises(ShapeError, match="needs at least one axis"):
        T.scan(lambda c, a: (c, a), 0.0, [T.dscalar("s")])
    with pytest.raises(ValueError, match="`outputs_info` has 2 entries"):
        symjax.scan(lambda a, s, t: s, sequences=x, outputs_info=[0.0, 0.0])
    with pytest.raises(ValueError, match="cannot update variables"):
        symjax.scan(lambda a: (a, {T.Variable(0.0): a}), sequences=x)
    with pytest.raises(ValueError, match="truncate_gradient"):
        symjax.scan(lambda a: a, sequences=x, truncate_gradient=3)
    with pytest.raises(ShapeError, match="needs 2 initial values"):
        symjax.scan(lambda a, b: a, outputs_info=dict(initial=0.0, taps=[-2, -1]), n_steps=3)
    with pytest.raises(ShapeError, match="branches' results must have equal shapes"):
        T.cond(x[0] > 0, lambda: x, lambda: x[0])
    with pytest.raises(ShapeError, match="the condition must be a scalar"):
        T.cond(x > 0, lambda: x, lambda: x)
    with pytest.raises(ShapeError, match="one boolean scalar"):
        T.while_loop(lambda c: x > c, lambda c: c, 0.0)
    with pytest.raises(ShapeError, match="equal lengths"):
        T.map(lambda a, b: a, [np.ones(2), np.ones(3)])
    leaked = []
    T.map(lambda a: leaked.append(a) or a, x)
    with pytest.raises(MissingInputError, match="used outside of it"):
        symjax.function(x, outputs=leaked[0])
