"""Gaussian process models of one text against PyMC: log densities at random points, laws of conditionals."""

import numpy as np

import symjax.tensor as T
from symjax.pmc_bridge.gp._process import at_point


def assert_same_log_density(ours, theirs, rng, rtol=1e-9, repeats=2):
    """Both models give the same log density, with Jacobians, at random points around PyMC's start."""
    start = theirs.initial_point()
    own, reference = ours.compile_logp(), theirs.compile_logp()
    for _ in range(repeats):
        point = {k: v + 0.3 * rng.normal(size=v.shape) for k, v in start.items()}
        np.testing.assert_allclose(own(point), reference(point), rtol=rtol)


def own_law(model, rv, point):
    """Parameters of a variable at a point, the Cholesky factor as the matrix that it is of."""
    *first, chol = rv.parents
    return at_point([*first, T.matmul(chol, T.transpose(chol))], point, model)


def pymc_law(pymc, model, rv, point):
    """The same of PyMC's variable."""
    parameters = rv.owner.op.dist_params(rv.owner)
    return pymc.gp.util.replace_with_values(list(parameters), point, model)


def assert_same_law(found, expected, rtol=1e-7, jitter=0.0):
    """Equal parameters, the matrix but for `jitter` on its diagonal."""
    *first, matrix = expected
    matrix = matrix.reshape(matrix.shape[-2:]) + jitter * np.eye(matrix.shape[-1])
    for a, b in zip(found, [*first, matrix], strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())
