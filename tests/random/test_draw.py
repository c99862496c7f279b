"""Draws of expressions: joint, reproducible, checked."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats as st

import symjax.random as R
import symjax.tensor as T
from symjax._errors import MissingInputError, ParameterError


def test_shapes_and_structure():
    x = R.Normal(0.0, 1.0, shape=(2,), name="x")
    out = R.draw({"x": x, "both": (x.sum(), T.exp(x))}, draws=5, random_seed=1)
    assert out["x"].shape == (5, 2) and out["both"][0].shape == (5,) and out["both"][1].shape == (5, 2)
    assert R.draw(x, random_seed=1).shape == (2,)
    assert isinstance(R.draw(x.sum(), random_seed=1), np.ndarray)


def test_draws_are_joint():
    x = R.Normal(0.0, 1.0, name="x")
    y = R.Normal(x, T.exp(x), name="y")
    a, b, total = R.draw([x, y, x + y], draws=100, random_seed=2)
    np.testing.assert_allclose(a + b, total, rtol=1e-15)


@pytest.mark.parametrize("canonicalize", [True, False])
def test_law_of_the_draws(canonicalize):
    x = R.Normal(1.0, 2.0, name="x")
    y = T.exp(R.Normal(x, 1.0) / 3)
    drawn = R.draw(y, draws=4000, random_seed=3, canonicalize=canonicalize)
    assert st.kstest(np.log(drawn) * 3, st.norm(1, 5**0.5).cdf).pvalue > 1e-4


def test_elements_and_draws_are_independent():
    drawn = R.draw(R.Normal(0.0, 1.0, shape=(3,)), draws=4000, random_seed=4)
    correlation = np.corrcoef(np.vstack([drawn.T, np.roll(drawn[:, 0], 1)]))[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < 4.5 / np.sqrt(4000)


def test_one_seed_gives_the_same_draws():
    x = R.Normal(0.0, 1.0, name="x")
    np.testing.assert_array_equal(R.draw(x, 3, random_seed=7), R.draw(x, 3, random_seed=7))
    assert R.draw(x, random_seed=7) == R.draw(x, 3, random_seed=7)[0]
    assert R.draw(x, random_seed=7) != R.draw(x, random_seed=8)
    assert R.draw(x) != R.draw(x)
    generators = [np.random.default_rng(5), np.random.default_rng(5)]
    assert R.draw(x, random_seed=generators[0]) == R.draw(x, random_seed=generators[1])
    assert R.draw(x, random_seed=generators[0]) != R.draw(x, random_seed=5)


def test_a_named_draw_does_not_depend_on_what_else_is_drawn():
    x, y = R.Normal(0.0, 1.0, name="x"), R.Normal(0.0, 1.0, name="y")
    assert R.draw(x, random_seed=7) == R.draw([y, x], random_seed=7)[1]


def test_seed_of_a_variable_of_its_own():
    x = R.Normal(0.0, 1.0, seed=3)
    first = R.draw(x, 4, random_seed=1)
    np.testing.assert_array_equal(first, R.draw(x, 4, random_seed=2))
    assert len(set(first)) == 4


def test_draws_agree_between_processes():
    code = (
        "import symjax.random as R\n"
        "x = R.Normal(0.0, 1.0, name='x'); y = R.Normal(x, 1.0)\n"
        "print(*[v.tobytes().hex() for v in R.draw([x, y], 3, random_seed=11)])"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    out = [
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout for _ in range(2)
    ]
    assert out[0] == out[1] and out[0].strip()


def test_a_bad_parameter_is_an_error():
    s = R.Normal(0.0, 1.0, shape=(3, 2), name="s")
    with pytest.raises(ParameterError, match=r"'z': 'sigma' must be positive, got -\d.* at index \(\d, \d\) in draw \d"):
        R.draw(R.Normal(0.0, s, name="z"), draws=3, random_seed=0)
    with pytest.raises(ParameterError, match=r"'z': 'mu' must be a number, not nan in draw \d"):
        R.draw(R.Normal(T.log(R.Normal(0.0, 1.0)), 1.0, name="z"), draws=20, random_seed=0)


def test_a_bad_parameter_is_an_error_though_a_law_absorbs_its_draw():
    s = T.Variable(-1.0, name="s")
    total = R.Normal(0.0, s, name="z") + R.Normal(0.0, 1.0)
    with pytest.raises(ParameterError, match="'z': 'sigma' must be positive, got -1"):
        R.draw(total, random_seed=0)


def test_parameters_that_do_not_fit_together_are_an_error():
    with pytest.raises(ParameterError, match="'z': 'lower' must be less than 'upper' in draw \\d"):
        R.draw(R.Uniform(0.0, R.Normal(0.0, 1.0), name="z"), draws=20, random_seed=0)


def test_the_reported_value_is_the_one_that_was_drawn():
    s = R.Normal(0.0, 1.0, name="s")
    values = R.draw(s, 10, random_seed=5)
    first = int(np.argmax(values <= 0))
    with pytest.raises(ParameterError, match=f"got {values[first]} in draw {first}"):
        R.draw(R.Normal(0.0, s, name="z"), 10, random_seed=5)


def test_arguments():
    x = T.Placeholder((), "float64", name="x")
    with pytest.raises(MissingInputError, match="'x'|name=x"):
        R.draw(R.Normal(x, 1.0))
    with pytest.raises(ValueError, match="draws"):
        R.draw(R.Normal(0.0, 1.0), draws=0)
    assert R.draw(T.constant(2.0), draws=3).tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("seed", [lambda: [1, 2], lambda: np.random.RandomState(5), lambda: np.random.default_rng(5), lambda: 5])
def test_what_a_seed_may_be(seed):
    x = R.Normal(0.0, 1.0, shape=(3,), name="x")
    np.testing.assert_array_equal(R.draw(x, 2, random_seed=seed()), R.draw(x, 2, random_seed=seed()))
    other = R.draw(x, 2, random_seed=np.random.RandomState(6))
    assert not np.any(R.draw(x, 2, random_seed=seed()) == other)
    state = np.random.RandomState(5)
    assert not np.any(R.draw(x, random_seed=state) == R.draw(x, random_seed=state))
