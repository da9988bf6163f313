"""What a sweep's plan looks like."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.padding import Padding

from chalicelib.analysis.diff import changes
from chalicelib.core.types import Status
from snapback import account_names, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from chalicelib.core.record import Record

_DOES = {Status.FIXING: "fix", Status.ASKING: "ask", Status.ALERTED: "alert", Status.UNJUDGED: "not judged"}


def plan_page(records: Sequence[Record], left: Sequence[str] = ()) -> list[Any]:
    """How many findings there are by what would be done, severity, guardrail and account; and each that is `left` to a decision."""
    decided = ["", *map(render.styled, left)] if left else []
    if not records:
        return decided[1:] or ["Nothing unsafe was found."]
    counts = Counter((each.status, str(each.severity), each.guardrail, each.account) for each in records)
    fixes = sum(each.status is Status.FIXING for each in records)
    return [_table(counts), "", f"{fixes} to fix, {len(records) - fixes} to report.", *decided]


def _table(counts: Counter[tuple[Status, str, str, str]]) -> Table:
    table = render.headed("would", "severity", "account", "resources")
    table.add_column("guardrail", overflow="fold")
    for (does, severity, guardrail, account), times in sorted(counts.items(), key=_order):
        row = (
            render.styled(_DOES.get(does, does)),
            render.status_text(severity),
            render.styled(account_names.account(account)),
        )
        table.add_row(*row, render.styled(times), render.styled(guardrail))
    return table


def _order(counted: tuple[tuple[Status, str, str, str], int]) -> tuple[Any, ...]:
    (does, _, guardrail, account), times = counted
    return list(_DOES).index(does) if does in _DOES else len(_DOES), -times, guardrail, account


def planned_fix(record: Record) -> list[Any]:
    """A fix that is planned: which resource, why, and what would change."""
    lines = changes(record.before, record.after, most=40)
    about = f"{record.guardrail} · {account_names.account(record.account)} · {record.region}"
    return [
        render.styled(f"{render.name_in(record.shown_arn)}: {record.reason}", "bold"),
        Padding(render.styled(about, "dim"), (0, 0, 0, 4)),
        render.diff(lines) if lines else render.styled("  no difference"),
        "",
    ]
