"""The density of one latent z given the others in exponential-family form: natural parameters, bounds and what is left.

The sum of all factors is read as ``Σ_k ⟨η_k, s_k(z)⟩ + c`` with statistics s_k that are powers and logarithms of z and 1 − z: sums
and linear operations are transposed onto the coefficients, everything below them has a form of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import symjax.tensor as T
from symjax.core._node import Constant
from symjax.core._traverse import depends_on, substitute, toposort
from symjax.random._distribution import REQUIRE
from symjax.random.posterior._conjugate_forms import KNOWN, LOG, LOG_REST, UNIT, Form, Forms, Monomial, Unfit
from symjax.random.posterior._conjugate_numbers import (
    ONE,
    Coefficients,
    broadcast,
    collected,
    is_number,
    is_zero,
    reshaped,
    summed_to,
    total_of,
)
from symjax.random.posterior._conjugate_stacks import unstacked
from symjax.random.posterior._joint import Factor, Latent
from symjax.random.posterior._numbers import Numbers

_OPENED = frozenset("require mean all logical_and equal greater greater_equal less less_equal".split())
_ORDER = {"greater": (1, True), "greater_equal": (1, False), "less": (-1, True), "less_equal": (-1, False)}


@dataclass(eq=False)
class Natural:
    """The density of z given the others.

    Attributes
    ----------
    parameters : dict of Monomial to coefficient
        Natural parameters, broadcastable to z's shape.
    lower, upper : list of coefficients
        Bounds of z besides those of its law that are numbers.
    left : list of (str, coefficient)
        Summands free of z, scalars, with the names of the factors that they come from.
    conditions : list of Tensor
        What has to hold of the other latents; the density is zero elsewhere.
    """

    parameters: dict[Monomial, Any] = field(default_factory=dict)
    lower: list[Any] = field(default_factory=list)
    upper: list[Any] = field(default_factory=list)
    left: list[tuple[str, Any]] = field(default_factory=list)
    conditions: list[Any] = field(default_factory=list)


def natural_of(z: Latent, factors: Sequence[Factor]) -> tuple[Natural, Coefficients]:
    """Read the factors that touch a latent.

    Raises
    ------
    Unfit
        If they are not of the form; the message completes "left alone: ...".
    """
    factors = [replace(f, term=unstacked(f.term, z)) for f in factors]
    terms = [f.term for f in factors]
    for factor in factors:
        _check_operations(z, factor)
    coefficients = Coefficients(_positive_by_condition(terms, z))
    reader = _Reader(Forms(z, Numbers(terms), coefficients))
    for factor in factors:
        try:
            reader.read(factor)
        except Unfit as error:
            where = "" if factor.value is z else f"in {factor.name!r} "
            raise Unfit(f"{where}{error}") from None
    return reader.finish(), coefficients


def _check_operations(z: Latent, factor: Factor) -> None:
    """Refuse at once what can have no form, before anything is computed."""
    above: set[Any] = {z}
    for node in toposort([factor.term]):
        if node.parents and any(p in above for p in node.parents):
            above.add(node)
            if node.op.name not in KNOWN and node.op.name not in _OPENED:
                raise Unfit(f"in {factor.name!r} it enters through `{node.op.name}`")


def _positive_by_condition(terms: Sequence[Any], z: Latent) -> list[Any]:
    """Expressions free of z whose positivity some factor requires outright: those conditions are kept."""
    found = []
    above = depends_on(terms, {z})
    for term in terms:
        if term.op is REQUIRE:
            stack = list(term.parents[1:])
            while stack:
                node = stack.pop()
                if node.fn_name in ("logical_and", "all"):
                    stack += node.parents
                elif node.fn_name == "greater" and isinstance(node.parents[1], Constant) and np.all(node.parents[1].value >= 0):
                    found += [x for x in node.parents[:1] if x not in above]
    return found


class _Reader:
    def __init__(self, forms: Forms):
        self.forms = forms
        self.c = forms.c
        self.z = forms.z
        self.found = Natural()
        self._free: list[tuple[str, Any, Any]] = []

    def read(self, factor: Factor) -> None:
        """Add the sum of a factor's elements."""
        stack: list[tuple[Any, Any]] = [(factor.term, ONE)]
        while stack:
            node, weight = stack.pop()
            if self.forms.depends(node):
                stack += self._open(node, weight)
            else:
                self._free.append((factor.name, node, weight))

    def finish(self) -> Natural:
        """What has been read, with what is free of z added up: only now, for it may be costly."""
        sums: dict[str, Any] = {}
        for name, node, weight in self._free:
            part = total_of(self.c.times(weight, self.forms.coefficient(node)), node.shape)
            sums[name] = self.c.plus(sums[name], part) if name in sums else part
        self.found.left += sums.items()
        return self.found

    def _open(self, node: Any, weight: Any) -> list[tuple[Any, Any]]:
        """A weighted node as weighted parents; none if it has been added to the parameters."""
        name = node.op.name if node.op is not None else ""
        if node.op is REQUIRE:
            for condition in node.parents[1:]:
                self._require(condition)
            return self._down(node, node.parents[:1], [weight])
        if name in ("add", "subtract"):
            return self._down(node, node.parents, [weight, weight if name == "add" else self.c.negative(weight)])
        if name == "negative":
            return [(node.parents[0], self.c.negative(weight))]
        if name in ("multiply", "divide"):
            opened = self._open_product(node, weight)
            if opened is not None:
                return opened
        if name in ("sum", "mean") and not self._is_simplex_sum(node):
            return [(node.parents[0], self._spread(node, weight))]
        if name == "reshape":
            [source] = node.parents
            return [(source, weight if weight.size == 1 else reshaped(broadcast(weight, node.shape), source.shape))]
        if name == "where":
            return self._open_where(node, weight)
        return self._formed(node, weight)

    def _formed(self, node: Any, weight: Any) -> list[tuple[Any, Any]]:
        """Add an expression that has a form, or take apart the choice that it is a function of."""
        try:
            form = self.forms(node)
        except Unfit:
            choice = self._choice(node)
            if choice is None:
                raise
            return self._cases(node, weight, choice)
        self._add(form, node.shape, weight)
        return []

    def _choice(self, node: Any) -> Any:
        """A `where` by a condition free of z of which an expression is a function element by element; None if there is none."""
        for n in toposort([node]):
            if n.fn_name == "where" and self.forms.depends(n) and not self.forms.depends(n.parents[0]):
                above = depends_on([node], {n}) - {n}
                if all(m.op.elementwise for m in above):
                    return n
        return None

    def _cases(self, node: Any, weight: Any, choice: Any) -> list[tuple[Any, Any]]:
        condition, *branches = choice.parents
        holds = self.forms.coefficient(condition)
        up = np.asarray(holds, np.float64) if is_number(holds) else T.where(holds, 1.0, 0.0)
        found = []
        for branch, mask in zip(branches, (up, self.c.plus(ONE, self.c.negative(up))), strict=True):
            [case] = substitute([node], {choice: T.cast(branch, choice.dtype)})
            found.append((case, summed_to(self.c.times(weight, mask), node.shape, case.shape)))
        return found

    def _is_simplex_sum(self, node: Any) -> bool:
        try:
            self.forms(node)
        except Unfit:
            return False
        return True

    def _down(self, node: Any, parents: Sequence[Any], weights: Sequence[Any]) -> list[tuple[Any, Any]]:
        return [(p, summed_to(w, node.shape, p.shape)) for p, w in zip(parents, weights, strict=True)]

    def _open_product(self, node: Any, weight: Any) -> list[tuple[Any, Any]] | None:
        a, b = node.parents
        if self.forms.depends(a) and self.forms.depends(b):
            return None
        if node.op.name == "divide":
            if self.forms.depends(b):
                return None
            return self._down(node, [a], [self.c.ratio(weight, self.forms.coefficient(b))])
        inner, other = (a, b) if self.forms.depends(a) else (b, a)
        return self._down(node, [inner], [self.c.times(weight, self.forms.coefficient(other))])

    def _spread(self, node: Any, weight: Any) -> Any:
        """The weight of a sum's elements."""
        [source], axes = node.parents, node.settings["axis"]
        if node.op.name == "mean":
            weight = self.c.times(weight, np.asarray(1.0 / math.prod(source.shape[a] for a in axes)))
        if weight.size == 1:
            return weight
        kept = [1 if a in axes else n for a, n in enumerate(source.shape)]
        return reshaped(broadcast(weight, [n for a, n in enumerate(source.shape) if a not in axes]), kept)

    def _open_where(self, node: Any, weight: Any) -> list[tuple[Any, Any]]:
        condition, a, b = node.parents
        if isinstance(b, Constant) and bool(np.all(np.asarray(b.value) == -np.inf)):
            self._require(condition)
            return self._down(node, [a], [weight])
        if self.forms.depends(condition):
            raise Unfit("a condition depends on it")
        choice = self.forms.coefficient(condition)
        if not is_number(choice):
            return self._formed(node, weight)
        up = np.asarray(choice, np.float64)
        return self._down(node, [a, b], [self.c.times(weight, up), self.c.times(weight, 1 - up)])

    def _add(self, form: Form, shape: tuple[int, ...], weight: Any) -> None:
        for monomial, c in form.terms.items():
            value = self.c.times(weight, c)
            if is_zero(value):
                continue
            if monomial == UNIT:
                self.found.left.append(("", total_of(value, shape)))
                continue
            if monomial.rest or (monomial not in (LOG, LOG_REST) and (monomial.log or monomial.log_rest)):
                raise Unfit("it enters through a product of powers and logarithms")
            assert form.index is not None
            part = collected(value, form.index, shape, self.z.shape)
            known = self.found.parameters.get(monomial)
            self.found.parameters[monomial] = part if known is None else self.c.plus(known, part)

    # Conditions -----------------------------------------------------------------------------------------------------------

    def _require(self, condition: Any) -> None:
        """Note a condition: proved, free of z, or a bound of z."""
        name = condition.fn_name
        if not self.forms.depends(condition):
            holds = self.forms.coefficient(condition)
            if not is_number(holds):
                self.found.conditions.append(condition)
            elif not np.all(holds):
                raise Unfit("some of the data is impossible")
        elif name in ("logical_and", "all"):
            for p in condition.parents:
                self._require(p)
        elif name == "equal" and condition.parents[0] is condition.parents[1]:
            self._require_defined(condition.parents[0])
        elif name in _ORDER:
            self._require_order(condition)
        else:
            raise Unfit("a condition depends on it")

    def _require_defined(self, node: Any) -> None:
        """Prove that an expression is not nan: what has a form is not."""
        try:
            self.forms(node)
        except Unfit:
            choice = self._choice(node)
            if choice is None:
                raise
            for case, _ in self._cases(node, ONE, choice):
                self._require_defined(case)

    def _require_order(self, condition: Any) -> None:
        sign, strict = _ORDER[condition.fn_name]
        a, b = condition.parents if sign > 0 else reversed(condition.parents)
        if self._is_proved(a, b, strict):
            return
        difference = Form({}, None)
        for node, factor in ((a, ONE), (b, -ONE)):
            form = self.forms.scale(self.forms(node), factor)
            difference = self.forms.add(difference, form, self.forms._joint(difference.index, form.index))
        terms = dict(difference.terms)
        if set(terms) <= {UNIT}:
            self._require_free(terms.get(UNIT, np.zeros(())), strict)
            return
        if len(terms) == 1:
            c, power, rest = self.forms.factored(difference)
            is_up = (not power or self.forms.is_positive) and (not rest or self.forms.is_below_one)
            if is_up and (self.c.sign(c) == 1 or (not strict and self.c.is_nonnegative(c))):
                return
        if set(terms) - {UNIT, Monomial(1)}:
            raise Unfit("a condition depends on it")
        self._bound(terms[Monomial(1)], terms.get(UNIT, np.zeros(())), difference.index, condition.shape)

    def _is_proved(self, a: Any, b: Any, strict: bool) -> bool:
        left, right = self.c.facts(a), self.c.facts(b)
        if not (left.defined and right.defined):
            return False
        if left.lower != right.upper:
            return left.lower > right.upper
        return not strict or left.lower_open or right.upper_open or (left.lower == 0 and left.is_nonzero)

    def _require_free(self, value: Any, strict: bool) -> None:
        if not is_number(value):
            self.found.conditions.append((T.greater if strict else T.greater_equal)(value, 0.0))
        elif not np.all(value > 0 if strict else value >= 0):
            raise Unfit("some of the data is impossible")

    def _bound(self, slope: Any, offset: Any, index: Any, shape: tuple[int, ...]) -> None:
        """Note that ``slope · z + offset`` must be positive."""
        sign = self.c.sign(slope)
        if not sign:
            raise Unfit("a condition depends on it")
        least = self.c.ratio(self.c.negative(offset), slope) if not is_zero(offset) else np.zeros(())
        whole = self.z.size == 1 or index.size == self.z.size or len(np.unique(index)) == self.z.size
        found = (
            collected(least if sign > 0 else self.c.negative(least), index, shape, self.z.shape, largest=True) if whole else None
        )
        if found is None:
            raise Unfit("a condition bounds only some of its elements")
        if sign > 0:
            self.found.lower.append(found)
        else:
            self.found.upper.append(self.c.negative(found))
