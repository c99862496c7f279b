"""The model: named random variables, their dims, values and transforms."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symjax.core._function import function
from symjax.core._gradient import gradients, hessians
from symjax.core._leaves import Placeholder, Variable, present_shape
from symjax.core._scope import detached
from symjax.core._traverse import flatten, substitute, toposort
from symjax.pmc_bridge._dims import Dims
from symjax.pmc_bridge._from_pymc import from_pymc, is_pymc_model, pymc_model_in_context

_LOCAL = threading.local()
#: Stands for "the model of the ``with`` statement around, if there is one".
_IN_CONTEXT: Any = object()


def _stack() -> list[Model]:
    if not hasattr(_LOCAL, "models"):
        _LOCAL.models = []
    return _LOCAL.models


def models_in_context() -> tuple[Model, ...]:
    """The models of the ``with`` statements around, the innermost last."""
    return tuple(_stack())


def modelcontext(model: Model | None = None) -> Model:
    """The given model, or that of the ``with`` statement around; one of PyMC's is translated.

    Raises
    ------
    TypeError
        If there is neither.
    """
    theirs = pymc_model_in_context() if model is None and not _stack() else model
    return from_pymc(theirs) if is_pymc_model(theirs) else model_of_variables(model)


def model_of_variables(model: Model | None = None) -> Model:
    """The given model, or that of the ``with`` statement around, to be changed.

    Raises
    ------
    TypeError
        If there is neither, or it is one of PyMC's.
    """
    theirs = pymc_model_in_context() if model is None and not _stack() else model
    if is_pymc_model(theirs):
        raise TypeError("the model in context is one of PyMC's: change it with PyMC's functions, or translate it with from_pymc.")
    if model is not None:
        return model
    if not _stack():
        raise TypeError("no model on the context stack: work inside `with pm.Model():`, or pass `model=`.")
    return _stack()[-1]


def _checked_name(name: str) -> str:
    if name.endswith(":"):
        raise KeyError(f"a name must not end with a colon, which parts the names of nested models; got {name!r}.")
    return name


class _MadeInContext(type):
    """The type of models: variables made in the ``__init__`` of a subclass belong to the model that is being made."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        kind: Any = cls
        model = kind.__new__(kind)
        with model:
            model.__init__(*args, **kwargs)
        return model


class Model(metaclass=_MadeInContext):
    """A probabilistic model; random variables made within ``with Model() as model:`` belong to it.

    Parameters
    ----------
    name : str
        Prefix of the names of its variables, as ``name::x``.
    coords : mapping of str to sequence, optional
        Coordinate values by dim; their number is the dim's length.
    check_bounds : bool
        Accepted for compatibility: supports and parameters are always checked.
    model : Model, optional
        The model that this one is part of: that of the ``with`` statement around by default, none for None.

    Attributes
    ----------
    free_RVs, observed_RVs : list of RandomVariable
        Random variables without and with data.
    deterministics, potentials : list of Tensor
        Named expressions, and terms added to the log density.
    data_vars : list of Variable
        Data made with `Data`.
    rvs_to_values, rvs_to_transforms : dict
        For each random variable its value (unconstrained for a free one, the data of an observed one) and its transform or None.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model(coords={"group": ["a", "b"]}) as model:
    ...     mu = pm.Normal("mu", 0.0, 1.0, dims="group")
    >>> mu.shape
    (2,)
    """

    def __init__(
        self, name: str = "", coords: Mapping[str, Any] | None = None, check_bounds: bool = True, *, model: Any = _IN_CONTEXT
    ):
        around = [m for m in _stack() if m is not self]
        self.parent: Model | None = (around[-1] if around else None) if model is _IN_CONTEXT else model
        self.name = _checked_name(name)
        self.check_bounds = check_bounds
        if self.parent is None:
            self.named_vars: dict[str, Any] = {}
            self.free_RVs: list[Any] = []
            self.observed_RVs: list[Any] = []
            self.deterministics: list[Any] = []
            self.potentials: list[Any] = []
            self.data_vars: list[Variable] = []
            self.rvs_to_values: dict[Any, Any] = {}
            self.rvs_to_transforms: dict[Any, Any] = {}
            self.rvs_to_initial_values: dict[Any, Any] = {}
            self.rvs_to_total_sizes: dict[Any, Any] = {}
            self.imputed: dict[str, np.ndarray] = {}
            self.marginalized_RVs, self.lost_deterministics, self.user_transformed_RVs = [], [], []
            self.dims = Dims()
        else:
            for shared, value in vars(self.parent).items():
                if isinstance(value, (list, dict, Dims)):
                    setattr(self, shared, value)
        self.add_coords(coords or {})

    @property
    def root(self) -> Model:
        """The model that this one is part of in the end, or itself."""
        return self if self.parent is None else self.parent.root

    def copy(self) -> Model:
        """A copy with its own data; variables added to it, and data set, do not touch the original."""
        from symjax.pmc_bridge._interventions import copy_of

        return copy_of(self)

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> Model:
        return self.copy()

    def __enter__(self) -> Model:
        _stack().append(self)
        return self

    def __exit__(self, *error: Any) -> None:
        _stack().pop()

    # Dims -----------------------------------------------------------------------------------------------------------------

    @property
    def coords(self) -> dict[str, tuple[Any, ...] | None]:
        """Coordinate values by dim; None for a dim without."""
        return dict(self.dims.coords)

    @property
    def dim_lengths(self) -> dict[str, int]:
        """Length of each dim."""
        return dict(self.dims.lengths)

    @property
    def named_vars_to_dims(self) -> dict[str, tuple[str | None, ...]]:
        """Dims of each variable that has them."""
        return self.dims.of_variables

    def add_coord(self, name: str, values: Any = None, *, length: int | None = None) -> None:
        """Add a dim with its coordinate values, or with a length alone."""
        self.dims.add(name, values, length)

    def add_coords(self, coords: Mapping[str, Any], *, lengths: Mapping[str, int] | None = None) -> None:
        """Add several dims."""
        for name, values in coords.items():
            self.add_coord(name, values, length=(lengths or {}).get(name))

    # Variables ------------------------------------------------------------------------------------------------------------

    def name_for(self, name: str) -> str:
        """The full name of a variable, the prefixes of nested models in front."""
        prefix = self.prefix
        return f"{prefix}::{name}" if prefix and not name.startswith(f"{prefix}::") else name

    @property
    def prefix(self) -> str:
        """Names of this model and those around it."""
        parts = [p for p in (self.parent.prefix if self.parent is not None else "", self.name) if p]
        return "::".join(parts)

    def check_name(self, name: str) -> str:
        """The full name of a new variable.

        Raises
        ------
        ValueError
            If the model has a variable of that name.
        TypeError
            If the name is not a string.
        KeyError
            If the name ends with a colon, which parts the names of nested models.
        """
        if not isinstance(name, str):
            raise TypeError(f"the first argument must be the variable's name, a string, got {name!r}.")
        full = self.name_for(_checked_name(name))
        if full in self.named_vars:
            raise ValueError(f"Variable name {full} already exists: the model has a variable {full!r}; choose another name.")
        if full in self.dims.lengths and self.dims.coords.get(full) is not None and full not in self.dims.of_variables:
            raise ValueError(f"{full!r} is the name of a dim; a variable needs another name, or results could not hold both.")
        return full

    def add_named_variable(self, variable: Any, dims: Any = None) -> None:
        """Make a named tensor part of the model."""
        self.named_vars[variable.name] = variable
        if dims is not None:
            self.dims.bind(variable.name, dims, variable.shape)

    def register_rv(
        self,
        rv: Any,
        name: str,
        *,
        observed: Any = None,
        total_size: Any = None,
        dims: Any = None,
        transform: Any = None,
        initval: Any = None,
    ) -> Any:
        """Make a random variable part of the model: observed if data is given, free if not.

        Parameters
        ----------
        rv : RandomVariable
            Named `name`.
        name : str
            Full name.
        observed : Tensor, optional
            Data, of the variable's shape.
        total_size : int, optional
            Number of observations that the data is a sample of; the log density is scaled accordingly.
        dims : sequence of str, optional
            Dims, one for each axis.
        transform : Transform, optional
            Map of a free variable to the real line.
        initval : array-like, Tensor or {"support_point", "moment", "prior"}, optional
            Where sampling starts.
        """
        self.add_named_variable(rv, dims)
        self.rvs_to_total_sizes[rv] = total_size
        if observed is not None:
            self.rvs_to_values[rv] = observed
            self.rvs_to_transforms[rv] = None
            self.observed_RVs.append(rv)
            return rv
        with detached():
            if transform is None:
                value = Placeholder(rv.shape, rv.dtype, name=name)
            else:
                value = Placeholder(transform.unconstrained_shape(rv.shape), rv.dtype, name=f"{name}_{transform.name}__")
        self.rvs_to_values[rv] = value
        self.rvs_to_transforms[rv] = transform
        self.rvs_to_initial_values[rv] = initval
        self.free_RVs.append(rv)
        return rv

    def __getattr__(self, name: str) -> Any:
        # a variable, where it is no attribute; a model that is being made has none yet
        if "named_vars" in vars(self) and name in self:
            return self[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute or variable {name!r}", name=name, obj=self)

    def __getitem__(self, key: str) -> Any:
        # a variable of a nested model comes before one of the same name of the models around it
        for name in (self.name_for(key), key):
            if name in self.named_vars:
                return self.named_vars[name]
        near = difflib.get_close_matches(key, self.named_vars, 1, cutoff=0.0)
        raise KeyError(f"the model has no variable {key!r}; did you mean {near[0] if near else None!r}?")

    def __contains__(self, key: str) -> bool:
        return key in self.named_vars or self.name_for(key) in self.named_vars

    @property
    def basic_RVs(self) -> list[Any]:
        """Free random variables, and observed ones after them."""
        return [*self.free_RVs, *self.observed_RVs]

    @property
    def unobserved_RVs(self) -> list[Any]:
        """Free random variables, then deterministics."""
        return [*self.free_RVs, *self.deterministics]

    @property
    def values_to_rvs(self) -> dict[Any, Any]:
        """The random variable of each value."""
        return {v: rv for rv, v in self.rvs_to_values.items()}

    @property
    def value_vars(self) -> list[Any]:
        """Values of the free random variables, unconstrained."""
        return [self.rvs_to_values[rv] for rv in self.free_RVs]

    @property
    def continuous_value_vars(self) -> list[Any]:
        """Values of the continuous free random variables."""
        return [v for v in self.value_vars if v.dtype.kind == "f"]

    @property
    def discrete_value_vars(self) -> list[Any]:
        """Values of the discrete free random variables."""
        return [v for v in self.value_vars if v.dtype.kind != "f"]

    @property
    def unobserved_value_vars(self) -> list[Any]:
        """What the draws of a point are: values, the variables on their supports, and deterministics, as expressions of values."""
        from symjax.pmc_bridge._joint import constrained_values

        constrained = constrained_values(self)
        found = [v for rv in self.free_RVs for v in dict.fromkeys((self.rvs_to_values[rv], constrained[rv]))]
        return found + self.replace_rvs_by_values(self.deterministics)

    def replace_rvs_by_values(self, graphs: Sequence[Any]) -> list[Any]:
        """Expressions of random variables as expressions of their value variables and data."""
        from symjax.pmc_bridge._joint import constrained_values

        return substitute(graphs, constrained_values(self))

    # Densities ------------------------------------------------------------------------------------------------------------

    def logp(self, vars: Any = None, jacobian: bool = True, sum: bool = True) -> Any:
        """The log density as an expression of the value variables.

        Parameters
        ----------
        vars : variable or list of variables, optional
            Random variables and potentials whose terms are wanted; all by default.
        jacobian : bool
            Whether the density is that of the unconstrained values.
        sum : bool
            Whether to return the scalar sum; a list of terms if not, in the order of `vars`.

        Raises
        ------
        ValueError
            If one of `vars` is neither a random variable nor a potential of the model.
        """
        from symjax.pmc_bridge._joint import joint_terms, total

        terms = joint_terms(self, jacobian=jacobian)
        if vars is None:
            found = list(terms.values())
        else:
            names = [getattr(v, "name", v) for v in (vars if isinstance(vars, (list, tuple)) else [vars])]
            unknown = next((n for n in names if n not in terms), None)
            if unknown is not None:
                raise ValueError(f"logp: {unknown!r} is no random variable or potential of the model, which has {list(terms)}.")
            found = [terms[n] for n in names]
        return total(found) if sum else found

    @property
    def varlogp(self) -> Any:
        """The log density of the free variables, with the log-Jacobians."""
        return self.logp(self.free_RVs)

    @property
    def observedlogp(self) -> Any:
        """The log density of the observed variables given the others."""
        return self.logp(self.observed_RVs)

    @property
    def potentiallogp(self) -> Any:
        """The sum of the potentials."""
        return self.logp(self.potentials)

    def compile_fn(self, outs: Any, inputs: Sequence[Any] | None = None, point_fn: bool = True, **kwargs: Any) -> Any:
        """A compiled function of a point, a dict of values by name, or of the inputs by position if not `point_fn`.

        The inputs are by default those value variables that `outs` depend on.
        """
        if inputs is None:
            cone = set(toposort(flatten(outs)[0]))
            inputs = [v for v in self.value_vars if v in cone]
        found = list(inputs)
        compiled = function(*found, outputs=outs)
        if not point_fn:
            return compiled

        def of_point(point: Mapping[str, Any]) -> Any:
            missing = [v.name for v in found if v.name not in point]
            if missing:
                raise KeyError(f"the point lacks the values of {missing}; it has {sorted(point)}.")
            return compiled(*(np.asarray(point[v.name], v.dtype) for v in found))

        return of_point

    def compile_logp(self, vars: Any = None, jacobian: bool = True, sum: bool = True, **kwargs: Any) -> Any:
        """The compiled log density, a function of a point."""
        return self.compile_fn(self.logp(vars, jacobian, sum))

    def _derivative_variables(self, vars: Any) -> list[Any]:
        if vars is None:
            return self.continuous_value_vars
        return [self.rvs_to_values.get(v, v) for v in (vars if isinstance(vars, (list, tuple)) else [vars])]

    def dlogp(self, vars: Any = None, jacobian: bool = True) -> Any:
        """The gradient of the log density by continuous value variables, raveled and joined."""
        from symjax.tensor import concatenate

        found = gradients(self.logp(jacobian=jacobian), self._derivative_variables(vars))
        return concatenate([g.ravel() for g in found])

    def compile_dlogp(self, vars: Any = None, jacobian: bool = True, **kwargs: Any) -> Any:
        """The compiled gradient, a function of a point."""
        return self.compile_fn(self.dlogp(vars, jacobian))

    def d2logp(self, vars: Any = None, jacobian: bool = True, negate_output: bool = True) -> Any:
        """The matrix of second derivatives by the raveled value variables, negated as PyMC has it."""
        from symjax.pmc_bridge._joint import flat_log_density

        if vars is not None and len(self._derivative_variables(vars)) != len(self.continuous_value_vars):
            raise ValueError("d2logp: second derivatives are by all continuous variables together; leave `vars` out.")
        flat, joined, density = flat_log_density(self, jacobian=jacobian)
        [found] = substitute([hessians(density, flat)], {flat: joined})
        return -found if negate_output else found

    def compile_d2logp(self, vars: Any = None, jacobian: bool = True, negate_output: bool = True, **kwargs: Any) -> Any:
        """The compiled second derivatives, a function of a point."""
        return self.compile_fn(self.d2logp(vars, jacobian, negate_output))

    def initial_point(self, random_seed: Any = None, *, overrides: Mapping[str, Any] | None = None) -> dict[str, np.ndarray]:
        """Where sampling starts: values by the names of the value variables."""
        from symjax.pmc_bridge._initial import initial_point

        return initial_point(self, random_seed, overrides or {})

    def point_logps(self, point: Mapping[str, Any] | None = None, round_vals: int = 2, **kwargs: Any) -> dict[str, Any]:
        """The log density of each random variable and potential at a point, the initial one by default."""
        from symjax.pmc_bridge._joint import joint_terms

        at = self.initial_point() if point is None else point
        terms = {name: t.sum() for name, t in joint_terms(self).items()}
        values = self.compile_fn(list(terms.values()))(at)
        return {name: np.round(float(v), round_vals) for name, v in zip(terms, values, strict=True)}

    def debug(self, point: Mapping[str, Any] | None = None, fn: str = "logp", verbose: bool = False) -> None:
        """Print which variables have a density that is not finite at a point, with their parameters."""
        from symjax.pmc_bridge._debug import debug

        debug(self, point, fn, verbose)

    def set_data(self, name: str, values: Any, coords: Mapping[str, Any] | None = None) -> None:
        """Replace the values of a `Data` variable; its axes may change their lengths, the dims' coordinates with them."""
        from symjax.pmc_bridge._data import replace_data

        replace_data(self, name, values, coords or {})

    def eval_rv_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the free variables and of their value variables, by name."""
        found: dict[str, tuple[int, ...]] = {}
        for rv in self.free_RVs:
            for v in (rv, self.rvs_to_values[rv]):
                found[v.name] = present_shape(v.shape)
        return found

    def str_repr(self, formatting: str = "plain", include_params: bool = True) -> str:
        """The model as text: a line for each variable."""
        from symjax.pmc_bridge._print import model_text

        return model_text(self, formatting, include_params)

    __str__ = str_repr

    def __repr__(self) -> str:
        return self.str_repr() or f"<empty model {self.name!r}>"

    def to_graphviz(self, **kwargs: Any) -> Any:
        """The model's graph; see `model_to_graphviz`."""
        from symjax.pmc_bridge._graph import model_to_graphviz

        return model_to_graphviz(self, **kwargs)
