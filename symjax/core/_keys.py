"""Where draws get their keys from: one key per call, told apart by stable salts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import jax

from symjax.core._node import Token


def salts_of(tokens: Sequence[Token]) -> dict[Token, int]:
    """A 32-bit salt for each draw of a program.

    A named draw is salted by its name, whatever else the program draws; an unnamed one by its place among the program's unnamed
    draws. Salts of one program never collide.
    """
    salts: dict[Token, int] = {}
    taken: set[int] = set()
    unnamed = 0
    for token in sorted(tokens, key=lambda t: t.rank):
        if token.name is None:
            label, unnamed = f"unnamed:{unnamed}", unnamed + 1
        else:
            label = f"named:{token.name}"
        salt, attempt = _hash(label), 0
        while salt in taken:
            attempt += 1
            salt = _hash(f"{label}:{attempt}")
        taken.add(salt)
        salts[token] = salt
    return salts


def _hash(label: str) -> int:
    return int.from_bytes(hashlib.blake2b(label.encode(), digest_size=4).digest(), "little")


class KeyStream:
    """The keys of one run of a program.

    Parameters
    ----------
    base : jax.Array
        Key of the run.
    salts : dict
        Salt of each token.
    path : tuple of int arrays
        Call count, then iteration numbers of the loops around: what tells apart the runs of a draw with a seed of its own.
    """

    __slots__ = ("base", "salts", "path")

    def __init__(self, base: Any, salts: dict[Token, int], path: tuple[Any, ...] = ()):
        self.base = base
        self.salts = salts
        self.path = path

    def key(self, token: Token) -> Any:
        """The key of a draw."""
        if token.seed is None:
            return jax.random.fold_in(self.base, self.salts[token])
        key = jax.random.key(token.seed)
        for step in self.path:
            key = jax.random.fold_in(key, step)
        return key

    def at(self, iteration: Any) -> KeyStream:
        """The stream of one iteration of a loop."""
        return KeyStream(jax.random.fold_in(self.base, iteration), self.salts, (*self.path, iteration))
