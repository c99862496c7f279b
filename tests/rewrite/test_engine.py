"""The engine: fixpoints, identity of what is normal, order, cost, bodies, and values of random expressions."""

from __future__ import annotations

import math
import random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symjax.tensor as T
from symjax.core._function import function, prepare
from symjax.core._gradient import gradients
from symjax.core._inner import inner_graphs
from symjax.core._lower import lower
from symjax.core._scan import scan
from symjax.core._scope import detached
from symjax.core._traverse import make, toposort
from symjax.rewrite import Engine, Facts, canonicalize
from symjax.rewrite._engine import fit
from symjax.tensor import jax_wrap

from .test_rules import describe


def scalar(name: str) -> Any:
    with detached():
        return T.Placeholder((), "float64", name=name)


def random_graph(n: int, seed: int) -> list[Any]:
    """A graph of about `n` operations with much sharing."""
    generator = random.Random(seed)
    unary = [T.exp, T.log, T.tanh, T.sqrt, lambda a: 2.0 * a, lambda a: a - 1, T.square]
    binary = [T.add, T.subtract, T.multiply, T.divide]
    with detached():
        nodes: list[Any] = [scalar(f"x{i}") for i in range(10)]
        for _ in range(n):
            a, b = generator.choice(nodes[-30:]), generator.choice(nodes[-30:])
            nodes.append(generator.choice(binary)(a, b) if generator.random() < 0.5 else generator.choice(unary)(a))
    return nodes[-30:]


def test_log_of_product_of_exponentials_is_one_product_and_one_sum() -> None:
    x = scalar("x")
    after = canonicalize(T.log(T.exp(x) * T.exp(4 + x)))
    assert sorted(n.fn_name for n in toposort([after]) if n.op is not None) == ["add", "multiply"]


def test_normal_expressions_are_returned_as_they_are() -> None:
    x, y, v = scalar("x"), scalar("y"), T.Placeholder((3,), "float64", name="v")
    sigma = T.exp(y)
    normal = [
        x, x + y, x - y, x / y, -x, x**2, T.square(x), T.sqrt(x), T.log(x), 2 * x + 4, 3 - x, x / 3, -x - y, x * y,
        -0.5 * ((v - x) / sigma) ** 2, T.sum(v), T.where(x > 0, x, y), v[0], T.exp(x) + T.log(y), 1 / x, x**-1.5,
    ]  # fmt: skip
    for before in normal:
        assert canonicalize(before) is before


def test_structure_of_the_argument_is_kept() -> None:
    x = scalar("x")
    after = canonicalize({"a": [x + x, (x,)], "b": 2.0})
    assert describe(after["a"][0]) == "multiply(2, x)"
    assert after["a"][1] == (x,)


@pytest.mark.parametrize("seed", range(3))
def test_rewriting_reaches_a_fixpoint(seed: int) -> None:
    after = canonicalize(random_graph(400, seed))
    log: list[Any] = []
    again = canonicalize(after, log=log)
    assert log == []
    assert all(a is b for a, b in zip(again, after, strict=True))


def test_rewriting_is_deterministic() -> None:
    graphs = [canonicalize(random_graph(200, 5)) for _ in range(2)]
    assert [len(toposort([r])) for r in graphs[0]] == [len(toposort([r])) for r in graphs[1]]
    small = [canonicalize(random_graph(12, 7)[-3:]) for _ in range(2)]
    assert [describe(r) for r in small[0]] == [describe(r) for r in small[1]]


def test_attempts_grow_linearly() -> None:
    def attempts(n: int) -> int:
        roots = random_graph(n, 11)
        with detached():
            engine = Engine()
            engine.run(roots)
        return engine.attempts

    canonicalize(random_graph(10, 0))
    assert attempts(8000) < 3 * 4 * attempts(2000)


def test_long_chains_need_no_recursion() -> None:
    with detached():
        x = scalar("x")
        tanh = total = x
        for _ in range(100_000):
            tanh = T.tanh(tanh)
        for i in range(20_000):
            total = total + x if i % 2 else total - 2.0
    after = canonicalize([tanh, total])
    assert len(toposort([after[0]])) == 100_001
    assert describe(after[1]) == "subtract(multiply(10001, x), 20000)"


def test_long_sum_costs_little() -> None:
    with detached():
        xs = [scalar(f"x{i}") for i in range(50)]
        total = xs[0]
        for i in range(1, 5000):
            total = total + xs[i % 50]
        engine = Engine()
        [after] = engine.run([total])
    assert len([n for n in toposort([after]) if n.op is not None]) == 50
    assert engine.attempts < 5 * 5000


def test_bodies_are_rewritten() -> None:
    x = scalar("x")
    closed = canonicalize(prepare([gradients(T.log(T.exp(x) * T.exp(x)), x)], canonicalize=False)[0])
    [(_, body)] = inner_graphs(next(n for n in toposort([closed]) if n.op is not None and inner_graphs(n)))
    assert not {"exp", "log"} & {n.fn_name for n in toposort(body.outputs)}

    outputs, _ = scan(lambda c: T.log(T.exp(c)) + 1.0, outputs_info=[x], n_steps=3)
    after = canonicalize(outputs)
    names = {n.fn_name for m in toposort([after]) if m.op is not None for _, g in inner_graphs(m) for n in toposort(g.outputs)}
    assert "add" in names and "exp" not in names
    np.testing.assert_allclose(after.eval({x: 1.0}), [2.0, 3.0, 4.0])


def test_facts_reach_the_body_of_a_gradient() -> None:
    x = scalar("x")
    loss = T.log(T.square(T.exp(x)))
    after = canonicalize(prepare([gradients(loss, x)], canonicalize=False)[0])
    np.testing.assert_allclose(after.eval({x: 500.0}), 2.0)


def test_arguments_of_a_loop_are_not_taken_for_real_numbers() -> None:
    x = scalar("x")
    outputs, _ = scan(lambda c: c - c, outputs_info=[T.log(x)], n_steps=1)
    assert np.isnan(canonicalize(outputs).eval({x: -1.0})).all()


def test_functions_that_share_a_name_are_no_operators() -> None:
    def log(a: Any) -> Any:
        return a + 1.0

    x = scalar("x")
    assert float(canonicalize(jax_wrap(log)(T.exp(x))).eval({x: 0.0})) == 2.0


def test_types_are_kept() -> None:
    f, i = T.Placeholder((3,), "float32", name="f"), T.Placeholder((), "int64", name="i")
    expressions = [
        f + f,
        f * 2.0 * 3,
        T.log(T.exp(f)),
        i + i,
        i / 2 + i / 2,
        T.exp(f) * T.exp(f),
        0 * f,
        f - f,
        T.sum(2 * f),
        T.cast(i, "float64") * 1.0,
    ]
    for before in expressions:
        after = canonicalize(before)
        assert (after.shape, after.dtype, after.weak) == (before.shape, before.dtype, before.weak)


def test_mixed_types_are_left_alone() -> None:
    f, x = T.Placeholder((), "float32", name="f"), scalar("x")
    before = (f + x) + f
    assert canonicalize(before) is before


def test_results_that_do_not_fit_are_refused() -> None:
    x, v = scalar("x"), T.Placeholder((3,), "float64", name="v")
    i = T.Placeholder((), "int64", name="i")
    assert fit(v, x) is None
    assert fit(x, i) is None
    assert fit(x, v).shape == (3,)
    assert fit(i, x).dtype == np.float64


def test_unknown_axes_keep_their_values() -> None:
    x, v = scalar("x"), T.Placeholder((None,), "float64", name="v")
    f = function(x, v, outputs=[T.sum(v + T.exp(x)), T.sum(v - v), T.sum(v - T.log(x))])
    for n in (0, 1, 4):
        got = f(0.5, np.ones(n))
        np.testing.assert_allclose(got, [n * (1 + math.exp(0.5)), 0.0, n * (1 - math.log(0.5))], rtol=1e-12)
    np.testing.assert_array_equal(f(-1.0, np.ones(0))[2], 0.0)


def test_given_inner_nodes_are_left_alone() -> None:
    x = scalar("x")
    inner = x - 1
    f = function(inner, outputs=T.exp(inner + 1))
    np.testing.assert_allclose(f(1.0), math.exp(2.0))


def test_log_tells_what_fired() -> None:
    x = scalar("x")
    log: list[Any] = []
    before = T.log(T.exp(x))
    canonicalize(before, log=log)
    assert [(f.rule, f.before, f.after) for f in log] == [("log_of_exp", before, x)]


def test_what_shares_a_subexpression_keeps_sharing_it() -> None:
    x = scalar("x")
    after = canonicalize([T.exp(x + x) + 1, T.exp(2 * x)])
    assert after[0].parents[0] is after[1]


def test_facts() -> None:
    x, facts = scalar("x"), Facts()
    assert facts(x).real and not facts(x).is_nonzero
    assert facts(T.exp(x)).positive and facts(T.exp(x)).real
    assert facts(T.square(x) + 1).lower >= 1
    assert not facts(T.log(x)).defined and facts(T.log(T.exp(x))).real
    assert not facts(1 / x).finite and not facts(1 / x).defined
    assert facts(T.exp(T.log(x))).nonnegative and not facts(T.exp(T.log(x))).positive
    assert facts(1 / (1 + T.exp(-x))).positive
    assert facts(T.constant(np.array([1.0, 0.0]))).nonnegative and not facts(T.constant(np.array([1.0, 0.0]))).positive
    assert not facts(T.constant(np.array([1.0, np.nan]))).defined
    assert facts(T.maximum(x, 0.0)).nonnegative
    assert facts(T.where(x > 0, T.exp(x), 2.0)).positive
    assert not facts(T.sum(T.exp(T.Placeholder((None,), "float64", name="v")))).positive
    assert facts(T.floor(x)).integer and facts(T.Placeholder((), "int64", name="i")).integer


_UNARY = {
    "exp": T.exp, "log": T.log, "tanh": T.tanh, "sqrt": T.sqrt, "square": T.square, "neg": lambda a: -a, "abs": T.abs,
    "sigmoid": T.sigmoid, "one_minus": lambda a: 1 - a, "one_plus": lambda a: 1 + a, "double": lambda a: 2 * a,
    "cube": lambda a: a**3, "half": lambda a: a / 2, "reciprocal": lambda a: 1 / a, "root": lambda a: a**0.5,
    "sum": lambda a: T.sum(a + T.constant(np.array([0.5, 1.5]))), "log1p": T.log1p, "expm1": T.expm1,
}  # fmt: skip
_BINARY = {
    "add": T.add, "sub": T.subtract, "mul": T.multiply, "div": T.divide, "max": T.maximum,
    "where": lambda a, b: T.where(a > b, a, b), "less": lambda a, b: T.where(a < b, 1.0, b), "logaddexp": T.logaddexp,
}  # fmt: skip


@st.composite
def expressions(draw: Any) -> list[tuple[Any, ...]]:
    steps = []
    for k in range(draw(st.integers(2, 12))):
        pick = st.integers(0, k + 1)
        if draw(st.booleans()):
            steps.append((draw(st.sampled_from(sorted(_UNARY))), draw(pick)))
        else:
            steps.append((draw(st.sampled_from(sorted(_BINARY))), draw(pick), draw(pick)))
    return steps


def well_scaled(values: list[Any]) -> Any:
    """Whether, at each point, no value on the way is so large or small that rounding would decide."""
    sizes = np.abs(np.stack([np.asarray(v) for v in values]))
    return np.all(((sizes > 1e-6) & (sizes < 1e6)) | (sizes == 0) | ~np.isfinite(sizes), axis=0)


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(expressions())
def test_random_expressions_keep_their_values(steps: list[tuple[Any, ...]]) -> None:
    with detached():
        nodes = [scalar("x"), scalar("y")]
        for name, *places in steps:
            nodes.append((_UNARY if len(places) == 1 else _BINARY)[name](*[nodes[i] for i in places]))
        inputs, root = nodes[:2], nodes[-1]
    after = canonicalize(root)
    points = np.array([[0.7, 1.3], [-0.4, 2.1], [1.9, -0.8], [-1.1, -0.3], [0.0, 0.6], [0.5, 0.5]])
    program = lower([*nodes, after], inputs, fold=False)
    with jax.enable_x64(True):
        # operation by operation: hundreds of programs would each be compiled once and run once
        rows = [program.run([jnp.asarray(x), jnp.asarray(y)], ()) for x, y in points]
    *values, now = [np.array([float(row[i]) for row in rows]) for i in range(len(rows[0]))]
    usable = well_scaled(values)
    before, now = np.asarray(values[-1])[usable], np.asarray(now)[usable]
    # where the value is real it stays; where it is nan it stays nan; an infinity may become what a real expression is close to
    finite = np.isfinite(before)
    np.testing.assert_allclose(now[finite], before[finite], rtol=1e-6, atol=1e-8)
    assert np.all(np.isnan(now[np.isnan(before)]))


def test_programs_of_foreign_operators_survive() -> None:
    x = scalar("x")
    node = make(T.exp(x).op, [x])
    assert canonicalize(node) is node
