"""Dims: named axes, their lengths and coordinates."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np

from symjax._errors import ShapeError
from symjax.core._shapes import is_symbolic, symbolic_dim


class Dims:
    """The dims of a model.

    Attributes
    ----------
    coords : dict of str to tuple or None
        Coordinate values.
    lengths : dict of str to int
        Lengths.
    symbols : dict of str to symbolic length
        Dims of data, whose lengths may change.
    of_variables : dict of str to tuple
        Dims of each variable that has them; None stands for an axis without a dim.
    """

    def __init__(self) -> None:
        self.coords: dict[str, tuple[Any, ...] | None] = {}
        self.lengths: dict[str, int] = {}
        self.symbols: dict[str, Any] = {}
        self.of_variables: dict[str, tuple[str | None, ...]] = {}

    def add(self, name: str, values: Any = None, length: int | None = None) -> None:
        """Add a dim; again with the same values does nothing.

        Raises
        ------
        ValueError
            If the dim exists with other coordinates, a reserved name is used, or neither values nor a length are given.
        """
        if name in ("chain", "draw", "__sample__"):
            raise ValueError(f"{name!r} is a dim of the results; a model's dim needs another name.")
        coords = None if values is None else tuple(v.item() if isinstance(v, np.generic) else v for v in np.asarray(values))
        if coords is None and length is None:
            raise ValueError(f"dim {name!r}: give coordinate values or a length.")
        found = len(coords) if coords is not None else int(length)  # type: ignore[arg-type]
        if name in self.lengths:
            if self.coords[name] != coords and coords is not None:
                raise ValueError(f"dim {name!r} exists with other coordinates, of length {self.lengths[name]}.")
            return
        if coords is not None and len(set(coords)) < len(coords):
            repeated = next(c for i, c in enumerate(coords) if c in coords[:i])
            raise ValueError(f"dim {name!r}: coordinates must differ from one another; {repeated!r} comes twice.")
        self.coords[name] = coords
        self.lengths[name] = found

    def set_length(self, name: str, length: int, coords: Any = None) -> None:
        """Change a dim's length, with its coordinates."""
        self.lengths[name] = length
        self.coords[name] = None if coords is None else tuple(np.asarray(coords).tolist())

    def symbol(self, name: str) -> Any:
        """The symbolic length of a dim that data have: one for all of them."""
        return self.symbols.setdefault(name, symbolic_dim())

    def as_tuple(self, dims: Any) -> tuple[str | None, ...]:
        """Dims as a tuple of names."""
        return (dims,) if isinstance(dims, str) else tuple(dims)

    def shape(self, variable: str, dims: Any) -> tuple[Any, ...]:
        """The shape that dims give a variable, symbolic along dims of data.

        Raises
        ------
        KeyError
            If a dim is unknown.
        """
        lengths = [(d, self._length(variable, d)) for d in self.as_tuple(dims)]
        return tuple(self.symbols.get(str(d), length) for d, length in lengths)

    def _length(self, variable: str, dim: Any) -> int:
        if dim not in self.lengths:
            near = difflib.get_close_matches(str(dim), self.lengths, 1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise KeyError(
                f"{variable!r}: dim {dim!r} is not known to the model, which has {sorted(self.lengths)}.{hint} "
                f"Add it with coords={{{dim!r}: ...}} or model.add_coord({dim!r}, ...)."
            )
        return self.lengths[dim]

    def add_unknown(self, dims: Any, shape: Sequence[Any]) -> None:
        """Add the dims that are not known yet, without coordinates, as long as the axes of a shape that the user gave."""
        for name, length in zip(self.as_tuple(dims), shape):
            if name is not None and name not in self.lengths and not is_symbolic(length):
                self.add(name, length=int(length))

    def bind(self, variable: str, dims: Any, shape: Sequence[Any]) -> None:
        """Give a variable its dims.

        Raises
        ------
        KeyError
            If a dim is unknown.
        ShapeError
            If number or lengths do not fit the variable's shape.
        """
        names = self.as_tuple(dims)
        if len(names) != len(shape):
            raise ShapeError(f"{variable!r} has {len(shape)} axes, shape {tuple(shape)}, and {len(names)} dims, {names}.")
        for name, length in zip(names, shape, strict=True):
            if name is None:
                continue
            if name not in self.lengths and not is_symbolic(length):
                self._length(variable, name)
            known = self.lengths.get(name)
            if known is not None and not is_symbolic(length) and known != length:
                raise ShapeError(
                    f"{variable!r} has shape {tuple(shape)}, but dim {name!r} has length {known} in the model "
                    f"(dims {names}: {tuple(self.lengths.get(n) if n else None for n in names)})."
                )
        self.of_variables[variable] = names
