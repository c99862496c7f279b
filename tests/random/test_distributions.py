"""Every distribution against scipy, PyMC and itself, at the parameters of its row in `cases.py`."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st
from cases import FAR, ROWS, Row

import symjax.random as R
import symjax.tensor as T
from symjax._errors import NotDerivableError, ParameterError, ShapeError
from symjax.core._function import evaluate
from symjax.core._scope import detached


def merged(row: Row) -> list[Any]:
    """The parameter sets of a law of numbers as one batch, so that one compiled call serves them all."""
    if not row.distribution.parameters or any(p.ndim for p in row.distribution.parameters.values()):
        return list(row.sets)
    flat = [[p.reshape(-1) for p in np.broadcast_arrays(*np.atleast_1d(*params, 0)[:-1])] for params in row.sets]
    return [tuple(np.concatenate(column) for column in zip(*flat, strict=True))]


CASES = [pytest.param(row, params, id=f"{row.distribution.name}{i}") for row in ROWS for i, params in enumerate(merged(row))]
SETS = [pytest.param(row, params, id=f"{row.distribution.name}{i}") for row in ROWS for i, params in enumerate(row.sets)]
LAWS = [pytest.param(row, id=row.distribution.name) for row in ROWS]


KINDS = {
    "scalar": lambda law: law.event_ndim == 0,
    "discrete": lambda law: law.event_ndim == 0 and law.is_discrete,
    "continuous": lambda law: law.event_ndim == 0 and not law.is_discrete,
}


def only(cases: list[Any], *needs: str) -> Any:
    """Parametrize a test over the rows that are of a kind and have all that it needs."""

    def fits(row: Row) -> bool:
        return all(KINDS[n](row.distribution) if n in KINDS else getattr(row, n) for n in needs)

    return pytest.mark.parametrize("row" if cases is LAWS else "row, params", [c for c in cases if fits(c.values[0])])


def call(method: Any, *arguments: Any) -> Any:
    """Value of a distribution's method at arrays, which are not constants of the graph."""
    arrays = [a if hasattr(a, "dtype") else np.asarray(a) for a in arguments]
    with jax.enable_x64(True):
        return np.asarray(compiled(method, tuple((a.shape, a.dtype) for a in arrays))(*arrays))


@functools.cache
def compiled(method: Any, signature: Any) -> Any:
    return jax.jit(graph_of(method, signature))


def graph_of(method: Any, signature: Any) -> Any:
    """A method of tensors as a function of arrays."""

    def run(*arrays: Any) -> Any:
        with detached():
            inputs = [T.Placeholder(*s) for s in signature]
            return evaluate(T.as_tensor(method(*inputs)), dict(zip(inputs, arrays, strict=True)))

    return run


def made(row: Row, params: Any, **keywords: Any) -> Any:
    """A variable with these canonical parameters, which some laws take by keyword only, and some by position only."""
    if any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(row.distribution.parametrize).parameters.values()):
        return row.distribution(*params, **keywords)
    return row.distribution(**dict(zip(row.distribution.parameters, params, strict=True)), **keywords)


def points_of(row: Row, params: Any) -> np.ndarray:
    if row.points is not None:
        return np.asarray(row.points(*params))
    levels = np.reshape(row.levels, (-1, *[1] * len(_batch(row, params))))
    return row.reference(*params).ppf(levels) * np.ones(_batch(row, params))


def reference_density(row: Row, reference: Any, x: Any) -> np.ndarray:
    return reference.logpmf(x) if row.distribution.is_discrete else reference.logpdf(x)


def typed(value: Any, dtype: str) -> np.ndarray:
    array = np.asarray(value)
    return array.astype(dtype) if array.dtype.kind == "f" else array


@only(CASES)
def test_log_density_is_the_reference(row: Row, params: Any) -> None:
    x = points_of(row, params)
    expected = reference_density(row, row.reference(*params), x)
    np.testing.assert_allclose(call(row.distribution.log_prob, x, *params), expected, rtol=1e-10, atol=1e-11)


@only(CASES)
def test_log_density_in_single_precision(row: Row, params: Any) -> None:
    low = [typed(p, "float32") for p in params]
    x = points_of(row, params)[2:-2]
    if np.any(np.abs(x) > 1e30):
        pytest.skip("no numbers of single precision")
    x = typed(x, "float32")
    got = call(row.distribution.log_prob, x, *low)
    expected = reference_density(row, row.reference(*[typed(p, "float64") for p in low]), typed(x, "float64"))
    assert got.dtype == np.float32 or row.distribution.is_discrete
    # terms that cancel leave errors of their own size
    largest = max([1.0, *[np.abs(p[np.isfinite(p)]).max(initial=0.0) for p in low]])
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * min(largest, 1e3))


@only(CASES, "cdf")
def test_log_cdf_and_its_complement_are_the_reference(row: Row, params: Any) -> None:
    x, reference = points_of(row, params), row.reference(*params)
    lower, upper = call(row.distribution.log_cdf, x, *params), call(row.distribution.log_ccdf, x, *params)
    np.testing.assert_allclose(lower, reference.logcdf(x), rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(upper, reference.logsf(x), rtol=1e-10, atol=1e-13)
    # references lose what is beyond eps near 1; the two tails still have to agree there
    smaller = np.minimum(lower, upper)
    np.testing.assert_allclose(np.maximum(lower, upper), np.log1p(-np.exp(smaller)), rtol=1e-10, atol=2e-16)


@only(CASES, "cdf", "far", "quantiles")
def test_far_tails_are_the_reference(row: Row, params: Any) -> None:
    reference = row.reference(*params)
    levels = np.reshape(FAR, (-1, *[1] * len(_batch(row, params))))
    for method, quantile, tail in (
        (row.distribution.log_cdf, reference.ppf, reference.logcdf),
        (row.distribution.log_ccdf, reference.isf, reference.logsf),
    ):
        x = quantile(levels)
        expected = tail(x)
        known = np.isfinite(expected) & (np.abs(x) < 1e300) & (np.abs(x) > 1e-290)
        np.testing.assert_allclose(call(method, x, *params)[known], expected[known], rtol=1e-10)


@only(CASES, "cdf", "quantiles", "continuous")
def test_quantiles_invert_the_cdf(row: Row, params: Any) -> None:
    q = np.reshape(row.levels, (-1, *[1] * len(_batch(row, params))))
    x = call(row.distribution.quantile, q, *params)
    density = call(row.distribution.log_prob, x, *params)
    for method, log_level in ((row.distribution.log_cdf, np.log(q)), (row.distribution.log_ccdf, np.log1p(-q))):
        got = call(method, x, *params)
        # one rounding of x moves the log of a tail by this much
        rounding = np.finfo(float).eps * np.abs(x) * np.exp(density - got)
        smaller = log_level <= np.log(0.5)
        error = np.abs(got - log_level) - 4 * rounding
        assert np.all(np.where(smaller, error, 0.0) < 1e-10), (error, x)


@only(CASES, "cdf", "quantiles", "discrete")
def test_discrete_quantiles_are_least_values(row: Row, params: Any) -> None:
    q = np.reshape([0.001, 0.05, 0.31, 0.5, 0.77, 0.95, 0.9999], (-1, *[1] * len(_batch(row, params))))
    x = call(row.distribution.quantile, q, *params)
    assert np.all(np.exp(call(row.distribution.log_cdf, x, *params)) >= q * (1 - 1e-12))
    assert np.all(np.exp(call(row.distribution.log_cdf, x - 1, *params)) < q * (1 + 1e-12))


@only(CASES, "outside")
def test_density_is_zero_outside_the_support(row: Row, params: Any) -> None:
    shape = points_of(row, params).shape[1:]
    for value in row.outside(*params):
        got = call(row.distribution.log_prob, np.broadcast_to(value, shape), *params)
        assert np.all(got == -np.inf), (value, got)


@only(LAWS, "bad")
def test_density_is_zero_at_parameters_that_are_not_allowed(row: Row) -> None:
    names = list(row.distribution.parameters)
    for keywords, _ in row.bad:
        values = [keywords.get(n, d) for n, d in zip(names, row.sets[0], strict=True)]
        free = [row.distribution.parameters[n].constraint.condition is None for n in keywords if n in names]
        if any(k not in names for k in keywords) or all(free):
            continue
        x = points_of(row, row.sets[0])[1]
        got = call(row.distribution.log_prob, x, *values)
        assert np.any(got == -np.inf), keywords


@only(CASES, "integrates", "scalar")
def test_density_integrates_to_one(row: Row, params: Any) -> None:
    if row.distribution.is_discrete:
        ends = points_of(row, params)[[0, -1]]
        x = np.arange(ends[0].min(), ends[1].max() + 1)
        x = x.reshape(-1, *[1] * len(_batch(row, params)))
        total = np.exp(call(row.distribution.log_prob, x, *params)).sum(0)
        np.testing.assert_allclose(total, 1.0, atol=1e-7)
        return
    column = (-1, *[1] * len(_batch(row, params)))
    knots = row.reference(*params).ppf(np.linspace(0.01, 0.99, 61).reshape(column))
    middle, half = 0.5 * (knots[1:] + knots[:-1]), 0.5 * (knots[1:] - knots[:-1])
    total = 0.0
    for node, weight in zip(*np.polynomial.legendre.leggauss(32), strict=True):
        total = total + (half * weight * np.exp(call(row.distribution.log_prob, middle + half * node, *params))).sum(0)
    np.testing.assert_allclose(total, 0.98, rtol=1e-8)


@only(CASES, "moments")
def test_mean_and_variance_are_the_reference(row: Row, params: Any) -> None:
    reference = row.reference(*params)
    for method, expected in ((row.distribution.mean, reference.mean()), (row.distribution.variance, reference.var())):
        expected = np.asarray(expected)
        got = np.broadcast_to(call(method, *params), expected.shape)
        known = np.isfinite(expected)
        np.testing.assert_allclose(got[known], expected[known], rtol=1e-8, atol=1e-14)
        assert not np.any(np.isfinite(got[~known]))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@only(CASES, "draws", "cdf", "scalar")
def test_draws_follow_the_cdf(row: Row, params: Any, dtype: str) -> None:
    batch, law = _batch(row, params), row.distribution
    kind = {} if law.is_discrete else {"dtype": dtype}
    variable = made(row, [typed(p, dtype) for p in params], size=(2_000, *batch), **kind)
    x = evaluate(variable, seed=11)
    assert x.shape == variable.shape == (2_000, *batch)
    assert x.dtype == variable.dtype
    # single precision moves draws across the edge of a support by a rounding, never out of it
    parameters = [typed(typed(p, dtype), "float64") for p in params]
    x = x.astype(float) if x.dtype.kind == "f" else x
    with detached():
        inside = [evaluate(c) for c in law.support(*map(T.as_tensor, parameters)).contains(T.as_tensor(x))]
    assert all(np.all(c) for c in inside)
    levels = np.exp(call(law.log_cdf, x, *parameters)).reshape(2_000, -1)
    for i, column in enumerate(levels.T):
        if law.is_discrete:
            p = _chi_square_p(row, parameters, x.reshape(2_000, -1)[:, i], i)
        else:
            p = st.kstest(column, "uniform").pvalue
        # some 300 columns are tested: less than 1e-4 that any of them fails
        assert p > 3e-7, (i, p)


def _chi_square_p(row: Row, params: Any, x: np.ndarray, i: int) -> float:
    """p of a chi-square test on cells that expect at least ten draws each."""
    cores = [np.shape(p)[np.ndim(p) - s.ndim :] for p, s in zip(params, row.distribution.parameters.values(), strict=True)]
    flat = [np.broadcast_to(p, (*_batch(row, params), *c)).reshape(-1, *c)[i] for p, c in zip(params, cores, strict=True)]
    low, high = int(x.min()) - 1, int(x.max()) + 1
    cdf = np.exp(call(row.distribution.log_cdf, np.arange(low, high + 1), *flat))
    edges, last = [], 0.0
    for k, c in zip(range(low, high + 1), cdf, strict=True):
        if c - last > 10 / len(x) and 1 - c > 10 / len(x):
            edges.append((k, c))
            last = c
    if not edges:
        return float(st.binomtest(int(np.sum(x == st.mode(x).mode)), len(x), float(np.max(np.diff(cdf)))).pvalue)
    counts = np.histogram(x, [-np.inf, *[k + 0.5 for k, _ in edges], np.inf])[0]
    shares = np.diff([0.0, *[c for _, c in edges], 1.0])
    return float(st.chisquare(counts, shares * len(x)).pvalue)


@only(SETS)
def test_shape_is_inferred(row: Row, params: Any) -> None:
    law = row.distribution
    event = points_of(row, params).shape[1 + np.ndim(np.empty(_batch(row, params))) :]
    batch = _batch(row, params)
    assert made(row, params).shape == (*batch, *event)
    assert made(row, params, size=(4, *batch)).shape == (4, *batch, *event)
    assert made(row, params, shape=(2, 4, *batch, *event)).shape == (2, 4, *batch, *event)
    if batch:
        with pytest.raises(ShapeError, match=law.name):
            made(row, params, shape=(batch[0] + 1, *event))


def _batch(row: Row, params: Any) -> tuple[int, ...]:
    cores = [np.shape(p)[: np.ndim(p) - s.ndim] for p, s in zip(params, row.distribution.parameters.values(), strict=True)]
    return np.broadcast_shapes((), *cores)


def _compare_derivatives(method: Any, x: np.ndarray, params: Any, spread: np.ndarray) -> None:
    """Derivatives in the value and in each parameter, element by element, against five-point differences."""
    arrays = [np.broadcast_to(np.asarray(p, float), x.shape) for p in params]

    arguments = [x, *arrays]
    with jax.enable_x64(True):
        numbers = tuple(range(len(arguments)))
        signature = tuple((a.shape, a.dtype) for a in arguments)
        total = graph_of(method, signature)
        gradients = jax.jit(jax.grad(lambda *a: jnp.sum(total(*a)), argnums=numbers))(*arguments)
        value = compiled(method, signature)
        for i, gradient in zip(numbers, gradients, strict=True):
            finite = np.isfinite(arguments[i])
            gradient = np.asarray(gradient)
            assert np.all(np.isfinite(gradient[finite])), (i, gradient)
            size = np.where(arguments[i] == 0, np.inf, np.abs(arguments[i]))
            # differences lose digits where the step is short and the terms are large, and are blunt where it is long
            steps = [1e-3 * np.minimum(size, spread), 1e-3 * np.minimum(size, 1.0), 1e-4 * np.minimum(size, 1.0)]
            errors = np.min([_error_of(value, arguments, i, gradient, s) for s in steps], axis=0)
            assert np.all(np.where(finite, errors, 0.0) <= 0), (i, gradient, errors)


def _error_of(value: Any, arguments: Any, i: int, gradient: np.ndarray, step: np.ndarray) -> np.ndarray:
    """By how much a derivative differs from five-point differences, less what these may be wrong."""
    step = np.where(np.isfinite(arguments[i]), step, 1.0)
    moved = [np.asarray(value(*arguments[:i], arguments[i] + k * step, *arguments[i + 1 :])) for k in (-2, -1, 1, 2)]
    with np.errstate(invalid="ignore"):
        numeric = (moved[0] - 8 * moved[1] + 8 * moved[2] - moved[3]) / (12 * step)
        error = np.abs(gradient - numeric) - 1e-6 * np.abs(numeric) - 4e-14 * (1 + np.abs(moved[0])) / step
    return np.where(np.isnan(error), np.inf, error)


def _at_middle(row: Row, params: Any) -> tuple[np.ndarray, Any, np.ndarray]:
    """Points away from edges, the parameters, and a length by which either may move."""
    levels = np.reshape([0.15, 0.35, 0.65, 0.85], (-1, *[1] * len(_batch(row, params))))
    reference = row.reference(*params)
    x = reference.ppf(levels) + np.zeros(_batch(row, params))
    edges = np.minimum(np.abs(x - reference.ppf(0.01)), np.abs(x - reference.ppf(0.99)))
    return x, params, np.minimum(edges, reference.ppf(0.85) - reference.ppf(0.15)) + np.zeros_like(x)


@only(CASES, "quantiles", "continuous")
def test_derivatives_of_the_log_density_are_finite_and_right(row: Row, params: Any) -> None:
    _compare_derivatives(row.distribution.log_prob, *_at_middle(row, params))


@pytest.mark.slow
@only(CASES, "cdf", "quantiles", "continuous")
def test_derivatives_of_log_cdfs_are_finite_and_right(row: Row, params: Any) -> None:
    for method in (row.distribution.log_cdf, row.distribution.log_ccdf):
        _compare_derivatives(method, *_at_middle(row, params))


@pytest.mark.slow
@only(CASES, "quantiles", "continuous")
def test_derivatives_of_quantiles_are_finite_and_right(row: Row, params: Any) -> None:
    x, params, spread = _at_middle(row, params)
    q = np.reshape([0.15, 0.35, 0.65, 0.85], (-1, *[1] * (x.ndim - 1))) + np.zeros_like(x)
    _compare_derivatives(row.distribution.quantile, q, params, np.minimum(spread, 0.1))


@only(CASES)
def test_support_point_is_inside_the_support(row: Row, params: Any) -> None:
    law = row.distribution
    point = call(law.support_point, *params)
    shape = points_of(row, params).shape[1:]
    value = call(law.log_prob, np.broadcast_to(point, shape), *params)
    assert np.all(np.isfinite(value))


@only(LAWS, "same")
def test_alternative_parameters_mean_the_same_law(row: Row) -> None:
    for keywords, canonical in row.same:
        variable = row.distribution(**keywords)
        for got, expected in zip(variable.parameters.values(), canonical, strict=True):
            np.testing.assert_allclose(evaluate(got), expected, rtol=1e-14)
        # the same where the values are no numbers yet
        inputs = {k: T.Placeholder(np.shape(v), "float64") for k, v in keywords.items()}
        symbolic = row.distribution(**inputs)
        feed = {inputs[k]: np.asarray(v, float) for k, v in keywords.items()}
        for got, expected in zip(symbolic.parameters.values(), canonical, strict=True):
            np.testing.assert_allclose(evaluate(got, feed), expected, rtol=1e-14)


@only(LAWS, "bad")
def test_errors_name_the_parameter(row: Row) -> None:
    for keywords, name in row.bad:
        given = dict(zip(row.distribution.parameters, row.sets[0], strict=True))
        alternative = any(k not in given for k in keywords)
        arguments = keywords if alternative else {**given, **keywords}
        with pytest.raises(ParameterError, match=f"{row.distribution.name}\\('x'\\).*'{name}'"):
            row.distribution(**arguments, name="x")


@only(LAWS)
def test_unknown_keyword_suggests_the_nearest(row: Row) -> None:
    with pytest.raises(ParameterError, match="Did you mean 'shape'"):
        made(row, row.sets[0], shap=(3,))


@only(CASES, "draws")
def test_draws_depend_on_the_seed_alone(row: Row, params: Any) -> None:
    variable = made(row, params, name="x")
    np.testing.assert_array_equal(evaluate(variable, seed=3), evaluate(variable, seed=3))


@pytest.mark.slow
@only(LAWS)
def test_log_density_is_that_of_pymc(row: Row) -> None:
    pm = pytest.importorskip("pymc")
    pytensor = pytest.importorskip("pytensor")
    law, params = row.distribution, row.sets[0]
    if not hasattr(pm, law.name) or law is R.Interpolated:
        pytest.skip(f"PyMC has no {law.name} of a size; where it has a scalar one, test_from_pymc.py compares it")
    names = list(law.parameters)
    keywords = row.pymc(*params) if row.pymc else dict(zip(names, params, strict=True))
    keywords = {k: v if hasattr(v, "owner") else np.asarray(v) for k, v in keywords.items()}
    points = points_of(row, params)
    picked = np.random.default_rng(5).integers(0, len(points), 50)
    noise = 1 if law.is_discrete or law.event_ndim else np.random.default_rng(6).uniform(0.97, 1.03, 50)
    x = points[picked] * np.reshape(noise, (-1,) if np.ndim(noise) else ())
    variable = getattr(pm, law.name).dist(**keywords, size=(50, *_batch(row, params)))
    value = variable.type("value")
    # PyTensor takes logs of small integer constants in single precision, log 2 of the half laws for instance
    expected = pytensor.function([value], pm.logp(variable, value))(x.astype(variable.dtype))
    np.testing.assert_allclose(call(law.log_prob, x, *params), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("law", [R.Flat, R.HalfFlat])
def test_improper_laws_cannot_be_drawn(law: Any) -> None:
    with pytest.raises(NotDerivableError, match="cannot be drawn"):
        evaluate(law(name="x"))
    with pytest.raises(NotDerivableError):
        law.log_cdf(0.0)
