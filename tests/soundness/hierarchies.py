"""Random hierarchies: up to two shared variables, a plate of local ones, children with any number of rows, some observed.

Evidence and posterior moments come from nested quadrature: given the shared variables the elements of the plate are independent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit, logsumexp

import symjax.pmc_bridge as pm
import symjax.tensor as T
from tests.soundness.families import FAMILIES, SIZES, Family, grid

PLATE = "plate"


@dataclass(frozen=True)
class Variable:
    """A variable of a random model.

    Attributes
    ----------
    name, family : str
        Name and law.
    parameters : tuple of callable
        ``parameter(values, i)`` from the values of earlier variables by name; `i` is None where they are tensors with their own
        axes, and the element of the plate where they are arrays of quadrature nodes.
    parents : frozenset of str
        Variables that the parameters use.
    size : int or None
        Number of elements; None for a scalar.
    rows : array or None
        For children of the plate with rows of their own: the element that each row belongs to.
    observed : array or None
        Data.
    """

    name: str
    family: str
    parameters: tuple[Callable[[Mapping[str, Any], int | None], Any], ...]
    parents: frozenset[str]
    size: int | None = None
    rows: Any = None
    observed: Any = None


@dataclass(frozen=True)
class Hierarchy:
    """A random model with its reference answers.

    Attributes
    ----------
    variables : tuple of Variable
        In an order in which parents come first.
    fineness : float
        Number of quadrature nodes relative to the default.
    """

    variables: tuple[Variable, ...]
    fineness: float = 1.0

    def error(self, fixed: Mapping[str, Any]) -> float:
        """How far quadrature with more nodes is from that with these: the accuracy of the reference itself."""
        return abs(self.log_marginal(fixed) - replace(self, fineness=1.5).log_marginal(fixed))

    def build(self) -> Any:
        """The model."""
        with pm.Model() as model:
            made: dict[str, Any] = {}
            for v in self.variables:
                parents = made if v.rows is None else {**made, **{n: x[v.rows] for n, x in made.items() if x.shape}}
                arguments = [p(parents, None) for p in v.parameters]
                shape = {} if v.size is None else {"shape": v.size}
                made[v.name] = FAMILIES[v.family].make(v.name, *arguments, observed=v.observed, **shape)
        return model

    @property
    def latent(self) -> list[Variable]:
        """The variables that are not observed."""
        return [v for v in self.variables if v.observed is None]

    def log_marginal(self, fixed: Mapping[str, Any]) -> float:
        """Log density of the data and of some latents, the others integrated out."""
        return float(logsumexp(self._over_shared(fixed)[0]))

    def means(self, fixed: Mapping[str, Any], statistic: Callable[[Any], Any]) -> dict[str, np.ndarray]:
        """Posterior means of a statistic of each element of the latents that are not fixed."""
        log_weights, nodes, inner = self._over_shared(fixed)
        weights = np.exp(log_weights - logsumexp(log_weights))
        found = {}
        for v in self.latent:
            if v.name in fixed:
                continue
            if v.size is None:
                found[v.name] = np.sum(weights * statistic(nodes[v.name]))
            else:
                each = []
                for i in range(v.size):
                    local, x = inner[v.name][i]
                    given = np.exp(local - logsumexp(local, axis=-1, keepdims=True))
                    each.append(np.sum(weights * np.sum(given * statistic(x), axis=-1)))
                found[v.name] = np.array(each)
        return found

    def _nodes(self, v: Variable, values: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
        family = FAMILIES[v.family]
        if family.support == "finite":
            size = SIZES[v.family](*[p(values, 0) if p.__name__ == "fixed" else None for p in v.parameters])
            return np.arange(size, dtype=float), np.zeros(size)
        if family.support == "counts":
            return np.arange(int(400 * self.fineness)).astype(float), np.zeros(int(400 * self.fineness))
        return grid(family.support, n, self.fineness)

    def _over_shared(self, fixed: Mapping[str, Any]) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Log weights on the grid of the shared variables, their nodes, and for local variables their own terms and nodes."""
        shared = [v for v in self.latent if v.size is None and v.name not in fixed]
        n_shared = {0: 0, 1: 360, 2: 170}[len(shared)]
        nodes: dict[str, Any] = {n: np.asarray(x, float) for n, x in fixed.items()}
        total: Any = np.zeros((1,) * len(shared))
        for k, v in enumerate(shared):
            x, w = self._nodes(v, nodes, n_shared)
            shape = [1] * len(shared)
            shape[k] = -1
            nodes[v.name] = x.reshape(shape)
            total = total + w.reshape(shape)
        inner: dict[str, list[Any]] = {}
        for v in self.variables:
            if v.size is None and v.rows is None:
                total = total + self._term(v, nodes, nodes.get(v.name), 0)
        local = next((v for v in self.variables if v.size is not None and v.rows is None), None)
        if local is None:
            for child in self.variables:
                if child.rows is not None:
                    total = total + sum(self._row(child, nodes, r) for r in range(len(child.rows)))
            return total, nodes, inner
        for i in range(local.size or 0):
            x, w = (nodes[local.name][i, None], np.zeros(1)) if local.name in fixed else self._nodes(local, nodes, 330)
            wide = {n: value[..., None] for n, value in nodes.items() if n != local.name}
            term = w + self._term(local, wide, x, i)
            here = {**wide, local.name: x}
            for child in self.variables:
                if child.rows is not None:
                    term = term + sum(self._row(child, here, r) for r in np.flatnonzero(child.rows == i))
            inner.setdefault(local.name, []).append((term, x))
            total = total + logsumexp(term, axis=-1)
        return total, nodes, inner

    def _term(self, v: Variable, values: Mapping[str, Any], value: Any, i: int) -> Any:
        if v.observed is not None:
            value = np.asarray(v.observed, float).ravel()[i]
        with np.errstate(all="ignore"):
            found = FAMILIES[v.family].log_density(value, *[p(values, i) for p in v.parameters])
        return np.where(np.isnan(found), -np.inf, found)

    def _row(self, v: Variable, values: Mapping[str, Any], row: int) -> Any:
        return self._term(v, values, None, row)


def _link(
    rng: np.random.Generator, role: str, family: Family, parents: list[tuple[str, str]]
) -> tuple[Callable[..., Any], frozenset]:
    """A random parameter of a role, from parents (name, support) where they fit."""
    if role == "fixed":
        value = family.fixed[rng.integers(len(family.fixed))]

        def fixed(values: Mapping[str, Any], i: int | None) -> Any:
            return value

        return fixed, frozenset()
    fitting = [p for p in parents if p[1] == role or p[1] == "finite" or (p[1] == "positive" and role == "real")]
    constant = float({"real": rng.normal(), "positive": rng.uniform(0.5, 2), "unit": rng.uniform(0.2, 0.8)}[role])
    if not fitting or rng.random() < 0.25:

        def number(values: Mapping[str, Any], i: int | None) -> Any:
            return constant

        return number, frozenset()
    name, support = fitting[rng.integers(len(fitting))]
    scale = float(rng.choice([1.0, 1.0, 0.5, 2.0]))
    if support == "finite":
        table = {"real": rng.normal(size=6), "positive": rng.uniform(0.4, 2.5, 6), "unit": rng.uniform(0.1, 0.9, 6)}[role]

        def switched(values: Mapping[str, Any], i: int | None) -> Any:
            z = values[name]
            return T.constant(table)[z] if i is None else table[np.asarray(z, int)]

        return switched, frozenset([name])
    forms: dict[str, list[Callable[[Any], Any]]] = {
        "real": [lambda x: x, lambda x: scale * x + constant, lambda x: constant - x],
        "positive": [lambda x: x, lambda x: scale * x, lambda x: scale / x, lambda x: x**0.5, lambda x: x**-0.5],
        "unit": [lambda x: x, lambda x: 1 - x],
    }
    form = forms[role][rng.integers(len(forms[role]))]
    if role == "unit" and rng.random() < 0.1:
        form = lambda x: 0.5 * x  # noqa: E731

    def linked(values: Mapping[str, Any], i: int | None) -> Any:
        return form(values[name])

    return linked, frozenset([name])


def _variable(rng: np.random.Generator, name: str, choices: list[str], parents: list[tuple[str, str]], **where: Any) -> Variable:
    family = choices[rng.integers(len(choices))]
    found = [_link(rng, role, FAMILIES[family], parents) for role in FAMILIES[family].roles]
    return Variable(name, family, tuple(f for f, _ in found), frozenset().union(*(s for _, s in found)), **where)


SHARED = ["Normal", "HalfNormal", "Exponential", "Gamma", "InverseGamma", "Beta", "Bernoulli", "Categorical", "Gamma", "Beta"]
LOCAL = ["Normal", "Gamma", "InverseGamma", "Exponential", "Beta", "Bernoulli", "Categorical", "Poisson", "Binomial", "LogNormal"]
CHILDREN = [
    "Normal", "Normal", "NormalPrecision", "LogNormal", "Exponential", "Gamma", "InverseGamma", "Laplace", "Weibull", "Bernoulli",
    "Binomial", "Geometric", "Poisson", "Poisson", "NegativeBinomial",
]  # fmt: skip


def random_hierarchy(rng: np.random.Generator) -> Hierarchy:
    """A random model of 2 to 6 variables."""
    variables: list[Variable] = []
    parents: list[tuple[str, str]] = []
    for k in range(rng.integers(0, 3)):
        v = _variable(rng, f"s{k}", SHARED, parents if rng.random() < 0.6 else [])
        variables.append(v)
        parents.append((v.name, FAMILIES[v.family].support))
    if rng.random() < 0.7 or not variables:
        v = _variable(rng, "local", LOCAL, parents, size=int(rng.integers(1, 4)))
        variables.append(v)
        parents.append((v.name, FAMILIES[v.family].support))
    local = next((v for v in variables if v.size is not None), None)
    values = _simulate(rng, variables)
    for k in range(rng.integers(1, 4)):
        rows = np.sort(rng.integers(0, local.size or 1, rng.integers(1, 5))) if local else np.zeros(rng.integers(1, 5), int)
        v = _variable(rng, f"y{k}", CHILDREN, parents[::-1] if rng.random() < 0.8 else parents[-1:], size=len(rows), rows=rows)
        observed = np.array([_draw(rng, v, _at(values, variables, int(r))) for r in rows])
        variables.append(Variable(v.name, v.family, v.parameters, v.parents, v.size, rows, observed))
    return Hierarchy(tuple(variables))


def _simulate(rng: np.random.Generator, variables: list[Variable]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for v in variables:
        values[v.name] = np.array([_draw(rng, v, values) for _ in range(v.size or 1)])
        if v.size is None:
            values[v.name] = values[v.name][0]
    return values


def _at(values: Mapping[str, Any], variables: list[Variable], i: int) -> dict[str, Any]:
    return {v.name: values[v.name] if v.size is None else values[v.name][i] for v in variables if v.name in values}


def _draw(rng: np.random.Generator, v: Variable, values: Mapping[str, Any]) -> Any:
    found = FAMILIES[v.family].draw(rng, *[_mild(p(values, 0)) for p in v.parameters])
    support = FAMILIES[v.family].support
    if support == "unit":
        return float(expit(np.clip(np.log(found) - np.log1p(-found), -4, 4)))
    if support in ("positive", "real"):
        return float(np.clip(found, 1e-2 if support == "positive" else -8, 8))
    return int(min(found, 60))


def _mild(parameter: Any) -> Any:
    return parameter if isinstance(parameter, tuple) or np.ndim(parameter) else float(np.clip(parameter, -8, 8))


def point(rng: np.random.Generator, model: Hierarchy) -> dict[str, Any]:
    """Values of all latents, drawn from the prior and kept mild."""
    return _simulate(rng, model.latent)
