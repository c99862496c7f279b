"""Findings on runs, and progress in a log and in a terminal."""

import io

import numpy as np
import pytest
import xarray as xr
from arviz_stats import ess, rhat

from symjax.sampling import diagnose
from symjax.sampling._diagnose import _screen
from symjax.sampling._progress import Progress


def posterior(**values):
    return xr.Dataset({k: (("chain", "draw", *(f"{k}{i}" for i in range(v.ndim - 2))), v) for k, v in values.items()})


def autoregressive(rng, rho, shape):
    x = np.zeros(shape)
    for i in range(1, shape[1]):
        x[:, i] = rho * x[:, i - 1] + np.sqrt(1 - rho**2) * rng.normal(size=shape[:1] + shape[2:])
    return x


def kinds(found):
    return [f.kind for f in found]


def test_good_run_has_no_findings():
    rng = np.random.default_rng(0)
    stats = {
        "diverging": np.zeros((4, 500), bool),
        "energy": rng.normal(size=(4, 500)),
        "reached_max_treedepth": np.zeros((4, 500), bool),
    }
    data = posterior(x=rng.normal(size=(4, 500)), v=rng.standard_cauchy(size=(4, 500, 3, 2)), constant=np.ones((4, 500)))
    assert diagnose(data, stats) == []


@pytest.mark.parametrize("count", [1, 60])
def test_one_bad_scalar_among_many_is_named(count):
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(4, 500, count, 2))
    draws[2, :, -1, 1] += 1.0
    found = diagnose(posterior(good=rng.normal(size=(4, 500, 30)), v=draws), {})
    (message,) = [f.message for f in found if f.kind == "rhat"]
    assert f"'v[{count - 1}, 1]' is {float(rhat(draws[:, :, -1, 1], chain_axis=0, draw_axis=1)):.3f}" in message
    assert "tune longer" in message


def test_slow_scalar_is_named():
    rng = np.random.default_rng(2)
    slow = autoregressive(rng, 0.97, (4, 1000))
    found = diagnose(posterior(v=rng.normal(size=(4, 1000, 50)), slow=slow), {})
    (message,) = [f.message for f in found if f.kind == "ess"]
    assert f"'slow' is {float(ess(slow, chain_axis=0, draw_axis=1)):.0f}" in message


def test_difference_in_spread_under_heavy_tails():
    rng = np.random.default_rng(3)
    draws = rng.standard_cauchy(size=(4, 1000, 40))
    draws[0, :, 7] *= 4
    assert "rhat" in kinds(diagnose(posterior(v=draws), {}))


def test_screen_ranks_what_converged_worst():
    rng = np.random.default_rng(4)
    draws = np.concatenate([autoregressive(rng, r, (4, 1000, 1)) for r in (0.0, 0.5, 0.95)], axis=2)
    mixing, _ = _screen(draws)
    assert list(np.argsort(mixing)) == [0, 1, 2]


def test_statistics_that_are_bad():
    rng = np.random.default_rng(5)
    stats = {
        "diverging": rng.random((2, 300)) < 0.1,
        "reached_max_treedepth": rng.random((2, 300)) < 0.5,
        "energy": np.cumsum(rng.normal(size=(2, 300)), axis=1),
    }
    found = diagnose(posterior(x=rng.normal(size=(2, 300))), stats)
    assert kinds(found) == ["divergences", "treedepth", "energy"]
    assert found[0].message.startswith(f"{stats['diverging'].sum()} of 600 draws diverged") and "target_accept" in found[0].message


@pytest.mark.parametrize("chains, draws", [(1, 1000), (4, 20)])
def test_too_few_to_judge(chains, draws):
    found = diagnose(posterior(x=np.random.default_rng(0).normal(size=(chains, draws))), {})
    assert kinds(found)[0] == "draws" and f"{draws} draws of {chains} chain" in found[0].message


def block(n):
    rows = np.zeros((n, 11))
    rows[:, 3], rows[:, 4], rows[:, 9] = 7, 1, 0.25
    return rows


def test_progress_in_a_log(capsys):
    with Progress(2, 10, 20) as progress:
        progress.add(0, block(10), tuning=True)
        progress.add(0, block(5), tuning=False)
        progress.refresh()
    text = capsys.readouterr().err.splitlines()
    assert text[0] == "sampling 2 chains of 10 + 20 steps"
    assert "15/60 steps" in text[-1] and "5 divergences" in text[-1] and "7.0 gradients a draw" in text[-1]
    assert len(text) == 2


def test_progress_says_nothing_if_told_so(capsys):
    with Progress(2, 10, 20, enabled=False) as progress:
        progress.add(0, block(10), tuning=True)
        progress.refresh()
    assert capsys.readouterr() == ("", "")


def test_progress_table():
    from rich.console import Console

    progress = Progress(2, 10, 2000)
    progress._begin -= 2.0
    progress.add(1, block(10), tuning=True)
    console = Console(width=80, file=io.StringIO())
    console.print(progress._table())
    lines = console.file.getvalue().splitlines()
    for name in ("chain", "steps", "divergences", "step size", "grads/draw", "draws/s", "left"):
        assert name in lines[0]
    assert "0/2010" in lines[1] and "?" in lines[1]
    assert "10/2010" in lines[2] and "0.25" in lines[2] and "…" not in console.file.getvalue()
