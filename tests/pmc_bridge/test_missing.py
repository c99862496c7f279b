"""Missing values in observed data."""

from __future__ import annotations

import numpy as np
import pytest

import symjax.pmc_bridge as pm

RNG = np.random.default_rng(3)
Y = np.where(np.isin(np.arange(30), [3, 7]), np.nan, RNG.normal(2.0, 1.0, 30))


def build(observed, **keywords):
    with pm.Model(coords={"row": range(30)}) as model:
        mu = pm.Normal("mu", 0.0, 5.0)
        with pytest.warns(pm.ImputationWarning, match="y contains missing values"):
            pm.Normal("y", mu, 1.0, observed=observed, **keywords)
    return model


def means(tree):
    return tree.posterior.mean(("chain", "draw"))


def test_missing_values_have_names_and_shapes_as_in_pymc():
    model = build(Y, dims="row")
    assert list(model.named_vars) == ["mu", "y_observed", "y_unobserved", "y"]
    assert [v.name for v in model.free_RVs] == ["mu", "y_unobserved"]
    assert model["y_unobserved"].shape == (2,) and model["y_observed"].shape == (28,)
    assert model.named_vars_to_dims == {"y": ("row",)}


@pytest.mark.parametrize("kind", ["array", "masked", "data", "list"])
def test_missing_values_are_drawn_given_the_rest(kind):
    observed = {"array": Y, "masked": np.ma.masked_invalid(Y), "list": Y.tolist(), "data": None}[kind]
    if kind == "data":
        with pm.Model() as model:
            mu = pm.Normal("mu", 0.0, 5.0)
            with pytest.warns(pm.ImputationWarning):
                pm.Normal("y", mu, 1.0, observed=pm.Data("d", Y))
    else:
        model = build(observed)
    tree = pm.sample(model=model, random_seed=1, progressbar=False)
    found = means(tree)
    seen = Y[~np.isnan(Y)]
    exact = seen.sum() / (len(seen) + 1 / 25)
    spread = np.sqrt(1 + 1 / (len(seen) + 1 / 25))
    assert np.all(np.abs(found["y_unobserved"] - exact) < 4.5 * spread / np.sqrt(4_000))
    np.testing.assert_array_equal(tree.posterior["y"].values[..., ~np.isnan(Y)], np.broadcast_to(seen, (4, 1_000, 28)))
    np.testing.assert_array_equal(tree.posterior["y"].values[..., np.isnan(Y)], tree.posterior["y_unobserved"].values)
    assert any("nothing depends on it" in r.reason for r in pm.explain(model).applied)


def test_rewriting_changes_nothing_about_missing_values():
    rates = RNG.uniform(0.5, 2.0, 6)
    with pm.Model() as model:
        scale = pm.Gamma("scale", 3.0, 2.0)
        with pytest.warns(pm.ImputationWarning):
            pm.Poisson("k", scale * rates, observed=np.ma.masked_values([1, 2, -9, 4, -9, 0], -9))
    exact = pm.sample(2_000, model=model, random_seed=1, progressbar=False)
    plain = pm.sample(2_000, model=model, random_seed=2, progressbar=False, rewrites=None, quiet=True)
    assert exact.posterior["k_unobserved"].dtype == np.int64
    a, b = means(exact)["k_unobserved"], means(plain)["k_unobserved"]
    assert np.all(np.abs(a - b) < 5 * plain.posterior["k_unobserved"].std(("chain", "draw")) / np.sqrt(400))


def test_whole_vectors_may_be_missing_and_parts_may_not():
    y = RNG.normal(size=(5, 2))
    y[3] = np.nan
    with pm.Model() as model, pytest.warns(pm.ImputationWarning):
        pm.MvNormal("y", np.zeros(2), np.eye(2), observed=y)
    assert model["y_unobserved"].shape == (1, 2)
    y[1, 0] = np.nan
    with pm.Model(), pytest.raises(ValueError, match="'y': some values of its MvNormal law are missing in part"):
        pm.MvNormal("y", np.zeros(2), np.eye(2), observed=y)


def test_data_that_are_nan_and_not_observed_are_refused_where_they_are_used():
    with pm.Model() as model:
        x = pm.Data("x", [0.0, np.nan])
        pm.Normal("y", pm.Normal("b") * x, 1.0, observed=np.zeros(2))
    with pytest.raises(ValueError, match=r"'x': the value at index \(1,\) is nan"):
        pm.sample(model=model, progressbar=False)
    with pytest.raises(ValueError, match=r"'x': the value at index \(1,\) is nan"):
        model.compile_logp()


def test_new_data_must_miss_the_same_values():
    with pm.Model() as model:
        with pytest.warns(pm.ImputationWarning):
            pm.Normal("y", pm.Normal("mu"), 1.0, observed=pm.Data("d", [0.0, np.nan, 1.0]))
    pm.set_data({"d": [3.0, np.nan, 4.0]}, model=model)
    with pytest.raises(ValueError, match="imputes missing values of 'd' at other places"):
        pm.set_data({"d": [3.0, 1.0, 4.0]}, model=model)
