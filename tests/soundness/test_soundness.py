"""Three hundred random models: the posterior compiler may decline, and may not be wrong. `make soundness` runs ten thousand."""

import numpy as np
import pytest
from scipy.integrate import quad

from tests.soundness.families import FAMILIES
from tests.soundness.hierarchies import random_hierarchy
from tests.soundness.run import KINDS, one

#: Conditional draws are compiled and compared for one model in so many; densities for all.
DRAWS_EVERY = 10


@pytest.mark.parametrize("block", range(15))
@pytest.mark.parametrize("kind", KINDS)
def test_no_model_is_wrong(kind, block):
    for k in range(10 * block, 10 * block + 10):
        verdict = one(kind, 7, k, draws=k % DRAWS_EVERY == 0)
        assert verdict.problem is None, f"{kind} 7 {k}: {verdict.problem}"


def test_the_reference_is_consistent():
    """Integrating over a variable what the reference says with it fixed gives what it says without."""
    rng, checked = np.random.default_rng(3), 0
    while checked < 4:
        model = random_hierarchy(rng)
        shared = [v for v in model.latent if v.size is None]
        if len(shared) < 2 or FAMILIES[shared[0].family].support != "positive":
            continue
        whole = model.log_marginal({})
        found = quad(lambda t: np.exp(t + model.log_marginal({shared[0].name: np.exp(t)}) - whole), -12, 7, limit=200)  # noqa: B023
        assert found[0] == pytest.approx(1.0, rel=1e-5)
        checked += 1
