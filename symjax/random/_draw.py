"""Random nodes: a draw from a distribution whose parameters are the node's parents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symjax.core._node import RandomOp
from symjax.core._op import Aval, Operator

if TYPE_CHECKING:
    from symjax.random._distribution import Distribution


def _infer_draw(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    return Aval(params["shape"], params["dtype"], False)


class Draw(Operator):
    """The operator of a distribution's draws; its nodes carry their shape and dtype."""

    __slots__ = ("distribution",)

    def __init__(self, distribution: Distribution):
        def draw(key: Any, *parameters: Any, shape: tuple[int, ...], dtype: Any) -> Any:
            batch = shape[: len(shape) - distribution.event_ndim]
            return distribution.draw(key, batch, dtype, *parameters).astype(dtype)

        super().__init__(distribution.name, draw, _infer_draw, random=True)
        self.distribution = distribution


class RandomVariable(RandomOp):
    """A random variable: one draw, wherever the node is used.

    Attributes
    ----------
    distribution : Distribution
        Its law, ``R.Normal`` say.
    parameters : dict of str to Tensor
        Parameters of the law by their canonical names.
    """

    __slots__ = ()

    @property
    def distribution(self) -> Distribution:
        return self.op.distribution  # type: ignore[union-attr]

    @property
    def parameters(self) -> dict[str, Any]:
        return dict(zip(self.distribution.parameters, self.parents, strict=True))

    @property
    def batch_shape(self) -> tuple[Any, ...]:
        """Shape without the axes that are one value of a multivariate law."""
        return self.shape[: self.ndim - self.distribution.event_ndim]
