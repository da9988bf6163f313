"""Tricks that a reader stumbles over, and that ruff has no rule for."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]


def tricks(text: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Starred) and isinstance(node.value, ast.Tuple | ast.List):
            yield node.lineno, "a literal that is only unpacked: write its parts"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and _has_truth(node):
            yield node.lineno, "something times a truth: write an `if`"
        if isinstance(node, ast.For) and isinstance(node.body[0], ast.Return) and len(node.body) == 1:
            yield node.lineno, "a loop that ends in its first round: write an `if`"
        if isinstance(node, ast.For | ast.comprehension) and _is_at_most_one(node.iter):
            yield node.iter.lineno, "a loop over at most one: write an `if`"


def _has_truth(node: ast.BinOp) -> bool:
    return _is_truth(node.left) or _is_truth(node.right)


def _is_truth(node: ast.expr) -> bool:
    match node:
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()) | ast.Call(func=ast.Name(id="bool")):
            return True
    return False


def _is_at_most_one(node: ast.expr) -> bool:
    match node:
        case ast.Subscript(slice=ast.Slice(lower=None, upper=ast.Constant(value=1))):
            return True
        case ast.Tuple(elts=[part]) | ast.List(elts=[part]):
            return not isinstance(part, ast.Starred)
    return False


def test_there_are_none() -> None:
    folders = ("chalicelib", "snapback", "tools", "bench", "tests")
    files = [ROOT / "app.py", *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]
    found = {
        f"{path.relative_to(ROOT)}:{line}": what for path in files for line, what in tricks(path.read_text("utf-8"))
    }
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "f(*(1, 2))",
        "'s' * (n > 1)",
        "[x] * bool(x)",
        "(not x) * y",
        "for x in y:\n    return x",
        "[x for x in y[:1]]",
        "for x in (y,):\n    z += x",
    ],
)
def test_each_is_seen(text: str) -> None:
    assert [line for line, _ in tricks(text)] == [1]


@pytest.mark.parametrize("text", ["f(*x, *y[1:])", "'-' * n", "for x in (*y,):\n    z(x)", "for x in y:\n    z(x)"])
def test_what_only_resembles_one_is_fine(text: str) -> None:
    assert list(tricks(text)) == []
