"""Mean functions: PyMC's values, inputs as data, errors."""

import numpy as np
import pytest

import symjax.pmc_bridge as bridge
from symjax._errors import ShapeError

MEANS = {
    "Zero": lambda m: m.Zero(),
    "Constant": lambda m: m.Constant(1.3),
    "Linear": lambda m: m.Linear(np.array([0.5, -1.5]), intercept=0.7),
    "column": lambda m: m.Linear(np.array([[0.5], [-1.5]])),
    "sum": lambda m: m.Constant(0.4) + m.Linear(np.array([0.5, -1.5])),
    "product": lambda m: (m.Constant(0.4) + m.Linear(np.array([0.5, -1.5]))) * m.Constant(2.0),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MEANS)
def test_values_are_pymcs(name, rng):
    pymc = pytest.importorskip("pymc")
    x = rng.normal(size=(5, 2))
    np.testing.assert_allclose(MEANS[name](bridge.gp.mean)(x).eval(), MEANS[name](pymc.gp.mean)(x).eval(), rtol=1e-12)


@pytest.mark.parametrize("name", MEANS)
def test_inputs_may_be_data_that_change(name, rng):
    mean = MEANS[name](bridge.gp.mean)
    with bridge.Model():
        x = bridge.Data("x", rng.normal(size=(5, 2)))
        found = mean(x)
        for n in (5, 1):
            new = rng.normal(size=(n, 2))
            bridge.set_data({"x": new})
            assert found.eval().shape == (n,)
            np.testing.assert_allclose(found.eval(), mean(new).eval(), rtol=1e-12)


def test_a_scalar_coefficient_needs_one_column():
    mean = bridge.gp.mean.Linear(2.0)
    np.testing.assert_array_equal(mean(np.array([[3.0]])).eval(), [6.0])
    with pytest.raises(ShapeError, match="a coefficient for each column"):
        mean(np.ones((4, 2)))
    with pytest.raises(ShapeError, match=r"X\[:, None\]"):
        mean(np.ones(4))


def test_means_combine_with_means():
    with pytest.raises(TypeError, match="gp.mean.Constant"):
        bridge.gp.mean.Zero() + 1.0
