"""Every operator's shape, dtype and weakness: its closed rule, what JAX infers and what it computes must agree."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.core._function import evaluate
from symjax.core._node import Bound
from symjax.core._op import Aval
from symjax.core._shapes import infer
from symjax.core._traverse import toposort
from symjax.tensor._wrap import OPERATORS

KINDS = [
    (np.dtype(bool), False),
    (np.dtype("int32"), False),
    (np.dtype("int64"), False),
    (np.dtype("float32"), False),
    (np.dtype("float64"), False),
    (np.dtype("complex128"), False),
    (np.dtype("int64"), True),
    (np.dtype("float64"), True),
]
SHAPES = {
    1: [((),), ((3,),), ((2, 0),)],
    2: [((), ()), ((3,), (2, 3)), ((2, 1), (1, 3)), ((), (0,))],
    3: [((), (), ()), ((3,), (2, 1), ()), ((2, 3), (2, 3), (3,))],
}
ELEMENTWISE = sorted(name for name, op in OPERATORS.items() if op.elementwise)
#: Static settings of elementwise operators that need some.
SETTINGS = {"cast": [{"dtype": np.dtype("float32")}, {"dtype": np.dtype("int64")}], "round": [{}, {"decimals": 2}]}


def by_jax(op, avals, params):
    """What JAX says about an operator's result; None where JAX refuses."""
    arguments = [jax.ShapeDtypeStruct(a.shape, a.dtype, weak_type=a.weak) for a in avals]
    with jax.enable_x64(True):
        try:
            out = jax.eval_shape(lambda *xs: op.fn(*xs, **params), *arguments)
        except (TypeError, ValueError, NotImplementedError, DeprecationWarning):
            return None
    leaves = [Aval(tuple(o.shape), np.dtype(o.dtype), bool(o.weak_type)) for o in jax.tree.leaves(out)]
    return tuple(leaves) if isinstance(out, (tuple, list)) else leaves[0]


def by_rule(op, avals, params):
    try:
        return infer(op, tuple(avals), tuple(sorted(params.items())))
    except (TypeError, ValueError):
        return None


def arity(op, params):
    for n in (1, 2, 3):
        if any(by_jax(op, [Aval((), dtype, False)] * n, params) is not None for dtype, _ in KINDS):
            return n
    raise AssertionError(f"{op.name} takes neither one, two nor three arguments")


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_rule_agrees_with_jax(name):
    op = OPERATORS[name]
    for params in SETTINGS.get(name, [{}]):
        n = arity(op, params)
        combinations = list(itertools.product(KINDS, repeat=n))
        if n == 3:
            combinations = combinations[::7]
        for i, kinds in enumerate(combinations):
            shapes = SHAPES[n][i % len(SHAPES[n])]
            avals = [Aval(s, dtype, weak and s == ()) for s, (dtype, weak) in zip(shapes, kinds, strict=True)]
            assert by_rule(op, avals, params) == by_jax(op, avals, params), (avals, params)


def tensors(dtype):
    """Arguments for the other operators."""
    return {
        "s": Bound(Aval((), dtype, False)),
        "w": Bound(Aval((), dtype, True)),
        "v": Bound(Aval((3,), dtype, False)),
        "m": Bound(Aval((2, 3), dtype, False)),
        "q": Bound(Aval((3, 3), dtype, False)),
        "b": Bound(Aval((4, 3, 3), dtype, False)),
        "i": Bound(Aval((2,), np.dtype("int64"), False)),
    }


#: For each operator that is not elementwise, applications that the rule must get right.
APPLICATIONS = {
    "axis_length": [],  # its only argument is an unknown length: tested with functions of such inputs
    "getitem": [
        lambda s, w, v, m, q, b, i: [v[0], v[1:], v[::-1], v[None], v[...], v[-2:], v[i], v[i[0]], v[[0, 2]], v[np.array([True, False, True])]],
        lambda s, w, v, m, q, b, i: [b[i], b[:, i], b[i, i], b[:, i, i], b[i, :, i], b[0, :, i], b[..., 0], b[:, None, 1], b[i[:, None], i]],
        lambda s, w, v, m, q, b, i: [b[1, i, 1:], b[i, None, i], b[np.ones((4, 3), bool)], b[:, np.eye(3, dtype=bool)], v[1:1], b[2:0:-1]],
    ],
    "scatter": [lambda s, w, v, m, q, b, i: [v.at[0].set(1), m.at[:, 1].add(s), v.at[i].multiply(2), v.at[1:].min(s), v.at[0].max(s)]],
    "take_along_axis": [lambda s, w, v, m, q, b, i: [T.take_along_axis(v, i, 0)]],
    "dynamic_slice_in_dim": [lambda s, w, v, m, q, b, i: [T.dynamic_slice_in_dim(b, i[0], 2, 1)]],
    "dynamic_index_in_dim": [lambda s, w, v, m, q, b, i: [T.dynamic_index_in_dim(b, i[0], 1, False)]],
    "nonzero": [lambda s, w, v, m, q, b, i: T.nonzero(m, size=4)],
    "reshape": [lambda s, w, v, m, q, b, i: [m.reshape((3, -1)), m.ravel(), v.dimshuffle("x", 0), w.reshape((1, 1)), b.flatten(2)]],
    "broadcast_to": [lambda s, w, v, m, q, b, i: [T.broadcast_to(v, (2, 3)), T.broadcast_to(w, (2,))]],
    "transpose": [lambda s, w, v, m, q, b, i: [m.T, b.transpose(2, 0, 1), b.swapaxes(0, -1), T.moveaxis(b, 0, -1)]],
    "concatenate": [lambda s, w, v, m, q, b, i: [T.concatenate([m, m]), T.concatenate([m, q[:2]], axis=-1), T.concatenate([v, i])]],
    "stack": [lambda s, w, v, m, q, b, i: [T.stack([v, v], axis=1), T.stack([s, w]), T.stack([w, 1.0]), T.stack([w, w])]],
    "tile": [lambda s, w, v, m, q, b, i: [T.tile(v, (2, 2)), T.tile(w, 3)]],
    "repeat": [lambda s, w, v, m, q, b, i: [T.repeat(m, 2, 1), m.repeat(2, axis=0)]],
    "flip": [lambda s, w, v, m, q, b, i: [T.flip(m), T.fliplr(m)]],
    "roll": [lambda s, w, v, m, q, b, i: [T.roll(m, 1, 0)]],
    "pad": [lambda s, w, v, m, q, b, i: [T.pad(m, ((1, 1), (0, 2)))]],
    "tril": [lambda s, w, v, m, q, b, i: [T.tril(q, -1)]],
    "triu": [lambda s, w, v, m, q, b, i: [T.triu(q)]],
    "diag": [lambda s, w, v, m, q, b, i: [T.diag(v), T.diag(q)]],
    "diagonal": [lambda s, w, v, m, q, b, i: [T.diagonal(b, 0, 1, 2)]],
    "trace": [lambda s, w, v, m, q, b, i: [T.trace(q)]],
    "diff": [lambda s, w, v, m, q, b, i: [T.diff(v), T.diff(m, 1, 0)]],
    "searchsorted": [lambda s, w, v, m, q, b, i: [T.searchsorted(v, m)]],
    "bincount": [lambda s, w, v, m, q, b, i: [T.bincount(i, 5)]],
    "unravel_index": [lambda s, w, v, m, q, b, i: T.unravel_index(i, (2, 3))],
    "interp": [lambda s, w, v, m, q, b, i: [T.interp(m, v, v)]],
    "meshgrid": [lambda s, w, v, m, q, b, i: T.meshgrid(v, i)],
    "eye": [lambda s, w, v, m, q, b, i: [T.eye(3), T.eye(2, 3, k=1, dtype="int32")]],
    "arange": [lambda s, w, v, m, q, b, i: [T.arange(3), T.arange(1, 8, 3), T.arange(5, 1, -2, dtype="float32")]],
    "matmul": [lambda s, w, v, m, q, b, i: [m @ q, v @ v, m @ v, v @ q, b @ q, q @ b, b @ v, v @ b, m @ T.ones((3, 0))]],
    "tensordot": [lambda s, w, v, m, q, b, i: [T.tensordot(m, q, 1)]],
    "outer": [lambda s, w, v, m, q, b, i: [T.outer(v, i)]],
    "inner": [lambda s, w, v, m, q, b, i: [T.inner(v, v)]],
    "vdot": [lambda s, w, v, m, q, b, i: [T.vdot(v, v)]],
    "kron": [lambda s, w, v, m, q, b, i: [T.kron(m, q)]],
    "cross": [lambda s, w, v, m, q, b, i: [T.cross(v, v)]],
    "einsum": [lambda s, w, v, m, q, b, i: [T.einsum("bij,j->bi", b, v)]],
    "cholesky": [lambda s, w, v, m, q, b, i: [T.linalg.cholesky(q), T.linalg.cholesky(b, lower=False)]],
    "inv": [lambda s, w, v, m, q, b, i: [T.linalg.inv(b)]],
    "solve": [lambda s, w, v, m, q, b, i: [T.linalg.solve(q, v), T.linalg.solve(b, m.T), T.linalg.solve(b, v), T.linalg.solve(q, b)]],
    "solve_triangular": [lambda s, w, v, m, q, b, i: [T.linalg.solve_triangular(b, v, lower=True), T.linalg.solve_triangular(q, m.T, trans=1)]],
    "cho_solve": [lambda s, w, v, m, q, b, i: [T.linalg.cho_solve((q, True), v), T.linalg.cho_solve((b, False), m.T)]],
    "det": [lambda s, w, v, m, q, b, i: [T.linalg.det(b), T.linalg.det(q)]],
    "logdet": [lambda s, w, v, m, q, b, i: [T.linalg.logdet(b)]],
    "slogdet": [lambda s, w, v, m, q, b, i: T.linalg.slogdet(b)],
    "eigh": [lambda s, w, v, m, q, b, i: T.linalg.eigh(b)],
    "eigvalsh": [lambda s, w, v, m, q, b, i: [T.linalg.eigvalsh(b)]],
    "qr": [lambda s, w, v, m, q, b, i: T.linalg.qr(m)],
    "svd": [lambda s, w, v, m, q, b, i: T.linalg.svd(m, full_matrices=False)],
    "lu": [lambda s, w, v, m, q, b, i: T.linalg.lu(q)],
    "pinv": [lambda s, w, v, m, q, b, i: [T.linalg.pinv(m)]],
    "lstsq": [lambda s, w, v, m, q, b, i: T.linalg.lstsq(q, v)],
    "expm": [lambda s, w, v, m, q, b, i: [T.linalg.expm(q)]],
    "matrix_power": [lambda s, w, v, m, q, b, i: [T.linalg.matrix_power(q, 3)]],
    "matrix_rank": [lambda s, w, v, m, q, b, i: [T.linalg.matrix_rank(q)]],
    "multi_dot": [lambda s, w, v, m, q, b, i: [T.linalg.multi_dot(m, q, q)]],
    "block_diag": [lambda s, w, v, m, q, b, i: [T.linalg.block_diag(m, q)]],
}  # fmt: skip


def reductions(s, w, v, m, q, b, i, name):
    f = getattr(T, name)
    applied = [f(v), f(b, axis=(0, -1)), f(b, axis=1, keepdims=True), f(b, keepdims=True)]
    return applied + ([] if name in ("median", "ptp") else [f(w)])


def along(s, w, v, m, q, b, i, name):
    f = getattr(T, name)
    return [f(v), f(b, axis=1), f(b, -1)]


for _name in ["sum", "prod", "mean", "var", "std", "max", "min", "all", "any", "nansum", "nanmean", "nanmax", "nanmin", "median",
              "ptp", "count_nonzero", "logsumexp"]:  # fmt: skip
    APPLICATIONS[_name] = [lambda _name=_name, **ts: reductions(**ts, name=_name)]
for _name in ["argmax", "argmin", "cumsum", "cumprod", "cummax", "cumlogsumexp", "sort", "argsort", "softmax", "log_softmax"]:
    APPLICATIONS[_name] = [lambda _name=_name, **ts: along(**ts, name=_name)]

#: Operators of real or integer numbers only, or of floats only.
NOT_COMPLEX = {
    "median",
    "ptp",
    "nanmax",
    "nanmin",
    "argmax",
    "argmin",
    "sort",
    "argsort",
    "cummax",
    "cumlogsumexp",
    "searchsorted",
    "lu",
    "interp",
}
FLOAT_ONLY = {"cumlogsumexp", "softmax", "log_softmax", "eigh", "eigvalsh", "svd", "lu", "pinv", "lstsq", "qr", "slogdet", "det", "logdet",
              "expm", "matrix_rank", "interp", "cholesky", "inv", "solve", "solve_triangular", "cho_solve"}  # fmt: skip


def test_every_operator_is_covered():
    assert set(APPLICATIONS) | set(ELEMENTWISE) == set(OPERATORS)


def _value(tensor, generator):
    array = generator.uniform(0.5, 1.5, tensor.shape)
    if tensor.shape[-2:] == (3, 3):
        array = array + 3 * np.eye(3)
        array = array + np.swapaxes(array, -1, -2)
    if tensor.dtype == np.int64 and tensor.shape == (2,):
        return np.array([0, 2])
    return jnp.asarray(array.astype(tensor.dtype)) if not tensor.weak else array.astype(tensor.dtype)[()].item()


@pytest.mark.parametrize("dtype", ["int32", "float32", "float64", "complex128"])
@pytest.mark.parametrize("name", sorted(APPLICATIONS))
def test_rule_agrees_with_jax_and_with_the_result(name, dtype):
    if (name in NOT_COMPLEX and dtype == "complex128") or (name in FLOAT_ONLY and dtype == "int32"):
        pytest.skip("not defined for this type")
    arguments = tensors(np.dtype(dtype))
    generator = np.random.default_rng(0)
    outputs = [o for make in APPLICATIONS[name] for o in make(**arguments)]
    used = [n for n in toposort(outputs) if n.op is OPERATORS[name]]
    assert used or name == "axis_length"
    for node in used:
        avals = [p.aval for p in node.parents]
        found = by_rule(node.op, avals, node.settings)
        assert found == by_jax(node.op, avals, node.settings), node
    with jax.enable_x64(True):
        feed = {t: _value(t, generator) for t in arguments.values() if not t.weak}
    computed = [o for o in outputs if arguments["w"] not in set(toposort([o]))]
    for o, value in zip(computed, evaluate(computed, feed), strict=True):
        assert (value.shape, value.dtype) == (o.shape, o.dtype), o


def test_wrong_shapes_are_refused_by_name():
    a, b = T.ones((2, 3)), T.ones((2, 4))
    with pytest.raises(ShapeError, match=r"`add`.*\(2, 3\).*\(2, 4\)"):
        a + b
    with pytest.raises(ShapeError, match=r"`matmul`.*3 columns against 2 rows"):
        a @ b
    with pytest.raises(ShapeError, match="`concatenate` along axis 0"):
        T.concatenate([a, b])
    with pytest.raises(ShapeError, match="axis 2 is out of range"):
        a.sum(2)
    with pytest.raises(ShapeError, match="too many indices"):
        a[0, 0, 0]
    with pytest.raises(IndexError, match="index 5 is out of range for axis 0"):
        a[5]
    with pytest.raises(ShapeError, match="square"):
        T.linalg.cholesky(a)
    with pytest.raises(ShapeError, match="`reshape`"):
        a.reshape((4,))
