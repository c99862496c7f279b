"""Gaussian processes observed with Gaussian noise, the function's values integrated out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._node import Tensor
from symjax.pmc_bridge.distributions import MvNormal
from symjax.pmc_bridge.gp._process import Process, at_point, solve_lower
from symjax.pmc_bridge.gp.cov import BaseCovariance, WhiteNoise
from symjax.pmc_bridge.gp.util import JITTER_DEFAULT, stabilize


class Predictive(Process):
    """Base of processes that predict: the normal law at new inputs given what was observed."""

    def _build_conditional(self, Xnew: Any, pred_noise: bool, diag: bool, given: Any, jitter: Any) -> tuple[Tensor, Tensor]:
        """Mean and covariance, or variances, at new inputs; a covariance without noise has `jitter` on its diagonal."""
        raise TypeError(f"{type(self).__name__} has no predictions")

    def conditional(
        self,
        name: str,
        Xnew: Any,
        pred_noise: bool = False,
        given: Mapping[str, Any] | None = None,
        jitter: Any = JITTER_DEFAULT,
        **kwargs: Any,
    ) -> Any:
        """A variable of the model: the function, or observations of it, at new inputs given the data.

        Parameters
        ----------
        name : str
            Its name.
        Xnew : tensor-like
            New inputs, ``(m, d)``.
        pred_noise : bool
            Whether it includes the noise of observations.
        given : mapping, optional
            ``gp``, a sum of processes that this one is a part of, and what that was conditioned on, by the names of
            `marginal_likelihood`; this process's own by default.
        jitter : tensor-like
            Added to the diagonals of covariance matrices.
        **kwargs
            Passed to `MvNormal`: ``dims``, ``shape``.

        Returns
        -------
        RandomVariable
            Normal, of shape ``(m,)``; `sample_posterior_predictive` draws it.

        Raises
        ------
        AttributeError
            If there is nothing to condition on: `marginal_likelihood` was not called and `given` lacks it.
        """
        mu, cov = self._build_conditional(Xnew, pred_noise, False, given, jitter)
        return MvNormal(name, mu=mu, cov=cov, **kwargs)

    def predict(
        self,
        Xnew: Any,
        point: Mapping[str, Any] | None = None,
        diag: bool = False,
        pred_noise: bool = False,
        given: Mapping[str, Any] | None = None,
        jitter: Any = JITTER_DEFAULT,
        model: Any = None,
    ) -> tuple[np.ndarray, ...]:
        """Mean and covariance at new inputs for one value of the parameters.

        Parameters
        ----------
        Xnew : tensor-like
            New inputs, ``(m, d)``.
        point : mapping of str to array-like, optional
            Values of the model's variables by name, such as `find_MAP` returns.
        diag : bool
            Whether to return variances instead of a covariance matrix.
        pred_noise, given, jitter
            As in `conditional`.
        model : Model, optional
            The model in context by default.

        Returns
        -------
        tuple of numpy.ndarray
            Arrays of shapes ``(m,)`` and ``(m, m)``, or ``(m,)`` twice if `diag`.

        Raises
        ------
        ValueError
            If the point lacks a variable that the prediction depends on.
        """
        return at_point(self._build_conditional(Xnew, pred_noise, diag, given, jitter), point, model)


class Marginal(Predictive):
    r"""A Gaussian process plus noise, :math:`y \sim N(m(X), K(X, X) + \Sigma)`, observed.

    Processes add: ``gp1 + gp2`` is the sum of independent ones, and ``gp1.conditional(..., given={"gp": gp1 + gp2})`` tells a
    part of what was observed together.

    Parameters
    ----------
    mean_func : Mean
        Mean function; zero by default.
    cov_func : Covariance
        Covariance function.

    Examples
    --------
    >>> import numpy as np, symjax.pmc_bridge as pm
    >>> X = np.array([[0.0], [1.0], [2.0]])
    >>> with pm.Model():
    ...     gp = pm.gp.Marginal(cov_func=pm.gp.cov.ExpQuad(1, ls=1.0))
    ...     y = gp.marginal_likelihood("y", X=X, y=np.array([0.0, 1.0, 0.0]), sigma=0.1)
    ...     mu, var = gp.predict(np.array([[1.0]]), diag=True)
    >>> mu.round(3)
    array([0.979])

    References
    ----------
    Rasmussen, Williams, Gaussian Processes for Machine Learning, 2006, equations 2.22 to 2.24 and 2.30.
    """

    needs = ("X", "y", "sigma")

    def marginal_likelihood(
        self, name: str, X: Any, y: Any, sigma: Any, jitter: Any = JITTER_DEFAULT, is_observed: bool = True, **kwargs: Any
    ) -> Any:
        """The observations as a variable of the model.

        Parameters
        ----------
        name : str
            Its name.
        X : tensor-like
            Inputs, ``(n, d)``.
        y : array-like
            Observations, of length n.
        sigma : tensor-like or Covariance
            Standard deviation of white noise, or the covariance function of the noise.
        jitter : tensor-like
            Added to the diagonal of the covariance matrix.
        is_observed : bool
            Whether `y` is data; a free variable if not.
        **kwargs
            Passed to `MvNormal`: ``dims``, ``shape``.

        Returns
        -------
        RandomVariable
            Of shape ``(n,)``.
        """
        self.X, self.y, self.sigma = X, y, sigma
        cov = self.cov_func(X) + noise(sigma)(X)
        observed = {"observed": y} if is_observed else {}
        return MvNormal(name, mu=self.mean_func(X), cov=stabilize(cov, jitter), **observed, **kwargs)

    def _build_conditional(self, Xnew: Any, pred_noise: bool, diag: bool, given: Any, jitter: Any) -> tuple[Tensor, Tensor]:
        (X, y, sigma), cov_total, mean_total = self._conditioned_on(given)
        chol = T.cholesky(stabilize(cov_total(X), jitter) + noise(sigma)(X))
        A = solve_lower(chol, self.cov_func(X, Xnew))
        v = solve_lower(chol, as_tensor(y) - mean_total(X))
        mu = self.mean_func(Xnew) + T.matmul(T.transpose(A), v)
        if diag:
            cov = self.cov_func(Xnew, diag=True) - T.sum(A**2, 0)
        else:
            cov = self.cov_func(Xnew) - T.matmul(T.transpose(A), A)
        if pred_noise:
            return mu, cov + noise(sigma)(Xnew, diag=diag)
        return mu, cov if diag else stabilize(cov, jitter)


def noise(sigma: Any) -> BaseCovariance:
    """The covariance function of noise from what users pass: that, or a standard deviation."""
    return sigma if isinstance(sigma, BaseCovariance) else WhiteNoise(sigma)
