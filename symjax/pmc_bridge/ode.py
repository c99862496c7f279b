"""Ordinary differential equations in models, solved by diffrax (``pip install symjax[ode]``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.core._inner import InnerGraph
from symjax.core._leaves import as_tensor
from symjax.core._node import Bound
from symjax.core._op import Aval
from symjax.core._scope import detached

#: Local errors of a step, absolute and relative, are kept below this; those of scipy's `odeint`.
_TOLERANCE = 1.49e-8
_MOST_STEPS = 16**4


class DifferentialEquation:
    r"""The solution of :math:`dy/dt = f(y, t, p)`, :math:`y(t_0) = y_0` at given times, as a function of :math:`y_0` and p.

    Explicit Runge–Kutta steps of order 5 whose lengths follow the local error. An equation that is so stiff that they are too many
    has no solution here: its states are nan.

    Parameters
    ----------
    func : callable
        ``func(y, t, p)`` gives the derivatives, a tensor or a list of scalars, of the states `y` of shape (n_states,), the time and
        the parameters `p` of shape (n_theta,).
    times : array-like
        Increasing times from `t0` on at which the states are wanted.
    n_states : int
        Number of states.
    n_theta : int
        Number of parameters.
    t0 : float
        Time of the initial states.

    Raises
    ------
    ValueError
        If `func` is not callable, a number is less than one, or the times do not increase.
    ImportError
        At the call, if diffrax is not installed.

    Examples
    --------
    >>> import numpy as np, symjax.pmc_bridge as pm
    >>> decay = pm.ode.DifferentialEquation(lambda y, t, p: [-p[0] * y[0]], times=[1.0, 2.0], n_states=1, n_theta=1)
    >>> decay(y0=[1.0], theta=[0.5]).eval().round(4).ravel()
    array([0.6065, 0.3679])

    References
    ----------
    Tsitouras, Runge–Kutta pairs of order 5(4) satisfying only the first column simplifying assumption, Computers and Mathematics
    with Applications 62, 2011.
    """

    def __init__(self, func: Callable[..., Any], times: Any, *, n_states: int, n_theta: int, t0: float = 0):
        if not callable(func):
            raise ValueError(f"DifferentialEquation: 'func' must be callable, got {func!r}.")
        if n_states < 1 or n_theta < 1:
            raise ValueError(f"DifferentialEquation: 'n_states' and 'n_theta' must be at least 1, got {n_states} and {n_theta}.")
        self.times = np.asarray(times, float)
        if self.times.ndim != 1 or not np.all(np.diff(self.times) > 0) or not self.times[0] >= t0:
            raise ValueError(f"DifferentialEquation: 'times' must increase from t0={t0} on, got {times!r}.")
        self.func, self.t0, self.n_states, self.n_theta = func, float(t0), n_states, n_theta
        self._states = T.jax_wrap(_differentiable(self._solve), name="DifferentialEquation")
        self._sensitivities = T.jax_wrap(
            lambda y0, theta: jnp.concatenate(_jacobians(self._solve)(y0, theta), -1), name="Sensitivities"
        )

    def __call__(self, y0: Any, theta: Any, return_sens: bool = False) -> Any:
        """The states at the times.

        Parameters
        ----------
        y0 : tensor-like
            Initial states, of shape (n_states,).
        theta : tensor-like
            Parameters, of shape (n_theta,).
        return_sens : bool
            Whether to return the derivatives by initial states and parameters as well.

        Returns
        -------
        Tensor or tuple of Tensor
            States of shape (times, n_states), and their derivatives of shape (times, n_states, n_states + n_theta).

        Raises
        ------
        ShapeError
            If `y0` or `theta` has another length.
        """
        given = []
        for name, value, n in (("y0", y0, self.n_states), ("theta", theta, self.n_theta)):
            tensor = T.stack(list(value)) if isinstance(value, (list, tuple)) else as_tensor(value)
            if tensor.shape != (n,):
                raise ShapeError(f"DifferentialEquation: {name!r} must have shape ({n},), got {tensor.shape}.")
            given.append(T.cast(tensor, "floatX"))
        states = self._states(*given)
        return (states, self._sensitivities(*given)) if return_sens else states

    def _derivatives(self, dtype: Any) -> InnerGraph:
        """The equation as a graph of time, states and parameters."""
        shapes = ((), (self.n_states,), (self.n_theta,))
        t, y, p = bounds = [Bound(Aval(s, np.dtype(dtype)), n) for s, n in zip(shapes, ("t", "y", "p"), strict=True)]
        with detached():
            found = self.func(y, t, p)
            parts = T.stack([as_tensor(d) for d in found]) if isinstance(found, Sequence) else as_tensor(found)
            return InnerGraph(bounds, [T.broadcast_to(T.cast(parts, dtype), (self.n_states,))])

    def _solve(self, y0: Any, theta: Any) -> Any:
        try:
            import diffrax
        except ImportError:
            raise ImportError("pm.ode needs diffrax: pip install symjax[ode].") from None
        equation = self._derivatives(y0.dtype)
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, p: equation.run([jnp.asarray(t, y.dtype), y, p])[0]),
            diffrax.Tsit5(),
            self.t0,
            float(self.times[-1]),
            None,
            y0,
            theta,
            saveat=diffrax.SaveAt(ts=jnp.asarray(self.times, y0.dtype)),
            stepsize_controller=diffrax.PIDController(rtol=_TOLERANCE, atol=_TOLERANCE),
            adjoint=diffrax.ForwardMode(),
            max_steps=_MOST_STEPS,
            throw=False,
        )
        states: Any = solution.ys
        return jnp.where(solution.result == diffrax.RESULTS.successful, states, jnp.nan)


def _jacobians(function: Callable[..., Any]) -> Callable[..., Any]:
    return jax.jacfwd(function, (0, 1))


def _differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of few arguments whose gradient goes through its Jacobians, found with the states and not backwards in time."""
    outer = jax.custom_vjp(lambda y0, theta: function(y0, theta))
    outer.defvjp(
        lambda y0, theta: (function(y0, theta), _jacobians(function)(y0, theta)),
        lambda jacobians, g: tuple(jnp.einsum("ts,tsi->i", g, j) for j in jacobians),
    )
    return outer
