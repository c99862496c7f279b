"""PyMC's optimizers as transformations of optax."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


def sgd(*, learning_rate: Any = 1e-3) -> Any:
    """Steps against the gradient, ``-learning_rate * g``.

    Parameters
    ----------
    learning_rate : float or optax schedule
        Length of a step.

    Returns
    -------
    optax.GradientTransformation
        For ``pm.fit(obj_optimizer=...)``.

    Examples
    --------
    >>> updates, _ = sgd(learning_rate=0.5).update(2.0, sgd(learning_rate=0.5).init(0.0))
    >>> float(updates)
    -1.0
    """
    import optax

    return optax.sgd(learning_rate)


def momentum(*, learning_rate: Any = 1e-3, momentum: float = 0.9) -> Any:
    """Steps with a velocity, ``v = momentum * v - learning_rate * g``.

    Parameters
    ----------
    learning_rate : float or optax schedule
        Length of a step.
    momentum : float
        Share of the velocity that is kept.

    Returns
    -------
    optax.GradientTransformation
    """
    return apply_momentum(sgd(learning_rate=learning_rate), momentum=momentum)


def nesterov_momentum(*, learning_rate: Any = 1e-3, momentum: float = 0.9) -> Any:
    """Steps with Nesterov's velocity, ``momentum * v - learning_rate * g`` with the new v of `momentum`.

    Parameters
    ----------
    learning_rate : float or optax schedule
        Length of a step.
    momentum : float
        Share of the velocity that is kept.

    Returns
    -------
    optax.GradientTransformation
    """
    return apply_nesterov_momentum(sgd(learning_rate=learning_rate), momentum=momentum)


def apply_momentum(updates: Any, *, momentum: float = 0.9) -> Any:
    """Another optimizer's steps with a velocity, ``v = momentum * v + step``.

    Parameters
    ----------
    updates : optax.GradientTransformation
        The other optimizer.
    momentum : float
        Share of the velocity that is kept.

    Returns
    -------
    optax.GradientTransformation
    """
    import optax

    return optax.chain(updates, optax.trace(decay=momentum))


def apply_nesterov_momentum(updates: Any, *, momentum: float = 0.9) -> Any:
    """Another optimizer's steps with Nesterov's velocity, ``momentum * v + step`` with the new v of `apply_momentum`.

    Parameters
    ----------
    updates : optax.GradientTransformation
        The other optimizer.
    momentum : float
        Share of the velocity that is kept.

    Returns
    -------
    optax.GradientTransformation
    """
    import optax

    return optax.chain(updates, optax.trace(decay=momentum, nesterov=True))


def adagrad(*, learning_rate: Any = 1.0, epsilon: float = 1e-6) -> Any:
    """Steps divided by the root of the sum of all squared gradients.

    Parameters
    ----------
    learning_rate : float or optax schedule
        Length of a step.
    epsilon : float
        Added to the sum.

    Returns
    -------
    optax.GradientTransformation

    References
    ----------
    J. Duchi, E. Hazan and Y. Singer, Adaptive Subgradient Methods, JMLR 12 (2011).
    """
    import optax

    return optax.adagrad(learning_rate, initial_accumulator_value=0.0, eps=epsilon)


class WindowState(NamedTuple):
    """Squared gradients of the last steps, on a first axis, and the number of steps."""

    squares: Any
    count: Any


def adagrad_window(*, learning_rate: Any = 0.001, epsilon: float = 0.1, n_win: int = 10) -> Any:
    """Steps divided by the root of the sum of the last squared gradients: what `fit` uses unless told otherwise.

    Parameters
    ----------
    learning_rate : float or optax schedule
        Length of a step.
    epsilon : float
        Added to the sum.
    n_win : int
        Number of gradients.

    Returns
    -------
    optax.GradientTransformation

    Raises
    ------
    ValueError
        If `n_win` is less than 1.
    """
    import optax

    if n_win < 1:
        raise ValueError(f"adagrad_window: n_win must be at least 1, got {n_win}.")

    def init(params: Any) -> Any:
        return WindowState(jax.tree.map(lambda p: jnp.zeros((n_win, *jnp.shape(p))), params), jnp.zeros((), int))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        squares = jax.tree.map(lambda s, g: s.at[state.count % n_win].set(g**2), state.squares, updates)
        scaled = jax.tree.map(lambda s, g: g * jax.lax.rsqrt(s.sum(0) + epsilon), squares, updates)
        return scaled, WindowState(squares, state.count + 1)

    return optax.chain(optax.GradientTransformation(init, update), optax.scale_by_learning_rate(learning_rate))


def rmsprop(*, learning_rate: Any = 1.0, rho: float = 0.9, epsilon: float = 1e-6) -> Any:
    """Steps divided by the root of a moving average of squared gradients.

    Parameters
    ----------
    learning_rate : float or optax schedule
        Length of a step.
    rho : float
        Share of the average that is kept.
    epsilon : float
        Added to the average.

    Returns
    -------
    optax.GradientTransformation

    References
    ----------
    T. Tieleman and G. Hinton, Neural Networks for Machine Learning, lecture 6.5 (2012).
    """
    import optax

    return optax.rmsprop(learning_rate, decay=rho, eps=epsilon)


def adadelta(*, learning_rate: Any = 1.0, rho: float = 0.95, epsilon: float = 1e-6) -> Any:
    """Steps scaled by the ratio of moving averages of squared steps and squared gradients.

    Parameters
    ----------
    learning_rate : float or optax schedule
        Length of a step.
    rho : float
        Share of the averages that is kept.
    epsilon : float
        Added to the averages.

    Returns
    -------
    optax.GradientTransformation

    References
    ----------
    M. Zeiler, ADADELTA: An Adaptive Learning Rate Method, arXiv:1212.5701.
    """
    import optax

    return optax.adadelta(learning_rate, rho=rho, eps=epsilon)


def adam(*, learning_rate: Any = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Any:
    """Steps of moving averages of gradients, divided by the root of those of their squares.

    Parameters
    ----------
    learning_rate : float or optax schedule
        Length of a step.
    beta1, beta2 : float
        Shares of the averages that are kept.
    epsilon : float
        Added to the divisor.

    Returns
    -------
    optax.GradientTransformation

    References
    ----------
    D. Kingma and J. Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 1.
    """
    import optax

    return optax.adam(learning_rate, beta1, beta2, epsilon)


def adamax(*, learning_rate: Any = 0.002, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Any:
    """Steps of moving averages of gradients, divided by a decaying maximum of their absolute values.

    Parameters
    ----------
    learning_rate : float or optax schedule
        Length of a step.
    beta1, beta2 : float
        Shares of the average and of the maximum that are kept.
    epsilon : float
        Added to the divisor.

    Returns
    -------
    optax.GradientTransformation

    References
    ----------
    D. Kingma and J. Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 2.
    """
    import optax

    return optax.adamax(learning_rate, beta1, beta2, epsilon)


def norm_constraint(tensor_var: Any, max_norm: float, norm_axes: Any = None, epsilon: float = 1e-7) -> Any:
    """An array whose slices are scaled down to a norm.

    Parameters
    ----------
    tensor_var : array
        The array.
    max_norm : float
        Greatest norm.
    norm_axes : sequence of int, optional
        Axes over which norms are taken; by default the first of a matrix, and all but the first of an array of more axes.
    epsilon : float
        Added to norms that are divided by.

    Returns
    -------
    array
        Of the same shape.

    Raises
    ------
    ValueError
        If no axes are given for a scalar or a vector.

    Examples
    --------
    >>> import numpy as np
    >>> norm_constraint(np.array([[3.0], [4.0]]), 1.0).ravel().round(3)
    Array([0.6, 0.8], dtype=float32)
    """
    array = jnp.asarray(tensor_var)
    if norm_axes is None and array.ndim < 2:
        raise ValueError(f"norm_constraint: an array of {array.ndim} axes needs `norm_axes`, those to take norms over.")
    default = (0,) if array.ndim == 2 else tuple(range(1, array.ndim))
    axes = default if norm_axes is None else tuple(norm_axes)
    norms = jnp.sqrt(jnp.sum(array**2, axes, keepdims=True))
    return array * (jnp.clip(norms, 0, max_norm) / (epsilon + norms))


def total_norm_constraint(tensor_vars: Any, max_norm: float, epsilon: float = 1e-7, return_norm: bool = False) -> Any:
    """Arrays scaled down together, so that their common norm is no greater than a bound.

    Parameters
    ----------
    tensor_vars : pytree of arrays
        The arrays.
    max_norm : float
        Greatest norm of all elements together.
    epsilon : float
        Added to the norm that is divided by.
    return_norm : bool
        Whether to return the norm too.

    Returns
    -------
    pytree of arrays, or that and a scalar

    References
    ----------
    I. Sutskever, O. Vinyals and Q. Le, Sequence to Sequence Learning with Neural Networks, NeurIPS 2014, section 3.4.

    Examples
    --------
    >>> scaled, norm = total_norm_constraint([3.0, 4.0], 1.0, return_norm=True)
    >>> round(float(scaled[0]), 3), float(norm)
    (0.6, 5.0)
    """
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tensor_vars)))
    factor = jnp.clip(norm, 0, max_norm) / (epsilon + norm)
    scaled = jax.tree.map(lambda leaf: leaf * factor, tensor_vars)
    return (scaled, norm) if return_norm else scaled
