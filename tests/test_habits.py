"""What visitors of a repository look for does what it says."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tools.generate import ROOT, wanted

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_there_is_a_workflow() -> None:
    assert WORKFLOWS


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_pins_its_actions_and_may_only_read(path: Path) -> None:
    used = re.findall(r"uses: *(.*)", path.read_text())
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[0-9.]+", each)] == []
    assert yaml.safe_load(path.read_text())["permissions"] == {"contents": "read"}


def test_the_workflow_runs_each_python_that_is_supported() -> None:
    job = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["test"]
    versions = job["strategy"]["matrix"]["python"]
    (least,) = re.findall(r'requires-python = ">=([0-9.]+)"', (ROOT / "pyproject.toml").read_text())
    assert versions[0] == least
    assert [int(each.partition(".")[2]) for each in versions] == list(range(11, 11 + len(versions)))


def test_what_a_commit_runs_is_part_of_make_check() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    makefile = (ROOT / "Makefile").read_text().replace("$(BIN)", ".venv/bin")
    assert hooks
    for hook in hooks:
        assert f"\t{hook['entry'].removesuffix(' --force-exclude')}\n" in makefile, hook["entry"]


def test_generated_files_are_marked() -> None:
    names = [str(path.relative_to(ROOT)) for path in wanted() if path.name != "README.md" or path.parent != ROOT]
    asked = ["git", "-C", str(ROOT), "check-attr", "linguist-generated", "--stdin"]
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout of git's")
    said = subprocess.run(asked, input="\n".join(names), capture_output=True, text=True, check=True).stdout
    assert [line for line in said.splitlines() if not line.endswith(": set")] == []


@pytest.mark.parametrize("path", [".github/dependabot.yml", *map(str, (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))])
def test_what_github_reads_is_yaml(path: str) -> None:
    found: Any = yaml.safe_load((ROOT / path).read_text())
    assert isinstance(found, dict)


def test_the_devcontainer_makes_what_make_makes() -> None:
    made = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert made["postCreateCommand"] == "make .venv/.ready"
