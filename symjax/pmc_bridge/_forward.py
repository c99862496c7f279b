"""Running parts of a model forward over many draws: one compiled, vectorised pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from symjax._compiler import compiler_options
from symjax.core._function import prepare
from symjax.core._keys import KeyStream
from symjax.core._leaves import present_shape
from symjax.core._lower import lower
from symjax.core._shapes import is_symbolic
from symjax.random._checks import parameter_checks, raise_if_broken

#: What one vectorised pass may hold, in bytes; more draws than fit go in several passes of one program.
MEMORY_BUDGET = 1 << 29
_TINY_ELEMENTS = 1 << 22


def run_forward(
    outputs: Sequence[Any], given: Mapping[Any, np.ndarray], n: int, random_seed: int | None = None, *, checked: bool = True
) -> list[np.ndarray]:
    """Values of expressions for each of `n` draws.

    Parameters
    ----------
    outputs : sequence of Tensor
        What to compute; random nodes that are not given are drawn.
    given : mapping of Tensor to array
        Values of nodes, the first axis of length `n`.
    n : int
        Number of draws.
    random_seed : int, optional
        Seed of the draws.
    checked : bool
        Whether to check the parameters of what is drawn.

    Returns
    -------
    list of numpy.ndarray
        One array of shape ``(n, *shape)`` for each output.

    Raises
    ------
    ParameterError
        If a parameter of a variable that is drawn takes a value that its distribution does not allow.
    """
    forward = Forward(outputs, list(given), n, checked=checked)
    return forward([np.asarray(v) for v in given.values()], random_seed)


class Forward:
    """A compiled pass over many draws.

    Parameters
    ----------
    outputs : sequence of Tensor
        What to compute; random nodes that are not given are drawn.
    given : sequence of Tensor
        Nodes whose values will be given.
    n : int
        Number of draws.
    checked : bool
        Whether to check the parameters of what is drawn.
    """

    def __init__(self, outputs: Sequence[Any], given: Sequence[Any], n: int, *, checked: bool = True):
        self.n, self._given, self._n_outputs = n, list(given), len(outputs)
        self._checks = parameter_checks(outputs, given) if checked else []
        conditions = [t for c in self._checks for t in (c.holds, c.place, c.value)]
        program = lower(prepare([*outputs, *conditions], canonicalize=False), self._given)
        salts = program.salts()
        self._data = program.values_of_data()
        self._batch = max(1, min(n, MEMORY_BUDGET // max(1, _bytes_per_draw(outputs, self._data))))

        def one(index: Any, values: Any, key: Any, data: Any) -> Any:
            stream = KeyStream(jax.random.fold_in(key, index), salts, (index,)) if program.tokens else None
            return program.run(values, data, stream)

        def all_draws(indices: Any, values: Any, seed: Any, data: Any) -> Any:
            return jax.vmap(one, (0, 0, None, None))(indices, values, jax.random.key(seed), data)

        self._function = all_draws
        # such small programs run but once: optimising them takes longer than they do
        self._tiny = self._batch * _elements(outputs) < _TINY_ELEMENTS
        self._run: Any = None

    def compile(self) -> Forward:
        """Compile now, from any thread; the first call does so otherwise."""
        with jax.enable_x64(True):
            values = [jax.ShapeDtypeStruct((self._batch, *present_shape(leaf.shape)), leaf.dtype) for leaf in self._given]
            indices = jax.ShapeDtypeStruct((self._batch,), np.int64)
            lowered = jax.jit(self._function).lower(indices, values, jax.ShapeDtypeStruct((), np.int64), self._data)
            self._run = lowered.compile(compiler_options=compiler_options(tiny=self._tiny))
        return self

    def __call__(self, values: Sequence[np.ndarray], random_seed: Any = None) -> list[np.ndarray]:
        """The outputs for each draw; `values` are those of the given nodes, the first axis of length `n`."""
        run = self._run or self.compile()._run
        seed = np.int64(seed_of(random_seed))
        parts = []
        with jax.enable_x64(True):
            for start in range(0, self.n, self._batch):
                # the last pass overlaps the one before, so that every pass has the shape that was compiled
                at = max(0, min(start, self.n - self._batch))
                stop = at + self._batch
                given = [np.asarray(v[at:stop], leaf.dtype) for v, leaf in zip(values, self._given, strict=True)]
                found = run(np.arange(at, stop), given, seed, self._data)
                parts.append([np.asarray(f)[start - at :] for f in found])
        columns = [np.array(p[0]) if len(p) == 1 else np.concatenate(p) for p in zip(*parts, strict=True)]
        k = self._n_outputs
        for i, check in enumerate(self._checks):
            raise_if_broken(check, *columns[k + 3 * i : k + 3 * i + 3])
        return columns[:k]


def _elements(outputs: Sequence[Any]) -> int:
    return sum(int(np.prod([1 if is_symbolic(d) else d for d in o.shape])) for o in outputs)


def _bytes_per_draw(outputs: Sequence[Any], data: Sequence[Any]) -> int:
    known = sum(int(np.prod([1 if is_symbolic(d) else d for d in o.shape])) * o.dtype.itemsize for o in outputs)
    return 4 * known + sum(int(getattr(d, "nbytes", 8)) for d in data)


def seed_of(random_seed: Any) -> int:
    """A 63-bit seed from what users pass: an int, a NumPy generator, a sequence of ints, or None for a fresh one."""
    if random_seed is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> 1)
    if isinstance(random_seed, np.random.Generator):
        return int(random_seed.integers(0, 2**63 - 1))
    if isinstance(random_seed, np.random.RandomState):
        return int(random_seed.randint(0, 2**31 - 1))
    if isinstance(random_seed, (int, np.integer)):
        return int(random_seed)
    return int(np.random.SeedSequence([int(s) for s in random_seed]).generate_state(1, np.uint64)[0] >> 1)
