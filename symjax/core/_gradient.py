"""Derivatives as nodes.

A derivative is written as an *open* node ``gradient(loss, *wrt)``, so that substitution reaches everything that it depends on.
Before rewriting and lowering it is *closed*: the loss becomes an inner graph of the variables, which JAX differentiates, and the
loss itself, where it is needed too, comes out of the same call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from symjax._errors import ShapeError
from symjax.core._inner import InnerGraph, close_over
from symjax.core._leaves import as_tensor
from symjax.core._node import ITEM, Bound, MultiOutputOp, Tensor, item
from symjax.core._op import Aval, Operator
from symjax.core._scope import name_and_register
from symjax.core._traverse import ancestors, depends_on, make, outputs_of, substitute, toposort


def _infer_open(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> tuple[Aval, ...]:
    target, *wrt = avals
    shapes = {
        "gradient": lambda v: v.shape,
        "jacobian": lambda v: target.shape + v.shape,
        "hessian": lambda v: v.shape + v.shape,
    }
    return tuple(Aval(shapes[params["mode"]](v), v.dtype, False) for v in wrt)


def _refuse(*arguments: Any, **params: Any) -> Any:
    raise RuntimeError("an open derivative was lowered; `close_derivatives` must run first")


#: ``derivative(target, *wrt)`` as users write it.
DERIVATIVE = Operator("derivative", _refuse, _infer_open, multiple=True)


def _infer_closed(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> tuple[Aval, ...]:
    [target] = [o.aval for o in params["graph"].outputs]
    return (target, *_infer_open(op, (target, *avals[: params["n"]]), params))


def _differentiate(stream: Any, *values: Any, graph: InnerGraph, n: int, mode: str, direction: str = "") -> tuple[Any, ...]:
    wrt, captured = values[:n], values[n:]

    def target(*at: Any) -> Any:
        return graph.run([*at, *captured], stream)[0]

    numbers = tuple(range(n))
    if mode == "gradient":
        value, derivatives = jax.value_and_grad(target, argnums=numbers)(*wrt)
        return value, *derivatives
    if mode == "jacobian":
        jacobian = jax.jacfwd if direction == "forward" else jax.jacrev
        return target(*wrt), *jacobian(target, argnums=numbers)(*wrt)
    rows = jax.hessian(target, argnums=numbers)(*wrt)
    return target(*wrt), *(rows[i][i] for i in range(n))


#: The closed form: the target's value, then a derivative for each variable. Draws inside take their keys from the outer stream.
CLOSED_DERIVATIVE = Operator("closed_derivative", _differentiate, _infer_closed, random=True, multiple=True)


def _as_list(wrt: Any) -> tuple[list[Tensor], bool]:
    single = not isinstance(wrt, (list, tuple))
    return [as_tensor(v) for v in ([wrt] if single else wrt)], single


def _derivative(target: Any, wrt: Any, mode: str, what: str, disconnected: str = "zero", direction: str = "") -> Any:
    target = as_tensor(target)
    variables, single = _as_list(wrt)
    for v in variables:
        if v.dtype.kind not in "fc":
            raise TypeError(f"{what} with respect to {v!r}: only a float tensor has a derivative; cast it first.")
    if target.dtype.kind not in "fc":
        raise TypeError(f"{what} of {target!r}: the target must be a float tensor.")
    if mode != "jacobian" and target.shape != ():
        raise ShapeError(f"{what} needs a scalar, got {target!r} of shape {target.shape}. Reduce it first, with `.sum()` say.")
    if disconnected != "zero":
        connected = depends_on([target], variables)
        for v in variables:
            if target not in depends_on([target], [v]) and (disconnected == "raise" or v not in connected):
                raise ValueError(f"{what}: {target!r} does not depend on {v!r}.")
    params = {"mode": mode, "direction": direction} if direction else {"mode": mode}
    node = make(DERIVATIVE, [target, *variables], params)
    items = outputs_of(node)
    for i in items:
        name_and_register(i, mode)
    return items[0] if single else tuple(items)


def gradients(scalar: Any, variables: Any) -> Any:
    """Gradients of a scalar.

    Parameters
    ----------
    scalar : Tensor
        A tensor of shape ``()``.
    variables : Tensor or list of Tensor
        What to differentiate by: leaves, or any inner nodes, which are then taken to be free.

    Returns
    -------
    Tensor or tuple of Tensor
        One gradient, of the variable's shape, for each variable; zeros where the scalar does not depend on it.

    Raises
    ------
    ShapeError
        If `scalar` is not a scalar.
    TypeError
        If a variable is not a float tensor.

    Examples
    --------
    >>> import symjax, symjax.tensor as T
    >>> x = T.Placeholder((), "float64", name="x")
    >>> float(symjax.gradients(x**3, x).eval({x: 2.0}))
    12.0
    """
    return _derivative(scalar, variables, "gradient", "gradients")


def grad(cost: Any, wrt: Any, disconnected_inputs: str = "raise") -> Any:
    """Theano's spelling of `gradients`: a list comes back for a list, and a disconnected input raises.

    Parameters
    ----------
    cost : Tensor
        A tensor of shape ``()``.
    wrt : Tensor or list of Tensor
        What to differentiate by.
    disconnected_inputs : {"raise", "ignore", "warn"}
        What to do where `cost` does not depend on an input; "ignore" and "warn" give zeros.

    Raises
    ------
    ValueError
        If `cost` does not depend on an input and `disconnected_inputs` is "raise".

    Examples
    --------
    >>> import symjax, symjax.tensor as T
    >>> x = T.Placeholder((), "float64", name="x")
    >>> float(symjax.grad(T.exp(x), x).eval({x: 0.0}))
    1.0
    """
    out = _derivative(cost, wrt, "gradient", "grad", "raise" if disconnected_inputs == "raise" else "zero")
    return list(out) if isinstance(out, tuple) else out


def jacobians(tensor: Any, variables: Any, mode: str = "forward") -> Any:
    """Jacobians of a tensor, each of shape ``tensor.shape + variable.shape``.

    Parameters
    ----------
    tensor : Tensor
        What to differentiate.
    variables : Tensor or list of Tensor
        What to differentiate by.
    mode : {"forward", "backward"}
        Direction of the derivative's computation: "backward" is cheaper where the tensor is smaller than the variable.

    Examples
    --------
    >>> import symjax, symjax.tensor as T, numpy as np
    >>> x = T.Placeholder((2,), "float64", name="x")
    >>> symjax.jacobians(x * x, x).eval({x: np.array([1.0, 2.0])})
    array([[2., 0.],
           [0., 4.]])
    """
    if mode not in ("forward", "backward"):
        raise ValueError(f"jacobians: `mode` must be 'forward' or 'backward', got {mode!r}.")
    return _derivative(tensor, variables, "jacobian", "jacobians", direction=mode)


def hessians(scalar: Any, variables: Any) -> Any:
    """Hessians of a scalar, each of shape ``variable.shape + variable.shape``; blocks between variables are left out.

    Examples
    --------
    >>> import symjax, symjax.tensor as T, numpy as np
    >>> x = T.Placeholder((2,), "float64", name="x")
    >>> symjax.hessians((x**3).sum(), x).eval({x: np.array([1.0, 2.0])})
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    return _derivative(scalar, variables, "hessian", "hessians")


def close_derivatives(outputs: Sequence[Any]) -> list[Any]:
    """Replace every open derivative of the outputs' cone by its closed form."""
    outputs = list(outputs)
    values: dict[Any, Any] = {}
    while True:
        order = toposort(outputs)
        # in topological order, so that the target of the first one holds no other open derivative
        first = next((n for n in order if n.op is DERIVATIVE), None)
        if first is None:
            break
        target = first.parents[0]
        group = {n for n in order if n.op is DERIVATIVE and n.parents[0] is target and n.params == first.params}
        wrt = list(dict.fromkeys(v for n in group for v in n.parents[1:]))
        closed = _closed(target, wrt, first.settings)
        place = {v: i + 1 for i, v in enumerate(wrt)}
        items = [n for n in order if n.op is ITEM and n.parents[0] in group]
        replacements = {n: item(closed, place[n.parents[0].parents[1 + n.settings["index"]]]) for n in items}
        if target.op is not None and target not in values and target not in ancestors(wrt):
            values[target] = item(closed, 0)
        outputs = substitute(outputs, replacements)
    return substitute(outputs, values) if values else outputs


def _closed(target: Any, wrt: list[Any], settings: dict[str, Any]) -> MultiOutputOp:
    bounds = [Bound(v.aval, v._name) for v in wrt]
    inner = substitute([target], dict(zip(wrt, bounds, strict=True)))
    graph, captured = close_over(bounds, inner)
    return make(CLOSED_DERIVATIVE, [*wrt, *captured], {**settings, "graph": graph, "n": len(wrt)})
