"""Running parts of a model forward over many draws: one compiled, vectorised pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from symjax.core._function import prepare
from symjax.core._keys import KeyStream
from symjax.core._lower import lower
from symjax.core._shapes import is_symbolic
from symjax.random._checks import parameter_checks, raise_if_broken

#: What one vectorised pass may hold, in bytes; more draws than fit go in several passes of one program.
MEMORY_BUDGET = 1 << 29


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
    checks = parameter_checks(outputs, given.keys()) if checked else []
    conditions = [t for c in checks for t in (c.holds, c.place, c.value)]
    program = lower(prepare([*outputs, *conditions], canonicalize=False), list(given))
    salts = program.salts()
    data = program.values_of_data()

    def one(index: Any, values: Any, key: Any, data: Any) -> Any:
        stream = KeyStream(jax.random.fold_in(key, index), salts, (index,)) if program.tokens else None
        return program.run(values, data, stream)

    batch = max(1, min(n, MEMORY_BUDGET // max(1, _bytes_per_draw(outputs, data))))

    def all_draws(indices: Any, values: Any, key: Any, data: Any) -> Any:
        return jax.vmap(one, (0, 0, None, None))(indices, values, key, data)

    with jax.enable_x64(True):
        key = jax.random.key(seed_of(random_seed))
        run = jax.jit(all_draws)
        arrays = [np.asarray(v) for v in given.values()]
        parts = []
        for start in range(0, n, batch):
            # the last pass overlaps the one before, so that every pass has the shape that was compiled
            at = max(0, min(start, n - batch))
            found = run(np.arange(at, at + batch), [a[at : at + batch] for a in arrays], key, data)
            parts.append([np.asarray(f)[start - at :] for f in found])
    columns = [np.concatenate(p) for p in zip(*parts, strict=True)]
    k = len(outputs)
    for i, check in enumerate(checks):
        raise_if_broken(check, *columns[k + 3 * i : k + 3 * i + 3])
    return columns[:k]


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
