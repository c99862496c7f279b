"""Approximations of a model's posterior: laws on the unconstrained space, and their draws as trees of the model's variables."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import jax
import numpy as np

from symjax import variational
from symjax.core._leaves import Variable, present_shape
from symjax.core._scope import detached
from symjax.pmc_bridge._arviz import coords_of
from symjax.pmc_bridge._compile import CompiledModel
from symjax.pmc_bridge._fit_target import compile_target, data_of, posterior_of, unconstrained_draws
from symjax.pmc_bridge._forward import seed_of
from symjax.pmc_bridge._model import modelcontext
from symjax.tensor import jax_wrap

#: For each name of a family the class, and the standard deviation of its first member, which is that of PyMC's.
_FAMILIES: dict[str, tuple[Any, float]] = {
    "mean_field": (variational.MeanField, np.log(2.0)),
    "full_rank": (variational.FullRank, np.log1p(np.e)),
    "empirical": (variational.Empirical, 1.0),
}
_ALIASES = {"mf": "mean_field", "fr": "full_rank"}
_BY_PARAMETERS = {("mu", "rho"): "mean_field", ("L_tril", "mu"): "full_rank", ("histogram",): "empirical"}


class Group:
    """Variables of a model whose approximation has a family of its own, independent of the others.

    Parameters
    ----------
    group : list of random variables, optional
        The variables; all that no other group has if not given.
    vfam : {"mean_field", "mf", "full_rank", "fr", "empirical"}, optional
        The family.
    params : dict of str to array, optional
        Parameters to start at, whose names tell the family: ``mu`` and ``rho``, ``mu`` and ``L_tril``, or ``histogram``.
    random_seed : int, optional
        Seed of the fit.
    model : Model, optional
        The model in context by default.
    start : dict, optional
        Values by variable name that the mean starts at.
    start_sigma : dict, optional
        Standard deviations by variable name, of the unconstrained values.
    size : int, optional
        Number of particles of the empirical family.
    jitter : float
        Standard deviation of the particles about their start.

    Raises
    ------
    TypeError
        If not just one of `vfam` and `params` is given.
    KeyError
        If there is no such family.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x, y = pm.Normal("x", 0.0, 1.0), pm.Normal("y", 0.0, 1.0, shape=2)
    ...     approx = pm.Approximation([pm.Group([y], vfam="fr"), pm.Group(None, vfam="mf")])
    >>> approx.ddim
    3
    """

    def __init__(
        self,
        group: Sequence[Any] | None = None,
        vfam: str | None = None,
        params: Mapping[str, Any] | None = None,
        random_seed: Any = None,
        model: Any = None,
        *,
        start: Mapping[str, Any] | None = None,
        start_sigma: Mapping[str, Any] | None = None,
        size: int | None = None,
        jitter: float = 1.0,
    ):
        if (vfam is None) == (params is None):
            raise TypeError("Group takes a family, `vfam`, or parameters that tell it, `params`: just one of them.")
        self.group, self.model = group, modelcontext(model)
        self.vfam = _family_name(vfam, params)
        self.random_seed, self.start, self.start_sigma = random_seed, start, start_sigma
        self.params_dict: dict[str, Variable] = {}
        self._given, self._size, self._jitter = params, size, jitter

    def family(self, size: int) -> Any:
        """The family on R^size.

        Raises
        ------
        ValueError
            If a number of particles is needed and not given.
        """
        make, _ = _FAMILIES[self.vfam]
        if self.vfam != "empirical":
            return make(size)
        n = self._size if self._given is None else len(np.asarray(self._given["histogram"]))
        if n is None or n < 1:
            raise ValueError(f"an empirical approximation needs a `trace`, or a `size` of at least 1; got size={n}.")
        return make(size, n)

    def begin(self, family: Any, mean: np.ndarray, sigma: Mapping[int, float], seed: int) -> None:
        """Make the parameters.

        Parameters
        ----------
        family : Family
            What `family` gave.
        mean : array, shape (size,)
            Mean of the first member.
        sigma : mapping of int to float
            Standard deviations other than the family's first, by coordinate.
        seed : int
            Seed of particles.

        Raises
        ------
        ValueError
            If a given parameter does not have its shape.
        """
        std = np.full(family.size, _FAMILIES[self.vfam][1] * (self._jitter if self.vfam == "empirical" else 1.0))
        std[list(sigma)] = list(sigma.values())
        values = family.start(mean, std, np.random.default_rng(seed)) if self._given is None else self._given
        for name, shape in family.shapes().items():
            value = np.asarray(getattr(values[name], "value", values[name]), np.float64)
            if value.shape != shape:
                raise ValueError(f"the parameter {name!r} of a group must have shape {shape}, got {value.shape}.")
            self.params_dict[name] = Variable(value, name=name, register=False)


def _family_name(vfam: str | None, params: Mapping[str, Any] | None) -> str:
    if params is not None:
        found = _BY_PARAMETERS.get(tuple(sorted(params)))
        if found is None:
            raise KeyError(f"no family has the parameters {sorted(params)}; known are {[list(k) for k in _BY_PARAMETERS]}.")
        return found
    name = _ALIASES.get(str(vfam).lower(), str(vfam).lower())
    if name not in _FAMILIES:
        raise KeyError(f"vfam must be one of {[*_FAMILIES, *_ALIASES]}, got {vfam!r}.")
    return name


class Approximation:
    """A law on the unconstrained values of a model's free variables.

    Parameters
    ----------
    groups : sequence of Group
        Independent parts; together they hold every free variable once.
    model : Model, optional
        The groups' model by default.

    Attributes
    ----------
    hist : numpy.ndarray
        Losses of the fits: negative evidence lower bounds.
    mean, cov, std : Tensor
        Moments of the unconstrained values, as expressions of the parameters; ``.eval()`` gives their present values.

    Raises
    ------
    ValueError
        If a variable is in no group or in two, is discrete, or the model has none.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     approx = pm.MeanField(start={"x": 0.5})
    >>> approx.mean.eval().tolist()
    [0.5]
    """

    def __init__(self, groups: Iterable[Group], model: Any = None):
        self.groups = list(groups)
        self.model = self.groups[0].model if model is None and self.groups else modelcontext(model)
        self.hist = np.zeros(0)
        self.compiled, self._made_of = compile_target(self.model), (1.0, *data_of(self.model))
        self.seed = seed_of(next((g.random_seed for g in self.groups if g.random_seed is not None), None))
        self.family = variational.Product(tuple(self._blocks()))

    def _blocks(self) -> Iterable[tuple[Any, tuple[int, ...]]]:
        """The family and the coordinates of each group, whose parameters are made."""
        by_value = {v.name: range(v.start, v.stop) for v in self.compiled.target.variables}
        coordinates = {rv: by_value[self.model.rvs_to_values[rv].name] for rv in self.compiled.plan.remaining}
        for group, variables in zip(self.groups, self._members(list(coordinates)), strict=True):
            at = [i for rv in variables for i in coordinates[rv]]
            place = {rv: range(k, k + len(coordinates[rv])) for rv, k in zip(variables, _starts(variables, coordinates))}
            family = group.family(len(at))
            point = self.model.initial_point(self.seed, overrides=dict(group.start or {}))
            mean, _ = self.compiled.flatten(point)
            group.group = variables
            group.begin(family, mean[at], self._sigma(group, place), self.seed)
            yield family, tuple(at)

    def _members(self, variables: list[Any]) -> list[list[Any]]:
        """The variables of each group, those of one without a list being the rest."""
        taken = [self._named(rv) for group in self.groups for rv in group.group or ()]
        rest = [rv for rv in variables if rv not in taken]
        open_groups = [g for g in self.groups if g.group is None]
        if len(open_groups) > 1 or len(set(taken)) < len(taken) or (rest and not open_groups) or (open_groups and not rest):
            raise ValueError(
                "groups must hold every free variable once, and one of them at most may be for all others: got "
                f"{[[v.name for v in map(self._named, g.group)] if g.group is not None else None for g in self.groups]} for the "
                f"variables {[rv.name for rv in variables]}."
            )
        return [rest if group.group is None else [self._named(rv) for rv in group.group] for group in self.groups]

    def _named(self, variable: Any) -> Any:
        found = self.model[variable] if isinstance(variable, str) else variable
        if found not in set(self.compiled.plan.remaining):
            raise ValueError(f"{getattr(found, 'name', found)!r} is no free variable of the model that an approximation can have.")
        return found

    def _sigma(self, group: Group, place: Mapping[Any, range]) -> dict[int, float]:
        """Standard deviations by coordinate of the group."""
        names = {n: rv for rv in place for n in (rv.name, self.model.rvs_to_values[rv].name)}
        found: dict[int, float] = {}
        for name, sigma in (group.start_sigma or {}).items():
            if name not in names:
                near = difflib.get_close_matches(name, names, 1, cutoff=0.0)
                raise KeyError(f"start_sigma: {name!r} is no variable of the approximation; did you mean {near[0]!r}?")
            at = place[names[name]]
            values = np.broadcast_to(np.ravel(np.asarray(sigma, np.float64)), len(at)) if np.size(sigma) in (1, len(at)) else None
            if values is None or not np.all(np.isfinite(values) & (values > 0)):
                raise ValueError(f"start_sigma: {name!r} needs one or {len(at)} positive numbers, got {sigma!r}.")
            found.update(zip(at, values.tolist(), strict=True))
        return found

    def compile(self, beta: float = 1.0) -> CompiledModel:
        """The model's density with its data as they are now, the prior to the power of `beta`.

        Raises
        ------
        ValueError
            If the model's variables are not those that the approximation was made for.
        """
        made_of = (beta, *data_of(self.model))
        if len(made_of) != len(self._made_of) or any(a is not b for a, b in zip(made_of, self._made_of, strict=True)):
            compiled = compile_target(self.model, beta)
            if compiled.target.variables != self.compiled.target.variables:
                raise ValueError("the model's free variables or their shapes have changed: make the approximation anew.")
            self.compiled, self._made_of = compiled, made_of
        return self.compiled

    # Parameters -----------------------------------------------------------------------------------------------------------

    @property
    def params(self) -> list[Variable]:
        """The parameters of all groups as variables; ``.get_value()`` gives their values."""
        return [v for group in self.groups for v in group.params_dict.values()]

    @property
    def values(self) -> tuple[dict[str, np.ndarray], ...]:
        """The parameters' present values, as the family takes them."""
        return tuple({k: v.get_value() for k, v in group.params_dict.items()} for group in self.groups)

    def store(self, values: Sequence[Mapping[str, Any]]) -> None:
        """Replace the parameters' values."""
        for group, found in zip(self.groups, values, strict=True):
            for name, variable in group.params_dict.items():
                variable.update(np.asarray(found[name]))

    def _moment(self, function: Any) -> Any:
        with detached():
            return jax_wrap(function)(tuple(group.params_dict for group in self.groups))

    @cached_property
    def mean(self) -> Any:
        return self._moment(self.family.mean)

    @cached_property
    def cov(self) -> Any:
        return self._moment(self.family.cov)

    @cached_property
    def std(self) -> Any:
        return self._moment(self.family.std)

    @property
    def ddim(self) -> int:
        """Dimension of the unconstrained space."""
        return self.family.size

    ndim = ddim

    @property
    def ordering(self) -> dict[str, slice]:
        """For each value variable its slice of the moments."""
        return {v.name: slice(v.start, v.stop) for v in self.compiled.target.variables}

    def _dataset(self, values: np.ndarray) -> Any:
        """One number for each coordinate as a Dataset of value variables, with the model's dims where these have their shape."""
        from arviz_base import dict_to_dataset

        found, dims = {}, {}
        for value in self.model.value_vars:
            found[value.name] = values[self.ordering[value.name]].reshape(present_shape(value.shape))
            dims[value.name] = self.model.named_vars_to_dims.get(value.name)
        known = {name: d for name, d in dims.items() if d is not None and None not in d}
        return dict_to_dataset(found, sample_dims=[], dims=known, coords=coords_of(self.model))

    @property
    def mean_data(self) -> Any:
        """The present mean as a Dataset of value variables."""
        return self._dataset(self.mean.eval())

    @property
    def std_data(self) -> Any:
        """The present standard deviations as a Dataset of value variables."""
        return self._dataset(self.std.eval())

    # Draws ----------------------------------------------------------------------------------------------------------------

    def positions(self, draws: int, random_seed: Any = None) -> np.ndarray:
        """Draws of the unconstrained values, of shape (draws, ddim)."""
        with jax.enable_x64(True):
            return np.asarray(self.family.sample(self.values, jax.random.key(seed_of(random_seed)), draws))

    def sample(self, draws: int = 500, *, random_seed: Any = None, return_inferencedata: bool = True) -> Any:
        """Draws of the model's free variables and deterministics.

        Parameters
        ----------
        draws : int
            Number of draws.
        random_seed : int or generator, optional
            Seed.
        return_inferencedata : bool
            Whether to return a DataTree; a dict of arrays with a leading axis of length `draws` if not.

        Returns
        -------
        xarray.DataTree or dict of str to array
            Group ``posterior``, of one chain.

        Raises
        ------
        ValueError
            If `draws` is not positive.
        """
        if draws < 1:
            raise ValueError(f"sample: draws must be at least 1, got {draws}.")
        seed = seed_of(random_seed)
        positions = self.positions(draws, seed)[None]
        return posterior_of(self.model, self.compiled, positions, seed, return_inferencedata=return_inferencedata)

    def __repr__(self) -> str:
        return f"Approximation{{{' & '.join(f'{g.vfam}[{f.size}]' for g, (f, _) in zip(self.groups, self.family.blocks))}}}"


class MeanField(Approximation):
    """Independent normals, one for each unconstrained value; arguments as of `Group`.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.HalfNormal("x", 1.0)
    ...     approx = pm.MeanField(start_sigma={"x": 0.25})
    >>> approx.std.eval().round(6).tolist()
    [0.25]
    """

    def __init__(self, *, model: Any = None, params: Any = None, **settings: Any):
        super().__init__([_single("mean_field", params, model, settings)])


class FullRank(Approximation):
    """A normal law of all unconstrained values together; arguments as of `Group`."""

    def __init__(self, *, model: Any = None, params: Any = None, **settings: Any):
        super().__init__([_single("full_rank", params, model, settings)])


class Empirical(Approximation):
    """Particles: those of posterior draws, or `size` ones about the start for SVGD to move.

    Parameters
    ----------
    trace : xarray.DataTree, optional
        Posterior draws of all free variables.
    size : int, optional
        Number of particles, without a trace.
    model : Model, optional
        The model in context by default.
    **settings
        As of `Group`.
    """

    def __init__(self, trace: Any = None, size: int | None = None, *, model: Any = None, params: Any = None, **settings: Any):
        model = modelcontext(model)
        if trace is not None:
            params = {"histogram": unconstrained_draws(model, trace)}
        super().__init__([_single("empirical", params, model, settings | {"size": size})])


def _single(vfam: str, params: Any, model: Any, settings: Mapping[str, Any]) -> Group:
    """The one group of an approximation that has no other."""
    return Group(None, vfam if params is None else None, params, model=model, **settings)


def _starts(variables: Sequence[Any], coordinates: Mapping[Any, range]) -> list[int]:
    return [0, *np.cumsum([len(coordinates[rv]) for rv in variables]).tolist()[:-1]]


def sample_approx(approx: Approximation, draws: int = 100, include_transformed: bool = True, *, random_seed: Any = None) -> Any:
    """Draws of an approximation, as its method `sample` makes them.

    Parameters
    ----------
    approx : Approximation
        The approximation.
    draws : int
        Number of draws.
    include_transformed : bool
        Accepted for compatibility; `Approximation.positions` gives unconstrained values.
    random_seed : int or generator, optional
        Seed.

    Returns
    -------
    xarray.DataTree
        Group ``posterior``, of one chain.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.HalfNormal("x", 1.0)
    ...     tree = pm.sample_approx(pm.MeanField(), 10, random_seed=1)
    >>> tree.posterior["x"].shape, bool((tree.posterior["x"] > 0).all())
    ((1, 10), True)
    """
    return approx.sample(draws, random_seed=random_seed)
