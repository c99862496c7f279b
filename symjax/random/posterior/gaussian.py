"""The rule ``gaussian_block``: latents that are jointly Gaussian given the others are integrated out together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import symjax.tensor as T
from symjax.core._scope import detached
from symjax.core._traverse import make
from symjax.random._distribution import require
from symjax.random.distributions.flat import FlatDistribution
from symjax.random.distributions.normal import LOG_SQRT_2PI, Normal
from symjax.random.posterior._gaussian_block import Block, Unfit, candidates, components, is_proper, make_block
from symjax.random.posterior._gaussian_centre import reference_point, shifted
from symjax.random.posterior._gaussian_closed import Integral, closed
from symjax.random.posterior._gaussian_forms import Form
from symjax.random.posterior._gaussian_gram import Gram, gram_of, is_pure, layout_of, numbers_of, pattern
from symjax.random.posterior._gaussian_pairs import pairs_of
from symjax.random.posterior._gaussian_plan import Plan, make_plan
from symjax.random.posterior._gaussian_residual import cost_of, residual_parts
from symjax.random.posterior._gaussian_scales import Scale, as_tensor
from symjax.random.posterior._gaussian_solve import DRAWN, INTEGRAL, Solver, runtime_rows
from symjax.random.posterior._gaussian_spectrum import Spectrum, spectrum_of
from symjax.random.posterior._joint import Decline, Factor, Joint, Rewrite

RULE = "gaussian_block"
#: How many evaluations of the joint one evaluation of the integral may cost: an estimate of what NUTS saves in steps and in
#: autocorrelation by not having to sample the block.
_WORTH = 40.0
#: Operations that any evaluation is counted to cost, however small.
_OVERHEAD = 2e4
#: A system with more unknowns than this that are solved together is worth looking for better coordinates.
_SMALL_TAIL = 8
_MAX_NUMBERS = 50_000_000


def propose(joint: Joint, decline: Decline) -> Rewrite | None:
    """Integrate out a jointly Gaussian block of latents given the others.

    A block is the largest set of latents such that every factor that touches them is Normal, MvNormal, a Gaussian random walk or
    flat, with means affine in them and scales free of them. Its integral is found by sparse elimination (levels of independent
    unknowns, then a dense tail), or as a formula in the scales where these are one or two and the rest is numeric.

    Parameters
    ----------
    joint : Joint
        The density.
    decline : callable
        Notes blocks that are left alone, and why.
    """
    chosen = candidates(joint)
    with detached():
        while chosen:
            try:
                found = [make_block(joint, c) for c in components(joint, chosen)]
                break
            except Unfit as error:
                chosen -= error.latents
        else:
            return None
        for block in found:
            if joint.only_sets_priors(*block.latents):
                names = [x.name for x in block.latents]
                decline(RULE, names, "only the priors of other variables depend on it, which it would tie together")
                continue
            rewrite = _rewrite(joint, block, decline)
            if rewrite is not None:
                return rewrite
    return None


def _rewrite(joint: Joint, block: Block, decline: Decline) -> Rewrite | None:
    names = [x.name for x in block.latents]
    if not is_proper(block, joint):
        flat = {x for x in block.latents if isinstance(x.draw.distribution, FlatDistribution)}
        proper = [x for x in block.latents if x not in flat]
        decline(RULE, names, "a flat prior, and it is not proved that the data determines what it is of")
        try:
            return _rewrite(joint, make_block(joint, proper), decline) if proper and flat else None
        except Unfit:
            return None
    conditions = [T.all(c) for c in block.conditions]
    name = ", ".join(names)
    found = closed(block, name)
    how = "conjugate" if found else ""
    if found is None:
        solver, how = _solver(block)
        if solver is None:
            decline(RULE, names, how)
            return None
        cost = solver.cost()
        before = 10 * sum(len(p.rows) for f in block.all_forms() for p in f.parts) + _OVERHEAD
        left = [x for x in joint.latents if x not in block.columns]
        if left and cost > _WORTH * before:
            decline(
                RULE,
                names,
                f"integrating out {block.size} values would cost {cost:.0e} operations where the joint costs {before:.0e}",
            )
            return None
        found = _by_elimination(block, solver, name)
    first, *rest = found.factors
    if conditions:
        first = Factor(first.name, require(first.term, *conditions))
    reason = _reason(joint, block, how)
    return Rewrite(RULE, reason, tuple(names), block.factors, (first, *rest), block.conditional(found.unknowns))


def _solver(block: Block) -> tuple[Any, str]:
    """The prepared elimination, and how it goes in words; None and why not."""
    forms = block.all_forms()
    point = reference_point(forms, block.size)
    forms = [shifted(f, point) for f in forms]
    system, spectrum = _System.of(forms, block), None
    if not system.is_simple():
        spectrum = spectrum_of(forms, block.size)
        if spectrum is not None:
            forms = spectrum.forms
            system = _System.of(forms, block)
    plan = system.plan
    if plan is None:
        return None, f"the {block.size} values are coupled too densely for elimination"
    layout = layout_of(plan)
    if layout.size * max(len(system.gram.parts), 1) > _MAX_NUMBERS:
        return None, f"the system of {block.size} values is too large"
    scales: list[Scale] = []
    symbols: list[Any] = []
    pairs, gram = pairs_of(forms, layout, scales)
    numbers, pure = numbers_of(gram, layout)
    rows = tuple(runtime_rows(f, layout, scales, symbols) for f in system.mixed)
    try:
        residuals = residual_parts(forms, block.size, scales, symbols)
    except OverflowError:
        return None, f"the rows of the {block.size} values are too many"
    solver = Solver(layout, rows, len(pure), len(scales), residuals, pairs)
    vector = T.stack([T.cast(as_tensor(s), "float64") for s in pure]) if pure else T.constant(np.zeros(0))
    arguments = [T.constant(numbers), vector, *map(as_tensor, scales), *symbols]
    return _Prepared(solver, arguments, point, spectrum), _how(plan)


class _System(NamedTuple):
    """Normal equations, the rows that are computed at run time, and the order of elimination."""

    gram: Gram
    mixed: list[Form]
    plan: Plan | None

    @staticmethod
    def of(forms: Sequence[Form], block: Block) -> _System:
        gram = gram_of([f for f in forms if is_pure(f)], block.size)
        mixed = [f for f in forms if not is_pure(f)]
        pairs, dense = pattern(mixed, gram)
        plan = make_plan(block.size, pairs, dense, block.group())
        if plan is not None and len(plan.levels) == 1 and 0 < len(plan.left) <= _SMALL_TAIL:
            dense = np.concatenate([plan.tail, plan.interior[plan.left]]).tolist()
            plan = make_plan(block.size, pairs, dense, block.group())
        return _System(gram, mixed, plan)

    def is_simple(self) -> bool:
        """Whether all unknowns but few are independent given those."""
        return self.plan is not None and len(self.plan.levels) < 2 and len(self.plan.tail) + len(self.plan.left) <= _SMALL_TAIL


class _Prepared(NamedTuple):
    """A solver with its arguments; its unknowns are differences from `point`, in the coordinates of `spectrum`."""

    solver: Solver
    arguments: list[Any]
    point: np.ndarray
    spectrum: Spectrum | None

    def cost(self) -> float:
        """Floating-point operations of the integral and its gradient, roughly."""
        layout = self.solver.layout
        return 3 * layout.plan.cost() + layout.size * self.solver.n_pure + 2 * cost_of(self.solver.residuals)

    def unknowns(self, found: Any) -> Any:
        """The block's unknowns for those of the solver."""
        if self.spectrum is not None:
            cols = self.spectrum.cols
            others = np.setdiff1d(np.arange(len(self.point)), cols)
            order = np.argsort(np.concatenate([cols, others]))
            found = T.concatenate([T.matmul(self.spectrum.matrix, found[cols]), found[others]])[order]
        return found + self.point


def _by_elimination(block: Block, prepared: _Prepared, name: str) -> Integral:
    params = {"solver": prepared.solver}
    block.norm.number += block.size * LOG_SQRT_2PI + (prepared.spectrum.log_det if prepared.spectrum else 0.0)
    term = block.norm.total() + make(INTEGRAL, prepared.arguments, params)
    noise = Normal(0.0, 1.0, shape=(block.size,))
    return Integral((Factor(name, term),), prepared.unknowns(make(DRAWN, [noise, *prepared.arguments], params)))


def _how(plan: Plan) -> str:
    together = len(plan.tail) + len(plan.left)
    if not plan.levels:
        return f"jointly Gaussian, {together} values together" if together > 1 else "Gaussian"
    steps = "in one step" if len(plan.levels) == 1 else f"in {len(plan.levels)} steps"
    return f"jointly Gaussian, {plan.size - together} values {steps}" + (f" and {together} together" if together else "")


def _reason(joint: Joint, block: Block, how: str) -> str:
    given = {x for f in block.factors for x in f.latents} - set(block.latents)
    names = [x.name for x in joint.latents if x in given]
    how = _law_names(block) if how == "conjugate" else how
    condition = f" given {', '.join(names)}" if names else ""
    return f"integrated out{condition}: {how}; recovered after sampling"


def _law_names(block: Block) -> str:
    """What a block is called: by the two laws if it is one prior and its likelihood, else jointly Gaussian."""
    priors = [f.distribution.name for f in block.factors if f.is_prior]
    others = {f.distribution.name for f in block.factors if not f.is_prior}
    if len(set(priors)) == 1 and len(others) == 1 and len(block.latents) == 1:
        return f"{priors[0]}–{others.pop()}"
    return f"jointly Gaussian, {sum(math.prod(x.shape) for x in block.latents)} values together"
