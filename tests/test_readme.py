"""What README shows and counts is so: its transcript is compared with the demo's real output."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tools.generate import readme

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SETUP = "Setting up .venv (once, half a minute) …"


def transcript() -> list[str]:
    (found,) = re.findall(r"```console\n\$ make demo\n(.*?)```", README, re.DOTALL)
    return [line for line in found.splitlines() if line not in {"", "…"}]


def test_the_demo_prints_what_readme_shows(tmp_path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    (demo,) = re.findall(r"\$\(BIN\)/snapback (demo .*)", makefile)
    (tmp_path / "build").mkdir()
    printed = subprocess.run(
        [Path(sys.executable).with_name("snapback"), *demo.split()],
        cwd=tmp_path,
        env={"COLUMNS": "110", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    setup, *shown = transcript()
    assert setup == SETUP
    assert SETUP in makefile
    assert {each.name for each in (tmp_path / "build").iterdir()} == {"demo.html", "demo.json"}
    lines = iter(line.rstrip() for line in _timeless(printed).splitlines())
    for line in shown:
        assert _timeless(line) in lines, f"not in the demo's output, or not in this order: {line}"


def _timeless(text: str) -> str:
    return re.sub(r"in \d+\.\d s", "in … s", text)


def test_the_catalog_is_counted() -> None:
    assert re.search(r"\d+ guardrails and \d+ tripwires", README)
    assert readme() == README


def test_every_file_that_readme_names_is_there() -> None:
    named = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).exists()] == []
