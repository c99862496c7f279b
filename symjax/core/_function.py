"""`function`: a graph as a compiled callable."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from symjax._errors import MissingInputError, ShapeError
from symjax.core._gradient import close_derivatives
from symjax.core._keys import KeyStream
from symjax.core._leaves import Placeholder, Variable, as_tensor
from symjax.core._lower import Program, lower
from symjax.core._node import METHODS, Bound, Tensor
from symjax.core._scope import detached
from symjax.core._shapes import is_symbolic
from symjax.core._traverse import flatten, substitute, toposort

#: Graph-to-graph passes that `function` runs unless told not to; the rewriting layer registers its own here.
PASSES: list[Callable[[Sequence[Any]], list[Any]]] = []


def prepare(outputs: Sequence[Any], *, canonicalize: bool = True) -> list[Any]:
    """Outputs ready to be lowered: derivatives closed, and rewritten by the registered passes if `canonicalize`."""
    with detached():
        prepared = close_derivatives(outputs)
        if canonicalize:
            for rewrite in PASSES:
                prepared = rewrite(prepared)
    return prepared


class Function:
    """A compiled graph; made by `function`.

    Attributes
    ----------
    inputs : tuple of Tensor
        Inputs, in the order of the call's arguments.
    updates : dict
        Variable to expression of its new value.
    """

    def __init__(
        self,
        inputs: Sequence[Tensor],
        outputs: Any,
        updates: dict[Variable, Tensor],
        givens: dict[Tensor, Tensor],
        canonicalize: bool,
        name: str | None,
        seed: int | None,
    ):
        self.name = name or "function"
        self.inputs = tuple(inputs)
        self.updates = updates
        leaves, self._build = flatten(outputs)
        exprs = [as_tensor(o) for o in leaves] + [_as_update(v, e) for v, e in updates.items()]
        with detached():
            leaves_of, exprs = _cut(exprs, self.inputs)
            exprs = substitute(exprs, givens) if givens else exprs
        self._n_outputs = len(leaves)
        self._updated = tuple(updates)
        self._single = outputs if isinstance(outputs, Tensor) else None
        self._program: Program = lower(prepare(exprs, canonicalize=canonicalize), leaves_of)
        self._checks = [_InputCheck(i, x) for i, x in enumerate(self.inputs)]
        self._random = bool(self._program.tokens)
        self._base = _base_key(seed)
        self._calls = 0
        self._salts = self._program.salts()
        self._run = jax.jit(self._draw if self._random else self._program.run)

    def _draw(self, inputs: Any, data: Any, base: Any, call: Any) -> list[Any]:
        key = jax.random.wrap_key_data(base, impl="threefry2x32")
        stream = KeyStream(jax.random.fold_in(key, call), self._salts, (call,))
        return self._program.run(inputs, data, stream)

    def __call__(self, *values: Any, device_get: bool = True) -> Any:
        """Run the graph.

        Parameters
        ----------
        *values : array-like
            One value for each input.
        device_get : bool
            Whether outputs come back as NumPy arrays; JAX arrays if not.

        Raises
        ------
        TypeError
            If the number of values is wrong.
        ShapeError
            If a value's shape does not fit its input.
        """
        if len(values) != len(self._checks):
            names = ", ".join(i.name for i in self.inputs)
            raise TypeError(f"{self.name}: {len(self.inputs)} values needed ({names}), got {len(values)}.")
        arguments = [check(v) for check, v in zip(self._checks, values, strict=True)]
        program = self._program
        data = program.values_of_data() if program.variables else program.data
        with jax.enable_x64(True):
            if self._random:
                results = self._run(arguments, data, self._base, np.uint32(self._calls))
                self._calls += 1
            else:
                results = self._run(arguments, data)
        n = self._n_outputs
        for variable, value in zip(self._updated, results[n:], strict=True):
            variable._store(value)
        if device_get and not _is_traced(results):
            results = [np.array(r) for r in results[:n]]  # the caller's own, to change at will
        return results[0] if self._single is not None else self._build(results[:n])

    def __repr__(self) -> str:
        return f"Function({self.name}, inputs=[{', '.join(i.name for i in self.inputs)}], {len(self._program)} operations)"


def _base_key(seed: int | None) -> np.ndarray:
    """Two words of a key: the seed's, or random ones."""
    if seed is None:
        return np.frombuffer(os.urandom(8), np.uint32)
    return np.array([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF], np.uint32)


def _cut(exprs: Sequence[Any], inputs: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Leaves in the place of inputs that are operations, so that rewriting does not see what they were computed from."""
    leaves = {i: Bound(i.aval, i._name) for i in inputs if i.op is not None}
    return [leaves.get(i, i) for i in inputs], substitute(exprs, leaves) if leaves else list(exprs)


def _is_traced(values: Sequence[Any]) -> bool:
    return any(isinstance(v, jax.core.Tracer) for v in values)


def _as_update(variable: Any, expression: Any) -> Tensor:
    if not isinstance(variable, Variable):
        raise TypeError(f"updates: {variable!r} is not a Variable, and nothing else can be updated.")
    new = as_tensor(expression)
    if len(new.shape) != len(variable.shape) or any(
        a != b for a, b in zip(new.shape, variable.shape, strict=True) if not is_symbolic(a) and not is_symbolic(b)
    ):
        raise ShapeError(f"updates: {variable!r} cannot take a value of shape {new.shape}.")
    return new if new.dtype == variable.dtype else METHODS["cast"](new, variable.dtype)


class _InputCheck:
    """Converts one argument to the type of its input, and refuses what does not fit, before anything is traced."""

    __slots__ = ("_name", "_shape", "_dtype", "_static", "_position")

    def __init__(self, position: int, tensor: Tensor):
        self._position = position
        self._name = tensor.name
        self._shape = tensor.shape
        self._dtype = tensor.dtype
        self._static = not any(is_symbolic(d) for d in tensor.shape)

    def __call__(self, value: Any) -> Any:
        # a missing dtype must not be compared: NumPy takes `dtype == None` for float64
        if not hasattr(value, "dtype") or value.dtype != self._dtype:
            value = self._convert(value)
        shape = value.shape
        if self._static:
            fits = shape == self._shape
        else:
            fits = len(shape) == len(self._shape) and all(is_symbolic(w) or d == w for d, w in zip(shape, self._shape, strict=True))
        if not fits:
            wanted = tuple("any" if is_symbolic(d) else d for d in self._shape)
            raise ShapeError(f"input {self._position} ({self._name!r}) must have shape {wanted}, got {tuple(shape)}.")
        return value

    def _convert(self, value: Any) -> Any:
        array = value if hasattr(value, "dtype") else np.asarray(value)
        if array.dtype.kind not in "biufc" or not np.can_cast(array.dtype, self._dtype, "same_kind"):
            raise TypeError(f"input {self._position} ({self._name!r}) must be {self._dtype}, got {array.dtype}; cast it first.")
        return array.astype(self._dtype)


def function(
    *inputs: Any,
    outputs: Any = None,
    updates: Any = None,
    givens: Any = None,
    canonicalize: bool = True,
    on_unused_input: str = "ignore",
    name: str | None = None,
    seed: int | None = None,
) -> Function:
    """Compile a graph.

    Parameters
    ----------
    *inputs : Tensor
        Inputs, given at each call in this order: placeholders, or any other nodes. Theano's form, a list of inputs and then the
        outputs, works as well.
    outputs : Tensor or nested list, tuple or dict of Tensor, optional
        What a call returns, in the same structure.
    updates : dict or list of pairs, optional
        Variable to its new value. Outputs see the old values; all updates happen together.
    givens : dict or list of pairs, optional
        Nodes to be replaced by others first.
    canonicalize : bool
        Whether to rewrite the graph to an equal, cheaper one; if not it runs as written.
    on_unused_input : {"ignore", "warn", "raise"}
        What to do with an input that no output needs.
    name : str, optional
        Shown in messages.
    seed : int, optional
        Seed of the draws; without one they differ from function to function and from process to process.

    Returns
    -------
    Function
        ``f(*values)``. It compiles at its first call, and once more for each new shape of inputs with unknown axes.

    Raises
    ------
    MissingInputError
        If an output needs a placeholder that is not an input.
    ShapeError
        If an update does not fit its variable.

    Examples
    --------
    >>> import symjax, symjax.tensor as T
    >>> x = T.Placeholder((), "float64", name="x")
    >>> total = T.Variable(0.0, name="total")
    >>> f = symjax.function(x, outputs=2 * x, updates={total: total + x})
    >>> float(f(3.0)), float(total.value)
    (6.0, 3.0)
    """
    first = next(iter(inputs), None)
    if isinstance(first, (list, tuple)):
        if len(inputs) > 2:
            raise TypeError("function: with a list of inputs first, only the outputs may follow by position.")
        outputs = inputs[1] if len(inputs) == 2 else outputs
        inputs = tuple(first)
    for i in inputs:
        if not isinstance(i, Tensor):
            raise TypeError(f"function: inputs must be tensors, got {i!r}.")
    outputs = [] if outputs is None else outputs
    changed = dict(updates or {})
    replaced = {k: as_tensor(v) for k, v in dict(givens or {}).items()}
    _check_inputs(inputs, outputs, changed, replaced, on_unused_input)
    return Function(inputs, outputs, changed, replaced, canonicalize, name, seed)


def _check_inputs(inputs: Sequence[Any], outputs: Any, updates: Any, givens: Any, on_unused: str) -> None:
    if len(set(inputs)) < len(inputs):
        raise ValueError("function: an input is given twice.")
    if on_unused not in ("ignore", "warn", "raise"):
        raise ValueError(f"function: `on_unused_input` must be 'ignore', 'warn' or 'raise', got {on_unused!r}.")
    if on_unused == "ignore":
        return
    exprs = [e for e in flatten(outputs)[0] + list(updates.values()) if isinstance(e, Tensor)]
    needed = set(toposort(substitute(exprs, givens), stop=inputs))
    unused = [i.name for i in inputs if i not in needed]
    if unused and on_unused == "raise":
        raise ValueError(f"function: no output needs the inputs {unused}.")
    if unused:
        import warnings

        warnings.warn(f"function: no output needs the inputs {unused}.", stacklevel=3)


def evaluate(outputs: Any, feed: dict[Tensor, Any] | None = None, *, seed: int | None = None) -> Any:
    """Values of expressions now, without a compiled function: ``x.eval({input: value})``.

    Parameters
    ----------
    outputs : Tensor or nested structure of Tensor
        Expressions.
    feed : dict, optional
        Values for placeholders, or for any inner node.
    seed : int, optional
        Seed of the draws; the same draws come at each evaluation of one seed, 0 by default.

    Raises
    ------
    MissingInputError
        If a placeholder is needed that is not fed.
    """
    feed = {k: v for k, v in (feed or {}).items()}
    leaves, build = flatten(outputs)
    unfed = [n for n in toposort([as_tensor(o) for o in leaves], stop=feed) if isinstance(n, Placeholder) and n not in feed]
    if unfed:
        names = ", ".join(repr(n.name) for n in unfed)
        raise MissingInputError(f"no value for the placeholder {names}; pass {{placeholder: value}}.")
    program = lower(prepare([as_tensor(o) for o in leaves], canonicalize=False), list(feed), fold=False)
    with jax.enable_x64(True):
        values = [_feed_value(k, v) for k, v in feed.items()]
        stream = KeyStream(jax.random.key(seed or 0), program.salts(), (0,)) if program.tokens else None
        results = program.run(values, program.values_of_data(), stream)
    if _is_traced(results):
        return build(results)
    return build([np.array(r) for r in results])


def _feed_value(tensor: Tensor, value: Any) -> Any:
    if isinstance(value, jax.core.Tracer):
        return value
    return _InputCheck(0, tensor)(value if hasattr(value, "dtype") else np.asarray(value, tensor.dtype))


def to_jax(outputs: Any, inputs: Sequence[Tensor]) -> Callable[..., Any]:
    """The pure JAX function of a graph, to be used under `jax.jit`, `grad` and `vmap`.

    Parameters
    ----------
    outputs : Tensor or nested structure of Tensor
        What the function returns.
    inputs : sequence of Tensor
        Its arguments, in order. Variables that are not among them keep the values that they have now.

    Returns
    -------
    callable
        ``f(*arrays)``; with ``key=`` as well if the graph draws. It computes in the caller's precision: wrap it in
        ``jax.enable_x64(True)`` for float64.

    Examples
    --------
    >>> import jax, symjax, symjax.tensor as T
    >>> x = T.Placeholder((), "float32", name="x")
    >>> f = symjax.to_jax(x**2, [x])
    >>> float(jax.grad(f)(3.0))
    6.0
    """
    leaves, build = flatten(outputs)
    with detached():
        leaves_of, exprs = _cut([as_tensor(o) for o in leaves], inputs)
    program = lower(prepare(exprs), leaves_of)
    data, salts = program.values_of_data(), program.salts()

    def run(*values: Any, key: Any = None) -> Any:
        if program.tokens and key is None:
            raise MissingInputError("the graph draws: pass `key=`, a JAX key.")
        stream = KeyStream(key, salts, (0,)) if program.tokens else None
        return build(program.run(values, data, stream))

    return run


def clone(outputs: Any, givens: dict[Tensor, Any] | None = None, share_random: bool = True) -> Any:
    """Expressions with nodes replaced by others.

    Parameters
    ----------
    outputs : Tensor or nested structure of Tensor
        Expressions.
    givens : dict
        Node to its replacement.
    share_random : bool
        Whether draws in the copy are those of the original; new draws if not.

    Examples
    --------
    >>> import symjax, symjax.tensor as T
    >>> x = T.Placeholder((), "float64", name="x")
    >>> float(symjax.clone(x + 1, {x: T.constant(2.0)}).eval())
    3.0
    """
    leaves, build = flatten(outputs)
    replacements = {k: as_tensor(v) for k, v in (givens or {}).items()}
    return build(substitute(leaves, replacements, share_random=share_random))


METHODS["eval"] = lambda x, feed=None, **kw: evaluate(x, feed, **kw)
METHODS["clone"] = clone
