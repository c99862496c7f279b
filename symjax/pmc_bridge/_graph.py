"""A model's graph: variables as nodes, dependence as edges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symjax.core._leaves import Variable
from symjax.core._traverse import toposort
from symjax.pmc_bridge._model import modelcontext


def _kind(model: Any, variable: Any) -> str:
    if isinstance(variable, Variable):
        return "data"
    if variable in model.potentials:
        return "potential"
    if variable in model.deterministics:
        return "deterministic"
    return "observed" if variable in model.observed_RVs else "free"


def _label(model: Any, variable: Any) -> str:
    kind = _kind(model, variable)
    law = variable.distribution.name if kind in ("free", "observed") else kind.capitalize()
    return f"{variable.name}\n~\n{law}"


def direct_parents(model: Any, variable: Any) -> list[str]:
    """Names of the model's variables that a variable depends on without another one between."""
    named = set(model.named_vars.values())
    sources = list(variable.parents) if variable.parents else []
    if variable in model.observed_RVs:
        sources.append(model.rvs_to_values[variable])
    reached = toposort(sources, stop=named)
    return [n.name for n in reached if n in named and n is not variable]


def model_to_networkx(model: Any = None, *, var_names: Iterable[str] | None = None, **kwargs: Any) -> Any:
    """The graph of a model.

    Parameters
    ----------
    model : Model, optional
        The model in context by default.
    var_names : iterable of str, optional
        Variables to show, with all that they depend on; everything by default.

    Returns
    -------
    networkx.DiGraph
        Nodes are names, with attributes ``kind`` ("free", "observed", "deterministic", "potential" or "data"), ``label``, ``shape``
        and ``dims``.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     y = pm.Normal("y", x, 1.0, observed=0.5)
    >>> list(pm.model_to_networkx(model).edges)
    [('x', 'y')]
    """
    import networkx as nx

    model = modelcontext(model)
    graph = nx.DiGraph()
    for name, variable in model.named_vars.items():
        dims = model.named_vars_to_dims.get(name)
        graph.add_node(name, kind=_kind(model, variable), label=_label(model, variable), shape=variable.shape, dims=dims)
    for name, variable in model.named_vars.items():
        graph.add_edges_from((parent, name) for parent in direct_parents(model, variable))
    if var_names is not None:
        wanted = set(var_names)
        kept = wanted.union(*(nx.ancestors(graph, n) for n in wanted))
        graph = graph.subgraph([n for n in graph if n in kept]).copy()
    return graph


def _plates(graph: Any, model: Any) -> dict[str, list[str]]:
    """Names of variables by plate: their dims, or their shapes where they have none."""
    found: dict[str, list[str]] = {}
    for name, attributes in graph.nodes(data=True):
        dims, shape = attributes["dims"], attributes["shape"]
        lengths = model.dim_lengths
        if dims:
            plate = " x ".join(f"{d} ({lengths.get(d, '?')})" if d else str(n) for d, n in zip(dims, shape, strict=True))
        else:
            plate = " x ".join(map(str, shape))
        found.setdefault(plate, []).append(name)
    return found


_STYLES = {
    "free": {"shape": "ellipse"},
    "observed": {"shape": "ellipse", "style": "filled", "fillcolor": "lightgrey"},
    "deterministic": {"shape": "box"},
    "potential": {"shape": "octagon", "style": "filled", "fillcolor": "lightgrey"},
    "data": {"shape": "box", "style": "rounded, filled", "fillcolor": "lightgrey"},
}


def model_to_graphviz(
    model: Any = None, *, var_names: Iterable[str] | None = None, figsize: Any = None, dpi: int = 300, **kwargs: Any
) -> Any:
    """The graph of a model for Graphviz: plates for dims, observed variables shaded.

    Parameters
    ----------
    model : Model, optional
        The model in context by default.
    var_names : iterable of str, optional
        Variables to show, with all that they depend on.
    figsize : tuple of float, optional
        Size in inches.
    dpi : int
        Resolution.

    Returns
    -------
    graphviz.Digraph
        To be rendered, or shown in a notebook.

    Raises
    ------
    ImportError
        If the Python package ``graphviz`` is not installed.
    """
    try:
        import graphviz
    except ImportError:
        raise ImportError(
            "model_to_graphviz needs the Python package 'graphviz': pip install graphviz (or symjax[plots])."
        ) from None
    model = modelcontext(model)
    graph = model_to_networkx(model, var_names=var_names)
    attributes = {"size": f"{figsize[0]},{figsize[1]}", "dpi": str(dpi)} if figsize else {}
    dot = graphviz.Digraph(model.name or "model", graph_attr=attributes)
    for plate, names in _plates(graph, model).items():
        inner = graphviz.Digraph(name=f"cluster{plate}")
        if plate:
            inner.attr(label=plate, labeljust="r", labelloc="b", style="rounded")
        for name in names:
            inner.node(_identifier(name), label=graph.nodes[name]["label"], **_STYLES[graph.nodes[name]["kind"]])
        dot.subgraph(inner)
    for parent, child in graph.edges:
        dot.edge(_identifier(parent), _identifier(child))
    return dot


def _identifier(name: str) -> str:
    return name.replace(":", "&")


def model_to_mermaid(model: Any = None, *, var_names: Iterable[str] | None = None, include_dim_lengths: bool = True) -> str:
    """The graph of a model as a Mermaid diagram.

    Parameters
    ----------
    model : Model, optional
        The model in context by default.
    var_names : iterable of str, optional
        Variables to show, with all that they depend on.
    include_dim_lengths : bool
        Whether plates show their lengths.
    """
    model = modelcontext(model)
    graph = model_to_networkx(model, var_names=var_names)
    brackets = {
        "free": ("([", "])"),
        "observed": ("([", "])"),
        "deterministic": ("[", "]"),
        "potential": ("{{", "}}"),
        "data": ("[(", ")]"),
    }
    lines = ["graph TD"]
    for i, (plate, names) in enumerate(_plates(graph, model).items()):
        title = plate if include_dim_lengths else plate.split(" (")[0]
        if plate:
            lines.append(f'  subgraph plate{i}["{title}"]')
        for name in names:
            left, right = brackets[graph.nodes[name]["kind"]]
            text = graph.nodes[name]["label"].replace("\n", " ")
            lines.append(f'    {_word(name)}{left}"{text}"{right}')
            if graph.nodes[name]["kind"] == "observed":
                lines.append(f"    style {_word(name)} fill:#ccc")
        if plate:
            lines.append("  end")
    lines += [f"  {_word(a)} --> {_word(b)}" for a, b in graph.edges]
    return "\n".join(lines)


def _word(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)
