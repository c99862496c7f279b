"""`marginalize`: a model without some of its variables, which are integrated out exactly; `recover` draws them afterwards."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np

from symjax._errors import NotDerivableError
from symjax.core._scope import detached
from symjax.core._traverse import depends_on, substitute
from symjax.pmc_bridge._arviz import to_datatree
from symjax.pmc_bridge._forward import run_forward, seed_of
from symjax.pmc_bridge._model import Model, modelcontext
from symjax.pmc_bridge._plan import marginal_plan


def marginalize(model: Model, rvs_to_marginalize: Any) -> Model:
    """A model in which some variables are integrated out exactly.

    Parameters
    ----------
    model : Model
        The model; it is left as it is.
    rvs_to_marginalize : str, Tensor or sequence of them
        Free variables, discrete or continuous, by name or themselves.

    Returns
    -------
    Model
        A model of the other variables with the marginal density; `sample` and all else work on it. Deterministics that need what is
        integrated out are not part of it; `recover` gives them, too.

    Raises
    ------
    NotDerivableError
        If a variable has no closed form given the others, or a transform of the user's choice; the message names it and says why.
    KeyError
        If a name is none of the model's free variables.

    Examples
    --------
    >>> import numpy as np
    >>> import symjax.pmc_bridge as pm
    >>> with pm.Model() as model:
    ...     mu = pm.Normal("mu", 0.0, 1.0, shape=2)
    ...     z = pm.Bernoulli("z", 0.5, shape=3)
    ...     y = pm.Normal("y", mu[z], 1.0, observed=np.array([-1.0, 1.0, 2.0]))
    >>> [rv.name for rv in pm.marginalize(model, ["z"]).free_RVs]
    ['mu']
    """
    chosen = rvs_to_marginalize if isinstance(rvs_to_marginalize, (list, tuple)) else [rvs_to_marginalize]
    rvs = [_free_variable(model, v) for v in chosen]
    new = copy.copy(model)
    for attribute, value in vars(model).items():
        if isinstance(value, (list, dict)):
            setattr(new, attribute, value.copy())
    new.marginalized_RVs = [*model.marginalized_RVs, *rvs]
    new.free_RVs = [rv for rv in model.free_RVs if rv not in set(rvs)]
    gone = depends_on(model.deterministics, rvs)
    new.deterministics = [d for d in model.deterministics if d not in gone]
    new.lost_deterministics = [*model.lost_deterministics, *(d for d in model.deterministics if d in gone)]
    marginal_plan(new)
    return new


def _free_variable(model: Model, variable: Any) -> Any:
    import difflib

    names = {rv.name: rv for rv in model.free_RVs}
    name = variable if isinstance(variable, str) else variable.name
    if name not in names:
        near = difflib.get_close_matches(name, names, 1, cutoff=0.0)
        raise KeyError(f"marginalize: {name!r} is no free variable of the model; did you mean {near[0] if near else None!r}?")
    if names[name] in model.user_transformed_RVs:
        raise NotDerivableError(
            f"{name!r} cannot be integrated out: its transform was chosen by the user and may narrow its support."
        )
    return names[name]


def recover(model: Model | None, tree: Any, var_names: Iterable[str] | None = None, *, random_seed: Any = None) -> Any:
    """Draw what `marginalize` integrated out, given the posterior draws of the rest.

    Parameters
    ----------
    model : Model or None
        The marginalized model; that in context if None.
    tree : xarray.DataTree
        With a group ``posterior`` of the model's draws.
    var_names : iterable of str, optional
        Variables to recover; all, and the deterministics that need them, by default.
    random_seed : int or generator, optional
        Seed of the draws.

    Returns
    -------
    xarray.DataTree
        A copy of `tree` whose ``posterior`` has the recovered variables too: exact draws of their law given the rest and the data.
    """
    model = modelcontext(model)
    plan = marginal_plan(model)
    leaves = {plan.values[rv]: rv for rv in model.free_RVs}
    wanted = [*model.marginalized_RVs, *model.lost_deterministics]
    if var_names is not None:
        names = set(var_names)
        wanted = [v for v in wanted if v.name in names]
    with detached():
        outputs = substitute([plan.frozen[v] for v in wanted], plan.plan.recovered())
    posterior = tree["posterior"]
    lead = (posterior.sizes["chain"], posterior.sizes["draw"])
    n = int(np.prod(lead))
    given = {leaf: np.asarray(posterior[rv.name].values).reshape(n, *leaf.shape) for leaf, rv in leaves.items()}
    columns = run_forward(outputs, given, n, seed_of(random_seed), checked=False)
    values = {v.name: c.reshape(*lead, *c.shape[1:]) for v, c in zip(wanted, columns, strict=True)}
    new = to_datatree(model, {"posterior": values}, {})
    found = tree.copy()
    merged = posterior.to_dataset().merge(new["posterior"].to_dataset())
    found["posterior"] = type(tree)(merged.assign_attrs(posterior.attrs))
    return found
