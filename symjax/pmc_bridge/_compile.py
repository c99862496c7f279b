"""From a model to what samplers run: a log density of a flat position, and the way back to the model's variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from symjax._config import config
from symjax.core._leaves import present_shape
from symjax.core._lower import lower
from symjax.core._scope import detached
from symjax.core._traverse import substitute
from symjax.pmc_bridge._joint import constrained_values, joint_terms, layout, total
from symjax.pmc_bridge._strength import reduce_strength
from symjax.rewrite import canonicalize
from symjax.sampling import DiscreteVariable, FlatVariable, LogDensity


@dataclass(frozen=True)
class CompiledModel:
    """A model's log density and its inverse transforms, ready for sampling.

    Attributes
    ----------
    target : LogDensity
        The density of the unconstrained values.
    names : tuple of str
        Names of the free variables and deterministics, in the order of `recover`'s results.
    """

    target: LogDensity
    names: tuple[str, ...]
    _model: Any
    _recover: Callable[[Any, Any, Any], list[Any]]
    _data: tuple[Any, ...]

    def flatten(self, point: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """The flat continuous and discrete values of a point."""
        parts: list[np.ndarray] = []
        for variables, dtype in (
            (self._model.continuous_value_vars, config.float_dtype),
            (self._model.discrete_value_vars, np.int64),
        ):
            flat = [np.asarray(point[v.name], dtype).ravel() for v in variables]
            parts.append(np.concatenate(flat) if flat else np.zeros(0, dtype))
        return parts[0], parts[1]

    def recover(self, positions: np.ndarray, discrete: np.ndarray) -> dict[str, np.ndarray]:
        """Values of the free variables and deterministics for many draws.

        Parameters
        ----------
        positions, discrete : array, shape (..., n) and (..., m)
            Flat values.

        Returns
        -------
        dict of str to array
            Arrays of shape ``(..., *shape)``.
        """
        lead = positions.shape[:-1]
        n = int(np.prod(lead, dtype=int))
        flat = positions.reshape(n, positions.shape[-1]), discrete.reshape(n, discrete.shape[-1])
        rows = max(1, min(n, (1 << 28) // max(1, 8 * self._elements())))
        with jax.enable_x64(True):
            run = jax.jit(jax.vmap(self._recover, (0, 0, None)))
            parts = []
            for start in range(0, n, rows):
                at = max(0, min(start, n - rows))
                found = run(flat[0][at : at + rows], flat[1][at : at + rows], self._data)
                parts.append([np.asarray(f)[start - at :] for f in found])
        columns = [p[0] if len(p) == 1 else np.concatenate(p) for p in zip(*parts, strict=True)]
        return {name: c.reshape(*lead, *c.shape[1:]) for name, c in zip(self.names, columns, strict=True)}

    def _elements(self) -> int:
        return sum(int(np.prod(present_shape(self._model.named_vars[n].shape), dtype=int)) for n in self.names)

    def point(self, position: np.ndarray, discrete: np.ndarray) -> dict[str, np.ndarray]:
        """Values of all variables, of unconstrained ones by their own names too, at one position."""
        found = self.recover(position[None], discrete[None])
        values = {name: v[0] for name, v in found.items()}
        for variables, flat in ((self._model.continuous_value_vars, position), (self._model.discrete_value_vars, discrete)):
            values.update({v.name: flat[a:b].reshape(shape) for v, a, b, shape in layout(variables)})
        return values


def compile_log_density(model: Any, *, rewrite: bool = True) -> CompiledModel:
    """Compile a model's joint log density.

    Data is passed to the compiled function as an argument, and what depends on data alone is computed once.

    Parameters
    ----------
    model : Model
        The model.
    rewrite : bool
        Whether to canonicalize the density first.

    Returns
    -------
    CompiledModel
        Its density and the way back.
    """
    terms = joint_terms(model)
    names = list(terms)
    data = model.data_vars
    with detached():
        summed = [total([t]) for t in terms.values()]
        density = total(summed)
        if rewrite:
            [density] = reduce_strength([canonicalize(density, laws=False)])
        values = constrained_values(model)
        recovered = [values[rv] for rv in model.free_RVs] + substitute(model.deterministics, values)
    inputs = [*model.continuous_value_vars, *model.discrete_value_vars]
    program = lower([density], inputs, frozen=data)
    by_term = lower(summed, inputs, frozen=data, fold=False)
    recover = lower(recovered, inputs, frozen=data)
    continuous, discrete = layout(model.continuous_value_vars), layout(model.discrete_value_vars)

    def parts(position: Any, whole: Any) -> list[Any]:
        return [*_split(position, continuous), *_split(whole, discrete)]

    def function(position: Any, whole: Any, arrays: Any) -> Any:
        return program.run(parts(position, whole), arrays)[0]

    def of_terms(position: Any, whole: Any, arrays: Any) -> dict[str, Any]:
        return dict(zip(names, by_term.run(parts(position, whole), by_term.values_of_data()), strict=True))

    def recover_one(position: Any, whole: Any, arrays: Any) -> list[Any]:
        return recover.run(parts(position, whole), arrays)

    target = LogDensity(
        function=function,
        data=program.values_of_data(),
        size=continuous[-1][2] if continuous else 0,
        variables=tuple(FlatVariable(v.name, start, stop) for v, start, stop, _ in continuous),
        discrete=tuple(_discrete_variable(model, *entry) for entry in discrete),
        terms=of_terms,
    )
    names_recovered = tuple(v.name for v in model.unobserved_RVs)
    return CompiledModel(target, names_recovered, model, recover_one, recover.values_of_data())


def _split(flat: Any, entries: Sequence[tuple[Any, int, int, tuple[int, ...]]]) -> list[Any]:
    """The parts of a flat vector in their shapes; one split, whose gradient is one concatenation."""
    if not entries:
        return []
    parts = jax.lax.split(flat, [stop - start for _, start, stop, _ in entries])
    return [part.reshape(shape) for part, (_, _, _, shape) in zip(parts, entries, strict=True)]


def _discrete_variable(model: Any, value: Any, start: int, stop: int, shape: tuple[int, ...]) -> DiscreteVariable:
    """The range of a discrete variable, where its support is bounded by numbers on both sides."""
    from symjax.core._leaves import as_tensor
    from symjax.core._node import Constant

    rv = model.values_to_rvs[value]
    with detached():
        support = rv.distribution.support(*rv.parents)
        bounds = [None if b is None else as_tensor(b) for b in (support.lower, support.upper)]
        folded = [None if b is None else canonicalize(b) for b in bounds]
    if all(isinstance(b, Constant) for b in folded):
        lower, upper = (np.asarray(b.value) for b in folded)  # type: ignore[union-attr]
        if lower.min() == lower.max() and upper.min() == upper.max():
            return DiscreteVariable(value.name, start, stop, int(lower.min()), int(upper.max() - lower.min()) + 1)
    return DiscreteVariable(value.name, start, stop)
