"""Frames: coordinates of a position that are settled in warm-up, between centred and non-centred for each of its elements.

A latent ``x`` with a Gaussian-like prior whose precision ``Q`` depends on other variables is sampled as ``u`` with
``x = m + S u``, ``S Sᵀ = (Q + diag(w))⁻¹`` and ``m`` the mean of the prior times a pseudo-likelihood ``exp(bᵀx - ½ xᵀ diag(w) x)``.
At ``w = 0`` that is the non-centred parametrisation, as w grows it becomes the centred one. The density of `u` is exact whatever
`b` and `w` are; where they are those of the likelihood `u` is standard normal given the rest, and no funnel is left.

Papaspiliopoulos, Roberts, Sköld, A General Framework for the Parametrization of Hierarchical Models, Statistical Science 22, 2007,
section 4; Gorinova, Moore, Hoffman, Automatic Reparameterisation of Probabilistic Programs, ICML 2020, who learn `w` by variational
inference where here it is regressed on the warm-up's draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from symjax._compiler import compiler_options

#: Rows that one call of the compiled conversion takes.
_ROWS = 64


class Observations(NamedTuple):
    """Pseudo-observations of a position's elements: the log likelihood ``pull · x - ½ precision · x²`` of each; shapes (n,)."""

    pull: Any
    precision: Any

    @classmethod
    def none(cls, size: int) -> Observations:
        """No information: the non-centred parametrisation."""
        return cls(np.zeros(size), np.zeros(size))


@dataclass(frozen=True, slots=True)
class Frame:
    """A change of coordinates with pseudo-observations as parameters.

    The density's function has the pair of data and `Observations` as its data, and its position is in these coordinates.

    Attributes
    ----------
    to_model : callable
        ``to_model(position, observations, data) -> position of the model``, in JAX; shapes (n,).
    from_model : callable
        Its inverse: ``from_model(position of the model, observations, data) -> position``.
    observed : callable
        ``observed(position of the model, gradient, observations, data) -> (values, pulls)``: the quantities ``x``, and the gradient
        by them, with the other coordinates fixed, of the log density without the prior's Gaussian part. `gradient` is that by the
        position; elements that are not chosen are arbitrary.
    data : pytree of arrays
        What these functions need.
    chosen : bool array, shape (n,)
        Elements that have pseudo-observations; the others are the model's own.
    """

    to_model: Callable[[Any, Any, Any], Any]
    from_model: Callable[[Any, Any, Any], Any]
    observed: Callable[[Any, Any, Any, Any], tuple[Any, Any]]
    data: Any
    chosen: np.ndarray


class Converter:
    """A frame's functions compiled, in one program, for many positions.

    Parameters
    ----------
    frame : Frame
        The frame.

    Attributes
    ----------
    chosen : bool array, shape (n,)
        The frame's chosen elements.
    """

    def __init__(self, frame: Frame):
        self.chosen = frame.chosen
        self._data = frame.data
        n = len(frame.chosen)

        def all_rows(positions: Any, gradients: Any, models: Any, observations: Any, data: Any) -> Any:
            def row(position: Any, gradient: Any, model: Any) -> Any:
                found = frame.to_model(position, observations, data)
                values, pulls = frame.observed(found, gradient, observations, data)
                return found, values, pulls, frame.from_model(model, observations, data)

            return jax.vmap(row)(positions, gradients, models)

        with jax.enable_x64(True):
            rows = jax.ShapeDtypeStruct((_ROWS, n), np.float64)
            lowered = jax.jit(all_rows).lower(rows, rows, rows, Observations.none(n), frame.data)
            self._run = lowered.compile(compiler_options=compiler_options())

    def models(self, positions: np.ndarray, observations: Observations) -> np.ndarray:
        """Positions of the model for positions, both of shape (m, n)."""
        return self._call((0,), positions, positions, positions, observations)[0]

    def observed(self, positions: np.ndarray, gradients: np.ndarray, observations: Observations) -> tuple[np.ndarray, np.ndarray]:
        """Values and pulls for positions and gradients, all of shape (m, n)."""
        values, pulls = self._call((1, 2), positions, gradients, positions, observations)
        return values, pulls

    def positions(self, models: np.ndarray, observations: Observations) -> np.ndarray:
        """The inverse of `models`."""
        return self._call((3,), models, models, models, observations)[0]

    def _call(self, outputs: tuple[int, ...], *arguments: Any) -> list[np.ndarray]:
        *arrays, observations = arguments
        found = [np.empty_like(arrays[0]) for _ in outputs]
        with jax.enable_x64(True):
            for start in range(0, len(arrays[0]), _ROWS):
                rows = [a[start : start + _ROWS] for a in arrays]
                m = len(rows[0])
                padded = [np.concatenate([r, np.broadcast_to(r[-1], (_ROWS - m, r.shape[1]))]) for r in rows]
                results = self._run(*padded, observations, self._data)
                for whole, output in zip(found, outputs, strict=True):
                    whole[start : start + m] = np.asarray(results[output])[:m]
        return found


def observe(values: np.ndarray, pulls: np.ndarray, chosen: np.ndarray, before: Observations) -> Observations:
    """Pseudo-observations from warm-up steps: for each element the regression of the pull on the element.

    A Gaussian likelihood's pull is ``b - w x`` exactly; of another the slope is a mean over the posterior. It is shrunk to none as
    far as it is noise, by its t statistic.

    Parameters
    ----------
    values, pulls : array, shape (m, n)
        The quantities, and the gradients of the log likelihood by them.
    chosen : bool array, shape (n,)
        Elements to observe.
    before : Observations
        Kept where steps do not vary or are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(50, 1))
    >>> found = observe(x, 3.0 - 2.0 * x, np.array([True]), Observations.none(1))
    >>> found.pull.round(6), found.precision.round(6)
    (array([3.]), array([2.]))
    """
    m = len(values)
    with np.errstate(all="ignore"):
        x, g = values - values.mean(0), pulls - pulls.mean(0)
        spread, noise, product = (x * x).mean(0), (g * g).mean(0), (x * g).mean(0)
        slope = np.maximum(-product / spread, 0.0)
        explained = np.minimum(product**2 / (spread * noise), 1.0)
        precision = slope * m * explained / (m * explained + 1 - explained)
        pull = pulls.mean(0) + precision * values.mean(0)
    good = chosen & (spread > 0) & np.isfinite(precision) & np.isfinite(pull)
    return Observations(np.where(good, pull, before.pull), np.where(good, precision, before.precision))
