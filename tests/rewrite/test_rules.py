"""Every rule fires where it should, keeps values and gradients, and stays away where its condition fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import symjax.tensor as T
from symjax.core._function import prepare
from symjax.core._lower import lower
from symjax.core._node import Constant
from symjax.core._scope import detached
from symjax.core._traverse import toposort
from symjax.rewrite import RULES, canonicalize

from .array_cases import ARRAY_CASES
from .cases import CASES as SCALAR_CASES
from .cases import SHAPES, Case, points

CASES = [*SCALAR_CASES, *ARRAY_CASES]

NORMAL_FORMS = {"collect_terms", "collect_factors", "fold_constants"}


def describe(node: Any) -> str:
    """An expression as text, equal for equal expressions."""
    text: dict[Any, str] = {}
    for n in toposort([node]):
        if isinstance(n, Constant):
            text[n] = np.array2string(np.asarray(n.value), precision=12)
            if n.shape == ():
                text[n] = f"{float(n.value):.12g}"
        elif n.op is None:
            text[n] = n.name
        else:
            parts = [text[p] for p in n.parents]
            if n.op.name in ("add", "multiply", "logaddexp"):
                parts = sorted(parts)
            settings = [f"{k}={v}" for k, v in n.params]
            text[n] = f"{n.op.name}({', '.join(parts + settings)})"
    return text[node]


def make_inputs(case: Case) -> dict[str, Any]:
    return {n: T.Placeholder(SHAPES[n][0], SHAPES[n][1], name=f"{n}") for n in case.inputs.split()}


def compiled(exprs: Sequence[Any], inputs: dict[str, Any], gradient: bool) -> Any:
    """Values of expressions, and the gradients of their sums by the float inputs, as one function of the inputs' values."""
    program = lower(prepare(exprs, canonicalize=False), list(inputs.values()), fold=False)
    floats = [i for i, t in enumerate(inputs.values()) if t.dtype.kind == "f"]

    def values(arguments: list[Any]) -> list[Any]:
        return program.run(arguments, program.values_of_data())

    def both(arguments: list[Any]) -> Any:
        def total(chosen: list[Any], k: int) -> Any:
            full = list(arguments)
            for i, value in zip(floats, chosen, strict=True):
                full[i] = value
            return jnp.sum(values(full)[k])

        chosen = [arguments[i] for i in floats]
        return values(arguments), [jax.grad(total)(chosen, k) for k in range(len(exprs))] if gradient and floats else None

    return jax.jit(both)


def identify(case: Case) -> str:
    return case.rule


@pytest.mark.parametrize("case", CASES, ids=identify)
def test_rule(case: Case) -> None:
    with detached():
        inputs = make_inputs(case)
        before = T.as_tensor(case.before(**inputs))
        wanted = T.as_tensor(case.after(**inputs))
    log: list[Any] = []
    after = canonicalize(before, log=log)
    assert case.rule in [f.rule for f in log]
    assert describe(after) == describe(wanted)
    assert (after.shape, after.dtype, after.weak) == (before.shape, before.dtype, before.weak)
    smooth = case.gradient and before.dtype.kind == "f"
    run = compiled([before, after], inputs, smooth)
    tolerance = 1e-9 if before.dtype != np.float32 else 1e-6
    with jax.enable_x64(True):
        for point in points(case.inputs.split()):
            (a, b), gradients = run([point[n] for n in inputs])
            np.testing.assert_allclose(b, a, rtol=tolerance, atol=1e-13, equal_nan=True, err_msg=str(point))
            away_from_zero = all(np.all(v != 0) for v in point.values())
            if gradients is not None and away_from_zero:
                for da, db in zip(*gradients, strict=True):
                    da, db = np.asarray(da), np.asarray(db)
                    real = np.isfinite(da)
                    np.testing.assert_allclose(db[real], da[real], rtol=tolerance, atol=1e-11, err_msg=str(point))
        for point, truth in case.extreme:
            (_, b), _ = run([np.asarray(point[n], SHAPES[n][1]) for n in inputs])
            np.testing.assert_allclose(b, truth, rtol=1e-12)


@pytest.mark.parametrize("case", [c for c in CASES if c.declines], ids=identify)
def test_rule_declines(case: Case) -> None:
    for build in case.declines:
        with detached():
            inputs = make_inputs(case)
            before = T.as_tensor(build(**inputs))
        log: list[Any] = []
        after = canonicalize(before, log=log)
        assert case.rule not in [f.rule for f in log]
        run = compiled([before, after], inputs, False)
        with jax.enable_x64(True):
            for point in points(case.inputs.split()):
                (a, b), _ = run([point[n] for n in inputs])
                np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-13, equal_nan=True, err_msg=str(point))


def test_every_pointwise_rule_has_a_row() -> None:
    pointwise = {
        name for name, rule in RULES.items() if rule.kind == "pointwise" and rule.build.__module__.startswith("symjax.rewrite")
    }
    assert pointwise == {c.rule for c in CASES} - NORMAL_FORMS


def test_every_rule_has_a_formula() -> None:
    assert all(rule.formula for rule in RULES.values())
