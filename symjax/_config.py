"""Settings of the process: the default floating-point type."""

from __future__ import annotations

import os

import numpy as np

_FLOATS = ("float32", "float64")


class Config:
    """Settings that hold for the whole process.

    Attributes
    ----------
    floatX : str
        ``"float64"`` (the default) or ``"float32"``: the type of Python floats, of new variables and of random draws. Read
        from the environment variable ``SYMJAX_FLOATX`` when symjax is imported. Arrays keep the type that they have.

    Examples
    --------
    >>> import symjax
    >>> symjax.config.floatX
    'float64'
    """

    __slots__ = ("_floatX",)

    def __init__(self) -> None:
        self._floatX = "float64"
        self.floatX = os.environ.get("SYMJAX_FLOATX", "float64")

    @property
    def floatX(self) -> str:
        return self._floatX

    @floatX.setter
    def floatX(self, value: str) -> None:
        if value not in _FLOATS:
            raise ValueError(f"`config.floatX` (or SYMJAX_FLOATX) must be one of {_FLOATS}, got {value!r}.")
        self._floatX = value

    @property
    def float_dtype(self) -> np.dtype:
        """`floatX` as a NumPy dtype."""
        return np.dtype(self._floatX)

    def __repr__(self) -> str:
        return f"Config(floatX={self._floatX!r})"


config = Config()
