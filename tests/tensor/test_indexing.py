"""Indexing and updates of parts, against NumPy."""

import numpy as np
import pytest

import symjax
import symjax.tensor as T
from symjax._errors import ShapeError

X = np.arange(60.0).reshape(3, 4, 5)
MASK = X[:, :, 0] % 3 == 0
I = np.array([2, 0, 1, 2])

INDICES = [
    0, -1, (1, 2), (0, 1, 2), slice(1, None), slice(None, None, -1), (slice(None), slice(3, 0, -2)), (Ellipsis, 1), (None, 0),
    (slice(None), None, 2, Ellipsis), I, (I, I), (slice(None), I), (I, slice(None), I), (0, slice(None), I), (I[:, None], I),
    (None, I), (slice(None), I, None), [0, 2], MASK, (slice(None), np.array([True, False, True, True])), (MASK, 2), np.int64(1),
    (slice(-2, None), slice(None, -1)), (slice(5, 9),), (), (Ellipsis, None, slice(None, None, 2)), (I, 0, I), (0, I, 0),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_static_index(index):
    x = T.Placeholder(X.shape, "float64")
    part = x[index]
    assert part.shape == X[index].shape
    np.testing.assert_array_equal(part.eval({x: X}), X[index])


def test_tensor_index():
    x, i = T.Placeholder((None, 4, 5), "float64"), T.Placeholder((), "int64")
    f = symjax.function(x, i, outputs=[x[i], x[:, i, i], x[T.constant(I), i], x[x[0, 0].astype("int64")[:2]]])
    found = f(X, 1)
    for value, wanted in zip(found, [X[1], X[:, 1, 1], X[I, 1], X[[0, 1]]], strict=True):
        np.testing.assert_array_equal(value, wanted)


def test_an_axis_of_unknown_length():
    x = T.Placeholder((None, 2), "float64")
    n = x.shape[0]
    parts = [x[1:], x[:-1], x[-1], x[::-1], x[::2], x[n - 2], x[1 : n - 1]]
    values = symjax.function(x, outputs=parts)(np.arange(10.0).reshape(5, 2))
    a = np.arange(10.0).reshape(5, 2)
    for value, wanted in zip(values, [a[1:], a[:-1], a[-1], a[::-1], a[::2], a[3], a[1:4]], strict=True):
        np.testing.assert_array_equal(value, wanted)


@pytest.mark.parametrize("index", [0, slice(1, None), (slice(None), I), (I, 0), (Ellipsis, -1), MASK], ids=str)
def test_updates(index):
    x = T.constant(X)
    added = X.copy()
    np.add.at(added, index, 2.0)
    changed = X.copy()
    changed[index] = -1.0
    lowered = X.copy()
    np.minimum.at(lowered, index, 7.0)
    for found, wanted in [
        (T.set_subtensor(x[index], -1.0), changed),
        (x.at[index].set(-1.0), changed),
        (T.index_update(x, index, -1.0), changed),
        (T.inc_subtensor(x[index], 2.0), added),
        (x.at[index].add(2.0), added),
        (T.index_add(x, index, 2.0), added),
        (x.at[index].min(7.0), lowered),
        (T.index_min(x, index, 7.0), lowered),
    ]:
        np.testing.assert_array_equal(found.eval(), wanted)


def test_products_and_maxima_of_parts():
    x = T.constant(X)
    np.testing.assert_array_equal(x.at[0].multiply(2).eval(), np.concatenate([2 * X[:1], X[1:]]))
    np.testing.assert_array_equal(x.at[T.index[:, 0]].max(30.0).eval()[:, 0], np.maximum(X[:, 0], 30))


def test_updates_are_differentiable():
    x, y = T.Placeholder((4,), "float64"), T.Placeholder((2,), "float64")
    loss = (T.set_subtensor(x[1:3], y) ** 2).sum()
    gx, gy = symjax.function(x, y, outputs=symjax.gradients(loss, [x, y]))(np.arange(4.0), np.array([5.0, 6.0]))
    np.testing.assert_array_equal(gx, [0, 0, 0, 6])
    np.testing.assert_array_equal(gy, [10, 12])


def test_take_and_its_kin():
    x = T.constant(X)
    np.testing.assert_array_equal(T.take(x, I, axis=1).eval(), X.take(I, 1))
    np.testing.assert_array_equal(x.take([3, 59]).eval(), X.take([3, 59]))
    np.testing.assert_array_equal(T.index_take(x, I, -1).eval(), X.take(I, -1))
    order = np.argsort(-X[0], axis=1)
    np.testing.assert_array_equal(T.take_along_axis(x[0], order, 1).eval(), np.take_along_axis(X[0], order, 1))
    np.testing.assert_array_equal(T.dynamic_slice(x, (1, 0, T.constant(2)), (2, 1, 3)).eval(), X[1:3, :1, 2:5])
    np.testing.assert_array_equal(T.index_in_dim(x, 2, axis=1).eval(), X[:, 2:3])
    np.testing.assert_array_equal(T.nonzero(MASK)[1].eval(), np.nonzero(MASK)[1])
    p = T.Placeholder((4,), "float64")
    [found] = T.nonzero(p, size=3, fill_value=-1)
    np.testing.assert_array_equal(found.eval({p: np.array([0.0, 1.0, 0.0, 2.0])}), [1, 3, -1])


def test_what_cannot_be_done_says_so():
    x = T.Placeholder((4,), "float64", name="x")
    with pytest.raises(ShapeError, match="boolean index must be known"):
        x[x > 0]
    with pytest.raises(TypeError, match="integers or booleans"):
        x[x]
    with pytest.raises(ShapeError, match=r"cannot put a value of shape \(3,\) in a part of shape \(2,\)"):
        T.set_subtensor(x[:2], np.ones(3))
    with pytest.raises(TypeError, match=r"x\[index\]"):
        T.set_subtensor(x + 1, 0.0)
    with pytest.raises(TypeError, match="cannot put floats"):
        T.constant(I).at[0].set(0.5)
    with pytest.raises(ShapeError, match="give `size=`"):
        T.nonzero(x)
    with pytest.raises(ValueError, match="`mode` must be one of"):
        T.index_update(x, 0, 1.0, mode="append")
