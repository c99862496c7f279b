"""How many steps a returned draw stands for, where steps are cheap."""

from __future__ import annotations

import numpy as np

#: Seconds that a chain may spend on more steps than draws.
EXTRA_SECONDS = 0.25
#: Seconds that a run takes at least before its first draw, compiling in the main.
_COLD_SECONDS = 1.0
_FEWEST, _MOST, _CAP = 100, 400, 100
#: Share of the greatest rate that is good enough: the rate is flat there, and known from a few hundred steps alone.
_NEARLY = 0.95


def choose_thinning(positions: np.ndarray, draws: int, seconds: float) -> int:
    """The number of steps a draw that gives, nearly, most effective draws in the time of a whole run from cold.

    The effective number is the least over coordinates and their squares. The time is an estimate, never a clock's, so that draws
    stay a function of the seed.

    Parameters
    ----------
    positions : array, shape (m, n)
        Warm-up steps with the final metric or near to it.
    draws : int
        Number of draws to return.
    seconds : float
        Estimate of the time of a step.

    Returns
    -------
    int
        At least 1; 1 where a step is expensive, or the warm-up too short to tell.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> walk = np.zeros((400, 1))
    >>> for i in range(1, 400):
    ...     walk[i] = 0.8 * walk[i - 1] + 0.6 * rng.normal()
    >>> choose_thinning(walk, 1000, 1e-6) > 4, choose_thinning(walk, 1000, 1e-2)
    (True, 1)
    """
    most = min(_CAP, 1 + int(EXTRA_SECONDS / max(draws * seconds, 1e-12)))
    if most < 2 or len(positions) < _FEWEST:
        return 1
    x = positions[-_MOST:]
    x = x - x.mean(0)
    slowest = max(autocorrelation_time(x).max(initial=0.1), autocorrelation_time(x**2).max(initial=0.1))
    # a chain of the first order with that time: lag by lag, a few hundred steps show noise
    rho = (slowest - 1) / (slowest + 1)
    k = np.arange(1, most + 1)
    rates = (1 - rho**k) / (1 + rho**k) / (_COLD_SECONDS + k * draws * seconds)
    return 1 + int(np.argmax(rates >= _NEARLY * rates.max()))


def autocorrelation_time(x: np.ndarray) -> np.ndarray:
    """Steps that are worth an independent draw, for each column of an array of shape (m, n) that varies; less than 1 if antithetic.

    Sums of two neighbouring autocorrelations are added up to the first that is not above its noise, after Geyer's initial positive
    sequence (Practical Markov Chain Monte Carlo, 1992, section 3.3).
    """
    m = len(x)
    x = x - x.mean(0)
    spectrum = np.abs(np.fft.rfft(x, 2 * m, axis=0)) ** 2
    covariances = np.fft.irfft(spectrum, axis=0)[:m]
    varies = np.isfinite(covariances).all(0) & (covariances[0] > 0)
    rho = covariances[:, varies] / covariances[0, varies]
    pairs = rho[0 : m - m % 2 : 2] + rho[1:m:2]
    pairs[1:] *= np.logical_and.accumulate(pairs[1:] > np.sqrt(2 / m), axis=0)
    return np.maximum(2 * pairs.sum(0) - 1, 0.1)
