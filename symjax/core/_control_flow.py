"""Loops and branches, their bodies held as inner graphs that are built once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax._errors import ShapeError
from symjax.core._inner import InnerGraph, close_over
from symjax.core._leaves import as_tensor
from symjax.core._node import METHODS, Bound, Tensor, Token, current_rank
from symjax.core._op import Aval, Operator
from symjax.core._scope import detached, name_and_register, recording
from symjax.core._traverse import flatten, make, outputs_of


def trace(fn: Callable[..., Any], avals: Sequence[Aval]) -> tuple[list[Bound], list[Tensor], Callable[..., Any], int]:
    """Call a body with bound tensors: these, the leaves of what it returns, their structure, and the rank before the call."""
    bounds = [Bound(a) for a in avals]
    rank = current_rank()
    with detached():
        leaves, build = flatten(fn(*bounds))
        return bounds, [as_tensor(o) for o in leaves], build, rank


def tensors(values: Any) -> list[Tensor]:
    """A tensor-like, a list of them, or None, as a list of tensors."""
    if values is None:
        return []
    return [as_tensor(v) for v in (values if isinstance(values, (list, tuple)) else [values])]


def strong(aval: Aval) -> Aval:
    """A carry's type must not change between iterations, so it is never weak."""
    return aval._replace(weak=False)


def body_node(op: Operator, graph: InnerGraph, parents: Sequence[Any], params: dict[str, Any]) -> Any:
    """The node of an operation with a body; it has a token if the body draws."""
    token = Token() if graph.tokens else None
    return make(op, parents, {**params, "graph": graph}, token=token)


def named_outputs(node: Any, name: str) -> tuple[Any, ...]:
    """Outputs of a new node, known to the current graph."""
    items = outputs_of(node)
    for i in items:
        name_and_register(i, name)
    return items


def _cast_to(tensor: Tensor, aval: Aval, what: str) -> Tensor:
    if tensor.shape != aval.shape:
        raise ShapeError(f"{what} must keep its shape {aval.shape} from one iteration to the next, got {tensor.shape}.")
    return tensor if tensor.dtype == aval.dtype and not tensor.weak else METHODS["cast"](tensor, aval.dtype)


def settle_carry(fn: Callable[..., Any], carry: Sequence[Tensor], others: Sequence[Aval], what: str) -> tuple[Any, ...]:
    """Trace a body whose first arguments and results are a carry, with the carry's types widened to what the body makes of them.

    Returns the cast carry, the bounds, the body's results, its structure and the rank before it.
    """
    avals = [strong(c.aval) for c in carry]
    n = len(avals)
    for _ in range(3):
        bounds, leaves, build, rank = trace(fn, [*avals, *others])
        if len(leaves) < n:
            raise ValueError(f"{what}: the body must return a new value for each of the {n} carried ones, got {len(leaves)}.")
        with jax.enable_x64(True):
            wide = [jnp.promote_types(a.dtype, o.dtype) for a, o in zip(avals, leaves[:n])]
        if all(w == a.dtype for w, a in zip(wide, avals)):
            break
        avals = [a._replace(dtype=np.dtype(w)) for a, w in zip(avals, wide)]
    with detached():
        carry = [_cast_to(c, a, what) for c, a in zip(carry, avals)]
        leaves = [_cast_to(o, a, what) for o, a in zip(leaves[:n], avals)] + leaves[n:]
    return carry, bounds, leaves, build, rank


# map ----------------------------------------------------------------------------------------------------------------------


def _run_map(stream: Any, *values: Any, graph: InnerGraph, n: int) -> tuple[Any, ...]:
    sequences, captured = values[:n], values[n:]
    length = jnp.shape(sequences[0])[0]

    def one(arguments: Any) -> tuple[Any, ...]:
        i, *items = arguments
        return tuple(graph.run([*items, *captured], None if stream is None else stream.at(i)))

    return jax.lax.map(one, (jnp.arange(length), *sequences))


def _infer_map(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> tuple[Aval, ...]:
    length = avals[0].shape[0]
    return tuple(Aval((length, *o.shape), o.dtype, False) for o in params["graph"].outputs)


MAP = Operator("map", _run_map, _infer_map, random=True, multiple=True)


def map(f: Callable[..., Any], sequences: Any, non_sequences: Any = None, name: str | None = None) -> Any:
    """Apply a function to each element along the first axes of sequences, and stack the results.

    Parameters
    ----------
    f : callable
        ``f(*elements, *non_sequences)`` of tensors; what it uses from outside is captured.
    sequences : tensor-like or list of tensor-like
        Tensors of equal first length.
    non_sequences : list of tensor-like, optional
        Passed whole.

    Returns
    -------
    Tensor, or the structure that `f` returns
        With a new first axis.

    Examples
    --------
    >>> import symjax.tensor as T
    >>> T.map(lambda row: row.sum(), [T.ones((3, 2))]).eval()
    array([2., 2., 2.])
    """
    items, others = tensors(sequences), tensors(non_sequences)
    if not items or any(not s.shape for s in items) or len({s.shape[0] for s in items if isinstance(s.shape[0], int)}) > 1:
        raise ShapeError(f"map: sequences must have first axes of equal lengths, got shapes {[s.shape for s in items]}.")
    avals = [Aval(s.shape[1:], s.dtype, False) for s in items]
    bounds, leaves, build, rank = trace(f, [*avals, *(strong(o.aval) for o in others)])
    graph, captured = close_over(bounds, leaves, rank)
    node = body_node(MAP, graph, [*items, *others, *captured], {"n": len(items)})
    return build(named_outputs(node, name or "map"))


# while and for ------------------------------------------------------------------------------------------------------------


def _run_while(stream: Any, *values: Any, graph: InnerGraph, test: InnerGraph, n: int, n_test: int) -> tuple[Any, ...]:
    carry, rest = values[:n], values[n:]
    for_test, for_body = rest[:n_test], rest[n_test:]

    def proceed(state: Any) -> Any:
        i, carried = state
        return test.run([*carried, *for_test], None if stream is None else stream.at(i))[0]

    def one(state: Any) -> Any:
        i, carried = state
        return i + 1, tuple(graph.run([*carried, *for_body], None if stream is None else stream.at(i)))

    return jax.lax.while_loop(proceed, one, (jnp.zeros((), jnp.int64), carry))[1]


def _infer_carry(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> tuple[Aval, ...]:
    return tuple(strong(a) for a in avals[: params["n"]])


WHILE = Operator("while_loop", _run_while, _infer_carry, random=True, multiple=True)


def _unpacked(fn: Callable[..., Any], n: int, others: int) -> Callable[..., Any]:
    """Call a body with its carry as one tuple (a single tensor by itself), as SymJAX does."""

    def call(*values: Any) -> Any:
        carry = values[0] if n == 1 and others == -1 else values[:n]
        return fn(carry, *values[n:])

    return call


def while_loop(
    cond_fun: Callable[..., Any],
    body_fun: Callable[..., Any],
    sequences: Any,
    non_sequences_cond: Any = None,
    non_sequences_body: Any = None,
    name: str | None = None,
) -> Any:
    """Repeat a body while a condition holds.

    Parameters
    ----------
    cond_fun : callable
        ``cond_fun(carry, *non_sequences_cond)``, a boolean scalar.
    body_fun : callable
        ``body_fun(carry, *non_sequences_body)``, the next carry, of the same shapes.
    sequences : tensor-like or tuple of tensor-like
        First carry; a tuple is passed and returned as a tuple.
    non_sequences_cond, non_sequences_body : list of tensor-like, optional
        Further arguments; outside tensors are captured as well.

    Returns
    -------
    Tensor or tuple of Tensor
        The last carry. It has forward-mode derivatives only, as in JAX.

    Examples
    --------
    >>> import symjax.tensor as T
    >>> T.while_loop(lambda c: c[0] < 10, lambda c: (c[0] + 1, c[1] * 2), (0, 1))[1].eval()
    array(1024)
    """
    single = not isinstance(sequences, (tuple, list))
    carry = tensors(sequences)
    of_test = tensors(non_sequences_cond)
    of_body = tensors(non_sequences_body)
    marker = -1 if single else 0
    n = len(carry)
    carry, bounds, leaves, build, rank = settle_carry(
        _unpacked(body_fun, n, marker), carry, [strong(s.aval) for s in of_body], "while_loop: the carry"
    )
    graph, captured = close_over(bounds, leaves[:n], rank)
    test_bounds, test_leaves, _, test_rank = trace(
        _unpacked(cond_fun, n, marker), [*(strong(c.aval) for c in carry), *(strong(s.aval) for s in of_test)]
    )
    if len(test_leaves) != 1 or test_leaves[0].shape != ():
        raise ShapeError("while_loop: the condition must be one boolean scalar.")
    test, test_captured = close_over(test_bounds, test_leaves, test_rank)
    parents = [*carry, *of_test, *test_captured, *of_body, *captured]
    node = body_node(WHILE, graph, parents, {"test": test, "n": n, "n_test": len(of_test) + len(test_captured)})
    items = named_outputs(node, name or "while_loop")
    return items[0] if single else tuple(items)


def fori_loop(lower: Any, upper: Any, body_fun: Callable[..., Any], init_val: Any, name: str | None = None) -> Any:
    """``for i in range(lower, upper): val = body_fun(i, val)``.

    With bounds that are plain numbers it is a scan and has all derivatives; else a `while_loop`.
    """
    single = not isinstance(init_val, (tuple, list))
    if isinstance(lower, int) and isinstance(upper, int):
        from symjax.core._scan import scan_symjax

        numbers = np.arange(lower, upper)
        last, _ = scan_symjax(lambda carry, i: (body_fun(i, carry), ()), init_val, [numbers], name=name or "fori_loop")
        return last
    start = (as_tensor(lower), *([init_val] if single else init_val))
    limit = as_tensor(upper)

    def body(carry: Any) -> Any:
        new = body_fun(carry[0], carry[1] if single else tuple(carry[1:]))
        return (carry[0] + 1, *([new] if single else new))

    out = while_loop(lambda carry: carry[0] < limit, body, start, name=name)
    return out[1] if single else out[1:]


# cond ---------------------------------------------------------------------------------------------------------------------


def _run_cond(stream: Any, pred: Any, *values: Any, graph: InnerGraph, other: InnerGraph, n: int) -> tuple[Any, ...]:
    return jax.lax.cond(
        jnp.asarray(pred).astype(bool),
        lambda vs: tuple(graph.run(vs[:n], stream)),
        lambda vs: tuple(other.run(vs[n:], stream)),
        values,
    )


def _infer_cond(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> tuple[Aval, ...]:
    return tuple(strong(o.aval) for o in params["graph"].outputs)


COND = Operator("cond", _run_cond, _infer_cond, random=True, multiple=True)


def cond(
    pred: Any,
    true_fun: Any,
    false_fun: Any,
    true_inputs: Any = (),
    false_inputs: Any = (),
    shared_inputs: Any = (),
    name: str | None = None,
) -> Any:
    """The result of one of two functions, of which only one is run.

    Parameters
    ----------
    pred : tensor-like
        Boolean scalar.
    true_fun, false_fun : callable or tensor-like
        Functions of the inputs, whose results have equal structures and shapes. What a function builds is computed only if its
        branch is taken; tensors built before are computed in any case, also those given in place of a function.
    true_inputs, false_inputs : sequence of tensor-like
        Arguments of each.
    shared_inputs : sequence of tensor-like
        Further arguments of both; outside tensors are captured as well.

    Raises
    ------
    ShapeError
        If the branches' results differ in structure or shape.

    Examples
    --------
    >>> import symjax.tensor as T
    >>> float(T.cond(T.constant(2.0) > 1, lambda: T.constant(3.0), lambda: T.constant(4.0)).eval())
    3.0
    """
    pred = as_tensor(pred)
    if pred.shape != ():
        raise ShapeError(f"cond: the condition must be a scalar, got shape {pred.shape}. Use `T.where` for elementwise choice.")
    branches = []
    for fn, inputs in ((true_fun, true_inputs), (false_fun, false_inputs)):
        given = [*tensors(inputs), *tensors(shared_inputs)]
        call = fn if callable(fn) and not isinstance(fn, Tensor) else lambda value=fn: value
        with recording() as made:
            branches.append((given, made, *trace(call, [strong(g.aval) for g in given])))
    (given, made, bounds, leaves, build, rank), (given_other, made_other, bounds_other, leaves_other, _, rank_other) = branches
    if len(leaves) != len(leaves_other) or any(a.shape != b.shape for a, b in zip(leaves, leaves_other)):
        shapes = [[o.shape for o in found] for found in (leaves, leaves_other)]
        raise ShapeError(f"cond: the branches' results must have equal shapes, got {shapes[0]} and {shapes[1]}.")
    with detached(), jax.enable_x64(True):
        wide = [np.dtype(jnp.promote_types(a.dtype, b.dtype)) for a, b in zip(leaves, leaves_other)]
        leaves = [METHODS["cast"](o, w) for o, w in zip(leaves, wide)]
        leaves_other = [METHODS["cast"](o, w) for o, w in zip(leaves_other, wide)]
    graph, captured = close_over(bounds, leaves, rank, made)
    other, captured_other = close_over(bounds_other, leaves_other, rank_other, made_other)
    own = [*given, *captured]
    token = Token() if graph.tokens or other.tokens else None
    params = {"graph": graph, "other": other, "n": len(own)}
    node = make(COND, [pred, *own, *given_other, *captured_other], params, token=token)
    return build(named_outputs(node, name or "cond"))


def ifelse(condition: Any, then_branch: Any, else_branch: Any, name: str | None = None) -> Any:
    """Theano's conditional: one of two tensors, or of two lists of tensors.

    As the branches have been built before, both are computed; give functions to `cond` to compute one.
    """
    return cond(condition, lambda: then_branch, lambda: else_branch, name=name)
