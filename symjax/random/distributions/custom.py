"""Laws that users make of functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import symjax.tensor as T
from symjax._config import config
from symjax._errors import NotDerivableError, ParameterError, ShapeError
from symjax.core._leaves import as_tensor
from symjax.core._scope import detached
from symjax.core._shapes import broadcast_shapes
from symjax.core._traverse import substitute, toposort
from symjax.random import _support as support
from symjax.random._base_law import OWN_KEYWORDS
from symjax.random._constraint import Parameter
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable
from symjax.random._numeric import numerically, on_host
from symjax.tensor._shape_ops import as_shape


@dataclass(frozen=True)
class Recipe:
    """The functions that make a law; each may be missing.

    Attributes
    ----------
    label : str
        Name of the law.
    dist : callable or None
        ``dist(*parameters, size)``: an expression of random variables that has the law.
    random : callable or None
        ``random(*parameters, rng=, size=)``: draws, by NumPy.
    logp, logcdf : callable or None
        ``logp(value, *parameters)`` and ``logcdf(value, *parameters)``, symbolic.
    support_point : callable or None
        ``support_point(variable, size, *parameters)``, symbolic.
    cores : tuple of tuple of str or None
        Names of the axes that a draw uses of each parameter, and at last those of a draw itself; None names an unnamed axis.
    """

    label: str
    dist: Callable[..., Any] | None
    random: Callable[..., Any] | None
    logp: Callable[..., Any] | None
    logcdf: Callable[..., Any] | None
    support_point: Callable[..., Any] | None
    cores: tuple[tuple[str | None, ...], ...]


class CustomOf(Distribution):
    """The law of a recipe; made by `CustomDist`.

    Parameters
    ----------
    recipe : Recipe
        Functions.
    is_discrete : bool
        Whether draws are whole numbers.
    """

    def __init__(self, recipe: Recipe, is_discrete: bool):
        self.recipe = recipe
        self.is_discrete = is_discrete  # type: ignore[misc]
        self.event_ndim = len(recipe.cores[-1])  # type: ignore[misc]
        # a density that a user writes may lack its constant
        self.is_normalized = recipe.logp is None  # type: ignore[misc]
        super().__init__()

    @property
    def name(self) -> str:
        return self.recipe.label

    @property
    def parameters(self) -> Any:  # type: ignore[override]
        return {f"parameter_{i}": Parameter(ndim=len(core)) for i, core in enumerate(self.recipe.cores[:-1])}

    def parametrize(self, *parameters: Any) -> Any:
        return parameters

    def support(self, *parameters: Any) -> support.Support:
        if self.event_ndim:
            return support.Support("discrete_vector" if self.is_discrete else "vector", event_ndim=self.event_ndim)
        return support.integers(None, None) if self.is_discrete else support.real

    def event_shape(self, *shapes: Any) -> Any:
        """From the parameters' axes of the same names; if unnamed, those of the first parameter that has as many."""
        *cores, own = self.recipe.cores
        ends = [shape[len(shape) - len(core) :] for shape, core in zip(shapes, cores, strict=True)]
        known = {name: n for end, core in zip(ends, cores, strict=True) for n, name in zip(end, core, strict=True)}
        if all(name is not None and name in known for name in own):
            return tuple(known[name] for name in own)
        for end in ends:
            if len(end) >= len(own) > 0:
                return tuple(end[len(end) - len(own) :])
        return ()

    def _full_shape(self, label: str, parents: Any, shape: Any, size: Any) -> tuple[Any, ...]:
        if self.recipe.dist is not None:
            return as_shape(shape)
        event = self.event_shape(*(p.shape for p in parents))
        found = super()._full_shape(label, parents, shape, size)
        if len(event) == self.event_ndim:
            return found
        if shape is None:
            raise ShapeError(f"{label}: the shape of one value does not follow from the parameters. Give 'shape' or 'signature'.")
        return as_shape(shape)

    def draw(self, key: Any, shape: Any, dtype: Any, *parameters: Any) -> Any:
        dist, random = self.recipe.dist, self.recipe.random
        if dist is not None:
            return numerically(lambda *p: [dist(*p, tuple(shape))], *parameters, key=key)[0]
        if random is None:
            raise NotDerivableError(f"{self.name} cannot be drawn: give it 'random' or 'dist'.")
        event = self.event_shape(*(np.shape(p) for p in parameters))

        def drawn(words: np.ndarray, *values: np.ndarray) -> np.ndarray:
            found = np.asarray(random(*values, rng=np.random.default_rng(words), size=tuple(shape)))
            if found.shape != (*shape, *event):
                raise ShapeError(f"{self.name}: 'random' gave shape {found.shape} for size={tuple(shape)}, not {(*shape, *event)}.")
            return found

        return on_host(drawn, (*shape, *event), dtype, jax.random.key_data(key), *map(jnp.asarray, parameters))

    def _expression(self, value: Any, parameters: Sequence[Any]) -> Any:
        """An expression that has the law, of the batch shape of a value."""
        assert self.recipe.dist is not None
        return as_tensor(self.recipe.dist(*parameters, tuple(value.shape[: value.ndim - self.event_ndim])))

    def log_density(self, value: Any, *parameters: Any) -> Any:
        from symjax.random.density import logp

        value = as_tensor(value)
        if self.recipe.logp is not None:
            return as_tensor(self.recipe.logp(value, *parameters))
        if self.recipe.dist is None:
            raise NotDerivableError(f"{self.name} has no density: give it 'logp' or 'dist'.")
        return logp(self._expression(value, parameters), value)

    def log_cdf(self, value: Any, *parameters: Any) -> Any:
        from symjax.random.density import logcdf

        value = as_tensor(value)
        if self.recipe.logcdf is not None:
            return as_tensor(self.recipe.logcdf(value, *parameters))
        if self.recipe.dist is None:
            raise NotDerivableError(f"the cdf of {self.name} is not known: give it 'logcdf' or 'dist'.")
        return logcdf(self._expression(value, parameters), value)

    def support_point(self, *parameters: Any) -> Any:
        if self.recipe.dist is not None and self.recipe.support_point is None:
            return _typical(as_tensor(self.recipe.dist(*parameters, None)))
        shapes = [p.shape for p in parameters]
        batch = broadcast_shapes([(), *(s[: len(s) - len(core)] for s, core in zip(shapes, self.recipe.cores, strict=False))])
        zeros = T.zeros((*batch, *self.event_shape(*shapes)), dtype="int64" if self.is_discrete else config.float_dtype)
        return zeros if self.recipe.support_point is None else as_tensor(self.recipe.support_point(zeros, batch, *parameters))


def _typical(expression: Any) -> Any:
    """An expression at typical values of its draws."""
    known: dict[Any, Any] = {}
    for node in toposort([expression]):
        if isinstance(node, RandomVariable):
            parents = substitute(node.parents, known)
            point = as_tensor(node.distribution.support_point(*parents))
            known[node] = T.cast(T.broadcast_to(point, node.shape), node.dtype)
    return substitute([expression], known)[0]


def cores_of(label: str, n: int, signature: str | None, ndims_params: Any, ndim_supp: Any) -> tuple[tuple[str | None, ...], ...]:
    """Names of the axes that a draw uses of each parameter and of the draw's own."""
    if signature is None:
        ndims = [0] * n if ndims_params is None else [int(k) for k in ndims_params]
        if len(ndims) != n:
            raise ParameterError(f"{label}: 'ndims_params' has {len(ndims)} entries for {n} parameters.")
        return tuple((None,) * k for k in (*ndims, int(ndim_supp or 0)))
    before, arrow, after = signature.replace(" ", "").partition("->")
    groups = [tuple(filter(None, g.split(","))) for g in re.findall(r"\(([^)]*)\)", before)]
    groups = [g for g in groups if g not in (("rng",), ("size",))]
    own = [tuple(filter(None, g.split(","))) for g in re.findall(r"\(([^)]*)\)", after)]
    own = [g for g in own if g != ("rng",)]
    if not arrow or len(groups) != n or len(own) != 1:
        raise ParameterError(f"{label}: 'signature' must be like '(),(n)->(n)' with {n} parameters, got {signature!r}.")
    return (*groups, own[0])


class CustomDistDistribution(Distribution):
    """A law given by functions.

    Parameters
    ----------
    *dist_params : tensor-like
        Parameters.
    dist : callable, optional
        ``dist(*dist_params, size)`` gives an expression of random variables that has the law: draws, density and cdf come from it.
    random : callable, optional
        ``random(*dist_params, rng=None, size=None)`` gives draws as a NumPy array; called on the host.
    logp, logcdf : callable, optional
        ``logp(value, *dist_params)``, ``logcdf(value, *dist_params)`` give symbolic log density and log cdf.
    support_point : callable, optional
        ``support_point(rv, size, *dist_params)`` gives a symbolic point where sampling starts; zero by default.
    ndim_supp : int, optional
        Number of axes of one value; 0 by default.
    ndims_params : sequence of int, optional
        Numbers of axes that one value uses of the parameters; 0 by default.
    signature : str, optional
        Both at once, ``"(),(n),(n,n)->(n)"``.
    dtype : str
        Type of the values, where `dist` does not tell it.
    class_name : str, optional
        Name of the law.

    Examples
    --------
    >>> import symjax.random as R, symjax.tensor as T
    >>> law = lambda mu, size: T.exp(R.Normal(mu, 1.0, size=size))
    >>> x = R.CustomDist(0.0, dist=law, name="x")
    >>> round(float(R.logp(x, 2.0).eval()), 4)
    -1.8523
    """

    def parametrize(
        self,
        *dist_params: Any,
        dist: Any = None,
        random: Any = None,
        logp: Any = None,
        logcdf: Any = None,
        support_point: Any = None,
        ndim_supp: int | None = None,
        ndims_params: Sequence[int] | None = None,
        signature: str | None = None,
        dtype: Any = "floatX",
        class_name: str | None = None,
    ) -> Any:
        return dist_params, (dist, random, logp, logcdf, support_point), (signature, ndims_params, ndim_supp), dtype, class_name

    def __call__(self, *args: Any, **kwargs: Any) -> RandomVariable:
        own = {k: kwargs.pop(k) for k in OWN_KEYWORDS if k in kwargs and k != "dtype"}
        label = f"CustomDist({own.get('name')!r})"
        try:
            parameters, functions, axes, dtype, class_name = self.parametrize(*args, **kwargs)
        except TypeError as error:
            raise ParameterError(f"{label}: {error}.") from None
        dist, random, logp = functions[:3]
        if dist is not None and (random is not None):
            raise ParameterError(f"{label}: give 'dist' or 'random', not both.")
        if dist is None and random is None and logp is None:
            raise ParameterError(f"{label}: give 'dist', or 'logp', 'random' or both.")
        cores = cores_of(label, len(parameters), *axes)
        kind = config.float_dtype if dtype == "floatX" else np.dtype(dtype)
        with detached():
            parameters = [as_tensor(p) for p in parameters]
            if dist is not None:
                kind, cores = _traits(label, dist, parameters, cores, own)
        recipe = Recipe(class_name or "CustomDist", *functions, cores=cores)
        return CustomOf(recipe, kind.kind in "iub")(*parameters, **own, dtype=kind)


def _traits(label: str, dist: Any, parameters: Sequence[Any], cores: Any, own: dict[str, Any]) -> tuple[Any, Any]:
    """What an expression tells of its law: the dtype, and how many axes one value has; it gives the shape where none is given."""
    shape, size = own.get("shape"), own.get("size")
    expression = as_tensor(dist(*parameters, None))
    event = expression.distribution.event_ndim if isinstance(expression, RandomVariable) else 0
    # which axes of the parameters are used by one value is the expression's affair
    cores = (*((None,) * p.ndim for p in parameters), cores[-1] or (None,) * event)
    if shape is None and size is None:
        own["shape"] = expression.shape
    elif size is not None:
        own.pop("size")
        own["shape"] = as_tensor(dist(*parameters, as_shape(size))).shape
    if len(cores[-1]) > expression.ndim:
        raise ShapeError(f"{label}: 'dist' gives shape {expression.shape}, too few axes for values with {len(cores[-1])}.")
    return expression.dtype, cores


CustomDist = CustomDistDistribution()
