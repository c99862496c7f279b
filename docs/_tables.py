"""Parts of the documentation that are made from the code: tables of laws and of conjugate pairs, and pictures of models."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent / "_generated"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def laws() -> str:
    """A table of all laws of random variables for each module of `symjax.random.algebra`, from the rules themselves."""
    import symjax.random  # noqa: F401
    from symjax.rewrite import RULES

    by_module: dict[str, list[tuple[str, ...]]] = {}
    for name, rule in RULES.items():
        if rule.kind != "pointwise":
            module = rule.build.__module__.rsplit(".", 1)[1]
            by_module.setdefault(module, []).append((f"`{name}`", rule.formula))
    parts = []
    for module, rows in sorted(by_module.items()):
        title = module.strip("_").replace("_", " ").capitalize()
        parts.append(f"## {title}\n\n{_table(('rule', 'law'), sorted(rows))}")
    return "\n".join(parts)


def _pairs() -> dict[str, Any]:
    """Models of one prior and one likelihood each, by what they show."""
    import symjax.pmc_bridge as pm
    import symjax.tensor as T

    x, k = np.array([0.4, 1.3, 2.2]), np.array([1, 0, 3])
    z3, rows = np.zeros(3), np.array([[0.1, -0.4, 1.2], [0.7, 0.2, -0.3], [1.1, -1.0, 0.4]])
    models: dict[str, tuple[Any, Any]] = {
        "Beta – Bernoulli": (lambda: pm.Beta("z", 2.0, 3.0), lambda z: pm.Bernoulli("y", z, observed=[1, 0, 1])),
        "Beta – Binomial": (lambda: pm.Beta("z", 2.0, 3.0), lambda z: pm.Binomial("y", 5, z, observed=k)),
        "Beta – NegativeBinomial": (
            lambda: pm.Beta("z", 2.0, 3.0), lambda z: pm.NegativeBinomial("y", n=4.0, p=z, observed=k),
        ),
        "Beta – Geometric": (lambda: pm.Beta("z", 2.0, 3.0), lambda z: pm.Geometric("y", z, observed=k + 1)),
        "Dirichlet – Multinomial": (
            lambda: pm.Dirichlet("z", np.ones(3)), lambda z: pm.Multinomial("y", 4, z, observed=k),
        ),
        "Dirichlet – Categorical": (
            lambda: pm.Dirichlet("z", np.ones(3)), lambda z: pm.Categorical("y", z, observed=[2, 0, 2]),
        ),
        "Gamma – Poisson": (lambda: pm.Gamma("z", 2.0, 3.0), lambda z: pm.Poisson("y", z, observed=k)),
        "Gamma – Poisson, exposures": (
            lambda: pm.Gamma("z", 2.0, 3.0), lambda z: pm.Poisson("y", z * np.array([1.0, 2.0, 5.0]), observed=k),
        ),
        "Gamma – Exponential": (lambda: pm.Gamma("z", 2.0, 3.0), lambda z: pm.Exponential("y", z, observed=x)),
        "Gamma – Gamma, rate": (lambda: pm.Gamma("z", 2.0, 3.0), lambda z: pm.Gamma("y", 1.5, z, observed=x)),
        "Gamma – InverseGamma, scale": (
            lambda: pm.Gamma("z", 2.0, 3.0), lambda z: pm.InverseGamma("y", 1.5, z, observed=x),
        ),
        "Gamma – Normal, precision": (
            lambda: pm.Gamma("z", 2.0, 3.0), lambda z: pm.Normal("y", 0.5, tau=z, observed=x),
        ),
        "Gamma – LogNormal, precision": (
            lambda: pm.Gamma("z", 2.0, 3.0), lambda z: pm.LogNormal("y", 0.5, tau=z, observed=x),
        ),
        "Gamma – Laplace, inverse scale": (
            lambda: pm.Gamma("z", 2.0, 3.0), lambda z: pm.Laplace("y", 0.5, 1 / z, observed=x),
        ),
        "Gamma – Weibull": (
            lambda: pm.Gamma("z", 2.0, 3.0), lambda z: pm.Weibull("y", 2.0, z**-0.5, observed=x),
        ),
        "InverseGamma – Normal, variance": (
            lambda: pm.InverseGamma("z", 2.0, 3.0), lambda z: pm.Normal("y", 0.5, T.sqrt(z), observed=x),
        ),
        "InverseGamma – LogNormal, variance": (
            lambda: pm.InverseGamma("z", 2.0, 3.0), lambda z: pm.LogNormal("y", 0.5, T.sqrt(z), observed=x),
        ),
        "InverseGamma – Exponential, scale": (
            lambda: pm.InverseGamma("z", 2.0, 3.0), lambda z: pm.Exponential("y", 1 / z, observed=x),
        ),
        "InverseGamma – Gamma, scale": (
            lambda: pm.InverseGamma("z", 2.0, 3.0), lambda z: pm.Gamma("y", 1.5, 1 / z, observed=x),
        ),
        "InverseGamma – Laplace, scale": (
            lambda: pm.InverseGamma("z", 2.0, 3.0), lambda z: pm.Laplace("y", 0.5, z, observed=x),
        ),
        "Normal – Normal": (lambda: pm.Normal("z", 0.0, 2.0), lambda z: pm.Normal("y", 2 * z + 1, 0.5, observed=x)),
        "Normal – LogNormal": (lambda: pm.Normal("z", 0.0, 2.0), lambda z: pm.LogNormal("y", z, 0.5, observed=x)),
        "Flat – Normal": (lambda: pm.Flat("z"), lambda z: pm.Normal("y", z, 0.5, observed=x)),
        "HalfFlat – Normal, scale": (lambda: pm.HalfFlat("z"), lambda z: pm.Normal("y", 0.5, z, observed=x)),
        "HalfFlat – Poisson": (lambda: pm.HalfFlat("z"), lambda z: pm.Poisson("y", z, observed=k)),
        "MvNormal – MvNormal": (
            lambda: pm.MvNormal("z", z3, np.eye(3)), lambda z: pm.MvNormal("y", z, 0.5 * np.eye(3), observed=x),
        ),
        "MvNormal – Normal": (
            lambda: pm.MvNormal("z", z3, np.eye(3)), lambda z: pm.Normal("y", T.dot(x, z), 0.5, observed=1.2),
        ),
        "Wishart – MvNormal, precision": (
            lambda: pm.Wishart("z", 5.0, np.eye(3)), lambda z: pm.MvNormal("y", z3, tau=z, observed=rows),
        ),
        "InverseWishart – MvNormal, covariance": (
            lambda: pm.InverseWishart("z", 5.0, np.eye(3)), lambda z: pm.MvNormal("y", z3, z, observed=rows),
        ),
        "Normal–InverseWishart – MvNormal": (
            lambda: pm.InverseWishart("z", 5.0, np.eye(3)),
            lambda z: pm.MvNormal("y", pm.MvNormal("mu", z3, z / 0.5), z, observed=rows),
        ),
        "Uniform – Normal": (lambda: pm.Uniform("z", -1.0, 3.0), lambda z: pm.Normal("y", z, 0.5, observed=x)),
        "Pareto – Uniform": (lambda: pm.Pareto("z", 2.0, 1.0), lambda z: pm.Uniform("y", 0.0, z, observed=x)),
    }  # fmt: skip
    return models


def conjugate_pairs() -> str:
    """For each pair what `explain` says of it; a pair that is not collapsed is an error of the documentation."""
    import symjax.pmc_bridge as pm
    from symjax.random.posterior.rules import RULES

    names, rows = {name for name, _ in RULES}, []
    for name, (prior, likelihood) in _pairs().items():
        with pm.Model() as model:
            likelihood(prior())
        report = pm.explain(model)
        done = [r for r in report.applied if r.rule in names and r.variables[:1] == ("z",)]
        if report.dimensions[1] or not done:
            raise RuntimeError(f"{name}: expected to be integrated out, but {report}")
        rows.append((name, f"`{done[-1].rule}`", done[-1].reason))
    return _table(("prior – likelihood", "rule", "what `explain` says of three observations"), rows)


def _eight_schools() -> Any:
    import symjax.pmc_bridge as pm

    y, s = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0], [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]
    with pm.Model(coords={"school": list("ABCDEFGH")}) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        theta = pm.Normal("theta", mu, tau, dims="school")
        pm.Normal("y", theta, np.array(s), observed=np.array(y), dims="school")
    return model


def _change_point() -> Any:
    import symjax.pmc_bridge as pm
    import symjax.tensor as T

    rng = np.random.default_rng(4)
    years = np.arange(60)
    counts = rng.poisson(np.where(years < 35, 3.0, 1.0))
    with pm.Model() as model:
        early, late = pm.Exponential("early", 1.0), pm.Exponential("late", 1.0)
        switch = pm.DiscreteUniform("switch", 0, 59)
        pm.Poisson("disasters", T.switch(switch >= years, early, late), observed=counts)
    return model


def _varying_slopes() -> Any:
    import symjax.pmc_bridge as pm

    rng = np.random.default_rng(5)
    group, x = rng.integers(0, 20, 500), rng.normal(size=500)
    y = rng.normal(size=20)[group] + 0.5 * x + rng.normal(size=500)
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 1)
        a = pm.Normal("a", mu, tau, shape=20)
        slope = pm.Normal("slope", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", a[group] + slope * x, sigma, observed=y)
    return model


PICTURES = {"eight_schools": _eight_schools, "change_point": _change_point, "varying_intercepts": _varying_slopes}


def names() -> str:
    """Tables of what `symjax.pmc_bridge` has, under PyMC's names: distributions, functions and classes, modules."""
    import symjax.pmc_bridge as pm
    from symjax.pmc_bridge._named import ModelDistribution

    kinds: dict[str, list[tuple[str, ...]]] = {"Distributions": [], "Functions and classes": [], "Modules": []}
    for name in sorted(n for n in dir(pm) if not n.startswith("_")):
        found = getattr(pm, name)
        kind = "Modules" if inspect.ismodule(found) else "Functions and classes"
        kind = "Distributions" if isinstance(found, ModelDistribution) else kind
        summary = (inspect.getdoc(found.family if kind == "Distributions" else found) or "").split("\n\n")[0]
        kinds[kind].append((f"`pm.{name}`", re.sub(r":(\w+):`", r"{\1}`", summary.replace("\n", " "))))
    return "\n".join(f"### {kind}\n\n{_table(('name', 'what it is'), rows)}" for kind, rows in kinds.items())


def generate() -> None:
    """Write all parts; a file that would not change keeps its time, so that builds stay incremental."""
    import symjax.pmc_bridge as pm

    HERE.mkdir(exist_ok=True)
    parts = {"laws.md": laws(), "pairs.md": conjugate_pairs(), "names.md": names()}
    for name, build in PICTURES.items():
        report = pm.explain(build())
        report.plot().savefig(HERE / f"{name}.png", dpi=110, bbox_inches="tight")
        parts[f"{name}.md"] = f"```text\n{report}\n```\n"
        source = inspect.getsource(build).split("import symjax.pmc_bridge as pm\n", 1)[1]
        body = "\n".join(line[4:] for line in source.rstrip().splitlines()[:-1]).strip("\n")
        parts[f"{name}_code.md"] = f"```python\n{body}\n```\n"
    for name, text in parts.items():
        path = HERE / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
