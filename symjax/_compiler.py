"""How much a compiler is to do for a program."""

from __future__ import annotations

from typing import Any

import jax


def compiler_options(*, tiny: bool = False) -> dict[str, Any] | None:
    """How much LLVM is to optimise a program on a CPU.

    Its second level takes up to 1.7 times as long as the first, for programs that are no faster. No level at all saves another
    third, and costs a `tiny` program a few tenths of a microsecond a run.
    """
    if jax.default_backend() != "cpu":
        return None
    return {"xla_backend_optimization_level": 0 if tiny else 1}
