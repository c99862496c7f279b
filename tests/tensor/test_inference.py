"""Every operator's shape, dtype and weakness: its closed rule, what JAX infers and what it computes must agree."""

import itertools
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import symjax
import symjax.tensor as T
from symjax._errors import ShapeError
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
ELEMENTWISE = sorted(name for name, op in OPERATORS.items() if op.elementwise and hasattr(T, name))
#: Static settings of elementwise operators that need some.
SETTINGS = {"cast": [{"dtype": np.dtype("float32")}, {"dtype": np.dtype("int64")}], "round": [{}, {"decimals": 2}]}


def by_jax(op, avals, params):
    """What JAX says about an operator's result; None where JAX refuses."""
    arguments = [jax.ShapeDtypeStruct(a.shape, a.dtype, weak_type=a.weak) for a in avals]
    with jax.enable_x64(True):
        try:
            out = jax.eval_shape(lambda *xs: op.fn(*xs, **params), *arguments)
        except (TypeError, ValueError, IndexError, NotImplementedError, DeprecationWarning):
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
        combinations = combinations[:: {1: 1, 2: 3, 3: 11}[n]]  # strides prime to 8 meet every type in every place
        for i, kinds in enumerate(combinations):
            shapes = SHAPES[n][i % len(SHAPES[n])]
            avals = [Aval(s, dtype, weak and s == ()) for s, (dtype, weak) in zip(shapes, kinds, strict=True)]
            assert by_rule(op, avals, params) == by_jax(op, avals, params), (avals, params)


def tensors(dtype):
    """Arguments for the other operators: a scalar, a weak scalar, a vector, matrices, a batch of them, indices."""
    return SimpleNamespace(
        s=Bound(Aval((), dtype, False)),
        w=Bound(Aval((), dtype, True)),
        v=Bound(Aval((3,), dtype, False)),
        m=Bound(Aval((2, 3), dtype, False)),
        q=Bound(Aval((3, 3), dtype, False)),
        b=Bound(Aval((4, 3, 3), dtype, False)),
        i=Bound(Aval((2,), np.dtype("int64"), False)),
    )


#: For each operator that is not elementwise, applications that the rule must get right.
APPLICATIONS = {
    "axis_length": [],  # its only argument is an unknown length: tested with functions of such inputs
    "getitem": [
        lambda t: [
            t.v[0],
            t.v[1:],
            t.v[::-1],
            t.v[None],
            t.v[...],
            t.v[-2:],
            t.v[t.i],
            t.v[t.i[0]],
            t.v[[0, 2]],
            t.v[np.array([True, False, True])],
        ],
        lambda t: [
            t.b[t.i],
            t.b[:, t.i],
            t.b[t.i, t.i],
            t.b[:, t.i, t.i],
            t.b[t.i, :, t.i],
            t.b[0, :, t.i],
            t.b[..., 0],
            t.b[:, None, 1],
            t.b[t.i[:, None], t.i],
        ],
        lambda t: [
            t.b[1, t.i, 1:],
            t.b[t.i, None, t.i],
            t.b[np.ones((4, 3), bool)],
            t.b[:, np.eye(3, dtype=bool)],
            t.v[1:1],
            t.b[2:0:-1],
        ],
    ],
    "scatter": [
        lambda t: [t.v.at[0].set(1), t.m.at[:, 1].add(t.s), t.v.at[t.i].multiply(2), t.v.at[1:].min(t.s), t.v.at[0].max(t.s)]
    ],
    "take_along_axis": [lambda t: [T.take_along_axis(t.v, t.i, 0)]],
    "dynamic_slice_in_dim": [lambda t: [T.dynamic_slice_in_dim(t.b, t.i[0], 2, 1)]],
    "dynamic_index_in_dim": [lambda t: [T.dynamic_index_in_dim(t.b, t.i[0], 1, False)]],
    "nonzero": [lambda t: T.nonzero(t.m, size=4)],
    "reshape": [lambda t: [t.m.reshape((3, -1)), t.m.ravel(), t.v.dimshuffle("x", 0), t.w.reshape((1, 1)), t.b.flatten(2)]],
    "broadcast_to": [lambda t: [T.broadcast_to(t.v, (2, 3)), T.broadcast_to(t.w, (2,))]],
    "transpose": [lambda t: [t.m.T, t.b.transpose(2, 0, 1), t.b.swapaxes(0, -1), T.moveaxis(t.b, 0, -1)]],
    "concatenate": [lambda t: [T.concatenate([t.m, t.m]), T.concatenate([t.m, t.q[:2]], axis=-1), T.concatenate([t.v, t.i])]],
    "stack": [lambda t: [T.stack([t.v, t.v], axis=1), T.stack([t.s, t.w]), T.stack([t.w, 1.0]), T.stack([t.w, t.w])]],
    "tile": [lambda t: [T.tile(t.v, (2, 2)), T.tile(t.w, 3)]],
    "repeat": [lambda t: [T.repeat(t.m, 2, 1), t.m.repeat(2, axis=0)]],
    "flip": [lambda t: [T.flip(t.m), T.fliplr(t.m)]],
    "roll": [lambda t: [T.roll(t.m, 1, 0)]],
    "pad": [lambda t: [T.pad(t.m, ((1, 1), (0, 2)))]],
    "tril": [lambda t: [T.tril(t.q, -1)]],
    "triu": [lambda t: [T.triu(t.q)]],
    "diag": [lambda t: [T.diag(t.v), T.diag(t.q)]],
    "diagonal": [lambda t: [T.diagonal(t.b, 0, 1, 2)]],
    "trace": [lambda t: [T.trace(t.q)]],
    "diff": [lambda t: [T.diff(t.v), T.diff(t.m, 1, 0)]],
    "searchsorted": [lambda t: [T.searchsorted(t.v, t.m)]],
    "bincount": [lambda t: [T.bincount(t.i, 5)]],
    "unravel_index": [lambda t: T.unravel_index(t.i, (2, 3))],
    "interp": [lambda t: [T.interp(t.m, t.v, t.v)]],
    "meshgrid": [lambda t: T.meshgrid(t.v, t.i)],
    "eye": [lambda t: [T.eye(3), T.eye(2, 3, k=1, dtype="int32")]],
    "arange": [lambda t: [T.arange(3), T.arange(1, 8, 3), T.arange(5, 1, -2, dtype="float32")]],
    "matmul": [
        lambda t: [t.m @ t.q, t.v @ t.v, t.m @ t.v, t.v @ t.q, t.b @ t.q, t.q @ t.b, t.b @ t.v, t.v @ t.b, t.m @ T.ones((3, 0))]
    ],
    "tensordot": [lambda t: [T.tensordot(t.m, t.q, 1)]],
    "outer": [lambda t: [T.outer(t.v, t.i)]],
    "inner": [lambda t: [T.inner(t.v, t.v)]],
    "vdot": [lambda t: [T.vdot(t.v, t.v)]],
    "kron": [lambda t: [T.kron(t.m, t.q)]],
    "cross": [lambda t: [T.cross(t.v, t.v)]],
    "einsum": [lambda t: [T.einsum("bij,j->bi", t.b, t.v)]],
    "cholesky": [lambda t: [T.linalg.cholesky(t.q), T.linalg.cholesky(t.b, lower=False)]],
    "cholesky_of_inverse": [lambda t: [T.cholesky_of_inverse(t.q)]],
    "inv": [lambda t: [T.linalg.inv(t.b)]],
    "solve": [lambda t: [T.linalg.solve(t.q, t.v), T.linalg.solve(t.b, t.m.T), T.linalg.solve(t.b, t.v), T.linalg.solve(t.q, t.b)]],
    "solve_triangular": [
        lambda t: [T.linalg.solve_triangular(t.b, t.v, lower=True), T.linalg.solve_triangular(t.q, t.m.T, trans=1)]
    ],
    "cho_solve": [lambda t: [T.linalg.cho_solve((t.q, True), t.v), T.linalg.cho_solve((t.b, False), t.m.T)]],
    "det": [lambda t: [T.linalg.det(t.b), T.linalg.det(t.q)]],
    "logdet": [lambda t: [T.linalg.logdet(t.b)]],
    "slogdet": [lambda t: T.linalg.slogdet(t.b)],
    "eigh": [lambda t: T.linalg.eigh(t.b)],
    "eigvalsh": [lambda t: [T.linalg.eigvalsh(t.b)]],
    "qr": [lambda t: T.linalg.qr(t.m)],
    "svd": [lambda t: T.linalg.svd(t.m, full_matrices=False)],
    "lu": [lambda t: T.linalg.lu(t.q)],
    "pinv": [lambda t: [T.linalg.pinv(t.m)]],
    "lstsq": [lambda t: T.linalg.lstsq(t.q, t.v)],
    "expm": [lambda t: [T.linalg.expm(t.q)]],
    "matrix_power": [lambda t: [T.linalg.matrix_power(t.q, 3)]],
    "matrix_rank": [lambda t: [T.linalg.matrix_rank(t.q)]],
    "multi_dot": [lambda t: [T.linalg.multi_dot(t.m, t.q, t.q)]],
    "block_diag": [lambda t: [T.linalg.block_diag(t.m, t.q)]],
}


def reductions(t, name):
    f = getattr(T, name)
    applied = [f(t.v), f(t.b, axis=(0, -1)), f(t.b, axis=1, keepdims=True), f(t.b, keepdims=True)]
    return applied + ([] if name in ("median", "ptp") else [f(t.w)])


def along(t, name):
    f = getattr(T, name)
    return [f(t.v), f(t.b, axis=1), f(t.b, -1)]


for _name in ["sum", "prod", "mean", "var", "std", "max", "min", "all", "any", "nansum", "nanmean", "nanmax", "nanmin", "median",
              "ptp", "count_nonzero", "logsumexp"]:  # fmt: skip
    APPLICATIONS[_name] = [lambda t, _name=_name: reductions(t, _name)]
for _name in ["argmax", "argmin", "cumsum", "cumprod", "cummax", "cumlogsumexp", "sort", "argsort", "softmax", "log_softmax"]:
    APPLICATIONS[_name] = [lambda t, _name=_name: along(t, _name)]

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
FLOAT_ONLY = {"cumlogsumexp", "softmax", "log_softmax", "eigh", "eigvalsh", "svd", "lu", "pinv", "lstsq", "qr", "slogdet", "det",
              "logdet", "expm", "matrix_rank", "interp", "cholesky", "cholesky_of_inverse", "inv", "solve",
              "solve_triangular", "cho_solve"}  # fmt: skip


def test_every_operator_is_covered():
    assert {n for n in OPERATORS if hasattr(T, n)} <= {*APPLICATIONS, *ELEMENTWISE}
    assert set(APPLICATIONS) <= set(OPERATORS)


def _value(tensor, generator):
    array = generator.uniform(0.5, 1.5, tensor.shape)
    if tensor.shape[-2:] == (3, 3):
        array = array + 3 * np.eye(3)
        array = array + np.swapaxes(array, -1, -2)
    if tensor.dtype == np.int64 and tensor.shape == (2,):
        return np.array([0, 2])
    return array.astype(tensor.dtype)


@pytest.mark.parametrize("dtype", ["int32", "float32", "float64", "complex128"])
@pytest.mark.parametrize("name", sorted(APPLICATIONS))
def test_rule_agrees_with_jax(name, dtype):
    if (name in NOT_COMPLEX and dtype == "complex128") or (name in FLOAT_ONLY and dtype == "int32"):
        pytest.skip("not defined for this type")
    arguments = tensors(np.dtype(dtype))
    outputs = [o for make in APPLICATIONS[name] for o in make(arguments)]
    used = [n for n in toposort(outputs) if n.op is OPERATORS[name]]
    assert used or name == "axis_length"
    for node in used:
        avals = [p.aval for p in node.parents]
        assert by_rule(node.op, avals, node.settings) == by_jax(node.op, avals, node.settings), node


@pytest.mark.slow
def test_results_are_as_inferred():
    arguments = tensors(np.dtype("float64"))
    generator = np.random.default_rng(0)
    outputs = [o for makes in APPLICATIONS.values() for make in makes for o in make(arguments)]
    outputs = [o for o in outputs if arguments.w not in set(toposort([o]))]
    inputs = [t for t in vars(arguments).values() if not t.weak]
    f = symjax.function(*inputs, outputs=outputs, canonicalize=False)
    values = f(*[_value(t, generator) for t in inputs])
    for o, value in zip(outputs, values, strict=True):
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
