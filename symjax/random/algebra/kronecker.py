"""Products of Normal matrices with fixed ones, whose covariance stays a Kronecker product.

Gupta, Nagar, Matrix Variate Distributions, 2000, theorem 2.3.10.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._node import Constant
from symjax.random._draw import RandomVariable
from symjax.random.algebra._dependence import is_full_rank
from symjax.random.algebra._parts import fresh
from symjax.random.distributions.matrix_normal import MatrixNormal
from symjax.random.distributions.normal import Normal
from symjax.rewrite import Replaced, cone_law
from symjax.rewrite._terms import op_name


@cone_law("matmul")
def product_with_normal_matrix(root: Any, engine: Any) -> Any:
    """A X B = MatrixNormal(A M B, A U Aᵀ, Bᵀ V B) for X ~ MatrixNormal(M, U, V), A of full row rank and B of full column rank."""
    below, left, right = [], [], []
    x = root
    while op_name(x) == "matmul":
        a, b = x.parents
        fixed, x, side = (a, b, left) if engine.is_random(b) else (b, a, right)
        if engine.is_random(fixed) or not isinstance(fixed, Constant) or fixed.ndim != 2:
            return None
        side.append(np.asarray(fixed.value, float))
        below.append(x)
    if not isinstance(x, RandomVariable) or x.ndim != 2 or x.dtype != root.dtype or engine.absorbable(root, below) != set(below):
        return None
    factors = _factors(x, bool(left and right))
    if factors is None:
        return None
    a = np.linalg.multi_dot([*left, np.eye(x.shape[0])]) if left else None
    b = np.linalg.multi_dot([np.eye(x.shape[1]), *right[::-1]]) if right else None
    if not (a is None or is_full_rank(a)) or not (b is None or is_full_rank(b.T)):
        return None
    mean, rows, columns = T.broadcast_to(x.parents[0], x.shape), *factors
    mean = mean if a is None else T.matmul(a, mean)
    mean = mean if b is None else T.matmul(mean, b)
    rows, columns = _mapped(a, rows), _mapped(None if b is None else b.T, columns)
    return Replaced(frozenset(below), fresh(MatrixNormal, mean, rows, columns, like=root))


def _factors(x: Any, both_sides: bool) -> tuple[Any, Any] | None:
    """Cholesky factors of the rows' and the columns' covariances."""
    if x.distribution is MatrixNormal:
        return x.parents[1], x.parents[2]
    # products on one side leave the columns of independent elements independent, which is simpler
    if x.distribution is not Normal or not both_sides or any(d != 1 for d in x.parents[1].shape):
        return None
    sigma = T.reshape(x.parents[1], ())
    return sigma * np.eye(x.shape[0]), T.constant(np.eye(x.shape[1]))


def _mapped(a: Any, chol: Any) -> Any:
    """The Cholesky factor of ``a c cᵀ aᵀ``."""
    if a is None:
        return chol
    part = T.matmul(a, chol)
    return T.cholesky(T.matmul(part, T.swapaxes(part, -1, -2)))
