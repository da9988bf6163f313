"""What an undo writes: Snapback's own edit taken back from the state as it is now, and what that opens again.

Nobody else's edit is overwritten without a person who saw it: a merged undo is shown first, and done with `force`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.core.errors import CannotAct, Drifted, StepRefused
from chalicelib.core.types import Status
from chalicelib.engine.context import describe_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.core.record import Record
    from chalicelib.core.resource import Resource
    from chalicelib.core.rule import Fix
    from chalicelib.core.types import State
    from chalicelib.engine.context import Context


class Undo(NamedTuple):
    """The state to write, and what the record's history says of it."""

    target: State
    note: str


def undo_of(context: Context, record: Record, fix: Fix[Any], resource: Resource, now: State, *, force: bool) -> Undo:
    """What an undo of this record writes. Raises Drifted, with what a forced undo would do, and CannotAct."""
    assert record.before is not None
    if now == record.left:
        return Undo(record.before, "")
    merged = fix.take_back(record.before, record.left, now) if record.left is not None else None
    ours = last_left(context, record, now)
    if ours and merged is not None:
        return Undo(merged, f"beside the fix of record {ours.id}")
    if ours and not force:
        raise CannotAct(
            f"record {record.id}: record {ours.id} ({ours.guardrail}) changed the same document later, in the same place; "
            f"undo that first: `snapback undo {ours.id}`"
        )
    if force:
        return Undo(record.before, "forced") if merged is None else Undo(merged, "forced, beside others' changes")
    raise _drifted(context, record, resource, now, merged)


def last_left(context: Context, record: Record, now: State) -> Record | None:
    """The record whose fix or undo, since this one's, left the document as it is now; then nobody else has changed it."""
    later = (each for each in _others(context, record) if each.life[-1].at > record.life[-1].at)
    return next((each for each in later if each.left is not None and _agree(each.left, now)), None)


def reopen(context: Context, record: Record, by: str) -> None:
    """After an undo: the records that say `fixed` of the same document, and aren't true any more, say so."""
    for other in _others(context, record):
        if other.status is not Status.FIXED:
            continue
        try:
            _, rule, resource = context.recalled(other.id)
            reason = rule(resource, context.reader(resource))
        except Exception as error:  # noqa: BLE001 - a record that can't be looked at may not say that it is fixed
            reason = f"it can't be looked at: {describe_error(error)}"
        if reason is None:
            continue
        note = f"{reason}; reopened by the undo of record {record.id}"
        try:
            context.ledger.move(other, Status.STILL_UNSAFE, by=by, note=note)
        except StepRefused:  # Somebody is at it, and will say what is true.
            continue


def _others(context: Context, record: Record) -> Iterator[Record]:
    """The latest records of the same document, the latest first."""
    for each in context.ledger.fixed(record.document) if record.document else ():
        if each != record.id and (found := context.ledger.get(each)):
            yield found


def _agree(one: State, other: State) -> bool:
    """Whether two fixes' states say the same of what both are about."""
    shared = one.keys() & other.keys()
    return bool(shared) and all(one[key] == other[key] for key in shared)


def _drifted(context: Context, record: Record, resource: Resource, now: State, merged: State | None) -> Drifted:
    from chalicelib.analysis.diff import changes

    since = record.life[-1].at
    who = context.who_changed(record, datetime.fromisoformat(since))
    lines = [
        f"record {record.id}: {resource.arn} changed since we left it at {since}, by "
        + (f"{who.name} ({who.tool or 'tool unknown'})" if who else "someone the trail doesn't name yet")
        + ("." if merged is not None else ". An undo would overwrite that; --force does it anyway."),
        *changes(record.left, now),
    ]
    if merged is not None:
        lines.append("An undo would take back Snapback's own edit and keep that change; --force does it:")
        lines += changes(now, merged)
        objecting = sorted({each.guardrail for each in _others(context, record) if each.status is Status.FIXED})
        if objecting:
            lines.append(f"Guardrails that are evaluated again after it: {', '.join([record.guardrail, *objecting])}")
    return Drifted("\n".join(lines))
