"""Gaussian and Student's t processes whose values are variables of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import symjax.tensor as T
from symjax.core._node import Tensor
from symjax.pmc_bridge._terms import Deterministic
from symjax.pmc_bridge.distributions import MvNormal, MvStudentT, Normal, StudentT
from symjax.pmc_bridge.gp._process import Process, solve_lower
from symjax.pmc_bridge.gp.cov import Constant
from symjax.pmc_bridge.gp.mean import Zero
from symjax.pmc_bridge.gp.util import JITTER_DEFAULT, stabilize


def _rotated(name: str, mean: Tensor, cov: Tensor, make: Any, n_outputs: int, **kwargs: Any) -> Tensor:
    """``mean + L v`` for independent v, a variable of the model, under a name of its own."""
    n = cov.shape[0]
    if not kwargs.keys() & {"dims", "shape", "size"}:
        kwargs["size"] = (n_outputs, n) if n_outputs > 1 else n
    v = make(f"{name}_rotated_", **kwargs)
    return Deterministic(name, mean + T.transpose(T.matmul(T.cholesky(cov), T.transpose(v))), dims=kwargs.get("dims"))


class Latent(Process):
    r"""A Gaussian process, :math:`f \sim N(m(X), K(X, X))`, whose values any likelihood may use.

    Processes add as those of `Marginal` do.

    Parameters
    ----------
    mean_func : Mean
        Mean function; zero by default.
    cov_func : Covariance
        Covariance function.

    Examples
    --------
    >>> import numpy as np, symjax.pmc_bridge as pm
    >>> X = np.linspace(0.0, 1.0, 5)[:, None]
    >>> with pm.Model() as model:
    ...     gp = pm.gp.Latent(cov_func=pm.gp.cov.Matern52(1, ls=0.3))
    ...     f = gp.prior("f", X=X)
    ...     y = pm.Poisson("y", pm.math.exp(f), observed=np.arange(5))
    ...     f_new = gp.conditional("f_new", Xnew=np.array([[0.1], [0.9]]))
    >>> f.shape, f_new.shape
    ((5,), (2,))

    References
    ----------
    Rasmussen, Williams, Gaussian Processes for Machine Learning, 2006, equations 2.17 and 2.19.
    """

    needs = ("X", "f")

    def prior(
        self, name: str, X: Any, n_outputs: int = 1, reparameterize: bool = True, jitter: Any = JITTER_DEFAULT, **kwargs: Any
    ) -> Any:
        """The process's values at inputs.

        Parameters
        ----------
        name : str
            Name of the values.
        X : tensor-like
            Inputs, ``(n, d)``.
        n_outputs : int
            Number of independent processes of this law; with `dims`, these have an axis for them in front.
        reparameterize : bool
            Whether the values are a deterministic of independent normal variables ``name_rotated_``, or a variable themselves.
        jitter : tensor-like
            Added to the diagonal of the covariance matrix.
        **kwargs
            Passed to the variable: ``dims``, ``initval``.

        Returns
        -------
        Tensor
            Of shape ``(n,)``, or ``(n_outputs, n)`` if there are several.
        """
        mu, cov = self.mean_func(X), stabilize(self.cov_func(X), jitter)
        if reparameterize:
            f = _rotated(name, mu, cov, Normal, n_outputs, mu=0.0, sigma=1.0, **kwargs)
        else:
            f = MvNormal(name, mu=T.stack([mu] * n_outputs) if n_outputs > 1 else mu, cov=cov, **kwargs)
        self.X, self.f, self.n_outputs = X, f, n_outputs
        return f

    def conditional(
        self, name: str, Xnew: Any, given: Mapping[str, Any] | None = None, jitter: Any = JITTER_DEFAULT, **kwargs: Any
    ) -> Any:
        """A variable of the model: the process at new inputs given its values.

        Parameters
        ----------
        name : str
            Its name.
        Xnew : tensor-like
            New inputs, ``(m, d)``.
        given : mapping, optional
            ``gp``, a sum of processes that this one is a part of, and ``X`` and ``f``, where its values are known; this process's
            own by default.
        jitter : tensor-like
            Added to the diagonals of covariance matrices.
        **kwargs
            Passed to `MvNormal`: ``dims``, ``shape``.

        Returns
        -------
        RandomVariable
            Normal, of shape ``(m,)``, or ``(n_outputs, m)``; `sample_posterior_predictive` draws it.
        """
        (X, f), cov_total, mean_total = self._conditioned_on(given)
        mu, cov, _ = self._build_conditional(Xnew, X, T.as_tensor(f), cov_total, mean_total, jitter)
        return MvNormal(name, mu=mu, cov=stabilize(cov, jitter), **kwargs)

    def _build_conditional(
        self, Xnew: Any, X: Any, f: Tensor, cov_total: Any, mean_total: Any, jitter: Any
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mean and covariance at new inputs, and the whitened values that are conditioned on."""
        chol = T.cholesky(stabilize(cov_total(X), jitter))
        A = solve_lower(chol, self.cov_func(X, Xnew))
        v = solve_lower(chol, T.transpose(f - mean_total(X)))
        mu = self.mean_func(Xnew) + T.transpose(T.matmul(T.transpose(A), v))
        return mu, self.cov_func(Xnew) - T.matmul(T.transpose(A), A), v


class TP(Latent):
    r"""A Student's t process: values at any inputs have a multivariate t law of one number of degrees of freedom.

    Parameters
    ----------
    mean_func : Mean
        Mean function; zero by default.
    scale_func : Covariance
        Function of the scale matrix.
    nu : tensor-like
        Degrees of freedom.

    Raises
    ------
    ValueError
        If `nu` is not given.

    References
    ----------
    Shah, Wilson, Ghahramani, Student-t Processes as Alternatives to Gaussian Processes, 2014, lemma 3; Kotz, Nadarajah,
    Multivariate t Distributions and Their Applications, 2004, section 1.11, for the conditional law in terms of the scale.
    """

    needs = ("X", "f", "nu")

    def __init__(self, *, mean_func: Any = Zero(), scale_func: Any = Constant(0.0), cov_func: Any = None, nu: Any = None):
        if nu is None:
            raise ValueError("TP: give 'nu', the degrees of freedom.")
        super().__init__(mean_func=mean_func, cov_func=scale_func if cov_func is None else cov_func)
        self.nu = T.as_tensor(nu)

    def __add__(self, other: Any) -> Any:
        raise TypeError("Student's t processes do not add: the sum of two is none.")

    def prior(  # type: ignore[override]
        self, name: str, X: Any, reparameterize: bool = True, jitter: Any = JITTER_DEFAULT, **kwargs: Any
    ) -> Any:
        """The process's values at inputs; parameters as in `Latent.prior`.

        With `reparameterize` the variables ``name_rotated_`` are independent t as in PyMC, and the values not a t process.
        """
        mu, scale = self.mean_func(X), stabilize(self.cov_func(X), jitter)
        if reparameterize:
            f = _rotated(name, mu, scale, StudentT, 1, nu=self.nu, mu=0.0, sigma=1.0, **kwargs)
        else:
            f = MvStudentT(name, nu=self.nu, mu=mu, scale=scale, **kwargs)
        self.X, self.f = X, f
        return f

    def conditional(  # type: ignore[override]
        self, name: str, Xnew: Any, jitter: Any = JITTER_DEFAULT, **kwargs: Any
    ) -> Any:
        """A variable of the model: the process at new inputs given its values; parameters as in `Latent.conditional`."""
        (X, f, nu), scale_func, mean_func = self._conditioned_on(None)
        mu, scale, v = self._build_conditional(Xnew, X, f, scale_func, mean_func, jitter)
        n = v.shape[0]
        # PyMC takes 2 from both sums, which is right for a covariance, not for the scale that its prior and ours has
        scale = (nu + T.sum(v**2)) / (nu + n) * scale
        return MvStudentT(name, nu=nu + n, mu=mu, scale=stabilize(scale, jitter), **kwargs)
