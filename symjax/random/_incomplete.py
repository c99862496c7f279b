"""Log of the incomplete gamma and beta functions, with derivatives in every argument.

Tails are computed on the log scale throughout, so that they neither underflow nor lose their digits, and the prefactors go through
the saddle-point form of Loader (Fast and accurate computation of binomial probabilities, 2000), which keeps precision for large
parameters. What does not converge is nan.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from symjax.tensor._wrap import OPERATORS, elementwise

LOG_2PI = math.log(2 * math.pi)
_MOST_TERMS = 20_000


def promote(*arguments: Any) -> list[Any]:
    """Arguments as floating-point arrays of one shape and dtype."""
    dtype = jnp.result_type(*arguments, float)
    return list(jnp.broadcast_arrays(*[jnp.asarray(x, dtype) for x in arguments]))


def log1mexp(x: Any) -> Any:
    """log(1 - exp(x)) for x ≤ 0."""
    return OPERATORS["log1mexp"].fn(jnp.minimum(x, 0.0))


def stirling_error(a: Any) -> Any:
    """log Γ(a) less Stirling's approximation (a − ½) log a − a + ½ log 2π; its series is DLMF 5.11.1."""
    large = jnp.where(a >= 10, a, 10.0)
    r = 1 / large**2
    series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - r * (691 / 360360)))))) / large
    small = jnp.where(a >= 10, 10.0, a)
    return jnp.where(a >= 10, series, gammaln(small) - (small - 0.5) * jnp.log(small) + small - 0.5 * LOG_2PI)


def _log_ratio(difference: Any, ratio: Any) -> Any:
    """log(ratio) where ratio = 1 + difference; the difference is used near one, the ratio far from it."""
    near = jnp.abs(difference) < 0.5
    return jnp.where(near, jnp.log1p(jnp.where(near, difference, 0.0)), jnp.log(jnp.where(near, 1.0, ratio)))


def _positive(x: Any) -> Any:
    """x with what is not positive moved to a positive number, where a derivative exists; the caller masks it."""
    return jnp.where(x > 0, x, 0.5)


def _iterate(step: Callable[[Any, Any], tuple[Any, Any]], state: Any) -> tuple[Any, Any]:
    """State after as many steps as it takes every element to converge, and whether it did."""

    def unfinished(carry: Any) -> Any:
        n, _, done = carry
        return (n < _MOST_TERMS) & ~jnp.all(done)

    def body(carry: Any) -> Any:
        n, state, _ = carry
        state, done = step(n.astype(state[0].dtype), state)
        return n + 1, state, done

    # nan is not waited for
    start = (jnp.int32(1), state, jnp.isnan(state[0]))
    _, state, done = jax.lax.while_loop(unfinished, body, start)
    return state, done


def _lentz(term: Callable[..., tuple[Any, Any]], n: Any, state: Any, parameters: Any) -> Any:
    """One step of Lentz's method: the fraction so far, and the two ratios whose product is what a term changes it by."""
    h, c, d = state
    tiny = float(jnp.finfo(h.dtype).tiny) * 1e8
    alpha, beta = term(n, *parameters)
    d = 1 / _apart(beta + alpha * d, tiny)
    c = _apart(beta + alpha / c, tiny)
    return h * c * d, c, d


def _apart(x: Any, tiny: float) -> Any:
    return jnp.where(jnp.abs(x) < tiny, tiny, x)


def _lentz_start(first: Any) -> Any:
    tiny = float(jnp.finfo(first.dtype).tiny) * 1e8
    d = 1 / _apart(first, tiny)
    return d, jnp.full_like(d, 1 / tiny), d


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _continued_fraction(term: Callable[..., tuple[Any, Any]], first: Any, *parameters: Any) -> Any:
    """1 / (first + α₁ / (β₁ + α₂ / (β₂ + ...))) by Lentz's method, with ``term(n, *parameters) = (αₙ, βₙ)``."""
    eps = float(jnp.finfo(first.dtype).eps)

    def step(n: Any, state: Any) -> Any:
        h, c, d = _lentz(term, n, state, parameters)
        return (h, c, d), (jnp.abs(c * d - 1) <= 4 * eps) | jnp.isnan(h)

    (h, _, _), done = _iterate(step, _lentz_start(first))
    return jnp.where(done, h, jnp.nan)


@_continued_fraction.defjvp
def _continued_fraction_jvp(term: Any, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """Its derivative, stepped until that has converged.

    Where a shape is a whole number some αₙ is zero and the fraction ends there, but its derivative goes on.
    """
    first, *parameters = primals
    eps = float(jnp.finfo(first.dtype).eps)
    size = functools.reduce(jnp.add, [jnp.abs(t) for t in tangents])

    def step(n: Any, state: Any) -> Any:
        primal, tangent, settled = state[:3], state[3:6], state[6]
        moving = (primal, tuple(parameters)), (tangent, tuple(tangents[1:]))
        (h, c, d), slopes = jax.jvp(lambda s, q: _lentz(term, n, s, q), *moving)
        change = jnp.abs(slopes[0] - tangent[0])
        still = (jnp.abs(c * d - 1) <= 4 * eps) & (change <= 4 * eps * (jnp.abs(slopes[0]) + size * jnp.abs(h)))
        # a single step may leave a derivative unchanged by chance
        return (h, c, d, *slopes, still), (still & settled) | jnp.isnan(h)

    start, slopes = jax.jvp(_lentz_start, (first,), (tangents[0],))
    (h, _, _, slope, *_), done = _iterate(step, (*start, *slopes, jnp.zeros_like(first, bool)))
    return jnp.where(done, h, jnp.nan), jnp.where(done, slope, jnp.nan)


def log_gamma_kernel(a: Any, x: Any) -> Any:
    """log of x^a exp(-x) / Γ(a)."""
    u = (x - a) / a
    return a * (_log_ratio(u, x / a) - u) + 0.5 * jnp.log(a) - 0.5 * LOG_2PI - stirling_error(a)


def log_gamma_tails(a: Any, x: Any) -> tuple[Any, Any]:
    """log P(a, x) and log Q(a, x): series DLMF 8.11.4 for x < a + 1, continued fraction DLMF 8.9.2 beyond."""
    at = _positive(x)
    kernel = log_gamma_kernel(a, at)
    below = at < a + 1
    near, far = jnp.where(below, at, 0.5 * a), jnp.where(below, a + 2, at)
    eps = float(jnp.finfo(at.dtype).eps)

    def step(n: Any, state: Any) -> Any:
        total, term = state
        term = term * near / (a + n)
        # one digit pair more than the sum needs, for the sake of its derivative in a
        return (total + term, term), (term <= 1e-2 * eps * total) | jnp.isnan(term)

    (total, _), done = _iterate(step, (jnp.ones_like(at), jnp.ones_like(at)))
    log_p = kernel - jnp.log(a) + jnp.log(jnp.where(done, total, jnp.nan))
    fraction = _continued_fraction(lambda n, a, x: (-n * (n - a), x + 1 - a + 2 * n), far + 1 - a, a, far)
    log_q = kernel + jnp.log(jnp.where(below, 1.0, fraction))
    lower = jnp.where(below, log_p, log1mexp(jnp.where(below, -1.0, log_q)))
    upper = jnp.where(below, log1mexp(jnp.where(below, log_p, -1.0)), log_q)
    outside = x <= 0
    lower, upper = jnp.where(outside, -jnp.inf, lower), jnp.where(outside, 0.0, upper)
    infinite = x == jnp.inf
    return jnp.where(infinite, 0.0, lower), jnp.where(infinite, -jnp.inf, upper)


def log_gamma_ratio(a: Any) -> Any:
    """log of Γ(a + ½) / Γ(a)."""
    return a * jnp.log1p(0.5 / a) + 0.5 * jnp.log(a) - 0.5 + stirling_error(a + 0.5) - stirling_error(a)


def log_beta_kernel(a: Any, b: Any, x: Any, y: Any) -> Any:
    """log of x^a y^b Γ(a + b) / (Γ(a) Γ(b)) with y = 1 - x."""
    n = a + b
    t = b * x - a * y
    scale = 0.5 * (jnp.log(a / n) + jnp.log(b)) - 0.5 * LOG_2PI
    errors = stirling_error(n) - stirling_error(a) - stirling_error(b)
    return a * _log_ratio(t / a, x * n / a) + b * _log_ratio(-t / b, y * n / b) + scale + errors


def _beta_term(n: Any, p: Any, q: Any, u: Any) -> tuple[Any, Any]:
    m = jnp.floor(n / 2)
    odd = -(p + m) * (p + q + m) * u / ((p + 2 * m) * (p + 2 * m + 1))
    even = m * (q - m) * u / ((p + 2 * m - 1) * (p + 2 * m))
    return jnp.where(n % 2 == 1, odd, even), jnp.ones_like(u)


def log_beta_tails(a: Any, b: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """log I_x(a, b) and log I_y(b, a) for y = 1 - x, by the continued fraction DLMF 8.17.22 of the one that it suits."""
    inside = (x > 0) & (y > 0)
    x_in, y_in = jnp.where(inside, x, 0.5), jnp.where(inside, y, 0.5)
    swap = x_in * (a + b + 2) > a + 1
    p, q = jnp.where(swap, b, a), jnp.where(swap, a, b)
    u, v = jnp.where(swap, y_in, x_in), jnp.where(swap, x_in, y_in)

    fraction = _continued_fraction(_beta_term, jnp.ones_like(u), p, q, u)
    near = log_beta_kernel(p, q, u, v) - jnp.log(p) + jnp.log(fraction)
    far = log1mexp(near)
    lower, upper = jnp.where(swap, far, near), jnp.where(swap, near, far)
    lower = jnp.where(x <= 0, -jnp.inf, jnp.where(y <= 0, 0.0, lower))
    return lower, jnp.where(x <= 0, 0.0, jnp.where(y <= 0, -jnp.inf, upper))


def _log_beta(a: Any, b: Any) -> Any:
    a, b = promote(a, b)
    n = a + b
    errors = stirling_error(a) + stirling_error(b) - stirling_error(n)
    return 0.5 * (LOG_2PI - jnp.log(a / n) - jnp.log(b)) - a * jnp.log1p(b / a) - b * jnp.log1p(a / b) + errors


def log_probability(raw: Callable[..., Any], log_density: Callable[..., Any], sign: int) -> Callable[..., Any]:
    """``raw(*shapes, x)``, a log cdf (`sign` 1) or log survival function (-1), with derivatives for both modes.

    The derivative in x is the density, the derivatives in the shapes run through `raw` forwards. Those loops have no reverse
    mode, but a rule that is linear in the tangents has.
    """

    @jax.custom_jvp
    def inner(*arguments: Any) -> Any:
        return raw(*arguments)

    def rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
        value = inner(*primals)
        known = jnp.isfinite(value)
        total = jnp.zeros_like(value)
        for i, tangent in enumerate(tangents):
            if isinstance(tangent, jax.custom_derivatives.SymbolicZero):
                continue
            if i == len(primals) - 1:
                slope = sign * jnp.exp(log_density(*primals) - jnp.where(known, value, 0.0))
            else:
                slope = derivative(raw, primals, i)
            total = total + jnp.where(known, slope, 0.0) * tangent
        return value, total

    inner.defjvp(rule, symbolic_zeros=True)
    return lambda *arguments: inner(*promote(*arguments))


def derivative(fn: Callable[..., Any], arguments: Any, i: int) -> Any:
    """Elementwise derivative of `fn` in its argument `i`."""

    def of_one(x: Any) -> Any:
        return fn(*arguments[:i], x, *arguments[i + 1 :])

    return jax.jvp(of_one, (arguments[i],), (jnp.ones_like(arguments[i]),))[1]


def _log_gamma_density(a: Any, x: Any) -> Any:
    at = _positive(x)
    return jnp.where(x > 0, log_gamma_kernel(a, at) - jnp.log(at), -jnp.inf)


def _log_beta_density(a: Any, b: Any, x: Any) -> Any:
    inside = (x > 0) & (x < 1)
    at = jnp.where(inside, x, 0.5)
    return jnp.where(inside, log_beta_kernel(a, b, at, 1 - at) - jnp.log(at) - jnp.log1p(-at), -jnp.inf)


#: ``log_beta(a, b)``: log of the beta function, to full precision for large and for unequal arguments.
log_beta = elementwise(_log_beta, "log_beta", 2)
#: ``log_gammainc(a, x)`` and ``log_gammaincc(a, x)``: logs of the regularised incomplete gamma functions P and Q.
log_gammainc = elementwise(log_probability(lambda a, x: log_gamma_tails(a, x)[0], _log_gamma_density, 1), "log_gammainc", 2)
log_gammaincc = elementwise(log_probability(lambda a, x: log_gamma_tails(a, x)[1], _log_gamma_density, -1), "log_gammaincc", 2)
#: ``log_betainc(a, b, x)`` and ``log_betaincc(a, b, x)``: logs of the regularised incomplete beta function and of its complement.
log_betainc = elementwise(
    log_probability(lambda a, b, x: log_beta_tails(a, b, x, 1 - x)[0], _log_beta_density, 1), "log_betainc", 3
)
log_betaincc = elementwise(
    log_probability(lambda a, b, x: log_beta_tails(a, b, x, 1 - x)[1], _log_beta_density, -1), "log_betaincc", 3
)
#: ``log_half_step(a)``: `log_gamma_ratio` of tensors.
log_half_step = elementwise(log_gamma_ratio, "log_gamma_ratio", 1)
