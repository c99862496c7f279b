"""Which step moves which variable: from what users pass as ``step=`` to the updates of a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symjax.pmc_bridge.step_methods import CompoundStep, GradientStep, StepMethod
from symjax.sampling import FlatVariable, LogDensity, Update


@dataclass(frozen=True)
class Arrangement:
    """Which step moves which variable.

    Attributes
    ----------
    steps : tuple of StepMethod
        The user's steps.
    """

    steps: tuple[StepMethod, ...]

    @property
    def names_variables(self) -> bool:
        """Whether the variables must be left to sample as they are: some are named, or moved without a gradient."""
        return any(s.names is not None or not isinstance(s, GradientStep) for s in self.steps)

    @property
    def settings(self) -> dict[str, Any]:
        """What the steps say of `symjax.sampling.sample`'s keywords."""
        moving = [s for s in self.steps if isinstance(s, GradientStep)]
        return dict(moving[0].settings) if moving else {}

    def updates(self, target: LogDensity) -> list[Update]:
        """The updates of a target; what no step takes is left to the defaults.

        Raises
        ------
        ValueError
            If a step names a variable that is not left to sample or that it cannot move.
        """
        known: dict[str, Any] = {v.name: v for v in (*target.variables, *target.discrete)}
        owner: dict[str, StepMethod] = {}
        for step in self.steps:
            for name in step.names or ():
                if name not in known:
                    raise ValueError(f"{step!r}: {name!r} is not left to sample, which are {list(known)}.")
                if name in owner:
                    raise ValueError(f"{name!r} is given to two steps, {owner[name]!r} and {step!r}.")
                if not _can_move(step, known[name]):
                    raise ValueError(f"{step!r} cannot move {name!r}.")
                owner[name] = step
        for step in self.steps:
            if step.names is None:
                owner |= {n: step for n, v in known.items() if n not in owner and _can_move(step, v)}
        chosen = [s for s in self.steps if not isinstance(s, GradientStep)]
        return [u for s in chosen for u in s.updates([v for n, v in known.items() if owner.get(n) is s])]


def arrange(step: Any) -> Arrangement:
    """The arrangement of what users pass as ``step=``.

    Raises
    ------
    TypeError
        If it is no step, or several of them move variables by their gradient.
    """
    steps = [] if step is None else step.methods if isinstance(step, CompoundStep) else step
    steps = list(steps) if isinstance(steps, (list, tuple)) else [steps]
    for s in steps:
        if not isinstance(s, StepMethod):
            raise TypeError(f"step: expected step methods such as pm.NUTS() or pm.Metropolis([x]), got {s!r}.")
    moving = [s for s in steps if isinstance(s, GradientStep)]
    if len({(type(s), *s.settings.items()) for s in moving}) > 1:
        raise TypeError(f"step: variables that move by their gradient do so together; give one of {moving}.")
    return Arrangement(tuple(steps))


def _can_move(step: StepMethod, variable: Any) -> bool:
    return step.continuous if isinstance(variable, FlatVariable) else step.discrete
