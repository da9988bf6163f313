"""What a message says of a record's step: the same for every channel, each of which writes and escapes it in its own way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from chalicelib.analysis.diff import changes
from chalicelib.analysis.effect import effect
from chalicelib.analysis.secrets import redact
from chalicelib.analysis.text import counted, cut, plain
from chalicelib.core.arns import name_in
from chalicelib.core.types import ESCALATED, REFUSED, REMINDED, SECOND_WANTED, SHOWN, Status
from chalicelib.notify.cards import Card, card
from chalicelib.resources.console import event_page, resource_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.record import Record
    from chalicelib.core.settings import Settings

_ASIDE = {
    REMINDED: "approval still needed",
    ESCALATED: "nobody has answered",
    SECOND_WANTED: "second approver needed",
    SHOWN: "undo and keep others' changes?",
}
"""Words of steps by which nothing changed, and which are sent."""
_SYMBOLS = {"good": "✅", "bad": "🔴", "open": "🟠", "quiet": "⚪"}
"""By a status's tone: the color that people see first, in every channel that shows text."""
DONE = "Before → after"
"""Above changes that were made."""
HEADLINE = 150
"""Characters of a headline: as many as Slack's header holds."""
_NAME, _ACCOUNT = 60, 40
_MOST_CHANGES = 12
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_BY_SWEEP = "found by the daily sweep; who did it isn't known"


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
    `second_wanted` or `undo_shown`; `word` is the same for people.
    `resource` is an ARN, and `name` the part of it that people know; `account_name` may be empty. `actor` has name,
    principal, account, tool, source_ip and via, each of which may be empty. `event_at` and `at` are when the change and
    the step happened (ISO 8601, UTC); `changes` are lines that start with `- ` or `+ `, never the whole state;
    `commands` are what a person may do next, by name, and `pages` what they may read, by what it is.
    """

    record: str
    step: int
    at: str
    status: str
    news: str
    word: str
    mode: str
    guardrail: str
    title: str
    severity: str
    name: str
    resource: str
    account: str
    account_name: str
    region: str
    event: str
    event_at: str
    swept: bool
    reason: str
    actor: Mapping[str, str]
    changes: tuple[str, ...]
    changed: bool
    """Whether `changes` were made; if not, they are what the fix would do."""
    changes_title: str
    """Says so, above them."""
    did: str
    commands: Mapping[str, str]
    pages: Mapping[str, str]
    seen: str = ""
    """Which of the record's states this is about, so that a click means what was shown: its fingerprint's beginning."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Addresses of the action page, by the names of what they do; each channel has its own."""

    @property
    def id(self) -> str:
        """Equal for each delivery of the same message."""
        return f"{self.record}-{self.step}"

    @property
    def headline(self) -> str:
        return self.heading(HEADLINE)

    def heading(self, most: int) -> str:
        """Which resource, where, what is wrong, and what became of it; only the middle is cut to fit."""
        where = self.account_name or self.account
        begin = self.name if self.name == f"account {where}" else f"{cut(self.name, _NAME)} ({cut(where, _ACCOUNT)})"
        end = "" if self._is_unknown else f" · {self.word}"
        return f"{begin}: {cut(self.finding, max(most - len(begin) - len(end) - 2, 1))}{end}"

    @property
    def finding(self) -> str:
        """What is wrong. What nobody could check is a question, not a fact."""
        return f"{self.word}: {self.title}?" if self._is_unknown else self.title

    @property
    def _is_unknown(self) -> bool:
        return Status(self.status).traits.left == "unknown"

    @property
    def symbol(self) -> str:
        return _SYMBOLS[Status(self.status).traits.tone]

    @property
    def shown_account(self) -> str:
        return shown_account(self.account, self.account_name)

    @property
    def who(self) -> str:
        actor = self.actor
        if self.swept and actor["name"] == "Unknown":
            return _BY_SWEEP
        parts = (
            actor["name"],
            actor["tool"] and f"with {actor['tool']}",
            actor["source_ip"] and f"from {actor['source_ip']}",
        )
        return ", ".join(filter(None, parts))

    @property
    def when(self) -> str:
        """When the change happened, for channels that don't know the reader's clock."""
        event, step = (datetime.fromisoformat(each) for each in (self.event_at, self.at))
        seconds = int((step - event).total_seconds())
        ago = next(
            (f", {counted(seconds // size, unit)} before this message" for size, unit in _UNITS if seconds >= size), ""
        )
        return f"{event:%Y-%m-%d %H:%M} UTC{ago}"

    @property
    def facts(self) -> dict[str, str]:
        """What is known besides, by its label, for all channels; `when` is left to each."""
        known = {
            "Changed by": self.who,
            "Account and region": f"{self.shown_account}, {self.region}",
            "Principal": "" if self.who == _BY_SWEEP else self.actor["principal"],
            "Event": self.event,
            "Resource": self.resource,
            "Guardrail": self.guardrail,
        }
        return {label: value for label, value in known.items() if value.strip()}

    @property
    def card(self) -> Card:
        return card(self.guardrail)

    @property
    def next_checks(self) -> tuple[str, ...]:
        """What to look at before a person acts: for a rule without a fix, all that there is to do."""
        return self.card.check if Status(self.status).traits.unsafe and not self.changes else ()

    @property
    def right_way(self) -> tuple[str, tuple[str, ...]]:
        """How it is done right, with the tool that the change was made with: what it is called, and lines."""
        return self.card.right_way_with(self.actor["tool"]) if Status(self.status).traits.unsafe else ("", ())

    @property
    def text(self) -> str:
        """As plain text, for channels that know no more; without the right way, which a pager has no room for."""
        lines = [
            f"{self.symbol} {self.headline}",
            f"{self.severity.upper()}: {self.reason}",
            self.did,
            *([f"{self.changes_title}:", *self.changes] if self.changes else []),
            "",
            f"When: {self.when}",
            *(f"{label}: {value}" for label, value in self.facts.items()),
            "",
            *([f"Why it matters: {self.card.why}"] if self.card.why else []),
            *(["What to check next:", *(f"- {each}" for each in self.next_checks)] if self.next_checks else []),
            "",
            *(f"To {name}: {command}" for name, command in self.commands.items()),
        ]
        return "\n".join(lines)


def shown_account(account: str, name: str) -> str:
    """An account as people know it: its name where there is one, and always its number."""
    return f"{name} ({account})" if name else account


def message_of(record: Record, settings: Settings | None = None, *, most_changes: int = _MOST_CHANGES) -> Message:
    """`settings` know the accounts' names, and where the guardrails' pages are."""
    actor = record.actor
    who = {
        "name": actor.name,
        "principal": actor.principal,
        "account": actor.account,
        "tool": actor.tool,
        "source_ip": actor.source_ip,
        "via": actor.via,
    }
    news = record.history[-1].status
    words = _ASIDE.get(news, "") if record.status is not Status.UNJUDGED else ""
    account_name = _line(settings.account_name(record.account), _ACCOUNT) if settings else ""
    name = name_in(record.shown_arn)
    return Message(
        record=record.id,
        step=len(record.history),
        at=record.history[-1].at,
        status=record.status,
        news=news,
        word=words or record.status.traits.word.format(what=_what(record)),
        mode=record.mode,
        guardrail=record.guardrail,
        title=_line(record.title, 120),
        severity=record.severity,
        name=f"account {account_name or record.account}" if name == "root" else _line(name, 300),
        resource=cut(plain(record.shown_arn), 1200),
        account=record.account,
        account_name=account_name,
        region=record.region,
        event=_line(record.event_name, 100),
        event_at=record.event_time.isoformat(timespec="seconds"),
        swept=record.found_by == "sweep",
        reason=_line(record.reason, 1000),
        actor={name: cut(plain(value), 300) for name, value in who.items()},
        changes=_changes(record, most_changes),
        changed=_is_changed(record) and news != SHOWN,
        changes_title="What the undo would change" if news == SHOWN else difference_title(record),
        did=_did(record),
        commands=_commands(record),
        pages=_pages(record, settings),
        seen=record.offered if news == SHOWN else record.fingerprint[:12],
    )


def _pages(record: Record, settings: Settings | None) -> dict[str, str]:
    where = settings.guardrail_pages if settings else None
    found = {
        "AWS console": resource_page(record.kind, record.resource, record.shown_arn, record.account, record.region),
        "CloudTrail event": event_page(record.event_id, record.region) if record.found_by == "event" else "",
        "Guardrail": f"{where.rstrip('/')}/{record.guardrail.replace('.', '/')}.md" if where else "",
    }
    return {name: address for name, address in found.items() if address}


def shown_undo(record: Record) -> tuple[str, list[str]]:
    """What was last shown of an undo beside others' changes: a sentence, and the lines of what it would write."""
    note = next((step.note for step in reversed(record.history) if step.status == SHOWN), "")
    sentence, *lines = note.split("\n")
    return _line(sentence, 1000), [_line(line, 200) for line in lines]


def _changes(record: Record, most: int) -> tuple[str, ...]:
    if record.history[-1].status == SHOWN:
        return tuple(shown_undo(record)[1])
    return (
        () if record.before is None or record.after is None else tuple(changes(record.before, record.after, most=most))
    )


def _did(record: Record) -> str:
    last = record.history[-1]
    if last.status == SHOWN:
        return f"Nothing was done yet: {shown_undo(record)[0]}"
    note = f" ({_line(last.note, 500)})" if last.note else ""
    fix = _line(record.fix, 300).rstrip(".") or "no fix"
    acted = last.by
    if record.status is Status.STILL_UNSAFE:  # It may be so by the undo of another record.
        acted = next((step.by for step in reversed(record.history) if step.status == Status.FIXING), acted)
    by = "" if acted == "snapback" else f" by {_line(acted, 100)}"
    does = _effect(record, fix) if record.fix and record.before != record.after else ""
    error = _line(record.error, 500).rstrip(".")
    return record.status.traits.said.format(
        by=by, note=note, does=does, what=_what(record), error=error or "no reason was recorded"
    )


def _effect(record: Record, fix: str) -> str:
    """What the fix does or did, as a sentence: of its states where their structure tells it, else as its guardrail says."""
    found = effect(record.before, record.after, past=_is_changed(record))
    if not found:
        return f" The fix: {fix}."
    return f" {'Approving' if record.status is Status.ASKING else 'The fix'} {found}."


def _is_changed(record: Record) -> bool:
    """Whether the fix was written, for all that is known: a fix that failed, or whose resource was gone before, claims nothing."""
    failed = record.status is Status.FAILED and _what(record) == "fix"
    return record.status.traits.written and not failed and any(step.status == Status.FIXING for step in record.life)


def difference_title(record: Record) -> str:
    """What the difference of its states is: done, or what a person may still have done, or what is over."""
    if _is_changed(record):
        return DONE
    return f"What the fix would {'change' if {'approve', 'fix'} & _commands(record).keys() else 'have changed'}"


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
