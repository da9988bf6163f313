"""docs/threat-model.md names the test of each threat; here it is held to that."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "threat-model.md").read_text()
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| threat ")]
NAMED = re.findall(r"`(tests/[\w/]+\.py(?:::\w+)+)`", TEXT)


@cache
def there_in(path: str) -> frozenset[str]:
    """As pytest names them: `test_x`, `TestY::test_x`."""
    found: set[str] = set()
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return frozenset(name for name in found if name.rpartition("::")[2].startswith("test_"))


@pytest.mark.parametrize("named", sorted(set(NAMED)))
def test_each_test_that_is_named_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    assert (ROOT / path).is_file()
    assert name in there_in(path)


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_each_threat_has_its_test(row: str) -> None:
    threat, held, tests = row.strip("| ").split(" | ")
    assert threat
    assert held
    assert set(re.findall(r"`([^`]+)`", tests)) <= set(NAMED)
    assert "`tests/" in tests


def test_each_test_of_this_folder_is_named() -> None:
    own = {
        f"{path.relative_to(ROOT).as_posix()}::{name}"
        for path in sorted(Path(__file__).parent.glob("test_*.py"))
        if path != Path(__file__)
        for name in there_in(path.relative_to(ROOT).as_posix())
    }
    assert own - set(NAMED) == set()


def test_what_is_not_held_is_said() -> None:
    assert TEXT.count("\n- **", TEXT.index("## What Snapback doesn't prevent")) >= 5
