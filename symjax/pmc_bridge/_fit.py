"""Variational inference under PyMC's names: `fit` and the methods that it chooses from."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from symjax import variational
from symjax._errors import SamplingError
from symjax.core._leaves import present_shape
from symjax.pmc_bridge._approximation import Approximation, Empirical, FullRank, MeanField
from symjax.pmc_bridge._compile import CompiledModel
from symjax.pmc_bridge._direct_fit import fit_laplace, fit_pathfinder
from symjax.pmc_bridge._joint import scale_of
from symjax.pmc_bridge._model import modelcontext
from symjax.sampling import LogDensity
from symjax.sampling._hamiltonian import State
from symjax.sampling._start import describe_start

_LOG = logging.getLogger("symjax")


class Inference:
    """Fits an approximation; the base of the methods, which say what is made small.

    Parameters
    ----------
    approx : Approximation
        What is fitted, in place.

    Attributes
    ----------
    approx : Approximation
        The same.
    hist : numpy.ndarray
        Losses of all steps; empty for methods without one.
    """

    #: Number of draws that estimates are made from, whether there is a loss, and the power of the prior.
    n_mc: int = 1
    has_loss: bool = True
    beta: float = 1.0

    def __init__(self, approx: Approximation):
        self.approx = approx
        self.hist = np.zeros(0)
        self._descent: variational.Descent | None = None
        self._settings: tuple[Sequence[Any], bool] = ((), True)

    def objective(self, target: LogDensity, *, n_mc: int, scale: float) -> variational.Objective:
        """What is made small, as a function of the approximation's parameters."""
        raise NotImplementedError

    def fit(
        self,
        n: int = 10_000,
        score: bool | None = None,
        callbacks: Sequence[Callable[..., None]] | None = None,
        progressbar: bool = True,
        *,
        obj_n_mc: int | None = None,
        obj_optimizer: Any = None,
        total_grad_norm_constraint: float | None = None,
    ) -> Approximation:
        """Make steps from where the approximation is.

        Parameters
        ----------
        n : int
            Number of steps.
        score : bool, optional
            Accepted for compatibility; the loss comes with the gradient.
        callbacks : sequence of callable, optional
            Called as ``callback(approx, losses, step)`` after each step, or after as many as their attribute ``every`` says. One
            that raises StopIteration ends the fit.
        progressbar : bool
            Whether to show progress.
        obj_n_mc : int, optional
            Number of draws that each gradient is estimated from.
        obj_optimizer : optax.GradientTransformation, optional
            How steps are made; ``pm.adagrad_window()`` by default.
        total_grad_norm_constraint : float, optional
            Greatest norm of a gradient, which is scaled down to it.

        Returns
        -------
        Approximation
            The fitted one; that reached so far if the fit is interrupted.

        Raises
        ------
        SamplingError
            If the density at the approximation's mean is not finite.
        FloatingPointError
            If the density at a draw is nan or its gradient not finite; the approximation keeps what was reached before.
        ValueError
            If `n` is negative or `obj_n_mc` not positive.
        """
        n_mc = self.n_mc if obj_n_mc is None else obj_n_mc
        if n < 0 or n_mc < 1:
            raise ValueError(f"fit: n must not be negative and obj_n_mc must be positive, got {n} and {n_mc}.")
        compiled = self.approx.compile(self.beta)
        _check_start(self.approx, compiled)
        objective = self.objective(compiled.target, n_mc=n_mc, scale=1.0 / _largest_scale(self.approx.model))
        optimizer = _optimizer(obj_optimizer, total_grad_norm_constraint)
        made = 0 if self._descent is None else int(self._descent.state.step)
        self._descent = variational.Descent(
            objective, optimizer, self.approx.values, compiled.target.data, self.approx.seed, step=made
        )
        self._settings = tuple(callbacks or ()), progressbar
        self._advance(n)
        return self.approx

    def refine(self, n: int, progressbar: bool | None = None) -> Approximation:
        """Go on with the last `fit`, its optimizer's state and callbacks included.

        Parameters
        ----------
        n : int
            Number of further steps.
        progressbar : bool, optional
            Whether to show progress; as before by default.

        Raises
        ------
        TypeError
            If `fit` was not called before.
        """
        if self._descent is None:
            raise TypeError("refine goes on with a fit: call `.fit` first.")
        callbacks, shown = self._settings
        self._settings = callbacks, shown if progressbar is None else progressbar
        self._advance(n)
        return self.approx

    def _advance(self, n: int) -> None:
        descent, (callbacks, progressbar) = self._descent, self._settings
        assert descent is not None

        def stored(callback: Callable[..., None]) -> Callable[[np.ndarray, int], None]:
            def call(losses: np.ndarray, step: int) -> None:
                self.approx.store(descent.state.parameters)
                callback(self.approx, losses if self.has_loss else None, step)

            return call

        every = math.gcd(*(getattr(c, "every", 1) for c in callbacks)) if callbacks else None
        losses = np.zeros(0)
        try:
            with variational.Bar(n, enabled=progressbar) as bar:
                losses = variational.descend(descent, n, [stored(c) for c in callbacks], every=every, report=bar.report)
        except variational.NotFinite as error:
            raise FloatingPointError(_not_finite(self.approx, error)) from None
        finally:
            self.approx.store(descent.state.parameters)
            if self.has_loss:
                self.hist = np.concatenate([self.hist, losses])
            self.approx.hist = self.hist
        if len(losses) < n:
            _LOG.info("the fit ended after %d of %d steps.", len(losses), n)


class KLqp(Inference):
    """Fits an approximation q by the evidence lower bound, ``E_q log p(data | z) - beta * KL(q || prior)``.

    Parameters
    ----------
    approx : Approximation
        What is fitted; it needs a density.
    beta : float
        Weight of the divergence from the prior.

    Raises
    ------
    ValueError
        If the approximation has particles, or `beta` is not positive.

    References
    ----------
    A. Kucukelbir et al., Automatic Differentiation Variational Inference, JMLR 18 (2017).

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     inference = pm.KLqp(pm.FullRank(random_seed=1), beta=2.0)
    >>> inference.fit(100, progressbar=False).ddim
    1
    """

    def __init__(self, approx: Approximation, beta: float = 1.0):
        if not approx.family.has_density:
            raise ValueError(f"{approx} has particles, and so no density. Fit it with pm.ImplicitGradient.")
        if not beta > 0:
            raise ValueError(f"beta must be positive, got {beta}.")
        super().__init__(approx)
        self.beta = float(beta)

    def objective(self, target: LogDensity, *, n_mc: int, scale: float) -> variational.Objective:
        return variational.kl_divergence(target, self.approx.family, n_mc=n_mc, beta=self.beta, scale=scale)


class ADVI(KLqp):
    """Automatic differentiation variational inference: independent normals on the unconstrained space.

    Parameters
    ----------
    **settings
        Those of `MeanField`: ``model``, ``random_seed``, ``start``, ``start_sigma``.

    References
    ----------
    A. Kucukelbir et al., Automatic Differentiation Variational Inference, JMLR 18 (2017).

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 3.0, 1.0)
    ...     advi = pm.ADVI(random_seed=1)
    ...     approx = advi.fit(2000, obj_optimizer=pm.adam(learning_rate=0.01), progressbar=False)
    >>> abs(float(approx.mean.eval()[0]) - 3.0) < 0.2
    True
    """

    def __init__(self, **settings: Any):
        super().__init__(MeanField(**settings))


class FullRankADVI(KLqp):
    """Automatic differentiation variational inference with one normal law of all unconstrained values.

    Parameters
    ----------
    **settings
        Those of `FullRank`: ``model``, ``random_seed``, ``start``, ``start_sigma``.

    References
    ----------
    A. Kucukelbir et al., Automatic Differentiation Variational Inference, JMLR 18 (2017).
    """

    def __init__(self, **settings: Any):
        super().__init__(FullRank(**settings))


class ImplicitGradient(Inference):
    """Moves an approximation's points along the kernelized Stein direction.

    Parameters
    ----------
    approx : Approximation
        What is fitted, with or without a density.
    kernel : callable, optional
        ``kernel(points) -> (matrix, repulsion)`` in JAX; Gaussian with the median's bandwidth by default.
    temperature : float
        Divides the log density: above 1 the points spread more.

    Raises
    ------
    ValueError
        If `temperature` is not positive.

    References
    ----------
    Q. Liu and D. Wang, Stein Variational Gradient Descent, NeurIPS 2016.
    """

    n_mc = 100
    has_loss = False

    def __init__(self, approx: Approximation, kernel: variational.Kernel = variational.rbf, temperature: float = 1.0):
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got {temperature}.")
        super().__init__(approx)
        self.kernel, self.temperature = kernel, float(temperature)

    def objective(self, target: LogDensity, *, n_mc: int, scale: float) -> variational.Objective:
        return variational.stein(
            target, self.approx.family, n_mc=n_mc, kernel=self.kernel, temperature=self.temperature, scale=scale
        )


class SVGD(ImplicitGradient):
    """Stein variational gradient descent: particles that repel each other climb the density.

    Parameters
    ----------
    n_particles : int
        Number of particles.
    jitter : float
        Standard deviation of their starts about the initial point.
    model : Model, optional
        The model in context by default.
    start : dict, optional
        Values of the initial point by variable name.
    random_seed : int, optional
        Seed.
    kernel, temperature
        As of `ImplicitGradient`.

    References
    ----------
    Q. Liu and D. Wang, Stein Variational Gradient Descent, NeurIPS 2016, algorithm 1.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 3.0, 1.0)
    ...     approx = pm.SVGD(n_particles=50, random_seed=1).fit(500, obj_optimizer=pm.adam(learning_rate=0.05), progressbar=False)
    >>> abs(float(approx.mean.eval()[0]) - 3.0) < 0.1
    True
    """

    def __init__(
        self,
        n_particles: int = 100,
        jitter: float = 1.0,
        model: Any = None,
        start: Mapping[str, Any] | None = None,
        random_seed: Any = None,
        kernel: variational.Kernel = variational.rbf,
        temperature: float = 1.0,
    ):
        approx = Empirical(size=n_particles, jitter=jitter, model=model, start=start, random_seed=random_seed)
        super().__init__(approx, kernel, temperature)


class ASVGD(ImplicitGradient):
    """Amortized Stein variational gradient descent: the Stein direction moves the draws of an approximation.

    Parameters
    ----------
    approx : Approximation, optional
        What is fitted; a `FullRank` by default.
    kernel, temperature
        As of `ImplicitGradient`.
    **settings
        Those of `FullRank`, if no approximation is given.

    References
    ----------
    Y. Feng, D. Wang and Q. Liu, Learning to Draw Samples with Amortized Stein Variational Gradient Descent, UAI 2017.
    """

    n_mc = 500

    def __init__(
        self,
        approx: Approximation | None = None,
        kernel: variational.Kernel = variational.rbf,
        temperature: float = 1.0,
        **settings: Any,
    ):
        if approx is not None and settings:
            raise TypeError(f"ASVGD: {sorted(settings)} are settings of an approximation to be made, and one was given.")
        super().__init__(FullRank(**settings) if approx is None else approx, kernel, temperature)


_METHODS: dict[str, Callable[..., Inference]] = {"advi": ADVI, "fullrank_advi": FullRankADVI, "svgd": SVGD, "asvgd": ASVGD}
_DIRECT: dict[str, Callable[..., Any]] = {"laplace": fit_laplace, "pathfinder": fit_pathfinder}
_NAMES = [*_METHODS, *_DIRECT]


def fit(
    n: int = 10_000,
    method: str | Inference = "advi",
    model: Any = None,
    random_seed: Any = None,
    start: Mapping[str, Any] | None = None,
    start_sigma: Mapping[str, Any] | None = None,
    inf_kwargs: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> Any:
    """Approximate the posterior.

    Parameters
    ----------
    n : int
        Number of steps; Laplace's method and Pathfinder end by themselves.
    method : {"advi", "fullrank_advi", "svgd", "asvgd", "laplace", "pathfinder"} or Inference
        How.
    model : Model, optional
        The model in context by default.
    random_seed : int, optional
        Seed; equal seeds give equal results.
    start : dict, optional
        Values by variable name to start at.
    start_sigma : dict, optional
        Standard deviations of the unconstrained values to start at, by variable name.
    inf_kwargs : dict, optional
        Further arguments of the method's class, such as ``n_particles`` of `SVGD`.
    **kwargs
        Those of `Inference.fit`: ``obj_optimizer``, ``obj_n_mc``, ``callbacks``, ``progressbar``,
        ``total_grad_norm_constraint``. For Laplace's method ``draws``, ``chains`` and what `find_MAP` takes; for Pathfinder
        ``num_paths``, ``num_draws``, ``num_draws_per_path``, ``num_elbo_draws``, ``maxcor``, ``maxiter``, ``jitter`` and
        ``importance_sampling``.

    Returns
    -------
    Approximation or xarray.DataTree
        The approximation, whose `sample` gives a DataTree; for Laplace's method and Pathfinder that DataTree.

    Raises
    ------
    KeyError
        If the method is unknown.
    TypeError
        If it is neither a name nor an `Inference`, or an argument is not one of that method.
    ValueError
        If the model has a discrete free variable, or no free variable.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.HalfNormal("x", 1.0)
    ...     approx = pm.fit(500, random_seed=1, progressbar=False)
    ...     tree = approx.sample(100, random_seed=1)
    >>> tree.posterior["x"].shape
    (1, 100)
    """
    given = {"random_seed": random_seed, "start": start, "start_sigma": start_sigma}
    settings = dict(inf_kwargs or {}) | {k: v for k, v in given.items() if v is not None}
    if isinstance(method, Inference):
        if settings:
            raise TypeError(f"fit: {sorted(settings)} are settings of a method to be made, and one was given; give them to it.")
        return method.fit(n, **kwargs)
    if not isinstance(method, str):
        raise TypeError(f"fit: method must be one of {_NAMES} or an Inference, got {method!r}.")
    if method.lower() in _DIRECT:
        return _DIRECT[method.lower()](modelcontext(model), **settings, **kwargs)
    if method.lower() not in _METHODS:
        raise KeyError(f"fit: method must be one of {_NAMES} or an Inference, got {method!r}.")
    return _METHODS[method.lower()](model=modelcontext(model), **settings).fit(n, **kwargs)


def _optimizer(chosen: Any, max_norm: float | None) -> Any:
    """The transformation of gradients into steps; a function such as ``pm.adam`` is called for it."""
    import optax

    chosen = variational.adagrad_window if chosen is None else chosen
    chosen = chosen() if callable(chosen) and not isinstance(chosen, optax.GradientTransformation) else chosen
    if not isinstance(chosen, optax.GradientTransformation):
        raise TypeError(f"obj_optimizer must be a transformation of optax, as pm.adam() is, got {chosen!r}.")
    return chosen if max_norm is None else optax.chain(optax.clip_by_global_norm(max_norm), chosen)


def _largest_scale(model: Any) -> float:
    """By what the terms of minibatches are multiplied; the loss is divided by it, so that steps fit any size of the data."""
    scales = [scale_of(rv, model, present_shape(rv.shape)[0] if rv.shape else 1) for rv in model.observed_RVs]
    return max([1.0, *(s for s in scales if s is not None)])


def _check_start(approx: Approximation, compiled: CompiledModel) -> None:
    """Refuse to start where the density is not finite."""
    target = compiled.target
    with jax.enable_x64(True):
        key = jax.random.key(approx.seed)
        position = approx.family.mean(approx.values)
        value = variational.log_density_of(target)(position, key, target.data)
        if not np.isfinite(value):
            state = State(np.asarray(position), value, np.asarray(position))
            data = (target.data, key) if target.draws else target.data
            raise SamplingError(describe_start(target, state, np.zeros(0, np.int64), data))


def _not_finite(approx: Approximation, error: variational.NotFinite) -> str:
    with jax.enable_x64(True):
        moments = np.asarray(approx.family.mean(error.parameters) + approx.family.std(error.parameters))
    bad = [name for name, at in approx.ordering.items() if not np.isfinite(moments[at]).all()]
    names = ", ".join(map(repr, bad))
    return (
        f"fit: {error}{f', that by {names}' if bad else ''}. Take a smaller learning rate "
        "(obj_optimizer=pm.adam(learning_rate=...)), more draws a step (obj_n_mc=), or a start nearer to the posterior."
    )
