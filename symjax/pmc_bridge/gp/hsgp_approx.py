"""Gaussian processes as linear models of a fixed basis: HSGP, and its like for the periodic covariance function."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._node import Tensor
from symjax.pmc_bridge._terms import Deterministic
from symjax.pmc_bridge.distributions import Normal
from symjax.pmc_bridge.gp._inputs import as_inputs
from symjax.pmc_bridge.gp._process import Process
from symjax.pmc_bridge.gp._stationary import Periodic
from symjax.pmc_bridge.gp.mean import Zero

#: First index and function of the eigenfunctions, by what holds at the lower and at the upper end of the box.
_BOUNDARIES = {
    "dirichlet": (1.0, T.sin),
    "neumann": (0.0, T.cos),
    "dirichlet-neumann": (0.5, T.sin),
    "neumann-dirichlet": (0.5, T.cos),
}
#: Factors of the recommended width and number of functions (Riutort-Mayol and others, section 4.4).
_RECOMMENDED = {"expquad": (3.2, 1.75), "matern52": (4.1, 2.65), "matern32": (4.5, 3.42)}


def approx_hsgp_hyperparams(x_range: Sequence[float], lengthscale_range: Sequence[float], cov_func: str) -> tuple[int, float]:
    """Recommended least number of basis functions and width of the box of an `HSGP` of one input.

    Parameters
    ----------
    x_range : sequence of float
        Least and greatest input, of predictions too.
    lengthscale_range : sequence of float
        Least and greatest lengthscale that matter.
    cov_func : {"expquad", "matern52", "matern32"}
        Covariance function.

    Returns
    -------
    m, c : int, float
        Arguments of `HSGP`.

    Raises
    ------
    ValueError
        If a range is not increasing, or the covariance function is another.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> pm.gp.hsgp_approx.approx_hsgp_hyperparams([0.0, 10.0], [1.0, 3.0], "matern52")
    (32, 2.46)

    References
    ----------
    Riutort-Mayol, Bürkner, Andersen, Solin, Vehtari, Practical Hilbert space approximate Bayesian Gaussian processes for
    probabilistic programming, Statistics and Computing 33, 2023, section 4.4.
    """
    for name, ends in (("x_range", x_range), ("lengthscale_range", lengthscale_range)):
        if not ends[0] < ends[1]:
            raise ValueError(f"{name} must be the least and the greatest value, got {ends!r}.")
    if cov_func.lower() not in _RECOMMENDED:
        raise ValueError(f"cov_func must be one of {sorted(_RECOMMENDED)}, got {cov_func!r}.")
    wide, many = _RECOMMENDED[cov_func.lower()]
    half = (x_range[1] - x_range[0]) / 2
    c = max(wide * lengthscale_range[1] / half, 1.2)
    return int(many * c / (lengthscale_range[0] / half)), c


class _Linear(Process):
    """A process that is a basis times independent normal coefficients."""

    _suffix = "_hsgp_coeffs"

    def __init__(self, *, mean_func: Any, cov_func: Any):
        super().__init__(mean_func=mean_func, cov_func=cov_func)
        self._centre: np.ndarray | None = None

    def __add__(self, other: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not add: add the values of two of them.")

    def _centred(self, X: Any) -> Tensor:
        """The columns of inputs that count, about the middle of the first inputs."""
        inputs = as_inputs(X, self.cov_func)
        if self._centre is None:
            self._centre = np.asarray(((T.max(inputs, axis=0) + T.min(inputs, axis=0)) / 2).eval())
        return self.cov_func._slice(inputs - self._centre)[0]

    def _values(self, X: Any) -> Tensor:
        raise NotImplementedError

    def conditional(self, name: str, Xnew: Any, dims: Any = None) -> Tensor:
        """The process at new inputs, a deterministic of the model.

        Parameters
        ----------
        name : str
            Its name.
        Xnew : tensor-like
            New inputs, ``(m, d)``; beyond the box of the basis the values mean nothing.
        dims : str, optional
            Dim of the values.

        Raises
        ------
        ValueError
            If `prior` was not called before.
        """
        if not hasattr(self, "_beta"):
            raise ValueError(f"{type(self).__name__}: call prior(name, X) before conditional.")
        return Deterministic(name, self._values(Xnew), dims=dims)


class HSGP(_Linear):
    r"""A Gaussian process as a linear model of the eigenfunctions of the Laplacian on a box.

    The coefficients are independent, with the spectral density of the covariance function for variances.

    Parameters
    ----------
    m : sequence of int
        Number of basis functions along each column of the inputs that the covariance function uses.
    L : sequence of float, optional
        Half the widths of the box about the middle of the inputs.
    c : float, optional
        Instead of `L`, how many times half the range of the inputs they are; at least 1.2.
    drop_first : bool
        Whether to leave the first basis function out, which is like an intercept.
    parametrization : {"noncentered", "centered"}
        Whether coefficients have unit variance and are scaled, or have their own.
    boundary : str or sequence of str
        What the process does at the ends of the box: "dirichlet" (is zero), "neumann" (has no slope), "dirichlet-neumann" or
        "neumann-dirichlet", for all columns or for each.
    mean_func : Mean
        Mean function; zero by default.
    cov_func : Covariance
        Covariance function with a spectral density.

    Raises
    ------
    ValueError
        If `m` or `L` has not one number for each column, not one of `L` and `c` is given, or a choice is unknown.

    Examples
    --------
    >>> import numpy as np, symjax.pmc_bridge as pm
    >>> X = np.linspace(0.0, 1.0, 50)[:, None]
    >>> with pm.Model():
    ...     gp = pm.gp.HSGP(m=[20], c=1.5, cov_func=pm.gp.cov.Matern52(1, ls=0.3))
    ...     f = gp.prior("f", X=X)
    >>> f.shape
    (50,)

    References
    ----------
    Solin, Särkkä, Hilbert space methods for reduced-rank Gaussian process regression, Statistics and Computing 30, 2020;
    Riutort-Mayol and others, Statistics and Computing 33, 2023, equations 6 to 12.
    """

    def __init__(
        self,
        m: Sequence[int],
        L: Sequence[float] | None = None,
        c: Any = None,
        drop_first: bool = False,
        parametrization: str = "noncentered",
        *,
        boundary: str | Sequence[str] = "dirichlet",
        mean_func: Any = Zero(),
        cov_func: Any,
    ):
        n = cov_func.n_dims
        for name, given in (("m", m), ("L", L)):
            if given is not None and (not isinstance(given, (Sequence, np.ndarray)) or len(given) != n):
                raise ValueError(f"HSGP: {name!r} must have a number for each of the {n} active dims, got {given!r}.")
        if (L is None) == (c is None):
            raise ValueError(f"HSGP needs 'L' or 'c', one of them; got {'none' if L is None else 'both'}.")
        if c is not None and np.any(np.asarray(c) < 1.2):
            warnings.warn(
                f"HSGP: a box of c={c} times the inputs' range is too narrow to be exact; take at least 1.2.", stacklevel=2
            )
        self._parametrization = parametrization.lower().replace("-", "").replace("_", "")
        if self._parametrization not in ("centered", "noncentered"):
            raise ValueError(f"HSGP: parametrization must be 'centered' or 'noncentered', got {parametrization!r}.")
        self._boundary = (boundary,) * n if isinstance(boundary, str) else tuple(boundary)
        if len(self._boundary) != n or any(b not in _BOUNDARIES for b in self._boundary):
            raise ValueError(
                f"HSGP: boundary must be one of {list(_BOUNDARIES)}, or one for each of {n} active dims; got {boundary!r}."
            )
        super().__init__(mean_func=mean_func, cov_func=cov_func)
        self.L = None if L is None else np.asarray(L, float)
        self._m, self._c, self._first = tuple(int(k) for k in m), c, int(drop_first)
        self.n_basis_vectors = math.prod(self._m)

    def _frequencies(self) -> np.ndarray:
        """Square roots of the eigenvalues, of shape (basis functions, columns)."""
        assert self.L is not None
        axes = [_BOUNDARIES[b][0] + np.arange(k) for b, k in zip(self._boundary, self._m, strict=True)]
        return np.pi * np.stack([a.ravel() for a in np.meshgrid(*axes)], -1) / (2 * self.L)

    def _basis(self, Xs: Tensor) -> Tensor:
        """Eigenfunctions at centred inputs."""
        assert self.L is not None
        phi: Any = 1.0
        for column, frequencies in enumerate(self._frequencies().T):
            half = self.L[column]
            norm = np.where(frequencies == 0, 1 / np.sqrt(2 * half), 1 / np.sqrt(half))
            function = _BOUNDARIES[self._boundary[column]][1]
            phi = phi * norm * function(frequencies * (Xs[:, column, None] + half))
        return phi[:, self._first :]

    def prior_linearized(self, X: Any) -> tuple[Tensor, Tensor]:
        """The basis at inputs, and the coefficients' standard deviations: the process is ``phi @ (beta * sqrt_psd)``.

        The first inputs set the box of the basis, which later ones, by `set_data`, keep.

        Parameters
        ----------
        X : tensor-like
            Inputs, ``(n, d)``.

        Returns
        -------
        phi, sqrt_psd : Tensor
            Of shapes (n, basis functions) and (basis functions,).

        Raises
        ------
        ValueError
            If the inputs have no range and `c` was given.
        """
        Xs = self._centred(X)
        if self.L is None:
            half = np.asarray(((T.max(Xs, axis=0) - T.min(Xs, axis=0)) / 2).eval())
            self.L = np.asarray(self._c) * half
            if np.any(self.L <= 0):
                raise ValueError("HSGP: the inputs have no range, so 'c' sets no box. Give 'L'.")
        psd = self.cov_func.power_spectral_density(self._frequencies())
        return self._basis(Xs), T.sqrt(psd[self._first :])

    def prior(self, name: str, X: Any, dims: Any = None, hsgp_coeffs_dims: Any = None, **kwargs: Any) -> Tensor:
        """The process at inputs, a deterministic of the model; its coefficients are ``name_hsgp_coeffs``.

        Parameters
        ----------
        name : str
            Name of the values.
        X : tensor-like
            Inputs, ``(n, d)``.
        dims, hsgp_coeffs_dims : str, optional
            Dims of the values, and of the coefficients.
        """
        phi, self._sqrt_psd = self.prior_linearized(X)
        if hsgp_coeffs_dims is None:
            kwargs.setdefault("size", self.n_basis_vectors - self._first)
        scale = self._sqrt_psd if self._parametrization == "centered" else 1.0
        self._beta = Normal(f"{name}{self._suffix}", sigma=scale, dims=hsgp_coeffs_dims, **kwargs)
        self.f = Deterministic(name, self._combined(X, phi), dims=dims)
        return self.f

    def _combined(self, X: Any, phi: Tensor) -> Tensor:
        weights = self._beta if self._parametrization == "centered" else self._beta * self._sqrt_psd
        return self.mean_func(X) + T.matmul(phi, weights)

    def _values(self, X: Any) -> Tensor:
        return self._combined(X, self._basis(self._centred(X)))


class HSGPPeriodic(_Linear):
    r"""A Gaussian process with a `Periodic` covariance function as a sum of harmonics.

    Parameters
    ----------
    m : int
        Number of harmonics, the constant one included.
    scale : tensor-like
        Standard deviation of the process; 1 by default.
    mean_func : Mean
        Mean function; zero by default.
    cov_func : Periodic
        Covariance function of one column.

    Raises
    ------
    ValueError
        If `m` is not a positive number, or the covariance function another.

    Notes
    -----
    The coefficients have the variances of the Fourier series of `Periodic`. PyMC's have their squares, for half the lengthscale.

    Examples
    --------
    >>> import numpy as np, symjax.pmc_bridge as pm
    >>> X = np.linspace(0.0, 3.0, 50)[:, None]
    >>> with pm.Model():
    ...     gp = pm.gp.HSGPPeriodic(m=10, cov_func=pm.gp.cov.Periodic(1, period=1.0, ls=0.7))
    ...     f = gp.prior("f", X=X)
    >>> f.shape
    (50,)

    References
    ----------
    Riutort-Mayol and others, Statistics and Computing 33, 2023, appendix B.
    """

    _suffix = "_hsgp_coeffs_"

    def __init__(self, m: int, scale: Any = 1.0, *, mean_func: Any = Zero(), cov_func: Any):
        if not isinstance(m, int) or m < 1:
            raise ValueError(f"HSGPPeriodic: 'm' must be a number of harmonics, at least 1, got {m!r}.")
        if not isinstance(cov_func, Periodic) or cov_func.n_dims != 1:
            raise ValueError("HSGPPeriodic: 'cov_func' must be gp.cov.Periodic, of one column. Its variance is set by 'scale'.")
        super().__init__(mean_func=mean_func, cov_func=cov_func)
        self._m, self.scale = m, scale

    def _basis(self, Xs: Tensor) -> tuple[Tensor, Tensor]:
        angles = 2 * math.pi * Xs / self.cov_func.period * np.arange(self._m)
        return T.cos(angles), T.sin(angles)

    def prior_linearized(self, X: Any) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """The harmonics at inputs, and the standard deviations of their coefficients.

        The process is ``phi_cos @ (psd * beta[:m]) + phi_sin[:, 1:] @ (psd[1:] * beta[m:])``.

        Parameters
        ----------
        X : tensor-like
            Inputs, ``(n, d)``.

        Returns
        -------
        (phi_cos, phi_sin), psd : Tensor
            Of shapes (n, m) and (m,).
        """
        variances = self.cov_func.power_spectral_density_approx(np.arange(float(self._m)))
        return self._basis(self._centred(X)), as_tensor(self.scale) * T.sqrt(variances)

    def prior(self, name: str, X: Any, dims: Any = None, hsgp_coeffs_dims: Any = None) -> Tensor:
        """The process at inputs, a deterministic of the model; its coefficients are ``name_hsgp_coeffs_``.

        Parameters
        ----------
        name : str
            Name of the values.
        X : tensor-like
            Inputs, ``(n, d)``.
        dims, hsgp_coeffs_dims : str, optional
            Dims of the values, and of the coefficients.
        """
        self._centred(X)
        size = None if hsgp_coeffs_dims is not None else 2 * self._m - 1
        self._beta = Normal(f"{name}{self._suffix}", size=size, dims=hsgp_coeffs_dims)
        self.f = Deterministic(name, self._values(X), dims=dims)
        return self.f

    def _values(self, X: Any) -> Tensor:
        (cosines, sines), psd = self.prior_linearized(X)
        first, second = psd * self._beta[: self._m], psd[1:] * self._beta[self._m :]
        return self.mean_func(X) + T.matmul(cosines, first) + T.matmul(sines[:, 1:], second)
