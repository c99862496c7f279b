"""The architecture: import direction, import cost, sizes of files and functions."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "symjax"
LAYERS = ["core", "tensor", "rewrite", "random", "sampling", "pmc_bridge", "demo"]
FILES = sorted(PACKAGE.rglob("*.py"))


def _layer(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in LAYERS else None


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("symjax"):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("symjax"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_from_right_to_left(path):
    own = _layer("symjax." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    if own is None:
        return
    for module in _imports(path):
        other = _layer(module)
        if other is not None:
            assert LAYERS.index(other) <= LAYERS.index(own), f"{path.name} of {own} imports {module}"
        if own == "sampling":
            assert other in (None, "sampling"), f"samplers see no model: {path.name} imports {module}"


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
heavy = {"matplotlib.pyplot", "optax", "graphviz", "blackjax", "numpyro"} & (set(sys.modules) - known)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)
