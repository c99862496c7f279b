"""Elementwise operations and special functions, one line each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
import numpy as np

from symjax._config import config
from symjax.core._leaves import as_tensor
from symjax.core._node import METHODS, Tensor
from symjax.core._op import Aval, Operator
from symjax.core._shapes import infer_elementwise
from symjax.core._traverse import apply
from symjax.tensor._wrap import elementwise, register


def _of_reals(fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function that JAX has for floating types alone, of whole numbers as well."""

    def of_numbers(x: Any) -> Any:
        return fn(jnp.asarray(x, jnp.result_type(x, float)))

    of_numbers.__doc__, of_numbers.__module__ = fn.__doc__, fn.__module__
    return of_numbers


add = elementwise(jnp.add, n_args=2)
subtract = elementwise(jnp.subtract, n_args=2)
multiply = elementwise(jnp.multiply, n_args=2)
divide = elementwise(jnp.divide, n_args=2)
floor_divide = elementwise(jnp.floor_divide, n_args=2)
mod = elementwise(jnp.mod, "mod", n_args=2)
fmod = elementwise(jnp.fmod, n_args=2)
power = elementwise(jnp.power, n_args=2)
negative = elementwise(jnp.negative, n_args=1)
positive = elementwise(jnp.positive, n_args=1)
reciprocal = elementwise(jnp.reciprocal, n_args=1)
abs = elementwise(jnp.abs, "abs", n_args=1)
sign = elementwise(jnp.sign, n_args=1)
square = elementwise(jnp.square, n_args=1)
sqrt = elementwise(jnp.sqrt, n_args=1)
cbrt = elementwise(jnp.cbrt, n_args=1)
rsqrt = elementwise(_of_reals(jax.lax.rsqrt), "rsqrt", n_args=1)
exp = elementwise(jnp.exp, n_args=1)
exp2 = elementwise(jnp.exp2, n_args=1)
expm1 = elementwise(jnp.expm1, n_args=1)
log = elementwise(jnp.log, n_args=1)
log2 = elementwise(jnp.log2, n_args=1)
log10 = elementwise(jnp.log10, n_args=1)
log1p = elementwise(jnp.log1p, n_args=1)
sin = elementwise(jnp.sin, n_args=1)
cos = elementwise(jnp.cos, n_args=1)
tan = elementwise(jnp.tan, n_args=1)
arcsin = elementwise(jnp.arcsin, n_args=1)
arccos = elementwise(jnp.arccos, n_args=1)
arctan = elementwise(jnp.arctan, n_args=1)
arctan2 = elementwise(jnp.arctan2, n_args=2)
sinh = elementwise(jnp.sinh, n_args=1)
cosh = elementwise(jnp.cosh, n_args=1)
tanh = elementwise(jnp.tanh, n_args=1)
arcsinh = elementwise(jnp.arcsinh, n_args=1)
arccosh = elementwise(jnp.arccosh, n_args=1)
arctanh = elementwise(jnp.arctanh, n_args=1)
hypot = elementwise(jnp.hypot, n_args=2)
deg2rad = elementwise(jnp.deg2rad, n_args=1)
rad2deg = elementwise(jnp.rad2deg, n_args=1)
sinc = elementwise(jnp.sinc, n_args=1)
floor = elementwise(jnp.floor, n_args=1)
ceil = elementwise(jnp.ceil, n_args=1)
trunc = elementwise(jnp.trunc, n_args=1)
rint = elementwise(jnp.rint, n_args=1)
maximum = elementwise(jnp.maximum, n_args=2)
minimum = elementwise(jnp.minimum, n_args=2)
fmax = elementwise(jnp.fmax, n_args=2)
fmin = elementwise(jnp.fmin, n_args=2)
logaddexp = elementwise(jnp.logaddexp, n_args=2)
logaddexp2 = elementwise(jnp.logaddexp2, n_args=2)
copysign = elementwise(jnp.copysign, n_args=2)
heaviside = elementwise(jnp.heaviside, n_args=2)
equal = elementwise(jnp.equal, n_args=2)
not_equal = elementwise(jnp.not_equal, n_args=2)
less = elementwise(jnp.less, n_args=2)
less_equal = elementwise(jnp.less_equal, n_args=2)
greater = elementwise(jnp.greater, n_args=2)
greater_equal = elementwise(jnp.greater_equal, n_args=2)
logical_and = elementwise(jnp.logical_and, n_args=2)
logical_or = elementwise(jnp.logical_or, n_args=2)
logical_xor = elementwise(jnp.logical_xor, n_args=2)
logical_not = elementwise(jnp.logical_not, n_args=1)
bitwise_and = elementwise(jnp.bitwise_and, n_args=2)
bitwise_or = elementwise(jnp.bitwise_or, n_args=2)
bitwise_xor = elementwise(jnp.bitwise_xor, n_args=2)
invert = elementwise(jnp.invert, n_args=1)
left_shift = elementwise(jnp.left_shift, n_args=2)
right_shift = elementwise(jnp.right_shift, n_args=2)
isnan = elementwise(jnp.isnan, n_args=1)
isinf = elementwise(jnp.isinf, n_args=1)
isfinite = elementwise(jnp.isfinite, n_args=1)
where = elementwise(jnp.where, "where", n_args=3)
real = elementwise(jnp.real, n_args=1)
imag = elementwise(jnp.imag, n_args=1)
conj = elementwise(jnp.conj, "conj", n_args=1)
angle = elementwise(jnp.angle, n_args=1)
alias = elementwise(lambda x: x, "alias", n_args=1)
stop_gradient = elementwise(jax.lax.stop_gradient, "stop_gradient", n_args=1)

gammaln = elementwise(jsp.gammaln, n_args=1)
digamma = elementwise(jsp.digamma, n_args=1)
polygamma = elementwise(jsp.polygamma, n_args=2)
betaln = elementwise(jsp.betaln, n_args=2)
betainc = elementwise(jsp.betainc, n_args=3)
gammainc = elementwise(jsp.gammainc, n_args=2)
gammaincc = elementwise(jsp.gammaincc, n_args=2)
erf = elementwise(jsp.erf, n_args=1)
erfc = elementwise(jsp.erfc, n_args=1)
erfinv = elementwise(jsp.erfinv, n_args=1)
ndtr = elementwise(_of_reals(jsp.ndtr), "ndtr", n_args=1)
log_ndtr = elementwise(_of_reals(jsp.log_ndtr), "log_ndtr", n_args=1)
ndtri = elementwise(_of_reals(jsp.ndtri), "ndtri", n_args=1)
logit = elementwise(jsp.logit, n_args=1)
sigmoid = elementwise(_of_reals(jax.nn.sigmoid), "sigmoid", n_args=1)
softplus = elementwise(jax.nn.softplus, "softplus", n_args=1)
log_sigmoid = elementwise(jax.nn.log_sigmoid, "log_sigmoid", n_args=1)
relu = elementwise(jax.nn.relu, "relu", n_args=1)
i0 = elementwise(jsp.i0, n_args=1)
i0e = elementwise(jsp.i0e, n_args=1)
i1 = elementwise(jsp.i1, n_args=1)
i1e = elementwise(jsp.i1e, n_args=1)


def _times_log(log: Any, reciprocal: Any, value: Any) -> Any:
    """``x log(y)``, or another log, that is zero where x is; so is its derivative by y, which JAX has as 0/0 where y is zero."""

    @jax.custom_jvp
    def times_log(x: Any, y: Any) -> Any:
        return value(x, y)

    def by_y(y_dot: Any, out: Any, x: Any, y: Any) -> Any:
        none = x == 0
        return jnp.where(none, 0, x * reciprocal(jnp.where(none, 1, y))) * y_dot

    times_log.defjvps(lambda x_dot, out, x, y: log(y) * x_dot, by_y)

    def of_numbers(x: Any, y: Any) -> Any:
        dtype = jnp.result_type(x, y, float) if not jnp.issubdtype(jnp.result_type(x, y), jnp.inexact) else jnp.result_type(x, y)
        return times_log(*jnp.broadcast_arrays(jnp.asarray(x, dtype), jnp.asarray(y, dtype)))

    return of_numbers


xlogy = elementwise(_times_log(jnp.log, lambda y: 1 / y, jsp.xlogy), "xlogy", n_args=2)
xlog1py = elementwise(_times_log(jnp.log1p, lambda y: 1 / (1 + y), jsp.xlog1py), "xlog1py", n_args=2)
entr = elementwise(jsp.entr, n_args=1)
zeta = elementwise(jsp.zeta, n_args=2)


def _erfcx_tail(x: Any) -> Any:
    """exp(x²) erfc(x) for x ≥ 5 by its continued fraction (Abramowitz and Stegun 7.1.14), which is in float64 there."""
    value = x
    for k in range(30, 0, -1):
        value = x + 0.5 * k / value
    return 1 / (math.sqrt(math.pi) * value)


def _erfcx(x: Any) -> Any:
    x = jnp.asarray(x)
    near = jnp.where(x < 5, x, 0.0)
    far = jnp.where(x < 5, 5.0, x)
    return jnp.where(x < 5, jnp.exp(near**2) * jsp.erfc(near), _erfcx_tail(far))


erfcx = elementwise(_erfcx, "erfcx", n_args=1)


def _log1mexp(x: Any) -> Any:
    """log(1 - exp(x)) for x ≤ 0, split at -log 2 (Mächler, Accurately computing log(1 - exp(-|a|)), 2012, eq. 7)."""
    small = x > -math.log(2)
    near = jnp.where(small, x, -1.0)
    far = jnp.where(small, -1.0, x)
    return jnp.where(small, jnp.log(-jnp.expm1(near)), jnp.log1p(-jnp.exp(far)))


def _logdiffexp(a: Any, b: Any) -> Any:
    """log(exp(a) - exp(b)) for a ≥ b; minus infinity where they are equal."""
    same = (a == b) & (a < jnp.inf)
    difference = jnp.where(same, -1.0, b - a)
    return jnp.where(same, -jnp.inf, a + _log1mexp(difference))


log1mexp = elementwise(_log1mexp, "log1mexp", n_args=1)
logdiffexp = elementwise(_logdiffexp, "logdiffexp", n_args=2)


def _infer_cast(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    [x] = avals
    if x.dtype.kind == "c" and params["dtype"].kind not in "cb":
        raise TypeError(f"a complex tensor cannot be cast to {params['dtype']}; take its `.real` or `.imag` part.")
    return Aval(x.shape, params["dtype"], False)


CAST = register(Operator("cast", lambda x, dtype: jnp.asarray(x).astype(dtype), _infer_cast, elementwise=True))
ROUND = register(Operator("round", lambda x, decimals=0: jnp.round(x, decimals), infer_elementwise, elementwise=True))


def _dtype(dtype: Any) -> np.dtype:
    return config.float_dtype if dtype in ("floatX", float) else np.dtype(dtype)


def cast(x: Any, dtype: Any, name: str | None = None) -> Tensor:
    """`x` converted to a dtype; ``"floatX"`` is `config.floatX`. The same node if it has that dtype."""
    x, wanted = as_tensor(x), _dtype(dtype)
    return x if x.dtype == wanted and not x.weak else apply(CAST, [x], {"dtype": wanted}, name=name)


def round(x: Any, decimals: int = 0) -> Tensor:
    """`x` rounded to a number of decimals, halves to even."""
    return apply(ROUND, [as_tensor(x)], {"decimals": decimals} if decimals else {})


def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """`x` limited to an interval; None is no bound."""
    x = as_tensor(x)
    x = x if min is None else maximum(x, min)
    return x if max is None else minimum(x, max)


def divmod(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Quotient and remainder."""
    return floor_divide(a, b), mod(a, b)


def switch(condition: Any, if_true: Any, if_false: Any) -> Tensor:
    """Theano's name of `where`."""
    return where(condition, if_true, if_false)


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8) -> Tensor:
    """Whether elements are equal within tolerances."""
    a, b = as_tensor(a), as_tensor(b)
    return less_equal(abs(a - b), atol + rtol * abs(b))


def erfcinv(x: Any) -> Tensor:
    """Inverse of `erfc`, exact in its tail near zero."""
    return ndtri(0.5 * as_tensor(x)) * -math.sqrt(0.5)


def probit(p: Any) -> Tensor:
    """Quantile function of the standard Normal law."""
    return ndtri(p)


def add_n(tensors: Any) -> Tensor:
    """Sum of a list of tensors."""
    first, *rest = [as_tensor(t) for t in tensors]
    for t in rest:
        first = add(first, t)
    return first


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """`x` with nan and infinities replaced by numbers."""
    x = as_tensor(x)
    limits = np.finfo(x.dtype) if x.dtype.kind == "f" else None
    if limits is None:
        return x
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    return where(isnan(x), nan, where(equal(x, np.inf), high, where(equal(x, -np.inf), low, x)))


def axis_length(dim: Any) -> Tensor:
    """The length of an axis, as a tensor, where it is unknown until the graph runs."""
    return apply(AXIS_LENGTH, [], {"dim": dim})


AXIS_LENGTH = register(Operator("axis_length", lambda dim: dim, lambda op, avals, params: Aval((), np.dtype(np.int64), True)))


def size(x: Tensor) -> Tensor:
    """Number of elements, as a tensor where an axis length is unknown."""
    return add_n([1]) if not x.shape else METHODS["axis_length"](math.prod(x.shape))


def fill_like(x: Any, value: Any, dtype: Any = None) -> Tensor:
    """`value` in the shape of `x`."""
    x = as_tensor(x)
    return METHODS["broadcast_to"](cast(as_tensor(value), dtype or x.dtype), x.shape)


METHODS.update(cast=cast, round=round, clip=clip, divmod=divmod, axis_length=axis_length, size=size)
absolute = fabs = abs_ = abs
sub, mul, true_div, int_div, pow, neg, sqr = (
    subtract, multiply, divide, floor_divide, power, negative, square,
)  # fmt: skip
true_divide, remainder, conjugate = divide, mod, conj
acos, asin, atan, atan2, acosh, asinh, atanh = (
    arccos, arcsin, arctan, arctan2, arccosh, arcsinh, arctanh,
)  # fmt: skip
eq, neq, lt, le, gt, ge = equal, not_equal, less, less_equal, greater, greater_equal
and_, or_, xor, not_ = logical_and, logical_or, logical_xor, logical_not
psi, gamma_ln, lgamma = digamma, gammaln, gammaln
sgn = sign
floor_div = floor_divide
degrees, radians = rad2deg, deg2rad
expit = invlogit = inv_logit = sigmoid
log1pexp = softplus
invprobit = ndtr
