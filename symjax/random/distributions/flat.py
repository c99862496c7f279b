"""Improper laws of constant density."""

from __future__ import annotations

from typing import Any

import symjax.tensor as T
from symjax._errors import NotDerivableError
from symjax.random import _support as support
from symjax.random._distribution import Distribution


class FlatDistribution(Distribution):
    """Improper law of density 1 on the real line; it cannot be drawn.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.Flat(shape=(2,), name="x").shape
    (2,)
    """

    is_normalized = False

    def parametrize(self) -> Any:
        return ()

    def support(self) -> support.Support:
        return support.real

    def draw(self, key: Any, shape: Any, dtype: Any) -> Any:
        raise NotDerivableError(f"{self.name} cannot be drawn: its density has no finite integral. Give a proper prior.")

    def log_density(self, value: Any) -> Any:
        return T.zeros_like(value)

    def support_point(self) -> Any:
        return T.constant(0.0)


class HalfFlatDistribution(FlatDistribution):
    """Improper law of density 1 on the positive half line; it cannot be drawn.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.HalfFlat(name="x").shape
    ()
    """

    def support(self) -> support.Support:
        return support.positive

    def support_point(self) -> Any:
        return T.constant(1.0)


Flat = FlatDistribution()
HalfFlat = HalfFlatDistribution()
