"""Leaves: `Variable`, the one mutable cell, `Placeholder`, and what becomes a `Constant`."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from symjax._config import config
from symjax._errors import ShapeError
from symjax.core._node import METHODS, Constant, Tensor, _set
from symjax.core._op import Aval
from symjax.core._scope import name_and_register
from symjax.core._shapes import bind_dims, dim_names, evaluate_dim, is_static, is_symbolic, symbolic_dim

_PYTHON_KINDS: dict[type, Callable[[], np.dtype]] = {
    bool: lambda: np.dtype(bool),
    int: lambda: np.dtype(np.int64),
    float: lambda: config.float_dtype,
    complex: lambda: np.dtype(np.complex128 if config.floatX == "float64" else np.complex64),
}


def constant(value: Any, dtype: Any = None, name: str | None = None) -> Constant:
    """A constant node: a Python number keeps a weak type, everything else becomes a NumPy array.

    Parameters
    ----------
    value : number or array-like
        The value; floats in lists take `config.floatX`, arrays keep their dtype.
    dtype : dtype-like, optional
        Type to convert to.

    Raises
    ------
    TypeError
        If `value` is not numeric.
    """
    kind = _PYTHON_KINDS.get(type(value))
    if kind is not None and dtype is None:
        found = kind()
        return Constant(value, Aval((), found, found.kind != "b"), name)
    keeps_dtype = hasattr(value, "dtype")
    array = np.asarray(value.filled(np.nan) if isinstance(value, np.ma.MaskedArray) else value)
    if dtype is not None:
        array = array.astype(dtype)
    elif not keeps_dtype and array.dtype == np.float64:
        array = array.astype(config.float_dtype)
    if array.dtype.kind not in "biufc" and array.dtype.name != "bfloat16":
        raise TypeError(f"{value!r} has dtype {array.dtype}, which no tensor can hold; numbers and booleans are needed.")
    if array.flags.writeable:
        array = array.copy()
        array.flags.writeable = False
    return Constant(array, Aval(array.shape, array.dtype, False), name)


def as_tensor(value: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """`value` as a tensor: tensors stay themselves, nested lists with tensors in them are stacked, the rest are constants.

    Raises
    ------
    TypeError
        If `value` is not numeric.
    """
    if isinstance(value, Tensor):
        return value if dtype is None or value.dtype == np.dtype(dtype) else METHODS["cast"](value, dtype)
    if isinstance(value, (list, tuple)) and _holds_tensor(value):
        stacked = METHODS["stack"]([as_tensor(v) for v in value])
        return stacked if dtype is None else METHODS["cast"](stacked, dtype)
    if is_symbolic(value) and hasattr(value, "dimension_as_value"):
        return METHODS["axis_length"](value)
    return constant(value, dtype, name)


def _holds_tensor(values: Any) -> bool:
    return any(isinstance(v, Tensor) or (isinstance(v, (list, tuple)) and _holds_tensor(v)) for v in values)


class Variable(Tensor):
    """A tensor with a state: a value that persists between calls and that updates change.

    Parameters
    ----------
    initializer : array-like, Tensor or callable
        First value, or a function of the shape that returns it.
    name : str
        Name, made unique in its scope.
    trainable : bool
        Whether optimizers change it.
    shape : tuple of int, optional
        Shape that a callable initializer is asked for, or that the value must have. Axes given as None may change their length;
        those given as one symbolic length of `symbolic_dim` may, together.
    dtype : dtype-like, optional
        Type to convert to; Python floats default to `config.floatX`.

    Attributes
    ----------
    value : numpy.ndarray or jax.Array
        The present value.

    Examples
    --------
    >>> import symjax.tensor as T
    >>> w = T.Variable([1.0, 2.0], name="w")
    >>> w.update([3.0, 4.0])
    >>> w.value
    array([3., 4.])
    """

    __slots__ = ("_value", "initializer", "trainable")

    def __init__(
        self,
        initializer: Any,
        name: str = "unnamed",
        trainable: bool = True,
        shape: tuple[int | None, ...] | None = None,
        dtype: Any = None,
        *,
        register: bool = True,
    ):
        fixed = None if shape is None else tuple(0 if d is None or is_symbolic(d) else d for d in shape)
        value = _initial_value(initializer, fixed, dtype)
        if shape is not None and not _fits(value.shape, shape):
            raise ShapeError(f"Variable {name!r}: the initial value has shape {value.shape}, but shape={shape} was asked for.")
        dims = value.shape if shape is None else tuple(symbolic_dim() if d is None else d for d in shape)
        super().__init__(None, (), (), Aval(dims, value.dtype, False), None, name)
        _set(self, "_value", value)
        _set(self, "initializer", initializer)
        _set(self, "trainable", trainable)
        for d in dims:
            if is_symbolic(d):
                _OWNERS.setdefault(str(d), self)
        if register:
            name_and_register(self, name, strong=True)

    @property
    def value(self) -> Any:
        return self._value

    def get_value(self, borrow: bool = False) -> np.ndarray:
        """The present value as a NumPy array; a copy unless `borrow`."""
        return np.asarray(self._value) if borrow else np.array(self._value)

    def update(self, value: Any) -> None:
        """Replace the value.

        Parameters
        ----------
        value : array-like
            New value, of this variable's shape; it is converted to this variable's dtype, with a warning if that loses precision.

        Raises
        ------
        ShapeError
            If the shape is another one. The variable then keeps its value.
        """
        if isinstance(value, Tensor):
            value = METHODS["eval"](value)
        array = np.asarray(value)
        if not _fits(array.shape, self.shape):
            raise ShapeError(f"Variable {self.name!r} has shape {self.shape}, got a value of shape {array.shape}.")
        if array.dtype != self.dtype:
            if not np.can_cast(array.dtype, self.dtype, "same_kind"):
                warnings.warn(f"Variable {self.name!r}: value of type {array.dtype} cast to {self.dtype}.", stacklevel=2)
            array = array.astype(self.dtype)
        elif array is value:
            array = array.copy()
        _set(self, "_value", array)

    set_value = update

    def _store(self, value: Any) -> None:
        """Take an array that is known to fit, as compiled updates return it."""
        _set(self, "_value", value)

    def reset(self) -> None:
        """Go back to the initial value (a callable initializer is called again)."""
        shape = None if any(is_symbolic(d) for d in self.shape) else self.shape
        _set(self, "_value", _initial_value(self.initializer, shape, self.dtype))


def shared(value: Any, name: str | None = None, borrow: bool = False, **kwargs: Any) -> Variable:
    """Theano's name for a `Variable` with a value.

    Parameters
    ----------
    value : array-like
        First value.
    name : str, optional
        Name, made unique in its scope.
    borrow : bool
        Accepted for compatibility; the value is always copied.
    **kwargs
        Passed to `Variable`: ``shape``, ``dtype``, ``trainable``.
    """
    return Variable(value, name=name or "shared", **kwargs)


def _initial_value(initializer: Any, shape: tuple[int, ...] | None, dtype: Any) -> np.ndarray:
    if isinstance(initializer, Tensor):
        initializer = METHODS["eval"](initializer)
    elif callable(initializer) and not hasattr(initializer, "__array__"):
        if shape is None:
            raise ShapeError("A Variable with a callable initializer needs `shape=`.")
        initializer = initializer(shape)
    array = np.asarray(initializer)
    if dtype is None and not hasattr(initializer, "dtype") and array.dtype == np.float64:
        dtype = config.float_dtype
    return np.array(array, dtype=dtype)


def _fits(shape: tuple[int, ...], wanted: tuple[Any, ...]) -> bool:
    return len(shape) == len(wanted) and all(w is None or is_symbolic(w) or s == w for s, w in zip(shape, wanted, strict=True))


#: For each unknown axis length, by name, a variable that has such an axis and so knows the length.
_OWNERS: weakref.WeakValueDictionary[str, Variable] = weakref.WeakValueDictionary()


def owner_of(name: str) -> Variable | None:
    """The variable that tells an unknown axis length, if it is a variable's."""
    return _OWNERS.get(name)


def present_lengths(names: Iterable[str]) -> dict[str, int]:
    """The lengths that unknown axes have now, as far as variables tell them."""
    found: dict[str, int] = {}
    for owner in map(owner_of, names):
        if owner is None:
            continue
        for dim, length in zip(owner.shape, np.shape(owner.value), strict=True):
            bind_dims(dim, length, found)
    return found


def present_shape(shape: Sequence[Any]) -> tuple[int, ...]:
    """A shape as it is now, unknown axes as long as those of the variables that they come from.

    Raises
    ------
    ShapeError
        If an axis is unknown and no variable tells its length.
    """
    if is_static(shape):
        return tuple(shape)
    lengths = present_lengths(dim_names(shape))
    missing = dim_names(shape) - lengths.keys()
    if missing:
        raise ShapeError(f"the shape {tuple(shape)} is not known before it is computed.")
    return tuple(evaluate_dim(d, lengths) for d in shape)


class Placeholder(Tensor):
    """An input of a function.

    Parameters
    ----------
    shape : tuple of int or None
        Axis lengths; None (and 0 as the first one, as in SymJAX) is a length that may differ from call to call.
    dtype : dtype-like
        Element type; `config.floatX` by default.
    name : str
        Name, made unique in its scope.

    Examples
    --------
    >>> import symjax, symjax.tensor as T
    >>> x = T.Placeholder((None, 3), "float64", name="x")
    >>> f = symjax.function(x, outputs=x.sum(0))
    >>> import numpy as np
    >>> f(np.ones((5, 3)))
    array([5., 5., 5.])
    """

    __slots__ = ()

    def __init__(self, shape: Any = (), dtype: Any = None, name: str = "unnamed"):
        shape = (shape,) if isinstance(shape, int) or shape is None else tuple(shape)
        dims = tuple(
            symbolic_dim() if d is None or (not is_symbolic(d) and i == 0 and d == 0) else d if is_symbolic(d) else int(d)
            for i, d in enumerate(shape)
        )
        found = config.float_dtype if dtype is None else np.dtype(dtype)
        super().__init__(None, (), (), Aval(dims, found, False), None, name)
        name_and_register(self, name)
