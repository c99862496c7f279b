"""`canonicalize`: pointwise rules to a fixpoint, and laws of random variables between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symjax.core._function import PASSES
from symjax.core._leaves import as_tensor
from symjax.core._node import RandomOp
from symjax.core._scope import detached
from symjax.core._traverse import flatten, toposort
from symjax.rewrite._engine import Engine, Firing
from symjax.rewrite._laws import LawPass

_MAX_ROUNDS = 50


def canonicalize(expr: Any, laws: bool = True, log: list[Firing] | None = None, *, keep: Sequence[Any] = ()) -> Any:
    """Equivalent, simpler expressions.

    Parameters
    ----------
    expr : Tensor or nested list, tuple or dict of Tensor
        Expressions; they are rewritten together, and what they share stays shared.
    laws : bool
        Whether to merge random variables too where that keeps the joint law of all expressions. Draws for a given seed then differ.
    log : list, optional
        Receives a `Firing` for each rewrite, in order.
    keep : sequence of Tensor
        Random variables that laws must leave alone, because they are observed, given a value or asked for by name.

    Returns
    -------
    Tensor or nested structure of Tensor
        The structure of `expr`; an expression that is as simple as it can be is the same node as before.

    Notes
    -----
    Where an expression as written has a real value for real leaves, the result has that value (it may be finite where the original
    overflowed); where it has none, it stays nan.

    Examples
    --------
    >>> import symjax, symjax.tensor as T
    >>> x = T.Placeholder((), "float64", name="x")
    >>> y = symjax.canonicalize(T.log(T.exp(x) * T.exp(4 + x)))
    >>> y.fn_name, [p.fn_name for p in y.parents]
    ('add', ['multiply', ''])
    """
    leaves, build = flatten(expr)
    return build(rewrite([as_tensor(e) for e in leaves], laws=laws, log=log, keep=keep))


def rewrite(outputs: Sequence[Any], *, laws: bool = True, log: list[Firing] | None = None, keep: Sequence[Any] = ()) -> list[Any]:
    """`canonicalize` for a flat list of tensors."""
    record: list[Firing] = [] if log is None else log
    with detached():
        roots = Engine(log=record).run(outputs)
        if laws and any(isinstance(n, RandomOp) for n in toposort(roots)):
            for _ in range(_MAX_ROUNDS):
                fired = len(record)
                roots = LawPass(roots, keep, record).run()
                if len(record) == fired:
                    break
                roots = Engine(log=record).run(roots)
    return roots


PASSES.append(rewrite)
