"""The law of a constant."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

import symjax.tensor as T
from symjax._errors import ParameterError
from symjax.core._leaves import as_tensor
from symjax.random import _support as support
from symjax.random._base_law import INF
from symjax.random._constraint import Parameter, integer
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable


class PointMass(Distribution):
    """All mass at one number; made by `DiracDelta`."""

    parameters = {"c": Parameter()}
    has_atoms = True

    @property
    def name(self) -> str:
        return "DiracDelta"

    def parametrize(self, c: Any) -> Any:
        if c is None:
            raise ParameterError("'c' must be given.")
        return (c,)

    def support(self, c: Any) -> support.Support:
        return support.real

    def is_atom(self, value: Any, c: Any) -> Any:
        return T.equal(value, c)

    def draw(self, key: Any, shape: Any, dtype: Any, c: Any) -> Any:
        return jnp.broadcast_to(c, shape)

    def log_density(self, value: Any, c: Any) -> Any:
        return T.where(T.equal(value, c), T.zeros_like(c), -INF)

    def log_cdf(self, value: Any, c: Any) -> Any:
        return T.where(T.less(value, c), -INF, T.where(T.greater_equal(value, c), 0.0, float("nan")))

    def log_ccdf(self, value: Any, c: Any) -> Any:
        return T.where(T.less(value, c), 0.0, T.where(T.greater_equal(value, c), -INF, float("nan")))

    def quantile(self, q: Any, c: Any) -> Any:
        return c + 0.0 * q

    def mean(self, c: Any) -> Any:
        return as_tensor(c)

    def variance(self, c: Any) -> Any:
        return T.zeros_like(c)


point_mass = PointMass()


class DiracDeltaDistribution(PointMass):
    """Law of a constant: all mass at `c`.

    Parameters
    ----------
    c : tensor-like
        The constant. Its type decides that of the draws: of whole numbers the law is discrete, and may be a component of a mixture
        of counts; of others it has a mass where components of a mixture have a density.

    Examples
    --------
    >>> import symjax.random as R
    >>> R.logp(R.DiracDelta(2, name="x"), [2, 3]).eval().tolist()
    [0.0, -inf]

    References
    ----------
    Feller, An Introduction to Probability Theory and Its Applications II, 2nd ed., ch. V.
    """

    parameters = {"c": Parameter(integer)}
    is_discrete = True
    has_atoms = False

    def __call__(self, *args: Any, **kwargs: Any) -> RandomVariable:
        c = args[0] if args else kwargs.get("c")
        if c is not None and as_tensor(c).dtype.kind == "f":
            return point_mass(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def support(self, c: Any) -> support.Support:
        return support.integers(c, c)


DiracDelta = DiracDeltaDistribution()
