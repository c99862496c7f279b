"""Variables integrated out of a model by name, and recovered afterwards."""

import numpy as np
import pytest
import scipy.stats as st

import symjax.pmc_bridge as pm
import symjax.tensor as T
from symjax._errors import NotDerivableError

Y = np.array([-1.2, 0.4, 2.5, 3.1])


def _mixture():
    with pm.Model() as model:
        mu = pm.Normal("mu", [-1.0, 2.0], 0.5)
        z = pm.Bernoulli("z", 0.3, shape=4)
        pm.Deterministic("center", mu[z])
        pm.Deterministic("gap", mu[1] - mu[0])
        pm.Normal("y", mu[z], 1.0, observed=Y)
    return model


def test_the_density_is_summed_over_what_was_taken_out():
    marginal = pm.marginalize(_mixture(), ["z"])
    assert [rv.name for rv in marginal.free_RVs] == ["mu"]
    assert [d.name for d in marginal.deterministics] == ["gap"]
    mu = np.array([-0.7, 1.9])
    expected = np.logaddexp(np.log(0.7) + st.norm(mu[0], 1).logpdf(Y), np.log(0.3) + st.norm(mu[1], 1).logpdf(Y)).sum()
    expected += st.norm([-1.0, 2.0], 0.5).logpdf(mu).sum()
    assert float(marginal.compile_logp()({"mu": mu})) == pytest.approx(expected, rel=1e-12)


def test_recovered_draws_have_the_conditional_law():
    model = _mixture()
    marginal = pm.marginalize(model, "z")
    with marginal:
        tree = pm.sample(500, tune=500, chains=2, random_seed=1, progressbar=False)
    assert "z" not in tree.posterior and "center" not in tree.posterior
    found = pm.recover(marginal, tree, random_seed=2)
    mu = tree.posterior["mu"].values
    odds = 0.3 * st.norm(mu[..., 1:], 1).pdf(Y) / (0.7 * st.norm(mu[..., :1], 1).pdf(Y))
    p = odds / (1 + odds)
    z = found.posterior["z"].values
    assert z.shape == (2, 500, 4)
    spread = np.sqrt((p * (1 - p)).sum((0, 1)))
    assert np.all(np.abs((z - p).sum((0, 1))) < 5 * spread)
    np.testing.assert_allclose(found.posterior["center"].values, np.take_along_axis(mu, z, -1))
    assert "z" not in tree.posterior


def test_what_has_no_closed_form_is_refused_by_name():
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Poisson("y", T.exp(x), observed=[1, 2])
    with pytest.raises(NotDerivableError, match="'x' cannot be integrated out"):
        pm.marginalize(model, ["x"])
    with pytest.raises(KeyError, match="did you mean 'x'"):
        pm.marginalize(model, ["w"])
