"""The rules of the posterior compiler, in order of preference."""

from __future__ import annotations

from symjax.random.posterior._joint import Propose

#: Name and proposer of each rule; the names are what ``pm.sample(rewrites=[...])`` takes.
RULES: tuple[tuple[str, Propose], ...] = ()
