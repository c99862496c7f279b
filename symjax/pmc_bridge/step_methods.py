"""Step methods: which variables move how, under PyMC's names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symjax._errors import SamplingError
from symjax.pmc_bridge._forward import seed_of
from symjax.pmc_bridge._model import modelcontext
from symjax.sampling import DiscreteVariable, FlatVariable, Update, gibbs

#: Proposals under PyMC's names, and the laws of jumps that they mean.
PROPOSALS = {
    "NormalProposal": "normal",
    "UniformProposal": "uniform",
    "CauchyProposal": "cauchy",
    "LaplaceProposal": "laplace",
    "MultivariateNormalProposal": "normal",
}


class StepMethod:
    """How some variables move.

    Parameters
    ----------
    vars : variable, name, or sequence of them, optional
        The variables; all that the method can move and that no other step names, by default.
    model : Model, optional
        The model in context by default.
    """

    continuous = discrete = True

    def __init__(self, vars: Any = None, *, model: Any = None):
        model = modelcontext(model)
        self.names = (
            None if vars is None else [_value_name(model, v) for v in (vars if isinstance(vars, (list, tuple)) else [vars])]
        )

    def __repr__(self) -> str:
        of = "what it can move" if self.names is None else ", ".join(self.names)
        return f"<{type(self).__name__} of {of}>"

    def updates(self, variables: Sequence[Any]) -> list[Update]:
        """The updates of some variables, given by their place among all."""
        raise TypeError(f"{type(self).__name__} moves variables by their gradient")


class GradientStep(StepMethod):
    """A step that moves all its variables together, by the gradient."""

    discrete = False
    #: Keywords of `symjax.sampling.sample`.
    settings: dict[str, Any]


class NUTS(GradientStep):
    """The No-U-Turn sampler, of continuous variables.

    Parameters
    ----------
    vars : sequence of variables, optional
        All continuous ones that no other step names, by default.
    max_treedepth : int
        Limit of the tree depth.
    target_accept : float
        Acceptance rate that the step size is tuned for.
    early_max_treedepth : int
        Accepted for compatibility: the limit is 8 early in warm-up.
    model : Model, optional
        The model in context by default.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     tree = pm.sample(50, tune=50, step=pm.NUTS(target_accept=0.9), chains=1, random_seed=1, progressbar=False, quiet=True)
    """

    def __init__(
        self,
        vars: Any = None,
        max_treedepth: int = 10,
        early_max_treedepth: int = 8,
        *,
        target_accept: float = 0.8,
        model: Any = None,
    ):
        super().__init__(vars, model=model)
        self.settings = {"kernel": "nuts", "max_treedepth": max_treedepth, "target_accept": target_accept}


def init_nuts(
    *,
    init: str = "auto",
    chains: int = 1,
    n_init: int = 500_000,
    model: Any = None,
    random_seed: Any = None,
    progressbar: bool = True,
    quiet: bool = False,
    jitter_max_retries: int = 10,
    tune: int | None = None,
    initvals: Any = None,
    compile_kwargs: Any = None,
    **kwargs: Any,
) -> tuple[list[dict[str, np.ndarray]], NUTS]:
    """Points where chains may start, and a NUTS step: what ``sample(step=, initvals=)`` takes.

    Parameters
    ----------
    init : str
        As in `sample`; with "jitter" in it, or "auto", the points are moved by Uniform(−1, 1) numbers.
    chains : int
        Number of points.
    n_init, progressbar, quiet, tune, compile_kwargs
        Accepted for compatibility: the metric is found in warm-up.
    model : Model, optional
        The model in context by default.
    random_seed : int, sequence of int or Generator, optional
        Seed.
    jitter_max_retries : int
        Number of moves that are tried until the log density is finite.
    initvals : mapping or sequence of mappings, optional
        Values of variables, for all chains or for each.
    **kwargs
        Of `NUTS`.

    Returns
    -------
    points, step : list of dict, NUTS
        Points on the unconstrained scale, and the step.

    Raises
    ------
    SamplingError
        If no point with a finite log density was found.

    Examples
    --------
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x")
    ...     points, step = pm.init_nuts(chains=2, random_seed=1)
    >>> len(points)
    2
    """
    model = modelcontext(model)
    log_density = model.compile_logp()
    rng = np.random.default_rng(seed_of(random_seed))
    each = initvals if isinstance(initvals, (list, tuple)) else [initvals] * chains
    if len(each) != chains:
        raise ValueError(f"init_nuts: {len(each)} starts were given for {chains} chains.")
    width = 1.0 if init == "auto" or "jitter" in init else 0.0
    points = []
    for values in each:
        start = model.initial_point(int(rng.integers(2**31)), overrides=values or {})
        for _ in range(1 + jitter_max_retries):
            point = {k: v + width * rng.uniform(-1, 1, np.shape(v)) if v.dtype.kind == "f" else v for k, v in start.items()}
            if np.isfinite(log_density(point)):
                break
        else:
            raise SamplingError(f"init_nuts: no start with a finite log density in {1 + jitter_max_retries} trials.")
        points.append(point)
    return points, NUTS(model=model, **kwargs)


class HamiltonianMC(GradientStep):
    """Hamiltonian Monte Carlo with trajectories of random length, of continuous variables.

    Parameters
    ----------
    vars : sequence of variables, optional
        All continuous ones that no other step names, by default.
    path_length : float
        Mean integration time, in units of the metric.
    max_steps : int
        Greatest number of leapfrog steps, rounded up to a power of two.
    target_accept : float
        Acceptance rate that the step size is tuned for.
    model : Model, optional
        The model in context by default.
    """

    def __init__(
        self, vars: Any = None, path_length: float = 2.0, max_steps: int = 1024, *, target_accept: float = 0.65, model: Any = None
    ):
        super().__init__(vars, model=model)
        depth = max(1, math.ceil(math.log2(max_steps)))
        self.settings = {"kernel": "hmc", "max_treedepth": depth, "target_accept": target_accept, "path_length": float(path_length)}


class Metropolis(StepMethod):
    """Random-walk Metropolis: a joint jump of each variable; integers jump by random powers of two, which needs no tuning.

    Parameters
    ----------
    vars : sequence of variables, optional
        All that no other step names, by default.
    S : array-like, optional
        Standard deviations of the jumps, or their covariance.
    proposal_dist : callable, optional
        One of `NormalProposal`, `UniformProposal`, `CauchyProposal`, `LaplaceProposal`, `MultivariateNormalProposal`.
    scaling : float
        Factor of the jumps at the start.
    tune : bool
        Whether the factor adapts in warm-up, to an acceptance rate of 0.44 in one dimension and 0.234 in more.
    blocked : bool
        Whether all continuous variables jump together.
    model : Model, optional
        The model in context by default.
    tune_interval, mode, rng, initial_point, compile_kwargs
        Accepted for compatibility; the factor adapts at every step.
    """

    def __init__(
        self,
        vars: Any = None,
        *,
        S: Any = None,
        proposal_dist: Any = None,
        scaling: float = 1.0,
        tune: bool = True,
        tune_interval: int = 100,
        model: Any = None,
        mode: Any = None,
        rng: Any = None,
        initial_point: Any = None,
        compile_kwargs: Any = None,
        blocked: bool = False,
    ):
        super().__init__(vars, model=model)
        self.S, self.jump = _covariance(S), _jump_law(proposal_dist)
        self.scaling, self.tune, self.blocked = float(scaling), bool(tune), blocked

    def updates(self, variables: Sequence[Any]) -> list[Update]:
        continuous = [v for v in variables if isinstance(v, FlatVariable)]
        blocks = [continuous] if self.blocked and continuous else [[v] for v in continuous]
        found = [_block("walk", block, root=self._root(block), **self._settings()) for block in blocks]
        places = tuple(p for v in variables if isinstance(v, DiscreteVariable) for p in _places(v))
        return [*found, *([Update("integer_walk", places)] if places else [])]

    def _settings(self) -> dict[str, Any]:
        return {"scaling": self.scaling, "tune": self.tune, "jump": self.jump}

    def _root(self, block: Sequence[Any]) -> Any:
        """Standard deviations or a root of the covariance, of the size of a block."""
        if self.S is None:
            return None
        n = sum(v.stop - v.start for v in block)
        if self.S.shape[0] not in (1, n):
            names = ", ".join(v.name for v in block)
            raise ValueError(f"Metropolis: S is for {self.S.shape[0]} elements, {names} has {n}.")
        if self.S.ndim == 2:
            return tuple(map(tuple, np.linalg.cholesky(self.S).tolist()))
        return tuple(np.broadcast_to(self.S, n).tolist())


class _Differential(StepMethod):
    """Differential evolution of all variables together."""

    discrete = False
    source: str

    def __init__(
        self,
        vars: Any = None,
        *,
        S: Any = None,
        proposal_dist: Any = None,
        lamb: float | None = None,
        scaling: float = 0.001,
        tune: str | None = "scaling",
        tune_interval: int = 100,
        tune_drop_fraction: float = 0.9,
        model: Any = None,
        mode: Any = None,
        rng: Any = None,
        initial_point: Any = None,
        compile_kwargs: Any = None,
        blocked: bool = True,
    ):
        super().__init__(vars, model=model)
        if tune not in ("scaling", "lambda", None):
            raise ValueError(f"{type(self).__name__}: tune must be 'scaling', 'lambda' or None, got {tune!r}.")
        jump = _jump_law(proposal_dist or "UniformProposal")
        if jump not in ("uniform", "normal") or S is not None:
            raise ValueError(f"{type(self).__name__}: noise is uniform or normal with one scale, `scaling`; leave S out.")
        self.settings = {"source": self.source, "scaling": scaling, "lamb": lamb, "tune": tune, "jump": jump}

    def updates(self, variables: Sequence[Any]) -> list[Update]:
        return [_block("differential", variables, **self.settings)] if variables else []


class DEMetropolis(_Differential):
    """Metropolis with jumps along the difference of two other chains, of continuous variables together; chains run in step.

    Parameters
    ----------
    vars : sequence of variables, optional
        All continuous ones that no other step names, by default.
    proposal_dist : callable, optional
        Law of the noise, `UniformProposal` or `NormalProposal`.
    lamb : float, optional
        Factor of the difference, ``2.38 / sqrt(2 n)`` by default.
    scaling : float
        Scale of the noise.
    tune : {"scaling", "lambda", None}
        Which of them adapts in warm-up.
    model : Model, optional
        The model in context by default.
    S, tune_interval, tune_drop_fraction, mode, rng, initial_point, compile_kwargs, blocked
        Accepted for compatibility.

    References
    ----------
    ter Braak, A Markov chain Monte Carlo version of the genetic algorithm differential evolution, Statistics and Computing 16,
    2006.
    """

    source = "chains"


class DEMetropolisZ(_Differential):
    """Metropolis with jumps along differences of the chain's own warm-up, of continuous variables together.

    Parameters are those of `DEMetropolis`.

    References
    ----------
    ter Braak, Vrugt, Differential evolution Markov chain with snooker updater and fewer chains, Statistics and Computing 18, 2008.
    """

    source = "past"


class Slice(StepMethod):
    """Slice sampling, of continuous variables element by element.

    Parameters
    ----------
    vars : sequence of variables, optional
        All continuous ones that no other step names, by default.
    w : float
        Width of the first interval at the start.
    tune : bool
        Whether widths adapt in warm-up.
    max_steps : int
        Greatest number of times that an interval is widened.
    model : Model, optional
        The model in context by default.
    rng, initial_point, compile_kwargs, blocked
        Accepted for compatibility.

    References
    ----------
    Neal, Slice sampling, Annals of Statistics 31, 2003.
    """

    discrete = False

    def __init__(
        self,
        vars: Any = None,
        *,
        w: float = 1.0,
        tune: bool = True,
        model: Any = None,
        max_steps: int = 100,
        rng: Any = None,
        initial_point: Any = None,
        compile_kwargs: Any = None,
        blocked: bool = False,
    ):
        super().__init__(vars, model=model)
        self.settings = {"w": float(w), "tune": bool(tune), "max_steps": int(max_steps)}

    def updates(self, variables: Sequence[Any]) -> list[Update]:
        return [_block("slice", variables, **self.settings)] if variables else []


class _Gibbs(StepMethod):
    continuous = False
    most_values: int | None = None

    def __init__(self, vars: Any = None, *, model: Any = None, **kwargs: Any):
        super().__init__(vars, model=model)

    def updates(self, variables: Sequence[Any]) -> list[Update]:
        for v in variables:
            if v.n_values is None or (self.most_values is not None and v.n_values > self.most_values):
                allowed = "finitely many values" if self.most_values is None else f"{self.most_values} values at most"
                raise ValueError(f"{type(self).__name__}: {v.name!r} must have {allowed}.")
        return gibbs(variables)


class BinaryMetropolis(_Gibbs):
    """Updates of binary variables, each drawn from its law given all others, so that nothing is rejected and nothing needs tuning.

    Parameters
    ----------
    vars : sequence of variables
        Which.
    model : Model, optional
        The model in context by default.
    **kwargs
        Keywords of PyMC's step, which have no effect.
    """

    most_values = 2


class BinaryGibbsMetropolis(BinaryMetropolis):
    """The same as `BinaryMetropolis`."""


class CategoricalGibbsMetropolis(_Gibbs):
    """Updates of variables with finitely many values, each drawn from its law given all others.

    Parameters
    ----------
    vars : sequence of variables
        Which.
    model : Model, optional
        The model in context by default.
    **kwargs
        Keywords of PyMC's step, which have no effect: nothing is proposed or rejected.
    """


class CompoundStep:
    """Several steps, one after the other.

    Parameters
    ----------
    methods : sequence of StepMethod
        The steps.
    """

    def __init__(self, methods: Sequence[StepMethod]):
        self.methods = list(methods)


def _value_name(model: Any, variable: Any) -> str:
    """Name of the value variable of a variable, given it, its value or the name of either."""
    name = variable if isinstance(variable, str) else variable.name
    node = model.named_vars.get(name)
    if node in model.rvs_to_values:
        return model.rvs_to_values[node].name
    if name in {v.name for v in model.value_vars}:
        return name
    raise ValueError(f"step: {name!r} is no free variable of the model, which has {[v.name for v in model.free_RVs]}.")


def _places(variable: Any) -> range:
    return range(variable.start, variable.stop)


def _block(kernel: str, variables: Sequence[Any], **settings: Any) -> Update:
    return Update(kernel, tuple(p for v in variables for p in _places(v)), tuple(settings.items()))


def _covariance(S: Any) -> np.ndarray | None:
    return None if S is None else np.atleast_1d(np.asarray(S, float))


def _jump_law(proposal: Any) -> str:
    name = "NormalProposal" if proposal is None else proposal if isinstance(proposal, str) else getattr(proposal, "__name__", None)
    name = type(proposal).__name__ if name is None else name
    if name not in PROPOSALS:
        raise ValueError(f"proposal_dist must be one of {list(PROPOSALS)}, got {proposal!r}.")
    return PROPOSALS[name]


class NormalProposal:
    """Normal jumps."""


class UniformProposal:
    """Uniform jumps."""


class CauchyProposal:
    """Cauchy jumps."""


class LaplaceProposal:
    """Laplace jumps."""


class MultivariateNormalProposal:
    """Normal jumps of a covariance."""
