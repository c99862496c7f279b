"""Gaussian processes observed with noise, approximated through their values at few inducing inputs."""

from __future__ import annotations

import math
from typing import Any

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._node import Tensor
from symjax.pmc_bridge._terms import Potential
from symjax.pmc_bridge.gp._marginal import Predictive
from symjax.pmc_bridge.gp._process import solve_lower
from symjax.pmc_bridge.gp.cov import Constant
from symjax.pmc_bridge.gp.mean import Zero
from symjax.pmc_bridge.gp.util import JITTER_DEFAULT, stabilize

_APPROXIMATIONS = ("VFE", "FITC", "DTC")


class MarginalApprox(Predictive):
    r"""A Gaussian process plus white noise, observed, approximated through m inducing inputs.

    With :math:`Q = K_{Xu} K_{uu}^{-1} K_{uX}` the observations are normal with covariance :math:`Q + \Lambda`, which costs
    O(n m²), not O(n³).

    Parameters
    ----------
    approx : {"VFE", "FITC", "DTC"}
        How: Λ is the noise alone in "DTC", and in "VFE", which bounds the log density from below by a term for what Q lacks; in
        "FITC" it has the variances that Q lacks.
    mean_func : Mean
        Mean function; zero by default.
    cov_func : Covariance
        Covariance function.

    Raises
    ------
    NotImplementedError
        If `approx` is another one.

    Examples
    --------
    >>> import numpy as np, symjax.pmc_bridge as pm
    >>> X = np.linspace(0.0, 1.0, 50)[:, None]
    >>> with pm.Model():
    ...     gp = pm.gp.MarginalApprox(approx="FITC", cov_func=pm.gp.cov.ExpQuad(1, ls=0.3))
    ...     gp.marginal_likelihood("y", X=X, Xu=X[::10], y=np.sin(6 * X[:, 0]), sigma=0.1)
    ...     mu, var = gp.predict(np.array([[0.5]]), diag=True)
    >>> mu.round(2)
    array([0.14])

    References
    ----------
    Quiñonero-Candela, Rasmussen, A Unifying View of Sparse Approximate Gaussian Process Regression, 2005, sections 5 and 6;
    Titsias, Variational Learning of Inducing Variables in Sparse Gaussian Processes, 2009, equation 9.
    """

    needs = ("X", "Xu", "y", "sigma")

    def __init__(self, approx: str = "VFE", *, mean_func: Any = Zero(), cov_func: Any = Constant(0.0)):
        if approx not in _APPROXIMATIONS:
            raise NotImplementedError(f"approx must be one of {list(_APPROXIMATIONS)}, got {approx!r}.")
        super().__init__(mean_func=mean_func, cov_func=cov_func)
        self.approx = approx

    def __add__(self, other: Any) -> Any:
        total = super().__add__(other)
        if self.approx != other.approx:
            raise TypeError(f"processes of different approximations do not add: {self.approx} and {other.approx}.")
        total.approx = self.approx
        return total

    def marginal_likelihood(
        self, name: str, X: Any, Xu: Any, y: Any, sigma: Any, jitter: Any = JITTER_DEFAULT, **kwargs: Any
    ) -> None:
        """Add the approximate log density of the observations to the model, as the potential ``marginalapprox_loglik_name``.

        Parameters
        ----------
        name : str
            Name of the observations.
        X : tensor-like
            Inputs, ``(n, d)``.
        Xu : tensor-like
            Inducing inputs, ``(m, d)``; `gp.util.kmeans_inducing_points` chooses some.
        y : array-like
            Observations, of length n.
        sigma : tensor-like
            Standard deviation of the noise.
        jitter : tensor-like
            Added to the diagonal of the inducing values' covariance matrix.
        **kwargs
            Passed to `Potential`.
        """
        self.X, self.Xu, self.y, self.sigma = X, Xu, y, sigma
        Potential(f"marginalapprox_loglik_{name}", self._log_density(X, Xu, y, sigma, jitter), **kwargs)

    def _factors(
        self, X: Any, Xu: Any, y: Any, sigma: Any, cov_func: Any, mean_func: Any, jitter: Any
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Factors of K_uu and of I + A Λ⁻¹ Aᵀ for A = L⁻¹ K_uX, then A, Λ, the deviation of y and the whitened projection of it."""
        chol = T.cholesky(stabilize(cov_func(Xu), jitter))
        A = solve_lower(chol, cov_func(Xu, X))
        variances = T.as_tensor(sigma) ** 2 * T.ones_like(A[0])
        if self.approx == "FITC":
            variances = variances + T.maximum(cov_func(X, diag=True) - T.sum(A**2, 0), 0.0)
        weighted = A / variances
        inner = T.cholesky(stabilize(T.matmul(weighted, T.transpose(A)), 1.0))
        deviation = as_tensor(y) - mean_func(X)
        return chol, inner, A, variances, deviation, solve_lower(inner, T.matmul(weighted, deviation))

    def _log_density(self, X: Any, Xu: Any, y: Any, sigma: Any, jitter: Any) -> Tensor:
        _, inner, A, variances, deviation, c = self._factors(X, Xu, y, sigma, self.cov_func, self.mean_func, jitter)
        half_log_det = 0.5 * T.sum(T.log(2 * math.pi * variances)) + T.sum(T.log(T.diagonal(inner)))
        square = T.sum(deviation**2 / variances) - T.sum(c**2)
        lost = T.sum(self.cov_func(X, diag=True)) - T.sum(A**2) if self.approx == "VFE" else 0.0
        return -half_log_det - 0.5 * square - 0.5 * lost / T.as_tensor(sigma) ** 2

    def _build_conditional(self, Xnew: Any, pred_noise: bool, diag: bool, given: Any, jitter: Any) -> tuple[Tensor, Tensor]:
        (X, Xu, y, sigma), cov_total, mean_total = self._conditioned_on(given)
        chol, inner, *_, c = self._factors(X, Xu, y, sigma, cov_total, mean_total, jitter)
        A = solve_lower(chol, self.cov_func(Xu, Xnew))
        C = solve_lower(inner, A)
        mu = self.mean_func(Xnew) + T.matmul(T.transpose(C), c)
        if diag:
            cov = self.cov_func(Xnew, diag=True) - T.sum(A**2, 0) + T.sum(C**2, 0)
            return mu, cov + T.as_tensor(sigma) ** 2 if pred_noise else cov
        cov = self.cov_func(Xnew) - T.matmul(T.transpose(A), A) + T.matmul(T.transpose(C), C)
        return mu, stabilize(cov, T.as_tensor(sigma) ** 2 if pred_noise else jitter)


#: The name that it had before.
MarginalSparse = MarginalApprox
