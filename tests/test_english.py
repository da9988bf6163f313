"""Text that people read has none of the idioms that only its author reads easily: docs/style.md."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from chalicelib import catalog
from chalicelib.core.types import Status
from snapback.cli import main
from tests.support.nested import whole
from tools import cards

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
WORST = {
    "report, show, notify": r"\b(is|are|was|were|be) (only )?told\b(?! apart)|\b(it only|here|only) tells\b",
    "exempt, allow": r"\b(let be|may be let in)\b",
    "use, continue with": r"\bgo(es)? (on )?by\b",
    "people without permission": r"\bwho(ever)? (may|can) ?not\b",
    "AWS has no API that …": r"\bof (these|those|whom) (no|none|only|nobody|nothing)\b",
    "if every channel fails": r"\bwhat none of\b|\bis none of\b",
    "uninstall, remove": r"\baway with\b",
    "name the state": r"\bas (it|they) (is|are) by then\b|\bas things are\b",
    "scheduled, every hour": r"\bby the clock\b",
    "not set, not named": r"\b(isn't|is not|aren't) said\b",
    "covered, checked": r"\b(looked|to look) after\b",
    "against real AWS": r", for real\b",
    "if": r"\bshould (AWS|Snapback|anybody|somebody) \w+",
    "Snapback": r"\b(of|is|are|by) ours\b|\b(as|since|that) we (left|look)\b",
    "allow, give access to": r"\blets? in (?!(AWS|Amazon) )",
    "needed": r"\b(approval|approver)( is| still)* wanted\b",
    "already used": r"\bused already\b",
    "checked, read": r"\b(is|are|was|were|be) looked at\b",
    "isn't": r"\bis none that\b",
    "now": r"\bby now\b",
    "despite": r"\bin spite of\b",
    "the record names": r"\bon record (will stand|that)\b",
    "created from": r"\bmade of it\b",
    "tries again": r"\bis tried again\b",
}
"""What a reader would write instead, and the idiom."""


def faults(text: str) -> list[str]:
    """Each idiom in a text, beside what to write instead. Line ends and code don't count."""
    flat = " ".join(re.sub(r"```.*?```|`[^`]*`", "…", text, flags=re.DOTALL).replace("\n#", "\n").split())
    return [
        f"{found[0]!r} in {flat[max(0, found.start() - 40) : found.end() + 40]!r}: {better}"
        for better, worst in WORST.items()
        for found in re.finditer(worst, flat, re.IGNORECASE)
    ]


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    context = click.Context(command, info_name=name, max_content_width=400)
    yield f"{name} --help", command.get_help(context)
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from _commands(each, f"{name} {each.name}")


def _alarms() -> Iterator[tuple[str, str]]:
    parts: dict[str, Any] = whole()["Resources"]
    for name, each in parts.items():
        if each.get("Type") == "AWS::CloudWatch::Alarm":
            yield f"alarm {name}", str(each["Properties"]["AlarmDescription"])


def _descriptions() -> Iterator[tuple[str, str]]:
    made: dict[str, Any] = whole()
    for part in ("Parameters", "Outputs"):
        for name, each in made[part].items():
            yield f"template {part} {name}", str(each.get("Description", ""))


def said_in(source: str) -> str:
    """The texts of a module that have a space: reasons, notes, errors, pages, logs. Not its docstrings."""
    tree = ast.parse(source)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            docs |= {id(each) for each in node.values}
            found.append("".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            found.append(node.value)
    return "\n\n".join(each for each in found if " " in each)


def code() -> list[Path]:
    return sorted([*(ROOT / "chalicelib").rglob("*.py"), *(ROOT / "snapback").rglob("*.py")])


def texts() -> Iterator[tuple[str, str]]:
    """Where it is from, and the text. Not what code says, which takes long to read."""
    yield from _descriptions()
    style = ROOT / "docs" / "style.md"  # It shows the idioms.
    decisions = (ROOT / "docs" / "decisions").glob("*.md")
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *decisions, ROOT / "snapback.yaml"]:
        if path != style:
            yield str(path.relative_to(ROOT)), path.read_text()
    yield from _commands(main, "snapback")
    yield from _alarms()
    for rule in catalog.all_rules():
        yield rule.id, rule.doc
        yield f"card of {rule.id}", "\n".join(text for _, text in cards.texts(cards.card_of(rule.id)))
    for status in Status:
        yield f"status {status}", f"{status.traits.word}. {status.traits.said}"


@pytest.mark.parametrize(("where", "text"), [pytest.param(*each, id=each[0]) for each in texts()])
def test_text_is_read_once(where: str, text: str) -> None:
    assert text
    assert faults(text) == [], f"docs/style.md; in {where}"


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in code()])
def test_what_code_says_is_read_once(path: Path) -> None:
    assert faults(said_in(path.read_text())) == [], "docs/style.md"


def test_texts_in_code_are_read_and_docstrings_are_not() -> None:
    source = '"""It lets in everyone."""\nreason = f"rule {n} lets in everyone"\nnote = "safe by now"\n'
    assert [fault.partition(" in ")[0] for fault in faults(said_in(source))] == ["'lets", "'by now'"]


def test_everything_is_read() -> None:
    read = {where.partition(" ")[0] for where, _ in texts()}
    assert ROOT / "chalicelib" / "core" / "errors.py" in code()
    assert {
        "README.md",
        "docs/operate.md",
        "docs/settings.md",
        "snapback.yaml",
        "snapback",
        "alarm",
        "status",
        "template",
    } < read
    assert "snapback dlq redrive --help" in dict(texts())


@pytest.mark.parametrize(
    "before",
    [
        row.split(" | ")[0].strip("| ")
        for row in (ROOT / "docs" / "style.md").read_text().splitlines()
        if row.startswith("| ") and not row.startswith(("| before", "|---"))
    ],
)
def test_idioms_that_the_style_guide_shows_are_found(before: str) -> None:
    assert faults(before)
