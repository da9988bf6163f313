"""The report: a result as one HTML file that needs no network. Its script writes all texts as text, never as HTML."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.core.types import Severity, Status
from snapback.catalog import KINDS, TOOLS
from snapback.report.noise import noise
from snapback.report.stories import fights, stories

if TYPE_CHECKING:
    from snapback.report.result import Result

WEB = Path(__file__).parent / "web"
SHARED = ("elements.js", "findings.js", "summary.js", "overview.js")
"""Scripts that the report and the console share."""
_DETAILS = ("changes", "calls", "history", "commands", "did", "error")
"""Of a finding, what only its own part of a page shows."""
_OFTEN = 0.5
"""Of a column's values, how many differ at most for each to be written once."""


def web_file(name: str) -> str:
    return (WEB / name).read_text("utf-8")


def report_page(result: Result) -> bytes:
    style = web_file("page.css")
    script = "\n".join(web_file(name) for name in (*SHARED, "report.js"))
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'"
    )
    title = f"Snapback: {result.kind} of {result.made:%Y-%m-%d %H:%M} UTC"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(title)}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            '<a class="skip" href="#findings">Skip to the findings</a>',
            f"<header><h1>{escape(title)}</h1></header>",
            '<main id="main"><noscript><p>This report needs JavaScript to show its findings. It loads nothing.</p></noscript></main>',
            f'<script type="application/json" id="data">{embedded(report_data(result))}</script>',
            f"<script>{script}</script>",
            "</body>",
            "</html>",
            "",
        ]
    ).encode()


def report_data(result: Result, *, details: bool = True) -> dict[str, Any]:
    """What the script needs: the result with its findings by columns, and what can be read out of them."""
    told = msgspec.to_builtins(result)
    findings = told.pop("findings")
    for each in findings:
        for name in () if details else _DETAILS:
            each.pop(name, None)
        each |= {f"actor.{name}": value for name, value in each.pop("actor").items()}
        if "commands" in each:  # Alike for each record of a status, so that they are written once.
            each["commands"] = {name: text.replace(each["id"], "{id}") for name, text in each["commands"].items()}
    return {
        **told,
        **words(),
        "columns": columns(findings),
        "size": len(findings),
        "stories": msgspec.to_builtins(stories(result.findings, result.cards)),
        "noise": msgspec.to_builtins(noise(result.findings, result.cards, result.made.date())),
        "fights": msgspec.to_builtins(fights(result.findings)),
    }


def words() -> dict[str, Any]:
    """The statuses and what cards call their parts."""
    statuses = {
        str(status): {"tone": status.traits.tone, "unsafe": status.traits.unsafe, "person": status.traits.needs_person}
        for status in Status
    }
    return {
        "statuses": statuses,
        "severities": [str(each) for each in reversed(Severity)],
        "kinds": KINDS,
        "tools": TOOLS,
    }


def columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows by columns: `[values]`, or `[values, places]` where values repeat. A value that a row lacks is null."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _column([row.get(name) for row in rows]) for name in names}


def _column(values: list[Any]) -> list[Any]:
    places: dict[str, int] = {}
    listed = [places.setdefault(json.dumps(value), len(places)) for value in values]
    if len(places) > len(values) * _OFTEN:
        return [values]
    return [[json.loads(each) for each in places], listed]


def embedded(value: Any) -> str:
    """JSON that no parser of HTML takes for markup."""
    text = json.dumps(value, separators=(",", ":"), default=str, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
