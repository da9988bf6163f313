"""From what an event or a sweep names to what is on record: guardrails are evaluated, findings are written down.

event → resources → guardrail asked (a read-only look) → exempt? mode? → ledger.open (before and after) → fixed, or not
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.core.errors import OutOfTime, StepRefused
from chalicelib.core.event import Event, rows
from chalicelib.core.outcome import Outcome
from chalicelib.core.pattern import matches
from chalicelib.core.record import Record
from chalicelib.core.resource import Account, Resource
from chalicelib.core.rule import FixContext, Guardrail, Rule, Tripwire
from chalicelib.core.types import Graded, Mode, Status, Unrecorded
from chalicelib.engine import second_look
from chalicelib.engine.context import SNAPBACK, TIME_NEEDED, document_of, draft_of, is_gone, is_scheduled, unfinished
from chalicelib.engine.permit import Act, Subject, look_up, permit, without_state
from chalicelib.engine.refusal import refusal_of
from chalicelib.engine.unjudged import NotJudged, Unjudged

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from chalicelib.core.ports import Ledger
    from chalicelib.core.session import Session
    from chalicelib.core.settings import Limits
    from chalicelib.engine.context import Context
    from chalicelib.engine.refusal import Refusal
    from chalicelib.engine.remediate import Remediation

ALWAYS = datetime.fromtimestamp(0, UTC)
"""Since when it may have been so, where no event tells of a change."""
UNTOLD = "found by the sweep; no event reported it"
"""On record for what an earlier sweep evaluated already, and found safe, or not there."""
_FURTHER = (Status.ALERTED, Status.ASKING, Status.FIXING)
"""What a finding becomes, by the modes from the weakest."""
_BY_MODE = {Mode.ALERT: Status.ALERTED, Mode.ASK: Status.ASKING, Mode.FIX: Status.FIXING}
_AS_IT_WAS = frozenset({Unrecorded.OFF, Unrecorded.EXEMPT, Unrecorded.DUPLICATE, Status.ALERTED, Status.ASKING})
"""Outcomes that leave the resource unchanged."""


class Failed(NamedTuple):
    """A resource that could not be evaluated, why, and by which guardrail."""

    resource: Resource
    error: Exception
    guardrail: str


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found out, what it could not, and what it had no time for."""

    outcomes: list[Outcome]
    errors: list[Failed]
    left: list[Resource]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """What a rule found; `mode` is what the settings leave of its own."""

    subject: Subject
    event: Event
    reason: str
    seen_at: datetime
    mode: Mode = Mode.FIX
    by: str = SNAPBACK


class Readers:
    """One look at each account and region for all guardrails of an event, each with the time when it began."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._readers: dict[tuple[str, str], tuple[Session, datetime]] = {}

    def at(self, account: str, region: str) -> tuple[Session, datetime]:
        where = (account, region)
        if where not in self._readers:
            self._readers[where] = self._context.sessions.reader(*where), self._context.now()
        return self._readers[where]

    def forget(self) -> None:
        """What was seen before a write is no longer true."""
        self._readers.clear()


class Evaluation:
    """Asks guardrails and tripwires, and records what they find."""

    def __init__(self, context: Context, remediation: Remediation) -> None:
        self._context, self._remediation = context, remediation
        self._ledger, self._settings = context.ledger, context.settings
        self._unjudged = Unjudged(context)

    def handle(self, event: Event, rules: Iterable[Rule]) -> list[Outcome]:
        """Ask each rule that the event is for. Raises Unfinished after the last one if any of them raised."""
        outcomes: list[Outcome] = []
        refused: list[NotJudged] = []
        errors: list[Exception] = []
        readers = Readers(self._context)
        began, only, seen = self._context.now(), second_look.only(event), dict[str, Any]()
        for rule in rules:
            if (only is not None and rule.id not in only) or not matches(rule.on, event.raw, seen):
                continue
            try:
                if isinstance(rule, Tripwire):
                    outcomes += self._trip(rule, event)
                    continue
                assert isinstance(rule, Guardrail)
                resources = list(dict.fromkeys(rule.resource.in_event(event)))
            except Exception as error:  # noqa: BLE001 - raised below, with the others
                errors.append(error)
                continue
            named = len(resources)
            try:
                resources = list(dict.fromkeys([*resources, *self._unnamed(rule, event, readers)]))
            except Exception as error:  # noqa: BLE001 - raised below; the event's own are still evaluated
                place = Account(event.account, event.account, event.region)
                if refusal := refusal_of(error, rule, place):
                    refused += self._not_listed(rule, event, refusal)
                else:
                    errors.append(error)
            for number, resource in enumerate(resources):
                if number >= named and self._context.time_left() < TIME_NEEDED:
                    errors.append(OutOfTime(f"{rule.id}: too many to evaluate; the next sweep evaluates all"))
                    break
                try:
                    _add(self.check(rule, resource, event, readers), outcomes, refused)
                except Exception as error:  # noqa: BLE001 - raised below, with the others
                    errors.append(error)
        try:
            second_look.ask(self._context, event, outcomes, began)
            outcomes += self._unjudged.settle(event, refused)
        except Exception as error:  # noqa: BLE001 - raised below, with the others
            errors.append(error)
        if errors:
            raise unfinished(outcomes, errors) from errors[0]
        return outcomes

    def sweep(
        self, rules: Sequence[Guardrail[Any]], resources: Sequence[Resource], event: Event, by: str = SNAPBACK
    ) -> Swept:
        """Ask rules about resources of their kind, all of one account and region; the event is the sweep's own, run `by` somebody.

        First in one reader session for all, with batch reads where AWS has them. They only clear what is safe: what
        isn't, or couldn't be seen, is evaluated by itself, in a fresh reader session, as for an event.
        """
        outcomes, errors = list[Outcome](), list[Failed]()
        refused: list[NotJudged] = []
        rules = [rule for rule in rules if self._settings.on(rule, event.account)]
        found: dict[Resource, list[Guardrail[Any]]] = {}
        left: list[Resource] = []
        reader = self._context.sessions.reader(event.account, event.region)
        with suppress(Exception):  # What no batch read clears is read one by one.
            reader.prefetch(resources[0].batch_read(resources, reader) if rules and resources else ())
        for resource in resources:
            if self._context.time_left() < TIME_NEEDED:
                left.append(resource)
                continue
            for rule in rules:
                try:
                    safe = rule(resource, reader) is None
                except Exception:  # noqa: BLE001 - evaluated again below, where the error is reported
                    safe = False
                if safe:
                    outcomes.append(Outcome(rule.id, resource.arn, Unrecorded.COMPLIANT))
                else:
                    found.setdefault(resource, []).append(rule)
        for resource, unsafe in found.items():
            if self._context.time_left() < TIME_NEEDED:
                left.append(resource)
                continue
            readers = Readers(self._context)
            for rule in unsafe:
                try:
                    _add(self.check(rule, resource, event, readers, by), outcomes, refused)
                except Exception as error:  # noqa: BLE001 - reported with the others
                    errors.append(Failed(resource, error, rule.id))
        try:
            outcomes += self._unjudged.settle(event, refused)
        except Exception as error:  # noqa: BLE001 - reported with the others
            errors += [Failed(each.resource, error, each.rule.id) for each in refused]
        return Swept(outcomes, errors, left)

    def unlisted(self, rules: Sequence[Guardrail[Any]], event: Event, refusal: Refusal) -> list[Outcome]:
        """Put on record that a sweep may not list the kind of these rules in an account and region."""
        return self._unjudged.settle(event, [each for rule in rules for each in self._not_listed(rule, event, refusal)])

    def _not_listed(self, rule: Rule, event: Event, refusal: Refusal) -> list[NotJudged]:
        place = Account(event.account, event.account, event.region)
        if not self._settings.on(rule, event.account):
            return []
        return [NotJudged(rule=rule, resource=place, refusal=refusal, seen_at=self._context.now())]

    def _unnamed(self, rule: Guardrail[Any], event: Event, readers: Readers) -> Sequence[Resource]:
        """What an event is about without naming it, in its account and region, in the order of the ids: AWS is asked."""
        kind = rule.resource
        if not is_scheduled(event) and event.call not in kind.affecting:
            return ()
        readers.forget()
        reader, _ = readers.at(event.account, event.region)
        found = kind.all_in(reader) if is_scheduled(event) else kind.affected(event, reader)
        return sorted(set(found), key=lambda resource: resource.id)

    def _trip(self, rule: Tripwire, event: Event) -> list[Outcome]:
        reason = rule(event, self._settings)
        if reason is None:
            return []
        subject = without_state(rule, Account(event.account, event.account, event.region))
        return [self._found(_Finding(subject=subject, event=event, reason=reason, seen_at=self._context.now()))]

    def check(
        self, rule: Guardrail[Any], resource: Resource, event: Event, readers: Readers, by: str = SNAPBACK
    ) -> Outcome | NotJudged:
        """Ask one guardrail about one resource, and record what it finds; what can't be judged is recorded by the caller."""
        if not self._settings.on(rule, resource.account):
            return Outcome(rule.id, resource.arn, Unrecorded.OFF)
        reader, seen_at = readers.at(resource.account, resource.region)
        try:
            reason = rule(resource, reader)
        except Exception as error:  # noqa: BLE001 - raised again where it says nothing of the resource
            return self._unseen(rule, resource, event, seen_at, error)
        if reason is None:
            return Outcome(rule.id, resource.arn, Unrecorded.COMPLIANT)
        if waiting := self._in_grace(rule, resource, event, reason):
            return waiting
        try:
            subject, unknown = self._subject(rule, resource, event, reader)
        except Exception as error:
            if is_gone(resource, error):
                return Outcome(rule.id, resource.arn, Status.GONE)
            raise
        outcome = self._found(_Finding(subject=subject, event=event, reason=reason + unknown, seen_at=seen_at, by=by))
        if outcome.status not in _AS_IT_WAS:
            readers.forget()
        return outcome

    def _unseen(
        self, rule: Guardrail[Any], resource: Resource, event: Event, seen_at: datetime, error: Exception
    ) -> Outcome | NotJudged:
        if is_gone(resource, error):
            return Outcome(rule.id, resource.arn, Status.GONE)
        refusal = refusal_of(error, rule, resource)
        if refusal is None:
            raise error
        waiting = self._in_grace(rule, resource, event, "Snapback can't check the resource yet")
        return waiting or NotJudged(rule=rule, resource=resource, refusal=refusal, seen_at=seen_at)

    def _subject(self, rule: Guardrail[Any], resource: Resource, event: Event, reader: Session) -> tuple[Subject, str]:
        """What the settings are asked about, with the state as it is and as a fix would leave it.

        Where that can't be read, the finding is only reported, and says why.
        """
        try:
            before = after = None
            if rule.fix:
                before = rule.fix.read(resource, reader)
                after = rule.fix.safe(before, FixContext(reader.baseline, event.actor, event.time))
            return look_up(self._settings, rule, resource, (before, after), reader), ""
        except Exception as error:
            refusal = None if is_gone(resource, error) else refusal_of(error, rule, resource)
            if refusal is None:
                raise
            unknown = f"; alert only, because Snapback can't prepare the fix: {refusal.why(f'guard_{rule.service}')}"
            return without_state(rule, resource), unknown

    def _in_grace(self, rule: Guardrail[Any], resource: Resource, event: Event, reason: str) -> Outcome | None:
        """While its grace isn't over, the event comes again after it; a sweep evaluates it again by itself."""
        grace = self._settings.grace_of(rule)
        due = event.time + grace
        if not grace or self._context.now() >= due:
            return None
        if not is_scheduled(event) and event.raw:
            self._context.later({**event.raw, "evaluate": rule.id}, due)
        return Outcome(rule.id, resource.arn, Unrecorded.WAITING, f"{reason}; evaluated again at {due:%H:%M}")

    def _found(self, found: _Finding) -> Outcome:
        subject, event, now = found.subject, found.event, self._context.now()
        rule, resource = subject.rule, subject.resource
        permitted = permit(self._context, subject, event.actor, Act.FIX)
        if permitted.why == "exempt":
            return Outcome(rule.id, resource.arn, Unrecorded.EXEMPT, f"{found.reason} ({permitted.note})")
        if permitted.mode is Mode.OFF:
            return Outcome(rule.id, resource.arn, Unrecorded.OFF, found.reason)
        if permitted.mode is Mode.FIX and self._context.time_left() < TIME_NEEDED:
            raise OutOfTime(f"{rule.id} on {resource.arn}: too little time left for a fix and its proof")
        draft, reported = _draft(replace(found, mode=permitted.mode), self._settings.recorded_tags), ""
        try:
            self._remediation.refuse_while_settling(rule, draft.slot)
            if is_scheduled(event):
                draft, reported = _as_reported(self._ledger, draft)
            missed = not reported and rule.id in rows(event.detail, "expected_from_events")
            opening = draft.stepped(draft.status, now, found.by, permitted.note or (UNTOLD if missed else ""))
            record = self._opened(opening, ALWAYS if is_scheduled(event) else event.time)
            if record.status is Status.FIXING:
                assert isinstance(rule, Guardrail)
                record = replace(record, after=subject.after)
                record = self._remediation.fix(rule, resource, record, found.by, subject.before)
        except StepRefused as refused:
            if refused.why in {"busy", "moved"}:
                raise
            return Outcome(rule.id, resource.arn, refused.why, found.reason, refused.record)
        return Outcome(rule.id, resource.arn, record.status, record.reason, record.id, reported=reported)

    def _opened(self, draft: Record, changed: datetime) -> Record:
        """On record, within the limits: a fight is reported once, and above the cap we ask.

        `changed` is when it may last have become so: what was seen and reported since is not reported again.
        """
        limits = self._settings.limits
        try:
            record = self._ledger.open(draft, changed, limits)
        except StepRefused as refused:
            if refused.why == "duplicate" and (anew := _anew(self._ledger, draft, refused.record, changed)):
                return self._opened(anew, self._context.now())
            if refused.why != "fighting":
                raise
            return self._ledger.open(_fighting(self._ledger, limits, draft, refused.record), changed, limits)
        return self._remediation.counted(record, draft.after) if record.status is Status.FIXING else record


def _add(found: Outcome | NotJudged, outcomes: list[Outcome], refused: list[NotJudged]) -> None:
    if isinstance(found, NotJudged):
        refused.append(found)
    else:
        outcomes.append(found)


def _fighting(ledger: Ledger, limits: Limits, draft: Record, last: str) -> Record:
    """The record that ends a fight: it names both sides, and the exemption that would settle it."""
    former = ledger.former(last)
    sides = {
        f"{actor.name} with {actor.tool or 'an unknown tool'}"
        for actor in (draft.actor, former and former.actor)
        if actor
    }
    reason = (
        f"{' and '.join(sorted(sides))} against Snapback: fixed {limits.fights} times in {limits.fight_minutes}"
        f" minutes, and changed back each time; {draft.reason}. Snapback exempts the resource for {limits.fight_minutes} minutes. To end"
        f" this, stop the repeated change, or add this to `exemptions`: {{guardrail: {draft.guardrail}, resource: '{draft.arn}',"
        " reason: …, owner: …, expires: …}"
    )
    status, step = Status.FIGHTING, draft.history[-1]
    return replace(draft, status=status, reason=reason, history=(replace(step, status=status),))


def _as_reported(ledger: Ledger, draft: Record) -> tuple[Record, str]:
    """A sweep's draft, and the open record that told of the same state before: it knows who made it so, and the sweep doesn't."""
    stands = ledger.last_of(draft.slot)
    if stands is None or not stands.is_open or stands.id == draft.id:
        return draft, ""
    if stands.before is not None and draft.before not in (stands.before, stands.left):
        return draft, ""
    made = {name: getattr(stands, name) for name in ("actor", "event_id", "event_name", "event_time")}
    return replace(draft, **made), stands.id


def _anew(ledger: Ledger, draft: Record, stands: str, changed: datetime) -> Record | None:
    """The record to open after all, if the one that stands as its duplicate, by its id, doesn't say what the draft says.

    What can't be read says nothing: another record beside it tells of the finding, the same for each delivery.
    """
    if "." not in stands:  # A record of an early version, which was reported; a guard function may not read it.
        return None
    if earlier := ledger.known(stands):
        return _unlike(draft, earlier, changed)
    beside = Record.id_for(draft.guardrail, draft.pointer(), f"{draft.event_id} beside {stands}")
    return replace(draft, id=beside) if beside != draft.id else None


def _unlike(draft: Record, earlier: Record, changed: datetime) -> Record | None:
    """The record to open after all, if the earlier one doesn't say what the draft says."""
    if earlier.id == draft.id:  # The same event again: a new finding only if this read came after the fix.
        again = earlier.status is Status.FIXED and earlier.touched < draft.seen_at.isoformat(timespec="milliseconds")
        return replace(draft, id=Record.id_again(earlier)) if again else None
    # The earlier record was made in a weaker mode: an alert becomes a question or a fix.
    weaker = draft.mode != Mode.ALERT and changed == ALWAYS
    return draft if weaker and earlier.status in _FURTHER[: _FURTHER.index(draft.status)] else None


def _draft(found: _Finding, recorded_tags: Collection[str]) -> Record:
    subject, event = found.subject, found.event
    rule, resource = subject.rule, subject.resource
    fix = rule.fix if isinstance(rule, Guardrail) and subject.before is not None else None
    return draft_of(
        rule,
        resource,
        event,
        severity=found.reason.severity if isinstance(found.reason, Graded) else rule.severity,
        aws_arn=subject.own_arn,
        reason=found.reason,
        seen_at=found.seen_at,
        mode=found.mode,
        status=_BY_MODE[found.mode],
        before=subject.before,
        after=subject.after,
        fix=fix.summary if fix else "",
        reversible=fix.reversible if fix else True,
        document=document_of(rule, resource, subject.before) if fix else "",
        tags={key: value for key, value in subject.tags.items() if key in recorded_tags},
    )
