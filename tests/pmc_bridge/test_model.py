"""Models: names, dims, data, densities, errors."""

import gc
import re

import numpy as np
import pytest
import scipy.stats as st

import symjax.pmc_bridge as pm
import symjax.tensor as T
from symjax import ParameterError, ShapeError


def _regression(x, y):
    with pm.Model(coords={"row": np.arange(len(y))}) as model:
        data = pm.Data("x", x, dims="row")
        slope = pm.Normal("slope", 0.0, 2.0)
        sigma = pm.HalfNormal("sigma", 1.0)
        pm.Normal("y", slope * data, sigma, observed=y, dims="row")
    return model


def test_log_density_is_the_sum_of_the_laws_and_the_jacobian(rng):
    x, y = rng.normal(size=5), rng.normal(size=5)
    model = _regression(x, y)
    point = {"slope": 0.3, "sigma_log__": -0.4}
    sigma = np.exp(-0.4)
    expected = st.norm.logpdf(0.3, 0, 2) + st.halfnorm.logpdf(sigma) - 0.4 + st.norm.logpdf(y, 0.3 * x, sigma).sum()
    assert model.compile_logp()(point) == pytest.approx(expected, rel=1e-12)
    assert model.compile_logp(jacobian=False)(point) == pytest.approx(expected + 0.4, rel=1e-12)
    gradient = model.compile_dlogp()(point)
    step = 1e-6
    for i, name in enumerate(point):
        shifted = [model.compile_logp()({**point, name: point[name] + s}) for s in (step, -step)]
        assert gradient[i] == pytest.approx((shifted[0] - shifted[1]) / (2 * step), rel=1e-6)
    assert model.compile_d2logp()(point).shape == (2, 2)


def test_dims_give_shapes_and_are_checked_at_the_line():
    with pm.Model(coords={"group": ["a", "b", "c"]}) as model:
        x = pm.Normal("x", 0.0, 1.0, dims="group")
        assert x.shape == (3,)
        with pytest.raises(ShapeError, match=r"'z' has shape \(2,\), but dim 'group' has length 3"):
            pm.Normal("z", np.zeros(2), 1.0, shape=2, dims="group")
        with pytest.raises(KeyError, match="'groups' is not known.*Did you mean 'group'"):
            pm.Normal("w", 0.0, 1.0, dims="groups")
        with pytest.raises(ShapeError, match="'d' has 1 axes.*2 dims"):
            pm.Deterministic("d", x, dims=("group", "group"))
    assert model.named_vars_to_dims["x"] == ("group",)
    assert model.coords["group"] == ("a", "b", "c")


def test_errors_name_the_variable_and_what_to_do():
    with pm.Model():
        pm.Normal("x", 0.0, 1.0)
        with pytest.raises(ValueError, match="Variable name x already exists"):
            pm.Normal("x", 0.0, 1.0)
        with pytest.raises(ParameterError, match=r"Normal\('y'\): unknown keyword 'sigm'. Did you mean 'sigma'"):
            pm.Normal("y", 0.0, sigm=2.0)
        with pytest.raises(ParameterError, match=r"Normal\('y'\): 'sigma' must be positive, got -1.0 at index \(1,\)"):
            pm.Normal("y", 0.0, [1.0, -1.0])
        with pytest.raises(ShapeError, match=r"'y'.*\(3,\)"):
            pm.Normal("y", np.zeros(2), 1.0, observed=np.zeros(3))
        with pytest.raises(TypeError, match=r"'k' is discrete: observed must be whole numbers, got 0.5 at index \(0,\)"):
            pm.Poisson("k", 1.0, observed=[0.5, 1.0])
        with pytest.raises(TypeError, match="must be the variable's name, a string"):
            pm.Normal(0.0, 1.0)
    with pytest.raises(TypeError, match=re.escape("pm.Normal.dist(...)")):
        pm.Normal("x", 0.0, 1.0)


def test_nested_models_prefix_names():
    with pm.Model() as outer:
        pm.Normal("x", 0.0, 1.0)
        with pm.Model(name="inner") as inner:
            y = pm.Normal("y", 0.0, 1.0)
            assert inner["y"] is y
    assert list(outer.named_vars) == ["x", "inner::y"]
    assert outer["inner::y"] is y
    assert "y" not in outer and "x" in outer


def test_variables_are_attributes_of_their_models():
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        y = pm.Deterministic("y", x**2)
        with pm.Model(name="part") as part:
            inner = pm.Normal("x", 0.0, 1.0)
    assert model.x is x and model.y is y and part.x is inner and part["x"] is inner and model["part::x"] is inner
    assert hasattr(part, "y") and not hasattr(model, "z")
    with pytest.raises(AttributeError, match="no attribute or variable 'z'"):
        _ = model.z


def test_what_a_subclass_makes_in_its_init_belongs_to_it():
    class Trend(pm.Model):
        def __init__(self, spread, name=""):
            super().__init__(name)
            slope = pm.Normal("slope", 0.0, spread)
            pm.Deterministic("double", 2.0 * slope)

    alone = Trend(2.0)
    assert list(alone.named_vars) == ["slope", "double"] and alone.parent is None
    with pm.Model() as model:
        part = Trend(2.0, name="trend")
        assert part.parent is model and pm.modelcontext(None) is model
        with model, part, model:
            assert pm.modelcontext(None) is model
        assert pm.modelcontext(None) is model
    assert list(model.named_vars) == ["trend::slope", "trend::double"]
    with pytest.raises(TypeError, match="no model on the context stack"):
        pm.modelcontext(None)


def test_names_do_not_end_with_a_colon():
    with pm.Model(), pytest.raises(KeyError, match="must not end with a colon"):
        pm.Normal("x:")
    with pytest.raises(KeyError, match="must not end with a colon"):
        pm.Model(name="part::")


def test_data_do_not_depend_on_random_variables():
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        known = pm.Data("known", [1.0, 2.0])
        pm.Normal("y", x, 1.0, observed=2.0 * known)
        for value in (x, 2.0 * x, pm.Normal.dist(0.0, 1.0)):
            with pytest.raises(TypeError, match="'z': observed must be data, got an expression of the random variable"):
                pm.Normal("z", 0.0, 1.0, observed=value)
    assert [rv.name for rv in model.observed_RVs] == ["y"]


def test_membership_asks_for_identity():
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0, shape=3)
        y = pm.Normal("y", 0.0, 1.0, shape=2)
        d = pm.Deterministic("d", x)
    assert x in model.free_RVs and y in model.free_RVs
    assert d not in model.free_RVs and d in model.deterministics


def test_set_data_resizes_and_follows_coords(rng):
    model = _regression(rng.normal(size=4), rng.normal(size=4))
    with model, pytest.raises(ShapeError, match="coords"):
        pm.set_data({"x": np.zeros(2)})
    with pm.Model() as free:
        data = pm.Data("x", np.zeros(4), dims="row")
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("y", mu + data, 1.0, observed=None, shape=data.shape[0])
        pm.set_data({"x": np.arange(6.0)})
    assert free.dim_lengths["row"] == 6
    with pytest.raises(KeyError, match="did you mean 'x'"):
        pm.set_data({"xx": [1.0]}, model=free)


def test_initial_point_takes_support_points_and_overrides():
    with pm.Model() as model:
        mu = pm.Normal("mu", 3.0, 1.0)
        tau = pm.HalfCauchy("tau", 5.0)
        pm.Normal("x", mu, tau, shape=2, initval=[1.0, 2.0])
    point = model.initial_point()
    assert point["mu"] == 3.0
    assert point["tau_log__"] == pytest.approx(np.log(5.0))
    np.testing.assert_array_equal(point["x"], [1.0, 2.0])
    assert model.initial_point(overrides={"tau": 2.0})["tau_log__"] == pytest.approx(np.log(2.0))
    with pytest.raises(KeyError, match="did you mean 'tau'"):
        model.initial_point(overrides={"tua": 1.0})


def test_potential_and_transforms_enter_the_density():
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0, shape=2, transform=pm.distributions.transforms.ordered, initval=[-1.0, 1.0])
        pm.Potential("p", -mu.sum())
    point = model.initial_point()
    assert list(point) == ["mu_ordered__"]
    z = np.array([0.2, -0.3])
    value = np.array([0.2, 0.2 + np.exp(-0.3)])
    expected = st.norm.logpdf(value).sum() - 0.3 - value.sum()
    assert model.compile_logp()({"mu_ordered__": z}) == pytest.approx(expected, rel=1e-12)


def test_density_within_a_model_takes_its_variables_as_given():
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Potential("p", pm.logp(pm.Normal.dist(mu, 1.0), 0.5))
    expected = st.norm.logpdf(0.2) + st.norm.logpdf(0.5, 0.2)
    assert model.compile_logp()({"mu": 0.2}) == pytest.approx(expected, rel=1e-12)


def test_density_of_an_expression_within_a_model_takes_its_variables_as_given():
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Potential("p", pm.logp(T.exp(pm.Normal.dist(mu, 1.0)), 2.0))
        own = pm.logp(mu + 1.0, 1.5)
    expected = st.norm.logpdf(0.2) + st.lognorm.logpdf(2.0, 1.0, scale=np.exp(0.2))
    assert model.compile_logp()({"mu": 0.2}) == pytest.approx(expected, rel=1e-12)
    assert own.eval() == pytest.approx(st.norm.logpdf(0.5), rel=1e-12)


def test_parts_of_the_density_come_in_the_order_asked_for(rng):
    model = _regression(rng.normal(size=3), rng.normal(size=3))
    point = {"slope": 0.3, "sigma_log__": -0.4}
    y, slope = model.compile_logp([model["y"], model["slope"]], sum=False)(point)
    assert y.shape == (3,) and slope == pytest.approx(st.norm.logpdf(0.3, 0, 2))
    parts = [model.compile_fn(part)(point) for part in (model.varlogp, model.observedlogp, model.potentiallogp)]
    assert sum(parts) == pytest.approx(model.compile_logp()(point), rel=1e-12)
    with pytest.raises(ValueError, match="'x' is no random variable or potential"):
        model.logp([model["x"]])
    values = model.compile_fn(model.unobserved_value_vars)(point)
    np.testing.assert_allclose(values, [0.3, -0.4, np.exp(-0.4)])


def test_printing_and_graphs(rng):
    model = _regression(rng.normal(size=3), rng.normal(size=3))
    assert "slope ~ Normal(0, 2)" in str(model)
    assert r"\begin{array}" in model.str_repr("latex")
    graph = pm.model_to_networkx(model)
    assert set(graph.edges) == {("x", "y"), ("slope", "y"), ("sigma", "y")}
    assert graph.nodes["y"]["kind"] == "observed"
    mermaid = pm.model_to_mermaid(model)
    assert "row (3)" in mermaid and "slope --> y" in mermaid
    assert "cluster" in pm.model_to_graphviz(model).source


def test_debug_names_the_term(capsys):
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Exponential("y", T.exp(x), observed=[1.0, -2.0])
    model.debug()
    out = capsys.readouterr().out
    assert "y ~ Exponential: log density" in out and "index (1,)" in out


def test_explain_reports_rewrites_and_counts():
    with pm.Model() as model:
        pm.Exponential("x", 1.0)
    report = pm.explain(model, rewrites=())
    before, after = report.operations["x"]
    assert after < before
    assert any(r.rule == "require_of_proved" and r.variables == ("x",) for r in report.applied)
    assert "as sampled" in str(report) and "x" in report.to_networkx()


def test_a_transform_of_the_users_keeps_a_variable_from_being_integrated_out():
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0, shape=2, transform=pm.distributions.transforms.ordered, initval=[-1.0, 1.0])
        nu = pm.Normal("nu", 0.0, 1.0)
        pm.Normal("y", mu[:, None] + nu, 1.0, observed=np.zeros((2, 3)))
    report = pm.explain(model)
    assert [(r.rule, r.variables) for r in report.declined] == [("collapse", ("mu",))]
    assert report.dimensions == (3, 2)


def test_dropped_models_are_freed():
    def build():
        with pm.Model():
            x = pm.Normal("x", 0.0, 1.0, shape=100)
            pm.Normal("y", x * np.arange(100.0), 1.0, observed=np.zeros(100))

    def alive():
        gc.collect()
        return sum(type(o).__name__ == "RandomVariable" for o in gc.get_objects())

    build()
    before = alive()
    for _ in range(20):
        build()
    assert alive() <= before


def test_tables_take_part_in_expressions():
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([1.0, 2.0, 3.0])
    with pm.Model():
        slope = pm.Normal("slope", 0.0, 1.0)
        for product in (series * slope, slope * series, series + 1 - slope):
            assert isinstance(product, T.Tensor) and product.shape == (3,)
        y = pm.Normal("y", series * slope, 1.0, observed=series)
    assert y.shape == (3,)
