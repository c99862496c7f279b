"""Random walks of vectors, with multivariate Normal and Student's t steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from symjax._errors import ShapeError
from symjax.core._scope import detached
from symjax.core._shapes import is_symbolic
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random._series import arguments_of, making
from symjax.random.distributions.mv_normal import MvNormal
from symjax.random.distributions.mv_student_t import MvStudentT
from symjax.random.distributions.random_walk import make_walk


def _first_of(init_dist: Any, chol: Any) -> Any:
    """The law of the first vector; Normal with variances of 100 where none is given."""
    if init_dist is not None:
        return init_dist
    k = chol.shape[-1]
    if is_symbolic(k):
        raise ShapeError("give init_dist=, for the number of elements is not known yet.")
    return MvNormal(np.zeros(k), 100.0 * np.eye(k))


class MvGaussianRandomWalkDistribution(Distribution):
    r"""Random walk of vectors with Normal steps, :math:`x_t = x_{t-1} + \epsilon_t` with :math:`\epsilon_t \sim N(\mu, \Sigma)`.

    Parameters
    ----------
    mu : tensor-like
        Mean of the steps, along the last axis. Where `shape` or `size` says how many walks there are, a first axis more than
        that is one for each step; so for the covariance.
    cov : tensor-like, optional
        Covariance matrix of the steps, symmetric and positive definite.
    tau, chol : tensor-like, optional
        Its inverse, or its Cholesky factor, instead of `cov`.
    lower : bool
        Whether `chol` is lower triangular.
    init_dist : RandomVariable, optional
        An unnamed draw from the law of the first vector; Normal with mean 0 and covariance 100 I by default.
    steps : int, optional
        Number of steps, one less than the axis of time, which is the last but one; from `shape` where not given.

    Examples
    --------
    >>> import numpy as np, symjax.random as R
    >>> start = R.MvNormal(np.zeros(2), np.eye(2))
    >>> R.MvGaussianRandomWalk(np.zeros(2), cov=np.eye(2), init_dist=start, steps=4, name="x").shape
    (5, 2)

    References
    ----------
    Harvey, Forecasting, Structural Time Series Models and the Kalman Filter, 1989, section 8.2.
    """

    event_ndim = 2

    def parametrize(
        self,
        mu: Any,
        *,
        cov: Any = None,
        tau: Any = None,
        chol: Any = None,
        lower: bool = True,
        init_dist: Any = None,
        steps: Any = None,
    ) -> Any:
        parents = MvNormal.parametrize(mu, cov, tau=tau, chol=chol, lower=lower)
        return parents, _first_of(init_dist, parents[-1]), steps

    def __call__(self, *args: Any, shape: Any = None, size: Any = None, **kwargs: Any) -> RandomVariable:
        return _make(self, MvNormal, args, kwargs, shape, size)


class MvStudentTRandomWalkDistribution(Distribution):
    r"""Random walk of vectors with Student's t steps, :math:`x_t = x_{t-1} + \epsilon_t`, :math:`\epsilon_t \sim t_\nu(\mu, S)`.

    Parameters
    ----------
    nu : tensor-like
        Degrees of freedom of the steps, positive.
    mu : tensor-like
        Location of the steps, along the last axis. Where `shape` or `size` says how many walks there are, a first axis more than
        that is one for each step; so for the other parameters.
    scale : tensor-like, optional
        Scale matrix of the steps, symmetric and positive definite.
    tau, chol : tensor-like, optional
        Its inverse, or its Cholesky factor, instead of `scale`.
    lower : bool
        Whether `chol` is lower triangular.
    init_dist : RandomVariable, optional
        An unnamed draw from the law of the first vector; Normal with mean 0 and covariance 100 I by default.
    steps : int, optional
        Number of steps, one less than the axis of time, which is the last but one; from `shape` where not given.

    Examples
    --------
    >>> import numpy as np, symjax.random as R
    >>> start = R.MvNormal(np.zeros(2), np.eye(2))
    >>> R.MvStudentTRandomWalk(nu=4.0, mu=np.zeros(2), scale=np.eye(2), init_dist=start, steps=4, name="x").shape
    (5, 2)

    References
    ----------
    Kotz, Nadarajah, Multivariate t Distributions and Their Applications, 2004, equation 1.1, for the steps.
    """

    event_ndim = 2

    def parametrize(
        self,
        *,
        nu: Any,
        mu: Any,
        scale: Any = None,
        tau: Any = None,
        chol: Any = None,
        lower: bool = True,
        init_dist: Any = None,
        steps: Any = None,
    ) -> Any:
        parents = MvStudentT.parametrize(nu, mu=mu, scale=scale, tau=tau, chol=chol, lower=lower)
        return parents, _first_of(init_dist, parents[-1]), steps

    def __call__(self, *args: Any, shape: Any = None, size: Any = None, **kwargs: Any) -> RandomVariable:
        return _make(self, MvStudentT, args, kwargs, shape, size)


def _make(family: Any, step: Distribution, args: Any, kwargs: dict[str, Any], shape: Any, size: Any) -> RandomVariable:
    own = making(kwargs)
    label = f"{family.name}({own.get('name')!r})"
    with detached():
        parents, first, steps = arguments_of(family, label, args, kwargs)
    return make_walk(label, step, parents, first, steps, shape, size, own)


MvGaussianRandomWalk = MvGaussianRandomWalkDistribution()
MvStudentTRandomWalk = MvStudentTRandomWalkDistribution()
