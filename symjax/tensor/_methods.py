"""Methods of `Tensor`, set from the functions of the same names."""

from __future__ import annotations

from typing import Any

from symjax.core._node import METHODS, Tensor
from symjax.tensor import _construct as c
from symjax.tensor import _elementwise as e
from symjax.tensor import _index as i
from symjax.tensor import _linalg as l
from symjax.tensor import _reduce as r
from symjax.tensor import _shape_ops as s

_FUNCTIONS = {
    **{n: getattr(r, n) for n in ("sum", "prod", "mean", "max", "min", "std", "var", "argmax", "argmin", "all", "any")},
    **{n: getattr(r, n) for n in ("cumsum", "cumprod", "sort", "argsort", "norm")},
    **{n: getattr(e, n) for n in ("cast", "round", "clip", "conj", "conjugate", "sqrt", "exp", "exp2", "expm1", "log", "log2")},
    **{n: getattr(e, n) for n in ("log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh")},
    **{n: getattr(e, n) for n in ("arcsinh", "arccosh", "arctanh", "ceil", "floor", "trunc", "deg2rad", "rad2deg")},
    **{n: getattr(s, n) for n in ("reshape", "ravel", "flatten", "flatten2d", "squeeze", "expand_dims", "transpose")},
    **{n: getattr(s, n) for n in ("swapaxes", "dimshuffle", "repeat", "diagonal", "trace")},
    **{n: getattr(i, n) for n in ("take", "nonzero")},
    "set": i.set_subtensor,
    "inc": i.inc_subtensor,
    **{n: getattr(l, n) for n in ("dot", "matmul")},
    "astype": e.cast,
    "copy": lambda x, name=None: x,
    "zeros_like": c.zeros_like,
    "ones_like": c.ones_like,
    "fill": e.fill_like,
}
for _name, _function in _FUNCTIONS.items():
    setattr(Tensor, _name, _function)
Tensor.T = property(s.transpose)  # type: ignore[attr-defined]
Tensor.mT = property(lambda x: s.swapaxes(x, -1, -2))  # type: ignore[attr-defined]
Tensor.real = property(e.real)  # type: ignore[attr-defined]
Tensor.imag = property(e.imag)  # type: ignore[attr-defined]
Tensor.at = property(i.at)  # type: ignore[attr-defined]
METHODS["zeros_like"] = c.zeros_like


def _eval(self: Tensor, feed: dict[Tensor, Any] | None = None, *, seed: int | None = None) -> Any:
    """The value now; `feed` gives placeholders, or any inner node, their values."""
    return METHODS["eval"](self, feed, seed=seed)


def _clone(self: Tensor, givens: dict[Tensor, Any] | None = None, share_random: bool = True) -> Tensor:
    """The expression with nodes replaced by others."""
    return METHODS["clone"](self, givens, share_random)


def _array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """What NumPy's elementwise functions give of tensors: ``np.exp(x)``, and ``array + x``."""
    import symjax.tensor as T

    function = getattr(T, ufunc.__name__, None)
    in_place = len(kwargs) == 1 and kwargs.get("out", [None])[0] is inputs[0]  # ``array += x`` makes `array` a tensor
    if function is None or method != "__call__" or (kwargs and not in_place):
        return NotImplemented
    return function(*inputs)


Tensor.__array_ufunc__ = _array_ufunc  # type: ignore[attr-defined]
Tensor.eval = _eval  # type: ignore[attr-defined]
Tensor.get = _eval  # type: ignore[attr-defined]
Tensor.clone = _clone  # type: ignore[attr-defined]
