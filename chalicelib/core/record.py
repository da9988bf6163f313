"""A record: one finding's row in the ledger, and the steps of its life."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from chalicelib.core.resource import Account, Resource, revive
from chalicelib.core.types import ASIDE, REFUSED, SECOND_WANTED, SHOWN, Close, Status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chalicelib.core.event import Actor
    from chalicelib.core.types import State


MOST_REFUSED = 10
"""As many refusals as a history lists: whoever clicks a thousand times fills no record."""
ID = r"(?:[a-z][a-z0-9]*\.)?[0-9a-f]{16}"
"""A record's id, as a regular expression: its guardrail's service, and a hash. Records of early versions name no service."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a record's history: when (ISO 8601, UTC), what it became, who did it, a note, and `why` it closed."""

    at: str
    status: str  # A `Status`, or one of ASIDE.
    by: str
    note: str = ""
    why: Close = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """`before`, `after` and `undone` are the fix's states: what was there, what the fix left and what an undo left, for
    ever; None where there is none. They may hold secrets: never log them.

    `holder` is the fencing token of whoever took the record last; `event_time` and `seen_at` are when the event
    happened and when the state was read. `tags` are those of the resource that the settings ask for, `calls` what the
    last write sent (`s3:PutBucketAcl`), `found_by` an `event` or a `sweep`. `document` is what a write
    replaces or edits, by service, name, owner and region: one lock a document, whichever guardrail writes it. `aws_arn`
    is AWS's own ARN where it says more than `arn`, by which the record and its slot are found: IAM's may have a path.
    `cause` is why it could not be judged, equal for all that one change would end; `covered_by` is the record whose message
    is about the same cause.
    `offered` names the merged state that somebody was last shown before an undo beside others' changes.
    """

    id: str
    guardrail: str
    title: str
    severity: str
    kind: str
    resource: str
    account: str
    region: str
    arn: str
    reason: str
    actor: Actor
    event_id: str
    event_name: str
    event_time: datetime
    seen_at: datetime
    mode: str
    status: Status
    before: State | None = None
    after: State | None = None
    undone: State | None = None
    fix: str = ""
    document: str = ""
    aws_arn: str = ""
    reversible: bool = True
    attempts: int = 1
    holder: str = ""
    error: str = ""
    offered: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    calls: tuple[str, ...] = ()
    found_by: str = "event"
    cause: str = ""
    covered_by: str = ""
    history: tuple[Step, ...] = ()
    refused: int = 0
    """How many decisions were refused; the history has the first of them."""

    @staticmethod
    def id_for(guardrail: str, resource: Resource, event_id: str) -> str:
        """The same for each delivery of an event, so that one finding has one record: `s3.0123456789abcdef`.

        It begins with the guardrail's service, by which IAM keeps a guard function to its own records.
        """
        words = f"{guardrail}\0{resource.arn}\0{resource.region}\0{event_id}"
        return f"{guardrail.partition('.')[0]}.{hashlib.blake2b(words.encode(), digest_size=8).hexdigest()}"

    @staticmethod
    def id_again(record: Record) -> str:
        """For what the same event tells of after a record's end: the same for each delivery that sees it."""
        return Record.id_for(record.guardrail, record.pointer(), f"{record.event_id} after {record.touched}")

    @property
    def service(self) -> str:
        """The folder of its guardrail."""
        return self.guardrail.partition(".")[0]

    @property
    def slot(self) -> str:
        """What is locked and exempted: this guardrail on this resource."""
        return f"{self.guardrail}#{self.arn}#{self.region}"

    @property
    def fingerprint(self) -> str:
        """Equal for the same unsafe state seen again."""
        seen = json.dumps([self.reason, self.before], sort_keys=True, default=str)
        return hashlib.blake2b(seen.encode(), digest_size=16).hexdigest()

    @property
    def undo_seal(self) -> str:
        """Equal for the same undo: what is written, over what, and where to."""
        where = [self.id, self.guardrail, self.kind, self.resource, self.account, self.region]
        words = json.dumps([*where, self.before, self.undone], sort_keys=True)
        return hashlib.sha256(words.encode()).hexdigest()

    @property
    def settled(self) -> bool:
        """Whether the same state seen again would be news."""
        return self.status.traits.settled

    @property
    def is_of_one_service(self) -> bool:
        """Whether id, guardrail and kind fit each other, as in every record that Snapback wrote."""
        service, kind = self.guardrail.partition(".")[0], self.kind.partition(".")[0]
        fits = re.fullmatch(rf"({re.escape(service)}\.)?[0-9a-z]{{1,16}}", self.id)
        return fits is not None and kind in {service, _ANY_SERVICE}

    @property
    def is_open(self) -> bool:
        """Whether what it found is still there, for all that the ledger knows; a question that nobody answered leaves it so."""
        return self.status.traits.unsafe or (self.status is Status.EXPIRED and self.life[-1].why == "unanswered")

    @property
    def by_nobody(self) -> bool:
        """Whether a sweep found it, and no record says who made it so."""
        return self.found_by == "sweep" and self.actor.kind == "Unknown"

    def pointer(self) -> Resource:
        """Raises LookupError when this version knows no such kind of resource."""
        return revive(self.kind, self.resource, self.account, self.region)

    @property
    def shown_arn(self) -> str:
        """The ARN that people know it by."""
        return self.aws_arn or self.arn

    @property
    def demand(self) -> str:
        """What a person may ask for that Snapback doesn't ask them about: `fix`, `retry` or nothing."""
        if not self.status.traits.on_demand or not self.fix or self.before is None:
            return ""
        if not self.status.traits.written:
            return "" if self.before == self.after else "fix"
        return "" if len(self.life) > 1 and self.life[-2].status == Status.UNDOING else "retry"

    @property
    def left(self) -> State | None:
        """The state as Snapback last left it."""
        return self.after if self.undone is None else self.undone

    @property
    def touched(self) -> str:
        """When it last moved on: whoever is refused, or may not decide alone, can't put off what is due."""
        return next((step.at for step in reversed(self.history) if step.status not in _VOICES), "")

    def shows(self, offer: str) -> bool:
        """Whether this offer of an undo is the last message of the record."""
        told = next((step.status for step in reversed(self.history) if step.status not in _VOICES), "")
        return told == SHOWN and self.offered == offer

    @property
    def life(self) -> tuple[Step, ...]:
        """The steps by which something changed."""
        return tuple(step for step in self.history if step.status not in ASIDE)

    def noted(self, at: datetime, by: str, note: str, what: str = REFUSED, offered: str = "") -> Record:
        """With a step by which nothing changed: `what` is one of ASIDE. After MOST_REFUSED of them, refusals only count."""
        refused = self.refused + (what == REFUSED)
        if refused > MOST_REFUSED and what == REFUSED:
            return replace(self, refused=refused)
        last = "; further refusals are only counted" if refused == MOST_REFUSED and what == REFUSED else ""
        step = Step(at.isoformat(timespec="milliseconds"), what, by, f"{note}{last}")
        return replace(self, refused=refused, history=(*self.history, step), offered=offered or self.offered)

    def stepped(self, status: Status, at: datetime, by: str, note: str = "", why: Close = "", **changed: Any) -> Record:
        step = Step(at.isoformat(timespec="milliseconds"), status, by, note, why)
        return replace(self, status=status, history=(*self.history, step), **changed)


_VOICES = frozenset({REFUSED, SECOND_WANTED})
"""Steps of people who may not decide, or not alone."""
_ANY_SERVICE = Account.kind().partition(".")[0]
"""Where kinds are that guardrails of several services share."""
STATES = tuple(each.name for each in fields(Record) if "State" in str(each.type))
"""The fields that hold states, and so may hold secrets."""
