"""What tests against PyMC share."""

import warnings

import pytest


@pytest.fixture(scope="module")
def fast_pymc():
    """PyMC with its graphs hardly compiled: for one small evaluation each, compiling takes longer than all else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pymc = pytest.importorskip("pymc")
    import pytensor

    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield pymc
