"""Rows for the rules of shapes, reductions and linear algebra."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import symjax.tensor as T

from .cases import Case


def _chol(a: Any) -> Any:
    return T.cholesky(a)


SHAPES_OF_ARRAYS = [
    Case("reshape_of_reshape", "m", lambda m: T.reshape(T.reshape(m, (3, 2)), (6,)), lambda m: T.reshape(m, (6,))),
    Case("transpose_of_transpose", "m", lambda m: T.transpose(T.transpose(m)), lambda m: m),
    Case(
        "view_of_filled",
        "x",
        lambda x: T.transpose(T.broadcast_to(x, (2, 3))),
        lambda x: T.broadcast_to(x, (3, 2)),
        [lambda x: T.transpose(T.broadcast_to(T.reshape(x, (1,)), (2, 3)))],
    ),
    Case("view_of_filled_2", "x", lambda x: T.reshape(T.broadcast_to(x, (2, 3)), (6,)), lambda x: T.broadcast_to(x, (6,))),
    Case("view_of_filled_3", "x", lambda x: T.broadcast_to(x, (2, 3))[0], lambda x: T.broadcast_to(x, (3,))),
    Case(
        "broadcast_of_broadcast",
        "v",
        lambda v: T.broadcast_to(T.broadcast_to(v, (2, 3)), (4, 2, 3)),
        lambda v: T.broadcast_to(v, (4, 2, 3)),
    ),
    Case("elementwise_of_broadcast", "x v", lambda x, v: T.broadcast_to(x, (3,)) * v, lambda x, v: x * v, [lambda x, v: T.exp(v)]),
    Case(
        "elementwise_of_broadcast", "x v", lambda x, v: T.exp(T.broadcast_to(x, (3,))), lambda x, v: T.broadcast_to(T.exp(x), (3,))
    ),
    Case(
        "item_at_number",
        "v",
        lambda v: v[T.constant(np.array(1))],
        lambda v: v[1],
        [lambda v: v[T.constant(np.array([1]))], lambda v: v[T.constant(np.array(7))]],
    ),
    Case("item_of_stack", "x y", lambda x, y: T.stack([x, y])[1], lambda x, y: y, [lambda x, y: T.stack([x, y])[:1]]),
    Case(
        "part_of_concatenate",
        "v w",
        lambda v, w: T.concatenate([v, w])[4],
        lambda v, w: w[1],
        [lambda v, w: T.concatenate([v, w])[2:5]],
    ),
    Case("part_of_concatenate", "v w", lambda v, w: T.concatenate([v, w])[3:5], lambda v, w: w[0:2]),
    Case(
        "stack_of_items",
        "v",
        lambda v: T.stack([v[0], v[1], v[2]]),
        lambda v: v,
        [lambda v: T.stack([v[1], v[0], v[2]]), lambda v: T.stack([v[0], v[1]])],
    ),
    Case("concatenate_of_one", "v", lambda v: T.concatenate([v]), lambda v: v),
    Case(
        "repeat_of_one",
        "x",
        lambda x: T.tile(x, (4,)),
        lambda x: T.broadcast_to(x, (4,)),
        [lambda x: T.tile(T.stack([x, 2 * x]), (2,))],
    ),
    Case("repeat_of_one_2", "x", lambda x: T.repeat(T.reshape(x, (1,)), 4), lambda x: T.broadcast_to(x, (4,))),
]

REDUCTIONS = [
    *[
        Case(n, "v", lambda v, f=f: f(v, axis=()), lambda v: v)
        for n, f in (
            ("reduction_of_nothing", T.sum),
            ("reduction_of_nothing_2", T.mean),
            ("reduction_of_nothing_3", T.prod),
            ("reduction_of_nothing_4", T.max),
            ("reduction_of_nothing_5", T.min),
        )
    ],
    *[
        Case(
            n,
            "m",
            lambda m, f=f: f(f(m, axis=0)),
            lambda m, f=f: f(m),
            [lambda m, f=f: f(f(m, axis=0, keepdims=True), axis=1)],
            gradient=False,
        )
        for n, f in (
            ("reduction_of_reduction", T.sum),
            ("reduction_of_reduction_2", T.max),
            ("reduction_of_reduction_3", T.min),
            ("reduction_of_reduction_4", T.prod),
        )
    ],
    Case(
        "sum_of_view", "m", lambda m: T.sum(T.reshape(m, (6,))), lambda m: T.sum(m), [lambda m: T.sum(T.reshape(m, (3, 2)), axis=0)]
    ),
    Case("sum_of_view_2", "m", lambda m: T.sum(T.transpose(m)), lambda m: T.sum(m), [lambda m: T.sum(T.transpose(m), axis=0)]),
    Case("sum_of_broadcast", "x", lambda x: T.sum(T.broadcast_to(x, (3, 4))), lambda x: 12 * x),
    Case(
        "sum_of_broadcast",
        "v x",
        lambda v, x: T.sum(v + x - 2.0),
        lambda v, x: T.sum(v) + 3 * x - 6,
        [lambda v, x: T.sum(v + v**2)],
    ),
    Case("sum_of_broadcast", "m v", lambda m, v: T.sum(m - v, axis=0), lambda m, v: T.sum(m, axis=0) - 2 * v),
    Case(
        "sum_of_broadcast",
        "m v x",
        lambda m, v, x: T.sum(m + x, axis=1, keepdims=True),
        lambda m, v, x: T.sum(m, axis=1, keepdims=True) + 3 * x,
    ),
    Case(
        "sum_of_scaled",
        "v x",
        lambda v, x: T.sum(x * v),
        lambda v, x: x * T.sum(v),
        [lambda v, x: T.sum(T.log(x) * v), lambda v, x: T.sum(v * v)],
    ),
    Case(
        "sum_of_scaled_2",
        "v x",
        lambda v, x: T.sum(v / (T.exp(x) + 1)),
        lambda v, x: T.sum(v) / (T.exp(x) + 1),
        [lambda v, x: T.sum(v / x)],
    ),
    Case("sum_of_scaled_3", "v x", lambda v, x: T.mean(x * v), lambda v, x: x * T.mean(v)),
    Case("sum_of_scaled_4", "v x", lambda v, x: T.mean(v / (T.exp(x) + 1)), lambda v, x: T.mean(v) / (T.exp(x) + 1)),
    Case("sum_of_negative", "v", lambda v: T.sum(-T.sin(v)), lambda v: -T.sum(T.sin(v))),
    Case("sum_of_negative_2", "v", lambda v: T.mean(-T.sin(v)), lambda v: -T.mean(T.sin(v))),
    Case(
        "mean_of_filled", "x", lambda x: T.mean(T.broadcast_to(x, (3,))), lambda x: x, [lambda x: T.mean(T.broadcast_to(x, (0,)))]
    ),
    Case("mean_of_filled_2", "x", lambda x: T.max(T.broadcast_to(x, (3,))), lambda x: x, gradient=False),
    Case("mean_of_filled_3", "x", lambda x: T.min(T.broadcast_to(x, (3,))), lambda x: x, gradient=False),
    Case("mean_of_shifted", "v x", lambda v, x: T.mean(v + x), lambda v, x: T.mean(v) + x, [lambda v, x: T.mean(v + v**2)]),
]

LINALG = [
    Case(
        "solve_of_inverse",
        "a v",
        lambda a, v: T.inv(a) @ v,
        lambda a, v: T.solve(a, v),
        [lambda a, v: T.inv(a) @ v + T.sum(T.inv(a))],
    ),
    Case(
        "solve_of_right_inverse",
        "a b",
        lambda a, b: b @ T.inv(a),
        lambda a, b: T.transpose(T.solve(T.transpose(a), T.transpose(b))),
        [lambda a, b: b @ T.inv(a) + T.inv(a)],
    ),
    Case(
        "triangular_of_solve",
        "a v",
        lambda a, v: T.solve(_chol(a), v),
        lambda a, v: T.solve_triangular(_chol(a), v, lower=True),
        [lambda a, v: T.solve(a, v)],
    ),
    Case(
        "cho_solve_of_solve",
        "a v",
        lambda a, v: T.solve(_chol(a) @ T.transpose(_chol(a)), v),
        lambda a, v: T.cho_solve((_chol(a), True), v),
        [lambda a, v: T.solve(a @ T.transpose(a), v)],
    ),
    Case(
        "det_of_product", "a b", lambda a, b: T.det(a @ b), lambda a, b: T.det(a) * T.det(b), [lambda a, b: T.det(a[:, :2] @ b[:2])]
    ),
    Case("det_of_transpose", "a", lambda a: T.det(T.transpose(a)), lambda a: T.det(a)),
    Case(
        "det_of_triangular",
        "a",
        lambda a: T.det(_chol(a)),
        lambda a: T.prod(T.diagonal(_chol(a), 0, 0, 1), axis=-1),
        [lambda a: T.det(T.tril(a, 1))],
    ),
    Case(
        "logdet_of_factors",
        "a",
        lambda a: T.logdet(T.tril(a)),
        lambda a: T.sum(T.log(T.abs(T.diagonal(T.tril(a), 0, 0, 1)))),
        [lambda a: T.logdet(a)],
    ),
    Case(
        "slogdet_of_factors",
        "a",
        lambda a: T.slogdet(_chol(a) @ T.transpose(_chol(a)))[1],
        lambda a: 2 * T.sum(T.log(T.diagonal(_chol(a), 0, 0, 1))),
        [lambda a: T.slogdet(a)[1]],
    ),
    Case(
        "sign_of_factors",
        "a",
        lambda a: T.slogdet(T.transpose(T.tril(a)))[0],
        lambda a: T.prod(T.sign(T.diagonal(T.tril(a), 0, 0, 1)), axis=-1),
        [lambda a: T.slogdet(a)[0]],
    ),
    Case(
        "log_of_det",
        "a",
        lambda a: T.log(T.det(a)),
        lambda a: T.log(T.slogdet(a)[0]) + T.slogdet(a)[1],
        extreme=[({"a": 1e150 * np.eye(3)}, 450 * math.log(10))],
    ),
    Case(
        "log_of_prod",
        "a",
        lambda a: T.log(T.det(_chol(a) @ T.transpose(_chol(a)))),
        lambda a: 2 * T.sum(T.log(T.diagonal(_chol(a), 0, 0, 1))),
    ),
    Case(
        "trace_of_product",
        "a b",
        lambda a, b: T.trace(a @ b),
        lambda a, b: T.sum(a * T.transpose(b)),
        [lambda a, b: T.trace(a @ b, 1)],
    ),
    Case(
        "diagonal_of_product",
        "a b",
        lambda a, b: T.diagonal(a @ b),
        lambda a, b: T.sum(a * T.transpose(b), axis=1),
        [lambda a, b: T.diagonal(a @ b, 1)],
    ),
    Case(
        "diagonal_of_product_2",
        "a b",
        lambda a, b: T.diag(a @ b),
        lambda a, b: T.sum(a * T.transpose(b), axis=1),
        [lambda a, b: T.diag(a @ b, 1)],
    ),
]

ARRAY_CASES = [*SHAPES_OF_ARRAYS, *REDUCTIONS, *LINALG]
