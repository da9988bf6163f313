"""docs/catalogue.html: the catalog as one page that filters by itself, from a file and without a network.

Each rule is in the page as HTML, and readable without scripts; the script only hides what doesn't fit. All texts are escaped.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snapback.catalog import KINDS, NONE, TOOLS, policy_text, requirements, techniques, uses_title
from tools.rule_page import USES, sentence, technique_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from snapback.catalog import Entry

_SOURCES = Path(__file__).parent / "catalogue"
_SEVERITIES = ("critical", "high", "medium", "low")


def page(entries: Sequence[Entry]) -> str:
    style, script = ((_SOURCES / name).read_text().strip() for name in ("page.css", "page.js"))
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<title>Guardrails and tripwires of Snapback</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            "<!-- Made by `make generate` from the code and the rules' cards. -->",
            "<h1>Guardrails and tripwires of Snapback</h1>",
            "<p>A guardrail checks a resource; a tripwire checks an event and only alerts. Click a title to see why it matters,",
            "the right way, and what Snapback does. Every guardrail starts in <code>alert</code>:",
            '<a href="rollout.md">from alert to fix</a> shows how to let it ask or fix.</p>',
            *_filters(entries),
            f'<p id="count" role="status">{len(entries)} of {len(entries)}</p>',
            "<main>",
            *(line for each in entries for line in _rule(each)),
            "</main>",
            f"<script>{script}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _filters(entries: Sequence[Entry]) -> Iterator[str]:
    yield '<form aria-label="Filters">'
    yield '<label>Text <input type="search" name="text" autocomplete="off"></label>'
    yield _select("service", sorted({each["service"] for each in entries}))
    yield _select("severity", _SEVERITIES)
    yield _select("control", sorted({control for each in entries for control in each["controls"]}, key=_natural))
    yield _select("technique", sorted({technique for each in entries for technique in techniques(each)}))
    standards = {standard for each in entries for standard in each["compliance"]}
    listed = {requirement for each in entries for requirement in requirements(each)}
    yield _select("compliance", sorted(standards | listed, key=_natural))
    yield '<label><input type="checkbox" name="fix"> Can fix</label>'
    yield '<label><input type="checkbox" name="undo"> Can undo</label>'
    yield '<button type="reset">Show all</button>'
    yield "</form>"


def _natural(text: str) -> list[tuple[int, str]]:
    """S3.8 before S3.10."""
    padded = "".join(each if each.isdigit() else f" {each} " for each in text).split()
    return [(int(each), "") if each.isdigit() else (0, each) for each in padded]


def _select(name: str, values: Iterable[str]) -> str:
    options = "".join(f"<option>{escape(each)}</option>" for each in values)
    return f'<label>{name.capitalize()} <select name="{name}"><option value="">any</option>{options}</select></label>'


def _rule(entry: Entry) -> Iterator[str]:
    lists = {
        "control": entry["controls"],
        "technique": techniques(entry),
        "compliance": [*entry["compliance"], *requirements(entry)],
    }
    data = {
        "service": entry["service"],
        "severity": entry["severity"],
        "fix": "on" if entry["fix"] else "",
        "undo": "on" if entry["reversible"] else "",
        **{name: "|".join(["", *values, ""]) for name, values in lists.items()},
    }
    attributes = " ".join(f'data-{name}="{escape(value)}"' for name, value in data.items())
    yield f'<details id="{entry["id"]}" {attributes}>'
    severity = f'<span class="severity {entry["severity"]}">{entry["severity"]}</span>'
    yield f"<summary>{severity} {escape(entry['title'])} <code>{entry['id']}</code></summary>"
    yield f'<p class="why">{escape(entry["why"])}</p>'
    yield from (f"<p>{escape(part)}</p>" for part in entry["doc"].split("\n\n"))
    yield from _section("The right way", _right_way(entry["right_way"]))
    yield from _section("Legitimate look-alikes", [f"<p>{escape(entry['legitimate'])}</p>"])
    yield from _section("What Snapback does", _does(entry))
    yield from _section("Controls, compliance, technique", _standards(entry))
    yield from _section("Prevention", _prevention(entry["prevention"]))
    yield from _section(uses_title(entry), _uses(entry["uses"]))
    path = f"guardrails/{entry['id'].replace('.', '/', 1)}.md"
    yield f'<p><a href="{path}">Docs page, with permissions and event pattern</a></p>'
    yield "</details>"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"<h3>{title}</h3>"
    yield from lines


def _right_way(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield f"<p>{escape(sentence(found))}</p>"
        return
    for name, title in TOOLS.items():
        if found[name].startswith(NONE):
            yield f"<p><b>{title}</b>: {escape(found[name])}</p>"
        else:
            yield f"<p><b>{title}</b></p><pre>{escape(found[name].rstrip())}</pre>"


def _does(entry: Entry) -> Iterator[str]:
    if not entry["fix"]:
        yield "<p>Alerts only; changes nothing.</p>"
        return
    undo = "Undo is possible." if entry["reversible"] else "Undo is not possible, so the fix always needs approval."
    opt_in = " It runs only where the settings name this guardrail." if entry["opt_in"] else ""
    yield f"<p>{escape(entry['fix'])} {undo}{opt_in}</p>"


def _standards(entry: Entry) -> Iterator[str]:
    yield f"<p>Controls: {escape(', '.join(entry['controls']) or 'none that agrees')}</p>"
    for standard, listed in entry["compliance"].items():
        yield f"<p>{escape(standard)}, as AWS maps these controls: {escape(', '.join(listed))}</p>"
    for each in techniques(entry):
        yield f'<p>MITRE ATT&amp;CK: <a href="{escape(technique_page(each))}">{escape(each)}</a></p>'
    if isinstance(entry["technique"], str):
        yield f"<p>MITRE ATT&amp;CK: {escape(entry['technique'])}</p>"


def _prevention(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield f"<p>{escape(sentence(found))}</p>"
        return
    for each in found:
        yield f"<p><b>{KINDS[each['kind']]}.</b> {escape(each['text'])}</p>"
        if "policy" in each:
            yield f"<pre>{escape(policy_text(each['policy']))}</pre>"
        yield f"<p>Undos that it would refuse: {escape(each['undo'])}</p>"


def _uses(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield f"<p>{escape(sentence(found))}</p>"
        return
    for each in found:
        names = ", ".join(f"<code>{escape(name)}</code>" for name in each["names"])
        yield f"<p>{USES[each['kind']]}{names}: {escape(each['shows'])}</p>"
