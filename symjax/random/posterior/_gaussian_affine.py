"""Affine forms of expressions of a graph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._node import Constant
from symjax.core._shapes import is_static
from symjax.core._traverse import toposort
from symjax.random.posterior._gaussian_forms import CONSTANT, Coefficient, Entries, Form, NotAffine, is_identity, numeric
from symjax.random.posterior._gaussian_operations import KEEPING, RULES
from symjax.random.posterior._gaussian_scales import UNIT, Interner
from symjax.random.posterior._joint import value_of
from symjax.rewrite import Facts


class Affine:
    """Forms of expressions.

    Parameters
    ----------
    known : dict of Tensor to Form
        Forms of the leaves that are unknown.
    interner : Interner
        Makes scalar expressions that are the same computation one.
    """

    def __init__(self, known: Mapping[Any, Form], interner: Interner):
        self.forms: dict[Any, Form] = dict(known)
        self.unknown: set[Any] = set(known)
        self._data: dict[Any, bool] = {}
        self._intern = interner
        self.facts = Facts()

    def define(self, leaf: Any, form: Form) -> None:
        """Give the form of one more unknown leaf."""
        self.forms[leaf] = form
        self.unknown.add(leaf)

    def __call__(self, node: Any) -> Form:
        """The form of an expression.

        Raises
        ------
        NotAffine
            If it is not affine in the unknowns.
        """
        for n in toposort([node], stop=self.forms):
            if n not in self.forms:
                self._data[n] = isinstance(n, Constant) or (
                    bool(n.parents) and not n.op.random and all(self._data.get(p, False) for p in n.parents)
                )
        for n in toposort([node], stop=self.forms.keys() | {n for n, fixed in self._data.items() if fixed}):
            if n not in self.forms and not hasattr(n, "avals"):
                if any(p in self.unknown for p in n.parents):
                    self.unknown.add(n)
                self.forms[n] = self._find(n)
            elif hasattr(n, "avals") and any(p in self.unknown for p in n.parents):
                raise NotAffine(n)
        return self.forms[node]

    def is_free(self, node: Any) -> bool:
        """Whether an expression, whose form has been found, does not depend on unknowns."""
        return node not in self.unknown

    def is_data(self, node: Any) -> bool:
        """Whether an expression, whose form has been found, is of constants alone."""
        return self._data.get(node, False)

    def coefficient(self, node: Any) -> Coefficient:
        """An expression free of unknowns as a coefficient."""
        form = self(node)
        if len(form.parts) == 1 and is_identity(form.parts[0].rows, form.size):
            p = form.parts[0]
            return Coefficient(p.numbers.reshape(form.shape), p.scale, p.symbol, p.places)
        part = self._opaque(node).parts[0]
        return Coefficient(part.numbers.reshape(form.shape), part.scale, part.symbol, part.places)

    def _find(self, node: Any) -> Form:
        if self._data.get(node, False):
            value = np.asarray(node.value if isinstance(node, Constant) else value_of(node))
            if value.dtype.kind == "c" or (value.dtype.kind == "f" and not np.isfinite(value).all()):
                return self._opaque(node)
            return numeric(value)
        kind = "" if node.op is None else node.op.name
        rule = RULES.get(kind)
        free = node not in self.unknown
        if rule is None or (free and kind not in KEEPING):
            if free:
                return self._opaque(node)
            raise NotAffine(node)
        try:
            found = rule(self, node)
        except NotAffine:
            if free:
                return self._opaque(node)
            raise
        return self._opaque(node) if free and any(p.symbol is not None for p in found.parts) else found

    def _opaque(self, node: Any) -> Form:
        """An expression free of unknowns as it is."""
        if not is_static(node.shape):
            raise NotAffine(node)
        n = math.prod(node.shape)
        rows, cols, numbers = np.arange(n), np.full(n, CONSTANT), np.ones(n)
        if n == 1:
            atom = T.reshape(node, ()) if node.shape else node
            return Form(node.shape, (Entries(rows, cols, numbers, frozenset([(self._intern(atom), 1)])),))
        return Form(node.shape, (Entries(rows, cols, numbers, UNIT, node, rows),))
