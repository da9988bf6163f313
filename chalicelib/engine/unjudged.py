"""What can't be judged is on record, with as few records and messages as there are causes: docs/decisions/0033-unjudged.md.

refused → the cause's record, which is sent · a record beside it, for the first few events of a day · or counted
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.core.errors import StepRefused
from chalicelib.core.event import Event
from chalicelib.core.outcome import Outcome
from chalicelib.core.ports import OTHERS, Standing
from chalicelib.core.types import REMINDED, Mode, Severity, Status, Unrecorded
from chalicelib.engine.context import SNAPBACK, draft_of, is_gone, is_scheduled
from chalicelib.engine.permit import names_of
from chalicelib.engine.refusal import of_account, refusal_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.core.record import Record
    from chalicelib.core.resource import Resource
    from chalicelib.core.rule import Rule
    from chalicelib.core.types import Close
    from chalicelib.engine.context import Context
    from chalicelib.engine.refusal import Refusal

EVERY, RUN = timedelta(hours=1), timedelta(minutes=5)
"""How often an unjudged resource is evaluated again, after a first time within minutes; and how often `maintain` runs."""
STILL = timedelta(hours=26)
"""How long what a sweep counted is taken to be so still: until the next day's sweep had its time."""
REMIND, COVERED = timedelta(days=1), timedelta(days=7)
"""How often the summary names a cause, and how long a record is kept open beside the one that stands for its cause."""
SWEEP = "sweep_worker"
NAMED = 10
"""How many ARNs of a cause's are kept, and stand in a day's line."""
_RANKS = tuple(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotJudged:
    """One rule and one resource, seen at a time, and why it could not be judged."""

    rule: Rule
    resource: Resource
    refusal: Refusal
    seen_at: datetime

    @property
    def service(self) -> str:
        return self.rule.service

    def outcome(self, status: str, event: Event, record: str = "") -> Outcome:
        missing = self.refusal.action if self.refusal.is_ours else ""
        return Outcome(self.rule.id, self.resource.arn, status, self.reason(event), record, missing)

    def reason(self, event: Event) -> str:
        return self.refusal.why(SWEEP if is_scheduled(event) else f"guard_{self.service}")


class Unjudged:
    """Each method raises what the ledger does."""

    def __init__(self, context: Context) -> None:
        self._context, self._ledger = context, context.ledger

    def settle(self, event: Event, found: Sequence[NotJudged]) -> list[Outcome]:
        """Put on record what one event, or one message of a sweep, could not judge; one outcome each."""
        outcomes, counted = list[Outcome](), dict[tuple[str, str], list[NotJudged]]()
        # The worst first: the record that stands for a cause has the message.
        for each in sorted(found, key=lambda each: _RANKS.index(each.rule.severity), reverse=True):
            if exempt := self.exempt(each, event):
                outcomes.append(exempt)
            elif own := None if is_scheduled(event) else self._own(each, event):
                outcomes.append(own)
            else:
                counted.setdefault((each.service, each.refusal.cause), []).append(each)
        for some in counted.values():
            outcomes += self._counted(some, event)
        return outcomes

    def closed(self, record: Record, status: Status, note: str = "", why: Close = "") -> Record:
        """The record closed, since it can be judged; one that stands for a cause only when nothing else was counted of late."""
        service, now = record.service, self._context.now()
        if not record.covered_by:
            standing = self._ledger.causes.get(service, record.cause)
            ours = standing is not None and standing.record == record.id
            if ours and standing and standing.counted_at and now - standing.counted_at < STILL:
                return self.reminded(record, standing)
            self._ledger.causes.end(service, record.cause, record.id)
        return self._ledger.move(record, status, by=SNAPBACK, note=note, why=why)

    def still(self, record: Record) -> Record:
        """Still unjudged: reported once a day, in the summary."""
        age = self._context.now() - record.seen_at
        try:
            standing = self._ledger.causes.begin(
                record.service, record.cause, record.id, record.arn, Severity(record.severity)
            )
        except StepRefused:  # Too many causes began today: this record reports its cause alone.
            standing = Standing(record.id, record.arn)
        if standing.exempt_until and of_account(record.cause):
            note = "the cause is exempt"
            return self._ledger.move(record, Status.EXPIRED, by=SNAPBACK, note=note, why="exempt")
        if record.covered_by != (stands := "" if standing.record == record.id else standing.record):
            note = f"record {stands} now stands for the cause" if stands else "this record now stands for the cause"
            return self._ledger.move(record, Status.UNJUDGED, by=SNAPBACK, note=note, covered_by=stands)
        if record.covered_by and age >= COVERED:
            note = f"still unjudged after {age.days} days; record {record.covered_by} stands for the same cause"
            return self._ledger.move(record, Status.EXPIRED, by=SNAPBACK, note=note, why="unanswered")
        return self.reminded(record, standing)

    def reminded(self, record: Record, standing: Standing | None) -> Record:
        """With a step for the daily summary, when it is time for one."""
        now = self._context.now()
        if record.covered_by or now - _touched(record) < REMIND:
            return record
        days = (now - record.seen_at).days
        note = f"unjudged for {days} day{'s'[: days != 1]}"
        if standing and standing.record == record.id:
            note += self._beside(record, standing)
        return self._ledger.note(record, by=SNAPBACK, note=note, what=REMINDED)

    def _beside(self, record: Record, standing: Standing) -> str:
        """What else of its cause has no message: records, and what was only counted."""
        covered = sorted(each.arn for each in self._ledger.records(Status.UNJUDGED) if each.covered_by == record.id)
        said = ""
        if covered:
            more = f" and {len(covered) - NAMED} more" if len(covered) > NAMED else ""
            said += f"; same cause: {', '.join(covered[:NAMED])}{more}"
        if standing.times:
            first = f", first {', '.join(standing.arns)}" if standing.arns else ""
            said += (
                f"; counted {standing.times} more, for {', '.join(standing.actions)}{first}:"
                " the daily sweep evaluates those again, and `snapback sweep` lists them"
            )
        return said

    def is_due(self, record: Record) -> bool:
        """Whether this run of `maintain` evaluates it: at once if no other record stands for its cause."""
        age = self._context.now() - record.seen_at
        if age <= RUN or age % EVERY < RUN:
            return True
        if not record.covered_by:
            return False
        standing = self._ledger.causes.get(record.service, record.cause)
        return standing is None or standing.record != record.covered_by

    def exempt(self, each: NotJudged, event: Event) -> Outcome | None:
        """Exempt in the settings, by any name that AWS has for it; by the record's alone where AWS doesn't tell others."""
        settings = self._context.settings
        names: tuple[str, ...] = (each.resource.arn,)
        if settings.exemptions:
            try:
                names = names_of(each.resource, self._context.reader(each.resource))
            except Exception as error:
                if not is_gone(each.resource, error) and refusal_of(error, each.rule, each.resource) is None:
                    raise
        exempt = settings.exemption(each.rule.id, names, event.actor, self._context.now())
        return each.outcome(Unrecorded.EXEMPT, event) if exempt else None

    def _own(self, each: NotJudged, event: Event) -> Outcome | None:
        """A record of its own, for the first few of a day; None when it is to be counted."""
        standing, draft = self._standing(each, event)
        if _is_exempt(standing, each):
            return each.outcome(Unrecorded.EXEMPT, event)
        if standing.record == draft.id:
            return self._opened(each, event, draft)
        if self._ledger.causes.has_room(each.service, draft.id):
            return self._opened(each, event, replace(draft, covered_by=standing.record))
        return None

    def _counted(self, some: Sequence[NotJudged], event: Event) -> list[Outcome]:
        """All of one cause: by one record, and one write however many they are."""
        outcomes: list[Outcome] = []
        for at, each in enumerate(some):
            standing, draft = self._standing(each, event)
            if _is_exempt(standing, each):
                return [*outcomes, *(one.outcome(Unrecorded.EXEMPT, event) for one in some[at:])]
            if standing.record == draft.id:
                outcomes.append(self._opened(each, event, draft))
                continue
            if others := [one for one in some[at:] if one.resource.arn != standing.arn]:
                actions = {one.refusal.action for one in others}
                arns = {one.resource.arn: None for one in others if one.resource.arn not in standing.arns}
                first = list(arns)[: max(0, NAMED - len(standing.arns))]
                self._ledger.causes.count(each.service, draft.cause, len(others), actions, first)
            return [*outcomes, *(one.outcome(Status.UNJUDGED, event, standing.record) for one in some[at:])]
        return outcomes

    def _standing(self, each: NotJudged, event: Event) -> tuple[Standing, Record]:
        """Who stands for its cause, and its own record, which stands for it if nobody did."""
        causes, draft = self._ledger.causes, self._draft(each, event)
        try:
            return causes.begin(each.service, draft.cause, draft.id, draft.arn, Severity(draft.severity)), draft
        except StepRefused:  # There are so many causes today that this one is counted with all further ones.
            draft = replace(draft, cause=OTHERS)
            return causes.begin(each.service, draft.cause, draft.id, draft.arn, Severity(draft.severity)), draft

    def _opened(self, each: NotJudged, event: Event, draft: Record) -> Outcome:
        now = self._context.now()
        try:
            record = self._ledger.open(draft, now, self._context.settings.limits)
        except StepRefused as refused:
            stands = self._ledger.get(draft.id)
            if not draft.covered_by and not (stands and stands.status is Status.UNJUDGED):
                self._ledger.causes.end(each.service, draft.cause, draft.id)
            return each.outcome(refused.why, event, refused.record)
        return each.outcome(Status.UNJUDGED, event, record.id)

    def _draft(self, each: NotJudged, event: Event) -> Record:
        rule, resource = each.rule, each.resource
        draft = draft_of(
            rule,
            resource,
            event,
            reason=each.reason(event),
            seen_at=each.seen_at,
            mode=Mode.ALERT,
            status=Status.UNJUDGED,
            cause=each.refusal.cause,
        )
        return draft.stepped(Status.UNJUDGED, self._context.now(), SNAPBACK)


def again_event(record: Record) -> Event:
    """The event that a record came from, as far as it is on record: by it, what can be judged by now is recorded anew."""
    raw: Mapping[str, object] = {}
    return Event(
        raw=raw,
        id=f"again-{record.id}",
        account=record.account,
        region=record.region,
        time=record.event_time,
        source="snapback",
        name=record.event_name,
        detail=raw,
        actor=record.actor,
    )


def _is_exempt(standing: Standing, each: NotJudged) -> bool:
    """A cause of the whole account can be exempted as one; what one resource's policy denies, never for the others."""
    return standing.exempt_until is not None and of_account(each.refusal.cause)


def _touched(record: Record) -> datetime:
    return datetime.fromisoformat(record.touched)
