"""The demo runs and writes what it says."""

import matplotlib
import pytest

matplotlib.use("Agg")


@pytest.mark.parametrize("name", ["eight_schools", "change_point"])
def test_demo_writes_traces_and_pictures(name, tmp_path, capsys):
    from symjax.demo.__main__ import run

    run(name, tmp_path, progressbar=False, draws=100)
    written = {p.name for p in tmp_path.iterdir()}
    assert written == {f"{name}.nc", f"{name}_graph.png", f"{name}_trace.png", f"{name}_posterior.png"}
    assert "operations as written" in capsys.readouterr().out
