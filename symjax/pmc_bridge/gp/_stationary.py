"""Covariance functions of the scaled distance between inputs, with their spectral densities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._node import Tensor
from symjax.pmc_bridge.gp._covariance import Covariance
from symjax.tensor._bessel import log_kve


class Stationary(Covariance):
    """Base of covariance functions of the scaled distance; a user's own defines `full_from_distance`.

    Parameters
    ----------
    input_dim : int
        Number of columns of the inputs.
    ls : tensor-like, optional
        Lengthscale, or one for each column that is used.
    ls_inv : tensor-like, optional
        Its inverse, instead of `ls`.
    active_dims : sequence of int, optional
        Columns that are used.

    Raises
    ------
    ValueError
        If not exactly one of `ls` and `ls_inv` is given.
    """

    def __init__(self, input_dim: int, ls: Any = None, ls_inv: Any = None, active_dims: Sequence[int] | None = None):
        super().__init__(input_dim, active_dims)
        if (ls is None) == (ls_inv is None):
            raise ValueError(f"{type(self).__name__}: give 'ls' or 'ls_inv', exactly one of them.")
        self.ls = as_tensor(ls) if ls is not None else 1 / as_tensor(ls_inv)

    def square_dist(self, X: Any, Xs: Any) -> Tensor:
        """Squared scaled distances between inputs whose unused columns are gone."""
        a = X / self.ls
        b = a if Xs is None else Xs / self.ls
        return ((a[:, None, :] - b[None, :, :]) ** 2).sum(-1)

    def euclidean_dist(self, X: Any, Xs: Any) -> Tensor:
        """Scaled distances."""
        return distance(self.square_dist(X, Xs), True)

    def diag(self, X: Tensor) -> Tensor:
        return T.ones((X.shape[0],))

    def full(self, X: Tensor, Xs: Tensor | None = None) -> Tensor:
        return self.full_from_distance(self.square_dist(*self._slice(X, Xs)), squared=True)

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        """Covariances at scaled distances, or at their squares."""
        raise TypeError(f"{type(self).__name__} has no covariances: define full_from_distance(self, dist, squared=False)")

    def _scaled_frequencies(self, omega: Any) -> tuple[Tensor, Tensor]:
        """Squared frequencies times squared lengthscales, summed, and the product of the lengthscales."""
        ls = T.broadcast_to(self.ls, (self.n_dims,))
        return T.dot(as_tensor(omega) ** 2, ls**2), T.prod(ls)


def distance(dist: Any, squared: bool) -> Tensor:
    """Distances from themselves or their squares; the root's derivative at zero is taken as zero rather than nan."""
    if not squared:
        return dist
    near = T.less_equal(dist, 0.0)
    return T.where(near, 0.0, T.sqrt(T.where(near, 1.0, dist)))


def square(dist: Any, squared: bool) -> Tensor:
    """Squared distances from distances or themselves."""
    return dist if squared else dist**2


class ExpQuad(Stationary):
    r"""Squared exponential, :math:`\exp(-r^2/2)`.

    Examples
    --------
    >>> import numpy as np, symjax.pmc_bridge as pm
    >>> cov = 4.0 * pm.gp.cov.ExpQuad(1, ls=2.0)
    >>> cov(np.array([[0.0], [2.0]])).eval().round(3)
    array([[4.   , 2.426],
           [2.426, 4.   ]])

    References
    ----------
    Rasmussen, Williams, Gaussian Processes for Machine Learning, 2006, section 4.2.1, which has the other stationary ones too.
    """

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        return T.exp(-0.5 * square(dist, squared))

    def power_spectral_density(self, omega: Any) -> Tensor:
        s, volume = self._scaled_frequencies(omega)
        return (2 * math.pi) ** (self.n_dims / 2) * volume * T.exp(-0.5 * s)


class RatQuad(Stationary):
    r"""Rational quadratic, :math:`(1 + r^2/2\alpha)^{-\alpha}`."""

    def __init__(self, input_dim: int, alpha: Any, ls: Any = None, ls_inv: Any = None, active_dims: Any = None):
        super().__init__(input_dim, ls, ls_inv, active_dims)
        self.alpha = as_tensor(alpha)

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        return T.exp(-self.alpha * T.log1p(0.5 * square(dist, squared) / self.alpha))

    def power_spectral_density(self, omega: Any) -> Tensor:
        """The spectral density, that of `ExpQuad` averaged over lengthscales (Rasmussen, Williams, equation 4.20)."""
        s, volume = self._scaled_frequencies(omega)
        half, alpha = self.n_dims / 2, self.alpha
        order = alpha - half
        at_zero = T.equal(s, 0)
        z = T.sqrt(2 * alpha * T.where(at_zero, 1.0, s))
        # in logs: the Bessel function overflows where the power before it vanishes
        tail = order * T.log(0.5 * z) + log_kve(order, z) - z
        # at frequency zero without bound unless the order is positive
        limit = T.where(T.greater(order, 0), T.gammaln(T.maximum(order, 1e-300)) - math.log(2), math.inf)
        log_scale = math.log(2) + half * T.log(2 * math.pi * alpha) - T.gammaln(alpha)
        return volume * T.exp(log_scale + T.where(at_zero, limit, tail))


class Exponential(Stationary):
    r"""Exponential as PyMC has it, :math:`\exp(-r/2)`."""

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        return T.exp(-0.5 * distance(dist, squared))


class Matern12(Stationary):
    r"""Matérn 1/2, :math:`\exp(-r)`."""

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        return T.exp(-distance(dist, squared))


class _Matern(Stationary):
    r"""Matérn functions of half-integer order whose spectral density is used.

    References
    ----------
    Rasmussen, Williams, Gaussian Processes for Machine Learning, 2006, equation 4.15.
    """

    order: float

    def power_spectral_density(self, omega: Any) -> Tensor:
        s, volume = self._scaled_frequencies(omega)
        d, order = self.n_dims, self.order
        log_scale = d * math.log(2) + d / 2 * math.log(math.pi) + order * math.log(2 * order)
        log_scale += math.lgamma(order + d / 2) - math.lgamma(order)
        return math.exp(log_scale) * volume * T.power(2 * order + s, -(order + d / 2))


class Matern32(_Matern):
    r"""Matérn 3/2, :math:`(1 + \sqrt{3} r) \exp(-\sqrt{3} r)`."""

    order = 1.5

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        r = math.sqrt(3.0) * distance(dist, squared)
        return (1 + r) * T.exp(-r)


class Matern52(_Matern):
    r"""Matérn 5/2, :math:`(1 + \sqrt{5} r + 5 r^2/3) \exp(-\sqrt{5} r)`."""

    order = 2.5

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        r = math.sqrt(5.0) * distance(dist, squared)
        return (1 + r + r**2 / 3) * T.exp(-r)


class Cosine(Stationary):
    r"""Cosine, :math:`\cos(2\pi r)`."""

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        return T.cos(2 * math.pi * distance(dist, squared))


class Periodic(Stationary):
    r"""Periodic as PyMC has it, :math:`\exp(-\frac12 \sin^2(\pi (x-x')/T) / \ell^2)`.

    Parameters
    ----------
    input_dim : int
        Number of columns of the inputs.
    period : tensor-like
        The period T.
    ls, ls_inv, active_dims
        As in `Stationary`.
    """

    def __init__(self, input_dim: int, period: Any, ls: Any = None, ls_inv: Any = None, active_dims: Any = None):
        super().__init__(input_dim, ls, ls_inv, active_dims)
        self.period = as_tensor(period)

    def square_dist(self, X: Any, Xs: Any) -> Tensor:
        """Squares of the scaled sines that stand for distances on a circle."""
        return circular_square_dist(X, X if Xs is None else Xs, self.period, self.ls)

    def full_from_distance(self, dist: Any, squared: bool = False) -> Tensor:
        return T.exp(-0.5 * square(dist, squared))

    def power_spectral_density_approx(self, J: Any) -> Tensor:
        r"""Variances of the harmonics of orders `J`, which sum to 1: the Fourier series of the covariance function.

        They are :math:`e^{-a} I_0(a)` and :math:`2 e^{-a} I_j(a)` with :math:`a = 1/4\ell^2`, as
        :math:`\sin^2(t/2) = (1 - \cos t)/2`. PyMC has :math:`a = 1/\ell^2`, which belongs to half the lengthscale.
        """
        return T.where(T.greater(J, 0), 2.0, 1.0) * T.ive(J, 1 / (4 * self.ls**2))


def circular_square_dist(X: Any, Xs: Any, period: Any, ls: Any) -> Tensor:
    """Squared distances with the sine of half the angle between inputs, on a circle of length `period`, for differences."""
    angle = math.pi * (X[:, None, :] - Xs[None, :, :]) / period
    return ((T.sin(angle) / ls) ** 2).sum(-1)
