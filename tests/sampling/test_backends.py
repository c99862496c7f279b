"""Other libraries' NUTS behind the same target, and ours against them."""

import sys

import jax.numpy as jnp
import numpy as np
import pytest

from symjax.sampling import DiscreteVariable, LogDensity, sample, sample_with


def schools():
    y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    s = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])

    def function(x, discrete, data):
        y, s = data
        mu, log_tau, z = x[0], x[1], x[2:]
        tau = jnp.exp(log_tau)
        prior = -0.5 * (mu / 5) ** 2 - jnp.log1p((tau / 5) ** 2) + log_tau - 0.5 * jnp.dot(z, z)
        return prior - 0.5 * jnp.sum(((y - mu - tau * z) / s) ** 2)

    return LogDensity(function, (y, s), 10)


@pytest.mark.slow
@pytest.mark.parametrize("library", ["numpyro", "blackjax", "nutpie"])
@pytest.mark.filterwarnings("ignore")
def test_posteriors_agree(library):
    pytest.importorskip(library)
    target, start = schools(), np.zeros((16, 10))
    ours = sample(target, start, random_seed=1, cores=2, target_accept=0.9, progressbar=False)
    theirs = sample_with(library, target, start, random_seed=2, target_accept=0.9)
    assert theirs.positions.shape == ours.positions.shape
    assert set(theirs.statistics) <= set(ours.statistics)
    for power in (1, 2):
        a, b = ((s.positions**power).mean(1) for s in (ours, theirs))
        error = np.sqrt((a.var(0, ddof=1) + b.var(0, ddof=1)) / len(a))
        assert (np.abs(a.mean(0) - b.mean(0)) < 6 * error).all()


def test_missing_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "blackjax", None)
    with pytest.raises(ImportError, match="pip install blackjax"):
        sample_with("blackjax", schools(), np.zeros((2, 10)))


def test_what_they_cannot_do_is_refused():
    target = LogDensity(lambda x, d, data: 0.0, (), 1, (), (DiscreteVariable("k", 0, 1, 0, 2),))
    with pytest.raises(ValueError, match="'k'"):
        sample_with("numpyro", target, np.zeros((2, 1)))
    with pytest.raises(ValueError, match="must be one of 'blackjax', 'numpyro', 'nutpie', got 'stan'"):
        sample_with("stan", schools(), np.zeros((2, 10)))
