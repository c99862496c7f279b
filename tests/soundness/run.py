"""One random model by its kind and number."""

from __future__ import annotations

import numpy as np

from tests.soundness.check import Verdict, judge
from tests.soundness.hierarchies import point, random_hierarchy
from tests.soundness.networks import network_point, random_network

KINDS = {"hierarchy": (random_hierarchy, point), "network": (random_network, network_point)}


def one(kind: str, seed: int, k: int, draws: bool = True) -> Verdict:
    """Make and judge a model; what it raises is a problem too."""
    rng = np.random.default_rng([seed, k])
    make, point_of = KINDS[kind]
    reference = make(rng)
    values = point_of(rng, reference)
    try:
        return judge(reference.build(), reference, values, k, draws=draws)
    except Exception as error:
        return Verdict(0, len(values), (), f"{type(error).__name__}: {error}")


def one_of(arguments: tuple[str, int, int, bool]) -> Verdict:
    """`one` of its arguments as a tuple, as pools of processes pass them."""
    return one(*arguments)
