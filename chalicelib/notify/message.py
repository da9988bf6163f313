"""What a message says of a record's step: the same for every channel, each of which writes and escapes it in its own way."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from chalicelib.analysis.diff import changes
from chalicelib.analysis.secrets import redact
from chalicelib.analysis.text import cut, plain
from chalicelib.core.types import ESCALATED, REFUSED, REMINDED, SECOND_WANTED, SHOWN, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.record import Record

_ASIDE = {
    REMINDED: "approval still needed",
    ESCALATED: "nobody has answered",
    SECOND_WANTED: "second approver needed",
    SHOWN: "undo and keep others' changes?",
}
"""Words of steps by which nothing changed, and which are sent."""


def is_sent(record: Record) -> bool:
    """Whether a message goes out about a record's latest step.

    All are but `fixing` and `undoing`, which another step follows within the minute, and a `failed` that a retry
    comes to again. `expired` and `gone` are sent too: they close a question that stands in the channel. Of what can't be
    judged, one record stands for each cause.
    """
    if record.history[-1].status == REFUSED or record.covered_by:
        return False
    if record.status is Status.FAILED:
        *earlier, last = pairwise(step.status for step in record.life)
        return last not in earlier
    return not record.status.traits.under_way


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One step of a record, as a message. All text is on one line, without secrets and invisible characters, and not escaped.

    `step` numbers the record's steps from 1, and `news` is what it was: the status, `reminded`, `escalated`,
    `second_wanted` or `undo_shown`;
    `resource` is an ARN; `actor` has name, principal, account, tool,
    source_ip and via, each of which may be empty; `changes` are lines that start with `- ` or `+ `, never the whole
    state; `commands` are what a person may do next, by name.
    """

    record: str
    step: int
    at: str
    status: str
    news: str
    mode: str
    guardrail: str
    title: str
    severity: str
    headline: str
    resource: str
    account: str
    region: str
    event: str
    reason: str
    actor: Mapping[str, str]
    changes: tuple[str, ...]
    changed: bool
    """Whether `changes` were made; if not, they are what the fix would do."""
    did: str
    commands: Mapping[str, str]
    seen: str = ""
    """Which of the record's states this is about, so that a click means what was shown: its fingerprint's beginning."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Addresses of the action page, by the names of what they do; each channel has its own."""

    @property
    def id(self) -> str:
        """Equal for each delivery of the same message."""
        return f"{self.record}-{self.step}"

    @property
    def who(self) -> str:
        actor = self.actor
        parts = (
            actor["name"],
            actor["tool"] and f"with {actor['tool']}",
            actor["source_ip"] and f"from {actor['source_ip']}",
        )
        return ", ".join(filter(None, parts))

    @property
    def text(self) -> str:
        """All of it as plain text, for channels that know no more."""
        lines = [
            self.headline,
            self.reason,
            "",
            f"Resource: {self.resource}",
            f"Account and region: {self.account}, {self.region}",
            f"Who: {self.who} ({self.actor['principal']})",
            f"Event: {self.event}",
            "",
            self.did,
            *self.changes,
            "",
            *(f"To {name}: {command}" for name, command in self.commands.items()),
            f"Guardrail: {self.guardrail}",
        ]
        return "\n".join(lines)


def message_of(record: Record) -> Message:
    actor = record.actor
    who = {
        "name": actor.name,
        "principal": actor.principal,
        "account": actor.account,
        "tool": actor.tool,
        "source_ip": actor.source_ip,
        "via": actor.via,
    }
    title = _line(record.title, 120)
    news = record.history[-1].status
    words = _ASIDE.get(news, "") if record.status is not Status.UNJUDGED else ""
    words = words or record.status.traits.word.format(what=_what(record))
    return Message(
        record=record.id,
        step=len(record.history),
        at=record.history[-1].at,
        status=record.status,
        news=news,
        mode=record.mode,
        guardrail=record.guardrail,
        title=title,
        severity=record.severity,
        headline=f"{record.severity.upper()} · {words}: {title}",
        resource=cut(plain(record.shown_arn), 1200),
        account=record.account,
        region=record.region,
        event=f"{_line(record.event_name, 100)} at {record.event_time.isoformat(timespec='seconds')}",
        reason=_line(record.reason, 1000),
        actor={name: cut(plain(value), 300) for name, value in who.items()},
        changes=_changes(record),
        changed=record.status.traits.written and news != SHOWN,
        did=_did(record),
        commands=_commands(record),
        seen=record.offered if news == SHOWN else record.fingerprint[:12],
    )


def shown_undo(record: Record) -> tuple[str, list[str]]:
    """What was last shown of an undo beside others' changes: a sentence, and the lines of what it would write."""
    note = next((step.note for step in reversed(record.history) if step.status == SHOWN), "")
    sentence, *lines = note.split("\n")
    return _line(sentence, 1000), [_line(line, 200) for line in lines]


def _changes(record: Record) -> tuple[str, ...]:
    if record.history[-1].status == SHOWN:
        return tuple(shown_undo(record)[1])
    return () if record.before is None or record.after is None else tuple(changes(record.before, record.after))


def _did(record: Record) -> str:
    last = record.history[-1]
    if last.status == SHOWN:
        return f"Nothing was done yet: {shown_undo(record)[0]}"
    note = f" ({_line(last.note, 500)})" if last.note else ""
    fix = _line(record.fix, 300).rstrip(".") or "no fix"
    by = "" if last.by == "snapback" else f" by {_line(last.by, 100)}"
    would = f" Suggested fix: {fix}." if record.fix and record.before != record.after else ""
    error = _line(record.error, 500).rstrip(".")
    return record.status.traits.said.format(
        by=by, note=note, would=would, fix=fix, what=_what(record), error=error or "no reason was recorded"
    )


def _commands(record: Record) -> dict[str, str]:
    commands = {"show": f"snapback show {record.id}"}
    if record.status is Status.ASKING:
        commands = {"approve": f"snapback approve {record.id}", **commands}
    elif record.demand:
        commands = {record.demand: f"snapback fix {record.id}", **commands}
    failed = record.status is Status.FAILED and record.demand  # Nobody knows what it wrote, if anything.
    if record.status.traits.undoable and not failed and record.reversible and record.before is not None:
        name, force = ("undo-anyway", " --force") if record.history[-1].status == SHOWN else ("undo", "")
        commands = {name: f"snapback undo {record.id}{force}", **commands}
    return commands


def _what(record: Record) -> str:
    """What the last step ended: an undo, or a fix."""
    return "undo" if len(record.life) > 1 and record.life[-2].status == Status.UNDOING else "fix"


def _line(text: str, most: int) -> str:
    return cut(plain(redact(text)), most)
