"""Sizes: what is longer than a screen or two is split by meaning, or says here why not. Ruff holds the complexity (C901)."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
FUNCTION, CLASS, FILE = 60, 250, 500
"""Lines at most; decorators are not counted."""

EXCEPTIONS: dict[str, str] = {}
"""File, or file:name, and why it may be longer."""


def sizes(path: Path) -> Iterator[tuple[str, int, int]]:
    """Name, lines and limit of a file, and of each function and class in it."""
    text = path.read_text()
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    yield name, len(text.splitlines()), FILE
    yield from _parts(ast.parse(text), f"{name}:")


def _parts(node: ast.AST, prefix: str) -> Iterator[tuple[str, int, int]]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _parts(child, prefix)
            continue
        assert child.end_lineno is not None
        limit = CLASS if isinstance(child, ast.ClassDef) else FUNCTION
        yield f"{prefix}{child.name}", child.end_lineno - child.lineno + 1, limit
        yield from _parts(child, f"{prefix}{child.name}.")


@cache
def over() -> dict[str, str]:
    folders = ("chalicelib", "snapback", "tools", "bench", "tests")
    files = [ROOT / "app.py", *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]
    assert len(files) > 300
    return {
        name: f"{lines} lines, {limit} at most"
        for path in sorted(files)
        for name, lines, limit in sizes(path)
        if lines > limit
    }


def test_functions_classes_and_files_are_short() -> None:
    assert {name: size for name, size in over().items() if name not in EXCEPTIONS} == {}


def test_each_exception_is_still_needed_and_has_a_reason() -> None:
    assert [name for name in EXCEPTIONS if name not in over()] == []
    assert all(len(reason.split()) > 3 for reason in EXCEPTIONS.values())


def test_each_kind_of_size_is_seen(tmp_path: Path) -> None:
    body = "\n".join(f"            x = {number}" for number in range(FILE))
    (tmp_path / "long.py").write_text(
        f"class A:\n    def f(self):\n        if True:\n{body}\n    @g\n    def h(self): ...\n"
    )
    assert list(sizes(tmp_path / "long.py")) == [
        ("long.py", FILE + 5, FILE),
        ("long.py:A", FILE + 5, CLASS),
        ("long.py:A.f", FILE + 2, FUNCTION),
        ("long.py:A.h", 1, FUNCTION),
    ]
