"""One tree of errors, as its docstrings draw it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import chalicelib.core.errors as core
import snapback.errors as command_line
from chalicelib.core.errors import SnapbackError

ROOT = Path(__file__).parents[1]
BESIDE = {
    "snapback/project.py:AnothersCode": "raised when chalicelib, and so the root, is another application's",
    "snapback/settings_file.py:_Unreadable": "never leaves its file",
    "snapback/memory_aws/containers.py:EksError": "what a request in memory is answered with",
    "chalicelib/clicks/page.py:_Stop": "never leaves its file",
    "chalicelib/analysis/effect.py:_Unclear": "never leaves its file",
    "chalicelib/analysis/policy_merge.py:_Conflict": "never leaves its file",
}
"""Exceptions that stand beside the tree, and why."""


def drawn(text: str) -> dict[str, str]:
    """Each class in a drawing, with its parent."""
    found: dict[str, str] = {}
    above: list[str] = []
    for line in text.splitlines():
        if match := re.match(r"    ((?:[│├└─ ]{3})*)([A-Z]\w+)\b", line):
            depth = len(match[1]) // 3
            above[depth:] = [match[2]]
            found[match[2]] = above[depth - 1] if depth else ""
    return found


def test_the_drawing_is_the_tree() -> None:
    there = {cls.__name__: cls for cls in vars(core).values() if isinstance(cls, type) and issubclass(cls, Exception)}
    parents = drawn(core.__doc__ or "")
    assert parents.keys() == there.keys()
    for name, parent in parents.items():
        assert not parent or parent in [base.__name__ for base in there[name].__bases__], name
    codes = {name: cls.exit_code for name, cls in there.items() if issubclass(cls, SnapbackError)}
    assert {codes[name] for name in ("NotDone", "CannotAct", "FixFailed", "StepRefused")} == {1}
    assert {codes[name] for name in ("BadInput", "Missing", "NoLedger", "BadVersion")} == {2}
    assert {codes[name] for name in ("TryLater", "NotWritten", "Unfinished")} == {3}


def test_the_command_lines_own_are_drawn_too() -> None:
    own = [
        cls for cls in vars(command_line).values() if isinstance(cls, type) and cls.__module__ == command_line.__name__
    ]
    assert all(issubclass(cls, SnapbackError) for cls in own)
    assert [cls.__name__ for cls in own if cls.__name__ not in (command_line.__doc__ or "")] == []


def test_no_exception_has_another_root() -> None:
    roots = {"Exception", "ValueError", "RuntimeError", "ImportError", "LookupError", "BaseException", "KeyError"}
    found = []
    for package in ("chalicelib", "snapback"):
        for path in (ROOT / package).rglob("*.py"):
            found += [
                f"{path.relative_to(ROOT)}:{each.name}"
                for each in ast.walk(ast.parse(path.read_text()))
                if isinstance(each, ast.ClassDef) and {ast.unparse(base) for base in each.bases} & roots
            ]
    allowed = {*BESIDE, "chalicelib/core/errors.py:SnapbackError", "chalicelib/core/errors.py:BadPattern"}
    assert sorted(set(found) - allowed) == []
