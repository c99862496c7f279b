"""The nodes of a graph: immutable, holding their parents in order.

A node says *what* is computed (`op`), from what (`parents`, ordered, a parent may repeat) and with which static settings
(`params`). Nodes that are the same computation need not be the same object, and a draw is not the same draw as another one with
equal parameters: the `token` tells them apart. Since nodes hold their parents and nothing holds the nodes, a graph that nobody
refers to any more is freed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from symjax.core._op import Aval, Operator

_RANK = itertools.count()
_set = object.__setattr__

#: What the operators and methods of `Tensor` do, by name; `symjax.tensor` fills it, since the core knows no operation.
METHODS: dict[str, Callable[..., Any]] = {}


class Token:
    """Identity of a draw: two nodes with one token are one draw, whatever their parents have been rewritten to.

    Attributes
    ----------
    rank : int
        Order of creation in the process.
    name : str or None
        Name of the random variable; named draws keep their stream whatever else a program draws.
    seed : int or None
        Seed that the user asked for, which decides the stream alone.
    """

    __slots__ = ("rank", "name", "seed")

    def __init__(self, name: str | None = None, seed: int | None = None):
        self.rank = next(_RANK)
        self.name = name
        self.seed = seed

    def fresh(self) -> Token:
        """Another draw of the same kind."""
        return Token(self.name, self.seed)

    def __repr__(self) -> str:
        return f"Token({self.name or self.rank})"


def current_rank() -> int:
    """A rank above that of every token made so far and below that of those to come."""
    return next(_RANK)


class Node:
    """What tensors and nodes with several outputs share.

    Attributes
    ----------
    op : Operator or None
        What is computed; None for leaves.
    parents : tuple of Node
        Arguments, in order.
    params : tuple of (str, object)
        Static, hashable settings, sorted by name.
    token : Token or None
        Identity of a draw.
    scope : str
        Path of the scope that the node was made in.
    """

    __slots__ = ("op", "parents", "params", "token", "_name", "scope", "__weakref__")

    op: Operator | None
    parents: tuple[Tensor, ...]
    params: tuple[tuple[str, Any], ...]
    token: Token | None
    scope: str

    def __init__(
        self,
        op: Operator | None,
        parents: tuple[Any, ...] = (),
        params: tuple[tuple[str, Any], ...] = (),
        token: Token | None = None,
        name: str | None = None,
        scope: str = "/",
    ):
        _set(self, "op", op)
        _set(self, "parents", parents)
        _set(self, "params", params)
        _set(self, "token", token)
        _set(self, "_name", name)
        _set(self, "scope", scope)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"{type(self).__name__} {self.name!r} is immutable, so `.{name}` cannot be set. Build a new expression instead."
        )

    def __copy__(self) -> Node:
        return self

    def __deepcopy__(self, memo: Any) -> Node:
        return self

    @property
    def name(self) -> str:
        """The name given by the user, else that of the operation."""
        if self._name is not None:
            return self._name
        return self.op.name if self.op is not None else "unnamed"

    @property
    def is_named(self) -> bool:
        """Whether the node was given a name."""
        return self._name is not None

    @property
    def path(self) -> str:
        """Scope and name: ``/encoder/w``."""
        return f"{self.scope.rstrip('/')}/{self.name}"

    @property
    def fn_name(self) -> str:
        """Name of the operation."""
        return self.op.name if self.op is not None else ""

    @property
    def settings(self) -> dict[str, Any]:
        """`params` as a dict."""
        return dict(self.params)


class Tensor(Node):
    """A symbolic array: an operation on other tensors, or a leaf.

    Attributes
    ----------
    shape : tuple of int or symbolic dimension
        Axis lengths; an unknown one prints as a name.
    dtype : numpy.dtype
        Element type.
    weak : bool
        Whether the type gives way to that of other operands, as a Python number's does.

    Notes
    -----
    ``+ - * / // % ** @ & | ^ ~ << >> < <= > >= ==`` and indexing build new tensors. ``a == b`` is elementwise; its truth value,
    which ``in`` and ``if`` ask for, is whether `a` and `b` are the same node. Every other symbolic truth value raises.
    """

    __slots__ = ("shape", "dtype", "weak")
    __array_priority__ = 1000
    __pandas_priority__ = 10_000  # so that ``series * tensor`` asks the tensor
    __hash__ = object.__hash__

    shape: tuple[Any, ...]
    dtype: np.dtype
    weak: bool

    def __init__(
        self,
        op: Operator | None,
        parents: tuple[Any, ...],
        params: tuple[tuple[str, Any], ...],
        aval: Aval,
        token: Token | None = None,
        name: str | None = None,
        scope: str = "/",
    ):
        super().__init__(op, parents, params, token, name, scope)
        _set(self, "shape", aval.shape)
        _set(self, "dtype", aval.dtype)
        _set(self, "weak", aval.weak)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def _operator(self, other: Any) -> Tensor: ...

        __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = __matmul__ = _operator
        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = __rmatmul__ = _operator
        __and__ = __or__ = __xor__ = __rand__ = __ror__ = __rxor__ = _operator
        __lt__ = __le__ = __gt__ = __ge__ = _operator

        def __neg__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...

    @property
    def aval(self) -> Aval:
        """Shape, dtype and weakness together."""
        return Aval(self.shape, self.dtype, self.weak)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> Any:
        """Number of elements."""
        return int(np.prod(self.shape)) if all(isinstance(d, int) for d in self.shape) else METHODS["size"](self)

    def __repr__(self) -> str:
        kind, fn = type(self).__name__, f"fn={self.fn_name}, " if self.op is not None else ""
        shape = "(" + ", ".join(map(str, self.shape)) + ("," if self.ndim == 1 else "") + ")"
        return f"{kind}(name={self.name}, {fn}shape={shape}, dtype={self.dtype}, scope={self.scope})"

    def __bool__(self) -> bool:
        if self.op is not None and self.op.name in ("equal", "not_equal"):
            a, b = self.parents
            if not isinstance(a, Constant) and not isinstance(b, Constant):
                return (a is b) == (self.op.name == "equal")
        raise TypeError(
            f"The truth value of the symbolic {self!r} is not known before it is computed. Use `T.where`/`T.switch` or `cond` "
            "to choose by it, `.eval()` to compute it, and `is` to ask whether two names mean the same node."
        )

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape:
            raise TypeError(f"cannot iterate over the scalar {self!r}")
        return (self[i] for i in range(len(self)))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError(f"the scalar {self!r} has no length")
        if not isinstance(self.shape[0], int):
            raise TypeError(f"the length of {self!r} is unknown until it is computed; use `x.shape[0]` in expressions")
        return self.shape[0]

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"{self!r} is symbolic and cannot become a NumPy array before it is computed. Use the functions of `symjax.tensor` "
            "instead of NumPy's, or `.eval()` to compute it."
        )

    def __float__(self) -> float:
        return float(METHODS["eval"](self))

    def __int__(self) -> int:
        return int(METHODS["eval"](self))

    def __getitem__(self, index: Any) -> Tensor:
        return METHODS["getitem"](self, index)

    def __eq__(self, other: Any) -> Any:
        return False if self._is_other_kind(other) else METHODS["equal"](self, other)

    def __ne__(self, other: Any) -> Any:
        return True if self._is_other_kind(other) else METHODS["not_equal"](self, other)

    def _is_other_kind(self, other: Any) -> bool:
        """Whether nothing can be equal to `other` elementwise: then the comparison is an answer, so that ``x in list`` has one."""
        if other is None or isinstance(other, str):
            return True
        if not isinstance(other, Tensor):
            return False
        pairs = zip(reversed(self.shape), reversed(other.shape))
        return any(isinstance(a, int) and isinstance(b, int) and a != b and 1 not in (a, b) for a, b in pairs)


def _binary(name: str, reflected: bool) -> Callable[[Tensor, Any], Tensor]:
    def method(self: Tensor, other: Any) -> Tensor:
        if not isinstance(other, Tensor) and getattr(type(other), "__array_ufunc__", self) is None:
            return NotImplemented  # as NumPy does: such an object has its own arithmetic
        return METHODS[name](other, self) if reflected else METHODS[name](self, other)

    return method


def _unary(name: str) -> Callable[[Tensor], Tensor]:
    def method(self: Tensor) -> Tensor:
        return METHODS[name](self)

    return method


_ARITHMETIC = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide", "mod": "mod",
    "divmod": "divmod", "pow": "power", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "left_shift", "rshift": "right_shift",
}  # fmt: skip
for _method, _name in _ARITHMETIC.items():
    setattr(Tensor, f"__{_method}__", _binary(_name, False))
    setattr(Tensor, f"__r{_method}__", _binary(_name, True))
for _method, _name in {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}.items():
    setattr(Tensor, f"__{_method}__", _binary(_name, False))
for _method, _name in {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "invert"}.items():
    setattr(Tensor, f"__{_method}__", _unary(_name))


class Op(Tensor):
    """An operation applied to tensors."""

    __slots__ = ()


class OpItem(Op):
    """One output of an operation that has several."""

    __slots__ = ()


class RandomOp(Op):
    """A draw: an operation whose node is one random variable, told from others by its token."""

    __slots__ = ()


class MultiOutputOp(Node):
    """An operation with several outputs; its items are `OpItem`."""

    __slots__ = ("avals",)

    avals: tuple[Aval, ...]

    def __init__(
        self,
        op: Operator,
        parents: tuple[Any, ...],
        params: tuple[tuple[str, Any], ...],
        avals: tuple[Aval, ...],
        token: Token | None = None,
        name: str | None = None,
        scope: str = "/",
    ):
        super().__init__(op, parents, params, token, name, scope)
        _set(self, "avals", avals)

    def __repr__(self) -> str:
        return f"MultiOutputOp(name={self.name}, fn={self.fn_name}, outputs={len(self.avals)}, scope={self.scope})"


class Constant(Tensor):
    """A fixed value: a NumPy array, or a Python number, whose type is weak."""

    __slots__ = ("value", "_key")

    value: Any

    def __init__(self, value: Any, aval: Aval, name: str | None = None):
        super().__init__(None, (), (), aval, None, name)
        _set(self, "value", value)
        _set(self, "_key", None)

    @property
    def key(self) -> tuple[Any, ...]:
        """What equal constants share: type, shape and bytes; large ones are equal only to themselves."""
        key = self._key
        if key is None:
            array = np.asarray(self.value)
            content = array.tobytes() if array.nbytes <= 4096 else id(self.value)
            key = (self.dtype, self.weak, self.shape, content)
            _set(self, "_key", key)
        return key

    def __repr__(self) -> str:
        shown = np.array2string(np.asarray(self.value), threshold=6, precision=6)
        return f"Constant({shown}, shape={self.shape}, dtype={self.dtype})"


class Bound(Tensor):
    """A leaf that stands for an argument of an inner graph (a scan's step, a gradient's loss)."""

    __slots__ = ()

    def __init__(self, aval: Aval, name: str | None = None):
        super().__init__(None, (), (), aval, Token(), name)


def item(node: MultiOutputOp, index: int) -> OpItem:
    """Output `index` of a node with several."""
    return OpItem(ITEM, (node,), (("index", index),), node.avals[index], scope=node.scope)


#: Picks one output of a `MultiOutputOp`.
ITEM = Operator("item", lambda outputs, index: outputs[index])
