"""The base of all distributions.

A distribution is one class in one file that declares its parameters and support and says how to draw and what the log density
is; everything that users touch (making variables, checks, shapes, densities with checks) is here, once.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

import symjax.tensor as T
from symjax._config import config
from symjax._errors import NotDerivableError, ParameterError, ShapeError
from symjax.core._function import evaluate
from symjax.core._leaves import as_tensor, present_shape
from symjax.core._node import Constant, Tensor, Token
from symjax.core._op import Operator
from symjax.core._scope import detached, name_and_register
from symjax.core._shapes import broadcast_shapes, dim_names, infer_elementwise, is_symbolic, unify_shapes
from symjax.core._traverse import make, toposort
from symjax.random._constraint import Parameter
from symjax.random._draw import Draw, RandomVariable
from symjax.random._support import Support
from symjax.tensor._shape_ops import as_shape

_MAKE_KEYWORDS = ("shape", "size", "name", "seed", "dtype")


def _require(expression: Any, *conditions: Any) -> Any:
    import jax.numpy as jnp

    holds = conditions[0]
    for c in conditions[1:]:
        holds = holds & c
    return jnp.where(holds, expression, -jnp.inf)


#: ``require(expression, *conditions)``: the expression where every condition holds, −inf elsewhere. The conditions are about exact
#: values, so a condition that is proved of them is dropped in rewriting.
REQUIRE = Operator("require", _require, infer_elementwise, elementwise=True)


def require(expression: Any, *conditions: Any) -> Tensor:
    """A log density that is −inf where a condition fails."""
    found = [as_tensor(c) for c in conditions]
    found = [c for c in found if not (isinstance(c, Constant) and bool(np.all(c.value)))]
    return make(REQUIRE, [as_tensor(expression), *found]) if found else as_tensor(expression)


class Distribution:
    """A family of laws; calling it makes a random variable.

    A subclass declares the class attributes below, `parametrize`, `draw` and `log_density`, and what else it knows. Methods but
    `draw` take and return tensors and work elementwise over the batch; `draw` takes and returns JAX arrays. A parameter is passed
    by position in the order of `parameters`.

    Attributes
    ----------
    parameters : dict of str to Parameter
        Canonical parameters in order, with their constraints and the number of axes that one draw uses.
    event_ndim : int
        Number of trailing axes that are one value: 0 for scalar laws, 1 for vectors, 2 for matrices.
    is_discrete : bool
        Whether draws are whole numbers.
    has_atoms : bool
        Whether some values of a law that is not discrete have a mass, which then is its density there.
    is_normalized : bool
        Whether the density is known to integrate to one for all allowed parameters.
    is_simulated : bool
        Whether an evaluation of the density draws, so that no two of them agree.
    requirement : str
        What `conditions` ask, in words: "'lower' must be less than 'upper'".
    """

    parameters: ClassVar[Mapping[str, Parameter]] = {}
    event_ndim: ClassVar[int] = 0
    is_discrete: ClassVar[bool] = False
    has_atoms: ClassVar[bool] = False
    is_normalized: ClassVar[bool] = True
    is_simulated: ClassVar[bool] = False
    requirement: ClassVar[str] = ""

    def __init__(self) -> None:
        self.operator = Draw(self)

    @property
    def name(self) -> str:
        """Name of the family, ``"Normal"``."""
        return type(self).__name__.removesuffix("Distribution")

    def __repr__(self) -> str:
        return f"<distribution {self.name}>"

    # What a subclass says -------------------------------------------------------------------------------------------------

    def parametrize(self, *args: Any, **kwargs: Any) -> Sequence[Any]:
        """Canonical parameters from any of the parametrisations that users may give; its signature is the users' one."""
        raise TypeError(f"{self.name} cannot be called")

    def support(self, *parameters: Any) -> Support:
        """Where the density is positive."""
        raise TypeError(f"{self.name} declares no support")

    def draw(self, key: Any, shape: tuple[int, ...], dtype: Any, *parameters: Any) -> Any:
        """Draws of batch shape `shape`, as a JAX array."""
        raise TypeError(f"{self.name} cannot be drawn")

    def log_density(self, value: Any, *parameters: Any) -> Tensor:
        """Log density on the support for allowed parameters, of `value`'s batch shape; elsewhere it may be anything."""
        raise NotDerivableError(f"{self.name} has no density.")

    def is_atom(self, value: Any, *parameters: Any) -> Tensor:
        """Where a value has a mass although the law is not discrete."""
        return T.zeros_like(value, dtype=bool)

    def log_cdf(self, value: Any, *parameters: Any) -> Tensor:
        """Log of P(X ≤ value), for any real value."""
        raise NotDerivableError(f"the cdf of {self.name} is not known in closed form.")

    def log_ccdf(self, value: Any, *parameters: Any) -> Tensor:
        """Log of P(X > value)."""
        return T.log1mexp(self.log_cdf(value, *parameters))

    def quantile(self, q: Any, *parameters: Any) -> Tensor:
        """Inverse of the cdf on (0, 1); for a discrete law the least value whose cdf is at least `q`."""
        raise NotDerivableError(f"the quantile function of {self.name} is not known in closed form.")

    def mean(self, *parameters: Any) -> Tensor:
        """Expected value, broadcastable to batch + event; nan where it does not exist."""
        raise NotDerivableError(f"the mean of {self.name} is not known in closed form.")

    def variance(self, *parameters: Any) -> Tensor:
        """Variance of each element, broadcastable to batch + event; nan where it does not exist."""
        raise NotDerivableError(f"the variance of {self.name} is not known in closed form.")

    def support_point(self, *parameters: Any) -> Tensor:
        """A typical value inside the support, finite for all allowed parameters: where sampling starts."""
        return self.mean(*parameters)

    def event_shape(self, *shapes: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of one value, from the parameters' shapes."""
        return ()

    def conditions(self, *parameters: Any) -> list[Any]:
        """Conditions on several parameters together, as bool tensors of batch shape (``lower < upper``)."""
        return []

    # What all share -------------------------------------------------------------------------------------------------------

    def __call__(
        self,
        *args: Any,
        shape: Any = None,
        size: Any = None,
        name: str | None = None,
        seed: int | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> RandomVariable:
        """Make a random variable.

        Parameters
        ----------
        *args, **kwargs
            Parameters, as `parametrize` takes them: numbers, arrays or tensors that broadcast together.
        shape : int or tuple of int, optional
            Shape of the variable, the axes of one value included; that of the broadcast parameters by default.
        size : int or tuple of int, optional
            Shape without the axes of one value.
        name : str, optional
            Name of the variable; its draws then depend on the name and not on what else is drawn.
        seed : int, optional
            Seed of this variable's own stream.
        dtype : dtype-like, optional
            Type of the draws; `config.floatX` or int64 by default.

        Raises
        ------
        ParameterError
            If a keyword is unknown, or a parameter has a value that is not allowed.
        ShapeError
            If the parameters do not broadcast together or to `shape`.
        """
        label = f"{self.name}({name!r})" if name else self.name
        parents = self._canonical(label, args, kwargs)
        self._check_values(label, parents)
        full = self._full_shape(label, parents, shape, size)
        self._check_requirement(label, parents)
        kind = np.dtype(np.int64) if self.is_discrete else config.float_dtype
        params = {"shape": full, "dtype": kind if dtype is None else np.dtype(dtype)}
        node = make(self.operator, parents, params, token=Token(name, seed), kind=RandomVariable, name=name)
        if name is None:
            name_and_register(node, self.name)
        return node

    def _canonical(self, label: str, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Tensor]:
        known = [p for p in inspect.signature(self.parametrize).parameters]
        for key in kwargs:
            if key not in known:
                near = difflib.get_close_matches(key, [*known, *_MAKE_KEYWORDS], 1, cutoff=0.0)
                raise ParameterError(f"{label}: unknown keyword {key!r}. Did you mean {near[0]!r}? It takes {known}.")
        try:
            values = self.parametrize(*args, **kwargs)
        except TypeError as error:
            raise ParameterError(f"{label}: {error}. It takes {known}.") from error
        except (ParameterError, ShapeError) as error:
            raise type(error)(f"{label}: {error}") from None
        return [_folded(v) for v in values]

    def _check_values(self, label: str, parents: Sequence[Tensor]) -> None:
        for (parameter, spec), value in zip(self.parameters.items(), parents, strict=True):
            if value.ndim < spec.ndim:
                raise ShapeError(f"{label}: {parameter!r} must have at least {spec.ndim} axes, got shape {value.shape}.")
            if not isinstance(value, Constant):
                continue
            problem = spec.constraint.problem(parameter, np.asarray(value.value), spec.ndim)
            if problem:
                raise ParameterError(f"{label}: {problem}")

    def _check_requirement(self, label: str, parents: Sequence[Tensor]) -> None:
        if not self.requirement or not all(isinstance(p, Constant) for p in parents):
            return
        with detached():
            holds = np.logical_and.reduce(np.broadcast_arrays(*evaluate([as_tensor(c) for c in self.conditions(*parents)])))
        if not holds.all():
            index = tuple(int(i) for i in np.argwhere(~holds)[0])
            values = ", ".join(f"{n}={np.asarray(p.value)}" for n, p in zip(self.parameters, parents, strict=True))
            raise ParameterError(f"{label}: {self.requirement}, got {values}{f', which fails at index {index}' if index else ''}.")

    def _full_shape(self, label: str, parents: Sequence[Tensor], shape: Any, size: Any) -> tuple[Any, ...]:
        shapes = [p.shape for p in parents]
        cores = [s.ndim for s in self.parameters.values()]
        try:
            batch = broadcast_shapes([s[: len(s) - c] for s, c in zip(shapes, cores, strict=True)] or [()])
        except ValueError:
            got = ", ".join(f"{n} {tuple(s)}" for n, s in zip(self.parameters, shapes, strict=True))
            raise ShapeError(f"{label}: the parameters' shapes do not broadcast together: {got}.") from None
        event = tuple(self.event_shape(*shapes))
        if shape is None and size is None:
            return (*batch, *event)
        if shape is not None and size is not None:
            raise ShapeError(f"{label}: give 'shape' or 'size', not both; got shape={shape} and size={size}.")
        if size is not None:
            wanted = as_shape(size)
        else:
            full = as_shape(shape)
            k = len(full) - self.event_ndim
            if k < 0 or (event and any(a != b for a, b in zip(full[k:], event, strict=True) if not is_symbolic(a))):
                raise ShapeError(f"{label}: shape={full} must end in the shape {event} of one value.")
            wanted = full[:k]
        try:
            found = unify_shapes([wanted, broadcast_shapes([wanted, batch])])
            if any(is_symbolic(n) and not is_symbolic(m) and m != _length_now(n) for n, m in zip(wanted, found, strict=True)):
                raise ValueError
        except ValueError:
            got = ", ".join(f"{n} {tuple(s)}" for n, s in zip(self.parameters, shapes, strict=True))
            raise ShapeError(f"{label}: shape {(*wanted, *event)} was asked for, but the parameters have shapes {got}.") from None
        return (*found, *event)

    def _checks(self, parameters: Sequence[Any]) -> list[Any]:
        found = list(self.conditions(*parameters))
        for spec, value in zip(self.parameters.values(), parameters, strict=True):
            if spec.constraint.condition is not None and not isinstance(value, Constant):
                found.append(spec.constraint.condition(value))
        return found

    def log_prob(self, value: Any, *parameters: Any) -> Tensor:
        """Log density at any value: −inf outside the support and for parameters that are not allowed."""
        value = as_tensor(value)
        inside = self.support(*parameters).contains(value)
        return require(self.log_density(value, *parameters), *inside, *self._checks(parameters))

    def log_cumulative(self, value: Any, *parameters: Any) -> Tensor:
        """`log_cdf`, −inf for parameters that are not allowed."""
        return require(self.log_cdf(as_tensor(value), *parameters), *self._checks(parameters))


def _folded(value: Any) -> Tensor:
    """A parameter as a tensor; a number if it was computed from numbers, so that it can be checked at once."""
    with detached():
        tensor = as_tensor(value)
        if tensor.op is not None and all(_is_fixed(n) for n in toposort([tensor])):
            return as_tensor(evaluate(tensor))
        return tensor


def _length_now(length: Any) -> Any:
    """The present length of an axis that may change, None where nothing tells it."""
    try:
        return present_shape([length])[0]
    except ShapeError:
        return None


def _is_fixed(node: Any) -> bool:
    """Whether a node is computed from numbers alone, the lengths of axes that may change not among them."""
    return isinstance(node, Constant) if node.op is None else not (node.op.random or dim_names(node.params))


def choose(family: str, **alternatives: Any) -> str:
    """The one of several alternative parameters that was given.

    Raises
    ------
    ParameterError
        If none or more than one was given.
    """
    given = [k for k, v in alternatives.items() if v is not None]
    if len(given) != 1:
        names = " or ".join(repr(k) for k in alternatives)
        got = "none" if not given else "both " + " and ".join(map(repr, given))
        raise ParameterError(f"{family} needs {names}, exactly one of them; got {got}.")
    return given[0]
