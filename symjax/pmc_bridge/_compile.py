"""From a model to what samplers run: a log density of a flat position, and the way back to the model's variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from symjax._config import config
from symjax._errors import SamplingError
from symjax.core._keys import KeyStream
from symjax.core._leaves import as_tensor
from symjax.core._lower import lower
from symjax.core._node import Constant
from symjax.core._scope import detached
from symjax.core._traverse import substitute
from symjax.pmc_bridge._forward import Forward
from symjax.pmc_bridge._joint import layout, total
from symjax.pmc_bridge._plan import ModelPlan, Unconstrained, log_density, plan_posterior
from symjax.pmc_bridge._reparametrize import reparametrize
from symjax.pmc_bridge._strength import reduce_strength
from symjax.rewrite import canonicalize
from symjax.sampling import DiscreteVariable, FlatVariable, LogDensity


@dataclass(frozen=True)
class CompiledModel:
    """A model's log density and the way back to its variables, ready for sampling.

    Attributes
    ----------
    target : LogDensity
        The density of the unconstrained values of the variables that are left to sample.
    plan : ModelPlan
        What was done to the model before.
    """

    target: LogDensity
    plan: ModelPlan
    _continuous: tuple[Unconstrained, ...]
    _discrete: tuple[Unconstrained, ...]

    @property
    def is_exact(self) -> bool:
        """Whether nothing is left to sample: the posterior is known in closed form."""
        return not self._continuous and not self._discrete

    def refuse_atoms(self) -> None:
        """Check that no variable left to sample has values of positive probability beside a density.

        Raises
        ------
        SamplingError
            Naming the first such variable.
        """
        for unit in self._continuous:
            if unit.latent.draw.distribution.has_atoms:
                raise SamplingError(
                    f"{unit.latent.draw.name!r} has values of positive probability beside a density, which no sampler here "
                    "visits. Observe it, or make it a mixture over a discrete variable of the model."
                )

    def flatten(self, point: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """The flat continuous and discrete values of a point."""
        parts: list[np.ndarray] = []
        for variables, dtype in ((self._continuous, config.float_dtype), (self._discrete, np.int64)):
            flat = [np.asarray(point[u.variable.name], dtype).ravel() for u in variables]
            parts.append(np.concatenate(flat) if flat else np.zeros(0, dtype))
        return parts[0], parts[1]

    def flatten_each(self, arrays: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """The same of many points, which are along the first axis of arrays by name."""
        n = len(next(iter(arrays.values())))
        parts: list[np.ndarray] = []
        for variables, dtype in ((self._continuous, config.float_dtype), (self._discrete, np.int64)):
            flat = [np.asarray(arrays[u.variable.name], dtype).reshape(n, -1) for u in variables]
            parts.append(np.concatenate(flat, 1) if flat else np.zeros((n, 0), dtype))
        return parts[0], parts[1]

    def recovery(self, n: int, names: Sequence[str]) -> Forward:
        """The pass that gives free variables and deterministics of the model for `n` draws, not yet compiled."""
        with detached():
            remaining = {u.latent: u.value for u in (*self._continuous, *self._discrete)}
            drawn = self.plan.plan.recovered()
            known = remaining | dict(zip(drawn, substitute(list(drawn.values()), remaining), strict=True))
            outputs = substitute([self.plan.frozen[self.plan.model.named_vars[name]] for name in names], known)
        return Forward(outputs, [u.leaf for u in (*self._continuous, *self._discrete)], n, checked=False)

    def recover(
        self,
        positions: np.ndarray,
        discrete: np.ndarray,
        names: Sequence[str],
        random_seed: Any = None,
        *,
        by: Forward | None = None,
    ) -> dict[str, np.ndarray]:
        """Values of free variables and deterministics of the model for many draws.

        What was integrated out is drawn from its exact conditional law given the rest.

        Parameters
        ----------
        positions, discrete : array, shape (..., n) and (..., m)
            Flat values.
        names : sequence of str
            Names of the variables.
        random_seed : int, optional
            Seed of the conditional draws.
        by : Forward, optional
            What `recovery` gave for these names; used if it is for as many draws.

        Returns
        -------
        dict of str to array
            Arrays of shape ``(..., *shape)``.
        """
        lead = positions.shape[:-1]
        n = int(np.prod(lead, dtype=int))
        given = [*self._split(positions.reshape(n, positions.shape[-1]), self._continuous)]
        given += self._split(discrete.reshape(n, discrete.shape[-1]), self._discrete)
        forward = by if by is not None and by.n == n else self.recovery(n, names)
        columns = forward(given, random_seed)
        return {name: c.reshape(*lead, *c.shape[1:]) for name, c in zip(names, columns, strict=True)}

    @staticmethod
    def _split(flat: np.ndarray, variables: Sequence[Unconstrained]) -> list[np.ndarray]:
        return [flat[:, a:b].reshape(len(flat), *shape) for _, a, b, shape in _layout(variables)]

    def point(self, position: np.ndarray, discrete: np.ndarray) -> dict[str, np.ndarray]:
        """Values of all variables, of unconstrained ones by their own names too, at one position."""
        found = self.recover(position[None], discrete[None], [v.name for v in self.plan.model.unobserved_RVs])
        values = {name: v[0] for name, v in found.items()}
        for variables, flat in ((self._continuous, position), (self._discrete, discrete)):
            values.update({v.name: flat[a:b].reshape(shape) for v, a, b, shape in _layout(variables)})
        return values


def _layout(variables: Sequence[Unconstrained]) -> list[tuple[Any, int, int, tuple[int, ...]]]:
    return layout([u.variable for u in variables])


def compile_log_density(
    model: Any,
    rewrites: Any = "auto",
    *,
    framed: bool = False,
    powers: Mapping[str, float] | None = None,
    may_draw: bool = False,
    jacobian: bool = True,
) -> CompiledModel:
    """Compile a model's joint log density.

    Data is passed to the compiled function as an argument, and what depends on data alone is computed once.

    Parameters
    ----------
    model : Model
        The model.
    rewrites : {"auto", None} or sequence of str
        Rules of the posterior compiler to use; None leaves the density exactly as written, an empty sequence simplifies it only.
    framed : bool
        Whether the target's coordinates may be chosen, as `reparametrize` does; its position then is not the model's.
    powers : mapping of str to float, optional
        To which power the factors of these variables are raised.
    may_draw : bool
        Whether terms may be simulated, as a `Simulator`'s is, each evaluation with the key that it is given.
    jacobian : bool
        Whether the density is that of the unconstrained variables; that of the variables themselves if not.

    Returns
    -------
    CompiledModel
        Its density and the way back.

    Raises
    ------
    SamplingError
        If a term draws and may not.
    """
    simulated = [rv.name for rv in model.basic_RVs if rv.distribution.is_simulated]
    if simulated and not may_draw:
        raise SamplingError(
            f"the density of {simulated[0]!r} is simulated, at each evaluation anew: use sample_smc for this model."
        )
    plan = plan_posterior(model, rewrites)
    parts = plan.unconstrained()
    continuous = tuple(u for u in parts if not u.latent.is_discrete)
    discrete = tuple(u for u in parts if u.latent.is_discrete)
    flat, whole = _layout(continuous), _layout(discrete)
    moved = reparametrize(continuous, plan, lambda position: _split(position, flat)) if framed else None
    coordinates = (*(continuous if moved is None else moved.parts), *discrete)
    terms = log_density(plan, coordinates, jacobian=jacobian)
    with detached():
        summed = [total([t]) * powers[name] if powers and name in powers else total([t]) for name, t in terms.items()]
        density = total(summed)
        if rewrites is not None:
            [density] = reduce_strength([canonicalize(density, laws=False)])
    inputs = [*(u.leaf for u in coordinates), *(() if moved is None else moved.inputs)]
    program, by_term = lower([density], inputs), lower(summed, inputs, fold=False)
    salts = program.salts()

    def values(position: Any, counts: Any, arrays: Any) -> tuple[list[Any], Any, Any]:
        own, stream = [*_split(position, flat), *_split(counts, whole)], None
        if salts:
            arrays, key = arrays
            stream = KeyStream(key, salts)
        if moved is not None:
            arrays, observations = arrays
            own.extend(moved.inputs_of(observations))
        return own, arrays, stream

    def function(position: Any, counts: Any, arrays: Any) -> Any:
        return program.run(*values(position, counts, arrays))[0]

    def of_terms(position: Any, counts: Any, arrays: Any) -> dict[str, Any]:
        given, _, stream = values(position, counts, arrays)
        return dict(zip(terms, by_term.run(given, by_term.values_of_data(), stream), strict=True))

    target = LogDensity(
        function=function,
        data=program.values_of_data(),
        size=flat[-1][2] if flat else 0,
        variables=tuple(FlatVariable(v.name, start, stop) for v, start, stop, _ in flat),
        discrete=tuple(_discrete_variable(u, a, b) for u, (_, a, b, _) in zip(discrete, whole, strict=True)),
        terms=of_terms,
        frame=None if moved is None else moved.frame,
        draws=bool(salts),
    )
    return CompiledModel(target, plan, continuous, discrete)


def _split(flat: Any, entries: Sequence[tuple[Any, int, int, tuple[int, ...]]]) -> list[Any]:
    """The parts of a flat vector in their shapes; one split, whose gradient is one concatenation."""
    if not entries:
        return []
    parts = jax.lax.split(flat, [stop - start for _, start, stop, _ in entries])
    return [part.reshape(shape) for part, (_, _, _, shape) in zip(parts, entries, strict=True)]


def _discrete_variable(unconstrained: Unconstrained, start: int, stop: int) -> DiscreteVariable:
    """The range of a discrete variable, where its support is bounded by numbers on both sides."""
    draw, name = unconstrained.latent.draw, unconstrained.variable.name
    with detached():
        support = draw.distribution.support(*draw.parents)
        bounds = [None if b is None else canonicalize(as_tensor(b)) for b in (support.lower, support.upper)]
    if all(isinstance(b, Constant) for b in bounds):
        lower, upper = (np.asarray(b.value) for b in bounds)  # type: ignore[union-attr]
        if lower.min() == lower.max() and upper.min() == upper.max():
            return DiscreteVariable(name, start, stop, int(lower.min()), int(upper.max() - lower.min()) + 1)
    return DiscreteVariable(name, start, stop)
