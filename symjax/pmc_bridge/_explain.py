"""`explain`: what is rewritten before a model is sampled, and what was considered and left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from symjax.core._scope import detached
from symjax.core._traverse import toposort
from symjax.pmc_bridge._joint import flat_inputs, joint_terms, total
from symjax.pmc_bridge._model import modelcontext
from symjax.random import RandomVariable
from symjax.rewrite import RULES, canonicalize


@dataclass(frozen=True, slots=True)
class Record:
    """A rewrite of a model.

    Attributes
    ----------
    rule : str
        Name of the rule.
    variables : tuple of str
        Variables that it concerns.
    reason : str
        What it did, or why it was left alone.
    """

    rule: str
    variables: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """What `explain` found; prints as a table.

    Attributes
    ----------
    applied, declined : list of Record
        Rewrites that are done, and those that were considered and are not.
    operations : dict of str to (int, int)
        Number of operations of each term of the log density as written and as sampled; ``"all"`` is their sum with what they share
        counted once.
    """

    applied: list[Record]
    declined: list[Record]
    operations: dict[str, tuple[int, int]]
    _graph: Any

    def to_networkx(self) -> Any:
        """The model as it is sampled, as `model_to_networkx` gives the model as written; nodes also tell their operation counts."""
        return self._graph.copy()

    def __str__(self) -> str:
        before, after = self.operations["all"]
        lines = [f"log density: {before} operations as written, {after} as sampled"]
        for name, (n_before, n_after) in self.operations.items():
            rules = [r.rule for r in self.applied if name in r.variables]
            if rules:
                lines.append(f"  {name}: {n_before} → {n_after} operations by {', '.join(rules)}")
        lines += [f"  declined, {', '.join(r.variables)}: {r.rule}: {r.reason}" for r in self.declined]
        return "\n".join(lines)

    def __rich__(self) -> Any:
        from rich.table import Table

        before, after = self.operations["all"]
        table = Table(title=f"log density: {before} operations as written, {after} as sampled", title_justify="left")
        for name in ("", "variables", "rule", "what"):
            table.add_column(name)
        for mark, records in (("applied", self.applied), ("declined", self.declined)):
            for r in records:
                table.add_row(mark, ", ".join(r.variables), r.rule, r.reason)
        return table

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{mark}</td><td>{escape(', '.join(r.variables))}</td><td>{escape(r.rule)}</td><td>{escape(r.reason)}</td></tr>"
            for mark, records in (("applied", self.applied), ("declined", self.declined))
            for r in records
        )
        before, after = self.operations["all"]
        return f"<p>log density: {before} operations as written, {after} as sampled</p><table>{rows}</table>"


def explain(model: Any = None) -> Report:
    """What is rewritten before a model is sampled.

    Parameters
    ----------
    model : Model, optional
        The model in context by default.

    Returns
    -------
    Report
        With the records of what is applied and declined, and operation counts.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model() as model:
    ...     x = pm.Exponential("x", 1.0)
    >>> pm.explain(model).applied[0].variables
    ('x',)
    """
    model = modelcontext(model)
    from symjax.core._traverse import substitute

    with detached():
        _, _, parts = flat_inputs(model)
        terms = {name: substitute([total([t])], parts)[0] for name, t in joint_terms(model).items()}
    applied: list[Record] = []
    operations: dict[str, tuple[int, int]] = {}
    simple = []
    for name, term in terms.items():
        log: list[Any] = []
        simple.append(canonicalize(term, laws=False, log=log))
        operations[name] = (_count([term]), _count([simple[-1]]))
        applied += _records(name, log, *operations[name])
    whole = canonicalize(list(terms.values()), laws=False)
    operations["all"] = (_count(terms.values()), _count(whole))
    return Report(applied, _declined(model), operations, _annotated(model, operations))


def _count(outputs: Any) -> int:
    return sum(n.op is not None for n in toposort(list(outputs)))


def _formula(rule: str) -> str:
    found = RULES.get(rule)
    return f"{found.formula} " if found is not None else ""


def _records(name: str, log: Sequence[Any], before: int, after: int) -> list[Record]:
    counts = Counter(f.rule for f in log)
    return [
        Record(rule, (name,), f"{_formula(rule)}({n} time{'s' if n > 1 else ''}; {before} → {after} operations in the term)")
        for rule, n in counts.items()
    ]


def _declined(model: Any) -> list[Record]:
    """Laws that would merge variables of the model if they were not wanted by name in the posterior."""
    found: list[Record] = []
    names = {rv: rv.name for rv in model.basic_RVs}
    for node in model.deterministics:
        log: list[Any] = []
        canonicalize(node, laws=True, log=log)
        for firing in log:
            merged = [n for n in toposort([firing.before]) if isinstance(n, RandomVariable) and n in names]
            if isinstance(firing.after, RandomVariable) and merged:
                variables = tuple(dict.fromkeys(names[n] for n in merged))
                reason = f"in {node.name!r}: {', '.join(variables)} are variables of the model, whose own draws are wanted"
                found.append(Record(firing.rule, variables, reason))
    return found


def _annotated(model: Any, operations: dict[str, tuple[int, int]]) -> Any:
    from symjax.pmc_bridge._graph import model_to_networkx

    graph = model_to_networkx(model)
    for name in list(graph):
        if name in operations:
            before, after = operations[name]
            graph.nodes[name]["operations"] = (before, after)
            graph.nodes[name]["label"] += f"\n{before} → {after} operations"
        value = model.rvs_to_values.get(model.named_vars[name])
        transform = model.rvs_to_transforms.get(model.named_vars[name])
        if value is not None and transform is not None:
            graph.nodes[name]["label"] += f"\nas {value.name}"
    return graph
