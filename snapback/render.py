"""What the command line prints. Names, tags and user agents come from whoever made them: `plain` takes their teeth out.

All text goes through `plain` and is never read as rich's markup; colours mean nothing that a word doesn't say too.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.filesize import decimal
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from chalicelib.analysis.diff import changes
from chalicelib.analysis.secrets import redact, without_secrets
from chalicelib.analysis.text import counted as number_of
from chalicelib.analysis.text import cut
from chalicelib.core import arns
from chalicelib.core.event import parse_time
from chalicelib.core.record import STATES
from chalicelib.core.types import Status, Unrecorded
from snapback.account_names import account

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.progress import Task

    from chalicelib.core.ports import Standing
    from chalicelib.core.record import Record
    from snapback.accounts import Check
    from snapback.dlq import DeadLetter
    from snapback.replay.replay import EventOutcome
    from snapback.status import Health
    from snapback.sweep import Finding, SweepTotals

_BLANKS = frozenset("\t\n\r\u00a0\u2028\u2029")
_QUIET = frozenset({Unrecorded.COMPLIANT, Unrecorded.OFF})
_TONES = {"good": "green", "bad": "red", "open": "yellow", "quiet": "dim"}
_STYLES = {
    **{str(status): _TONES[status.traits.tone] for status in Status},
    **dict.fromkeys(map(str, Unrecorded), "dim"),
    "on record": "yellow",
    "dead_letter": "red",
    "critical": "red",
    "high": "yellow",
    "refused": "dim",
    "unmatched": "dim",
}
BY_NOBODY = "found by a sweep; who did it isn't known"
_RECORD_STATUS = max(map(len, Status))
_STATUS_WIDTH = _RECORD_STATUS


def plain(text: object) -> str:
    r"""One line that does nothing to a terminal: what can't be seen is written as its escape, as in `\x1b`."""
    return "".join(
        each if each.isprintable() else " " if each in _BLANKS else each.encode("unicode_escape").decode()
        for each in str(text)
    )


def as_json(value: Any) -> str:
    """One line of JSON in ASCII, without any control character."""
    return json.dumps(value, default=str, ensure_ascii=True).replace("\x7f", "\\u007f")


def out(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def show(*parts: Any) -> None:
    """Print each on its own line, as wide as the terminal, or 80 (COLUMNS) in a pipe; no blanks at the ends of lines."""
    console = out()
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    lines = captured.get().split("\n")
    print("\n".join(lines if console.is_terminal else [line.rstrip() for line in lines]), end="")


def styled(text: object, style: str = "") -> Text:
    return Text(plain(text), style=style)


def status_text(status: object) -> Text:
    return styled(str(status).replace("_", " "), _STYLES.get(str(status), ""))


class _Rate(ProgressColumn):
    """What is done in a second, where a task names its unit: `bytes` as MB."""

    def render(self, task: Task) -> Text:
        speed, unit = task.finished_speed or task.speed, task.fields.get("unit")
        if not speed or not unit:
            return Text("")
        return Text(f"{decimal(int(speed))}/s" if unit == "bytes" else f"{speed:,.0f} {unit}/s", "dim")


def progress() -> Progress:
    """On stderr, and only for a person: a pipe sees nothing of it."""
    console = out(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=sys.stdout.isatty(),
    )


def name_in(arn: str) -> str:
    """The part of an ARN that tells a person which one: `app-logs`, `role/deploy`, `account 123456789012`."""
    name = arns.name_in(arn)
    return f"account {account(arn.split(':')[4])}" if name == "root" and arn != name else name


def row(when: str, status: object, what: Sequence[object]) -> Table:
    """A line of the timeline; `what` is a line each, the first the most telling. Wraps within its own column."""
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.add_column(width=len(when), no_wrap=True)
    grid.add_column(width=_STATUS_WIDTH, no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    body = Text("\n").join([styled(line, "" if number == 0 else "dim") for number, line in enumerate(what)])
    grid.add_row(styled(when, "dim"), status_text(status), body)
    return grid


def pairs(found: Mapping[str, object], *, indent: int = 0) -> Padding:
    """`key  value` lines; what is empty is left out."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for key, value in found.items():
        if value not in ("", None):
            grid.add_row(styled(key, "dim"), value if isinstance(value, Text) else styled(value))
    return Padding(grid, (0, 0, 0, indent), expand=False)


def event_rows(event: EventOutcome, *, everything: bool) -> list[Any]:
    """An event's lines in the timeline: a line an outcome; what is safe, and what no guardrail asks, only on demand."""
    moment = parse_time(event.time)
    when = f"{moment:%H:%M:%S}" if moment else "?"
    call = f"{event.name} by {event.actor}"
    rows = []
    for outcome in event.outcomes:
        if everything or outcome.status not in _QUIET:
            reason = outcome.reason or ("safe" if outcome.status == "compliant" else "")
            first = ": ".join(filter(None, (name_in(outcome.resource), reason)))
            record = f"record {outcome.record}" if outcome.record else ""
            about = (outcome.guardrail, account(event.account), event.region, call, record)
            rows.append(row(when, outcome.status, [first, " · ".join(filter(None, about))]))
    if everything and not event.outcomes:
        status = "refused" if event.why.startswith("refused") else "unmatched"
        rows.append(row(when, status, [call, event.why] if event.why else [call]))
    return rows


def day_of(event: EventOutcome) -> str:
    moment = parse_time(event.time)
    return f"{moment:%Y-%m-%d} (UTC)" if moment else ""


def finding_row(finding: Finding) -> Table:
    """A finding of a sweep: how bad, what became of it, which resource and why."""
    outcome, place = finding.outcome, finding.place
    record = f"record {outcome.record}" if outcome.record else ""
    missed = "no event reported it" if finding.missed_by_events else ""
    stands = outcome.status == Unrecorded.DUPLICATE and bool(outcome.record)
    known = f"known, {finding.left or 'still unsafe'}" if stands else ""
    below = (outcome.guardrail, account(place.account), place.region, missed, known, record)
    first = f"{name_in(outcome.resource)}: {outcome.reason}"
    return row(
        f"{finding.severity:8}", "on record" if stands else outcome.status, [first, " · ".join(filter(None, below))]
    )


def swept(done: SweepTotals) -> list[Any]:
    """What came of a sweep."""
    words = {str(Unrecorded.DUPLICATE): "known and still unsafe"}
    counts = ", ".join(
        f"{times:,} {words.get(status, status.replace('_', ' '))}" for status, times in done.counts.most_common()
    )
    told = {
        "evaluated": f"{number_of(done.resources, 'resource')} in {number_of(done.places, 'place')} in {done.seconds:.1f} s",
        "outcomes": counts or "none: no guardrail evaluates these",
        "errors": f"{done.errors.total():,}" if done.errors else "",
    }
    return ["", pairs(told)]


def diff(lines: Iterable[str]) -> Text:
    styles = {"-": "red", "+": "green"}
    return Text("\n").join([styled(f"  {line}", styles.get(line[:1], "dim")) for line in lines])


def checks_table(checks: Sequence[Check]) -> Table:
    """Of each account and region, what each check found."""
    table = headed("account", "region", "what", "")
    table.add_column("found", overflow="fold")
    for each in checks:
        fine = Text("fine", "green") if each.well else Text("PROBLEM", "bold red")
        table.add_row(styled(account(each.account)), styled(each.region), styled(each.what), fine, styled(each.found))
    return table


def headed(*narrow: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for name in narrow:
        table.add_column(name, no_wrap=True)
    return table


def records_list(records: Sequence[Record]) -> list[Any]:
    parts: list[Any] = []
    for record in records:
        head = Text("  ").join(
            [
                styled(record.id),
                Text.assemble(status_text(record.status), " " * (_RECORD_STATUS - len(record.status))),
                styled(f"{record.event_time:%Y-%m-%d %H:%M}", "dim"),
                styled(name_in(record.arn), "bold"),
            ]
        )
        about = " · ".join([record.guardrail, account(record.account), record.region, record.severity, _change(record)])
        parts += [head, Padding(styled(record.reason), (0, 0, 0, 4)), Padding(styled(about, "dim"), (0, 0, 0, 4))]
    return parts


def _change(record: Record) -> str:
    """Which call made it so, and who made the call; a sweep mostly doesn't know."""
    if record.by_nobody:
        return BY_NOBODY
    return f"{record.event_name} by {record.actor.name}"


def record_json(record: Record, *, full: bool = False) -> dict[str, Any]:
    """A record without its states, which may hold secrets, unless `full`; `changes` is their redacted difference."""
    told = asdict(record)
    if not full:
        for state in STATES:
            del told[state]
    del told["holder"]
    return told | {"changes": changes(record.before, record.after, most=200) if record.after is not None else []}


def counted(standing: Standing | None, record: Record) -> str:
    """What a record of something that can't be judged stands for besides."""
    if record.covered_by:
        return f"record {record.covered_by} has the same cause"
    if standing is None or standing.record != record.id or not standing.times:
        return ""
    first = f"; first {', '.join(standing.arns)}" if standing.arns else ""
    return f"counted {standing.times:,} more, for {', '.join(standing.actions)}{first}"


def record_page(record: Record, *, full: bool = False, more: str = "") -> list[Any]:
    actor = record.actor
    by = f"{actor.name} from {actor.source_ip or 'an unknown address'}" + (f" with {actor.tool}" if actor.tool else "")
    shown: list[Any] = [
        styled(record.title, "bold"),
        pairs(
            {
                "resource": record.shown_arn,
                "record": record.id,
                "status": status_text(record.status),
                "severity": status_text(record.severity),
                "guardrail": record.guardrail,
                "account": f"{account(record.account)}, {record.region}",
                "reason": record.reason,
                "event": f"{record.event_name} at {record.event_time:%Y-%m-%d %H:%M:%S} UTC ({record.event_id})",
                "by": BY_NOBODY if record.by_nobody else by,
                "principal": "" if record.by_nobody else actor.principal,
                "mode": record.mode,
                "fix": record.fix,
                "error": record.error,
                "same cause": more,
            }
        ),
    ]
    if record.after is not None:
        lines = changes(record.before, record.after, most=40)
        shown += ["", styled("before → after", "bold"), diff(lines) if lines else styled("  no difference")]
    if full:
        for name in STATES:
            state = json.dumps(getattr(record, name), indent=2, default=str)
            shown += ["", styled(name, "bold"), Text("\n").join([styled(line) for line in state.splitlines()])]
    shown += ["", styled("history", "bold")]
    shown += [
        row(_time(step.at), step.status, [f"by {step.by}", *([step.note] if step.note else [])])
        for step in record.history
    ]
    return shown


def _time(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return text


def dead_letters_list(dead_letters: Sequence[DeadLetter], *, hint: bool = True) -> list[Any]:
    if not dead_letters:
        return ["No dead letters."]
    table = headed("id", "age")
    table.add_column("what failed", overflow="fold")
    for each in dead_letters:
        where = each.function_name or name_in(each.rule)
        lines = [styled(each.what), styled(where, "dim"), styled(cut(redact(each.error), 300), "red")]
        table.add_row(
            styled(each.id[:8]), styled(age(datetime.now(UTC) - each.sent)), Text("\n").join(filter(None, lines))
        )
    told = "`snapback dlq show ID` shows one in detail; `redrive` processes it again, `drop` deletes it."
    return [table, *(["", told] if hint else [])]


def dead_letter_json(dead_letter: DeadLetter, *, full: bool) -> dict[str, Any]:
    """The event without what looks like a secret, unless `full`; what isn't known as a dead letter is there as `body`."""
    told = dead_letter.to_json()
    if full:
        return told | {"event": dead_letter.event, "body": dead_letter.body}
    return told | {"event": without_secrets(dead_letter.event), "error": redact(dead_letter.error)}


def dead_letter_page(dead_letter: DeadLetter, *, full: bool) -> list[Any]:
    told = pairs(
        {
            "dead letter": dead_letter.id,
            "what": dead_letter.what,
            "failed at": f"{dead_letter.sent:%Y-%m-%d %H:%M:%S} UTC, {age(datetime.now(UTC) - dead_letter.sent)} ago",
            "function": dead_letter.function,
            "rule": dead_letter.rule,
            "error": dead_letter.error if full else redact(dead_letter.error),
        }
    )
    name, held = "event", dead_letter.event
    if dead_letter.batch is not None:
        name, held = "position in the ledger's stream", dead_letter.batch
    elif dead_letter.message is not None:
        name, held = "the message's key in the ledger's table", dead_letter.message
    elif dead_letter.unread is not None:
        name, held = "the record's key in the ledger's table", dead_letter.unread
    elif held is None:
        name, held = "text", dead_letter.body
    lines = json.dumps(held if full else without_secrets(held), indent=2, default=str, ensure_ascii=False).split("\n")
    return [told, "", styled(name, "bold"), Text("\n").join([styled(line) for line in lines])]


def health_page(health: Health, stack: str) -> Padding:
    """A problem is red, with what to do."""

    def row(amiss: object, text: object, do: str = "") -> Text:
        return Text.assemble(styled(text, "red" if amiss else ""), styled(f"  {do}", "dim") if amiss and do else "")

    def queued(count: int | None) -> Text:
        if count is None:
            return styled(f"unknown: no stack {stack!r} in this region; pass --stack NAME, or set AWS_REGION", "dim")
        return row(count, count, "`snapback dlq list`")

    sign = health.sign
    alive = f"answered {age(health.now - sign.answered_at)} ago" if sign.answered_at else "unknown: none answered yet"
    canary = f"silent: {alive}, sent {age(health.now - sign.sent_at)} ago" if health.silent and sign.sent_at else alive
    return pairs(
        {
            "writes": row(health.paused, health.paused or "on", "`snapback resume`"),
            **{name: row(n, n, f"`snapback records --status {name}`") for name, n in health.records.items()},
            "under way": row(health.overdue, f"{health.under_way}, {health.overdue} of them overdue"),
            "messages held": Text("\n").join(
                [row(why, f"{count} for {name}{why and f': {why}'}") for name, (count, why) in health.held.items()]
                or [row(False, 0)]
            ),
            "dead letters": queued(health.dead_letters),
            "failed messages": queued(health.failed_messages),
            "canary": row(health.silent, canary, "see the logs of the functions canary and canary_echo"),
            "settings": row(
                sign.trouble,
                sign.trouble
                or ("as the canary read them: fine" if sign.answered_at else "unknown: no canary read them yet"),
            ),
        }
    )


def age(passed: timedelta) -> str:
    """In the largest unit that fits: `5s`, `12m`, `3h`, `9d`."""
    seconds = max(0, int(passed.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
