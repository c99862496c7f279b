"""`WishartBartlett`: the Wishart law, or its Cholesky factor, under PyMC's names."""

import warnings

import numpy as np
import pytest

import symjax.pmc_bridge as pm
import symjax.random as R
from symjax import ParameterError

S = np.array([[2.0, 0.3, -0.4], [0.3, 1.0, 0.1], [-0.4, 0.1, 0.7]])
ROOT = np.linalg.cholesky(S)


def build(module, **options):
    with module.Model() as model:
        module.WishartBartlett("w", ROOT if options.get("is_cholesky") else S, 7, **options)
    return model


@pytest.mark.parametrize("is_cholesky", [False, True])
def test_the_variable_is_wishart(is_cholesky):
    model = build(pm, is_cholesky=is_cholesky)
    assert R.logp(model["w"], 3 * S).eval() == pytest.approx(R.logp(R.Wishart(7, S), 3 * S).eval(), rel=1e-12)
    np.testing.assert_allclose(R.Wishart.mean(*model["w"].parents).eval(), 7 * S)


@pytest.mark.parametrize("is_cholesky", [False, True])
def test_the_factor_is_of_a_wishart_matrix(is_cholesky):
    model = build(pm, is_cholesky=is_cholesky, return_cholesky=True)
    assert [v.name for v in model.free_RVs] == ["_w_wishart"] and [v.name for v in model.deterministics] == ["w"]
    tree = pm.sample(100, tune=100, chains=1, random_seed=1, progressbar=False, compute_convergence_checks=False, model=model)
    factor, matrix = (tree.posterior[k].values[0] for k in ("w", "_w_wishart"))
    assert np.all(np.triu(factor, 1) == 0)
    np.testing.assert_allclose(factor @ np.swapaxes(factor, -1, -2), matrix, rtol=1e-8)


def test_errors():
    with pytest.raises(NotImplementedError, match=r"WishartBartlett\('w'\): give 'initval'"):
        build(pm, initval=S)
    with pytest.raises(ParameterError, match=r"Wishart\('w'\): 'scale_chol' must be lower triangular"), pm.Model():
        pm.WishartBartlett("w", S, 7, is_cholesky=True)
    with pytest.raises(ParameterError, match="exactly one of them; got none"):
        R.Wishart(7)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"is_cholesky": True}, {"return_cholesky": True}])
def test_against_pymc(options):
    theirs = pytest.importorskip("pymc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        expected = build(theirs, **options)
    ours = build(pm, **options)
    assert {v.name for v in ours.unobserved_RVs} == {v.name for v in expected.unobserved_RVs}
    [name] = [v.name for v in ours.value_vars]
    point = {name: np.linspace(-0.5, 0.8, 6)}
    assert [v.name for v in expected.value_vars] == [name]
    assert ours.compile_logp()(point) == pytest.approx(float(expected.compile_logp()(point)), rel=1e-7)
