"""Draws of expressions, as numbers."""

from __future__ import annotations

import os
from typing import Any

import jax
import numpy as np

from symjax._compiler import compiler_options
from symjax.core._function import prepare
from symjax.core._keys import KeyStream
from symjax.core._leaves import as_tensor
from symjax.core._lower import Program, lower
from symjax.core._node import Constant
from symjax.core._traverse import flatten
from symjax.random._checks import parameter_checks, raise_if_broken

#: Draws up to which a program is compiled as fast as can be.
_FEW = 10_000


def draw(vars: Any, draws: int = 1, random_seed: Any = None, canonicalize: bool = True, *, backend: Any = None) -> Any:
    """Draw from random variables and expressions of them, jointly.

    Parameters
    ----------
    vars : Tensor or nested list, tuple or dict of Tensor
        What to draw; what the expressions share is drawn once.
    draws : int
        Number of independent joint draws.
    random_seed : int, sequence of int, numpy.random.Generator or numpy.random.RandomState, optional
        The same seed gives the same draws in every process; without one they come from the operating system's entropy.
    canonicalize : bool
        Whether to rewrite the graph first, laws of random variables included; with one seed the draws then may differ from those
        of the graph as written, their law does not.
    backend
        Accepted for compatibility with PyMC: everything runs on XLA.

    Returns
    -------
    numpy.ndarray or nested structure of them
        Values in the structure of `vars`, each with a leading axis of length `draws` if that is more than one.

    Raises
    ------
    ParameterError
        If a parameter takes a value on the way that its distribution does not allow; the message names variable, parameter,
        value and index.
    MissingInputError
        If a placeholder is needed.

    Examples
    --------
    >>> import symjax.random as R
    >>> x = R.Normal(0.0, 1.0, shape=(2,))
    >>> R.draw([x, x.sum()], draws=5, random_seed=1)[0].shape
    (5, 2)
    """
    if draws < 1:
        raise ValueError(f"draw: `draws` must be at least 1, got {draws}.")
    leaves, build = flatten(vars)
    outputs = [as_tensor(e) for e in leaves]
    checks = parameter_checks(outputs)
    roots = prepare([*outputs, *(t for c in checks for t in c[3:])], canonicalize=canonicalize)
    n = len(outputs)
    rest = [roots[i : i + 3] for i in range(n, len(roots), 3)]
    # a condition that rewriting proved is a constant by now
    open_checks = [(c, tensors) for c, tensors in zip(checks, rest, strict=True) if not _is_true(tensors[0])]
    program = lower([*roots[:n], *(t for _, tensors in open_checks for t in tensors)], [], fold=False)
    values = _run(program, _base(random_seed), draws)
    for i, (check, _) in enumerate(open_checks):
        raise_if_broken(check, *values[n + 3 * i : n + 3 * i + 3])
    return build([v if draws > 1 else v[0, ...] for v in values[:n]])


def _is_true(node: Any) -> bool:
    return isinstance(node, Constant) and bool(np.all(node.value))


def _base(random_seed: Any) -> np.ndarray:
    """Raw key data of a seed."""
    if random_seed is None:
        return np.frombuffer(os.urandom(8), np.uint32)
    if isinstance(random_seed, np.random.Generator):
        return random_seed.integers(0, 2**32, 2, np.uint32)
    if isinstance(random_seed, np.random.RandomState):
        return np.frombuffer(random_seed.bytes(8), np.uint32)
    if np.ndim(random_seed):
        return np.random.SeedSequence([int(s) for s in random_seed]).generate_state(2)
    seed = int(random_seed)
    return np.array([seed >> 32 & 0xFFFFFFFF, seed & 0xFFFFFFFF], np.uint32)


def _run(program: Program, base: np.ndarray, draws: int) -> list[np.ndarray]:
    salts = program.salts()

    def one(key_data: Any, index: Any, data: Any) -> list[Any]:
        key = jax.random.wrap_key_data(key_data, impl="threefry2x32")
        return program.run((), data, KeyStream(jax.random.fold_in(key, index), salts, (index,)))

    def many(key_data: Any, indices: Any, data: Any) -> list[Any]:
        return jax.vmap(lambda i: one(key_data, i, data), axis_size=draws)(indices)

    # the program runs once: where it makes little, most of the time is its compilation
    options = compiler_options(tiny=draws <= _FEW)
    with jax.enable_x64(True):
        found = jax.jit(many, compiler_options=options)(base, np.arange(draws, dtype=np.uint32), program.values_of_data())
    return [np.array(v) for v in found]
