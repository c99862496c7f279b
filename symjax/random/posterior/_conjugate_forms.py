"""Expressions of one latent z, element by element, as sums of coefficients times powers and logarithms of z and 1 − z."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import symjax.tensor as T
from symjax.core._traverse import make, toposort
from symjax.random.posterior._conjugate_numbers import (
    ONE,
    Coefficients,
    as_node,
    broadcast,
    is_number,
    is_zero,
    scalar_of,
)
from symjax.random.posterior._joint import Latent
from symjax.random.posterior._numbers import Numbers
from symjax.tensor._index import decode

_MAX_TERMS = 8
_MAX_POWER = 4
#: Operations that move elements of their first argument.
MOVES: dict[str, Callable[..., Any]] = {
    "reshape": lambda x, shape: np.reshape(x, shape),
    "transpose": lambda x, axes: np.transpose(x, axes),
    "broadcast_to": lambda x, shape: np.broadcast_to(x, shape),
    "getitem": lambda x, *arrays, index: x[decode(index, arrays)],
    "take_along_axis": lambda x, index, axis: np.take_along_axis(x, index, axis),
}


class Unfit(Exception):
    """Why an expression has no form; it completes "in 'y', ..."."""


class Monomial(NamedTuple):
    """``z^power · (1 - z)^rest · log(z)^log · log(1 - z)^log_rest``."""

    power: float = 0
    rest: float = 0
    log: float = 0
    log_rest: float = 0


UNIT = Monomial()
LOG = Monomial(log=1)
LOG_REST = Monomial(log_rest=1)


@dataclass(frozen=True, slots=True)
class Form:
    """An expression of z: element i is ``Σ_m terms[m][i] · m(z[index[i]])``.

    Attributes
    ----------
    terms : dict of Monomial to coefficient
        Coefficients free of z that broadcast to the expression's shape.
    index : array of int or None
        Flat positions in z, broadcastable to the expression's shape; None for what is free of z.
    """

    terms: Mapping[Monomial, Any]
    index: np.ndarray | None = None


class Forms:
    """Forms of expressions of one latent.

    Parameters
    ----------
    z : Latent
        The latent.
    numbers : Numbers
        Values of what is data.
    coefficients : Coefficients
        Arithmetic and facts.
    """

    def __init__(self, z: Latent, numbers: Numbers, coefficients: Coefficients):
        self.z = z
        self.numbers = numbers
        self.c = coefficients
        fact = coefficients.facts(z)
        self.is_positive = fact.nonnegative
        self.is_below_one = fact.upper <= 1
        self.is_simplex = z.draw.distribution.support(*z.draw.parents).kind == "simplex"
        places = np.arange(z.size).reshape(z.shape)
        self._known: dict[Any, Form] = {z: Form({Monomial(1): ONE}, places)}
        self._depends: set[Any] = {z}
        self._seen: set[Any] = {z}

    def depends(self, node: Any) -> bool:
        """Whether an expression depends on z."""
        if node not in self._seen:
            for n in toposort([node], stop=self._seen):
                if n not in self._seen:
                    self._seen.add(n)
                    if any(p in self._depends for p in n.parents):
                        self._depends.add(n)
        return node in self._depends

    def coefficient(self, node: Any) -> Any:
        """An expression free of z as a coefficient."""
        if node in self.numbers:
            value = self.numbers(node)
            return value if value.dtype.kind == "b" else np.asarray(value, np.float64)
        return node

    def __call__(self, node: Any) -> Form:
        """The form of an expression.

        Raises
        ------
        Unfit
            If it has none.
        """
        if not self.depends(node):
            return Form({UNIT: self.coefficient(node)})
        for n in toposort([node], stop=self._known):
            if n not in self._known and self.depends(n):
                self._known[n] = self._find(n)
        return self._known[node]

    def _find(self, node: Any) -> Form:
        if node.op is None or not hasattr(node, "dtype"):
            raise Unfit("what it enters is not known")
        name = node.op.name
        if name in MOVES:
            return self._moved(node)
        rule = _RULES.get(name)
        if rule is None:
            raise Unfit(f"it enters through `{name}`")
        return rule(self, node)

    def _parts(self, node: Any) -> tuple[list[Form], np.ndarray | None]:
        """The parents' forms, and the index that they have in common."""
        forms = [self(p) for p in node.parents]
        index: np.ndarray | None = None
        for form in forms:
            index = self._joint(index, form.index)
        return forms, index

    def _joint(self, a: np.ndarray | None, b: np.ndarray | None) -> np.ndarray | None:
        if a is None or b is None or self.z.size == 1:
            return b if a is None else a
        shape = np.broadcast_shapes(a.shape, b.shape)
        if not np.array_equal(np.broadcast_to(a, shape), np.broadcast_to(b, shape)):
            raise Unfit("two of its elements meet")
        return a if a.shape == shape else b if b.shape == shape else np.broadcast_to(a, shape)

    def _moved(self, node: Any) -> Form:
        """An operation that moves elements of its first parent."""
        source, *others = node.parents
        if any(p not in self.numbers for p in others):
            raise Unfit("which of its elements is meant depends on a variable")
        form, fn = self(source), MOVES[node.op.name]
        arguments = [self.numbers(p) for p in others]

        def moved(x: np.ndarray) -> np.ndarray:
            try:
                return fn(np.broadcast_to(x, source.shape), *arguments, **node.settings)
            except IndexError:
                raise Unfit("an index is out of range") from None

        terms = {}
        for m, c in form.terms.items():
            if c.size == 1:
                terms[m] = c if c.ndim == 0 else (c.reshape(()) if is_number(c) else T.reshape(c, ()))
            else:
                terms[m] = moved(c) if is_number(c) else make(node.op, [broadcast(c, source.shape), *others], node.params)
        assert form.index is not None
        return Form(terms, moved(form.index))

    # Arithmetic -----------------------------------------------------------------------------------------------------------

    def add(self, a: Form, b: Form, index: Any) -> Form:
        """a + b."""
        terms = dict(a.terms)
        for m, c in b.terms.items():
            terms[m] = self.c.plus(terms[m], c) if m in terms else c
        return Form({m: c for m, c in terms.items() if not is_zero(c)}, index)

    def scale(self, a: Form, c: Any) -> Form:
        """c · a."""
        return Form({m: self.c.times(c, k) for m, k in a.terms.items()}, a.index)

    def multiply(self, a: Form, b: Form, index: Any) -> Form:
        """a · b."""
        if len(a.terms) * len(b.terms) > _MAX_TERMS:
            raise Unfit("it enters through a long polynomial")
        total = Form({}, index)
        for m, c in a.terms.items():
            part = {Monomial(*(x + y for x, y in zip(m, n, strict=True))): self.c.times(c, d) for n, d in b.terms.items()}
            total = self.add(total, Form(part), index)
        return total

    def factored(self, form: Form) -> tuple[Any, float, float]:
        """``(c, a, b)`` if a form is ``c · z^a · (1 - z)^b``.

        Raises
        ------
        Unfit
            If it is not.
        """
        terms = {m: c for m, c in form.terms.items() if not is_zero(c)}
        if any(m.log or m.log_rest for m in terms) or not terms:
            raise Unfit("it enters through a function of its logarithm")
        if len(terms) == 1:
            [(m, c)] = terms.items()
            return c, m.power, m.rest
        least = min(m.rest for m in terms)
        expanded = Form({}, form.index)
        for m, c in terms.items():
            power = m.rest - least
            if power != int(power) or power > _MAX_POWER:
                raise Unfit("it enters through a sum of different powers")
            part = Form({Monomial(m.power): c})
            for _ in range(int(power)):
                part = self.multiply(part, Form({UNIT: ONE, Monomial(1): -ONE}), None)
            expanded = self.add(expanded, part, form.index)
        powers = sorted((m.power, c) for m, c in expanded.terms.items()) if len(expanded.terms) == 1 else None
        if powers:
            return powers[0][1], powers[0][0], least
        if len(expanded.terms) == 2:
            (low, c), (high, d) = sorted(((m.power, c) for m, c in expanded.terms.items()), key=lambda pair: pair[0])
            if high == low + 1 and self.c.opposite(c, d) and self.is_below_one:
                return c, low, least + 1
        raise Unfit("it enters through a sum, no product of powers")

    def log(self, form: Form) -> Form:
        """The logarithm."""
        if form.index is None:
            return Form({UNIT: self.c.log(form.terms[UNIT])})
        c, a, b = self.factored(form)
        self._check_positive(c, a, b)
        terms = {UNIT: self.c.log(c), LOG: a * ONE, LOG_REST: b * ONE}
        return Form({m: k for m, k in terms.items() if not is_zero(k)}, form.index)

    def _check_positive(self, c: Any, a: float, b: float) -> None:
        if (a and not self.is_positive) or (b and not self.is_below_one) or self.c.sign(c) != 1:
            raise Unfit("what it enters a logarithm or power with is not proved to be positive")

    def power(self, form: Form, k: float) -> Form:
        """A power by a number."""
        if k in (2, 3) and len(form.terms) > 1:
            squared = self.multiply(form, form, form.index)
            return squared if k == 2 else self.multiply(squared, form, form.index)
        c, a, b = self.factored(form)
        if k != int(k):
            self._check_positive(c, a, b)
        return Form({Monomial(a * k, b * k): self.c.power(c, k)}, form.index)

    def exp(self, form: Form) -> Form:
        """The exponential of a combination of logarithms."""
        powers = {m: scalar_of(c) for m, c in form.terms.items() if m is not UNIT and m != UNIT}
        if not set(powers) <= {LOG, LOG_REST} or None in powers.values():
            raise Unfit("it enters through `exp`")
        c = form.terms.get(UNIT)
        scale = ONE if c is None else np.exp(c) if is_number(c) else T.exp(c)
        return Form({Monomial(powers.get(LOG, 0), powers.get(LOG_REST, 0)): scale}, form.index)  # type: ignore[arg-type]

    def log_sigmoid(self, form: Form) -> Form:
        """log σ of a combination of logarithms; coefficients of both signs are taken apart."""
        up = self._signs(form)
        if up is not None:
            part = Form({LOG: ONE, LOG_REST: -ONE}, form.index)
            down = self.c.plus(ONE, self.c.negative(up))
            other = self.scale(self.log_sigmoid(self.scale(part, -ONE)), down)
            return self.add(self.scale(self.log_sigmoid(part), up), other, form.index)
        odds = self.exp(self.scale(form, -ONE))
        return self.scale(self.log(self.add(odds, Form({UNIT: ONE}), form.index)), -ONE)

    def _signs(self, form: Form) -> Any:
        """Where a form is ``± (log z - log(1 - z))`` with signs that vary, 1 for plus and 0 for minus; else None."""
        sign = form.terms.get(LOG)
        if sign is None or set(form.terms) != {LOG, LOG_REST} or not self.c.opposite(sign, form.terms[LOG_REST]):
            return None
        if is_number(sign):
            return (sign > 0) * 1.0 if scalar_of(sign) is None and scalar_of(np.abs(sign)) == 1 else None
        if sign.fn_name != "where" or any(p not in self.numbers for p in sign.parents[1:]):
            return None
        a, b = (self.numbers(p) for p in sign.parents[1:])
        both = scalar_of(np.abs(a)) == 1 and scalar_of(np.abs(b)) == 1
        return T.where(sign.parents[0], (a > 0) * 1.0, (b > 0) * 1.0) if both else None

    def is_whole(self, form: Form, shape: tuple[int, ...]) -> bool:
        """Whether the last axis of a form runs over the whole of a value on the simplex."""
        if not self.is_simplex or form.index is None or not shape or shape[-1] != self.z.shape[-1]:
            return False
        index = np.broadcast_to(form.index, shape)
        first = index[..., :1]
        return bool((first % shape[-1] == 0).all() and (index == first + np.arange(shape[-1])).all())

    def is_just(self, form: Form, monomial: Monomial) -> bool:
        """Whether a form is one monomial with coefficient 1."""
        return set(form.terms) == {monomial} and scalar_of(form.terms[monomial]) == 1


# Rules by operator --------------------------------------------------------------------------------------------------------


def _sum_of(sign: float) -> Callable[[Forms, Any], Form]:
    def rule(forms: Forms, node: Any) -> Form:
        [a, b], index = forms._parts(node)
        return forms.add(a, b if sign > 0 else forms.scale(b, -ONE), index)

    return rule


def _multiply(forms: Forms, node: Any) -> Form:
    [a, b], index = forms._parts(node)
    return forms.multiply(a, b, index)


def _divide(forms: Forms, node: Any) -> Form:
    [a, b], index = forms._parts(node)
    c, power, rest = forms.factored(b) if b.index is not None else (b.terms[UNIT], 0, 0)
    terms = {Monomial(m.power - power, m.rest - rest, m.log, m.log_rest): forms.c.ratio(k, c) for m, k in a.terms.items()}
    return Form(terms, index)


def _map(fn: Callable[[Forms, Form], Form]) -> Callable[[Forms, Any], Form]:
    def rule(forms: Forms, node: Any) -> Form:
        return fn(forms, forms(node.parents[0]))

    return rule


def _power(forms: Forms, node: Any) -> Form:
    [a, b], _ = forms._parts(node)
    k = scalar_of(b.terms[UNIT]) if b.index is None else None
    if k is None:
        raise Unfit("it enters through a power that is no number")
    return forms.power(a, k)


def _times_log(forms: Forms, node: Any, *, plus_one: bool) -> Form:
    [x, y], _ = forms._parts(node)
    if x.index is not None:
        raise Unfit("it enters through `xlogy`")
    inner = forms.add(y, Form({UNIT: ONE}), y.index) if plus_one else y
    return forms.scale(forms.log(inner), x.terms[UNIT])


def _binomial_kernel(forms: Forms, node: Any) -> Form:
    [k, n, logit], _ = forms._parts(node)
    if k.index is not None or n.index is not None:
        raise Unfit("it is a count")
    failures = forms.c.plus(n.terms[UNIT], forms.c.negative(k.terms[UNIT]))
    up = forms.scale(forms.log_sigmoid(logit), k.terms[UNIT])
    return forms.add(up, forms.scale(forms.log_sigmoid(forms.scale(logit, -ONE)), failures), logit.index)


def _logit(forms: Forms, form: Form) -> Form:
    rest = forms.add(Form({UNIT: ONE}), forms.scale(form, -ONE), form.index)
    return forms.add(forms.log(form), forms.scale(forms.log(rest), -ONE), form.index)


def _abs(forms: Forms, form: Form) -> Form:
    if not form.terms:
        return form
    c, a, b = forms.factored(form)
    if (a % 2 and not forms.is_positive) or (b % 2 and not forms.is_below_one):
        raise Unfit("it enters through `abs`")
    return Form({Monomial(a, b): np.abs(c) if is_number(c) else T.abs(c)}, form.index)


def _sign(forms: Forms, form: Form) -> Form:
    _abs(forms, form)
    c, _, _ = forms.factored(form)
    return Form({UNIT: np.sign(c) if is_number(c) else T.sign(c)}, form.index)


def _where(forms: Forms, node: Any) -> Form:
    [condition, a, b], index = forms._parts(node)
    if condition.index is not None:
        raise Unfit("a condition depends on it")
    choice = condition.terms[UNIT]
    terms = {}
    for m in {**a.terms, **b.terms}:
        pair = [np.zeros(()) if m not in f.terms else f.terms[m] for f in (a, b)]
        both = all(is_number(x) for x in (choice, *pair))
        terms[m] = np.where(choice, *pair) if both else T.where(_bool_node(choice), *map(as_node, pair))
    return Form(terms, index)


def _bool_node(c: Any) -> Any:
    return T.constant(c) if is_number(c) else c


def _log_softmax(forms: Forms, node: Any) -> Form:
    form = forms(node.parents[0])
    if node.settings["axis"] % node.ndim != node.ndim - 1 or not forms.is_just(form, LOG) or not forms.is_whole(form, node.shape):
        raise Unfit("it enters through `log_softmax`")
    return form


def _sum(forms: Forms, node: Any) -> Form:
    [source], axes = node.parents, node.settings["axis"]
    form = forms(source)
    if tuple(axes) != (source.ndim - 1,) or not forms.is_just(form, Monomial(1)) or not forms.is_whole(form, source.shape):
        raise Unfit("it enters through a sum of its elements")
    return Form({UNIT: ONE}, np.broadcast_to(form.index, source.shape)[..., 0])  # type: ignore[arg-type]


def _plain_cast(forms: Forms, node: Any) -> Form:
    if node.dtype != node.parents[0].dtype:
        raise Unfit("it is cast to another type")
    return forms(node.parents[0])


_RULES: dict[str, Callable[[Forms, Any], Form]] = {
    "add": _sum_of(1),
    "subtract": _sum_of(-1),
    "multiply": _multiply,
    "divide": _divide,
    "power": _power,
    "negative": _map(lambda f, a: f.scale(a, -ONE)),
    "reciprocal": _map(lambda f, a: f.power(a, -1)),
    "square": _map(lambda f, a: f.power(a, 2)),
    "sqrt": _map(lambda f, a: f.power(a, 0.5)),
    "log": _map(lambda f, a: f.log(a)),
    "log1p": _map(lambda f, a: f.log(f.add(a, Form({UNIT: ONE}), a.index))),
    "exp": _map(lambda f, a: f.exp(a)),
    "log_sigmoid": _map(lambda f, a: f.log_sigmoid(a)),
    "softplus": _map(lambda f, a: f.scale(f.log_sigmoid(f.scale(a, -ONE)), -ONE)),
    "sigmoid": _map(lambda f, a: f.exp(f.log_sigmoid(a))),
    "logit": _map(_logit),
    "abs": _map(_abs),
    "sign": _map(_sign),
    "xlogy": lambda f, n: _times_log(f, n, plus_one=False),
    "xlog1py": lambda f, n: _times_log(f, n, plus_one=True),
    "binomial_kernel": _binomial_kernel,
    "where": _where,
    "log_softmax": _log_softmax,
    "sum": _sum,
    "cast": _plain_cast,
}

#: Operations that an expression with a form may be made of.
KNOWN = frozenset({*_RULES, *MOVES})
