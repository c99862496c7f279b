"""Progress of a run: a live table in a terminal or notebook, a line now and then in a log, or nothing."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import numpy as np

from symjax.sampling._chain_state import STATISTICS

_LOG_SECONDS = 10.0
_GRADIENTS, _DIVERGING, _STEP_SIZE = (STATISTICS.index(name) for name in ("n_steps", "diverging", "step_size"))


class Progress:
    """Counts of steps, divergences, step sizes and gradients by chain, and their display.

    Parameters
    ----------
    chains, tune, draws : int
        What is to be done.
    enabled : bool
        Whether to show anything.
    """

    def __init__(self, chains: int, tune: int, draws: int, *, enabled: bool = True):
        self.total = tune + draws
        self.tune = tune
        self.steps = np.zeros(chains, int)
        self.gradients = np.zeros(chains)
        self.divergences = np.zeros(chains, int)
        self.step_sizes = np.full(chains, np.nan)
        self.enabled = enabled
        self._lock = threading.Lock()
        self._begin = self._last_line = time.perf_counter()
        self._last_block = np.full(chains, self._begin)
        self._live: Any = None

    def __enter__(self) -> Progress:
        if not self.enabled:
            return self
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True)
        if console.is_terminal or console.is_jupyter:
            self._live = Live(self._table(), console=console, refresh_per_second=5, transient=False)
            self._live.start()
        else:
            print(f"sampling {len(self.steps)} chains of {self.tune} + {self.total - self.tune} steps", file=sys.stderr)
        return self

    def __exit__(self, *error: Any) -> None:
        if self._live is not None:
            self._live.update(self._table())
            self._live.stop()
        elif self.enabled:
            self._line()

    def add(self, chain: int, statistics: np.ndarray, *, tuning: bool) -> None:
        """Count the steps of a block, whose rows are as `STATISTICS` names them; divergences only after warm-up."""
        with self._lock:
            self.steps[chain] += len(statistics)
            self.gradients[chain] += statistics[:, _GRADIENTS].sum()
            self.divergences[chain] += 0 if tuning else int(statistics[:, _DIVERGING].sum())
            self.step_sizes[chain] = statistics[-1, _STEP_SIZE]
            self._last_block[chain] = time.perf_counter()

    def refresh(self) -> None:
        """Show the present counts, if it is time."""
        if self._live is not None:
            self._live.update(self._table())
        elif self.enabled and time.perf_counter() - self._last_line > _LOG_SECONDS:
            self._line()

    def _line(self) -> None:
        self._last_line = time.perf_counter()
        with self._lock:
            done, gradients = self.steps.sum(), self.gradients.sum()
            text = (
                f"{self._last_line - self._begin:6.1f} s  {done}/{self.total * len(self.steps)} steps  "
                f"{int(self.divergences.sum())} divergences  {gradients / max(done, 1):.1f} gradients a draw"
            )
        print(text, file=sys.stderr, flush=True)

    def _table(self) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for name in ("chain", "", "steps", "divergences", "step size", "grads/draw", "draws/s", "left"):
            table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
        with self._lock:
            for c, done in enumerate(self.steps):
                speed = done / max(self._last_block[c] - self._begin, 1e-9)
                left = (self.total - done) / speed if speed else float("nan")
                table.add_row(
                    str(c),
                    ProgressBar(total=self.total, completed=int(done), width=10),
                    f"{done}/{self.total}",
                    str(self.divergences[c]),
                    f"{self.step_sizes[c]:.3g}",
                    f"{self.gradients[c] / max(done, 1):.1f}",
                    f"{speed:,.0f}",
                    "?" if np.isnan(left) else f"{left:.0f} s",
                )
        return table
