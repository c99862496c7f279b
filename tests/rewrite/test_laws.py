"""The side conditions of laws, on a toy family that is Normal by its formulas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest

import symjax.tensor as T
from symjax.core._function import clone, function
from symjax.core._leaves import as_tensor
from symjax.core._node import RandomOp, Token
from symjax.core._op import Aval, Operator
from symjax.core._scan import scan
from symjax.core._scope import detached
from symjax.core._shapes import broadcast_shapes
from symjax.core._traverse import make, toposort
from symjax.rewrite import RULES, Absorbed, RandomPattern, canonicalize, p, rule, sum_law, variables
from symjax.rewrite._rule import _INDEX

BELL = object()


class Draw(Operator):
    __slots__ = ("distribution",)

    def __init__(self) -> None:
        super().__init__("Bell", _draw, lambda op, avals, s: Aval(s["shape"], s["dtype"], False), random=True)
        self.distribution = BELL


def _draw(key: Any, mu: Any, sigma: Any, shape: Any, dtype: Any) -> Any:
    return mu + sigma * jax.random.normal(key, shape, dtype)


DRAW = Draw()


def bell(mu: Any = 0.0, sigma: Any = 1.0, shape: Any = None, seed: int | None = None, dtype: str = "float64") -> Any:
    parents = [as_tensor(mu), as_tensor(sigma)]
    shape = broadcast_shapes([q.shape for q in parents]) if shape is None else shape
    return make(DRAW, parents, {"shape": shape, "dtype": np.dtype(dtype)}, token=Token(seed=seed), kind=RandomOp)


@pytest.fixture(autouse=True)
def laws() -> Iterator[None]:
    before = dict(RULES)
    m, s = variables("m s")

    @sum_law
    def combine_bells(terms: Any, node: Any) -> Any:
        """Σ cᵢ N(mᵢ, sᵢ) = N(Σ cᵢ mᵢ, √Σ cᵢ² sᵢ²)."""
        draws = [t for t in terms if getattr(t.op, "distribution", None) is BELL and t.shape == node.shape]
        if not draws:
            return None
        mean, variance = 0.0, 0.0
        for d in draws:
            mean, variance = mean + terms[d] * d.parents[0], variance + (terms[d] * d.parents[1]) ** 2
        return Absorbed(tuple(draws), bell(mean, T.sqrt(variance)))

    @rule(p.sum(RandomPattern(BELL, (m, s), name="z")), kind="law")
    def sum_bells(z: Any, m: Any, s: Any) -> Any:
        """Σ N(m, s) over n elements = N(Σ m, √Σ s²)."""
        return bell(T.sum(T.broadcast_to(m, z.shape)), T.sqrt(T.sum(T.broadcast_to(s, z.shape) ** 2)))

    @rule(p.square(RandomPattern(BELL, (m, s))), kind="law")
    def square_bells(m: Any, s: Any) -> Any:
        """A pattern with one elementwise step, for tests of the conditions alone."""
        return bell(m, s) + 100.0

    yield
    RULES.clear()
    RULES.update(before)
    _INDEX.clear()


def draws_in(expr: Any) -> list[Any]:
    exprs = expr if isinstance(expr, list) else [expr]
    return [n for n in toposort(exprs) if isinstance(n, RandomOp)]


def parameters(node: Any) -> list[Any]:
    return [np.asarray(q.eval()) for q in node.parents]


def test_sum_of_two() -> None:
    log: list[Any] = []
    after = canonicalize(bell(1.0, 3.0) + bell(2.0, 4.0), log=log)
    assert isinstance(after, RandomOp)
    np.testing.assert_allclose(parameters(after), [3.0, 5.0])
    assert "combine_bells" in [f.rule for f in log]


def test_result_is_a_fresh_draw() -> None:
    a, b = bell(), bell()
    after = canonicalize(a + b)
    assert after.token not in (a.token, b.token)


def test_linear_combination_of_many() -> None:
    draws = [bell(float(i), 1.0 + i) for i in range(200)]
    total: Any = 5.0
    for i, d in enumerate(draws):
        total = total + (i % 3 - 1.5) * d
    after = canonicalize(total)
    assert len(draws_in(after)) == 1
    c = np.array([i % 3 - 1.5 for i in range(200)])
    mean, variance = (c * np.arange(200)).sum(), ((c * (1 + np.arange(200))) ** 2).sum()
    np.testing.assert_allclose(parameters(draws_in(after)[0]), [mean, np.sqrt(variance)])


def test_what_is_not_absorbed_is_added_back() -> None:
    x = T.Placeholder((), "float64", name="x")
    after = canonicalize(bell(1.0, 3.0) + x + bell(2.0, 4.0))
    [draw] = draws_in(after)
    assert after.op.name == "add" and {draw, x} == set(after.parents)


def test_symbolic_coefficients() -> None:
    x = T.Placeholder((), "float64", name="x")
    after = canonicalize(bell(1.0, 3.0) * T.exp(x) - bell(2.0, 4.0) / 2)
    [draw] = draws_in([after])
    np.testing.assert_allclose(
        [float(q.eval({x: 0.5})) for q in draw.parents], [np.exp(0.5) - 1, np.sqrt((3 * np.exp(0.5)) ** 2 + 4)]
    )


def test_random_coefficients_and_parameters() -> None:
    scale = bell(0.0, 1.0)
    after = canonicalize([T.exp(scale) * bell(0.0, 2.0), scale])
    assert len(draws_in(after)) == 2 and isinstance(after[0], RandomOp)
    hyper = bell(0.0, 1.0)
    after = canonicalize([bell(hyper, 2.0) + bell(hyper, 1.0), hyper])
    assert isinstance(after[0], RandomOp) and len(draws_in(after)) == 2


def test_sum_over_an_axis() -> None:
    after = canonicalize(T.sum(bell(1.0, 2.0, shape=(4,))))
    assert isinstance(after, RandomOp)
    np.testing.assert_allclose(parameters(after), [4.0, 4.0])


def test_laws_chain() -> None:
    after = canonicalize(T.sum(2 * bell(1.0, 2.0, shape=(4,)) + bell(0.0, 3.0, shape=(4,))) + bell())
    assert isinstance(after, RandomOp)
    np.testing.assert_allclose(parameters(after), [8.0, np.sqrt(4 * 25 + 1)])


def declines(expr: Any, **kwargs: Any) -> None:
    exprs = expr if isinstance(expr, list) else [expr]
    tokens = {d.token for d in draws_in(exprs)}
    after = canonicalize(exprs, **kwargs)
    assert {d.token for d in draws_in(after)} == tokens


def test_one_draw_twice_is_no_sum_of_two() -> None:
    a = bell(0.0, 1.0)
    after = canonicalize(a + a)
    np.testing.assert_allclose(parameters(draws_in(after)[0]), [0.0, 2.0])
    assert len(draws_in(after)) == 1


def test_equal_draws_are_two() -> None:
    np.testing.assert_allclose(parameters(canonicalize(bell() + bell())), [0.0, np.sqrt(2.0)])


def test_declines_when_a_draw_is_a_root() -> None:
    a, b = bell(), bell()
    declines([a + b, a])


def test_declines_when_a_draw_is_used_elsewhere() -> None:
    a, b = bell(), bell()
    declines([a + b, T.exp(a)])
    declines([a + b, bell(a, 1.0)])
    declines(T.exp(a) + (a + b))


def test_declines_when_a_step_is_used_elsewhere() -> None:
    a, b = bell(), bell()
    s = T.square(a)
    declines([s, T.exp(a)])
    t = a + b
    after = canonicalize([T.exp(t), T.sin(t)])
    assert len(draws_in(after)) == 1


def test_declines_when_a_draw_is_kept() -> None:
    a, b = bell(), bell()
    declines(a + b, keep=[a])


def test_declines_when_a_draw_has_a_seed() -> None:
    declines(bell(seed=1) + T.square(bell(seed=2)))
    a, b = bell(seed=3), bell()
    tokens = {d.token for d in draws_in(canonicalize(a + 2 * b + 1))}
    assert a.token in tokens and b.token not in tokens


def test_declines_when_a_draw_is_repeated() -> None:
    declines(bell() * T.constant(np.arange(3.0)))
    declines(bell() + T.constant(np.arange(3.0)))
    declines(bell() + bell(shape=(3,)))
    declines(T.square(T.broadcast_to(bell(), (3,))) * T.constant(np.arange(3.0)), laws=False)


def test_declines_when_parameters_depend_on_an_absorbed_draw() -> None:
    a = bell()
    declines([a + bell(a, 1.0)])


def test_declines_when_types_differ() -> None:
    a = bell(dtype="float32")
    declines(T.cast(a, "float64") + T.constant(np.float64(2.0)))
    declines(a * T.constant(np.float64(2.0)))


def test_declines_when_tokens_repeat_in_a_copy() -> None:
    m = T.Placeholder((), "float64", name="m")
    a = bell(m, 1.0)
    copy = clone(a, {m: as_tensor(2.0)})
    assert copy.token is a.token
    declines(a - copy)
    declines([T.square(a), T.exp(copy)])


def test_declines_inside_bodies_and_for_what_they_use() -> None:
    outputs, _ = scan(lambda c: c + bell() + bell(), outputs_info=[as_tensor(0.0)], n_steps=3)
    log: list[Any] = []
    canonicalize(outputs, log=log)
    assert not {"combine_bells"} & {f.rule for f in log}
    a = bell()
    outputs, _ = scan(lambda c: c + a, outputs_info=[as_tensor(0.0)], n_steps=3)
    declines([a + bell(), outputs])


def test_laws_can_be_turned_off() -> None:
    declines(bell() + bell(), laws=False)


def test_derivatives_see_the_draw() -> None:
    from symjax.core._function import prepare
    from symjax.core._gradient import gradients

    a, b = bell(), bell()
    roots = prepare([a + b, gradients(T.exp(a), a)], canonicalize=False)
    declines(roots)


def test_draws_that_a_parameter_uses_twice_stay() -> None:
    """A merge may use a parameter more often than before; what that parameter draws must not be absorbed on old counts."""
    z = bell()
    q = T.square(z)
    outer = [bell(q, 1.0) + bell(0.0, T.exp(q)), T.sin(z)]
    after = canonicalize(outer)
    assert z.token in {d.token for d in draws_in(after)}


def test_law_of_the_roots_is_kept() -> None:
    """Means and covariances of the joint law of several roots, rewritten or not, within five standard errors."""
    n = 40_000
    shared = bell(1.0, 2.0, shape=(n,))
    with detached():
        a, b = (bell(m, s, shape=(n,)) for m, s in ((0.5, 1.0), (-1.0, 0.5)))
        roots = [a + 2 * b + shared, shared - 1.0 + T.exp(shared * 0.1)]
    f, g = (function(outputs=roots, canonicalize=c, seed=7) for c in (True, False))
    assert len(draws_in(canonicalize(roots))) == 2
    left, right = np.array(f()), np.array(g())
    for moment in (lambda u: u[0], lambda u: u[1], lambda u: u[0] * u[1], lambda u: u[0] ** 2):
        x, y = moment(left), moment(right)
        error = np.sqrt((x.var() + y.var()) / n)
        assert abs(x.mean() - y.mean()) < 5 * error
