"""Sampling a log density: several chains, in threads or vectorised, with progress and interrupts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, NamedTuple

import jax
import numpy as np

from symjax.sampling import _adapt
from symjax.sampling._chain import Group, Plan
from symjax.sampling._chain_state import STATISTICS, Block, Chain, Setup
from symjax.sampling._frame import Observations
from symjax.sampling._hamiltonian import State
from symjax.sampling._hmc import PATH_LENGTH
from symjax.sampling._metric import diagonal
from symjax.sampling._nuts import MAX_TREE_DEPTH
from symjax.sampling._program import compile_advance
from symjax.sampling._progress import Progress
from symjax.sampling._record import Phase, Samples, collect
from symjax.sampling._start import Jitter
from symjax.sampling._target import LogDensity
from symjax.sampling._updates import Update, gibbs, initial_tuning

#: Directions that the low-rank metric may correct.
MAX_RANK = 16
_DEEPEST = 20


class Report(NamedTuple):
    """What a callback is told of a step.

    Attributes
    ----------
    chain, index : int
        Number of the chain, and of the step in it since the start of warm-up.
    tuning : bool
        Whether the step is one of the warm-up.
    statistics : dict of str to float
        Its statistics.
    position, discrete : array, shape (n,) and (m,)
        Where it led, in the coordinates of the target's frame if it has one.
    """

    chain: int
    index: int
    tuning: bool
    statistics: dict[str, float]
    position: np.ndarray
    discrete: np.ndarray


Callback = Callable[[Report], None]


def sample(
    target: LogDensity,
    initial: np.ndarray,
    initial_discrete: np.ndarray | None = None,
    *,
    draws: int = 1000,
    tune: int = 1000,
    random_seed: int | Sequence[int] | None = None,
    cores: int = 1,
    jitter: bool = True,
    jitter_retries: int = 10,
    target_accept: float = 0.8,
    max_treedepth: int = MAX_TREE_DEPTH,
    metric: str = "low_rank",
    kernel: str = "nuts",
    path_length: float = PATH_LENGTH,
    updates: Sequence[Update] = (),
    compute: str = "auto",
    thin: int | str = 1,
    keep_warmup: bool = False,
    progressbar: bool = True,
    callback: Callback | None = None,
    beside: Callable[[], Any] = lambda: None,
) -> Samples:
    """Sample a log density with NUTS, and with Gibbs or Metropolis steps for discrete variables.

    Parameters
    ----------
    target : LogDensity
        What to sample.
    initial : array, shape (chains, n)
        Where chains start.
    initial_discrete : array of int, shape (chains, m), optional
        Where their discrete variables start; each variable's least value, or 0, if not given.
    draws, tune : int
        Numbers of draws and of warm-up steps of each chain.
    random_seed : int or sequence of int, optional
        The draws are a function of it, whatever the number of threads; None takes one from the system.
    cores : int
        Number of chains that run at the same time.
    jitter : bool
        Whether to add uniform noise on (-1, 1) to the start, in the coordinates of the target's frame if it has one.
    jitter_retries : int
        Number of further starts, with noise, that are tried where the density or its gradient is not finite.
    target_accept : float
        Acceptance rate that the step size is tuned for.
    max_treedepth : int
        Limit of the tree depth, 1 to 20.
    metric : {"low_rank", "diag", "dense"}
        Inverse mass matrix: diagonal, with a correction along a few directions where draws and gradients show a need, or along all.
    kernel : {"nuts", "hmc"}
        How continuous variables move.
    path_length : float
        Mean integration time of ``"hmc"``, in units of the metric.
    updates : sequence of Update
        Updates of coordinates that are not to move by their gradient, in turn before each move. Discrete variables that are in none
        are updated by Gibbs where their values are finitely many, by Metropolis elsewhere.
    compute : {"auto", "threads", "vectorized"}
        One thread a chain, or one vectorised program for all of them; ``"auto"`` takes threads on a CPU.
    thin : int or "auto"
        Steps a draw, made within the compiled program; the steps are the same for any number. With ``"auto"`` each chain chooses by
        what its warm-up shows: more than one where steps are cheap and their draws correlated, so that the effective number of
        draws in the time of the whole run is greatest.
    keep_warmup : bool
        Whether the result has the warm-up steps too.
    progressbar : bool
        Whether to show progress.
    callback : callable, optional
        Called with a `Report` after each step, in the order of the chain's steps. If it raises KeyboardInterrupt, the run ends with
        what was drawn.
    beside : callable, optional
        Other work that is due when the run ends, compiling most of all; done in a thread of its own from the moment that Python
        has nothing more to do for the run's program.

    Returns
    -------
    Samples
        The draws.

    Raises
    ------
    SamplingError
        If a chain finds no start with a finite density and gradient.
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import jax.numpy as jnp, numpy as np
    >>> from symjax.sampling import LogDensity, sample
    >>> target = LogDensity(lambda x, discrete, data: -0.5 * jnp.sum((x - data) ** 2), data=np.array([1.0, 2.0]), size=2)
    >>> sample(target, np.zeros((4, 2)), random_seed=1, progressbar=False).positions.mean((0, 1)).round(1)
    array([1., 2.])
    """
    initial = np.asarray(initial, np.float64)
    if initial.ndim != 2 or initial.shape[1] != target.size or not len(initial):
        raise ValueError(f"`initial` must have shape (chains, {target.size}) with a chain at least, got {initial.shape}.")
    moved, updates = _arranged(target, updates)
    n_moved = target.size if moved is None else len(moved)
    rank = _one_of("metric", metric, {"diag": 0, "low_rank": min(n_moved, MAX_RANK), "dense": n_moved})
    _one_of("kernel", kernel, {"nuts": None, "hmc": None})
    vectorized = _one_of("compute", compute, {"auto": None, "threads": False, "vectorized": True})
    if vectorized is None:
        vectorized = jax.default_backend() != "cpu" or _is_population(updates)
    if _is_population(updates) and (len(initial) < 3 or not vectorized):
        raise ValueError("jumps along differences of other chains need 3 chains at least, and `compute` not 'threads'.")
    _check_numbers(target_accept, max_treedepth, thin, draws, tune)
    discrete = _discrete_start(target, initial_discrete, len(initial))
    seeds = np.random.SeedSequence(random_seed).spawn(len(initial))
    observations = None if target.frame is None else Observations.none(target.size)
    tuning = initial_tuning(updates, initial[0], tune)
    chains = [_chain(x, d, seed, (n_moved, rank), observations, tuning) for x, d, seed in zip(initial, discrete, seeds)]
    jitters = [Jitter(x, seed.spawn(1)[0], noisy=jitter, retries=jitter_retries) for x, seed in zip(initial, seeds)]
    with jax.enable_x64(True):
        data = jax.device_put(target.data)
    steps = (1 if moved is not None else None) if thin == "auto" else int(thin)
    plan = Plan(target, data, tune, draws, target_accept, max_treedepth, rank, steps, moved)
    setup = Setup(kernel, max(MAX_TREE_DEPTH, max_treedepth), rank, path_length, moved, updates)
    run = _Run(plan, len(chains), cores, callback, progressbar=progressbar)
    with ThreadPoolExecutor(1) as pool:
        futures: list[Future[Any]] = []
        interrupted = run(setup, chains, jitters, vectorized=vectorized, when_traced=lambda: futures.append(pool.submit(beside)))
        for future in futures:
            future.result()
    samples = collect(run.warmup, run.drawn, max_treedepth, keep_warmup=keep_warmup, interrupted=interrupted)
    samples.compile_seconds, samples.sampling_seconds = run.compile_seconds, run.sampling_seconds
    return samples


def _check_numbers(target_accept: float, max_treedepth: int, thin: int | str, draws: int, tune: int) -> None:
    for name, value, low, high in (("target_accept", target_accept, 0, 1), ("max_treedepth", max_treedepth, 0, _DEEPEST + 1)):
        if not low < value < high:
            raise ValueError(f"`{name}` must lie between {low} and {high}, both excluded, got {value}.")
    if thin != "auto" and not (isinstance(thin, (int, np.integer)) and thin >= 1):
        raise ValueError(f"`thin` must be 'auto' or a whole number, at least 1, got {thin!r}.")
    if tune < 0 or draws < 0:
        raise ValueError(f"`draws` and `tune` must not be negative, got {draws} and {tune}.")


def _one_of(name: str, value: str, meanings: dict[str, Any]) -> Any:
    if value not in meanings:
        raise ValueError(f"`{name}` must be one of {', '.join(map(repr, meanings))}, got {value!r}.")
    return meanings[value]


def _discrete_start(target: LogDensity, given: np.ndarray | None, chains: int) -> np.ndarray:
    shape = (chains, target.discrete_size)
    if given is None:
        start = np.zeros(shape, np.int64)
        for variable in target.discrete:
            start[:, variable.start : variable.stop] = variable.lower or 0
        return start
    start = np.asarray(given, np.int64)
    if start.shape != shape:
        raise ValueError(f"`initial_discrete` must have shape {shape}, got {start.shape}.")
    return start


def _arranged(target: LogDensity, updates: Sequence[Update]) -> tuple[tuple[int, ...] | None, tuple[Update, ...]]:
    """The coordinates that move by their gradient, None for all, and all updates."""
    taken = {p for u in updates if u.is_continuous for p in u.places}
    if taken and target.frame is not None:
        raise ValueError("a target with a frame moves whole; give one without.")
    known = {p for u in updates if not u.is_continuous for p in u.places}
    rest = [v for v in target.discrete if not known.issuperset(range(v.start, v.stop))]
    moved = tuple(i for i in range(target.size) if i not in taken)
    return None if moved and not taken else moved, (*updates, *gibbs(rest))


def _is_population(updates: Sequence[Update]) -> bool:
    return any(u.is_of_population for u in updates)


def _chain(
    position: np.ndarray,
    discrete: np.ndarray,
    seed: np.random.SeedSequence,
    metric_size: tuple[int, int],
    observations: Observations | None = None,
    tuning: tuple[Any, ...] = (),
) -> Chain:
    n, rank = metric_size
    state = State(position, np.zeros(()), np.zeros_like(position))
    metric, key = diagonal(np.ones(n), rank), seed.generate_state(2, np.uint32)
    return Chain(key, np.int64(0), state, discrete, metric, _adapt.start(0.1), observations, tuning)


class _Run:
    """The threads of a run, what they report, and how it ends.

    Parameters
    ----------
    plan : Plan
        What every chain is to do.
    chains, cores : int
        How many chains there are, and how many may run at a time.
    callback : callable or None
        Called after each step.
    progressbar : bool
        Whether to show progress.
    """

    def __init__(self, plan: Plan, chains: int, cores: int, callback: Callback | None, *, progressbar: bool):
        self.plan = plan
        sizes = plan.target.size, plan.target.discrete_size
        self.warmup = Phase(chains, plan.tune, *sizes, gradients=True)
        self.drawn = Phase(chains, plan.draws, *sizes, gradients=False)
        self.compile_seconds = self.sampling_seconds = 0.0
        self._callback = callback
        self._progress = Progress(chains, plan.tune, plan.draws, enabled=progressbar)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._turn = threading.Semaphore(max(1, cores))

    def __call__(
        self, setup: Setup, chains: list[Chain], jitters: list[Jitter], *, vectorized: bool, when_traced: Callable[[], Any]
    ) -> bool:
        """Compile and run; returns whether the run was interrupted."""
        begin = time.perf_counter()
        numbers = list(range(len(chains)))
        groups = [numbers] if vectorized else [[c] for c in numbers]
        starts = [jax.tree.map(lambda *x: np.stack(x), *chains)] if vectorized else chains
        together = len(chains) if vectorized else None
        program = compile_advance(self.plan.target, setup, starts[0], self.plan.data, chains=together, when_traced=when_traced)
        compiled = time.perf_counter()
        self.compile_seconds = compiled - begin

        def work(members: list[int], start: Chain) -> None:
            group = Group(
                members, program, self.plan, self.warmup, self.drawn,
                vectorized=vectorized, report=self._report, stop=self._stop, turn=self._turn,
            )  # fmt: skip
            group.run(start, [jitters[c] for c in members])

        with self._progress, ThreadPoolExecutor(len(groups), thread_name_prefix="chain") as pool:
            futures = [pool.submit(work, members, start) for members, start in zip(groups, starts)]
            interrupted = self._watch(futures)
        self.sampling_seconds = time.perf_counter() - compiled
        return self._end(futures, groups) or interrupted

    def _watch(self, futures: list[Future[None]]) -> bool:
        """Wait for all chains, or for an interrupt or an error, which stop all chains after their present block."""
        try:
            while not (state := wait(futures, timeout=0.1, return_when="FIRST_EXCEPTION")).not_done == set():
                self._progress.refresh()
                if any(f.exception() is not None for f in state.done):
                    self._stop.set()
        except KeyboardInterrupt:
            self._stop.set()
            return True
        finally:
            if any(f.done() and f.exception() is not None for f in futures):
                self._stop.set()
        return False

    def _end(self, futures: list[Future[None]], groups: list[list[int]]) -> bool:
        """Raise the first chain's error; a KeyboardInterrupt, as callbacks raise it, only says that the run was interrupted."""
        interrupted = False
        for members, future in zip(groups, futures):
            error = future.exception()
            if isinstance(error, KeyboardInterrupt):
                interrupted = True
            elif error is not None:
                if len(groups) > 1:
                    error.add_note(f"raised while chain {members[0]} was sampled")
                raise error
        return interrupted

    def _report(self, chain: int, block: Block, n: int, tuning: bool) -> None:
        self._progress.add(chain, block.statistics[:n], tuning=tuning)
        if self._callback is None or self._stop.is_set():
            return
        phase = self.warmup if tuning else self.drawn
        first = phase.done[chain] - n + (0 if tuning else self.plan.tune)
        with self._lock:
            for i in range(n):
                statistics: dict[str, float] = dict(zip(STATISTICS, block.statistics[i].tolist()))
                self._callback(Report(chain, first + i, tuning, statistics, block.positions[i], block.discrete[i]))
