r"""Logarithms of gamma functions at ``a + counts`` through rising factorials.

With :math:`\Gamma(a + n) = \Gamma(a) \, a (a + 1) \cdots (a + n - 1)` the sum over many counts takes as many logarithms as the
largest count and one gamma function, which cancels the prior's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import symjax.tensor as T
from symjax.core._node import Constant
from symjax.random.posterior._conjugate_numbers import Coefficients

_MAX_COUNT = 400


class Shifted(NamedTuple):
    """A parameter ``base + counts``.

    Attributes
    ----------
    base : Tensor
        A positive scalar that is not a number.
    counts : array of int
        Not negative.
    """

    base: Any
    counts: np.ndarray

    def rising(self) -> Any:
        """The sum over all counts of log Γ(base + count) - log Γ(base)."""
        most = int(self.counts.max())
        if not most:
            return T.constant(0.0)
        # how many counts exceed k
        above = np.cumsum(np.bincount(self.counts.ravel(), minlength=most + 1)[::-1])[::-1][1:]
        return T.sum(above.astype(np.float64) * T.log(self.base + np.arange(most)))


def shifted(x: Any, size: int, c: Coefficients) -> Shifted | None:
    """A parameter of `size` elements as ``base + counts`` with a base that is proved positive; None if it is not of the kind."""
    if x.fn_name != "add" or x.size != size:
        return None
    a, b = x.parents
    base, counts = (b, a) if isinstance(a, Constant) else (a, b)
    if not isinstance(counts, Constant) or isinstance(base, Constant) or base.size != 1 or c.sign(base) != 1:
        return None
    values = np.broadcast_to(np.asarray(counts.value), x.shape)
    if np.any(values != np.floor(values)) or values.min() < 0 or values.max() > _MAX_COUNT:
        return None
    return Shifted(T.reshape(base, ()) if base.shape else base, values.astype(np.int64))
