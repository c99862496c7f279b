"""What law rules are written with: patterns of draws, fresh draws, and the parts of a linear combination."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._node import Token
from symjax.core._traverse import make, toposort
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random.density._log_density import is_draw
from symjax.rewrite import Facts, RandomPattern


def drawn(distribution: Distribution, *parameters: Any, name: str | None = None) -> RandomPattern:
    """The pattern of a draw with the given patterns of parameters; `name` binds the draw itself."""
    return RandomPattern(distribution, parameters, name)


def fresh(distribution: Distribution, *parameters: Any, like: Any) -> Any:
    """A new draw of the type of `like`; its parameters, made of allowed ones, are not checked again."""
    parents = [as_tensor(p) for p in parameters]
    params = {"shape": like.shape, "dtype": like.dtype}
    return make(distribution.operator, parents, params, token=Token(), kind=RandomVariable)


def draws_of(terms: Iterable[Any], *distributions: Distribution) -> list[Any]:
    """The terms that are draws of one of the distributions."""
    return [t for t in terms if isinstance(t, RandomVariable) and any(t.distribution is d for d in distributions)]


def fixed_in(terms: dict[Any, Any]) -> list[Any]:
    """The terms that no draw has a part in, neither themselves nor through their coefficients."""
    found = []
    for term, k in terms.items():
        cone = [term, k] if hasattr(k, "parents") else [term]
        if not any(is_draw(n) for n in toposort(cone)):
            found.append(term)
    return found


def combination(pairs: Iterable[tuple[Any, Any]]) -> Any:
    """``Σ c·x`` of coefficients and terms; 0 for none."""
    total: Any = None
    for c, x in pairs:
        part = scaled(c, x)
        total = part if total is None else total + part
    return T.constant(0.0) if total is None else total


def scaled(c: Any, x: Any) -> Any:
    """``c·x``."""
    return x if is_one(c) else c * x


def is_one(c: Any) -> bool:
    """Whether a coefficient is the number 1."""
    return not hasattr(c, "parents") and c == 1


def sign_of(c: Any) -> int:
    """1 or −1 if a coefficient is proved to be positive or negative everywhere, else 0."""
    fact = Facts()(as_tensor(c))
    return 1 if fact.positive else -1 if fact.negative else 0


def is_nonzero(c: Any) -> bool:
    """Whether a coefficient is proved never to be zero."""
    return Facts()(as_tensor(c)).is_nonzero


def magnitude(c: Any, x: Any) -> Any:
    """``|c|·x``."""
    return x if is_one(c) else T.abs(as_tensor(c)) * x
