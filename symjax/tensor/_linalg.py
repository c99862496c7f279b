"""Linear algebra."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jsl
import numpy as np

from symjax._errors import ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._node import METHODS, Tensor
from symjax.core._op import Aval, Operator
from symjax.core._shapes import broadcast_shapes, is_symbolic, result_dtype
from symjax.core._traverse import apply
from symjax.tensor._construct import zeros
from symjax.tensor._index import index_update
from symjax.tensor._jax_wrap import jax_wrap
from symjax.tensor._shape_ops import moveaxis
from symjax.tensor._wrap import register, wrap


def _infer_matmul(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    a, b = avals
    if not a.shape or not b.shape:
        raise ShapeError("`matmul` needs two tensors with at least one axis; use `*` for scalars.")
    left, right = a.shape[-1], b.shape[-min(len(b.shape), 2)]
    if not is_symbolic(left) and not is_symbolic(right) and left != right:
        raise ShapeError(f"`matmul`: shapes {a.shape} and {b.shape} do not fit: {left} columns against {right} rows.")
    try:
        batch = broadcast_shapes([a.shape[:-2], b.shape[:-2]])
    except ValueError:
        raise ShapeError(f"`matmul`: the leading axes of {a.shape} and {b.shape} do not broadcast together.") from None
    rows = a.shape[-2:-1]
    columns = b.shape[-1:] if len(b.shape) > 1 else ()
    dtype, weak = result_dtype(jnp.multiply, avals, {})
    return Aval((*batch, *rows, *columns), dtype, weak)


MATMUL = register(Operator("matmul", jnp.matmul, _infer_matmul))


def matmul(a: Any, b: Any) -> Tensor:
    """Matrix product; leading axes broadcast."""
    return apply(MATMUL, [as_tensor(a), as_tensor(b)])


def dot(a: Any, b: Any) -> Tensor:
    """`numpy.dot`: product with a scalar, inner product of vectors, matrix product."""
    a, b = as_tensor(a), as_tensor(b)
    if not a.shape or not b.shape:
        return a * b
    if b.ndim <= 2:
        return matmul(a, b)
    return tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 2,)))


tensordot = wrap(jnp.tensordot, n_tensors=2, statics=["axes"])
outer = wrap(jnp.outer, n_tensors=2)
inner = wrap(jnp.inner, n_tensors=2)
vdot = wrap(jnp.vdot, n_tensors=2)
kron = wrap(jnp.kron, n_tensors=2)
cross = wrap(jnp.cross, n_tensors=2, statics=["axisa", "axisb", "axisc", "axis"])


def _einsum(*operands: Any, subscripts: str) -> Any:
    return jnp.einsum(subscripts, *operands)


EINSUM = register(Operator("einsum", _einsum))


def einsum(subscripts: str, *operands: Any) -> Tensor:
    """Einstein summation."""
    return apply(EINSUM, [as_tensor(o) for o in operands], {"subscripts": subscripts})


def _square(op: Operator, x: Aval) -> None:
    if len(x.shape) < 2 or (not is_symbolic(x.shape[-1]) and not is_symbolic(x.shape[-2]) and x.shape[-1] != x.shape[-2]):
        raise ShapeError(f"`{op.name}` needs square matrices, got shape {x.shape}.")


def _infer_square(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    _square(op, avals[0])
    dtype, _ = result_dtype(jnp.sqrt, avals, {})
    return Aval(avals[0].shape, dtype, False)


def _cholesky(x: Any, lower: bool = True) -> Any:
    factor = jnp.linalg.cholesky(x)
    return factor if lower else jnp.swapaxes(factor, -1, -2)


def _cholesky_of_inverse(x: Any) -> Any:
    # with rows and columns in reverse order a Cholesky factor is that of x = U Uᵀ for an upper triangular U, and x⁻¹ = U⁻ᵀ U⁻¹
    upper = jnp.flip(_cholesky(jnp.flip(x, (-2, -1))), (-2, -1))
    identity = jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=upper.dtype), upper.shape)
    return jsl.solve_triangular(jnp.swapaxes(upper, -1, -2), identity, lower=True)


CHOLESKY = register(Operator("cholesky", _cholesky, _infer_square))
CHOLESKY_OF_INVERSE = register(Operator("cholesky_of_inverse", _cholesky_of_inverse, _infer_square))
INV = register(Operator("inv", jnp.linalg.inv, _infer_square))


def cholesky(x: Any, lower: bool = True, *, on_error: str = "nan", check_finite: bool = False) -> Tensor:
    """Cholesky factor of symmetric positive definite matrices, nan where they are not; upper triangular if not `lower`."""
    return apply(CHOLESKY, [as_tensor(x)], {} if lower else {"lower": False})


def cholesky_of_inverse(x: Any) -> Tensor:
    """Lower Cholesky factor of the inverses of symmetric positive definite matrices, without the inverse, which loses digits."""
    return apply(CHOLESKY_OF_INVERSE, [as_tensor(x)])


def inv(x: Any) -> Tensor:
    """Inverse of square matrices."""
    return apply(INV, [as_tensor(x)])


def _infer_solve(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    a, b = avals
    _square(op, a)
    vector = params["b_ndim"] == 1
    rows, wanted = b.shape[-1 if vector else -2], a.shape[-1]
    if not is_symbolic(rows) and not is_symbolic(wanted) and rows != wanted:
        raise ShapeError(f"`{op.name}`: shapes {a.shape} and {b.shape} do not fit.")
    batch = broadcast_shapes([a.shape[:-2], b.shape[:-1] if vector else b.shape[:-2]])
    dtype, _ = result_dtype(jnp.divide, avals, {})
    return Aval((*batch, *b.shape[-1 if vector else -2 :]), dtype, False)


def _with_columns(solver: Any) -> Any:
    """A batched solver of vectors or matrices from one of matrices with equal leading axes."""

    def run(a: Any, b: Any, b_ndim: int, **kwargs: Any) -> Any:
        b = b[..., None] if b_ndim == 1 else b
        batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a = jnp.broadcast_to(a, (*batch, *a.shape[-2:]))
        b = jnp.broadcast_to(b, (*batch, *b.shape[-2:]))
        x = solver(a, b, **kwargs)
        return x[..., 0] if b_ndim == 1 else x

    return run


def _triangular(a: Any, b: Any, lower: bool, trans: int, unit_diagonal: bool) -> Any:
    return jax.lax.linalg.triangular_solve(a, b, left_side=True, lower=lower, transpose_a=bool(trans), unit_diagonal=unit_diagonal)


SOLVE = register(Operator("solve", _with_columns(jnp.linalg.solve), _infer_solve))
SOLVE_TRIANGULAR = register(Operator("solve_triangular", _with_columns(_triangular), _infer_solve))
CHO_SOLVE = register(Operator("cho_solve", _with_columns(lambda c, b, lower: jsl.cho_solve((c, lower), b)), _infer_solve))


def _b_ndim(b: Tensor, b_ndim: int | None) -> int:
    return min(b.ndim, 2) if b_ndim is None else b_ndim


def solve(a: Any, b: Any, *, b_ndim: int | None = None, assume_a: str = "gen") -> Tensor:
    """``a⁻¹ b`` for a vector or matrix `b`; `b_ndim` 1 says that a `b` with more axes is a batch of vectors."""
    a, b = as_tensor(a), as_tensor(b)
    if assume_a == "pos":
        return cho_solve((cholesky(a), True), b, b_ndim=b_ndim)
    return apply(SOLVE, [a, b], {"b_ndim": _b_ndim(b, b_ndim)})


def solve_triangular(
    a: Any, b: Any, *, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, b_ndim: int | None = None
) -> Tensor:
    """``a⁻¹ b``, or ``a⁻ᵀ b`` if `trans` is 1 or "T", for triangular `a`."""
    a, b = as_tensor(a), as_tensor(b)
    flag = {0: 0, 1: 1, "N": 0, "T": 1, "C": 1}[trans]
    params = {"lower": bool(lower), "trans": flag, "unit_diagonal": bool(unit_diagonal), "b_ndim": _b_ndim(b, b_ndim)}
    return apply(SOLVE_TRIANGULAR, [a, b], params)


def cho_solve(c_and_lower: Any, b: Any, *, b_ndim: int | None = None) -> Tensor:
    """``a⁻¹ b`` from the Cholesky factor of `a`."""
    c, lower = c_and_lower
    b = as_tensor(b)
    return apply(CHO_SOLVE, [as_tensor(c), b], {"lower": bool(lower), "b_ndim": _b_ndim(b, b_ndim)})


def _infer_determinant(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> Aval:
    full = _infer_square(op, avals, params)
    dtype = np.empty((), full.dtype).real.dtype if op.name == "logdet" else full.dtype
    return Aval(full.shape[:-2], dtype, False)


det = wrap(jnp.linalg.det, "det", infer=_infer_determinant)
logdet = wrap(lambda x: jnp.linalg.slogdet(x)[1], "logdet", infer=_infer_determinant)
slogdet = wrap(jnp.linalg.slogdet, "slogdet", multiple=True)
eigh = wrap(jnp.linalg.eigh, "eigh", statics=["UPLO"], multiple=True)
eigvalsh = wrap(jnp.linalg.eigvalsh, "eigvalsh")
qr = wrap(jnp.linalg.qr, "qr", statics=["mode"], multiple=True)
svd = wrap(jnp.linalg.svd, "svd", statics=["full_matrices"], multiple=True)
lu = wrap(jsl.lu, "lu", multiple=True)
pinv = wrap(jnp.linalg.pinv, "pinv")
lstsq = wrap(jnp.linalg.lstsq, "lstsq", n_tensors=2, multiple=True)
expm = wrap(jsl.expm, "expm")
matrix_power = wrap(jnp.linalg.matrix_power, "matrix_power", statics=["n"])
matrix_rank = wrap(jnp.linalg.matrix_rank, "matrix_rank")
multi_dot = wrap(lambda *xs: jnp.linalg.multi_dot(xs), "multi_dot", n_tensors=None)
block_diag = wrap(jsl.block_diag, "block_diag", n_tensors=None)
eig = jax_wrap(jnp.linalg.eig)
eigvals = jax_wrap(jnp.linalg.eigvals)
lu_factor = jax_wrap(jsl.lu_factor)
lu_solve = jax_wrap(jsl.lu_solve)
tensorinv = jax_wrap(jnp.linalg.tensorinv)
tensorsolve = jax_wrap(jnp.linalg.tensorsolve)
condition_number = jax_wrap(jnp.linalg.cond, "condition_number")
toeplitz = jax_wrap(jsl.toeplitz)
matrix_inverse, matrix_dot = inv, multi_dot


def cho_factor(a: Any, lower: bool = False) -> tuple[Tensor, bool]:
    """Cholesky factor and whether it is the lower one, as `cho_solve` takes them."""
    return cholesky(a, lower), lower


def batched_dot(a: Any, b: Any) -> Tensor:
    """Products over a shared leading axis."""
    return matmul(a, b)


def kronecker(*matrices: Any) -> Tensor:
    """Kronecker product of any number of matrices."""
    return functools.reduce(kron, matrices)


def _kron_apply(operation: Any, factors: Any, m: Any) -> Tensor:
    """Apply a matrix operation for each factor along its own axis of `m`, which is what their Kronecker product does."""
    matrices, m = [as_tensor(k) for k in factors], as_tensor(m)
    sizes = tuple(k.shape[-1] for k in matrices)
    flat = m.reshape((*sizes, -1))
    for i, k in enumerate(matrices):
        moved = moveaxis(flat, i, 0)
        flat = moveaxis(operation(k, moved.reshape((sizes[i], -1))).reshape((k.shape[0], *moved.shape[1:])), 0, i)
    rows = math.prod(k.shape[0] for k in matrices)
    return flat.reshape((rows, 1 if m.ndim == 1 else m.shape[1]))


def kron_dot(krons: Any, m: Any) -> Tensor:
    """``kron(*krons) @ m`` without forming the Kronecker product; a vector `m` counts as one column."""
    return _kron_apply(matmul, krons, m)


def kron_solve_lower(krons: Any, m: Any) -> Tensor:
    """``kron(*krons)⁻¹ @ m`` for lower triangular factors."""
    return _kron_apply(lambda k, v: solve_triangular(k, v, lower=True), krons, m)


def kron_solve_upper(krons: Any, m: Any) -> Tensor:
    """``kron(*krons)⁻¹ @ m`` for upper triangular factors."""
    return _kron_apply(lambda k, v: solve_triangular(k, v, lower=False), krons, m)


def flat_outer(a: Any, b: Any) -> Tensor:
    """Outer product of two vectors as a vector."""
    return outer(a, b).ravel()


def kron_diag(*diagonals: Any) -> Tensor:
    """Diagonal of the Kronecker product of diagonal matrices."""
    return functools.reduce(flat_outer, diagonals)


def expand_packed_triangular(n: int, packed: Any, lower: bool = True, diagonal_only: bool = False) -> Tensor:
    """Triangular matrices of `n` rows from their elements, row by row, along the last axis; or their diagonals alone."""
    packed = as_tensor(packed)
    rows, columns = np.tril_indices(n) if lower else np.triu_indices(n)
    if packed.ndim < 1 or packed.shape[-1] != len(rows):
        raise ShapeError(f"`expand_packed_triangular`: {n} rows need {len(rows)} elements, got shape {packed.shape}.")
    if diagonal_only:
        return packed[..., np.flatnonzero(rows == columns)]
    return index_update(zeros((*packed.shape[:-1], n, n), packed.dtype), (..., rows, columns), packed)


METHODS.update(matmul=matmul, dot=dot)
