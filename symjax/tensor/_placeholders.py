"""Theano's constructors of inputs: ``dvector("x")`` is a `Placeholder`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symjax.core._leaves import Placeholder

__all__ = [
    "bmatrix", "bscalar", "btensor3", "btensor4", "bvector", "col", "dmatrices", "dmatrix", "dscalar", "dscalars", "dtensor3",
    "dtensor4", "dvector", "dvectors", "fmatrix", "fscalar", "ftensor3", "ftensor4", "fvector", "imatrix", "iscalar", "itensor3",
    "itensor4", "ivector", "lmatrix", "lscalar", "ltensor3", "ltensor4", "lvector", "matrices", "matrix", "row", "scalar",
    "scalars", "tensor", "tensor3", "tensor4", "vector", "vectors", "zmatrix", "zscalar", "ztensor3", "ztensor4", "zvector",
]  # fmt: skip


def tensor(name: str | None = None, *, dtype: Any = None, shape: Any = ()) -> Placeholder:
    """An input of a shape; axes given as None have any length.

    Parameters
    ----------
    name : str, optional
        Name, made unique in its scope.
    dtype : dtype-like, optional
        Element type; `config.floatX` by default.
    shape : tuple of int or None
        Axis lengths.
    """
    return Placeholder(shape, None if dtype == "floatX" else dtype, name=name or "unnamed")


def _maker(ndim: int, dtype: str | None = None, pattern: tuple[int | None, ...] | None = None) -> Any:
    default = (None,) * ndim if pattern is None else pattern
    fixed = dtype

    def make(name: str | None = None, dtype: Any = None, shape: Any = None) -> Placeholder:
        return tensor(name, dtype=fixed if dtype is None else dtype, shape=default if shape is None else shape)

    make.__doc__ = f"An input with {ndim} axes of dtype {dtype or '`config.floatX`'}; ``shape=`` fixes their lengths."
    return make


def _several(make: Callable[..., Placeholder]) -> Any:
    def makers(*names: str, dtype: Any = None) -> list[Placeholder]:
        return [make(n, dtype=dtype) for n in names]

    makers.__doc__ = "Several inputs, one for each name."
    return makers


scalar, vector, matrix, tensor3, tensor4 = (_maker(n) for n in range(5))
row = _maker(2, pattern=(1, None))
col = _maker(2, pattern=(None, 1))
fscalar, fvector, fmatrix, ftensor3, ftensor4 = (_maker(n, "float32") for n in range(5))
dscalar, dvector, dmatrix, dtensor3, dtensor4 = (_maker(n, "float64") for n in range(5))
bscalar, bvector, bmatrix, btensor3, btensor4 = (_maker(n, "int8") for n in range(5))
iscalar, ivector, imatrix, itensor3, itensor4 = (_maker(n, "int32") for n in range(5))
lscalar, lvector, lmatrix, ltensor3, ltensor4 = (_maker(n, "int64") for n in range(5))
zscalar, zvector, zmatrix, ztensor3, ztensor4 = (_maker(n, "complex128") for n in range(5))
scalars, vectors, matrices = _several(scalar), _several(vector), _several(matrix)
dscalars, dvectors, dmatrices = _several(dscalar), _several(dvector), _several(dmatrix)
