"""The names that users of PyMC type: each is here, in its module, or has a reason not to be."""

import importlib
import inspect

import numpy as np
import pytest

import symjax.pmc_bridge as ours

#: Names of PyMC's that are not here, and why.
EXCEPTIONS = {
    "BaseModel": "the base of two classes of models; there is one class here",
    "Continuous": "a base class of laws written for PyTensor; laws are subclasses of symjax.random's Distribution",
    "Discrete": "as Continuous",
    "Distribution": "as Continuous",
    "PolyaGamma": "its density has no expansion that keeps its digits for all shapes; Gibbs steps by it are not needed here",
    "SymbolicRandomVariable": "an operation of PyTensor",
    "blocking": "how PyMC's samplers lay out points",
    "compile_forward_sampling_function": "compiles PyTensor graphs",
    "get_data": "reads files that ship with PyMC's documentation",
    "initial_point": "builds PyTensor graphs; Model.initial_point gives the point",
    "logging": "the standard library's module, imported there by accident",
    "plots": "empty in PyMC: plots are ArviZ's",
    "printing": "how PyMC prints its models; there once something was printed",
    "progress_bar": "how PyMC shows progress",
    "util": "PyMC's own helpers",
    "vartypes": "sets of PyTensor's types",
}
#: Optimizers, which PyMC also calls on a loss to get updates of PyTensor's variables; here they are optax's for `fit`.
OPTIMIZERS = {
    "adadelta", "adagrad", "adagrad_window", "adam", "adamax", "apply_momentum", "apply_nesterov_momentum", "momentum",
    "nesterov_momentum", "rmsprop", "sgd",
}  # fmt: skip
IMPORTS = """
from symjax.pmc_bridge.distributions.continuous import Normal
from symjax.pmc_bridge.distributions.timeseries import AR, GaussianRandomWalk
from symjax.pmc_bridge.distributions.transforms import ordered
from symjax.pmc_bridge.logprob import logp, logcdf
from symjax.pmc_bridge.model.core import Model, modelcontext
from symjax.pmc_bridge.model.transform.conditioning import do, observe
from symjax.pmc_bridge.pytensorf import collect_default_updates
from symjax.pmc_bridge.sampling.forward import sample_prior_predictive
from symjax.pmc_bridge.variational.callbacks import CheckParametersConvergence
from symjax.tensor.extra_ops import cumsum
"""


def test_modules_can_be_imported_as_in_pymc():
    found: dict = {}
    exec(IMPORTS, found)
    assert found["Normal"] is ours.Normal and found["do"] is ours.do
    assert importlib.import_module("symjax.pmc_bridge.exceptions").SamplingError is not None
    assert ours.pytensorf.floatX(1).dtype == np.float64 and ours.pytensorf.intX(2.0).dtype == np.int64


def test_to_inference_data_makes_a_tree_of_arrays():
    rng = np.random.default_rng(1)
    with ours.Model(coords={"group": ["a", "b"]}) as model:
        x = ours.Normal("x", dims="group")
        ours.Normal("y", x, 1.0, observed=[0.5, 1.0], dims="group")
        draws = rng.normal(size=(2, 30, 2))
        tree = ours.to_inference_data({"x": draws}, prior={"x": draws, "y": draws}, log_likelihood=True, log_prior=["x"])
    assert set(tree.children) >= {"posterior", "prior", "prior_predictive", "observed_data", "log_likelihood", "log_prior"}
    assert tree.posterior["x"].dims == ("chain", "draw", "group")
    expected = -0.5 * (draws[..., 0] - 0.5) ** 2 - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(tree.log_likelihood["y"].values[..., 0], expected, rtol=1e-12)
    alone = ours.to_inference_data(posterior_predictive={"y": draws[0]}, sample_dims=["draw"], model=model, dims={"y": ["other"]})
    assert alone.posterior_predictive["y"].dims == ("chain", "draw", "other")
    with pytest.raises(ValueError, match="need posterior draws"):
        ours.to_inference_data(log_likelihood=True, model=model)


def test_predictions_to_inference_data_adds_predictions():
    with ours.Model() as model:
        ours.Data("rows", np.zeros(3), dims="row")
        ours.Normal("y", shape=3, dims="row")
        tree = ours.to_inference_data({"y": np.zeros((1, 5, 3))})
        whole = ours.predictions_to_inference_data({"y": np.ones((1, 5, 3))}, idata_orig=tree)
    assert {"predictions", "posterior"} <= set(whole.children) and "predictions" not in tree.children
    assert whole.predictions["y"].dims == ("chain", "draw", "row")
    with pytest.raises(ValueError, match="inplace=True"):
        ours.predictions_to_inference_data({"y": np.ones((1, 5, 3))}, model=model, inplace=True)


def test_init_nuts_gives_what_sample_takes():
    with ours.Model() as model:
        ours.HalfNormal("x", 2.0)
        points, step = ours.init_nuts(chains=2, random_seed=1, target_accept=0.9)
        assert [list(p) for p in points] == [["x_log__"]] * 2 and points[0]["x_log__"] != points[1]["x_log__"]
        assert np.isfinite(model.compile_logp()(points[0])) and isinstance(step, ours.NUTS)
        tree = ours.sample(20, tune=20, chains=2, step=step, random_seed=1, progressbar=False, quiet=True)
    assert tree.posterior.sizes["draw"] == 20


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_public_name_of_pymc_is_here():
    pymc = pytest.importorskip("pymc")
    names = {n for n in dir(pymc) if not n.startswith("_")}
    missing = {n for n in names if not hasattr(ours, n)}
    assert missing == EXCEPTIONS.keys() & names


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_functions_take_pymcs_arguments():
    pymc = pytest.importorskip("pymc")
    lacking = {}
    for name in dir(pymc):
        theirs, mine = getattr(pymc, name), getattr(ours, name, None)
        if name.startswith("_") or mine is None or not inspect.isfunction(theirs) or name in OPTIMIZERS:
            continue
        known = inspect.signature(mine).parameters
        if any(p.kind is p.VAR_KEYWORD for p in known.values()):
            continue
        wanted = inspect.signature(theirs).parameters
        found = [k for k, p in wanted.items() if k not in known and p.kind is not p.VAR_KEYWORD]
        if found:
            lacking[name] = found
    assert lacking == {}
