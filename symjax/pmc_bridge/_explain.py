"""`explain`: what is done to a model before it is sampled, and what was considered and left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symjax.core._scope import detached
from symjax.core._traverse import toposort
from symjax.pmc_bridge._graph import model_to_networkx
from symjax.pmc_bridge._joint import total
from symjax.pmc_bridge._model import modelcontext
from symjax.pmc_bridge._plan import ModelPlan, log_density, plan_posterior
from symjax.pmc_bridge._reparametrize import coordinates_of
from symjax.random.posterior import Record
from symjax.rewrite import RULES, canonicalize

_EXACT = "Nothing is left to sample: draws are independent and exact."


@dataclass(frozen=True, slots=True)
class Report:
    """What `explain` found; prints as a note, in a notebook as a table.

    Attributes
    ----------
    applied, declined : list of Record
        Rewrites that are done, and those that were considered and are not.
    operations : dict of str to (int, int)
        Number of operations of each term of the log density as written and as sampled; ``"all"`` counts what they share once.
    dimensions : (int, int)
        Number of values that a sampler moves, as written and as sampled.
    """

    applied: list[Record]
    declined: list[Record]
    operations: dict[str, tuple[int, int]]
    dimensions: tuple[int, int]
    _before: Any
    _after: Any

    def to_networkx(self) -> Any:
        """The model as it is sampled, as `model_to_networkx` gives the model as written.

        Nodes have the further attributes ``status`` ("sampled", "integrated out", "reduced" or "as written") and, where their term
        was rewritten, ``operations``.
        """
        return self._after.copy()

    def plot(self) -> Any:
        """Pictures of the model as written and as sampled, side by side.

        Returns
        -------
        matplotlib.figure.Figure
            To be shown or saved; needs matplotlib (``symjax[plots]``).
        """
        from symjax.pmc_bridge._picture import draw_graphs

        return draw_graphs({"as written": self._before, "as sampled": self._after})

    @property
    def summary(self) -> str:
        """One sentence on what is left."""
        (before, after), (wide, narrow) = self.operations["all"], self.dimensions
        if not narrow:
            return f"{_counted(wide, 'dimension')}, {_counted(before, 'operation')} as written. {_EXACT}"
        written = f"{_counted(wide, 'dimension')}, {_counted(before, 'operation')} as written"
        return f"{written}; {_counted(narrow, 'dimension')}, {_counted(after, 'operation')} as sampled."

    def __str__(self) -> str:
        notes = [r.reason for r in self.applied if r.reason and r.rule not in RULES]
        lines = [self.summary, *(f"  {note}" for note in notes)]
        algebra = dict.fromkeys(r.rule for r in self.applied if r.rule in RULES or not r.reason)
        if algebra:
            lines.append(f"  What is left was simplified by algebra: {', '.join(algebra)}.")
        if self.declined:
            lines.append("Considered and left alone:")
            lines += [f"  {', '.join(r.variables)}: {r.rule}: {r.reason}" for r in self.declined]
        return "\n".join(lines)

    def _rows(self) -> list[tuple[str, str, str, str]]:
        marked = [("applied", r) for r in self.applied] + [("declined", r) for r in self.declined]
        return [(mark, ", ".join(r.variables), r.rule, r.reason) for mark, r in marked]

    def __rich__(self) -> Any:
        from rich.table import Table

        table = Table(title=self.summary, title_justify="left")
        for name in ("", "variables", "rule", "what"):
            table.add_column(name)
        for row in self._rows():
            table.add_row(*row)
        return table

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self._rows())
        head = "<tr><th></th><th>variables</th><th>rule</th><th>what</th></tr>"
        return f"<p>{escape(self.summary)}</p><table>{head}{rows}</table>"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def explain(model: Any = None, rewrites: Any = "auto") -> Report:
    """What is done to a model before it is sampled, and why.

    Parameters
    ----------
    model : Model, optional
        The model in context by default.
    rewrites : {"auto", None} or sequence of str
        As `sample` takes it.

    Returns
    -------
    Report
        With the records of what is applied and declined, and the sizes of the log density before and after.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model() as model:
    ...     p = pm.Beta("p", 2.0, 2.0)
    ...     y = pm.Binomial("y", 10, p, observed=7)
    >>> report = pm.explain(model)
    >>> report.dimensions
    (1, 0)
    """
    model = modelcontext(model)
    written, plan = plan_posterior(model, None), plan_posterior(model, rewrites)
    before = _terms(written)
    after: dict[str, Any] = {}
    applied = [*plan.plan.applied, *(coordinates_of(plan) if rewrites == "auto" else ())]
    for name, term in _terms(plan).items():
        log: list[Any] = []
        after[name] = term if rewrites is None else canonicalize(term, laws=False, log=log)
        applied += _algebra(name, log)
    operations = {name: (_count([term]), _count([after[name]]) if name in after else 0) for name, term in before.items()}
    operations["all"] = (_count(before.values()), _count(after.values()))
    graphs = model_to_networkx(model), _annotated(model, plan, operations)
    return Report(applied, plan.plan.declined, operations, (_dimensions(written), _dimensions(plan)), *graphs)


def _terms(plan: ModelPlan) -> dict[str, Any]:
    with detached():
        return {name: total([t]) for name, t in log_density(plan, plan.unconstrained()).items()}


def _dimensions(plan: ModelPlan) -> int:
    return sum(int(np.prod(u.leaf.shape, dtype=int)) for u in plan.unconstrained())


def _count(outputs: Any) -> int:
    return sum(n.op is not None for n in toposort(list(outputs)))


def _algebra(name: str, log: Sequence[Any]) -> list[Record]:
    """Pointwise rewrites of a term, with their formulas."""
    counts = Counter(f.rule for f in log)
    formulas = {rule: RULES[rule].formula if rule in RULES else "" for rule in counts}
    return [Record(r, (name,), f"{formulas[r]} ({n} time{'s' if n > 1 else ''})" if formulas[r] else "") for r, n in counts.items()]


def _annotated(model: Any, plan: ModelPlan, operations: dict[str, tuple[int, int]]) -> Any:
    graph = model_to_networkx(model)
    recovered = {x.name for r in plan.plan.rewrites for x in r.conditional}
    reduced = {name for r in plan.plan.rewrites if not r.conditional for name in r.variables}
    transformed = {u.rv.name: u.variable.name for u in plan.unconstrained() if u.log_det is not None}
    for name, attributes in graph.nodes(data=True):
        if attributes["kind"] == "free":
            attributes["status"] = "integrated out" if name in recovered else "sampled"
        else:
            attributes["status"] = "reduced" if name in reduced else "as written"
        if attributes["status"] in ("integrated out", "reduced"):
            attributes["label"] += f"\n{attributes['status']}"
        if name in transformed:
            attributes["label"] += f"\nas {transformed[name]}"
        if name in operations and operations[name][0] != operations[name][1]:
            attributes["operations"] = operations[name]
        if operations.get(name, (0, 0))[1]:
            attributes["label"] += "\n{} → {} operations".format(*operations[name])
    return graph
