"""Running chains: their start, the windows of warm-up, and the draws, as calls of the compiled program."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import jax
import numpy as np

from symjax._errors import SamplingError
from symjax.sampling import _adapt
from symjax.sampling._chain_state import STATISTICS, Block, Chain, Control
from symjax.sampling._frame import Converter, observe
from symjax.sampling._program import Program, block_length
from symjax.sampling._record import Phase
from symjax.sampling._start import Jitter, describe_start
from symjax.sampling._target import LogDensity
from symjax.sampling._thin import choose_thinning

#: Seconds that a block should last: progress and interrupts wait no longer than this.
BLOCK_SECONDS = 0.2
_ACCEPTANCE, _GRADIENTS = STATISTICS.index("acceptance_rate"), STATISTICS.index("n_steps")


@dataclass(frozen=True, slots=True)
class Plan:
    """What every chain is to do."""

    target: LogDensity
    data: Any
    tune: int
    draws: int
    target_accept: float
    max_depth: int
    rank: int
    thin: int | None  # None lets each chain choose
    moved: tuple[int, ...] | None = None  # what moves by its gradient; None is all

    @property
    def places(self) -> Any:
        """Index of the coordinates that move by their gradient."""
        return slice(None) if self.moved is None else np.array(self.moved, int)


class Group:
    """Chains that one call of the program advances: one of them in a thread of its own, or all when vectorised.

    Parameters
    ----------
    numbers : sequence of int
        Which chains.
    program : Program
        The compiled `advance`; if `vectorized` all its arrays have a leading axis of chains.
    plan : Plan
        What to do.
    warmup, drawn : Phase
        Where to record.
    report : callable
        ``report(number, block, n, tuning)`` after each block, with the block's arrays of that chain.
    stop : threading.Event
        Ends the run after the present block.
    turn : threading.Semaphore
        Held during a call of the program, so that no more of them run than there are cores for.
    """

    def __init__(
        self,
        numbers: Sequence[int],
        program: Program,
        plan: Plan,
        warmup: Phase,
        drawn: Phase,
        *,
        vectorized: bool,
        report: Callable[[int, Block, int, bool], None],
        stop: threading.Event,
        turn: threading.Semaphore,
    ):
        self.numbers = numbers
        self.program = program
        self.plan = plan
        self.warmup = warmup
        self.drawn = drawn
        self.vectorized = vectorized
        self.report = report
        self.stop = stop
        self.turn = turn
        self.block = 1  # rows of the next block
        self.framed = 0  # warm-up steps before the present frame
        framed = plan.target.frame is not None
        self.values = {c: np.empty((plan.tune if framed else 0, plan.target.size)) for c in numbers}  # what frames observe

    def run(self, chain: Chain, jitters: Sequence[Jitter]) -> None:
        """Warm up and draw, from the first starts with a finite density and gradient."""
        with jax.enable_x64(True):
            plan = self.plan
            chain = self._start(chain, jitters)
            for window in _adapt.schedule(plan.tune, plan.max_depth):
                chain = self._advance(chain, self.warmup, window.stop, window.max_depth)
                if self.stop.is_set():
                    return
                chain = self._adapted(chain, slice(max(window.since, self.framed), window.stop))
                if window.reframes and self.program.converter is not None:
                    chain = self._reframed(chain, window, self.program.converter)
            chain = self._advance(chain, self.warmup, plan.tune, plan.max_depth)
            self._to_model(chain, self.warmup, slice(self.framed, plan.tune))
            thin = self._thinning() if plan.thin is None else plan.thin
            for c in self.numbers:
                self.drawn.thin[c] = thin
            self.block = max(1, self.block // thin)
            self._advance(chain, self.drawn, plan.draws, plan.max_depth, thin)
            self._to_model(chain, self.drawn, slice(0, self.drawn.done[self.numbers[0]]))

    def _to_model(self, chain: Chain, phase: Phase, rows: slice) -> None:
        """Turn the positions of some rows, which are in the chain's present frame, into those of the model."""
        if self.program.converter is None:
            return
        for c, observations in zip(self.numbers, self._each(chain.observations)):
            phase.positions[c, rows] = self.program.converter.models(phase.positions[c, rows], observations)

    def _reframed(self, chain: Chain, window: _adapt.Window, converter: Converter) -> Chain:
        """The chain at the same position of the model, in a frame by the window's steps."""
        rows, used = slice(self.framed, window.stop), slice(window.since, window.stop)
        before, moved = self._each(chain), []
        for c, old in zip(self.numbers, before):
            found = converter.observed(self.warmup.positions[c, rows], self.warmup.gradients[c, rows], old.observations)
            # those of steps in earlier frames are there already
            self.values[c][rows], self.warmup.gradients[c, rows] = found
            observations = observe(self.values[c][used], self.warmup.gradients[c, used], converter.chosen, old.observations)
            model = converter.models(old.state.position[None], old.observations)
            [position] = converter.positions(model, observations)
            metric = _adapt.framed_metric(old.metric, converter.chosen)
            moved.append(old._replace(observations=observations, state=old.state._replace(position=position), metric=metric))
        self._to_model(chain, self.warmup, rows)
        self.framed = window.stop
        control = Control.of(1, 1, self.plan.target_accept, starting=True)
        after = self._each(self._call(self._joined(moved), control)[0])
        good = [np.isfinite(new.state.log_density) and np.isfinite(new.state.gradient).all() for new in after]
        return self._joined([new if ok else old for old, new, ok in zip(before, after, good)])

    def _thinning(self) -> int:
        """Steps a draw, from the last third of the warm-up."""
        late = slice(self.plan.tune - self.plan.tune // 3, self.plan.tune)
        found = [1]
        for c in self.numbers:
            seconds = self.program.seconds * float(self.warmup.statistics[c, late, _GRADIENTS].sum()) / max(1, self.plan.tune // 3)
            found.append(choose_thinning(self.warmup.positions[c, late], self.plan.draws, seconds))
        return max(found)

    def _call(self, chain: Chain, control: Control) -> tuple[Chain, Block]:
        """Call the program; the block comes back in NumPy, with an axis of chains."""
        with self.turn:
            chain, block = self.program.advance(chain, control, self.plan.data)
            arrays = [np.asarray(a) for a in block]
        return chain, Block(*(arrays if self.vectorized else [a[None] for a in arrays]))

    def _joined(self, values: Sequence[Any]) -> Any:
        """One pytree for the program from one for each chain."""
        return jax.tree.map(lambda *x: np.stack(x), *values) if self.vectorized else values[0]

    def _each(self, tree: Any) -> list[Any]:
        """The inverse of `_joined`, in NumPy."""
        tree = jax.tree.map(np.asarray, tree)
        return [jax.tree.map(itemgetter(i), tree) for i in range(len(self.numbers))] if self.vectorized else [tree]

    def _start(self, chain: Chain, jitters: Sequence[Jitter]) -> Chain:
        control = Control.of(1, 1, self.plan.target_accept, starting=True)
        if self.program.converter is not None:
            for jitter, observations in zip(jitters, self._each(chain.observations)):
                jitter.center = self.program.converter.positions(jitter.center[None], observations)[0]
        positions = [jitter.first() for jitter in jitters]
        for _ in range(1 + jitters[0].retries):
            started, _ = self._call(chain._replace(state=chain.state._replace(position=self._joined(positions))), control)
            states = self._each(started.state)
            good = [bool(np.isfinite(s.log_density) and np.isfinite(s.gradient).all()) for s in states]
            if all(good):
                break
            positions = [p if ok else j.again() for p, ok, j in zip(positions, good, jitters)]
        else:
            i = good.index(False)
            failed = self._each(chain)[i]
            data = self.plan.data if self.plan.target.frame is None else (self.plan.data, failed.observations)
            raise SamplingError(f"Chain {self.numbers[i]}: {describe_start(self.plan.target, states[i], failed.discrete, data)}")
        metric = self._joined([_adapt.initial_metric(s.gradient[self.plan.places], self.plan.rank) for s in states])
        started = started._replace(metric=metric)
        return started if self.plan.moved == () else self._with_step_size(started)

    def _with_step_size(self, chain: Chain) -> Chain:
        """A first step size: doubled or halved until one leapfrog step's acceptance rate crosses the target.

        Hoffman and Gelman 2014, algorithm 4, with the sampler's own target in place of 0.5.
        """
        control = Control.of(1, 1, self.plan.target_accept, adapting=True)
        log_steps = np.full(len(self.numbers), np.log(0.1))
        grows, done = None, np.zeros(len(self.numbers), bool)
        for _ in range(60):
            averaging = self._joined([_adapt.start(np.exp(s)) for s in log_steps])
            _, block = self._call(chain._replace(averaging=averaging), control)
            high = block.statistics[:, 0, _ACCEPTANCE] > self.plan.target_accept
            grows = high if grows is None else grows
            done |= high != grows
            if done.all():
                break
            log_steps += np.where(done, 0.0, np.where(grows, np.log(2.0), -np.log(2.0)))
        return chain._replace(averaging=averaging)

    def _adapted(self, chain: Chain, used: slice) -> Chain:
        """The chain with a metric from the warm-up's steps in `used`, and its step size's adaptation begun anew."""
        if self.plan.moved == ():
            return chain
        metrics, averagings = self._each(chain.metric), self._each(chain.averaging)
        for i, c in enumerate(self.numbers):
            draws, gradients = (a[c, used][:, self.plan.places] for a in (self.warmup.positions, self.warmup.gradients))
            metrics[i] = _adapt.estimate(draws, gradients, self.plan.rank, metrics[i])
            averagings[i] = _adapt.start(float(np.exp(averagings[i].log_average)))
        return chain._replace(metric=self._joined(metrics), averaging=self._joined(averagings))

    def _advance(self, chain: Chain, phase: Phase, until: int, max_depth: int, thin: int = 1) -> Chain:
        """Rows, of `thin` steps each, until the phase has `until` of them."""
        adapting = phase is self.warmup
        rows = block_length(self.plan.target.size)
        done = phase.done[self.numbers[0]]
        while done < until and not self.stop.is_set():
            n = min(until - done, self.block)
            control = Control.of(n, max_depth, self.plan.target_accept, thin=thin, adapting=adapting)
            start = time.perf_counter()
            chain, blocks = self._call(chain, control)
            seconds = time.perf_counter() - start
            self.block = int(np.clip(n * BLOCK_SECONDS / max(seconds, 1e-6), 1, min(2 * max(n, self.block), rows)))
            for i, c in enumerate(self.numbers):
                block = Block(*(a[i] for a in blocks))
                phase.add(c, block, n)
                self.report(c, block, n, adapting)
            done += n
        return chain
