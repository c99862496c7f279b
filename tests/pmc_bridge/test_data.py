"""Data whose axes change their lengths."""

import numpy as np
import pytest

import symjax.pmc_bridge as pm
from symjax import ShapeError


def _linear(**coords):
    with pm.Model(coords=coords) as model:
        x = pm.Data("x", np.arange(5.0), dims="row")
        z = pm.Data("z", np.ones(5), dims="row")
        slope = pm.Normal("slope", 0.0, 1.0)
        mean = pm.Deterministic("mean", slope * x + z, dims="row")
        pm.Normal("y", mean, 0.1, observed=np.arange(5.0), dims="row")
    return model


def test_data_of_one_dim_share_its_length():
    model = _linear()
    assert model["x"].shape == model["z"].shape == model["y"].shape
    assert model.dim_lengths == {"row": 5}
    expected = model.compile_logp()({"slope": 0.5})
    assert np.isfinite(expected)
    pm.set_data({"x": np.zeros(2), "z": np.zeros(2)}, model=model)
    assert model.dim_lengths == {"row": 2}
    assert model.eval_rv_shapes() == {"slope": ()}


def test_predictions_for_new_rows_have_their_number_and_coords():
    model = _linear(row=list("abcde"))
    with model:
        tree = pm.sample(50, tune=50, chains=1, random_seed=1, progressbar=False, compute_convergence_checks=False)
        assert tree.posterior["mean"].shape == (1, 50, 5)
        pm.set_data({"x": np.full(2, 10.0), "z": np.zeros(2)}, coords={"row": ["u", "v"]})
        found = pm.sample_posterior_predictive(tree, predictions=True, random_seed=1).predictions["y"]
    assert found.shape == (1, 50, 2)
    assert list(found["row"].values) == ["u", "v"]
    np.testing.assert_allclose(found.mean(("chain", "draw")), 10 * tree.posterior["slope"].mean(), atol=0.1)


def test_a_shape_taken_from_data_follows_them():
    with pm.Model() as model:
        x, y = pm.Data("x", np.arange(4.0)), pm.Data("y_data", np.zeros(4))
        slope = pm.Normal("slope", 0.0, 1.0)
        pm.Normal("y", slope * x, 1.0, observed=y, shape=x.shape[0])
    logp = model.compile_logp()
    constant = -0.5 * np.log(2 * np.pi)
    assert logp({"slope": 1.0}) == pytest.approx(5 * constant - 0.5 - 7.0, rel=1e-12)
    pm.set_data({"x": [3.0], "y_data": [0.0]}, model=model)
    assert logp({"slope": 1.0}) == pytest.approx(2 * constant - 0.5 - 4.5, rel=1e-12)


def test_latent_variables_along_a_dim_of_data():
    with pm.Model() as model:
        pm.Data("x", np.arange(3.0), dims="row")
        pm.Normal("latent", 0.0, 1.0, dims="row")
        pm.HalfNormal("scale", 1.0, dims="row")
    assert {k: v.shape for k, v in model.initial_point().items()} == {"latent": (3,), "scale_log__": (3,)}
    pm.set_data({"x": np.zeros(2)}, model=model)
    assert {k: v.shape for k, v in model.initial_point().items()} == {"latent": (2,), "scale_log__": (2,)}
    assert pm.draw(model["latent"], random_seed=1).shape == (2,)
    assert pm.sample_prior_predictive(7, model=model, random_seed=1).prior["scale"].shape == (1, 7, 2)


def test_errors_of_data_name_what_clashes():
    model = _linear(row=list("abcde"))
    with pytest.raises(ShapeError, match=r"'x' now has length 2 along 'row', which has 5 coordinates.*coords="):
        pm.set_data({"x": np.zeros(2)}, model=model)
    with pytest.raises(ShapeError, match=r"'x' has 1 axes, the new value shape \(2, 2\)"):
        pm.set_data({"x": np.zeros((2, 2))}, model=model)
    with pytest.raises(ShapeError, match="'x' has length 3 along 'row', and 2 coordinates"):
        pm.set_data({"x": np.zeros(3)}, model=model, coords={"row": ["u", "v"]})
    with model, pytest.raises(ShapeError, match=r"'w' has shape \(4,\), but dim 'row' has length 5"):
        pm.Data("w", np.zeros(4), dims="row")
    with model, pytest.raises(ShapeError, match=r"'w' has 1 axes, shape \(4,\), and 2 dims"):
        pm.Data("w", np.zeros(4), dims=("row", "column"))


def test_a_dim_that_a_variable_has_for_good_keeps_its_length():
    with pm.Model(coords={"row": np.arange(3)}) as model:
        pm.Normal("effect", 0.0, 1.0, dims="row")
        pm.Data("x", np.zeros(3), dims="row")
    with pytest.raises(ShapeError, match="length 2, but 'effect' has 3 of it for good"):
        pm.set_data({"x": np.zeros(2)}, model=model, coords={"row": [0, 1]})


def test_what_a_mask_hides_is_no_datum():
    with pm.Model() as model:
        seen = pm.Data("seen", np.ma.masked_values([1, -99, 3], -99))
        with pytest.warns(pm.ImputationWarning):
            pm.Normal("y", 0.0, 1.0, observed=seen)
    np.testing.assert_array_equal(seen.get_value(), [1.0, np.nan, 3.0])
    assert model.free_RVs[0].shape == (1,)


def test_new_data_are_not_cut_to_whole_numbers():
    with pm.Model() as model:
        n = pm.Data("n", [1, 2])
        flag = pm.Data("flag", [True, False])
    model.set_data("n", [3.0, 4.0])
    assert n.get_value().tolist() == [3, 4] and n.dtype == np.int64
    for bad in ([1.5, 2.0], [np.nan, 1.0], [np.inf, 1.0]):
        with pytest.raises(TypeError, match="'n' has dtype int64, which cannot hold"):
            model.set_data("n", bad)
    with pytest.raises(TypeError, match="'flag' has dtype bool, which cannot hold 2"):
        model.set_data("flag", [2, 1])
    model.set_data("flag", [0, 1])
    assert flag.get_value().tolist() == [False, True] and n.get_value().tolist() == [3, 4]
