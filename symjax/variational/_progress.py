"""Progress of a fit: a live bar in a terminal or notebook, a line now and then in a log, or nothing."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

_LOG_SECONDS = 10.0
_RECENT = 1000


class Bar:
    """Steps done and the recent loss, on display.

    Parameters
    ----------
    n : int
        Number of steps to be done.
    enabled : bool
        Whether to show anything.
    """

    def __init__(self, n: int, *, enabled: bool = True):
        self.n, self.enabled = n, enabled
        self._live: Any = None
        self._last = time.perf_counter()

    def __enter__(self) -> Bar:
        if not self.enabled:
            return self
        from rich.console import Console
        from rich.progress import Progress, TextColumn

        console = Console(stderr=True)
        if console.is_terminal or console.is_jupyter:
            self._live = Progress(*Progress.get_default_columns(), TextColumn("{task.fields[loss]}"), console=console)
            self._live.start()
            self._task = self._live.add_task("fitting", total=self.n, loss="")
        return self

    def __exit__(self, *error: Any) -> None:
        if self._live is not None:
            self._live.stop()

    def report(self, done: int, losses: np.ndarray) -> None:
        """Show what was done, if it is time."""
        recent = losses[-_RECENT:]
        recent = recent[np.isfinite(recent)]
        text = f"loss {recent.mean():,.5g}" if len(recent) else ""
        if self._live is not None:
            self._live.update(self._task, completed=done, loss=text)
        elif self.enabled and (done == self.n or time.perf_counter() - self._last > _LOG_SECONDS):
            self._last = time.perf_counter()
            print(f"{done}/{self.n} steps  {text}".rstrip(), file=sys.stderr, flush=True)
