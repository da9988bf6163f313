"""docs/ways-in/: for each covered service what is heard, what only the sweep sees, and what can't matter and why."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tools.ways_in_table import tables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.ways_in_table import Row, Table

_HEADINGS = {
    "heard": "Heard",
    "sweep": "Only the daily sweep sees it",
    "harmless": "Can't matter to what Snapback guards",
    "data": "Data plane",
}
_MADE = "<!-- Made by `make generate` from tools/ways_in/; edit the table there. -->\n"


def pages() -> dict[str, str]:
    """Each page by its file name."""
    found = {f"{table.name}.md": _page(table) for table in tables()}
    return {**found, "README.md": _index()}


def _index() -> str:
    lines = ["# Ways in: which calls Snapback hears", "", _MADE]
    lines += [
        "One page a service, with every call that changes something or hands out credentials, as botocore's models and",
        "AWS's Service Authorization Reference know them. Each is heard by a rule, or the page says why it isn't. A test",
        "fails when a newer botocore brings a call, or a new parameter of a call that is heard, that nobody has classed.",
        "",
        f"| service | {' | '.join(_HEADINGS.values())} |",
        f"|---|{'---:|' * len(_HEADINGS)}",
    ]
    total = Counter[str]()
    for table in tables():
        counted = Counter(row.kind for row in table.rows())
        total += counted
        lines.append(f"| [{table.name}]({table.name}.md) | {_counts(counted)} |")
    return "\n".join([*lines, f"| **all** | {_counts(total)} |", ""])


def _counts(counted: Counter[str]) -> str:
    return " | ".join(str(counted[kind]) for kind in _HEADINGS)


def _page(table: Table) -> str:
    rows = table.rows()
    lines = [f"# Ways in: {table.name}", "", _MADE]
    lines += [f"Calls that CloudTrail records for `{table.source}.amazonaws.com`.", ""]
    for kind, heading in _HEADINGS.items():
        chosen = [row for row in rows if row.kind == kind]
        if chosen:
            lines += [f"## {heading}", "", *_table(kind, chosen), ""]
    return "\n".join(lines)


def _table(kind: str, rows: Iterable[Row]) -> list[str]:
    """What is heard a row each; of the others, all that have one reason together."""
    if kind == "heard":
        lines = ["| event | rules |", "|---|---|"]
        return lines + [f"| {_event(row)} | {', '.join(map(_link, row.why.split(', ')))} |" for row in rows]
    reasons: dict[str, list[Row]] = {}
    for row in rows:
        reasons.setdefault(row.why, []).append(row)
    lines = ["| events | because |", "|---|---|"]
    return lines + [f"| {', '.join(map(_event, some))} | {why} |" for why, some in reasons.items()]


def _event(row: Row) -> str:
    return f"{row.event} ([source]({row.source}))" if row.source else row.event


def _link(rule: str) -> str:
    service, _, name = rule.partition(".")
    return f"[{rule}](../guardrails/{service}/{name}.md)"
