"""Models as text."""

from __future__ import annotations

from typing import Any

import numpy as np

from symjax.core._leaves import Variable
from symjax.core._node import Constant
from symjax.core._traverse import toposort


def parameter_text(tensor: Any, named: dict[Any, str]) -> str:
    """A parameter: a number, the name of a variable, or a function of names."""
    if tensor in named:
        return named[tensor]
    if isinstance(tensor, Constant):
        array = np.asarray(tensor.value)
        return f"{array.item():.3g}" if array.size == 1 else "<constant>"
    if isinstance(tensor, Variable):
        return tensor.name
    seen = toposort([tensor], stop=named)
    names = list(dict.fromkeys(named[n] for n in seen if n in named))
    return f"f({', '.join(names)})" if names else "<constant>"


def _lines(model: Any, include_params: bool) -> list[tuple[str, str, str]]:
    named = {v: name for name, v in model.named_vars.items()}
    lines = []
    for name, variable in model.named_vars.items():
        if variable in model.potentials:
            lines.append((name, "~", f"Potential({_inputs(variable, named)})"))
        elif variable in model.deterministics:
            lines.append((name, "~", f"Deterministic({_inputs(variable, named)})"))
        elif hasattr(variable, "distribution"):
            family = variable.distribution.name
            parts = [parameter_text(p, named) for p in variable.parents] if include_params else []
            lines.append((name, "~", f"{family}({', '.join(parts)})" if include_params else family))
    return lines


def _inputs(variable: Any, named: dict[Any, str]) -> str:
    rest = {k: v for k, v in named.items() if k is not variable}
    return parameter_text(variable, rest)


def model_text(model: Any, formatting: str = "plain", include_params: bool = True) -> str:
    """A line for each variable of a model.

    Parameters
    ----------
    model : Model
        The model.
    formatting : {"plain", "latex"}
        The form of the text.
    include_params : bool
        Whether to show the laws' parameters.
    """
    lines = _lines(model, include_params)
    if formatting == "latex":

        def escaped(text: str) -> str:
            return r"\text{" + text.replace("_", r"\_") + "}"

        rows = r" \\ ".join(rf"{escaped(n)} &\sim & {escaped(law)}" for n, _, law in lines)
        return rf"$$\begin{{array}}{{rcl}} {rows} \end{{array}}$$"
    if formatting != "plain":
        raise ValueError(f"formatting must be 'plain' or 'latex', got {formatting!r}.")
    width = max((len(n) for n, _, _ in lines), default=0)
    return "\n".join(f"{n:>{width}} {sign} {law}" for n, sign, law in lines)
