"""Scans, in SymJAX's argument order and in Theano's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from symjax._errors import ShapeError
from symjax.core._control_flow import body_node, named_outputs, settle_carry, strong, tensors
from symjax.core._inner import InnerGraph, close_over
from symjax.core._leaves import as_tensor
from symjax.core._node import Tensor
from symjax.core._op import Aval, Operator
from symjax.core._shapes import is_symbolic
from symjax.core._traverse import flatten


def _run_scan(
    stream: Any, *values: Any, graph: InnerGraph, n_carry: int, n_sequences: int, length: Any, reverse: bool
) -> tuple[Any, ...]:
    carry, sequences = values[:n_carry], values[n_carry : n_carry + n_sequences]
    captured = values[n_carry + n_sequences :]

    def one(carried: Any, arguments: Any) -> Any:
        items = arguments[1:] if stream is not None else arguments
        own = None if stream is None else stream.at(arguments[0])
        results = graph.run([*carried, *items, *captured], own)
        return tuple(results[:n_carry]), tuple(results[n_carry:])

    # a counter is carried along only where the body draws: it tells the iterations' keys apart
    xs = tuple(sequences) if stream is None else (jnp.arange(length), *sequences)
    last, stacked = jax.lax.scan(one, tuple(carry), xs, length=length, reverse=reverse)
    return *last, *stacked


def _infer_scan(op: Operator, avals: tuple[Aval, ...], params: dict[str, Any]) -> tuple[Aval, ...]:
    n = params["n_carry"]
    outputs = params["graph"].outputs
    stacked = tuple(Aval((params["length"], *o.shape), o.dtype, False) for o in outputs[n:])
    return (*(strong(o.aval) for o in outputs[:n]), *stacked)


SCAN = Operator("scan", _run_scan, _infer_scan, random=True, multiple=True)


def _length_of(sequences: list[Tensor], length: Any) -> Any:
    found = [s.shape[0] for s in sequences if s.shape]
    if len(found) < len(sequences):
        raise ShapeError("scan: a sequence needs at least one axis; pass scalars as non_sequences.")
    known = [d for d in found if not is_symbolic(d)]
    if length is not None:
        length = length if hasattr(length, "dimension_as_value") else int(length)
        known.append(length)
    if not found and length is None:
        raise ShapeError("scan: without sequences the number of steps must be given.")
    if any(d != known[0] for d in known):
        raise ShapeError(f"scan: the sequences and the number of steps must have equal lengths, got {known}.")
    return known[-1] if known else found[0]


def _build(
    body: Callable[..., Any],
    carry: list[Tensor],
    sequences: list[Tensor],
    others: list[Tensor],
    length: Any,
    reverse: bool,
    name: str,
) -> tuple[Any, ...]:
    """The outputs of a scan of a body ``body(*carry, *elements, *others) -> (*carry, *outputs)``, and the body's structure."""
    elements = [Aval(s.shape[1:], s.dtype, False) for s in sequences]
    carry, bounds, leaves, build, rank = settle_carry(
        body, carry, [*elements, *(strong(o.aval) for o in others)], "scan: a carried value"
    )
    graph, captured = close_over(bounds, leaves, rank)
    params = {"n_carry": len(carry), "n_sequences": len(sequences), "length": length, "reverse": reverse}
    node = body_node(SCAN, graph, [*carry, *sequences, *others, *captured], params)
    return named_outputs(node, name), build


def scan_symjax(
    f: Callable[..., Any],
    init: Any,
    sequences: Any,
    non_sequences: Any = None,
    length: int | None = None,
    reverse: bool = False,
    name: str | None = None,
) -> tuple[Any, Any]:
    """Scan a function over the first axes of sequences while carrying a state, as `jax.lax.scan` does.

    Parameters
    ----------
    f : callable
        ``f(carry, *elements, *non_sequences) -> (carry, output)``.
    init : tensor-like or nested structure
        First carry.
    sequences : tensor-like or list of tensor-like
        Tensors of equal first length; an empty list with `length` runs a fixed number of steps.
    non_sequences : list of tensor-like, optional
        Passed whole; outside tensors are captured as well.
    length : int, optional
        Number of steps, where there is no sequence.
    reverse : bool
        Whether to run from the last element to the first.

    Returns
    -------
    carry, outputs
        The last carry, and the outputs stacked along a new first axis, both in the structures of `f`.

    Examples
    --------
    >>> import symjax.tensor as T
    >>> last, partial = T.scan(lambda c, x: (c + x, c + x), 0.0, [T.arange(4) * 1.0])
    >>> partial.eval()
    array([0., 1., 3., 6.])
    """
    items, others = tensors(sequences), tensors(non_sequences)
    leaves, build_carry = flatten(init)
    carry = [as_tensor(c) for c in leaves]
    n = len(carry)

    def body(*values: Any) -> Any:
        new, out = f(build_carry(values[:n]), *values[n:])
        return [flatten(new)[0], out]

    results, build = _build(body, carry, items, others, _length_of(items, length), reverse, name or "scan")
    outputs = build(results)[1]
    return build_carry(list(results[:n])), outputs


# Theano -------------------------------------------------------------------------------------------------------------------


def _taps_of(spec: Any, key: str, default: list[int]) -> tuple[Any, list[int]]:
    if isinstance(spec, dict):
        taps = spec.get("taps", default)
        return spec.get(key), [int(t) for t in (taps if isinstance(taps, (list, tuple)) else [taps])]
    return spec, default


def _sequence_slices(sequences: Any, go_backwards: bool) -> list[Tensor]:
    """The sequences' shifted copies, one for each tap, cut to the range in which all taps exist."""
    specs = [_taps_of(s, "input", [0]) for s in sequences]
    read = [(as_tensor(value), taps) for value, taps in specs]
    low = min((min(t) for _, t in read), default=0)
    high = max((max(t) for _, t in read), default=0)
    low, high = min(low, 0), max(high, 0)
    shifted = []
    for x, taps in read:
        x = x[::-1] if go_backwards else x
        for t in taps:
            n = x.shape[0] - (high - low)
            shifted.append(x if high == low else x[t - low : t - low + n])
    return shifted


def scan(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    n_steps: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
    profile: bool = False,
    allow_gc: Any = None,
    strict: bool = False,
    return_list: bool = False,
    return_updates: bool = True,
) -> Any:
    """Theano's scan: a step over sequences that sees earlier values of its own outputs.

    Parameters
    ----------
    fn : callable
        ``fn(*elements, *past_outputs, *non_sequences)`` returns the outputs of a step, one for each entry of `outputs_info`.
    sequences : tensor-like, dict or list of these, optional
        What to run over; ``dict(input=x, taps=[-1, 0])`` passes several shifted elements, in the order of the taps.
    outputs_info : tensor-like, dict, None or list of these, optional
        For each output its first value; ``dict(initial=x, taps=[-2, -1])`` for an output that needs several past values, of which
        `x` holds the first ones along its first axis; None for one that is not fed back.
    non_sequences : tensor-like or list of tensor-like, optional
        Passed whole; outside tensors are captured as well.
    n_steps : int, optional
        Number of steps, where sequences do not tell or fewer are wanted.
    go_backwards : bool
        Whether to run from the last elements to the first; outputs come in the order in which they are computed.
    return_list : bool
        Whether a single output comes in a list.
    return_updates : bool
        Whether to return ``(outputs, updates)``, with an empty dict of updates, as Theano does.
    truncate_gradient, mode, profile, allow_gc, strict
        Accepted for compatibility; ``truncate_gradient`` other than -1 is refused.

    Returns
    -------
    outputs or (outputs, updates)
        Each output stacked along a new first axis.

    Notes
    -----
    A graph's shapes do not depend on values, so there is no ``until``: use `symjax.tensor.while_loop` to stop by a condition.

    Examples
    --------
    >>> import symjax, symjax.tensor as T
    >>> y = symjax.scan(lambda a, b: a + b, outputs_info=dict(initial=T.constant([0, 1]), taps=[-2, -1]), n_steps=6,
    ...                 return_updates=False)
    >>> y.eval()
    array([ 1,  2,  3,  5,  8, 13])
    """
    if truncate_gradient != -1:
        raise ValueError("scan: `truncate_gradient` is not supported; stop gradients with `T.stop_gradient` in the step.")
    listed = sequences if isinstance(sequences, (list, tuple)) else [] if sequences is None else [sequences]
    items, others = _sequence_slices(listed, go_backwards), tensors(non_sequences)
    infos = [_taps_of(i, "initial", [-1]) for i in (outputs_info if isinstance(outputs_info, (list, tuple)) else [outputs_info])]
    carry, spans = _past_values(infos)
    if n_steps is not None:
        items = [x[:n_steps] for x in items]
    length = _length_of(items, n_steps)
    body = _theano_body(fn, infos, spans, len(items))
    results, _ = _build(body, carry, items, others, length, False, name or "scan")
    outputs = list(results[len(carry) :])
    value = outputs if return_list or len(outputs) > 1 else outputs[0]
    return (value, {}) if return_updates else value


def _past_values(infos: list[tuple[Any, list[int]]]) -> tuple[list[Tensor], list[list[int]]]:
    """The carried past values, oldest first, and for each output the places in the carry that its taps read."""
    carry: list[Tensor] = []
    spans: list[list[int]] = []
    for initial, taps in infos:
        if initial is None:
            spans.append([])
            continue
        depth = -min(taps)
        if max(taps) >= 0:
            raise ValueError(f"scan: the taps of an output must be negative, got {taps}.")
        first = as_tensor(initial)
        if taps == [-1]:
            past = [first]
        else:
            n = first.shape[0] if first.shape else 0
            if is_symbolic(n) or n < depth:
                raise ShapeError(f"scan: an output with taps {taps} needs {depth} initial values along its first axis, got {n}.")
            past = [first[n - depth + i] for i in range(depth)]
        start = len(carry)
        carry += past
        spans.append([start + depth + t for t in taps])
    return carry, spans


def _without_updates(result: Any) -> Any:
    """The outputs of a step that may return ``(outputs, updates)``."""
    if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
        return result
    if result[1]:
        raise ValueError("scan: a step cannot update variables; carry their values as outputs and update after the scan.")
    return result[0]


def _theano_body(fn: Callable[..., Any], infos: list[Any], spans: list[list[int]], n_items: int) -> Callable[..., Any]:
    depths = [0 if initial is None else -min(taps) for initial, taps in infos]
    n_carry = sum(depths)

    def body(*values: Any) -> list[Any]:
        carry, items, others = values[:n_carry], values[n_carry : n_carry + n_items], values[n_carry + n_items :]
        past = [carry[place] for places in spans for place in places]
        result = fn(*items, *past, *others)
        new = tensors(_without_updates(result))
        if len(new) != len(infos) and not (len(infos) == 1 and infos[0][0] is None):
            raise ValueError(f"scan: `outputs_info` has {len(infos)} entries and the step returned {len(new)} outputs.")
        moved, start = [], 0
        for depth, out in zip(depths, new):
            if depth:
                moved += [*carry[start + 1 : start + depth], out]
            start += depth
        return [*moved, *new]

    return body
