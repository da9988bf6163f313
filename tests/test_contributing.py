"""CONTRIBUTING.md sends people to files and names that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
LINKS = re.findall(r"\]\(([^)]+)\)(?: \(((?:`\w+`(?:, )?)+)\))?", TEXT)
"""Each path, and the names in backquotes that stand after it in parentheses."""


@pytest.mark.parametrize(("path", "names"), LINKS)
def test_each_path_exists_and_holds_the_names_beside_it(path: str, names: str) -> None:
    assert (ROOT / path).exists()
    if names:
        assert set(re.findall(r"\w+", names)) <= defined(ROOT / path)


def test_what_to_change_has_six_rows_that_name_a_file_and_what_is_in_it() -> None:
    table = TEXT.partition("| To change | Open |")[2].partition("\n\n")[0]
    rows = [row.split(" | ") for row in table.splitlines() if "](" in row]
    assert len(rows) == 6
    assert all(re.search(r"\]\([^)]+\.py\) \(`\w+`", row[1]) for row in rows)


def defined(path: Path) -> set[str]:
    """The functions, methods, classes and variables of a file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def test_each_decision_has_a_number_of_its_own() -> None:
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(each.name[:4]) for each in files]
    assert len(set(numbers)) == len(numbers)
    for number, each in zip(numbers, files, strict=True):
        assert each.read_text().startswith(f"# {number}. "), each.name
