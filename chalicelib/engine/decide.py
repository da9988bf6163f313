"""What people decide about a record, and what is done about questions that nobody answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.core.errors import CannotAct, StepRefused
from chalicelib.core.rule import FixContext
from chalicelib.core.types import ESCALATED, REFUSED, REMINDED, SHOWN, Mode, Status, having
from chalicelib.engine.context import SNAPBACK, describe_error, is_gone
from chalicelib.engine.permit import Act, Subject, look_up, permit
from chalicelib.engine.refusal import of_account, refusal_of
from chalicelib.engine.take_back import reopen, undo_of

if TYPE_CHECKING:
    from chalicelib.core.errors import Drifted
    from chalicelib.core.record import Record
    from chalicelib.core.settings import Asking
    from chalicelib.engine.context import Context
    from chalicelib.engine.remediate import Remediation

LONGEST_EXEMPTION = timedelta(days=366)
SHORTEST_REASON = 3
MOST_SHOWN = 10
"""As many offers of an undo as a history lists: each click beside another change makes one, and an item holds 400 KB."""
_EXPIRED = "expired"


class Decisions:
    """Each looks at the resource again before it does anything."""

    def __init__(self, context: Context, remediation: Remediation) -> None:
        self._context, self._remediation, self._ledger = context, remediation, context.ledger

    def approve(self, record_id: str, by: str, *, demand: bool = False) -> Record:
        """Do what a record in `asking` asks for, after looking again; on `demand`, what a finding only reports, or failed.

        Answers the record as `expired` when there is nothing left to fix. Raises CannotAct when it doesn't ask, when
        the settings don't allow it any more, or when the state has moved since (it then asks anew, with the new
        preview), and FixFailed.
        """
        record, rule, resource = self._context.recalled(record_id)
        assert rule.fix is not None
        if record.status is not Status.ASKING and not (demand and record.demand):
            raise CannotAct(_why_not(record, demand=demand))
        reader, looked_at = self._context.reader(resource), self._context.now()
        try:
            reason = rule(resource, reader)
            before = rule.fix.read(resource, reader)
            after = rule.fix.safe(before, FixContext(reader.baseline, record.actor, record.event_time))
            subject = look_up(self._context.settings, rule, resource, (before, after), reader)
        except Exception as error:
            if is_gone(resource, error):
                return self._moved(record, Status.GONE, by=by)
            if refusal := refusal_of(error, rule, resource):
                raise CannotAct(
                    f"record {record_id} can't be checked now, so nothing was changed: {refusal.why('act')}"
                ) from error
            raise
        ours = before in (record.before, record.left)
        if record.demand == "retry" and not ours and record.left != record.before:
            raise CannotAct(
                f"record {record_id}: the resource changed since Snapback's fix, which is partly written; "
                f"`snapback undo {record_id}` shows what an undo would keep"
            )
        if record.demand == "retry" and ours:  # `before` stays the first state, whatever Snapback wrote since.
            self._demand(subject, record, Act.APPROVED_FIX)
            tries = record.attempts + 1
            record = self._moved(
                record, Status.FIXING, by=by, looked_at=looked_at, attempts=tries, error="", after=after
            )
            return self._remediation.fix_as_it_is(rule, resource, record, by)
        if reason is None:
            return self._moved(record, Status.EXPIRED, by=by, note="the resource is already safe", why="safe")
        self._demand(subject, record, Act.APPROVED_FIX)
        if before != record.before:
            asked = record.status is Status.ASKING
            note = f"the resource changed since {'Snapback asked' if asked else 'the finding'}"
            self._moved(record, Status.ASKING, by=by, note=note, reason=reason, before=before, after=after)
            then = (
                "read the new state, then approve" if asked else f"see `snapback show {record_id}`, then run fix again"
            )
            raise CannotAct(f"record {record_id}: {note}; {then}")
        record = self._moved(record, Status.FIXING, by=by, looked_at=looked_at)
        return self._remediation.fix(rule, resource, record, by, before)

    def undo(self, record_id: str, by: str, *, force: bool = False, offered: str = "") -> Record:
        """Take a record's edit back, and exempt the resource for `undo_exemption_days`.

        Where nobody changed the resource since, that is the recorded `before`, exactly. `offered` is a Drifted's `offer`
        that somebody agrees to.

        Raises Drifted if somebody changed the resource since (unless `force`, or as offered), CannotAct, and FixFailed.
        """
        record, rule, resource = self._context.recalled(record_id)
        assert rule.fix is not None
        if not record.status.traits.undoable:
            raise CannotAct(f"record {record_id} is {record.status}; it has no fix to undo")
        if not record.reversible or record.before is None:
            raise CannotAct(
                f"record {record_id}: the fix of {rule.id} can't be undone; `snapback show {record_id}` has the state before it"
            )
        reader, looked_at = self._context.reader(resource), self._context.now()
        try:
            now = rule.fix.read(resource, reader)
            subject = look_up(
                self._context.settings, rule, resource, (record.before, record.after or record.before), reader
            )
        except Exception as error:
            if is_gone(resource, error):
                raise CannotAct(
                    f"record {record_id}: {resource.arn} no longer exists; there is nothing to restore"
                ) from error
            if refusal := refusal_of(error, rule, resource):
                raise CannotAct(f"record {record_id} can't be undone now: {refusal.why('act')}") from error
            raise
        self._demand(subject, record, Act.UNDO)
        target, note = undo_of(self._context, record, rule.fix, resource, now, force=force, offered=offered)
        if why_not := rule.fix.undo_refusal(resource, target, reader):
            raise CannotAct(f"record {record_id}: AWS would refuse the undo: {why_not}")
        record = self._moved(
            record,
            Status.UNDOING,
            by=by,
            note=note,
            undone=target,
            exempt_until=self._context.now() + timedelta(days=self._context.settings.undo_exemption_days),
            looked_at=looked_at,
        )
        undone = self._remediation.undo(rule, resource, record, by, now)
        if undone.status is Status.UNDONE:
            reopen(self._context, undone, by)
        return undone

    def exempt(self, record_id: str, by: str, until: datetime, reason: str) -> Record:
        """Exempt a finding's resource until then, and close its question. Raises CannotAct."""
        record, now = self._ledger.get(record_id), self._context.now()
        if record is None:
            raise CannotAct(f"no record {record_id!r} in the ledger; `snapback records` lists them")
        if not record.status.traits.exemptable:
            raise CannotAct(
                f"record {record_id} is {record.status}: there is nothing to exempt; an undo exempts the resource too"
            )
        if not now < until <= now + LONGEST_EXEMPTION:
            raise CannotAct(f"an exemption must end in the future, within {LONGEST_EXEMPTION.days} days")
        if len(reason.strip()) < SHORTEST_REASON:
            raise CannotAct("an exemption needs a reason that somebody else will understand")
        note = f"exempt until {until:%Y-%m-%d %H:%M} UTC: {reason.strip()}"
        moved = self._moved(record, Status.EXPIRED, by=by, note=note, why="exempt", exempt_until=until)
        if record.cause and not record.covered_by:
            self._ledger.causes.end(record.service, record.cause, record.id)
            if of_account(record.cause):
                self._ledger.causes.exempt(record.service, record.cause, until)
        return moved

    def refuse(self, record_id: str, by: str, why: str, what: str = REFUSED) -> Record:
        """Record that somebody tried to decide who may not, or not alone. Raises CannotAct for an unknown record."""
        record = self._ledger.get(record_id)
        if record is None:
            raise CannotAct(f"no record {record_id!r} in the ledger")
        return self._ledger.note(record, by=by, note=why, what=what)

    def offer_undo(self, record_id: str, by: str, drifted: Drifted) -> Record:
        """Put on record, and so in the channels, what an undo beside others' changes would write.

        What was shown last stands there already. Raises CannotAct, after MOST_SHOWN too, and StepRefused.
        """
        record = self._ledger.get(record_id)
        if record is None:
            raise CannotAct(f"no record {record_id!r} in the ledger")
        if record.shows(drifted.offer):
            return record
        if sum(step.status == SHOWN for step in record.history) >= MOST_SHOWN:
            raise CannotAct(
                f"record {record_id}: {drifted}; Snapback has sent previews of this undo {MOST_SHOWN} times and sends no more; "
                f"`snapback undo {record_id}` shows the preview"
            )
        return self._ledger.note(record, by=by, note="\n".join(drifted.preview), what=SHOWN, offered=drifted.offer)

    def follow_up(self, record: Record) -> Record:
        """Ask anew what nobody has answered for so long, ask more people, or close it, as `settings.asking` says.

        A question about a safe or deleted resource is closed. Answers the record as it was when nothing is due yet. Raises
        StepRefused when somebody was quicker.
        """
        asking, age = self._context.settings.asking, _age(record, self._context.now())
        due = step_due(record, asking, self._context.now())
        if not due:
            return record
        trouble = ""
        try:
            _, rule, resource = self._context.recalled(record.id)
            safe = rule(resource, self._context.reader(resource)) is None
        except Exception as error:  # noqa: BLE001 - the question is asked all the same
            if not isinstance(error, CannotAct) and is_gone(resource, error):
                return self._ledger.move(record, Status.GONE, by=SNAPBACK)
            refusal = None if isinstance(error, CannotAct) else refusal_of(error, rule, resource)
            why = refusal.why("act") if refusal else describe_error(error)
            safe, trouble = False, f"; Snapback can't check the resource now: {why}"
        if safe:
            return self._ledger.move(record, Status.EXPIRED, by=SNAPBACK, note="the resource is safe now", why="safe")
        hours = f"{age // timedelta(hours=1)} hours"
        if due == _EXPIRED:
            note = f"nobody answered in {hours}; the resource is unchanged, and the next event or sweep evaluates it again{trouble}"
            return self._ledger.move(record, Status.EXPIRED, by=SNAPBACK, note=note, why="unanswered")
        left = max(timedelta(hours=asking.expire_hours) - age, timedelta())
        note = f"unanswered for {hours}; Snapback closes the question in {left // timedelta(hours=1)} hours{trouble}"
        return self._ledger.note(record, by=SNAPBACK, note=note, what=due)

    def _demand(self, subject: Subject, record: Record, act: Act) -> None:
        """Raises CannotAct when the settings, or who paused all writes, don't allow it."""
        permitted = permit(self._context, subject, record.actor, act)
        if permitted.mode is not Mode.FIX:
            raise CannotAct(f"record {record.id}: {permitted.note}")

    def _moved(self, record: Record, status: Status, **changed: Any) -> Record:
        try:
            return self._ledger.move(record, status, **changed)
        except StepRefused as refused:
            if refused.why == "exempt":
                raise CannotAct(
                    f"record {record.id}: {record.arn} is exempt for now, because of an undo or an exemption"
                ) from refused
            raise CannotAct(f"another process is working on record {record.id}; try again in a minute") from refused


def _why_not(record: Record, *, demand: bool) -> str:
    """Why a record can't be approved, or fixed, as it is; and what can be done."""
    status = record.status.replace("_", " ")
    if record.demand and not demand:
        return (
            f"record {record.id} is {status} and waits for no approval; `snapback fix {record.id}` fixes it, "
            f"and so does `snapback approve --fix {record.id}`"
        )
    if demand and record.status.traits.on_demand:
        return f"record {record.id} is {status}, and its fix would change nothing"
    if demand:
        fixable = ", ".join(sorted(having("on_demand"))).replace("_", " ")
        return f"record {record.id} is {status}; only a record that is asking, or one of these, can be fixed: {fixable}"
    return f"record {record.id} is {status}; only a record that is asking can be approved"


def step_due(record: Record, asking: Asking, now: datetime) -> str:
    """What is due about a question that stands open: `escalated`, `expired`, `reminded`, or nothing."""
    asked = next(step for step in reversed(record.life) if step.status == Status.ASKING)
    since = record.history[record.history.index(asked) :]
    age, last = _age(record, now), now - datetime.fromisoformat(record.touched)
    escalates = asking.escalate_to and age >= timedelta(hours=asking.escalate_hours)
    if age >= timedelta(hours=asking.expire_hours):
        return _EXPIRED
    if escalates and not any(step.status == ESCALATED for step in since):
        return ESCALATED
    return REMINDED if last >= timedelta(hours=asking.remind_hours) else ""


def _age(record: Record, now: datetime) -> timedelta:
    """How long a question has stood open."""
    asked = next(step for step in reversed(record.life) if step.status == Status.ASKING)
    return now - datetime.fromisoformat(asked.at)
