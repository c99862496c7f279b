"""The driver of all sampling: chains in threads or vectorised, in blocks that leave room for progress and interrupts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from symjax._errors import SamplingError
from symjax.sampling import _adapt
from symjax.sampling._nuts import MAX_TREE_DEPTH, State
from symjax.sampling._program import STATISTICS, Block, Chain, Control, block_length, compile_advance
from symjax.sampling._progress import Progress
from symjax.sampling._start import describe_start
from symjax.sampling._target import LogDensity

#: Seconds that a block should last: progress and interrupts wait no longer than this.
BLOCK_SECONDS = 0.2
#: Directions that the low-rank metric may correct.
MAX_RANK = 8


@dataclass
class Samples:
    """Draws of all chains.

    Attributes
    ----------
    positions : array, shape (chains, draws, n)
        Flat positions.
    discrete : array, shape (chains, draws, m)
        Discrete variables.
    statistics : dict of str to array, shape (chains, draws)
        Sample statistics with PyMC's names.
    warmup_positions, warmup_discrete, warmup_statistics
        The same of the warm-up steps.
    seconds : float
        Wall time of warm-up and sampling, without compiling.
    compile_seconds : float
        Wall time of compiling.
    interrupted : bool
        Whether the user stopped the run; then `draws` may be fewer than asked for, and chains that had none are left out.
    """

    positions: np.ndarray
    discrete: np.ndarray
    statistics: dict[str, np.ndarray]
    warmup_positions: np.ndarray
    warmup_discrete: np.ndarray
    warmup_statistics: dict[str, np.ndarray]
    seconds: float = 0.0
    compile_seconds: float = 0.0
    interrupted: bool = False


@dataclass
class _Settings:
    draws: int
    tune: int
    target_accept: float
    max_depth: int
    rank: int
    jitter_retries: int
    windows: list[_adapt.Window] = field(default_factory=list)


class _Recorder:
    """The draws of one chain, kept in arrays made at the start."""

    def __init__(self, n_steps: int, size: int, discrete: int, dtype: Any):
        self.positions = np.empty((n_steps, size), dtype)
        self.discrete = np.empty((n_steps, discrete), np.int64)
        self.statistics = np.empty((n_steps, len(STATISTICS)))
        self.done = 0

    def add(self, block: Block, n: int) -> None:
        rows = slice(self.done, self.done + n)
        self.positions[rows] = np.asarray(block.positions)[:n]
        self.discrete[rows] = np.asarray(block.discrete)[:n]
        self.statistics[rows] = np.asarray(block.statistics)[:n]
        self.done += n


class _Runner:
    """One chain: its starts, windows of warm-up, and draws, as calls of the compiled program."""

    def __init__(
        self,
        number: int,
        program: Callable[..., tuple[Chain, Block]],
        target: LogDensity,
        settings: _Settings,
        report: Callable[[int, Block, int, Chain, bool], None],
        stop: threading.Event,
        turn: threading.Semaphore,
    ):
        self.number = number
        self.program = program
        self.target = target
        self.settings = settings
        self.report = report
        self.stop = stop
        self.turn = turn
        self.rate = 0.0
        self.rows = block_length(target.size)

    def run(self, chain: Chain, jitter: Callable[[int], np.ndarray]) -> _Recorder:
        """Warm up and draw, from the first start with a finite density."""
        with jax.enable_x64(True):
            s = self.settings
            recorder = _Recorder(s.tune + s.draws, self.target.size, self.target.discrete_size, chain.state.position.dtype)
            chain = self._start(chain, jitter)
            gradients = np.empty((s.tune, self.target.size), chain.state.position.dtype)
            for window in s.windows:
                chain = self._advance(chain, recorder, window.stop, window.max_depth, gradients)
                if self.stop.is_set():
                    return recorder
                used = slice(window.since, window.stop)
                metric = _adapt.estimate(recorder.positions[used], gradients[used], s.rank, chain.metric)
                chain = chain._replace(metric=metric, averaging=_adapt.start(float(np.exp(chain.averaging.log_average))))
            chain = self._advance(chain, recorder, s.tune, s.max_depth, gradients)
            self._advance(chain, recorder, s.tune + s.draws, s.max_depth, None)
            return recorder

    def _start(self, chain: Chain, jitter: Callable[[int], np.ndarray]) -> Chain:
        control = Control(np.int32(1), np.bool_(False), np.bool_(True), np.int32(1), np.float64(0.8))
        for attempt in range(self.settings.jitter_retries + 1):
            position = jitter(attempt)
            chain = chain._replace(state=chain.state._replace(position=position))
            with self.turn:
                started, _ = self.program(chain, control, self.target.data)
            gradient = np.asarray(started.state.gradient)
            if np.isfinite(np.asarray(started.state.log_density)) and np.isfinite(gradient).all():
                metric = _adapt.initial_metric(gradient, chain.metric.directions.shape[1])
                return started._replace(metric=metric)
        raise SamplingError(describe_start(self.target, position, np.asarray(chain.discrete), gradient))

    def _advance(self, chain: Chain, recorder: _Recorder, until: int, max_depth: int, gradients: Any) -> Chain:
        adapting = gradients is not None
        while recorder.done < until and not self.stop.is_set():
            n = int(min(until - recorder.done, self.rows, max(1, self.rate * BLOCK_SECONDS)))
            control = Control(
                np.int32(n), np.bool_(adapting), np.bool_(False), np.int32(max_depth), np.float64(self.settings.target_accept)
            )
            with self.turn:
                start = time.perf_counter()
                chain, block = self.program(chain, control, self.target.data)
                block = Block(*(np.asarray(b) for b in block))
                self.rate = n / (time.perf_counter() - start)
            if adapting:
                gradients[recorder.done : recorder.done + n] = block.gradients[:n]
            recorder.add(block, n)
            self.report(self.number, block, n, chain, adapting)
        return chain


def sample(
    target: LogDensity,
    initial: np.ndarray,
    initial_discrete: np.ndarray | None = None,
    *,
    draws: int = 1000,
    tune: int = 1000,
    random_seed: int = 0,
    cores: int = 1,
    jitter: bool = True,
    jitter_retries: int = 10,
    target_accept: float = 0.8,
    max_treedepth: int = MAX_TREE_DEPTH,
    metric: str = "low_rank",
    progressbar: bool = True,
    callback: Callable[[int, int, bool, dict[str, Any]], None] | None = None,
) -> Samples:
    """Sample a log density with NUTS, and with Gibbs or Metropolis steps for discrete variables.

    Parameters
    ----------
    target : LogDensity
        What to sample.
    initial : array, shape (chains, n)
        Where chains start.
    initial_discrete : array of int, shape (chains, m), optional
        Where their discrete variables start.
    draws, tune : int
        Numbers of draws and of warm-up steps of each chain.
    random_seed : int
        The draws are a function of it, whatever the number of threads.
    cores : int
        Number of chains that run at the same time.
    jitter : bool
        Whether to add uniform noise on (-1, 1) to the start.
    jitter_retries : int
        Number of further starts that are tried where the density or its gradient is not finite.
    target_accept : float
        Acceptance rate that the step size is tuned for.
    max_treedepth : int
        Greatest tree depth, at most 10.
    metric : {"low_rank", "diag", "dense"}
        Inverse mass matrix: diagonal, with a correction along a few directions where draws and gradients show a need, or along all.
    progressbar : bool
        Whether to show progress.
    callback : callable, optional
        ``callback(chain, step, tuning, statistics)`` after each step, in the order of the chain's steps.

    Returns
    -------
    Samples
        The draws.

    Raises
    ------
    SamplingError
        If a chain finds no start with a finite density, or fails.
    """
    chains, n = initial.shape
    m = target.discrete_size
    discrete = np.zeros((chains, m), np.int64) if initial_discrete is None else np.asarray(initial_discrete, np.int64)
    rank = {"diag": 0, "low_rank": min(n, MAX_RANK), "dense": n}.get(metric)
    if rank is None:
        raise ValueError(f"metric must be 'diag', 'low_rank' or 'dense', got {metric!r}.")
    if not 0 < target_accept < 1:
        raise ValueError(f"target_accept must lie between 0 and 1, got {target_accept}.")
    if not 1 <= max_treedepth <= MAX_TREE_DEPTH:
        raise ValueError(f"max_treedepth must lie between 1 and {MAX_TREE_DEPTH}, got {max_treedepth}.")
    settings = _Settings(draws, tune, target_accept, max_treedepth, rank, jitter_retries)
    settings.windows = _adapt.schedule(tune, max_treedepth)
    words = np.random.SeedSequence(random_seed).spawn(chains)
    starts = [_first(initial[c], discrete[c], words[c], rank) for c in range(chains)]
    begin = time.perf_counter()
    program = compile_advance(target, starts[0])
    compiled = time.perf_counter()
    recorders, interrupted = _run_chains(target, program, starts, settings, words, jitter, cores, progressbar, callback)
    return _collect(recorders, settings, compiled - begin, time.perf_counter() - compiled, interrupted)


def _first(position: np.ndarray, discrete: np.ndarray, words: np.random.SeedSequence, rank: int) -> Chain:
    n = len(position)
    key = words.generate_state(2, np.uint32)
    state = State(np.array(position), np.zeros((), position.dtype), np.zeros(n, position.dtype))
    metric = _adapt.initial_metric(np.ones(n, position.dtype), rank)
    averaging = _adapt.DualAveraging(*(np.float64(v) for v in _adapt.start(0.1)))
    return Chain(key, np.int64(0), state, discrete, metric, averaging)


def _run_chains(
    target: LogDensity,
    program: Any,
    starts: list[Chain],
    settings: _Settings,
    words: list[np.random.SeedSequence],
    jitter: bool,
    cores: int,
    progressbar: bool,
    callback: Any,
) -> tuple[list[_Recorder], bool]:
    stop, turn, lock = threading.Event(), threading.Semaphore(max(1, cores)), threading.Lock()
    progress = Progress(len(starts), settings.tune, settings.draws, enabled=progressbar)

    def report(number: int, block: Block, n: int, chain: Chain, tuning: bool) -> None:
        progress.add(number, block.statistics[:n])
        if callback is not None:
            with lock:
                first = int(chain.step) - n
                for i in range(n):
                    callback(number, first + i, tuning, dict(zip(STATISTICS, block.statistics[i], strict=True)))

    def run(number: int) -> _Recorder:
        rng = np.random.default_rng(words[number].spawn(1)[0])
        center = starts[number].state.position

        def place(attempt: int) -> np.ndarray:
            noisy = jitter or attempt > 0
            return center + rng.uniform(-1, 1, center.shape).astype(center.dtype) if noisy else center

        try:
            runner = _Runner(number, program, target, settings, report, stop, turn)
            return runner.run(starts[number], place)
        except BaseException:
            stop.set()
            raise

    interrupted = False
    with progress, ThreadPoolExecutor(len(starts), thread_name_prefix="chain") as pool:
        futures = [pool.submit(run, c) for c in range(len(starts))]
        try:
            while not all(f.done() for f in futures):
                progress.refresh()
                for f in futures:
                    if not f.done():
                        _wait(f)
                        break
        except KeyboardInterrupt:
            interrupted = True
            stop.set()
    errors = [(c, f.exception()) for c, f in enumerate(futures) if f.exception() is not None]
    if errors:
        number, error = errors[0]
        if isinstance(error, SamplingError):
            raise SamplingError(f"chain {number}: {error}") from error
        assert error is not None
        error.add_note(f"raised while chain {number} was sampling")
        raise error
    return [f.result() for f in futures], interrupted


def _wait(future: Any) -> None:
    from concurrent.futures import TimeoutError as Timeout

    try:
        future.exception(timeout=0.1)
    except Timeout:
        pass


def _collect(
    recorders: list[_Recorder], settings: _Settings, compile_seconds: float, seconds: float, interrupted: bool
) -> Samples:
    tune = settings.tune
    lengths = np.array([max(0, r.done - tune) for r in recorders])
    length, kept = settings.draws, list(range(len(recorders)))
    if interrupted:
        # the choice of chains that keeps most draws in a rectangular array
        order = np.argsort(-lengths, kind="stable")
        sizes = lengths[order] * np.arange(1, len(order) + 1)
        best = int(np.argmax(sizes))
        length, kept = int(lengths[order][best]), sorted(int(c) for c in order[: best + 1])
        if length == 0:
            raise KeyboardInterrupt("sampling was interrupted before the first draw")
    body, head = slice(tune, tune + length), slice(0, tune)

    def statistics(rows: slice) -> dict[str, np.ndarray]:
        table = np.stack([recorders[c].statistics[rows] for c in kept])
        found = {name: table[..., i] for i, name in enumerate(STATISTICS)}
        for name in ("tree_depth", "n_steps", "index_in_trajectory"):
            found[name] = found[name].astype(np.int64)
        found["diverging"] = found["diverging"].astype(bool)
        found["reached_max_treedepth"] = (found["tree_depth"] >= settings.max_depth) & ~found["diverging"]
        return found

    return Samples(
        positions=np.stack([recorders[c].positions[body] for c in kept]),
        discrete=np.stack([recorders[c].discrete[body] for c in kept]),
        statistics=statistics(body),
        warmup_positions=np.stack([recorders[c].positions[head] for c in kept]),
        warmup_discrete=np.stack([recorders[c].discrete[head] for c in kept]),
        warmup_statistics=statistics(head),
        seconds=seconds,
        compile_seconds=compile_seconds,
        interrupted=interrupted,
    )
