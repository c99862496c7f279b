"""The errors that symjax raises on purpose; each also is the built-in error that a caller would expect."""

from __future__ import annotations

from typing import Any


class SymjaxError(Exception):
    """Base of every error that symjax raises on purpose."""


class ShapeError(SymjaxError, ValueError):
    """Shapes or dtypes of an operation's arguments do not fit."""


class MissingInputError(SymjaxError, ValueError):
    """A placeholder that a computation needs was given no value."""


class ParameterError(SymjaxError, ValueError):
    """A parameter of a random variable has a value, shape or name that its distribution does not allow."""


class NotDerivableError(SymjaxError, NotImplementedError):
    """A density, cdf or conditional that cannot be derived exactly was asked for.

    Parameters
    ----------
    reason : str
        What blocks the derivation and what to do about it.
    node : object, optional
        The node in the way.
    """

    def __init__(self, reason: str, node: Any = None):
        super().__init__(reason)
        self.node = node


class SamplingError(SymjaxError, RuntimeError):
    """Sampling could not start or go on."""
