"""The way of an event, from what it names to what is recorded. No AWS, no chat: only what it is handed.

event → resources → guardrail asked (a read-only look) → exempt? mode? → ledger.open (before and after)
→ fix.write → guardrail asked again → ledger.move (fixed | still_unsafe | failed)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.core.event import Event, dig, rows, text
from chalicelib.core.guardrail import Guardrail, NotYet, Rule, Tripwire
from chalicelib.core.pattern import matches
from chalicelib.core.ports import Ledger, Refused, Session, Sessions, WhoChanged
from chalicelib.core.record import ESCALATED, REMINDED, UNDOABLE, Record, Status
from chalicelib.core.resource import Account, Resource
from chalicelib.core.settings import Mode, Settings, weakest

SNAPBACK = "snapback"
PROOF_PAUSES = (0.5, 1.0, 2.0)
"""Seconds between the looks of a proof that still finds the old state: reads in AWS may lag behind a write."""
ALWAYS = datetime.fromtimestamp(0, UTC)
"""Since when it may have been so, where no event tells of a change."""
EXEMPTABLE = frozenset({Status.ALERTED, Status.ASKING, Status.FIGHTING, Status.STILL_UNSAFE, Status.FAILED})
_FURTHER = (Status.ALERTED, Status.ASKING, Status.FIXING)
"""What a finding becomes, by the modes from the weakest."""
LONGEST_EXEMPTION = timedelta(days=366)
SHORTEST_REASON = 3
A_MOMENT = timedelta(minutes=1)
"""What lies in the past is no time to do something at."""
MOST_ATTEMPTS = 8
"""To write and to see what is there then; about half an hour of `resume` every five minutes."""

UNTOLD = "found by the sweep; no event told of it"
"""On record for what an earlier sweep asked about already, and found safe, or not there."""

QUIET = frozenset({"compliant", "off", "gone", "waiting"})
"""Outcomes that are no finding."""
TIME_NEEDED = 15.0
"""Seconds that a fix and its proof may take; with less left in the function, none is begun."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one guardrail and one resource.

    `status` is a record's status, or one that leaves no record: `compliant`, `off`, `exempt`, `gone`, `duplicate`,
    and `waiting`, when the event comes again after the guardrail's grace.
    """

    guardrail: str
    resource: str
    status: str
    reason: str = ""
    record: str = ""


class Unfinished(Exception):
    """Some guardrails raised; the others were still asked, and `outcomes` tells what became of them.

    Let it pass: Lambda delivers the event again, and what is done is done once.
    """

    def __init__(self, outcomes: list[Outcome], errors: list[Exception]) -> None:
        super().__init__("; ".join(map(described, errors)))  # Lambda logs it, and puts it in the dead letter.
        self.outcomes, self.errors = outcomes, errors


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found out, what it could not, and what it had no time for."""

    outcomes: list[Outcome]
    errors: list[tuple[Resource, Exception]]
    left: list[Resource]


class OutOfTime(Exception):
    """The function would be stopped before a fix is proved; nothing was written, and the event is delivered again."""


class FixFailed(Exception):
    """A write raised and the resource is still unsafe. The record says `failed`, and its message goes out."""


class CannotAct(Exception):
    """A person asked for what can't be done with this record; the text says why, and what to do instead."""


class Drifted(CannotAct):
    """The resource is no longer as we left it; an undo would overwrite what somebody did since."""


class Engine:
    """One per account and container; `rules` is a look-up by id, for undo and approve."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        sessions: Sessions,
        settings: Settings,
        rule: Callable[[str], Rule],
        who_changed: WhoChanged,
        now: Callable[[], datetime],
        pause: Callable[[float], None],
        time_left: Callable[[], float],
        later: Callable[[Mapping[str, Any], datetime], None],
    ) -> None:
        self._ledger, self._sessions, self._settings = ledger, sessions, settings
        self._rule, self._who_changed, self._now, self._pause = rule, who_changed, now, pause
        self._time_left, self._later = time_left, later

    def handle(self, event: Event, rules: Iterable[Rule]) -> list[Outcome]:
        """Ask each rule that the event is for. Raises Unfinished after the last one if any of them raised."""
        outcomes: list[Outcome] = []
        errors: list[Exception] = []
        looks: dict[tuple[str, str], tuple[Session, datetime]] = {}
        asks = text(event.raw, "asks")  # It came before, and this guardrail waited. No sender can add to an envelope.
        for rule in rules:
            if asks not in {None, rule.id} or not matches(rule.on, event.raw):
                continue
            try:
                if isinstance(rule, Tripwire):
                    outcomes += self._trip(rule, event)
                    continue
                assert isinstance(rule, Guardrail)
                every = is_scheduled(event) or rule.resource.unnamed(event)
                resources = (
                    self._all(rule, event, looks) if every else list(dict.fromkeys(rule.resource.in_event(event)))
                )
            except Exception as error:  # noqa: BLE001 - raised below, with the others
                errors.append(error)
                continue
            for resource in resources:
                if every and self._time_left() < TIME_NEEDED:
                    errors.append(OutOfTime(f"{rule.id}: too many to ask about; the next sweep asks about all"))
                    break
                try:
                    outcomes.append(self._check(rule, resource, event, looks))
                except Exception as error:  # noqa: BLE001 - raised below, with the others
                    errors.append(error)
        if errors:
            raise Unfinished(outcomes, errors) from errors[0]
        return outcomes

    def _all(
        self, rule: Guardrail[Any], event: Event, looks: dict[tuple[str, str], tuple[Session, datetime]]
    ) -> Sequence[Resource]:
        """All resources of its kind in the event's account and region, in the order of their ids."""
        looks.clear()
        look = self._sessions.look(event.account, event.region)
        looks[event.account, event.region] = look, self._now()
        return sorted(set(rule.resource.all_in(look)), key=lambda resource: resource.id)

    def sweep(self, rules: Sequence[Guardrail[Any]], resources: Sequence[Resource], event: Event) -> Swept:
        """Ask rules about resources of their kind, all of one account and region; the event is the sweep's own.

        First on one look for all, which asks AWS about many at once where it can. That only tells what is safe: what
        isn't, or couldn't be seen, is asked about by itself, on a fresh look, as an event would have it.
        """
        outcomes, errors = list[Outcome](), list[tuple[Resource, Exception]]()
        rules = [rule for rule in rules if self._settings.on(rule, event.account)]
        found: dict[Resource, list[Guardrail[Any]]] = {}
        left: list[Resource] = []
        look = self._sessions.look(event.account, event.region)
        with suppress(Exception):  # What isn't told at once is asked for one by one.
            look.told(resources[0].in_bulk(resources, look) if rules and resources else ())
        for resource in resources:
            if self._time_left() < TIME_NEEDED:
                left.append(resource)
                continue
            for rule in rules:
                try:
                    safe = rule(resource, look) is None
                except Exception:  # noqa: BLE001 - asked again below, where it is told
                    safe = False
                if safe:
                    outcomes.append(Outcome(rule.id, resource.arn, "compliant"))
                else:
                    found.setdefault(resource, []).append(rule)
        for resource, unsafe in found.items():
            looks: dict[tuple[str, str], tuple[Session, datetime]] = {}
            if self._time_left() < TIME_NEEDED:
                left.append(resource)
                continue
            for rule in unsafe:
                try:
                    outcomes.append(self._check(rule, resource, event, looks))
                except Exception as error:  # noqa: BLE001 - told with the others
                    errors.append((resource, error))
        return Swept(outcomes, errors, left)

    def _trip(self, rule: Tripwire, event: Event) -> list[Outcome]:
        reason = rule(event, self._settings.known)
        if reason is None:
            return []
        account = Account(event.account, event.account, event.region)
        mode = self._settings.mode_of(rule, event.account, {})
        return [self._found(rule, account, event, reason, weakest(mode, Mode.ALERT), None, None, self._now(), None, {})]

    def _check(
        self,
        rule: Guardrail[Any],
        resource: Resource,
        event: Event,
        looks: dict[tuple[str, str], tuple[Session, datetime]],
    ) -> Outcome:
        settings = self._settings
        if not settings.on(rule, resource.account):
            return Outcome(rule.id, resource.arn, "off")
        where = (resource.account, resource.region)
        if where not in looks:
            looks[where] = self._sessions.look(*where), self._now()
        look, seen_at = looks[where]
        try:
            reason = rule(resource, look)
            if reason is None:
                return Outcome(rule.id, resource.arn, "compliant")
            grace = settings.grace_of(rule)
            due = event.time + grace
            if grace and self._now() < due:
                if not is_scheduled(event):  # A sweep asks again by itself.
                    self._later({**event.raw, "asks": rule.id}, due)
                return Outcome(rule.id, resource.arn, "waiting", f"{reason}; asked again at {due:%H:%M}")
            tags = resource.tags(look) if settings.needs_tags(rule.id) or settings.told_tags else {}
            before = rule.fix.read(resource, look) if rule.fix else None
        except Exception as error:
            if is_gone(resource, error):
                return Outcome(rule.id, resource.arn, Status.GONE)
            raise
        after = (
            rule.fix.answer(before, look.known, event.actor, event.time) if rule.fix and before is not None else None
        )
        mode = settings.allowed(rule, settings.mode_of(rule, resource.account, tags))
        if after == before:
            mode = weakest(mode, Mode.ALERT)
        outcome = self._found(rule, resource, event, reason, mode, before, after, seen_at, look, tags)
        if outcome.status not in {"off", "exempt", "duplicate", Status.ALERTED, Status.ASKING}:
            looks.clear()  # What was seen before the write is no longer true.
        return outcome

    def _found(
        self,
        rule: Rule,
        resource: Resource,
        event: Event,
        reason: str,
        mode: Mode,
        before: Any,
        after: Any,
        seen_at: datetime,
        look: Session | None,
        tags: Mapping[str, str],
    ) -> Outcome:
        now = self._now()
        for exemption in self._settings.exemptions:
            if exemption.covers(rule.id, resource.arn, event.actor, now):
                why = f"{reason} (exempt until {exemption.expires} by {exemption.owner}: {exemption.reason})"
                return Outcome(rule.id, resource.arn, "exempt", why)
        if mode is Mode.OFF:
            return Outcome(rule.id, resource.arn, "off", reason)
        fix = rule.fix if isinstance(rule, Guardrail) else None
        note = self._settings.trouble or (UNTOLD if rule.id in rows(event.detail, "missable") else "")
        touched = fix.touches(resource, before) if fix else ()
        if mode is not Mode.ALERT and self._settings.never(resource, *touched):
            mode, note = Mode.ALERT, "never touched, say the settings"
        if mode is Mode.FIX and fix and look:
            stopped = self._ledger.stopped()
            doubt = f"all writes are {stopped}" if stopped else fix.doubt(resource, before, after, event.actor, look)
            mode, note = (Mode.ASK, doubt) if doubt else (mode, note)
        if mode is Mode.FIX and self._time_left() < TIME_NEEDED:
            raise OutOfTime(f"{rule.id} on {resource.arn}: too little time left for a fix and its proof")
        draft = Record(
            id=Record.id_for(rule.id, resource, event.id),
            guardrail=rule.id,
            title=rule.title,
            severity=rule.severity,
            kind=resource.kind(),
            resource=resource.id,
            account=resource.account,
            region=resource.region,
            arn=resource.arn,
            reason=reason,
            actor=event.actor,
            event_id=event.id,
            event_name=event.name,
            event_time=event.time,
            seen_at=seen_at,
            mode=mode,
            status={Mode.ALERT: Status.ALERTED, Mode.ASK: Status.ASKING, Mode.FIX: Status.FIXING}[mode],
            before=before,
            after=after,
            fix=fix.summary if fix else "",
            reversible=fix.reversible if fix else True,
            tags={key: value for key, value in tags.items() if key in self._settings.told_tags},
            found_by="sweep" if is_scheduled(event) else "event",
        )
        try:
            opening = draft.stepped(draft.status, now, SNAPBACK, note)
            record = self._opened(opening, ALWAYS if is_scheduled(event) else event.time)
            if record.status is Status.FIXING:
                assert isinstance(rule, Guardrail)
                record = self._fix(rule, resource, replace(record, after=after), SNAPBACK)
        except Refused as refused:
            if refused.why in {"busy", "moved"}:
                raise
            return Outcome(rule.id, resource.arn, refused.why, reason, refused.record)
        return Outcome(rule.id, resource.arn, record.status, record.reason, record.id)

    def _opened(self, draft: Record, changed: datetime) -> Record:
        """On record, within the limits: whoever fights us is told of once, and above the cap we ask.

        `changed` is when it may last have become so: what was seen and told since is not told again.
        """
        limits = self._settings.limits
        try:
            record = self._ledger.open(draft, changed, limits)
        except Refused as refused:
            if refused.why == "duplicate" and draft.mode != Mode.ALERT and changed == ALWAYS:
                told = self._ledger.get(refused.record)  # By a weaker mode: what was only told is now asked, or fixed.
                if told and told.id != draft.id and told.status in _FURTHER[: _FURTHER.index(draft.status)]:
                    return self._opened(draft, self._now())
            if refused.why != "fighting":
                raise
            return self._ledger.open(self._fighting(draft, refused.record), changed, limits)
        return self._counted(record, draft.after) if record.status is Status.FIXING else record

    def _counted(self, record: Record, after: Any) -> Record:
        """The record as it is: under way, or asking, since there were enough fixes in this minute."""
        limits = self._settings.limits
        try:
            self._ledger.count_fix(record, limits)
        except Refused:
            why = f"over {limits.fixes_per_minute} fixes of this guardrail in this account in a minute"
            return self._ledger.move(record, Status.ASKING, by=SNAPBACK, note=why, after=after)
        return record

    def _fighting(self, draft: Record, last: str) -> Record:
        """The record that ends a fight: it names both sides, and the exemption that would settle it."""
        limits = self._settings.limits
        former = self._ledger.get(last)
        sides = {
            f"{actor.name} with {actor.tool or 'an unknown tool'}"
            for actor in (draft.actor, former and former.actor)
            if actor
        }
        reason = (
            f"{draft.reason}; fixed {limits.fights} times within {limits.fight_minutes} minutes, and done again each time"
            f" by {' and '.join(sorted(sides))}. Snapback lets it be for {limits.fight_minutes} minutes; to settle it,"
            f" change what does it, or put this under `exemptions`: {{guardrail: {draft.guardrail}, resource: '{draft.arn}',"
            " reason: …, owner: …, expires: …}"
        )
        status, step = Status.FIGHTING, draft.history[-1]
        return replace(draft, status=status, reason=reason, history=(replace(step, status=status),))

    def _fix(self, rule: Guardrail[Any], resource: Resource, record: Record, by: str) -> Record:
        """Write, then prove: whatever the write said, what is true is what the guardrail finds after it."""
        assert rule.fix is not None
        assert record.after is not None
        wrong: Exception | None = None
        hand = self._sessions.hand(resource.account, resource.region, record.id, rule.service)
        try:
            rule.fix.write(resource, record.after, hand)
        except Exception as error:  # noqa: BLE001 - judged by the proof, raised below if the harm is still there
            wrong = error
        try:
            reason, left = self._proved(rule, resource, () if wrong else PROOF_PAUSES, record.after)
        except Exception as error:  # noqa: BLE001 - raised as FixFailed unless the resource is gone
            return self._unseen(record, resource, error, wrong, by)
        if reason is None:
            note = f"safe in spite of {described(wrong)}" if wrong else ""
            return self._ledger.move(record, Status.FIXED, by=by, note=note, after=left, calls=tuple(hand.calls))
        if wrong is None:
            return self._ledger.move(
                record, Status.STILL_UNSAFE, by=by, note=reason, after=left, calls=tuple(hand.calls)
            )
        trouble = described(wrong)
        self._ledger.move(record, Status.FAILED, by=by, error=trouble, after=left, calls=tuple(hand.calls))
        raise FixFailed(f"{rule.id} on {resource.arn}, record {record.id}: {trouble}") from wrong

    def _proved(
        self, rule: Guardrail[Any], resource: Resource, pauses: Sequence[float], written: Any = None
    ) -> tuple[str | None, Any]:
        """What the guardrail says now, and the state: looked at again while either is not as it was written."""
        assert rule.fix is not None
        for pause in (*pauses, None):
            look = self._sessions.look(resource.account, resource.region)
            reason, left = rule(resource, look), rule.fix.read(resource, look)
            if (reason is None and left == written) or pause is None:
                break
            self._pause(pause)
        return reason, left

    def _unseen(self, record: Record, resource: Resource, error: Exception, wrong: Exception | None, by: str) -> Record:
        """After a write, the resource is gone, or can't be seen. Then nobody knows yet: it stays under way.

        The next delivery or `resume` finds out; after so many attempts it is told as failed.
        """
        if is_gone(resource, error):
            return self._ledger.move(record, Status.GONE, by=by)
        trouble = described(wrong or error)
        if record.attempts >= MOST_ATTEMPTS:
            self._ledger.move(record, Status.FAILED, by=by, note="can't be looked at", error=trouble)
        elif isinstance(error, NotYet):
            return record
        raise FixFailed(f"{record.guardrail} on {resource.arn}, record {record.id}: {trouble}") from (wrong or error)

    def resume(self, record: Record) -> Record:
        """Go on with a record whose holder died: prove what it did, or do it. Raises Refused when it isn't overdue.

        Otherwise nobody would: the event was delivered again before the lease was out, or found all safe.
        """
        _, rule, resource = self._recalled(record.id)
        try:
            attempts = record.attempts + 1
            record = self._ledger.move(record, record.status, by=SNAPBACK, note="taken over", attempts=attempts)
        except Refused as refused:
            if refused.why != "exempt":
                raise
            return self._ledger.move(record, Status.EXPIRED, by=SNAPBACK, note="let be since its function died")
        again = self._undo_resumed if record.status is Status.UNDOING else self._fix_resumed
        return again(rule, resource, record)

    def _fix_resumed(self, rule: Guardrail[Any], resource: Resource, record: Record) -> Record:
        assert rule.fix is not None
        try:
            reason, now = self._proved(rule, resource, ())
        except Exception as error:  # noqa: BLE001 - raised as FixFailed unless the resource is gone
            return self._unseen(record, resource, error, None, SNAPBACK)
        if reason is None:
            return self._ledger.move(record, Status.FIXED, by=SNAPBACK, note="found safe", after=now)
        if self._ledger.stopped() or self._settings.trouble:
            return self._ledger.move(record, Status.FAILED, by=SNAPBACK, error="its function died before the fix")
        known = self._sessions.look(resource.account, resource.region).known
        after = rule.fix.answer(now, known, record.actor, record.event_time)
        record = self._counted(record, after)
        if record.status is Status.ASKING:
            return record
        return self._fix(rule, resource, replace(record, after=after), SNAPBACK)

    def _undo_resumed(self, rule: Guardrail[Any], resource: Resource, record: Record) -> Record:
        """Unless somebody else may have changed it since: an undo half-way can't be told from that."""
        assert rule.fix is not None
        try:
            now = rule.fix.read(resource, self._sessions.look(resource.account, resource.region))
        except Exception as error:  # noqa: BLE001 - raised as FixFailed unless the resource is gone
            return self._unseen(record, resource, error, None, SNAPBACK)
        if now == record.before:
            return self._ledger.move(record, Status.UNDONE, by=SNAPBACK, note="found undone", after=now)
        if now == record.after and not (self._ledger.stopped() or self._settings.trouble):
            return self._undo(rule, resource, record, SNAPBACK)
        trouble = "undo: its function died before it was undone" + " and changed since" * (now != record.after)
        return self._ledger.move(record, Status.FAILED, by=SNAPBACK, error=trouble, after=now)

    def approve(self, record_id: str, by: str) -> Record:
        """Do what a record in `asking` asks for, after looking again.

        Answers the record as `expired` when there is nothing left to fix. Raises CannotAct when it doesn't ask, or
        when the state has moved since (it then asks anew, with the new preview), and FixFailed.
        """
        record, rule, resource = self._recalled(record_id)
        if record.status is not Status.ASKING:
            raise CannotAct(f"record {record_id} is {record.status}: only one that is asking can be approved")
        self._may_write(rule, resource, record)
        look, looked_at = self._sessions.look(resource.account, resource.region), self._now()
        try:
            reason = rule(resource, look)
            before = rule.fix.read(resource, look)
        except Exception as error:
            if is_gone(resource, error):
                return self._moved(record, Status.GONE, by=by)
            raise
        if reason is None:
            return self._moved(record, Status.EXPIRED, by=by, note="it is safe already")
        after = rule.fix.answer(before, look.known, record.actor, record.event_time)
        if before != record.before:
            self._moved(
                record, Status.ASKING, by=by, note="it changed since", reason=reason, before=before, after=after
            )
            raise CannotAct(f"record {record_id}: the resource changed since it asked; look at it again, then approve")
        return self._fix(rule, resource, self._moved(record, Status.FIXING, by=by, looked_at=looked_at), by)

    def press(self, record: Record) -> Record:
        """Ask anew what nobody has answered for so long, ask more people, or close it, as `settings.asking` says.

        What is safe or gone by now is closed as that. Answers the record as it was when nothing is due yet. Raises
        Refused when somebody was quicker.
        """
        asking, now = self._settings.asking, self._now()
        asked = next(step for step in reversed(record.life) if step.status == Status.ASKING)
        since = record.history[record.history.index(asked) :]
        age, last = (now - datetime.fromisoformat(at) for at in (asked.at, record.touched))
        escalates = asking.escalate_to and age >= timedelta(hours=asking.escalate_hours)
        expires = age >= timedelta(hours=asking.expire_hours)
        if escalates and not any(step.status == ESCALATED for step in since):
            what = ESCALATED
        elif expires or last >= timedelta(hours=asking.remind_hours):
            what = REMINDED
        else:
            return record
        trouble = ""
        try:
            _, rule, resource = self._recalled(record.id)
            safe = rule(resource, self._sessions.look(resource.account, resource.region)) is None
        except Exception as error:  # noqa: BLE001 - the question is put all the same
            if not isinstance(error, CannotAct) and is_gone(resource, error):
                return self._ledger.move(record, Status.GONE, by=SNAPBACK)
            safe, trouble = False, f"; it can't be looked at: {described(error)}"
        if safe:
            return self._ledger.move(record, Status.EXPIRED, by=SNAPBACK, note="it is safe by now")
        hours = f"{age // timedelta(hours=1)} hours"
        if expires:
            note = f"nobody answered in {hours}; it is as it was, and asked anew when it is seen again{trouble}"
            return self._ledger.move(record, Status.EXPIRED, by=SNAPBACK, note=note)
        left = max(timedelta(hours=asking.expire_hours) - age, timedelta())
        note = f"unanswered for {hours}; closed in {left // timedelta(hours=1)} hours{trouble}"
        return self._ledger.note(record, by=SNAPBACK, note=note, what=what)

    def undo(self, record_id: str, by: str, *, force: bool = False) -> Record:
        """Write a record's `before` back, and let the resource be for `undo_exemption_days`.

        Raises Drifted when the resource is no longer as we left it (unless `force`), CannotAct, and FixFailed.
        """
        record, rule, resource = self._recalled(record_id)
        if record.status not in UNDOABLE:
            raise CannotAct(f"record {record_id} is {record.status}: only one that is fixed can be undone")
        if not record.reversible or record.before is None:
            raise CannotAct(f"record {record_id}: {rule.id} can't be undone; its `before` is in `snapback show`")
        self._may_write(rule, resource, record)
        looked_at = self._now()
        try:
            now = rule.fix.read(resource, self._sessions.look(resource.account, resource.region))
        except Exception as error:
            if is_gone(resource, error):
                raise CannotAct(f"record {record_id}: {resource.arn} is gone; nothing to put back") from error
            raise
        if now != record.after and not force:
            from chalicelib.core.diff import changes

            since = record.life[-1].at
            who = self._who_changed(record, datetime.fromisoformat(since))
            raise Drifted(
                f"record {record_id}: {resource.arn} changed since we left it at {since}, by "
                + (f"{who.name} ({who.tool or 'tool unknown'})" if who else "someone the trail doesn't name yet")
                + ". An undo would overwrite that; --force does it anyway.\n"
                + "\n".join(changes(record.after, now))
            )
        days = self._settings.undo_exemption_days
        record = self._moved(
            record,
            Status.UNDOING,
            by=by,
            note="forced" if force and now != record.after else "",
            exempt_until=self._now() + timedelta(days=days),
            looked_at=looked_at,
        )
        return self._undo(rule, resource, record, by)

    def exempt(self, record_id: str, by: str, until: datetime, reason: str) -> Record:
        """Let a finding's resource be until then, and close its question. Raises CannotAct."""
        record = self._ledger.get(record_id)
        if record is None:
            raise CannotAct(f"no record {record_id!r} in the ledger; `snapback records` lists them")
        if record.status not in EXEMPTABLE:
            raise CannotAct(f"record {record_id} is {record.status}: there is nothing to let be; an undo lets be too")
        if not self._now() < until <= self._now() + LONGEST_EXEMPTION:
            raise CannotAct(f"an exemption ends within {LONGEST_EXEMPTION.days} days, and not in the past")
        if len(reason.strip()) < SHORTEST_REASON:
            raise CannotAct("an exemption needs a reason that somebody else will understand")
        note = f"let be until {until:%Y-%m-%d %H:%M} UTC: {reason.strip()}"
        return self._moved(record, Status.EXPIRED, by=by, note=note, exempt_until=until)

    def refuse(self, record_id: str, by: str, why: str) -> Record:
        """Put on record that somebody wanted to decide who may not. Raises CannotAct when there is no such record."""
        record = self._ledger.get(record_id)
        if record is None:
            raise CannotAct(f"no record {record_id!r} in the ledger")
        return self._ledger.note(record, by=by, note=why)

    def _undo(self, rule: Guardrail[Any], resource: Resource, record: Record, by: str) -> Record:
        assert rule.fix is not None
        assert record.before is not None
        wrong: Exception | None = None
        left: Any = None
        hand = self._sessions.hand(resource.account, resource.region, record.id, rule.service)
        try:
            rule.fix.write(resource, record.before, hand)
        except Exception as error:  # noqa: BLE001 - judged by what is there now, raised below
            wrong = error
        try:
            for pause in (*(() if wrong else PROOF_PAUSES), None):
                left = rule.fix.read(resource, self._sessions.look(resource.account, resource.region))
                if left == record.before or pause is None:
                    break
                self._pause(pause)
        except Exception as error:  # noqa: BLE001 - raised as FixFailed unless the resource is gone
            return self._unseen(record, resource, error, wrong, by)
        if left == record.before:
            note = f"let be for {self._settings.undo_exemption_days} days"
            return self._ledger.move(record, Status.UNDONE, by=by, note=note, after=left, calls=tuple(hand.calls))
        trouble = f"undo: {described(wrong) if wrong else 'written, but the state read back is another'}"
        self._ledger.move(record, Status.FAILED, by=by, error=trouble, after=left, calls=tuple(hand.calls))
        raise FixFailed(f"{rule.id} on {resource.arn}, record {record.id}: {trouble}") from wrong

    def _may_write(self, rule: Guardrail[Any], resource: Resource, record: Record) -> None:
        touched = rule.fix.touches(resource, record.before) if rule.fix and record.before is not None else ()
        if self._settings.never(resource, *touched):
            raise CannotAct(f"{resource.arn} is under never_touch in the settings")
        if stopped := self._ledger.stopped():
            raise CannotAct(f"all writes are {stopped}; `snapback start` lets them go on")

    def _recalled(self, record_id: str) -> tuple[Record, Any, Resource]:
        record = self._ledger.get(record_id)
        if record is None:
            raise CannotAct(f"no record {record_id!r} in the ledger; `snapback records` lists them")
        try:
            rule, resource = self._rule(record.guardrail), record.pointer()
        except LookupError as error:
            raise CannotAct(f"record {record_id}: {error}") from error
        if not isinstance(rule, Guardrail) or rule.fix is None:
            raise CannotAct(f"record {record_id}: {record.guardrail} only tells; it has no fix to approve or undo")
        return record, rule, resource

    def _moved(self, record: Record, status: Status, **changed: Any) -> Record:
        try:
            return self._ledger.move(record, status, **changed)
        except Refused as refused:
            raise CannotAct(
                f"record {record.id} is being worked on by someone else; try again in a minute"
            ) from refused


def is_scheduled(event: Event) -> bool:
    """Whether it is the clock's: it names no resource, and asks about all."""
    return event.source == "aws.events" and event.name == "Scheduled Event"


def is_gone(resource: Resource, error: Exception) -> bool:
    return dig(_response(error), "Error", "Code") in resource.gone


def described(error: Exception) -> str:
    """An error in one line, fit for the record: AWS's code and message without what looks like a secret."""
    from chalicelib.core.diff import plain, redact  # Its patterns take longer to compile than the rest of the engine.

    code = dig(_response(error), "Error", "Code")
    said = dig(_response(error), "Error", "Message") if code else str(error)
    return plain(redact(f"{code or type(error).__name__}: {said}"))[:300]


def _response(error: Exception) -> Mapping[str, Any]:
    response = getattr(error, "response", None)
    return response if isinstance(response, Mapping) else {}
