"""What an undo writes: Snapback's own edit taken back from the state as it is now, and what that opens again.

Nobody else's edit is overwritten without a person who saw it: a merged undo is shown first, and done as it was shown.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.core.errors import CannotAct, Drifted, StepRefused
from chalicelib.core.rule import FixContext
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


def undo_of(
    context: Context,
    record: Record,
    fix: Fix[Any],
    resource: Resource,
    now: State,
    *,
    force: bool = False,
    offered: str = "",
) -> Undo:
    """What an undo of this record writes. Raises Drifted, with what a forced undo would do, and CannotAct."""
    record = _with_added(record, fix, now)
    assert record.before is not None
    if now == record.left:
        if not force and (other := _leans_on(context, record)):
            raise _first(record, other, "depends on this fix")
        return Undo(record.before, "")
    merged = fix.take_back(record.before, record.left, now) if record.left is not None else None
    ours = last_left(context, record, now)
    if ours and merged is not None:
        return Undo(merged, f"keeping the fix of record {ours.id}")
    if not force and (other := ours or _still_there(context, record)):
        raise _first(record, other, "later changed the same part of the document")
    if offered and merged is not None and offered == _offer(now, merged):
        return Undo(merged, "keeping others' changes, as shown")
    if force:
        return Undo(record.before, "forced") if merged is None else Undo(merged, "forced, keeping others' changes")
    raise _drifted(context, record, resource, now, merged)


def _first(record: Record, other: Record, why: str) -> CannotAct:
    return CannotAct(
        f"record {record.id}: record {other.id} ({other.guardrail}) {why}; undo that record first: `snapback undo {other.id}`"
    )


def _leans_on(context: Context, record: Record) -> Record | None:
    """A later fix, of another resource, that found done what this one wrote: two leaked keys of a user share a policy."""
    before, left = record.before or {}, record.left or {}
    edited = [key for key in left if before.get(key) != left[key]]
    for each in _later(context, record):
        if each.status is not Status.FIXED or each.slot == record.slot or not each.before or not each.left:
            continue
        if any(key in each.left and each.before.get(key) == each.left[key] == left[key] for key in edited):
            return each
    return None


def _still_there(context: Context, record: Record) -> Record | None:
    """A later fix by Snapback whose part of the document is unchanged."""
    for each in _later(context, record):
        if each.status is not Status.FIXED:
            continue
        with suppress(Exception):  # A resource that is gone or unreadable explains nothing.
            _, rule, resource = context.recalled(each.id)
            assert rule.fix is not None
            if rule.fix.read(resource, context.reader(resource)) == each.left:
                return each
    return None


def _later(context: Context, record: Record) -> Iterator[Record]:
    return (each for each in _others(context, record) if each.life[-1].at > record.life[-1].at)


def last_left(context: Context, record: Record, now: State) -> Record | None:
    """The record whose fix or undo, since this one's, left the document as it is now; then nobody else has changed it."""
    later = _later(context, record)
    return next((each for each in later if each.left is not None and _agree(each.left, now)), None)


def reopen(context: Context, record: Record, by: str) -> None:
    """After an undo: the records that say `fixed` of the same document, and aren't true any more, say so."""
    for other in _others(context, record):
        if other.status is not Status.FIXED:
            continue
        try:
            _, rule, resource = context.recalled(other.id)
            reason = rule(resource, context.reader(resource))
        except Exception as error:  # noqa: BLE001 - a record of an unreadable resource may not stay `fixed`
            reason = f"Snapback can't check it: {describe_error(error)}"
        if reason is None:
            continue
        note = f"{reason}; reopened by the undo of record {record.id}"
        try:
            context.ledger.move(other, Status.STILL_UNSAFE, by=by, note=note)
        except StepRefused:  # Another function works on this record, and will write its status.
            continue


def _others(context: Context, record: Record) -> Iterator[Record]:
    """The latest records of the same document that can be read, the latest first."""
    for each in context.ledger.fixed(record.document) if record.document else ():
        if each != record.id and (found := context.ledger.known(each)):
            yield found


def _agree(one: State, other: State) -> bool:
    """Whether two fixes' states say the same of what both are about."""
    shared = one.keys() & other.keys()
    return bool(shared) and all(one[key] == other[key] for key in shared)


def _with_added(record: Record, fix: Fix[Any], now: State) -> Record:
    """The record with what is there now for the parts that states of earlier versions lack."""

    def filled(state: State | None) -> State | None:
        return state if state is None else {**{key: now[key] for key in fix.added if key in now}, **state}

    if not fix.added:
        return record
    return replace(record, before=filled(record.before), after=filled(record.after), undone=filled(record.undone))


def _offer(now: State, merged: State) -> str:
    return hashlib.blake2b(json.dumps([now, merged], sort_keys=True).encode(), digest_size=8).hexdigest()


def _drifted(context: Context, record: Record, resource: Resource, now: State, merged: State | None) -> Drifted:
    from chalicelib.analysis.diff import changes

    since = record.life[-1].at
    who = context.who_changed(record, datetime.fromisoformat(since))
    by = f"{who.name} ({who.tool or 'tool unknown'})" if who else "someone whom CloudTrail doesn't name yet"
    changed = f"record {record.id}: {resource.arn} was changed after Snapback's last write at {since}, by {by}."
    if merged is None:
        text = f"{changed} An undo would overwrite that change; --force overwrites it."
        return Drifted("\n".join([text, *changes(record.left, now)]))
    would = "An undo would take back Snapback's own edit and keep that change."
    if objecting := _objecting(context, record, resource, merged):
        would += f" After the undo, these guardrails would object: {', '.join(objecting)}."
    preview = changes(now, merged)
    text = "\n".join([changed, *changes(record.left, now), would, *preview, "--force does this."])
    return Drifted(text, _offer(now, merged), [f"{changed} {would}", *preview])


def _objecting(context: Context, record: Record, resource: Resource, merged: State) -> list[str]:
    """The guardrails whose fixes wrote this document, and would have something to make safe in a state."""
    made = FixContext(context.reader(resource).baseline, record.actor, record.event_time)
    found = set[str]()
    for each in (record, *_others(context, record)):
        rule: Any = context.rule(each.guardrail)
        if each.before is None or each.before.keys() != merged.keys() or rule.fix.safe(merged, made) != merged:
            found.add(each.guardrail)
    return sorted(found)
