"""Distributions as models use them: ``pm.Normal("x", 0, 1, dims="group", observed=y)`` and ``pm.Normal.dist(0, 1)``."""

from __future__ import annotations

import difflib
import inspect
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax._errors import ParameterError, ShapeError
from symjax.core._leaves import Variable, as_tensor, present_shape
from symjax.core._node import Constant, Tensor
from symjax.core._scope import detached
from symjax.core._shapes import is_symbolic
from symjax.core._traverse import toposort
from symjax.pmc_bridge._missing import impute, missing_in
from symjax.pmc_bridge._model import model_of_variables
from symjax.random import transforms
from symjax.random._distribution import Distribution
from symjax.random._draw import RandomVariable

#: Stands for "the default transform of the variable's support".
UNSET = object()
_MODEL_KEYWORDS = ("dims", "observed", "shape", "transform", "default_transform", "initval", "total_size", "size")


class ModelDistribution:
    """A distribution that makes variables of the model in context when called, and variables of no model with `dist`.

    Parameters
    ----------
    family : Distribution
        The law.
    """

    def __init__(self, family: Distribution):
        self.family = family
        self.__name__ = family.name
        self.__doc__ = type(family).__doc__
        parameters = list(inspect.signature(family.parametrize).parameters.values())
        extra = [inspect.Parameter(k, inspect.Parameter.KEYWORD_ONLY, default=None) for k in _MODEL_KEYWORDS]
        name = inspect.Parameter("name", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        plain = [p for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
        only = [p for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
        try:
            self.__signature__ = inspect.Signature([name, *plain, *only, *extra])
        except ValueError:  # a variadic parameter stands in the way; the family's documentation serves
            pass

    def __repr__(self) -> str:
        return f"<pmc_bridge distribution {self.__name__}>"

    def dist(self, *args: Any, shape: Any = None, size: Any = None, name: str | None = None, **kwargs: Any) -> Any:
        """A random variable that belongs to no model, to be part of another distribution or of `draw` and `logp`.

        Parameters
        ----------
        *args, **kwargs
            Parameters of the law.
        shape, size : int or tuple of int, optional
            Shape with or without the axes of one value.
        """
        kwargs.pop("rng", None)
        with detached():
            return self.family(*args, shape=shape, size=size, name=name, **kwargs)

    def __call__(
        self,
        name: str,
        *args: Any,
        rng: Any = None,
        dims: Any = None,
        initval: Any = None,
        observed: Any = None,
        total_size: Any = None,
        transform: Any = UNSET,
        default_transform: Any = UNSET,
        shape: Any = None,
        size: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Make a variable of the model in context.

        Parameters
        ----------
        name : str
            Its name.
        *args, **kwargs
            Parameters of the law.
        dims : str or sequence of str, optional
            A dim for each axis; they give the shape where none is given.
        initval : array-like, optional
            Where sampling starts.
        observed : array-like, optional
            Data.
        total_size : int, optional
            Number of observations that `observed` is a sample of.
        transform : Transform or None, optional
            Map to the real line in addition to the default one; None for no transform.
        default_transform : Transform or None, optional
            Instead of the support's transform.
        shape, size : int or tuple of int, optional
            Shape with or without the axes of one value.

        Raises
        ------
        TypeError
            If no model is in context.
        """
        _check_keywords(self, name, kwargs)
        try:
            model = model_of_variables(None)
        except TypeError:
            raise TypeError(
                f"{self.__name__}({name!r}): no model on the context stack, which a named variable needs. Work inside "
                f"`with pm.Model():`, or make a variable of no model with pm.{self.__name__}.dist(...)."
            ) from None
        full = model.check_name(name)
        mask = missing_in(observed)
        if mask is not None:
            shape = mask.shape if shape is None and size is None else shape
            with detached():
                rv = self.family(*args, shape=shape, size=size, **kwargs)
            return impute(model, full, rv, observed, mask, dims, initval)
        data = None if observed is None else observed_tensor(full, observed)
        is_shaped = shape is not None or size is not None
        if not is_shaped:
            shape = _shape_from(model, full, dims, data)
        with detached():
            rv = self.family(*args, shape=shape, size=size, name=full, **kwargs)
        if data is not None:
            data = _fit_data(rv, data)
        if dims is not None and is_shaped:
            model.dims.add_unknown(dims, rv.shape)
        chosen = None if data is not None else _choose_transform(rv, transform, default_transform)
        if chosen is not None and any(t is not UNSET and t is not None for t in (transform, default_transform)):
            model.user_transformed_RVs.append(rv)
        return model.register_rv(rv, full, observed=data, total_size=total_size, dims=dims, transform=chosen, initval=initval)


def _check_keywords(distribution: ModelDistribution, name: Any, kwargs: dict[str, Any]) -> None:
    known = list(inspect.signature(distribution.family.parametrize).parameters)
    for key in kwargs:
        if key not in known:
            near = difflib.get_close_matches(key, [*known, *_MODEL_KEYWORDS], 1, cutoff=0.0)[0]
            raise ParameterError(
                f"{distribution.__name__}({name!r}): unknown keyword {key!r}. Did you mean {near!r}? It takes {known}."
            )


def observed_tensor(name: str, observed: Any) -> Tensor:
    """Data without missing values as a tensor.

    Raises
    ------
    TypeError
        If they depend on a random variable.
    """
    if isinstance(observed, Tensor):
        drawn = next((n for n in toposort([observed]) if isinstance(n, RandomVariable)), None)
        if drawn is not None:
            raise TypeError(
                f"{name!r}: observed must be data, got an expression of the random variable {drawn.name!r}. Condition on "
                "numbers, or add the log density of the expression with pm.Potential."
            )
        return observed
    return as_tensor(np.ma.getdata(observed) if isinstance(observed, np.ma.MaskedArray) else np.asarray(observed))


def _shape_from(model: Any, name: str, dims: Any, data: Any) -> Any:
    """The shape that dims or data give; None leaves it to the parameters."""
    if dims is None:
        return None if data is None else data.shape
    names = model.dims.as_tuple(dims)
    if data is not None and len(names) == data.ndim:
        # an axis of unknown length keeps it; `None` among the dims leaves the axis to the data
        return tuple(a if d is None or is_symbolic(a) else model.dims.shape(name, d)[0] for a, d in zip(data.shape, names))
    return model.dims.shape(name, names)


def _fit_data(rv: Any, data: Tensor) -> Tensor:
    """Data in the dtype and shape of its variable.

    Raises
    ------
    ShapeError
        If it does not broadcast to the variable's shape.
    TypeError
        If a discrete variable is given data that are not whole numbers.
    """
    now, wanted = present_shape(data.shape), present_shape(rv.shape)
    try:
        fits = np.broadcast_shapes(now, wanted) == wanted
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"{rv.name!r}: observed has shape {now}, the variable {wanted}.")
    _check_whole(rv, data)
    with detached():
        if data.dtype != rv.dtype and data.dtype.kind in ("iub" if rv.dtype.kind == "f" else "b"):
            data = as_tensor(np.asarray(data.value, rv.dtype)) if isinstance(data, Constant) else T.cast(data, rv.dtype)
        return data if now == wanted else T.broadcast_to(data, rv.shape)


def _check_whole(rv: Any, data: Tensor) -> None:
    if rv.dtype.kind not in "iu" or data.dtype.kind != "f" or not isinstance(data, (Constant, Variable)):
        return
    values = np.asarray(data.value)
    broken = np.argwhere(values != np.floor(values))
    if len(broken):
        index = tuple(int(i) for i in broken[0])
        raise TypeError(f"{rv.name!r} is discrete: observed must be whole numbers, got {values[index]} at index {index}.")


def _choose_transform(rv: Any, transform: Any, default_transform: Any) -> Any:
    """The transform of a free variable: the support's, with the user's after it."""
    if rv.dtype.kind != "f":
        return None
    if default_transform is UNSET:
        with detached():
            support = rv.distribution.support(*rv.parents)
            default = transforms.default_transform(support, rv.shape)
    else:
        default = default_transform
    if transform is UNSET:
        return default
    if transform is None or default is None:
        return transform
    return transforms.Chain([default, transform])
