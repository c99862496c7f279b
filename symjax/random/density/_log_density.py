"""Joint log densities of random variables and of expressions of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import symjax.tensor as T
from symjax._errors import NotDerivableError, ShapeError
from symjax.core._inner import inner_graphs
from symjax.core._leaves import as_tensor, constant
from symjax.core._node import Constant
from symjax.core._scope import detached
from symjax.core._shapes import broadcast_shapes, is_static
from symjax.core._traverse import rebuild, substitute, toposort
from symjax.random._draw import RandomVariable


def log_densities(values: Mapping[Any, Any]) -> dict[Any, Any]:
    """Terms of the joint log density of random variables and expressions at given values.

    A random variable's term is its density given the values of those that its parameters depend on; the sum of all terms is the
    joint log density.

    Parameters
    ----------
    values : dict of Tensor to tensor-like
        Random variables, or expressions of random variables, and their values, of the same shape.

    Returns
    -------
    dict of Tensor to Tensor
        A term for each, in the same order, with one element per value of its law: the shape of the variable without the axes of
        one value. It is −inf outside the support and where a parameter is not allowed. Of jointly Gaussian expressions that share
        draws without a value, a term is one number, the density given the expressions before it.

    Raises
    ------
    NotDerivableError
        If a variable without a value would have to be integrated out, or an expression's density is not known exactly. The
        error names the node in the way.
    ShapeError
        If a value does not have the shape of its variable.

    Examples
    --------
    >>> import symjax.random as R
    >>> x = R.Normal(0.0, 1.0, name="x")
    >>> y = R.Normal(x, 1.0, name="y")
    >>> terms = R.log_densities({x: 0.0, y: 1.0})
    >>> [round(float(t.eval()), 3) for t in terms.values()]
    [-0.919, -1.419]
    """
    with detached():
        known = {node: _fitting(node, value) for node, value in values.items()}
        try:
            return _terms(known)
        except NotDerivableError:
            from symjax.random.density._joint_normal import joint_normal_terms

            terms = joint_normal_terms(known) if len(known) > 1 else None
            if terms is None:
                raise
            return terms


def _terms(known: Mapping[Any, Any]) -> dict[Any, Any]:
    plain = [n for n in known if isinstance(n, RandomVariable)]
    terms = _plain_terms(plain, known)
    expressions = [n for n in known if not isinstance(n, RandomVariable)]
    if expressions:
        terms.update(_expression_terms(expressions, known))
    return {n: terms[n] for n in known}


def as_value(node: Any, value: Any) -> Any:
    """`value` as a tensor, of floats if the node's values are."""
    value = as_tensor(value)
    if node.dtype.kind != "f" or value.dtype.kind == "f":
        return value
    return constant(value.value, node.dtype) if isinstance(value, Constant) else T.cast(value, node.dtype)


def _fitting(node: Any, value: Any) -> Any:
    value = as_value(node, value)
    if value.shape == node.shape or not (is_static(value.shape) and is_static(node.shape)):
        return value
    try:
        fits = broadcast_shapes([value.shape, node.shape]) == node.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"the value of {node.name!r} must have shape {node.shape}, got {value.shape}.")
    return T.broadcast_to(value, node.shape)


def _plain_terms(variables: Sequence[Any], known: Mapping[Any, Any]) -> dict[Any, Any]:
    parents = [p for v in variables for p in v.parents]
    # Values stand in for their nodes before anything is rewritten, so that no rule sees through a node that is conditioned on.
    refuse_loose(variables, known)
    given = iter(substitute(parents, dict(known)))
    return {v: v.distribution.log_prob(known[v], *[next(given) for _ in v.parents]) for v in variables}


def is_draw(node: Any) -> bool:
    """Whether a node's value is random by itself: a draw, or an operation whose body draws."""
    if node.op is None:
        return False
    return node.token is not None or any(g.tokens for _, g in inner_graphs(node))


def refuse_loose(variables: Iterable[Any], known: Mapping[Any, Any]) -> None:
    """Raise if a parameter of a random variable depends on a random variable that has no value.

    Raises
    ------
    NotDerivableError
        Naming both.
    """
    variables = list(variables)
    order = toposort([p for v in variables for p in v.parents], stop=known.keys())
    loose = next((n for n in order if n not in known and is_draw(n)), None)
    if loose is None:
        return
    for v in variables:
        for name, parent in v.parameters.items():
            if loose in set(toposort([parent], stop=known.keys())):
                raise NotDerivableError(
                    f"the density of {v.name!r} cannot be given: its parameter {name!r} depends on {loose.name!r}, which is "
                    f"random and has no value. Give {loose.name!r} a value too.",
                    loose,
                )


def _expression_terms(expressions: Sequence[Any], known: Mapping[Any, Any]) -> dict[Any, Any]:
    from symjax.random.density._derive import Derivation, simplified

    roots = []
    for e in expressions:
        # the root itself has a value too, and must not be replaced by it
        others = {k: v for k, v in known.items() if k is not e}
        roots.append(rebuild(e, substitute(e.parents, others)) if e.parents else e)
    roots = simplified(roots)
    derivation = Derivation()
    terms = {}
    for e, root in zip(expressions, roots, strict=True):
        if not derivation.is_random(root):
            raise NotDerivableError(
                f"{e.name!r} has no density: it is not random, given the other values. Only random variables and expressions "
                "of random variables without a value can be given one.",
                e,
            )
        terms[e] = derivation.log_density(root, known[e])
    derivation.check_consumption(roots)
    return terms
