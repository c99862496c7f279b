"""Linear algebra: inverses that need not be formed, determinants of products and triangular factors."""

from __future__ import annotations

from typing import Any

import symjax.tensor as T
from symjax.rewrite._pattern import Item, p, variables
from symjax.rewrite._rule import rule
from symjax.rewrite._terms import op_name

a, b = variables("a b")


def is_matrix_transpose(node: Any) -> bool:
    """Whether a node exchanges the last two axes of its argument."""
    axes = node.settings.get("axes") if op_name(node) == "transpose" else None
    n = len(axes) if axes else 0
    return n >= 2 and axes == (*range(n - 2), n - 1, n - 2)


def triangle(node: Any) -> str | None:
    """``"lower"`` or ``"upper"`` if a matrix is triangular by the way in which it was made."""
    name = op_name(node)
    if is_matrix_transpose(node):
        inner = triangle(node.parents[0])
        return {"lower": "upper", "upper": "lower", None: None}[inner]
    if name == "cholesky":
        return "lower" if node.settings.get("lower", True) else "upper"
    if name == "cholesky_of_inverse":
        return "lower"
    if name in ("tril", "triu"):
        k = node.settings.get("k", 0)
        if name == "tril":
            return "lower" if k <= 0 else None
        return "upper" if k >= 0 else None
    return None


def _is_square(x: Any) -> bool:
    return len(x.shape) >= 2 and x.shape[-1] == x.shape[-2]


def _diagonal(x: Any) -> Any:
    n = len(x.shape)
    return T.diagonal(x, 0, n - 2, n - 1)


@rule(p.matmul(p.inv(a), b))
def solve_of_inverse(a: Any, b: Any, node: Any, engine: Any) -> Any:
    """A⁻¹ b = solve(A, b)."""
    if not engine.exclusive(node.parents[0]):
        return None
    return T.solve(a, b, b_ndim=1 if len(b.shape) == 1 else 2)


@rule(p.matmul(b, p.inv(a)))
def solve_of_right_inverse(a: Any, b: Any, node: Any, engine: Any) -> Any:
    """b A⁻¹ = solve(Aᵀ, bᵀ)ᵀ."""
    if not engine.exclusive(node.parents[1]):
        return None
    transposed = T.swapaxes(a, -1, -2)
    if len(b.shape) == 1:
        return T.solve(transposed, b, b_ndim=1)
    return T.swapaxes(T.solve(transposed, T.swapaxes(b, -1, -2), b_ndim=2), -1, -2)


@rule(p.solve(a, b))
def triangular_of_solve(a: Any, b: Any, node: Any) -> Any:
    """solve(L, b) by substitution for triangular L."""
    side = triangle(a)
    return T.solve_triangular(a, b, lower=side == "lower", b_ndim=node.settings["b_ndim"]) if side else None


@rule(p.solve(p.matmul(a, p.transpose(a)), b))
def cho_solve_of_solve(a: Any, b: Any, node: Any) -> Any:
    """solve(L Lᵀ, b) by two substitutions for lower triangular L."""
    [product, _] = node.parents
    if not is_matrix_transpose(product.parents[1]) or triangle(a) != "lower":
        return None
    return T.cho_solve((a, True), b, b_ndim=node.settings["b_ndim"])


@rule(p.det(p.matmul(a, b)))
def det_of_product(a: Any, b: Any) -> Any:
    """det(A B) = det(A) det(B) for square A and B."""
    return T.det(a) * T.det(b) if _is_square(a) and _is_square(b) else None


@rule(p.det(p.transpose(a)))
def det_of_transpose(a: Any, node: Any) -> Any:
    """det(Aᵀ) = det(A)."""
    return T.det(a) if is_matrix_transpose(node.parents[0]) else None


@rule(p.det(a))
def det_of_triangular(a: Any) -> Any:
    """det(L) = Π diag(L) for triangular L."""
    return T.prod(_diagonal(a), axis=-1) if triangle(a) else None


def _log_abs_det(a: Any) -> Any:
    """log |det(A)| from the factors of A, or None where A has none that help."""
    if is_matrix_transpose(a):
        return T.logdet(a.parents[0])
    if triangle(a):
        return T.sum(T.log(T.abs(_diagonal(a))), axis=-1)
    if op_name(a) == "matmul" and all(_is_square(q) for q in a.parents):
        first, second = a.parents
        return T.logdet(first) + T.logdet(second)
    return None


@rule(p.logdet(a))
def logdet_of_factors(a: Any) -> Any:
    """log|det(A B)| = log|det(A)| + log|det(B)|, log|det(Lᵀ)| = log|det(L)| = Σ log|diag(L)| for triangular L."""
    return _log_abs_det(a)


@rule(Item("slogdet", 1, (a,)))
def slogdet_of_factors(a: Any) -> Any:
    """The logarithm in slogdet of products, transposes and triangular factors, from the factors."""
    return _log_abs_det(a)


@rule(Item("slogdet", 0, (a,)))
def sign_of_factors(a: Any) -> Any:
    """The sign in slogdet of products, transposes and triangular factors, from the factors."""
    if is_matrix_transpose(a):
        return T.slogdet(a.parents[0])[0]
    if triangle(a):
        return T.prod(T.sign(_diagonal(a)), axis=-1)
    if op_name(a) == "matmul" and all(_is_square(q) for q in a.parents):
        return T.slogdet(a.parents[0])[0] * T.slogdet(a.parents[1])[0]
    return None


@rule(p.log(p.det(a)))
def log_of_det(a: Any) -> Any:
    """log(det(A)) = log(sign) + log|det(A)|, which does not overflow; it is nan where det(A) < 0."""
    sign, log_abs = T.slogdet(a)
    return T.log(sign) + log_abs


@rule(p.trace(p.matmul(a, b)))
def trace_of_product(a: Any, b: Any, node: Any) -> Any:
    """tr(A B) = Σ A ∘ Bᵀ, without the product."""
    if len(a.shape) != 2 or len(b.shape) != 2 or node.settings.get("offset", 0) != 0 or not set(node.settings) <= {"offset"}:
        return None
    return T.sum(a * T.transpose(b))


@rule(p.diagonal(p.matmul(a, b)), p.diag(p.matmul(a, b)))
def diagonal_of_product(a: Any, b: Any, node: Any) -> Any:
    """diag(A B) = the row sums of A ∘ Bᵀ, without the product."""
    square = a.shape[:1] == b.shape[1:] and len(a.shape) == len(b.shape) == 2
    plain = all(node.settings.get(k, v) == v for k, v in (("offset", 0), ("k", 0), ("axis1", 0), ("axis2", 1)))
    return T.sum(a * T.transpose(b), axis=1) if square and plain else None
