"""`sample(step=...)`: users' steps, alone and together, beside rewriting; callbacks; other libraries' NUTS."""

from __future__ import annotations

import numpy as np
import pytest

import symjax.pmc_bridge as pm

QUIET = {"progressbar": False, "quiet": True, "cores": 2}
RATES = np.array([2.0, 3.0, 1.0])


def model():
    """Independent variables with known moments, so that every step can be judged."""
    with pm.Model() as found:
        pm.Normal("x", [1.0, -2.0], 0.5)
        pm.Gamma("g", 3.0, 2.0)
        pm.Poisson("n", 4.0)
        pm.Bernoulli("b", 0.3)
        pm.Categorical("c", [0.2, 0.5, 0.3])
    return found


MEANS = {"x": np.array([1.0, -2.0]), "g": 1.5, "n": 4.0, "b": 0.3, "c": 1.1}
VARIANCES = {"x": np.full(2, 0.25), "g": 0.75, "n": 4.0, "b": 0.21, "c": 0.49}
STEPS = {
    "nothing": lambda: None,
    "nuts": lambda: pm.NUTS(target_accept=0.9),
    "hmc": lambda: pm.HamiltonianMC(path_length=1.5),
    "metropolis": lambda: pm.Metropolis(),
    "blocked": lambda: pm.Metropolis(["x"], S=np.diag([0.25, 0.25]), proposal_dist=pm.step_methods.MultivariateNormalProposal),
    "slice": lambda: pm.Slice(),
    "some slices": lambda: [pm.Slice(["g"]), pm.BinaryMetropolis(["b"])],
    "nuts beside": lambda: [pm.Metropolis(["g"]), pm.NUTS()],
    "population": lambda: pm.DEMetropolis(),
    "past": lambda: [pm.DEMetropolisZ(["x"], tune="lambda"), pm.Slice(["g"])],
    "compound": lambda: pm.CompoundStep(
        [pm.CategoricalGibbsMetropolis(["c"]), pm.BinaryGibbsMetropolis(["b"]), pm.Metropolis("n")]
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_steps_leave_the_law_as_it_is(name):
    with model():
        tree = pm.sample(4000, tune=1000, chains=8, step=STEPS[name](), random_seed=5, rewrites=(), **QUIET)
    for variable, mean in MEANS.items():
        draws = tree.posterior[variable].values
        for values, expected in ((draws, mean), ((draws - mean) ** 2, VARIANCES[variable])):
            each = values.mean(1)
            error = each.std(0, ddof=1) / np.sqrt(8)
            # the t law of 7 degrees passes 9 once in 10⁵
            assert (np.abs(each.mean(0) - expected) < 9 * error).all(), variable


def test_gradient_steps_of_everything_keep_the_rewrites():
    with pm.Model():
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("y", mu, 1.0, observed=np.ones(5))
        exact = pm.sample(50, tune=50, chains=1, step=pm.NUTS(), random_seed=1, **QUIET)
        moved = pm.sample(50, tune=50, chains=1, step=pm.NUTS([mu]), random_seed=1, **QUIET)
    assert exact.sample_stats["n_steps"].sum() == 0 and moved.sample_stats["n_steps"].sum() > 0


@pytest.mark.parametrize(
    ("step", "error", "text"),
    [
        (lambda: pm.Metropolis(["nothing"]), ValueError, "'nothing'"),
        (lambda: [pm.Slice(["g"]), pm.NUTS(["g"])], ValueError, "two steps"),
        (lambda: pm.Slice(["n"]), ValueError, "cannot move 'n'"),
        (lambda: pm.BinaryMetropolis(["c"]), ValueError, "2 values"),
        (lambda: [pm.NUTS(["g"]), pm.HamiltonianMC(["x"])], TypeError, "gradient"),
        (lambda: pm.Metropolis(proposal_dist="Weird"), ValueError, "proposal_dist"),
        (lambda: pm.Metropolis(["x"], S=np.ones(3)), ValueError, "3 elements"),
        (lambda: pm.DEMetropolis(tune="all"), ValueError, "tune"),
        (lambda: "NUTS", TypeError, "step methods"),
    ],
)
def test_wrong_steps_are_refused(step, error, text):
    with model(), pytest.raises(error, match=text):
        pm.sample(10, tune=10, chains=2, step=step(), **QUIET)


def test_callbacks_get_the_trace_and_the_draw():
    seen = []

    def callback(trace, draw):
        assert trace.chain == draw.chain
        seen.append((draw.chain, draw.draw_idx, draw.tuning, draw.is_last, len(trace), draw.point))

    with pm.Model():
        pm.HalfNormal("s", 1.0, shape=2)
        tree = pm.sample(20, tune=10, chains=2, callback=callback, random_seed=1, thin=1, rewrites=(), **QUIET)
    mine = [s for s in seen if s[0] == 1]
    assert [s[1] for s in mine] == list(range(30)) and [s[4] for s in mine] == list(range(1, 31))
    assert [s[2] for s in mine] == [True] * 10 + [False] * 20 and mine[-1][3] and not mine[-2][3]
    np.testing.assert_allclose(np.exp([s[5]["s_log__"] for s in mine[10:]]), tree.posterior["s"].values[1], rtol=1e-12)


def test_a_callback_may_end_the_run():
    def callback(trace, draw):
        if len(trace) >= 60:
            assert trace["x"].shape == (60,) and trace.varnames == ["x"] and trace[-1] == draw.point
            raise KeyboardInterrupt

    with pm.Model():
        pm.Normal("x", 0.0, 1.0)
        tree = pm.sample(10_000, tune=20, chains=1, callback=callback, random_seed=1, rewrites=None, progressbar=False, quiet=True)
    assert 0 < tree.posterior.sizes["draw"] < 10_000


@pytest.mark.parametrize("library", ["numpyro", "blackjax", "nutpie"])
@pytest.mark.filterwarnings("ignore")
def test_other_samplers_draw_from_what_is_left(library):
    pytest.importorskip(library)
    with pm.Model():
        tau = pm.HalfNormal("tau", 1.0)
        theta = pm.Normal("theta", 0.0, tau, shape=4)
        pm.Normal("y", theta, 1.0, observed=np.array([0.5, -1.0, 2.0, 0.1]))
        pm.Deterministic("double", 2 * theta)
        keywords = {"draws": 1000, "tune": 500, "chains": 4, **QUIET}
        theirs = pm.sample(nuts_sampler=library, random_seed=1, **keywords).posterior
        ours = pm.sample(random_seed=2, **keywords).posterior
    assert theirs["theta"].shape == (4, 1000, 4)
    np.testing.assert_array_equal(theirs["double"], 2 * theirs["theta"])
    for name in ("tau", "theta"):
        a, b = (x[name].values.mean(1) for x in (theirs, ours))
        error = np.sqrt((a.var(0, ddof=1) + b.var(0, ddof=1)) / 4)
        assert (np.abs(a.mean(0) - b.mean(0)) < 12 * error + 0.02).all()


def test_results_go_to_zarr(tmp_path):
    xarray, _ = pytest.importorskip("xarray"), pytest.importorskip("zarr")
    with pm.Model():
        pm.Normal("x", 0.0, 1.0)
        tree = pm.sample(20, tune=20, chains=2, trace=tmp_path / "run.zarr", random_seed=1, **QUIET)
    read = xarray.open_datatree(tmp_path / "run.zarr", engine="zarr", consolidated=False)
    np.testing.assert_array_equal(read.posterior["x"], tree.posterior["x"])
    with pm.Model(), pytest.raises(TypeError, match="trace"):
        pm.Normal("x", 0.0, 1.0)
        pm.sample(5, tune=5, chains=1, trace=3, **QUIET)
