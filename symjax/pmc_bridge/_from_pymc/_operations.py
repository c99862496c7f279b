"""PyTensor's operations on arrays in ours, and the way for those that have no counterpart."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pytensor.graph.basic import Constant

import symjax.tensor as T
from symjax._errors import ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._node import Constant as OurConstant
from symjax.core._shapes import broadcast_shapes
from symjax.pmc_bridge._from_pymc._graph import OPERATIONS, Converter, operation
from symjax.random._distribution import require
from symjax.rewrite import canonicalize

#: PyTensor's scalar operations whose elementwise form has another name here; most others have the class's name in lower case.
_ELEMENTWISE = {
    "Sub": "subtract", "TrueDiv": "divide", "IntDiv": "floor_divide", "Pow": "power", "Sqr": "square", "Neg": "negative",
    "ArcSin": "arcsin", "EQ": "equal", "NEQ": "not_equal", "GT": "greater", "GE": "greater_equal", "LT": "less",
    "LE": "less_equal", "OR": "bitwise_or", "AND": "bitwise_and", "XOR": "bitwise_xor", "Switch": "where", "Psi": "digamma",
    "RoundHalfToEven": "round", "BetaInc": "betainc", "GammaInc": "gammainc", "GammaIncC": "gammaincc",
}  # fmt: skip
_SAME_NAME = (
    "Exp", "Exp2", "Expm1", "Log", "Log1p", "Log2", "Log10", "Sqrt", "Sign", "Abs", "Reciprocal", "Sin", "Cos", "Tan", "ArcCos",
    "ArcTan", "ArcTan2", "Sinh", "Cosh", "Tanh", "ArcSinh", "ArcCosh", "ArcTanh", "Ceil", "Floor", "Trunc", "Mod", "Invert",
    "IsNan", "IsInf", "Maximum", "Minimum", "Clip", "Erf", "Erfc", "Erfcx", "Erfinv", "Erfcinv", "Gamma", "GammaLn", "Sigmoid",
    "Softplus", "Log1mexp", "I0", "I1", "Real", "Imag", "Conj",
)  # fmt: skip
_ELEMENTWISE |= {name: name.lower() for name in _SAME_NAME}
_REDUCTIONS = {"Sum": "sum", "Prod": "prod", "Max": "max", "Min": "min", "All": "all", "Any": "any"}


def in_jax(convert: Converter, node: Any) -> Any:
    """A node by PyTensor's own translation to JAX.

    Raises
    ------
    NotImplementedError
        If there is none.
    """
    from pytensor.link.jax.dispatch import jax_funcify

    name = type(node.op).__name__
    try:
        function = jax_funcify(node.op, node=node)
    except NotImplementedError:
        raise NotImplementedError(
            f"from_pymc: the operation {name} has no counterpart here and none in PyTensor's JAX backend."
        ) from None
    fixed = {i: np.asarray(v.data) for i, v in enumerate(node.inputs) if isinstance(v, Constant)}

    def with_constants(*arrays: Any) -> Any:
        given = iter(arrays)
        return function(*(fixed[i] if i in fixed else next(given) for i in range(len(node.inputs))))

    return T.jax_wrap(with_constants, name=name)(*(convert(v) for i, v in enumerate(node.inputs) if i not in fixed))


class _NoCounterpartError(Exception):
    """A scalar operation has no name here."""


@operation("Elemwise")
def _elementwise(convert: Converter, node: Any) -> Any:
    try:
        return _scalar(node.op.scalar_op, convert.all(node.inputs))
    except _NoCounterpartError:
        return in_jax(convert, node)


def _scalar(op: Any, args: list[Any]) -> Any:
    name = type(op).__name__
    if name in ("Add", "Mul"):
        combine = T.add if name == "Add" else T.multiply
        result = args[0]
        for other in args[1:]:
            result = combine(result, other)
        return result
    if name == "Cast":
        return T.cast(args[0], op.o_type.dtype)
    if name in ("Identity", "Second"):
        return args[0] if name == "Identity" else T.broadcast_to(args[1], broadcast_shapes([a.shape for a in args]))
    if name == "Composite":
        return _composite(op, args)
    if name not in _ELEMENTWISE:
        raise _NoCounterpartError
    return getattr(T, _ELEMENTWISE[name])(*args)


def _composite(op: Any, args: list[Any]) -> Any:
    """Several scalar operations in one, as rewriting makes them."""
    values = dict(zip(op.inputs, args, strict=True))
    for inner in op.fgraph.toposort():
        given = [values[v] if v in values else T.constant(np.asarray(v.data)) for v in inner.inputs]
        values[inner.outputs[0]] = _scalar(inner.op, given)
    found = [values[v] for v in op.outputs]
    return found[0] if len(found) == 1 else found


@operation("CAReduce", *_REDUCTIONS)
def _reduce(convert: Converter, node: Any) -> Any:
    name = _REDUCTIONS.get(type(node.op).__name__)
    return in_jax(convert, node) if name is None else getattr(T, name)(convert(node.inputs[0]), axis=node.op.axis)


@operation("DimShuffle")
def _dimshuffle(convert: Converter, node: Any) -> Any:
    return T.dimshuffle(convert(node.inputs[0]), tuple(node.op.new_order))


@operation("Subtensor", "AdvancedSubtensor")
def _part(convert: Converter, node: Any) -> Any:
    return convert(node.inputs[0])[convert.index(node, 1)]


@operation("IncSubtensor", "AdvancedIncSubtensor")
def _part_written(convert: Converter, node: Any) -> Any:
    x, y = convert.all(node.inputs[:2])
    write = T.set_subtensor if node.op.set_instead_of_inc else T.inc_subtensor
    return write(x[convert.index(node, 2)], y)


@operation("Dot")
def _dot(convert: Converter, node: Any) -> Any:
    return T.dot(*convert.all(node.inputs))


@operation("MatMul", "BatchedDot")
def _matmul(convert: Converter, node: Any) -> Any:
    return T.matmul(*convert.all(node.inputs))


@operation("Cholesky")
def _cholesky(convert: Converter, node: Any) -> Any:
    factor = T.cholesky(convert(node.inputs[0]))
    return factor if getattr(node.op, "lower", True) else T.swapaxes(factor, -1, -2)


@operation("MatrixInverse")
def _inverse(convert: Converter, node: Any) -> Any:
    return T.inv(convert(node.inputs[0]))


@operation("Det")
def _determinant(convert: Converter, node: Any) -> Any:
    return T.det(convert(node.inputs[0]))


@operation("Blockwise")
def _blockwise(convert: Converter, node: Any) -> Any:
    """An operation on the last axes, for which ours need no wrapper."""
    core = node.op.core_op
    if type(core).__name__ == "Dot":
        return T.matmul(*convert.all(node.inputs))
    if type(core).__name__ not in ("Cholesky", "MatrixInverse", "Det"):
        return in_jax(convert, node)
    return OPERATIONS[type(core).__name__](convert, _Node(core, node.inputs, node.outputs))


class _Node:
    """An operation with the inputs and outputs of another node."""

    def __init__(self, op: Any, inputs: Any, outputs: Any):
        self.op, self.inputs, self.outputs = op, inputs, outputs


@operation("Join")
def _join(convert: Converter, node: Any) -> Any:
    return T.concatenate(convert.all(node.inputs), axis=node.op.axis)


@operation("MakeVector")
def _vector(convert: Converter, node: Any) -> Any:
    parts = convert.all(node.inputs)
    return T.cast(T.stack(parts), node.op.dtype) if parts else T.zeros((0,), node.op.dtype)


@operation("Reshape")
def _reshape(convert: Converter, node: Any) -> Any:
    return T.reshape(convert(node.inputs[0]), convert.lengths(node.inputs[1]))


@operation("Alloc")
def _alloc(convert: Converter, node: Any) -> Any:
    return T.broadcast_to(convert(node.inputs[0]), tuple(convert.length(n) for n in node.inputs[1:]))


@operation("AllocEmpty")
def _empty(convert: Converter, node: Any) -> Any:
    return T.zeros(tuple(convert.length(n) for n in node.inputs), node.op.dtype)


@operation("Shape")
def _shape(convert: Converter, node: Any) -> Any:
    lengths = convert(node.inputs[0]).shape
    return T.stack([as_tensor(n) for n in lengths]) if lengths else T.zeros((0,), "int64")


@operation("Shape_i")
def _length(convert: Converter, node: Any) -> Any:
    return as_tensor(convert.length(node.outputs[0]))


@operation("ARange")
def _arange(convert: Converter, node: Any) -> Any:
    return T.arange(*(convert.length(v) for v in node.inputs), dtype=node.op.dtype)


@operation("Eye")
def _eye(convert: Converter, node: Any) -> Any:
    n, m, k = (convert.length(v) for v in node.inputs)
    return T.eye(n, m, k, dtype=node.op.dtype)


@operation("Nonzero")
def _nonzero(convert: Converter, node: Any) -> Any:
    """Places of a mask that is known."""
    mask = canonicalize(convert(node.inputs[0]))
    if not isinstance(mask, OurConstant):
        raise ShapeError(
            "from_pymc: a boolean index must be known when the model is translated, and this one depends on its variables."
        )
    return [T.constant(np.asarray(at)) for at in np.nonzero(np.asarray(mask.value))]


@operation("CumOp")
def _cumulative(convert: Converter, node: Any) -> Any:
    return (T.cumsum if node.op.mode == "add" else T.cumprod)(convert(node.inputs[0]), axis=node.op.axis)


@operation("Softmax", "LogSoftmax")
def _softmax(convert: Converter, node: Any) -> Any:
    return (T.softmax if type(node.op).__name__ == "Softmax" else T.log_softmax)(convert(node.inputs[0]), axis=node.op.axis)


@operation("LogSumExp")
def _logsumexp(convert: Converter, node: Any) -> Any:
    return T.logsumexp(convert(node.inputs[0]), axis=node.op.axis)


@operation("XLogY", "XLog1PY", "LogAddExp")
def _two_logs(convert: Converter, node: Any) -> Any:
    return getattr(T, type(node.op).__name__.lower())(*convert.all(node.inputs))


@operation("SpecifyShape", "TensorFromScalar", "ScalarFromTensor", "ViewOp")
def _same(convert: Converter, node: Any) -> Any:
    """What changes no value; our own shapes are checked when nodes are made."""
    return convert(node.inputs[0])


@operation("CheckParameterValue")
def _checked_density(convert: Converter, node: Any) -> Any:
    """A log density, which is that of nothing where parameters are not allowed."""
    return require(*convert.all(node.inputs))


@operation("CheckAndRaise", "Assert")
def _checked(convert: Converter, node: Any) -> Any:
    value, *conditions = convert.all(node.inputs)
    for condition in conditions:
        value = T.where(T.all(condition), value, math.nan)
    return value


@operation("OpFromGraph", "SymbolicOp", "TensorSymbolicOp", "KroneckerProduct", "AllocDiag")
def _inner_graph(convert: Converter, node: Any) -> Any:
    inner = Converter(dict(zip(node.op.inner_inputs, convert.all(node.inputs), strict=True)), convert.otherwise)
    return [inner(v) for v in node.op.inner_outputs]
