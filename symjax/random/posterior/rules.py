"""The rules of the posterior compiler, in order of preference."""

from __future__ import annotations

from symjax.random.posterior._joint import Propose
from symjax.random.posterior.chains import propose_forward_recursion, propose_waiting_chains
from symjax.random.posterior.conjugate import propose_beside_discrete, propose_conjugate
from symjax.random.posterior.discrete import propose_enumeration
from symjax.random.posterior.gaussian import propose as propose_gaussian_block
from symjax.random.posterior.matrices import propose_matrices
from symjax.random.posterior.statistics import sufficient_statistics
from symjax.random.posterior.unused import propose_unused

#: Name and proposer of each rule; the names are what ``pm.sample(rewrites=[...])`` takes.
RULES: tuple[tuple[str, Propose], ...] = (
    ("unused", propose_unused),
    ("conjugate", propose_matrices),
    ("sufficient_statistics", sufficient_statistics),
    ("forward_recursion", propose_forward_recursion),
    ("conjugate", propose_beside_discrete),
    ("enumerate_discrete", propose_enumeration),
    ("forward_recursion", propose_waiting_chains),
    ("gaussian_block", propose_gaussian_block),
    ("conjugate", propose_conjugate),
)
