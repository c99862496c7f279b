"""The compiled log density: values, layout, the way back, cheap forms."""

import jax
import numpy as np
import pytest

import symjax.pmc_bridge as pm
import symjax.tensor as T
from symjax.core._traverse import toposort
from symjax.pmc_bridge._compile import compile_log_density
from symjax.pmc_bridge._strength import reduce_strength


def _mixed():
    rng = np.random.default_rng(4)
    with pm.Model(coords={"group": range(3), "row": range(400)}) as model:
        index = pm.Data("index", rng.integers(0, 3, 400), dims="row")
        weights = pm.Dirichlet("weights", np.ones(3))
        spread = pm.HalfNormal("spread", 2.0)
        low = pm.Uniform("low", -1.0, 1.0)
        high = pm.Uniform("high", low, 2.0)
        effects = pm.Normal("effects", low, spread, dims="group")
        jump = pm.Poisson("jump", 3.0)
        pm.Deterministic("ratio", high / spread)
        pm.Potential("pull", -T.sum(weights**2))
        pm.Normal("y", effects[index] + jump, spread, observed=rng.normal(size=400), dims="row")
    return model


def test_the_flat_density_is_the_models_density(rng):
    model = _mixed()
    compiled = compile_log_density(model, rewrites=())
    unconstrained = {v.name: rng.normal(size=model.initial_point()[v.name].shape) for v in model.continuous_value_vars}
    point = unconstrained | {"jump": np.array(2)}
    position, discrete = compiled.flatten(point)
    assert position.shape == (compiled.target.size,) == (8,)
    assert discrete.tolist() == [2]
    with jax.enable_x64(True):
        value = float(compiled.target.function(position, discrete, compiled.target.data))
        terms = compiled.target.terms(position, discrete, compiled.target.data)
    assert value == pytest.approx(float(model.compile_logp()(point)), rel=1e-10)
    assert value == pytest.approx(sum(map(float, terms.values())), rel=1e-10)
    assert [v.name for v in compiled.target.variables] == [v.name for v in model.continuous_value_vars]
    plain = compile_log_density(model, rewrites=None).target
    with jax.enable_x64(True):
        assert float(plain.function(position, discrete, plain.data)) == pytest.approx(value, rel=1e-10)


def test_recover_gives_supports_and_deterministics(rng):
    model = _mixed()
    compiled = compile_log_density(model, rewrites=())
    names = [v.name for v in model.unobserved_RVs]
    draws = compiled.recover(rng.normal(size=(2, 5, 8)), np.full((2, 5, 1), 4), names)
    assert {k: v.shape[2:] for k, v in draws.items()} == {v.name: v.shape for v in model.unobserved_RVs}
    np.testing.assert_allclose(draws["weights"].sum(-1), 1.0)
    assert (draws["spread"] > 0).all() and (np.abs(draws["low"]) < 1).all()
    assert (draws["high"] > draws["low"]).all() and (draws["high"] < 2).all()
    np.testing.assert_allclose(draws["ratio"], draws["high"] / draws["spread"])
    assert (draws["jump"] == 4).all()


def test_observations_are_arguments_of_the_compiled_function():
    compiled = compile_log_density(_mixed(), rewrites=())
    sizes = {np.size(a) for a in jax.tree.leaves(compiled.target.data)}
    assert 400 in sizes
    with jax.enable_x64(True):
        jaxpr = jax.make_jaxpr(compiled.target.function)(np.zeros(8), np.zeros(1, np.int64), compiled.target.data)
    assert all(np.size(c) < 400 for c in jaxpr.consts)


def _operations(*outputs):
    return [n.fn_name for n in toposort(outputs) if n.op is not None]


@pytest.mark.parametrize(
    ("build", "divisions"),
    [
        (lambda x, s: x / s, 0),
        (lambda x, s: x / np.array([2.0, 4.0, 5.0]), 0),
        (lambda x, s: T.sin(x) / T.exp(0.5 * x), 0),
        (lambda x, s: (x / np.array([2.0, 4.0, 5.0])) ** 2, 0),
        (lambda x, s: 1 / s, 1),
        (lambda x, s: s / T.sqrt(T.abs(x)), 1),
        # exp(x) is needed anyway, so exp(-x) would be one more
        (lambda x, s: (lambda e: s / e + e)(T.exp(x)), 1),
    ],
)
def test_cheap_forms_have_the_same_values(build, divisions):
    x, s = T.Placeholder((3,), "float64", name="x"), T.Placeholder((), "float64", name="s")
    written = build(x, s)
    [cheap] = reduce_strength([written])
    assert _operations(cheap).count("divide") == divisions
    assert cheap.shape == written.shape and cheap.dtype == written.dtype
    given = {x: np.array([0.3, -2.0, 5.0]), s: np.array(0.7)}
    np.testing.assert_allclose(cheap.eval(given), written.eval(given), rtol=1e-14)


def test_squares_that_would_overflow_stay_as_they_are():
    x = T.Placeholder((2,), "float64", name="x")
    large = np.array([1e200, 1.0])
    [cheap] = reduce_strength([(x / large) ** 2])
    np.testing.assert_allclose(cheap.eval({x: np.array([1e200, 2.0])}), [1.0, 4.0])
