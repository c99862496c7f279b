"""Models made from models: `copy`, `do`, `observe`, `freeze_model`."""

from __future__ import annotations

import numpy as np
import pytest

import symjax.pmc_bridge as pm
import symjax.tensor as T
from symjax._errors import ShapeError


def chain(**kwargs):
    with pm.Model(**kwargs) as model:
        x = pm.Normal("x", 0.0, 1.0)
        y = pm.Normal("y", 10.0 * x, 0.1)
        pm.Normal("z", x + y, 0.1)
    return model


def regression():
    with pm.Model(coords={"k": ["a", "b"]}) as model:
        x = pm.Data("x", np.arange(3.0), dims="row")
        y = pm.Data("y", [1.0, 2.0, 3.0], dims="row")
        b = pm.Normal("b", 0.0, 1.0, dims="k")
        s = pm.HalfNormal("s", 1.0)
        mu = pm.Deterministic("mu", b[0] + b[1] * x, dims="row")
        pm.Normal("like", mu, s, observed=y, dims="row")
        pm.Potential("pull", -(b**2).sum())
    return model


def test_do_sets_a_variable_for_what_depends_on_it_alone():
    model = chain()
    cut = pm.do(model, {"y": 100.0})
    assert [v.name for v in cut.free_RVs] == ["x", "z"] and [v.name for v in cut.data_vars] == ["y"]
    x, z = pm.draw([cut["x"], cut["z"]], draws=200, random_seed=1)
    assert np.abs(z - x - 100.0).max() < 1.0 and np.abs(x).max() < 6.0
    assert [v.name for v in model.free_RVs] == ["x", "y", "z"]
    assert float(cut.compile_logp()({"x": 0.0, "z": 100.0})) == pytest.approx(-0.5 * np.log(2 * np.pi) * 2 - np.log(0.1), rel=1e-12)


def test_what_do_sets_is_data():
    cut = pm.do(chain(), {"y": 100.0})
    pm.set_data({"y": -50.0}, model=cut)
    assert pm.draw(cut["z"], random_seed=2) == pytest.approx(-50.0, abs=7)
    fixed = pm.do(chain(), {"y": 100.0}, make_interventions_shared=False)
    assert not fixed.data_vars and [v.name for v in fixed.deterministics] == ["y"]


def test_do_takes_expressions_of_other_variables_and_of_itself():
    model = chain()
    cut = pm.do(model, {"y": T.exp(model["x"])})
    x, y = pm.draw([cut["x"], cut["y"]], draws=50, random_seed=1)
    np.testing.assert_allclose(y, np.exp(x))
    with pytest.warns(UserWarning, match="do_y"):
        shifted = pm.do(model, {"y": model["y"] + 5.0})
    y, moved, x, z = pm.draw([shifted[n] for n in ("y", "do_y", "x", "z")], draws=50, random_seed=1)
    np.testing.assert_allclose(moved, y + 5.0)
    assert np.abs(z - x - moved).max() < 1.0


def test_do_on_what_is_observed_removes_the_likelihood_and_prunes():
    model = regression()
    cut = pm.do(model, {"mu": np.zeros(3)}, prune_vars=True)
    assert [v.name for v in cut.free_RVs] == ["b", "s"]  # the potential depends on b
    cut = pm.do(model, {"like": np.zeros(3)})
    assert not cut.observed_RVs and cut.named_vars_to_dims["like"] == ("row",)
    cut = pm.do(chain(), {"y": 0.0}, prune_vars=True)
    assert list(cut.named_vars) == []


def test_a_copy_has_data_of_its_own():
    model = regression()
    copy = model.copy()
    point = {"b": np.array([0.3, -0.2]), "s_log__": np.array(0.1)}
    before = float(model.compile_logp()(point))
    assert float(copy.compile_logp()(point)) == before
    pm.set_data({"x": np.arange(5.0), "y": np.ones(5)}, model=copy)
    assert copy.dim_lengths["row"] == 5 and model.dim_lengths["row"] == 3
    assert float(model.compile_logp()(point)) == before
    assert pm.draw(copy["like"], random_seed=1).shape == (5,) and pm.draw(model["like"], random_seed=1).shape == (3,)
    tree = pm.sample(20, tune=20, chains=1, cores=1, model=copy, random_seed=1, progressbar=False, quiet=True)
    assert tree.posterior["mu"].shape == (1, 20, 5)
    with copy:
        pm.Normal("more", 0.0, 1.0)
    assert "more" not in model


def test_observe_makes_free_variables_observed():
    model = chain()
    seen = pm.observe(model, {model["z"]: 3.0, "y": 2.0})
    assert [v.name for v in seen.observed_RVs] == ["z", "y"] and [v.name for v in seen.free_RVs] == ["x"]
    with pm.Model() as written:
        x = pm.Normal("x", 0.0, 1.0)
        y = pm.Normal("y", 10.0 * x, 0.1, observed=2.0)
        pm.Normal("z", x + y, 0.1, observed=3.0)
    at = {"x": np.array(0.4)}
    assert float(seen.compile_logp()(at)) == pytest.approx(float(written.compile_logp()(at)), rel=1e-12)


def test_bounds_that_are_variables_follow():
    with pm.Model() as model:
        a = pm.HalfNormal("a", 1.0)
        pm.Uniform("u", 0.0, a)
    cut = pm.do(model, {"a": 2.0})
    with pm.Model() as written:
        pm.Uniform("u", 0.0, 2.0)
    at = {"u_interval__": np.array(0.7)}
    assert float(cut.compile_logp()(at)) == pytest.approx(float(written.compile_logp()(at)), rel=1e-12)


def test_frozen_models_take_nothing_new():
    with pm.Model() as model:
        x = pm.Data("x", np.arange(3.0))
        n = pm.Data("n", np.ones(2))
        b = pm.Normal("b", n, 1.0, shape=n.shape)
        pm.Normal("y", b.sum() * x, 1.0, observed=np.arange(3.0), shape=x.shape)
    frozen = pm.freeze_model(model)
    assert [v.name for v in frozen.data_vars] == ["x"] and frozen["b"].shape == (2,)
    with pytest.raises(TypeError, match="frozen"), frozen:
        pm.Normal("more", 0.0, 1.0)
    with pytest.raises(TypeError, match="freeze_model"):
        pm.FrozenModel()
    all_known = pm.freeze_dims_and_data(model)
    assert not all_known.data_vars and all_known["y"].shape == (3,)
    at = {"b": np.array([0.1, 0.2])}
    assert float(all_known.compile_logp()(at)) == pytest.approx(float(model.compile_logp()(at)), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda m: pm.do(m, {"w": 1.0}), KeyError, "'w'"),
        (lambda m: pm.do(m, {"y": [1.0, 2.0]}), ShapeError, r"\(2,\)"),
        (lambda m: pm.observe(m, {"w": 1.0}), KeyError, "'w'"),
        (lambda m: pm.observe(pm.observe(m, {"y": 1.0}), {"y": 1.0}), ValueError, "no free variable"),
    ],
)
def test_errors_name_the_variable(call, error, text):
    with pytest.raises(error, match=text):
        call(chain())


def test_whole_numbers_stay_whole():
    with pm.Model() as model:
        pm.Poisson("n", 3.0)
    assert pm.do(model, {"n": 2.0})["n"].dtype.kind == "i"
    with pytest.raises(TypeError, match="whole numbers"):
        pm.do(model, {"n": 2.5})
