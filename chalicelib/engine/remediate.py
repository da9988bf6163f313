"""Write and prove, take back and prove, and go on where a function died."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.core.errors import CannotJudge, FixFailed, NotYet, StepRefused
from chalicelib.core.rule import FixContext, Guardrail
from chalicelib.core.types import UNDER_WAY, Mode, Status
from chalicelib.engine.context import PROOF_PAUSES, SNAPBACK, describe_error, is_gone, is_settling
from chalicelib.engine.permit import Act, Permit, look_up, permit
from chalicelib.engine.proof import as_far_as, judged, proved

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from chalicelib.core.resource import Resource
    from chalicelib.core.rule import Fix, Rule
    from chalicelib.core.types import State
    from chalicelib.engine.context import Context

MOST_ATTEMPTS = 8
"""To write and to see what is there then; about half an hour of `recover` every five minutes."""
MOST_WRITES = 3
"""Writes that no read shows, until the record says so."""
STALE = timedelta(days=1)
"""Recovery runs every five minutes: a record that has been under way for longer comes from a ledger that was restored, or from
a Snapback that was away. What people decided since isn't in it, so nothing is written without one."""
_CHANGED = "the resource changed before Snapback wrote the fix"


class Remediation:
    """Whatever a write said, what is true is what is read after it."""

    def __init__(self, context: Context) -> None:
        self._context, self._ledger = context, context.ledger

    def fix(self, rule: Guardrail[Any], resource: Resource, record: Record, by: str, judged: State) -> Record:
        """Write a record's `after`, then prove it; what is no longer as it was judged is judged again. Raises FixFailed."""
        assert rule.fix is not None
        try:
            now = self._before_write(rule.fix, resource, judged)
        except Exception as error:  # noqa: BLE001 - raised as FixFailed unless the resource is gone
            return self._unseen(record, resource, error, None, by)
        if now != judged:
            return self.fix_as_it_is(rule, resource, record, by)
        return self._write(rule, resource, record, by)

    def _before_write(self, fix: Fix[Any], resource: Resource, judged: State) -> State:
        """The state directly before a write. Another one than was judged is read again: reads in AWS may lag behind."""
        context = self._context
        return context.settled(
            lambda: fix.read(resource, context.reader(resource)), lambda state: state == judged, PROOF_PAUSES
        )

    def _write(self, rule: Guardrail[Any], resource: Resource, record: Record, by: str) -> Record:
        assert rule.fix is not None
        assert record.after is not None
        wrong: Exception | None = None
        writer = self._context.sessions.writer(resource.account, resource.region, record.id, rule.service)
        written = record.after
        try:
            written = rule.fix.write(resource, record.after, writer) or record.after
        except Exception as error:  # noqa: BLE001 - judged by the proof, raised below if the harm is still there
            wrong = error
        try:
            reason, unjudged, left = proved(
                self._context, rule, resource, record, () if wrong else PROOF_PAUSES, written
            )
        except Exception as error:  # noqa: BLE001 - raised as FixFailed unless the resource is gone
            return self._unseen(record, resource, error, wrong, by)
        if unjudged and reason is None and left != written:
            return self._unseen(record, resource, unjudged, wrong, by)
        if reason is None:
            spite = [f"safe despite an error: {describe_error(wrong)}"] if wrong else []
            note = "; ".join([*spite, *as_far_as(unjudged)])
            return self._ledger.move(record, Status.FIXED, by=by, note=note, after=left, calls=tuple(writer.calls))
        if wrong is None:
            if left == record.before and self._may_show_yet(rule, record):
                return record
            return self._ledger.move(
                record, Status.STILL_UNSAFE, by=by, note=reason, after=left, calls=tuple(writer.calls)
            )
        trouble = describe_error(wrong)
        self._ledger.move(record, Status.FAILED, by=by, error=trouble, after=left, calls=tuple(writer.calls))
        raise FixFailed(f"{rule.id} on {resource.arn}, record {record.id}: {trouble}") from wrong

    def undo(self, rule: Guardrail[Any], resource: Resource, record: Record, by: str, judged: State) -> Record:
        """Write what the undo decided on when the state was `judged`, then see that it is there. Raises FixFailed."""
        assert rule.fix is not None
        try:
            now = self._before_write(rule.fix, resource, judged)
        except Exception as error:  # noqa: BLE001 - raised as FixFailed unless the resource is gone
            return self._unseen(record, resource, error, None, by)
        if now != judged:
            trouble = "undo: the resource changed while the undo began; nothing was written"
            self._ledger.move(record, Status.FAILED, by=by, error=trouble, undone=None)
            raise FixFailed(f"{rule.id} on {resource.arn}, record {record.id}: {trouble}")
        return self._unwrite(rule, resource, record, by)

    def _unwrite(self, rule: Guardrail[Any], resource: Resource, record: Record, by: str) -> Record:
        assert rule.fix is not None
        target = record.before if record.undone is None else record.undone
        assert target is not None
        fix, context = rule.fix, self._context
        wrong: Exception | None = None
        writer = context.sessions.writer(
            resource.account, resource.region, record.id, rule.service, undo=bool(fix.undo_writes)
        )
        try:
            fix.write(resource, target, writer)
        except Exception as error:  # noqa: BLE001 - judged by what is there now, raised below
            wrong = error
        try:
            left = context.settled(
                lambda: fix.read(resource, context.reader(resource)),
                lambda state: state == target,
                () if wrong else PROOF_PAUSES,
            )
        except Exception as error:  # noqa: BLE001 - raised as FixFailed unless the resource is gone
            return self._unseen(record, resource, error, wrong, by)
        if left == target:
            note = f"exempt for {context.settings.undo_exemption_days} days"
            return self._ledger.move(record, Status.UNDONE, by=by, note=note, undone=left, calls=tuple(writer.calls))
        if wrong is None and self._may_show_yet(rule, record):
            return record
        trouble = f"undo: {describe_error(wrong) if wrong else 'written, but AWS shows another state'}"
        self._ledger.move(record, Status.FAILED, by=by, error=trouble, undone=left, calls=tuple(writer.calls))
        raise FixFailed(f"{rule.id} on {resource.arn}, record {record.id}: {trouble}") from wrong

    def recover(self, record: Record) -> Record:
        """Go on with a record whose holder died: prove what it did, or do it. Raises StepRefused when it isn't overdue.

        Otherwise nobody would: the event was delivered again before the lease was out, or found all safe.
        """
        _, rule, resource = self._context.recalled(record.id)
        if record.status is Status.UNDOING and not self._ledger.undo_begun(record):
            trouble = (
                "undo: no approver began it; the record is forged, or from an earlier version. Nothing was written"
            )
            return self._ledger.move(record, Status.FAILED, by=SNAPBACK, error=trouble)
        if is_settling(self._context, rule, record) and not self._shows(rule, resource, record):
            return record
        stale = _stale(record, self._context.now())
        try:
            attempts = record.attempts + 1
            record = self._ledger.move(record, record.status, by=SNAPBACK, note="taken over", attempts=attempts)
        except StepRefused as refused:
            if refused.why != "exempt":
                raise
            note = "exempted after the function died"
            return self._ledger.move(record, Status.EXPIRED, by=SNAPBACK, note=note, why="exempt")
        if record.status is Status.UNDOING:
            return self._recover_undo(rule, resource, record, stale)
        return self.fix_as_it_is(rule, resource, record, SNAPBACK, stale)

    def _may_show_yet(self, rule: Guardrail[Any], record: Record) -> bool:
        """Whether to wait for the write to show; after MOST_WRITES writes it is reported."""
        return record.attempts < MOST_WRITES and is_settling(self._context, rule, record)

    def refuse_while_settling(self, rule: Rule, slot: str) -> None:
        """Raises StepRefused: what was found may be what a record under way, of the same slot, has written over."""
        if not isinstance(rule, Guardrail) or rule.fix is None or not rule.fix.settles_within:
            return
        record = self._ledger.last_of(slot)
        if record and record.status in UNDER_WAY and is_settling(self._context, rule, record):
            raise StepRefused("duplicate", record.id)

    def _shows(self, rule: Guardrail[Any], resource: Resource, record: Record) -> bool:
        """Whether what was written can be read; the caller that continues the record meets an error again."""
        assert rule.fix is not None
        reader = self._context.reader(resource)
        try:
            if record.status is Status.FIXING:
                return judged(rule, resource, record, reader)[0] is None
            target = record.before if record.undone is None else record.undone
            return rule.fix.read(resource, reader) == target
        except Exception:  # noqa: BLE001 - whoever takes over the record meets the error again, and handles it
            return True

    def counted(self, record: Record, after: Any) -> Record:
        """The record as it is: under way, or asking, since there were enough fixes in this minute."""
        limits = self._context.settings.limits
        try:
            self._ledger.count_fix(record, limits)
        except StepRefused:
            why = f"more than {limits.fixes_per_minute} fixes of this guardrail in this account in one minute"
            return self._ledger.move(record, Status.ASKING, by=SNAPBACK, note=why, after=after)
        return record

    def _unseen(self, record: Record, resource: Resource, error: Exception, wrong: Exception | None, by: str) -> Record:
        """After a write, the resource is gone, or can't be seen. Then nobody knows yet: it stays under way.

        The next delivery or `recover` finds out; after so many attempts it is reported as failed.
        """
        if is_gone(resource, error):
            return self._ledger.move(record, Status.GONE, by=by)
        trouble = describe_error(wrong or error)
        if record.attempts >= MOST_ATTEMPTS:
            self._ledger.move(record, Status.FAILED, by=by, note="Snapback can't read the resource", error=trouble)
        elif isinstance(error, NotYet):
            return record
        raise FixFailed(f"{record.guardrail} on {resource.arn}, record {record.id}: {trouble}") from (wrong or error)

    def fix_as_it_is(
        self, rule: Guardrail[Any], resource: Resource, record: Record, by: str, stale: str = ""
    ) -> Record:
        """Judge a record under way anew: its function died, or it changed before the first write.

        As a fresh finding, but for the record, and for the approval that a person may have given it. If it is `stale`
        (why), a person is asked.
        """
        assert rule.fix is not None
        reader = self._context.reader(resource)
        try:
            reason, unjudged = judged(rule, resource, record, reader, written=record.attempts > 1)
            now = rule.fix.read(resource, reader)
            after = rule.fix.safe(now, FixContext(reader.baseline, record.actor, record.event_time))
            subject = look_up(self._context.settings, rule, resource, (now, after), reader)
        except Exception as error:  # noqa: BLE001 - raised as FixFailed unless the resource is gone
            return self._unseen(record, resource, error, None, by)
        if reason is None:
            return self._found_safe(record, resource, now, unjudged, by)
        act = Act.APPROVED_FIX if _is_approved(record) and after == record.after else Act.FIX
        permitted = permit(self._context, subject, record.actor, act)
        if stale and permitted.mode is Mode.FIX:
            permitted = Permit(Mode.ASK, note=stale)
        if record.attempts == 1:  # Snapback has written nothing yet: an undo restores the present state.
            record = replace(record, before=now, reason=reason)
        if permitted.mode is not Mode.FIX:
            return self._not_fixed(record, permitted, after)
        record = self.counted(record, after)
        if record.status is Status.ASKING:
            return record
        record = self._ledger.move(record, Status.FIXING, by=by, note="evaluated again", holding=True, after=after)
        return self._write(rule, resource, record, by)

    def _found_safe(
        self, record: Record, resource: Resource, now: Any, unjudged: CannotJudge | None, by: str
    ) -> Record:
        """Nothing unsafe is found. Where not all of it can be judged, that counts for the state that the fix was to leave."""
        if unjudged and now != record.after:
            return self._unseen(record, resource, unjudged, None, by)
        if record.attempts == 1:
            note = "; ".join([f"safe again: {_CHANGED}", *as_far_as(unjudged)])
            return self._ledger.move(record, Status.EXPIRED, by=by, note=note, why="safe")
        note = "; ".join(["already safe when Snapback resumed", *as_far_as(unjudged)])
        return self._ledger.move(record, Status.FIXED, by=by, note=note, after=now)

    def _not_fixed(self, record: Record, permitted: Permit, after: Any) -> Record:
        """The settings, or a pause, no longer allow the fix of a record under way: nothing is written."""
        since = _CHANGED if record.attempts == 1 else "the function died before the fix"
        if permitted.why == "exempt":
            note = f"{since}; now {permitted.note}"
            return self._ledger.move(record, Status.EXPIRED, by=SNAPBACK, note=note, why="exempt")
        if permitted.mode is Mode.ASK and permitted.why != "paused":
            note = permitted.note or f"{since}; the settings now require approval"
            return self._ledger.move(record, Status.ASKING, by=SNAPBACK, note=note, after=after)
        why = permitted.note or f"{record.guardrail} may now only alert"
        return self._ledger.move(record, Status.FAILED, by=SNAPBACK, error=f"{since}; {why}")

    def _recover_undo(self, rule: Guardrail[Any], resource: Resource, record: Record, stale: str) -> Record:
        """Unless somebody else may have changed it since: an undo half-way can't be distinguished from that."""
        assert rule.fix is not None
        reader = self._context.reader(resource)
        try:
            now = rule.fix.read(resource, reader)
            subject = look_up(
                self._context.settings, rule, resource, (record.before, record.after or record.before), reader
            )
        except Exception as error:  # noqa: BLE001 - raised as FixFailed unless the resource is gone
            return self._unseen(record, resource, error, None, SNAPBACK)
        if now == (record.before if record.undone is None else record.undone):
            note = "already undone when Snapback resumed"
            return self._ledger.move(record, Status.UNDONE, by=SNAPBACK, note=note, undone=now)
        permitted = permit(self._context, subject, record.actor, Act.RECOVERED_UNDO)
        if now == record.after and permitted.mode is Mode.FIX and not stale:
            return self._unwrite(rule, resource, record, SNAPBACK)
        trouble = "undo: the function died before the undo"
        trouble += f"; {permitted.note or stale}" if now == record.after else "; the resource changed since"
        return self._ledger.move(record, Status.FAILED, by=SNAPBACK, error=trouble, undone=now)


def _is_approved(record: Record) -> bool:
    """Whether a person had this fix begun: since it last rested, somebody but Snapback set it to `fixing`."""
    life = [(step.status, step.by) for step in record.life]
    rested = max((at for at, (status, _) in enumerate(life) if status not in UNDER_WAY), default=len(life))
    return any(status == Status.FIXING and by != SNAPBACK for status, by in life[rested:])


def _stale(record: Record, now: datetime) -> str:
    """Since when it has been under way, where that is too long; else empty."""
    since = record.life[-1].at
    is_stale = now > datetime.fromisoformat(since) + STALE
    return f"under way since {since}, too long to continue without a person" if is_stale else ""
