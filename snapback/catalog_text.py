"""The catalog for a terminal: the list, and one rule's card. Plain text, as rich takes longer to import than this to run."""

from __future__ import annotations

import textwrap
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from snapback.catalog import KINDS, NONE, TOOLS, able, policy_text, requirements, techniques, uses_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from snapback.catalog import Entry

_COLORS = {"critical": "red", "high": "yellow"}
_NARROWEST = 40


def listed(entries: Sequence[Entry]) -> Iterator[str]:
    """Lines: severity, what Snapback can do, id, and the title below it."""
    yield click.style(f"{'severity':<10}{'can':<7}guardrail", bold=True)
    for entry in entries:
        severity = click.style(f"{entry['severity']:<10}", fg=_COLORS.get(entry["severity"]))
        yield f"{severity}{able(entry):<7}{entry['id']}"
        yield from (click.style(line, dim=True) for line in _wrapped(entry["title"], 17))


def card(entry: Entry) -> Iterator[str]:
    """Lines: everything that a person asks of a rule."""
    yield click.style(entry["id"], bold=True) + f"  {entry['severity']}"
    yield entry["title"]
    yield from _section("Why it matters", _paragraphs(entry["why"]))
    yield from _section("What it finds", _paragraphs(entry["doc"]))
    yield from _section("What looks like it and is legitimate", _paragraphs(entry["legitimate"]))
    yield from _section("The right way", _right_way(entry["right_way"]))
    yield from _section("What prevents it", _prevention(entry["prevention"]))
    yield from _section(uses_title(entry), _uses(entry["uses"]))
    yield from _section("Facts", _facts(entry))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    if found := list(lines):
        yield ""
        yield click.style(title, bold=True)
        yield from found


def _right_way(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield from _paragraphs(found)
        return
    for name, snippet in found.items():
        if snippet.startswith(NONE):
            yield from _wrapped(f"{TOOLS[name]}: {snippet}")
        else:
            yield f"  {TOOLS[name]}:"
            yield textwrap.indent(snippet.rstrip(), "    ")


def _prevention(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield from _paragraphs(found)
        return
    for each in found:
        yield from _wrapped(f"{KINDS[each['kind']]}: {each['text']}")
        if "policy" in each:
            yield textwrap.indent(policy_text(each["policy"]), "    ")
        yield from _wrapped(f"Undos that it would refuse: {each['undo']}", 4)


def _uses(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield from _paragraphs(found)
        return
    for each in found:
        yield from _wrapped(f"{', '.join(each['names'])}: {each['shows']}")


def _facts(entry: Entry) -> Iterator[str]:
    undo = {True: "can be undone", False: "can't be undone, so Snapback always asks", None: ""}[entry["reversible"]]
    settles = entry["settles"]
    facts = {
        "on": ", ".join(entry["events"]),
        "resource": entry["resource"],
        "reads": ", ".join(entry["reads"]),
        "fix": f"{entry['fix'].rstrip('.')} ({undo})" if entry["fix"] else "none; alerts only",
        "writes": ", ".join(entry["writes"]),
        "AWS shows it": settles and f"{settles['says']} ({settles['page']})",
        "opt-in": "on only if the settings name it" if entry["opt_in"] else "",
        "waits": f"{entry['grace_minutes']} minutes, for a pipeline to finish" if entry["grace_minutes"] else "",
        "controls": ", ".join(entry["controls"]),
        "compliance": ", ".join(requirements(entry)),
        "technique": ", ".join(techniques(entry)) or entry["technique"],
    }
    for name, value in facts.items():
        if value:
            first, *more = _wrapped(value, 16)
            yield f"  {name:<14}{first.lstrip()}"
            yield from more


def _paragraphs(text: str) -> Iterator[str]:
    """Docstrings are wrapped for the editor; lists in them stay as they are."""
    for part in text.split("\n\n"):
        if any(line.lstrip().startswith(("- ", "* ")) for line in part.splitlines()):
            yield from (f"  {line}" for line in part.splitlines())
        else:
            yield from _wrapped(part)


def _wrapped(text: str, indent: int = 2) -> list[str]:
    width = max(get_terminal_size().columns, _NARROWEST)
    margin = " " * indent
    words = " ".join(text.split())
    return textwrap.wrap(
        words, width, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False, break_long_words=False
    )
