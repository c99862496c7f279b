"""The architecture: import direction, import cost, sizes of files and functions."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "symjax"
LAYERS = ["core", "tensor", "rewrite", "random", "sampling", "variational", "pmc_bridge", "demo"]
FILES = sorted(PACKAGE.rglob("*.py"))


def _layer(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in LAYERS else None


def _imports(source, package):
    """Every module of symjax that the source text of a module in `package` imports, in whichever spelling."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found = [f"symjax.{alias.name}" for alias in node.names] if module == "symjax" else [module]
        else:
            continue
        yield from (name for name in found if name.split(".")[0] == "symjax")


def _may_import(own, module):
    other = _layer(module)
    if other is not None:
        return other == own or (own != "sampling" and LAYERS.index(other) < LAYERS.index(own))
    # the package's own names come from the layers up to `random`, so only what stands above all of these may use them
    return module.startswith("symjax._") or own in ("pmc_bridge", "demo")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_from_right_to_left(path):
    package = ".".join(path.relative_to(PACKAGE.parent).parent.parts)
    own = _layer(package)
    if own is None:
        return
    for module in _imports(path.read_text(), package):
        assert _may_import(own, module), f"{path.name} of {own} imports {module}"


@pytest.mark.parametrize(
    "package, source",
    [
        ("symjax.core", "from symjax import random"),
        ("symjax.core", "from ..random import Normal"),
        ("symjax.core", "from .. import tensor"),
        ("symjax.core", "import symjax"),
        ("symjax.tensor", "import symjax.random as R"),
        ("symjax.random.distributions", "from ...pmc_bridge import Model"),
        ("symjax.random", "def f():\n    from symjax.sampling import nuts"),
        ("symjax.sampling", "from symjax.core._node import Tensor"),
    ],
)
def test_every_spelling_of_a_wrong_import_is_seen(package, source):
    assert not all(_may_import(_layer(package), module) for module in _imports(source, package))


@pytest.mark.parametrize(
    "package, source",
    [
        ("symjax.core", "from symjax._errors import GraphError\nimport numpy"),
        ("symjax.random.distributions", "from .. import transforms\nfrom symjax.tensor import exp"),
        ("symjax.sampling", "from . import _nuts"),
        ("symjax.pmc_bridge", "import symjax"),
    ],
)
def test_right_imports_are_let_through(package, source):
    assert all(_may_import(_layer(package), module) for module in _imports(source, package))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_stay_short(path):
    text = path.read_text()
    assert text.count("\n") <= 500, f"{path.name} has {text.count(chr(10))} lines; look for the missing concept"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            doc = ast.get_docstring(node, clean=False)
            body = node.end_lineno - node.lineno + 1 - (len(doc.splitlines()) if doc else 0)
            assert body <= 60, f"{path.name}: {node.name} has {body} lines"


def test_importing_starts_no_backend_and_changes_no_setting():
    program = """
import jax, arviz, sys
before, known = dict(jax.config.values), set(sys.modules)
import symjax.pmc_bridge
assert dict(jax.config.values) == before, "a JAX setting was changed"
from jax._src import xla_bridge
assert not xla_bridge._backends, "a backend was started"
late = {"matplotlib", "matplotlib.pyplot", "networkx", "rich", "optax", "graphviz", "pymc", "blackjax", "numpyro"}
heavy = late & (set(sys.modules) - known)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)
