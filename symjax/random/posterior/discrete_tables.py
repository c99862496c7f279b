"""Discrete latents with finitely many values, and the tables of log weights that factors give them."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax.core._leaves import as_tensor
from symjax.core._node import Token
from symjax.core._scope import detached
from symjax.core._traverse import make
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random.posterior._joint import Factor, Latent, is_data, value_of
from symjax.random.posterior.discrete_places import NOWHERE, Places, Tied, padded, places_of, shrunk, united
from symjax.random.posterior.discrete_spread import arranged, filled, spread
from symjax.tensor._wrap import reduction

MAX_VALUES = 10_000
MAX_CONFIGURATIONS = 1024


def total_of_logs(x: Any, axis: Any, keepdims: bool = False) -> Any:
    """Log of a sum of exponentials in JAX, with finite derivatives where all of them are zero."""
    largest = jnp.max(x, axis=axis, keepdims=True)
    shift = jnp.where(jnp.isfinite(largest), largest, 0.0)
    total = jnp.sum(jnp.exp(x - shift), axis=axis, keepdims=True)
    some = total > 0
    found = jnp.where(some, jnp.log(jnp.where(some, total, 1.0)) + shift, -jnp.inf)
    return found if keepdims else jnp.squeeze(found, axis)


#: `total_of_logs` of tensors.
log_total = reduction(total_of_logs, "log_total")


class Domain(NamedTuple):
    """The values of a latent's elements.

    Attributes
    ----------
    values : int array, shape (k, *shape)
        Values of each element, broadcastable to `shape`; elements with fewer values repeat their last.
    is_value : bool array or None
        Of the same kind: what is no repetition. None if all are.
    places : int array
        Numbers of the elements, broadcastable to the latent's shape.
    shape : tuple of int
        Shape of what is summed out element by element: that of the latent, without axes along which its elements are one,
    merged : tuple of int
        these axes.
    """

    values: np.ndarray
    is_value: np.ndarray | None
    places: np.ndarray
    shape: tuple[int, ...]
    merged: tuple[int, ...] = ()

    @property
    def n_values(self) -> int:
        """Number of values."""
        return self.values.shape[0]


def bounds_of(latent: Latent) -> tuple[np.ndarray, np.ndarray] | str:
    """Least and largest value of a discrete latent, or in words why they are not known."""
    law = latent.draw.distribution
    with detached():
        support = law.support(*latent.draw.parents)
    if support.kind != "integers" or law.event_ndim:
        return "its values are not single whole numbers between two bounds"
    if support.lower is None or support.upper is None:
        return "it has infinitely many values"
    bounds = [as_tensor(b) for b in (support.lower, support.upper)]
    if not all(is_data(b) for b in bounds):
        return "the bounds of its values depend on other variables"
    lower, upper = (np.floor(value_of(b)).astype(np.int64) for b in bounds)
    if int((upper - lower).max()) >= MAX_VALUES:
        return f"it has {int((upper - lower).max()) + 1} values, more than {MAX_VALUES}"
    return (lower, upper) if (upper >= lower).all() else "it has no value"


def domain_of(latent: Latent, bounds: tuple[np.ndarray, np.ndarray]) -> Domain:
    """The domain of a latent whose elements are summed out one by one."""
    lower, upper = bounds
    steps = np.arange(int((upper - lower).max()) + 1)
    steps = steps.reshape(-1, *(1,) * latent.ndim)
    room = padded(np.asarray(upper - lower), latent.ndim)
    is_value = shrunk(np.broadcast_to(steps <= room, np.broadcast_shapes(steps.shape, (1, *room.shape))), 1)
    values = shrunk(padded(lower, latent.ndim) + np.minimum(steps, room), 1)
    places = shrunk(np.arange(latent.size).reshape(latent.shape))
    return Domain(values, None if is_value.all() else is_value, places, latent.shape)


def joint_domains(latent: Latent, bounds: tuple[np.ndarray, np.ndarray]) -> Iterator[Domain]:
    """Domains in which elements along some axes are one, over all values of them together, the smallest first."""
    lower, upper = (np.broadcast_to(b, latent.shape) for b in bounds)
    for n_merged in range(1, latent.ndim + 1):
        for merged in itertools.combinations(range(latent.ndim), n_merged):
            kept = [a for a in range(latent.ndim) if a not in merged]
            head = tuple(slice(0, 1) if a in kept else slice(None) for a in range(latent.ndim))
            least, counts = lower[head], (upper - lower)[head].ravel() + 1
            is_same = (lower == least).all() and (upper == upper[head]).all()
            if not is_same or counts.size > 20 or math.prod(counts.tolist()) > MAX_CONFIGURATIONS:
                continue
            steps = np.indices(counts.tolist()).reshape(counts.size, -1).T
            places = np.arange(math.prod(latent.shape[a] for a in kept))
            places = places.reshape([latent.shape[a] if a in kept else 1 for a in range(latent.ndim)])
            values = (least.ravel() + steps).reshape(-1, *least.shape)
            yield Domain(values, None, places, tuple(latent.shape[a] for a in kept), merged)


_PIECES: WeakKeyDictionary[Factor, tuple[Factor, ...]] = WeakKeyDictionary()
_PLACES: WeakKeyDictionary[Factor, dict[Any, Any]] = WeakKeyDictionary()


def pieces_of(factor: Factor) -> tuple[Factor, ...]:
    """A factor that is no law as several, one for each of the totals that it adds up."""
    found = _PIECES.get(factor)
    if found is None:
        with detached():
            terms = list(_summands(factor.term)) if factor.law is None else [factor.term]
        found = (factor,) if terms == [factor.term] else tuple(Factor(factor.name, t) for t in terms)
        _PIECES[factor] = found if found != (factor,) else ()
    return found or (factor,)


def _summands(term: Any) -> Iterator[Any]:
    """The elements of totals that a number is made of by adding and scaling: ``a * sum(x) - sum(y)`` has a·x and −y."""
    stack: list[tuple[Any, Any]] = [(term, None)]
    while stack:
        node, scale = stack.pop()
        name = node.op.name if node.op is not None and not node.shape else None
        a, b = (*node.parents, None, None)[:2]
        if name == "sum":
            yield _scaled(node.parents[0], scale)
        elif name == "negative":
            stack.append((node.parents[0], _scaled(-1.0, scale)))
        elif name in ("add", "subtract"):
            stack += [(a, scale), (b, scale if name == "add" else _scaled(-1.0, scale))]
        elif name == "multiply" and (_is_linear(a) or _is_linear(b)):
            total, factor = (a, b) if _is_linear(a) else (b, a)
            stack.append((total, _scaled(factor, scale)))
        elif name == "divide" and b is not None and _is_linear(a):
            stack.append((a, _scaled(1.0 / b, scale)))
        else:
            yield _scaled(node, scale)


def _scaled(x: Any, scale: Any) -> Any:
    return x if scale is None else scale * x


def _is_linear(node: Any) -> bool:
    return node.op is not None and node.op.name in ("sum", "add", "subtract", "negative", "multiply", "divide")


def places_in(factor: Factor, latent: Latent, places: np.ndarray) -> tuple[np.ndarray, ...]:
    """The slots of a factor's elements as far as one latent is concerned, remembered.

    Raises
    ------
    Tied
        If an element needs too many elements of the latent.
    """
    known = _PLACES.setdefault(factor, {})
    key = (latent, places.shape)
    if key not in known:
        try:
            known[key] = places_of_factor(factor, {latent: places}).slots
        except Tied as tied:
            known[key] = tied
    if isinstance(known[key], Tied):
        raise known[key]
    return known[key]


def places_of_factor(factor: Factor, sources: Mapping[Any, np.ndarray]) -> Places:
    """Places of a factor's term.

    Raises
    ------
    Tied
        If an element needs too many elements of the latents.
    """
    return _followed(factor, sources)[0]


def _followed(factor: Factor, sources: Mapping[Any, np.ndarray]) -> tuple[Places, dict[Any, Places], bool]:
    """Places of a factor's term and of the nodes below, and whether these are its law's parameters and value, not its term."""
    try:
        below = places_of([factor.term], sources)
        return below[factor.term], below, False
    except Tied:
        if factor.law is None:
            raise
        below = places_of([factor.value, *factor.law.parents], sources)
        return _places_of_law(factor, below), below, True


def _cores(factor: Factor) -> list[tuple[Any, int]]:
    """The value and the parameters of a law, each with the number of axes that belong to one draw."""
    assert factor.law is not None
    law = factor.law.distribution
    specs = [spec.ndim for spec in law.parameters.values()]
    return [(factor.value, law.event_ndim), *zip(factor.law.parents, specs, strict=True)]


def _places_of_law(factor: Factor, below: Mapping[Any, Places]) -> Places:
    """Places of a law's terms: a batch of terms needs what the same batch of parameters needs."""
    groups = []
    for node, core in _cores(factor):
        slots = below[node].slots if node in below else ()
        if any(n != 1 for s in slots for n in s.shape[s.ndim - core :]):
            raise Tied("depends on several of its elements at once")
        groups.append([padded(s.reshape(s.shape[: s.ndim - core]), factor.term.ndim) for s in slots])
    return united(groups)


def evaluated(factor: Factor, sources: Mapping[Any, np.ndarray], values: Mapping[Any, np.ndarray]) -> tuple[Any, Places]:
    """A factor's term at all values of what it depends on, as `spread` gives it, and its places."""
    places, below, is_law = _followed(factor, sources)
    if not is_law:
        return spread([factor.term], below, values)[0], places
    n, cores = len(places.slots), _cores(factor)
    arrays = spread([node for node, _ in cores], below, values)
    operands = []
    for (node, core), array, route in zip(cores, arrays, places.routes, strict=True):
        if node in below:
            own = filled(array, len(route), node.shape, range(node.ndim - core, node.ndim))
            array = arranged(own, route, n, factor.term.ndim + core)
        operands.append(array)
    assert factor.law is not None
    with detached():
        term = factor.law.distribution.log_prob(*operands)
    if term.ndim != n + factor.term.ndim:
        raise Tied("has a law whose terms cannot be computed for all values at once")
    return term, places


def collected(array: Any, places: np.ndarray, term_shape: Sequence[int], shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The sum of a factor's elements on the element of the latent that each depends on.

    Parameters
    ----------
    array : Tensor, shape (..., *term_shape)
        Log weights with any leading axes; its last axes broadcast to `term_shape`.
    places : int array
        Where each of the factor's elements goes, broadcastable to `term_shape`.
    term_shape, shape : tuple of int
        Shapes of the factor's term and of the latent.

    Returns
    -------
    table : Tensor or None
        Log weights, of shape (..., *shape), the last axes broadcastable to it; None if no element goes anywhere.
    rest : Tensor or None
        The elements that go nowhere, without the leading axes.
    """
    lead = array.ndim - len(term_shape)
    summed = [a for a, n in enumerate(places.shape) if n == 1]
    array = T.sum(filled(array, lead, term_shape, summed), [lead + a for a in summed]) if summed else array
    kept = [n for n in places.shape if n != 1]
    flat = places.ravel()
    if flat.size == math.prod(shape) and (flat == np.arange(flat.size)).all():
        if tuple(kept) == tuple(n for n in shape if n != 1):
            lengths = iter(array.shape[lead:])
            return T.reshape(array, (*array.shape[:lead], *(1 if n == 1 else next(lengths) for n in shape))), None
        return T.reshape(filled(array, lead, kept), (*array.shape[:lead], *shape)), None
    array = filled(array, lead, kept)
    array = T.reshape(array, (*array.shape[:lead], flat.size))
    whole = (slice(None),) * lead
    nowhere, used = np.nonzero(flat == NOWHERE)[0], np.nonzero(flat != NOWHERE)[0]
    rest = array[(*(0,) * lead, nowhere)] if nowhere.size else None
    if not used.size:
        return None, rest
    array = array[(*whole, used)] if nowhere.size else array
    table = T.index_add(T.zeros((*array.shape[:lead], math.prod(shape))), (*whole, flat[used]), array)
    return T.reshape(table, (*array.shape[:lead], *shape)), rest


def add_up(tensors: Sequence[Any]) -> Any:
    """Sum of several tensors that broadcast together."""
    return functools.reduce(T.add, tensors)


def fresh_draw(law: Distribution, parameters: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """A new draw of whole numbers from a law whose parameters are known to be allowed."""
    params = {"shape": shape, "dtype": np.dtype(np.int64)}
    return make(law.operator, parameters, params, token=Token(), kind=RandomVariable)
