"""The Python blocks of the page on rules run, and print what the page says."""

import re
from pathlib import Path

from symjax.rewrite import _rule

PAGE = Path(__file__).parents[1] / "docs" / "extending" / "rewrite.md"


def test_the_blocks_on_rules_run(monkeypatch, capsys):
    monkeypatch.setattr(_rule, "RULES", dict(_rule.RULES))
    namespace: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(block, PAGE.name, "exec"), namespace)
    assert "-1.0975745" in capsys.readouterr().out
