"""PyMC's transforms as ours."""

from __future__ import annotations

from typing import Any

from symjax.pmc_bridge._from_pymc._graph import Converter
from symjax.random import transforms as tr

#: Transforms without parameters, by the name of their class in PyMC.
_PLAIN = {
    "LogTransform": tr.log,
    "LogOddsTransform": tr.logodds,
    "LogExpM1": tr.log_exp_m1,
    "SimplexTransform": tr.simplex,
    "CircularTransform": tr.circular,
    "SumTo1": tr.sum_to_1,
    "CholeskyCovPacked": tr.packed_cholesky,
    "CholeskyCovTransform": tr.cholesky,
}


def converted_transform(convert: Converter, transform: Any, variable: Any) -> Any:
    """The transform of a variable, or None.

    Raises
    ------
    NotImplementedError
        If it is of the user's own class.
    """
    if transform is None:
        return None
    names = [c.__name__ for c in type(transform).__mro__]
    if "ChainedTransform" in names:
        return tr.Chain([converted_transform(convert, t, variable) for t in transform.transform_list])
    if "IntervalTransform" in names:
        bounds = transform.args_fn(*variable.owner.inputs)
        return tr.Interval(*(None if b is None else convert(b) if hasattr(b, "type") else b for b in bounds))
    if "Ordered" in names:
        return tr.Ordered(transform.positive, transform.ascending)
    if "ZeroSumTransform" in names:
        return tr.ZeroSumTransform(transform.zerosum_axes)
    if "CholeskyCorrTransform" in names:
        return tr.CholeskyCorrTransform(convert.length(transform.n) if hasattr(transform.n, "type") else int(transform.n))
    for name in names:
        if name in _PLAIN:
            return _PLAIN[name]
    raise NotImplementedError(f"from_pymc: the transform {names[0]} of {variable.name!r} is not known; use one of PyMC's own.")
