"""Random networks of normals with linear means and of discrete switches.

Given the discrete variables everything is jointly normal: evidence and posterior moments come from enumeration and linear algebra.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import symjax.pmc_bridge as pm
import symjax.tensor as T

# the trapezoidal rule: it is exact to all digits for a bounded statistic, even where that is steep beside a law's width
_NODES = np.linspace(-9.0, 9.0, 20_001)
_WEIGHTS = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()


@dataclass(frozen=True)
class Node:
    """A variable: normal with a linear mean, or discrete with probabilities that may depend on a discrete one.

    Attributes
    ----------
    name : str
        Name.
    kind : str
        ``"normal"`` or ``"discrete"``.
    shape : tuple of int
        Shape.
    inputs : tuple of (str, str, array)
        Summands of a normal's mean: name, form and coefficients, see `_FORMS`.
    shift : (str, array) or None
        A discrete scalar whose value picks a summand of the mean.
    scales : array
        Standard deviations, by the value of `scale_switch` if there is one.
    scale_switch : str or None
        A discrete scalar.
    table : array
        Probabilities of a discrete variable, the last axis its values; a first axis for the values of `switch`.
    switch : str or None
        A discrete scalar.
    observed : array or None
        Data.
    """

    name: str
    kind: str
    shape: tuple[int, ...] = ()
    inputs: tuple[tuple[str, str, Any], ...] = ()
    shift: tuple[str, Any] | None = None
    scales: Any = None
    scale_switch: str | None = None
    table: Any = None
    switch: str | None = None
    observed: Any = None
    offset: float = 0.0


def _total(x: Any) -> Any:
    return x.sum()


#: How a parent enters a mean: a function of (parent, coefficients) that works on tensors and arrays, giving the child's shape.
_FORMS: dict[str, Callable[[Any, Any], Any]] = {
    "scaled": lambda x, c: c * x,
    "total": lambda x, c: c * x.sum(),
    "mean": lambda x, c: c * x.mean(),
    "element": lambda x, c: c * x[-1],
    "reversed": lambda x, c: c * x[::-1],
    "product": lambda x, c: T.dot(c, x) if hasattr(x, "aval") else c @ x,
    "gathered": lambda x, c: x[c],
    "deterministic": lambda x, c: (2 * x + 1) * c - c,
}


@dataclass(frozen=True)
class LinearNetwork:
    """A random model with its reference answers."""

    nodes: tuple[Node, ...]

    def build(self) -> Any:
        """The model."""
        with pm.Model() as model:
            made: dict[str, Any] = {}
            for v in self.nodes:
                if v.kind == "discrete":
                    p = T.constant(v.table)[made[v.switch]] if v.switch else v.table
                    made[v.name] = pm.Categorical(v.name, p=p, shape=v.shape, observed=v.observed)
                    continue
                mean: Any = v.offset
                for name, form, c in v.inputs:
                    mean = mean + _FORMS[form](made[name], c)
                if v.shift:
                    mean = mean + T.constant(v.shift[1])[made[v.shift[0]]]
                sigma = T.constant(v.scales)[made[v.scale_switch]] if v.scale_switch else v.scales
                made[v.name] = pm.Normal(v.name, mean, sigma, shape=v.shape, observed=v.observed)
        return model

    @property
    def latent(self) -> list[Node]:
        """The variables that are not observed."""
        return [v for v in self.nodes if v.observed is None]

    def error(self, fixed: Mapping[str, Any]) -> float:
        """Enumeration and linear algebra are exact."""
        return 0.0

    def log_marginal(self, fixed: Mapping[str, Any]) -> float:
        """Log density of the data and of some latents, the others summed and integrated out."""
        return float(logsumexp([w for w, *_ in self._worlds(fixed)]))

    def means(self, fixed: Mapping[str, Any], statistic: Callable[[Any], Any]) -> dict[str, np.ndarray]:
        """Posterior means of a statistic of each element of the latents that are not fixed."""
        worlds = list(self._worlds(fixed))
        weights = np.exp(np.array([w for w, *_ in worlds]) - logsumexp([w for w, *_ in worlds]))
        found = {v.name: np.zeros(v.shape) for v in self.latent if v.name not in fixed}
        for weight, (_, assignment, means, sds) in zip(weights, worlds, strict=True):
            for v in self.latent:
                if v.name in fixed:
                    continue
                if v.kind == "discrete":
                    found[v.name] += weight * statistic(np.asarray(assignment[v.name], float))
                else:
                    at = means[v.name][..., None] + sds[v.name][..., None] * _NODES
                    found[v.name] += weight * (statistic(at) @ _WEIGHTS)
        return found

    def _worlds(self, fixed: Mapping[str, Any]) -> Any:
        """For each assignment of the discrete variables its log weight, itself, and conditional means and sds of the normals."""
        discrete = [v for v in self.nodes if v.kind == "discrete"]
        choices = []
        for v in discrete:
            given = v.observed if v.observed is not None else fixed.get(v.name)
            k = v.table.shape[-1]
            each = itertools.product(range(k), repeat=int(np.prod(v.shape))) if given is None else [np.ravel(given)]
            choices.append([np.reshape(c, v.shape).astype(int) for c in each])
        for combination in itertools.product(*choices):
            z = {v.name: c for v, c in zip(discrete, combination, strict=True)}
            log_prior = sum(
                float(np.sum(np.log(np.asarray(v.table[z[v.switch]] if v.switch else v.table)[z[v.name]]))) for v in discrete
            )
            yield self._given(z, log_prior, fixed)

    def _given(self, z: Mapping[str, Any], log_prior: float, fixed: Mapping[str, Any]) -> Any:
        normals = [v for v in self.nodes if v.kind == "normal"]
        sizes = [int(np.prod(v.shape)) for v in normals]
        n = sum(sizes)
        starts = dict(zip([v.name for v in normals], np.cumsum([0, *sizes])[:-1], strict=True))
        # every variable as an affine function of all standard normal innovations
        constants, maps = np.zeros(n), np.zeros((n, n))
        for v, size in zip(normals, sizes, strict=True):
            rows = slice(starts[v.name], starts[v.name] + size)
            known = {
                m.name: (constants, maps, slice(starts[m.name], starts[m.name] + int(np.prod(m.shape))), m.shape) for m in normals
            }
            constants[rows], maps[rows] = self._row(v, size, known, z, n)
            sd = v.scales[z[v.scale_switch]] if v.scale_switch else v.scales
            maps[rows, rows] += np.diag(np.broadcast_to(sd, v.shape).ravel())
        covariance = maps @ maps.T
        known_values = {v.name: v.observed if v.observed is not None else fixed.get(v.name) for v in normals}
        index = np.concatenate(
            [
                np.arange(starts[v.name], starts[v.name] + s)
                for v, s in zip(normals, sizes, strict=True)
                if known_values[v.name] is not None
            ]
            or [np.zeros(0, int)]
        ).astype(int)
        mean, cov = constants, covariance
        if len(index):
            values = np.concatenate([np.ravel(known_values[v.name]) for v in normals if known_values[v.name] is not None])
            log_prior = log_prior + float(multivariate_normal(constants[index], covariance[np.ix_(index, index)]).logpdf(values))
            gain = np.linalg.solve(covariance[np.ix_(index, index)], covariance[index]).T
            mean = constants + gain @ (values - constants[index])
            cov = covariance - gain @ covariance[index]
        sd = np.sqrt(np.maximum(np.diag(cov), 0.0))
        cut = {v.name: slice(starts[v.name], starts[v.name] + s) for v, s in zip(normals, sizes, strict=True)}
        means = {v.name: mean[cut[v.name]].reshape(v.shape) for v in normals}
        return log_prior, z, means, {v.name: sd[cut[v.name]].reshape(v.shape) for v in normals}

    @staticmethod
    def _row(v: Node, size: int, known: Mapping[str, Any], z: Mapping[str, Any], n: int) -> tuple[np.ndarray, np.ndarray]:
        def through(column: int | None) -> np.ndarray:
            total = np.zeros(v.shape)
            for name, form, c in v.inputs:
                constants, maps, rows, shape = known[name]
                x = (constants[rows] if column is None else maps[rows, column]).reshape(shape)
                at_zero = _FORMS[form](np.zeros(shape), c) if column is not None else 0.0
                total = total + _FORMS[form](x, c) - at_zero
            return np.broadcast_to(total, v.shape).ravel()

        base = through(None) + v.offset
        if v.shift:
            base = base + np.broadcast_to(v.shift[1][z[v.shift[0]]], v.shape).ravel()
        return base, np.stack([through(j) for j in range(n)], 1) if n else np.zeros((size, 0))


def random_network(rng: np.random.Generator) -> LinearNetwork:
    """A random network of 2 to 7 variables."""
    nodes: list[Node] = []
    for k in range(rng.integers(2, 8)):
        switches = [v.name for v in nodes if v.kind == "discrete" and v.shape == ()]
        if rng.random() < 0.25 and sum(v.kind == "discrete" for v in nodes) < 3:
            nodes.append(_discrete(rng, f"z{k}", nodes, switches))
        else:
            nodes.append(_normal(rng, f"x{k}", nodes, switches))
    last = nodes[-1]
    chosen = [v is last or rng.random() < 0.25 for v in nodes]
    finished = [_observed(rng, v) if c else v for v, c in zip(nodes, chosen, strict=True)]
    return LinearNetwork(tuple(finished))


def _observed(rng: np.random.Generator, v: Node) -> Node:
    data = rng.integers(0, v.table.shape[-1], v.shape) if v.kind == "discrete" else 1.5 * rng.normal(size=v.shape)
    return Node(**{**{f: getattr(v, f) for f in v.__dataclass_fields__}, "observed": np.asarray(data)})


def _discrete(rng: np.random.Generator, name: str, nodes: list[Node], switches: list[str]) -> Node:
    k = int(rng.integers(2, 4))
    shape = (2,) if rng.random() < 0.25 else ()
    if switches and rng.random() < 0.6:
        return Node(name, "discrete", shape, table=rng.dirichlet(np.ones(k), 3), switch=switches[rng.integers(len(switches))])
    return Node(name, "discrete", shape, table=rng.dirichlet(np.ones(k)))


def _normal(rng: np.random.Generator, name: str, nodes: list[Node], switches: list[str]) -> Node:
    shape = () if rng.random() < 0.45 else (int(rng.integers(2, 4)),)
    parents = [v for v in nodes if v.kind == "normal"]
    inputs = []
    for v in rng.permutation(np.array(parents, object))[: rng.integers(0, 3)] if parents else []:
        inputs.append((v.name, *_form(rng, v.shape, shape)))
    shift = (str(rng.choice(switches)), rng.normal(size=3)) if switches and rng.random() < 0.5 else None
    switch = str(rng.choice(switches)) if switches and rng.random() < 0.3 else None
    scales = rng.uniform(0.4, 2.0, 3) if switch else rng.uniform(0.4, 2.0, shape if rng.random() < 0.5 else ())
    return Node(name, "normal", shape, tuple(inputs), shift, scales, switch, offset=float(rng.normal()))


def _form(rng: np.random.Generator, parent: tuple[int, ...], child: tuple[int, ...]) -> tuple[str, Any]:
    c = float(rng.normal() + 0.5)
    if parent == ():
        return ("scaled", rng.normal(size=child)) if rng.random() < 0.5 else ("deterministic", c)
    if child == ():
        return str(rng.choice(["total", "mean", "element"])), c
    options = ["total", "element", "product", "gathered"] + (["scaled", "reversed", "deterministic"] if parent == child else [])
    form = str(rng.choice(options))
    if form == "product":
        return form, rng.normal(size=(child[0], parent[0]))
    if form == "gathered":
        return form, rng.integers(0, parent[0], child[0])
    return form, c


def network_point(rng: np.random.Generator, network: LinearNetwork) -> dict[str, Any]:
    """Values of all latents."""
    found = {}
    for v in network.latent:
        found[v.name] = rng.integers(0, v.table.shape[-1], v.shape) if v.kind == "discrete" else 1.5 * rng.normal(size=v.shape)
    return found
