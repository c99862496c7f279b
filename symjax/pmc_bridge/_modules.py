"""PyMC's modules, by their names, of what is here: ``from symjax.pmc_bridge.distributions.timeseries import AR``."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from symjax._errors import SamplingError, ShapeError

_ERRORS = {"SamplingError": SamplingError, "ShapeError": ShapeError}
_LOGP = "logp logcdf logccdf icdf"
_MODEL = "Deterministic FrozenModel Model Point Potential compile_fn modelcontext set_data"
_CONDITIONING = "do observe"
_FREEZING = "freeze_dims_and_data freeze_model"
_FORWARD = "draw sample_posterior_predictive sample_prior_predictive vectorize_over_posterior"
_GRAPH = "model_to_graphviz model_to_mermaid model_to_networkx"

#: Names by module, as in PyMC.
_NAMES = {
    "backends": "to_inference_data predictions_to_inference_data",
    "backends.arviz": "to_inference_data predictions_to_inference_data",
    "data": "Data Minibatch",
    "exceptions": "ImputationWarning SamplingError ShapeError",
    "func_utils": "find_constrained_prior",
    "logprob": _LOGP,
    "logprob.basic": _LOGP,
    "model": _MODEL,
    "model.core": _MODEL,
    "model.transform": f"{_CONDITIONING} {_FREEZING}",
    "model.transform.conditioning": _CONDITIONING,
    "model.transform.optimization": _FREEZING,
    "model_graph": _GRAPH,
    "sampling": f"sample compute_deterministics init_nuts {_FORWARD}",
    "sampling.forward": _FORWARD,
    "sampling.mcmc": "sample init_nuts",
    "sampling.deterministic": "compute_deterministics",
    "stats": "compute_log_likelihood compute_log_prior",
    "stats.log_density": "compute_log_likelihood compute_log_prior",
    "tuning": "find_MAP find_hessian",
}
#: Modules of distributions: each has all of them, so that it does not matter which one a law is in.
_DISTRIBUTIONS = (
    "censored", "continuous", "custom", "discrete", "distribution", "mixture", "multivariate", "simulator", "timeseries",
    "truncated",
)  # fmt: skip


def make_modules(package: Any) -> None:
    """Set the modules of PyMC's that only gather names as attributes of the package, and let them be imported.

    Parameters
    ----------
    package : module
        `symjax.pmc_bridge`.
    """
    for path, names in _NAMES.items():
        module = ModuleType(f"{package.__name__}.{path}", f"What PyMC has in its module {path}, of `{package.__name__}`.")
        for name in names.split():
            setattr(module, name, _ERRORS[name] if name in _ERRORS else getattr(package, name))
        _place(package, path, module)
    for name in _DISTRIBUTIONS:
        _place(package, f"distributions.{name}", package.distributions)
    _place(package, "distributions.transforms", package.distributions.transforms)
    _place(package, "variational.callbacks", package.callbacks)


def _place(package: Any, path: str, module: Any) -> None:
    above, _, name = path.rpartition(".")
    sys.modules[f"{package.__name__}.{path}"] = module
    setattr(sys.modules[f"{package.__name__}.{above}"] if above else package, name, module)
